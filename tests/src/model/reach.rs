//! What a script made the server do: whether scripts reach what they are there to try.

use std::collections::BTreeSet;

use confer_core::ask::{Interaction, Record, Request};
use confer_core::door::Action;
use confer_core::frame::{
    Event, EventBody, KvList, Open, TranscriptEvent, UserType, Visibility, basic, esp, flex,
};
use confer_core::id::EventId;

/// Marks for all the kinds of things these actions hold.
pub(super) fn reached(actions: &[Action]) -> BTreeSet<String> {
    let mut marks = BTreeSet::new();
    for action in actions {
        match action {
            Action::Send { frame, .. } => {
                if frame.reference == 0
                    && let Event::Basic(basic::Event::EventError(error)) = &frame.body
                {
                    mark(&mut marks, format!("basic told of {}", error.error_id));
                }
                sent(&mut marks, &frame.body);
            }
            Action::Close { reason, .. } => mark(&mut marks, format!("close {reason:?}")),
            Action::Ask { request: Request::Interaction(it), .. } => asked(&mut marks, it),
            Action::Ask { request: Request::Record(it), .. } => recorded(&mut marks, it),
            Action::Ask { .. } | Action::Report(_) => {}
        }
    }
    marks
}

fn sent(marks: &mut BTreeSet<String>, event: &Event) {
    let (protocol, error, transcript) = match event {
        Event::Basic(basic::Event::EventError(error)) => ("basic", Some(error.error_id), None),
        Event::Basic(basic::Event::EventSessionInfo(info)) => {
            ("basic", None, Some(&info.chat_transcript))
        }
        Event::Flex(flex::Event::EventStatus(status)) => {
            ("flex", status.error_id, status.chat_transcript.as_ref())
        }
        Event::Esp(esp::Event::Event3rdServerFault(fault)) => {
            let code = fault.parameters.text("FaultCode");
            ("esp", code.and_then(|code| code.parse().ok()), None)
        }
        Event::Esp(esp::Event::Event3rdServerResponse(response)) => {
            return mark(marks, format!("esp {}", response.method));
        }
        Event::Basic(_) | Event::Flex(_) => return,
    };
    if let Some(error) = error {
        mark(marks, format!("{protocol} error {error}"));
    }
    let Some(transcript) = transcript else { return };
    if let Some(monitored) = transcript.monitored {
        mark(marks, format!("monitored {monitored}"));
    }
    for event in transcript.events.iter() {
        happened(marks, protocol, event);
    }
}

fn happened(marks: &mut BTreeSet<String>, protocol: &str, event: &TranscriptEvent) {
    match &event.body {
        EventBody::NewParty(_) => {
            let user_type = event.party.as_ref().and_then(|party| party.user_type.known());
            mark(marks, format!("{protocol} newParty {}", user_type.map_or("?", UserType::name)));
        }
        EventBody::Message(message) => {
            let direct = if message.receiver_id.is_some() { " direct" } else { "" };
            let visibility = event.visibility.known().map_or("?", Visibility::name);
            mark(marks, format!("{protocol} message {visibility}{direct}"));
        }
        EventBody::Notice(notice) if event.event_id == EventId::NONE => {
            let command = notice.notice_text.as_ref().map_or("", |text| text.reveal());
            mark(marks, format!("{protocol} aside {command}"));
        }
        EventBody::Notice(notice) => {
            if let Open::Known(of) = notice.notice_type {
                mark(marks, format!("{protocol} notice {of}"));
            }
        }
        EventBody::PartyLeft(left) => {
            let reason = left.reason_code.map_or("none".to_owned(), |code| code.to_string());
            mark(marks, format!("{protocol} left {reason}"));
        }
        EventBody::Unknown(_) => {}
    }
}

fn asked(marks: &mut BTreeSet<String>, interaction: &Interaction) {
    let properties = match interaction {
        Interaction::Submit { properties, .. } | Interaction::Change { properties, .. } => {
            properties
        }
        Interaction::Stop { .. } => return mark(marks, "stop".to_owned()),
    };
    let status = KvList::text(properties, "GCTI_Chat_AsyncStatus");
    if let Some(status) = status {
        mark(marks, format!("status {status}"));
    }
}

fn recorded(marks: &mut BTreeSet<String>, record: &Record) {
    let what = match record {
        Record::Create { .. } => "create",
        Record::Append { events, .. } if events.is_empty() => "append nothing",
        Record::Append { .. } => "append",
        Record::Final { .. } => "final",
        Record::Discard { .. } => "discard",
        Record::Load { .. } => "load",
        Record::Spool { .. } => "spool",
        Record::Call { .. } | Record::Own { .. } | Record::Release { .. } => "other",
    };
    mark(marks, format!("record {what}"));
}

fn mark(marks: &mut BTreeSet<String>, what: String) {
    marks.insert(what);
}
