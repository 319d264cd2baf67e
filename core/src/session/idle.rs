//! How long a session may be silent: the state of its two controls (§11 and §12 of the behaviour).

use core::time::Duration;

use crate::time::Instant;
use crate::wheel::TimerId;

/// One control of a session: a timer that is restarted by activity, and how far it has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Control {
    pub(crate) stage: Stage,
    pub(crate) timer: Option<TimerId>,
    /// When it closes the session, if nothing happens until then.
    pub(crate) closes_at: Option<Instant>,
}

/// How far a control has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It does not run.
    #[default]
    Off,
    /// Somebody did something lately.
    Quiet,
    /// The first alert was given.
    Alerted,
    /// The second alert was given, or there is none: closing is next.
    Closing,
}

/// The periods of a control, in force for one session now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Periods {
    pub(crate) alert: Duration,
    /// Zero: there is no second alert.
    pub(crate) alert2: Duration,
    pub(crate) close: Duration,
}

impl Periods {
    /// The stage that follows the expiry of this one.
    pub(crate) fn after(&self, stage: Stage) -> Stage {
        match stage {
            Stage::Off | Stage::Closing => Stage::Off,
            Stage::Quiet if self.alert2.is_zero() => Stage::Closing,
            Stage::Quiet => Stage::Alerted,
            Stage::Alerted => Stage::Closing,
        }
    }

    /// How long this stage lasts, and how long those after it.
    pub(crate) fn lasts(&self, stage: Stage) -> (Duration, Duration) {
        match stage {
            Stage::Off => (Duration::ZERO, Duration::ZERO),
            Stage::Quiet => (self.alert, self.alert2 + self.close),
            Stage::Alerted => (self.alert2, self.close),
            Stage::Closing => (self.close, Duration::ZERO),
        }
    }
}
