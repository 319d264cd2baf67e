//! `confer options`, as it is written.

use std::io;
use std::process::ExitCode;

use lexopt::Parser;

use crate::options::{self, Format, Options};

use super::args::{Given, choose, next, stray, unknown, value};
use super::{Command, Known, complain};

pub(super) const OPTIONS: Known = Known {
    name: "options",
    help: include_str!("options.txt"),
    options: &["--section", "--format", "--help", "-f", "-h"],
    parse,
};

pub(super) fn run(options: &Options) -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match options::run(options, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => complain(format_args!("confer: cannot write: {error}\n")),
    }
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let mut options = Options { section: None, format: Format::Text };
    while let Some(given) = next(args)? {
        let option = match given {
            Given::Option(option) => option,
            Given::Value(word) => return Err(stray(&word)),
        };
        match &*option {
            "-h" | "--help" => return Ok(Command::Help(OPTIONS.help)),
            "--section" => {
                let section = value(args)?;
                if confer_config::options_of(&section).next().is_none() {
                    return Err(unknown("section", &section, &options::sections()));
                }
                options.section = Some(section);
            }
            "-f" | "--format" => {
                let formats =
                    [("text", Format::Text), ("json", Format::Json), ("toml", Format::Toml)];
                options.format = choose(args, &option, &formats)?;
            }
            option => return Err(unknown("option", option, OPTIONS.options)),
        }
    }
    if options.format == Format::Toml && options.section.is_some() {
        return Err("'--format toml' shows every section".to_owned());
    }
    Ok(Command::Options(options))
}
