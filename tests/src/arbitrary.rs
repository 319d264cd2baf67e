//! Arbitrary messages: every message of every protocol, with whatever the wire profile allows in it.
//!
//! What is made depends on a [`Source`] and nothing else. A [`Gen`] is one, for properties held
//! against many seeds; so are the [`Bytes`] of a fuzzer, each of which decides one thing.

mod input;

pub use input::{INPUTS, config, input, wall};

use std::time::Duration;

use confer_core::frame::{
    AfterAction, ChatTranscript, Control, EventBody, EventKind, KvEntry, KvList, KvValue, Message,
    NewParty, Notice, NoticeType, Open, Party, PartyLeft, ProtocolType, PushMode, RequestResult,
    SessionStatus, TranscriptEvent, TreatAs, UserType, Visibility,
};
use confer_core::frame::{basic, esp, flex};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::pii::{Pii, Secret};
use confer_core::text::{Str, Text};
use confer_core::time::Stamp;
use confer_transcript::Transcript;
use confer_wire::map::Enumeration;
use quickcheck::{Arbitrary as _, Gen};

use crate::world::Chance;

/// Levels of key-value lists there may be in a list that stands in a message (wire §2).
const LEVELS: usize = 16;
/// The same in an event, which lies in a structure and a list; and in the parameters of an ESP
/// call, which lie in two lists.
const LEVELS_INSIDE: usize = LEVELS - 2;

/// Where decisions come from.
pub trait Source {
    /// The next byte.
    fn byte(&mut self) -> u8;
}

impl Source for Gen {
    fn byte(&mut self) -> u8 {
        u8::arbitrary(self)
    }
}

impl Source for Chance {
    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or_default()
    }
}

/// Decisions made by a fuzzer. When they run out, every further one is 0, which makes nothing more.
#[derive(Debug)]
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// Decisions that count, so that no transcript outgrows one part (wire §4.1).
    const MAX: usize = 1024;

    /// The decisions of `data`.
    pub fn new(data: &'a [u8]) -> Self {
        Self(&data[..data.len().min(Self::MAX)])
    }
}

impl Source for Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }
}

/// A reference as a request has it: never 0.
pub fn reference(source: &mut impl Source) -> u32 {
    u32::from_be_bytes(bytes(source)).max(1)
}

/// A message about the connection.
pub fn control(source: &mut impl Source) -> Control {
    match below(source, 4) {
        0 => Control::AddpPoll,
        1 => Control::AddpReply,
        2 => Control::Authenticate { access_token: secret(source) },
        _ => {
            let millis = u64::from_be_bytes(bytes(source)).min(i64::MAX.unsigned_abs());
            Control::AddpSetup { remote_timeout: Duration::from_millis(millis) }
        }
    }
}

/// What a client of the basic protocol asks.
pub fn basic_request(source: &mut impl Source) -> basic::Request {
    let s = source;
    match below(s, 6) {
        0 => basic::Request::RequestUnregister,
        1 => basic::Request::RequestRegister(basic::RequestRegister {
            user_nickname: nickname(s),
            user_type: one_of(s, UserType::ALL),
            person_id: maybe(s, nickname),
            time_zone_offset: maybe(s, number),
            client_version: maybe(s, number),
            user_data: maybe(s, list),
            max_frame: maybe(s, |s| count(s).max(basic::RequestRegister::MIN_MAX_FRAME)),
        }),
        2 => basic::Request::RequestJoin(basic::RequestJoin {
            session_id: maybe(s, session_id),
            visibility: maybe(s, |s| one_of(s, Visibility::ALL)),
            queue_key: maybe(s, str),
            subject: maybe(s, text),
            message_text: maybe(s, text),
            user_data: maybe(s, list),
            last_position: maybe(s, event_id),
            request_key: maybe(s, request_key),
        }),
        3 => basic::Request::RequestMessage(basic::RequestMessage {
            session_id: session_id(s),
            message_text: long_text(s),
            message_type: maybe(s, str),
            treat_as: maybe(s, |s| one_of(s, TreatAs::ALL)),
            visibility: maybe(s, |s| one_of(s, Visibility::ALL)),
            receiver_id: maybe(s, user_id),
            user_data: maybe(s, list),
            event_attributes: maybe(s, list),
            request_key: maybe(s, request_key),
        }),
        4 => basic::Request::RequestNotify(basic::RequestNotify {
            session_id: session_id(s),
            notice_type: one_of(s, NoticeType::ALL),
            notice_text: maybe(s, long_text),
            visibility: maybe(s, |s| one_of(s, Visibility::ALL)),
            receiver_id: maybe(s, user_id),
            user_data: maybe(s, list),
            event_attributes: maybe(s, list),
            request_key: maybe(s, request_key),
        }),
        _ => basic::Request::RequestReleaseParty(basic::RequestReleaseParty {
            session_id: session_id(s),
            user_id: maybe(s, user_id),
            after_action: maybe(s, |s| one_of(s, AfterAction::ALL)),
            message_text: maybe(s, text),
            user_data: maybe(s, list),
        }),
    }
}

