//! Port `web` without a chat server: a gateway in front of others, over flex.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use confer_core::config::Config;
use confer_core::gateway::{Gateway, GatewaySettings};
use confer_core::id::PortId;
use confer_runtime_std::client::Target;
use confer_store::{DocumentStore, Url};
use smol::channel::{Receiver, Sender, bounded};
use tracing::info;

use crate::serve::state::State;
use crate::serve::{Bound, LISTEN, SPARE_DESCRIPTORS, bind, descriptors, open_health};
use crate::web::wire::Wires;
use crate::web::{self, Door, Files, Listening, Opening};

pub use crate::serve::StartError;

/// Chat servers one gateway may have.
pub const MAX_SERVERS: usize = Gateway::MAX_SERVERS as usize;

/// How long an address of a server may take to answer.
const CONNECTING: Duration = Duration::from_secs(3);

/// A gateway that runs, on threads of its own.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<(PortId, SocketAddr)>,
    door: Arc<Door>,
    state: Arc<State>,
    stops: Sender<Duration>,
    ended: Receiver<()>,
    thread: JoinHandle<()>,
}

/// Opens port `web`, with these chat servers behind it, [`MAX_SERVERS`] at most, and with the
/// documents of their store; without them, files are refused (B26.11). Port `health` is opened only
/// where the configuration says so.
///
/// # Errors
///
/// A port cannot be opened as configured, or the store cannot be used, or the operating system
/// refuses something.
pub fn start(
    config: &Arc<Config>,
    servers: Vec<Target>,
    documents: Option<&Url>,
) -> Result<Running, StartError> {
    let files = documents.map(DocumentStore::open).transpose().map_err(StartError::Store)?;
    let files = files.map(|documents| Arc::new(Files::Shared(documents)));
    let usual = LISTEN.iter().find(|(port, _)| *port == PortId::Web).map(|(_, usual)| *usual);
    let web = bind(PortId::Web, &config.ports[PortId::Web], usual)?;
    let Some(Bound { socket, address, tls }) = web else {
        return Err(io::Error::other("port web is off, and a gateway has no other").into());
    };
    let mut addresses = vec![(PortId::Web, address)];
    let state = Arc::new(State::default());
    if let Some(health) = bind(PortId::Health, &config.ports[PortId::Health], None)? {
        addresses.push((PortId::Health, health.address));
        open_health(health.socket, &state)?;
    }
    let limit = web::connections(config, descriptors().saturating_sub(SPARE_DESCRIPTORS));
    info!(web = limit, "connections at most");

    let executor = Arc::new(smol::Executor::new());
    let (stops, stop) = bounded(2);
    let (teller, hearing) = web::node::teller();
    let count = u8::try_from(servers.len()).unwrap_or(u8::MAX).min(Gateway::MAX_SERVERS);
    // A server must take what the machine takes for short enough, and is told of by silence, too.
    let servers = servers.into_iter().map(|mut target| {
        target.timeout = CONNECTING;
        target.settings.send_limit = config.limits.request_max_size;
        target.settings.addp_timeout = config.ports[PortId::Webapi].addp_timeout;
        target.settings.addp_remote_timeout = config.ports[PortId::Webapi].addp_remote_timeout;
        target
    });
    let lines = Wires::new(servers.collect(), &teller)?;
    let has_documents = files.is_some();
    let settings = GatewaySettings {
        has_documents,
        ..GatewaySettings::new(web::NODE_GROUP, &name(address), count)
    };
    let opening = Opening {
        listening: Listening { socket, tls },
        settings,
        config: Arc::clone(config),
        teller: (teller, hearing),
        lines,
        files,
        executor,
        stop,
    };
    let (door, running) = opening.open(limit)?;
    let (ending, ended) = bounded(1);
    let run = move || {
        smol::block_on(running.run());
        // Whoever waits is told by the end of the channel.
        drop::<Sender<()>>(ending);
    };
    let thread = Builder::new().name("web".into()).spawn(run)?;
    Ok(Running { addresses, door, state, stops, ended, thread })
}

/// What no other node is called (B10.7).
fn name(address: SocketAddr) -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}:{}", address.port())
}

impl Running {
    /// The ports that are open, and where they listen.
    pub fn addresses(&self) -> &[(PortId, SocketAddr)] {
        &self.addresses
    }

    /// Puts a configuration in force, as far as its options act now.
    #[expect(clippy::needless_pass_by_value, reason = "as for the server")]
    pub fn configure(&self, config: Arc<Config>) {
        self.door.configure(&config);
    }

    /// Takes nothing new, and ends when every call has its answer, or after so long.
    pub fn drain(&self, patience: Duration) {
        self.state.drain();
        // One that has ended obeys nothing more.
        let _ = self.stops.try_send(patience);
    }

    /// Ends at once.
    pub fn stop(&self) {
        let _ = self.stops.try_send(Duration::ZERO);
        let _ = self.stops.try_send(Duration::ZERO);
    }

    /// Goes on when the gateway has ended.
    pub async fn ended(&self) {
        // Nothing is ever sent; the end of the channel is the message.
        let _ = self.ended.recv().await;
    }

    /// Waits until the gateway has ended.
    ///
    /// # Errors
    ///
    /// It ended though nobody wanted it to.
    pub fn join(self) -> io::Result<()> {
        self.thread.join().map_err(|_| io::Error::other("the thread of port web panicked"))
    }
}
