//! Servers that are killed under load: whether anything that was acknowledged is lost by that.
//!
//! The run starts its servers itself, processes of one program on one store, for it kills them: it
//! must not kill anybody else's, and has to know how to start them again. Everybody in the sessions is
//! a machine of `confer_core::client`, which finds the way to another server by itself. After each
//! death, and when a session is over, what was acknowledged is held against what is stored.

mod fleet;
mod machine;
mod people;
mod report;
mod talk;

use alloc::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant as StdInstant};

use confer_core::id::SessionId;
use confer_core::pii::Secret;
use confer_store::{Url, View};

use super::crowd::Said;
use super::lines::Lines;
use super::tally::Trouble;
use super::{Interruption, LoadError, PlanError, TEXT_LENGTHS, WAIT, descriptors};

use fleet::Fleet;
use people::{Action, People};
use talk::Stored;

pub use report::Report;

/// The property of an interaction by which agents restore its session (B20.10).
const TOKEN: &str = "ChatServerWebapiToken";
/// One team in so many gives way to another in each round.
const RENEWED: usize = 4;
/// Servers at most.
pub const MAX_SERVERS: usize = 16;

/// What a run is to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How often a server is killed.
    pub rounds: u32,
    /// How many servers there are, 2 to [`MAX_SERVERS`].
    pub servers: usize,
    /// Sessions at a time.
    pub sessions: u32,
    /// Sessions of one agent.
    pub per_agent: u32,
    /// Messages a second over all sessions, as far as they are answered.
    pub rate: u32,
    /// How often a customer asks what is new.
    pub poll: Duration,
    /// Characters in a message.
    pub text_length: u32,
    /// How long it may take until everybody is back after a death; beyond, it is an error.
    pub patience: Duration,
    /// What chance there is follows from this.
    pub seed: u64,
    /// The program of the servers, this one.
    pub program: PathBuf,
    /// Further arguments of theirs.
    pub options: Vec<String>,
    /// Where the store and the servers' logs are to be; `None`: in a directory of their own that is
    /// removed if nothing went wrong.
    pub directory: Option<PathBuf>,
}

impl Plan {
    fn check(&self) -> Result<(), PlanError> {
        if self.sessions == 0 || self.sessions > super::MAX_SESSIONS {
            return Err(PlanError::Sessions(self.sessions.into()));
        }
        let most = confer_core::limits::Limits::default().max_sessions_per_connection;
        if self.per_agent == 0 || self.per_agent > most {
            return Err(PlanError::PerAgent(self.per_agent));
        }
        if !TEXT_LENGTHS.contains(&self.text_length) {
            return Err(PlanError::TextLength(self.text_length));
        }
        if !(2..=MAX_SERVERS).contains(&self.servers) {
            return Err(PlanError::Servers(self.servers));
        }
        let nothing = [
            (self.rounds == 0, "the number of rounds"),
            (self.rate == 0, "the rate"),
            (self.poll.is_zero(), "the time between polls"),
            (self.patience.is_zero(), "the patience"),
        ];
        match nothing.iter().find(|(is_nothing, _)| *is_nothing) {
            Some((_, what)) => Err(PlanError::Nothing(what)),
            None => Ok(()),
        }
    }

