//! A store in a file of SQLite's, which several servers on one machine may share.

mod contacts;
mod documents;
mod files;
mod heads;
mod instances;
mod interactions;
mod log;
mod reading;
mod records;
mod schema;
mod shelf;
mod trouble;
mod worker;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use confer_core::ask::{Outcome, RecordName, Request};
use confer_core::door::External;
use confer_core::id::SessionId;
use confer_core::text::Str;
use confer_core::time::Stamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tracing::warn;

use crate::documents::{Ask, Done, Refusal};
use crate::error::OpenError;
use crate::store::{Options, Sync};
use crate::stored;

use files::{Identity, Life, Turn};
use heads::Heads;
use instances::Watch;
use schema::{Found, STEPS};

pub(crate) use documents::forget as forget_document;
pub(crate) use files::{Turns, beside, directory_for_owner, file_name, open_for_owner};
pub(crate) use instances::STOPPED;
pub(crate) use reading::Reader;
pub(crate) use records::{forget, kept_document, load};
pub(crate) use shelf::Shelf;
pub(crate) use trouble::Trouble;
pub(crate) use worker::{refuse, run};

/// How long somebody who opens a store waits for a lock.
const OPENING: Duration = Duration::from_secs(5);
/// How long SQLite waits for a lock of somebody who does not take turns.
const BUSY: Duration = Duration::from_secs(2);
/// Statements that are kept prepared: more than there are.
const STATEMENTS: usize = 64;
/// Memory for pages, in KiB.
const CACHE: i64 = 16_384;
/// The size at which the log of what was written is cut back, in bytes.
const LOG: i64 = 64 << 20;
/// The size up to which a file is checked whole when it is opened, in bytes; the check of a larger
/// one would keep the server from starting.
const CHECKED: u64 = 16 << 20;
/// How long a document may take to come in, in seconds.
const UPLOAD_LIFE: i64 = 86_400;

/// The answer to a request, inside the transaction.
pub(crate) enum Answer {
    Done(Outcome),
    /// To be read once the transaction is committed.
    Read(Reading),
}

/// What is to be read.
#[derive(Debug)]
pub(crate) enum Reading {
    Load {
        name: RecordName,
        events: bool,
    },
    /// The ownership was taken; the former owner.
    Own {
        session: SessionId,
        former: Option<Str>,
    },
}

/// A transaction that is open.
struct Work<'a> {
    connection: &'a Connection,
    heads: &'a mut Heads,
    /// The number of this server.
    me: i64,
    now: Stamp,
}

impl Work<'_> {
    fn perform(&mut self, request: &Request) -> Result<Answer, Trouble> {
        match request {
            Request::Record(record) => self.record(record),
            Request::Contact(contact) => self.contact(contact),
            Request::Interaction(interaction) => self.interaction(interaction),
            Request::Document(document) => self.document(document),
            Request::Instance(instance) => self.instance(instance),
        }
    }
}

/// The connection that writes, and what belongs to it.
pub(crate) struct Database {
    connection: Connection,
    path: PathBuf,
    identity: Identity,
    turns: Turns,
    heads: Heads,
    watch: Watch,
    me: i64,
    app_dbid: u16,
    /// Where others have left the database, for who looks whether they changed it.
    version: i64,
    _life: Life,
}

