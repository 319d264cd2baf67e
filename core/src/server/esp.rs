//! ESP: calls of the workflow (§14 of the behaviour).

use alloc::boxed::Box;
use alloc::string::String;

use crate::door::Action;
use crate::frame::esp::{Envelope, Event, Request, Request3rdServer};
use crate::frame::{ErrorId, Frame, KvList, NoticeType, ProtocolType, UserType, Visibility};
use crate::id::{EventId, InteractionId, LinkId, SessionId};
use crate::pii::Pii;
use crate::refusal::Refusal;
use crate::session::Session;
use crate::session::asynchrony::AsyncStatus;
use crate::session::outbox::{Answer, Step};
use crate::session::phase::Phase;
use crate::session::roster::{Participant, PartyNo, Seat};
use crate::session::transcript::{More, Reason, What, Words};
use crate::session::visibility::Audience;
use crate::slab::Key;
use crate::text::{Str, Text};

use super::Server;
use super::lists::read_lists;

/// The only service there is.
const SERVICE: &str = "Chat";
/// What a workflow is called that does not say.
const NICKNAME: &str = "System";
/// Parameter of a call that restores its session if this server does not hold it (B20.2).
const INDUCE_RESTORE: &str = "InduceRestore";
/// Key of the session a call is about, in the user data or the parameters.
const INTERACTION_ID: &str = "InteractionId";

impl Server {
    /// A call.
    pub(super) fn esp(&mut self, link: LinkId, reference: u32, request: Request) {
        let Request::Request3rdServer(mut call) = request;
        let done = read_lists(&call.envelope.parameters).and_then(|parameters| {
            call.envelope.parameters = parameters;
            self.try_esp(link, reference, &call)
        });
        let Err(refusal) = done else { return };
        if refusal.id == ErrorId::NoSuchSession
            && is_true(&call.envelope.parameters, INDUCE_RESTORE)
        {
            return self.sought_by_workflow(link, reference, call);
        }
        self.refuse_esp(link, reference, &call.envelope, refusal);
    }

    fn try_esp(
        &mut self,
        link: LinkId,
        reference: u32,
        call: &Request3rdServer,
    ) -> Result<(), Refusal> {
        let envelope = &call.envelope;
        if &*envelope.service != SERVICE {
            return Err(Refusal::because(ErrorId::Malformed, "unknown service"));
        }
        let parameters = &envelope.parameters;
        match &*envelope.method {
            "Message" => {
                let key = self.open_session(call)?;
                let text = parameters
                    .text("MessageText")
                    .ok_or(Refusal::because(ErrorId::Malformed, "MessageText is missing"))?;
                let words = Text::new(&text);
                self.config_allows_text(Some(&words))?;
                let more = More {
                    message_type: parameters.text("MessageType").map(|kind| Str::new(&kind)),
                    event_attributes: self.esp_attributes(parameters)?,
                    ..More::default()
                };
                let what = What::Message(Words::new(words, more));
                self.speak(key, what, link, reference, envelope)
            }
            "Notice" => {
                let key = self.open_session(call)?;
                let notice = match parameters.text("NoticeType").as_deref() {
                    Some("USER_PUSHED_URL") => NoticeType::UserPushedUrl,
                    Some("USER_CUSTOM") => NoticeType::UserCustom,
                    Some(_) => {
                        return Err(Refusal::because(ErrorId::Malformed, "unknown NoticeType"));
                    }
                    None => {
                        return Err(Refusal::because(ErrorId::Malformed, "NoticeType is missing"));
                    }
                };
                let text = parameters.text("NoticeText").unwrap_or_default();
                self.config_allows_notice(notice, &text)?;
                let more =
                    More { event_attributes: self.esp_attributes(parameters)?, ..More::default() };
                let what = What::Notice(notice, Some(Words::new(Text::new(&text), more)));
                self.speak(key, what, link, reference, envelope)
            }
            "PlaceOnHold" => {
                let key = self.open_session(call)?;
                if self.sessions.get(key).is_none_or(|session| session.asynchrony.is_none()) {
                    return Err(ErrorId::AsyncOnly.into());
                }
                self.set_async_status(key, AsyncStatus::Hold, false);
                self.respond(key, link, reference, envelope, &KvList::new());
                Ok(())
            }
            "IdleControlConfigure" => {
                let key = self.open_session(call)?;
                self.configure_idle_control(key, parameters)?;
                self.respond(key, link, reference, envelope, &KvList::new());
                Ok(())
            }
            "ConfigureSession" => {
                let key = self.open_session(call)?;
                self.configure_session(key, parameters)?;
                self.respond(key, link, reference, envelope, &KvList::new());
                Ok(())
            }
            "CloseSession" if is_true(parameters, "Purge") => {
                let key = self.called_session(call)?;
                let is_dropped = self.purge_as_asked(key, parameters)?;
                let outputs = KvList::from([("IsClosed", i32::from(is_dropped).into())]);
                let answer = envelope.answer(self.outputs(&outputs));
                self.send_esp(link, reference, Event::Event3rdServerResponse(answer));
                Ok(())
            }
            "CloseSession" => self.close_session(link, reference, call),
            "GetSessionInfo" => {
                let key = self.open_session(call)?;
                let Some(session) = self.sessions.get(key) else { return Ok(()) };
                let info = KvList::from([
                    ("CreatedAt", (&*session.start_at.written()).into()),
                    ("IsRestored", i32::from(session.generation > 1).into()),
                ]);
                let outputs = KvList::from([("SessionInfo", info.into())]);
                self.respond(key, link, reference, envelope, &outputs);
                Ok(())
            }
            _ => Err(Refusal::because(ErrorId::Malformed, "unknown method")),
        }
    }

