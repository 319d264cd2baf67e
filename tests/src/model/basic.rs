//! What basic requests do (§3, §4, §7 and §8 of the behaviour).

use confer_core::frame::basic::{
    EventRegistered, Request, RequestJoin, RequestRegister, RequestReleaseParty,
};
use confer_core::frame::{
    AfterAction, ErrorId, Frame, KvList, NoticeType, UserType, Visibility, basic,
};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::text::Text;

use super::setting::REGISTER;
use super::state::{Answer, Deed, How, Model, Newcomer, Once, Person, Phase, Seat, What, Who};
use super::tell::basic_error;
use super::view::{reaches, since};

/// Something somebody says.
pub(super) struct Said {
    pub(super) notice: Option<NoticeType>,
    pub(super) text: Option<String>,
    pub(super) visibility: Option<Visibility>,
    pub(super) receiver: Option<String>,
    pub(super) user_data: Option<KvList>,
    pub(super) attributes: Option<KvList>,
    pub(super) once: Option<(Person, String)>,
}

impl Said {
    pub(super) const fn deed(&self) -> Deed {
        if self.notice.is_some() { Deed::Notify } else { Deed::Message }
    }
}

impl Model {
    pub(super) fn basic(&mut self, link: usize, reference: u32, request: Request) {
        let about = match &request {
            Request::RequestJoin(join) => join.session_id.clone(),
            Request::RequestMessage(message) => Some(message.session_id.clone()),
            Request::RequestNotify(notify) => Some(notify.session_id.clone()),
            Request::RequestReleaseParty(release) => Some(release.session_id.clone()),
            Request::RequestRegister(_) | Request::RequestUnregister => None,
        };
        let done = match request {
            Request::RequestRegister(register) => self.register(link, reference, &register),
            Request::RequestUnregister => self.unregister(link, reference),
            Request::RequestJoin(join) => self.join(link, reference, join),
            Request::RequestMessage(message) => {
                let said = Said {
                    notice: None,
                    text: Some(message.message_text.reveal().to_owned()),
                    visibility: message.visibility,
                    receiver: message.receiver_id.map(|id| id.as_str().to_owned()),
                    user_data: message.user_data,
                    attributes: message.event_attributes,
                    once: self.once_only(link, message.request_key.as_deref()),
                };
                self.say_basic(link, reference, &message.session_id, said)
            }
            Request::RequestNotify(notify) => {
                let said = Said {
                    notice: Some(notify.notice_type),
                    text: words(notify.notice_text.as_ref()),
                    visibility: notify.visibility,
                    receiver: notify.receiver_id.map(|id| id.as_str().to_owned()),
                    user_data: notify.user_data,
                    attributes: notify.event_attributes,
                    once: self.once_only(link, notify.request_key.as_deref()),
                };
                self.say_basic(link, reference, &notify.session_id, said)
            }
            Request::RequestReleaseParty(release) => self.release(link, reference, &release),
        };
        if let Err(error) = done {
            let about = about.filter(|id| self.named(id.as_str()).is_some());
            self.send(link, Frame::new(reference, basic_error(error, about).into()));
        }
    }

    /// Who registered on a connection (8302).
    fn who(&self, link: usize) -> Result<&Who, ErrorId> {
        self.links[link].who.as_ref().ok_or(ErrorId::NotRegistered)
    }

    /// B4.8: the same PersonId, else nickname.
    fn once_only(&self, link: usize, key: Option<&str>) -> Option<(Person, String)> {
        let who = self.who(link).ok()?;
        let person = match &who.person_id {
            Some(id) => Person::Id(id.clone()),
            None => Person::Nickname(who.nickname.clone()),
        };
        key.map(|key| (person, key.to_owned()))
    }

