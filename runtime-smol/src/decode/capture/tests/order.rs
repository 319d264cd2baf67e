//! Streams put together from segments.

use super::build::{FIN, RST};
use super::*;

fn open(text: &str) -> (String, Option<EndCause>) {
    (text.to_owned(), Some(EndCause::CaptureEnded))
}

fn ended(text: &str, cause: EndCause) -> (String, Option<EndCause>) {
    (text.to_owned(), Some(cause))
}

fn gap(lost: u64, unread: u64) -> EndCause {
    EndCause::Gap { lost, unread }
}

/// The client's stream after a handshake and these packets.
fn asked(packets: &[Vec<u8>]) -> (String, Option<EndCause>) {
    streams(&events(&connection(packets)))[&1].clone()
}

#[test]
fn both_directions_come_in_capture_order() {
    let events = events(&connection(&[
        ask(1001, "one"),
        answer(5001, "two"),
        ask(1004, "three"),
        tcp(client(), server(), 1009, FIN | ACK, b""),
        tcp(server(), client(), 5004, FIN | ACK, b""),
    ]));
    let chunk = |stream, from, to, packet, text: &str| {
        let bytes = text.as_bytes().to_vec();
        Event::Chunk(Chunk { stream: StreamId(stream), from, to, packet, bytes })
    };
    let end = |stream, from, to| {
        Event::End(End { stream: StreamId(stream), from, to, cause: EndCause::Finished })
    };
    assert_eq!(
        events,
        [
            chunk(1, client(), server(), 4, "one"),
            chunk(2, server(), client(), 5, "two"),
            chunk(1, client(), server(), 6, "three"),
            end(1, client(), server()),
            end(2, server(), client()),
        ]
    );
}

#[test]
fn late_segments_are_put_in_order() {
    let packets = [ask(1007, "ghi"), ask(1004, "def"), ask(1010, "j"), ask(1001, "abc")];
    assert_eq!(asked(&packets), open("abcdefghij"));
    let events = events(&connection(&packets));
    let last = 7;
    assert!(
        events.iter().all(|event| !matches!(event, Event::Chunk(chunk) if chunk.packet != last))
    );
}

#[test]
fn repetitions_are_dropped() {
    assert_eq!(asked(&[ask(1001, "abc"), ask(1001, "abc"), ask(1004, "d")]), open("abcd"));
    assert_eq!(asked(&[ask(1004, "d"), ask(1004, "d"), ask(1001, "abc")]), open("abcd"));
    // A keep-alive probe sends one stale byte, or none.
    assert_eq!(
        asked(&[ask(1001, "abc"), ask(1003, "?"), ask(1003, ""), ask(1004, "d")]),
        open("abcd")
    );
    // Even one from before the first byte.
    assert_eq!(asked(&[ask(1000, "?"), ask(1001, "abc")]), open("abc"));
}

#[test]
fn of_overlapping_bytes_the_first_stay() {
    assert_eq!(asked(&[ask(1001, "abcd"), ask(1003, "XXef")]), open("abcdef"), "delivered bytes");
    assert_eq!(
        asked(&[ask(1003, "cd"), ask(1001, "abXXef")]),
        open("abcdef"),
        "held bytes in the middle"
    );
    assert_eq!(asked(&[ask(1003, "cd"), ask(1004, "Xef"), ask(1001, "abX")]), open("abcdef"));
    assert_eq!(asked(&[ask(1004, "def"), ask(1002, "bcX"), ask(1001, "aX")]), open("abcdef"));
    assert_eq!(
        asked(&[ask(1002, "b"), ask(1004, "d"), ask(1006, "f"), ask(1001, "aXcXeXg")]),
        open("abcdefg"),
        "held bytes with several holes"
    );
}

#[test]
fn sequence_numbers_wrap_around() {
    let at =
        |sequence, flags, text: &str| tcp(client(), server(), sequence, flags, text.as_bytes());
    let file = pcap(
        RAW,
        &[
            at(u32::MAX - 3, SYN, ""),
            at(2, ACK, "fgh"),
            at(u32::MAX - 2, ACK, "abcXX"),
            at(0, ACK, "de"),
        ],
    );
    // Positions 3 and 4 came with the segment before them.
    assert_eq!(streams(&events(&file))[&1], open("abcXXfgh"));
    let file = pcap(
        RAW,
        &[at(u32::MAX, SYN, ""), at(0, ACK, "ab"), at(u32::MAX, ACK, "?ab"), at(2, ACK, "c")],
    );
    assert_eq!(streams(&events(&file))[&1], open("abc"));
}

