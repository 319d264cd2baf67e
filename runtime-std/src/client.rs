//! The client's end of a connection, on blocking threads: what a desktop, a bot or a workflow
//! links to talk to a server.
//!
//! A [`Connection`] looks after itself: it answers and sends polls (B2.6), shows the access token
//! (B2.7), writes in the background what it is given, and reads ahead, as far as
//! [`READ_AHEAD`] goes. What the messages mean is its user's business.
//!
//! A [`Driver`] does that, too: it runs a [`Desk`](confer_core::client::Desk) or a
//! [`Visitor`](confer_core::client::Visitor), which knows how to take part in chats, and makes
//! connections for it as often as it needs one.

mod driver;
mod line;
mod target;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use confer_core::frame::Frame;
use confer_link::{Loss, Received, Settings};
use confer_wire::{Codec, EncodeError};
use rustls::pki_types::ServerName;

use crate::stream::Stream;
use crate::tls;
use line::Line;

pub use driver::{Client, Driver, NEWS_AHEAD, Trouble};
pub use target::Target;

/// Bytes of frames that wait to be received; then nothing more is read before some are. A server
/// gives up a client that never reads (B2.5).
pub const READ_AHEAD: usize = 4 << 20;

/// Bytes of output that may wait before [`Sender::send`] does.
pub const WRITE_BEHIND: usize = 65_536;

/// A client's end of a connection in one protocol, such as `confer_basic::Client`.
///
/// It may be used from several threads, or taken apart with [`split`](Connection::split). Dropping
/// it closes it in the background.
#[derive(Debug)]
pub struct Connection<C: Codec> {
    sender: Sender<C>,
    receiver: Receiver<C>,
    peer: SocketAddr,
    threads: Vec<JoinHandle<()>>,
}

/// The half of a [`Connection`] that asks.
pub struct Sender<C: Codec>(Arc<Handle<C>>);

/// The half of a [`Connection`] that hears.
pub struct Receiver<C: Codec>(Arc<Handle<C>>);

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// This side closed it.
    Closed,
    /// The server closed it.
    ByServer,
    /// The link gave it up.
    Lost(Loss),
    /// The network broke it.
    Broken(io::ErrorKind),
}

/// Why a request was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The connection is over, for this reason.
    Over(End),
    /// The request cannot be written; the connection lives. A mistake of whoever made the request,
    /// never of the server.
    Misuse(EncodeError),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the connection was closed"),
            Self::ByServer => f.write_str("the server closed the connection"),
            Self::Lost(Loss::Undecodable(error)) => {
                write!(f, "the server sent what cannot be read: {error}")
            }
            Self::Lost(Loss::Silent) => f.write_str("the server is silent"),
            Self::Lost(Loss::Overflow) => f.write_str("the server does not read"),
            Self::Lost(Loss::NotAuthenticated | Loss::Unencodable(_)) => {
                f.write_str("the connection is lost")
            }
            Self::Broken(kind) => write!(f, "the connection broke: {kind}"),
        }
    }
}

impl std::error::Error for End {}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over(end) => end.fmt(f),
            Self::Misuse(error) => write!(f, "the request cannot be written: {error}"),
        }
    }
}

impl std::error::Error for SendError {}

impl From<End> for SendError {
    fn from(end: End) -> Self {
        Self::Over(end)
    }
}

