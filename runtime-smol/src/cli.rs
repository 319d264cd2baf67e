//! The command line: what is asked for, and the help.

use alloc::collections::BTreeMap;
use core::fmt;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use confer_core::frame::Protocol;
use confer_core::id::PortId;
use confer_wire::{HEADER_SIZE, MAX_FRAME};
use lexopt::{Arg, Parser};

use crate::decode::{self, Format, Kind};
use crate::{check_config, options, serving};

const HELP: &str = include_str!("cli/help.txt");
const CHECK_CONFIG_HELP: &str = include_str!("cli/check-config.txt");
const DECODE_HELP: &str = include_str!("cli/decode.txt");
const OPTIONS_HELP: &str = include_str!("cli/options.txt");
const SERVE_HELP: &str = include_str!("cli/serve.txt");

const COMMANDS: &[&str] = &["check-config", "decode", "options", "serve", "help"];
const OPTIONS: &[&str] = &["--help", "--version", "-h", "-V"];
const CHECK_CONFIG_OPTIONS: &[&str] = &["--set", "--help", "-h"];
const DECODE_OPTIONS: &[&str] = &[
    "--format",
    "--input",
    "--port",
    "--tcp-port",
    "--max-frame",
    "--show-text",
    "--help",
    "-f",
    "-h",
];

const OPTIONS_OPTIONS: &[&str] = &["--section", "--format", "--help", "-f", "-h"];

const SERVE_OPTIONS: &[&str] = &[
    "--config",
    "--listen",
    "--set",
    "--store",
    "--drain-timeout",
    "--log-format",
    "--log",
    "--help",
    "-c",
    "-h",
];

/// The command line is wrong, or something outside this program is.
const TROUBLE: u8 = 2;

const ONE_FILE: &str = "there can be one FILE only";

/// Does what the arguments, without the program's name, ask for.
pub(crate) fn run(args: Vec<OsString>) -> ExitCode {
    match parse(args) {
        Ok(Command::Help(text)) => show(text),
        Ok(Command::Version) => show(concat!("confer ", env!("CARGO_PKG_VERSION"), "\n")),
        // The main job needs no word: the server with what is configured by default.
        Ok(Command::Missing) => serve(&serving::Options::default()),
        Ok(Command::Serve(options)) => serve(&options),
        Ok(Command::CheckConfig(options)) => check_config(&options),
        Ok(Command::Decode(options)) => decode(&options),
        Ok(Command::Options(options)) => show_options(&options),
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

fn check_config(options: &check_config::Options) -> ExitCode {
    match check_config::run(options, &mut io::stdout(), &mut io::stderr()) {
        Ok(check_config::Outcome::Good) => ExitCode::SUCCESS,
        Ok(check_config::Outcome::Bad) => ExitCode::FAILURE,
        Ok(check_config::Outcome::Unread) => ExitCode::from(TROUBLE),
        Err(error) => complain(format_args!("confer: cannot write: {error}\n")),
    }
}

fn show_options(options: &options::Options) -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match options::run(options, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => complain(format_args!("confer: cannot write: {error}\n")),
    }
}

fn serve(options: &serving::Options) -> ExitCode {
    match serving::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = io::stderr().write_fmt(format_args!("confer: {error}\n"));
            if error.is_usage() { ExitCode::from(TROUBLE) } else { ExitCode::FAILURE }
        }
    }
}

fn decode(options: &decode::Options) -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match decode::run(options, &mut out, &mut io::stderr()) {
        Ok(decode::Outcome::Good) => ExitCode::SUCCESS,
        Ok(decode::Outcome::Bad) => ExitCode::FAILURE,
        Err(failure) => complain(format_args!("confer: {failure}\n")),
    }
}

