//! `confer load failover`, as it is written.

use std::path::PathBuf;
use std::time::Duration;

use confer_runtime_smol::load::failover::Plan;
use lexopt::Parser;

use crate::cli::Command;
use crate::cli::args::{Given, choose, next, stray, unknown, value};
use crate::loading::{FailoverOptions, Format};

use super::{TEXT_LENGTH, number, seconds};

const HELP: &str = include_str!("failover.txt");
const OPTIONS: &[&str] = &[
    "--rounds",
    "--servers",
    "--sessions",
    "--per-agent",
    "--rate",
    "--poll",
    "--text-length",
    "--patience",
    "--seed",
    "--set",
    "--store-sync",
    "--dir",
    "--report",
    "--format",
    "--help",
    "-f",
    "-h",
];

/// What stands behind `confer load failover`.
pub(super) fn parse(args: &mut Parser) -> Result<Command, String> {
    let mut options = defaults();
    while let Some(given) = next(args)? {
        let option = match given {
            Given::Option(option) => option,
            Given::Value(word) => return Err(stray(&word)),
        };
        let plan = &mut options.plan;
        match &*option {
            "-h" | "--help" => return Ok(Command::Help(HELP)),
            "--rounds" => plan.rounds = number(args, &option)?,
            "--servers" => plan.servers = number(args, &option)?,
            "--sessions" => plan.sessions = number(args, &option)?,
            "--per-agent" => plan.per_agent = number(args, &option)?,
            "--rate" => plan.rate = number(args, &option)?,
            "--poll" => plan.poll = seconds(args, &option)?,
            "--text-length" => plan.text_length = number(args, &option)?,
            "--patience" => plan.patience = seconds(args, &option)?,
            "--seed" => plan.seed = number(args, &option)?,
            "--set" | "--store-sync" => {
                let value = value(args)?;
                plan.options.extend([option, value]);
            }
            "--dir" => plan.directory = Some(value(args)?.into()),
            "--report" => match value(args)? {
                file if file == "-" => options.format = Format::Json,
                file => options.report = Some(file.into()),
            },
            "-f" | "--format" => {
                options.format =
                    choose(args, &option, &[("text", Format::Text), ("json", Format::Json)])?;
            }
            option => return Err(unknown("option", option, OPTIONS)),
        }
    }
    Ok(Command::Failover(Box::new(options)))
}

fn defaults() -> FailoverOptions {
    let plan = Plan {
        rounds: 10,
        servers: 2,
        sessions: 50,
        per_agent: 2,
        rate: 500,
        poll: Duration::from_millis(250),
        text_length: TEXT_LENGTH,
        patience: Duration::from_secs(30),
        seed: 0,
        program: PathBuf::new(),
        options: Vec::new(),
        directory: None,
    };
    FailoverOptions { plan, report: None, format: Format::Text }
}

#[cfg(test)]
mod tests;
