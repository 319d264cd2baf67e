use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use bytes::BytesMut;
use confer_basic::{Client, Server};
use confer_core::frame::basic::{Event, EventError, Request, RequestMessage};
use confer_core::frame::{Control, Frame, Protocol};
use confer_core::id::SessionId;
use confer_core::text::{Str, Text};
use confer_link::{Loss, Received, Settings};
use confer_wire::{Decoded, EncodeError, MAX_FRAME, Splitter, decode, encode, encode_control};

use crate::client::{Connection, End, READ_AHEAD, SendError};

/// More than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server's end without a server, to speak and listen by hand.
struct Peer {
    stream: TcpStream,
    splitter: Splitter,
}

impl Peer {
    fn says(&mut self, event: Event) {
        let mut bytes = BytesMut::new();
        encode::<Server>(&Frame::unsolicited(event), MAX_FRAME, &mut bytes).unwrap();
        self.stream.write_all(&bytes).unwrap();
    }

    fn sends(&mut self, control: Control) {
        let mut bytes = BytesMut::new();
        encode_control(Protocol::Basic, &Frame::new(0, control), &mut bytes).unwrap();
        self.stream.write_all(&bytes).unwrap();
    }

    /// The next thing the client says; `None`: it ended the connection.
    fn hears(&mut self) -> Option<Decoded<Request>> {
        loop {
            let mut byte = [0];
            if self.stream.read(&mut byte).unwrap() == 0 {
                return None;
            }
            if let Some(frame) = self.splitter.next(&mut &byte[..]).unwrap() {
                return Some(decode::<Server>(frame, MAX_FRAME).unwrap());
            }
        }
    }
}

fn connected(settings: Settings) -> (Connection<Client>, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = Connection::connect(address, settings, PATIENCE).unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    (client, Peer { stream, splitter: Splitter::new(Some(Protocol::Basic), MAX_FRAME) })
}

fn error(words: &str) -> Event {
    Event::EventError(EventError { error_id: 8304, error_text: Str::new(words), session_id: None })
}

fn message(length: usize) -> Request {
    Request::RequestMessage(RequestMessage {
        session_id: SessionId::new("000AB3CD5EF6GH7J"),
        visibility: None,
        user_data: None,
        event_attributes: None,
        receiver_id: None,
        message_text: Text::new(&"x".repeat(length)),
        message_type: None,
        treat_as: None,
        request_key: None,
    })
}

#[test]
fn requests_are_numbered_and_events_received() {
    let (client, mut peer) = connected(Settings::client());
    assert_eq!(client.send(Request::RequestUnregister), Ok(1));
    assert_eq!(client.send(Request::RequestUnregister), Ok(2));
    for reference in [1, 2] {
        let frame = Frame::new(reference, Request::RequestUnregister);
        assert_eq!(peer.hears(), Some(Decoded::Frame(frame)));
    }
    peer.says(error("no"));
    let heard = client.recv_timeout(PATIENCE);
    assert_eq!(heard, Ok(Some(Received::Frame(Frame::unsolicited(error("no"))))));
    assert_eq!(client.recv_timeout(Duration::ZERO), Ok(None));
}

#[test]
fn what_came_before_the_end_is_received_before_it() {
    let (client, mut peer) = connected(Settings::client());
    peer.says(error("last words"));
    drop(peer);
    assert!(matches!(client.recv(), Ok(Received::Frame(_))));
    assert_eq!(client.recv(), Err(End::ByServer));
    assert_eq!(client.recv(), Err(End::ByServer));
    assert_eq!(client.send(Request::RequestUnregister), Err(SendError::Over(End::ByServer)));
}

#[test]
fn a_request_that_cannot_be_written_does_not_cost_the_connection() {
    let (client, mut peer) = connected(Settings { send_limit: 4096, ..Settings::client() });
    let refused = client.send(message(5000));
    assert!(matches!(refused, Err(SendError::Misuse(EncodeError::TooLarge { .. }))), "{refused:?}");
    assert_eq!(client.send(Request::RequestUnregister), Ok(1));
    assert!(peer.hears().is_some());
}

