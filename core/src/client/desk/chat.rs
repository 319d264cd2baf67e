//! One chat of a desk: what is known of it, and what it wants to ask next.

use alloc::vec::Vec;

use crate::frame::basic::{
    EventSessionInfo, Request, RequestJoin, RequestMessage, RequestNotify, RequestReleaseParty,
};
use crate::frame::{
    AfterAction, EventBody, KvList, NoticeType, SessionStatus, UserType, Visibility,
};
use crate::id::{EventId, SessionId, UserId};
use crate::pii::Secret;
use crate::text::{Str, Text};
use crate::time::Instant;

use crate::client::back_off::BackOff;
use crate::client::chance::Chance;
use crate::client::echo::Echoes;
use crate::client::typing::{Key, Typing};
use crate::client::view::{View, read_confirm};
use crate::client::{Echo, End, Habits, News, Notification, Said};

/// User data of a Join (B3.7, B20.2).
const SESSION_PASSWORD: &str = "GCTI_Chat_SessionPassword";
const WEBAPI_TOKEN: &str = "ChatServerWebapiToken";

/// For how many times its patience a desk seeks a session that others have to restore.
const SOUGHT_FOR: u32 = 3;

/// How to come into a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The session; absent: a new one (B4.1).
    pub session_id: Option<SessionId>,
    /// With which visibility; absent: ALL (B3.1).
    pub visibility: Option<Visibility>,
    /// Of a new session: `tenant:endpoint` or `endpoint` (B4.2).
    pub queue_key: Option<Str>,
    /// Of a new session: what it is about.
    pub subject: Option<Text>,
    /// A greeting, said with the first Join only (B4.4).
    pub greeting: Option<Text>,
    /// What one brings along.
    pub user_data: KvList,
    /// The session's password (B3.7).
    pub password: Option<Secret>,
    /// The interaction's `ChatServerWebapiToken`, by which a server that does not hold the session
    /// restores it (B20.2, B20.10).
    pub webapi_token: Option<Secret>,
}

/// One chat of a [`Desk`](super::Desk).
#[derive(Debug)]
pub struct Chat {
    pub(super) entry: Entry,
    pub(super) phase: Phase,
    /// Whether it creates the session, and has not been told of it.
    pub(super) creates: bool,
    /// Of the Join until it is answered.
    pub(super) key: Str,
    /// A Join with that key was lost with its connection, and perhaps took effect.
    pub(super) lost: bool,
    /// Whether it was ever let in.
    pub(super) entered: bool,
    pub(super) view: View,
    pub(super) echoes: Echoes,
    /// The first echo was asked and is not answered.
    pub(super) asking: bool,
    pub(super) back_off: BackOff,
    pub(super) retry_at: Option<Instant>,
    /// Since when it is sought among the servers.
    missing: Option<Instant>,
    pub(super) typing: Typing,
    /// What is to be confirmed as read, and whether that was sent.
    pub(super) read: Option<(EventId, bool)>,
    /// The name taken, to be taken again in every participation.
    nickname: Option<Text>,
    renames: bool,
    /// Whether a customer was there when the transcript was complete last.
    customer: bool,
    reading: bool,
}

/// How a chat stands with its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not in the session, and wants to be.
    Outside,
    /// A Join is under way.
    Joining,
    /// In the session.
    Inside,
    /// The session is closed, and the first echo is asked again to learn whether it took effect.
    Settling,
    /// Over.
    Over(End),
}

/// What a chat asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// To be let in with the first Join's key.
    Join,
    /// To be let in, again.
    Rejoin,
    /// What the first echo says.
    Echo,
    /// Something that nobody waits for.
    Aside,
}

impl Chat {
    pub(super) fn new(entry: Entry, habits: &Habits, chance: &mut Chance) -> Self {
        Self {
            phase: Phase::Outside,
            creates: entry.session_id.is_none(),
            entry,
            key: chance.key(),
            lost: false,
            entered: false,
            view: View::new(habits.max_events),
            echoes: Echoes::default(),
            asking: false,
            back_off: BackOff::default(),
            retry_at: None,
            missing: None,
            typing: Typing::default(),
            read: None,
            nickname: None,
            renames: false,
            customer: false,
            reading: false,
        }
    }

    /// The session; `None` until one that is being created has an id.
    pub fn session_id(&self) -> Option<&SessionId> {
        self.entry.session_id.as_ref()
    }

    /// What was told.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// What was said and has no answer yet, in order: to be shown behind the events. After a loss
    /// one of them may stand among the events as well, until its answer says so.
    pub fn echoes(&self) -> impl Iterator<Item = &Echo> {
        self.echoes.iter()
    }

