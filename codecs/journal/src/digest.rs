//! The digest of what came out.

use confer_core::door::Action;
use postcard::ser_flavors::Flavor;
use sha2::{Digest as _, Sha256};

/// SHA-256 over the actions so far, each in its written form; none is ever held as a whole.
#[derive(Clone)]
pub(crate) struct Digest {
    sha: Sha256,
    actions: u64,
}

impl Digest {
    pub(crate) fn new() -> Self {
        Self { sha: Sha256::new(), actions: 0 }
    }

    /// Takes one more action in.
    pub(crate) fn add(&mut self, action: &Action) -> Result<(), postcard::Error> {
        self.actions += 1;
        let staged = Staged { sha: &mut self.sha, bytes: [0; STAGE], len: 0 };
        postcard::serialize_with_flavor(action, staged)
    }

    /// Counts one more action without looking at it.
    pub(crate) const fn count(&mut self) {
        self.actions += 1;
    }

    pub(crate) const fn actions(&self) -> u64 {
        self.actions
    }

    pub(crate) fn value(&self) -> [u8; 32] {
        self.sha.clone().finalize().into()
    }
}

/// Bytes that go into the digest at a time: most of what is written comes one by one.
const STAGE: usize = 256;

struct Staged<'a> {
    sha: &'a mut Sha256,
    bytes: [u8; STAGE],
    len: usize,
}

impl Staged<'_> {
    fn flush(&mut self) {
        self.sha.update(&self.bytes[..self.len]);
        self.len = 0;
    }
}

impl Flavor for Staged<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if self.len + bytes.len() > STAGE {
            self.flush();
        }
        match self.bytes.get_mut(self.len..self.len + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            None => self.sha.update(bytes),
        }
        Ok(())
    }

    fn finalize(mut self) -> postcard::Result<()> {
        self.flush();
        Ok(())
    }
}
