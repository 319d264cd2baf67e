//! What people look at: a store as it is now, page by page, while servers run.

use std::fmt;
use std::path::PathBuf;

use confer_core::ask::{Loaded, RecordName};
use confer_core::frame::KvList;
use confer_core::time::Stamp;
use rusqlite::{OptionalExtension as _, Row};

use crate::error::OpenError;
use crate::sqlite::{self, Reader, Trouble};
use crate::stored;
use crate::url::Url;

/// A store that is only read.
pub struct View {
    reader: Reader,
    path: PathBuf,
}

/// Why something cannot be read, or purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError(String);

impl ReadError {
    pub(crate) fn of(path: &std::path::Path, trouble: &Trouble) -> Self {
        let (path, advice) = (path.display(), trouble.advice());
        Self(format!("{path}: {trouble}; {advice}"))
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadError {}

/// A session, without a word of a customer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Its place among the records, by which one goes on behind it.
    pub number: i64,
    /// Its id.
    pub session: String,
    /// Its newest interaction.
    pub interaction: String,
    /// Its tenant.
    pub tenant: String,
    /// The queue it was submitted to.
    pub queue: String,
    /// Whose it is.
    pub contact: Option<String>,
    /// When it began.
    pub start_at: Stamp,
    /// When it was closed; none while it goes on.
    pub end_at: Option<Stamp>,
    /// The server that has it, or had it when it was closed.
    pub owner: Option<String>,
    /// How often it was owned.
    pub generation: u64,
}

/// An interaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InteractionRow {
    /// Its id.
    pub interaction: String,
    /// Its tenant.
    pub tenant: String,
    /// Its queue.
    pub queue: String,
    /// The server that submitted it.
    pub submitter: Option<String>,
    /// When.
    pub submitted_at: Stamp,
    /// When it was stopped; none while it is not.
    pub stopped_at: Option<Stamp>,
    /// Its properties.
    pub properties: KvList,
}

/// A contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactRow {
    /// Its place among the contacts, by which one goes on behind it.
    pub number: i64,
    /// Its id.
    pub contact: String,
    /// Its tenant.
    pub tenant: String,
    /// When it was met first.
    pub created_at: Stamp,
    /// What is stored of it.
    pub attributes: KvList,
}

impl View {
    /// Opens a store to look at it; nothing in it is changed.
    ///
    /// # Errors
    ///
    /// There is none, or none that could be read here; one in memory never is.
    pub fn open(url: &Url) -> Result<Self, OpenError> {
        let Url::Sqlite(path) = url else { return Err(OpenError::Memory) };
        Ok(Self { reader: Reader::open(path)?, path: path.clone() })
    }

    /// So many sessions behind this place, oldest first.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    pub fn sessions(&self, behind: i64, limit: usize) -> Result<Vec<SessionRow>, ReadError> {
        self.read(|| {
            let query = "SELECT record.id, session, interaction, tenant, queue, contact, start_at,
                end_at, name, generation FROM record JOIN keeping ON record = record.id
                LEFT JOIN instance ON instance.id = owner
                WHERE record.id > ?1 ORDER BY record.id LIMIT ?2";
            let row = |row: &Row<'_>| {
                let end_at: Option<i64> = row.get(7)?;
                Ok(SessionRow {
                    number: row.get(0)?,
                    session: row.get(1)?,
                    interaction: row.get(2)?,
                    tenant: row.get(3)?,
                    queue: row.get(4)?,
                    contact: row.get(5)?,
                    start_at: Stamp::from_unix_seconds(row.get(6)?),
                    end_at: end_at.map(Stamp::from_unix_seconds),
                    owner: row.get(8)?,
                    generation: row.get::<_, i64>(9)?.cast_unsigned(),
                })
            };
            let mut query = self.reader.connection.prepare_cached(query)?;
            let rows = query.query_map((behind, number(limit)), row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// A session with its transcript, by its own id or that of its interaction; `None` if there is
    /// none.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn transcript(&self, id: &str) -> Result<Option<Loaded>, ReadError> {
        self.read(|| {
            let connection = &self.reader.connection;
            let moment = connection.unchecked_transaction()?;
            let session = sqlite::load(&moment, &RecordName::Session(id.into()), true)?;
            match session {
                Some(loaded) => Ok(Some(loaded)),
                None => sqlite::load(&moment, &RecordName::Interaction(id.into()), true),
            }
        })
    }

    /// A session as XML (B5.5), by its own id or that of its interaction; `None` if there is none. Of
    /// one that goes on, and of one that is kept without it, it is made from the events.
    ///
    /// # Errors
    ///
    /// It cannot be read, or what is in it cannot be written as XML.
    pub fn document(&self, id: &str) -> Result<Option<String>, ReadError> {
        let Some(loaded) = self.transcript(id)? else { return Ok(None) };
        if let Some(document) = self.kept_document(&loaded)? {
            return Ok(Some(document));
        }
        let Loaded { session, beginning, events, .. } = &loaded;
        let written = confer_transcript::write(session, beginning.start_at, events);
        let path = self.path.display();
        written.map(Some).map_err(|error| {
            ReadError(format!("{path}: the transcript cannot be written as XML: {error}"))
        })
    }

    fn kept_document(&self, loaded: &Loaded) -> Result<Option<String>, ReadError> {
        self.read(|| sqlite::kept_document(&self.reader.connection, &loaded.session))
    }

    /// An interaction; `None` if there is none of this id.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn interaction(&self, id: &str) -> Result<Option<InteractionRow>, ReadError> {
        self.read(|| {
            let query = "SELECT interaction, tenant, queue, name, submitted_at, stopped_at,
                properties FROM interaction LEFT JOIN instance ON instance.id = submitter
                WHERE interaction = ?1";
            let mut query = self.reader.connection.prepare_cached(query)?;
            let row = query.query_row([id], |row| {
                let stopped_at: Option<i64> = row.get(5)?;
                let properties: Vec<u8> = row.get(6)?;
                let row = InteractionRow {
                    interaction: row.get(0)?,
                    tenant: row.get(1)?,
                    queue: row.get(2)?,
                    submitter: row.get(3)?,
                    submitted_at: Stamp::from_unix_seconds(row.get(4)?),
                    stopped_at: stopped_at.map(Stamp::from_unix_seconds),
                    properties: KvList::new(),
                };
                Ok((row, properties))
            });
            let Some((row, properties)) = row.optional()? else { return Ok(None) };
            Ok(Some(InteractionRow { properties: stored::read_list(&properties)?, ..row }))
        })
    }

