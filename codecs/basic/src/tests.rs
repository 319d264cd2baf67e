use super::*;
use alloc::vec::Vec;
use bytes::BytesMut;
use confer_core::frame::{
    ChatTranscript, EventBody, EventList, Flaw, Frame, Malformed, Message, NoticeType,
    SessionStatus, TranscriptEvent, UserType, Visibility,
};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::pii::Pii;
use confer_core::text::Text;
use confer_core::time::Stamp;
use confer_wire::{Decoded, EncodeError, MAX_FRAME, MAX_ITEMS, decode, encode, encode_part};

extern crate alloc;

fn written<C: Codec>(reference: u32, body: C::Out) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode::<C>(&Frame::new(reference, body), MAX_FRAME, &mut out).unwrap();
    out.to_vec()
}

#[track_caller]
fn malformed(bytes: &[u8], what: Flaw, offset: u32) {
    let decoded = decode::<Server>(bytes, MAX_FRAME).unwrap();
    let message = u16::from_be_bytes([bytes[6], bytes[7]]);
    assert_eq!(decoded, Decoded::Malformed(Malformed { reference: 7, message, what, offset }));
}

fn register(max_frame: u32) -> Request {
    Request::RequestRegister(RequestRegister {
        user_nickname: Pii::new(Str::new("Robin")),
        user_type: UserType::Agent,
        person_id: None,
        time_zone_offset: None,
        client_version: None,
        user_data: None,
        max_frame: Some(max_frame),
    })
}

fn join(request_key: &str) -> Request {
    let request_key = Some(Str::new(request_key));
    Request::RequestJoin(RequestJoin { request_key, ..RequestJoin::default() })
}

fn notify(request_key: &str) -> Request {
    Request::RequestNotify(RequestNotify {
        session_id: SessionId::new("000AB3CD5EF6GH7J"),
        notice_type: NoticeType::UserTypingStarted,
        notice_text: None,
        visibility: None,
        receiver_id: None,
        user_data: None,
        event_attributes: None,
        request_key: Some(Str::new(request_key)),
    })
}

fn message(request_key: &str) -> Request {
    Request::RequestMessage(RequestMessage {
        session_id: SessionId::new("000AB3CD5EF6GH7J"),
        message_text: Text::new("hello"),
        message_type: None,
        treat_as: None,
        visibility: None,
        receiver_id: None,
        user_data: None,
        event_attributes: None,
        request_key: Some(Str::new(request_key)),
    })
}

#[test]
fn a_client_takes_frames_of_4096_bytes_at_least() {
    for max_frame in [4096, 4097, i32::MAX.unsigned_abs()] {
        let bytes = written::<Client>(7, register(max_frame));
        let expected = Decoded::Frame(Frame::new(7, register(max_frame)));
        assert_eq!(decode::<Server>(&bytes, MAX_FRAME), Ok(expected));
    }
    // The number stands last in the frame.
    for max_frame in [4095, 0] {
        let bytes = written::<Client>(7, register(max_frame));
        let at = u32::try_from(bytes.len() - 4).unwrap();
        malformed(&bytes, Flaw::OutOfRange(Attribute::MaxFrame), at);
    }
    let mut negative = written::<Client>(7, register(4096));
    let at = negative.len() - 4;
    negative[at..].copy_from_slice(&(-4096_i32).to_be_bytes());
    malformed(&negative, Flaw::OutOfRange(Attribute::MaxFrame), u32::try_from(at).unwrap());
}

#[test]
fn a_request_key_has_1_to_64_bytes() {
    for (length, fits) in [(0, false), (1, true), (64, true), (65, false)] {
        let key = "k".repeat(length);
        for request in [join(&key), message(&key), notify(&key)] {
            let bytes = written::<Client>(7, request.clone());
            if fits {
                let expected = Decoded::Frame(Frame::new(7, request));
                assert_eq!(decode::<Server>(&bytes, MAX_FRAME), Ok(expected));
            } else {
                // The key stands last in the frame.
                let at = u32::try_from(bytes.len() - length - 4).unwrap();
                malformed(&bytes, Flaw::BadForm(Attribute::RequestKey), at);
            }
        }
    }
}

#[test]
fn a_request_has_a_reference_and_an_event_need_not() {
    let mut bytes = written::<Client>(0, Request::RequestUnregister);
    let Decoded::Malformed(refused) = decode::<Server>(&bytes, MAX_FRAME).unwrap() else {
        panic!("accepted")
    };
    assert_eq!((refused.what, refused.offset, refused.reference), (Flaw::NoReference, 8, 0));
    bytes[11] = 1;
    assert!(matches!(decode::<Server>(&bytes, MAX_FRAME), Ok(Decoded::Frame(_))));
    let bytes = written::<Server>(0, Event::EventUnregistered);
    let expected = Decoded::Frame(Frame::unsolicited(Event::EventUnregistered));
    assert_eq!(decode::<Client>(&bytes, MAX_FRAME), Ok(expected));
}

