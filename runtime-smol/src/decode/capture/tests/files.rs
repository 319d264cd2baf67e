//! File formats, link types, and what is in a packet.

use std::io::{self, Read};

use super::build::{Section, TCP, ethernet, ip, pcap_as, tcp_header};
use super::*;

const ETHERNET: u32 = 1;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

fn client6() -> SocketAddr {
    address("[::1]:50001")
}

fn server6() -> SocketAddr {
    address("[::1]:4801")
}

fn ask6(data: &str) -> Vec<u8> {
    tcp(client6(), server6(), 1, ACK, data.as_bytes())
}

/// The bytes of all streams, in the order of the capture.
fn text(file: &[u8]) -> String {
    streams(&events(file)).into_values().map(|(text, _)| text).collect()
}

fn failure(file: &[u8]) -> CaptureError {
    read(file, Options::default()).1.unwrap()
}

fn section(big_endian: bool) -> Section {
    Section::new(big_endian)
}

#[test]
fn captures_are_recognized() {
    let starts = [0xa1b2_c3d4_u32, 0xa1b2_3c4d];
    for start in starts.iter().flat_map(|magic| [magic.to_be_bytes(), magic.to_le_bytes()]) {
        assert!(is_capture(&start));
        assert!(is_capture(&[&start[..], b"more"].concat()));
        assert!(!is_capture(&start[..3]));
    }
    assert!(is_capture(&section(true).bytes));
    assert!(!is_capture(b""));
    assert!(!is_capture(b"0a0d0d0a"));
    assert!(!is_capture(&[0, 0, 0, 8, 0x42, 1]), "a frame");
}

#[test]
fn every_pcap_flavour_is_read() {
    for magic in [0xa1b2_c3d4, 0xa1b2_3c4d] {
        for big_endian in [false, true] {
            let packets = [(ask(1, "abc"), 47), (ask(4, "def"), 47)];
            assert_eq!(text(&pcap_as(magic, big_endian, RAW, &packets)), "abcdef");
        }
    }
    // The upper half of the link type tells of the frame check sequence, here of four bytes.
    let framed = [ethernet(IPV4, &ask(1, "abc")), vec![1, 2, 3, 4]].concat();
    assert_eq!(text(&pcap(0x4400_0000 | ETHERNET, &[framed])), "abc");
}

#[test]
fn every_link_type_is_read() {
    let (v4, v6) = (ask(1, "four"), ask6("six"));
    let with = |header: &[u8], packet: &[u8]| [header, packet].concat();
    let cooked = |ether_type: u16| {
        [&[0, 0, 3, 4, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0][..], &ether_type.to_be_bytes()].concat()
    };
    let cooked2 = |ether_type: u16| {
        [&ether_type.to_be_bytes()[..], &[0, 0, 0, 0, 0, 1, 3, 4, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]]
            .concat()
    };
    let cases = [
        (ETHERNET, ethernet(IPV4, &v4), ethernet(IPV6, &v6)),
        (
            ETHERNET,
            ethernet(0x8100, &with(&[0, 7, 8, 0], &v4)),
            ethernet(0x88a8, &with(&[0, 7, 0x81, 0, 0, 8, 0x86, 0xdd], &v6)),
        ),
        (RAW, v4.clone(), v6.clone()),
        (228, v4.clone(), v4.clone()),
        (229, v6.clone(), v6.clone()),
        (0, with(&[2, 0, 0, 0], &v4), with(&[30, 0, 0, 0], &v6)),
        (0, with(&[0, 0, 0, 2], &v4), with(&[0, 0, 0, 24], &v6)),
        (108, with(&[0, 0, 0, 2], &v4), with(&[0, 0, 0, 28], &v6)),
        (113, with(&cooked(IPV4), &v4), with(&cooked(IPV6), &v6)),
        (276, with(&cooked2(IPV4), &v4), with(&cooked2(IPV6), &v6)),
    ];
    for (link, first, second) in cases {
        let expected = match link {
            228 => "four",
            229 => "six",
            _ => "foursix",
        };
        assert_eq!(text(&pcap(link, &[first, second])), expected, "link type {link}");
    }
}