    fn register(
        &mut self,
        link: usize,
        reference: u32,
        register: &RequestRegister,
    ) -> Result<(), ErrorId> {
        if self.links[link].who.is_some() || self.links[link].leaving > 0 {
            return Err(ErrorId::AlreadyThere);
        }
        // B3.1: EXTERNAL and SYSTEM are not joined by anybody.
        if matches!(register.user_type, UserType::External | UserType::System) {
            return Err(ErrorId::UserTypeNotAllowed);
        }
        let who = Who {
            nickname: nickname(register.user_nickname.reveal())?,
            user_type: register.user_type,
            person_id: register.person_id.as_ref().map(|id| id.reveal().as_str().to_owned()),
            version: register.client_version,
            user_data: register.user_data.clone().unwrap_or_default(),
        };
        let user_id = UserId::new(&format!("R{}", self.registrations));
        self.registrations += 1;
        self.links[link].who = Some(who);
        self.links[link].register = None;
        // B6.1: absent: 101; above 106: agreed 106.
        let client_version = register.client_version.unwrap_or(101).clamp(101, 106);
        let registered = EventRegistered { user_id, client_version };
        let event = basic::Event::EventRegistered(registered);
        self.send(link, Frame::new(reference, event.into()));
        Ok(())
    }

    /// Leaves every session; the answer comes when all of it is told (B20.1).
    fn unregister(&mut self, link: usize, reference: u32) -> Result<(), ErrorId> {
        self.who(link)?;
        let seats = self.seats(link);
        self.links[link].who = None;
        self.links[link].leaving = seats.len() + 1;
        for session in std::mem::take(&mut self.links[link].creating) {
            self.undo(session);
        }
        for (session, party) in seats {
            let answer = Answer { link, reference, how: How::Unregistered };
            self.lose(session, party, None, Some(answer));
        }
        // B2.2: the time runs again.
        self.links[link].register = Some(self.after(REGISTER));
        self.left_one(link, reference);
        Ok(())
    }

    fn join(&mut self, link: usize, reference: u32, join: RequestJoin) -> Result<(), ErrorId> {
        let who = self.who(link)?.clone();
        let once = self.once_only(link, join.request_key.as_deref());
        if let Some(once) = &once
            && self.joined_before(link, reference, join.session_id.as_ref(), once)?
        {
            return Ok(());
        }
        let visibility = join.visibility.unwrap_or(Visibility::All);
        if !may_join(who.user_type, visibility) {
            return Err(ErrorId::Visibility);
        }
        let newcomer = Newcomer {
            link,
            reference,
            seat: Seat::Basic(link),
            who,
            visibility,
            user_data: join.user_data.unwrap_or_default(),
            greeting: words(join.message_text.as_ref()),
            once,
            after: join.last_position.unwrap_or_default().number(),
        };
        let Some(id) = join.session_id else {
            return self.create(newcomer, join.queue_key.as_deref());
        };
        let session = self.named(id.as_str()).ok_or(ErrorId::NoSuchSession)?;
        self.may_enter(session, &newcomer.user_data)?;
        // B4.5: once in each.
        if self.seat(link, session).is_some() {
            return Err(ErrorId::AlreadyThere);
        }
        self.enter(session, newcomer);
        Ok(())
    }

    /// B4.8: a Join that came before is answered as it was then, or waits for the same answer;
    /// whether it came before.
    fn joined_before(
        &mut self,
        link: usize,
        reference: u32,
        id: Option<&SessionId>,
        once: &(Person, String),
    ) -> Result<bool, ErrorId> {
        let session = match id {
            Some(id) => self.named(id.as_str()),
            None => self.sessions.iter().position(|session| {
                session.phase != Phase::Gone && session.creation.as_ref() == Some(once)
            }),
        };
        let Some(session) = session else { return Ok(false) };
        if matches!(self.sessions[session].phase, Phase::Creating(_)) {
            self.creates_again(session, link, reference, Some(once))?;
            return Ok(true);
        }
        Ok(self.joins_again(session, link, reference, once))
    }

