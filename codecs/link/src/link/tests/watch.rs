//! ADDP on a link (B2.6, wire §4.4).

use core::cmp::min;

use quickcheck::{Gen, QuickCheck};

use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn watched(own: u64, remote: u64) -> Settings {
    Settings {
        addp_timeout: seconds(own),
        addp_remote_timeout: seconds(remote),
        ..Settings::server()
    }
}

fn poll(protocol: Protocol) -> Vec<u8> {
    control(protocol, 0, Control::AddpPoll)
}

fn reply(protocol: Protocol) -> Vec<u8> {
    control(protocol, 0, Control::AddpReply)
}

fn setup(protocol: Protocol, remote_timeout: Duration) -> Vec<u8> {
    control(protocol, 0, Control::AddpSetup { remote_timeout })
}

fn node(reference: u32) -> Frame<flex::Request> {
    let node = flex::RequestNode { node_group: Str::new("web"), node_name: Str::new("web-1") };
    Frame::new(reference, flex::Request::RequestNode(node))
}

/// Basic and ESP: watched from the first moment on.
const WATCHED: [Protocol; 2] = [Protocol::Basic, Protocol::Esp];

#[test]
fn a_silent_peer_is_polled_and_then_lost() {
    for protocol in WATCHED {
        let mut link = ServerLink::new(protocol, watched(10, 0), START);
        assert!(link.output().is_empty());
        assert_eq!(link.poll_timeout(), Some(at(10_000)));
        link.handle_timeout(at(9_999));
        assert!(link.output().is_empty());
        link.handle_timeout(at(10_000));
        assert_eq!(link.output(), poll(protocol));
        assert_eq!(link.poll_timeout(), Some(at(20_000)));
        link.handle_timeout(at(20_000));
        assert_eq!(link.poll_change(), Some(Change::Lost(Loss::Silent)));
        // There is nobody to say anything to.
        assert!(link.is_finished() && link.output().is_empty());
        assert_eq!(link.poll_timeout(), None);
        assert_eq!(feed_port(&mut link, &reply(protocol), at(20_001)), []);
    }
}

/// wire §4.4: any received byte counts as life, even the first of a frame that never ends.
#[test]
fn any_byte_is_life() {
    let mut link = ServerLink::new(Protocol::Esp, watched(10, 0), START);
    let (bytes, _) = request(Protocol::Esp, 5);
    let mut now = START;
    for byte in bytes.chunks(1).take(bytes.len() - 1) {
        now += seconds(10);
        assert_eq!(link.poll_timeout(), Some(now));
        link.handle_timeout(now);
        assert_eq!(take_port(&mut link), poll(Protocol::Esp));
        now += seconds(9);
        feed_port(&mut link, byte, now);
    }
    // Nothing at all is no byte.
    feed_port(&mut link, &[], now + seconds(5));
    assert_eq!(link.poll_timeout(), Some(now + seconds(10)));
    assert_eq!(link.poll_change(), None);
}

/// wire §4.4: AddpSetup and AddpPoll are answered by AddpReply, on every port; AddpReply by nothing.
#[test]
fn polls_are_answered_everywhere() {
    for &protocol in PROTOCOLS {
        let mut link = ServerLink::new(protocol, Settings::server(), START);
        for (bytes, answer) in [
            (poll(protocol), reply(protocol)),
            (setup(protocol, seconds(5)), reply(protocol)),
            (setup(protocol, Duration::ZERO), reply(protocol)),
            (reply(protocol), Vec::new()),
        ] {
            assert_eq!(feed_port(&mut link, &bytes, START), [], "nothing of it for the machine");
            assert_eq!(take_port(&mut link), answer);
        }
    }
}

/// wire §4.4: 0 is off; anything else is held to 1 s … 1 day; the smaller of own and asked counts.
#[test]
fn the_peer_may_ask_to_be_watched() {
    for protocol in WATCHED {
        for (own, asked, used) in [
            (0, 5_000, Some(5_000)),
            (0, 1, Some(1_000)),
            (0, u64::MAX / 2, Some(86_400_000)),
            (0, 0, None),
            (10, 5_000, Some(5_000)),
            (10, 20_000, Some(10_000)),
            (10, 0, Some(10_000)),
        ] {
            let mut link = ServerLink::new(protocol, watched(own, 0), START);
            let asks = setup(protocol, Duration::from_millis(asked));
            feed_port(&mut link, &asks, at(100));
            assert_eq!(link.poll_timeout(), used.map(|used| at(100 + used)), "{own}, {asked}");
        }
        let mut link = ServerLink::new(protocol, Settings::server(), START);
        for (asked, used) in [(5, Some(at(5_000))), (0, None), (7, Some(at(7_000)))] {
            feed_port(&mut link, &setup(protocol, seconds(asked)), START);
            assert_eq!(link.poll_timeout(), used);
        }
    }
}

