//! TCP byte streams out of a packet capture (pcap or pcapng), in the order of the capture.
//!
//! `file` cuts the file into packets, `packet` finds the TCP segment in a packet, `streams` puts segments in
//! order. Checksums are not examined: on a loopback they are rarely computed.

mod error;
mod file;
mod packet;
mod streams;
#[cfg(test)]
mod tests;

use alloc::collections::{BTreeSet, VecDeque};
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::io::Read;

pub(crate) use error::CaptureError;
use file::{Packets, Record};
pub(crate) use packet::Skip;
use streams::Streams;

/// Whether input that starts with `first` is a capture: pcap in either byte order with stamps in microseconds
/// or nanoseconds, or pcapng. Needs the first 4 bytes.
///
/// A raw frame cannot be mistaken for one: its length would be above every limit (wire §1).
pub(crate) fn is_capture(first: &[u8]) -> bool {
    file::Kind::of(first).is_some()
}

/// What to follow, and how much memory that may take.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Follow connections with one of these ports at either end; empty: every connection.
    pub(crate) ports: BTreeSet<u16>,
    /// Streams followed at a time, two per connection; those that ended make room for new ones.
    pub(crate) max_streams: usize,
    /// Bytes held for one stream while bytes before them are missing; each piece counts 64 more.
    pub(crate) max_held: usize,
    /// Bytes held for all streams together.
    pub(crate) max_held_total: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ports: BTreeSet::new(),
            max_streams: 65_536,
            max_held: 16 << 20,
            max_held_total: 256 << 20,
        }
    }
}

/// One direction of one connection; numbered from 1 in the order of appearance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StreamId(u64);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a capture tells. Packets are numbered from 1, as packet analysers do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The next bytes of a stream.
    Chunk(Chunk),
    /// The last event of a stream; every stream has exactly one.
    End(End),
    /// Something the reader of the streams should know.
    Note(Note),
}

/// The next bytes of a stream, never empty.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) stream: StreamId,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    /// The packet that made these bytes readable: their own, or the late one they waited for.
    pub(crate) packet: u64,
    pub(crate) bytes: Vec<u8>,
}

impl fmt::Debug for Chunk {
    /// The bytes are customers' words: only their number is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, from, to, packet, bytes } = self;
        f.debug_struct("Chunk")
            .field("stream", stream)
            .field("from", from)
            .field("to", to)
            .field("packet", packet)
            .field("bytes", &bytes.len())
            .finish()
    }
}

/// The end of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) stream: StreamId,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) cause: EndCause,
}

/// Why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndCause {
    /// The sender finished it (FIN).
    Finished,
    /// The connection was reset (RST).
    Reset,
    /// A new connection took the same addresses and ports.
    Replaced,
    /// The capture ended first.
    CaptureEnded,
    /// The capture lacks `lost` bytes at this point; `unread` bytes it has from after them cannot be trusted.
    Gap { lost: u64, unread: u64 },
}

impl fmt::Display for EndCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished by its sender"),
            Self::Reset => f.write_str("the connection was reset"),
            Self::Replaced => f.write_str("a new connection took its addresses and ports"),
            Self::CaptureEnded => f.write_str("still open when the capture ended"),
            Self::Gap { lost, unread } => {
                write!(
                    f,
                    "gap: {lost} bytes are not in the capture; {unread} bytes after them are left unread"
                )
            }
        }
    }
}

/// Something the reader of the streams should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// The capture lacks the start of this connection: the stream begins with the first bytes seen, which need
    /// not be the start of a frame.
    NoStart { stream: StreamId, packet: u64 },
    /// The capture was made with a packet length limit, which cut `missing` bytes of this stream.
    Cut { stream: StreamId, packet: u64, missing: u64 },
    /// The bytes waiting for missing ones passed a limit of [`Options`]: the missing ones count as lost.
    HeldLimit { stream: StreamId, packet: u64 },
    /// This packet was not read. Packets without TCP are passed over without a note, and a link type is noted
    /// once, not for each packet.
    Skipped { packet: u64, why: Skip },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStart { stream, packet } => {
                write!(
                    f,
                    "packet {packet}: stream {stream} began before the capture; its first bytes may be missing"
                )
            }
            Self::Cut { stream, packet, missing } => {
                write!(
                    f,
                    "packet {packet}: {missing} bytes of stream {stream} were cut when it was captured"
                )
            }
            Self::HeldLimit { stream, packet } => {
                write!(
                    f,
                    "packet {packet}: too many bytes of stream {stream} wait for missing ones"
                )
            }
            Self::Skipped { packet, why } => write!(f, "packet {packet}: {why}"),
        }
    }
}

/// A capture being read: an iterator over its events.
///
/// An error is the last item. Before it, as before the end, come the events of everything read so far, and the
/// [`End`] of every stream.
#[derive(Debug)]
pub(crate) struct Capture<R> {
    packets: Packets<R>,
    streams: Streams,
    /// Link types already noted as not read.
    noted_links: BTreeSet<i32>,
    ready: VecDeque<Event>,
    /// Set once nothing more can be read, to what the iterator ends with.
    outcome: Option<Result<(), CaptureError>>,
}

impl<R: Read> Capture<R> {
    /// Starts to read a capture; `input` need not be buffered.
    ///
    /// # Errors
    /// The input cannot be read, is no capture, or its first header is damaged.
    pub(crate) fn open(input: R, options: Options) -> Result<Self, CaptureError> {
        Ok(Self {
            packets: Packets::open(input)?,
            streams: Streams::new(options),
            noted_links: BTreeSet::new(),
            ready: VecDeque::new(),
            outcome: None,
        })
    }

    /// When the packet behind the latest event was captured, since 1970-01-01 UTC; `None` if the file does not say.
    pub(crate) const fn time(&self) -> Option<Duration> {
        self.packets.time()
    }

    /// Reads one record; `Ok(false)` at the end of the input.
    fn step(&mut self) -> Result<bool, CaptureError> {
        let packet = match self.packets.read()? {
            Record::Packet(packet) => packet,
            Record::Other => return Ok(true),
            Record::End => return Ok(false),
        };
        match packet::segment(&packet) {
            Ok(Some(segment)) => self.streams.segment(packet.number, &segment, &mut self.ready)?,
            Ok(None) => {}
            Err(Skip::LinkType(link)) if !self.noted_links.insert(link) => {}
            Err(why) => {
                self.ready.push_back(Event::Note(Note::Skipped { packet: packet.number, why }));
            }
        }
        Ok(true)
    }
}

impl<R: Read> Iterator for Capture<R> {
    type Item = Result<Event, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            if let Some(outcome) = &mut self.outcome {
                return core::mem::replace(outcome, Ok(())).err().map(Err);
            }
            self.outcome = match self.step() {
                Ok(true) => None,
                Ok(false) => Some(Ok(())),
                Err(error) => Some(Err(error)),
            };
            if self.outcome.is_some() {
                self.streams.finish(&mut self.ready);
            }
        }
    }
}
