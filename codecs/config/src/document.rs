//! TOML text as sections and options, before anyone asks what they mean.

use std::borrow::Cow;

use confer_core::config::{Config, Kind, OptionInfo};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::Errors;

/// The families of sections that TOML's dotted names make, and how core joins their names.
const FAMILIES: [(&str, char); 4] =
    [("ports", '.'), ("languages", '.'), ("chat", '.'), ("endpoints", ':')];

/// A file's sections, in the order they stand in.
pub(crate) struct Document<'t> {
    pub(crate) sections: Vec<Section<'t>>,
    /// Keys that stand where a section belongs.
    pub(crate) strays: Vec<Stray<'t>>,
    /// What is not TOML; no more than are told.
    pub(crate) damage: Vec<Damage>,
    /// How often there is more of it.
    pub(crate) more_damage: usize,
    lines: Lines,
}

/// A table.
pub(crate) struct Section<'t> {
    pub(crate) name: Cow<'t, str>,
    pub(crate) line: usize,
    start: usize,
    /// In the order they stand in.
    pub(crate) options: Vec<Entry<'t>>,
}

/// A key in a section.
pub(crate) struct Entry<'t> {
    pub(crate) name: Cow<'t, str>,
    pub(crate) line: usize,
    start: usize,
    value: Spanned<DeValue<'t>>,
}

/// A value where a section belongs.
pub(crate) struct Stray<'t> {
    pub(crate) name: Cow<'t, str>,
    pub(crate) line: usize,
    pub(crate) found: &'static str,
    /// Whether it stands above all sections, as an option would.
    pub(crate) is_option: bool,
}

/// Something that is not TOML.
pub(crate) struct Damage {
    pub(crate) line: usize,
    pub(crate) kind: DamageKind,
}

pub(crate) enum DamageKind {
    /// Nobody knows what it was meant to be.
    Unknown { reason: Box<str> },
    /// The value of an option.
    Value { section: Box<str>, option: Box<str>, reason: Box<str> },
    /// An option that stands in line `first` already.
    Twice { section: Box<str>, option: Box<str>, first: usize },
}

impl<'t> Document<'t> {
    pub(crate) fn read(text: &'t str) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let lines = Lines::of(text);
        let (sections, strays, damage) = (vec![], vec![], vec![]);
        let more_damage = errors.len().saturating_sub(Errors::MAX);
        let mut document = Self { sections, strays, damage, more_damage, lines };
        document.take(table.into_inner());
        // To find out whom it concerns takes a search.
        let told = errors.iter().take(Errors::MAX);
        document.damage = told.map(|error| document.assess(text, error)).collect();
        document
    }

    /// Whether there is damage that nobody can tell the extent of, so that sections and options may
    /// not be what they look like.
    pub(crate) fn is_lost(&self) -> bool {
        let unknown = |damage: &Damage| matches!(damage.kind, DamageKind::Unknown { .. });
        self.more_damage > 0 || self.damage.iter().any(unknown)
    }

    fn take(&mut self, root: DeTable<'t>) {
        for (key, value) in root {
            let start = value.span().start;
            let (key_start, name) = (key.span().start, key.into_inner());
            let family = FAMILIES.iter().find(|family| family.0 == name);
            match (value.into_inner(), family) {
                (DeValue::Table(members), Some(family)) => self.take_family(*family, members),
                // Nearly one of the families, so that the nearest name can be told.
                (DeValue::Table(members), None) if !is_section(&name) && is_family(&members) => {
                    self.take_family((&name, '.'), members);
                }
                (DeValue::Table(options), None) => self.add(name, start, options),
                (other, _) => {
                    let is_section =
                        family.is_some() || is_section(&name) || is_list_of_tables(&other);
                    self.stray(name, key_start, type_of(&other), !is_section);
                }
            }
        }
        self.sections.sort_by_key(|section| section.start);
    }

    fn take_family(&mut self, (family, joint): (&str, char), members: DeTable<'t>) {
        for (key, value) in members {
            let (key_start, start) = (key.span().start, value.span().start);
            let name = format!("{family}{joint}{}", key.get_ref()).into();
            let value = value.into_inner();
            if let DeValue::Table(options) = value {
                self.add(name, start, options);
            } else {
                self.stray(name, key_start, type_of(&value), false);
            }
        }
    }

