mod flow;
mod limits;
mod refusal;
mod token;
mod watch;

use alloc::vec::Vec;

use confer_core::frame::basic::{self, Event, RequestRegister};
use confer_core::frame::{KvList, Protocol, Request, UserType, esp, flex};
use confer_core::id::UserId;
use confer_core::text::Str;
use confer_wire::{Reason, map};

use super::*;
use crate::server::ServerLink;
use crate::testing::{START, control, decoded, encoded, event, feed, news, sized, take, talk};

type Server = Link<confer_basic::Server>;
type Desk = Link<confer_basic::Client>;

const PROTOCOLS: &[Protocol] = Protocol::ALL;

const fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// A request on this protocol that a machine gets to see, and the request.
fn request(protocol: Protocol, reference: u32) -> (Vec<u8>, Received<Request>) {
    let (bytes, request) = match protocol {
        Protocol::Basic => {
            let frame = Frame::new(reference, basic::Request::RequestUnregister);
            (encoded::<confer_basic::Client>(&frame), frame.map(Request::from))
        }
        Protocol::Flex => {
            let alive =
                flex::RequestAlive { user_id: UserId::new("00E1B7C6D8F90A12"), alive: true };
            let frame = Frame::new(reference, flex::Request::RequestAlive(alive));
            (encoded::<confer_flex::Client>(&frame), frame.map(Request::from))
        }
        Protocol::Esp => {
            let call = esp::Request3rdServer { envelope: envelope(), user_data: None };
            let frame = Frame::new(reference, esp::Request::Request3rdServer(call));
            (encoded::<confer_esp::Client>(&frame), frame.map(Request::from))
        }
    };
    (bytes, Received::Frame(request))
}

fn envelope() -> esp::Envelope {
    esp::Envelope {
        app_name: None,
        app_type: Some(Str::new("ChatServer")),
        service: Str::new("Chat"),
        method: Str::new("Statistics"),
        version: Str::new("1.0"),
        parameters: KvList::new(),
    }
}

/// The frame, made longer by an attribute nobody knows until it has `size` bytes.
fn padded(mut frame: Vec<u8>, size: usize) -> Vec<u8> {
    let padding = u32::try_from(size - frame.len() - 7).expect("room for the attribute");
    frame.extend_from_slice(&60_000_u16.to_be_bytes());
    frame.push(map::Type::Bin as u8);
    frame.extend_from_slice(&padding.to_be_bytes());
    frame.resize(size, 0x55);
    let length = u32::try_from(size - 4).expect("a size that fits a frame");
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame
}

fn register(max_frame: Option<u32>) -> Vec<u8> {
    let request = basic::Request::RequestRegister(RequestRegister {
        user_nickname: Str::new("Ana").into(),
        user_type: UserType::Agent,
        person_id: None,
        time_zone_offset: None,
        client_version: None,
        user_data: None,
        max_frame,
    });
    encoded::<confer_basic::Client>(&Frame::new(1, request))
}

fn registered() -> Frame<Event> {
    let user_id = UserId::new("00E1B7C6D8F90A12");
    Frame::new(1, Event::EventRegistered(basic::EventRegistered { user_id, client_version: 101 }))
}

fn unregistered() -> Frame<Event> {
    Frame::new(2, Event::EventUnregistered)
}

/// The same as `feed`, on whichever port.
fn feed_port(link: &mut ServerLink, mut bytes: &[u8], now: Instant) -> Vec<Received<Request>> {
    let received = core::iter::from_fn(|| link.receive(&mut bytes, now)).collect();
    assert!(bytes.is_empty(), "all input is taken");
    received
}

/// The same as `take`, on whichever port.
fn take_port(link: &mut ServerLink) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !link.output().is_empty() {
        let count = link.output().len();
        bytes.extend_from_slice(link.output());
        link.sent(count);
    }
    bytes
}

/// The one refusal that these bytes are: its reference and its number.
fn refusal(protocol: Protocol, bytes: &[u8]) -> (u32, Option<i32>) {
    match protocol {
        Protocol::Basic => match &*decoded::<confer_basic::Client>(bytes) {
            [Decoded::Frame(Frame { reference, body: Event::EventError(error) })] => {
                (*reference, Some(error.error_id))
            }
            other => panic!("not one refusal: {other:?}"),
        },
        Protocol::Flex => match &*decoded::<confer_flex::Client>(bytes) {
            [Decoded::Frame(Frame { reference, body: flex::Event::EventStatus(status) })] => {
                (*reference, status.error_id)
            }
            other => panic!("not one refusal: {other:?}"),
        },
        Protocol::Esp => match &*decoded::<confer_esp::Client>(bytes) {
            [Decoded::Frame(Frame { reference, body: esp::Event::Event3rdServerFault(fault) })] => {
                let code = fault.parameters.text("FaultCode");
                (*reference, code.and_then(|code| code.parse().ok()))
            }
            other => panic!("not one refusal: {other:?}"),
        },
    }
}

fn undecodable(reason: Reason, offset: u32, reference: u32) -> Change {
    Change::Lost(Loss::Undecodable(DecodeError { reason, offset, reference }))
}

