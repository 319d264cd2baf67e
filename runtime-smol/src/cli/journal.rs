//! `confer journal`, as it is written.

use std::io;
use std::process::ExitCode;

use lexopt::Parser;

use crate::decode::Format;
use crate::journal::{self, Options};

use super::args::{Given, ONE_FILE, choose, next, unknown};
use super::{Command, Known, TROUBLE, complain};

pub(super) const JOURNAL: Known = Known {
    name: "journal",
    help: include_str!("journal.txt"),
    options: &["--format", "--show-text", "--help", "-f", "-h"],
    parse,
};

pub(super) fn run(options: &Options) -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match journal::run(options, &mut out, &mut io::stderr()) {
        Ok(journal::Outcome::Shown) => ExitCode::SUCCESS,
        Ok(journal::Outcome::Unreadable) => ExitCode::from(TROUBLE),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => complain(format_args!("confer: cannot write: {error}\n")),
    }
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let (mut file, mut format, mut show_text) = (None, Format::Text, false);
    while let Some(given) = next(args)? {
        match given {
            Given::Value(_) if file.is_some() => return Err(ONE_FILE.to_owned()),
            Given::Value(name) => file = Some(name.into()),
            Given::Option(option) => match &*option {
                "-h" | "--help" => return Ok(Command::Help(JOURNAL.help)),
                "--show-text" => show_text = true,
                "-f" | "--format" => {
                    format =
                        choose(args, &option, &[("text", Format::Text), ("json", Format::Json)])?;
                }
                option => return Err(unknown("option", option, JOURNAL.options)),
            },
        }
    }
    let Some(file) = file else { return Err("which FILE?".to_owned()) };
    Ok(Command::Journal(Options { file, format, show_text }))
}
