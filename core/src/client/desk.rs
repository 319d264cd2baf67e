//! The machine of a desktop, a bot or a messaging channel: basic, many chats at once.

mod chat;
mod line;

use alloc::collections::{BTreeMap, VecDeque};
use core::time::Duration;

use crate::frame::basic::Request;
use crate::frame::{AfterAction, KvList, NoticeType, UserType, Visibility};
use crate::id::{EventId, FileId, SessionId, UserId};
use crate::pii::{Pii, Secret};
use crate::text::{Str, Text};
use crate::time::Instant;

use super::back_off::BackOff;
use super::chance::Chance;
use super::files::{self, Upload};
use super::servers::Servers;
use super::{Action, EchoId, End, Habits, JoinError, News, Notification, Said, SayError, Saying};
use chat::Phase;
use line::{Line, Pending};

pub use chat::{Chat, Entry};

/// Who sits at a desk, and how it behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskSettings {
    /// 1–255 characters after trimming (B3.8). With no PersonId, it says who retries (B4.8).
    pub nickname: Pii<Str>,
    /// CLIENT, AGENT or SUPERVISOR (B3.1).
    pub user_type: UserType,
    /// Their id outside this system.
    pub person_id: Option<Pii<Str>>,
    /// Minutes to add to UTC for their local time.
    pub time_zone_offset: Option<i32>,
    /// What they bring along to every session.
    pub user_data: KvList,
    /// The largest frame they can take, in bytes.
    pub max_frame: Option<u32>,
    /// Whether to release with CloseIfNoAgents when the last customer has left a chat (B22.5). On by
    /// default; of no effect for a CLIENT.
    pub closes_after_customer: bool,
    /// How many chats there may be at once, those that are over and not forgotten included. 1024.
    pub max_chats: usize,
    /// How patient and careful it is.
    pub habits: Habits,
}

impl DeskSettings {
    /// Somebody with this name, and the defaults.
    pub fn new(nickname: &str, user_type: UserType) -> Self {
        Self {
            nickname: Pii::new(Str::new(nickname)),
            user_type,
            person_id: None,
            time_zone_offset: None,
            user_data: KvList::new(),
            max_frame: None,
            closes_after_customer: true,
            max_chats: 1024,
            habits: Habits::default(),
        }
    }
}

/// A chat, as a desk numbers it: sessions get their ids late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChatId(u64);

/// What a desk tells its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeskNews {
    /// It is registered.
    Online,
    /// It is not; a new connection is made after so much time.
    Offline {
        /// How long.
        retry_after: Duration,
    },
    /// It was not let in, and will not try again: the number of an
    /// [`ErrorId`](crate::frame::ErrorId), or of one this build does not know.
    Refused(i32),
    /// It has signed off.
    SignedOff,
    /// Something is new in a chat.
    Chat(ChatId, News),
}

/// The machine of a desktop, a bot or a messaging channel. Its inputs are
/// [`Input<basic::Event>`](super::Input).
///
/// Verbs take effect at once for their user and on the server as soon as that is possible, whether
/// there is a connection or not. Each chat asks one thing at a time; typing and read confirmations,
/// of which only the newest counts, go beside that and are not repeated.
#[derive(Debug)]
pub struct Desk {
    settings: DeskSettings,
    chance: Chance,
    line: Line,
    servers: Servers,
    back_off: BackOff,
    chats: BTreeMap<ChatId, Chat>,
    by_session: BTreeMap<SessionId, ChatId>,
    next_chat: u64,
    next_echo: u64,
    next_reference: u32,
    pending: BTreeMap<u32, Pending>,
    actions: VecDeque<Action<Request, DeskNews>>,
}

impl Desk {
    /// Somebody who wants to be connected. The seed is the source of RequestKeys and jitter, so a
    /// shell draws it from the operating system.
    pub fn new(settings: DeskSettings, seed: [u8; 32]) -> Self {
        let servers = Servers::new(&settings.habits);
        let server = servers.current();
        Self {
            settings,
            chance: Chance::new(seed),
            line: Line::Connecting,
            servers,
            back_off: BackOff::default(),
            chats: BTreeMap::new(),
            by_session: BTreeMap::new(),
            next_chat: 0,
            next_echo: 0,
            next_reference: 0,
            pending: BTreeMap::new(),
            actions: VecDeque::from([Action::Connect { server, after: Duration::ZERO }]),
        }
    }

