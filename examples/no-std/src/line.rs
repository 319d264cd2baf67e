//! Both ends of one connection, with nothing between them but bytes.

use alloc::vec::Vec;

use confer_core::frame::{Event, Frame, Protocol, Request};
use confer_core::id::{LinkId, PortId};
use confer_core::time::Instant;
use confer_link::{Change, Link, Loss, Received, ServerLink, Settings};

use crate::floor::Fault;

/// The bytes that arrive at once: few enough that hardly a frame comes in one piece.
const PIECE: usize = 24;

/// One connection: the client's link at the near end, the server's at the far one.
pub struct Line {
    /// What the server calls it.
    pub id: LinkId,
    /// What has arrived at the near end and nobody looked at yet.
    pub heard: Vec<Frame<Event>>,
    /// Why it is gone.
    pub loss: Option<Loss>,
    near: Near,
    far: ServerLink,
    /// On their way to the far end.
    bytes: Vec<u8>,
}

/// A client's end.
enum Near {
    Basic(Link<confer_basic::Client>),
    Flex(Link<confer_flex::Client>),
    Esp(Link<confer_esp::Client>),
}

/// The same for each of the three.
macro_rules! each {
    ($near:expr, $link:ident => $result:expr) => {
        match $near {
            Near::Basic($link) => $result,
            Near::Flex($link) => $result,
            Near::Esp($link) => $result,
        }
    };
}

impl Line {
    /// A connection that has just been made to the port of this protocol.
    pub fn new(id: LinkId, protocol: Protocol, now: Instant) -> Self {
        let near = match protocol {
            Protocol::Basic => Near::Basic(Link::new(Settings::client(), now)),
            Protocol::Flex => Near::Flex(Link::new(Settings::client(), now)),
            Protocol::Esp => Near::Esp(Link::new(Settings::client(), now)),
        };
        let far = ServerLink::new(protocol, Settings::server(), now);
        Self { id, heard: Vec::new(), loss: None, near, far, bytes: Vec::new() }
    }

    /// The port it came to.
    pub fn port(&self) -> PortId {
        self.far.port()
    }

    /// The client says something.
    pub fn send(&mut self, frame: Frame<Request>, now: Instant) -> Result<(), Fault> {
        let Frame { reference, body } = frame;
        let sent = match (&mut self.near, body) {
            (Near::Basic(link), Request::Basic(body)) => {
                link.send(Frame::new(reference, body), now)
            }
            (Near::Flex(link), Request::Flex(body)) => link.send(Frame::new(reference, body), now),
            (Near::Esp(link), Request::Esp(body)) => link.send(Frame::new(reference, body), now),
            _ => return Err("a request of another protocol"),
        };
        sent.map_err(|_| "the request cannot be sent")
    }

    /// The client sends bytes that its link would not.
    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Brings what the client said on its way, up to the next thing the machine must know.
    pub fn bring(&mut self, now: Instant) -> Option<Received<Request>> {
        each!(&mut self.near, link => {
            self.bytes.extend_from_slice(link.output());
            link.sent(link.output().len());
        });
        while !self.bytes.is_empty() {
            let mut piece = &self.bytes[..self.bytes.len().min(PIECE)];
            let before = piece.len();
            let received = self.far.receive(&mut piece, now);
            let taken = before - piece.len();
            self.bytes.drain(..taken);
            if received.is_some() {
                return received;
            }
        }
        None
    }

    /// The server says something.
    pub fn answer(&mut self, frame: Frame<Event>, now: Instant) -> Result<(), Fault> {
        self.far.send(frame, now).map_err(|_| "the event cannot be sent")
    }

    /// The server ends the connection.
    pub fn close(&mut self, now: Instant) {
        self.far.close(now);
    }

    /// Brings what the server said over; how many frames arrived.
    pub fn bring_back(&mut self, now: Instant) -> Result<u32, Fault> {
        let before = self.heard.len();
        while !self.far.output().is_empty() {
            let output = self.far.output();
            let mut piece = &output[..output.len().min(PIECE)];
            let taken = piece.len();
            while let Some(frame) = self.near.receive(&mut piece, now)? {
                self.heard.push(frame);
            }
            self.far.sent(taken);
        }
        u32::try_from(self.heard.len() - before).map_err(|_| "too many frames")
    }

    /// What happened to the connection.
    pub fn change(&mut self) -> Option<Change> {
        self.far.poll_change()
    }
}

impl Near {
    fn receive(&mut self, bytes: &mut &[u8], now: Instant) -> Result<Option<Frame<Event>>, Fault> {
        each!(self, link => match link.receive(bytes, now) {
            Some(Received::Frame(frame)) => Ok(Some(frame.map(Event::from))),
            Some(Received::Malformed(_)) => Err("a malformed event"),
            None => Ok(None),
        })
    }
}
