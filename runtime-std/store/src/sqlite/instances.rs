//! The servers that share a database: who lives, what they tell each other, and whom the dead left
//! behind (B20.12, B20.13).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use confer_core::ask::{Instance, Outcome};
use confer_core::door::External;
use confer_core::id::SessionId;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::error::OpenError;

use super::trouble::Trouble;
use super::{Answer, Work};

/// How long the silence of a server is before it counts as dead (B20.13).
pub(crate) const SILENCE: Duration = Duration::from_secs(30);
/// Messages taken at a time.
const MESSAGES: i64 = 256;
/// Messages that wait for one server at most; the oldest make room. What they tell, a server that
/// was away for so many learns from the records themselves.
const MAX_MESSAGES: i64 = 10_000;
/// How long a message waits for its server, in seconds.
const MESSAGE_LIFE: i64 = 86_400;
/// How long the name of a dead server keeps its number, in seconds.
const NAME_LIFE: i64 = 30 * 86_400;
/// Orphans told of at a time.
const ORPHANS: usize = 256;
/// Instances looked at.
const MAX_INSTANCES: i64 = 65_535;

impl Work<'_> {
    pub(super) fn instance(&self, instance: &Instance) -> Result<Answer, Trouble> {
        let Instance::Tell { instance, what } = instance;
        let (what, subject, generation) = match what {
            External::InteractionStopped { interaction } => (STOPPED, interaction.as_str(), 0),
            External::Purge { session, generation } => {
                (PURGE, session.as_str(), generation.cast_signed())
            }
            External::Orphaned { session } => (ORPHANED, session.as_str(), 0),
            // What every server learns by itself.
            External::ContactStoreUp | External::Peers { .. } => {
                return Ok(Answer::Done(Outcome::Done));
            }
        };
        let mut query =
            self.connection.prepare_cached("SELECT id FROM instance WHERE name = ?1")?;
        let id: Option<i64> = query.query_row([&**instance], |row| row.get(0)).optional()?;
        // Nobody is left to hear it if there is no such instance.
        if let Some(id) = id {
            let insert = "INSERT INTO message (instance, what, subject, generation, sent_at)
                VALUES (?1, ?2, ?3, ?4, ?5)";
            let sent_at = self.now.as_unix_seconds();
            let mut insert = self.connection.prepare_cached(insert)?;
            insert.execute(params![id, what, subject, generation, sent_at])?;
            let delete = "DELETE FROM message WHERE instance = ?1 AND id <=
                (SELECT id FROM message WHERE instance = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
            // Counted now and then: it goes over all that wait.
            if self.connection.last_insert_rowid() % 1024 == 0 {
                self.connection.prepare_cached(delete)?.execute([id, MAX_MESSAGES])?;
            }
        }
        Ok(Answer::Done(Outcome::Done))
    }
}

/// What a message tells: an interaction was stopped (B19.4).
pub(crate) const STOPPED: &str = "interaction-stopped";
const PURGE: &str = "purge";
const ORPHANED: &str = "orphaned";

/// Enters a server into the table of those that live, and gives up what a former life of the same
/// name left behind; its number there, and its app-dbid.
pub(crate) fn enter(
    connection: &Connection,
    name: &str,
    app_dbid: Option<u16>,
    now_millis: i64,
) -> Result<Result<(i64, u16), OpenError>, Trouble> {
    let mut query = connection.prepare("SELECT id, app_dbid FROM instance WHERE name = ?1")?;
    let known = query
        .query_row([name], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, u16>(1)?)))
        .optional()?;
    let number = match (app_dbid, known) {
        (Some(wanted), Some((_, number))) if wanted == number => wanted,
        (Some(wanted), _) => {
            let query = "SELECT name FROM instance WHERE app_dbid = ?1";
            let taken = connection.query_row(query, [wanted], |row| row.get::<_, String>(0));
            if let Some(name) = taken.optional()? {
                return Ok(Err(OpenError::AppDbid { number: wanted, name }));
            }
            wanted
        }
        (None, Some((_, number))) => number,
        (None, None) => match free_number(connection, now_millis)? {
            Some(number) => number,
            None => return Ok(Err(OpenError::NoAppDbid)),
        },
    };
    let insert = "INSERT INTO instance (name, app_dbid, live, beat, beat_at)
        VALUES (?1, ?2, 1, 1, ?3) ON CONFLICT (name) DO UPDATE
        SET app_dbid = excluded.app_dbid, live = 1, beat = beat + 1, beat_at = excluded.beat_at
        RETURNING id";
    let id = connection.query_row(insert, params![name, number, now_millis], |row| row.get(0))?;
    // Whoever had this name is dead, and has sessions no more.
    let update = "UPDATE keeping SET owner = NULL WHERE owner = ?1 AND end_at IS NULL";
    connection.execute(update, [id])?;
    Ok(Ok((id, number)))
}

