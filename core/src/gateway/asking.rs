//! Which server a call is asked of, and when.

use crate::config::ChatService;
use crate::frame::Frame;
use crate::slab::Key;
use crate::text::Str;

use super::api::Why;
use super::calls::{Call, Place, Stage};
use super::servers::ServerNo;
use super::{Action, Gateway, Report};

/// How often in a row a server may say "come again".
const PATIENCE: u32 = 4;

impl Gateway {
    /// Asks what is to be asked next for a call that is nowhere, or lets it wait for a server.
    pub(super) fn go_on(&mut self, key: Key<Call>) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.abandoned && !matches!(call.place, Place::Asked(..)) {
            // Nobody waits for the answer, and there is nothing to undo yet.
            self.forget(key);
            return;
        }
        call.place = Place::Nowhere;
        if matches!(call.stage, Stage::Storing(_) | Stage::Finding(..)) {
            return;
        }
        if call.attempts >= self.settings.max_attempts {
            let certain = !call.may_have_been_said();
            let why = if certain { Why::Unreachable } else { Why::InDoubt };
            return self.fail(key, why, certain, false, None);
        }
        let wanted = match call.stage {
            // Only the instance that holds the Login knows who joins (B4.8); an abandoned session
            // is closed by itself (B20.13).
            Stage::Join => {
                let tried = call.tried;
                let home = call
                    .home
                    .filter(|home| !tried.has(*home) && self.servers.is_worth_waiting_for(*home));
                if home.is_none() {
                    call.stage = Stage::Login;
                    call.customer = None;
                    call.home = None;
                }
                home
            }
            Stage::Login => None,
            Stage::Verb
            | Stage::Limits
            | Stage::Permit { .. }
            | Stage::Announce(_)
            | Stage::Fetch
            | Stage::Storing(_)
            | Stage::Finding(..) => call.home,
        };
        match self.servers.choose(wanted, call.tried) {
            Some(server) if self.servers.is_on(server) => self.ask(key, server),
            Some(server) => {
                call.place = Place::Waiting(server);
                if let Some(there) = self.servers.get_mut(server) {
                    there.wait(key);
                }
                self.set_timer(key, Some(self.config.web.server_wait));
            }
            None => match call.verdict {
                Some(why) => self.turned_away(key, why),
                None => {
                    call.place = Place::Parked;
                    self.servers.parked.insert(key);
                    self.set_timer(key, Some(self.config.web.server_wait));
                }
            },
        }
    }

    /// Every server there is has said that it will not do.
    fn turned_away(&mut self, key: Key<Call>, why: Why) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if why == Why::NoSuchChat {
            self.not_there(key);
        } else if why == Why::Moving {
            // A restoration comes to an end, and then some server has the session.
            call.tried.clear();
            call.verdict = None;
            self.pause(key);
        } else {
            self.fail(key, why, true, false, None);
        }
    }

    fn ask(&mut self, key: Key<Call>, server: ServerNo) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some(there) = self.servers.get_mut(server) else { return };
        let reference = there.reference(Some(key));
        let moved = call.home.is_some_and(|home| home != server);
        call.place = Place::Asked(server, reference);
        call.attempts += 1;
        call.home = Some(server);
        let queue_key = self.config.chat_service(&call.request.service).map(ChatService::queue_key);
        let frame = Frame::new(reference, call.frame(queue_key));
        let session = call.customer.as_ref().filter(|_| moved).map(|it| it.chat_id.clone());
        self.actions.push_back(Action::Send { server, frame });
        if let Some(session) = session {
            self.report(Report::Moved { session, server });
        }
    }

    /// A session is being restored: it is asked for again, and elsewhere if that does not end, for
    /// a server that drains says so for good (B20.7).
    pub(super) fn try_later(&mut self, key: Key<Call>) {
        let Some(call) = self.calls.get_mut(key) else { return };
        call.refusals += 1;
        if call.refusals.is_multiple_of(PATIENCE)
            && let Some(home) = call.home
        {
            call.tried.add(home);
            call.verdict = Some(Why::Moving);
        }
        self.pause(key);
    }

    /// A store does not answer its server: another would not get an answer either.
    pub(super) fn try_again_here(&mut self, key: Key<Call>, detail: Option<Str>) {
        let Some(call) = self.calls.get_mut(key) else { return };
        call.refusals += 1;
        if call.refusals > PATIENCE {
            let certain = !call.may_have_been_said();
            let why = if certain { Why::StoreUnavailable } else { Why::InDoubt };
            return self.fail(key, why, certain, false, detail);
        }
        self.pause(key);
    }

    /// A server does not know what a call is about, or has no room for it: another one may.
    pub(super) fn try_elsewhere(&mut self, key: Key<Call>, server: ServerNo, why: Why) {
        let Some(call) = self.calls.get_mut(key) else { return };
        call.tried.add(server);
        call.verdict = Some(why);
        self.go_on(key);
    }

    /// A server cannot be reached, though nobody has said so.
    pub(super) fn give_up(&mut self, key: Key<Call>, server: ServerNo) {
        if let Some(call) = self.calls.get_mut(key) {
            call.tried.add(server);
            self.go_on(key);
        }
    }

    fn pause(&mut self, key: Key<Call>) {
        let Some(call) = self.calls.get_mut(key) else { return };
        call.place = Place::Paused;
        let factor = 1_u32.checked_shl(call.refusals.saturating_sub(1)).unwrap_or(u32::MAX);
        let pause = self.settings.retry_min.saturating_mul(factor).min(self.settings.retry_max);
        let pause = self.chance.jitter(pause);
        self.set_timer(key, Some(pause));
    }
}
