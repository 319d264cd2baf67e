//! Everybody who puts load on the server, without a socket or a clock: what came in and the time go
//! in, what is to be done comes out.
//!
//! A run has [phases](Phase): everybody connects, the dormant sessions are made, and in the closed
//! scenario all sessions; then the people talk, and after a while what they do is measured.

mod closed;
mod dormant;
mod guide;
mod people;
mod requests;

use alloc::collections::{BinaryHeap, VecDeque};
use core::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use confer_core::frame::{Event, Frame, Request, basic, flex};
use confer_core::id::{PortId, SessionId};

use super::Progress;
use super::lines::Listener;
use super::plan::{Customers, Plan};
use super::report::Report;
use super::tally::{Tally, Trouble};
use super::words::Side;

use dormant::Dormant;
use people::{Closing as _, Session, Stage, User};
use requests::Reference;

pub(super) use requests::bare_sizes;
#[cfg(test)]
pub(super) use requests::request_chat;

/// Connections that are being made at a time.
const CONNECTING: usize = 64;
/// How often it is looked whether something takes too long.
const SWEEP: Duration = Duration::from_millis(250);

/// What happens in a run, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Connections are made.
    Connecting,
    /// Dormant sessions are made.
    Falling,
    /// The sessions of the closed scenario are made.
    Gathering,
    /// They talk, and nothing is measured yet.
    WarmingUp,
    /// They talk, and it is measured.
    Measuring,
    /// The customers log out.
    Leaving,
    /// That was it.
    Over,
}

impl Phase {
    const fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Falling => "falling asleep",
            Self::Gathering => "gathering",
            Self::WarmingUp => "warming up",
            Self::Measuring => "measuring",
            Self::Leaving => "leaving",
            Self::Over => "over",
        }
    }
}

/// What is to be done with connections, which are numbered from 0.
#[derive(Debug)]
pub(super) enum Action {
    Open { line: usize, port: PortId },
    Send { line: usize, said: Said },
    Close { line: usize },
}

/// What goes out.
#[derive(Debug)]
pub(super) enum Said {
    Frame(Frame<Request>),
    /// A frame for the relay.
    Bare(String),
}

/// What came in.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "an event is the common one")]
pub(super) enum Heard {
    Event(Frame<Event>),
    /// A frame of the relay.
    Bare(String),
}

/// Who is at this end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The customer of this session.
    Customer(u32),
    Agent(u32),
    Gateway(u32),
}

/// How a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Waiting,
    /// Being made, since then.
    Connecting(Duration),
    /// Saying who it is, since then.
    Introducing(Duration),
    Ready,
    Gone,
}

impl Line {
    /// Since when it is on the way to being ready.
    const fn opening_since(self) -> Option<Duration> {
        match self {
            Self::Connecting(since) | Self::Introducing(since) => Some(since),
            Self::Waiting | Self::Ready | Self::Gone => None,
        }
    }
}

/// Everybody.
pub(super) struct Crowd {
    plan: Plan,
    phase: Phase,
    /// When the next phase begins, whatever happens.
    until: Option<Duration>,
    /// When measuring began, and how long it took once it is over.
    measured: (Duration, Duration),
    early: bool,
    lines: Vec<Line>,
    /// The next line to be opened.
    next_line: usize,
    opening: usize,
    open: usize,
    sessions: Vec<Session>,
    by_id: HashMap<SessionId, u32>,
    /// When each session wants to go on; an entry that is not its newest means nothing.
    wakes: BinaryHeap<Reverse<(Duration, u32)>>,
    /// The next session to be made in the closed scenario, and those under way.
    gathered: u32,
    gathering: u32,
    /// Sessions whose turn it is to say something, at a rate.
    idle: VecDeque<u32>,
    /// Messages said at a rate, since when.
    issued: (u64, Duration),
    dormants: Vec<Dormant>,
    next_dormant: usize,
    falling: usize,
    /// Logouts that are not answered yet.
    farewells: usize,
    /// Numbers of answers to push queries.
    alive: u32,
    sweep_at: Duration,
    actions: VecDeque<Action>,
    tally: Tally,
}

