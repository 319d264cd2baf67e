//! The basic protocol: persistent connections of agents, supervisors, bots and messaging channels (wire §4.1).

use super::{
    AfterAction, ChatTranscript, KvList, NoticeType, Open, SessionStatus, TreatAs, UserType,
    Visibility,
};
use crate::id::{EventId, SessionId, UserId};
use crate::pii::Pii;
use crate::text::{Str, Text};

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Request {
    /// Says who is at the other end.
    RequestRegister(RequestRegister),
    /// Leaves every session of this connection.
    RequestUnregister,
    /// Enters a session, or creates one.
    RequestJoin(RequestJoin),
    /// Says something.
    RequestMessage(RequestMessage),
    /// Gives a notice.
    RequestNotify(RequestNotify),
    /// Leaves, or removes somebody.
    RequestReleaseParty(RequestReleaseParty),
}

/// What the server tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::large_enum_variant, reason = "news are the common one and must not allocate")]
pub enum Event {
    /// The answer to a Register.
    EventRegistered(EventRegistered),
    /// The answer to an Unregister.
    EventUnregistered,
    /// New events of a session: an answer, or unsolicited.
    EventSessionInfo(EventSessionInfo),
    /// A refusal.
    EventError(EventError),
}

/// Says who is at the other end of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestRegister {
    /// 1–255 characters after trimming (B3.8).
    pub user_nickname: Pii<Str>,
    /// CLIENT, AGENT or SUPERVISOR (B3.1).
    pub user_type: UserType,
    /// Their id outside this system.
    pub person_id: Option<Pii<Str>>,
    /// Minutes to add to UTC for their local time.
    pub time_zone_offset: Option<i32>,
    /// 101–106; absent: 101 (B6.1).
    pub client_version: Option<i32>,
    /// What they bring along to every session.
    pub user_data: Option<KvList>,
    /// The largest frame they can take, in bytes, at least [`RequestRegister::MIN_MAX_FRAME`].
    pub max_frame: Option<u32>,
}

impl RequestRegister {
    /// The smallest frame limit a client may announce, in bytes.
    pub const MIN_MAX_FRAME: u32 = 4096;
}

/// Enters a session, or creates one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestJoin {
    /// The session to enter; absent: create one (B4.1).
    pub session_id: Option<SessionId>,
    /// With which visibility; absent: ALL (B3.1).
    pub visibility: Option<Visibility>,
    /// `tenant:endpoint` or `endpoint` (B4.2).
    pub queue_key: Option<Str>,
    /// What the session is about.
    pub subject: Option<Text>,
    /// A greeting (B4.4).
    pub message_text: Option<Text>,
    /// What they bring along.
    pub user_data: Option<KvList>,
    /// The last event they have; only later ones are wanted.
    pub last_position: Option<EventId>,
    /// Makes the request once-only (B4.8).
    pub request_key: Option<Str>,
}

/// Says something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestMessage {
    /// Where.
    pub session_id: SessionId,
    /// The words.
    pub message_text: Text,
    /// Free text, passed through.
    pub message_type: Option<Str>,
    /// How the message wants to be shown.
    pub treat_as: Option<TreatAs>,
    /// To whom; absent: the sender's own (B3.4).
    pub visibility: Option<Visibility>,
    /// To this participant only (B7.6).
    pub receiver_id: Option<UserId>,
    /// Data of the message.
    pub user_data: Option<KvList>,
    /// Attributes of the event (B7.7).
    pub event_attributes: Option<KvList>,
    /// Makes the request once-only (B4.8).
    pub request_key: Option<Str>,
}

/// Gives a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestNotify {
    /// Where.
    pub session_id: SessionId,
    /// What it is about.
    pub notice_type: NoticeType,
    /// A web address, a preview, a nickname, the name of a command.
    pub notice_text: Option<Text>,
    /// To whom; absent: the sender's own (B3.4).
    pub visibility: Option<Visibility>,
    /// To this participant only (B7.6).
    pub receiver_id: Option<UserId>,
    /// Data of the notice.
    pub user_data: Option<KvList>,
    /// Attributes of the event (B7.7).
    pub event_attributes: Option<KvList>,
    /// Makes the request once-only (B4.8).
    pub request_key: Option<Str>,
}

/// Leaves, or removes somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RequestReleaseParty {
    /// Where.
    pub session_id: SessionId,
    /// Whom; absent: oneself (B8.1).
    pub user_id: Option<UserId>,
    /// What becomes of the session; absent: KeepAlive.
    pub after_action: Option<AfterAction>,
    /// Parting words.
    pub message_text: Option<Text>,
    /// Data of the release.
    pub user_data: Option<KvList>,
}

/// The answer to a Register.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EventRegistered {
    /// The registration; names the connection only (B1.2).
    pub user_id: UserId,
    /// The version both sides speak from now on (B6.1).
    pub client_version: i32,
}

/// New events of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EventSessionInfo {
    /// The session.
    pub session_id: SessionId,
    /// Whether it goes on.
    pub session_status: Open<SessionStatus>,
    /// The events.
    pub chat_transcript: ChatTranscript,
    /// The participation; in the answer to a Join.
    pub user_id: Option<UserId>,
    /// The transcript goes on in further frames.
    pub more_events: bool,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EventError {
    /// Why: the number of an [`ErrorId`](super::ErrorId), or of one this build does not know.
    pub error_id: i32,
    /// Why, in words.
    pub error_text: Str,
    /// The session it is about.
    pub session_id: Option<SessionId>,
}
