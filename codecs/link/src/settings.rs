//! What a link is told when it is made.

use core::time::Duration;

use confer_core::config::Config;
use confer_core::id::PortId;
use confer_core::limits::Limits;
use confer_core::pii::Secret;
use confer_wire::MAX_FRAME;

/// The largest frame, in bytes, of somebody who has not shown who they are: before the access token
/// was right, and on a basic connection before it is registered (wire §1).
pub const STRANGER_FRAME: u32 = 65_536;

/// What an operator, or a client's owner, decides about a connection.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The largest frame that may come in, in bytes (`request-max-size`).
    pub receive_limit: u32,
    /// The largest frame that may go out, in bytes, until a client registers: then its MaxFrame
    /// counts, or the protocol's own limit (wire §1).
    pub send_limit: u32,
    /// Bytes of output that may wait (`output-max-size`).
    pub output_max_size: usize,
    /// What a server wants to be shown, and a client shows, before anything else (`access-token`).
    pub access_token: Option<Secret>,
    /// Silence after which this side polls; zero: never (`addp-timeout`).
    pub addp_timeout: Duration,
    /// Silence after which the other side is asked to poll; zero: not asked (`addp-remote-timeout`).
    pub addp_remote_timeout: Duration,
}

impl Settings {
    /// A server's end, with the default limits, no token and no ADDP of its own.
    pub fn server() -> Self {
        Self::with_limits(&Limits::default())
    }

    /// A server's end with these limits, no token and no ADDP of its own.
    pub fn with_limits(limits: &Limits) -> Self {
        Self {
            receive_limit: limits.request_max_size,
            send_limit: MAX_FRAME,
            output_max_size: limits.output_max_size as usize,
            access_token: None,
            addp_timeout: Duration::ZERO,
            addp_remote_timeout: Duration::ZERO,
        }
    }

    /// A server's end on this port, as configured.
    pub fn of_port(config: &Config, port: PortId) -> Self {
        let options = &config.ports[port];
        Self {
            access_token: options.access_token.clone(),
            addp_timeout: options.addp_timeout,
            addp_remote_timeout: options.addp_remote_timeout,
            ..Self::with_limits(&config.limits)
        }
    }

    /// A client's end: takes frames of any legal size, and sends none the server's default limit
    /// would refuse.
    pub fn client() -> Self {
        let limits = Limits::default();
        Self {
            receive_limit: MAX_FRAME,
            send_limit: limits.request_max_size,
            ..Self::with_limits(&limits)
        }
    }
}
