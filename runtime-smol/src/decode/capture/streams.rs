//! Segments put into order, each direction of a connection by itself.

use alloc::collections::{BTreeMap, VecDeque};
use core::fmt;
use core::net::SocketAddr;

use super::packet::Segment;
use super::{CaptureError, Chunk, End, EndCause, Event, Note, Options, StreamId};

/// What a held piece costs besides its bytes: one-byte segments must not hold more memory than the limits say.
const PIECE_OVERHEAD: usize = 64;

/// The sender and the receiver.
type Flow = (SocketAddr, SocketAddr);

/// All streams of a capture.
#[derive(Debug)]
pub(super) struct Streams {
    options: Options,
    flows: BTreeMap<Flow, Stream>,
    /// The streams among `flows` that ended. They stay as long as there is room, so that a late repetition is
    /// not taken for a new stream.
    ended: BTreeMap<StreamId, Flow>,
    /// Cost of the pieces held by all streams.
    held: usize,
    /// Streams opened so far.
    count: u64,
}

impl Streams {
    pub(super) fn new(options: Options) -> Self {
        Self { options, flows: BTreeMap::new(), ended: BTreeMap::new(), held: 0, count: 0 }
    }

    /// Takes the segment that packet number `packet` holds.
    pub(super) fn segment(
        &mut self,
        packet: u64,
        segment: &Segment<'_>,
        events: &mut VecDeque<Event>,
    ) -> Result<(), CaptureError> {
        let ports = &self.options.ports;
        if !ports.is_empty()
            && !ports.contains(&segment.from.port())
            && !ports.contains(&segment.to.port())
        {
            return Ok(());
        }
        let (flow, opposite) = ((segment.from, segment.to), (segment.to, segment.from));
        if segment.rst {
            self.end(flow, EndCause::Reset, events);
            self.end(opposite, EndCause::Reset, events);
            return Ok(());
        }
        let first = segment.sequence.wrapping_add(u32::from(segment.syn));
        if segment.syn {
            let replaced = self.flows.get(&flow).is_some_and(|stream| !stream.began_at(first));
            if replaced {
                self.remove(flow, events);
                // The opposite direction is of the old connection too, unless this SYN answers the one it began with.
                let expected = self.flows.get(&opposite).map(|stream| stream.first);
                if expected != segment.acknowledged {
                    self.remove(opposite, events);
                }
            }
            if !self.flows.contains_key(&flow) {
                self.open(packet, flow, first)?;
            }
        } else if !self.flows.contains_key(&flow) {
            // Without bytes it may be the end of an older stream, or a probe one byte back: neither is a start.
            if segment.data.is_empty() && segment.cut == 0 {
                return Ok(());
            }
            let stream = self.open(packet, flow, first)?;
            events.push_back(Event::Note(Note::NoStart { stream, packet }));
        }
        self.accept(packet, flow, first, segment, events);
        Ok(())
    }

    /// Ends what is still open, in the order of opening: the capture is over.
    pub(super) fn finish(&mut self, events: &mut VecDeque<Event>) {
        let mut open: Vec<_> = self
            .flows
            .iter()
            .filter(|(_, stream)| !stream.ended)
            .map(|(flow, stream)| (stream.id, *flow))
            .collect();
        open.sort_unstable_by_key(|(id, _)| *id);
        for (_, flow) in open {
            self.end(flow, EndCause::CaptureEnded, events);
        }
    }

    fn open(&mut self, packet: u64, flow: Flow, first: u32) -> Result<StreamId, CaptureError> {
        let limit = self.options.max_streams;
        if self.flows.len() >= limit {
            let (_, oldest) =
                self.ended.pop_first().ok_or(CaptureError::TooManyStreams { packet, limit })?;
            self.flows.remove(&oldest);
        }
        self.count += 1;
        let id = StreamId(self.count);
        self.flows.insert(flow, Stream::new(id, first));
        Ok(id)
    }

    fn accept(
        &mut self,
        packet: u64,
        flow: Flow,
        first: u32,
        segment: &Segment<'_>,
        events: &mut VecDeque<Event>,
    ) {
        let Some(stream) = self.flows.get_mut(&flow).filter(|stream| !stream.ended) else {
            return;
        };
        let (id, (from, to)) = (stream.id, flow);
        let held_before = stream.held;
        let cut = stream.store(first, segment);
        while let Some(bytes) = stream.take_next() {
            events.push_back(Event::Chunk(Chunk { stream: id, from, to, packet, bytes }));
        }
        self.held += stream.held;
        self.held -= held_before;

        if let Some(Cut { missing, .. }) = cut.filter(|cut| cut.at >= stream.at) {
            events.push_back(Event::Note(Note::Cut { stream: id, packet, missing }));
        }
        let cause = if stream.fin.is_some_and(|fin| fin <= stream.at) {
            EndCause::Finished
        } else if let Some(Cut { missing, .. }) = cut.filter(|cut| cut.at == stream.at) {
            EndCause::Gap { lost: missing, unread: 0 }
        } else if stream.held > self.options.max_held || self.held > self.options.max_held_total {
            events.push_back(Event::Note(Note::HeldLimit { stream: id, packet }));
            EndCause::Gap { lost: 0, unread: 0 }
        } else {
            return;
        };
        self.end(flow, cause, events);
    }

