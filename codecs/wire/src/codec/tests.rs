use super::*;
use crate::error::Reason;
use crate::testing::{
    INT, LONG, REFERENCE, STR, TYPE_AT, UNKNOWN, VALUE_AT, attribute, block, frame, int,
};
use crate::{MAX_FRAME, write_part};
use alloc::vec::Vec;
use confer_core::frame::{
    Attribute, ChatTranscript, EventBody, EventList, TranscriptEvent, Visibility,
};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::pii::Secret;
use confer_core::time::Stamp;
use core::time::Duration;

/// A protocol of one message in each direction: in comes a number, out goes a transcript.
enum Server {}
/// The same for a role that need not be answered.
enum Client {}

const NUMBER: u16 = 4;
const TRANSCRIPT: u16 = 104;

fn read_number(message: u16, group: &mut Group<'_>) -> Result<i32, Misfit> {
    match message {
        NUMBER => group.required(Attribute::UserType),
        TRANSCRIPT => Err(Misfit::WRONG_DIRECTION),
        _ => Err(Misfit::UNKNOWN_MESSAGE),
    }
}

fn write_events(events: &EventList, from: usize, writer: &mut Writer<'_>) -> Option<usize> {
    let transcript = ChatTranscript {
        start_at: Stamp::from_unix_seconds(1_800_000_000),
        session_id: SessionId::new("000AB3CD5EF6GH7J"),
        events: events.clone(),
        idle_time_expire: None,
        monitored: None,
    };
    write_part(
        &transcript,
        &crate::Part { from, size: PART_SIZE, tail: 0, keeps_result: false },
        writer,
    )
}

macro_rules! role {
    ($role:ident, $server:literal) => {
        impl Codec for $role {
            const PROTOCOL: Protocol = Protocol::Basic;
            const SERVER: bool = $server;
            const WATCHED: bool = true;
            const REGISTERS: bool = false;
            type In = i32;
            type Out = EventList;

            fn read(message: u16, group: &mut Group<'_>) -> Result<i32, Misfit> {
                read_number(message, group)
            }

            fn message(_: &EventList) -> u16 {
                TRANSCRIPT
            }

            fn write(events: &EventList, from: usize, writer: &mut Writer<'_>) -> Option<usize> {
                write_events(events, from, writer)
            }
        }
    };
}

role!(Server, true);
role!(Client, false);

/// The frame with these attributes, as another message or with another reference.
fn sent(message: u16, reference: u32, attributes: &[u8]) -> Vec<u8> {
    let mut bytes = frame(attributes);
    bytes[6..8].copy_from_slice(&message.to_be_bytes());
    bytes[8..12].copy_from_slice(&reference.to_be_bytes());
    bytes
}

#[track_caller]
fn malformed(bytes: &[u8], what: Flaw, offset: u32) {
    let message = u16::from_be_bytes([bytes[6], bytes[7]]);
    let reference = u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    let expected = Decoded::Malformed(Malformed { reference, message, what, offset });
    assert_eq!(decode::<Server>(bytes, MAX_FRAME), Ok(expected));
}

mod decoding {
    use super::*;

    #[test]
    fn a_message_keeps_its_reference() {
        for reference in [1, REFERENCE, u32::MAX] {
            let bytes = sent(NUMBER, reference, &int(5, -3));
            let expected = Decoded::Frame(Frame::new(reference, -3));
            assert_eq!(decode::<Server>(&bytes, MAX_FRAME), Ok(expected));
        }
    }

    #[test]
    fn unknown_attributes_are_skipped() {
        let bytes = [int(UNKNOWN, 1), int(5, 9), int(UNKNOWN + 1, 2)].concat();
        let expected = Decoded::Frame(Frame::new(REFERENCE, 9));
        assert_eq!(decode::<Server>(&frame(&bytes), MAX_FRAME), Ok(expected));
    }

    #[test]
    fn only_a_server_needs_a_reference() {
        let bytes = sent(NUMBER, 0, &int(5, 9));
        malformed(&bytes, Flaw::NoReference, 8);
        let expected = Decoded::Frame(Frame::unsolicited(9));
        assert_eq!(decode::<Client>(&bytes, MAX_FRAME), Ok(expected));
    }

