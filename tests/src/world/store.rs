//! A store that can fail, stall and lose its process.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use confer_core::ask::{
    Beginning, Document, Failure, Instance, Interaction, Leaf, LeafKey, Loaded, Outcome, Record,
    RecordName, Request,
};
use confer_core::door::External;
use confer_core::frame::{EventList, KvList, TranscriptEvent};
use confer_core::id::{DocumentId, EventId, InteractionId, OpId, SessionId};
use confer_core::pii::Secret;
use confer_core::text::Str;
use confer_core::time::{Instant, Stamp};

use super::chance::Chance;

/// What goes wrong in a store.
#[derive(Clone, Debug)]
pub struct StoreFaults {
    /// How long until a request takes effect, and again until its answer is back. Drawn for each, so
    /// answers overtake each other, and so do requests, except those about one record.
    pub latency: RangeInclusive<Duration>,
    /// How many requests in a thousand fail without effect.
    pub fail_per_mille: u16,
    /// How many in a thousand take effect, and the answer says they failed.
    pub lie_per_mille: u16,
    /// How many in a thousand take effect, and are never answered.
    pub lose_per_mille: u16,
    /// How many answers in a thousand come twice.
    pub repeat_per_mille: u16,
}

impl StoreFaults {
    /// A millisecond there, a millisecond back, and no fault.
    pub fn none() -> Self {
        Self {
            latency: Duration::from_millis(1)..=Duration::from_millis(1),
            fail_per_mille: 0,
            lie_per_mille: 0,
            lose_per_mille: 0,
            repeat_per_mille: 0,
        }
    }

    /// Slow and unreliable.
    pub fn rough() -> Self {
        Self {
            latency: Duration::from_millis(0)..=Duration::from_millis(500),
            fail_per_mille: 100,
            lie_per_mille: 50,
            lose_per_mille: 50,
            repeat_per_mille: 0,
        }
    }
}

/// What is kept of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// How it began; its interaction is the newest.
    pub beginning: Beginning,
    /// The events, by id: an event that is saved again stands once.
    pub events: BTreeMap<EventId, TranscriptEvent>,
    /// The newest generation of ownership.
    pub generation: u64,
    /// The server that has it; nobody once it was released.
    pub owner: Option<usize>,
    /// No id up to this one may be handed out again.
    pub reserved_to: EventId,
    /// From when on it is abandoned if its owner is silent.
    pub orphan_at: Stamp,
    /// When it was closed.
    pub end_at: Option<Stamp>,
    /// The newest piece of each key.
    pub leaves: BTreeMap<LeafKey, KvList>,
}

/// What is kept of one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDocument {
    /// In bytes.
    pub size: u64,
    /// The session it was stored for.
    pub session: SessionId,
    /// The permit it was stored under.
    pub permit: Option<Secret>,
}

/// The end of a session that the store would not take (B20.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spooled {
    /// The session.
    pub session: SessionId,
    /// How it began.
    pub beginning: Beginning,
    /// The generation of its ownership.
    pub generation: u64,
    /// When it ended.
    pub end_at: Stamp,
    /// The transcript.
    pub events: EventList,
}

/// One store, which servers share.
#[derive(Debug)]
pub struct Store {
    /// What goes wrong.
    pub faults: StoreFaults,
    /// What is kept. Survives the store's process.
    pub records: BTreeMap<SessionId, Stored>,
    /// Interactions get this in front of the ids they are submitted under (B14.9).
    pub interaction_prefix: Option<&'static str>,
    /// What gateways and desktops stored. Survives the store's process.
    pub documents: BTreeMap<DocumentId, StoredDocument>,
    /// What the store would not take, for when it starts again. Survives the store's process.
    pub spool: Vec<Spooled>,
    /// The properties of the interactions, the newest of each. Survive the store's process.
    pub interactions: BTreeMap<InteractionId, BTreeMap<String, String>>,
    stalled: bool,
    /// Requests that have arrived and not taken effect, oldest first.
    waiting: Vec<Waiting>,
    /// What servers have told each other and nobody has fetched.
    mail: Vec<(usize, External)>,
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) server: usize,
    pub(super) life: u32,
    pub(super) op: OpId,
    pub(super) request: Request,
    at: Instant,
}

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) server: usize,
    pub(super) life: u32,
    pub(super) op: OpId,
    pub(super) outcome: Outcome,
}

impl Store {
    pub(crate) fn new(faults: StoreFaults) -> Self {
        Self {
            faults,
            records: BTreeMap::new(),
            documents: BTreeMap::new(),
            interaction_prefix: None,
            spool: Vec::new(),
            interactions: BTreeMap::new(),
            stalled: false,
            waiting: Vec::new(),
            mail: Vec::new(),
        }
    }

    /// Takes requests, and does nothing with them.
    pub fn stall(&mut self) {
        self.stalled = true;
    }

    /// Goes on with what has come in.
    pub fn resume(&mut self) {
        self.stalled = false;
    }

    /// Loses its process: requests without effect yet are gone, and their askers never hear of them.
    pub fn kill(&mut self) {
        self.waiting.clear();
        self.stalled = false;
    }

