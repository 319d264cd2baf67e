//! Input and output that fail, which a real process meets rarely; what it meets daily is tested
//! through the program itself.

pub(in crate::decode) mod build;

use std::io::{Cursor, Read};

use quickcheck::{Gen, QuickCheck};

use super::*;

const UNREGISTER: &str = "000000084201000200000003\n";

/// An output that takes so many bytes, then fails.
struct Full(usize, io::ErrorKind);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(self.1)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An input that fails behind these bytes.
struct Broken(Cursor<Vec<u8>>);

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::ConnectionReset.into()),
            read => Ok(read),
        }
    }
}

fn lines() -> Box<dyn BufRead> {
    Box::new(Cursor::new(UNREGISTER.repeat(9)))
}

#[test]
fn a_reader_who_left_is_no_error() {
    let mut out = Full(60, io::ErrorKind::BrokenPipe);
    let outcome = decode(&Options::default(), lines(), &mut out, &mut Vec::new()).unwrap();
    assert_eq!(outcome, Outcome::Good);
    assert!(out.0 < 60, "something was written");
}

#[test]
fn an_output_that_fails_is_one() {
    let mut out = Full(60, io::ErrorKind::StorageFull);
    let failure = decode(&Options::default(), lines(), &mut out, &mut Vec::new()).unwrap_err();
    assert!(matches!(failure, Failure::Write(_)), "{failure:?}");
    assert!(failure.to_string().starts_with("cannot write: "));
}

#[test]
fn remarks_that_cannot_be_written_are_dropped() {
    let input = Box::new(Cursor::new(format!("nonsense\n{UNREGISTER}")));
    let mut out = Vec::new();
    let mut notes = Full(0, io::ErrorKind::StorageFull);
    let outcome = decode(&Options::default(), input, &mut out, &mut notes).unwrap();
    assert_eq!(outcome, Outcome::Bad);
    assert!(String::from_utf8(out).unwrap().starts_with("line 2: basic RequestUnregister"));
}

#[test]
fn an_input_that_fails_is_an_error_behind_what_it_held() {
    let frame = build::frame(b'B', 2, 3, &[]);
    for start in [UNREGISTER.as_bytes().to_vec(), frame, Vec::new()] {
        let filled = !start.is_empty();
        let input = Box::new(io::BufReader::new(Broken(Cursor::new(start))));
        let mut out = Vec::new();
        let failure = decode(&Options::default(), input, &mut out, &mut Vec::new()).unwrap_err();
        assert!(matches!(failure, Failure::Read(_)), "{failure:?}");
        assert_eq!(String::from_utf8(out).unwrap().contains("RequestUnregister"), filled);
    }
}

#[test]
fn the_usual_tcp_ports_are_those_of_the_protocol() {
    let all = Options::default().followed();
    assert_eq!(all.keys().copied().collect::<Vec<_>>(), [4480, 4481, 4482]);
    let flex = Options { port: Some(Protocol::Flex), ..Options::default() };
    assert_eq!(flex.followed(), [(4481, Some(Protocol::Flex))].into());
    let other = Options { tcp_ports: [(1, None)].into(), ..flex };
    assert_eq!(other.followed(), [(1, None)].into());
}

/// What comes out for any input, which must be in its form.
fn holds_for_any_input(bytes: &[u8]) -> bool {
    for input in [None, Some(Kind::Raw), Some(Kind::Hex), Some(Kind::Capture)] {
        for format in [Format::Text, Format::Json] {
            let options = Options { input, format, max_frame: 1024, ..Options::default() };
            let (mut out, mut notes) = (Vec::new(), Vec::new());
            let input = Box::new(Cursor::new(bytes.to_vec()));
            let outcome = decode(&options, input, &mut out, &mut notes);
            assert!(!matches!(outcome, Err(Failure::Read(_) | Failure::Write(_))));
            let (out, notes) = (String::from_utf8(out).unwrap(), String::from_utf8(notes).unwrap());
            let mut characters = out.chars().chain(notes.chars());
            assert!(characters.all(|character| character == '\n' || !character.is_control()));
            if format == Format::Json {
                for line in out.lines() {
                    let json: serde_json::Value = line.parse().unwrap();
                    assert!(json["error"].is_string() != json["message"].is_string());
                }
                // Whatever is bad or lost is told somewhere.
                let told = out.contains("\"error\"") || notes.contains("gap");
                assert!(told || !matches!(outcome, Ok(Outcome::Bad)));
            }
        }
    }
    true
}

/// A good frame with a few bytes changed, cut off or repeated.
fn damaged(mut frame: Vec<u8>, changes: &[(usize, u8)], cut: usize) -> Vec<u8> {
    let length = frame.len();
    for (at, byte) in changes {
        frame[at % length] = *byte;
    }
    frame.extend(frame.clone());
    frame.truncate(cut % (2 * length + 1));
    frame
}

fn holds_for_damaged_frames(which: usize, changes: &[(usize, u8)], cut: usize) -> bool {
    use confer_core::frame::Attribute as A;
    let event = build::item(&[build::int(A::EventKind, 2), build::text(A::MessageText, "Hi")]);
    let entry = build::entry(confer_wire::map::Type::Str, "key", &build::block(b"value"));
    let transcript = [build::string(A::StartAt, "x"), build::holder(A::EventList, &[event])];
    let frames = [
        build::frame(b'B', 3, 7, &[build::holder(A::UserData, &[entry])]),
        build::frame(b'F', 101, 7, &[build::holder(A::ChatTranscript, &transcript)]),
        build::frame(b'E', 65533, 0, &[build::long(A::RemoteTimeout, 5)]),
    ];
    holds_for_any_input(&damaged(frames[which % frames.len()].clone(), changes, cut))
}

#[test]
fn no_input_makes_it_panic() {
    let garbage: fn(Vec<u8>) -> bool = |bytes| holds_for_any_input(&bytes);
    let text: fn(String) -> bool = |text| holds_for_any_input(text.as_bytes());
    let damaged: fn(usize, Vec<(usize, u8)>, usize) -> bool =
        |which, changes, cut| holds_for_damaged_frames(which, &changes, cut);
    // The same inputs every time, then others.
    for seed in 0..4 {
        let same = || QuickCheck::new().rng(Gen::from_size_and_seed(300, seed));
        same().quickcheck(garbage);
        same().quickcheck(text);
        same().quickcheck(damaged);
    }
    QuickCheck::new().quickcheck(garbage);
    QuickCheck::new().quickcheck(text);
    QuickCheck::new().tests(1000).quickcheck(damaged);
}
