//! What a participant gets to see of a session.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

use super::{EventKind, KvList, NoticeType, Open, ProtocolType, TreatAs, UserType, Visibility};
use crate::id::{EventId, SessionId, UserId};
use crate::pii::Pii;
use crate::text::{Str, Text};
use crate::time::Stamp;

/// A stretch of a session's events, as one participant may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ChatTranscript {
    /// When the session began.
    pub start_at: Stamp,
    /// The session.
    pub session_id: SessionId,
    /// The events, in rising order of their ids.
    pub events: EventList,
    /// Seconds until the session would be closed for inactivity, while a control runs (B11.5).
    pub idle_time_expire: Option<u32>,
    /// Whether somebody watches unseen (B3.5).
    pub monitored: Option<bool>,
}

/// One event, as one participant may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TranscriptEvent {
    /// Its place in the session.
    pub event_id: EventId,
    /// Whose event it is.
    pub user_id: UserId,
    /// Whole seconds since the session's start (B5.2).
    pub time_shift: u32,
    /// Who it is for.
    pub visibility: Open<Visibility>,
    /// Who `user_id` is: on every newParty, and on flex, which keeps no roster, on every event.
    pub party: Option<Party>,
    /// Which participation `user_id` is, counting those a CLIENT may see from 1; SYSTEM is 0. On
    /// every flex event, nowhere else.
    pub participant_no: Option<u32>,
    /// Attributes of the event (B7.7).
    pub event_attributes: Option<KvList>,
    /// What happened.
    pub body: EventBody,
}

// Most of a frame that tells of one event, and moved as often as it. The largest kind, which is
// rare, is in a box.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<TranscriptEvent>() <= 3 * 64);

impl TranscriptEvent {
    /// The kind of the event.
    pub const fn kind(&self) -> Open<EventKind> {
        match &self.body {
            EventBody::NewParty(_) => Open::Known(EventKind::NewParty),
            EventBody::Message(_) => Open::Known(EventKind::Message),
            EventBody::Notice(_) => Open::Known(EventKind::Notice),
            EventBody::PartyLeft(_) => Open::Known(EventKind::PartyLeft),
            EventBody::Unknown(kind) => Open::Unknown(*kind),
        }
    }
}

/// Who somebody is, as shown to others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Party {
    /// The newest nickname.
    pub user_nickname: Pii<Str>,
    /// Who they are.
    pub user_type: Open<UserType>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum EventBody {
    /// Somebody came.
    NewParty(Box<NewParty>),
    /// Somebody said something.
    Message(Message),
    /// Something happened beside the words.
    Notice(Notice),
    /// Somebody went.
    PartyLeft(PartyLeft),
    /// Something a newer server knows; a client skips it (wire §6).
    Unknown(i32),
}

/// Somebody came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NewParty {
    /// How they take part.
    pub protocol_type: Open<ProtocolType>,
    /// Their id outside this system.
    pub person_id: Option<Pii<Str>>,
    /// Minutes to add to UTC for their local time.
    pub time_zone_offset: Option<i32>,
    /// The version their client announced.
    pub client_version: Option<i32>,
    /// What they brought along.
    pub user_data: Option<KvList>,
    /// Their greeting (B4.4).
    pub message_text: Option<Text>,
}

/// Somebody said something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Message {
    /// The words.
    pub message_text: Text,
    /// Free text, passed through.
    pub message_type: Option<Str>,
    /// How the message wants to be shown.
    pub treat_as: Option<Open<TreatAs>>,
    /// The only other who may see it (B7.6).
    pub receiver_id: Option<UserId>,
    /// Data of the message.
    pub user_data: Option<KvList>,
}

/// Something happened beside the words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Notice {
    /// What it is about.
    pub notice_type: Open<NoticeType>,
    /// A web address, a preview, a nickname, the name of a command.
    pub notice_text: Option<Text>,
    /// The only other who may see it (B7.6).
    pub receiver_id: Option<UserId>,
    /// Data of the notice.
    pub user_data: Option<KvList>,
}

/// Somebody went.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PartyLeft {
    /// Who made it happen: the leaver itself, or its remover (B8.5).
    pub asker_id: UserId,
    /// Why (B8.7); absent for a plain leave.
    pub reason_code: Option<i32>,
    /// Why, in words.
    pub reason_text: Option<Text>,
    /// Their parting words.
    pub message_text: Option<Text>,
}

/// A list of events that holds a single one, by far the most common number, without an allocation.
#[derive(Clone)]
pub struct EventList(Repr);

#[derive(Clone)]
enum Repr {
    One(TranscriptEvent),
    Many(Vec<TranscriptEvent>),
}

impl EventList {
    /// No events.
    pub const fn new() -> Self {
        Self(Repr::Many(Vec::new()))
    }
}

impl Default for EventList {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for EventList {
    type Target = [TranscriptEvent];

    fn deref(&self) -> &[TranscriptEvent] {
        match &self.0 {
            Repr::One(event) => core::slice::from_ref(event),
            Repr::Many(events) => events,
        }
    }
}

impl DerefMut for EventList {
    fn deref_mut(&mut self) -> &mut [TranscriptEvent] {
        match &mut self.0 {
            Repr::One(event) => core::slice::from_mut(event),
            Repr::Many(events) => events,
        }
    }
}

impl From<TranscriptEvent> for EventList {
    fn from(event: TranscriptEvent) -> Self {
        Self(Repr::One(event))
    }
}

impl From<Vec<TranscriptEvent>> for EventList {
    fn from(events: Vec<TranscriptEvent>) -> Self {
        Self(Repr::Many(events))
    }
}

impl From<EventList> for Vec<TranscriptEvent> {
    fn from(list: EventList) -> Self {
        match list.0 {
            Repr::One(event) => Self::from([event]),
            Repr::Many(events) => events,
        }
    }
}

impl FromIterator<TranscriptEvent> for EventList {
    fn from_iter<I: IntoIterator<Item = TranscriptEvent>>(events: I) -> Self {
        let mut events = events.into_iter();
        let Some(first) = events.next() else { return Self::new() };
        let Some(second) = events.next() else { return Self::from(first) };
        let mut list = Vec::from([first, second]);
        list.extend(events);
        Self::from(list)
    }
}

impl PartialEq for EventList {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for EventList {}

impl core::fmt::Debug for EventList {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
