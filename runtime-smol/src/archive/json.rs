//! What is in a store as JSON, one object a line.

use confer_core::ask::{Leaf, LeafKind, Loaded};
use confer_core::frame::{EventBody, KvList, KvValue, Open, TranscriptEvent};
use confer_core::text::Text;
use confer_core::time::Stamp;
use confer_store::{ContactRow, InteractionRow, Purged, SessionRow};
use confer_wire::map::Enumeration;
use serde_json::{Map, Value as Json, json};

use crate::decode::json::{line, list};

pub(super) fn session(row: &SessionRow) -> String {
    line(&json!({
        "session": row.session,
        "interaction": row.interaction,
        "tenant": row.tenant,
        "queue": row.queue,
        "contact": row.contact,
        "startAt": stamp(row.start_at),
        "endAt": row.end_at.map(stamp),
        "owner": row.owner,
        "generation": row.generation,
    }))
}

pub(super) fn interaction(row: &InteractionRow) -> String {
    line(&json!({
        "interaction": row.interaction,
        "tenant": row.tenant,
        "queue": row.queue,
        "submitter": row.submitter,
        "submittedAt": stamp(row.submitted_at),
        "stoppedAt": row.stopped_at.map(stamp),
        "properties": list(&row.properties),
    }))
}

pub(super) fn contact(row: &ContactRow) -> String {
    line(&json!({
        "contact": row.contact,
        "tenant": row.tenant,
        "createdAt": stamp(row.created_at),
        "attributes": list(&row.attributes),
    }))
}

pub(super) fn check(wrong: &[String]) -> String {
    line(&json!({ "good": wrong.is_empty(), "wrong": wrong }))
}

pub(super) fn purged(purged: &Purged, before: Stamp, really: bool) -> String {
    line(&json!({
        "before": stamp(before),
        "purged": really,
        "sessions": purged.sessions,
        "documents": purged.documents,
        "interactions": purged.interactions,
        "contacts": purged.contacts,
    }))
}

pub(super) fn transcript(loaded: &Loaded) -> String {
    let beginning = &loaded.beginning;
    line(&json!({
        "session": loaded.session.as_str(),
        "interaction": beginning.interaction.as_str(),
        "tenant": &*beginning.tenant,
        "queue": &*beginning.queue,
        "contact": beginning.contact.as_ref().map(confer_core::id::ContactId::as_str),
        "startAt": stamp(beginning.start_at),
        "endAt": loaded.end_at.map(stamp),
        "subject": beginning.subject.as_ref().map(Text::reveal),
        "userData": list(&beginning.user_data),
        "events": loaded.events.iter().map(event).collect::<Vec<_>>(),
        "statistics": statistics(&loaded.leaves),
    }))
}

/// The statistics of a session (§21), as it left them; none if it has none.
fn statistics(leaves: &[Leaf]) -> Option<Vec<Json>> {
    let statistics = leaves.iter().filter(|leaf| leaf.key.kind == LeafKind::Statistics);
    let statistics: Vec<_> = statistics.map(|leaf| list(&leaf.state)).collect();
    (!statistics.is_empty()).then_some(statistics)
}

/// The attributes of an event, by the names of the wire; those it does not have are not there.
fn event(event: &TranscriptEvent) -> Json {
    let mut object = Object(Map::new());
    object.put("EventId", event.event_id.number());
    object.put("EventKind", kind(event));
    object.put("UserId", event.user_id.as_str());
    object.put("TimeShift", event.time_shift);
    object.put("Visibility", open(event.visibility, confer_core::frame::Visibility::name));
    if let Some(party) = &event.party {
        object.put("UserNickname", party.user_nickname.reveal().as_str());
        object.put("UserType", open(party.user_type, confer_core::frame::UserType::name));
    }
    match &event.body {
        EventBody::NewParty(party) => {
            object.put(
                "ProtocolType",
                open(party.protocol_type, confer_core::frame::ProtocolType::name),
            );
            object.maybe("PersonId", party.person_id.as_ref().map(|id| id.reveal().as_str()));
            object.maybe("TimeZoneOffset", party.time_zone_offset);
            object.maybe("ClientVersion", party.client_version);
            object.text("MessageText", party.message_text.as_ref());
            object.list("UserData", party.user_data.as_ref());
        }
        EventBody::Message(message) => {
            object.text("MessageText", Some(&message.message_text));
            object.maybe("MessageType", message.message_type.as_deref());
            object.maybe(
                "TreatAs",
                message.treat_as.map(|it| open(it, confer_core::frame::TreatAs::name)),
            );
            object.maybe(
                "ReceiverId",
                message.receiver_id.as_ref().map(confer_core::id::UserId::as_str),
            );
            object.list("UserData", message.user_data.as_ref());
        }
        EventBody::Notice(notice) => {
            object
                .put("NoticeType", open(notice.notice_type, confer_core::frame::NoticeType::name));
            object.text("NoticeText", notice.notice_text.as_ref());
            object.maybe(
                "ReceiverId",
                notice.receiver_id.as_ref().map(confer_core::id::UserId::as_str),
            );
            object.list("UserData", notice.user_data.as_ref());
        }
        EventBody::PartyLeft(left) => {
            object.put("AskerId", left.asker_id.as_str());
            object.maybe("ReasonCode", left.reason_code);
            object.text("ReasonText", left.reason_text.as_ref());
            object.text("MessageText", left.message_text.as_ref());
        }
        EventBody::Unknown(_) => {}
    }
    object.list("EventAttributes", event.event_attributes.as_ref());
    Json::Object(object.0)
}

fn kind(event: &TranscriptEvent) -> Json {
    open(event.kind(), confer_core::frame::EventKind::name)
}

/// By name, or by number if it has none here.
fn open<T: Enumeration>(value: Open<T>, name: impl FnOnce(T) -> &'static str) -> Json {
    match value {
        Open::Known(value) => json!(name(value)),
        Open::Unknown(number) => json!(number),
    }
}

fn stamp(stamp: Stamp) -> String {
    stamp.to_string()
}

struct Object(Map<String, Json>);

impl Object {
    fn put(&mut self, key: &str, value: impl Into<Json>) {
        self.0.insert(key.to_owned(), value.into());
    }

    fn maybe(&mut self, key: &str, value: Option<impl Into<Json>>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    fn text(&mut self, key: &str, text: Option<&Text>) {
        self.maybe(key, text.map(Text::reveal));
    }

    fn list(&mut self, key: &str, data: Option<&KvList>) {
        self.maybe(key, data.map(list));
    }
}

/// A value as one line for people.
pub(super) fn plain(value: &KvValue) -> String {
    match value {
        KvValue::Int(number) => number.to_string(),
        KvValue::Long(number) => number.to_string(),
        KvValue::Str(text) => text.reveal().escape_debug().to_string(),
        KvValue::Bin(bytes) => format!("[{} bytes]", bytes.reveal().len()),
        KvValue::List(inside) => line(&list(inside)),
    }
}
