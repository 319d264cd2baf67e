//! A small server machine that saves what it is told and says it back: enough to put the simulated
//! world, the links and the store to work.

use std::collections::{BTreeMap, VecDeque};

use std::time::Duration;

use confer_core::ask::{Beginning, Failure, Outcome, Record, Request as AskRequest};
use confer_core::door::{Action, CloseReason, Input, LinkChange, Report};
use confer_core::frame::{
    ChatTranscript, ErrorId, Event, EventBody, Frame, Malformed, Message, NewParty, Open, Party,
    ProtocolType, Request, RequestResult, SessionStatus, TranscriptEvent, UserType, Visibility,
    basic, esp, flex,
};
use confer_core::id::{EventId, Ids, InteractionId, LinkId, OpId, PortId, SessionId, UserId};
use confer_core::machine::{Machine, Progress};
use confer_core::pii::Pii;
use confer_core::text::{Str, Text};
use confer_core::time::{Instant, Stamp, Wall};
use confer_core::wheel::{TimerId, Wheel};

/// How long a connection may stay nameless.
pub const REGISTER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an answer of the store is waited for before it is asked again.
pub const SAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// Timers at a time: one for each connection and each save.
const MAX_TIMERS: usize = 100_000;

/// Saves what it is told, and only then says it back.
#[derive(Debug)]
pub struct Echo {
    ids: Ids,
    wall: Wall,
    timers: Wheel<Timer>,
    links: BTreeMap<LinkId, Guest>,
    saves: BTreeMap<OpId, LinkId>,
    next_op: u64,
    actions: VecDeque<Action>,
}

#[derive(Clone, Copy, Debug)]
enum Timer {
    Register(LinkId),
    Save(OpId),
}

/// Whoever is at the other end of a connection.
#[derive(Debug)]
struct Guest {
    port: PortId,
    register: Option<TimerId>,
    user_id: UserId,
    party: Party,
    session: SessionId,
    start_at: Stamp,
    next_event: EventId,
    /// What is to be saved and then answered, oldest first; the first is being saved.
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    reference: u32,
    event: TranscriptEvent,
    /// The record is there.
    created: bool,
}

impl Echo {
    /// An echo that knows nobody.
    pub fn new(seed: [u8; 32], now: Instant) -> Self {
        Self {
            ids: Ids::new(seed),
            wall: Wall::new(now, 0),
            timers: Wheel::new(now, MAX_TIMERS),
            links: BTreeMap::new(),
            saves: BTreeMap::new(),
            next_op: 0,
            actions: VecDeque::new(),
        }
    }

    /// Connections that are open.
    pub fn guests(&self) -> usize {
        self.links.len()
    }

    /// Timers that run.
    pub fn timers(&self) -> usize {
        self.timers.len()
    }

    fn link(&mut self, link: LinkId, change: LinkChange, now: Instant) {
        match change {
            LinkChange::Opened { port, .. } => {
                let register = (port != PortId::Esp)
                    .then(|| self.timers.arm(now + REGISTER_TIMEOUT, Timer::Register(link)).ok());
                let guest = Guest {
                    port,
                    register: register.flatten(),
                    user_id: self.ids.user_id(),
                    party: Party {
                        user_nickname: Pii::new(Str::default()),
                        user_type: Open::Known(UserType::Client),
                    },
                    session: self.ids.session_id(),
                    start_at: self.wall.stamp(now),
                    next_event: EventId::NONE,
                    waiting: VecDeque::new(),
                };
                self.links.insert(link, guest);
            }
            LinkChange::Closed => {
                let register = self.links.remove(&link).and_then(|guest| guest.register);
                register.map(|timer| self.timers.cancel(timer));
            }
            LinkChange::Congested | LinkChange::Drained => {}
        }
    }

    fn frame(&mut self, link: LinkId, frame: Frame<Request>, now: Instant) {
        let Frame { reference, body } = frame;
        match body {
            Request::Basic(request) => self.basic(link, reference, request, now),
            Request::Flex(request) => self.flex(link, reference, request, now),
            Request::Esp(esp::Request::Request3rdServer(call)) => {
                let answer = call.envelope.answer(call.envelope.parameters.clone());
                self.send(link, reference, esp::Event::Event3rdServerResponse(answer));
            }
        }
    }

