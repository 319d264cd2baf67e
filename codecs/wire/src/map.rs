//! Every number of the wire profile that more than one protocol uses: ids, types, enumerations.

use confer_core::frame::{
    AfterAction, Attribute, EventKind, NoticeType, Protocol, ProtocolType, PushMode, RequestResult,
    SessionStatus, TreatAs, UserType, Visibility,
};

/// The version in every header.
pub const VERSION: u8 = 1;

/// `Authenticate`.
pub const AUTHENTICATE: u16 = 65532;
/// `AddpSetup`.
pub const ADDP_SETUP: u16 = 65533;
/// `AddpPoll`.
pub const ADDP_POLL: u16 = 65534;
/// `AddpReply`.
pub const ADDP_REPLY: u16 = 65535;

/// The names of the messages every connection knows (wire §4.4).
pub const CONTROL_MESSAGES: &[(u16, &str)] = &[
    (AUTHENTICATE, "Authenticate"),
    (ADDP_SETUP, "AddpSetup"),
    (ADDP_POLL, "AddpPoll"),
    (ADDP_REPLY, "AddpReply"),
];

/// The types of attribute values (wire §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A 32-bit number.
    Int = 1,
    /// A 64-bit number.
    Long = 2,
    /// UTF-8 characters.
    Str = 3,
    /// UTF-16 characters.
    Text = 4,
    /// Bytes.
    Bin = 5,
    /// A key-value list.
    Kvl = 6,
    /// Attributes.
    Struct = 7,
    /// A list of attribute levels.
    List = 8,
}

impl Type {
    /// The type with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Int,
            2 => Self::Long,
            3 => Self::Str,
            4 => Self::Text,
            5 => Self::Bin,
            6 => Self::Kvl,
            7 => Self::Struct,
            8 => Self::List,
            _ => return None,
        })
    }
}

/// The id of an attribute on the wire (wire §5): the attributes are listed in the order of their
/// ids, which begin at 1 and leave none out.
pub const fn attribute_id(attribute: Attribute) -> u16 {
    attribute as u16 + 1
}

/// The attribute with this id.
pub fn attribute(id: u16) -> Option<Attribute> {
    Attribute::ALL.get(usize::from(id).checked_sub(1)?).copied()
}

/// The type of an attribute's value (wire §5).
pub const fn attribute_type(attribute: Attribute) -> Type {
    use Attribute as A;
    match attribute {
        A::UserType
        | A::TimeZoneOffset
        | A::ClientVersion
        | A::Visibility
        | A::TreatAs
        | A::NoticeType
        | A::AfterAction
        | A::EventKind
        | A::EventId
        | A::TimeShift
        | A::ProtocolType
        | A::ReasonCode
        | A::SessionStatus
        | A::IdleTimeExpire
        | A::Monitored
        | A::ErrorId
        | A::RequestResult
        | A::LastPosition
        | A::MoreEvents
        | A::AppDbid
        | A::PushMode
        | A::Alive
        | A::NotifyAttempt
        | A::MaxFrame
        | A::NotifyPosition
        | A::ParticipantNo => Type::Int,
        A::RemoteTimeout => Type::Long,
        A::UserId
        | A::SecureKey
        | A::SessionId
        | A::UserNickname
        | A::PersonId
        | A::QueueKey
        | A::ReceiverId
        | A::MessageType
        | A::StartAt
        | A::AskerId
        | A::ErrorText
        | A::NodeGroup
        | A::NodeName
        | A::RequestKey
        | A::AccessToken => Type::Str,
        A::Subject | A::MessageText | A::NoticeText | A::ReasonText => Type::Text,
        A::UserData | A::EventAttributes | A::Extensions => Type::Kvl,
        A::ChatTranscript => Type::Struct,
        A::EventList => Type::List,
    }
}

/// The numbers of one enumeration.
#[derive(Debug)]
pub struct Numbers<T: 'static, N: 'static>(&'static [(N, T)]);

impl<T: Copy + PartialEq, N: Copy + PartialEq> Numbers<T, N> {
    /// The value with this number.
    pub fn value(&self, number: N) -> Option<T> {
        self.0.iter().find(|pair| pair.0 == number).map(|pair| pair.1)
    }

    /// The number of this value.
    pub fn number(&self, value: T) -> N {
        let pair = self.0.iter().find(|pair| pair.1 == value);
        // Every value is listed: a test holds each table against its enumeration.
        pair.map_or(self.0[0].0, |pair| pair.0)
    }
}

/// An enumeration with numbers on the wire (wire §6).
pub trait Enumeration: Copy + PartialEq + 'static {
    /// Its numbers.
    const NUMBERS: Numbers<Self, i32>;
}

macro_rules! numbers {
    ($($name:ident { $($number:literal $value:ident),+ $(,)? })+) => {
        $(
            impl Enumeration for $name {
                const NUMBERS: Numbers<Self, i32> = Numbers(&[$(($number, Self::$value)),+]);
            }
        )+

        #[cfg(test)]
        #[test]
        fn every_value_has_one_number() {
            $(
                assert_eq!(<$name as Enumeration>::NUMBERS.0.len(), $name::ALL.len());
                for &value in $name::ALL {
                    let numbers = <$name as Enumeration>::NUMBERS;
                    assert_eq!(numbers.value(numbers.number(value)), Some(value));
                }
            )+
        }
    };
}

numbers! {
    UserType { 1 Client, 2 Agent, 3 Supervisor, 4 External, 5 System }
    Visibility { 1 All, 2 Int, 3 Vip }
    TreatAs { 1 Normal, 2 System }
    AfterAction { 1 KeepAlive, 2 CloseIfNoAgents, 3 ForceClose }
    EventKind { 1 NewParty, 2 Message, 3 Notice, 4 PartyLeft }
    ProtocolType { 1 Basic, 2 Flex, 3 Esp, 4 None }
    SessionStatus { 1 Alive, 2 Closed }
    RequestResult { 1 Success, 2 Error }
    PushMode { 1 Subscribe, 2 Unsubscribe }
    NoticeType {
        1 UserCustom,
        2 UserPushedUrl,
        3 UserTypingStarted,
        4 UserTypingStopped,
        5 UserUpdateNick,
        6 IdleControlAlert,
        7 IdleControlClose,
        8 IdleControlSet,
        9 SysCommand,
    }
}

/// The byte in the header that says whose messages follow.
pub const PROTOCOLS: Numbers<Protocol, u8> =
    Numbers(&[(b'B', Protocol::Basic), (b'F', Protocol::Flex), (b'E', Protocol::Esp)]);

#[cfg(test)]
mod tests;
