//! Port `web`: connections of clients, as many as may be, and as long as they may take.

use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, TcpListener};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use confer_core::id::PortId;
use futures_rustls::TlsAcceptor;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use rustls::ServerConfig;
use smol::Async;
use smol::channel::{Receiver, Sender, bounded};
use smol::future::FutureExt as _;
use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};
use smol_hyper::rt::{FuturesIo, SmolTimer};
use tracing::{debug, info, warn};

use super::Door;
use super::calls;
use super::pace::{Pace, Paced, Phase, Socket};

/// Bytes of a connection that are read before they are taken, its heads included.
const BUFFER: usize = 65_536;
/// How long a client that was told that it is over may take to read it.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes a client may still send meanwhile.
const LAST_BYTES: usize = 4 << 20;
/// How long nothing is accepted after that could not be done.
const REST: Duration = Duration::from_millis(200);

/// A port that is open.
pub(crate) struct Listening {
    pub(crate) socket: TcpListener,
    pub(crate) tls: Option<Arc<ServerConfig>>,
}

/// The connections there are.
#[derive(Debug)]
pub(super) struct Connections {
    limit: usize,
    there: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    list: Vec<Option<There>>,
    free: Vec<usize>,
    /// Nothing new is taken.
    closed: bool,
}

#[derive(Debug)]
struct There {
    pace: Arc<Pace>,
    orders: Sender<Close>,
}

/// How a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    /// When it has answered what it was asked.
    Soon,
    /// At once.
    Now,
}

/// A connection that is counted, until it is dropped.
struct Counted {
    door: Arc<Door>,
    slot: usize,
    pace: Arc<Pace>,
    orders: Receiver<Close>,
}

impl Connections {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, there: Mutex::default() }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        let slots = self.lock();
        slots.list.len() - slots.free.len()
    }

    /// Ends all of them, each when it has answered what it was asked.
    pub(super) fn close(&self) {
        let mut slots = self.lock();
        slots.closed = true;
        for there in slots.list.iter().flatten() {
            let _ = there.orders.try_send(Close::Soon);
        }
    }

    /// One more; `None`: there are as many as there may be, and all of them are at something.
    fn enter(&self) -> Option<(usize, Arc<Pace>, Receiver<Close>)> {
        let mut slots = self.lock();
        if slots.closed {
            return None;
        }
        if slots.list.len() - slots.free.len() >= self.limit {
            let idle = slots.list.iter().flatten();
            let idle = idle.filter_map(|there| Some((there.pace.idle_since()?, there)));
            let (_, longest) = idle.min_by_key(|(since, _)| *since)?;
            // Idle only until it is told once; it makes room in a moment.
            longest.pace.enters(Phase::Answer);
            let _ = longest.orders.try_send(Close::Now);
        }
        let (orders, received) = bounded(2);
        let pace = Arc::new(Pace::new());
        let there = There { pace: Arc::clone(&pace), orders };
        let slot = slots.free.pop().unwrap_or(slots.list.len());
        if slot == slots.list.len() {
            slots.list.push(Some(there));
        } else {
            slots.list[slot] = Some(there);
        }
        Some((slot, pace, received))
    }

    fn leave(&self, slot: usize) {
        let mut slots = self.lock();
        if slots.list.get_mut(slot).and_then(Option::take).is_some() {
            slots.free.push(slot);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        // Nothing panics under the lock.
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.door.connections.leave(self.slot);
        info!(conns = self.door.connections.count(), port = %PortId::Web, "closed");
    }
}

/// Accepts connections, as long as somebody waits for this.
pub(super) async fn accept(door: Arc<Door>, listening: Listening) -> io::Result<()> {
    let Listening { socket, tls } = listening;
    let listener = Async::new(socket)?;
    let tls = tls.map(TlsAcceptor::from);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of descriptors, or a peer that was gone before it was accepted.
                warn!(%error, "a connection could not be accepted");
                smol::Timer::after(REST).await;
                continue;
            }
        };
        let Some((slot, pace, orders)) = door.connections.enter() else {
            let conns = door.connections.count();
            warn!(conns, port = %PortId::Web, "too many connections: one more is closed");
            continue;
        };
        info!(conns = door.connections.count(), port = %PortId::Web, "opened");
        let counted = Counted { door: Arc::clone(&door), slot, pace, orders };
        let tls = tls.clone();
        door.executor.spawn(async move { converse(counted, stream, tls).await }).detach();
    }
}

