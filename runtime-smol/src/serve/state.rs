//! What other threads may know of the server.

use std::sync::atomic::{AtomicBool, Ordering};

/// What other threads may know of the server.
#[derive(Debug, Default)]
pub(crate) struct State {
    draining: AtomicBool,
}

impl State {
    /// From now on, nothing new is taken.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether nothing new is taken.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
