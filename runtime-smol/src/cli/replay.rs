//! `confer replay`, as it is written.

use std::io;
use std::process::ExitCode;

use lexopt::Parser;

use crate::decode::Format;
use crate::replay::{self, Options, Outcome, Show};

use super::args::{Given, ONE_FILE, choose, next, unknown, value};
use super::{Command, Known, TROUBLE, complain};

pub(super) const REPLAY: Known = Known {
    name: "replay",
    help: include_str!("replay.txt"),
    options: &["--format", "--show", "--show-text", "--until", "--help", "-f", "-h"],
    parse,
};

pub(super) fn run(options: &Options) -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match replay::run(options, &mut out, &mut io::stderr()) {
        Ok(Outcome::Equal) => ExitCode::SUCCESS,
        Ok(Outcome::Different) => ExitCode::FAILURE,
        Ok(Outcome::Unreadable) => ExitCode::from(TROUBLE),
        Err(error) => complain(format_args!("confer: cannot write: {error}\n")),
    }
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let (mut file, mut format, mut until) = (None, Format::Text, None);
    let (mut show, mut show_text) = (false, false);
    while let Some(given) = next(args)? {
        match given {
            Given::Value(_) if file.is_some() => return Err(ONE_FILE.to_owned()),
            Given::Value(name) => file = Some(name.into()),
            Given::Option(option) => match &*option {
                "-h" | "--help" => return Ok(Command::Help(REPLAY.help)),
                "--show" => show = true,
                "--show-text" => show_text = true,
                "--until" => {
                    let written = value(args)?;
                    until = Some(written.parse().map_err(|_| {
                        format!("'--until {}' is no number of an input", written.escape_debug())
                    })?);
                }
                "-f" | "--format" => {
                    format =
                        choose(args, &option, &[("text", Format::Text), ("json", Format::Json)])?;
                }
                option => return Err(unknown("option", option, REPLAY.options)),
            },
        }
    }
    let Some(file) = file else { return Err("which FILE?".to_owned()) };
    let show = match (show, show_text) {
        (false, false) => Show::Nothing,
        (true, false) => Show::Hidden,
        (true, true) => Show::Text,
        (false, true) => return Err("'--show-text' needs '--show'".to_owned()),
    };
    Ok(Command::Replay(Options { file, format, show, until }))
}
