//! A store that keeps nothing beyond its process: for embedding, and for tests.
//!
//! It answers at once, on the thread that asks. What has come to an end is kept for a while, up to
//! limits; a server that runs for a year needs no more memory than one that runs for a day.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use confer_core::ask::{
    Beginning, Contact, Document, Failure, Leaf, LeafKey, Loaded, Outcome, Record, RecordName,
    Request,
};
use confer_core::config::{AutoSave, Config};
use confer_core::frame::{EventList, KvList, TranscriptEvent};
use confer_core::id::{ContactId, DocumentId, EventId, InteractionId, SessionId};
use confer_core::pii::Secret;
use confer_core::text::Str;
use confer_core::time::Stamp;

use crate::documents::{Ask, Done, Refusal, Stat};
use crate::identity::{self, Identity};
use crate::random;

/// Records of sessions that are over that are kept; one more, and the oldest is forgotten.
pub const MAX_CLOSED: usize = 1024;
/// Events of all of them together.
pub const MAX_CLOSED_EVENTS: usize = 100_000;
/// People that are known; one more, and whom nobody has met for longest is forgotten.
pub const MAX_CONTACTS: usize = 4096;
/// Bytes of all documents together.
pub const MAX_DOCUMENTS_SIZE: usize = 64 << 20;

/// The only server there is.
const ME: &str = "memory";

/// A store that keeps nothing beyond its process, without anything round it: what
/// [`Url::Memory`](crate::Url::Memory) opens, for whoever drives a machine by hand.
#[derive(Default)]
pub struct Memory {
    records: HashMap<SessionId, Kept>,
    /// The newest record of each interaction.
    interactions: HashMap<InteractionId, SessionId>,
    /// Records that are closed, in the order of their ends.
    closed: VecDeque<SessionId>,
    closed_events: usize,
    contacts: VecDeque<Known>,
    /// People that were ever met.
    met: u64,
    documents: HashMap<DocumentId, Stored>,
    documents_size: usize,
}

struct Kept {
    beginning: Beginning,
    events: BTreeMap<EventId, TranscriptEvent>,
    generation: u64,
    owned: bool,
    reserved_to: EventId,
    end_at: Option<Stamp>,
    leaves: BTreeMap<LeafKey, KvList>,
}

struct Known {
    /// Who was met first has the smallest.
    number: u64,
    id: ContactId,
    tenant: Str,
    identity: Identity,
    attributes: KvList,
}

struct Stored {
    upload: u32,
    session: SessionId,
    permit: Option<Secret>,
    /// What type its sender said it is.
    kind: Str,
    pieces: BTreeMap<u32, Vec<u8>>,
    size: Option<u64>,
}

impl Memory {
    /// The configuration of a server with this store. Saving events one by one into the process that
    /// has them anyway protects from nothing (B20.11): the machine keeps what it has until the
    /// session closes.
    pub fn config(config: &Arc<Config>) -> Arc<Config> {
        let mut config = Config::clone(config);
        config.settings.transcript_auto_save = AutoSave::AtClose;
        Arc::new(config)
    }

    /// The answer to a question, for the [`Input::Done`](confer_core::door::Input::Done) it takes.
    pub fn perform(&mut self, request: Request) -> Outcome {
        match request {
            Request::Contact(Contact::Identify { tenant, user_data }) => {
                self.identify(&tenant, &user_data)
            }
            // Nobody could ask for interactions, and there is no other instance.
            Request::Interaction(_) | Request::Instance(_) => Outcome::Done,
            Request::Document(Document::Stat { document }) => self.stat(&document),
            Request::Record(record) => self.record(record),
        }
    }