#[test]
fn other_link_types_are_noted_once() {
    let mut file = section(false);
    file.interface(147, 0).interface(101, 0);
    let usb = file.enhanced(0, b"USB", 3).enhanced(1, &ask(1, "abc"), 43).enhanced(0, b"USB", 3);
    let events = events(&usb.bytes);
    assert_eq!(streams(&events)[&1].0, "abc");
    let why = Skip::LinkType(147);
    assert_eq!(notes(&events)[0], Note::Skipped { packet: 1, why });
    assert_eq!(notes(&events).len(), 2, "the other one is of the stream");
}

#[test]
fn what_is_not_tcp_is_passed_over() {
    let (from, to) = (client().ip(), server().ip());
    let udp = ip(from, to, 17, &[0xc3, 0x51, 0x12, 0xc1, 0, 11, 0, 0, b'a', b'b', b'c']);
    let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[0; 20]].concat();
    let packets = [
        ethernet(IPV4, &udp),
        ethernet(IPV4, &ip(from, to, 1, &[8, 0, 0, 0, 0, 1, 0, 1])),
        ethernet(IPV4, &ip(from, to, 132, b"SCTP")),
        ethernet(0x0806, &arp),
        ethernet(0x88cc, b"LLDP"),
        ethernet(3, b"\x42\x42\x03"),
    ];
    assert_eq!(events(&pcap(ETHERNET, &packets)), []);
    assert_eq!(events(&pcap(0, &[vec![23, 0, 0, 0, 0x45, 0, 0]])), [], "IPX on a BSD loopback");
}

#[test]
fn what_follows_the_ip_packet_is_not_read() {
    let padded = [ethernet(IPV4, &ask(1, "a")), vec![0; 20]].concat();
    assert_eq!(text(&pcap(ETHERNET, &[padded, ethernet(IPV4, &ask(2, "b"))])), "ab");
    let padded = [ethernet(IPV6, &ask6("a")), vec![0; 20]].concat();
    assert_eq!(text(&pcap(ETHERNET, &[padded])), "a");
}

