//! The vocabulary for `serde`, behind the feature of that name: for journals of what went into a
//! machine, and whatever else must carry values of this crate from one process to another.
//!
//! **Serialising shows what [`Debug`](core::fmt::Debug) hides**: customers' words and secrets go out
//! as they are. That is what the feature is for, and why nothing has it unless it is asked for. Each
//! of them travels as a newtype called [`HIDDEN`], so that a serialiser that is to leave them out
//! knows them, in whatever type they lie.
//!
//! Most implementations are derived beside the types; here are those of types that have rules, which
//! a value that is read has to keep like any other. A key-value list is written flat, each entry with
//! its level, so that reading one needs no recursion. A configuration is written as the options that
//! are not at their defaults, secrets left out: no machine knows them.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use serde::de::{Error as _, SeqAccess, Unexpected, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::frame::{EventList, KvEntry, KvList, KvValue, TranscriptEvent};
use crate::id::EventId;
use crate::pii::{Pii, Secret};
use crate::text::{Str, Text};
use crate::time::Stamp;

/// The name of the newtype every value travels in that [`Debug`](core::fmt::Debug) hides.
pub const HIDDEN: &str = "confer::hidden";

/// Levels of lists in a list that is read. The wire admits 16 (wire §2); nobody makes more.
pub const MAX_LEVELS: u8 = 32;

/// A string in borrowed form becomes a value of the type without a copy between.
struct StrVisitor<T>(PhantomData<T>);

impl<T: for<'a> From<&'a str>> Visitor<'_> for StrVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, string: &str) -> Result<T, E> {
        Ok(T::from(string))
    }
}

/// What a hidden value is inside its newtype.
struct HiddenVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for HiddenVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hidden value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inside: D) -> Result<T, D::Error> {
        T::deserialize(inside)
    }
}

impl Serialize for Str {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Str {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(StrVisitor(PhantomData))
    }
}

impl<T: Serialize> Serialize for Pii<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(HIDDEN, self.reveal())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pii<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(HIDDEN, HiddenVisitor(PhantomData)).map(Self::new)
    }
}

/// Strings of which nothing is to be seen; read without a copy between.
macro_rules! hidden_string {
    ($($name:ident),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_newtype_struct(HIDDEN, self.reveal())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Inside($name);

                impl<'de> Deserialize<'de> for Inside {
                    fn deserialize<D: Deserializer<'de>>(inside: D) -> Result<Self, D::Error> {
                        struct Words;

                        impl Visitor<'_> for Words {
                            type Value = Inside;

                            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                                f.write_str("a string")
                            }

                            fn visit_str<E>(self, words: &str) -> Result<Inside, E> {
                                Ok(Inside($name::new(words)))
                            }
                        }

                        inside.deserialize_str(Words)
                    }
                }

                deserializer
                    .deserialize_newtype_struct(HIDDEN, HiddenVisitor(PhantomData))
                    .map(|Inside(value)| value)
            }
        }
    )+};
}

hidden_string!(Text, Secret);

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.number())
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        Self::new(number).ok_or_else(|| {
            let unexpected = Unexpected::Unsigned(number.into());
            D::Error::invalid_value(unexpected, &"an event id up to 2147483647")
        })
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.as_unix_seconds())
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = i64::deserialize(deserializer)?;
        let stamp = Self::from_unix_seconds(seconds);
        if stamp.as_unix_seconds() == seconds {
            Ok(stamp)
        } else {
            let unexpected = Unexpected::Signed(seconds);
            Err(D::Error::invalid_value(unexpected, &"a second of the years 1 to 9999"))
        }
    }
}

impl Serialize for EventList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for EventList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A single event stands in the list itself, as in every other list of one.
        Ok(Vec::<TranscriptEvent>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// A value of a list, but for what is inside of one that is a list: its entries come next, one level
/// further in.
#[derive(Serialize)]
enum Written<'a> {
    Int(Pii<i32>),
    Long(Pii<i64>),
    Str(&'a Pii<Str>),
    Bin(Pii<&'a [u8]>),
    List,
}

#[derive(Deserialize)]
enum Read {
    Int(Pii<i32>),
    Long(Pii<i64>),
    Str(Pii<Str>),
    Bin(Pii<Vec<u8>>),
    List,
}

impl Serialize for KvList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn entries(list: &KvList) -> usize {
            let inside = |entry: &KvEntry| match &entry.value {
                KvValue::List(list) => entries(list),
                KvValue::Int(_) | KvValue::Long(_) | KvValue::Str(_) | KvValue::Bin(_) => 0,
            };
            list.len() + list.entries().iter().map(inside).sum::<usize>()
        }

        fn write<S: SerializeSeq>(list: &KvList, level: u8, seq: &mut S) -> Result<(), S::Error> {
            for KvEntry { key, value } in list {
                let written = match value {
                    KvValue::Int(number) => Written::Int(Pii::new(*number)),
                    KvValue::Long(number) => Written::Long(Pii::new(*number)),
                    KvValue::Str(text) => Written::Str(text),
                    KvValue::Bin(bytes) => Written::Bin(Pii::new(bytes.reveal())),
                    KvValue::List(_) => Written::List,
                };
                seq.serialize_element(&(level, key, written))?;
                if let KvValue::List(inside) = value {
                    write(inside, level.saturating_add(1), seq)?;
                }
            }
            Ok(())
        }

        let mut seq = serializer.serialize_seq(Some(entries(self)))?;
        write(self, 1, &mut seq)?;
        seq.end()
    }
}

impl<'de> Deserialize<'de> for KvList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = KvList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("entries, each with its level")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<KvList, A::Error> {
                let mut outermost = Vec::new();
                // The lists that are open inside, under which key, from the outermost.
                let mut open: Vec<(Str, Vec<KvEntry>)> = Vec::new();
                while let Some((level, key, value)) = seq.next_element::<(u8, Str, Read)>()? {
                    if level == 0 || usize::from(level) > open.len() + 1 || level > MAX_LEVELS {
                        let unexpected = Unexpected::Unsigned(level.into());
                        return Err(A::Error::invalid_value(unexpected, &"the level of a list"));
                    }
                    close(&mut outermost, &mut open, usize::from(level) - 1);
                    let value = match value {
                        Read::Int(number) => KvValue::Int(number.into_revealed()),
                        Read::Long(number) => KvValue::Long(number.into_revealed()),
                        Read::Str(text) => KvValue::Str(text),
                        Read::Bin(bytes) => KvValue::from(bytes.reveal().as_slice()),
                        Read::List => {
                            open.push((key, Vec::new()));
                            continue;
                        }
                    };
                    let list = open.last_mut().map_or(&mut outermost, |(_, list)| list);
                    list.push(KvEntry { key, value });
                }
                close(&mut outermost, &mut open, 0);
                Ok(KvList::from_entries(outermost))
            }
        }

        /// Puts the lists that end into those round them, until so many are open.
        fn close(outermost: &mut Vec<KvEntry>, open: &mut Vec<(Str, Vec<KvEntry>)>, left: usize) {
            while open.len() > left
                && let Some((key, entries)) = open.pop()
            {
                let value = KvValue::List(KvList::from_entries(entries));
                let list = open.last_mut().map_or(&mut *outermost, |(_, list)| list);
                list.push(KvEntry { key, value });
            }
        }

        deserializer.deserialize_seq(Entries)
    }
}
