//! What is wrong with a configuration.

use alloc::boxed::Box;
use core::fmt;

use super::kind::Kind;

/// Why an option was not set, or why a configuration cannot be used.
///
/// `Display` names section, option, value and what would be valid, and shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The section, as it was written.
    pub section: Box<str>,
    /// The option, as it was written.
    pub option: Box<str>,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no such section.
    UnknownSection {
        /// The section that is most like it.
        nearest: Option<&'static str>,
    },
    /// The section has no such option.
    UnknownOption {
        /// Section and name of the option that is most like it.
        nearest: Option<(&'static str, &'static str)>,
    },
    /// The section or option takes its name from the operator, and the name cannot be one.
    BadName {
        /// What would be valid.
        valid: Kind,
    },
    /// The value has the wrong form, is out of range, or not in the list.
    BadValue {
        /// The value; `None` for a secret.
        value: Option<Box<str>>,
        /// What would be valid.
        valid: Kind,
    },
    /// There may not be more of this.
    TooMany {
        /// How many there may be.
        limit: usize,
    },
    /// The option has no default and was not given.
    Missing {
        /// What would be valid.
        valid: Kind,
    },
    /// The value contradicts that of another option of the section.
    Conflict {
        /// The value.
        value: Box<str>,
        /// How it has to stand to the other one.
        rule: &'static str,
        /// The other option.
        other: &'static str,
        /// The other option's value.
        other_value: Box<str>,
    },
    /// The value must be unlike that of another section.
    Taken {
        /// The value.
        value: Box<str>,
        /// The other section.
        other: Box<str>,
    },
}

impl ConfigError {
    pub(crate) fn new(section: &str, option: &str, problem: Problem) -> Self {
        Self { section: section.into(), option: option.into(), problem }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (section, option) = (Clipped(&self.section), Clipped(&self.option));
        write!(f, "[{section}] {option}")?;
        match &self.problem {
            Problem::UnknownSection { nearest: None } => f.write_str(": no such section"),
            Problem::UnknownSection { nearest: Some(nearest) } => {
                write!(f, ": no such section; did you mean [{nearest}]?")
            }
            Problem::UnknownOption { nearest: None } => f.write_str(": no such option"),
            Problem::UnknownOption { nearest: Some((section, name)) } => {
                write!(f, ": no such option; did you mean [{section}] {name}?")
            }
            Problem::BadName { valid } => write!(f, ": not a name; valid: {valid}"),
            Problem::BadValue { value: Some(value), valid } => {
                write!(f, " = \"{}\": not valid; valid: {valid}", Clipped(value))
            }
            Problem::BadValue { value: None, valid } => {
                write!(f, " = [secret]: not valid; valid: {valid}")
            }
            Problem::TooMany { limit } => write!(f, ": more than {limit} of these"),
            Problem::Missing { valid } => write!(f, ": must be given; valid: {valid}"),
            Problem::Conflict { value, rule, other, other_value } => {
                let (value, other_value) = (Clipped(value), Clipped(other_value));
                write!(f, " = \"{value}\": {rule} {other} = \"{other_value}\"")
            }
            Problem::Taken { value, other } => {
                write!(f, " = \"{}\": the same as in [{}]", Clipped(value), Clipped(other))
            }
        }
    }
}

impl core::error::Error for ConfigError {}

/// What an operator wrote, on one line of bearable length.
struct Clipped<'a>(&'a str);

impl Clipped<'_> {
    const CHARACTERS: usize = 80;
}

impl fmt::Display for Clipped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown =
            self.0.char_indices().nth(Self::CHARACTERS).map_or(self.0, |(end, _)| &self.0[..end]);
        write!(f, "{}", shown.escape_debug())?;
        if shown.len() < self.0.len() { f.write_str("…") } else { Ok(()) }
    }
}
