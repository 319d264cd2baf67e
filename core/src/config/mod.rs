//! What an operator decides: every option of the documentation's options page that the server
//! knows, checked once and then shared.
//!
//! An option stands in one row of one table, with its name, default, legal values and effect; its
//! field, its text and its description are all made from that row.
//!
//! ```
//! use core::time::Duration;
//! use confer_core::config::Config;
//!
//! let mut config = Config::default();
//! config.set("settings", "flex-disconnect-timeout", "90")?;
//! config.set("endpoints:1", "sales", "sales-queue")?;
//! config.validate()?;
//! assert_eq!(config.settings.flex_disconnect_timeout, Duration::from_secs(90));
//! assert_eq!(config.queue(Some("1:sales")).map(|endpoint| endpoint.queue), Ok("sales-queue"));
//!
//! let error = config.set("settings", "session-linger", "0").unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "[settings] session-linger = \"0\": not valid; valid: integer 1 to 86400, seconds"
//! );
//! # Ok::<(), confer_core::config::ConfigError>(())
//! ```

mod choices;
mod endpoints;
mod error;
pub(crate) mod kind;
mod languages;
mod names;
mod options;
mod reload;
mod section;
#[cfg(feature = "serde")]
mod serial;
mod services;
pub(crate) mod table;
mod validate;
pub(crate) mod value;

pub use choices::{
    AttachStatistics, AutoSave, DeleteFile, IncludeNotices, PushIdentifier, RestorationMode,
    RestoreBy, SaveNotices, SaveOnError, StatisticsMoment, StatisticsPlace, StopAbandoned,
};
pub use endpoints::{Endpoint, UnknownEndpoint};
pub use error::{ConfigError, Problem};
pub use kind::Kind;
pub use languages::Language;
pub use names::Withdrawn;
pub use options::{
    ClientFileTransfer, InactivityControl, Listen, Port, Ports, Server, Settings, Web,
};
pub use reload::Difference;
pub use services::ChatService;
pub use table::{Effect, OptionInfo};

use alloc::borrow::ToOwned as _;
use alloc::string::String;

use self::endpoints::Endpoints;
use self::languages::Languages;
use self::names::nearest;
use self::section::Section;
use self::services::Services;
use self::table::{Group, Row};
use crate::limits::Limits;
use crate::text::Text;

/// The configuration of a server.
///
/// [`Config::set`] takes legal values only. Whoever writes to the fields instead has to ask
/// [`Config::validate`] about ranges too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Section `server`.
    pub server: Server,
    /// Sections `ports.<id>`.
    pub ports: Ports,
    /// Section `settings`, sizes and numbers.
    pub limits: Limits,
    /// Section `settings`, everything else.
    pub settings: Settings,
    /// Section `inactivity-control`.
    pub inactivity_control: InactivityControl,
    /// Section `client-file-transfer`.
    pub client_file_transfer: ClientFileTransfer,
    /// Section `web`.
    pub web: Web,
    services: Services,
    languages: Languages,
    endpoints: Endpoints,
    /// Under which of its two names the one option that has two was set.
    spelled: Option<&'static str>,
}

/// The texts of the idle notices; an empty one is not sent (B11.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleMessages<'a> {
    /// Of the first alert, and of the async one.
    pub alert: &'a Text,
    /// Of the second alert.
    pub alert2: &'a Text,
    /// Of the close, and of the async one.
    pub close: &'a Text,
}

impl Config {
    /// How many endpoints may be configured, those of all tenants together; hence no more tenants.
    pub const MAX_ENDPOINTS: usize = Endpoints::MAX;
    /// How many languages may be configured.
    pub const MAX_LANGUAGES: usize = Languages::MAX;
    /// How many services of the web API may be configured.
    pub const MAX_CHAT_SERVICES: usize = Services::MAX;

