//! A contact center of any size: in every session a customer, and an agent who is in ten.

#![allow(dead_code, reason = "each program uses a part of it")]
#![allow(clippy::wildcard_enum_match_arm, reason = "it wants one answer among many")]

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;

use confer_core::ask::Outcome;
use confer_core::config::Config;
use confer_core::door::{Action, Input, LinkChange, Trust};
use confer_core::frame::basic::{
    self, RequestJoin, RequestMessage, RequestRegister, RequestReleaseParty,
};
use confer_core::frame::flex::{self, EventStatus, RequestLogin, RequestRefresh};
use confer_core::frame::{Event, Frame, KvList, Request, UserType};
use confer_core::id::{EventId, LinkId, OpId, PortId, SessionId, UserId};
use confer_core::machine::Machine as _;
use confer_core::pii::{Pii, Secret};
use confer_core::server::Server;
use confer_core::text::{Str, Text};
use confer_core::time::{Instant, Wall};

/// Sessions an agent is in.
const SESSIONS_PER_AGENT: usize = 10;
/// Customers behind one gateway node.
const CUSTOMERS_PER_NODE: usize = 1000;
/// What everybody says: 60 characters.
const WORDS: &str = "I ordered it three weeks ago and it still has not arrived :(";
/// From one session to the next one that has its turn: a prime, so that each has one turn in a
/// round, and a large one, so that they lie far apart.
const STRIDE: usize = 7_368_787;

/// How the customers come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Customers {
    /// Each over a basic connection of its own.
    Basic,
    /// On flex: each says and hears everything by refreshing.
    Flex,
    /// As `Flex`, in async sessions.
    Async,
}

/// What is stored (`transcript-auto-save`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saves {
    /// Every event, before anybody is told of it: the default. The store answers at once.
    EveryEvent,
    /// The whole transcript, at the close.
    AtClose,
}

/// A server with sessions in it, and everybody who is in them.
pub(crate) struct Scene {
    server: Server,
    customers: Customers,
    sessions: Vec<Seats>,
    /// What the server asked, and was not answered yet.
    asked: VecDeque<OpId>,
    millis: u64,
    reference: u32,
    /// Messages so far.
    turn: usize,
}

/// The two in a session.
struct Seats {
    session: SessionId,
    agent: LinkId,
    customer: LinkId,
    user: Option<User>,
}

/// A customer on flex, and the last event it has.
struct User {
    user_id: UserId,
    secure_key: Secret,
    last: EventId,
}

impl Scene {
    /// So many sessions, in which nothing was said yet.
    pub(crate) fn new(sessions: usize, customers: Customers, saves: Saves) -> Self {
        let mut config = Config::default();
        if saves == Saves::AtClose {
            let set = config.set("settings", "transcript-auto-save", "0");
            assert_eq!(set, Ok(None), "a legal option");
        }
        let wall = Wall::new(Instant::ZERO, 1_705_312_800_000);
        let mut scene = Self {
            server: Server::new(Arc::new(config), [7; 32], wall, Instant::ZERO),
            customers,
            sessions: Vec::with_capacity(sessions),
            asked: VecDeque::with_capacity(16),
            millis: 0,
            reference: 0,
            turn: 0,
        };
        (0..sessions).for_each(|number| scene.open(number));
        scene
    }

    /// The next message is handled, and everybody hears of it who is to.
    pub(crate) fn relay(&mut self) {
        let (index, input) = self.message();
        let (mut heard, mut last) = (0, None);
        self.handle(input, |event| {
            heard += 1;
            if let Event::Flex(flex::Event::EventStatus(status)) = event {
                last = status.last_position;
            }
        });
        // The speaker is answered; the other is told at once, or when it asks.
        let waits = self.customers != Customers::Basic && self.is_agents_turn();
        assert_eq!(heard, if waits { 1 } else { 2 });
        if let (Some(user), Some(last)) = (&mut self.sessions[index].user, last) {
            user.last = last;
        }
        self.turn += 1;
    }

