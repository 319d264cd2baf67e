//! What was applied and not told to anybody yet.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use crate::frame::TranscriptEvent;
use crate::frame::esp::Envelope;
use crate::id::{EventId, LinkId, OpId};
use crate::refusal::Refusal;
use crate::session::roster::PartyNo;
use crate::time::Instant;

/// Steps that may wait in one session for their saves. A request beyond is refused (8318).
pub(crate) const MAX_STEPS: usize = 1024;

/// What was applied, in order; told in the same order, each step once it is saved.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    steps: VecDeque<Step>,
    /// Answers to flex requests behind one that waits for more than saves, that one included.
    turns: VecDeque<Turn>,
    closed: bool,
    monitored: bool,
    told: EventId,
}

/// The turn of a flex request's answer.
#[derive(Debug)]
struct Turn {
    party: PartyNo,
    link: LinkId,
    reference: u32,
    /// Known, and behind another of the same user's.
    answer: Option<Answer>,
}

/// What one request, or one turn of the server itself, caused.
#[derive(Debug)]
pub(crate) struct Step {
    /// The event before its first.
    pub(crate) after: EventId,
    /// Its last event; the same as `after` if it has none.
    pub(crate) to: EventId,
    /// Whom to answer, and how.
    pub(crate) answer: Option<Answer>,
    /// Whether the session is closed with it.
    pub(crate) closes: bool,
    /// Whether somebody has another name after it (B7.3).
    pub(crate) renames: bool,
    /// Whether somebody watches unseen after it (B3.5).
    pub(crate) monitored: bool,
    /// Whether that is news. Known once it is released.
    pub(crate) monitored_changed: bool,
    /// When its save was asked for.
    pub(crate) since: Instant,
    /// The save that must be done first.
    pub(crate) save: Option<OpId>,
}

// A session keeps room for four once it has had to wait for a save, so the rare answer is in a box.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Step>() <= 96);

/// An answer that waits for its step.
#[derive(Debug)]
pub(crate) enum Answer {
    /// To a basic request: the events it caused, or to a Join the transcript after a position.
    Basic { link: LinkId, reference: u32, party: PartyNo, join: Option<EventId> },
    /// To a basic request that came again: the events the first one caused (B4.8).
    Again {
        link: LinkId,
        reference: u32,
        party: PartyNo,
        after: EventId,
        to: EventId,
        /// It was a Join.
        joins: bool,
    },
    /// To a flex request: the events after a position, or none at all.
    Flex { link: LinkId, reference: u32, party: PartyNo, after: Option<EventId> },
    /// To a flex request that is refused, in its turn; with the events after a position where these
    /// tell why (B9.2).
    Refused {
        link: LinkId,
        reference: u32,
        party: PartyNo,
        refusal: Refusal,
        after: Option<EventId>,
    },
    /// To a question of a customer's about files: the result, which is no event of the session, on
    /// flex behind the events after a position (B22.2).
    Result {
        link: LinkId,
        reference: u32,
        party: PartyNo,
        after: Option<EventId>,
        result: Box<TranscriptEvent>,
    },
    /// To an Unregister, of which this was one leave: nothing but that it is told.
    Unregistered { link: LinkId, reference: u32 },
    /// To an ESP call, whose voice, if it has one, is nobody who listens.
    Esp { link: LinkId, reference: u32, party: PartyNo, envelope: Box<Envelope> },
}

impl Answer {
    /// Who asked, and hears of its step by the answer alone.
    pub(crate) const fn party(&self) -> PartyNo {
        match self {
            Self::Unregistered { .. } => PartyNo(u16::MAX),
            Self::Basic { party, .. }
            | Self::Again { party, .. }
            | Self::Flex { party, .. }
            | Self::Refused { party, .. }
            | Self::Result { party, .. }
            | Self::Esp { party, .. } => *party,
        }
    }

    /// Whose answer it is, and to what.
    const fn turn(&self) -> Option<(PartyNo, LinkId, u32)> {
        match self {
            Self::Flex { link, reference, party, .. }
            | Self::Refused { link, reference, party, .. }
            | Self::Result { link, reference, party, .. } => Some((*party, *link, *reference)),
            Self::Basic { .. }
            | Self::Again { .. }
            | Self::Unregistered { .. }
            | Self::Esp { .. } => None,
        }
    }
}

