//! A server, and who talks to it over sockets.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use confer_core::config::Config;
use confer_core::frame::basic::{self, EventSessionInfo, RequestJoin, RequestMessage};
use confer_core::frame::{
    Control, ErrorId, EventBody, Frame, KvValue, Party, SessionStatus, TranscriptEvent, UserType,
    esp, flex,
};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::pii::Secret;
use confer_core::text::Text;
use confer_link::{Received, Settings};
use confer_runtime_std::client::{Connection, End};
use confer_runtime_std::tls;
use confer_wire::{Codec, Decoded, MAX_FRAME, Splitter, decode, encode, encode_control};
use rustix::net::sockopt::set_socket_linger;

use super::authority::Authority;
use super::{PATIENCE, Shell, port};
use crate::people::desk::register;
use crate::people::visitor::{line, login};

/// A server that runs, and stops with the test.
pub(super) struct House<S: Shell> {
    shell: Option<S>,
    /// What its clients speak TLS with, if they do.
    tls: Option<tls::Client>,
}

impl<S: Shell> House<S> {
    /// One with the default configuration.
    pub(super) fn open() -> Self {
        Self::with(&[])
    }

    /// One with these options, each `(section, option, value)`, on whatever ports are free.
    pub(super) fn with(options: &[(&str, &str, &str)]) -> Self {
        let mut config = Config::default();
        let ports = ["ports.default", "ports.webapi", "ports.ESP"];
        let listen = ports.map(|section| (section, "listen", "127.0.0.1:0"));
        let quiet = ["ports.health", "ports.web"].map(|section| (section, "listen", "off"));
        for (section, option, value) in listen.iter().chain(&quiet).chain(options) {
            config.set(section, option, value).expect("a legal option");
        }
        let shell = S::start(Arc::new(config)).unwrap_or_else(|refusal| panic!("{refusal}"));
        Self { shell: Some(shell), tls: None }
    }

    /// One with these options that speaks TLS on every port, as `localhost`, to clients that trust
    /// this authority.
    pub(super) fn secure(authority: &Authority, options: &[(&str, &str, &str)]) -> Self {
        let (chain, key) = (authority.file("localhost.pem"), authority.file("localhost-key.pem"));
        let ports = ["ports.default", "ports.webapi", "ports.ESP"];
        let files = ports
            .map(|port| [(port, "certificate-file", &*chain), (port, "private-key-file", &*key)]);
        let house = Self::with(&[files.as_flattened(), options].concat());
        house.known_as(authority.client(None))
    }

    /// The same one, to clients that speak TLS with this.
    pub(super) fn known_as(mut self, tls: tls::Client) -> Self {
        self.tls = Some(tls);
        self
    }

    pub(super) fn shell(&self) -> &S {
        self.shell.as_ref().expect("it is there until it is joined")
    }

    /// Waits until it has ended.
    pub(super) fn ends(mut self) {
        self.shell.take().expect("it is there until it is joined").join();
    }

    pub(super) fn address<C: Codec>(&self) -> SocketAddr {
        self.shell().address(port(C::PROTOCOL))
    }

    /// Somebody on a connection of their own.
    pub(super) fn person<C>(&self) -> Person<C>
    where
        C: Codec + 'static,
        C::In: Send + Debug,
        C::Out: Send,
    {
        self.person_with(Settings::client())
    }

    /// Somebody whose end of the connection is like this.
    pub(super) fn person_with<C>(&self, settings: Settings) -> Person<C>
    where
        C: Codec + 'static,
        C::In: Send + Debug,
        C::Out: Send,
    {
        let address = self.address::<C>();
        let person = match &self.tls {
            None => Person::on(address, settings),
            Some(tls) => Connection::connect_tls(address, "localhost", tls, settings, PATIENCE)
                .map(Person::over),
        };
        person.expect("the server accepts")
    }

    /// An agent, registered.
    pub(super) fn agent(&self, nickname: &str) -> Agent {
        let agent = Agent { line: self.person(), seen: RefCell::default() };
        let request = basic::Request::RequestRegister(register(nickname, UserType::Agent));
        let answer = agent.line.asks(request);
        assert!(matches!(answer, basic::Event::EventRegistered(_)), "{answer:?}");
        agent
    }

    /// A connection to write any bytes to.
    pub(super) fn raw<C: Codec>(&self) -> Raw<C> {
        Raw::on(self.address::<C>()).expect("the server accepts")
    }