    /// A voice without a seat says something; its newParty comes just before its first words (B14.1).
    fn speak(
        &mut self,
        key: Key<Session>,
        what: What,
        link: LinkId,
        reference: u32,
        envelope: &Envelope,
    ) -> Result<(), Refusal> {
        let parameters = &envelope.parameters;
        let visibility = match parameters.text("Visibility").as_deref() {
            None | Some("ALL") => Visibility::All,
            Some("INT") => Visibility::Int,
            Some("VIP") => Visibility::Vip,
            Some(_) => return Err(Refusal::because(ErrorId::Malformed, "unknown Visibility")),
        };
        let nickname = parameters.text("Nickname").unwrap_or(NICKNAME.into());
        let nickname = super::basic::nickname(&nickname)?;
        let stamp = self.stamp();
        let Some(session) = self.sessions.get_mut(key) else { return Ok(()) };
        if !session.has_room(&self.config.limits) {
            return Err(ErrorId::LimitReached.into());
        }
        let before = session.transcript.last();
        let voice = session.roster.voice(UserType::External, nickname.reveal(), visibility);
        let party = match voice {
            Some(party) => party,
            None => self.new_voice(key, UserType::External, nickname, visibility)?,
        };
        let Some(session) = self.sessions.get_mut(key) else { return Ok(()) };
        let audience = Audience { sender: party, receiver: None, visibility };
        let to = session.happen(self.masker.as_ref(), audience, what, stamp);
        // Counts from 0 where event ids count from 1 (B5.1).
        let position = i32::try_from(to.number() - 1).unwrap_or(i32::MAX);
        let outputs = self.outputs(&KvList::from([("ScriptPos", position.into())]));
        let envelope = Box::new(envelope.answer(outputs));
        let answer = Answer::Esp { link, reference, envelope, party };
        self.commit(key, Step::new(before, to, Some(answer)));
        Ok(())
    }

    /// A voice appears (B14.1): its newParty is applied, and told with what it says.
    pub(super) fn new_voice(
        &mut self,
        key: Key<Session>,
        user_type: UserType,
        nickname: Pii<Str>,
        visibility: Visibility,
    ) -> Result<PartyNo, Refusal> {
        let (user_id, stamp) = (self.ids.user_id(), self.stamp());
        let limit = self.config.limits.max_external_names as usize;
        let Some(session) = self.sessions.get_mut(key) else {
            return Err(ErrorId::NoSuchSession.into());
        };
        let ever = crate::limits::Limits::MAX_PARTICIPATIONS as usize;
        let names = session.roster.voices(user_type);
        if session.roster.ever() >= ever || names >= limit {
            return Err(ErrorId::LimitReached.into());
        }
        let joined = session.transcript.last().next().ok_or(ErrorId::LimitReached)?;
        let protocol =
            if user_type == UserType::External { ProtocolType::Esp } else { ProtocolType::None };
        let party = session.roster.add(Participant {
            user_id,
            user_type,
            visibility,
            protocol,
            nickname,
            person_id: None,
            time_zone_offset: None,
            client_version: None,
            user_data: KvList::new(),
            bot: false,
            seat: Seat::Voice,
            number: 0,
            joined,
            fetched: EventId::NONE,
            left: None,
        });
        let audience = Audience { sender: party, receiver: None, visibility };
        session.happen(self.masker.as_ref(), audience, What::NewParty(None), stamp);
        Ok(party)
    }