#[test]
fn a_gap_ends_a_stream() {
    assert_eq!(
        asked(&[ask(1001, "abc"), ask(1014, "opq"), ask(1020, "u")]),
        ended("abc", gap(10, 4))
    );
    // However the stream would have ended.
    let finish = tcp(client(), server(), 1017, FIN | ACK, b"");
    assert_eq!(asked(&[ask(1001, "abc"), ask(1014, "opq"), finish]), ended("abc", gap(10, 3)));
    let finish = tcp(client(), server(), 1014, FIN | ACK, b"");
    assert_eq!(asked(&[ask(1001, "abc"), finish]), ended("abc", gap(10, 0)));
    let reset = tcp(client(), server(), 1017, RST, b"");
    assert_eq!(asked(&[ask(1001, "abc"), ask(1014, "opq"), reset]), ended("abc", gap(10, 3)));
    let again = tcp(client(), server(), 9000, SYN, b"");
    assert_eq!(asked(&[ask(1001, "abc"), ask(1014, "opq"), again]), ended("abc", gap(10, 3)));
}

#[test]
fn a_finished_stream_stays_ended() {
    let finish = tcp(client(), server(), 1004, FIN | ACK, b"def");
    let late = [ask(1001, "abc"), finish.clone(), ask(1007, "X"), ask(1004, "def"), finish.clone()];
    assert_eq!(asked(&late), ended("abcdef", EndCause::Finished));
    assert_eq!(asked(&[finish, ask(1001, "abc")]), ended("abcdef", EndCause::Finished));
    let empty = tcp(client(), server(), 1001, FIN | ACK, b"");
    assert_eq!(asked(&[empty]), ended("", EndCause::Finished));
}

#[test]
fn a_finish_from_the_past_is_ignored() {
    let stale = tcp(client(), server(), 1002, FIN | ACK, b"");
    assert_eq!(asked(&[ask(1001, "abc"), stale, ask(1004, "d")]), open("abcd"));
}

#[test]
fn a_reset_ends_both_directions() {
    let events = events(&connection(&[
        ask(1001, "abc"),
        answer(5001, "x"),
        tcp(server(), client(), 5002, RST, b""),
        ask(1004, "late"),
        answer(5002, "late"),
    ]));
    let streams = streams(&events);
    assert_eq!(streams[&1], ended("abc", EndCause::Reset));
    assert_eq!(streams[&2], ended("x", EndCause::Reset));
    assert_eq!(streams.len(), 2);
}

#[test]
fn a_new_handshake_on_the_same_ports_is_a_new_connection() {
    let mut packets = vec![ask(1001, "old"), answer(5001, "OLD")];
    packets.push(tcp(client(), server(), 3000, SYN, b""));
    packets.push(tcp(server(), client(), 700, SYN | ACK, b""));
    packets.extend([ask(3001, "new"), answer(701, "NEW"), ask(1004, "stale")]);
    let events = events(&connection(&packets));
    let streams = streams(&events);
    assert_eq!(streams[&1], ended("old", EndCause::Replaced));
    assert_eq!(streams[&2], ended("OLD", EndCause::Replaced));
    assert_eq!(streams[&3], open("new"));
    assert_eq!(streams[&4], open("NEW"));
    assert_eq!(notes(&events), []);
}

