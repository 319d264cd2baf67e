//! ChatTranscript and the events in it (wire §5), the same on basic and flex.

use alloc::boxed::Box;

use confer_core::frame::{
    Attribute, ChatTranscript, EventBody, EventKind, EventList, Message, NewParty, Notice, Open,
    Party, PartyLeft, TranscriptEvent,
};
use confer_core::id::EventId;
use confer_core::text::Text;

use crate::attributes::{Entry, Value};
use crate::error::EncodeError;
use crate::fields::{FromValue, Group, Misfit, ToValue, misfit};
use crate::write::Writer;

/// Items there may be in one list.
pub const MAX_ITEMS: usize = 65_536;

impl FromValue<'_> for ChatTranscript {
    fn from_entry(entry: Entry<'_>) -> Result<Self, Misfit> {
        let Value::Struct(level) = entry.value else { return misfit(&entry) };
        let mut group = Group::new(level);
        Ok(Self {
            session_id: group.required(Attribute::SessionId)?,
            start_at: group.required(Attribute::StartAt)?,
            events: group.required(Attribute::EventList)?,
            idle_time_expire: group.optional(Attribute::IdleTimeExpire)?,
            monitored: group.optional(Attribute::Monitored)?,
        })
    }
}

impl FromValue<'_> for EventList {
    fn from_entry(entry: Entry<'_>) -> Result<Self, Misfit> {
        let Value::List(items) = entry.value else { return misfit(&entry) };
        items.into_iter().map(|level| read_event(&mut Group::new(level))).collect()
    }
}

fn read_event(group: &mut Group<'_>) -> Result<TranscriptEvent, Misfit> {
    let kind: Open<EventKind> = group.required(Attribute::EventKind)?;
    let user_nickname = group.optional(Attribute::UserNickname)?;
    let user_type = group.optional(Attribute::UserType)?;
    let party = match (user_nickname, user_type) {
        (Some(user_nickname), Some(user_type)) => Some(Party { user_nickname, user_type }),
        (user_nickname, _) if kind == Open::Known(EventKind::NewParty) => {
            // One of the two is missing, and asking for it says which.
            let missing = match user_nickname {
                None => Attribute::UserNickname,
                Some(_) => Attribute::UserType,
            };
            return Err(group.missing(missing));
        }
        _ => None,
    };
    Ok(TranscriptEvent {
        event_id: group.required(Attribute::EventId)?,
        user_id: group.required(Attribute::UserId)?,
        time_shift: group.required(Attribute::TimeShift)?,
        visibility: group.required(Attribute::Visibility)?,
        party,
        participant_no: group.optional(Attribute::ParticipantNo)?,
        event_attributes: group.optional(Attribute::EventAttributes)?,
        body: match kind {
            Open::Known(EventKind::NewParty) => EventBody::NewParty(Box::new(NewParty {
                protocol_type: group.required(Attribute::ProtocolType)?,
                person_id: group.optional(Attribute::PersonId)?,
                time_zone_offset: group.optional(Attribute::TimeZoneOffset)?,
                client_version: group.optional(Attribute::ClientVersion)?,
                user_data: group.optional(Attribute::UserData)?,
                message_text: group.optional(Attribute::MessageText)?,
            })),
            Open::Known(EventKind::Message) => EventBody::Message(Message {
                message_text: group.required(Attribute::MessageText)?,
                message_type: group.optional(Attribute::MessageType)?,
                treat_as: group.optional(Attribute::TreatAs)?,
                receiver_id: group.optional(Attribute::ReceiverId)?,
                user_data: group.optional(Attribute::UserData)?,
            }),
            Open::Known(EventKind::Notice) => EventBody::Notice(Notice {
                notice_type: group.required(Attribute::NoticeType)?,
                notice_text: group.optional(Attribute::NoticeText)?,
                receiver_id: group.optional(Attribute::ReceiverId)?,
                user_data: group.optional(Attribute::UserData)?,
            }),
            Open::Known(EventKind::PartyLeft) => EventBody::PartyLeft(PartyLeft {
                asker_id: group.required(Attribute::AskerId)?,
                reason_code: group.optional(Attribute::ReasonCode)?,
                reason_text: group.optional(Attribute::ReasonText)?,
                message_text: group.optional(Attribute::MessageText)?,
            }),
            Open::Unknown(kind) => EventBody::Unknown(kind),
        },
    })
}