    /// Whether one is in the session at the moment.
    pub fn is_inside(&self) -> bool {
        self.phase == Phase::Inside
    }

    /// How it ended, if it did.
    pub fn end(&self) -> Option<End> {
        match self.phase {
            Phase::Over(end) => Some(end),
            Phase::Outside | Phase::Joining | Phase::Inside | Phase::Settling => None,
        }
    }

    /// What to ask next, if anything is to be asked now.
    pub(super) fn next(&mut self, habits: &Habits, now: Instant) -> Option<(Ask, Request)> {
        if self.retry_at.is_some_and(|at| at > now) {
            return None;
        }
        self.retry_at = None;
        match self.phase {
            Phase::Outside => {
                self.phase = Phase::Joining;
                let ask = if self.entered { Ask::Rejoin } else { Ask::Join };
                Some((ask, Request::RequestJoin(self.join())))
            }
            Phase::Joining | Phase::Over(_) => None,
            Phase::Settling => self.next_echo(),
            Phase::Inside => self.next_inside(habits, now),
        }
    }

    fn next_inside(&mut self, habits: &Habits, now: Instant) -> Option<(Ask, Request)> {
        if core::mem::take(&mut self.renames)
            && let Some(nickname) = self.nickname.clone()
        {
            let notice = Notification {
                text: Some(nickname),
                ..Notification::from(NoticeType::UserUpdateNick)
            };
            return Some((Ask::Aside, self.notify(notice, None)?));
        }
        if let Some(echo) = self.next_echo() {
            return Some(echo);
        }
        if let Some((event, false)) = self.read {
            self.read = Some((event, true));
            return Some((Ask::Aside, self.notify(read_confirm(event), None)?));
        }
        let notice = match self.typing.due(habits, now)? {
            Key::Started(preview) => Notification {
                text: Some(preview).filter(|preview| !preview.is_empty()),
                ..Notification::from(NoticeType::UserTypingStarted)
            },
            Key::Stopped => Notification::from(NoticeType::UserTypingStopped),
        };
        Some((Ask::Aside, self.notify(notice, None)?))
    }

    fn next_echo(&mut self) -> Option<(Ask, Request)> {
        if self.asking {
            return None;
        }
        let echo = self.echoes.front_mut()?;
        echo.attempts = echo.attempts.saturating_add(1);
        let echo = echo.clone();
        self.asking = true;
        Some((Ask::Echo, self.request(echo)?))
    }

    /// The session is closed, and one was not in it when that happened. Whether there is something
    /// in doubt, which the server still answers as it did or would have (B4.8).
    pub(super) fn settles(&mut self) -> bool {
        let in_doubt = self.echoes.front().is_some_and(|echo| {
            echo.attempts > 0 && matches!(echo.said, Said::Message { .. } | Said::Notice(_))
        });
        if in_doubt {
            self.phase = Phase::Settling;
            self.asking = false;
        }
        in_doubt
    }

    fn join(&self) -> RequestJoin {
        let Entry { session_id, visibility, queue_key, subject, greeting, .. } = self.entry.clone();
        let mut user_data = self.entry.user_data.clone();
        if let Some(password) = &self.entry.password {
            user_data.push(SESSION_PASSWORD, password.reveal());
        }
        if let Some(token) = &self.entry.webapi_token {
            user_data.push(WEBAPI_TOKEN, token.reveal());
        }
        let first = !self.entered;
        RequestJoin {
            queue_key: queue_key.filter(|_| session_id.is_none()),
            subject: subject.filter(|_| session_id.is_none()),
            session_id,
            visibility,
            message_text: greeting.filter(|_| first),
            user_data: (!user_data.is_empty()).then_some(user_data),
            last_position: Some(self.view.position()).filter(|last| *last > EventId::NONE),
            // A Join that comes again on another connection gets the first one's outcome, a
            // participation that ended with its connection: only what must not be repeated has a key.
            request_key: first.then(|| self.key.clone()),
        }
    }

    fn request(&self, echo: Echo) -> Option<Request> {
        let session_id = self.entry.session_id.clone()?;
        Some(match echo.said {
            Said::Message { saying, visibility, receiver_id } => {
                Request::RequestMessage(RequestMessage {
                    session_id,
                    message_text: saying.text,
                    message_type: saying.message_type,
                    treat_as: None,
                    visibility,
                    receiver_id,
                    user_data: saying.user_data,
                    event_attributes: saying.event_attributes,
                    request_key: Some(echo.key),
                })
            }
            Said::Notice(notice) => return self.notify(notice, Some(echo.key)),
            Said::Removal { user_id, after } => release(session_id, Some(user_id), after, None),
            Said::Leave { after, parting } => release(session_id, None, after, parting),
        })
    }

