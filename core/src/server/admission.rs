//! Load limits: when the server takes nothing new, and when it does again (§17 of the behaviour).

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::config::Settings;
use crate::frame::ErrorId;
use crate::refusal::Refusal;
use crate::time::Instant;

use super::Server;

/// Delays that are remembered at most; the shell reports a few a second.
const MAX_DELAYS: usize = 4096;

/// How much there is of what is limited.
#[derive(Debug, Default)]
pub(super) struct Admission {
    /// Sessions that go on, or are being made.
    pub(super) sessions: usize,
    /// Flex users that may still ask for anything.
    pub(super) users: usize,
    delays: VecDeque<(Instant, Duration)>,
    /// Which limits were reached, and are not forgotten yet (B17.2).
    tripped: [bool; 3],
}

/// The limits, as indexes.
const SESSIONS: usize = 0;
const USERS: usize = 1;
const DELAY: usize = 2;

impl Admission {
    /// What the shell says of the time that answers take.
    pub(super) fn delay(&mut self, delay: Duration, now: Instant) {
        if self.delays.len() == MAX_DELAYS {
            self.delays.pop_front();
        }
        self.delays.push_back((now, delay));
    }

    /// Looks at every limit. One that is reached trips; all are forgotten together, once each that
    /// tripped is at or below its share (B17.2).
    fn look(&mut self, settings: &Settings, now: Instant) {
        if !settings.limits_control_enabled {
            self.tripped = [false; 3];
            return;
        }
        let oldest = now - settings.limit_average_interval;
        while self.delays.front().is_some_and(|(at, _)| *at < oldest) {
            self.delays.pop_front();
        }
        let count = u128::try_from(self.delays.len()).unwrap_or(1).max(1);
        let sum: u128 = self.delays.iter().map(|(_, delay)| delay.as_millis()).sum();
        let values = [self.sessions as u128, self.users as u128, sum / count];
        let limits = [
            u128::from(settings.limit_for_sessions),
            u128::from(settings.limit_for_flex_users),
            settings.limit_for_reply_delay.as_millis(),
        ];
        let share = u128::from(settings.limits_restore_threshold);
        let mut restored = true;
        for (tripped, (value, limit)) in self.tripped.iter_mut().zip(values.into_iter().zip(limits))
        {
            // 0 is no limit.
            *tripped = limit > 0 && (*tripped || value >= limit);
            restored &= !*tripped || (value < limit && value * 100 <= limit * share);
        }
        if restored {
            self.tripped = [false; 3];
        }
    }
}

impl Server {
    /// Whether a session may be created now (B17.1).
    pub(super) fn admits_session(&mut self) -> Result<(), Refusal> {
        self.admission.look(&self.config.settings, self.now);
        let Admission { tripped, .. } = self.admission;
        if tripped[SESSIONS] || tripped[USERS] || tripped[DELAY] {
            return Err(ErrorId::LimitReached.into());
        }
        Ok(())
    }

    /// Whether a flex user may log in now (B17.1).
    pub(super) fn admits_user(&mut self) -> Result<(), Refusal> {
        self.admission.look(&self.config.settings, self.now);
        if self.admission.tripped[USERS] { Err(ErrorId::LimitReached.into()) } else { Ok(()) }
    }
}
