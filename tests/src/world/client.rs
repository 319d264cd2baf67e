//! The clients of a world: a machine, the client's end of a link, and nothing else.

use std::any::Any;
use std::time::Duration;

use confer_core::frame::{Frame, Malformed, Protocol};
use confer_core::machine::{Machine, Progress};
use confer_core::time::Instant;
use confer_link::{Change, Link, Received, Settings};
use confer_wire::Codec;

/// What happens to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientInput<E> {
    /// Its connection is there.
    Opened,
    /// Its connection is gone, or could not be made.
    Closed,
    /// The server says this.
    Frame(Frame<E>),
    /// The server says something that makes no sense.
    Malformed(Malformed),
}

/// What a client wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAction<R> {
    /// Say this to the server.
    Send(Frame<R>),
    /// End the connection.
    Close,
    /// Make a connection, after so much time.
    Connect(Duration),
    /// The same, with this one of the servers it [knows](super::World::knows).
    ConnectTo(usize, Duration),
}

/// A connection that is wanted.
pub(super) struct Wish {
    /// With which of the servers it knows; the one it had, if it does not say.
    pub(super) server: Option<usize>,
    pub(super) after: Duration,
}

/// A client as the world sees it, whatever its protocol and machine.
pub(super) trait Client: Any {
    fn protocol(&self) -> Protocol;
    fn opened(&mut self, now: Instant);
    fn closed(&mut self, now: Instant);
    fn receive(&mut self, bytes: &[u8], now: Instant);
    fn output(&self) -> &[u8];
    fn sent(&mut self, count: usize);
    /// Whether the connection should be ended.
    fn is_finished(&self) -> bool;
    fn poll_timeout(&self) -> Option<Instant>;
    fn handle_timeout(&mut self, now: Instant);
    /// Lets the machine's actions out; the wish for a connection, if there is one.
    fn pump(&mut self, now: Instant) -> Option<Wish>;
}

/// A machine and its link.
pub(super) struct Node<C: Codec, M> {
    pub(super) machine: M,
    settings: Settings,
    link: Option<Link<C>>,
}

impl<C, M> Node<C, M>
where
    C: Codec + 'static,
    M: Machine<Input = ClientInput<C::In>, Action = ClientAction<C::Out>> + 'static,
{
    pub(super) fn new(machine: M, settings: Settings) -> Self {
        Self { machine, settings, link: None }
    }
}

impl<C, M> Client for Node<C, M>
where
    C: Codec + 'static,
    M: Machine<Input = ClientInput<C::In>, Action = ClientAction<C::Out>> + 'static,
{
    fn protocol(&self) -> Protocol {
        C::PROTOCOL
    }

    fn opened(&mut self, now: Instant) {
        self.link = Some(Link::new(self.settings.clone(), now));
        self.machine.handle(ClientInput::Opened, now);
    }

    fn closed(&mut self, now: Instant) {
        self.link = None;
        self.machine.handle(ClientInput::Closed, now);
    }

    fn receive(&mut self, mut bytes: &[u8], now: Instant) {
        let Some(link) = &mut self.link else { return };
        while let Some(received) = link.receive(&mut bytes, now) {
            let input = match received {
                Received::Frame(frame) => ClientInput::Frame(frame),
                Received::Malformed(malformed) => ClientInput::Malformed(malformed),
            };
            self.machine.handle(input, now);
        }
    }

    fn output(&self) -> &[u8] {
        self.link.as_ref().map_or(&[], Link::output)
    }

    fn sent(&mut self, count: usize) {
        if let Some(link) = &mut self.link {
            link.sent(count);
        }
    }

    fn is_finished(&self) -> bool {
        self.link.as_ref().is_some_and(Link::is_finished)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let link = self.link.as_ref().and_then(Link::poll_timeout);
        self.machine.poll_timeout().into_iter().chain(link).min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        while self.machine.handle_timeout(now, 64) == Progress::More {}
        if let Some(link) = &mut self.link {
            link.handle_timeout(now);
        }
    }

    fn pump(&mut self, now: Instant) -> Option<Wish> {
        let mut connect = None;
        while let Some(action) = self.machine.poll_action() {
            match (action, &mut self.link) {
                // What is said on a lost connection is lost; the machine hears of it.
                (ClientAction::Send(frame), Some(link)) => drop(link.send(frame, now)),
                (ClientAction::Close, Some(link)) => link.close(now),
                (ClientAction::Send(_) | ClientAction::Close, None) => {}
                (ClientAction::Connect(after), _) => connect = Some(Wish { server: None, after }),
                (ClientAction::ConnectTo(server, after), _) => {
                    connect = Some(Wish { server: Some(server), after });
                }
            }
        }
        // How fast its output drains does not matter to any client here; a loss shows as finished.
        while let Some(Change::Congested | Change::Drained | Change::Lost(_)) =
            self.link.as_mut().and_then(Link::poll_change)
        {}
        connect
    }
}
