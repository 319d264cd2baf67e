//! What goes wrong with a file.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use confer_core::ask::{Failure, Outcome, Record};
use confer_core::door::External;
use confer_core::frame::{EventList, KvList, KvValue};
use confer_core::id::SessionId;
use confer_core::time::Stamp;
use confer_store::{MAX_SPOOLED, OpenError, Options, Url, View, purge};

use crate::support::{Asker, Scratch, append, beginning, close, create, message, words};

const SESSION: &str = "00K7EXAMPLE42QZ9";

fn fails(scratch: &Scratch) -> OpenError {
    Asker::open(&scratch.url(), &Options::new("desk")).map(drop).unwrap_err()
}

fn spool(events: EventList, generation: u64) -> Record {
    Record::Spool {
        session: SessionId::new(SESSION),
        beginning: beginning(SESSION),
        generation,
        end_at: Stamp::from_unix_seconds(1_700_000_500),
        events,
    }
}

#[test]
fn nobody_else_may_read_what_is_kept() {
    let scratch = Scratch::new();
    let mut store = scratch.open("desk");
    store.record(create(SESSION));
    store.record(spool(EventList::new(), 1));
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let directory = scratch.path().join("data");
    assert_eq!(mode(&directory), 0o700);
    let mut directories = vec![directory];
    let mut files = 0;
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                assert_eq!(mode(&path), 0o700, "{path:?}");
                directories.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{path:?}");
                files += 1;
            }
        }
    }
    // The database, its two, the lock, the life and the end.
    assert_eq!(files, 6);
}

#[test]
fn a_full_disk_takes_nothing_and_loses_nothing() {
    let scratch = Scratch::new();
    let options = Options { max_size: Some(400_000), ..Options::new("desk") };
    let mut store = Asker::open(&scratch.url(), &options).unwrap();
    store.record(create(SESSION));
    let text = "x".repeat(20_000);
    let mut saved = Vec::new();
    let refused = loop {
        let id = u32::try_from(saved.len()).unwrap() + 1;
        match store.record(append(SESSION, 1, vec![message(id, &text)])) {
            Outcome::Done => saved.push((id, text.clone())),
            other => break other,
        }
        assert!(saved.len() < 100);
    };
    assert_eq!(refused, Outcome::Failed(Failure::Unavailable));
    assert!(saved.len() > 3);
    // The end of the session can be kept all the same (B20.6).
    assert_eq!(store.record(spool(vec![message(1, &text)].into(), 1)), Outcome::Done);
    // What is there is there; and with room, everything goes on.
    drop(store);
    let mut store = scratch.open("desk");
    let loaded = store.load(SESSION).unwrap();
    assert!(loaded.end_at.is_some(), "the end that was kept is written");
    assert_eq!(words(&loaded), [(1, text)]);
    let spooled = fs::read_dir(scratch.path().join("data/confer.db.spool")).unwrap();
    assert_eq!(spooled.count(), 0);
}

#[test]
fn an_end_that_was_kept_is_written_once_and_only_by_right() {
    // B20.6: also one whose record could never be begun.
    let scratch = Scratch::new();
    let mut store = scratch.open("desk");
    assert_eq!(store.record(spool(vec![message(1, "a")].into(), 1)), Outcome::Done);
    assert!(store.load(SESSION).is_none());
    drop(store);
    let mut store = scratch.open("desk");
    let loaded = store.load(SESSION).unwrap();
    assert_eq!(words(&loaded), [(1, "a".to_owned())]);
    assert_eq!(loaded.beginning, *beginning(SESSION));
    // Somebody else took the session meanwhile: its end is another one.
    store.record(create("B"));
    let mut other = spool(vec![message(1, "wrong")].into(), 7);
    let Record::Spool { session, .. } = &mut other else { unreachable!() };
    *session = SessionId::new("B");
    store.record(other);
    let directory = scratch.path().join("data/confer.db.spool");
    fs::write(directory.join("broken-1.end"), b"\x01\xff\xff").unwrap();
    drop(store);
    let mut store = scratch.open("desk");
    assert_eq!(store.load("B").unwrap().end_at, None);
    // Nothing is thrown away.
    let left = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
    let left: Vec<_> = left.map(|path| path.extension().unwrap().to_owned()).collect();
    assert_eq!(left, ["refused", "refused"]);
}

#[test]
fn what_xml_has_no_form_for_is_kept_without_it() {
    // B5.5: the events are kept of every session.
    let scratch = Scratch::new();
    let mut store = scratch.open("desk");
    store.record(create(SESSION));
    let mut event = message(1, "a");
    let deep = |list, _| KvList::from([("deeper", KvValue::from(list))]);
    event.event_attributes = Some((0..20).fold(KvList::new(), deep));
    assert_eq!(store.record(close(SESSION, 1, vec![event.clone()])), Outcome::Done);
    assert_eq!(store.load(SESSION).unwrap().events, [event]);
    let view = View::open(&scratch.url()).unwrap();
    let error = view.document(SESSION).unwrap_err().to_string();
    assert!(error.contains("cannot be written as XML: event 1"), "{error}");
    assert_eq!(view.document("NOBODY"), Ok(None));
    assert_eq!(view.check(), Ok(Vec::new()));
    // Whatever is there is looked at.
    let file = rusqlite::Connection::open(scratch.file()).unwrap();
    file.execute("UPDATE record SET transcript = '<chatTranscript/>'", []).unwrap();
    let wrong = view.check().unwrap();
    assert!(wrong.len() == 1 && wrong[0].contains("XML cannot be read"), "{wrong:?}");
}

