//! `confer load` against `confer serve`, both as an operator starts them.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

/// A server's process; killed if a test leaves it behind.
struct Served {
    child: Child,
    ready: String,
}

impl Served {
    fn start(args: &[&str]) -> Self {
        let ports = ["default", "webapi", "ESP", "health", "web"];
        let free = ports.map(|port| format!("{port}=127.0.0.1:0"));
        let listen = free.iter().flat_map(|port| ["--listen", port.as_str()]);
        let mut command = confer();
        command.args(["serve", "--store", "memory:", "--log", "error"]).args(listen).args(args);
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        Self { child, ready }
    }

    /// `PORT=ADDRESS` of the ports the load is for.
    fn ports(&self) -> Vec<String> {
        let ports = self
            .ready
            .split_whitespace()
            .filter(|word| word.starts_with("default=") || word.starts_with("webapi="));
        ports.flat_map(|port| ["--server".to_owned(), port.to_owned()]).collect()
    }

    fn load(&self, args: &str) -> Run {
        let pid = self.child.id().to_string();
        let mut command = confer();
        command.arg("load").args(args.split_whitespace()).args(self.ports());
        command.args(["--server-pid", &pid, "--format", "json"]);
        Run::of(&command.output().unwrap())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn confer() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_confer"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).env_remove("CONFER_LOG");
    command
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
    let server = Served::start(&[]);
    let run = server.load("closed --sessions 9 --seconds 1 --warm-up 0.1");
    run.is_good();
    assert_eq!(run.number("/connections"), 18);
    let messages = run.number("/messages");
    let delivered = run.number("/latency_us/delivered/count");
    // What is under way when measuring begins or ends is counted in one of the two only.
    assert!(messages.abs_diff(delivered) <= 9, "{run:#?}");
    let run = server.load("closed --sessions 9 --seconds 1 --customer flex --per-gateway 4");
    run.is_good();
    assert_eq!(run.number("/connections"), 9 + 3);
    let run = server.load("closed --sessions 3 --seconds 1 --rate 50 --text-length 500");
    run.is_good();
    assert!(run.number("/messages") <= 52, "{run:#?}");
}

#[test]
fn the_guides_sessions_come_and_go() {
    let server = Served::start(&[]);
    for how in ["--poll 0.1", "--pushed --dormant 4"] {
        let args = format!("guide --sessions 12 --session-length 1 --warm-up 1 --seconds 2 {how}");
        let run = server.load(&args);
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
    let file = std::env::temp_dir().join(format!("confer-load-{}.token", std::process::id()));
    std::fs::write(&file, "open sesame\n").unwrap();
    let args = format!("closed --sessions 2 --seconds 0.5 --token-file {}", file.display());
    server.load(&args).is_good();
    std::fs::write(&file, "open, barley\n").unwrap();
    let run = server.load(&args);
    assert_eq!(run.status, Some(1));
    assert!(run.kinds().iter().any(|kind| kind.starts_with("error 8307")), "{run:#?}");
    assert!(!format!("{run:?}").contains("barley"), "a token is a secret");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn a_server_that_is_killed_is_an_error_and_no_hang() {
    for args in ["closed --sessions 20", "guide --sessions 20 --session-length 2"] {
        let mut server = Served::start(&[]);
        let mut command = confer();
        command.args(["load", "--seconds", "60", "--format", "json"]);
        command.args(args.split_whitespace()).args(server.ports());
        let load = command.spawn().unwrap();
        std::thread::sleep(Duration::from_secs(1));
        server.child.kill().unwrap();
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
    let server = Served::start(&[]);
    let mut command = confer();
    command.args("load closed --sessions 5 --seconds 600 --warm-up 0 -f json".split(' '));
    let load = command.args(server.ports()).spawn().unwrap();
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
    let refused = |args: &[&str]| Run::of(&confer().arg("load").args(args).output().unwrap());
    let there = format!("default={nowhere}");
    let run = refused(&["closed", "--server", &there, "-f", "json"]);
    assert_eq!(run.status, Some(1));
    assert_eq!(run.kinds(), ["connect: connection refused"]);
    let example = run.report["errors"][0]["example"].as_str().unwrap();
    assert!(example.contains(&format!("port default at {nowhere}")), "{example}");

    // The flex port is not the basic one.
    let server = Served::start(&[]);
    let webapi = server.ports()[3].replace("webapi", "default");
    let run = refused(&["closed", "--server", &webapi, "-f", "json"]);
    assert_eq!(run.status, Some(1));
    assert_eq!(run.kinds(), ["unreadable"], "{run:#?}");
}

#[test]
fn what_cannot_be_is_said_before_it_begins() {
    let fails = |args: &str| Run::of(&confer().arg("load").args(args.split(' ')).output().unwrap());
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