/// wire §4.4: a negative RemoteTimeout is malformed (8301), and changes nothing.
#[test]
fn a_negative_timeout_is_malformed() {
    let mut bytes = setup(Protocol::Basic, seconds(5));
    let end = bytes.len();
    bytes[end - 8..].copy_from_slice(&(-1_i64).to_be_bytes());
    let mut link = ServerLink::new(Protocol::Basic, Settings::server(), START);
    let received = feed_port(&mut link, &bytes, START);
    let [Received::Malformed(malformed)] = &received[..] else { panic!("{received:?}") };
    assert_eq!(malformed.message, map::ADDP_SETUP);
    assert!(link.output().is_empty());
    assert_eq!(link.poll_timeout(), None);
}

/// `addp-remote-timeout`: the other side is asked, once, as soon as there is somebody to ask.
#[test]
fn the_other_side_is_asked() {
    for protocol in WATCHED {
        let mut link = ServerLink::new(protocol, watched(0, 7), START);
        assert_eq!(take_port(&mut link), setup(protocol, seconds(7)));
        assert_eq!(link.poll_timeout(), None);
    }
    let mut desk = Desk::new(watched(0, 7), START);
    assert_eq!(take(&mut desk), setup(Protocol::Basic, seconds(7)));
}

/// B2.6: elsewhere on flex, ADDP is answered, but never started.
#[test]
fn flex_is_not_watched() {
    let mut link = ServerLink::new(Protocol::Flex, watched(10, 10), START);
    assert!(link.output().is_empty());
    feed_port(&mut link, &setup(Protocol::Flex, seconds(5)), START);
    feed_port(&mut link, &request(Protocol::Flex, 5).0, START);
    assert_eq!(take_port(&mut link), reply(Protocol::Flex));
    assert_eq!(link.poll_timeout(), None);
    link.handle_timeout(at(u64::MAX));
    assert!(link.output().is_empty());
    assert_eq!(link.poll_change(), None);

    let mut page = Link::<confer_flex::Client>::new(watched(10, 10), START);
    assert_eq!((take(&mut page).len(), page.poll_timeout()), (0, None));
}

/// B2.6: flex connections that sent RequestNode are watched from both ends, and once.
#[test]
fn a_node_is_watched() {
    let mut link = ServerLink::new(Protocol::Flex, watched(10, 7), START);
    feed_port(&mut link, &setup(Protocol::Flex, seconds(5)), START);
    assert_eq!(take_port(&mut link), reply(Protocol::Flex));
    let bytes = encoded::<confer_flex::Client>(&node(1));
    assert_eq!(feed_port(&mut link, &bytes, at(100)).len(), 1);
    assert_eq!(take_port(&mut link), setup(Protocol::Flex, seconds(7)));
    // What was asked for in front of it counts from here on.
    assert_eq!(link.poll_timeout(), Some(at(5_100)));
    feed_port(&mut link, &bytes, at(200));
    assert!(link.output().is_empty());

    let mut gateway = Link::<confer_flex::Client>::new(watched(10, 7), START);
    gateway.send(node(1), at(100)).unwrap();
    let expected = [encoded::<confer_flex::Client>(&node(1)), setup(Protocol::Flex, seconds(7))];
    assert_eq!(take(&mut gateway), expected.concat());
    assert_eq!(gateway.poll_timeout(), Some(at(10_100)));
}

/// Nothing is asked of, and no time spent on, whoever has not shown the token (B2.7).
#[test]
fn the_watch_begins_behind_the_token() {
    for protocol in WATCHED {
        let access_token = Secret::new("open sesame");
        let settings = Settings { access_token: Some(access_token.clone()), ..watched(10, 7) };
        let mut link = ServerLink::new(protocol, settings, START);
        assert!(link.output().is_empty());
        assert_eq!(link.poll_timeout(), Some(START + UNLOCKING_TIME));
        let shown = control(protocol, 0, Control::Authenticate { access_token });
        feed_port(&mut link, &shown, at(60_000));
        assert_eq!(take_port(&mut link), setup(protocol, seconds(7)));
        assert_eq!(link.poll_timeout(), Some(at(70_000)));
    }
}