impl Crowd {
    /// Nobody has come yet.
    pub(super) fn new(plan: Plan) -> Self {
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let mut crowd = Self {
            phase: Phase::Connecting,
            until: None,
            measured: (Duration::ZERO, Duration::ZERO),
            early: false,
            lines: vec![Line::Waiting; count(plan.connections())],
            next_line: 0,
            opening: 0,
            open: 0,
            sessions: (0..plan.sessions).map(|_| Session::new()).collect(),
            by_id: HashMap::new(),
            wakes: BinaryHeap::new(),
            gathered: 0,
            gathering: 0,
            idle: VecDeque::new(),
            issued: (0, Duration::ZERO),
            dormants: (0..plan.dormant()).map(|_| Dormant::new()).collect(),
            next_dormant: 0,
            falling: 0,
            farewells: 0,
            alive: 0,
            sweep_at: SWEEP,
            actions: VecDeque::new(),
            tally: Tally::new(),
            plan,
        };
        crowd.connect(Duration::ZERO);
        crowd
    }

    pub(super) const fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) const fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        let wake = self.wakes.peek().map(|Reverse((at, _))| *at);
        [wake, self.until, self.next_issue(), Some(self.sweep_at)].into_iter().flatten().min()
    }

    /// Whatever is due by now happens.
    pub(super) fn handle_timeout(&mut self, now: Duration) {
        while let Some(Reverse((at, session))) = self.wakes.peek().copied()
            && at <= now
        {
            self.wakes.pop();
            if self.phase < Phase::Leaving {
                self.wake(session, at, now);
            }
        }
        self.issue(now);
        if self.sweep_at <= now {
            self.sweep_at = now + SWEEP;
            self.sweep(now);
        }
        if self.until.is_some_and(|until| until <= now) {
            self.next_phase(now);
        }
    }

    /// Everybody goes; `early`: before the time.
    pub(super) fn leave(&mut self, early: bool, now: Duration) {
        if self.phase >= Phase::Leaving {
            return;
        }
        self.end_measuring(now);
        self.early = early;
        self.phase = Phase::Leaving;
        self.until = Some(now + self.plan.patience);
        self.say_farewell();
        if self.farewells == 0 {
            self.phase = Phase::Over;
        }
    }

    /// How far it is.
    pub(super) fn progress(&self, elapsed: Duration, messages: u64, since: Duration) -> Progress {
        let tally = &self.tally;
        let delivered = &tally.delivered;
        Progress {
            doing: self.phase.name(),
            elapsed,
            sessions: tally.begun - tally.finished - tally.failed + tally.dormant,
            connections: self.open as u64,
            messages,
            since,
            errors: tally.errors(),
            delivered: (!delivered.is_empty())
                .then(|| (delivered.value_at_quantile(0.5), delivered.value_at_quantile(0.99))),
        }
    }

    /// What came of it all; `spent` is CPU time of the server and of this side.
    pub(super) fn report(
        &self,
        spent: Option<(Option<Duration>, Duration)>,
        elapsed: Duration,
    ) -> Report {
        Report::new(&self.plan, &self.tally, self.measured.1, elapsed, spent, self.early)
    }

    fn next_phase(&mut self, now: Duration) {
        self.until = None;
        match self.phase {
            Phase::WarmingUp => {
                self.tally.reset();
                self.phase = Phase::Measuring;
                self.measured.0 = now;
                self.until = Some(now + self.plan.measure);
            }
            Phase::Measuring => self.leave(false, now),
            Phase::Leaving => self.phase = Phase::Over,
            Phase::Connecting | Phase::Falling | Phase::Gathering | Phase::Over => {}
        }
    }

    fn end_measuring(&mut self, now: Duration) {
        if self.phase == Phase::Measuring {
            self.measured.1 = now - self.measured.0;
        }
    }

    /// The warm-up begins.
    fn warm_up(&mut self, now: Duration) {
        self.phase = Phase::WarmingUp;
        self.until = Some(now + self.plan.warm_up);
    }

    /// Whatever takes too long is an error.
    fn sweep(&mut self, now: Duration) {
        let patience = self.plan.patience;
        if self.phase >= Phase::Leaving {
            return;
        }
        for line in 0..self.next_line {
            if self.lines[line].opening_since().is_some_and(|since| since + patience <= now) {
                self.lost(line, Trouble::Late, "a connection was not ready in time", now);
                self.actions.push_back(Action::Close { line });
            }
        }
        for session in 0..self.plan.sessions {
            if self.sessions[session as usize].waits_since().is_some_and(|at| at + patience <= now)
            {
                let what = self.sessions[session as usize].what_is_late();
                self.tally.trouble(Trouble::Late, || format!("{what} in session {session}"));
                self.fail(session, now);
            }
        }
        self.sweep_dormant(now);
    }

    fn unexpected(&mut self, what: &str) {
        self.tally.trouble(Trouble::Unexpected, || what.to_owned());
    }
}

