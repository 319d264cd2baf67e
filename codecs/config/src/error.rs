//! What is wrong with a configuration, and where it stands.

use core::fmt;

use confer_core::config::{ConfigError, Kind, Withdrawn};

use crate::MAX_SIZE;

/// Everything that is wrong, in the order of the file, then of the `--set` pairs; never empty when
/// it is handed out as an error.
///
/// `Display` is one line for each, without a line break at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    list: Vec<Error>,
    omitted: usize,
}

impl Errors {
    /// How many are kept; further ones are only counted.
    pub const MAX: usize = 100;

    /// Each of them, up to [`Self::MAX`].
    pub fn iter(&self) -> core::slice::Iter<'_, Error> {
        self.list.iter()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether the file could not be read at all, so that nobody knows what it says.
    pub fn is_unreadable(&self) -> bool {
        self.iter().any(|error| matches!(error.fault, Fault::Unreadable { .. }))
    }

    pub(crate) fn push(&mut self, error: Error) {
        if self.list.len() < Self::MAX {
            self.list.push(error);
        } else {
            self.omitted += 1;
        }
    }

    /// Counts errors that are not kept.
    pub(crate) fn omit(&mut self, count: usize) {
        self.omitted += count;
    }

    pub(crate) fn sort(&mut self) {
        self.list.sort_by_key(|error| error.place.order());
    }
}

impl<'a> IntoIterator for &'a Errors {
    type Item = &'a Error;
    type IntoIter = core::slice::Iter<'a, Error>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Error> for Errors {
    fn from(error: Error) -> Self {
        Self { list: vec![error], omitted: 0 }
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.iter().enumerate() {
            write!(f, "{}{error}", if index == 0 { "" } else { "\n" })?;
        }
        if self.omitted > 0 { write!(f, "\nand {} more", self.omitted) } else { Ok(()) }
    }
}

impl core::error::Error for Errors {}

/// One thing that is wrong.
///
/// `Display` names the place, the section, the option, its value and what would be valid, and shows
/// no secret: `confer.toml:12: [settings] session-linger = "0": not valid; valid: …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub fault: Fault,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.fault)
    }
}

impl core::error::Error for Error {}

/// A name that means nothing any more, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where it stands.
    pub place: Place,
    /// The name, and the right one.
    pub withdrawn: Withdrawn,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: warning: {}", self.place, self.withdrawn)
    }
}

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file, or nowhere in particular.
    File {
        /// The name it was opened under.
        name: Box<str>,
        /// The line, counted from 1.
        line: Option<usize>,
    },
    /// In a `--set` pair.
    Set,
}

impl Place {
    fn order(&self) -> (bool, Option<usize>) {
        match self {
            Self::File { line, .. } => (false, *line),
            Self::Set => (true, None),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line: Some(line) } => write!(f, "{}:{line}", name.escape_debug()),
            Self::File { name, line: None } => write!(f, "{}", name.escape_debug()),
            Self::Set => f.write_str("--set"),
        }
    }
}

/// What can be wrong. Names are kept as they were written, values only within [`ConfigError`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file cannot be read.
    Unreadable {
        /// What the operating system says.
        reason: Box<str>,
    },
    /// The file is larger than [`MAX_SIZE`].
    TooLarge,
    /// The file is not UTF-8 text.
    NotText,
    /// This is not TOML.
    Syntax {
        /// Section and option whose value it is, where that can be told.
        option: Option<(Box<str>, Box<str>)>,
        /// What TOML has against it.
        reason: Box<str>,
    },
    /// The option is given a second time.
    Twice {
        /// The section.
        section: Box<str>,
        /// The option.
        option: Box<str>,
        /// Where it is given first, a line.
        first: usize,
    },
    /// A key stands above all sections.
    NoSection {
        /// The key.
        name: Box<str>,
        /// The section that has an option of this name.
        section: Option<&'static str>,
    },
    /// Something else stands where a section belongs.
    NotASection {
        /// The section.
        section: Box<str>,
        /// What stands there.
        found: &'static str,
    },
    /// There is no such section.
    UnknownSection {
        /// The section.
        section: Box<str>,
        /// The section that is most like it.
        nearest: Option<&'static str>,
    },
    /// The section takes its name from the operator, and the name cannot be one.
    BadSectionName {
        /// The section.
        section: Box<str>,
        /// What would be valid.
        valid: Kind,
    },
    /// The value's TOML type is of no use here.
    WrongType {
        /// The section.
        section: Box<str>,
        /// The option.
        option: Box<str>,
        /// What stands there.
        found: &'static str,
        /// What would be valid.
        valid: Kind,
    },
    /// The option is unknown, its value not valid, or in conflict with another.
    Option(ConfigError),
    /// A `--set` pair has not the form `SECTION/OPTION=VALUE`.
    NotAPair {
        /// What comes before the first `/` or `=`, since the rest may be a secret.
        begin: Box<str>,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { reason } => write!(f, "cannot be read: {reason}"),
            Self::TooLarge => write!(f, "larger than {MAX_SIZE} bytes"),
            Self::NotText => f.write_str("not UTF-8 text"),
            Self::Syntax { option: None, reason } => write!(f, "not TOML: {reason}"),
            Self::Syntax { option: Some((section, option)), reason } => {
                write!(f, "[{}] {}: not TOML: {reason}", Clipped(section), Clipped(option))
            }
            Self::Twice { section, option, first } => {
                let (section, option) = (Clipped(section), Clipped(option));
                write!(f, "[{section}] {option}: given already in line {first}")
            }
            Self::NoSection { name, section: None } => {
                write!(f, "{}: stands in no section", Clipped(name))
            }
            Self::NoSection { name, section: Some(section) } => {
                let name = Clipped(name);
                write!(f, "{name}: stands in no section; did you mean [{section}] {name}?")
            }
            Self::NotASection { section, found } => {
                write!(f, "[{}]: {found}, where a section belongs", Clipped(section))
            }
            Self::UnknownSection { section, nearest: None } => {
                write!(f, "[{}]: no such section", Clipped(section))
            }
            Self::UnknownSection { section, nearest: Some(nearest) } => {
                let section = Clipped(section);
                write!(f, "[{section}]: no such section; did you mean [{nearest}]?")
            }
            Self::BadSectionName { section, valid } => {
                write!(f, "[{}]: not a name; valid: {valid}", Clipped(section))
            }
            Self::WrongType { section, option, found, valid } => {
                let (section, option) = (Clipped(section), Clipped(option));
                write!(f, "[{section}] {option}: {found} cannot stand here; valid: {valid}")
            }
            Self::Option(error) => error.fmt(f),
            Self::NotAPair { begin } => {
                write!(f, "{}…: must be SECTION/OPTION=VALUE", Clipped(begin))
            }
        }
    }
}

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
