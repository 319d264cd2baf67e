//! A customer on the flex protocol: asks, keeps its position, and checks every answer against the
//! promises of the protocol.

use std::cell::Ref;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use confer_core::frame::flex::{
    Event, EventStatus, Request, RequestJoin, RequestLogin, RequestLogout, RequestNotify,
    RequestRefresh,
};
use confer_core::frame::{
    ErrorId, EventBody, Frame, KvList, NoticeType, RequestResult, SessionStatus, TranscriptEvent,
};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::machine::{Machine, Progress};
use confer_core::pii::{Pii, Secret};
use confer_core::text::{Str, Text};
use confer_core::time::Instant;

use super::Center;
use super::desk::kv;
use crate::world::{ClientAction, ClientId, ClientInput};

/// How long a visitor waits before it connects again.
const PAUSE: Duration = Duration::from_millis(100);

/// A customer of a world, to speak with.
#[derive(Debug)]
pub struct Customer {
    center: Center,
    client: ClientId<confer_flex::Client, Visitor>,
}

/// What a customer's gateway knows and does.
#[derive(Debug)]
pub struct Visitor {
    /// Of the Login.
    pub user_id: Option<UserId>,
    /// Of the Login.
    pub secure_key: Option<Secret>,
    /// The newest session that an answer named.
    pub session_id: Option<SessionId>,
    /// The last event it has.
    pub position: EventId,
    /// Every event it got, each once, in the order it got them.
    pub events: Vec<TranscriptEvent>,
    /// The references of the answers, in the order they came.
    pub answered: Vec<u32>,
    /// Refusals that answer none of its requests.
    pub refusals: Vec<ErrorId>,
    /// Connections that were lost or ended.
    pub losses: u32,
    /// Whether it ends its connection after each answer.
    pub hangs_up: bool,
    answers: BTreeMap<u32, EventStatus>,
    /// Requests under way, the position each named, and the position it had then.
    pending: Vec<(u32, EventId, EventId)>,
    waiting: VecDeque<Frame<Request>>,
    line: Line,
    next_reference: u32,
    actions: VecDeque<ClientAction<Request>>,
}

/// The state of a visitor's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Off,
    Connecting,
    On,
    HangingUp,
}

impl Customer {
    /// Somebody who is connected and has not logged in.
    pub fn new(center: &Center) -> Self {
        Self::of(center, Visitor::new())
    }

    /// The same over a connection for each request.
    pub fn hanging_up(center: &Center) -> Self {
        Self::of(center, Visitor { hangs_up: true, ..Visitor::new() })
    }

    fn of(center: &Center, visitor: Visitor) -> Self {
        let client = center.world_mut().client(center.server(), visitor);
        Self { center: center.clone(), client }
    }

    /// What its gateway knows.
    pub fn look(&self) -> Ref<'_, Visitor> {
        Ref::map(self.center.world(), |world| world.look(&self.client))
    }

    /// All it has seen, in words.
    pub fn seen(&self) -> Vec<String> {
        self.look().events.iter().map(line).collect()
    }

    /// Its connection breaks, and it asks the server of another center from now on.
    pub fn moves_to(&self, center: &Center) {
        self.center.world_mut().move_client(&self.client, center.server());
        self.center.settle();
    }

    /// The connection breaks.
    pub fn is_cut_off(&self) {
        self.center.world_mut().cut(&self.client);
    }
}

/// Asking.
impl Customer {
    /// Makes a request; its reference.
    pub fn sends(&self, request: Request) -> u32 {
        self.with(|visitor| visitor.ask(None, request))
    }

    /// Makes a request with this reference.
    pub fn sends_as(&self, reference: u32, request: Request) {
        self.with(|visitor| visitor.ask(Some(reference), request));
    }

    /// The answer to the request with this reference, if there is one by now.
    pub fn answer(&self, reference: u32) -> Option<EventStatus> {
        self.look().answers.get(&reference).cloned()
    }

    /// Makes a request and waits until nothing is under way.
    ///
    /// # Panics
    ///
    /// Without an answer by then.
    #[track_caller]
    pub fn asks(&self, request: Request) -> EventStatus {
        let reference = self.sends(request);
        self.center.settle();
        match self.answer(reference) {
            Some(status) => status,
            None => panic!("no answer to {reference}:\n{}", self.center.world().log),
        }
    }

    /// Asks for something that is refused with this id, and for this reason among others.
    ///
    /// # Panics
    ///
    /// If it is granted, or refused otherwise.
    #[track_caller]
    pub fn is_refused_for(&self, id: ErrorId, reason: &str, request: Request) {
        let status = self.asks(request);
        assert_eq!(error(&status), Some(id), "{status:?}");
        let text = status.error_text.unwrap_or_default();
        assert!(text.contains(reason), "{text}");
    }

