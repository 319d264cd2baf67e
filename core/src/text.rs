//! The two kinds of string a frame carries.
//!
//! [`Str`] is what `STR` attributes hold: identifiers, keys, nicknames; nearly always short, so it
//! stands inline up to [`Str::INLINE`] bytes. [`Text`] is what people wrote: allocated once when a
//! frame is decoded, then shared by the transcript and everybody it goes to.

use alloc::sync::Arc;
use core::borrow::Borrow;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

use crate::pii::Pii;

/// An immutable string, inline when short, shared when long: cloning never copies the heap.
#[derive(Clone)]
pub struct Str(Repr);

#[derive(Clone)]
enum Repr {
    Inline(heapless::String<{ Str::INLINE }, u8>),
    Shared(Arc<str>),
}

const _: () = assert!(size_of::<Str>() == 24 && size_of::<Option<Str>>() == 24);

impl Str {
    /// The longest string, in bytes, that needs no allocation.
    pub const INLINE: usize = 22;

    /// A copy of `string`.
    pub fn new(string: &str) -> Self {
        Self(match string.try_into() {
            Ok(inline) => Repr::Inline(inline),
            Err(_) => Repr::Shared(string.into()),
        })
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Inline(inline) => inline,
            Repr::Shared(shared) => shared,
        }
    }
}

impl Default for Str {
    fn default() -> Self {
        Self::new("")
    }
}

impl Deref for Str {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Str {
    fn from(string: &str) -> Self {
        Self::new(string)
    }
}

// `Hash`, `Eq` and `Ord` are those of the characters, which `Borrow<str>` promises.
impl Borrow<str> for Str {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Str {}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Str {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Str {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What somebody wrote: a message, notice, reason or subject. Cheap to clone; printed as its length.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Pii<Arc<str>>);

impl Text {
    /// A copy of `text`.
    pub fn new(text: &str) -> Self {
        Self(Pii::new(text.into()))
    }

    /// The words.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }

    /// The length in characters (Unicode scalar values), which is what the limits on texts count.
    pub fn chars(&self) -> usize {
        self.reveal().chars().count()
    }

    /// Whether there are no words at all.
    pub fn is_empty(&self) -> bool {
        self.reveal().is_empty()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<alloc::string::String> for Text {
    fn from(text: alloc::string::String) -> Self {
        Self(Pii::new(text.into()))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[truncated from size={}]", self.chars())
    }
}

#[cfg(test)]
mod tests;
