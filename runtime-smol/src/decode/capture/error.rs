//! Why a capture cannot be read on.

use core::fmt;
use std::io;

/// Why a capture cannot be read, or not further. Offsets are bytes from the start of the input.
#[derive(Debug)]
pub(crate) enum CaptureError {
    /// The input failed in the record that starts at `offset`.
    Read { offset: u64, error: io::Error },
    /// The input starts neither like pcap nor like pcapng.
    NotACapture,
    /// The input ends inside the record that starts at `offset`; `packets` were read before it.
    Incomplete { offset: u64, packets: u64 },
    /// The record that starts at `offset` cannot be understood; `packets` were read before it.
    Damaged { offset: u64, packets: u64, what: &'static str },
    /// The record that starts at `offset` claims `length` bytes, more than any capture program writes.
    TooLong { offset: u64, packets: u64, length: u64 },
    /// At this packet more streams are open than may be followed at a time.
    TooManyStreams { packet: u64, limit: usize },
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { offset, .. } => write!(f, "cannot read the record at byte {offset}"),
            Self::NotACapture => f.write_str("not a pcap or pcapng file"),
            Self::Incomplete { offset, packets } => {
                write!(
                    f,
                    "the file ends inside the record at byte {offset}, after packet {packets}"
                )
            }
            Self::Damaged { offset, packets, what } => {
                write!(f, "damaged record at byte {offset}, after packet {packets}: {what}")
            }
            Self::TooLong { offset, packets, length } => {
                write!(
                    f,
                    "damaged record at byte {offset}, after packet {packets}: a length of {length} bytes"
                )
            }
            Self::TooManyStreams { packet, limit } => {
                write!(f, "packet {packet}: more than {limit} streams at a time")
            }
        }
    }
}

impl core::error::Error for CaptureError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        if let Self::Read { error, .. } = self { Some(error) } else { None }
    }
}
