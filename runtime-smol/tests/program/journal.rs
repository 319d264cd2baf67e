//! `confer serve --journal`, `confer journal` and `confer replay`, as an operator uses them.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{
    self, FREE, Folder, PATIENCE, Run, Served, attribute, command, frame, register, run,
};

/// What is said, which must be nowhere without being asked for.
const WORDS: &str = "Blaubeerkuchen";

/// A server that records.
fn recorded(journal: &Path, further: &[&str]) -> Served {
    recorded_by(command(), journal, further)
}

/// The same, by a command that ends in the program's name.
fn recorded_by(command: Command, journal: &Path, further: &[&str]) -> Served {
    let journal = ["--journal", journal.to_str().unwrap()];
    Served::by(command, "memory:", &[&journal, further].concat())
}

/// Ends it with a signal; its log.
fn ends(server: Served, signal: &str) -> String {
    server.signal(signal);
    server.log()
}

/// An agent who is in a session of their own and says so many things.
fn talks(server: &Served, times: u32) -> TcpStream {
    let mut agent = server.connect("default");
    agent.write_all(&register()).unwrap();
    answer(&mut agent, 1);
    agent.write_all(&frame(3, 2, &[])).unwrap();
    let joined = answer(&mut agent, 2);
    // SessionId, the first attribute: STR with its length.
    let at = joined.windows(3).position(|bytes| bytes == [0, 3, 3]).unwrap() + 3;
    let length = usize::try_from(u32::from_be_bytes(joined[at..at + 4].try_into().unwrap()));
    let session = &joined[at + 4..at + 4 + length.unwrap()];
    for number in 0..times {
        let mut message = Vec::new();
        attribute(&mut message, 3, 3, session);
        let text: Vec<u8> = WORDS.encode_utf16().flat_map(u16::to_be_bytes).collect();
        attribute(&mut message, 15, 4, &text);
        agent.write_all(&frame(4, 3 + number, &message)).unwrap();
        answer(&mut agent, 3 + number);
    }
    agent
}

/// The attributes of the answer to a request, which is none of those that refuse it.
fn answer(stream: &mut TcpStream, asked: u32) -> Vec<u8> {
    loop {
        let (message, reference, attributes) = support::answer(stream);
        if reference == asked {
            assert_ne!(message, 104, "a refusal");
            return attributes;
        }
    }
}

/// What `confer` says with these arguments, and how it ends.
fn confer(arguments: &[&str], file: &Path) -> (String, String, i32) {
    let Run { out, notes, status } = run(&[arguments, &[file.to_str().unwrap()]].concat());
    (out, notes, status)
}

fn summary(file: &Path) -> (Value, i32) {
    let (out, notes, status) = confer(&["replay", "--format", "json"], file);
    assert_eq!(notes, "");
    (out.parse().unwrap(), status)
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[test]
fn a_server_that_ended_is_run_again_to_the_same_end() {
    // B25.1, B25.2
    let folder = Folder::new();
    let file = folder.file("chat.journal");
    let server = recorded(&file, &["--set", "settings/session-linger=90"]);
    // Long before the other signal: of two, the later one may be heard first.
    server.signal("-HUP");
    let agent = talks(&server, 300);
    drop(agent);
    let log = ends(server, "-TERM");
    assert!(log.contains("the journal is complete"), "{log}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let (summary, status) = summary(&file);
    assert_eq!(
        (status, &summary["result"], &summary["end"]),
        (0, &"equal".into(), &"whole".into())
    );
    assert_eq!(summary["verified"], summary["inputs"]);
    assert!(summary["inputs"].as_u64().unwrap() > 300, "{summary}");
    let (out, _, status) = confer(&["replay"], &file);
    assert_eq!(status, 0);
    assert!(out.ends_with("equal: the actions that were recorded\n"), "{out}");

    // What is shown has no word of it, unless somebody wants it.
    for arguments in [&["journal"][..], &["replay", "--show"], &["journal", "--format", "json"]] {
        let (out, notes, status) = confer(arguments, &file);
        assert_eq!((status, &*notes), (0, ""));
        assert!(out.contains("RequestMessage") && !out.contains(WORDS), "{arguments:?}");
        assert!(out.contains("session-linger"), "{arguments:?}");
    }
    assert!(confer(&["journal", "--show-text"], &file).0.contains(WORDS));
    assert!(confer(&["replay", "--show", "--show-text"], &file).0.contains("EventSessionInfo"));
    let (out, _, status) = confer(&["replay", "--until", "3"], &file);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("inputs   3\n"), "{out}");
}

#[test]
fn a_server_that_was_killed_is_run_again_as_far_as_it_goes() {
    // B25.4, B25.2
    let folder = Folder::new();
    let file = folder.file("chat.journal");
    let server = recorded(&file, &[]);
    let agent = talks(&server, 1000);
    // Behind the checkpoint of the first 256 inputs, which take fewer than 100 bytes each.
    let end = Instant::now() + PATIENCE;
    while fs::metadata(&file).unwrap().len() < 30_000 {
        assert!(Instant::now() < end, "the journal is not written");
        std::thread::sleep(Duration::from_millis(5));
    }
    ends(server, "-KILL");
    drop(agent);
    let (summary, status) = summary(&file);
    assert_eq!((status, &summary["result"]), (0, &"equal".into()), "{summary}");
    assert!(summary["verified"].as_u64().unwrap() >= 256, "{summary}");
    assert!(summary["end"] == "open" || summary["end"] == "torn", "{summary}");

    // Torn within a record.
    let mut bytes = fs::read(&file).unwrap();
    bytes.pop();
    fs::write(&file, &bytes).unwrap();
    let (out, _, status) = confer(&["replay"], &file);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("the journal is torn at byte"), "{out}");

    // Another server may be told to write the same file, and leaves it alone.
    let server = recorded(&file, &[]);
    let log = ends(server, "-TERM");
    assert!(log.contains("chat.journal.1"), "{log}");
    assert_eq!(fs::read(&file).unwrap(), bytes);
    assert_eq!(confer(&["replay"], &folder.file("chat.journal.1")).2, 0);

    // A byte that is not as it was written.
    bytes[5000] ^= 1;
    fs::write(&file, &bytes).unwrap();
    let (out, _, status) = confer(&["replay"], &file);
    assert_eq!(status, 2, "{out}");
    assert!(out.contains("the checksum is wrong") || out.contains("torn"), "{out}");
    assert_eq!(confer(&["journal"], &file).2, 2);
}

