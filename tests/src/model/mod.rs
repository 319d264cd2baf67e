//! The reference model: a chat server that is simple, slow and obviously right, and a way to hold
//! the real one against it.
//!
//! A [`Script`] says what people, the workflow and the outside do. [`run`](run()) does it to the
//! server machine and to the [`Model`] and compares, after every operation and at every expiry, each
//! frame that anybody gets, each question to the outside, and each event that a question has saved.
//! The model is written from `docs/behaviour.md`, not from the machine: it keeps every event and
//! every participation for ever, filters whole lists for every look, and finds the next expiry by
//! looking at everything. The few laws that hold whatever a model says are held beside it, in
//! `laws`: who may read what, once told is told, one answer to each request.
//!
//! Stores fail, fall silent and come back in scripts, at any moment of a session's life: how a record
//! falls behind and catches up is modelled in `keep` to the last question, and in `asleep`, which
//! requests wait for the words of a dormant session. What is not modelled, and what no script does:
//! gateway nodes and push (§10), masking (§15), languages (§16), load limits and sizes (§17), files
//! (§22), restoration, readers too slow for their transcript (B5.7), and which of several sessions is
//! first when all close at once. Reports are ignored.
//!
//! A new kind of request is an [`Op`](script::Op), the request `cast` makes of it, and its rules
//! beside the others of its protocol.

mod asleep;
mod basic;
mod cast;
mod esp;
mod flex;
mod idle;
mod keep;
mod laws;
mod life;
mod names;
mod outside;
mod purge;
mod reach;
mod run;
pub mod script;
mod setting;
mod show;
mod state;
mod tell;
mod view;

pub use run::{Journal, run};
pub use script::Script;
pub use setting::Setting;
pub use state::Model;
