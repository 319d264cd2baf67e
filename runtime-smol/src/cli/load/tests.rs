#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ffi::OsString;

use super::*;

fn parsed(line: &str) -> Result<Command, String> {
    let args: Vec<_> = line.split_whitespace().map(OsString::from).collect();
    parse(&mut Parser::from_args(args))
}

fn options(line: &str) -> Options {
    let command = parsed(line).unwrap();
    let Command::Load(options) = command else { panic!("{command:?}") };
    *options
}

fn refusal(line: &str) -> String {
    parsed(line).unwrap_err()
}

#[test]
fn the_help_tells_the_defaults() {
    let closed = options("closed");
    assert_eq!(closed.plan.scenario, Scenario::Closed { rate: None });
    assert_eq!(closed.plan.customers, Customers::Basic);
    assert_eq!((closed.plan.warm_up.as_secs(), closed.plan.measure.as_secs()), (1, 10));
    assert_eq!((closed.plan.per_agent, closed.plan.per_gateway), (1, 1));
    assert_eq!((&*closed.default, &*closed.webapi), ("127.0.0.1:4480", "127.0.0.1:4481"));
    let guide = options("guide");
    let scenario = Scenario::Guide { length: GUIDE_LENGTH, poll: Some(POLL), dormant: 0 };
    assert_eq!(guide.plan.scenario, scenario);
    assert_eq!(guide.plan.customers, Customers::Flex);
    assert_eq!((guide.plan.warm_up.as_secs(), guide.plan.measure.as_secs()), (35, 70));
    assert_eq!((guide.plan.per_agent, guide.plan.per_gateway), (10, 250));
    for told in [
        "default 100",
        "closed 10, guide twice",
        "closed 1, guide the session",
        "default: closed 1, guide 10",
        "default: closed 1, guide 250",
        "default 60",
        "error; default 10",
        "default 0",
        "polls; default 3",
        "default 35",
    ] {
        assert!(LOAD.help.contains(told), "{told}");
    }
    assert_eq!((closed.plan.sessions, closed.plan.text_length, closed.plan.seed), (100, 60, 0));
    assert_eq!(closed.plan.patience.as_secs(), 10);
}

#[test]
fn every_option_is_taken() {
    let options = options(
        "guide --sessions 7 --seconds 1.5 --warm-up 0 --pushed --dormant 50 --session-length 2 \
         --per-agent 3 --per-gateway 4 --server default=h:1 --server webapi=h:2 --token-file t \
         --text-length 16 --patience 5 --seed 9 --server-pid 11 --report r.json -f json",
    );
    let plan = options.plan;
    let length = Duration::from_secs(2);
    assert_eq!(plan.scenario, Scenario::Guide { length, poll: None, dormant: 50 });
    assert_eq!((plan.sessions, plan.per_agent, plan.per_gateway), (7, 3, 4));
    assert_eq!((plan.warm_up, plan.measure), (Duration::ZERO, Duration::from_millis(1500)));
    assert_eq!((plan.text_length, plan.seed, plan.server_pid), (16, 9, Some(11)));
    assert_eq!(plan.patience, Duration::from_secs(5));
    assert_eq!((&*options.default, &*options.webapi), ("h:1", "h:2"));
    assert_eq!(options.token_file.unwrap().to_str(), Some("t"));
    assert_eq!(options.report.unwrap().to_str(), Some("r.json"));
    assert_eq!(options.format, Format::Json);

    let closed = self::options("closed --rate 9 --customer flex --report -");
    assert_eq!(closed.plan.scenario, Scenario::Closed { rate: Some(9) });
    assert_eq!((closed.plan.customers, closed.format), (Customers::Flex, Format::Json));
    assert!(closed.report.is_none(), "standard output is no file");
    let relay = self::options("closed --relay h:3");
    assert_eq!((relay.plan.customers, &*relay.default), (Customers::Relayed, "h:3"));
    let polling = self::options("guide --poll 0.5").plan.scenario;
    let poll = Some(Duration::from_millis(500));
    assert_eq!(polling, Scenario::Guide { length: GUIDE_LENGTH, poll, dormant: 0 });
}

#[test]
fn what_makes_no_sense_is_refused_with_what_would() {
    for (line, told) in [
        ("", "closed, guide or failover"),
        ("--sessions 7 failover", "before its options"),
        ("failover --pushed", "unknown option"),
        ("clsoed", "nearest is 'closed'"),
        ("closed guide", "what is 'guide' to mean?"),
        ("closed --session 7", "nearest is '--sessions'"),
        ("closed --sessions many", "'--sessions many' is no number"),
        ("closed --sessions 99999999999", "too large"),
        ("closed --seconds -1", "0 to 86400"),
        ("closed --seconds inf", "0 to 86400"),
        ("closed --server 127.0.0.1:1", "no PORT=ADDRESS:PORT"),
        ("closed --server webap=h:1", "nearest is 'webapi'"),
        ("closed --poll 3", "belongs to 'confer load guide'"),
        ("closed --pushed", "belongs to 'confer load guide'"),
        ("closed --dormant 3", "belongs to 'confer load guide'"),
        ("guide --rate 3", "belongs to 'confer load closed'"),
        ("guide --relay h:1", "belongs to 'confer load closed'"),
        ("guide --poll 3 --pushed", "exclude each other"),
        ("closed --relay h:1 --customer flex", "exclude each other"),
        ("closed --customer esp", "one of flex, basic, web"),
    ] {
        let refusal = refusal(line);
        assert!(refusal.contains(told), "{line}: {refusal}");
    }
}
