//! Where the bytes come from, and what they look like.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use super::{Failure, capture};

/// What an input can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Frames, one after the other.
    Raw,
    /// Frames in hex, one a line.
    Hex,
    /// Packets.
    Capture,
}

/// How many bytes tell a capture, and what the first of them can be.
const MAGIC_SIZE: u64 = 4;
const MAGIC_STARTS: [u8; 4] = [0x0a, 0x4d, 0xa1, 0xd4];

/// Opens a file, or standard input.
pub(super) fn open(file: Option<&Path>) -> Result<Box<dyn BufRead>, Failure> {
    Ok(match file {
        Some(path) if path != Path::new("-") => {
            let file = File::open(path).map_err(|error| Failure::Open(path.to_owned(), error))?;
            Box::new(BufReader::new(file))
        }
        Some(_) | None => Box::new(io::stdin().lock()),
    })
}

/// What the input looks like, and the whole input again. Waits for no more bytes than it needs,
/// which is one, unless that one may begin a capture.
pub(super) fn recognise(mut input: Box<dyn BufRead>) -> io::Result<(Kind, Box<dyn BufRead>)> {
    let mut start = Vec::new();
    input.by_ref().take(1).read_to_end(&mut start)?;
    if start.first().is_some_and(|first| MAGIC_STARTS.contains(first)) {
        input.by_ref().take(MAGIC_SIZE - 1).read_to_end(&mut start)?;
    }
    // A frame has less than 16 MiB, so the first byte of its length is 0, and no text begins like that.
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let kind = if capture::is_capture(&start) {
        Kind::Capture
    } else if start.iter().all(is_text) {
        Kind::Hex
    } else {
        Kind::Raw
    };
    Ok((kind, Box::new(io::Cursor::new(start).chain(input))))
}

/// Reads what there is; 0 at the end.
pub(super) fn read(input: &mut dyn BufRead, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// What [`line()`] has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, in the buffer.
    Whole,
    /// A line longer than allowed, of which nobody needs the rest.
    TooLong,
}

/// The bytes a line of hex may have if the frame in it has at most `max_frame`: two digits for each
/// byte, as much again for what separates them, and room for a remark.
pub(super) const fn line_limit(max_frame: u32) -> usize {
    4 * max_frame as usize + 1024
}

/// Reads a line of at most `limit` bytes into `buffer`; `None` at the end.
pub(super) fn line(
    input: &mut dyn BufRead,
    buffer: &mut Vec<u8>,
    limit: usize,
) -> io::Result<Option<Line>> {
    buffer.clear();
    // One more for the line's end.
    let most = (limit as u64).saturating_add(1);
    (&mut *input).take(most).read_until(b'\n', buffer)?;
    Ok(match buffer.last() {
        None => None,
        Some(b'\n') => Some(Line::Whole),
        Some(_) if buffer.len() <= limit => Some(Line::Whole),
        Some(_) => {
            input.skip_until(b'\n')?;
            Some(Line::TooLong)
        }
    })
}

#[cfg(test)]
mod tests;
