//! Bodies of several parts, taken apart as they come (RFC 7578): no more is kept than the head of a
//! part, or what may be the beginning of a boundary.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use memchr::memmem;

use crate::disposition::{self, Disposition};

/// The longest head of a part, in bytes.
pub const MAX_PART_HEAD: usize = 8192;
/// The longest boundary, in bytes; RFC 2046 allows 70.
const MAX_BOUNDARY: usize = 200;
/// Header lines a part may have.
const MAX_HEADERS: usize = 16;
/// Blanks that may stand behind a boundary.
const MAX_PADDING: usize = 64;

/// The parts of a body.
pub struct Parts {
    /// What separates them: a line break, two dashes, the boundary.
    delimiter: Vec<u8>,
    buffer: Vec<u8>,
    /// How much of the buffer is taken.
    taken: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first boundary.
    Before,
    /// Right behind a boundary.
    Boundary,
    /// In the head of a part.
    Head,
    /// In a part.
    Inside,
    /// Behind the last boundary.
    End,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum PartsEvent<'a> {
    /// A part begins.
    Part(Part),
    /// Bytes of the part.
    Data(&'a [u8]),
    /// The part ends.
    PartEnd,
}

/// What comes next, without its bytes.
pub(crate) enum Step {
    Part(Part),
    Data(Range<usize>),
    PartEnd,
}

/// The head of a part.
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    /// The name of the field; empty if it has none.
    pub name: String,
    /// The name of the file, if it is one.
    pub file_name: Option<String>,
    /// What type it is said to be.
    pub content_type: Option<String>,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The name of a file is a customer's.
        f.debug_struct("Part")
            .field("name", &self.name)
            .field("file", &self.file_name.is_some())
            .finish_non_exhaustive()
    }
}

/// The body is not of several parts, or breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartsError;

impl fmt::Display for PartsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a body of several parts")
    }
}

impl core::error::Error for PartsError {}

impl Parts {
    /// The parts of a body with this boundary.
    ///
    /// # Errors
    ///
    /// It cannot be a boundary.
    pub fn new(boundary: &str) -> Result<Self, PartsError> {
        let legal = |byte: u8| (b' '..=b'~').contains(&byte);
        if boundary.is_empty() || boundary.len() > MAX_BOUNDARY || !boundary.bytes().all(legal) {
            return Err(PartsError);
        }
        Ok(Self {
            delimiter: [b"\r\n--", boundary.as_bytes()].concat(),
            // The first boundary may be the first line.
            buffer: b"\r\n".to_vec(),
            taken: 0,
            state: State::Before,
        })
    }

    /// How long what ends the body is: nothing of a part is in that.
    pub(crate) fn end_len(&self) -> usize {
        self.delimiter.len() + b"--".len()
    }

    /// How many bytes are held back.
    pub(crate) fn held(&self) -> usize {
        self.buffer.len() - self.taken
    }

    /// More of the body has come. [`next`](Parts::next) is then called until there is nothing more.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        if self.state != State::End {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// What comes next; `None`: nothing before more of the body has come.
    ///
    /// # Errors
    ///
    /// The body is not of several parts, and stays so.
    #[expect(clippy::should_implement_trait, reason = "what is told is borrowed")]
    pub fn next(&mut self) -> Result<Option<PartsEvent<'_>>, PartsError> {
        Ok(self.step()?.map(|step| match step {
            Step::Part(part) => PartsEvent::Part(part),
            Step::Data(range) => PartsEvent::Data(self.bytes(range)),
            Step::PartEnd => PartsEvent::PartEnd,
        }))
    }

    /// The bytes of a step, good until more is fed.
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.buffer.get(range).unwrap_or_default()
    }

    pub(crate) fn step(&mut self) -> Result<Option<Step>, PartsError> {
        loop {
            let rest = &self.buffer[self.taken..];
            match self.state {
                State::Before => match memmem::find(rest, &self.delimiter) {
                    Some(at) => {
                        self.taken += at + self.delimiter.len();
                        self.state = State::Boundary;
                    }
                    None => {
                        self.taken += rest.len() - self.beginning(rest);
                        return Ok(None);
                    }
                },
                State::Boundary => {
                    if rest.starts_with(b"--") {
                        self.taken = self.buffer.len();
                        self.state = State::End;
                        return Ok(None);
                    }
                    let blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
                    let padding = rest.iter().take_while(blank).take(MAX_PADDING + 1).count();
                    match &rest[padding..] {
                        _ if padding > MAX_PADDING => return Err(PartsError),
                        [b'\r', b'\n', ..] => {
                            self.taken += padding + 2;
                            self.state = State::Head;
                        }
                        [] | [b'\r'] => return Ok(None),
                        [b'-'] if padding == 0 => return Ok(None),
                        _ => return Err(PartsError),
                    }
                }
                State::Head => {
                    // A part without a head begins with the empty line.
                    let end = if rest.starts_with(b"\r\n") {
                        Some(0)
                    } else {
                        memmem::find(&rest[..rest.len().min(MAX_PART_HEAD)], b"\r\n\r\n")
                            .map(|at| at + 2)
                    };
                    let Some(end) = end else {
                        if rest.len() >= MAX_PART_HEAD {
                            return Err(PartsError);
                        }
                        return Ok(None);
                    };
                    let part = part(&rest[..end + 2])?;
                    self.taken += end + 2;
                    self.state = State::Inside;
                    return Ok(Some(Step::Part(part)));
                }
                State::Inside => {
                    let (data, ends) = match memmem::find(rest, &self.delimiter) {
                        Some(0) => {
                            self.taken += self.delimiter.len();
                            self.state = State::Boundary;
                            return Ok(Some(Step::PartEnd));
                        }
                        Some(at) => (at, true),
                        None => (rest.len() - self.beginning(rest), false),
                    };
                    if data == 0 && !ends {
                        return Ok(None);
                    }
                    let from = self.taken;
                    self.taken += data;
                    return Ok(Some(Step::Data(from..from + data)));
                }
                State::End => return Ok(None),
            }
        }
    }

    /// Whether the last boundary was there.
    pub fn is_over(&self) -> bool {
        self.state == State::End
    }

    /// How many bytes at the end of `bytes` may be the beginning of a boundary.
    fn beginning(&self, bytes: &[u8]) -> usize {
        let most = bytes.len().min(self.delimiter.len() - 1);
        (1..=most).rev().find(|&len| bytes.ends_with(&self.delimiter[..len])).unwrap_or(0)
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parts({:?})", self.state)
    }
}

/// The head of a part, up to and with its empty line.
fn part(head: &[u8]) -> Result<Part, PartsError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let parsed = httparse::parse_headers(head, &mut headers).map_err(|_| PartsError)?;
    let httparse::Status::Complete((_, headers)) = parsed else { return Err(PartsError) };
    let value = |name: &str| {
        let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8_lossy(header.value))
    };
    let disposition = value("content-disposition").unwrap_or_default();
    let Disposition { name, file_name } = disposition::read(&disposition);
    let content_type = value("content-type").map(alloc::borrow::Cow::into_owned);
    Ok(Part { name: name.unwrap_or_default(), file_name, content_type })
}

#[cfg(test)]
mod tests;
