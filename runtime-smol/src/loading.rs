//! `confer load`: load from the command line, its progress, and its report.

mod failover;

use std::fmt;
use std::fs;
use std::io::{self, IsTerminal as _, Write};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_signal::{Signal, Signals};
use confer_core::pii::Secret;
use confer_runtime_smol::load::{self, Interruption, LoadError, Plan, Progress};
use serde_json::Value;
use smol::stream::StreamExt as _;

pub(crate) use failover::FailoverOptions;

/// How often progress is shown on a terminal, and elsewhere.
const LIVE: Duration = Duration::from_millis(500);
const PLAIN: Duration = Duration::from_secs(5);
/// The longest token a server can have, in bytes.
const MAX_TOKEN: usize = 1024;

/// What is wanted.
#[derive(Debug)]
pub(crate) struct Options {
    /// But for the addresses and the token, which are found when it begins.
    pub(crate) plan: Plan,
    pub(crate) default: String,
    pub(crate) webapi: String,
    pub(crate) web: String,
    pub(crate) token_file: Option<PathBuf>,
    /// Where the report goes as JSON, too.
    pub(crate) report: Option<PathBuf>,
    pub(crate) format: Format,
}

/// How the report is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Why there is no load, or no report of it.
#[derive(Debug)]
pub(crate) enum LoadingError {
    /// An address cannot be found.
    Address {
        written: String,
        error: io::Error,
    },
    /// The token cannot be read.
    Token {
        file: PathBuf,
        error: io::Error,
    },
    Load(LoadError),
    /// The report cannot be written.
    Report {
        file: PathBuf,
        error: io::Error,
    },
    /// Signals cannot be heard, or nobody hears.
    System(io::Error),
}

impl fmt::Display for LoadingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address { written, error } => {
                write!(f, "'{}' is no ADDRESS:PORT: {error}", written.escape_debug())
            }
            Self::Token { file, error } => {
                write!(f, "the token cannot be read from {}: {error}", file.display())
            }
            Self::Load(error) => fmt::Display::fmt(error, f),
            Self::Report { file, error } => {
                write!(f, "the report cannot be written to {}: {error}", file.display())
            }
            Self::System(error) => fmt::Display::fmt(error, f),
        }
    }
}

/// Puts load on a server; whether nothing went wrong.
///
/// # Errors
///
/// There could be no load, or there is no report of it.
pub(crate) fn run(options: &Options) -> Result<bool, LoadingError> {
    let mut plan = options.plan.clone();
    plan.default = address(&options.default)?;
    plan.webapi = address(&options.webapi)?;
    plan.web = address(&options.web)?;
    plan.access_token = options.token_file.as_ref().map(token).transpose()?;
    conduct(options.report.as_ref(), options.format, |interruption, live| {
        let mut show = |progress: &Progress| {
            // Nobody is left to tell about standard error.
            let _ = write(&mut io::stderr().lock(), progress, live);
        };
        let report = load::run(plan, interruption, interval(live), &mut show)?;
        Ok(Outcome { text: report.to_string(), json: report.json(), good: report.is_good() })
    })
}

/// What came of a run.
struct Outcome {
    text: String,
    json: Value,
    /// Whether nothing went wrong.
    good: bool,
}

/// Runs something that can be interrupted, and shows what came of it; whether nothing went wrong.
fn conduct(
    file: Option<&PathBuf>,
    format: Format,
    run: impl FnOnce(&Interruption, bool) -> Result<Outcome, LoadError>,
) -> Result<bool, LoadingError> {
    // A place that cannot be written to is better known before the run than after it.
    let report = file.map(|file| {
        let opened = fs::File::create(file);
        opened.map_err(|error| LoadingError::Report { file: file.clone(), error })
    });
    let report = report.transpose()?;

    let interruption = Arc::new(Interruption::new());
    obey(&interruption).map_err(LoadingError::System)?;
    let live = io::stderr().is_terminal();
    let outcome = run(&interruption, live);
    if live {
        let _ = write!(io::stderr().lock(), "\r\x1b[K");
    }
    let outcome = outcome.map_err(LoadingError::Load)?;
    if let (Some(mut opened), Some(file)) = (report, file) {
        let written = print(&outcome, Format::Json, &mut opened);
        written.map_err(|error| LoadingError::Report { file: file.clone(), error })?;
    }
    match print(&outcome, format, &mut io::stdout().lock()) {
        // A reader who has seen enough closes the pipe, and that is fine.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(LoadingError::System(error)),
        Ok(()) | Err(_) => Ok(outcome.good),
    }
}

const fn interval(live: bool) -> Duration {
    if live { LIVE } else { PLAIN }
}

fn print(outcome: &Outcome, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => write!(out, "{}", outcome.text)?,
        Format::Json => writeln!(out, "{:#}", outcome.json)?,
    }
    out.flush()
}

/// One line about what happens.
fn write(out: &mut dyn Write, progress: &Progress, live: bool) -> io::Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "it is shown without its fractions")]
    let rate = progress.messages as f64 / progress.since.as_secs_f64().max(0.001);
    let seconds = progress.elapsed.as_secs_f64();
    if live {
        write!(out, "\r\x1b[K")?;
    }
    write!(
        out,
        "{seconds:6.1} s  {}: {} connections, {} sessions, {rate:.0} messages/s",
        progress.doing, progress.connections, progress.sessions
    )?;
    if let Some((median, slow)) = progress.delivered {
        let millis = |time| Duration::from_micros(time).as_secs_f64() * 1000.0;
        write!(out, ", p50 {:.2} p99 {:.2} ms", millis(median), millis(slow))?;
    }
    write!(out, ", {} errors", progress.errors)?;
    if !live {
        writeln!(out)?;
    }
    out.flush()
}

/// Hears signals, on a thread of its own.
fn obey(interruption: &Arc<Interruption>) -> io::Result<()> {
    let mut signals = Signals::new([Signal::Term, Signal::Int])?;
    let interruption = Arc::clone(interruption);
    std::thread::Builder::new().name("signals".into()).spawn(move || {
        smol::block_on(async {
            while let Some(Ok(_)) = signals.next().await {
                interruption.interrupt();
            }
        });
    })?;
    Ok(())
}

fn address(written: &str) -> Result<SocketAddr, LoadingError> {
    let failed = |error| LoadingError::Address { written: written.to_owned(), error };
    let mut found = written.to_socket_addrs().map_err(failed)?;
    found.next().ok_or_else(|| failed(io::ErrorKind::NotFound.into()))
}

/// The first line of a file.
fn token(file: &PathBuf) -> Result<Secret, LoadingError> {
    let failed = |error| LoadingError::Token { file: file.clone(), error };
    let text = fs::read_to_string(file).map_err(failed)?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() || line.len() > MAX_TOKEN {
        let what = format!("its first line has {} bytes, not 1 to {MAX_TOKEN}", line.len());
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, what)));
    }
    Ok(Secret::new(line))
}
