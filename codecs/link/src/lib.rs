//! One connection without I/O: bytes in, requests out; events in, bytes out.
//!
//! A [`Link`] stands between a socket, real or simulated, and a machine. It deals with all that is
//! about the connection and not about the chat: frame limits, the access token, ADDP, output that
//! waits for a slow reader, transcripts too long for one frame, and the answer to a frame that
//! cannot be read. Both runtimes, the clients, the simulated world and the fuzz targets drive the
//! same link:
//!
//! ```
//! use confer_core::frame::{Frame, Protocol, basic};
//! use confer_core::time::Instant;
//! use confer_link::{Change, Link, Received, Settings};
//!
//! let now = Instant::ZERO;
//! let mut desk = Link::<confer_basic::Client>::new(Settings::client(), now);
//! let mut server = Link::<confer_basic::Server>::new(Settings::server(), now);
//!
//! desk.send(Frame::new(1, basic::Request::RequestUnregister), now).unwrap();
//! let bytes = desk.output().to_vec();
//! desk.sent(bytes.len());
//!
//! let mut input = &bytes[..];
//! while let Some(received) = server.receive(&mut input, now) {
//!     assert_eq!(received, Received::Frame(Frame::new(1, basic::Request::RequestUnregister)));
//! }
//! while let Some(change) = server.poll_change() {
//!     unreachable!("nothing happened to the connection: {change:?}");
//! }
//! ```

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod addp;
mod host;
mod inside;
mod link;
mod output;
mod server;
mod settings;
mod tally;
#[cfg(test)]
mod testing;

pub use host::{Host, Outward, TooMany};
pub use link::{CLOSING_TIME, Change, Link, Loss, Received, SendError, UNLOCKING_TIME};
pub use output::{LOW_WATER, MAX_TRANSCRIPTS_WAITING};
pub use server::ServerLink;
pub use settings::{STRANGER_FRAME, Settings};
pub use tally::Tally;
