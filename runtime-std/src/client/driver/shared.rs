//! What the threads of a driver share. One of them talks with the server, one watches the clock, and
//! any others are the user's.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant as StdInstant;

use confer_core::client::{Action, Input};
use confer_core::machine::Progress;
use confer_core::time::Instant;
use confer_link::Received;
use confer_wire::Codec;

use super::{Client, NEWS_AHEAD, Trouble};
use crate::client::line::Line;
use crate::client::{Connection, SendError, Target};

/// Timers done at once, so that a burst of them keeps nobody waiting.
const BUDGET: usize = 256;

/// A machine and what goes on round it.
pub(super) struct Shared<M: Client> {
    began: StdInstant,
    state: Mutex<State<M>>,
    changed: Condvar,
}

struct State<M: Client> {
    machine: M,
    news: VecDeque<M::News>,
    line: Wanted<M::Codec>,
    /// With which server.
    server: usize,
    trouble: Option<Trouble>,
    ended: bool,
}

/// The connection, as the machine wants it.
enum Wanted<C: Codec> {
    /// None.
    Nothing,
    /// One, at this time.
    At(StdInstant),
    /// One, which is being made.
    Now,
    /// The one there is.
    There(Arc<Line<C>>),
    /// No longer the one that is being made, or is there.
    Gone,
}

