//! A conversation at a terminal, or of a script: lines in, the chat out.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal as _, Read as _, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use confer_core::client::{End, News};
use confer_core::frame::AfterAction;

use super::person::{Person, Told};
use super::show::{self, Line};
use super::typed::{self, Act, Typed};
use super::{Format, Trouble, refusal};

/// The longest line, in bytes: more than the longest message takes.
const MAX_LINE: u64 = 1 << 20;
/// What may wait for its answer before the next line is read: below what a machine keeps.
const AHEAD: usize = 200;
/// How long somebody who is not there yet tries to come, and how long one who leaves waits for it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a connection is looked at that nobody tells of.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Lines of others that `/expect` finds again.
const REMEMBERED: usize = 1000;

/// Where lines come from.
pub(super) struct Input {
    lines: Box<dyn BufRead + Send>,
    /// Whether somebody sits there who can be told what to do.
    terminal: bool,
    script: bool,
}

impl Input {
    /// A script, or standard input.
    pub(super) fn open(script: Option<&Path>) -> Result<Self, Trouble> {
        Ok(match script {
            Some(path) => {
                let file = File::open(path)
                    .map_err(|error| Trouble(format!("cannot read {}: {error}", path.display())))?;
                Self { lines: Box::new(BufReader::new(file)), terminal: false, script: true }
            }
            None => {
                let terminal = io::stdin().is_terminal();
                Self { lines: Box::new(BufReader::new(io::stdin())), terminal, script: false }
            }
        })
    }
}

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Good,
    /// Something expected did not come, or something said was not heard.
    Bad,
}

/// What happens.
enum Happening {
    Told(Told),
    /// `None`: there are no more lines.
    Line(io::Result<Option<String>>),
}

