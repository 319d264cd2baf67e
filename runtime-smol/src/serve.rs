//! The server people run: ports, the thread that moves bytes, and what stops it.
//!
//! Whatever is about the chat is the machine's business; here are sockets, clocks and threads.

mod clock;
mod health;
mod journal;
pub(crate) mod poller;
mod socket;
pub(crate) mod state;
mod turn;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use confer_core::config::{Config, Listen, Port};
use confer_core::door::Identity;
use confer_core::frame::Protocol;
use confer_core::gateway::GatewaySettings;
use confer_core::id::PortId;
use confer_core::server::Server;
use confer_core::time::{Instant as MachineInstant, Wall};
use confer_journal::{Recorder, Start};
use confer_link::{Host, Tally};
use confer_runtime_std::{entropy, tls};
use confer_store::{OpenError, Options as StoreOptions, Store, Sync, Url};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::ServerConfig;
use tracing::{info, warn};

use clock::Clock;
use journal::Journal;
use poller::{Native, Poller, Single};
use state::State;
use turn::{Listener, Order, Turn};

use crate::web::inside::{self, Attached};
use crate::web::{self, Door, Files, Listening, Opening};

pub use confer_runtime_std::tls::TlsError;
pub use journal::Recording;

/// Descriptors that are not connections (B2.3).
pub(crate) const SPARE_DESCRIPTORS: u64 = 64;
/// Connections that may wait to be accepted.
const ORDERS: usize = 16;

/// This program, as journals name it.
pub const PROGRAM: &str = concat!("confer ", env!("CARGO_PKG_VERSION"));

