//! What is said: texts the other side can check.
//!
//! A text begins with who says it, in which session, and the how-manieth it is of theirs. All of
//! that in letters, lest somebody takes it for a number worth masking.

/// Characters a text begins with.
pub(super) const HEAD: u32 = 16;
/// Letters of the session's number, and of the message's: four bits each.
const SESSION: usize = 6;
const NUMBER: usize = 8;
/// What people really write.
const FILLER: &str = "I ordered it three weeks ago and it still has not arrived :( ";

/// The two of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Customer,
    Agent,
}

impl Side {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Customer => Self::Agent,
            Self::Agent => Self::Customer,
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::Customer => 'C',
            Self::Agent => 'A',
        }
    }
}

/// Whose a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) side: Side,
    pub(super) session: u32,
    /// From 1 on.
    pub(super) number: u32,
}

impl Head {
    /// A text of so many characters, which are as many bytes.
    pub(super) fn text(self, length: usize) -> String {
        let mut text = String::with_capacity(length);
        text.push(self.side.letter());
        letters(&mut text, self.session, SESSION);
        letters(&mut text, self.number, NUMBER);
        text.push(' ');
        while text.len() < length {
            let left = length - text.len();
            text.push_str(FILLER.get(..left).unwrap_or(FILLER));
        }
        text
    }

    /// What a text begins with; `None` for one that nobody here has said.
    pub(super) fn of(text: &str) -> Option<Self> {
        let side = match text.as_bytes().first()? {
            b'C' => Side::Customer,
            b'A' => Side::Agent,
            _ => return None,
        };
        let session = number(text.get(1..=SESSION)?)?;
        let number = number(text.get(1 + SESSION..1 + SESSION + NUMBER)?)?;
        Some(Self { side, session, number })
    }
}

fn letters(text: &mut String, number: u32, count: usize) {
    for place in (0..count).rev() {
        let digit = number >> (4 * place) & 15;
        text.extend(char::from_digit(digit + 10, 26));
    }
}

fn number(letters: &str) -> Option<u32> {
    letters.chars().try_fold(0, |number, letter| match letter {
        'a'..='p' => Some(number << 4 | (u32::from(letter) - u32::from('a'))),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
