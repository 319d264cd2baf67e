//! `confer export`, as it is written.

use std::process::ExitCode;

use lexopt::Parser;

use crate::archive::{self, Format, Options};

use super::args::{Given, next, stray, unknown};
use super::looking::{common, look};
use super::{Command, Known};

pub(super) const EXPORT: Known = Known {
    name: "export",
    help: include_str!("export.txt"),
    options: &["--open", "--store", "--format", "--help", "-f", "-h"],
    parse,
};

pub(super) fn run(options: &Options, open: bool) -> ExitCode {
    look(|out| archive::export(options, open, out))
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let mut options = Options { format: Format::Json, ..Options::default() };
    let mut open = false;
    while let Some(given) = next(args)? {
        match given {
            Given::Value(word) => return Err(stray(&word)),
            Given::Option(option) => match &*option {
                "-h" | "--help" => return Ok(Command::Help(EXPORT.help)),
                "--open" => open = true,
                option if common(args, option, &mut options)? => {}
                option => return Err(unknown("option", option, EXPORT.options)),
            },
        }
    }
    Ok(Command::Export(options, open))
}
