//! What holds of every store.

use confer_core::ask::{
    Document, Failure, Interaction, Leaf, LeafKey, LeafKind, Outcome, Record, RecordName, Request,
};
use confer_core::id::{DocumentId, EventId, InteractionId, SessionId};
use confer_core::pii::Secret;
use confer_core::text::Str;
use confer_core::time::Stamp;
use confer_store::{PIECE, Refusal, Stat};

use crate::support::{
    Asker, Scratch, append, append_with, beginning, close, create, message, own, said_of, words,
};

const SESSION: &str = "00K7EXAMPLE42QZ9";

macro_rules! suite {
    ($($name:ident)+) => {
        mod memory {
            $(#[test]
            fn $name() {
                super::$name(&mut super::Asker::memory());
            })+
        }

        mod sqlite {
            $(#[test]
            fn $name() {
                let scratch = super::Scratch::new();
                super::$name(&mut scratch.open("desk"));
            })+
        }
    };
}

suite! {
    a_record_is_what_was_saved_of_it
    an_event_that_is_saved_again_replaces_the_first
    saves_that_are_under_way_together_are_carried_out_in_order
    a_record_is_begun_once
    only_the_newest_generation_writes
    pieces_are_kept_until_they_are_empty
    the_final_transcript_replaces_what_was_saved_on_the_way
    a_record_is_found_by_the_newest_interaction
    what_is_discarded_is_gone
    the_end_of_a_session_that_is_kept_is_an_end
    people_are_known_by_what_is_best
    who_shares_a_name_is_told_apart_by_nothing_less
    nobody_is_known_by_a_nickname
    what_is_said_now_counts_and_is_not_stored
    interactions_take_what_they_are_told
    documents_come_and_go_in_pieces
    documents_come_in_from_many_at_once
    a_document_is_that_of_one_upload
}

fn failed(failure: Failure) -> Outcome {
    Outcome::Failed(failure)
}

fn a_record_is_what_was_saved_of_it(store: &mut Asker) {
    // B19.2, B20.9
    assert_eq!(store.record(append(SESSION, 1, Vec::new())), failed(Failure::NotFound));
    assert!(store.load(SESSION).is_none());
    assert_eq!(store.record(create(SESSION)), Outcome::Done);
    let empty = store.load(SESSION).unwrap();
    assert_eq!(empty.beginning, *beginning(SESSION));
    assert_eq!((empty.generation, empty.end_at, empty.reserved_to), (1, None, EventId::NONE));
    assert!(empty.owner.is_some() && empty.events.is_empty() && empty.leaves.is_empty());
    // Asked together, done in order.
    let saves = [vec![message(1, "a"), message(2, "b")], vec![message(5, "c")], Vec::new()];
    let asked = saves.map(|events| store.send(Request::Record(append(SESSION, 1, events))));
    for op in asked {
        assert_eq!(store.answer(), (op, Outcome::Done));
    }
    let loaded = store.load(SESSION).unwrap();
    let texts = [(1, "a"), (2, "b"), (5, "c")].map(|(id, text)| (id, text.to_owned()));
    assert_eq!(words(&loaded), texts);
    assert_eq!(loaded.events[2], message(5, "c"));
    // B20.8: the last save had a smaller one, which takes nothing back.
    assert_eq!(loaded.reserved_to.number(), 5);
    let name = RecordName::Session(SessionId::new(SESSION));
    match store.record(Record::Load { name, events: false }) {
        Outcome::Loaded(bare) => {
            assert!(bare.events.is_empty());
            assert_eq!(bare.reserved_to, loaded.reserved_to);
        }
        other => panic!("{other:?}"),
    }
}

fn an_event_that_is_saved_again_replaces_the_first(store: &mut Asker) {
    // B7.3
    store.record(create(SESSION));
    store.record(append(SESSION, 1, vec![message(1, "a"), message(2, "b"), message(3, "c")]));
    store.record(append(SESSION, 1, vec![message(2, "B"), message(4, "d")]));
    let loaded = store.load(SESSION).unwrap();
    let texts = [(1, "a"), (2, "B"), (3, "c"), (4, "d")].map(|(id, text)| (id, text.to_owned()));
    assert_eq!(words(&loaded), texts);
}