    /// All connections: each customer has one.
    fn connections(&self) -> u64 {
        u64::from(self.sessions) + u64::from(self.sessions.div_ceil(self.per_agent))
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What happens now, in a word or two.
    pub doing: &'static str,
    /// Since the run began.
    pub elapsed: Duration,
    /// Deaths so far.
    pub rounds: u32,
    /// Sessions that are under way.
    pub sessions: usize,
    /// Connections that are open.
    pub connections: usize,
    /// Messages acknowledged so far.
    pub acknowledged: u64,
    /// Sessions that were restored so far.
    pub restored: u64,
    /// Of what was acknowledged, lost or duplicated so far.
    pub lost: u64,
    /// Errors so far.
    pub errors: u64,
}

/// Runs a plan to its end; `progress` hears of it every `interval`.
///
/// # Errors
///
/// The plan cannot be run here, or a server does not start. What goes wrong between this side and the
/// servers is no error of this function: it stands in the report.
pub fn run(
    plan: Plan,
    interruption: &Interruption,
    interval: Duration,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Report, LoadError> {
    plan.check()?;
    descriptors(plan.connections())?;
    let directory = plan.directory.clone().unwrap_or_else(own_directory);
    let (program, options) = (plan.program.clone(), plan.options.clone());
    let fleet = Fleet::start(program, directory, options, plan.servers)?;
    let url = Url::Sqlite(fleet.store());
    let store = View::open(&url).map_err(|error| LoadError::Store(error.to_string()))?;
    let runner = Runner {
        people: People::new(&plan, Duration::ZERO),
        lines: Lines::new(None, None, false)?,
        began: StdInstant::now(),
        doing: Doing::Gathering,
        until: plan.patience,
        rounds: 0,
        dead: None,
        checks: VecDeque::new(),
        unreadable: None,
        fleet,
        store,
        plan,
    };
    runner.run(interruption, interval, progress)
}

fn own_directory() -> PathBuf {
    let name = format!("confer-failover-{}", std::process::id());
    std::env::temp_dir().join(name)
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Everybody comes.
    Gathering,
    /// They talk, until so much was acknowledged.
    Talking(u64),
    /// A server was killed, and they come back.
    Recovering,
    /// Everybody leaves.
    Leaving,
    Over,
}

impl Doing {
    const fn name(self) -> &'static str {
        match self {
            Self::Gathering => "gathering",
            Self::Talking(_) => "talking",
            Self::Recovering => "recovering",
            Self::Leaving => "leaving",
            Self::Over => "over",
        }
    }
}

/// Everybody, their lines, the servers, and the clock.
struct Runner {
    plan: Plan,
    people: People,
    lines: Lines,
    fleet: Fleet,
    store: View,
    began: StdInstant,
    doing: Doing,
    /// When patience with that is at its end.
    until: Duration,
    rounds: u32,
    /// The server that was killed and not started again.
    dead: Option<usize>,
    /// Teams whose sessions are to be held against what is stored.
    checks: VecDeque<usize>,
    /// Why the store could not be read.
    unreadable: Option<String>,
}

impl Runner {
    fn run(
        mut self,
        interruption: &Interruption,
        interval: Duration,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Report, LoadError> {
        let mut told = Duration::ZERO;
        let mut early = false;
        while self.doing != Doing::Over {
            self.act();
            self.direct()?;
            self.check();
            if let Some(why) = self.unreadable.take() {
                return Err(LoadError::Store(why));
            }
            let now = self.now();
            if interruption.times() > 0 && self.doing != Doing::Leaving {
                early = true;
                self.restart()?;
                self.leave(now);
            }
            if interruption.times() > 1 {
                break;
            }
            if now - told >= interval {
                progress(&self.progress(now));
                told = now;
            }
            self.turn()?;
        }
        let now = self.now();
        let report = Report::new(&self.plan, self.rounds, &self.people, now, early);
        let directory = self.fleet.directory().to_owned();
        drop(self.fleet);
        let report = if report.is_good() && self.plan.directory.is_none() {
            // What cannot be removed stays for the operating system to remove.
            let _ = fs::remove_dir_all(&directory);
            report
        } else {
            report.kept(directory)
        };
        Ok(report)
    }

    /// Waits, moves bytes, and lets everybody do what they do upon that.
    fn turn(&mut self) -> Result<(), LoadError> {
        let now = self.now();
        let due = self.people.poll_timeout().saturating_sub(now);
        for ready in self.lines.wait(due.min(WAIT))? {
            self.lines.move_bytes(ready, self.began, &mut self.people);
            self.act();
        }
        let now = self.now();
        self.people.handle_timeout(now);
        self.lines.handle_timeout(now, &mut self.people);
        Ok(())
    }

    /// Does what the people want done.
    fn act(&mut self) {
        loop {
            while let Some(action) = self.people.poll_action() {
                let now = self.now();
                match action {
                    Action::Open { line, server, port } => match self.fleet.address(server, port) {
                        Some(address) => {
                            self.lines.open(line, (port, address), now, &mut self.people);
                        }
                        None => debug_assert!(false, "there is no server {server}"),
                    },
                    Action::Send { line, frame } => self.lines.send(line, Said::Frame(frame), now),
                    Action::Close { line } => self.lines.close(line),
                    Action::Invite { team, talk, session, told } => {
                        let token = if told { self.token(&session) } else { None };
                        self.people.invite((team, talk), session, token, now);
                    }
                }
            }
            let now = self.now();
            if !self.lines.flush(now, &mut self.people) {
                return;
            }
        }
    }

    /// Decides what happens next.
    fn direct(&mut self) -> Result<(), LoadError> {
        let now = self.now();
        if let Some(server) = self.fleet.fallen() {
            let log = self.fleet.log(server);
            let what = "it has ended without being told to".to_owned();
            return Err(LoadError::Server { number: server, what, log });
        }
        match self.doing {
            Doing::Gathering | Doing::Recovering if self.people.are_all_there() => {
                self.restart()?;
                self.checks = self.people.going().into();
                self.people.replace(now);
                if self.rounds == self.plan.rounds {
                    self.leave(now);
                } else {
                    let more = self.people.draw(u64::from(self.plan.sessions) * 2);
                    self.until = now + self.plan.patience;
                    self.doing = Doing::Talking(self.people.counts.acknowledged + more);
                }
            }
            Doing::Talking(enough) if self.people.counts.acknowledged >= enough => {
                self.kill(now)?;
            }
            Doing::Leaving if self.people.are_over() && self.checks.is_empty() => {
                self.doing = Doing::Over;
            }
            Doing::Gathering | Doing::Recovering | Doing::Talking(_) if now >= self.until => {
                let who = self.people.who_is_missing();
                let who = who.unwrap_or_else(|| "nobody says anything any more".to_owned());
                self.people.tally.trouble(Trouble::Late, || who);
                self.restart()?;
                self.leave(now);
            }
            Doing::Leaving if now >= self.until => {
                let who = "somebody does not come to an end".to_owned();
                self.people.tally.trouble(Trouble::Late, || who);
                self.doing = Doing::Over;
            }
            Doing::Gathering
            | Doing::Recovering
            | Doing::Talking(_)
            | Doing::Leaving
            | Doing::Over => {}
        }
        Ok(())
    }

    /// Kills one of the servers that somebody is connected with.
    fn kill(&mut self, now: Duration) -> Result<(), LoadError> {
        let used: Vec<usize> =
            (0..self.plan.servers).filter(|server| self.people.is_used(*server)).collect();
        let number = self.people.draw(used.len() as u64);
        let victim = usize::try_from(number).ok().and_then(|number| used.get(number)).copied();
        let Some(victim) = victim else { return Ok(()) };
        self.fleet.kill(victim)?;
        self.rounds += 1;
        self.dead = Some(victim);
        self.doing = Doing::Recovering;
        self.until = now + self.plan.patience;
        self.people.bereave(victim, now);
        // Others begin elsewhere meanwhile, so that no server is left without anybody.
        let round = self.rounds as usize;
        self.people.retire(|team| team % RENEWED == round % RENEWED);
        // Half of the time it is there again before anybody has noticed.
        if self.people.draw(2) == 0 {
            self.restart()?;
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<(), LoadError> {
        self.dead.take().map_or(Ok(()), |dead| self.fleet.restart(dead))
    }

    fn leave(&mut self, now: Duration) {
        self.people.retire(|_| true);
        // An agent without a token seeks for so long what a customer has closed (B22.13).
        self.until = now + self.plan.patience * 4;
        self.doing = Doing::Leaving;
    }

    /// Holds a few sessions against what is stored.
    fn check(&mut self) {
        let Self { people, store, unreadable, checks, .. } = self;
        let mut stored = |session: &SessionId| match store.transcript(session.as_str()) {
            Ok(loaded) => loaded.as_ref().map(Stored::of).unwrap_or_default(),
            Err(error) => {
                unreadable.get_or_insert_with(|| error.to_string());
                Stored::default()
            }
        };
        for team in people.over() {
            people.count(team, &mut stored);
        }
        if let Some(team) = checks.pop_front() {
            people.check(team, &mut stored);
        }
    }

    fn token(&mut self, session: &SessionId) -> Option<Secret> {
        match self.store.interaction(session.as_str()) {
            Ok(row) => row?.properties.text(TOKEN).map(|token| Secret::new(&token)),
            Err(error) => {
                self.unreadable.get_or_insert_with(|| error.to_string());
                None
            }
        }
    }

    fn progress(&self, now: Duration) -> Progress {
        let counts = &self.people.counts;
        Progress {
            doing: self.doing.name(),
            elapsed: now,
            rounds: self.rounds,
            sessions: self.people.sessions(),
            connections: self.people.connections(),
            acknowledged: counts.acknowledged,
            restored: counts.restored,
            lost: counts.wrongs.lost + counts.wrongs.duplicated,
            errors: self.people.tally.errors(),
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}
