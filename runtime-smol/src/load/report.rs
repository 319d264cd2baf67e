//! What came of a run.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::plan::{Customers, Plan, Scenario};
use super::tally::Tally;

/// Shares of a histogram that are reported, and their names.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)];

/// What came of a run. Its `Display` is for people, [`json`](Self::json) for programs; the fields
/// of that are in `docs/load.md`.
#[derive(Clone, Debug)]
pub struct Report {
    plan: Plan,
    /// From begin to end, and the part of it that was measured.
    elapsed: Duration,
    measured: Duration,
    early: bool,
    messages: u64,
    answered: Latency,
    delivered: Latency,
    fetched: Latency,
    polled: Latency,
    begun: u64,
    finished: u64,
    failed: u64,
    dormant: u64,
    server: Option<Duration>,
    own: Option<Duration>,
    /// Kind, number, and where for the first time.
    errors: Vec<(String, u64, String)>,
}

/// How long something took, in microseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    count: u64,
    mean: f64,
    max: u64,
    quantiles: [u64; QUANTILES.len()],
}

impl Latency {
    pub(super) fn of(histogram: &Histogram<u64>) -> Self {
        Self {
            count: histogram.len(),
            mean: histogram.mean(),
            max: histogram.max(),
            quantiles: QUANTILES.map(|(_, share)| histogram.value_at_quantile(share)),
        }
    }

    pub(super) fn json(&self) -> Value {
        if self.count == 0 {
            return Value::Null;
        }
        let mut value = json!({ "count": self.count, "mean": round(self.mean, 1) });
        for ((name, _), time) in QUANTILES.iter().zip(self.quantiles) {
            value[name] = time.into();
        }
        value["max"] = self.max.into();
        value
    }

    /// A line for people; none, if nothing was measured.
    pub(super) fn row(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        if self.count == 0 {
            return Ok(());
        }
        write!(f, "{name:<10}")?;
        for ((quantile, _), time) in QUANTILES.iter().zip(self.quantiles) {
            write!(f, " {quantile} {}", Millis(time))?;
        }
        writeln!(f, " max {} ms, of {}", Millis(self.max), self.count)
    }
}

impl Report {
    pub(super) fn new(
        plan: &Plan,
        tally: &Tally,
        measured: Duration,
        elapsed: Duration,
        spent: Option<(Option<Duration>, Duration)>,
        early: bool,
    ) -> Self {
        let errors = tally.troubles().iter();
        Self {
            plan: plan.clone(),
            elapsed,
            measured,
            early,
            messages: tally.messages,
            answered: Latency::of(&tally.answered),
            delivered: Latency::of(&tally.delivered),
            fetched: Latency::of(&tally.fetched),
            polled: Latency::of(&tally.polled),
            begun: tally.begun,
            finished: tally.finished,
            failed: tally.failed,
            dormant: tally.dormant,
            server: spent.and_then(|(server, _)| server),
            own: spent.map(|(_, own)| own),
            errors: errors
                .map(|(kind, troubled)| {
                    (kind.to_string(), troubled.count, troubled.example.clone())
                })
                .collect(),
        }
    }

    /// Whether nothing went wrong.
    pub const fn is_good(&self) -> bool {
        self.errors.is_empty()
    }