    fn basic(&mut self, link: LinkId, reference: u32, request: basic::Request, now: Instant) {
        let Some(guest) = self.links.get_mut(&link) else { return };
        match request {
            basic::Request::RequestRegister(register) => {
                guest.register.take().map(|timer| self.timers.cancel(timer));
                guest.party.user_nickname = register.user_nickname;
                guest.party.user_type = Open::Known(register.user_type);
                let event = basic::EventRegistered {
                    user_id: guest.user_id.clone(),
                    client_version: register.client_version.unwrap_or(101),
                };
                self.send(link, reference, basic::Event::EventRegistered(event));
            }
            basic::Request::RequestJoin(_) => {
                let body = EventBody::NewParty(Box::new(NewParty {
                    protocol_type: Open::Known(ProtocolType::Basic),
                    person_id: None,
                    time_zone_offset: None,
                    client_version: None,
                    user_data: None,
                    message_text: None,
                }));
                self.enqueue(link, reference, body, now);
            }
            basic::Request::RequestMessage(message) => {
                self.enqueue(link, reference, said(message.message_text), now);
            }
            basic::Request::RequestUnregister
            | basic::Request::RequestNotify(_)
            | basic::Request::RequestReleaseParty(_) => self.refuse(link, reference),
        }
    }

    fn flex(&mut self, link: LinkId, reference: u32, request: flex::Request, now: Instant) {
        let Some(guest) = self.links.get_mut(&link) else { return };
        guest.register.take().map(|timer| self.timers.cancel(timer));
        match request {
            flex::Request::RequestLogin(login) => {
                guest.party.user_nickname = login.user_nickname;
                let status = flex::EventStatus {
                    user_id: Some(guest.user_id.clone()),
                    secure_key: Some(self.ids.secret()),
                    ..flex::EventStatus::new(RequestResult::Success)
                };
                self.send(link, reference, flex::Event::EventStatus(status));
            }
            flex::Request::RequestRefresh(refresh) => match refresh.message_text {
                Some(text) => self.enqueue(link, reference, said(text), now),
                None => self.refuse(link, reference),
            },
            flex::Request::RequestJoin(_)
            | flex::Request::RequestLogout(_)
            | flex::Request::RequestNotify(_)
            | flex::Request::RequestNode(_)
            | flex::Request::RequestPush(_)
            | flex::Request::RequestAlive(_) => self.refuse(link, reference),
        }
    }

    /// Makes an event; it is answered once it is saved, after those before it.
    fn enqueue(&mut self, link: LinkId, reference: u32, body: EventBody, now: Instant) {
        let Some(guest) = self.links.get_mut(&link) else { return };
        let Some(event_id) = guest.next_event.next() else { return };
        guest.next_event = event_id;
        let event = TranscriptEvent {
            event_id,
            user_id: guest.user_id.clone(),
            time_shift: self.wall.stamp(now).saturating_since(guest.start_at),
            visibility: Open::Known(Visibility::All),
            party: Some(guest.party.clone()),
            participant_no: (guest.port == PortId::Webapi).then_some(1),
            event_attributes: None,
            body,
        };
        guest.waiting.push_back(Waiting { reference, event, created: event_id.number() > 1 });
        if guest.waiting.len() == 1 {
            self.save(link, now);
        }
    }

    /// Asks for what the first in line needs: a record, or its event in it.
    fn save(&mut self, link: LinkId, now: Instant) {
        let Some(guest) = self.links.get(&link) else { return };
        let Some(first) = guest.waiting.front() else { return };
        let session = guest.session.clone();
        let record = if first.created {
            let events = first.event.clone().into();
            Record::Append {
                session,
                generation: 1,
                events,
                reserved_to: first.event.event_id,
                orphan_at: guest.start_at,
                leaves: Vec::new(),
            }
        } else {
            let beginning = Beginning {
                contact: None,
                start_at: guest.start_at,
                subject: None,
                user_data: confer_core::frame::KvList::new(),
                tenant: Str::new("1"),
                queue: Str::new("default"),
                interaction: InteractionId::new(session.as_str()),
            };
            Record::Create { session, beginning: Box::new(beginning) }
        };
        self.next_op += 1;
        let op = OpId(self.next_op);
        self.saves.insert(op, link);
        // A wheel without room only costs the retry of an answer that never comes.
        let _ = self.timers.arm(now + SAVE_TIMEOUT, Timer::Save(op));
        self.actions.push_back(Action::Ask { op, request: AskRequest::Record(record) });
    }

