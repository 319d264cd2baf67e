//! Taking a session over from another instance, or from one that is no more (B20.2–B20.5, B20.13).
//!
//! A restoration has two questions: what there is, and, if whoever asks may know and there is room,
//! for all of it together with the ownership. Then everybody who was there is swept out, and whoever
//! waited is served behind the save of that.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::ask::{
    Failure, Instance, Leaf, LeafKind, Loaded, Outcome, Record, RecordName, Request as AskRequest,
};
use crate::config::{AutoSave, RestorationMode, RestoreBy};
use crate::door::{Action, External, Report};
use crate::frame::esp::Request3rdServer;
use crate::frame::{ErrorId, Frame, KvList, ProtocolType, Request, UserType, basic, esp, flex};
use crate::id::{EventId, InteractionId, LinkId, SessionId};
use crate::limits::Limits;
use crate::pii::{Fingerprint, Secret};
use crate::refusal::Refusal;
use crate::session::Session;
use crate::session::dossier::Guest;
use crate::session::keeping::State;
use crate::session::newcomer::Registration;
use crate::session::outbox::Step;
use crate::session::phase::{Phase, Turn};
use crate::session::restored;
use crate::session::restoring::{By, MAX_WAITING, Restoring};
use crate::session::roster::{Participant, PartyNo, Seat};
use crate::session::transcript::{Left, Reason, What};
use crate::session::user::{Place, SecureKey, User};
use crate::session::visibility::Audience;
use crate::slab::Key;

use super::asks::Purpose;
use super::create::WEBAPI_TOKEN;
use super::flex::{asker, named_session};
use super::{Server, Timer};

/// Sessions that are sought or restored at once. A request for one more gets 8317.
const MAX_RESTORATIONS: usize = 1024;
/// Event ids a session must have left to be restored: it takes some for the sweep, and a block.
const ROOM: u32 = 2 * Limits::MAX_PARTICIPATIONS + 4096;

/// Who asks for a session that is not here.
impl Server {
    /// Restores the session of a customer this server does not know (B20.2), or lets the request
    /// wait for that; gives it back if it is to be dealt with as it is.
    pub(super) fn sought_by_customer(
        &mut self,
        link: LinkId,
        reference: u32,
        request: flex::Request,
    ) -> Option<flex::Request> {
        let Some(user_id) = asker(&request).cloned() else { return Some(request) };
        if let Some(place) = self.users.place_of(&user_id) {
            if self.is_leaving(place) {
                let refusal = ErrorId::Restoring.into();
                self.refuse_in_turn(link, reference, Some(&user_id), refusal);
                return None;
            }
            return Some(request);
        }
        let Some(session_id) = named_session(&request).cloned() else { return Some(request) };
        let by = By::Customer(user_id);
        let key = self.by_id.get(&session_id).copied();
        if key.is_none() && !self.restores() {
            return Some(request);
        }
        let mut there = key.and_then(|key| self.sessions.get_mut(key));
        if there.as_ref().is_some_and(|it| it.restoring.is_none() && it.phase != Phase::Leaving) {
            return self.doubted_by_customer(key, link, reference, request);
        }
        let waits = (link, Frame::new(reference, Request::Flex(request)));
        let restoring = there.as_mut().and_then(|session| session.restoring.as_mut());
        let refusal = match (restoring, key) {
            (Some(restoring), _) if restoring.by == by && restoring.waiting.len() < MAX_WAITING => {
                restoring.waiting.push_back(waits);
                return None;
            }
            (_, Some(_)) => ErrorId::Restoring.into(),
            (_, None) => match self.seek(session_id, by, Some(waits)) {
                Ok(()) => return None,
                Err(refusal) => refusal,
            },
        };
        self.refuse(link, reference, refusal);
        None
    }

