//! A call in flight: all a gateway ever knows of a customer.

use alloc::boxed::Box;

use crate::id::{DocumentId, EventId};
use crate::pii::{Pii, Secret};
use crate::text::Str;
use crate::time::Instant;
use crate::wheel::TimerId;

use super::CallId;
use super::api::{ApiRequest, Customer, Operation, Upload, Verb, Why};
use super::servers::{ServerNo, Tried};

/// A call in flight.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: CallId,
    pub(super) request: ApiRequest,
    pub(super) stage: Stage,
    pub(super) place: Place,
    /// Where it was asked last, and is best asked again.
    pub(super) home: Option<ServerNo>,
    /// Servers that are of no use to it.
    pub(super) tried: Tried,
    /// How often in a row it was told to come again.
    pub(super) refusals: u32,
    /// How often anything was asked for it.
    pub(super) attempts: u32,
    /// What it asks now was sent before, and nobody knows what became of that.
    pub(super) in_doubt: bool,
    /// What to answer when every server is tried.
    pub(super) verdict: Option<Why>,
    pub(super) key: Str,
    /// Who asks, by the newest ids.
    pub(super) customer: Option<Customer>,
    pub(super) deadline: Instant,
    pub(super) timer: Option<TimerId>,
    /// Its client is gone: what it began is undone.
    pub(super) abandoned: bool,
}

/// How far a call has come.
#[derive(Debug)]
pub(super) enum Stage {
    /// The customer logs in.
    Login,
    /// The customer enters a new session.
    Join,
    /// The one request of an operation that needs no more.
    Verb,
    /// An upload: what is left of the limits?
    Limits,
    /// A file may be this large, if its customer may upload one at all.
    Permit { at_most: u64, after: EventId, key: Str },
    /// The shell stores the file.
    Storing(Box<Permitted>),
    /// The file is announced.
    Announce(Box<Stored>),
    /// May this file be downloaded?
    Fetch,
    /// The shell looks for this document, of a file of this name.
    Finding(DocumentId, Pii<Str>),
}

/// Leave to store one document.
#[derive(Debug)]
pub(super) struct Permitted {
    pub(super) permit: Secret,
    /// Behind this event the announcement will stand.
    pub(super) after: EventId,
}

/// A stored document.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) document: DocumentId,
    pub(super) size: u64,
    pub(super) permit: Secret,
    pub(super) after: EventId,
}

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// With the shell, or on its way somewhere.
    Nowhere,
    /// It waits for a connection to this server.
    Waiting(ServerNo),
    /// It waits for any server.
    Parked,
    /// It waits for this answer.
    Asked(ServerNo, u32),
    /// It asks again later.
    Paused,
}

impl Stage {
    /// The first of an operation.
    pub(super) const fn first(operation: &Operation) -> Self {
        match operation {
            Operation::RequestChat(_) => Self::Login,
            Operation::InChat(there) => match &there.verb {
                Verb::Upload(_) => Self::Limits,
                Verb::Download { .. } => Self::Fetch,
                Verb::Send { .. }
                | Verb::Refresh { .. }
                | Verb::StartTyping { .. }
                | Verb::StopTyping { .. }
                | Verb::ReadReceipt
                | Verb::Disconnect
                | Verb::PushUrl { .. }
                | Verb::UpdateNickname { .. }
                | Verb::CustomNotice { .. }
                | Verb::UpdateData { .. }
                | Verb::FileLimits
                | Verb::Delete { .. } => Self::Verb,
            },
        }
    }
}

impl Call {
    /// The file of an upload.
    pub(super) const fn upload(&self) -> Option<&Upload> {
        if let Operation::InChat(there) = &self.request.operation
            && let Verb::Upload(upload) = &there.verb
        {
            return Some(upload);
        }
        None
    }

    /// Whether it names a file that is to be there.
    pub(super) const fn is_about_a_file(&self) -> bool {
        if let Operation::InChat(there) = &self.request.operation {
            return matches!(there.verb, Verb::Download { .. } | Verb::Delete { .. });
        }
        false
    }

    /// Whether nobody knows if what the call is about was done, and doing it again would show.
    pub(super) const fn may_have_been_said(&self) -> bool {
        let out = self.in_doubt || matches!(self.place, Place::Asked(..));
        match (&self.request.operation, &self.stage) {
            (Operation::InChat(there), Stage::Verb | Stage::Announce(_)) => out && there.says(),
            _ => false,
        }
    }

    /// The position the client asked with.
    pub(super) const fn position(&self) -> u32 {
        match &self.request.operation {
            Operation::InChat(there) => there.position,
            Operation::RequestChat(_) => 0,
        }
    }
}