#[test]
fn a_journal_without_text_has_no_word_and_is_not_run() {
    // B25.5
    let folder = Folder::new();
    let file = folder.file("chat.journal");
    let server = recorded(&file, &["--journal-no-text"]);
    let agent = talks(&server, 20);
    drop(agent);
    let log = ends(server, "-TERM");
    assert!(log.contains("the journal is complete"), "{log}");
    let bytes = fs::read(&file).unwrap();
    assert!(contains(&bytes, &[b'*'; WORDS.len()]), "as many characters");
    let wide: Vec<u16> = WORDS.encode_utf16().collect();
    let little: Vec<u8> = wide.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = wide.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    for word in [WORDS.as_bytes(), b"Ana", &little, &big] {
        assert!(!contains(&bytes, word));
    }
    let (out, notes, status) = confer(&["replay"], &file);
    assert_eq!((&*out, status), ("", 2));
    assert!(notes.contains("recorded without texts (--journal-no-text)"), "{notes}");
    let (out, notes, status) = confer(&["journal", "--show-text"], &file);
    assert_eq!((&*notes, status), ("", 0));
    assert!(out.contains("RequestMessage"), "{out}");
}

#[test]
fn a_file_that_may_not_grow_ends_the_journal_and_not_the_server() {
    // B25.3
    let folder = Folder::new();
    let file = folder.file("chat.journal");
    let mut limited = Command::new("sh");
    // A file of one block of 512 bytes, or of a kilobyte, depending on the shell; without the signal
    // that would end the process.
    limited.args([
        "-c",
        "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_confer"),
    ]);
    let server = recorded_by(limited, &file, &[]);
    let agent = talks(&server, 100);
    // It goes on talking when the journal has ended.
    drop(talks(&server, 3));
    drop(agent);
    let log = ends(server, "-TERM");
    assert!(log.contains("the journal ends here, and the server goes on: it cannot be"), "{log}");
    assert!(log.contains("the journal ends before the server does"), "{log}");
    let (out, _, status) = confer(&["journal"], &file);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("RequestRegister"), "{out}");
}

#[test]
fn a_journal_that_cannot_be_created_is_told_at_the_start() {
    let folder = Folder::new();
    let journal = folder.name("nowhere/chat.journal");
    let ran = run(&[&["serve", "--store", "memory:", "--journal", &journal], &FREE[..]].concat());
    assert_eq!(ran.status, 1);
    assert!(ran.notes.contains("cannot be written: No such file"), "{ran:?}");
}

#[test]
fn what_is_no_journal_is_told() {
    let folder = Folder::new();
    let file = folder.file("chat.journal");
    let (_, notes, status) = confer(&["replay"], &file);
    assert_eq!(status, 2);
    assert!(notes.contains("cannot open"), "{notes}");
    let cases: [(&[u8], &str); 4] = [
        (b"", "torn at byte 0"),
        (b"CONF", "torn at byte 0"),
        (b"#!/bin/sh\n", "not a journal"),
        (b"CONFERJ\n\x09\x00", "a journal of version 9; this program reads version 1"),
    ];
    for (bytes, words) in cases {
        fs::write(&file, bytes).unwrap();
        for command in ["replay", "journal"] {
            let (out, notes, status) = confer(&[command], &file);
            assert_eq!((&*out, status), ("", 2), "{words}");
            assert!(notes.contains(words), "{notes}");
        }
    }
}

#[test]
fn the_command_line_is_held_to_what_it_says() {
    for (arguments, words) in [
        (&["serve", "--journal-no-text"][..], "'--journal FILE' is to say where"),
        (&["replay"], "which FILE?"),
        (&["replay", "a", "b"], "one FILE only"),
        (&["replay", "--show-text", "a"], "needs '--show'"),
        (&["replay", "--until", "x", "a"], "is no number of an input"),
        (&["journal"], "which FILE?"),
    ] {
        let ran = run(arguments);
        assert_eq!(ran.status, 2, "{arguments:?}");
        assert!(ran.notes.contains(words), "{ran:?}");
    }
}
