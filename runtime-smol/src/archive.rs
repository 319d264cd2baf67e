//! What people ask of a store: transcripts, sessions, interactions, contacts.
//!
//! Everything is read page by page, while servers run. What customers wrote is shown by those
//! commands that are for it, and by no other.

mod json;
mod text;

use core::fmt;
use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use confer_core::id::InteractionId;
use confer_core::time::Stamp;
use confer_store::{OpenError, Purged, ReadError, Url, View};

/// Rows read at a time.
const PAGE: usize = 256;

/// Where to look, and how to show it.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) store: Url,
    pub(crate) format: Format,
}

/// How it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs: one object a line.
    Json,
}

impl Default for Options {
    fn default() -> Self {
        Self { store: Url::usual(), format: Format::Text }
    }
}

/// Why nothing, or not all, was shown.
#[derive(Debug)]
pub(crate) enum Failure {
    Open(OpenError),
    Read(ReadError),
    /// There is none of this id.
    Unknown {
        what: &'static str,
        id: String,
    },
    Write(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => fmt::Display::fmt(error, f),
            Self::Read(error) => fmt::Display::fmt(error, f),
            Self::Unknown { what, id } => write!(f, "there is no {what} '{}'", id.escape_debug()),
            Self::Write(error) => write!(f, "cannot write: {error}"),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

/// Shows a session with its transcript, by its own id or that of its interaction.
pub(crate) fn transcript(options: &Options, id: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let loaded = View::open(&options.store)?.transcript(id)?;
    let loaded = loaded.ok_or_else(|| Failure::Unknown { what: "session", id: id.to_owned() })?;
    match options.format {
        Format::Text => text::transcript(out, &loaded)?,
        Format::Json => writeln!(out, "{}", json::transcript(&loaded))?,
    }
    Ok(out.flush()?)
}

/// Shows a session with its transcript as XML (B5.5), by its own id or that of its interaction.
pub(crate) fn document(store: &Url, id: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let document = View::open(store)?.document(id)?;
    let document =
        document.ok_or_else(|| Failure::Unknown { what: "session", id: id.to_owned() })?;
    out.write_all(document.as_bytes())?;
    Ok(out.flush()?)
}

/// Lists sessions, oldest first, without a word of a customer's; those that go on only, if `open`.
pub(crate) fn sessions(options: &Options, open: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let view = View::open(&options.store)?;
    let mut behind = 0;
    loop {
        let page = view.sessions(behind, PAGE)?;
        let Some(last) = page.last() else { return Ok(out.flush()?) };
        behind = last.number;
        for row in page.iter().filter(|row| !open || row.end_at.is_none()) {
            match options.format {
                Format::Text => text::session(out, row)?,
                Format::Json => writeln!(out, "{}", json::session(row))?,
            }
        }
    }
}

/// Shows an interaction with its properties.
pub(crate) fn interaction(options: &Options, id: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let row = View::open(&options.store)?.interaction(id)?;
    let row = row.ok_or_else(|| Failure::Unknown { what: "interaction", id: id.to_owned() })?;
    match options.format {
        Format::Text => text::interaction(out, &row)?,
        Format::Json => writeln!(out, "{}", json::interaction(&row))?,
    }
    Ok(out.flush()?)
}

/// Stops an interaction and shows it: whoever holds its session closes it (B19.4).
pub(crate) fn stop(options: &Options, id: &str, out: &mut dyn Write) -> Result<(), Failure> {
    // A calendar before 1970 is no calendar.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let now = Stamp::from_unix_seconds(i64::try_from(now).unwrap_or(i64::MAX));
    if !confer_store::stop(&options.store, &InteractionId::new(id), now)?? {
        return Err(Failure::Unknown { what: "interaction", id: id.to_owned() });
    }
    interaction(options, id, out)
}

/// Lists contacts, oldest first.
pub(crate) fn contacts(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let view = View::open(&options.store)?;
    let mut behind = 0;
    loop {
        let page = view.contacts(behind, PAGE)?;
        let Some(last) = page.last() else { return Ok(out.flush()?) };
        behind = last.number;
        for row in &page {
            match options.format {
                Format::Text => text::contact(out, row)?,
                Format::Json => writeln!(out, "{}", json::contact(row))?,
            }
        }
    }
}

/// Shows every session with its transcript, oldest first; those that are closed only, unless `open`.
pub(crate) fn export(options: &Options, open: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let view = View::open(&options.store)?;
    let (mut behind, mut first) = (0, true);
    loop {
        let page = view.sessions(behind, PAGE)?;
        let Some(last) = page.last() else { return Ok(out.flush()?) };
        behind = last.number;
        for row in page.iter().filter(|row| open || row.end_at.is_some()) {
            // One that was purged meanwhile is no part of it any more.
            let Some(loaded) = view.transcript(&row.session)? else { continue };
            match options.format {
                Format::Text => {
                    if !core::mem::take(&mut first) {
                        writeln!(out)?;
                    }
                    text::transcript(out, &loaded)?;
                }
                Format::Json => writeln!(out, "{}", json::transcript(&loaded))?,
            }
        }
    }
}

/// Looks at the whole store; whether all is well.
pub(crate) fn check(options: &Options, out: &mut dyn Write) -> Result<bool, Failure> {
    let wrong = View::open(&options.store)?.check()?;
    match options.format {
        Format::Text if wrong.is_empty() => writeln!(out, "nothing is wrong with it")?,
        Format::Text => wrong.iter().try_for_each(|what| writeln!(out, "{what}"))?,
        Format::Json => writeln!(out, "{}", json::check(&wrong))?,
    }
    out.flush()?;
    Ok(wrong.is_empty())
}

/// Forgets, or counts, what is older than this.
pub(crate) fn purge(
    options: &Options,
    age: Duration,
    really: bool,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    // A calendar before 1970 is no calendar.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let before = now.saturating_sub(age).as_secs();
    let before = Stamp::from_unix_seconds(i64::try_from(before).unwrap_or(i64::MAX));
    let purged: Purged = confer_store::purge(&options.store, before, really)??;
    match options.format {
        Format::Text => text::purged(out, &purged, before, really)?,
        Format::Json => writeln!(out, "{}", json::purged(&purged, before, really))?,
    }
    Ok(out.flush()?)
}
