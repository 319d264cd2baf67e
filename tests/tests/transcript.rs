//! The stored form of a transcript (B5.5): whatever a store can be given comes back from it.

use confer_core::frame::{EventBody, KvEntry, KvList, KvValue, TranscriptEvent};
use confer_core::id::{SessionId, UserId};
use confer_core::pii::Pii;
use confer_core::text::{Str, Text};
use confer_tests::{arbitrary, cases, fuzz, seeds};
use confer_transcript::{Transcript, read, write};
use quickcheck::{Arbitrary as _, Gen};

fn generator(seed: u64) -> Gen {
    Gen::from_size_and_seed(32, seed)
}

fn below(g: &mut Gen, bound: usize) -> usize {
    usize::arbitrary(g) % bound
}

fn written(transcript: &Transcript) -> String {
    write(&transcript.session_id, transcript.start_at, &transcript.events).expect("can be written")
}

#[test]
fn what_is_stored_comes_back() {
    seeds::each("what_is_stored_comes_back", cases(4000, 1_000_000), |seed| {
        let transcript = arbitrary::stored(&mut generator(seed));
        let document = written(&transcript);
        let again = read(&document).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(again, carried(transcript));
        assert_eq!(written(&again), document);
    });
}

/// One character of a document is any other, or the document ends there: it is refused, or read as
/// another transcript, which then comes back.
#[test]
fn a_document_with_a_wrong_character_does_no_harm() {
    seeds::each("a_document_with_a_wrong_character_does_no_harm", cases(100, 20_000), |seed| {
        let g = &mut generator(seed);
        let document = written(&arbitrary::stored(g)).into_bytes();
        for _ in 0..50 {
            let mut document = document.clone();
            let place = below(g, document.len());
            document[place] = match below(g, 3) {
                0 => u8::arbitrary(g),
                1 => b"<>&;\"'/=! ?-#x["[below(g, 15)],
                _ => document[below(g, document.len())],
            };
            fuzz::read_transcript(&document);
            document.truncate(place);
            fuzz::read_transcript(&document);
        }
    });
}

/// The transcript without the characters that XML 1.0 does not have (wire §2).
fn carried(transcript: Transcript) -> Transcript {
    let Transcript { session_id, start_at, events } = transcript;
    let session_id = SessionId::new(&replaced(session_id.as_str()));
    Transcript { session_id, start_at, events: events.into_iter().map(event).collect() }
}

fn event(mut event: TranscriptEvent) -> TranscriptEvent {
    event.user_id = user_id(&event.user_id);
    if let Some(party) = &mut event.party {
        party.user_nickname = name(&party.user_nickname);
    }
    event.event_attributes = event.event_attributes.as_ref().map(list);
    match &mut event.body {
        EventBody::NewParty(body) => {
            body.person_id = body.person_id.as_ref().map(name);
            body.user_data = body.user_data.as_ref().map(list);
            body.message_text = body.message_text.as_ref().map(text);
        }
        EventBody::Message(body) => {
            body.message_text = text(&body.message_text);
            body.message_type = body.message_type.as_ref().map(|kind| string(kind));
            body.receiver_id = body.receiver_id.as_ref().map(user_id);
            body.user_data = body.user_data.as_ref().map(list);
        }
        EventBody::Notice(body) => {
            body.notice_text = body.notice_text.as_ref().map(text);
            body.receiver_id = body.receiver_id.as_ref().map(user_id);
            body.user_data = body.user_data.as_ref().map(list);
        }
        EventBody::PartyLeft(body) => {
            body.asker_id = user_id(&body.asker_id);
            body.reason_text = body.reason_text.as_ref().map(text);
            body.message_text = body.message_text.as_ref().map(text);
        }
        EventBody::Unknown(_) => {}
    }
    event
}

fn replaced(text: &str) -> String {
    let is_missing = |c: char| {
        (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    text.replace(is_missing, "\u{fffd}")
}

fn string(text: &str) -> Str {
    Str::new(&replaced(text))
}

fn text(text: &Text) -> Text {
    replaced(text.reveal()).into()
}

fn name(name: &Pii<Str>) -> Pii<Str> {
    string(name.reveal()).into()
}

fn user_id(id: &UserId) -> UserId {
    UserId::new(&replaced(id.as_str()))
}

fn list(list: &KvList) -> KvList {
    let entry = |KvEntry { key, value }: &KvEntry| {
        let mut key = replaced(key);
        while key.len() > 255 {
            key.pop();
        }
        let value = match value {
            KvValue::Str(text) => KvValue::Str(name(text)),
            KvValue::List(inside) => KvValue::List(self::list(inside)),
            KvValue::Int(_) | KvValue::Long(_) | KvValue::Bin(_) => value.clone(),
        };
        KvEntry { key: Str::new(&key), value }
    };
    list.into_iter().map(entry).collect()
}
