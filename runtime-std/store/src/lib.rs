//! What answers a server machine's questions, the same for every runtime: a store takes requests and
//! gives answers back, and whoever asks never waits for it.
//!
//! There are two. `memory:` keeps nothing beyond its process; `sqlite:PATH` is a file that several
//! servers on one machine may share. What is kept, what an answer promises, and what each kind of
//! trouble does, stands in `docs/store.md`.
//!
//! ```
//! use confer_core::ask::{Failure, Outcome, Record, RecordName, Request};
//! use confer_core::id::{OpId, SessionId};
//! use confer_store::{Event, Options, Store, Url};
//!
//! let store = Store::open(&Url::Memory, &Options::new("desk:4480"), || {})?;
//! let name = RecordName::Session(SessionId::new("00K7EXAMPLE42QZ9"));
//! store.ask(OpId(1), Request::Record(Record::Load { name, events: true }));
//! let outcome = Outcome::Failed(Failure::NotFound);
//! assert_eq!(store.poll(), Some(Event::Done { op: OpId(1), outcome }));
//! # Ok::<(), confer_store::OpenError>(())
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod documents;
mod error;
mod identity;
mod instance;
mod interaction;
mod memory;
mod purge;
mod random;
mod spool;
mod sqlite;
mod stop;
mod store;
mod stored;
mod url;
mod view;
mod weight;

pub use documents::{DocumentStore, Documents, MAX_PIECES, PIECE, Paused, Refusal, Stat, Upload};
pub use error::OpenError;
pub use memory::{MAX_CLOSED, MAX_CLOSED_EVENTS, MAX_CONTACTS, MAX_DOCUMENTS_SIZE, Memory};
pub use purge::{Purged, purge};
pub use spool::{MAX_SPOOLED, MAX_SPOOLED_SIZE};
pub use stop::stop;
pub use store::{Event, MAX_BYTES, MAX_REQUESTS, Options, Store, Sync};
pub use url::{Url, UrlError};
pub use view::{ContactRow, InteractionRow, ReadError, SessionRow, View};
