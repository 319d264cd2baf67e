//! The store as shells see it: questions in, answers out, and nobody waits for anybody.

use std::collections::VecDeque;
use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use confer_core::ask::{Outcome, Request};
use confer_core::config::Config;
use confer_core::door::External;
use confer_core::id::OpId;
use confer_core::text::Str;
use tracing::error;

use crate::documents::{Asked, Documents};
use crate::error::OpenError;
use crate::memory::Memory;
use crate::spool::Spool;
use crate::sqlite::{self, Database};
use crate::url::Url;
use crate::weight::weight;

/// Requests without an answer at most. One more is not available at once; the machine asks again.
pub const MAX_REQUESTS: usize = 16_384;
/// Bytes they hold together at most; a single one may hold more.
pub const MAX_BYTES: usize = 64 << 20;
/// Requests in one transaction.
const BATCH: usize = 1024;
/// Bytes in one transaction.
const BATCH_BYTES: usize = 4 << 20;
/// How long the store may be at one transaction before it counts as stuck.
const STUCK: Duration = Duration::from_secs(5);
/// How long a store that is dropped is waited for.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What a store is told when it is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of this server among those that share the store (B20.12).
    pub instance: String,
    /// The number of this server; `None`: the one the store gives to its name (B20.12).
    pub app_dbid: Option<u16>,
    /// What an answer promises.
    pub sync: Sync,
    /// Bytes the database may take at most; `None`: what the disk has.
    pub max_size: Option<u64>,
}

impl Options {
    /// The usual ones, for a server of this name.
    pub fn new(instance: &str) -> Self {
        Self { instance: instance.to_owned(), app_dbid: None, sync: Sync::Normal, max_size: None }
    }
}

/// What has happened when a request is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// It survives the death of every process. The last moments before a loss of power may be lost.
    #[default]
    Normal,
    /// It survives a loss of power, too.
    Full,
}

/// What a store has to say.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A request has its answer.
    Done {
        /// Which.
        op: OpId,
        /// How it ended.
        outcome: Outcome,
    },
    /// Something another part of the system did.
    External(External),
}

/// A store that is open. Dropping it ends it, once everything that was asked is done.
pub struct Store {
    shared: Arc<Shared>,
    backend: Backend,
    instance: Str,
}

enum Backend {
    Memory(Box<Mutex<Memory>>),
    Sqlite {
        app_dbid: u16,
        /// Nothing is sent; the end of the channel is that of the thread.
        ended: Mutex<Receiver<()>>,
    },
}

impl Store {
    /// Opens a store. `wake` is called, by any thread, when [`Store::poll`] has something to say.
    ///
    /// # Errors
    ///
    /// The store cannot be used, and why.
    pub fn open(
        url: &Url,
        options: &Options,
        wake: impl Fn() + Send + core::marker::Sync + 'static,
    ) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            work: Condvar::new(),
            events: Mutex::default(),
            wake: Box::new(wake),
            name: url.to_string(),
        });
        let backend = match url {
            Url::Memory => Backend::Memory(Box::default()),
            Url::Sqlite(path) => {
                let database = Database::open(path, options)?;
                let app_dbid = database.app_dbid();
                let ended = sqlite::run(database, Spool::beside(path), Arc::clone(&shared))?;
                Backend::Sqlite { app_dbid, ended: Mutex::new(ended) }
            }
        };
        Ok(Self { shared, backend, instance: Str::new(&options.instance) })
    }

    /// Asks; answered by exactly one [`Event::Done`].
    pub fn ask(&self, op: OpId, request: Request) {
        match &self.backend {
            Backend::Memory(memory) => {
                let outcome = locked(memory).perform(request);
                locked(&self.shared.events).push_back(Event::Done { op, outcome });
            }
            Backend::Sqlite { .. } => {
                let bytes = weight(&request);
                self.shared.put(Job::Ask { op, request, bytes });
            }
        }
    }

    /// What there is to say next.
    pub fn poll(&self) -> Option<Event> {
        locked(&self.shared.events).pop_front()
    }

    /// Whether there is nothing to say.
    pub fn is_quiet(&self) -> bool {
        locked(&self.shared.events).is_empty()
    }

    /// The documents.
    pub const fn documents(&self) -> Documents<'_> {
        Documents::new(self)
    }

    /// The number of this server (B20.12); `None` where there is no other.
    pub const fn app_dbid(&self) -> Option<u16> {
        match &self.backend {
            Backend::Memory(_) => None,
            Backend::Sqlite { app_dbid, .. } => Some(*app_dbid),
        }
    }

    /// The configuration of a server with this store, which knows the server's name and number
    /// (B20.12), and saves nothing on the way into a store in memory ([`Memory::config`]).
    pub fn config(&self, config: &Arc<Config>) -> Arc<Config> {
        let mut config = match &self.backend {
            Backend::Memory(_) => Config::clone(&Memory::config(config)),
            Backend::Sqlite { app_dbid, .. } => {
                let mut config = Config::clone(config);
                config.server.app_dbid.get_or_insert(u32::from(*app_dbid));
                config
            }
        };
        config.server.name.get_or_insert_with(|| self.instance.clone());
        Arc::new(config)
    }

    pub(crate) fn ask_documents(&self, asked: Asked) {
        match &self.backend {
            Backend::Memory(memory) => {
                let done = locked(memory).documents(asked.ask);
                // Whoever asked may have gone.
                let _ = asked.answer.send(done);
            }
            Backend::Sqlite { .. } => self.shared.put(Job::Document(asked)),
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("name", &self.shared.name).finish_non_exhaustive()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let Backend::Sqlite { ended, .. } = &self.backend else { return };
        locked(&self.shared.queue).closed = true;
        self.shared.work.notify_all();
        if locked(ended).recv_timeout(LAST_WORDS) == Err(RecvTimeoutError::Timeout) {
            let store = &self.shared.name;
            error!(store, "the store does not come to an end; what it was told last may be lost");
        }
    }
}

