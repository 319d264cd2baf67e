//! People at a terminal, and those who stand in for them: a visitor, an agent, a supervisor, a bot,
//! a workflow. What they do is the business of the client machines; here it is read and shown.

pub(crate) mod bot;
mod clean;
mod person;
mod show;
mod talk;
mod typed;
pub(crate) mod workflow;

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

use confer_core::client::{Desk, DeskSettings, Entry, Habits, Start, Visitor, VisitorSettings};
use confer_core::frame::{ErrorId, KvList, UserType, Visibility};
use confer_core::id::SessionId;
use confer_core::pii::{Pii, Secret};
use confer_core::text::{Str, Text};
use confer_runtime_std::client::{Driver, Target};
use confer_runtime_std::tls;

use person::{Customer, Employee};
use talk::Ending;

/// Where a server listens by default, by what is asked of it.
pub(crate) const BASIC: &str = "127.0.0.1:4480";
pub(crate) const FLEX: &str = "127.0.0.1:4481";
pub(crate) const ESP: &str = "127.0.0.1:4482";

/// How something is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
}

/// A server, or several with one store (B22.13), and what they want to be shown.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) addresses: Vec<String>,
    /// A file with the access token of its port (B2.7).
    pub(crate) token_file: Option<PathBuf>,
    /// A file with the certificates of those who vouch for it, if the port speaks TLS.
    pub(crate) ca_file: Option<PathBuf>,
}

/// A chat at a terminal.
#[derive(Clone, Debug)]
pub(crate) struct Chat {
    pub(crate) who: Who,
    pub(crate) server: Server,
    pub(crate) name: String,
    pub(crate) person_id: Option<String>,
    pub(crate) user_data: Vec<(String, String)>,
    /// What to type; else standard input.
    pub(crate) script: Option<PathBuf>,
    pub(crate) format: Format,
}

/// Who takes part in a chat.
#[derive(Clone, Debug)]
pub(crate) enum Who {
    Visitor(Begin),
    Employee { user_type: UserType, visibility: Visibility, into: Entrance },
}

/// The session a visitor begins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Begin {
    pub(crate) queue_key: Option<String>,
    pub(crate) subject: Option<String>,
}

/// The session somebody goes into.
#[derive(Clone, Debug)]
pub(crate) enum Entrance {
    Session(String),
    New { queue_key: Option<String> },
}

/// Why something ended badly, in words.
#[derive(Debug)]
pub(crate) struct Trouble(String);

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl Server {
    /// One at this address, which wants nothing.
    pub(crate) fn at(address: &str) -> Self {
        Self { addresses: vec![address.to_owned()], token_file: None, ca_file: None }
    }

    /// How to make connections with each of them.
    pub(crate) fn targets(&self) -> Result<Vec<Target>, Trouble> {
        let client = self.ca_file.as_ref().map(|file| tls::Client::new(file, None)).transpose();
        let client = client.map_err(|error| Trouble(error.to_string()))?;
        let token = self.token_file.as_ref().map(|file| {
            let read = fs::read_to_string(file);
            read.map_err(|error| Trouble(format!("cannot read {}: {error}", file.display())))
        });
        let token = token.transpose()?;
        let target = |address: &String| {
            let mut target = Target::new(&**address);
            if let Some(client) = &client {
                target = target.with_tls(client.clone());
            }
            match &token {
                Some(token) => {
                    let token = token.trim_end_matches(['\r', '\n']);
                    target.with_access_token(Secret::new(token))
                }
                None => target,
            }
        };
        Ok(self.addresses.iter().map(target).collect())
    }
}

impl Chat {
    /// Chats until it is over; whether all went as it was typed.
    pub(crate) fn run(
        self,
        out: &mut dyn io::Write,
        notes: &mut dyn io::Write,
    ) -> Result<bool, Trouble> {
        let targets = self.server.targets()?;
        let habits = Habits { servers: targets.len(), ..Habits::default() };
        let input = talk::Input::open(self.script.as_deref())?;
        let user_data = pairs(&self.user_data);
        let person_id = self.person_id.as_deref().map(|id| Pii::new(Str::new(id)));
        let ending = match self.who {
            Who::Visitor(Begin { queue_key, subject }) => {
                let settings =
                    VisitorSettings { person_id, habits, ..VisitorSettings::new(&self.name) };
                // At a terminal somebody waits for the answer.
                let poll_every = core::time::Duration::from_millis(500);
                let settings = VisitorSettings { poll_every, ..settings };
                let driver = Driver::start(targets, |seed| Visitor::new(settings, seed))?;
                let start = Start {
                    queue_key: queue_key.as_deref().map(Str::new),
                    subject: subject.as_deref().map(Text::new),
                    user_data,
                    ..Start::default()
                };
                driver
                    .with(|visitor, now| visitor.begin(start, now))
                    .map_err(|error| Trouble(error.to_string()))?;
                talk::talk(Customer(driver), input, self.format, out, notes)?
            }
            Who::Employee { user_type, visibility, into } => {
                let settings =
                    DeskSettings { person_id, habits, ..DeskSettings::new(&self.name, user_type) };
                let driver = Driver::start(targets, |seed| Desk::new(settings, seed))?;
                let (session_id, queue_key) = match &into {
                    Entrance::Session(id) => (Some(SessionId::new(id)), None),
                    Entrance::New { queue_key } => (None, queue_key.as_deref().map(Str::new)),
                };
                let visibility = Some(visibility);
                let entry =
                    Entry { session_id, visibility, queue_key, user_data, ..Entry::default() };
                let chat = driver
                    .with(|desk, now| desk.enter(entry, now))
                    .map_err(|error| Trouble(error.to_string()))?;
                talk::talk(Employee { driver, chat }, input, self.format, out, notes)?
            }
        };
        Ok(ending == Ending::Good)
    }
}

fn pairs(user_data: &[(String, String)]) -> KvList {
    let mut list = KvList::new();
    for (key, value) in user_data {
        list.push(key, &**value);
    }
    list
}

/// A refusal in words, for people.
fn refusal(error_id: i32) -> String {
    match ErrorId::from_number(error_id) {
        Some(known) => format!("{} ({error_id})", known.text()),
        None => format!("error {error_id}"),
    }
}
