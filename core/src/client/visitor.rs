//! The machine of a customer: flex, one chat, asking again and again what is new.

mod asking;

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::frame::flex::Request;
use crate::frame::{AfterAction, ErrorId, KvList, NoticeType, UserType};
use crate::id::{EventId, FileId, SessionId, UserId};
use crate::pii::{Pii, Secret};
use crate::text::{Str, Text};
use crate::time::Instant;

use super::back_off::BackOff;
use super::chance::Chance;
use super::echo::Echoes;
use super::files::{self, Upload};
use super::servers::Servers;
use super::typing::Typing;
use super::{
    Action, Echo, EchoId, End, Habits, JoinError, News, Notification, Said, SayError, Saying, View,
};
use asking::{Flight, Line};

/// User data that makes a session async (B12.1).
const ASYNC_MODE: &str = "GCTI_Chat_AsyncMode";
/// How much more slowly a visitor polls when the last agent has left an async chat (B22.5).
const SLOWER: u32 = 10;

/// Who visits, and how they behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitorSettings {
    /// 1–255 characters after trimming (B3.8).
    pub nickname: Pii<Str>,
    /// Their id outside this system.
    pub person_id: Option<Pii<Str>>,
    /// Minutes to add to UTC for their local time.
    pub time_zone_offset: Option<i32>,
    /// What they say of themselves at the Login.
    pub user_data: KvList,
    /// How long after an answer to ask what is new. 3 s. Ten times that once the last agent has left
    /// an async chat (B22.5); both must stay below the server's `flex-disconnect-timeout`.
    pub poll_every: Duration,
    /// How patient and careful they are.
    pub habits: Habits,
}

impl VisitorSettings {
    /// Somebody with this name, and the defaults.
    pub fn new(nickname: &str) -> Self {
        Self {
            nickname: Pii::new(Str::new(nickname)),
            person_id: None,
            time_zone_offset: None,
            user_data: KvList::new(),
            poll_every: Duration::from_secs(3),
            habits: Habits::default(),
        }
    }
}

/// How to begin a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The session to enter; absent: a new one (B4.1, B4.6).
    pub session_id: Option<SessionId>,
    /// Of a new session: `tenant:endpoint` or `endpoint` (B4.2).
    pub queue_key: Option<Str>,
    /// Of a new session: what it is about.
    pub subject: Option<Text>,
    /// A greeting (B4.4).
    pub greeting: Option<Text>,
    /// What they bring along.
    pub user_data: KvList,
}

/// The machine of a customer. Its inputs are [`Input<flex::Event>`](super::Input).
///
/// It asks one thing at a time, over whatever connection there is, and makes one when it has
/// something to ask; the loss of a connection means nothing to the chat (B2.4).
#[derive(Debug)]
pub struct Visitor {
    settings: VisitorSettings,
    chance: Chance,
    line: Line,
    phase: Phase,
    start: Start,
    /// Of the Join.
    key: Str,
    identity: Option<Identity>,
    session_id: Option<SessionId>,
    view: View,
    echoes: Echoes,
    /// The first echo took effect, and its event was not told yet.
    accepted: bool,
    /// An answer was cut: the rest is fetched before anything else.
    more: bool,
    /// Whether an agent was ever there.
    attended: bool,
    typing: Typing,
    read: Option<EventId>,
    flight: Option<Flight>,
    servers: Servers,
    back_off: BackOff,
    retry_at: Option<Instant>,
    poll_at: Instant,
    next_echo: u64,
    next_reference: u32,
    actions: VecDeque<Action<Request, News>>,
}

/// Who the server takes them for.
#[derive(Clone, Debug)]
struct Identity {
    user_id: UserId,
    secure_key: Secret,
}

/// How far the chat has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not begun.
    Idle,
    /// To be begun.
    Entering,
    /// In the session.
    Inside,
    /// Over.
    Over(End),
}

impl Visitor {
    /// Somebody who has not begun to chat. The seed is the source of RequestKeys and jitter, so a
    /// shell draws it from the operating system.
    pub fn new(settings: VisitorSettings, seed: [u8; 32]) -> Self {
        let mut chance = Chance::new(seed);
        Self {
            view: View::new(settings.habits.max_events),
            servers: Servers::new(&settings.habits),
            settings,
            line: Line::Off,
            phase: Phase::Idle,
            start: Start::default(),
            key: chance.key(),
            chance,
            identity: None,
            session_id: None,
            echoes: Echoes::default(),
            accepted: false,
            more: false,
            attended: false,
            typing: Typing::default(),
            read: None,
            flight: None,
            back_off: BackOff::default(),
            retry_at: None,
            poll_at: Instant::ZERO,
            next_echo: 0,
            next_reference: 0,
            actions: VecDeque::new(),
        }
    }

