//! How values are read and written.

use alloc::borrow::ToOwned as _;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use super::kind::Kind;
use super::options::Listen;
use crate::pii::Secret;
use crate::text::{Str, Text};

/// A type an option's field may have.
pub(crate) trait Value: Sized {
    /// What `text` says, legal or not; `None` if it says nothing of this type.
    fn parse(text: &str, kind: &Kind) -> Option<Self>;

    /// Whether the value is legal for an option of this kind.
    fn fits(&self, kind: &Kind) -> bool;

    /// The value in the form it is read from, secrets hidden; `None` if it is not set.
    fn text(&self, kind: &Kind) -> Option<String>;

    /// The legal value `text` says.
    fn read(text: &str, kind: &Kind) -> Option<Self> {
        Self::parse(text, kind).filter(|value| value.fits(kind))
    }
}

impl Value for bool {
    fn parse(text: &str, _: &Kind) -> Option<Self> {
        let is = |word: &&str| text.eq_ignore_ascii_case(word);
        if ["true", "yes", "on", "1"].iter().any(is) {
            Some(true)
        } else if ["false", "no", "off", "0"].iter().any(is) {
            Some(false)
        } else {
            None
        }
    }

    fn fits(&self, _: &Kind) -> bool {
        true
    }

    fn text(&self, _: &Kind) -> Option<String> {
        Some(self.to_string())
    }
}

impl Value for u32 {
    fn parse(text: &str, _: &Kind) -> Option<Self> {
        // `u32` itself would take a sign.
        if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
    }

    fn fits(&self, kind: &Kind) -> bool {
        let Kind::Integer { min, max, .. } = kind else { return false };
        (min..=max).contains(&self)
    }

    fn text(&self, _: &Kind) -> Option<String> {
        Some(self.to_string())
    }
}

impl Value for Duration {
    fn parse(text: &str, kind: &Kind) -> Option<Self> {
        let number = u32::parse(text, kind)?;
        kind.unit_of_time().map(|unit| unit * number)
    }

    fn fits(&self, kind: &Kind) -> bool {
        let (Kind::Seconds { min, max } | Kind::Milliseconds { min, max }) = *kind else {
            return false;
        };
        kind.unit_of_time().is_some_and(|unit| (unit * min..=unit * max).contains(self))
    }

    fn text(&self, kind: &Kind) -> Option<String> {
        Some(if matches!(kind, Kind::Milliseconds { .. }) {
            self.as_millis().to_string()
        } else {
            self.as_secs().to_string()
        })
    }
}

impl Value for Str {
    fn parse(text: &str, kind: &Kind) -> Option<Self> {
        Some(if *kind == Kind::LanguageCode {
            Self::new(&text.to_ascii_lowercase())
        } else if *kind == Kind::CountryCode {
            Self::new(&text.to_ascii_uppercase())
        } else {
            Self::new(text)
        })
    }

    fn fits(&self, kind: &Kind) -> bool {
        kind.admits(self)
    }

    fn text(&self, _: &Kind) -> Option<String> {
        Some(self.as_str().to_owned())
    }
}

impl Value for Text {
    fn parse(text: &str, _: &Kind) -> Option<Self> {
        Some(Self::new(text))
    }

    fn fits(&self, kind: &Kind) -> bool {
        kind.admits(self.reveal())
    }

    fn text(&self, _: &Kind) -> Option<String> {
        // An operator's words, not a customer's.
        Some(self.reveal().to_owned())
    }
}

impl Value for Secret {
    fn parse(text: &str, _: &Kind) -> Option<Self> {
        Some(Self::new(text))
    }

    fn fits(&self, kind: &Kind) -> bool {
        kind.admits(self.reveal())
    }

    fn text(&self, _: &Kind) -> Option<String> {
        Some("[secret]".to_owned())
    }
}

impl Value for Listen {
    fn parse(text: &str, _: &Kind) -> Option<Self> {
        if text == "off" { Some(Self::Off) } else { text.parse().ok().map(Self::At) }
    }

    fn fits(&self, _: &Kind) -> bool {
        true
    }

    fn text(&self, _: &Kind) -> Option<String> {
        match self {
            Self::At(address) => Some(address.to_string()),
            Self::Off => Some("off".to_owned()),
        }
    }
}

/// Something that need not be set: empty text leaves it unset if the kind says so.
impl<T: Value> Value for Option<T> {
    fn parse(text: &str, kind: &Kind) -> Option<Self> {
        if text.is_empty() && kind.is_unset_when_empty() {
            return Some(None);
        }
        T::parse(text, kind.if_set()).map(Some)
    }

    fn fits(&self, kind: &Kind) -> bool {
        self.as_ref().is_none_or(|value| value.fits(kind.if_set()))
    }

    fn text(&self, kind: &Kind) -> Option<String> {
        self.as_ref()?.text(kind.if_set())
    }
}

/// A value out of a fixed list.
pub(crate) trait Choice: Copy + Eq + 'static {
    /// Every value, in the documented order.
    const ALL: &'static [Self];

    /// The value of this name.
    fn named(name: &str) -> Option<Self>;

    /// Its name.
    fn name(self) -> &'static str;
}

/// Any of a list, each once, in the documented order.
impl<T: Choice> Value for Vec<T> {
    fn parse(text: &str, _: &Kind) -> Option<Self> {
        if text.trim().is_empty() {
            return Some(Self::new());
        }
        let mut any = Self::new();
        for item in text.split(',') {
            let item = T::named(item.trim())?;
            if !any.contains(&item) {
                any.push(item);
            }
        }
        any.sort_by_key(|item| T::ALL.iter().position(|choice| choice == item));
        Some(any)
    }

    fn fits(&self, _: &Kind) -> bool {
        true
    }

    fn text(&self, _: &Kind) -> Option<String> {
        let mut text = String::new();
        for item in self {
            text.push_str(if text.is_empty() { "" } else { ", " });
            text.push_str(item.name());
        }
        Some(text)
    }
}
