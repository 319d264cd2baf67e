//! What a client machine draws from its seed.

use core::fmt;
use core::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use crate::text::Str;

/// A generator of RequestKeys and jitter.
pub(crate) struct Chance(ChaCha20Rng);

impl Chance {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// A RequestKey: 22 characters of 64, 132 unpredictable bits. No two clients share one, though
    /// keys are told apart by nickname only where there is no PersonId (B4.8).
    pub(crate) fn key(&mut self) -> Str {
        const ALPHABET: &[u8; 64] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";
        let mut bytes = [0; 22];
        self.0.fill_bytes(&mut bytes);
        let mut key = heapless::String::<22, u8>::new();
        for byte in bytes {
            let _ = key.push(char::from(ALPHABET[usize::from(byte % 64)]));
        }
        Str::new(&key)
    }

    /// Between half of `pause` and all of it, so that clients that lost the same server do not come
    /// back at the same moment.
    pub(crate) fn jitter(&mut self, pause: Duration) -> Duration {
        let half = pause / 2;
        let millis = u64::try_from(half.as_millis()).unwrap_or(u64::MAX - 1);
        half + Duration::from_millis(self.0.next_u64() % (millis + 1))
    }
}

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance")
    }
}
