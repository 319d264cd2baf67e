//! A record and its frame: length, bytes, checksum.

use alloc::vec::Vec;

use postcard::ser_flavors::Flavor;
use serde::Serialize;

use crate::MAX_RECORD;

/// Bytes of the length before a record, little-endian.
pub(crate) const LENGTH: usize = 4;
/// Bytes of the checksum behind it, little-endian.
pub(crate) const CHECKSUM: usize = 4;

/// The checksum of a record that comes behind one with the checksum `before`: one that is left out,
/// or moved, is missed by the next.
pub(crate) fn checksum(before: u32, length: [u8; LENGTH], record: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&before.to_le_bytes());
    crc.update(&length);
    crc.update(record);
    crc.finalize()
}

/// Adds a record to `out`, and says its checksum.
///
/// # Errors
///
/// It is larger than a record may be. Nothing is added.
pub(crate) fn append<T: Serialize>(
    record: &T,
    before: u32,
    out: &mut Vec<u8>,
) -> Result<u32, postcard::Error> {
    let begin = out.len();
    out.extend([0; LENGTH]);
    let limit = out.len() + MAX_RECORD;
    let mut frame = || {
        postcard::serialize_with_flavor(record, Appended { out: &mut *out, limit })?;
        let length = u32::try_from(out.len() - begin - LENGTH)
            .map_err(|_| postcard::Error::SerializeBufferFull)?
            .to_le_bytes();
        let crc = checksum(before, length, &out[begin + LENGTH..]);
        out[begin..begin + LENGTH].copy_from_slice(&length);
        out.extend(crc.to_le_bytes());
        Ok(crc)
    };
    let result = frame();
    if result.is_err() {
        out.truncate(begin);
    }
    result
}

struct Appended<'a> {
    out: &'a mut Vec<u8>,
    limit: usize,
}

impl Flavor for Appended<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.try_extend(&[byte])
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if self.out.len() + bytes.len() > self.limit {
            return Err(postcard::Error::SerializeBufferFull);
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
