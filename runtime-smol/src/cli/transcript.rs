//! `confer transcript`, as it is written.

use std::process::ExitCode;

use confer_store::Url;
use lexopt::Parser;

use crate::archive::{self, Format, Options};

use super::args::{Given, choose, next, unknown};
use super::looking::{self, look};
use super::{Command, Known};

pub(super) const TRANSCRIPT: Known = Known {
    name: "transcript",
    help: include_str!("transcript.txt"),
    options: &["--store", "--format", "--help", "-f", "-h"],
    parse,
};

/// How a transcript is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    As(Format),
    /// The stored form.
    Xml,
}

pub(super) fn run(store: &Url, form: Form, id: &str) -> ExitCode {
    look(|out| match form {
        Form::As(format) => archive::transcript(&Options { store: store.clone(), format }, id, out),
        Form::Xml => archive::document(store, id, out),
    })
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let (mut store, mut form, mut id) = (Url::usual(), Form::As(Format::Text), None);
    let forms =
        [("text", Form::As(Format::Text)), ("json", Form::As(Format::Json)), ("xml", Form::Xml)];
    while let Some(given) = next(args)? {
        match given {
            Given::Value(_) if id.is_some() => {
                return Err("there can be one SESSION only".to_owned());
            }
            Given::Value(word) => id = Some(word.to_string_lossy().into_owned()),
            Given::Option(option) => match &*option {
                "-h" | "--help" => return Ok(Command::Help(TRANSCRIPT.help)),
                "--store" => store = looking::store(args)?,
                "-f" | "--format" => form = choose(args, &option, &forms)?,
                option => return Err(unknown("option", option, TRANSCRIPT.options)),
            },
        }
    }
    let id = id.ok_or("which SESSION?")?;
    Ok(Command::Transcript(store, form, id))
}
