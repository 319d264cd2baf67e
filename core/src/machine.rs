//! The one shape of everything that runs: server, clients, gateway, test doubles.

use crate::time::Instant;

/// A state machine without I/O.
///
/// The contract, for every machine of this crate:
///
/// 1. [`handle`](Machine::handle) an input, or [`handle_timeout`](Machine::handle_timeout) when
///    [`poll_timeout`](Machine::poll_timeout) says so;
/// 2. drain [`poll_action`](Machine::poll_action) until it returns `None`, carrying out each action
///    in order;
/// 3. sleep until `poll_timeout`, or until the next input.
///
/// `now` never goes back. Nothing else comes from outside: the same inputs at the same times give
/// the same actions, byte for byte.
///
/// ```
/// use confer_core::machine::{Machine, Progress};
/// use confer_core::time::Instant;
///
/// fn turn<M: Machine>(machine: &mut M, input: Option<M::Input>, now: Instant) -> Vec<M::Action> {
///     match input {
///         Some(input) => machine.handle(input, now),
///         // A shell with other work to do would come back here after it, rather than loop.
///         None => while machine.handle_timeout(now, 64) == Progress::More {},
///     }
///     core::iter::from_fn(|| machine.poll_action()).collect()
/// }
/// ```
pub trait Machine {
    /// What happens to the machine.
    type Input;
    /// What the machine wants done.
    type Action;

    /// Fires everything due at or before `now`, in the order of deadlines and then of arming, and
    /// applies `input`. Cannot fail: a peer that misbehaves gets an action.
    fn handle(&mut self, input: Self::Input, now: Instant);

    /// Fires what is due at or before `now`, at most `budget` timers of it.
    fn handle_timeout(&mut self, now: Instant, budget: usize) -> Progress;

    /// The next thing to do, if there is one.
    fn poll_action(&mut self) -> Option<Self::Action>;

    /// When to call [`handle_timeout`](Machine::handle_timeout): never later than the earliest
    /// timer, perhaps earlier. `None`: not before the next input. At or before the present while
    /// work is left over.
    fn poll_timeout(&self) -> Option<Instant>;
}

/// Whether a budget was enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// Nothing more is due.
    Idle,
    /// The budget ran out first; call again.
    More,
}
