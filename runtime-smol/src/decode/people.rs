//! Frames for people: names beside numbers, one attribute a line, and what customers wrote covered.

use alloc::borrow::Cow;
use std::io::{self, Write};

use confer_core::frame::{
    AfterAction, Attribute, ErrorId, EventKind, KvList, KvValue, NoticeType, Protocol,
    ProtocolType, PushMode, RequestResult, SessionStatus, TreatAs, UserType, Visibility,
};
use confer_esp::map as esp;
use confer_wire::map::Enumeration;
use confer_wire::{Entry, Level, Value};

use super::frame::Frame;
use super::json::hex;

/// Prints a frame: a line about it, then its attributes. Nothing that came with it reaches the
/// output unescaped, so that it cannot control a terminal; what people wrote, their names, their
/// keys and all values of key-value lists only if `show_text`.
pub(super) fn print(out: &mut dyn Write, frame: &Frame<'_>, show_text: bool) -> io::Result<()> {
    let header = &frame.raw.header;
    let (protocol, message) = (header.protocol, frame.message);
    writeln!(out, "{protocol} {message}, reference {}, {} bytes", header.reference, header.size)?;
    let fault = protocol == Protocol::Esp && header.message == esp::EVENT_3RD_SERVER_FAULT;
    Printer { out, show_text, fault }.level(&frame.raw.attributes, INDENT, "")
}

/// How much further in the attributes of something stand.
const INDENT: usize = 4;
/// Columns between the longest name and the values.
const GAP: usize = 2;
/// What stands before an item of a list, in the last columns of its indentation.
const BULLET: &str = "- ";

const SECRET: &[Attribute] = &[Attribute::SecureKey, Attribute::AccessToken];
const PERSONAL: &[Attribute] = &[Attribute::UserNickname, Attribute::PersonId];

const UNITS: &[(Attribute, &str)] = &[
    (Attribute::TimeZoneOffset, "min"),
    (Attribute::TimeShift, "s"),
    (Attribute::IdleTimeExpire, "s"),
    (Attribute::RemoteTimeout, "ms"),
    (Attribute::MaxFrame, "bytes"),
];

type Meaning = fn(i32) -> Option<&'static str>;

const MEANINGS: &[(Attribute, Meaning)] = &[
    (Attribute::UserType, |number| named(number, UserType::name)),
    (Attribute::Visibility, |number| named(number, Visibility::name)),
    (Attribute::TreatAs, |number| named(number, TreatAs::name)),
    (Attribute::NoticeType, |number| named(number, NoticeType::name)),
    (Attribute::AfterAction, |number| named(number, AfterAction::name)),
    (Attribute::EventKind, |number| named(number, EventKind::name)),
    (Attribute::ProtocolType, |number| named(number, ProtocolType::name)),
    (Attribute::SessionStatus, |number| named(number, SessionStatus::name)),
    (Attribute::RequestResult, |number| named(number, RequestResult::name)),
    (Attribute::PushMode, |number| named(number, PushMode::name)),
    (Attribute::ErrorId, error),
];

fn named<T: Enumeration>(number: i32, name: fn(T) -> &'static str) -> Option<&'static str> {
    T::NUMBERS.value(number).map(name)
}

fn error(number: i32) -> Option<&'static str> {
    ErrorId::from_number(number).map(ErrorId::text)
}

struct Printer<'a> {
    out: &'a mut dyn Write,
    show_text: bool,
    /// The message is an ESP fault.
    fault: bool,
}