    /// Proves that others are served.
    pub(super) fn serves_others(&self) {
        let (ana, ben) = (self.agent("Ana"), self.agent("Ben"));
        let session = ana.creates();
        ben.joins(&session);
        ana.says(&session, "still there?");
        ben.waits_for("Ana: still there?");
    }
}

impl<S: Shell> Drop for House<S> {
    fn drop(&mut self) {
        if let Some(shell) = self.shell.take() {
            shell.stop();
        }
    }
}

/// Somebody at the end of a connection.
pub(super) struct Person<C: Codec> {
    connection: Connection<C>,
    unasked: RefCell<VecDeque<C::In>>,
}

impl<C> Person<C>
where
    C: Codec + 'static,
    C::In: Send + Debug,
    C::Out: Send,
{
    pub(super) fn on(address: SocketAddr, settings: Settings) -> io::Result<Self> {
        Ok(Self::over(Connection::connect(address, settings, PATIENCE)?))
    }

    pub(super) fn over(connection: Connection<C>) -> Self {
        Self { connection, unasked: RefCell::default() }
    }

    pub(super) fn sends(&self, request: C::Out) -> u32 {
        self.connection.send(request).expect("the connection is there")
    }

    /// Asks, and waits for the answer.
    pub(super) fn asks(&self, request: C::Out) -> C::In {
        let reference = self.sends(request);
        self.waits_for_answer(reference)
    }

    /// Asks, on a connection that may have ended.
    pub(super) fn tries_to_send(&self, request: C::Out) {
        // How it ended shows in what is heard.
        let _ = self.connection.send(request);
    }

    /// Asks, and waits for the answer, on a connection that may end instead.
    pub(super) fn tries(&self, request: C::Out) -> Result<C::In, End> {
        self.tries_to_send(request);
        self.hears().map(|frame| frame.body)
    }

    pub(super) fn waits_for_answer(&self, reference: u32) -> C::In {
        loop {
            let frame = self.hears().expect("an answer");
            if frame.reference == reference {
                return frame.body;
            }
            assert_eq!(frame.reference, 0, "an answer to nothing: {frame:?}");
            self.unasked.borrow_mut().push_back(frame.body);
        }
    }

    /// The next thing that comes unasked.
    pub(super) fn is_told(&self) -> C::In {
        if let Some(event) = self.unasked.borrow_mut().pop_front() {
            return event;
        }
        let frame = self.hears().expect("the connection is there");
        assert_eq!(frame.reference, 0, "an answer to nothing: {frame:?}");
        frame.body
    }

    /// What is heard until the connection ends, and how it does.
    pub(super) fn ends(&self) -> (Vec<C::In>, End) {
        let mut heard: Vec<_> = self.unasked.borrow_mut().drain(..).collect();
        loop {
            match self.hears() {
                Ok(frame) => heard.push(frame.body),
                Err(end) => return (heard, end),
            }
        }
    }

    fn hears(&self) -> Result<Frame<C::In>, End> {
        match self.connection.recv_timeout(PATIENCE)? {
            Some(Received::Frame(frame)) => Ok(frame),
            Some(Received::Malformed(malformed)) => panic!("the server says {malformed:?}"),
            None => panic!("nothing comes"),
        }
    }
}

/// An agent, who keeps what it sees of its one session, in words.
pub(super) struct Agent {
    line: Person<confer_basic::Client>,
    seen: RefCell<Seen>,
}

#[derive(Default)]
struct Seen {
    parties: BTreeMap<UserId, Party>,
    last: EventId,
    lines: Vec<String>,
    closed: bool,
}

impl Agent {
    pub(super) fn line(&self) -> &Person<confer_basic::Client> {
        &self.line
    }

    pub(super) fn creates(&self) -> SessionId {
        self.enters(RequestJoin::default()).session_id
    }

    pub(super) fn joins(&self, session: &SessionId) {
        self.enters(RequestJoin { session_id: Some(session.clone()), ..RequestJoin::default() });
    }

    pub(super) fn says(&self, session: &SessionId, text: &str) {
        self.asks(message(session, text));
    }

    /// Asks for something that is granted.
    pub(super) fn asks(&self, request: basic::Request) -> EventSessionInfo {
        let reference = self.line.sends(request);
        self.waits_for_answer(reference)
    }

    pub(super) fn waits_for_answer(&self, reference: u32) -> EventSessionInfo {
        let answer = self.line.waits_for_answer(reference);
        // What came before the answer was before it.
        while let Some(event) = { self.line.unasked.borrow_mut().pop_front() } {
            self.sees(&info(event));
        }
        let info = info(answer);
        self.sees(&info);
        info
    }

