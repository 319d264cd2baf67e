//! How many instructions a re-arm takes at a million live timers (G3). Unlike the time, the number
//! is the same on every run.
//!
//! Both runs below set up the same scene, so the difference of their totals ("Collected"), divided
//! by the difference of their counts, is what one step takes: choosing a timer at random, moving
//! it, and its share of what expires. With `choose` instead of `re-arm`, it is only the choosing,
//! to be subtracted.
//!
//! ```text
//! cargo bench -p confer-core --bench wheel_instructions --no-run    # says where the program is
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null <program> re-arm 1000000
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null <program> re-arm 3000000
//! ```

use core::hint::black_box;

#[path = "wheel/scene.rs"]
mod scene;

use scene::{LIVE, Scene};

#[expect(clippy::print_stdout, reason = "it says what it did")]
fn main() {
    // Cargo adds arguments of its own, all of which begin with a dash.
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let what = arguments.next().unwrap_or_else(|| "re-arm".into());
    let count: u64 = arguments.next().map_or(Ok(100_000), |n| n.parse()).expect("a count");

    let mut scene = Scene::settled();
    match what.as_str() {
        "re-arm" => (0..count).for_each(|_| assert!(scene.step())),
        "choose" => (0..count).for_each(|_| _ = black_box(scene.choose())),
        other => panic!("{other}: neither re-arm nor choose"),
    }
    assert_eq!(scene.wheel.len(), LIVE);
    println!("{what}: {count} times, with {LIVE} timers live");
}
