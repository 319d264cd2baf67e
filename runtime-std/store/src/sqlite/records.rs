//! Records of sessions.

use std::collections::BTreeMap;

use confer_core::ask::{
    Beginning, Failure, Leaf, LeafKey, LeafKind, Loaded, Outcome, Record, RecordName,
};
use confer_core::frame::TranscriptEvent;
use confer_core::id::{EventId, SessionId};
use confer_core::text::{Str, Text};
use confer_core::time::Stamp;
use rusqlite::{Connection, OptionalExtension as _, named_params, params};
use tracing::warn;

use crate::stored;

use super::heads::{self, Head};
use super::trouble::Trouble;
use super::{Answer, Reading, Work};

/// Events in one row of a final transcript.
const ROW: usize = 1024;
/// The longest document kept of a session, in bytes: what fits into a row with everything else that is
/// in it. The events are kept of every session.
const MAX_DOCUMENT: usize = 512 << 20;

impl Work<'_> {
    pub(super) fn record(&mut self, record: &Record) -> Result<Answer, Trouble> {
        let outcome = match record {
            Record::Create { session, beginning } => self.create(session, beginning)?,
            Record::Append { session, generation, events, reserved_to, orphan_at, leaves } => {
                let head = match self.heads.get(session) {
                    Some(head) => Some(head),
                    None => self.known(session)?.inspect(|head| self.heads.learn(session, *head)),
                };
                match head {
                    None => Outcome::Failed(Failure::NotFound),
                    Some(head) if head.generation != *generation => {
                        Outcome::Failed(Failure::Fenced)
                    }
                    Some(head) if head.closed => Outcome::Failed(Failure::Refused),
                    Some(head) => {
                        self.heads.save(session, events, *reserved_to, *orphan_at);
                        self.keep(head.id, leaves)?;
                        Outcome::Done
                    }
                }
            }
            Record::Call { session, generation, interaction } => {
                match self.owned(session, *generation)? {
                    Err(failure) => Outcome::Failed(failure),
                    Ok(known) => {
                        let update = "UPDATE record SET interaction = ?2 WHERE id = ?1";
                        let mut update = self.connection.prepare_cached(update)?;
                        update.execute(params![known.id, interaction.as_str()])?;
                        Outcome::Done
                    }
                }
            }
            Record::Final { session, generation, end_at, events, leaves } => {
                match self.owned(session, *generation)? {
                    Err(failure) => Outcome::Failed(failure),
                    Ok(known) if known.closed => Outcome::Done,
                    Ok(known) => {
                        self.close(session, &known, *end_at, events)?;
                        self.keep(known.id, leaves)?;
                        Outcome::Done
                    }
                }
            }
            Record::Discard { session } => match self.known(session)? {
                None => Outcome::Done,
                Some(known) if known.owner.is_some_and(|owner| owner != self.me) => {
                    Outcome::Failed(Failure::Fenced)
                }
                Some(known) => {
                    forget(self.connection, known.id, known.newest)?;
                    Outcome::Done
                }
            },
            Record::Load { name, events } => {
                return Ok(Answer::Read(Reading::Load { name: name.clone(), events: *events }));
            }
            Record::Own { session, generation } => {
                return Ok(match self.owned(session, *generation)? {
                    Err(failure) => failed(failure),
                    Ok(known) => {
                        let update =
                            "UPDATE keeping SET owner = ?2, generation = ?3 WHERE record = ?1";
                        let mut update = self.connection.prepare_cached(update)?;
                        let generation = number(generation + 1);
                        update.execute(params![known.id, self.me, generation])?;
                        let former = match known.owner {
                            Some(owner) => name_of(self.connection, owner)?,
                            None => None,
                        };
                        Answer::Read(Reading::Own { session: session.clone(), former })
                    }
                });
            }
            Record::Release { session, generation } => match self.owned(session, *generation)? {
                Err(failure) => Outcome::Failed(failure),
                Ok(known) => {
                    let update = "UPDATE keeping SET owner = NULL WHERE record = ?1";
                    self.connection.prepare_cached(update)?.execute([known.id])?;
                    Outcome::Done
                }
            },
            // Not a matter of the database: whoever has it sees to it.
            Record::Spool { .. } => Outcome::Failed(Failure::Unavailable),
        };
        Ok(Answer::Done(outcome))
    }

    pub(super) fn create(
        &mut self,
        session: &SessionId,
        beginning: &Beginning,
    ) -> Result<Outcome, Trouble> {
        if let Some(known) = self.known(session)? {
            // Begun again after an answer that was lost.
            return Ok(match known.owner {
                Some(owner) if owner == self.me => Outcome::Done,
                Some(_) | None => Outcome::Failed(Failure::Fenced),
            });
        }
        let insert = "INSERT INTO record
            (session, interaction, contact, tenant, queue, subject, user_data, start_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.connection.prepare_cached(insert)?.execute(params![
            session.as_str(),
            beginning.interaction.as_str(),
            beginning.contact.as_ref().map(confer_core::id::ContactId::as_str),
            &*beginning.tenant,
            &*beginning.queue,
            beginning.subject.as_ref().map(Text::reveal),
            stored::write_list(&beginning.user_data),
            beginning.start_at.as_unix_seconds(),
        ])?;
        let id = self.connection.last_insert_rowid();
        let insert = "INSERT INTO keeping (record, owner, generation, reserved_to, orphan_at)
            VALUES (?1, ?2, 1, 0, ?3)";
        let start_at = beginning.start_at.as_unix_seconds();
        self.connection.prepare_cached(insert)?.execute(params![id, self.me, start_at])?;
        Ok(Outcome::Done)
    }

    /// The record of a session, as it is written once everything is that was saved of it.
    fn known(&mut self, session: &SessionId) -> Result<Option<Head>, Trouble> {
        self.heads.settle(self.connection, session)?;
        let query = "SELECT id, owner, generation, end_at IS NOT NULL, newest
            FROM record JOIN keeping ON record = id WHERE session = ?1";
        let mut query = self.connection.prepare_cached(query)?;
        let known = query.query_row([session.as_str()], |row| {
            Ok(Head {
                id: row.get(0)?,
                owner: row.get(1)?,
                generation: row.get::<_, i64>(2)?.cast_unsigned(),
                closed: row.get(3)?,
                newest: row.get(4)?,
            })
        });
        Ok(known.optional()?)
    }

    /// The same, if `generation` is the newest.
    fn owned(
        &mut self,
        session: &SessionId,
        generation: u64,
    ) -> Result<Result<Head, Failure>, Trouble> {
        Ok(match self.known(session)? {
            None => Err(Failure::NotFound),
            Some(known) if known.generation != generation => Err(Failure::Fenced),
            Some(known) => Ok(known),
        })
    }

    pub(super) fn close_spooled(&mut self, end: &stored::End) -> Result<Outcome, Trouble> {
        let session = SessionId::new(&end.session);
        if self.known(&session)?.is_none() {
            self.create(&session, &end.beginning)?;
        }
        // One that was never made, or is its writer's still.
        Ok(match self.known(&session)? {
            Some(known) if known.closed => Outcome::Done,
            Some(known) if known.generation == end.generation => {
                self.close(&session, &known, end.end_at, &end.events)?;
                Outcome::Done
            }
            Some(_) | None => Outcome::Failed(Failure::Fenced),
        })
    }

    /// The final transcript, instead of everything that was saved on the way.
    fn close(
        &self,
        session: &SessionId,
        known: &Head,
        end_at: Stamp,
        events: &[TranscriptEvent],
    ) -> Result<(), Trouble> {
        forget_saves(self.connection, known.newest)?;
        let mut newest = None;
        for events in events.chunks(ROW) {
            newest = Some(heads::add_row(self.connection, known.id, newest, events)?);
        }
        let update = "UPDATE keeping SET newest = ?2, end_at = ?3 WHERE record = ?1";
        let mut update = self.connection.prepare_cached(update)?;
        update.execute(params![known.id, newest, end_at.as_unix_seconds()])?;
        let query = "SELECT start_at FROM record WHERE id = ?1";
        let mut query = self.connection.prepare_cached(query)?;
        let start_at = Stamp::from_unix_seconds(query.query_row([known.id], |row| row.get(0))?);
        let document = document(MAX_DOCUMENT, session, start_at, events);
        let update = "UPDATE record SET transcript = ?2 WHERE id = ?1";
        self.connection.prepare_cached(update)?.execute(params![known.id, document])?;
        Ok(())
    }

    fn keep(&self, record: i64, leaves: &[Leaf]) -> Result<(), Trouble> {
        for Leaf { key, state } in leaves {
            let (kind, place) = (key.kind.name(), key.index);
            if state.is_empty() {
                let delete = "DELETE FROM leaf WHERE record = ?1 AND kind = ?2 AND place = ?3";
                let mut delete = self.connection.prepare_cached(delete)?;
                delete.execute(params![record, kind, place])?;
            } else {
                let insert = "INSERT INTO leaf (record, kind, place, state) VALUES (?1, ?2, ?3, ?4)
                    ON CONFLICT DO UPDATE SET state = excluded.state";
                let mut insert = self.connection.prepare_cached(insert)?;
                insert.execute(params![record, kind, place, stored::write_list(state)])?;
            }
        }
        Ok(())
    }
}

