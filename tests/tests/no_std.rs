//! The machine's parts work without std, in an arena of 256 KiB: builds and runs `examples/no-std`.

#![cfg(target_os = "linux")]

use std::process::Command;

/// The arena of the program, in bytes.
const ARENA: usize = 256 * 1024;

/// The program checks every answer itself, so its status says whether they were right.
#[test]
fn an_exchange_fits_256_kib_without_std() {
    let Ended { status, stdout, stderr } = run(&[]);
    assert_eq!(status, Some(0), "{stderr}");
    let words: Vec<&str> = stdout.split_whitespace().collect();
    let ["no-std", "exchange:", frames, "frames,", "peak", "heap", peak, "of", arena, "bytes"] =
        words[..]
    else {
        panic!("another line: {stdout}");
    };
    assert_eq!(arena.parse(), Ok(ARENA));
    assert!(frames.parse::<u32>().unwrap() > 0, "{stdout}");
    assert!((1..=ARENA).contains(&peak.parse().unwrap()), "{stdout}");
}

#[test]
fn an_exhausted_arena_ends_the_program() {
    let Ended { status, stdout, stderr } = run(&["4096"]);
    // A build that fails has this status, too, but not these words.
    assert_eq!(status, Some(101), "{stderr}");
    assert!(stderr.contains("no-std exchange failed"), "{stderr}");
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