    /// Nobody of that name is in a session that is here. Perhaps another instance has taken it over,
    /// which this one has not heard of yet: the record knows (B20.3). Gives the request back if there
    /// is nothing to doubt.
    fn doubted_by_customer(
        &mut self,
        key: Option<Key<Session>>,
        link: LinkId,
        reference: u32,
        request: flex::Request,
    ) -> Option<flex::Request> {
        // Whoever joins anew was in no session elsewhere.
        let joins = matches!(request, flex::Request::RequestJoin(_));
        let there = key.and_then(|key| Some((key, self.sessions.get(key)?)));
        let Some((key, session)) = there.filter(|(_, session)| {
            let recorded = matches!(session.keeping.state, State::Even | State::Behind { .. });
            recorded && session.phase == Phase::Open && !joins && self.restores()
        }) else {
            return Some(request);
        };
        let name = RecordName::Session(session.id.clone());
        let waits = (link, Frame::new(reference, Request::Flex(request)));
        let many = self.doubts.len() >= MAX_RESTORATIONS;
        match self.doubts.iter_mut().find(|doubt| doubt.session == key) {
            Some(doubt) if doubt.waiting.len() < MAX_WAITING => doubt.waiting.push_back(waits),
            None if !many => {
                self.doubts.push(Doubt { session: key, waiting: VecDeque::from([waits]) });
                let load = AskRequest::Record(Record::Load { name, events: false });
                self.ask(key, |_| Purpose::Doubt, load);
            }
            Some(_) | None => self.refuse(link, reference, ErrorId::Restoring.into()),
        }
        None
    }

    /// Restores the session of somebody who has its token (B20.2); gives the Join back if it is to be
    /// dealt with as it is.
    pub(super) fn sought_by_agent(
        &mut self,
        link: LinkId,
        reference: u32,
        join: basic::RequestJoin,
    ) -> Result<Option<basic::RequestJoin>, Refusal> {
        let by_agent = matches!(
            self.config.settings.session_restore_extend_by,
            RestoreBy::Agent | RestoreBy::Both
        );
        let token = join.user_data.as_ref().is_some_and(|data| data.value(WEBAPI_TOKEN).is_some());
        let Some(session_id) = join.session_id.clone().filter(|_| token && by_agent) else {
            return Ok(Some(join));
        };
        if !self.restores() || self.by_id.contains_key(&session_id) {
            return Ok(Some(join));
        }
        let join = Request::Basic(basic::Request::RequestJoin(join));
        self.seek(session_id, By::Agent, Some((link, Frame::new(reference, join))))?;
        Ok(None)
    }

    /// Restores the session of a call that asks for that (B14, B20.2).
    pub(super) fn sought_by_workflow(
        &mut self,
        link: LinkId,
        reference: u32,
        call: Request3rdServer,
    ) {
        let by_workflow = matches!(
            self.config.settings.session_restore_extend_by,
            RestoreBy::Esp | RestoreBy::Both
        );
        let envelope = call.envelope.clone();
        let sought = match Self::called_id(&call) {
            Ok(id) if by_workflow && self.restores() => {
                let call = Request::Esp(esp::Request::Request3rdServer(call));
                let waits = (link, Frame::new(reference, call));
                self.seek(SessionId::new(&id), By::Workflow, Some(waits))
            }
            Ok(_) => Err(ErrorId::NoSuchSession.into()),
            Err(refusal) => Err(refusal),
        };
        if let Err(refusal) = sought {
            self.refuse_esp(link, reference, &envelope, refusal);
        }
    }

    /// A session was left alone: it is restored and closed (B20.13).
    pub(super) fn orphaned(&mut self, session: &SessionId) {
        if self.config.settings.use_contact_server && !self.by_id.contains_key(session) {
            // Whoever says so says it again.
            let _ = self.seek(session.clone(), By::Nobody, None);
        }
    }

    /// Whether sessions are restored at all (B20.1).
    pub(super) fn restores(&self) -> bool {
        let settings = &self.config.settings;
        settings.use_contact_server
            && settings.session_restoration_mode == RestorationMode::Simple
            && settings.transcript_auto_save != AutoSave::AtClose
    }

