//! `confer sessions`, as it is written.

use std::process::ExitCode;

use lexopt::Parser;

use crate::archive::{self, Options};

use super::args::{Given, next, stray, unknown};
use super::looking::{common, look};
use super::{Command, Known};

pub(super) const SESSIONS: Known = Known {
    name: "sessions",
    help: include_str!("sessions.txt"),
    options: &["--open", "--store", "--format", "--help", "-f", "-h"],
    parse,
};

pub(super) fn run(options: &Options, open: bool) -> ExitCode {
    look(|out| archive::sessions(options, open, out))
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let (mut options, mut open) = (Options::default(), false);
    while let Some(given) = next(args)? {
        match given {
            Given::Value(word) => return Err(stray(&word)),
            Given::Option(option) => match &*option {
                "-h" | "--help" => return Ok(Command::Help(SESSIONS.help)),
                "--open" => open = true,
                option if common(args, option, &mut options)? => {}
                option => return Err(unknown("option", option, SESSIONS.options)),
            },
        }
    }
    Ok(Command::Sessions(options, open))
}
