//! Files that are announced and deleted, and who gets to see what of them.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use confer_core::frame::basic::RequestNotify;
use confer_core::frame::{
    AfterAction, ErrorId, EventBody, KvList, KvValue, Notice, NoticeType, TranscriptEvent,
    UserType, Visibility,
};
use confer_core::pii::Pii;
use confer_core::text::Str;
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, kv, register};
use confer_tests::people::visitor::{Customer, error, login};

/// A file in the document store.
const RECEIPT: [(&str, &str); 4] = [
    ("file-name", "receipt.png"),
    ("file-size", "2048"),
    ("file-source", "ucs"),
    ("file-document-id", "0001DOCUMENT0001"),
];

/// Casey and Ana in one session, who have seen each other come.
fn two(center: &Center) -> (Desk, Desk) {
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    casey.creates();
    ana.joins(&casey);
    casey.looks_away();
    ana.looks_away();
    (casey, ana)
}

fn notice(event: &TranscriptEvent) -> &Notice {
    match &event.body {
        EventBody::Notice(notice) => notice,
        other => panic!("{other:?} is no notice"),
    }
}

/// What a notice says under a key.
fn said(event: &TranscriptEvent, key: &str) -> Option<String> {
    notice(event).user_data.as_ref()?.text(key).map(std::borrow::Cow::into_owned)
}

/// The keys of a notice, in order.
fn keys(event: &TranscriptEvent) -> Vec<String> {
    let data = notice(event).user_data.as_ref().expect("user data");
    data.into_iter().map(|entry| entry.key.to_string()).collect()
}

/// Announces the receipt; its id.
fn uploads(desk: &Desk) -> String {
    desk.asks(desk.command("file-uploaded", RECEIPT));
    said(&desk.newest(), "file-id").expect("an id")
}

fn deletion(desk: &Desk, file_id: &str) -> RequestNotify {
    desk.command("file-deleted", [("file-id", file_id)])
}

#[test]
fn an_agent_announces_a_file() {
    // B22.1, B7.4
    let center = Center::open();
    let (casey, ana) = two(&center);
    let mut data = kv(RECEIPT);
    data.push("file-upload-path", "C:\\Users\\ana\\receipt.png");
    data.push("file-description", "what you paid");
    let upload = RequestNotify { user_data: Some(data), ..ana.command("file-uploaded", []) };
    ana.asks(upload.clone());
    ana.sees(["Ana SYS_COMMAND: file-uploaded"]);
    casey.sees(["Ana SYS_COMMAND: file-uploaded"]);
    // The server adds the id.
    let id = said(&ana.newest(), "file-id").expect("an id");
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    // Anything else is carried.
    let all = [
        "file-name",
        "file-size",
        "file-source",
        "file-document-id",
        "file-upload-path",
        "file-description",
        "file-id",
    ];
    assert_eq!(keys(&ana.newest()), all);
    // B22.2, B22.4: a CLIENT sees neither the document's name nor where it came from.
    let shown = ["file-name", "file-size", "file-source", "file-description", "file-id"];
    assert_eq!(keys(&casey.newest()), shown);
    assert_eq!(said(&casey.newest(), "file-id"), Some(id.clone()));
    // Another file, another id.
    ana.asks(upload);
    assert_ne!(said(&ana.newest(), "file-id"), Some(id));
    // The record has everything.
    let world = center.world();
    let stored = &world.store.records[&ana.session()].events;
    assert_eq!(keys(stored.values().next_back().unwrap()), all);
}

#[test]
fn a_flex_customer_sees_as_little() {
    // B22.2, B22.4
    let center = Center::open();
    let casey = Customer::new(&center);
    let session = casey.starts_a_chat("Casey");
    let ana = center.agent("Ana");
    ana.asks(confer_core::frame::basic::RequestJoin {
        session_id: Some(session),
        ..Default::default()
    });
    let mut data = kv(RECEIPT);
    data.push("file-upload-path", "/home/ana");
    ana.asks(RequestNotify { user_data: Some(data), ..ana.command("file-uploaded", []) });
    casey.polls();
    let event = casey.look().events.last().cloned().unwrap();
    assert_eq!(keys(&event), ["file-name", "file-size", "file-source", "file-id"]);
}

