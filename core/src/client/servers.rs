//! Which of several servers a client machine turns to (B22.13).

use super::Habits;

/// After so many refusals for the moment (8317) in a row another server is tried.
const MAX_REFUSALS: u32 = 3;

/// How it stands with the servers there are. They are numbers here; their addresses are the shell's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Servers {
    count: usize,
    /// Whose turn it is.
    current: usize,
    /// It has answered on the present connection, or on the last one.
    answered: bool,
    /// So many were turned away from since one of them answered.
    in_vain: usize,
    refusals: u32,
}

impl Servers {
    pub(super) fn new(habits: &Habits) -> Self {
        let count = habits.servers.max(1);
        Self { count, current: habits.server % count, answered: false, in_vain: 0, refusals: 0 }
    }

    /// Whose turn it is.
    pub(super) const fn current(&self) -> usize {
        self.current
    }

    /// Whether there is a choice.
    pub(super) const fn are_many(&self) -> bool {
        self.count > 1
    }

    /// The server has answered something.
    pub(super) const fn answer(&mut self) {
        self.answered = true;
        self.in_vain = 0;
    }

    /// It has done what it was asked.
    pub(super) const fn grant(&mut self) {
        self.refusals = 0;
    }

    /// It does not answer any more; the connection is being ended for that.
    pub(super) const fn fall_silent(&mut self) {
        self.answered = false;
    }

    /// The connection is gone, or could not be made. One that was of use is made again with the same
    /// server, which still has the sessions if it lives; else it is the next one's turn. Whether that
    /// one was not tried yet, and there is no need to wait.
    pub(super) const fn lose(&mut self) -> bool {
        if core::mem::replace(&mut self.answered, false) {
            return false;
        }
        self.pass_on();
        self.in_vain = (self.in_vain + 1) % self.count;
        self.in_vain > 0
    }

    /// It has refused something for the moment. Whether that was once too often, and another one is
    /// to be tried.
    pub(super) const fn refuse(&mut self) -> bool {
        self.refusals += 1;
        self.refusals >= MAX_REFUSALS && self.turn()
    }

    /// Another server's turn has come, if there is one: the connection is to be ended.
    pub(super) const fn turn(&mut self) -> bool {
        self.refusals = 0;
        self.pass_on();
        // The end of the connection is not to pass it on once more.
        self.answered = true;
        self.are_many()
    }

    const fn pass_on(&mut self) {
        self.current = (self.current + 1) % self.count;
    }
}

#[cfg(test)]
mod tests;