    /// The next message is only made, and the bench's own part of [`Scene::relay`] is done.
    pub(crate) fn prepare(&mut self) {
        let (index, input) = self.message();
        black_box((&self.sessions[index], input));
        self.turn += 1;
    }

    /// Agents and customers in turn say something in every session, so many times.
    pub(crate) fn rounds(&mut self, rounds: usize) {
        (0..rounds * self.sessions.len()).for_each(|_| self.relay());
    }

    /// The next message as it comes from a codec, and in which session it is said.
    fn message(&mut self) -> (usize, Input) {
        // As on a server that relays 100,000 messages a second.
        if self.turn.is_multiple_of(100) {
            self.millis += 1;
        }
        self.reference += 1;
        let index = self.turn * STRIDE % self.sessions.len();
        let Seats { session, agent, customer, user } = &self.sessions[index];
        let (link, body) = match user {
            Some(user) if !self.is_agents_turn() => {
                let refresh = RequestRefresh {
                    user_id: user.user_id.clone(),
                    secure_key: user.secure_key.clone(),
                    session_id: Some(session.clone()),
                    last_position: Some(user.last),
                    message_text: Some(Text::new(WORDS)),
                    message_type: None,
                    user_data: None,
                    event_attributes: None,
                    request_key: None,
                };
                (*customer, flex::Request::RequestRefresh(refresh).into())
            }
            Some(_) | None => {
                let message = RequestMessage {
                    session_id: session.clone(),
                    message_text: Text::new(WORDS),
                    message_type: None,
                    treat_as: None,
                    visibility: None,
                    receiver_id: None,
                    user_data: None,
                    event_attributes: None,
                    request_key: None,
                };
                let link = if self.is_agents_turn() { *agent } else { *customer };
                (link, basic::Request::RequestMessage(message).into())
            }
        };
        (index, Input::Frame { link, frame: Frame::new(self.reference, body) })
    }

    /// Every agent leaves every session, which goes on without.
    #[allow(dead_code, reason = "the bench of memory wants it, the others do not")]
    pub(crate) fn agents_leave(&mut self) {
        for index in 0..self.sessions.len() {
            let Seats { session, agent, .. } = &self.sessions[index];
            let release = RequestReleaseParty {
                session_id: session.clone(),
                user_id: None,
                after_action: None,
                message_text: None,
                user_data: None,
            };
            let agent = *agent;
            self.ask(agent, basic::Request::RequestReleaseParty(release).into());
        }
    }

    /// What the scene itself has allocated, the server left out, in bytes.
    pub(crate) fn own_bytes(&self) -> usize {
        let keys = self.sessions.iter().filter_map(|seats| seats.user.as_ref());
        let keys: usize = keys.map(|user| user.secure_key.reveal().len()).sum();
        self.sessions.capacity() * size_of::<Seats>()
            + self.asked.capacity() * size_of::<OpId>()
            + keys
    }

    fn is_agents_turn(&self) -> bool {
        (self.turn / self.sessions.len()).is_multiple_of(2)
    }

    /// The server handles something, and all that follows from it, until everybody was told.
    fn handle(&mut self, input: Input, mut hear: impl FnMut(&Event)) {
        let now = Instant::from_millis(self.millis);
        server_handle(&mut self.server, input, now);
        loop {
            while let Some(action) = server_poll(&mut self.server) {
                match action {
                    Action::Send { frame, .. } => hear(&black_box(&frame).body),
                    Action::Ask { op, request } => {
                        black_box(request);
                        self.asked.push_back(op);
                    }
                    Action::Close { .. } | Action::Report(_) => unreachable!("all behave"),
                }
            }
            let Some(op) = self.asked.pop_front() else { return };
            server_handle(&mut self.server, Input::Done { op, outcome: Outcome::Done }, now);
        }
    }
}

