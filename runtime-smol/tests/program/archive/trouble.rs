//! `confer serve` with a store that is in trouble, at the start and while it runs (B20.6).

use std::fs;

use rusqlite::Connection;

use super::{served, transcript, words};
use crate::support::{DATABASE, FREE, Folder, Served, run};

/// Tries twice in two seconds, and then keeps the end of a session beside the store.
const SOON: [&str; 6] = [
    "--set",
    "settings/transcript-resend-attempts=1",
    "--set",
    "settings/transcript-resend-delay=1",
    "--set",
    "settings/save-wait-max=1",
];

/// A server that does not come to be ready, and says why in one line.
fn fails(store: &str, words: &[&str]) {
    let ran = run(&[&["serve", "--store", store], &FREE[..]].concat());
    assert_eq!((ran.status, &*ran.out), (1, ""), "{ran:?}");
    for word in words {
        assert!(ran.notes.contains(word), "{word}: {ran:?}");
    }
    assert!(!ran.notes.contains("panicked"), "{ran:?}");
}

#[test]
fn a_store_that_cannot_be_used_is_named_at_the_start() {
    // Nobody writes there, whoever they are.
    fails("sqlite:/proc/confer.db", &["/proc/confer.db", "cannot be opened for writing"]);
    fails("sqlite:/proc/none/confer.db", &["/proc/none", "cannot be made"]);
    let folder = Folder::new();
    let (store, name) = (&folder.store(), &folder.name(DATABASE));
    let letter = b"this is a letter, and no database".repeat(100);
    fs::write(folder.file(DATABASE), &letter).unwrap();
    fails(store, &[name, "is damaged", "backup"]);
    assert_eq!(fs::read(folder.file(DATABASE)).unwrap(), letter, "it is left alone");
    fs::remove_file(folder.file(DATABASE)).unwrap();
    drop(served(store, &[]));
    let other = Connection::open(folder.file(DATABASE)).unwrap();
    let version: i64 = other.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    other.pragma_update(None, "user_version", 4711).unwrap();
    fails(store, &[name, "newer version", "4711"]);
    // For those who look, too.
    let looked = run(&["sessions", "--store", store]);
    assert_eq!(looked.status, 2);
    assert!(looked.notes.contains("newer version"), "{looked:?}");
    other.pragma_update(None, "user_version", version).unwrap();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    fails(store, &[name, "locked by another program"]);
}

#[test]
fn a_file_of_an_older_version_waits_for_a_server() {
    let folder = Folder::new();
    let store = &folder.store();
    let other = Connection::open(folder.file(DATABASE)).unwrap();
    // What the first version made of an empty file, before it made anything in it.
    other.pragma_update(None, "application_id", 0x436e_6672).unwrap();
    drop(other);
    let looked = run(&["sessions", "--store", store]);
    assert_eq!((looked.status, &*looked.out), (2, ""), "{looked:?}");
    assert!(looked.notes.contains("older version"), "{looked:?}");
    assert!(looked.notes.contains("start a server"), "{looked:?}");
    drop(served(store, &[]));
    assert_eq!(run(&["sessions", "--store", store]).status, 0);
}

