//! How records keep up with their sessions (B4.3, B20.1 and B20.6 of the behaviour).

use confer_core::ask::{Failure, Outcome};
use confer_core::config::{AutoSave, SaveOnError};
use confer_core::frame::NoticeType;

use super::setting::{RESEND, WAIT};
use super::state::{Due, Kind, Model, Phase, Purpose, Session, What};

/// Events a record catches up by at once.
const STRETCH: usize = 256;

/// How far a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// It has everything that anybody was told.
    Even,
    /// There is none yet.
    Missing {
        /// It is being made.
        making: bool,
    },
    /// It has everything up to `saved`, and the session runs ahead.
    Behind {
        saved: u32,
        /// Everything up to here is being saved.
        asked: Option<u32>,
    },
    /// There will never be one.
    Lost,
}

impl Model {
    /// B20.1: what must be saved before a step is told, and until when that is waited for.
    pub(super) fn save_first(
        &mut self,
        session: usize,
        after: u32,
        to: u32,
    ) -> (Option<usize>, Option<Due>) {
        if self.setting.auto_save == AutoSave::AtClose
            || self.sessions[session].keeping != Keeping::Even
        {
            return (None, None);
        }
        let events = self.changed(session, after, to);
        let it = &self.sessions[session];
        // B20.8: what is not stored has an id all the same, which nobody learns before it is reserved.
        if events.is_empty() && !it.changed && (it.reserved || after == to) {
            return (None, None);
        }
        self.sessions[session].changed = false;
        // B20.1: who somebody is goes with every save until it is known to be saved.
        let it = &self.sessions[session];
        let unsure = it.unsure.iter().flat_map(|(_, joined)| joined.clone());
        let unsure = unsure.filter(|id| !events.contains(id));
        let all: Vec<u32> = unsure.chain(events.iter().copied()).collect();
        let joins = |id: &u32| matches!(it.event(*id).what, What::NewParty(_));
        let joined: Vec<u32> = (after + 1..=to).filter(joins).collect();
        let save = self.ask(session, Purpose::Save, Kind::Append(all));
        self.sessions[session].unsure.push((save, joined));
        (Some(save), Some(self.after(WAIT)))
    }

    /// B20.8: what passes is dropped as long as no save has reserved ids.
    pub(super) fn has_no_id(&self, session: usize) -> bool {
        let it = &self.sessions[session];
        self.setting.auto_save != AutoSave::AtClose && it.keeping == Keeping::Even && !it.reserved
    }

    /// What a save writes: the newParties that changes of nickname rewrite (B7.3), and the events.
    fn changed(&self, session: usize, after: u32, to: u32) -> Vec<u32> {
        let it = &self.sessions[session];
        let renamed = (after + 1..=to).filter_map(|id| {
            let event = it.event(id);
            let renames = matches!(event.what, What::Notice(NoticeType::UserUpdateNick, ..));
            Some(it.parties[event.sender].joined).filter(|joined| renames && *joined <= after)
        });
        renamed.chain(it.stored(after, to, self.setting.save_notices)).collect()
    }

    /// When the oldest save of a session has been waited for too long.
    pub(super) fn patience(&self, session: &Session) -> Option<Due> {
        let waits = self.setting.on_error == SaveOnError::Continue
            && session.phase != Phase::Gone
            && session.keeping == Keeping::Even;
        let step = session.steps.iter().find(|step| step.save.is_some())?;
        step.patience.filter(|_| waits)
    }

    /// It has.
    pub(super) fn out_of_patience(&mut self, session: usize) {
        self.run_unsaved(session, Failure::Unavailable);
        self.tell(session);
    }

    /// The save of a step ended.
    pub(super) fn saved(&mut self, session: usize, save: usize, outcome: &Outcome) {
        let even = self.sessions[session].keeping == Keeping::Even;
        if outcome.failure().is_none() {
            self.sessions[session].unsure.retain(|(other, _)| *other > save);
        }
        // B20.6: what nobody waits for any more, the record catches up with.
        let counts = |failure: &Failure| *failure == Failure::Fenced || self.waits(session, save);
        match (outcome.failure().filter(counts), self.setting.on_error) {
            // B20.3: somebody else owns it.
            (Some(Failure::Fenced), _) => return self.drop_session(session),
            (Some(failure), SaveOnError::Continue) if even => self.run_unsaved(session, failure),
            (Some(_), SaveOnError::Close) if even => {
                self.give_up_saves(session);
                self.sessions[session].keeping = Keeping::Lost;
                if self.sessions[session].phase == Phase::Open {
                    self.close(session, 5);
                }
            }
            (Some(_) | None, _) => {
                for step in &mut self.sessions[session].steps {
                    step.save = step.save.filter(|waited| *waited != save);
                }
            }
        }
        self.tell(session);
    }

