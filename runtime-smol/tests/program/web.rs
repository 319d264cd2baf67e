//! Port `web` as pages and apps use it: the real program, real sockets, and HTTP by hand.

mod door;
mod files;
mod gateway;
mod hostile;
mod script;

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use confer_tests::http::{BOUNDARY, Http, Reply, parts};
use serde_json::Value as Json;

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the service is that exists by default.
const SERVICE: &str = "/genesys/2/chat/customer-support";

/// A process of the program; killed if a test leaves it behind.
struct Process {
    child: Child,
    ready: String,
    log: mpsc::Receiver<String>,
}

impl Process {
    /// A server with these arguments, on ports that are free, and with nothing but its memory.
    fn serve(args: &[&str]) -> Self {
        Self::serve_on("memory:", args)
    }

    /// The same, with this store.
    fn serve_on(store: &str, args: &[&str]) -> Self {
        let ports = ["default", "webapi", "ESP", "health", "web"];
        let free = ports.map(|port| format!("{port}=127.0.0.1:0"));
        let listen = free.iter().flat_map(|port| ["--listen", port.as_str()]);
        let args =
            ["serve", "--store", store].into_iter().chain(listen).chain(args.iter().copied());
        Self::start(args)
    }

    /// A gateway in front of these servers.
    fn gateway(servers: &[&Self], args: &[&str]) -> Self {
        let servers: Vec<_> = servers.iter().map(|it| it.address("webapi").to_string()).collect();
        let servers = servers.join(",");
        let own = ["gateway", "--listen", "127.0.0.1:0", "--chat-server", &servers];
        Self::start(own.into_iter().chain(args.iter().copied()))
    }

    fn start<'a>(args: impl Iterator<Item = &'a str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_confer"));
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).env_remove("CONFER_LOG");
        let mut child = command.spawn().unwrap();
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
        let words = self.ready.split_whitespace().filter_map(|word| word.split_once('='));
        let address = words.into_iter().find(|(name, _)| *name == port).map(|(_, address)| address);
        address.unwrap_or_else(|| panic!("no {port} in {:?}", self.ready)).parse().unwrap()
    }

    /// A connection to port `web`.
    fn web(&self) -> Http<TcpStream> {
        Http::to(self.address("web"))
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for a line of the log with these words; the lines before it, and it.
    fn logs(&self, words: &str) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        while let Ok(line) = self.log.recv_timeout(end.saturating_duration_since(Instant::now())) {
            let found = line.contains(words);
            seen.push(line);
            if found {
                return seen;
            }
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
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A customer's page.
#[derive(Clone, Debug)]
struct Page {
    chat: String,
    user: String,
    key: String,
    alias: String,
    next: u64,
}

impl Page {
    /// Begins a chat.
    fn begins(http: &mut Http<TcpStream>, fields: &[(&str, &str)]) -> (Self, Json) {
        let reply = http.posts(SERVICE, fields);
        assert_eq!((reply.status, reply.code()), (200, 0), "{reply:?}");
        let json = reply.json();
        let text = |key: &str| json[key].as_str().unwrap().to_owned();
        let page = Self {
            chat: text("chatId"),
            user: text("userId"),
            key: text("secureKey"),
            alias: text("alias"),
            next: json["nextPosition"].as_u64().unwrap(),
        };
        (page, json)
    }

    fn path(&self, operation: &str) -> String {
        format!("{SERVICE}/{}/{operation}", self.chat)
    }

    /// What every call carries.
    fn own(&self) -> [(&str, &str); 3] {
        [("userId", &self.user), ("secureKey", &self.key), ("alias", &self.alias)]
    }

    /// Does something, which may be refused.
    fn tries(&self, http: &mut Http<TcpStream>, operation: &str, fields: &[(&str, &str)]) -> Reply {
        let fields: Vec<_> = self.own().into_iter().chain(fields.iter().copied()).collect();
        http.posts(&self.path(operation), &fields)
    }

    /// Does something, and takes note of what is new.
    fn does(
        &mut self,
        http: &mut Http<TcpStream>,
        operation: &str,
        fields: &[(&str, &str)],
    ) -> Json {
        let reply = self.tries(http, operation, fields);
        assert_eq!((reply.status, reply.code()), (200, 0), "{operation}: {reply:?}");
        let json = reply.json();
        self.user = json["userId"].as_str().unwrap().to_owned();
        self.alias = json["alias"].as_str().unwrap().to_owned();
        self.next = json["nextPosition"].as_u64().unwrap();
        json
    }

    /// Sends a file.
    fn uploads(&self, http: &mut Http<TcpStream>, name: &str, kind: &str, bytes: &[u8]) -> Reply {
        let body = parts(&self.own(), name, kind, bytes);
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        http.asks("POST", &self.path("file"), &[("content-type", &kind)], &body)
    }
}

/// What an answer tells, in short.
fn lines(json: &Json) -> Vec<String> {
    let line = |event: &Json| match event["text"].as_str() {
        Some(text) => format!("{}: {text}", event["type"].as_str().unwrap()),
        None => event["type"].as_str().unwrap().to_owned(),
    };
    json["messages"].as_array().unwrap().iter().map(line).collect()
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("confer-web-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
