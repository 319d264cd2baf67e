//! What the workflow set otherwise for one session's inactivity control (B11.6, B14.6).

use core::time::Duration;

use crate::config::value::Value;
use crate::config::{Config, IdleMessages, InactivityControl, IncludeNotices, Kind};
use crate::frame::{ErrorId, KvList};
use crate::refusal::Refusal;
use crate::text::Text;

/// Options of section `inactivity-control` that have another value in one session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overrides {
    enabled: Option<bool>,
    timeout_alert: Option<Duration>,
    timeout_alert2: Option<Duration>,
    timeout_close: Option<Duration>,
    include_notices: Option<IncludeNotices>,
    message_alert: Option<Text>,
    message_alert2: Option<Text>,
    message_close: Option<Text>,
}

impl Overrides {
    /// Those of a session the workflow left as it was.
    pub(crate) const NONE: Self = Self {
        enabled: None,
        timeout_alert: None,
        timeout_alert2: None,
        timeout_close: None,
        include_notices: None,
        message_alert: None,
        message_alert2: None,
        message_close: None,
    };

    /// These overrides after a call with these parameters (B14.6). Texts have at most `longest`
    /// characters, everything else is legal where it is for the option of the same name.
    pub(crate) fn configured(&self, parameters: &KvList, longest: usize) -> Result<Self, Refusal> {
        const NAMES: [&str; 9] = [
            "reset-parameters",
            "enabled",
            "timeout-alert",
            "timeout-alert2",
            "timeout-close",
            "include-notices",
            "message-alert",
            "message-alert2",
            "message-close",
        ];
        if !NAMES.iter().any(|name| parameters.value(name).is_some()) {
            return Err(Refusal::because(ErrorId::Malformed, "nothing to configure"));
        }
        let given = Given { parameters, longest };
        let reset = given.boolean("reset-parameters")?.unwrap_or_default();
        let before = if reset { Self::default() } else { self.clone() };
        Ok(Self {
            enabled: given.boolean("enabled")?.or(before.enabled),
            timeout_alert: given.option("timeout-alert")?.or(before.timeout_alert),
            timeout_alert2: given.option("timeout-alert2")?.or(before.timeout_alert2),
            timeout_close: given.option("timeout-close")?.or(before.timeout_close),
            include_notices: given.option("include-notices")?.or(before.include_notices),
            message_alert: given.message("message-alert")?.or(before.message_alert),
            message_alert2: given.message("message-alert2")?.or(before.message_alert2),
            message_close: given.message("message-close")?.or(before.message_close),
        })
    }

    /// As they are saved: the parameters of a call that sets them.
    pub(crate) fn written(&self) -> KvList {
        let mut list = KvList::new();
        if let Some(enabled) = self.enabled {
            list.push("enabled", if enabled { "true" } else { "false" });
        }
        for (name, period) in [
            ("timeout-alert", self.timeout_alert),
            ("timeout-alert2", self.timeout_alert2),
            ("timeout-close", self.timeout_close),
        ] {
            if let Some(period) = period {
                list.push(name, &*alloc::string::ToString::to_string(&period.as_secs()));
            }
        }
        if let Some(notices) = self.include_notices {
            list.push("include-notices", notices.name());
        }
        for (name, text) in [
            ("message-alert", &self.message_alert),
            ("message-alert2", &self.message_alert2),
            ("message-close", &self.message_close),
        ] {
            if let Some(text) = text {
                list.push(name, text.reveal());
            }
        }
        list
    }

    /// The options in force in the session: its own, and the configured ones where it has none.
    pub(crate) fn over(&self, options: &InactivityControl) -> Settings {
        Settings {
            enabled: self.enabled.unwrap_or(options.enabled),
            timeout_alert: self.timeout_alert.unwrap_or(options.timeout_alert),
            timeout_alert2: self.timeout_alert2.unwrap_or(options.timeout_alert2),
            timeout_close: self.timeout_close.unwrap_or(options.timeout_close),
            include_notices: self.include_notices.unwrap_or(options.include_notices),
        }
    }

    /// The texts in force in the session: its own, else these, of its language or the server.
    pub(crate) fn messages<'a>(&'a self, messages: IdleMessages<'a>) -> IdleMessages<'a> {
        IdleMessages {
            alert: self.message_alert.as_ref().unwrap_or(messages.alert),
            alert2: self.message_alert2.as_ref().unwrap_or(messages.alert2),
            close: self.message_close.as_ref().unwrap_or(messages.close),
        }
    }
}

/// The inactivity control of one session, but for its texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) enabled: bool,
    pub(crate) timeout_alert: Duration,
    pub(crate) timeout_alert2: Duration,
    pub(crate) timeout_close: Duration,
    pub(crate) include_notices: IncludeNotices,
}

impl Settings {
    /// As participants are told it: under the names of the options, as text.
    pub(crate) fn user_data(&self) -> KvList {
        let seconds = |time: Duration| alloc::string::ToString::to_string(&time.as_secs());
        KvList::from([
            ("enabled", if self.enabled { "true" } else { "false" }.into()),
            ("timeout-alert", (&*seconds(self.timeout_alert)).into()),
            ("timeout-alert2", (&*seconds(self.timeout_alert2)).into()),
            ("timeout-close", (&*seconds(self.timeout_close)).into()),
            ("include-notices", self.include_notices.name().into()),
        ])
    }
}

/// The parameters of a call.
struct Given<'a> {
    parameters: &'a KvList,
    longest: usize,
}

impl<'a> Given<'a> {
    fn text(&self, name: &str) -> Result<Option<alloc::borrow::Cow<'a, str>>, Refusal> {
        let text = self.parameters.text(name);
        if text.is_none() && self.parameters.value(name).is_some() {
            return Err(Refusal::because(ErrorId::Malformed, "a parameter is no text"));
        }
        Ok(text)
    }

    /// Only `true` is true.
    fn boolean(&self, name: &str) -> Result<Option<bool>, Refusal> {
        Ok(self.text(name)?.map(|text| text == "true"))
    }

    fn option<T: Value>(&self, name: &str) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let value = kind(name).and_then(|kind| T::read(&text, &kind));
        value.map(Some).ok_or(Refusal::because(ErrorId::Malformed, "a parameter has a bad value"))
    }

    fn message(&self, name: &str) -> Result<Option<Text>, Refusal> {
        let Some(text) = self.text(name)?.map(|text| Text::new(&text)) else { return Ok(None) };
        if text.chars() > self.longest { Err(ErrorId::TextTooLong.into()) } else { Ok(Some(text)) }
    }
}

/// What may be written for an option of section `inactivity-control`.
fn kind(name: &str) -> Option<Kind> {
    Config::options()
        .find(|option| option.section == "inactivity-control" && option.name == name)
        .map(|option| option.kind)
}

#[cfg(test)]
mod tests;
