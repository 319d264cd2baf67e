//! How a session begins (B4.3), and how people come into one.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::ask::{Contact, Interaction, LeafKind, Outcome, Record, Request};
use crate::door::Identity;
use crate::frame::{ErrorId, KvList, ProtocolType, UserType};
use crate::id::{EventId, InteractionId, LinkId};
use crate::pii::{Fingerprint, Secret};
use crate::refusal::Refusal;
use crate::session::Session;
use crate::session::asynchrony::{AsyncStatus, Asynchrony};
use crate::session::creating::{Creating, Stage};
use crate::session::dossier::Guest;
use crate::session::keeping::State;
use crate::session::keys::{Done, Kind, Person};
use crate::session::language::Language;
use crate::session::newcomer::{MAX_ENTRIES, Newcomer};
use crate::session::outbox::{Answer, Step};
use crate::session::phase::{Phase, Turn};
use crate::session::roster::{Participant, PartyNo, Seat};
use crate::session::transcript::{More, Reason, What, Words};
use crate::session::user::Place;
use crate::session::view::{BOT, PARTY_STYLE};
use crate::session::visibility::Audience;
use crate::slab::Key;
use crate::text::{Str, Text};

use super::Server;
use super::asks::Purpose;
use super::async_chat::{ASYNC_CHECK_AT, ASYNC_STATUS};

/// Properties one interaction has at most, those that the server adds left out.
const MAX_PROPERTIES: usize = MAX_ENTRIES - 32;
/// Repetitions of one creating Join that may wait for its answer; one more is refused with 8317.
const MAX_AGAIN: usize = 4;
/// Properties of the interaction: which server has its session, and where (B19.3).
const APP_NAME: &str = "ChatServerAppName";
const HOST: &str = "ChatServerHost";
const PORT: &str = "ChatServerPort";
/// Property of the interaction: whose it is (B19.1).
const CONTACT_ID: &str = "ContactId";

