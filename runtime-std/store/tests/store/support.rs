//! A store to ask, a place for its files, and what is asked.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use confer_core::ask::{Beginning, Contact, Leaf, Loaded, Outcome, Record, RecordName, Request};
use confer_core::door::External;
use confer_core::frame::{
    EventBody, EventList, KvList, KvValue, Message, Open, TranscriptEvent, Visibility,
};
use confer_core::id::{EventId, InteractionId, OpId, SessionId, UserId};
use confer_core::text::{Str, Text};
use confer_core::time::Stamp;
use confer_store::{Event, OpenError, Options, Store, Url};

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory of its own, gone at the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("confer-store-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // One of a process of the same number that was killed.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Where the database is.
    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("data/confer.db")
    }

    pub(crate) fn url(&self) -> Url {
        Url::Sqlite(self.file())
    }

    /// Opens the database for a server of this name.
    pub(crate) fn open(&self, name: &str) -> Asker {
        Asker::open(&self.url(), &Options::new(name)).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Asks a store, and waits for the answers.
pub(crate) struct Asker {
    pub(crate) store: Store,
    woken: Receiver<()>,
    asked: u64,
    /// What was heard while somebody waited for something else.
    heard: Vec<External>,
}

impl Asker {
    pub(crate) fn open(url: &Url, options: &Options) -> Result<Self, OpenError> {
        let (wake, woken) = channel();
        let store = Store::open(url, options, move || {
            let _ = wake.send(());
        })?;
        Ok(Self { store, woken, asked: 0, heard: Vec::new() })
    }

    pub(crate) fn memory() -> Self {
        Self::open(&Url::Memory, &Options::new("memory")).unwrap()
    }

    /// Asks, and waits for nothing.
    pub(crate) fn send(&mut self, request: Request) -> OpId {
        self.asked += 1;
        self.store.ask(OpId(self.asked), request);
        OpId(self.asked)
    }

    /// The next answer.
    pub(crate) fn answer(&mut self) -> (OpId, Outcome) {
        loop {
            match self.store.poll() {
                Some(Event::Done { op, outcome }) => return (op, outcome),
                Some(Event::External(what)) => self.heard.push(what),
                None => self.woken.recv_timeout(PATIENCE).expect("the store says something"),
            }
        }
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask(&mut self, request: Request) -> Outcome {
        let asked = self.send(request);
        let (op, outcome) = self.answer();
        assert_eq!(op, asked);
        outcome
    }

    pub(crate) fn record(&mut self, record: Record) -> Outcome {
        self.ask(Request::Record(record))
    }

    pub(crate) fn load(&mut self, session: &str) -> Option<Loaded> {
        let name = RecordName::Session(SessionId::new(session));
        match self.record(Record::Load { name, events: true }) {
            Outcome::Loaded(loaded) => Some(*loaded),
            _ => None,
        }
    }

    pub(crate) fn identify(&mut self, said: &[(&str, &str)]) -> (Option<String>, KvList) {
        let request = Contact::Identify { tenant: Str::new("1"), user_data: said_of(said) };
        match self.ask(Request::Contact(request)) {
            Outcome::Identified { contact, attributes } => {
                (contact.map(|id| id.as_str().to_owned()), attributes)
            }
            other => panic!("not identified: {other:?}"),
        }
    }

    /// Waits until the store says something of its own accord.
    pub(crate) fn hear(&mut self) -> External {
        loop {
            if !self.heard.is_empty() {
                return self.heard.remove(0);
            }
            match self.store.poll() {
                Some(Event::External(what)) => return what,
                Some(Event::Done { .. }) => {}
                None => self.woken.recv_timeout(PATIENCE).expect("the store says something"),
            }
        }
    }
}

pub(crate) fn said_of(said: &[(&str, &str)]) -> KvList {
    let mut list = KvList::new();
    for (key, value) in said {
        list.push(key, KvValue::from(*value));
    }
    list
}

pub(crate) fn beginning(session: &str) -> Box<Beginning> {
    Box::new(Beginning {
        contact: None,
        start_at: Stamp::from_unix_seconds(1_700_000_000),
        subject: Some(Text::new("An order")),
        user_data: said_of(&[("FirstName", "Juniper"), ("MediaOrigin", "web")]),
        tenant: Str::new("1"),
        queue: Str::new("default"),
        interaction: InteractionId::new(session),
    })
}

pub(crate) fn create(session: &str) -> Record {
    Record::Create { session: SessionId::new(session), beginning: beginning(session) }
}

pub(crate) fn message(id: u32, text: &str) -> TranscriptEvent {
    TranscriptEvent {
        event_id: EventId::new(id).unwrap(),
        user_id: UserId::new("4F00A1C2D3E40001"),
        time_shift: id,
        visibility: Open::Known(Visibility::All),
        party: None,
        participant_no: None,
        event_attributes: None,
        body: EventBody::Message(Message {
            message_text: Text::new(text),
            message_type: None,
            treat_as: None,
            receiver_id: None,
            user_data: None,
        }),
    }
}

pub(crate) fn append(session: &str, generation: u64, events: Vec<TranscriptEvent>) -> Record {
    append_with(session, generation, events, Vec::new())
}

pub(crate) fn append_with(
    session: &str,
    generation: u64,
    events: Vec<TranscriptEvent>,
    leaves: Vec<Leaf>,
) -> Record {
    let last = events.last().map_or(EventId::NONE, |event| event.event_id);
    Record::Append {
        session: SessionId::new(session),
        generation,
        events: EventList::from(events),
        reserved_to: last,
        orphan_at: Stamp::from_unix_seconds(1_700_000_100),
        leaves,
    }
}

pub(crate) fn close(session: &str, generation: u64, events: Vec<TranscriptEvent>) -> Record {
    Record::Final {
        session: SessionId::new(session),
        generation,
        end_at: Stamp::from_unix_seconds(1_700_001_000),
        events: EventList::from(events),
        leaves: Vec::new(),
    }
}

pub(crate) fn own(session: &str, generation: u64) -> Record {
    Record::Own { session: SessionId::new(session), generation }
}

/// The words of a transcript.
pub(crate) fn words(loaded: &Loaded) -> Vec<(u32, String)> {
    let word = |event: &TranscriptEvent| match &event.body {
        EventBody::Message(message) => message.message_text.reveal().to_owned(),
        _ => String::new(),
    };
    loaded.events.iter().map(|event| (event.event_id.number(), word(event))).collect()
}
