//! A flex user: somebody without a connection, known by an id and a key.

use crate::pii::Secret;
use crate::session::Session;
use crate::session::newcomer::Registration;
use crate::session::roster::PartyNo;
use crate::slab::Key;
use crate::wheel::TimerId;

/// Somebody who logged in.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) who: Registration,
    pub(crate) secure_key: Secret,
    pub(crate) place: Place,
    /// Runs until it has been silent for too long (B9.2).
    pub(crate) timer: Option<TimerId>,
    /// Counts against the limit of flex users.
    pub(crate) counted: bool,
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
