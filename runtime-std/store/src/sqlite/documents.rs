//! Documents, in pieces (B22.1).

use confer_core::ask::{Document, Failure, Outcome};
use confer_core::id::{DocumentId, SessionId};
use confer_core::pii::Secret;
use confer_core::text::Str;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::documents::{Ask, Done, MAX_PIECES, Refusal, Stat};

use super::trouble::Trouble;
use super::{Answer, Work};

impl Work<'_> {
    pub(super) fn document(&self, document: &Document) -> Result<Answer, Trouble> {
        let Document::Stat { document } = document;
        let query = "SELECT size, session, permit FROM document
            WHERE document = ?1 AND complete = 1";
        let mut query = self.connection.prepare_cached(query)?;
        let stat = query.query_row([document.as_str()], |row| {
            Ok(Outcome::Stat {
                size: row.get::<_, i64>(0)?.cast_unsigned(),
                session: SessionId::new(&row.get::<_, String>(1)?),
                permit: row.get::<_, Option<String>>(2)?.map(|permit| Secret::new(&permit)),
            })
        });
        let stat = stat.optional()?.unwrap_or(Outcome::Failed(Failure::NotFound));
        Ok(Answer::Done(stat))
    }

    /// Carries out what a program asks of the documents, beside the machine.
    pub(super) fn documents(&self, ask: &Ask) -> Result<Result<Done, Refusal>, Trouble> {
        Ok(match ask {
            Ask::Begin { document, upload, session, permit, kind } => {
                self.begin(document, *upload, session, permit, kind)?
            }
            Ask::Piece { document, upload, number, bytes } => {
                match self.under_way(document, *upload)? {
                    Err(refusal) => Err(refusal),
                    Ok(id) => {
                        let insert = "INSERT OR REPLACE INTO piece (id, bytes) VALUES (?1, ?2)";
                        let mut insert = self.connection.prepare_cached(insert)?;
                        insert.execute(params![place(id, *number), bytes])?;
                        Ok(Done::Nothing)
                    }
                }
            }
            Ask::Finish { document, upload, size } => match self.under_way(document, *upload)? {
                Err(refusal) => Err(refusal),
                Ok(id) => {
                    let update = "UPDATE document SET size = ?2, complete = 1 WHERE id = ?1";
                    let mut update = self.connection.prepare_cached(update)?;
                    update.execute(params![id, size.cast_signed()])?;
                    Ok(Done::Nothing)
                }
            },
            Ask::Read { document, number } => match self.find_document(document)? {
                Some((id, _, true)) => {
                    let query = "SELECT bytes FROM piece WHERE id = ?1";
                    let mut query = self.connection.prepare_cached(query)?;
                    let bytes = query.query_row([place(id, *number)], |row| row.get(0));
                    Ok(Done::Piece(bytes.optional()?))
                }
                Some((_, _, false)) | None => Err(Refusal::NotFound),
            },
            Ask::Stat { document } => {
                let query = "SELECT size, content_type FROM document
                    WHERE document = ?1 AND complete = 1";
                let mut query = self.connection.prepare_cached(query)?;
                let stat = query.query_row([document.as_str()], |row| {
                    let size = row.get::<_, i64>(0)?.cast_unsigned();
                    Ok(Stat { size, content_type: Str::new(&row.get::<_, String>(1)?) })
                });
                stat.optional()?.map(Done::Stat).ok_or(Refusal::NotFound)
            }
            Ask::Delete { document } => {
                if let Some((id, _, _)) = self.find_document(document)? {
                    forget(self.connection, id)?;
                }
                Ok(Done::Nothing)
            }
        })
    }

    fn begin(
        &self,
        document: &DocumentId,
        upload: u32,
        session: &SessionId,
        permit: &Option<Secret>,
        kind: &Str,
    ) -> Result<Result<Done, Refusal>, Trouble> {
        match self.find_document(document)? {
            Some((_, _, true)) => return Ok(Err(Refusal::Exists)),
            // Whoever began it began again.
            Some((id, _, false)) => forget(self.connection, id)?,
            None => {}
        }
        let insert = "INSERT INTO document
            (document, session, permit, size, begun_at, complete, content_type, upload)
            VALUES (?1, ?2, ?3, 0, ?4, 0, ?5, ?6)";
        self.connection.prepare_cached(insert)?.execute(params![
            document.as_str(),
            session.as_str(),
            permit.as_ref().map(Secret::reveal),
            self.now.as_unix_seconds(),
            &**kind,
            upload,
        ])?;
        Ok(Ok(Done::Nothing))
    }

    /// The number of a document that this upload is at.
    fn under_way(
        &self,
        document: &DocumentId,
        upload: u32,
    ) -> Result<Result<i64, Refusal>, Trouble> {
        Ok(match self.find_document(document)? {
            Some((_, _, true)) => Err(Refusal::Exists),
            Some((id, at_it, false)) if at_it == upload => Ok(id),
            Some(_) | None => Err(Refusal::NotFound),
        })
    }

    /// The number of a document, the upload that it came by, and whether all of it is there.
    fn find_document(&self, document: &DocumentId) -> Result<Option<(i64, u32, bool)>, Trouble> {
        let query = "SELECT id, upload, complete FROM document WHERE document = ?1";
        let mut query = self.connection.prepare_cached(query)?;
        let found =
            query.query_row([document.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        Ok(found.optional()?)
    }
}

/// Where a piece of a document is.
fn place(document: i64, piece: u32) -> i64 {
    document * i64::from(MAX_PIECES) + i64::from(piece)
}

/// Deletes a document with its pieces.
pub(crate) fn forget(connection: &Connection, document: i64) -> Result<(), Trouble> {
    let mut delete = connection.prepare_cached("DELETE FROM piece WHERE id BETWEEN ?1 AND ?2")?;
    delete.execute([place(document, 0), place(document, MAX_PIECES - 1)])?;
    connection.prepare_cached("DELETE FROM document WHERE id = ?1")?.execute([document])?;
    Ok(())
}

/// Deletes documents that were begun before `before` and never finished, a few at a time.
pub(crate) fn forget_unfinished(connection: &Connection, before: i64) -> Result<(), Trouble> {
    let query = "SELECT id FROM document WHERE complete = 0 AND begun_at < ?1 LIMIT 16";
    let mut query = connection.prepare_cached(query)?;
    let ids = query.query_map([before], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    ids.into_iter().try_for_each(|id| forget(connection, id))
}
