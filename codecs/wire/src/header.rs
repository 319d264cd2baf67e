//! The first twelve bytes of a frame (wire §1).

use confer_core::frame::Protocol;

use crate::error::{DecodeError, Reason};
use crate::map;

/// The size of a header, and so of the smallest frame, in bytes.
pub const HEADER_SIZE: usize = 12;

/// The largest frame there can be, in bytes, counted with its length field.
pub const MAX_FRAME: u32 = 16_777_216;

/// Where the protocol stands, and where the version: bytes from the frame's first.
const PROTOCOL_AT: u32 = 4;
const VERSION_AT: u32 = 5;

/// The size of the length field, which does not count itself.
pub(crate) const LENGTH_SIZE: usize = 4;

/// The first twelve bytes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The size of the whole frame, in bytes.
    pub size: usize,
    /// Whose messages are numbered by `message`.
    pub protocol: Protocol,
    /// The message.
    pub message: u16,
    /// What pairs an answer with its request.
    pub reference: u32,
}

impl Header {
    /// The header of a frame that begins with these bytes.
    pub(crate) fn parse(
        bytes: &[u8; HEADER_SIZE],
        expected: Option<Protocol>,
        limit: u32,
    ) -> Result<Self, DecodeError> {
        let size = check(bytes, expected, limit)?;
        let [_, _, _, _, protocol, _, m0, m1, reference @ ..] = *bytes;
        let Some(protocol) = map::PROTOCOLS.value(protocol) else {
            return Err(refused(Reason::Protocol, PROTOCOL_AT));
        };
        Ok(Self {
            size: size.unwrap_or(HEADER_SIZE),
            protocol,
            message: u16::from_be_bytes([m0, m1]),
            reference: u32::from_be_bytes(reference),
        })
    }
}

/// Looks at the first bytes of a frame, however few: the frame's size as soon as it shows, an error
/// as soon as one shows.
pub(crate) fn check(
    start: &[u8],
    expected: Option<Protocol>,
    limit: u32,
) -> Result<Option<usize>, DecodeError> {
    let Some((length, rest)) = start.split_first_chunk::<LENGTH_SIZE>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*length);
    let size = length.saturating_add(4);
    if length < 8 || size > limit.min(MAX_FRAME) {
        return Err(refused(Reason::FrameLength, 0));
    }
    if let Some(&protocol) = rest.first() {
        let protocol = map::PROTOCOLS.value(protocol);
        if protocol.is_none() || expected.is_some_and(|expected| protocol != Some(expected)) {
            return Err(refused(Reason::Protocol, PROTOCOL_AT));
        }
    }
    if rest.get(1).is_some_and(|&version| version != map::VERSION) {
        return Err(refused(Reason::Version, VERSION_AT));
    }
    // At most 16 MiB, by the limit above.
    Ok(Some(size as usize))
}

/// The error of a frame refused for its first bytes, whose reference nobody may rely on.
const fn refused(reason: Reason, offset: u32) -> DecodeError {
    DecodeError { reason, offset, reference: 0 }
}
