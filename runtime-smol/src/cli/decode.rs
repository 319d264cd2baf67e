//! `confer decode`, as it is written.

use alloc::collections::BTreeMap;
use std::io;
use std::process::ExitCode;

use confer_core::frame::Protocol;
use confer_wire::{HEADER_SIZE, MAX_FRAME};
use lexopt::Parser;

use crate::decode::{self, Format, Kind, Options, Outcome};

use super::args::{Given, ONE_FILE, choose, next, pick, unknown, value};
use super::{Command, Known, complain};

pub(super) const DECODE: Known = Known {
    name: "decode",
    help: include_str!("decode.txt"),
    options: &[
        "--format",
        "--input",
        "--port",
        "--tcp-port",
        "--max-frame",
        "--show-text",
        "--help",
        "-f",
        "-h",
    ],
    parse,
};

pub(super) fn run(options: &Options) -> ExitCode {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match decode::run(options, &mut out, &mut io::stderr()) {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::Bad) => ExitCode::FAILURE,
        Err(failure) => complain(format_args!("confer: {failure}\n")),
    }
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let mut options = Options::default();
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
            "-h" | "--help" => return Ok(Command::Help(DECODE.help)),
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
            option => return Err(unknown("option", option, DECODE.options)),
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
