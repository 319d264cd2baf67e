//! `confer check-config`, as it is written.

use std::io;
use std::process::ExitCode;

use lexopt::Parser;

use crate::check_config::{self, Options, Outcome};

use super::args::{Given, ONE_FILE, next, unknown, value};
use super::{Command, Known, TROUBLE, complain};

pub(super) const CHECK_CONFIG: Known = Known {
    name: "check-config",
    help: include_str!("check-config.txt"),
    options: &["--set", "--help", "-h"],
    parse,
};

pub(super) fn run(options: &Options) -> ExitCode {
    match check_config::run(options, &mut io::stdout(), &mut io::stderr()) {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::Bad) => ExitCode::FAILURE,
        Ok(Outcome::Unread) => ExitCode::from(TROUBLE),
        Err(error) => complain(format_args!("confer: cannot write: {error}\n")),
    }
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let (mut file, mut sets) = (None, Vec::new());
    while let Some(given) = next(args)? {
        match given {
            Given::Value(_) if file.is_some() => return Err(ONE_FILE.to_owned()),
            Given::Value(name) => file = Some(name.into()),
            Given::Option(option) => match &*option {
                "-h" | "--help" => return Ok(Command::Help(CHECK_CONFIG.help)),
                "--set" => sets.push(value(args)?),
                option => return Err(unknown("option", option, CHECK_CONFIG.options)),
            },
        }
    }
    let Some(file) = file else { return Err("which FILE?".to_owned()) };
    Ok(Command::CheckConfig(Options { file, sets }))
}
