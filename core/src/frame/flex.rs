//! The flex protocol: requests and replies of the gateways customers come through (wire §4.2).

use super::{ChatTranscript, KvList, NoticeType, Open, PushMode, RequestResult, SessionStatus};
use crate::id::{EventId, SessionId, UserId};
use crate::pii::{Pii, Secret};
use crate::text::{Str, Text};

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Request {
    /// Makes a flex user.
    RequestLogin(RequestLogin),
    /// Enters a session, or creates one.
    RequestJoin(RequestJoin),
    /// Asks for what is new, perhaps saying something.
    RequestRefresh(RequestRefresh),
    /// Leaves for good.
    RequestLogout(RequestLogout),
    /// Gives a notice.
    RequestNotify(RequestNotify),
    /// Makes this connection a gateway node's.
    RequestNode(RequestNode),
    /// Wants a user's pushes, or no longer.
    RequestPush(RequestPush),
    /// A node's answer to a push query.
    RequestAlive(RequestAlive),
}

/// What the server tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Event {
    /// The answer to every request.
    EventStatus(EventStatus),
    /// Unsolicited, to a node: news for a user.
    EventPush(EventPush),
    /// Unsolicited, to a node: is this user still there?
    EventPushQuery(EventPushQuery),
}

/// Makes a flex user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestLogin {
    /// 1–255 characters after trimming (B3.8).
    pub user_nickname: Pii<Str>,
    /// Minutes to add to UTC for their local time.
    pub time_zone_offset: Option<i32>,
    /// Their id outside this system.
    pub person_id: Option<Pii<Str>>,
    /// 101–106; absent: 101 (B6.1).
    pub client_version: Option<i32>,
    /// What they bring along.
    pub user_data: Option<KvList>,
}

/// Enters a session, or creates one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestJoin {
    /// Who asks.
    pub user_id: UserId,
    /// Their proof (B9.1).
    pub secure_key: Secret,
    /// The session to enter; absent: create one (B4.1, B4.6).
    pub session_id: Option<SessionId>,
    /// `tenant:endpoint` or `endpoint` (B4.2).
    pub queue_key: Option<Str>,
    /// What the session is about.
    pub subject: Option<Text>,
    /// A greeting (B4.4).
    pub message_text: Option<Text>,
    /// What they bring along.
    pub user_data: Option<KvList>,
    /// Makes the request once-only (B4.8).
    pub request_key: Option<Str>,
}

/// Asks for what is new, perhaps saying something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestRefresh {
    /// Who asks.
    pub user_id: UserId,
    /// Their proof (B9.1).
    pub secure_key: Secret,
    /// Lets an instance that does not know the user restore the session.
    pub session_id: Option<SessionId>,
    /// The last event they have; absent: none.
    pub last_position: Option<EventId>,
    /// The words; absent: a plain poll.
    pub message_text: Option<Text>,
    /// Free text, passed through.
    pub message_type: Option<Str>,
    /// Data of the message.
    pub user_data: Option<KvList>,
    /// Attributes of the event (B7.7).
    pub event_attributes: Option<KvList>,
    /// Makes the request once-only (B4.8).
    pub request_key: Option<Str>,
}

/// Leaves for good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestLogout {
    /// Who asks.
    pub user_id: UserId,
    /// Their proof (B9.1).
    pub secure_key: Secret,
    /// Lets an instance that does not know the user restore the session.
    pub session_id: Option<SessionId>,
    /// The last event they have; absent: no transcript is wanted.
    pub last_position: Option<EventId>,
}

/// Gives a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestNotify {
    /// Who asks.
    pub user_id: UserId,
    /// Their proof (B9.1).
    pub secure_key: Secret,
    /// Lets an instance that does not know the user restore the session.
    pub session_id: Option<SessionId>,
    /// What it is about.
    pub notice_type: NoticeType,
    /// A web address, a preview, a nickname, the name of a command.
    pub notice_text: Option<Text>,
    /// Data of the notice.
    pub user_data: Option<KvList>,
    /// Attributes of the event (B7.7).
    pub event_attributes: Option<KvList>,
    /// The last event they have; absent: no transcript is wanted.
    pub last_position: Option<EventId>,
    /// Makes the request once-only (B4.8).
    pub request_key: Option<Str>,
}

/// Makes this connection a gateway node's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestNode {
    /// The nodes that can stand in for each other.
    pub node_group: Str,
    /// This one among them.
    pub node_name: Str,
}

/// Wants a user's pushes, or no longer (B10.1).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestPush {
    /// Whose pushes.
    pub user_id: UserId,
    /// Their proof (B9.1).
    pub secure_key: Secret,
    /// Lets an instance that does not know the user restore the session.
    pub session_id: Option<SessionId>,
    /// Which of the two.
    pub push_mode: PushMode,
}

/// A node's answer to a push query (B10.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestAlive {
    /// The user asked about.
    pub user_id: UserId,
    /// Whether they are still there.
    pub alive: bool,
}

/// The answer to every request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EventStatus {
    /// How it ended.
    pub request_result: Open<RequestResult>,
    /// The user, by the current id (B20.4).
    pub user_id: Option<UserId>,
    /// The user's key; after a Login or a restoration.
    pub secure_key: Option<Secret>,
    /// The user's session.
    pub session_id: Option<SessionId>,
    /// Whether it goes on.
    pub session_status: Option<Open<SessionStatus>>,
    /// The last event of this answer; of an empty one, the request's; with no transcript, absent.
    pub last_position: Option<EventId>,
    /// The answer was cut; ask again from `last_position`.
    pub more_events: bool,
    /// The events after the request's position.
    pub chat_transcript: Option<ChatTranscript>,
    /// Why it was refused: the number of an [`ErrorId`](super::ErrorId), or of one this build does
    /// not know.
    pub error_id: Option<i32>,
    /// Why, in words.
    pub error_text: Option<Str>,
    /// The instance that answers (B20.12).
    pub app_dbid: Option<i32>,
}

impl EventStatus {
    /// An answer that says only how the request ended.
    pub const fn new(request_result: RequestResult) -> Self {
        Self {
            request_result: Open::Known(request_result),
            user_id: None,
            secure_key: None,
            session_id: None,
            session_status: None,
            last_position: None,
            more_events: false,
            chat_transcript: None,
            error_id: None,
            error_text: None,
            app_dbid: None,
        }
    }
}

/// News for a user (B10.2, B10.4).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EventPush {
    /// The user.
    pub user_id: UserId,
    /// The user's session.
    pub session_id: SessionId,
    /// Whether it goes on.
    pub session_status: Option<Open<SessionStatus>>,
    /// The events.
    pub chat_transcript: Option<ChatTranscript>,
    /// How often this was sent before.
    pub notify_attempt: Option<u32>,
    /// What the user has not fetched yet.
    pub notify_position: Option<NotifyPosition>,
    /// What the node wants to know.
    pub user_data: Option<KvList>,
}

/// What a push is about (B10.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum NotifyPosition {
    /// Events from this one on have not been fetched.
    From(EventId),
    /// The user was removed.
    Removed,
}

/// Is this user still there? (B10.2)
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EventPushQuery {
    /// The user.
    pub user_id: UserId,
    /// The user's session.
    pub session_id: SessionId,
}
