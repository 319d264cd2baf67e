//! XML as a row of tokens. Nobody else knows the library that reads it.

use std::borrow::Cow;

use quick_xml::errors::{Error, IllFormedError};
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::error::Fault;
use crate::{is_character, is_suspect};

/// What is wrong, and at which byte.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) at: usize,
    pub(crate) fault: Fault,
}

/// A piece of a document. Comments and instructions are none.
pub(crate) enum Token<'a> {
    /// An element begins.
    Open(Tag<'a>),
    /// Characters, references resolved; text that belongs together may come in several pieces.
    Text(Cow<'a, str>),
    /// The element that began last, and has not ended, ends.
    Close,
    /// The document ends, whatever has not.
    End,
}

/// The first tag of an element.
pub(crate) struct Tag<'a> {
    start: BytesStart<'a>,
    /// The byte it begins at.
    pub(crate) at: usize,
}

/// The attributes of a tag that were asked for.
pub(crate) type Values<'t, const N: usize> = [Option<Cow<'t, str>>; N];

impl Tag<'_> {
    pub(crate) fn name(&self) -> &str {
        self.start.name().into_inner()
    }

    /// The values of these attributes; others are skipped. `element` is what the tag is called in
    /// errors.
    pub(crate) fn attributes<const N: usize>(
        &self,
        element: &'static str,
        names: [&'static str; N],
    ) -> Result<Values<'_, N>, Failed> {
        let mut values = [const { None }; N];
        let mut attributes = self.start.attributes();
        // Only those we know are looked for twice: there may be any number of others.
        for attribute in attributes.with_checks(false) {
            let attribute = attribute.map_err(|_| self.fail(ATTRIBUTE))?;
            let Some(index) = names.iter().position(|name| *name == attribute.key.into_inner())
            else {
                continue;
            };
            if values[index].is_some() {
                return Err(self.fail(Fault::Twice { element, name: names[index] }));
            }
            let value = attribute.normalized_value(XmlVersion::Explicit1_0);
            let value = value.map_err(|_| self.fail(Fault::Reference))?;
            if let Some((_, fault)) = misfit(&value) {
                return Err(self.fail(fault));
            }
            values[index] = Some(value);
        }
        Ok(values)
    }

    pub(crate) const fn fail(&self, fault: Fault) -> Failed {
        Failed { at: self.at, fault }
    }
}

const ATTRIBUTE: Fault = Fault::NotXml { reason: "an attribute that is not name=\"value\"" };

pub(crate) struct Tokens<'a> {
    reader: Reader<&'a [u8]>,
    /// The byte the newest token begins at.
    pub(crate) at: usize,
    /// Whether the newest tag was all there is of its element.
    is_empty: bool,
}

impl<'a> Tokens<'a> {
    /// The tokens of a document that has no byte order mark.
    pub(crate) fn new(document: &'a str) -> Self {
        Self { reader: Reader::from_str(document), at: 0, is_empty: false }
    }

    pub(crate) fn next(&mut self) -> Result<Token<'a>, Failed> {
        if core::mem::take(&mut self.is_empty) {
            return Ok(Token::Close);
        }
        loop {
            self.at = place(self.reader.buffer_position());
            let event = self.reader.read_event().map_err(|error| Failed {
                at: place(self.reader.error_position()),
                fault: not_xml(&error),
            });
            return match event? {
                Event::Start(start) => Ok(Token::Open(Tag { start, at: self.at })),
                Event::Empty(start) => {
                    self.is_empty = true;
                    Ok(Token::Open(Tag { start, at: self.at }))
                }
                Event::End(_) => Ok(Token::Close),
                Event::Text(text) => {
                    self.check(&text, 0)?;
                    Ok(Token::Text(text.xml10_content()))
                }
                Event::CData(text) => {
                    self.check(&text, "<![CDATA[".len())?;
                    Ok(Token::Text(text.xml10_content()))
                }
                Event::GeneralRef(reference) => self.reference(&reference),
                Event::Decl(declaration) => {
                    self.declaration(&declaration)?;
                    continue;
                }
                Event::DocType(_) => Err(self.fail(Fault::Doctype)),
                Event::Comment(_) | Event::PI(_) => continue,
                Event::Eof => Ok(Token::End),
            };
        }
    }

    pub(crate) const fn fail(&self, fault: Fault) -> Failed {
        Failed { at: self.at, fault }
    }

    /// Text that begins so many bytes after its token has no characters but XML's.
    fn check(&self, text: &str, after: usize) -> Result<(), Failed> {
        match misfit(text) {
            Some((at, fault)) => Err(Failed { at: self.at + after + at, fault }),
            None => Ok(()),
        }
    }

    fn reference(&self, reference: &BytesRef<'_>) -> Result<Token<'a>, Failed> {
        let character = reference.resolve_char_ref().map_err(|_| self.fail(Fault::Reference))?;
        let text = match character {
            Some(character) => Cow::Owned(character.to_string()),
            None => resolve_xml_entity(reference)
                .map(Cow::Borrowed)
                .ok_or_else(|| self.fail(Fault::Reference))?,
        };
        match misfit(&text) {
            Some((_, fault)) => Err(self.fail(fault)),
            None => Ok(Token::Text(text)),
        }
    }

    fn declaration(&self, declaration: &BytesDecl<'_>) -> Result<(), Failed> {
        if self.at > 0 {
            let reason = "a declaration that is not at the very beginning";
            return Err(self.fail(Fault::NotXml { reason }));
        }
        match declaration.xml_version() {
            Ok(XmlVersion::Implicit1_0 | XmlVersion::Explicit1_0) => Ok(()),
            Ok(XmlVersion::Explicit1_1) | Err(_) => Err(self.fail(Fault::Version)),
        }
    }
}

/// The first character that XML does not have, and at which byte it stands.
fn misfit(text: &str) -> Option<(usize, Fault)> {
    let first = text.bytes().position(is_suspect)?;
    let mut characters = text[first..].char_indices();
    let (at, character) = characters.find(|(_, character)| !is_character(*character))?;
    Some((first + at, Fault::Character { number: character.into() }))
}

/// A place in a document, which is a slice and so has no more bytes than there are addresses.
fn place(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

/// The library's own words may repeat what the document says.
const fn not_xml(error: &Error) -> Fault {
    let reason = match error {
        Error::Syntax(_) => "a tag, comment, instruction or section that does not end",
        Error::IllFormed(
            IllFormedError::UnmatchedEndTag(_)
            | IllFormedError::MismatchedEndTag { .. }
            | IllFormedError::MissingEndTag(_),
        ) => "a last tag of another element than the one that began last",
        Error::IllFormed(IllFormedError::UnclosedReference) => {
            "a reference that does not end; & itself is written &amp;"
        }
        Error::IllFormed(IllFormedError::MissingDoctypeName) => return Fault::Doctype,
        Error::IllFormed(
            IllFormedError::MissingDeclVersion(_) | IllFormedError::UnknownVersion,
        ) => return Fault::Version,
        Error::IllFormed(IllFormedError::DoubleHyphenInComment) => "-- inside of a comment",
        Error::InvalidAttr(_) => return ATTRIBUTE,
        Error::Escape(_) => return Fault::Reference,
        Error::Io(_) | Error::Encoding(_) | Error::Namespace(_) => "not UTF-8 text",
    };
    Fault::NotXml { reason }
}