    /// Listens until it has seen this.
    pub(super) fn waits_for(&self, words: &str) {
        while !self.seen.borrow().lines.iter().any(|line| line == words) {
            self.sees(&info(self.line.is_told()));
        }
    }

    /// Listens until the session is closed; all it saw.
    pub(super) fn waits_for_the_end(&self) -> Vec<String> {
        while !self.seen.borrow().closed {
            self.sees(&info(self.line.is_told()));
        }
        self.seen.borrow().lines.clone()
    }

    fn enters(&self, join: RequestJoin) -> EventSessionInfo {
        self.asks(basic::Request::RequestJoin(join))
    }

    fn sees(&self, info: &EventSessionInfo) {
        let mut seen = self.seen.borrow_mut();
        for event in info.chat_transcript.events.iter() {
            assert!(seen.last < event.event_id, "B5.3: {} after {}", event.event_id, seen.last);
            seen.last = event.event_id;
            match &event.party {
                Some(party) => drop(seen.parties.insert(event.user_id.clone(), party.clone())),
                None => assert!(!matches!(event.body, EventBody::NewParty(_)), "{event:?}"),
            }
            let party = seen.parties.get(&event.user_id).cloned();
            seen.lines.push(line(&TranscriptEvent { party, ..event.clone() }));
        }
        seen.closed |= info.session_status == SessionStatus::Closed.into();
    }
}

fn info(event: basic::Event) -> EventSessionInfo {
    match event {
        basic::Event::EventSessionInfo(info) => info,
        other @ (basic::Event::EventRegistered(_)
        | basic::Event::EventUnregistered
        | basic::Event::EventError(_)) => panic!("no news of a session: {other:?}"),
    }
}

/// A message to a session.
pub(super) fn message(session: &SessionId, text: &str) -> basic::Request {
    basic::Request::RequestMessage(RequestMessage {
        session_id: session.clone(),
        visibility: None,
        user_data: None,
        event_attributes: None,
        receiver_id: None,
        message_text: Text::new(text),
        message_type: None,
        treat_as: None,
        request_key: None,
    })
}

/// A customer on the flex protocol, logged in.
pub(super) struct Visitor {
    line: Person<confer_flex::Client>,
    user_id: UserId,
    secure_key: Secret,
    position: RefCell<EventId>,
}

impl Visitor {
    pub(super) fn new<S: Shell>(house: &House<S>, nickname: &str) -> Self {
        let line = house.person::<confer_flex::Client>();
        let status = status(line.asks(login(nickname, Some(106))));
        let (Some(user_id), Some(secure_key)) = (&status.user_id, &status.secure_key) else {
            panic!("no Login: {status:?}");
        };
        let (user_id, secure_key) = (user_id.clone(), secure_key.clone());
        Self { line, user_id, secure_key, position: RefCell::new(EventId::NONE) }
    }

    pub(super) fn creates(&self) -> SessionId {
        let status = self.asks(flex::Request::RequestJoin(flex::RequestJoin {
            user_id: self.user_id.clone(),
            secure_key: self.secure_key.clone(),
            session_id: None,
            queue_key: None,
            subject: None,
            message_text: None,
            user_data: None,
            request_key: None,
        }));
        status.session_id.expect("a session")
    }

    /// Says something, or nothing; what is new.
    pub(super) fn refreshes(&self, text: Option<&str>) -> flex::EventStatus {
        let last_position = Some(*self.position.borrow());
        self.asks(flex::Request::RequestRefresh(flex::RequestRefresh {
            user_id: self.user_id.clone(),
            secure_key: self.secure_key.clone(),
            session_id: None,
            last_position,
            message_text: text.map(Text::new),
            message_type: None,
            user_data: None,
            event_attributes: None,
            request_key: None,
        }))
    }

    fn asks(&self, request: flex::Request) -> flex::EventStatus {
        let status = status(self.line.asks(request));
        if let Some(position) = status.last_position {
            *self.position.borrow_mut() = position;
        }
        status
    }
}

fn status(event: flex::Event) -> flex::EventStatus {
    match event {
        flex::Event::EventStatus(status) => status,
        other @ (flex::Event::EventPush(_) | flex::Event::EventPushQuery(_)) => {
            panic!("no answer: {other:?}")
        }
    }
}

