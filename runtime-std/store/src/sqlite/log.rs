//! What is committed goes to the end of a log at first; a thread of its own brings it from there to
//! its place in the file. Left alone, SQLite has whoever commits do that now and then, and everybody
//! who waits for that commit waits for the disk.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::hooks::Wal;
use rusqlite::{Connection, OpenFlags};
use tracing::{info, warn};

use super::{BUSY, Trouble};

/// Pages that are committed until the thread is told.
const ENOUGH: u32 = 1000;
/// Pages in the log from which on whoever commits helps: the thread does not keep up, or cannot. The
/// log may take these and what one more transaction writes.
const TOO_MANY: u32 = 15_000;

/// What a commit leads to, by the pages that are in the log then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// The thread has something to do.
    Tell,
    /// There is too much of it.
    Help,
}

/// When the thread is told.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Pages in the log when it was told last.
    told: u32,
    /// Pages in the log at the last commit.
    last: u32,
}

impl Pace {
    pub(super) fn due(&mut self, pages: u32) -> Due {
        // All of it was in the file, and the log begins anew.
        if pages < self.last {
            self.told = 0;
        }
        self.last = pages;
        if pages < self.told.saturating_add(ENOUGH) {
            return if pages < TOO_MANY { Due::Nothing } else { Due::Help };
        }
        self.told = pages;
        if pages < TOO_MANY { Due::Tell } else { Due::Help }
    }
}

/// What whoever commits has for the thread.
pub(super) struct Told {
    told: Receiver<()>,
    /// Held by whoever brings the log into the file: SQLite would send the other away.
    turn: Arc<Mutex<()>>,
}

/// Has the commits of a connection tell of what is in the log, until [`unwatch`].
pub(super) fn watch(connection: &mut Connection) -> Result<Told, Trouble> {
    let (tell, told): (SyncSender<()>, _) = sync_channel(1);
    let turn = Arc::new(Mutex::new(()));
    let mine = Arc::clone(&turn);
    let mut pace = Pace::default();
    connection.wal_hook(Some(move |log: &mut Wal, pages| {
        match pace.due(u32::try_from(pages).unwrap_or(0)) {
            Due::Nothing => {}
            // One that was told already and has not begun sees this, too.
            Due::Tell => drop(tell.try_send(())),
            // It waits for the thread, which slows whoever writes too fast for it. The commit has
            // succeeded, whatever comes of this.
            Due::Help => {
                let _turn = mine.lock().unwrap_or_else(PoisonError::into_inner);
                drop(log.checkpoint());
            }
        }
        Ok(())
    }))?;
    Ok(Told { told, turn })
}

/// The end of [`watch`].
pub(super) fn unwatch(connection: &mut Connection) {
    // There is no other reason to fail than that there is no memory.
    let _ = connection.wal_hook(None::<fn(&mut Wal, i32) -> rusqlite::Result<()>>);
}

/// A connection that brings the log into the file.
pub(super) struct Carrier {
    connection: Connection,
}

impl Carrier {
    pub(super) fn open(path: &Path) -> Result<Self, Trouble> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        Ok(Self { connection })
    }

    /// Brings what is in the log into the file, as far as nobody reads what was there before.
    pub(super) fn carry(&self) -> Result<(), Trouble> {
        let mut query = self.connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
        // It may be another's turn, who does the same.
        let _busy: i64 = query.query_row([], |row| row.get(0))?;
        Ok(())
    }
}

/// Carries whenever it is told, until it is told no more.
pub(super) fn run(path: &Path, carrier: &Carrier, told: &Told) {
    let mut fails = false;
    for () in &told.told {
        let carried = {
            let _turn = told.turn.lock().unwrap_or_else(PoisonError::into_inner);
            carrier.carry()
        };
        match carried {
            Ok(()) if std::mem::take(&mut fails) => {
                info!(path = %path.display(), "the log of the store is brought into its file again");
            }
            Ok(()) => {}
            Err(_) if fails => {}
            Err(trouble) => {
                fails = true;
                let (path, advice) = (path.display(), trouble.advice());
                warn!(%path, %trouble, advice, "the log of the store cannot be brought into its \
                    file and grows");
            }
        }
    }
}
