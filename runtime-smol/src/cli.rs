//! The command line: what is asked for, and the help.

mod args;
mod bot;
mod chat;
mod check_config;
mod contacts;
mod decode;
mod export;
mod gateway;
mod interaction;
mod journal;
#[cfg(target_os = "linux")]
mod load;
mod looking;
mod options;
mod replay;
mod serve;
mod sessions;
mod store;
mod transcript;
mod workflow;

use core::fmt;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;

use lexopt::Parser;

use args::{Given, next};

pub(crate) use args::unknown;

const HELP: &str = include_str!("cli/help.txt");

/// Every command, in the order of their names.
const COMMANDS: &[Known] = &[
    chat::AGENT,
    bot::BOT,
    check_config::CHECK_CONFIG,
    contacts::CONTACTS,
    decode::DECODE,
    export::EXPORT,
    gateway::GATEWAY,
    interaction::INTERACTION,
    journal::JOURNAL,
    #[cfg(target_os = "linux")]
    load::LOAD,
    options::OPTIONS,
    replay::REPLAY,
    serve::SERVE,
    sessions::SESSIONS,
    store::STORE,
    chat::SUPERVISOR,
    transcript::TRANSCRIPT,
    chat::VISITOR,
    workflow::WORKFLOW,
];
/// The options that stand before any command.
const OPTIONS: &[&str] = &["--help", "--version", "-h", "-V"];

/// The command line is wrong, or something outside this program is.
const TROUBLE: u8 = 2;

/// A command of the program.
struct Known {
    name: &'static str,
    /// What `--help` shows.
    help: &'static str,
    options: &'static [&'static str],
    /// Reads what stands behind its name.
    parse: fn(&mut Parser) -> Result<Command, String>,
}

/// What is asked for.
#[derive(Debug)]
enum Command {
    Help(&'static str),
    Version,
    Missing,
    Bot(Box<crate::people::bot::Bot>),
    Chat(Box<crate::people::Chat>),
    CheckConfig(crate::check_config::Options),
    Decode(crate::decode::Options),
    Gateway(Box<crate::gating::Options>),
    Journal(crate::journal::Options),
    #[cfg(target_os = "linux")]
    Load(Box<crate::loading::Options>),
    #[cfg(target_os = "linux")]
    Failover(Box<crate::loading::FailoverOptions>),
    Options(crate::options::Options),
    Replay(crate::replay::Options),
    Serve(crate::serving::Options),
    Contacts(crate::archive::Options),
    /// And whether sessions that go on are wanted, too.
    Export(crate::archive::Options, bool),
    /// And its id, and whether it is to be stopped.
    Interaction(crate::archive::Options, String, bool),
    /// And whether only those that go on are wanted.
    Sessions(crate::archive::Options, bool),
    Store(crate::archive::Options, store::Care),
    /// And the session's id.
    Transcript(confer_store::Url, transcript::Form, String),
    Workflow(Box<crate::people::workflow::Call>),
}

/// Does what the arguments, without the program's name, ask for.
pub(crate) fn run(args: Vec<OsString>) -> ExitCode {
    match parse(args) {
        Ok(Command::Help(text)) => show(text),
        Ok(Command::Version) => show(concat!("confer ", env!("CARGO_PKG_VERSION"), "\n")),
        // The main job needs no word: the server with what is configured by default.
        Ok(Command::Missing) => serve::run(&crate::serving::Options::default()),
        Ok(Command::Bot(bot)) => bot::run(*bot),
        Ok(Command::Chat(chat)) => chat::run(*chat),
        Ok(Command::CheckConfig(options)) => check_config::run(&options),
        Ok(Command::Decode(options)) => decode::run(&options),
        Ok(Command::Gateway(options)) => gateway::run(&options),
        Ok(Command::Journal(options)) => journal::run(&options),
        #[cfg(target_os = "linux")]
        Ok(Command::Load(options)) => load::run(&options),
        #[cfg(target_os = "linux")]
        Ok(Command::Failover(options)) => load::run_failover(&options),
        Ok(Command::Options(options)) => options::run(&options),
        Ok(Command::Replay(options)) => replay::run(&options),
        Ok(Command::Serve(options)) => serve::run(&options),
        Ok(Command::Contacts(options)) => contacts::run(&options),
        Ok(Command::Export(options, open)) => export::run(&options, open),
        Ok(Command::Interaction(options, id, stop)) => interaction::run(&options, &id, stop),
        Ok(Command::Sessions(options, open)) => sessions::run(&options, open),
        Ok(Command::Store(options, care)) => store::run(&options, &care),
        Ok(Command::Transcript(store, form, id)) => transcript::run(&store, form, &id),
        Ok(Command::Workflow(call)) => workflow::run(*call),
        Err(error) => complain(format_args!("confer: {error}\n")),
    }
}

fn show(text: &str) -> ExitCode {
    // A reader who has seen enough closes the pipe, and that is fine.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn complain(text: fmt::Arguments<'_>) -> ExitCode {
    // Nobody is left to tell about standard error.
    let _ = io::stderr().write_fmt(text);
    ExitCode::from(TROUBLE)
}

/// How it went: well, or not quite, or not at all.
fn went(result: Result<bool, crate::people::Trouble>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(trouble) => {
            complain(format_args!("confer: {trouble}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Why nobody knows what is asked for, and which help tells more.
#[derive(Debug)]
struct UsageError {
    what: String,
    help: String,
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (see '{}')", self.what, self.help)
    }
}

fn parse(args: Vec<OsString>) -> Result<Command, UsageError> {
    let mut args = Parser::from_args(args);
    let own = |what| UsageError { what, help: "confer --help".to_owned() };
    let name = match next(&mut args).map_err(own)? {
        None => return Ok(Command::Missing),
        Some(Given::Option(option)) => return alone(&option).map_err(own),
        Some(Given::Value(name)) => name,
    };
    let name = name.to_string_lossy();
    if name == "help" {
        return help(&mut args).map_err(own);
    }
    let known = known(&name).map_err(own)?;
    (known.parse)(&mut args)
        .map_err(|what| UsageError { what, help: format!("confer {name} --help") })
}

/// An option without any command.
fn alone(option: &str) -> Result<Command, String> {
    match option {
        "-h" | "--help" => Ok(Command::Help(HELP)),
        "-V" | "--version" => Ok(Command::Version),
        option if COMMANDS.iter().any(|known| known.options.contains(&option)) => {
            Err(format!("option '{option}' belongs behind the command"))
        }
        option => Err(unknown("option", option, OPTIONS)),
    }
}

/// The help about what stands behind `help`.
fn help(args: &mut Parser) -> Result<Command, String> {
    match next(args)? {
        None => Ok(Command::Help(HELP)),
        Some(Given::Value(name)) => match &*name.to_string_lossy() {
            "help" => Ok(Command::Help(HELP)),
            name => known(name).map(|known| Command::Help(known.help)),
        },
        Some(Given::Option(option)) => Err(unknown("option", &option, OPTIONS)),
    }
}

/// The command of this name.
fn known(name: &str) -> Result<&'static Known, String> {
    COMMANDS.iter().find(|known| known.name == name).ok_or_else(|| {
        let names: Vec<_> = COMMANDS.iter().map(|known| known.name).chain(["help"]).collect();
        unknown("command", name, &names)
    })
}

#[cfg(test)]
mod tests;
