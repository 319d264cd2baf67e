//! Where a store is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The name of a store, as people write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Url {
    /// `memory:`: nothing outlives the process.
    Memory,
    /// `sqlite:PATH`: a file, which several servers on one machine may share.
    Sqlite(PathBuf),
}

impl Url {
    /// The store of a server that is told of no other.
    pub fn usual() -> Self {
        Self::Sqlite("confer-data/confer.db".into())
    }
}

/// A name that no store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlError(String);

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = self.0.escape_debug();
        write!(f, "store '{given}' is not known; it is 'sqlite:PATH' or 'memory:'")
    }
}

impl std::error::Error for UrlError {}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(written: &str) -> Result<Self, UrlError> {
        match written.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() && !path.contains('\0') => {
                Ok(Self::Sqlite(path.into()))
            }
            Some(_) | None => Err(UrlError(written.to_owned())),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests;
