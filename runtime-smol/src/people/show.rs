//! A chat as it is printed: lines for people, or one JSON object a line for programs.

use confer_core::client::{End, FileAnswer, Participant, View};
use confer_core::frame::{EventBody, NoticeType, Open, TranscriptEvent, Visibility};
use confer_core::id::UserId;
use confer_core::text::Text;
use confer_core::time::Stamp;
use serde_json::{Map, Value as Json, json};

use super::clean::{clean, clean_line};
use super::{Format, refusal};

/// Something to be printed: the line for people, and the one for programs.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Empty: nothing for people.
    text: String,
    json: Json,
    /// Whether it is this client's own doing.
    pub(super) own: bool,
}

impl Line {
    fn new(text: String, json: Json) -> Self {
        Self { text, json, own: false }
    }

    /// What is printed; empty: nothing.
    pub(super) fn printed(&self, format: Format) -> String {
        match format {
            Format::Text => self.text.clone(),
            Format::Json => plain(&self.json.to_string()),
        }
    }

    /// What others said or did, in words.
    pub(super) fn words(&self) -> &str {
        if self.own { "" } else { &self.text }
    }
}

/// JSON allows some control characters as they are; a terminal does not.
fn plain(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_control() {
            line.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            line.push(character);
        }
    }
    line
}

/// An event of the transcript.
pub(super) fn event(view: &View, event: &TranscriptEvent) -> Line {
    let who = view.participant(&event.user_id);
    let name = name(view, &event.user_id);
    let time = time(view, event.time_shift);
    let visibility = event.visibility.known().unwrap_or(Visibility::All);
    let (kind, text, words, to) = match &event.body {
        EventBody::NewParty(new) => {
            let greeting = new.message_text.as_ref().map_or("", |text| text.reveal());
            let said = if greeting.is_empty() { "" } else { ": " };
            let kind = who.map_or("", |who| if who.bot { "BOT" } else { who.user_type.name() });
            let line =
                format!("* {name} is here ({kind}{}){said}{}", how(visibility), clean(greeting));
            ("new-party", line, greeting, None)
        }
        EventBody::Message(message) => {
            let to = message.receiver_id.as_ref();
            let words = message.message_text.reveal();
            let mark = mark(view, visibility, to);
            ("message", format!("{name}{mark}: {}", clean(words)), words, to)
        }
        EventBody::Notice(notice) => {
            let to = notice.receiver_id.as_ref();
            let words = notice.notice_text.as_ref().map_or("", |text| text.reveal());
            let mark = mark(view, visibility, to);
            ("notice", format!("* {name}{mark} {}", deed(view, event, words)), words, to)
        }
        EventBody::PartyLeft(left) => {
            let why = left.reason_text.as_ref().map_or("left", |text| text.reveal());
            let parting = left.message_text.as_ref().map_or("", |text| text.reveal());
            let said = if parting.is_empty() { "" } else { ": " };
            let line = format!("* {name} is gone ({}){said}{}", clean_line(why), clean(parting));
            ("party-left", line, parting, None)
        }
        EventBody::Unknown(_) => ("unknown", String::new(), "", None),
    };
    let clock = time.map_or_else(String::new, |time| time.written()[11..19].to_owned());
    let mut json = json!({
        "type": kind,
        "id": event.event_id.number(),
        "time": time.map(|time| time.written().to_string()),
        "from": who.map(|who| who.nickname.reveal().as_str()),
        "user_type": who.map(|who| who.user_type.name()),
        "own": who.is_some_and(|who| who.own),
        "visibility": visibility.name(),
        "text": words,
    });
    if let Some(object) = json.as_object_mut() {
        more(object, view, event, to);
    }
    let own = who.is_some_and(|who| who.own);
    Line { own, ..Line::new(format!("{clock} {text}"), json) }
}

