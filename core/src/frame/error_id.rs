//! The numbers a refused request gets.

use core::fmt;

macro_rules! error_ids {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)+) => {
        /// Why a request was refused (wire §7). The numbers are the ones every protocol writes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub enum ErrorId {
            $($(#[$doc])* $name),+
        }

        impl ErrorId {
            /// Every id, in rising order.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The number.
            pub const fn number(self) -> i32 {
                match self {
                    $(Self::$name => $number),+
                }
            }

            /// The id with this number.
            pub const fn from_number(number: i32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// What it means, in words fit for an error text.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text),+
                }
            }
        }
    };
}

error_ids! {
    /// 8201
    NotInSession = 8201, "user is not in the session, or the session is gone";
    /// 8209
    LoggedOut = 8209, "user was logged out";
    /// 8210
    WrongSecureKey = 8210, "wrong secure key";
    /// 8300
    Undecodable = 8300, "undecodable frame";
    /// 8301
    Malformed = 8301, "malformed request";
    /// 8302
    NotRegistered = 8302, "connection not registered";
    /// 8303
    AlreadyThere = 8303, "already registered or already joined";
    /// 8304
    NoSuchSession = 8304, "no such session";
    /// 8305
    SessionClosed = 8305, "session is closed";
    /// 8306
    SessionPassword = 8306, "session password missing or wrong";
    /// 8307
    NotAllowed = 8307, "not allowed for this user type";
    /// 8308
    Visibility = 8308, "visibility not allowed for this user";
    /// 8309
    Receiver = 8309, "receiver not in the session or not visible to the sender";
    /// 8310
    UnknownEndpoint = 8310, "unknown endpoint";
    /// 8311
    LimitReached = 8311, "load limit reached";
    /// 8312
    TextTooLong = 8312, "text too long";
    /// 8313
    FileRefused = 8313, "file transfer refused";
    /// 8314
    NoticeNotAllowed = 8314, "notice not allowed here";
    /// 8315
    AsyncOnly = 8315, "only for async sessions";
    /// 8316
    UserTypeNotAllowed = 8316, "user type not allowed on this port";
    /// 8317
    Restoring = 8317, "session is being restored, try again";
    /// 8318
    StoreUnavailable = 8318, "store unavailable";
}

impl fmt::Display for ErrorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.text())
    }
}
