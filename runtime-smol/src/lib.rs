//! The Confer chat server as a program, and as a library for those who start it inside another.
//!
//! [`gateway`] opens the web API's port alone, in front of servers elsewhere. [`serve`] opens the ports and drives the machine of `confer-core` on them; the program `confer`
//! adds the command line. [`load`] is the other side: as many people as a server can bear.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

pub mod gateway;
#[cfg(target_os = "linux")]
pub mod load;
pub mod serve;
mod web;