/// What only some events have.
fn more(object: &mut Map<String, Json>, view: &View, event: &TranscriptEvent, to: Option<&UserId>) {
    if let Some(to) = to {
        object.insert(
            "to".to_owned(),
            json!(view.participant(to).map(|to| to.nickname.reveal().as_str())),
        );
    }
    match &event.body {
        EventBody::Notice(notice) => {
            let known = notice.notice_type.known().map(NoticeType::name);
            object.insert("notice".to_owned(), json!(known));
        }
        EventBody::PartyLeft(left) => {
            object.insert("reason".to_owned(), json!(left.reason_code));
        }
        EventBody::NewParty(_) | EventBody::Message(_) | EventBody::Unknown(_) => {}
    }
    if let Some(file) = view.files().find(|file| file.event_id == event.event_id) {
        let file = json!({ "id": file.file_id.as_str(), "name": &**file.name.reveal(), "size": file.size });
        object.insert("file".to_owned(), file);
    }
}

/// What a notice says, behind its sender's name.
fn deed(view: &View, event: &TranscriptEvent, words: &str) -> String {
    let EventBody::Notice(notice) = &event.body else { return String::new() };
    match notice.notice_type {
        Open::Known(NoticeType::UserPushedUrl) => format!("shows {}", clean_line(words)),
        Open::Known(NoticeType::UserUpdateNick) => "has this name from now on".to_owned(),
        Open::Known(NoticeType::UserCustom) => format!("notes: {}", clean(words)),
        Open::Known(
            NoticeType::IdleControlAlert
            | NoticeType::IdleControlClose
            | NoticeType::IdleControlSet,
        ) => format!("says: {}", clean(words)),
        Open::Known(NoticeType::SysCommand) => match words {
            "file-deleted" => "has deleted a file".to_owned(),
            _ => match view.files().find(|file| file.event_id == event.event_id) {
                Some(file) => {
                    let (name, id) = (clean_line(file.name.reveal()), file.file_id);
                    format!(
                        "has stored {name}, {} bytes (file {})",
                        file.size,
                        clean_line(id.as_str())
                    )
                }
                None => format!("commands: {}", clean_line(words)),
            },
        },
        Open::Known(NoticeType::UserTypingStarted | NoticeType::UserTypingStopped)
        | Open::Unknown(_) => clean_line(words),
    }
}

/// Everybody who is there.
pub(super) fn roster(view: &View) -> Vec<String> {
    let there = view.participants().filter(|(_, who)| who.present);
    there
        .map(|(user_id, who)| {
            let kind = if who.bot { "BOT" } else { who.user_type.name() };
            let own = if who.own { ", you" } else { "" };
            let read =
                who.read_up_to.map_or_else(String::new, |id| format!(", has read up to {id}"));
            format!("{} ({kind}{}{own}{read})", name(view, user_id), how(who.visibility))
        })
        .collect()
}

/// Every file.
pub(super) fn files(view: &View) -> Vec<String> {
    let line = |file: confer_core::client::File| {
        let deleted = if file.deleted { ", deleted" } else { "" };
        let (name, id) = (clean_line(file.name.reveal()), clean_line(file.file_id.as_str()));
        format!("{id} {name}, {} bytes{deleted}", file.size)
    };
    view.files().map(line).collect()
}

/// Somebody types, or stopped.
pub(super) fn typing(view: &View, user_id: &UserId) -> Option<Line> {
    let who = view.participant(user_id)?;
    let words = who.typing.as_ref().map(Text::reveal);
    let text = match words {
        // That somebody stopped shows by itself.
        None => String::new(),
        Some("") => format!("         ... {} types", name(view, user_id)),
        Some(words) => format!("         ... {} types: {}", name(view, user_id), clean_line(words)),
    };
    let from = who.nickname.reveal().as_str();
    let json = json!({ "type": "typing", "from": from, "own": who.own, "typing": words.is_some(), "text": words });
    Some(Line { own: who.own, ..Line::new(text, json) })
}

/// Somebody has read further.
pub(super) fn read(view: &View, user_id: &UserId) -> Option<Line> {
    let Participant { read_up_to, own, nickname, .. } = view.participant(user_id)?;
    let id = read_up_to.as_ref()?.number();
    let text = format!("         ... {} has read this", name(view, user_id));
    let json = json!({ "type": "read", "from": nickname.reveal().as_str(), "own": own, "id": id });
    Some(Line { own: *own, ..Line::new(text, json) })
}

