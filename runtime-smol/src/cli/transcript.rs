//! `confer transcript`, as it is written.

use std::process::ExitCode;

use lexopt::Parser;

use crate::archive::{self, Options};

use super::args::{Given, next, unknown};
use super::looking::{common, look};
use super::{Command, Known};

pub(super) const TRANSCRIPT: Known = Known {
    name: "transcript",
    help: include_str!("transcript.txt"),
    options: &["--store", "--format", "--help", "-f", "-h"],
    parse,
};

pub(super) fn run(options: &Options, id: &str) -> ExitCode {
    look(|out| archive::transcript(options, id, out))
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let (mut options, mut id) = (Options::default(), None);
    while let Some(given) = next(args)? {
        match given {
            Given::Value(_) if id.is_some() => {
                return Err("there can be one SESSION only".to_owned());
            }
            Given::Value(word) => id = Some(word.to_string_lossy().into_owned()),
            Given::Option(option) => match &*option {
                "-h" | "--help" => return Ok(Command::Help(TRANSCRIPT.help)),
                option if common(args, option, &mut options)? => {}
                option => return Err(unknown("option", option, TRANSCRIPT.options)),
            },
        }
    }
    let id = id.ok_or("which SESSION?")?;
    Ok(Command::Transcript(options, id))
}
