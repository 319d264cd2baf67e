//! A configuration for `serde`: options with their values, as [`Config::set`] takes them.

use alloc::borrow::ToOwned as _;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::section::Section;
use super::table::{Group as _, Row};
use super::{Config, Language, row, rows_of};

/// Section, option, value.
type Setting = (String, String, String);

impl Config {
    /// What makes this configuration out of the default one, secrets left out.
    fn settings(&self) -> Vec<Setting> {
        let mut defaults = Self::default();
        let languages: Vec<_> = self.languages.sections().map(Section::Language).collect();
        for &section in &languages {
            // What a section has that was just begun.
            Language::of_mut(&mut defaults, section);
        }
        let services = self.services.sections().map(Section::Chat);
        let sections = Section::FIXED.into_iter().chain(languages).chain(services);
        let of_table = sections.flat_map(|section| {
            // A language is there as soon as it has a name, a service as soon as it is switched on or
            // off; and which of two names an option was set under is known even if its value is the
            // default.
            let stays = |row: &Row| {
                if matches!(section, Section::Language(_)) {
                    row.info.name == "name"
                } else if matches!(section, Section::Chat(_)) {
                    row.info.name == "enabled"
                } else {
                    row.info.alias.and(self.spelled).is_some()
                }
            };
            rows_of(section)
                .filter(|row| !row.info.kind.is_secret())
                .filter(|row| stays(row) || !(row.same)(&defaults, self, section))
                .map(|row| {
                    let of_two = row.info.alias.and(self.spelled);
                    let value = (row.text)(self, section).unwrap_or_default();
                    (section.to_string(), of_two.unwrap_or(row.info.name).to_owned(), value)
                })
                .collect::<Vec<_>>()
        });
        let of_endpoints = self.endpoints.each().map(|endpoint| {
            let section = Section::Endpoints(endpoint.tenant).to_string();
            (section, endpoint.name.to_owned(), endpoint.queue.to_owned())
        });
        of_table.chain(of_endpoints).collect()
    }
}

/// As the options that are not at their defaults, without secrets.
impl Serialize for Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.settings())
    }
}

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut config = Self::default();
        for (section, option, value) in Vec::<Setting>::deserialize(deserializer)? {
            let known = Section::parse(&section).ok().and_then(|section| row(section, &option));
            if known.is_some_and(|row| row.info.kind.is_secret()) {
                return Err(D::Error::custom("a secret, where none is written"));
            }
            config.set(&section, &option, &value).map_err(D::Error::custom)?;
        }
        Ok(config)
    }
}
