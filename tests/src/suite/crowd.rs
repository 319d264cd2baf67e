//! Many connections that do next to nothing, from another process, while a conversation goes on.
//!
//! The server must be alone in its process, for what is measured is the memory of the process.

use std::io::{self, BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use confer_basic::Client as BasicClient;
use confer_core::id::SessionId;
use confer_esp::Client as EspClient;
use confer_flex::Client as FlexClient;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Shell;
use super::people::{Agent, House};

/// Descriptors of a server's process that are not these connections.
const SPARE: u64 = 256;
/// Things said at a time.
const WORDS: usize = 100;

/// So many connections are held, by the program `crowd` at this path, and cost at most so many bytes
/// each, whatever they say in the end.
///
/// # Panics
///
/// If they cost more, if anybody is not served, or if this machine does not allow so many.
pub fn holds_idle_connections<S: Shell>(crowd: &str, count: usize, bytes_each: u64) {
    let allowed = raise_descriptors().expect("a limit of descriptors");
    assert!(
        allowed >= count as u64 + SPARE,
        "nothing is proved: {allowed} descriptors are too few here for {count} connections"
    );
    let house = House::<S>::with(&[
        ("settings", "user-register-timeout", "86400"),
        ("settings", "max-connections", &(count + 16).to_string()),
    ]);
    let (ana, ben) = (house.agent("Ana"), house.agent("Ben"));
    let session = ana.creates();
    ben.joins(&session);
    talk(&ana, &ben, &session, "at first");
    let before = resident().expect("a system with /proc");
    let mut crowd = Crowd::gathers(crowd, count, &house);
    talk(&ana, &ben, &session, "beside them");
    let idle = grown(before);
    crowd.does("talk", &format!("talked {count}"));
    talk(&ana, &ben, &session, "after they talked");
    let talked = grown(before);
    crowd.does("garbage", &format!("ended {count}"));
    talk(&ana, &ben, &session, "after their last words");
    let ended = grown(before);
    let tally = house.shell().tally();
    assert_eq!(tally.undecodable, count as u64, "{tally:?}");
    say(&format!(
        "{count} connections: {} bytes each when idle, {} after they talked, {} after they ended",
        idle / count as u64,
        talked / count as u64,
        ended / count as u64,
    ));
    for cost in [idle, talked, ended] {
        assert!(cost <= bytes_each * count as u64, "{} bytes each", cost / count as u64);
    }
    crowd.goes();
    house.serves_others();
}

/// Lets this process have as many descriptors as it may; how many.
///
/// # Errors
///
/// The operating system does not say.
pub fn raise_descriptors() -> io::Result<u64> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
}

/// The other process.
struct Crowd {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Crowd {
    fn gathers<S: Shell>(program: &str, count: usize, house: &House<S>) -> Self {
        let mut child = Command::new(program)
            .arg(count.to_string())
            .arg(house.address::<BasicClient>().to_string())
            .arg(house.address::<FlexClient>().to_string())
            .arg(house.address::<EspClient>().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program is there");
        let input = child.stdin.take().expect("it was asked for");
        let output = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
        let mut crowd = Self { child, input, output };
        crowd.says(&format!("open {count}"));
        crowd
    }

    fn does(&mut self, what: &str, then: &str) {
        writeln!(self.input, "{what}").expect("it listens");
        self.says(then);
    }

    fn says(&mut self, expected: &str) {
        let line = self.output.next().expect("it says why on its standard error");
        assert_eq!(line.expect("words"), expected);
    }

    fn goes(self) {
        let Self { mut child, input, .. } = self;
        drop(input);
        assert!(child.wait().expect("it was started").success());
    }
}

fn talk(ana: &Agent, ben: &Agent, session: &SessionId, when: &str) {
    for number in 0..WORDS {
        ana.says(session, &format!("{number} {when}"));
        ben.waits_for(&format!("Ana: {number} {when}"));
    }
}

/// The memory of this process that is in use, in bytes; `None`: this system does not say.
pub(super) fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kibibytes * 1024)
}

/// How much more it is than before.
fn grown(before: u64) -> u64 {
    resident().expect("a system with /proc").saturating_sub(before)
}

#[expect(clippy::print_stderr, reason = "whoever runs it wants to see the figures")]
fn say(words: &str) {
    eprintln!("{words}");
}
