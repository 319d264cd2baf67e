//! Saying something in a session: messages and notices, from whichever protocol they come.

use crate::ask::LeafKind;
use crate::frame::{ErrorId, KvList, NoticeType, TreatAs, Visibility, basic, flex};
use crate::id::{EventId, UserId};
use crate::refusal::Refusal;
use crate::session::Session;
use crate::session::keys::{Done, Kind, Person};
use crate::session::language::Language;
use crate::session::outbox::{Answer, Step};
use crate::session::roster::PartyNo;
use crate::session::transcript::{GCTI_SYSTEM, More, READ_CONFIRM, What, Words};
use crate::session::view::Viewer;
use crate::session::visibility::{self, Audience};
use crate::slab::Key;
use crate::text::{Str, Text};

use super::Server;
use super::files::{Command, Deed};

/// User data of a read confirmation (B7.4).
const LAST_EVENT_ID: &str = "last-event-id";
/// The command that changes the session's language (B7.4).
const CONFIGURE_SESSION: &str = "configure-session";
/// How deep lists may nest that travel on in a transcript (B17.5).
const MAX_DEPTH: usize = 14;
/// The largest content of a rich message, in bytes (B7.7).
const MAX_CONTENT: usize = 65_536;

/// What somebody says, whatever the request was.
#[derive(Debug)]
pub(super) struct Said {
    /// Who says it, and the key that lets them say it once only (B4.8).
    pub(super) once: Option<(Person, Str)>,
    /// A message, or a notice of this type.
    pub(super) notice: Option<NoticeType>,
    pub(super) text: Option<Text>,
    pub(super) visibility: Option<Visibility>,
    receiver_id: Option<UserId>,
    message_type: Option<Str>,
    treat_as: Option<TreatAs>,
    pub(super) user_data: Option<KvList>,
    event_attributes: Option<KvList>,
    /// What it does to the session's files (§22).
    pub(super) deed: Option<Deed>,
}

impl Said {
    pub(super) fn message(message: basic::RequestMessage, person: impl FnOnce() -> Person) -> Self {
        Self {
            once: message.request_key.map(|key| (person(), key)),
            notice: None,
            text: Some(message.message_text),
            visibility: message.visibility,
            receiver_id: message.receiver_id,
            message_type: message.message_type,
            treat_as: message.treat_as,
            user_data: message.user_data,
            event_attributes: message.event_attributes,
            deed: None,
        }
    }

    pub(super) fn flex_message(
        refresh: flex::RequestRefresh,
        person: impl FnOnce() -> Person,
    ) -> Self {
        Self {
            once: refresh.request_key.map(|key| (person(), key)),
            notice: None,
            text: refresh.message_text,
            visibility: None,
            receiver_id: None,
            message_type: refresh.message_type,
            treat_as: None,
            user_data: refresh.user_data,
            event_attributes: refresh.event_attributes,
            deed: None,
        }
    }

    pub(super) fn flex_notice(
        notify: flex::RequestNotify,
        person: impl FnOnce() -> Person,
    ) -> Self {
        Self {
            once: notify.request_key.map(|key| (person(), key)),
            notice: Some(notify.notice_type),
            text: notify.notice_text,
            visibility: None,
            receiver_id: None,
            message_type: None,
            treat_as: None,
            user_data: notify.user_data,
            event_attributes: notify.event_attributes,
            deed: None,
        }
    }

    pub(super) fn notice(notify: basic::RequestNotify, person: impl FnOnce() -> Person) -> Self {
        Self {
            once: notify.request_key.map(|key| (person(), key)),
            notice: Some(notify.notice_type),
            text: notify.notice_text,
            visibility: notify.visibility,
            receiver_id: notify.receiver_id,
            message_type: None,
            treat_as: None,
            user_data: notify.user_data,
            event_attributes: notify.event_attributes,
            deed: None,
        }
    }
}

