//! The journal's file, and the thread that writes it.
//!
//! The machine's thread never waits for a disk: what is recorded goes into a queue with a limit, and
//! a journal whose disk cannot keep up ends there, while the chats go on. What stands in the file up
//! to then is good.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use confer_journal::{Lost, Recorder};
use tracing::{error, info, warn};

/// Bytes that may wait to be written; with more the journal ends.
const MAX_QUEUE: usize = 64 << 20;
/// The largest file, in bytes; with more the journal ends.
const MAX_FILE: u64 = 16 << 30;
/// Names that are tried when there are files already.
const MAX_NAMES: u32 = 10_000;
/// How long bytes may wait for company, so that a busy server writes many at a time.
const GATHER: Duration = Duration::from_millis(20);
/// How long the end of the server waits for the last bytes to be written.
const LAST_BYTES: Duration = Duration::from_secs(10);

/// What to record of the machine.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Into which file. One that is there is left alone, and `.1` or the next number that is free
    /// appended.
    pub file: PathBuf,
    /// Whether what people write, and secrets, are recorded. Without, nothing can be run again.
    pub has_text: bool,
}

/// Creates the file, for its owner only.
///
/// # Errors
///
/// It cannot be created, or all its names are taken.
pub(super) fn create(wanted: &Path) -> io::Result<(PathBuf, File)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut name = wanted.to_owned();
    for number in 1..=MAX_NAMES {
        match options.open(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|file| (name, file)),
        }
        let mut numbered = wanted.as_os_str().to_owned();
        numbered.push(format!(".{number}"));
        name = numbered.into();
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "it and all that are numbered after it exist"))
}

/// Why a journal ends before the server does.
#[derive(Debug)]
enum Fault {
    Recorder(Lost),
    /// The queue is full.
    Slow,
    /// The file is as large as it may be.
    Full,
    Write(io::Error),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Recorder(lost) => std::fmt::Display::fmt(lost, f),
            Self::Slow => write!(f, "the disk is too slow: {MAX_QUEUE} bytes wait to be written"),
            Self::Full => write!(f, "it is as large as it may be: {MAX_FILE} bytes"),
            Self::Write(error) => write!(f, "it cannot be written: {error}"),
        }
    }
}

/// A journal that is being written.
pub(super) struct Journal {
    name: PathBuf,
    shared: Arc<Shared>,
    /// Bytes it will have when all that was given is written.
    size: u64,
    lost: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    /// The writer sleeps until something changes.
    idle: bool,
    /// Nothing more comes.
    closing: bool,
    /// The writer has ended.
    done: bool,
    fault: Option<io::Error>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is held, and a queue is a queue whatever happened.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that nothing more comes, and waits until all is written; whether it is, and what was in
    /// the way.
    fn close(&self) -> (bool, Option<io::Error>) {
        let mut queue = self.lock();
        queue.closing = true;
        self.changed.notify_all();
        let (mut queue, _) = self
            .changed
            .wait_timeout_while(queue, LAST_BYTES, |queue| !queue.done)
            .unwrap_or_else(PoisonError::into_inner);
        (queue.done, queue.fault.take())
    }
}

impl Journal {
    /// Begins to write.
    ///
    /// # Errors
    ///
    /// There can be no further thread.
    pub(super) fn begin<W: Out>(name: PathBuf, out: W) -> io::Result<Self> {
        let shared = Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new() });
        let writer = Arc::clone(&shared);
        std::thread::Builder::new().name("journal".into()).spawn(move || write(&writer, out))?;
        Ok(Self { name, shared, size: 0, lost: false })
    }

    /// Takes what was recorded; never waits for the file.
    pub(super) fn keep<M>(&mut self, recorder: &mut Recorder<M>) {
        if self.lost {
            return;
        }
        if let Some(lost) = recorder.lost() {
            self.end(&Fault::Recorder(lost));
        } else if !recorder.output().is_empty() {
            match self.push(recorder.output()) {
                Ok(()) => recorder.sent(usize::MAX),
                Err(fault) => self.end(&fault),
            }
        }
        if self.lost {
            recorder.stop();
        }
    }

    /// Takes the end of what was recorded, and waits until all is written, but not for ever.
    pub(super) fn finish<M>(&mut self, recorder: &mut Recorder<M>) {
        recorder.finish();
        self.keep(recorder);
        let (written, fault) = self.shared.close();
        if let Some(error) = fault {
            self.end(&Fault::Write(error));
        }
        let file = self.name.display();
        if self.lost {
            warn!(%file, "the journal ends before the server does");
        } else if written {
            info!(%file, bytes = self.size, "the journal is complete");
        } else {
            error!(%file, "the journal is not written yet, and nobody waits for it any longer");
        }
    }

    fn end(&mut self, fault: &Fault) {
        self.lost = true;
        error!(file = %self.name.display(), "the journal ends here, and the server goes on: {fault}");
        let mut queue = self.shared.lock();
        queue.closing = true;
        self.shared.changed.notify_all();
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let mut queue = self.shared.lock();
        if let Some(error) = queue.fault.take() {
            return Err(Fault::Write(error));
        }
        if queue.bytes.len() + bytes.len() > MAX_QUEUE {
            return Err(Fault::Slow);
        }
        let size = self.size + bytes.len() as u64;
        if size > MAX_FILE {
            return Err(Fault::Full);
        }
        self.size = size;
        queue.bytes.extend_from_slice(bytes);
        if queue.idle {
            self.shared.changed.notify_all();
        }
        Ok(())
    }
}

/// Where a journal goes.
pub(super) trait Out: Write + Send + 'static {
    /// What is written stays, whatever happens to the machine.
    fn sync(&mut self) -> io::Result<()>;
}

impl Out for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

/// Writes what comes until nothing more does.
fn write(shared: &Shared, mut out: impl Out) {
    let mut bytes = Vec::new();
    let result = loop {
        bytes.clear();
        let mut queue = shared.lock();
        while queue.bytes.is_empty() && !queue.closing {
            queue.idle = true;
            queue = shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle = false;
        }
        if queue.bytes.is_empty() {
            drop(queue);
            break out.sync();
        }
        if !queue.closing {
            let wait = shared.changed.wait_timeout_while(queue, GATHER, |queue| !queue.closing);
            queue = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::swap(&mut queue.bytes, &mut bytes);
        drop(queue);
        if let Err(error) = out.write_all(&bytes) {
            break Err(error);
        }
    };
    let mut queue = shared.lock();
    queue.fault = result.err();
    queue.done = true;
    shared.changed.notify_all();
}

#[cfg(test)]
mod tests;
