//! What flex requests do (§9 of the behaviour).

use confer_core::frame::flex::{
    Event, EventStatus, Request, RequestJoin, RequestLogin, RequestLogout, RequestRefresh,
};
use confer_core::frame::{AfterAction, ErrorId, Frame, RequestResult, UserType, Visibility};
use confer_core::id::{PortId, UserId};
use confer_core::pii::Secret;

use super::basic::{Said, nickname, position, words};
use super::state::{Answer, How, Model, Newcomer, Person, Phase, Place, Seat, User, Who};
use super::tell::refused;

impl Model {
    pub(super) fn flex(&mut self, link: usize, reference: u32, request: Request) {
        // B2.2: any flex request.
        self.links[link].register = None;
        let asker = match &request {
            Request::RequestJoin(join) => Some(join.user_id.clone()),
            Request::RequestRefresh(refresh) => Some(refresh.user_id.clone()),
            Request::RequestLogout(logout) => Some(logout.user_id.clone()),
            Request::RequestNotify(notify) => Some(notify.user_id.clone()),
            Request::RequestPush(push) => Some(push.user_id.clone()),
            Request::RequestAlive(alive) => Some(alive.user_id.clone()),
            Request::RequestLogin(_) | Request::RequestNode(_) => None,
        };
        let done = match request {
            Request::RequestLogin(login) => self.login(link, reference, &login),
            Request::RequestJoin(join) => self.join_flex(link, reference, join),
            Request::RequestRefresh(refresh) => self.refresh(link, reference, refresh),
            Request::RequestLogout(logout) => self.logout(link, reference, &logout),
            Request::RequestNotify(notify) => {
                self.user(link, &notify.user_id, &notify.secure_key).and_then(|user| {
                    let said = Said {
                        notice: Some(notify.notice_type),
                        text: words(notify.notice_text.as_ref()),
                        visibility: None,
                        receiver: None,
                        user_data: notify.user_data,
                        attributes: notify.event_attributes,
                        once: notify.request_key.map(|key| (Person::User(user), key.to_string())),
                    };
                    let wanted = position(notify.last_position);
                    self.say_flex(user, link, reference, wanted, said)
                })
            }
            // No script asks for push.
            Request::RequestNode(_) | Request::RequestPush(_) | Request::RequestAlive(_) => {
                Err(ErrorId::NotAllowed)
            }
        };
        let Err(error) = done else { return };
        // Answers to one user's requests come in request order (wire §4.2); a wrong key is nobody's.
        let user = asker.and_then(|id| self.user_named(&id));
        let place = user.filter(|_| error != ErrorId::WrongSecureKey);
        match place.map(|user| self.users[user].place) {
            Some(Place::Inside(session, party) | Place::Removed { session, party, .. }) => {
                let how = How::Refused(party, error, None);
                self.answer_in_turn(session, Answer { link, reference, how });
            }
            _ => {
                let event = Event::EventStatus(refused(error));
                self.send(link, Frame::new(reference, event.into()));
            }
        }
    }

    pub(super) fn user_named(&self, id: &UserId) -> Option<usize> {
        let number: usize = id.as_str().strip_prefix('U')?.parse().ok()?;
        self.users.get(number).filter(|user| user.place != Place::Gone).map(|_| number)
    }

    /// B9.1: whose request it is.
    fn user(&mut self, link: usize, id: &UserId, key: &Secret) -> Result<usize, ErrorId> {
        let user = self.user_named(id).ok_or(ErrorId::NotInSession)?;
        if key.reveal() == format!("K{user}") {
            self.keep_awake(user);
            return Ok(user);
        }
        // On the `web` port it costs nobody the chat.
        if self.links[link].port != PortId::Web {
            self.remove_user(user, 6);
        }
        Err(ErrorId::WrongSecureKey)
    }

    fn login(&mut self, link: usize, reference: u32, login: &RequestLogin) -> Result<(), ErrorId> {
        let who = Who {
            nickname: nickname(login.user_nickname.reveal())?,
            user_type: UserType::Client,
            person_id: None,
            version: login.client_version,
            user_data: login.user_data.clone().unwrap_or_default(),
        };
        let user = self.users.len();
        self.users.push(User { who, place: Place::Outside, due: None });
        self.keep_awake(user);
        let status = EventStatus {
            user_id: Some(UserId::new(&format!("U{user}"))),
            secure_key: Some(Secret::new(&format!("K{user}"))),
            ..EventStatus::new(RequestResult::Success)
        };
        self.send(link, Frame::new(reference, Event::EventStatus(status).into()));
        Ok(())
    }

