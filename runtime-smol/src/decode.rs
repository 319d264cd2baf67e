//! `confer decode`: frames in, what they say out.

mod capture;
mod frame;
mod hex;
mod input;
pub(crate) mod json;
mod people;
mod report;
mod stream;

use alloc::collections::BTreeMap;
use core::fmt;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use confer_core::frame::Protocol;

use capture::{Capture, CaptureError, EndCause, Event};
use frame::Fault;
pub(crate) use input::Kind;
use report::{Place, Report};
use stream::Stream;

/// What to read and how to print it.
#[derive(Debug)]
pub(crate) struct Options {
    /// Where the frames are; `None` and `-`: standard input.
    pub(crate) file: Option<PathBuf>,
    /// What the input holds; `None`: whatever it looks like.
    pub(crate) input: Option<Kind>,
    pub(crate) format: Format,
    /// The only protocol expected.
    pub(crate) port: Option<Protocol>,
    /// The TCP ports to follow in a capture, and their protocols where they are known; empty: the usual ones.
    pub(crate) tcp_ports: BTreeMap<u16, Option<Protocol>>,
    /// The largest frame, in bytes, length field included.
    pub(crate) max_frame: u32,
    /// Whether people may see what people wrote.
    pub(crate) show_text: bool,
}

/// How frames are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Options {
    /// The TCP ports people get when they name none.
    const TCP_PORTS: [(u16, Protocol); 3] =
        [(4480, Protocol::Basic), (4481, Protocol::Flex), (4482, Protocol::Esp)];

    /// The TCP ports to follow, and what to expect there.
    fn followed(&self) -> BTreeMap<u16, Option<Protocol>> {
        if !self.tcp_ports.is_empty() {
            return self.tcp_ports.clone();
        }
        let usual = Self::TCP_PORTS.into_iter();
        let usual = usual.filter(|(_, protocol)| self.port.is_none_or(|port| port == *protocol));
        usual.map(|(port, protocol)| (port, Some(protocol))).collect()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            file: None,
            input: None,
            format: Format::Text,
            port: None,
            tcp_ports: BTreeMap::new(),
            max_frame: confer_core::limits::Limits::default().request_max_size,
            show_text: false,
        }
    }
}

/// What the input turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every frame is good.
    Good,
    /// Some are bad, cut off or lost.
    Bad,
}

/// Why decoding stopped before the end of the input.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The input cannot be opened.
    Open(PathBuf, io::Error),
    /// The input cannot be read.
    Read(io::Error),
    /// The capture cannot be read.
    Capture(CaptureError),
    /// TCP ports were asked for, and the input is no capture.
    NoCapture,
    /// The answers cannot be written.
    Write(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(file, error) => write!(f, "cannot open {file:?}: {error}"),
            Self::Read(error) => write!(f, "cannot read the input: {error}"),
            Self::Capture(CaptureError::Read { offset, error }) => {
                write!(f, "cannot read the capture's record at byte {offset}: {error}")
            }
            Self::Capture(error) => write!(f, "cannot read the capture: {error}"),
            Self::NoCapture => f.write_str("'--tcp-port' needs a capture, and the input is none"),
            Self::Write(error) => write!(f, "cannot write: {error}"),
        }
    }
}

impl core::error::Error for Failure {}

/// Decodes the input that `options` name: frames to `out`, remarks to `notes`.
///
/// # Errors
///
/// The input cannot be read to its end, or `out` not written. A reader of `out` who left is none.
pub(crate) fn run(
    options: &Options,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let input = input::open(options.file.as_deref())?;
    decode(options, input, out, notes)
}