    /// Whether it is registered.
    pub fn is_online(&self) -> bool {
        self.line == Line::Registered
    }

    /// The chats, in the order in which they were begun.
    pub fn chats(&self) -> impl Iterator<Item = (ChatId, &Chat)> {
        self.chats.iter().map(|(id, chat)| (*id, chat))
    }

    /// One of them.
    pub fn chat(&self, id: ChatId) -> Option<&Chat> {
        self.chats.get(&id)
    }
}

/// Beginning and ending chats.
impl Desk {
    /// Enters a session.
    ///
    /// # Errors
    ///
    /// Any [`JoinError`].
    pub fn join(
        &mut self,
        session_id: SessionId,
        visibility: Visibility,
        now: Instant,
    ) -> Result<ChatId, JoinError> {
        let session_id = Some(session_id);
        self.enter(Entry { session_id, visibility: Some(visibility), ..Entry::default() }, now)
    }

    /// Creates a session (B4.1).
    ///
    /// # Errors
    ///
    /// [`JoinError::Full`] or [`JoinError::SignedOff`].
    pub fn create(&mut self, now: Instant) -> Result<ChatId, JoinError> {
        self.enter(Entry::default(), now)
    }

    /// Enters or creates a session, with all that can be said about it. A session that was created
    /// and is lost with the connection before its id was told is created anew.
    ///
    /// # Errors
    ///
    /// Any [`JoinError`].
    pub fn enter(&mut self, entry: Entry, now: Instant) -> Result<ChatId, JoinError> {
        if self.line == Line::Off {
            return Err(JoinError::SignedOff);
        }
        if let Some(there) = entry.session_id.as_ref().and_then(|id| self.by_session.get(id))
            && self.chats.get(there).is_some_and(|chat| chat.end().is_none())
        {
            return Err(JoinError::AlreadyThere);
        }
        if self.chats.len() >= self.settings.max_chats {
            return Err(JoinError::Full);
        }
        let id = ChatId(self.next_chat);
        self.next_chat += 1;
        if let Some(session_id) = &entry.session_id {
            self.by_session.insert(session_id.clone(), id);
        }
        let chat = Chat::new(entry, &self.settings.habits, &mut self.chance);
        self.chats.insert(id, chat);
        self.go_on(id, now);
        Ok(id)
    }

    /// Leaves, after all that was said before (B8.1). A plain leave of a chat that is not connected
    /// needs nobody's answer.
    ///
    /// # Errors
    ///
    /// [`SayError::NoChat`] or [`SayError::Over`].
    pub fn leave(
        &mut self,
        chat: ChatId,
        after: AfterAction,
        parting: Option<Text>,
        now: Instant,
    ) -> Result<EchoId, SayError> {
        let there = self.chats.get_mut(&chat).ok_or(SayError::NoChat)?;
        if there.end().is_some() || there.echoes.is_leaving() {
            return Err(SayError::Over);
        }
        let id = EchoId(self.next_echo);
        self.next_echo += 1;
        there.typing.reset();
        there.echoes.push_leave(id, Said::Leave { after, parting }, &mut self.chance);
        self.go_on(chat, now);
        Ok(id)
    }

    /// The chat's interaction has this `ChatServerWebapiToken`: from now on every attempt to come
    /// back shows it, so that a server that does not hold the session restores it (B20.2). What an
    /// [`Entry`] said before counts no longer.
    ///
    /// # Errors
    ///
    /// [`SayError::NoChat`] or [`SayError::Over`].
    pub fn learn_token(&mut self, chat: ChatId, token: Secret) -> Result<(), SayError> {
        open(&mut self.chats, chat)?.entry.webapi_token = Some(token);
        Ok(())
    }

    /// Forgets a chat that is over; whether it was.
    pub fn forget(&mut self, chat: ChatId) -> bool {
        if self.chats.get(&chat).is_none_or(|there| there.end().is_none()) {
            return false;
        }
        if let Some(session_id) = self.chats.remove(&chat).and_then(|it| it.entry.session_id)
            && self.by_session.get(&session_id) == Some(&chat)
        {
            self.by_session.remove(&session_id);
        }
        true
    }

