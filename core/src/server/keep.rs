//! Saving what happens, before anybody is told (B20.1), and what becomes of a session whose record
//! cannot keep up with it (B4.3, B20.6).

use alloc::vec::Vec;
use core::time::Duration;

use crate::ask::{Failure, LeafKey, Outcome, Record, Request};
use crate::config::{AutoSave, SaveOnError};
use crate::frame::EventList;
use crate::id::EventId;
use crate::session::Session;
use crate::session::keeping::State;
use crate::session::outbox::Step;
use crate::session::phase::Phase;
use crate::session::transcript::Reason;
use crate::slab::Key;
use crate::time::Stamp;

use super::asks::Purpose;
use super::{Server, Timer};

/// Events a record catches up by with one save.
const STRETCH: usize = 256;
/// Commands that tell basic clients of trouble with the store, and of its end (B20.6).
const SAVE_FAILS: &str = "ucs-save-fail";
const SAVE_DONE: &str = "ucs-save-done";
/// How far apart sessions begin to catch up when the store is back.
const APART: Duration = Duration::from_millis(1);

impl Server {
    /// Asks for the save of a step that must be saved first.
    pub(super) fn save_first(&mut self, key: Key<Session>, step: &mut Step) {
        let settings = &self.config.settings;
        if settings.transcript_auto_save == AutoSave::AtClose {
            return;
        }
        let notices = settings.transcript_save_notices;
        let Some(session) = self.sessions.get_mut(key) else { return };
        if session.keeping.state != State::Even {
            return;
        }
        let events = session.changed(step.after, step.to, notices);
        let (reserved_to, due) = session.dossier.reserve(step.to);
        let nothing = events.is_empty() && !session.dossier.has_changed();
        // Nobody may learn of an id that is not reserved (B20.8).
        let waits = !nothing || !session.dossier.may_hand_out(step.to);
        if !waits && !due {
            return;
        }
        let joined = session.newcomers(step.after, step.to);
        let newcomers = session.dossier.unsure_newcomers();
        let events = session.changed_with(&newcomers, events, step.to);
        let Some((record, leaves)) = self.append(key, events, reserved_to) else { return };
        let save = self.ask(key, Purpose::Save, Request::Record(record));
        if let Some(session) = self.sessions.get_mut(key) {
            session.dossier.is_unsure(save, joined, leaves);
        }
        if waits {
            step.save = Some(save);
            step.since = self.now;
        }
    }

    /// The save of these events, and of all else that has changed; and which pieces those are.
    fn append(
        &mut self,
        key: Key<Session>,
        events: EventList,
        reserved_to: EventId,
    ) -> Option<(Record, Vec<LeafKey>)> {
        let orphan_at = self.orphan_at(self.sessions.get(key)?);
        let session = self.sessions.get_mut(key)?;
        let changed = session.take_changed();
        let changed = session.dossier.with_unsure(changed);
        let record = Record::Append {
            session: session.id.clone(),
            generation: session.generation,
            events,
            reserved_to,
            orphan_at,
            leaves: session.leaves(&changed),
        };
        Some((record, changed))
    }

    /// From when on a session is abandoned, if nobody is heard of until then (B20.13).
    fn orphan_at(&self, session: &Session) -> Stamp {
        let settings = &self.config.settings;
        match (settings.orphan_timeout, &session.asynchrony) {
            (None, Some(state)) => state.check_at,
            (timeout, _) => {
                self.wall.stamp(self.now + timeout.unwrap_or(settings.flex_disconnect_timeout))
            }
        }
    }

    /// Saves what has changed without an event, if something has.
    pub(super) fn keep(&mut self, key: Key<Session>) {
        let Some(session) = self.sessions.get(key) else { return };
        if !session.dossier.has_changed() {
            return;
        }
        let last = session.transcript.last();
        let mut step = Step::new(last, last, None);
        self.save_first(key, &mut step);
        if step.save.is_some() {
            self.queue(key, step);
        }
    }

    /// A save is asked again: its pieces are written as they are by now, lest they undo what a later
    /// save has written.
    pub(super) fn renew(&self, key: Key<Session>, request: &mut Request) {
        if let Request::Record(Record::Append { leaves, .. }) = request
            && !leaves.is_empty()
            && let Some(session) = self.sessions.get(key)
        {
            let keys: Vec<_> = leaves.iter().map(|leaf| leaf.key).collect();
            *leaves = session.leaves(&keys);
        }
    }

