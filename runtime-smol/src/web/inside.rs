//! The way to the chat server in this process: frames, and no bytes.

use std::sync::Arc;
use std::time::Duration;

use confer_core::frame::Frame;
use confer_core::frame::flex::{Event, Request};
use confer_core::gateway::{Input, ServerNo};
use confer_core::id::LinkId;
use smol::Executor;
use smol::channel::{Receiver, Sender, unbounded};

use super::node::{Lines, Teller};

/// The server, of whom there is one.
const SERVER: ServerNo = ServerNo(0);

/// What the node wants of the server. As many requests are under way as calls are in flight, so
/// they need no limit of their own.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// A link.
    Link,
    /// An answer to this.
    Answer(Frame<Request>),
}

/// The node's end.
pub(crate) struct Inside {
    wanted: Sender<Wanted>,
    executor: Arc<Executor<'static>>,
}

/// The server's end.
#[derive(Debug)]
pub(crate) struct Attached {
    pub(crate) wanted: Receiver<Wanted>,
    teller: Teller,
    /// Nothing is ever sent; the end of the channel ends the port.
    _stop: Sender<Duration>,
    /// The node's link, while there is one.
    pub(crate) link: Option<LinkId>,
}

/// Both ends. With the server's, `stop` ends, too.
pub(crate) fn pair(
    teller: Teller,
    executor: Arc<Executor<'static>>,
    stop: Sender<Duration>,
) -> (Inside, Attached) {
    let (wanted, wants) = unbounded();
    let attached = Attached { wanted: wants, teller, _stop: stop, link: None };
    (Inside { wanted, executor }, attached)
}

impl Lines for Inside {
    fn connect(&mut self, _: ServerNo, after: Duration) {
        let wanted = self.wanted.clone();
        let connect = async move {
            if !after.is_zero() {
                smol::Timer::after(after).await;
            }
            // A server that has ended says so by itself.
            let _ = wanted.try_send(Wanted::Link);
        };
        self.executor.spawn(connect).detach();
    }

    fn send(&mut self, _: ServerNo, frame: Frame<Request>) {
        let _ = self.wanted.try_send(Wanted::Answer(frame));
    }
}

impl Attached {
    /// The node has a link now.
    pub(crate) fn opened(&mut self, link: LinkId) {
        self.link = Some(link);
        self.teller.tell(Input::Opened { server: SERVER });
    }

    /// It has none, or none any more.
    pub(crate) fn closed(&mut self) {
        self.link = None;
        self.teller.tell(Input::Closed { server: SERVER });
    }

    /// The server says something.
    pub(crate) fn told(&self, frame: Frame<Event>) {
        self.teller.tell(Input::Frame { server: SERVER, frame });
    }
}
