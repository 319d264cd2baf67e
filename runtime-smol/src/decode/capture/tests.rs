mod build;
mod files;
mod hostile;
mod order;

use alloc::collections::BTreeMap;
use core::net::SocketAddr;

use super::*;
use build::{ACK, SYN, address, pcap, tcp};

const RAW: u32 = 101;

/// Everything a capture tells, and the error it ends with.
fn read(file: &[u8], options: Options) -> (Vec<Event>, Option<CaptureError>) {
    let mut capture = match Capture::open(file, options) {
        Ok(capture) => capture,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut events = Vec::new();
    let mut failure = None;
    for item in capture.by_ref() {
        assert!(failure.is_none(), "nothing follows an error");
        match item {
            Ok(event) => events.push(event),
            Err(error) => failure = Some(error),
        }
    }
    assert!(capture.next().is_none(), "the end is the end");
    (events, failure)
}

fn events(file: &[u8]) -> Vec<Event> {
    let (events, failure) = read(file, Options::default());
    assert!(failure.is_none(), "{failure:?}");
    events
}

/// The bytes of each stream, as text, and how it ended.
fn streams(events: &[Event]) -> BTreeMap<u64, (String, Option<EndCause>)> {
    let mut streams = BTreeMap::<u64, (String, Option<EndCause>)>::new();
    for event in events {
        match event {
            Event::Chunk(Chunk { stream, bytes, .. }) => {
                let (text, end) = streams.entry(stream.0).or_default();
                assert!(end.is_none() && !bytes.is_empty());
                text.push_str(core::str::from_utf8(bytes).unwrap());
            }
            Event::End(End { stream, cause, .. }) => {
                let (_, end) = streams.entry(stream.0).or_default();
                assert!(end.replace(*cause).is_none(), "one end for each stream");
            }
            Event::Note(_) => {}
        }
    }
    streams
}

fn notes(events: &[Event]) -> Vec<Note> {
    let note =
        |event: &Event| if let Event::Note(note) = event { Some(note.clone()) } else { None };
    events.iter().filter_map(note).collect()
}

fn client() -> SocketAddr {
    address("127.0.0.1:50001")
}

fn server() -> SocketAddr {
    address("127.0.0.1:4801")
}

/// The first packets of a connection: the client speaks from sequence number 1001, the server from 5001.
fn handshake() -> Vec<Vec<u8>> {
    vec![
        tcp(client(), server(), 1000, SYN, b""),
        tcp(server(), client(), 5000, SYN | ACK, b""),
        tcp(client(), server(), 1001, ACK, b""),
    ]
}

/// A segment from the client.
fn ask(sequence: u32, data: &str) -> Vec<u8> {
    tcp(client(), server(), sequence, ACK, data.as_bytes())
}

/// A segment from the server.
fn answer(sequence: u32, data: &str) -> Vec<u8> {
    tcp(server(), client(), sequence, ACK, data.as_bytes())
}

/// A handshake, then these packets.
fn connection(packets: &[Vec<u8>]) -> Vec<u8> {
    pcap(RAW, &[&handshake()[..], packets].concat())
}
