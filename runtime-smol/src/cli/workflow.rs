//! `confer workflow`, as it is written.

use std::io;
use std::process::ExitCode;

use lexopt::Parser;

use crate::people::workflow::{Call, METHODS};
use crate::people::{ESP, Format, Server};

use super::args::{Given, choose, next, pair, unknown, value};
use super::{Command, Known, chat, went};

pub(super) const WORKFLOW: Known = Known {
    name: "workflow",
    help: include_str!("workflow.txt"),
    options: &[
        "--interaction",
        "--server",
        "--token-file",
        "--ca-file",
        "--format",
        "--help",
        "-f",
        "-h",
    ],
    parse,
};

pub(super) fn run(call: Call) -> ExitCode {
    went(call.run(&mut io::stdout()))
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let mut call = Call {
        server: Server::at(ESP),
        method: String::new(),
        parameters: Vec::new(),
        interaction: None,
        format: Format::Text,
    };
    while let Some(given) = next(args)? {
        let option = match given {
            Given::Option(option) => option,
            Given::Value(word) if call.method.is_empty() => {
                let method = word.to_string_lossy();
                if !METHODS.contains(&&*method) {
                    return Err(unknown("method", &method, METHODS));
                }
                call.method = method.into_owned();
                continue;
            }
            Given::Value(word) => {
                call.parameters.push(pair(&word.to_string_lossy())?);
                continue;
            }
        };
        match &*option {
            "-h" | "--help" => return Ok(Command::Help(WORKFLOW.help)),
            "--interaction" => call.interaction = Some(value(args)?),
            "-f" | "--format" => {
                let formats = [("text", Format::Text), ("json", Format::Json)];
                call.format = choose(args, &option, &formats)?;
            }
            option if chat::connection(&mut call.server, args, option)? => {}
            option => return Err(unknown("option", option, WORKFLOW.options)),
        }
    }
    if call.method.is_empty() {
        return Err(format!("which METHOD? {}", METHODS.join(", ")));
    }
    Ok(Command::Workflow(Box::new(call)))
}