#[test]
fn what_a_file_needs() {
    // B22.1, B22.6
    let center = Center::open();
    let (casey, ana) = two(&center);
    for missing in RECEIPT.map(|(key, _)| key) {
        let mut data = kv(RECEIPT);
        data.retain(|entry| &*entry.key != missing);
        for data in [
            // Not there, empty, no text.
            data.clone(),
            with(&data, missing, "".into()),
            with(&data, missing, kv([("a", "b")]).into()),
        ] {
            let upload = ana.command("file-uploaded", []);
            ana.is_refused(ErrorId::Malformed, RequestNotify { user_data: Some(data), ..upload });
        }
    }
    ana.is_refused(ErrorId::Malformed, ana.command("file-uploaded", []));
    for odd in ["many", "-1", "+1", "1.5", " 1", "18446744073709551616"] {
        let mut data = kv(RECEIPT);
        data.retain(|entry| &*entry.key != "file-size");
        data.push("file-size", odd);
        let upload = ana.command("file-uploaded", []);
        ana.is_refused(ErrorId::Malformed, RequestNotify { user_data: Some(data), ..upload });
    }
    casey.sees_nothing();
    // The document has a name in the document store only; a number is as good as its text.
    let data = KvList::from([
        ("file-name", "terms.html".into()),
        ("file-size", 17.into()),
        ("file-source", "standard-response".into()),
    ]);
    ana.asks(RequestNotify { user_data: Some(data), ..ana.command("file-uploaded", []) });
    casey.sees(["Ana SYS_COMMAND: file-uploaded"]);
}

fn with(data: &KvList, key: &str, value: KvValue) -> KvList {
    let mut data = data.clone();
    data.push(key, value);
    data
}

#[test]
fn what_only_the_server_says_nobody_forges() {
    // B22.1, B22.3, B22.6
    let center = Center::open();
    let (casey, ana) = two(&center);
    let mut data = kv([
        ("file-id", "0000000000000001"),
        ("file-deleted", "true"),
        ("uploaded-event-id", "1"),
        ("file-permit", "mine"),
    ]);
    for (key, value) in RECEIPT {
        data.push(key, value);
    }
    // Nor does anybody show one name to some clients and another one to others.
    data.push("file-name", "receipt.exe");
    ana.asks(RequestNotify { user_data: Some(data), ..ana.command("file-uploaded", []) });
    let id = said(&casey.newest(), "file-id").unwrap();
    assert_ne!(id, "0000000000000001");
    assert_eq!(keys(&casey.newest()), ["file-name", "file-size", "file-source", "file-id"]);
    assert_eq!(said(&casey.newest(), "file-name").as_deref(), Some("receipt.png"));
    ana.asks(ana.command(
        "file-deleted",
        [("uploaded-event-id", "1"), ("file-id", &id), ("file-id", "other"), ("why", "wrong one")],
    ));
    assert_eq!(keys(&casey.newest()), ["why", "file-id", "uploaded-event-id"]);
    assert_eq!(said(&casey.newest(), "uploaded-event-id").as_deref(), Some("3"));
}

#[test]
fn a_notice_with_too_much_beside_a_file() {
    // B17.4
    let center = Center::with(&[("settings", "user-data-max-size", "1024")]);
    let (_casey, ana) = two(&center);
    let size = kv(RECEIPT).size() + "x".len();
    for (length, fits) in [(1024 - size, true), (1024 - size + 1, false)] {
        let data = with(&kv(RECEIPT), "x", (&*"x".repeat(length)).into());
        let upload = RequestNotify { user_data: Some(data), ..ana.command("file-uploaded", []) };
        if fits {
            ana.asks(upload);
        } else {
            ana.is_refused(ErrorId::LimitReached, upload);
        }
    }
    // What the server adds must find room, too.
    let center = Center::open();
    let (_casey, ana) = two(&center);
    for (entries, fits) in [(1018, true), (1019, false)] {
        let mut data = kv(RECEIPT);
        (0..entries).for_each(|_| data.push("x", ""));
        let upload = RequestNotify { user_data: Some(data), ..ana.command("file-uploaded", []) };
        if fits {
            ana.asks(upload);
            ana.asks(deletion(&ana, &said(&ana.newest(), "file-id").unwrap()));
        } else {
            ana.is_refused(ErrorId::LimitReached, upload);
        }
    }
    // Whoever comes late reads everything.
    let late = center.agent("Late");
    late.joins(&ana);
    late.sees([
        "Casey comes",
        "Ana comes",
        "Ana SYS_COMMAND: file-uploaded",
        "Ana SYS_COMMAND: file-deleted",
        "Late comes",
    ]);
}

