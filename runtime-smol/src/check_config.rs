//! `confer check-config`: whether a configuration is good, and if not, all that is wrong.

use std::io::{self, Write};
use std::path::PathBuf;

/// What to check.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) file: PathBuf,
    /// What `--set` says, in its order.
    pub(crate) sets: Vec<String>,
}

/// What the configuration turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Good,
    Bad,
    /// Nobody knows: the file cannot be read.
    Unread,
}

/// Checks the configuration: one line to `out` if it is good, what is wrong to `notes`.
///
/// # Errors
///
/// The answer cannot be written.
pub(crate) fn run(
    options: &Options,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> io::Result<Outcome> {
    match confer_config::load(Some(&options.file), &options.sets) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                writeln!(notes, "{warning}")?;
            }
            let file = options.file.display().to_string();
            let plural = if loaded.set == 1 { "" } else { "s" };
            writeln!(out, "{}: good, {} option{plural} set", file.escape_debug(), loaded.set)?;
            Ok(Outcome::Good)
        }
        Err(errors) => {
            writeln!(notes, "{errors}")?;
            Ok(if errors.is_unreadable() { Outcome::Unread } else { Outcome::Bad })
        }
    }
}
