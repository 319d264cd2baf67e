//! A workflow that calls the chat server over ESP.

use std::collections::VecDeque;
use std::time::Duration;

use confer_core::frame::esp::{Envelope, Event, Request, Request3rdServer};
use confer_core::frame::{ErrorId, Frame, KvList, KvValue};
use confer_core::id::SessionId;
use confer_core::machine::{Machine, Progress};
use confer_core::text::Str;
use confer_core::time::Instant;

use super::Center;
use crate::world::{ClientAction, ClientId, ClientInput};

/// How long a workflow waits before it connects again.
const PAUSE: Duration = Duration::from_secs(1);

/// A workflow of a world, to make calls with.
#[derive(Debug)]
pub struct Workflow {
    center: Center,
    client: ClientId<confer_esp::Client, Caller>,
}

/// What the workflow's end of the connection knows.
#[derive(Debug, Default)]
pub struct Caller {
    online: bool,
    waiting: VecDeque<Frame<Request>>,
    answers: Vec<Frame<Event>>,
    next_reference: u32,
    actions: VecDeque<ClientAction<Request>>,
}

impl Workflow {
    /// A workflow that is connected.
    pub fn new(center: &Center) -> Self {
        let client = center.world_mut().client(center.server(), Caller::default());
        Self { center: center.clone(), client }
    }

    /// The connection breaks.
    pub fn is_cut_off(&self) {
        self.center.world_mut().cut(&self.client);
        self.center.settle();
    }

    /// Every answer, in the order they came.
    pub fn answers(&self) -> Vec<Frame<Event>> {
        self.center.world().look(&self.client).answers.clone()
    }

    /// Makes a call; its reference.
    pub fn sends(&self, call: Request3rdServer) -> u32 {
        self.center.world_mut().with(&self.client, |caller, _| caller.ask(call))
    }

    /// The outputs of the call with this reference, or the fault, if it is answered by now.
    pub fn answer(&self, reference: u32) -> Option<Result<KvList, ErrorId>> {
        let answers = self.answers();
        let answer = answers.iter().find(|frame| frame.reference == reference)?;
        Some(outcome(&answer.body))
    }

    /// Makes a call about this session and waits until nothing is under way: the outputs.
    ///
    /// # Errors
    ///
    /// The fault.
    ///
    /// # Panics
    ///
    /// Without an answer by then.
    #[track_caller]
    pub fn calls(
        &self,
        session: &SessionId,
        method: &str,
        parameters: &[(&str, &str)],
    ) -> Result<KvList, ErrorId> {
        self.makes(about(session, method, parameters))
    }

    /// Makes any call and waits until nothing is under way: the outputs.
    ///
    /// # Errors
    ///
    /// The fault.
    ///
    /// # Panics
    ///
    /// Without an answer by then.
    #[track_caller]
    pub fn makes(&self, call: Request3rdServer) -> Result<KvList, ErrorId> {
        let reference = self.sends(call);
        self.center.settle();
        match self.answer(reference) {
            Some(outcome) => outcome,
            None => panic!("no answer to {reference}:\n{}", self.center.world().log),
        }
    }
}

/// A call about this session.
pub fn about(session: &SessionId, method: &str, parameters: &[(&str, &str)]) -> Request3rdServer {
    let mut list = text_list(parameters);
    list.push("InteractionId", session.as_str());
    call("Chat", method, list, None)
}

/// A call.
pub fn call(
    service: &str,
    method: &str,
    parameters: KvList,
    user_data: Option<KvList>,
) -> Request3rdServer {
    let envelope = Envelope {
        app_name: None,
        app_type: Some(Str::new("ChatServer")),
        service: Str::new(service),
        method: Str::new(method),
        version: Str::new(Envelope::VERSION),
        parameters,
    };
    Request3rdServer { envelope, user_data }
}

/// A list of texts.
pub fn text_list(entries: &[(&str, &str)]) -> KvList {
    let mut list = KvList::new();
    for (key, value) in entries {
        list.push(key, *value);
    }
    list
}

/// A number among the outputs.
///
/// # Panics
///
/// If there is none.
pub fn number(outputs: &KvList, key: &str) -> i32 {
    match outputs.value(key) {
        Some(KvValue::Int(number)) => *number,
        other => panic!("{key} is {other:?}"),
    }
}

fn outcome(event: &Event) -> Result<KvList, ErrorId> {
    match event {
        Event::Event3rdServerResponse(envelope) => Ok(envelope.parameters.clone()),
        Event::Event3rdServerFault(envelope) => {
            let code = number(&envelope.parameters, "FaultCode");
            assert!(envelope.parameters.text("FaultString").is_some(), "{envelope:?}");
            Err(ErrorId::from_number(code).unwrap_or_else(|| panic!("fault {code}")))
        }
    }
}

impl Caller {
    fn ask(&mut self, call: Request3rdServer) -> u32 {
        self.next_reference += 1;
        let frame = Frame::new(self.next_reference, Request::Request3rdServer(call));
        if self.online {
            self.actions.push_back(ClientAction::Send(frame));
        } else {
            self.waiting.push_back(frame);
        }
        self.next_reference
    }
}

impl Machine for Caller {
    type Input = ClientInput<Event>;
    type Action = ClientAction<Request>;

    fn handle(&mut self, input: Self::Input, _: Instant) {
        match input {
            ClientInput::Opened => {
                self.online = true;
                self.actions.extend(self.waiting.drain(..).map(ClientAction::Send));
            }
            ClientInput::Closed => {
                self.online = false;
                self.actions.push_back(ClientAction::Connect(PAUSE));
            }
            ClientInput::Frame(frame) => {
                let again = self.answers.iter().any(|there| there.reference == frame.reference);
                assert!(!again || frame.reference == 0, "answered twice: {frame:?}");
                self.answers.push(frame);
            }
            ClientInput::Malformed(malformed) => panic!("{malformed:?}"),
        }
    }

    fn handle_timeout(&mut self, _: Instant, _: usize) -> Progress {
        Progress::Idle
    }

    fn poll_action(&mut self) -> Option<Self::Action> {
        self.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
