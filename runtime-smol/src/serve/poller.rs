//! How the server's thread learns which of its sockets something can be done with.

#[cfg(target_os = "linux")]
pub(crate) mod epoll;
mod single;

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

pub(super) use single::Single;

/// The best way there is on this system.
#[cfg(target_os = "linux")]
pub(super) type Native = epoll::Epoll;
/// The best way there is on this system.
#[cfg(not(target_os = "linux"))]
pub(super) type Native = Single;

/// Events taken at a time.
const BATCH: usize = 64;

/// The sockets, and what is waited for on each.
pub(super) trait Poller: Sized + Send + 'static {
    /// One without sockets.
    fn new() -> io::Result<Self>;

    /// Waits for input on a socket, and for room if `write`. `token` names it, and no other.
    fn add(&mut self, socket: &Watched, token: u64, write: bool) -> io::Result<()>;

    /// Waits for room in a socket, or no longer.
    fn modify(&mut self, socket: &Watched, token: u64, write: bool) -> io::Result<()>;

    /// Waits for a socket no longer.
    fn remove(&mut self, socket: &Watched, token: u64) -> io::Result<()>;

    /// Waits until something can be done with some socket.
    async fn readable(&self) -> io::Result<()>;

    /// What can be done now: as long as there is any of it, `readable` must not be waited for.
    /// Whatever can be done and was not is told again.
    fn ready(&mut self) -> io::Result<Vec<Ready>>;
}

/// Something can be done with a socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    /// The number it was added with.
    pub(crate) token: u64,
    pub(crate) read: bool,
    pub(crate) write: bool,
}

/// A socket that may be waited for.
#[derive(Clone, Debug)]
pub(super) enum Watched {
    Listener(Arc<TcpListener>),
    Stream(Arc<TcpStream>),
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Listener(listener) => listener.as_fd(),
            Self::Stream(stream) => stream.as_fd(),
        }
    }
}

#[cfg(test)]
mod tests;
