//! A session and the two in it.

use std::time::Duration;

use confer_core::frame::{EventBody, Open, SessionStatus, TranscriptEvent, basic, flex};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::pii::Secret;
use confer_core::text::Text;

use super::requests::{self, Reference};
use super::{Action, Crowd, Line, Phase, Said};
use crate::load::plan::{Customers, Scenario};
use crate::load::tally::{Trouble, record};
use crate::load::words::{Head, Side};

/// A place for one session after the other.
pub(super) struct Session {
    pub(super) stage: Stage,
    /// The how-manieth session in this place.
    pub(super) generation: u32,
    pub(super) began: Duration,
    pub(super) id: Option<SessionId>,
    /// Who the customer is, on flex.
    pub(super) user: Option<User>,
    pub(super) customer: Seat,
    pub(super) agent: Seat,
    /// Whose turn it is; in the closed scenario.
    pub(super) turn: Side,
    /// How many things of the guide's script were done.
    pub(super) acts: u32,
    pub(super) next_poll: Duration,
    /// The only entry of the wakes that counts.
    pub(super) wake_at: Option<Duration>,
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not begun, or over.
    Idle,
    Joining,
    Talking,
    Ending,
    Failed,
}

/// A flex user.
pub(super) struct User {
    pub(super) id: UserId,
    pub(super) key: Secret,
}

/// One of the two.
#[derive(Default)]
pub(super) struct Seat {
    /// What was asked and not answered, and since when.
    pub(super) asked: Option<(Asked, Duration)>,
    /// Messages said.
    pub(super) said: u32,
    pub(super) said_at: Duration,
    /// Whether the newest came back.
    pub(super) confirmed: bool,
    /// Messages heard of the other.
    pub(super) heard: u32,
    /// The newest event seen.
    pub(super) last: EventId,
}

/// What somebody asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Login,
    Join,
    Subscribe,
    Say,
    Poll,
    Logout,
    Release,
}

/// What an answer holds beside the events.
pub(super) struct Answer {
    session_id: Option<SessionId>,
    user: Option<User>,
}

impl Answer {
    pub(super) fn basic(info: basic::EventSessionInfo) -> Self {
        Self { session_id: Some(info.session_id), user: None }
    }

    pub(super) fn flex(status: flex::EventStatus) -> Self {
        let user = User::of(status.user_id, status.secure_key);
        Self { session_id: status.session_id, user }
    }
}

impl Session {
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Idle,
            generation: 0,
            began: Duration::ZERO,
            id: None,
            user: None,
            customer: Seat::default(),
            agent: Seat::default(),
            turn: Side::Customer,
            acts: 0,
            next_poll: Duration::ZERO,
            wake_at: None,
        }
    }

    pub(super) const fn seat(&mut self, side: Side) -> &mut Seat {
        match side {
            Side::Customer => &mut self.customer,
            Side::Agent => &mut self.agent,
        }
    }

    /// Since when an answer or a message is waited for.
    pub(super) fn waits_since(&self) -> Option<Duration> {
        let answers = [&self.customer, &self.agent].map(|seat| seat.asked.map(|asked| asked.1));
        let message = match self.stage {
            Stage::Talking | Stage::Ending => {
                (self.agent.heard != self.customer.said).then_some(self.customer.said_at)
            }
            Stage::Idle | Stage::Joining | Stage::Failed => None,
        };
        answers.into_iter().chain([message]).flatten().min()
    }

    /// What is waited for, in words.
    pub(super) const fn what_is_late(&self) -> &'static str {
        match (&self.customer.asked, &self.agent.asked) {
            (Some(_), _) => "no answer to the customer",
            (None, Some(_)) => "no answer to the agent",
            (None, None) => "a message was not heard",
        }
    }
}

/// A life of a session.
impl Crowd {
    /// A session begins, if its connections are there.
    pub(super) fn begin(&mut self, number: u32, now: Duration) {
        let lines = [Side::Customer, Side::Agent].map(|side| self.line_of(number, side));
        let session = &mut self.sessions[number as usize];
        let generation = Reference::next_generation(session.generation);
        *session = Session { generation, began: now, ..Session::new() };
        self.tally.begun += 1;
        session.stage = Stage::Joining;
        if lines.iter().any(|line| self.lines[*line] != Line::Ready) {
            return self.fail(number, now);
        }
        match self.plan.customers {
            Customers::Flex => {
                self.ask(number, Side::Customer, Asked::Login, requests::login(number), now);
            }
            Customers::Web => {
                let request = requests::request_chat();
                self.ask(number, Side::Customer, Asked::Join, request, now);
            }
            Customers::Basic => {
                self.ask(number, Side::Customer, Asked::Join, requests::join(None), now);
            }
            Customers::Relayed => self.complete(number, now),
        }
    }