fn saves_that_are_under_way_together_are_carried_out_in_order(store: &mut Asker) {
    let (other, refused) = ("00K7EXAMPLE42QZA", failed(Failure::Refused));
    let saved = |id, text| append(SESSION, 1, vec![message(id, text)]);
    let interaction = InteractionId::new("0000EXAMPLE00001");
    let call = Record::Call { session: SessionId::new(SESSION), generation: 1, interaction };
    let script = [
        (saved(1, "too early"), failed(Failure::NotFound)),
        (create(SESSION), Outcome::Done),
        (create(other), Outcome::Done),
        (saved(1, "a"), Outcome::Done),
        (append(other, 1, vec![message(1, "x")]), Outcome::Done),
        (append(SESSION, 1, Vec::new()), Outcome::Done),
        (saved(2, "b"), Outcome::Done),
        (append(SESSION, 2, vec![message(3, "nobody's")]), failed(Failure::Fenced)),
        (call, Outcome::Done),
        (saved(1, "a, changed"), Outcome::Done),
        (saved(5, "c"), Outcome::Done),
        (append(other, 1, vec![message(2, "y")]), Outcome::Done),
        (close(other, 1, vec![message(1, "z")]), Outcome::Done),
        (append(other, 1, vec![message(3, "too late")]), refused),
    ];
    let asked = script.map(|(record, outcome)| (store.send(Request::Record(record)), outcome));
    for expected in asked {
        assert_eq!(store.answer(), expected);
    }
    let loaded = store.load(SESSION).unwrap();
    let text = |id, text: &str| (id, text.to_owned());
    assert_eq!(words(&loaded), [text(1, "a, changed"), text(2, "b"), text(5, "c")]);
    assert_eq!(loaded.reserved_to.number(), 5);
    assert_eq!(loaded.beginning.interaction.as_str(), "0000EXAMPLE00001");
    assert_eq!(words(&store.load(other).unwrap()), [text(1, "z")]);
}

fn a_record_is_begun_once(store: &mut Asker) {
    store.record(create(SESSION));
    store.record(append(SESSION, 1, vec![message(1, "a")]));
    assert_eq!(store.record(create(SESSION)), Outcome::Done);
    assert_eq!(store.load(SESSION).unwrap().events.len(), 1);
}

fn only_the_newest_generation_writes(store: &mut Asker) {
    // B20.3
    assert_eq!(store.record(own(SESSION, 1)), failed(Failure::NotFound));
    store.record(create(SESSION));
    store.record(append(SESSION, 1, vec![message(1, "a")]));
    assert_eq!(store.record(own(SESSION, 2)), failed(Failure::Fenced));
    match store.record(own(SESSION, 1)) {
        Outcome::Owned(loaded) => {
            assert_eq!((loaded.generation, loaded.events.len()), (2, 1));
            assert!(loaded.owner.is_some(), "the former owner");
        }
        other => panic!("{other:?}"),
    }
    let session = SessionId::new(SESSION);
    let interaction = InteractionId::new("other");
    let call = Record::Call { session: session.clone(), generation: 1, interaction };
    let release = |generation| Record::Release { session: session.clone(), generation };
    for old in [
        append(SESSION, 1, vec![message(2, "b")]),
        call,
        close(SESSION, 1, Vec::new()),
        own(SESSION, 1),
        release(1),
    ] {
        assert_eq!(store.record(old), failed(Failure::Fenced));
    }
    assert_eq!(store.load(SESSION).unwrap().events.len(), 1);
    assert_eq!(store.record(append(SESSION, 2, vec![message(2, "b")])), Outcome::Done);
    assert_eq!(store.record(release(2)), Outcome::Done);
    let released = store.load(SESSION).unwrap();
    assert_eq!((released.owner, released.events.len()), (None, 2));
    // B20.7: whoever comes next takes it from nobody.
    match store.record(own(SESSION, 2)) {
        Outcome::Owned(loaded) => assert_eq!((loaded.generation, loaded.owner), (3, None)),
        other => panic!("{other:?}"),
    }
}

