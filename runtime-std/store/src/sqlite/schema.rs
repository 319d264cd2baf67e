//! The tables, and how old ones become new ones.
//!
//! What decides about the form of `save`: a key of (session, event) would write a page of 4 KiB for
//! each event, since no two sessions share one. Events are appended at the end instead, whoever's
//! they are, and each row knows the one before it of the same record: a save is one row more and
//! one small row changed at most, however long the transcript is, and reading follows the rows by
//! their ids.

use rusqlite::Connection;

use super::trouble::Trouble;

/// Marks a file as ours: "Cnfr".
pub(crate) const APPLICATION: i64 = 0x436e_6672;

/// What makes each version of the schema of the one before. Never changed once released.
pub(crate) const STEPS: &[&str] = &[
    "
CREATE TABLE record (
    id INTEGER PRIMARY KEY,
    session TEXT NOT NULL UNIQUE,
    interaction TEXT NOT NULL,
    contact TEXT,
    tenant TEXT NOT NULL,
    queue TEXT NOT NULL,
    subject TEXT,
    user_data BLOB NOT NULL,
    start_at INTEGER NOT NULL,
    transcript TEXT
) STRICT;
CREATE INDEX record_interaction ON record (interaction);
CREATE INDEX record_contact ON record (contact) WHERE contact IS NOT NULL;

-- What changes with every save, in small rows of its own.
CREATE TABLE keeping (
    record INTEGER PRIMARY KEY,
    owner INTEGER,
    generation INTEGER NOT NULL,
    reserved_to INTEGER NOT NULL,
    orphan_at INTEGER NOT NULL,
    end_at INTEGER,
    newest INTEGER
) STRICT;
CREATE INDEX keeping_owner ON keeping (owner) WHERE end_at IS NULL;
CREATE INDEX keeping_end ON keeping (end_at) WHERE end_at IS NOT NULL;

-- Events; previous is the row before it of the same record.
CREATE TABLE save (
    id INTEGER PRIMARY KEY,
    record INTEGER NOT NULL,
    previous INTEGER,
    events BLOB NOT NULL
) STRICT;

CREATE TABLE leaf (
    record INTEGER NOT NULL,
    kind TEXT NOT NULL,
    place INTEGER NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (record, kind, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE contact (
    id INTEGER PRIMARY KEY,
    contact TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    email TEXT,
    phone TEXT,
    first_name TEXT,
    last_name TEXT,
    attributes BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX contact_email ON contact (tenant, email) WHERE email IS NOT NULL;
CREATE INDEX contact_phone ON contact (tenant, phone) WHERE phone IS NOT NULL;
CREATE INDEX contact_phone_name ON contact (tenant, phone, first_name, last_name)
    WHERE phone IS NOT NULL AND first_name IS NOT NULL AND last_name IS NOT NULL;
CREATE INDEX contact_name ON contact (tenant, first_name, last_name)
    WHERE first_name IS NOT NULL AND last_name IS NOT NULL;

CREATE TABLE interaction (
    id INTEGER PRIMARY KEY,
    interaction TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    queue TEXT NOT NULL,
    submitter INTEGER NOT NULL,
    properties BLOB NOT NULL,
    submitted_at INTEGER NOT NULL,
    stopped_at INTEGER
) STRICT;
CREATE INDEX interaction_stopped ON interaction (stopped_at) WHERE stopped_at IS NOT NULL;

CREATE TABLE document (
    id INTEGER PRIMARY KEY,
    document TEXT NOT NULL UNIQUE,
    session TEXT NOT NULL,
    permit TEXT,
    size INTEGER NOT NULL,
    begun_at INTEGER NOT NULL,
    complete INTEGER NOT NULL
) STRICT;
CREATE INDEX document_session ON document (session);
CREATE INDEX document_begun ON document (begun_at) WHERE complete = 0;

-- Pieces of documents: the id is the document's, times 65536, and the number of the piece.
CREATE TABLE piece (
    id INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE instance (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    app_dbid INTEGER NOT NULL UNIQUE,
    live INTEGER NOT NULL,
    beat INTEGER NOT NULL,
    beat_at INTEGER NOT NULL
) STRICT;

CREATE TABLE message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    instance INTEGER NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL,
    generation INTEGER NOT NULL,
    sent_at INTEGER NOT NULL
) STRICT;
CREATE INDEX message_instance ON message (instance, id);
",
    "
ALTER TABLE document ADD COLUMN content_type TEXT NOT NULL DEFAULT '';
-- Whoever is at a document that is not complete: another upload of the same one is not.
ALTER TABLE document ADD COLUMN upload INTEGER NOT NULL DEFAULT 0;
",
];

/// What a file's schema is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// An empty file.
    Empty,
    /// One of ours of this version, oldest first from 1.
    Version(usize),
    /// One of ours of a version that is not known here.
    Newer(i64),
    /// Somebody else's.
    Foreign,
}

/// What this file's schema is.
pub(crate) fn found(connection: &Connection, known: usize) -> Result<Found, Trouble> {
    let one = |query| connection.query_row(query, [], |row| row.get::<_, i64>(0));
    let version = one("PRAGMA user_version")?;
    let application = one("PRAGMA application_id")?;
    if application == APPLICATION {
        return Ok(match usize::try_from(version) {
            Ok(version) if version <= known => Found::Version(version),
            Ok(_) | Err(_) => Found::Newer(version),
        });
    }
    let empty = one("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)")? == 1;
    Ok(if empty && application == 0 { Found::Empty } else { Found::Foreign })
}

/// Brings a file from `version` to the newest of these steps, inside the transaction that is open.
pub(crate) fn migrate(
    connection: &Connection,
    version: usize,
    steps: &[&str],
) -> Result<(), Trouble> {
    for step in steps.iter().skip(version) {
        connection.execute_batch(step)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION)?;
    let newest = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    connection.pragma_update(None, "user_version", newest)?;
    Ok(())
}