#[test]
fn a_new_handshake_may_lack_either_half() {
    let old = [ask(1001, "old"), answer(5001, "OLD")];
    let mut reply = tcp(server(), client(), 700, SYN | ACK, b"");
    reply[28..32].copy_from_slice(&3001_u32.to_be_bytes());

    let lost_reply =
        [tcp(client(), server(), 3000, SYN, b""), ask(3001, "new"), answer(701, "NEW")];
    let events_of = |new: &[Vec<u8>]| events(&connection(&[&old[..], new].concat()));
    let streams_of = |new: &[Vec<u8>]| streams(&events_of(new)).into_values().collect::<Vec<_>>();
    let replaced = [ended("old", EndCause::Replaced), ended("OLD", EndCause::Replaced)];
    let both = [&replaced[..], &[open("new"), open("NEW")]].concat();
    assert_eq!(streams_of(&lost_reply), both);
    let lost_start = [reply.clone(), answer(701, "NEW"), ask(3001, "new")];
    assert_eq!(streams_of(&lost_start), [&replaced[..], &[open("NEW"), open("new")]].concat());

    // Where only the server's side of the old connection was seen, its SYN must not end the client's new side.
    let file = pcap(
        RAW,
        &[answer(5001, "OLD"), lost_reply[0].clone(), reply, ask(3001, "new"), answer(701, "NEW")],
    );
    let streams: Vec<_> = streams(&events(&file)).into_values().collect();
    assert_eq!(streams, [ended("OLD", EndCause::Replaced), open("new"), open("NEW")]);
}

#[test]
fn streams_still_open_end_in_the_order_they_began() {
    let ports = [9, 5, 7, 1].map(|port| SocketAddr::new(client().ip(), port));
    let file = pcap(RAW, &ports.map(|port| tcp(port, server(), 1, SYN, b"")));
    let ended: Vec<_> = events(&file)
        .iter()
        .filter_map(|event| if let Event::End(end) = event { Some(end.from) } else { None })
        .collect();
    assert_eq!(ended, ports);
}

#[test]
fn a_finished_connection_makes_room_for_the_next_on_its_ports() {
    let mut packets = vec![tcp(client(), server(), 1001, FIN | ACK, b"old")];
    // Even with the same sequence number.
    packets.extend([tcp(client(), server(), 1000, SYN, b""), ask(1001, "new")]);
    let streams = streams(&events(&connection(&packets)));
    assert_eq!(streams[&1], ended("old", EndCause::Finished));
    assert_eq!(
        streams[&2],
        ended("", EndCause::Replaced),
        "the server's side of the old connection"
    );
    assert_eq!(streams[&3], open("new"));
}

#[test]
fn a_repeated_handshake_is_the_same_connection() {
    let again = handshake();
    let packets = [&again[..1], &[ask(1001, "abc")], &again[..], &[ask(1004, "d")]].concat();
    let streams = streams(&events(&connection(&packets)));
    assert_eq!(streams[&1], open("abcd"));
    assert_eq!(streams.len(), 2);
}

#[test]
fn a_handshake_may_carry_bytes() {
    let file = pcap(RAW, &[tcp(client(), server(), 1000, SYN, b"ab"), ask(1003, "c")]);
    assert_eq!(streams(&events(&file))[&1], open("abc"));
}

#[test]
fn without_a_handshake_a_stream_starts_with_the_first_bytes() {
    let file = pcap(RAW, &[ask(999, ""), ask(1004, "def"), ask(1001, "abc"), ask(1007, "g")]);
    let events = events(&file);
    assert_eq!(streams(&events), BTreeMap::from([(1, open("defg"))]));
    assert_eq!(notes(&events), [Note::NoStart { stream: StreamId(1), packet: 2 }]);
}

#[test]
fn bytes_before_their_handshake_are_of_the_same_stream() {
    let [syn, ..] = &handshake()[..] else { unreachable!() };
    let file = pcap(RAW, &[ask(1001, "abc"), syn.clone(), ask(1004, "d")]);
    assert_eq!(streams(&events(&file)), BTreeMap::from([(1, open("abcd"))]));
}

#[test]
fn ports_select_connections() {
    let other = address("127.0.0.1:9000");
    let file = pcap(
        RAW,
        &[
            ask(1, "a"),
            answer(1, "b"),
            tcp(client(), other, 1, ACK, b"c"),
            tcp(other, other, 1, ACK, b"d"),
        ],
    );
    let chosen = |ports: &[u16]| {
        let options = Options { ports: ports.iter().copied().collect(), ..Options::default() };
        let (events, failure) = read(&file, options);
        assert!(failure.is_none());
        streams(&events).into_values().map(|(text, _)| text).collect::<Vec<_>>()
    };
    assert_eq!(chosen(&[]), ["a", "b", "c", "d"]);
    assert_eq!(chosen(&[4801]), ["a", "b"]);
    assert_eq!(chosen(&[4801, 9000]), ["a", "b", "c", "d"]);
    assert_eq!(chosen(&[9000]), ["c", "d"]);
    assert_eq!(chosen(&[1]), [""; 0]);
}

