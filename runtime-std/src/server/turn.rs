//! The thread that has the machine: it takes what comes, one thing after the other.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, Builder, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant as StdInstant};

use confer_core::config::Config;
use confer_core::door::{Input, Trust};
use confer_core::frame::Protocol;
use confer_core::id::{LinkId, PortId};
use confer_core::machine::Progress;
use confer_core::server::Server as Machine;
use confer_core::time::Instant;
use confer_link::{Host, Outward, Settings, Tally, TooMany};
use confer_store::{Event as Stored, Store};
use rustls::ServerConfig;
use tracing::{debug, error, info, warn};

use super::clock::Clock;
use super::connection::{self, FAREWELL, PIECE, STACK, Writing};
use super::listener::{self, Listener, Next};
use crate::stream::Stream;

/// Timers fired at a time, before bytes are moved again.
const TIMERS: usize = 1024;
/// Answers of the store taken at a time, before bytes are moved again.
const ANSWERS: usize = 1024;
/// How often the calendar is looked at.
const CALENDAR: Duration = Duration::from_secs(10);
/// How long sessions that are closed at the end may take to be stored and told.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What happens to the thread. Of each port and of each half of a connection, one at a time waits
/// here.
#[derive(Debug)]
pub(super) enum Event {
    /// A port has a connection.
    Accepted { listener: usize, stream: TcpStream },
    /// A connection brought bytes: so many, then.
    Read { link: LinkId, bytes: Box<[u8]>, count: usize, at: StdInstant },
    /// A connection took these bytes.
    Written { link: LinkId, bytes: Vec<u8> },
    /// A connection is over: ended by the peer, or broken.
    Ended { link: LinkId, error: Option<io::Error> },
    /// The store has something to say.
    Stored,
    /// Somebody outside wants something.
    Order(Order),
}

/// What somebody outside the thread wants of it.
#[derive(Debug)]
pub(super) enum Order {
    /// Put this configuration in force.
    Configure(Arc<Config>),
    /// Take nothing new, and end when empty or after so long.
    Drain(Duration),
    /// Say what happened to the connections so far.
    Tally(Sender<Tally>),
    /// End now.
    Stop,
}

/// Everything the thread has.
pub(super) struct Turn<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    host: Host<Machine>,
    config: Arc<Config>,
    clock: Clock,
    store: Store,
    ports: Vec<Port<'scope>>,
    connections: BTreeMap<LinkId, Connection>,
    events: Receiver<Event>,
    /// For the threads of connections to come.
    sender: Sender<Event>,
    /// When the server ends, empty or not; once it drains.
    deadline: Option<StdInstant>,
    /// The sessions that were left were closed.
    closing: bool,
    calendar: StdInstant,
}

/// A port, as far as the thread cares. The thread there ends with it.
struct Port<'scope> {
    id: PortId,
    protocol: Protocol,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    /// Whether every client has shown a certificate.
    certified: bool,
    turns: Sender<Next>,
    thread: ScopedJoinHandle<'scope, ()>,
}

impl Drop for Port<'_> {
    fn drop(&mut self) {
        listener::wake(self.address, &self.thread);
    }
}

/// A connection, as far as the thread cares. Its threads end with it.
struct Connection {
    stream: Arc<Stream>,
    turns: Sender<Box<[u8]>>,
    writer: Sender<Writing>,
    /// What the next piece is written from; the writer has it while it writes one.
    piece: Option<Vec<u8>>,
    /// Nothing more is written to it.
    parting: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.stream.cut();
    }
}

/// What a server begins with.
pub(super) struct Setup {
    pub(super) config: Arc<Config>,
    pub(super) machine: Machine,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) listeners: Vec<Listener>,
    /// How many connections there may be.
    pub(super) connections: usize,
}

/// Serves until the server has ended, and every thread it began with it. Whether it began at all is
/// told through `started`.
pub(super) fn serve(
    setup: Setup,
    sender: &Sender<Event>,
    events: Receiver<Event>,
    started: &Sender<io::Result<()>>,
) {
    let Setup { config, machine, store, clock, listeners, connections } = setup;
    thread::scope(|scope| {
        let ports = (0..).zip(&listeners).map(|(index, listener)| {
            let (turns, next) = channel();
            let events = sender.clone();
            let accept = move || listener.accept(index, &events, &next);
            let Listener { port: id, protocol, address, certified, .. } = *listener;
            let tls = listener.tls.clone();
            let thread = Builder::new().name(id.to_string()).spawn_scoped(scope, accept)?;
            Ok(Port { id, protocol, address, tls, certified, turns, thread })
        });
        let ports: Vec<_> = match ports.collect() {
            Ok(ports) => ports,
            // Whoever started it waits for this.
            Err(error) => return drop(started.send(Err(error))),
        };
        let turn = Turn {
            scope,
            host: Host::new(machine, connections, Instant::ZERO),
            config,
            clock,
            store,
            ports,
            connections: BTreeMap::new(),
            events,
            sender: sender.clone(),
            deadline: None,
            closing: false,
            calendar: StdInstant::now(),
        };
        let _ = started.send(Ok(()));
        turn.run();
    });
}

