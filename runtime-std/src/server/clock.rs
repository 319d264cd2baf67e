//! The machine's time, from the clocks of the operating system.

use std::time::{Duration, Instant as StdInstant, SystemTime, UNIX_EPOCH};

use confer_core::time::{Instant, Wall};

/// How far the calendar may be off before the machine is told.
const DRIFT: Duration = Duration::from_millis(500);

/// Time since the server began, and what the calendar said then.
#[derive(Debug)]
pub(super) struct Clock {
    began: StdInstant,
    epoch: Duration,
}

impl Clock {
    /// A clock that begins now.
    pub(super) fn start() -> Self {
        Self { began: StdInstant::now(), epoch: since_epoch() }
    }

    /// The machine's present.
    pub(super) fn now(&self) -> Instant {
        Instant::ZERO + self.began.elapsed()
    }

    /// How long it is until `at`; zero if that is past.
    pub(super) fn until(&self, at: Instant) -> Duration {
        at.saturating_since(Instant::ZERO).saturating_sub(self.began.elapsed())
    }

    /// What the calendar said when the clock began.
    pub(super) fn wall(&self) -> Wall {
        Wall::new(Instant::ZERO, i64::try_from(self.epoch.as_millis()).unwrap_or(i64::MAX))
    }

    /// What it would have said, if somebody has set it since.
    pub(super) fn corrected(&mut self) -> Option<Wall> {
        let epoch = since_epoch().saturating_sub(self.began.elapsed());
        if epoch.abs_diff(self.epoch) < DRIFT {
            return None;
        }
        self.epoch = epoch;
        Some(self.wall())
    }
}

fn since_epoch() -> Duration {
    // A calendar before 1970 is no calendar.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
