//! Where an async session stands (§12 of the behaviour).

use crate::time::{Instant, Stamp};

/// Where an async session stands, in the interaction's words (B12.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AsyncStatus {
    /// −2: no agent is there, and none is wanted for now.
    Hold,
    /// −1: an agent is there.
    Working,
    /// 1: nobody came yet.
    New,
    /// 2: the customer said something while no agent was there.
    CustomerActive,
    /// 3: it was silent for so long that it will be closed.
    IdleAlert,
    /// 4: the agent was lost.
    AgentLost,
    /// 5: the agent handed it over.
    Transferred,
}

impl AsyncStatus {
    pub(crate) const fn number(self) -> i32 {
        match self {
            Self::Hold => -2,
            Self::Working => -1,
            Self::New => 1,
            Self::CustomerActive => 2,
            Self::IdleAlert => 3,
            Self::AgentLost => 4,
            Self::Transferred => 5,
        }
    }

    /// The one with this number.
    pub(crate) fn by_number(number: i64) -> Option<Self> {
        let all = [
            Self::Hold,
            Self::Working,
            Self::New,
            Self::CustomerActive,
            Self::IdleAlert,
            Self::AgentLost,
            Self::Transferred,
        ];
        all.into_iter().find(|status| i64::from(status.number()) == number)
    }
}

/// What is remembered of an async session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asynchrony {
    pub(crate) status: AsyncStatus,
    /// When the interaction was last told when to look again.
    pub(crate) told: Instant,
    /// When to look again, as the interaction was told (B12.4).
    pub(crate) check_at: Stamp,
    /// Whoever leaves next hands the session over.
    pub(crate) transfer: bool,
}

impl Asynchrony {
    pub(crate) const fn new(now: Instant, check_at: Stamp) -> Self {
        Self { status: AsyncStatus::New, told: now, check_at, transfer: false }
    }
}
