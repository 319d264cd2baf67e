use super::*;
use crate::MAX_FRAME;
use crate::error::Reason;
use crate::testing::{attribute, block, frame, int};
use alloc::vec;
use quickcheck::quickcheck;

const PLENTY: u32 = 65_536;

fn splitter() -> Splitter {
    Splitter::new(Some(Protocol::Basic), PLENTY)
}

/// Three frames: without attributes, with a few, with many bytes.
fn frames() -> Vec<Vec<u8>> {
    let long = attribute(0x7f00, 5, &block(&[7; 3000]));
    vec![frame(&[]), frame(&[int(5, 2), int(9, 1)].concat()), frame(&long)]
}

/// What comes of a stream that arrives in these pieces.
fn feed<'a>(
    splitter: &mut Splitter,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Vec<u8>>, Result<(), DecodeError>) {
    let mut frames = Vec::new();
    for mut piece in pieces {
        loop {
            match splitter.next(&mut piece) {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
        assert!(piece.is_empty(), "all is taken when no frame is complete");
    }
    (frames, Ok(()))
}

/// A header that announces a frame of this size.
fn header(size: u32) -> [u8; HEADER_SIZE] {
    let [a, b, c, d] = size.wrapping_sub(4).to_be_bytes();
    [a, b, c, d, b'B', 1, 0, 4, 0, 0, 0, 7]
}

#[test]
fn whole_frames_are_handed_out_where_they_lie() {
    let stream = frames().concat();
    let mut splitter = splitter();
    let mut input = &stream[..];
    let mut at = 0;
    for expected in frames() {
        assert_eq!(input.as_ptr(), stream[at..].as_ptr());
        let found = splitter.next(&mut input).unwrap().unwrap();
        assert_eq!((found, found.as_ptr()), (&expected[..], stream[at..].as_ptr()));
        at += expected.len();
        assert!(!splitter.is_mid_frame());
    }
    assert_eq!(splitter.next(&mut input), Ok(None));
}

#[test]
fn a_stream_cut_in_two_anywhere_gives_the_same_frames() {
    let stream = frames().concat();
    for cut in 0..=stream.len() {
        let (left, right) = stream.split_at(cut);
        assert_eq!(feed(&mut splitter(), [left, right]), (frames(), Ok(())), "cut at {cut}");
    }
}

#[test]
fn a_stream_that_dribbles_gives_the_same_frames() {
    let stream = frames().concat();
    for size in [1, 2, 3, 11, 12, 13, 1000] {
        assert_eq!(feed(&mut splitter(), stream.chunks(size)), (frames(), Ok(())), "by {size}");
    }
}

quickcheck! {
    fn pieces_of_any_size_give_the_same_frames(sizes: Vec<usize>) -> bool {
        let stream = frames().concat();
        let mut rest = &stream[..];
        let mut pieces = Vec::new();
        for size in sizes {
            let (piece, after) = rest.split_at((size % 2000).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        feed(&mut splitter(), pieces) == (frames(), Ok(()))
    }
}

#[test]
fn the_length_counts_from_8_to_the_limit() {
    for (size, limit, fits) in [
        (12, 12, true),
        (11, PLENTY, false),
        (4, PLENTY, false),
        (1024, 1024, true),
        (1025, 1024, false),
        (PLENTY, PLENTY, true),
        (PLENTY + 1, PLENTY, false),
        (MAX_FRAME, u32::MAX, true),
        (MAX_FRAME + 1, u32::MAX, false),
        (3, u32::MAX, false),
    ] {
        let mut splitter = Splitter::new(None, limit);
        let header = header(size);
        let outcome = splitter.next(&mut &header[..4]).map(|frame| assert_eq!(frame, None));
        let error = DecodeError { reason: Reason::FrameLength, offset: 0, reference: 0 };
        assert_eq!(outcome, if fits { Ok(()) } else { Err(error) }, "{size} of {limit}");
    }
}

/// Each byte at fault is refused when it comes, and not before.
#[test]
fn a_bad_header_is_refused_by_its_first_bad_byte() {
    let mut length = header(12);
    length[3] = 7;
    let mut protocol = header(12);
    protocol[4] = b'F';
    let mut version = header(12);
    version[5] = 2;
    for (header, reason, offset, at) in [
        (length, Reason::FrameLength, 0, 3),
        (protocol, Reason::Protocol, 4, 4),
        (version, Reason::Version, 5, 5),
    ] {
        let error = DecodeError { reason, offset, reference: 0 };
        let mut dribbled = splitter();
        for byte in &header[..at] {
            assert_eq!(dribbled.next(&mut core::slice::from_ref(byte)), Ok(None));
        }
        assert_eq!(dribbled.next(&mut &header[at..=at]), Err(error));
        // In one piece, with or without what follows.
        assert_eq!(splitter().next(&mut &header[..=at]), Err(error));
        assert_eq!(splitter().next(&mut &header[..]), Err(error));
        // Behind a sound frame.
        let stream = [&frame(&[])[..], &header].concat();
        for size in [1, 5, 100] {
            let expected = (vec![frame(&[])], Err(error));
            assert_eq!(feed(&mut splitter(), stream.chunks(size)), expected);
        }
    }
}

#[test]
fn an_error_is_final() {
    let mut splitter = splitter();
    let error = splitter.next(&mut &b"\0\0\0\x08Z"[..]).unwrap_err();
    assert_eq!((error.reason, error.offset), (Reason::Protocol, 4));
    let sound = frame(&[]);
    let mut input = &sound[..];
    assert_eq!(splitter.next(&mut input), Err(error));
    assert_eq!(splitter.next(&mut &b""[..]), Err(error));
    assert_eq!(input, sound, "nothing more is taken");
}

#[test]
fn a_port_has_one_protocol_and_a_listener_on_all_has_any() {
    for (byte, protocol) in [(b'B', Protocol::Basic), (b'F', Protocol::Flex), (b'E', Protocol::Esp)]
    {
        let mut bytes = frame(&[]);
        bytes[4] = byte;
        for &expected in Protocol::ALL {
            let mut splitter = Splitter::new(Some(expected), PLENTY);
            assert_eq!(splitter.next(&mut &bytes[..]).is_ok(), expected == protocol);
        }
        assert_eq!(Splitter::new(None, PLENTY).next(&mut &bytes[..]), Ok(Some(&bytes[..])));
    }
    let error = Splitter::new(None, PLENTY).next(&mut &b"\0\0\0\x08Z"[..]).unwrap_err();
    assert_eq!(error.reason, Reason::Protocol);
}

#[test]
fn a_new_limit_is_for_frames_whose_header_is_not_complete() {
    let large = frame(&attribute(0x7f00, 5, &block(&[0; 200])));
    let size = u32::try_from(large.len()).unwrap();
    for (arrived, fits) in [(0, false), (1, false), (11, false), (12, true), (100, true)] {
        let mut splitter = splitter();
        let (before, mut after) = large.split_at(arrived);
        assert_eq!(splitter.next(&mut &before[..]), Ok(None));
        splitter.set_limit(size - 1);
        match splitter.next(&mut after) {
            Ok(found) => assert_eq!((found, fits), (Some(&large[..]), true)),
            Err(error) => assert_eq!((error.reason, fits), (Reason::FrameLength, false)),
        }
    }
    // A limit that has risen counts at once, too.
    let mut splitter = Splitter::new(None, size - 1);
    assert_eq!(splitter.next(&mut &large[..2]), Ok(None));
    splitter.set_limit(size);
    assert_eq!(splitter.next(&mut &large[2..]), Ok(Some(&large[..])));
}

#[test]
fn it_is_mid_frame_from_the_first_byte_to_the_last() {
    let bytes = frame(&int(5, 2));
    let mut splitter = splitter();
    assert!(!splitter.is_mid_frame());
    for (index, byte) in bytes.iter().enumerate() {
        let found = splitter.next(&mut core::slice::from_ref(byte)).unwrap().is_some();
        assert_eq!((found, splitter.is_mid_frame()), (index == 18, index < 18));
    }
}

/// What it keeps follows what has arrived, whatever is announced.
#[test]
fn memory_follows_the_bytes() {
    let announced = header(MAX_FRAME);
    let mut splitter = Splitter::new(None, MAX_FRAME);
    assert_eq!(splitter.next(&mut &announced[..]), Ok(None));
    assert!(splitter.chunks.is_empty() && splitter.frame.capacity() == 0);
    let mut received = HEADER_SIZE;
    for size in [1, 1, 1, 100, 1, 3000, 20_000, 1] {
        assert_eq!(splitter.next(&mut &vec![0; size][..]), Ok(None));
        received += size;
        let kept: usize = splitter.chunks.iter().map(Vec::capacity).sum();
        assert!((received - HEADER_SIZE..=2 * received).contains(&kept), "{kept} for {received}");
        assert!(splitter.chunks.iter().all(|chunk| chunk.capacity() <= received));
    }
}
