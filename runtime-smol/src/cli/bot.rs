//! `confer bot`, as it is written.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::Parser;

use crate::people::bot::{Answer, Bot};
use crate::people::{BASIC, Server};

use super::args::{Given, next, seconds, unknown, value};
use super::{Command, Known, chat, went};

pub(super) const BOT: Known = Known {
    name: "bot",
    help: include_str!("bot.txt"),
    options: &[
        "--echo",
        "--reply",
        "--command",
        "--timeout",
        "--name",
        "--server",
        "--token-file",
        "--ca-file",
        "--help",
        "-h",
    ],
    parse,
};

/// How long a command may take, in seconds.
const PATIENCE: u64 = 10;

pub(super) fn run(bot: Bot) -> ExitCode {
    went(bot.run(&mut io::stderr()))
}

fn parse(args: &mut Parser) -> Result<Command, String> {
    let mut answer = None;
    let mut bot = Bot {
        server: Server::at(BASIC),
        name: "Bot".to_owned(),
        answer: Answer::Echo,
        patience: Duration::from_secs(PATIENCE),
        sessions: Vec::new(),
    };
    while let Some(given) = next(args)? {
        let option = match given {
            Given::Option(option) => option,
            Given::Value(session) => {
                bot.sessions.push(session.to_string_lossy().into_owned());
                continue;
            }
        };
        let given = match &*option {
            "-h" | "--help" => return Ok(Command::Help(BOT.help)),
            "--echo" => Answer::Echo,
            "--reply" => Answer::Reply(value(args)?),
            "--command" => Answer::Command(value(args)?),
            "--timeout" => {
                bot.patience = Duration::from_secs(seconds(args, &option)?);
                continue;
            }
            "--name" => {
                bot.name = chat::name(args)?;
                continue;
            }
            option if chat::connection(&mut bot.server, args, option)? => continue,
            option => return Err(unknown("option", option, BOT.options)),
        };
        if answer.replace(given).is_some() {
            return Err("one of '--echo', '--reply' and '--command' is enough".to_owned());
        }
    }
    let which = "what to answer? '--echo', '--reply TEXT' or '--command COMMAND'";
    bot.answer = answer.ok_or(which)?;
    Ok(Command::Bot(Box::new(bot)))
}