fn decode(
    options: &Options,
    mut input: Box<dyn BufRead>,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<Outcome, Failure> {
    let kind = match options.input {
        Some(kind) => kind,
        None => {
            let (kind, whole) = input::recognise(input).map_err(Failure::Read)?;
            input = whole;
            kind
        }
    };
    if kind != Kind::Capture && !options.tcp_ports.is_empty() {
        return Err(Failure::NoCapture);
    }
    let mut report = Report::new(options, out, notes);
    let result = match kind {
        Kind::Raw => raw(options, &mut input, &mut report),
        Kind::Hex => hex(options, &mut input, &mut report),
        Kind::Capture => capture(options, &mut input, &mut report),
    };
    match result.and_then(|()| report.flush()) {
        Err(Failure::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Err(failure) => return Err(failure),
        Ok(()) => {}
    }
    Ok(report.outcome())
}

fn raw(options: &Options, input: &mut dyn BufRead, report: &mut Report<'_>) -> Result<(), Failure> {
    let mut stream = Stream::new(options.port, options.max_frame);
    let mut buffer = vec![0; 64 << 10];
    while !stream.is_lost() {
        let read = input::read(input, &mut buffer).map_err(Failure::Read)?;
        if read == 0 {
            break;
        }
        stream.feed(&buffer[..read], report, Place::Byte)?;
        report.flush()?;
    }
    stream.end(report, Place::Byte)?;
    if report.is_empty() {
        report.note(format_args!("the input is empty"))?;
    }
    Ok(())
}

fn hex(options: &Options, input: &mut dyn BufRead, report: &mut Report<'_>) -> Result<(), Failure> {
    let limit = input::line_limit(options.max_frame);
    let mut line = Vec::new();
    for number in 1.. {
        let place = Place::Line(number);
        let bytes = match input::line(input, &mut line, limit).map_err(Failure::Read)? {
            None => break,
            Some(input::Line::TooLong) => Err(Fault::LongLine(limit)),
            Some(input::Line::Whole) => {
                hex::parse_line(&String::from_utf8_lossy(&line)).map_err(Fault::Hex)
            }
        };
        match bytes {
            Ok(None) => {}
            Ok(Some(bytes)) => match frame::read(&bytes, options.port, options.max_frame) {
                Ok(frame) => report.frame(&place, &frame)?,
                Err(fault) => report.bad(&place, &fault)?,
            },
            Err(fault) => report.bad(&place, &fault)?,
        }
        report.flush()?;
    }
    if report.is_empty() {
        report.note(format_args!("the input holds no frame"))?;
    }
    Ok(())
}

fn capture(
    options: &Options,
    mut input: &mut dyn BufRead,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let followed = options.followed();
    let ports = followed.keys().copied().collect();
    let mut capture =
        Capture::open(&mut input, capture::Options { ports, ..capture::Options::default() })
            .map_err(Failure::Capture)?;
    let mut streams = BTreeMap::new();
    while let Some(event) = capture.next() {
        match event.map_err(Failure::Capture)? {
            Event::Chunk(chunk) => {
                let stream = streams.entry(chunk.stream).or_insert_with(|| {
                    let port = followed.get(&chunk.to.port());
                    let port = port.or_else(|| followed.get(&chunk.from.port()));
                    Stream::new(port.copied().flatten(), options.max_frame)
                });
                let place = Place::Packet {
                    number: chunk.packet,
                    time: capture.time(),
                    stream: chunk.stream,
                    from: chunk.from,
                    to: chunk.to,
                };
                stream.feed(&chunk.bytes, report, |_| place.clone())?;
            }
            Event::End(end) => {
                let place = Place::Stream { stream: end.stream, from: end.from, to: end.to };
                if let Some(stream) = streams.remove(&end.stream) {
                    stream.end(report, |_| place.clone())?;
                }
                if let EndCause::Gap { .. } = end.cause {
                    report.lost(&place, end.cause)?;
                }
            }
            Event::Note(note) => report.note(format_args!("{note}"))?,
        }
        report.flush()?;
    }
    if report.is_empty() {
        let ports: Vec<_> = followed.keys().map(u16::to_string).collect();
        let ports = ports.join(", ");
        report.note(format_args!("no frame on TCP port {ports}; --tcp-port names others"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
