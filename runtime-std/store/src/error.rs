//! Why a store is not there.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a store cannot be opened, or read.
#[derive(Debug)]
pub enum OpenError {
    /// The directory of the file cannot be made.
    Directory {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The file, or one beside it, cannot be made, opened or written.
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A store in memory is its server's alone.
    Memory,
    /// There is no such file, and whoever only reads makes none.
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is a database of something else.
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by an older version of this software, and whoever only reads does not bring
    /// it up to date.
    Older {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version of this software.
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema that is known here.
        known: i64,
    },
    /// The file is no database, or a damaged one.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// Somebody else does not let go of the file.
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Another live server has this name (B20.12).
    Instance {
        /// The name.
        name: String,
    },
    /// Another server has this number (B20.12).
    AppDbid {
        /// The number.
        number: u16,
        /// The name of the server that has it.
        name: String,
    },
    /// Every number is taken (B20.12).
    NoAppDbid,
    /// SQLite refuses for another reason.
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// The operating system refuses something else.
    System(io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory { path, error } => {
                write!(f, "the directory {} cannot be made: {error}", path.display())
            }
            Self::File { path, error } => {
                write!(f, "{} cannot be opened for writing: {error}", path.display())
            }
            Self::Memory => f.write_str("a store in memory can be read by nobody but its server"),
            Self::Missing { path } => write!(f, "there is no {}", path.display()),
            Self::Foreign { path } => {
                write!(f, "{} is a database, but not one of Confer", path.display())
            }
            Self::Older { path } => write!(
                f,
                "{} was written by an older version; start a server with it, which brings it up to \
                 date",
                path.display()
            ),
            Self::Newer { path, found, known } => write!(
                f,
                "{} was written by a newer version: its schema is {found}, the newest known here \
                 is {known}",
                path.display()
            ),
            Self::Corrupt { path, what } => write!(
                f,
                "{} is damaged: {what}; put a backup in its place, or move it away",
                path.display()
            ),
            Self::Locked { path } => write!(
                f,
                "{} is locked by another program, which does not let go of it",
                path.display()
            ),
            Self::Instance { name } => write!(
                f,
                "a server named '{name}' runs on this store already; give this one another \
                 [server] name"
            ),
            Self::AppDbid { number, name } => write!(
                f,
                "[server] app-dbid {number} belongs to '{name}' in this store; give this server \
                 another one"
            ),
            Self::NoAppDbid => f.write_str("every app-dbid of this store is taken"),
            Self::Sqlite { path, what } => write!(f, "{}: {what}", path.display()),
            Self::System(error) => write!(f, "the store cannot be opened: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}
