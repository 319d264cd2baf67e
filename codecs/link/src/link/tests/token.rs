//! The access token (B2.7, wire §4.4).

use super::*;

const TOKEN: &str = "open sesame";

fn authenticate(protocol: Protocol, reference: u32, token: &str) -> Vec<u8> {
    control(protocol, reference, Control::Authenticate { access_token: Secret::new(token) })
}

fn locked(protocol: Protocol) -> ServerLink {
    let settings = Settings { access_token: Some(Secret::new(TOKEN)), ..Settings::server() };
    ServerLink::new(protocol, settings, START)
}

fn assert_refused(mut link: ServerLink, protocol: Protocol, bytes: &[u8], reference: u32) {
    let (request, _) = request(protocol, 5);
    let bytes = [bytes, &authenticate(protocol, 0, TOKEN), &request].concat();
    assert_eq!(feed_port(&mut link, &bytes, at(100)), [], "nothing reaches the machine");
    assert_eq!(link.poll_change(), Some(Change::Lost(Loss::NotAuthenticated)));
    assert_eq!(link.poll_timeout(), Some(at(100) + CLOSING_TIME));
    assert_eq!(refusal(protocol, &take_port(&mut link)), (reference, Some(8307)));
    assert!(link.is_finished());
}

/// wire §4.4: no answer when right.
#[test]
fn the_right_token_opens_the_port() {
    for &protocol in PROTOCOLS {
        for piece in [1, usize::MAX] {
            let mut link = locked(protocol);
            let (request, expected) = request(protocol, 5);
            let bytes = [authenticate(protocol, 0, TOKEN), request].concat();
            let received: Vec<_> = bytes
                .chunks(piece.min(bytes.len()))
                .flat_map(|piece| feed_port(&mut link, piece, START))
                .collect();
            assert_eq!(received, [expected]);
            assert!(link.output().is_empty());
            assert_eq!(link.poll_change(), None);
        }
    }
}

/// wire §4.4: else error 8307 and close.
#[test]
fn a_wrong_token_ends_the_link() {
    for &protocol in PROTOCOLS {
        for token in ["", "open sesam", "open sesame ", "Open sesame", "open sesbme"] {
            assert_refused(locked(protocol), protocol, &authenticate(protocol, 3, token), 3);
        }
    }
}

/// B2.7: Authenticate must be the first frame.
#[test]
fn anything_else_in_front_ends_the_link() {
    for &protocol in PROTOCOLS {
        let polls = control(protocol, 0, Control::AddpPoll);
        assert_refused(locked(protocol), protocol, &polls, 0);
        let remote_timeout = Duration::from_secs(5);
        let asks = control(protocol, 4, Control::AddpSetup { remote_timeout });
        assert_refused(locked(protocol), protocol, &asks, 4);
        let (request, _) = request(protocol, 6);
        assert_refused(locked(protocol), protocol, &request, 6);
        let mut unknown = control(protocol, 8, Control::AddpReply);
        unknown[6..8].copy_from_slice(&9999_u16.to_be_bytes());
        assert_refused(locked(protocol), protocol, &unknown, 8);
    }
}

#[test]
fn a_token_that_is_not_there_is_wrong() {
    for &protocol in PROTOCOLS {
        let mut empty = control(protocol, 9, Control::AddpReply);
        empty[6..8].copy_from_slice(&map::AUTHENTICATE.to_be_bytes());
        assert_refused(locked(protocol), protocol, &empty, 9);
    }
}

/// A frame that cannot be read is that first (wire §7).
#[test]
fn an_undecodable_token_is_undecodable() {
    for &protocol in PROTOCOLS {
        let mut link = locked(protocol);
        let mut bytes = authenticate(protocol, 9, TOKEN);
        let last = bytes.len() - 1;
        bytes[last] = 0xff;
        assert_eq!(feed_port(&mut link, &bytes, START), []);
        let offset = u32::try_from(last).unwrap();
        assert_eq!(link.poll_change(), Some(undecodable(Reason::Utf8, offset, 9)));
        assert_eq!(refusal(protocol, &take_port(&mut link)), (9, Some(8300)));
    }
}

