//! What happened in a world, for comparing two of them and for telling why one went wrong.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use confer_core::door::Action;
use confer_core::time::Instant;

/// Entries kept for people, when the log does not keep all.
const TAIL: usize = 40;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a log of a test is short")]
pub enum Entry {
    /// A server wanted something done.
    Action(usize, Action),
    /// A server wrote these bytes to a connection.
    Wrote(u64, Vec<u8>),
    /// The network, a process or a test did something.
    Note(String),
}

/// All that happened, in order.
#[derive(Debug, Default)]
pub struct Log {
    entries: VecDeque<(Instant, Entry)>,
    keep_all: bool,
    off: bool,
    digest: DefaultHasher,
}

impl Log {
    pub(super) fn push(&mut self, now: Instant, entry: Entry) {
        if self.off {
            return;
        }
        now.hash(&mut self.digest);
        match &entry {
            Entry::Action(server, action) => format!("{server} {action:?}").hash(&mut self.digest),
            Entry::Wrote(link, bytes) => (link, bytes).hash(&mut self.digest),
            Entry::Note(note) => note.hash(&mut self.digest),
        }
        if !self.keep_all && self.entries.len() == TAIL {
            self.entries.pop_front();
        }
        self.entries.push_back((now, entry));
    }

    /// Keeps every entry from now on, rather than the last few.
    pub fn keep_all(&mut self) {
        self.keep_all = true;
    }

    /// Takes nothing down from now on, which makes a world a good deal faster.
    pub fn switch_off(&mut self) {
        self.off = true;
    }

    /// The entries that were kept.
    pub fn entries(&self) -> impl Iterator<Item = &(Instant, Entry)> {
        self.entries.iter()
    }

    /// A number that stands for everything that happened, kept or not, down to the last byte.
    pub fn digest(&self) -> u64 {
        self.digest.finish()
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, entry) in self.entries.iter().rev().take(TAIL).rev() {
            match entry {
                Entry::Action(server, action) => writeln!(f, "{at:?} server {server}: {action:?}")?,
                Entry::Wrote(link, bytes) => {
                    writeln!(f, "{at:?} {} bytes to connection {link}", bytes.len())?;
                }
                Entry::Note(note) => writeln!(f, "{at:?} {note}")?,
            }
        }
        Ok(())
    }
}
