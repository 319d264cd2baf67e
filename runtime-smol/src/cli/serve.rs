//! `confer serve`, as it is written.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use confer_core::id::PortId;
use confer_runtime_smol::serve::Recording;
use confer_store::Sync;
use lexopt::Parser;

use crate::serving::{self, LogFormat, Options};

use super::args::{Given, choose, next, seconds, stray, unknown, value};
use super::looking::store;
use super::{Command, Known, TROUBLE};

pub(super) const SERVE: Known = Known {
    name: "serve",
    help: include_str!("serve.txt"),
    options: &[
        "--config",
        "--listen",
        "--set",
        "--store",
        "--store-sync",
        "--drain-timeout",
        "--journal",
        "--journal-no-text",
        "--log-format",
        "--log",
        "--help",
        "-c",
        "-h",
    ],
    parse,
};

pub(super) fn run(options: &Options) -> ExitCode {
    match serving::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = io::stderr().write_fmt(format_args!("confer: {error}\n"));
            if error.is_usage() { ExitCode::from(TROUBLE) } else { ExitCode::FAILURE }
        }
    }
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let mut options = Options::default();
    let (mut journal, mut has_text) = (None, true);
    while let Some(given) = next(args)? {
        let option = match given {
            Given::Option(option) => option,
            Given::Value(word) => return Err(stray(&word)),
        };
        match &*option {
            "-h" | "--help" => return Ok(Command::Help(SERVE.help)),
            "-c" | "--config" => options.config = Some(value(args)?.into()),
            "--set" => options.sets.push(value(args)?),
            "--listen" => options.sets.push(listen(&value(args)?)?),
            "--store" => options.storing.url = store(args)?,
            "--store-sync" => {
                let choices = [("normal", Sync::Normal), ("full", Sync::Full)];
                options.storing.sync = choose(args, &option, &choices)?;
            }
            "--drain-timeout" => {
                options.drain_timeout = Duration::from_secs(seconds(args, &option)?);
            }
            "--journal" => journal = Some(value(args)?.into()),
            "--journal-no-text" => has_text = false,
            "--log" => options.log = Some(value(args)?),
            "--log-format" => {
                let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
                options.log_format = choose(args, &option, &formats)?;
            }
            option => return Err(unknown("option", option, SERVE.options)),
        }
    }
    if journal.is_none() && !has_text {
        return Err("'--journal-no-text' says how, and '--journal FILE' is to say where".to_owned());
    }
    options.journal = journal.map(|file| Recording { file, has_text });
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