/// The first number nobody has; of names that are long dead, it is taken back.
fn free_number(connection: &Connection, now_millis: i64) -> Result<Option<u16>, Trouble> {
    let take_back = "DELETE FROM instance WHERE name > '' AND live = 0 AND beat_at < ?1
        AND NOT EXISTS (SELECT 1 FROM keeping WHERE owner = instance.id AND end_at IS NULL)";
    connection.execute(take_back, [now_millis - NAME_LIFE * 1000])?;
    let mut query =
        connection.prepare("SELECT app_dbid FROM instance WHERE app_dbid > 0 ORDER BY app_dbid")?;
    let mut free: u16 = 1;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        if row.get::<_, u16>(0)? != free {
            break;
        }
        match free.checked_add(1) {
            Some(next) => free = next,
            None => return Ok(None),
        }
    }
    Ok(Some(free))
}

/// Says that a server goes of its own will.
pub(crate) fn leave(connection: &Connection, me: i64) -> Result<(), Trouble> {
    connection.execute("UPDATE instance SET live = 0 WHERE id = ?1", [me])?;
    Ok(())
}

/// Takes the messages for a server.
pub(crate) fn take_messages(connection: &Connection, me: i64) -> Result<Vec<External>, Trouble> {
    let query = "SELECT id, what, subject, generation FROM message
        WHERE instance = ?1 ORDER BY id LIMIT ?2";
    let mut query = connection.prepare_cached(query)?;
    let mut rows = query.query([me, MESSAGES])?;
    let (mut last, mut told) = (None, Vec::new());
    while let Some(row) = rows.next()? {
        last = Some(row.get::<_, i64>(0)?);
        let subject: String = row.get(2)?;
        match row.get::<_, String>(1)?.as_str() {
            STOPPED => {
                told.push(External::InteractionStopped { interaction: subject.as_str().into() });
            }
            PURGE => {
                let generation = row.get::<_, i64>(3)?.cast_unsigned();
                told.push(External::Purge { session: subject.as_str().into(), generation });
            }
            ORPHANED => told.push(External::Orphaned { session: subject.as_str().into() }),
            // Of a newer version.
            _ => {}
        }
    }
    if let Some(last) = last {
        let delete = "DELETE FROM message WHERE instance = ?1 AND id <= ?2";
        connection.prepare_cached(delete)?.execute([me, last])?;
    }
    Ok(told)
}

/// Whether there are messages for a server.
pub(crate) fn has_messages(connection: &Connection, me: i64) -> Result<bool, Trouble> {
    let query = "SELECT EXISTS (SELECT 1 FROM message WHERE instance = ?1)";
    Ok(connection.prepare_cached(query)?.query_row([me], |row| row.get(0))?)
}

/// What one server has seen of the others.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    others: BTreeMap<i64, Other>,
    /// Behind which record to look for orphans of each server next.
    behind: BTreeMap<Option<i64>, i64>,
    peers: bool,
}

#[derive(Debug)]
struct Other {
    beat: i64,
    /// When that beat was seen first. Nothing depends on anybody's calendar.
    since: Instant,
    live: bool,
}

