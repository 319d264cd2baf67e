//! Flex users: people without a connection of their own, known by an id and a key (§9 of the
//! behaviour).

use alloc::vec::Vec;

use hashbrown::HashMap;

use crate::door::{Action, Report};
use crate::frame::ErrorId;
use crate::id::{LinkId, UserId};
use crate::pii::Secret;
use crate::refusal::Refusal;
use crate::session::Session;
use crate::session::newcomer::Registration;
use crate::session::phase::Phase;
use crate::session::roster::PartyNo;
use crate::session::transcript::Reason;
use crate::session::user::{Place, SecureKey, User};
use crate::slab::{Key, Slab};
use crate::time::Instant;

use super::links::Link;
use super::{Hasher, Server, Timer};

/// Flex users one machine knows at most, those that were removed included.
const MAX_USERS: usize = 4_000_000;

/// Everybody who logged in.
#[derive(Debug)]
pub(super) struct Users {
    slab: Slab<User>,
    by_id: HashMap<UserId, Key<User>, Hasher>,
}

impl Users {
    pub(super) fn new(hasher: Hasher) -> Self {
        Self { slab: Slab::new(MAX_USERS), by_id: HashMap::with_hasher(hasher) }
    }

    pub(super) fn user(&self, key: Key<User>) -> Option<&User> {
        self.slab.get(key)
    }

    /// Whoever has this id.
    pub(super) fn by_id(&self, user_id: &UserId) -> Option<Key<User>> {
        self.by_id.get(user_id).copied()
    }

    /// Where whoever has this id is.
    pub(super) fn place_of(&self, user_id: &UserId) -> Option<Place> {
        self.user(self.by_id(user_id)?).map(|user| user.place)
    }
}

impl Server {
    /// Lets a user in; nobody knows it yet by any other name than `who.user_id`.
    pub(super) fn log_in(
        &mut self,
        who: Registration,
        secure_key: Secret,
    ) -> Result<Key<User>, Refusal> {
        let user_id = who.user_id.clone();
        let user = User {
            who,
            secure_key: SecureKey::Known(secure_key),
            former: Vec::new(),
            renamed: false,
            place: Place::Outside,
            timer: None,
            counted: true,
        };
        let key = self.users.slab.insert(user).map_err(|_| ErrorId::LimitReached)?;
        self.users.by_id.insert(user_id, key);
        self.admission.users += 1;
        self.keep_awake(key);
        Ok(key)
    }

    /// A user of a restored session is known here from now on, by every id it has and had (B20.4);
    /// `None` if there are too many users.
    pub(super) fn known_again(&mut self, user: User) -> Option<Key<User>> {
        let ids: Vec<_> = user.former.iter().chain([&user.who.user_id]).cloned().collect();
        let counted = user.counted;
        let key = self.users.slab.insert(user).ok()?;
        for id in ids {
            self.users.by_id.insert(id, key);
        }
        if counted {
            self.admission.users += 1;
        }
        Some(key)
    }

    /// Whoever this id and key belong to (B9.1). A request of a user is life (B9.2).
    pub(super) fn authenticated(
        &mut self,
        link: LinkId,
        user_id: &UserId,
        secure_key: &Secret,
    ) -> Result<Key<User>, Refusal> {
        let key = self.users.by_id(user_id).ok_or(ErrorId::NotInSession)?;
        let user = self.users.slab.get_mut(key).ok_or(ErrorId::NotInSession)?;
        if user.secure_key.is(secure_key) {
            user.renamed &= user.who.user_id != *user_id;
            if user.secure_key.known().is_none() {
                user.secure_key = SecureKey::Known(secure_key.clone());
            }
            let place = user.place;
            self.resume_pushes(place);
            self.keep_awake(key);
            return Ok(key);
        }
        self.actions.push_back(Action::Report(Report::WrongSecureKey { link }));
        // A gateway's mistake must not cost its customers their chats.
        if !self.links.link(link).is_some_and(Link::is_gateway) {
            self.remove_user(key, Reason::WrongSecureKey);
        }
        Err(ErrorId::WrongSecureKey.into())
    }

