//! The log that is written ahead.

use std::fs::metadata;
use std::time::{Duration, Instant};

use confer_core::ask::Outcome;

use crate::support::{Scratch, append, create, message};

const SESSION: &str = "00K7EXAMPLE42QZ9";
/// Bytes of a save.
const SAVE: usize = 256 << 10;
/// From so many bytes on, whoever commits helps.
const HELP: u64 = 15_000 * 4096;

#[test]
fn the_log_is_brought_into_the_file_beside_those_who_write() {
    let scratch = Scratch::new();
    let mut store = scratch.open("desk");
    store.record(create(SESSION));
    let log = scratch.path().join("data/confer.db-wal");
    let text = "x".repeat(SAVE);
    // So little that those who commit do not help: the thread does it, or nobody.
    for id in 1..=100 {
        let done = store.record(append(SESSION, 1, vec![message(id, &text)]));
        assert_eq!(done, Outcome::Done);
    }
    let end = Instant::now() + Duration::from_secs(60);
    while metadata(scratch.file()).unwrap().len() < 20 << 20 {
        assert!(Instant::now() < end, "nobody does it");
        std::thread::sleep(Duration::from_millis(20));
    }
    // However fast it is written, the log has a limit.
    for id in 101..=700 {
        let done = store.record(append(SESSION, 1, vec![message(id, &text)]));
        assert_eq!(done, Outcome::Done);
        let length = metadata(&log).unwrap().len();
        assert!(length < HELP + (4 << 20), "{length} bytes of log");
    }
    drop(store);
    assert!(!log.exists(), "all of it is in the file, and the log is gone");
    let mut store = scratch.open("desk");
    assert_eq!(store.load(SESSION).unwrap().events.len(), 700);
}
