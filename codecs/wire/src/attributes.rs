//! Takes a complete frame apart (wire §2).

use alloc::vec::Vec;

use confer_core::frame::{Attribute, KvList, Protocol};
use confer_core::text::Text;
use nom::Offset as _;
use nom::bytes::complete::take;
use nom::number::complete::{be_i32, be_i64, be_u8, be_u16, be_u32};

use crate::error::{DecodeError, Reason};
use crate::header::{HEADER_SIZE, Header};
use crate::kv;
use crate::map::{self, Type};

/// Levels of lists and structures there may be below a frame's own.
pub(crate) const MAX_DEPTH: usize = 16;
/// Attributes there may be on one level.
const MAX_ATTRIBUTES: usize = 256;
/// The bytes of the smallest attribute.
const SMALLEST: usize = 7;
/// As many attributes as a level usually has: room for them is made with the first, where there may
/// be so many.
const USUAL: usize = 12;

/// One complete frame, checked against every rule of wire §1–§3 and taken apart.
#[derive(Debug)]
pub struct RawFrame<'a> {
    /// Its first twelve bytes.
    pub header: Header,
    /// Its attributes.
    pub attributes: Level<'a>,
}

impl<'a> RawFrame<'a> {
    /// Takes apart the frame that `bytes` holds, neither less nor more.
    ///
    /// # Errors
    ///
    /// Names the first rule the frame breaks, and where. `RunsPast` at the end of `bytes` if they
    /// are fewer than the frame announces, `FrameLength` if they are more.
    pub fn parse(
        bytes: &'a [u8],
        expected: Option<Protocol>,
        limit: u32,
    ) -> Result<Self, DecodeError> {
        crate::header::check(bytes, expected, limit)?;
        let refused = |reason, offset: usize, reference| DecodeError {
            reason,
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
            reference,
        };
        let Some((header, body)) = bytes.split_first_chunk::<HEADER_SIZE>() else {
            return Err(refused(Reason::RunsPast, bytes.len(), 0));
        };
        let header = Header::parse(header, expected, limit)?;
        if bytes.len() < header.size {
            return Err(refused(Reason::RunsPast, bytes.len(), header.reference));
        }
        if bytes.len() > header.size {
            return Err(refused(Reason::FrameLength, 0, header.reference));
        }
        let attributes = level(Cursor { frame: bytes, rest: body }, 0)
            .map_err(|fault| refused(fault.reason, bytes.offset(fault.at), header.reference))?;
        Ok(Self { header, attributes })
    }
}

/// The known attributes of one level, in the order they came. Unknown ones were checked and left
/// out (wire §2).
#[derive(Debug)]
pub struct Level<'a> {
    entries: Vec<Entry<'a>>,
    at: u32,
}

/// One attribute.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Which.
    pub attribute: Attribute,
    /// Where its value begins: bytes from the first byte of the frame.
    pub at: u32,
    /// Its value, of the attribute's type.
    pub value: Value<'a>,
}

/// The value of an attribute. Does not print what people say.
#[derive(Debug)]
pub enum Value<'a> {
    /// A 32-bit number.
    Int(i32),
    /// A 64-bit number.
    Long(i64),
    /// UTF-8 characters.
    Str(confer_core::pii::Pii<&'a str>),
    /// UTF-16 characters.
    Text(Text),
    /// Bytes.
    Bin(confer_core::pii::Pii<&'a [u8]>),
    /// A key-value list.
    Kvl(KvList),
    /// Attributes.
    Struct(Level<'a>),
    /// A list of attribute levels.
    List(Vec<Level<'a>>),
}

impl<'a> Level<'a> {
    /// The attributes, in the order they came.
    pub fn entries(&self) -> &[Entry<'a>] {
        &self.entries
    }

    /// Where the level begins: bytes from the first byte of the frame.
    pub const fn at(&self) -> u32 {
        self.at
    }

    /// Takes an attribute out.
    pub fn take(&mut self, attribute: Attribute) -> Option<Entry<'a>> {
        let index = self.entries.iter().position(|entry| entry.attribute == attribute)?;
        Some(self.entries.swap_remove(index))
    }
}

/// Why the bytes cannot be read, and the first of the field at fault.
#[derive(Debug)]
pub(crate) struct Fault<'a> {
    pub(crate) reason: Reason,
    pub(crate) at: &'a [u8],
}

impl<'a> Fault<'a> {
    pub(crate) const fn new(reason: Reason, at: &'a [u8]) -> Self {
        Self { reason, at }
    }
}

/// On complete frames, all that can go wrong inside nom is that a field ends behind its container.
impl<'a> nom::error::ParseError<&'a [u8]> for Fault<'a> {
    fn from_error_kind(at: &'a [u8], _: nom::error::ErrorKind) -> Self {
        Self::new(Reason::RunsPast, at)
    }

    fn append(_: &'a [u8], _: nom::error::ErrorKind, other: Self) -> Self {
        other
    }
}

