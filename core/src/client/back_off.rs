//! Pauses that grow.

use core::time::Duration;

use super::Habits;
use super::chance::Chance;

/// How often something failed in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BackOff {
    failures: u32,
}

impl BackOff {
    /// It failed once more: how long to wait, from half of [`Habits::back_off_min`] to all of
    /// [`Habits::back_off_max`].
    pub(super) fn failed(&mut self, habits: &Habits, chance: &mut Chance) -> Duration {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        let pause = habits.back_off_min.saturating_mul(factor).min(habits.back_off_max);
        chance.jitter(pause)
    }

    /// It worked.
    pub(super) fn worked(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests;
