//! Bytes for the tests, put together by hand: nothing here uses the code that is tested.

use alloc::vec::Vec;

/// The reference of every frame made here.
pub(crate) const REFERENCE: u32 = 7;

/// Where a frame's first attribute begins: its id, its type, its value.
pub(crate) const ID_AT: u32 = 12;
pub(crate) const TYPE_AT: u32 = 14;
pub(crate) const VALUE_AT: u32 = 15;

/// Ids that no attribute has.
pub(crate) const UNKNOWN: u16 = 0x7f00;

/// Type numbers of wire §2.
pub(crate) const INT: u8 = 1;
pub(crate) const LONG: u8 = 2;
pub(crate) const STR: u8 = 3;
pub(crate) const TEXT: u8 = 4;
pub(crate) const BIN: u8 = 5;
pub(crate) const KVL: u8 = 6;
pub(crate) const STRUCT: u8 = 7;
pub(crate) const LIST: u8 = 8;

/// A frame of the basic protocol, message 4, with these attributes.
pub(crate) fn frame(attributes: &[u8]) -> Vec<u8> {
    let mut frame = number(8 + attributes.len()).to_vec();
    frame.extend(*b"B\x01\x00\x04");
    frame.extend(REFERENCE.to_be_bytes());
    frame.extend(attributes);
    frame
}

/// An attribute; `value` with its length, where values of this type have one.
pub(crate) fn attribute(id: u16, kind: u8, value: &[u8]) -> Vec<u8> {
    [&id.to_be_bytes(), &[kind][..], value].concat()
}

/// An attribute of type INT.
pub(crate) fn int(id: u16, number: i32) -> Vec<u8> {
    attribute(id, INT, &number.to_be_bytes())
}

/// A length, and what it counts.
pub(crate) fn block(inside: &[u8]) -> Vec<u8> {
    [&number(inside.len())[..], inside].concat()
}

/// An entry of a key-value list; `value` as in [`attribute`].
pub(crate) fn entry(kind: u8, key: &[u8], value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(key.len()).unwrap();
    [&[kind][..], &length.to_be_bytes(), key, value].concat()
}

/// UTF-16BE.
pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

fn number(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap().to_be_bytes()
}
