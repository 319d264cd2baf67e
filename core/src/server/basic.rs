//! The basic protocol: connections that stay, of agents, supervisors, bots and messaging channels.

use core::time::Duration;

use crate::door::Action;
use crate::frame::basic::{
    Event, EventError, EventRegistered, Request, RequestJoin, RequestRegister, RequestReleaseParty,
};
use crate::frame::{AfterAction, ErrorId, Frame, ProtocolType, UserType, Visibility};
use crate::id::{EventId, LinkId, SessionId};
use crate::pii::Pii;
use crate::refusal::Refusal;
use crate::session::Session;
use crate::session::keys::{Done, Kind};
use crate::session::newcomer::{Newcomer, Registration};
use crate::session::outbox::{Answer, Step};
use crate::session::phase::Phase;
use crate::session::roster::{PartyNo, Seat};
use crate::session::transcript::Reason;
use crate::session::{view, visibility};
use crate::slab::Key;
use crate::text::Str;

use super::async_chat::{LEAVE_REASON, TRANSFER};
use super::say::Said;
use super::{Server, Timer};

impl Server {
    /// A request on a basic connection.
    pub(super) fn basic(&mut self, link: LinkId, reference: u32, request: Request) {
        let about = session_id(&request).cloned();
        if let Err(refusal) = self.try_basic(link, reference, request) {
            self.refuse_basic_about(link, reference, refusal, about);
        }
    }

    /// Refuses a request about a session, naming it if there is one of that id.
    pub(super) fn refuse_basic_about(
        &mut self,
        link: LinkId,
        reference: u32,
        refusal: Refusal,
        about: Option<SessionId>,
    ) {
        let session_id = about.filter(|id| self.by_id.contains_key(id));
        self.refuse_basic(link, reference, refusal, session_id);
    }

    fn try_basic(&mut self, link: LinkId, reference: u32, request: Request) -> Result<(), Refusal> {
        match request {
            Request::RequestRegister(register) => self.register(link, reference, register),
            Request::RequestUnregister => self.unregister(link, reference),
            Request::RequestJoin(join) => self.join(link, reference, join),
            Request::RequestMessage(message) => {
                let once = (Kind::Message, message.request_key.as_ref());
                if self.says_again(link, reference, &message.session_id, once)? {
                    return Ok(());
                }
                let (key, party, who) = self.seat(link, &message.session_id)?;
                let said = Said::message(message, || who.person());
                let answer = Answer::Basic { link, reference, party, join: None };
                self.say(key, party, said, answer)
            }
            Request::RequestNotify(notify) => {
                let once = (Kind::Notify, notify.request_key.as_ref());
                if self.says_again(link, reference, &notify.session_id, once)? {
                    return Ok(());
                }
                let (key, party, who) = self.seat(link, &notify.session_id)?;
                let said = Said::notice(notify, || who.person());
                let answer = Answer::Basic { link, reference, party, join: None };
                self.say(key, party, said, answer)
            }
            Request::RequestReleaseParty(release) => self.release_party(link, reference, release),
        }
    }

    /// Answers a request that came before as it was answered then, whatever has become of the
    /// session since (B4.8); whether it did.
    fn says_again(
        &mut self,
        link: LinkId,
        reference: u32,
        session_id: &SessionId,
        (kind, request_key): (Kind, Option<&Str>),
    ) -> Result<bool, Refusal> {
        let Some(request_key) = request_key else { return Ok(false) };
        let person = self.registration(link)?.person();
        let Some(&key) = self.by_id.get(session_id) else { return Ok(false) };
        let Some(session) = self.sessions.get_mut(key) else { return Ok(false) };
        let Some(done) = session.keys.find(&person, kind, request_key) else { return Ok(false) };
        let Done { party, after, to, .. } = *done;
        if session.outbox.is_full() {
            return Err(ErrorId::StoreUnavailable.into());
        }
        self.may_ask(link, key)?;
        let Some(session) = self.sessions.get_mut(key) else { return Ok(false) };
        let last = session.transcript.last();
        let answer = Answer::Again { link, reference, party, after, to, joins: false };
        session.queue(Step::new(last, last, Some(answer)));
        self.release(key);
        Ok(true)
    }

