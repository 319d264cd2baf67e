//! People at terminals and those who stand in for them, in real conversations through a real server,
//! driven as scripts drive them: by files and pipes.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn confer() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_confer"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_remove("CONFER_LOG");
    command
}

/// A server of its own for each test.
struct Served {
    child: Child,
    ready: String,
}

impl Served {
    fn start(args: &[&str]) -> Self {
        let ports = ["default", "webapi", "ESP", "health", "web"];
        let free = ports.map(|port| format!("{port}=127.0.0.1:0"));
        let listen = free.iter().flat_map(|port| ["--listen", port.as_str()]);
        let mut child = confer()
            .args(["serve", "--store", "memory:"])
            .args(listen)
            .args(args)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        Self { child, ready }
    }

    fn port(&self, port: &str) -> &str {
        let word = self.ready.split_whitespace().find_map(|word| word.strip_prefix(port));
        word.and_then(|word| word.strip_prefix('=')).unwrap()
    }

    fn visitor(&self, args: &[&str]) -> Person {
        Person::start(&[&["visitor", "--server", self.port("webapi")], args].concat())
    }

    /// Somebody at a desk.
    fn desk(&self, args: &[&str]) -> Person {
        let (command, args) = args.split_first().unwrap();
        Person::start(&[&[command, "--server", self.port("default")], args].concat())
    }