impl Listener for Crowd {
    fn opened(&mut self, line: usize, now: Duration) {
        self.open += 1;
        self.lines[line] = Line::Introducing(now);
        if !self.introduce(line) {
            self.ready(line, now);
        }
    }

    fn heard(&mut self, line: usize, heard: Heard, now: Duration) {
        if self.phase >= Phase::Leaving {
            return self.heard_leaving(&heard);
        }
        match heard {
            Heard::Event(Frame { reference, body }) => match body {
                Event::Basic(event) => self.heard_basic(line, reference, event, now),
                Event::Flex(event) => self.heard_flex(line, reference, event, now),
                Event::Esp(_) => self.unexpected("an event of ESP"),
            },
            Heard::Bare(text) => self.heard_bare(line, &text, now),
        }
    }

    fn lost(&mut self, line: usize, trouble: Trouble, why: &str, now: Duration) {
        let before = std::mem::replace(&mut self.lines[line], Line::Gone);
        if before == Line::Gone {
            return;
        }
        if self.phase < Phase::Leaving {
            self.tally.trouble(trouble, || why.to_owned());
        }
        self.open -= usize::from(matches!(before, Line::Introducing(_) | Line::Ready));
        let (first, count) = self.sessions_of(line);
        for session in first..first.saturating_add(count).min(self.plan.sessions) {
            self.fail(session, now);
        }
        self.lost_dormant(line, now);
        if before.opening_since().is_some() {
            self.opening -= 1;
            self.connect(now);
        }
        if self.open == 0 && self.opening == 0 && self.next_line == self.lines.len() {
            self.end_measuring(now);
            self.early |= self.phase < Phase::Leaving;
            self.phase = Phase::Over;
        }
    }
}

/// Connections.
impl Crowd {
    /// Opens connections, as many at a time as may be; goes on when all are there.
    fn connect(&mut self, now: Duration) {
        // The relay pairs connections in the order in which they come.
        let most = if self.plan.customers == Customers::Relayed { 1 } else { CONNECTING };
        while self.opening < most
            && self.next_line < self.lines.len()
            && self.phase < Phase::Leaving
        {
            let line = self.next_line;
            self.next_line += 1;
            self.opening += 1;
            self.lines[line] = Line::Connecting(now);
            let port = match self.role(line) {
                Role::Gateway(_) => PortId::Webapi,
                Role::Customer(_) if self.plan.customers == Customers::Web => PortId::Web,
                Role::Customer(_) | Role::Agent(_) => PortId::Default,
            };
            self.actions.push_back(Action::Open { line, port });
        }
        if self.opening == 0 && self.phase == Phase::Connecting && self.open > 0 {
            self.fall_asleep(now);
        }
    }

