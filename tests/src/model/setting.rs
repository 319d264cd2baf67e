//! The configurations a script may run under.

use confer_core::config::{
    AutoSave, Config, IncludeNotices, SaveNotices, SaveOnError, StopAbandoned,
};

/// Milliseconds. Every timeout lasts whole seconds, no two of them that may begin together end
/// together, and every operation of a script happens at its own millisecond of a second: so the
/// order of two expiries never hangs on which of them was armed first within one operation.
pub(super) const REGISTER: u64 = 30_000;
/// `flex-disconnect-timeout`.
pub(super) const SILENCE: u64 = 45_000;
/// `session-linger`.
pub(super) const LINGER: u64 = 60_000;
/// `transcript-resend-delay`.
pub(super) const RESEND: u64 = 7_000;
/// `transcript-resend-attempts`.
pub(super) const ATTEMPTS: u32 = 2;
/// `save-wait-max`.
pub(super) const WAIT: u64 = 3_000;
/// `timeout-alert`.
pub(super) const ALERT: u64 = 40_000;
/// `timeout-alert2`, where there is one.
pub(super) const ALERT2: u64 = 20_000;
/// `timeout-close`.
pub(super) const CLOSE: u64 = 10_000;
/// `async-idle-alert`.
pub(super) const ASYNC_ALERT: u64 = 300_000;
/// `async-idle-close`.
pub(super) const ASYNC_CLOSE: u64 = 100_000;

/// The configurations a script may run under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Whether every event is saved before it is told (B20.1).
    pub auto_save: AutoSave,
    /// What becomes of a session whose events cannot be saved (B20.6).
    pub on_error: SaveOnError,
    /// Which notices are stored (B5.4).
    pub save_notices: SaveNotices,
    /// Whether inactivity control is on (B11.1).
    pub idle: bool,
    /// Whether there is a second alert, and whether it says something (B11.2, B11.3).
    pub second_alert: (bool, bool),
    /// Notices that count as activity, of both controls (B11.4).
    pub include_notices: IncludeNotices,
    /// Whether sessions get passwords (B3.7).
    pub passwords: bool,
    /// What becomes of the interaction (B8.6).
    pub stop: StopAbandoned,
}

impl Setting {
    /// The configuration that says so.
    ///
    /// # Panics
    ///
    /// If an option was renamed.
    pub fn config(&self) -> Config {
        let mut config = Config::default();
        let second = |millis: u64| (millis / 1000).to_string();
        let mut set = |section: &str, option: &str, value: &str| {
            config.set(section, option, value).expect("a legal option");
        };
        set("settings", "transcript-auto-save", self.auto_save.name());
        // What is not here is nowhere: restorations are not modelled.
        set("settings", "session-restoration-mode", "none");
        set("settings", "transcript-save-on-error", self.on_error.name());
        set("settings", "transcript-save-notices", self.save_notices.name());
        set("settings", "user-register-timeout", &second(REGISTER));
        set("settings", "flex-disconnect-timeout", &second(SILENCE));
        set("settings", "session-linger", &second(LINGER));
        set("settings", "transcript-resend-delay", &second(RESEND));
        set("settings", "transcript-resend-attempts", &ATTEMPTS.to_string());
        set("settings", "save-wait-max", &second(WAIT));
        set("settings", "session-password-enforce", &self.passwords.to_string());
        set("settings", "stop-abandoned-interaction", self.stop.name());
        set("settings", "async-idle-alert", &second(ASYNC_ALERT));
        set("settings", "async-idle-close", &second(ASYNC_CLOSE));
        set("settings", "async-idle-notices", self.include_notices.name());
        for (option, value) in self.inactivity_control() {
            set("inactivity-control", option, &value);
        }
        config.validate().expect("options that fit together");
        config
    }
    /// The options of inactivity control, as they are written (B11.2).
    pub(super) fn inactivity_control(&self) -> [(&'static str, String); 8] {
        let second = |millis: u64| (millis / 1000).to_string();
        let (two, two_says) = self.second_alert;
        [
            ("enabled", self.idle.to_string()),
            ("timeout-alert", second(ALERT)),
            ("timeout-alert2", second(if two { ALERT2 } else { 0 })),
            ("timeout-close", second(CLOSE)),
            ("include-notices", self.include_notices.name().to_owned()),
            ("message-alert", "one".to_owned()),
            ("message-alert2", if two_says { "two" } else { "" }.to_owned()),
            ("message-close", "three".to_owned()),
        ]
    }
}