    /// Leaves every session (KeepAlive) and ends the connection for good. What was said and not
    /// answered is [not sent](News::NotSent).
    pub fn sign_off(&mut self, now: Instant) {
        self.end_line(now);
    }
}

/// What people do in a chat.
impl Desk {
    /// Says something to all who may see this participant's events (B3.4).
    ///
    /// # Errors
    ///
    /// Any [`SayError`].
    pub fn say(
        &mut self,
        chat: ChatId,
        saying: impl Into<Saying>,
        now: Instant,
    ) -> Result<EchoId, SayError> {
        self.message(chat, saying.into(), None, None, now)
    }

    /// Says something to fewer: those whom this visibility reaches (B3.4).
    ///
    /// # Errors
    ///
    /// Any [`SayError`].
    pub fn say_among(
        &mut self,
        chat: ChatId,
        visibility: Visibility,
        saying: impl Into<Saying>,
        now: Instant,
    ) -> Result<EchoId, SayError> {
        self.message(chat, saying.into(), Some(visibility), None, now)
    }

    /// Says something to one other only (B7.6).
    ///
    /// # Errors
    ///
    /// Any [`SayError`].
    pub fn say_to(
        &mut self,
        chat: ChatId,
        receiver: UserId,
        saying: impl Into<Saying>,
        now: Instant,
    ) -> Result<EchoId, SayError> {
        self.message(chat, saying.into(), None, Some(receiver), now)
    }

    /// Gives a notice: a pushed address, a command, whatever both sides agreed on (B7.1, B7.4).
    ///
    /// # Errors
    ///
    /// Any [`SayError`].
    pub fn notify(
        &mut self,
        chat: ChatId,
        notification: impl Into<Notification>,
        now: Instant,
    ) -> Result<EchoId, SayError> {
        self.say_so(chat, Said::Notice(notification.into()), now)
    }

    /// Shows a web address (B7.1).
    ///
    /// # Errors
    ///
    /// Any [`SayError`].
    pub fn push_url(&mut self, chat: ChatId, url: &str, now: Instant) -> Result<EchoId, SayError> {
        self.notify(chat, Notification::new(NoticeType::UserPushedUrl, url), now)
    }

    /// Takes another nickname, in this chat, in every participation from now on (B7.3).
    ///
    /// # Errors
    ///
    /// Any [`SayError`].
    pub fn rename(&mut self, chat: ChatId, name: &str, now: Instant) -> Result<EchoId, SayError> {
        self.notify(chat, Notification::new(NoticeType::UserUpdateNick, name), now)
    }

    /// Tells of a file that was stored (B22.1).
    ///
    /// # Errors
    ///
    /// Any [`SayError`].
    pub fn announce_file(
        &mut self,
        chat: ChatId,
        upload: Upload,
        now: Instant,
    ) -> Result<EchoId, SayError> {
        self.notify(chat, files::announcement(upload), now)
    }

    /// Takes a file of one's own back (B22.3).
    ///
    /// # Errors
    ///
    /// Any [`SayError`].
    pub fn delete_file(
        &mut self,
        chat: ChatId,
        file_id: &FileId,
        now: Instant,
    ) -> Result<EchoId, SayError> {
        self.notify(chat, files::deletion(file_id), now)
    }

    /// Asks what customers may upload and download: [`News::Files`] is the answer. For a CLIENT's
    /// desk only, such as a messaging channel's (B22.7).
    ///
    /// # Errors
    ///
    /// Any [`SayError`].
    pub fn ask_file_limits(&mut self, chat: ChatId, now: Instant) -> Result<EchoId, SayError> {
        self.notify(chat, files::limits_question(), now)
    }

    /// Asks for leave to store a file of this name and size in bytes, and to announce it (B22.8).
    /// For a CLIENT's desk only.
    ///
    /// # Errors
    ///
    /// Any [`SayError`].
    pub fn ask_upload(
        &mut self,
        chat: ChatId,
        name: &str,
        size: u64,
        now: Instant,
    ) -> Result<EchoId, SayError> {
        self.notify(chat, files::upload_question(name, size), now)
    }

