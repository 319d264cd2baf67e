//! G8: saving every event, against a bare loop that appends the same rows in groups.
//!
//! Prints events a second. Each figure is the best of some rounds, all within one run: what must hold
//! is the ratio between them.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "this is what it is for")]

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use confer_core::ask::{Beginning, Outcome, Record, Request};
use confer_core::frame::{
    EventBody, EventList, KvList, Message, Open, TranscriptEvent, Visibility,
};
use confer_core::id::{EventId, InteractionId, OpId, SessionId, UserId};
use confer_core::text::{Str, Text};
use confer_core::time::Stamp;
use confer_store::{Event, Options, Store, Url};
use rusqlite::{Connection, params};

/// Sessions that take turns.
const SESSIONS: u32 = 100;
/// Events saved in one round.
const EVENTS: u32 = 100_000;
/// Rounds, of which the best counts.
const ROUNDS: u32 = 3;
/// Saves that are under way at a time.
const UNDER_WAY: u32 = 256;
/// What the encoded event takes, in bytes.
const ROW: usize = 91;

fn main() {
    let scratch = std::env::temp_dir().join(format!("confer-bench-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).unwrap();
    println!("events/s, {SESSIONS} sessions, one event a save, {UNDER_WAY} under way");
    let bare = (0..ROUNDS).map(|round| bare(&scratch.join(format!("bare-{round}.db"))));
    let bare = bare.max().unwrap();
    println!("bare loop, {UNDER_WAY} rows a transaction    {bare:>9}");
    for length in [10, 10_000] {
        let (store, woken) = open(&scratch.join(format!("store-{length}.db")));
        let mut next = fill(&store, &woken, length);
        let mut best = 0;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            save(&store, &woken, &mut next, EVENTS);
            best = best.max(rate(began));
        }
        let percent = best * 100 / bare;
        println!(
            "store, transcripts of {length:>6} at first {best:>9}  {percent} % of the bare loop"
        );
    }
    std::fs::remove_dir_all(&scratch).unwrap();
}

fn rate(began: Instant) -> u64 {
    u64::from(EVENTS) * 1_000_000 / u64::try_from(began.elapsed().as_micros()).unwrap()
}

/// Appends rows of the same size, in transactions as large as those of a busy store.
fn bare(path: &Path) -> u64 {
    let connection = Connection::open(path).unwrap();
    let table =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384;
        CREATE TABLE save (id INTEGER PRIMARY KEY, record INTEGER NOT NULL, previous INTEGER,
        events BLOB NOT NULL) STRICT";
    connection.execute_batch(table).unwrap();
    let row = vec![7_u8; ROW];
    let began = Instant::now();
    let mut number = 0;
    while number < EVENTS {
        connection.prepare_cached("BEGIN IMMEDIATE").unwrap().execute([]).unwrap();
        for _ in 0..UNDER_WAY {
            let insert = "INSERT INTO save (record, previous, events) VALUES (?1, ?2, ?3)";
            let mut insert = connection.prepare_cached(insert).unwrap();
            insert.execute(params![number % SESSIONS, number, row]).unwrap();
            number += 1;
        }
        connection.prepare_cached("COMMIT").unwrap().execute([]).unwrap();
    }
    rate(began)
}

fn open(path: &Path) -> (Store, Receiver<()>) {
    let (wake, woken) = channel();
    let url = Url::Sqlite(path.to_owned());
    let store = Store::open(&url, &Options::new("bench"), move || {
        let _ = wake.send(());
    })
    .unwrap();
    (store, woken)
}

/// Begins the sessions, and saves so many events of each.
fn fill(store: &Store, woken: &Receiver<()>, length: u32) -> Vec<u32> {
    for number in 0..SESSIONS {
        let session = session(number);
        let beginning = Box::new(Beginning {
            contact: None,
            start_at: Stamp::from_unix_seconds(1_800_000_000),
            subject: None,
            user_data: KvList::new(),
            tenant: Str::new("1"),
            queue: Str::new("default"),
            interaction: InteractionId::new(session.as_str()),
        });
        ask(store, Record::Create { session, beginning });
        answers(store, woken, 1);
        for from in (1..=length).step_by(1000) {
            let events = (from..=length.min(from + 999)).map(event).collect();
            ask(store, append(number, events));
            answers(store, woken, 1);
        }
    }
    vec![length + 1; SESSIONS as usize]
}

/// Saves events one by one, of the sessions in turn.
fn save(store: &Store, woken: &Receiver<()>, next: &mut [u32], count: u32) {
    let mut under_way = 0;
    for (number, _) in (0..SESSIONS).cycle().zip(0..count) {
        if under_way == UNDER_WAY {
            under_way -= answers(store, woken, 1);
        }
        let id = &mut next[number as usize];
        ask(store, append(number, event(*id).into()));
        *id += 1;
        under_way += 1;
    }
    while under_way > 0 {
        under_way -= answers(store, woken, 1);
    }
}

fn ask(store: &Store, record: Record) {
    store.ask(OpId(1), Request::Record(record));
}

/// Takes the answers there are, waiting until there are so many.
fn answers(store: &Store, woken: &Receiver<()>, least: u32) -> u32 {
    let mut count = 0;
    loop {
        match store.poll() {
            Some(Event::Done { outcome, .. }) => {
                assert_eq!(outcome, Outcome::Done);
                count += 1;
            }
            Some(Event::External(_)) => {}
            None if count >= least => return count,
            None => woken.recv().unwrap(),
        }
    }
}

fn session(number: u32) -> SessionId {
    SessionId::new(&format!("00K7EXAMPLE{number:05}"))
}

fn append(number: u32, events: EventList) -> Record {
    Record::Append {
        session: session(number),
        generation: 1,
        events,
        reserved_to: EventId::MAX,
        orphan_at: Stamp::from_unix_seconds(1_800_000_100),
        leaves: Vec::new(),
    }
}

fn event(id: u32) -> TranscriptEvent {
    TranscriptEvent {
        event_id: EventId::new(id).unwrap(),
        user_id: UserId::new("4F00A1C2D3E40001"),
        time_shift: id,
        visibility: Open::Known(Visibility::All),
        party: None,
        participant_no: None,
        event_attributes: None,
        body: EventBody::Message(Message {
            message_text: Text::new(&"sixty characters of a message ".repeat(2)),
            message_type: None,
            treat_as: None,
            receiver_id: None,
            user_data: None,
        }),
    }
}