    fn workflow(&self, args: &[&str]) -> Person {
        Person::start(&[&["workflow", "--server", self.port("ESP")], args].concat())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program with somebody at its keyboard; killed if a test leaves it behind.
struct Person {
    child: Child,
    keys: Option<ChildStdin>,
    out: Lines,
    notes: Lines,
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

    fn all(mut self) -> String {
        self.seen.extend(self.come.iter());
        self.seen.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// How somebody ended.
#[derive(Debug)]
struct Ended {
    status: i32,
    out: String,
    notes: String,
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

    /// Types no more, and ends.
    #[track_caller]
    fn ends(mut self) -> Ended {
        self.keys = None;
        let end = Instant::now() + PATIENCE;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status.code().expect("no panic and no signal"),
                None if Instant::now() > end => {
                    let _ = self.child.kill();
                    panic!("it does not end: {:#?} {:#?}", self.out.seen, self.notes.seen);
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        Ended { status, out: self.out.all(), notes: self.notes.all() }
    }
}

/// What is printed without the times.
fn timeless(out: &str) -> Vec<&str> {
    out.lines().map(|line| line.get(9..).unwrap_or(line)).collect()
}

#[test]
fn a_conversation_of_everybody() {
    let server = Served::start(&[]);
    let mut casey = server.visitor(&["--name", "Casey", "--subject", "my parcel"]);
    let session = casey.session();
    // What somebody new to this is told to type next.
    casey.notes.with(&format!("confer agent --join {session}"));
    let bot = ["bot", "--name", "Loud", "--command", "tr a-z A-Z", &session];
    let mut bot = server.desk(&bot);
    bot.notes.with(&format!("-- in {session}"));
    let mut vera =
        server.desk(&["supervisor", "--name", "Vera", "--format", "json", "--join", &session]);
    vera.session();
    let sue = ["supervisor", "--name", "Sue", "--visibility", "INT", "--join", &session];
    let mut sue = server.desk(&sue);
    sue.session();
    let mut ana = server.desk(&["agent", "--name", "Ana", "--join", &session]);
    ana.types(&["Good morning!", "/expect Casey: hello 60", "/to Sue what now?"]);
    sue.types(&["/expect what now? 60", "/to Ana offer more"]);
    ana.types(&["/expect offer more 60", "/to INT I will", "/url https://shop.example/help"]);
    // A line shows the name its sender has by then.
    sue.types(&["/expect I will 60", "/to Ana good"]);
    ana.types(&["/expect Ana only): good 60", "/nick Anna"]);
    casey.types(&["/expect Good morning 60", "hello", "/read", "/expect Loud: HELLO 60"]);
    casey.types(&["loud", "/expect Loud: LOUD 60"]);
    casey.out.with("Loud: LOUD");
    casey.out.with("shop.example");
    let said = ["Message", "MessageText=One moment, please.", "--interaction", &session];
    let said = server.workflow(&said).ends();
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.out.contains("ScriptPos="), "{said:?}");
    casey.out.with("One moment");
    ana.out.with("* Anna has this name");
    casey.types(&["thanks, bye"]);
    ana.types(&["/expect thanks 60"]);
    let casey = casey.ends();
    let (ana, sue, vera, bot) = (ana.ends(), sue.ends(), vera.ends(), bot.ends());
    for person in [&casey, &ana, &sue, &vera, &bot] {
        assert_eq!(person.status, 0, "{person:#?}\n{casey:#?}");
    }
    // B3.3: the customer sees nothing of what is not for it.
    for hidden in ["Sue", "Vera", "what now", "I will"] {
        assert!(!casey.out.contains(hidden), "{hidden}: {}", casey.out);
    }
    let seen = timeless(&ana.out);
    for line in [
        "* Loud is here (BOT)",
        "* Sue is here (SUPERVISOR, coaching)",
        "Ana (to Sue only): what now?",
        "Sue (to Ana only): offer more",
        "Ana (to agents): I will",
        "* Ana shows https://shop.example/help",
        "* Anna has this name from now on",
        "System: One moment, please.",
        "Casey: thanks, bye",
        "* Casey is gone (left)",
    ] {
        assert!(seen.contains(&line), "{line}: {seen:#?}");
    }
    // B7.6: whispered to one, and heard by no other.
    let lines: Vec<Value> = vera.out.lines().map(|line| line.parse().unwrap()).collect();
    let said = |text: &str| lines.iter().find(|line| line["text"] == text);
    assert!(said("offer more").is_none());
    let hello = said("hello").unwrap();
    assert_eq!((&hello["type"], &hello["from"]), (&Value::from("message"), &Value::from("Casey")));
    assert_eq!(said("I will").unwrap()["visibility"], "INT");
    assert_eq!(lines[0]["session"], session.as_str());
    assert_eq!(lines.last().unwrap()["type"], "over");
    // Nobody's words are among the notes of a bot.
    assert!(!bot.notes.to_lowercase().contains("hello"), "{}", bot.notes);
}

#[test]
fn a_bot_hears_of_sessions_as_they_come() {
    let server = Served::start(&[]);
    let mut bot = server.desk(&["bot", "--echo"]);
    for name in ["Casey", "Drew"] {
        let mut visitor = server.visitor(&["--name", name]);
        let session = visitor.session();
        bot.types(&[&session]);
        visitor.types(&["/expect Bot is here 60", "good morning", "/expect Bot: good morning 60"]);
        let visitor = visitor.ends();
        assert_eq!(visitor.status, 0, "{visitor:#?}");
    }
    bot.types(&["NOSUCHSESSION000"]);
    let bot = bot.ends();
    assert_eq!(bot.status, 1, "{bot:#?}");
    assert!(bot.notes.contains("no such session"), "{bot:#?}");
}

#[test]
fn what_does_not_come_fails_a_script() {
    let server = Served::start(&[]);
    let mut casey = server.visitor(&[]);
    casey.types(&["hello", "/expect somebody 0.2", "never said"]);
    let casey = casey.ends();
    assert_eq!(casey.status, 1);
    assert!(casey.notes.contains("-- nobody said what was expected: somebody"), "{casey:#?}");
    assert!(casey.out.contains("hello") && !casey.out.contains("never said"), "{casey:#?}");
    // Nor does a line that means nothing go unnoticed.
    let mut casey = server.visitor(&[]);
    casey.types(&["/wink"]);
    let casey = casey.ends();
    assert_eq!(casey.status, 1);
    assert!(casey.notes.contains("unknown command '/wink'"), "{casey:#?}");
}

#[test]
fn the_end_of_input_is_a_farewell_after_everything_is_said() {
    let server = Served::start(&[]);
    let lines: Vec<_> = (0..500).map(|number| format!("line {number}")).collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let mut ana = server.desk(&["agent", "--create"]);
    ana.types(&lines);
    let ana = ana.ends();
    assert_eq!(ana.status, 0, "{}", ana.notes);
    let said = timeless(&ana.out).into_iter().filter_map(|line| line.strip_prefix("Agent: "));
    assert!(said.eq(lines), "{}", ana.out);
}

#[test]
fn a_script_is_read_from_a_file() {
    let server = Served::start(&[]);
    let path = std::env::temp_dir().join(format!("confer-script-{}", std::process::id()));
    std::fs::write(&path, "hello\r\n/file limits\n/wait 0.1\n/quit\n").unwrap();
    let casey = server.visitor(&["--script", path.to_str().unwrap()]).ends();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(casey.status, 0, "{casey:#?}");
    assert!(timeless(&casey.out).contains(&"Visitor: hello"), "{casey:#?}");
    let missing = server.visitor(&["--script", "/no/such/file"]).ends();
    assert_eq!(missing.status, 1);
    assert!(missing.notes.contains("cannot read /no/such/file"), "{missing:#?}");
}

#[test]
fn trouble_is_told() {
    let server = Served::start(&["--set", "ports.default/access-token=open sesame"]);
    let gone = server.workflow(&["GetSessionInfo", "--interaction", "NOSUCHSESSION000"]).ends();
    assert_eq!((gone.status, gone.out.as_str()), (1, ""));
    assert!(gone.notes.contains("(8304)"), "{gone:#?}");
    let wrong = ["PlaceOnHold", "--interaction", "NOSUCHSESSION000", "--format", "json"];
    let wrong = server.workflow(&wrong).ends();
    assert_eq!(wrong.status, 1);
    let fault: Value = wrong.out.trim().parse().unwrap();
    assert_eq!(fault["fault"]["FaultCode"], 8304, "{wrong:#?}");
    // B2.7
    let stranger = server.desk(&["agent", "--create"]).ends();
    assert_eq!(stranger.status, 1);
    assert!(stranger.notes.contains("(8307)"), "{stranger:#?}");
    let path = std::env::temp_dir().join(format!("confer-token-{}", std::process::id()));
    std::fs::write(&path, "open sesame\n").unwrap();
    let token = path.to_str().unwrap();
    let ana = server.desk(&["agent", "--create", "--token-file", token]).ends();
    assert_eq!(ana.status, 0, "{ana:#?}");
    let lost = ["agent", "--join", "NOSUCHSESSION000", "--token-file", token];
    let lost = server.desk(&lost).ends();
    assert_eq!(lost.status, 1);
    assert!(lost.notes.contains("-- the server knows no such session"), "{lost:#?}");
    std::fs::remove_file(&path).unwrap();
    let nobody = Person::start(&["workflow", "GetSessionInfo", "--server", "127.0.0.1:1"]).ends();
    assert_eq!(nobody.status, 1);
    assert!(nobody.notes.contains("cannot connect to 127.0.0.1:1"), "{nobody:#?}");
    let usage = Person::start(&["agent"]).ends();
    assert_eq!(usage.status, 2);
    assert!(usage.notes.contains("which session?"), "{usage:#?}");
}
