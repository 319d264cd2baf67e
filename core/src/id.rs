//! Names of things: those that travel (opaque text, B1.4) and those between a machine and its shell.

use core::fmt;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use crate::pii::Secret;
use crate::text::Str;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub struct $name(Str);

        impl $name {
            /// The id somebody else chose. Any text may claim to be one; only a look-up tells.
            pub fn new(id: &str) -> Self {
                Self(Str::new(id))
            }

            /// The characters.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self::new(id)
            }
        }

        impl From<Str> for $name {
            fn from(id: Str) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

text_id! {
    /// A chat session: 16 digits and upper-case letters where this server made it (B1.1).
    SessionId
}
text_id! {
    /// One participation, or one registration: 16 upper-case hex digits where this server made it (B1.2).
    UserId
}
text_id! {
    /// An interaction of the interaction server; may differ from the session's id (B14.9).
    InteractionId
}
text_id! {
    /// A contact of the contact store (B19.1).
    ContactId
}
text_id! {
    /// A document of the document store (B22.1).
    DocumentId
}
text_id! {
    /// A file as a session names it: 16 upper-case hex digits (B22.1).
    FileId
}

/// The number of a position in a session's transcript: 1 for the first event, never reused (B5.1).
///
/// 0 stands for "before the first". At most 2,147,483,647, the largest number the wire carries.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(u32);

impl EventId {
    /// Before the first event.
    pub const NONE: Self = Self(0);
    /// The last id there can be.
    pub const MAX: Self = Self(i32::MAX as u32);

    /// The id with this number; `None` above [`EventId::MAX`].
    pub const fn new(number: u32) -> Option<Self> {
        if number <= Self::MAX.0 { Some(Self(number)) } else { None }
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The id after this one; `None` after the last.
    pub const fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A connection, numbered by the shell. A number is used once in the life of a machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LinkId(pub u64);

impl fmt::Debug for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link{}", self.0)
    }
}

/// An operation the machine asked the shell for; its one answer carries the same number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OpId(pub u64);

impl fmt::Debug for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "op{}", self.0)
    }
}

/// The ports of a server, by the vendor's ids (B2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PortId {
    /// `default`: the basic protocol, for agents, supervisors, bots and messaging channels.
    Default,
    /// `webapi`: the flex protocol, for gateways in front of customers.
    Webapi,
    /// `ESP`: the workflow's door.
    Esp,
    /// `health`: counters over HTTP.
    Health,
    /// `web`: the Chat API, the agents' API and the pages, over HTTP.
    Web,
}

impl PortId {
    /// Every port, in the order they are listed to people.
    pub const ALL: [Self; 5] = [Self::Default, Self::Webapi, Self::Esp, Self::Health, Self::Web];

    /// The id as it is written in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Webapi => "webapi",
            Self::Esp => "ESP",
            Self::Health => "health",
            Self::Web => "web",
        }
    }
}

impl fmt::Display for PortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The source of every id and secret: a cryptographic generator started from the shell's seed (B1.3).
///
/// The same seed gives the same ids, so a shell draws it from the operating system, and only tests
/// and replays choose it.
pub struct Ids(ChaCha20Rng);

impl Ids {
    /// A generator started from 32 bytes of entropy.
    pub fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// A new session id: 16 characters out of `0-9A-Z`, 82 unpredictable bits (B1.1, B1.2).
    pub fn session_id(&mut self) -> SessionId {
        const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let mut id = heapless::String::<16, u8>::new();
        while id.len() < 16 {
            // Bytes from 252 on would make some characters likelier than others.
            let byte = self.byte();
            if byte < 252 {
                let _ = id.push(char::from(ALPHABET[usize::from(byte % 36)]));
            }
        }
        SessionId::new(&id)
    }

    /// A new user id: 16 upper-case hex digits, 64 unpredictable bits (B1.2).
    pub fn user_id(&mut self) -> UserId {
        UserId::new(&self.hex())
    }

    /// A new file id: 16 upper-case hex digits, 64 unpredictable bits (B22.1).
    pub fn file_id(&mut self) -> FileId {
        FileId::new(&self.hex())
    }

    /// A new secure key, session password or token: 32 lower-case hex digits, 128 unpredictable bits (B1.3).
    pub fn secret(&mut self) -> Secret {
        use fmt::Write as _;
        let mut secret = heapless::String::<32, u8>::new();
        let _ = write!(secret, "{:016x}{:016x}", self.0.next_u64(), self.0.next_u64());
        Secret::new(&secret)
    }

    fn hex(&mut self) -> heapless::String<16, u8> {
        use fmt::Write as _;
        let mut id = heapless::String::new();
        let _ = write!(id, "{:016X}", self.0.next_u64());
        id
    }

    fn byte(&mut self) -> u8 {
        let mut byte = [0];
        self.0.fill_bytes(&mut byte);
        byte[0]
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ids")
    }
}

#[cfg(test)]
mod tests;
