//! Runs a property over many seeds, so that a failure can be run again.
//!
//! Half of the seeds are the same every time; the other half are new with every run. When a property
//! fails, its seed is printed, and `CONFER_SEED=<seed> cargo test <name>` runs that one alone.
//! `CONFER_LONG=1` runs the large numbers.

use std::hash::{BuildHasher as _, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

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
    if let Some(seed) = alone() {
        return property(seed);
    }
    let fresh = RandomState::new();
    for index in 0..count {
        hold(name, seed(index, &fresh), &mut property);
    }
}

/// As [`each`], on several threads that share the seeds, for properties that wait for somebody else.
/// Each thread has a property of its own, made by `property`.
///
/// # Panics
///
/// As [`each`].
pub fn each_at_once<P: FnMut(u64)>(
    name: &str,
    count: u64,
    threads: usize,
    property: impl Fn() -> P + Sync,
) {
    if let Some(seed) = alone() {
        return property()(seed);
    }
    let fresh = RandomState::new();
    let next = AtomicU64::new(0);
    let work = || {
        let mut property = property();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return;
            }
            hold(name, seed(index, &fresh), &mut property);
        }
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in running {
            thread.join().unwrap_or_else(|panic| {
                // The others need not go on.
                next.store(count, Ordering::Relaxed);
                resume_unwind(panic)
            });
        }
    });
}

/// The seed to run alone, if there is one.
fn alone() -> Option<u64> {
    std::env::var(SEED).ok().and_then(|seed| seed.parse().ok())
}

/// One half is the same every time, the other new with every run.
fn seed(index: u64, fresh: &RandomState) -> u64 {
    if index.is_multiple_of(2) { index / 2 } else { fresh.hash_one(index) }
}

fn hold(name: &str, seed: u64, property: &mut impl FnMut(u64)) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| property(seed))) {
        announce(name, seed);
        resume_unwind(panic);
    }
}

#[expect(clippy::print_stderr, reason = "whoever runs the test wants to run the seed again")]
fn announce(name: &str, seed: u64) {
    eprintln!("{name} failed; run it again with {SEED}={seed}");
}
