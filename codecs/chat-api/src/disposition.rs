//! The header that says what a part is.

use alloc::string::{String, ToString as _};

use percent_encoding::percent_decode_str;

/// What a part is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Disposition {
    pub(crate) name: Option<String>,
    pub(crate) file_name: Option<String>,
}

/// Reads a Content-Disposition, as browsers and libraries write it: values with quotes or without,
/// quotes inside as `\"` or `%22`, and names outside ASCII as `filename*` (RFC 5987).
pub(crate) fn read(value: &str) -> Disposition {
    let mut found = Disposition::default();
    let mut extended = None;
    let Some((_, mut rest)) = value.split_once(';') else { return found };
    while let Some((key, value, behind)) = parameter(rest) {
        rest = behind;
        // The first of each counts.
        if key.eq_ignore_ascii_case("name") {
            found.name.get_or_insert_with(|| value.replace("%22", "\""));
        } else if key.eq_ignore_ascii_case("filename") {
            found.file_name.get_or_insert_with(|| value.replace("%22", "\""));
        } else if key.eq_ignore_ascii_case("filename*") && extended.is_none() {
            extended = decode_extended(&value);
        }
    }
    if extended.is_some() {
        found.file_name = extended;
    }
    found
}

/// A parameter of a header.
pub(crate) fn parameter_of(header: &str, wanted: &str) -> Option<String> {
    let (_, mut rest) = header.split_once(';')?;
    while let Some((key, value, behind)) = parameter(rest) {
        if key.eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = behind;
    }
    None
}

/// The next `key=value`, and what stands behind it.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start_matches([' ', '\t', ';']);
    let (key, behind) = text.split_once('=')?;
    let behind = behind.trim_start_matches([' ', '\t']);
    let key = key.trim_end_matches([' ', '\t']);
    let Some(quoted) = behind.strip_prefix('"') else {
        let end = behind.find(';').unwrap_or(behind.len());
        return Some((key, behind[..end].trim().to_string(), &behind[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((key, value, &quoted[at + 1..])),
            // Some write the separators of a path, and those are not doubled.
            '\\' => match characters.next_if(|next| matches!(next.1, '"' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            character => value.push(character),
        }
    }
    Some((key, value, ""))
}

/// `UTF-8'language'percent-encoded`.
fn decode_extended(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_, encoded) = rest.split_once('\'')?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    percent_decode_str(encoded).decode_utf8().ok().map(|name| name.to_string())
}

#[cfg(test)]
mod tests;