    /// What is wrong with the message itself is said first.
    #[test]
    fn a_message_with_two_flaws_is_named_by_its_own() {
        malformed(&sent(NUMBER, 0, &[]), Flaw::Missing(Attribute::UserType), 12);
        malformed(&sent(9, 0, &[]), Flaw::UnknownMessage, 6);
        malformed(&sent(TRANSCRIPT, 0, &[]), Flaw::WrongDirection, 6);
    }

    #[test]
    fn a_message_without_meaning_here_is_malformed() {
        for message in [0, 3, 5, 65_531] {
            malformed(&sent(message, 7, &[]), Flaw::UnknownMessage, 6);
        }
        malformed(&sent(TRANSCRIPT, 7, &int(5, 1)), Flaw::WrongDirection, 6);
    }

    /// The frame is read before the message is: framing is lost whatever the message was.
    #[test]
    fn a_bad_frame_is_refused_whatever_its_message() {
        for (message, reference) in [(NUMBER, 7), (9, 7), (NUMBER, 0), (65_534, 0)] {
            let bytes = sent(message, reference, &attribute(UNKNOWN, 9, &[]));
            let error = DecodeError { reason: Reason::UnknownType, offset: TYPE_AT, reference };
            assert_eq!(decode::<Server>(&bytes, MAX_FRAME), Err(error));
        }
    }

    #[test]
    fn the_limit_and_the_protocol_are_held() {
        let bytes = frame(&int(5, 9));
        assert!(decode::<Server>(&bytes, 19).is_ok());
        let refused = |reason, offset| Err(DecodeError { reason, offset, reference: 0 });
        assert_eq!(decode::<Server>(&bytes, 18), refused(Reason::FrameLength, 0));
        let mut flex = bytes;
        flex[4] = b'F';
        assert_eq!(decode::<Server>(&flex, 19), refused(Reason::Protocol, 4));
    }
}

mod controls {
    use super::*;

    #[test]
    fn every_role_reads_them_with_and_without_a_reference() {
        let token = attribute(49, STR, &block(b"s3cret"));
        let timeout = attribute(46, LONG, &5000_i64.to_be_bytes());
        let access_token = Secret::new("s3cret");
        let remote_timeout = Duration::from_millis(5000);
        for (message, attributes, control) in [
            (65_532, token, Control::Authenticate { access_token }),
            (65_533, timeout, Control::AddpSetup { remote_timeout }),
            (65_534, Vec::new(), Control::AddpPoll),
            (65_535, Vec::new(), Control::AddpReply),
        ] {
            for reference in [0, 7] {
                let bytes = sent(message, reference, &attributes);
                let frame = Frame::new(reference, control.clone());
                let expected = Decoded::Control(frame.clone());
                assert_eq!(decode::<Server>(&bytes, MAX_FRAME), Ok(expected));
                let expected = Decoded::Control(frame.clone());
                assert_eq!(decode::<Client>(&bytes, MAX_FRAME), Ok(expected));

                for (protocol, byte) in
                    [(Protocol::Basic, b'B'), (Protocol::Flex, b'F'), (Protocol::Esp, b'E')]
                {
                    let mut expected = [&b"before"[..], &bytes].concat();
                    expected[6 + 4] = byte;
                    let mut out = BytesMut::from(&b"before"[..]);
                    assert_eq!(encode_control(protocol, &frame, &mut out), Ok(()));
                    assert_eq!(out, expected);
                }
            }
        }
    }

    #[test]
    fn one_with_a_flaw_is_malformed() {
        malformed(&sent(65_532, 0, &[]), Flaw::Missing(Attribute::AccessToken), 12);
        let negative = attribute(46, LONG, &(-1_i64).to_be_bytes());
        let what = Flaw::OutOfRange(Attribute::RemoteTimeout);
        malformed(&sent(65_533, 0, &negative), what, VALUE_AT);
        let wrong = sent(65_533, 5, &attribute(46, INT, &[0; 4]));
        let error = DecodeError { reason: Reason::WrongType, offset: TYPE_AT, reference: 5 };
        assert_eq!(decode::<Server>(&wrong, MAX_FRAME), Err(error), "not the message's flaw");
    }

