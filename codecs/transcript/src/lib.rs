//! The stored form of a transcript (B5.5, `docs/transcript-xml.md`): XML to and from core's events.
//!
//! A store writes the form when a session ends, and reads it for whoever wants to see a transcript:
//!
//! ```
//! use confer_core::time::Stamp;
//!
//! let start_at = Stamp::from_unix_seconds(1_936_427_400);
//! let document = confer_transcript::write(&"00K7EXAMPLE42QZ9".into(), start_at, &[])?;
//! assert_eq!(
//!     document,
//!     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
//!      <chatTranscript startAt=\"2031-05-13T08:30:00Z\" sessionId=\"00K7EXAMPLE42QZ9\"/>\n"
//! );
//! let transcript = confer_transcript::read(&document)?;
//! assert_eq!(transcript.start_at, start_at);
//!
//! let error = confer_transcript::read("<chatTranscript/>").unwrap_err();
//! assert_eq!(error.to_string(), "line 1, column 1: chatTranscript: no startAt");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What [`write()`] gives is read back to the same events, but for what the form does not hold: the
//! characters XML 1.0 cannot carry, which become U+FFFD, and what is made anew for each reader, the
//! `party` of events other than newParty and the `participant_no`.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod error;
mod read;
mod tokens;
mod write;

use confer_core::frame::TranscriptEvent;
use confer_core::id::SessionId;
use confer_core::time::Stamp;

pub use error::{Fault, ReadError, Unwritable, WriteError};
pub use read::read;
pub use write::write;

/// The largest document, in bytes. A text of this size still fits into one value of every store.
pub const MAX_SIZE: usize = 1_000_000_000;
/// Levels of key-value lists there may be in each other, the outermost counted as the first.
pub const MAX_DEPTH: usize = 16;
/// Bytes a key may have; it has at least one.
pub const MAX_KEY: usize = 255;

/// What a document holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// The session.
    pub session_id: SessionId,
    /// When it began.
    pub start_at: Stamp,
    /// The stored events, in rising order of their ids.
    pub events: Vec<TranscriptEvent>,
}

/// Whether a document may hold this character: XML 1.0 has no others.
const fn is_character(character: char) -> bool {
    !matches!(character,
        '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether this byte may be the first of a character that [`is_character`] refuses.
const fn is_suspect(byte: u8) -> bool {
    matches!(byte, 0..=8 | 0xb | 0xc | 0xe..=0x1f | 0xef)
}

#[cfg(test)]
mod tests;
