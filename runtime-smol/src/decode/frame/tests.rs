use confer_core::frame::Attribute;

use super::super::tests::build::{self, int, string};
use super::*;

const LIMIT: u32 = 1024;

fn fault(bytes: &[u8], expected: Option<Protocol>) -> (String, usize) {
    let fault = read(bytes, expected, LIMIT).unwrap_err();
    (fault.to_string(), fault.offset())
}

#[test]
fn both_directions_are_read() {
    for (protocol, message, attributes, name) in [
        (b'B', 2, vec![], "RequestUnregister"),
        (b'B', 102, vec![], "EventUnregistered"),
        (b'F', 8, vec![string(Attribute::UserId, "1"), int(Attribute::Alive, 1)], "RequestAlive"),
        (b'F', 101, vec![int(Attribute::RequestResult, 1)], "EventStatus"),
        (b'E', 65534, vec![], "AddpPoll"),
    ] {
        let bytes = build::frame(protocol, message, 7, &attributes);
        assert_eq!(read(&bytes, None, LIMIT).unwrap().message, name);
    }
}

#[test]
fn a_message_that_makes_no_sense_in_either_direction_is_bad() {
    for (protocol, message, reference, attributes, text, offset) in [
        (b'B', 77, 1, vec![], "malformed message 77: unknown message", 6),
        (b'B', 65000, 1, vec![], "malformed message 65000: unknown message", 6),
        (b'B', 3, 0, vec![], "malformed message 3: a request needs a reference other than 0", 8),
        (b'B', 101, 1, vec![], "malformed message 101: UserId is missing", 12),
        (b'F', 101, 0, vec![], "malformed message 101: RequestResult is missing", 12),
        (b'E', 149, 1, vec![], "malformed message 149: Extensions is missing", 12),
        (b'E', 150, 1, vec![], "malformed message 150: Extensions is missing", 12),
        (
            b'B',
            3,
            1,
            vec![int(Attribute::Visibility, 9)],
            "malformed message 3: Visibility is out of range",
            15,
        ),
        (b'F', 65532, 0, vec![], "malformed message 65532: AccessToken is missing", 12),
    ] {
        let bytes = build::frame(protocol, message, reference, &attributes);
        assert_eq!(fault(&bytes, None), (text.to_owned(), offset));
    }
}

#[test]
fn only_the_expected_protocol_is_good() {
    let bytes = build::frame(b'F', 101, 0, &[int(Attribute::RequestResult, 1)]);
    assert!(read(&bytes, Some(Protocol::Flex), LIMIT).is_ok());
    let (text, offset) = fault(&bytes, Some(Protocol::Basic));
    assert!(text.contains("protocol") && offset == 4, "{text}");
}

#[test]
fn bytes_hold_neither_less_nor_more_than_one_frame() {
    let bytes = build::frame(b'B', 3, 7, &[int(Attribute::Visibility, 1)]);
    for length in 0..bytes.len() {
        let (text, offset) = fault(&bytes[..length], None);
        assert!(text.contains("runs past") && offset == length, "{length}: {text} at {offset}");
    }
    let more = |count| fault(&[&bytes[..], &vec![0; count]].concat(), None);
    assert_eq!(more(1), ("frame length: 1 byte more than the frame has".to_owned(), 0));
    assert_eq!(more(9), ("frame length: 9 bytes more than the frame has".to_owned(), 0));
}

#[test]
fn a_length_that_is_wrong_itself_is_no_surplus() {
    for length in [0, 7, LIMIT - 3, u32::MAX] {
        let bytes = [&length.to_be_bytes()[..], &[0; 3000]].concat();
        assert_eq!(fault(&bytes, None), ("frame length below 8 or above the limit".to_owned(), 0));
    }
}

#[test]
fn the_limit_counts_the_whole_frame() {
    let bytes = build::frame(b'B', 3, 7, &[int(Attribute::Visibility, 1)]);
    let size = u32::try_from(bytes.len()).unwrap();
    assert!(read(&bytes, None, size).is_ok());
    assert!(read(&bytes, None, size - 1).is_err());
}