    /// Asks what there is of a session, which has a place here from now on.
    fn seek(
        &mut self,
        id: SessionId,
        by: By,
        waits: Option<(LinkId, Frame<Request>)>,
    ) -> Result<(), Refusal> {
        if self.draining || self.restorations >= MAX_RESTORATIONS {
            return Err(ErrorId::Restoring.into());
        }
        let by_interaction = by == By::Workflow;
        let interaction = InteractionId::new(id.as_str());
        let mut session = Session::new(id.clone(), self.stamp());
        session.phase = Phase::Sought;
        session.restoring = Some(Box::new(Restoring {
            by,
            waiting: waits.into_iter().collect(),
            by_interaction,
            stopped: false,
        }));
        let key = self.sessions.insert(session).map_err(|_| ErrorId::LimitReached)?;
        self.by_id.insert(id.clone(), key);
        self.by_interaction.entry(interaction.clone()).or_insert(key);
        self.restorations += 1;
        let name = if by_interaction {
            RecordName::Interaction(interaction)
        } else {
            RecordName::Session(id)
        };
        self.ask_to_restore(key, Record::Load { name, events: false });
        Ok(())
    }

    fn ask_to_restore(&mut self, key: Key<Session>, record: Record) {
        self.ask(key, |_| Purpose::Restore, AskRequest::Record(record));
    }
}

/// Requests for a session that is here, of users nobody here knows, while the record is asked whether
/// the session is still this server's.
#[derive(Debug)]
pub(super) struct Doubt {
    session: Key<Session>,
    waiting: VecDeque<(LinkId, Frame<Request>)>,
}

/// What becomes of it.
impl Server {
    /// The record says whose a session is: a copy that is another's by now is dropped, and restored
    /// for whoever asked.
    pub(super) fn go_on_doubting(&mut self, key: Key<Session>, outcome: &Outcome) {
        let Some(place) = self.doubts.iter().position(|doubt| doubt.session == key) else { return };
        let waiting = self.doubts.swap_remove(place).waiting;
        let generation = self.sessions.get(key).map(|session| session.generation);
        let error = match outcome {
            Outcome::Loaded(record) => {
                let newer = generation.is_none_or(|generation| record.generation > generation);
                if newer {
                    self.purge(key, Some(record.generation));
                    return self.serve(waiting);
                }
                ErrorId::NotInSession
            }
            Outcome::Failed(Failure::NotFound) => ErrorId::NotInSession,
            Outcome::Failed(Failure::Unavailable | Failure::Refused | Failure::Fenced)
            | Outcome::Owned(_)
            | Outcome::Done
            | Outcome::Submitted { .. }
            | Outcome::Identified { .. }
            | Outcome::Stat { .. } => ErrorId::StoreUnavailable,
        };
        for (link, frame) in waiting {
            self.refuse_frame(link, &frame, error);
        }
    }

