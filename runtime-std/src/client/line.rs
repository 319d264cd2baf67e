//! What the threads of a connection share: the link, the socket, and what came in.

use std::collections::VecDeque;
use std::fmt;
use std::io::ErrorKind;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as StdInstant};

use bytes::BytesMut;
use confer_core::frame::Frame;
use confer_core::time::Instant;
use confer_link::{Change, Link, Received, SendError as LinkError, Settings};
use confer_wire::{Codec, encode};

use super::{End, READ_AHEAD, SendError, WRITE_BEHIND};
use crate::stream::Stream;

/// Bytes read or written at a time.
const PIECE: usize = 16_384;
/// How long a server that was said farewell to may take to go.
const FAREWELL: Duration = Duration::from_secs(1);

/// A link, its socket, and three threads: one waits for bytes, one for room, one for time. Whoever
/// changes something tells everybody; a client has not many to tell.
pub(super) struct Line<C: Codec> {
    stream: Stream,
    began: StdInstant,
    send_limit: u32,
    state: Mutex<State<C>>,
    changed: Condvar,
}

struct State<C: Codec> {
    link: Link<C>,
    /// What came in, and how many bytes it was.
    received: VecDeque<(Received<C::In>, usize)>,
    /// The sum of these.
    ahead: usize,
    /// Bytes of the frame under way.
    partial: usize,
    last_reference: u32,
    /// Why it is over.
    end: Option<End>,
    /// Nothing more is read.
    read: bool,
}

impl<C: Codec> Line<C> {
    pub(super) fn new(stream: Stream, settings: Settings) -> Self {
        let send_limit = settings.send_limit;
        let state = State {
            link: Link::new(settings, Instant::ZERO),
            received: VecDeque::new(),
            ahead: 0,
            partial: 0,
            last_reference: 0,
            end: None,
            read: false,
        };
        let (state, changed) = (Mutex::new(state), Condvar::new());
        Self { stream, began: StdInstant::now(), send_limit, state, changed }
    }

    pub(super) fn send(&self, request: C::Out) -> Result<u32, SendError> {
        let mut frame = Frame::new(1, request);
        // The link takes what cannot be written for the end; here it is only the user's mistake.
        encode::<C>(&frame, self.send_limit, &mut BytesMut::new()).map_err(SendError::Misuse)?;
        let mut state = self.lock();
        while state.end.is_none() && state.link.output().len() > WRITE_BEHIND {
            state = self.wait(state, None);
        }
        if let Some(end) = state.end {
            return Err(end.into());
        }
        state.last_reference = state.last_reference.checked_add(1).unwrap_or(1);
        frame.reference = state.last_reference;
        self.hand_over(&mut state, frame)?;
        Ok(state.last_reference)
    }

    /// Sends a frame as it is and waits for nothing: a server that does not read its few requests is
    /// lost like any peer whose output overflows.
    pub(super) fn post(&self, frame: Frame<C::Out>) -> Result<(), SendError> {
        encode::<C>(&frame, self.send_limit, &mut BytesMut::new()).map_err(SendError::Misuse)?;
        let mut state = self.lock();
        match state.end {
            Some(end) => Err(end.into()),
            None => self.hand_over(&mut state, frame),
        }
    }

    fn hand_over(&self, state: &mut State<C>, frame: Frame<C::Out>) -> Result<(), SendError> {
        let result = state.link.send(frame, self.now());
        self.note(state);
        match (result, state.end) {
            (Ok(()), _) => Ok(()),
            (Err(LinkError::Unencodable(error)), _) => Err(SendError::Misuse(error)),
            (Err(LinkError::Closed | LinkError::Overflow | LinkError::WrongProtocol), end) => {
                Err(end.unwrap_or(End::Closed).into())
            }
        }
    }

