//! The flex protocol: request and reply, for the gateways customers come through.

use crate::door::Action;
use crate::frame::flex::{
    Event, EventStatus, Request, RequestJoin, RequestLogin, RequestLogout, RequestRefresh,
};
use crate::frame::{
    AfterAction, ErrorId, Frame, Open, ProtocolType, RequestResult, UserType, Visibility,
};
use crate::id::{EventId, LinkId, SessionId, UserId};
use crate::refusal::Refusal;
use crate::session::Session;
use crate::session::keys::{Kind, Person};
use crate::session::newcomer::{Newcomer, Registration};
use crate::session::outbox::{Answer, Step};
use crate::session::phase::Phase;
use crate::session::roster::{PartyNo, Seat};
use crate::session::user::{Place, User};
use crate::session::view::Viewer;
use crate::slab::Key;
use crate::text::Str;

use super::Server;
use super::say::Said;

/// Events of one answer. So many are never smaller than 1 MiB, where the codec cuts (wire §4.2).
const MAX_EVENTS: usize = 32_768;
/// References one connection may have unanswered.
const MAX_UNANSWERED: usize = 65_536;

impl Server {
    /// A request on a flex connection.
    pub(super) fn flex(&mut self, link: LinkId, reference: u32, request: Request) {
        let Some(there) = self.links.link_mut(link) else { return };
        there.register.take().map(|timer| self.timers.cancel(timer));
        // Two answers with one reference could not be told apart (wire §4.2).
        if there.unanswered.contains(&reference) || there.unanswered.len() >= MAX_UNANSWERED {
            let refusal = Refusal::because(ErrorId::Malformed, "reference is still unanswered");
            let frame = Frame::new(reference, Event::EventStatus(refused(refusal)).into());
            return self.actions.push_back(Action::Send { link, frame });
        }
        there.unanswered.insert(reference);
        let user_id = asker(&request).cloned();
        let Some(request) = self.sought_by_customer(link, reference, request) else { return };
        if let Err(refusal) = self.try_flex(link, reference, request) {
            self.refuse_in_turn(link, reference, user_id.as_ref(), refusal);
        }
    }

    /// Refuses a request once its user's earlier ones are answered (wire §4.2). A wrong key is
    /// nobody's.
    pub(super) fn refuse_in_turn(
        &mut self,
        link: LinkId,
        reference: u32,
        user_id: Option<&UserId>,
        refusal: Refusal,
    ) {
        let place = user_id.filter(|_| refusal.id != ErrorId::WrongSecureKey);
        let place = place.and_then(|user_id| self.users.place_of(user_id));
        if let Some(Place::Inside(key, party) | Place::Removed { session: key, party, .. }) = place
        {
            let answer = Answer::Refused { link, reference, party, refusal, after: None };
            if self.answer_later(key, answer).is_ok() {
                return;
            }
        }
        self.refuse(link, reference, refusal);
    }

    /// Whoever names one session and is in another is refused, lest they do here what they meant for
    /// there (B9.5).
    fn check_session(&mut self, link: LinkId, request: &Request) -> Result<(), Refusal> {
        let (user_id, secure_key) = match request {
            Request::RequestRefresh(refresh) => (&refresh.user_id, &refresh.secure_key),
            Request::RequestLogout(logout) => (&logout.user_id, &logout.secure_key),
            Request::RequestNotify(notify) => (&notify.user_id, &notify.secure_key),
            Request::RequestPush(push) => (&push.user_id, &push.secure_key),
            Request::RequestLogin(_)
            | Request::RequestJoin(_)
            | Request::RequestNode(_)
            | Request::RequestAlive(_) => return Ok(()),
        };
        let Some(named) = named_session(request) else { return Ok(()) };
        let place = self.users.place_of(user_id);
        let Some(Place::Inside(key, _) | Place::Removed { session: key, .. }) = place else {
            return Ok(());
        };
        if self.sessions.get(key).is_none_or(|session| session.id == *named) {
            return Ok(());
        }
        self.authenticated(link, user_id, secure_key)?;
        Err(ErrorId::NotInSession.into())
    }

