//! `confer agent`, `confer supervisor` and `confer visitor`, as they are written.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use confer_core::frame::{UserType, Visibility};
use lexopt::Parser;

use crate::people::{BASIC, Begin, Chat, Entrance, FLEX, Format, Server, Who};

use super::args::{Given, choose, next, pair, servers, stray, unknown, value};
use super::{Command, Known, went};

pub(super) const AGENT: Known = Known {
    name: "agent",
    help: include_str!("agent.txt"),
    options: EMPLOYEES,
    parse: |args| employee(args, UserType::Agent, &AGENT),
};

pub(super) const SUPERVISOR: Known = Known {
    name: "supervisor",
    help: include_str!("supervisor.txt"),
    options: EMPLOYEES,
    parse: |args| employee(args, UserType::Supervisor, &SUPERVISOR),
};

pub(super) const VISITOR: Known = Known {
    name: "visitor",
    help: include_str!("visitor.txt"),
    options: &[
        "--name",
        "--server",
        "--token-file",
        "--ca-file",
        "--person-id",
        "--subject",
        "--queue-key",
        "--async",
        "--user-data",
        "--script",
        "--format",
        "--help",
        "-f",
        "-h",
    ],
    parse: visitor,
};

const EMPLOYEES: &[&str] = &[
    "--name",
    "--server",
    "--token-file",
    "--ca-file",
    "--person-id",
    "--join",
    "--create",
    "--queue-key",
    "--visibility",
    "--user-data",
    "--script",
    "--format",
    "--help",
    "-f",
    "-h",
];

pub(super) fn run(chat: Chat) -> ExitCode {
    went(chat.run(&mut io::stdout(), &mut io::stderr()))
}

/// Takes an option that everybody has; whether it is one.
fn common(chat: &mut Chat, args: &mut Parser, option: &str) -> Result<bool, String> {
    match option {
        "--name" => chat.name = name(args)?,
        "--person-id" => chat.person_id = Some(value(args)?),
        "--user-data" => chat.user_data.push(pair(&value(args)?)?),
        "--script" => {
            chat.script = Some(value(args)?).filter(|file| file != "-").map(PathBuf::from);
        }
        "-f" | "--format" => {
            chat.format = choose(args, option, &[("text", Format::Text), ("json", Format::Json)])?;
        }
        option => return connection(&mut chat.server, args, option),
    }
    Ok(true)
}

/// Takes an option that is about the server; whether it is one.
pub(super) fn connection(
    there: &mut Server,
    args: &mut Parser,
    option: &str,
) -> Result<bool, String> {
    match option {
        "--server" => there.addresses = servers(&value(args)?)?,
        "--token-file" => there.token_file = Some(value(args)?.into()),
        "--ca-file" => there.ca_file = Some(value(args)?.into()),
        _ => return Ok(false),
    }
    Ok(true)
}

/// What a server takes for a nickname (B3.8).
pub(super) fn name(args: &mut Parser) -> Result<String, String> {
    let name = value(args)?;
    match name.trim().chars().count() {
        1..=255 => Ok(name),
        _ => Err("'--name' takes 1 to 255 characters".to_owned()),
    }
}

fn unnamed(who: Who, name: &str, address: &str) -> Chat {
    Chat {
        who,
        server: Server::at(address),
        name: name.to_owned(),
        person_id: None,
        user_data: Vec::new(),
        script: None,
        format: Format::Text,
    }
}

fn employee(args: &mut Parser, user_type: UserType, known: &Known) -> Result<Command, String> {
    let (name, levels): (_, &[_]) = match user_type {
        UserType::Supervisor => (
            "Supervisor",
            &[("VIP", Visibility::Vip), ("INT", Visibility::Int), ("ALL", Visibility::All)],
        ),
        UserType::Client | UserType::Agent | UserType::External | UserType::System => {
            ("Agent", &[("ALL", Visibility::All), ("INT", Visibility::Int)])
        }
    };
    let (mut session, mut create, mut queue_key) = (None, false, None);
    let mut visibility = levels[0].1;
    let who = Who::Visitor(Begin::default());
    let mut chat = unnamed(who, name, BASIC);
    while let Some(given) = next(args)? {
        let option = match given {
            Given::Option(option) => option,
            Given::Value(word) => return Err(stray(&word)),
        };
        match &*option {
            "-h" | "--help" => return Ok(Command::Help(known.help)),
            "--join" => session = Some(value(args)?),
            "--create" => create = true,
            "--queue-key" => queue_key = Some(value(args)?),
            "--visibility" => visibility = choose(args, &option, levels)?,
            option if common(&mut chat, args, option)? => {}
            option => return Err(unknown("option", option, known.options)),
        }
    }
    let into = match (session, create) {
        (Some(session), false) if queue_key.is_none() => Entrance::Session(session),
        (None, true) => Entrance::New { queue_key },
        (Some(_), true) => return Err("'--join' and '--create' are one too many".to_owned()),
        (Some(_), false) => return Err("'--queue-key' goes with '--create' only".to_owned()),
        (None, false) => {
            return Err("which session? '--join SESSION', or '--create' for a new one".to_owned());
        }
    };
    chat.who = Who::Employee { user_type, visibility, into };
    Ok(Command::Chat(Box::new(chat)))
}

fn visitor(args: &mut Parser) -> Result<Command, String> {
    let mut begin = Begin::default();
    let mut chat = unnamed(Who::Visitor(Begin::default()), "Visitor", FLEX);
    while let Some(given) = next(args)? {
        let option = match given {
            Given::Option(option) => option,
            Given::Value(word) => return Err(stray(&word)),
        };
        match &*option {
            "-h" | "--help" => return Ok(Command::Help(VISITOR.help)),
            "--subject" => begin.subject = Some(value(args)?),
            "--queue-key" => begin.queue_key = Some(value(args)?),
            // B12.1
            "--async" => chat.user_data.push(("GCTI_Chat_AsyncMode".to_owned(), "true".to_owned())),
            option if common(&mut chat, args, option)? => {}
            option => return Err(unknown("option", option, VISITOR.options)),
        }
    }
    chat.who = Who::Visitor(begin);
    Ok(Command::Chat(Box::new(chat)))
}
