//! Clients for the simulated world that know no more than they need to.

use std::collections::VecDeque;

use std::time::Duration;

use confer_core::frame::{EventBody, Frame, UserType, basic};
use confer_core::id::SessionId;
use confer_core::machine::{Machine, Progress};
use confer_core::pii::Pii;
use confer_core::text::{Str, Text};
use confer_core::time::Instant;

use crate::world::{ClientAction, ClientInput};

/// How long a talker waits for an answer before it takes the connection for lost.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long it waits before it connects again.
pub const PAUSE: Duration = Duration::from_millis(500);

/// Somebody on the basic protocol who says one thing after the other, each once the one before was
/// answered, and never gives up.
#[derive(Debug)]
pub struct Talker {
    nickname: String,
    /// What is still to be said; the first may be on its way.
    to_say: VecDeque<String>,
    /// What came back, in order.
    pub heard: Vec<String>,
    /// The session each of these was said in.
    pub sessions: Vec<SessionId>,
    /// Connections that were lost.
    pub losses: u32,
    session: Option<SessionId>,
    online: bool,
    /// The request that has no answer yet.
    pending: Option<(u32, Instant)>,
    next_reference: u32,
    actions: VecDeque<ClientAction<basic::Request>>,
}

impl Talker {
    /// Somebody with this name and nothing to say.
    pub fn new(nickname: &str) -> Self {
        Self {
            nickname: nickname.to_owned(),
            to_say: VecDeque::new(),
            heard: Vec::new(),
            sessions: Vec::new(),
            losses: 0,
            session: None,
            online: false,
            pending: None,
            next_reference: 0,
            actions: VecDeque::new(),
        }
    }

    /// Says this, when all before it was answered.
    pub fn say(&mut self, text: &str, now: Instant) {
        self.to_say.push_back(text.to_owned());
        self.go_on(now);
    }

    /// Whether everything was answered.
    pub fn is_content(&self) -> bool {
        self.to_say.is_empty()
    }

    fn go_on(&mut self, now: Instant) {
        let (true, None) = (self.online, self.pending) else { return };
        match (&self.session, self.to_say.front()) {
            (None, _) => {
                let join = basic::RequestJoin::default();
                self.ask(basic::Request::RequestJoin(join), now);
            }
            (Some(session_id), Some(text)) => {
                let message = basic::RequestMessage {
                    session_id: session_id.clone(),
                    message_text: Text::new(text),
                    message_type: None,
                    treat_as: None,
                    visibility: None,
                    receiver_id: None,
                    user_data: None,
                    event_attributes: None,
                    request_key: None,
                };
                self.ask(basic::Request::RequestMessage(message), now);
            }
            (Some(_), None) => {}
        }
    }

    fn ask(&mut self, request: basic::Request, now: Instant) {
        self.next_reference += 1;
        self.pending = Some((self.next_reference, now + PATIENCE));
        self.actions.push_back(ClientAction::Send(Frame::new(self.next_reference, request)));
    }

    fn answer(&mut self, event: basic::Event, now: Instant) {
        self.pending = None;
        match event {
            basic::Event::EventRegistered(_) => self.online = true,
            basic::Event::EventSessionInfo(info) => {
                for event in info.chat_transcript.events.iter() {
                    if let EventBody::Message(message) = &event.body {
                        self.heard.push(message.message_text.reveal().to_owned());
                        self.sessions.push(info.session_id.clone());
                        self.to_say.pop_front();
                    }
                }
                self.session = Some(info.session_id);
            }
            basic::Event::EventUnregistered | basic::Event::EventError(_) => {}
        }
        self.go_on(now);
    }
}

impl Machine for Talker {
    type Input = ClientInput<basic::Event>;
    type Action = ClientAction<basic::Request>;

    fn handle(&mut self, input: Self::Input, now: Instant) {
        match input {
            ClientInput::Opened => {
                let register = basic::RequestRegister {
                    user_nickname: Pii::new(Str::new(&self.nickname)),
                    user_type: UserType::Agent,
                    person_id: None,
                    time_zone_offset: None,
                    client_version: Some(106),
                    user_data: None,
                    max_frame: None,
                };
                self.ask(basic::Request::RequestRegister(register), now);
            }
            ClientInput::Closed => {
                self.online = false;
                self.session = None;
                self.pending = None;
                self.losses += 1;
                self.actions.push_back(ClientAction::Connect(PAUSE));
            }
            ClientInput::Frame(Frame { reference, body }) => {
                if self.pending.is_some_and(|pending| pending.0 == reference) {
                    self.answer(body, now);
                }
            }
            ClientInput::Malformed(_) => {}
        }
    }

    fn handle_timeout(&mut self, now: Instant, _: usize) -> Progress {
        if self.pending.is_some_and(|(_, until)| until <= now) {
            self.pending = None;
            self.actions.push_back(ClientAction::Close);
        }
        Progress::Idle
    }

    fn poll_action(&mut self) -> Option<Self::Action> {
        self.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.pending.map(|(_, until)| until)
    }
}

/// A client of any protocol that makes its requests one after the other and keeps the answers.
#[derive(Debug)]
pub struct Script<R, E> {
    requests: VecDeque<R>,
    /// What the server said, in order.
    pub answers: Vec<Frame<E>>,
    next_reference: u32,
    actions: VecDeque<ClientAction<R>>,
}

impl<R, E> Script<R, E> {
    /// Makes these requests.
    pub fn new(requests: impl IntoIterator<Item = R>) -> Self {
        Self {
            requests: requests.into_iter().collect(),
            answers: Vec::new(),
            next_reference: 0,
            actions: VecDeque::new(),
        }
    }

    fn go_on(&mut self) {
        if let Some(request) = self.requests.pop_front() {
            self.next_reference += 1;
            self.actions.push_back(ClientAction::Send(Frame::new(self.next_reference, request)));
        }
    }
}

impl<R, E> Machine for Script<R, E> {
    type Input = ClientInput<E>;
    type Action = ClientAction<R>;

    fn handle(&mut self, input: Self::Input, _: Instant) {
        match input {
            ClientInput::Opened => self.go_on(),
            ClientInput::Frame(frame) => {
                self.answers.push(frame);
                self.go_on();
            }
            ClientInput::Closed | ClientInput::Malformed(_) => {}
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
