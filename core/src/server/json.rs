//! Whether a text is JSON (RFC 8259). Nothing is made of it: rich messages pass through as they are
//! (B7.7).

use alloc::vec::Vec;

/// Whether `text` is one JSON value. Takes time and memory in proportion to its length, whatever it
/// is: nesting costs a bit each, not a call.
pub(super) fn is_json(text: &str) -> bool {
    let mut rest = Rest(text.as_bytes());
    rest.document().is_some() && rest.0.is_empty()
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

/// What a value stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Array,
    Object,
}

impl Rest<'_> {
    fn document(&mut self) -> Option<()> {
        let mut open: Vec<Inside> = Vec::new();
        loop {
            self.blanks();
            match self.next()? {
                b'[' => {
                    self.blanks();
                    if !self.skip(b']') {
                        open.push(Inside::Array);
                        continue;
                    }
                }
                b'{' => {
                    self.blanks();
                    if !self.skip(b'}') {
                        open.push(Inside::Object);
                        self.key()?;
                        continue;
                    }
                }
                b'"' => self.string()?,
                b't' => self.word(b"rue")?,
                b'f' => self.word(b"alse")?,
                b'n' => self.word(b"ull")?,
                b'-' => {
                    let first = self.next()?;
                    self.number(first)?;
                }
                first => self.number(first)?,
            }
            // A value is over, and with it perhaps what it stands in.
            loop {
                self.blanks();
                let Some(inside) = open.last() else { return Some(()) };
                match (inside, self.next()?) {
                    (Inside::Array, b',') => break,
                    (Inside::Object, b',') => {
                        self.blanks();
                        self.key()?;
                        break;
                    }
                    (Inside::Array, b']') | (Inside::Object, b'}') => drop(open.pop()),
                    _ => return None,
                }
            }
        }
    }

    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn skip(&mut self, byte: u8) -> bool {
        let is_there = self.0.first() == Some(&byte);
        if is_there {
            self.0 = &self.0[1..];
        }
        is_there
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.0.first() {
            self.0 = &self.0[1..];
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    /// A key and its colon.
    fn key(&mut self) -> Option<()> {
        self.word(b"\"")?;
        self.string()?;
        self.blanks();
        self.word(b":")
    }

    /// The rest of a string.
    fn string(&mut self) -> Option<()> {
        loop {
            match self.next()? {
                b'"' => return Some(()),
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

    /// The rest of a number without its sign.
    fn number(&mut self, first: u8) -> Option<()> {
        match first {
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
        Some(())
    }

    fn digits(&mut self) {
        while self.0.first().is_some_and(u8::is_ascii_digit) {
            self.0 = &self.0[1..];
        }
    }
}