    fn seat(&self, link: usize, session: usize) -> Option<usize> {
        let parties = &self.sessions[session].parties;
        parties.iter().position(|party| party.present && party.seat == Seat::Basic(link))
    }

    /// The open session of this id, and who this connection is in it.
    fn place(&self, link: usize, id: &SessionId) -> Result<(usize, usize), ErrorId> {
        self.who(link)?;
        let session = self.named(id.as_str()).ok_or(ErrorId::NoSuchSession)?;
        match self.sessions[session].phase {
            Phase::Creating(_) => Err(ErrorId::Restoring),
            Phase::Closed => Err(ErrorId::SessionClosed),
            Phase::Gone => Err(ErrorId::NoSuchSession),
            Phase::Open => {
                let party = self.seat(link, session).ok_or(ErrorId::NotInSession)?;
                Ok((session, party))
            }
        }
    }

    fn say_basic(
        &mut self,
        link: usize,
        reference: u32,
        id: &SessionId,
        said: Said,
    ) -> Result<(), ErrorId> {
        self.who(link)?;
        // B4.8: before every other state check.
        if let (Some((person, key)), Some(session)) = (&said.once, self.named(id.as_str()))
            && let Some(once) = self.once(session, person, said.deed(), key)
        {
            let how = How::Again(once.party, once.after, once.to, false);
            self.answer_in_turn(session, Answer { link, reference, how });
            return Ok(());
        }
        let (session, party) = self.place(link, id)?;
        self.say(session, party, said, Answer { link, reference, how: How::Basic(party) })
    }

    /// Somebody in an open session says something.
    pub(super) fn say(
        &mut self,
        session: usize,
        party: usize,
        said: Said,
        answer: Answer,
    ) -> Result<(), ErrorId> {
        let it = &self.sessions[session];
        let me = &it.parties[party];
        let (user_type, version) = (me.who.user_type, me.version());
        // B3.4: narrower than one's own, never wider, nor beyond one's type.
        let visibility = said.visibility.unwrap_or(me.visibility);
        if visibility < me.visibility || !may_join(user_type, visibility) {
            return Err(ErrorId::Visibility);
        }
        // B7.6: each must be able to see the other's newParty.
        let receiver = match &said.receiver {
            None => None,
            Some(id) => {
                let found = it.parties.iter().position(|party| party.user_id == *id);
                let found = found.filter(|&found| it.parties[found].present);
                let found = found.ok_or(ErrorId::Receiver)?;
                let other = &it.parties[found];
                let seen = reaches(user_type, other.visibility)
                    && reaches(other.who.user_type, me.visibility);
                Some(found).filter(|_| seen).ok_or(ErrorId::Receiver).map(Some)?
            }
        };
        let text = said.text.as_deref().unwrap_or_default();
        if let Some(notice) = said.notice {
            // B7.1: an absolute http or https URL.
            if notice == NoticeType::UserPushedUrl && !text.starts_with("https://") {
                return Err(ErrorId::Malformed);
            }
            // B6.2.
            if version < since(notice) {
                return Err(ErrorId::NoticeNotAllowed);
            }
            match notice {
                NoticeType::UserUpdateNick => drop(nickname(text)?),
                // B7.4. What does not stay cannot be confirmed.
                NoticeType::SysCommand if text == "read-confirm" => {
                    let read = said.user_data.as_ref().and_then(|data| data.text("last-event-id"));
                    let read = read.and_then(|read| read.parse::<u32>().ok());
                    let read =
                        read.filter(|&read| (1..=it.last()).contains(&read) && it.stays(read));
                    if read.and_then(|read| it.view(party, read)).is_none() {
                        return Err(ErrorId::Malformed);
                    }
                }
                // Unknown commands, and what only the server says (B7.5).
                NoticeType::SysCommand
                | NoticeType::IdleControlAlert
                | NoticeType::IdleControlClose
                | NoticeType::IdleControlSet => return Err(ErrorId::NoticeNotAllowed),
                NoticeType::UserCustom
                | NoticeType::UserPushedUrl
                | NoticeType::UserTypingStarted
                | NoticeType::UserTypingStopped => {}
            }
        }
        let passes = match said.notice {
            Some(NoticeType::SysCommand) => text == "read-confirm",
            Some(notice) => {
                matches!(notice, NoticeType::UserTypingStarted | NoticeType::UserTypingStopped)
            }
            None => false,
        };
        if passes && self.has_no_id(session) {
            self.answer_in_turn(session, answer);
            return Ok(());
        }
        let deed = said.deed();
        // B6.2, B7.7: attributes of an older client, and what is the server's, are ignored.
        let mut attributes = said.attributes.filter(|_| version >= 106);
        if let Some(attributes) = &mut attributes {
            attributes.retain(|entry| &*entry.key != "GCTI_SYSTEM");
        }
        let attributes = attributes.filter(|attributes| !attributes.is_empty());
        let what = match said.notice {
            None => What::Message(text.to_owned(), attributes),
            Some(notice) => {
                let text = said.text.or_else(|| said.user_data.is_some().then(String::new));
                What::Notice(notice, text, said.user_data)
            }
        };
        let stamp = self.stamp();
        let it = &mut self.sessions[session];
        let before = it.last();
        let to = it.happen(party, receiver, visibility, what, stamp);
        if let Some((person, key)) = said.once {
            it.keys.push(Once { person, deed, key, party, after: before, to });
            it.changed = true;
        }
        self.happened(session, before, Some(answer));
        Ok(())
    }

