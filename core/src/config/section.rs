//! The sections options live in.

use core::fmt;

use super::error::Problem;
use super::kind::Kind;
use super::names::nearest;
use crate::id::PortId;

/// A section, by its name in a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section<'a> {
    Server,
    Port(PortId),
    Settings,
    InactivityControl,
    Language(&'a str),
    ClientFileTransfer,
    Web,
    Chat(&'a str),
    Endpoints(&'a str),
}

impl<'a> Section<'a> {
    /// Every section that is always there.
    pub(crate) const FIXED: [Self; 10] = [
        Self::Server,
        Self::Port(PortId::Default),
        Self::Port(PortId::Webapi),
        Self::Port(PortId::Esp),
        Self::Port(PortId::Health),
        Self::Port(PortId::Web),
        Self::Settings,
        Self::InactivityControl,
        Self::ClientFileTransfer,
        Self::Web,
    ];

    /// The section of this name.
    pub(crate) fn parse(name: &'a str) -> Result<Self, Problem> {
        if let Some(id) = name.strip_prefix("ports.")
            && let Some(&port) = PortId::ALL.iter().find(|port| port.name() == id)
        {
            return Ok(Self::Port(port));
        }
        if let Some(language) = name.strip_prefix("languages.") {
            return named(language, Kind::SHORT_TEXT).map(Self::Language);
        }
        if let Some(service) = name.strip_prefix("chat.") {
            return named(service, Kind::SHORT_TEXT).map(Self::Chat);
        }
        if let Some(tenant) = name.strip_prefix("endpoints:") {
            return named(tenant, Kind::Name).map(Self::Endpoints);
        }
        match name {
            "server" => Ok(Self::Server),
            "settings" => Ok(Self::Settings),
            "inactivity-control" => Ok(Self::InactivityControl),
            "client-file-transfer" => Ok(Self::ClientFileTransfer),
            "web" => Ok(Self::Web),
            _ => Err(Problem::UnknownSection { nearest: nearest(name, Self::known()) }),
        }
    }

    /// The name as the documentation writes it, which is that of the table.
    pub(crate) const fn family(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Port(_) => "ports.<id>",
            Self::Settings => "settings",
            Self::InactivityControl => "inactivity-control",
            Self::Language(_) => "languages.<NAME>",
            Self::ClientFileTransfer => "client-file-transfer",
            Self::Web => "web",
            Self::Chat(_) => "chat.<name>",
            Self::Endpoints(_) => "endpoints:<tenant>",
        }
    }

    fn known() -> impl Iterator<Item = &'static str> {
        [
            "server",
            "ports.default",
            "ports.webapi",
            "ports.ESP",
            "ports.health",
            "ports.web",
            "settings",
            "inactivity-control",
            "languages.<NAME>",
            "client-file-transfer",
            "web",
            "chat.<name>",
            "endpoints:<tenant>",
        ]
        .into_iter()
    }
}

fn named(name: &str, valid: Kind) -> Result<&str, Problem> {
    if valid.admits(name) { Ok(name) } else { Err(Problem::BadName { valid }) }
}

impl fmt::Display for Section<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Port(port) => write!(f, "ports.{port}"),
            Self::Language(name) => write!(f, "languages.{name}"),
            Self::Chat(name) => write!(f, "chat.{name}"),
            Self::Endpoints(tenant) => write!(f, "endpoints:{tenant}"),
            Self::Server
            | Self::Settings
            | Self::InactivityControl
            | Self::ClientFileTransfer
            | Self::Web => f.write_str(self.family()),
        }
    }
}
