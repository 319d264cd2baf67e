//! Sections and options on their way into a `Config`.

use std::collections::BTreeMap;

use confer_core::config::{Config, ConfigError, Problem};

use crate::document::{DamageKind, Document, Entry, info};
use crate::error::{Error, Errors, Fault, Place, Warning};

/// A configuration in the making. Whatever is wrong keeps the value of `old`, which is valid.
pub(crate) struct Reading<'o> {
    pub(crate) config: Config,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) errors: Errors,
    /// Whether all of the file could be read; without it, nobody knows what is missing.
    pub(crate) whole: bool,
    old: &'o Config,
    file: Box<str>,
    sections: BTreeMap<String, Place>,
    options: BTreeMap<(String, String), Given>,
}

struct Given {
    place: Place,
    good: bool,
}

impl<'o> Reading<'o> {
    pub(crate) fn new(old: &'o Config, file: &str) -> Self {
        Self {
            config: Config::default(),
            warnings: vec![],
            errors: Errors::default(),
            whole: true,
            old,
            file: file.into(),
            sections: BTreeMap::new(),
            options: BTreeMap::new(),
        }
    }

    /// How many options were set.
    pub(crate) fn count(&self) -> usize {
        self.options.values().filter(|given| given.good).count()
    }

    pub(crate) fn read(&mut self, text: &str) {
        let document = Document::read(text);
        self.whole = document.damage.is_empty();
        let lost = document.is_lost();
        for damage in document.damage {
            let fault = match damage.kind {
                DamageKind::Unknown { reason } => Fault::Syntax { option: None, reason },
                DamageKind::Value { section, option, reason } => {
                    self.note(&section, &option, self.line(damage.line), false);
                    Fault::Syntax { option: Some((section, option)), reason }
                }
                DamageKind::Twice { section, option, first } => {
                    Fault::Twice { section, option, first }
                }
            };
            self.fail(self.line(damage.line), fault);
        }
        self.errors.omit(document.more_damage);
        if lost {
            return;
        }
        for stray in document.strays {
            let name = (&*stray.name).into();
            let fault = if stray.is_option {
                let known = Config::options().find(|info| info.name == stray.name);
                Fault::NoSection { name, section: known.map(|info| info.section) }
            } else {
                Fault::NotASection { section: name, found: stray.found }
            };
            self.fail(self.line(stray.line), fault);
        }
        for section in document.sections {
            let place = self.line(section.line);
            if let Some(fault) = section_fault(&section.name, section.options.is_empty()) {
                self.fail(place, fault);
                continue;
            }
            self.sections.insert(section.name.to_string(), place);
            for option in &section.options {
                self.take(&section.name, option);
            }
        }
    }

    fn take(&mut self, section: &str, option: &Entry<'_>) {
        let place = self.line(option.line);
        match self.options.get(&key(section, &option.name)) {
            // What is wrong with it has been said.
            Some(Given { good: false, .. }) => return,
            // Two tables can be one section: `["ports.web"]` and `[ports.web]`.
            Some(Given { place: Place::File { line: Some(first), .. }, .. }) => {
                let (section, option) = (section.into(), (&*option.name).into());
                return self.fail(place, Fault::Twice { section, option, first: *first });
            }
            _ => {}
        }
        // An unknown option is core's to refuse, and its value does not matter.
        let text = match info(section, &option.name) {
            None => Ok("".into()),
            Some(info) => option.text(&info.kind).map_err(|found| (found, info.kind)),
        };
        match text {
            Ok(text) => self.set(place, section, &option.name, &text),
            Err((found, valid)) => {
                self.note(section, &option.name, place.clone(), false);
                self.keep(section, &option.name);
                let (section, option) = (section.into(), (&*option.name).into());
                self.fail(place, Fault::WrongType { section, option, found, valid });
            }
        }
    }

    /// Takes a pair `SECTION/OPTION=VALUE`.
    pub(crate) fn set_pair(&mut self, pair: &str) {
        match split(pair) {
            Ok((section, option, value)) => self.set(Place::Set, &section, option, value),
            Err(fault) => self.fail(Place::Set, fault),
        }
    }

