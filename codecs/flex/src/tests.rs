use super::*;
use alloc::vec::Vec;
use bytes::BytesMut;
use confer_core::frame::{
    ChatTranscript, EventBody, Flaw, Frame, KvList, Malformed, Message, NoticeType, SessionStatus,
    TranscriptEvent, Visibility,
};
use confer_core::id::{SessionId, UserId};
use confer_core::pii::Secret;
use confer_core::text::Text;
use confer_core::time::Stamp;
use confer_wire::{Decoded, MAX_FRAME, MAX_ITEMS, decode, encode, encode_part};

extern crate alloc;

fn written(event: Event) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode::<Server>(&Frame::new(7, event), MAX_FRAME, &mut out).unwrap();
    out.to_vec()
}

fn asked(reference: u32, request: Request) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode::<Client>(&Frame::new(reference, request), MAX_FRAME, &mut out).unwrap();
    out.to_vec()
}

#[track_caller]
fn malformed(bytes: &[u8], what: Flaw, offset: u32) {
    let decoded = decode::<Server>(bytes, MAX_FRAME).unwrap();
    let message = u16::from_be_bytes([bytes[6], bytes[7]]);
    let reference = u32::from(bytes[11]);
    assert_eq!(decoded, Decoded::Malformed(Malformed { reference, message, what, offset }));
}

fn node() -> Request {
    Request::RequestNode(RequestNode { node_group: Str::new("web"), node_name: Str::new("web-1") })
}

fn status(bytes: &[u8]) -> EventStatus {
    match decode::<Client>(bytes, MAX_FRAME) {
        Ok(Decoded::Frame(Frame { reference: 7, body: Event::EventStatus(status) })) => status,
        other => panic!("{other:?}"),
    }
}

/// Messages with texts of these lengths, in characters; every other id is somebody else's.
fn transcript(lengths: &[usize]) -> ChatTranscript {
    let event = |(number, &length): (u32, &usize)| TranscriptEvent {
        event_id: EventId::new(2 * number).unwrap(),
        user_id: UserId::new("00E1B7C6D8F90A12"),
        time_shift: number,
        visibility: Visibility::All.into(),
        party: None,
        participant_no: Some(1),
        event_attributes: None,
        body: EventBody::Message(Message {
            message_text: Text::new(&"x".repeat(length)),
            message_type: None,
            treat_as: None,
            receiver_id: None,
            user_data: None,
        }),
    };
    ChatTranscript {
        start_at: Stamp::from_unix_seconds(1_800_000_000),
        session_id: SessionId::new("000AB3CD5EF6GH7J"),
        events: (1..).zip(lengths).map(event).collect(),
        idle_time_expire: Some(60),
        monitored: None,
    }
}

/// An answer that says everything there is to say.
fn answer(lengths: &[usize], last_position: u32) -> EventStatus {
    EventStatus {
        user_id: Some(UserId::new("00E1B7C6D8F90A12")),
        secure_key: Some(Secret::new("k3y")),
        session_id: Some(SessionId::new("000AB3CD5EF6GH7J")),
        session_status: Some(SessionStatus::Alive.into()),
        last_position: EventId::new(last_position),
        chat_transcript: Some(transcript(lengths)),
        error_id: Some(0),
        error_text: Some(Str::new("what there is to say")),
        app_dbid: Some(101),
        ..EventStatus::new(RequestResult::Success)
    }
}

#[test]
fn an_answer_that_fits_is_as_it_was() {
    for lengths in [&[][..], &[5], &[500_000, 10]] {
        let answer = answer(lengths, 4711);
        assert_eq!(status(&written(Event::EventStatus(answer.clone()))), answer);
        // What its maker knows of more to come is said, too.
        let answer = EventStatus { more_events: true, ..answer };
        assert_eq!(status(&written(Event::EventStatus(answer.clone()))), answer);
    }
}

