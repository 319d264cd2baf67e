//! What was applied and not told to anybody yet.

use alloc::collections::VecDeque;

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
    closed: bool,
    monitored: bool,
    told: EventId,
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
    /// To an Unregister, of which this was one leave: nothing but that it is told.
    Unregistered { link: LinkId, reference: u32 },
    /// To an ESP call, whose voice, if it has one, is nobody who listens.
    Esp { link: LinkId, reference: u32, party: PartyNo, envelope: Envelope },
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
            | Self::Esp { party, .. } => *party,
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
        self.steps.len() >= MAX_STEPS
    }

    /// Whether everything is told.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Adds a step behind those that wait.
    pub(crate) fn push(&mut self, step: Step) {
        self.steps.push_back(step);
    }

    /// A save is done.
    pub(crate) fn saved(&mut self, op: OpId) {
        if let Some(step) = self.steps.iter_mut().find(|step| step.save == Some(op)) {
            step.save = None;
        }
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