    fn set(&mut self, place: Place, section: &str, option: &str, value: &str) {
        let result = self.config.set(section, option, value);
        self.note(section, option, place.clone(), matches!(result, Ok(None)));
        match result {
            Ok(None) => {}
            Ok(Some(withdrawn)) => self.warnings.push(Warning { place, withdrawn }),
            Err(error) => {
                self.config.keep(self.old, &error);
                self.fail(place, Fault::Option(error));
            }
        }
    }

    /// Asks whether everything fits together, and puts the errors into the order of the file.
    pub(crate) fn finish(&mut self) {
        while let Err(error) = self.config.validate() {
            self.config.keep(self.old, &error);
            if self.is_news(&error) {
                self.fail(self.place_of(&error), Fault::Option(error));
            }
        }
        self.errors.sort();
    }

    /// Whether the error is more than the consequence of another.
    fn is_news(&self, error: &ConfigError) -> bool {
        let bad = |option: &str| {
            self.options.get(&key(&error.section, option)).is_some_and(|given| !given.good)
        };
        let other = if let Problem::Conflict { other, .. } = error.problem { other } else { "" };
        self.whole && !bad(&error.option) && !bad(other)
    }

    fn place_of(&self, error: &ConfigError) -> Place {
        let other = if let Problem::Conflict { other, .. } = &error.problem {
            key(&error.section, other)
        } else if let Problem::Taken { other, .. } = &error.problem {
            key(other, &error.option)
        } else {
            key("", "")
        };
        let given = |key| self.options.get(key).map(|given| &given.place);
        given(&key(&error.section, &error.option))
            .or_else(|| given(&other))
            .or_else(|| self.sections.get(&*error.section))
            .cloned()
            .unwrap_or(Place::Set)
    }

    /// Puts the old value back.
    fn keep(&mut self, section: &str, option: &str) {
        // Of an error, only section and option decide what is put back, but for those of
        // `validate`.
        let problem = Problem::UnknownOption { nearest: None };
        let error = ConfigError { section: section.into(), option: option.into(), problem };
        self.config.keep(self.old, &error);
    }

    fn note(&mut self, section: &str, option: &str, place: Place, good: bool) {
        self.options.insert(key(section, option), Given { place, good });
    }

    pub(crate) fn fail(&mut self, place: Place, fault: Fault) {
        self.errors.push(Error { place, fault });
    }

    fn line(&self, line: usize) -> Place {
        Place::File { name: self.file.clone(), line: Some(line) }
    }
}

/// Section, option and value of a pair `SECTION/OPTION=VALUE`.
pub(crate) fn split(pair: &str) -> Result<(String, &str, &str), Fault> {
    let parts = pair.split_once('=').and_then(|(names, value)| {
        let (section, option) = names.rsplit_once('/')?;
        Some((section, option, value))
    });
    let Some((section, option, value)) = parts else {
        let begin = pair.split(['/', '=']).next().unwrap_or_default().into();
        return Err(Fault::NotAPair { begin });
    };
    // As in the file, where `[endpoints.1]` is another way to write `["endpoints:1"]`.
    let section = match section.strip_prefix("endpoints.") {
        Some(tenant) => format!("endpoints:{tenant}"),
        None => section.to_owned(),
    };
    Ok((section, option, value))
}

/// What is wrong with a section whatever its options say.
fn section_fault(section: &str, is_empty: bool) -> Option<Fault> {
    // Core says it of an option. These exist where the operator chooses the section's name.
    const PROBES: [(&str, &str); 2] = [("name", "name"), ("enabled", "true")];
    let mut probe = Config::default();
    let named = || section.into();
    let mut set = |(option, value)| probe.set(section, option, value);
    match set(PROBES[0]).or_else(|_| set(PROBES[1])).map_err(|error| error.problem) {
        Ok(_) if is_empty => probe.validate().err().map(Fault::Option),
        Err(Problem::UnknownSection { nearest }) => {
            Some(Fault::UnknownSection { section: named(), nearest })
        }
        Err(Problem::BadName { valid }) => Some(Fault::BadSectionName { section: named(), valid }),
        Ok(_) | Err(_) => None,
    }
}

fn key(section: &str, option: &str) -> (String, String) {
    (section.to_owned(), option.to_owned())
}