/// Who has shown the token is in; what else is shown does not matter, as on a port without a token.
#[test]
fn further_tokens_are_ignored() {
    for &protocol in PROTOCOLS {
        let mut opened = locked(protocol);
        feed_port(&mut opened, &authenticate(protocol, 0, TOKEN), START);
        let free = ServerLink::new(protocol, Settings::server(), START);
        for mut link in [opened, free] {
            for token in [TOKEN, "wrong", ""] {
                assert_eq!(feed_port(&mut link, &authenticate(protocol, 1, token), START), []);
            }
            assert!(link.output().is_empty());
            assert_eq!(link.poll_change(), None);
            let (request, expected) = request(protocol, 5);
            assert_eq!(feed_port(&mut link, &request, START), [expected]);
        }
    }
}

/// A client shows its token before anything else, ADDP included.
#[test]
fn a_client_shows_its_token_first() {
    let settings = Settings {
        access_token: Some(Secret::new(TOKEN)),
        addp_remote_timeout: Duration::from_secs(5),
        ..Settings::client()
    };
    let mut desk = Desk::new(settings.clone(), START);
    desk.send(Frame::new(5, basic::Request::RequestUnregister), START).unwrap();
    let bytes = take(&mut desk);
    let frames = decoded::<confer_basic::Server>(&bytes);
    let [first, second, third] = &frames[..] else { panic!("{frames:?}") };
    let access_token = Secret::new(TOKEN);
    assert_eq!(*first, Decoded::Control(Frame::new(0, Control::Authenticate { access_token })));
    assert!(matches!(second, Decoded::Control(Frame { body: Control::AddpSetup { .. }, .. })));
    assert!(matches!(third, Decoded::Frame(Frame { reference: 5, .. })));

    let mut server = locked(Protocol::Basic);
    assert_eq!(feed_port(&mut server, &bytes, START).len(), 1);

    // A node, and a workflow.
    let mut node = Link::<confer_flex::Client>::new(settings.clone(), START);
    assert_eq!(take(&mut node), authenticate(Protocol::Flex, 0, TOKEN));
    let mut workflow = Link::<confer_esp::Client>::new(settings, START);
    assert!(take(&mut workflow).starts_with(&authenticate(Protocol::Esp, 0, TOKEN)));
}

/// A client is not shown tokens: nobody but a server asks for one.
#[test]
fn a_client_asks_nobody_for_a_token() {
    let settings = Settings { access_token: Some(Secret::new(TOKEN)), ..Settings::client() };
    let mut desk = Desk::new(settings, START);
    take(&mut desk);
    let received = feed(&mut desk, &encoded::<confer_basic::Server>(&unregistered()), START);
    assert_eq!(received, [Received::Frame(unregistered())]);
    assert_eq!(desk.poll_change(), None);
}

/// Nothing of the token is ever printed.
#[test]
fn debug_does_not_show_the_token() {
    let settings = Settings { access_token: Some(Secret::new(TOKEN)), ..Settings::server() };
    let mut server = ServerLink::new(Protocol::Basic, settings.clone(), START);
    let desk = Desk::new(settings.clone(), START);
    let before = format!("{server:?}");
    feed_port(&mut server, &authenticate(Protocol::Basic, 0, "a wrong one"), START);
    let change = server.poll_change();
    for shown in [format!("{settings:?}"), before, format!("{server:?} {desk:?} {change:?}")] {
        assert!(!shown.contains("sesame") && !shown.contains("wrong"), "{shown}");
    }
}

/// B2.7: who shows nothing is put out, on a port without any other limit, too.
#[test]
fn a_peer_that_shows_nothing_is_given_up() {
    let settings = Settings { access_token: Some(Secret::new("right")), ..Settings::server() };
    let mut link = Link::<confer_esp::Server>::new(settings, START);
    assert_eq!(link.poll_timeout(), Some(START + UNLOCKING_TIME));
    link.handle_timeout(START + UNLOCKING_TIME - Duration::from_millis(1));
    assert_eq!(link.poll_change(), None);
    link.handle_timeout(START + UNLOCKING_TIME);
    assert_eq!(link.poll_change(), Some(Change::Lost(Loss::NotAuthenticated)));
    assert!(link.is_finished());
}