    /// Ends a stream and forgets it, so that its addresses can serve a new one.
    fn remove(&mut self, flow: Flow, events: &mut VecDeque<Event>) {
        self.end(flow, EndCause::Replaced, events);
        if let Some(stream) = self.flows.remove(&flow) {
            self.ended.remove(&stream.id);
        }
    }

    /// Ends a stream, if there is one to end: with `cause`, or with the gap that held it up.
    fn end(&mut self, flow: Flow, cause: EndCause, events: &mut VecDeque<Event>) {
        let Some(stream) = self.flows.get_mut(&flow).filter(|stream| !stream.ended) else {
            return;
        };
        let cause = match cause {
            EndCause::Finished => cause,
            EndCause::Reset
            | EndCause::Replaced
            | EndCause::CaptureEnded
            | EndCause::Gap { .. } => stream.gap().unwrap_or(cause),
        };
        let (id, (from, to)) = (stream.id, flow);
        self.held -= stream.held;
        stream.close();
        self.ended.insert(id, flow);
        events.push_back(Event::End(End { stream: id, from, to, cause }));
    }
}

/// One direction of one connection. Positions count its bytes from 0, where sequence numbers wrap around.
struct Stream {
    id: StreamId,
    /// The sequence number of position 0.
    first: u32,
    /// The position handed out next, and its sequence number.
    at: u64,
    next: u32,
    /// The position after the last byte, once the FIN was seen.
    fin: Option<u64>,
    /// Bytes after `at`, by position, without overlap.
    pieces: BTreeMap<u64, Vec<u8>>,
    /// Cost of the pieces.
    held: usize,
    ended: bool,
}

/// Where a segment was cut off by the capture: the position of the first byte that is not in it.
#[derive(Clone, Copy)]
struct Cut {
    at: u64,
    missing: u64,
}

impl Stream {
    fn new(id: StreamId, first: u32) -> Self {
        Self {
            id,
            first,
            at: 0,
            next: first,
            fin: None,
            pieces: BTreeMap::new(),
            held: 0,
            ended: false,
        }
    }

    /// Whether a SYN before `first` is a repetition of this stream's own.
    fn began_at(&self, first: u32) -> bool {
        self.first == first && !self.ended
    }

    /// Takes what is new of a segment: bytes that are already there stay as they are.
    fn store(&mut self, sequence: u32, segment: &Segment<'_>) -> Option<Cut> {
        let distance = i64::from(sequence.wrapping_sub(self.next).cast_signed());
        let ahead = u64::try_from(distance).unwrap_or(0);
        let old = u64::try_from(-distance).unwrap_or(0);

        let start = self.at + ahead;
        let (_, data) = split(segment.data, old);
        let length = (segment.data.len() + segment.cut) as u64;
        if segment.fin && old <= length {
            self.fin.get_or_insert(start + length - old);
        }
        self.insert(start, data);
        let missing = length.saturating_sub(old) - data.len() as u64;
        (missing > 0).then_some(Cut { at: start + data.len() as u64, missing })
    }

    /// Puts bytes into the holes between the pieces.
    fn insert(&mut self, mut start: u64, mut data: &[u8]) {
        while !data.is_empty() {
            let covered = self.pieces.range(..=start).next_back();
            let covered_to = covered.map_or(0, |(at, piece)| at + piece.len() as u64);
            let free_from = start.max(covered_to);
            (_, data) = split(data, free_from - start);
            start = free_from;

            let free_to = self.pieces.range(start..).next().map_or(u64::MAX, |(at, _)| *at);
            let (piece, rest) = split(data, free_to - start);
            if !piece.is_empty() {
                self.pieces.insert(start, piece.to_vec());
                self.held += piece.len() + PIECE_OVERHEAD;
            }
            start = free_to;
            data = rest;
        }
    }

    /// The bytes at `at`, if they are there.
    fn take_next(&mut self) -> Option<Vec<u8>> {
        let piece = self.pieces.first_entry().filter(|piece| *piece.key() == self.at)?.remove();
        self.held -= piece.len() + PIECE_OVERHEAD;
        self.at += piece.len() as u64;
        self.next = advance(self.next, piece.len());
        Some(piece)
    }

    /// What is missing at `at`, if bytes or the end of the stream are known after it.
    fn gap(&self) -> Option<EndCause> {
        let known = self.pieces.keys().next().copied().into_iter().chain(self.fin).min()?;
        let unread = self.pieces.values().map(|piece| piece.len() as u64).sum();
        Some(EndCause::Gap { lost: known - self.at, unread })
    }

    /// Ends the stream; its pieces go, so that what has ended holds no memory.
    fn close(&mut self) {
        self.ended = true;
        self.pieces = BTreeMap::new();
        self.held = 0;
    }
}

impl fmt::Debug for Stream {
    /// Without the pieces: they are customers' words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("id", &self.id)
            .field("at", &self.at)
            .field("held", &self.held)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// The first `count` bytes, or all, and the rest.
fn split(bytes: &[u8], count: u64) -> (&[u8], &[u8]) {
    bytes.split_at(usize::try_from(count).map_or(bytes.len(), |count| count.min(bytes.len())))
}

/// The sequence number `length` bytes on.
#[expect(clippy::cast_possible_truncation, reason = "sequence numbers count modulo 2^32")]
fn advance(sequence: u32, length: usize) -> u32 {
    sequence.wrapping_add(length as u32)
}