    /// So many contacts behind this place, oldest first.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    pub fn contacts(&self, behind: i64, limit: usize) -> Result<Vec<ContactRow>, ReadError> {
        self.read(|| {
            let query = "SELECT id, contact, tenant, created_at, attributes FROM contact
                WHERE id > ?1 ORDER BY id LIMIT ?2";
            let mut query = self.reader.connection.prepare_cached(query)?;
            let mut rows = query.query((behind, number(limit)))?;
            let mut contacts = Vec::new();
            while let Some(row) = rows.next()? {
                contacts.push(ContactRow {
                    number: row.get(0)?,
                    contact: row.get(1)?,
                    tenant: row.get(2)?,
                    created_at: Stamp::from_unix_seconds(row.get(3)?),
                    attributes: stored::read_list(&row.get::<_, Vec<u8>>(4)?)?,
                });
            }
            Ok(contacts)
        })
    }

    /// Looks at everything there is; what is wrong, in words. It takes as long as reading the whole
    /// file does, and holds nobody up.
    ///
    /// # Errors
    ///
    /// It cannot be read at all.
    pub fn check(&self) -> Result<Vec<String>, ReadError> {
        let mut wrong = self.read(|| {
            let mut query = self.reader.connection.prepare("PRAGMA integrity_check(100)")?;
            let rows = query.query_map([], |row| row.get::<_, String>(0))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })?;
        wrong.retain(|what| what != "ok");
        // Of a file whose pages are in disorder, nothing more can be said.
        if !wrong.is_empty() {
            return Ok(wrong);
        }
        let mut behind = 0;
        loop {
            let page = self.sessions(behind, 256)?;
            for row in &page {
                if let Err(error) = self.check_session(&row.session) {
                    wrong.push(format!("session {}: {error}", row.session));
                }
                if let Err(error) = self.interaction(&row.interaction) {
                    wrong.push(format!("interaction {}: {error}", row.interaction));
                }
            }
            match page.last() {
                Some(last) => behind = last.number,
                None => break,
            }
        }
        Ok(wrong)
    }

    fn check_session(&self, session: &str) -> Result<(), ReadError> {
        let Some(loaded) = self.transcript(session)? else { return Ok(()) };
        let Some(document) = self.kept_document(&loaded)? else { return Ok(()) };
        let path = self.path.display();
        match confer_transcript::read(&document) {
            Ok(_) => Ok(()),
            Err(error) => Err(ReadError(format!("{path}: its XML cannot be read: {error}"))),
        }
    }

    fn read<T>(&self, read: impl FnOnce() -> Result<T, Trouble>) -> Result<T, ReadError> {
        read().map_err(|trouble| ReadError::of(&self.path, &trouble))
    }
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("path", &self.path).finish_non_exhaustive()
    }
}

fn number(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
