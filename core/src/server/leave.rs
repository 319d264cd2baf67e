//! Leaving a session, and how one ends (§8 of the behaviour).

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::ask::{Failure, Interaction, Outcome, Record, Request};
use crate::config::StopAbandoned;
use crate::frame::{AfterAction, ErrorId, KvList};
use crate::id::{EventId, LinkId};
use crate::session::Session;
use crate::session::closing::{Closing, Stage};
use crate::session::keeping::State;
use crate::session::outbox::{Answer, Step};
use crate::session::phase::{Phase, Turn};
use crate::session::roster::{PartyNo, Seat};
use crate::session::transcript::{Left, More, Reason, What, Words};
use crate::session::visibility::Audience;
use crate::slab::Key;
use crate::text::Text;

use super::asks::Purpose;
use super::{Server, Timer};

impl Server {
    /// Somebody leaves, or is removed, and perhaps the session closes with it (B8.1–B8.5).
    pub(super) fn leave(
        &mut self,
        key: Key<Session>,
        whom: PartyNo,
        asker: PartyNo,
        after: AfterAction,
        parting: Option<Text>,
        answer: Option<Answer>,
    ) {
        let own = match after {
            AfterAction::KeepAlive => Reason::Plain,
            AfterAction::CloseIfNoAgents => Reason::CloseIfNoAgents,
            AfterAction::ForceClose => Reason::ForceClose,
        };
        let Some(session) = self.sessions.get(key) else { return };
        let reason = if whom == asker { own } else { Reason::OtherParty };
        let goes_on = session.roster.present().iter().any(|&party| party != whom);
        let closes = !goes_on
            || match after {
                AfterAction::KeepAlive => false,
                AfterAction::CloseIfNoAgents => !session.roster.has_agent_beside([asker, whom]),
                AfterAction::ForceClose => true,
            };
        let mut leavers = Vec::from([(whom, reason)]);
        if closes {
            // The closer goes before the others, who are removed by it (B8.5).
            let others = session.roster.present().iter().copied().filter(|&party| party != whom);
            let (closer, others): (Vec<_>, Vec<_>) = others.partition(|&party| party == asker);
            leavers.extend(closer.into_iter().map(|party| (party, own)));
            leavers.extend(others.into_iter().map(|party| (party, Reason::OtherParty)));
        }
        self.part(key, &leavers, Some(asker), parting, answer, closes);
    }

    /// Somebody is gone without having asked: lost, silent, or put out by the server.
    pub(super) fn lose(&mut self, key: Key<Session>, party: PartyNo, reason: Reason) {
        self.lose_and_answer(key, party, reason, None);
    }

    fn lose_and_answer(
        &mut self,
        key: Key<Session>,
        party: PartyNo,
        reason: Reason,
        answer: Option<Answer>,
    ) {
        let Some(session) = self.sessions.get(key) else { return };
        let goes_on = session.roster.present().iter().any(|&present| present != party);
        self.part(key, &[(party, reason)], None, None, answer, !goes_on);
    }

    /// The server closes a session: everybody goes for this reason (B8.5).
    pub(super) fn close(&mut self, key: Key<Session>, reason: Reason) {
        let Some(session) = self.sessions.get(key) else { return };
        let leavers: Vec<_> =
            session.roster.present().iter().map(|&party| (party, reason)).collect();
        self.part(key, &leavers, None, None, None, true);
    }

    /// A connection leaves every session it is in, perhaps by an Unregister of this reference.
    pub(super) fn leave_all(&mut self, link: LinkId, reason: Reason, unregister: Option<u32>) {
        let Some(there) = self.links.link_mut(link) else { return };
        for (key, party) in core::mem::take(&mut there.seats) {
            let answer = unregister.map(|reference| Answer::Unregistered { link, reference });
            self.lose_and_answer(key, party, reason, answer);
            // Nothing can be told over a connection that is gone.
            if reason == Reason::Disconnect
                && let Some(session) = self.sessions.get_mut(key)
            {
                session.roster.forget_link(link);
            }
        }
    }

