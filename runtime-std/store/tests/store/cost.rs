//! What a save costs, counted and not timed.

use confer_core::ask::Outcome;
use confer_core::ask::Request;

use crate::support::{Asker, Scratch, append, create, message};

const SESSION: &str = "00K7EXAMPLE42QZ9";

/// Bytes that saves of 100 events, one after the other, add to what is written.
fn written(store: &mut Asker, scratch: &Scratch, from: u32) -> u64 {
    let log = scratch.path().join("data/confer.db-wal");
    // The log begins anew when all of it is in the database: the smallest of several stretches has
    // nothing of that in it.
    let size = || std::fs::metadata(&log).unwrap().len();
    let stretch = |store: &mut Asker, from: u32| {
        let before = size();
        for id in from..from + 100 {
            let events = vec![message(id, "a word or two")];
            assert_eq!(store.record(append(SESSION, 1, events)), Outcome::Done);
        }
        size() - before
    };
    (0..5).map(|it| stretch(store, from + it * 100)).max().unwrap()
}

#[test]
fn a_save_costs_the_same_however_long_the_transcript_is() {
    // G8. The log of what is written is emptied by whoever opens the file alone.
    let scratch = Scratch::new();
    let mut store = scratch.open("desk");
    store.record(create(SESSION));
    let short = written(&mut store, &scratch, 1);
    for part in 0..20 {
        let first = 1000 + part * 5000;
        let events = (first..first + 5000).map(|id| message(id, "a word or two")).collect();
        store.send(Request::Record(append(SESSION, 1, events)));
    }
    for _ in 0..20 {
        assert_eq!(store.answer().1, Outcome::Done);
    }
    drop(store);
    let mut store = scratch.open("desk");
    let long = written(&mut store, &scratch, 200_000);
    assert!(short > 0 && long <= short * 11 / 10, "{short} bytes at first, {long} later");
    assert_eq!(store.load(SESSION).unwrap().events.len(), 101_000);
}
