//! Key-value lists: user data, event attributes, ESP parameters.

use alloc::borrow::Cow;
use alloc::string::ToString as _;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::pii::Pii;
use crate::text::Str;

/// An ordered list of keys and values; keys may repeat, and repeats keep their place (wire §3).
///
/// Cloning shares the list; changing a shared list copies it first. The empty list needs no memory.
/// `Debug` shows keys and never values, for values are what customers and passwords say.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KvList(Option<Arc<Vec<KvEntry>>>);

/// One key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvEntry {
    /// 1 to 255 bytes.
    pub key: Str,
    /// The value.
    pub value: KvValue,
}

/// A value of a key-value list.
#[derive(Clone, PartialEq, Eq)]
pub enum KvValue {
    /// A 32-bit number.
    Int(i32),
    /// A 64-bit number.
    Long(i64),
    /// Characters.
    Str(Pii<Str>),
    /// Bytes.
    Bin(Pii<Arc<[u8]>>),
    /// A list inside the list.
    List(KvList),
}

impl KvList {
    /// The empty list.
    pub const fn new() -> Self {
        Self(None)
    }

    /// The list of these entries, in this order.
    pub fn from_entries(entries: Vec<KvEntry>) -> Self {
        Self(if entries.is_empty() { None } else { Some(Arc::new(entries)) })
    }

    /// The entries, in order.
    pub fn entries(&self) -> &[KvEntry] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    /// How many entries there are, lists inside counted as one.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// How deep the list nests: 1 for a list without lists inside.
    pub fn depth(&self) -> usize {
        // Recursion is safe: a codec lets at most 16 levels in, and nobody else builds from input.
        let inside = |entry: &KvEntry| match &entry.value {
            KvValue::List(list) => list.depth(),
            KvValue::Int(_) | KvValue::Long(_) | KvValue::Str(_) | KvValue::Bin(_) => 0,
        };
        1 + self.entries().iter().map(inside).max().unwrap_or(0)
    }

    /// The bytes of all keys and values together, which is what the limits on user data count.
    pub fn size(&self) -> usize {
        let one = |entry: &KvEntry| {
            entry.key.len()
                + match &entry.value {
                    KvValue::Int(_) => 4,
                    KvValue::Long(_) => 8,
                    KvValue::Str(text) => text.reveal().len(),
                    KvValue::Bin(bytes) => bytes.reveal().len(),
                    KvValue::List(list) => list.size(),
                }
        };
        self.entries().iter().map(one).sum()
    }

    /// The value of `key`; of a repeated key, the first (wire §6).
    pub fn value(&self, key: &str) -> Option<&KvValue> {
        self.entries().iter().find(|entry| &*entry.key == key).map(|entry| &entry.value)
    }

    /// The text of `key`: a string, or a number as its decimal text.
    pub fn text(&self, key: &str) -> Option<Cow<'_, str>> {
        match self.value(key)? {
            KvValue::Str(text) => Some(Cow::Borrowed(text.reveal())),
            KvValue::Int(number) => Some(Cow::Owned(number.to_string())),
            KvValue::Long(number) => Some(Cow::Owned(number.to_string())),
            KvValue::Bin(_) | KvValue::List(_) => None,
        }
    }

    /// The list inside at `key`.
    pub fn list(&self, key: &str) -> Option<&Self> {
        match self.value(key)? {
            KvValue::List(list) => Some(list),
            KvValue::Int(_) | KvValue::Long(_) | KvValue::Str(_) | KvValue::Bin(_) => None,
        }
    }

    /// Adds an entry at the end, whether the key is there already or not.
    pub fn push(&mut self, key: &str, value: impl Into<KvValue>) {
        let entry = KvEntry { key: Str::new(key), value: value.into() };
        Arc::make_mut(self.0.get_or_insert_default()).push(entry);
    }

    /// Keeps the entries for which `keep` holds.
    pub fn retain(&mut self, keep: impl FnMut(&KvEntry) -> bool) {
        if let Some(entries) = &mut self.0 {
            let entries = Arc::make_mut(entries);
            entries.retain(keep);
            if entries.is_empty() {
                self.0 = None;
            }
        }
    }
}

impl FromIterator<KvEntry> for KvList {
    fn from_iter<I: IntoIterator<Item = KvEntry>>(entries: I) -> Self {
        Self::from_entries(entries.into_iter().collect())
    }
}

impl<const N: usize> From<[(&str, KvValue); N]> for KvList {
    fn from(entries: [(&str, KvValue); N]) -> Self {
        entries.into_iter().map(|(key, value)| KvEntry { key: Str::new(key), value }).collect()
    }
}

impl<'a> IntoIterator for &'a KvList {
    type Item = &'a KvEntry;
    type IntoIter = core::slice::Iter<'a, KvEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries().iter()
    }
}

impl fmt::Debug for KvList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.into_iter().map(|entry| (&entry.key, &entry.value))).finish()
    }
}

impl From<i32> for KvValue {
    fn from(number: i32) -> Self {
        Self::Int(number)
    }
}

impl From<i64> for KvValue {
    fn from(number: i64) -> Self {
        Self::Long(number)
    }
}

impl From<&str> for KvValue {
    fn from(text: &str) -> Self {
        Self::Str(Pii::new(Str::new(text)))
    }
}

impl From<&[u8]> for KvValue {
    fn from(bytes: &[u8]) -> Self {
        Self::Bin(Pii::new(bytes.into()))
    }
}

impl From<KvList> for KvValue {
    fn from(list: KvList) -> Self {
        Self::List(list)
    }
}

impl fmt::Debug for KvValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(_) => f.write_str("INT"),
            Self::Long(_) => f.write_str("LONG"),
            Self::Str(text) => write!(f, "STR[{}]", text.reveal().len()),
            Self::Bin(bytes) => write!(f, "BIN[{}]", bytes.reveal().len()),
            Self::List(list) => fmt::Debug::fmt(list, f),
        }
    }
}

#[cfg(test)]
mod tests;
