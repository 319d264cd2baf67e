//! What must hold between options.

use alloc::string::{String, ToString as _};

use super::error::{ConfigError, Problem};
use super::section::Section;
use super::{Config, row, rows_of};

impl Config {
    /// Whether every value is legal and all of them fit together.
    ///
    /// # Errors
    ///
    /// The first rule that is broken: a value out of range, a language without its code, two
    /// languages of one name, `limit-for-sessions` above `limit-for-flex-users` unless one of them
    /// is 0 (B17.2), a certificate without its key or the other way round, client certificates on a
    /// port without TLS.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.sections().try_for_each(|section| self.check_values(section))?;
        self.check_load_limits()?;
        self.check_certificates()?;
        self.check_languages()
    }

    fn check_values(&self, section: Section<'_>) -> Result<(), ConfigError> {
        let Some(row) = rows_of(section).find(|row| !(row.fits)(self, section)) else {
            return Ok(());
        };
        let valid = row.info.kind;
        let value = (row.text)(self, section).unwrap_or_default();
        let problem = if value.is_empty() {
            Problem::Missing { valid }
        } else {
            let value = (!valid.is_secret()).then(|| value.into());
            Problem::BadValue { value, valid }
        };
        Err(ConfigError::new(&section.to_string(), row.info.name, problem))
    }

    fn check_load_limits(&self) -> Result<(), ConfigError> {
        let sessions = self.settings.limit_for_sessions;
        let users = self.settings.limit_for_flex_users;
        if sessions <= users || users == 0 {
            return Ok(());
        }
        let rule = "must not be above, unless one of them is 0,";
        Err(self.conflict(Section::Settings, "limit-for-sessions", rule, "limit-for-flex-users"))
    }

    fn check_certificates(&self) -> Result<(), ConfigError> {
        for section in Section::FIXED {
            let Section::Port(port) = section else { continue };
            let port = &self.ports[port];
            let (chain, key) = (port.certificate_file.is_some(), port.private_key_file.is_some());
            let (option, other) = if chain != key {
                ("certificate-file", "private-key-file")
            } else if port.client_ca_file.is_some() && !chain {
                ("client-ca-file", "certificate-file")
            } else {
                continue;
            };
            return Err(self.conflict(section, option, "goes only together with", other));
        }
        Ok(())
    }

    fn check_languages(&self) -> Result<(), ConfigError> {
        let Some((section, other)) = self.languages.namesakes() else { return Ok(()) };
        let (section, other) = (Section::Language(section), Section::Language(other));
        let value = self.text(section, "name").into();
        let problem = Problem::Taken { value, other: other.to_string().into() };
        Err(ConfigError::new(&section.to_string(), "name", problem))
    }

    fn conflict(
        &self,
        section: Section<'_>,
        option: &'static str,
        rule: &'static str,
        other: &'static str,
    ) -> ConfigError {
        let value = self.text(section, option).into();
        let other_value = self.text(section, other).into();
        let problem = Problem::Conflict { value, rule, other, other_value };
        ConfigError::new(&section.to_string(), option, problem)
    }

    fn text(&self, section: Section<'_>, option: &str) -> String {
        row(section, option).and_then(|row| (row.text)(self, section)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