#[test]
fn a_deleted_file_says_so_wherever_it_is_read_from_then_on() {
    // B22.3
    let center = Center::open();
    let (casey, ana) = two(&center);
    let id = uploads(&ana);
    assert_eq!(said(&ana.newest(), "file-deleted"), None);
    casey.looks_away();
    ana.asks(deletion(&ana, &id));
    casey.sees(["Ana SYS_COMMAND: file-deleted"]);
    for desk in [&ana, &casey] {
        assert_eq!(keys(&desk.newest()), ["file-id", "uploaded-event-id"]);
        assert_eq!(said(&desk.newest(), "file-id").as_ref(), Some(&id));
        assert_eq!(said(&desk.newest(), "uploaded-event-id").as_deref(), Some("3"));
    }
    let late = center.agent("Late");
    let info = late.joins(&casey);
    let upload = &info.chat_transcript.events[2];
    assert_eq!(said(upload, "file-deleted").as_deref(), Some("true"));
    // The record has it too, before the session ends and after.
    let stored = || {
        let world = center.world();
        let stored = world.store.records[&casey.session()].events.values();
        stored.clone().find(|event| event.event_id == upload.event_id).cloned()
    };
    assert_eq!(stored().as_ref(), Some(upload));
    ana.leaves(AfterAction::ForceClose);
    assert_eq!(stored().as_ref(), Some(upload));
}

#[test]
fn a_deletion_that_is_not_saved_shows_nowhere() {
    // B22.3, B20.1
    let center = Center::open();
    let (casey, ana) = two(&center);
    let robin = Customer::new(&center);
    robin.logs_in("Robin");
    robin.joins(&casey.session());
    let id = uploads(&ana);
    let after = Some(robin.position());
    let mark = |reference| {
        let events = robin.answer(reference)?.chat_transcript?.events;
        let upload = events.iter().find(|event| said_by(event) == Some("file-uploaded"));
        Some(said(upload?, "file-deleted"))
    };
    center.store_stalls();
    ana.sends(ana.message("wait, that is the wrong one"));
    let before = robin.sends(robin.refresh(after, None));
    center.settle();
    let deletes = ana.sends(deletion(&ana, &id));
    let behind = robin.sends(robin.refresh(after, None));
    center.settle();
    assert!(ana.answer(deletes).is_none() && mark(before).is_none());
    center.store_resumes();
    assert!(ana.answer(deletes).is_some());
    assert_eq!(mark(before), Some(None), "it was not deleted yet");
    assert_eq!(mark(behind), Some(Some("true".into())));
}

fn said_by(event: &TranscriptEvent) -> Option<&str> {
    match &event.body {
        EventBody::Notice(notice) => {
            notice.notice_text.as_ref().map(confer_core::text::Text::reveal)
        }
        _ => None,
    }
}

#[test]
fn only_the_owner_deletes_a_file_and_only_once() {
    // B22.3, B22.11
    let center = Center::open();
    let (casey, ana) = two(&center);
    let bob = center.agent("Bob");
    bob.joins(&casey);
    let id = uploads(&ana);
    casey.looks_away();
    for other in [&casey, &bob] {
        other.is_refused(ErrorId::FileRefused, deletion(other, &id));
    }
    for unknown in ["", "0000000000000000", &id.to_lowercase(), "Ж"] {
        ana.is_refused(ErrorId::Malformed, deletion(&ana, unknown));
    }
    ana.is_refused(ErrorId::Malformed, ana.command("file-deleted", []));
    casey.sees_nothing();
    ana.asks(deletion(&ana, &id));
    ana.is_refused(ErrorId::FileRefused, deletion(&ana, &id));
    casey.sees(["Ana SYS_COMMAND: file-deleted"]);
    // The id means nothing in another session.
    let (_robin, eve) = two(&center);
    eve.is_refused(ErrorId::Malformed, deletion(&eve, &id));
}

