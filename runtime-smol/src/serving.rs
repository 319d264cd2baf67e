//! `confer serve`: the server from the command line, and the signals it obeys.

use std::fmt;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_signal::{Signal, Signals};
use confer_config::{Errors, Loaded};
use confer_core::config::Config;
use confer_core::id::PortId;
use confer_runtime_smol::gateway;
use confer_runtime_smol::serve::{Recording, Running, StartError, Storing, start_recorded};
use confer_store::{Sync, Url};
use smol::future::FutureExt as _;
use smol::stream::StreamExt as _;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

/// What is logged unless somebody says otherwise.
const LOG: &str = "info";
/// Where the environment says what is logged.
const LOG_VARIABLE: &str = "CONFER_LOG";

/// How to serve.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) config: Option<PathBuf>,
    /// What `--set` and `--listen` say, as pairs `SECTION/OPTION=VALUE`, in their order.
    pub(crate) sets: Vec<String>,
    pub(crate) drain_timeout: Duration,
    pub(crate) journal: Option<Recording>,
    pub(crate) storing: Storing,
    pub(crate) log: Option<String>,
    pub(crate) log_format: LogFormat,
}

/// How lines of the log are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            config: None,
            sets: Vec::new(),
            drain_timeout: Duration::from_secs(60),
            journal: None,
            storing: Storing { url: Url::usual(), sync: Sync::Normal },
            log: None,
            log_format: LogFormat::Text,
        }
    }
}

/// Why the server does not run, or no longer.
#[derive(Debug)]
pub(crate) enum ServeError {
    Config(Errors),
    Log(tracing_subscriber::filter::ParseError),
    Start(StartError),
    System(io::Error),
}

impl ServeError {
    /// Whether the command line is wrong.
    pub(crate) const fn is_usage(&self) -> bool {
        matches!(self, Self::Log(_))
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(errors) => write!(f, "the configuration is wrong\n{errors}"),
            Self::Log(error) => write!(f, "what to log is not clear: {error}"),
            Self::Start(error) => fmt::Display::fmt(error, f),
            Self::System(error) => write!(f, "the server ended: {error}"),
        }
    }
}

/// Serves until the server is told to end.
///
/// # Errors
///
/// The server cannot run as configured, or the operating system ended it.
pub(crate) fn run(options: &Options) -> Result<(), ServeError> {
    let config = begin(options)?;
    let running = start_recorded(Arc::clone(&config), &options.storing, options.journal.as_ref())
        .map_err(ServeError::Start)?;
    go_on(options, &running, config, "confer ready").map_err(ServeError::System)?;
    running.join().map_err(ServeError::System)
}

/// Begins to log, and reads the configuration.
pub(crate) fn begin(options: &Options) -> Result<Arc<Config>, ServeError> {
    log(options).map_err(ServeError::Log)?;
    let Loaded { config, warnings, .. } =
        confer_config::load(options.config.as_deref(), &options.sets)
            .map_err(ServeError::Config)?;
    for warning in warnings {
        warn!("{warning}");
    }
    Ok(Arc::new(config))
}

/// Something that runs until it is told to end.
pub(crate) trait Runs {
    fn addresses(&self) -> &[(PortId, SocketAddr)];
    fn configure(&self, config: Arc<Config>);
    fn drain(&self, patience: Duration);
    fn stop(&self);
    async fn ended(&self);
}

/// The same of each.
macro_rules! runs {
    ($running:ty) => {
        impl Runs for $running {
            fn addresses(&self) -> &[(PortId, SocketAddr)] {
                self.addresses()
            }

            fn configure(&self, config: Arc<Config>) {
                self.configure(config);
            }

            fn drain(&self, patience: Duration) {
                self.drain(patience);
            }

            fn stop(&self) {
                self.stop();
            }

            async fn ended(&self) {
                self.ended().await;
            }
        }
    };
}

runs!(Running);
runs!(gateway::Running);

/// Says that it is ready, with these words, and obeys signals until it has ended.
pub(crate) fn go_on(
    options: &Options,
    running: &impl Runs,
    config: Arc<Config>,
    ready: &str,
) -> io::Result<()> {
    // Whoever reads that it is ready may tell it to end.
    let signals = Signals::new([Signal::Term, Signal::Int, Signal::Hup])?;
    announce(running, ready)?;
    smol::block_on(obey(options, running, config, signals))
}

/// The one line that says where it is.
fn announce(running: &impl Runs, ready: &str) -> io::Result<()> {
    let mut line = ready.to_owned();
    for (port, address) in running.addresses() {
        line.push_str(&format!(" {port}={address}"));
    }
    line.push('\n');
    let mut out = io::stdout().lock();
    match out.write_all(line.as_bytes()).and_then(|()| out.flush()) {
        // Whoever started it need not listen.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Obeys signals until the server has ended.
async fn obey(
    options: &Options,
    running: &impl Runs,
    mut config: Arc<Config>,
    mut signals: Signals,
) -> io::Result<()> {
    let mut told = false;
    loop {
        let ended = async {
            running.ended().await;
            None
        };
        let Some(signal) = ended.or(signals.next()).await else { return Ok(()) };
        if signal? == Signal::Hup {
            config = reload(options, running, config);
        } else if told {
            warn!("told to end twice: ending now");
            running.stop();
        } else {
            told = true;
            running.drain(options.drain_timeout);
        }
    }
}

/// Reads the configuration again, and puts in force what needs no restart.
fn reload(options: &Options, running: &impl Runs, config: Arc<Config>) -> Arc<Config> {
    let reloaded = match confer_config::reload(&config, options.config.as_deref(), &options.sets) {
        Ok(reloaded) => reloaded,
        Err(errors) => {
            warn!("the configuration stays as it is:\n{errors}");
            return config;
        }
    };
    for warning in reloaded.warnings {
        warn!("{warning}");
    }
    if !reloaded.errors.is_empty() {
        warn!("options that are wrong keep their values:\n{}", reloaded.errors);
    }
    let differences = config.differences(&reloaded.config);
    if differences.is_empty() {
        info!("the configuration was read again: nothing has changed");
    }
    for difference in differences {
        let value = reloaded.config.value(&difference.section, &difference.option);
        info!(value = value.unwrap_or_default(), "changed: {difference}");
    }
    let merged = Arc::new(config.merge_now(&reloaded.config));
    running.configure(Arc::clone(&merged));
    merged
}

fn log(options: &Options) -> Result<(), tracing_subscriber::filter::ParseError> {
    let variable = std::env::var(LOG_VARIABLE).ok();
    let wanted = options.log.as_deref().or(variable.as_deref()).unwrap_or(LOG);
    let filter = EnvFilter::try_new(wanted)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match options.log_format {
        LogFormat::Text => lines.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).init(),
        LogFormat::Json => lines.json().init(),
    }
    Ok(())
}
