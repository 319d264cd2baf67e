//! What answers a server machine's questions: the stores, the same for every runtime.
//!
//! There is one today, [`Memory`], which keeps nothing beyond its process.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod memory;

pub use memory::Memory;
