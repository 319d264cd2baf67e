//! What must not be printed: customers' words and secrets.
//!
//! Every value of a customer travels inside [`Pii`], every key and password inside [`Secret`].
//! Their `Debug` and `Display` say that something is there and how long it is, never what: showing
//! it takes a call that is easy to search for.

use alloc::boxed::Box;
use core::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

/// Personal data: compared, cloned and passed on like the value inside, printed as a blank.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pii<T>(T);

impl<T> Pii<T> {
    /// Covers `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one who is entitled to it.
    pub const fn reveal(&self) -> &T {
        &self.0
    }

    /// The value itself, uncovered.
    pub fn into_revealed(self) -> T {
        self.0
    }
}

impl<T> From<T> for Pii<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

impl<T> fmt::Display for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// A key, password or token: compared in constant time, wiped when dropped, never printed.
///
/// Only its length can be learnt from the time a comparison takes.
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// Covers `secret`.
    pub fn new(secret: &str) -> Self {
        Self(secret.into())
    }

    /// The secret, to be written to whom it belongs.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// What is kept of a secret where only its owner needs to know it: its SHA-256 (B20.9). Compared in
/// constant time, never printed.
///
/// As good as the secret is long, for there is no salt.
#[derive(Clone, Copy)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(secret: &Secret) -> Self {
        Self(Sha256::digest(secret.0.as_bytes()).into())
    }

    /// The one that was written as these bytes.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, to be written.
    pub(crate) const fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Fingerprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Fingerprint {}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[fingerprint]")
    }
}

#[cfg(test)]
mod tests;
