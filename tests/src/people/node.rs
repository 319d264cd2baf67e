//! A gateway node: holds a connection open for the pushes of many customers, and checks what it gets
//! against the promises of the protocol.

use std::collections::{BTreeMap, VecDeque};

use confer_core::frame::flex::{
    Event, EventPush, EventStatus, Request, RequestAlive, RequestNode, RequestPush,
};
use confer_core::frame::{ErrorId, Frame, PushMode};
use confer_core::id::{EventId, UserId};
use confer_core::machine::{Machine, Progress};
use confer_core::text::Str;
use confer_core::time::Instant;

use super::Center;
use super::visitor::{Customer, error, line};
use crate::world::{ClientAction, ClientId, ClientInput, Reading};

/// A gateway node of a world.
#[derive(Debug)]
pub struct Node {
    center: Center,
    client: ClientId<confer_flex::Client, Gateway>,
}

/// What the node's end of the connection knows.
#[derive(Debug, Default)]
pub struct Gateway {
    online: bool,
    waiting: VecDeque<Frame<Request>>,
    answers: BTreeMap<u32, EventStatus>,
    pushes: Vec<EventPush>,
    queries: Vec<UserId>,
    /// The last event that was pushed for each user.
    positions: BTreeMap<UserId, EventId>,
    next_reference: u32,
    actions: VecDeque<ClientAction<Request>>,
}

impl Node {
    /// A connection that has not said that it is a node's.
    pub fn silent(center: &Center) -> Self {
        let client = center.world_mut().client(center.server(), Gateway::default());
        Self { center: center.clone(), client }
    }

    /// A node of this group.
    ///
    /// # Panics
    ///
    /// If it is refused.
    #[track_caller]
    pub fn new(center: &Center, group: &str, name: &str) -> Self {
        let node = Self::silent(center);
        assert_eq!(error(&node.asks(request_node(group, name))), None);
        node
    }

    /// Makes a request; its reference.
    pub fn sends(&self, request: Request) -> u32 {
        self.center.world_mut().with(&self.client, |gateway, _| gateway.ask(request))
    }

    /// The answer to the request with this reference, if there is one by now.
    pub fn answer(&self, reference: u32) -> Option<EventStatus> {
        self.center.world().look(&self.client).answers.get(&reference).cloned()
    }

    /// Makes a request and waits until nothing is under way.
    ///
    /// # Panics
    ///
    /// Without an answer by then.
    #[track_caller]
    pub fn asks(&self, request: Request) -> EventStatus {
        let reference = self.sends(request);
        self.center.settle();
        match self.answer(reference) {
            Some(status) => status,
            None => panic!("no answer to {reference}:\n{}", self.center.world().log),
        }
    }

    /// Asks for something that is refused with this id.
    ///
    /// # Panics
    ///
    /// If it is granted, or refused otherwise.
    #[track_caller]
    pub fn is_refused(&self, id: ErrorId, request: Request) {
        assert_eq!(error(&self.asks(request)), Some(id));
    }

    /// The connection breaks.
    pub fn is_cut_off(&self) {
        self.center.world_mut().cut(&self.client);
        self.center.settle();
    }

    /// Stops reading, or goes on.
    pub fn reads(&self, reading: Reading) {
        self.center.world_mut().reading(&self.client, reading);
    }
}

/// What nodes do.
impl Node {
    /// Subscribes a customer.
    ///
    /// # Panics
    ///
    /// If that is refused.
    #[track_caller]
    pub fn subscribes(&self, customer: &Customer) {
        assert_eq!(error(&self.asks(request_push(customer, PushMode::Subscribe))), None);
    }

    /// Ends a subscription.
    ///
    /// # Panics
    ///
    /// If that is refused.
    #[track_caller]
    pub fn unsubscribes(&self, customer: &Customer) {
        assert_eq!(error(&self.asks(request_push(customer, PushMode::Unsubscribe))), None);
    }

    /// Says whether a customer is still there.
    ///
    /// # Panics
    ///
    /// If that is refused.
    #[track_caller]
    pub fn says_alive(&self, customer: &Customer, alive: bool) {
        assert_eq!(error(&self.asks(request_alive(customer, alive))), None);
    }

