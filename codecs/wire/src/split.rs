//! Finds the frames in a stream of bytes.

use alloc::vec::Vec;

use confer_core::frame::Protocol;

use crate::error::DecodeError;
use crate::header::{self, HEADER_SIZE};

/// Cuts a stream into frames, in whatever pieces it arrives.
///
/// A frame that lies whole in the input is handed out where it lies. Otherwise its bytes are kept
/// until it is complete: never more memory than the bytes that arrived, whatever the header
/// announces, and every byte is copied at most twice, however small the pieces. A frame whose first
/// bytes are wrong is refused by them; from then on the stream cannot be read any more.
#[derive(Debug)]
pub struct Splitter {
    expected: Option<Protocol>,
    limit: u32,
    /// The header of the frame under way.
    header: [u8; HEADER_SIZE],
    /// What has arrived of that frame, header included.
    received: usize,
    /// The size of that frame, once its header is complete.
    size: Option<usize>,
    /// What has arrived behind that header. A chunk is allocated no larger than what had arrived
    /// before it, so a frame has few of them and its memory follows its bytes.
    chunks: Vec<Vec<u8>>,
    /// The frame handed out last, if it had to be put together.
    frame: Vec<u8>,
    failed: Option<DecodeError>,
}

impl Splitter {
    /// For frames of one protocol, or of any, and of at most `limit` bytes, length field included.
    pub const fn new(expected: Option<Protocol>, limit: u32) -> Self {
        Self {
            expected,
            limit,
            header: [0; HEADER_SIZE],
            received: 0,
            size: None,
            chunks: Vec::new(),
            frame: Vec::new(),
            failed: None,
        }
    }

    /// Changes the limit for every frame whose header is not complete yet.
    pub const fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    /// Whether part of a frame has arrived and the rest has not.
    pub const fn is_mid_frame(&self) -> bool {
        self.received > 0
    }

    /// The next complete frame, taking what it needs from the front of `input`. `None`: all of
    /// `input` is taken and no frame is complete.
    ///
    /// # Errors
    ///
    /// The frame's length, protocol or version is wrong. The same error again at every later call.
    pub fn next<'o, 's: 'o, 'i: 'o>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<&'o [u8]>, DecodeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.frame = Vec::new();
        let found = self.find(input);
        self.failed = found.as_ref().err().copied();
        Ok(match found? {
            Found::Nothing => None,
            Found::InInput(frame) => Some(frame),
            Found::Collected => Some(&self.frame),
        })
    }

    fn find<'i>(&mut self, input: &mut &'i [u8]) -> Result<Found<'i>, DecodeError> {
        if self.received == 0 {
            let size = header::check(input, self.expected, self.limit)?;
            if let Some((frame, rest)) = size.and_then(|size| input.split_at_checked(size)) {
                *input = rest;
                return Ok(Found::InInput(frame));
            }
        }
        let size = match self.size {
            Some(size) => size,
            None => match self.begin(input)? {
                Some(size) => *self.size.insert(size),
                None => return Ok(Found::Nothing),
            },
        };
        self.collect(input, size);
        if self.received < size {
            return Ok(Found::Nothing);
        }
        self.frame.reserve_exact(size);
        self.frame.extend_from_slice(&self.header);
        for chunk in self.chunks.drain(..) {
            self.frame.extend_from_slice(&chunk);
        }
        self.received = 0;
        self.size = None;
        Ok(Found::Collected)
    }

    /// Collects the header; the frame's size once it is complete.
    fn begin(&mut self, input: &mut &[u8]) -> Result<Option<usize>, DecodeError> {
        let taken = take(input, HEADER_SIZE - self.received);
        self.header[self.received..self.received + taken.len()].copy_from_slice(taken);
        self.received += taken.len();
        let size = header::check(&self.header[..self.received], self.expected, self.limit)?;
        Ok(size.filter(|_| self.received == HEADER_SIZE))
    }

    fn collect(&mut self, input: &mut &[u8], size: usize) {
        while self.received < size && !input.is_empty() {
            let room = self.chunks.last().map_or(0, |chunk| chunk.capacity() - chunk.len());
            if room == 0 {
                let arrived = self.received + input.len();
                self.chunks.push(Vec::with_capacity(arrived.min(size - self.received)));
            }
            let Some(chunk) = self.chunks.last_mut() else { return };
            let room = chunk.capacity() - chunk.len();
            let taken = take(input, room.min(size - self.received));
            chunk.extend_from_slice(taken);
            self.received += taken.len();
        }
    }
}

enum Found<'i> {
    Nothing,
    InInput(&'i [u8]),
    Collected,
}

/// Takes up to `max` bytes from the front.
fn take<'i>(input: &mut &'i [u8], max: usize) -> &'i [u8] {
    let (taken, rest) = input.split_at(max.min(input.len()));
    *input = rest;
    taken
}

#[cfg(test)]
mod tests;