    /// Asks for something that is refused with this id.
    ///
    /// # Panics
    ///
    /// If it is granted, or refused otherwise.
    #[track_caller]
    pub fn is_refused(&self, id: ErrorId, request: Request) {
        assert_eq!(error(&self.asks(request)), Some(id));
    }

    fn with<R>(&self, verb: impl FnOnce(&mut Visitor) -> R) -> R {
        self.center.world_mut().with(&self.client, |visitor, _| verb(visitor))
    }
}

/// Requests, to be sent as they are or changed first.
impl Customer {
    /// A Join; it creates a session without an id.
    pub fn join(&self, session_id: Option<SessionId>) -> Request {
        self.join_with(session_id, None, None)
    }

    /// A Join with user data and a greeting.
    pub fn join_with(
        &self,
        session_id: Option<SessionId>,
        user_data: Option<KvList>,
        greeting: Option<&str>,
    ) -> Request {
        let (user_id, secure_key) = self.look().identity();
        Request::RequestJoin(RequestJoin {
            user_id,
            secure_key,
            session_id,
            queue_key: None,
            subject: None,
            message_text: greeting.map(Text::new),
            user_data,
            request_key: None,
        })
    }

    /// A Refresh.
    pub fn refresh(&self, last_position: Option<EventId>, text: Option<&str>) -> Request {
        let (user_id, secure_key) = self.look().identity();
        Request::RequestRefresh(RequestRefresh {
            user_id,
            secure_key,
            session_id: None,
            last_position,
            message_text: text.map(Text::new),
            message_type: None,
            user_data: None,
            event_attributes: None,
            request_key: None,
        })
    }

    /// A message, and whatever is new.
    pub fn message(&self, text: &str) -> Request {
        self.refresh(Some(self.position()), Some(text))
    }

    /// A Notify that asks for whatever is new.
    pub fn notice(&self, notice_type: NoticeType, text: &str) -> Request {
        self.notify(notice_type, text, Some(self.position()))
    }

    /// A Notify.
    pub fn notify(
        &self,
        notice_type: NoticeType,
        text: &str,
        last_position: Option<EventId>,
    ) -> Request {
        Request::RequestNotify(self.notification(notice_type, text, last_position))
    }

    /// A command with user data that asks for whatever is new.
    pub fn command<const N: usize>(&self, text: &str, data: [(&str, &str); N]) -> Request {
        let user_data = (N > 0).then(|| kv(data));
        let command = self.notification(NoticeType::SysCommand, text, Some(self.position()));
        Request::RequestNotify(RequestNotify { user_data, ..command })
    }

    fn notification(
        &self,
        notice_type: NoticeType,
        text: &str,
        last_position: Option<EventId>,
    ) -> RequestNotify {
        let (user_id, secure_key) = self.look().identity();
        RequestNotify {
            user_id,
            secure_key,
            session_id: None,
            notice_type,
            notice_text: (!text.is_empty()).then(|| Text::new(text)),
            user_data: None,
            event_attributes: None,
            last_position,
            request_key: None,
        }
    }

    /// The same request, naming the session it knows: one that a server which does not know it can
    /// restore by.
    pub fn naming_session(&self, mut request: Request) -> Request {
        let id = self.look().session_id.clone();
        match &mut request {
            Request::RequestJoin(join) => join.session_id = id,
            Request::RequestRefresh(refresh) => refresh.session_id = id,
            Request::RequestLogout(logout) => logout.session_id = id,
            Request::RequestNotify(notify) => notify.session_id = id,
            Request::RequestPush(push) => push.session_id = id,
            Request::RequestLogin(_) | Request::RequestNode(_) | Request::RequestAlive(_) => {}
        }
        request
    }

    /// A Logout.
    pub fn logout(&self, last_position: Option<EventId>) -> Request {
        let (user_id, secure_key) = self.look().identity();
        let session_id = None;
        Request::RequestLogout(RequestLogout { user_id, secure_key, session_id, last_position })
    }

    /// The last event it has.
    pub fn position(&self) -> EventId {
        self.look().position
    }
}

/// What customers do.
impl Customer {
    /// Logs in with the newest version.
    #[track_caller]
    pub fn logs_in(&self, nickname: &str) -> EventStatus {
        self.asks(login(nickname, Some(106)))
    }

