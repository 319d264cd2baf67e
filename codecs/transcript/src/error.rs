//! What is wrong with a document, and what cannot become one. Nothing here repeats what a document
//! says, for that is what customers said.

use core::fmt;

use confer_core::id::EventId;

use crate::{MAX_DEPTH, MAX_KEY};

/// A document cannot be read.
///
/// `Display` names the place and what is expected there, and shows nothing of the document:
/// `line 12, column 5: message visibility: expected ALL, INT, VIP or a number`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The line, counted from 1.
    pub line: usize,
    /// The character of the line, counted from 1: where the element, the text or the markup begins
    /// that is wrong.
    pub column: usize,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.fault)
    }
}

impl core::error::Error for ReadError {}

/// What can be wrong with a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The document is longer than this many bytes.
    TooLarge {
        /// [`crate::MAX_SIZE`].
        limit: usize,
    },
    /// This is no XML.
    NotXml {
        /// What XML has against it.
        reason: &'static str,
    },
    /// The document declares another version than XML 1.0.
    Version,
    /// There is a document type declaration. Entities of one's own are not expanded.
    Doctype,
    /// `&…;` is neither a character by its number nor one of the five names XML knows.
    Reference,
    /// A character that XML 1.0 cannot carry.
    Character {
        /// Its number.
        number: u32,
    },
    /// Something else than `chatTranscript` is outermost, or there is a second such element.
    Root,
    /// The document ends inside of an element.
    Unclosed {
        /// The element.
        element: &'static str,
    },
    /// There is text in an element that has none.
    Text {
        /// The element.
        element: &'static str,
    },
    /// An attribute, or an element inside, is missing.
    Missing {
        /// The element.
        element: &'static str,
        /// What is missing.
        name: &'static str,
    },
    /// An attribute, or an element inside, is there a second time.
    Twice {
        /// The element.
        element: &'static str,
        /// What is there twice.
        name: &'static str,
    },
    /// The value of an attribute is of no use.
    Value {
        /// The element.
        element: &'static str,
        /// The attribute.
        attribute: &'static str,
        /// What would be.
        expected: &'static str,
    },
    /// The text of an `item` is not what its type says.
    Item {
        /// What would be.
        expected: &'static str,
    },
    /// An event does not come after the one before it.
    Order {
        /// The event before it, or [`EventId::NONE`].
        after: EventId,
    },
    /// Lists nest more than [`MAX_DEPTH`] levels.
    TooDeep,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit } => write!(f, "larger than {limit} bytes"),
            Self::NotXml { reason } => write!(f, "not XML: {reason}"),
            Self::Version => f.write_str("expected XML version 1.0"),
            Self::Doctype => f.write_str("a document type declaration is not allowed"),
            Self::Reference => f.write_str(
                "unknown reference; expected &amp; &lt; &gt; &quot; &apos; or the number of a \
                 character",
            ),
            Self::Character { number } => {
                write!(f, "U+{number:04X}: XML 1.0 has no such character")
            }
            Self::Root => f.write_str("expected one element chatTranscript, and nothing beside it"),
            Self::Unclosed { element } => write!(f, "the document ends inside of {element}"),
            Self::Text { element } => write!(f, "{element}: expected elements, found text"),
            Self::Missing { element, name } => write!(f, "{element}: no {name}"),
            Self::Twice { element, name } => write!(f, "{element}: a second {name}"),
            Self::Value { element, attribute, expected } => {
                write!(f, "{element} {attribute}: expected {expected}")
            }
            Self::Item { expected } => write!(f, "item: expected {expected}"),
            Self::Order { after } => write!(f, "eventId: expected a number above {after}"),
            Self::TooDeep => write!(f, "lists in lists: expected at most {MAX_DEPTH} levels"),
        }
    }
}

/// Events cannot be written. A server's own never are such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteError {
    /// The event.
    pub event: EventId,
    /// What is wrong with it.
    pub fault: Unwritable,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {}: {}", self.event, self.fault)
    }
}

impl core::error::Error for WriteError {}

/// Why an event could not be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritable {
    /// The document becomes longer than this many bytes with it.
    TooLarge {
        /// [`crate::MAX_SIZE`].
        limit: usize,
    },
    /// It does not come after the one before it.
    Order,
    /// A newParty does not say whose it is.
    NoParty,
    /// Lists nest more than [`MAX_DEPTH`] levels.
    TooDeep,
    /// A key has no bytes, or more than [`MAX_KEY`].
    KeyLength,
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit } => write!(f, "the transcript is larger than {limit} bytes"),
            Self::Order => f.write_str("its id is not above the one before it"),
            Self::NoParty => f.write_str("a newParty without a nickname"),
            Self::TooDeep => write!(f, "lists in lists, more than {MAX_DEPTH} levels"),
            Self::KeyLength => write!(f, "a key that has not 1 to {MAX_KEY} bytes"),
        }
    }
}
