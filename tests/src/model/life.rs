//! How sessions begin and end, and how people come and go (§4 and §8 of the behaviour).

use std::borrow::Cow;

use confer_core::ask::{Failure, Outcome};
use confer_core::config::StopAbandoned;
use confer_core::frame::{AfterAction, ErrorId, KvList, UserType, Visibility};

use super::keep::Keeping;
use super::setting::{ASYNC_ALERT, ASYNC_CLOSE, LINGER, SILENCE};
use super::state::{
    Answer, Closing, Deed, How, Kind, Model, Newcomer, Once, Party, Person, Phase, Place, Purpose,
    Seat, Session, Stage, Texts, What, Who,
};

/// User data between one participant and the server (B3.7).
const PASSWORD: &str = "GCTI_Chat_SessionPassword";

impl Model {
    /// B4.3: contact, record, interaction; then the answer.
    pub(super) fn create(
        &mut self,
        newcomer: Newcomer,
        queue_key: Option<&str>,
    ) -> Result<(), ErrorId> {
        if self.draining {
            return Err(ErrorId::LimitReached);
        }
        // B4.2: without configuration there is 1:default.
        if !matches!(queue_key, None | Some("default" | "1:default")) {
            return Err(ErrorId::UnknownEndpoint);
        }
        let session = self.sessions.len();
        let Newcomer { link, seat, .. } = newcomer;
        let password = newcomer.user_data.text(PASSWORD).map(Cow::into_owned);
        // B19.3: what came with Register or Login, and over it what came with the Join.
        let mut brought = newcomer.who.user_data.clone();
        brought.retain(|entry| newcomer.user_data.value(&entry.key).is_none());
        for entry in &newcomer.user_data {
            brought.push(&entry.key, entry.value.clone());
        }
        brought.retain(|entry| &*entry.key != PASSWORD);
        let once = newcomer.once.clone();
        let mut it = Session::new(self.stamp(), newcomer);
        it.is_async = brought.text("GCTI_Chat_AsyncMode").as_deref() == Some("true");
        // B3.7: the creator's own on basic only, else a random one.
        it.password = match (seat, password) {
            (Seat::Basic(_), Some(password)) => Some(password),
            _ => self.setting.passwords.then(|| format!("W{session}")),
        };
        it.creation = once.filter(|_| matches!(seat, Seat::Basic(_)));
        let identify = Kind::Identify(texts(&brought));
        it.user_data = brought;
        self.sessions.push(it);
        match seat {
            Seat::Flex(user) => self.users[user].place = Place::Creating(session),
            Seat::Basic(_) | Seat::Voice => self.links[link].creating.push(session),
        }
        self.ask(session, Purpose::Create, identify);
        Ok(())
    }

    /// What begins a record.
    pub(super) fn new_record(&self, session: usize) -> Kind {
        let it = &self.sessions[session];
        Kind::Create(it.contact.as_ref().map(|(id, _)| id.clone()), texts(&it.user_data))
    }

    /// What an interaction is begun with (B19.3), but for the password.
    fn submission(&self, session: usize) -> Kind {
        let it = &self.sessions[session];
        let mut all = texts(&it.user_data);
        let mut add = |key: &str, value: String| all.push((key.to_owned(), value));
        add("IsOnline", "1".to_owned());
        add("ChatServerSessionStartedAt", it.start_at.to_string());
        if let Some((id, attributes)) = &it.contact {
            for (key, value) in texts(attributes) {
                // B19.1: each overridden by user data of the same name.
                if all.iter().all(|(known, _)| *known != key) {
                    all.push((key, value));
                }
            }
            all.push(("ContactId".to_owned(), id.clone()));
        }
        if it.is_async {
            // B12.3: 1 at creation. B12.4.
            let check_at = self.stamp_in(ASYNC_ALERT + ASYNC_CLOSE + 60_000).to_string();
            all.push(("GCTI_Chat_AsyncStatus".to_owned(), "1".to_owned()));
            all.push(("GCTI_Chat_AsyncCheckAt".to_owned(), check_at));
        }
        Kind::Submit(all)
    }

