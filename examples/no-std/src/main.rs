//! Agents, customers and a workflow talk to the server over the real codecs and links, without std
//! and in an arena of 256 KiB.
//!
//! The program plays one scenario after the other and checks what everybody sees. It ends with 0
//! and a line on standard output for each scenario, or with another status and a line on standard
//! error that says what went wrong. An argument makes the arena smaller, in bytes.

#![no_std]
#![no_main]

extern crate alloc;

mod arena;
mod console;
mod floor;
mod line;
mod people;
mod scenarios;
mod unwind;

use core::ffi::{CStr, c_char, c_int};
use core::fmt::Write as _;
use core::panic::PanicInfo;

use crate::arena::Arena;
use crate::console::Console;
use crate::floor::{Fault, Floor};
use crate::scenarios::{SCENARIOS, Scenario};

#[global_allocator]
static ARENA: Arena = Arena::new();

/// The status after an answer that was not the right one.
const MISMATCH: c_int = 1;
/// The status after an argument that is no size.
const USAGE: c_int = 2;
/// The status after a panic: a bug, or an arena with nothing left.
const PANIC: c_int = 101;

/// Where the C library begins.
// SAFETY: no other function of the program has this name, and the C library calls it like this.
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    let size = match count {
        2.. => {
            // SAFETY: C promises `count` pointers to strings that live as long as the program.
            let argument = unsafe { CStr::from_ptr(*arguments.add(1)) };
            argument.to_str().ok().and_then(|size| size.parse().ok())
        }
        _ => Some(Arena::SIZE),
    };
    let Some(size) = size.filter(|size| (Arena::MIN..=Arena::SIZE).contains(size)) else {
        return fail(USAGE, format_args!("want a size from {} to {}", Arena::MIN, Arena::SIZE));
    };
    ARENA.open(size);
    let (mut frames, mut peak) = (0, 0);
    for &(name, scenario) in SCENARIOS {
        ARENA.forget_peak();
        match play(scenario) {
            Ok(crossed) => frames += crossed,
            Err(fault) => return fail(MISMATCH, format_args!("{name}: {fault}")),
        }
        let left = ARENA.used();
        if left != 0 {
            return fail(MISMATCH, format_args!("{name}: {left} bytes are still taken"));
        }
        peak = peak.max(ARENA.peak());
        if !say(format_args!("no-std {name}: peak heap {} bytes\n", ARENA.peak())) {
            return MISMATCH;
        }
    }
    // Whoever cannot be told has the status.
    let count = SCENARIOS.len();
    let all = say(format_args!(
        "no-std: {count} scenarios, {frames} frames, peak heap {peak} of {size} bytes\n"
    ));
    if all { 0 } else { MISMATCH }
}

/// Plays a scenario on a floor of its own; how many frames crossed.
fn play(scenario: Scenario) -> Result<u32, Fault> {
    let mut floor = Floor::open(scenarios::config()?);
    scenario(&mut floor)?;
    Ok(floor.frames())
}

fn say(line: core::fmt::Arguments<'_>) -> bool {
    Console::Out.write_fmt(line).is_ok()
}

fn fail(status: c_int, why: core::fmt::Arguments<'_>) -> c_int {
    let _ = Console::Err.write_fmt(format_args!("no-std failed: {why}\n"));
    status
}

/// Also where an allocation ends that the arena cannot serve. Takes no memory and no lock.
#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    let peak = ARENA.peak();
    let status = fail(PANIC, format_args!("peak heap {peak} bytes, {info}"));
    // SAFETY: ends the process, whatever its state.
    unsafe { libc::_exit(status) }
}