impl Server {
    /// Says something, and answers once it may be told.
    pub(super) fn say(
        &mut self,
        key: Key<Session>,
        party: PartyNo,
        said: Said,
        answer: Answer,
    ) -> Result<(), Refusal> {
        let Some(session) = self.sessions.get(key) else { return Ok(()) };
        // A file that waited for the document store has its place already.
        if said.deed.is_none() && session.outbox.is_full() {
            return Err(ErrorId::StoreUnavailable.into());
        }
        match Command::of(&said).filter(|_| said.deed.is_none()) {
            None => self.say_plainly(key, party, said, answer),
            Some(command) => match self.file_command(key, party, command, said, answer)? {
                Some((said, answer)) => self.say_plainly(key, party, said, answer),
                None => Ok(()),
            },
        }
    }

    /// Says what is no command about files any more.
    fn say_plainly(
        &mut self,
        key: Key<Session>,
        party: PartyNo,
        mut said: Said,
        answer: Answer,
    ) -> Result<(), Refusal> {
        let Some(session) = self.sessions.get(key) else { return Ok(()) };
        if !session.has_room(&self.config.limits) {
            return Err(ErrorId::LimitReached.into());
        }
        let speaker = session.roster.party(party);
        let viewer = Viewer::new(party, speaker);
        let own = speaker.visibility;
        let visibility = said.visibility.unwrap_or(own);
        if !visibility::may_say(speaker.user_type, own, visibility) {
            return Err(ErrorId::Visibility.into());
        }
        if !viewer.knows_event_attributes() {
            said.event_attributes = None;
        }
        let receiver = match (&said.deed, &said.receiver_id) {
            (Some(Deed::Delete { receiver, .. }), _) => *receiver,
            (_, None) => None,
            (_, Some(user_id)) => Some(receiver(session, party, user_id)?),
        };
        // What the server adds of a file does not count.
        if said.deed.is_none() {
            self.config_allows_user_data(said.user_data.as_ref())?;
        }
        self.config_allows_attributes(said.event_attributes.as_ref())?;
        match said.notice {
            None => self.config_allows_text(said.text.as_ref())?,
            Some(notice) => self.check_notice(session, viewer, notice, &said)?,
        }
        let language = said.language()?;
        if said.passes() && self.has_no_id(session) {
            return self.answer_later(key, answer);
        }

        let stamp = self.stamp();
        let Some(session) = self.sessions.get_mut(key) else { return Ok(()) };
        let before = session.transcript.last();
        let audience = Audience { sender: party, receiver, visibility };
        let said_notice = said.notice;
        let kind = if said.notice.is_some() { Kind::Notify } else { Kind::Message };
        let (once, deed) = (said.once.take(), said.deed.take());
        let to = session.happen(self.masker.as_ref(), audience, said.into_what(), stamp);
        if let Some(deed) = deed {
            deed.done(session, party, to);
        }
        if let Some((person, key)) = once {
            let place = session.keys.note(person, Done { key, kind, party, after: before, to });
            session.dossier.mark(LeafKind::RequestKey, place);
        }
        if let Some(language) = language {
            session.language = language;
            session.dossier.mark(LeafKind::Session, 0);
        }
        let renames = said_notice == Some(NoticeType::UserUpdateNick);
        self.commit(key, Step { renames, ..Step::new(before, to, Some(answer)) });
        Ok(())
    }