    fn register(
        &mut self,
        link: LinkId,
        reference: u32,
        register: RequestRegister,
    ) -> Result<(), Refusal> {
        let user_id = self.ids.user_id();
        let Some(there) = self.links.link_mut(link) else { return Ok(()) };
        if there.registration.is_some() || there.leaving > 0 {
            return Err(ErrorId::AlreadyThere.into());
        }
        if matches!(register.user_type, UserType::External | UserType::System) {
            return Err(ErrorId::UserTypeNotAllowed.into());
        }
        let nickname = nickname(register.user_nickname.reveal())?;
        self.config_allows_user_data(register.user_data.as_ref())?;
        let Some(there) = self.links.link_mut(link) else { return Ok(()) };
        there.registration = Some(Registration {
            user_id: user_id.clone(),
            nickname,
            user_type: register.user_type,
            person_id: register.person_id,
            time_zone_offset: register.time_zone_offset,
            client_version: register.client_version,
            user_data: register.user_data.unwrap_or_default(),
        });
        there.register.take().map(|timer| self.timers.cancel(timer));
        let client_version = view::agreed(register.client_version);
        let registered = EventRegistered { user_id, client_version };
        self.send_basic(link, reference, Event::EventRegistered(registered));
        Ok(())
    }

    fn unregister(&mut self, link: LinkId, reference: u32) -> Result<(), Refusal> {
        self.registration(link)?;
        let Some(there) = self.links.link_mut(link) else { return Ok(()) };
        there.registration = None;
        // The answer comes when the last leave is saved (B20.1), at once if there is none.
        there.leaving = there.seats.len() + there.readings.len() + 1;
        for reading in &mut there.readings {
            reading.unregister = Some(reference);
        }
        let creating = core::mem::take(&mut there.creating);
        self.undo_creations(&creating);
        self.leave_all(link, Reason::Plain, Some(reference));
        self.expect_register(link);
        self.left_one(link, reference);
        Ok(())
    }

    /// One leave of a connection that unregisters is told, or all are begun.
    pub(super) fn left_one(&mut self, link: LinkId, reference: u32) {
        let Some(there) = self.links.link_mut(link) else { return };
        there.leaving = there.leaving.saturating_sub(1);
        if there.leaving == 0 {
            self.send_basic(link, reference, Event::EventUnregistered);
        }
    }

    fn join(&mut self, link: LinkId, reference: u32, join: RequestJoin) -> Result<(), Refusal> {
        let who = self.registration(link)?.clone();
        let Some(join) = self.sought_by_agent(link, reference, join)? else { return Ok(()) };
        if let Some(request_key) = &join.request_key {
            let (asked, person) = ((link, reference), who.person());
            let key = match &join.session_id {
                Some(session_id) => self.by_id.get(session_id).copied(),
                None => self.creations.get(&(person.clone(), request_key.clone())).copied(),
            };
            if let Some(key) = key {
                if self.sessions.get(key).is_some_and(|it| it.creating.is_some()) {
                    return self.creates_again(key, asked, &person, Some(request_key));
                }
                self.may_ask(link, key)?;
                if self.joins_again(key, asked, &person, Some(request_key)) {
                    return Ok(());
                }
            }
        }
        let visibility = join.visibility.unwrap_or(Visibility::All);
        if !visibility::may_join(who.user_type, visibility) {
            return Err(ErrorId::Visibility.into());
        }
        self.config_allows_user_data(join.user_data.as_ref())?;
        self.config_allows_text(join.message_text.as_ref())?;
        let newcomer = Newcomer {
            link,
            reference,
            protocol: ProtocolType::Basic,
            seat: Seat::Basic(link),
            who,
            visibility,
            user_data: join.user_data.unwrap_or_default(),
            greeting: join.message_text,
            request_key: join.request_key,
            after: join.last_position.unwrap_or(EventId::NONE),
        };
        newcomer.fits()?;
        let Some(session_id) = join.session_id else {
            self.may_sit(link)?;
            return self.create(newcomer, join.queue_key.as_deref(), join.subject);
        };
        let key = self.session(&session_id)?;
        self.may_enter(key, &newcomer.user_data)?;
        if self.links.link(link).is_some_and(|there| there.seat(key).is_some()) {
            return Err(ErrorId::AlreadyThere.into());
        }
        self.may_sit(link)?;
        self.may_ask(link, key)?;
        self.enter(key, newcomer);
        Ok(())
    }

    /// Whether a connection may be in one more session, those it is creating counted (B17.4).
    fn may_sit(&self, link: LinkId) -> Result<(), Refusal> {
        let limit = self.config.limits.max_sessions_per_connection as usize;
        match self.links.link(link) {
            Some(there) if there.seats.len() + there.creating.len() < limit => Ok(()),
            Some(_) | None => Err(ErrorId::LimitReached.into()),
        }
    }

