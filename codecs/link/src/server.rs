//! A server's end of a connection, on whichever port it came.

use confer_core::frame::{Event, Frame, Protocol, Request};
use confer_core::id::PortId;
use confer_core::time::Instant;

use crate::link::{Change, Link, Received, SendError};
use crate::settings::Settings;

/// A server's end of a connection: what comes in is for `confer_core::door::Input`, what goes out
/// is from `confer_core::door::Action`.
#[derive(Debug)]
pub enum ServerLink {
    /// On port `default`.
    Basic(Link<confer_basic::Server>),
    /// On port `webapi`.
    Flex(Link<confer_flex::Server>),
    /// On port `ESP`.
    Esp(Link<confer_esp::Server>),
}

/// The same for each of the three.
macro_rules! each {
    ($link:expr, $inner:ident => $result:expr) => {
        match $link {
            ServerLink::Basic($inner) => $result,
            ServerLink::Flex($inner) => $result,
            ServerLink::Esp($inner) => $result,
        }
    };
}

impl ServerLink {
    /// A connection that has just been made to a port of this protocol.
    pub fn new(protocol: Protocol, settings: Settings, now: Instant) -> Self {
        match protocol {
            Protocol::Basic => Self::Basic(Link::new(settings, now)),
            Protocol::Flex => Self::Flex(Link::new(settings, now)),
            Protocol::Esp => Self::Esp(Link::new(settings, now)),
        }
    }

    /// The port of this protocol.
    pub const fn port(&self) -> PortId {
        match self {
            Self::Basic(_) => PortId::Default,
            Self::Flex(_) => PortId::Webapi,
            Self::Esp(_) => PortId::Esp,
        }
    }

    /// See [`Link::receive`].
    pub fn receive(&mut self, input: &mut &[u8], now: Instant) -> Option<Received<Request>> {
        each!(self, link => link.receive(input, now).map(Received::into_request))
    }

    /// See [`Link::send`].
    ///
    /// # Errors
    ///
    /// The link is closed, this frame was the end of it, or it is of another protocol.
    pub fn send(&mut self, frame: Frame<Event>, now: Instant) -> Result<(), SendError> {
        let Frame { reference, body } = frame;
        match (self, body) {
            (Self::Basic(link), Event::Basic(event)) => {
                link.send(Frame::new(reference, event), now)
            }
            (Self::Flex(link), Event::Flex(event)) => link.send(Frame::new(reference, event), now),
            (Self::Esp(link), Event::Esp(event)) => link.send(Frame::new(reference, event), now),
            (Self::Basic(_) | Self::Flex(_) | Self::Esp(_), _) => Err(SendError::WrongProtocol),
        }
    }

    /// See [`Link::output`].
    pub fn output(&self) -> &[u8] {
        each!(self, link => link.output())
    }

    /// See [`Link::sent`].
    pub fn sent(&mut self, count: usize) {
        each!(self, link => link.sent(count));
    }

    /// See [`Link::poll_change`].
    pub fn poll_change(&mut self) -> Option<Change> {
        each!(self, link => link.poll_change())
    }

    /// See [`Link::close`].
    pub fn close(&mut self, now: Instant) {
        each!(self, link => link.close(now));
    }

    /// See [`Link::is_finished`].
    pub fn is_finished(&self) -> bool {
        each!(self, link => link.is_finished())
    }

    /// See [`Link::poll_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        each!(self, link => link.poll_timeout())
    }

    /// See [`Link::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        each!(self, link => link.handle_timeout(now));
    }
}

impl<T: Into<Request>> Received<T> {
    fn into_request(self) -> Received<Request> {
        match self {
            Self::Frame(frame) => Received::Frame(frame.map(Into::into)),
            Self::Malformed(malformed) => Received::Malformed(malformed),
        }
    }
}
