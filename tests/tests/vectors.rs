//! The wire profile's vectors, written by an independent implementation of the same page: what is
//! valid is read as it says and written back to the same bytes, what is not is refused for the
//! reason it gives, at the byte docs/wire.md §7.1 names.

use std::fmt::Debug;

use bytes::BytesMut;
use confer_core::frame::{KvList, KvValue, Protocol};
use confer_wire::map::{CONTROL_MESSAGES, PROTOCOLS};
use confer_wire::{
    Codec, DecodeError, Decoded, Level, MAX_FRAME, RawFrame, Splitter, Value, decode, encode,
    encode_control,
};
use serde_json::{Map, Value as Json, json};

const VALID: &str = include_str!("../vectors/valid.json");
const INVALID: &str = include_str!("../vectors/invalid.json");

/// Where each invalid frame is refused: the title, and bytes from the frame's first.
const OFFSETS: &[(&str, u32)] = &[
    ("length below 8", 0),
    ("length above the limit", 0),
    ("flex frame on the basic port", 4),
    ("unknown protocol byte", 4),
    ("version 2", 5),
    // The type of an attribute of which only the id is there.
    ("attribute cut inside its header", 14),
    ("string length runs past the frame", 15),
    ("unknown type on a known id", 14),
    ("unknown type on an unknown id", 14),
    ("known id, wrong type", 14),
    // The second attribute, behind an INT of seven bytes.
    ("same id twice", 19),
    ("unknown id twice", 19),
    // The string's first character, its second, and so on for texts.
    ("invalid UTF-8", 19),
    ("overlong UTF-8", 19),
    ("NUL in a string", 20),
    ("odd TEXT length", 15),
    ("unpaired high surrogate", 19),
    ("unpaired low surrogate", 21),
    ("NUL in a text", 19),
    // The first entry stands at 19: its type, then its key's length.
    ("empty key", 20),
    ("TEXT inside a key-value list", 19),
    // The first list's entry, and 15 more of eight bytes each round the next one's.
    ("key-value list at depth 18", 139),
    ("key-value list at depth 17", 139),
    ("flex: known id, wrong type", 14),
    // The item's length, behind the structure's head and the list's.
    ("flex: list item runs past its list", 26),
    ("flex: basic frame on the flex port", 4),
    ("esp: extensions as a string", 14),
    // The key's only character, behind the entry's type and the key's length.
    ("esp: key with invalid UTF-8", 22),
    // 1024 entries of eight bytes.
    ("1025 entries", 19 + 1024 * 8),
];

struct Vector {
    title: String,
    protocol: Protocol,
    bytes: Vec<u8>,
    json: Json,
}

/// The vectors of a file, whose `port` names the protocol.
fn vectors(file: &str, port: &str) -> Vec<Vector> {
    let Ok(Json::Array(vectors)) = serde_json::from_str(file) else { panic!("not a list") };
    let vector = |json: Json| Vector {
        title: text(&json, "title").into(),
        protocol: protocol(text(&json, port)),
        bytes: bytes(text(&json, "hex")),
        json,
    };
    vectors.into_iter().map(vector).collect()
}

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_else(|| panic!("no {key} in {json}"))
}

fn protocol(name: &str) -> Protocol {
    *Protocol::ALL.iter().find(|protocol| protocol.name() == name).expect("a protocol's name")
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]);
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hex digits")).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn valid_frames_are_read_as_they_say() {
    let vectors = vectors(VALID, "protocol");
    assert!(!vectors.is_empty());
    for Vector { title, protocol, bytes, json } in &vectors {
        let RawFrame { header, attributes } =
            RawFrame::parse(bytes, Some(*protocol), MAX_FRAME).expect(title);
        assert_eq!(message_name(*protocol, header.message), text(json, "message"), "{title}");
        assert_eq!(json["reference"], header.reference, "{title}");
        assert_eq!(json["attributes"], level(&attributes), "{title}");
    }
}

#[test]
fn valid_frames_are_written_back_to_the_same_bytes() {
    for Vector { title, protocol, bytes, .. } in &vectors(VALID, "protocol") {
        let ends = match protocol {
            Protocol::Basic => [
                written_back::<confer_basic::Server, confer_basic::Client>(bytes),
                written_back::<confer_basic::Client, confer_basic::Server>(bytes),
            ],
            Protocol::Flex => [
                written_back::<confer_flex::Server, confer_flex::Client>(bytes),
                written_back::<confer_flex::Client, confer_flex::Server>(bytes),
            ],
            Protocol::Esp => [
                written_back::<confer_esp::Server, confer_esp::Client>(bytes),
                written_back::<confer_esp::Client, confer_esp::Server>(bytes),
            ],
        };
        // A message about the connection is either side's, every other one of them only.
        let message = u16::from_be_bytes([bytes[6], bytes[7]]);
        let control = CONTROL_MESSAGES.iter().any(|&(number, _)| number == message);
        assert_eq!(ends[0] && ends[1], control, "{title}");
        assert!(ends[0] || ends[1], "{title}: read by neither end");
    }
}

