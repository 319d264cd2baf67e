//! The bodies of the fuzz targets in `fuzz/`: each takes any bytes, and panics if a rule is broken.
//!
//! They are ordinary code, so that tests hold them against the committed corpus every time.

use std::fmt::Debug;
use std::sync::Arc;

use bytes::BytesMut;
use confer_chat_api::{Api, Head, Kind, Opened, Piece, Problem, What};
use confer_core::config::Config;
use confer_core::frame::{Frame, Protocol};
use confer_core::gateway::{Action, ApiRequest, CallId, Gateway, GatewaySettings, Input, ServerNo};
use confer_core::machine::Machine as _;
use confer_core::time::{Instant, Wall};
use confer_journal::{Reader, Record, Recorder, Start};
use confer_transcript::Transcript;
use confer_wire::{
    Codec, DecodeError, Decoded, MAX_FRAME, PART_SIZE, RawFrame, Reason, Splitter, decode, encode,
    encode_control,
};

use crate::arbitrary::{self, Bytes, Source};
use crate::model::{self, Script};

/// Reads `data` as a frame of the basic protocol, in both roles.
///
/// # Panics
///
/// If what was read is not the same after writing and reading it again.
pub fn decode_basic(data: &[u8]) {
    canonical::<confer_basic::Server, confer_basic::Client>(data);
    canonical::<confer_basic::Client, confer_basic::Server>(data);
}

/// Reads `data` as a frame of the flex protocol, in both roles.
///
/// # Panics
///
/// If what was read is not the same after writing and reading it again.
pub fn decode_flex(data: &[u8]) {
    canonical::<confer_flex::Server, confer_flex::Client>(data);
    canonical::<confer_flex::Client, confer_flex::Server>(data);
}

/// Reads `data` as a frame of ESP, in both roles.
///
/// # Panics
///
/// If what was read is not the same after writing and reading it again.
pub fn decode_esp(data: &[u8]) {
    canonical::<confer_esp::Server, confer_esp::Client>(data);
    canonical::<confer_esp::Client, confer_esp::Server>(data);
}

/// Lets `data` decide what is in one message, writes it and reads it.
///
/// # Panics
///
/// If it cannot be written, or comes back as another.
pub fn roundtrip(data: &[u8]) {
    arbitrary_message(&mut Bytes::new(data));
}

/// Takes a stream apart, whole and in pieces: the first byte says what the splitter expects and how
/// many bytes follow that say how long the pieces are, one after the other and again from the first.
///
/// # Panics
///
/// If the frames, or the error that ends them, depend on the pieces.
pub fn split(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    let Some((sizes, stream)) = rest.split_at_checked(usize::from(choice >> 3 & 7)) else { return };
    let expected = Protocol::ALL.get(usize::from(choice & 3)).copied();
    let limit = if choice & 4 == 0 { MAX_FRAME } else { 64 };
    let whole = frames(stream, &[], expected, limit);
    assert_eq!(frames(stream, sizes, expected, limit), whole);
}

/// Reads `data` as a journal: the first byte says how long the pieces are it comes in, the next
/// whether the rest is the bytes of a journal, or of one record, behind a sound beginning and with a
/// sound frame round it.
///
/// # Panics
///
/// If a record is not the same after writing and reading it again.
pub fn decode_journal(data: &[u8]) {
    let Some((&[piece, framed], rest)) = data.split_first_chunk() else { return };
    let bytes = if framed % 2 == 1 { framed_record(rest) } else { rest.to_vec() };
    let mut reader = Reader::new();
    let mut position = 0;
    for piece in bytes.chunks(usize::from(piece).max(1)) {
        reader.push(piece);
        loop {
            match reader.poll() {
                Ok(Some(record)) => {
                    assert!(reader.position() > position, "a record takes bytes");
                    position = reader.position();
                    let written = serde_json::to_value(&record).expect("a record can be written");
                    let read: Record = serde_json::from_value(written).expect("and read");
                    assert!(record == read, "a record is another after writing and reading");
                }
                Ok(None) => break,
                Err(damage) => {
                    assert!(!damage.to_string().is_empty());
                    assert_eq!(reader.poll(), Err(damage), "damage stays");
                    return;
                }
            }
        }
    }
    assert!(reader.position() <= bytes.len() as u64, "no more than there is");
}

