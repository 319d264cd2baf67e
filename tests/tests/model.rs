//! The server machine beside the reference model, under random scripts: the same frames for
//! everybody, in the same order, at the same time.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use confer_tests::model::{Script, run};
use confer_tests::{cases, seeds};

/// Operations of a script.
const OPERATIONS: usize = 200;

/// The first difference of a script; a panic is one.
fn difference(script: &Script) -> Option<String> {
    let run = || run(script).err();
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Some("the server panics".to_owned()))
}

#[test]
fn the_server_does_what_the_model_says() {
    seeds::each("model", cases(2000, 100_000), |seed| {
        let script = Script::seeded(seed, OPERATIONS);
        if difference(&script).is_some() {
            let shortest = script.shrunk(|script| difference(script).is_some());
            panic!("{shortest}{}", difference(&shortest).unwrap_or_default());
        }
    });
}

#[test]
fn the_same_script_gives_the_same_actions() {
    seeds::each("model", cases(100, 10_000), |seed| {
        let script = Script::seeded(seed, OPERATIONS);
        let journal = run(&script).unwrap_or_else(|error| panic!("{error}"));
        assert!(journal.replays(), "seed {seed}: another server does something else");
    });
}

/// What a few hundred scripts must come across, in the words of [`confer_tests::model::Journal`].
const REACHED: &[&str] = &[
    "basic error 8201",
    "basic error 8301",
    "basic error 8302",
    "basic error 8303",
    "basic error 8304",
    "basic error 8305",
    "basic error 8306",
    "basic error 8307",
    "basic error 8308",
    "basic error 8309",
    "basic error 8310",
    "basic error 8311",
    "basic error 8314",
    "basic error 8316",
    "basic error 8317",
    "basic error 8318",
    "flex error 8201",
    "flex error 8209",
    "flex error 8210",
    "flex error 8303",
    "flex error 8305",
    "flex error 8306",
    "flex error 8311",
    "flex error 8314",
    "flex error 8317",
    "flex error 8318",
    "esp error 8301",
    "esp error 8304",
    "esp error 8305",
    "esp error 8315",
    "esp error 8317",
    "basic left none",
    "basic left 1",
    "basic left 2",
    "basic left 3",
    "basic left 4",
    "basic left 5",
    "basic left 6",
    "basic left 7",
    "flex left none",
    "flex left 3",
    "flex left 6",
    "basic message ALL direct",
    "basic message INT direct",
    "basic message VIP",
    "flex newParty EXTERNAL",
    "flex newParty SYSTEM",
    "flex notice SYS_COMMAND",
    "flex notice USER_TYPING_STARTED",
    "flex notice IDLE_CONTROL_SET",
    "basic aside ucs-save-done",
    "basic aside ucs-save-fail",
    "basic told of 8317",
    "esp CloseSession",
    "esp ConfigureSession",
    "esp IdleControlConfigure",
    "record append",
    "record create",
    "record discard",
    "record final",
    "record load",
    "basic notice IDLE_CONTROL_CLOSE",
    "basic notice USER_UPDATE_NICK",
    "monitored false",
    "monitored true",
    "close NotRegistered",
    "status -1",
    "status -2",
    "status 1",
    "status 2",
    "status 3",
    "status 4",
    "status 5",
    "stop",
];

/// A model that is never asked is never wrong.
#[test]
fn scripts_reach_what_they_are_there_to_try() {
    let mut reached = BTreeSet::new();
    for seed in 0..300 {
        let script = Script::seeded(seed, OPERATIONS);
        let journal = run(&script).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        reached.extend(journal.reached());
    }
    for mark in REACHED.iter().copied() {
        assert!(reached.contains(mark), "no script comes across {mark:?}");
    }
}
