//! What a server machine asks of the world outside: one enumeration of requests, one of outcomes.
//!
//! The machine neither knows nor cares who answers, when, or in which order. Each request is
//! answered once; a request that got no answer in time is asked again under a new number.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::door::External;
use crate::frame::{EventList, KvList, TranscriptEvent};
use crate::id::{ContactId, DocumentId, EventId, InteractionId, SessionId};
use crate::pii::Secret;
use crate::text::{Str, Text};
use crate::time::Stamp;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Request {
    /// Of the contact store, about a person.
    Contact(Contact),
    /// Of the contact store, about a session's record.
    Record(Record),
    /// Of the interaction server.
    Interaction(Interaction),
    /// Of the document store.
    Document(Document),
    /// Of another instance, by way of the store they share.
    Instance(Instance),
}

/// About a person.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Contact {
    /// Who is this? Made known if nobody yet (B19.1).
    Identify {
        /// The tenant.
        tenant: Str,
        /// What the person said of themselves.
        user_data: KvList,
    },
}

/// A piece of what a session's record holds beside the events (B20.9): of no meaning to a store, which
/// keeps the newest of each key, and gives back what it was given.
///
/// A record is in pieces so that a save writes what has changed and no more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Leaf {
    /// Which piece.
    pub key: LeafKey,
    /// Whatever the machine needs to go on; the empty list: there is no such piece any more.
    pub state: KvList,
}

/// What names a piece of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LeafKey {
    /// What it is about.
    pub kind: LeafKind,
    /// Which of those.
    pub index: u32,
}

/// What a piece of a record is about. A store writes [`LeafKind::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum LeafKind {
    /// The session.
    Session,
    /// A participation.
    Party,
    /// A request that came with a RequestKey (B4.8).
    RequestKey,
    /// A file (§22).
    File,
    /// The statistics so far (§21).
    Statistics,
}

impl LeafKind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Session, Self::Party, Self::RequestKey, Self::File, Self::Statistics];

    /// What stores call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Party => "party",
            Self::RequestKey => "request-key",
            Self::File => "file",
            Self::Statistics => "statistics",
        }
    }

    /// The one of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// How a record begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Beginning {
    /// Whose it is.
    pub contact: Option<ContactId>,
    /// When it began.
    pub start_at: Stamp,
    /// What it is about.
    pub subject: Option<Text>,
    /// What the creator brought along.
    pub user_data: KvList,
    /// The tenant.
    pub tenant: Str,
    /// The queue its interaction was submitted to.
    pub queue: Str,
    /// Its interaction (B14.9).
    pub interaction: InteractionId,
}

/// What a record is looked up by.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum RecordName {
    /// The session.
    Session(SessionId),
    /// The interaction (B14.9).
    Interaction(InteractionId),
}

/// About a session's record.
///
/// What is asked about one record takes effect in the order it was asked, whenever it is answered: a
/// later piece, or a later version of an event, must not be overwritten by an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Record {
    /// Begin one (B19.2). The asker owns it, at generation 1. One that is begun again by its owner
    /// stays as it is.
    Create {
        /// The session.
        session: SessionId,
        /// How it begins.
        beginning: Box<Beginning>,
    },
    /// Add events, or write one anew that was added before (B20.1, B7.3), all of it or nothing.
    Append {
        /// The session.
        session: SessionId,
        /// The generation of the asker's ownership; refused when it is no longer the newest.
        generation: u64,
        /// The events, in order.
        events: EventList,
        /// No id above this has been, or will be, handed out before the next save (B20.8).
        reserved_to: EventId,
        /// From when on the session is abandoned if its owner is silent (B20.13).
        orphan_at: Stamp,
        /// What else has changed.
        leaves: Vec<Leaf>,
    },
    /// Its interaction has another id than it began with (B14.9).
    Call {
        /// The session.
        session: SessionId,
        /// The generation of the asker's ownership.
        generation: u64,
        /// The interaction.
        interaction: InteractionId,
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
        /// What else has changed.
        leaves: Vec<Leaf>,
    },
    /// Keep a [`Record::Final`] that the store would not take, outside of it, and write it when a
    /// server starts with that store again (B20.6).
    Spool {
        /// The session.
        session: SessionId,
        /// How it began, for a record that could never be begun.
        beginning: Box<Beginning>,
        /// The generation of the asker's ownership.
        generation: u64,
        /// When it ended.
        end_at: Stamp,
        /// The transcript.
        events: EventList,
    },
    /// Forget it: the session it was begun for never came to be (B4.3).
    Discard {
        /// The session.
        session: SessionId,
    },
    /// Read it.
    Load {
        /// Which.
        name: RecordName,
        /// Whether the events are wanted, too.
        events: bool,
    },
    /// Take ownership, and read what there is at that moment, in one (B20.3).
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Document {
    /// Is this document there, and whose is it? (B22.2)
    Stat {
        /// The document.
        document: DocumentId,
    },
}

/// Of another instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Instance {
    /// Tell it something; it hears within 100 ms, or when it is back (B20.12). Nobody is left to hear
    /// it if there is no such instance any more, which is no failure.
    Tell {
        /// Its name.
        instance: Str,
        /// What happened.
        what: External,
    },
}

/// A record, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Loaded {
    /// The session.
    pub session: SessionId,
    /// How it began; `interaction` is the newest.
    pub beginning: Beginning,
    /// The generation of its ownership.
    pub generation: u64,
    /// The instance that owns it, or did before it was taken; nobody once it was released.
    pub owner: Option<Str>,
    /// When it was closed; none while it goes on.
    pub end_at: Option<Stamp>,
    /// The stored events, in order; empty unless they were asked for.
    pub events: Vec<TranscriptEvent>,
    /// No id up to this one may be handed out again (B20.8).
    pub reserved_to: EventId,
    /// The newest piece of each key, in the order of the keys.
    pub leaves: Vec<Leaf>,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
    Loaded(Box<Loaded>),
    /// Ownership was taken, at the generation in it; `owner` is the former owner.
    Owned(Box<Loaded>),
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
