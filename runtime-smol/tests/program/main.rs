//! The program as people run it: what it is told, what it answers, and what it leaves behind. One
//! program holds all of these tests, for each would take as long to build as all of them.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod archive;
mod config;
mod decode;
#[cfg(target_os = "linux")]
mod failover;
mod journal;
mod load;
mod people;
mod serve;
mod support;
mod web;
