//! Load for a server: as many customers and agents as wanted, on one thread.
//!
//! What they do is decided in `crowd`, which knows neither sockets nor clocks; here are those.
//! The report says what the server did, and how busy this side was: a generator that is out of
//! breath measures itself.

mod chance;
mod cpu;
mod crowd;
pub mod failover;
mod lines;
mod plan;
mod report;
mod tally;
mod words;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant as StdInstant};

use confer_core::id::PortId;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use cpu::Cpu;
use crowd::{Action, Crowd, Phase};
use lines::Lines;

pub use plan::{Customers, GUIDE_LENGTH, MAX_SESSIONS, Plan, PlanError, Scenario, TEXT_LENGTHS};
pub use report::{Latency, Report};

/// Descriptors that are not connections.
const SPARE_DESCRIPTORS: u64 = 32;
/// The longest wait for sockets: how soon an interruption is noticed.
const WAIT: Duration = Duration::from_millis(100);

/// Why there is no load.
#[derive(Debug)]
pub enum LoadError {
    /// The plan contradicts itself.
    Plan(PlanError),
    /// There are not enough descriptors.
    Descriptors {
        /// So many connections are needed.
        connections: u64,
        /// So many descriptors this process may have.
        descriptors: u64,
    },
    /// The server's process is not to be seen.
    Process {
        /// Its number.
        pid: u32,
        /// Why not.
        error: io::Error,
    },
    /// A server that this side is to start does not run.
    Server {
        /// Which, from 0 on.
        number: usize,
        /// Why not.
        what: String,
        /// Where it says more.
        log: PathBuf,
    },
    /// What the servers store cannot be read.
    Store(String),
    /// The operating system refuses something else.
    System(io::Error),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan(error) => fmt::Display::fmt(error, f),
            Self::Descriptors { connections, descriptors } => write!(
                f,
                "{connections} connections are needed, and this process may have {descriptors} \
                 descriptors, {SPARE_DESCRIPTORS} of them for itself: raise the limit (ulimit -n), \
                 or let more people share a connection (--per-agent, --per-gateway)"
            ),
            Self::Process { pid, error } => {
                write!(f, "the CPU time of process {pid} cannot be read: {error}")
            }
            Self::Server { number, what, log } => {
                write!(f, "server {number} does not run: {what}; see {}", log.display())
            }
            Self::Store(what) => write!(f, "what is stored cannot be read: {what}"),
            Self::System(error) => write!(f, "the load generator cannot run: {error}"),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<PlanError> for LoadError {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

impl From<io::Error> for LoadError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// Tells a run to end early: the first time with its farewells, the second time at once.
#[derive(Debug, Default)]
pub struct Interruption(AtomicUsize);

impl Interruption {
    /// An interruption that may come.
    pub const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Interrupts.
    pub fn interrupt(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn times(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What happens now, in a word or two.
    pub doing: &'static str,
    /// Since the run began.
    pub elapsed: Duration,
    /// Sessions that are under way, dormant ones included.
    pub sessions: u64,
    /// Connections that are open.
    pub connections: u64,
    /// Messages since the last progress.
    pub messages: u64,
    /// Since the last progress.
    pub since: Duration,
    /// Errors so far.
    pub errors: u64,
    /// From saying to hearing, so far: the median and the 99th percentile, in microseconds.
    pub delivered: Option<(u64, u64)>,
}

/// Runs a plan to its end; `progress` hears of it every `interval`.
///
/// # Errors
///
/// The plan cannot be run here. What goes wrong between this side and the server is no error of this
/// function: it stands in the report.
pub fn run(
    plan: Plan,
    interruption: &Interruption,
    interval: Duration,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Report, LoadError> {
    plan.check()?;
    let connections = plan.connections();
    descriptors(connections)?;
    let pid = plan.server_pid;
    let of = |pid| Cpu::of(pid).map_err(|error| LoadError::Process { pid, error });
    pid.map(of).transpose()?;
    let relayed = plan.customers == Customers::Relayed;
    let bare = relayed.then(|| crowd::bare_sizes(plan.text_length));
    let runner = Runner {
        lines: Lines::new(plan.access_token.clone(), bare, plan.has_rate())?
            .with_service(&plan.service),
        addresses: (plan.default, plan.webapi, plan.web),
        crowd: Crowd::new(plan),
        began: StdInstant::now(),
        spent: None,
        before: None,
        pid,
    };
    runner.run(interruption, interval, progress)
}

/// The crowd, its lines, and the clock.
struct Runner {
    crowd: Crowd,
    lines: Lines,
    /// Of the ports `default`, `webapi` and `web`.
    addresses: (SocketAddr, SocketAddr, SocketAddr),
    began: StdInstant,
    pid: Option<u32>,
    /// CPU time of the server, if it is to be seen, and of this process when measuring began.
    before: Option<(Option<Cpu>, Cpu)>,
    /// The same for the time that was measured.
    spent: Option<(Option<Duration>, Duration)>,
}

impl Runner {
    fn run(
        mut self,
        interruption: &Interruption,
        interval: Duration,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Report, LoadError> {
        let (mut told, mut messages) = (Duration::ZERO, 0);
        loop {
            self.act();
            self.watch()?;
            let now = self.now();
            if interruption.times() > 0 {
                self.crowd.leave(true, now);
            }
            if self.crowd.phase() == Phase::Over || interruption.times() > 1 {
                break;
            }
            if now - told >= interval {
                let heard = self.crowd.tally().messages;
                let since = now - told;
                let messages = heard.saturating_sub(std::mem::replace(&mut messages, heard));
                progress(&self.crowd.progress(now, messages, since));
                told = now;
            }
            self.turn(interval.saturating_sub(now - told))?;
        }
        self.watch()?;
        let now = self.now();
        Ok(self.crowd.report(self.spent, now))
    }

    /// Waits, moves bytes, and lets everybody do what they do upon that.
    fn turn(&mut self, limit: Duration) -> io::Result<()> {
        let now = self.now();
        let due = self.crowd.poll_timeout().map_or(WAIT, |at| at.saturating_sub(now));
        for ready in self.lines.wait(due.min(limit).min(WAIT))? {
            let Self { lines, crowd, began, .. } = self;
            lines.move_bytes(ready, *began, crowd);
            self.act();
        }
        let now = self.now();
        self.crowd.handle_timeout(now);
        self.lines.handle_timeout(now, &mut self.crowd);
        Ok(())
    }

    /// Does what the crowd wants done.
    fn act(&mut self) {
        loop {
            while let Some(action) = self.crowd.poll_action() {
                let now = self.now();
                match action {
                    Action::Open { line, port } => {
                        let (default, webapi, web) = self.addresses;
                        let address = match port {
                            PortId::Webapi => webapi,
                            PortId::Web => web,
                            PortId::Default | PortId::Esp | PortId::Health => default,
                        };
                        self.lines.open(line, (port, address), now, &mut self.crowd);
                    }
                    Action::Send { line, said } => self.lines.send(line, said, now),
                    Action::Close { line } => self.lines.close(line),
                }
            }
            let now = self.now();
            if !self.lines.flush(now, &mut self.crowd) {
                return;
            }
        }
    }

    /// Looks at the CPU times when measuring begins and ends.
    fn watch(&mut self) -> Result<(), LoadError> {
        let measuring = self.crowd.phase() == Phase::Measuring;
        if measuring == self.before.is_some() || self.spent.is_some() {
            return Ok(());
        }
        let own = Cpu::own()?;
        // A server that has died in the meantime has no times any more, and the report has worse.
        let server = self.pid.and_then(|pid| Cpu::of(pid).ok());
        match self.before.take() {
            None => self.before = Some((server, own)),
            Some((server_before, own_before)) => {
                let spent = server.zip(server_before).map(|(after, before)| after - before);
                self.spent = Some((spent, own - own_before));
            }
        }
        Ok(())
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

/// Makes room for so many connections.
fn descriptors(connections: u64) -> Result<(), LoadError> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // What the operator allows may be used without being asked for twice; if not, the check says so.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if connections > descriptors.saturating_sub(SPARE_DESCRIPTORS) {
        return Err(LoadError::Descriptors { connections, descriptors });
    }
    Ok(())
}
