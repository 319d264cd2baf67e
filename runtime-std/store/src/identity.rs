//! By what a person is known (B19.1).

use confer_core::frame::{KvEntry, KvList};

pub(crate) const EMAIL: &str = "EmailAddress";
pub(crate) const PHONE: &str = "PhoneNumber";
pub(crate) const FIRST: &str = "FirstName";
pub(crate) const LAST: &str = "LastName";
/// The attributes that identify, best first; the names count together only.
const NAMES: [&str; 4] = [EMAIL, PHONE, FIRST, LAST];
/// Longest value that identifies, in bytes. A longer one is nobody's address or name.
const MAX_VALUE: usize = 1024;

/// What identifies a person; one of the three at least is there.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    /// First and last name.
    pub(crate) name: Option<(String, String)>,
}

impl Identity {
    /// What of this user data identifies; `None` if nothing does, a nickname alone for one.
    pub(crate) fn of(user_data: &KvList) -> Option<Self> {
        let value = |key| {
            let text = user_data.text(key)?;
            (!text.is_empty() && text.len() <= MAX_VALUE).then(|| text.into_owned())
        };
        let identity =
            Self { email: value(EMAIL), phone: value(PHONE), name: value(FIRST).zip(value(LAST)) };
        let known = identity.email.is_some() || identity.phone.is_some() || identity.name.is_some();
        known.then_some(identity)
    }
}

/// What is stored of a person that was unknown so far: what identifies, and nothing else.
pub(crate) fn stored(user_data: &KvList) -> KvList {
    let mut stored = KvList::new();
    for name in NAMES {
        if let Some(text) = user_data.text(name)
            && !text.is_empty()
            && text.len() <= MAX_VALUE
        {
            stored.push(name, &*text);
        }
    }
    stored
}

/// What is stored of a person, with what they say now instead of what they said once.
pub(crate) fn overridden(stored: &KvList, user_data: &KvList) -> KvList {
    let now = |entry: &KvEntry| match user_data.value(&entry.key) {
        Some(value) => KvEntry { key: entry.key.clone(), value: value.clone() },
        None => entry.clone(),
    };
    stored.into_iter().map(now).collect()
}
