//! Bytes that wait for a reader.

use alloc::collections::VecDeque;

use core::ops::Range;

use bytes::{Buf as _, BytesMut};
use confer_core::frame::{Control, Frame};
use confer_wire::{Codec, encode_control, encode_part};

use crate::link::Loss;

/// Waiting bytes, below which the next part of a transcript is made and a congested link counts as
/// drained.
pub const LOW_WATER: usize = 65_536;

/// Transcripts that may wait for their turn. A machine that makes no more of them while the link is
/// congested never gets near.
pub const MAX_TRANSCRIPTS_WAITING: usize = 64;

/// The capacity an empty buffer may keep: enough for small talk, little enough for every idle
/// connection to have.
const KEPT_CAPACITY: usize = 512;

/// The output of one link, in order.
///
/// What goes out is encoded at once into `ready`, unless a transcript in parts goes before it: then
/// it waits in `later`, encoded too, so that its size counts. Parts are made one at a time, as the
/// reader takes them, and do not count (B5.7).
pub(crate) struct Output<C: Codec> {
    ready: BytesMut,
    /// Where in `ready` the bytes lie that do not count.
    part: Range<usize>,
    later: VecDeque<Later<C::Out>>,
    /// Encoded bytes in `later`.
    later_size: usize,
    limit: usize,
}

enum Later<T> {
    Bytes(BytesMut),
    Parts { frame: Frame<T>, from: usize, frame_limit: u32 },
}

impl<C: Codec> Output<C> {
    pub(crate) fn new(limit: usize) -> Self {
        let (ready, later) = (BytesMut::new(), VecDeque::new());
        Self { ready, part: 0..0, later, later_size: 0, limit }
    }

    /// Appends a frame of at most `frame_limit` bytes; an error is the end of the link.
    pub(crate) fn push(&mut self, frame: Frame<C::Out>, frame_limit: u32) -> Result<(), Loss> {
        let waits = !self.later.is_empty();
        let room = !waits && self.ready.len() <= LOW_WATER;
        let out = self.end();
        let before = out.len();
        let next = encode_part::<C>(&frame, 0, frame_limit, out).map_err(Loss::Unencodable)?;
        let size = out.len() - before;
        match next {
            None if waits => self.later_size += size,
            None => {}
            Some(from) if room => {
                self.note_part(size);
                self.later.push_back(Later::Parts { frame, from, frame_limit });
            }
            // Not its turn yet: what was made of it is made again then, and leaves no room behind.
            Some(_) => {
                *out = BytesMut::from(&out[..before]);
                self.later.push_back(Later::Parts { frame, from: 0, frame_limit });
            }
        }
        self.check()
    }

    /// Appends a message about the connection. It does not wait for a transcript in parts: a poll
    /// behind a long one would come too late (B2.6, B5.7).
    pub(crate) fn push_control(&mut self, frame: &Frame<Control>) -> Result<(), Loss> {
        encode_control(C::PROTOCOL, frame, &mut self.ready).map_err(Loss::Unencodable)?;
        self.check()
    }

    /// The bytes to write next; empty when nothing waits.
    pub(crate) fn ready(&self) -> &[u8] {
        &self.ready
    }

    /// The first `count` bytes of [`Output::ready`] are written.
    pub(crate) fn sent(&mut self, count: usize) -> Result<(), Loss> {
        self.ready.advance(count.min(self.ready.len()));
        self.part = self.part.start.saturating_sub(count)..self.part.end.saturating_sub(count);
        self.refill()?;
        // `capacity` does not show the room of what was written; what can be reclaimed does.
        if self.ready.is_empty() && self.ready.try_reclaim(KEPT_CAPACITY + 1) {
            self.ready = BytesMut::new();
        }
        if self.later.is_empty() {
            self.later.shrink_to_fit();
        }
        Ok(())
    }

    /// Drops all that waits.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.limit);
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.later.is_empty()
    }

    /// Whether so much waits that whoever makes more should wait, too.
    pub(crate) fn is_congested(&self) -> bool {
        !self.later.is_empty() || self.counted() > self.limit / 2
    }

    /// Whether so little waits that there may be more.
    pub(crate) fn is_drained(&self) -> bool {
        self.later.is_empty() && self.ready.len() <= LOW_WATER
    }

    fn counted(&self) -> usize {
        self.ready.len() - self.part.len() + self.later_size
    }

    fn check(&self) -> Result<(), Loss> {
        let transcript = |later: &&Later<C::Out>| matches!(later, Later::Parts { .. });
        let too_many = self.later.len() > MAX_TRANSCRIPTS_WAITING
            && self.later.iter().filter(transcript).count() > MAX_TRANSCRIPTS_WAITING;
        if too_many || self.counted() > self.limit { Err(Loss::Overflow) } else { Ok(()) }
    }

    /// The last `size` bytes of `ready` do not count. What little lies between two parts does not
    /// either, until the first is written.
    fn note_part(&mut self, size: usize) {
        let end = self.ready.len();
        let start = if self.part.is_empty() { end - size } else { self.part.start };
        self.part = start..end;
    }

    /// The end of all that waits.
    fn end(&mut self) -> &mut BytesMut {
        if matches!(self.later.back(), Some(Later::Parts { .. })) {
            self.later.push_back(Later::Bytes(BytesMut::new()));
        }
        match self.later.back_mut() {
            Some(Later::Bytes(bytes)) => bytes,
            Some(Later::Parts { .. }) | None => &mut self.ready,
        }
    }

    /// Makes the next part, once little is left to write, or moves up what waits behind the last.
    fn refill(&mut self) -> Result<(), Loss> {
        while self.ready.len() <= LOW_WATER {
            match self.later.pop_front() {
                None => break,
                Some(Later::Bytes(bytes)) => {
                    self.later_size -= bytes.len();
                    self.ready.unsplit(bytes);
                }
                Some(Later::Parts { frame, from, frame_limit }) => {
                    let before = self.ready.len();
                    let next = encode_part::<C>(&frame, from, frame_limit, &mut self.ready)
                        .map_err(Loss::Unencodable)?;
                    self.note_part(self.ready.len() - before);
                    if let Some(from) = next {
                        self.later.push_front(Later::Parts { frame, from, frame_limit });
                    }
                }
            }
        }
        Ok(())
    }
}

impl<C: Codec> core::fmt::Debug for Output<C> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Output({} bytes, {} later)", self.ready.len(), self.later.len())
    }
}

#[cfg(test)]
mod tests;
