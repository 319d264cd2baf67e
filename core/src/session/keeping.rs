//! How a session's record keeps up with the session (B20.6).

use crate::id::EventId;
use crate::wheel::TimerId;

/// What is stored of a session, and what is not yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keeping {
    pub(crate) state: State,
    /// Runs while an event waits for its save, or the record for the next attempt.
    pub(crate) timer: Option<TimerId>,
    /// The server knows it as one of those whose record is behind.
    pub(crate) listed: bool,
}

/// How far the record is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// There is none, and there will be none.
    #[default]
    Unused,
    /// It has everything that was told to anybody.
    Even,
    /// It does not exist yet; the session runs without it (B4.3).
    Missing {
        /// It is being made.
        making: bool,
    },
    /// It exists, and the session runs ahead of it (B20.6).
    Behind {
        /// Everything up to here is saved.
        saved: EventId,
        /// Everything up to here is being saved.
        asked: Option<EventId>,
    },
    /// The store will not have it.
    Lost,
}