impl<M: Client> Shared<M> {
    pub(super) fn new(machine: M) -> Self {
        let mut state = State {
            machine,
            news: VecDeque::new(),
            line: Wanted::Nothing,
            server: 0,
            trouble: None,
            ended: false,
        };
        // It may have wanted a connection from the beginning.
        state.act();
        Self { began: StdInstant::now(), state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn with<R>(&self, verb: impl FnOnce(&mut M, Instant) -> R) -> R {
        let mut state = self.lock();
        let result = verb(&mut state.machine, self.now());
        self.act(&mut state);
        result
    }

    /// The next news; `None`: there are none until then, or nothing more comes.
    pub(super) fn recv(&self, until: Option<StdInstant>) -> Option<M::News> {
        let mut state = self.lock();
        loop {
            if let Some(news) = state.news.pop_front() {
                self.changed.notify_all();
                return Some(news);
            }
            if state.ended || until.is_some_and(|until| until <= StdInstant::now()) {
                return None;
            }
            state = self.wait(state, until);
        }
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().news.len()
    }

    pub(super) fn trouble(&self) -> Option<String> {
        self.lock().trouble.as_ref().map(ToString::to_string)
    }

    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        if let Wanted::There(line) = &state.line {
            line.close();
        }
        self.changed.notify_all();
    }

    pub(super) fn is_ended(&self) -> bool {
        self.lock().ended
    }

    /// Does what is due, until it is told to end.
    pub(super) fn watch(&self) {
        let mut state = self.lock();
        while !state.ended {
            let now = self.now();
            match state.machine.poll_timeout() {
                Some(at) if at <= now => {
                    // More of it has its turn after whoever waits for the lock.
                    let _: Progress = state.machine.handle_timeout(now, BUDGET);
                    self.act(&mut state);
                    drop(state);
                    state = self.lock();
                }
                Some(at) => {
                    let until = self.began.checked_add(at.saturating_since(Instant::ZERO));
                    state = self.wait(state, until);
                }
                None => state = self.wait(state, None),
            }
        }
    }

    fn take(&self, state: &mut State<M>, input: M::Input) {
        state.machine.handle(input, self.now());
        self.act(state);
    }

    /// Carries out what the machine wants, and tells everybody.
    fn act(&self, state: &mut State<M>) {
        while let Some(input) = state.act() {
            state.machine.handle(input, self.now());
        }
        self.changed.notify_all();
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.began.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, State<M>> {
        // Whoever panicked in a verb was the user's own thread; the others may still end.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something changes, or it is so late.
    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State<M>>,
        until: Option<StdInstant>,
    ) -> MutexGuard<'a, State<M>> {
        let Some(until) = until else {
            return self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        let patience = until.saturating_duration_since(StdInstant::now());
        let waited = self.changed.wait_timeout(state, patience);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl<M> Shared<M>
where
    M: Client,
    M::Codec: 'static,
    <M::Codec as Codec>::In: Send,
    <M::Codec as Codec>::Out: Send,
{
    /// Makes the connections the machine asks for, and hears what comes, until it is told to end.
    pub(super) fn talk(&self, targets: &[Target]) {
        while let Some(server) = self.wait_for_wish() {
            let made = targets.get(server).map_or_else(
                || Err(io::Error::new(io::ErrorKind::NotFound, "there is no such server")),
                Target::connect::<M::Codec>,
            );
            let mut state = self.lock();
            match made {
                Ok(connection) if matches!(state.line, Wanted::Now) && !state.ended => {
                    state.line = Wanted::There(Arc::clone(&connection.sender.0.0));
                    state.trouble = None;
                    self.take(&mut state, Input::Opened);
                    drop(state);
                    self.listen(&connection);
                    if self.is_ended() {
                        connection.close();
                    }
                }
                Ok(_) => {
                    state.line = Wanted::Nothing;
                    self.take(&mut state, Input::Closed);
                }
                Err(error) => {
                    state.line = Wanted::Nothing;
                    state.trouble = Some(Trouble::NotConnected(error));
                    self.take(&mut state, Input::Closed);
                }
            }
        }
    }

    /// Waits until a connection is to be made, with this server; `None` if none is any more.
    fn wait_for_wish(&self) -> Option<usize> {
        let mut state = self.lock();
        while !state.ended {
            state = match state.line {
                Wanted::At(at) if at <= StdInstant::now() && state.news.len() < NEWS_AHEAD => {
                    state.line = Wanted::Now;
                    return Some(state.server);
                }
                Wanted::At(at) if at > StdInstant::now() => self.wait(state, Some(at)),
                Wanted::Nothing | Wanted::At(_) | Wanted::Now | Wanted::There(_) | Wanted::Gone => {
                    self.wait(state, None)
                }
            };
        }
        None
    }

    fn listen(&self, connection: &Connection<M::Codec>) {
        loop {
            let received = connection.recv();
            let mut state = self.lock();
            while state.news.len() >= NEWS_AHEAD && !state.ended {
                state = self.wait(state, None);
            }
            match received {
                Ok(Received::Frame(frame)) => self.take(&mut state, Input::Frame(frame)),
                Ok(Received::Malformed(what)) => self.take(&mut state, Input::Malformed(what)),
                Err(end) => {
                    state.line = Wanted::Nothing;
                    state.trouble = Some(Trouble::Ended(end));
                    return self.take(&mut state, Input::Closed);
                }
            }
        }
    }
}

impl<M: Client> State<M> {
    /// Carries out what the machine wants, as far as nothing comes back of it.
    fn act(&mut self) -> Option<M::Input> {
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::Connect { server, after } => {
                    self.server = server;
                    // A pause that no clock can hold is never over.
                    let at = StdInstant::now().checked_add(after);
                    self.line = at.map_or(Wanted::Nothing, Wanted::At);
                }
                Action::Send(frame) => {
                    let Wanted::There(line) = &self.line else { continue };
                    let reference = frame.reference;
                    match line.post(frame) {
                        Err(SendError::Misuse(_)) => return Some(Input::Unsendable { reference }),
                        // The end of the connection is heard where it is listened to.
                        Ok(()) | Err(SendError::Over(_)) => {}
                    }
                }
                Action::Disconnect => match &self.line {
                    Wanted::There(line) => {
                        line.close();
                        self.line = Wanted::Gone;
                    }
                    Wanted::Now => self.line = Wanted::Gone,
                    Wanted::At(_) => {
                        self.line = Wanted::Nothing;
                        return Some(Input::Closed);
                    }
                    Wanted::Nothing | Wanted::Gone => {}
                },
                Action::Notify(news) => self.news.push_back(news),
            }
        }
        None
    }
}

impl<M: Client> fmt::Debug for Shared<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        write!(f, "{} news, {}", state.news.len(), if state.ended { "ended" } else { "running" })
    }
}