impl Turn<'_, '_> {
    /// Goes on until the server has ended.
    fn run(mut self) {
        loop {
            if self.has_ended() {
                self.part();
                break;
            }
            match self.events.recv_timeout(self.patience()) {
                Ok(Event::Order(Order::Stop)) => break,
                Ok(event) => self.take(event),
                // It has a sender of its own.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            self.pass_time();
            self.flush();
        }
        info!(tally = ?self.host.tally(), "ended");
    }

    /// Says farewell to everybody, and takes what they still say until they go, for a while: a
    /// connection that is closed over bytes that nobody took may take its last words back.
    fn part(&mut self) {
        self.ports.clear();
        for connection in self.connections.values_mut() {
            if !std::mem::replace(&mut connection.parting, true) {
                let _ = connection.writer.send(Writing::Farewell);
            }
        }
        let until = StdInstant::now() + FAREWELL;
        // Clients who never rest keep nobody longer than that.
        while !self.connections.is_empty() && StdInstant::now() < until {
            match self.events.recv_timeout(until.saturating_duration_since(StdInstant::now())) {
                Ok(Event::Read { link, bytes, .. }) => {
                    if let Some(connection) = self.connections.get(&link) {
                        let _ = connection.turns.send(bytes);
                    }
                }
                Ok(Event::Ended { link, .. }) => drop(self.connections.remove(&link)),
                Ok(Event::Order(Order::Stop)) | Err(_) => return,
                Ok(
                    Event::Accepted { .. }
                    | Event::Written { .. }
                    | Event::Stored
                    | Event::Order(_),
                ) => {}
            }
        }
    }

    /// How long nothing is to be done unless something happens.
    fn patience(&self) -> Duration {
        if !self.store.is_quiet() {
            return Duration::ZERO;
        }
        let now = StdInstant::now();
        let timer = self.host.poll_timeout().map(|at| self.clock.until(at));
        let ends = [self.deadline, Some(self.calendar)].into_iter().flatten();
        let ends = ends.map(|at| at.saturating_duration_since(now));
        ends.chain(timer).min().unwrap_or(CALENDAR)
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Accepted { listener, stream } => {
                if let Err(error) = self.welcome(listener, stream) {
                    warn!(%error, "a connection ended before it began");
                }
                // The thread at the port ends after this one.
                let _ = self.ports[listener].turns.send(Next);
            }
            Event::Read { link, bytes, count, at } => self.read(link, bytes, count, at),
            Event::Written { link, bytes } => {
                if let Some(connection) = self.connections.get_mut(&link) {
                    self.host.sent(link, bytes.len(), self.clock.now());
                    connection.piece = Some(bytes);
                    self.write(link);
                }
            }
            Event::Ended { link, error } => self.close(link, error),
            Event::Order(Order::Configure(config)) => {
                self.config = Arc::clone(&config);
                let config = self.store.config(&config);
                self.host.handle(Input::Config(config), self.clock.now());
            }
            Event::Order(Order::Drain(patience)) => {
                self.deadline = Some(StdInstant::now() + patience);
                let sessions = self.host.machine().open_sessions();
                info!(sessions, seconds = patience.as_secs(), "draining: no new sessions");
                self.host.handle(Input::Drain, self.clock.now());
            }
            Event::Order(Order::Tally(asker)) => {
                // Whoever asked may be gone.
                let _ = asker.send(*self.host.tally());
            }
            // What it says is taken in every round; nothing comes after an order to stop.
            Event::Stored | Event::Order(Order::Stop) => {}
        }
    }

    /// Does what is due.
    fn pass_time(&mut self) {
        let now = self.clock.now();
        if self.host.poll_timeout().is_some_and(|at| at <= now) {
            // What is left of it is due still, and nothing is waited for.
            let (Progress::Idle | Progress::More) = self.host.handle_timeout(now, TIMERS);
        }
        let present = StdInstant::now();
        if present >= self.calendar {
            self.calendar = present + CALENDAR;
            if let Some(wall) = self.clock.corrected() {
                info!("the calendar was set");
                self.host.handle(Input::Wall(wall), now);
            }
        }
    }

    /// Whether a draining server has nothing left, or no time.
    fn has_ended(&mut self) -> bool {
        let Some(deadline) = self.deadline else { return false };
        let late = StdInstant::now() >= deadline;
        if self.host.machine().is_at_rest() && self.is_written() {
            return true;
        }
        if !late {
            return false;
        }
        if self.closing {
            error!("sessions are left that could not be stored or told in time");
            return true;
        }
        let sessions = self.host.machine().open_sessions();
        warn!(sessions, "the time to drain is over: closing the sessions that are left");
        self.closing = true;
        self.deadline = Some(StdInstant::now() + LAST_WORDS);
        self.host.handle(Input::CloseSessions, self.clock.now());
        self.flush();
        false
    }

    /// Whether nothing waits to be written.
    fn is_written(&self) -> bool {
        self.connections.keys().all(|link| self.host.output(*link).is_empty())
    }

