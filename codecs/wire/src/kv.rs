//! Key-value lists (wire §3).

use alloc::vec::Vec;

use confer_core::frame::{KvEntry, KvList, KvValue};
use confer_core::pii::Pii;
use confer_core::text::Str;
use nom::bytes::complete::take;
use nom::number::complete::{be_i32, be_i64, be_u8, be_u16};

use crate::attributes::{Cursor, Fault, MAX_DEPTH, string};
use crate::error::{EncodeError, Reason};
use crate::map::Type;
use crate::write::Writer;

/// Entries there may be in one list.
const MAX_ENTRIES: usize = 1024;
/// The bytes of the smallest entry.
const SMALLEST: usize = 8;
/// As many entries as a list usually has: room for them is made with the first.
const USUAL: usize = 8;

/// A list that fills its container and lies `depth` lists and structures deep, itself included.
pub(crate) fn parse<'a>(mut cursor: Cursor<'a>, depth: usize) -> Result<KvList, Fault<'a>> {
    let mut entries = Vec::new();
    while !cursor.rest.is_empty() {
        if entries.len() == MAX_ENTRIES {
            return Err(Fault::new(Reason::TooMany, cursor.rest));
        }
        let type_at = cursor.rest;
        let number = cursor.read(be_u8)?;
        let kind = match Type::from_number(number) {
            Some(kind @ (Type::Int | Type::Long | Type::Str | Type::Bin | Type::Kvl)) => kind,
            Some(Type::Text | Type::Struct | Type::List) | None => {
                return Err(Fault::new(Reason::UnknownType, type_at));
            }
        };
        if kind == Type::Kvl && depth == MAX_DEPTH {
            return Err(Fault::new(Reason::TooDeep, type_at));
        }
        let key_at = cursor.rest;
        let length = cursor.read(be_u16)?;
        if !(1..=255).contains(&length) {
            return Err(Fault::new(Reason::KeyLength, key_at));
        }
        let key = take(length)(cursor.rest)
            .map_err(|_: nom::Err<Fault<'a>>| Fault::new(Reason::RunsPast, key_at));
        let (rest, key) = key?;
        let key = string(key)?;
        cursor.rest = rest;
        let value = match kind {
            Type::Int => KvValue::Int(cursor.read(be_i32)?),
            Type::Long => KvValue::Long(cursor.read(be_i64)?),
            Type::Str => string(cursor.block()?)?.into(),
            Type::Bin => KvValue::Bin(Pii::new(cursor.block()?.into())),
            Type::Kvl | Type::Text | Type::Struct | Type::List => {
                let inside = Cursor { rest: cursor.block()?, ..cursor };
                KvValue::List(parse(inside, depth + 1)?)
            }
        };
        if entries.is_empty() {
            entries.reserve_exact((1 + cursor.rest.len() / SMALLEST).min(USUAL));
        }
        entries.push(KvEntry { key: Str::new(key), value });
    }
    Ok(KvList::from_entries(entries))
}

/// Writes the entries of a list that lies `depth` lists and structures deep, itself included.
pub(crate) fn write(list: &KvList, writer: &mut Writer<'_>, depth: usize) {
    if depth > MAX_DEPTH {
        return writer.fail(EncodeError::TooDeep);
    }
    if list.len() > MAX_ENTRIES {
        return writer.fail(EncodeError::TooMany);
    }
    for KvEntry { key, value } in list {
        let kind = match value {
            KvValue::Int(_) => Type::Int,
            KvValue::Long(_) => Type::Long,
            KvValue::Str(_) => Type::Str,
            KvValue::Bin(_) => Type::Bin,
            KvValue::List(_) => Type::Kvl,
        };
        writer.byte(kind as u8);
        match u16::try_from(key.len()) {
            Ok(length @ 1..=255) => writer.bytes(&length.to_be_bytes()),
            Ok(_) | Err(_) => return writer.fail(EncodeError::KeyLength),
        }
        writer.characters(key);
        match value {
            KvValue::Int(number) => writer.bytes(&number.to_be_bytes()),
            KvValue::Long(number) => writer.bytes(&number.to_be_bytes()),
            KvValue::Str(text) => writer.block(|writer| writer.characters(text.reveal())),
            KvValue::Bin(bytes) => writer.block(|writer| writer.bytes(bytes.reveal())),
            KvValue::List(list) => writer.block(|writer| write(list, writer, depth + 1)),
        }
    }
}