/// The stored form of a final transcript (B5.5), if there can be one: a session of a newer version, or
/// one that is larger than anything, is kept without it.
pub(super) fn document(
    limit: usize,
    session: &SessionId,
    start_at: Stamp,
    events: &[TranscriptEvent],
) -> Option<String> {
    match confer_transcript::write(session, start_at, events) {
        Ok(document) if document.len() <= limit => Some(document),
        Ok(document) => {
            let (session, bytes) = (session.as_str(), document.len());
            warn!(session, bytes, limit, "a transcript is too long to be kept as XML, too");
            None
        }
        Err(error) => {
            let session = session.as_str();
            warn!(session, %error, "a transcript cannot be kept as XML, too");
            None
        }
    }
}

const fn failed(failure: Failure) -> Answer {
    Answer::Done(Outcome::Failed(failure))
}

/// Generations fit for longer than anybody will count.
fn number(generation: u64) -> i64 {
    generation.cast_signed()
}

/// What an instance is called.
fn name_of(connection: &Connection, instance: i64) -> Result<Option<Str>, Trouble> {
    let mut query = connection.prepare_cached("SELECT name FROM instance WHERE id = ?1")?;
    let name = query.query_row([instance], |row| row.get::<_, String>(0)).optional()?;
    Ok(name.map(|name| Str::new(&name)))
}

