//! A bot: answers each message of a customer, in as many sessions as it is told of (B3.6).

mod command;

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, Read as _, Write, stdin};
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread;
use std::time::Duration;

use confer_core::client::{ChatId, Desk, DeskNews, DeskSettings, Entry, News};
use confer_core::frame::{EventBody, KvList, UserType, Visibility};
use confer_core::id::{EventId, SessionId};
use confer_runtime_std::client::Driver;

use super::{Server, Trouble, refusal, show};

/// Commands that run at once.
const COMMANDS: usize = 8;
/// Messages of one session that wait to be answered; more go unanswered.
const WAITING: usize = 64;

/// A bot.
#[derive(Clone, Debug)]
pub(crate) struct Bot {
    pub(crate) server: Server,
    pub(crate) name: String,
    pub(crate) answer: Answer,
    /// How long a command may take.
    pub(crate) patience: Duration,
    /// Where it takes part; none: standard input says, a session a line.
    pub(crate) sessions: Vec<String>,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What was said.
    Echo,
    /// Always this.
    Reply(String),
    /// What this command of the shell prints when it reads what was said.
    Command(String),
}

enum Happening {
    News(DeskNews),
    /// `None`: there are no more.
    Session(Option<String>),
    /// A command has ended.
    Answered(ChatId, Result<String, String>),
}

/// A session in which a bot takes part.
#[derive(Default)]
struct Room {
    /// Its own coming: what was said before is not for it.
    since: Option<EventId>,
    waiting: VecDeque<String>,
    running: bool,
}

struct Life<'a> {
    bot: &'a Bot,
    driver: Arc<Driver<Desk>>,
    happens: SyncSender<Happening>,
    rooms: BTreeMap<ChatId, Room>,
    running: usize,
    bad: bool,
    notes: &'a mut dyn Write,
}

impl Bot {
    /// Answers until every session is over and there are no more; whether it came into all of them.
    pub(crate) fn run(self, notes: &mut dyn Write) -> Result<bool, Trouble> {
        let targets = self.server.targets()?;
        let mut settings = DeskSettings::new(&self.name, UserType::Agent);
        settings.habits.servers = targets.len();
        let driver = Arc::new(Driver::start(targets, |seed| Desk::new(settings, seed))?);
        let (happens, happenings) = mpsc::sync_channel(256);
        let (tells, listener) = (happens.clone(), Arc::clone(&driver));
        thread::Builder::new().name("news".into()).spawn(move || {
            for news in listener.news() {
                if tells.send(Happening::News(news)).is_err() {
                    return;
                }
            }
        })?;
        let given = self.sessions.clone();
        let tells = happens.clone();
        thread::Builder::new().name("sessions".into()).spawn(move || sessions(given, &tells))?;
        let rooms = BTreeMap::new();
        let (bot, running, bad) = (&self, 0, false);
        let mut life = Life { bot, driver, happens, rooms, running, bad, notes };
        let mut more = true;
        while more || !life.rooms.is_empty() {
            match happenings.recv() {
                Ok(Happening::Session(Some(session))) => life.enter(&session)?,
                Ok(Happening::Session(None)) => more = false,
                Ok(Happening::News(news)) => life.hear(&news)?,
                Ok(Happening::Answered(chat, answer)) => life.answered(chat, answer)?,
                Err(_) => break,
            }
        }
        life.driver.end();
        Ok(!life.bad)
    }
}

/// The sessions that were given, or else those that standard input names.
fn sessions(given: Vec<String>, tells: &SyncSender<Happening>) {
    let tell = |session| tells.send(Happening::Session(session)).is_ok();
    if given.is_empty() {
        let mut lines = stdin().lock();
        let mut line = Vec::new();
        // An id is short; whatever is not one is refused by the server.
        while let Ok(1..) = lines.by_ref().take(1024).read_until(b'\n', &mut line) {
            let session = String::from_utf8_lossy(&line).trim().to_owned();
            line.clear();
            if !session.is_empty() && !tell(Some(session)) {
                return;
            }
        }
    } else {
        for session in given {
            if !tell(Some(session)) {
                return;
            }
        }
    }
    tell(None);
}

