//! What others wrote, made fit for a terminal: nobody's words may move its cursor, change its title
//! or turn its lines round.

/// `text` in lines of its own after the first, each indented so that no words look like those of
/// the program.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' => cleaned.push_str("\n    "),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\t' => cleaned.push(' '),
            character if character.is_control() || turns(character) => {
                cleaned.extend(character.escape_unicode());
            }
            character => cleaned.push(character),
        }
    }
    cleaned
}

/// The same in one line.
pub(super) fn clean_line(text: &str) -> String {
    clean(&text.replace(['\n', '\r'], " "))
}

/// Whether a character changes the direction in which others are shown.
const fn turns(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
