//! `confer options`: every option of the server.

use std::io::{self, Write};

use confer_core::config::{Config, OptionInfo};
use serde_json::json;

/// What to show.
#[derive(Debug)]
pub(crate) struct Options {
    /// The only section shown.
    pub(crate) section: Option<String>,
    pub(crate) format: Format,
}

/// How options are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// As a configuration file to begin with.
    Toml,
}

/// The sections, as the documentation writes them.
pub(crate) fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = Config::options().map(|info| info.section).collect();
    sections.dedup();
    sections
}

/// Prints the options.
///
/// # Errors
///
/// They cannot be written.
pub(crate) fn run(options: &Options, out: &mut dyn Write) -> io::Result<()> {
    if options.format == Format::Toml {
        return out.write_all(confer_config::example().as_bytes());
    }
    let all: Vec<_> = match &options.section {
        Some(section) => confer_config::options_of(section).collect(),
        None => Config::options().collect(),
    };
    for (index, info) in all.into_iter().enumerate() {
        if options.format == Format::Json {
            writeln!(out, "{}", object(info))?;
        } else {
            write!(out, "{}{}", if index == 0 { "" } else { "\n" }, Described(info))?;
        }
    }
    out.flush()
}

fn object(info: &OptionInfo) -> serde_json::Value {
    json!({
        "section": info.section,
        "name": info.name,
        "alias": info.alias,
        "default": info.default_text(),
        "valid": info.kind.to_string(),
        "acts": info.effect.to_string(),
        "meaning": info.meaning,
    })
}

/// An option in a few lines, for people.
struct Described<'a>(&'a OptionInfo);

impl core::fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let info = self.0;
        writeln!(f, "[{}] {}", info.section, info.name)?;
        writeln!(f, "    {}", info.meaning)?;
        if let Some(alias) = info.alias {
            writeln!(f, "    also called: {alias}")?;
        }
        let default = info.default_text();
        writeln!(f, "    default: {}", if default.is_empty() { "empty" } else { &default })?;
        writeln!(f, "    valid:   {}", info.kind)?;
        writeln!(f, "    acts:    {}", info.effect)
    }
}
