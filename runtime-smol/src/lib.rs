//! The Confer chat server as a program, and as a library for those who start it inside another.
//!
//! [`serve`] opens the ports and drives the machine of `confer-core` on them; the program `confer`
//! adds the command line.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod serve;
