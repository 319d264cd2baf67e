//! ADDP: noticing that the other end is gone although the connection still seems to be there (B2.6,
//! wire §4.4).

use core::time::Duration;

use confer_core::time::Instant;

/// The timeouts a peer may ask for: a shorter one would make the server poll for nothing, a longer
/// one is none.
const ASKED: core::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(86_400);

/// The watch over one connection.
#[derive(Debug)]
pub(crate) struct Addp {
    /// The timeout this side was configured with.
    own: Option<Duration>,
    /// The timeout the other side asked for.
    asked: Option<Duration>,
    running: bool,
    /// When anything at all came in last, or the watch began.
    heard: Instant,
    polled: Option<Instant>,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing.
    Nothing,
    /// A poll.
    Poll,
    /// The connection is lost.
    Lost,
}

impl Addp {
    pub(crate) fn new(own: Duration, now: Instant) -> Self {
        let own = Some(own).filter(|own| !own.is_zero());
        Self { own, asked: None, running: false, heard: now, polled: None }
    }

    /// From now on, silence is noticed.
    pub(crate) fn start(&mut self, now: Instant) {
        self.running = true;
        self.heard(now);
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running
    }

    /// The other side asks to be watched; zero: no longer.
    pub(crate) fn ask(&mut self, timeout: Duration) {
        self.asked = Some(timeout)
            .filter(|asked| !asked.is_zero())
            .map(|asked| asked.clamp(*ASKED.start(), *ASKED.end()));
    }

    /// Any byte counts as life.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.polled = None;
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let timeout = match (self.own, self.asked) {
            (Some(own), Some(asked)) => own.min(asked),
            (own, asked) => own.or(asked)?,
        };
        self.running.then(|| self.polled.unwrap_or(self.heard) + timeout)
    }

    pub(crate) fn due(&mut self, now: Instant) -> Due {
        match (self.deadline(), self.polled) {
            (Some(deadline), Some(_)) if deadline <= now => Due::Lost,
            (Some(deadline), None) if deadline <= now => {
                self.polled = Some(now);
                Due::Poll
            }
            _ => Due::Nothing,
        }
    }
}

#[cfg(test)]
mod tests;
