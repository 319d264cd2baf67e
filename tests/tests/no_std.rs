//! The server works without std, in an arena of 256 KiB: builds and runs `examples/no-std`.

#![cfg(target_os = "linux")]

use std::process::Command;

/// The arena of the program, in bytes.
const ARENA: usize = 256 * 1024;

/// What is played, in order.
const SCENARIOS: [&str; 7] = [
    "conversation",
    "visibility",
    "workflow",
    "inactivity",
    "leaving",
    "nonsense",
    "twenty sessions",
];

/// The program checks itself what everybody sees, so its status says whether that was right.
#[test]
fn the_server_fits_256_kib_without_std() {
    let Ended { status, stdout, stderr } = run(&[]);
    assert_eq!(status, Some(0), "{stderr}");
    let lines: Vec<&str> = stdout.lines().collect();
    let (all, played) = lines.split_last().expect("it says what it did");
    let mut names = Vec::new();
    let mut peaks = Vec::new();
    for line in played {
        let line = line.strip_prefix("no-std ").and_then(|line| line.strip_suffix(" bytes"));
        let (name, peak) = line.unwrap_or_default().split_once(": peak heap ").expect(&stdout);
        names.push(name);
        peaks.push(peak.parse::<usize>().expect("a number of bytes"));
    }
    assert_eq!(names, SCENARIOS);
    let frames = all.split_whitespace().nth(3).expect(&stdout);
    let (count, peak) = (SCENARIOS.len(), peaks.iter().max().expect(&stdout));
    let told =
        format!("no-std: {count} scenarios, {frames} frames, peak heap {peak} of {ARENA} bytes");
    assert_eq!(*all, told);
    assert!(*peak <= ARENA, "{stdout}");
    // Each of twenty sessions has a login, two joins and ten messages, each answered and told.
    assert!(frames.parse::<u32>().expect("a number of frames") > 20 * 13 * 2, "{all}");
}

#[test]
fn an_exhausted_arena_ends_the_program() {
    let Ended { status, stdout, stderr } = run(&["4096"]);
    // A build that fails has this status, too, but not these words.
    assert_eq!(status, Some(101), "{stderr}");
    assert!(stderr.contains("no-std failed"), "{stderr}");
    assert!(stderr.contains("memory allocation of"), "{stderr}");
    assert_eq!(stdout, "");
}

struct Ended {
    status: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Builds the program and runs it; how the one or the other ended.
fn run(arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--release", "--locked", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/no-std/Cargo.toml"))
        .args(["--target-dir", concat!(env!("CARGO_TARGET_TMPDIR"), "/no-std"), "--"])
        .args(arguments)
        // What is meant for the tests, such as flags for coverage, may need std.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_TARGET")
        .output()
        .expect("cargo runs, for it runs this test");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ended {
        status: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}