/// What a server of the basic protocol tells.
pub fn basic_event(source: &mut impl Source) -> basic::Event {
    let s = source;
    match below(s, 6) {
        0 => basic::Event::EventUnregistered,
        1 => basic::Event::EventRegistered(basic::EventRegistered {
            user_id: user_id(s),
            client_version: number(s),
        }),
        2 => basic::Event::EventError(basic::EventError {
            error_id: number(s),
            error_text: str(s),
            session_id: maybe(s, session_id),
        }),
        _ => basic::Event::EventSessionInfo(basic::EventSessionInfo {
            session_id: session_id(s),
            session_status: open(s, SessionStatus::ALL),
            chat_transcript: transcript(s),
            user_id: maybe(s, user_id),
            more_events: flag(s),
        }),
    }
}

/// What a client of the flex protocol asks.
pub fn flex_request(source: &mut impl Source) -> flex::Request {
    let s = source;
    match below(s, 8) {
        0 => {
            flex::Request::RequestAlive(flex::RequestAlive { user_id: user_id(s), alive: flag(s) })
        }
        1 => {
            flex::Request::RequestNode(flex::RequestNode { node_group: str(s), node_name: str(s) })
        }
        2 => flex::Request::RequestLogin(flex::RequestLogin {
            user_nickname: nickname(s),
            time_zone_offset: maybe(s, number),
            person_id: maybe(s, nickname),
            client_version: maybe(s, number),
            user_data: maybe(s, list),
        }),
        3 => flex::Request::RequestJoin(flex::RequestJoin {
            user_id: user_id(s),
            secure_key: secret(s),
            session_id: maybe(s, session_id),
            queue_key: maybe(s, str),
            subject: maybe(s, text),
            message_text: maybe(s, text),
            user_data: maybe(s, list),
            request_key: maybe(s, request_key),
        }),
        4 => flex::Request::RequestRefresh(flex::RequestRefresh {
            user_id: user_id(s),
            secure_key: secret(s),
            session_id: maybe(s, session_id),
            last_position: maybe(s, event_id),
            message_text: maybe(s, long_text),
            message_type: maybe(s, str),
            user_data: maybe(s, list),
            event_attributes: maybe(s, list),
            request_key: maybe(s, request_key),
        }),
        5 => flex::Request::RequestLogout(flex::RequestLogout {
            user_id: user_id(s),
            secure_key: secret(s),
            session_id: maybe(s, session_id),
            last_position: maybe(s, event_id),
        }),
        6 => flex::Request::RequestNotify(flex::RequestNotify {
            user_id: user_id(s),
            secure_key: secret(s),
            session_id: maybe(s, session_id),
            notice_type: one_of(s, NoticeType::ALL),
            notice_text: maybe(s, text),
            user_data: maybe(s, list),
            event_attributes: maybe(s, list),
            last_position: maybe(s, event_id),
            request_key: maybe(s, request_key),
        }),
        _ => flex::Request::RequestPush(flex::RequestPush {
            user_id: user_id(s),
            secure_key: secret(s),
            session_id: maybe(s, session_id),
            push_mode: one_of(s, PushMode::ALL),
        }),
    }
}

/// What a server of the flex protocol tells.
pub fn flex_event(source: &mut impl Source) -> flex::Event {
    let s = source;
    match below(s, 4) {
        0 => flex::Event::EventPushQuery(flex::EventPushQuery {
            user_id: user_id(s),
            session_id: session_id(s),
        }),
        1 => flex::Event::EventPush(flex::EventPush {
            user_id: user_id(s),
            session_id: session_id(s),
            session_status: maybe(s, |s| open(s, SessionStatus::ALL)),
            chat_transcript: maybe(s, transcript),
            notify_attempt: maybe(s, count),
            notify_position: maybe(s, |s| match maybe(s, event_id) {
                Some(event) => flex::NotifyPosition::From(event),
                None => flex::NotifyPosition::Removed,
            }),
            user_data: maybe(s, list),
        }),
        _ => flex::Event::EventStatus(flex::EventStatus {
            request_result: open(s, RequestResult::ALL),
            user_id: maybe(s, user_id),
            secure_key: maybe(s, secret),
            session_id: maybe(s, session_id),
            session_status: maybe(s, |s| open(s, SessionStatus::ALL)),
            last_position: maybe(s, event_id),
            more_events: flag(s),
            chat_transcript: maybe(s, transcript),
            error_id: maybe(s, number),
            error_text: maybe(s, str),
            app_dbid: maybe(s, number),
        }),
    }
}

