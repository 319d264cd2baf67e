//! Reading JSON (RFC 8259): whether a text is any, for rich messages pass through as they are (B7.7),
//! and what stands in it, for whoever makes something of it (B14.8).

use alloc::string::String;
use alloc::vec::Vec;

/// Whether `text` is one JSON value. Takes time and memory in proportion to its length, whatever it
/// is: nesting costs a bit each, not a call.
pub(super) fn is_json(text: &str) -> bool {
    read(text, &mut Nobody).is_some()
}

/// Reads the one JSON value `text` is, and tells `reader` what stands in it, in order. `None` if it
/// is none, or the reader wants no more; the reader has been told the beginning then.
pub(super) fn read(text: &str, reader: &mut impl Reader) -> Option<()> {
    let mut rest = Rest { text, at: 0 };
    rest.document(reader)?;
    (rest.at == text.len()).then_some(())
}

/// Makes something of what stands in a JSON text. `None` ends the reading.
pub(super) trait Reader {
    /// Values follow that stand in an array or an object, up to its end.
    fn begin(&mut self, inside: Inside) -> Option<()>;
    /// That array or object is over.
    fn end(&mut self) -> Option<()>;
    /// A value follows under this key.
    fn key(&mut self, key: Quoted<'_>) -> Option<()>;
    /// A value.
    fn value(&mut self, value: Value<'_>) -> Option<()>;
}

/// A value that has none inside.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Text(Quoted<'a>),
    /// As it is written.
    Number(&'a str),
    Boolean(bool),
    Null,
}

/// What a value stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    Array,
    Object,
}

/// What stands between two quotes, escapes and all.
#[derive(Clone, Copy)]
pub(super) struct Quoted<'a>(&'a str);

impl Quoted<'_> {
    /// The characters it means; `None` if one of them is half a surrogate pair.
    pub(super) fn characters(self) -> Option<String> {
        let mut characters = String::with_capacity(self.0.len());
        let mut rest = self.0;
        while let Some((plain, escaped)) = rest.split_once('\\') {
            characters.push_str(plain);
            let escape = escaped.chars().next()?;
            rest = escaped.get(1..)?;
            characters.push(match escape {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let first = unit(rest)?;
                    rest = rest.get(4..)?;
                    let second = rest.strip_prefix("\\u").and_then(unit);
                    let units = [first, second.unwrap_or_default()];
                    match char::decode_utf16(units).next()? {
                        Ok(character) => {
                            rest = rest.get(6 * (character.len_utf16() - 1)..)?;
                            character
                        }
                        Err(_) => return None,
                    }
                }
                itself => itself,
            });
        }
        characters.push_str(rest);
        Some(characters)
    }
}

/// The UTF-16 unit that four hexadecimal digits write.
fn unit(text: &str) -> Option<u16> {
    u16::from_str_radix(text.get(..4)?, 16).ok()
}

/// Makes nothing of anything.
struct Nobody;

impl Reader for Nobody {
    fn begin(&mut self, _: Inside) -> Option<()> {
        Some(())
    }

    fn end(&mut self) -> Option<()> {
        Some(())
    }

    fn key(&mut self, _: Quoted<'_>) -> Option<()> {
        Some(())
    }

    fn value(&mut self, _: Value<'_>) -> Option<()> {
        Some(())
    }
}

/// What is still to be read, from a byte on.
struct Rest<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Rest<'a> {
    fn document(&mut self, reader: &mut impl Reader) -> Option<()> {
        let mut open: Vec<Inside> = Vec::new();
        loop {
            self.blanks();
            match self.next()? {
                b'[' => {
                    reader.begin(Inside::Array)?;
                    self.blanks();
                    if !self.skip(b']') {
                        open.push(Inside::Array);
                        continue;
                    }
                    reader.end()?;
                }
                b'{' => {
                    reader.begin(Inside::Object)?;
                    self.blanks();
                    if !self.skip(b'}') {
                        open.push(Inside::Object);
                        self.key(reader)?;
                        continue;
                    }
                    reader.end()?;
                }
                b'"' => {
                    let text = self.string()?;
                    reader.value(Value::Text(text))?;
                }
                b't' => {
                    self.word(b"rue")?;
                    reader.value(Value::Boolean(true))?;
                }
                b'f' => {
                    self.word(b"alse")?;
                    reader.value(Value::Boolean(false))?;
                }
                b'n' => {
                    self.word(b"ull")?;
                    reader.value(Value::Null)?;
                }
                first => {
                    let number = self.number(first)?;
                    reader.value(Value::Number(number))?;
                }
            }
            // A value is over, and with it perhaps what it stands in.
            loop {
                self.blanks();
                let Some(inside) = open.last() else { return Some(()) };
                match (inside, self.next()?) {
                    (Inside::Array, b',') => break,
                    (Inside::Object, b',') => {
                        self.blanks();
                        self.key(reader)?;
                        break;
                    }
                    (Inside::Array, b']') | (Inside::Object, b'}') => {
                        open.pop();
                        reader.end()?;
                    }
                    _ => return None,
                }
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        word.iter().all(|&byte| self.skip(byte)).then_some(())
    }

    /// A key and its colon.
    fn key(&mut self, reader: &mut impl Reader) -> Option<()> {
        self.word(b"\"")?;
        let key = self.string()?;
        reader.key(key)?;
        self.blanks();
        self.word(b":")
    }

    /// The rest of a string.
    fn string(&mut self) -> Option<Quoted<'a>> {
        let from = self.at;
        loop {
            match self.next()? {
                b'"' => return self.text.get(from..self.at - 1).map(Quoted),
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        for _ in 0..4 {
                            self.next().filter(u8::is_ascii_hexdigit)?;
                        }
                    }
                    _ => return None,
                },
                0..0x20 => return None,
                _ => {}
            }
        }
    }

    /// A number of which the first character is read.
    fn number(&mut self, first: u8) -> Option<&'a str> {
        let from = self.at - 1;
        match if first == b'-' { self.next()? } else { first } {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.skip(b'.') {
            self.next().filter(u8::is_ascii_digit)?;
            self.digits();
        }
        if self.skip(b'e') || self.skip(b'E') {
            if !self.skip(b'+') {
                self.skip(b'-');
            }
            self.next().filter(u8::is_ascii_digit)?;
            self.digits();
        }
        self.text.get(from..self.at)
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests;
