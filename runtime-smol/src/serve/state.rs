//! What other threads may know of the server.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What other threads may know of the server.
#[derive(Debug, Default)]
pub(super) struct State {
    draining: AtomicBool,
    refused: AtomicU64,
}

impl State {
    /// From now on, nothing new is taken.
    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether nothing new is taken.
    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// A connection more than there may be was closed.
    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}
