//! A store that can fail, stall and lose its process.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use confer_core::ask::{Document, Failure, Interaction, Outcome, Record, Request, Statistics};
use confer_core::frame::{KvList, TranscriptEvent};
use confer_core::id::{DocumentId, EventId, InteractionId, OpId, SessionId};
use confer_core::pii::Secret;
use confer_core::time::Instant;

use super::chance::Chance;

/// What goes wrong in a store.
#[derive(Clone, Debug)]
pub struct StoreFaults {
    /// How long until a request takes effect, and again until its answer is back. Drawn for each, so
    /// answers overtake each other.
    pub latency: RangeInclusive<Duration>,
    /// How many requests in a thousand fail without effect.
    pub fail_per_mille: u16,
    /// How many in a thousand take effect, and the answer says they failed.
    pub lie_per_mille: u16,
    /// How many in a thousand take effect, and are never answered.
    pub lose_per_mille: u16,
}

impl StoreFaults {
    /// A millisecond there, a millisecond back, and no fault.
    pub fn none() -> Self {
        Self {
            latency: Duration::from_millis(1)..=Duration::from_millis(1),
            fail_per_mille: 0,
            lie_per_mille: 0,
            lose_per_mille: 0,
        }
    }

    /// Slow and unreliable.
    pub fn rough() -> Self {
        Self {
            latency: Duration::from_millis(0)..=Duration::from_millis(500),
            fail_per_mille: 100,
            lie_per_mille: 50,
            lose_per_mille: 50,
        }
    }
}

/// What is kept of one session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The events, by id: an event that is saved again stands once.
    pub events: BTreeMap<EventId, TranscriptEvent>,
    /// The newest generation of ownership.
    pub generation: u64,
    /// No id up to this one may be handed out again.
    pub reserved_to: EventId,
    /// What the statistics came to.
    pub statistics: Option<Box<Statistics>>,
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
    stalled: bool,
    /// Requests that have arrived and not taken effect, oldest first.
    waiting: Vec<Waiting>,
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
    pub(super) fn new(faults: StoreFaults) -> Self {
        Self {
            faults,
            records: BTreeMap::new(),
            documents: BTreeMap::new(),
            interaction_prefix: None,
            stalled: false,
            waiting: Vec::new(),
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
        let at = now + chance.between(&self.faults.latency);
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
                let outcome = self.perform(request);
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
            answers.push((at, Answer { server, life, op, outcome }));
        }
        answers
    }

    fn perform(&mut self, request: Request) -> Outcome {
        match request {
            Request::Record(record) => self.record(record),
            Request::Contact(_) => Outcome::Identified { contact: None, attributes: KvList::new() },
            Request::Interaction(Interaction::Submit { interaction, .. }) => {
                match self.interaction_prefix {
                    Some(prefix) => {
                        let id = format!("{prefix}{interaction}");
                        Outcome::Submitted { interaction: InteractionId::new(&id) }
                    }
                    None => Outcome::Done,
                }
            }
            Request::Interaction(Interaction::Change { .. } | Interaction::Stop { .. }) => {
                Outcome::Done
            }
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

    fn record(&mut self, record: Record) -> Outcome {
        match record {
            Record::Create { session, .. } => {
                let record = self.records.entry(session).or_default();
                record.generation = record.generation.max(1);
                Outcome::Done
            }
            Record::Append { session, generation, events, reserved_to, statistics } => {
                self.owned(&session, generation, |record| {
                    let events = Vec::from(events).into_iter();
                    record.events.extend(events.map(|event| (event.event_id, event)));
                    record.reserved_to = record.reserved_to.max(reserved_to);
                    record.statistics = statistics.or(record.statistics.take());
                })
            }
            Record::Final { session, generation, events, .. } => {
                self.owned(&session, generation, |record| {
                    record.events = Vec::from(events)
                        .into_iter()
                        .map(|event| (event.event_id, event))
                        .collect();
                })
            }
            Record::Discard { session } => {
                self.records.remove(&session);
                Outcome::Done
            }
            Record::Load { session } => match self.records.get(&session) {
                Some(record) => Outcome::Loaded {
                    generation: record.generation,
                    events: record.events.values().cloned().collect(),
                    reserved_to: record.reserved_to,
                    statistics: record.statistics.clone(),
                },
                None => Outcome::Failed(Failure::NotFound),
            },
            Record::Own { session, generation } => {
                let taken = self.owned(&session, generation, |record| record.generation += 1);
                if taken == Outcome::Done {
                    Outcome::Owned { generation: generation + 1 }
                } else {
                    taken
                }
            }
            Record::Release { session, generation } => self.owned(&session, generation, |_| {}),
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
