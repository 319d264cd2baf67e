//! `confer journal`: what is in a journal. And how a journal's file is read, for whoever does.

use core::fmt;
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use confer_journal::{Damage, Hide, Reader, Record, Tail};
use serde::Serialize;
use serde_json::json;

use crate::decode::Format;
use crate::decode::json::plain;

/// Bytes read at a time.
const READ: usize = 256 * 1024;

/// What to show.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) file: PathBuf,
    pub(crate) format: Format,
    /// Whether people may see what people wrote.
    pub(crate) show_text: bool,
}

/// Whether there was something to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All of it is shown.
    Shown,
    /// It could not be read to its end.
    Unreadable,
}

/// Why a journal cannot be read.
#[derive(Debug)]
pub(crate) enum Trouble {
    Open(PathBuf, io::Error),
    Read(io::Error),
    Damage(Damage),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(file, error) => write!(f, "cannot open {file:?}: {error}"),
            Self::Read(error) => write!(f, "cannot read: {error}"),
            Self::Damage(damage) => fmt::Display::fmt(damage, f),
        }
    }
}

/// A journal's file.
pub(crate) struct Source {
    file: File,
    size: u64,
    reader: Reader,
    buffer: Box<[u8]>,
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self, Trouble> {
        let open = |error| Trouble::Open(path.to_owned(), error);
        let file = File::open(path).map_err(open)?;
        let size = file.metadata().map_err(open)?.len();
        let buffer = vec![0; READ].into_boxed_slice();
        Ok(Self { file, size, reader: Reader::new(), buffer })
    }

    /// The next record; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, Trouble> {
        loop {
            if let Some(record) = self.reader.poll().map_err(Trouble::Damage)? {
                return Ok(Some(record));
            }
            let count = match self.file.read(&mut self.buffer) {
                Ok(0) => return Ok(None),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Trouble::Read(error)),
            };
            self.reader.push(&self.buffer[..count]);
        }
    }

    pub(crate) fn tail(&self) -> Tail {
        self.reader.tail()
    }

    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn position(&self) -> u64 {
        self.reader.position()
    }
}

/// What is to be said of an end that is not as it should be.
pub(crate) fn torn(tail: Tail) -> Option<String> {
    match tail {
        Tail::Whole => None,
        Tail::Open => Some(
            "the journal has no end: the server was killed, could not write it any more, or runs"
                .to_owned(),
        ),
        Tail::Torn { position, bytes } => Some(format!(
            "the journal is torn at byte {position}, where {bytes} bytes are left of a record: \
             the server was killed, could not write it any more, or runs"
        )),
    }
}

/// Shows a journal.
///
/// # Errors
///
/// It cannot be written where it is to be shown. What cannot be read is told on `complaints`.
pub(crate) fn run(
    options: &Options,
    out: &mut dyn Write,
    complaints: &mut dyn Write,
) -> io::Result<Outcome> {
    let mut unread = |out: &mut dyn Write, trouble: &Trouble| {
        out.flush()?;
        let file = options.file.display();
        let _ = writeln!(complaints, "confer: {file}: {trouble}");
        Ok(Outcome::Unreadable)
    };
    let mut source = match Source::open(&options.file) {
        Ok(source) => source,
        Err(trouble) => return unread(out, &trouble),
    };
    let mut number = 0;
    loop {
        match source.next() {
            Ok(Some(record)) => {
                number += u64::from(is_call(&record));
                show(out, options.format, number, &record, options.show_text)?;
            }
            Ok(None) => break,
            Err(trouble) => return unread(out, &trouble),
        }
    }
    out.flush()?;
    // Nothing of a first record is no journal yet.
    let tail = source.tail();
    if let Some(words) = torn(tail) {
        let _ = writeln!(complaints, "confer: {}: {words}", options.file.display());
    }
    Ok(if number == 0 && tail != Tail::Whole && tail != Tail::Open {
        Outcome::Unreadable
    } else {
        Outcome::Shown
    })
}

/// Whether something was done to the machine.
pub(crate) const fn is_call(record: &Record) -> bool {
    matches!(record, Record::Handle { .. } | Record::Timeout { .. })
}

/// Writes a record as one line.
pub(crate) fn show(
    out: &mut dyn Write,
    format: Format,
    number: u64,
    record: &Record,
    show_text: bool,
) -> io::Result<()> {
    // Whoever sees the seed knows every key to come; nobody has to look at it.
    let seedless = match record {
        Record::Start(start) => {
            let mut start = start.clone();
            start.seed = None;
            Some(Record::Start(start))
        }
        Record::Handle { .. } | Record::Timeout { .. } | Record::Checkpoint(_) | Record::End(_) => {
            None
        }
    };
    let record = seedless.as_ref().unwrap_or(record);
    if format == Format::Json {
        let record = value(record, show_text)?;
        return writeln!(
            out,
            "{}",
            plain(&json!({ "input": number, "record": record }).to_string())
        );
    }
    let digest = |digest: Option<[u8; 32]>| digest.map_or_else(|| "none".to_owned(), |d| hex(&d));
    match record {
        Record::Start(start) => {
            let began = start.wall.stamp(start.now);
            let text = if start.has_text { "with texts" } else { "without texts" };
            writeln!(out, "start {} {began}, {text}, masks: {}", start.program, start.masker)?;
            let config = value(&start.config, show_text)?;
            writeln!(out, "configuration {}", plain(&config.to_string()))
        }
        Record::Handle { now, input } => {
            let input = plain(&value(input, show_text)?.to_string());
            writeln!(out, "{number} {} ms {input}", now.as_millis())
        }
        Record::Timeout { now, budget } => {
            writeln!(out, "{number} {} ms timers, {budget} at most", now.as_millis())
        }
        Record::Checkpoint(at) => {
            writeln!(out, "checkpoint {} actions, {}", at.actions, digest(at.digest))
        }
        Record::End(at) => writeln!(out, "end {} actions, {}", at.actions, digest(at.digest)),
    }
}

/// A value as JSON, as it may be shown.
pub(crate) fn value<T: Serialize>(value: &T, show_text: bool) -> io::Result<serde_json::Value> {
    let value =
        if show_text { serde_json::to_value(value) } else { serde_json::to_value(Hide(value)) };
    value.map_err(io::Error::other)
}

/// Bytes as lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
