//! `confer store`, as it is written.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::Parser;

use crate::archive::{self, Options};

use super::args::{Given, next, stray, unknown, value};
use super::looking::{common, failed, look};
use super::{Command, Known};

pub(super) const STORE: Known = Known {
    name: "store",
    help: include_str!("store.txt"),
    options: &["--older-than", "--yes", "--store", "--format", "--help", "-f", "-h"],
    parse,
};

/// What is to be done to a store.
#[derive(Debug)]
pub(super) enum Care {
    Check,
    Purge { age: Duration, really: bool },
}

pub(super) fn run(options: &Options, care: &Care) -> ExitCode {
    match care {
        Care::Check => match archive::check(options, &mut io::stdout().lock()) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(failure) => failed(&failure),
        },
        Care::Purge { age, really } => look(|out| archive::purge(options, *age, *really, out)),
    }
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let (mut options, mut what, mut age, mut really) = (Options::default(), None, None, false);
    while let Some(given) = next(args)? {
        match given {
            Given::Value(word) if what.is_some() => return Err(stray(&word)),
            Given::Value(word) => match &*word.to_string_lossy() {
                "check" => what = Some("check"),
                "purge" => what = Some("purge"),
                word => return Err(unknown("command", word, &["check", "purge"])),
            },
            Given::Option(option) => match &*option {
                "-h" | "--help" => return Ok(Command::Help(STORE.help)),
                "--older-than" => age = Some(parse_age(&value(args)?)?),
                "--yes" => really = true,
                option if common(args, option, &mut options)? => {}
                option => return Err(unknown("option", option, STORE.options)),
            },
        }
    }
    let care = match (what, age) {
        (None, _) => return Err("check or purge?".to_owned()),
        (Some("purge"), Some(age)) => Care::Purge { age, really },
        (Some("purge"), None) => return Err("'--older-than AGE' is to say what is old".to_owned()),
        (Some(_), None) if !really => Care::Check,
        (Some(_), _) => return Err("'--older-than' and '--yes' are for purge".to_owned()),
    };
    Ok(Command::Store(options, care))
}

/// A number and a unit.
fn parse_age(written: &str) -> Result<Duration, String> {
    let units = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];
    let age = units.iter().find_map(|(unit, seconds)| {
        let number: u32 = written.strip_suffix(unit)?.parse().ok()?;
        Some(Duration::from_secs(u64::from(number) * seconds))
    });
    age.ok_or_else(|| {
        let written = written.escape_debug();
        format!("'{written}' is no age: a number and a unit, such as 90d, 36h, 45m or 600s")
    })
}