impl Printer<'_> {
    /// Attributes, of which the first has `bullet` before it.
    fn level(&mut self, level: &Level<'_>, indent: usize, bullet: &str) -> io::Result<()> {
        let width = level.entries().iter().map(|entry| entry.attribute.name().len()).max();
        let width = width.unwrap_or(0);
        let mut bullet = bullet;
        for entry in level.entries() {
            let lead = indent - bullet.len();
            let name = entry.attribute.name();
            write!(self.out, "{:lead$}{bullet}{name}", "")?;
            bullet = "";
            self.value(entry, width - name.len() + GAP, indent + INDENT)?;
        }
        if !bullet.is_empty() {
            let lead = indent - bullet.len();
            writeln!(self.out, "{:lead$}{bullet}(no attributes)", "")?;
        }
        Ok(())
    }

    /// The rest of an attribute's line, `gap` columns on, and what is inside it.
    fn value(&mut self, entry: &Entry<'_>, gap: usize, indent: usize) -> io::Result<()> {
        let attribute = entry.attribute;
        let line = match &entry.value {
            Value::Int(number) => numbered(attribute, (*number).into()),
            Value::Long(number) => numbered(attribute, *number),
            Value::Str(_) if SECRET.contains(&attribute) && !self.show_text => {
                "[hidden]".to_owned()
            }
            Value::Str(text) if PERSONAL.contains(&attribute) => self.covered(text.reveal()),
            Value::Str(text) => quoted(text.reveal()),
            Value::Text(text) => self.covered(text.reveal()),
            Value::Bin(bytes) => self.bytes(bytes.reveal()),
            Value::Kvl(list) => {
                let kind =
                    if attribute == Attribute::Extensions { Keys::Extensions } else { Keys::Any };
                return self.list(list, gap, indent, kind);
            }
            Value::Struct(inside) => {
                writeln!(self.out)?;
                return self.level(inside, indent, "");
            }
            Value::List(items) => {
                writeln!(self.out, "{:gap$}{}", "", count(items.len(), "item"))?;
                return items.iter().try_for_each(|item| self.level(item, indent, BULLET));
            }
        };
        writeln!(self.out, "{:gap$}{line}", "")
    }

    /// The rest of the line of a key-value list, `gap` columns on, and its entries.
    fn list(&mut self, list: &KvList, gap: usize, indent: usize, keys: Keys) -> io::Result<()> {
        if list.is_empty() {
            return writeln!(self.out, "{:gap$}(empty)", "");
        }
        writeln!(self.out)?;
        let names: Vec<_> = list.into_iter().map(|entry| key(&entry.key)).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        for (name, entry) in names.iter().zip(list) {
            write!(self.out, "{:indent$}{name}", "")?;
            let gap = width - name.chars().count() + GAP;
            let open = self.show_text || keys.open(&entry.key);
            let line = match &entry.value {
                KvValue::List(inside) => {
                    let keys = keys.inside(&entry.key, self.fault);
                    self.list(inside, gap, indent + INDENT, keys)?;
                    continue;
                }
                KvValue::Int(_) | KvValue::Long(_) if !open => "[hidden]".to_owned(),
                KvValue::Int(number) if keys == Keys::Fault && &*entry.key == esp::FAULT_CODE => {
                    numbered(Attribute::ErrorId, (*number).into())
                }
                KvValue::Int(number) => number.to_string(),
                KvValue::Long(number) => format!("{number} (LONG)"),
                KvValue::Str(text) if open => quoted(text.reveal()),
                KvValue::Str(text) => self.covered(text.reveal()),
                KvValue::Bin(bytes) => self.bytes(bytes.reveal()),
            };
            writeln!(self.out, "{:gap$}{line}", "")?;
        }
        Ok(())
    }

    fn covered(&self, text: &str) -> String {
        if self.show_text {
            quoted(text)
        } else {
            format!("[{}]", count(text.chars().count(), "character"))
        }
    }

    fn bytes(&self, bytes: &[u8]) -> String {
        if self.show_text { hex(bytes) } else { format!("[{}]", count(bytes.len(), "byte")) }
    }
}

/// Which key-value list this is. The envelope of ESP is the protocol's own, what it carries is not
/// (wire §4.3).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Any,
    Extensions,
    Envelope,
    Fault,
}

impl Keys {
    /// Whether the value of this key may be shown to everybody.
    fn open(self, key: &str) -> bool {
        const ENVELOPE: [&str; 5] =
            [esp::APP_NAME, esp::APP_TYPE, esp::SERVICE, esp::METHOD, esp::VERSION];
        match self {
            Self::Any | Self::Extensions => false,
            Self::Envelope => ENVELOPE.contains(&key),
            Self::Fault => [esp::FAULT_CODE, esp::FAULT_STRING].contains(&key),
        }
    }

    /// Which list lies behind this key.
    fn inside(self, key: &str, fault: bool) -> Self {
        match self {
            Self::Extensions if key == esp::ENVELOPE => Self::Envelope,
            Self::Envelope if key == esp::PARAMETERS && fault => Self::Fault,
            Self::Any | Self::Extensions | Self::Envelope | Self::Fault => Self::Any,
        }
    }
}

/// A number and what it means.
fn numbered(attribute: Attribute, number: i64) -> String {
    if let Some((_, meaning)) = MEANINGS.iter().find(|meaning| meaning.0 == attribute) {
        let name = i32::try_from(number).ok().and_then(meaning);
        return format!("{number} {}", name.unwrap_or("(unknown)"));
    }
    match UNITS.iter().find(|unit| unit.0 == attribute) {
        Some((_, unit)) => format!("{number} {unit}"),
        None => number.to_string(),
    }
}

/// Characters in quotation marks, without any that could do something.
fn quoted(text: &str) -> String {
    // An apostrophe needs no backslash in these quotation marks, and each has got its own.
    format!("\"{}\"", text.escape_debug()).replace("\\'", "'")
}

/// A key as it is if it is a plain one.
fn key(key: &str) -> Cow<'_, str> {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    if key.chars().all(plain) { Cow::Borrowed(key) } else { Cow::Owned(quoted(key)) }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests;
