//! Simulated connections: bytes stay in order on each, nothing else is promised.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use confer_core::time::Instant;

use super::chance::Chance;

/// How a network treats what is entrusted to it.
#[derive(Clone, Debug)]
pub struct Net {
    /// How long a segment travels. Drawn for each, so connections overtake each other.
    pub latency: RangeInclusive<Duration>,
    /// How many segments in a thousand are lost and sent again.
    pub loss_per_mille: u16,
    /// How much longer a lost segment takes; all behind it on its connection wait for it.
    pub resend_after: Duration,
    /// How many segments in a thousand end their connection, with all that is under way on it.
    pub reset_per_mille: u16,
    /// The largest segment; each is cut somewhere up to here.
    pub segment: usize,
    /// Bytes one direction of a connection holds before its writer must wait.
    pub window: usize,
}

impl Net {
    /// Fast, even and faithful; still cuts the stream wherever it likes.
    pub fn calm() -> Self {
        Self {
            latency: Duration::from_millis(1)..=Duration::from_millis(1),
            loss_per_mille: 0,
            resend_after: Duration::from_millis(200),
            reset_per_mille: 0,
            segment: 1460,
            window: 65_536,
        }
    }

    /// Slow, uneven, losing segments and now and then a connection.
    pub fn rough() -> Self {
        Self {
            latency: Duration::from_millis(1)..=Duration::from_millis(300),
            loss_per_mille: 50,
            reset_per_mille: 5,
            segment: 64,
            ..Self::calm()
        }
    }
}

/// How the end of a connection takes what has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// All of it, at once.
    Eager,
    /// At most so many bytes, then nothing for a while.
    Slow {
        /// Bytes taken at a time.
        bytes: usize,
        /// The pause between.
        every: Duration,
    },
    /// Nothing, ever: the process hangs, or the machine is gone without a word.
    Never,
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Pipe {
    travelling: VecDeque<(Instant, Vec<u8>)>,
    arrived: VecDeque<u8>,
    size: usize,
    last_arrival: Instant,
    pub(super) reading: Reading,
    /// When a slow reader reads again.
    pub(super) next_read: Option<Instant>,
}

/// What became of bytes that were written.
pub(super) struct Written {
    /// How many of them were taken.
    pub(super) count: usize,
    /// When they arrive.
    pub(super) arrivals: Vec<Instant>,
    /// Whether the connection broke over them.
    pub(super) reset: bool,
}

impl Pipe {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            travelling: VecDeque::new(),
            arrived: VecDeque::new(),
            size: 0,
            last_arrival: now,
            reading: Reading::Eager,
            next_read: None,
        }
    }

    /// Takes as many of `bytes` as the window has room for.
    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        net: &Net,
        chance: &mut Chance,
        now: Instant,
    ) -> Written {
        let count = bytes.len().min(net.window.saturating_sub(self.size));
        let mut rest = &bytes[..count];
        let mut written = Written { count, arrivals: Vec::new(), reset: false };
        while !rest.is_empty() {
            let most = rest.len().min(net.segment);
            let (segment, behind) = rest.split_at(1 + chance.index(most));
            rest = behind;
            written.reset |= chance.per_mille(net.reset_per_mille);
            let at = self.arrival(net, chance, now);
            self.size += segment.len();
            self.travelling.push_back((at, segment.to_vec()));
            written.arrivals.push(at);
        }
        written
    }

    /// When something sent now arrives: never before what was sent earlier.
    pub(super) fn arrival(&mut self, net: &Net, chance: &mut Chance, now: Instant) -> Instant {
        let mut at = now + chance.between(&net.latency);
        while chance.per_mille(net.loss_per_mille) {
            at += net.resend_after;
        }
        self.last_arrival = self.last_arrival.max(at);
        self.last_arrival
    }

    /// What the reader gets now.
    pub(super) fn read(&mut self, now: Instant) -> Vec<u8> {
        while self.travelling.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, segment)) = self.travelling.pop_front() else { break };
            self.arrived.extend(segment);
        }
        let count = match self.reading {
            Reading::Eager => self.arrived.len(),
            Reading::Slow { .. } if self.next_read.is_some_and(|at| at > now) => 0,
            Reading::Slow { bytes, every } => {
                self.next_read = Some(now + every);
                bytes.min(self.arrived.len())
            }
            Reading::Never => 0,
        };
        self.size -= count;
        self.arrived.drain(..count).collect()
    }

    /// When there will be something to read that has arrived already.
    pub(super) fn next_read(&self) -> Option<Instant> {
        self.next_read.filter(|_| !self.arrived.is_empty() && self.reading != Reading::Never)
    }

    /// Drops all that is under way.
    pub(super) fn clear(&mut self) {
        self.travelling.clear();
        self.arrived.clear();
        self.size = 0;
    }
}
