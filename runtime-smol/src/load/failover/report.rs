//! What came of a run.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::Plan;
use super::people::{Counts, People};
use crate::load::report::{Latency, round};

/// What came of a run. Its `Display` is for people, [`json`](Self::json) for programs; the fields of
/// that are in `docs/load.md`.
#[derive(Clone, Debug)]
pub struct Report {
    plan: Plan,
    rounds: u32,
    elapsed: Duration,
    early: bool,
    counts: Counts,
    begun: u64,
    finished: u64,
    failed: u64,
    customers: Latency,
    agents: Latency,
    /// Kind, number, and where for the first time.
    errors: Vec<(String, u64, String)>,
    /// Where store and logs are, if they are kept.
    kept: Option<PathBuf>,
}

impl Report {
    pub(super) fn new(
        plan: &Plan,
        rounds: u32,
        people: &People,
        elapsed: Duration,
        early: bool,
    ) -> Self {
        let tally = &people.tally;
        let errors = tally.troubles().iter();
        Self {
            plan: plan.clone(),
            rounds,
            elapsed,
            early,
            counts: people.counts,
            begun: tally.begun,
            finished: tally.finished,
            failed: tally.failed,
            customers: Latency::of(&people.customers_away),
            agents: Latency::of(&people.agents_away),
            errors: errors
                .map(|(kind, troubled)| {
                    (kind.to_string(), troubled.count, troubled.example.clone())
                })
                .collect(),
            kept: None,
        }
    }

    /// The same, with the place where everything is kept.
    pub(super) fn kept(self, directory: PathBuf) -> Self {
        Self { kept: Some(directory), ..self }
    }

    /// Whether nothing went wrong.
    pub fn is_good(&self) -> bool {
        self.errors.is_empty() && self.counts.wrongs.are_none()
    }

    /// The report for programs.
    pub fn json(&self) -> Value {
        let Self { plan, counts, .. } = self;
        let wrongs = counts.wrongs;
        let errors = self.errors.iter().map(
            |(kind, count, example)| json!({ "kind": kind, "count": count, "example": example }),
        );
        json!({
            "scenario": "failover",
            "plan": {
                "rounds": plan.rounds,
                "servers": plan.servers,
                "sessions": plan.sessions,
                "per_agent": plan.per_agent,
                "rate": plan.rate,
                "poll_seconds": plan.poll.as_secs_f64(),
                "text_length": plan.text_length,
                "seed": plan.seed,
            },
            "elapsed_seconds": round(self.elapsed.as_secs_f64(), 3),
            "stopped_early": self.early,
            "rounds": self.rounds,
            "sessions": {
                "begun": self.begun,
                "finished": self.finished,
                "failed": self.failed,
                "left": self.begun - self.finished - self.failed,
                "restored": counts.restored,
            },
            "messages": {
                "said": counts.said,
                "acknowledged": counts.acknowledged,
                "refused": counts.refused,
                "lost": wrongs.lost,
                "duplicated": wrongs.duplicated,
                "disordered": wrongs.disordered,
                "leaked": wrongs.leaked,
                "unseen": wrongs.unseen,
            },
            "pause_us": { "customers": self.customers.json(), "agents": self.agents.json() },
            "errors": errors.collect::<Vec<_>>(),
            "kept": self.kept.as_ref().map(|kept| kept.display().to_string()),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan, counts, begun, finished, failed, .. } = self;
        let wrongs = counts.wrongs;
        let early = if self.early { ", ended early" } else { "" };
        writeln!(
            f,
            "{} deaths of {} servers under {} sessions, in {:.1} s{early}",
            self.rounds,
            plan.servers,
            plan.sessions,
            self.elapsed.as_secs_f64()
        )?;
        let left = begun - finished - failed;
        writeln!(
            f,
            "sessions   {begun} begun, {finished} finished, {failed} failed, {left} left; \
             {} times restored",
            counts.restored
        )?;
        writeln!(
            f,
            "messages   {} said, {} acknowledged, {} refused",
            counts.said, counts.acknowledged, counts.refused
        )?;
        writeln!(
            f,
            "stored     {} lost, {} duplicated, {} disordered; {} seen by whom they must not be, \
             {} unseen",
            wrongs.lost, wrongs.duplicated, wrongs.disordered, wrongs.leaked, wrongs.unseen
        )?;
        for (name, pause) in [("customers", &self.customers), ("agents", &self.agents)] {
            pause.row(f, name)?;
        }
        if let Some(kept) = &self.kept {
            writeln!(f, "kept       store and logs, in {}", kept.display())?;
        }
        if self.errors.is_empty() {
            return writeln!(f, "errors     none");
        }
        for (kind, count, example) in &self.errors {
            writeln!(f, "error      {count} x {kind}; first: {example}")?;
        }
        Ok(())
    }
}
