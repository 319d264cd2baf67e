//! Names that are not, or no longer, what they should be.

use alloc::vec::Vec;
use core::fmt;

/// A name that was given up, or that is often written for another: read as nothing, and worth a
/// warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    /// The section.
    pub section: &'static str,
    /// The name that means nothing any more.
    pub name: &'static str,
    /// The section of the right name.
    pub right_section: &'static str,
    /// The right name.
    pub right_name: &'static str,
}

impl Withdrawn {
    /// Every such name.
    pub const ALL: &'static [Self] = &[
        Self::new("settings", "transcript-cleanup-mask", "transcript-cleanup", "default-repchar"),
        Self::new("settings", "transcript-cleanup-typing", "transcript-cleanup", "typing-preview"),
        Self::new("settings", "transcript-cleanup-apply", "transcript-cleanup", "apply-area"),
        Self::new("settings", "session-restore-dopurge", "settings", "session-restore-do-purge"),
        Self::new("inactivity-control", "enable", "inactivity-control", "enabled"),
    ];

    const fn new(
        section: &'static str,
        name: &'static str,
        right_section: &'static str,
        right_name: &'static str,
    ) -> Self {
        Self { section, name, right_section, right_name }
    }

    pub(crate) fn find(section: &str, name: &str) -> Option<Self> {
        Self::ALL.iter().find(|known| known.section == section && known.name == name).copied()
    }
}

impl fmt::Display for Withdrawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { section, name, right_section, right_name } = self;
        write!(f, "[{section}] {name} has no effect; the name is [{right_section}] {right_name}")
    }
}

/// The known name that is most like `name`; `None` if none is like it.
pub(crate) fn nearest(
    name: &str,
    known: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    // Nobody misspells a name into something much longer, and comparing takes time.
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return None;
    }
    known
        .map(|known| (distance(name, known), known))
        .filter(|(distance, known)| distance * 2 <= known.len())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, known)| known)
}

/// How many bytes must be put in, taken out or changed to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, byte) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, wanted) in other.bytes().enumerate() {
            let change = diagonal + usize::from(byte != wanted);
            diagonal = row[column + 1];
            row[column + 1] = change.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}
