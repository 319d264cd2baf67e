//! A session while it is being made.

use alloc::vec::Vec;

use crate::frame::KvList;
use crate::id::LinkId;
use crate::pii::Secret;
use crate::session::newcomer::Newcomer;

/// A session that is being made.
#[derive(Debug)]
pub(crate) struct Creating {
    pub(crate) stage: Stage,
    pub(crate) newcomer: Newcomer,
    /// What the contact store knows of whoever creates it (B19.1).
    pub(crate) attributes: KvList,
    /// The secret by which agents may restore it, for its interaction (B20.10).
    pub(crate) token: Secret,
    /// The password every Join needs, for its interaction (B3.7).
    pub(crate) password: Option<Secret>,
    /// Others who wait for the same answer: they asked with the same RequestKey (B4.8).
    pub(crate) again: Vec<(LinkId, u32)>,
    /// Its creator is gone, and only the answer to the submission is waited for.
    pub(crate) abandoned: bool,
    /// The workflow has stopped its interaction already, and it closes as soon as it is made (B19.4).
    pub(crate) stopped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Identify,
    Record,
    Submit,
}
