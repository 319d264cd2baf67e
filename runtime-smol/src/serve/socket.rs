//! A socket of the server, with or without TLS on it. Never blocks.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};

use super::poller::Watched;

/// Bytes of one connection that TLS keeps before they are written.
const TLS_BUFFER: usize = 262_144;

/// A connection's socket.
#[derive(Debug)]
pub(super) struct Socket {
    stream: Arc<TcpStream>,
    tls: Option<Box<ServerConnection>>,
    /// Whether room is waited for.
    pub(super) waits_for_room: bool,
}

/// What reading came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// So many bytes.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// Nothing any more.
    End,
}

impl Socket {
    /// A socket that was accepted.
    pub(super) fn new(stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        // Frames are small, and each is awaited by somebody.
        stream.set_nodelay(true)?;
        // A peer whose machine is gone without a word is noticed in the end.
        rustix::net::sockopt::set_socket_keepalive(&stream, true)?;
        let tls = tls.map(|config| ServerConnection::new(Arc::clone(config)));
        let tls = tls.transpose().map_err(io::Error::other)?.map(|mut tls| {
            tls.set_buffer_limit(Some(TLS_BUFFER));
            Box::new(tls)
        });
        Ok(Self { stream: Arc::new(stream), tls, waits_for_room: false })
    }

    /// Whether TLS has only begun.
    pub(super) fn is_shaking_hands(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Reads once.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Taken> {
        let Some(tls) = &mut self.tls else {
            return Ok(match until_blocked((&*self.stream).read(buffer))? {
                Some(0) => Taken::End,
                Some(count) => Taken::Bytes(count),
                None => Taken::Nothing,
            });
        };
        let ended = matches!(until_blocked(tls.read_tls(&mut &*self.stream))?, Some(0));
        if let Err(error) = tls.process_new_packets() {
            // The alert that says why is worth an attempt.
            let _ = tls.write_tls(&mut &*self.stream);
            return Err(io::Error::new(ErrorKind::InvalidData, error));
        }
        match tls.reader().read(buffer) {
            Ok(0) => Ok(Taken::End),
            Ok(count) => Ok(Taken::Bytes(count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock && !ended => Ok(Taken::Nothing),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Taken::End),
            Err(error) => Err(error),
        }
    }

    /// Whether there is more to read that no event will announce: TLS has it already.
    pub(super) fn has_more(&mut self) -> bool {
        self.tls.as_mut().is_some_and(|tls| {
            tls.process_new_packets().is_ok_and(|state| state.plaintext_bytes_to_read() > 0)
        })
    }

    /// Writes as much of `bytes` as goes; how many were taken.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            if bytes.is_empty() {
                return Ok(0);
            }
            return Ok(until_blocked((&*self.stream).write(bytes))?.unwrap_or(0));
        };
        let taken = if bytes.is_empty() { 0 } else { tls.writer().write(bytes)? };
        while tls.wants_write() {
            if until_blocked(tls.write_tls(&mut &*self.stream))?.is_none() {
                break;
            }
        }
        Ok(taken)
    }

    /// Whether bytes were taken that are not written yet.
    pub(super) fn holds_bytes(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Says farewell, as far as that goes without waiting.
    pub(super) fn close(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = tls.write_tls(&mut &*self.stream);
        }
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// Takes what the peer says after the farewell, once; whether it is gone.
    pub(super) fn is_gone(&self, buffer: &mut [u8]) -> bool {
        matches!(until_blocked((&*self.stream).read(buffer)), Ok(Some(0)) | Err(_))
    }

    /// What to wait for.
    pub(super) fn watched(&self) -> Watched {
        Watched::Stream(Arc::clone(&self.stream))
    }
}

/// What came of an attempt; `None`: nothing, for it would block.
fn until_blocked(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
