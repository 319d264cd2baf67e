//! From events to a document.

use core::fmt::{self, Write as _};

use confer_core::frame::{
    EventBody, KvEntry, KvList, KvValue, Message, NewParty, Notice, NoticeType, Open, Party,
    PartyLeft, ProtocolType, TranscriptEvent, TreatAs, UserType, Visibility,
};
use confer_core::id::{EventId, SessionId};
use confer_core::text::Text;
use confer_core::time::Stamp;

use crate::error::{Unwritable, WriteError};
use crate::{MAX_DEPTH, MAX_KEY, MAX_SIZE, is_character, is_suspect};

/// Room for an event of ordinary length, in bytes.
const USUAL: usize = 256;

/// The document of these events, which are a session's stored ones in rising order of their ids.
///
/// # Errors
///
/// If the document could not be read back to the same events: they are not in order, or one of them
/// breaks a limit.
pub fn write(
    session_id: &SessionId,
    start_at: Stamp,
    events: &[TranscriptEvent],
) -> Result<String, WriteError> {
    write_within(MAX_SIZE, session_id, start_at, events)
}

pub(crate) fn write_within(
    limit: usize,
    session_id: &SessionId,
    start_at: Stamp,
    events: &[TranscriptEvent],
) -> Result<String, WriteError> {
    let mut pen = Pen { out: String::with_capacity(USUAL * (1 + events.len())), level: 0 };
    pen.out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    pen.begin("chatTranscript");
    pen.attribute("startAt", &start_at.written());
    pen.attribute("sessionId", session_id.as_str());
    let mut last = EventId::NONE;
    let inside = |pen: &mut Pen| {
        for event in events {
            let fail = |fault| WriteError { event: event.event_id, fault };
            if event.event_id <= last {
                return Err(fail(Unwritable::Order));
            }
            last = event.event_id;
            write_event(pen, event).map_err(fail)?;
            if pen.out.len() > limit {
                return Err(fail(Unwritable::TooLarge { limit }));
            }
        }
        Ok(())
    };
    pen.inside("chatTranscript", events.is_empty(), inside)?;
    if pen.out.len() > limit {
        return Err(WriteError { event: last, fault: Unwritable::TooLarge { limit } });
    }
    Ok(pen.out)
}

fn write_event(pen: &mut Pen, event: &TranscriptEvent) -> Result<(), Unwritable> {
    let name = match &event.body {
        EventBody::NewParty(_) => "newParty",
        EventBody::Message(_) => "message",
        EventBody::Notice(_) => "notice",
        EventBody::PartyLeft(_) => "partyLeft",
        EventBody::Unknown(_) => "event",
    };
    pen.begin(name);
    pen.attribute("userId", event.user_id.as_str());
    pen.number("timeShift", event.time_shift);
    pen.open("visibility", event.visibility, Visibility::name);
    pen.number("eventId", event.event_id.number());
    let attributes = event.event_attributes.as_ref();
    match &event.body {
        EventBody::NewParty(body) => {
            let party = event.party.as_ref().ok_or(Unwritable::NoParty)?;
            pen.inside(name, false, |pen| new_party(pen, party, body, attributes))
        }
        EventBody::Message(body) => {
            pen.optional(
                "receiverId",
                body.receiver_id.as_ref().map(confer_core::id::UserId::as_str),
            );
            pen.inside(name, false, |pen| message(pen, body, attributes))
        }
        EventBody::Notice(body) => {
            pen.optional(
                "receiverId",
                body.receiver_id.as_ref().map(confer_core::id::UserId::as_str),
            );
            pen.inside(name, false, |pen| notice(pen, body, attributes))
        }
        EventBody::PartyLeft(body) => {
            pen.attribute("askerId", body.asker_id.as_str());
            pen.inside(name, false, |pen| party_left(pen, body, attributes))
        }
        EventBody::Unknown(kind) => {
            pen.number("eventKind", kind);
            pen.inside(name, attributes.is_none(), |pen| {
                optional_list(pen, "eventAttributes", attributes)
            })
        }
    }
}