    fn record(&mut self, record: Record) -> Outcome {
        match record {
            Record::Create { session, beginning } => self.create(session, *beginning),
            Record::Append { session, generation, events, reserved_to, leaves, .. } => {
                self.owned(&session, generation, |record| {
                    if record.end_at.is_some() {
                        return Outcome::Failed(Failure::Refused);
                    }
                    record.events.extend(by_id(events));
                    record.reserved_to = record.reserved_to.max(reserved_to);
                    record.keep(leaves);
                    Outcome::Done
                })
            }
            Record::Call { session, generation, interaction } => {
                let (new, mut old) = (interaction.clone(), None);
                let outcome = self.owned(&session, generation, |record| {
                    old = Some(std::mem::replace(&mut record.beginning.interaction, interaction));
                    Outcome::Done
                });
                if let Some(old) = old {
                    self.unname(&old, &session);
                    self.interactions.insert(new, session);
                }
                outcome
            }
            Record::Final { session, generation, end_at, events, leaves } => {
                self.close(session, generation, end_at, events, leaves)
            }
            Record::Discard { session } => {
                self.forget(&session);
                Outcome::Done
            }
            Record::Load { name, events } => {
                let session = match &name {
                    RecordName::Session(session) => Some(session),
                    RecordName::Interaction(interaction) => self.interactions.get(interaction),
                };
                let found = session.and_then(|session| self.records.get_key_value(session));
                match found {
                    Some((session, record)) => {
                        Outcome::Loaded(Box::new(record.loaded(session.clone(), events)))
                    }
                    None => Outcome::Failed(Failure::NotFound),
                }
            }
            Record::Own { session, generation } => {
                let id = session.clone();
                self.owned(&session, generation, |record| {
                    record.generation += 1;
                    let loaded = record.loaded(id, true);
                    record.owned = true;
                    Outcome::Owned(Box::new(loaded))
                })
            }
            Record::Release { session, generation } => self.owned(&session, generation, |record| {
                record.owned = false;
                Outcome::Done
            }),
            // Nothing outlives the process.
            Record::Spool { .. } => Outcome::Done,
        }
    }

    fn create(&mut self, session: SessionId, beginning: Beginning) -> Outcome {
        if let Some(record) = self.records.get(&session) {
            // Begun again after an answer that was lost.
            return if record.owned { Outcome::Done } else { Outcome::Failed(Failure::Fenced) };
        }
        self.interactions.insert(beginning.interaction.clone(), session.clone());
        let record = Kept {
            beginning,
            events: BTreeMap::new(),
            generation: 1,
            owned: true,
            reserved_to: EventId::NONE,
            end_at: None,
            leaves: BTreeMap::new(),
        };
        self.records.insert(session, record);
        Outcome::Done
    }

    /// Changes a record, if the asker's generation is still the newest.
    fn owned(
        &mut self,
        session: &SessionId,
        generation: u64,
        change: impl FnOnce(&mut Kept) -> Outcome,
    ) -> Outcome {
        match self.records.get_mut(session) {
            None => Outcome::Failed(Failure::NotFound),
            Some(record) if record.generation != generation => Outcome::Failed(Failure::Fenced),
            Some(record) => change(record),
        }
    }

    fn close(
        &mut self,
        session: SessionId,
        generation: u64,
        end_at: Stamp,
        events: EventList,
        leaves: Vec<Leaf>,
    ) -> Outcome {
        let mut count = None;
        let outcome = self.owned(&session, generation, |record| {
            if record.end_at.is_none() {
                record.events = by_id(events).collect();
                record.end_at = Some(end_at);
                record.keep(leaves);
                count = Some(record.events.len());
            }
            Outcome::Done
        });
        if let Some(count) = count {
            self.closed.push_back(session);
            self.closed_events += count;
            while self.closed.len() > MAX_CLOSED || self.closed_events > MAX_CLOSED_EVENTS {
                let Some(oldest) = self.closed.pop_front() else { break };
                self.forget(&oldest);
            }
        }
        outcome
    }

    fn forget(&mut self, session: &SessionId) {
        let Some(record) = self.records.remove(session) else { return };
        if record.end_at.is_some() {
            self.closed_events -= record.events.len();
            self.closed.retain(|closed| closed != session);
        }
        self.unname(&record.beginning.interaction, session);
    }

    /// A session is found by this interaction no longer.
    fn unname(&mut self, interaction: &InteractionId, session: &SessionId) {
        if self.interactions.get(interaction) == Some(session) {
            self.interactions.remove(interaction);
        }
    }

    fn identify(&mut self, tenant: &Str, user_data: &KvList) -> Outcome {
        let Some(identity) = Identity::of(user_data) else {
            return Outcome::Identified { contact: None, attributes: KvList::new() };
        };
        let found = self.find(tenant, &identity).and_then(|index| self.contacts.remove(index));
        self.met += u64::from(found.is_none());
        let number = self.met;
        let known = found.unwrap_or_else(|| Known {
            number,
            id: ContactId::new(&random::id()),
            tenant: tenant.clone(),
            identity,
            attributes: identity::stored(user_data),
        });
        let outcome = Outcome::Identified {
            contact: Some(known.id.clone()),
            attributes: identity::overridden(&known.attributes, user_data),
        };
        if self.contacts.len() == MAX_CONTACTS {
            self.contacts.pop_front();
        }
        self.contacts.push_back(known);
        outcome
    }

