//! What a server keeps, and what people make of it afterwards: the real program on both sides.

mod looking;
mod trouble;

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A directory of its own, gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("confer-archive-{}-{count}", std::process::id()));
        // One of a process of the same number that was killed.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("confer.db")
    }

    /// As `--store` takes it.
    fn url(&self) -> String {
        format!("sqlite:{}", self.file().display())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn confer() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_confer"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("CONFER_LOG");
    command
}

/// What a run of the program left behind.
#[derive(Debug)]
struct Run {
    out: String,
    notes: String,
    status: i32,
}

impl Run {
    /// The lines of the output, each of which must be JSON.
    fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| line.parse().unwrap()).collect()
    }
}

/// Runs the program with these arguments to its end.
fn run(args: &[&str]) -> Run {
    let output = confer().args(args).stdin(Stdio::null()).output().unwrap();
    Run {
        out: String::from_utf8(output.stdout).unwrap(),
        notes: String::from_utf8(output.stderr).unwrap(),
        status: output.status.code().expect("a panic or a signal leaves no such status"),
    }
}

/// Lines as they come, and all that have come.
struct Lines {
    come: mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Lines {
    fn of(source: impl Read + Send + 'static) -> Self {
        let (sends, come) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                let _ = sends.send(line);
            }
        });
        Self { come, seen: Vec::new() }
    }

    /// The first line with these words, perhaps seen already.
    #[track_caller]
    fn with(&mut self, words: &str) -> String {
        let end = Instant::now() + PATIENCE;
        let mut next = 0;
        loop {
            if let Some(line) = self.seen[next..].iter().find(|line| line.contains(words)) {
                return line.clone();
            }
            next = self.seen.len();
            match self.come.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(_) => panic!("no {words:?} in {:#?}", self.seen),
            }
        }
    }
}

/// A server's process; killed if a test leaves it behind.
struct Served {
    child: Child,
    ready: String,
    log: Lines,
}

/// Ports that nobody else has.
const FREE: [&str; 10] = [
    "--listen",
    "default=127.0.0.1:0",
    "--listen",
    "webapi=127.0.0.1:0",
    "--listen",
    "ESP=127.0.0.1:0",
    "--listen",
    "health=127.0.0.1:0",
    "--listen",
    "web=127.0.0.1:0",
];

impl Served {
    fn start(store: &str, args: &[&str]) -> Self {
        Self::started_by(confer(), store, args)
    }

    /// The same, by a command that ends in the program's name.
    fn started_by(mut command: Command, store: &str, args: &[&str]) -> Self {
        command.args(["serve", "--store", store, "--drain-timeout", "0"]);
        command.args(FREE);
        let mut child = command.args(args).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let log = Lines::of(child.stderr.take().unwrap());
        Self { child, ready, log }
    }

    fn port(&self, port: &str) -> &str {
        let word = self.ready.split_whitespace().find_map(|word| word.strip_prefix(port));
        word.and_then(|word| word.strip_prefix('=')).unwrap()
    }

    fn visitor(&self, args: &[&str]) -> Person {
        Person::start(&[&["visitor", "--server", self.port("webapi")], args].concat())
    }

    fn agent(&self, args: &[&str]) -> Person {
        Person::start(&[&["agent", "--server", self.port("default")], args].concat())
    }

    /// Tells it to end, and waits until it has.
    fn ends(&mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        ended(&mut self.child)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn ended(child: &mut Child) -> ExitStatus {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it does not end");
}

/// A program with somebody at its keyboard; killed if a test leaves it behind.
struct Person {
    child: Child,
    keys: Option<ChildStdin>,
    out: Lines,
    notes: Lines,
}

impl Person {
    fn start(args: &[&str]) -> Self {
        let mut child = confer().args(args).spawn().unwrap();
        let out = Lines::of(child.stdout.take().unwrap());
        let notes = Lines::of(child.stderr.take().unwrap());
        Self { keys: child.stdin.take(), child, out, notes }
    }

    fn types(&mut self, lines: &[&str]) {
        for line in lines {
            writeln!(self.keys.as_mut().unwrap(), "{line}").unwrap();
        }
    }

    fn session(&mut self) -> String {
        self.notes.with("-- session ").strip_prefix("-- session ").unwrap().to_owned()
    }

    /// Types no more, and ends well.
    #[track_caller]
    fn ends(mut self) {
        self.keys = None;
        let status = ended(&mut self.child);
        assert!(status.success(), "{:#?} {:#?}", self.out.seen, self.notes.seen);
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A session of Casey's that Ana answers and closes; its id.
fn conversation(server: &Served, said: &str) -> String {
    let casey = ["--name", "Casey", "--subject", "my parcel"];
    let mail = ["--user-data", "EmailAddress=casey@shop.example"];
    let mut casey = server.visitor(&[&casey[..], &mail].concat());
    let session = casey.session();
    let mut ana = server.agent(&["--name", "Ana", "--join", &session]);
    ana.session();
    casey.types(&[said]);
    ana.types(&[&format!("/expect {said} 120"), "Good morning!"]);
    casey.types(&["/expect Good morning 120"]);
    casey.out.with("Good morning");
    ana.types(&["/close"]);
    ana.ends();
    casey.ends();
    session
}

/// A session with its transcript, as JSON.
fn transcript(store: &str, session: &str) -> Option<Value> {
    let shown = run(&["transcript", session, "--store", store, "--format", "json"]);
    (shown.status == 0).then(|| shown.json().remove(0))
}

/// What was said in it, without who came and went.
fn words(transcript: &Value) -> Vec<String> {
    let said = transcript["events"].as_array().unwrap().iter();
    let said = said.filter(|event| event["EventKind"] == "Message");
    said.map(|event| event["MessageText"].as_str().unwrap().to_owned()).collect()
}

/// Waits until a session is closed in the store; its transcript.
#[track_caller]
fn closed(store: &str, session: &str) -> Value {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match transcript(store, session) {
            Some(shown) if !shown["endAt"].is_null() => return shown,
            _ => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    panic!("{session} is not closed");
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
