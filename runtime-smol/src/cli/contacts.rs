//! `confer contacts`, as it is written.

use std::process::ExitCode;

use lexopt::Parser;

use crate::archive::{self, Options};

use super::args::{Given, next, stray, unknown};
use super::looking::{common, look};
use super::{Command, Known};

pub(super) const CONTACTS: Known = Known {
    name: "contacts",
    help: include_str!("contacts.txt"),
    options: &["--store", "--format", "--help", "-f", "-h"],
    parse,
};

pub(super) fn run(options: &Options) -> ExitCode {
    look(|out| archive::contacts(options, out))
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let mut options = Options::default();
    while let Some(given) = next(args)? {
        match given {
            Given::Value(word) => return Err(stray(&word)),
            Given::Option(option) => match &*option {
                "-h" | "--help" => return Ok(Command::Help(CONTACTS.help)),
                option if common(args, option, &mut options)? => {}
                option => return Err(unknown("option", option, CONTACTS.options)),
            },
        }
    }
    Ok(Command::Contacts(options))
}