/// The answer's own LastPosition, of an event it does not hold any more, is replaced.
#[test]
fn an_answer_over_1_mib_is_cut_at_an_event_and_says_so() {
    let whole = answer(&[500_000, 20_000, 500_000, 1], 8);
    let bytes = written(Event::EventStatus(whole.clone()));
    assert!(bytes.len() <= PART_SIZE);
    let cut = status(&bytes);
    let events = &cut.chat_transcript.as_ref().unwrap().events;
    assert_eq!(**events, whole.chat_transcript.as_ref().unwrap().events[..2]);
    assert_eq!((cut.last_position, cut.more_events), (EventId::new(4), true));
    // All else is as it was.
    let whole = EventStatus {
        last_position: cut.last_position,
        more_events: true,
        chat_transcript: Some(ChatTranscript { events: events.clone(), ..transcript(&[]) }),
        ..whole
    };
    assert_eq!(cut, whole);
}

#[test]
fn a_cut_answer_has_no_second_part() {
    let frame = Frame::new(7, Event::EventStatus(answer(&[500_000; 3], 6)));
    let mut out = BytesMut::new();
    assert_eq!(encode_part::<Server>(&frame, 0, MAX_FRAME, &mut out), Ok(None));
}

/// A result at the end is no event of the session, and there whatever else fits (wire §4.2).
#[test]
fn a_result_goes_with_every_part() {
    for (lengths, kept) in [
        (&[][..], 0),
        (&[5], 1),
        (&[500_000, 20_000, 500_000, 1], 2),
        (&[2_000_000, 1], 1),
        (&[524_000; 2], 1),
    ] {
        let mut whole = answer(lengths, 8);
        let mut transcript = transcript(lengths);
        let mut result = self::transcript(&[300]).events[0].clone();
        result.event_id = EventId::NONE;
        let events = transcript.events.iter().chain([&result]).cloned();
        transcript.events = events.collect();
        whole.chat_transcript = Some(transcript.clone());
        let read = status(&written(Event::EventStatus(whole.clone())));
        let events = &read.chat_transcript.as_ref().unwrap().events;
        assert_eq!(events[..kept], transcript.events[..kept], "{lengths:?}");
        assert_eq!(events[kept..], [result]);
        let cut = kept < lengths.len();
        assert_eq!(read.more_events, cut);
        let last = if cut { Some(events[kept - 1].event_id) } else { whole.last_position };
        assert_eq!(read.last_position, last);
    }
}

/// A client that asks again from where the answer ends gets everything once.
#[test]
fn asking_again_comes_to_an_end() {
    let all = transcript(&[400_000, 10, 400_000, 700_000, 10, 10, 600_000]).events;
    let mut seen = Vec::new();
    let mut last = EventId::NONE;
    loop {
        let new = all.iter().filter(|event| event.event_id > last).cloned().collect();
        let chat_transcript = Some(ChatTranscript { events: new, ..transcript(&[]) });
        let answer = EventStatus { chat_transcript, ..answer(&[], 14) };
        let answer = status(&written(Event::EventStatus(answer)));
        seen.extend(answer.chat_transcript.unwrap().events.iter().cloned());
        assert!(answer.last_position > Some(last), "each answer goes further");
        last = answer.last_position.unwrap();
        if !answer.more_events {
            break;
        }
    }
    assert_eq!(seen[..], all[..]);
}

/// To the byte: one character more, and the answer is cut. Room is kept for MoreEvents and, inside
/// the transcript, for Monitored.
#[test]
fn an_answer_is_as_long_as_can_be() {
    let size = |length| written(Event::EventStatus(answer(&[10, length], 4))).len();
    let fits = (PART_SIZE - size(0) - 14) / 2;
    assert!(size(fits) + 14 <= PART_SIZE && size(fits) + 14 + 2 > PART_SIZE);
    assert!(size(fits + 1) < 1000, "the long event is left for the next answer");
}

#[test]
fn an_answer_has_65536_events() {
    // Far over 1 MiB, and cut by that first.
    let answer = status(&written(Event::EventStatus(answer(&[0; MAX_ITEMS + 1], 1))));
    assert!(answer.more_events);
}