    fn try_flex(&mut self, link: LinkId, reference: u32, request: Request) -> Result<(), Refusal> {
        self.check_session(link, &request)?;
        match request {
            Request::RequestLogin(login) => self.login(link, reference, login),
            Request::RequestJoin(join) => self.join_flex(link, reference, join),
            Request::RequestRefresh(refresh) => self.refresh(link, reference, refresh),
            Request::RequestLogout(logout) => self.logout(link, reference, &logout),
            Request::RequestNotify(notify) => {
                let user = self.authenticated(link, &notify.user_id, &notify.secure_key)?;
                let once = (Kind::Notify, notify.request_key.as_ref());
                if let Some((key, party)) = self.said_before(user, once) {
                    let after = notify.last_position.map(|after| self.lowered(key, after));
                    return self.answer_later(key, Answer::Flex { link, reference, party, after });
                }
                let (key, party) = self.place_to_speak(user)?;
                let after = notify.last_position.map(|after| self.lowered(key, after));
                let answer = Answer::Flex { link, reference, party, after };
                self.say(key, party, Said::flex_notice(notify, || Person::Flex(user)), answer)
            }
            Request::RequestNode(node) => self.become_node(link, reference, node),
            Request::RequestPush(push) => self.request_push(link, reference, &push),
            Request::RequestAlive(alive) => self.request_alive(link, reference, &alive),
        }
    }

    fn login(&mut self, link: LinkId, reference: u32, login: RequestLogin) -> Result<(), Refusal> {
        self.config_allows_user_data(login.user_data.as_ref())?;
        let nickname = super::basic::nickname(login.user_nickname.reveal())?;
        let (user_id, secure_key) = (self.ids.user_id(), self.ids.secret());
        let who = Registration {
            user_id: user_id.clone(),
            nickname,
            user_type: UserType::Client,
            person_id: login.person_id,
            time_zone_offset: login.time_zone_offset,
            client_version: login.client_version,
            user_data: login.user_data.unwrap_or_default(),
        };
        self.admits_user()?;
        self.log_in(who, secure_key.clone())?;
        let status = EventStatus {
            user_id: Some(user_id),
            secure_key: Some(secure_key),
            ..EventStatus::new(RequestResult::Success)
        };
        self.send_flex(link, reference, status);
        Ok(())
    }

    fn join_flex(
        &mut self,
        link: LinkId,
        reference: u32,
        join: RequestJoin,
    ) -> Result<(), Refusal> {
        let user = self.authenticated(link, &join.user_id, &join.secure_key)?;
        if let Some(Place::Inside(key, _)) = self.users.user(user).map(|user| user.place) {
            let asked = (link, reference);
            let (person, request_key) = (Person::Flex(user), join.request_key.as_ref());
            if self.joins_again(key, asked, &person, request_key) {
                return Ok(());
            }
        }
        match self.users.user(user).map(|user| user.place) {
            Some(Place::Outside) => {}
            Some(Place::Creating(key)) => {
                let (asked, person) = ((link, reference), Person::Flex(user));
                return self.creates_again(key, asked, &person, join.request_key.as_ref());
            }
            // A session that is over has nothing but its end to offer (B8.6).
            Some(Place::Inside(key, _)) if !self.is_open(key) => {
                return Err(ErrorId::SessionClosed.into());
            }
            Some(Place::Inside(..)) => return Err(ErrorId::AlreadyThere.into()),
            Some(Place::Removed { .. }) => return Err(ErrorId::LoggedOut.into()),
            None => return Err(ErrorId::NotInSession.into()),
        }
        let Some(who) = self.users.user(user).map(|user| user.who.clone()) else { return Ok(()) };
        self.config_allows_user_data(join.user_data.as_ref())?;
        self.config_allows_text(join.message_text.as_ref())?;
        let newcomer = Newcomer {
            link,
            reference,
            protocol: ProtocolType::Flex,
            seat: Seat::Flex(user),
            who,
            visibility: Visibility::All,
            user_data: join.user_data.unwrap_or_default(),
            greeting: join.message_text,
            request_key: join.request_key,
            after: EventId::NONE,
        };
        newcomer.fits()?;
        let Some(session_id) = join.session_id else {
            return self.create(newcomer, join.queue_key.as_deref(), join.subject);
        };
        let key = self.session(&session_id)?;
        self.may_enter(key, &newcomer.user_data)?;
        self.enter(key, newcomer);
        Ok(())
    }

    fn refresh(
        &mut self,
        link: LinkId,
        reference: u32,
        refresh: RequestRefresh,
    ) -> Result<(), Refusal> {
        let user = self.authenticated(link, &refresh.user_id, &refresh.secure_key)?;
        let asked = refresh.last_position.unwrap_or(EventId::NONE);
        if refresh.message_text.is_some() {
            let once = (Kind::Message, refresh.request_key.as_ref());
            if let Some((key, party)) = self.said_before(user, once) {
                let after = Some(self.lowered(key, asked));
                return self.answer_later(key, Answer::Flex { link, reference, party, after });
            }
            let (key, party) = self.place_to_speak(user)?;
            let after = self.lowered(key, asked);
            let answer = Answer::Flex { link, reference, party, after: Some(after) };
            return self.say(
                key,
                party,
                Said::flex_message(refresh, || Person::Flex(user)),
                answer,
            );
        }
        match self.users.user(user).map(|user| user.place) {
            Some(Place::Inside(key, party)) => {
                let after = Some(self.lowered(key, asked));
                self.answer_later(key, Answer::Flex { link, reference, party, after })
            }
            // It is told why, with the events up to its going (B9.2).
            Some(Place::Removed { session, party, told: false }) => {
                let (refusal, after) =
                    (ErrorId::LoggedOut.into(), Some(self.lowered(session, asked)));
                let answer = Answer::Refused { link, reference, party, refusal, after };
                self.answer_later(session, answer)
            }
            Some(Place::Removed { .. }) => Err(ErrorId::LoggedOut.into()),
            Some(Place::Creating(_)) => Err(ErrorId::Restoring.into()),
            Some(Place::Outside) | None => Err(ErrorId::NotInSession.into()),
        }
    }