    /// What a notice of each type needs (B7.1–B7.5).
    fn check_notice(
        &self,
        session: &Session,
        viewer: Viewer,
        notice: NoticeType,
        said: &Said,
    ) -> Result<(), Refusal> {
        let text = said.text.as_ref().map_or("", |text| text.reveal());
        self.config_allows_notice(notice, text)?;
        // Newer than what the client said it knows (B6.2).
        if !viewer.knows_notice(notice) {
            return Err(ErrorId::NoticeNotAllowed.into());
        }
        match notice {
            NoticeType::UserCustom
            | NoticeType::UserPushedUrl
            | NoticeType::UserTypingStarted
            | NoticeType::UserTypingStopped => Ok(()),
            NoticeType::UserUpdateNick => super::basic::nickname(text).map(|_| ()),
            NoticeType::SysCommand if text == READ_CONFIRM => {
                check_read_confirm(session, viewer, said.user_data.as_ref())
            }
            NoticeType::SysCommand if text == CONFIGURE_SESSION => Ok(()),
            // What it needs was looked at before.
            NoticeType::SysCommand if said.deed.is_some() => Ok(()),
            NoticeType::IdleControlAlert
            | NoticeType::IdleControlClose
            | NoticeType::IdleControlSet
            | NoticeType::SysCommand => Err(ErrorId::NoticeNotAllowed.into()),
        }
    }

    /// A message text within its limit (B5.6).
    pub(super) fn config_allows_text(&self, text: Option<&Text>) -> Result<(), Refusal> {
        short_enough(text, self.config.limits.message_max_size)
    }

    /// A notice text within its limit, and a pushed URL that is one (B7.1, B17.4).
    pub(super) fn config_allows_notice(
        &self,
        notice: NoticeType,
        text: &str,
    ) -> Result<(), Refusal> {
        if text.chars().count() > self.config.limits.notice_max_size as usize {
            return Err(ErrorId::TextTooLong.into());
        }
        if notice == NoticeType::UserPushedUrl && !is_web_address(text) {
            return Err(Refusal::because(ErrorId::Malformed, "NoticeText is no http or https URL"));
        }
        Ok(())
    }

    /// A subject within its limit (B17.4).
    pub(super) fn config_allows_subject(&self, subject: Option<&Text>) -> Result<(), Refusal> {
        short_enough(subject, self.config.limits.subject_max_size)
    }

    /// User data within its limits (B17.4, B17.5).
    pub(super) fn config_allows_user_data(&self, data: Option<&KvList>) -> Result<(), Refusal> {
        within(data, self.config.limits.user_data_max_size)
    }

    /// Event attributes within their limits, and rich content that can be read (B7.7, B17.4, B17.5).
    pub(super) fn config_allows_attributes(
        &self,
        attributes: Option<&KvList>,
    ) -> Result<(), Refusal> {
        within(attributes, self.config.limits.event_attributes_max_size)?;
        // The server may have to add its own list.
        if attributes
            .is_some_and(|attributes| attributes.len() >= crate::session::newcomer::MAX_ENTRIES)
        {
            return Err(ErrorId::LimitReached.into());
        }
        let rich = attributes.and_then(|attributes| attributes.list("structured-content"));
        for origin in rich.into_iter().flatten() {
            let crate::frame::KvValue::List(inside) = &origin.value else { continue };
            let Some(content) = inside.value("content") else { continue };
            let crate::frame::KvValue::Str(content) = content else {
                return Err(Refusal::because(ErrorId::Malformed, "content is no text"));
            };
            if content.reveal().len() > MAX_CONTENT {
                return Err(Refusal::because(ErrorId::Malformed, "content is larger than 64 KiB"));
            }
            if !super::json::is_json(content.reveal()) {
                return Err(Refusal::because(ErrorId::Malformed, "content is no JSON"));
            }
        }
        Ok(())
    }
}

impl Said {
    /// The language this puts the session into, if it is about that (B16.3).
    fn language(&self) -> Result<Option<Language>, Refusal> {
        let text = self.text.as_ref().map_or("", |text| text.reveal());
        if self.notice != Some(NoticeType::SysCommand) || text != CONFIGURE_SESSION {
            return Ok(None);
        }
        Language::commanded(self.user_data.as_ref().unwrap_or(&KvList::new())).map(Some)
    }

