//! Where a client finds its server, and how it presents itself there.

use std::fmt;
use std::io;
use std::time::Duration;

use confer_core::pii::Secret;
use confer_link::Settings;
use confer_wire::Codec;

use super::Connection;

/// All it takes to make a connection, as often as one is needed.
#[derive(Clone, Debug)]
pub struct Target {
    /// A host's name or address, and a port: `chat.example:4480`. Looked up for each connection.
    pub address: String,
    /// How the client's end behaves, the access token (B2.7) included.
    pub settings: Settings,
    /// How long each address of the host may take to answer. 10 s.
    pub timeout: Duration,
}

impl Target {
    /// The server at this address, without an access token.
    pub fn new(address: impl Into<String>) -> Self {
        let (settings, timeout) = (Settings::client(), Duration::from_secs(10));
        Self { address: address.into(), settings, timeout }
    }

    /// The same, for a port that wants to be shown this token (B2.7).
    #[must_use]
    pub fn with_access_token(mut self, token: Secret) -> Self {
        self.settings.access_token = Some(token);
        self
    }

    /// Makes a connection.
    ///
    /// # Errors
    ///
    /// As for [`Connection::connect`].
    pub fn connect<C>(&self) -> io::Result<Connection<C>>
    where
        C: Codec + 'static,
        C::In: Send,
        C::Out: Send,
    {
        Connection::connect(&*self.address, self.settings.clone(), self.timeout)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}
