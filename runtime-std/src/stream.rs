//! A blocking socket that one thread reads and another writes, with or without TLS on it.

use std::fmt;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use crate::tls::Client;

/// How long the last words of TLS may take to be taken by the operating system.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A socket, shared by whoever reads it, whoever writes it and whoever ends it.
pub(crate) struct Stream {
    tcp: TcpStream,
    tls: Option<Box<Tls>>,
}

/// A TLS session. Its lock is never held while anybody waits for the peer.
struct Tls {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    session: rustls::Connection,
    /// Somebody writes records; they go out in the order they are made, so nobody else may.
    writing: bool,
    /// Nothing more will be read.
    ended: bool,
}

impl Stream {
    /// One without TLS.
    pub(crate) fn plain(tcp: TcpStream) -> io::Result<Self> {
        Self::over(tcp, None)
    }

    /// The server's end of a connection. Whoever reads it [shakes hands](Self::shake_hands) first.
    pub(crate) fn server(tcp: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        let session = tls.map(|config| ServerConnection::new(Arc::clone(config)));
        let session = session.transpose().map_err(io::Error::other)?;
        Self::over(tcp, session.map(Into::into))
    }

    /// The client's end of a connection to a server of this name; hands are shaken in this time.
    pub(crate) fn client(
        tcp: TcpStream,
        tls: &Client,
        name: ServerName<'static>,
        timeout: Duration,
    ) -> io::Result<Self> {
        let session = ClientConnection::new(Arc::clone(&tls.0), name).map_err(io::Error::other)?;
        let stream = Self::over(tcp, Some(session.into()))?;
        stream.shake_hands(timeout)?;
        Ok(stream)
    }

    fn over(tcp: TcpStream, session: Option<rustls::Connection>) -> io::Result<Self> {
        // Frames are small, and each is awaited by somebody; a peer that vanished is noticed even
        // without ADDP.
        tcp.set_nodelay(true)?;
        rustix::net::sockopt::set_socket_keepalive(&tcp, true)?;
        let tls = session.map(|session| {
            let state = Mutex::new(State { session, writing: false, ended: false });
            Box::new(Tls { state, changed: Condvar::new() })
        });
        Ok(Self { tcp, tls })
    }

    /// Begins with TLS, if there is any, in this time.
    pub(crate) fn shake_hands(&self, timeout: Duration) -> io::Result<()> {
        let Some(tls) = &self.tls else { return Ok(()) };
        let shaken = self.greet(tls, Instant::now().checked_add(timeout));
        if shaken.is_err() {
            tls.end();
        }
        shaken
    }

    /// Waits for bytes. 0: the peer has ended the connection.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &self.tls else { return (&self.tcp).read(buffer) };
        let read = loop {
            match tls.lock().session.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => break read,
            }
            if let Err(error) = self.take(tls) {
                break Err(error);
            }
        };
        if !matches!(read, Ok(1..)) {
            tls.end();
        }
        read
    }

    /// Writes all of it, as soon as the peer takes it.
    pub(crate) fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        let Some(tls) = &self.tls else { return (&self.tcp).write_all(bytes) };
        let mut state = tls.lock();
        while state.writing || (state.session.is_handshaking() && !state.ended) {
            state = tls.wait(state);
        }
        if state.session.is_handshaking() {
            return Err(ErrorKind::NotConnected.into());
        }
        while !bytes.is_empty() {
            let taken = state.session.writer().write(bytes)?;
            bytes = &bytes[taken..];
            state = self.carry(tls, state)?;
        }
        Ok(())
    }

    /// Says that nothing more comes.
    pub(crate) fn finish(&self) {
        if let Some(tls) = &self.tls {
            // Whoever is not listening is not waited for.
            let _ = self.tcp.set_write_timeout(Some(LAST_WORDS));
            let mut state = tls.lock();
            if !state.writing {
                state.session.send_close_notify();
                drop(self.carry(tls, state));
            }
        }
        // What is over already cannot be ended again.
        let _ = self.tcp.shutdown(Shutdown::Write);
    }

    /// Ends the connection, and whoever waits for it: reader and writer go on.
    pub(crate) fn cut(&self) {
        let _ = self.tcp.shutdown(Shutdown::Both);
    }

    fn greet(&self, tls: &Tls, until: Option<Instant>) -> io::Result<()> {
        loop {
            drop(self.carry(tls, tls.lock())?);
            if !tls.lock().session.is_handshaking() {
                break;
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(ErrorKind::TimedOut.into());
            }
            self.tcp.set_read_timeout(left)?;
            match self.take(tls) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                taken => drop(taken?),
            }
        }
        self.tcp.set_read_timeout(None)
    }

    /// Waits for bytes, and lets TLS have them; how many. What TLS says to them is sent.
    fn take(&self, tls: &Tls) -> io::Result<usize> {
        self.tcp.peek(&mut [0])?;
        let mut state = tls.lock();
        // Something is there, if only the end: this does not wait.
        let count = state.session.read_tls(&mut &self.tcp)?;
        let processed = state.session.process_new_packets();
        let carried = self.carry(tls, state);
        // Whoever writes may have waited for the handshake.
        tls.changed.notify_all();
        // The alert that says why was worth an attempt.
        processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        carried.map(|_| count)
    }

    /// Writes the records that are made, unless somebody is at it already, who then takes them
    /// along.
    fn carry<'a>(
        &self,
        tls: &'a Tls,
        mut state: MutexGuard<'a, State>,
    ) -> io::Result<MutexGuard<'a, State>> {
        if state.writing {
            return Ok(state);
        }
        let mut records = Vec::new();
        let mut written = Ok(());
        while written.is_ok() && state.session.wants_write() {
            records.clear();
            while state.session.wants_write() {
                state.session.write_tls(&mut records)?;
            }
            state.writing = true;
            drop(state);
            written = (&self.tcp).write_all(&records);
            state = tls.lock();
            state.writing = false;
        }
        tls.changed.notify_all();
        written.map(|()| state)
    }
}

impl Tls {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked under the lock was this program's own; the others may still end.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whoever waits for more to be read that there will not be.
    fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stream({:?}, tls: {})", self.tcp, self.tls.is_some())
    }
}
