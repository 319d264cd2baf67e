//! `confer load failover`: real processes, killed under load, lose nothing that they acknowledged; and
//! if they did, it would show.

use std::process::Stdio;

use confer_tests::cases;
use serde_json::Value;

use crate::support::{Folder, command};

/// Runs it with these arguments; its exit status and its report.
fn failover(args: &str) -> (Option<i32>, Value) {
    let mut command = command();
    command.args(["load", "failover", "--format", "json"]).args(args.split_whitespace());
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    let report = serde_json::from_slice(&output.stdout);
    (output.status.code(), report.unwrap_or(Value::Null))
}

fn number(report: &Value, pointer: &str) -> u64 {
    let value = report.pointer(pointer).and_then(Value::as_u64);
    value.unwrap_or_else(|| panic!("no {pointer} in {report:#}"))
}

#[test]
fn whoever_is_killed_loses_nothing() {
    // B20.1, B20.2, B20.3, B20.4, B20.8, B3.3, B4.8, B5.3, B22.13
    let (rounds, sessions) = (cases(3, 50), cases(24, 200));
    let args = format!("--rounds {rounds} --sessions {sessions} --rate 200 --patience 120");
    let (status, report) = failover(&args);
    assert_eq!(status, Some(0), "{report:#}");
    assert_eq!(report["errors"], Value::Array(Vec::new()), "{report:#}");
    assert_eq!(number(&report, "/rounds"), rounds);
    for wrong in ["lost", "duplicated", "disordered", "leaked", "unseen", "refused"] {
        assert_eq!(number(&report, &format!("/messages/{wrong}")), 0, "{report:#}");
    }
    let of = |pointer| number(&report, pointer);
    assert_eq!(of("/messages/said"), of("/messages/acknowledged"), "{report:#}");
    assert_eq!(of("/sessions/begun"), of("/sessions/finished"), "{report:#}");
    // Each time a server was in use, or it would not have been killed.
    assert!(of("/sessions/restored") >= rounds, "{report:#}");
    assert_eq!(report["kept"], Value::Null, "nothing is left behind");
}

#[test]
fn whatever_is_lost_shows() {
    // The same with servers that save nothing until the end (`transcript-auto-save`).
    let folder = Folder::new();
    let directory = folder.name("kept");
    let args = format!(
        "--rounds 1 --sessions 8 --rate 100 --patience 10 --dir {directory} \
         --set settings/transcript-auto-save=0"
    );
    let (status, report) = failover(&args);
    assert_eq!(status, Some(1), "{report:#}");
    assert!(number(&report, "/messages/lost") > 0, "{report:#}");
    assert!(number(&report, "/sessions/failed") > 0, "{report:#}");
    let errors = report["errors"].as_array().unwrap();
    assert!(errors.iter().any(|error| error["kind"] == "message lost"), "{report:#}");
    assert_eq!(report["kept"], directory);
}

#[test]
fn a_server_that_does_not_start_is_no_load() {
    let folder = Folder::new();
    let set = "--set settings/no-such-option=1";
    let (status, report) = failover(&format!("{set} --dir {}", folder.name("kept")));
    assert_eq!((status, report), (Some(2), Value::Null));
}
