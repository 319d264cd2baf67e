//! Timers at a million live ones (G3): what a re-arm, the next deadline and a firing cost.
//!
//! ```text
//! cargo bench -p confer-core --bench wheel
//! ```
//!
//! `re_arm` is the goal's scene: a random timer of a million moves to 30 to 300 s ahead, 10 µs of
//! virtual time pass, and what is due by then fires and is armed again.
//!
//! A million timers do not fit into a core's own caches, so most of the time is spent waiting for
//! memory, and other machines, or the same one on another day, wait longer. Two figures of the
//! same run tell how much that is: `choosing` is the scene without the wheel, and `bare_links` does
//! nothing but move a random element of a million from one of 64 linked lists to another.

use core::hint::black_box;

use confer_core::time::Instant;
use divan::Bencher;
use divan::counter::ItemsCount;

#[path = "wheel/scene.rs"]
mod scene;

use scene::{Chance, LIVE, Scene};

fn main() {
    divan::main();
}

/// Long samples, because a sample must see cascades in the proportion in which they occur.
const SAMPLE: u32 = 100_000;

#[divan::bench(sample_count = 100, sample_size = SAMPLE)]
fn choosing(bencher: Bencher<'_, '_>) {
    let mut scene = Scene::settled();
    bencher.bench_local(|| scene.choose());
}

#[divan::bench(sample_count = 100, sample_size = SAMPLE)]
fn bare_links(bencher: Bencher<'_, '_>) {
    const LISTS: usize = 64;
    let mut chance = Chance::new();
    let mut next: Vec<usize> = (0..LISTS + LIVE).collect();
    let mut prev = next.clone();
    let mut relink = |element: usize, list: usize| {
        let (before, after) = (prev[element], next[element]);
        (next[before], prev[after]) = (after, before);
        let back = prev[list];
        (next[back], prev[list]) = (element, element);
        (prev[element], next[element]) = (back, list);
    };
    for element in LISTS..LISTS + LIVE {
        relink(element, chance.below(LISTS));
    }
    bencher.bench_local(|| relink(LISTS + chance.token(), chance.below(LISTS)));
}

#[divan::bench(sample_count = 100, sample_size = SAMPLE)]
fn re_arm(bencher: Bencher<'_, '_>) {
    let mut scene = Scene::settled();
    bencher.bench_local(|| scene.step());
}

/// As the machine does between two inputs: the next deadline is asked for after each.
#[divan::bench(sample_count = 100, sample_size = SAMPLE)]
fn re_arm_and_next_deadline(bencher: Bencher<'_, '_>) {
    let mut scene = Scene::settled();
    bencher.bench_local(|| {
        scene.step();
        scene.wheel.next_deadline()
    });
}

#[divan::bench(sample_count = 100, sample_size = SAMPLE)]
fn next_deadline(bencher: Bencher<'_, '_>) {
    let scene = Scene::settled();
    bencher.bench_local(|| black_box(&scene.wheel).next_deadline());
}

/// All timers of the scene at once, every move down the levels included.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn expire_all(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(LIVE)).with_inputs(Scene::settled).bench_local_refs(|scene| {
        let mut fired = 0;
        while let Some(due) = scene.wheel.pop_due(Instant::FAR_FUTURE, &mut u32::MAX.clone()) {
            black_box(due);
            fired += 1;
        }
        assert_eq!(fired, LIVE);
    });
}
