//! What is in a store for people. Nothing that came from outside reaches the output unescaped, so
//! that it cannot control a terminal.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use std::io::{self, Write};

use confer_core::ask::Loaded;
use confer_core::frame::{EventBody, KvList, Open, TranscriptEvent, UserType, Visibility};
use confer_core::id::UserId;
use confer_core::text::Text;
use confer_core::time::Stamp;
use confer_store::{ContactRow, InteractionRow, Purged, SessionRow};

use super::json::plain;

pub(super) fn session(out: &mut dyn Write, row: &SessionRow) -> io::Result<()> {
    let ended = row.end_at.map_or(Cow::Borrowed("open"), |at| Cow::Owned(at.to_string()));
    let owner = row.owner.as_deref().unwrap_or("nobody");
    let (session, owner) = (row.session.escape_debug(), owner.escape_debug());
    let (tenant, queue) = (row.tenant.escape_debug(), row.queue.escape_debug());
    writeln!(out, "{session}  {}  {ended:20}  {tenant}:{queue}  {owner}", row.start_at)
}

pub(super) fn interaction(out: &mut dyn Write, row: &InteractionRow) -> io::Result<()> {
    writeln!(out, "interaction {}", row.interaction.escape_debug())?;
    writeln!(out, "queue       {}:{}", row.tenant.escape_debug(), row.queue.escape_debug())?;
    let submitter = row.submitter.as_deref().unwrap_or("a server that is forgotten");
    writeln!(out, "submitted   {} by {}", row.submitted_at, submitter.escape_debug())?;
    match row.stopped_at {
        Some(at) => writeln!(out, "stopped     {at}")?,
        None => writeln!(out, "stopped     no")?,
    }
    list(out, &row.properties)
}

pub(super) fn contact(out: &mut dyn Write, row: &ContactRow) -> io::Result<()> {
    let tenant = row.tenant.escape_debug();
    writeln!(out, "{}  {}  tenant {tenant}", row.contact.escape_debug(), row.created_at)?;
    list(out, &row.attributes)
}

pub(super) fn purged(
    out: &mut dyn Write,
    purged: &Purged,
    before: Stamp,
    really: bool,
) -> io::Result<()> {
    let Purged { sessions, documents, interactions, contacts } = purged;
    let what = if really { "purged" } else { "would be purged (add --yes to do it)" };
    writeln!(out, "older than {before}: {what}")?;
    writeln!(out, "  sessions {sessions}, with {documents} documents")?;
    writeln!(out, "  interactions {interactions}")?;
    writeln!(out, "  contacts {contacts}, who have no session left")
}

pub(super) fn transcript(out: &mut dyn Write, loaded: &Loaded) -> io::Result<()> {
    let beginning = &loaded.beginning;
    writeln!(out, "session     {}", loaded.session.as_str().escape_debug())?;
    writeln!(out, "interaction {}", beginning.interaction.as_str().escape_debug())?;
    let (tenant, queue) = (beginning.tenant.escape_debug(), beginning.queue.escape_debug());
    writeln!(out, "queue       {tenant}:{queue}")?;
    if let Some(contact) = &beginning.contact {
        writeln!(out, "contact     {}", contact.as_str().escape_debug())?;
    }
    if let Some(subject) = &beginning.subject {
        writeln!(out, "subject     {}", words(subject))?;
    }
    writeln!(out, "started     {}", beginning.start_at)?;
    match loaded.end_at {
        Some(at) => writeln!(out, "ended       {at}")?,
        None => writeln!(out, "ended       no")?,
    }
    list(out, &beginning.user_data)?;
    let mut names = BTreeMap::new();
    for event in &loaded.events {
        if let Some(party) = &event.party {
            let name = party.user_nickname.reveal().escape_debug().to_string();
            names.insert(event.user_id.clone(), (name, party.user_type));
        }
        self::event(out, event, &names)?;
    }
    Ok(())
}

fn event(
    out: &mut dyn Write,
    event: &TranscriptEvent,
    names: &BTreeMap<UserId, (String, Open<UserType>)>,
) -> io::Result<()> {
    let name = |user: &UserId| match names.get(user) {
        Some((name, _)) => name.clone(),
        None => user.as_str().escape_debug().to_string(),
    };
    write!(out, "#{} +{}s ", event.event_id, event.time_shift)?;
    match event.visibility {
        Open::Known(Visibility::All) => {}
        Open::Known(other) => write!(out, "[{}] ", other.name())?,
        Open::Unknown(number) => write!(out, "[{number}] ")?,
    }
    write!(out, "{}", name(&event.user_id))?;
    let to = |receiver: &Option<UserId>| match receiver {
        Some(receiver) => format!(" to {}", name(receiver)),
        None => String::new(),
    };
    match &event.body {
        EventBody::NewParty(party) => {
            let kind = match names.get(&event.user_id) {
                Some((_, Open::Known(kind))) => kind.name(),
                Some((_, Open::Unknown(_))) | None => "of unknown type",
            };
            write!(out, " ({kind}) joins")?;
            said(out, party.message_text.as_ref())
        }
        EventBody::Message(message) => {
            write!(out, "{}", to(&message.receiver_id))?;
            said(out, Some(&message.message_text))
        }
        EventBody::Notice(notice) => {
            let kind = match notice.notice_type {
                Open::Known(kind) => Cow::Borrowed(kind.name()),
                Open::Unknown(number) => Cow::Owned(number.to_string()),
            };
            write!(out, "{} {kind}", to(&notice.receiver_id))?;
            said(out, notice.notice_text.as_ref())
        }
        EventBody::PartyLeft(left) => {
            write!(out, " leaves")?;
            if let Some(reason) = &left.reason_text {
                write!(out, " ({})", words(reason))?;
            }
            if left.asker_id != event.user_id {
                write!(out, " by {}", name(&left.asker_id))?;
            }
            said(out, left.message_text.as_ref())
        }
        EventBody::Unknown(kind) => writeln!(out, " does something unknown ({kind})"),
    }
}

fn said(out: &mut dyn Write, text: Option<&Text>) -> io::Result<()> {
    match text {
        Some(text) => writeln!(out, ": {}", words(text)),
        None => writeln!(out),
    }
}

/// A text on one line.
fn words(text: &Text) -> String {
    let escape = |character: char| {
        if character.is_control() {
            character.escape_debug().to_string()
        } else {
            character.to_string()
        }
    };
    text.reveal().chars().map(escape).collect()
}

fn list(out: &mut dyn Write, list: &KvList) -> io::Result<()> {
    for entry in list {
        writeln!(out, "    {} = {}", entry.key.escape_debug(), plain(&entry.value))?;
    }
    Ok(())
}
