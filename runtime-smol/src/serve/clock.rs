//! The machine's time, from the clocks of the operating system.

use std::time::{Duration, Instant as StdInstant, SystemTime, UNIX_EPOCH};

use confer_core::time::{Instant, Wall};

/// How far the calendar may be off before the machine is told.
const DRIFT: Duration = Duration::from_millis(500);

/// Milliseconds since the process began, and what the calendar says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    began: StdInstant,
    told: Duration,
}

impl Clock {
    /// A clock that begins now.
    pub(super) fn start() -> Self {
        Self { began: StdInstant::now(), told: since_epoch() }
    }

    /// The machine's present.
    pub(super) fn now(&self) -> Instant {
        Instant::ZERO + self.began.elapsed()
    }

    /// When the machine wants to be woken, for the operating system. Rounded up, lest it wakes
    /// before anything is due.
    pub(super) fn at(&self, at: Instant) -> StdInstant {
        self.began + at.saturating_since(Instant::ZERO)
    }

    /// What the calendar said when the clock began, or was last looked at.
    pub(super) fn wall(&self) -> Wall {
        Wall::new(Instant::ZERO, i64::try_from(self.told.as_millis()).unwrap_or(i64::MAX))
    }

    /// What the calendar says, if somebody has set it since.
    pub(super) fn corrected(&mut self) -> Option<Wall> {
        let began = since_epoch().saturating_sub(self.began.elapsed());
        if began.abs_diff(self.told) < DRIFT {
            return None;
        }
        self.told = began;
        Some(self.wall())
    }
}

fn since_epoch() -> Duration {
    // A calendar before 1970 is no calendar.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
