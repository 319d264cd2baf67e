//! What is counted, and what went wrong.

use alloc::collections::BTreeMap;
use std::fmt;
use std::io;
use std::time::Duration;

use confer_core::frame::ErrorId;
use hdrhistogram::Histogram;

/// The longest time a histogram tells apart from a longer one, in microseconds: an hour.
const LONGEST: u64 = 3_600_000_000;
/// Digits of a time that count.
const DIGITS: u8 = 3;

/// Kinds of things that go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    /// A connection could not be made.
    Connect(io::ErrorKind),
    /// A connection broke.
    Broken(io::ErrorKind),
    /// The server closed a connection.
    Closed,
    /// What came cannot be read.
    Unreadable,
    /// The server refused something, with this error.
    Refused(i32),
    /// An answer or a message did not come in time.
    Late,
    /// A message did not come that had to be there before a later one, or at the end.
    Lost,
    /// A message came again.
    Repeated,
    /// The server closed a session nobody wanted closed.
    SessionClosed,
    /// Something came that makes no sense.
    Unexpected,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(kind) => write!(f, "connect: {kind}"),
            Self::Broken(kind) => write!(f, "connection broken: {kind}"),
            Self::Closed => f.write_str("closed by the server"),
            Self::Unreadable => f.write_str("unreadable"),
            Self::Refused(id) => match ErrorId::from_number(*id) {
                Some(known) => write!(f, "error {id}: {}", known.text()),
                None => write!(f, "error {id}"),
            },
            Self::Late => f.write_str("time-out"),
            Self::Lost => f.write_str("message lost"),
            Self::Repeated => f.write_str("message repeated"),
            Self::SessionClosed => f.write_str("session closed by the server"),
            Self::Unexpected => f.write_str("unexpected"),
        }
    }
}

/// How often something went wrong, and where for the first time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Troubled {
    pub(super) count: u64,
    pub(super) example: String,
}

/// What was counted since measuring began; errors and sessions since the run began.
#[derive(Debug)]
pub(super) struct Tally {
    /// Messages that were answered and, in the closed scenario, heard.
    pub(super) messages: u64,
    /// From a request to its answer.
    pub(super) answered: Histogram<u64>,
    /// From a message to when the other has it without asking.
    pub(super) delivered: Histogram<u64>,
    /// From a message to when the other has it because it asked.
    pub(super) fetched: Histogram<u64>,
    /// From a poll to its answer.
    pub(super) polled: Histogram<u64>,
    pub(super) begun: u64,
    pub(super) finished: u64,
    pub(super) failed: u64,
    /// Dormant sessions that were made.
    pub(super) dormant: u64,
    troubles: BTreeMap<Trouble, Troubled>,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            messages: 0,
            answered: histogram(),
            delivered: histogram(),
            fetched: histogram(),
            polled: histogram(),
            begun: 0,
            finished: 0,
            failed: 0,
            dormant: 0,
            troubles: BTreeMap::new(),
        }
    }

    /// Measuring begins.
    pub(super) fn reset(&mut self) {
        self.messages = 0;
        self.answered.reset();
        self.delivered.reset();
        self.fetched.reset();
        self.polled.reset();
    }

    /// Something went wrong; `example` is asked where it was the first time.
    pub(super) fn trouble(&mut self, trouble: Trouble, example: impl FnOnce() -> String) {
        let entry = self.troubles.entry(trouble);
        entry.or_insert_with(|| Troubled { count: 0, example: example() }).count += 1;
    }

    /// All that went wrong.
    pub(super) fn errors(&self) -> u64 {
        self.troubles.values().map(|troubled| troubled.count).sum()
    }

    /// All that went wrong, by kind.
    pub(super) const fn troubles(&self) -> &BTreeMap<Trouble, Troubled> {
        &self.troubles
    }
}

/// Notes a time.
pub(super) fn record(histogram: &mut Histogram<u64>, time: Duration) {
    histogram.saturating_record(u64::try_from(time.as_micros()).unwrap_or(LONGEST).max(1));
}

pub(super) fn histogram() -> Histogram<u64> {
    let made = Histogram::new_with_bounds(1, LONGEST, DIGITS);
    made.expect("the bounds lie as far apart as they must")
}

#[cfg(test)]
mod tests;
