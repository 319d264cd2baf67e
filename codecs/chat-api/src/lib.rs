//! The web API of customers' clients, without I/O: HTTP shapes to core's [`ApiRequest`], and
//! [`ApiAnswer`] to status, headers and JSON.
//!
//! A shell reads the head of a request and shows it to [`Api::open`]. Either that is answered at
//! once, or there is a [`Body`] to be filled as bytes come; at its end, or as soon as an upload has
//! said enough, there is an [`ApiRequest`] for core's gateway machine. What the machine answers,
//! [`Api::answer`] writes. Nothing here keeps the bytes of a file: they pass through as [`Piece`]s.
//!
//! It is tolerant in what clients send (a slash at the end, quotes inside brackets, parameters
//! nobody knows, parts in any order) and exact in what it answers: every answer but a file has
//! `statusCode`, `chatId`, `userId`, `secureKey`, `alias`, `chatEnded`, `nextPosition` and
//! `messages`, whatever went wrong.
//!
//! ```
//! use confer_chat_api::{Api, Head, Opened};
//! use confer_core::config::Config;
//! use confer_core::gateway::Operation;
//!
//! let api = Api::new(&Config::default().web);
//! let head = Head {
//!     method: "POST",
//!     target: "/genesys/2/chat/customer-support/",
//!     content_type: Some("application/x-www-form-urlencoded"),
//!     ..Head::default()
//! };
//! let Opened::Body(mut body) = api.open(&head) else { panic!("something to read") };
//! body.feed(b"nickname=Casey&userData[TimeZone]=60");
//! assert_eq!(body.next(), Ok(None));
//! let request = body.end().expect("a good request").expect("not told before");
//! assert_eq!(&*request.service, "customer-support");
//! assert!(matches!(request.operation, Operation::RequestChat(_)));
//! ```

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod answer;
mod body;
mod disposition;
mod events;
mod fields;
mod multipart;
mod name;
mod openapi;
mod problem;
mod request;
mod route;
mod web;

pub use answer::{AnswerBody, HttpAnswer};
pub use body::{Body, MAX_FIELDS, MAX_FORM, Piece};
pub use multipart::{MAX_PART_HEAD, Part, Parts, PartsError, PartsEvent};
pub use name::{MAX_NAME, attachment, safe_content_type, safe_name};
pub use openapi::document as openapi_document;
pub use problem::Problem;
pub use route::{MAX_TARGET, What};
pub use web::{Api, Head, Kind, Opened};

#[cfg(doc)]
use confer_core::gateway::{ApiAnswer, ApiRequest};

#[cfg(test)]
mod tests;
