//! `kill -TERM` while everybody talks: whatever anybody reads ends with a whole frame, and whoever
//! was heard by others was answered (B20.7).

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use bytes::BytesMut;
use confer_basic::Client as BasicClient;
use confer_core::frame::{EventBody, Frame, SessionStatus, UserType, basic, esp, flex};
use confer_core::id::SessionId;
use confer_core::text::Text;
use confer_esp::Client as EspClient;
use confer_flex::Client as FlexClient;
use confer_tests::people::desk::register;
use confer_tests::people::visitor::login;
use confer_tests::people::workflow::about;
use confer_tests::{cases, seeds};
use confer_wire::{Codec, Decoded, MAX_FRAME, Splitter, decode, encode};

use crate::support::{PATIENCE, Served};

/// Clients of each kind.
const CLIENTS: usize = 4;

#[test]
fn killed_while_everybody_talks_it_says_no_half_frame() {
    seeds::each("kill -TERM", cases(4, 100), |seed| {
        // Half of them have a second more.
        let patience = if seed % 2 == 0 { "0" } else { "1" };
        killed(seed / 2 % 300, &["--drain-timeout", patience, "--log", "error"]);
    });
}

/// Kills a server so many milliseconds after everybody was there.
fn killed(moment: u64, args: &[&str]) {
    let mut server = Served::start(args);
    let [default, webapi, esp] = ["default", "webapi", "ESP"].map(|port| server.address(port));
    let (began, begun) = channel();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let (session, invited) = channel();
            let agent = began.clone();
            let speaks = scope.spawn(move || speaks(default, &session, &agent));
            let other = began.clone();
            let listens = scope.spawn(move || listens(default, &invited, &other));
            scope.spawn(move || {
                let (answered, told) = speaks.join().unwrap();
                let (heard, closed) = listens.join().unwrap();
                assert!(heard <= answered, "{heard} were heard, {answered} answered");
                assert!(told && closed, "B20.7: whoever is in a session is told of its end");
            });
            let visitor = began.clone();
            scope.spawn(move || visits(webapi, &visitor));
            let workflow = began.clone();
            scope.spawn(move || works(esp, &workflow));
        }
        for _ in 0..4 * CLIENTS {
            begun.recv_timeout(PATIENCE).unwrap();
        }
        thread::sleep(Duration::from_millis(moment));
        server.signal("-TERM");
    });
    assert_eq!(server.ends().code(), Some(0));
}

/// An agent who creates a session and says numbers in it; the last that was answered, and whether
/// the end of the session was told.
fn speaks(address: SocketAddr, session: &Sender<SessionId>, began: &Sender<()>) -> (u32, bool) {
    let mut line = Line::<BasicClient>::to(address);
    let register = basic::Request::RequestRegister(register("Ana", UserType::Agent));
    line.asks(register).expect("an answer");
    let join = basic::Request::RequestJoin(basic::RequestJoin::default());
    let Some(basic::Event::EventSessionInfo(info)) = line.asks(join) else { panic!("no session") };
    session.send(info.session_id.clone()).unwrap();
    let mut answered = 0;
    while let Some(basic::Event::EventSessionInfo(_)) =
        line.asks(message(&info.session_id, answered + 1))
    {
        answered += 1;
        if answered == 1 {
            began.send(()).unwrap();
        }
    }
    while line.hears().is_some() {}
    (answered, line.closed)
}

/// An agent who listens there; the last number heard, and whether the end was told.
fn listens(address: SocketAddr, session: &Receiver<SessionId>, began: &Sender<()>) -> (u32, bool) {
    let mut line = Line::<BasicClient>::to(address);
    let register = basic::Request::RequestRegister(register("Ben", UserType::Agent));
    line.asks(register).expect("an answer");
    let session_id = Some(session.recv_timeout(PATIENCE).unwrap());
    let join = basic::RequestJoin { session_id, ..basic::RequestJoin::default() };
    line.asks(basic::Request::RequestJoin(join)).expect("an answer");
    began.send(()).unwrap();
    while line.hears().is_some() {}
    (line.heard, line.closed)
}

/// A customer who asks what is new, until nobody answers.
fn visits(address: SocketAddr, began: &Sender<()>) {
    let mut line = Line::<FlexClient>::to(address);
    let Some(flex::Event::EventStatus(status)) = line.asks(login("Casey", Some(106))) else {
        panic!("no Login");
    };
    let (Some(user_id), Some(secure_key)) = (status.user_id, status.secure_key) else {
        panic!("no Login");
    };
    let join = flex::RequestJoin {
        user_id: user_id.clone(),
        secure_key: secure_key.clone(),
        session_id: None,
        queue_key: None,
        subject: None,
        message_text: None,
        user_data: None,
        request_key: None,
    };
    line.asks(flex::Request::RequestJoin(join)).expect("an answer");
    began.send(()).unwrap();
    let refresh = flex::RequestRefresh {
        user_id,
        secure_key,
        session_id: None,
        last_position: None,
        message_text: Some(Text::new("hello?")),
        message_type: None,
        user_data: None,
        event_attributes: None,
        request_key: None,
    };
    while line.asks(flex::Request::RequestRefresh(refresh.clone())).is_some() {}
}

