//! Attributes as values of the vocabulary, one by one and in groups.

use confer_core::frame::{Attribute, Flaw, KvList, Open};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::pii::{Pii, Secret};
use confer_core::text::{Str, Text};
use confer_core::time::Stamp;

use crate::attributes::{Entry, Level, Value};
use crate::error::EncodeError;
use crate::map::Enumeration;
use crate::write::Writer;

/// An attribute that is missing, or whose value the vocabulary has no place for: a malformed
/// message, in a sound frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// What is wrong.
    pub what: Flaw,
    /// Where: bytes from the first byte of the frame to the field at fault.
    pub offset: u32,
}

/// A value that stands in one attribute, read.
pub trait FromValue<'a>: Sized {
    /// Makes the value of the attribute's.
    ///
    /// # Errors
    ///
    /// A number out of range, or a text of the wrong form.
    fn from_entry(entry: Entry<'a>) -> Result<Self, Misfit>;
}

/// A value that stands in one attribute, written.
pub trait ToValue {
    /// Writes the attribute.
    fn write(&self, attribute: Attribute, writer: &mut Writer<'_>);
}

/// The attributes of one message or structure, being read.
#[derive(Debug)]
pub struct Group<'a>(Level<'a>);

impl<'a> Group<'a> {
    /// The attributes of `level`.
    pub const fn new(level: Level<'a>) -> Self {
        Self(level)
    }

    /// The value of a mandatory attribute.
    ///
    /// # Errors
    ///
    /// It is missing, or does not fit.
    pub fn required<T: FromValue<'a>>(&mut self, attribute: Attribute) -> Result<T, Misfit> {
        self.optional(attribute)?.ok_or_else(|| self.missing(attribute))
    }

    /// The misfit of a mandatory attribute that is not there.
    pub const fn missing(&self, attribute: Attribute) -> Misfit {
        Misfit { what: Flaw::Missing(attribute), offset: self.0.at() }
    }

    /// The value of an optional attribute.
    ///
    /// # Errors
    ///
    /// It does not fit.
    pub fn optional<T: FromValue<'a>>(
        &mut self,
        attribute: Attribute,
    ) -> Result<Option<T>, Misfit> {
        self.0.take(attribute).map(T::from_entry).transpose()
    }

    /// Where an attribute's value begins, or the level it is missing from: bytes from the first byte
    /// of the frame.
    pub fn offset(&self, attribute: Attribute) -> u32 {
        let entry = self.0.entries().iter().find(|entry| entry.attribute == attribute);
        entry.map_or(self.0.at(), |entry| entry.at)
    }

    /// Holds the value of an attribute, if it is there, against a condition of its message.
    ///
    /// # Errors
    ///
    /// The condition does not hold.
    pub fn check(&self, attribute: Attribute, fits: fn(&Value<'a>) -> bool) -> Result<(), Misfit> {
        match self.0.entries().iter().find(|entry| entry.attribute == attribute) {
            Some(entry) if fits(&entry.value) => Ok(()),
            Some(entry) if matches!(entry.value, Value::Int(_)) => {
                out_of_range(attribute, entry.at)
            }
            Some(entry) => misfit(entry),
            None => Ok(()),
        }
    }

    /// Whether an optional flag is there and set.
    ///
    /// # Errors
    ///
    /// It does not fit.
    pub fn flag(&mut self, attribute: Attribute) -> Result<bool, Misfit> {
        Ok(self.optional(attribute)?.unwrap_or(false))
    }
}

impl Writer<'_> {
    /// A mandatory attribute.
    pub fn required<T: ToValue>(&mut self, attribute: Attribute, value: &T) {
        value.write(attribute, self);
    }

    /// An optional attribute.
    pub fn optional<T: ToValue>(&mut self, attribute: Attribute, value: &Option<T>) {
        if let Some(value) = value {
            value.write(attribute, self);
        }
    }

    /// A flag, written when it is set.
    pub fn flag(&mut self, attribute: Attribute, value: &bool) {
        if *value {
            value.write(attribute, self);
        }
    }
}

/// Says which attributes a message has: makes a module with its `read` and its `write`.
///
/// Fields stand in rising order of the attributes' ids, each as `required`, `optional` or `flag`,
/// and perhaps with a condition on the value.
///
/// ```
/// use confer_core::frame::flex::RequestNode;
///
/// confer_wire::fields! {
///     node: RequestNode {
///         node_group: required NodeGroup,
///         node_name: required NodeName,
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! fields {
    ($($module:ident: $message:ident { $($field:ident: $rule:ident $attribute:ident $(if $fits:path)?),+ $(,)? })+) => {
        $(
            mod $module {
                use super::*;
                use $crate::macros::Attribute;

                pub(super) fn read(group: &mut $crate::Group<'_>) -> Result<$message, $crate::Misfit> {
                    $($(group.check(Attribute::$attribute, $fits)?;)?)+
                    Ok($message { $($field: group.$rule(Attribute::$attribute)?),+ })
                }

                pub(super) fn write(message: &$message, writer: &mut $crate::Writer<'_>) {
                    $(writer.$rule(Attribute::$attribute, &message.$field);)+
                }
            }
        )+
    };
}

/// Whether a value may be a RequestKey: 1 to 64 bytes (wire §5).
pub fn is_request_key(value: &Value<'_>) -> bool {
    matches!(value, Value::Str(key) if (1..=64).contains(&key.reveal().len()))
}

/// The entry's value is not of this attribute's form. Of another type it never is: parsing saw to it.
pub(crate) const fn misfit<T>(entry: &Entry<'_>) -> Result<T, Misfit> {
    Err(Misfit { what: Flaw::BadForm(entry.attribute), offset: entry.at })
}