#[test]
fn a_message_of_the_other_side_or_of_none_is_malformed() {
    fn stranger<C: Codec>(bytes: &[u8]) -> bool {
        match decode::<C>(bytes, MAX_FRAME) {
            Ok(Decoded::Malformed(malformed)) => malformed.what == Flaw::WrongDirection,
            _ => false,
        }
    }
    let mut bytes = written::<Client>(7, Request::RequestUnregister);
    for &(number, _) in map::MESSAGES {
        bytes[6..8].copy_from_slice(&number.to_be_bytes());
        let (server, client) = (stranger::<Server>(&bytes), stranger::<Client>(&bytes));
        assert_eq!((server, client), (number > 100, number < 100));
    }
    for number in [0, 7, 100, 105, 65_531_u16] {
        bytes[6..8].copy_from_slice(&number.to_be_bytes());
        malformed(&bytes, Flaw::UnknownMessage, 6);
    }
}

/// The frame is sound whatever the message, so the message's flaw does not hide the frame's.
#[test]
fn a_bad_frame_is_worse_than_a_bad_message() {
    let bytes = b"\0\0\0\x0bB\x01\x03\xe7\0\0\0\x07\x7f\0\xff";
    let error = decode::<Server>(bytes, MAX_FRAME).unwrap_err();
    assert_eq!((error.reason, error.offset), (confer_wire::Reason::UnknownType, 14));
}

#[test]
fn registering_is_what_matters_to_the_connection() {
    let register = Server::hint_in(&register(5000));
    assert_eq!(register, Hint::Register { max_frame: Some(5000) });
    assert_eq!(Server::hint_in(&Request::RequestUnregister), Hint::Nothing);
    assert_eq!(Server::hint_in(&join("k")), Hint::Nothing);
    let registered = Event::EventRegistered(EventRegistered {
        user_id: UserId::new("00E1B7C6D8F90A12"),
        client_version: 106,
    });
    assert_eq!(Server::hint_out(&registered), Hint::Registered);
    assert_eq!(Server::hint_out(&Event::EventUnregistered), Hint::Unregistered);
}

#[test]
fn a_refusal_is_an_error_about_no_session() {
    let refusal = Server::refusal(ErrorId::Undecodable, "words");
    let error_text = Str::new("words");
    let error = EventError { error_id: 8300, error_text, session_id: None };
    assert_eq!(refusal, Some(Event::EventError(error)));
    assert_eq!(Client::refusal(ErrorId::Undecodable, "words"), None);
}

mod parts {
    use super::*;

    fn news(events: impl Into<EventList>) -> Event {
        let session_id = SessionId::new("000AB3CD5EF6GH7J");
        Event::EventSessionInfo(EventSessionInfo {
            session_id: session_id.clone(),
            session_status: SessionStatus::Alive.into(),
            chat_transcript: ChatTranscript {
                start_at: Stamp::from_unix_seconds(1_800_000_000),
                session_id,
                events: events.into(),
                idle_time_expire: None,
                monitored: None,
            },
            user_id: Some(UserId::new("00E1B7C6D8F90A12")),
            more_events: false,
        })
    }

    /// Messages with texts of these lengths, in characters, numbered from 1.
    fn messages(lengths: &[usize]) -> Vec<TranscriptEvent> {
        let event = |(number, &length): (u32, &usize)| TranscriptEvent {
            event_id: EventId::new(number).unwrap(),
            user_id: UserId::new("00E1B7C6D8F90A12"),
            time_shift: number,
            visibility: Visibility::All.into(),
            party: None,
            participant_no: None,
            event_attributes: None,
            body: EventBody::Message(Message {
                message_text: Text::new(&"x".repeat(length)),
                message_type: None,
                treat_as: None,
                receiver_id: None,
                user_data: None,
            }),
        };
        (1..).zip(lengths).map(event).collect()
    }

    /// All parts of what answers request 7: the size of each frame, and what it says.
    fn parts(event: Event, limit: u32) -> Vec<(usize, Frame<EventSessionInfo>)> {
        let frame = Frame::new(7, event);
        let mut parts = Vec::new();
        let mut from = Some(0);
        while let Some(index) = from {
            let mut out = BytesMut::new();
            from = encode_part::<Server>(&frame, index, limit, &mut out).unwrap();
            let Ok(Decoded::Frame(Frame { reference, body: Event::EventSessionInfo(part) })) =
                decode::<Client>(&out, limit)
            else {
                panic!("another message")
            };
            parts.push((out.len(), Frame::new(reference, part)));
        }
        parts
    }

