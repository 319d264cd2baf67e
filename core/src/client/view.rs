//! What a client was told of a session: the transcript, and who is there.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::frame::{
    ChatTranscript, EventBody, KvList, NewParty, Notice, NoticeType, TranscriptEvent, UserType,
    Visibility,
};
use crate::id::{EventId, UserId};
use crate::limits::Limits;
use crate::pii::Pii;
use crate::text::{Str, Text};
use crate::time::Stamp;

use super::files::{self, File};
use super::{News, Notification};

/// User data of a read confirmation: the last event that was read (B7.4).
const LAST_EVENT_ID: &str = "last-event-id";
/// The command that confirms (B7.4).
const READ_CONFIRM: &str = "read-confirm";
/// The command that tells of a deleted file, and its user data that names the upload (B22.3).
const FILE_DELETED: &str = "file-deleted";
const UPLOADED_EVENT_ID: &str = "uploaded-event-id";

/// A session as one client was told it.
///
/// Holds the events worth keeping, by their ids: newcomers, messages, notices, leaves. Typing and
/// read confirmations are no history (B5.4); they stand with the [`Participant`] they are about.
/// Events of a kind this build does not know are left out (wire §6).
#[derive(Clone, Debug, Default)]
pub struct View {
    limit: usize,
    start_at: Option<Stamp>,
    events: BTreeMap<EventId, TranscriptEvent>,
    cut: bool,
    position: EventId,
    participants: BTreeMap<UserId, Participant>,
    own: Option<UserId>,
    deleted: BTreeSet<EventId>,
    monitored: bool,
    idle_time_expire: Option<u32>,
}

/// Somebody who is or was in a session. Whoever returns is a new one (B1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// The newest nickname (B7.3).
    pub nickname: Pii<Str>,
    /// Who they are.
    pub user_type: UserType,
    /// How they take part.
    pub visibility: Visibility,
    /// Whether they are still there.
    pub present: bool,
    /// Whether it is a bot (B3.6).
    pub bot: bool,
    /// Whether it is this client, now or in an earlier participation.
    pub own: bool,
    /// What they are typing, empty where that is not for this client (B7.2).
    pub typing: Option<Text>,
    /// The last event they have confirmed.
    pub read_up_to: Option<EventId>,
}

impl View {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// When the session began; `None` before anything was told.
    pub fn start_at(&self) -> Option<Stamp> {
        self.start_at
    }

