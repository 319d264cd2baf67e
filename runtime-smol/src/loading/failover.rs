//! `confer load failover`: servers that are killed, how far it is, and what came of it.

use std::io::{self, Write};
use std::path::PathBuf;

use confer_runtime_smol::load::failover::{self, Plan, Progress};

use super::{Format, LoadingError, Outcome, conduct, interval};

/// What is wanted.
#[derive(Debug)]
pub(crate) struct FailoverOptions {
    /// But for the program, which is found when it begins.
    pub(crate) plan: Plan,
    /// Where the report goes as JSON, too.
    pub(crate) report: Option<PathBuf>,
    pub(crate) format: Format,
}

impl FailoverOptions {
    /// Kills servers under load; whether nothing was lost, nor went wrong otherwise.
    ///
    /// # Errors
    ///
    /// The servers do not run, or there is no report of it.
    pub(crate) fn run(&self) -> Result<bool, LoadingError> {
        let mut plan = self.plan.clone();
        plan.program = std::env::current_exe().map_err(LoadingError::System)?;
        conduct(self.report.as_ref(), self.format, |interruption, live| {
            let rounds = plan.rounds;
            let mut show = |progress: &Progress| {
                // Nobody is left to tell about standard error.
                let _ = write(&mut io::stderr().lock(), progress, rounds, live);
            };
            let report = failover::run(plan, interruption, interval(live), &mut show)?;
            Ok(Outcome { text: report.to_string(), json: report.json(), good: report.is_good() })
        })
    }
}

/// One line about what happens.
fn write(out: &mut dyn Write, progress: &Progress, rounds: u32, live: bool) -> io::Result<()> {
    if live {
        write!(out, "\r\x1b[K")?;
    }
    write!(
        out,
        "{:6.1} s  death {} of {rounds}, {}: {} connections, {} sessions, {} times restored, {} \
         messages acknowledged, {} lost, {} errors",
        progress.elapsed.as_secs_f64(),
        progress.rounds,
        progress.doing,
        progress.connections,
        progress.sessions,
        progress.restored,
        progress.acknowledged,
        progress.lost,
        progress.errors
    )?;
    if !live {
        writeln!(out)?;
    }
    out.flush()
}
