//! The thread that writes: it takes what has come in, commits all of it at once, and answers.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use confer_core::ask::{Failure, Instance, Outcome, Record, Request};
use confer_core::door::External;
use confer_core::id::OpId;
use tracing::{error, info, warn};

use crate::documents::Refusal;
use crate::error::OpenError;
use crate::spool::Spool;
use crate::store::{Event, Job, Shared};

use super::log::{self, Carrier};
use super::reading::{self, Reader};
use super::{Answer, Database, Reading, Step, Stepped, Trouble};

/// How often the thread looks for what others have told this server: half of what is promised
/// (B20.12).
const LOOK: Duration = Duration::from_millis(50);
/// How often a server says that it lives (B20.13).
const BEAT: Duration = Duration::from_secs(5);
/// How often the store is tried again while it is down, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// A store that fails so soon after it came back is tried less often.
const STEADY: Duration = Duration::from_secs(60);

/// Begins the thread, with a database that is open. The channel ends with it.
pub(crate) fn run(
    mut database: Database,
    spool: Spool,
    shared: Arc<Shared>,
) -> Result<Receiver<()>, OpenError> {
    let reader = Reader::open(database.path())?;
    let (reading, readings) = channel();
    let (path, to) = (database.path().to_owned(), Arc::clone(&shared));
    let read = move || reading::run(&path, &reader, &readings, &to);
    let reader = Builder::new().name("store-read".into()).spawn(read).map_err(OpenError::System)?;
    let told = database.watch_log()?;
    let path = database.path().to_owned();
    let carrier = Carrier::open(&path).map_err(|trouble| trouble.opening(&path))?;
    let carry = move || log::run(&path, &carrier, &told);
    let carrier =
        Builder::new().name("store-log".into()).spawn(carry).map_err(OpenError::System)?;
    let now = Instant::now();
    let mut worker = Worker {
        database,
        spool,
        shared,
        reading,
        state: State::Up { since: now },
        pause: RETRY.0,
        next_look: now,
        next_beat: now,
    };
    let (ending, ended) = channel();
    let work = move || {
        let _ending: Sender<()> = ending;
        worker.work();
        let Worker { mut database, reading, .. } = worker;
        drop(reading);
        database.unwatch_log();
        // One that panicked said so itself.
        let _ = (reader.join(), carrier.join());
        // Last, for only who writes can leave the file without its log behind.
        drop(database);
    };
    Builder::new().name("store".into()).spawn(work).map_err(OpenError::System)?;
    Ok(ended)
}

/// Whether the database answers.
enum State {
    Up { since: Instant },
    Down { until: Instant },
}

struct Worker {
    database: Database,
    spool: Spool,
    shared: Arc<Shared>,
    reading: Sender<(OpId, Reading)>,
    state: State,
    /// How long a store that is down is left alone.
    pause: Duration,
    next_look: Instant,
    next_beat: Instant,
}

impl Worker {
    fn work(&mut self) {
        self.write_back();
        self.tick();
        while let Some(jobs) = self.shared.take(LOOK) {
            if !jobs.is_empty() {
                self.perform(jobs);
                self.shared.rested();
            }
            self.tick();
        }
        if let Err(trouble) = self.database.leave() {
            warn!(%trouble, "the end of this server could not be noted in the store");
        }
    }

    fn perform(&mut self, jobs: Vec<Job>) {
        // Nothing but a file, and the last resort: it does not wait for the database.
        let (spooled, jobs): (Vec<_>, Vec<_>) = jobs.into_iter().partition(is_spool);
        for job in spooled {
            if let Job::Ask { op, request, .. } = job {
                let outcome = self.spool.keep(&request);
                self.shared.done(op, outcome);
            }
        }
        if matches!(self.state, State::Down { .. }) {
            return jobs.into_iter().for_each(|job| refuse(&self.shared, job));
        }
        if jobs.is_empty() {
            return;
        }
        let tells = jobs.iter().any(is_message);
        let steps: Vec<_> = jobs.iter().map(step).collect();
        match self.database.perform(&steps) {
            Ok(done) => {
                let answers = jobs.into_iter().zip(done);
                let answers: Vec<_> =
                    answers.filter_map(|(job, stepped)| self.answer(job, stepped)).collect();
                self.shared.say(answers);
            }
            Err(trouble) if trouble.is_private() => self.one_by_one(jobs),
            Err(trouble) => {
                self.fail(&trouble);
                jobs.into_iter().for_each(|job| refuse(&self.shared, job));
            }
        }
        if tells {
            // It may have been for this very server.
            self.next_look = Instant::now();
            self.listen(true);
        }
    }

