//! What may be written for an option.

use core::fmt;
use core::time::Duration;

/// What may be written for an option. `Display` says it to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "min, max and unit say it")]
pub enum Kind {
    /// `true`, `yes`, `on`, `1` or `false`, `no`, `off`, `0`, in any letter case.
    Boolean,
    /// A decimal number, both ends included; `unit` is empty where the option's name says it.
    Integer { min: u32, max: u32, unit: &'static str },
    /// A time in whole seconds, both ends included.
    Seconds { min: u32, max: u32 },
    /// A time in whole milliseconds, both ends included.
    Milliseconds { min: u32, max: u32 },
    /// One of these words, spelled exactly so.
    OneOf(&'static [&'static str]),
    /// Any of these words, separated by commas, with blanks around them or not; or none of them.
    AnyOf(&'static [&'static str]),
    /// Any text of so many characters.
    Text { min: u32, max: u32 },
    /// What people write in front of a colon: 1 to [`Kind::MAX_NAME`] characters.
    Name,
    /// A language's code; lower-cased when read.
    LanguageCode,
    /// A country's code; upper-cased when read.
    CountryCode,
    /// Where to listen, as numbers: `192.0.2.1:4800` or `[2001:db8::1]:4800`; or `off`.
    Address,
    /// The name of a file, 1 to [`Kind::MAX_FILE`] characters.
    File,
    /// Extensions of file names, without dots, joined by colons.
    Extensions,
    /// Something that is never shown, 0 to `max` bytes.
    Secret { max: u32 },
    /// Nothing, or a value of this other kind.
    OrEmpty(&'static Self),
}

impl Kind {
    /// The longest text, in characters.
    pub const MAX_TEXT: u32 = 65_535;
    /// The longest name of a tenant, endpoint, queue, language or instance, in characters.
    pub const MAX_NAME: u32 = 255;
    /// The longest name of a file, in characters.
    pub const MAX_FILE: u32 = 4096;

    pub(crate) const ANY_TEXT: Self = Self::Text { min: 0, max: Self::MAX_TEXT };
    pub(crate) const SHORT_TEXT: Self = Self::Text { min: 1, max: Self::MAX_NAME };
    pub(crate) const FILE_OR_EMPTY: Self = Self::OrEmpty(&Self::File);

    pub(crate) const fn integer(min: u32, max: u32, unit: &'static str) -> Self {
        Self::Integer { min, max, unit }
    }

    pub(crate) const fn seconds(min: u32, max: u32) -> Self {
        Self::Seconds { min, max }
    }

    /// Whether a value of this kind must never be shown.
    pub const fn is_secret(&self) -> bool {
        matches!(self, Self::Secret { .. })
    }

    /// Whether empty text means that nothing is set.
    pub(crate) const fn is_unset_when_empty(&self) -> bool {
        matches!(self, Self::OrEmpty(_) | Self::Secret { .. })
    }

    /// The kind of a value that is set.
    pub(crate) const fn if_set(&self) -> &Self {
        if let Self::OrEmpty(kind) = self { kind } else { self }
    }

    /// What the numbers of a time count; `None` if this is no time.
    pub(crate) const fn unit_of_time(&self) -> Option<Duration> {
        if matches!(self, Self::Seconds { .. }) {
            Some(Duration::from_secs(1))
        } else if matches!(self, Self::Milliseconds { .. }) {
            Some(Duration::from_millis(1))
        } else {
            None
        }
    }

    /// Whether `text` is of this kind, as far as its characters and their number go.
    ///
    /// U+0000 never is: the protocols cannot carry it (wire §2).
    pub(crate) fn admits(&self, text: &str) -> bool {
        if text.contains('\0') {
            return false;
        }
        let within = |min: u32, max: u32| {
            // One more than allowed is enough to know.
            let counted = text.chars().take(max as usize + 1).count();
            (min as usize..=max as usize).contains(&counted)
        };
        let letters = || text.bytes().all(|byte| byte.is_ascii_alphabetic());
        match *self {
            Self::Text { min, max } => within(min, max),
            Self::Name => within(1, Self::MAX_NAME) && !text.contains(':'),
            Self::LanguageCode | Self::CountryCode => within(2, 3) && letters(),
            Self::File => within(1, Self::MAX_FILE),
            Self::Extensions => within(1, Self::MAX_TEXT) && text.split(':').all(is_extension),
            Self::Secret { max } => text.len() <= max as usize,
            Self::OrEmpty(kind) => text.is_empty() || kind.admits(text),
            Self::Boolean
            | Self::OneOf(_)
            | Self::Integer { .. }
            | Self::Seconds { .. }
            | Self::Milliseconds { .. }
            | Self::AnyOf(_)
            | Self::Address => true,
        }
    }
}

fn is_extension(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean: true, yes, on, 1, false, no, off, 0"),
            Self::Integer { min, max, unit: "" } => write!(f, "integer {min} to {max}"),
            Self::Integer { min, max, unit } => write!(f, "integer {min} to {max}, {unit}"),
            Self::Seconds { min, max } => write!(f, "integer {min} to {max}, seconds"),
            Self::Milliseconds { min, max } => write!(f, "integer {min} to {max}, milliseconds"),
            Self::OneOf(words) => Listed(words).fmt(f),
            Self::AnyOf(words) => write!(f, "list of any of {}", Listed(words)),
            Self::Text { min: 0, max } => write!(f, "any text of at most {max} characters"),
            Self::Text { min, max } => write!(f, "{min} to {max} characters"),
            Self::Name => write!(f, "1 to {} characters, no :", Self::MAX_NAME),
            Self::LanguageCode => f.write_str("ISO 639 code, 2 or 3 letters"),
            Self::CountryCode => f.write_str("ISO 3166 code, 2 or 3 letters"),
            Self::Address => f.write_str("address:port, in numbers, or off"),
            Self::File => write!(f, "file name of 1 to {} characters", Self::MAX_FILE),
            Self::Extensions => f.write_str("extensions joined by :"),
            Self::Secret { max } => write!(f, "0 to {max} bytes"),
            Self::OrEmpty(kind) => write!(f, "empty, or {kind}"),
        }
    }
}

struct Listed(&'static [&'static str]);

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, word) in self.0.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            f.write_str(word)?;
        }
        Ok(())
    }
}
