//! What customers may do with files: limits, permits, and what the document store has to say.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

mod downloads;
mod uploads;

use std::time::Duration;

use confer_core::ask::{Document, Request as AskRequest};
use confer_core::frame::basic::{Event, RequestJoin, RequestNotify};
use confer_core::frame::flex::{EventStatus, Request};
use confer_core::frame::{
    AfterAction, ErrorId, EventBody, KvList, NoticeType, TranscriptEvent, UserType, Visibility,
};
use confer_core::id::{EventId, SessionId};
use confer_core::pii::Secret;
use confer_core::text::Str;
use confer_tests::people::Center;
use confer_tests::people::desk::Desk;
use confer_tests::people::visitor::{Customer, error, lines, result};

const SECTION: &str = "client-file-transfer";

/// Casey, who chats, and the session.
fn casey(center: &Center) -> (Customer, SessionId) {
    let casey = Customer::new(center);
    let session = casey.starts_a_chat("Casey");
    (casey, session)
}

/// Ana, who has joined.
fn ana(center: &Center, session: &SessionId) -> Desk {
    let ana = center.agent("Ana");
    ana.asks(RequestJoin { session_id: Some(session.clone()), ..RequestJoin::default() });
    ana.looks_away();
    ana
}

fn data(event: &TranscriptEvent) -> &KvList {
    match &event.body {
        EventBody::Notice(notice) => notice.user_data.as_ref().expect("user data"),
        other => panic!("{other:?} is no notice"),
    }
}

fn text(list: &KvList, key: &str) -> Option<String> {
    list.text(key).map(std::borrow::Cow::into_owned)
}

/// The results of a question.
#[track_caller]
fn results(status: &EventStatus) -> KvList {
    data(result(status).unwrap_or_else(|| panic!("no result: {status:?}"))).clone()
}

fn question(casey: &Customer, name: &str, size: &str) -> Request {
    casey.command("file-upload-request", [("file-name", name), ("file-size", size)])
}

/// Asks for a permit, and gets it.
#[track_caller]
fn permit(casey: &Customer, name: &str, size: u64) -> String {
    let status = casey.asks(question(casey, name, &size.to_string()));
    text(&results(&status), "file-permit").expect("a permit")
}

fn announcement(
    casey: &Customer,
    (name, size): (&str, u64),
    document: &str,
    permit: &str,
) -> Request {
    let size = size.to_string();
    let data = [
        ("file-name", name),
        ("file-size", &*size),
        ("file-source", "ucs"),
        ("file-document-id", document),
        ("file-permit", permit),
    ];
    casey.command("file-uploaded", data)
}

/// Uploads a file of this size as a gateway does; its id.
#[track_caller]
fn uploads(center: &Center, casey: &Customer, document: &str, size: u64) -> String {
    let permit = permit(casey, "cat.png", size);
    let session = casey.look().session_id.clone().expect("a session");
    center.stores(document, &session, Some(&permit), size);
    let status = casey.asks(announcement(casey, ("cat.png", size), document, &permit));
    assert_eq!(error(&status), None, "{status:?}");
    let event = casey.look().events.last().cloned().expect("an event");
    text(data(&event), "file-id").expect("an id")
}

fn keyed(request: Request, key: &str) -> Request {
    match request {
        Request::RequestNotify(mut notify) => {
            notify.request_key = Some(Str::new(key));
            Request::RequestNotify(notify)
        }
        other => other,
    }
}

/// The values of these keys in the limits Casey is told.
fn used(casey: &Customer) -> [String; 3] {
    let limits = results(&casey.asks(casey.command("file-client-cfg-get", [])));
    ["used-upload-max-files", "used-upload-max-total-size", "used-download-attempts"]
        .map(|key| text(&limits, key).expect("a text"))
}

fn stats(center: &Center) -> usize {
    let stat =
        |request: &AskRequest| matches!(request, AskRequest::Document(Document::Stat { .. }));
    center.asked().into_iter().filter(stat).count()
}