/// Something to do.
pub(crate) enum Job {
    Ask { op: OpId, request: Request, bytes: usize },
    Document(Asked),
}

impl Job {
    fn weight(&self) -> usize {
        match self {
            Self::Ask { bytes, .. } => *bytes,
            Self::Document(asked) => asked.ask.weight(),
        }
    }
}

/// What the threads of a store share with whoever asks.
pub(crate) struct Shared {
    queue: Mutex<Queue>,
    /// There is work.
    work: Condvar,
    events: Mutex<VecDeque<Event>>,
    wake: Box<dyn Fn() + Send + core::marker::Sync>,
    name: String,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Bytes of all of them.
    bytes: usize,
    /// Since when the thread is at what it took last.
    busy: Option<Instant>,
    /// Somebody was told that it is stuck.
    stuck: bool,
    closed: bool,
}

impl Shared {
    fn put(&self, job: Job) {
        let weight = job.weight();
        let mut queue = locked(&self.queue);
        let stuck = queue.busy.is_some_and(|since| since.elapsed() >= STUCK);
        if stuck && !std::mem::replace(&mut queue.stuck, true) {
            let (store, seconds) = (&self.name, STUCK.as_secs());
            error!(store, seconds, "the store is stuck: another process may hold its lock");
        }
        let full = queue.jobs.len() >= MAX_REQUESTS
            || (!queue.jobs.is_empty() && queue.bytes + weight > MAX_BYTES);
        if stuck || full || queue.closed {
            drop(queue);
            return sqlite::refuse(self, job);
        }
        queue.bytes += weight;
        queue.jobs.push_back(job);
        // The thread has one place where it waits, and wakes itself when there is more.
        if queue.jobs.len() == 1 {
            self.work.notify_one();
        }
    }

    /// What is to be done next, together, once there is anything or after so long; `None` when
    /// nothing will ever come.
    pub(crate) fn take(&self, patience: Duration) -> Option<Vec<Job>> {
        let queue = locked(&self.queue);
        let waits = |queue: &mut Queue| queue.jobs.is_empty() && !queue.closed;
        let waited = self.work.wait_timeout_while(queue, patience, waits);
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if queue.jobs.is_empty() {
            return (!queue.closed).then(Vec::new);
        }
        let (mut jobs, mut bytes) = (Vec::new(), 0);
        while jobs.len() < BATCH && bytes < BATCH_BYTES {
            let Some(job) = queue.jobs.pop_front() else { break };
            bytes += job.weight();
            jobs.push(job);
        }
        queue.bytes -= bytes;
        queue.busy = Some(Instant::now());
        Some(jobs)
    }

    /// What was taken last is done.
    pub(crate) fn rested(&self) {
        let mut queue = locked(&self.queue);
        queue.busy = None;
        queue.stuck = false;
    }

    /// A request has its answer.
    pub(crate) fn done(&self, op: OpId, outcome: Outcome) {
        self.say([Event::Done { op, outcome }]);
    }

    /// The same of many: whoever waits is woken once.
    pub(crate) fn say(&self, said: impl IntoIterator<Item = Event>) {
        let woken = {
            let mut events = locked(&self.events);
            let was_empty = events.is_empty();
            events.extend(said);
            was_empty && !events.is_empty()
        };
        // Whoever was told polls until there is nothing left.
        if woken {
            (self.wake)();
        }
    }
}

/// Nothing that panics leaves these half changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const _: () = assert!(MAX_REQUESTS > BATCH && MAX_BYTES > BATCH_BYTES);

#[cfg(test)]
mod tests;