/// What ended a wait.
enum Woken {
    Served(hyper::Result<()>),
    Told(Close),
    Late,
}

async fn converse(counted: Counted, stream: Async<std::net::TcpStream>, tls: Option<TlsAcceptor>) {
    let Counted { door, pace, orders, .. } = &counted;
    if let Err(error) = prepare(&stream) {
        debug!(%error, "a connection ended before it began");
        return;
    }
    let socket = match tls {
        None => Socket::Plain(stream),
        Some(acceptor) => {
            let shaken = async { Some(acceptor.accept(stream).await) };
            let late = async {
                late(door, pace).await;
                None
            };
            match shaken.or(late).await {
                Some(Ok(stream)) => Socket::Tls(Box::new(stream)),
                Some(Err(error)) => {
                    debug!(%error, "a handshake failed");
                    return;
                }
                None => {
                    debug!("a handshake took too long");
                    return;
                }
            }
        }
    };
    let paced = Paced { socket, pace: Arc::clone(pace) };
    let answer = |request| Box::pin(calls::answer(Arc::clone(door), Arc::clone(pace), request));
    let service = service_fn(answer);
    let mut connection = http1::Builder::new()
        .timer(SmolTimer::new())
        .header_read_timeout(None)
        .max_buf_size(BUFFER)
        .serve_connection(FuturesIo::new(paced), service);
    loop {
        let served = async {
            Woken::Served(poll_fn(|context| connection.poll_without_shutdown(context)).await)
        };
        let told = async {
            match orders.recv().await {
                Ok(close) => Woken::Told(close),
                Err(_) => smol::future::pending().await,
            }
        };
        let late = async {
            late(door, pace).await;
            Woken::Late
        };
        match told.or(served).or(late).await {
            Woken::Served(Ok(())) => break,
            Woken::Served(Err(error)) => {
                debug!(%error, "a connection to port web broke");
                break;
            }
            Woken::Told(Close::Soon) => Pin::new(&mut connection).graceful_shutdown(),
            Woken::Told(Close::Now) => return,
            Woken::Late => {
                debug!("a client took too long");
                return;
            }
        }
    }
    part(connection.into_parts().io.into_inner().socket).await;
}

fn prepare(stream: &Async<std::net::TcpStream>) -> io::Result<()> {
    // Answers are small, and each is awaited by somebody.
    stream.get_ref().set_nodelay(true)?;
    // A peer whose machine is gone without a word is noticed in the end.
    Ok(rustix::net::sockopt::set_socket_keepalive(stream.get_ref(), true)?)
}

/// Waits until this client's time is over.
async fn late(door: &Door, pace: &Pace) {
    loop {
        let patience = door.patience();
        let now = Instant::now();
        let deadline = pace.deadline(&patience);
        if deadline.is_some_and(|deadline| deadline <= now) {
            return;
        }
        // What begins later has this time at least.
        let next = now + patience.shortest();
        smol::Timer::at(deadline.map_or(next, |deadline| deadline.min(next))).await;
    }
}

/// Says farewell, and takes for a moment what the client still says: a socket that is closed over
/// bytes that nobody took may take its last words back.
async fn part(mut socket: Socket) {
    let take = async {
        let stream = match &mut socket {
            Socket::Plain(stream) => stream,
            Socket::Tls(tls) => {
                let _ = tls.close().await;
                tls.get_mut().0
            }
        };
        let _ = stream.get_ref().shutdown(Shutdown::Write);
        let (mut buffer, mut left) = (vec![0; 16_384], LAST_BYTES);
        while left > 0 {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => left = left.saturating_sub(count),
            }
        }
    };
    let enough = async {
        smol::Timer::after(FAREWELL).await;
    };
    take.or(enough).await;
}
