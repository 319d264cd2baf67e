//! The doors of the gateway machine: all that ever goes in, all that ever comes out.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use crate::config::Config;
use crate::frame::flex::{Event, Request};
use crate::frame::{Frame, Malformed};
use crate::id::{DocumentId, SessionId};
use crate::pii::{Pii, Secret};
use crate::text::Str;

use super::api::{ApiAnswer, ApiRequest};
use super::servers::ServerNo;

/// A call, numbered by the shell. A number is used once in the life of a machine; one that is used
/// again while its call is in flight is not heard.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call{}", self.0)
    }
}

/// Who this gateway is, and how often it tries. What else an operator may decide is section `web` of
/// the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewaySettings {
    /// The gateways that can stand in for each other (B10.7).
    pub node_group: Str,
    /// This one among them: no two of a group that run at once share a name.
    pub node_name: Str,
    /// How many chat servers there are, at most [`Gateway::MAX_SERVERS`](super::Gateway::MAX_SERVERS).
    pub servers: u8,
    /// Whether the shell can store and find documents. If not, limits on files are told as 0 and files
    /// are refused (B26.11). Yes.
    pub has_documents: bool,
    /// How often anything is asked for one call, attempts of all kinds counted. 64.
    pub max_attempts: u32,
    /// The pause before a call that was told to come again does so (8317, 8318), halved at random;
    /// doubled each time. 100 ms.
    pub retry_min: Duration,
    /// The longest such pause. 2 s.
    pub retry_max: Duration,
    /// The pause before a connection that could not be made is tried again; doubled each time.
    /// 100 ms.
    pub connect_min: Duration,
    /// The longest such pause. 5 s.
    pub connect_max: Duration,
}

impl GatewaySettings {
    /// A gateway of this group and name in front of so many servers, as patient as by default.
    pub fn new(node_group: &str, node_name: &str, servers: u8) -> Self {
        Self {
            node_group: Str::new(node_group),
            node_name: Str::new(node_name),
            servers,
            has_documents: true,
            max_attempts: 64,
            retry_min: Duration::from_millis(100),
            retry_max: Duration::from_secs(2),
            connect_min: Duration::from_millis(100),
            connect_max: Duration::from_secs(5),
        }
    }
}

/// What happens to a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A client asks.
    Request {
        /// The number of the answer.
        call: CallId,
        /// What.
        request: ApiRequest,
    },
    /// A client is gone, and its call will not be answered.
    Cancelled {
        /// Which.
        call: CallId,
    },
    /// The connection to a server is there.
    Opened {
        /// Which.
        server: ServerNo,
    },
    /// The connection to a server is gone, or could not be made.
    Closed {
        /// Which.
        server: ServerNo,
    },
    /// A server says this.
    Frame {
        /// Which.
        server: ServerNo,
        /// What.
        frame: Frame<Event>,
    },
    /// A server says something that could be read but not understood.
    Malformed {
        /// Which.
        server: ServerNo,
        /// What.
        malformed: Malformed,
    },
    /// The answer to [`Action::Store`].
    Stored {
        /// For which call.
        call: CallId,
        /// How it ended.
        outcome: StoreOutcome,
    },
    /// The answer to [`Action::Find`].
    Found {
        /// For which call.
        call: CallId,
        /// How it ended.
        outcome: FindOutcome,
    },
    /// A new configuration, already validated.
    Config(Arc<Config>),
}

/// How the storing of a file ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreOutcome {
    /// The document is there, for good.
    Stored {
        /// It.
        document: DocumentId,
        /// Its size in bytes.
        size: u64,
    },
    /// The file is larger than was permitted; nothing is stored.
    TooLarge,
    /// The file did not come whole; nothing is stored.
    Broken,
    /// The store cannot; nothing is stored.
    Unavailable,
}

/// How the search for a document ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindOutcome {
    /// It is there.
    Found {
        /// Its size in bytes.
        size: u64,
        /// What kind of file its sender said it is; empty: they did not.
        content_type: Str,
    },
    /// It is not there.
    NotFound,
    /// The store cannot say.
    Unavailable,
}

/// What a gateway wants done. Actions are carried out in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make a connection, after so much time; [`Input::Opened`] or [`Input::Closed`] is the answer.
    /// An attempt that takes long is the shell's to give up.
    Connect {
        /// To which server.
        server: ServerNo,
        /// How long to wait first.
        after: Duration,
    },
    /// Say this to a server.
    Send {
        /// Which.
        server: ServerNo,
        /// What.
        frame: Frame<Request>,
    },
    /// Answer a call: once for each, unless it was cancelled.
    Answer {
        /// Which.
        call: CallId,
        /// What.
        answer: ApiAnswer,
    },
    /// Store the file a call brings; answered by one [`Input::Stored`].
    Store {
        /// Which.
        call: CallId,
        /// How.
        document: Box<NewDocument>,
    },
    /// Look for a document; answered by one [`Input::Found`].
    Find {
        /// For which call.
        call: CallId,
        /// Which.
        document: DocumentId,
    },
    /// Nobody will ever hear of this document: the store may drop it.
    Discard {
        /// Which.
        document: DocumentId,
    },
    /// Count and log this.
    Report(Report),
}

/// A document to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDocument {
    /// The session it is for (B22.9).
    pub session: SessionId,
    /// The permit it is stored under (B22.9).
    pub permit: Secret,
    /// Its name.
    pub name: Pii<Str>,
    /// What kind of file it is said to be.
    pub content_type: Str,
    /// How large it may be, in bytes; one byte more is [`StoreOutcome::TooLarge`].
    pub at_most: u64,
}

/// Something an operator may want to see. Holds no word of a customer's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// A server can be asked.
    Up {
        /// Which.
        server: ServerNo,
    },
    /// The connection to a server is lost.
    Lost {
        /// Which.
        server: ServerNo,
        /// Calls that waited for its answers.
        calls: usize,
    },
    /// A server does not take this gateway for a node: it polls no silent connection, and removes
    /// customers for whom somebody showed a wrong key (B9.1).
    NotANode {
        /// Which.
        server: ServerNo,
        /// Why: the number of an [`ErrorId`](crate::frame::ErrorId), or of one this build does not know.
        error_id: i32,
    },
    /// A chat goes on with another server.
    Moved {
        /// Which.
        session: SessionId,
        /// With which.
        server: ServerNo,
    },
    /// A server does not trust this gateway with files (B22.10).
    NotTrusted {
        /// Which.
        server: ServerNo,
    },
    /// A server's answer could not be understood.
    Malformed {
        /// Which.
        server: ServerNo,
        /// The answer.
        malformed: Malformed,
    },
}
