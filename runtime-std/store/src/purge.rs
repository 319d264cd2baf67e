//! Forgets what is old, while servers run.

use std::path::Path;
use std::time::Duration;

use confer_core::time::Stamp;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};

use crate::error::OpenError;
use crate::sqlite::{self, Reader, Trouble, Turns};
use crate::url::Url;
use crate::view::ReadError;

/// Rows of one kind that are forgotten in one transaction: servers wait for it.
const BATCH: i64 = 64;
/// How long a lock of somebody else is waited for.
pub(crate) const BUSY: Duration = Duration::from_secs(10);

/// How much of what is old there is, or was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Sessions that were closed before, with their transcripts.
    pub sessions: u64,
    /// Documents of those sessions.
    pub documents: u64,
    /// Interactions of those sessions, and those that were stopped before and have none.
    pub interactions: u64,
    /// Contacts without any session that were met before.
    pub contacts: u64,
}

/// Counts what is older than `before`, and forgets it if `really`. Sessions that are not closed stay,
/// however old they are.
///
/// # Errors
///
/// The store cannot be opened; or, in words, what went wrong on the way. What was forgotten by then
/// stays so.
pub fn purge(
    url: &Url,
    before: Stamp,
    really: bool,
) -> Result<Result<Purged, ReadError>, OpenError> {
    let Url::Sqlite(path) = url else { return Err(OpenError::Memory) };
    // Nothing is made, nor brought up to date, by somebody who only forgets.
    let reader = Reader::open(path)?;
    let purged = if really {
        let turns = Turns::open(path)?;
        drop(reader);
        forget_all(path, &turns, before)
    } else {
        count(&reader.connection, before.as_unix_seconds())
    };
    Ok(purged.map_err(|trouble| ReadError::of(path, &trouble)))
}

fn count(connection: &Connection, before: i64) -> Result<Purged, Trouble> {
    let one = |query| connection.query_row(query, [before], |row| row.get::<_, i64>(0));
    let count = |query| one(query).map(i64::cast_unsigned);
    Ok(Purged {
        sessions: count("SELECT count(*) FROM keeping WHERE end_at < ?1")?,
        documents: count(
            "SELECT count(*) FROM keeping JOIN record ON record.id = record
            JOIN document ON document.session = record.session WHERE end_at < ?1",
        )?,
        interactions: count(
            "SELECT count(*) FROM interaction WHERE
            interaction IN (SELECT interaction FROM keeping JOIN record ON record.id = record
                WHERE end_at < ?1)
            OR stopped_at < ?1 AND NOT EXISTS
                (SELECT 1 FROM record WHERE record.interaction = interaction.interaction)",
        )?,
        contacts: count(
            "SELECT count(*) FROM contact WHERE id > 0 AND created_at < ?1 AND NOT EXISTS
            (SELECT 1 FROM record JOIN keeping ON record = record.id
                WHERE record.contact = contact.contact
                AND (end_at IS NULL OR end_at >= ?1))",
        )?,
    })
}

fn forget_all(path: &Path, turns: &Turns, before: Stamp) -> Result<Purged, Trouble> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    let _: i64 = connection.query_row("PRAGMA secure_delete = FAST", [], |row| row.get(0))?;
    let (mut purged, mut behind) = (Purged::default(), 0);
    loop {
        let turn = turns.take()?;
        let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
        let more = forget_some(&transaction, before.as_unix_seconds(), &mut behind, &mut purged)?;
        transaction.commit()?;
        drop(turn);
        if !more {
            return Ok(purged);
        }
    }
}

/// Forgets a few of each kind; whether there may be more. Contacts are looked at behind `behind`.
fn forget_some(
    connection: &Connection,
    before: i64,
    behind: &mut i64,
    purged: &mut Purged,
) -> Result<bool, Trouble> {
    let mut more = false;
    let query = "SELECT record.id, session, interaction, newest FROM keeping
        JOIN record ON record.id = record WHERE end_at < ?1 LIMIT ?2";
    let mut query = connection.prepare_cached(query)?;
    let mut rows = query.query([before, BATCH])?;
    while let Some(row) = rows.next()? {
        let session: String = row.get(1)?;
        purged.documents += forget_documents(connection, &session)?;
        let delete = "DELETE FROM interaction WHERE interaction = ?1";
        let interactions =
            connection.prepare_cached(delete)?.execute([row.get::<_, String>(2)?])?;
        purged.interactions += interactions as u64;
        sqlite::forget(connection, row.get(0)?, row.get(3)?)?;
        purged.sessions += 1;
        more = true;
    }
    // Those of sessions that never came to be; of others, with their sessions.
    let delete = "DELETE FROM interaction WHERE id IN (SELECT id FROM interaction
        WHERE stopped_at < ?1 AND NOT EXISTS
        (SELECT 1 FROM record WHERE record.interaction = interaction.interaction) LIMIT ?2)";
    let interactions = connection.prepare_cached(delete)?.execute([before, BATCH])?;
    purged.interactions += interactions as u64;
    more |= interactions > 0;
    // Contacts come last: as long as there are sessions to forget, some of them still have one.
    if !more {
        let query = "SELECT id, created_at < ?2 AND NOT EXISTS
            (SELECT 1 FROM record WHERE record.contact = contact.contact)
            FROM contact WHERE id > ?1 ORDER BY id LIMIT ?3";
        let mut query = connection.prepare_cached(query)?;
        let rows = query.query_map(params![*behind, before, BATCH], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?))
        })?;
        for row in rows.collect::<Result<Vec<_>, _>>()? {
            let (id, forgotten) = row;
            if forgotten {
                connection.prepare_cached("DELETE FROM contact WHERE id = ?1")?.execute([id])?;
                purged.contacts += 1;
            }
            *behind = id;
            more = true;
        }
    }
    Ok(more)
}

fn forget_documents(connection: &Connection, session: &str) -> Result<u64, Trouble> {
    let mut query = connection.prepare_cached("SELECT id FROM document WHERE session = ?1")?;
    let ids = query.query_map([session], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    for id in &ids {
        sqlite::forget_document(connection, *id)?;
    }
    Ok(ids.len() as u64)
}
