//! `confer load` against `confer serve`, both as an operator starts them.

use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{Folder, Served, command};

/// The program, about to put load on something.
fn load(args: &str) -> Command {
    let mut command = command();
    command.arg("load").args(args.split_whitespace()).stdin(Stdio::null());
    command
}

/// The ports the load is for, as arguments.
fn ports(server: &Served) -> [String; 4] {
    let named = |port: &str| format!("{port}={}", server.port(port));
    ["--server".to_owned(), named("default"), "--server".to_owned(), named("webapi")]
}

/// Puts load on a server.
fn put(server: &Served, args: &str) -> Run {
    let mut command = load(args);
    command.args(ports(server)).args(["--server-pid", &server.id(), "--format", "json"]);
    Run::of(&command.output().unwrap())
}

/// What a run of the load came to.
#[derive(Debug)]
struct Run {
    status: Option<i32>,
    report: Value,
    notes: String,
}

impl Run {
    fn of(output: &Output) -> Self {
        let out = std::str::from_utf8(&output.stdout).unwrap();
        Self {
            status: output.status.code(),
            report: serde_json::from_str(out).unwrap_or(Value::Null),
            notes: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    fn number(&self, pointer: &str) -> u64 {
        let value = self.report.pointer(pointer).and_then(Value::as_u64);
        value.unwrap_or_else(|| panic!("no {pointer} in {self:#?}"))
    }

    fn kinds(&self) -> Vec<&str> {
        let errors = self.report["errors"].as_array().unwrap();
        errors.iter().map(|error| error["kind"].as_str().unwrap()).collect()
    }

    /// Nothing went wrong, and the numbers agree with each other.
    fn is_good(&self) -> &Self {
        assert_eq!(self.status, Some(0), "{self:#?}");
        assert_eq!(self.report["errors"], Value::Array(Vec::new()));
        assert_eq!(self.report["stopped_early"], false);
        assert!(self.number("/messages") > 0, "{self:#?}");
        assert_eq!(self.number("/sessions/failed"), 0);
        assert_eq!(
            self.number("/sessions/begun"),
            self.number("/sessions/finished") + self.number("/sessions/left"),
            "{self:#?}"
        );
        assert!(self.report["cpu"]["server_us_per_message"].as_f64().is_some());
        self
    }
}

#[test]
fn two_speak_in_turn_and_every_message_is_heard() {
    let server = Served::start(&["--log", "error"]);
    let run = put(&server, "closed --sessions 9 --seconds 1 --warm-up 0.1");
    run.is_good();
    assert_eq!(run.number("/connections"), 18);
    let messages = run.number("/messages");
    let delivered = run.number("/latency_us/delivered/count");
    // What is under way when measuring begins or ends is counted in one of the two only.
    assert!(messages.abs_diff(delivered) <= 9, "{run:#?}");
    let run = put(&server, "closed --sessions 9 --seconds 1 --customer flex --per-gateway 4");
    run.is_good();
    assert_eq!(run.number("/connections"), 9 + 3);
    let run = put(&server, "closed --sessions 3 --seconds 1 --rate 50 --text-length 500");
    run.is_good();
    assert!(run.number("/messages") <= 52, "{run:#?}");
}

#[test]
fn the_guides_sessions_come_and_go() {
    let server = Served::start(&["--log", "error"]);
    for how in ["--poll 0.1", "--pushed --dormant 4"] {
        let args = format!("guide --sessions 12 --session-length 1 --warm-up 1 --seconds 2 {how}");
        let run = put(&server, &args);
        run.is_good();
        assert!(run.number("/sessions/finished") > 12, "{run:#?}");
        let dormant = if how.contains("dormant") { 48 } else { 0 };
        assert_eq!(run.number("/sessions/dormant"), dormant);
        assert_eq!(run.report["latency_us"]["fetched"].is_null(), dormant > 0, "{run:#?}");
    }
}

#[test]
fn the_token_is_shown_and_a_wrong_one_is_an_error() {
    let server = Served::start(&["--set", "ports.default/access-token=open sesame"]);
    let folder = Folder::new();
    let file = folder.with("token", "open sesame\n");
    let args = format!("closed --sessions 2 --seconds 0.5 --token-file {file}");
    put(&server, &args).is_good();
    folder.with("token", "open, barley\n");
    let run = put(&server, &args);
    assert_eq!(run.status, Some(1));
    assert!(run.kinds().iter().any(|kind| kind.starts_with("error 8307")), "{run:#?}");
    assert!(!format!("{run:?}").contains("barley"), "a token is a secret");
}

#[test]
fn a_server_that_is_killed_is_an_error_and_no_hang() {
    for args in ["closed --sessions 20", "guide --sessions 20 --session-length 2"] {
        let server = Served::start(&["--log", "error"]);
        let mut command = load(args);
        command.args(["--seconds", "60", "--format", "json"]).args(ports(&server));
        let load = command.spawn().unwrap();
        std::thread::sleep(Duration::from_secs(1));
        server.signal("-KILL");
        let run = Run::of(&load.wait_with_output().unwrap());
        assert_eq!(run.status, Some(1), "{run:#?}");
        assert!(!run.kinds().is_empty(), "{run:#?}");
        assert_eq!(run.report["stopped_early"], true);
        assert!(run.report["elapsed_seconds"].as_f64().unwrap() < 30.0, "{run:#?}");
        let ended = ["closed by the server", "connection broken", "connect:"];
        let known = |kind: &&str| ended.iter().any(|ended| kind.starts_with(ended));
        assert!(run.kinds().iter().all(known), "{run:#?}");
    }
}

#[test]
fn an_interrupted_run_has_its_report() {
    let server = Served::start(&["--log", "error"]);
    let mut command = load("closed --sessions 5 --seconds 600 --warm-up 0 -f json");
    let load = command.args(ports(&server)).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let pid = load.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let run = Run::of(&load.wait_with_output().unwrap());
    assert_eq!(run.status, Some(0), "{run:#?}");
    assert_eq!(run.report["stopped_early"], true);
}

#[test]
fn where_nobody_or_somebody_else_listens_it_says_so() {
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused =
        |port: &str| Run::of(&load("closed -f json").args(["--server", port]).output().unwrap());
    let run = refused(&format!("default={nowhere}"));
    assert_eq!(run.status, Some(1));
    assert_eq!(run.kinds(), ["connect: connection refused"]);
    let example = run.report["errors"][0]["example"].as_str().unwrap();
    assert!(example.contains(&format!("port default at {nowhere}")), "{example}");

    // The flex port is not the basic one.
    let server = Served::start(&["--log", "error"]);
    let webapi = ports(&server)[3].replace("webapi", "default");
    let run = refused(&webapi);
    assert_eq!(run.status, Some(1));
    assert_eq!(run.kinds(), ["unreadable"], "{run:#?}");
}

#[test]
fn what_cannot_be_is_said_before_it_begins() {
    let fails = |args: &str| Run::of(&load(args).output().unwrap());
    for (args, told) in [
        ("closed --sessions 8000000", "ulimit -n"),
        ("closed --sessions 0", "0 sessions"),
        ("guide --sessions 70000 --pushed --per-gateway 1", "a server knows 256 at most"),
        ("closed --per-agent 2000", "2000 sessions of one agent"),
        ("closed --text-length 15", "16 to 65535"),
        ("closed --seconds 0", "cannot be 0"),
        ("closed --server default=nowhere", "no ADDRESS:PORT"),
        ("closed --token-file /nowhere/token", "/nowhere/token"),
        ("closed --server-pid 4294967295", "4294967295"),
        ("closed --wram-up 3", "nearest is '--warm-up'"),
    ] {
        let run = fails(args);
        assert_eq!(run.status, Some(2), "{args}: {run:#?}");
        assert!(run.notes.contains(told), "{args}: {}", run.notes);
    }
    let run = fails("closed --report /nowhere/report.json");
    assert_eq!(run.status, Some(1));
    assert!(run.notes.contains("/nowhere/report.json"), "{}", run.notes);
}
