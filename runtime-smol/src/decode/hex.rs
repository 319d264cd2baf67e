//! Frames written as hex, one line each.

#[cfg(test)]
mod tests;

use core::fmt;

/// The bytes one line of hex stands for; `None` for an empty line and for a comment (first character `#`).
///
/// A byte is two adjacent digits, upper or lower case. Bytes follow each other directly, after white space, or
/// after one colon; the first may be preceded by `0x`. Memory is that of the line: the caller bounds its length.
///
/// # Errors
/// The first character that does not fit, with its column.
pub(crate) fn parse_line(line: &str) -> Result<Option<Vec<u8>>, HexError> {
    let text = line.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    // `trim` and `strip_prefix` only shorten, so the skipped start is what separates both from the line's own.
    let skipped = line.len() - line.trim_start().len() + text.len() - digits.len();
    let before = line.get(..skipped).map_or(0, |start| start.chars().count());

    let mut bytes = Vec::with_capacity(digits.len() / 2);
    let mut expected = Expected::Byte;
    let mut column = before;
    for found in digits.chars() {
        column += 1;
        let value = found.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        expected = match (expected, value) {
            (Expected::Byte | Expected::ByteOrSeparator, Some(high)) => Expected::SecondDigit(high),
            (Expected::SecondDigit(high), Some(low)) => {
                bytes.push(high << 4 | low);
                Expected::ByteOrSeparator
            }
            (Expected::ByteOrSeparator, None) if found == ':' => Expected::Byte,
            (Expected::Byte | Expected::ByteOrSeparator, None) if found.is_whitespace() => expected,
            (_, None) => {
                return Err(HexError {
                    column,
                    found: Some(found),
                    bytes: bytes.len(),
                    expected: expected.name(),
                });
            }
        };
    }
    match expected {
        Expected::ByteOrSeparator => Ok(Some(bytes)),
        Expected::Byte | Expected::SecondDigit(_) => Err(HexError {
            column: column + 1,
            found: None,
            bytes: bytes.len(),
            expected: expected.name(),
        }),
    }
}

/// A line that is not hex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HexError {
    /// Where, counted in characters from 1; one past the last character if the line ends too early.
    pub(crate) column: usize,
    /// The character there; `None` at the end of the line.
    pub(crate) found: Option<char>,
    /// How many bytes were complete before it.
    pub(crate) bytes: usize,
    expected: &'static str,
}

impl fmt::Display for HexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { column, found, expected, .. } = self;
        match found {
            Some(found) => write!(f, "column {column}: found {found:?}, expected {expected}"),
            None => write!(f, "column {column}: the line ends, expected {expected}"),
        }
    }
}

impl core::error::Error for HexError {}

#[derive(Clone, Copy)]
enum Expected {
    Byte,
    SecondDigit(u8),
    ByteOrSeparator,
}

impl Expected {
    fn name(self) -> &'static str {
        match self {
            Self::Byte => "a byte of two hex digits",
            Self::SecondDigit(_) => "the second hex digit of a byte",
            Self::ByteOrSeparator => "a byte of two hex digits or a colon",
        }
    }
}
