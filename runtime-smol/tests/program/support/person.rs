//! People at keyboards, and those who stand in for them.

use std::io::Write as _;
use std::process::{Child, ChildStdin};

use super::{Lines, command, ended};

/// A program with somebody at its keyboard; killed if a test leaves it behind.
pub(crate) struct Person {
    child: Child,
    keys: Option<ChildStdin>,
    pub(crate) out: Lines,
    pub(crate) notes: Lines,
}

/// How somebody ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) notes: String,
}

impl Person {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = command().args(args).spawn().unwrap();
        let out = Lines::of(child.stdout.take().unwrap());
        let notes = Lines::of(child.stderr.take().unwrap());
        Self { keys: child.stdin.take(), child, out, notes }
    }

    pub(crate) fn types(&mut self, lines: &[&str]) {
        for line in lines {
            writeln!(self.keys.as_mut().unwrap(), "{line}").unwrap();
        }
    }

    /// The session it is in, once it is in one.
    #[track_caller]
    pub(crate) fn session(&mut self) -> String {
        self.notes.with("-- session ").strip_prefix("-- session ").unwrap().to_owned()
    }

    /// Waits until it has ended by itself.
    #[track_caller]
    pub(crate) fn goes(mut self) {
        ended(&mut self.child);
    }

    /// Types no more, and ends.
    #[track_caller]
    pub(crate) fn ends(mut self) -> Ended {
        self.keys = None;
        let status = ended(&mut self.child).code().expect("no panic and no signal");
        let nothing = || Lines::of(std::io::empty());
        let out = core::mem::replace(&mut self.out, nothing()).all();
        let notes = core::mem::replace(&mut self.notes, nothing()).all();
        Ended { status, out, notes }
    }

    /// Types no more, and ends well.
    #[track_caller]
    pub(crate) fn ends_well(self) {
        let ended = self.ends();
        assert_eq!(ended.status, 0, "{ended:#?}");
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
