//! The configuration file (`docs/options.md`): TOML text and `--set` pairs to and from [`Config`].
//!
//! A section is a table, an option a key in it. What is wrong is told all at once, each thing with
//! its line:
//!
//! ```
//! let text = "[settings]\nsession-linger = 0\n\n[setings]\nflex-push-enabled = true\n";
//! let errors = confer_config::parse(text, "confer.toml").unwrap_err();
//! assert_eq!(
//!     errors.to_string(),
//!     "confer.toml:2: [settings] session-linger = \"0\": not valid; \
//!      valid: integer 1 to 86400, seconds\n\
//!      confer.toml:4: [setings]: no such section; did you mean [settings]?"
//! );
//!
//! let loaded = confer_config::parse("[settings]\nsession-linger = 90\n", "confer.toml")?;
//! assert_eq!(loaded.config.settings.session_linger.as_secs(), 90);
//! # Ok::<(), confer_config::Errors>(())
//! ```
//!
//! Which options there are and what they may be is core's table to say; but for the samples in the
//! example file, this crate knows none of them by name.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod document;
mod error;
mod load;
mod reading;
mod write;

pub use error::{Error, Errors, Fault, Place, Warning};
pub use load::{Loaded, Reloaded, apply, load, parse, reload};
pub use write::{example, write};

use confer_core::config::{Config, OptionInfo};

/// The largest file, in bytes.
pub const MAX_SIZE: usize = 1 << 20;

/// The options of a section, which may be written as in a file, `ports.web`, as in the
/// documentation, `ports.<id>`, or as the name of all such sections, `ports`. None if there is no
/// such section.
pub fn options_of(section: &str) -> impl Iterator<Item = &'static OptionInfo> {
    Config::options().filter(move |info| {
        let all = info.section.split_once(['.', ':']).map(|(all, _)| all);
        document::belongs(section, info.section) || all == Some(section)
    })
}

#[cfg(test)]
mod tests;