/// What is asked for.
#[derive(Debug)]
enum Command {
    Help(&'static str),
    Version,
    Missing,
    CheckConfig(check_config::Options),
    Decode(decode::Options),
    Options(options::Options),
    Serve(serving::Options),
}

/// Why nobody knows what is asked for, and which help tells more.
#[derive(Debug)]
struct UsageError {
    what: String,
    help: &'static str,
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (see '{}')", self.what, self.help)
    }
}

fn parse(args: Vec<OsString>) -> Result<Command, UsageError> {
    let mut args = Parser::from_args(args);
    let mut help = "confer --help";
    parse_command(&mut args, &mut help).map_err(|what| UsageError { what, help })
}

fn parse_command(args: &mut Parser, help: &mut &'static str) -> Result<Command, String> {
    let name = match next(args)? {
        None => return Ok(Command::Missing),
        Some(Given::Option(option)) => {
            return match &*option {
                "-h" | "--help" => Ok(Command::Help(HELP)),
                "-V" | "--version" => Ok(Command::Version),
                option if is_of_a_command(option) => {
                    Err(format!("option '{option}' belongs behind the command"))
                }
                option => Err(unknown("option", option, OPTIONS)),
            };
        }
        Some(Given::Value(name)) => name,
    };
    match &*name.to_string_lossy() {
        "check-config" => {
            *help = "confer check-config --help";
            parse_check_config(args)
        }
        "decode" => {
            *help = "confer decode --help";
            parse_decode(args)
        }
        "options" => {
            *help = "confer options --help";
            parse_options(args)
        }
        "serve" => {
            *help = "confer serve --help";
            parse_serve(args)
        }
        "help" => match next(args)? {
            None => Ok(Command::Help(HELP)),
            Some(Given::Value(name)) => match &*name.to_string_lossy() {
                "help" => Ok(Command::Help(HELP)),
                "check-config" => Ok(Command::Help(CHECK_CONFIG_HELP)),
                "decode" => Ok(Command::Help(DECODE_HELP)),
                "options" => Ok(Command::Help(OPTIONS_HELP)),
                "serve" => Ok(Command::Help(SERVE_HELP)),
                name => Err(unknown("command", name, COMMANDS)),
            },
            Some(Given::Option(option)) => Err(unknown("option", &option, OPTIONS)),
        },
        name => Err(unknown("command", name, COMMANDS)),
    }
}

/// Whether some command has this option.
fn is_of_a_command(option: &str) -> bool {
    [CHECK_CONFIG_OPTIONS, DECODE_OPTIONS, OPTIONS_OPTIONS, SERVE_OPTIONS]
        .concat()
        .contains(&option)
}

fn parse_check_config(args: &mut Parser) -> Result<Command, String> {
    let (mut file, mut sets) = (None, Vec::new());
    while let Some(given) = next(args)? {
        match given {
            Given::Value(_) if file.is_some() => return Err(ONE_FILE.to_owned()),
            Given::Value(name) => file = Some(name.into()),
            Given::Option(option) => match &*option {
                "-h" | "--help" => return Ok(Command::Help(CHECK_CONFIG_HELP)),
                "--set" => sets.push(value(args)?),
                option => return Err(unknown("option", option, CHECK_CONFIG_OPTIONS)),
            },
        }
    }
    let Some(file) = file else { return Err("which FILE?".to_owned()) };
    Ok(Command::CheckConfig(check_config::Options { file, sets }))
}

fn parse_serve(args: &mut Parser) -> Result<Command, String> {
    let mut options = serving::Options::default();
    while let Some(given) = next(args)? {
        let option = match given {
            Given::Option(option) => option,
            Given::Value(word) => {
                let word = word.to_string_lossy();
                return Err(format!("what is '{}' to mean?", word.escape_debug()));
            }
        };
        match &*option {
            "-h" | "--help" => return Ok(Command::Help(SERVE_HELP)),
            "-c" | "--config" => options.config = Some(value(args)?.into()),
            "--set" => options.sets.push(value(args)?),
            "--listen" => options.sets.push(listen(&value(args)?)?),
            "--store" => match &*value(args)? {
                "memory:" => {}
                other => {
                    let other = other.escape_debug();
                    return Err(format!("store '{other}' is not known; there is 'memory:' only"));
                }
            },
            "--drain-timeout" => {
                options.drain_timeout = Duration::from_secs(seconds(args, &option)?);
            }
            "--log" => options.log = Some(value(args)?),
            "--log-format" => {
                let formats =
                    [("text", serving::LogFormat::Text), ("json", serving::LogFormat::Json)];
                options.log_format = choose(args, &option, &formats)?;
            }
            option => return Err(unknown("option", option, SERVE_OPTIONS)),
        }
    }
    Ok(Command::Serve(options))
}