    pub(super) fn recv(&self, until: Option<StdInstant>) -> Result<Option<Received<C::In>>, End> {
        let mut state = self.lock();
        loop {
            if let Some((received, size)) = state.received.pop_front() {
                state.ahead -= size;
                self.changed.notify_all();
                return Ok(Some(received));
            }
            if let Some(end) = state.end {
                return Err(end);
            }
            if until.is_some_and(|until| until <= StdInstant::now()) {
                return Ok(None);
            }
            state = self.wait(state, until);
        }
    }

    pub(super) fn end(&self) -> Option<End> {
        self.lock().end
    }

    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.end.get_or_insert(End::Closed);
        state.link.close(self.now());
        self.note(&mut state);
    }

    /// Reads until there is nothing more, no further ahead than it may.
    pub(super) fn read(&self) {
        let mut buffer = vec![0; PIECE];
        let end = loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => break End::ByServer,
                Ok(count) => self.take(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break End::Broken(error.kind()),
            }
        };
        let mut state = self.lock();
        state.end.get_or_insert(end);
        state.read = true;
        self.note(&mut state);
    }

    fn take(&self, mut input: &[u8]) {
        let mut state = self.lock();
        while state.end.is_none() && state.ahead > READ_AHEAD {
            state = self.wait(state, None);
        }
        loop {
            let before = input.len();
            let received = state.link.receive(&mut input, self.now());
            state.partial += before - input.len();
            let Some(received) = received else { break };
            let size = std::mem::take(&mut state.partial);
            state.ahead += size;
            state.received.push_back((received, size));
        }
        self.note(&mut state);
    }

    /// Writes until the link has nothing more to say.
    pub(super) fn write(&self) {
        let mut piece = Vec::with_capacity(PIECE);
        let mut state = self.lock();
        loop {
            if state.is_over() {
                return;
            }
            let output = state.link.output();
            if output.is_empty() {
                state = self.wait(state, None);
                continue;
            }
            piece.clear();
            piece.extend_from_slice(&output[..output.len().min(PIECE)]);
            drop(state);
            if self.stream.write_all(&piece).is_err() {
                // Reading shows why, and what the server said before.
                return;
            }
            state = self.lock();
            state.link.sent(piece.len());
            self.note(&mut state);
        }
    }

    /// Does what is due, until the connection is over; then ends it.
    pub(super) fn watch(&self) {
        let mut state = self.lock();
        while !state.is_over() {
            let now = self.now();
            match state.link.poll_timeout() {
                Some(at) if at <= now => {
                    state.link.handle_timeout(now);
                    self.note(&mut state);
                }
                Some(at) => {
                    let at = at.saturating_since(Instant::ZERO);
                    state = self.wait(state, self.began.checked_add(at));
                }
                None => state = self.wait(state, None),
            }
        }
        drop(state);
        // Closing at once, over bytes that nobody took, would take the last words back.
        self.stream.finish();
        let until = StdInstant::now() + FAREWELL;
        let mut state = self.lock();
        while !state.read && StdInstant::now() < until {
            state = self.wait(state, Some(until));
        }
        self.stream.cut();
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.began.elapsed()
    }

    /// Tells everybody, after something happened to the link.
    fn note(&self, state: &mut State<C>) {
        if let Some(Change::Lost(loss)) = state.link.poll_change() {
            state.end.get_or_insert(End::Lost(loss));
        }
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<C>> {
        // Whoever panicked under the lock was this program's own; the others may still end.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something changes, or it is so late.
    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State<C>>,
        until: Option<StdInstant>,
    ) -> MutexGuard<'a, State<C>> {
        let Some(until) = until else {
            return self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        let patience = until.saturating_duration_since(StdInstant::now());
        let waited = self.changed.wait_timeout(state, patience);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl<C: Codec> State<C> {
    /// Whether nothing is left to do but to end the connection.
    fn is_over(&self) -> bool {
        self.link.is_finished() || self.read
    }
}

impl<C: Codec> fmt::Debug for Line<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {:?}", C::PROTOCOL, self.end())
    }
}

#[cfg(test)]
mod tests;