impl<'a> From<nom::Err<Self>> for Fault<'a> {
    fn from(error: nom::Err<Self>) -> Self {
        match error {
            nom::Err::Error(fault) | nom::Err::Failure(fault) => fault,
            // Only streaming parsers say this, and there is none here.
            nom::Err::Incomplete(_) => Self::new(Reason::RunsPast, &[]),
        }
    }
}

/// What is left of one container, and the frame it lies in.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    pub(crate) frame: &'a [u8],
    pub(crate) rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn read<T>(
        &mut self,
        parse: impl FnOnce(&'a [u8]) -> nom::IResult<&'a [u8], T, Fault<'a>>,
    ) -> Result<T, Fault<'a>> {
        let (rest, value) = parse(self.rest)?;
        self.rest = rest;
        Ok(value)
    }

    /// A length and as many bytes. A length that lies is itself the field at fault.
    pub(crate) fn block(&mut self) -> Result<&'a [u8], Fault<'a>> {
        let length_at = self.rest;
        let length = self.read(be_u32)?;
        let block = take(length)(self.rest);
        let (rest, block) =
            block.map_err(|_: nom::Err<Fault<'a>>| Fault::new(Reason::RunsPast, length_at))?;
        self.rest = rest;
        Ok(block)
    }

    /// The inside of a container.
    fn inside(self, rest: &'a [u8]) -> Self {
        Self { frame: self.frame, rest }
    }

    fn at(self) -> u32 {
        // A frame has at most 16 MiB.
        u32::try_from(self.frame.offset(self.rest)).unwrap_or(u32::MAX)
    }
}

/// Attributes up to the end of the container, which lies `depth` lists and structures deep.
fn level<'a>(mut cursor: Cursor<'a>, depth: usize) -> Result<Level<'a>, Fault<'a>> {
    let at = cursor.at();
    let mut entries = Vec::new();
    let mut ids = Ids::default();
    while !cursor.rest.is_empty() {
        let start = cursor.rest;
        let id = cursor.read(be_u16)?;
        if !ids.insert(id) {
            return Err(Fault::new(Reason::Duplicate, start));
        }
        if ids.count > MAX_ATTRIBUTES {
            return Err(Fault::new(Reason::TooMany, start));
        }
        let type_at = cursor.rest;
        let number = cursor.read(be_u8)?;
        let Some(kind) = Type::from_number(number) else {
            return Err(Fault::new(Reason::UnknownType, type_at));
        };
        let attribute = map::attribute(id);
        if attribute.is_some_and(|attribute| map::attribute_type(attribute) != kind) {
            return Err(Fault::new(Reason::WrongType, type_at));
        }
        let deeper = matches!(kind, Type::Kvl | Type::Struct | Type::List);
        if deeper && depth == MAX_DEPTH {
            return Err(Fault::new(Reason::TooDeep, type_at));
        }
        let at = cursor.at();
        let value = value(&mut cursor, kind, depth)?;
        if let Some(attribute) = attribute {
            if entries.is_empty() {
                entries.reserve_exact((1 + cursor.rest.len() / SMALLEST).min(USUAL));
            }
            entries.push(Entry { attribute, at, value });
        }
    }
    Ok(Level { entries, at })
}

