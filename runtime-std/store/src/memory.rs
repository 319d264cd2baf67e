//! The store of a server that keeps nothing beyond its process.

use std::collections::HashMap;
use std::sync::Arc;

use confer_core::ask::{Failure, Outcome, Record, Request};
use confer_core::config::{AutoSave, Config};
use confer_core::frame::KvList;
use confer_core::id::SessionId;

/// Answers every question at once, and remembers which sessions there are.
///
/// The events themselves are not kept twice: the machine has them for as long as the session lives,
/// and nobody can ask for them afterwards.
#[derive(Debug, Default)]
pub struct Memory {
    generations: HashMap<SessionId, u64>,
}

impl Memory {
    /// The configuration of a server with this store. Saving events one by one into the process that
    /// has them anyway protects from nothing (B20.11), and nothing saved here could be read back
    /// (B12.5): the machine keeps what it has until the session closes.
    pub fn config(config: &Arc<Config>) -> Arc<Config> {
        let mut config = Config::clone(config);
        config.settings.transcript_auto_save = AutoSave::AtClose;
        Arc::new(config)
    }

    /// The answer to a question, for the [`Input::Done`](confer_core::door::Input::Done) it takes.
    pub fn perform(&mut self, request: Request) -> Outcome {
        match request {
            Request::Contact(_) => Outcome::Identified { contact: None, attributes: KvList::new() },
            // There is no other instance to tell anything.
            Request::Interaction(_) | Request::Instance(_) => Outcome::Done,
            Request::Document(_) => Outcome::Failed(Failure::NotFound),
            Request::Record(record) => self.record(record),
        }
    }

    fn record(&mut self, record: Record) -> Outcome {
        match record {
            Record::Create { session, .. } => {
                self.generations.insert(session, 1);
                Outcome::Done
            }
            Record::Append { session, generation, .. }
            | Record::Call { session, generation, .. } => self.owned(&session, generation),
            Record::Final { session, generation, .. } | Record::Release { session, generation } => {
                let outcome = self.owned(&session, generation);
                self.generations.remove(&session);
                outcome
            }
            Record::Discard { session } => {
                self.generations.remove(&session);
                Outcome::Done
            }
            Record::Load { .. } | Record::Own { .. } => Outcome::Failed(Failure::NotFound),
            // Nothing outlives the process.
            Record::Spool { .. } => Outcome::Done,
        }
    }

    fn owned(&self, session: &SessionId, generation: u64) -> Outcome {
        match self.generations.get(session) {
            Some(known) if *known == generation => Outcome::Done,
            Some(_) => Outcome::Failed(Failure::Fenced),
            None => Outcome::Failed(Failure::NotFound),
        }
    }
}

#[cfg(test)]
mod tests;
