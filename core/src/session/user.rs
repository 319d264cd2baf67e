//! A flex user: somebody without a connection, known by an id and a key.

use alloc::vec::Vec;

use crate::id::UserId;
use crate::pii::{Fingerprint, Secret};
use crate::session::Session;
use crate::session::newcomer::Registration;
use crate::session::roster::PartyNo;
use crate::slab::Key;
use crate::wheel::TimerId;

/// Somebody who logged in.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) who: Registration,
    pub(crate) secure_key: SecureKey,
    /// Ids it had before a restoration, which are as good as the one it has (B20.4).
    pub(crate) former: Vec<UserId>,
    /// It has not used the id it has by now.
    pub(crate) renamed: bool,
    pub(crate) place: Place,
    /// Runs until it has been silent for too long (B9.2).
    pub(crate) timer: Option<TimerId>,
    /// Counts against the limit of flex users.
    pub(crate) counted: bool,
}

/// A flex user's key.
#[derive(Clone, Debug)]
pub(crate) enum SecureKey {
    /// It was given here, or shown here.
    Known(Secret),
    /// It was given elsewhere, and was not shown since.
    Unseen(Fingerprint),
}

impl SecureKey {
    /// Whether this is it.
    pub(crate) fn is(&self, shown: &Secret) -> bool {
        match self {
            Self::Known(known) => known == shown,
            Self::Unseen(fingerprint) => *fingerprint == Fingerprint::of(shown),
        }
    }

    /// The key, if it was given or shown here.
    pub(crate) const fn known(&self) -> Option<&Secret> {
        match self {
            Self::Known(known) => Some(known),
            Self::Unseen(_) => None,
        }
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Known(known) => Fingerprint::of(known),
            Self::Unseen(fingerprint) => *fingerprint,
        }
    }
}

/// Where a flex user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Logged in, and in no session.
    Outside,
    /// Its session is being made.
    Creating(Key<Session>),
    /// In a session, which may be closed.
    Inside(Key<Session>, PartyNo),
    /// Removed from a living session; for a while it is told why (B9.2).
    Removed { session: Key<Session>, party: PartyNo, told: bool },
}