    /// Puts a user somewhere.
    pub(super) fn place(&mut self, key: Key<User>, place: Place) {
        if let Some(user) = self.users.slab.get_mut(key) {
            user.place = place;
        }
    }

    /// A user was silent for too long (B9.2, B9.4).
    pub(super) fn user_is_silent(&mut self, key: Key<User>) {
        self.remove_user(key, Reason::Disconnect);
    }

    /// Removes a user from wherever it is.
    fn remove_user(&mut self, key: Key<User>, reason: Reason) {
        let Some(user) = self.users.slab.get_mut(key) else { return };
        let place = user.place;
        if matches!(place, Place::Removed { .. }) {
            return;
        }
        user.timer.take().map(|timer| self.timers.cancel(timer));
        match place {
            Place::Outside => self.forget_user(key),
            Place::Creating(session) => {
                self.forget_user(key);
                self.undo_creations(&[session]);
            }
            // It left when the session closed, and gives up reading the end.
            Place::Inside(session, _) if !self.is_open(session) => self.forget_user(key),
            Place::Inside(session, party) => {
                self.lose(session, party, reason);
            }
            Place::Removed { .. } => {}
        }
    }

    /// A participation of a user has ended, the session goes on or not: what the user may still ask.
    pub(super) fn user_left(
        &mut self,
        key: Key<User>,
        session: Key<Session>,
        party: PartyNo,
        closed: bool,
    ) {
        self.count_out(key);
        let Some(user) = self.users.slab.get_mut(key) else { return };
        user.timer.take().map(|timer| self.timers.cancel(timer));
        if closed {
            return;
        }
        user.place = Place::Removed { session, party, told: false };
        let oldest = self.sessions.get_mut(session).and_then(|there| there.remember(key));
        let until = self.now + self.config.settings.session_linger;
        user.timer = self.timers.arm(until, Timer::User(key)).ok();
        if let Some(oldest) = oldest {
            if let Some(Place::Removed { party, .. }) = self.users.user(oldest).map(|it| it.place)
                && let Some(there) = self.sessions.get_mut(session)
            {
                there.dossier.guest_left(party, false);
            }
            self.forget_user(oldest);
        }
    }

    /// A user asks for nothing any more but what was (B17.1).
    fn count_out(&mut self, key: Key<User>) {
        if let Some(user) = self.users.slab.get_mut(key)
            && core::mem::take(&mut user.counted)
        {
            self.admission.users -= 1;
        }
    }

    /// Nobody is this user any more.
    pub(super) fn forget_user(&mut self, key: Key<User>) {
        self.count_out(key);
        if let Some(user) = self.users.slab.remove(key) {
            for id in user.former.iter().chain([&user.who.user_id]) {
                if self.users.by_id.get(id) == Some(&key) {
                    self.users.by_id.remove(id);
                }
            }
            user.timer.map(|timer| self.timers.cancel(timer));
        }
    }

    /// The user's timer, whatever it waits for.
    pub(super) fn user_timer(&mut self, key: Key<User>) {
        let Some(user) = self.users.slab.get_mut(key) else { return };
        user.timer = None;
        if let Place::Removed { told, .. } = &mut user.place {
            *told = true;
        } else if !self.ask_for(key) {
            self.user_is_silent(key);
        }
    }

    /// Restarts `flex-disconnect-timeout` (B9.2), or what stands for it (B10.2).
    pub(super) fn keep_awake(&mut self, key: Key<User>) {
        let Some(user) = self.users.slab.get_mut(key) else { return };
        if matches!(user.place, Place::Removed { .. }) {
            return;
        }
        if let Place::Inside(session, _) = user.place
            && self.sessions.get(session).is_none_or(|session| session.phase != Phase::Open)
        {
            return;
        }
        let place = user.place;
        let until = self.now + self.patience(place);
        self.wake_at(key, until);
    }

    /// Lets a user's timer run until then.
    pub(super) fn wake_at(&mut self, key: Key<User>, until: Instant) {
        let Some(user) = self.users.slab.get_mut(key) else { return };
        match user.timer {
            Some(timer) if self.timers.re_arm(timer, until) => {}
            Some(_) | None => user.timer = self.timers.arm(until, Timer::User(key)).ok(),
        }
    }
}