    /// The PartyLefts of one step, in this order, at one TimeShift.
    fn part(
        &mut self,
        key: Key<Session>,
        leavers: &[(PartyNo, Reason)],
        asker: Option<PartyNo>,
        mut parting: Option<Text>,
        answer: Option<Answer>,
        closes: bool,
    ) {
        for &(party, _) in leavers {
            let gone = if closes { ErrorId::SessionClosed } else { ErrorId::NotInSession };
            self.give_up_uploads(key, party, gone);
        }
        let stamp = self.stamp();
        let Some(session) = self.sessions.get_mut(key) else { return };
        let before = session.transcript.last();
        let mut last = before;
        let mut users = Vec::new();
        for &(party, reason) in leavers {
            let participant = session.roster.party(party);
            let audience =
                Audience { sender: party, receiver: None, visibility: participant.visibility };
            match participant.seat {
                Seat::Basic(link) => {
                    if let Some(there) = self.links.link_mut(link) {
                        there.seats.retain(|seat| seat.0 != key);
                    }
                }
                Seat::Flex(user) => users.push((user, party)),
                Seat::Voice | Seat::Former => {}
            }
            // AskerId is the remover for reason 4, otherwise the leaver itself (B8.5).
            let asker = asker.filter(|_| reason == Reason::OtherParty).unwrap_or(party);
            let words = parting.take().map(|text| Words::new(text, More::default()));
            let left = Left { asker, reason, words };
            last = session.happen(
                self.masker.as_ref(),
                audience,
                What::PartyLeft(Box::new(left)),
                stamp,
            );
            session.roster.remove(party, last);
        }
        if closes {
            // Whoever was there sees the whole end (wire §4.1).
            for &(party, _) in leavers {
                session.roster.party_mut(party).left = Some(last);
            }
            self.turn(key, Turn::Closes);
        }
        for (user, party) in users {
            self.user_left(user, key, party, closes);
            let known = self.users.user(user).is_some();
            if let Some(session) = self.sessions.get_mut(key) {
                session.dossier.guest_left(party, known);
            }
        }
        self.commit(key, Step { closes, ..Step::new(before, last, answer) });
        if closes {
            self.begin_closing(key, leavers);
        }
    }

    /// A session closes, with these in it to the last.
    fn begin_closing(&mut self, key: Key<Session>, present: &[(PartyNo, Reason)]) {
        let linger = self.now + self.config.settings.session_linger;
        let end_at = self.stamp();
        // A wheel without room lets the session stay until it is forgotten by hand.
        let _ = self.timers.arm(linger, Timer::Linger(key));
        let Some(session) = self.sessions.get_mut(key) else { return };
        let stops = match self.config.settings.stop_abandoned_interaction {
            StopAbandoned::Never => false,
            StopAbandoned::NoAnswer => !session.roster.had_agent(),
            StopAbandoned::NoAgents => {
                !present.iter().any(|&(party, _)| session.roster.party(party).is_agent())
            }
            StopAbandoned::Always => true,
        };
        let stage = match session.keeping.state {
            State::Even | State::Behind { .. } if session.asleep.is_some() => Stage::Wake,
            State::Missing { .. } => Stage::Record,
            State::Even | State::Behind { .. } => Stage::Final,
            State::Unused | State::Lost => Stage::Change,
        };
        session.closing = Some(Closing { stage, end_at, stops });
        self.closing_asks(key);
    }

