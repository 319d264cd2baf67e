use std::io::{Cursor, Read};

use super::*;

/// An input that hands out its pieces one by one and must not be asked for more.
struct Pieces(Vec<&'static [u8]>);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        assert!(!self.0.is_empty(), "asked for more than there was");
        let piece = self.0.remove(0);
        buffer[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

fn kind(bytes: &'static [u8]) -> Kind {
    let (kind, mut whole) = recognise(Box::new(bytes)).unwrap();
    let mut again = Vec::new();
    whole.read_to_end(&mut again).unwrap();
    assert_eq!(again, bytes, "nothing is lost");
    kind
}

#[test]
fn inputs_are_recognised_by_their_start() {
    for text in [
        &b""[..],
        b"0",
        b"000000084201000200000003",
        b"  0x00 00",
        b"# a remark",
        b"\n",
        b"\n00",
        b"\n\r\n\n00000008",
        b"\r\n00",
        b"zz",
        b"M",
        b"MMMMMM",
    ] {
        assert_eq!(kind(text), Kind::Hex, "{text:?}");
    }
    for raw in [&b"\0"[..], b"\0\0\0\x08B\x01", b"\x7f\xff\xff\xff", b"\xa1", b"\xa1\xb2\xc3\xd5"] {
        assert_eq!(kind(raw), Kind::Raw, "{raw:?}");
    }
    for capture in
        [&b"\xa1\xb2\xc3\xd4"[..], b"\xd4\xc3\xb2\xa1..", b"M<\xb2\xa1", b"\x0a\x0d\x0d\x0a...."]
    {
        assert_eq!(kind(capture), Kind::Capture, "{capture:?}");
    }
}

#[test]
fn a_line_is_recognised_before_the_next_one_comes() {
    for first in [&b"00\n"[..], b"z\n", b"#\n", b"\0"] {
        let input = BufReader::new(Pieces(vec![first]));
        assert!(recognise(Box::new(input)).is_ok());
    }
}

#[test]
fn a_start_may_come_in_pieces() {
    let pieces = Pieces(vec![b"\xd4", b"\xc3\xb2", b"\xa1"]);
    assert_eq!(recognise(Box::new(BufReader::new(pieces))).unwrap().0, Kind::Capture);
}

#[test]
fn lines_have_a_limit() {
    let mut input = Cursor::new("1234\n12345\n\n123456789\n1234");
    let mut buffer = Vec::new();
    let mut next = || {
        let line = line(&mut input, &mut buffer, 4).unwrap();
        let text = String::from_utf8(buffer.clone()).unwrap();
        line.map(|line| (line, text)).filter(|(line, _)| *line == Line::Whole).ok_or(line)
    };
    let whole = |text: &str| Ok((Line::Whole, text.to_owned()));
    assert_eq!(next(), whole("1234\n"));
    assert_eq!(next(), Err(Some(Line::TooLong)));
    assert_eq!(next(), whole("\n"));
    assert_eq!(next(), Err(Some(Line::TooLong)));
    assert_eq!(next(), whole("1234"), "the last line needs no end");
    assert_eq!(next(), Err(None));
}

#[test]
fn the_largest_frame_fits_a_line_with_every_byte_apart() {
    let frame: u32 = 524_288;
    assert!(line_limit(frame) >= "0x".len() + 3 * frame as usize + "\r".len());
    assert!(line_limit(confer_wire::MAX_FRAME) < 1 << 27);
}

#[test]
fn an_interrupted_read_goes_on() {
    struct Interrupted(bool);
    impl Read for Interrupted {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            if core::mem::replace(&mut self.0, true) {
                return Ok(0);
            }
            Err(io::ErrorKind::Interrupted.into())
        }
    }
    let mut input = BufReader::new(Interrupted(false));
    assert_eq!(read(&mut input, &mut [0; 8]).unwrap(), 0);
}