#[test]
fn only_so_many_ends_are_kept() {
    let scratch = Scratch::new();
    let mut store = scratch.open("desk");
    let directory = scratch.path().join("data/confer.db.spool");
    fs::create_dir(&directory).unwrap();
    for number in 1..MAX_SPOOLED {
        fs::write(directory.join(format!("{number}.refused")), b"").unwrap();
    }
    assert_eq!(store.record(spool(EventList::new(), 1)), Outcome::Done);
    let full = Outcome::Failed(Failure::Unavailable);
    assert_eq!(store.record(spool(EventList::new(), 2)), full);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), MAX_SPOOLED);
    // With room, it is kept after all.
    fs::remove_file(directory.join("1.refused")).unwrap();
    assert_eq!(store.record(spool(EventList::new(), 2)), Outcome::Done);
}

#[test]
fn a_directory_that_takes_no_file_is_named() {
    let file = Scratch::new();
    fs::write(file.path().join("data"), b"").unwrap();
    let error = fails(&file);
    assert!(matches!(error, OpenError::Directory { .. }), "{error:?}");
    assert!(error.to_string().contains("data"), "{error}");
    // Nobody writes there, whoever they are.
    let url = Url::Sqlite("/proc/confer.db".into());
    let error = Asker::open(&url, &Options::new("desk")).map(drop).unwrap_err();
    assert!(matches!(error, OpenError::File { .. }), "{error:?}");
    assert!(error.to_string().contains("/proc/confer.db"), "{error}");
}

#[test]
fn what_is_no_database_of_ours_is_left_alone() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path().join("data")).unwrap();
    let text = b"this is a letter, and no database".repeat(100);
    fs::write(scratch.file(), &text).unwrap();
    let error = fails(&scratch);
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
    assert_eq!(fs::read(scratch.file()).unwrap(), text);
    fs::remove_file(scratch.file()).unwrap();
    let other = rusqlite::Connection::open(scratch.file()).unwrap();
    other.execute_batch("CREATE TABLE recipes (name)").unwrap();
    assert!(matches!(fails(&scratch), OpenError::Foreign { .. }));
}

#[test]
fn a_newer_schema_is_refused() {
    let scratch = Scratch::new();
    drop(scratch.open("desk"));
    let file = rusqlite::Connection::open(scratch.file()).unwrap();
    file.pragma_update(None, "user_version", 4711).unwrap();
    let error = fails(&scratch);
    assert!(matches!(error, OpenError::Newer { found: 4711, .. }), "{error:?}");
    assert!(error.to_string().contains("4711"), "{error}");
    let error = View::open(&scratch.url()).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 4711, .. }), "{error:?}");
}

#[test]
fn an_older_schema_is_not_for_those_who_only_look() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path().join("data")).unwrap();
    // An empty file is what a server makes first.
    fs::write(scratch.file(), b"").unwrap();
    let error = View::open(&scratch.url()).unwrap_err();
    assert!(matches!(error, OpenError::Older { .. }), "{error:?}");
    let purged = purge(&scratch.url(), Stamp::MAX, true);
    assert!(matches!(purged, Err(OpenError::Older { .. })));
    assert_eq!(fs::read(scratch.file()).unwrap(), b"", "nobody changed it");
    drop(scratch.open("desk"));
    assert!(View::open(&scratch.url()).is_ok());
}

#[test]
fn a_damaged_file_is_refused_and_says_so() {
    let scratch = Scratch::new();
    let mut store = scratch.open("desk");
    for number in 0..200 {
        store.record(create(&format!("SESSION{number}")));
    }
    drop(store);
    let mut file = File::options().write(true).open(scratch.file()).unwrap();
    for page in 2..12 {
        file.seek(SeekFrom::Start(page * 4096)).unwrap();
        file.write_all(&[0x5a; 2000]).unwrap();
    }
    let error = fails(&scratch);
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("backup"), "{error}");
}

#[test]
fn somebody_who_holds_the_file_is_waited_for_and_then_reported() {
    let scratch = Scratch::new();
    let mut store = scratch.open("desk");
    store.record(create(SESSION));
    let other = rusqlite::Connection::open(scratch.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let save = || append(SESSION, 1, vec![message(1, "a")]);
    assert_eq!(store.record(save()), Outcome::Failed(Failure::Unavailable));
    // Down, and told so at once from now on.
    assert_eq!(store.record(save()), Outcome::Failed(Failure::Unavailable));
    // What is there can be read all the same, once the store is back (B4.3).
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.hear(), External::ContactStoreUp);
    assert_eq!(store.record(save()), Outcome::Done);
    assert_eq!(store.load(SESSION).unwrap().events.len(), 1);
    drop(store);
    // And at the start, too.
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let error = fails(&scratch);
    assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
}

#[test]
fn nothing_is_written_into_a_file_that_was_deleted() {
    let scratch = Scratch::new();
    let mut store = scratch.open("desk");
    store.record(create(SESSION));
    fs::remove_file(scratch.file()).unwrap();
    let save = || append(SESSION, 1, vec![message(1, "a")]);
    assert_eq!(store.record(save()), Outcome::Failed(Failure::Unavailable));
    assert_eq!(store.record(close(SESSION, 1, Vec::new())), Outcome::Failed(Failure::Unavailable));
    assert!(!scratch.file().exists(), "nor is another one made");
}

#[test]
fn the_same_with_its_log() {
    let scratch = Scratch::new();
    let mut store = scratch.open("desk");
    store.record(create(SESSION));
    fs::remove_file(scratch.path().join("data/confer.db-wal")).unwrap();
    let save = append(SESSION, 1, vec![message(1, "a")]);
    assert_eq!(store.record(save), Outcome::Failed(Failure::Unavailable));
}
