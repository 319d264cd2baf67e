//! `confer load`, as it is written.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use confer_core::id::PortId;
use confer_runtime_smol::load::{Customers, GUIDE_LENGTH, Plan, Scenario};
use confer_runtime_smol::serve::LISTEN;
use lexopt::Parser;

use crate::loading::{self, FailoverOptions, Format, LoadingError, Options};

use super::args::{Given, choose, next, stray, unknown, value};
use super::{Command, Known, TROUBLE};

mod failover;

pub(super) const LOAD: Known = Known {
    name: "load",
    help: include_str!("load.txt"),
    options: &[
        "--sessions",
        "--seconds",
        "--warm-up",
        "--customer",
        "--rate",
        "--relay",
        "--poll",
        "--pushed",
        "--dormant",
        "--session-length",
        "--per-agent",
        "--per-gateway",
        "--server",
        "--token-file",
        "--text-length",
        "--patience",
        "--seed",
        "--server-pid",
        "--service",
        "--report",
        "--format",
        "--help",
        "-f",
        "-h",
    ],
    parse,
};

/// Sessions unless somebody says otherwise.
const SESSIONS: u32 = 100;
const TEXT_LENGTH: u32 = 60;
const SERVICE: &str = "customer-support";
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a customer of the guide polls.
const POLL: Duration = Duration::from_secs(3);
/// The longest time an option may name, in seconds.
const MAX_SECONDS: f64 = 86_400.0;

pub(super) fn run(options: &Options) -> ExitCode {
    ended(loading::run(options))
}

/// Kills servers under load.
pub(super) fn run_failover(options: &FailoverOptions) -> ExitCode {
    ended(options.run())
}

fn ended(outcome: Result<bool, LoadingError>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = io::stderr().write_fmt(format_args!("confer: {error}\n"));
            match error {
                LoadingError::Report { .. } | LoadingError::System(_) => ExitCode::FAILURE,
                LoadingError::Address { .. }
                | LoadingError::Token { .. }
                | LoadingError::Load(_) => ExitCode::from(TROUBLE),
            }
        }
    }
}

/// What was given of the options that belong to one scenario only.
#[derive(Default)]
struct Special {
    rate: Option<u32>,
    customer: Option<Customers>,
    relay: bool,
    poll: Option<Duration>,
    pushed: bool,
    dormant: Option<u32>,
    length: Option<Duration>,
    warm_up: Option<Duration>,
    seconds: Option<Duration>,
    per_agent: Option<u32>,
    per_gateway: Option<u32>,
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let (mut options, mut special) = (defaults(), Special::default());
    let (mut scenario, mut first) = (None, true);
    while let Some(given) = next(args)? {
        let first = core::mem::take(&mut first);
        let option = match given {
            Given::Option(option) => option,
            Given::Value(word) if scenario.is_some() => return Err(stray(&word)),
            Given::Value(word) => {
                let word = word.to_string_lossy();
                match &*word {
                    "closed" | "guide" => scenario = Some(word == "guide"),
                    "failover" if first => return failover::parse(args),
                    "failover" => return Err("'failover' stands before its options".to_owned()),
                    word => {
                        return Err(unknown("scenario", word, &["closed", "guide", "failover"]));
                    }
                }
                continue;
            }
        };
        match &*option {
            "-h" | "--help" => return Ok(Command::Help(LOAD.help)),
            "--rate" => special.rate = Some(number(args, &option)?),
            "--customer" => {
                let kinds = [
                    ("flex", Customers::Flex),
                    ("basic", Customers::Basic),
                    ("web", Customers::Web),
                ];
                special.customer = Some(choose(args, &option, &kinds)?);
            }
            "--relay" => {
                special.relay = true;
                options.default = value(args)?;
            }
            "--poll" => special.poll = Some(seconds(args, &option)?),
            "--pushed" => special.pushed = true,
            "--dormant" => special.dormant = Some(number(args, &option)?),
            "--session-length" => special.length = Some(seconds(args, &option)?),
            "--warm-up" => special.warm_up = Some(seconds(args, &option)?),
            "--seconds" => special.seconds = Some(seconds(args, &option)?),
            "--per-agent" => special.per_agent = Some(number(args, &option)?),
            "--per-gateway" => special.per_gateway = Some(number(args, &option)?),
            option => shared(&mut options, args, option)?,
        }
    }
    match scenario {
        None => return Err("which scenario, closed, guide or failover?".to_owned()),
        Some(false) => closed(&mut options.plan, &special)?,
        Some(true) => guide(&mut options.plan, &special)?,
    }
    Ok(Command::Load(Box::new(options)))
}

