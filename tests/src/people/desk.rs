//! Somebody on the basic protocol: an agent, a supervisor, a bot, a customer of a messaging channel.

use std::time::Duration;

use confer_basic::Client as BasicClient;
use confer_core::frame::basic::{
    Event, EventError, EventSessionInfo, Request, RequestJoin, RequestMessage, RequestNotify,
    RequestRegister, RequestReleaseParty,
};
use confer_core::frame::{
    AfterAction, ErrorId, EventBody, KvList, KvValue, NoticeType, TranscriptEvent, UserType,
    Visibility,
};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::pii::Pii;
use confer_core::text::{Str, Text};

use super::Center;
use super::mirror::Line;
use crate::world::{ClientAction, ClientId, Reading};

/// Somebody at the end of a basic connection.
#[derive(Debug)]
pub struct Desk {
    center: Center,
    client: ClientId<BasicClient, Line>,
}

/// A Register of this person with the newest version and nothing more.
pub fn register(nickname: &str, user_type: UserType) -> RequestRegister {
    RequestRegister {
        user_nickname: Pii::new(Str::new(nickname)),
        user_type,
        person_id: None,
        time_zone_offset: None,
        client_version: Some(106),
        user_data: None,
        max_frame: None,
    }
}

/// A Join that creates a session.
pub fn create() -> RequestJoin {
    RequestJoin::default()
}

/// A list of texts.
pub fn kv<const N: usize>(entries: [(&str, &str); N]) -> KvList {
    KvList::from(entries.map(|(key, value)| (key, KvValue::from(value))))
}

/// Whatever can be asked over a basic connection.
pub trait Asked {
    /// The request.
    fn request(self) -> Request;
}

macro_rules! asked {
    ($($name:ident),+) => {$(
        impl Asked for $name {
            fn request(self) -> Request {
                Request::$name(self)
            }
        }
    )+};
}

asked!(RequestRegister, RequestJoin, RequestMessage, RequestNotify, RequestReleaseParty);

impl Asked for Request {
    fn request(self) -> Request {
        self
    }
}

/// Connecting, and asking.
impl Desk {
    /// Somebody who connects and says nothing yet.
    pub fn silent(center: &Center) -> Self {
        let client = center.world_mut().client(center.server(), Line::default());
        center.settle();
        Self { center: center.clone(), client }
    }

    /// Somebody who connects and registers.
    ///
    /// # Panics
    ///
    /// If that is refused.
    #[track_caller]
    pub fn registered(center: &Center, register: RequestRegister) -> Self {
        let desk = Self::silent(center);
        desk.registers(register);
        desk
    }

    /// Registers; the id of the registration and the version agreed on.
    ///
    /// # Panics
    ///
    /// If it is refused.
    #[track_caller]
    pub fn registers(&self, register: RequestRegister) -> (UserId, i32) {
        match self.tries(register) {
            Ok(Event::EventRegistered(registered)) => {
                (registered.user_id, registered.client_version)
            }
            other => panic!("Register was answered with {other:?}"),
        }
    }

    /// Unregisters.
    ///
    /// # Panics
    ///
    /// If that is refused.
    #[track_caller]
    pub fn unregisters(&self) {
        assert_eq!(self.tries(Request::RequestUnregister), Ok(Event::EventUnregistered));
    }

    /// Asks, and does not wait; the reference of the answer to come.
    pub fn sends(&self, request: impl Asked) -> u32 {
        self.with(|line| line.send(request.request()))
    }

    /// What a request was answered with, if it was.
    pub fn answer(&self, reference: u32) -> Option<Result<Event, i32>> {
        self.look(|line| line.answers.get(&reference).cloned()).map(|event| match event {
            Event::EventError(EventError { error_id, .. }) => Err(error_id),
            event @ (Event::EventRegistered(_)
            | Event::EventUnregistered
            | Event::EventSessionInfo(_)) => Ok(event),
        })
    }

    /// Asks, waits for the answer however long it takes, and lets everybody else hear of it.
    ///
    /// # Panics
    ///
    /// If nobody answers.
    #[track_caller]
    pub fn tries(&self, request: impl Asked) -> Result<Event, i32> {
        let reference = self.sends(request);
        let answer = loop {
            match self.answer(reference) {
                Some(answer) => break answer,
                None if self.center.world_mut().step() => {}
                None => panic!("no answer:\n{}", self.center.world().log),
            }
        };
        self.center.settle();
        answer
    }

    /// Asks for something that is granted.
    ///
    /// # Panics
    ///
    /// If it is refused.
    #[track_caller]
    pub fn asks(&self, request: impl Asked) -> EventSessionInfo {
        match self.tries(request) {
            Ok(Event::EventSessionInfo(info)) => info,
            other => panic!("answered with {other:?}"),
        }
    }

