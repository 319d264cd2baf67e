//! How a session begins (B4.3), and how people come into one.

use alloc::boxed::Box;

use crate::ask::{Contact, Interaction, Outcome, Record, Request};
use crate::frame::{ErrorId, KvList, ProtocolType, UserType};
use crate::id::{InteractionId, LinkId};
use crate::refusal::Refusal;
use crate::session::Session;
use crate::session::asynchrony::{AsyncStatus, Asynchrony};
use crate::session::creating::{Creating, Stage};
use crate::session::newcomer::Newcomer;
use crate::session::outbox::{Answer, Step};
use crate::session::phase::{Phase, Turn};
use crate::session::roster::{Participant, PartyNo, Seat};
use crate::session::transcript::{More, What, Words};
use crate::session::user::Place;
use crate::session::view::{BOT, PARTY_STYLE};
use crate::session::visibility::Audience;
use crate::slab::Key;
use crate::text::{Str, Text};

use super::Server;
use super::asks::Purpose;
use super::async_chat::{ASYNC_CHECK_AT, ASYNC_STATUS};

/// User data of a Join that is for the server and not for the others.
const SESSION_PASSWORD: &str = "GCTI_Chat_SessionPassword";
const WEBAPI_TOKEN: &str = "ChatServerWebapiToken";
const SET_PARTY_STYLE: &str = "GCTI_Chat_SetPartyStyle";

impl Server {
    /// Begins a session; the newcomer is answered when everything it needs is made.
    pub(super) fn create(
        &mut self,
        newcomer: Newcomer,
        queue_key: Option<&str>,
        subject: Option<Text>,
    ) -> Result<(), Refusal> {
        if self.draining {
            return Err(ErrorId::LimitReached.into());
        }
        self.admits_session()?;
        self.config_allows_subject(subject.as_ref())?;
        let endpoint = self.config.queue(queue_key).map_err(|_| ErrorId::UnknownEndpoint)?;
        let (link, seat) = (newcomer.link, newcomer.seat);
        let (tenant, queue) = (Str::new(endpoint.tenant), Str::new(endpoint.queue));
        let mut session = Session::new(self.ids.session_id(), self.stamp());
        session.tenant = tenant.clone();
        session.queue = queue;
        session.subject = subject;
        session.user_data = public(&newcomer.user_data);
        let brought = newcomer.user_data.text(SESSION_PASSWORD);
        session.password = match brought.filter(|_| newcomer.protocol == ProtocolType::Basic) {
            Some(password) => Some(crate::pii::Secret::new(&password)),
            None if self.config.settings.session_password_enforce => Some(self.ids.secret()),
            None => None,
        };
        let id = session.id.clone();
        let identify = Contact::Identify { tenant, user_data: session.user_data.clone() };
        session.creating = Some(Box::new(Creating {
            stage: Stage::Identify,
            newcomer,
            contact: None,
            abandoned: false,
        }));
        let key = self.sessions.insert(session).map_err(|_| ErrorId::LimitReached)?;
        self.by_interaction.insert(InteractionId::new(id.as_str()), key);
        self.by_id.insert(id, key);
        self.admission.sessions += 1;
        match seat {
            Seat::Flex(user) => self.place(user, Place::Creating(key)),
            Seat::Basic(_) | Seat::Voice => {
                if let Some(there) = self.links.link_mut(link) {
                    there.creating.push(key);
                }
            }
        }
        self.ask(key, |_| Purpose::Create, Request::Contact(identify));
        Ok(())
    }

    /// The answer to the question of one stage leads to the next.
    pub(super) fn go_on_creating(&mut self, key: Key<Session>, outcome: Outcome) {
        let check_at = self.async_check_at();
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(creating) = &mut session.creating else { return };
        let request = match creating.stage {
            Stage::Identify => {
                // A contact store that does not answer does not hold a chat up (B4.3).
                if let Outcome::Identified { contact, .. } = outcome {
                    creating.contact = contact;
                }
                creating.stage = Stage::Record;
                Request::Record(Record::Create {
                    session: session.id.clone(),
                    contact: creating.contact.clone(),
                    start_at: session.start_at,
                    subject: session.subject.clone(),
                    user_data: session.user_data.clone(),
                })
            }
            Stage::Record => {
                creating.stage = Stage::Submit;
                let mut properties = session.properties();
                if session.is_async() {
                    let status = alloc::string::ToString::to_string(&AsyncStatus::New.number());
                    properties.push(ASYNC_STATUS, &*status);
                    properties.push(ASYNC_CHECK_AT, &*check_at);
                }
                Request::Interaction(Interaction::Submit {
                    interaction: session.interaction.clone(),
                    tenant: session.tenant.clone(),
                    queue: session.queue.clone(),
                    properties,
                })
            }
            Stage::Submit if creating.abandoned || matches!(outcome, Outcome::Failed(_)) => {
                return self.not_created(key, ErrorId::StoreUnavailable);
            }
            Stage::Submit => return self.created(key),
        };
        self.ask(key, |_| Purpose::Create, request);
    }

