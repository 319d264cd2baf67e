//! When a session goes from one phase of its life to the next.

/// Where a session is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Contact, record and interaction are being made; nobody is told yet (B4.3).
    Creating,
    /// Its record is being read; nobody knows yet whether there is such a session (B20.2).
    Sought,
    /// It is being taken over from wherever it was (B20.3).
    Restoring,
    /// It goes on.
    Open,
    /// It is to go on elsewhere, and nothing new happens here (B20.7).
    Leaving,
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
    /// There is a record, and this server may take it over.
    Found,
    /// It could not be restored here.
    NotRestored,
    /// It goes on here.
    Restored,
    /// The server comes to an end, and another is there to take it over.
    HandedOver,
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
        matches!(self, Self::Creating | Self::Restoring | Self::Open | Self::Leaving)
    }

    /// The phase after this turn; `None`: the turn means nothing in this phase.
    #[expect(clippy::match_same_arms, reason = "a table says each of its lines")]
    pub(crate) const fn after(self, turn: Turn) -> Option<Self> {
        match (self, turn) {
            (Self::Creating, Turn::Created) => Some(Self::Open),
            (Self::Creating, Turn::NotCreated) => Some(Self::Gone),
            (Self::Sought, Turn::Found) => Some(Self::Restoring),
            (Self::Sought, Turn::NotRestored) => Some(Self::Gone),
            (Self::Restoring, Turn::Restored) => Some(Self::Open),
            (Self::Restoring, Turn::NotRestored) => Some(Self::Gone),
            (Self::Open, Turn::Closes) => Some(Self::Closed),
            (Self::Open, Turn::HandedOver) => Some(Self::Leaving),
            (Self::Open, Turn::Dropped) => Some(Self::Gone),
            // Its last participant goes, or the time is over.
            (Self::Leaving, Turn::Closes) => Some(Self::Closed),
            (Self::Leaving, Turn::Dropped) => Some(Self::Gone),
            (Self::Closed, Turn::Forgotten) => Some(Self::Gone),
            (Self::Closed, Turn::Dropped) => Some(Self::Gone),
            (
                Self::Creating
                | Self::Sought
                | Self::Restoring
                | Self::Open
                | Self::Leaving
                | Self::Closed
                | Self::Gone,
                Turn::Created
                | Turn::NotCreated
                | Turn::Found
                | Turn::NotRestored
                | Turn::Restored
                | Turn::HandedOver
                | Turn::Closes
                | Turn::Forgotten
                | Turn::Dropped,
            ) => None,
        }
    }
}