    /// A stage of a creation is done, or failed for good.
    pub(super) fn created_so_far(&mut self, session: usize, outcome: &Outcome) {
        let Phase::Creating(stage) = self.sessions[session].phase else { return };
        let failed = outcome.failure().is_some();
        if self.sessions[session].abandoned || (failed && stage == Stage::Submit) {
            return self.not_created(session, stage);
        }
        let it = &mut self.sessions[session];
        let (next, ask) = match stage {
            Stage::Identify => {
                if let Outcome::Identified { contact: Some(contact), attributes } = outcome {
                    it.contact = Some((contact.as_str().to_owned(), attributes.clone()));
                }
                (Stage::Record, self.new_record(session))
            }
            Stage::Record => {
                it.keeping =
                    if failed { Keeping::Missing { making: false } } else { Keeping::Even };
                (Stage::Submit, self.submission(session))
            }
            Stage::Submit => return self.created(session),
        };
        self.sessions[session].phase = Phase::Creating(next);
        self.ask(session, Purpose::Create, ask);
    }

    /// Everything is made: the creator comes in, and whoever asked again is answered so, too.
    fn created(&mut self, session: usize) {
        let now = self.now;
        let it = &mut self.sessions[session];
        let Some(newcomer) = it.newcomer.take() else { return };
        let (again, stopped) = (std::mem::take(&mut it.again), it.stopped);
        (it.phase, it.status_told) = (Phase::Open, now);
        self.links[newcomer.link].creating.retain(|creating| *creating != session);
        if self.sessions[session].keeping != Keeping::Even {
            self.try_later(session);
        }
        let once = newcomer.once.clone();
        self.enter(session, newcomer);
        for (link, reference) in again {
            if let Some(once) = &once {
                self.joins_again(session, link, reference, once);
            }
        }
        if stopped || self.ending {
            self.close(session, 5);
        }
    }

    /// B4.3: nothing remains.
    fn not_created(&mut self, session: usize, stage: Stage) {
        // Each may have taken effect, whatever the answer said.
        if stage == Stage::Submit {
            self.ask(session, Purpose::Undo, Kind::Stop);
        }
        if stage != Stage::Identify {
            self.ask(session, Purpose::Undo, Kind::Discard);
        }
        let it = &mut self.sessions[session];
        it.phase = Phase::Gone;
        let Some(newcomer) = it.newcomer.take() else { return };
        let (again, abandoned) = (std::mem::take(&mut it.again), it.abandoned);
        let Newcomer { link, reference, seat, .. } = newcomer;
        if !abandoned {
            self.links[link].creating.retain(|creating| *creating != session);
            if let Seat::Flex(user) = seat {
                self.users[user].place = Place::Outside;
            }
            self.refuse(link, reference, ErrorId::StoreUnavailable);
        }
        for (link, reference) in again {
            self.refuse(link, reference, ErrorId::StoreUnavailable);
        }
    }

    /// B4.3: the creator is lost meanwhile: undone, once the question under way is answered.
    pub(super) fn undo(&mut self, session: usize) {
        let it = &mut self.sessions[session];
        let Some(newcomer) = &it.newcomer else { return };
        let Newcomer { link, reference, seat, .. } = *newcomer;
        it.abandoned = true;
        // Whoever asks again creates anew.
        it.creation = None;
        let error = match seat {
            Seat::Basic(_) => ErrorId::NotRegistered,
            Seat::Flex(_) | Seat::Voice => ErrorId::NotInSession,
        };
        self.refuse(link, reference, error);
    }

    /// B4.8: a creating Join that comes again waits for the same answer; four of them may.
    pub(super) fn creates_again(
        &mut self,
        session: usize,
        link: usize,
        reference: u32,
        once: Option<&(Person, String)>,
    ) -> Result<(), ErrorId> {
        let it = &mut self.sessions[session];
        let same = |newcomer: &Newcomer| once.is_some() && newcomer.once.as_ref() == once;
        if it.again.len() >= 4 || !it.newcomer.as_ref().is_some_and(same) {
            return Err(ErrorId::Restoring);
        }
        it.again.push((link, reference));
        Ok(())
    }

    /// B4.8: a Join that came before is answered as it was then; whether it did.
    pub(super) fn joins_again(
        &mut self,
        session: usize,
        link: usize,
        reference: u32,
        (person, key): &(Person, String),
    ) -> bool {
        let Some(once) = self.once(session, person, Deed::Join, key) else { return false };
        let (party, after, to) = (once.party, once.after, once.to);
        let how = match self.sessions[session].parties[party].seat {
            Seat::Flex(_) => How::Flex(party, Some(after)),
            Seat::Basic(_) | Seat::Voice => How::Again(party, after, to, true),
        };
        self.answer_in_turn(session, Answer { link, reference, how });
        true
    }

