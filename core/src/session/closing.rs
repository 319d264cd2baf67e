//! What is left to do when a session closes.

use crate::time::Stamp;

/// The closing of a session (B8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) stage: Stage,
    pub(crate) end_at: Stamp,
    /// Whether the interaction is stopped in the end.
    pub(crate) stops: bool,
}

/// What a closing still has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The words of a dormant session are being fetched (B12.5).
    Wake,
    /// The record is being made that could not be made before.
    Record,
    /// The final transcript is being stored.
    Final,
    /// The final transcript, which the store would not take, is being put aside (B20.6).
    Spool,
    /// The interaction is being told.
    Change,
    /// It is being stopped.
    Stop,
    /// Nothing more.
    Done,
}