    /// The report for programs.
    pub fn json(&self) -> Value {
        let Self { plan, .. } = self;
        let (scenario, rate, poll, dormant) = match plan.scenario {
            Scenario::Closed { rate } => ("closed", rate, None, 0),
            Scenario::Guide { poll, dormant, .. } => ("guide", None, poll, dormant),
        };
        let errors = self.errors.iter().map(
            |(kind, count, example)| json!({ "kind": kind, "count": count, "example": example }),
        );
        json!({
            "scenario": scenario,
            "customers": customers(plan.customers),
            "plan": {
                "sessions": plan.sessions,
                "dormant_ratio": dormant,
                "rate": rate,
                "poll_seconds": poll.map(|poll| poll.as_secs_f64()),
                "per_agent": plan.per_agent,
                "per_gateway": plan.per_gateway,
                "text_length": plan.text_length,
                "seed": plan.seed,
            },
            "connections": plan.connections(),
            "elapsed_seconds": round(self.elapsed.as_secs_f64(), 3),
            "measured_seconds": round(self.measured.as_secs_f64(), 3),
            "stopped_early": self.early,
            "sessions": {
                "begun": self.begun,
                "finished": self.finished,
                "failed": self.failed,
                "left": self.begun - self.finished - self.failed,
                "dormant": self.dormant,
            },
            "messages": self.messages,
            "messages_per_second": self.rate().map(|rate| round(rate, 1)),
            "latency_us": {
                "delivered": self.delivered.json(),
                "fetched": self.fetched.json(),
                "polled": self.polled.json(),
                "answered": self.answered.json(),
            },
            "cpu": {
                "server_seconds": self.server.map(|spent| round(spent.as_secs_f64(), 3)),
                "server_share": self.share(self.server),
                "server_us_per_message": self.each(self.server),
                "own_seconds": self.own.map(|spent| round(spent.as_secs_f64(), 3)),
                "own_share": self.share(self.own),
                "own_us_per_message": self.each(self.own),
            },
            "errors": errors.collect::<Vec<_>>(),
        })
    }

    fn rate(&self) -> Option<f64> {
        let seconds = self.measured.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "it is rounded anyway")]
        (seconds > 0.0).then(|| self.messages as f64 / seconds)
    }

    /// CPU time as a share of the time that was measured: 1 is one core.
    fn share(&self, spent: Option<Duration>) -> Option<f64> {
        let seconds = self.measured.as_secs_f64();
        spent.filter(|_| seconds > 0.0).map(|spent| round(spent.as_secs_f64() / seconds, 3))
    }

    /// CPU time for each message, in microseconds.
    fn each(&self, spent: Option<Duration>) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "it is rounded anyway")]
        let messages = self.messages as f64;
        spent
            .filter(|_| self.messages > 0)
            .map(|spent| round(spent.as_secs_f64() * 1e6 / messages, 2))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan, begun, finished, failed, .. } = self;
        let scenario = match plan.scenario {
            Scenario::Closed { .. } => "closed",
            Scenario::Guide { poll: Some(_), .. } => "guide, polling",
            Scenario::Guide { poll: None, .. } => "guide, pushed",
        };
        writeln!(
            f,
            "{} sessions ({scenario}; customers: {}) over {} connections",
            plan.sessions,
            customers(plan.customers),
            plan.connections()
        )?;
        let early = if self.early { ", ended early" } else { "" };
        writeln!(
            f,
            "measured   {:.1} s of {:.1} s{early}",
            self.measured.as_secs_f64(),
            self.elapsed.as_secs_f64()
        )?;
        let left = begun - finished - failed;
        write!(f, "sessions   {begun} begun, {finished} finished, {failed} failed, {left} left")?;
        if self.dormant > 0 {
            write!(f, "; {} dormant", self.dormant)?;
        }
        writeln!(f)?;
        writeln!(f, "messages   {}, {:.1} a second", self.messages, self.rate().unwrap_or(0.0))?;
        let rows = [
            ("delivered", &self.delivered),
            ("fetched", &self.fetched),
            ("polled", &self.polled),
            ("answered", &self.answered),
        ];
        for (name, latency) in rows {
            latency.row(f, name)?;
        }
        for (name, spent) in [("server", self.server), ("this side", self.own)] {
            if let (Some(share), Some(each)) = (self.share(spent), self.each(spent)) {
                let percent = share * 100.0;
                writeln!(f, "CPU        {name}: {percent:.1} % of a core, {each:.2} us a message")?;
            }
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

/// Microseconds, written as milliseconds.
struct Millis(u64);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

const fn customers(customers: Customers) -> &'static str {
    match customers {
        Customers::Flex => "flex",
        Customers::Basic => "basic",
        Customers::Web => "web",
        Customers::Relayed => "relay",
    }
}

pub(super) fn round(number: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (number * scale).round() / scale
}