    /// Whether anything is still to be told once this save is done.
    pub(super) fn waits(&self, session: usize, save: usize) -> bool {
        self.sessions[session].steps.iter().any(|step| step.save == Some(save))
    }

    /// B20.6: the session runs unsaved, and saving goes on behind.
    fn run_unsaved(&mut self, session: usize, failure: Failure) {
        let saved = self.give_up_saves(session);
        self.sessions[session].changed = true;
        self.sessions[session].unsure.clear();
        self.sessions[session].keeping = match failure {
            Failure::Unavailable => Keeping::Behind { saved, asked: None },
            Failure::Refused | Failure::NotFound | Failure::Fenced => Keeping::Lost,
        };
        self.try_later(session);
        self.tell_of_store(session, "ucs-save-fail");
    }

    /// No step waits any more; the last event that is saved.
    fn give_up_saves(&mut self, session: usize) -> u32 {
        let it = &mut self.sessions[session];
        let first = it.steps.iter().find(|step| step.save.is_some());
        let saved = first.map_or(it.told, |step| step.after);
        for step in &mut it.steps {
            step.save = None;
        }
        saved
    }

    /// Another attempt in a while.
    pub(super) fn try_later(&mut self, session: usize) {
        let due = self.after(RESEND);
        let it = &mut self.sessions[session];
        it.retry = None;
        if !matches!(it.keeping, Keeping::Missing { .. } | Keeping::Behind { .. }) {
            return;
        }
        it.retry = Some(due);
        if !self.behind.contains(&session) {
            self.behind.push(session);
        }
    }

    /// B4.3: the store answers again, and whatever is behind catches up, one after the other.
    pub fn store_is_back(&mut self) {
        let mut apart = 0;
        for session in std::mem::take(&mut self.behind) {
            let it = &self.sessions[session];
            let lacks = matches!(it.keeping, Keeping::Missing { .. } | Keeping::Behind { .. });
            if it.phase != Phase::Gone && lacks {
                apart += 1;
                self.sessions[session].retry = Some(self.after(apart));
            }
        }
    }

    /// Makes a record late, or saves the next stretch it lacks.
    pub(super) fn catch_up(&mut self, session: usize) {
        let it = &self.sessions[session];
        // What closes stores everything itself.
        if it.phase != Phase::Open {
            return;
        }
        match it.keeping {
            Keeping::Missing { making: false } => {
                self.sessions[session].keeping = Keeping::Missing { making: true };
                let record = self.new_record(session);
                self.ask(session, Purpose::CatchUp, record);
            }
            Keeping::Behind { saved, asked: None } => {
                if (saved >= it.told && !it.changed) || self.setting.auto_save == AutoSave::AtClose
                {
                    self.sessions[session].keeping = Keeping::Even;
                    return self.tell_of_store(session, "ucs-save-done");
                }
                let staying: Vec<u32> = (saved + 1..=it.told).filter(|&id| it.stays(id)).collect();
                let to = if staying.len() > STRETCH { staying[STRETCH - 1] } else { it.told };
                let events = self.changed(session, saved, to);
                self.sessions[session].keeping = Keeping::Behind { saved, asked: Some(to) };
                self.sessions[session].changed = false;
                self.ask(session, Purpose::CatchUp, Kind::Append(events));
            }
            Keeping::Missing { making: true }
            | Keeping::Behind { asked: Some(_), .. }
            | Keeping::Even
            | Keeping::Lost => {}
        }
    }

    /// That was done, or not.
    pub(super) fn caught_up(&mut self, session: usize, outcome: &Outcome) {
        let unavailable = outcome.failure() == Some(Failure::Unavailable);
        let failed = outcome.failure().is_some();
        self.sessions[session].changed |= failed;
        self.sessions[session].keeping = match self.sessions[session].keeping {
            Keeping::Missing { .. } if unavailable => Keeping::Missing { making: false },
            Keeping::Behind { saved, .. } if unavailable => Keeping::Behind { saved, asked: None },
            Keeping::Missing { .. } | Keeping::Behind { .. } if failed => Keeping::Lost,
            Keeping::Missing { .. } => Keeping::Behind { saved: 0, asked: None },
            Keeping::Behind { asked: Some(saved), .. } => Keeping::Behind { saved, asked: None },
            Keeping::Behind { asked: None, .. } | Keeping::Even | Keeping::Lost => return,
        };
        match outcome.failure() {
            Some(Failure::Fenced) => self.drop_session(session),
            Some(_) => self.try_later(session),
            None => self.catch_up(session),
        }
    }

    /// B20.6: those on basic are told, if they are to be.
    fn tell_of_store(&mut self, session: usize, command: &str) {
        if self.setting.auto_save == AutoSave::EveryEventAndTell {
            self.tell_aside(session, command);
        }
    }
}
