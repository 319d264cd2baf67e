//! Runs a property over many seeds, so that a failure can be run again.
//!
//! Half of the seeds are the same every time; the other half are new with every run. When a property
//! fails, its seed is printed, and `CONFER_SEED=<seed> cargo test <name>` runs that one alone.
//! `CONFER_LONG=1` runs the large numbers.

use std::hash::{BuildHasher as _, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The seed to run alone.
const SEED: &str = "CONFER_SEED";
/// Whether to run the large numbers.
const LONG: &str = "CONFER_LONG";

/// How many cases to run: few with every `cargo test`, many when asked for.
pub fn cases(short: u64, long: u64) -> u64 {
    if std::env::var_os(LONG).is_some() { long } else { short }
}

/// Holds `property` against this many seeds.
///
/// # Panics
///
/// As the property did, after the seed was printed.
pub fn each(name: &str, count: u64, mut property: impl FnMut(u64)) {
    if let Some(seed) = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()) {
        return property(seed);
    }
    let fresh = RandomState::new();
    for index in 0..count {
        let seed = if index % 2 == 0 { index / 2 } else { fresh.hash_one(index) };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| property(seed))) {
            announce(name, seed);
            resume_unwind(panic);
        }
    }
}

#[expect(clippy::print_stderr, reason = "whoever runs the test wants to run the seed again")]
fn announce(name: &str, seed: u64) {
    eprintln!("{name} failed; run it again with {SEED}={seed}");
}
