//! A machine with one session that says back what it hears.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use confer_core::door::{Action, Input, LinkChange};
use confer_core::frame::basic::{self, EventError, EventRegistered, EventSessionInfo};
use confer_core::frame::esp::{self, Envelope};
use confer_core::frame::flex::{self, EventStatus};
use confer_core::frame::{
    ChatTranscript, ErrorId, Event, EventBody, Frame, KvList, Message, NewParty, Notice, Party,
    ProtocolType, Request, RequestResult, SessionStatus, TranscriptEvent, Visibility,
};
use confer_core::id::{EventId, Ids, LinkId, PortId, SessionId, UserId};
use confer_core::machine::{Machine, Progress};
use confer_core::pii::Secret;
use confer_core::text::Str;
use confer_core::time::{Instant, Wall};

/// Events the session may have.
const MAX_EVENTS: usize = 64;

/// The stand-in for the server: one registration, one session, one flex user. It keeps the contract
/// of a machine and the form of every answer, and decides next to nothing.
pub struct Echo {
    ids: Ids,
    wall: Wall,
    links: Vec<(LinkId, PortId)>,
    /// Who has registered.
    party: Option<Party>,
    session: Option<Session>,
    /// Who has logged in.
    visitor: Option<(UserId, Secret)>,
    actions: VecDeque<Action>,
}

struct Session {
    session_id: SessionId,
    user_id: UserId,
    start: Instant,
    events: Vec<TranscriptEvent>,
}

impl Echo {
    /// A machine that has met nobody, with entropy and the calendar from outside.
    pub fn new(seed: [u8; 32], wall: Wall) -> Self {
        Self {
            ids: Ids::new(seed),
            wall,
            links: Vec::new(),
            party: None,
            session: None,
            visitor: None,
            actions: VecDeque::new(),
        }
    }

    /// Whether this connection was opened and not closed.
    pub fn knows(&self, link: LinkId) -> bool {
        self.links.iter().any(|(known, _)| *known == link)
    }

    fn answer(&mut self, request: Request, now: Instant) -> Event {
        match request {
            Request::Basic(request) => self.basic(request, now).map(Event::Basic),
            Request::Flex(request) => self.flex(request).map(Event::Flex),
            Request::Esp(esp::Request::Request3rdServer(call)) => {
                let outputs = call.envelope.parameters.clone();
                return esp::Event::Event3rdServerResponse(call.envelope.answer(outputs)).into();
            }
        }
        .unwrap_or_else(|(port, error)| refusal(port, error))
    }

    fn basic(&mut self, request: basic::Request, now: Instant) -> Answer<basic::Event> {
        let body = match request {
            basic::Request::RequestRegister(register) => {
                self.party = Some(Party {
                    user_nickname: register.user_nickname,
                    user_type: register.user_type.into(),
                });
                return Ok(basic::Event::EventRegistered(EventRegistered {
                    user_id: self.ids.user_id(),
                    client_version: register.client_version.unwrap_or(101),
                }));
            }
            basic::Request::RequestUnregister => {
                self.party = None;
                return Ok(basic::Event::EventUnregistered);
            }
            basic::Request::RequestJoin(join) => {
                if self.party.is_none() {
                    return Err((PortId::Default, ErrorId::NotRegistered));
                }
                self.session = Some(Session {
                    session_id: self.ids.session_id(),
                    user_id: self.ids.user_id(),
                    start: now,
                    events: Vec::new(),
                });
                EventBody::NewParty(
                    NewParty {
                        protocol_type: ProtocolType::Basic.into(),
                        person_id: None,
                        time_zone_offset: None,
                        client_version: None,
                        user_data: join.user_data,
                        message_text: join.message_text,
                    }
                    .into(),
                )
            }
            basic::Request::RequestMessage(message) => EventBody::Message(Message {
                message_text: message.message_text,
                message_type: message.message_type,
                treat_as: message.treat_as.map(Into::into),
                receiver_id: message.receiver_id,
                user_data: message.user_data,
            }),
            basic::Request::RequestNotify(notice) => EventBody::Notice(Notice {
                notice_type: notice.notice_type.into(),
                notice_text: notice.notice_text,
                receiver_id: notice.receiver_id,
                user_data: notice.user_data,
            }),
            basic::Request::RequestReleaseParty(_) => {
                return Err((PortId::Default, ErrorId::Malformed));
            }
        };
        self.append(body, now).map(basic::Event::EventSessionInfo)
    }

    /// Adds an event; the answer holds it and nothing else.
    fn append(&mut self, body: EventBody, now: Instant) -> Answer<EventSessionInfo> {
        let refuse = |error| (PortId::Default, error);
        let session = self.session.as_mut().ok_or(refuse(ErrorId::NoSuchSession))?;
        let number = session.events.len() + 1;
        if number > MAX_EVENTS {
            return Err(refuse(ErrorId::LimitReached));
        }
        let event_id = u32::try_from(number).ok().and_then(EventId::new).unwrap_or(EventId::MAX);
        let is_new_party = matches!(body, EventBody::NewParty(_));
        let seconds = now.saturating_since(session.start).as_secs();
        let event = TranscriptEvent {
            event_id,
            user_id: session.user_id.clone(),
            time_shift: u32::try_from(seconds).unwrap_or(u32::MAX),
            visibility: Visibility::All.into(),
            party: self.party.clone().filter(|_| is_new_party),
            participant_no: None,
            event_attributes: None,
            body,
        };
        session.events.push(event.clone());
        Ok(EventSessionInfo {
            session_id: session.session_id.clone(),
            session_status: SessionStatus::Alive.into(),
            chat_transcript: transcript(session, self.wall, [event]),
            user_id: is_new_party.then(|| session.user_id.clone()),
            more_events: false,
        })
    }

