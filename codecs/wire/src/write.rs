//! Puts frames together.

use bytes::{BufMut as _, BytesMut};
use confer_core::frame::{Attribute, KvList, Protocol};
use confer_core::text::Text;

use crate::error::EncodeError;
use crate::header::{LENGTH_SIZE, MAX_FRAME};
use crate::kv;
use crate::map::{self, Type};

/// Appends one frame to a buffer, attribute by attribute, in rising order of their ids.
///
/// Keeps the first error instead of returning it at every step; the frame is then taken back.
#[derive(Debug)]
pub struct Writer<'o> {
    out: &'o mut BytesMut,
    /// Where the frame begins in `out`.
    start: usize,
    /// Lists and structures that are open.
    depth: usize,
    /// The id written last on this level.
    last: u16,
    limit: usize,
    error: Option<EncodeError>,
}

impl<'o> Writer<'o> {
    /// Begins a frame of at most `limit` bytes, length field included.
    pub(crate) fn begin(
        out: &'o mut BytesMut,
        protocol: Protocol,
        message: u16,
        reference: u32,
        limit: u32,
    ) -> Self {
        let start = out.len();
        out.put_u32(0);
        out.put_u8(map::PROTOCOLS.number(protocol));
        out.put_u8(map::VERSION);
        out.put_u16(message);
        out.put_u32(reference);
        // At most 16 MiB.
        let limit = limit.min(MAX_FRAME) as usize;
        Self { out, start, depth: 0, last: 0, limit, error: None }
    }

    /// Writes the frame's length; takes the frame back if anything was wrong with it.
    pub(crate) fn finish(mut self) -> Result<(), EncodeError> {
        let size = self.size();
        if size > self.limit {
            self.fail(EncodeError::TooLarge { size, limit: self.limit });
        }
        if let Some(error) = self.error {
            self.out.truncate(self.start);
            return Err(error);
        }
        self.patch(self.start);
        Ok(())
    }

    /// The size of the frame so far, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.out.len() - self.start
    }

    /// The largest size the frame may reach, in bytes.
    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    /// Takes back what was written since the frame had `size` bytes.
    pub(crate) fn rewind(&mut self, size: usize) {
        self.out.truncate(self.start + size);
    }

    /// Notes an error; the first one counts.
    pub fn fail(&mut self, error: EncodeError) {
        self.error.get_or_insert(error);
    }

    /// A 32-bit number.
    pub fn int(&mut self, attribute: Attribute, number: i32) {
        self.head(attribute, Type::Int);
        self.bytes(&number.to_be_bytes());
    }

    /// A 64-bit number.
    pub fn long(&mut self, attribute: Attribute, number: i64) {
        self.head(attribute, Type::Long);
        self.bytes(&number.to_be_bytes());
    }

    /// A string.
    pub fn str(&mut self, attribute: Attribute, string: &str) {
        self.head(attribute, Type::Str);
        self.block(|writer| writer.characters(string));
    }

    /// A text.
    pub fn text(&mut self, attribute: Attribute, text: &Text) {
        self.head(attribute, Type::Text);
        self.block(|writer| {
            let text = text.reveal();
            writer.no_nul(text);
            writer.out.reserve(text.len() * 2);
            for unit in text.encode_utf16() {
                writer.out.put_u16(unit);
            }
        });
    }

    /// A key-value list.
    pub fn kvl(&mut self, attribute: Attribute, list: &KvList) {
        self.head(attribute, Type::Kvl);
        let depth = self.depth + 1;
        self.block(|writer| kv::write(list, writer, depth));
    }

    /// Attributes inside an attribute.
    pub fn structure(&mut self, attribute: Attribute, inside: impl FnOnce(&mut Self)) {
        self.head(attribute, Type::Struct);
        self.nested(inside);
    }

    /// A list of levels; `inside` writes them with [`Writer::item`].
    pub fn list(&mut self, attribute: Attribute, inside: impl FnOnce(&mut Self)) {
        self.head(attribute, Type::List);
        self.nested(inside);
    }

    /// One level of a list.
    pub fn item(&mut self, inside: impl FnOnce(&mut Self)) {
        self.last = 0;
        self.block(inside);
    }

    fn nested(&mut self, inside: impl FnOnce(&mut Self)) {
        let last = core::mem::take(&mut self.last);
        self.depth += 1;
        self.block(inside);
        self.depth -= 1;
        self.last = last;
    }

    fn head(&mut self, attribute: Attribute, kind: Type) {
        let id = map::attribute_id(attribute);
        debug_assert!(map::attribute_type(attribute) == kind, "{attribute} has another type");
        debug_assert!(self.last < id, "{attribute} is out of order");
        self.last = id;
        self.out.put_u16(id);
        self.out.put_u8(kind as u8);
    }

    /// A length and what `inside` writes.
    pub(crate) fn block(&mut self, inside: impl FnOnce(&mut Self)) {
        let length_at = self.out.len();
        self.out.put_u32(0);
        inside(self);
        self.patch(length_at);
    }

    /// Writes into a length field how many bytes follow it.
    fn patch(&mut self, length_at: usize) {
        let length = self.out.len() - length_at - LENGTH_SIZE;
        match u32::try_from(length) {
            Ok(length) => {
                self.out[length_at..length_at + LENGTH_SIZE].copy_from_slice(&length.to_be_bytes());
            }
            Err(_) => self.fail(EncodeError::TooLarge { size: length, limit: self.limit }),
        }
    }

    /// Characters without a length.
    pub(crate) fn characters(&mut self, string: &str) {
        self.no_nul(string);
        self.bytes(string.as_bytes());
    }

    /// Bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.put_slice(bytes);
    }

    /// One byte as it is.
    pub(crate) fn byte(&mut self, byte: u8) {
        self.out.put_u8(byte);
    }

    fn no_nul(&mut self, string: &str) {
        if string.as_bytes().contains(&0) {
            self.fail(EncodeError::Nul);
        }
    }
}

#[cfg(test)]
mod tests;
