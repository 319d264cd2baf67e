//! How patient, careful and talkative a client machine is.

use core::time::Duration;

/// What both client machines let their users decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Habits {
    /// How many servers with the same store there are to turn to; the shell knows them by the
    /// numbers from 0 on (B22.13). 1.
    pub servers: usize,
    /// The one to turn to first. 0.
    pub server: usize,
    /// The pause before the first new attempt at anything, halved at random; doubled with each
    /// failure. 500 ms.
    pub back_off_min: Duration,
    /// The longest such pause. 30 s.
    pub back_off_max: Duration,
    /// How long an answer may take before the connection is given up. 60 s.
    pub patience: Duration,
    /// The shortest time between two notices that somebody types. 3 s.
    pub typing_every: Duration,
    /// How long after the last key somebody counts as typing. 5 s.
    pub typing_silence: Duration,
    /// How much said in one chat may wait for its answers. 256.
    pub max_waiting: usize,
    /// The longest text, in characters: what servers allow by default (B5.6). 65535.
    pub max_text: usize,
    /// How many events a view keeps, the newest. 100000 (B5.7).
    pub max_events: usize,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            servers: 1,
            server: 0,
            back_off_min: Duration::from_millis(500),
            back_off_max: Duration::from_secs(30),
            patience: Duration::from_secs(60),
            typing_every: Duration::from_secs(3),
            typing_silence: Duration::from_secs(5),
            max_waiting: 256,
            max_text: 65_535,
            max_events: 100_000,
        }
    }
}