/// Whether somebody watches unseen.
pub(super) fn monitored(view: &View) -> Line {
    let text = if view.monitored() { "watched" } else { "no longer watched" };
    let json = json!({ "type": "monitored", "monitored": view.monitored() });
    Line::new(format!("         ... the session is {text}"), json)
}

/// A question about files is answered.
pub(super) fn answer(answer: &FileAnswer) -> Line {
    match answer {
        FileAnswer::Limits(limits) => {
            let text = format!(
                "         ... {} of {} files, {} of {} bytes, {} at most each ({}); {} of {} downloads",
                limits.used_files,
                limits.max_files,
                limits.used_total_size,
                limits.max_total_size,
                limits.max_file_size,
                clean_line(&limits.file_types),
                limits.used_downloads,
                limits.max_downloads,
            );
            let json = json!({
                "type": "file-limits",
                "max_files": limits.max_files,
                "max_file_size": limits.max_file_size,
                "max_total_size": limits.max_total_size,
                "file_types": &*limits.file_types,
                "needs_agent": limits.needs_agent,
                "max_downloads": limits.max_downloads,
                "used_files": limits.used_files,
                "used_total_size": limits.used_total_size,
                "used_downloads": limits.used_downloads,
            });
            Line::new(text, json)
        }
        FileAnswer::Upload(given) => {
            let (permit, life) = (given.permit.reveal(), given.life);
            let text = format!("         ... store it with permit {permit}, good for {life} s");
            Line::new(text, json!({ "type": "file-upload", "permit": permit, "life": life }))
        }
        FileAnswer::Download(given) => {
            let (permit, life) = (given.permit.reveal(), given.life);
            let text = format!("         ... fetch it with permit {permit}, good for {life} s");
            let file = given.file_id.as_str();
            let json =
                json!({ "type": "file-download", "permit": permit, "life": life, "file": file });
            Line::new(text, json)
        }
    }
}

/// One is in.
pub(super) fn joined(session: &str) -> Line {
    Line::new(String::new(), json!({ "type": "joined", "session": session }))
}

/// Something said is no event.
pub(super) fn not_sent(error_id: i32, why: &str) -> Line {
    let json = json!({ "type": "not-sent", "error": error_id, "text": why });
    Line::new(String::new(), json)
}

/// Whether there is a connection.
pub(super) fn connected(there: bool) -> Line {
    Line::new(String::new(), json!({ "type": if there { "online" } else { "offline" } }))
}

/// It is over.
pub(super) fn over(end: End) -> Line {
    Line::new(String::new(), json!({ "type": "over", "how": how_it_ended(end) }))
}

/// In a few words.
pub(super) fn how_it_ended(end: End) -> String {
    match end {
        End::Left => "you have left".to_owned(),
        End::Removed => "you were removed".to_owned(),
        End::Closed => "the session is closed".to_owned(),
        End::Gone => "the server knows no such session".to_owned(),
        End::LoggedOut => "you were logged out".to_owned(),
        End::WrongSecureKey => "the server did not believe who you are".to_owned(),
        End::Refused(error_id) => format!("not let in: {}", refusal(error_id)),
    }
}

/// How somebody takes part, if that is special.
const fn how(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::All => "",
        Visibility::Int => ", coaching",
        Visibility::Vip => ", watching",
    }
}

/// Who else can see something.
fn mark(view: &View, visibility: Visibility, to: Option<&UserId>) -> String {
    match (to, visibility) {
        (Some(to), _) => format!(" (to {} only)", name(view, to)),
        (None, Visibility::All) => String::new(),
        (None, Visibility::Int) => " (to agents)".to_owned(),
        (None, Visibility::Vip) => " (to supervisors)".to_owned(),
    }
}

fn name(view: &View, user_id: &UserId) -> String {
    let who = view.participant(user_id);
    who.map_or_else(|| "somebody".to_owned(), |who| clean_line(who.nickname.reveal()))
}

fn time(view: &View, shift: u32) -> Option<Stamp> {
    let began = view.start_at()?.as_unix_seconds();
    Some(Stamp::from_unix_seconds(began.saturating_add(shift.into())))
}