fn pieces_are_kept_until_they_are_empty(store: &mut Asker) {
    // B20.9
    let leaf = |kind, index, said: &[(&str, &str)]| Leaf {
        key: LeafKey { kind, index },
        state: said_of(said),
    };
    store.record(create(SESSION));
    let first = vec![
        leaf(LeafKind::Party, 10, &[("nick", "Ana")]),
        leaf(LeafKind::Party, 2, &[("nick", "Bo")]),
        leaf(LeafKind::Session, 0, &[("language", "de")]),
    ];
    store.record(append_with(SESSION, 1, Vec::new(), first));
    let second =
        vec![leaf(LeafKind::Party, 10, &[("nick", "Anna")]), leaf(LeafKind::Party, 2, &[])];
    store.record(append_with(SESSION, 1, Vec::new(), second));
    let expected = vec![
        leaf(LeafKind::Session, 0, &[("language", "de")]),
        leaf(LeafKind::Party, 10, &[("nick", "Anna")]),
    ];
    assert_eq!(store.load(SESSION).unwrap().leaves, expected);
}

fn the_final_transcript_replaces_what_was_saved_on_the_way(store: &mut Asker) {
    // B8.6, B15.2: what was masked at the end must not be found in an older form.
    store.record(create(SESSION));
    store.record(append(SESSION, 1, vec![message(1, "card 4711"), message(2, "b")]));
    store.record(append(SESSION, 1, vec![message(3, "c")]));
    let end: Vec<_> = (1..=3000).map(|id| message(id, "****")).collect();
    assert_eq!(store.record(close(SESSION, 1, end.clone())), Outcome::Done);
    let loaded = store.load(SESSION).unwrap();
    assert_eq!(loaded.events, end);
    assert_eq!(loaded.end_at, Some(Stamp::from_unix_seconds(1_700_001_000)));
    // Said again after an answer that was lost, and then what comes too late.
    assert_eq!(store.record(close(SESSION, 1, Vec::new())), Outcome::Done);
    assert_eq!(store.record(append(SESSION, 1, vec![message(1, "x")])), failed(Failure::Refused));
    assert_eq!(store.load(SESSION).unwrap().events, end);
}

fn a_record_is_found_by_the_newest_interaction(store: &mut Asker) {
    // B14.9
    let load = |store: &mut Asker, interaction: &str| {
        let name = RecordName::Interaction(InteractionId::new(interaction));
        store.record(Record::Load { name, events: false })
    };
    store.record(create(SESSION));
    assert!(matches!(load(store, SESSION), Outcome::Loaded(_)));
    let (session, interaction) = (SessionId::new(SESSION), InteractionId::new("ixn-7"));
    let call = Record::Call { session, generation: 1, interaction: interaction.clone() };
    assert_eq!(store.record(call), Outcome::Done);
    assert_eq!(load(store, SESSION), failed(Failure::NotFound));
    match load(store, "ixn-7") {
        Outcome::Loaded(loaded) => {
            assert_eq!(loaded.session.as_str(), SESSION);
            assert_eq!(loaded.beginning.interaction, interaction);
        }
        other => panic!("{other:?}"),
    }
}

fn what_is_discarded_is_gone(store: &mut Asker) {
    // B4.3
    let discard = || Record::Discard { session: SessionId::new(SESSION) };
    assert_eq!(store.record(discard()), Outcome::Done);
    store.record(create(SESSION));
    store.record(append(SESSION, 1, vec![message(1, "a")]));
    assert_eq!(store.record(discard()), Outcome::Done);
    assert!(store.load(SESSION).is_none());
    assert_eq!(store.record(create(SESSION)), Outcome::Done);
    assert!(store.load(SESSION).unwrap().events.is_empty());
}

fn the_end_of_a_session_that_is_kept_is_an_end(store: &mut Asker) {
    // B20.6
    let spool = Record::Spool {
        session: SessionId::new(SESSION),
        beginning: beginning(SESSION),
        generation: 1,
        end_at: Stamp::from_unix_seconds(1_700_000_500),
        events: vec![message(1, "a")].into(),
    };
    assert_eq!(store.record(spool), Outcome::Done);
}

fn people_are_known_by_what_is_best(store: &mut Asker) {
    // B19.1
    let (ana, attributes) =
        store.identify(&[("EmailAddress", "ana@shop.example"), ("PhoneNumber", "555")]);
    assert!(ana.is_some());
    assert_eq!(attributes.text("EmailAddress").as_deref(), Some("ana@shop.example"));
    let bo = store.identify(&[("EmailAddress", "bo@shop.example"), ("PhoneNumber", "555")]).0;
    assert_ne!(ana, bo, "the address ranks above the number, and nobody has it");
    let again = [("PhoneNumber", "000"), ("EmailAddress", "bo@shop.example")];
    assert_eq!(store.identify(&again).0, bo, "a number that differs narrows to nobody");
    assert_eq!(
        store.identify(&[("PhoneNumber", "555")]).0,
        ana,
        "the eldest of those who share it"
    );
    let stranger = store.identify(&[("PhoneNumber", "556")]).0;
    assert!(stranger.is_some() && stranger != ana && stranger != bo);
    assert_eq!(store.identify(&[("PhoneNumber", "556")]).0, stranger);
    assert_ne!(
        store.identify(&[("emailaddress", "ana@shop.example"), ("PhoneNumber", "9")]).0,
        ana
    );
}

