//! The documents of a database, for a program that is no server.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tracing::warn;

use crate::documents::{Ask, Done, Refusal};
use crate::error::OpenError;
use crate::store::Options;

use super::files::{Identity, Turns};
use super::heads::Heads;
use super::{Reader, Trouble, prepare, transact};

/// How long somebody waits for servers to let them have their turn.
const TURN: Duration = Duration::from_secs(5);

/// The documents of a database.
pub(crate) struct Shelf {
    connection: Mutex<Connection>,
    turns: Turns,
    identity: Identity,
    path: PathBuf,
}

impl Shelf {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        // Nothing is made, nor brought up to date, by somebody who is no server.
        drop(Reader::open(path)?);
        let turns = Turns::open(path)?;
        let opened = prepare(path, 0, &Options::new(""));
        let connection = opened.map_err(|trouble| trouble.opening(path))??;
        let identity =
            Identity::of(path).map_err(|error| OpenError::File { path: path.to_owned(), error })?;
        Ok(Self { connection: Mutex::new(connection), turns, identity, path: path.to_owned() })
    }

    /// Does what is asked, and waits until it is done.
    pub(crate) fn ask(&self, ask: &Ask) -> Result<Done, Refusal> {
        self.try_ask(ask).unwrap_or_else(|trouble| {
            let (path, advice) = (self.path.display(), trouble.advice());
            warn!(%path, %trouble, advice, "the store cannot take or give a document");
            Err(if trouble.is_private() { Refusal::TooLarge } else { Refusal::Unavailable })
        })
    }

    fn try_ask(&self, ask: &Ask) -> Result<Result<Done, Refusal>, Trouble> {
        // Nothing that panics leaves a transaction open.
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(_turn) = self.turns.take_within(TURN).map_err(Trouble::File)? else {
            return Ok(Err(Refusal::Unavailable));
        };
        if !self.identity.is_there() {
            return Err(Trouble::Gone);
        }
        transact(&connection, &mut Heads::default(), 0, |work| work.documents(ask))
    }
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf").field("path", &self.path).finish_non_exhaustive()
    }
}