    fn join_flex(&mut self, link: usize, reference: u32, join: RequestJoin) -> Result<(), ErrorId> {
        let user = self.user(link, &join.user_id, &join.secure_key)?;
        let once = join.request_key.map(|key| (Person::User(user), key.to_string()));
        let place = self.users[user].place;
        match place {
            Place::Outside => {}
            Place::Creating(session) => {
                return self.creates_again(session, link, reference, once.as_ref());
            }
            // B4.8: before every other state check.
            Place::Inside(session, _)
                if once
                    .as_ref()
                    .is_some_and(|it| self.joins_again(session, link, reference, it)) =>
            {
                return Ok(());
            }
            Place::Inside(session, _) if self.sessions[session].phase != Phase::Open => {
                return Err(ErrorId::SessionClosed);
            }
            // B4.5: at most one session.
            Place::Inside(..) => return Err(ErrorId::AlreadyThere),
            Place::Removed { .. } => return Err(ErrorId::LoggedOut),
            Place::Gone => return Err(ErrorId::NotInSession),
        }
        let newcomer = Newcomer {
            link,
            reference,
            seat: Seat::Flex(user),
            who: self.users[user].who.clone(),
            visibility: Visibility::All,
            user_data: join.user_data.unwrap_or_default(),
            greeting: words(join.message_text.as_ref()),
            once,
            after: 0,
        };
        let Some(id) = join.session_id else {
            return self.create(newcomer, join.queue_key.as_deref());
        };
        let session = self.named(id.as_str()).ok_or(ErrorId::NoSuchSession)?;
        self.may_enter(session, &newcomer.user_data)?;
        self.enter(session, newcomer);
        Ok(())
    }

    fn refresh(
        &mut self,
        link: usize,
        reference: u32,
        refresh: RequestRefresh,
    ) -> Result<(), ErrorId> {
        let user = self.user(link, &refresh.user_id, &refresh.secure_key)?;
        let after = position(refresh.last_position).unwrap_or(0);
        // B9.3: a message in it is posted first.
        if let Some(text) = &refresh.message_text {
            let said = Said {
                notice: None,
                text: Some(text.reveal().to_owned()),
                visibility: None,
                receiver: None,
                user_data: refresh.user_data,
                attributes: refresh.event_attributes,
                once: refresh.request_key.map(|key| (Person::User(user), key.to_string())),
            };
            return self.say_flex(user, link, reference, Some(after), said);
        }
        let (session, how) = match self.users[user].place {
            Place::Inside(session, party) => {
                (session, How::Flex(party, Some(self.lowered(session, after))))
            }
            // B9.2: this is how it learns why.
            Place::Removed { session, party, told: false } => {
                let after = Some(self.lowered(session, after));
                (session, How::Refused(party, ErrorId::LoggedOut, after))
            }
            Place::Removed { .. } => return Err(ErrorId::LoggedOut),
            Place::Creating(_) => return Err(ErrorId::Restoring),
            Place::Outside | Place::Gone => return Err(ErrorId::NotInSession),
        };
        self.answer_in_turn(session, Answer { link, reference, how });
        Ok(())
    }

    fn say_flex(
        &mut self,
        user: usize,
        link: usize,
        reference: u32,
        after: Option<u32>,
        said: Said,
    ) -> Result<(), ErrorId> {
        let (session, party) = match self.users[user].place {
            Place::Inside(session, party) => (session, party),
            Place::Creating(_) => return Err(ErrorId::Restoring),
            Place::Removed { .. } => return Err(ErrorId::LoggedOut),
            Place::Outside | Place::Gone => return Err(ErrorId::NotInSession),
        };
        let after = after.map(|after| self.lowered(session, after));
        let answer = Answer { link, reference, how: How::Flex(party, after) };
        // B4.8: before every other state check.
        if let Some((person, key)) = &said.once
            && self.once(session, person, said.deed(), key).is_some()
        {
            self.answer_in_turn(session, answer);
            return Ok(());
        }
        if self.sessions[session].phase != Phase::Open {
            return Err(ErrorId::SessionClosed);
        }
        self.say(session, party, said, answer)
    }

    fn logout(
        &mut self,
        link: usize,
        reference: u32,
        logout: &RequestLogout,
    ) -> Result<(), ErrorId> {
        let user = self.user(link, &logout.user_id, &logout.secure_key)?;
        match self.users[user].place {
            Place::Inside(session, party) => {
                let after = position(logout.last_position);
                let after = after.map(|after| self.lowered(session, after));
                let answer = Answer { link, reference, how: How::Flex(party, after) };
                self.forget_user(user);
                if self.sessions[session].phase == Phase::Open {
                    self.leave(session, party, party, AfterAction::KeepAlive, None, answer);
                } else {
                    self.answer_in_turn(session, answer);
                }
                Ok(())
            }
            Place::Outside => {
                self.forget_user(user);
                let event = Event::EventStatus(EventStatus::new(RequestResult::Success));
                self.send(link, Frame::new(reference, event.into()));
                Ok(())
            }
            Place::Creating(_) => Err(ErrorId::Restoring),
            Place::Removed { .. } => Err(ErrorId::LoggedOut),
            Place::Gone => Err(ErrorId::NotInSession),
        }
    }

    /// A position above the newest event is the newest (wire §4.2).
    fn lowered(&self, session: usize, after: u32) -> u32 {
        after.min(self.sessions[session].last())
    }
}
