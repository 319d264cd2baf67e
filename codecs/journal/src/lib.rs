//! A journal (`docs/journal.md`): everything that went into a server machine, in order and with the
//! time, so that another machine can be taken through the same.
//!
//! [`Recorder`] is a machine round a machine. Whatever a shell does to it is written down, in bytes
//! that the shell carries to a file; beside them goes a digest of the actions that came of it.
//! [`Reader`] takes such bytes apart again, and [`Replay`] does to another machine what was done to
//! the first, and holds the digests against each other. Same inputs and same seed give the same
//! actions, byte for byte; if they do not, the program is another one, or has a fault.
//!
//! ```
//! # use std::sync::Arc;
//! use confer_core::config::Config;
//! use confer_core::door::Input;
//! use confer_core::machine::Machine as _;
//! use confer_core::server::Server;
//! use confer_core::time::{Instant, Wall};
//! use confer_journal::{Reader, Record, Recorder, Replay, Start};
//!
//! let start = Start::new("confer 0.1.0", Arc::new(Config::default()), [7; 32], Wall::new(Instant::ZERO, 0));
//! let make = |start: &Start| {
//!     let seed = *start.seed.expect("there unless texts are left out").reveal();
//!     let server = Server::new(Arc::clone(&start.config), seed, start.wall, start.now);
//!     server.with_identity(start.identity.clone())
//! };
//! let mut recorder = Recorder::new(make(&start), &start);
//! recorder.handle(Input::Drain, Instant::from_millis(5));
//! while recorder.poll_action().is_some() {}
//! recorder.finish();
//!
//! let mut reader = Reader::new();
//! reader.push(recorder.output());
//! let Some(Record::Start(start)) = reader.poll()? else { panic!("it begins with the start") };
//! let mut replay = Replay::new(make(&start));
//! while let Some(record) = reader.poll()? {
//!     replay.apply(record, |_| {}).expect("the same actions");
//! }
//! assert_eq!(replay.calls(), 1);
//! # Ok::<(), confer_journal::Damage>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod bytes;
mod digest;
mod hide;
mod reader;
mod record;
mod recorder;
mod replay;

pub use hide::Hide;
pub use reader::{Damage, Reader, Tail};
pub use record::{Checkpoint, Record, Start};
pub use recorder::{Lost, Recorder};
pub use replay::{Difference, Replay};

/// What a journal begins with.
pub const MAGIC: [u8; 8] = *b"CONFERJ\n";
/// The form of what follows, which stands behind [`MAGIC`] in two bytes, little-endian.
pub const VERSION: u16 = 1;
/// Bytes before the first record.
pub const PREAMBLE: usize = MAGIC.len() + 2;
/// The largest record, in bytes, without length and checksum. The largest frame there may be is half
/// of it.
pub const MAX_RECORD: usize = 32 << 20;
/// Bytes that may wait to be taken from a [`Recorder`]; with more it gives up.
pub const MAX_PENDING: usize = 2 * MAX_RECORD;
/// Calls after which the digest is written down.
pub const CHECKPOINT_CALLS: u64 = 256;
/// Time after which the digest is written down, if there was a call, in milliseconds.
pub const CHECKPOINT_MILLIS: u64 = 1000;