    fn welcome(&mut self, index: usize, stream: TcpStream) -> io::Result<()> {
        let Port { id: port, protocol, certified, .. } = self.ports[index];
        let settings = Settings::of_port(&self.config, port);
        // Nothing passes a link with a token before the token was right, nor a port that wants
        // certificates before one was shown.
        let known = settings.access_token.is_some() || certified;
        let trust = if known { Trust::Authenticated } else { Trust::Open };
        let stream = Stream::server(stream, self.ports[index].tls.as_ref())?;
        let link = match self.host.accept(protocol, settings, trust, self.clock.now()) {
            Ok(link) => link,
            Err(TooMany) => {
                let (conns, refused) = (self.host.len(), self.host.tally().refused);
                warn!(conns, refused, %port, "too many connections: one more is closed");
                return Ok(());
            }
        };
        match self.begin(link, stream) {
            Ok(connection) => {
                self.connections.insert(link, connection);
                info!(conns = self.host.len(), %port, ?link, "opened");
                Ok(())
            }
            Err(error) => {
                self.host.closed(link, self.clock.now());
                Err(error)
            }
        }
    }

    /// Begins the threads of a connection.
    fn begin(&self, link: LinkId, stream: Stream) -> io::Result<Connection> {
        let stream = Arc::new(stream);
        let (turns, own) = channel();
        let (writer, orders) = channel();
        let (socket, events) = (Arc::clone(&stream), self.sender.clone());
        let write = move || connection::write(link, &socket, &events, &orders);
        let thread = || Builder::new().name(format!("{link:?}")).stack_size(STACK);
        thread().spawn_scoped(self.scope, write)?;
        let (socket, events) = (Arc::clone(&stream), self.sender.clone());
        let patience = self.config.settings.user_register_timeout;
        let read = move || connection::read(link, &socket, patience, &events, &own);
        thread().spawn_scoped(self.scope, read)?;
        Ok(Connection { stream, turns, writer, piece: Some(Vec::new()), parting: false })
    }

    fn read(&mut self, link: LinkId, bytes: Box<[u8]>, count: usize, at: StdInstant) {
        self.host.receive(link, &bytes[..count], self.clock.now());
        self.flush();
        if self.config.settings.limits_control_enabled {
            self.host.handle(Input::ReplyDelay(at.elapsed()), self.clock.now());
        }
        if let Some(connection) = self.connections.get(&link) {
            // A reader that has ended told so.
            let _ = connection.turns.send(bytes);
        }
    }

    /// Lets a connection's writer have the next piece of what there is to say, unless it is still
    /// at the last one.
    fn write(&mut self, link: LinkId) {
        let Some(connection) = self.connections.get_mut(&link) else { return };
        if connection.parting {
            return;
        }
        if self.host.is_finished(link) {
            connection.parting = true;
            if connection.piece.is_some() {
                // A writer that has ended saw the connection's end, and so does its reader.
                let _ = connection.writer.send(Writing::Farewell);
            } else {
                // It does not take what it was told last.
                connection.stream.cut();
            }
            return;
        }
        let output = self.host.output(link);
        if !output.is_empty()
            && let Some(mut piece) = connection.piece.take()
        {
            piece.clear();
            piece.extend_from_slice(&output[..output.len().min(PIECE)]);
            let _ = connection.writer.send(Writing::Bytes(piece));
        }
    }

    /// Lets everybody's writer have what there is to say, and does what is not about bytes.
    fn flush(&mut self) {
        let mut answers = 0;
        loop {
            while let Some(link) = self.host.poll_link() {
                self.write(link);
            }
            match self.host.poll_outward() {
                Some(Outward::Ask { op, request }) => self.store.ask(op, request),
                Some(Outward::Report(report)) => info!(?report, "report"),
                Some(Outward::Lost { link, loss }) => debug!(?link, ?loss, "a connection is over"),
                Some(Outward::Closes { link, reason }) => debug!(?link, ?reason, "closing"),
                // No node was attached: that takes a runtime that speaks HTTP.
                Some(Outward::Told { .. }) => {}
                Some(Outward::Unsendable { link, error }) => {
                    error!(?link, %error, "an answer was lost");
                }
                None if answers == ANSWERS => return,
                None => match self.store.poll() {
                    Some(stored) => {
                        answers += 1;
                        let input = match stored {
                            Stored::Done { op, outcome } => Input::Done { op, outcome },
                            Stored::External(what) => Input::External(what),
                        };
                        self.host.handle(input, self.clock.now());
                    }
                    None => return,
                },
            }
        }
    }

    fn close(&mut self, link: LinkId, error: Option<io::Error>) {
        let Some(connection) = self.connections.remove(&link) else { return };
        let now = self.clock.now();
        let how = match error {
            Some(error) if !connection.parting => {
                debug!(?link, %error, "a connection broke");
                self.host.broke(link, now);
                "lost"
            }
            Some(_) | None => {
                self.host.closed(link, now);
                if connection.parting { "by the server" } else { "by the peer" }
            }
        };
        info!(conns = self.host.len(), ?link, how, "closed");
    }
}