    fn notify(&self, notice: Notification, request_key: Option<Str>) -> Option<Request> {
        Some(Request::RequestNotify(RequestNotify {
            session_id: self.entry.session_id.clone()?,
            notice_type: notice.notice_type,
            notice_text: notice.text,
            visibility: None,
            receiver_id: None,
            user_data: notice.user_data,
            event_attributes: notice.event_attributes,
            request_key,
        }))
    }

    /// One is in the session.
    pub(super) fn enter(&mut self) {
        self.phase = Phase::Inside;
        self.missing = None;
        self.renames = self.entered && self.nickname.is_some();
        self.entered = true;
        self.creates = false;
        self.asking = false;
        if let Some((_, sent)) = &mut self.read {
            // A confirmation goes with its participant (B5.4).
            *sent = false;
        }
        if self.echoes.front().is_none() {
            self.back_off.worked();
        }
    }

    /// One is no longer in the session, if one was, and wants to be.
    pub(super) fn fall_out(&mut self) {
        if matches!(self.phase, Phase::Over(_)) {
            return;
        }
        self.phase = Phase::Outside;
        self.asking = false;
        self.typing.reset();
    }

    /// Another session is created; the former one, if its id was told.
    pub(super) fn begin_anew(&mut self, habits: &Habits, chance: &mut Chance) -> Option<SessionId> {
        self.entered = false;
        self.lost = false;
        self.customer = false;
        self.key = chance.key();
        self.view = View::new(habits.max_events);
        self.entry.session_id.take()
    }

    /// Something did not work now and may later.
    pub(super) fn try_later(&mut self, habits: &Habits, chance: &mut Chance, now: Instant) {
        self.retry_at = Some(now + self.back_off.failed(habits, chance));
    }

    /// A server does not know the session. Whether somebody else may bring it there: this one was in
    /// it, wants to stay, cannot restore it, and has not sought it for too long. Whoever can may first
    /// have to lose patience with a server that is silent.
    pub(super) fn may_come(&mut self, habits: &Habits, now: Instant) -> bool {
        self.entered
            && !self.echoes.is_leaving()
            && self.entry.webapi_token.is_none()
            && *self.missing.get_or_insert(now) + habits.patience.saturating_mul(SOUGHT_FOR) > now
    }

    /// Takes in what was told of the session. How it ended, if that was told.
    pub(super) fn absorb(&mut self, info: &EventSessionInfo, news: &mut Vec<News>) -> Option<End> {
        self.view.absorb(&info.chat_transcript, news);
        self.reading = info.more_events;
        if info.session_status.known() == Some(SessionStatus::Closed) && !info.more_events {
            return Some(End::Closed);
        }
        // While a Join is under way, only its answer says which participation is one's own.
        let own = self.view.own().filter(|_| self.phase == Phase::Inside)?;
        let goes = |event: &&crate::frame::TranscriptEvent| {
            matches!(event.body, EventBody::PartyLeft(_)) && event.user_id == *own
        };
        let left = info.chat_transcript.events.iter().find(goes)?;
        let EventBody::PartyLeft(left) = &left.body else { return None };
        Some(if left.asker_id == *own && left.reason_code.is_none_or(|code| code <= 2) {
            End::Left
        } else {
            End::Removed
        })
    }

    /// Whether the last customer went since this was asked last (B22.5).
    pub(super) fn customer_left(&mut self) -> bool {
        if self.reading || self.phase != Phase::Inside {
            return false;
        }
        let there = self.view.has(|who| who.user_type == UserType::Client);
        core::mem::replace(&mut self.customer, there) && !there
    }

    /// The event that answers the first echo, out of the answer to it.
    pub(super) fn caused(&self, info: &EventSessionInfo) -> Option<EventId> {
        let events = &info.chat_transcript.events;
        events.iter().map(|event| event.event_id).rfind(|id| *id > EventId::NONE)
    }

    /// What was said took effect.
    pub(super) fn done(&mut self, said: &Said) {
        self.asking = false;
        self.back_off.worked();
        if let Said::Notice(notice) = said
            && notice.notice_type == NoticeType::UserUpdateNick
        {
            self.nickname.clone_from(&notice.text);
        }
    }

    /// When there is something to do for it without anything else happening.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Outside | Phase::Settling => self.retry_at,
            Phase::Inside => self.retry_at.or_else(|| self.typing.poll_timeout()),
            Phase::Joining | Phase::Over(_) => None,
        }
    }
}

fn release(
    session_id: SessionId,
    user_id: Option<UserId>,
    after: AfterAction,
    message_text: Option<Text>,
) -> Request {
    Request::RequestReleaseParty(RequestReleaseParty {
        session_id,
        user_id,
        after_action: Some(after),
        message_text,
        user_data: None,
    })
}
