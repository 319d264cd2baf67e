//! Arguments: one after the other, with their values, and what is like them.

use std::ffi::OsString;

use lexopt::{Arg, Parser};

pub(super) const ONE_FILE: &str = "there can be one FILE only";

/// One argument; an option with its dashes.
pub(super) enum Given {
    Option(String),
    Value(OsString),
}

pub(super) fn next(args: &mut Parser) -> Result<Option<Given>, String> {
    Ok(args.next().map_err(|error| error.to_string())?.map(|arg| match arg {
        Arg::Short(name) => Given::Option(format!("-{name}")),
        Arg::Long(name) => Given::Option(format!("--{name}")),
        Arg::Value(value) => Given::Value(value),
    }))
}

/// The value of the option that came last.
pub(super) fn value(args: &mut Parser) -> Result<String, String> {
    let value = args.value().map_err(|error| error.to_string())?;
    Ok(value.to_string_lossy().into_owned())
}

pub(super) fn choose<T: Copy>(
    args: &mut Parser,
    option: &str,
    choices: &[(&str, T)],
) -> Result<T, String> {
    pick(&value(args)?, option, choices)
}

pub(super) fn pick<T: Copy>(name: &str, option: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|choice| choice.0 == name).map(|choice| choice.1).ok_or_else(|| {
        let known: Vec<_> = choices.iter().map(|choice| choice.0).collect();
        let name = name.escape_debug();
        format!("unknown value '{name}' of option '{option}': it is one of {}", known.join(", "))
    })
}

pub(crate) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let nearest = nearest(name, known);
    let name = name.escape_debug();
    format!("unknown {what} '{name}'; the nearest is '{nearest}'")
}

/// The known name that takes the fewest changed, added or removed characters to become,
/// capitals or not.
fn nearest<'a>(name: &str, known: &[&'a str]) -> &'a str {
    let name = name.to_lowercase();
    let distance = |known: &&&str| distance(&name, &known.to_lowercase());
    known.iter().min_by_key(distance).copied().unwrap_or_default()
}

/// Levenshtein's distance.
pub(super) fn distance(from: &str, to: &str) -> usize {
    let to: Vec<_> = to.chars().collect();
    let mut row: Vec<_> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = core::mem::replace(&mut row[0], i + 1);
        for (j, &b) in to.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

/// A number of seconds, a day at most.
pub(super) fn seconds(args: &mut Parser, option: &str) -> Result<u64, String> {
    let written = value(args)?;
    match written.parse() {
        Ok(seconds @ 0..=86_400) => Ok(seconds),
        Ok(_) | Err(_) => {
            let written = written.escape_debug();
            Err(format!("'{option} {written}' is no number of seconds, 0 to 86400"))
        }
    }
}

/// Says that a word has no meaning where it stands.
pub(super) fn stray(word: &OsString) -> String {
    let word = word.to_string_lossy();
    format!("what is '{}' to mean?", word.escape_debug())
}

/// `KEY=VALUE`.
pub(super) fn pair(written: &str) -> Result<(String, String), String> {
    match written.split_once('=') {
        Some((key, value)) if !key.is_empty() && key.len() <= 255 => {
            Ok((key.to_owned(), value.to_owned()))
        }
        _ => Err(format!("'{}' is no KEY=VALUE", written.escape_debug())),
    }
}

/// Where servers are, separated by commas.
pub(super) fn servers(written: &str) -> Result<Vec<String>, String> {
    written.split(',').map(server).collect()
}

/// Where a server is: a host and a port.
fn server(written: &str) -> Result<String, String> {
    let port = written.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match port.and_then(|(_, port)| port.parse::<u16>().ok()) {
        Some(1..) => Ok(written.to_owned()),
        Some(0) | None => Err(format!("'{}' is no HOST:PORT", written.escape_debug())),
    }
}