    /// The answer to one question of a restoration leads to the next.
    pub(super) fn go_on_restoring(&mut self, key: Key<Session>, outcome: Outcome) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(restoring) = &mut session.restoring else { return };
        match outcome {
            Outcome::Loaded(record) => self.found(key, &record),
            Outcome::Owned(record) => self.owned(key, *record),
            Outcome::Failed(Failure::NotFound) if restoring.by_interaction => {
                restoring.by_interaction = false;
                let name = RecordName::Session(session.id.clone());
                self.ask_to_restore(key, Record::Load { name, events: false });
            }
            Outcome::Failed(Failure::NotFound) => {
                let error = unknown(&restoring.by);
                self.not_restored(key, error);
            }
            // Another instance was faster (B20.3).
            Outcome::Failed(Failure::Fenced) => self.not_restored(key, ErrorId::Restoring),
            Outcome::Failed(Failure::Unavailable | Failure::Refused)
            | Outcome::Done
            | Outcome::Submitted { .. }
            | Outcome::Identified { .. }
            | Outcome::Stat { .. } => self.not_restored(key, ErrorId::StoreUnavailable),
        }
    }

    /// There is a record: it is taken over, if whoever asks may have it.
    fn found(&mut self, key: Key<Session>, record: &Loaded) {
        if let Err(error) = self.may_take_over(key, record) {
            return self.not_restored(key, error);
        }
        if !self.call_session(key, &record.session) {
            return self.not_restored(key, ErrorId::Restoring);
        }
        self.turn(key, Turn::Found);
        let Some(restoring) = self.sessions.get_mut(key).and_then(|it| it.restoring.as_mut())
        else {
            return;
        };
        if restoring.by == By::Workflow {
            // The restoration is under way: it may ask again (B14).
            for (link, frame) in core::mem::take(&mut restoring.waiting) {
                self.refuse_frame(link, &frame, ErrorId::Restoring);
            }
        }
        let (session, generation) = (record.session.clone(), record.generation);
        self.ask_to_restore(key, Record::Own { session, generation });
    }

    fn may_take_over(&mut self, key: Key<Session>, record: &Loaded) -> Result<(), ErrorId> {
        let Some(restoring) = self.sessions.get(key).and_then(|it| it.restoring.as_deref()) else {
            return Err(ErrorId::NoSuchSession);
        };
        let by = restoring.by.clone();
        let first = restoring.waiting.front();
        let link = first.map(|(link, _)| *link);
        let mut removed = false;
        let wrong = match (&by, first.map(|(_, frame)| &frame.body)) {
            (By::Customer(user_id), Some(Request::Flex(request))) => {
                let guest = restored::guest(&record.leaves, user_id);
                let guest = guest.ok_or(ErrorId::NotInSession)?;
                removed = guest.removed;
                let shown = shown_key(request).map(Fingerprint::of);
                (shown != Some(guest.key)).then_some(ErrorId::WrongSecureKey)
            }
            (By::Agent, Some(Request::Basic(basic::Request::RequestJoin(join)))) => {
                let token = restored::token(&record.leaves);
                let shown = join.user_data.as_ref().and_then(|data| data.text(WEBAPI_TOKEN));
                let shown = shown.map(|shown| Fingerprint::of(&Secret::new(&shown)));
                (token.is_none() || shown != token).then_some(ErrorId::NoSuchSession)
            }
            (By::Customer(_) | By::Agent, _) => Some(unknown(&by)),
            (By::Workflow | By::Nobody, _) => None,
        };
        if let Some(error) = wrong {
            if let Some(link) = link {
                self.actions.push_back(Action::Report(Report::WrongSecureKey { link }));
            }
            return Err(error);
        }
        if record.end_at.is_some() {
            // Whose end was told elsewhere (B8.6).
            return Err(if by == By::Workflow { ErrorId::SessionClosed } else { unknown(&by) });
        }
        if removed {
            return Err(ErrorId::LoggedOut);
        }
        if record.reserved_to.number().saturating_add(ROOM) > EventId::MAX.number() {
            return Err(ErrorId::LimitReached);
        }
        // Whoever closes what others left makes room.
        if by != By::Nobody {
            self.admits_session().map_err(|refusal| refusal.id)?;
        }
        Ok(())
    }

    /// A session that was sought by its interaction has this id; whether it has none here yet.
    fn call_session(&mut self, key: Key<Session>, id: &SessionId) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        if session.id == *id {
            return true;
        }
        if self.by_id.contains_key(id) {
            return false;
        }
        self.by_id.remove(&session.id);
        session.id = id.clone();
        self.by_id.insert(id.clone(), key);
        true
    }

    /// The session is this server's from now on.
    fn owned(&mut self, key: Key<Session>, record: Loaded) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if record.end_at.is_some() {
            let by = session.restoring.as_ref().map(|restoring| &restoring.by);
            let error = by.map_or(ErrorId::NoSuchSession, unknown);
            return self.not_restored(key, error);
        }
        let Some(restoring) = session.restoring.take() else { return };
        let Restoring { by, waiting, stopped, .. } = *restoring;
        let former = record.owner.clone();
        let leaves = record.leaves.clone();
        let sought = session.interaction.clone();
        *session = Session::restored(record, self.now);
        session.phase = Phase::Restoring;
        session.keeping.state = State::Even;
        let interaction = session.interaction.clone();
        self.restorations -= 1;
        if self.by_interaction.get(&sought) == Some(&key) {
            self.by_interaction.remove(&sought);
        }
        self.by_interaction.entry(interaction).or_insert(key);
        self.turn(key, Turn::Restored);
        if by == By::Nobody {
            self.close(key, Reason::Server);
        } else {
            self.normalise(key, &by, &leaves);
            let mut properties = KvList::new();
            self.identify(&mut properties);
            if !properties.is_empty() {
                self.change_properties(key, properties);
            }
        }
        self.tell_former_owner(key, former);
        if stopped || self.ending {
            self.close(key, Reason::Server);
        } else if self.draining {
            self.hand_over_also(key);
        }
        self.serve(waiting);
    }

    /// The instance that had a session drops its copy (B20.5).
    fn tell_former_owner(&mut self, key: Key<Session>, owner: Option<crate::text::Str>) {
        let Some(instance) = owner.filter(|owner| *owner != self.identity.name) else { return };
        let Some(session) = self.sessions.get(key) else { return };
        if self.config.settings.session_restore_do_purge {
            let (session, generation) = (session.id.clone(), session.generation);
            let what = External::Purge { session, generation };
            let tell = AskRequest::Instance(Instance::Tell { instance, what });
            self.ask(key, |_| Purpose::Change, tell);
        }
    }

    /// Nothing comes of it: whoever waits is told so.
    fn not_restored(&mut self, key: Key<Session>, error: ErrorId) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(restoring) = session.restoring.take() else { return };
        self.restorations -= 1;
        self.turn(key, Turn::NotRestored);
        let mut waiting = restoring.waiting;
        // Others may show the right key.
        let refused = if error == ErrorId::WrongSecureKey { 1 } else { waiting.len() };
        for (link, frame) in waiting.drain(..refused.min(waiting.len())).collect::<Vec<_>>() {
            self.refuse_frame(link, &frame, error);
        }
        self.serve(waiting);
    }

    /// Requests that waited come as if for the first time.
    fn serve(&mut self, waiting: VecDeque<(LinkId, Frame<Request>)>) {
        for (link, frame) in waiting {
            if let Some(there) = self.links.link_mut(link) {
                there.unanswered.remove(&frame.reference);
            }
            self.frame(link, frame);
        }
    }
}