/// Deletes a record, and everything that hangs on it.
pub(crate) fn forget(
    connection: &Connection,
    record: i64,
    newest: Option<i64>,
) -> Result<(), Trouble> {
    forget_saves(connection, newest)?;
    for delete in [
        "DELETE FROM leaf WHERE record = ?1",
        "DELETE FROM keeping WHERE record = ?1",
        "DELETE FROM record WHERE id = ?1",
    ] {
        connection.prepare_cached(delete)?.execute([record])?;
    }
    Ok(())
}

fn forget_saves(connection: &Connection, mut newest: Option<i64>) -> Result<(), Trouble> {
    let mut delete =
        connection.prepare_cached("DELETE FROM save WHERE id = ?1 RETURNING previous")?;
    while let Some(id) = newest {
        let previous = delete.query_row([id], |row| row.get::<_, Option<i64>>(0)).optional()?;
        newest = previous.flatten().filter(|previous| *previous < id);
    }
    Ok(())
}

/// Reads a record; `None` if there is none.
pub(crate) fn load(
    connection: &Connection,
    name: &RecordName,
    events: bool,
) -> Result<Option<Loaded>, Trouble> {
    let query = match name {
        RecordName::Session(_) => {
            "SELECT id, session, interaction, contact, tenant, queue, subject, user_data, start_at,
                owner, generation, reserved_to, end_at, newest
                FROM record JOIN keeping ON record = id WHERE session = :name"
        }
        // Ids of interactions are not unique by nature: the newest record counts.
        RecordName::Interaction(_) => {
            "SELECT id, session, interaction, contact, tenant, queue, subject, user_data, start_at,
                owner, generation, reserved_to, end_at, newest
                FROM record JOIN keeping ON record = id WHERE interaction = :name
                ORDER BY id DESC LIMIT 1"
        }
    };
    let name = match name {
        RecordName::Session(id) => id.as_str(),
        RecordName::Interaction(id) => id.as_str(),
    };
    let mut query = connection.prepare_cached(query)?;
    let mut rows = query.query(named_params! { ":name": name })?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let id: i64 = row.get("id")?;
    let owner: Option<i64> = row.get("owner")?;
    let user_data: Vec<u8> = row.get("user_data")?;
    let newest: Option<i64> = row.get("newest")?;
    let end_at: Option<i64> = row.get("end_at")?;
    let text = |name| row.get::<_, String>(name);
    Ok(Some(Loaded {
        session: text("session")?.as_str().into(),
        beginning: Beginning {
            contact: row.get::<_, Option<String>>("contact")?.map(|id| id.as_str().into()),
            start_at: Stamp::from_unix_seconds(row.get("start_at")?),
            subject: row.get::<_, Option<String>>("subject")?.map(Text::from),
            user_data: stored::read_list(&user_data)?,
            tenant: Str::new(&text("tenant")?),
            queue: Str::new(&text("queue")?),
            interaction: text("interaction")?.as_str().into(),
        },
        generation: row.get::<_, i64>("generation")?.cast_unsigned(),
        owner: match owner {
            Some(owner) => name_of(connection, owner)?,
            None => None,
        },
        end_at: end_at.map(Stamp::from_unix_seconds),
        events: if events { read_saves(connection, newest)? } else { Vec::new() },
        reserved_to: EventId::new(row.get("reserved_to")?).ok_or(Trouble::Damaged)?,
        leaves: read_leaves(connection, id)?,
    }))
}