    fn created(&mut self, key: Key<Session>) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(creating) = session.creating.take() else { return };
        if session.is_async() {
            session.asynchrony = Some(Asynchrony::new(self.now));
        }
        self.no_longer_creating(key, creating.newcomer.link);
        self.turn(key, Turn::Created);
        self.enter(key, creating.newcomer);
    }

    /// Nothing remains of a session that could not be made.
    fn not_created(&mut self, key: Key<Session>, error: ErrorId) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let creating = session.creating.take();
        // It may have been submitted, whatever the answer says.
        let stop = Interaction::Stop { interaction: session.interaction.clone() };
        self.ask(key, |_| Purpose::Change, Request::Interaction(stop));
        self.turn(key, Turn::NotCreated);
        if let Some(creating) = creating.filter(|creating| !creating.abandoned) {
            let Newcomer { link, reference, seat, .. } = creating.newcomer;
            if let Seat::Flex(user) = seat {
                self.place(user, Place::Outside);
            }
            self.no_longer_creating(key, link);
            self.refuse(link, reference, error.into());
        }
    }

    fn no_longer_creating(&mut self, key: Key<Session>, link: LinkId) {
        if let Some(there) = self.links.link_mut(link) {
            there.creating.retain(|creating| *creating != key);
        }
    }

    /// The creator of a session is gone before it was made: undone (B4.3). A submitted interaction is
    /// stopped once the submission is answered, lest the stop overtake it.
    pub(super) fn undo_creations(&mut self, keys: &[Key<Session>]) {
        for &key in keys {
            let Some(session) = self.sessions.get_mut(key) else { continue };
            let Some(creating) = &mut session.creating else { continue };
            let Newcomer { link, reference, seat, .. } = creating.newcomer;
            creating.abandoned = true;
            if creating.stage != Stage::Submit {
                session.creating = None;
                self.turn(key, Turn::NotCreated);
            }
            // Whoever creates may be gone, and the connection still there to be answered on.
            let error = match seat {
                Seat::Basic(_) => ErrorId::NotRegistered,
                Seat::Flex(_) | Seat::Voice => ErrorId::NotInSession,
            };
            self.refuse(link, reference, error.into());
        }
    }

    /// Lets somebody into an open session, and answers them.
    pub(super) fn enter(&mut self, key: Key<Session>, newcomer: Newcomer) {
        let Newcomer { link, reference, protocol, seat, who, .. } = newcomer;
        let Newcomer { visibility, user_data, greeting, after, .. } = newcomer;
        let stamp = self.stamp();
        let user_id = match seat {
            // A flex user's first participation has the id of its Login (B1.2).
            Seat::Flex(_) => who.user_id.clone(),
            Seat::Basic(_) | Seat::Voice => self.ids.user_id(),
        };
        let Some(session) = self.sessions.get_mut(key) else { return };
        let bot = who.user_type != UserType::Client
            && user_data.text(SET_PARTY_STYLE).is_some_and(|style| style == BOT);
        let mut shown = public(&who.user_data);
        for entry in &public(&user_data) {
            shown.push(&entry.key, entry.value.clone());
        }
        // The mark of a bot is the server's to give.
        shown.retain(|entry| &*entry.key != PARTY_STYLE);
        if bot {
            shown.push(PARTY_STYLE, BOT);
        }
        let Some(joined) = session.transcript.last().next() else { return };
        let party = session.roster.add(Participant {
            user_id,
            user_type: who.user_type,
            visibility,
            protocol,
            nickname: who.nickname,
            person_id: who.person_id,
            time_zone_offset: who.time_zone_offset,
            client_version: who.client_version,
            user_data: shown,
            bot,
            seat,
            number: 0,
            joined,
            left: None,
        });
        let audience = Audience { sender: party, receiver: None, visibility };
        let before = session.transcript.last();
        let greeting = greeting.map(|text| Words::new(text, More::default()));
        let to = session.happen(audience, What::NewParty(greeting), stamp);
        let answer = match seat {
            Seat::Flex(user) => {
                self.place(user, Place::Inside(key, party));
                Answer::Flex { link, reference, party, after: Some(after) }
            }
            Seat::Basic(_) | Seat::Voice => {
                if let Some(there) = self.links.link_mut(link) {
                    there.seats.push((key, party));
                }
                Answer::Basic { link, reference, party, join: Some(after) }
            }
        };
        self.commit(key, Step::new(before, to, Some(answer)));
    }

    /// Whether somebody may come into a session: that it goes on, that there is room, and that they
    /// know its password (B3.7).
    pub(super) fn may_enter(&self, key: Key<Session>, user_data: &KvList) -> Result<(), Refusal> {
        let Some(session) = self.sessions.get(key) else {
            return Err(ErrorId::NoSuchSession.into());
        };
        match session.phase {
            Phase::Creating => return Err(ErrorId::Restoring.into()),
            Phase::Closed | Phase::Gone => return Err(ErrorId::SessionClosed.into()),
            Phase::Open => {}
        }
        if session.outbox.is_full() {
            return Err(ErrorId::StoreUnavailable.into());
        }
        if !session.has_room(&self.config.limits) {
            return Err(ErrorId::LimitReached.into());
        }
        let limit = self.config.limits.max_participants as usize;
        let ever = crate::limits::Limits::MAX_PARTICIPATIONS as usize;
        if session.roster.present().len() >= limit || session.roster.ever() >= ever {
            return Err(ErrorId::LimitReached.into());
        }
        if let Some(password) = &session.password {
            let shown =
                user_data.text(SESSION_PASSWORD).map(|shown| crate::pii::Secret::new(&shown));
            if shown.as_ref() != Some(password) {
                return Err(ErrorId::SessionPassword.into());
            }
        }
        Ok(())
    }
}

/// User data without what is between one participant and the server (B3.7, B20.10).
fn public(user_data: &KvList) -> KvList {
    let mut public = user_data.clone();
    public.retain(|entry| !matches!(&*entry.key, SESSION_PASSWORD | WEBAPI_TOKEN));
    public
}

/// The participation that a request names, or that asks.
pub(super) fn other(session: &Session, user_id: &crate::id::UserId) -> Option<PartyNo> {
    session.roster.by_user_id(user_id).filter(|party| session.roster.present().contains(party))
}