    /// The session, once it has an id.
    pub fn session_id(&self) -> Option<&SessionId> {
        self.session_id.as_ref()
    }

    /// What was told.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// What was said and has no answer yet, in order: to be shown behind the events.
    pub fn echoes(&self) -> impl Iterator<Item = &Echo> {
        self.echoes.iter()
    }

    /// Whether they are in the session.
    pub fn is_inside(&self) -> bool {
        self.phase == Phase::Inside
    }

    /// How it ended, if it did.
    pub fn end(&self) -> Option<End> {
        match self.phase {
            Phase::Over(end) => Some(end),
            Phase::Idle | Phase::Entering | Phase::Inside => None,
        }
    }
}

/// What people do.
impl Visitor {
    /// Begins the chat: logs in, and creates a session or enters one. Whoever wants another chat
    /// afterwards makes another machine.
    ///
    /// # Errors
    ///
    /// [`JoinError::AlreadyThere`] the second time.
    pub fn begin(&mut self, start: Start, now: Instant) -> Result<(), JoinError> {
        if self.phase != Phase::Idle {
            return Err(JoinError::AlreadyThere);
        }
        self.start = start;
        self.phase = Phase::Entering;
        self.go_on(now);
        Ok(())
    }

    /// Says something.
    ///
    /// # Errors
    ///
    /// Any [`SayError`]; `NoChat` before [`Visitor::begin`].
    pub fn say(&mut self, saying: impl Into<Saying>, now: Instant) -> Result<EchoId, SayError> {
        let saying = saying.into();
        let said = Said::Message { saying, visibility: None, receiver_id: None };
        let id = self.say_so(said, now)?;
        self.typing.reset();
        Ok(id)
    }

    /// Gives a notice (B7.1, B7.4).
    ///
    /// # Errors
    ///
    /// Any [`SayError`]; `NoChat` before [`Visitor::begin`].
    pub fn notify(
        &mut self,
        notification: impl Into<Notification>,
        now: Instant,
    ) -> Result<EchoId, SayError> {
        self.say_so(Said::Notice(notification.into()), now)
    }

    /// Asks what may be uploaded and downloaded: [`News::Files`] is the answer (B22.2).
    ///
    /// # Errors
    ///
    /// Any [`SayError`]; `NoChat` before [`Visitor::begin`].
    pub fn ask_file_limits(&mut self, now: Instant) -> Result<EchoId, SayError> {
        self.notify(files::limits_question(), now)
    }

    /// Asks for leave to store a file of this name and size in bytes, and to announce it (B22.8).
    ///
    /// # Errors
    ///
    /// Any [`SayError`]; `NoChat` before [`Visitor::begin`].
    pub fn ask_upload(&mut self, name: &str, size: u64, now: Instant) -> Result<EchoId, SayError> {
        self.notify(files::upload_question(name, size), now)
    }

    /// Tells of a file that was stored by leave: its permit and its id in the store belong to it
    /// (B22.9).
    ///
    /// # Errors
    ///
    /// Any [`SayError`]; `NoChat` before [`Visitor::begin`].
    pub fn announce_file(&mut self, upload: Upload, now: Instant) -> Result<EchoId, SayError> {
        self.notify(files::announcement(upload), now)
    }

    /// Asks for leave to fetch a file once (B22.10).
    ///
    /// # Errors
    ///
    /// Any [`SayError`]; `NoChat` before [`Visitor::begin`].
    pub fn ask_download(&mut self, file_id: &FileId, now: Instant) -> Result<EchoId, SayError> {
        self.notify(files::download_question(file_id), now)
    }

    /// Takes a file of one's own back (B22.3).
    ///
    /// # Errors
    ///
    /// Any [`SayError`]; `NoChat` before [`Visitor::begin`].
    pub fn delete_file(&mut self, file_id: &FileId, now: Instant) -> Result<EchoId, SayError> {
        self.notify(files::deletion(file_id), now)
    }

    /// Takes another nickname (B7.3).
    ///
    /// # Errors
    ///
    /// Any [`SayError`]; `NoChat` before [`Visitor::begin`].
    pub fn rename(&mut self, name: &str, now: Instant) -> Result<EchoId, SayError> {
        self.notify(Notification::new(NoticeType::UserUpdateNick, name), now)
    }

