//! One frame: sound and sensible, or what is wrong with it.

use core::fmt;

use confer_core::frame::{Flaw, Malformed, Protocol};
use confer_wire::map::CONTROL_MESSAGES;
use confer_wire::{Codec, DecodeError, Decoded, HEADER_SIZE, RawFrame, Reason, decode};

use super::hex::HexError;

/// A frame that makes sense in one of the two directions.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// What it holds.
    pub(super) raw: RawFrame<'a>,
    /// The message's name.
    pub(super) message: &'static str,
}

/// Reads the frame that `bytes` hold, neither less nor more: of the expected protocol, or of any.
///
/// # Errors
///
/// It breaks a rule of wire §1–§3, or is malformed whoever sent it (wire §7).
pub(super) fn read(
    bytes: &[u8],
    expected: Option<Protocol>,
    limit: u32,
) -> Result<Frame<'_>, Fault> {
    let raw = RawFrame::parse(bytes, expected, limit).map_err(|error| {
        let surplus = surplus(bytes, limit).filter(|_| error.reason == Reason::FrameLength);
        surplus.map_or(Fault::Frame(error), Fault::Surplus)
    })?;
    let (messages, flaw) = match raw.header.protocol {
        Protocol::Basic => (
            confer_basic::map::MESSAGES,
            flaw::<confer_basic::Server, confer_basic::Client>(bytes, limit),
        ),
        Protocol::Flex => (
            confer_flex::map::MESSAGES,
            flaw::<confer_flex::Server, confer_flex::Client>(bytes, limit),
        ),
        Protocol::Esp => (
            confer_esp::map::MESSAGES,
            flaw::<confer_esp::Server, confer_esp::Client>(bytes, limit),
        ),
    };
    if let Some(malformed) = flaw.map_err(Fault::Frame)? {
        return Err(Fault::Message(malformed));
    }
    let mut messages = messages.iter().chain(CONTROL_MESSAGES);
    let name = messages.find(|message| message.0 == raw.header.message);
    // Every message that is not malformed has a name.
    let message = name.map_or("", |message| message.1);
    Ok(Frame { raw, message })
}

/// What is wrong with the message, in the direction it belongs to.
fn flaw<S: Codec, C: Codec>(bytes: &[u8], limit: u32) -> Result<Option<Malformed>, DecodeError> {
    let to_server = malformed(&decode::<S>(bytes, limit)?);
    if to_server.is_some_and(|malformed| malformed.what == Flaw::WrongDirection) {
        return Ok(malformed(&decode::<C>(bytes, limit)?));
    }
    Ok(to_server)
}

fn malformed<T>(decoded: &Decoded<T>) -> Option<Malformed> {
    match decoded {
        Decoded::Malformed(malformed) => Some(*malformed),
        Decoded::Frame(_) | Decoded::Control(_) => None,
    }
}

/// How many bytes there are beyond the frame's own length, if that is one a frame can have.
fn surplus(bytes: &[u8], limit: u32) -> Option<usize> {
    let length = u32::from_be_bytes(*bytes.first_chunk()?) as usize;
    let size = length + size_of::<u32>();
    (HEADER_SIZE..=limit as usize).contains(&size).then(|| bytes.len().checked_sub(size))?
}

/// Why something is no good frame. Quotes nothing of it but a character that is no hex digit.
#[derive(Debug)]
pub(super) enum Fault {
    /// A line is not hex.
    Hex(HexError),
    /// A line has more bytes than any frame needs.
    LongLine(usize),
    /// There are so many bytes more than the frame has.
    Surplus(usize),
    /// The frame is not sound.
    Frame(DecodeError),
    /// The message makes no sense.
    Message(Malformed),
}

impl Fault {
    /// Where: bytes from the first byte of the frame to the field at fault.
    pub(super) fn offset(&self) -> usize {
        match self {
            Self::Hex(error) => error.bytes,
            Self::LongLine(_) | Self::Surplus(_) => 0,
            Self::Frame(error) => error.offset as usize,
            Self::Message(malformed) => malformed.offset as usize,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hex(error) => write!(f, "not a line of hex: {error}"),
            Self::LongLine(limit) => {
                write!(f, "frame length: the line of hex is longer than {limit} bytes")
            }
            Self::Surplus(1) => f.write_str("frame length: 1 byte more than the frame has"),
            Self::Surplus(surplus) => {
                write!(f, "frame length: {surplus} bytes more than the frame has")
            }
            Self::Frame(error) => error.reason.fmt(f),
            Self::Message(malformed) => malformed.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
