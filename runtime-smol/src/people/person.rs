//! The two kinds of people, as a terminal sees them: a customer in its one chat, and an employee in
//! one of the chats a desk may have.

use confer_core::client::{
    ChatId, Desk, DeskNews, EchoId, News, Notification, SayError, Upload, View, Visitor,
};
use confer_core::frame::{AfterAction, NoticeType, Visibility};
use confer_core::id::{DocumentId, FileId, SessionId, UserId};
use confer_core::pii::Secret;
use confer_core::time::Instant;
use confer_runtime_std::client::Driver;

use super::typed::Act;

/// A customer.
pub(super) struct Customer(pub(super) Driver<Visitor>);

/// Somebody at a desk.
pub(super) struct Employee {
    pub(super) driver: Driver<Desk>,
    pub(super) chat: ChatId,
}

/// What there is to be told.
#[derive(Debug)]
pub(super) enum Told {
    Chat(News),
    /// The connection is there, or gone.
    Line,
    Refused(i32),
}

/// A chat at a glance.
pub(super) struct Glance<'a> {
    pub(super) view: &'a View,
    pub(super) session: Option<&'a SessionId>,
    /// How much waits for its answer.
    pub(super) waiting: usize,
}

pub(super) trait Person: Send + Sync + 'static {
    /// Whether the state of the connection is news.
    const TELLS_OF_ITS_LINE: bool;

    /// The next news; `None`: it was ended.
    fn recv(&self) -> Option<Told>;

    /// Does something in the chat; the number of its echo, if it has one.
    fn act(&self, act: Act) -> Result<Option<EchoId>, String>;

    fn look<R>(&self, look: impl FnOnce(Glance<'_>) -> R) -> R;

    /// Why there is no connection.
    fn trouble(&self) -> Option<String>;

    /// Ends everything.
    fn end(&self);

    /// What somebody else types to come into this session.
    fn invitation(session: &SessionId) -> String;
}

fn words(error: SayError) -> String {
    error.to_string()
}

const FOR_AGENTS: &str = "that is for agents and supervisors";

impl Person for Customer {
    // What becomes of a connection means nothing to its chat (B2.4).
    const TELLS_OF_ITS_LINE: bool = false;

    fn recv(&self) -> Option<Told> {
        self.0.recv().map(Told::Chat)
    }

    fn act(&self, act: Act) -> Result<Option<EchoId>, String> {
        self.0.with(|visitor, now| {
            Ok(Some(
                match act {
                    Act::Say(text) => visitor.say(&*text, now),
                    Act::Notice(text) => visitor.notify(custom(&text), now),
                    Act::Url(url) => {
                        visitor.notify(Notification::new(NoticeType::UserPushedUrl, &url), now)
                    }
                    Act::Nick(name) => visitor.rename(&name, now),
                    Act::Type(text) => {
                        return visitor.type_preview(&text, now).map(|()| None).map_err(words);
                    }
                    Act::Read => {
                        let position = visitor.view().position();
                        return visitor.read_up_to(position, now).map(|()| None).map_err(words);
                    }
                    Act::Limits => visitor.ask_file_limits(now),
                    Act::AskUpload(name, size) => visitor.ask_upload(&name, size, now),
                    Act::Announce { name, size, document, permit } => {
                        visitor.announce_file(upload(&name, size, document, permit), now)
                    }
                    Act::AskDownload(file) => visitor.ask_download(&FileId::new(&file), now),
                    Act::DeleteFile(file) => visitor.delete_file(&FileId::new(&file), now),
                    Act::Leave(AfterAction::KeepAlive) => visitor.log_out(now),
                    Act::Leave(AfterAction::CloseIfNoAgents | AfterAction::ForceClose)
                    | Act::SayTo(_)
                    | Act::Remove(_) => return Err(FOR_AGENTS.to_owned()),
                }
                .map_err(words)?,
            ))
        })
    }

    fn look<R>(&self, look: impl FnOnce(Glance<'_>) -> R) -> R {
        self.0.with(|visitor, _| {
            look(Glance {
                view: visitor.view(),
                session: visitor.session_id(),
                waiting: visitor.echoes().count(),
            })
        })
    }

    fn trouble(&self) -> Option<String> {
        self.0.trouble()
    }

    fn end(&self) {
        self.0.end();
    }

    fn invitation(session: &SessionId) -> String {
        format!("to answer from another terminal: confer agent --join {session}")
    }
}

impl Person for Employee {
    const TELLS_OF_ITS_LINE: bool = true;

    fn recv(&self) -> Option<Told> {
        loop {
            return Some(match self.driver.recv()? {
                DeskNews::Chat(chat, news) if chat == self.chat => Told::Chat(news),
                DeskNews::Online | DeskNews::Offline { .. } => Told::Line,
                DeskNews::Refused(error_id) => Told::Refused(error_id),
                // There is no other chat, and whoever is refused or leaves knows what it did.
                DeskNews::Chat(..) | DeskNews::SignedOff => continue,
            });
        }
    }

    fn act(&self, act: Act) -> Result<Option<EchoId>, String> {
        self.driver.with(|desk, now| self.act_at(desk, act, now))
    }

    fn look<R>(&self, look: impl FnOnce(Glance<'_>) -> R) -> R {
        let nothing = View::default();
        self.driver.with(|desk, _| {
            let chat = desk.chat(self.chat);
            look(Glance {
                view: chat.map_or(&nothing, |chat| chat.view()),
                session: chat.and_then(|chat| chat.session_id()),
                waiting: chat.map_or(0, |chat| chat.echoes().count()),
            })
        })
    }

    fn trouble(&self) -> Option<String> {
        self.driver.trouble()
    }

    fn end(&self) {
        self.driver.end();
    }

    fn invitation(session: &SessionId) -> String {
        format!("to watch from another terminal: confer supervisor --join {session}")
    }
}

impl Employee {
    fn act_at(&self, desk: &mut Desk, act: Act, now: Instant) -> Result<Option<EchoId>, String> {
        let chat = self.chat;
        let there = desk.chat(chat).ok_or_else(|| words(SayError::NoChat))?;
        let view = there.view();
        Ok(Some(
            match act {
                Act::Say(text) => desk.say(chat, &*text, now),
                Act::SayTo(rest) => match receiver(view, &rest)? {
                    (Receiver::All(visibility), text) => {
                        desk.say_among(chat, visibility, text, now)
                    }
                    (Receiver::One(user_id), text) => desk.say_to(chat, user_id, text, now),
                },
                Act::Notice(text) => desk.notify(chat, custom(&text), now),
                Act::Url(url) => desk.push_url(chat, &url, now),
                Act::Nick(name) => desk.rename(chat, &name, now),
                Act::Type(text) => {
                    return desk.type_preview(chat, &text, now).map(|()| None).map_err(words);
                }
                Act::Read => {
                    let position = view.position();
                    return desk.read_up_to(chat, position, now).map(|()| None).map_err(words);
                }
                Act::Remove(name) => {
                    let (user_id, _) = present(view, &name, str::eq)
                        .ok_or_else(|| format!("nobody is called '{}'", name.escape_debug()))?;
                    desk.remove(chat, user_id, AfterAction::KeepAlive, now)
                }
                Act::Limits => desk.ask_file_limits(chat, now),
                Act::AskUpload(name, size) => desk.ask_upload(chat, &name, size, now),
                Act::Announce { name, size, document, permit } => {
                    desk.announce_file(chat, upload(&name, size, document, permit), now)
                }
                Act::AskDownload(file) => desk.ask_download(chat, &FileId::new(&file), now),
                Act::DeleteFile(file) => desk.delete_file(chat, &FileId::new(&file), now),
                Act::Leave(after) => desk.leave(chat, after, None, now),
            }
            .map_err(words)?,
        ))
    }
}

/// To whom something is said.
enum Receiver {
    All(Visibility),
    One(UserId),
}

/// A visibility or the nickname of somebody who is there, and the words behind it.
fn receiver<'a>(view: &View, rest: &'a str) -> Result<(Receiver, &'a str), String> {
    let (first, words) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let visibility = Visibility::ALL.iter().find(|visibility| visibility.name() == first);
    let (receiver, words) = match visibility {
        Some(visibility) => (Receiver::All(*visibility), words),
        None => {
            // Nicknames may have blanks in them: the longest that fits is meant.
            let begins = |name: &str, rest: &str| {
                let behind = rest.strip_prefix(name);
                behind.is_some_and(|behind| behind.starts_with(char::is_whitespace))
            };
            let (user_id, name) = present(view, rest, begins)
                .ok_or_else(|| format!("nobody is called '{}'", first.escape_debug()))?;
            (Receiver::One(user_id), &rest[name..])
        }
    };
    match words.trim() {
        "" => Err("say '/to INT|VIP|NICKNAME TEXT'".to_owned()),
        words => Ok((receiver, words)),
    }
}

/// Another one who is there and whose nickname fits, with its length in bytes.
fn present(view: &View, text: &str, fits: impl Fn(&str, &str) -> bool) -> Option<(UserId, usize)> {
    let there = view.participants().filter(|(_, who)| who.present && !who.own);
    let named = there.filter(|(_, who)| fits(who.nickname.reveal(), text));
    let named = named.map(|(user_id, who)| (user_id.clone(), who.nickname.reveal().len()));
    named.max_by_key(|(_, length)| *length)
}

fn custom(text: &str) -> Notification {
    Notification::new(NoticeType::UserCustom, text)
}

fn upload(name: &str, size: u64, document: Option<String>, permit: Option<String>) -> Upload {
    let upload = match document {
        Some(document) => Upload::stored(name, size, DocumentId::new(&document)),
        None => Upload::elsewhere(name, size, "elsewhere"),
    };
    match permit {
        Some(permit) => upload.permitted(Secret::new(&permit)),
        None => upload,
    }
}
