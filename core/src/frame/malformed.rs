//! A frame that could be read but not understood.

use core::fmt;

use super::EnvelopeEntry;

/// A request that is answered with 8301: the frame itself was sound, so the connection lives (wire §7).
///
/// Holds no word of the peer's: names and numbers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Malformed {
    /// What the answer must repeat.
    pub reference: u32,
    /// The message's number on the wire.
    pub message: u16,
    /// What is wrong with it.
    pub what: Flaw,
    /// Where: bytes from the first byte of the frame to the field at fault.
    pub offset: u32,
}

/// What is wrong with a malformed frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Flaw {
    /// No message of the protocol has this number.
    UnknownMessage,
    /// A message that only the other side may send.
    WrongDirection,
    /// A request without a reference to answer to.
    NoReference,
    /// A mandatory attribute is not there.
    Missing(Attribute),
    /// A number outside the attribute's enumeration or range.
    OutOfRange(Attribute),
    /// A text that is not of the attribute's form: its length, or the shape of a date.
    BadForm(Attribute),
    /// An ESP envelope without this entry, or with another type of value there.
    Envelope(EnvelopeEntry),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed message {}: ", self.message)?;
        match self.what {
            Flaw::UnknownMessage => f.write_str("unknown message"),
            Flaw::WrongDirection => f.write_str("not a message of this direction"),
            Flaw::NoReference => f.write_str("a request needs a reference other than 0"),
            Flaw::Missing(attribute) => write!(f, "{attribute} is missing"),
            Flaw::OutOfRange(attribute) => write!(f, "{attribute} is out of range"),
            Flaw::BadForm(attribute) => write!(f, "{attribute} has the wrong form"),
            Flaw::Envelope(entry) => write!(f, "{entry} is missing or of the wrong type"),
        }
    }
}

impl core::error::Error for Malformed {}

macro_rules! attributes {
    ($($name:ident),+ $(,)?) => {
        /// The attributes of every message, by name (wire §5).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[expect(missing_docs, reason = "the names are the wire profile's own, explained there")]
        pub enum Attribute {
            $($name),+
        }

        impl Attribute {
            /// Every attribute, in the order of their ids.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name as the wire profile spells it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name)),+
                }
            }
        }
    };
}

attributes! {
    UserId, SecureKey, SessionId, UserNickname, UserType, PersonId, TimeZoneOffset, ClientVersion,
    Visibility, QueueKey, Subject, UserData, EventAttributes, ReceiverId, MessageText, MessageType,
    TreatAs, NoticeText, NoticeType, AfterAction, ChatTranscript, StartAt, EventList, EventKind,
    EventId, TimeShift, ProtocolType, ReasonCode, ReasonText, AskerId, SessionStatus,
    IdleTimeExpire, Monitored, ErrorId, ErrorText, RequestResult, LastPosition, MoreEvents,
    Extensions, AppDbid, NodeGroup, NodeName, PushMode, Alive, NotifyAttempt, RemoteTimeout,
    RequestKey, MaxFrame, AccessToken, NotifyPosition, ParticipantNo,
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
