//! The `confer` program: so far the command `decode`, which shows what is in chat frames.

#![forbid(unsafe_code)]

extern crate alloc;

mod cli;
mod decode;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os().skip(1).collect())
}