    /// Says who is there; whether an answer is to come.
    fn introduce(&mut self, line: usize) -> bool {
        let request = match self.role(line) {
            Role::Customer(_) | Role::Agent(_) if self.plan.customers == Customers::Relayed => {
                return false;
            }
            // Each request says who it is.
            Role::Customer(_) if self.plan.customers == Customers::Web => return false,
            Role::Customer(session) => requests::register(Side::Customer, session).into(),
            Role::Agent(agent) => requests::register(Side::Agent, agent).into(),
            Role::Gateway(gateway) if self.plan.has_nodes() => requests::node(gateway).into(),
            // A connection that asks nothing for a while is closed (B2.2), and a gateway may have no
            // customer yet: it makes sure that the port is what it should be.
            Role::Gateway(gateway) => requests::login(gateway).into(),
        };
        self.send(line, Reference::Hello, request);
        true
    }

    fn ready(&mut self, line: usize, now: Duration) {
        if self.lines[line].opening_since().is_some() {
            self.lines[line] = Line::Ready;
            self.opening -= 1;
            self.connect(now);
        }
    }

    fn send(&mut self, line: usize, reference: Reference, request: Request) {
        let frame = Frame::new(reference.number(), request);
        self.actions.push_back(Action::Send { line, said: Said::Frame(frame) });
    }

    fn role(&self, line: usize) -> Role {
        let number = u32::try_from(line).unwrap_or(u32::MAX);
        let customers = match self.plan.customers {
            Customers::Relayed if number.is_multiple_of(2) => return Role::Customer(number / 2),
            Customers::Relayed => return Role::Agent(number / 2),
            Customers::Basic | Customers::Web => self.plan.sessions,
            Customers::Flex => u32::try_from(self.plan.gateways()).unwrap_or(u32::MAX),
        };
        match (number.checked_sub(customers), self.plan.customers) {
            (Some(agent), _) => Role::Agent(agent),
            (None, Customers::Flex) => Role::Gateway(number),
            (None, Customers::Basic | Customers::Web | Customers::Relayed) => {
                Role::Customer(number)
            }
        }
    }

    /// The connection somebody of a session speaks over.
    fn line_of(&self, session: u32, side: Side) -> usize {
        let plan = &self.plan;
        let (customers, customer) = match plan.customers {
            Customers::Relayed => return 2 * session as usize + usize::from(side == Side::Agent),
            Customers::Basic | Customers::Web => (plan.sessions as usize, session),
            Customers::Flex => {
                let gateways = usize::try_from(plan.gateways()).unwrap_or(usize::MAX);
                (gateways, session / plan.per_gateway)
            }
        };
        match side {
            Side::Customer => customer as usize,
            Side::Agent => customers + (session / plan.per_agent) as usize,
        }
    }

    /// The sessions a connection is of: the first, and how many.
    fn sessions_of(&self, line: usize) -> (u32, u32) {
        match self.role(line) {
            Role::Customer(session) => (session, 1),
            Role::Agent(agent) if self.plan.customers == Customers::Relayed => (agent, 1),
            Role::Agent(agent) => (agent.saturating_mul(self.plan.per_agent), self.plan.per_agent),
            Role::Gateway(gateway) => {
                (gateway.saturating_mul(self.plan.per_gateway), self.plan.per_gateway)
            }
        }
    }
}

/// What came in, by its protocol.
impl Crowd {
    /// Whoever leaves hears the answer to its Logout and nothing else.
    fn heard_leaving(&mut self, heard: &Heard) {
        if let Heard::Event(Frame { reference, body: Event::Flex(_) }) = heard
            && matches!(Reference::of(*reference), Some(Reference::Farewell(_)))
        {
            self.farewell_answered();
        }
    }