/// What a workflow asks.
pub fn esp_request(source: &mut impl Source) -> esp::Request {
    esp::Request::Request3rdServer(esp::Request3rdServer {
        envelope: envelope(source),
        user_data: maybe(source, list),
    })
}

/// What a workflow is told.
pub fn esp_event(source: &mut impl Source) -> esp::Event {
    if flag(source) {
        esp::Event::Event3rdServerFault(envelope(source))
    } else {
        esp::Event::Event3rdServerResponse(envelope(source))
    }
}

fn envelope(s: &mut impl Source) -> esp::Envelope {
    esp::Envelope {
        app_name: maybe(s, str),
        app_type: maybe(s, str),
        service: str(s),
        method: str(s),
        version: str(s),
        parameters: list_of(s, LEVELS_INSIDE),
    }
}

fn transcript(s: &mut impl Source) -> ChatTranscript {
    let events = match below(s, 4) {
        0 => 0,
        1 => 1,
        _ => usize::from(s.byte() % 24),
    };
    ChatTranscript {
        start_at: Stamp::from_unix_seconds(i64::from_be_bytes(bytes(s)) >> below(s, 64)),
        session_id: session_id(s),
        events: (0..events).map(|_| event(s)).collect(),
        idle_time_expire: maybe(s, count),
        monitored: maybe(s, flag),
    }
}

/// A session with events as a store may be given them: in rising order, named where somebody comes
/// and nowhere else (B5.5), and otherwise whatever a frame may hold.
pub fn stored(s: &mut impl Source) -> Transcript {
    let ChatTranscript { start_at, session_id, events, .. } = transcript(s);
    let mut events = Vec::from(events);
    let mut last = 0;
    for event in &mut events {
        last += 1 + u32::from(s.byte() % 4);
        event.event_id = EventId::new(last).unwrap_or(EventId::MAX);
        event.participant_no = None;
        if !matches!(event.body, EventBody::NewParty(_)) {
            event.party = None;
        }
    }
    Transcript { session_id, start_at, events }
}

fn event(s: &mut impl Source) -> TranscriptEvent {
    let body = match below(s, 5) {
        0 => EventBody::Unknown(match open(s, EventKind::ALL) {
            Open::Unknown(kind) => kind,
            Open::Known(_) => 0,
        }),
        1 => EventBody::NewParty(Box::new(NewParty {
            protocol_type: open(s, ProtocolType::ALL),
            person_id: maybe(s, nickname),
            time_zone_offset: maybe(s, number),
            client_version: maybe(s, number),
            user_data: maybe(s, list_inside),
            message_text: maybe(s, text),
        })),
        2 => EventBody::Message(Message {
            message_text: text(s),
            message_type: maybe(s, str),
            treat_as: maybe(s, |s| open(s, TreatAs::ALL)),
            receiver_id: maybe(s, user_id),
            user_data: maybe(s, list_inside),
        }),
        3 => EventBody::Notice(Notice {
            notice_type: open(s, NoticeType::ALL),
            notice_text: maybe(s, text),
            receiver_id: maybe(s, user_id),
            user_data: maybe(s, list_inside),
        }),
        _ => EventBody::PartyLeft(PartyLeft {
            asker_id: user_id(s),
            reason_code: maybe(s, number),
            reason_text: maybe(s, text),
            message_text: maybe(s, text),
        }),
    };
    let is_named = matches!(body, EventBody::NewParty(_)) || flag(s);
    TranscriptEvent {
        event_id: event_id(s),
        user_id: user_id(s),
        time_shift: count(s),
        visibility: open(s, Visibility::ALL),
        party: is_named
            .then(|| Party { user_nickname: nickname(s), user_type: open(s, UserType::ALL) }),
        participant_no: maybe(s, count),
        event_attributes: maybe(s, list_inside),
        body,
    }
}

/// A list in a message: now and then as full, or as deep, as a list may be.
fn list(s: &mut impl Source) -> KvList {
    match s.byte() {
        255 => (0..1024).map(|_| KvEntry { key: "k".into(), value: 7.into() }).collect(),
        254 => deep(LEVELS),
        _ => list_of(s, LEVELS),
    }
}

fn list_inside(s: &mut impl Source) -> KvList {
    if s.byte() == 255 { deep(LEVELS_INSIDE) } else { list_of(s, LEVELS_INSIDE) }
}

/// A list in a list in a list, so many levels in all.
fn deep(levels: usize) -> KvList {
    (1..levels).fold(KvList::new(), |inside, _| KvList::from([("deeper", inside.into())]))
}

fn list_of(s: &mut impl Source, levels: usize) -> KvList {
    let entries = below(s, 5);
    (0..entries).map(|_| KvEntry { key: key(s), value: value(s, levels - 1) }).collect()
}

