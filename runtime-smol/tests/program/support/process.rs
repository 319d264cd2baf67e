//! The program as a process.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{PATIENCE, Person};

/// Ports that nobody else has.
pub(crate) const FREE: [&str; 10] = [
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

/// The program, to be given arguments and talked to.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_confer"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("CONFER_LOG");
    command
}

/// What a run of the program left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) out: String,
    pub(crate) notes: String,
    pub(crate) status: i32,
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            out: String::from_utf8(output.stdout).unwrap(),
            notes: String::from_utf8(output.stderr).unwrap(),
            status: output.status.code().expect("a panic or a signal leaves no such status"),
        }
    }

    /// The lines of the output, each of which must be JSON.
    pub(crate) fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| line.parse().unwrap()).collect()
    }
}

/// Runs the program with these arguments to its end.
pub(crate) fn run(args: &[&str]) -> Run {
    Run::of(command().args(args).stdin(Stdio::null()).output().unwrap())
}

/// The same, with this input.
pub(crate) fn run_with(args: &[&str], input: &[u8]) -> Run {
    let mut child = command().args(args).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that stops reading early must not keep the test from reading its answer.
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Run::of(output)
}

/// Lines as they come, and all that have come.
pub(crate) struct Lines {
    come: mpsc::Receiver<String>,
    pub(crate) seen: Vec<String>,
    /// How many of them [`next`](Self::next) has passed.
    passed: usize,
}

impl Lines {
    pub(crate) fn of(source: impl Read + Send + 'static) -> Self {
        let (sends, come) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                let _ = sends.send(line);
            }
        });
        Self { come, seen: Vec::new(), passed: 0 }
    }

    /// The first line with these words, perhaps seen already.
    #[track_caller]
    pub(crate) fn with(&mut self, words: &str) -> String {
        let at = self.position(0, words);
        self.seen[at].clone()
    }

    /// The first line with these words behind the one found before, and those between.
    #[track_caller]
    pub(crate) fn next(&mut self, words: &str) -> Vec<String> {
        let end = self.position(self.passed, words) + 1;
        let begin = core::mem::replace(&mut self.passed, end);
        self.seen[begin..end].to_vec()
    }

    #[track_caller]
    fn position(&mut self, mut next: usize, words: &str) -> usize {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen[next..].iter().position(|line| line.contains(words)) {
                return next + at;
            }
            next = self.seen.len();
            match self.come.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(_) => panic!("no {words:?} in {:#?}", self.seen),
            }
        }
    }

    /// All of them, once there are no more.
    pub(crate) fn all(mut self) -> String {
        self.seen.extend(self.come.iter());
        self.seen.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// A server's or a gateway's process; killed if a test leaves it behind.
pub(crate) struct Served {
    child: Child,
    ready: String,
    log: RefCell<Lines>,
}

impl Served {
    /// A server with these arguments, on ports that are free, with nothing but its memory.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::on("memory:", args)
    }

    /// The same, with this store.
    pub(crate) fn on(store: &str, args: &[&str]) -> Self {
        Self::by(command(), store, args)
    }

    /// The same, by a command that ends in the program's name.
    pub(crate) fn by(mut command: Command, store: &str, args: &[&str]) -> Self {
        command.args(["serve", "--store", store]).args(FREE).args(args);
        Self::spawn(command)
    }

    /// A gateway in front of these servers.
    pub(crate) fn gateway(servers: &[&Self], args: &[&str]) -> Self {
        let servers: Vec<_> = servers.iter().map(|it| it.port("webapi")).collect();
        let mut command = command();
        command.args(["gateway", "--listen", "127.0.0.1:0", "--chat-server", &servers.join(",")]);
        command.args(args);
        Self::spawn(command)
    }

    /// A command that says where it can be reached.
    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let log = RefCell::new(Lines::of(child.stderr.take().unwrap()));
        Self { child, ready, log }
    }

    /// The line that says where it is.
    pub(crate) fn ready(&self) -> &str {
        &self.ready
    }

    /// Where a port is, as an argument.
    #[track_caller]
    pub(crate) fn port(&self, port: &str) -> &str {
        let mut words = self.ready.split_whitespace().filter_map(|word| word.split_once('='));
        let found = words.find(|(name, _)| *name == port);
        found.unwrap_or_else(|| panic!("no {port} in {:?}", self.ready)).1
    }

    /// Where a port is.
    #[track_caller]
    pub(crate) fn address(&self, port: &str) -> SocketAddr {
        self.port(port).parse().unwrap()
    }

    #[track_caller]
    pub(crate) fn connect(&self, port: &str) -> TcpStream {
        let stream = TcpStream::connect(self.address(port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub(crate) fn visitor(&self, args: &[&str]) -> Person {
        Person::start(&[&["visitor", "--server", self.port("webapi")], args].concat())
    }

    /// Somebody at a desk: a command, and its arguments.
    pub(crate) fn desk(&self, args: &[&str]) -> Person {
        let (command, args) = args.split_first().unwrap();
        Person::start(&[&[command, "--server", self.port("default")], args].concat())
    }

    pub(crate) fn workflow(&self, args: &[&str]) -> Person {
        Person::start(&[&["workflow", "--server", self.port("ESP")], args].concat())
    }

    pub(crate) fn id(&self) -> String {
        self.child.id().to_string()
    }

    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.id()]).status().unwrap().success());
    }

    /// Waits for a line of the log with these words, perhaps one that was waited for already.
    #[track_caller]
    pub(crate) fn logged(&self, words: &str) -> String {
        self.log.borrow_mut().with(words)
    }

    /// Waits for a further line of the log with these words; the lines before it, and it.
    #[track_caller]
    pub(crate) fn logs(&self, words: &str) -> Vec<String> {
        self.log.borrow_mut().next(words)
    }

    pub(crate) fn lives(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> ExitStatus {
        ended(&mut self.child)
    }

    /// Tells it to end, and waits until it has.
    #[track_caller]
    pub(crate) fn stops(&mut self) -> ExitStatus {
        self.signal("-TERM");
        self.ends()
    }

    /// The whole log of one that was told to end.
    pub(crate) fn log(mut self) -> String {
        let log = self.log.replace(Lines::of(std::io::empty())).all();
        self.child.wait().unwrap();
        log
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a process has ended.
#[track_caller]
pub(crate) fn ended(child: &mut Child) -> ExitStatus {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("it does not end");
}