fn who_shares_a_name_is_told_apart_by_nothing_less(store: &mut Asker) {
    // B19.1
    let name = [("FirstName", "Ana"), ("LastName", "Li")];
    let with = |key, value| [("FirstName", "Ana"), ("LastName", "Li"), (key, value)];
    let first = store.identify(&with("PhoneNumber", "1")).0;
    let second = store.identify(&with("PhoneNumber", "2")).0;
    assert_ne!(first, second);
    assert_eq!(store.identify(&name).0, first);
    // Two share a number; the name chooses.
    let third = store.identify(&[("EmailAddress", "a@x"), ("PhoneNumber", "2")]).0;
    assert_ne!(third, second);
    assert_eq!(store.identify(&with("PhoneNumber", "2")).0, second);
    assert_eq!(
        store.identify(&[("PhoneNumber", "2"), ("FirstName", "No"), ("LastName", "Li")]).0,
        second,
        "a name nobody has narrows to nobody, and the eldest stays"
    );
    // One name without the other is no name.
    assert_eq!(store.identify(&[("FirstName", "Ana")]).0, None);
}

fn nobody_is_known_by_a_nickname(store: &mut Asker) {
    // B19.1
    for said in [&[][..], &[("Nickname", "Ana")], &[("EmailAddress", "")]] {
        let (contact, attributes) = store.identify(said);
        assert!(contact.is_none() && attributes.is_empty(), "{said:?}");
    }
    // What no address could be.
    assert_eq!(store.identify(&[("EmailAddress", &"a".repeat(1025))]).0, None);
    assert!(store.identify(&[("EmailAddress", &"a".repeat(1024))]).0.is_some());
}

fn what_is_said_now_counts_and_is_not_stored(store: &mut Asker) {
    // B19.1
    let email = ("EmailAddress", "ana@shop.example");
    store.identify(&[email, ("FirstName", "Ana"), ("LastName", "Li"), ("Shoe", "38")]);
    let now = store.identify(&[email, ("FirstName", "Anna")]).1;
    assert_eq!(now.text("FirstName").as_deref(), Some("Anna"));
    assert_eq!(now.text("LastName").as_deref(), Some("Li"));
    assert!(now.value("Shoe").is_none());
    let later = store.identify(&[email]).1;
    assert_eq!(later.text("FirstName").as_deref(), Some("Ana"));
}

fn interactions_take_what_they_are_told(store: &mut Asker) {
    // B19.3; that one whose answer was lost is submitted again is no harm.
    let interaction = InteractionId::new(SESSION);
    for _ in 0..2 {
        let submit = Interaction::Submit {
            interaction: interaction.clone(),
            tenant: Str::new("1"),
            queue: Str::new("default"),
            properties: said_of(&[("IsOnline", "1")]),
        };
        assert_eq!(store.ask(Request::Interaction(submit)), Outcome::Done);
        let change = Interaction::Change {
            interaction: interaction.clone(),
            properties: said_of(&[("IsOnline", "0")]),
        };
        assert_eq!(store.ask(Request::Interaction(change)), Outcome::Done);
        let stop = Interaction::Stop { interaction: interaction.clone() };
        assert_eq!(store.ask(Request::Interaction(stop)), Outcome::Done);
    }
}