    /// Whether somebody may come in (B3.7, B4.3).
    pub(super) fn may_enter(&self, session: usize, user_data: &KvList) -> Result<(), ErrorId> {
        let it = &self.sessions[session];
        match it.phase {
            Phase::Creating(_) => return Err(ErrorId::Restoring),
            Phase::Closed | Phase::Gone => return Err(ErrorId::SessionClosed),
            Phase::Open => {}
        }
        if it.password.is_some() && user_data.text(PASSWORD).as_deref() != it.password.as_deref() {
            return Err(ErrorId::SessionPassword);
        }
        Ok(())
    }

    /// Somebody comes in, and is answered with all they may see (B4.7).
    pub(super) fn enter(&mut self, session: usize, newcomer: Newcomer) {
        let Newcomer { link, reference, seat, who, visibility, .. } = newcomer;
        let Newcomer { user_data, greeting, once, after, .. } = newcomer;
        // B3.6: the key on a CLIENT's join is ignored.
        let bot = who.user_type != UserType::Client
            && user_data.text("GCTI_Chat_SetPartyStyle").as_deref() == Some("BOT");
        let mut shown = who.user_data.clone();
        for entry in &user_data {
            shown.push(&entry.key, entry.value.clone());
        }
        shown.retain(|entry| &*entry.key != PASSWORD && &*entry.key != "GCTI_Chat_PartyStyle");
        if bot {
            shown.push("GCTI_Chat_PartyStyle", "BOT");
        }
        // B1.2: a flex user's first participation has the id of its Login.
        let user_id = match seat {
            Seat::Flex(user) => format!("U{user}"),
            Seat::Basic(_) | Seat::Voice => format!("P{}", self.participations),
        };
        let party = self.add(session, user_id, who, visibility, shown, bot, seat);
        let stamp = self.stamp();
        let it = &mut self.sessions[session];
        let before = it.last();
        let to = it.happen(party, None, visibility, What::NewParty(greeting), stamp);
        // A position nobody has reached is the newest before the Join (B4.7).
        let after = after.min(before);
        if let Some((person, key)) = once {
            it.keys.push(Once { person, deed: Deed::Join, key, party, after, to });
            it.changed = true;
        }
        let how = match seat {
            Seat::Flex(user) => {
                self.users[user].place = Place::Inside(session, party);
                How::Flex(party, Some(after))
            }
            Seat::Basic(_) | Seat::Voice => How::Join(party, after),
        };
        self.happened(session, before, Some(Answer { link, reference, how }));
    }

    #[expect(clippy::too_many_arguments, reason = "that is what a participation has")]
    fn add(
        &mut self,
        session: usize,
        user_id: String,
        who: Who,
        visibility: Visibility,
        user_data: KvList,
        bot: bool,
        seat: Seat,
    ) -> usize {
        let number = self.participations;
        self.participations += 1;
        let it = &mut self.sessions[session];
        it.parties.push(Party {
            user_id,
            who,
            visibility,
            user_data,
            bot,
            seat,
            joined: it.last() + 1,
            left: None,
            present: seat != Seat::Voice,
            deaf: seat == Seat::Voice,
            number,
        });
        it.parties.len() - 1
    }

    /// B14.1, B11.2: one voice for each name and visibility; its newParty comes just before its first
    /// event, and it never leaves.
    pub(super) fn speak(
        &mut self,
        session: usize,
        user_type: UserType,
        nickname: &str,
        visibility: Visibility,
        what: What,
    ) -> u32 {
        let stamp = self.stamp();
        let known = self.sessions[session].parties.iter().position(|party| {
            party.who.user_type == user_type
                && party.who.nickname == nickname
                && party.visibility == visibility
        });
        let party = known.unwrap_or_else(|| {
            let nickname = nickname.to_owned();
            let user_data = KvList::new();
            let who = Who { nickname, user_type, person_id: None, version: None, user_data };
            let user_id = format!("P{}", self.participations);
            let party =
                self.add(session, user_id, who, visibility, KvList::new(), false, Seat::Voice);
            let comes = What::NewParty(None);
            self.sessions[session].happen(party, None, visibility, comes, stamp);
            party
        });
        self.sessions[session].happen(party, None, visibility, what, stamp)
    }