impl Life<'_> {
    fn enter(&mut self, session: &str) -> Result<(), Trouble> {
        let user_data = KvList::from([("GCTI_Chat_SetPartyStyle", "BOT".into())]);
        let session_id = Some(SessionId::new(session));
        let visibility = Some(Visibility::All);
        let entry = Entry { session_id, visibility, user_data, ..Entry::default() };
        match self.driver.with(|desk, now| desk.enter(entry, now)) {
            Ok(chat) => drop(self.rooms.insert(chat, Room::default())),
            Err(error) => {
                self.bad = true;
                let session = session.escape_debug();
                self.note(&format!("session {session}: {error}"))?;
            }
        }
        Ok(())
    }

    fn hear(&mut self, news: &DeskNews) -> Result<(), Trouble> {
        match *news {
            DeskNews::Chat(chat, News::Joined) => {
                let coming = self.driver.with(|desk, _| {
                    let view = desk.chat(chat)?.view();
                    let own = view.own()?;
                    let mut events = view.events().filter(|event| event.user_id == *own);
                    events.next().map(|event| event.event_id)
                });
                let session = self.session(chat);
                if let Some(room) = self.rooms.get_mut(&chat)
                    && room.since.is_none()
                {
                    room.since = coming;
                    self.note(&format!("in {session}"))?;
                }
            }
            DeskNews::Chat(chat, News::Told(event)) => self.heard(chat, event)?,
            DeskNews::Chat(chat, News::NotSent { error_id, .. }) => {
                let session = self.session(chat);
                self.note(&format!("{session}: an answer was not sent: {}", refusal(error_id)))?;
            }
            DeskNews::Chat(chat, News::Over(end)) => {
                let session = self.session(chat);
                self.bad |= matches!(
                    end,
                    confer_core::client::End::Refused(_) | confer_core::client::End::Gone
                );
                self.note(&format!("{session}: {}", show::how_it_ended(end)))?;
                self.rooms.remove(&chat);
                self.driver.with(|desk, _| desk.forget(chat));
            }
            DeskNews::Offline { .. } => {
                let trouble = self.driver.trouble().unwrap_or_default();
                self.note(&format!("{trouble}; trying again"))?;
            }
            DeskNews::Refused(error_id) => {
                return Err(Trouble(format!("the server lets nobody in: {}", refusal(error_id))));
            }
            DeskNews::Online | DeskNews::SignedOff | DeskNews::Chat(..) => {}
        }
        Ok(())
    }

    /// Something was told; a customer's message is answered.
    fn heard(&mut self, chat: ChatId, event: EventId) -> Result<(), Trouble> {
        let words = self.driver.with(|desk, _| {
            let view = desk.chat(chat)?.view();
            let event = view.event(event)?;
            let who = view.participant(&event.user_id)?;
            let EventBody::Message(message) = &event.body else { return None };
            let asks = who.user_type == UserType::Client && message.receiver_id.is_none();
            asks.then(|| message.message_text.reveal().to_owned())
        });
        let Some(room) = self.rooms.get_mut(&chat) else { return Ok(()) };
        let Some(words) = words.filter(|_| room.since.is_none_or(|since| event > since)) else {
            return Ok(());
        };
        match &self.bot.answer {
            Answer::Echo => self.say(chat, &words),
            Answer::Reply(reply) => self.say(chat, &reply.clone()),
            Answer::Command(_) if room.waiting.len() >= WAITING => {
                let session = self.session(chat);
                self.note(&format!("{session}: too much waits, a message goes unanswered"))
            }
            Answer::Command(_) => {
                room.waiting.push_back(words);
                self.start()
            }
        }
    }

    /// Starts as many commands as may run, one for each session.
    fn start(&mut self) -> Result<(), Trouble> {
        let Answer::Command(command) = &self.bot.answer else { return Ok(()) };
        for (chat, room) in &mut self.rooms {
            if self.running >= COMMANDS {
                break;
            }
            if room.running {
                continue;
            }
            let Some(words) = room.waiting.pop_front() else { continue };
            room.running = true;
            self.running += 1;
            let (chat, command, patience) = (*chat, command.clone(), self.bot.patience);
            let happens = self.happens.clone();
            thread::Builder::new().name("command".into()).spawn(move || {
                let answer = command::run(&command, &words, patience);
                let _ = happens.send(Happening::Answered(chat, answer));
            })?;
        }
        Ok(())
    }

    fn answered(&mut self, chat: ChatId, answer: Result<String, String>) -> Result<(), Trouble> {
        self.running -= 1;
        if let Some(room) = self.rooms.get_mut(&chat) {
            room.running = false;
            match answer {
                Ok(answer) if answer.is_empty() => {}
                Ok(answer) => self.say(chat, &answer)?,
                Err(why) => {
                    let session = self.session(chat);
                    self.note(&format!("{session}: no answer: {why}"))?;
                }
            }
        }
        self.start()
    }

    fn say(&mut self, chat: ChatId, words: &str) -> Result<(), Trouble> {
        if let Err(error) = self.driver.with(|desk, now| desk.say(chat, words, now)) {
            let session = self.session(chat);
            self.note(&format!("{session}: an answer was not sent: {error}"))?;
        }
        Ok(())
    }

    fn session(&self, chat: ChatId) -> String {
        let id = self.driver.with(|desk, _| desk.chat(chat)?.session_id().cloned());
        id.map_or_else(|| "a session".to_owned(), |id| id.as_str().escape_debug().to_string())
    }

    fn note(&mut self, words: &str) -> Result<(), Trouble> {
        writeln!(self.notes, "-- {words}")?;
        Ok(())
    }
}