fn new_party(
    pen: &mut Pen,
    party: &Party,
    body: &NewParty,
    attributes: Option<&KvList>,
) -> Result<(), Unwritable> {
    pen.begin("userInfo");
    match body.person_id.as_ref().map(|id| id.reveal().as_str()) {
        None => pen.attribute("personId", ""),
        // The other way round than one would expect: what is given and empty is rare.
        Some("") => {}
        Some(id) => pen.attribute("personId", id),
    }
    pen.attribute("userNick", party.user_nickname.reveal());
    pen.open("userType", party.user_type, UserType::name);
    pen.open("protocolType", body.protocol_type, ProtocolType::name);
    if let Some(minutes) = body.time_zone_offset {
        pen.number("timeZoneOffset", minutes);
    }
    if let Some(version) = body.client_version {
        pen.number("clientVersion", version);
    }
    pen.nothing();
    optional_list(pen, "userData", body.user_data.as_ref())?;
    optional_list(pen, "eventAttributes", attributes)?;
    optional_text(pen, "msgText", body.message_text.as_ref());
    Ok(())
}

fn message(pen: &mut Pen, body: &Message, attributes: Option<&KvList>) -> Result<(), Unwritable> {
    pen.begin("msgText");
    pen.optional("msgType", body.message_type.as_deref());
    if let Some(treat_as) = body.treat_as {
        pen.open("treatAs", treat_as, TreatAs::name);
    }
    pen.text("msgText", body.message_text.reveal());
    optional_list(pen, "userData", body.user_data.as_ref())?;
    optional_list(pen, "eventAttributes", attributes)
}

fn notice(pen: &mut Pen, body: &Notice, attributes: Option<&KvList>) -> Result<(), Unwritable> {
    pen.begin("noticeText");
    pen.open("noticeType", body.notice_type, NoticeType::name);
    pen.text_or_absent("noticeText", body.notice_text.as_ref());
    optional_list(pen, "userData", body.user_data.as_ref())?;
    optional_list(pen, "eventAttributes", attributes)
}

fn party_left(
    pen: &mut Pen,
    body: &PartyLeft,
    attributes: Option<&KvList>,
) -> Result<(), Unwritable> {
    pen.begin("reason");
    if let Some(code) = body.reason_code {
        pen.number("code", code);
    }
    pen.text_or_absent("reason", body.reason_text.as_ref());
    optional_text(pen, "msgText", body.message_text.as_ref());
    optional_list(pen, "eventAttributes", attributes)
}

fn optional_text(pen: &mut Pen, name: &str, text: Option<&Text>) {
    if let Some(text) = text {
        pen.begin(name);
        pen.text(name, text.reveal());
    }
}

fn optional_list(
    pen: &mut Pen,
    name: &'static str,
    list: Option<&KvList>,
) -> Result<(), Unwritable> {
    let Some(list) = list else { return Ok(()) };
    pen.begin(name);
    write_list(pen, name, list, 1)
}

/// The rest of an element that holds a list, `depth` lists deep, itself included.
fn write_list(
    pen: &mut Pen,
    name: &'static str,
    list: &KvList,
    depth: usize,
) -> Result<(), Unwritable> {
    if depth > MAX_DEPTH {
        return Err(Unwritable::TooDeep);
    }
    pen.inside(name, list.is_empty(), |pen| {
        list.into_iter().try_for_each(|entry| write_item(pen, entry, depth))
    })
}

fn write_item(pen: &mut Pen, entry: &KvEntry, depth: usize) -> Result<(), Unwritable> {
    if !(1..=MAX_KEY).contains(&entry.key.len()) {
        return Err(Unwritable::KeyLength);
    }
    pen.begin("item");
    pen.key(&entry.key);
    match &entry.value {
        KvValue::Int(number) => pen.item("int", |out| write!(out, "{number}")),
        KvValue::Long(number) => pen.item("long", |out| write!(out, "{number}")),
        KvValue::Str(text) => {
            pen.attribute("type", "string");
            pen.text("item", text.reveal());
        }
        KvValue::Bin(bytes) if bytes.reveal().is_empty() => {
            pen.attribute("type", "binary");
            pen.nothing();
        }
        KvValue::Bin(bytes) => pen.item("binary", |out| {
            bytes.reveal().iter().try_for_each(|byte| write!(out, "{byte:02x}"))
        }),
        KvValue::List(list) => {
            pen.attribute("type", "kvlist");
            write_list(pen, "item", list, depth + 1)?;
        }
    }
    Ok(())
}

