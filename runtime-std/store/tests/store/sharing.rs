//! Several servers on one file.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use confer_core::ask::{Failure, Instance, Interaction, Outcome, Record, Request};
use confer_core::door::External;
use confer_core::frame::KvList;
use confer_core::id::{InteractionId, SessionId};
use confer_core::text::Str;
use confer_core::time::Stamp;
use confer_store::{OpenError, Options, View};

use crate::support::{Asker, Scratch, append, create, message, own, words};

const SESSION: &str = "00K7EXAMPLE42QZ9";

fn tell(to: &str, what: External) -> Request {
    Request::Instance(Instance::Tell { instance: Str::new(to), what })
}

fn purge(generation: u64) -> External {
    External::Purge { session: SessionId::new(SESSION), generation }
}

#[test]
fn one_of_two_who_take_a_session_gets_it() {
    // B20.3: the former owner is fenced, and so is whoever came second.
    let scratch = Scratch::new();
    let mut first = scratch.open("first");
    first.record(create(SESSION));
    first.record(append(SESSION, 1, vec![message(1, "a")]));
    let ready = Arc::new(Barrier::new(4));
    let rivals = (0..4).map(|number| {
        let mut rival = scratch.open(&format!("rival-{number}"));
        let ready = Arc::clone(&ready);
        thread::spawn(move || {
            ready.wait();
            (rival.record(own(SESSION, 1)), rival)
        })
    });
    let rivals: Vec<_> = rivals.collect();
    let mut won = Vec::new();
    for rival in rivals {
        let (outcome, rival) = rival.join().unwrap();
        match outcome {
            Outcome::Owned(loaded) => {
                assert_eq!((loaded.generation, loaded.events.len()), (2, 1));
                assert_eq!(loaded.owner, Some(Str::new("first")));
                won.push(rival);
            }
            other => assert_eq!(other, Outcome::Failed(Failure::Fenced)),
        }
    }
    assert_eq!(won.len(), 1);
    let late = append(SESSION, 1, vec![message(2, "late")]);
    assert_eq!(first.record(late), Outcome::Failed(Failure::Fenced));
    assert_eq!(won[0].record(append(SESSION, 2, vec![message(2, "b")])), Outcome::Done);
    assert_eq!(first.load(SESSION).unwrap().events.len(), 2);
    // One fenced request takes no other down with it.
    let (lost, sound) = (append(SESSION, 1, vec![message(3, "x")]), create("00K7EXAMPLE42QZA"));
    let asked = [lost, sound].map(|record| first.send(Request::Record(record)));
    assert_eq!(first.answer(), (asked[0], Outcome::Failed(Failure::Fenced)));
    assert_eq!(first.answer(), (asked[1], Outcome::Done));
}

#[test]
fn whoever_is_not_the_owner_neither_begins_nor_discards() {
    let scratch = Scratch::new();
    let (mut first, mut second) = (scratch.open("first"), scratch.open("second"));
    first.record(create(SESSION));
    assert_eq!(second.record(create(SESSION)), Outcome::Failed(Failure::Fenced));
    let discard = Record::Discard { session: SessionId::new(SESSION) };
    assert_eq!(second.record(discard), Outcome::Failed(Failure::Fenced));
    assert!(first.load(SESSION).is_some());
}

