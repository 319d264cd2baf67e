//! What is known of records without asking the database: saves of one session that are under way
//! together become one row, and change its record once.
//!
//! Ownership stays exact between processes, for nothing is known for longer than nobody else changes
//! the file: whoever begins to write keeps the others out, and sees first whether they were there.

use std::collections::HashMap;

use confer_core::frame::TranscriptEvent;
use confer_core::id::{EventId, SessionId};
use confer_core::time::Stamp;
use rusqlite::{CachedStatement, Connection, params};

use crate::stored;

use super::trouble::Trouble;

/// Records that are known when a transaction begins; with this many, all are forgotten, and asked for
/// again.
pub(super) const MAX_KNOWN: usize = 65_536;

/// A row of events.
const ROW: &str = "INSERT INTO save (record, previous, events) VALUES (?1, ?2, ?3)";
/// What every save changes of a record.
const KEEP: &str = "UPDATE keeping SET newest = ?2, reserved_to = max(reserved_to, ?3),
    orphan_at = ?4 WHERE record = ?1";

/// A record, for whoever changes it.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) id: i64,
    pub(super) owner: Option<i64>,
    pub(super) generation: u64,
    pub(super) closed: bool,
    /// Its newest row of events.
    pub(super) newest: Option<i64>,
}

/// What was saved of a record, and is not written.
struct Saved {
    /// Events in the form of the database; empty if there are none.
    events: Vec<u8>,
    reserved_to: EventId,
    orphan_at: Stamp,
}

/// The records that are known.
#[derive(Default)]
pub(super) struct Heads {
    known: HashMap<SessionId, (Head, Option<Saved>)>,
    /// Those that came to have something to write, in that order; some of them have it no longer.
    unwritten: Vec<SessionId>,
    /// What the database says for as long as nobody else changes it.
    version: Option<i64>,
}

impl Heads {
    /// Sees to it that what is known is true, in a transaction that has just begun to write.
    pub(super) fn begin(&mut self, connection: &Connection) -> Result<(), Trouble> {
        let mut query = connection.prepare_cached("PRAGMA data_version")?;
        let version = Some(query.query_row([], |row| row.get(0))?);
        if version != self.version || self.known.len() >= MAX_KNOWN {
            self.forget();
            self.version = version;
        }
        Ok(())
    }

    /// Forgets everything: the transaction did not come to its end.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// A record, if it is known.
    pub(super) fn get(&self, session: &SessionId) -> Option<Head> {
        self.known.get(session).map(|(head, _)| *head)
    }

    /// Knows a record from now on.
    pub(super) fn learn(&mut self, session: &SessionId, head: Head) {
        self.known.insert(session.clone(), (head, None));
    }

    /// Saves something of a record that is known.
    pub(super) fn save(
        &mut self,
        session: &SessionId,
        events: &[TranscriptEvent],
        reserved_to: EventId,
        orphan_at: Stamp,
    ) {
        let Some((_, unwritten)) = self.known.get_mut(session) else { return };
        let saved = unwritten.get_or_insert_with(|| {
            self.unwritten.push(session.clone());
            Saved { events: Vec::new(), reserved_to, orphan_at }
        });
        stored::add_events(&mut saved.events, events);
        saved.reserved_to = saved.reserved_to.max(reserved_to);
        saved.orphan_at = orphan_at;
    }

    /// Writes what was saved of a record, and knows it no longer: somebody is about to change it.
    pub(super) fn settle(
        &mut self,
        connection: &Connection,
        session: &SessionId,
    ) -> Result<(), Trouble> {
        let Some((mut head, saved)) = self.known.remove(session) else { return Ok(()) };
        let Some(saved) = saved else { return Ok(()) };
        Writer::new(connection)?.write(&mut head, &saved)
    }

    /// Writes everything that was saved.
    pub(super) fn settle_all(&mut self, connection: &Connection) -> Result<(), Trouble> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let mut writer = Writer::new(connection)?;
        for session in self.unwritten.drain(..) {
            if let Some((head, saved)) = self.known.get_mut(&session)
                && let Some(saved) = saved.take()
            {
                writer.write(head, &saved)?;
            }
        }
        Ok(())
    }
}

/// The statements that a save takes.
struct Writer<'a> {
    connection: &'a Connection,
    row: CachedStatement<'a>,
    keep: CachedStatement<'a>,
}

impl<'a> Writer<'a> {
    fn new(connection: &'a Connection) -> Result<Self, Trouble> {
        let (row, keep) = (connection.prepare_cached(ROW)?, connection.prepare_cached(KEEP)?);
        Ok(Self { connection, row, keep })
    }

    fn write(&mut self, head: &mut Head, saved: &Saved) -> Result<(), Trouble> {
        if !saved.events.is_empty() {
            self.row.execute(params![head.id, head.newest, saved.events])?;
            head.newest = Some(self.connection.last_insert_rowid());
        }
        let (reserved_to, orphan_at) = (saved.reserved_to.number(), saved.orphan_at);
        let orphan_at = orphan_at.as_unix_seconds();
        self.keep.execute(params![head.id, head.newest, reserved_to, orphan_at])?;
        Ok(())
    }
}

/// Adds a row of events to a record; its number.
pub(super) fn add_row(
    connection: &Connection,
    record: i64,
    previous: Option<i64>,
    events: &[TranscriptEvent],
) -> Result<i64, Trouble> {
    let mut insert = connection.prepare_cached(ROW)?;
    insert.execute(params![record, previous, stored::write_events(events)])?;
    Ok(connection.last_insert_rowid())
}