    /// Creates a session.
    ///
    /// # Panics
    ///
    /// If that is refused.
    #[track_caller]
    pub fn creates(&self) -> SessionId {
        let status = self.asks(self.join(None));
        status.session_id.clone().unwrap_or_else(|| panic!("{status:?}"))
    }

    /// Logs in and creates a session.
    #[track_caller]
    pub fn starts_a_chat(&self, nickname: &str) -> SessionId {
        self.logs_in(nickname);
        self.creates()
    }

    /// Joins a session that exists.
    #[track_caller]
    pub fn joins(&self, session_id: &SessionId) -> EventStatus {
        self.asks(self.join(Some(session_id.clone())))
    }

    /// Asks for what is new since its position.
    #[track_caller]
    pub fn polls(&self) -> EventStatus {
        self.asks(self.refresh(Some(self.position()), None))
    }

    /// Says something.
    #[track_caller]
    pub fn says(&self, text: &str) -> EventStatus {
        self.asks(self.message(text))
    }

    /// Types, with a preview.
    #[track_caller]
    pub fn types(&self, preview: &str) -> EventStatus {
        self.asks(self.notice(NoticeType::UserTypingStarted, preview))
    }

    /// Logs out, asking for the end.
    #[track_caller]
    pub fn logs_out(&self) -> EventStatus {
        self.asks(self.logout(Some(self.position())))
    }
}

/// A Login without anything special.
pub fn login(nickname: &str, client_version: Option<i32>) -> Request {
    Request::RequestLogin(RequestLogin {
        user_nickname: Pii::new(Str::new(nickname)),
        time_zone_offset: None,
        person_id: None,
        client_version,
        user_data: None,
    })
}

impl Visitor {
    fn new() -> Self {
        Self {
            user_id: None,
            secure_key: None,
            session_id: None,
            position: EventId::NONE,
            events: Vec::new(),
            answered: Vec::new(),
            refusals: Vec::new(),
            losses: 0,
            hangs_up: false,
            answers: BTreeMap::new(),
            pending: Vec::new(),
            waiting: VecDeque::new(),
            line: Line::Connecting,
            next_reference: 0,
            actions: VecDeque::new(),
        }
    }

    /// The id and the key it was given; somebody else's before it logged in.
    fn identity(&self) -> (UserId, Secret) {
        let user_id = self.user_id.clone().unwrap_or_else(|| UserId::new("0000000000000000"));
        let secure_key = self.secure_key.clone().unwrap_or_else(|| Secret::new("none"));
        (user_id, secure_key)
    }

    /// Requests under way.
    pub fn unanswered(&self) -> usize {
        self.pending.len()
    }

    fn ask(&mut self, reference: Option<u32>, request: Request) -> u32 {
        let reference = reference.unwrap_or(self.next_reference + 1);
        self.next_reference = self.next_reference.max(reference);
        self.waiting.push_back(Frame::new(reference, request));
        match self.line {
            Line::On => self.send_waiting(),
            Line::Off => self.connect(),
            Line::Connecting | Line::HangingUp => {}
        }
        reference
    }

    fn connect(&mut self) {
        self.line = Line::Connecting;
        self.actions.push_back(ClientAction::Connect(PAUSE));
    }

    fn send_waiting(&mut self) {
        for frame in self.waiting.drain(..) {
            let asked = position(&frame.body).unwrap_or_default();
            self.pending.push((frame.reference, asked, self.position));
            self.actions.push_back(ClientAction::Send(frame));
        }
    }

    /// Takes an answer, and holds it against what wire §4.2 promises.
    fn answered(&mut self, reference: u32, status: EventStatus) {
        self.answered.push(reference);
        let there = self.pending.iter().position(|pending| pending.0 == reference);
        let Some(there) = there else { panic!("an answer too many: {status:?}") };
        let (_, asked, had) = self.pending.remove(there);
        if let Some(transcript) = &status.chat_transcript {
            let (events, _) = split_result(&transcript.events);
            let ids: Vec<EventId> = events.iter().map(|event| event.event_id).collect();
            assert!(ids.is_sorted_by(|a, b| a < b), "B5.3: {ids:?}");
            // A position above the newest event is lowered to that, which is not below its own.
            let after = asked.min(had);
            assert!(ids.first().is_none_or(|first| *first > after), "{ids:?} after {after}");
            match ids.last() {
                Some(last) => assert_eq!(status.last_position, Some(*last)),
                None => assert!(status.last_position <= Some(asked), "{status:?}"),
            }
            for event in transcript.events.iter() {
                assert!(event.party.is_some() && event.participant_no.is_some(), "{event:?}");
                if event.event_id > self.position {
                    self.position = event.event_id;
                    self.events.push(event.clone());
                }
            }
        } else {
            assert_eq!(status.last_position, None, "a position without a transcript");
        }
        if status.secure_key.is_some() {
            self.user_id.clone_from(&status.user_id);
            self.secure_key.clone_from(&status.secure_key);
        }
        if status.session_id.is_some() {
            self.session_id.clone_from(&status.session_id);
        }
        self.answers.insert(reference, status);
        if self.hangs_up && self.pending.is_empty() && self.waiting.is_empty() {
            self.line = Line::HangingUp;
            self.actions.push_back(ClientAction::Close);
        }
    }
}