    /// Asks for something that is refused with this id.
    ///
    /// # Panics
    ///
    /// If it is granted, or refused otherwise.
    #[track_caller]
    pub fn is_refused(&self, error: ErrorId, request: impl Asked) {
        assert_eq!(self.tries(request), Err(error.number()));
    }

    /// From now on it takes what arrives like this.
    pub fn reads(&self, reading: Reading) {
        self.center.world_mut().reading(&self.client, reading);
    }

    /// The connection breaks.
    pub fn is_cut_off(&self) {
        self.center.world_mut().cut(&self.client);
        self.center.settle();
    }

    /// Connects again, and registers.
    ///
    /// # Panics
    ///
    /// If that is refused.
    #[track_caller]
    pub fn reconnects(&self, register: RequestRegister) {
        self.with(|line| line.actions.push_back(ClientAction::Connect(Duration::ZERO)));
        self.center.settle();
        self.registers(register);
    }

    /// Its connection breaks, and it connects to the server of another center from now on, and
    /// registers there.
    ///
    /// # Panics
    ///
    /// If that is refused.
    #[track_caller]
    pub fn moves_to(&self, center: &Center, register: RequestRegister) {
        self.center.world_mut().move_client(&self.client, center.server());
        self.center.settle();
        self.reconnects(register);
    }

    /// How often a connection of its was lost.
    pub fn losses(&self) -> u32 {
        self.look(|line| line.losses)
    }

    fn with<R>(&self, verb: impl FnOnce(&mut Line) -> R) -> R {
        self.center.world_mut().with(&self.client, |line, _| verb(line))
    }

    fn look<R>(&self, look: impl FnOnce(&Line) -> R) -> R {
        look(self.center.world().look(&self.client))
    }
}

/// Requests about the session it is in, to be sent as they are or changed first.
impl Desk {
    /// The session it entered last.
    ///
    /// # Panics
    ///
    /// If it never entered one.
    #[track_caller]
    pub fn session(&self) -> SessionId {
        self.look(|line| line.session.clone()).expect("it entered a session")
    }

    /// Its participation in the session it entered last.
    ///
    /// # Panics
    ///
    /// If it never entered one.
    #[track_caller]
    pub fn id(&self) -> UserId {
        let session = self.session();
        self.look(|line| line.views[&session].user_id.clone()).expect("the answer says who it is")
    }

    /// A Join of the session another one is in.
    #[track_caller]
    pub fn join(&self, other: &Self) -> RequestJoin {
        RequestJoin { session_id: Some(other.session()), ..RequestJoin::default() }
    }

    /// A message.
    #[track_caller]
    pub fn message(&self, text: &str) -> RequestMessage {
        RequestMessage {
            session_id: self.session(),
            message_text: Text::new(text),
            message_type: None,
            treat_as: None,
            visibility: None,
            receiver_id: None,
            user_data: None,
            event_attributes: None,
            request_key: None,
        }
    }

    /// A notice.
    #[track_caller]
    pub fn notice(&self, notice_type: NoticeType, text: &str) -> RequestNotify {
        RequestNotify {
            session_id: self.session(),
            notice_type,
            notice_text: Some(Text::new(text)),
            visibility: None,
            receiver_id: None,
            user_data: None,
            event_attributes: None,
            request_key: None,
        }
    }

    /// A command with user data.
    #[track_caller]
    pub fn command<const N: usize>(&self, text: &str, data: [(&str, &str); N]) -> RequestNotify {
        RequestNotify {
            user_data: (N > 0).then(|| kv(data)),
            ..self.notice(NoticeType::SysCommand, text)
        }
    }

    /// A confirmation that everything up to this event was read.
    #[track_caller]
    pub fn read_confirm(&self, event: &str) -> RequestNotify {
        self.command("read-confirm", [("last-event-id", event)])
    }

    /// A release of itself.
    #[track_caller]
    pub fn release(&self, after: AfterAction) -> RequestReleaseParty {
        RequestReleaseParty {
            session_id: self.session(),
            user_id: None,
            after_action: Some(after),
            message_text: None,
            user_data: None,
        }
    }

    /// A release of another one.
    #[track_caller]
    pub fn removal(&self, other: &Self, after: AfterAction) -> RequestReleaseParty {
        RequestReleaseParty { user_id: Some(other.id()), ..self.release(after) }
    }
}

/// What people do in a chat. All of it panics if it is refused.
impl Desk {
    /// Creates a session.
    #[track_caller]
    pub fn creates(&self) -> SessionId {
        self.asks(create()).session_id
    }

    /// Enters the session another one is in.
    #[track_caller]
    pub fn joins(&self, other: &Self) -> EventSessionInfo {
        self.asks(self.join(other))
    }

    /// Enters with a visibility.
    #[track_caller]
    pub fn joins_as(&self, visibility: Visibility, other: &Self) -> EventSessionInfo {
        self.asks(RequestJoin { visibility: Some(visibility), ..self.join(other) })
    }