    /// Whether it is one of those of which only the newest counts (B5.4).
    fn passes(&self) -> bool {
        match self.notice {
            Some(NoticeType::UserTypingStarted | NoticeType::UserTypingStopped) => true,
            Some(NoticeType::SysCommand) => {
                self.text.as_ref().is_some_and(|text| text.reveal() == READ_CONFIRM)
            }
            Some(
                NoticeType::UserCustom
                | NoticeType::UserPushedUrl
                | NoticeType::UserUpdateNick
                | NoticeType::IdleControlAlert
                | NoticeType::IdleControlClose
                | NoticeType::IdleControlSet,
            )
            | None => false,
        }
    }

    fn into_what(self) -> What {
        let event_attributes = self.event_attributes.as_ref().map(without_system);
        let more = More {
            original: None,
            message_type: self.message_type,
            treat_as: self.treat_as,
            user_data: self.user_data,
            event_attributes: event_attributes.filter(|attributes| !attributes.is_empty()),
            deleted: None,
        };
        match (self.notice, self.text) {
            (None, text) => What::Message(Words::new(text.unwrap_or_else(|| Text::new("")), more)),
            (Some(notice), Some(text)) => What::Notice(notice, Some(Words::new(text, more))),
            (Some(notice), None) if more.user_data.is_none() && more.event_attributes.is_none() => {
                What::Notice(notice, None)
            }
            (Some(notice), None) => What::Notice(notice, Some(Words::new(Text::new(""), more))),
        }
    }
}

/// Attributes without what only the server writes (B7.7).
pub(super) fn without_system(attributes: &KvList) -> KvList {
    let mut attributes = attributes.clone();
    attributes.retain(|entry| &*entry.key != GCTI_SYSTEM);
    attributes
}

/// The other of a direct event: each must be able to see the other's newParty (B7.6).
fn receiver(session: &Session, sender: PartyNo, user_id: &UserId) -> Result<PartyNo, Refusal> {
    let receiver = super::create::other(session, user_id).ok_or(ErrorId::Receiver)?;
    let (from, to) = (session.roster.party(sender), session.roster.party(receiver));
    if visibility::reaches(from.user_type, to.visibility)
        && visibility::reaches(to.user_type, from.visibility)
    {
        Ok(receiver)
    } else {
        Err(ErrorId::Receiver.into())
    }
}

/// The event that was read exists, and the reader could see it (B7.4).
fn check_read_confirm(
    session: &Session,
    viewer: Viewer,
    user_data: Option<&KvList>,
) -> Result<(), Refusal> {
    let read = user_data.and_then(|data| data.text(LAST_EVENT_ID));
    let read = read.and_then(|read| read.parse().ok()).and_then(EventId::new);
    let entry = read.and_then(|read| session.transcript.entry(read));
    match entry.and_then(|entry| viewer.event(entry, &session.roster)) {
        Some(_) => Ok(()),
        None => {
            Err(Refusal::because(ErrorId::Malformed, "last-event-id names no event you can see"))
        }
    }
}

/// Has at most so many characters, which are counted only if the bytes are more.
fn short_enough(text: Option<&Text>, limit: u32) -> Result<(), Refusal> {
    let limit = limit as usize;
    match text {
        Some(text) if text.reveal().len() > limit && text.chars() > limit => {
            Err(ErrorId::TextTooLong.into())
        }
        Some(_) | None => Ok(()),
    }
}

fn within(list: Option<&KvList>, limit: u32) -> Result<(), Refusal> {
    let Some(list) = list else { return Ok(()) };
    if list.depth() > MAX_DEPTH {
        return Err(Refusal::because(ErrorId::LimitReached, "lists nest more than 14 levels deep"));
    }
    if list.size() > limit as usize { Err(ErrorId::LimitReached.into()) } else { Ok(()) }
}

/// An absolute web address: a scheme, a host, and no blank or control character (B7.1).
fn is_web_address(text: &str) -> bool {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
        && !host.is_empty()
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}