#[test]
fn whoever_comes_back_still_owns_its_files() {
    // B22.3, B22.11
    let center = Center::open();
    let casey = center.customer("Casey");
    casey.creates();
    let as_person = |user_type, person: Option<&str>| {
        let person_id = person.map(|id| Pii::new(Str::new(id)));
        let desk = center.someone(RegisterAs { person_id, ..register("Ana", user_type) });
        desk.joins(&casey);
        desk
    };
    let ana = as_person(UserType::Agent, Some("ana@example.com"));
    let (first, second) = (uploads(&ana), uploads(&ana));
    ana.is_cut_off();
    let nameless = as_person(UserType::Agent, None);
    let third = uploads(&nameless);
    nameless.is_cut_off();
    // The same name, another type, another person: somebody else.
    for (user_type, person) in [
        (UserType::Client, Some("ana@example.com")),
        (UserType::Supervisor, Some("ana@example.com")),
        (UserType::Agent, Some("eve@example.com")),
        (UserType::Agent, None),
    ] {
        let other = as_person(user_type, person);
        other.is_refused(ErrorId::FileRefused, deletion(&other, &first));
        other.is_refused(ErrorId::FileRefused, deletion(&other, &third));
    }
    let back = as_person(UserType::Agent, Some("ana@example.com"));
    back.asks(deletion(&back, &first));
    back.asks(deletion(&back, &second));
    // A flex customer says what it likes of itself.
    let eve = Customer::new(&center);
    let confer_core::frame::flex::Request::RequestLogin(mut as_ana) = login("Ana", Some(106))
    else {
        panic!("no login")
    };
    as_ana.person_id = Some(Pii::new(Str::new("ana@example.com")));
    eve.asks(confer_core::frame::flex::Request::RequestLogin(as_ana));
    eve.joins(&casey.session());
    let status = eve.asks(eve.command("file-deleted", [("file-id", &*third)]));
    assert_eq!(error(&status), Some(ErrorId::FileRefused));
}

type RegisterAs = confer_core::frame::basic::RequestRegister;

#[test]
fn a_file_that_one_cannot_see_is_not_there() {
    // B22.3, B3.3
    let center = Center::open();
    let (casey, ana) = two(&center);
    let inside = RequestNotify {
        visibility: Some(Visibility::Int),
        ..ana.command("file-uploaded", RECEIPT)
    };
    ana.asks(inside);
    let id = said(&ana.newest(), "file-id").unwrap();
    casey.is_refused(ErrorId::Malformed, deletion(&casey, &id));
    // Its deletion is for those it was for, whatever the request says.
    ana.looks_away();
    let deletes = deletion(&ana, &id);
    ana.asks(RequestNotify { visibility: Some(Visibility::All), ..deletes });
    ana.sees(["Ana SYS_COMMAND: file-deleted (INT)"]);
    casey.sees_nothing();

    // So it is with a file for one other.
    let bob = center.agent("Bob");
    bob.joins(&casey);
    casey.looks_away();
    let direct =
        RequestNotify { receiver_id: Some(bob.id()), ..ana.command("file-uploaded", RECEIPT) };
    ana.asks(direct);
    bob.looks_away();
    let id = said(&ana.newest(), "file-id").unwrap();
    casey.is_refused(ErrorId::Malformed, deletion(&casey, &id));
    let deletes = deletion(&ana, &id);
    ana.asks(RequestNotify { receiver_id: Some(casey.id()), ..deletes });
    bob.sees(["Ana SYS_COMMAND to Bob: file-deleted"]);
    casey.sees_nothing();
}

#[test]
fn commands_that_do_not_exist_or_are_not_for_everybody() {
    // B7.4, B6.2, B22.7
    let center = Center::open();
    let (casey, ana) = two(&center);
    for unknown in ["file-upload", "File-Uploaded", "file-uploaded ", ""] {
        ana.is_refused(ErrorId::NoticeNotAllowed, ana.command(unknown, RECEIPT));
        casey.is_refused(ErrorId::NoticeNotAllowed, casey.command(unknown, RECEIPT));
    }
    // Limits and permits are for customers.
    for question in ["file-client-cfg-get", "file-upload-request", "file-download-request"] {
        ana.is_refused(ErrorId::NotAllowed, ana.command(question, RECEIPT));
    }
    // Commands came with 104.
    let old = center
        .someone(RegisterAs { client_version: Some(103), ..register("Old", UserType::Agent) });
    old.joins(&casey);
    for text in ["file-uploaded", "file-deleted", "file-client-cfg-get"] {
        old.is_refused(ErrorId::NoticeNotAllowed, old.command(text, RECEIPT));
    }
    // As the text of another notice they mean nothing.
    ana.notifies(NoticeType::UserCustom, "file-uploaded");
}
