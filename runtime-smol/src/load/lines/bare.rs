//! Frames of a relay, which stands for a server that does nothing but pass them on.
//!
//! Each begins with the number of bytes that follow, four bytes, and the number of bytes, as it
//! would stand there, of the frame that is to be sent to either side; the text, as UTF-16, is filled
//! up with zeros. So frames have the sizes of the server's in both directions.

use bytes::{Buf as _, BufMut as _, BytesMut};

/// Bytes of a length.
const LENGTH: usize = 4;
/// Bytes before the text.
const HEAD: usize = 2 * LENGTH;
/// The largest frame taken.
const MAX_FRAME: usize = 1 << 20;

/// A connection to a relay.
pub(super) struct Bare {
    asked: usize,
    told: usize,
    output: BytesMut,
    input: BytesMut,
}

impl Bare {
    /// Frames to the relay have the first size, those from it the second.
    pub(super) fn new((asked, told): (usize, usize)) -> Self {
        Self { asked, told, output: BytesMut::new(), input: BytesMut::new() }
    }

    pub(super) fn send(&mut self, text: &str) {
        let end = self.output.len() + self.asked;
        let length = |size: usize| u32::try_from(size - LENGTH).unwrap_or(u32::MAX);
        self.output.put_u32(length(self.asked));
        self.output.put_u32(length(self.told));
        for unit in text.encode_utf16() {
            self.output.put_u16(unit);
        }
        self.output.resize(end, 0);
    }

    pub(super) fn output(&self) -> &[u8] {
        &self.output
    }

    pub(super) fn sent(&mut self, count: usize) {
        self.output.advance(count);
    }

    /// Passes on the text of each frame that is complete.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        mut hear: impl FnMut(String),
    ) -> Result<(), String> {
        self.input.extend_from_slice(bytes);
        while let Some(mut head) = self.input.get(..LENGTH) {
            let size = LENGTH + head.get_u32() as usize;
            if !(HEAD..=MAX_FRAME).contains(&size) {
                return Err(format!("a frame of {size} bytes"));
            }
            if self.input.len() < size {
                break;
            }
            let frame = self.input.split_to(size);
            if size != self.told {
                return Err(format!("a frame of {size} bytes instead of {}", self.told));
            }
            let units = frame[HEAD..].chunks_exact(2).map(|mut unit| unit.get_u16());
            hear(String::from_utf16_lossy(
                &units.take_while(|unit| *unit != 0).collect::<Vec<_>>(),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::Bare;

    #[test]
    fn a_text_comes_back_from_a_frame_of_the_other_size() {
        let mut bare = Bare::new((200, 300));
        bare.send("Hello");
        bare.send("you");
        assert_eq!(bare.output().len(), 400);
        assert_eq!(bare.output()[..8], [0, 0, 0, 196, 0, 0, 1, 40]);
        // As a relay does it.
        let mut relayed = Vec::new();
        for frame in bare.output().chunks(200) {
            relayed.extend(296_u32.to_be_bytes());
            relayed.extend(&frame[4..]);
            relayed.resize(relayed.len() + 100, 0);
        }
        bare.sent(400);
        assert!(bare.output().is_empty());
        let mut heard = Vec::new();
        for piece in relayed.chunks(7) {
            bare.receive(piece, |text| heard.push(text)).unwrap();
        }
        assert_eq!(heard, ["Hello", "you"]);
    }

    #[test]
    fn a_frame_of_another_size_is_no_relays() {
        let mut bare = Bare::new((200, 300));
        let wrong = bare.receive(&[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0], |_| {});
        assert_eq!(wrong, Err("a frame of 12 bytes instead of 300".to_owned()));
        for head in [[0, 0, 0, 3], [0xff; 4]] {
            let mut bare = Bare::new((200, 300));
            assert!(bare.receive(&head, |_| {}).is_err());
        }
    }
}
