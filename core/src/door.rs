//! The doors of the server machine: all that ever goes in, all that ever comes out.

use alloc::sync::Arc;
use core::time::Duration;

use crate::ask::{Outcome, Request as AskRequest};
use crate::config::Config;
use crate::frame::{Event, Flaw, Frame, Malformed, Request};
use crate::id::{InteractionId, LinkId, OpId, PortId, SessionId};
use crate::text::Str;
use crate::time::Wall;

/// Who a server is, to the interaction server and to other instances (B19.3, B20.12).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Identity {
    /// Its name, unique among the instances of one store: the `ChatServerAppName`. By this name other
    /// instances tell it something, and a record says who owns it.
    pub name: Str,
    /// The address of its port `default`, as agents reach it: the `ChatServerHost`. Empty: not known,
    /// and not written.
    pub host: Str,
    /// The number of that port: the `ChatServerPort`.
    pub port: u16,
}

/// What happens to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Input {
    /// Something about a connection.
    Link {
        /// Which.
        link: LinkId,
        /// What.
        change: LinkChange,
    },
    /// A connection brought a request.
    Frame {
        /// Which.
        link: LinkId,
        /// The request.
        frame: Frame<Request>,
    },
    /// A connection brought a frame that was sound but makes no sense.
    Malformed {
        /// Which.
        link: LinkId,
        /// What to answer, and why.
        malformed: Malformed,
    },
    /// The answer to an [`Action::Ask`].
    Done {
        /// Which.
        op: OpId,
        /// How it ended.
        outcome: Outcome,
    },
    /// Something another part of the system did.
    External(External),
    /// What the calendar says now. Corrects stamps, never deadlines (B5.2).
    Wall(Wall),
    /// How long requests took from socket to answer lately, for the load limit (B17.1).
    ReplyDelay(Duration),
    /// A new configuration, already validated.
    Config(Arc<Config>),
    /// Take nothing new and come to an end (B20.7).
    Drain,
    /// The time to drain is over: close the sessions that are left, reason 5 (B20.7).
    CloseSessions,
}

/// Something about a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum LinkChange {
    /// It is there. The first thing said of a connection.
    Opened {
        /// The port it came to.
        port: PortId,
        /// What is known of the other end.
        trust: Trust,
    },
    /// It takes output more slowly than it gets it.
    Congested,
    /// It has taken what was waiting.
    Drained,
    /// It is gone. The last thing said of a connection.
    Closed,
}

/// What is known of the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Trust {
    /// Whoever can reach the port.
    Open,
    /// Somebody who showed the port's access token or a client certificate (B2.7, B9.1).
    Authenticated,
    /// A gateway node inside this process, which passes frames instead of bytes.
    Gateway,
}

/// Something another part of the system did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum External {
    /// The workflow stopped an interaction (B19.4).
    InteractionStopped {
        /// Which.
        interaction: InteractionId,
    },
    /// Another instance took a session over (B20.5).
    Purge {
        /// Which.
        session: SessionId,
        /// The generation of its new ownership.
        generation: u64,
    },
    /// The contact store answers again (B4.3).
    ContactStoreUp,
    /// A session's owner has been silent for too long, and so has everybody in it (B20.13). Said
    /// again while it is so.
    Orphaned {
        /// Which.
        session: SessionId,
    },
    /// Whether other instances live on the same store, to whom sessions may be handed (B20.7). Said
    /// when it changes; until then there are none.
    Peers {
        /// Whether there are any.
        any: bool,
    },
}

/// What the server wants done. Actions are carried out in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Action {
    /// Write this to a connection.
    Send {
        /// Which.
        link: LinkId,
        /// What.
        frame: Frame<Event>,
    },
    /// Write what is waiting, then end a connection.
    Close {
        /// Which.
        link: LinkId,
        /// Why.
        reason: CloseReason,
    },
    /// Ask a store or the interaction server; answered by exactly one [`Input::Done`].
    Ask {
        /// The number of the answer.
        op: OpId,
        /// What is asked.
        request: AskRequest,
    },
    /// Count and log this.
    Report(Report),
}

// Moved into the machine's queue and out of it, once for everybody who is told something.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Action>() <= 384);

/// Why the server ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum CloseReason {
    /// No Register and no flex request within `user-register-timeout` (B2.2).
    NotRegistered,
    /// The server is going away (B20.7).
    Draining,
}

/// Something an operator may want to see. Holds no word of a customer's.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Report {
    /// A request was answered with 8301.
    Malformed {
        /// From whom.
        link: LinkId,
        /// The message's number on the wire.
        message: u16,
        /// What was wrong.
        what: Flaw,
    },
    /// Somebody named a flex user and showed a wrong key (B9.1), or a session and a wrong token
    /// (B20.10).
    WrongSecureKey {
        /// Who.
        link: LinkId,
    },
    /// A Login or Join asked for pushes and does not get any (B10.6).
    NotSubscribed {
        /// The session.
        session: SessionId,
        /// Why.
        why: NotSubscribed,
    },
    /// A push, or the question whether a user is still there, found no gateway node (B10.3). The
    /// vendor's message 59758.
    NoNode {
        /// The session.
        session: SessionId,
    },
}

/// Why the user data of a Login or Join did not subscribe (B10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum NotSubscribed {
    /// `flex-push-enabled` or `flex-push-on-join` is off.
    SwitchedOff,
    /// Nodes of several groups are there, and none was named.
    SeveralGroups,
    /// More shall go with every push than [`Limits::MAX_PUSH_DATA`](crate::limits::Limits::MAX_PUSH_DATA).
    TooLarge,
}
