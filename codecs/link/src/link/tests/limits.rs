//! How large frames may be (wire §1).

use confer_core::frame::EventBody;

use super::*;
use crate::testing::infos;

/// A frame of this size that means nothing to anybody.
fn frame(protocol: Protocol, size: usize) -> Vec<u8> {
    padded(control(protocol, 0, Control::AddpReply), size)
}

/// Holds a link against its limit: takes a frame of `limit` bytes, and none of one more.
fn assert_limit(link: &mut ServerLink, protocol: Protocol, limit: u32) {
    let limit = limit as usize;
    feed_port(link, &frame(protocol, limit), START);
    assert_eq!(link.poll_change(), None, "a frame of {limit} bytes");
    // The length alone is enough.
    feed_port(link, &frame(protocol, limit + 1)[..4], START);
    assert_eq!(link.poll_change(), Some(undecodable(Reason::FrameLength, 0, 0)));
}

fn send(link: &mut ServerLink, frame: Frame<Event>) {
    link.send(frame.map(Into::into), START).unwrap();
}

#[test]
fn frames_are_limited_on_every_port() {
    for receive_limit in [1024, 65_535, 65_536, 65_537, 524_288, MAX_FRAME - 1] {
        for &protocol in PROTOCOLS {
            let settings = Settings { receive_limit, ..Settings::server() };
            let mut link = ServerLink::new(protocol, settings, START);
            // wire §1: 65536 on a basic connection until it is registered.
            let stranger = protocol == Protocol::Basic;
            let limit = if stranger { receive_limit.min(STRANGER_FRAME) } else { receive_limit };
            assert_limit(&mut link, protocol, limit);
        }
    }
}

/// wire §1: EventRegistered raises the limit of a basic connection, EventUnregistered lowers it.
#[test]
fn a_registration_raises_the_limit() {
    let connect = || ServerLink::new(Protocol::Basic, Settings::server(), START);

    let mut link = connect();
    feed_port(&mut link, &register(None), START);
    assert_limit(&mut link, Protocol::Basic, STRANGER_FRAME);

    let mut link = connect();
    feed_port(&mut link, &register(None), START);
    send(&mut link, registered());
    assert_limit(&mut link, Protocol::Basic, 524_288);

    let mut link = connect();
    feed_port(&mut link, &register(None), START);
    send(&mut link, registered());
    send(&mut link, unregistered());
    assert_limit(&mut link, Protocol::Basic, STRANGER_FRAME);
}

/// Nobody has to wait for the answer: what follows a Register in the same piece is held against the
/// limit of the machine's answer to it.
#[test]
fn the_limit_changes_between_two_frames_of_one_piece() {
    let large = padded(request(Protocol::Basic, 5).0, 100_000);
    let bytes = [register(None), large.clone()].concat();

    let mut link = Server::new(Settings::server(), START);
    let mut input = &bytes[..];
    assert!(link.receive(&mut input, START).is_some());
    link.send(registered(), START).unwrap();
    let expected = Frame::new(5, basic::Request::RequestUnregister);
    assert_eq!(link.receive(&mut input, START), Some(Received::Frame(expected)));
    assert_eq!(link.receive(&mut input, START), None);

    let mut link = Server::new(Settings::server(), START);
    let mut input = &bytes[..];
    assert!(link.receive(&mut input, START).is_some());
    assert_eq!(link.receive(&mut input, START), None);
    assert_eq!(link.poll_change(), Some(undecodable(Reason::FrameLength, 0, 0)));
}

/// A frame is held against the limit its header met.
#[test]
fn a_frame_under_way_is_not_refused_for_a_lower_limit() {
    let large = padded(request(Protocol::Basic, 5).0, 100_000);
    for (arrived, lost) in [(11, true), (12, false), (99_999, false)] {
        let mut link = Server::new(Settings::server(), START);
        feed(&mut link, &register(None), START);
        link.send(registered(), START).unwrap();
        feed(&mut link, &large[..arrived], START);
        link.send(unregistered(), START).unwrap();
        let received = feed(&mut link, &large[arrived..], START);
        assert_eq!((received.len(), link.poll_change().is_some()), (usize::from(!lost), lost));
    }
}

