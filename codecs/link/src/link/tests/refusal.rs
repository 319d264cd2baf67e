//! The answer to a frame that cannot be read (wire §7).

use super::*;

/// A sound header with reference 77, and an attribute of a type there is none of.
fn broken(protocol: Protocol) -> Vec<u8> {
    let mut bytes = control(protocol, 77, Control::AddpReply);
    bytes.extend_from_slice(&[0, 1, 99]);
    bytes[3] += 3;
    bytes
}

/// The header of a frame, with this many bytes announced.
fn header(protocol: Protocol, length: u32) -> Vec<u8> {
    let mut bytes = control(protocol, 77, Control::AddpReply);
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// wire §7: 8300 with the reference of the frame, if its header was read; then the end.
#[test]
fn an_undecodable_frame_is_answered_and_ends_the_link() {
    for &protocol in PROTOCOLS {
        for piece in [1, 5, 12, usize::MAX] {
            let mut link = ServerLink::new(protocol, Settings::server(), START);
            let (request, expected) = request(protocol, 5);
            // What came before it counts, what comes behind it in the same piece does not.
            let bytes = [&request[..], &broken(protocol), &request].concat();
            let received: Vec<_> = bytes
                .chunks(piece.min(bytes.len()))
                .flat_map(|piece| feed_port(&mut link, piece, at(100)))
                .collect();
            assert_eq!(received, [expected]);
            assert_eq!(link.poll_change(), Some(undecodable(Reason::UnknownType, 14, 77)));
            assert_eq!(link.poll_change(), None);

            assert!(!link.is_finished(), "the answer waits");
            assert_eq!(feed_port(&mut link, &request, at(100)), []);
            let answer = take_port(&mut link);
            assert_eq!(refusal(protocol, &answer), (77, Some(8300)));
            assert!(link.is_finished());
            assert_eq!(feed_port(&mut link, &request, at(100)), []);
            assert_eq!(link.poll_change(), None);
        }
    }
}

/// wire §1, §7: a frame is refused by its first bytes, before the rest has arrived; no reference was
/// read then.
#[test]
fn a_bad_header_is_refused_at_once() {
    for &protocol in PROTOCOLS {
        let mut other = header(protocol, 8);
        other[4] = if protocol == Protocol::Basic { b'F' } else { b'B' };
        let mut version = header(protocol, 8);
        version[5] = 2;
        for (bytes, reason, offset, needed) in [
            (header(protocol, 7), Reason::FrameLength, 0, 4),
            (header(protocol, 0), Reason::FrameLength, 0, 4),
            (header(protocol, u32::MAX), Reason::FrameLength, 0, 4),
            (header(protocol, MAX_FRAME - 3), Reason::FrameLength, 0, 4),
            (other, Reason::Protocol, 4, 5),
            (version, Reason::Version, 5, 6),
        ] {
            for end in needed..=bytes.len() {
                let mut link = ServerLink::new(protocol, Settings::server(), START);
                feed_port(&mut link, &bytes[..needed - 1], START);
                assert_eq!(link.poll_change(), None);
                feed_port(&mut link, &bytes[needed - 1..end], START);
                assert_eq!(link.poll_change(), Some(undecodable(reason, offset, 0)));
                assert_eq!(refusal(protocol, &take_port(&mut link)), (0, Some(8300)));
                assert!(link.is_finished());
            }
        }
    }
}

/// The answer comes behind whatever the peer was told before.
#[test]
fn the_refusal_is_the_last_word() {
    let mut link = Server::new(Settings::server(), START);
    link.send(unregistered(), START).unwrap();
    link.send(Frame::unsolicited(talk(1..=20_000, "waiting")), START).unwrap();
    feed(&mut link, &broken(Protocol::Basic), START);
    assert_eq!(link.send(registered(), START), Err(SendError::Closed));
    let bytes = take(&mut link);
    let frames = decoded::<confer_basic::Client>(&bytes);
    assert_eq!(frames[0], Decoded::Frame(unregistered()));
    let Some(Decoded::Frame(Frame { reference: 77, body: Event::EventError(error) })) =
        frames.last()
    else {
        panic!("the last frame is no refusal")
    };
    assert_eq!(error.error_id, 8300);
    assert!(error.error_text.contains("unknown type at byte 14"), "{}", error.error_text);
    assert!(link.is_finished());
}

/// Whoever does not take the last words does not get them.
#[test]
fn the_last_words_wait_for_their_time_only() {
    for part in [0, 1, 20] {
        let mut link = Server::new(Settings::server(), START);
        feed(&mut link, &broken(Protocol::Basic), at(100));
        let until = at(100) + CLOSING_TIME;
        link.sent(part);
        assert_eq!(link.poll_timeout(), Some(until));
        link.handle_timeout(at(until.as_millis() - 1));
        assert!(!link.is_finished() && !link.output().is_empty());
        link.handle_timeout(until);
        assert!(link.is_finished() && link.output().is_empty());
        assert_eq!(link.poll_timeout(), None);
        assert_eq!(link.poll_change(), Some(undecodable(Reason::UnknownType, 14, 77)));
        assert_eq!(link.poll_change(), None);
    }
}

/// The end comes even where there is no room for the answer.
#[test]
fn a_refusal_needs_no_room() {
    let settings = Settings { output_max_size: 1000, ..Settings::server() };
    let mut link = Server::new(settings, START);
    link.send(Frame::unsolicited(sized(1000)), START).unwrap();
    feed(&mut link, &broken(Protocol::Basic), START);
    assert_eq!(link.poll_change(), Some(undecodable(Reason::UnknownType, 14, 77)));
    assert!(!link.is_finished());
    take(&mut link);
    assert!(link.is_finished());
}

/// A connection ends once, whatever becomes of what still waits.
#[test]
fn a_closing_link_is_not_lost_again() {
    let mut events: Vec<_> = (1..=60_000).map(|number| event(number, "waiting")).collect();
    events[59_999] = event(60_000, "a\0b");
    for polled in [true, false] {
        let mut link = Server::new(Settings::server(), START);
        link.send(Frame::unsolicited(news(events.clone())), START).unwrap();
        feed(&mut link, &broken(Protocol::Basic), START);
        let lost = Some(undecodable(Reason::UnknownType, 14, 77));
        if polled {
            assert_eq!(link.poll_change(), lost);
        }
        take(&mut link);
        assert!(link.is_finished());
        assert_eq!(link.poll_change(), lost.filter(|_| !polled));
    }
}

/// A client has no answer to bytes it cannot read, and nothing to wait for.
#[test]
fn a_client_just_goes() {
    let mut desk = Desk::new(Settings::client(), START);
    assert_eq!(feed(&mut desk, &broken(Protocol::Basic), START), []);
    assert_eq!(desk.poll_change(), Some(undecodable(Reason::UnknownType, 14, 77)));
    assert!(desk.output().is_empty());
    assert!(desk.is_finished());
}

/// wire §7: a sound frame that makes no sense is the machine's business, and the connection lives.
#[test]
fn a_malformed_frame_is_passed_on() {
    for &protocol in PROTOCOLS {
        let mut link = ServerLink::new(protocol, Settings::server(), START);
        let mut unknown = control(protocol, 9, Control::AddpReply);
        unknown[6..8].copy_from_slice(&9999_u16.to_be_bytes());
        let received = feed_port(&mut link, &unknown, START);
        let [Received::Malformed(malformed)] = &received[..] else { panic!("{received:?}") };
        assert_eq!((malformed.reference, malformed.message), (9, 9999));
        let (bytes, expected) = request(protocol, 5);
        assert_eq!(feed_port(&mut link, &bytes, START), [expected]);
        assert_eq!(link.poll_change(), None);
        assert!(link.output().is_empty());
    }
}
