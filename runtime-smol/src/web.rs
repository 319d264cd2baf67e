//! Port `web`: the customer's door, over HTTP.
//!
//! Bytes of HTTP become requests of the web API in `confer-chat-api`, the gateway machine of
//! `confer-core` decides what becomes of them, and here are sockets, clocks, threads and the bytes of
//! files. The machine's chat servers are either the one in this process, to which frames go as they
//! are, or others, over flex.

mod calls;
mod files;
mod http;
pub(crate) mod inside;
pub(crate) mod node;
mod pace;
pub(crate) mod wire;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use confer_chat_api::Api;
use confer_core::config::Config;
use confer_core::gateway::{GatewaySettings, Input};
use smol::Executor;
use smol::channel::Receiver;
use tracing::warn;

use calls::AllAside;
use http::Connections;
use node::{Hearing, Lines, Node, Teller};
use pace::Patience;

pub(crate) use files::Files;
pub(crate) use http::Listening;

/// The gateways that can stand in for each other: all of them (B10.7).
pub(crate) const NODE_GROUP: &str = "web";
/// How long clients may take to read what they were answered, at the end.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How often it is looked at whether they have.
const LOOK: Duration = Duration::from_millis(20);

/// How many connections there may be: what is configured, as far as so many descriptors go (B26.10).
pub(crate) fn connections(config: &Config, descriptors: u64) -> u64 {
    let wanted = u64::from(config.web.max_connections);
    let effective = wanted.min(descriptors).max(1);
    if effective < wanted {
        warn!(wanted, effective, "port web: the limit of descriptors allows fewer connections");
    }
    effective
}

/// What all connections share.
pub(crate) struct Door {
    options: Mutex<Options>,
    teller: Teller,
    files: Option<Arc<Files>>,
    connections: Connections,
    executor: Arc<Executor<'static>>,
    aside: AllAside,
}

#[derive(Clone, Debug)]
struct Options {
    api: Arc<Api>,
    patience: Patience,
}

impl Options {
    fn new(config: &Config) -> Self {
        Self { api: Arc::new(Api::new(&config.web)), patience: Patience::new(&config.web) }
    }
}

/// Everything a door needs to be opened.
pub(crate) struct Opening<L> {
    pub(crate) listening: Listening,
    pub(crate) settings: GatewaySettings,
    pub(crate) config: Arc<Config>,
    pub(crate) teller: (Teller, Hearing),
    pub(crate) lines: L,
    pub(crate) files: Option<Arc<Files>>,
    pub(crate) executor: Arc<Executor<'static>>,
    /// Says how long calls that are in flight may take when no new ones are taken, and again that they
    /// have had time enough; its end means both.
    pub(crate) stop: Receiver<Duration>,
}

impl<L: Lines> Opening<L> {
    /// A door, and what is to be [run](Running::run) to keep it open.
    ///
    /// # Errors
    ///
    /// The operating system gives no randomness.
    pub(crate) fn open(self, connections: u64) -> io::Result<(Arc<Door>, Running<L>)> {
        let Self { listening, settings, config, teller, lines, files, executor, stop } = self;
        let connections = usize::try_from(connections).map_err(io::Error::other)?;
        let door = Arc::new(Door {
            options: Mutex::new(Options::new(&config)),
            teller: teller.0.clone(),
            files: files.clone(),
            connections: Connections::new(connections),
            executor: Arc::clone(&executor),
            aside: AllAside::new(0),
        });
        let node = Node::new(settings, config, teller, lines, files, executor)?;
        Ok((Arc::clone(&door), Running { door, node, listening, stop }))
    }
}

/// A door that is open.
pub(crate) struct Running<L> {
    door: Arc<Door>,
    node: Node<L>,
    listening: Listening,
    stop: Receiver<Duration>,
}

impl<L: Lines> Running<L> {
    /// Goes on until it is told to stop, or nothing can be asked any more.
    pub(crate) async fn run(self) {
        let Self { door, node, listening, stop } = self;
        let executor = Arc::clone(&door.executor);
        let tend = async {
            let node = executor.spawn(node.run());
            let accept = executor.spawn(http::accept(Arc::clone(&door), listening));
            let patience = stop.recv().await.unwrap_or_default();
            if let Some(Err(error)) = accept.cancel().await {
                warn!(%error, "port web is closed");
            }
            door.connections.close();
            // Whoever asked something by now is answered.
            let until = Instant::now() + patience;
            while door.connections.count() > 0 && Instant::now() < until && stop.is_empty() {
                smol::Timer::after(LOOK).await;
            }
            door.teller.end();
            node.await;
            let until = Instant::now() + LAST_WORDS;
            while door.connections.count() > 0 && Instant::now() < until {
                smol::Timer::after(LOOK).await;
            }
        };
        executor.run(tend).await;
    }
}

impl Door {
    /// Puts a configuration in force, as far as its options act now.
    pub(crate) fn configure(&self, config: &Arc<Config>) {
        *self.lock() = Options::new(config);
        self.teller.tell(Input::Config(Arc::clone(config)));
    }

    fn api(&self) -> Arc<Api> {
        Arc::clone(&self.lock().api)
    }

    fn patience(&self) -> Patience {
        self.lock().patience
    }

    fn lock(&self) -> MutexGuard<'_, Options> {
        // Nothing panics under the lock.
        self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Door({} connections)", self.connections.count())
    }
}