    fn logout(
        &mut self,
        link: LinkId,
        reference: u32,
        logout: &RequestLogout,
    ) -> Result<(), Refusal> {
        let user = self.authenticated(link, &logout.user_id, &logout.secure_key)?;
        match self.users.user(user).map(|user| user.place) {
            Some(Place::Inside(key, party)) => {
                let after = logout.last_position.map(|after| self.lowered(key, after));
                let answer = Answer::Flex { link, reference, party, after };
                if self.sessions.get(key).is_some_and(|it| it.phase == Phase::Leaving) {
                    return Err(ErrorId::Restoring.into());
                }
                if self.is_open(key) {
                    // Whoever leaves by itself is nobody afterwards.
                    self.forget_user(user);
                    self.leave(key, party, party, AfterAction::KeepAlive, None, Some(answer));
                } else {
                    self.answer_later(key, answer)?;
                    self.forget_user(user);
                }
                Ok(())
            }
            Some(Place::Outside) => {
                self.forget_user(user);
                self.send_flex(link, reference, EventStatus::new(RequestResult::Success));
                Ok(())
            }
            Some(Place::Creating(_)) => Err(ErrorId::Restoring.into()),
            Some(Place::Removed { .. }) => Err(ErrorId::LoggedOut.into()),
            None => Err(ErrorId::NotInSession.into()),
        }
    }

    /// Where a request of a user came before and took effect, whatever has become of the session
    /// since (B4.8).
    fn said_before(
        &self,
        user: Key<User>,
        (kind, request_key): (Kind, Option<&Str>),
    ) -> Option<(Key<Session>, PartyNo)> {
        let Place::Inside(key, party) = self.users.user(user)?.place else { return None };
        let session = self.sessions.get(key)?;
        session.keys.find(&Person::Flex(user), kind, request_key?).map(|_| (key, party))
    }

    /// The open session a user is in, to say something there.
    pub(super) fn place_to_speak(
        &self,
        user: Key<User>,
    ) -> Result<(Key<Session>, PartyNo), Refusal> {
        match self.users.user(user).map(|user| user.place) {
            Some(Place::Inside(key, party)) => {
                match self.sessions.get(key).map(|session| session.phase) {
                    Some(Phase::Open) => Ok((key, party)),
                    Some(Phase::Closed) => Err(ErrorId::SessionClosed.into()),
                    Some(Phase::Sought | Phase::Restoring | Phase::Leaving) => {
                        Err(ErrorId::Restoring.into())
                    }
                    Some(Phase::Creating | Phase::Gone) | None => Err(ErrorId::NotInSession.into()),
                }
            }
            Some(Place::Creating(_)) => Err(ErrorId::Restoring.into()),
            Some(Place::Removed { .. }) => Err(ErrorId::LoggedOut.into()),
            Some(Place::Outside) | None => Err(ErrorId::NotInSession.into()),
        }
    }

    pub(super) fn is_open(&self, key: Key<Session>) -> bool {
        self.sessions.get(key).is_some_and(|session| session.phase == Phase::Open)
    }

    /// A position above the newest event is the newest (wire §4.2).
    fn lowered(&self, key: Key<Session>, after: EventId) -> EventId {
        self.sessions.get(key).map_or(after, |session| after.min(session.transcript.last()))
    }

    /// An answer that causes nothing, behind those that wait.
    pub(super) fn answer_later(
        &mut self,
        key: Key<Session>,
        answer: Answer,
    ) -> Result<(), Refusal> {
        let Some(session) = self.sessions.get_mut(key) else { return Ok(()) };
        if session.outbox.is_full() {
            return Err(ErrorId::StoreUnavailable.into());
        }
        self.answer_saved(key, answer);
        Ok(())
    }

    /// An answer behind those that wait, and behind the save of what its request has changed without
    /// an event (B20.1).
    pub(super) fn answer_saved(&mut self, key: Key<Session>, answer: Answer) {
        let Some(session) = self.sessions.get(key) else { return };
        let last = session.transcript.last();
        let mut step = Step::new(last, last, Some(answer));
        if session.dossier.has_changed() {
            self.save_first(key, &mut step);
        }
        self.queue(key, step);
        self.release(key);
    }