    /// A key was pressed, and this is in the field now: call it with every key. Agents hear of it
    /// every [`Habits::typing_every`], and that it ended after [`Habits::typing_silence`].
    ///
    /// # Errors
    ///
    /// Any [`SayError`] but `Full`; `NoChat` before [`Visitor::begin`].
    pub fn type_preview(&mut self, preview: &str, now: Instant) -> Result<(), SayError> {
        self.may_speak()?;
        let preview = Text::new(preview);
        if preview.chars() > self.settings.habits.max_text {
            return Err(SayError::TooLong);
        }
        if self.is_inside() {
            self.typing.types(preview, &self.settings.habits, now);
            self.go_on(now);
        }
        Ok(())
    }

    /// Confirms that everything up to this event was read (B5.4, B7.4).
    ///
    /// # Errors
    ///
    /// [`SayError::Over`]; `NoChat` before [`Visitor::begin`].
    pub fn read_up_to(&mut self, event: EventId, now: Instant) -> Result<(), SayError> {
        self.may_speak()?;
        let own = self.view.own().and_then(|own| self.view.participant(own));
        if own.and_then(|own| own.read_up_to).is_none_or(|read| read < event) {
            self.read = self.read.max(Some(event));
            self.go_on(now);
        }
        Ok(())
    }

    /// Logs out, after all that was said before (B8.8).
    ///
    /// # Errors
    ///
    /// [`SayError::Over`]; `NoChat` before [`Visitor::begin`].
    pub fn log_out(&mut self, now: Instant) -> Result<EchoId, SayError> {
        self.may_speak()?;
        let id = EchoId(self.next_echo);
        self.next_echo += 1;
        self.typing.reset();
        // Whoever was never heard of has nobody to take leave of.
        let unheard = self.identity.is_none() && self.flight.is_none();
        let said = Said::Leave { after: AfterAction::KeepAlive, parting: None };
        self.echoes.push_leave(id, said, &mut self.chance);
        if unheard {
            self.over(End::Left, ErrorId::NotInSession.number());
        }
        self.go_on(now);
        Ok(id)
    }

    /// Asks what is new at the next turn rather than when the pause is over.
    pub fn refresh(&mut self, now: Instant) {
        self.poll_at = now;
        self.go_on(now);
    }

    fn may_speak(&self) -> Result<(), SayError> {
        match self.phase {
            Phase::Idle => Err(SayError::NoChat),
            Phase::Over(_) => Err(SayError::Over),
            Phase::Entering | Phase::Inside if self.echoes.is_leaving() => Err(SayError::Over),
            Phase::Entering | Phase::Inside => Ok(()),
        }
    }

    fn say_so(&mut self, said: Said, now: Instant) -> Result<EchoId, SayError> {
        self.may_speak()?;
        let id = EchoId(self.next_echo);
        self.echoes.push((id, said), &self.settings.habits, &mut self.chance)?;
        self.next_echo += 1;
        self.go_on(now);
        Ok(id)
    }
}

impl Visitor {
    /// How long until the next question, when nobody says anything.
    fn pause(&self) -> Duration {
        let asynchronous = self.start.user_data.text(ASYNC_MODE);
        let asynchronous = asynchronous.is_some_and(|mode| mode.eq_ignore_ascii_case("true"));
        if asynchronous && self.attended && !self.has_agent() {
            self.settings.poll_every.saturating_mul(SLOWER)
        } else {
            self.settings.poll_every
        }
    }

    fn has_agent(&self) -> bool {
        let is_agent = |user_type| matches!(user_type, UserType::Agent | UserType::Supervisor);
        self.view.has(|who| is_agent(who.user_type) && !who.bot)
    }

    fn tell(&mut self, news: News) {
        self.actions.push_back(Action::Notify(news));
    }

    /// The chat is over, and what still waits will never be said.
    fn over(&mut self, end: End, error_id: i32) {
        self.phase = Phase::Over(end);
        self.typing.reset();
        self.read = None;
        self.retry_at = None;
        while let Some(echo) = self.echoes.pop() {
            // An echo that took effect is told of, whether its event was seen or not.
            if core::mem::take(&mut self.accepted) || matches!(echo.said, Said::Leave { .. }) {
                self.tell(News::Confirmed { echo: echo.id, event_id: None });
            } else {
                self.tell(News::not_sent(echo.id, error_id));
            }
        }
        self.tell(News::Over(end));
        if self.line != Line::Off {
            self.actions.push_back(Action::Disconnect);
        }
    }
}

#[cfg(test)]
mod tests;