/// Who is in it.
impl Server {
    /// Everybody who was there goes, and the flex customers among them come again (B20.4).
    fn normalise(&mut self, key: Key<Session>, by: &By, leaves: &[Leaf]) {
        let stamp = self.stamp();
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.dossier.is_saved();
        session.dossier.mark(LeafKind::Session, 0);
        let before = session.transcript.last();
        let present = session.roster.present().to_vec();
        for &party in &present {
            let visibility = session.roster.party(party).visibility;
            let audience = Audience { sender: party, receiver: None, visibility };
            let left = Left { asker: party, reason: Reason::Restoration, words: None };
            let what = What::PartyLeft(Box::new(left));
            let id = session.happen(self.masker.as_ref(), audience, what, stamp);
            session.roster.remove(party, id);
        }
        let guests = core::mem::take(&mut session.dossier.guests);
        let mut back = Vec::new();
        for guest in guests {
            if guest.removed {
                self.remember_removed(key, guest);
            } else if let Some(again) = self.come_again(key, guest) {
                back.push(again);
            }
        }
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.take_keys(leaves);
        let suspended =
            !matches!(by, By::Customer(_)) && !self.config.settings.session_restore_push_send;
        for &(_, party, former) in &back {
            let Some(session) = self.sessions.get(key) else { return };
            if let Some(subscription) = session.saved_subscription(leaves, former) {
                self.subscribe_again(key, party, subscription, suspended);
            }
        }
        let Some(session) = self.sessions.get(key) else { return };
        let last = session.transcript.last();
        self.commit(key, Step::new(before, last, None));
        for (user, ..) in back {
            self.keep_awake(user);
        }
        if self.sessions.get(key).is_some_and(|session| session.roster.present().is_empty()) {
            let until = self.now + self.config.settings.flex_disconnect_timeout;
            let _ = self.timers.arm(until, Timer::Deserted(key));
        }
    }

