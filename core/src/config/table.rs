//! The one table every option stands in once: where it is kept, what it may be, what it does.

use alloc::string::String;
use core::fmt;

use super::Config;
use super::kind::Kind;
use super::section::Section;

/// What is known about an option.
pub struct OptionInfo {
    /// The section, written as in the documentation: `settings`, `ports.<id>`, `languages.<NAME>`.
    pub section: &'static str,
    /// The name.
    pub name: &'static str,
    /// A second name that means the same.
    pub alias: Option<&'static str>,
    /// What may be written.
    pub kind: Kind,
    /// When a change acts.
    pub effect: Effect,
    /// What it does, in a sentence.
    pub meaning: &'static str,
    pub(crate) default: fn() -> Option<String>,
}

impl OptionInfo {
    /// The value in force unless another is configured; empty where another option or the shell
    /// decides then.
    pub fn default_text(&self) -> String {
        (self.default)().unwrap_or_default()
    }
}

impl fmt::Debug for OptionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}: {}", self.section, self.name, self.kind)
    }
}

/// When a changed option acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// At once.
    Now,
    /// At once, for connections that are opened from then on.
    NewConnections,
    /// At the next start of the process.
    Restart,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Now => "now",
            Self::NewConnections => "now, for new connections",
            Self::Restart => "restart",
        })
    }
}

/// An option and the ways to its field; `section` says in which port or language to look.
pub(crate) struct Row {
    pub(crate) info: OptionInfo,
    /// Sets the field to what the text says; changes nothing and says `false` if that is not legal.
    pub(crate) write: fn(&mut Config, Section<'_>, &str) -> bool,
    /// The field as text, secrets hidden; `None` if it is not set.
    pub(crate) text: fn(&Config, Section<'_>) -> Option<String>,
    /// Whether the field's value is legal, whoever set it.
    pub(crate) fits: fn(&Config, Section<'_>) -> bool,
    /// Whether two configurations agree; what a language lacks it has by default.
    pub(crate) same: fn(&Config, &Config, Section<'_>) -> bool,
    /// Takes the field over from the second configuration, if that has the section.
    pub(crate) copy: fn(&mut Config, &Config, Section<'_>),
}

impl Row {
    /// Whether this is the option called `name`.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.info.name == name || self.info.alias == Some(name)
    }
}

/// A struct of options, and where a configuration keeps it.
pub(crate) trait Group: Default + 'static {
    /// The group of this section; `None` if there is no such language.
    fn of<'c>(config: &'c Config, section: Section<'_>) -> Option<&'c Self>;

    /// The same, to be changed; a language that is not there is made.
    fn of_mut<'c>(config: &'c mut Config, section: Section<'_>) -> Option<&'c mut Self>;
}

/// Declares a group of options: the struct, its defaults, and a [`Row`] for every field. The doc
/// comment of a field is also its meaning for people at the command line.
macro_rules! options {
    (
        $(#[$group_doc:meta])*
        pub struct $group:ident in $section:literal;
        $(
            $(#[doc = $meaning:literal])+
            $field:ident: $type:ty = $default:expr, $kind:expr,
                $name:literal $(| $alias:literal)?, $effect:ident;
        )+
    ) => {
        $(#[$group_doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $group {
            $(
                $(#[doc = $meaning])+
                #[doc = concat!("\n\nOption `", $name, "`.")]
                pub $field: $type,
            )+
        }

        impl Default for $group {
            fn default() -> Self {
                Self { $($field: $default),+ }
            }
        }

        impl $group {
            pub(crate) const ROWS: &'static [$crate::config::table::Row] = {
                use $crate::config::kind::Kind;
                use $crate::config::table::{Effect, Group, OptionInfo, Row};
                use $crate::config::value::Value;
                &[$({
                    const KIND: Kind = $kind;
                    Row {
                        info: OptionInfo {
                            section: $section,
                            name: $name,
                            alias: {
                                const ALIASES: &[&str] = &[$($alias)?];
                                ALIASES.first().copied()
                            },
                            kind: KIND,
                            effect: Effect::$effect,
                            meaning: concat!($($meaning),+).trim_ascii(),
                            default: || <$type as Value>::text(&$default, &KIND),
                        },
                        write: |config, section, text| {
                            if let Some(value) = Value::read(text, &KIND)
                                && let Some(group) = Self::of_mut(config, section)
                            {
                                group.$field = value;
                                return true;
                            }
                            false
                        },
                        text: |config, section| Self::of(config, section)?.$field.text(&KIND),
                        fits: |config, section| {
                            Self::of(config, section).is_none_or(|group| group.$field.fits(&KIND))
                        },
                        same: |one, other, section| {
                            let absent = Self::default();
                            let one = Self::of(one, section).unwrap_or(&absent);
                            let other = Self::of(other, section).unwrap_or(&absent);
                            one.$field == other.$field
                        },
                        copy: |config, from, section| {
                            if let Some(from) = Self::of(from, section)
                                && let Some(group) = Self::of_mut(config, section)
                            {
                                group.$field.clone_from(&from.$field);
                            }
                        },
                    }
                }),+]
            };
        }
    };
}

pub(crate) use options;