impl ToValue for ChatTranscript {
    fn write(&self, attribute: Attribute, writer: &mut Writer<'_>) {
        debug_assert!(attribute == Attribute::ChatTranscript, "no other attribute is a transcript");
        let part = Part { from: 0, size: usize::MAX, tail: 0, keeps_result: false };
        let Some(next) = write_part(self, &part, writer) else { return };
        writer.fail(if next == MAX_ITEMS {
            EncodeError::TooMany
        } else {
            EncodeError::TooLarge { size: writer.size(), limit: writer.limit() }
        });
    }
}

/// How much of a transcript is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The index of the first event.
    pub from: usize,
    /// The size the frame may reach, in bytes, within the writer's own limit. A single event may
    /// reach that limit.
    pub size: usize,
    /// How much of that size what follows the events needs.
    pub tail: usize,
    /// Whether an EventId 0 at the end, the result of a question and no event of the session, is
    /// written even if events before it do not fit (wire §4.2).
    pub keeps_result: bool,
}

/// What follows the events inside every transcript: IdleTimeExpire and Monitored.
const TRANSCRIPT_TAIL: usize = 2 * 7;

/// Writes ChatTranscript with as many events as fit, at least one; the index of the first event
/// that did not. An event that no frame of this size can hold is replaced by one with the same ids
/// and no text (wire §4.1).
pub fn write_part(
    transcript: &ChatTranscript,
    part: &Part,
    writer: &mut Writer<'_>,
) -> Option<usize> {
    let tail = part.tail + TRANSCRIPT_TAIL;
    let limit = writer.limit().saturating_sub(tail);
    let size = part.size.saturating_sub(tail).min(limit);
    let (events, result) = match transcript.events.split_last() {
        Some((last, events)) if part.keeps_result && last.event_id == EventId::NONE => {
            (events, Some(last))
        }
        _ => (&*transcript.events, None),
    };
    let mut next = part.from;
    writer.structure(Attribute::ChatTranscript, |writer| {
        writer.required(Attribute::SessionId, &transcript.session_id);
        writer.required(Attribute::StartAt, &transcript.start_at);
        writer.list(Attribute::EventList, |writer| {
            let before = writer.size();
            let most = MAX_ITEMS - usize::from(result.is_some());
            if let Some(result) = result {
                writer.item(|writer| write_event(result, writer));
            }
            let reserved = writer.size() - before;
            writer.rewind(before);
            let (limit, size) = (limit.saturating_sub(reserved), size.saturating_sub(reserved));
            for event in events.iter().skip(part.from).take(most) {
                let before = writer.size();
                writer.item(|writer| write_event(event, writer));
                let first = next == part.from;
                if first && writer.size() > limit {
                    writer.rewind(before);
                    writer.item(|writer| write_event(&without_text(event), writer));
                } else if !first && writer.size() > size {
                    writer.rewind(before);
                    break;
                }
                next += 1;
            }
            if let Some(result) = result {
                writer.item(|writer| write_event(result, writer));
            }
        });
        writer.optional(Attribute::IdleTimeExpire, &transcript.idle_time_expire);
        writer.optional(Attribute::Monitored, &transcript.monitored);
    });
    (next < events.len()).then_some(next)
}

