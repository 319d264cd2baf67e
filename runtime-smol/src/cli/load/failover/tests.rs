#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ffi::OsString;

use super::*;

fn parsed(line: &str) -> Result<Command, String> {
    let args: Vec<_> = line.split_whitespace().map(OsString::from).collect();
    parse(&mut Parser::from_args(args))
}

fn options(line: &str) -> FailoverOptions {
    let command = parsed(line).unwrap();
    let Command::Failover(options) = command else { panic!("{command:?}") };
    *options
}

#[test]
fn the_help_tells_every_option_and_default() {
    for option in OPTIONS {
        assert!(HELP.contains(option), "{option}");
    }
    let plan = options("").plan;
    for (name, value) in [
        ("--rounds N ", plan.rounds.to_string()),
        ("--servers N ", plan.servers.to_string()),
        ("--sessions N ", plan.sessions.to_string()),
        ("--per-agent N ", plan.per_agent.to_string()),
        ("--rate N ", plan.rate.to_string()),
        ("--poll S ", plan.poll.as_secs_f64().to_string()),
        ("--text-length N ", plan.text_length.to_string()),
        ("--seed N ", plan.seed.to_string()),
    ] {
        let line = HELP.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        assert!(line.ends_with(&format!("default {value}")), "{line}");
    }
    assert!(HELP.contains(&format!("default {}\n", plan.patience.as_secs())));
}

#[test]
fn what_is_for_the_servers_is_passed_on() {
    let options =
        options("--set settings/a=1 --store-sync full --set settings/b=2 --dir here -f json");
    let passed = ["--set", "settings/a=1", "--store-sync", "full", "--set", "settings/b=2"];
    assert_eq!(options.plan.options, passed);
    assert_eq!(options.plan.directory, Some("here".into()));
    assert_eq!(options.format, Format::Json);
    assert!(parsed("--servers many").unwrap_err().contains("--servers many"));
    assert!(parsed("--round 3").unwrap_err().contains("--rounds"));
    assert!(parsed("twice").unwrap_err().contains("twice"));
}
