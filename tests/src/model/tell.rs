//! What is told to whom, when it may be told (B20.1), and in which order (B5.3).

use confer_core::frame::NoticeType::SysCommand;
use confer_core::frame::{ErrorId, Event, Frame, KvList, Open, RequestResult, SessionStatus};
use confer_core::frame::{basic, esp, flex};
use confer_core::id::{EventId, PortId, SessionId, UserId};
use confer_core::text::Str;

use super::state::{Answer, Closing, Due, How, Model, Out, Phase, Seat, Step};
use super::view::since;

impl Model {
    /// Something happened in a session, from after one event up to another; perhaps by a request.
    pub(super) fn happened(&mut self, session: usize, after: u32, answer: Option<Answer>) {
        self.happened_last(session, after, answer, false);
    }

    /// The same; perhaps the last that happens there.
    pub(super) fn happened_last(
        &mut self,
        session: usize,
        after: u32,
        answer: Option<Answer>,
        closes: bool,
    ) {
        let to = self.sessions[session].last();
        // B20.9: where the session stands is saved with what brought it there.
        let properties = self.track(session, after, to);
        let save = self.save_first(session, after, to);
        self.queue(session, after, to, answer, closes, save);
        self.watch(session, after, to);
        self.change(session, properties);
        self.tell(session);
    }

    /// An answer to something that causes no event, behind what is not told yet.
    pub(super) fn answer_in_turn(&mut self, session: usize, answer: Answer) {
        let last = self.sessions[session].last();
        // B20.1: what a request has changed without an event is saved before it is answered.
        let save = self.save_first(session, last, last);
        self.queue(session, last, last, Some(answer), false, save);
        self.tell(session);
    }

    /// B20.9: what has changed without an event, and without anybody asking, is saved.
    pub(super) fn keep(&mut self, session: usize) {
        let last = self.sessions[session].last();
        let save = self.save_first(session, last, last);
        if save.0.is_some() {
            self.queue(session, last, last, None, false, save);
        }
    }

    fn queue(
        &mut self,
        session: usize,
        after: u32,
        to: u32,
        answer: Option<Answer>,
        closes: bool,
        (save, patience): (Option<usize>, Option<Due>),
    ) {
        let it = &mut self.sessions[session];
        // B3.5.
        let monitored = it.has(|party| party.visibility == confer_core::frame::Visibility::Vip);
        it.steps.push_back(Step { after, to, answer, closes, monitored, save, patience });
    }

    /// Tells all that may be told: those who listen, then whoever asked.
    pub(super) fn tell(&mut self, session: usize) {
        while self.sessions[session].steps.front().is_some_and(|step| step.save.is_none()) {
            let it = &mut self.sessions[session];
            let Some(step) = it.steps.pop_front() else { return };
            let mut parties = std::mem::take(&mut it.parties);
            it.rename(&mut parties, step.after, step.to);
            it.parties = parties;
            it.told_closed |= step.closes;
            let monitored_changed = it.told_monitored != step.monitored;
            it.told_monitored = step.monitored;
            self.tell_listeners(session, &step, monitored_changed);
            if let Some(answer) = &step.answer {
                self.answer(session, &step, answer, monitored_changed);
            }
            // B5.4: what these events make obsolete goes now that everybody knows why.
            self.sessions[session].told = step.to;
            // A leaver has heard of its own going.
            for party in &mut self.sessions[session].parties {
                party.deaf |= party.left.is_some_and(|left| left <= step.to);
            }
        }
        self.may_sleep(session);
        self.forget_if_over(session);
    }

    fn tell_listeners(&mut self, session: usize, step: &Step, monitored_changed: bool) {
        let it = &self.sessions[session];
        // What somebody did itself reaches it in the answer alone (wire §4.1).
        let asker = match step.answer.as_ref().map(|answer| &answer.how) {
            Some(
                How::Basic(party)
                | How::Join(party, _)
                | How::Again(party, ..)
                | How::Flex(party, _)
                | How::Refused(party, ..),
            ) => Some(*party),
            Some(How::Unregistered | How::Esp(_)) | None => None,
        };
        let mut frames = Vec::new();
        for (number, party) in it.parties.iter().enumerate() {
            let Seat::Basic(link) = party.seat else { continue };
            if party.deaf || Some(number) == asker || party.joined > step.after {
                continue;
            }
            let to = party.left.map_or(step.to, |left| left.min(step.to));
            let events = it.views(number, step.after, to);
            let monitored = monitored_changed && party.version() >= 105;
            if !events.is_empty() || monitored {
                let transcript = self.transcript(session, number, events, monitored);
                frames.push((link, info(it.told_closed, None, transcript)));
            }
        }
        for (link, info) in frames {
            self.send(link, Frame::unsolicited(Event::Basic(info)));
        }
    }

    /// B20.6: the server says something beside the transcript, to those on basic who know commands.
    pub(super) fn tell_aside(&mut self, session: usize, command: &str) {
        let stamp = self.stamp();
        let it = &self.sessions[session];
        let mut frames = Vec::new();
        for (number, party) in it.parties.iter().enumerate() {
            let Seat::Basic(link) = party.seat else { continue };
            if !party.deaf && party.left.is_none() && party.version() >= since(SysCommand) {
                let events = vec![it.aside(command, stamp)];
                let transcript = self.transcript(session, number, events, false);
                frames.push((link, info(it.told_closed, None, transcript)));
            }
        }
        for (link, info) in frames {
            self.send(link, Frame::unsolicited(Event::Basic(info)));
        }
    }