/// What of an event goes into a frame of any size.
fn without_text(event: &TranscriptEvent) -> TranscriptEvent {
    let body = match &event.body {
        EventBody::NewParty(party) => EventBody::NewParty(Box::new(NewParty {
            protocol_type: party.protocol_type,
            person_id: None,
            time_zone_offset: party.time_zone_offset,
            client_version: party.client_version,
            user_data: None,
            message_text: None,
        })),
        EventBody::Message(message) => EventBody::Message(Message {
            message_text: Text::new(""),
            message_type: None,
            treat_as: message.treat_as,
            receiver_id: message.receiver_id.clone(),
            user_data: None,
        }),
        EventBody::Notice(notice) => EventBody::Notice(Notice {
            notice_type: notice.notice_type,
            notice_text: None,
            receiver_id: notice.receiver_id.clone(),
            user_data: None,
        }),
        EventBody::PartyLeft(left) => EventBody::PartyLeft(PartyLeft {
            asker_id: left.asker_id.clone(),
            reason_code: left.reason_code,
            reason_text: None,
            message_text: None,
        }),
        EventBody::Unknown(kind) => EventBody::Unknown(*kind),
    };
    TranscriptEvent { event_attributes: None, body, ..event.clone() }
}

fn write_event(event: &TranscriptEvent, writer: &mut Writer<'_>) {
    // One pass in rising order of ids, whatever the kind: what a kind does not have is not there.
    let (mut party, mut message, mut notice, mut left) = (None, None, None, None);
    match &event.body {
        EventBody::NewParty(body) => party = Some(body),
        EventBody::Message(body) => message = Some(body),
        EventBody::Notice(body) => notice = Some(body),
        EventBody::PartyLeft(body) => left = Some(body),
        EventBody::Unknown(_) => {}
    }
    writer.required(Attribute::UserId, &event.user_id);
    if let Some(party) = &event.party {
        writer.required(Attribute::UserNickname, &party.user_nickname);
        writer.required(Attribute::UserType, &party.user_type);
    } else if party.is_some() {
        writer.fail(EncodeError::Missing(Attribute::UserNickname));
    }
    if let Some(party) = party {
        writer.optional(Attribute::PersonId, &party.person_id);
        writer.optional(Attribute::TimeZoneOffset, &party.time_zone_offset);
        writer.optional(Attribute::ClientVersion, &party.client_version);
    }
    writer.required(Attribute::Visibility, &event.visibility);
    let user_data = party.and_then(|party| party.user_data.as_ref());
    let user_data = user_data.or_else(|| message.and_then(|message| message.user_data.as_ref()));
    let user_data = user_data.or_else(|| notice.and_then(|notice| notice.user_data.as_ref()));
    if let Some(user_data) = user_data {
        writer.required(Attribute::UserData, user_data);
    }
    writer.optional(Attribute::EventAttributes, &event.event_attributes);
    let receiver_id = message.map_or_else(
        || notice.and_then(|notice| notice.receiver_id.as_ref()),
        |message| message.receiver_id.as_ref(),
    );
    if let Some(receiver_id) = receiver_id {
        writer.required(Attribute::ReceiverId, receiver_id);
    }
    if let Some(party) = party {
        writer.optional(Attribute::MessageText, &party.message_text);
    }
    if let Some(left) = left {
        writer.optional(Attribute::MessageText, &left.message_text);
    }
    if let Some(message) = message {
        writer.required(Attribute::MessageText, &message.message_text);
        writer.optional(Attribute::MessageType, &message.message_type);
        writer.optional(Attribute::TreatAs, &message.treat_as);
    }
    if let Some(notice) = notice {
        writer.optional(Attribute::NoticeText, &notice.notice_text);
        writer.required(Attribute::NoticeType, &notice.notice_type);
    }
    writer.required(Attribute::EventKind, &event.kind());
    writer.required(Attribute::EventId, &event.event_id);
    writer.required(Attribute::TimeShift, &event.time_shift);
    if let Some(party) = party {
        writer.required(Attribute::ProtocolType, &party.protocol_type);
    }
    if let Some(left) = left {
        writer.optional(Attribute::ReasonCode, &left.reason_code);
        writer.optional(Attribute::ReasonText, &left.reason_text);
        writer.required(Attribute::AskerId, &left.asker_id);
    }
    writer.optional(Attribute::ParticipantNo, &event.participant_no);
}

#[cfg(test)]
mod tests;