    /// Every option, in the order of the documentation.
    pub fn options() -> impl Iterator<Item = &'static OptionInfo> {
        const ENDPOINTS: &[OptionInfo] = &Endpoints::OPTIONS;
        rows().map(|row| &row.info).chain(ENDPOINTS)
    }

    /// Sets an option to what `value` says.
    ///
    /// A withdrawn name changes nothing and is returned, to be warned of.
    ///
    /// # Errors
    ///
    /// Refuses sections and options that do not exist and values that are not legal, and changes
    /// nothing then. Whether options fit together is for [`Config::validate`] to say, but for the
    /// two names of `request-max-size`, which must not be given different values.
    pub fn set(
        &mut self,
        section: &str,
        option: &str,
        value: &str,
    ) -> Result<Option<Withdrawn>, ConfigError> {
        if let Some(withdrawn) = Withdrawn::find(section, option) {
            return Ok(Some(withdrawn));
        }
        match self.try_set(section, option, value) {
            Ok(()) => Ok(None),
            Err(problem) => Err(ConfigError::new(section, option, problem)),
        }
    }

    fn try_set(&mut self, section: &str, option: &str, value: &str) -> Result<(), Problem> {
        let section = Section::parse(section)?;
        if let Section::Endpoints(tenant) = section {
            return self.endpoints.set(tenant, option, value);
        }
        let Some(row) = row(section, option) else {
            return Err(Problem::UnknownOption { nearest: nearest_option(section, option) });
        };
        if let Section::Language(name) = section {
            self.languages.admit(name)?;
        }
        if let Section::Chat(name) = section {
            self.services.admit(name)?;
        }
        let before = (row.text)(self, section);
        if !(row.write)(self, section, value) {
            let kind = row.info.kind;
            let value = (!kind.is_secret()).then(|| value.into());
            return Err(Problem::BadValue { value, valid: kind });
        }
        self.check_spelling(row, section, option, before)
    }

    /// Takes back what was just set if the option's other name has set something else.
    fn check_spelling(
        &mut self,
        row: &Row,
        section: Section<'_>,
        option: &str,
        before: Option<String>,
    ) -> Result<(), Problem> {
        let Some(alias) = row.info.alias else { return Ok(()) };
        let name = if option == alias { alias } else { row.info.name };
        let value = (row.text)(self, section);
        if let Some(other) = self.spelled.filter(|other| *other != name)
            && before != value
        {
            let (value, other_value) = (value.unwrap_or_default(), before.unwrap_or_default());
            (row.write)(self, section, &other_value);
            return Err(Problem::Conflict {
                value: value.into(),
                rule: "means the same as",
                other,
                other_value: other_value.into(),
            });
        }
        self.spelled = Some(name);
        Ok(())
    }

    /// The value in force, as text that [`Config::set`] would take, but for secrets, which are
    /// hidden. `None` if there is no such option or it is not set.
    pub fn value(&self, section: &str, option: &str) -> Option<String> {
        let section = Section::parse(section).ok()?;
        if let Section::Endpoints(tenant) = section {
            return Some(self.endpoints.find(tenant, option)?.queue.to_owned());
        }
        (row(section, option)?.text)(self, section)
    }

    /// The endpoint a QueueKey names: `tenant:endpoint`, `endpoint`, or nothing (B4.2).
    ///
    /// # Errors
    ///
    /// Nothing of that name is configured: 8310.
    pub fn queue(&self, queue_key: Option<&str>) -> Result<Endpoint<'_>, UnknownEndpoint> {
        let queue_key = queue_key.unwrap_or(Endpoints::DEFAULT);
        let endpoint = if queue_key.contains(':') {
            self.endpoints.at(queue_key)
        } else {
            self.endpoints.find(&self.settings.default_tenant, queue_key)
        };
        endpoint.ok_or(UnknownEndpoint)
    }

    /// The service of the web API of this name, if it is switched on; `customer-support` while none
    /// is configured.
    pub fn chat_service(&self, name: &str) -> Option<&ChatService> {
        self.services.find(name)
    }

    /// The language of a session with this `GCTI_LanguageName` and `GCTI_LanguageCode`; `None`: the
    /// server's own texts (B16.2).
    ///
    /// A name decides alone. Of languages that match equally well, the first by section name wins.
    pub fn language_for(&self, name: Option<&str>, code: Option<&str>) -> Option<&Language> {
        self.languages.find(name, code)
    }

    /// The texts of the idle notices of a session in this language (B16.4).
    pub fn idle_messages<'a>(&'a self, language: Option<&'a Language>) -> IdleMessages<'a> {
        let own = &self.inactivity_control;
        IdleMessages {
            alert: language.and_then(|it| it.message_alert.as_ref()).unwrap_or(&own.message_alert),
            alert2: language
                .and_then(|it| it.message_alert2.as_ref())
                .unwrap_or(&own.message_alert2),
            close: language.and_then(|it| it.message_close.as_ref()).unwrap_or(&own.message_close),
        }
    }

    /// Every section with options in the table, in the order of the documentation.
    fn sections(&self) -> impl Iterator<Item = Section<'_>> {
        Section::FIXED
            .into_iter()
            .chain(self.languages.sections().map(Section::Language))
            .chain(self.services.sections().map(Section::Chat))
    }
}

fn rows() -> impl Iterator<Item = &'static Row> {
    const GROUPS: [&[Row]; 9] = [
        Server::ROWS,
        Port::ROWS,
        Limits::ROWS,
        Settings::ROWS,
        InactivityControl::ROWS,
        Language::ROWS,
        ClientFileTransfer::ROWS,
        Web::ROWS,
        ChatService::ROWS,
    ];
    GROUPS.into_iter().flatten()
}

fn rows_of(section: Section<'_>) -> impl Iterator<Item = &'static Row> {
    let family = section.family();
    rows().filter(move |row| row.info.section == family)
}

fn row(section: Section<'_>, option: &str) -> Option<&'static Row> {
    rows_of(section).find(|row| row.is_called(option))
}

/// The option most like `option`: of that very name elsewhere, or of a similar name in `section`.
fn nearest_option(section: Section<'_>, option: &str) -> Option<(&'static str, &'static str)> {
    rows().find(|row| row.is_called(option)).map(|row| (row.info.section, row.info.name)).or_else(
        || {
            let names = rows_of(section).map(|row| row.info.name);
            Some((section.family(), nearest(option, names)?))
        },
    )
}

macro_rules! kept_in {
    ($($group:ident: $field:ident,)+) => {$(
        impl Group for $group {
            fn of<'c>(config: &'c Config, _: Section<'_>) -> Option<&'c Self> {
                Some(&config.$field)
            }

            fn of_mut<'c>(config: &'c mut Config, _: Section<'_>) -> Option<&'c mut Self> {
                Some(&mut config.$field)
            }
        }
    )+};
}

kept_in! {
    Server: server,
    Limits: limits,
    Settings: settings,
    InactivityControl: inactivity_control,
    ClientFileTransfer: client_file_transfer,
    Web: web,
}

impl Group for Port {
    fn of<'c>(config: &'c Config, section: Section<'_>) -> Option<&'c Self> {
        let Section::Port(id) = section else { return None };
        Some(&config.ports[id])
    }

    fn of_mut<'c>(config: &'c mut Config, section: Section<'_>) -> Option<&'c mut Self> {
        let Section::Port(id) = section else { return None };
        Some(&mut config.ports[id])
    }
}

#[cfg(test)]
mod tests;
