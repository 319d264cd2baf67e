//! The `confer` program: the server, and what people need round it.

#![forbid(unsafe_code)]

extern crate alloc;

mod archive;
mod check_config;
mod cli;
mod decode;
mod gating;
mod journal;
#[cfg(target_os = "linux")]
mod loading;
mod options;
mod people;
mod replay;
mod serving;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os().skip(1).collect())
}