/// wire §1: 65536 bytes for whoever has not shown the token, on any port; the port's own limit then.
#[test]
fn without_the_token_frames_are_small() {
    for receive_limit in [1024, 524_288] {
        for &protocol in PROTOCOLS {
            let access_token = Secret::new("open sesame");
            let settings = Settings {
                receive_limit,
                access_token: Some(access_token.clone()),
                ..Settings::server()
            };
            let connect = || ServerLink::new(protocol, settings.clone(), START);
            let shown = control(protocol, 0, Control::Authenticate { access_token });
            let limit = receive_limit.min(STRANGER_FRAME);

            let mut link = connect();
            feed_port(&mut link, &padded(shown.clone(), limit as usize + 1)[..4], START);
            assert_eq!(link.poll_change(), Some(undecodable(Reason::FrameLength, 0, 0)));

            let mut link = connect();
            feed_port(&mut link, &padded(shown, limit as usize), START);
            let limit = if protocol == Protocol::Basic { limit } else { receive_limit };
            assert_limit(&mut link, protocol, limit);
        }
    }
}

/// Whether a message of 8 KB goes out whole, and not without its text.
fn sends_large(link: &mut Server) -> bool {
    link.send(Frame::unsolicited(talk(1..=1, &"x".repeat(4000))), START).unwrap();
    let bytes = take(link);
    let infos = infos(&bytes);
    let EventBody::Message(message) = &infos[0].body.chat_transcript.events[0].body else {
        panic!("not a message")
    };
    assert!(message.message_text.is_empty() || bytes.len() > 8000);
    assert!(!message.message_text.is_empty() || bytes.len() < 4096);
    !message.message_text.is_empty()
}

fn refused() -> Frame<Event> {
    Frame::new(
        1,
        Event::EventError(basic::EventError {
            error_id: 8303,
            error_text: Str::new("already registered"),
            session_id: None,
        }),
    )
}

/// wire §1, §4.1: a client's MaxFrame counts from the answer to its Register on.
#[test]
fn the_limit_of_a_client_counts_once_it_is_registered() {
    let mut link = Server::new(Settings::server(), START);
    feed(&mut link, &register(Some(4096)), START);
    assert!(sends_large(&mut link));
    link.send(registered(), START).unwrap();
    take(&mut link);
    assert!(!sends_large(&mut link));
}

/// A Register that is refused changes nothing, neither in front of the one that is not, nor behind it.
#[test]
fn a_refused_register_does_not_change_the_limit() {
    let mut link = Server::new(Settings::server(), START);
    feed(&mut link, &register(Some(4096)), START);
    link.send(refused(), START).unwrap();
    take(&mut link);
    assert!(sends_large(&mut link));
    feed(&mut link, &register(None), START);
    link.send(registered(), START).unwrap();
    take(&mut link);
    assert!(sends_large(&mut link));

    for second in [None, Some(100_000)] {
        let mut link = Server::new(Settings::server(), START);
        feed(&mut link, &register(Some(4096)), START);
        link.send(registered(), START).unwrap();
        feed(&mut link, &register(second), START);
        link.send(refused(), START).unwrap();
        take(&mut link);
        assert!(!sends_large(&mut link));
        // Nor does it lie in wait for the next registration.
        link.send(unregistered(), START).unwrap();
        feed(&mut link, &register(Some(5000)), START);
        link.send(registered(), START).unwrap();
        take(&mut link);
        assert!(!sends_large(&mut link));
    }
}

/// Another registration announces its own limit, or none.
#[test]
fn each_registration_has_its_own_limit() {
    let mut link = Server::new(Settings::server(), START);
    for (max_frame, large) in [(Some(4096), false), (None, true), (Some(4096), false)] {
        feed(&mut link, &register(max_frame), START);
        link.send(registered(), START).unwrap();
        take(&mut link);
        assert_eq!(sends_large(&mut link), large, "MaxFrame {max_frame:?}");
        link.send(unregistered(), START).unwrap();
        take(&mut link);
    }
}

/// A MaxFrame above the protocol's own limit is none (wire §1: else 16777216).
#[test]
fn a_client_cannot_raise_the_limit_of_the_protocol() {
    let mut link = Server::new(Settings::server(), START);
    feed(&mut link, &register(Some(i32::MAX as u32)), START);
    link.send(registered(), START).unwrap();
    take(&mut link);
    let words = "x".repeat(MAX_FRAME as usize / 2);
    link.send(Frame::unsolicited(talk(1..=1, &words)), START).unwrap();
    assert!(take(&mut link).len() < 4096, "goes without its text");
}
