//! The `confer` program: so far the commands that need no running server.

#![forbid(unsafe_code)]

extern crate alloc;

mod check_config;
mod cli;
mod decode;
mod options;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os().skip(1).collect())
}
