//! Answers as status, headers and JSON.

use alloc::borrow::Cow;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use confer_core::gateway::{ApiAnswer, Customer, Done, Failed, FoundFile, Why};
use confer_core::id::DocumentId;
use serde::Serialize;

use crate::events::{Event, FlatTexts, events};
use crate::name::{attachment, safe_content_type};
use crate::problem::Problem;

/// An answer, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// The headers, but for those about the length of the body and the connection.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: AnswerBody,
}

/// The body of an answer.
#[derive(Clone, PartialEq, Eq)]
pub enum AnswerBody {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The bytes of this document, which the store has.
    Document {
        /// Which.
        document: DocumentId,
        /// How many bytes.
        size: u64,
    },
}

/// What every answer but a file is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reply<'a> {
    status_code: u8,
    chat_id: &'a str,
    user_id: &'a str,
    secure_key: &'a str,
    alias: &'a str,
    next_position: u32,
    chat_ended: bool,
    monitored: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_timer_expire: Option<u32>,
    messages: Vec<Event<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_data: Option<FlatTexts<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Error<'a>>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: u16,
    message: Cow<'a, str>,
    advice: &'static str,
}

impl HttpAnswer {
    /// What the machine answers; of a download, a failure has a status of its own, so that nobody
    /// takes it for the file.
    pub(crate) fn of(answer: &ApiAnswer, download: bool) -> Self {
        match answer {
            ApiAnswer::Done(done) => Self::json(200, &Reply::done(done)),
            ApiAnswer::File(file) => Self::file(file),
            ApiAnswer::Failed(failed) => {
                let (status, code) = status_and_code(failed);
                let status = if download && status == 200 { download_status(code) } else { status };
                Self::json(status, &Reply::failed(failed, code))
            }
        }
    }

    /// What no machine has to be asked about.
    pub(crate) fn problem(problem: Problem) -> Self {
        let status = problem.status();
        let error = Error { code: status, message: problem.text(), advice: problem.advice() };
        let mut answer = Self::json(status, &Reply { errors: [error].into(), ..Reply::nothing(2) });
        if problem == Problem::Method {
            answer.headers.push(("allow", "POST, OPTIONS".into()));
        }
        answer
    }

    pub(crate) fn ready_json(json: Vec<u8>) -> Self {
        Self {
            status: 200,
            headers: [
                ("content-type", "application/json; charset=utf-8".into()),
                ("cache-control", "no-store".into()),
                ("x-content-type-options", "nosniff".into()),
            ]
            .into(),
            body: AnswerBody::Bytes(json),
        }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: AnswerBody::Bytes(Vec::new()) }
    }

    fn json(status: u16, reply: &Reply<'_>) -> Self {
        // Texts, numbers and objects with keys that are texts: there is nothing that could fail.
        let json = serde_json::to_vec(reply).unwrap_or_default();
        Self { status, ..Self::ready_json(json) }
    }

    fn file(file: &FoundFile) -> Self {
        let FoundFile { document, name, size, content_type } = file;
        Self {
            status: 200,
            headers: [
                ("content-type", safe_content_type(content_type).to_string()),
                ("content-disposition", attachment(name.reveal())),
                ("cache-control", "no-store".into()),
                ("x-content-type-options", "nosniff".into()),
                // Should anything ever show it, nothing in it may run.
                ("content-security-policy", "default-src 'none'; sandbox".into()),
            ]
            .into(),
            body: AnswerBody::Document { document: document.clone(), size: *size },
        }
    }
}

impl fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpAnswer({}, {:?})", self.status, self.body)
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Document { size, .. } => write!(f, "a document of {size} bytes"),
        }
    }
}

impl<'a> Reply<'a> {
    const fn nothing(status_code: u8) -> Self {
        Self {
            status_code,
            chat_id: "",
            user_id: "",
            secure_key: "",
            alias: "",
            next_position: 0,
            chat_ended: false,
            monitored: false,
            idle_timer_expire: None,
            messages: Vec::new(),
            user_data: None,
            errors: Vec::new(),
        }
    }

    fn with(self, customer: &'a Customer) -> Self {
        Self {
            chat_id: customer.chat_id.as_str(),
            user_id: customer.user_id.as_str(),
            secure_key: customer.secure_key.reveal(),
            ..self
        }
    }

    fn done(done: &'a Done) -> Self {
        Self {
            alias: &done.alias,
            next_position: done.next_position,
            chat_ended: done.chat_ended,
            monitored: done.monitored,
            idle_timer_expire: done.idle_time_expire,
            messages: events(done.start_at, &done.events),
            user_data: (!done.user_data.is_empty()).then_some(FlatTexts(&done.user_data)),
            ..Self::nothing(0).with(&done.customer)
        }
    }

    fn failed(failed: &'a Failed, code: u16) -> Self {
        let message = match &failed.detail {
            Some(detail) => alloc::format!("{}: {detail}", failed.why).into(),
            None => failed.why.text().into(),
        };
        let reply = Self {
            alias: &failed.alias,
            next_position: failed.position,
            chat_ended: failed.chat_ended,
            errors: [Error { code, message, advice: advice(failed) }].into(),
            ..Self::nothing(if failed.retry { 1 } else { 2 })
        };
        match &failed.customer {
            Some(customer) => reply.with(customer),
            None => reply,
        }
    }
}

fn advice(failed: &Failed) -> &'static str {
    match failed {
        Failed { retry: true, .. } => "Make the same request again.",
        Failed { chat_ended: true, .. } => "Begin a new chat.",
        Failed { why: Why::InDoubt, .. } => {
            "It may have been done: refresh before you do it again."
        }
        Failed { .. } => "The same request will fail again.",
    }
}

/// The status, and the code of the error: those clients keep texts for.
fn status_and_code(failed: &Failed) -> (u16, u16) {
    let of_file = |detail: &str| match detail {
        _ if detail.contains("size") => 201,
        _ if detail.contains("upload-max-files") => 202,
        _ if detail.contains("upload-file-types") => 203,
        _ => 403,
    };
    match failed.why {
        Why::NoSuchService | Why::FileGone => (404, 404),
        Why::UnknownEndpoint | Why::NotTrusted => (500, 500),
        Why::NoSuchChat | Why::ChatClosed => (200, 404),
        Why::Nickname => (400, 161),
        Why::TextTooLong => (400, 204),
        Why::BadRequest | Why::UploadBroken => (400, 400),
        Why::LimitReached if failed.retry => (503, 503),
        Why::NotAllowed | Why::LimitReached => (403, 403),
        Why::FileRefused => (403, failed.detail.as_deref().map_or(403, of_file)),
        Why::FileTooLarge => (413, 201),
        Why::TooManyCalls => (503, 503),
        Why::StoreUnavailable | Why::Moving => (200, 503),
        Why::Unreachable => (200, 502),
        Why::InDoubt => (200, 504),
        Why::Refused(_) => (200, 500),
    }
}

/// The status of a failure that would have 200 where a client looks into the body.
const fn download_status(code: u16) -> u16 {
    match code {
        404 => 404,
        503 => 503,
        504 => 504,
        _ => 502,
    }
}
