//! The connection that reads, on a thread of its own: a long transcript holds no save up.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use confer_core::ask::{Failure, Outcome, RecordName};
use confer_core::id::OpId;
use rusqlite::{Connection, OpenFlags};
use tracing::error;

use crate::error::OpenError;
use crate::store::Shared;

use super::schema::{self, Found, STEPS};
use super::trouble::Trouble;
use super::{Reading, prepare_statements, records};

/// A connection that only reads.
pub(crate) struct Reader {
    pub(crate) connection: Connection,
}

impl Reader {
    /// Opens a database that is there.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        if !path.exists() {
            return Err(OpenError::Missing { path: path.to_owned() });
        }
        let open = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            prepare_statements(&connection)?;
            connection.pragma_update(None, "trusted_schema", false)?;
            let found = schema::found(&connection, STEPS.len())?;
            Ok((connection, found))
        };
        let (connection, found) = open().map_err(|trouble: Trouble| trouble.opening(path))?;
        let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
        match found {
            Found::Version(version) if version == STEPS.len() => Ok(Self { connection }),
            // A server brings it up to date; whoever reads changes nothing.
            Found::Empty | Found::Version(_) => Err(OpenError::Older { path: path.to_owned() }),
            Found::Foreign => Err(OpenError::Foreign { path: path.to_owned() }),
            Found::Newer(found) => Err(OpenError::Newer { path: path.to_owned(), found, known }),
        }
    }

    fn read(&self, reading: Reading) -> Result<Outcome, Trouble> {
        // All of it as it was at one moment.
        let moment = self.connection.unchecked_transaction()?;
        let outcome = match reading {
            Reading::Load { name, events } => match records::load(&moment, &name, events)? {
                Some(loaded) => Outcome::Loaded(Box::new(loaded)),
                None => Outcome::Failed(Failure::NotFound),
            },
            Reading::Own { session, former } => {
                match records::load(&moment, &RecordName::Session(session), true)? {
                    Some(mut loaded) => {
                        loaded.owner = former;
                        Outcome::Owned(Box::new(loaded))
                    }
                    None => Outcome::Failed(Failure::NotFound),
                }
            }
        };
        moment.commit()?;
        Ok(outcome)
    }
}

/// Reads what comes, until nothing comes any more.
pub(super) fn run(
    path: &Path,
    reader: &Reader,
    readings: &Receiver<(OpId, Reading)>,
    shared: &Arc<Shared>,
) {
    for (op, reading) in readings {
        let outcome = reader.read(reading).unwrap_or_else(|trouble| {
            let advice = trouble.advice();
            error!(path = %path.display(), %trouble, advice, "a record cannot be read");
            // What cannot be read today cannot be read tomorrow, unless it is the file.
            let never = matches!(trouble, Trouble::Damaged);
            Outcome::Failed(if never { Failure::Refused } else { Failure::Unavailable })
        });
        shared.done(op, outcome);
    }
}