    /// Somebody asks something.
    pub(super) fn ask(
        &mut self,
        number: u32,
        side: Side,
        asked: Asked,
        request: impl Into<confer_core::frame::Request>,
        at: Duration,
    ) {
        let line = self.line_of(number, side);
        let session = &mut self.sessions[number as usize];
        session.seat(side).asked = Some((asked, at));
        let reference = Reference::Slot { slot: number, generation: session.generation };
        self.send(line, reference, request.into());
    }

    /// Somebody says something, which was due `at`.
    pub(super) fn say(&mut self, number: u32, side: Side, at: Duration) {
        let line = self.line_of(number, side);
        let length = self.plan.text_length as usize;
        let session = &mut self.sessions[number as usize];
        let seat = session.seat(side);
        seat.said += 1;
        seat.said_at = at;
        seat.confirmed = false;
        let text = Head { side, session: number, number: seat.said }.text(length);
        match (side, &session.user, &session.id) {
            (Side::Customer, Some(user), _) => {
                let last = session.customer.last;
                let request = requests::refresh(user, last, Some(Text::from(text)));
                self.ask(number, side, Asked::Say, request, at);
            }
            (_, _, Some(id)) => {
                let request = requests::message(id.clone(), Text::from(text));
                self.ask(number, side, Asked::Say, request, at);
            }
            (_, _, None) => {
                session.seat(side).asked = Some((Asked::Say, at));
                self.actions.push_back(Action::Send { line, said: Said::Bare(text) });
            }
        }
    }

    /// Somebody was answered; the events in it were heard already.
    pub(super) fn answered(&mut self, number: u32, side: Side, answer: Answer, now: Duration) {
        let session = &mut self.sessions[number as usize];
        let Some((asked, since)) = session.seat(side).asked.take() else {
            return self.unexpected("an answer to nothing");
        };
        record(&mut self.tally.answered, now.saturating_sub(since));
        if asked == Asked::Poll {
            record(&mut self.tally.polled, now.saturating_sub(since));
        }
        if session.stage == Stage::Failed {
            return;
        }
        match asked {
            Asked::Login => match answer.user {
                Some(user) => {
                    let request = requests::join_flex(&user, None, false);
                    session.user = Some(user);
                    self.ask(number, Side::Customer, Asked::Join, request, now);
                }
                None => self.nonsense(number, "a Login without UserId or SecureKey", now),
            },
            Asked::Join if side == Side::Agent => self.complete(number, now),
            Asked::Join => match answer.session_id {
                Some(id) => {
                    self.by_id.insert(id.clone(), number);
                    session.id = Some(id);
                    // Over HTTP there is no Login before.
                    session.user = session.user.take().or(answer.user);
                    match &session.user {
                        Some(user) if self.plan.is_pushed() => {
                            let request = requests::subscribe(user);
                            self.ask(number, Side::Customer, Asked::Subscribe, request, now);
                        }
                        Some(_) | None => self.agent_joins(number, now),
                    }
                }
                None => self.nonsense(number, "a Join without SessionId", now),
            },
            Asked::Subscribe => self.agent_joins(number, now),
            Asked::Say => {
                if !session.seat(side).confirmed {
                    self.tally.trouble(Trouble::Lost, || {
                        format!("an answer did not hold the message itself (session {number})")
                    });
                    return self.fail(number, now);
                }
                self.proceed(number, now);
            }
            Asked::Poll => self.proceed(number, now),
            Asked::Logout => match session.id.clone() {
                Some(id) => {
                    self.ask(number, Side::Agent, Asked::Release, requests::release(id), now);
                }
                None => self.nonsense(number, "a Logout from no session", now),
            },
            Asked::Release => self.finish(number, now),
        }
    }

    fn agent_joins(&mut self, number: u32, now: Duration) {
        let id = self.sessions[number as usize].id.clone();
        self.ask(number, Side::Agent, Asked::Join, requests::join(id), now);
    }

    /// Both are there.
    fn complete(&mut self, number: u32, now: Duration) {
        self.sessions[number as usize].stage = Stage::Talking;
        match self.plan.scenario {
            Scenario::Closed { .. } => self.gathered_one(now),
            Scenario::Guide { .. } => self.proceed(number, now),
        }
    }

    /// Goes on with what is due, if everything before it was answered.
    pub(super) fn proceed(&mut self, number: u32, now: Duration) {
        if self.sessions[number as usize].stage == Stage::Talking && self.phase < Phase::Leaving {
            match self.plan.scenario {
                Scenario::Closed { .. } => self.take_turns(number, now),
                Scenario::Guide { .. } => self.follow_script(number, now),
            }
        }
    }

