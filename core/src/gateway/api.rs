//! What customers' clients ask of the web API, and what they are told: every operation as values,
//! without a byte of HTTP.

use alloc::boxed::Box;
use core::fmt;

use crate::frame::{EventList, KvList};
use crate::id::{DocumentId, FileId, SessionId, UserId};
use crate::pii::{Pii, Secret};
use crate::text::{Str, Text};
use crate::time::Stamp;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRequest {
    /// The service, a section `chat.<name>` of the configuration.
    pub service: Str,
    /// What it shall do.
    pub operation: Operation,
}

/// One of the operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Begin a chat.
    RequestChat(Box<RequestChat>),
    /// Do something in one.
    InChat(InChat),
}

/// Begins a chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestChat {
    /// How the customer wants to be called; empty: by both names.
    pub nickname: Pii<Str>,
    /// Their first name; empty: not given.
    pub first_name: Pii<Str>,
    /// Their last name; empty: not given.
    pub last_name: Pii<Str>,
    /// Their address; empty: not given.
    pub email_address: Pii<Str>,
    /// What the chat is about.
    pub subject: Option<Text>,
    /// What they say on entering (B4.4).
    pub greeting: Option<Text>,
    /// What they bring along.
    pub user_data: KvList,
}

/// Does something in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InChat {
    /// Who asks, and where.
    pub customer: Customer,
    /// The server that answered them last, as they were told; empty: they do not know.
    pub alias: Str,
    /// The first event they want in the answer; 0: none. For [`Verb::ReadReceipt`], the event read.
    pub position: u32,
    /// Makes what they say once-only over attempts of their own (B4.8).
    pub request_key: Option<Str>,
    /// What.
    pub verb: Verb,
}

/// A customer as the API names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// The session.
    pub chat_id: SessionId,
    /// Their participation in it.
    pub user_id: UserId,
    /// Their proof (B9.1).
    pub secure_key: Secret,
}

/// What is done in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Says something.
    Send {
        /// The words.
        text: Text,
        /// Free text, passed through.
        message_type: Option<Str>,
        /// Data of the message.
        user_data: KvList,
    },
    /// Asks what is new, perhaps saying something.
    Refresh {
        /// The words.
        text: Option<Text>,
    },
    /// Tells that the customer types.
    StartTyping {
        /// What is typed so far.
        preview: Option<Text>,
    },
    /// Tells that the customer no longer types.
    StopTyping {
        /// What was typed so far.
        preview: Option<Text>,
    },
    /// Tells up to where the customer has read.
    ReadReceipt,
    /// Leaves.
    Disconnect,
    /// Shows the others a web address.
    PushUrl {
        /// It.
        url: Text,
    },
    /// Takes another nickname.
    UpdateNickname {
        /// It.
        nickname: Text,
    },
    /// Gives a notice of the customer's own making.
    CustomNotice {
        /// Its text.
        text: Option<Text>,
        /// Its data.
        user_data: KvList,
    },
    /// Adds to the session's user data.
    UpdateData {
        /// What.
        user_data: KvList,
    },
    /// Asks what files may be sent.
    FileLimits,
    /// Sends a file, whose bytes the shell holds.
    Upload(Box<Upload>),
    /// Wants a file.
    Download {
        /// Which.
        file_id: FileId,
    },
    /// Takes a file of the customer's own back.
    Delete {
        /// Which.
        file_id: FileId,
    },
}

/// A file to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its name, without a path; 1 to 255 characters.
    pub name: Pii<Str>,
    /// What kind of file it is said to be.
    pub content_type: Str,
    /// How large it is at most, in bytes; unknown where it comes in pieces.
    pub size_at_most: Option<u64>,
    /// Data of the notice that announces it.
    pub user_data: KvList,
}

/// What a client is told, once for each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiAnswer {
    /// It was done.
    Done(Box<Done>),
    /// Here is the file.
    File(Box<FoundFile>),
    /// It was not done, or nobody knows.
    Failed(Box<Failed>),
}

/// It was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The customer, by the ids that count from now on (B20.4).
    pub customer: Customer,
    /// The server that answered.
    pub alias: Str,
    /// What to ask for next.
    pub next_position: u32,
    /// Whether the chat is over for this customer.
    pub chat_ended: bool,
    /// Whether somebody watches unseen (B3.5).
    pub monitored: bool,
    /// Seconds until the session would be closed for inactivity (B11.5).
    pub idle_time_expire: Option<u32>,
    /// When the session began; every event counts its time from there.
    pub start_at: Stamp,
    /// The events that were asked for. One with the id 0 is the result of a question, and none of
    /// the session's (B22.2).
    pub events: EventList,
    /// What the operation itself found out: the id of an uploaded file, the limits of files.
    pub user_data: KvList,
}