    /// A request comes in.
    pub(super) fn ask(
        &mut self,
        (server, life): (usize, u32),
        (op, request): (OpId, Request),
        chance: &mut Chance,
        now: Instant,
    ) {
        let mut at = now + chance.between(&self.faults.latency);
        if let Some(record) = record_of(&request) {
            let same =
                |it: &&Waiting| it.server == server && record_of(&it.request) == Some(record);
            at = self.waiting.iter().filter(same).map(|it| it.at).fold(at, Instant::max);
        }
        self.waiting.push(Waiting { server, life, op, request, at });
    }

    /// When the next request takes effect.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.iter().map(|waiting| waiting.at).min().filter(|_| !self.stalled)
    }

    /// Lets everything due take effect, in the order of times and then of arrival; the answers, and
    /// when they are back.
    pub(super) fn handle_timeout(
        &mut self,
        chance: &mut Chance,
        now: Instant,
    ) -> Vec<(Instant, Answer)> {
        let mut answers = Vec::new();
        while self.poll_timeout().is_some_and(|at| at <= now) {
            let Some(first) = (0..self.waiting.len()).min_by_key(|&i| self.waiting[i].at) else {
                break;
            };
            let Waiting { server, life, op, request, .. } = self.waiting.remove(first);
            let outcome = if chance.per_mille(self.faults.fail_per_mille) {
                Outcome::Failed(Failure::Unavailable)
            } else {
                let outcome = self.perform(server, request);
                if chance.per_mille(self.faults.lose_per_mille) {
                    continue;
                }
                if chance.per_mille(self.faults.lie_per_mille) {
                    Outcome::Failed(Failure::Unavailable)
                } else {
                    outcome
                }
            };
            let at = now + chance.between(&self.faults.latency);
            if chance.per_mille(self.faults.repeat_per_mille) {
                let again = at + chance.between(&self.faults.latency);
                answers.push((again, Answer { server, life, op, outcome: outcome.clone() }));
            }
            answers.push((at, Answer { server, life, op, outcome }));
        }
        answers
    }

    /// Lets a request take effect at once, without a fault.
    pub(crate) fn perform(&mut self, server: usize, request: Request) -> Outcome {
        match request {
            Request::Record(record) => self.record(server, record),
            Request::Contact(_) => Outcome::Identified { contact: None, attributes: KvList::new() },
            Request::Instance(Instance::Tell { instance, what }) => {
                if let Some(to) = number(&instance) {
                    self.mail.push((to, what));
                }
                Outcome::Done
            }
            Request::Interaction(Interaction::Submit { interaction, properties, .. }) => {
                let called = match self.interaction_prefix {
                    Some(prefix) => InteractionId::new(&format!("{prefix}{interaction}")),
                    None => interaction.clone(),
                };
                self.set(&called, &properties);
                if called == interaction {
                    Outcome::Done
                } else {
                    Outcome::Submitted { interaction: called }
                }
            }
            Request::Interaction(Interaction::Change { interaction, properties }) => {
                self.set(&interaction, &properties);
                Outcome::Done
            }
            Request::Interaction(Interaction::Stop { .. }) => Outcome::Done,
            Request::Document(Document::Stat { document }) => {
                match self.documents.get(&document).cloned() {
                    Some(StoredDocument { size, session, permit }) => {
                        Outcome::Stat { size, session, permit }
                    }
                    None => Outcome::Failed(Failure::NotFound),
                }
            }
        }
    }

    fn set(&mut self, interaction: &InteractionId, properties: &KvList) {
        let there = self.interactions.entry(interaction.clone()).or_default();
        for entry in properties {
            let text = properties.text(&entry.key).unwrap_or_default().into_owned();
            there.insert(entry.key.to_string(), text);
        }
    }

    /// What servers have told each other since this was asked last, and whom.
    pub(super) fn take_mail(&mut self) -> Vec<(usize, External)> {
        std::mem::take(&mut self.mail)
    }

    /// Sessions that go on, as far as is known here, and whose owner is not among these servers, and
    /// that are abandoned by then (B20.13).
    pub fn orphans(&self, alive: &[usize], by: Stamp) -> Vec<SessionId> {
        let is_orphan = |record: &Stored| {
            record.end_at.is_none()
                && record.orphan_at <= by
                && record.owner.is_none_or(|owner| !alive.contains(&owner))
        };
        let records = self.records.iter().filter(|(_, record)| is_orphan(record));
        records.map(|(session, _)| session.clone()).collect()
    }

    fn record(&mut self, server: usize, record: Record) -> Outcome {
        match record {
            Record::Create { session, beginning } => {
                self.records.entry(session).or_insert_with(|| Stored {
                    orphan_at: beginning.start_at,
                    beginning: *beginning,
                    events: BTreeMap::new(),
                    generation: 1,
                    owner: Some(server),
                    reserved_to: EventId::NONE,
                    end_at: None,
                    leaves: BTreeMap::new(),
                });
                Outcome::Done
            }
            Record::Append { session, generation, events, reserved_to, orphan_at, leaves } => self
                .owned(&session, generation, |record| {
                    record.events.extend(by_id(events));
                    record.reserved_to = record.reserved_to.max(reserved_to);
                    record.orphan_at = orphan_at;
                    record.keep(leaves);
                }),
            Record::Call { session, generation, interaction } => {
                self.owned(&session, generation, |record| {
                    record.beginning.interaction = interaction;
                })
            }
            Record::Final { session, generation, end_at, events, leaves } => {
                self.owned(&session, generation, |record| {
                    kept_as_xml(&session, record.beginning.start_at, &events);
                    record.events = by_id(events).collect();
                    record.end_at = Some(end_at);
                    record.keep(leaves);
                })
            }
            Record::Spool { session, beginning, generation, end_at, events } => {
                self.spool.push(Spooled {
                    session,
                    beginning: *beginning,
                    generation,
                    end_at,
                    events,
                });
                Outcome::Done
            }
            Record::Discard { session } => {
                self.records.remove(&session);
                Outcome::Done
            }
            Record::Load { name, events } => {
                let session = match name {
                    RecordName::Session(session) => Some(session),
                    RecordName::Interaction(interaction) => self
                        .records
                        .iter()
                        .find(|(_, record)| record.beginning.interaction == interaction)
                        .map(|(session, _)| session.clone()),
                };
                let found = session.and_then(|id| self.records.get(&id).map(|it| (id, it)));
                match found {
                    Some((id, record)) => Outcome::Loaded(Box::new(record.loaded(id, events))),
                    None => Outcome::Failed(Failure::NotFound),
                }
            }
            Record::Own { session, generation } => match self.records.get_mut(&session) {
                None => Outcome::Failed(Failure::NotFound),
                Some(record) if record.generation != generation => Outcome::Failed(Failure::Fenced),
                Some(record) => {
                    record.generation += 1;
                    let loaded = record.loaded(session, true);
                    record.owner = Some(server);
                    Outcome::Owned(Box::new(loaded))
                }
            },
            Record::Release { session, generation } => {
                self.owned(&session, generation, |record| record.owner = None)
            }
        }
    }

    /// Changes a record, if the asker's generation is still the newest.
    fn owned(
        &mut self,
        session: &SessionId,
        generation: u64,
        change: impl FnOnce(&mut Stored),
    ) -> Outcome {
        match self.records.get_mut(session) {
            None => Outcome::Failed(Failure::NotFound),
            Some(record) if record.generation != generation => Outcome::Failed(Failure::Fenced),
            Some(record) => {
                change(record);
                Outcome::Done
            }
        }
    }
}

