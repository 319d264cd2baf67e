//! Names and types of files, made safe for headers, paths and people.

use alloc::format;
use alloc::string::String;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The longest name of a file, in characters (B22.8).
pub const MAX_NAME: usize = 255;
/// The longest extension that is kept of a longer name, with its dot.
const MAX_EXTENSION: usize = 16;
/// The longest type of a file, in bytes.
const MAX_CONTENT_TYPE: usize = 127;
/// What a file is that nobody says anything of.
const ANY_FILE: &str = "application/octet-stream";

/// What an extended value of a header may hold as it is (RFC 5987).
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The name of a file without a path, without control characters, and without those that turn the
/// direction of what follows: 1 to [`MAX_NAME`] characters, never `.` or `..`.
pub fn safe_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = name.chars().filter(|&character| !is_unsafe(character)).collect();
    // No blanks around, and no dots at the end, which some systems do not keep.
    let kept = kept.trim().trim_end_matches(['.', ' ']);
    if kept.is_empty() {
        return "file".into();
    }
    let length = kept.chars().count();
    if length <= MAX_NAME {
        return kept.into();
    }
    let extension = kept.rfind('.').map_or("", |at| &kept[at..]);
    let extension = if extension.chars().count() <= MAX_EXTENSION { extension } else { "" };
    let stem = MAX_NAME - extension.chars().count();
    kept.chars().take(stem).chain(extension.chars()).collect()
}

fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
            | '<' | '>' | ':' | '"' | '|' | '?' | '*')
}

/// The header with which a file is given out: to be stored, not shown.
pub fn attachment(name: &str) -> String {
    let name = safe_name(name);
    let plain: String = name
        .chars()
        .map(|character| match character {
            ' '..='~' if !matches!(character, '"' | '\\' | '%' | ';') => character,
            _ => '_',
        })
        .collect();
    let extended = utf8_percent_encode(&name, EXTENDED);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{extended}")
}

/// The type of a file, if it is one that does nothing by itself where it is opened: no page, script
/// or drawing with scripts in it.
pub fn safe_content_type(content_type: &str) -> &str {
    const TEXTS: [&str; 2] = ["text/plain", "text/csv"];
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let Some((family, member)) = kind.split_once('/') else { return ANY_FILE };
    if kind.len() > MAX_CONTENT_TYPE || !token(family) || !token(member) {
        return ANY_FILE;
    }
    let lower = member.to_ascii_lowercase();
    let active = ["xml", "html", "script", "xsl", "svg"].iter().any(|word| lower.contains(word));
    // Documents of offices have `xml` in their names, and do nothing in a browser.
    let office = lower.starts_with("vnd.openxmlformats-officedocument.");
    let text = family.eq_ignore_ascii_case("text");
    if (active && !office) || (text && !TEXTS.iter().any(|it| it.eq_ignore_ascii_case(kind))) {
        return ANY_FILE;
    }
    kind
}

#[cfg(test)]
mod tests;
