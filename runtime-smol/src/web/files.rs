//! Files on their way between clients and the document store, a piece at a time. The store blocks,
//! so it is asked on threads that may.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use confer_core::gateway::{FindOutcome, NewDocument, StoreOutcome};
use confer_core::id::DocumentId;
use confer_runtime_std::entropy;
use confer_store::{DocumentStore, Documents, PIECE, Paused, Refusal, Stat, Store};
use smol::Executor;
use smol::channel::{Receiver, bounded};
use tracing::{debug, warn};

/// Pieces of a file that wait for a client to take them.
const AHEAD: usize = 1;

/// Where the files of clients are.
#[derive(Debug)]
pub(crate) enum Files {
    /// The store of the chat server in this process.
    Inside(Arc<Store>),
    /// One that chat servers elsewhere on this machine have.
    Shared(DocumentStore),
}

/// A file that is being stored.
pub(super) struct Storing {
    files: Arc<Files>,
    document: DocumentId,
    at_most: u64,
    size: u64,
    /// Bytes that were not handed over yet.
    held: Vec<u8>,
    /// None: somebody is at it, or it has failed.
    paused: Option<Paused>,
    finished: bool,
}

impl Files {
    fn documents(&self) -> Documents<'_> {
        match self {
            Self::Inside(store) => store.documents(),
            Self::Shared(documents) => documents.documents(),
        }
    }

    /// Looks for a document.
    pub(super) async fn find(self: Arc<Self>, document: DocumentId) -> FindOutcome {
        match smol::unblock(move || self.documents().stat(&document)).await {
            Ok(Stat { size, content_type }) => FindOutcome::Found { size, content_type },
            Err(Refusal::NotFound) => FindOutcome::NotFound,
            Err(Refusal::Unavailable | Refusal::Exists | Refusal::TooLarge) => {
                FindOutcome::Unavailable
            }
        }
    }

    /// Forgets a document.
    pub(super) async fn discard(self: Arc<Self>, document: DocumentId) {
        if let Err(error) = smol::unblock(move || self.documents().delete(&document)).await {
            warn!(%error, "a document that nobody knows stays in the store");
        }
    }

    /// Begins to store a file.
    pub(super) async fn store(
        self: Arc<Self>,
        document: NewDocument,
    ) -> Result<Storing, StoreOutcome> {
        let id = new_id().map_err(|_| StoreOutcome::Unavailable)?;
        let NewDocument { session, permit, content_type, at_most, .. } = document;
        let (files, of) = (Arc::clone(&self), id.clone());
        let begun = smol::unblock(move || {
            let begun = files.documents().begin_as(of, session, Some(permit), content_type);
            begun.map(confer_store::Upload::pause)
        });
        let paused = Some(begun.await.map_err(|refusal| outcome(&refusal))?);
        let (held, finished) = (Vec::new(), false);
        Ok(Storing { files: self, document: id, at_most, size: 0, held, paused, finished })
    }

    /// A document's bytes, as fast as they are taken. An error ends them.
    pub(super) fn read(
        self: Arc<Self>,
        document: DocumentId,
        executor: &Executor<'static>,
    ) -> Receiver<io::Result<Bytes>> {
        let (pieces, taken) = bounded(AHEAD);
        let read = async move {
            for number in 0.. {
                let (files, document) = (Arc::clone(&self), document.clone());
                let piece = smol::unblock(move || files.documents().read(&document, number)).await;
                let piece = match piece {
                    Ok(Some(piece)) => Ok(Bytes::from(piece)),
                    Ok(None) => return,
                    Err(refusal) => Err(io::Error::other(refusal)),
                };
                let last = piece.is_err();
                // Whoever wanted it may be gone.
                if pieces.send(piece).await.is_err() || last {
                    return;
                }
            }
        };
        executor.spawn(read).detach();
        taken
    }
}

impl Storing {
    /// Takes more of the file, and waits until the store has taken it.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreOutcome> {
        self.size += bytes.len() as u64;
        if self.size > self.at_most {
            return Err(StoreOutcome::TooLarge);
        }
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PIECE {
            self.hand_over().await?;
        }
        Ok(())
    }

    async fn hand_over(&mut self) -> Result<(), StoreOutcome> {
        let Some(paused) = self.paused.take() else { return Err(StoreOutcome::Unavailable) };
        let (files, bytes) = (Arc::clone(&self.files), std::mem::take(&mut self.held));
        let written = smol::unblock(move || {
            let mut upload = files.documents().resume(paused);
            upload.write(&bytes).map(|()| upload.pause())
        });
        self.paused = Some(written.await.map_err(|refusal| outcome(&refusal))?);
        Ok(())
    }

    /// All of the file has come.
    pub(super) async fn finish(mut self) -> StoreOutcome {
        if let Err(outcome) = self.hand_over().await {
            return outcome;
        }
        let Some(paused) = self.paused.take() else { return StoreOutcome::Unavailable };
        let files = Arc::clone(&self.files);
        let finished = smol::unblock(move || files.documents().resume(paused).finish());
        match finished.await {
            Ok(size) => {
                self.finished = true;
                StoreOutcome::Stored { document: self.document.clone(), size }
            }
            Err(refusal) => outcome(&refusal),
        }
    }
}

impl Drop for Storing {
    /// What did not come whole is of no use to anybody.
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let (files, document) = (Arc::clone(&self.files), self.document.clone());
        let forget = smol::unblock(move || {
            if let Err(error) = files.documents().delete(&document) {
                // The store forgets it by itself after a day.
                debug!(%error, "half a document stays in the store for now");
            }
        });
        forget.detach();
    }
}

const fn outcome(refusal: &Refusal) -> StoreOutcome {
    match refusal {
        Refusal::TooLarge => StoreOutcome::TooLarge,
        Refusal::Unavailable | Refusal::Exists | Refusal::NotFound => StoreOutcome::Unavailable,
    }
}

/// A name for a document, which nobody can guess and no other has.
fn new_id() -> io::Result<DocumentId> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digits = entropy::seed()?.into_iter().take(16);
    let name: String = digits
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect();
    Ok(DocumentId::new(&name))
}