    fn done(&mut self, op: OpId, outcome: &Outcome, now: Instant) {
        // An answer that comes after its question was asked again is late, and ignored.
        let Some(link) = self.saves.remove(&op) else { return };
        let Some(guest) = self.links.get_mut(&link) else { return };
        if matches!(outcome, Outcome::Failed(Failure::Unavailable)) {
            return self.save(link, now);
        }
        let Some(first) = guest.waiting.front_mut() else { return };
        if !first.created {
            first.created = true;
            return self.save(link, now);
        }
        let Some(Waiting { reference, event, .. }) = guest.waiting.pop_front() else { return };
        let transcript = ChatTranscript {
            start_at: guest.start_at,
            session_id: guest.session.clone(),
            events: event.into(),
            idle_time_expire: None,
            monitored: None,
        };
        let event: Event = if guest.port == PortId::Webapi {
            let status = flex::EventStatus {
                user_id: Some(guest.user_id.clone()),
                session_id: Some(guest.session.clone()),
                last_position: transcript.events.last().map(|event| event.event_id),
                chat_transcript: Some(transcript),
                ..flex::EventStatus::new(RequestResult::Success)
            };
            flex::Event::EventStatus(status).into()
        } else {
            let info = basic::EventSessionInfo {
                session_id: guest.session.clone(),
                session_status: Open::Known(SessionStatus::Alive),
                chat_transcript: transcript,
                user_id: None,
                more_events: false,
            };
            basic::Event::EventSessionInfo(info).into()
        };
        self.actions.push_back(Action::Send { link, frame: Frame::new(reference, event) });
        self.save(link, now);
    }

    fn malformed(&mut self, link: LinkId, malformed: Malformed) {
        let Malformed { reference, message, what, .. } = malformed;
        self.actions.push_back(Action::Report(Report::Malformed { link, message, what }));
        self.refuse(link, reference);
    }

    fn refuse(&mut self, link: LinkId, reference: u32) {
        let Some(guest) = self.links.get(&link) else { return };
        let (error_id, error_text) =
            (ErrorId::Malformed.number(), Str::new(ErrorId::Malformed.text()));
        let event: Event = match guest.port {
            PortId::Webapi => flex::Event::EventStatus(flex::EventStatus {
                error_id: Some(error_id),
                error_text: Some(error_text),
                ..flex::EventStatus::new(RequestResult::Error)
            })
            .into(),
            PortId::Default | PortId::Esp | PortId::Health | PortId::Web => {
                basic::Event::EventError(basic::EventError {
                    error_id,
                    error_text,
                    session_id: None,
                })
                .into()
            }
        };
        self.actions.push_back(Action::Send { link, frame: Frame::new(reference, event) });
    }

    fn send(&mut self, link: LinkId, reference: u32, event: impl Into<Event>) {
        let frame = Frame::new(reference, event.into());
        self.actions.push_back(Action::Send { link, frame });
    }

    fn fire(&mut self, timer: Timer, now: Instant) {
        match timer {
            Timer::Register(link) => {
                if let Some(guest) = self.links.get_mut(&link) {
                    guest.register = None;
                    let reason = CloseReason::NotRegistered;
                    self.actions.push_back(Action::Close { link, reason });
                }
            }
            Timer::Save(op) => {
                if let Some(link) = self.saves.remove(&op) {
                    self.save(link, now);
                }
            }
        }
    }
}

fn said(message_text: Text) -> EventBody {
    EventBody::Message(Message {
        message_text,
        message_type: None,
        treat_as: None,
        receiver_id: None,
        user_data: None,
    })
}

impl Machine for Echo {
    type Input = Input;
    type Action = Action;

    fn handle(&mut self, input: Input, now: Instant) {
        while self.handle_timeout(now, 64) == Progress::More {}
        match input {
            Input::Link { link, change } => self.link(link, change, now),
            Input::Frame { link, frame } => self.frame(link, frame, now),
            Input::Malformed { link, malformed } => self.malformed(link, malformed),
            Input::Done { op, outcome } => self.done(op, &outcome, now),
            Input::Wall(wall) => self.wall = wall,
            // An echo has no limits, no configuration, no one else, and no end.
            Input::External(_)
            | Input::ReplyDelay(_)
            | Input::Config(_)
            | Input::Drain
            | Input::CloseSessions => {}
        }
    }

    fn handle_timeout(&mut self, now: Instant, budget: usize) -> Progress {
        let mut budget = u32::try_from(budget).unwrap_or(u32::MAX);
        while let Some((_, timer)) = self.timers.pop_due(now, &mut budget) {
            self.fire(timer, now);
        }
        if self.timers.next_deadline().is_some_and(|at| at <= now) {
            Progress::More
        } else {
            Progress::Idle
        }
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }
}
