//! From a document to events.

use std::borrow::Cow;

use confer_core::frame::{
    EventBody, EventKind, KvEntry, KvList, KvValue, Message, NewParty, Notice, NoticeType, Open,
    Party, PartyLeft, ProtocolType, TranscriptEvent, TreatAs, UserType, Visibility,
};
use confer_core::id::{EventId, UserId};
use confer_core::pii::Pii;
use confer_core::text::{Str, Text};
use confer_core::time::Stamp;

use crate::error::{Fault, ReadError};
use crate::tokens::{Failed, Tag, Token, Tokens};
use crate::{MAX_DEPTH, MAX_KEY, MAX_SIZE, Transcript};

/// The transcript a document holds.
///
/// Elements and attributes that mean nothing where they stand are skipped. Reading takes at most 16
/// times the document's bytes of memory, and time in proportion to them.
///
/// # Errors
///
/// The first thing that is wrong: see [`Fault`].
pub fn read(document: &str) -> Result<Transcript, ReadError> {
    read_within(MAX_SIZE, document)
}

pub(crate) fn read_within(limit: usize, document: &str) -> Result<Transcript, ReadError> {
    if document.len() > limit {
        return Err(ReadError { line: 1, column: 1, fault: Fault::TooLarge { limit } });
    }
    // The byte order mark is no part of the text.
    let document = document.strip_prefix('\u{feff}').unwrap_or(document);
    let read = Reader { tokens: Tokens::new(document) }.document();
    read.map_err(|Failed { at, fault }| {
        let before = document.get(..at).unwrap_or(document);
        let line = before.rsplit('\n').next().unwrap_or(before);
        ReadError {
            line: 1 + before.matches('\n').count(),
            column: 1 + line.chars().count(),
            fault,
        }
    })
}

const NUMBER_32: &str = "a whole number of 32 bits";
const NUMBER_64: &str = "a whole number of 64 bits";
const USER_TYPES: &str = "CLIENT, AGENT, SUPERVISOR, EXTERNAL, SYSTEM or a number";
const NOTICE_TYPES: &str = "the name of a notice, such as USER_PUSHED_URL, or a number";

struct Reader<'a> {
    tokens: Tokens<'a>,
}

/// What may stand inside of an event, whatever its kind.
#[derive(Default)]
struct Inside<'a> {
    user_info: Option<(Party, NewParty)>,
    msg_text: Option<Words<'a>>,
    notice_text: Option<(Open<NoticeType>, Option<Text>)>,
    reason: Option<(Option<i32>, Option<Text>)>,
    user_data: Option<KvList>,
    event_attributes: Option<KvList>,
}

