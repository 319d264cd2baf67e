//! The pieces of a session's record beside its events, as they are written (B20.9).
//!
//! Whoever reads them ([`super::restored`]) takes what it does not understand, or does not find, for
//! what a session begins with: a record that an older server wrote is still worth restoring.

use alloc::string::String;
use alloc::vec::Vec;

use crate::ask::{Leaf, LeafKey, LeafKind};
use crate::frame::{KvList, KvValue};
use crate::pii::Fingerprint;
use crate::session::Session;
use crate::session::dossier::Guest;
use crate::session::files::File;
use crate::session::keys::{Done, Kind, Person};
use crate::session::roster::PartyNo;

/// The form of the pieces. A later one may say more.
const VERSION: i32 = 1;

/// Entries of the pieces.
pub(super) mod names {
    pub(crate) const VERSION: &str = "version";
    pub(crate) const TIME_SHIFT: &str = "time-shift";
    pub(crate) const LANGUAGE_NAME: &str = "language-name";
    pub(crate) const LANGUAGE_CODE: &str = "language-code";
    pub(crate) const PASSWORD: &str = "password";
    pub(crate) const TOKEN: &str = "token";
    pub(crate) const STATUS: &str = "async-status";
    pub(crate) const STATUS_SHIFT: &str = "async-status-shift";
    pub(crate) const CHECK_AT: &str = "async-check-at";
    pub(crate) const OVERRIDES: &str = "inactivity-control";
    pub(crate) const FILES: &str = "files";
    pub(crate) const FILES_SIZE: &str = "files-size";
    pub(crate) const DOWNLOADS: &str = "downloads";

    pub(crate) const ID: &str = "id";
    pub(crate) const SECURE_KEY: &str = "secure-key";
    pub(crate) const FORMER: &str = "former-ids";
    pub(crate) const REMOVED: &str = "removed";
    pub(crate) const PUSH: &str = "push";
    pub(crate) const PUSH_GROUP: &str = "push-group";

    pub(crate) const KEY: &str = "key";
    pub(crate) const KIND: &str = "kind";
    pub(crate) const PARTY: &str = "party";
    pub(crate) const AFTER: &str = "after";
    pub(crate) const TO: &str = "to";
    pub(crate) const PERSON_ID: &str = "person-id";
    pub(crate) const NICKNAME: &str = "nickname";

    pub(crate) const UPLOADED: &str = "uploaded";
    pub(crate) const DELETED: &str = "deleted";
    pub(crate) const COUNTED: &str = "counted";
}

impl Session {
    /// The keys of all there is.
    pub(crate) fn leaf_keys(&self) -> Vec<LeafKey> {
        let of = |kind| move |index| LeafKey { kind, index };
        let files = self.files.as_ref().map_or(0, |files| files.all().len());
        core::iter::once(LeafKey { kind: LeafKind::Session, index: 0 })
            .chain(self.dossier.guests.iter().map(|it| it.party.0.into()).map(of(LeafKind::Party)))
            .chain(self.keys.indexes().map(of(LeafKind::RequestKey)))
            .chain((0..).take(files).map(of(LeafKind::File)))
            .collect()
    }

    /// These pieces, as they are now.
    pub(crate) fn leaves(&self, keys: &[LeafKey]) -> Vec<Leaf> {
        keys.iter().map(|&key| Leaf { key, state: self.leaf(key) }).collect()
    }

    fn leaf(&self, key: LeafKey) -> KvList {
        let LeafKey { kind, index } = key;
        let state = match kind {
            LeafKind::Session => Some(self.session_leaf()),
            LeafKind::Party => {
                let guest = self.dossier.guests.iter().find(|it| u32::from(it.party.0) == index);
                guest.map(|guest| self.guest_leaf(guest))
            }
            LeafKind::RequestKey => {
                self.keys.at(index).map(|(person, done)| key_leaf(person, done))
            }
            LeafKind::File => {
                let files = self.files.as_ref();
                let index = usize::try_from(index).unwrap_or(usize::MAX);
                files.and_then(|files| files.all().get(index)).map(file_leaf)
            }
            LeafKind::Statistics => None,
        };
        state.unwrap_or_default()
    }

