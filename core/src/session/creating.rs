//! A session while it is being made.

use crate::id::ContactId;
use crate::session::newcomer::Newcomer;

/// A session that is being made.
#[derive(Debug)]
pub(crate) struct Creating {
    pub(crate) stage: Stage,
    pub(crate) newcomer: Newcomer,
    pub(crate) contact: Option<ContactId>,
    /// Its creator is gone, and only the answer to the submission is waited for.
    pub(crate) abandoned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Identify,
    Record,
    Submit,
}