    /// One of them went wrong, and not because of the database: each for itself.
    fn one_by_one(&mut self, jobs: Vec<Job>) {
        for job in jobs {
            match self.database.perform(&[step(&job)]).map(|mut done| done.pop()) {
                Ok(Some(stepped)) => self.shared.say(self.answer(job, stepped)),
                Ok(None) => refuse(&self.shared, job),
                Err(trouble) if trouble.is_private() => {
                    let (path, advice) = (self.database.path().display(), trouble.advice());
                    error!(%path, %trouble, advice, "the store cannot take a request");
                    match job {
                        Job::Ask { op, .. } => {
                            self.shared.done(op, Outcome::Failed(Failure::Refused));
                        }
                        Job::Document(asked) => drop(asked.answer.send(Err(Refusal::TooLarge))),
                    }
                }
                Err(trouble) => {
                    self.fail(&trouble);
                    refuse(&self.shared, job);
                }
            }
        }
    }

    /// What the machine is to hear of something that was done, if it is to hear of it at once.
    fn answer(&self, job: Job, stepped: Stepped) -> Option<Event> {
        match (job, stepped) {
            (Job::Ask { op, .. }, Stepped::Answer(Answer::Done(outcome))) => {
                return Some(Event::Done { op, outcome });
            }
            (Job::Ask { op, .. }, Stepped::Answer(Answer::Read(reading))) => {
                if self.reading.send((op, reading)).is_err() {
                    self.shared.done(op, Outcome::Failed(Failure::Unavailable));
                }
            }
            // Whoever asked may have gone.
            (Job::Document(asked), Stepped::Document(done)) => drop(asked.answer.send(done)),
            (job, _) => refuse(&self.shared, job),
        }
        None
    }

    /// Does what is due beside requests.
    fn tick(&mut self) {
        let now = Instant::now();
        match self.state {
            State::Down { until } if until <= now => self.recover(),
            State::Down { .. } => {}
            State::Up { .. } => {
                if self.next_beat <= now {
                    self.next_beat = now + BEAT;
                    let told = self.database.beat();
                    self.tell(told);
                }
                if self.next_look <= now {
                    self.listen(false);
                }
            }
        }
    }

    fn listen(&mut self, surely: bool) {
        self.next_look = Instant::now() + LOOK;
        let told = match self.database.has_changed() {
            Ok(false) if !surely => return,
            Ok(_) => self.database.messages(),
            Err(trouble) => Err(trouble),
        };
        self.tell(told);
    }

    fn tell(&mut self, told: Result<Vec<External>, Trouble>) {
        match told {
            Ok(told) => self.shared.say(told.into_iter().map(Event::External)),
            Err(trouble) => self.fail(&trouble),
        }
    }

    /// The database is of no use for now.
    fn fail(&mut self, trouble: &Trouble) {
        let now = Instant::now();
        if let State::Up { since } = self.state {
            let (path, advice) = (self.database.path().display(), trouble.advice());
            error!(%path, %trouble, advice, "the store is not available: nothing is saved");
            let steady = now.duration_since(since) >= STEADY;
            self.pause = if steady { RETRY.0 } else { (self.pause * 2).min(RETRY.1) };
        }
        self.state = State::Down { until: now + self.pause };
    }

    /// Looks whether the database is of use again.
    fn recover(&mut self) {
        match self.database.beat() {
            Ok(told) => {
                let path = self.database.path().display();
                info!(%path, "the store is available again");
                let now = Instant::now();
                self.state = State::Up { since: now };
                self.next_beat = now + BEAT;
                self.shared.say([Event::External(External::ContactStoreUp)]);
                self.tell(Ok(told));
                self.write_back();
            }
            Err(trouble) => self.fail(&trouble),
        }
    }

    /// Writes what was kept beside the database into it (B20.6).
    fn write_back(&mut self) {
        let Self { spool, database, .. } = self;
        if let Err(trouble) = spool.write_back(|end| database.close_spooled(end)) {
            self.fail(&trouble);
        }
    }
}

const fn is_spool(job: &Job) -> bool {
    matches!(job, Job::Ask { request: Request::Record(Record::Spool { .. }), .. })
}

const fn is_message(job: &Job) -> bool {
    matches!(job, Job::Ask { request: Request::Instance(Instance::Tell { .. }), .. })
}

fn step(job: &Job) -> Step<'_> {
    match job {
        Job::Ask { request, .. } => Step::Ask(request),
        Job::Document(asked) => Step::Document(&asked.ask),
    }
}

/// Not now.
pub(crate) fn refuse(shared: &Shared, job: Job) {
    match job {
        Job::Ask { op, .. } => shared.done(op, Outcome::Failed(Failure::Unavailable)),
        Job::Document(asked) => drop(asked.answer.send(Err(Refusal::Unavailable))),
    }
}
