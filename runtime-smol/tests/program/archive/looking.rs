//! The commands that look into a store, while its server runs.

use std::time::{Duration, Instant};

use confer_core::ask::{Beginning, Leaf, LeafKey, LeafKind, Record, Request};
use confer_core::frame::{EventList, KvList};
use confer_core::id::{DocumentId, InteractionId, OpId, SessionId};
use confer_core::text::Str;
use confer_core::time::Stamp;
use confer_store::{Options, Refusal, Store, Url};

use super::{closed, conversation, served, words};
use crate::support::{DATABASE, Folder, PATIENCE, run};

#[test]
fn what_was_said_can_be_looked_at() {
    let folder = Folder::new();
    let store = &folder.store();
    let server = served(store, &["--set", "settings/session-linger=1"]);
    let session = &conversation(&server, "Where is it?");
    assert_eq!(words(&closed(store, session)), ["Where is it?", "Good morning!"]);
    let mut finn =
        server.visitor(&["--name", "Finn", "--user-data", "EmailAddress=finn@x.example"]);
    let open = &finn.session();
    let look = |args: &[&str]| run(&[args, &["--store", store]].concat());
    let json = |args: &[&str]| look(&[args, &["--format", "json"]].concat());

    let all = look(&["sessions"]);
    assert_eq!((all.status, all.out.lines().count()), (0, 2), "{all:?}");
    let lines: Vec<_> = all.out.lines().collect();
    assert!(lines[0].starts_with(session) && !lines[0].contains("open"), "{all:?}");
    assert!(lines[1].starts_with(open) && lines[1].contains("  open "), "{all:?}");
    assert!(!all.out.contains("parcel") && !all.out.contains("Where"), "{all:?}");
    let all = json(&["sessions"]).json();
    assert_eq!((&all[0]["session"], &all[1]["session"]), (&session[..].into(), &open[..].into()));
    assert!(!all[0]["endAt"].is_null() && all[1]["endAt"].is_null(), "{all:?}");
    let going_on = json(&["sessions", "--open"]).json();
    assert_eq!(going_on.len(), 1);
    assert_eq!(going_on[0]["session"], open[..]);

    let shown = look(&["transcript", session]);
    for words in ["my parcel", "Casey", "Ana", ": Where is it?", ": Good morning!"] {
        assert!(shown.out.contains(words), "{words}: {shown:?}");
    }
    let events = json(&["transcript", session]).json()[0]["events"].as_array().unwrap().len();
    let xml = look(&["transcript", session, "--format", "xml"]);
    assert_eq!(xml.status, 0);
    assert!(xml.out.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"), "{xml:?}");
    let read = confer_transcript::read(&xml.out).unwrap();
    assert_eq!((read.session_id.as_str(), read.events.len()), (&session[..], events));
    assert!(xml.out.contains("Good morning!"), "{xml:?}");
    // One that goes on, as far as it is saved.
    let xml = look(&["transcript", open, "--format", "xml"]);
    assert!(xml.out.contains("userNick=\"Finn\"") && xml.out.ends_with("</chatTranscript>\n"));

    let interaction = json(&["sessions"]).json()[0]["interaction"].as_str().unwrap().to_owned();
    assert_eq!(words(&json(&["transcript", &interaction]).json()[0]).len(), 2);
    let shown = look(&["interaction", &interaction]);
    assert!(shown.out.contains("default") && shown.out.contains("stopped"), "{shown:?}");
    let shown = json(&["interaction", &interaction]).json();
    assert_eq!(shown[0]["interaction"], interaction);
    assert!(shown[0]["properties"].is_object(), "{shown:?}");

    let people = look(&["contacts"]);
    assert!(people.out.contains("casey@shop.example"), "{people:?}");
    assert!(people.out.contains("finn@x.example"), "{people:?}");
    assert_eq!(json(&["contacts"]).json().len(), 2);

    let exported = look(&["export"]).json();
    assert_eq!(exported.len(), 1);
    assert_eq!(words(&exported[0]), ["Where is it?", "Good morning!"]);
    assert_eq!(look(&["export", "--open"]).json().len(), 2);
    let exported = look(&["export", "--format", "text"]);
    assert!(exported.out.contains("Good morning!") && !exported.out.contains("Finn"));

    let good = look(&["store", "check"]);
    assert_eq!((good.status, &*good.out), (0, "nothing is wrong with it\n"));
    assert_eq!(json(&["store", "check"]).json()[0]["good"], true);
    finn.types(&["/quit"]);
    finn.ends_well();
}

#[test]
fn what_cannot_be_looked_at_is_said() {
    let folder = Folder::new();
    let store = &folder.store();
    let says = |args: &[&str], status: i32, words: &str| {
        let ran = run(args);
        assert_eq!((ran.status, &*ran.out), (status, ""), "{args:?}: {ran:?}");
        assert!(ran.notes.contains(words), "{args:?}: {ran:?}");
        assert_eq!(ran.notes.lines().count(), 1, "{args:?}: {ran:?}");
    };
    let commands: [&[&str]; 7] = [
        &["sessions"],
        &["transcript", "0123456789ABCDEF"],
        &["interaction", "0123456789ABCDEF"],
        &["contacts"],
        &["export"],
        &["store", "check"],
        &["store", "purge", "--older-than", "1d", "--yes"],
    ];
    let missing = format!("there is no {}", folder.name(DATABASE));
    for command in commands {
        says(&[command, &["--store", store]].concat(), 2, &missing);
        says(&[command, &["--store", "memory:"]].concat(), 2, "a store in memory");
    }
    assert!(!folder.file(DATABASE).exists(), "nothing is made by looking");
    assert_eq!(served(store, &[]).stops().code(), Some(0));
    says(&["transcript", "NOBODY\u{7}", "--store", store], 1, "there is no session 'NOBODY\\u{7}'");
    says(&["transcript", "NOBODY", "--format", "xml", "--store", store], 1, "no session 'NOBODY'");
    says(&["interaction", "NOBODY", "--store", store], 1, "there is no interaction 'NOBODY'");
    // An empty store is one all the same.
    for command in [commands[0], commands[3], commands[4]] {
        let ran = run(&[command, &["--store", store]].concat());
        assert_eq!((ran.status, &*ran.out, &*ran.notes), (0, "", ""), "{command:?}");
    }
    std::fs::write(folder.file(DATABASE), b"this is a letter".repeat(100)).unwrap();
    for command in commands {
        says(&[command, &["--store", store]].concat(), 2, "is damaged");
    }
}

#[test]
fn what_is_old_is_forgotten_and_what_goes_on_stays() {
    let folder = Folder::new();
    let store = &folder.store();
    let server = served(store, &["--set", "settings/session-linger=1"]);
    let session = &conversation(&server, "Where is it?");
    closed(store, session);
    let mut finn =
        server.visitor(&["--name", "Finn", "--user-data", "EmailAddress=finn@x.example"]);
    let open = &finn.session();
    // Documents come by another way in.
    let (old, new) = (DocumentId::new("D1"), DocumentId::new("D2"));
    let beside =
        Store::open(&Url::Sqlite(folder.file(DATABASE)), &Options::new("beside"), || {}).unwrap();
    for (document, session) in [(&old, session), (&new, open)] {
        let session = SessionId::new(session);
        let mut upload = beside.documents().begin(document.clone(), session, None).unwrap();
        upload.write(&[7; 100_000]).unwrap();
        assert_eq!(upload.finish(), Ok(100_000));
    }
    let purge = |age: &str, really: &[&str]| {
        let args = ["store", "purge", "--store", store, "--format", "json", "--older-than", age];
        let ran = run(&[&args, really].concat());
        assert_eq!(ran.status, 0, "{ran:?}");
        ran.json().remove(0)
    };
    let count = |purged: &serde_json::Value| {
        ["sessions", "documents", "interactions"].map(|what| purged[what].as_u64().unwrap())
    };
    assert_eq!(count(&purge("1h", &["--yes"])), [0, 0, 0]);
    // It was closed this very second, perhaps.
    let end = Instant::now() + PATIENCE;
    let would_be = loop {
        let would_be = purge("0s", &[]);
        if count(&would_be)[0] == 1 || Instant::now() > end {
            break would_be;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!((count(&would_be), &would_be["purged"]), ([1, 1, 1], &false.into()));
    assert_eq!(would_be["contacts"], 1);
    assert!(super::transcript(store, session).is_some(), "nothing is forgotten without --yes");
    let text = run(&["store", "purge", "--store", store, "--older-than", "0s"]);
    assert!(text.out.contains("would be purged") && text.out.contains("sessions 1"), "{text:?}");
    let purged = purge("0s", &["--yes"]);
    assert_eq!((count(&purged), &purged["purged"]), ([1, 1, 1], &true.into()));
    assert_eq!(purged["contacts"], 1);
    assert_eq!(run(&["transcript", session, "--store", store]).status, 1);
    assert_eq!(run(&["interaction", session, "--store", store]).status, 1);
    assert_eq!(beside.documents().read(&old, 0), Err(Refusal::NotFound));
    assert!(beside.documents().read(&new, 1).unwrap().is_some());
    let people = run(&["contacts", "--store", store]).out;
    assert!(people.contains("finn@x.example") && !people.contains("casey"), "{people}");
    assert_eq!(count(&purge("0s", &["--yes"])), [0, 0, 0]);
    // The file has nothing of it left, nor has its log.
    drop(beside);
    assert!(super::transcript(store, open).is_some(), "it goes on");
    finn.types(&["still here", "/quit"]);
    finn.ends_well();
    assert_eq!(words(&closed(store, open)), ["still here"]);
    assert_eq!(run(&["store", "check", "--store", store]).status, 0);
}

#[test]
fn statistics_are_shown_with_their_session_and_forgotten_with_it() {
    let folder = Folder::new();
    let store = &folder.store();
    let session = SessionId::new("00K7EXAMPLE42QZ9");
    let beginning = Box::new(Beginning {
        contact: None,
        start_at: Stamp::from_unix_seconds(1_700_000_000),
        subject: None,
        user_data: KvList::new(),
        tenant: Str::new("1"),
        queue: Str::new("default"),
        interaction: InteractionId::new(session.as_str()),
    });
    let key = LeafKey { kind: LeafKind::Statistics, index: 0 };
    let state = KvList::from([("form", 1.into()), ("messages", 7.into())]);
    let end = Record::Final {
        session: session.clone(),
        generation: 1,
        end_at: Stamp::from_unix_seconds(1_700_000_100),
        events: EventList::new(),
        leaves: vec![Leaf { key, state }],
    };
    let kept =
        Store::open(&Url::Sqlite(folder.file(DATABASE)), &Options::new("desk"), || {}).unwrap();
    kept.ask(OpId(1), Request::Record(Record::Create { session: session.clone(), beginning }));
    kept.ask(OpId(2), Request::Record(end));
    // Its last words are done when it is gone.
    drop(kept);
    let exported = run(&["export", "--store", store]).json();
    assert_eq!(
        exported[0]["statistics"],
        serde_json::json!([{ "kvl": [["form", 1], ["messages", 7]] }])
    );
    let purged = run(&["store", "purge", "--older-than", "0s", "--yes", "--store", store]);
    assert_eq!(purged.status, 0, "{purged:?}");
    let file = rusqlite::Connection::open(folder.file(DATABASE)).unwrap();
    for table in ["record", "keeping", "save", "leaf"] {
        let count = file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0));
        assert_eq!(count, Ok(0), "{table}");
    }
}