    fn add(&mut self, name: Cow<'t, str>, start: usize, options: DeTable<'t>) {
        let mut options: Vec<_> = options
            .into_iter()
            .map(|(key, value)| {
                let start = key.span().start;
                Entry { line: self.lines.at(start), name: key.into_inner(), start, value }
            })
            .collect();
        options.sort_by_key(|option| option.start);
        self.sections.push(Section { name, line: self.lines.at(start), start, options });
    }

    fn stray(&mut self, name: Cow<'t, str>, start: usize, found: &'static str, is_option: bool) {
        let line = self.lines.at(start);
        self.strays.push(Stray { name, line, found, is_option });
    }

    /// Whom it concerns that this is not TOML.
    fn assess(&self, text: &str, error: &toml::de::Error) -> Damage {
        let span = error.span().unwrap_or_default();
        let line = self.lines.at(span.start);
        let reason: Box<str> = error.message().into();
        let holds = |option: &&Entry<'_>| {
            let value = option.value.span();
            value.start <= span.start && span.end <= value.end && !value.is_empty()
        };
        for section in &self.sections {
            if let Some(option) = section.options.iter().find(holds) {
                let (section, option) = ((&*section.name).into(), (&*option.name).into());
                return Damage { line, kind: DamageKind::Value { section, option, reason } };
            }
        }
        let around = self.sections.iter().rfind(|section| section.start <= span.start);
        let key = text.get(span.clone()).unwrap_or_default().trim_matches(['"', '\'']);
        let namesake = |option: &&Entry<'_>| option.name == key && option.start < span.start;
        if let Some(section) = around
            && let Some(option) = section.options.iter().find(namesake)
        {
            let (section, first) = ((&*section.name).into(), option.line);
            return Damage { line, kind: DamageKind::Twice { section, option: key.into(), first } };
        }
        Damage { line, kind: DamageKind::Unknown { reason } }
    }
}

impl Entry<'_> {
    /// The value as core reads it.
    ///
    /// # Errors
    ///
    /// What stands there instead of something that can be one.
    pub(crate) fn text(&self, kind: &Kind) -> Result<Cow<'_, str>, &'static str> {
        let value = self.value.get_ref();
        if let DeValue::Array(items) = value
            && let Some(joint) = joint(kind)
        {
            let items: Result<Vec<_>, _> =
                items.iter().map(|item| scalar(item.get_ref())).collect();
            return Ok(items?.join(joint).into());
        }
        scalar(value)
    }
}

/// The option of this section and name in core's table.
pub(crate) fn info(section: &str, option: &str) -> Option<&'static OptionInfo> {
    Config::options().find(|info| {
        let called =
            info.name == option || info.alias == Some(option) || info.name.starts_with('<');
        called && belongs(section, info.section)
    })
}

/// Whether the documentation writes the section as `family`: `ports.<id>` for `ports.ESP`.
pub(crate) fn belongs(section: &str, family: &str) -> bool {
    match family.split_once('<') {
        Some((prefix, _)) => section.starts_with(prefix),
        None => section == family,
    }
}

/// Whether some section is called so.
fn is_section(name: &str) -> bool {
    Config::options().any(|info| belongs(name, info.section))
}

/// Whether the members of a table are sections.
fn is_family(members: &DeTable<'_>) -> bool {
    !members.is_empty() && members.values().all(|member| member.get_ref().is_table())
}

/// What core wants between the items of a list.
fn joint(kind: &Kind) -> Option<&'static str> {
    if matches!(kind, Kind::AnyOf(_)) {
        Some(",")
    } else if matches!(kind, Kind::Extensions) {
        Some(":")
    } else {
        None
    }
}

fn scalar<'v>(value: &'v DeValue<'_>) -> Result<Cow<'v, str>, &'static str> {
    match value {
        DeValue::String(text) => Ok(Cow::Borrowed(text)),
        DeValue::Boolean(value) => Ok(if *value { "true" } else { "false" }.into()),
        DeValue::Integer(number) if number.radix() == 10 => {
            let digits = number.as_str();
            Ok(digits.strip_prefix('+').unwrap_or(digits).into())
        }
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => Err(type_of(value)),
    }
}

fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(number) if number.radix() == 10 => "an integer",
        DeValue::Integer(_) => "an integer that is not decimal",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) if is_list_of_tables(value) => "a list of tables",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table (a name with a dot must be quoted)",
    }
}

fn is_list_of_tables(value: &DeValue<'_>) -> bool {
    let DeValue::Array(items) = value else { return false };
    items.iter().next().is_some_and(|item| item.get_ref().is_table())
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(ends.map(|(end, _)| end + 1).collect())
    }

    /// The line of this byte, counted from 1.
    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset) + 1
    }
}
