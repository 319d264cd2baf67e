//! Messages about the connection rather than a chat (wire §4.4).

use core::time::Duration;

use crate::pii::Secret;

/// What may come on any connection, in either direction. Links deal with these; machines never see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// The first frame on a port with an access token.
    Authenticate {
        /// What the configuration calls `access-token`.
        access_token: Secret,
    },
    /// The sender asks the receiver to watch the connection.
    AddpSetup {
        /// How long the receiver is to wait in silence before it polls; zero: not at all. Whole
        /// milliseconds.
        remote_timeout: Duration,
    },
    /// Are you there?
    AddpPoll,
    /// I am.
    AddpReply,
}