    /// B8.1 to B8.5: somebody goes, or is removed by somebody.
    pub(super) fn leave(
        &mut self,
        session: usize,
        whom: usize,
        asker: usize,
        action: AfterAction,
        words: Option<String>,
        answer: Answer,
    ) {
        let it = &self.sessions[session];
        let own = match action {
            AfterAction::KeepAlive => None,
            AfterAction::CloseIfNoAgents => Some(1),
            AfterAction::ForceClose => Some(2),
        };
        let others: Vec<usize> = it.present().into_iter().filter(|party| *party != whom).collect();
        let closes = others.is_empty()
            || match action {
                AfterAction::KeepAlive => false,
                AfterAction::CloseIfNoAgents => {
                    !others.iter().any(|&party| party != asker && it.parties[party].is_agent())
                }
                AfterAction::ForceClose => true,
            };
        let mut going = vec![(whom, if whom == asker { own } else { Some(4) })];
        if closes {
            if others.contains(&asker) {
                going.push((asker, own));
            }
            going.extend(others.iter().filter(|&&it| it != asker).map(|&it| (it, Some(4))));
        }
        self.part(session, &going, Some(asker), words, Some(answer), closes);
    }

    /// Somebody is gone without having asked for it (B2.4, B9.1, B9.2).
    pub(super) fn lose(
        &mut self,
        session: usize,
        party: usize,
        reason: Option<i32>,
        answer: Option<Answer>,
    ) {
        let closes = self.sessions[session].present() == [party];
        self.part(session, &[(party, reason)], None, None, answer, closes);
    }

    /// The server closes a session (B8.5).
    pub(super) fn close(&mut self, session: usize, reason: i32) {
        let present = self.sessions[session].present();
        let going: Vec<_> = present.into_iter().map(|party| (party, Some(reason))).collect();
        self.part(session, &going, None, None, None, true);
    }

    fn part(
        &mut self,
        session: usize,
        going: &[(usize, Option<i32>)],
        remover: Option<usize>,
        mut words: Option<String>,
        answer: Option<Answer>,
        closes: bool,
    ) {
        let stamp = self.stamp();
        let it = &mut self.sessions[session];
        let before = it.last();
        for &(party, reason) in going {
            // B8.5: the remover for reason 4, otherwise the leaver itself.
            let asker = remover.filter(|_| reason == Some(4)).unwrap_or(party);
            let visibility = it.parties[party].visibility;
            let what = What::PartyLeft(asker, reason, words.take());
            let last = it.happen(party, None, visibility, what, stamp);
            it.parties[party].present = false;
            it.parties[party].left = Some(last);
        }
        let last = it.last();
        if closes {
            it.phase = Phase::Closed;
            // Whoever was there sees the whole end (wire §4.1).
            for &(party, _) in going {
                it.parties[party].left = Some(last);
            }
        }
        for &(party, _) in going {
            if let Seat::Flex(user) = self.sessions[session].parties[party].seat {
                self.user_left(user, session, party, closes);
            }
        }
        self.happened_last(session, before, answer, closes);
        if closes {
            self.begin_closing(session, going);
        }
    }

    /// B9.2: what a flex user may still ask after it left.
    fn user_left(&mut self, user: usize, session: usize, party: usize, closed: bool) {
        if self.users[user].place == Place::Gone {
            return;
        }
        self.users[user].due = None;
        if closed {
            return;
        }
        self.users[user].place = Place::Removed { session, party, told: false };
        self.users[user].due = Some(self.after(LINGER));
        self.sessions[session].removed.push(user);
        if self.sessions[session].removed.len() > 64 {
            let oldest = self.sessions[session].removed.remove(0);
            self.forget_user(oldest);
        }
    }

