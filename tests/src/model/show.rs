//! Frames as a reader of a failed script wants them: with the words, which are invented.

use std::fmt::Write as _;

use confer_core::frame::{
    ChatTranscript, Event, EventBody, Frame, KvEntry, KvList, KvValue, TranscriptEvent, basic, esp,
    flex,
};
use confer_core::pii::Secret;
use confer_core::text::Text;

/// The session a frame on basic is about.
pub(super) fn session(frame: &Frame<Event>) -> Option<&str> {
    match &frame.body {
        Event::Basic(basic::Event::EventSessionInfo(info)) => Some(info.session_id.as_str()),
        Event::Basic(_) | Event::Flex(_) | Event::Esp(_) => None,
    }
}

/// A frame on one line, events on a line each.
pub(super) fn frame(frame: &Frame<Event>) -> String {
    let mut line = format!("[{}] ", frame.reference);
    match &frame.body {
        Event::Basic(basic::Event::EventSessionInfo(info)) => {
            let user_id = info.user_id.as_ref();
            let _ = write!(line, "info {:?} {:?}", info.session_status, user_id);
            transcript(&mut line, &info.chat_transcript);
        }
        Event::Flex(flex::Event::EventStatus(status)) => {
            let short = flex::EventStatus { chat_transcript: None, ..status.clone() };
            let key = status.secure_key.as_ref().map(Secret::reveal);
            let _ = write!(line, "{short:?} {key:?}");
            if let Some(it) = &status.chat_transcript {
                transcript(&mut line, it);
            }
        }
        Event::Esp(
            esp::Event::Event3rdServerResponse(envelope)
            | esp::Event::Event3rdServerFault(envelope),
        ) => {
            let _ = write!(line, "{} {}", envelope.method, list(&envelope.parameters));
        }
        Event::Basic(_) | Event::Flex(_) => {
            let _ = write!(line, "{:?}", frame.body);
        }
    }
    line
}

fn transcript(line: &mut String, it: &ChatTranscript) {
    let _ = write!(
        line,
        " {} from {} idle {:?} monitored {:?}",
        it.session_id, it.start_at, it.idle_time_expire, it.monitored
    );
    line.push_str(&events(it.events.iter()));
}

/// Events on a line each.
pub(super) fn events<'a>(all: impl IntoIterator<Item = &'a TranscriptEvent>) -> String {
    all.into_iter().map(|one| format!("\n      {}", event(one))).collect()
}

fn event(it: &TranscriptEvent) -> String {
    let mut line =
        format!("{} +{}s {:?} {}", it.event_id, it.time_shift, it.visibility, it.user_id);
    if let Some(party) = &it.party {
        let _ = write!(line, " ({} {:?})", party.user_nickname.reveal(), party.user_type);
    }
    let _ = match &it.body {
        EventBody::NewParty(come) => write!(
            line,
            " comes {come:?} {:?} {}",
            come.message_text.as_ref().map(Text::reveal),
            come.user_data.as_ref().map(list).unwrap_or_default()
        ),
        EventBody::Message(message) => {
            write!(line, " says {:?} to {:?}", message.message_text.reveal(), message.receiver_id)
        }
        EventBody::Notice(notice) => write!(
            line,
            " notes {:?} {:?} to {:?} {}",
            notice.notice_type,
            notice.notice_text.as_ref().map(Text::reveal),
            notice.receiver_id,
            notice.user_data.as_ref().map(list).unwrap_or_default()
        ),
        EventBody::PartyLeft(left) => write!(
            line,
            " goes by {} for {:?} {:?} {:?}",
            left.asker_id,
            left.reason_code,
            left.reason_text.as_ref().map(Text::reveal),
            left.message_text.as_ref().map(Text::reveal)
        ),
        EventBody::Unknown(kind) => write!(line, " unknown {kind}"),
    };
    if let Some(no) = it.participant_no {
        let _ = write!(line, " no {no}");
    }
    if let Some(attributes) = &it.event_attributes {
        let _ = write!(line, " {}", list(attributes));
    }
    line
}

fn list(list: &KvList) -> String {
    let value = |value: &KvValue| match value {
        KvValue::List(inside) => self::list(inside),
        KvValue::Str(text) => text.reveal().to_string(),
        KvValue::Int(number) => number.to_string(),
        KvValue::Long(number) => number.to_string(),
        KvValue::Bin(_) => "bytes".to_owned(),
    };
    let entry = |entry: &KvEntry| format!("{}={}", entry.key, value(&entry.value));
    format!("{{{}}}", list.into_iter().map(entry).collect::<Vec<_>>().join(" "))
}
