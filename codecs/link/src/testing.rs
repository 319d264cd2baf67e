//! What the tests of this crate have in common.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use bytes::BytesMut;
use confer_core::frame::{
    ChatTranscript, Control, EventBody, Frame, Message, Protocol, SessionStatus, TranscriptEvent,
    Visibility, basic,
};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::text::{Str, Text};
use confer_core::time::{Instant, Stamp};
use confer_wire::{Codec, Decoded, MAX_FRAME, decode, encode, encode_control};

use crate::link::{Link, Received};

/// The start of the virtual clock.
pub(crate) const START: Instant = Instant::ZERO;

/// A message with these words.
pub(crate) fn event(number: u32, words: &str) -> TranscriptEvent {
    TranscriptEvent {
        event_id: EventId::new(number).expect("tests count no further than an id can"),
        user_id: UserId::new("00E1B7C6D8F90A12"),
        time_shift: number,
        visibility: Visibility::All.into(),
        party: None,
        participant_no: None,
        event_attributes: None,
        body: EventBody::Message(Message {
            message_text: Text::new(words),
            message_type: None,
            treat_as: None,
            receiver_id: None,
            user_data: None,
        }),
    }
}

/// These events of one session.
pub(crate) fn news(events: Vec<TranscriptEvent>) -> basic::Event {
    let session_id = SessionId::new("000AB3CD5EF6GH7J");
    basic::Event::EventSessionInfo(basic::EventSessionInfo {
        session_id: session_id.clone(),
        session_status: SessionStatus::Alive.into(),
        chat_transcript: ChatTranscript {
            start_at: Stamp::from_unix_seconds(1_800_000_000),
            session_id,
            events: events.into(),
            idle_time_expire: Some(60),
            monitored: Some(true),
        },
        user_id: None,
        more_events: false,
    })
}

/// The messages with these numbers, each saying `words`.
pub(crate) fn talk(numbers: RangeInclusive<u32>, words: &str) -> basic::Event {
    news(numbers.map(|number| event(number, words)).collect())
}

/// An event whose frame has this size, in bytes.
pub(crate) fn sized(size: usize) -> basic::Event {
    let event = |length| {
        basic::Event::EventError(basic::EventError {
            error_id: 8304,
            error_text: Str::new(&"x".repeat(length)),
            session_id: None,
        })
    };
    let least = encoded::<confer_basic::Server>(&Frame::unsolicited(event(0))).len();
    event(size - least)
}

/// The frame's bytes.
pub(crate) fn encoded<C: Codec>(frame: &Frame<C::Out>) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    encode::<C>(frame, MAX_FRAME, &mut bytes).expect("a sound frame");
    bytes.to_vec()
}

/// The bytes of a message about the connection.
pub(crate) fn control(protocol: Protocol, reference: u32, control: Control) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    encode_control(protocol, &Frame::new(reference, control), &mut bytes).expect("a sound frame");
    bytes.to_vec()
}

/// The frames these bytes are, one after the other, whole.
pub(crate) fn frames(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while let Some((length, _)) = bytes.split_first_chunk::<4>() {
        let (frame, rest) = bytes.split_at(u32::from_be_bytes(*length) as usize + 4);
        frames.push(frame);
        bytes = rest;
    }
    assert!(bytes.is_empty(), "no frame is cut");
    frames
}

/// What a peer that decodes with `C` understands of these bytes.
pub(crate) fn decoded<C: Codec>(bytes: &[u8]) -> Vec<Decoded<C::In>> {
    let decoded = |frame: &&[u8]| decode::<C>(frame, MAX_FRAME).expect("a sound frame");
    frames(bytes).iter().map(decoded).collect()
}

/// The session infos among the frames of a server, with their references, and nothing else.
pub(crate) fn infos(bytes: &[u8]) -> Vec<Frame<basic::EventSessionInfo>> {
    let info = |decoded| match decoded {
        Decoded::Frame(Frame { reference, body: basic::Event::EventSessionInfo(info) }) => {
            Frame::new(reference, info)
        }
        Decoded::Frame(_) | Decoded::Control(_) | Decoded::Malformed(_) => {
            panic!("not a session info: {decoded:?}")
        }
    };
    decoded::<confer_basic::Client>(bytes).into_iter().map(info).collect()
}

/// The numbers of the events in these, in order.
pub(crate) fn numbers(infos: &[Frame<basic::EventSessionInfo>]) -> Vec<u32> {
    let events = infos.iter().flat_map(|info| info.body.chat_transcript.events.iter());
    events.map(|event| event.event_id.number()).collect()
}

/// All the link has to write.
pub(crate) fn take<C: Codec>(link: &mut Link<C>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !link.output().is_empty() {
        let count = link.output().len();
        bytes.extend_from_slice(link.output());
        link.sent(count);
    }
    bytes
}

/// Everything the machine gets out of these bytes.
pub(crate) fn feed<C: Codec>(
    link: &mut Link<C>,
    mut bytes: &[u8],
    now: Instant,
) -> Vec<Received<C::In>> {
    let received = core::iter::from_fn(|| link.receive(&mut bytes, now)).collect();
    assert!(bytes.is_empty(), "all input is taken");
    received
}