#[test]
fn a_name_and_a_number_are_one_servers() {
    // B20.12
    let scratch = Scratch::new();
    let first = scratch.open("desk");
    assert_eq!(first.store.app_dbid(), Some(1));
    let open = |options: &Options| Asker::open(&scratch.url(), options);
    let same = open(&Options::new("desk"));
    assert!(matches!(same, Err(OpenError::Instance { ref name }) if name == "desk"));
    let text = same.err().unwrap().to_string();
    assert!(text.contains("desk") && text.contains("[server] name"), "{text}");
    let numbered = |name, number| Options { app_dbid: Some(number), ..Options::new(name) };
    let taken = open(&numbered("other", 1)).err().unwrap();
    assert!(matches!(taken, OpenError::AppDbid { number: 1, .. }), "{taken}");
    let other = open(&numbered("other", 3)).unwrap();
    assert_eq!(other.store.app_dbid(), Some(3));
    let second = scratch.open("second");
    assert_eq!(second.store.app_dbid(), Some(2));
    assert_eq!(scratch.open("fourth").store.app_dbid(), Some(4));
    // A name keeps its number.
    drop(second);
    assert_eq!(scratch.open("second").store.app_dbid(), Some(2));
    drop(first);
    let changed = open(&numbered("desk", 60_000)).unwrap();
    assert_eq!(changed.store.app_dbid(), Some(60_000));
    let long = "ö".repeat(255);
    assert!(open(&Options::new(&long)).is_ok());
}

#[test]
fn what_is_told_is_heard_in_order_and_once() {
    // B20.12
    let scratch = Scratch::new();
    let (mut first, mut second) = (scratch.open("first"), scratch.open("second"));
    let hear = |server: &mut Asker| loop {
        match server.hear() {
            External::Peers { .. } => {}
            what => return what,
        }
    };
    assert_eq!(first.ask(tell("nobody", purge(1))), Outcome::Done);
    for generation in 1..=300 {
        first.send(tell("second", purge(generation)));
    }
    for generation in 1..=300 {
        assert_eq!(hear(&mut second), purge(generation));
    }
    let stopped = External::InteractionStopped { interaction: "ixn-1".into() };
    second.ask(tell("first", stopped.clone()));
    assert_eq!(hear(&mut first), stopped);
    // Itself, too.
    first.ask(tell("first", purge(7)));
    assert_eq!(hear(&mut first), purge(7));
    // Or when it is back.
    drop(second);
    first.ask(tell("second", purge(8)));
    assert_eq!(hear(&mut scratch.open("second")), purge(8));
}

#[test]
fn an_interaction_that_is_stopped_from_outside_is_told_to_all() {
    // B19.4
    let scratch = Scratch::new();
    let (mut first, mut second) = (scratch.open("first"), scratch.open("second"));
    let id = InteractionId::new("ixn-1");
    let submit = Interaction::Submit {
        interaction: id.clone(),
        tenant: Str::new("1"),
        queue: Str::new("default"),
        properties: KvList::new(),
    };
    assert_eq!(first.ask(Request::Interaction(submit)), Outcome::Done);
    let stop = |id, seconds| {
        let now = Stamp::from_unix_seconds(seconds);
        confer_store::stop(&scratch.url(), &id, now).unwrap().unwrap()
    };
    // What was told long ago is thrown away.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let now = i64::try_from(now).unwrap();
    assert!(!stop(InteractionId::new("ixn-2"), now));
    // Whoever was told too early may be told again.
    for seconds in [now, now + 1] {
        assert!(stop(id.clone(), seconds));
        for server in [&mut first, &mut second] {
            let stopped = External::InteractionStopped { interaction: id.clone() };
            while server.hear() != stopped {}
        }
    }
    let row = View::open(&scratch.url()).unwrap().interaction("ixn-1").unwrap().unwrap();
    assert_eq!(row.stopped_at, Some(Stamp::from_unix_seconds(now)));
}

#[test]
fn the_living_know_of_each_other() {
    // B20.7
    let scratch = Scratch::new();
    let mut first = scratch.open("first");
    let mut second = scratch.open("second");
    assert_eq!(second.hear(), External::Peers { any: true });
    assert_eq!(first.hear(), External::Peers { any: true });
    drop(first);
    assert_eq!(second.hear(), External::Peers { any: false });
}

