//! Events as JSON: the thirteen kinds clients know, and no other.

use alloc::borrow::Cow;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use confer_core::frame::{
    EventBody, KvEntry, KvList, KvValue, Notice, NoticeType, Open, TranscriptEvent, UserType,
};
use confer_core::id::EventId;
use confer_core::text::Text;
use confer_core::time::Stamp;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// The kinds of events, as clients know them; a client may break at any other.
pub(crate) const TYPES: [&str; 13] = [
    "ParticipantJoined",
    "ParticipantLeft",
    "Message",
    "TypingStarted",
    "TypingStopped",
    "NicknameUpdated",
    "PushUrl",
    "FileUploaded",
    "FileDeleted",
    "CustomNotice",
    "Notice",
    "IdleAlert",
    "IdleClose",
];

/// User data of notices that no customer may see (B22.2, B22.4).
const HIDDEN: [&str; 3] = ["file-upload-path", "file-document-id", "file-permit"];
const FILE_ID: &str = "file-id";

/// Who an event is from.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct From<'a> {
    nickname: &'a str,
    participant_id: u32,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// An event.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event<'a> {
    from: From<'a>,
    /// Its place in the transcript; the result of a question has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    #[serde(rename = "type")]
    kind: &'static str,
    utc_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_data: Option<FlatTexts<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_attributes: Option<Texts<'a>>,
}

/// The events a client can be told, in order.
pub(crate) fn events<'a>(start_at: Stamp, events: &'a [TranscriptEvent]) -> Vec<Event<'a>> {
    events.iter().filter_map(|event| Event::of(start_at, event)).collect()
}

impl<'a> Event<'a> {
    /// The event as JSON; `None` for what this build does not know (wire §6).
    fn of(start_at: Stamp, event: &'a TranscriptEvent) -> Option<Self> {
        let (kind, text, message_type, user_data) = match &event.body {
            EventBody::NewParty(party) => {
                ("ParticipantJoined", party.message_text.as_ref(), None, None)
            }
            EventBody::Message(message) => {
                ("Message", Some(&message.message_text), message.message_type.as_deref(), None)
            }
            EventBody::PartyLeft(left) => {
                ("ParticipantLeft", left.message_text.as_ref(), None, None)
            }
            EventBody::Notice(notice) => {
                (kind_of(notice)?, notice.notice_text.as_ref(), None, notice.user_data.as_ref())
            }
            EventBody::Unknown(_) => return None,
        };
        let mut text = text.map(|text| Cow::Borrowed(text.reveal()));
        // Of a file, clients want the id they can fetch it by.
        if matches!(kind, "FileUploaded" | "FileDeleted") {
            text = user_data.and_then(|data| data.text(FILE_ID)).or(text);
        }
        let seconds = start_at.as_unix_seconds().saturating_add(i64::from(event.time_shift));
        Some(Self {
            from: From {
                nickname: event.party.as_ref().map_or("", |party| party.user_nickname.reveal()),
                participant_id: event.participant_no.unwrap_or(0),
                kind: type_of(event.party.as_ref().map(|party| party.user_type)),
            },
            index: (event.event_id != EventId::NONE).then(|| event.event_id.number()),
            kind,
            utc_time: seconds.saturating_mul(1000),
            text,
            message_type,
            user_data: user_data.map(FlatTexts),
            event_attributes: event.event_attributes.as_ref().map(Texts),
        })
    }
}

fn kind_of(notice: &Notice) -> Option<&'static str> {
    Some(match notice.notice_type.known()? {
        NoticeType::UserCustom => "CustomNotice",
        NoticeType::UserPushedUrl => "PushUrl",
        NoticeType::UserTypingStarted => "TypingStarted",
        NoticeType::UserTypingStopped => "TypingStopped",
        NoticeType::UserUpdateNick => "NicknameUpdated",
        NoticeType::IdleControlAlert => "IdleAlert",
        NoticeType::IdleControlClose => "IdleClose",
        NoticeType::IdleControlSet => "Notice",
        NoticeType::SysCommand => match notice.notice_text.as_ref().map(Text::reveal) {
            Some("file-uploaded") => "FileUploaded",
            Some("file-deleted") => "FileDeleted",
            Some(_) | None => "Notice",
        },
    })
}

fn type_of(user_type: Option<Open<UserType>>) -> &'static str {
    match user_type.and_then(Open::known) {
        Some(UserType::Client) => "Client",
        Some(UserType::Agent) => "Agent",
        Some(UserType::Supervisor) => "Supervisor",
        Some(UserType::External) => "External",
        Some(UserType::System) | None => "System",
    }
}

/// A list as an object whose values are texts, or objects of the same kind. Of a key that is there
/// twice, the first counts; bytes are left out.
#[derive(Debug)]
pub(crate) struct Texts<'a>(pub(crate) &'a KvList);

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entries = self.0.entries();
        let mut map = serializer.serialize_map(None)?;
        for (index, KvEntry { key, value }) in entries.iter().enumerate() {
            let seen = entries[..index].iter().any(|earlier| earlier.key == *key);
            if seen || HIDDEN.contains(&&**key) {
                continue;
            }
            match value {
                KvValue::Str(text) => map.serialize_entry(&**key, &**text.reveal())?,
                KvValue::Int(number) => map.serialize_entry(&**key, &*number.to_string())?,
                KvValue::Long(number) => map.serialize_entry(&**key, &*number.to_string())?,
                KvValue::List(list) => map.serialize_entry(&**key, &Texts(list))?,
                KvValue::Bin(_) => {}
            }
        }
        map.end()
    }
}

/// A list as an object of texts only: what is no text is left out, lists inside too.
#[derive(Debug)]
pub(crate) struct FlatTexts<'a>(pub(crate) &'a KvList);

impl Serialize for FlatTexts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let flat: KvList = self
            .0
            .into_iter()
            .filter(|entry| !matches!(entry.value, KvValue::List(_)))
            .cloned()
            .collect();
        Texts(&flat).serialize(serializer)
    }
}