    fn release_party(
        &mut self,
        link: LinkId,
        reference: u32,
        release: RequestReleaseParty,
    ) -> Result<(), Refusal> {
        let (key, asker, _) = self.seat(link, &release.session_id)?;
        self.config_allows_text(release.message_text.as_ref())?;
        let Some(session) = self.sessions.get(key) else { return Ok(()) };
        let after = release.after_action.unwrap_or(AfterAction::KeepAlive);
        let whom = match &release.user_id {
            None => asker,
            Some(user_id) => super::create::other(session, user_id).ok_or(ErrorId::NotInSession)?,
        };
        let user_type = session.roster.party(asker).user_type;
        if user_type == UserType::Client && (after != AfterAction::KeepAlive || whom != asker) {
            return Err(ErrorId::NotAllowed.into());
        }
        if whom != asker {
            let joined = session.roster.party(whom).visibility;
            // Whom one cannot see is, to the asker, not there.
            if !visibility::reaches(user_type, joined) {
                return Err(ErrorId::NotInSession.into());
            }
        }
        let reason = release.user_data.as_ref().and_then(|data| data.text(LEAVE_REASON));
        let transfer = reason.as_deref() == Some(TRANSFER);
        if let Some(state) =
            self.sessions.get_mut(key).and_then(|session| session.asynchrony.as_mut())
        {
            state.transfer = transfer;
        }
        let answer = Answer::Basic { link, reference, party: asker, join: None };
        self.leave(key, whom, asker, after, release.message_text, Some(answer));
        Ok(())
    }

    /// The session of this id, the participation this connection has in it, and who that is.
    fn seat(
        &self,
        link: LinkId,
        session_id: &SessionId,
    ) -> Result<(Key<Session>, PartyNo, &Registration), Refusal> {
        let there = self.links.link(link).ok_or(ErrorId::NotRegistered)?;
        let who = there.registration.as_ref().ok_or(ErrorId::NotRegistered)?;
        let key = self.session(session_id)?;
        match self.sessions.get(key).map(|session| session.phase) {
            Some(Phase::Creating | Phase::Sought | Phase::Restoring | Phase::Leaving) => {
                return Err(ErrorId::Restoring.into());
            }
            Some(Phase::Closed) => return Err(ErrorId::SessionClosed.into()),
            Some(Phase::Open) => {}
            Some(Phase::Gone) | None => return Err(ErrorId::NoSuchSession.into()),
        }
        let party = there.seat(key).ok_or(ErrorId::NotInSession)?;
        there.may_ask(key)?;
        Ok((key, party, who))
    }

    fn registration(&self, link: LinkId) -> Result<&Registration, Refusal> {
        let there = self.links.link(link).and_then(|there| there.registration.as_ref());
        there.ok_or_else(|| ErrorId::NotRegistered.into())
    }

    /// From now on, somebody has so much time to register (B2.2).
    pub(super) fn expect_register(&mut self, link: LinkId) {
        let timeout: Duration = self.config.settings.user_register_timeout;
        let timer = self.timers.arm(self.now + timeout, Timer::Register(link)).ok();
        if let Some(there) = self.links.link_mut(link) {
            there.register = timer;
        }
    }

    pub(super) fn send_basic(&mut self, link: LinkId, reference: u32, event: Event) {
        let frame = Frame::new(reference, event.into());
        self.actions.push_back(Action::Send { link, frame });
    }

    pub(super) fn refuse_basic(
        &mut self,
        link: LinkId,
        reference: u32,
        refusal: Refusal,
        session_id: Option<SessionId>,
    ) {
        let error_text = Str::new(refusal.text.unwrap_or(refusal.id.text()));
        let error = EventError { error_id: refusal.id.number(), error_text, session_id };
        self.send_basic(link, reference, Event::EventError(error));
    }
}

/// A nickname: 1 to 255 characters after trimming (B3.8).
pub(super) fn nickname(written: &str) -> Result<Pii<Str>, Refusal> {
    let trimmed = written.trim();
    if (1..=255).contains(&trimmed.chars().count()) {
        Ok(Pii::new(Str::new(trimmed)))
    } else {
        Err(Refusal::because(ErrorId::Malformed, "UserNickname needs 1 to 255 characters"))
    }
}

/// The session that a request names.
pub(super) const fn session_id(request: &Request) -> Option<&SessionId> {
    match request {
        Request::RequestMessage(message) => Some(&message.session_id),
        Request::RequestNotify(notify) => Some(&notify.session_id),
        Request::RequestReleaseParty(release) => Some(&release.session_id),
        Request::RequestJoin(join) => join.session_id.as_ref(),
        Request::RequestRegister(_) | Request::RequestUnregister => None,
    }
}