    /// Asks for leave to fetch a file once (B22.10). For a CLIENT's desk only.
    ///
    /// # Errors
    ///
    /// Any [`SayError`].
    pub fn ask_download(
        &mut self,
        chat: ChatId,
        file_id: &FileId,
        now: Instant,
    ) -> Result<EchoId, SayError> {
        self.notify(chat, files::download_question(file_id), now)
    }

    /// Removes another one (B8.1).
    ///
    /// # Errors
    ///
    /// Any [`SayError`].
    pub fn remove(
        &mut self,
        chat: ChatId,
        user_id: UserId,
        after: AfterAction,
        now: Instant,
    ) -> Result<EchoId, SayError> {
        self.say_so(chat, Said::Removal { user_id, after }, now)
    }

    /// A key was pressed, and this is in the field now: call it with every key. The others hear of it
    /// every [`Habits::typing_every`], and that it ended after [`Habits::typing_silence`].
    ///
    /// # Errors
    ///
    /// Any [`SayError`] but `Full`.
    pub fn type_preview(
        &mut self,
        chat: ChatId,
        preview: &str,
        now: Instant,
    ) -> Result<(), SayError> {
        let habits = &self.settings.habits;
        let there = open(&mut self.chats, chat)?;
        let preview = Text::new(preview);
        if preview.chars() > habits.max_text {
            return Err(SayError::TooLong);
        }
        if there.is_inside() {
            there.typing.types(preview, habits, now);
            self.go_on(chat, now);
        }
        Ok(())
    }

    /// Confirms that everything up to this event was read; said again after a loss (B5.4, B7.4).
    ///
    /// # Errors
    ///
    /// [`SayError::NoChat`] or [`SayError::Over`].
    pub fn read_up_to(
        &mut self,
        chat: ChatId,
        event: EventId,
        now: Instant,
    ) -> Result<(), SayError> {
        let there = open(&mut self.chats, chat)?;
        if there.read.is_none_or(|(read, _)| read < event) {
            there.read = Some((event, false));
            self.go_on(chat, now);
        }
        Ok(())
    }

    fn message(
        &mut self,
        chat: ChatId,
        saying: Saying,
        visibility: Option<Visibility>,
        receiver_id: Option<UserId>,
        now: Instant,
    ) -> Result<EchoId, SayError> {
        let id = self.say_so(chat, Said::Message { saying, visibility, receiver_id }, now)?;
        if let Some(there) = self.chats.get_mut(&chat) {
            there.typing.reset();
        }
        Ok(id)
    }

    fn say_so(&mut self, chat: ChatId, said: Said, now: Instant) -> Result<EchoId, SayError> {
        let there = open(&mut self.chats, chat)?;
        let id = EchoId(self.next_echo);
        there.echoes.push((id, said), &self.settings.habits, &mut self.chance)?;
        self.next_echo += 1;
        self.go_on(chat, now);
        Ok(id)
    }
}

/// A chat in which something can be done.
fn open(chats: &mut BTreeMap<ChatId, Chat>, chat: ChatId) -> Result<&mut Chat, SayError> {
    let there = chats.get_mut(&chat).ok_or(SayError::NoChat)?;
    if there.end().is_some() || there.echoes.is_leaving() {
        return Err(SayError::Over);
    }
    Ok(there)
}

/// What becomes of a chat.
impl Desk {
    fn tell(&mut self, chat: ChatId, news: News) {
        self.actions.push_back(Action::Notify(DeskNews::Chat(chat, news)));
    }

    /// A chat is over, and what still waits in it will never be said.
    fn over(&mut self, chat: ChatId, end: End, error_id: i32) {
        let Some(there) = self.chats.get_mut(&chat) else { return };
        if there.end().is_some() {
            return;
        }
        there.phase = Phase::Over(end);
        there.retry_at = None;
        there.typing.reset();
        while let Some(echo) = self.chats.get_mut(&chat).and_then(|there| there.echoes.pop()) {
            let news = match echo.said {
                Said::Leave { .. } => News::Confirmed { echo: echo.id, event_id: None },
                Said::Message { .. } | Said::Notice(_) | Said::Removal { .. } => {
                    News::not_sent(echo.id, error_id)
                }
            };
            self.tell(chat, news);
        }
        self.pending.retain(|_, pending| pending.chat() != Some(chat));
        self.tell(chat, News::Over(end));
    }
}

#[cfg(test)]
mod tests;
