//! What becomes of frames and faults: lines for people or for programs.

use alloc::string::ToString as _;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::io::Write;

use confer_core::time::Stamp;

use super::capture::{EndCause, StreamId};
use super::frame::{Fault, Frame};
use super::{Failure, Format, Options, Outcome, json, people};

/// Where the frames go, and the remarks about them.
pub(super) struct Report<'a> {
    options: &'a Options,
    out: &'a mut dyn Write,
    notes: &'a mut dyn Write,
    /// Whether a good frame was seen, and whether anything else.
    good: bool,
    bad: bool,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        options: &'a Options,
        out: &'a mut dyn Write,
        notes: &'a mut dyn Write,
    ) -> Self {
        Self { options, out, notes, good: false, bad: false }
    }

    /// Whether there was nothing to report so far, remarks aside.
    pub(super) const fn is_empty(&self) -> bool {
        !self.good && !self.bad
    }

    pub(super) const fn outcome(&self) -> Outcome {
        if self.bad { Outcome::Bad } else { Outcome::Good }
    }

    /// Prints a good frame.
    pub(super) fn frame(&mut self, place: &Place, frame: &Frame<'_>) -> Result<(), Failure> {
        let written = match self.options.format {
            Format::Json => writeln!(self.out, "{}", json::frame(frame)),
            Format::Text => {
                let gap = if self.good { "\n" } else { "" };
                write!(self.out, "{gap}{place}{}", place.separator())
                    .and_then(|()| people::print(self.out, frame, self.options.show_text))
            }
        };
        self.good = true;
        written.map_err(Failure::Write)
    }

    /// Tells about a bad frame.
    pub(super) fn bad(&mut self, place: &Place, fault: &Fault) -> Result<(), Failure> {
        self.bad = true;
        match (self.options.format, fault) {
            (Format::Json, _) => {
                writeln!(self.out, "{}", json::fault(fault)).map_err(Failure::Write)
            }
            (Format::Text, Fault::Frame(_) | Fault::Message(_)) => {
                let offset = fault.offset();
                self.note(format_args!("{place}: {fault}, at byte {offset} of the frame"))
            }
            (Format::Text, Fault::Hex(_) | Fault::LongLine(_) | Fault::Surplus(_)) => {
                self.note(format_args!("{place}: {fault}"))
            }
        }
    }

    /// Tells that a stream could not be read to its end.
    pub(super) fn lost(&mut self, place: &Place, cause: EndCause) -> Result<(), Failure> {
        self.bad = true;
        self.note(format_args!("{place}: {cause}"))
    }

    /// A remark, behind what was printed so far.
    pub(super) fn note(&mut self, text: fmt::Arguments<'_>) -> Result<(), Failure> {
        self.flush()?;
        // Nobody is left to tell that remarks cannot be written.
        let _ = writeln!(self.notes, "confer: {text}");
        Ok(())
    }

    /// Lets everything printed so far be seen.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::Write)
    }
}

/// Where in the input a frame was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In this line, from 1.
    Line(u64),
    /// From this byte on, from 0.
    Byte(u64),
    /// In a stream of a capture.
    Stream { stream: StreamId, from: SocketAddr, to: SocketAddr },
    /// Completed by this packet of a capture.
    Packet {
        stream: StreamId,
        from: SocketAddr,
        to: SocketAddr,
        number: u64,
        time: Option<Duration>,
    },
}

impl Place {
    /// What goes between the place and the frame: the long ones stand in a line of their own.
    const fn separator(&self) -> &'static str {
        match self {
            Self::Line(_) | Self::Byte(_) => ": ",
            Self::Stream { .. } | Self::Packet { .. } => "\n",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Byte(at) => write!(f, "byte {at}"),
            Self::Stream { stream, from, to } => write!(f, "{from} → {to}, stream {stream}"),
            Self::Packet { stream, from, to, number, time } => {
                if let Some(time) = time {
                    write!(f, "{} ", written(*time))?;
                }
                write!(f, "{from} → {to}, stream {stream}, packet {number}")
            }
        }
    }
}

/// A time since 1970 to the microsecond, as finely as most captures tell it.
fn written(time: Duration) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let seconds = Stamp::from_unix_seconds(seconds).to_string();
    format!("{}.{:06}Z", seconds.trim_end_matches('Z'), time.subsec_micros())
}

#[cfg(test)]
mod tests;