    /// The best-ranked attribute that is there decides; of several who share it, the next ones
    /// choose, and then who was met first.
    fn find(&self, tenant: &Str, identity: &Identity) -> Option<usize> {
        let matches: [fn(&Identity, &Identity) -> bool; 3] = [
            |a, b| b.email.is_some() && a.email == b.email,
            |a, b| b.phone.is_some() && a.phone == b.phone,
            |a, b| b.name.is_some() && a.name == b.name,
        ];
        let there = [identity.email.is_some(), identity.phone.is_some(), identity.name.is_some()];
        let mut attributes = matches.iter().zip(there).filter(|(_, there)| *there);
        let (best, _) = attributes.next()?;
        let fits = |known: &Known| known.tenant == *tenant && best(&known.identity, identity);
        let all = self.contacts.iter().enumerate();
        let mut found: Vec<_> = all.filter(|(_, known)| fits(known)).collect();
        for (fits, _) in attributes {
            let chosen = found.iter().filter(|(_, known)| fits(&known.identity, identity));
            let chosen: Vec<_> = chosen.copied().collect();
            if !chosen.is_empty() {
                found = chosen;
            }
        }
        found.iter().min_by_key(|(_, known)| known.number).map(|(index, _)| *index)
    }

    fn stat(&self, document: &DocumentId) -> Outcome {
        match self.documents.get(document) {
            Some(Stored { session, permit, size: Some(size), .. }) => {
                Outcome::Stat { size: *size, session: session.clone(), permit: permit.clone() }
            }
            Some(_) | None => Outcome::Failed(Failure::NotFound),
        }
    }

    /// What a program asks of the documents, beside the machine.
    pub(crate) fn documents(&mut self, ask: Ask) -> Result<Done, Refusal> {
        match ask {
            Ask::Begin { document, upload, session, permit, kind } => {
                if self.documents.get(&document).is_some_and(|it| it.size.is_some()) {
                    return Err(Refusal::Exists);
                }
                self.forget_document(&document);
                let pieces = BTreeMap::new();
                let stored = Stored { upload, session, permit, kind, pieces, size: None };
                self.documents.insert(document, stored);
            }
            Ask::Piece { document, upload, number, bytes } => {
                let full = self.documents_size + bytes.len() > MAX_DOCUMENTS_SIZE;
                let stored = under_way(&mut self.documents, &document, upload)?;
                if full {
                    self.forget_document(&document);
                    return Err(Refusal::TooLarge);
                }
                self.documents_size += bytes.len();
                stored.pieces.insert(number, bytes);
            }
            Ask::Finish { document, upload, size } => {
                under_way(&mut self.documents, &document, upload)?.size = Some(size);
            }
            Ask::Read { document, number } => {
                let stored = self.documents.get(&document).filter(|it| it.size.is_some());
                let stored = stored.ok_or(Refusal::NotFound)?;
                return Ok(Done::Piece(stored.pieces.get(&number).cloned()));
            }
            Ask::Stat { document } => {
                let stored = self.documents.get(&document).and_then(|it| Some((it, it.size?)));
                let (stored, size) = stored.ok_or(Refusal::NotFound)?;
                return Ok(Done::Stat(Stat { size, content_type: stored.kind.clone() }));
            }
            Ask::Delete { document } => self.forget_document(&document),
        }
        Ok(Done::Nothing)
    }

    fn forget_document(&mut self, document: &DocumentId) {
        if let Some(stored) = self.documents.remove(document) {
            self.documents_size -= stored.pieces.values().map(Vec::len).sum::<usize>();
        }
    }
}

/// A document that this upload is at.
fn under_way<'a>(
    documents: &'a mut HashMap<DocumentId, Stored>,
    document: &DocumentId,
    upload: u32,
) -> Result<&'a mut Stored, Refusal> {
    let stored = documents.get_mut(document).ok_or(Refusal::NotFound)?;
    match stored.size {
        Some(_) => Err(Refusal::Exists),
        None if stored.upload == upload => Ok(stored),
        None => Err(Refusal::NotFound),
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("records", &self.records.len()).finish_non_exhaustive()
    }
}

impl Kept {
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
            owner: self.owned.then(|| Str::new(ME)),
            end_at: self.end_at,
            events: self.events.values().filter(|_| events).cloned().collect(),
            reserved_to: self.reserved_to,
            leaves: self.leaves.iter().map(leaf).collect(),
        }
    }
}

fn by_id(events: EventList) -> impl Iterator<Item = (EventId, TranscriptEvent)> {
    Vec::from(events).into_iter().map(|event| (event.event_id, event))
}

#[cfg(test)]
mod tests;
