//! The vocabulary: every message of the three protocols as plain values, without a byte.
//!
//! Codecs turn bytes into these values and back; machines only know the values. Requests and
//! events are different types, so a server cannot send a request or act on an event, and neither
//! can a client do the opposite. Names are those of the protocols.

pub mod basic;
mod control;
mod enums;
mod error_id;
pub mod esp;
pub mod flex;
mod kv;
mod malformed;
mod transcript;

pub use control::Control;
pub use enums::{
    AfterAction, EnvelopeEntry, EventKind, NoticeType, Open, Protocol, ProtocolType, PushMode,
    RequestResult, SessionStatus, TreatAs, UserType, Visibility,
};
pub use error_id::ErrorId;
pub use kv::{KvEntry, KvList, KvValue};
pub use malformed::{Attribute, Flaw, Malformed};
pub use transcript::{
    ChatTranscript, EventBody, EventList, Message, NewParty, Notice, Party, PartyLeft,
    TranscriptEvent,
};

/// A message and the number that pairs an answer with its request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Frame<T> {
    /// Chosen by whoever asks and repeated in the answer; 0 in whatever answers nothing.
    pub reference: u32,
    /// The message.
    pub body: T,
}

// News are moved without an allocation, several times, so they must not be large: six cache lines.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Frame<Event>>() <= 6 * 64);

impl<T> Frame<T> {
    /// A request, or the answer to the request with this `reference`.
    pub const fn new(reference: u32, body: T) -> Self {
        Self { reference, body }
    }

    /// An event nobody asked for.
    pub const fn unsolicited(body: T) -> Self {
        Self { reference: 0, body }
    }

    /// The same frame round another body.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Frame<U> {
        Frame { reference: self.reference, body: change(self.body) }
    }
}

/// What a client asks of a server, on any protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Request {
    /// From a port `default`.
    Basic(basic::Request),
    /// From a port `webapi`.
    Flex(flex::Request),
    /// From a port `ESP`.
    Esp(esp::Request),
}

impl From<basic::Request> for Request {
    fn from(request: basic::Request) -> Self {
        Self::Basic(request)
    }
}

impl From<flex::Request> for Request {
    fn from(request: flex::Request) -> Self {
        Self::Flex(request)
    }
}

impl From<esp::Request> for Request {
    fn from(request: esp::Request) -> Self {
        Self::Esp(request)
    }
}

/// What a server tells a client, on any protocol: answers and unsolicited events.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Event {
    /// To a port `default`.
    Basic(basic::Event),
    /// To a port `webapi`.
    Flex(flex::Event),
    /// To a port `ESP`.
    Esp(esp::Event),
}

impl From<basic::Event> for Event {
    fn from(event: basic::Event) -> Self {
        Self::Basic(event)
    }
}

impl From<flex::Event> for Event {
    fn from(event: flex::Event) -> Self {
        Self::Flex(event)
    }
}

impl From<esp::Event> for Event {
    fn from(event: esp::Event) -> Self {
        Self::Esp(event)
    }
}