/// The position a request names, where it makes the answer hold a transcript.
fn position(request: &Request) -> Option<EventId> {
    match request {
        Request::RequestRefresh(refresh) => refresh.last_position,
        Request::RequestLogout(logout) => logout.last_position,
        Request::RequestNotify(notify) => notify.last_position,
        Request::RequestLogin(_)
        | Request::RequestJoin(_)
        | Request::RequestNode(_)
        | Request::RequestPush(_)
        | Request::RequestAlive(_) => None,
    }
}

/// An event in words.
pub fn line(event: &TranscriptEvent) -> String {
    let name = match &event.party {
        Some(party) => party.user_nickname.reveal().to_string(),
        None => event.user_id.to_string(),
    };
    let words = |text: &Option<Text>| match text {
        Some(text) => format!(": {}", text.reveal()),
        None => String::new(),
    };
    match &event.body {
        EventBody::NewParty(new) => format!("{name} comes{}", words(&new.message_text)),
        EventBody::Message(message) => format!("{name}: {}", message.message_text.reveal()),
        EventBody::Notice(notice) => {
            let kind = notice.notice_type.known().map_or("?", NoticeType::name);
            format!("{name} {kind}{}", words(&notice.notice_text))
        }
        EventBody::PartyLeft(left) => match left.reason_code {
            None => format!("{name} goes{}", words(&left.message_text)),
            Some(code) => format!("{name} goes, {code}{}", words(&left.message_text)),
        },
        EventBody::Unknown(kind) => format!("{name} ?{kind}"),
    }
}

/// The events of an answer, and the result of a question behind them, which is none (B22.2).
fn split_result(events: &[TranscriptEvent]) -> (&[TranscriptEvent], Option<&TranscriptEvent>) {
    match events.split_last() {
        Some((last, events)) if last.event_id == EventId::NONE => (events, Some(last)),
        _ => (events, None),
    }
}

/// The result of a question (B22.2).
pub fn result(status: &EventStatus) -> Option<&TranscriptEvent> {
    split_result(&status.chat_transcript.as_ref()?.events).1
}

/// The events of an answer, in words.
pub fn lines(status: &EventStatus) -> Vec<String> {
    status.chat_transcript.iter().flat_map(|there| there.events.iter()).map(line).collect()
}

/// The error of an answer that is one.
pub fn error(status: &EventStatus) -> Option<ErrorId> {
    let result = status.request_result.known();
    assert_eq!(result == Some(RequestResult::Error), status.error_id.is_some(), "{status:?}");
    status.error_id.and_then(ErrorId::from_number)
}

/// Whether the answer says the session is over.
pub fn is_closed(status: &EventStatus) -> bool {
    status.session_status == Some(SessionStatus::Closed.into())
}

impl Machine for Visitor {
    type Input = ClientInput<Event>;
    type Action = ClientAction<Request>;

    fn handle(&mut self, input: Self::Input, _: Instant) {
        match input {
            ClientInput::Opened => {
                self.line = Line::On;
                self.send_waiting();
            }
            ClientInput::Closed => {
                self.line = Line::Off;
                self.losses += 1;
                // What had no answer by now will never have one.
                self.pending.clear();
                if !self.waiting.is_empty() {
                    self.connect();
                }
            }
            ClientInput::Frame(Frame { reference: 0, body: Event::EventStatus(status) }) => {
                self.refusals.extend(error(&status));
            }
            ClientInput::Frame(Frame { reference, body: Event::EventStatus(status) }) => {
                self.answered(reference, status);
            }
            ClientInput::Frame(frame) => panic!("unsolicited: {frame:?}"),
            ClientInput::Malformed(malformed) => panic!("{malformed:?}"),
        }
    }

    fn handle_timeout(&mut self, _: Instant, _: usize) -> Progress {
        Progress::Idle
    }

    fn poll_action(&mut self) -> Option<Self::Action> {
        self.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
