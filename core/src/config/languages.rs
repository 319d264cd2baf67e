//! Languages: the texts a session's idle notices have.

use alloc::collections::BTreeMap;

use super::Config;
use super::error::Problem;
use super::section::Section;
use super::table::{Group, options};
use crate::text::{Str, Text};

options! {
    /// Section `languages.<NAME>`: a language sessions may be in (B16.1).
    pub struct Language in "languages.<NAME>";

    /// Name that `GCTI_LanguageName` gives; the section's unless another is set (B16.2).
    name: Str = Str::default(), Kind::SHORT_TEXT, "name", Now;
    /// Code of the language, the first part of `GCTI_LanguageCode` (B16.2).
    language: Str = Str::default(), Kind::LanguageCode, "language", Now;
    /// Code of the country, the second part of `GCTI_LanguageCode` (B16.2).
    country: Option<Str> = None, Kind::OrEmpty(&Kind::CountryCode), "country", Now;
    /// Third choice of B16.2: also for sessions in this language, but in another country.
    use_language_as_default: bool = false, Kind::Boolean, "use-language-as-default", Now;
    /// First alert in this language, instead of that of `inactivity-control` (B16.4).
    message_alert: Option<Text> = None, Kind::ANY_TEXT, "message-alert", Now;
    /// Second alert in this language, instead of that of `inactivity-control` (B16.4).
    message_alert2: Option<Text> = None, Kind::ANY_TEXT, "message-alert2", Now;
    /// Text of the close in this language, instead of that of `inactivity-control` (B16.4).
    message_close: Option<Text> = None, Kind::ANY_TEXT, "message-close", Now;
}

impl Group for Language {
    fn of<'c>(config: &'c Config, section: Section<'_>) -> Option<&'c Self> {
        let Section::Language(name) = section else { return None };
        config.languages.0.get(name)
    }

    fn of_mut<'c>(config: &'c mut Config, section: Section<'_>) -> Option<&'c mut Self> {
        let Section::Language(name) = section else { return None };
        let name = Str::new(name);
        let new = || Self { name: name.clone(), ..Self::default() };
        Some(config.languages.0.entry(name.clone()).or_insert_with(new))
    }
}

/// The languages, by the names of their sections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Languages(BTreeMap<Str, Language>);

impl Languages {
    /// How many languages there may be.
    pub(crate) const MAX: usize = 1024;

    /// The section names, sorted.
    pub(crate) fn sections(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(Str::as_str)
    }

    /// Whether the section is there or may still be added.
    pub(crate) fn admit(&self, section: &str) -> Result<(), Problem> {
        if self.0.len() < Self::MAX || self.0.contains_key(section) {
            Ok(())
        } else {
            Err(Problem::TooMany { limit: Self::MAX })
        }
    }

    /// Gives a section what it had, or takes it away if it was not there.
    pub(crate) fn keep(&mut self, old: &Self, section: &str) {
        match old.0.get_key_value(section) {
            Some((name, language)) => self.0.insert(name.clone(), language.clone()),
            None => self.0.remove(section),
        };
    }

    /// Two sections that claim the same name, if there are any.
    pub(crate) fn namesakes(&self) -> Option<(&str, &str)> {
        let mut claimed = BTreeMap::new();
        self.0.iter().find_map(|(section, language)| {
            let first = claimed.insert(&language.name, section)?;
            Some((section.as_str(), first.as_str()))
        })
    }

    pub(crate) fn find(&self, name: Option<&str>, code: Option<&str>) -> Option<&Language> {
        if let Some(name) = name {
            return self.0.values().find(|language| &*language.name == name);
        }
        let code = code?;
        let (wanted, country) = match code.split_once(['-', '_']) {
            Some((language, country)) => (language, Some(country)),
            None => (code, None),
        };
        let alike =
            || self.0.values().filter(move |known| known.language.eq_ignore_ascii_case(wanted));
        let exactly = |known: &&Language| match (&known.country, country) {
            (Some(known), Some(country)) => known.eq_ignore_ascii_case(country),
            (known, country) => known.is_none() && country.is_none(),
        };
        alike()
            .find(exactly)
            .or_else(|| alike().find(|known| known.country.is_none()))
            .or_else(|| alike().find(|known| known.use_language_as_default))
    }
}

#[cfg(test)]
mod tests;
