//! What a protocol adds to the wire: its messages.

use bytes::BytesMut;
use confer_core::frame::{Control, ErrorId, Flaw, Frame, Malformed, Protocol};

use crate::attributes::RawFrame;
use crate::control;
use crate::error::{DecodeError, EncodeError};
use crate::fields::{Group, Misfit};
use crate::write::Writer;

/// The size one part of a transcript may have, in bytes (wire §4.1, §4.2).
pub const PART_SIZE: usize = 1 << 20;

/// Where a header names the message, and where the reference: bytes from the frame's first.
const MESSAGE_AT: u32 = 6;
const REFERENCE_AT: u32 = 8;

/// One protocol in one role: the messages that come in are of one type, those that go out of another.
pub trait Codec {
    /// The protocol.
    const PROTOCOL: Protocol;
    /// Whether requests come in, which need a reference to be answered to.
    const SERVER: bool;
    /// Whether every connection may be watched by ADDP, rather than only those of nodes (B2.6).
    const WATCHED: bool;
    /// Whether a client registers its connection before anything else.
    const REGISTERS: bool;
    /// What comes in.
    type In;
    /// What goes out.
    type Out;

    /// Reads the message with this number.
    ///
    /// # Errors
    ///
    /// It is no message of this protocol and direction, or its attributes do not fit.
    fn read(message: u16, group: &mut Group<'_>) -> Result<Self::In, Misfit>;

    /// The number of a message.
    fn message(out: &Self::Out) -> u16;

    /// Writes a message. Of a transcript, from the event with index `from` on, as much as fits
    /// into one part: returns the index to go on from, in further frames.
    fn write(out: &Self::Out, from: usize, writer: &mut Writer<'_>) -> Option<usize>;

    /// What an incoming message means to the connection it came on.
    fn hint_in(_: &Self::In) -> Hint {
        Hint::Nothing
    }

    /// What an outgoing message means to the connection it goes out on.
    fn hint_out(_: &Self::Out) -> Hint {
        Hint::Nothing
    }

    /// The answer that refuses a frame, where this role answers at all.
    fn refusal(_: ErrorId, _: &str) -> Option<Self::Out> {
        None
    }
}

/// What a message means to the connection it travels on, beyond its meaning to the chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Nothing.
    Nothing,
    /// A client wants to register, and takes frames of this size at most.
    Register {
        /// In bytes; absent: the protocol's own limit.
        max_frame: Option<u32>,
    },
    /// A registration has succeeded.
    Registered,
    /// A registration has ended.
    Unregistered,
    /// The other end is a gateway node.
    Node,
}

/// A sound frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded<T> {
    /// A message of the protocol.
    Frame(Frame<T>),
    /// A message about the connection.
    Control(Frame<Control>),
    /// A message that makes no sense.
    Malformed(Malformed),
}

/// Decodes one complete frame of at most `limit` bytes.
///
/// # Errors
///
/// The frame breaks a rule of wire §1–§3.
pub fn decode<C: Codec>(bytes: &[u8], limit: u32) -> Result<Decoded<C::In>, DecodeError> {
    let RawFrame { header, attributes } = RawFrame::parse(bytes, Some(C::PROTOCOL), limit)?;
    let (message, reference) = (header.message, header.reference);
    let malformed = |Misfit { what, offset }| {
        Decoded::Malformed(Malformed { reference, message, what, offset })
    };
    if message >= crate::map::AUTHENTICATE {
        return Ok(match control::read(message, attributes) {
            Ok(control) => Decoded::Control(Frame::new(reference, control)),
            Err(misfit) => malformed(misfit),
        });
    }
    let read = C::read(message, &mut Group::new(attributes));
    Ok(match read {
        Ok(_) if C::SERVER && reference == 0 => {
            malformed(Misfit { what: Flaw::NoReference, offset: REFERENCE_AT })
        }
        Ok(body) => Decoded::Frame(Frame::new(reference, body)),
        Err(misfit) => malformed(misfit),
    })
}

/// Encodes a whole frame of at most `limit` bytes at the end of `out`.
///
/// # Errors
///
/// The value breaks a rule of the wire profile, or does not fit one frame; `out` is as before.
pub fn encode<C: Codec>(
    frame: &Frame<C::Out>,
    limit: u32,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let start = out.len();
    match encode_part::<C>(frame, 0, limit, out)? {
        None => Ok(()),
        Some(_) => {
            let size = out.len() - start;
            out.truncate(start);
            Err(EncodeError::TooLarge { size, limit: PART_SIZE.min(limit as usize) })
        }
    }
}

/// Encodes a frame, or of a long transcript the part that begins with the event at index `from`;
/// returns where the next part begins. Parts after the first are unsolicited.
///
/// # Errors
///
/// The value breaks a rule of the wire profile; `out` is as before.
pub fn encode_part<C: Codec>(
    frame: &Frame<C::Out>,
    from: usize,
    limit: u32,
    out: &mut BytesMut,
) -> Result<Option<usize>, EncodeError> {
    let reference = if from == 0 { frame.reference } else { 0 };
    let message = C::message(&frame.body);
    let mut writer = Writer::begin(out, C::PROTOCOL, message, reference, limit);
    let next = C::write(&frame.body, from, &mut writer);
    writer.finish()?;
    Ok(next)
}

/// Encodes a message about the connection, under the protocol of the port.
///
/// # Errors
///
/// The value breaks a rule of the wire profile; `out` is as before.
pub fn encode_control(
    protocol: Protocol,
    frame: &Frame<Control>,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let message = control::message(&frame.body);
    let mut writer =
        Writer::begin(out, protocol, message, frame.reference, crate::header::MAX_FRAME);
    control::write(&frame.body, &mut writer);
    writer.finish()
}

/// Gives a protocol's messages their numbers: a constant for each, the list of all, and
/// `stranger`, the misfit of a message that a role does not read.
#[macro_export]
macro_rules! messages {
    ($($constant:ident = $number:literal $name:literal),+ $(,)?) => {
        $(
            #[doc = concat!("`", $name, "`.")]
            pub const $constant: u16 = $number;
        )+

        /// The name of every message, by number.
        pub const MESSAGES: &[(u16, &str)] = &[$(($number, $name)),+];

        /// What is wrong with a message that may not come in here.
        pub(crate) fn stranger(message: u16) -> $crate::Misfit {
            match message {
                $($number)|+ => $crate::Misfit::WRONG_DIRECTION,
                _ => $crate::Misfit::UNKNOWN_MESSAGE,
            }
        }
    };
}

/// The misfit of a message whose number means nothing here, or only in the other direction.
impl Misfit {
    /// No message of the protocol has this number.
    pub const UNKNOWN_MESSAGE: Self = Self { what: Flaw::UnknownMessage, offset: MESSAGE_AT };
    /// A message that only the other side may send.
    pub const WRONG_DIRECTION: Self = Self { what: Flaw::WrongDirection, offset: MESSAGE_AT };
}

#[cfg(test)]
mod tests;
