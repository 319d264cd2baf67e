//! Messages relayed by the server machine alone (G1), with few and with many sessions (G2).
//!
//! ```text
//! cargo bench -p confer-core --bench relay
//! ```
//!
//! In every session are a customer and an agent. A message is what a codec makes of a request; what
//! is told of it is dropped where a codec would take it. The sessions have their turns in a
//! scattered order, so with a million of them nothing is in a cache when it is needed.

use divan::Bencher;
use divan::counter::ItemsCount;

#[path = "relay/scene.rs"]
mod scene;

use scene::{Customers, Saves, Scene};

fn main() {
    divan::main();
}

/// Rounds before it is measured, so that nobody's first message counts.
const SETTLED: usize = 2;
/// Messages of a sample.
const SAMPLE: u32 = 10_000;

fn measure(bencher: Bencher<'_, '_>, sessions: usize, customers: Customers, saves: Saves) {
    let mut scene = Scene::new(sessions, customers, saves);
    scene.rounds(SETTLED);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| scene.relay());
}

/// What the scene itself takes, to be subtracted: making the message, the text included.
#[divan::bench(args = [10_000], sample_count = 20, sample_size = SAMPLE)]
fn preparing(bencher: Bencher<'_, '_>, sessions: usize) {
    let mut scene = Scene::new(sessions, Customers::Basic, Saves::AtClose);
    scene.rounds(SETTLED);
    bencher.counter(ItemsCount::new(1_u32)).bench_local(|| scene.prepare());
}

/// Customer and agent on basic.
#[divan::bench(args = [1000, 10_000, 1_000_000], sample_count = 20, sample_size = SAMPLE)]
fn basic(bencher: Bencher<'_, '_>, sessions: usize) {
    measure(bencher, sessions, Customers::Basic, Saves::AtClose);
}

/// The same, every event being saved before it is told.
#[divan::bench(args = [10_000], sample_count = 20, sample_size = SAMPLE)]
fn basic_saved(bencher: Bencher<'_, '_>, sessions: usize) {
    measure(bencher, sessions, Customers::Basic, Saves::EveryEvent);
}

/// The customer on flex, the agent on basic.
#[divan::bench(args = [10_000], sample_count = 20, sample_size = SAMPLE)]
fn flex(bencher: Bencher<'_, '_>, sessions: usize) {
    measure(bencher, sessions, Customers::Flex, Saves::AtClose);
}
