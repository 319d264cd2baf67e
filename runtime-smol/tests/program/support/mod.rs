//! The program, started and talked to, and what it reads.

mod folder;
mod frames;
mod person;
mod process;
mod vectors;

use std::time::Duration;

pub(crate) use folder::{DATABASE, Folder};
pub(crate) use frames::{answer, attribute, frame, register};
pub(crate) use person::Person;
pub(crate) use process::{FREE, Lines, Run, Served, command, ended, run, run_with};
pub(crate) use vectors::{Pcap, Vector, bare, vectors};

/// Longer than anything here takes on a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