#[test]
fn headers_between_ip_and_tcp_are_passed_over() {
    let segment = |data: &[u8]| tcp_header(client6(), server6(), 1, ACK, data);
    // Hop-by-hop options, a routing header, destination options of 16 bytes, an unfragmented fragment header.
    let hop_by_hop = [43, 0, 1, 4, 0, 0, 0, 0];
    let routing = [60, 0, 0, 0, 0, 0, 0, 0];
    let destination = [44, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let fragment = [TCP, 0, 0, 0, 0, 0, 0, 9];
    let headers = [&hop_by_hop[..], &routing, &destination, &fragment, &segment(b"abc")].concat();
    let packet = ip(client6().ip(), server6().ip(), 0, &headers);
    assert_eq!(text(&pcap(RAW, &[packet])), "abc");

    let mut options = ask(1, "abc");
    options[0] = 0x46;
    options[3] += 4;
    options.splice(20..20, [1, 1, 1, 0]);
    assert_eq!(text(&pcap(RAW, &[options])), "abc");

    let authentication =
        [&[TCP, 4, 0, 0][..], &[0; 20], &tcp_header(client(), server(), 1, ACK, b"abc")].concat();
    let authenticated = ip(client().ip(), server().ip(), 51, &authentication);
    assert_eq!(text(&pcap(RAW, &[authenticated])), "abc");
}

#[test]
fn fragments_and_broken_headers_are_noted() {
    let mut fragment = ask(1, "abc");
    fragment[6] = 0x20;
    let fragment6 =
        [&[TCP, 0, 0, 1, 0, 0, 0, 9][..], &tcp_header(client6(), server6(), 1, ACK, b"abc")]
            .concat();
    let packets = [
        fragment,
        ip(client6().ip(), server6().ip(), 44, &fragment6),
        ask(1, "abc")[..30].to_vec(),
        ask(1, "abc")[..19].to_vec(),
        ip(client().ip(), server().ip(), TCP, b"short"),
        vec![],
        vec![0x75; 40],
    ];
    let skipped = |packet, why| Note::Skipped { packet, why };
    let mut expected = vec![skipped(1, Skip::Fragment), skipped(2, Skip::Fragment)];
    expected.extend((3..=7).map(|packet| skipped(packet, Skip::Headers)));
    assert_eq!(notes(&events(&pcap(RAW, &packets))), expected);
    for (link, length) in [(ETHERNET, 13), (0, 3), (113, 15), (276, 19)] {
        assert_eq!(notes(&events(&pcap(link, &[vec![0; length]]))), [skipped(1, Skip::Headers)]);
    }
    // A length that ends before the headers do.
    let mut impossible = ask(1, "abc");
    impossible[3] = 19;
    assert_eq!(notes(&events(&pcap(RAW, &[impossible]))), [skipped(1, Skip::Headers)]);
}

#[test]
fn a_cut_packet_ends_its_stream() {
    let cut = |sequence, data: &str, by: usize| {
        let packet = ask(sequence, data);
        (packet[..packet.len() - by].to_vec(), packet.len())
    };
    let whole = |packet: Vec<u8>| (packet.clone(), packet.len());
    let syn = whole(tcp(client(), server(), 1000, SYN, b""));
    let read = |packets: &[(Vec<u8>, usize)]| {
        let events = events(&pcap_as(0xa1b2_c3d4, false, RAW, packets));
        (streams(&events)[&1].clone(), notes(&events))
    };
    let gap = |lost, unread| Some(EndCause::Gap { lost, unread });
    let note = |packet, missing| Note::Cut { stream: StreamId(1), packet, missing };

    let packets = [syn.clone(), cut(1001, "abcdef", 2), cut(1007, "ghi", 1)];
    assert_eq!(read(&packets), (("abcd".into(), gap(2, 0)), vec![note(2, 2)]));
    // Cut ahead of its turn: what is missing shows when the stream comes there.
    let packets =
        [syn.clone(), cut(1004, "def", 1), whole(ask(1007, "ghi")), whole(ask(1001, "abc"))];
    assert_eq!(read(&packets), (("abcde".into(), gap(1, 3)), vec![note(2, 1)]));
    // What was cut is already there, or comes again.
    let packets =
        [syn.clone(), whole(ask(1001, "abcdef")), cut(1001, "abcdef", 2), whole(ask(1007, "g"))];
    assert_eq!(read(&packets), (("abcdefg".into(), Some(EndCause::CaptureEnded)), vec![]));
    let packets =
        [syn.clone(), cut(1004, "def", 1), whole(ask(1004, "def")), whole(ask(1001, "abc"))];
    assert_eq!(read(&packets).0, ("abcdef".into(), Some(EndCause::CaptureEnded)));
    let packets =
        [syn.clone(), whole(ask(1005, "ef")), cut(1001, "abcdef", 2), whole(ask(1007, "g"))];
    assert_eq!(read(&packets), (("abcdefg".into(), Some(EndCause::CaptureEnded)), vec![]));
    // Cut to the headers, where nothing was seen before.
    let no_start = Note::NoStart { stream: StreamId(1), packet: 1 };
    assert_eq!(read(&[cut(1, "abc", 3)]), ((String::new(), gap(3, 0)), vec![no_start, note(1, 3)]));
    // A packet whose length is left to the network card.
    let mut offloaded = cut(1001, "abcdef", 2);
    offloaded.0[2..4].fill(0);
    assert_eq!(read(&[syn, offloaded]), (("abcd".into(), gap(2, 0)), vec![note(2, 2)]));
}

#[test]
fn what_was_cut_is_counted_behind_all_headers() {
    let destination =
        [&[TCP, 0, 1, 4, 0, 0, 0, 0][..], &tcp_header(client6(), server6(), 1, ACK, b"abcdef")]
            .concat();
    let authentication =
        [&[TCP, 4, 0, 0][..], &[0; 20], &tcp_header(client(), server(), 1, ACK, b"abcdef")]
            .concat();
    for packet in [
        ip(client6().ip(), server6().ip(), 60, &destination),
        ip(client().ip(), server().ip(), 51, &authentication),
    ] {
        let cut = (packet[..packet.len() - 2].to_vec(), packet.len());
        let events = events(&pcap_as(0xa1b2_c3d4, false, RAW, &[cut]));
        assert_eq!(
            streams(&events)[&1],
            ("abcd".into(), Some(EndCause::Gap { lost: 2, unread: 0 }))
        );
    }
}

#[test]
fn interfaces_have_a_limit() {
    let mut file = section(false);
    for _ in 0..65_536 {
        file.block(1, &[101, 0], b"", &[]);
    }
    file.enhanced(65_535, &ask(1, "a"), 45);
    assert_eq!(text(&file.bytes), "a");
    file.interface(101, 0);
    let CaptureError::Damaged { packets: 1, what, .. } = failure(&file.bytes) else {
        panic!("{:?}", failure(&file.bytes));
    };
    assert_eq!(what, "more interfaces than can be followed");
}

#[test]
fn pcapng_is_read_in_both_byte_orders() {
    for big_endian in [false, true] {
        let mut file = section(big_endian);
        file.interface(101, 0)
            .enhanced(0, &ask(1, "a"), 45)
            .block(4, &[0], b"", &[])
            .block(0xbad, &[7], b"custom", &[])
            .block(0x7777, &[], b"unknown", &[])
            .interface(1, 0)
            .enhanced(1, &ethernet(IPV4, &ask(2, "bc")), 60)
            .enhanced(0, &ask(4, "d"), 45);
        assert_eq!(text(&file.bytes), "abcd");
    }
}

#[test]
fn a_pcapng_section_starts_anew() {
    let mut first = section(true);
    first.interface(101, 0).enhanced(0, &ask(1, "a"), 45);
    let mut second = section(false);
    second.interface(1, 0).enhanced(0, &ethernet(IPV4, &ask(2, "b")), 59);
    assert_eq!(text(&[first.bytes.clone(), second.bytes].concat()), "ab");

    let mut bare = section(false);
    bare.enhanced(0, &ask(2, "b"), 45);
    let offset = first.bytes.len() + 28;
    let damaged = failure(&[first.bytes, bare.bytes].concat());
    assert!(
        matches!(damaged, CaptureError::Damaged { offset: at, packets: 1, .. } if at == offset as u64)
    );
}

#[test]
fn simple_packets_are_cut_by_their_interface() {
    let packet = ask(1, "abcdef");
    let mut file = section(false);
    // 47 bytes leave one byte of padding, which is not the packet's.
    file.interface(101, 47).simple(&packet[..47], packet.len());
    let events = events(&file.bytes);
    assert_eq!(streams(&events)[&1], ("abc".into(), Some(EndCause::Gap { lost: 3, unread: 0 })));

    let mut file = section(false);
    file.interface(101, 0).simple(&packet, packet.len());
    assert_eq!(text(&file.bytes), "abcdef");
}

#[test]
fn other_input_is_refused() {
    for input in [&b""[..], b"a", b"GET / HTTP/1.1\r\n", &[0; 64]] {
        assert!(matches!(failure(input), CaptureError::NotACapture), "{input:?}");
    }
    // A pcap variant with other frame headers.
    assert!(matches!(failure(&0xa1b2_cd34_u32.to_le_bytes()), CaptureError::NotACapture));
}

#[test]
fn a_file_that_ends_early_gives_what_it_has() {
    let file = connection(&[ask(1001, "abc"), ask(1004, "def")]);
    let last = file.len() - 16 - 47;
    for length in last + 1..file.len() {
        let (events, failure) = read(&file[..length], Options::default());
        assert_eq!(streams(&events)[&1], ("abc".into(), Some(EndCause::CaptureEnded)));
        let Some(CaptureError::Incomplete { offset, packets: 4 }) = failure else {
            panic!("{failure:?}");
        };
        assert_eq!(offset, last as u64);
    }
    assert!(matches!(failure(&file[..10]), CaptureError::Incomplete { offset: 0, packets: 0 }));
    assert!(matches!(
        failure(&section(true).bytes[..11]),
        CaptureError::Incomplete { offset: 0, packets: 0 }
    ));
    assert!(matches!(
        failure(&section(true).bytes[..27]),
        CaptureError::Incomplete { offset: 0, packets: 0 }
    ));
}

#[test]
fn damage_is_located() {
    let damaged = |bytes: &[u8]| {
        let error = failure(bytes);
        let CaptureError::Damaged { offset, packets, what } = error else {
            panic!("{error:?}");
        };
        (offset, packets, what)
    };
    let changed = |at: usize, to: u8| {
        let mut file = section(false);
        file.interface(101, 0).enhanced(0, &ask(1, "a"), 45);
        file.bytes[at] = to;
        damaged(&file.bytes)
    };
    // The section header has 28 bytes, the interface 32; then comes the packet.
    assert_eq!(changed(8, 0), (0, 0, "a section header without byte order"));
    assert_eq!(changed(12, 2), (0, 0, "a version of pcapng other than 1"));
    assert_eq!(changed(32, 8), (28, 0, "a block of impossible length"));
    assert_eq!(changed(32, 33), (28, 0, "a block of impossible length"));
    assert_eq!(changed(32, 36), (28, 0, "a block whose two lengths differ"));
    assert_eq!(changed(60, 2), (60, 0, "an obsolete packet block, which is not read"));
    assert_eq!(changed(68, 1), (60, 0, "a packet of an interface that was not described"));
    assert_eq!(changed(80, 200), (60, 0, "a block that cannot be read"));

    let mut file = connection(&[]);
    file[4] = 3;
    assert_eq!(damaged(&file), (0, 0, "a version of pcap other than 2"));
    let mut file = connection(&[]);
    file[24 + 11] = 1;
    let CaptureError::TooLong { offset: 24, packets: 0, length } = failure(&file) else {
        panic!("{:?}", failure(&file));
    };
    assert_eq!(length, 0x0100_0000 + 44 + 16);
}

#[test]
fn errors_read_well() {
    let text = |error: &CaptureError| error.to_string();
    let file = connection(&[ask(1001, "abc")]);
    let error = failure(&file[..file.len() - 1]);
    assert_eq!(text(&error), "the file ends inside the record at byte 204, after packet 3");
    let mut file = section(false);
    file.bytes[12] = 2;
    let error = failure(&file.bytes);
    assert_eq!(
        text(&error),
        "damaged record at byte 0, after packet 0: a version of pcapng other than 1"
    );
    assert_eq!(text(&failure(b"")), "not a pcap or pcapng file");
}

/// Gives one byte at a time, then fails.
struct Slow<'a>(&'a [u8], Option<io::ErrorKind>);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (self.0.split_first(), buffer.first_mut(), self.1) {
            (Some((byte, rest)), Some(slot), _) => {
                *slot = *byte;
                self.0 = rest;
                Ok(1)
            }
            (None, Some(_), Some(kind)) => Err(kind.into()),
            _ => Ok(0),
        }
    }
}

