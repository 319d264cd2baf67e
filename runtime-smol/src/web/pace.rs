//! How far a connection is with its requests, and for how long: nobody may keep one for nothing.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use confer_core::config::Web;
use futures_rustls::server::TlsStream;
use smol::Async;
use smol::io::{AsyncRead, AsyncWrite};

/// The times a client has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    head: Duration,
    body: Duration,
    idle: Duration,
}

impl Patience {
    pub(super) fn new(options: &Web) -> Self {
        Self { head: options.head_max, body: options.body_max, idle: options.idle_max }
    }

    /// No time is over sooner than this after it began.
    pub(super) fn shortest(&self) -> Duration {
        self.head.min(self.body).min(self.idle)
    }
}

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Between two requests.
    Idle,
    /// In the head of one, or the handshake.
    Head,
    /// In its parameters.
    Body,
    /// In the bytes of a file.
    File,
    /// Everything has come, and the client waits.
    Answer,
}

/// How far a connection is.
#[derive(Debug)]
pub(super) struct Pace(Mutex<State>);

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// Since when the client takes nothing, though there is something for it.
    stuck: Option<Instant>,
}

impl Pace {
    /// A connection that was just made.
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { phase: Phase::Head, since: Instant::now(), stuck: None }))
    }

    /// It is at something else now.
    pub(super) fn enters(&self, phase: Phase) {
        let mut state = self.lock();
        state.phase = phase;
        state.since = Instant::now();
    }

    /// When this client's time is over, as it stands.
    pub(super) fn deadline(&self, patience: &Patience) -> Option<Instant> {
        let state = self.lock();
        let time = match state.phase {
            Phase::Idle => Some(patience.idle),
            Phase::Head => Some(patience.head),
            Phase::Body | Phase::File => Some(patience.body),
            Phase::Answer => None,
        };
        let phase = time.map(|time| state.since + time);
        let stuck = state.stuck.map(|since| since + patience.body);
        phase.into_iter().chain(stuck).min()
    }

    /// Since when nothing is asked, if nothing is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.lock();
        (state.phase == Phase::Idle).then_some(state.since)
    }

    fn came(&self) {
        let mut state = self.lock();
        match state.phase {
            Phase::Idle => {
                state.phase = Phase::Head;
                state.since = Instant::now();
            }
            Phase::File => state.since = Instant::now(),
            Phase::Head | Phase::Body | Phase::Answer => {}
        }
    }

    fn wrote(&self, goes: bool) {
        let mut state = self.lock();
        if goes {
            state.stuck = None;
        } else {
            state.stuck.get_or_insert_with(Instant::now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client's socket.
#[derive(Debug)]
pub(super) enum Socket {
    Plain(Async<std::net::TcpStream>),
    Tls(Box<TlsStream<Async<std::net::TcpStream>>>),
}

/// A client's socket, which notes how fast it is.
#[derive(Debug)]
pub(super) struct Paced {
    pub(super) socket: Socket,
    pub(super) pace: std::sync::Arc<Pace>,
}

/// The same for both kinds of sockets.
macro_rules! each {
    ($paced:expr, $socket:ident => $result:expr) => {
        match &mut $paced.socket {
            Socket::Plain($socket) => {
                let $socket = Pin::new($socket);
                $result
            }
            Socket::Tls($socket) => {
                let $socket = Pin::new(&mut **$socket);
                $result
            }
        }
    };
}

impl AsyncRead for Paced {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let read = each!(self, socket => socket.poll_read(context, buffer));
        if matches!(read, Poll::Ready(Ok(1..))) {
            self.pace.came();
        }
        read
    }
}

impl AsyncWrite for Paced {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = each!(self, socket => socket.poll_write(context, bytes));
        self.pace.wrote(written.is_ready());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = each!(self, socket => socket.poll_flush(context));
        self.pace.wrote(flushed.is_ready());
        flushed
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, socket => socket.poll_close(context))
    }
}