    fn close_session(
        &mut self,
        link: LinkId,
        reference: u32,
        call: &Request3rdServer,
    ) -> Result<(), Refusal> {
        let key = self.called_session(call)?;
        let parameters = &call.envelope.parameters;
        let if_no_agents = is_true(parameters, "CloseIfNoAgents");
        self.may_wait(key)?;
        let Some(session) = self.sessions.get(key) else { return Ok(()) };
        let closed = match session.phase {
            Phase::Creating | Phase::Sought | Phase::Restoring | Phase::Leaving => {
                return Err(ErrorId::Restoring.into());
            }
            Phase::Closed | Phase::Gone => true,
            Phase::Open if if_no_agents && session.roster.has_agent() => false,
            Phase::Open => {
                self.close(key, Reason::Server);
                true
            }
        };
        let outputs = KvList::from([("IsClosed", i32::from(closed).into())]);
        self.respond(key, link, reference, &call.envelope, &outputs);
        Ok(())
    }

    /// Answers a call that caused nothing of its own, behind what waits.
    fn respond(
        &mut self,
        key: Key<Session>,
        link: LinkId,
        reference: u32,
        envelope: &Envelope,
        outputs: &KvList,
    ) {
        let outputs = self.outputs(outputs);
        let envelope = Box::new(envelope.answer(outputs));
        self.answer_saved(key, Answer::Esp { link, reference, envelope, party: PartyNo(u16::MAX) });
    }

    /// What every response has, and these.
    fn outputs(&self, more: &KvList) -> KvList {
        let mut outputs = KvList::from([("OccuredAt", (&*self.stamp().written()).into())]);
        for entry in more {
            outputs.push(&entry.key, entry.value.clone());
        }
        outputs
    }

    /// The session a call is about, which must go on.
    fn open_session(&self, call: &Request3rdServer) -> Result<Key<Session>, Refusal> {
        let key = self.called_session(call)?;
        match self.sessions.get(key).map(|session| session.phase) {
            Some(Phase::Open) => self.may_wait(key).map(|()| key),
            Some(Phase::Creating | Phase::Sought | Phase::Restoring | Phase::Leaving) => {
                Err(ErrorId::Restoring.into())
            }
            Some(Phase::Closed) => Err(ErrorId::SessionClosed.into()),
            Some(Phase::Gone) | None => Err(ErrorId::NoSuchSession.into()),
        }
    }

    /// Whether one more call may wait for what its session still has to tell.
    fn may_wait(&self, key: Key<Session>) -> Result<(), Refusal> {
        match self.sessions.get(key) {
            Some(session) if session.outbox.is_full() => Err(ErrorId::StoreUnavailable.into()),
            Some(_) | None => Ok(()),
        }
    }

    /// The session of the InteractionId in the parameters, else in the user data (B14.9).
    pub(super) fn called_session(&self, call: &Request3rdServer) -> Result<Key<Session>, Refusal> {
        let id = Self::called_id(call)?;
        let by_interaction = self.by_interaction.get(&InteractionId::new(&id)).copied();
        let by_id = || self.by_id.get(&SessionId::new(&id)).copied();
        by_interaction.or_else(by_id).ok_or_else(|| ErrorId::NoSuchSession.into())
    }

    /// The InteractionId of a call, which may be that of an interaction or of a session (B14.9).
    pub(super) fn called_id(call: &Request3rdServer) -> Result<String, Refusal> {
        let of = |list: &KvList| list.text(INTERACTION_ID).map(alloc::borrow::Cow::into_owned);
        let id = of(&call.envelope.parameters).or_else(|| call.user_data.as_ref().and_then(of));
        id.ok_or(Refusal::because(ErrorId::Malformed, "InteractionId is missing"))
    }

    fn esp_attributes(&self, parameters: &KvList) -> Result<Option<KvList>, Refusal> {
        let attributes = parameters.list("EventAttributes").filter(|list| !list.is_empty());
        self.config_allows_attributes(attributes)?;
        Ok(attributes.map(super::say::without_system).filter(|list| !list.is_empty()))
    }

    pub(super) fn send_esp(&mut self, link: LinkId, reference: u32, event: Event) {
        let frame = Frame::new(reference, event.into());
        self.actions.push_back(Action::Send { link, frame });
    }

    pub(super) fn refuse_esp(
        &mut self,
        link: LinkId,
        reference: u32,
        envelope: &Envelope,
        refusal: Refusal,
    ) {
        let parameters = KvList::from([
            ("FaultCode", refusal.id.number().into()),
            ("FaultString", refusal.text.unwrap_or(refusal.id.text()).into()),
        ]);
        self.send_esp(link, reference, Event::Event3rdServerFault(envelope.answer(parameters)));
    }
}

/// Only `true` is true.
fn is_true(parameters: &KvList, key: &str) -> bool {
    parameters.text(key).as_deref() == Some("true")
}