#[test]
fn a_push_says_all_there_is_to_say() {
    let push = Event::EventPush(EventPush {
        user_id: UserId::new("00E1B7C6D8F90A12"),
        session_id: SessionId::new("000AB3CD5EF6GH7J"),
        session_status: Some(SessionStatus::Closed.into()),
        chat_transcript: Some(transcript(&[5, 0])),
        notify_attempt: Some(2),
        notify_position: Some(NotifyPosition::Removed),
        user_data: Some(KvList::from([("Push", "on".into())])),
    });
    let expected = Decoded::Frame(Frame::new(7, push.clone()));
    assert_eq!(decode::<Client>(&written(push), MAX_FRAME), Ok(expected));
}

/// Each is a push of its own, and says the same round other events.
#[test]
fn a_push_over_1_mib_goes_out_in_several() {
    let whole = EventPush {
        user_id: UserId::new("00E1B7C6D8F90A12"),
        session_id: SessionId::new("000AB3CD5EF6GH7J"),
        session_status: Some(SessionStatus::Alive.into()),
        chat_transcript: Some(transcript(&[500_000, 20_000, 500_000, 1])),
        notify_attempt: None,
        notify_position: Some(NotifyPosition::Removed),
        user_data: Some(KvList::from([("Push", "on".into())])),
    };
    let frame = Frame::unsolicited(Event::EventPush(whole.clone()));
    let mut parts = Vec::new();
    let mut from = Some(0);
    while let Some(first) = from {
        let mut bytes = BytesMut::new();
        from = encode_part::<Server>(&frame, first, MAX_FRAME, &mut bytes).unwrap();
        assert!(bytes.len() <= PART_SIZE);
        let Ok(Decoded::Frame(Frame { reference: 0, body: Event::EventPush(part) })) =
            decode::<Client>(&bytes, MAX_FRAME)
        else {
            panic!("no push")
        };
        parts.push(part);
    }
    let events = &whole.chat_transcript.as_ref().unwrap().events;
    assert_eq!(parts.len(), 2);
    for (part, range) in parts.into_iter().zip([0..2, 2..4]) {
        let got = part.chat_transcript.as_ref().unwrap();
        assert_eq!(*got.events, events[range]);
        assert_eq!(EventPush { chat_transcript: whole.chat_transcript.clone(), ..part }, whole);
    }
}

#[test]
fn a_push_names_an_event_or_the_removal() {
    let push = |notify_position| EventPush {
        user_id: UserId::new("00E1B7C6D8F90A12"),
        session_id: SessionId::new("000AB3CD5EF6GH7J"),
        session_status: None,
        chat_transcript: None,
        notify_attempt: None,
        notify_position,
        user_data: None,
    };
    // The number stands last in the frame.
    let first = NotifyPosition::From(EventId::new(1).unwrap());
    let mut bytes = written(Event::EventPush(push(Some(first))));
    let at = bytes.len() - 4;
    for (number, position) in [
        (1, first),
        (0, NotifyPosition::From(EventId::NONE)),
        (i32::MAX, NotifyPosition::From(EventId::MAX)),
        (-1, NotifyPosition::Removed),
    ] {
        bytes[at..].copy_from_slice(&number.to_be_bytes());
        let event = Event::EventPush(push(Some(position)));
        assert_eq!(written(event.clone()), bytes);
        let expected = Decoded::Frame(Frame::new(7, event));
        assert_eq!(decode::<Client>(&bytes, MAX_FRAME), Ok(expected));
    }
    for number in [-2, i32::MIN] {
        bytes[at..].copy_from_slice(&number.to_be_bytes());
        let Ok(Decoded::Malformed(malformed)) = decode::<Client>(&bytes, MAX_FRAME) else {
            panic!("accepted")
        };
        let offset = u32::try_from(at).unwrap();
        let what = Flaw::OutOfRange(Attribute::NotifyPosition);
        assert_eq!((malformed.what, malformed.offset), (what, offset));
    }
}

