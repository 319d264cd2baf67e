//! A machine that writes down what is done to it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use confer_core::door::{Action, Input};
use confer_core::machine::{Machine, Progress};
use confer_core::time::Instant;

use crate::digest::Digest;
use crate::hide::Hide;
use crate::record::{Checkpoint, Record, Start};
use crate::{CHECKPOINT_CALLS, CHECKPOINT_MILLIS, MAGIC, MAX_PENDING, VERSION, bytes};

/// A machine that writes down what is done to it, or does not, as it is told at the start.
///
/// The bytes wait in [`output`](Recorder::output) until the shell has put them [where they
/// belong](Recorder::sent). Recording never holds the machine up: when too much waits, or a record
/// cannot be written, the recording [is lost](Recorder::lost) from there on, and the machine goes on.
pub struct Recorder<M> {
    machine: M,
    journal: Option<Box<Journal>>,
    lost: Option<Lost>,
}

struct Journal {
    has_text: bool,
    out: Vec<u8>,
    /// How much of it is where it belongs.
    sent: usize,
    checksum: u32,
    digest: Digest,
    calls: u64,
    /// At the last checkpoint.
    checked: (u64, Instant),
    now: Instant,
    ended: bool,
}

/// Why a recording ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// More than [`MAX_PENDING`] bytes waited to be taken.
    Overflow,
    /// An input is larger than a record may be ([`MAX_RECORD`](crate::MAX_RECORD)).
    TooLarge,
    /// The shell cannot put the bytes where they belong.
    Stopped,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overflow => "too much waits to be written",
            Self::TooLarge => "an input is larger than a record may be",
            Self::Stopped => "what is recorded cannot be written",
        })
    }
}

impl core::error::Error for Lost {}

impl<M> Recorder<M> {
    /// A machine that records nothing.
    pub const fn off(machine: M) -> Self {
        Self { machine, journal: None, lost: None }
    }

    /// A machine that was just made of `start`, and records what is done to it.
    pub fn new(machine: M, start: &Start) -> Self {
        let mut out = Vec::from(MAGIC);
        out.extend(VERSION.to_le_bytes());
        let mut journal = Journal {
            has_text: start.has_text,
            out,
            sent: 0,
            checksum: 0,
            digest: Digest::new(),
            calls: 0,
            checked: (0, start.now),
            now: start.now,
            ended: false,
        };
        // Whatever the operator wrote may stay; whatever is a secret is not in it.
        let lost = journal.write(&Record::<&Input>::Start(start.clone())).err();
        Self { machine, journal: Some(Box::new(journal)), lost }
    }

    /// The machine inside, to look at.
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    /// Whether what is done is written down.
    pub fn is_recording(&self) -> bool {
        self.lost.is_none() && self.journal.as_ref().is_some_and(|journal| !journal.ended)
    }

    /// What is to be put behind what was put there before.
    pub fn output(&self) -> &[u8] {
        self.journal.as_ref().map_or(&[], |journal| &journal.out[journal.sent..])
    }

    /// The first `count` bytes of [`output`](Recorder::output) are where they belong; more than there
    /// are: all of them.
    pub fn sent(&mut self, count: usize) {
        if let Some(journal) = &mut self.journal {
            journal.sent = journal.sent.saturating_add(count).min(journal.out.len());
            if journal.sent == journal.out.len() {
                journal.out.clear();
                journal.sent = 0;
            }
        }
    }

    /// Why nothing is written down any more, if it is not.
    pub const fn lost(&self) -> Option<Lost> {
        self.lost
    }

    /// The bytes cannot be put where they belong: nothing is written down any more.
    pub fn stop(&mut self) {
        if self.journal.take().is_some() {
            self.lost.get_or_insert(Lost::Stopped);
        }
    }

    /// The recording ends as it should: whoever reads it knows that nothing is missing. All actions
    /// must have been taken.
    pub fn finish(&mut self) {
        self.with(|journal| {
            let record = Record::<&Input>::End(journal.checkpoint());
            journal.write(&record)?;
            journal.ended = true;
            Ok(())
        });
    }

    /// Does something with what is recorded, as long as it is.
    fn with(&mut self, change: impl FnOnce(&mut Journal) -> Result<(), Lost>) {
        if self.is_recording()
            && let Some(journal) = &mut self.journal
        {
            self.lost = change(journal).err();
        }
    }
}

impl<M> Machine for Recorder<M>
where
    M: Machine<Input = Input, Action = Action>,
{
    type Input = Input;
    type Action = Action;

    fn handle(&mut self, input: Input, now: Instant) {
        self.with(|journal| journal.call(now, &Record::Handle { now, input: &input }));
        self.machine.handle(input, now);
    }

    fn handle_timeout(&mut self, now: Instant, budget: usize) -> Progress {
        let budget_written = u64::try_from(budget).unwrap_or(u64::MAX);
        self.with(|journal| {
            journal.call(now, &Record::Timeout::<&Input> { now, budget: budget_written })
        });
        self.machine.handle_timeout(now, budget)
    }

    fn poll_action(&mut self) -> Option<Action> {
        let action = self.machine.poll_action();
        self.with(|journal| match &action {
            Some(action) => journal.action(action),
            None => journal.drained(),
        });
        action
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.machine.poll_timeout()
    }
}

impl Journal {
    fn call(&mut self, now: Instant, record: &Record<&Input>) -> Result<(), Lost> {
        self.write(record)?;
        self.calls += 1;
        self.now = now;
        Ok(())
    }

    fn action(&mut self, action: &Action) -> Result<(), Lost> {
        if self.has_text {
            self.digest.add(action).map_err(|_| Lost::TooLarge)
        } else {
            self.digest.count();
            Ok(())
        }
    }

    /// There is no action left: time for a checkpoint, if the last one is long ago.
    fn drained(&mut self) -> Result<(), Lost> {
        let (calls, at) = self.checked;
        let many = self.calls - calls >= CHECKPOINT_CALLS;
        let late = self.now.saturating_since(at).as_millis() >= CHECKPOINT_MILLIS.into();
        if many || late && self.calls > calls {
            self.checked = (self.calls, self.now);
            let record = Record::Checkpoint(self.checkpoint());
            self.write(&record)?;
        }
        Ok(())
    }

    fn checkpoint(&self) -> Checkpoint {
        let digest = self.has_text.then(|| self.digest.value());
        Checkpoint { calls: self.calls, actions: self.digest.actions(), digest }
    }

    fn write(&mut self, record: &Record<&Input>) -> Result<(), Lost> {
        if self.out.len() - self.sent > MAX_PENDING {
            return Err(Lost::Overflow);
        }
        let before = self.checksum;
        self.checksum = if self.has_text {
            bytes::append(record, before, &mut self.out)
        } else {
            bytes::append(&Hide(record), before, &mut self.out)
        }
        .map_err(|_| Lost::TooLarge)?;
        Ok(())
    }
}

impl<M> fmt::Debug for Recorder<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = self.journal.as_ref().map(|journal| journal.calls);
        f.debug_struct("Recorder").field("calls", &calls).field("lost", &self.lost).finish()
    }
}
