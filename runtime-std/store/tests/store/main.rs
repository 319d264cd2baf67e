//! The stores as shells see them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::wildcard_enum_match_arm, reason = "an answer is the one, or the test fails")]

mod cost;
mod killed;
mod log;
mod sharing;
mod suite;
mod support;
mod trouble;
