//! How many instructions the server machine takes for a message (G1), with few and with many
//! sessions (G2). Unlike the time, the number is the same on every run.
//!
//! ```text
//! cargo bench -p confer-core --bench relay_instructions --no-run    # says where the program is
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null '--toggle-collect=*::scene::server_*' \
//!     <program> relay basic at-close 10000 2    # and again with 12
//! ```
//!
//! Collected is what happens inside the server machine, and nothing of the scene round it. The
//! arguments are: `relay` or `prepare`; customers on `basic`, on `flex`, or in `async` sessions;
//! saves of `every-event` or `at-close`; how many sessions; how many messages in each. Both runs
//! above set up the same scene, so the difference of their totals ("Collected"), divided by the
//! difference of their messages (here 100,000), is what one message takes, its share of a growing
//! transcript included. `prepare` without `--toggle-collect` counts what the scene itself takes.

#[path = "relay/scene.rs"]
mod scene;

use scene::{Customers, Saves, Scene};

#[expect(clippy::print_stdout, reason = "it says what it did")]
fn main() {
    // Cargo adds arguments of its own, all of which begin with a dash.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let argument = |index: usize, default| arguments.get(index).map_or(default, String::as_str);
    let what = argument(0, "relay");
    let customers = match argument(1, "basic") {
        "basic" => Customers::Basic,
        "flex" => Customers::Flex,
        "async" => Customers::Async,
        other => panic!("{other}: neither basic nor flex nor async"),
    };
    let saves = match argument(2, "at-close") {
        "every-event" => Saves::EveryEvent,
        "at-close" => Saves::AtClose,
        other => panic!("{other}: neither every-event nor at-close"),
    };
    let sessions: usize = argument(3, "1000").parse().expect("a number of sessions");
    let rounds: usize = argument(4, "2").parse().expect("a number of messages");

    let mut scene = Scene::new(sessions, customers, saves);
    match what {
        "relay" => scene.rounds(rounds),
        "prepare" => (0..rounds * sessions).for_each(|_| scene.prepare()),
        other => panic!("{other}: neither relay nor prepare"),
    }
    // What its end takes would be counted for each message.
    std::mem::forget(scene);
    println!("{what}: {rounds} messages in each of {sessions} sessions");
}