/// The machine's frames and nothing else pass, whichever port they are for.
#[test]
fn each_port_speaks_its_own_protocol() {
    for &protocol in PROTOCOLS {
        let mut link = ServerLink::new(protocol, Settings::server(), START);
        let (bytes, expected) = request(protocol, 5);
        assert_eq!(feed_port(&mut link, &bytes, START), [expected]);

        let events = [
            (Protocol::Basic, Event::EventUnregistered.into()),
            (
                Protocol::Flex,
                flex::Event::EventStatus(flex::EventStatus::new(
                    confer_core::frame::RequestResult::Success,
                ))
                .into(),
            ),
            (Protocol::Esp, esp::Event::Event3rdServerResponse(envelope()).into()),
        ];
        for (other, event) in events {
            let result = link.send(Frame::new(5, event), START);
            if other == protocol {
                assert_eq!(result, Ok(()));
                assert!(!take_port(&mut link).is_empty());
            } else {
                assert_eq!(result, Err(SendError::WrongProtocol));
                assert!(link.output().is_empty());
            }
        }
        assert_eq!(link.poll_change(), None);
        assert!(!link.is_finished());
    }
}

#[test]
fn ports_have_their_names() {
    use confer_core::id::PortId;
    let port = |protocol| ServerLink::new(protocol, Settings::server(), START).port();
    assert_eq!(
        PROTOCOLS.iter().copied().map(port).collect::<Vec<_>>(),
        [PortId::Default, PortId::Webapi, PortId::Esp]
    );
}

/// What waits when the machine closes a link still goes out; what comes in does not matter any more.
#[test]
fn a_closed_link_says_its_last_words() {
    let mut link = Server::new(Settings::server(), START);
    link.send(Frame::unsolicited(talk(1..=20_000, "waiting")), START).unwrap();
    link.send(unregistered(), START).unwrap();
    assert_eq!(link.poll_change(), Some(Change::Congested));
    link.close(at(100));
    assert_eq!(link.send(registered(), at(100)), Err(SendError::Closed));
    assert_eq!(feed(&mut link, &register(None), at(100)), []);
    assert!(!link.is_finished());
    let bytes = take(&mut link);
    let last = decoded::<confer_basic::Client>(&bytes).pop();
    assert_eq!(last, Some(Decoded::Frame(unregistered())));
    assert!(link.is_finished());
    // The machine closed it itself, and needs no telling.
    assert_eq!(link.poll_change(), None);
}

/// Closing again does not buy a peer more time.
#[test]
fn a_link_is_closed_once() {
    let mut link = Server::new(Settings::server(), START);
    link.send(unregistered(), START).unwrap();
    link.close(at(100));
    link.close(at(200));
    assert_eq!(link.poll_timeout(), Some(at(100) + CLOSING_TIME));
    link.handle_timeout(at(100) + CLOSING_TIME);
    assert!(link.is_finished());
    link.close(at(9000));
    assert!(link.is_finished());
    assert_eq!(link.poll_timeout(), None);
}

/// A frame that cannot be written is a bug of this side's; nobody may wait for it in vain.
#[test]
fn an_unencodable_frame_loses_the_link() {
    let mut link = Server::new(Settings::server(), START);
    link.send(unregistered(), START).unwrap();
    let broken = Frame::unsolicited(news([event(1, "a\0b")].into()));
    let error = EncodeError::Nul;
    assert_eq!(link.send(broken, START), Err(SendError::Unencodable(error)));
    assert_eq!(link.poll_change(), Some(Change::Lost(Loss::Unencodable(error))));
    assert!(link.is_finished());
    assert!(link.output().is_empty());
    assert_eq!(link.send(unregistered(), START), Err(SendError::Closed));

    // In a later part, it is found when that part's turn comes.
    let mut events: Vec<_> = (1..=60_000).map(|number| event(number, "waiting")).collect();
    events[59_999] = event(60_000, "a\0b");
    let mut link = Server::new(Settings::server(), START);
    link.send(Frame::unsolicited(news(events)), START).unwrap();
    assert_eq!(link.poll_change(), Some(Change::Congested));
    take(&mut link);
    assert_eq!(link.poll_change(), Some(Change::Lost(Loss::Unencodable(error))));
    assert!(link.is_finished());
    assert_eq!(link.poll_change(), None);
}

/// A peer of a client is sent nothing its default limit would refuse (wire §1).
#[test]
fn a_client_keeps_to_the_default_limit_of_a_server() {
    let message = |length| {
        basic::Request::RequestMessage(basic::RequestMessage {
            session_id: "000AB3CD5EF6GH7J".into(),
            message_text: "x".repeat(length).into(),
            message_type: None,
            treat_as: None,
            visibility: None,
            receiver_id: None,
            user_data: None,
            event_attributes: None,
            request_key: None,
        })
    };
    let least = encoded::<confer_basic::Client>(&Frame::new(1, message(0))).len();
    let most = (524_288 - least) / 2;
    let mut desk = Desk::new(Settings::client(), START);
    assert_eq!(desk.send(Frame::new(1, message(most)), START), Ok(()));
    let result = desk.send(Frame::new(2, message(most + 1)), START);
    assert!(matches!(result, Err(SendError::Unencodable(EncodeError::TooLarge { .. }))));
}

/// Debug shows nobody's words.
#[test]
fn debug_shows_no_words() {
    let mut link = ServerLink::new(Protocol::Basic, Settings::server(), START);
    link.send(Frame::unsolicited(talk(1..=1, "confidential").into()), START).unwrap();
    let (bytes, _) = request(Protocol::Basic, 5);
    feed_port(&mut link, &bytes[..bytes.len() - 1], START);
    let shown = format!("{link:?}");
    assert!(shown.contains("Basic") && !shown.contains("confidential"), "{shown}");
}

#[test]
fn errors_are_told_in_words() {
    let told = [
        SendError::Closed,
        SendError::Overflow,
        SendError::Unencodable(EncodeError::Nul),
        SendError::WrongProtocol,
    ]
    .map(|error| format!("{error}"));
    assert_eq!(
        told,
        [
            "the link is closed",
            "the peer does not read",
            "the frame cannot be written: U+0000 in a string",
            "the frame is of another protocol than the link",
        ]
    );
}
