//! Any input is read to its end, and any order of segments gives the bytes a simple model gives.

use quickcheck::QuickCheck;

use super::build::{FIN, Section, ethernet, ip};
use super::*;

/// Reads a file to its end and checks what holds for every file.
fn survive(file: &[u8]) {
    let options =
        Options { max_streams: 3, max_held: 200, max_held_total: 300, ..Options::default() };
    let (events, failure) = read(file, options);
    let mut ended = BTreeMap::new();
    for event in &events {
        match event {
            Event::Chunk(chunk) => {
                assert!(!chunk.bytes.is_empty());
                assert!(!*ended.entry(chunk.stream).or_insert(false), "nothing follows an end");
            }
            Event::End(end) => assert_ne!(ended.insert(end.stream, true), Some(true)),
            Event::Note(note) => assert!(!note.to_string().is_empty()),
        }
    }
    assert!(ended.into_values().all(|ended| ended), "every stream ends");
    assert!(failure.is_none_or(|failure| !failure.to_string().is_empty()));
}

/// A file of each kind, with packets of many kinds.
fn samples() -> Vec<Vec<u8>> {
    let mut packets = handshake();
    packets.extend([
        ask(1001, "abcdef"),
        answer(5004, "ghi"),
        answer(5001, "GHI"),
        ask(1003, "cdefgh"),
    ]);
    packets.push(tcp(address("[::1]:1"), address("[::2]:2"), u32::MAX, SYN, b"six"));
    packets.push(ip(client().ip(), server().ip(), 17, &[0; 12]));
    packets.push(tcp(client(), server(), 1009, FIN | ACK, b"end"));
    let mut samples = vec![pcap(RAW, &packets)];
    let framed: Vec<_> = packets.iter().map(|packet| ethernet(0x0800, packet)).collect();
    samples.push(pcap(1, &framed));
    for (link, header) in [
        (0, &[2, 0, 0, 0][..]),
        (113, &[8; 16]),
        (276, &[8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8, 0]),
    ] {
        let framed: Vec<_> = packets.iter().map(|packet| [header, packet].concat()).collect();
        samples.push(pcap(link, &framed));
    }
    for big_endian in [false, true] {
        let mut section = Section::new(big_endian);
        section.interface(101, 60).interface(1, 0);
        for packet in &packets {
            section.enhanced(0, packet, packet.len()).simple(packet, packet.len());
        }
        samples.push(section.bytes);
    }
    samples
}

#[test]
fn damaged_files_are_survived() {
    fn property(sample: usize, changes: Vec<(u16, u8)>, length: u16) -> bool {
        let samples = samples();
        let mut file = samples[sample % samples.len()].clone();
        let whole = file.len();
        for (at, to) in changes.into_iter().take(8) {
            file[usize::from(at) % whole] = to;
        }
        survive(&file);
        file.truncate(usize::from(length) % whole);
        survive(&file);
        true
    }
    QuickCheck::new().tests(2000).quickcheck(property as fn(usize, Vec<(u16, u8)>, u16) -> bool);
}

#[test]
fn random_files_are_survived() {
    fn property(sample: usize, bytes: Vec<u8>) -> bool {
        let samples = samples();
        let file = &samples[sample % samples.len()];
        let packet = [bytes];
        for header in [4, 24, 28, 60] {
            survive(&[&file[..header], &packet[0]].concat());
        }
        for link in [0, 1, 101, 108, 113, 228, 276] {
            survive(&pcap(link, &packet));
        }
        true
    }
    QuickCheck::new().tests(500).quickcheck(property as fn(usize, Vec<u8>) -> bool);
}

#[test]
fn any_order_of_segments_gives_the_bytes_that_came_first() {
    fn property(before_wrap: u8, segments: Vec<(u8, Vec<u8>)>) -> bool {
        // Sequence numbers wrap around within the first bytes.
        let first = 0_u32.wrapping_sub(u32::from(before_wrap));
        let mut packets = vec![tcp(client(), server(), first.wrapping_sub(1), SYN, b"")];
        let mut model = [None; 1024];
        for (start, bytes) in segments {
            packets.push(tcp(
                client(),
                server(),
                first.wrapping_add(u32::from(start)),
                ACK,
                &bytes,
            ));
            for (slot, byte) in model[usize::from(start)..].iter_mut().zip(bytes) {
                slot.get_or_insert(byte);
            }
        }
        let expected: Vec<u8> = model.iter().copied().map_while(|byte| byte).collect();
        let after = &model[expected.len()..];
        let unread = after.iter().flatten().count() as u64;
        let lost = after.iter().position(Option::is_some);
        let cause =
            lost.map_or(EndCause::CaptureEnded, |lost| EndCause::Gap { lost: lost as u64, unread });

        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        for event in events(&pcap(RAW, &packets)) {
            match event {
                Event::Chunk(chunk) => bytes.extend(chunk.bytes),
                Event::End(end) => ends.push(end.cause),
                Event::Note(note) => panic!("{note}"),
            }
        }
        bytes == expected && ends == [cause]
    }
    QuickCheck::new().tests(1000).quickcheck(property as fn(u8, Vec<(u8, Vec<u8>)>) -> bool);
}

#[test]
fn one_byte_segments_in_any_number_stay_within_the_limit() {
    let packets: Vec<_> = (0..4000).map(|at| ask(1003 + 2 * at, "x")).collect();
    let options = Options { max_held: 10_000, ..Options::default() };
    let file = connection(&packets);
    let mut capture = Capture::open(&file[..], options).unwrap();
    let held = 10_000 / 65;
    let Some(Ok(Event::Note(Note::HeldLimit { packet, .. }))) = capture.next() else {
        panic!("no limit");
    };
    assert_eq!(packet, 3 + held + 1);
}
