//! A port that is open, and the thread that waits there.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use confer_core::frame::Protocol;
use confer_core::id::PortId;
use rustls::ServerConfig;
use tracing::warn;

use super::turn::Event;

/// How long a port rests after the operating system refused a connection, of descriptors for
/// instance.
const REST: Duration = Duration::from_millis(100);
/// How long the connection may take that wakes a thread, and the pause before another.
const WAKING: Duration = Duration::from_secs(1);

/// A port that is open.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) port: PortId,
    pub(super) protocol: Protocol,
    pub(super) address: SocketAddr,
    pub(super) socket: TcpListener,
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// Whether every client has shown a certificate.
    pub(super) certified: bool,
}

/// The machine has dealt with the connection accepted last.
pub(super) struct Next;

impl Listener {
    /// Accepts connections, each once the one before is dealt with, until nobody listens to `turns`
    /// or `events` any more.
    pub(super) fn accept(&self, index: usize, events: &Sender<Event>, turns: &Receiver<Next>) {
        loop {
            let goes_on = match self.socket.accept() {
                Ok((stream, _)) => {
                    let accepted = Event::Accepted { listener: index, stream };
                    events.send(accepted).is_ok() && turns.recv().is_ok()
                }
                Err(error) if is_passing(&error) => true,
                Err(error) => {
                    warn!(port = %self.port, %error, "a connection could not be accepted");
                    matches!(turns.recv_timeout(REST), Err(RecvTimeoutError::Timeout))
                }
            };
            if !goes_on {
                return;
            }
        }
    }
}

/// Ends a thread that waits for a connection, though nobody wants one: it gets one.
pub(super) fn wake(address: SocketAddr, thread: &ScopedJoinHandle<'_, ()>) {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        host @ (IpAddr::V4(_) | IpAddr::V6(_)) => host,
    };
    let address = SocketAddr::new(host, address.port());
    while !thread.is_finished() && TcpStream::connect_timeout(&address, WAKING).is_err() {
        thread::sleep(REST);
    }
}

/// Whether the error was the connection's own.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
