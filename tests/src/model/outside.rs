//! Connections, the clock, and questions to the outside (§2 and §20 of the behaviour).

use confer_core::ask::{Failure, Outcome};
use confer_core::frame::{Frame, Request};
use confer_core::id::PortId;
use confer_core::time::Wall;

use super::setting::{ATTEMPTS, REGISTER, RESEND, WAIT};
use super::state::{Ask, Due, Kind, Link, Model, Out, Phase, Place, Purpose, Seat};

/// What can expire.
#[derive(Clone, Copy)]
enum Expiry {
    Register(usize),
    User(usize),
    Linger(usize),
    Retry(usize),
    Patience(usize),
    Idle(usize, bool),
    Ask(usize),
}

impl Model {
    /// A connection to this port, with the next number; a gateway in this process is trusted.
    pub fn opened(&mut self, port: PortId) {
        // B2.2: not on ESP, nor for a gateway inside the process.
        let times = matches!(port, PortId::Default | PortId::Webapi);
        let register = times.then(|| self.after(REGISTER));
        let (who, creating) = (None, Vec::new());
        self.links.push(Link { port, open: true, register, who, creating, leaving: 0 });
    }

    /// A connection is gone. B2.4: a basic one takes its participants along.
    pub fn closed(&mut self, link: usize) {
        let it = &mut self.links[link];
        (it.open, it.register, it.who) = (false, None, None);
        let creating = std::mem::take(&mut it.creating);
        for (session, party) in self.seats(link) {
            self.lose(session, party, Some(3), None);
        }
        for session in &mut self.sessions {
            for party in &mut session.parties {
                party.deaf |= party.seat == Seat::Basic(link);
            }
        }
        for session in creating {
            self.undo(session);
        }
    }

    /// A request.
    pub fn asked(&mut self, link: usize, frame: Frame<Request>) {
        let Some(Frame { reference, body }) = self.unless_held(link, frame) else { return };
        match body {
            Request::Basic(request) => self.basic(link, reference, request),
            Request::Flex(request) => self.flex(link, reference, request),
            Request::Esp(request) => self.esp(link, reference, request),
        }
    }

    /// The calendar was corrected.
    pub fn corrected(&mut self, wall: Wall) {
        self.wall = wall;
    }

    /// When something expires next.
    pub fn next(&self) -> Option<u64> {
        self.expiries().into_iter().map(|(due, _)| due.at).min()
    }

    /// It is so late; whatever expires by then does, one after the other.
    pub fn passed(&mut self, to: u64) {
        while let Some((due, expiry)) = self.expiries().into_iter().min_by_key(|(due, _)| *due)
            && due.at <= to
        {
            self.now = due.at;
            match expiry {
                Expiry::Register(link) => {
                    self.links[link].register = None;
                    self.out.push(Out::Close(link));
                }
                Expiry::User(user) => {
                    self.users[user].due = None;
                    match &mut self.users[user].place {
                        Place::Removed { told, .. } => *told = true,
                        // B9.2, B9.4.
                        Place::Outside | Place::Creating(_) | Place::Inside(..) | Place::Gone => {
                            self.remove_user(user, 3);
                        }
                    }
                }
                Expiry::Linger(session) => {
                    self.sessions[session].linger = None;
                    self.sessions[session].lingered = true;
                    self.forget_if_over(session);
                }
                Expiry::Retry(session) => {
                    self.sessions[session].retry = None;
                    self.catch_up(session);
                }
                Expiry::Patience(session) => self.out_of_patience(session),
                Expiry::Idle(session, is_async) => self.expired(session, is_async),
                Expiry::Ask(ask) => self.unanswered(ask),
            }
        }
        self.now = to;
    }