    fn answer(&mut self, session: usize, step: &Step, answer: &Answer, monitored_changed: bool) {
        let Answer { link, reference, how } = answer;
        let it = &self.sessions[session];
        let event: Event = match how {
            How::Basic(party) => {
                let events = it.views(*party, step.after, step.to);
                let transcript = self.transcript(session, *party, events, monitored_changed);
                info(it.told_closed, None, transcript).into()
            }
            How::Join(party, after) => {
                // A position nobody has reached is the newest before the Join (B4.7).
                let events = it.views(*party, (*after).min(step.after), step.to);
                let transcript = self.transcript(session, *party, events, monitored_changed);
                let user_id = UserId::new(&it.parties[*party].user_id);
                info(it.told_closed, Some(user_id), transcript).into()
            }
            How::Again(party, after, to, joins) => {
                let events = it.views(*party, *after, *to);
                let transcript = self.transcript(session, *party, events, false);
                let user_id = joins.then(|| UserId::new(&it.parties[*party].user_id));
                info(it.told_closed, user_id, transcript).into()
            }
            How::Flex(party, after) => {
                let status = flex::EventStatus {
                    user_id: Some(UserId::new(&it.parties[*party].user_id)),
                    session_id: Some(SessionId::new(&format!("S{session}"))),
                    session_status: Some(Open::Known(status(it.told_closed))),
                    ..flex::EventStatus::new(RequestResult::Success)
                };
                flex::Event::EventStatus(self.read(session, *party, *after, step.to, status)).into()
            }
            How::Refused(party, error, after) => {
                let status = refused(*error);
                flex::Event::EventStatus(self.read(session, *party, *after, step.to, status)).into()
            }
            How::Esp(envelope) => esp::Event::Event3rdServerResponse(envelope.clone()).into(),
            How::Unregistered => return self.left_one(*link, *reference),
        };
        self.send(*link, Frame::new(*reference, event));
    }

    /// An answer with what a flex user has not read yet (wire §4.2).
    fn read(
        &self,
        session: usize,
        party: usize,
        after: Option<u32>,
        to: u32,
        status: flex::EventStatus,
    ) -> flex::EventStatus {
        let Some(after) = after else { return status };
        let it = &self.sessions[session];
        // B9.2: up to its own PartyLeft.
        let to = it.parties[party].left.map_or(to, |left| left.min(to));
        let events = it.views(party, after, to);
        let last = events.last().map(|event| event.event_id).or(EventId::new(after));
        let transcript = self.transcript(session, party, events, false);
        flex::EventStatus { last_position: last, chat_transcript: Some(transcript), ..status }
    }

    /// One leave of a connection that unregisters is told, or all are begun.
    pub(super) fn left_one(&mut self, link: usize, reference: u32) {
        self.links[link].leaving -= 1;
        if self.links[link].leaving == 0 {
            self.send(link, Frame::new(reference, basic::Event::EventUnregistered.into()));
        }
    }

    /// A frame to a connection; to one that is gone, nothing.
    pub(super) fn send(&mut self, link: usize, frame: Frame<Event>) {
        if self.links[link].open {
            self.out.push(Out::Send(link, frame));
        }
    }

    /// A refusal, in the manner of the port.
    pub(super) fn refuse(&mut self, link: usize, reference: u32, error: ErrorId) {
        let event = match self.links[link].port {
            PortId::Webapi | PortId::Web => flex::Event::EventStatus(refused(error)).into(),
            PortId::Esp => fault(&esp::Envelope::nameless(KvList::new()), error).into(),
            PortId::Default | PortId::Health => basic_error(error, None).into(),
        };
        self.send(link, Frame::new(reference, event));
    }

    /// B8.6: forgotten once the linger is over, everything is told and everything asked for is done.
    pub(super) fn forget_if_over(&mut self, session: usize) {
        let it = &self.sessions[session];
        let done = matches!(it.closing, Some((Closing::Done, ..)));
        if it.phase == Phase::Closed && done && it.lingered && it.steps.is_empty() {
            self.forget(session);
        }
    }
}

pub(super) fn basic_error(error: ErrorId, session_id: Option<SessionId>) -> basic::Event {
    basic::Event::EventError(basic::EventError {
        error_id: error.number(),
        error_text: Str::default(),
        session_id,
    })
}

pub(super) fn refused(error: ErrorId) -> flex::EventStatus {
    flex::EventStatus {
        error_id: Some(error.number()),
        error_text: Some(Str::default()),
        ..flex::EventStatus::new(RequestResult::Error)
    }
}

pub(super) fn fault(envelope: &esp::Envelope, error: ErrorId) -> esp::Event {
    let parameters =
        KvList::from([("FaultCode", error.number().into()), ("FaultString", "".into())]);
    esp::Event::Event3rdServerFault(envelope.answer(parameters))
}

fn info(
    closed: bool,
    user_id: Option<UserId>,
    transcript: confer_core::frame::ChatTranscript,
) -> basic::Event {
    basic::Event::EventSessionInfo(basic::EventSessionInfo {
        session_id: transcript.session_id.clone(),
        session_status: Open::Known(status(closed)),
        chat_transcript: transcript,
        user_id,
        more_events: false,
    })
}

const fn status(closed: bool) -> SessionStatus {
    if closed { SessionStatus::Closed } else { SessionStatus::Alive }
}