/// Talks until it is over.
pub(super) fn talk<P: Person>(
    person: P,
    input: Input,
    format: Format,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<Ending, Trouble> {
    let person = Arc::new(person);
    let (happens, happenings) = mpsc::sync_channel(256);
    let (wants, wanted) = mpsc::channel();
    let (terminal, script) = (input.terminal, input.script);
    let tells = happens.clone();
    let listener = Arc::clone(&person);
    thread::Builder::new().name("news".into()).spawn(move || {
        while let Some(told) = listener.recv() {
            if tells.send(Happening::Told(told)).is_err() {
                return;
            }
        }
    })?;
    // This one may wait for a line for ever; it ends with the program.
    thread::Builder::new().name("lines".into()).spawn(move || read(input, &wanted, &happens))?;
    let mut talk = Talk {
        person: &*person,
        format,
        terminal,
        script,
        out,
        notes,
        wants,
        asked: false,
        at_end: false,
        inside: false,
        leaving: false,
        bad: false,
        over: None,
        refused: None,
        until: Some(Instant::now() + PATIENCE),
        pause: Pause::None,
        heard: VecDeque::new(),
        offline: None,
    };
    let ending = talk.run(&happenings);
    person.end();
    ending
}

/// Reads a line whenever one is wanted.
fn read(mut input: Input, wanted: &Receiver<()>, happens: &SyncSender<Happening>) {
    while wanted.recv().is_ok() {
        if happens.send(Happening::Line(line(&mut *input.lines))).is_err() {
            return;
        }
    }
}

/// The next line, without its end.
fn line(lines: &mut dyn BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if lines.take(MAX_LINE).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.pop_if(|last| *last == b'\n').is_some() {
        bytes.pop_if(|last| *last == b'\r');
    } else if bytes.len() as u64 == MAX_LINE {
        let error = format!("a line has more than {MAX_LINE} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, error));
    }
    let line = String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a line is not UTF-8"))?;
    Ok(Some(line))
}

/// What holds up the next line.
enum Pause {
    None,
    Until(Instant),
    /// Somebody else's line with this in it, until then.
    Expects(String, Instant),
}

struct Talk<'a, P> {
    person: &'a P,
    format: Format,
    terminal: bool,
    script: bool,
    out: &'a mut dyn Write,
    notes: &'a mut dyn Write,
    wants: Sender<()>,
    /// A line is awaited.
    asked: bool,
    at_end: bool,
    inside: bool,
    leaving: bool,
    bad: bool,
    over: Option<End>,
    refused: Option<i32>,
    /// When patience ends: with coming, or with leaving.
    until: Option<Instant>,
    pause: Pause,
    /// What others said that no `/expect` has found.
    heard: VecDeque<String>,
    /// The trouble that was told, while there is no connection.
    offline: Option<String>,
}

impl<P: Person> Talk<'_, P> {
    fn run(&mut self, happenings: &Receiver<Happening>) -> Result<Ending, Trouble> {
        loop {
            self.look_at_line()?;
            self.go_on()?;
            if self.over.is_some() || self.refused.is_some() {
                return self.ended();
            }
            let pause = match &self.pause {
                Pause::None => None,
                Pause::Until(at) | Pause::Expects(_, at) => Some(*at),
            };
            let look = (!P::TELLS_OF_ITS_LINE).then(|| Instant::now() + LOOK_EVERY);
            let deadline = self.until.into_iter().chain(pause).chain(look).min();
            let happening = match deadline {
                None => happenings.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => happenings.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            match happening {
                Ok(Happening::Told(told)) => self.told(told)?,
                Ok(Happening::Line(line)) => self.typed(line)?,
                Err(RecvTimeoutError::Timeout) => self.late()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Trouble("the conversation broke off".to_owned()));
                }
            }
        }
    }

    /// Asks for a line if one can be dealt with.
    fn go_on(&mut self) -> Result<(), Trouble> {
        if matches!(self.pause, Pause::Until(at) if at <= Instant::now()) {
            self.pause = Pause::None;
        }
        let free = matches!(self.pause, Pause::None) && self.inside && !self.asked;
        if !free || self.leaving || self.over.is_some() {
            return Ok(());
        }
        if self.at_end {
            return self.leave();
        }
        if self.person.look(|there| there.waiting) < AHEAD {
            self.asked = self.wants.send(()).is_ok();
        }
        Ok(())
    }

    fn leave(&mut self) -> Result<(), Trouble> {
        self.act(Act::Leave(AfterAction::KeepAlive))
    }

    fn act(&mut self, act: Act) -> Result<(), Trouble> {
        let leaves = matches!(act, Act::Leave(_));
        match self.person.act(act) {
            Ok(_) if leaves => {
                self.leaving = true;
                self.until = Some(Instant::now() + PATIENCE);
            }
            Ok(_) => {}
            Err(error) => {
                self.bad = true;
                self.note(&error)?;
            }
        }
        Ok(())
    }

    fn typed(&mut self, line: io::Result<Option<String>>) -> Result<(), Trouble> {
        self.asked = false;
        let line = match line {
            Ok(Some(line)) => line,
            Ok(None) => {
                self.at_end = true;
                return Ok(());
            }
            Err(error) => {
                self.bad = true;
                self.at_end = true;
                return self.note(&format!("cannot read further: {error}"));
            }
        };
        match typed::read(&line) {
            Ok(Typed::Nothing) => {}
            Ok(Typed::Help) => self.note(typed::help().trim_end())?,
            Ok(Typed::Who) => {
                let lines = self.person.look(|there| show::roster(there.view));
                self.note(&lines.join("\n"))?;
            }
            Ok(Typed::Files) => {
                let lines = self.person.look(|there| show::files(there.view));
                self.note(
                    if lines.is_empty() { "no files".to_owned() } else { lines.join("\n") }
                        .as_str(),
                )?;
            }
            Ok(Typed::Wait(pause)) => self.pause = Pause::Until(Instant::now() + pause),
            Ok(Typed::Expect { text, patience }) => self.expect(text, patience),
            Ok(Typed::Act(act)) => self.act(act)?,
            Err(error) => {
                // Somebody who sits there can say it again.
                self.bad |= !self.terminal;
                self.note(&error)?;
            }
        }
        Ok(())
    }

    fn expect(&mut self, text: String, patience: Duration) {
        match self.heard.iter().position(|line| line.contains(&text)) {
            Some(found) => drop(self.heard.drain(..=found)),
            None => self.pause = Pause::Expects(text, Instant::now() + patience),
        }
    }

    fn told(&mut self, told: Told) -> Result<(), Trouble> {
        match told {
            Told::Chat(news) => self.hear(news),
            // The line is looked at anyway.
            Told::Line => Ok(()),
            Told::Refused(error_id) => {
                self.refused = Some(error_id);
                Ok(())
            }
        }
    }

    /// Tells of a connection that is gone, or there again.
    fn look_at_line(&mut self) -> Result<(), Trouble> {
        let trouble = self.person.trouble();
        if trouble == self.offline || self.leaving {
            return Ok(());
        }
        match &trouble {
            Some(trouble) => {
                self.print(&show::connected(false))?;
                self.note(&format!("{trouble}; trying again"))?;
            }
            None => {
                self.print(&show::connected(true))?;
                self.note("connected")?;
            }
        }
        self.offline = trouble;
        Ok(())
    }

    fn hear(&mut self, news: News) -> Result<(), Trouble> {
        let person = self.person;
        match news {
            News::Joined => {
                let session = person.look(|there| there.session.cloned());
                let Some(session) = session.filter(|_| !self.inside) else {
                    return self.note("back in the session");
                };
                self.inside = true;
                self.until = None;
                self.print(&show::joined(session.as_str()))?;
                self.note(&format!("session {session}"))?;
                self.note(&P::invitation(&session))?;
                if self.terminal {
                    self.note("type a message, or /help")?;
                }
                Ok(())
            }
            News::Interrupted => self.note("out of the session for the moment"),
            News::Told(id) => {
                let line = person
                    .look(|there| there.view.event(id).map(|event| show::event(there.view, event)));
                line.map_or(Ok(()), |line| self.print(&line))
            }
            News::Typing(user_id) => {
                let line = person.look(|there| show::typing(there.view, &user_id));
                line.filter(|line| !line.own).map_or(Ok(()), |line| self.print(&line))
            }
            News::Read(user_id) => {
                let line = person.look(|there| show::read(there.view, &user_id));
                line.filter(|line| !line.own).map_or(Ok(()), |line| self.print(&line))
            }
            News::Monitored => {
                let line = person.look(|there| show::monitored(there.view));
                self.print(&line)
            }
            News::Files { answer, .. } => self.print(&show::answer(&answer)),
            News::NotSent { error_id, why, .. } => {
                self.bad = true;
                self.print(&show::not_sent(error_id, &why))?;
                let why = super::clean::clean_line(&why);
                let why =
                    if why.is_empty() { refusal(error_id) } else { format!("{why} ({error_id})") };
                self.note(&format!("not sent: {why}"))
            }
            News::Over(end) => {
                self.over = Some(end);
                Ok(())
            }
            News::Confirmed { .. } | News::IdleTime | News::Aside(_) => Ok(()),
        }
    }

    /// The end of somebody's patience.
    fn late(&mut self) -> Result<(), Trouble> {
        let now = Instant::now();
        if self.until.is_some_and(|until| until <= now) {
            let trouble = self.person.trouble();
            let trouble = trouble.unwrap_or_else(|| "the server does not answer".to_owned());
            return Err(Trouble(match self.leaving {
                true => format!("left without a farewell: {trouble}"),
                false => format!("{trouble}; is the server running there?"),
            }));
        }
        if let Pause::Expects(text, at) = &self.pause
            && *at <= now
        {
            let failed =
                format!("nobody said what was expected: {}", super::clean::clean_line(text));
            return self.fail(&failed);
        }
        Ok(())
    }

    /// A script cannot go on.
    fn fail(&mut self, why: &str) -> Result<(), Trouble> {
        self.bad = true;
        self.pause = Pause::None;
        self.note(why)?;
        if self.over.is_some() { Ok(()) } else { self.leave() }
    }

    fn ended(&mut self) -> Result<Ending, Trouble> {
        if let Some(error_id) = self.refused {
            return Err(Trouble(format!("the server lets nobody in: {}", refusal(error_id))));
        }
        let Some(end) = self.over else { return Ok(Ending::Bad) };
        self.print(&show::over(end))?;
        self.note(&show::how_it_ended(end))?;
        if let Pause::Expects(text, _) = &self.pause {
            let text = super::clean::clean_line(text);
            self.note(&format!("nobody will say what was expected: {text}"))?;
            self.bad = true;
        }
        if self.script && !self.at_end && !self.leaving {
            self.note("the chat was over before the script")?;
            self.bad = true;
        }
        let well = matches!(end, End::Left | End::Closed | End::Removed | End::LoggedOut);
        Ok(if well && !self.bad { Ending::Good } else { Ending::Bad })
    }

    fn print(&mut self, line: &Line) -> Result<(), Trouble> {
        let words = line.words();
        if !words.is_empty() {
            match &self.pause {
                Pause::Expects(text, _) if words.contains(&**text) => {
                    self.pause = Pause::None;
                    self.heard.clear();
                }
                Pause::None | Pause::Until(_) | Pause::Expects(..) => {
                    if self.heard.len() == REMEMBERED {
                        self.heard.pop_front();
                    }
                    self.heard.push_back(words.to_owned());
                }
            }
        }
        let printed = line.printed(self.format);
        if !printed.is_empty() {
            writeln!(self.out, "{printed}")?;
            self.out.flush()?;
        }
        Ok(())
    }

    fn note(&mut self, words: &str) -> Result<(), Trouble> {
        for line in words.lines() {
            writeln!(self.notes, "-- {line}")?;
        }
        Ok(())
    }
}