impl Database {
    /// Opens the file, makes it if there is none, and enters this server into it.
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        files::make_directory(path)?;
        let file = open_for_owner(path)
            .map_err(|error| OpenError::File { path: path.to_owned(), error })?;
        let size = file.metadata().map_err(OpenError::System)?.len();
        drop(file);
        if files::is_open_to_others(path) {
            warn!(path = %path.display(), "others than the owner may read this file, which has \
                what customers write");
        }
        let turns = Turns::open(path)?;
        let Some(life) = Life::begin(path, &options.instance)? else {
            return Err(OpenError::Instance { name: options.instance.clone() });
        };
        let Some(turn) = turns.take_within(OPENING).map_err(OpenError::System)? else {
            return Err(OpenError::Locked { path: path.to_owned() });
        };
        let opened = prepare(path, size, options);
        let connection = opened.map_err(|trouble| trouble.opening(path))??;
        let entered = enter(&connection, options);
        let (me, app_dbid) = entered.map_err(|trouble| trouble.opening(path))??;
        drop(turn);
        let identity =
            Identity::of(path).map_err(|error| OpenError::File { path: path.to_owned(), error })?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            identity,
            turns,
            heads: Heads::default(),
            watch: Watch::default(),
            me,
            app_dbid,
            version: 0,
            _life: life,
        })
    }

    /// The number of this server (B20.12).
    pub(crate) const fn app_dbid(&self) -> u16 {
        self.app_dbid
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Has its commits tell of what is in the log.
    fn watch_log(&mut self) -> Result<log::Told, OpenError> {
        log::watch(&mut self.connection).map_err(|trouble| trouble.opening(&self.path))
    }

    /// The end of that.
    fn unwatch_log(&mut self) {
        log::unwatch(&mut self.connection);
    }

    /// Does something in one transaction, which others wait for in turn.
    fn transact<T>(
        &mut self,
        carry_out: impl FnOnce(&mut Work<'_>) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let _turn: Turn<'_> = self.turns.take()?;
        if !self.identity.is_there() {
            return Err(Trouble::Gone);
        }
        transact(&self.connection, &mut self.heads, self.me, carry_out)
    }

    /// Carries requests out together: all of them or none.
    pub(crate) fn perform(&mut self, jobs: &[Step<'_>]) -> Result<Vec<Stepped>, Trouble> {
        self.transact(|work| {
            let step = |job: &Step<'_>| match job {
                Step::Ask(request) => work.perform(request).map(Stepped::Answer),
                Step::Document(ask) => work.documents(ask).map(Stepped::Document),
            };
            jobs.iter().map(step).collect()
        })
    }

    /// Whether somebody else has changed the file since this was asked last.
    pub(crate) fn has_changed(&mut self) -> Result<bool, Trouble> {
        let mut query = self.connection.prepare_cached("PRAGMA data_version")?;
        let version = query.query_row([], |row| row.get(0))?;
        Ok(std::mem::replace(&mut self.version, version) != version)
    }

    /// What others have told this server.
    pub(crate) fn messages(&mut self) -> Result<Vec<External>, Trouble> {
        if !instances::has_messages(&self.connection, self.me)? {
            return Ok(Vec::new());
        }
        self.transact(|work| instances::take_messages(work.connection, work.me))
    }

    /// Says that this server lives; what the machine is to hear of the others.
    pub(crate) fn beat(&mut self) -> Result<Vec<External>, Trouble> {
        let mut watch = std::mem::take(&mut self.watch);
        let now = (std::time::Instant::now(), millis());
        let told = self.transact(|work| {
            documents::forget_unfinished(work.connection, now.1 / 1000 - UPLOAD_LIFE)?;
            watch.look(work.connection, work.me, now)
        });
        self.watch = watch;
        told
    }

    /// Writes an end that was kept beside the database (B20.6).
    pub(crate) fn close_spooled(&mut self, end: &stored::End) -> Result<Outcome, Trouble> {
        self.transact(|work| work.close_spooled(end))
    }

    /// Says that this server goes of its own will.
    pub(crate) fn leave(&mut self) -> Result<(), Trouble> {
        self.transact(|work| instances::leave(work.connection, work.me))
    }
}

/// Does something in one transaction, all of it or nothing. It is this process's turn.
fn transact<T>(
    connection: &Connection,
    heads: &mut Heads,
    me: i64,
    carry_out: impl FnOnce(&mut Work<'_>) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let now = Stamp::from_unix_seconds(millis() / 1000);
    let mut work = Work { connection, heads: &mut *heads, me, now };
    let done = work.heads.begin(connection).and_then(|()| carry_out(&mut work));
    let done = done.and_then(|done| {
        work.heads.settle_all(connection)?;
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(done)
    });
    if done.is_err() {
        heads.forget();
        if !connection.is_autocommit() {
            // SQLite has done so itself after some errors; nothing can be done about another.
            let _ = connection.execute_batch("ROLLBACK");
        }
    }
    done
}

/// Something to be done in a transaction.
pub(crate) enum Step<'a> {
    Ask(&'a Request),
    Document(&'a Ask),
}

/// What came of it.
pub(crate) enum Stepped {
    Answer(Answer),
    Document(Result<Done, Refusal>),
}

/// Opens the file and brings its schema up to date.
fn prepare(
    path: &Path,
    size: u64,
    options: &Options,
) -> Result<Result<Connection, OpenError>, Trouble> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare_statements(&connection)?;
    let version = match schema::found(&connection, STEPS.len())? {
        Found::Empty => 0,
        Found::Version(version) => version,
        Found::Foreign => return Ok(Err(OpenError::Foreign { path: path.to_owned() })),
        Found::Newer(found) => {
            let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
            return Ok(Err(OpenError::Newer { path: path.to_owned(), found, known }));
        }
    };
    if size > 0 && size <= CHECKED {
        let check = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
        let what: String = check?;
        if what != "ok" {
            return Ok(Err(OpenError::Corrupt { path: path.to_owned(), what }));
        }
    }
    // Answers with the mode that is in force then.
    let _: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    let sync = match options.sync {
        Sync::Normal => "NORMAL",
        Sync::Full => "FULL",
    };
    connection.pragma_update(None, "synchronous", sync)?;
    connection.pragma_update(None, "cache_size", -CACHE)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // What was deleted is not to be read in the file.
    let _: i64 = connection.query_row("PRAGMA secure_delete = FAST", [], |row| row.get(0))?;
    let _: i64 =
        connection
            .query_row(&format!("PRAGMA journal_size_limit = {LOG}"), [], |row| row.get(0))?;
    if let Some(limit) = options.max_size {
        let page: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let limit = (limit / u64::from(page.max(1))).max(1);
        let query = format!("PRAGMA max_page_count = {limit}");
        let _: i64 = connection.query_row(&query, [], |row| row.get(0))?;
    }
    if version < STEPS.len() {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        schema::migrate(&connection, version, STEPS)?;
        connection.execute_batch("COMMIT")?;
    }
    Ok(Ok(connection))
}

/// Has statements prepared once. Left alone, SQLite plans those with a key to look for anew whenever
/// another key is bound, which takes ten times as long as carrying them out.
fn prepare_statements(connection: &Connection) -> Result<(), Trouble> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Enters this server into the table of those that live.
fn enter(
    connection: &Connection,
    options: &Options,
) -> Result<Result<(i64, u16), OpenError>, Trouble> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let entered = instances::enter(connection, &options.instance, options.app_dbid, millis())?;
    connection.execute_batch(if entered.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    Ok(entered)
}

/// What the calendar says, in milliseconds since 1970.
fn millis() -> i64 {
    // A calendar before 1970 is no calendar.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