    /// The first answers the request and names the participation; all but the last say that more
    /// follows.
    #[track_caller]
    fn assert_parts(lengths: &[usize], limit: u32, expected: &[usize]) {
        let event = news(messages(lengths));
        let parts = parts(event.clone(), limit);
        let counts: Vec<usize> =
            parts.iter().map(|(_, part)| part.body.chat_transcript.events.len()).collect();
        assert_eq!(counts, expected);
        for (index, (size, part)) in parts.iter().enumerate() {
            let (first, last) = (index == 0, index + 1 == parts.len());
            assert!(*size <= limit as usize);
            assert!(*size <= PART_SIZE || expected[index] == 1, "{size} bytes");
            assert_eq!(part.reference, if first { 7 } else { 0 });
            assert_eq!(part.body.user_id.is_some(), first);
            assert_eq!(part.body.more_events, !last);
            assert_eq!(part.body.session_status, SessionStatus::Alive.into());
        }
        let ids = parts.iter().flat_map(|(_, part)| part.body.chat_transcript.events.iter());
        assert!(ids.map(|event| event.event_id.number()).eq(1..=event_count(lengths)));
    }

    fn event_count(lengths: &[usize]) -> u32 {
        u32::try_from(lengths.len()).unwrap()
    }

    #[test]
    fn are_of_1_mib() {
        assert_parts(&[], MAX_FRAME, &[0]);
        assert_parts(&[1], MAX_FRAME, &[1]);
        // 500,000 characters are a million bytes, just under 1 MiB with their event.
        assert_parts(&[500_000, 20_000, 500_000], MAX_FRAME, &[2, 1]);
        assert_parts(&[500_000, 500_000, 500_000], MAX_FRAME, &[1, 1, 1]);
        assert_parts(&[10, 600_000, 10, 10], MAX_FRAME, &[1, 1, 2]);
    }

    #[test]
    fn are_within_the_clients_limit() {
        assert_parts(&[1000, 1000, 1000], 4096, &[1, 1, 1]);
        assert_parts(&[800, 800, 800], 4096, &[2, 1]);
        assert_parts(&[10, 100_000, 10], 4096, &[1, 2]);
        let parts = parts(news(messages(&[10, 100_000, 10])), 4096);
        let EventBody::Message(message) = &parts[1].1.body.chat_transcript.events[0].body else {
            panic!("another kind")
        };
        assert_eq!(message.message_text, Text::new(""));
    }

    /// What its maker knows of more to come is said, too.
    #[test]
    fn are_more_even_if_all_is_in_this_one() {
        let mut event = news(messages(&[1]));
        let Event::EventSessionInfo(info) = &mut event else { panic!("another message") };
        info.more_events = true;
        let parts = parts(event, MAX_FRAME);
        assert!(parts.len() == 1 && parts[0].1.body.more_events);
    }

    #[test]
    fn have_65536_items() {
        // A frame of this many events has far more than 1 MiB, and is cut by that first.
        let parts = parts(news(messages(&[0; MAX_ITEMS + 1])), MAX_FRAME);
        let counts = parts.iter().map(|(_, part)| part.body.chat_transcript.events.len());
        assert_eq!(counts.sum::<usize>(), MAX_ITEMS + 1);
        assert!(parts.iter().all(|(size, _)| *size <= PART_SIZE));
    }

    /// To the byte: the frame with one character more is over 1 MiB, and cut.
    #[test]
    fn are_as_large_as_can_be() {
        let whole = |length| parts(news(messages(&[10, length])), MAX_FRAME);
        let empty = whole(0)[0].0;
        // Room is kept for MoreEvents and for what else may follow the events, 21 bytes here.
        let fits = (PART_SIZE - empty - 21) / 2;
        let part = &whole(fits)[..];
        assert!(part.len() == 1 && part[0].0 + 21 + 2 > PART_SIZE);
        assert_eq!(whole(fits + 1).len(), 2);
    }

    #[test]
    fn are_refused_where_one_frame_is_wanted() {
        let frame = Frame::new(7, news(messages(&[500_000, 500_000])));
        let mut out = BytesMut::from(&b"before"[..]);
        let error = encode::<Server>(&frame, MAX_FRAME, &mut out).unwrap_err();
        assert!(matches!(error, EncodeError::TooLarge { limit: PART_SIZE, .. }), "{error:?}");
        assert_eq!(out, "before");
    }
}