/// User data of a Join that is for the server and not for the others.
const SESSION_PASSWORD: &str = "GCTI_Chat_SessionPassword";
pub(super) const WEBAPI_TOKEN: &str = "ChatServerWebapiToken";
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
        session.user_data = public(&newcomer.brought());
        if session.user_data.len() > MAX_PROPERTIES
            || session.user_data.size() > self.config.limits.session_user_data_max_size as usize
        {
            return Err(ErrorId::LimitReached.into());
        }
        session.language = Language::of(&session.user_data);
        let password = newcomer.user_data.text(SESSION_PASSWORD);
        let password = match password.filter(|_| newcomer.protocol == ProtocolType::Basic) {
            Some(password) => Some(Secret::new(&password)),
            None if self.config.settings.session_password_enforce => Some(self.ids.secret()),
            None => None,
        };
        let token = self.ids.secret();
        session.dossier.password = password.as_ref().map(Fingerprint::of);
        session.dossier.token = Some(Fingerprint::of(&token));
        let creation = newcomer.request_key.clone().map(|key| (newcomer.person(), key));
        let creation = creation.filter(|_| newcomer.protocol == ProtocolType::Basic);
        session.creation = creation.map(Box::new);
        let stage = if self.config.settings.use_contact_server {
            session.keeping.state = State::Missing { making: true };
            Stage::Identify
        } else {
            Stage::Submit
        };
        session.creating = Some(Box::new(Creating {
            stage,
            newcomer,
            attributes: KvList::new(),
            token,
            password,
            again: Vec::new(),
            abandoned: false,
            stopped: false,
        }));
        let (id, creation) = (session.id.clone(), session.creation.clone());
        let key = self.sessions.insert(session).map_err(|_| ErrorId::LimitReached)?;
        self.by_interaction.insert(InteractionId::new(id.as_str()), key);
        self.by_id.insert(id, key);
        if let Some(creation) = creation {
            self.creations.insert(*creation, key);
        }
        self.admission.sessions += 1;
        match seat {
            Seat::Flex(user) => self.place(user, Place::Creating(key)),
            Seat::Basic(_) | Seat::Voice | Seat::Former => {
                if let Some(there) = self.links.link_mut(link) {
                    there.creating.push(key);
                }
            }
        }
        self.creating_asks(key);
        Ok(())
    }

    /// Lets a repeated Join wait for the answer to the first one, if that still creates (B4.8).
    pub(super) fn creates_again(
        &mut self,
        key: Key<Session>,
        (link, reference): (LinkId, u32),
        person: &Person,
        request_key: Option<&Str>,
    ) -> Result<(), Refusal> {
        let creating = self.sessions.get_mut(key).and_then(|session| session.creating.as_mut());
        let Some(creating) = creating else { return Err(ErrorId::Restoring.into()) };
        let same = request_key.is_some()
            && creating.newcomer.request_key.as_ref() == request_key
            && creating.newcomer.person() == *person;
        if !same || creating.again.len() >= MAX_AGAIN {
            return Err(ErrorId::Restoring.into());
        }
        creating.again.push((link, reference));
        Ok(())
    }

    /// What a creation asks for in its present stage.
    fn creating_asks(&mut self, key: Key<Session>) {
        let check_at = self.async_check_at();
        let Some(session) = self.sessions.get(key) else { return };
        let Some(creating) = &session.creating else { return };
        let request = match creating.stage {
            Stage::Identify => Request::Contact(Contact::Identify {
                tenant: session.tenant.clone(),
                user_data: session.user_data.clone(),
            }),
            Stage::Record => Request::Record(session.new_record()),
            Stage::Submit => {
                let mut properties = session.properties();
                if let Some(password) = &creating.password {
                    properties.push("ChatServerSessionPassword", password.reveal());
                }
                properties.push(WEBAPI_TOKEN, creating.token.reveal());
                self.identify(&mut properties);
                for entry in &creating.attributes {
                    // What the customer says now counts for more than what they said once (B19.1).
                    if properties.value(&entry.key).is_none() && properties.len() < MAX_PROPERTIES {
                        properties.push(&entry.key, entry.value.clone());
                    }
                }
                if let Some(contact) = &session.contact {
                    properties.push(CONTACT_ID, contact.as_str());
                }
                if session.is_async() {
                    let status = alloc::string::ToString::to_string(&AsyncStatus::New.number());
                    properties.push(ASYNC_STATUS, &*status);
                    properties.push(ASYNC_CHECK_AT, &*check_at.written());
                }
                Request::Interaction(Interaction::Submit {
                    interaction: session.interaction.clone(),
                    tenant: session.tenant.clone(),
                    queue: session.queue.clone(),
                    properties,
                })
            }
        };
        self.ask(key, |_| Purpose::Create, request);
    }

    /// The answer to the question of one stage leads to the next.
    pub(super) fn go_on_creating(&mut self, key: Key<Session>, outcome: Outcome) {
        if let Outcome::Submitted { interaction } = &outcome {
            self.call_interaction(key, interaction);
        }
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(creating) = &mut session.creating else { return };
        let failed = matches!(outcome, Outcome::Failed(_));
        if creating.abandoned {
            return self.not_created(key, ErrorId::StoreUnavailable);
        }
        creating.stage = match creating.stage {
            Stage::Identify => {
                // A contact store that does not answer does not hold a chat up (B4.3).
                if let Outcome::Identified { contact, attributes } = outcome {
                    session.contact = contact;
                    creating.attributes = attributes;
                }
                Stage::Record
            }
            Stage::Record => {
                session.keeping.state =
                    if failed { State::Missing { making: false } } else { State::Even };
                Stage::Submit
            }
            Stage::Submit if failed => return self.not_created(key, ErrorId::StoreUnavailable),
            Stage::Submit => return self.created(key),
        };
        self.creating_asks(key);
    }

    fn created(&mut self, key: Key<Session>) {
        let check_at = self.async_check_at();
        let Some(session) = self.sessions.get_mut(key) else { return };
        if session.is_async() {
            session.asynchrony = Some(Asynchrony::new(self.now, check_at));
        }
        // The record was begun under the id that was asked for (B14.9).
        let called = session.interaction.as_str() != session.id.as_str();
        if called && session.keeping.state == State::Even {
            let record = Record::Call {
                session: session.id.clone(),
                generation: session.generation,
                interaction: session.interaction.clone(),
            };
            self.ask(key, |_| Purpose::Change, Request::Record(record));
        }
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(creating) = session.creating.take() else { return };
        let Creating { newcomer, again, stopped, .. } = *creating;
        self.no_longer_creating(key, newcomer.link);
        self.turn(key, Turn::Created);
        if matches!(self.sessions.get(key), Some(there) if there.keeping.state != State::Even) {
            self.try_later(key);
        }
        let (person, request_key) = (newcomer.person(), newcomer.request_key.clone());
        self.enter(key, newcomer);
        for (link, reference) in again {
            self.joins_again(key, (link, reference), &person, request_key.as_ref());
        }
        if stopped || self.ending {
            self.close(key, Reason::Server);
        } else if self.draining {
            self.hand_over_also(key);
        }
    }

    /// Who has the session, for its interaction (B19.3).
    pub(super) fn identify(&self, properties: &mut KvList) {
        let Identity { name, host, port } = &self.identity;
        properties.retain(|entry| ![APP_NAME, HOST, PORT].contains(&&*entry.key));
        if !name.is_empty() {
            properties.push(APP_NAME, &**name);
        }
        if !host.is_empty() {
            properties.push(HOST, &**host);
            properties.push(PORT, &*alloc::string::ToString::to_string(port));
        }
    }

    /// The interaction server gave a session's interaction an id of its own (B14.9).
    fn call_interaction(&mut self, key: Key<Session>, id: &InteractionId) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let former = core::mem::replace(&mut session.interaction, id.clone());
        if self.by_interaction.get(&former) == Some(&key) {
            self.by_interaction.remove(&former);
        }
        // An id that is given twice stays with the session that had it first.
        self.by_interaction.entry(id.clone()).or_insert(key);
    }

    /// Answers a Join that came before as it was answered then, whatever has become of the session
    /// since (B4.8); whether it did.
    pub(super) fn joins_again(
        &mut self,
        key: Key<Session>,
        (link, reference): (LinkId, u32),
        person: &Person,
        request_key: Option<&Str>,
    ) -> bool {
        let (Some(session), Some(request_key)) = (self.sessions.get_mut(key), request_key) else {
            return false;
        };
        let Some(done) = session.keys.find(person, Kind::Join, request_key) else { return false };
        let Done { party, after, to, .. } = *done;
        let answer = match session.roster.party(party).protocol {
            ProtocolType::Flex => {
                // After a restoration, it is another participation of the same user's.
                let party = session.guest_of(party).map_or(party, |guest| guest.party);
                Answer::Flex { link, reference, party, after: Some(after) }
            }
            ProtocolType::Basic | ProtocolType::Esp | ProtocolType::None => {
                Answer::Again { link, reference, party, after, to, joins: true }
            }
        };
        if let Err(refusal) = self.answer_later(key, answer) {
            self.refuse(link, reference, refusal);
        }
        true
    }

    /// Nothing remains of a session that could not be made, or whose creator was lost meanwhile.
    fn not_created(&mut self, key: Key<Session>, error: ErrorId) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(creating) = session.creating.take() else { return };
        // Each may have taken effect, whatever the answer said.
        if creating.stage == Stage::Submit {
            let stop = Interaction::Stop { interaction: session.interaction.clone() };
            self.ask(key, |_| Purpose::Undo, Request::Interaction(stop));
        }
        let recorded = creating.stage != Stage::Identify && self.config.settings.use_contact_server;
        if let Some(session) = self.sessions.get(key).filter(|_| recorded) {
            let discard = Record::Discard { session: session.id.clone() };
            self.ask(key, |_| Purpose::Undo, Request::Record(discard));
        }
        self.turn(key, Turn::NotCreated);
        let Creating { newcomer, again, abandoned, .. } = *creating;
        if !abandoned {
            if let Seat::Flex(user) = newcomer.seat {
                self.place(user, Place::Outside);
            }
            self.no_longer_creating(key, newcomer.link);
            self.refuse(newcomer.link, newcomer.reference, error.into());
        }
        for (link, reference) in again {
            self.refuse(link, reference, error.into());
        }
    }

    fn no_longer_creating(&mut self, key: Key<Session>, link: LinkId) {
        if let Some(there) = self.links.link_mut(link) {
            there.creating.retain(|creating| *creating != key);
        }
    }

    /// The creator of a session is gone before it was made: undone (B4.3), once the question under way
    /// is answered, lest what undoes it overtake that.
    pub(super) fn undo_creations(&mut self, keys: &[Key<Session>]) {
        for &key in keys {
            let Some(session) = self.sessions.get_mut(key) else { continue };
            let Some(creating) = &mut session.creating else { continue };
            let Newcomer { link, reference, seat, .. } = creating.newcomer;
            creating.abandoned = true;
            // Whoever asks again with the same key creates anew.
            if let Some(creation) = session.creation.take() {
                self.creations.remove(&*creation);
            }
            // Whoever creates may be gone, and the connection still there to be answered on.
            let error = match seat {
                Seat::Basic(_) => ErrorId::NotRegistered,
                Seat::Flex(_) | Seat::Voice | Seat::Former => ErrorId::NotInSession,
            };
            self.refuse(link, reference, error.into());
        }
    }

    /// Lets somebody into an open session, and answers them.
    pub(super) fn enter(&mut self, key: Key<Session>, newcomer: Newcomer) {
        let person = newcomer.person();
        let Newcomer { link, reference, protocol, seat, who, .. } = newcomer;
        let Newcomer { visibility, user_data, greeting, after, request_key, .. } = newcomer;
        let stamp = self.stamp();
        let user_id = match seat {
            // A flex user's first participation has the id of its Login (B1.2).
            Seat::Flex(_) => who.user_id.clone(),
            Seat::Basic(_) | Seat::Voice | Seat::Former => self.ids.user_id(),
        };
        let secure_key = match seat {
            Seat::Flex(user) => self.users.user(user).map(|user| user.secure_key.fingerprint()),
            Seat::Basic(_) | Seat::Voice | Seat::Former => None,
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
            fetched: EventId::NONE,
            left: None,
        });
        if let Some(key) = secure_key {
            let guest = Guest { party, key, former: Vec::new(), removed: false };
            session.dossier.guests.push(guest);
            session.dossier.mark(LeafKind::Party, party.0.into());
        }
        let audience = Audience { sender: party, receiver: None, visibility };
        let before = session.transcript.last();
        let greeting = greeting.map(|text| Words::new(text, More::default()));
        let to = session.happen(self.masker.as_ref(), audience, What::NewParty(greeting), stamp);
        // A position nobody has reached yet is the newest before the Join (B4.7).
        let after = after.min(before);
        if let Some(key) = request_key {
            let place = session.keys.note(person, Done { key, kind: Kind::Join, party, after, to });
            session.dossier.mark(LeafKind::RequestKey, place);
        }
        let answer = match seat {
            Seat::Flex(user) => {
                self.place(user, Place::Inside(key, party));
                self.subscribe_on_join(key, party, user);
                Answer::Flex { link, reference, party, after: Some(after) }
            }
            Seat::Basic(_) | Seat::Voice | Seat::Former => {
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
            Phase::Creating | Phase::Sought | Phase::Restoring | Phase::Leaving => {
                return Err(ErrorId::Restoring.into());
            }
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
        if let Some(password) = &session.dossier.password {
            let shown = user_data.text(SESSION_PASSWORD);
            let shown = shown.map(|shown| Fingerprint::of(&Secret::new(&shown)));
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
