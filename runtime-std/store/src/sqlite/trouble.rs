//! What goes wrong with a database, and what it means.

use std::fmt;
use std::io;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::error::OpenError;
use crate::stored::Damaged;

/// Why a request could not be carried out.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// SQLite says so.
    Sqlite(rusqlite::Error),
    /// What is stored there cannot be read.
    Damaged,
    /// The file was deleted, or another one was put in its place.
    Gone,
    /// A file beside the database.
    File(io::Error),
}

impl Trouble {
    /// Whether it is about one request, and others may go well.
    pub(crate) fn is_private(&self) -> bool {
        match self {
            Self::Damaged => true,
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(
                    ErrorCode::TooBig
                        | ErrorCode::ConstraintViolation
                        | ErrorCode::TypeMismatch
                        | ErrorCode::ParameterOutOfRange
                        | ErrorCode::OutOfMemory
                )
            ),
            Self::Gone | Self::File(_) => false,
        }
    }

    /// What an operator can do about it.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::Gone => {
                "the file was deleted or replaced under the server; put it back and restart"
            }
            Self::Damaged => "run 'confer store check'",
            Self::File(_) => "look at the permissions of the directory",
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => "make room on the disk",
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    "another program holds a lock; end it"
                }
                Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                    "look at the permissions of the file and its directory"
                }
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    "run 'confer store check', and put a backup in its place"
                }
                Some(ErrorCode::SystemIoFailure) => "look at the disk, and at the system's log",
                Some(_) | None => "look at the system's log",
            },
        }
    }

    /// The same, for somebody who opens a store.
    pub(crate) fn opening(self, path: &Path) -> OpenError {
        let path = path.to_owned();
        match self {
            Self::Damaged => OpenError::Corrupt { path, what: "a row cannot be read".to_owned() },
            Self::Gone => OpenError::Missing { path },
            Self::File(error) => OpenError::File { path, error },
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    OpenError::Locked { path }
                }
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    OpenError::Corrupt { path, what: error.to_string() }
                }
                Some(_) | None => OpenError::Sqlite { path, what: error.to_string() },
            },
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Messages of SQLite name tables and columns, never values.
            Self::Sqlite(error) => fmt::Display::fmt(error, f),
            Self::Damaged => f.write_str("a row cannot be read"),
            Self::Gone => f.write_str("the file is not there any more"),
            Self::File(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Damaged> for Trouble {
    fn from(_: Damaged) -> Self {
        Self::Damaged
    }
}