#[test]
fn a_request_key_has_1_to_64_bytes() {
    let user_id = UserId::new("00E1B7C6D8F90A12");
    let secure_key = Secret::new("k3y");
    for (length, fits) in [(0, false), (1, true), (64, true), (65, false)] {
        let request_key = Some(Str::new(&"k".repeat(length)));
        let requests = [
            Request::RequestJoin(RequestJoin {
                user_id: user_id.clone(),
                secure_key: secure_key.clone(),
                session_id: None,
                queue_key: None,
                subject: None,
                message_text: None,
                user_data: None,
                request_key: request_key.clone(),
            }),
            Request::RequestRefresh(RequestRefresh {
                user_id: user_id.clone(),
                secure_key: secure_key.clone(),
                session_id: None,
                last_position: None,
                message_text: None,
                message_type: None,
                user_data: None,
                event_attributes: None,
                request_key: request_key.clone(),
            }),
            Request::RequestNotify(RequestNotify {
                user_id: user_id.clone(),
                secure_key: secure_key.clone(),
                session_id: None,
                notice_type: NoticeType::UserTypingStarted,
                notice_text: None,
                user_data: None,
                event_attributes: None,
                last_position: None,
                request_key,
            }),
        ];
        for request in requests {
            let bytes = asked(7, request.clone());
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
fn a_request_has_a_reference_and_a_push_has_none() {
    malformed(&asked(0, node()), Flaw::NoReference, 8);
    let query = Event::EventPushQuery(EventPushQuery {
        user_id: UserId::new("00E1B7C6D8F90A12"),
        session_id: SessionId::new("000AB3CD5EF6GH7J"),
    });
    let mut out = BytesMut::new();
    encode::<Server>(&Frame::unsolicited(query.clone()), MAX_FRAME, &mut out).unwrap();
    let expected = Decoded::Frame(Frame::unsolicited(query));
    assert_eq!(decode::<Client>(&out, MAX_FRAME), Ok(expected));
}

#[test]
fn a_message_of_the_other_side_or_of_none_is_malformed() {
    let mut bytes = asked(7, node());
    for number in [101, 102, 103_u16] {
        bytes[6..8].copy_from_slice(&number.to_be_bytes());
        malformed(&bytes, Flaw::WrongDirection, 6);
    }
    for number in [0, 9, 100, 104, 65_531_u16] {
        bytes[6..8].copy_from_slice(&number.to_be_bytes());
        malformed(&bytes, Flaw::UnknownMessage, 6);
    }
    for number in 1..=8_u16 {
        bytes[6..8].copy_from_slice(&number.to_be_bytes());
        match decode::<Client>(&bytes, MAX_FRAME) {
            Ok(Decoded::Malformed(malformed)) => assert_eq!(malformed.what, Flaw::WrongDirection),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn only_a_node_matters_to_its_connection() {
    assert_eq!(Server::hint_in(&node()), Hint::Node);
    assert_eq!(Client::hint_out(&node()), Hint::Node);
    let alive = RequestAlive { user_id: UserId::new("00E1B7C6D8F90A12"), alive: true };
    assert_eq!(Server::hint_in(&Request::RequestAlive(alive)), Hint::Nothing);
}

#[test]
fn a_refusal_is_a_status_with_an_error() {
    let refusal = Server::refusal(ErrorId::Undecodable, "words");
    let status = EventStatus {
        error_id: Some(8300),
        error_text: Some(Str::new("words")),
        ..EventStatus::new(RequestResult::Error)
    };
    assert_eq!(refusal, Some(Event::EventStatus(status)));
    assert_eq!(Client::refusal(ErrorId::Undecodable, "words"), None);
}

/// In a request, unlike in events, a flag is 0 or 1.
#[test]
fn alive_is_0_or_1() {
    let request = |alive| {
        Request::RequestAlive(RequestAlive { user_id: UserId::new("00E1B7C6D8F90A12"), alive })
    };
    let mut bytes = BytesMut::new();
    encode::<Client>(&Frame::new(7, request(true)), MAX_FRAME, &mut bytes).unwrap();
    let at = bytes.len() - 4;
    for (number, alive) in [(0, Some(false)), (1, Some(true)), (2, None), (-1, None)] {
        bytes[at..].copy_from_slice(&i32::to_be_bytes(number));
        match (decode::<Server>(&bytes, MAX_FRAME).unwrap(), alive) {
            (Decoded::Frame(frame), Some(alive)) => assert_eq!(frame.body, request(alive)),
            (Decoded::Malformed(malformed), None) => {
                assert_eq!(malformed.what, Flaw::OutOfRange(Attribute::Alive));
            }
            (other, _) => panic!("{other:?}"),
        }
    }
}
