//! Bytes that are no frames, or not quite.

use std::fmt::Debug;

use confer_basic::Client as BasicClient;
use confer_core::frame::{Control, ErrorId, Frame};
use confer_esp::Client as EspClient;
use confer_flex::Client as FlexClient;
use confer_wire::{Codec, Decoded, HEADER_SIZE};
use quickcheck::Gen;

use super::crowd::resident;
use super::people::{House, Raw, Refuses, bytes, control, registration};
use super::{Shell, port};
use crate::arbitrary::{self, Source};
use crate::cases;
use crate::seeds::each_at_once;

/// Nobody announces more than the port takes.
pub fn an_oversized_frame_is_answered_and_the_connection_closed<S: Shell>() {
    // wire §1: refused by its first bytes. 65536 bytes before a Register, request-max-size beyond.
    let house = House::<S>::open();
    is_undecodable::<BasicClient, S>(&house, &header::<BasicClient>(65_537));
    is_undecodable::<FlexClient, S>(&house, &header::<FlexClient>(524_289));
    is_undecodable::<EspClient, S>(&house, &header::<EspClient>(524_289));
    assert_eq!(house.shell().tally().undecodable, 3);
    house.serves_others();
}

/// Neither does a browser that took the wrong port harm anybody.
pub fn garbage_is_answered_and_the_connection_closed<S: Shell>() {
    // wire §7
    const BROWSER: &[u8] = b"GET / HTTP/1.1\r\nHost: chat.example\r\n\r\n";
    let house = House::<S>::open();
    is_undecodable::<BasicClient, S>(&house, BROWSER);
    is_undecodable::<FlexClient, S>(&house, BROWSER);
    is_undecodable::<EspClient, S>(&house, BROWSER);
    assert_eq!(house.shell().tally().undecodable, 3);
    house.serves_others();
}

/// A frame of one protocol means nothing to another.
pub fn frames_of_another_port_are_answered_and_the_connection_closed<S: Shell>() {
    // wire §1
    let house = House::<S>::open();
    let basic = control::<BasicClient>(9, Control::AddpPoll);
    let flex = control::<FlexClient>(9, Control::AddpPoll);
    let esp = control::<EspClient>(9, Control::AddpPoll);
    for frame in [&flex, &esp] {
        is_undecodable::<BasicClient, S>(&house, frame);
    }
    for frame in [&basic, &esp] {
        is_undecodable::<FlexClient, S>(&house, frame);
    }
    for frame in [&basic, &flex] {
        is_undecodable::<EspClient, S>(&house, frame);
    }
    assert_eq!(house.shell().tally().undecodable, 6);
    house.serves_others();
}

/// A frame that ends before what is in it.
pub fn a_truncated_frame_is_answered_and_the_connection_closed<S: Shell>() {
    // wire §2: lengths that run past their container. The header was read, with its reference.
    let house = House::<S>::open();
    is_cut_in_itself::<BasicClient, S>(&house);
    is_cut_in_itself::<FlexClient, S>(&house);
    is_cut_in_itself::<EspClient, S>(&house);
    assert_eq!(house.shell().tally().undecodable, 3);
    house.serves_others();
}

/// Whoever goes in the middle of a frame is gone.
pub fn half_a_frame_and_no_more<S: Shell>() {
    let house = House::<S>::open();
    let frame = registration("Ana");
    for length in [1, 4, 11, 12, 13, frame.len() - 1] {
        let mut raw = house.raw::<BasicClient>();
        assert!(raw.writes(&frame[..length]));
        raw.falls_silent();
        assert_eq!(raw.hears(), None, "after {length} bytes");
    }
    let tally = house.shell().tally();
    assert_eq!((tally.opened, tally.undecodable), (6, 0));
    house.serves_others();
}

/// A sound frame that makes no sense does not end the connection.
pub fn a_malformed_request_costs_nothing_but_an_answer<S: Shell>() {
    // wire §7: 8301
    let house = House::<S>::open();
    let mut raw = house.raw::<BasicClient>();
    let mut unknown = header::<BasicClient>(12);
    unknown[6..8].copy_from_slice(&99_u16.to_be_bytes());
    assert!(raw.writes(&unknown));
    let Some(Decoded::Frame(answer)) = raw.hears() else { panic!("no answer") };
    assert_eq!((answer.reference, answer.body.error()), (7, Some(ErrorId::Malformed)));
    assert!(raw.writes(&control::<BasicClient>(8, Control::AddpPoll)));
    let reply = Frame::new(8, Control::AddpReply);
    assert_eq!(raw.hears(), Some(Decoded::Control(reply)));
    let tally = house.shell().tally();
    assert_eq!((tally.malformed, tally.undecodable, tally.closed), (1, 0, 0));
}

/// Frames of agents, not quite as they were written.
pub fn mutated_frames_on_port_default<S: Shell>() {
    let request = |source: &mut Gen| {
        bytes::<BasicClient>(arbitrary::reference(source), arbitrary::basic_request(source))
    };
    survives_mutated::<BasicClient, S>(|source| request(source).to_vec());
}

/// Frames of gateways, not quite as they were written.
pub fn mutated_frames_on_port_webapi<S: Shell>() {
    let request = |source: &mut Gen| {
        bytes::<FlexClient>(arbitrary::reference(source), arbitrary::flex_request(source))
    };
    survives_mutated::<FlexClient, S>(|source| request(source).to_vec());
}