    /// A flex customer that was there comes in again: who it is, and its new and its former
    /// participation. `None`: there is no room for it, and it is out.
    fn come_again(
        &mut self,
        key: Key<Session>,
        mut guest: Guest,
    ) -> Option<(Key<User>, PartyNo, PartyNo)> {
        let (user_id, stamp) = (self.ids.user_id(), self.stamp());
        let former = guest.party;
        let session = self.sessions.get_mut(key)?;
        session.dossier.mark(LeafKind::Party, former.0.into());
        let was = session.roster.party(former);
        let room = session.roster.ever() < Limits::MAX_PARTICIPATIONS as usize;
        if was.user_type != UserType::Client || !room {
            return None;
        }
        guest.had(was.user_id.clone());
        let joined = session.transcript.last().next()?;
        let mut participant = Participant {
            user_id,
            user_type: was.user_type,
            visibility: was.visibility,
            protocol: ProtocolType::Flex,
            nickname: was.nickname.clone(),
            person_id: was.person_id.clone(),
            time_zone_offset: was.time_zone_offset,
            client_version: was.client_version,
            user_data: was.user_data.clone(),
            bot: was.bot,
            seat: Seat::Former,
            number: 0,
            joined,
            fetched: session.outbox.told(),
            left: None,
        };
        let user = self.known_again(user_of(&participant, &guest, true))?;
        participant.seat = Seat::Flex(user);
        let session = self.sessions.get_mut(key)?;
        let party = session.roster.add(participant);
        let visibility = session.roster.party(party).visibility;
        let audience = Audience { sender: party, receiver: None, visibility };
        session.happen(self.masker.as_ref(), audience, What::NewParty(None), stamp);
        guest.party = party;
        session.dossier.mark(LeafKind::Party, party.0.into());
        session.dossier.guests.push(guest);
        self.place(user, Place::Inside(key, party));
        Some((user, party, former))
    }

    /// A flex user that was removed may still ask why (B9.2).
    fn remember_removed(&mut self, key: Key<Session>, guest: Guest) {
        let Some(session) = self.sessions.get(key) else { return };
        let user = user_of(session.roster.party(guest.party), &guest, false);
        let Some(user) = self.known_again(user) else { return };
        self.place(user, Place::Removed { session: key, party: guest.party, told: true });
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.dossier.guests.push(guest);
        if let Some(oldest) = session.remember(user) {
            self.forget_user(oldest);
        }
    }

    /// Nobody has come back into a restored session in time (B20.13).
    pub(super) fn deserted(&mut self, key: Key<Session>) {
        let empty = |session: &Session| session.roster.present().is_empty();
        if self.is_open(key) && self.sessions.get(key).is_some_and(empty) {
            self.close(key, Reason::Server);
        }
    }
}

/// The user of a participation.
fn user_of(participant: &Participant, guest: &Guest, counted: bool) -> User {
    User {
        who: Registration {
            user_id: participant.user_id.clone(),
            nickname: participant.nickname.clone(),
            user_type: participant.user_type,
            person_id: participant.person_id.clone(),
            time_zone_offset: participant.time_zone_offset,
            client_version: participant.client_version,
            user_data: KvList::new(),
        },
        secure_key: SecureKey::Unseen(guest.key),
        former: guest.former.clone(),
        renamed: counted,
        place: Place::Outside,
        timer: None,
        counted,
    }
}

/// What there is no such session, or nobody of that name in it, is called where it was asked for.
const fn unknown(by: &By) -> ErrorId {
    match by {
        By::Customer(_) => ErrorId::NotInSession,
        By::Agent | By::Workflow | By::Nobody => ErrorId::NoSuchSession,
    }
}

/// The key that a request shows.
const fn shown_key(request: &flex::Request) -> Option<&Secret> {
    match request {
        flex::Request::RequestJoin(join) => Some(&join.secure_key),
        flex::Request::RequestRefresh(refresh) => Some(&refresh.secure_key),
        flex::Request::RequestLogout(logout) => Some(&logout.secure_key),
        flex::Request::RequestNotify(notify) => Some(&notify.secure_key),
        flex::Request::RequestPush(push) => Some(&push.secure_key),
        flex::Request::RequestLogin(_)
        | flex::Request::RequestNode(_)
        | flex::Request::RequestAlive(_) => None,
    }
}