/// B2.6 with B5.7: whoever reads a long transcript slowly still gets to answer a poll.
#[test]
fn a_poll_does_not_wait_behind_a_transcript() {
    let mut server = Server::new(watched(10, 0), START);
    let mut desk = Desk::new(Settings::client(), START);
    server.send(Frame::unsolicited(talk(1..=50_000, "waiting")), START).unwrap();
    server.handle_timeout(at(10_000));
    // One part is under way, and the poll comes before the next.
    let part = server.output().to_vec();
    assert!(part.ends_with(&poll(Protocol::Basic)));
    server.sent(part.len());
    assert!(!server.output().is_empty());
    feed(&mut desk, &part, at(15_000));
    assert!(desk.output() == reply(Protocol::Basic));
}

/// The smaller of two timeouts of which 0 is none.
fn smaller(own: u64, asked: u64) -> Option<u64> {
    [own, asked].into_iter().filter(|timeout| *timeout > 0).min()
}

/// Both ends together, by a virtual clock: while the network works neither is lost, and once it does
/// not, each end knows between one and two of its timeouts later.
#[test]
fn both_ends_watch_each_other() {
    /// Hands over what each has to say until neither has; through a cut network, nothing arrives.
    fn talk(desk: &mut Desk, server: &mut Server, cut: bool, now: Instant) {
        loop {
            let (to_server, to_desk) = (take(desk), take(server));
            if to_server.is_empty() && to_desk.is_empty() {
                return;
            }
            if !cut {
                feed(server, &to_server, now);
                feed(desk, &to_desk, now);
            }
        }
    }

    fn property(of_desk: (u8, u8), of_server: (u8, u8)) {
        let [(own_desk, from_desk), (own_server, from_server)] =
            [of_desk, of_server].map(|(own, remote)| (u64::from(own % 32), u64::from(remote % 32)));
        let mut desk = Desk::new(watched(own_desk, from_desk), START);
        let mut server = Server::new(watched(own_server, from_server), START);
        let cut = at(600_500);
        let (mut lost_desk, mut lost_server) = (None, None);
        talk(&mut desk, &mut server, false, START);
        while let Some(now) =
            [desk.poll_timeout(), server.poll_timeout()].into_iter().flatten().min()
        {
            desk.handle_timeout(now);
            server.handle_timeout(now);
            talk(&mut desk, &mut server, now > cut, now);
            for (change, lost) in
                [(desk.poll_change(), &mut lost_desk), (server.poll_change(), &mut lost_server)]
            {
                match change {
                    None => {}
                    Some(Change::Lost(Loss::Silent)) => assert_eq!(lost.replace(now), None),
                    Some(change) => panic!("{change:?}"),
                }
            }
        }
        for (lost, timeout) in [
            (lost_desk, smaller(own_desk, from_server)),
            (lost_server, smaller(own_server, from_desk)),
        ] {
            match (lost, timeout) {
                (None, None) => {}
                (Some(lost), Some(timeout)) => {
                    let range = cut + seconds(timeout)..=cut + seconds(timeout) * 2;
                    assert!(range.contains(&lost), "{lost:?} is not within {range:?}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
    property((10, 20), (0, 5));
    property((0, 0), (0, 0));
    QuickCheck::new().tests(200).quickcheck(property as fn((u8, u8), (u8, u8)));
}

/// A network that takes its time does not look like one that is cut.
#[test]
fn a_slow_network_is_not_silence() {
    fn property(timeout: u8, delay: u8) -> bool {
        let timeout = u64::from(timeout % 32) + 1;
        // There and back must take less than the second timeout.
        let delay = u64::from(delay) % (timeout * 500);
        let mut server = Server::new(watched(timeout, 0), START);
        let mut desk = Desk::new(Settings::client(), START);
        let mut on_the_way: Vec<(Instant, Vec<u8>)> = Vec::new();
        let end = at(1_000_000);
        loop {
            let arrival = on_the_way.first().map_or(Instant::FAR_FUTURE, |(at, _)| *at);
            let now = min(arrival, server.poll_timeout().unwrap_or(Instant::FAR_FUTURE));
            if now > end {
                break;
            }
            if now == arrival {
                feed(&mut server, &on_the_way.remove(0).1, now);
            }
            server.handle_timeout(now);
            let polls = take(&mut server);
            feed(&mut desk, &polls, now);
            let replies = take(&mut desk);
            if !replies.is_empty() {
                on_the_way.push((now + Duration::from_millis(delay * 2), replies));
            }
        }
        server.poll_change().is_none() && !server.is_finished()
    }
    QuickCheck::new().rng(Gen::new(100)).tests(200).quickcheck(property as fn(u8, u8) -> bool);
}