#[test]
fn a_lock_that_is_held_for_long_keeps_nobody_from_talking() {
    let folder = Folder::new();
    let store = &folder.store();
    let mut server = served(store, &SOON);
    let mut ana = server.desk(&["agent", "--name", "Ana", "--create"]);
    let session = ana.session();
    let mut ben = server.desk(&["agent", "--name", "Ben", "--join", &session]);
    ben.session();
    ana.types(&["one"]);
    ben.out.with("Ana: one");
    let other = Connection::open(folder.file(DATABASE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    ana.types(&["two"]);
    ben.out.with("Ana: two");
    let line = server.logged("the store is not available");
    assert!(line.contains("end it"), "{line}");
    other.execute_batch("ROLLBACK").unwrap();
    server.logged("the store is available again");
    ana.types(&["three", "/close"]);
    ana.ends_well();
    ben.ends_well();
    assert_eq!(words(&super::closed(store, &session)), ["one", "two", "three"]);
    assert_eq!(server.stops().code(), Some(0));
}

#[test]
fn a_file_that_is_deleted_takes_nothing_with_it_that_is_said_from_then_on() {
    let folder = Folder::new();
    let store = &folder.store();
    let mut server = served(store, &SOON);
    let mut ana = server.desk(&["agent", "--name", "Ana", "--create"]);
    let session = ana.session();
    let mut ben = server.desk(&["agent", "--name", "Ben", "--join", &session]);
    ben.session();
    ana.types(&["one"]);
    ben.out.with("Ana: one");
    for suffix in ["", "-wal", "-shm"] {
        fs::remove_file(format!("{}{suffix}", folder.name(DATABASE))).unwrap();
    }
    ana.types(&["two"]);
    ben.out.with("Ana: two");
    let line = server.logged("the store is not available");
    assert!(line.contains("put it back and restart"), "{line}");
    ana.types(&["/close"]);
    ana.ends_well();
    ben.ends_well();
    server.logged("was kept beside the store");
    assert!(!folder.file(DATABASE).exists(), "nothing is written where nobody would find it");
    assert_eq!(server.stops().code(), Some(0));
    // Whoever starts next has the whole session.
    let mut server = served(store, &[]);
    server.logged("that was kept is stored");
    let shown = transcript(store, &session).unwrap();
    assert_eq!(words(&shown), ["one", "two"]);
    assert!(!shown["endAt"].is_null());
    assert_eq!(server.stops().code(), Some(0));
}

#[test]
fn a_full_disk_loses_no_word() {
    // No file may become larger than this, in blocks of 512 bytes: the log of the database reaches it
    // in the middle of the session, whose end alone does not.
    let limit = "trap '' XFSZ; ulimit -f 800; exec \"$0\" \"$@\"";
    let folder = Folder::new();
    let store = &folder.store();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", limit, env!("CARGO_BIN_EXE_confer")]);
    let mut server = Served::by(shell, store, &[&["--drain-timeout", "0"], &SOON[..]].concat());
    let mut ana = server.desk(&["agent", "--name", "Ana", "--create"]);
    let session = ana.session();
    let mut ben = server.desk(&["agent", "--name", "Ben", "--join", &session]);
    ben.session();
    let said: Vec<_> =
        (0..18).map(|number| format!("{number:02} {}", "x".repeat(20_000))).collect();
    for words in &said {
        ana.types(&[words]);
        ben.out.with(&format!("Ana: {}", &words[..3]));
    }
    server.logged("the store is not available");
    ana.types(&["/close"]);
    ana.ends_well();
    ben.ends_well();
    server.logged("was kept beside the store");
    assert_eq!(server.stops().code(), Some(0));
    let mut server = served(store, &[]);
    server.logged("that was kept is stored");
    assert_eq!(words(&transcript(store, &session).unwrap()), said);
    assert_eq!(server.stops().code(), Some(0));
}

#[test]
fn with_a_full_disk_at_the_start_nothing_starts() {
    let folder = Folder::new();
    let limit = "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"";
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", limit, env!("CARGO_BIN_EXE_confer"), "serve", "--store", &folder.store()]);
    shell.args(FREE);
    let output = shell.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&folder.name(DATABASE)) && !said.contains("panicked"), "{said}");
    // With room, it does.
    let mut server = served(&folder.store(), &[]);
    assert_eq!(server.stops().code(), Some(0));
}

#[test]
fn closing_on_error_closes_and_says_so() {
    // B20.6: transcript-save-on-error=close.
    let folder = Folder::new();
    let close = ["--set", "settings/transcript-save-on-error=close"];
    let mut server = served(&folder.store(), &[&SOON[..], &close].concat());
    let mut ana = server.desk(&["agent", "--name", "Ana", "--create"]);
    ana.session();
    fs::remove_file(folder.file(DATABASE)).unwrap();
    ana.types(&["one"]);
    server.logged("the store is not available");
    assert_eq!(run(&["sessions", "--store", &folder.store()]).status, 2);
    // The session is over, and so is her part in it.
    ana.goes();
    assert_eq!(server.stops().code(), Some(0));
}
