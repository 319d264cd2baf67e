//! What is wrong with a request that never reaches a server.

use alloc::borrow::Cow;
use core::fmt;

/// What is wrong with a request. `Display` says it to whoever builds a page, without a word of the
/// customer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is nothing at this path.
    NoSuchPath,
    /// The path knows no such method.
    Method,
    /// The key of the API is missing or wrong.
    ApiKey,
    /// The body is of a type the operation does not take.
    ContentType,
    /// The parameters are more, or longer, than may be.
    TooLarge,
    /// The body breaks off, or is not of the type it says it is.
    BrokenBody,
    /// A parameter that must be there is not, or is empty.
    Missing(&'static str),
    /// A parameter has a value that means nothing.
    BadValue(&'static str),
}

impl Problem {
    /// The status of the answer.
    pub const fn status(self) -> u16 {
        match self {
            Self::NoSuchPath => 404,
            Self::Method => 405,
            Self::ApiKey => 401,
            Self::ContentType => 415,
            Self::TooLarge => 413,
            Self::BrokenBody | Self::Missing(_) | Self::BadValue(_) => 400,
        }
    }

    pub(crate) const fn advice(self) -> &'static str {
        match self {
            Self::NoSuchPath | Self::Method => "See /openapi.json for what there is.",
            Self::ApiKey => "Send the key in the header apikey or x-api-key.",
            Self::ContentType => {
                "Send application/x-www-form-urlencoded or multipart/form-data; a file only in the \
                 latter."
            }
            Self::TooLarge => "Send less.",
            Self::BrokenBody | Self::Missing(_) | Self::BadValue(_) => "Mend the request.",
        }
    }

    pub(crate) fn text(self) -> Cow<'static, str> {
        match self {
            Self::NoSuchPath => "there is nothing at this path".into(),
            Self::Method => "the path knows no such method".into(),
            Self::ApiKey => "the key of the API is missing or wrong".into(),
            Self::ContentType => "the operation does not take a body of this type".into(),
            Self::TooLarge => "the parameters are too long, or too many".into(),
            Self::BrokenBody => "the body is broken".into(),
            Self::Missing(name) => alloc::format!("{name} is missing").into(),
            Self::BadValue(name) => alloc::format!("{name} has a value that means nothing").into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl core::error::Error for Problem {}
