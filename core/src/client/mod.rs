//! The machines at the other end: what a desktop, a bot or a visitor's page links.
//!
//! [`Desk`] speaks basic and takes part in many chats at once; [`Visitor`] speaks flex and takes
//! part in one. Both keep the contract of [`Machine`](crate::machine::Machine): a shell makes the
//! connection, passes decoded frames in and carries the actions out; whoever uses a machine calls
//! its verbs and hears [news](News). Neither does any I/O, and both are tested against the server
//! machine on networks that lose connections.
//!
//! What a user of either can rely on:
//!
//! - *Nothing said is lost or said twice.* Whatever a verb accepted is kept until the server has
//!   answered it, one request of a chat under way at a time, and is asked again with the same
//!   RequestKey after a loss (B4.8). The order of the verbs is the order of the events.
//! - *The transcript is complete.* After a loss only the events after the last one seen are asked
//!   for, and an event that comes twice is dropped (B4.7, B4.8). [`View`] is what there is to show.
//! - *No server is the only one.* Whoever knows several with the same store ([`Habits::servers`]) goes
//!   to the next one when its own cannot be reached or lets go of the chat (B22.13).
//! - *Nobody is hammered.* Connections, joins and refused requests are tried again after pauses that
//!   grow ([`Habits`]).
//!
//! ```
//! use confer_core::client::{Action, Desk, DeskNews, DeskSettings, Input, News};
//! use confer_core::frame::basic::{Event, EventRegistered, Request};
//! use confer_core::frame::{Frame, UserType, Visibility};
//! use confer_core::id::{SessionId, UserId};
//! use confer_core::machine::Machine as _;
//! use confer_core::time::Instant;
//!
//! let now = Instant::ZERO;
//! let mut desk = Desk::new(DeskSettings::new("Ana", UserType::Agent), [7; 32]);
//! // The shell is asked for a connection, makes it, and says so.
//! assert!(matches!(desk.poll_action(), Some(Action::Connect { .. })));
//! desk.handle(Input::Opened, now);
//! let Some(Action::Send(register)) = desk.poll_action() else { panic!() };
//!
//! // Meanwhile somebody may already take up a chat; it is entered as soon as that is possible.
//! let chat = desk.join(SessionId::new("0123456789ABCDEF"), Visibility::All, now)?;
//! desk.say(chat, "Good morning!", now)?;
//! assert_eq!(desk.poll_action(), None);
//!
//! let registered = EventRegistered { user_id: UserId::new("00000000000000A1"), client_version: 106 };
//! desk.handle(Input::Frame(Frame::new(register.reference, Event::EventRegistered(registered))), now);
//! assert_eq!(desk.poll_action(), Some(Action::Notify(DeskNews::Online)));
//! let Some(Action::Send(join)) = desk.poll_action() else { panic!() };
//! assert!(matches!(join.body, Request::RequestJoin(_)));
//! // What was said is shown at once, and is no event yet.
//! assert_eq!(desk.chat(chat).unwrap().echoes().count(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod back_off;
pub(crate) mod chance;
pub mod desk;
mod echo;
mod files;
mod habits;
mod servers;
mod typing;
mod view;
pub mod visitor;

use core::fmt;
use core::time::Duration;

pub use desk::{Chat, ChatId, Desk, DeskNews, DeskSettings, Entry};
pub use echo::{Echo, EchoId, Notification, Said, Saying};
pub use files::{DownloadPermit, File, FileAnswer, FileLimits, Upload, UploadPermit};
pub use habits::Habits;
pub use view::{Participant, View};
pub use visitor::{Start, Visitor, VisitorSettings};

use crate::frame::{ErrorId, Frame, Malformed, TranscriptEvent};
use crate::id::{EventId, UserId};
use crate::text::Str;

/// The newest version of the client protocol, which the machines announce (B6.1).
const CLIENT_VERSION: i32 = 106;
/// Why a request is not even sent.
const TOO_LARGE: &str = "larger than any frame";

