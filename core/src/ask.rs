//! What a server machine asks of the world outside: one enumeration of requests, one of outcomes.
//!
//! The machine neither knows nor cares who answers, when, or in which order. Each request is
//! answered once; a request that got no answer in time is asked again under a new number.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::frame::{EventList, KvList, TranscriptEvent};
use crate::id::{ContactId, DocumentId, EventId, InteractionId, SessionId};
use crate::pii::Secret;
use crate::text::{Str, Text};
use crate::time::Stamp;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Of the contact store, about a person.
    Contact(Contact),
    /// Of the contact store, about a session's record.
    Record(Record),
    /// Of the interaction server.
    Interaction(Interaction),
    /// Of the document store.
    Document(Document),
}

/// About a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contact {
    /// Who is this? Made known if nobody yet (B19.1).
    Identify {
        /// The tenant.
        tenant: Str,
        /// What the person said of themselves.
        user_data: KvList,
    },
}

/// What a session's statistics came to so far (§21 of the behaviour): of no meaning to a store, which
/// gives back what it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// The form of `state`. A machine that does not know it begins anew.
    pub version: u32,
    /// Whatever the machine needs to go on counting.
    pub state: Box<[u8]>,
}

/// About a session's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Begin one (B19.2). The asker owns it, at generation 1.
    Create {
        /// The session.
        session: SessionId,
        /// Whose it is.
        contact: Option<ContactId>,
        /// When it began.
        start_at: Stamp,
        /// What it is about.
        subject: Option<Text>,
        /// What the creator brought along.
        user_data: KvList,
    },
    /// Add events, or write one anew that was added before (B20.1, B7.3).
    Append {
        /// The session.
        session: SessionId,
        /// The generation of the asker's ownership; refused when it is no longer the newest.
        generation: u64,
        /// The events, in order.
        events: EventList,
        /// No id above this has been, or will be, handed out before the next save (B20.8).
        reserved_to: EventId,
        /// The statistics after these events; none while nothing is counted.
        statistics: Option<Box<Statistics>>,
    },
    /// Write the whole transcript and close the record (B8.6).
    Final {
        /// The session.
        session: SessionId,
        /// The generation of the asker's ownership.
        generation: u64,
        /// When it ended.
        end_at: Stamp,
        /// The transcript.
        events: EventList,
        /// The statistics in the end; none while nothing is counted.
        statistics: Option<Box<Statistics>>,
    },
    /// Forget it: the session it was begun for never came to be (B4.3).
    Discard {
        /// The session.
        session: SessionId,
    },
    /// Read it.
    Load {
        /// The session.
        session: SessionId,
    },
    /// Take ownership (B20.3).
    Own {
        /// The session.
        session: SessionId,
        /// The generation the asker saw; refused when it is no longer the newest.
        generation: u64,
    },
    /// Give ownership up (B20.7).
    Release {
        /// The session.
        session: SessionId,
        /// The generation of the asker's ownership.
        generation: u64,
    },
}

/// Of the interaction server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interaction {
    /// Put a new interaction into a queue (B4.3).
    Submit {
        /// The interaction.
        interaction: InteractionId,
        /// The tenant.
        tenant: Str,
        /// The queue.
        queue: Str,
        /// Its properties (B19.3).
        properties: KvList,
    },
    /// Change properties.
    Change {
        /// The interaction.
        interaction: InteractionId,
        /// The properties to set.
        properties: KvList,
    },
    /// Stop it.
    Stop {
        /// The interaction.
        interaction: InteractionId,
    },
}

/// Of the document store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// Is this document there, and whose is it? (B22.2)
    Stat {
        /// The document.
        document: DocumentId,
    },
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, with nothing to tell.
    Done,
    /// The interaction is in its queue, under this id, which may be another than was asked for
    /// (B14.9). [`Outcome::Done`]: under the one that was asked for.
    Submitted {
        /// The interaction.
        interaction: InteractionId,
    },
    /// The person (B19.1).
    Identified {
        /// Who; nobody if nothing identified them.
        contact: Option<ContactId>,
        /// What the store knows of them.
        attributes: KvList,
    },
    /// The record.
    Loaded {
        /// The generation of its ownership.
        generation: u64,
        /// The stored events.
        events: Vec<TranscriptEvent>,
        /// No id up to this one may be handed out again (B20.8).
        reserved_to: EventId,
        /// The statistics that were saved last.
        statistics: Option<Box<Statistics>>,
    },
    /// Ownership was taken.
    Owned {
        /// Its generation.
        generation: u64,
    },
    /// The document.
    Stat {
        /// Its size in bytes.
        size: u64,
        /// The session it was stored for.
        session: SessionId,
        /// The permit it was stored under; none if no customer stored it.
        permit: Option<Secret>,
    },
    /// Not done.
    Failed(Failure),
}

impl Outcome {
    /// Why it was not done, if it was not.
    pub const fn failure(&self) -> Option<Failure> {
        if let Self::Failed(failure) = self { Some(*failure) } else { None }
    }
}

/// Why it was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Not now; another attempt may succeed.
    Unavailable,
    /// Never; another attempt would end the same way.
    Refused,
    /// There is no such thing.
    NotFound,
    /// Somebody else owns it by now (B20.3).
    Fenced,
}