/// How it all begins.
impl Scene {
    fn open(&mut self, number: usize) {
        let agent = link(1, number / SESSIONS_PER_AGENT);
        if number.is_multiple_of(SESSIONS_PER_AGENT) {
            self.register(agent, "Agent", UserType::Agent);
        }
        let (session, customer, user) = match self.customers {
            Customers::Basic => {
                let customer = link(2, number);
                self.register(customer, "Customer", UserType::Client);
                (self.join(customer, None), customer, None)
            }
            Customers::Flex | Customers::Async => {
                let node = link(3, number / CUSTOMERS_PER_NODE);
                if number.is_multiple_of(CUSTOMERS_PER_NODE) {
                    self.connect(node, PortId::Webapi);
                }
                let (session, user) = self.join_flex(node);
                (session, node, Some(user))
            }
        };
        self.join(agent, Some(session.clone()));
        self.sessions.push(Seats { session, agent, customer, user });
    }

    fn register(&mut self, link: LinkId, nickname: &str, user_type: UserType) {
        self.connect(link, PortId::Default);
        let register = RequestRegister {
            user_nickname: Pii::new(Str::new(nickname)),
            user_type,
            person_id: None,
            time_zone_offset: None,
            client_version: Some(106),
            user_data: None,
            max_frame: None,
        };
        self.ask(link, basic::Request::RequestRegister(register).into());
    }

    fn join(&mut self, link: LinkId, session_id: Option<SessionId>) -> SessionId {
        let join = RequestJoin { session_id, ..RequestJoin::default() };
        match self.ask(link, basic::Request::RequestJoin(join).into()) {
            Event::Basic(basic::Event::EventSessionInfo(info)) => info.session_id,
            other => panic!("a Join was answered with {other:?}"),
        }
    }

    fn join_flex(&mut self, node: LinkId) -> (SessionId, User) {
        let login = RequestLogin {
            user_nickname: Pii::new(Str::new("Customer")),
            time_zone_offset: None,
            person_id: None,
            client_version: Some(106),
            user_data: None,
        };
        let login = self.ask_flex(node, flex::Request::RequestLogin(login));
        let (Some(user_id), Some(secure_key)) = (login.user_id, login.secure_key) else {
            panic!("a Login is answered with id and key");
        };
        let is_async = self.customers == Customers::Async;
        let join = flex::RequestJoin {
            user_id: user_id.clone(),
            secure_key: secure_key.clone(),
            session_id: None,
            queue_key: None,
            subject: None,
            message_text: None,
            user_data: is_async.then(|| KvList::from([("GCTI_Chat_AsyncMode", "true".into())])),
            request_key: None,
        };
        let join = self.ask_flex(node, flex::Request::RequestJoin(join));
        let (Some(session), Some(last)) = (join.session_id, join.last_position) else {
            panic!("a Join is answered with session and position");
        };
        (session, User { user_id, secure_key, last })
    }

    fn ask_flex(&mut self, node: LinkId, request: flex::Request) -> EventStatus {
        match self.ask(node, request.into()) {
            Event::Flex(flex::Event::EventStatus(status)) => status,
            other => panic!("answered with {other:?}"),
        }
    }

    fn connect(&mut self, link: LinkId, port: PortId) {
        let change = LinkChange::Opened { port, trust: Trust::Open };
        self.handle(Input::Link { link, change }, |_| unreachable!("nobody asked"));
    }

    /// What is told last is the answer.
    fn ask(&mut self, link: LinkId, body: Request) -> Event {
        self.reference += 1;
        let mut answer = None;
        let frame = Frame::new(self.reference, body);
        self.handle(Input::Frame { link, frame }, |event| answer = Some(event.clone()));
        answer.expect("everything is answered")
    }
}

/// What the server does and nothing else, by a name that callgrind finds.
#[inline(never)]
fn server_handle(server: &mut Server, input: Input, now: Instant) {
    server.handle(input, now);
}

#[inline(never)]
fn server_poll(server: &mut Server) -> Option<Action> {
    server.poll_action()
}

/// Connections of three kinds, numbered without a clash.
fn link(kind: u64, number: usize) -> LinkId {
    LinkId(kind << 32 | number as u64)
}