#[test]
fn invalid_frames_are_refused_where_they_are_wrong() {
    let vectors = vectors(INVALID, "port");
    let titles: Vec<&str> = vectors.iter().map(|vector| &*vector.title).collect();
    let known: Vec<&str> = OFFSETS.iter().map(|&(title, _)| title).collect();
    assert_eq!(titles, known, "each has its offset");
    for (Vector { title, protocol, bytes, json }, &(_, offset)) in vectors.iter().zip(OFFSETS) {
        let (server, client) = match protocol {
            Protocol::Basic => refused::<confer_basic::Server, confer_basic::Client>(bytes),
            Protocol::Flex => refused::<confer_flex::Server, confer_flex::Client>(bytes),
            Protocol::Esp => refused::<confer_esp::Server, confer_esp::Client>(bytes),
        };
        assert_eq!(server, client, "{title}: a frame is sound or not, whoever reads it");
        let reason = text(json, "reason");
        assert!(server.to_string().contains(reason), "{title}: {server}, not {reason}");
        assert_eq!(server.offset, offset, "{title}: {server}");
        // The reference is the frame's, unless the header itself is at fault.
        assert_eq!(server.reference, if offset < 12 { 0 } else { 7 }, "{title}");
    }
}

/// A header at fault is refused by the splitter already, and nothing else is.
#[test]
fn a_stream_is_refused_for_its_headers_only() {
    for (Vector { title, protocol, bytes, .. }, &(_, offset)) in
        vectors(INVALID, "port").iter().zip(OFFSETS)
    {
        let mut splitter = Splitter::new(Some(*protocol), MAX_FRAME);
        match splitter.next(&mut &bytes[..]) {
            Err(error) => assert!(offset < 12 && error.offset == offset, "{title}: {error}"),
            Ok(frame) => assert!(offset >= 12 && frame == Some(&bytes[..]), "{title}"),
        }
    }
}

/// Whether this end reads the message; the other end then writes it to the same bytes.
fn written_back<R: Codec, W: Codec<Out = R::In>>(bytes: &[u8]) -> bool
where
    R::In: Debug,
{
    let mut out = BytesMut::new();
    let written = match decode::<R>(bytes, MAX_FRAME).expect("a valid frame") {
        Decoded::Frame(frame) => encode::<W>(&frame, MAX_FRAME, &mut out),
        Decoded::Control(frame) => encode_control(W::PROTOCOL, &frame, &mut out),
        Decoded::Malformed(_) => return false,
    };
    assert_eq!(written, Ok(()));
    assert_eq!(hex(&out), hex(bytes));
    true
}

fn refused<S: Codec, C: Codec>(bytes: &[u8]) -> (DecodeError, DecodeError) {
    let by_server = decode::<S>(bytes, MAX_FRAME).map(drop);
    let by_client = decode::<C>(bytes, MAX_FRAME).map(drop);
    (by_server.expect_err("an invalid frame"), by_client.expect_err("an invalid frame"))
}

fn message_name(protocol: Protocol, number: u16) -> &'static str {
    let own = match protocol {
        Protocol::Basic => confer_basic::map::MESSAGES,
        Protocol::Flex => confer_flex::map::MESSAGES,
        Protocol::Esp => confer_esp::map::MESSAGES,
    };
    let message = own.iter().chain(CONTROL_MESSAGES).find(|message| message.0 == number);
    message.unwrap_or_else(|| panic!("{number} of {}", PROTOCOLS.number(protocol))).1
}

/// Attributes in the form the vectors give them in (wire §8). A number's type is written only where
/// no attribute's name tells it.
fn level(level: &Level<'_>) -> Json {
    let attributes = level.entries().iter();
    let named = attributes.map(|entry| (entry.attribute.name().to_owned(), value(&entry.value)));
    Json::Object(named.collect::<Map<_, _>>())
}

fn value(value: &Value<'_>) -> Json {
    match value {
        Value::Int(number) => json!(number),
        Value::Long(number) => json!(number),
        Value::Str(string) => json!(string.reveal()),
        Value::Text(text) => json!(text.reveal()),
        Value::Bin(bytes) => json!({ "bin": hex(bytes.reveal()) }),
        Value::Kvl(list) => key_values(list),
        Value::Struct(inside) => json!({ "struct": level(inside) }),
        Value::List(items) => json!({ "list": items.iter().map(level).collect::<Vec<_>>() }),
    }
}

fn key_values(list: &KvList) -> Json {
    let value = |value: &KvValue| match value {
        KvValue::Int(number) => json!(number),
        KvValue::Long(number) => json!({ "long": number }),
        KvValue::Str(string) => json!(string.reveal().as_str()),
        KvValue::Bin(bytes) => json!({ "bin": hex(bytes.reveal()) }),
        KvValue::List(list) => key_values(list),
    };
    let entries = list.into_iter().map(|entry| json!([entry.key.as_str(), value(&entry.value)]));
    json!({ "kvl": entries.collect::<Vec<_>>() })
}
