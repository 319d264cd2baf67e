//! `confer serve --journal`, `confer journal` and `confer replay`, as an operator uses them.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const CONFER: &str = env!("CARGO_BIN_EXE_confer");
const PATIENCE: Duration = Duration::from_secs(30);
/// What is said, which must be nowhere without being asked for.
const WORDS: &str = "Blaubeerkuchen";

/// A directory that goes when the test does.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("confer-journal-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A server that records, and its log once it has ended.
struct Recorded {
    child: Child,
    ready: String,
}

impl Recorded {
    fn start(journal: &Path, further: &[&str]) -> Self {
        Self::begin(Command::new(CONFER), journal, further)
    }

    fn begin(mut command: Command, journal: &Path, further: &[&str]) -> Self {
        let listen = ["default=127.0.0.1:0", "webapi=off", "ESP=off", "health=off", "web=off"];
        let mut child = command
            .args(["serve", "--store", "memory:"])
            .args(listen.iter().flat_map(|port| ["--listen", port]))
            .arg("--journal")
            .arg(journal)
            .args(further)
            .env_remove("CONFER_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        Self { child, ready }
    }

    /// An agent who is in a session of their own and says so many things.
    fn talks(&self, times: u32) -> TcpStream {
        let (_, address) = self.ready.trim().split_once("default=").unwrap();
        let mut agent = TcpStream::connect(address).unwrap();
        agent.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut register = vec![0, 4, 3, 0, 0, 0, 3];
        register.extend(b"Ana");
        register.extend([0, 5, 1, 0, 0, 0, 2, 0, 8, 1, 0, 0, 0, 106]);
        agent.write_all(&frame(1, 1, &register)).unwrap();
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

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Tells it to end, and reads its log.
    fn ends(mut self, signal: &str) -> String {
        self.signal(signal);
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        self.child.wait().unwrap();
        log
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn attribute(out: &mut Vec<u8>, id: u16, kind: u8, value: &[u8]) {
    out.extend(id.to_be_bytes());
    out.push(kind);
    out.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
    out.extend(value);
}

fn frame(message: u16, reference: u32, attributes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(attributes.len() + 8).unwrap();
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend([0x42, 1]);
    frame.extend(message.to_be_bytes());
    frame.extend(reference.to_be_bytes());
    frame.extend(attributes);
    frame
}

/// The body of the answer to a request, which is none of those that refuse it.
fn answer(stream: &mut TcpStream, reference: u32) -> Vec<u8> {
    loop {
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes(head[..4].try_into().unwrap());
        let mut body = vec![0; usize::try_from(length).unwrap() - 8];
        stream.read_exact(&mut body).unwrap();
        if u32::from_be_bytes(head[8..].try_into().unwrap()) == reference {
            assert_ne!(u16::from_be_bytes(head[6..8].try_into().unwrap()), 104, "a refusal");
            return body;
        }
    }
}

/// What `confer` says with these arguments, and how it ends.
fn confer(arguments: &[&str], file: &Path) -> (String, String, i32) {
    let output = Command::new(CONFER).args(arguments).arg(file).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
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
    let directory = Directory::new("ended");
    let file = directory.file("chat.journal");
    let server = Recorded::start(&file, &["--set", "settings/session-linger=90"]);
    // Long before the other signal: of two, the later one may be heard first.
    server.signal("-HUP");
    let agent = server.talks(300);
    drop(agent);
    let log = server.ends("-TERM");
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
    let directory = Directory::new("killed");
    let file = directory.file("chat.journal");
    let server = Recorded::start(&file, &[]);
    let agent = server.talks(1000);
    // Behind the checkpoint of the first 256 inputs, which take fewer than 100 bytes each.
    let end = Instant::now() + PATIENCE;
    while fs::metadata(&file).unwrap().len() < 30_000 {
        assert!(Instant::now() < end, "the journal is not written");
        std::thread::sleep(Duration::from_millis(5));
    }
    server.ends("-KILL");
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
    let server = Recorded::start(&file, &[]);
    let log = server.ends("-TERM");
    assert!(log.contains("chat.journal.1"), "{log}");
    assert_eq!(fs::read(&file).unwrap(), bytes);
    assert_eq!(confer(&["replay"], &directory.file("chat.journal.1")).2, 0);

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
    let directory = Directory::new("textless");
    let file = directory.file("chat.journal");
    let server = Recorded::start(&file, &["--journal-no-text"]);
    let agent = server.talks(20);
    drop(agent);
    let log = server.ends("-TERM");
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
    let directory = Directory::new("full");
    let file = directory.file("chat.journal");
    let mut limited = Command::new("sh");
    // A file of one block of 512 bytes, or of a kilobyte, depending on the shell; without the signal
    // that would end the process.
    limited.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"", CONFER]);
    let server = Recorded::begin(limited, &file, &[]);
    let agent = server.talks(100);
    // It goes on talking when the journal has ended.
    drop(server.talks(3));
    drop(agent);
    let log = server.ends("-TERM");
    assert!(log.contains("the journal ends here, and the server goes on: it cannot be"), "{log}");
    assert!(log.contains("the journal ends before the server does"), "{log}");
    let (out, _, status) = confer(&["journal"], &file);
    assert_eq!(status, 0, "{out}");
    assert!(out.contains("RequestRegister"), "{out}");
}

#[test]
fn a_journal_that_cannot_be_created_is_told_at_the_start() {
    let directory = Directory::new("nowhere");
    let output = Command::new(CONFER)
        .args([
            "serve",
            "--store",
            "memory:",
            "--listen",
            "default=127.0.0.1:0",
            "--listen",
            "webapi=off",
        ])
        .args(["--listen", "ESP=off", "--listen", "health=off", "--listen", "web=off", "--journal"])
        .arg(directory.file("nowhere").join("chat.journal"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("cannot be written: No such file"), "{said}");
}

#[test]
fn what_is_no_journal_is_told() {
    let directory = Directory::new("none");
    let file = directory.file("chat.journal");
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
    let run = |arguments: &[&str]| {
        let output = Command::new(CONFER).args(arguments).output().unwrap();
        (String::from_utf8(output.stderr).unwrap(), output.status.code())
    };
    for (arguments, words) in [
        (&["serve", "--journal-no-text"][..], "'--journal FILE' is to say where"),
        (&["replay"], "which FILE?"),
        (&["replay", "a", "b"], "one FILE only"),
        (&["replay", "--show-text", "a"], "needs '--show'"),
        (&["replay", "--until", "x", "a"], "is no number of an input"),
        (&["journal"], "which FILE?"),
    ] {
        let (said, status) = run(arguments);
        assert_eq!(status, Some(2), "{arguments:?}");
        assert!(said.contains(words), "{said}");
    }
}