    /// Says something; the id of the event.
    #[track_caller]
    pub fn says(&self, text: &str) -> EventId {
        only_event(&self.asks(self.message(text)))
    }

    /// Says something to those who may see this visibility.
    #[track_caller]
    pub fn says_as(&self, visibility: Visibility, text: &str) -> EventId {
        let visibility = Some(visibility);
        only_event(&self.asks(RequestMessage { visibility, ..self.message(text) }))
    }

    /// Says something to one other only.
    #[track_caller]
    pub fn whispers(&self, other: &Self, text: &str) -> EventId {
        let receiver_id = Some(other.id());
        only_event(&self.asks(RequestMessage { receiver_id, ..self.message(text) }))
    }

    /// Gives a notice; the id of the event.
    #[track_caller]
    pub fn notifies(&self, notice_type: NoticeType, text: &str) -> EventId {
        only_event(&self.asks(self.notice(notice_type, text)))
    }

    /// Leaves.
    #[track_caller]
    pub fn leaves(&self, after: AfterAction) -> EventSessionInfo {
        self.asks(self.release(after))
    }

    /// Removes another one.
    #[track_caller]
    pub fn removes(&self, other: &Self, after: AfterAction) -> EventSessionInfo {
        self.asks(self.removal(other, after))
    }
}

/// What people see.
impl Desk {
    /// What it was told since it was asked last, answers included, is exactly this: one line for
    /// each event, such as `Casey: hello` or `Bob goes, 4 by Ana (INT)`, and `closed` when a session is.
    ///
    /// # Panics
    ///
    /// If it is not.
    #[track_caller]
    pub fn sees<const N: usize>(&self, lines: [&str; N]) {
        let seen = self.with(|line| std::mem::take(&mut line.lines));
        assert_eq!(seen, lines, "in the eyes of {:?}", self.client);
    }

    /// It was told nothing since it was asked last.
    ///
    /// # Panics
    ///
    /// If it was.
    #[track_caller]
    pub fn sees_nothing(&self) {
        self.sees([]);
    }

    /// Forgets what it was told so far, for [`Desk::sees`].
    pub fn looks_away(&self) {
        self.with(|line| line.lines.clear());
    }

    /// Whether it knows nothing at all of whoever has this id: no event of theirs, no mention.
    ///
    /// # Panics
    ///
    /// If it does.
    #[track_caller]
    pub fn sees_nothing_of(&self, other: &UserId) {
        for event in self.events() {
            let (mut named, mut asker) = (None, None);
            match &event.body {
                EventBody::Message(message) => named = message.receiver_id.as_ref(),
                EventBody::Notice(notice) => named = notice.receiver_id.as_ref(),
                EventBody::PartyLeft(left) => asker = Some(&left.asker_id),
                EventBody::NewParty(_) | EventBody::Unknown(_) => {}
            }
            let known = [Some(&event.user_id), named, asker].contains(&Some(other));
            assert!(!known, "{event:?} tells of {other}");
        }
    }

    /// The events of the session it entered last, as it was told them since it entered.
    #[track_caller]
    pub fn events(&self) -> Vec<TranscriptEvent> {
        let session = self.session();
        self.look(|line| line.views[&session].events.clone())
    }

    /// Every event of every session that it was ever told and did not lose sight of.
    pub fn everything(&self) -> Vec<TranscriptEvent> {
        self.look(|line| line.views.values().flat_map(|view| view.events.clone()).collect())
    }

    /// What it knows somebody as.
    pub fn name_of(&self, user_id: &UserId) -> Option<String> {
        self.look(|line| line.views.values().find_map(|view| view.names.get(user_id).cloned()))
    }

    /// The event with this id, as it was told it.
    ///
    /// # Panics
    ///
    /// If it was not.
    #[track_caller]
    pub fn event(&self, id: EventId) -> TranscriptEvent {
        let event = self.events().into_iter().find(|event| event.event_id == id);
        event.unwrap_or_else(|| panic!("it was not told of {id}"))
    }

    /// The newest event it was told of.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn newest(&self) -> TranscriptEvent {
        self.events().pop().expect("it was told of an event")
    }

    /// What the newest head it got says about silent monitoring.
    #[track_caller]
    pub fn monitored(&self) -> Option<bool> {
        let session = self.session();
        self.look(|line| line.views[&session].monitored)
    }

    /// Errors that answer nothing it asked.
    pub fn unsolicited_errors(&self) -> Vec<i32> {
        self.look(|line| line.errors.clone())
    }
}

#[track_caller]
fn only_event(info: &EventSessionInfo) -> EventId {
    let [event] = &*info.chat_transcript.events else {
        panic!("{} events", info.chat_transcript.events.len());
    };
    event.event_id
}
