//! Whatever a machine saves comes back from its record, and from the XML of it (B5.5), exactly.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

use confer_core::ask::{Beginning, Outcome, Record, RecordName, Request};
use confer_core::frame::{EventList, KvList, TranscriptEvent};
use confer_core::id::{EventId, InteractionId, OpId, SessionId};
use confer_core::text::Str;
use confer_core::time::Stamp;
use confer_store::{Event, Options, Store, Url, View};
use confer_tests::{arbitrary, cases, seeds};
use confer_transcript::Transcript;
use quickcheck::{Arbitrary as _, Gen};

/// A store to ask, and a directory that goes with it.
struct Asker {
    store: Option<Store>,
    woken: Receiver<()>,
    scratch: Option<PathBuf>,
}

impl Asker {
    fn memory() -> Self {
        Self::open(&Url::Memory, None)
    }

    fn sqlite() -> Self {
        let name = format!("confer-kept-{}", std::process::id());
        let scratch = std::env::temp_dir().join(name);
        // One of a process of the same number that was killed.
        let _ = std::fs::remove_dir_all(&scratch);
        Self::open(&Url::Sqlite(scratch.join("confer.db")), Some(scratch))
    }

    fn open(url: &Url, scratch: Option<PathBuf>) -> Self {
        let (wake, woken) = channel();
        let wake = move || {
            let _ = wake.send(());
        };
        let store = Store::open(url, &Options::new("desk"), wake).expect("the store opens");
        Self { store: Some(store), woken, scratch }
    }

    fn record(&self, record: Record) -> Outcome {
        let store = self.store.as_ref().expect("it is open until it is dropped");
        store.ask(OpId(1), Request::Record(record));
        loop {
            match store.poll() {
                Some(Event::Done { outcome, .. }) => return outcome,
                Some(Event::External(_)) => {}
                None => self.woken.recv().expect("the store answers"),
            }
        }
    }

    fn events(&self, session: &SessionId) -> Vec<TranscriptEvent> {
        let name = RecordName::Session(session.clone());
        let outcome = self.record(Record::Load { name, events: true });
        let Outcome::Loaded(loaded) = outcome else { panic!("nothing was loaded: {outcome:?}") };
        loaded.events
    }

    /// The document of a session, for whoever looks into the store from outside.
    fn document(&self, session: &SessionId) -> Option<String> {
        let file = self.scratch.as_ref()?.join("confer.db");
        let view = View::open(&Url::Sqlite(file)).expect("the store can be looked into");
        view.document(session.as_str()).expect("the document can be read")
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.store = None;
        if let Some(scratch) = &self.scratch {
            let _ = std::fs::remove_dir_all(scratch);
        }
    }
}

fn holds(store: &Asker, seed: u64) {
    let g = &mut Gen::from_size_and_seed(32, seed);
    // Characters that XML does not have never get as far as a store (wire.md §2): they are replaced by
    // writing the document once.
    let Transcript { start_at, events, .. } = arbitrary::stored(g);
    let session = SessionId::new(&format!("KEPT{seed:020}"));
    let written = confer_transcript::write(&session, start_at, &events).expect("can be written");
    let events = confer_transcript::read(&written).expect("can be read").events;
    store.record(Record::Discard { session: session.clone() });
    let beginning = Box::new(Beginning {
        contact: None,
        start_at,
        subject: None,
        user_data: KvList::new(),
        tenant: Str::new("1"),
        queue: Str::new("default"),
        interaction: InteractionId::new(session.as_str()),
    });
    let create = Record::Create { session: session.clone(), beginning };
    assert_eq!(store.record(create), Outcome::Done);
    let mut rest = &events[..];
    while !rest.is_empty() {
        let (now, later) = rest.split_at(1 + usize::arbitrary(g) % rest.len());
        let append = Record::Append {
            session: session.clone(),
            generation: 1,
            events: EventList::from(now.to_vec()),
            reserved_to: now.last().map_or(EventId::NONE, |event| event.event_id),
            orphan_at: Stamp::MAX,
            leaves: Vec::new(),
        };
        assert_eq!(store.record(append), Outcome::Done);
        rest = later;
    }
    let same = |when| {
        assert_eq!(store.events(&session), events, "{when}");
        let document = store.document(&session);
        let read = document.map(|document| confer_transcript::read(&document).expect("is read"));
        let expected = Transcript { session_id: session.clone(), start_at, events: events.clone() };
        assert!(read.is_none_or(|read| read == expected), "{when}");
    };
    same("while it goes on");
    let end = Record::Final {
        session: session.clone(),
        generation: 1,
        end_at: Stamp::MAX,
        events: EventList::from(events.clone()),
        leaves: Vec::new(),
    };
    assert_eq!(store.record(end), Outcome::Done);
    same("when it is closed");
    let document = store.document(&session);
    assert!(document.is_none_or(|document| document == written));
}

#[test]
fn what_is_saved_comes_back_from_memory() {
    let store = Asker::memory();
    seeds::each("what_is_saved_comes_back_from_memory", cases(500, 100_000), |seed| {
        holds(&store, seed);
    });
}

#[test]
fn what_is_saved_comes_back_from_sqlite_and_as_xml() {
    let store = Asker::sqlite();
    seeds::each("what_is_saved_comes_back_from_sqlite", cases(200, 20_000), |seed| {
        holds(&store, seed);
    });
}