/// The document that is kept of a session; `None` if none is.
pub(crate) fn kept_document(
    connection: &Connection,
    session: &SessionId,
) -> Result<Option<String>, Trouble> {
    let query = "SELECT transcript FROM record WHERE session = ?1";
    let mut query = connection.prepare_cached(query)?;
    let document = query.query_row([session.as_str()], |row| row.get::<_, Option<String>>(0));
    Ok(document.optional()?.flatten())
}

/// The events of a record, in order; of an event that was saved anew, the newest.
fn read_saves(
    connection: &Connection,
    mut newest: Option<i64>,
) -> Result<Vec<TranscriptEvent>, Trouble> {
    let mut query = connection.prepare_cached("SELECT previous, events FROM save WHERE id = ?1")?;
    let mut rows = Vec::new();
    while let Some(id) = newest {
        let (previous, events) = query
            .query_row([id], |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Vec<u8>>(1)?)))
            .optional()?
            .ok_or(Trouble::Damaged)?;
        if previous.is_some_and(|previous| previous >= id) {
            return Err(Trouble::Damaged);
        }
        rows.push(events);
        newest = previous;
    }
    let mut events = BTreeMap::new();
    for row in rows.iter().rev() {
        stored::read_events(row, &mut events)?;
    }
    Ok(events.into_values().collect())
}

fn read_leaves(connection: &Connection, record: i64) -> Result<Vec<Leaf>, Trouble> {
    let query = "SELECT kind, place, state FROM leaf WHERE record = ?1";
    let mut query = connection.prepare_cached(query)?;
    let mut rows = query.query([record])?;
    let mut leaves = Vec::new();
    while let Some(row) = rows.next()? {
        // Of a newer version, which the machine here would not know either.
        let Some(kind) = LeafKind::by_name(&row.get::<_, String>(0)?) else { continue };
        let state = stored::read_list(&row.get::<_, Vec<u8>>(2)?)?;
        leaves.push(Leaf { key: LeafKey { kind, index: row.get(1)? }, state });
    }
    leaves.sort_by_key(|leaf| leaf.key);
    Ok(leaves)
}