#[test]
fn held_bytes_have_a_limit_for_each_stream() {
    let options = Options { max_held: 2 * (64 + 3), ..Options::default() };
    let two = [ask(1001, "abc"), ask(1014, "opq"), ask(1020, "uvw")];
    let (events, _) = read(&connection(&two), options.clone());
    assert_eq!(
        streams(&events)[&1],
        ended("abc", gap(10, 6)),
        "at the limit, the capture's end is the end"
    );
    assert_eq!(notes(&events), []);

    let three =
        [&two[..], &[ask(1030, "z"), ask(1004, "defghijklm"), answer(5001, "fine")]].concat();
    let (events, _) = read(&connection(&three), options);
    assert_eq!(
        streams(&events)[&1],
        ended("abc", gap(10, 7)),
        "past it, what comes late is too late"
    );
    assert_eq!(streams(&events)[&2], open("fine"));
    assert_eq!(notes(&events), [Note::HeldLimit { stream: StreamId(1), packet: 7 }]);
}

#[test]
fn held_bytes_have_a_limit_for_all_streams() {
    let options = Options { max_held_total: 2 * (64 + 1), ..Options::default() };
    let held = [
        ask(1003, "c"),
        answer(5003, "z"),
        ask(1005, "e"),
        answer(5001, "xy"),
        answer(5004, "!"),
        answer(5006, "?"),
        answer(5007, "?"),
    ];
    let (events, _) = read(&connection(&held), options.clone());
    assert_eq!(streams(&events)[&1], ended("", gap(2, 2)));
    assert_eq!(streams(&events)[&2], ended("xyz!", gap(1, 2)));
    assert_eq!(notes(&events), [Note::HeldLimit { stream: StreamId(1), packet: 6 }]);

    // What is handed out or given up is held no longer.
    let held = [ask(1003, "c"), ask(1001, "ab"), answer(5003, "z"), ask(1005, "e"), ask(1004, "d")];
    let (events, _) = read(&connection(&held), options);
    assert_eq!(streams(&events)[&1], open("abcde"));
    assert_eq!(notes(&events), []);
}

#[test]
fn open_streams_have_a_limit_and_ended_ones_make_room() {
    let options = Options { max_streams: 2, ..Options::default() };
    let third = tcp(address("127.0.0.1:50002"), server(), 1, SYN, b"");
    let (events, failure) = read(&connection(&[ask(1001, "abc"), third.clone()]), options.clone());
    assert!(matches!(failure, Some(CaptureError::TooManyStreams { packet: 5, limit: 2 })));
    assert_eq!(streams(&events)[&1], open("abc"), "what was read before is told");

    let finish = tcp(client(), server(), 1001, FIN | ACK, b"abc");
    let packets = [finish.clone(), third];
    let (events, failure) = read(&connection(&packets), options.clone());
    assert!(failure.is_none());
    assert_eq!(streams(&events).len(), 3);

    // What made room is forgotten: its repetition would be a stream again.
    let (_, failure) = read(&connection(&[&packets[..], &[finish]].concat()), options);
    assert!(matches!(failure, Some(CaptureError::TooManyStreams { packet: 6, limit: 2 })));
}

#[test]
fn the_customers_words_are_in_no_debug_output() {
    let file = connection(&[ask(1001, "secret"), ask(1030, "hidden")]);
    let mut capture = Capture::open(&file[..], Options::default()).unwrap();
    let mut shown = String::new();
    while let Some(event) = capture.next() {
        shown += &format!("{event:?} {capture:?}");
    }
    for words in ["secret", "hidden"] {
        assert!(!shown.contains(words) && !shown.contains(&format!("{:?}", words.as_bytes())));
        assert!(!shown.contains(&format!("{}, {}", words.as_bytes()[0], words.as_bytes()[1])));
    }
    assert!(shown.contains("bytes: 6"));
}