/// Writes elements, each on lines of its own, two blanks further in than the one it stands in.
struct Pen {
    out: String,
    level: usize,
}

impl Pen {
    /// Begins an element's first tag; attributes may follow, then its end in one of several forms.
    fn begin(&mut self, name: &str) {
        self.indent();
        self.out.push('<');
        self.out.push_str(name);
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.begin_value(name);
        escape(value, is_special_in_attributes, &mut self.out);
        self.out.push('"');
    }

    fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.attribute(name, value);
        }
    }

    fn number(&mut self, name: &str, number: impl fmt::Display) {
        self.begin_value(name);
        // Cannot fail: a string takes whatever is written.
        let _ = write!(self.out, "{number}\"");
    }

    /// A value of an enumeration by its name; one that has none here by its number.
    fn open<T: Copy>(&mut self, name: &str, value: Open<T>, name_of: fn(T) -> &'static str) {
        match value {
            Open::Known(value) => self.attribute(name, name_of(value)),
            Open::Unknown(number) => self.number(name, number),
        }
    }

    /// The key of an item. What replaces a character may be longer than the character was, and the
    /// key with it longer than a key may be: then its end is left out.
    fn key(&mut self, key: &str) {
        if !key.bytes().any(is_suspect) {
            return self.attribute("key", key);
        }
        let mut carried: String = key.chars().map(carried).collect();
        while carried.len() > MAX_KEY {
            carried.pop();
        }
        self.attribute("key", &carried);
    }

    /// Ends an element that has nothing inside.
    fn nothing(&mut self) {
        self.out.push_str("/>\n");
    }

    /// Ends an element that has elements inside, or would have.
    fn inside<E>(
        &mut self,
        name: &str,
        is_empty: bool,
        inside: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        if is_empty {
            self.nothing();
            return Ok(());
        }
        self.out.push_str(">\n");
        self.level += 1;
        inside(self)?;
        self.level -= 1;
        self.indent();
        self.end(name);
        Ok(())
    }

    /// Ends an element that has text inside.
    fn text(&mut self, name: &str, text: &str) {
        if text.is_empty() {
            return self.nothing();
        }
        self.out.push('>');
        escape(text, is_special_in_texts, &mut self.out);
        self.end(name);
    }

    /// Ends an element that is there even if its text is not.
    fn text_or_absent(&mut self, name: &str, text: Option<&Text>) {
        if let Some(text) = text {
            return self.text(name, text.reveal());
        }
        self.attribute("absent", "true");
        self.nothing();
    }

    /// Ends an item whose value, never empty, has no special characters.
    fn item(&mut self, kind: &str, value: impl FnOnce(&mut String) -> fmt::Result) {
        self.attribute("type", kind);
        self.out.push('>');
        // Cannot fail: a string takes whatever is written.
        let _ = value(&mut self.out);
        self.end("item");
    }

    fn begin_value(&mut self, name: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
    }

    fn end(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push_str(">\n");
    }

    fn indent(&mut self) {
        (0..self.level).for_each(|_| self.out.push_str("  "));
    }
}

const fn is_special_in_texts(byte: u8) -> bool {
    matches!(byte, b'&' | b'<' | b'>' | b'\r') || is_suspect(byte)
}

const fn is_special_in_attributes(byte: u8) -> bool {
    matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\t' | b'\n' | b'\r') || is_suspect(byte)
}

/// Writes characters so that a reader of XML gets them back, all but those it cannot.
fn escape(text: &str, is_special: impl Fn(u8) -> bool + Copy, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(is_special) {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = from.chars();
        match characters.next() {
            Some('&') => out.push_str("&amp;"),
            Some('<') => out.push_str("&lt;"),
            Some('>') => out.push_str("&gt;"),
            Some('"') => out.push_str("&quot;"),
            Some('\t') => out.push_str("&#9;"),
            Some('\n') => out.push_str("&#10;"),
            Some('\r') => out.push_str("&#13;"),
            Some(character) => out.push(carried(character)),
            None => {}
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
}

/// The character, or what stands for it if XML has no such character.
const fn carried(character: char) -> char {
    if is_character(character) { character } else { char::REPLACEMENT_CHARACTER }
}

#[cfg(test)]
mod tests;
