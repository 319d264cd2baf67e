//! `confer serve`, started as an operator starts it.

mod kill;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Nothing is left behind, unless a test says where.
const SERVE: [&str; 3] = ["serve", "--store", "memory:"];

/// A server's process; killed if a test leaves it behind.
struct Served {
    child: Child,
    ready: String,
    log: mpsc::Receiver<String>,
}

impl Served {
    fn start(args: &[&str]) -> Self {
        let ports = ["default", "webapi", "ESP", "health", "web"];
        let free = ports.map(|port| format!("{port}=127.0.0.1:0"));
        let listen = free.iter().flat_map(|port| ["--listen", port.as_str()]);
        let mut child = confer().args(SERVE).args(listen).args(args).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let (said, log) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = said.send(line);
            }
        });
        Self { child, ready, log }
    }

    fn address(&self, port: &str) -> SocketAddr {
        let word = self.ready.split_whitespace().find_map(|word| word.strip_prefix(port));
        let address = word.and_then(|word| word.strip_prefix('='));
        address.unwrap_or_else(|| panic!("no {port} in {:?}", self.ready)).parse().unwrap()
    }

    fn connect(&self, port: &str) -> TcpStream {
        let stream = TcpStream::connect(self.address(port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for a line of the log with these words.
    fn logs(&self, words: &str) -> String {
        let end = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        while let Ok(line) = self.log.recv_timeout(end.saturating_duration_since(Instant::now())) {
            if line.contains(words) {
                return line;
            }
            seen.push(line);
        }
        panic!("{words:?} is not logged; this is: {seen:#?}");
    }

    fn ends(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end");
    }

    fn health(&self) -> String {
        let mut stream = self.connect("health");
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
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

/// What a run that ends by itself says, and how it ends.
fn fails(args: &[&str]) -> (Option<i32>, String) {
    let output = confer().args(SERVE).args(args).output().unwrap();
    assert!(output.stdout.is_empty(), "nothing is ready");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// RequestRegister of an agent called Ana, with ClientVersion 106, as bytes.
fn register() -> Vec<u8> {
    let mut attributes = vec![0, 4, 3, 0, 0, 0, 3];
    attributes.extend(b"Ana");
    attributes.extend([0, 5, 1, 0, 0, 0, 2, 0, 8, 1, 0, 0, 0, 106]);
    frame(1, 1, &attributes)
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

/// The message number and reference of the next frame.
fn answer(stream: &mut TcpStream) -> (u16, u32) {
    let mut head = [0; 12];
    stream.read_exact(&mut head).unwrap();
    let length = u32::from_be_bytes(head[..4].try_into().unwrap());
    std::io::copy(&mut stream.take(u64::from(length) - 8), &mut std::io::sink()).unwrap();
    let message = u16::from_be_bytes(head[6..8].try_into().unwrap());
    (message, u32::from_be_bytes(head[8..].try_into().unwrap()))
}

#[test]
fn it_says_where_it_is_and_talks_there() {
    // B2.1
    let mut server = Served::start(&[]);
    assert!(server.ready.starts_with("confer ready default=127.0.0.1:"), "{}", server.ready);
    assert_eq!(server.ready.split_whitespace().count(), 7, "{}", server.ready);
    let mut ana = server.connect("default");
    ana.write_all(&register()).unwrap();
    assert_eq!(answer(&mut ana), (101, 1));
    // A Join without SessionId creates.
    ana.write_all(&frame(3, 2, &[])).unwrap();
    assert_eq!(answer(&mut ana), (103, 2));
    // B2.3
    server.logs("conns=1");
    drop(ana);
    server.logs("conns=0");
    server.signal("-TERM");
    assert_eq!(server.ends().code(), Some(0));
}

#[test]
fn told_to_end_it_waits_for_its_sessions_and_then_closes_them() {
    // B20.7
    let mut server = Served::start(&["--drain-timeout", "1"]);
    assert!(server.health().starts_with("HTTP/1.1 200"), "{}", server.health());
    let mut ana = server.connect("default");
    ana.write_all(&register()).unwrap();
    ana.write_all(&frame(3, 2, &[])).unwrap();
    assert_eq!((answer(&mut ana), answer(&mut ana)), ((101, 1), (103, 2)));
    server.signal("-TERM");
    server.logs("draining");
    assert!(server.health().starts_with("HTTP/1.1 503"), "{}", server.health());
    // No new session, and those there are go on until the time is over.
    ana.write_all(&frame(3, 3, &[])).unwrap();
    assert_eq!(answer(&mut ana), (104, 3));
    // Then they are closed, and whoever is there is told.
    assert_eq!(answer(&mut ana), (103, 0));
    assert_eq!(server.ends().code(), Some(0));
    let mut rest = Vec::new();
    ana.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty(), "whole frames, and the end");
}

#[test]
fn told_twice_it_ends_at_once() {
    let mut server = Served::start(&["--drain-timeout", "3600"]);
    let mut ana = server.connect("default");
    ana.write_all(&register()).unwrap();
    ana.write_all(&frame(3, 2, &[])).unwrap();
    assert_eq!((answer(&mut ana), answer(&mut ana)), ((101, 1), (103, 2)));
    server.signal("-TERM");
    server.logs("draining");
    server.signal("-INT");
    assert_eq!(server.ends().code(), Some(0));
}

#[test]
fn it_reads_its_configuration_again() {
    let file = std::env::temp_dir().join(format!("confer-serve-{}.toml", std::process::id()));
    std::fs::write(&file, "[settings]\nsession-linger = 60\n").unwrap();
    let server = Served::start(&["--config", file.to_str().unwrap()]);
    std::fs::write(&file, "[settings]\nsession-linger = 90\n").unwrap();
    server.signal("-HUP");
    let line = server.logs("changed");
    assert!(line.contains("session-linger") && line.contains("90"), "{line}");
    std::fs::write(&file, "[settings]\nsession-linger = \"soon\"\n").unwrap();
    server.signal("-HUP");
    server.logs("keep their values");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let (code, text) = fails(&["--set", "settings/session-linger=soon"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("session-linger") && text.contains("soon"), "{text}");
    let (code, text) = fails(&["--config", "/nowhere/confer.toml"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("/nowhere/confer.toml"), "{text}");
    let (code, text) = fails(&["--listen", "defualt=127.0.0.1:0"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("default"), "{text}");
    let (code, text) = fails(&["--store", "mysql:x.db"]);
    assert_eq!(code, Some(2));
    assert!(text.contains("sqlite:PATH"), "{text}");
    let off = ["default=127.0.0.1:0", "webapi=off", "ESP=off", "health=off", "web=off"];
    let mut args: Vec<_> = off.iter().flat_map(|port| ["--listen", port]).collect();
    args.extend(["--store", "sqlite:/proc/none/x.db"]);
    let (code, text) = fails(&args);
    assert_eq!(code, Some(1));
    assert!(text.contains("/proc/none"), "{text}");
    // A port that somebody else has.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("default={}", taken.local_addr().unwrap());
    let (code, text) = fails(&["--listen", &listen]);
    assert_eq!(code, Some(1));
    assert!(text.contains("port default cannot listen on"), "{text}");
    let off = ["default=127.0.0.1:0", "webapi=off", "ESP=off", "health=off"];
    let listen = listen.replace("default", "web");
    let listen = off.iter().copied().chain([listen.as_str()]);
    let args: Vec<_> = listen.flat_map(|port| ["--listen", port]).collect();
    let (code, text) = fails(&args);
    assert_eq!(code, Some(1));
    assert!(text.contains("port web cannot listen on"), "{text}");
}

#[test]
fn the_log_can_be_json_and_quiet() {
    let server = Served::start(&["--log-format", "json"]);
    drop(server.connect("default"));
    let line = server.logs("opened");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["fields"]["conns"], 1);
    let quiet = Served::start(&["--log", "error"]);
    drop(quiet.connect("default"));
    quiet.signal("-TERM");
    assert!(quiet.log.recv_timeout(PATIENCE).is_err(), "nothing went wrong, nothing is said");
}
