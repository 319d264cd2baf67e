//! Stops an interaction from outside of the servers, as a workflow does (B19.4).

use confer_core::id::InteractionId;
use confer_core::time::Stamp;
use rusqlite::{
    Connection, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior, named_params,
    params,
};

use crate::error::OpenError;
use crate::purge::BUSY;
use crate::sqlite::{Reader, STOPPED, Trouble, Turns};
use crate::url::Url;
use crate::view::ReadError;

/// Stops an interaction now, and tells every server of the store, so that whoever holds its session
/// closes it. False: there is none of this id. One that was stopped before is told of again, for whoever
/// did not hold the session then.
///
/// # Errors
///
/// The store cannot be opened; or, in words, why it was not done.
pub fn stop(
    url: &Url,
    interaction: &InteractionId,
    now: Stamp,
) -> Result<Result<bool, ReadError>, OpenError> {
    let Url::Sqlite(path) = url else { return Err(OpenError::Memory) };
    // Nothing is made, nor brought up to date, by somebody who only stops.
    drop(Reader::open(path)?);
    let turns = Turns::open(path)?;
    let stopped = || -> Result<bool, Trouble> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        let _turn = turns.take()?;
        let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
        let there = mark(&transaction, interaction, now)?;
        transaction.commit()?;
        Ok(there)
    };
    Ok(stopped().map_err(|trouble| ReadError::of(path, &trouble)))
}

fn mark(connection: &Connection, interaction: &InteractionId, now: Stamp) -> Result<bool, Trouble> {
    let (id, now) = (interaction.as_str(), now.as_unix_seconds());
    let update = "UPDATE interaction SET stopped_at = coalesce(stopped_at, ?2)
        WHERE interaction = ?1 RETURNING id";
    let there: Option<i64> =
        connection.query_row(update, params![id, now], |row| row.get(0)).optional()?;
    if there.is_none() {
        return Ok(false);
    }
    let tell = "INSERT INTO message (instance, what, subject, generation, sent_at)
        SELECT id, :what, :subject, 0, :now FROM instance WHERE live = 1 AND name > ''";
    let named = named_params! { ":what": STOPPED, ":subject": id, ":now": now };
    connection.execute(tell, named)?;
    Ok(true)
}