    /// The pushes it got since last asked.
    pub fn pushes(&self) -> Vec<EventPush> {
        self.center.settle();
        let mut world = self.center.world_mut();
        world.with(&self.client, |gateway, _| std::mem::take(&mut gateway.pushes))
    }

    /// The one push it got since last asked.
    ///
    /// # Panics
    ///
    /// If it was none, or several.
    #[track_caller]
    pub fn push(&self) -> EventPush {
        let pushes = self.pushes();
        let [push] = &pushes[..] else { panic!("{} pushes: {pushes:?}", pushes.len()) };
        push.clone()
    }

    /// The events that were pushed since last asked, in words.
    pub fn pushed(&self) -> Vec<String> {
        self.pushes().iter().flat_map(lines).collect()
    }

    /// The users it was asked about since last asked.
    pub fn queries(&self) -> Vec<UserId> {
        self.center.settle();
        let mut world = self.center.world_mut();
        world.with(&self.client, |gateway, _| std::mem::take(&mut gateway.queries))
    }
}

/// Makes a connection a node's.
pub fn request_node(group: &str, name: &str) -> Request {
    let (node_group, node_name) = (Str::new(group), Str::new(name));
    Request::RequestNode(RequestNode { node_group, node_name })
}

/// Subscribes a customer, or ends that.
///
/// # Panics
///
/// If the customer has not logged in.
pub fn request_push(customer: &Customer, push_mode: PushMode) -> Request {
    let visitor = customer.look();
    Request::RequestPush(RequestPush {
        user_id: visitor.user_id.clone().expect("logged in"),
        secure_key: visitor.secure_key.clone().expect("logged in"),
        session_id: None,
        push_mode,
    })
}

/// Says whether a customer is still there.
///
/// # Panics
///
/// If the customer has not logged in.
pub fn request_alive(customer: &Customer, alive: bool) -> Request {
    let user_id = customer.look().user_id.clone().expect("logged in");
    Request::RequestAlive(RequestAlive { user_id, alive })
}

/// The events of a push, in words.
pub fn lines(push: &EventPush) -> Vec<String> {
    push.chat_transcript.iter().flat_map(|there| there.events.iter()).map(line).collect()
}

impl Gateway {
    fn ask(&mut self, request: Request) -> u32 {
        self.next_reference += 1;
        let frame = Frame::new(self.next_reference, request);
        if self.online {
            self.actions.push_back(ClientAction::Send(frame));
        } else {
            self.waiting.push_back(frame);
        }
        self.next_reference
    }

    /// Takes a push, and holds it against what wire §4.2 promises.
    fn take(&mut self, push: EventPush) {
        // B10.4: content, or the news that there is some.
        assert_eq!(push.chat_transcript.is_none(), push.notify_attempt.is_some(), "{push:?}");
        assert!(push.session_status.is_some(), "{push:?}");
        if let Some(transcript) = &push.chat_transcript {
            assert_eq!(transcript.session_id, push.session_id);
            let position = self.positions.entry(push.user_id.clone()).or_default();
            for event in transcript.events.iter() {
                // B5.3
                assert!(event.event_id > *position, "{event:?} after {position}");
                *position = event.event_id;
                assert!(event.party.is_some() && event.participant_no.is_some(), "{event:?}");
            }
        }
        self.pushes.push(push);
    }
}

impl Machine for Gateway {
    type Input = ClientInput<Event>;
    type Action = ClientAction<Request>;

    fn handle(&mut self, input: Self::Input, _: Instant) {
        match input {
            ClientInput::Opened => {
                self.online = true;
                self.actions.extend(self.waiting.drain(..).map(ClientAction::Send));
            }
            ClientInput::Closed => self.online = false,
            ClientInput::Frame(Frame { reference, body: Event::EventStatus(status) }) => {
                let former = self.answers.insert(reference, status);
                assert!(reference != 0 && former.is_none(), "an answer too many: {former:?}");
            }
            ClientInput::Frame(Frame { reference, body }) => {
                assert_eq!(reference, 0, "{body:?}");
                match body {
                    Event::EventPush(push) => self.take(push),
                    Event::EventPushQuery(query) => self.queries.push(query.user_id),
                    Event::EventStatus(_) => unreachable!("is matched above"),
                }
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