    /// The answer to one question of a closing leads to the next. A failure does not hold it up
    /// (B20.6), unless somebody else owns the session: then it does not close at all (B20.3).
    pub(super) fn go_on_closing(&mut self, key: Key<Session>, outcome: &Outcome) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(closing) = &mut session.closing else { return };
        closing.stage = match closing.stage {
            Stage::Final if outcome.failure() == Some(Failure::Fenced) => {
                self.purge(key, None);
                return;
            }
            Stage::Final if outcome.failure().is_some() => Stage::Spool,
            // Without its words, what was saved event by event has to do.
            Stage::Wake if session.asleep.is_some() => Stage::Change,
            Stage::Wake | Stage::Record => Stage::Final,
            Stage::Final | Stage::Spool => Stage::Change,
            Stage::Change if closing.stops => Stage::Stop,
            Stage::Change | Stage::Stop | Stage::Done => Stage::Done,
        };
        self.closing_asks(key);
    }

    /// The words of a session are back, or will never be: if it closes, it goes on with that.
    pub(super) fn go_on_closing_awake(&mut self, key: Key<Session>) {
        let Some(session) = self.sessions.get(key) else { return };
        if session.closing.is_some_and(|closing| closing.stage == Stage::Wake) {
            self.go_on_closing(key, &Outcome::Done);
        }
    }

    /// What a closing asks for in its present stage.
    fn closing_asks(&mut self, key: Key<Session>) {
        let Some(session) = self.sessions.get(key) else { return };
        let Some(closing) = session.closing else { return };
        let interaction = session.interaction.clone();
        let request = match closing.stage {
            Stage::Wake => return self.fetch_words(key),
            Stage::Record => Request::Record(session.new_record()),
            Stage::Final => {
                let notices = self.config.settings.transcript_save_notices;
                Request::Record(Record::Final {
                    session: session.id.clone(),
                    generation: session.generation,
                    end_at: closing.end_at,
                    events: session.stored(EventId::NONE, session.transcript.last(), notices),
                    leaves: Vec::new(),
                })
            }
            Stage::Spool => {
                let notices = self.config.settings.transcript_save_notices;
                Request::Record(Record::Spool {
                    session: session.id.clone(),
                    beginning: Box::new(session.beginning()),
                    generation: session.generation,
                    end_at: closing.end_at,
                    events: session.stored(EventId::NONE, session.transcript.last(), notices),
                })
            }
            Stage::Change => {
                let properties = KvList::from([
                    ("IsOnline", "0".into()),
                    ("ChatServerSessionClosedAt", (&*closing.end_at.written()).into()),
                ]);
                Request::Interaction(Interaction::Change { interaction, properties })
            }
            Stage::Stop => Request::Interaction(Interaction::Stop { interaction }),
            Stage::Done => return self.forget_closed(key),
        };
        self.ask(key, |_| Purpose::Close, request);
    }

    /// Nobody is interested in the end of a closed session any more (B8.6).
    pub(super) fn end_linger(&mut self, key: Key<Session>) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.lingered = true;
        self.forget_closed(key);
    }

    /// Forgets a closed session that nobody is interested in any more, once all it asked for is
    /// done and everybody was told.
    pub(super) fn forget_closed(&mut self, key: Key<Session>) {
        let Some(session) = self.sessions.get(key) else { return };
        let done = session.closing.is_some_and(|closing| closing.stage == Stage::Done);
        let told = session.outbox.is_empty() && !session.roster.is_read();
        if done && session.lingered && told {
            self.turn(key, Turn::Forgotten);
        }
    }

    /// Another phase of a session's life, if this turn leads to one.
    pub(super) fn turn(&mut self, key: Key<Session>, turn: Turn) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(phase) = session.phase.after(turn) else { return };
        let before = core::mem::replace(&mut session.phase, phase);
        match (before.counts(), phase.counts()) {
            (true, false) => self.admission.sessions -= 1,
            (false, true) => self.admission.sessions += 1,
            (true, true) | (false, false) => {}
        }
        if before == Phase::Leaving {
            self.left_one_less();
        }
        if phase == Phase::Gone
            && let Some(session) = self.sessions.remove(key)
        {
            if self.by_id.get(&session.id) == Some(&key) {
                self.by_id.remove(&session.id);
            }
            session.keeping.timer.map(|timer| self.timers.cancel(timer));
            if let Some(creation) = &session.creation {
                self.creations.remove(&**creation);
            }
            if self.by_interaction.get(&session.interaction) == Some(&key) {
                self.by_interaction.remove(&session.interaction);
            }
            self.forget_reminders(&session);
            for user in session.users() {
                self.forget_user(user);
            }
            self.refuse_held(session.asleep, ErrorId::NoSuchSession);
        }
    }
}
