//! A new configuration for a server that runs.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::error::{ConfigError, Problem};
use super::section::Section;
use super::table::Effect;
use super::{Config, row, rows_of};

/// An option whose value changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The section.
    pub section: String,
    /// The option.
    pub option: String,
    /// When the change acts.
    pub effect: Effect,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { section, option, effect } = self;
        write!(f, "[{section}] {option} (acts: {effect})")
    }
}

impl Config {
    /// Puts back the old value of whatever `error` is about, since a bad value at a reload leaves
    /// the old one in force. A new language that cannot be used is left out.
    ///
    /// `error` is one that [`Config::set`] or [`Config::validate`] gave for `self`, and `old` is
    /// valid. Doing this for every error of `set`, and then for each of `validate` until there is
    /// none, comes to an end.
    ///
    /// ```
    /// # use confer_core::config::Config;
    /// # let running = Config::default();
    /// let mut newer = Config::default();
    /// for (section, option, value) in [("settings", "session-linger", "soon")] {
    ///     if let Err(error) = newer.set(section, option, value) {
    ///         newer.keep(&running, &error);
    ///     }
    /// }
    /// while let Err(error) = newer.validate() {
    ///     newer.keep(&running, &error);
    /// }
    /// let running = running.merge_now(&newer);
    /// ```
    pub fn keep(&mut self, old: &Self, error: &ConfigError) {
        let Ok(section) = Section::parse(&error.section) else { return };
        match (section, &error.problem) {
            (Section::Endpoints(tenant), _) => {
                self.endpoints.keep(&old.endpoints, tenant, &error.option);
            }
            (Section::Language(name), Problem::Missing { .. }) => {
                self.languages.keep(&old.languages, name);
            }
            (Section::Chat(name), Problem::Missing { .. }) => {
                self.services.keep(&old.services, name);
            }
            (Section::Language(name), Problem::Taken { other, .. }) => {
                self.languages.keep(&old.languages, name);
                if let Ok(Section::Language(other)) = Section::parse(other) {
                    self.languages.keep(&old.languages, other);
                }
            }
            (_, Problem::Conflict { other, .. }) => {
                self.copy(old, section, &error.option);
                self.copy(old, section, other);
            }
            _ => self.copy(old, section, &error.option),
        }
    }

    fn copy(&mut self, from: &Self, section: Section<'_>, option: &str) {
        if let Some(row) = row(section, option) {
            (row.copy)(self, from, section);
        }
    }

    /// This configuration with every option of `newer` that acts without a restart.
    ///
    /// If both are valid, so is the result.
    #[must_use]
    pub fn merge_now(&self, newer: &Self) -> Self {
        let mut merged = Self {
            languages: newer.languages.clone(),
            services: newer.services.clone(),
            endpoints: newer.endpoints.clone(),
            spelled: newer.spelled,
            ..self.clone()
        };
        for section in Section::FIXED {
            for row in rows_of(section).filter(|row| row.info.effect != Effect::Restart) {
                (row.copy)(&mut merged, newer, section);
            }
        }
        merged
    }

    /// What is different in `newer`, in the order of the documentation: for each, whether it acts
    /// now or waits for a restart.
    pub fn differences(&self, newer: &Self) -> Vec<Difference> {
        let languages: BTreeSet<&str> =
            self.languages.sections().chain(newer.languages.sections()).collect();
        let services: BTreeSet<&str> =
            self.services.sections().chain(newer.services.sections()).collect();
        let sections = Section::FIXED
            .into_iter()
            .chain(languages.into_iter().map(Section::Language))
            .chain(services.into_iter().map(Section::Chat));
        let of_table = sections.flat_map(|section| {
            rows_of(section).filter(move |row| !(row.same)(self, newer, section)).map(move |row| {
                Difference {
                    section: section.to_string(),
                    option: row.info.name.to_string(),
                    effect: row.info.effect,
                }
            })
        });
        let of_endpoints =
            self.endpoints.differences(&newer.endpoints).map(|(tenant, name)| Difference {
                section: Section::Endpoints(tenant).to_string(),
                option: name.to_string(),
                effect: Effect::Now,
            });
        of_table.chain(of_endpoints).collect()
    }
}

#[cfg(test)]
mod tests;