/// A msgText.
struct Words<'a> {
    text: Cow<'a, str>,
    message_type: Option<Str>,
    treat_as: Option<Open<TreatAs>>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Transcript, Failed> {
        let root = loop {
            match self.tokens.next()? {
                Token::Open(tag) if tag.name() == "chatTranscript" => break tag,
                Token::Text(text) if is_blank(&text) => {}
                Token::Open(_) | Token::Text(_) | Token::Close | Token::End => {
                    return Err(self.tokens.fail(Fault::Root));
                }
            }
        };
        let transcript = self.transcript(&root)?;
        loop {
            match self.tokens.next()? {
                Token::End => return Ok(transcript),
                Token::Text(text) if is_blank(&text) => {}
                Token::Open(_) | Token::Text(_) | Token::Close => {
                    return Err(self.tokens.fail(Fault::Root));
                }
            }
        }
    }

    fn transcript(&mut self, tag: &Tag<'_>) -> Result<Transcript, Failed> {
        let element = Element { tag, name: "chatTranscript" };
        let [start_at, session_id] = tag.attributes(element.name, ["startAt", "sessionId"])?;
        let start_at = element.required("startAt", start_at)?;
        let start_at = Stamp::parse(&start_at)
            .ok_or_else(|| element.value("startAt", "UTC as YYYY-MM-DDThh:mm:ssZ"))?;
        let session_id = (&*element.required("sessionId", session_id)?).into();
        let mut events: Vec<TranscriptEvent> = Vec::new();
        self.elements(element.name, |reader, tag| {
            let (name, kind) = match tag.name() {
                "newParty" => ("newParty", Some(EventKind::NewParty)),
                "message" => ("message", Some(EventKind::Message)),
                "notice" => ("notice", Some(EventKind::Notice)),
                "partyLeft" => ("partyLeft", Some(EventKind::PartyLeft)),
                "event" => ("event", None),
                _ => return reader.skip(),
            };
            let after = events.last().map_or(EventId::NONE, |event| event.event_id);
            events.push(reader.event(Element { tag, name }, kind, after)?);
            Ok(())
        })?;
        Ok(Transcript { session_id, start_at, events })
    }

    fn event(
        &mut self,
        element: Element<'_>,
        kind: Option<EventKind>,
        after: EventId,
    ) -> Result<TranscriptEvent, Failed> {
        let names =
            ["userId", "timeShift", "visibility", "eventId", "receiverId", "askerId", "eventKind"];
        let [user_id, time_shift, visibility, event_id, receiver_id, asker_id, event_kind] =
            element.tag.attributes(element.name, names)?;
        let user_id = UserId::new(&element.required("userId", user_id)?);
        let time_shift = element.required("timeShift", time_shift)?;
        let time_shift = time_shift
            .parse()
            .map_err(|_| element.value("timeShift", "whole seconds, 0 to 4294967295"))?;
        let visibility = element.required("visibility", visibility)?;
        let visibility = open(&visibility, Visibility::ALL, Visibility::name)
            .ok_or_else(|| element.value("visibility", "ALL, INT, VIP or a number"))?;
        let event_id = element.required("eventId", event_id)?;
        let event_id = event_id
            .parse()
            .ok()
            .and_then(EventId::new)
            .ok_or_else(|| element.value("eventId", "a number, 1 to 2147483647"))?;
        if event_id <= after {
            return Err(element.tag.fail(Fault::Order { after }));
        }
        let receiver_id = receiver_id.map(|id| UserId::new(&id));

        let mut party = None;
        let body = match kind {
            Some(EventKind::NewParty) => {
                let inside = self.inside(element, kind)?;
                let (who, new_party) = element.required("userInfo", inside.user_info)?;
                party = Some(who);
                let message_text = inside.msg_text.map(|words| words.text());
                let body = NewParty { user_data: inside.user_data, message_text, ..new_party };
                (EventBody::NewParty(Box::new(body)), inside.event_attributes)
            }
            Some(EventKind::Message) => {
                let inside = self.inside(element, kind)?;
                let words = element.required("msgText", inside.msg_text)?;
                let body = Message {
                    message_text: words.text(),
                    message_type: words.message_type,
                    treat_as: words.treat_as,
                    receiver_id,
                    user_data: inside.user_data,
                };
                (EventBody::Message(body), inside.event_attributes)
            }
            Some(EventKind::Notice) => {
                let inside = self.inside(element, kind)?;
                let (notice_type, notice_text) =
                    element.required("noticeText", inside.notice_text)?;
                let user_data = inside.user_data;
                let body = Notice { notice_type, notice_text, receiver_id, user_data };
                (EventBody::Notice(body), inside.event_attributes)
            }
            Some(EventKind::PartyLeft) => {
                let asker_id = UserId::new(&element.required("askerId", asker_id)?);
                let inside = self.inside(element, kind)?;
                let (reason_code, reason_text) = element.required("reason", inside.reason)?;
                let message_text = inside.msg_text.map(|words| words.text());
                let body = PartyLeft { asker_id, reason_code, reason_text, message_text };
                (EventBody::PartyLeft(body), inside.event_attributes)
            }
            None => {
                let number = element.required("eventKind", event_kind)?;
                let number = element.number("eventKind", &number)?;
                (EventBody::Unknown(number), self.inside(element, kind)?.event_attributes)
            }
        };
        let (body, event_attributes) = body;
        Ok(TranscriptEvent {
            event_id,
            user_id,
            time_shift,
            visibility,
            party,
            participant_no: None,
            event_attributes,
            body,
        })
    }

    /// The elements inside of an event of this kind.
    fn inside(
        &mut self,
        element: Element<'_>,
        kind: Option<EventKind>,
    ) -> Result<Inside<'a>, Failed> {
        use EventKind::{Message, NewParty, Notice, PartyLeft};
        let mut inside = Inside::default();
        self.elements(element.name, |reader, tag| {
            match (tag.name(), kind) {
                ("userInfo", Some(NewParty)) => {
                    let name = element.once("userInfo", tag, inside.user_info.is_some())?;
                    inside.user_info = Some(reader.user_info(Element { tag, name })?);
                }
                ("msgText", Some(NewParty | Message | PartyLeft)) => {
                    let name = element.once("msgText", tag, inside.msg_text.is_some())?;
                    let is_message = kind == Some(Message);
                    inside.msg_text = Some(reader.msg_text(Element { tag, name }, is_message)?);
                }
                ("noticeText", Some(Notice)) => {
                    let name = element.once("noticeText", tag, inside.notice_text.is_some())?;
                    inside.notice_text = Some(reader.notice_text(Element { tag, name })?);
                }
                ("reason", Some(PartyLeft)) => {
                    let name = element.once("reason", tag, inside.reason.is_some())?;
                    inside.reason = Some(reader.reason(Element { tag, name })?);
                }
                ("userData", Some(NewParty | Message | Notice)) => {
                    let name = element.once("userData", tag, inside.user_data.is_some())?;
                    inside.user_data = Some(reader.list(name, 1)?);
                }
                ("eventAttributes", _) => {
                    let is_there = inside.event_attributes.is_some();
                    let name = element.once("eventAttributes", tag, is_there)?;
                    inside.event_attributes = Some(reader.list(name, 1)?);
                }
                _ => reader.skip()?,
            }
            Ok(())
        })?;
        Ok(inside)
    }

    fn user_info(&mut self, element: Element<'_>) -> Result<(Party, NewParty), Failed> {
        let names =
            ["personId", "userNick", "userType", "protocolType", "timeZoneOffset", "clientVersion"];
        let [person_id, user_nick, user_type, protocol_type, time_zone_offset, client_version] =
            element.tag.attributes(element.name, names)?;
        let user_nickname = Pii::new(Str::new(&element.required("userNick", user_nick)?));
        let user_type = element.required("userType", user_type)?;
        let user_type = open(&user_type, UserType::ALL, UserType::name)
            .ok_or_else(|| element.value("userType", USER_TYPES))?;
        let protocol_type = element.required("protocolType", protocol_type)?;
        let protocol_type = open(&protocol_type, ProtocolType::ALL, ProtocolType::name)
            .ok_or_else(|| element.value("protocolType", "BASIC, FLEX, ESP, NONE or a number"))?;
        let person_id = match person_id.as_deref() {
            Some("") => None,
            given => Some(Pii::new(Str::new(given.unwrap_or_default()))),
        };
        let number = |name, value: Option<Cow<'_, str>>| {
            value.map(|value| element.number(name, &value)).transpose()
        };
        let new_party = NewParty {
            protocol_type,
            person_id,
            time_zone_offset: number("timeZoneOffset", time_zone_offset)?,
            client_version: number("clientVersion", client_version)?,
            user_data: None,
            message_text: None,
        };
        self.elements(element.name, |reader, _| reader.skip())?;
        Ok((Party { user_nickname, user_type }, new_party))
    }

    /// Only a message's words are of some type.
    fn msg_text(&mut self, element: Element<'_>, is_message: bool) -> Result<Words<'a>, Failed> {
        let (mut message_type, mut treat_as) = (None, None);
        if is_message {
            let names = ["msgType", "treatAs"];
            let [msg_type, as_what] = element.tag.attributes(element.name, names)?;
            message_type = msg_type.map(|value| Str::new(&value));
            treat_as = as_what
                .map(|value| {
                    open(&value, TreatAs::ALL, TreatAs::name)
                        .ok_or_else(|| element.value("treatAs", "NORMAL, SYSTEM or a number"))
                })
                .transpose()?;
        }
        Ok(Words { text: self.text(element.name)?, message_type, treat_as })
    }

    fn notice_text(
        &mut self,
        element: Element<'_>,
    ) -> Result<(Open<NoticeType>, Option<Text>), Failed> {
        let names = ["noticeType", "absent"];
        let [notice_type, absent] = element.tag.attributes(element.name, names)?;
        let notice_type = element.required("noticeType", notice_type)?;
        let notice_type = open(&notice_type, NoticeType::ALL, NoticeType::name)
            .ok_or_else(|| element.value("noticeType", NOTICE_TYPES))?;
        Ok((notice_type, self.text_or_absent(element, absent.as_deref())?))
    }

    fn reason(&mut self, element: Element<'_>) -> Result<(Option<i32>, Option<Text>), Failed> {
        let [code, absent] = element.tag.attributes(element.name, ["code", "absent"])?;
        let code = code.map(|code| element.number("code", &code)).transpose()?;
        Ok((code, self.text_or_absent(element, absent.as_deref())?))
    }

    fn text_or_absent(
        &mut self,
        element: Element<'_>,
        absent: Option<&str>,
    ) -> Result<Option<Text>, Failed> {
        let is_absent = match absent {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(element.value("absent", "true or false")),
        };
        if is_absent {
            self.elements(element.name, |reader, _| reader.skip())?;
            return Ok(None);
        }
        Ok(Some(Text::new(&self.text(element.name)?)))
    }

    /// The items of an element that is a list, `depth` lists deep, itself included.
    fn list(&mut self, element: &'static str, depth: usize) -> Result<KvList, Failed> {
        let mut entries = Vec::new();
        self.elements(element, |reader, tag| {
            if tag.name() != "item" {
                return reader.skip();
            }
            entries.push(reader.item(Element { tag, name: "item" }, depth)?);
            Ok(())
        })?;
        Ok(KvList::from_entries(entries))
    }

    fn item(&mut self, element: Element<'_>, depth: usize) -> Result<KvEntry, Failed> {
        let [key, kind] = element.tag.attributes(element.name, ["key", "type"])?;
        let key = element.required("key", key)?;
        if !(1..=MAX_KEY).contains(&key.len()) {
            return Err(element.value("key", "1 to 255 bytes"));
        }
        let fail = |expected| element.tag.fail(Fault::Item { expected });
        let value = match kind.as_deref() {
            None | Some("string") => KvValue::from(&*self.text(element.name)?),
            Some("int") => {
                let text = self.text(element.name)?;
                KvValue::Int(text.parse().map_err(|_| fail(NUMBER_32))?)
            }
            Some("long") => {
                let text = self.text(element.name)?;
                KvValue::Long(text.parse().map_err(|_| fail(NUMBER_64))?)
            }
            Some("binary") => {
                let text = self.text(element.name)?;
                let bytes = hex(&text).ok_or_else(|| fail("pairs of hex digits"))?;
                KvValue::from(&*bytes)
            }
            Some("kvlist") if depth == MAX_DEPTH => return Err(element.tag.fail(Fault::TooDeep)),
            Some("kvlist") => KvValue::List(self.list(element.name, depth + 1)?),
            Some(_) => {
                return Err(element.value("type", "string, int, long, binary or kvlist"));
            }
        };
        Ok(KvEntry { key: Str::new(&key), value })
    }

    /// Does `each` with every element inside of the one that began last.
    fn elements(
        &mut self,
        element: &'static str,
        mut each: impl FnMut(&mut Self, &Tag<'a>) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        loop {
            match self.tokens.next()? {
                Token::Open(tag) => each(self, &tag)?,
                Token::Close => return Ok(()),
                Token::Text(text) if is_blank(&text) => {}
                Token::Text(_) => return Err(self.tokens.fail(Fault::Text { element })),
                Token::End => return Err(self.tokens.fail(Fault::Unclosed { element })),
            }
        }
    }

    /// The text of the element that began last, without what is inside of elements in it.
    fn text(&mut self, element: &'static str) -> Result<Cow<'a, str>, Failed> {
        let mut text = Cow::Borrowed("");
        loop {
            match self.tokens.next()? {
                Token::Text(piece) if text.is_empty() => text = piece,
                Token::Text(piece) => text.to_mut().push_str(&piece),
                Token::Open(_) => self.skip()?,
                Token::Close => return Ok(text),
                Token::End => return Err(self.tokens.fail(Fault::Unclosed { element })),
            }
        }
    }

    /// Goes past the end of the element that began last. It may hold others to any depth.
    fn skip(&mut self) -> Result<(), Failed> {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.tokens.next()? {
                Token::Open(_) => depth += 1,
                Token::Close => depth -= 1,
                Token::Text(_) => {}
                Token::End => {
                    let element = "an element of unknown name";
                    return Err(self.tokens.fail(Fault::Unclosed { element }));
                }
            }
        }
        Ok(())
    }
}

