//! `confer gateway`: the web API from the command line, in front of chat servers elsewhere.

use std::fmt;

use confer_runtime_smol::gateway::start;
use confer_store::Url;

use crate::people::{self, Server};
use crate::serving::{self, ServeError};

/// How to serve.
#[derive(Debug)]
pub(crate) struct Options {
    /// What it has in common with a server: configuration, log, time to drain.
    pub(crate) common: serving::Options,
    /// The chat servers.
    pub(crate) servers: Server,
    /// Where the documents are.
    pub(crate) store: Option<Url>,
}

/// Why the gateway does not run, or no longer.
#[derive(Debug)]
pub(crate) enum GateError {
    Target(people::Trouble),
    Serve(ServeError),
}

impl GateError {
    /// Whether the command line is wrong.
    pub(crate) const fn is_usage(&self) -> bool {
        match self {
            Self::Target(_) => false,
            Self::Serve(error) => error.is_usage(),
        }
    }
}

impl fmt::Display for GateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(trouble) => fmt::Display::fmt(trouble, f),
            Self::Serve(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl From<ServeError> for GateError {
    fn from(error: ServeError) -> Self {
        Self::Serve(error)
    }
}

/// Serves until the gateway is told to end.
///
/// # Errors
///
/// The gateway cannot run as configured, or the operating system ended it.
pub(crate) fn run(options: &Options) -> Result<(), GateError> {
    let config = serving::begin(&options.common)?;
    let targets = options.servers.targets().map_err(GateError::Target)?;
    let running = start(&config, targets, options.store.as_ref()).map_err(ServeError::Start)?;
    serving::go_on(&options.common, &running, config, "confer gateway ready")
        .map_err(ServeError::System)?;
    Ok(running.join().map_err(ServeError::System)?)
}