#[test]
fn the_sessions_of_a_server_that_is_gone_are_told_of() {
    // B20.13
    let scratch = Scratch::new();
    let mut first = scratch.open("first");
    first.record(create(SESSION));
    first.record(create("00K7EXAMPLE42QZB"));
    let late = Record::Append {
        session: SessionId::new("00K7EXAMPLE42QZB"),
        generation: 1,
        events: confer_core::frame::EventList::new(),
        reserved_to: confer_core::id::EventId::NONE,
        orphan_at: Stamp::MAX,
        leaves: Vec::new(),
    };
    assert_eq!(first.record(late), Outcome::Done);
    drop(first);
    let orphaned = External::Orphaned { session: SessionId::new(SESSION) };
    let mut second = scratch.open("second");
    // Of the other one not before its time.
    assert_eq!(second.hear(), orphaned);
    // Said again while it is so.
    assert_eq!(second.hear(), orphaned);
    // A server that is back under its name has nothing of what it had.
    let mut first = scratch.open("first");
    assert_eq!(first.load(SESSION).unwrap().owner, None);
    match first.record(own(SESSION, 1)) {
        Outcome::Owned(loaded) => assert_eq!(loaded.generation, 2),
        other => panic!("{other:?}"),
    }
}

#[test]
fn many_who_write_at_once_lose_nothing() {
    let scratch = Scratch::new();
    let writers = (0..3).map(|number| {
        let mut writer = scratch.open(&format!("writer-{number}"));
        thread::spawn(move || {
            let session = format!("SESSION{number}");
            assert_eq!(writer.record(create(&session)), Outcome::Done);
            for id in 1..=200 {
                let events = vec![message(id, "word")];
                assert_eq!(writer.record(append(&session, 1, events)), Outcome::Done);
            }
        })
    });
    writers.collect::<Vec<_>>().into_iter().for_each(|writer| writer.join().unwrap());
    let mut reader = scratch.open("reader");
    for number in 0..3 {
        assert_eq!(reader.load(&format!("SESSION{number}")).unwrap().events.len(), 200);
    }
}

#[test]
fn what_one_server_knows_of_a_session_is_never_older_than_what_another_did() {
    // B20.3: two servers save, take over and give up in a random order, with the right generation or
    // a wrong one; every answer is that of one who remembers everything.
    for seed in 1..=8_u64 {
        let scratch = Scratch::new();
        let mut servers = [scratch.open("first"), scratch.open("second")];
        servers[0].record(create(SESSION));
        let (mut generation, mut expected) = (1_u64, Vec::new());
        let mut random = seed;
        let mut below = |bound: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % bound
        };
        for id in 1..=150 {
            let server = &mut servers[usize::from(below(2) == 1)];
            let wrong = generation.wrapping_add([1, u64::MAX][usize::from(below(2) == 1)]);
            let said = if below(3) == 0 { wrong } else { generation };
            let right = said == generation;
            let fenced = Outcome::Failed(Failure::Fenced);
            match below(6) {
                0 => match server.record(own(SESSION, said)) {
                    Outcome::Owned(loaded) => {
                        assert!(right, "seed {seed}, step {id}");
                        assert_eq!(words(&loaded), expected, "seed {seed}, step {id}");
                        generation += 1;
                        assert_eq!(loaded.generation, generation, "seed {seed}, step {id}");
                    }
                    other => assert_eq!((other, right), (fenced, false), "seed {seed}, step {id}"),
                },
                1 => {
                    let session = SessionId::new(SESSION);
                    let outcome = server.record(Record::Release { session, generation: said });
                    let wanted = if right { Outcome::Done } else { fenced };
                    assert_eq!(outcome, wanted, "seed {seed}, step {id}");
                }
                _ => {
                    let outcome = server.record(append(SESSION, said, vec![message(id, "word")]));
                    let wanted = if right { Outcome::Done } else { fenced };
                    assert_eq!(outcome, wanted, "seed {seed}, step {id}");
                    if right {
                        expected.push((id, "word".to_owned()));
                    }
                }
            }
        }
        for server in &mut servers {
            assert_eq!(words(&server.load(SESSION).unwrap()), expected, "seed {seed}");
        }
    }
}
