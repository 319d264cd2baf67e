//! Documents: what a gateway or a desktop stores, and reads again, beside the machine (B22.1).
//!
//! They go in and out in pieces, so that nobody needs memory for a whole one; a document is there
//! for the machine once it is finished.

use std::fmt;
use std::sync::mpsc::{SyncSender, sync_channel};

use confer_core::id::{DocumentId, SessionId};
use confer_core::pii::Secret;

use crate::store::Store;

/// The size of a piece, in bytes.
pub const PIECE: usize = 65_536;
/// Pieces one document may have: it takes up to 4 GiB.
pub const MAX_PIECES: u32 = 65_536;

/// What is asked about documents.
#[derive(Clone)]
pub(crate) enum Ask {
    Begin { document: DocumentId, session: SessionId, permit: Option<Secret> },
    Piece { document: DocumentId, number: u32, bytes: Vec<u8> },
    Finish { document: DocumentId, size: u64 },
    Read { document: DocumentId, number: u32 },
    Delete { document: DocumentId },
}

impl Ask {
    /// The bytes it holds.
    pub(crate) fn weight(&self) -> usize {
        if let Self::Piece { bytes, .. } = self { bytes.len() } else { 64 }
    }
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Done,
    Piece(Option<Vec<u8>>),
}

/// Why a document was not stored, or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not now; another attempt may succeed.
    Unavailable,
    /// There is one of this id already.
    Exists,
    /// There is none of this id.
    NotFound,
    /// It is larger than any document may be, or the store has no room for it.
    TooLarge,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "the store is not available",
            Self::Exists => "the document exists already",
            Self::NotFound => "there is no such document",
            Self::TooLarge => "the document is too large",
        })
    }
}

impl std::error::Error for Refusal {}

/// A question about documents, and who waits for the answer.
pub(crate) struct Asked {
    pub(crate) ask: Ask,
    pub(crate) answer: SyncSender<Result<Done, Refusal>>,
}

/// The documents of a store. Every call blocks until it is done: not for the thread that has the
/// machine.
#[derive(Clone, Copy, Debug)]
pub struct Documents<'a>(&'a Store);

impl<'a> Documents<'a> {
    pub(crate) const fn new(store: &'a Store) -> Self {
        Self(store)
    }

    /// Begins a document. One of this id that was begun and not finished is forgotten; one that
    /// nobody finishes is forgotten after a day.
    ///
    /// # Errors
    ///
    /// There is one of this id, or the store is not available.
    pub fn begin(
        self,
        document: DocumentId,
        session: SessionId,
        permit: Option<Secret>,
    ) -> Result<Upload<'a>, Refusal> {
        let begin = Ask::Begin { document: document.clone(), session, permit };
        self.ask(begin)?;
        Ok(Upload { documents: self, document, held: Vec::new(), pieces: 0, size: 0 })
    }

    /// Reads a piece of a document: all but the last have [`PIECE`] bytes. `None` behind the last.
    ///
    /// # Errors
    ///
    /// There is no such document, or the store is not available.
    pub fn read(self, document: &DocumentId, number: u32) -> Result<Option<Vec<u8>>, Refusal> {
        if number >= MAX_PIECES {
            return Ok(None);
        }
        match self.ask(Ask::Read { document: document.clone(), number })? {
            Done::Piece(piece) => Ok(piece),
            Done::Done => Ok(None),
        }
    }

    /// Forgets a document, if it is there.
    ///
    /// # Errors
    ///
    /// The store is not available.
    pub fn delete(self, document: &DocumentId) -> Result<(), Refusal> {
        self.ask(Ask::Delete { document: document.clone() }).map(drop)
    }

    fn ask(self, ask: Ask) -> Result<Done, Refusal> {
        let (answer, answered) = sync_channel(1);
        self.0.ask_documents(Asked { ask, answer });
        // Nobody answers for a store that has ended.
        answered.recv().unwrap_or(Err(Refusal::Unavailable))
    }
}

/// A document on its way in.
#[derive(Debug)]
pub struct Upload<'a> {
    documents: Documents<'a>,
    document: DocumentId,
    held: Vec<u8>,
    pieces: u32,
    size: u64,
}

impl Upload<'_> {
    /// Adds bytes at the end.
    ///
    /// # Errors
    ///
    /// The document has become too large, or the store is not available: then it never comes to be.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), Refusal> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.held.len()));
            self.held.extend_from_slice(now);
            bytes = later;
            if self.held.len() == PIECE {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Makes the document known. Its size in bytes.
    ///
    /// # Errors
    ///
    /// The store is not available.
    pub fn finish(mut self) -> Result<u64, Refusal> {
        if !self.held.is_empty() {
            self.flush()?;
        }
        let finish = Ask::Finish { document: self.document.clone(), size: self.size };
        self.documents.ask(finish).map(|_| self.size)
    }

    fn flush(&mut self) -> Result<(), Refusal> {
        if self.pieces == MAX_PIECES {
            return Err(Refusal::TooLarge);
        }
        let bytes = std::mem::take(&mut self.held);
        let size = bytes.len() as u64;
        let piece = Ask::Piece { document: self.document.clone(), number: self.pieces, bytes };
        self.documents.ask(piece)?;
        self.pieces += 1;
        self.size += size;
        Ok(())
    }
}
