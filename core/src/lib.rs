//! The Confer chat server as a pure machine.
//!
//! Nothing in this crate opens a socket, reads a clock, rolls a die or prints what a customer said.
//! A machine takes decoded frames, the answers of stores and the time, and hands out actions; see
//! [`machine::Machine`] for the one contract all of them keep. Bytes are the codecs' business, the
//! world is the runtimes'.
//!
//! | module | subject |
//! | --- | --- |
//! | [`frame`] | the vocabulary: every message of the protocols, as values |
//! | [`door`], [`ask`] | what goes into the server machine and what comes out |
//! | [`machine`] | the contract |
//! | [`server`] | the chat server itself |
//! | [`client`] | the machines at the other end: a desktop, a bot, a visitor |
//! | [`gateway`] | the machine between the web API and the servers |
//! | [`time`], [`wheel`] | moments, stamps, timers |
//! | [`id`], [`slab`] | names of things, and where things are kept |
//! | [`config`], [`limits`] | what an operator decides |
//! | [`pii`], [`text`] | strings, and what must not be printed |

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

pub mod ask;
pub mod client;
pub mod config;
pub mod door;
pub mod frame;
pub mod gateway;
pub mod id;
pub mod limits;
pub mod machine;
pub mod mask;
pub mod pii;
mod refusal;
#[cfg(feature = "serde")]
pub mod serial;
pub mod server;
mod session;
pub mod slab;
pub mod text;
pub mod time;
pub mod wheel;
