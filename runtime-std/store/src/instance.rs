//! What a server is called that nobody gave a name.

use std::net::SocketAddr;

use confer_core::config::Config;
use confer_core::door::Identity;
use confer_core::id::PortId;
use confer_core::text::Str;

use crate::store::{Options, Sync};

impl Options {
    /// Those of a server with this configuration, whose ports listen there: it is called as it is
    /// configured, or `hostname:port`, with the port of `default` or of the first that is open
    /// (B20.12).
    pub fn of(config: &Config, addresses: &[(PortId, SocketAddr)], sync: Sync) -> Self {
        let server = &config.server;
        let name = server.name.as_ref().map_or_else(|| usual(addresses), ToString::to_string);
        let app_dbid = server.app_dbid.and_then(|number| u16::try_from(number).ok());
        Self { app_dbid, sync, ..Self::new(&name) }
    }

    /// Who the machine of that server is (B19.3). A port that listens everywhere is reached by the
    /// name of the host.
    pub fn identity(&self, addresses: &[(PortId, SocketAddr)]) -> Identity {
        let name = Str::new(&self.instance);
        let default = addresses.iter().find(|(port, _)| *port == PortId::Default);
        let Some((_, address)) = default else { return Identity { name, ..Identity::default() } };
        let host =
            if address.ip().is_unspecified() { hostname() } else { address.ip().to_string() };
        Identity { name, host: Str::new(&host), port: address.port() }
    }
}

fn usual(addresses: &[(PortId, SocketAddr)]) -> String {
    let default = addresses.iter().find(|(port, _)| *port == PortId::Default);
    match default.or(addresses.first()) {
        Some((_, address)) => format!("{}:{}", hostname(), address.port()),
        None => hostname(),
    }
}

#[cfg(unix)]
fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn hostname() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "localhost".to_owned())
}

#[cfg(test)]
mod tests;
