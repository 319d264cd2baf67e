//! Coming to an end without taking the sessions along: they are handed to the other instances, a few
//! at a time (B20.7).

use alloc::collections::VecDeque;

use crate::ask::{Record, Request};
use crate::door::{Action, CloseReason};
use crate::session::Session;
use crate::session::keeping::State;
use crate::session::phase::{Phase, Turn};
use crate::session::transcript::Reason;
use crate::session::user::Place;
use crate::slab::Key;

use super::Server;
use super::asks::Purpose;

/// Sessions that are handed over at a time: as many customers look for them elsewhere at once.
const AT_ONCE: usize = 64;

/// The sessions that other instances are to have.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// Others live on the same store.
    peers: bool,
    /// Sessions whose turn has not come.
    waiting: VecDeque<Key<Session>>,
    under_way: usize,
}

impl Server {
    /// Takes nothing new, and gives away what there is.
    pub(super) fn drain(&mut self) {
        self.draining = true;
        self.hand_over_all();
    }

    /// Other instances are there, or are not any more.
    pub(super) fn peers(&mut self, any: bool) {
        self.handover.peers = any;
        if self.draining {
            self.hand_over_all();
        }
    }

    fn hand_over_all(&mut self) {
        self.handover.waiting.clear();
        if !self.handover.peers || !self.restores() {
            return;
        }
        let open = self.sessions.iter().filter(|(_, session)| session.phase == Phase::Open);
        self.handover.waiting = open.map(|(key, _)| key).collect();
        self.hand_over_more();
    }

    /// A session that was being made, or restored, when the draining began.
    pub(super) fn hand_over_also(&mut self, key: Key<Session>) {
        if self.handover.peers && self.restores() {
            self.handover.waiting.push_back(key);
            self.hand_over_more();
        }
    }

    fn hand_over_more(&mut self) {
        while self.handover.under_way < AT_ONCE
            && let Some(key) = self.handover.waiting.pop_front()
        {
            let Some(session) = self.sessions.get(key) else { continue };
            // What has no record stays to its end.
            let kept = !matches!(session.keeping.state, State::Unused | State::Lost);
            if session.phase != Phase::Open || !kept {
                continue;
            }
            self.handover.under_way += 1;
            self.turn(key, Turn::HandedOver);
            self.catch_up(key);
            self.hand_over(key);
        }
    }

    /// One more may go, for one has gone or has ended.
    pub(super) fn left_one_less(&mut self) {
        self.handover.under_way = self.handover.under_way.saturating_sub(1);
        self.hand_over_more();
    }

    /// Gives a session up that is on its way, once all of it is saved and told.
    pub(super) fn hand_over(&mut self, key: Key<Session>) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if session.phase != Phase::Leaving || !session.outbox.is_empty() {
            return;
        }
        match session.keeping.state {
            State::Even if !session.dossier.releasing => {
                session.dossier.releasing = true;
                let (session, generation) = (session.id.clone(), session.generation);
                let release = Record::Release { session, generation };
                self.ask(key, |_| Purpose::Release, Request::Record(release));
            }
            State::Even | State::Missing { .. } | State::Behind { .. } => {}
            // Nobody else could go on with it.
            State::Unused | State::Lost => self.close(key, Reason::Server),
        }
    }

    /// It is nobody's, or will be taken all the same: whoever is in it goes on elsewhere.
    pub(super) fn handed_over(&mut self, key: Key<Session>) {
        if self.sessions.get(key).is_none_or(|session| session.phase != Phase::Leaving) {
            return;
        }
        for link in self.drop_copy(key) {
            let idle = |there: &super::links::Link| {
                there.seats.is_empty() && there.creating.is_empty() && there.leaving == 0
            };
            if self.links.link(link).is_some_and(idle) {
                self.actions.push_back(Action::Close { link, reason: CloseReason::Draining });
            }
        }
    }

    /// Whether a user's session is on its way to another instance.
    pub(super) fn is_leaving(&self, place: Place) -> bool {
        let (Place::Inside(key, _) | Place::Removed { session: key, .. }) = place else {
            return false;
        };
        self.handover.under_way > 0
            && self.sessions.get(key).is_some_and(|session| session.phase == Phase::Leaving)
    }
}