fn value<'a>(cursor: &mut Cursor<'a>, kind: Type, depth: usize) -> Result<Value<'a>, Fault<'a>> {
    Ok(match kind {
        Type::Int => Value::Int(cursor.read(be_i32)?),
        Type::Long => Value::Long(cursor.read(be_i64)?),
        Type::Str => Value::Str(string(cursor.block()?)?.into()),
        Type::Text => {
            let length_at = cursor.rest;
            let units = cursor.block()?;
            if units.len() % 2 != 0 {
                return Err(Fault::new(Reason::Odd, length_at));
            }
            Value::Text(text(units)?)
        }
        Type::Bin => Value::Bin(cursor.block()?.into()),
        Type::Kvl => {
            let inside = cursor.block()?;
            Value::Kvl(kv::parse(cursor.inside(inside), depth + 1)?)
        }
        Type::Struct => {
            let inside = cursor.block()?;
            Value::Struct(level(cursor.inside(inside), depth + 1)?)
        }
        Type::List => {
            let inside = cursor.block()?;
            Value::List(items(cursor.inside(inside), depth + 1)?)
        }
    })
}

fn items<'a>(mut cursor: Cursor<'a>, depth: usize) -> Result<Vec<Level<'a>>, Fault<'a>> {
    let mut items = Vec::new();
    while !cursor.rest.is_empty() {
        if items.len() == crate::MAX_ITEMS {
            return Err(Fault::new(Reason::TooMany, cursor.rest));
        }
        let inside = cursor.block()?;
        items.push(level(cursor.inside(inside), depth)?);
    }
    Ok(items)
}

pub(crate) fn string(bytes: &[u8]) -> Result<&str, Fault<'_>> {
    let string = core::str::from_utf8(bytes)
        .map_err(|error| Fault::new(Reason::Utf8, &bytes[error.valid_up_to()..]))?;
    match bytes.iter().position(|&byte| byte == 0) {
        Some(nul) => Err(Fault::new(Reason::Nul, &bytes[nul..])),
        None => Ok(string),
    }
}

/// `units` has an even number of bytes.
fn text(units: &[u8]) -> Result<Text, Fault<'_>> {
    let mut string = alloc::string::String::with_capacity(units.len() / 2);
    let (pairs, _) = units.as_chunks::<2>();
    // Most texts begin with a long run of ASCII, which needs no decoding.
    let ascii = pairs.iter().take_while(|pair| matches!(pair, [0, 1..=0x7f]));
    string.extend(ascii.map(|pair| char::from(pair[1])));
    let (mut at, rest) = (2 * string.len(), &pairs[string.len()..]);
    for character in char::decode_utf16(rest.iter().copied().map(u16::from_be_bytes)) {
        match character {
            Ok('\0') => return Err(Fault::new(Reason::Nul, &units[at..])),
            Ok(character) => {
                string.push(character);
                at += 2 * character.len_utf16();
            }
            Err(_) => return Err(Fault::new(Reason::Utf16, &units[at..])),
        }
    }
    Ok(string.into())
}

/// The ids of one level. Rising ids, which is how encoders write them, cost nothing.
#[derive(Default)]
struct Ids {
    count: usize,
    sorted: heapless::Vec<u16, { MAX_ATTRIBUTES + 1 }>,
}

impl Ids {
    /// Whether `id` is new. Takes no more than one past the limit.
    fn insert(&mut self, id: u16) -> bool {
        let place = match self.sorted.last() {
            Some(&last) if last >= id => match self.sorted.binary_search(&id) {
                Ok(_) => return false,
                Err(place) => place,
            },
            Some(_) | None => self.sorted.len(),
        };
        let _ = self.sorted.insert(place, id);
        self.count += 1;
        true
    }
}

#[cfg(test)]
mod tests;
