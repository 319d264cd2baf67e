//! A journal's inputs for another machine.

use core::fmt;

use confer_core::door::{Action, Input};
use confer_core::machine::Machine;

use crate::digest::Digest;
use crate::record::{Checkpoint, Record};

/// A machine that is taken through a journal.
pub struct Replay<M> {
    machine: M,
    digest: Digest,
    calls: u64,
    /// Calls up to the last checkpoint that was equal.
    verified: u64,
    broken: bool,
}

/// The first checkpoint at which the actions were others than those recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Calls up to the checkpoint before, where all was equal still.
    pub after: u64,
    /// What was recorded.
    pub recorded: Checkpoint,
    /// What came now.
    pub found: Checkpoint,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { after, recorded, found } = self;
        if recorded.calls != found.calls {
            let (expected, calls) = (recorded.calls, found.calls);
            return write!(f, "{calls} inputs are here where {expected} were recorded");
        }
        write!(f, "at the checkpoint behind input {}: ", recorded.calls)?;
        if recorded.actions == found.actions {
            write!(f, "the actions are others than those recorded; ")?;
        } else {
            let (recorded, found) = (recorded.actions, found.actions);
            write!(f, "{found} actions so far instead of {recorded}; ")?;
        }
        write!(f, "the first that differs comes of one of the inputs {} to ", after + 1)?;
        write!(f, "{}", recorded.calls)
    }
}

impl core::error::Error for Difference {}

impl<M> Replay<M>
where
    M: Machine<Input = Input, Action = Action>,
{
    /// A machine that was just made of what the journal began with.
    pub fn new(machine: M) -> Self {
        Self { machine, digest: Digest::new(), calls: 0, verified: 0, broken: false }
    }

    /// Does to the machine what a record says; `see` is shown every action.
    ///
    /// # Errors
    ///
    /// At a checkpoint: the actions so far are others than those recorded. Everything behind it may
    /// be run, too, and will differ.
    pub fn apply(
        &mut self,
        record: Record,
        mut see: impl FnMut(&Action),
    ) -> Result<(), Difference> {
        match record {
            Record::Start(_) => return Ok(()),
            Record::Handle { now, input } => self.machine.handle(input, now),
            Record::Timeout { now, budget } => {
                let budget = usize::try_from(budget).unwrap_or(usize::MAX);
                // What is left over came in a further call.
                let _ = self.machine.handle_timeout(now, budget);
            }
            Record::Checkpoint(recorded) | Record::End(recorded) => return self.check(recorded),
        }
        self.calls += 1;
        while let Some(action) = self.machine.poll_action() {
            see(&action);
            // An action that could not be written was never recorded as one.
            self.broken |= self.digest.add(&action).is_err();
        }
        Ok(())
    }

    fn check(&mut self, recorded: Checkpoint) -> Result<(), Difference> {
        let found = self.checkpoint();
        if recorded == found && !self.broken {
            self.verified = self.calls;
            return Ok(());
        }
        Err(Difference { after: self.verified, recorded, found })
    }

    /// What the machine has done so far.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            calls: self.calls,
            actions: self.digest.actions(),
            digest: Some(self.digest.value()),
        }
    }

    /// Inputs and timeouts so far.
    pub const fn calls(&self) -> u64 {
        self.calls
    }

    /// How many of them are known to have given the recorded actions.
    pub const fn verified(&self) -> u64 {
        self.verified
    }

    /// The machine, to look at.
    pub const fn machine(&self) -> &M {
        &self.machine
    }
}

impl<M> fmt::Debug for Replay<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Replay({} calls, {} verified)", self.calls, self.verified)
    }
}
