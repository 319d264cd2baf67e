//! Frames written byte by byte.

use confer_core::frame::Attribute;
use confer_wire::map;

/// A frame of the protocol whose letter this is.
pub(in crate::decode) fn frame(
    protocol: u8,
    message: u16,
    reference: u32,
    attributes: &[Vec<u8>],
) -> Vec<u8> {
    let mut body = vec![protocol, 1];
    body.extend(message.to_be_bytes());
    body.extend(reference.to_be_bytes());
    body.extend(attributes.concat());
    block(&body)
}

/// A length and as many bytes.
pub(in crate::decode) fn block(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

pub(in crate::decode) fn int(attribute: Attribute, number: i32) -> Vec<u8> {
    head(attribute, &number.to_be_bytes())
}

pub(in crate::decode) fn long(attribute: Attribute, number: i64) -> Vec<u8> {
    head(attribute, &number.to_be_bytes())
}

pub(in crate::decode) fn string(attribute: Attribute, text: &str) -> Vec<u8> {
    head(attribute, &block(text.as_bytes()))
}

pub(in crate::decode) fn text(attribute: Attribute, text: &str) -> Vec<u8> {
    let units: Vec<_> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    head(attribute, &block(&units))
}

/// A key-value list, a structure or a list: what is in it stands one after the other.
pub(in crate::decode) fn holder(attribute: Attribute, inside: &[Vec<u8>]) -> Vec<u8> {
    head(attribute, &block(&inside.concat()))
}

/// An item of a list.
pub(in crate::decode) fn item(attributes: &[Vec<u8>]) -> Vec<u8> {
    block(&attributes.concat())
}

/// An entry of a key-value list: its type, its key, its value as it stands on the wire.
pub(in crate::decode) fn entry(kind: map::Type, key: &str, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(key.len()).unwrap().to_be_bytes();
    [&[kind as u8][..], &length, key.as_bytes(), value].concat()
}

fn head(attribute: Attribute, value: &[u8]) -> Vec<u8> {
    let kind = map::attribute_type(attribute) as u8;
    [&map::attribute_id(attribute).to_be_bytes()[..], &[kind], value].concat()
}
