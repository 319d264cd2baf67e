//! `confer replay`: a recorded server once more.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use confer_core::server::Server;
use confer_core::time::{Instant, Stamp};
use confer_journal::{Difference, Record, Replay, Start, Tail};
use confer_runtime_smol::serve::PROGRAM;
use serde_json::json;

use crate::decode::Format;
use crate::decode::json::plain;
use crate::journal::{Source, Trouble, hex, is_call, show, torn, value};

/// Bytes of a journal after which there is a word of how far it is.
const PROGRESS: u64 = 64 << 20;

/// What to run, and what to say of it.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) file: PathBuf,
    pub(crate) format: Format,
    pub(crate) show: Show,
    /// The last input to run.
    pub(crate) until: Option<u64>,
}

/// What is shown while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    Nothing,
    /// Inputs and actions, texts as asterisks.
    Hidden,
    /// Inputs and actions, as they are.
    Text,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The actions are those that were recorded.
    Equal,
    /// They are others.
    Different,
    /// The journal cannot be read to its end, or there was nothing to compare.
    Unreadable,
}

/// What a run came to.
struct Run {
    start: Start,
    replay: Replay<Server>,
    /// The time of the last input.
    last: Instant,
    /// The first difference.
    difference: Option<Difference>,
    /// What stopped it before the end.
    trouble: Option<Trouble>,
    /// None: it was stopped on purpose.
    tail: Option<Tail>,
}

/// Runs a journal.
///
/// # Errors
///
/// The summary cannot be written. What is wrong with the journal is told on `complaints`.
pub(crate) fn run(
    options: &Options,
    out: &mut dyn Write,
    complaints: &mut dyn Write,
) -> io::Result<Outcome> {
    let (mut source, start) = match begin(options) {
        Ok(begun) => begun,
        Err(words) => {
            let _ = writeln!(complaints, "confer: {}: {words}", options.file.display());
            return Ok(Outcome::Unreadable);
        }
    };
    if start.program != PROGRAM {
        let recorder = start.program.escape_debug();
        let _ = writeln!(
            complaints,
            "confer: recorded by {recorder}; this is {PROGRAM}, which may act otherwise"
        );
    }
    let run = go(options, &mut source, start, out, complaints)?;
    let outcome = run.outcome(options);
    match options.format {
        Format::Text => run.write_text(options, outcome, out)?,
        Format::Json => run.write_json(options, outcome, out)?,
    }
    out.flush()?;
    Ok(outcome)
}

/// Opens the journal, and says why it cannot be run if so.
fn begin(options: &Options) -> Result<(Source, Start), String> {
    let mut source = Source::open(&options.file).map_err(|trouble| trouble.to_string())?;
    // A reader gives out nothing else first.
    let Some(Record::Start(start)) = source.next().map_err(|trouble| trouble.to_string())? else {
        return Err(torn(source.tail()).unwrap_or_else(|| "it is empty".to_owned()));
    };
    if !start.has_text || start.seed.is_none() {
        return Err(
            "it was recorded without texts (--journal-no-text), so it cannot be run again; \
                    'confer journal' shows what is in it"
                .to_owned(),
        );
    }
    if start.masker != Start::NO_MASK {
        let masker = start.masker.escape_debug();
        return Err(format!("it was recorded with the masking {masker}, which this program lacks"));
    }
    Ok((source, start))
}

