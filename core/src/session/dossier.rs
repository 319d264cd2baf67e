//! What the record of a session holds beside its events (B20.9), as far as the session itself has no
//! other use for it, and what of it the store does not have yet.

use alloc::vec::Vec;

use crate::ask::{LeafKey, LeafKind};
use crate::id::{EventId, OpId, UserId};
use crate::pii::Fingerprint;
use crate::session::Session;
use crate::session::roster::PartyNo;

/// Event ids that are reserved at a time (B20.8).
const BLOCK: u32 = 1024;
/// Ids left of a block when the next one is reserved.
const HALF: u32 = BLOCK / 2;
/// Changed pieces that are listed; beyond, all are written.
const MAX_CHANGED: usize = 64;
/// Former ids of one flex user that are remembered, the newest ones (B20.4).
pub(crate) const MAX_FORMER: usize = 256;

/// What there is to save of a session beside its events.
#[derive(Debug, Default)]
pub(crate) struct Dossier {
    /// Of the secret by which agents may restore it (B20.10).
    pub(crate) token: Option<Fingerprint>,
    /// Of the password every Join needs (B3.7).
    pub(crate) password: Option<Fingerprint>,
    /// The flex users that are there, and those who were removed and may still ask why (B9.2).
    pub(crate) guests: Vec<Guest>,
    /// When the status of an async session changed last, as a TimeShift.
    pub(crate) status_shift: u32,
    /// Its ownership is being given up (B20.7).
    pub(crate) releasing: bool,
    changed: Changed,
    unsure: Vec<Unsure>,
    reserved: EventId,
    asked: EventId,
}

/// A flex user of a session, as whoever restores it must know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guest {
    /// Their newest participation.
    pub(crate) party: PartyNo,
    /// Of their secure key.
    pub(crate) key: Fingerprint,
    /// The ids they had before a restoration, oldest first (B20.4).
    pub(crate) former: Vec<UserId>,
    /// They are not there any more, and did not go by themselves.
    pub(crate) removed: bool,
}

/// A save under way that others build on: it says who somebody is. What it writes goes with every
/// later save, for that may be done, and this one lost with the server.
#[derive(Debug)]
struct Unsure {
    save: OpId,
    joined: Vec<EventId>,
    leaves: Vec<LeafKey>,
}

/// The pieces that are not saved as they are.
#[derive(Debug, Default)]
enum Changed {
    /// Perhaps every one.
    #[default]
    All,
    /// These.
    Some(Vec<LeafKey>),
}

impl Guest {
    /// Remembers an id that they have no longer.
    pub(crate) fn had(&mut self, user_id: UserId) {
        self.former.push(user_id);
        if self.former.len() > MAX_FORMER {
            self.former.remove(0);
        }
    }
}

impl Dossier {
    /// A piece is no longer as it was saved.
    pub(crate) fn mark(&mut self, kind: LeafKind, index: u32) {
        let Changed::Some(keys) = &mut self.changed else { return };
        let key = LeafKey { kind, index };
        if keys.contains(&key) {
            return;
        }
        if keys.len() >= MAX_CHANGED {
            self.changed = Changed::All;
        } else {
            keys.push(key);
        }
    }

    /// Everything is saved as it is.
    pub(crate) fn is_saved(&mut self) {
        self.changed = Changed::Some(Vec::new());
    }

    /// Nobody knows any more what is saved.
    pub(crate) fn mark_all(&mut self) {
        self.changed = Changed::All;
        self.unsure.clear();
    }

    /// The newParties that are being saved, and may not be yet.
    pub(crate) fn unsure_newcomers(&self) -> Vec<EventId> {
        self.unsure.iter().flat_map(|save| &save.joined).copied().collect()
    }

    /// These pieces and those that are being saved, and may not be yet.
    pub(crate) fn with_unsure(&self, mut keys: Vec<LeafKey>) -> Vec<LeafKey> {
        for key in self.unsure.iter().flat_map(|save| &save.leaves) {
            if !keys.contains(key) {
                keys.push(*key);
            }
        }
        keys
    }

    /// A save is under way, with these newParties, and with these pieces. A RequestKey goes with what
    /// it was for, and nothing builds on it.
    pub(crate) fn is_unsure(&mut self, save: OpId, joined: Vec<EventId>, mut leaves: Vec<LeafKey>) {
        leaves.retain(|key| key.kind != LeafKind::RequestKey);
        if !joined.is_empty() || !leaves.is_empty() {
            self.unsure.push(Unsure { save, joined, leaves });
        }
    }

    /// A save is done, and whatever was asked before it was in it.
    pub(crate) fn is_sure(&mut self, save: OpId) {
        if !self.unsure.is_empty() {
            self.unsure.retain(|other| other.save > save);
        }
    }

    /// Whether a piece is not saved as it is.
    pub(crate) const fn has_changed(&self) -> bool {
        match &self.changed {
            Changed::All => true,
            Changed::Some(keys) => !keys.is_empty(),
        }
    }

    /// A flex user's participation has ended; whether the user still may ask for anything.
    pub(crate) fn guest_left(&mut self, party: PartyNo, known: bool) {
        if known && let Some(guest) = self.guests.iter_mut().find(|guest| guest.party == party) {
            guest.removed = true;
        } else {
            self.guests.retain(|guest| guest.party != party);
        }
        self.mark(LeafKind::Party, party.0.into());
    }

    /// How far ids are to be reserved by the next save, which is about events up to `last`; and
    /// whether a save is due for that alone (B20.8).
    pub(crate) fn reserve(&mut self, last: EventId) -> (EventId, bool) {
        let due = self.asked.number() < last.number().saturating_add(HALF);
        if due {
            let upto = last.number().saturating_add(BLOCK);
            self.asked = EventId::new(upto).unwrap_or(EventId::MAX);
        }
        (self.asked, due)
    }

    /// A save is done, and no id up to this one is ever used by anybody else.
    pub(crate) fn reserved(&mut self, upto: EventId) {
        self.reserved = self.reserved.max(upto);
    }

    /// Whether an id may be handed out (B20.8).
    pub(crate) fn may_hand_out(&self, id: EventId) -> bool {
        id <= self.reserved
    }
}

impl Session {
    /// The keys of the pieces that are not saved as they are; from now on they are taken to be.
    pub(crate) fn take_changed(&mut self) -> Vec<LeafKey> {
        if !self.dossier.has_changed() {
            return Vec::new();
        }
        match core::mem::replace(&mut self.dossier.changed, Changed::Some(Vec::new())) {
            Changed::All => self.leaf_keys(),
            Changed::Some(keys) => keys,
        }
    }
}

#[cfg(test)]
mod tests;