    #[test]
    fn one_that_cannot_be_written_leaves_nothing() {
        let access_token = Secret::new("a\0b");
        let frame = Frame::unsolicited(Control::Authenticate { access_token });
        let mut out = BytesMut::from(&b"before"[..]);
        let outcome = encode_control(Protocol::Basic, &frame, &mut out);
        assert_eq!((outcome, &out[..]), (Err(EncodeError::Nul), &b"before"[..]));
    }
}

mod encoding {
    use super::*;

    /// Events of `size` bytes or a little more each, numbered from 1.
    fn events(count: u32, size: usize) -> EventList {
        let event = |number| TranscriptEvent {
            event_id: EventId::new(number).unwrap(),
            // The one string of an event of an unknown kind.
            user_id: UserId::new(&"x".repeat(size)),
            time_shift: 0,
            visibility: Visibility::All.into(),
            party: None,
            participant_no: None,
            event_attributes: None,
            body: EventBody::Unknown(77),
        };
        (1..=count).map(event).collect()
    }

    #[test]
    fn a_frame_stands_behind_what_was_there() {
        let frame = Frame::new(REFERENCE, events(2, 10));
        let mut alone = BytesMut::new();
        encode::<Server>(&frame, MAX_FRAME, &mut alone).unwrap();
        assert_eq!(alone[4..12], *b"B\x01\0\x68\0\0\0\x07");
        let mut out = BytesMut::from(&b"before"[..]);
        encode::<Server>(&frame, MAX_FRAME, &mut out).unwrap();
        encode::<Server>(&frame, MAX_FRAME, &mut out).unwrap();
        assert_eq!(out, [&b"before"[..], &alone, &alone].concat());
    }

    /// The first part answers the request, the others answer nothing (wire §4.1).
    #[test]
    fn only_the_first_part_has_the_reference() {
        let frame = Frame::new(REFERENCE, events(5, PART_SIZE / 2 - 1000));
        let mut indexes = Vec::new();
        let mut references = Vec::new();
        let mut from = Some(0);
        while let Some(index) = from {
            let mut out = BytesMut::new();
            from = encode_part::<Server>(&frame, index, MAX_FRAME, &mut out).unwrap();
            assert!(out.len() <= PART_SIZE);
            indexes.push(index);
            references.push(out[11]);
        }
        assert_eq!((&indexes[..], &references[..]), (&[0, 2, 4][..], &[7, 0, 0][..]));
    }

    #[test]
    fn a_whole_frame_has_no_parts() {
        let half = PART_SIZE / 2 - 1000;
        let mut out = BytesMut::from(&b"before"[..]);
        encode::<Server>(&Frame::new(7, events(2, half)), MAX_FRAME, &mut out).unwrap();
        out.truncate(6);
        let outcome = encode::<Server>(&Frame::new(7, events(3, half)), MAX_FRAME, &mut out);
        let Err(EncodeError::TooLarge { size, limit }) = outcome else { panic!("{outcome:?}") };
        assert!((2 * half..PART_SIZE).contains(&size) && limit == PART_SIZE);
        assert_eq!(out, "before");
        // The receiver's limit, where it is the smaller one.
        let outcome = encode::<Server>(&Frame::new(7, events(3, 2000)), 4096, &mut out);
        assert!(matches!(outcome, Err(EncodeError::TooLarge { limit: 4096, .. })));
        assert_eq!(out, "before");
    }

    #[test]
    fn a_part_that_cannot_be_written_leaves_nothing() {
        let mut out = BytesMut::from(&b"before"[..]);
        let frame = Frame::new(7, events(1, 5000));
        let outcome = encode_part::<Server>(&frame, 0, 4096, &mut out);
        // An event this long for its ids alone cannot be replaced by a shorter one.
        assert!(matches!(outcome, Err(EncodeError::TooLarge { limit: 4096, .. })));
        assert_eq!(out, "before");
    }
}

#[test]
fn a_protocol_that_does_not_say_so_gives_no_hints_and_refuses_nothing() {
    assert_eq!(Server::hint_in(&5), Hint::Nothing);
    assert_eq!(Server::hint_out(&EventList::new()), Hint::Nothing);
    assert_eq!(Client::refusal(ErrorId::Malformed, "words"), None);
}