impl<C> Connection<C>
where
    C: Codec + 'static,
    C::In: Send,
    C::Out: Send,
{
    /// Connects to the first of these addresses that answers, each in this time.
    ///
    /// # Errors
    ///
    /// None of them answers, or the operating system refuses something.
    pub fn connect(
        address: impl ToSocketAddrs,
        settings: Settings,
        timeout: Duration,
    ) -> io::Result<Self> {
        Self::over(reach(address, timeout)?, settings)
    }

    /// As [`connect`](Connection::connect), to a port that speaks TLS. `name` is the server's in its
    /// certificate, a name of the DNS or an address; hands are shaken in this time, too.
    ///
    /// # Errors
    ///
    /// As there; `name` is neither; or the server does not speak TLS, is not trusted, or is another
    /// one. That a server does not want to know this client shows later in TLS 1.3: with the first
    /// thing that is received.
    pub fn connect_tls(
        address: impl ToSocketAddrs,
        name: &str,
        tls: &tls::Client,
        settings: Settings,
        timeout: Duration,
    ) -> io::Result<Self> {
        let name = ServerName::try_from(name.to_owned())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let stream = reach(address, timeout)?;
        let peer = stream.peer_addr()?;
        Self::begin(Stream::client(stream, tls, name, timeout)?, peer, settings)
    }

    /// Takes a connection that was made already.
    ///
    /// # Errors
    ///
    /// The operating system refuses something.
    pub fn over(stream: TcpStream, settings: Settings) -> io::Result<Self> {
        let peer = stream.peer_addr()?;
        Self::begin(Stream::plain(stream)?, peer, settings)
    }

    fn begin(stream: Stream, peer: SocketAddr, settings: Settings) -> io::Result<Self> {
        let handle = Handle(Arc::new(Line::new(stream, settings)));
        let mut threads = Vec::new();
        for (name, task) in [
            // First, for it ends the connection if there are no more threads to be had.
            ("watch", Line::watch as fn(&Line<C>)),
            ("write", Line::write),
            ("read", Line::read),
        ] {
            let line = Arc::clone(&handle.0);
            threads.push(Builder::new().name(name.into()).spawn(move || task(&line))?);
        }
        let handle = Arc::new(handle);
        Ok(Self { sender: Sender(Arc::clone(&handle)), receiver: Receiver(handle), peer, threads })
    }

    /// Where it leads.
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// See [`Sender::send`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send(&self, request: C::Out) -> Result<u32, SendError> {
        self.sender.send(request)
    }

    /// See [`Receiver::recv`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv(&self) -> Result<Received<C::In>, End> {
        self.receiver.recv()
    }

    /// See [`Receiver::recv_timeout`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv_timeout(&self, patience: Duration) -> Result<Option<Received<C::In>>, End> {
        self.receiver.recv_timeout(patience)
    }

    /// The two halves, for a thread each. The connection closes when both are dropped.
    pub fn split(self) -> (Sender<C>, Receiver<C>) {
        (self.sender, self.receiver)
    }

    /// Writes what waits, as far as the server takes it within
    /// [`CLOSING_TIME`](confer_link::CLOSING_TIME), ends the connection, and waits for that.
    pub fn close(self) {
        self.sender.0.0.close();
        for thread in self.threads {
            // One that panicked has ended, too.
            let _ = thread.join();
        }
    }
}

impl<C: Codec> Sender<C> {
    /// Sends a request, as soon as there is room for it; the reference its answer will have.
    ///
    /// References count up from 1, and begin again at the end.
    ///
    /// # Errors
    ///
    /// The connection is over, or the request cannot be written.
    pub fn send(&self, request: C::Out) -> Result<u32, SendError> {
        self.0.0.send(request)
    }

    /// Sends a request with a reference of the caller's own, and waits for nothing: a server that does
    /// not read is lost as soon as more waits than may
    /// ([`Settings::output_max_size`](confer_link::Settings::output_max_size)).
    ///
    /// # Errors
    ///
    /// The connection is over, or the request cannot be written.
    pub fn post(&self, frame: Frame<C::Out>) -> Result<(), SendError> {
        self.0.0.post(frame)
    }

    /// Why the connection is over; `None`: it is not.
    pub fn end(&self) -> Option<End> {
        self.0.0.end()
    }
}

impl<C: Codec> Receiver<C> {
    /// Waits for what the server says.
    ///
    /// # Errors
    ///
    /// The connection is over, and everything that came before was received.
    pub fn recv(&self) -> Result<Received<C::In>, End> {
        loop {
            if let Some(received) = self.0.0.recv(None)? {
                return Ok(received);
            }
        }
    }

    /// Waits for what the server says, so long at most. `None`: nothing came.
    ///
    /// # Errors
    ///
    /// The connection is over, and everything that came before was received.
    pub fn recv_timeout(&self, patience: Duration) -> Result<Option<Received<C::In>>, End> {
        self.0.0.recv(Instant::now().checked_add(patience))
    }
}

/// Connects to the first of these addresses that answers, each in this time.
fn reach(address: impl ToSocketAddrs, timeout: Duration) -> io::Result<TcpStream> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// What a user holds of a line: it closes with the last.
struct Handle<C: Codec>(Arc<Line<C>>);

impl<C: Codec> Drop for Handle<C> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<C: Codec> fmt::Debug for Sender<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({:?})", self.0.0)
    }
}

impl<C: Codec> fmt::Debug for Receiver<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receiver({:?})", self.0.0)
    }
}
