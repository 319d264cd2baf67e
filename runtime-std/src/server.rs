//! A server on blocking threads, to embed in another program or in a test.
//!
//! One thread has the machine and decides; it waits for whatever comes next, and for no longer than
//! until the machine's deadline. Every connection has two more threads, one that waits for its
//! bytes and one that waits for room: a blocking socket cannot be waited for otherwise, and nobody
//! but its own threads ever waits for a slow peer (B2.5).
//!
//! What is under way between them is bounded because they take turns. A reader reads again when the
//! machine has dealt with what it read last, so a peer that never stops has one turn in every round
//! like everybody else. A writer holds one piece of output at a time; the rest waits in the link,
//! where it counts.

mod clock;
mod connection;
mod listener;
mod turn;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use confer_core::config::{Config, Listen};
use confer_core::frame::Protocol;
use confer_core::id::PortId;
use confer_core::mask::{Masker, NoMask};
use confer_core::server::Server as Machine;
use confer_core::time::Instant;
use confer_link::Tally;
use confer_store::{OpenError, Store, Sync, Url};
use tracing::{info, warn};

use clock::Clock;
use listener::Listener;
use turn::{Event, Order, Setup};

use crate::entropy;
use crate::tls::{self, TlsError};

/// Descriptors that are not connections (B2.3).
const SPARE_DESCRIPTORS: u64 = 64;
/// Connections there may be at most, whatever is configured (B2.3): each has two threads, each of
/// these four pieces of the address space, of which Linux lets a process have 65530.
pub const MAX_CONNECTIONS: u64 = 4096;

/// A server that runs, on threads of its own. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<(PortId, SocketAddr)>,
    events: Sender<Event>,
    thread: Option<JoinHandle<()>>,
}

/// What a server is given that is no configuration.
#[derive(Clone)]
pub struct Options {
    /// The entropy of every id and key it makes. `None`: the operating system's. Given, for tests
    /// that want the same ids every time: whoever knows it knows the keys.
    pub seed: Option<[u8; 32]>,
    /// Finds in a text what must not be kept of it (B15.1).
    pub masker: Arc<dyn Masker>,
    /// Where transcripts are kept.
    pub store: Url,
    /// What it promises of what is kept.
    pub sync: Sync,
}

impl Default for Options {
    /// Entropy of the operating system, no masking, and a store in memory.
    fn default() -> Self {
        Self { seed: None, masker: Arc::new(NoMask), store: Url::Memory, sync: Sync::default() }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("seeded", &self.seed.is_some())
            .field("store", &self.store)
            .field("sync", &self.sync)
            .finish_non_exhaustive()
    }
}