impl Watch {
    /// Beats, looks who else does, and finds orphans; what the machine is to hear of it.
    pub(crate) fn look(
        &mut self,
        connection: &Connection,
        me: i64,
        (now, now_millis): (Instant, i64),
    ) -> Result<Vec<External>, Trouble> {
        beat(connection, me, now_millis)?;
        let mut told = Vec::new();
        let query =
            "SELECT id, live, beat, beat_at FROM instance WHERE id > 0 AND id <> ?1 LIMIT ?2";
        let mut query = connection.prepare_cached(query)?;
        let mut rows = query.query([me, MAX_INSTANCES])?;
        let mut seen = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let (id, live, beat) = (row.get(0)?, row.get::<_, bool>(1)?, row.get(2)?);
            let age = now_millis.saturating_sub(row.get::<_, i64>(3)?);
            let silence = i64::try_from(SILENCE.as_millis()).unwrap_or(i64::MAX);
            let other = match self.others.remove(&id) {
                Some(other) if other.beat == beat => Other {
                    live: live && other.live && now.duration_since(other.since) < SILENCE,
                    ..other
                },
                Some(_) => Other { beat, since: now, live },
                // Never seen before: the calendar is all there is to go by.
                None => Other { beat, since: now, live: live && age < silence },
            };
            seen.insert(id, other);
        }
        self.others = seen;
        let peers = self.others.values().any(|other| other.live);
        if peers != std::mem::replace(&mut self.peers, peers) {
            told.push(External::Peers { any: peers });
        }
        let dead = self.others.iter().filter(|(_, other)| !other.live).map(|(id, _)| Some(*id));
        for owner in dead.chain([None]).collect::<Vec<_>>() {
            let room = ORPHANS.saturating_sub(told.len());
            self.orphans(connection, owner, (now_millis / 1000, room), &mut told)?;
        }
        Ok(told)
    }

    /// Tells of abandoned sessions of one owner, so many at most; next time of those behind them, in
    /// case nobody could do anything about the first.
    fn orphans(
        &mut self,
        connection: &Connection,
        owner: Option<i64>,
        (now, room): (i64, usize),
        told: &mut Vec<External>,
    ) -> Result<(), Trouble> {
        if room == 0 {
            return Ok(());
        }
        let query = "SELECT record, session FROM keeping JOIN record ON id = record
            WHERE owner IS ?1 AND end_at IS NULL AND record > ?2 AND orphan_at <= ?3
            ORDER BY record LIMIT ?4";
        let mut query = connection.prepare_cached(query)?;
        let from = self.behind.get(&owner).copied().unwrap_or(0);
        let limit = i64::try_from(room).unwrap_or(i64::MAX);
        let mut rows = query.query(params![owner, from, now, limit])?;
        let (mut last, mut count) = (0, 0);
        while let Some(row) = rows.next()? {
            (last, count) = (row.get(0)?, count + 1);
            told.push(External::Orphaned { session: SessionId::new(&row.get::<_, String>(1)?) });
        }
        if count == room {
            self.behind.insert(owner, last);
        } else {
            self.behind.remove(&owner);
        }
        Ok(())
    }
}

/// Says that a server lives, and throws away what nobody will take.
fn beat(connection: &Connection, me: i64, now_millis: i64) -> Result<(), Trouble> {
    let update = "UPDATE instance SET live = 1, beat = beat + 1, beat_at = ?2 WHERE id = ?1";
    connection.prepare_cached(update)?.execute([me, now_millis])?;
    // The oldest stand first.
    let query = "SELECT id, sent_at FROM message WHERE id > 0 ORDER BY id LIMIT 256";
    let mut query = connection.prepare_cached(query)?;
    let mut rows = query.query([])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(1)? >= now_millis / 1000 - MESSAGE_LIFE {
            break;
        }
        last = Some(row.get::<_, i64>(0)?);
    }
    if let Some(last) = last {
        connection.prepare_cached("DELETE FROM message WHERE id <= ?1")?.execute([last])?;
    }
    Ok(())
}
