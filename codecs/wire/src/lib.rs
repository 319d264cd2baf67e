//! Wire profile 1 (`docs/wire.md`): the layer under the basic, flex and ESP codecs.
//!
//! [`Splitter`] finds the frames in a stream of bytes, [`RawFrame::parse`] checks one and takes it
//! apart, [`decode`] makes it a message of one protocol, [`encode`] does the opposite. A codec says
//! with [`fields!`] which attributes a message has; everything else about bytes is here.
//!
//! Nothing here allocates more than the bytes it was given can justify, and nothing that can arrive
//! makes it panic.

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod attributes;
mod codec;
mod control;
mod error;
mod fields;
mod header;
mod kv;
pub mod map;
mod split;
#[cfg(test)]
mod testing;
mod transcript;
mod write;

pub use attributes::{Entry, Level, RawFrame, Value};
pub use codec::{Codec, Decoded, Hint, PART_SIZE, decode, encode, encode_control, encode_part};
pub use error::{DecodeError, EncodeError, Reason};
pub use fields::{FromValue, Group, Misfit, ToValue, is_request_key};
pub use header::{HEADER_SIZE, Header, MAX_FRAME};
pub use split::Splitter;
pub use transcript::{MAX_ITEMS, Part, write_part};
pub use write::Writer;

#[doc(hidden)]
pub mod macros {
    pub use confer_core::frame::Attribute;
}
