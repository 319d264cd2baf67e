//! A command that answers one message: bounded in time and in what it prints.

use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// The longest answer, in bytes, which is more than a message may have characters.
const MAX_ANSWER: u64 = 65_536;
/// How often a command that prints no more is asked whether it has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// What the command prints when it reads `words`, without the last end of line; or why there is no
/// answer, without any words.
pub(super) fn run(command: &str, words: &str, patience: Duration) -> Result<String, String> {
    let until = Instant::now() + patience;
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // What it starts ends with it.
        .process_group(0)
        .spawn()
        .map_err(|error| format!("the command does not start: {error}"))?;
    let answer = talk(&mut child, words, until);
    if let Some(group) = Pid::from_raw(i32::try_from(child.id()).unwrap_or_default()) {
        // Whoever has ended hears nothing of it.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
    answer
}

fn talk(child: &mut Child, words: &str, until: Instant) -> Result<String, String> {
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("the command has no input or output".to_owned());
    };
    let words = words.to_owned();
    // One that does not read its input must not hold up its output; it is killed in the end.
    thread::spawn(move || drop(stdin.write_all(words.as_bytes())));
    let (tells, told) = mpsc::channel();
    thread::spawn(move || {
        let mut answer = Vec::new();
        let read = stdout.take(MAX_ANSWER + 1).read_to_end(&mut answer);
        let _ = tells.send(read.map(|_| answer));
    });
    let late = || Err("the command took too long".to_owned());
    let answer = match told.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(format!("the command's output breaks off: {error}")),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return late(),
    };
    if answer.len() as u64 > MAX_ANSWER {
        return Err(format!("the command prints more than {MAX_ANSWER} bytes"));
    }
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => break,
            Ok(Some(status)) => return Err(format!("the command failed: {status}")),
            Ok(None) if Instant::now() >= until => return late(),
            Ok(None) => thread::sleep(PAUSE),
            Err(error) => return Err(format!("the command is lost: {error}")),
        }
    }
    let answer = String::from_utf8(answer).map_err(|_| "the command prints no UTF-8".to_owned())?;
    Ok(answer.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests;