    fn session_leaf(&self) -> KvList {
        let mut leaf = KvList::from([(names::VERSION, VERSION.into())]);
        leaf.push(names::TIME_SHIFT, i64::from(self.last_time_shift));
        for (name, text) in [
            (names::LANGUAGE_NAME, &self.language.name),
            (names::LANGUAGE_CODE, &self.language.code),
        ] {
            if let Some(text) = text {
                leaf.push(name, &**text);
            }
        }
        for (name, secret) in
            [(names::PASSWORD, &self.dossier.password), (names::TOKEN, &self.dossier.token)]
        {
            if let Some(secret) = secret {
                leaf.push(name, secret.bytes());
            }
        }
        if let Some(state) = &self.asynchrony {
            leaf.push(names::STATUS, state.status.number());
            leaf.push(names::STATUS_SHIFT, i64::from(self.dossier.status_shift));
            leaf.push(names::CHECK_AT, &*state.check_at.written());
        }
        if let Some(overrides) = &self.overrides {
            leaf.push(names::OVERRIDES, overrides.written());
        }
        if let Some(used) = self.files.as_ref().map(|files| files.counted()) {
            leaf.push(names::FILES, i64::from(used.files));
            leaf.push(names::FILES_SIZE, i64::try_from(used.size).unwrap_or(i64::MAX));
            leaf.push(names::DOWNLOADS, i64::from(used.downloads));
        }
        leaf
    }

    fn guest_leaf(&self, guest: &Guest) -> KvList {
        let id = &self.roster.party(guest.party).user_id;
        let mut leaf = KvList::from([
            (names::ID, id.as_str().into()),
            (names::SECURE_KEY, guest.key.bytes().into()),
        ]);
        if !guest.former.is_empty() {
            let ids: Vec<&str> = guest.former.iter().map(crate::id::UserId::as_str).collect();
            leaf.push(names::FORMER, &*ids.join(" "));
        }
        if guest.removed {
            leaf.push(names::REMOVED, 1);
        }
        if let Some(subscriber) = self.subscribers.of(guest.party).filter(|_| !guest.removed) {
            leaf.push(names::PUSH, 1);
            if let Some(group) = &subscriber.subscription.group {
                leaf.push(names::PUSH_GROUP, &**group);
            }
        }
        leaf
    }
}

fn key_leaf(person: &Person, done: &Done) -> KvList {
    let mut leaf = KvList::from([
        (names::KEY, (&*done.key).into()),
        (names::KIND, done.kind.name().into()),
        (names::PARTY, i32::from(done.party.0).into()),
        (names::AFTER, i64::from(done.after.number()).into()),
        (names::TO, i64::from(done.to.number()).into()),
    ]);
    match person {
        // Whose the participation is.
        Person::Flex(_) => {}
        Person::Id(id) => leaf.push(names::PERSON_ID, &**id.reveal()),
        Person::Nickname(name) => leaf.push(names::NICKNAME, &**name.reveal()),
    }
    leaf
}

fn file_leaf(file: &File) -> KvList {
    let mut leaf = KvList::from([
        (names::ID, file.id.as_str().into()),
        (names::PARTY, i32::from(file.owner.0).into()),
        (names::UPLOADED, i64::from(file.uploaded.number()).into()),
    ]);
    if let Some(deleted) = file.deleted {
        leaf.push(names::DELETED, i64::from(deleted.number()));
    }
    if let Some(size) = file.counted {
        leaf.push(names::COUNTED, i64::try_from(size).unwrap_or(i64::MAX));
    }
    leaf
}

/// What is read out of a piece.
pub(super) trait Read {
    fn number(&self, name: &str) -> Option<i64>;
    fn small(&self, name: &str) -> Option<u32>;
    fn party(&self) -> Option<PartyNo>;
    fn event(&self, name: &str) -> Option<crate::id::EventId>;
    fn fingerprint(&self, name: &str) -> Option<Fingerprint>;
    fn string(&self, name: &str) -> Option<String>;
}

impl Read for KvList {
    fn number(&self, name: &str) -> Option<i64> {
        match self.value(name)? {
            KvValue::Int(number) => Some(i64::from(*number)),
            KvValue::Long(number) => Some(*number),
            KvValue::Str(_) | KvValue::Bin(_) | KvValue::List(_) => None,
        }
    }

    fn small(&self, name: &str) -> Option<u32> {
        u32::try_from(self.number(name)?).ok()
    }

    fn party(&self) -> Option<PartyNo> {
        u16::try_from(self.number(names::PARTY)?).ok().map(PartyNo)
    }

    fn event(&self, name: &str) -> Option<crate::id::EventId> {
        crate::id::EventId::new(self.small(name)?)
    }

    fn fingerprint(&self, name: &str) -> Option<Fingerprint> {
        match self.value(name)? {
            KvValue::Bin(bytes) => Fingerprint::read(bytes.reveal()),
            KvValue::Int(_) | KvValue::Long(_) | KvValue::Str(_) | KvValue::List(_) => None,
        }
    }

    fn string(&self, name: &str) -> Option<String> {
        self.text(name).map(alloc::borrow::Cow::into_owned)
    }
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Message => "message",
            Self::Notify => "notify",
        }
    }

    pub(super) fn by_name(name: &str) -> Option<Self> {
        [Self::Join, Self::Message, Self::Notify].into_iter().find(|kind| kind.name() == name)
    }
}

#[cfg(test)]
mod tests;
