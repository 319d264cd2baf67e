#![allow(clippy::wildcard_enum_match_arm, reason = "an answer is the one, or the test fails")]

use confer_core::ask::{Beginning, Contact, Outcome, Record, RecordName, Request};
use confer_core::frame::{EventBody, EventList, KvList, Open, TranscriptEvent, Visibility};
use confer_core::id::{DocumentId, EventId, SessionId, UserId};
use confer_core::text::Str;
use confer_core::time::Stamp;

use super::{MAX_CLOSED, MAX_CLOSED_EVENTS, MAX_CONTACTS, MAX_DOCUMENTS_SIZE, Memory};
use crate::documents::{Ask, Done, PIECE, Refusal};

fn session(number: usize) -> SessionId {
    SessionId::new(&format!("S{number}"))
}

/// A session with so many events, from beginning to end.
fn live(store: &mut Memory, number: usize, events: usize) {
    let session = session(number);
    let beginning = Box::new(Beginning {
        contact: None,
        start_at: Stamp::MIN,
        subject: None,
        user_data: KvList::new(),
        tenant: Str::new("1"),
        queue: Str::new("default"),
        interaction: session.as_str().into(),
    });
    let event = |id| TranscriptEvent {
        event_id: EventId::new(id).unwrap(),
        user_id: UserId::new("U"),
        time_shift: 0,
        visibility: Open::Known(Visibility::All),
        party: None,
        participant_no: None,
        event_attributes: None,
        body: EventBody::Unknown(9),
    };
    let events: EventList = (1..).take(events).map(event).collect();
    let create = Record::Create { session: session.clone(), beginning };
    let end_at = Stamp::MAX;
    let close = Record::Final { session, generation: 1, end_at, events, leaves: Vec::new() };
    for record in [create, close] {
        assert_eq!(store.perform(Request::Record(record)), Outcome::Done);
    }
}

fn is_known(store: &mut Memory, number: usize) -> bool {
    let name = RecordName::Session(session(number));
    let load = Request::Record(Record::Load { name, events: true });
    matches!(store.perform(load), Outcome::Loaded(_))
}

#[test]
fn only_so_many_sessions_that_are_over_are_kept() {
    let mut store = Memory::default();
    (0..MAX_CLOSED).for_each(|number| live(&mut store, number, 0));
    assert!(is_known(&mut store, 0));
    live(&mut store, MAX_CLOSED, 0);
    assert!(!is_known(&mut store, 0) && is_known(&mut store, 1));
    assert_eq!((store.records.len(), store.interactions.len()), (MAX_CLOSED, MAX_CLOSED));
}

#[test]
fn only_so_many_of_their_events_are_kept() {
    let mut store = Memory::default();
    live(&mut store, 0, MAX_CLOSED_EVENTS - 1);
    live(&mut store, 1, 1);
    assert!(is_known(&mut store, 0) && is_known(&mut store, 1));
    live(&mut store, 2, 1);
    assert!(!is_known(&mut store, 0) && is_known(&mut store, 1) && is_known(&mut store, 2));
    live(&mut store, 3, MAX_CLOSED_EVENTS + 1);
    assert_eq!((store.records.len(), store.closed_events), (0, 0));
}

#[test]
fn only_so_many_people_are_known() {
    let mut store = Memory::default();
    let mut meet = |number: usize| {
        let user_data = KvList::from([("EmailAddress", (&*format!("{number}@x")).into())]);
        match store.perform(Request::Contact(Contact::Identify { tenant: "1".into(), user_data })) {
            Outcome::Identified { contact, .. } => contact,
            other => panic!("not identified: {other:?}"),
        }
    };
    let first: Vec<_> = (0..MAX_CONTACTS).map(&mut meet).collect();
    assert_eq!(meet(0), first[0]);
    meet(MAX_CONTACTS);
    assert_eq!(meet(0), first[0], "met again meanwhile");
    assert_ne!(meet(1), first[1]);
}

#[test]
fn only_so_much_is_kept_of_documents() {
    let mut store = Memory::default();
    let mut put = |name: &str, pieces: usize| {
        let document = DocumentId::new(name);
        let session = session(1);
        let (upload, kind) = (7, Str::default());
        store.documents(Ask::Begin {
            document: document.clone(),
            upload,
            session,
            permit: None,
            kind,
        })?;
        for number in (0..).take(pieces) {
            let bytes = vec![0; PIECE];
            store.documents(Ask::Piece { document: document.clone(), upload, number, bytes })?;
        }
        store.documents(Ask::Finish { document, upload, size: (pieces * PIECE) as u64 })
    };
    assert_eq!(put("all", MAX_DOCUMENTS_SIZE / PIECE), Ok(Done::Nothing));
    assert_eq!(put("more", 1), Err(Refusal::TooLarge));
    let document = DocumentId::new("all");
    assert_eq!(store.documents(Ask::Delete { document }), Ok(Done::Nothing));
    assert_eq!(store.documents_size, 0);
}