    fn expiries(&self) -> Vec<(Due, Expiry)> {
        let mut all = Vec::new();
        let mut add = |due: Option<Due>, expiry| all.extend(due.map(|due| (due, expiry)));
        for (number, link) in self.links.iter().enumerate() {
            add(link.register, Expiry::Register(number));
        }
        for (number, user) in self.users.iter().enumerate() {
            add(user.due, Expiry::User(number));
        }
        for (number, session) in self.sessions.iter().enumerate() {
            add(session.linger, Expiry::Linger(number));
            add(session.retry, Expiry::Retry(number));
            add(self.patience(session), Expiry::Patience(number));
            add(session.regular.due, Expiry::Idle(number, false));
            add(session.asynchronous.due, Expiry::Idle(number, true));
        }
        for (number, ask) in self.asks.iter().enumerate() {
            add(ask.due, Expiry::Ask(number));
        }
        all
    }

    /// Asks the outside; the number is the question's.
    pub(super) fn ask(&mut self, session: usize, purpose: Purpose, kind: Kind) -> usize {
        let first = self.asks.len();
        // B4.3: no chat waits long for a store that is down; what it lacks is made up for later.
        let attempts_left = match (purpose, &kind) {
            (Purpose::Create, Kind::Identify(_) | Kind::Create(..)) | (Purpose::CatchUp, _) => 0,
            _ => ATTEMPTS,
        };
        let events = match &kind {
            Kind::Append(ids) | Kind::Final(ids) | Kind::Spool(ids) => {
                self.sessions[session].stored_as(ids)
            }
            Kind::Identify(_)
            | Kind::Create(..)
            | Kind::Load
            | Kind::Discard
            | Kind::Submit(_)
            | Kind::Change(_)
            | Kind::Stop => Vec::new(),
        };
        self.attempt(Ask { session, purpose, kind, events, attempts_left, due: None, first });
        first
    }

    fn attempt(&mut self, mut ask: Ask) {
        // B4.3: no chat waits long for what it can make up for later.
        let is_short = ask.purpose == Purpose::Create
            && matches!(ask.kind, Kind::Identify(_) | Kind::Create(..));
        ask.due = Some(self.after(if is_short { WAIT } else { RESEND }));
        self.out.push(Out::Ask(self.asks.len()));
        self.asks.push(ask);
    }

    /// The outside has answered. To a question that was asked anew since, that means nothing.
    pub fn answered(&mut self, ask: usize, outcome: &Outcome) {
        let it = &mut self.asks[ask];
        if it.due.is_none() {
            return;
        }
        let later = *outcome == Outcome::Failed(Failure::Unavailable);
        if later && it.attempts_left > 0 {
            // Asked anew when the pause is over.
            return;
        }
        it.due = None;
        self.settled(ask, outcome);
    }

    /// No answer came in time.
    fn unanswered(&mut self, ask: usize) {
        self.asks[ask].due = None;
        let Ask { session, purpose, attempts_left, first, .. } = self.asks[ask];
        if purpose != Purpose::Undo && self.sessions[session].phase == Phase::Gone {
            return;
        }
        // B20.6: the record catches up without it.
        if purpose == Purpose::Save && !self.waits(session, first) {
            return;
        }
        if attempts_left == 0 {
            return self.settled(ask, &Outcome::Failed(Failure::Unavailable));
        }
        let kind = self.asks[ask].kind.clone();
        let events = self.asks[ask].events.clone();
        let attempts_left = attempts_left - 1;
        self.attempt(Ask { session, purpose, kind, events, attempts_left, due: None, first });
    }

    /// A question is answered, or given up.
    fn settled(&mut self, ask: usize, outcome: &Outcome) {
        let Ask { session, purpose, first, .. } = self.asks[ask];
        if self.sessions[session].phase == Phase::Gone {
            return;
        }
        if *outcome == Outcome::Done && matches!(self.asks[ask].kind, Kind::Append(_)) {
            self.sessions[session].reserved = true;
        }
        match purpose {
            Purpose::Create => self.created_so_far(session, outcome),
            Purpose::Save => self.saved(session, first, outcome),
            Purpose::Close => self.closed_so_far(session, outcome),
            Purpose::Wake => self.woken(session, outcome),
            Purpose::CatchUp => self.caught_up(session, outcome),
            Purpose::Change | Purpose::Undo => {}
        }
    }
}
