//! Requests that must not take effect twice (B4.8).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::id::EventId;
use crate::pii::Pii;
use crate::session::roster::PartyNo;
use crate::session::user::User;
use crate::slab::Key;
use crate::text::Str;

/// Keys a session remembers for each person, the newest ones (B4.8).
pub(crate) const KEYS_KEPT: usize = 32;

/// The keys of one session.
#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<(Person, VecDeque<Done>)>);

/// Whose key it is: a person, not a participation, for whoever retries may have come back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Person {
    /// A flex user.
    Flex(Key<User>),
    /// Somebody on basic with this PersonId.
    Id(Pii<Str>),
    /// Somebody on basic without one, by nickname.
    Nickname(Pii<Str>),
}

/// The kind of request a key was used for; it counts for that kind only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Join,
    Message,
    Notify,
}

/// What a request with a key did.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) key: Str,
    pub(crate) kind: Kind,
    pub(crate) party: PartyNo,
    /// The event before the first it caused.
    pub(crate) after: EventId,
    /// The last event it caused.
    pub(crate) to: EventId,
}

impl Keys {
    /// What this request did when it first came.
    pub(crate) fn find(&self, person: &Person, kind: Kind, key: &str) -> Option<&Done> {
        let (_, done) = self.0.iter().find(|known| known.0 == *person)?;
        done.iter().find(|done| done.kind == kind && &*done.key == key)
    }

    /// Remembers what a request did, and forgets the oldest that are too many.
    pub(crate) fn note(&mut self, person: Person, done: Done) {
        let index = self.0.iter().position(|known| known.0 == person).unwrap_or_else(|| {
            self.0.push((person, VecDeque::new()));
            self.0.len() - 1
        });
        let kept = &mut self.0[index].1;
        kept.push_back(done);
        if kept.len() > KEYS_KEPT {
            kept.pop_front();
        }
    }
}
