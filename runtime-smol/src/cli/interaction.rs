//! `confer interaction`, as it is written.

use std::process::ExitCode;

use lexopt::Parser;

use crate::archive::{self, Options};

use super::args::{Given, next, unknown};
use super::looking::{common, look};
use super::{Command, Known};

pub(super) const INTERACTION: Known = Known {
    name: "interaction",
    help: include_str!("interaction.txt"),
    options: &["--stop", "--store", "--format", "--help", "-f", "-h"],
    parse,
};

pub(super) fn run(options: &Options, id: &str, stop: bool) -> ExitCode {
    look(|out| {
        if stop { archive::stop(options, id, out) } else { archive::interaction(options, id, out) }
    })
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let (mut options, mut id, mut stop) = (Options::default(), None, false);
    while let Some(given) = next(args)? {
        match given {
            Given::Value(_) if id.is_some() => return Err("there can be one ID only".to_owned()),
            Given::Value(word) => id = Some(word.to_string_lossy().into_owned()),
            Given::Option(option) => match &*option {
                "-h" | "--help" => return Ok(Command::Help(INTERACTION.help)),
                "--stop" => stop = true,
                option if common(args, option, &mut options)? => {}
                option => return Err(unknown("option", option, INTERACTION.options)),
            },
        }
    }
    let id = id.ok_or("which ID?")?;
    Ok(Command::Interaction(options, id, stop))
}