/// Frames of workflows, not quite as they were written.
pub fn mutated_frames_on_port_esp<S: Shell>() {
    let request = |source: &mut Gen| {
        bytes::<EspClient>(arbitrary::reference(source), arbitrary::esp_request(source))
    };
    survives_mutated::<EspClient, S>(|source| request(source).to_vec());
}

/// A header of message 1 with reference 7 that announces a frame of `size` bytes.
fn header<C: Codec>(size: u32) -> Vec<u8> {
    let mut header = control::<C>(7, Control::AddpPoll).to_vec();
    header[..4].copy_from_slice(&(size - 4).to_be_bytes());
    header[6..8].copy_from_slice(&1_u16.to_be_bytes());
    header
}

/// What these bytes are answered with: 8300 without a reference, and no more.
fn is_undecodable<C, S>(house: &House<S>, bytes: &[u8])
where
    C: Codec,
    C::In: Refuses + Debug,
    S: Shell,
{
    // The frame was refused before its reference was read.
    is_answered_undecodable::<C, S>(house, bytes, 0);
}

/// A frame with one attribute, a STR of four bytes of which one is there, is refused.
fn is_cut_in_itself<C, S>(house: &House<S>)
where
    C: Codec,
    C::In: Refuses + Debug,
    S: Shell,
{
    let attribute = [0, 1, 3, 0, 0, 0, 4, b'x'];
    let frame = [&*header::<C>(20), &attribute].concat();
    is_answered_undecodable::<C, S>(house, &frame, 7);
}

fn is_answered_undecodable<C, S>(house: &House<S>, bytes: &[u8], reference: u32)
where
    C: Codec,
    C::In: Refuses + Debug,
    S: Shell,
{
    let mut raw = house.raw::<C>();
    assert!(raw.writes(bytes));
    match raw.hears() {
        Some(Decoded::Frame(answer)) => {
            assert_eq!(answer.body.error(), Some(ErrorId::Undecodable), "{answer:?}");
            assert_eq!(answer.reference, reference);
        }
        other => panic!("not refused: {other:?}"),
    }
    assert!(raw.hears().is_none(), "it is closed");
}

/// Sends mutated frames from several connections, on each one after the other, and each answered
/// somehow or the end of its connection.
fn survives_mutated<C, S>(request: impl Fn(&mut Gen) -> Vec<u8> + Sync)
where
    C: Codec,
    C::In: Debug,
    S: Shell,
{
    const CONNECTIONS: usize = 8;
    let house = House::<S>::open();
    let (address, request) = (house.address::<C>(), &request);
    let count = cases(20_000, 1_000_000);
    let before = resident();
    each_at_once("mutated frames", count, CONNECTIONS, || {
        let mut connection = None;
        move |seed| {
            let mut source = Gen::from_size_and_seed(16, seed);
            let mut frame = request(&mut source);
            let framed = mutate(&mut source, &mut frame);
            let new = || Raw::<C>::on(address).expect("the server accepts");
            let mut raw = connection.take().unwrap_or_else(new);
            if framed {
                frame.extend_from_slice(&control::<C>(u32::MAX, Control::AddpPoll));
            }
            let taken = raw.writes(&frame);
            if framed && taken {
                // The reply shows that the frame was dealt with.
                if replies(&mut raw) {
                    connection = Some(raw);
                }
            } else {
                raw.falls_silent();
                while raw.hears().is_some() {}
            }
        }
    });
    let tally = house.shell().tally();
    assert!(tally.undecodable > 0 && tally.malformed > 0, "each kind is counted: {tally:?}");
    let port = port(C::PROTOCOL);
    say(&format!("port {port} lived on through {count} mutated frames: {tally:?}"));
    if let (Some(before), Some(after)) = (before, resident()) {
        // Only one test at a time has a process, and its memory, for itself.
        say(&format!("port {port}: {} KiB more", after.saturating_sub(before) / 1024));
    }
    house.serves_others();
}

#[expect(clippy::print_stderr, reason = "whoever runs it in full wants to see what came of it")]
fn say(words: &str) {
    eprintln!("{words}");
}

/// Waits for the answer to the poll; whether it comes.
fn replies<C: Codec>(raw: &mut Raw<C>) -> bool {
    loop {
        match raw.hears() {
            Some(Decoded::Control(frame)) if frame.reference == u32::MAX => return true,
            Some(_) => {}
            None => return false,
        }
    }
}

/// Changes some bytes of a frame, now and then its length. Whether its length is that of its bytes.
fn mutate(source: &mut Gen, frame: &mut Vec<u8>) -> bool {
    let at = |source: &mut Gen, end: usize| {
        usize::from(u16::from_be_bytes([source.byte(), source.byte()])) % end
    };
    for _ in 0..source.byte() % 4 {
        // More often than not, behind the header: a wrong one hides the rest.
        let begin =
            if source.byte().is_multiple_of(8) { 4 } else { HEADER_SIZE.min(frame.len() - 1) };
        let place = begin + at(source, frame.len() - begin);
        frame[place] = source.byte();
    }
    match source.byte() % 16 {
        0 => {
            let place = at(source, 4);
            frame[place] = source.byte();
            false
        }
        1 => {
            frame.truncate(at(source, frame.len()));
            false
        }
        _ => true,
    }
}