/// A workflow that asks about a session that is not there, until nobody answers.
fn works(address: SocketAddr, began: &Sender<()>) {
    let mut line = Line::<EspClient>::to(address);
    let nothing = SessionId::new("000AB3CD5EF6GH7J");
    let call = || esp::Request::Request3rdServer(about(&nothing, "GetSessionInfo", &[]));
    line.asks(call()).expect("an answer");
    began.send(()).unwrap();
    while line.asks(call()).is_some() {}
}

fn message(session: &SessionId, number: u32) -> basic::Request {
    basic::Request::RequestMessage(basic::RequestMessage {
        session_id: session.clone(),
        visibility: None,
        user_data: None,
        event_attributes: None,
        receiver_id: None,
        message_text: Text::new(&number.to_string()),
        message_type: None,
        treat_as: None,
        request_key: None,
    })
}

/// A connection that looks at every byte that comes.
struct Line<C: Codec> {
    stream: TcpStream,
    splitter: Splitter,
    input: Vec<u8>,
    reference: u32,
    /// The last number somebody else said.
    heard: u32,
    /// A session was closed.
    closed: bool,
    protocol: std::marker::PhantomData<C>,
}

/// What a client makes of what it hears unasked.
trait Notes {
    /// The last number said, and whether the session is closed.
    fn notes(&self) -> (Option<u32>, bool);
}

impl<C: Codec> Line<C>
where
    C::In: Notes,
{
    fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            splitter: Splitter::new(Some(C::PROTOCOL), MAX_FRAME),
            input: Vec::new(),
            reference: 0,
            heard: 0,
            closed: false,
            protocol: std::marker::PhantomData,
        }
    }

    /// Asks, and waits for the answer; `None`: the server is gone.
    fn asks(&mut self, request: C::Out) -> Option<C::In> {
        self.reference += 1;
        let mut bytes = BytesMut::new();
        encode::<C>(&Frame::new(self.reference, request), MAX_FRAME, &mut bytes).unwrap();
        // What was said before is still there to be heard.
        let _ = self.stream.write_all(&bytes);
        loop {
            let frame = self.hears()?;
            if frame.reference == self.reference {
                return Some(frame.body);
            }
            assert_eq!(frame.reference, 0, "an answer to nothing");
        }
    }

    /// The next frame; `None`: the server is gone, and has left nothing half said.
    fn hears(&mut self) -> Option<Frame<C::In>> {
        loop {
            let mut input = &self.input[..];
            let frame = self.splitter.next(&mut input).expect("sound framing");
            let frame = frame.map(|frame| decode::<C>(frame, MAX_FRAME).expect("a sound frame"));
            let rest = input.len();
            self.input.drain(..self.input.len() - rest);
            match frame {
                Some(Decoded::Frame(frame)) => {
                    let (heard, closed) = frame.body.notes();
                    self.heard = heard.unwrap_or(self.heard);
                    self.closed |= closed;
                    return Some(frame);
                }
                Some(Decoded::Control(_)) => continue,
                Some(Decoded::Malformed(malformed)) => panic!("the server says {malformed:?}"),
                None => {}
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => {
                    assert!(!self.splitter.is_mid_frame(), "half a frame");
                    return None;
                }
                Ok(count) => self.input.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    // It was said farewell to, and did not go in time.
                    assert!(!self.splitter.is_mid_frame(), "half a frame");
                    return None;
                }
                Err(error) => panic!("nothing comes: {error}"),
            }
        }
    }
}

impl Notes for basic::Event {
    fn notes(&self) -> (Option<u32>, bool) {
        let Self::EventSessionInfo(info) = self else { return (None, false) };
        let mut said = info.chat_transcript.events.iter().filter_map(|event| match &event.body {
            EventBody::Message(message) => message.message_text.reveal().parse().ok(),
            EventBody::NewParty(_)
            | EventBody::Notice(_)
            | EventBody::PartyLeft(_)
            | EventBody::Unknown(_) => None,
        });
        (said.next_back(), info.session_status == SessionStatus::Closed.into())
    }
}

impl Notes for flex::Event {
    fn notes(&self) -> (Option<u32>, bool) {
        (None, false)
    }
}

impl Notes for esp::Event {
    fn notes(&self) -> (Option<u32>, bool) {
        (None, false)
    }
}