/// A file that may be given out, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// The document to send.
    pub document: DocumentId,
    /// Its name, as its sender gave it: to be made safe before it stands in a header or a path.
    pub name: Pii<Str>,
    /// In bytes.
    pub size: u64,
    /// What kind of file its sender said it is.
    pub content_type: Str,
}

/// It was not done, or nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Why.
    pub why: Why,
    /// Nothing of it was done, and the same request may be made again; or it makes no difference.
    pub retry: bool,
    /// The chat is over for this customer.
    pub chat_ended: bool,
    /// Who asked; nobody yet, when a chat could not be begun.
    pub customer: Option<Customer>,
    /// The server they may name again.
    pub alias: Str,
    /// The position they asked with.
    pub position: u32,
    /// What the server said about it; not for its words in a customer's language.
    pub detail: Option<Str>,
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// No service has this name, or it is switched off.
    NoSuchService,
    /// The service names an endpoint the server does not know (8310).
    UnknownEndpoint,
    /// Nobody of this id and key is in a chat (8201, 8209, 8210).
    NoSuchChat,
    /// The chat is over (8305).
    ChatClosed,
    /// Neither a nickname nor both names, or one that cannot be (B3.8).
    Nickname,
    /// A text is too long (8312).
    TextTooLong,
    /// What was asked makes no sense to the server (8301).
    BadRequest,
    /// This may not be asked here (8307, 8308, 8314).
    NotAllowed,
    /// A limit of the server is reached (8311).
    LimitReached,
    /// A limit on files (8313).
    FileRefused,
    /// The file is larger than what is left of the limits.
    FileTooLarge,
    /// There is no such file in the chat, or not in the document store.
    FileGone,
    /// The file did not come whole.
    UploadBroken,
    /// The server's store, or the document store, is of no help at present (8318).
    StoreUnavailable,
    /// The session is being moved, for longer than anybody should wait (8317).
    Moving,
    /// As many calls are in flight as may be.
    TooManyCalls,
    /// No server can be reached.
    Unreachable,
    /// A server was asked, and has not answered in time: it may have been done all the same.
    InDoubt,
    /// The server will not give files to this gateway, which it does not trust (B22.10).
    NotTrusted,
    /// Any other number of a server's, or an answer that cannot be understood.
    Refused(i32),
}

impl Why {
    /// Why, in words for the people who build a page.
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoSuchService => "no such chat service",
            Self::UnknownEndpoint => "the service names an unknown endpoint",
            Self::NoSuchChat => "session not found",
            Self::ChatClosed => "the chat is over",
            Self::Nickname => "nickname, or firstName and lastName, of at most 255 characters",
            Self::TextTooLong => "the text is too long",
            Self::BadRequest => "the request makes no sense",
            Self::NotAllowed => "not allowed here",
            Self::LimitReached => "a limit is reached",
            Self::FileRefused => "the file is refused",
            Self::FileTooLarge => "the file is too large",
            Self::FileGone => "there is no such file",
            Self::UploadBroken => "the file did not come whole",
            Self::StoreUnavailable => "the store is not available",
            Self::Moving => "the chat is being moved",
            Self::TooManyCalls => "too many calls at once",
            Self::Unreachable => "no chat server can be reached",
            Self::InDoubt => "the chat server has not answered in time",
            Self::NotTrusted => "the chat server does not trust this gateway with files",
            Self::Refused(_) => "the chat server refused the request",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Operation {
    /// Who asks, if they are in a chat already.
    pub const fn customer(&self) -> Option<&Customer> {
        match self {
            Self::RequestChat(_) => None,
            Self::InChat(there) => Some(&there.customer),
        }
    }
}

impl Operation {
    /// Whether the bytes of a file are part of it.
    pub(super) const fn moves_file(&self) -> bool {
        matches!(self, Self::InChat(InChat { verb: Verb::Upload(_) | Verb::Download { .. }, .. }))
    }
}

impl InChat {
    /// Whether doing it twice is more than doing it once, and nobody could tell that it was.
    pub(super) const fn says(&self) -> bool {
        match &self.verb {
            Verb::Send { .. }
            | Verb::Refresh { text: Some(_) }
            | Verb::PushUrl { .. }
            | Verb::UpdateNickname { .. }
            | Verb::CustomNotice { .. }
            | Verb::Upload(_) => self.request_key.is_none(),
            Verb::Refresh { text: None }
            | Verb::StartTyping { .. }
            | Verb::StopTyping { .. }
            | Verb::ReadReceipt
            | Verb::Disconnect
            | Verb::UpdateData { .. }
            | Verb::FileLimits
            | Verb::Download { .. }
            | Verb::Delete { .. } => false,
        }
    }
}
