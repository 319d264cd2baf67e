//! Why bytes are refused (the peer's fault), and why values are (our own).

use core::fmt;

use confer_core::frame::Attribute;

/// A frame that breaks §1–§3 of the wire profile. Framing is lost: nothing after it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What is wrong.
    pub reason: Reason,
    /// Where: bytes from the first byte of the frame to the field at fault.
    pub offset: u32,
    /// The frame's reference, or 0 if it was refused before its header was complete.
    pub reference: u32,
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The announced length is below 8 or above the receiver's limit.
    FrameLength,
    /// The frame is of another protocol than the port's, or of none.
    Protocol,
    /// The version is not 1.
    Version,
    /// A field ends outside the one it stands in.
    RunsPast,
    /// A type no attribute has.
    UnknownType,
    /// A known attribute with another type than its own.
    WrongType,
    /// An attribute that stands on its level already.
    Duplicate,
    /// A string that is not UTF-8.
    Utf8,
    /// A text that is not UTF-16.
    Utf16,
    /// U+0000 in a string or text.
    Nul,
    /// A text with an odd number of bytes.
    Odd,
    /// An empty key, or one of more than 255 bytes.
    KeyLength,
    /// More than 16 levels of lists and structures.
    TooDeep,
    /// More than 256 attributes, 1024 entries or 65536 items.
    TooMany,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FrameLength => "frame length below 8 or above the limit",
            Self::Protocol => "wrong or unknown protocol",
            Self::Version => "unknown version",
            Self::RunsPast => "field runs past the end of what holds it",
            Self::UnknownType => "unknown type",
            Self::WrongType => "known attribute with the wrong type",
            Self::Duplicate => "duplicate attribute",
            Self::Utf8 => "string is not valid utf-8",
            Self::Utf16 => "text is not valid utf-16",
            Self::Nul => "U+0000 in a string",
            Self::Odd => "text of an odd number of bytes",
            Self::KeyLength => "key length is not 1 to 255",
            Self::TooDeep => "lists nested too deep (more than 16 levels)",
            Self::TooMany => "too many attributes, entries or items",
        })
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.reason, self.offset)
    }
}

impl core::error::Error for DecodeError {}

/// A value that has no place in a frame: whoever made it broke a rule of the wire profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The frame would be larger than the receiver takes.
    TooLarge {
        /// Its size in bytes, as far as it was written.
        size: usize,
        /// The receiver's limit.
        limit: usize,
    },
    /// More than 16 levels of lists and structures.
    TooDeep,
    /// More than 1024 entries or 65536 items.
    TooMany,
    /// An empty key, or one of more than 255 bytes.
    KeyLength,
    /// U+0000 in a string or text.
    Nul,
    /// A number the attribute cannot carry.
    OutOfRange(Attribute),
    /// A mandatory attribute the value does not have.
    Missing(Attribute),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { size, limit } => {
                write!(f, "frame of at least {size} bytes, the receiver takes {limit}")
            }
            Self::TooDeep => f.write_str("lists nest more than 16 levels deep"),
            Self::TooMany => f.write_str("more than 1024 entries or 65536 items in a list"),
            Self::KeyLength => f.write_str("a key is not 1 to 255 bytes long"),
            Self::Nul => f.write_str("U+0000 in a string"),
            Self::OutOfRange(attribute) => write!(f, "{attribute} is out of range"),
            Self::Missing(attribute) => write!(f, "{attribute} is missing"),
        }
    }
}

impl core::error::Error for EncodeError {}
