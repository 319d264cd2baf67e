//! Long transcripts and slow readers (B5.7): a transcript is given in stretches, as the reader of the
//! connection takes them, and whoever has not got it whole yet gets everything newer behind it.

use core::time::Duration;

use alloc::collections::VecDeque;

use crate::door::Action;
use crate::frame::{ErrorId, Event, EventList, Frame, Open, SessionStatus, basic};
use crate::id::{EventId, LinkId};
use crate::refusal::Refusal;
use crate::session::Session;
use crate::session::roster::PartyNo;
use crate::session::view::Viewer;
use crate::slab::Key;

use super::links::Link;
use super::{Server, Timer};

/// Events looked at for one stretch of a transcript.
const STRETCH: usize = 4096;
/// Transcripts that may wait for their turn on one connection. A Join beyond is refused (8311).
const MAX_READINGS: usize = 1024;
/// Answers that may wait behind a transcript that is being read. A request beyond is refused (8311).
const MAX_OWED: usize = 64;
/// The pause between two stretches, in which the link can say that it has enough.
const PAUSE: Duration = Duration::from_millis(1);

/// A participation whose transcript is still being read.
#[derive(Debug)]
pub(super) struct Reading {
    session: Key<Session>,
    party: PartyNo,
    /// The last event it was given.
    told: EventId,
    /// Answers it waits for, oldest first.
    owed: VecDeque<Owed>,
    /// The Unregister that waits for the end of it.
    pub(super) unregister: Option<u32>,
}

/// The answer to a basic request: the events after `after` up to `to`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owed {
    pub(super) reference: u32,
    pub(super) after: EventId,
    pub(super) to: EventId,
    /// It answers a Join, with the participation's id.
    pub(super) joins: bool,
    /// It repeats an earlier answer (B4.8), and its events may be old ones.
    pub(super) again: bool,
    /// How far it was given; `None`: it is not begun.
    pub(super) given: Option<EventId>,
}

impl Owed {
    pub(super) const fn new(reference: u32, after: EventId, to: EventId) -> Self {
        Self { reference, after, to, joins: false, again: false, given: None }
    }
}