/// Where the ports listen unless the configuration says otherwise.
pub const LISTEN: [(PortId, SocketAddr); 5] = [
    (PortId::Default, local(4480)),
    (PortId::Webapi, local(4481)),
    (PortId::Esp, local(4482)),
    (PortId::Health, local(4483)),
    (PortId::Web, local(8080)),
];

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// A server that runs, on threads of its own.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<(PortId, SocketAddr)>,
    orders: smol::channel::Sender<Order>,
    ended: smol::channel::Receiver<()>,
    thread: JoinHandle<io::Result<()>>,
    web: Option<Web>,
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
    /// The journal cannot be written.
    Journal {
        /// Where it was to be.
        file: PathBuf,
        /// Why not.
        error: io::Error,
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
            Self::Journal { file, error } => {
                write!(f, "the journal {file:?} cannot be written: {error}")
            }
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

/// Where a server keeps what outlives a connection.
#[derive(Clone, Debug)]
pub struct Storing {
    /// The store.
    pub url: Url,
    /// What it promises.
    pub sync: Sync,
}

impl Storing {
    /// Nowhere.
    pub const MEMORY: Self = Self { url: Url::Memory, sync: Sync::Normal };
}

/// Opens the ports and the store, and begins to serve.
///
/// # Errors
///
/// A port cannot be opened as configured, or the store cannot be used, or the operating system
/// refuses something.
pub fn start(config: Arc<Config>, storing: &Storing) -> Result<Running, StartError> {
    start_on::<Native>(config, storing, None)
}

/// Opens the ports and begins to serve, and records what goes into the machine.
///
/// # Errors
///
/// As [`start`]; or the journal cannot be created. One that cannot be written later ends with a word
/// in the log, and the server goes on.
pub fn start_recorded(
    config: Arc<Config>,
    storing: &Storing,
    recording: Option<&Recording>,
) -> Result<Running, StartError> {
    start_on::<Native>(config, storing, recording)
}

/// As [`start`], but waits for each socket by itself, as `start` does where there is no epoll. So
/// that this way is tested on Linux, too.
///
/// # Errors
///
/// As there.
pub fn start_portable(config: Arc<Config>, storing: &Storing) -> Result<Running, StartError> {
    start_on::<Single>(config, storing, None)
}

fn start_on<P: Poller>(
    config: Arc<Config>,
    storing: &Storing,
    recording: Option<&Recording>,
) -> Result<Running, StartError> {
    let mut listeners = Vec::new();
    let mut addresses = Vec::new();
    let (mut health, mut web) = (None, None);
    for port in PortId::ALL {
        let options = &config.ports[port];
        let usual = LISTEN.iter().find(|(usual, _)| *usual == port).map(|(_, address)| *address);
        let Some(Bound { socket, address, tls }) = bind(port, options, usual)? else { continue };
        let protocol = match port {
            PortId::Default => Some(Protocol::Basic),
            PortId::Webapi => Some(Protocol::Flex),
            PortId::Esp => Some(Protocol::Esp),
            PortId::Health | PortId::Web => None,
        };
        addresses.push((port, address));
        let certified = tls.is_some() && options.client_ca_file.is_some();
        // Port web is there for everybody.
        let guarded = port != PortId::Web && !address.ip().is_loopback();
        if guarded && options.access_token.is_none() && !certified {
            warn!(%port, %address, "anybody who reaches this port may use it: it has neither \
                access-token nor client-ca-file");
        }
        match protocol {
            Some(protocol) => {
                let socket = Arc::new(socket);
                listeners.push(Listener { port, protocol, socket, tls, certified });
            }
            None if port == PortId::Web => web = Some(Listening { socket, tls }),
            None => health = Some(socket),
        }
    }
    let descriptors = descriptors();
    // Half of what there is, at most: agents must not wait for customers to go.
    let for_web = match &web {
        Some(_) => web::connections(&config, descriptors.saturating_sub(SPARE_DESCRIPTORS) / 2),
        None => 0,
    };
    let connections = connections(&config, descriptors.saturating_sub(for_web))?;
    info!(connections, web = for_web, "connections at most");

    let state = Arc::new(State::default());
    if let Some(listener) = health {
        open_health(listener, &state)?;
    }

    let clock = Clock::start();
    let seed = entropy::seed()?;
    let now = MachineInstant::ZERO;
    let (woken, stored) = smol::channel::bounded(1);
    // One word is enough, whatever there is to say.
    let wake = move || {
        let _ = woken.try_send(());
    };
    let options = StoreOptions::of(&config, &addresses, storing.sync);
    let store = Store::open(&storing.url, &options, wake).map_err(StartError::Store)?;
    let store = Arc::new(store);
    info!(store = %storing.url, name = options.instance, "the store is open");
    let identity = options.identity(&addresses);
    let (machine, journal) =
        machine(store.config(&config), identity, seed, clock.wall(), recording)?;
    let (web, node) = match web {
        Some(listening) => {
            let (name, limit) = (&*options.instance, for_web);
            let (web, node) = open_web(listening, &config, (name, limit), &store)?;
            (Some(web), Some(node))
        }
        None => (None, None),
    };
    let (orders, received) = smol::channel::bounded(ORDERS);
    let (ending, ended) = smol::channel::bounded(1);
    let turn = Turn {
        host: Host::new(machine, connections, now),
        config,
        clock,
        poller: P::new()?,
        listeners,
        store,
        stored,
        orders: received,
        node,
        state,
        journal,
        sockets: Vec::new(),
        buffer: turn::buffer(),
        deadline: None,
        closing: false,
        calendar: Instant::now(),
        rests_until: None,
        farewells: VecDeque::new(),
        handshakes: VecDeque::new(),
    };
    let thread = std::thread::Builder::new().name("chat".into()).spawn(move || {
        let result = smol::block_on(turn.run());
        // Whoever waits is told by the end of the channel, too.
        drop(ending);
        result
    })?;
    Ok(Running { addresses, orders, ended, thread, web })
}

/// A port that is open.
pub(crate) struct Bound {
    pub(crate) socket: TcpListener,
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

/// Opens a port, here if it is not configured where; `None`: it stays closed.
pub(crate) fn bind(
    port: PortId,
    options: &Port,
    usual: Option<SocketAddr>,
) -> Result<Option<Bound>, StartError> {
    let address = match options.listen {
        Some(Listen::At(address)) => address,
        Some(Listen::Off) => return Ok(None),
        None => match usual {
            Some(address) => address,
            None => return Ok(None),
        },
    };
    let tls = tls::server(options).map_err(|error| StartError::Tls { port, error })?;
    let listen = |error| StartError::Listen { port, address, error };
    let socket = TcpListener::bind(address).map_err(listen)?;
    socket.set_nonblocking(true).map_err(listen)?;
    let address = socket.local_addr().map_err(listen)?;
    Ok(Some(Bound { socket, address, tls }))
}

/// Says on port `health` how the process is, on a thread of its own.
pub(crate) fn open_health(listener: TcpListener, state: &Arc<State>) -> io::Result<()> {
    let state = Arc::clone(state);
    let serve = move || {
        if let Err(error) = smol::block_on(health::serve(listener, state)) {
            warn!(%error, "port health is closed");
        }
    };
    std::thread::Builder::new().name("health".into()).spawn(serve).map(drop)
}

/// What port `web` is, once it is open: how it is configured, and its thread.
type Web = (Arc<Door>, JoinHandle<()>);

/// Opens port `web`, with a gateway node in this process.
fn open_web(
    listening: Listening,
    config: &Arc<Config>,
    (name, limit): (&str, u64),
    store: &Arc<Store>,
) -> io::Result<(Web, Attached)> {
    let executor = Arc::new(smol::Executor::new());
    let (stopping, stop) = smol::channel::bounded(1);
    let (teller, hearing) = web::node::teller();
    let (lines, attached) = inside::pair(teller.clone(), Arc::clone(&executor), stopping);
    let opening = Opening {
        listening,
        settings: GatewaySettings::new(web::NODE_GROUP, name, 1),
        config: Arc::clone(config),
        teller: (teller, hearing),
        lines,
        files: Some(Arc::new(Files::Inside(Arc::clone(store)))),
        executor,
        stop,
    };
    let (door, running) = opening.open(limit)?;
    let run = move || smol::block_on(running.run());
    let thread = std::thread::Builder::new().name("web".into()).spawn(run)?;
    Ok(((door, thread), attached))
}

/// The machine, and where it is recorded, if it is.
fn machine(
    config: Arc<Config>,
    identity: Identity,
    seed: [u8; 32],
    wall: Wall,
    recording: Option<&Recording>,
) -> Result<(Recorder<Server>, Option<Journal>), StartError> {
    let machine = Server::new(Arc::clone(&config), seed, wall, MachineInstant::ZERO)
        .with_identity(identity.clone());
    let Some(Recording { file, has_text }) = recording else {
        return Ok((Recorder::off(machine), None));
    };
    let fault = |error| StartError::Journal { file: file.clone(), error };
    let (name, out) = journal::create(file).map_err(fault)?;
    if *has_text {
        warn!(file = %name.display(), "a journal is written: it holds what people say, and keys");
    } else {
        info!(file = %name.display(), "a journal without texts is written");
    }
    let start = Start::new(PROGRAM, config, seed, wall).with_identity(identity);
    let start = if *has_text { start } else { start.without_text() };
    let journal = Journal::begin(name, out).map_err(fault)?;
    Ok((Recorder::new(machine, &start), Some(journal)))
}

impl Running {
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
        if let Some((door, _)) = &self.web {
            door.configure(&config);
        }
        self.order(Order::Configure(config));
    }

    /// Takes no new session, and ends when there is none, or after so long.
    pub fn drain(&self, patience: Duration) {
        self.order(Order::Drain(patience));
    }

    /// What happened to the connections so far; `None`: the server has ended.
    pub fn tally(&self) -> Option<Tally> {
        let (answer, answered) = smol::channel::bounded(1);
        self.order(Order::Tally(answer));
        answered.recv_blocking().ok()
    }

    /// Ends at once.
    pub fn stop(&self) {
        self.order(Order::Stop);
    }

    fn order(&self, order: Order) {
        // A server that has ended obeys nothing more.
        let _ = self.orders.send_blocking(order);
    }

    /// Goes on when the server has ended.
    pub async fn ended(&self) {
        // Nothing is ever sent; the end of the channel is the message.
        let _ = self.ended.recv().await;
    }

    /// Waits until the server has ended.
    ///
    /// # Errors
    ///
    /// What ended it, if nobody wanted it to end.
    pub fn join(self) -> io::Result<()> {
        let panicked = |_| Err(io::Error::other("the server's thread panicked"));
        let result = self.thread.join().unwrap_or_else(panicked);
        if let Some((_, web)) = self.web {
            // Its last words; then nobody has the store any more.
            web.join().map_err(|_| io::Error::other("the thread of port web panicked"))?;
        }
        result
    }
}

/// How many connections there may be: what is configured, as far as the descriptors go (B2.3).
fn connections(config: &Config, descriptors: u64) -> io::Result<usize> {
    let wanted = u64::from(config.limits.max_connections);
    let effective = wanted.min(descriptors.saturating_sub(SPARE_DESCRIPTORS));
    if effective < wanted {
        warn!(wanted, effective, descriptors, "the limit of descriptors allows fewer connections");
    }
    usize::try_from(effective).map_err(io::Error::other)
}

/// How many descriptors there may be, once as many are allowed as can be.
pub(crate) fn descriptors() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // What the operator allows may be used without being asked for twice.
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        warn!(%error, "the limit of descriptors cannot be raised");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