/// A journal's beginning, and one record behind it whose checksum is right.
fn framed_record(record: &[u8]) -> Vec<u8> {
    let start = Start::new("a fuzzer", Arc::default(), [0; 32], Wall::new(Instant::ZERO, 0));
    let mut bytes = Recorder::new((), &start).output().to_vec();
    let before: [u8; 4] = *bytes.last_chunk().expect("it ends with a checksum");
    let length = u32::try_from(record.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut crc = crc32fast::Hasher::new();
    [&before[..], &length, record].into_iter().for_each(|part| crc.update(part));
    bytes.extend(length);
    bytes.extend(record);
    bytes.extend(crc.finalize().to_le_bytes());
    bytes
}

/// Lets `data` decide what people do, to the server machine and to the model of it.
///
/// # Panics
///
/// If the two differ, or another server does something else.
pub fn server_script(data: &[u8]) {
    let script = Script::new(data);
    match model::run(&script) {
        Ok(journal) => assert!(journal.replays(), "the same script gives other actions"),
        Err(difference) => panic!("{script}{difference}"),
    }
}

/// Reads `data` as a stored transcript (B5.5). What can be read stays the same when it is written and
/// read again, and is written the same a second time.
///
/// # Panics
///
/// If it does not, or if an error names a place outside of `data`.
pub fn read_transcript(data: &[u8]) {
    let document = String::from_utf8_lossy(data);
    let write = |it: &Transcript| confer_transcript::write(&it.session_id, it.start_at, &it.events);
    match confer_transcript::read(&document) {
        Ok(transcript) => {
            let written = write(&transcript).expect("what was read can be written");
            let again = confer_transcript::read(&written).expect("what is written can be read");
            assert_eq!(again, transcript);
            assert_eq!(write(&again), Ok(written));
        }
        Err(error) => {
            // Lines end with LF, and one character may follow the last one.
            let line = document.split('\n').nth(error.line - 1).expect("a line of the document");
            assert!((1..=line.chars().count() + 1).contains(&error.column), "{error}");
        }
    }
}

/// Reads a request over HTTP, its body whole and in pieces: the first byte says which operation and
/// what type of body, the next how long the pieces are. A request that can be read is put to a
/// gateway.
///
/// # Panics
///
/// If the pieces make a difference, or what comes out could not be sent to a server.
pub fn chat_api(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    let Some((&size, body)) = rest.split_first() else { return };
    let what = What::ALL[usize::from(choice & 15) % What::ALL.len()];
    let path = what.path().replace("{chatId}", "C1").replace("{fileId}", "F1");
    let kind = match choice >> 4 & 3 {
        0 => "multipart/form-data; boundary=x",
        1 => "",
        2 => "application/x-www-form-urlencoded",
        // The body's own beginning.
        _ => core::str::from_utf8(&body[..body.len().min(64)]).unwrap_or_default(),
    };
    let head = Head {
        method: "POST",
        target: &format!("/genesys/2/chat/customer-support{path}"),
        content_type: Some(kind),
        content_length: Some(body.len() as u64),
        api_key: None,
    };
    let api = Api::new(&Config::default().web);
    let whole = read_body(&api, &head, body, body.len().max(1));
    let pieces = read_body(&api, &head, body, usize::from(size).max(1));
    assert_eq!(whole, pieces, "pieces of {size}");
    let Some((Ok(Some(request)), _)) = whole else { return };
    let settings = GatewaySettings::new("web", "web-1", 1);
    let now = Instant::ZERO;
    let mut gateway = Gateway::new(settings, Config::default().into(), [0; 32], now);
    let server = ServerNo(0);
    gateway.handle(Input::Opened { server }, now);
    gateway.handle(Input::Request { call: CallId(1), request }, now);
    let mut answered = false;
    while let Some(action) = gateway.poll_action() {
        match action {
            Action::Send { frame, .. } => {
                let bytes = same::<confer_flex::Client, confer_flex::Server>(&frame);
                let limit = Config::default().limits.request_max_size;
                assert!(bytes.len() <= limit as usize, "a frame no server takes");
            }
            Action::Answer { answer, .. } => {
                assert!(!answered, "one answer");
                answered = true;
                drop(api.answer(&answer, Kind::Call));
            }
            Action::Connect { .. }
            | Action::Store { .. }
            | Action::Find { .. }
            | Action::Discard { .. }
            | Action::Report(_) => {}
        }
    }
    assert_eq!(answered, gateway.calls() == 0);
}

/// A request, and the bytes of its file; `None` if its head is refused.
type ReadBody = Option<(Result<Option<ApiRequest>, Problem>, Vec<u8>)>;

fn read_body(api: &Api, head: &Head<'_>, bytes: &[u8], size: usize) -> ReadBody {
    let Opened::Body(mut body) = api.open(head) else { return None };
    let (mut told, mut file) = (None, Vec::new());
    for piece in bytes.chunks(size) {
        body.feed(piece);
        loop {
            match body.next() {
                Ok(Some(Piece::File { request })) => told = request.map(|request| *request),
                Ok(Some(Piece::Data(data))) => file.extend_from_slice(data),
                Ok(Some(Piece::FileEnd)) => {}
                Ok(None) => break,
                // How much of the file came before what is wrong depends on the pieces.
                Err(problem) => return Some((Err(problem), Vec::new())),
            }
        }
    }
    match body.end() {
        Ok(request) => Some((Ok(request.or(told)), file)),
        Err(problem) => Some((Err(problem), Vec::new())),
    }
}

/// Writes and reads one arbitrary message of any protocol and direction.
///
/// # Panics
///
/// If it cannot be written, or comes back as another.
pub fn arbitrary_message(source: &mut impl Source) {
    let kind = source.byte();
    let asked = arbitrary::reference(source);
    // An event answers, or comes unasked.
    let told = if kind & 128 == 0 { asked } else { 0 };
    match kind % 7 {
        0 => {
            let frame = Frame::new(asked, arbitrary::basic_request(source));
            same::<confer_basic::Client, confer_basic::Server>(&frame);
        }
        1 => {
            let frame = Frame::new(told, arbitrary::basic_event(source));
            same::<confer_basic::Server, confer_basic::Client>(&frame);
        }
        2 => {
            let frame = Frame::new(asked, arbitrary::flex_request(source));
            same::<confer_flex::Client, confer_flex::Server>(&frame);
        }
        3 => {
            let frame = Frame::new(told, arbitrary::flex_event(source));
            same::<confer_flex::Server, confer_flex::Client>(&frame);
        }
        4 => {
            let frame = Frame::new(asked, arbitrary::esp_request(source));
            same::<confer_esp::Client, confer_esp::Server>(&frame);
        }
        5 => {
            let frame = Frame::new(told, arbitrary::esp_event(source));
            same::<confer_esp::Server, confer_esp::Client>(&frame);
        }
        _ => {
            let frame = Frame::new(told, arbitrary::control(source));
            let mut out = BytesMut::new();
            encode_control(Protocol::Esp, &frame, &mut out).expect("what is made can be written");
            let read = decode::<confer_esp::Server>(&out, MAX_FRAME);
            assert_eq!(read, Ok(Decoded::Control(frame)));
        }
    }
}

/// Writes a frame as one side, reads it as the other; the bytes it took.
///
/// # Panics
///
/// If it cannot be written, or comes back as another.
pub fn same<Out, In>(frame: &Frame<Out::Out>) -> BytesMut
where
    Out: Codec,
    In: Codec<In = Out::Out>,
    In::In: Debug + PartialEq,
{
    let mut out = BytesMut::new();
    encode::<Out>(frame, MAX_FRAME, &mut out).expect("what is made can be written");
    let Ok(Decoded::Frame(read)) = decode::<In>(&out, MAX_FRAME) else {
        panic!("what is written can be read: {frame:?}");
    };
    assert_eq!(read, *frame);
    out
}

/// Reads `data` in one role. What can be read stays the same when it is written, in the other role,
/// and read again.
///
/// # Panics
///
/// If it does not, or if an error names a place outside of `data`.
pub fn canonical<In, Out>(data: &[u8])
where
    In: Codec,
    Out: Codec<Out = In::In>,
    In::In: Debug + PartialEq,
{
    let within = |offset: u32| assert!(offset as usize <= data.len(), "byte {offset}");
    match decode::<In>(data, MAX_FRAME) {
        // On the way out, what is nearly as long as a part may be cut (wire §4.1).
        Ok(Decoded::Frame(frame)) if data.len() <= PART_SIZE / 2 => {
            same::<Out, In>(&frame);
        }
        Ok(Decoded::Frame(_)) => {}
        Ok(Decoded::Control(frame)) => {
            let mut out = BytesMut::new();
            encode_control(In::PROTOCOL, &frame, &mut out).expect("what was read can be written");
            assert_eq!(decode::<In>(&out, MAX_FRAME), Ok(Decoded::Control(frame)));
        }
        Ok(Decoded::Malformed(malformed)) => within(malformed.offset),
        Err(error) => within(error.offset),
    }
}

/// How a stream came apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Frames {
    /// Where each frame ended, in bytes from the start of the stream.
    pub ends: Vec<usize>,
    /// Whether a frame is under way at the end; or why it could not be read.
    pub end: Result<bool, DecodeError>,
}

