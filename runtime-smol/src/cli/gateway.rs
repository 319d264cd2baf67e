//! `confer gateway`, as it is written.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use confer_runtime_smol::gateway::MAX_SERVERS;
use confer_store::Url;
use lexopt::Parser;

use crate::gating::{self, Options};
use crate::people::Server;
use crate::serving::{self, LogFormat};

use super::args::{Given, choose, next, seconds, servers, stray, unknown, value};
use super::looking::store;
use super::{Command, Known, TROUBLE};

pub(super) const GATEWAY: Known = Known {
    name: "gateway",
    help: include_str!("gateway.txt"),
    options: &[
        "--chat-server",
        "--token-file",
        "--ca-file",
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
    ],
    parse,
};

pub(super) fn run(options: &Options) -> ExitCode {
    match gating::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = io::stderr().write_fmt(format_args!("confer: {error}\n"));
            if error.is_usage() { ExitCode::from(TROUBLE) } else { ExitCode::FAILURE }
        }
    }
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let mut common = serving::Options::default();
    let (mut addresses, mut documents) = (Vec::new(), None);
    let (mut token_file, mut ca_file) = (None, None);
    while let Some(given) = next(args)? {
        let option = match given {
            Given::Option(option) => option,
            Given::Value(word) => return Err(stray(&word)),
        };
        match &*option {
            "-h" | "--help" => return Ok(Command::Help(GATEWAY.help)),
            "--chat-server" => addresses.extend(servers(&value(args)?)?),
            "--token-file" => token_file = Some(value(args)?.into()),
            "--ca-file" => ca_file = Some(value(args)?.into()),
            "-c" | "--config" => common.config = Some(value(args)?.into()),
            "--set" => common.sets.push(value(args)?),
            "--listen" => {
                let address = value(args)?;
                // As 'confer serve' has it, or without the only name there can be.
                let address = address.strip_prefix("web=").unwrap_or(&address);
                common.sets.push(format!("ports.web/listen={address}"));
            }
            "--store" => match store(args)? {
                Url::Memory => {
                    return Err("'--store memory:' has nothing in common with a server".to_owned());
                }
                url @ Url::Sqlite(_) => documents = Some(url),
            },
            "--drain-timeout" => {
                common.drain_timeout = Duration::from_secs(seconds(args, &option)?);
            }
            "--log" => common.log = Some(value(args)?),
            "--log-format" => {
                let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
                common.log_format = choose(args, &option, &formats)?;
            }
            option => return Err(unknown("option", option, GATEWAY.options)),
        }
    }
    if addresses.is_empty() {
        return Err("in front of which servers? '--chat-server HOST:PORT'".to_owned());
    }
    if addresses.len() > MAX_SERVERS {
        return Err(format!("a gateway can have {MAX_SERVERS} chat servers at most"));
    }
    let servers = Server { addresses, token_file, ca_file };
    Ok(Command::Gateway(Box::new(Options { common, servers, store: documents })))
}