fn key(s: &mut impl Source) -> Str {
    match s.byte() {
        // Few enough that they repeat.
        byte @ 0..192 => one_of_bytes(byte, &["a", "InteractionId", "Ключ"]).into(),
        192..224 => "k".repeat(255).as_str().into(),
        _ => str_of(s, 1, 255),
    }
}

/// A value that lies above this many levels of further lists.
fn value(s: &mut impl Source, levels: usize) -> KvValue {
    match below(s, 5) {
        0 => i64::from_be_bytes(bytes(s)).into(),
        1 => (&*str(s)).into(),
        2 => {
            let len = usize::from(s.byte() % 64);
            let bytes: Vec<u8> = (0..len).map(|_| s.byte()).collect();
            bytes.as_slice().into()
        }
        3 if levels > 0 => list_of(s, levels).into(),
        _ => number(s).into(),
    }
}

fn nickname(s: &mut impl Source) -> Pii<Str> {
    str(s).into()
}

fn secret(s: &mut impl Source) -> Secret {
    Secret::new(&str(s))
}

fn session_id(s: &mut impl Source) -> SessionId {
    str(s).into()
}

fn user_id(s: &mut impl Source) -> UserId {
    str(s).into()
}

fn request_key(s: &mut impl Source) -> Str {
    str_of(s, 1, 64)
}

fn str(s: &mut impl Source) -> Str {
    str_of(s, 0, 2048)
}

/// A string of this many bytes at least and at most.
fn str_of(s: &mut impl Source, least: usize, most: usize) -> Str {
    let mut string = string(s, 255);
    while string.len() > most {
        string.pop();
    }
    if string.len() < least { "x".into() } else { string.as_str().into() }
}

fn text(s: &mut impl Source) -> Text {
    string(s, 255).into()
}

/// Longer than the limits on texts allow; what the limits are is nothing a codec knows.
fn long_text(s: &mut impl Source) -> Text {
    string(s, 20_000).into()
}

/// Characters of all lengths in UTF-8 and UTF-16, among them those XML cannot carry; never U+0000.
fn string(s: &mut impl Source, most: usize) -> String {
    const CHARACTERS: &[char] = &[
        'a',
        'Z',
        '0',
        ' ',
        '\t',
        '\r',
        '\n',
        '\u{1}',
        '\u{7f}',
        'é',
        'ß',
        'Ж',
        '\u{7ff}',
        '\u{800}',
        '信',
        '\u{d7ff}',
        '\u{e000}',
        '\u{feff}',
        '\u{fffe}',
        '\u{ffff}',
        '\u{10000}',
        '👋',
        '🏽',
        '\u{10ffff}',
    ];
    match s.byte() {
        length @ 0..240 => (0..length % 20).map(|_| one_of(s, CHARACTERS)).collect(),
        240..248 => "👩‍👩‍👧🏽 ".repeat(usize::from(s.byte() % 32)),
        248.. => {
            let characters = most * usize::from(s.byte()) / 255;
            one_of(s, CHARACTERS).to_string().repeat(characters)
        }
    }
}

fn event_id(s: &mut impl Source) -> EventId {
    EventId::new(count(s)).unwrap_or(EventId::MAX)
}

/// A time, size or count: never negative.
fn count(s: &mut impl Source) -> u32 {
    number(s).max(0).unsigned_abs()
}

fn number(s: &mut impl Source) -> i32 {
    match below(s, 8) {
        0 => 0,
        1 => i32::MAX,
        2 => i32::MIN,
        3 => -1,
        4 | 5 => s.byte().into(),
        _ => i32::from_be_bytes(bytes(s)),
    }
}

fn flag(s: &mut impl Source) -> bool {
    s.byte() & 1 == 1
}

fn maybe<S: Source, T>(s: &mut S, make: impl FnOnce(&mut S) -> T) -> Option<T> {
    flag(s).then(|| make(s))
}

/// A value of the enumeration, now and then one this build does not know.
fn open<T: Enumeration>(s: &mut impl Source, all: &[T]) -> Open<T> {
    if below(s, 8) != 7 {
        return Open::Known(one_of(s, all));
    }
    let number = number(s);
    T::NUMBERS.value(number).map_or(Open::Unknown(number), Open::Known)
}

fn one_of<T: Copy>(s: &mut impl Source, all: &[T]) -> T {
    one_of_bytes(s.byte(), all)
}

fn one_of_bytes<T: Copy>(byte: u8, all: &[T]) -> T {
    all[usize::from(byte) % all.len()]
}

fn below(s: &mut impl Source, bound: u8) -> u8 {
    s.byte() % bound
}

fn bytes<const N: usize>(s: &mut impl Source) -> [u8; N] {
    core::array::from_fn(|_| s.byte())
}
