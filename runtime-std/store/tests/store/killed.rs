//! A server that is killed, as by the system's last resort.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use confer_core::ask::Outcome;
use confer_core::door::External;

use crate::support::{Asker, Scratch, append, create, message, words};
use confer_store::{Options, Url};

/// Where the process that is to be killed finds the database.
const PLACE: &str = "CONFER_TEST_STORE";
const SESSION: &str = "00K7EXAMPLE42QZ9";

/// Run by the test below in a process of its own; by itself it does nothing.
#[test]
fn the_one_that_is_killed() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let url: Url = place.parse().unwrap();
    let mut store = Asker::open(&url, &Options::new("killed")).unwrap();
    assert_eq!(store.record(create(SESSION)), Outcome::Done);
    let mut out = std::io::stderr();
    for id in 1.. {
        assert_eq!(store.record(append(SESSION, 1, vec![message(id, "word")])), Outcome::Done);
        // Acknowledged: from here on it must not be lost.
        writeln!(out, "saved {id}").unwrap();
    }
}

#[test]
fn what_was_acknowledged_outlives_a_kill() {
    // B20.1
    let scratch = Scratch::new();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::the_one_that_is_killed", "--nocapture"])
        .env(PLACE, scratch.url().to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut saved = || {
        let line = said.next()?.unwrap();
        Some(
            line.strip_prefix("saved ").unwrap_or_else(|| panic!("{line}")).parse::<u32>().unwrap(),
        )
    };
    while saved().unwrap() < 100 {}
    child.kill().unwrap();
    child.wait().unwrap();
    let mut last = 100;
    while let Some(id) = saved() {
        last = id;
    }
    // Its name is free at once, though it beat a moment ago.
    let mut store = scratch.open("killed");
    let loaded = store.load(SESSION).unwrap();
    let texts = words(&loaded);
    let count = u32::try_from(texts.len()).unwrap();
    assert!(count >= last, "{count} of {last} that were acknowledged");
    assert!(texts.iter().zip(1..).all(|((id, text), expected)| *id == expected && text == "word"));
    assert_eq!(loaded.owner, None);
    let session = SESSION.into();
    assert_eq!(store.hear(), External::Orphaned { session });
}
