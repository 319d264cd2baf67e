//! What messages allocate (G1), and what sessions take (G4): bytes asked of the allocator, the same
//! on every run.
//!
//! ```text
//! cargo bench -p confer-core --bench relay_memory
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[path = "relay/scene.rs"]
mod scene;

use scene::{Customers, Saves, Scene};

/// Sessions, which share what tables and lists have to spare.
const SESSIONS: usize = 10_000;

/// Counts allocations, their bytes, and the bytes that are not freed yet.
struct Counting;

static NUMBER: AtomicUsize = AtomicUsize::new(0);
static TOTAL: AtomicUsize = AtomicUsize::new(0);
static LIVE: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is passed on as it came to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        NUMBER.fetch_add(1, Relaxed);
        TOTAL.fetch_add(layout.size(), Relaxed);
        LIVE.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's promises are the ones this call needs.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: `pointer` came from `System` with this layout, as all pointers of this allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn main() {
    for customers in [Customers::Basic, Customers::Flex, Customers::Async] {
        for saves in [Saves::AtClose, Saves::EveryEvent] {
            measure(customers, saves);
        }
    }
}

#[expect(clippy::print_stdout, reason = "it says what it measured")]
fn measure(customers: Customers, saves: Saves) {
    println!("{customers:?}, saves {saves:?}:");
    let before = LIVE.load(Relaxed);
    let mut scene = Scene::new(SESSIONS, customers, saves);
    let own = scene.own_bytes();
    let session = || (LIVE.load(Relaxed) - before - own) / SESSIONS;
    println!("  a session in which nothing was said: {} bytes", session());
    scene.rounds(10);
    println!("  a session with 10 messages: {} bytes", session());

    let counted = |calls: &mut dyn FnMut()| {
        let before = (NUMBER.load(Relaxed), TOTAL.load(Relaxed));
        (0..10 * SESSIONS).for_each(|_| calls());
        #[expect(clippy::cast_precision_loss, reason = "a mean")]
        let each = |after: usize, before: usize| (after - before) as f64 / (10 * SESSIONS) as f64;
        (each(NUMBER.load(Relaxed), before.0), each(TOTAL.load(Relaxed), before.1))
    };
    let (relayed, relayed_bytes) = counted(&mut || scene.relay());
    let (made, made_bytes) = counted(&mut || scene.prepare());
    println!(
        "  a message: {:.2} allocations of {:.0} bytes, beyond {made:.1} of {made_bytes:.0} to make it",
        relayed - made,
        relayed_bytes - made_bytes,
    );
    if customers == Customers::Async && saves == Saves::EveryEvent {
        scene.agents_leave();
        println!("  a dormant session, its messages stored: {} bytes", session());
    }
}