    /// A save was done: the ids it reserves may be handed out (B20.8), and what it says is known.
    pub(super) fn note_saved(&mut self, key: Key<Session>, purpose: Purpose, request: &Request) {
        if let Request::Record(Record::Append { reserved_to, .. }) = request
            && let Some(session) = self.sessions.get_mut(key)
        {
            session.dossier.reserved(*reserved_to);
            if let Purpose::Save(save) = purpose {
                session.dossier.is_sure(save);
            }
        }
    }

    /// Whether an event that passes would have no id now, and is dropped (B20.8).
    pub(super) fn has_no_id(&self, session: &Session) -> bool {
        let next = session.transcript.last().next();
        self.config.settings.transcript_auto_save != AutoSave::AtClose
            && session.keeping.state == State::Even
            && !next.is_some_and(|next| session.dossier.may_hand_out(next))
    }

    /// Starts the clock for the save that is waited for longest, or stops it.
    pub(super) fn await_saves(&mut self, key: Key<Session>) {
        let settings = &self.config.settings;
        if settings.transcript_save_on_error != SaveOnError::Continue {
            return;
        }
        let Some(session) = self.sessions.get_mut(key) else { return };
        let since = session.outbox.waits_since();
        match (since, session.keeping.timer) {
            (Some(_), Some(_)) | (None, None) => {}
            (Some(since), None) => {
                let until = since + settings.save_wait_max;
                session.keeping.timer = self.timers.arm(until, Timer::Save(key)).ok();
            }
            (None, Some(timer)) => {
                self.timers.cancel(timer);
                session.keeping.timer = None;
            }
        }
    }