/// A connection to write any bytes to; what comes back must be sound.
pub(super) struct Raw<C: Codec> {
    stream: TcpStream,
    splitter: Splitter,
    heard: VecDeque<Decoded<C::In>>,
}

impl<C: Codec> Raw<C> {
    pub(super) fn on(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let splitter = Splitter::new(Some(C::PROTOCOL), MAX_FRAME);
        Ok(Self { stream, splitter, heard: VecDeque::new() })
    }

    /// Writes; whether the connection takes it.
    pub(super) fn writes(&self, bytes: &[u8]) -> bool {
        match (&self.stream).write_all(bytes) {
            Ok(()) => true,
            Err(error) if is_over(&error) => false,
            Err(error) => panic!("nothing is taken: {error}"),
        }
    }

    /// Writes nothing more.
    pub(super) fn falls_silent(&self) {
        // The other side may have ended it.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Is gone at once, and says so in the rudest way TCP has.
    pub(super) fn resets(self) {
        set_socket_linger(&self.stream, Some(Duration::ZERO)).expect("a socket");
    }

    /// The next thing the server says; `None`: the connection is over.
    pub(super) fn hears(&mut self) -> Option<Decoded<C::In>> {
        let mut buffer = [0; 4096];
        while self.heard.is_empty() {
            let count = match self.stream.read(&mut buffer) {
                Ok(0) => {
                    assert!(!self.splitter.is_mid_frame(), "half a frame");
                    return None;
                }
                Ok(count) => count,
                Err(error) if is_over(&error) => return None,
                Err(error) => panic!("nothing comes: {error}"),
            };
            let mut input = &buffer[..count];
            while let Some(frame) = self.splitter.next(&mut input).expect("sound framing") {
                self.heard.push_back(decode::<C>(frame, MAX_FRAME).expect("a sound frame"));
            }
        }
        self.heard.pop_front()
    }

    /// Whether the connection ends within so long; whatever is said before does not matter.
    pub(super) fn ends_within(&mut self, patience: Duration) -> bool {
        self.stream.set_read_timeout(Some(patience)).expect("a timeout that is not zero");
        let ended = loop {
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => break true,
                Ok(_) => {}
                Err(error) => break is_over(&error),
            }
        };
        self.stream.set_read_timeout(Some(PATIENCE)).expect("a timeout that is not zero");
        ended
    }
}

/// Whether the other side is gone, rather than slow.
fn is_over(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
    )
}

/// The bytes of a request.
pub(super) fn bytes<C: Codec>(reference: u32, request: C::Out) -> BytesMut {
    let mut bytes = BytesMut::new();
    let frame = Frame::new(reference, request);
    encode::<C>(&frame, MAX_FRAME, &mut bytes).expect("what is asked can be written");
    bytes
}

/// The bytes of a message about the connection.
pub(super) fn control<C: Codec>(reference: u32, control: Control) -> BytesMut {
    let mut bytes = BytesMut::new();
    let frame = Frame::new(reference, control);
    encode_control(C::PROTOCOL, &frame, &mut bytes).expect("what is said can be written");
    bytes
}

/// The bytes of a Register.
pub(super) fn registration(nickname: &str) -> BytesMut {
    let request = basic::Request::RequestRegister(register(nickname, UserType::Agent));
    bytes::<confer_basic::Client>(1, request)
}

/// What a server says, as far as it is a refusal.
pub(super) trait Refuses {
    /// The error, if it is one.
    fn error(&self) -> Option<ErrorId>;
}

impl Refuses for basic::Event {
    fn error(&self) -> Option<ErrorId> {
        match self {
            Self::EventError(error) => ErrorId::from_number(error.error_id),
            Self::EventRegistered(_) | Self::EventUnregistered | Self::EventSessionInfo(_) => None,
        }
    }
}

impl Refuses for flex::Event {
    fn error(&self) -> Option<ErrorId> {
        match self {
            Self::EventStatus(status) => status.error_id.and_then(ErrorId::from_number),
            Self::EventPush(_) | Self::EventPushQuery(_) => None,
        }
    }
}

impl Refuses for esp::Event {
    fn error(&self) -> Option<ErrorId> {
        match self {
            Self::Event3rdServerResponse(_) => None,
            Self::Event3rdServerFault(envelope) => match envelope.parameters.value("FaultCode") {
                Some(KvValue::Int(code)) => ErrorId::from_number(*code),
                other => panic!("a fault without a code: {other:?}"),
            },
        }
    }
}