    /// The events, in their order.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &TranscriptEvent> {
        self.events.values()
    }

    /// The event with this id.
    pub fn event(&self, id: EventId) -> Option<&TranscriptEvent> {
        self.events.get(&id)
    }

    /// Whether there were more events than [`max_events`](super::Habits::max_events), and the oldest
    /// were forgotten.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// The last event that was told, kept or not.
    pub fn position(&self) -> EventId {
        self.position
    }

    /// Everybody who is or was there, in the order of their ids.
    pub fn participants(&self) -> impl Iterator<Item = (&UserId, &Participant)> {
        self.participants.iter()
    }

    /// Whoever has this id.
    pub fn participant(&self, id: &UserId) -> Option<&Participant> {
        self.participants.get(id)
    }

    /// This client's present participation.
    pub fn own(&self) -> Option<&UserId> {
        self.own.as_ref()
    }

    /// The files that were announced, in their order, deleted ones included (B22.1).
    pub fn files(&self) -> impl Iterator<Item = File> {
        self.events()
            .filter_map(|event| files::announced(event, self.is_file_deleted(event.event_id)))
    }

    /// Whether the file of this upload notice was deleted (B22.3).
    pub fn is_file_deleted(&self, upload: EventId) -> bool {
        self.deleted.contains(&upload)
    }

    /// Whether somebody watches unseen (B3.5).
    pub fn monitored(&self) -> bool {
        self.monitored
    }

    /// Seconds until the session would be closed for inactivity, when that was told last (B11.5).
    pub fn idle_time_expire(&self) -> Option<u32> {
        self.idle_time_expire
    }

    /// From now on this is the client's own participation.
    pub(super) fn set_own(&mut self, user_id: &UserId) {
        if let Some(participant) = self.participants.get_mut(user_id) {
            participant.own = true;
        }
        self.own = Some(user_id.clone());
    }

    /// Whether this was the client itself, in whatever participation.
    pub(super) fn is_own(&self, user_id: &UserId) -> bool {
        self.own.as_ref() == Some(user_id)
            || self.participants.get(user_id).is_some_and(|participant| participant.own)
    }

    /// Whether somebody is there whom this holds for.
    pub(super) fn has(&self, who: impl Fn(&Participant) -> bool) -> bool {
        self.participants.values().any(|participant| participant.present && who(participant))
    }

    /// Takes in what was told. What is there already stays as it is (B4.8).
    pub(super) fn absorb(&mut self, transcript: &ChatTranscript, news: &mut Vec<News>) {
        self.start_at = Some(transcript.start_at);
        for event in transcript.events.iter() {
            if event.event_id == EventId::NONE {
                news.push(News::Aside(Box::new(event.clone())));
            } else if event.event_id > self.position || !self.events.contains_key(&event.event_id) {
                self.position = self.position.max(event.event_id);
                self.tell(event, news);
            }
        }
        if let Some(monitored) = transcript.monitored
            && monitored != self.monitored
        {
            self.monitored = monitored;
            news.push(News::Monitored);
        }
        if transcript.idle_time_expire != self.idle_time_expire {
            self.idle_time_expire = transcript.idle_time_expire;
            news.push(News::IdleTime);
        }
    }

    fn tell(&mut self, event: &TranscriptEvent, news: &mut Vec<News>) {
        let Some(visibility) = event.visibility.known() else { return };
        match &event.body {
            EventBody::NewParty(new) => {
                if !self.comes(event, new, visibility) {
                    return;
                }
            }
            EventBody::Message(message) => {
                if message.treat_as.is_some_and(|treat_as| treat_as.known().is_none()) {
                    return;
                }
                self.types(&event.user_id, None, news);
            }
            EventBody::Notice(notice) => {
                if !self.notices(&event.user_id, notice, news) {
                    return;
                }
            }
            EventBody::PartyLeft(_) => {
                self.types(&event.user_id, None, news);
                if let Some(participant) = self.participants.get_mut(&event.user_id) {
                    participant.present = false;
                    participant.read_up_to = None;
                }
            }
            EventBody::Unknown(_) => return,
        }
        self.events.insert(event.event_id, event.clone());
        if self.events.len() > self.limit {
            let oldest = self.events.pop_first();
            self.cut = true;
            if let Some((id, _)) = oldest {
                self.deleted.remove(&id);
            }
        }
        news.push(News::Told(event.event_id));
    }

    /// Somebody is there; whether it is somebody this build knows how to show.
    fn comes(&mut self, event: &TranscriptEvent, new: &NewParty, visibility: Visibility) -> bool {
        let Some(party) = &event.party else { return false };
        let Some(user_type) = party.user_type.known() else { return false };
        if new.protocol_type.known().is_none() {
            return false;
        }
        // A server ends a session long before (B17.4); who comes later has no name.
        if self.participants.len() >= Limits::MAX_PARTICIPATIONS as usize {
            return true;
        }
        let participant = Participant {
            nickname: party.user_nickname.clone(),
            user_type,
            visibility,
            present: true,
            bot: is_bot(new.user_data.as_ref(), event.event_attributes.as_ref()),
            own: self.own.as_ref() == Some(&event.user_id),
            typing: None,
            read_up_to: None,
        };
        self.participants.insert(event.user_id.clone(), participant);
        true
    }

    /// A notice happens; whether it is one to be kept.
    fn notices(&mut self, user_id: &UserId, notice: &Notice, news: &mut Vec<News>) -> bool {
        let Some(notice_type) = notice.notice_type.known() else { return false };
        let text = notice.notice_text.as_ref().map_or("", |text| text.reveal());
        match notice_type {
            NoticeType::UserTypingStarted => {
                self.types(user_id, Some(Text::new(text)), news);
                false
            }
            NoticeType::UserTypingStopped => {
                self.types(user_id, None, news);
                false
            }
            NoticeType::UserUpdateNick => {
                if let Some(participant) = self.participants.get_mut(user_id) {
                    participant.nickname = Pii::new(Str::new(text.trim()));
                }
                true
            }
            NoticeType::SysCommand if text == READ_CONFIRM => {
                let read = event_id(notice, LAST_EVENT_ID);
                if let (Some(participant), Some(_)) = (self.participants.get_mut(user_id), read)
                    && participant.present
                {
                    participant.read_up_to = participant.read_up_to.max(read);
                    news.push(News::Read(user_id.clone()));
                }
                false
            }
            NoticeType::SysCommand => {
                if text == FILE_DELETED
                    && let Some(upload) = event_id(notice, UPLOADED_EVENT_ID)
                    && self.events.contains_key(&upload)
                {
                    self.deleted.insert(upload);
                }
                true
            }
            NoticeType::UserCustom
            | NoticeType::UserPushedUrl
            | NoticeType::IdleControlAlert
            | NoticeType::IdleControlClose
            | NoticeType::IdleControlSet => true,
        }
    }

    fn types(&mut self, user_id: &UserId, typing: Option<Text>, news: &mut Vec<News>) {
        if let Some(participant) = self.participants.get_mut(user_id)
            && participant.typing != typing
        {
            participant.typing = typing;
            news.push(News::Typing(user_id.clone()));
        }
    }
}

/// The command that confirms everything up to this event (B7.4).
pub(super) fn read_confirm(event: EventId) -> Notification {
    let data = KvList::from([(LAST_EVENT_ID, (&*alloc::format!("{event}")).into())]);
    Notification::command(READ_CONFIRM, data)
}

/// The event that user data of a notice names.
fn event_id(notice: &Notice, key: &str) -> Option<EventId> {
    EventId::new(notice.user_data.as_ref()?.text(key)?.trim().parse().ok()?)
}

/// Whether a newcomer is marked as a bot: on basic in its user data, everywhere in the attributes of
/// its events (B3.6).
fn is_bot(user_data: Option<&KvList>, attributes: Option<&KvList>) -> bool {
    let marked = user_data.and_then(|data| data.text("GCTI_Chat_PartyStyle"));
    let info = attributes.and_then(|there| there.list("GCTI_SYSTEM")?.list("party-info"));
    let style = info.and_then(|info| info.text("style"));
    [marked, style].into_iter().flatten().any(|style| style == "BOT")
}

#[cfg(test)]
mod tests;
