//! The machines of `confer_core::client` that people are, of either kind alike.

use std::time::Duration;

use confer_core::client::{Action as Done, ChatId, Desk, DeskNews, Input, News, Visitor};
use confer_core::frame::{Event, Frame, Request};
use confer_core::id::PortId;
use confer_core::machine::{Machine as _, Progress};
use confer_core::time::Instant;

/// Somebody's machine.
pub(super) enum Machine {
    Desk(Box<Desk>),
    Visitor(Box<Visitor>),
}

/// What a machine wants done.
pub(super) enum Want {
    Connect {
        server: usize,
        after: Duration,
    },
    Send(Frame<Request>),
    Disconnect,
    Tell(Option<ChatId>, News),
    /// The desk was not let in.
    Refused(i32),
}

impl Machine {
    pub(super) const fn port(&self) -> PortId {
        match self {
            Self::Desk(_) => PortId::Default,
            Self::Visitor(_) => PortId::Webapi,
        }
    }

    pub(super) fn opened(&mut self, now: Instant) {
        match self {
            Self::Desk(desk) => desk.handle(Input::Opened, now),
            Self::Visitor(visitor) => visitor.handle(Input::Opened, now),
        }
    }

    pub(super) fn closed(&mut self, now: Instant) {
        match self {
            Self::Desk(desk) => desk.handle(Input::Closed, now),
            Self::Visitor(visitor) => visitor.handle(Input::Closed, now),
        }
    }

    pub(super) fn heard(&mut self, Frame { reference, body }: Frame<Event>, now: Instant) {
        match (self, body) {
            (Self::Desk(desk), Event::Basic(body)) => {
                desk.handle(Input::Frame(Frame::new(reference, body)), now);
            }
            (Self::Visitor(visitor), Event::Flex(body)) => {
                visitor.handle(Input::Frame(Frame::new(reference, body)), now);
            }
            // A line speaks the protocol of its port.
            (Self::Desk(_) | Self::Visitor(_), _) => {}
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        while match self {
            Self::Desk(desk) => desk.handle_timeout(now, usize::MAX),
            Self::Visitor(visitor) => visitor.handle_timeout(now, usize::MAX),
        } == Progress::More
        {}
    }

    pub(super) fn poll_action(&mut self) -> Option<Want> {
        loop {
            return Some(match self {
                Self::Desk(desk) => match desk.poll_action()? {
                    Done::Connect { server, after } => Want::Connect { server, after },
                    Done::Send(frame) => Want::Send(frame.map(Request::from)),
                    Done::Disconnect => Want::Disconnect,
                    Done::Notify(DeskNews::Chat(chat, news)) => Want::Tell(Some(chat), news),
                    Done::Notify(DeskNews::Refused(number)) => Want::Refused(number),
                    Done::Notify(
                        DeskNews::Online | DeskNews::Offline { .. } | DeskNews::SignedOff,
                    ) => continue,
                },
                Self::Visitor(visitor) => match visitor.poll_action()? {
                    Done::Connect { server, after } => Want::Connect { server, after },
                    Done::Send(frame) => Want::Send(frame.map(Request::from)),
                    Done::Disconnect => Want::Disconnect,
                    Done::Notify(news) => Want::Tell(None, news),
                },
            });
        }
    }
}

/// The machines' time.
pub(super) fn at(now: Duration) -> Instant {
    Instant::from_millis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}