/// An option that both scenarios have, and that means the same in both.
fn shared(options: &mut Options, args: &mut Parser, option: &str) -> Result<(), String> {
    let plan = &mut options.plan;
    match option {
        "--sessions" => plan.sessions = number(args, option)?,
        "--server" => {
            let written = value(args)?;
            match written.split_once('=') {
                Some(("default", address)) => options.default = address.to_owned(),
                Some(("webapi", address)) => options.webapi = address.to_owned(),
                Some(("web", address)) => options.web = address.to_owned(),
                Some((port, _)) => {
                    return Err(unknown("port", port, &["default", "webapi", "web"]));
                }
                None => {
                    let written = written.escape_debug();
                    return Err(format!("'--server {written}' is no PORT=ADDRESS:PORT"));
                }
            }
        }
        "--service" => plan.service = value(args)?,
        "--token-file" => options.token_file = Some(value(args)?.into()),
        "--text-length" => plan.text_length = number(args, option)?,
        "--patience" => plan.patience = seconds(args, option)?,
        "--seed" => plan.seed = number(args, option)?,
        "--server-pid" => plan.server_pid = Some(number(args, option)?),
        "--report" => match value(args)? {
            file if file == "-" => options.format = Format::Json,
            file => options.report = Some(file.into()),
        },
        "-f" | "--format" => {
            options.format =
                choose(args, option, &[("text", Format::Text), ("json", Format::Json)])?;
        }
        option => return Err(unknown("option", option, LOAD.options)),
    }
    Ok(())
}

fn closed(plan: &mut Plan, special: &Special) -> Result<(), String> {
    let foreign = [
        (special.poll.is_some(), "--poll"),
        (special.pushed, "--pushed"),
        (special.dormant.is_some(), "--dormant"),
        (special.length.is_some(), "--session-length"),
    ];
    belongs(&foreign, "guide")?;
    if special.relay && special.customer.is_some() {
        return Err("a relay knows no protocol: --customer and --relay exclude each other".into());
    }
    plan.scenario = Scenario::Closed { rate: special.rate };
    plan.customers = match special.customer {
        _ if special.relay => Customers::Relayed,
        customer => customer.unwrap_or(Customers::Basic),
    };
    settle(plan, special, Duration::from_secs(1), Duration::from_secs(10));
    Ok(())
}

fn guide(plan: &mut Plan, special: &Special) -> Result<(), String> {
    let foreign = [(special.rate.is_some(), "--rate"), (special.relay, "--relay")];
    belongs(&foreign, "closed")?;
    if special.pushed && special.poll.is_some() {
        return Err("who is pushed to does not poll: --poll and --pushed exclude each other".into());
    }
    let length = special.length.unwrap_or(GUIDE_LENGTH);
    let poll = (!special.pushed).then(|| special.poll.unwrap_or(POLL));
    let dormant = special.dormant.unwrap_or(0);
    plan.scenario = Scenario::Guide { length, poll, dormant };
    plan.customers = special.customer.unwrap_or(Customers::Flex);
    settle(plan, special, length, length * 2);
    Ok(())
}

fn belongs(options: &[(bool, &str)], scenario: &str) -> Result<(), String> {
    match options.iter().find(|(given, _)| *given) {
        Some((_, option)) => Err(format!("option '{option}' belongs to 'confer load {scenario}'")),
        None => Ok(()),
    }
}

fn settle(plan: &mut Plan, special: &Special, warm_up: Duration, seconds: Duration) {
    let (per_agent, per_gateway) = Plan::sharing(plan.scenario);
    plan.per_agent = special.per_agent.unwrap_or(per_agent);
    plan.per_gateway = special.per_gateway.unwrap_or(per_gateway);
    plan.warm_up = special.warm_up.unwrap_or(warm_up);
    plan.measure = special.seconds.unwrap_or(seconds);
}

fn defaults() -> Options {
    let address = |port| LISTEN.iter().find(|(known, _)| *known == port).map(|(_, at)| *at);
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let default = address(PortId::Default).unwrap_or(nowhere);
    let webapi = address(PortId::Webapi).unwrap_or(nowhere);
    let web = address(PortId::Web).unwrap_or(nowhere);
    let plan = Plan {
        scenario: Scenario::Closed { rate: None },
        customers: Customers::Basic,
        sessions: SESSIONS,
        default,
        webapi,
        web,
        service: SERVICE.to_owned(),
        access_token: None,
        per_agent: 1,
        per_gateway: 1,
        text_length: TEXT_LENGTH,
        warm_up: Duration::ZERO,
        measure: Duration::ZERO,
        patience: PATIENCE,
        seed: 0,
        server_pid: None,
    };
    Options {
        plan,
        default: default.to_string(),
        webapi: webapi.to_string(),
        web: web.to_string(),
        token_file: None,
        report: None,
        format: Format::Text,
    }
}

fn number<T: std::str::FromStr>(args: &mut Parser, option: &str) -> Result<T, String> {
    let written = value(args)?;
    written.parse().map_err(|_| {
        let written = written.escape_debug();
        format!("'{option} {written}' is no number, or one that is too large")
    })
}

/// A time in seconds, with fractions down to a millisecond.
fn seconds(args: &mut Parser, option: &str) -> Result<Duration, String> {
    let written = value(args)?;
    match written.parse::<f64>() {
        Ok(seconds) if (0.0..=MAX_SECONDS).contains(&seconds) => {
            Ok(Duration::from_secs_f64((seconds * 1000.0).round() / 1000.0))
        }
        Ok(_) | Err(_) => {
            let written = written.escape_debug();
            Err(format!("'{option} {written}' is no number of seconds, 0 to {MAX_SECONDS}"))
        }
    }
}

#[cfg(test)]
mod tests;
