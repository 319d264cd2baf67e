//! When a session goes from one phase of its life to the next.

/// Where a session is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Contact, record and interaction are being made; nobody is told yet (B4.3).
    Creating,
    /// It goes on.
    Open,
    /// It is over, and kept for those who want to read its end (B8.6).
    Closed,
    /// It is over, and of no use any more.
    Gone,
}

/// What changes a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// All that had to be made is made.
    Created,
    /// It could not be made, or its creator is lost.
    NotCreated,
    /// Somebody closes it, or the last one has left.
    Closes,
    /// The linger is over, and so is whatever the closing asked for.
    Forgotten,
    /// It goes on elsewhere, or nowhere; here it is no more (B20.5).
    Dropped,
}

impl Phase {
    /// Whether a session counts against the limit of sessions (B17.1).
    pub(crate) const fn counts(self) -> bool {
        matches!(self, Self::Creating | Self::Open)
    }

    /// The phase after this turn; `None`: the turn means nothing in this phase.
    #[expect(clippy::match_same_arms, reason = "a table says each of its lines")]
    pub(crate) const fn after(self, turn: Turn) -> Option<Self> {
        match (self, turn) {
            (Self::Creating, Turn::Created) => Some(Self::Open),
            (Self::Creating, Turn::NotCreated) => Some(Self::Gone),
            (Self::Open, Turn::Closes) => Some(Self::Closed),
            (Self::Open, Turn::Dropped) => Some(Self::Gone),
            (Self::Closed, Turn::Forgotten) => Some(Self::Gone),
            (Self::Closed, Turn::Dropped) => Some(Self::Gone),
            (Self::Creating, Turn::Closes | Turn::Forgotten | Turn::Dropped)
            | (Self::Open, Turn::Created | Turn::NotCreated | Turn::Forgotten)
            | (Self::Closed, Turn::Created | Turn::NotCreated | Turn::Closes)
            | (
                Self::Gone,
                Turn::Created | Turn::NotCreated | Turn::Closes | Turn::Forgotten | Turn::Dropped,
            ) => None,
        }
    }
}