    /// The answer to a flex request, the events up to `to` being told.
    pub(super) fn status(
        &self,
        key: Key<Session>,
        party: PartyNo,
        after: Option<EventId>,
        to: EventId,
    ) -> EventStatus {
        let answer = EventStatus::new(RequestResult::Success);
        let Some(session) = self.sessions.get(key) else { return answer };
        // Whoever asks under a former id is told the one it has now, and its key (B20.4).
        let secure_key = match session.roster.party(party).seat {
            Seat::Flex(user) => self.users.user(user).filter(|user| user.renamed),
            Seat::Basic(_) | Seat::Voice | Seat::Former => None,
        };
        EventStatus {
            user_id: Some(session.roster.party(party).user_id.clone()),
            secure_key: secure_key.and_then(|user| user.secure_key.known().cloned()),
            session_id: Some(session.id.clone()),
            session_status: Some(Open::Known(session.status())),
            ..self.with_transcript(session, party, after, to, answer)
        }
    }

    /// The answer to a flex request that is refused: with a transcript, where it tells why.
    pub(super) fn refused_status(
        &self,
        key: Key<Session>,
        party: PartyNo,
        refusal: Refusal,
        after: Option<EventId>,
        to: EventId,
    ) -> EventStatus {
        let answer = refused(refusal);
        let Some(session) = self.sessions.get(key) else { return answer };
        self.with_transcript(session, party, after, to, answer)
    }

    /// An answer with the events after a position, if they are wanted. Where there are more than one
    /// answer holds, the codec cuts it (wire §4.2).
    fn with_transcript(
        &self,
        session: &Session,
        party: PartyNo,
        after: Option<EventId>,
        to: EventId,
        answer: EventStatus,
    ) -> EventStatus {
        let Some(after) = after else { return answer };
        let participant = session.roster.party(party);
        let to = participant.left.map_or(to, |left| left.min(to));
        let viewer = Viewer::new(party, participant).told(to);
        let mut events = viewer.events(session.transcript.between(after, to), &session.roster);
        let some = events.by_ref().take(MAX_EVENTS).collect();
        let transcript = session.chat_transcript(viewer, some, false, self.now);
        EventStatus {
            more_events: events.next().is_some(),
            last_position: transcript.events.last().map(|event| event.event_id).or(Some(after)),
            chat_transcript: Some(transcript),
            ..answer
        }
    }

    pub(super) fn send_flex(&mut self, link: LinkId, reference: u32, status: EventStatus) {
        // A gateway tells its customers by whom they were served (B20.12, B26.4).
        let app_dbid = self.config.server.app_dbid.and_then(|number| i32::try_from(number).ok());
        let status = EventStatus { app_dbid, ..status };
        if let Some(there) = self.links.link_mut(link) {
            there.unanswered.remove(&reference);
            let frame = Frame::new(reference, Event::EventStatus(status).into());
            self.actions.push_back(Action::Send { link, frame });
        }
    }

    pub(super) fn refuse_flex(&mut self, link: LinkId, reference: u32, refusal: Refusal) {
        self.send_flex(link, reference, refused(refusal));
    }
}

/// Whose request it says it is.
pub(super) const fn asker(request: &Request) -> Option<&UserId> {
    match request {
        Request::RequestJoin(join) => Some(&join.user_id),
        Request::RequestRefresh(refresh) => Some(&refresh.user_id),
        Request::RequestLogout(logout) => Some(&logout.user_id),
        Request::RequestNotify(notify) => Some(&notify.user_id),
        Request::RequestPush(push) => Some(&push.user_id),
        Request::RequestAlive(alive) => Some(&alive.user_id),
        Request::RequestLogin(_) | Request::RequestNode(_) => None,
    }
}

/// The session it names.
pub(super) const fn named_session(request: &Request) -> Option<&SessionId> {
    match request {
        Request::RequestJoin(join) => join.session_id.as_ref(),
        Request::RequestRefresh(refresh) => refresh.session_id.as_ref(),
        Request::RequestLogout(logout) => logout.session_id.as_ref(),
        Request::RequestNotify(notify) => notify.session_id.as_ref(),
        Request::RequestPush(push) => push.session_id.as_ref(),
        Request::RequestLogin(_) | Request::RequestNode(_) | Request::RequestAlive(_) => None,
    }
}

fn refused(refusal: Refusal) -> EventStatus {
    EventStatus {
        error_id: Some(refusal.id.number()),
        error_text: Some(Str::new(refusal.text.unwrap_or(refusal.id.text()))),
        ..EventStatus::new(RequestResult::Error)
    }
}