fn documents_come_and_go_in_pieces(store: &mut Asker) {
    // B22.1, B22.2
    let document = DocumentId::new("doc-1");
    let session = SessionId::new(SESSION);
    let bytes: Vec<u8> = (0..=255).cycle().take(2 * PIECE + 1).collect();
    let permit = Some(Secret::new("p"));
    let documents = store.store.documents();
    let kind = Str::new("image/png");
    let upload =
        documents.begin_as(document.clone(), session.clone(), permit, kind.clone()).unwrap();
    let mut paused = upload.pause();
    assert_eq!(documents.stat(&document), Err(Refusal::NotFound), "it is not finished");
    for part in bytes.chunks(PIECE - 7) {
        let mut upload = documents.resume(paused);
        upload.write(part).unwrap();
        paused = upload.pause();
    }
    let size = documents.resume(paused).finish();
    let stat = Stat { size: bytes.len() as u64, content_type: kind };
    assert_eq!(documents.stat(&document), Ok(stat));
    assert_eq!(size, Ok(bytes.len() as u64));
    let asked = || Request::Document(Document::Stat { document: document.clone() });
    assert_eq!(
        store.ask(asked()),
        Outcome::Stat {
            size: bytes.len() as u64,
            session: session.clone(),
            permit: Some(Secret::new("p"))
        }
    );
    let documents = store.store.documents();
    let pieces = (0..).map_while(|number| documents.read(&document, number).unwrap());
    assert_eq!(pieces.collect::<Vec<_>>().concat(), bytes);
    assert_eq!(documents.read(&document, u32::MAX), Ok(None));
    let again = documents.begin(document.clone(), session.clone(), None);
    assert_eq!(again.map(drop), Err(Refusal::Exists));
    assert_eq!(documents.delete(&document), Ok(()));
    assert_eq!(documents.read(&document, 0), Err(Refusal::NotFound));
    // Begun and not finished is not there; begun again, nothing of the first attempt is.
    documents.begin(document.clone(), session.clone(), None).unwrap().write(&bytes).unwrap();
    assert_eq!(documents.read(&document, 0), Err(Refusal::NotFound));
    let mut upload = documents.begin(document.clone(), session, None).unwrap();
    upload.write(b"x").unwrap();
    assert_eq!(upload.finish(), Ok(1));
    assert_eq!(documents.read(&document, 0), Ok(Some(b"x".to_vec())));
    assert_eq!(documents.read(&document, 1), Ok(None));
    assert_eq!(documents.stat(&document).map(|stat| stat.content_type), Ok(Str::default()));
    assert!(matches!(store.ask(asked()), Outcome::Stat { size: 1, permit: None, .. }));
}

fn documents_come_in_from_many_at_once(store: &mut Asker) {
    let documents = store.store.documents();
    let size = |number: usize| number * 30_000 + 1;
    let bytes = |number: usize| vec![u8::try_from(number).unwrap(); size(number)];
    let id = |number: usize| DocumentId::new(&format!("D{number}"));
    std::thread::scope(|scope| {
        for number in 0..12 {
            scope.spawn(move || {
                let session = SessionId::new(SESSION);
                let mut upload = documents.begin(id(number), session, None).unwrap();
                for part in bytes(number).chunks(10_007) {
                    upload.write(part).unwrap();
                }
                assert_eq!(upload.finish(), Ok(size(number) as u64));
                // One that goes while others come.
                if number % 3 == 0 {
                    documents.delete(&id(number)).unwrap();
                }
            });
        }
    });
    for number in 0..12 {
        if number % 3 == 0 {
            assert_eq!(documents.read(&id(number), 0), Err(Refusal::NotFound));
            continue;
        }
        let pieces = (0..).map_while(|piece| documents.read(&id(number), piece).unwrap());
        assert_eq!(pieces.collect::<Vec<_>>().concat(), bytes(number), "{number}");
    }
}

fn a_document_is_that_of_one_upload(store: &mut Asker) {
    // Somebody begins it while somebody else is at it, and again when it is there.
    let documents = store.store.documents();
    let id = || DocumentId::new("D");
    let begin = || documents.begin(id(), SessionId::new(SESSION), None);
    let (mut first, mut second) = (begin().unwrap(), begin().unwrap());
    assert_eq!(first.write(&[1; PIECE]), Err(Refusal::NotFound));
    second.write(&[2; PIECE]).unwrap();
    let third = begin().unwrap();
    assert_eq!(second.finish(), Err(Refusal::NotFound));
    let mut fourth = begin().unwrap();
    fourth.write(&[4; PIECE + 1]).unwrap();
    assert_eq!(fourth.finish(), Ok(PIECE as u64 + 1));
    assert_eq!(third.finish(), Err(Refusal::Exists));
    assert!(matches!(begin(), Err(Refusal::Exists)));
    let pieces = (0..).map_while(|piece| documents.read(&id(), piece).unwrap());
    assert_eq!(pieces.collect::<Vec<_>>().concat(), vec![4; PIECE + 1]);
}
