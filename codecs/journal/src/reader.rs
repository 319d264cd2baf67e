//! Bytes to records.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use crate::bytes::{CHECKSUM, LENGTH, checksum};
use crate::record::Record;
use crate::{MAGIC, MAX_RECORD, PREAMBLE, VERSION};

/// Takes a journal apart as its bytes come, in whatever pieces.
///
/// [`push`](Reader::push) bytes, [`poll`](Reader::poll) until there is no further record, and so on; in
/// the end [`tail`](Reader::tail) says whether it was whole.
#[derive(Debug, Default)]
pub struct Reader {
    buffer: Vec<u8>,
    /// How much of it is read.
    read: usize,
    /// The position of the first byte of the buffer.
    begin: u64,
    checksum: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Preamble,
    Start,
    Records,
    Ended,
}

/// What stands in the place of something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is no journal.
    NoJournal,
    /// It is of another form than [`VERSION`].
    Version {
        /// Which.
        found: u16,
    },
    /// A record claims to be longer than [`MAX_RECORD`].
    TooLarge {
        /// Where the record begins, in bytes from the beginning.
        position: u64,
        /// How long.
        length: u32,
    },
    /// A record is not as it was written, or one before it is missing.
    Checksum {
        /// Where the record begins.
        position: u64,
    },
    /// A record says nothing that this program understands.
    Unreadable {
        /// Where the record begins.
        position: u64,
        /// Why.
        reason: String,
    },
    /// The first record does not say how it began.
    NoStart,
    /// It begins anew in the middle.
    SecondStart {
        /// Where the record begins.
        position: u64,
    },
    /// Something comes behind the end.
    AfterEnd {
        /// Where.
        position: u64,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoJournal => f.write_str("not a journal: it does not begin with CONFERJ"),
            Self::Version { found } => {
                write!(f, "a journal of version {found}; this program reads version {VERSION}")
            }
            Self::TooLarge { position, length } => write!(
                f,
                "at byte {position}: a record of {length} bytes; expected {MAX_RECORD} at most"
            ),
            Self::Checksum { position } => write!(
                f,
                "at byte {position}: the checksum is wrong; expected a record as it was written"
            ),
            Self::Unreadable { position, reason } => {
                write!(f, "at byte {position}: a record that makes no sense: {reason}")
            }
            Self::NoStart => {
                write!(f, "at byte {PREAMBLE}: expected the record that says how the server began")
            }
            Self::SecondStart { position } => write!(
                f,
                "at byte {position}: a second beginning; expected what was done to the server"
            ),
            Self::AfterEnd { position } => {
                write!(f, "at byte {position}: more bytes; expected the end of the file")
            }
        }
    }
}

impl core::error::Error for Damage {}

/// How a journal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// As it should.
    Whole,
    /// Behind a whole record, but without saying that it is the end.
    Open,
    /// Within a record, or before the first.
    Torn {
        /// Where what is torn begins, in bytes from the beginning.
        position: u64,
        /// How much of it there is.
        bytes: usize,
    },
}

impl Reader {
    /// A reader before the first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// More bytes came.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.read > 0 {
            self.begin = self.position();
            self.buffer.drain(..self.read);
            self.read = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes from the beginning to what is read next.
    pub fn position(&self) -> u64 {
        self.begin + self.read as u64
    }

    /// The next record; `None` if it is not whole yet.
    ///
    /// # Errors
    ///
    /// Something stands there that is no record. Nothing behind it can be read; asked again, the
    /// answer is the same.
    pub fn poll(&mut self) -> Result<Option<Record>, Damage> {
        if self.state == State::Preamble && !self.preamble()? {
            return Ok(None);
        }
        let position = self.position();
        let rest = &self.buffer[self.read..];
        if self.state == State::Ended && !rest.is_empty() {
            return Err(Damage::AfterEnd { position });
        }
        let Some((&prefix, rest)) = rest.split_first_chunk::<LENGTH>() else { return Ok(None) };
        let length = u32::from_le_bytes(prefix);
        let size = usize::try_from(length).unwrap_or(usize::MAX);
        if size > MAX_RECORD {
            return Err(Damage::TooLarge { position, length });
        }
        let Some((bytes, rest)) = rest.split_at_checked(size) else { return Ok(None) };
        let Some(written) = rest.first_chunk::<CHECKSUM>() else { return Ok(None) };
        let computed = checksum(self.checksum, prefix, bytes);
        if computed != u32::from_le_bytes(*written) {
            return Err(Damage::Checksum { position });
        }
        let unreadable = |reason| Damage::Unreadable { position, reason };
        let (record, rest) = postcard::take_from_bytes::<Record>(bytes)
            .map_err(|error| unreadable(error.to_string()))?;
        if !rest.is_empty() {
            return Err(unreadable("it goes on behind its end".into()));
        }
        self.state = match (self.state, &record) {
            (State::Start, Record::Start(_)) => State::Records,
            (State::Start, _) => return Err(Damage::NoStart),
            (_, Record::Start(_)) => return Err(Damage::SecondStart { position }),
            (_, Record::End(_)) => State::Ended,
            (_, Record::Handle { .. } | Record::Timeout { .. } | Record::Checkpoint(_)) => {
                State::Records
            }
        };
        self.checksum = computed;
        self.read += LENGTH + size + CHECKSUM;
        Ok(Some(record))
    }

    /// How it ends, if no more bytes come.
    pub fn tail(&self) -> Tail {
        let bytes = self.buffer.len() - self.read;
        match self.state {
            State::Ended if bytes == 0 => Tail::Whole,
            State::Records if bytes == 0 => Tail::Open,
            State::Preamble | State::Start | State::Records | State::Ended => {
                Tail::Torn { position: self.position(), bytes }
            }
        }
    }

    /// Whether the preamble is there.
    fn preamble(&mut self) -> Result<bool, Damage> {
        let shown = &self.buffer[..self.buffer.len().min(MAGIC.len())];
        if !MAGIC.starts_with(shown) {
            return Err(Damage::NoJournal);
        }
        let Some(version) = self.buffer.get(MAGIC.len()..PREAMBLE) else { return Ok(false) };
        // The two bytes there are.
        let found = u16::from(version[0]) | u16::from(version[1]) << 8;
        if found != VERSION {
            return Err(Damage::Version { found });
        }
        self.read = PREAMBLE;
        self.state = State::Start;
        Ok(true)
    }
}
