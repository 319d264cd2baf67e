//! Seeded chance: the only source of it in a simulated world.

use std::ops::RangeInclusive;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// A stream of decisions that depends on its seed and nothing else.
#[derive(Debug)]
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    /// An index into something with `len` elements, which is not empty.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("below a usize")
    }

    /// True this many times in a thousand.
    pub fn per_mille(&mut self, times: u16) -> bool {
        self.below(1000) < u64::from(times)
    }

    /// A duration of this range, in whole milliseconds.
    pub fn between(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let (least, most) = (millis(*range.start()), millis(*range.end()));
        Duration::from_millis(least + self.below(most.saturating_sub(least) + 1))
    }

    /// A seed for something that makes random decisions of its own.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        seed
    }
}