const fn out_of_range<T>(attribute: Attribute, offset: u32) -> Result<T, Misfit> {
    Err(Misfit { what: Flaw::OutOfRange(attribute), offset })
}

impl FromValue<'_> for i32 {
    fn from_entry(entry: Entry<'_>) -> Result<Self, Misfit> {
        let Value::Int(number) = entry.value else { return misfit(&entry) };
        Ok(number)
    }
}

impl ToValue for i32 {
    fn write(&self, attribute: Attribute, writer: &mut Writer<'_>) {
        writer.int(attribute, *self);
    }
}

/// Times, sizes and counts: never negative.
impl FromValue<'_> for u32 {
    fn from_entry(entry: Entry<'_>) -> Result<Self, Misfit> {
        let (attribute, at) = (entry.attribute, entry.at);
        Self::try_from(i32::from_entry(entry)?).or_else(|_| out_of_range(attribute, at))
    }
}

impl ToValue for u32 {
    fn write(&self, attribute: Attribute, writer: &mut Writer<'_>) {
        match i32::try_from(*self) {
            Ok(number) => writer.int(attribute, number),
            Err(_) => writer.fail(EncodeError::OutOfRange(attribute)),
        }
    }
}

impl FromValue<'_> for EventId {
    fn from_entry(entry: Entry<'_>) -> Result<Self, Misfit> {
        let (attribute, at) = (entry.attribute, entry.at);
        Self::new(u32::from_entry(entry)?).map_or_else(|| out_of_range(attribute, at), Ok)
    }
}

impl ToValue for EventId {
    fn write(&self, attribute: Attribute, writer: &mut Writer<'_>) {
        self.number().write(attribute, writer);
    }
}

/// In events, whatever is not 0 is set. A request's flag is a number of its own range.
impl FromValue<'_> for bool {
    fn from_entry(entry: Entry<'_>) -> Result<Self, Misfit> {
        Ok(i32::from_entry(entry)? != 0)
    }
}

impl ToValue for bool {
    fn write(&self, attribute: Attribute, writer: &mut Writer<'_>) {
        writer.int(attribute, (*self).into());
    }
}

impl<T: Enumeration> FromValue<'_> for T {
    fn from_entry(entry: Entry<'_>) -> Result<Self, Misfit> {
        let (attribute, at) = (entry.attribute, entry.at);
        match Open::from_entry(entry)? {
            Open::Known(value) => Ok(value),
            Open::Unknown(_) => out_of_range(attribute, at),
        }
    }
}

impl<T: Enumeration> ToValue for T {
    fn write(&self, attribute: Attribute, writer: &mut Writer<'_>) {
        writer.int(attribute, T::NUMBERS.number(*self));
    }
}

impl<T: Enumeration> FromValue<'_> for Open<T> {
    fn from_entry(entry: Entry<'_>) -> Result<Self, Misfit> {
        let number = i32::from_entry(entry)?;
        Ok(T::NUMBERS.value(number).map_or(Self::Unknown(number), Self::Known))
    }
}

impl<T: Enumeration> ToValue for Open<T> {
    fn write(&self, attribute: Attribute, writer: &mut Writer<'_>) {
        match self {
            Self::Known(value) => value.write(attribute, writer),
            Self::Unknown(number) => number.write(attribute, writer),
        }
    }
}

macro_rules! strings {
    ($($type:ty: |$read:ident| $make:expr, |$value:ident| $show:expr;)+) => {
        $(
            impl FromValue<'_> for $type {
                fn from_entry(entry: Entry<'_>) -> Result<Self, Misfit> {
                    let Value::Str($read) = &entry.value else { return misfit(&entry) };
                    let $read = *$read.reveal();
                    Ok($make)
                }
            }

            impl ToValue for $type {
                fn write(&self, attribute: Attribute, writer: &mut Writer<'_>) {
                    let $value = self;
                    writer.str(attribute, $show);
                }
            }
        )+
    };
}

strings! {
    Str: |string| Self::new(string), |value| value;
    Pii<Str>: |string| Self::new(Str::new(string)), |value| value.reveal();
    Secret: |string| Self::new(string), |value| value.reveal();
    SessionId: |string| Self::new(string), |value| value.as_str();
    UserId: |string| Self::new(string), |value| value.as_str();
}

impl FromValue<'_> for Stamp {
    fn from_entry(entry: Entry<'_>) -> Result<Self, Misfit> {
        let Value::Str(written) = &entry.value else { return misfit(&entry) };
        Self::parse(written.reveal()).map_or_else(|| misfit(&entry), Ok)
    }
}

impl ToValue for Stamp {
    fn write(&self, attribute: Attribute, writer: &mut Writer<'_>) {
        writer.str(attribute, &self.written());
    }
}

impl FromValue<'_> for Text {
    fn from_entry(entry: Entry<'_>) -> Result<Self, Misfit> {
        let Value::Text(text) = entry.value else { return misfit(&entry) };
        Ok(text)
    }
}

impl ToValue for Text {
    fn write(&self, attribute: Attribute, writer: &mut Writer<'_>) {
        writer.text(attribute, self);
    }
}

impl FromValue<'_> for KvList {
    fn from_entry(entry: Entry<'_>) -> Result<Self, Misfit> {
        let Value::Kvl(list) = entry.value else { return misfit(&entry) };
        Ok(list)
    }
}

impl ToValue for KvList {
    fn write(&self, attribute: Attribute, writer: &mut Writer<'_>) {
        writer.kvl(attribute, self);
    }
}

#[cfg(test)]
mod tests;
