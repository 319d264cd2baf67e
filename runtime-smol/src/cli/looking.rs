//! What the commands that look into a store have in common.

use std::io::{self, Write};
use std::process::ExitCode;

use confer_store::{Url, UrlError};
use lexopt::Parser;

use crate::archive::{Failure, Format, Options};

use super::args::{choose, value};
use super::{TROUBLE, complain};

/// Takes an option that all of them have; whether it was one.
pub(super) fn common(
    args: &mut Parser,
    option: &str,
    options: &mut Options,
) -> Result<bool, String> {
    match option {
        "--store" => options.store = store(args)?,
        "-f" | "--format" => {
            let formats = [("text", Format::Text), ("json", Format::Json)];
            options.format = choose(args, option, &formats)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// The value of `--store`.
pub(super) fn store(args: &mut Parser) -> Result<Url, String> {
    value(args)?.parse().map_err(|error: UrlError| error.to_string())
}

/// Shows something on standard output.
pub(super) fn look(show: impl FnOnce(&mut dyn Write) -> Result<(), Failure>) -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match show(&mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(&failure),
    }
}

/// Says why not.
pub(super) fn failed(failure: &Failure) -> ExitCode {
    match failure {
        // A reader who has seen enough closes the pipe, and that is fine.
        Failure::Write(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Failure::Unknown { .. } => {
            complain(format_args!("confer: {failure}\n"));
            ExitCode::FAILURE
        }
        Failure::Open(_) | Failure::Read(_) | Failure::Write(_) => {
            complain(format_args!("confer: {failure}\n"));
            ExitCode::from(TROUBLE)
        }
    }
}
