//! A session whose record is being read, or taken over (B20.2).

use alloc::collections::VecDeque;

use crate::frame::{Frame, Request};
use crate::id::{LinkId, UserId};

/// Requests of whoever causes a restoration that may wait for it. One more gets 8317.
pub(crate) const MAX_WAITING: usize = 64;

/// A session that is being restored.
#[derive(Debug)]
pub(crate) struct Restoring {
    pub(crate) by: By,
    /// The request that caused it, and its user's later ones.
    pub(crate) waiting: VecDeque<(LinkId, Frame<Request>)>,
    /// It is looked for by its interaction, and may be found by its own id yet.
    pub(crate) by_interaction: bool,
    /// The workflow has stopped its interaction already (B19.4).
    pub(crate) stopped: bool,
}

/// Who causes a restoration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The flex user of this id.
    Customer(UserId),
    /// Somebody on basic who knows the session's token.
    Agent,
    /// The workflow.
    Workflow,
    /// Nobody: it was left alone, and is closed as soon as it is there (B20.13).
    Nobody,
}