#[test]
fn the_input_may_be_slow_or_fail() {
    let file = connection(&[ask(1001, "abc")]);
    let all: Vec<_> =
        Capture::open(Slow(&file, None), Options::default()).unwrap().map(Result::unwrap).collect();
    assert_eq!(all, events(&file));

    let failing = Slow(&file, Some(io::ErrorKind::ConnectionReset));
    let mut items: Vec<_> = Capture::open(failing, Options::default()).unwrap().collect();
    let Some(Err(error)) = items.pop() else { panic!("no error") };
    assert_eq!(error.to_string(), format!("cannot read the record at byte {}", file.len()));
    assert!(core::error::Error::source(&error).is_some());
    assert_eq!(items.into_iter().map(Result::unwrap).collect::<Vec<_>>(), all);
}

#[test]
fn packets_tell_their_time() {
    let times = |file: &[u8]| {
        let mut capture = Capture::open(file, Options::default()).unwrap();
        let mut times = Vec::new();
        while let Some(event) = capture.next() {
            if let Event::Chunk(_) = event.unwrap() {
                times.push(capture.time());
            }
        }
        times
    };
    let packet = (ask(1, "abc"), 47);
    let micros = pcap_as(0xa1b2_c3d4, true, RAW, core::slice::from_ref(&packet));
    assert_eq!(times(&micros), [Some(Duration::new(1_000_000, 5_000))]);
    let nanos = pcap_as(0xa1b2_3c4d, false, RAW, &[packet]);
    assert_eq!(times(&nanos), [Some(Duration::new(1_000_000, 5))]);

    let mut file = section(false);
    let second = ask(4, "def");
    file.interface(101, 0).enhanced(0, &ask(1, "abc"), 47).simple(&second, second.len());
    assert_eq!(times(&file.bytes), [Some(Duration::from_micros(7)), None]);
}

#[test]
fn stamps_of_any_resolution_mean_a_time() {
    for (stamp, clock, expected) in [
        (5, (1, 0), Some(Duration::from_secs(5))),
        (1_500, (1000, 10), Some(Duration::from_millis(11_500))),
        (u64::MAX, (1_000_000_000, 0), Some(Duration::from_nanos(u64::MAX))),
        (u64::MAX, (1, 1), None),
    ] {
        assert_eq!(file::time(stamp, clock), expected);
    }
}
