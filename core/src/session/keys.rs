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
/// As many places has a ring in the record.
const PLACES: u32 = 32;

/// The keys of one session.
#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<Ring>);

/// The keys of one person, oldest first. Each has a place in the record, which the newest takes over
/// from the one that is forgotten (B20.9).
#[derive(Debug)]
struct Ring {
    person: Person,
    /// Which of the rings it is, in the record.
    number: u32,
    /// The place of the next key in it.
    next: u32,
    done: VecDeque<Done>,
}

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

impl Ring {
    const fn new(person: Person, number: u32) -> Self {
        Self { person, number, next: 0, done: VecDeque::new() }
    }

    /// The place of the one at this position.
    fn place(&self, position: usize) -> u32 {
        let back = u32::try_from(self.done.len() - position).unwrap_or(PLACES);
        self.number * PLACES + (self.next + PLACES - back) % PLACES
    }

    fn push(&mut self, done: Done) {
        self.next = (self.next + 1) % PLACES;
        self.done.push_back(done);
        if self.done.len() > KEYS_KEPT {
            self.done.pop_front();
        }
    }
}

impl Keys {
    /// What this request did when it first came.
    pub(crate) fn find(&self, person: &Person, kind: Kind, key: &str) -> Option<&Done> {
        let ring = self.0.iter().find(|ring| ring.person == *person)?;
        ring.done.iter().find(|done| done.kind == kind && &*done.key == key)
    }

    /// Remembers what a request did, and forgets the oldest that are too many; its place in the
    /// record.
    pub(crate) fn note(&mut self, person: Person, done: Done) -> u32 {
        let index = self.0.iter().position(|ring| ring.person == person).unwrap_or_else(|| {
            let number = self.0.last().map_or(0, |ring| ring.number + 1);
            self.0.push(Ring::new(person, number));
            self.0.len() - 1
        });
        let ring = &mut self.0[index];
        ring.push(done);
        ring.place(ring.done.len() - 1)
    }

    /// The places of all there are.
    pub(crate) fn indexes(&self) -> impl Iterator<Item = u32> {
        self.0.iter().flat_map(|ring| (0..ring.done.len()).map(|position| ring.place(position)))
    }

    /// The one in this place of the record, and whose it is.
    pub(crate) fn at(&self, index: u32) -> Option<(&Person, &Done)> {
        let ring = self.0.iter().find(|ring| ring.number == index / PLACES)?;
        let position = (0..ring.done.len()).find(|&position| ring.place(position) == index)?;
        Some((&ring.person, &ring.done[position]))
    }

    /// The keys that were saved, each with its place.
    pub(crate) fn restored(mut saved: Vec<(u32, Person, Done)>) -> Self {
        // Of one ring, in the order in which they came.
        saved.sort_by_key(|(index, _, done)| (index / PLACES, done.to));
        let mut keys = Self::default();
        for (index, person, done) in saved {
            let number = index / PLACES;
            if keys.0.last().is_none_or(|ring| ring.number != number) {
                keys.0.push(Ring::new(person, number));
            }
            if let Some(ring) = keys.0.last_mut() {
                ring.next = index % PLACES;
                ring.push(done);
            }
        }
        keys
    }
}