    /// A session came to its end.
    fn finish(&mut self, number: u32, now: Duration) {
        let session = &mut self.sessions[number as usize];
        let (customer, agent) = (&session.customer, &session.agent);
        let complete = customer.heard == agent.said && agent.heard == customer.said;
        if !complete {
            self.tally.trouble(Trouble::Lost, || {
                format!("a message was not heard before the end (session {number})")
            });
            return self.fail(number, now);
        }
        session.stage = Stage::Idle;
        session.user = None;
        if let Some(id) = session.id.take() {
            self.by_id.remove(&id);
        }
        self.tally.finished += 1;
        self.come_again(number);
    }

    /// A session is given up.
    pub(super) fn fail(&mut self, number: u32, now: Duration) {
        let session = &mut self.sessions[number as usize];
        let before = session.stage;
        if matches!(before, Stage::Idle | Stage::Failed) || self.phase >= Phase::Leaving {
            return;
        }
        session.stage = Stage::Failed;
        session.customer.asked = None;
        session.agent.asked = None;
        if let Some(id) = &session.id {
            self.by_id.remove(id);
        }
        self.tally.failed += 1;
        match self.plan.scenario {
            Scenario::Guide { .. } => self.come_again(number),
            Scenario::Closed { .. } if before == Stage::Joining => self.gathered_one(now),
            Scenario::Closed { .. } => self.give_up_if_alone(now),
        }
    }

    fn nonsense(&mut self, number: u32, what: &str, now: Duration) {
        self.unexpected(what);
        self.fail(number, now);
    }
}

/// Listening.
impl Crowd {
    /// Somebody sees these events; `pushed`: without having asked, on flex.
    pub(super) fn listen(
        &mut self,
        number: u32,
        side: Side,
        events: &[TranscriptEvent],
        closed: bool,
        pushed: bool,
        now: Duration,
    ) {
        let on_flex = side == Side::Customer && self.plan.customers.poll();
        for event in events {
            let seat = self.sessions[number as usize].seat(side);
            // On flex a push and an answer may cross, and both hold the event; on basic they cannot.
            if event.event_id <= seat.last && on_flex {
                continue;
            }
            let again = event.event_id <= seat.last;
            seat.last = seat.last.max(event.event_id);
            if let EventBody::Message(message) = &event.body {
                match Head::of(message.message_text.reveal()) {
                    Some(head) if head.session == number && !again => {
                        self.hear(number, side, head, on_flex && !pushed, now);
                    }
                    Some(head) if head.session == number => self.repeated(number),
                    Some(_) | None => self.unexpected("words of another session"),
                }
            }
        }
        let talking = self.sessions[number as usize].stage == Stage::Talking;
        if closed && talking {
            self.tally.trouble(Trouble::SessionClosed, || format!("session {number}"));
            self.fail(number, now);
        }
    }

    /// Somebody hears a message, their own or the other's.
    fn hear(&mut self, number: u32, side: Side, head: Head, fetched: bool, now: Duration) {
        let session = &mut self.sessions[number as usize];
        if head.side == side {
            let seat = session.seat(side);
            let known = head.number == seat.said && !seat.confirmed;
            seat.confirmed |= known;
            if !known {
                self.repeated(number);
            }
            return;
        }
        let (said, said_at) = {
            let other = session.seat(side.other());
            (other.said, other.said_at)
        };
        let seat = session.seat(side);
        if head.number <= seat.heard {
            return self.repeated(number);
        }
        if head.number > seat.heard + 1 {
            self.tally.trouble(Trouble::Lost, || {
                format!("a message came before an earlier one (session {number})")
            });
        }
        seat.heard = head.number;
        if head.number == said {
            let time = now.saturating_sub(said_at);
            let tally = &mut self.tally;
            record(if fetched { &mut tally.fetched } else { &mut tally.delivered }, time);
        }
        self.proceed_heard(number, now);
    }

    /// On basic nothing else tells a listener that it may go on.
    fn proceed_heard(&mut self, number: u32, now: Duration) {
        if matches!(self.plan.scenario, Scenario::Closed { .. }) {
            self.proceed(number, now);
        }
    }

    fn repeated(&mut self, number: u32) {
        self.tally.trouble(Trouble::Repeated, || format!("session {number}"));
    }

    /// A frame of the relay: the answer to the one who said it, news to the other.
    pub(super) fn heard_bare(&mut self, line: usize, text: &str, now: Duration) {
        let (number, _) = self.sessions_of(line);
        let side = if line.is_multiple_of(2) { Side::Customer } else { Side::Agent };
        match Head::of(text) {
            Some(head) if head.session == number => {
                self.hear(number, side, head, false, now);
                if head.side == side {
                    let answer = Answer { session_id: None, user: None };
                    self.answered(number, side, answer, now);
                }
            }
            Some(_) | None => self.unexpected("words of another session"),
        }
    }
}

/// Whether a session is over.
pub(super) trait Closing {
    fn is_closed(&self) -> bool;
}

impl Closing for Open<SessionStatus> {
    fn is_closed(&self) -> bool {
        *self == Self::Known(SessionStatus::Closed)
    }
}