impl Step {
    /// The events after `after` up to `to`, and whom to answer.
    pub(crate) const fn new(after: EventId, to: EventId, answer: Option<Answer>) -> Self {
        Self {
            after,
            to,
            answer,
            closes: false,
            renames: false,
            monitored: false,
            monitored_changed: false,
            since: Instant::ZERO,
            save: None,
        }
    }
}

impl Outbox {
    /// One of a session that was told elsewhere so far (B20.4).
    pub(crate) fn told_up_to(told: EventId) -> Self {
        Self { told, ..Self::default() }
    }

    /// Whether the session is closed, as far as anybody may know.
    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether somebody watches unseen, as far as anybody may know.
    pub(crate) const fn is_monitored(&self) -> bool {
        self.monitored
    }

    /// The last event that may be told to those who may see it.
    pub(crate) const fn told(&self) -> EventId {
        self.told
    }

    /// Whether a request must be refused because too many wait.
    pub(crate) fn is_full(&self) -> bool {
        self.steps.len() + self.turns.len() >= MAX_STEPS
    }

    /// Whether everything is told.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Adds a step behind those that wait. An answer whose turn has not come is kept until then
    /// (wire §4.2).
    pub(crate) fn push(&mut self, mut step: Step) {
        if self.turns.is_empty() {
            return self.steps.push_back(step);
        }
        let turn = step.answer.as_ref().and_then(Answer::turn);
        let turn = turn.filter(|turn| self.turns.iter().any(|other| other.party == turn.0));
        let answer = if turn.is_some() { step.answer.take() } else { None };
        let (last, monitored) = (step.to, step.monitored);
        self.steps.push_back(step);
        let Some((party, link, reference)) = turn else { return };
        let same = |turn: &&mut Turn| turn.link == link && turn.reference == reference;
        match self.turns.iter_mut().find(same) {
            Some(turn) => turn.answer = answer,
            None => self.turns.push_back(Turn { party, link, reference, answer }),
        }
        while let Some(next) = self.turns.iter().position(|turn| turn.party == party)
            && let Some(answer) = self.turns[next].answer.take()
        {
            self.turns.remove(next);
            self.steps.push_back(Step { monitored, ..Step::new(last, last, Some(answer)) });
        }
    }

    /// The answer to a request will come in a later step. Those to its flex user's later requests
    /// are kept behind it.
    pub(crate) fn expect(&mut self, answer: &Answer) {
        if let Some((party, link, reference)) = answer.turn() {
            self.turns.push_back(Turn { party, link, reference, answer: None });
        }
    }

    /// A save is done.
    pub(crate) fn saved(&mut self, op: OpId) {
        if let Some(step) = self.steps.iter_mut().find(|step| step.save == Some(op)) {
            step.save = None;
        }
    }

    /// Whether a step waits for this save.
    pub(crate) fn waits_for(&self, op: OpId) -> bool {
        self.steps.iter().any(|step| step.save == Some(op))
    }

    /// Since when the oldest save is waited for.
    pub(crate) fn waits_since(&self) -> Option<Instant> {
        self.steps.iter().find(|step| step.save.is_some()).map(|step| step.since)
    }

    /// Waits for no save any more; the last event that was saved, as far as is known.
    pub(crate) fn give_up_saves(&mut self) -> EventId {
        let first = self.steps.iter().find(|step| step.save.is_some());
        let saved = first.map_or(self.told, |step| step.after);
        for step in &mut self.steps {
            step.save = None;
        }
        saved
    }

    /// What is left to be told, of a session that tells nothing any more.
    pub(crate) fn into_steps(self) -> VecDeque<Step> {
        self.steps
    }

    /// The next step to tell, if its save is done.
    pub(crate) fn release(&mut self) -> Option<Step> {
        self.steps.front().filter(|step| step.save.is_none())?;
        let mut step = self.steps.pop_front()?;
        self.closed |= step.closes;
        self.told = self.told.max(step.to);
        step.monitored_changed = self.monitored != step.monitored;
        self.monitored = step.monitored;
        Some(step)
    }
}