    /// B8.6, in this order: final transcript, interaction updated, interaction stopped; and the linger.
    fn begin_closing(&mut self, session: usize, present: &[(usize, Option<i32>)]) {
        let linger = self.after(LINGER);
        let end_at = self.stamp();
        let it = &mut self.sessions[session];
        it.linger = Some(linger);
        let stops = match self.setting.stop {
            StopAbandoned::Never => false,
            StopAbandoned::NoAnswer => !it.parties.iter().any(Party::is_agent),
            StopAbandoned::NoAgents => {
                !present.iter().any(|&(party, _)| it.parties[party].is_agent())
            }
            StopAbandoned::Always => true,
        };
        let stage = match it.keeping {
            Keeping::Even | Keeping::Behind { .. } if it.asleep.is_some() => Closing::Wake,
            Keeping::Missing { .. } => Closing::Record,
            Keeping::Even | Keeping::Behind { .. } => Closing::Final,
            Keeping::Lost => Closing::Change,
        };
        it.closing = Some((stage, end_at, stops));
        self.closing_asks(session);
    }

    /// A stage of a closing is done, or failed for good: either way the next follows (B20.6).
    pub(super) fn closed_so_far(&mut self, session: usize, outcome: &Outcome) {
        let failure = outcome.failure();
        let is_asleep = self.sessions[session].asleep.is_some();
        let Some((stage, _, stops)) = &mut self.sessions[session].closing else { return };
        *stage = match stage {
            // B20.3: it goes on elsewhere.
            Closing::Final if failure == Some(Failure::Fenced) => {
                return self.drop_session(session);
            }
            Closing::Final if failure.is_some() => Closing::Spool,
            // What was saved event by event has to do.
            Closing::Wake if is_asleep => Closing::Change,
            Closing::Wake | Closing::Record => Closing::Final,
            Closing::Final | Closing::Spool => Closing::Change,
            Closing::Change if *stops => Closing::Stop,
            Closing::Change | Closing::Stop | Closing::Done => Closing::Done,
        };
        self.closing_asks(session);
    }

    fn closing_asks(&mut self, session: usize) {
        let it = &self.sessions[session];
        let Some((stage, end_at, _)) = it.closing else { return };
        let kind = match stage {
            Closing::Wake => return self.fetch_words(session),
            Closing::Record => self.new_record(session),
            Closing::Final => Kind::Final(it.stored(0, it.last(), self.setting.save_notices)),
            Closing::Spool => Kind::Spool(it.stored(0, it.last(), self.setting.save_notices)),
            Closing::Change => Kind::Change(vec![
                ("IsOnline".to_owned(), "0".to_owned()),
                ("ChatServerSessionClosedAt".to_owned(), end_at.to_string()),
            ]),
            Closing::Stop => Kind::Stop,
            Closing::Done => return self.forget_if_over(session),
        };
        self.ask(session, Purpose::Close, kind);
    }

    /// A flex user is nobody any more.
    pub(super) fn forget_user(&mut self, user: usize) {
        self.users[user].place = Place::Gone;
        self.users[user].due = None;
    }

    /// B9.1, B9.2: a user is removed from wherever it is.
    pub(super) fn remove_user(&mut self, user: usize, reason: i32) {
        match self.users[user].place {
            Place::Removed { .. } | Place::Gone => {}
            Place::Creating(session) => {
                self.forget_user(user);
                self.undo(session);
            }
            Place::Inside(session, party) if self.sessions[session].phase == Phase::Open => {
                self.users[user].due = None;
                self.lose(session, party, Some(reason), None);
            }
            // What is over has nothing to leave.
            Place::Outside | Place::Inside(..) => self.forget_user(user),
        }
    }

    /// B9.2: any request restarts the time until a user is thought lost.
    pub(super) fn keep_awake(&mut self, user: usize) {
        let reads_on = match self.users[user].place {
            Place::Removed { .. } | Place::Gone => true,
            Place::Inside(session, _) => self.sessions[session].phase != Phase::Open,
            Place::Outside | Place::Creating(_) => false,
        };
        if !reads_on {
            self.users[user].due = Some(self.after(SILENCE));
        }
    }

    /// B4.8: what a request did when it came first. No script has as many keys as are kept.
    pub(super) fn once(
        &self,
        session: usize,
        person: &Person,
        deed: Deed,
        key: &str,
    ) -> Option<&Once> {
        let keys = &self.sessions[session].keys;
        keys.iter().find(|once| once.person == *person && once.deed == deed && once.key == key)
    }
}

/// Every text of a list, in order.
pub(super) fn texts(list: &KvList) -> Texts {
    let text = |key: &str| list.text(key).map(Cow::into_owned).unwrap_or_default();
    list.into_iter().map(|entry| (entry.key.to_string(), text(&entry.key))).collect()
}