    fn release(
        &mut self,
        link: usize,
        reference: u32,
        release: &RequestReleaseParty,
    ) -> Result<(), ErrorId> {
        let (session, asker) = self.place(link, &release.session_id)?;
        let it = &self.sessions[session];
        let action = release.after_action.unwrap_or(AfterAction::KeepAlive);
        let user_type = it.parties[asker].who.user_type;
        let whom = match &release.user_id {
            None => asker,
            Some(id) => {
                let found = it.parties.iter().position(|party| party.user_id == id.as_str());
                found.filter(|&found| it.parties[found].present).ok_or(ErrorId::NotInSession)?
            }
        };
        // B8.1.
        if user_type == UserType::Client && (whom != asker || action != AfterAction::KeepAlive) {
            return Err(ErrorId::NotAllowed);
        }
        if whom != asker && !reaches(user_type, it.parties[whom].visibility) {
            return Err(ErrorId::NotInSession);
        }
        let reason = release.user_data.as_ref().and_then(|data| data.text("GCTI_Chat_LeaveReason"));
        self.sessions[session].transfer = reason.as_deref() == Some("transfer");
        let answer = Answer { link, reference, how: How::Basic(asker) };
        self.leave(session, whom, asker, action, words(release.message_text.as_ref()), answer);
        Ok(())
    }
}

/// B3.1.
pub(super) fn may_join(user_type: UserType, visibility: Visibility) -> bool {
    let levels: &[Visibility] = match user_type {
        UserType::Client => &[Visibility::All],
        UserType::Agent => &[Visibility::All, Visibility::Int],
        UserType::Supervisor => &[Visibility::All, Visibility::Int, Visibility::Vip],
        UserType::External | UserType::System => &[],
    };
    levels.contains(&visibility)
}

/// B3.8.
pub(super) fn nickname(written: &str) -> Result<String, ErrorId> {
    let trimmed = written.trim();
    match trimmed.chars().count() {
        1..=255 => Ok(trimmed.to_owned()),
        _ => Err(ErrorId::Malformed),
    }
}

pub(super) fn words(text: Option<&Text>) -> Option<String> {
    text.map(|text| text.reveal().to_owned())
}

pub(super) fn position(id: Option<EventId>) -> Option<u32> {
    id.map(EventId::number)
}