#[test]
fn polls_are_answered_while_nobody_receives() {
    // B2.6
    let (_client, mut peer) = connected(Settings::client());
    peer.sends(Control::AddpPoll);
    assert_eq!(peer.hears(), Some(Decoded::Control(Frame::new(0, Control::AddpReply))));
}

#[test]
fn a_silent_server_is_polled_and_given_up() {
    // B2.6
    let settings = Settings { addp_timeout: Duration::from_millis(20), ..Settings::client() };
    let (client, mut peer) = connected(settings);
    assert_eq!(peer.hears(), Some(Decoded::Control(Frame::new(0, Control::AddpPoll))));
    assert_eq!(client.recv(), Err(End::Lost(Loss::Silent)));
    assert_eq!(peer.hears(), None);
}

#[test]
fn what_cannot_be_read_ends_the_connection() {
    let (client, mut peer) = connected(Settings::client());
    peer.stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    assert!(matches!(client.recv(), Err(End::Lost(Loss::Undecodable(_)))));
    assert_eq!(peer.hears(), None);
}

#[test]
fn closing_writes_what_waits_first() {
    let (client, mut peer) = connected(Settings::client());
    let reader = thread::spawn(move || {
        let mut count = 0;
        while peer.hears().is_some() {
            count += 1;
        }
        count
    });
    for _ in 0..100 {
        client.send(message(1000)).unwrap();
    }
    client.close();
    assert_eq!(reader.join().unwrap(), 100);
}

#[test]
fn the_halves_are_used_from_two_threads_and_the_last_closes() {
    let (client, mut peer) = connected(Settings::client());
    let (sender, receiver) = client.split();
    let hearing = thread::spawn(move || receiver.recv());
    assert_eq!(sender.send(Request::RequestUnregister), Ok(1));
    peer.says(error("no"));
    assert!(hearing.join().unwrap().is_ok());
    assert_eq!(sender.end(), None);
    drop(sender);
    assert!(peer.hears().is_some());
    assert_eq!(peer.hears(), None);
}

#[test]
fn a_sender_waits_for_a_server_that_does_not_read_and_goes_on_when_it_does() {
    // More than the sockets hold, and more than `output-max-size`.
    const REQUESTS: u32 = 400;
    let (client, mut peer) = connected(Settings::client());
    let (sender, receiver) = client.split();
    let sending = thread::spawn(move || {
        (0..REQUESTS).try_for_each(|_| sender.send(message(60_000)).map(|_| ()))?;
        Ok::<_, SendError>(sender)
    });
    let mut stream = peer.stream.try_clone().unwrap();
    let mut buffer = vec![0; 65_536];
    let mut count = 0;
    while count < REQUESTS {
        let read = stream.read(&mut buffer).unwrap();
        let mut input = &buffer[..read];
        while peer.splitter.next(&mut input).unwrap().is_some() {
            count += 1;
        }
    }
    assert!(sending.join().unwrap().is_ok());
    drop(receiver);
}

#[test]
fn it_reads_ahead_so_far_and_no_further() {
    const EVENT: usize = 60_000;
    const EVENTS: usize = 4 * READ_AHEAD / EVENT;
    let (client, mut peer) = connected(Settings::client());
    let speaking = thread::spawn(move || {
        let words = "x".repeat(EVENT);
        (0..EVENTS).for_each(|_| peer.says(error(&words)));
        peer
    });
    let line = &client.receiver.0.0;
    {
        let mut state = line.lock();
        while state.ahead <= READ_AHEAD {
            state = line.wait(state, None);
        }
    }
    for _ in 0..EVENTS {
        assert!(line.lock().ahead < READ_AHEAD + 2 * EVENT);
        assert!(client.recv().is_ok());
    }
    assert!(speaking.join().is_ok());
}