/// What happens to a client machine; `E` is what its server tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<E> {
    /// The connection is there.
    Opened,
    /// The connection is gone, or could not be made.
    Closed,
    /// The server says this.
    Frame(Frame<E>),
    /// The server says something that could be read but not understood.
    Malformed(Malformed),
    /// What was to be said under this reference cannot be written, for it is larger than any frame.
    Unsendable {
        /// Of the [`Action::Send`].
        reference: u32,
    },
}

/// What a client machine wants done; `R` is what it asks its server, `N` what it tells its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<R, N> {
    /// Make a connection, after so much time; [`Input::Opened`] or [`Input::Closed`] is the answer.
    Connect {
        /// With which of the [servers](Habits::servers).
        server: usize,
        /// How long to wait first.
        after: Duration,
    },
    /// Say this to the server.
    Send(Frame<R>),
    /// End the connection; [`Input::Closed`] follows.
    Disconnect,
    /// Tell whoever sits there.
    Notify(N),
}

/// What is new in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// One is in it, for the first time or again.
    Joined,
    /// One is not in it for the moment, and will be again without anybody's doing (B20.12).
    Interrupted,
    /// The view holds this event from now on.
    Told(EventId),
    /// What was said is an event, or done: the echo gives way to it.
    Confirmed {
        /// What was said.
        echo: EchoId,
        /// The event; `None` where the request caused none.
        event_id: Option<EventId>,
    },
    /// What was said will never be an event, and the echo is gone. Only where the server has
    /// forgotten the whole session (8201, 8304) can nobody tell whether it was heard.
    NotSent {
        /// What was said.
        echo: EchoId,
        /// Why: the number of an [`ErrorId`], or of one this build does not know.
        error_id: i32,
        /// Why, in the server's words; empty where it did not say.
        why: Str,
    },
    /// Somebody types, or no longer does: see [`Participant::typing`].
    Typing(UserId),
    /// Somebody has read further: see [`Participant::read_up_to`].
    Read(UserId),
    /// Whether somebody watches unseen changed: see [`View::monitored`].
    Monitored,
    /// The time until the session would be closed was told: see [`View::idle_time_expire`].
    IdleTime,
    /// A question about files is answered (B22.2); it is [confirmed](Self::Confirmed), too.
    Files {
        /// The question.
        echo: EchoId,
        /// The answer.
        answer: alloc::boxed::Box<FileAnswer>,
    },
    /// Something else beside the transcript: a word of the system, or the result of another question.
    Aside(alloc::boxed::Box<TranscriptEvent>),
    /// The chat is over for this client. The view stays until it is forgotten.
    Over(End),
}

impl News {
    /// What was said will never be an event, for this reason, which is all that is known.
    fn not_sent(echo: EchoId, error_id: i32) -> Self {
        let why = ErrorId::from_number(error_id).map_or("", ErrorId::text);
        Self::NotSent { echo, error_id, why: Str::new(why) }
    }
}

/// How a chat ended for this client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It left.
    Left,
    /// It was removed from a session that goes on.
    Removed,
    /// The session is closed.
    Closed,
    /// The server knows no such session any more, or not this client in it.
    Gone,
    /// It was silent for too long (8209).
    LoggedOut,
    /// It was not believed, and removed (8210).
    WrongSecureKey,
    /// It was not let in: the number of an [`ErrorId`], or of one this build
    /// does not know.
    Refused(i32),
}

/// Why a verb did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SayError {
    /// There is no such chat.
    NoChat,
    /// It is over, or being left.
    Over,
    /// [`Habits::max_waiting`] things wait for their answers already.
    Full,
    /// The text has more than [`Habits::max_text`] characters.
    TooLong,
}

impl fmt::Display for SayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoChat => "no such chat",
            Self::Over => "the chat is over",
            Self::Full => "too much waits to be sent",
            Self::TooLong => "the text is too long",
        })
    }
}

impl core::error::Error for SayError {}

/// Why no chat was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinError {
    /// There are as many as there may be; forget one that is over.
    Full,
    /// This one takes part in that session already, or in a chat at all if it is a visitor.
    AlreadyThere,
    /// It has signed off, or was refused for good.
    SignedOff,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "too many chats",
            Self::AlreadyThere => "already in the chat",
            Self::SignedOff => "signed off",
        })
    }
}

impl core::error::Error for JoinError {}
