//! When others are told that somebody types (B7.2).

use crate::text::Text;
use crate::time::Instant;

use super::Habits;

/// Somebody at a keyboard.
///
/// The first key is told at once, later ones at most every [`Habits::typing_every`] with the newest
/// preview, and after [`Habits::typing_silence`] without a key that they stopped. A message ends it
/// without a notice, for it takes the notice's place (B5.4).
#[derive(Clone, Debug, Default)]
pub(super) struct Typing {
    /// What is there by now and was not told.
    preview: Option<Text>,
    /// When more may be told.
    next: Option<Instant>,
    /// When they count as having stopped; `None` while they do not type.
    stop: Option<Instant>,
}

/// What to tell the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// That somebody types this.
    Started(Text),
    /// That they stopped.
    Stopped,
}

impl Typing {
    /// A key was pressed, and this is there now.
    pub(super) fn types(&mut self, preview: Text, habits: &Habits, now: Instant) {
        self.preview = Some(preview);
        self.stop = Some(now + habits.typing_silence);
    }

    /// They sent what they typed, or are not there any more.
    pub(super) fn reset(&mut self) {
        // The pause since the last notice still counts.
        *self = Self { next: self.next, ..Self::default() };
    }

    /// When [`Typing::due`] has something to say.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let stop = self.stop?;
        match &self.preview {
            Some(_) => Some(self.next.map_or(Instant::ZERO, |next| next.min(stop))),
            None => Some(stop),
        }
    }

    /// What the others are to be told now.
    pub(super) fn due(&mut self, habits: &Habits, now: Instant) -> Option<Key> {
        let stop = self.stop?;
        if stop <= now {
            self.reset();
            return Some(Key::Stopped);
        }
        if self.next.is_some_and(|next| next > now) {
            return None;
        }
        let preview = self.preview.take()?;
        self.next = Some(now + habits.typing_every);
        Some(Key::Started(preview))
    }
}

#[cfg(test)]
mod tests;
