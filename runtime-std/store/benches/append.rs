//! G8: saving every event, against a bare loop that appends the same rows in groups.
//!
//! Prints events a second, and the time that threads took for one. The loop and the stores take turns,
//! and every figure is the median of its rounds: what must hold is the ratio within a round.

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

/// Events saved in one round.
const EVENTS: u32 = 100_000;
/// Rounds, of which the middle one counts.
const ROUNDS: usize = 7;
/// Saves that are under way at a time.
const UNDER_WAY: u32 = 256;
/// What the encoded event takes, in bytes.
const ROW: usize = 91;
/// Sessions that take turns, and how many events each has at first.
const SCENES: [(u32, u32); 3] = [(100, 10), (100, 10_000), (1000, 10)];

fn main() {
    let scratch = std::env::temp_dir().join(format!("confer-bench-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).unwrap();
    let mut scenes = SCENES.map(|(sessions, length)| {
        let path = scratch.join(format!("store-{sessions}-{length}.db"));
        Scene::fill(&path, sessions, length)
    });
    let (mut loops, mut rounds) = (Vec::new(), SCENES.map(|_| Vec::new()));
    for round in 0..ROUNDS {
        let bare = bare(&scratch.join(format!("bare-{round}.db")));
        loops.push(bare);
        for (scene, rounds) in scenes.iter_mut().zip(&mut rounds) {
            let rate = scene.round();
            rounds.push((rate, rate.0 * 100 / bare.0, rate.1 * 100 / bare.1.max(1)));
        }
    }
    println!("one event a save, {UNDER_WAY} under way; medians of {ROUNDS} rounds");
    let (rate, time) = (median(&loops, |it| it.0), median(&loops, |it| it.1));
    println!("bare loop, {UNDER_WAY} rows a transaction: {rate} events/s, {time} ns each");
    for ((sessions, length), rounds) in SCENES.into_iter().zip(rounds) {
        let (rate, time) = (median(&rounds, |it| it.0.0), median(&rounds, |it| it.0.1));
        let (percent, times) = (median(&rounds, |it| it.1), median(&rounds, |it| it.2));
        println!(
            "{sessions} sessions of {length} events at first: {rate} events/s, {percent} % of the \
             bare loop; {time} ns each, {times} % of the bare loop"
        );
    }
    drop(scenes);
    std::fs::remove_dir_all(&scratch).unwrap();
}

fn median<T>(rounds: &[T], of: impl Fn(&T) -> u64) -> u64 {
    let mut figures: Vec<_> = rounds.iter().map(of).collect();
    figures.sort_unstable();
    figures[figures.len() / 2]
}

/// When a round began, and the time threads had taken by then.
struct Began(Instant, u64);

impl Began {
    fn now() -> Self {
        Self(Instant::now(), taken())
    }

    /// Events a second since then, and nanoseconds of threads for each.
    fn rate(self) -> (u64, u64) {
        let micros = u64::try_from(self.0.elapsed().as_micros()).unwrap();
        let events = u64::from(EVENTS);
        (events * 1_000_000 / micros, (taken() - self.1) / events)
    }
}

/// Nanoseconds that all threads there are have taken; 0 where nobody says so.
fn taken() -> u64 {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return 0 };
    let one = |thread: std::io::Result<std::fs::DirEntry>| {
        let times = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<u64>().ok()
    };
    threads.filter_map(one).sum()
}

/// Appends rows of the same size, in transactions as large as those of a busy store.
fn bare(path: &Path) -> (u64, u64) {
    let connection = Connection::open(path).unwrap();
    let table =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384;
        CREATE TABLE save (id INTEGER PRIMARY KEY, record INTEGER NOT NULL, previous INTEGER,
        events BLOB NOT NULL) STRICT";
    connection.execute_batch(table).unwrap();
    let row = vec![7_u8; ROW];
    let began = Began::now();
    let mut number = 0;
    let insert = "INSERT INTO save (record, previous, events) VALUES (?1, ?2, ?3)";
    let mut insert = connection.prepare(insert).unwrap();
    while number < EVENTS {
        connection.prepare_cached("BEGIN IMMEDIATE").unwrap().execute([]).unwrap();
        for _ in 0..UNDER_WAY {
            insert.execute(params![number % 100, number, row]).unwrap();
            number += 1;
        }
        connection.prepare_cached("COMMIT").unwrap().execute([]).unwrap();
    }
    began.rate()
}

/// A store with sessions in it, which have so many events each.
struct Scene {
    store: Store,
    woken: Receiver<()>,
    next: Vec<u32>,
}

impl Scene {
    fn fill(path: &Path, sessions: u32, length: u32) -> Self {
        let (wake, woken) = channel();
        let url = Url::Sqlite(path.to_owned());
        let store = Store::open(&url, &Options::new("bench"), move || {
            let _ = wake.send(());
        });
        let scene =
            Self { store: store.unwrap(), woken, next: vec![length + 1; sessions as usize] };
        for number in 0..sessions {
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
            ask(&scene.store, Record::Create { session, beginning });
            answers(&scene.store, &scene.woken, 1);
            for from in (1..=length).step_by(1000) {
                let events = (from..=length.min(from + 999)).map(event).collect();
                ask(&scene.store, append(number, events));
                answers(&scene.store, &scene.woken, 1);
            }
        }
        scene
    }

    /// Saves events one by one, of the sessions in turn.
    fn round(&mut self) -> (u64, u64) {
        let Self { store, woken, next } = self;
        let began = Began::now();
        let mut under_way = 0;
        let sessions = 0..u32::try_from(next.len()).unwrap();
        for (number, _) in sessions.cycle().zip(0..EVENTS) {
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
        began.rate()
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
