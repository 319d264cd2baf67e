//! Somebody who comes into a session, or begins one.

use crate::frame::{ErrorId, KvList, ProtocolType, UserType, Visibility};
use crate::id::{EventId, LinkId, UserId};
use crate::pii::Pii;
use crate::refusal::Refusal;
use crate::session::keys::Person;
use crate::session::roster::Seat;
use crate::text::{Str, Text};

/// Entries one key-value list has at most (wire §3).
pub(crate) const MAX_ENTRIES: usize = 1024;

/// Somebody who comes in, and how they are to be answered.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) link: LinkId,
    pub(crate) reference: u32,
    pub(crate) protocol: ProtocolType,
    pub(crate) seat: Seat,
    pub(crate) who: Registration,
    pub(crate) visibility: Visibility,
    /// As the request brought it.
    pub(crate) user_data: KvList,
    pub(crate) greeting: Option<Text>,
    /// Lets them come in once only (B4.8).
    pub(crate) request_key: Option<Str>,
    /// Only later events are wanted.
    pub(crate) after: EventId,
}

/// Who is at the other end of a basic connection.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    pub(crate) user_id: UserId,
    pub(crate) nickname: Pii<Str>,
    pub(crate) user_type: UserType,
    pub(crate) person_id: Option<Pii<Str>>,
    pub(crate) time_zone_offset: Option<i32>,
    pub(crate) client_version: Option<i32>,
    pub(crate) user_data: KvList,
}

impl Registration {
    /// Whoever registered, on whatever connection (B4.8).
    pub(crate) fn person(&self) -> Person {
        match &self.person_id {
            Some(id) => Person::Id(id.clone()),
            None => Person::Nickname(self.nickname.clone()),
        }
    }
}

impl Newcomer {
    /// Whose RequestKey theirs is.
    pub(crate) fn person(&self) -> Person {
        match self.seat {
            Seat::Flex(user) => Person::Flex(user),
            Seat::Basic(_) | Seat::Voice | Seat::Former => self.who.person(),
        }
    }

    /// What the session keeps of what its creator brought, at login and now (B19.3).
    pub(crate) fn brought(&self) -> KvList {
        let mut brought = self.who.user_data.clone();
        brought.retain(|entry| self.user_data.value(&entry.key).is_none());
        for entry in &self.user_data {
            brought.push(&entry.key, entry.value.clone());
        }
        brought
    }

    /// Whether what they bring can be shown to others as one list, with what the server adds to it
    /// (wire §3).
    pub(crate) fn fits(&self) -> Result<(), Refusal> {
        const MARKS: usize = 2;
        let entries = self.who.user_data.len() + self.user_data.len() + MARKS;
        if entries > MAX_ENTRIES { Err(ErrorId::LimitReached.into()) } else { Ok(()) }
    }
}