/// `PORT=ADDRESS` of `--listen`, as the pair `SECTION/OPTION=VALUE` that it stands for.
fn listen(written: &str) -> Result<String, String> {
    let Some((port, address)) = written.split_once('=') else {
        let written = written.escape_debug();
        return Err(format!("'--listen {written}' is no PORT=ADDRESS:PORT"));
    };
    let known = PortId::ALL.map(PortId::name);
    if !known.contains(&port) {
        return Err(unknown("port", port, &known));
    }
    Ok(format!("ports.{port}/listen={address}"))
}

/// A number of seconds, a day at most.
fn seconds(args: &mut Parser, option: &str) -> Result<u64, String> {
    let written = value(args)?;
    match written.parse() {
        Ok(seconds @ 0..=86_400) => Ok(seconds),
        Ok(_) | Err(_) => {
            let written = written.escape_debug();
            Err(format!("'{option} {written}' is no number of seconds, 0 to 86400"))
        }
    }
}

fn parse_options(args: &mut Parser) -> Result<Command, String> {
    let mut options = options::Options { section: None, format: options::Format::Text };
    while let Some(given) = next(args)? {
        let option = match given {
            Given::Option(option) => option,
            Given::Value(word) => {
                let word = word.to_string_lossy();
                return Err(format!("what is '{}' to mean?", word.escape_debug()));
            }
        };
        match &*option {
            "-h" | "--help" => return Ok(Command::Help(OPTIONS_HELP)),
            "--section" => {
                let section = value(args)?;
                if confer_config::options_of(&section).next().is_none() {
                    return Err(unknown("section", &section, &options::sections()));
                }
                options.section = Some(section);
            }
            "-f" | "--format" => {
                let formats = [
                    ("text", options::Format::Text),
                    ("json", options::Format::Json),
                    ("toml", options::Format::Toml),
                ];
                options.format = choose(args, &option, &formats)?;
            }
            option => return Err(unknown("option", option, OPTIONS_OPTIONS)),
        }
    }
    if options.format == options::Format::Toml && options.section.is_some() {
        return Err("'--format toml' shows every section".to_owned());
    }
    Ok(Command::Options(options))
}

fn parse_decode(args: &mut Parser) -> Result<Command, String> {
    let mut options = decode::Options::default();
    while let Some(given) = next(args)? {
        let option = match given {
            Given::Option(option) => option,
            Given::Value(_) if options.file.is_some() => {
                return Err(ONE_FILE.to_owned());
            }
            Given::Value(file) => {
                options.file = Some(file.into());
                continue;
            }
        };
        match &*option {
            "-h" | "--help" => return Ok(Command::Help(DECODE_HELP)),
            "--show-text" => options.show_text = true,
            "-f" | "--format" => {
                options.format =
                    choose(args, &option, &[("text", Format::Text), ("json", Format::Json)])?;
            }
            "--input" => {
                let kinds = [
                    ("auto", None),
                    ("raw", Some(Kind::Raw)),
                    ("hex", Some(Kind::Hex)),
                    ("capture", Some(Kind::Capture)),
                ];
                options.input = choose(args, &option, &kinds)?;
            }
            "--port" => options.port = Some(choose(args, &option, &protocols())?),
            "--tcp-port" => {
                let (port, protocol) = parse_tcp_port(&value(args)?)?;
                options.tcp_ports.insert(port, protocol);
            }
            "--max-frame" => options.max_frame = parse_max_frame(&value(args)?)?,
            option => return Err(unknown("option", option, DECODE_OPTIONS)),
        }
    }
    settle(options.port, &mut options.tcp_ports)?;
    Ok(Command::Decode(options))
}

