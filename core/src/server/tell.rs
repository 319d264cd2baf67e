//! Telling people what happened, once it may be told.

use crate::door::Action;
use crate::frame::{ChatTranscript, Event, EventList, Frame, NoticeType, Open, basic, esp};
use crate::id::{LinkId, UserId};
use crate::session::Session;
use crate::session::outbox::{Answer, Step};
use crate::session::roster::{Listener, PartyNo};
use crate::session::view::Viewer;
use crate::slab::Key;

use super::Server;
use super::read::Owed;

impl Server {
    /// Tells everything of a session that may be told by now, in order: first those who only watch,
    /// then whoever asked.
    pub(super) fn release(&mut self, key: Key<Session>) {
        while let Some(session) = self.sessions.get_mut(key)
            && let Some(step) = session.outbox.release()
        {
            session.told(&step);
            self.deliver(key, &step);
            self.push_news(key, &step);
            match &step.answer {
                Some(Answer::Basic { link, reference, party, join }) => {
                    // A position nobody has reached yet is the newest before the Join (B4.7).
                    let after = join.map_or(step.after, |after| after.min(step.after));
                    let owed =
                        Owed { joins: join.is_some(), ..Owed::new(*reference, after, step.to) };
                    self.inform(key, *link, *party, owed, step.monitored_changed);
                }
                Some(Answer::Again { link, reference, party, after, to, joins }) => {
                    let owed =
                        Owed { joins: *joins, again: true, ..Owed::new(*reference, *after, *to) };
                    self.inform(key, *link, *party, owed, false);
                }
                Some(Answer::Flex { link, reference, party, after }) => {
                    let status = self.status(key, *party, *after, step.to);
                    self.send_flex(*link, *reference, status);
                    self.fetched(key, *party, *after, step.to);
                }
                Some(Answer::Refused { link, reference, party, refusal, after }) => {
                    let status = self.refused_status(key, *party, *refusal, *after, step.to);
                    self.send_flex(*link, *reference, status);
                    self.fetched(key, *party, *after, step.to);
                }
                Some(Answer::Result { link, reference, party, after, result }) => {
                    self.tell_result(key, (*link, *reference), *party, (*after, step.to), result);
                }
                Some(Answer::Esp { link, reference, envelope, .. }) => {
                    let response = esp::Event::Event3rdServerResponse((**envelope).clone());
                    self.send_esp(*link, *reference, response);
                }
                Some(Answer::Unregistered { link, reference }) => self.left_one(*link, *reference),
                None => {}
            }
            if let Some(session) = self.sessions.get_mut(key) {
                session.transcript.forget_obsolete(step.after, step.to);
                session.roster.forget_listeners(step.to);
            }
        }
        self.may_sleep(key);
        self.hand_over(key);
        self.forget_closed(key);
    }

    /// Delivers a step's events to everybody on basic who was there, except whoever asked for them.
    fn deliver(&mut self, key: Key<Session>, step: &Step) {
        let Some(session) = self.sessions.get(key) else { return };
        let asker = step.answer.as_ref().map(Answer::party);
        for &Listener { party, link, reads } in session.roster.listeners() {
            if reads || Some(party) == asker {
                continue;
            }
            let participant = session.roster.party(party);
            if participant.joined > step.after {
                continue;
            }
            let to = participant.left.map_or(step.to, |left| left.min(step.to));
            let viewer = Viewer::new(party, participant).told(to);
            let entries = session.transcript.between(step.after, to);
            let events: EventList = viewer.events(entries, &session.roster).collect();
            let monitored = step.monitored_changed && viewer.knows_monitored();
            if events.is_empty() && !monitored {
                continue;
            }
            let transcript = session.chat_transcript(viewer, events, monitored, self.now);
            let frame = Frame::unsolicited(session_info(session, transcript, None));
            self.actions.push_back(Action::Send { link, frame });
        }
    }

    /// Says a command to those on basic whose client knows commands, beside the transcript.
    pub(super) fn tell_aside(&mut self, key: Key<Session>, command: &str) {
        let stamp = self.stamp();
        let Some(session) = self.sessions.get(key) else { return };
        for listener in session.roster.listeners() {
            let participant = session.roster.party(listener.party);
            let viewer = Viewer::new(listener.party, participant);
            if participant.left.is_some() || !viewer.knows_notice(NoticeType::SysCommand) {
                continue;
            }
            let aside = session.aside(false, command, None, stamp);
            let info = basic::EventSessionInfo {
                session_id: session.id.clone(),
                session_status: Open::Known(session.status()),
                chat_transcript: session.chat_transcript(viewer, aside.into(), false, self.now),
                user_id: None,
                more_events: false,
            };
            let frame = Frame::unsolicited(Event::Basic(basic::Event::EventSessionInfo(info)));
            self.actions.push_back(Action::Send { link: listener.link, frame });
        }
    }

    /// Answers a basic request with these events: those it caused, or to a Join the transcript after
    /// a position, ending with the newcomer's own newParty (B4.7).
    fn inform(
        &mut self,
        key: Key<Session>,
        link: LinkId,
        party: PartyNo,
        owed: Owed,
        monitored_changed: bool,
    ) {
        if self.reads_later(key, link, party, owed) {
            return;
        }
        let Owed { reference, after, to, joins, .. } = owed;
        let Some(session) = self.sessions.get(key) else { return };
        let participant = session.roster.party(party);
        let viewer = Viewer::new(party, participant).told(to);
        let entries = session.transcript.between(after, to);
        let events = viewer.events(entries, &session.roster).collect();
        let transcript = session.chat_transcript(viewer, events, monitored_changed, self.now);
        let user_id = joins.then(|| participant.user_id.clone());
        let frame = Frame::new(reference, session_info(session, transcript, user_id));
        self.actions.push_back(Action::Send { link, frame });
    }
}

/// News of a session, as they are told on basic.
#[inline]
fn session_info(
    session: &Session,
    chat_transcript: ChatTranscript,
    user_id: Option<UserId>,
) -> Event {
    Event::Basic(basic::Event::EventSessionInfo(basic::EventSessionInfo {
        session_id: session.id.clone(),
        session_status: Open::Known(session.status()),
        chat_transcript,
        user_id,
        more_events: false,
    }))
}
