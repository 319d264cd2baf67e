//! A line somebody typed: words, or a command.

use std::time::Duration;

use confer_core::frame::AfterAction;

use crate::cli::unknown;

/// How long `/expect` waits if nothing is said, in seconds.
pub(super) const PATIENCE: u64 = 10;
/// The longest wait, in seconds.
const MAX_WAIT: u64 = 86_400;

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Nothing,
    Help,
    Who,
    Files,
    Wait(Duration),
    Expect { text: String, patience: Duration },
    Act(Act),
}

/// Something to be done in the chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Say(String),
    /// A visibility or a nickname, and words.
    SayTo(String),
    Notice(String),
    Url(String),
    Nick(String),
    Type(String),
    Read,
    Remove(String),
    Limits,
    AskUpload(String, u64),
    Announce {
        name: String,
        size: u64,
        document: Option<String>,
        permit: Option<String>,
    },
    AskDownload(String),
    DeleteFile(String),
    Leave(AfterAction),
}

/// The commands, what stands behind them, and what they do.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("/help", "", "show this"),
    ("/who", "", "show who is there"),
    (
        "/to",
        "INT|VIP|NICKNAME TEXT",
        "say something to fewer: agents and supervisors, supervisors, one",
    ),
    ("/nick", "NAME", "take another nickname"),
    ("/typing", "[TEXT]", "show that you type"),
    ("/read", "", "confirm that you have read everything"),
    ("/url", "ADDRESS", "show a web address"),
    ("/notice", "TEXT", "give a notice of your own making"),
    ("/remove", "NICKNAME", "remove somebody"),
    ("/file", "limits", "what customers may upload and download"),
    ("/file", "ask NAME SIZE", "ask for leave to store a file"),
    ("/file", "announce NAME SIZE [DOCUMENT [PERMIT]]", "tell of a file that was stored"),
    ("/file", "get FILE", "ask for leave to fetch a file"),
    ("/file", "delete FILE", "take a file back"),
    ("/files", "", "show the files"),
    ("/leave", "", "go; the session goes on if others are there. So does the end of input"),
    ("/quit", "", "the same"),
    ("/end", "", "go, and close the session unless another agent is there"),
    ("/close", "", "close the session"),
    ("/wait", "SECONDS", "for scripts: wait before the next line"),
    ("/expect", "TEXT [SECONDS]", "for scripts: wait for somebody else's line with TEXT, or fail"),
];

/// What `/help` shows.
pub(super) fn help() -> String {
    let mut help = String::from("Lines are messages; // begins one that starts with a slash.\n");
    for (name, rest, what) in COMMANDS {
        let command = format!("{name} {rest}");
        help.push_str(&format!("  {command:<46} {what}\n"));
    }
    help
}

/// What this line means, or what is wrong with it.
pub(super) fn read(line: &str) -> Result<Typed, String> {
    if line.trim().is_empty() {
        return Ok(Typed::Nothing);
    }
    if let Some(words) = line.strip_prefix('/').filter(|words| words.starts_with('/')) {
        return Ok(Typed::Act(Act::Say(words.to_owned())));
    }
    if !line.starts_with('/') {
        return Ok(Typed::Act(Act::Say(line.to_owned())));
    }
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let needed = || match rest {
        "" => Err(usage(name)),
        rest => Ok(rest.to_owned()),
    };
    let alone = |typed| if rest.is_empty() { Ok(typed) } else { Err(usage(name)) };
    Ok(match name {
        "/help" => return alone(Typed::Help),
        "/who" => return alone(Typed::Who),
        "/files" => return alone(Typed::Files),
        "/read" => return alone(Typed::Act(Act::Read)),
        "/leave" | "/quit" => return alone(Typed::Act(Act::Leave(AfterAction::KeepAlive))),
        "/end" => return alone(Typed::Act(Act::Leave(AfterAction::CloseIfNoAgents))),
        "/close" => return alone(Typed::Act(Act::Leave(AfterAction::ForceClose))),
        "/to" => Typed::Act(Act::SayTo(needed()?)),
        "/nick" => Typed::Act(Act::Nick(needed()?)),
        "/typing" => Typed::Act(Act::Type(rest.to_owned())),
        "/url" => Typed::Act(Act::Url(needed()?)),
        "/notice" => Typed::Act(Act::Notice(needed()?)),
        "/remove" => Typed::Act(Act::Remove(needed()?)),
        "/file" => Typed::Act(file(rest)?),
        "/wait" => Typed::Wait(duration(&needed()?).ok_or_else(|| usage(name))?),
        "/expect" => expect(&needed()?),
        name => {
            let mut known: Vec<_> = COMMANDS.iter().map(|command| command.0).collect();
            known.dedup();
            return Err(unknown("command", name, &known));
        }
    })
}

fn usage(name: &str) -> String {
    let of = COMMANDS.iter().filter(|command| command.0 == name);
    let way =
        |(name, rest, _): &(&str, &str, _)| format!("'{}'", format!("{name} {rest}").trim_end());
    format!("say {}", of.map(way).collect::<Vec<_>>().join(" or "))
}

/// The words to wait for, with the seconds behind them, if the last word is a number.
fn expect(rest: &str) -> Typed {
    let timed = rest.rsplit_once(char::is_whitespace);
    let timed = timed.and_then(|(text, last)| Some((text.trim_end(), duration(last)?)));
    let (text, patience) = timed.unwrap_or((rest, Duration::from_secs(PATIENCE)));
    Typed::Expect { text: text.to_owned(), patience }
}

fn duration(written: &str) -> Option<Duration> {
    // Tenths are enough for scripts, and hold no surprises.
    let (whole, tenth) = written.split_once('.').unwrap_or((written, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(tenth) || tenth.len() != 1 {
        return None;
    }
    let whole = whole.parse().ok().filter(|whole| *whole <= MAX_WAIT)?;
    Some(Duration::from_secs(whole) + Duration::from_millis(100) * tenth.parse().ok()?)
}

fn file(rest: &str) -> Result<Act, String> {
    let words: Vec<_> = rest.split_whitespace().collect();
    let size = |size: &str| {
        size.parse().map_err(|_| format!("'{}' is no size in bytes", size.escape_debug()))
    };
    match *words {
        ["limits"] => Ok(Act::Limits),
        ["ask", name, bytes] => Ok(Act::AskUpload(name.to_owned(), size(bytes)?)),
        ["announce", name, bytes, ref more @ ..] if more.len() <= 2 => Ok(Act::Announce {
            name: name.to_owned(),
            size: size(bytes)?,
            document: more.first().map(|&document| document.to_owned()),
            permit: more.get(1).map(|&permit| permit.to_owned()),
        }),
        ["get", file] => Ok(Act::AskDownload(file.to_owned())),
        ["delete", file] => Ok(Act::DeleteFile(file.to_owned())),
        [] | [..] => Err(usage("/file")),
    }
}

#[cfg(test)]
mod tests;
