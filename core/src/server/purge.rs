//! What other parts of the system do to a session: stop its interaction, or take it over.

use alloc::vec::Vec;

use crate::door::External;
use crate::frame::{ErrorId, KvList};
use crate::id::{InteractionId, LinkId};
use crate::refusal::Refusal;
use crate::session::Session;
use crate::session::outbox::Answer;
use crate::session::phase::{Phase, Turn};
use crate::session::transcript::Reason;
use crate::slab::Key;

use super::Server;
use super::idle::Which;

/// Parameter of a purge: the generation of the ownership it is for (B20.12).
const OWNERSHIP_GENERATION: &str = "OwnershipGeneration";

impl Server {
    /// Something another part of the system did.
    pub(super) fn external(&mut self, external: External) {
        match external {
            External::InteractionStopped { interaction } => self.interaction_stopped(&interaction),
            External::Purge { session, generation } => {
                if let Ok(key) = self.session(&session) {
                    self.purge(key, Some(generation));
                }
            }
            External::ContactStoreUp => self.store_is_back(),
            External::Orphaned { session } => self.orphaned(&session),
            External::Peers { any } => self.peers(any),
        }
    }

    /// The workflow stopped an interaction: its session closes, as soon as it is made (B19.4).
    fn interaction_stopped(&mut self, interaction: &InteractionId) {
        let Some(&key) = self.by_interaction.get(interaction) else { return };
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let Some(creating) = &mut session.creating {
            creating.stopped = true;
        } else if let Some(restoring) = &mut session.restoring {
            restoring.stopped = true;
        } else if session.phase == Phase::Open {
            self.close(key, Reason::Server);
        }
    }

    /// Drops a session as an ESP call asks (B14.4); whether it is closed, or no more, as far as this
    /// server is concerned.
    pub(super) fn purge_as_asked(
        &mut self,
        key: Key<Session>,
        parameters: &KvList,
    ) -> Result<bool, Refusal> {
        let generation = match parameters.value(OWNERSHIP_GENERATION) {
            None => None,
            Some(_) => {
                let number = parameters.text(OWNERSHIP_GENERATION);
                let number = number.and_then(|number| number.parse().ok());
                Some(number.ok_or(Refusal::because(
                    ErrorId::Malformed,
                    "OwnershipGeneration is no number",
                ))?)
            }
        };
        match self.sessions.get(key).map(|session| session.phase) {
            Some(Phase::Creating | Phase::Sought | Phase::Restoring) => {
                Err(ErrorId::Restoring.into())
            }
            // Its end is being stored, and nobody else has taken it over.
            Some(Phase::Closed) if generation.is_none() => Ok(true),
            Some(Phase::Open | Phase::Leaving | Phase::Closed | Phase::Gone) | None => {
                Ok(self.purge(key, generation))
            }
        }
    }

    /// Drops a session without closing it, unless this server owns it at this generation or a newer
    /// one (B20.5); whether it did. Record and interaction stay as they are, everybody who waits is
    /// told to try again, and so is everybody on basic (B20.12).
    pub(super) fn purge(&mut self, key: Key<Session>, generation: Option<u64>) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        let owns = generation.is_some_and(|generation| session.generation >= generation);
        let comes = matches!(session.phase, Phase::Creating | Phase::Sought | Phase::Restoring);
        if owns || comes {
            return false;
        }
        self.drop_copy(key);
        true
    }

    /// Drops a session without closing it. Whoever waits is told to try again, and so is everybody on
    /// basic (B20.12); the connections these came by.
    pub(super) fn drop_copy(&mut self, key: Key<Session>) -> Vec<LinkId> {
        let Some(session) = self.sessions.get(key) else { return Vec::new() };
        let id = session.id.clone();
        for party in session.roster.present().to_vec() {
            self.give_up_uploads(key, party, ErrorId::Restoring);
        }
        let Some(session) = self.sessions.get_mut(key) else { return Vec::new() };
        let asleep = session.asleep.take();
        let waiting = core::mem::take(&mut session.outbox).into_steps();
        let mut links: Vec<_> = session.roster.listeners().iter().map(|it| it.link).collect();
        links.sort_unstable();
        links.dedup();
        for which in [Which::Regular, Which::Async] {
            self.stop(key, which);
        }
        for answer in waiting.into_iter().filter_map(|step| step.answer) {
            self.refuse_waiting(answer);
        }
        self.refuse_held(asleep, ErrorId::Restoring);
        for &link in &links {
            if let Some(there) = self.links.link_mut(link) {
                there.seats.retain(|seat| seat.0 != key);
            }
            self.refuse_readers(link, key);
            self.refuse_basic(link, 0, ErrorId::Restoring.into(), Some(id.clone()));
        }
        self.turn(key, Turn::Dropped);
        links
    }

    /// Refuses what was to be answered once it was saved.
    fn refuse_waiting(&mut self, answer: Answer) {
        match answer {
            Answer::Basic { link, reference, .. }
            | Answer::Again { link, reference, .. }
            | Answer::Result { link, reference, .. }
            | Answer::Flex { link, reference, .. } => {
                self.refuse(link, reference, ErrorId::Restoring.into());
            }
            Answer::Refused { link, reference, refusal, .. } => {
                self.refuse(link, reference, refusal);
            }
            Answer::Esp { link, reference, envelope, .. } => {
                self.refuse_esp(link, reference, &envelope, ErrorId::Restoring.into());
            }
            Answer::Unregistered { link, reference } => self.left_one(link, reference),
        }
    }
}
