//! Questions to the outside: stores and the interaction server. Every one is asked until it is
//! answered, as often as the configuration allows.

use hashbrown::HashMap;

use crate::ask::{Failure, Outcome, Request};
use crate::door::Action;
use crate::id::OpId;
use crate::session::Session;
use crate::slab::Key;
use crate::wheel::TimerId;

use super::{Hasher, Server, Timer};

/// Every question without an answer.
#[derive(Debug)]
pub(super) struct Asks {
    open: HashMap<OpId, Ask, Hasher>,
    next: u64,
}

/// A question without an answer.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) session: Key<Session>,
    pub(super) purpose: Purpose,
    request: Request,
    attempts_left: u32,
    timer: Option<TimerId>,
    /// Failed, and not yet asked again.
    failed: bool,
}

/// What an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The next stage of a creation (B4.3).
    Create,
    /// A step of the session may be told (B20.1). The number is the one the step waits for.
    Save(OpId),
    /// The next stage of a closing (B8.6).
    Close,
    /// A record that could not be made at first is made (B4.3).
    Make,
    /// A record that is behind is a stretch less behind (B20.6).
    CatchUp,
    /// A customer's file may be announced (B22.2). The number is that of the announcement.
    Upload(OpId),
    /// The words of a dormant session are fetched (B12.5).
    Wake,
    /// The next stage of a restoration (B20.2).
    Restore,
    /// Whether a session is still this server's (B20.3).
    Doubt,
    /// Ownership is given up, and the session goes on elsewhere (B20.7).
    Release,
    /// Nothing waits for it.
    Change,
    /// Nothing is left of the session, and its interaction must not stay (B4.3).
    Undo,
}

impl Asks {
    pub(super) fn new(hasher: Hasher) -> Self {
        Self { open: HashMap::with_hasher(hasher), next: 0 }
    }

    /// Whether every question is answered.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn next(&mut self) -> OpId {
        self.next += 1;
        OpId(self.next)
    }
}

impl Server {
    /// Asks, and asks again if need be. The number is that of the first attempt.
    pub(super) fn ask(
        &mut self,
        session: Key<Session>,
        purpose: impl FnOnce(OpId) -> Purpose,
        request: Request,
    ) -> OpId {
        let op = self.asks.next();
        let purpose = purpose(op);
        let attempts_left = match (purpose, &request) {
            // No chat waits for a store that is down (B4.3); what it lacks is made up for later.
            (Purpose::Create, Request::Contact(_) | Request::Record(_))
            | (Purpose::Make | Purpose::CatchUp | Purpose::Restore | Purpose::Doubt, _) => 0,
            _ => self.config.settings.transcript_resend_attempts,
        };
        self.attempt(
            op,
            Ask { session, purpose, request, attempts_left, timer: None, failed: false },
        );
        op
    }

    fn attempt(&mut self, op: OpId, mut ask: Ask) {
        let settings = &self.config.settings;
        let patience = match (ask.purpose, &ask.request) {
            (Purpose::Create, Request::Contact(_) | Request::Record(_))
            | (Purpose::Restore | Purpose::Doubt, _) => settings.save_wait_max,
            _ => settings.transcript_resend_delay,
        };
        let until = self.now + patience;
        ask.timer = self.timers.arm(until, Timer::Ask(op)).ok();
        self.actions.push_back(Action::Ask { op, request: ask.request.clone() });
        self.asks.open.insert(op, ask);
    }

    /// An answer came. One to a question that was asked again since means nothing.
    pub(super) fn done(&mut self, op: OpId, outcome: Outcome) {
        let Some(ask) = self.asks.open.get_mut(&op) else { return };
        if outcome == Outcome::Failed(Failure::Unavailable) && ask.attempts_left > 0 {
            // The timer that waits for the answer asks again.
            ask.failed = true;
            return;
        }
        if let Some(ask) = self.asks.open.remove(&op) {
            ask.timer.map(|timer| self.timers.cancel(timer));
            if outcome == Outcome::Done {
                self.note_saved(ask.session, ask.purpose, &ask.request);
            }
            self.answered(ask.session, ask.purpose, outcome);
        }
    }

    /// No answer in time, or the pause after a failure is over.
    pub(super) fn ask_again(&mut self, op: OpId) {
        let Some(mut ask) = self.asks.open.remove(&op) else { return };
        // Of a session that was given up, or dropped, nobody wants anything any more.
        let awaited = matches!(ask.purpose, Purpose::Undo | Purpose::Doubt);
        if !awaited && self.sessions.get(ask.session).is_none() {
            return;
        }
        // The record catches up without it (B20.6).
        if let Purpose::Save(step) = ask.purpose
            && self.sessions.get(ask.session).is_some_and(|it| !it.outbox.waits_for(step))
        {
            return;
        }
        if let Purpose::Upload(upload) = ask.purpose
            && !self.uploads.is_waiting(upload)
        {
            return;
        }
        if ask.attempts_left == 0 {
            return self.answered(ask.session, ask.purpose, Outcome::Failed(Failure::Unavailable));
        }
        ask.attempts_left -= 1;
        self.renew(ask.session, &mut ask.request);
        let op = self.asks.next();
        self.attempt(op, ask);
    }

    fn answered(&mut self, key: Key<Session>, purpose: Purpose, outcome: Outcome) {
        match purpose {
            Purpose::Create => self.go_on_creating(key, outcome),
            Purpose::Save(step) => self.saved(key, step, &outcome),
            Purpose::Make | Purpose::CatchUp => self.caught_up(key, &outcome),
            Purpose::Close => self.go_on_closing(key, &outcome),
            Purpose::Restore => self.go_on_restoring(key, outcome),
            Purpose::Doubt => self.go_on_doubting(key, &outcome),
            Purpose::Release => self.handed_over(key),
            Purpose::Upload(upload) => self.upload_answered(key, upload, outcome),
            Purpose::Wake => self.woken(key, outcome),
            Purpose::Change | Purpose::Undo => {}
        }
    }
}
