//! The CPU time a process has used.

use std::io;
use std::ops::Sub;
use std::time::Duration;

/// User and system time of all threads of a process, as fine as the kernel's ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cpu(Duration);

impl Cpu {
    /// Of another process.
    pub(super) fn of(pid: u32) -> io::Result<Self> {
        Self::read(&format!("/proc/{pid}/stat"))
    }

    /// Of this process.
    pub(super) fn own() -> io::Result<Self> {
        Self::read("/proc/self/stat")
    }

    fn read(path: &str) -> io::Result<Self> {
        let stat = std::fs::read_to_string(path)?;
        let ticks = ticks(&stat).ok_or(io::ErrorKind::InvalidData)?;
        let second = rustix::param::clock_ticks_per_second().max(1);
        let nanos = u128::from(ticks) * 1_000_000_000 / u128::from(second);
        Ok(Self(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))))
    }
}

impl Sub for Cpu {
    type Output = Duration;

    fn sub(self, before: Self) -> Duration {
        self.0.saturating_sub(before.0)
    }
}

/// `utime` and `stime`, the 14th and 15th field. The second, the program's name in brackets, may
/// hold blanks and brackets of its own.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    next()?.checked_add(next()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::{Cpu, ticks};

    #[test]
    fn the_two_times_are_added() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194304 1 2 3 4 120 34 5 6 20 0 9 0 1 2 3";
        assert_eq!(ticks(stat), Some(154));
        assert_eq!(ticks("7 (a) S 1 7"), None);
        assert_eq!(ticks(""), None);
    }

    #[test]
    fn this_process_has_times_and_no_process_has_none() {
        Cpu::own().unwrap();
        Cpu::of(std::process::id()).unwrap();
        Cpu::of(u32::MAX).unwrap_err();
    }
}