impl Stored {
    fn keep(&mut self, leaves: Vec<Leaf>) {
        for Leaf { key, state } in leaves {
            if state.is_empty() {
                self.leaves.remove(&key);
            } else {
                self.leaves.insert(key, state);
            }
        }
    }

    /// As whoever asks gets to read it.
    fn loaded(&self, session: SessionId, events: bool) -> Loaded {
        let leaf = |(key, state): (&LeafKey, &KvList)| Leaf { key: *key, state: state.clone() };
        Loaded {
            session,
            beginning: self.beginning.clone(),
            generation: self.generation,
            owner: self.owner.map(server_name),
            end_at: self.end_at,
            events: self.events.values().filter(|_| events).cloned().collect(),
            reserved_to: self.reserved_to,
            leaves: self.leaves.iter().map(leaf).collect(),
        }
    }
}

/// What a server is called by the others: its `ChatServerAppName`.
pub fn server_name(server: usize) -> Str {
    Str::new(&format!("server-{server}"))
}

/// The server of this name.
fn number(name: &str) -> Option<usize> {
    name.strip_prefix("server-")?.parse().ok()
}

/// The session whose record a request is about.
fn record_of(request: &Request) -> Option<&SessionId> {
    let Request::Record(record) = request else { return None };
    match record {
        Record::Create { session, .. }
        | Record::Append { session, .. }
        | Record::Call { session, .. }
        | Record::Final { session, .. }
        | Record::Spool { session, .. }
        | Record::Discard { session }
        | Record::Load { name: RecordName::Session(session), .. }
        | Record::Own { session, .. }
        | Record::Release { session, .. } => Some(session),
        Record::Load { name: RecordName::Interaction(_), .. } => None,
    }
}

/// Every transcript that is closed comes back from its stored form as it is (B5.5).
///
/// # Panics
///
/// If it does not.
fn kept_as_xml(session: &SessionId, start_at: Stamp, events: &EventList) {
    let document = confer_transcript::write(session, start_at, events).expect("can be written");
    let transcript = confer_transcript::read(&document).expect("can be read");
    assert_eq!((&transcript.session_id, transcript.start_at), (session, start_at));
    assert!(*transcript.events == **events, "{:?}, not {events:?}", transcript.events);
}

fn by_id(events: EventList) -> impl Iterator<Item = (EventId, TranscriptEvent)> {
    Vec::from(events).into_iter().map(|event| (event.event_id, event))
}