    fn heard_basic(&mut self, line: usize, reference: u32, event: basic::Event, now: Duration) {
        match event {
            basic::Event::EventRegistered(_) => self.ready(line, now),
            basic::Event::EventSessionInfo(info) => {
                let session = match Reference::of(reference) {
                    // Nobody asked: what is not known any more is of a session that failed.
                    None => self.by_id.get(&info.session_id).copied(),
                    Some(reference) => self.session_of(reference),
                };
                let Some(session) = session else { return };
                let side = match self.role(line) {
                    Role::Customer(_) => Side::Customer,
                    Role::Agent(_) | Role::Gateway(_) => Side::Agent,
                };
                let closed = info.session_status.is_closed();
                self.listen(session, side, &info.chat_transcript.events, closed, false, now);
                if reference != 0 {
                    self.answered(session, side, people::Answer::basic(info), now);
                }
            }
            basic::Event::EventError(error) => {
                let session = match (Reference::of(reference), &error.session_id) {
                    (Some(reference), _) => self.session_of(reference),
                    (None, Some(id)) => self.by_id.get(id).copied(),
                    (None, None) => None,
                };
                self.refused(line, session, error.error_id, &error.error_text, now);
            }
            basic::Event::EventUnregistered => self.unexpected("an answer to no Unregister"),
        }
    }

    fn heard_flex(&mut self, line: usize, reference: u32, event: flex::Event, now: Duration) {
        match event {
            flex::Event::EventStatus(status) => match Reference::of(reference) {
                Some(Reference::Hello) if status.error_id.is_none() => {
                    match User::of(status.user_id, status.secure_key) {
                        Some(user) => {
                            let request = requests::logout(&user, None).into();
                            self.send(line, Reference::Hello, request);
                        }
                        None => self.ready(line, now),
                    }
                }
                Some(Reference::Alive(_)) if status.error_id.is_none() => {}
                Some(reference @ Reference::Slot { slot, .. }) => {
                    if let Some(dormant) = slot.checked_sub(self.plan.sessions) {
                        self.dormant_answered(dormant as usize, status, now);
                    } else if let Some(session) = self.session_of(reference) {
                        self.heard_status(line, session, status, now);
                    }
                }
                Some(Reference::Hello | Reference::Alive(_) | Reference::Farewell(_)) | None => {
                    let id = status.error_id.unwrap_or_default();
                    let text = status.error_text.unwrap_or_default();
                    self.refused(line, None, id, &text, now);
                }
            },
            flex::Event::EventPush(push) => {
                let Some(session) = self.by_id.get(&push.session_id).copied() else { return };
                let closed = push.session_status.is_some_and(|status| status.is_closed());
                if let Some(transcript) = push.chat_transcript {
                    self.listen(session, Side::Customer, &transcript.events, closed, true, now);
                    self.proceed(session, now);
                }
            }
            flex::Event::EventPushQuery(query) => {
                self.alive = self.alive.wrapping_add(1);
                let alive = flex::RequestAlive { user_id: query.user_id, alive: true };
                let request = flex::Request::RequestAlive(alive).into();
                self.send(line, Reference::Alive(self.alive), request);
            }
        }
    }

    fn heard_status(
        &mut self,
        line: usize,
        session: u32,
        status: flex::EventStatus,
        now: Duration,
    ) {
        if let Some(id) = status.error_id {
            let text = status.error_text.unwrap_or_default();
            return self.refused(line, Some(session), id, &text, now);
        }
        let closed = status.session_status.is_some_and(|status| status.is_closed());
        if let Some(transcript) = &status.chat_transcript {
            self.listen(session, Side::Customer, &transcript.events, closed, false, now);
        }
        self.answered(session, Side::Customer, people::Answer::flex(status), now);
    }

    /// The server refused something.
    fn refused(&mut self, line: usize, session: Option<u32>, id: i32, text: &str, now: Duration) {
        match session {
            Some(session) => {
                self.tally.trouble(Trouble::Refused(id), || format!("{text} (session {session})"));
                self.fail(session, now);
            }
            // Without a session it is about the connection, which is of no use without what it asked.
            None => {
                self.lost(line, Trouble::Refused(id), text, now);
                self.actions.push_back(Action::Close { line });
            }
        }
    }

    /// The session a reference is of, unless it is of one that is over.
    fn session_of(&self, reference: Reference) -> Option<u32> {
        let Reference::Slot { slot, generation } = reference else { return None };
        let session = self.sessions.get(slot as usize)?;
        (session.generation == generation && session.stage != Stage::Failed).then_some(slot)
    }
}

#[cfg(test)]
mod tests;