fn go(
    options: &Options,
    source: &mut Source,
    start: Start,
    out: &mut dyn Write,
    complaints: &mut dyn Write,
) -> io::Result<Run> {
    let seed = start.seed.map(|seed| *seed.reveal()).unwrap_or_default();
    let config = Arc::clone(&start.config);
    let machine = Server::new(config, seed, start.wall, start.now);
    let machine = machine.with_identity(start.identity.clone());
    let mut run = Run {
        last: start.now,
        start,
        replay: Replay::new(machine),
        difference: None,
        trouble: None,
        tail: None,
    };
    let show_text = options.show == Show::Text;
    let mut said = 0;
    loop {
        let record = match source.next() {
            Ok(Some(record)) => record,
            Ok(None) => {
                run.tail = Some(source.tail());
                return Ok(run);
            }
            Err(trouble) => {
                run.trouble = Some(trouble);
                return Ok(run);
            }
        };
        if is_call(&record) && options.until.is_some_and(|until| run.replay.calls() >= until) {
            return Ok(run);
        }
        if let Record::Handle { now, .. } | Record::Timeout { now, .. } = &record {
            run.last = *now;
        }
        let number = run.replay.calls() + u64::from(is_call(&record));
        let mut written = Ok(());
        if options.show != Show::Nothing {
            show(out, options.format, number, &record, show_text)?;
        }
        let result = run.replay.apply(record, |action| {
            if options.show != Show::Nothing && written.is_ok() {
                written = value(action, show_text).and_then(|action| match options.format {
                    Format::Text => writeln!(out, "  {}", plain(&action.to_string())),
                    Format::Json => {
                        let line = json!({ "input": number, "action": action });
                        writeln!(out, "{}", plain(&line.to_string()))
                    }
                });
            }
        });
        written?;
        if let Err(difference) = result {
            run.difference = Some(difference);
            return Ok(run);
        }
        let steps = source.position() / PROGRESS;
        if steps > said {
            said = steps;
            let percent = source.position().saturating_mul(100) / source.size().max(1);
            let calls = run.replay.calls();
            let _ = writeln!(complaints, "confer: {percent} %, {calls} inputs, equal so far");
        }
    }
}

impl Run {
    fn outcome(&self, options: &Options) -> Outcome {
        let nothing = self.replay.verified() == 0 && self.replay.calls() > 0;
        if self.difference.is_some() {
            Outcome::Different
        } else if self.trouble.is_some() || nothing && options.until.is_none() {
            Outcome::Unreadable
        } else {
            Outcome::Equal
        }
    }

    fn began(&self) -> Stamp {
        self.start.wall.stamp(self.start.now)
    }

    fn millis(&self) -> u64 {
        self.last.as_millis().saturating_sub(self.start.now.as_millis())
    }

    /// What the run comes to, in words.
    fn verdict(&self, outcome: Outcome) -> String {
        let (calls, verified) = (self.replay.calls(), self.replay.verified());
        let mut words = match (&self.difference, &self.trouble) {
            (Some(difference), _) => format!("different: {difference}"),
            (None, Some(trouble)) => format!("equal up to input {verified}, then {trouble}"),
            (None, None) if outcome == Outcome::Unreadable => {
                "nothing to compare: it ends before the first digest".to_owned()
            }
            (None, None) if verified == calls => "equal: the actions that were recorded".to_owned(),
            (None, None) => format!(
                "equal up to input {verified}; those behind it were run, and no digest of them was \
                 recorded"
            ),
        };
        if self.difference.is_some() && self.start.program != PROGRAM {
            words.push_str("; it was recorded by another program, which may be why");
        }
        if let Some(end) = self.tail.and_then(torn) {
            words.push_str("; ");
            words.push_str(&end);
        }
        words
    }

    fn write_text(
        &self,
        options: &Options,
        outcome: Outcome,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let at = self.replay.checkpoint();
        let millis = self.millis();
        writeln!(out, "journal  {}", options.file.display())?;
        writeln!(out, "program  {}", self.start.program.escape_debug())?;
        writeln!(out, "began    {}", self.began())?;
        writeln!(out, "span     {}.{:03} s", millis / 1000, millis % 1000)?;
        writeln!(out, "inputs   {}", at.calls)?;
        writeln!(out, "actions  {}", at.actions)?;
        if let Some(digest) = at.digest {
            writeln!(out, "digest   {}", hex(&digest))?;
        }
        writeln!(out, "{}", self.verdict(outcome))
    }

    fn write_json(
        &self,
        options: &Options,
        outcome: Outcome,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let at = self.replay.checkpoint();
        let result = match outcome {
            Outcome::Equal => "equal",
            Outcome::Different => "different",
            Outcome::Unreadable => "unreadable",
        };
        let end = match (self.tail, &self.trouble) {
            (_, Some(_)) => "damaged",
            (Some(Tail::Whole), None) => "whole",
            (Some(Tail::Open), None) => "open",
            (Some(Tail::Torn { .. }), None) => "torn",
            (None, None) => "not reached",
        };
        let summary = json!({
            "journal": options.file.display().to_string(),
            "program": self.start.program,
            "began": self.began().to_string(),
            "milliseconds": self.millis(),
            "inputs": at.calls,
            "verified": self.replay.verified(),
            "actions": at.actions,
            "digest": at.digest.map(|digest| hex(&digest)),
            "end": end,
            "result": result,
            "verdict": self.verdict(outcome),
        });
        writeln!(out, "{}", plain(&summary.to_string()))
    }
}