impl Words<'_> {
    fn text(&self) -> Text {
        Text::new(&self.text)
    }
}

/// An element, by the name it has in errors.
#[derive(Clone, Copy)]
struct Element<'t> {
    tag: &'t Tag<'t>,
    name: &'static str,
}

impl Element<'_> {
    /// An attribute, or an element inside, that must be there.
    fn required<T>(self, name: &'static str, part: Option<T>) -> Result<T, Failed> {
        part.ok_or_else(|| self.tag.fail(Fault::Missing { element: self.name, name }))
    }

    /// The name of an element inside, which may be there once.
    fn once(
        self,
        name: &'static str,
        tag: &Tag<'_>,
        is_there: bool,
    ) -> Result<&'static str, Failed> {
        let twice = Fault::Twice { element: self.name, name };
        if is_there { Err(tag.fail(twice)) } else { Ok(name) }
    }

    fn number(self, attribute: &'static str, value: &str) -> Result<i32, Failed> {
        value.parse().map_err(|_| self.value(attribute, NUMBER_32))
    }

    const fn value(self, attribute: &'static str, expected: &'static str) -> Failed {
        self.tag.fail(Fault::Value { element: self.name, attribute, expected })
    }
}

/// The value of an enumeration by its name, or whatever its number is.
fn open<T: Copy>(written: &str, all: &[T], name: fn(T) -> &'static str) -> Option<Open<T>> {
    match all.iter().find(|value| name(**value) == written) {
        Some(value) => Some(Open::Known(*value)),
        None => written.parse().ok().map(Open::Unknown),
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Whether text is nothing but the blanks between elements.
fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

#[cfg(test)]
mod tests;
