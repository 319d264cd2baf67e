//! Randomness for the seeds of machines.

use std::io;

/// A seed from the operating system, by way of the generator that TLS brings along.
///
/// # Errors
///
/// The operating system gives none.
pub fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random.fill(&mut seed).map_err(|_| io::Error::other("no randomness"))?;
    Ok(seed)
}
