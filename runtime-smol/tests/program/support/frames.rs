//! The bytes of a few frames of the basic protocol, written without the codecs.

use std::io::Read as _;
use std::net::TcpStream;

/// RequestRegister of an agent called Ana, with ClientVersion 106.
pub(crate) fn register() -> Vec<u8> {
    let mut attributes = Vec::new();
    attribute(&mut attributes, 4, 3, b"Ana");
    attributes.extend([0, 5, 1, 0, 0, 0, 2, 0, 8, 1, 0, 0, 0, 106]);
    frame(1, 1, &attributes)
}

pub(crate) fn attribute(out: &mut Vec<u8>, id: u16, kind: u8, value: &[u8]) {
    out.extend(id.to_be_bytes());
    out.push(kind);
    out.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
    out.extend(value);
}

pub(crate) fn frame(message: u16, reference: u32, attributes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(attributes.len() + 8).unwrap();
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend([0x42, 1]);
    frame.extend(message.to_be_bytes());
    frame.extend(reference.to_be_bytes());
    frame.extend(attributes);
    frame
}

/// The message number, reference and attributes of the next frame.
pub(crate) fn answer(stream: &mut TcpStream) -> (u16, u32, Vec<u8>) {
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    let length = u32::from_be_bytes(head[..4].try_into().unwrap());
    let mut attributes = vec![0; usize::try_from(length).unwrap() - 8];
    stream.read_exact(&mut attributes).unwrap();
    let message = u16::from_be_bytes(head[6..8].try_into().unwrap());
    (message, u32::from_be_bytes(head[8..].try_into().unwrap()), attributes)
}
