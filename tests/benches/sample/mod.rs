//! What both benchmarks of the codecs measure with.

use bytes::BytesMut;
use confer_basic::{Client, Server};
use confer_core::frame::basic::{Event, EventSessionInfo, Request, RequestMessage};
use confer_core::frame::{
    ChatTranscript, EventBody, Frame, Message, Open, SessionStatus, TranscriptEvent, Visibility,
};
use confer_core::id::{EventId, SessionId};
use confer_core::text::Text;
use confer_core::time::Stamp;
use confer_wire::{Decoded, MAX_FRAME, decode, encode};

/// 60 characters.
const WORDS: &str = "I have two lines here, could you look at the second bill, ok";

/// What an agent's client sends when the agent has typed a line.
pub(crate) fn message() -> Frame<Request> {
    let message = RequestMessage {
        session_id: "00012AEQFW6V0029".into(),
        message_text: Text::new(WORDS),
        message_type: None,
        treat_as: None,
        visibility: Some(Visibility::All),
        receiver_id: None,
        user_data: None,
        event_attributes: None,
        request_key: None,
    };
    Frame::new(7, Request::RequestMessage(message))
}

/// Writes a frame as its client does, and reads it as its server does.
///
/// # Panics
///
/// If what was read is not a message.
pub(crate) fn exchange(frame: &Frame<Request>, out: &mut BytesMut) -> Frame<Request> {
    out.clear();
    encode::<Client>(frame, MAX_FRAME, out).expect("the sample can be written");
    let Ok(Decoded::Frame(read)) = decode::<Server>(out, MAX_FRAME) else {
        panic!("the sample can be read");
    };
    read
}

/// A session of 100,000 messages of 60 characters, as its store has them (B5.7).
#[allow(dead_code, reason = "instructions are not counted of it")]
pub(crate) fn stored() -> (SessionId, Stamp, Vec<TranscriptEvent>) {
    let events = (1..=100_000).map(event).collect();
    ("00012AEQFW6V0029".into(), Stamp::from_unix_seconds(1_705_312_800), events)
}

fn event(number: u32) -> TranscriptEvent {
    TranscriptEvent {
        event_id: EventId::new(number).expect("a small number"),
        user_id: if number.is_multiple_of(2) { "007D5D7FE31F001B" } else { "007D5D7FE31F001C" }
            .into(),
        time_shift: number * 7,
        visibility: Open::Known(Visibility::All),
        party: None,
        participant_no: None,
        event_attributes: None,
        body: EventBody::Message(Message {
            message_text: Text::new(WORDS),
            message_type: None,
            treat_as: None,
            receiver_id: None,
            user_data: None,
        }),
    }
}

/// What somebody gets who joins late: messages of 60 characters, 64 KiB of them on the wire.
pub(crate) fn transcript() -> Frame<Event> {
    const EVENTS: u32 = 360;
    let info = EventSessionInfo {
        session_id: "00012AEQFW6V0029".into(),
        session_status: Open::Known(SessionStatus::Alive),
        chat_transcript: ChatTranscript {
            start_at: Stamp::from_unix_seconds(1_705_312_800),
            session_id: "00012AEQFW6V0029".into(),
            events: (1..=EVENTS).map(event).collect(),
            idle_time_expire: None,
            monitored: None,
        },
        user_id: None,
        more_events: false,
    };
    Frame::new(8, Event::EventSessionInfo(info))
}