/// One protocol for each TCP port, where `--port` and `--tcp-port` both may name one.
fn settle(
    port: Option<Protocol>,
    tcp_ports: &mut BTreeMap<u16, Option<Protocol>>,
) -> Result<(), String> {
    let Some(port) = port else { return Ok(()) };
    for (tcp_port, protocol) in tcp_ports {
        if let Some(other) = protocol.replace(port).filter(|other| *other != port) {
            return Err(format!("'--tcp-port {tcp_port}={other}' contradicts '--port {port}'"));
        }
    }
    Ok(())
}

fn parse_tcp_port(value: &str) -> Result<(u16, Option<Protocol>), String> {
    let (port, protocol) =
        value.split_once('=').map_or((value, None), |(port, name)| (port, Some(name)));
    let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
        format!("'{}' is no TCP port: a number from 1 to 65535", port.escape_debug())
    })?;
    let protocol = protocol.map(|name| pick(name, "--tcp-port", &protocols())).transpose()?;
    Ok((port, protocol))
}

fn parse_max_frame(value: &str) -> Result<u32, String> {
    let size = value.parse::<u32>().ok();
    size.filter(|size| *size as usize >= HEADER_SIZE && *size <= MAX_FRAME).ok_or_else(|| {
        let value = value.escape_debug();
        format!("'{value}' is no frame size: a number from {HEADER_SIZE} to {MAX_FRAME}, in bytes")
    })
}

fn protocols() -> Vec<(&'static str, Protocol)> {
    Protocol::ALL.iter().map(|protocol| (protocol.name(), *protocol)).collect()
}

/// One argument; an option with its dashes.
enum Given {
    Option(String),
    Value(OsString),
}

fn next(args: &mut Parser) -> Result<Option<Given>, String> {
    Ok(args.next().map_err(|error| error.to_string())?.map(|arg| match arg {
        Arg::Short(name) => Given::Option(format!("-{name}")),
        Arg::Long(name) => Given::Option(format!("--{name}")),
        Arg::Value(value) => Given::Value(value),
    }))
}

/// The value of the option that came last.
fn value(args: &mut Parser) -> Result<String, String> {
    let value = args.value().map_err(|error| error.to_string())?;
    Ok(value.to_string_lossy().into_owned())
}

fn choose<T: Copy>(args: &mut Parser, option: &str, choices: &[(&str, T)]) -> Result<T, String> {
    pick(&value(args)?, option, choices)
}

fn pick<T: Copy>(name: &str, option: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|choice| choice.0 == name).map(|choice| choice.1).ok_or_else(|| {
        let known: Vec<_> = choices.iter().map(|choice| choice.0).collect();
        let name = name.escape_debug();
        format!("unknown value '{name}' of option '{option}': it is one of {}", known.join(", "))
    })
}

fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let nearest = nearest(name, known);
    let name = name.escape_debug();
    format!("unknown {what} '{name}'; the nearest is '{nearest}'")
}

/// The known name that takes the fewest changed, added or removed characters to become,
/// capitals or not.
fn nearest<'a>(name: &str, known: &[&'a str]) -> &'a str {
    let name = name.to_lowercase();
    let distance = |known: &&&str| distance(&name, &known.to_lowercase());
    known.iter().min_by_key(distance).copied().unwrap_or_default()
}

/// Levenshtein's distance.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<_> = to.chars().collect();
    let mut row: Vec<_> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = core::mem::replace(&mut row[0], i + 1);
        for (j, &b) in to.iter().enumerate() {
            let changed = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests;
