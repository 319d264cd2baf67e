//! Ids of what a store makes known.

use std::hash::{BuildHasher as _, RandomState};

/// 16 upper-case hex digits: 64 bits, from the randomness that the system gives to hash tables. They
/// must be unique; nothing depends on nobody guessing a contact's id.
pub(crate) fn id() -> String {
    format!("{:016X}", RandomState::new().hash_one(std::process::id()))
}

/// 32 bits of the same kind, to tell things apart.
pub(crate) fn number() -> u32 {
    let [a, b, c, d, ..] = RandomState::new().hash_one(std::process::id()).to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}