impl Link {
    /// Whether somebody who is still reading may ask for more.
    pub(super) fn may_ask(&self, session: Key<Session>) -> Result<(), Refusal> {
        if self.readings.len() >= MAX_READINGS {
            return Err(Refusal::because(ErrorId::LimitReached, "too many transcripts to be read"));
        }
        match self.readings.iter().rfind(|reading| reading.session == session) {
            Some(reading) if reading.owed.len() >= MAX_OWED => {
                Err(Refusal::because(ErrorId::LimitReached, "too many answers wait to be read"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Server {
    /// Whether somebody who is still reading may ask for more.
    pub(super) fn may_ask(&self, link: LinkId, session: Key<Session>) -> Result<(), Refusal> {
        self.links.link(link).map_or(Ok(()), |there| there.may_ask(session))
    }

    /// Whether an answer must wait for its reader. If so, it is kept for it.
    pub(super) fn reads_later(
        &mut self,
        key: Key<Session>,
        link: LinkId,
        party: PartyNo,
        owed: Owed,
    ) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return false };
        if !owed.joins && !session.roster.is_reading(party) {
            return false;
        }
        let Some(there) = self.links.link_mut(link) else { return false };
        let of = |reading: &&mut Reading| (reading.session, reading.party) == (key, party);
        if let Some(reading) = there.readings.iter_mut().find(of) {
            reading.owed.push_back(owed);
            return true;
        }
        let long = session.transcript.stretch(owed.after, owed.to, STRETCH) < owed.to;
        if !(owed.joins && (long || there.congested)) {
            return false;
        }
        session.roster.reads(party, true);
        there.readings.push_back(Reading {
            session: key,
            party,
            told: owed.after.min(owed.to),
            owed: VecDeque::from([owed]),
            unregister: None,
        });
        self.read_on(link);
        true
    }

    /// Gives the next stretch, unless the reader has enough for now.
    pub(super) fn read_on(&mut self, link: LinkId) {
        let Some(there) = self.links.link_mut(link) else { return };
        if there.congested {
            return;
        }
        let Some(mut reading) = there.readings.pop_front() else { return };
        if self.give(link, &mut reading) {
            self.finish_reading(link, &reading);
        } else if let Some(there) = self.links.link_mut(link) {
            there.readings.push_front(reading);
        }
        let Some(there) = self.links.link_mut(link) else { return };
        if !there.readings.is_empty() && there.reader.is_none() {
            there.reader = self.timers.arm(self.now + PAUSE, Timer::Reader(link)).ok();
        }
    }

    /// Gives a stretch of what somebody has not got yet; whether that was all.
    fn give(&mut self, link: LinkId, reading: &mut Reading) -> bool {
        let Some(session) = self.sessions.get(reading.session) else { return true };
        let participant = session.roster.party(reading.party);
        let released = session.outbox.told();
        let end = participant.left.map_or(released, |left| left.min(released));
        let viewer = Viewer::new(reading.party, participant).told(released);
        let told = reading.told;
        // What is owed comes behind everything older.
        let owed = reading.owed.front_mut().filter(|owed| owed.again || owed.after <= told);
        let is_owed = owed.is_some();
        let (reference, user_id, after, goal) = match owed {
            Some(owed) => {
                let first = owed.given.is_none();
                let user_id = (first && owed.joins).then(|| participant.user_id.clone());
                let reference = if first { owed.reference } else { 0 };
                (reference, user_id, owed.given.unwrap_or(owed.after), owed.to)
            }
            None => (0, None, told, reading.owed.front().map_or(end, |owed| owed.after)),
        };
        let to = session.transcript.stretch(after, goal, STRETCH);
        if let Some(owed) = reading.owed.front_mut().filter(|_| is_owed) {
            owed.given = Some(to);
            let again = owed.again;
            if to >= goal {
                reading.owed.pop_front();
            }
            reading.told = if again { told } else { told.max(to) };
        } else {
            reading.told = told.max(to);
        }
        let all = reading.owed.is_empty() && reading.told >= end;
        let entries = session.transcript.between(after, to);
        let events: EventList = viewer.events(entries, &session.roster).collect();
        if reference != 0 || !events.is_empty() || (all && viewer.knows_monitored()) {
            let status = if all { session.status() } else { SessionStatus::Alive };
            let info = basic::EventSessionInfo {
                session_id: session.id.clone(),
                session_status: Open::Known(status),
                // Whether somebody watches may have changed since the first stretch.
                chat_transcript: session.chat_transcript(viewer, events, all, self.now),
                user_id,
                more_events: to < goal,
            };
            let frame = Frame::new(reference, Event::Basic(basic::Event::EventSessionInfo(info)));
            self.actions.push_back(Action::Send { link, frame });
        }
        all
    }

    /// Somebody has everything: from now on it hears of events as they happen.
    fn finish_reading(&mut self, link: LinkId, reading: &Reading) {
        if let Some(session) = self.sessions.get_mut(reading.session) {
            session.roster.reads(reading.party, false);
            session.roster.forget_listeners(session.outbox.told());
        }
        if let Some(reference) = reading.unregister {
            self.left_one(link, reference);
        }
        self.forget_closed(reading.session);
    }

    /// A session is dropped: whoever still waits for an answer there is told to try again.
    pub(super) fn refuse_readers(&mut self, link: LinkId, session: Key<Session>) {
        let Some(there) = self.links.link_mut(link) else { return };
        let (of, others) = core::mem::take(&mut there.readings)
            .into_iter()
            .partition(|reading| reading.session == session);
        there.readings = others;
        let of: VecDeque<Reading> = of;
        for reading in of {
            for owed in reading.owed.into_iter().filter(|owed| owed.given.is_none()) {
                self.refuse(link, owed.reference, ErrorId::Restoring.into());
            }
            if let Some(reference) = reading.unregister {
                self.left_one(link, reference);
            }
        }
    }

    /// A connection is gone, and nobody reads there any more.
    pub(super) fn stop_reading(&mut self, link: LinkId, readings: VecDeque<Reading>) {
        for reading in readings {
            if let Some(session) = self.sessions.get_mut(reading.session) {
                session.roster.forget_link(link);
            }
            self.forget_closed(reading.session);
        }
    }
}
