//! Documents: what a gateway or a desktop stores, and reads again, beside the machine (B22.1).
//!
//! They go in and out in pieces, so that nobody needs memory for a whole one; a document is there
//! for the machine once it is finished.

use std::fmt;
use std::sync::mpsc::{SyncSender, sync_channel};

use confer_core::id::{DocumentId, SessionId};
use confer_core::pii::Secret;
use confer_core::text::Str;

use crate::error::OpenError;
use crate::random;
use crate::sqlite::Shelf;
use crate::store::Store;
use crate::url::Url;

/// The size of a piece, in bytes.
pub const PIECE: usize = 65_536;
/// Pieces one document may have: it takes up to 4 GiB.
pub const MAX_PIECES: u32 = 65_536;

/// What is asked about documents.
#[derive(Clone)]
pub(crate) enum Ask {
    Begin {
        document: DocumentId,
        upload: u32,
        session: SessionId,
        permit: Option<Secret>,
        kind: Str,
    },
    Piece {
        document: DocumentId,
        upload: u32,
        number: u32,
        bytes: Vec<u8>,
    },
    Finish {
        document: DocumentId,
        upload: u32,
        size: u64,
    },
    Read {
        document: DocumentId,
        number: u32,
    },
    Stat {
        document: DocumentId,
    },
    Delete {
        document: DocumentId,
    },
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
    /// And there is nothing to tell.
    Nothing,
    Piece(Option<Vec<u8>>),
    Stat(Stat),
}

/// What is known of a document beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Its size in bytes.
    pub size: u64,
    /// What type its sender said it is; empty: they did not.
    pub content_type: Str,
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
pub struct Documents<'a>(Where<'a>);

#[derive(Clone, Copy, Debug)]
enum Where<'a> {
    Store(&'a Store),
    Shelf(&'a DocumentStore),
}

/// The documents of a store that servers have, for a program that is none: a gateway that stands
/// alone. It enters nothing into the table of the instances.
#[derive(Debug)]
pub struct DocumentStore(Shelf);

impl DocumentStore {
    /// Opens the documents of a store, which is there already. It blocks.
    ///
    /// # Errors
    ///
    /// The store cannot be used, and why; one in memory is no other program's.
    pub fn open(url: &Url) -> Result<Self, OpenError> {
        let Url::Sqlite(path) = url else { return Err(OpenError::Memory) };
        Shelf::open(path).map(Self)
    }

    /// The documents.
    pub const fn documents(&self) -> Documents<'_> {
        Documents(Where::Shelf(self))
    }
}

impl<'a> Documents<'a> {
    pub(crate) const fn new(store: &'a Store) -> Self {
        Self(Where::Store(store))
    }

    /// Begins a document. One of this id that was begun and not finished is forgotten, and whoever
    /// was at it finds it no more; one that nobody finishes is forgotten after a day.
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
        self.begin_as(document, session, permit, Str::default())
    }

    /// The same, for a document whose sender said of what type it is.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn begin_as(
        self,
        document: DocumentId,
        session: SessionId,
        permit: Option<Secret>,
        content_type: Str,
    ) -> Result<Upload<'a>, Refusal> {
        let (upload, kind) = (random::number(), content_type);
        self.ask(Ask::Begin { document: document.clone(), upload, session, permit, kind })?;
        Ok(self.resume(Paused { document, upload, held: Vec::new(), pieces: 0, size: 0 }))
    }

    /// Goes on with a document whose upload was [paused](Upload::pause).
    pub const fn resume(self, paused: Paused) -> Upload<'a> {
        Upload { documents: self, so_far: paused }
    }

    /// What is known of a document beside its bytes.
    ///
    /// # Errors
    ///
    /// There is no such document, or the store is not available.
    pub fn stat(self, document: &DocumentId) -> Result<Stat, Refusal> {
        match self.ask(Ask::Stat { document: document.clone() })? {
            Done::Stat(stat) => Ok(stat),
            Done::Nothing | Done::Piece(_) => Err(Refusal::Unavailable),
        }
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
            Done::Nothing | Done::Stat(_) => Ok(None),
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
        let store = match self.0 {
            Where::Store(store) => store,
            Where::Shelf(DocumentStore(shelf)) => return shelf.ask(&ask),
        };
        let (answer, answered) = sync_channel(1);
        store.ask_documents(Asked { ask, answer });
        // Nobody answers for a store that has ended.
        answered.recv().unwrap_or(Err(Refusal::Unavailable))
    }
}

/// A document on its way in.
#[derive(Debug)]
pub struct Upload<'a> {
    documents: Documents<'a>,
    so_far: Paused,
}

/// A document on its way in, while nobody is at it.
#[derive(Debug)]
pub struct Paused {
    document: DocumentId,
    /// Tells it apart from another upload of the same document.
    upload: u32,
    held: Vec<u8>,
    pieces: u32,
    size: u64,
}

impl Upload<'_> {
    /// Adds bytes at the end.
    ///
    /// # Errors
    ///
    /// The document has become too large, somebody else has begun it anew, or the store is not
    /// available: then it never comes to be.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), Refusal> {
        while !bytes.is_empty() {
            let held = &mut self.so_far.held;
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - held.len()));
            held.extend_from_slice(now);
            bytes = later;
            if held.len() == PIECE {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Leaves it until somebody [goes on](Documents::resume), on another thread perhaps.
    pub fn pause(self) -> Paused {
        self.so_far
    }

    /// Makes the document known. Its size in bytes.
    ///
    /// # Errors
    ///
    /// Somebody else has begun it anew, or the store is not available.
    pub fn finish(mut self) -> Result<u64, Refusal> {
        if !self.so_far.held.is_empty() {
            self.flush()?;
        }
        let Paused { document, upload, size, .. } = self.so_far;
        self.documents.ask(Ask::Finish { document, upload, size }).map(|_| size)
    }

    fn flush(&mut self) -> Result<(), Refusal> {
        let so_far = &mut self.so_far;
        if so_far.pieces == MAX_PIECES {
            return Err(Refusal::TooLarge);
        }
        let bytes = std::mem::take(&mut so_far.held);
        let size = bytes.len() as u64;
        let (document, upload) = (so_far.document.clone(), so_far.upload);
        self.documents.ask(Ask::Piece { document, upload, number: so_far.pieces, bytes })?;
        so_far.pieces += 1;
        so_far.size += size;
        Ok(())
    }
}
