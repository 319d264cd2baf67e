//! Where a client finds its server, and how it presents itself there.

use std::fmt;
use std::io;
use std::time::Duration;

use confer_core::pii::Secret;
use confer_link::Settings;
use confer_wire::Codec;

use super::Connection;
use crate::tls;

/// All it takes to make a connection, as often as one is needed.
#[derive(Clone, Debug)]
pub struct Target {
    /// A host's name or address, and a port: `chat.example:4480`. Looked up for each connection.
    pub address: String,
    /// How the client's end behaves, the access token (B2.7) included.
    pub settings: Settings,
    /// How long each address of the host may take to answer. 10 s.
    pub timeout: Duration,
    /// What TLS is spoken with; `None`: it is not. The server shows a certificate for the host of
    /// the address.
    pub tls: Option<tls::Client>,
}

impl Target {
    /// The server at this address, without an access token.
    pub fn new(address: impl Into<String>) -> Self {
        let (settings, timeout) = (Settings::client(), Duration::from_secs(10));
        Self { address: address.into(), settings, timeout, tls: None }
    }

    /// The same, for a port that wants to be shown this token (B2.7).
    #[must_use]
    pub fn with_access_token(mut self, token: Secret) -> Self {
        self.settings.access_token = Some(token);
        self
    }

    /// The same, for a port that speaks TLS.
    #[must_use]
    pub fn with_tls(mut self, client: tls::Client) -> Self {
        self.tls = Some(client);
        self
    }

    /// Makes a connection.
    ///
    /// # Errors
    ///
    /// As for [`Connection::connect`], or [`Connection::connect_tls`].
    pub fn connect<C>(&self) -> io::Result<Connection<C>>
    where
        C: Codec + 'static,
        C::In: Send,
        C::Out: Send,
    {
        let (address, settings) = (&*self.address, self.settings.clone());
        match &self.tls {
            None => Connection::connect(address, settings, self.timeout),
            Some(tls) => Connection::connect_tls(address, self.host(), tls, settings, self.timeout),
        }
    }

    /// The address without its port, and without what stands round an IPv6 address.
    fn host(&self) -> &str {
        let host = self.address.rsplit_once(':').map_or(&*self.address, |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl From<Target> for Vec<Target> {
    fn from(only: Target) -> Self {
        vec![only]
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn the_host_is_what_stands_before_the_port() {
        for (address, host) in [
            ("chat.example:4480", "chat.example"),
            ("127.0.0.1:4480", "127.0.0.1"),
            ("[::1]:4480", "::1"),
        ] {
            assert_eq!(Target::new(address).host(), host);
        }
    }
}
