//! From a file and `--set` pairs to a configuration.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use confer_core::config::Config;

use crate::MAX_SIZE;
use crate::error::{Error, Errors, Fault, Place, Warning};
use crate::reading::{Reading, split};

/// A configuration that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The configuration; valid.
    pub config: Config,
    /// What was read as nothing.
    pub warnings: Vec<Warning>,
    /// How many options were set, in the file and by pairs.
    pub set: usize,
}

/// What a reload comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// The configuration; valid. Options that are wrong have the value they had.
    pub config: Config,
    /// What was read as nothing.
    pub warnings: Vec<Warning>,
    /// What is wrong, to be logged.
    pub errors: Errors,
}

/// Reads the configuration a server starts with: the file, if there is one, and then the pairs
/// `SECTION/OPTION=VALUE` of `--set`, which win over the file; of two pairs the last one wins.
///
/// # Errors
///
/// Everything that is wrong, up to [`Errors::MAX`].
pub fn load<S: AsRef<str>>(path: Option<&Path>, sets: &[S]) -> Result<Loaded, Errors> {
    let name = path.map_or_else(String::new, |path| path.display().to_string());
    let text = path.map_or_else(|| Ok(String::new()), open)?;
    start(&name, &text, sets)
}

/// Reads the configuration in `text`; errors name it `file_name`.
///
/// # Errors
///
/// Everything that is wrong, up to [`Errors::MAX`].
pub fn parse(text: &str, file_name: &str) -> Result<Loaded, Errors> {
    if text.len() > MAX_SIZE {
        return Err(of_file(file_name, None, Fault::TooLarge));
    }
    start::<&str>(file_name, text, &[])
}

/// Reads the configuration again for a server that runs with `running`, with the pairs it was
/// started with.
///
/// Options that are wrong keep the value they have in `running`; the others are taken.
/// [`Config::merge_now`] then tells apart what acts at once.
///
/// # Errors
///
/// The file cannot be read or is not TOML, so that nobody knows what it says. All stays as it is.
pub fn reload<S: AsRef<str>>(
    running: &Config,
    path: Option<&Path>,
    sets: &[S],
) -> Result<Reloaded, Errors> {
    let name = path.map_or_else(String::new, |path| path.display().to_string());
    let text = path.map_or_else(|| Ok(String::new()), open)?;
    let reading = read(running, &name, &text, sets);
    if !reading.whole {
        return Err(reading.errors);
    }
    let Reading { config, warnings, errors, .. } = reading;
    Ok(Reloaded { config, warnings, errors })
}

/// Sets one option as a pair `SECTION/OPTION=VALUE` says. Whether options fit together is for
/// [`Config::validate`] to say.
///
/// # Errors
///
/// The pair has another form, the option is unknown, or its value is not valid; nothing is changed
/// then.
pub fn apply(config: &mut Config, pair: &str) -> Result<Option<Warning>, Errors> {
    let place = Place::Set;
    let result = split(pair).and_then(|(section, option, value)| {
        config.set(&section, option, value).map_err(Fault::Option)
    });
    match result {
        Ok(withdrawn) => Ok(withdrawn.map(|withdrawn| Warning { place, withdrawn })),
        Err(fault) => Err(Error { place, fault }.into()),
    }
}

fn start<S: AsRef<str>>(name: &str, text: &str, sets: &[S]) -> Result<Loaded, Errors> {
    let defaults = Config::default();
    let reading = read(&defaults, name, text, sets);
    if !reading.errors.is_empty() {
        return Err(reading.errors);
    }
    let set = reading.count();
    let Reading { config, warnings, .. } = reading;
    Ok(Loaded { config, warnings, set })
}

fn read<'o, S: AsRef<str>>(old: &'o Config, name: &str, text: &str, sets: &[S]) -> Reading<'o> {
    let mut reading = Reading::new(old, name);
    reading.read(text);
    for pair in sets {
        reading.set_pair(pair.as_ref());
    }
    reading.finish();
    reading
}

fn open(path: &Path) -> Result<String, Errors> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    let limit = MAX_SIZE as u64 + 1;
    let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    if let Err(error) = read {
        return Err(of_file(&name, None, unreadable(&error)));
    }
    if bytes.len() > MAX_SIZE {
        return Err(of_file(&name, None, Fault::TooLarge));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        of_file(&name, Some(line), Fault::NotText)
    })
}

fn unreadable(error: &io::Error) -> Fault {
    Fault::Unreadable { reason: error.to_string().into() }
}

fn of_file(name: &str, line: Option<usize>, fault: Fault) -> Errors {
    Error { place: Place::File { name: name.into(), line }, fault }.into()
}

#[cfg(test)]
mod tests;
