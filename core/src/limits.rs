//! How much of anything there may be while the server runs. What is fixed when it is built is in
//! the types themselves.

use core::fmt;

macro_rules! limits {
    ($(
        $(#[$doc:meta])*
        $field:ident = $option:literal, $unit:literal, $default:literal in $min:literal..=$max:literal;
    )+) => {
        /// The run-time limits (B2.3, B2.5, B5.6, B17.4, wire §1): one field for each option of
        /// section `settings` that bounds a size or a number.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $(
                $(#[$doc])*
                #[doc = concat!("\n\nOption `", $option, "`, in ", $unit, ".")]
                pub $field: u32,
            )+
        }

        impl Limits {
            /// Every limit, with what is known about it.
            pub const ALL: &'static [Limit] = &[$(
                Limit {
                    option: $option,
                    unit: $unit,
                    default: $default,
                    min: $min,
                    max: $max,
                    field: |limits| &mut limits.$field,
                }
            ),+];
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default),+ }
            }
        }
    };
}

limits! {
    /// The largest frame a peer may send, counted with its length field.
    request_max_size = "request-max-size", "bytes", 524_288 in 1024..=16_777_216;
    /// Output that may wait for one connection.
    output_max_size = "output-max-size", "bytes", 4_194_304 in 1_048_576..=1_073_741_824;
    /// Open connections.
    max_connections = "max-connections", "connections", 32_768 in 1..=1_048_576;
    /// Characters in a message.
    message_max_size = "message-max-size", "characters", 65_535 in 1..=1_048_576;
    /// Characters in a notice.
    notice_max_size = "notice-max-size", "characters", 65_535 in 1..=1_048_576;
    /// Characters in a subject.
    subject_max_size = "subject-max-size", "characters", 1024 in 1..=65_535;
    /// User data in one request.
    user_data_max_size = "user-data-max-size", "bytes", 131_072 in 1024..=16_777_216;
    /// Event attributes in one request.
    event_attributes_max_size = "event-attributes-max-size", "bytes", 131_072 in 1024..=16_777_216;
    /// User data of one session.
    session_user_data_max_size = "session-user-data-max-size", "bytes", 262_144 in 1024..=16_777_216;
    /// Participants present in one session.
    max_participants = "max-participants", "participants", 100 in 2..=1000;
    /// Sessions one basic connection may be in.
    max_sessions_per_connection = "max-sessions-per-connection", "sessions", 1024 in 1..=65_535;
    /// Nicknames a workflow may speak under in one session.
    max_external_names = "max-external-names", "names", 64 in 1..=1024;
    /// Events of one session, unsaved ones included.
    max_events_per_session = "max-events-per-session", "events", 1_000_000 in 1000..=10_000_000;
}

impl Limits {
    /// Participations one session may ever have (B17.4).
    pub const MAX_PARTICIPATIONS: u32 = 10_000;

    /// Sets the limit that `option` names.
    ///
    /// # Errors
    ///
    /// Refuses an unknown option and a value outside the option's range, and changes nothing then.
    pub fn set(&mut self, option: &str, value: u32) -> Result<(), LimitError> {
        let limit = Self::ALL
            .iter()
            .find(|limit| limit.option == option)
            .ok_or(LimitError::UnknownOption)?;
        if !(limit.min..=limit.max).contains(&value) {
            return Err(LimitError::OutOfRange { limit, value });
        }
        *(limit.field)(self) = value;
        Ok(())
    }
}

/// What is known about a limit.
#[derive(Clone, Copy)]
pub struct Limit {
    /// The option's name.
    pub option: &'static str,
    /// What the number counts.
    pub unit: &'static str,
    /// The number in force unless another is configured.
    pub default: u32,
    /// The smallest number that can be configured.
    pub min: u32,
    /// The largest number that can be configured.
    pub max: u32,
    field: fn(&mut Limits) -> &mut u32,
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { option, unit, default, min, max, .. } = self;
        write!(f, "{option}: {default} {unit} ({min} to {max})")
    }
}

/// Why a limit was not set.
#[derive(Clone, Copy, Debug)]
pub enum LimitError {
    /// No limit has this name.
    UnknownOption,
    /// The value is outside the option's range.
    OutOfRange {
        /// The limit.
        limit: &'static Limit,
        /// The value.
        value: u32,
    },
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOption => f.write_str("no limit of this name"),
            Self::OutOfRange { limit, value } => write!(
                f,
                "{} = {value} is out of range: {} to {} {}",
                limit.option, limit.min, limit.max, limit.unit
            ),
        }
    }
}

impl core::error::Error for LimitError {}

#[cfg(test)]
mod tests;