/// Feeds a stream to a splitter in pieces of these sizes, one after the other and again from the
/// first; a piece of no size is all the rest.
///
/// # Panics
///
/// If a frame has other bytes than the stream, or is none.
pub fn frames(stream: &[u8], sizes: &[u8], expected: Option<Protocol>, limit: u32) -> Frames {
    let mut splitter = Splitter::new(expected, limit);
    let mut ends = Vec::new();
    let mut at = 0;
    let mut rest = stream;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = match sizes.next() {
            Some(&size) if size > 0 => usize::from(size).min(rest.len()),
            Some(_) | None => rest.len(),
        };
        let mut piece;
        (piece, rest) = rest.split_at(size);
        loop {
            match splitter.next(&mut piece) {
                Ok(Some(frame)) => {
                    assert!(stream[at..].starts_with(frame), "other bytes than the stream's");
                    assert!(is_frame(frame, expected, limit), "no frame at {at}");
                    at += frame.len();
                    ends.push(at);
                }
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(splitter.next(&mut piece), Err(error), "an error stays");
                    return Frames { ends, end: Err(error) };
                }
            }
        }
        assert!(piece.is_empty(), "bytes left over that make no frame");
    }
    Frames { ends, end: Ok(splitter.is_mid_frame()) }
}

/// Whether these bytes are one frame, neither less nor more, whatever is in it.
fn is_frame(bytes: &[u8], expected: Option<Protocol>, limit: u32) -> bool {
    match RawFrame::parse(bytes, expected, limit) {
        Ok(_) => true,
        Err(error) => {
            !matches!(error.reason, Reason::FrameLength | Reason::Protocol | Reason::Version)
        }
    }
}