    fn flex(&mut self, request: flex::Request) -> Answer<flex::Event> {
        let refuse = |error| Err((PortId::Webapi, error));
        let status = match request {
            flex::Request::RequestLogin(_) => {
                let (user_id, secure_key) = (self.ids.user_id(), self.ids.secret());
                self.visitor = Some((user_id.clone(), secure_key.clone()));
                EventStatus {
                    user_id: Some(user_id),
                    secure_key: Some(secure_key),
                    ..EventStatus::new(RequestResult::Success)
                }
            }
            flex::Request::RequestRefresh(refresh) => {
                let Some(session) = &self.session else { return refuse(ErrorId::NoSuchSession) };
                if self.visitor != Some((refresh.user_id, refresh.secure_key)) {
                    return refuse(ErrorId::WrongSecureKey);
                }
                let position = refresh.last_position.unwrap_or(EventId::NONE);
                // A flex client keeps no roster, so every event says whose it is.
                let news =
                    session.events.iter().filter(|event| event.event_id > position).map(|event| {
                        TranscriptEvent {
                            party: self.party.clone(),
                            participant_no: Some(1),
                            ..event.clone()
                        }
                    });
                let chat_transcript = transcript(session, self.wall, news);
                let last = chat_transcript.events.last().map(|event| event.event_id);
                EventStatus {
                    session_id: Some(session.session_id.clone()),
                    session_status: Some(SessionStatus::Alive.into()),
                    last_position: last.or(Some(position)),
                    chat_transcript: Some(chat_transcript),
                    ..EventStatus::new(RequestResult::Success)
                }
            }
            flex::Request::RequestJoin(_)
            | flex::Request::RequestLogout(_)
            | flex::Request::RequestNotify(_)
            | flex::Request::RequestNode(_)
            | flex::Request::RequestPush(_)
            | flex::Request::RequestAlive(_) => return refuse(ErrorId::Malformed),
        };
        Ok(flex::Event::EventStatus(status))
    }

    fn send(&mut self, link: LinkId, reference: u32, event: Event) {
        self.actions.push_back(Action::Send { link, frame: Frame::new(reference, event) });
    }
}

impl Machine for Echo {
    type Input = Input;
    type Action = Action;

    fn handle(&mut self, input: Input, now: Instant) {
        match input {
            Input::Link { link, change: LinkChange::Opened { port, .. } } => {
                self.links.push((link, port));
            }
            Input::Link { link, change: LinkChange::Closed } => {
                self.links.retain(|(known, _)| *known != link);
            }
            Input::Frame { link, frame } => {
                let event = self.answer(frame.body, now);
                self.send(link, frame.reference, event);
            }
            Input::Malformed { link, malformed } => {
                let port = self.links.iter().find(|(known, _)| *known == link);
                if let Some((_, port)) = port {
                    let event = refusal(*port, ErrorId::Malformed);
                    self.send(link, malformed.reference, event);
                }
            }
            Input::Wall(wall) => self.wall = wall,
            // Nothing else is any business of an echo's.
            _ => {}
        }
    }

    fn handle_timeout(&mut self, _: Instant, _: usize) -> Progress {
        Progress::Idle
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

/// An answer, or why and on which port there is none.
type Answer<T> = Result<T, (PortId, ErrorId)>;

fn transcript(
    session: &Session,
    wall: Wall,
    events: impl IntoIterator<Item = TranscriptEvent>,
) -> ChatTranscript {
    ChatTranscript {
        start_at: wall.stamp(session.start),
        session_id: session.session_id.clone(),
        events: events.into_iter().collect(),
        idle_time_expire: None,
        monitored: None,
    }
}

/// The refusal, as the protocol of the port says it.
fn refusal(port: PortId, error: ErrorId) -> Event {
    let text = Str::new(error.text());
    match port {
        PortId::Webapi => flex::Event::EventStatus(EventStatus {
            error_id: Some(error.number()),
            error_text: Some(text),
            ..EventStatus::new(RequestResult::Error)
        })
        .into(),
        PortId::Esp => esp::Event::Event3rdServerFault(Envelope {
            app_name: None,
            app_type: None,
            service: Str::new("Chat"),
            method: Str::default(),
            version: Str::new(Envelope::VERSION),
            parameters: KvList::from([
                ("FaultCode", error.number().into()),
                ("FaultString", error.text().into()),
            ]),
        })
        .into(),
        PortId::Default | PortId::Health | PortId::Web => basic::Event::EventError(EventError {
            error_id: error.number(),
            error_text: text,
            session_id: None,
        })
        .into(),
    }
}