/// Why a server does not run.
#[derive(Debug)]
pub enum StartError {
    /// A port cannot be opened.
    Listen {
        /// Which.
        port: PortId,
        /// Where.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// A port cannot speak TLS.
    Tls {
        /// Which.
        port: PortId,
        /// Why not.
        error: TlsError,
    },
    /// The store cannot be used.
    Store(OpenError),
    /// The operating system refuses something else.
    System(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { port, address, error } => {
                write!(f, "port {port} cannot listen on {address}: {error}")
            }
            Self::Tls { port, error } => write!(f, "port {port} cannot speak TLS: {error}"),
            Self::Store(error) => fmt::Display::fmt(error, f),
            Self::System(error) => write!(f, "the server cannot start: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl Server {
    /// Opens the ports `default`, `webapi` and `ESP` where they are configured to listen, and begins
    /// to serve. The ports of HTTP are not opened.
    ///
    /// # Errors
    ///
    /// A port cannot be opened as configured, or the operating system refuses something.
    pub fn spawn(config: Arc<Config>, options: Options) -> Result<Self, StartError> {
        let listeners = listen(&config)?;
        let addresses = listeners.iter().map(|listener| (listener.port, listener.address));
        let addresses: Vec<_> = addresses.collect();
        let connections = connections(&config);
        info!(connections, "connections at most");
        let seed = match options.seed {
            Some(seed) => seed,
            None => entropy::seed()?,
        };
        let clock = Clock::start();
        let (events, received) = channel();
        let waker: Sender<Event> = events.clone();
        // A server that has ended wants to hear nothing more.
        let wake = move || drop(waker.send(Event::Stored));
        let storing = confer_store::Options::of(&config, &addresses, options.sync);
        let store = Store::open(&options.store, &storing, wake).map_err(StartError::Store)?;
        let machine = Machine::new(store.config(&config), seed, clock.wall(), Instant::ZERO);
        let machine = machine.with_masker(options.masker);
        let machine = machine.with_identity(storing.identity(&addresses));
        let setup = Setup { config, machine, store, clock, listeners, connections };
        let (sender, (starting, started)) = (events.clone(), channel());
        let thread = Builder::new()
            .name("chat".into())
            .spawn(move || turn::serve(setup, &sender, received, &starting))?;
        // Nothing is said by a thread that panicked.
        started.recv().unwrap_or_else(|ended| Err(io::Error::other(ended)))?;
        Ok(Self { addresses, events, thread: Some(thread) })
    }

    /// Where a port listens.
    pub fn address(&self, port: PortId) -> Option<SocketAddr> {
        self.addresses.iter().find(|(open, _)| *open == port).map(|(_, address)| *address)
    }

    /// The ports that are open, and where they listen.
    pub fn addresses(&self) -> &[(PortId, SocketAddr)] {
        &self.addresses
    }

    /// Puts a configuration in force, as far as its options act now.
    pub fn configure(&self, config: Arc<Config>) {
        self.order(Order::Configure(config));
    }

    /// Takes no new session, and ends when there is none, or after so long (B20.7).
    pub fn drain(&self, patience: Duration) {
        self.order(Order::Drain(patience));
    }

    /// What happened to the connections so far; `None`: the server has ended.
    pub fn tally(&self) -> Option<Tally> {
        let (answer, answered) = channel();
        self.order(Order::Tally(answer));
        answered.recv().ok()
    }

    /// Ends at once.
    pub fn stop(&self) {
        self.order(Order::Stop);
    }

    /// Waits until the server has ended, and all its threads with it.
    ///
    /// # Errors
    ///
    /// It panicked.
    pub fn join(mut self) -> io::Result<()> {
        let ended = self.thread.take().map_or(Ok(()), JoinHandle::join);
        ended.map_err(|_| io::Error::other("the server's thread panicked"))
    }

    fn order(&self, order: Order) {
        // A server that has ended obeys nothing more.
        let _ = self.events.send(Event::Order(order));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn listen(config: &Config) -> Result<Vec<Listener>, StartError> {
    let mut listeners = Vec::new();
    for port in PortId::ALL {
        let options = &config.ports[port];
        // An embedded server opens what it is told to open, and nothing by itself.
        let Some(Listen::At(address)) = options.listen else { continue };
        let protocol = match port {
            PortId::Default => Protocol::Basic,
            PortId::Webapi => Protocol::Flex,
            PortId::Esp => Protocol::Esp,
            PortId::Health | PortId::Web => {
                warn!(%port, "this server does not open the ports of HTTP");
                continue;
            }
        };
        let tls = tls::server(options).map_err(|error| StartError::Tls { port, error })?;
        let certified = tls.is_some() && options.client_ca_file.is_some();
        let failed = |error| StartError::Listen { port, address, error };
        let socket = TcpListener::bind(address).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        if !address.ip().is_loopback() && options.access_token.is_none() && !certified {
            warn!(%port, %address, "anybody who reaches this port may use it: it has neither \
                access-token nor client-ca-file");
        }
        listeners.push(Listener { port, protocol, address, socket, tls, certified });
    }
    Ok(listeners)
}

/// How many connections there may be: what is configured, as far as threads and descriptors go (B2.3). The
/// limit of the process is its owner's, and stays as it is.
fn connections(config: &Config) -> usize {
    let wanted = u64::from(config.limits.max_connections);
    let descriptors = descriptors();
    let effective = wanted.min(MAX_CONNECTIONS).min(descriptors.saturating_sub(SPARE_DESCRIPTORS));
    if effective < wanted {
        let threads = MAX_CONNECTIONS;
        warn!(wanted, effective, threads, descriptors, "threads or descriptors allow fewer");
    }
    usize::try_from(effective).unwrap_or(usize::MAX)
}

#[cfg(unix)]
fn descriptors() -> u64 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.unwrap_or(u64::MAX)
}

#[cfg(not(unix))]
fn descriptors() -> u64 {
    u64::MAX
}