    /// A save ended.
    pub(super) fn saved(&mut self, key: Key<Session>, step: crate::id::OpId, outcome: &Outcome) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        // What nobody waits for any more, the record catches up with, or it was fenced.
        let waits = session.outbox.waits_for(step);
        let failure = outcome.failure().filter(|it| waits || *it == Failure::Fenced);
        match (failure, self.config.settings.transcript_save_on_error) {
            // Somebody else owns it by now (B20.3).
            (Some(Failure::Fenced), _) => {
                self.purge(key, None);
                return;
            }
            (Some(failure), SaveOnError::Continue) if session.keeping.state == State::Even => {
                self.run_unsaved(key, failure);
            }
            (Some(_), SaveOnError::Close) if session.keeping.state == State::Even => {
                self.give_up(key);
            }
            (Some(_) | None, _) => session.outbox.saved(step),
        }
        if self.sessions.get(key).is_some_and(|session| session.keeping.state == State::Even) {
            self.await_saves(key);
        }
        self.release(key);
    }

    /// An event waits for too long, or it is time for another attempt to catch up.
    pub(super) fn save_timer(&mut self, key: Key<Session>) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.keeping.timer = None;
        match session.keeping.state {
            State::Even => {
                let due = self.now - self.config.settings.save_wait_max;
                match session.outbox.waits_since() {
                    Some(since) if since <= due => {
                        self.run_unsaved(key, Failure::Unavailable);
                        self.release(key);
                    }
                    Some(_) | None => self.await_saves(key),
                }
            }
            State::Missing { .. } | State::Behind { .. } => self.catch_up(key),
            State::Unused | State::Lost => {}
        }
    }

    /// From now on nobody waits for the store; the record catches up behind (B20.6).
    fn run_unsaved(&mut self, key: Key<Session>, failure: Failure) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let saved = session.outbox.give_up_saves();
        session.dossier.mark_all();
        session.keeping.state = match failure {
            Failure::Unavailable => State::Behind { saved, asked: None },
            // Another attempt would end the same way.
            Failure::Refused | Failure::NotFound | Failure::Fenced => State::Lost,
        };
        self.try_later(key);
        self.tell_of_store(key, SAVE_FAILS);
    }

    /// The session is over, for its transcript cannot be kept (B20.6).
    fn give_up(&mut self, key: Key<Session>) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.outbox.give_up_saves();
        session.keeping.state = State::Lost;
        if matches!(session.phase, Phase::Open | Phase::Leaving) {
            self.close(key, Reason::Server);
        }
    }

    /// The record of a session does not exist yet, or is behind: another attempt in a while, or as
    /// soon as the store is known to be back.
    pub(super) fn try_later(&mut self, key: Key<Session>) {
        let until = self.now + self.config.settings.transcript_resend_delay;
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let Some(timer) = session.keeping.timer.take() {
            self.timers.cancel(timer);
        }
        if !matches!(session.keeping.state, State::Missing { .. } | State::Behind { .. }) {
            return;
        }
        session.keeping.timer = self.timers.arm(until, Timer::Save(key)).ok();
        if !core::mem::replace(&mut session.keeping.listed, true) {
            self.behind.push(key);
        }
    }

    /// The store answers again (B4.3): whatever is behind catches up, one after the other.
    pub(super) fn store_is_back(&mut self) {
        let mut at = self.now;
        for key in core::mem::take(&mut self.behind) {
            let Some(session) = self.sessions.get_mut(key) else { continue };
            session.keeping.listed = false;
            if !matches!(session.keeping.state, State::Missing { .. } | State::Behind { .. }) {
                continue;
            }
            if let Some(timer) = session.keeping.timer.take() {
                self.timers.cancel(timer);
            }
            at += APART;
            session.keeping.timer = self.timers.arm(at, Timer::Save(key)).ok();
        }
    }

    /// Makes the record, or saves the next stretch that it lacks.
    pub(super) fn catch_up(&mut self, key: Key<Session>) {
        let settings = &self.config.settings;
        let Some(session) = self.sessions.get_mut(key) else { return };
        if !matches!(session.phase, Phase::Open | Phase::Leaving) {
            // What closes stores everything itself.
            return;
        }
        match session.keeping.state {
            State::Missing { making: false } => {
                session.keeping.state = State::Missing { making: true };
                let record = session.new_record();
                self.ask(key, |_| Purpose::Make, Request::Record(record));
            }
            State::Behind { saved, asked: None } => {
                let last = session.outbox.told();
                let all = saved >= last && !session.dossier.has_changed();
                if all || settings.transcript_auto_save == AutoSave::AtClose {
                    session.keeping.state = State::Even;
                    self.tell_of_store(key, SAVE_DONE);
                    return self.hand_over(key);
                }
                let to = session.transcript.stretch(saved, last, STRETCH);
                session.keeping.state = State::Behind { saved, asked: Some(to) };
                let events = session.changed(saved, to, settings.transcript_save_notices);
                let (reserved_to, _) = session.dossier.reserve(session.transcript.last());
                let Some((record, _)) = self.append(key, events, reserved_to) else { return };
                self.ask(key, |_| Purpose::CatchUp, Request::Record(record));
            }
            State::Missing { making: true }
            | State::Behind { asked: Some(_), .. }
            | State::Even
            | State::Unused
            | State::Lost => {}
        }
    }

    /// The record was made at last, or a stretch of it was saved.
    pub(super) fn caught_up(&mut self, key: Key<Session>, outcome: &Outcome) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let next = match (session.keeping.state, outcome) {
            (State::Missing { .. }, Outcome::Failed(Failure::Unavailable)) => {
                State::Missing { making: false }
            }
            (State::Behind { saved, .. }, Outcome::Failed(Failure::Unavailable)) => {
                State::Behind { saved, asked: None }
            }
            (State::Missing { .. } | State::Behind { .. }, Outcome::Failed(_)) => State::Lost,
            (State::Missing { .. }, _) => State::Behind { saved: EventId::NONE, asked: None },
            (State::Behind { asked: Some(saved), .. }, _) => State::Behind { saved, asked: None },
            (State::Behind { .. } | State::Even | State::Unused | State::Lost, _) => return,
        };
        session.keeping.state = next;
        if outcome.failure().is_some() {
            session.dossier.mark_all();
        }
        match outcome.failure() {
            Some(Failure::Fenced) => drop(self.purge(key, None)),
            Some(_) => self.try_later(key),
            None => self.catch_up(key),
        }
    }

    /// Tells those on basic of trouble with the store, if they are to know: by a command that is no
    /// event of the session (B20.6).
    fn tell_of_store(&mut self, key: Key<Session>, command: &'static str) {
        if self.config.settings.transcript_auto_save != AutoSave::EveryEventAndTell {
            return;
        }
        self.tell_aside(key, command);
    }
}
