//! The API as a whole: what is answered at once, and what pages of other origins may see.

use alloc::boxed::Box;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use confer_core::config::Web;
use confer_core::gateway::{ApiAnswer, ApiRequest, InChat, Operation, Verb};
use confer_core::pii::Secret;

use crate::answer::HttpAnswer;
use crate::body::Body;
use crate::openapi;
use crate::problem::Problem;
use crate::request::Goal;
use crate::route::Route;

/// What pages of other origins may send.
const ALLOWED_HEADERS: &str = "content-type, apikey, x-api-key, authorization, gms_user";
/// How long a browser may remember that, in seconds.
const MAX_AGE: &str = "600";

/// The API, as it is configured.
#[derive(Clone)]
pub struct Api {
    origins: Origins,
    api_key: Option<Secret>,
}

#[derive(Clone, Debug)]
enum Origins {
    All,
    These(Vec<String>),
}

/// The head of a request.
#[derive(Clone, Copy, Default)]
pub struct Head<'a> {
    /// Such as `POST`.
    pub method: &'a str,
    /// The path, with whatever stands behind it.
    pub target: &'a str,
    /// The header of that name.
    pub content_type: Option<&'a str>,
    /// The header of that name, where the body has a length.
    pub content_length: Option<u64>,
    /// The header `apikey`, or else `x-api-key`.
    pub api_key: Option<&'a str>,
}

/// What becomes of a request once its head is known.
#[derive(Debug)]
pub enum Opened {
    /// It is answered.
    Answer(HttpAnswer),
    /// Its body is to be read.
    Body(Box<Body>),
}

/// Of what kind an answer is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Always JSON.
    Call,
    /// A file, or JSON with a status that says it is none.
    Download,
}

impl Kind {
    /// Of what kind the answer to this request is to be.
    pub const fn of(request: &ApiRequest) -> Self {
        match &request.operation {
            Operation::InChat(InChat { verb: Verb::Download { .. }, .. }) => Self::Download,
            Operation::InChat(_) | Operation::RequestChat(_) => Self::Call,
        }
    }
}

impl Api {
    /// The API with these options.
    pub fn new(options: &Web) -> Self {
        let origins = options.allowed_origins.split(',').map(str::trim);
        let origins: Vec<String> = origins
            .filter(|origin| !origin.is_empty())
            .map(|origin| origin.trim_end_matches('/').to_ascii_lowercase())
            .collect();
        let all = origins.iter().any(|origin| origin == "*");
        let origins = if all { Origins::All } else { Origins::These(origins) };
        Self { origins, api_key: options.api_key.clone() }
    }

    /// Whether a request is answered at once, and how to read its body otherwise.
    pub fn open(&self, head: &Head<'_>) -> Opened {
        match self.try_open(head) {
            Ok(opened) => opened,
            Err(problem) => Opened::Answer(HttpAnswer::problem(problem)),
        }
    }

    fn try_open(&self, head: &Head<'_>) -> Result<Opened, Problem> {
        let route = Route::find(head.target).ok_or(Problem::NoSuchPath)?;
        let answer = match (&route, head.method) {
            // Browsers ask without the key whether they may send it.
            (_, "OPTIONS") => HttpAnswer::empty(204),
            (Route::OpenApi, "GET" | "HEAD") => HttpAnswer::ready_json(openapi::document()),
            (Route::Service { .. }, "POST") => {
                if !self.admits(head.api_key) {
                    return Err(Problem::ApiKey);
                }
                let Route::Service { service, what, chat_id, file_id } = route else {
                    return Err(Problem::NoSuchPath);
                };
                let goal = Goal { service, what, chat_id, file_id };
                let body = Body::new(goal, head.content_type, head.content_length)?;
                return Ok(Opened::Body(Box::new(body)));
            }
            _ => return Err(Problem::Method),
        };
        Ok(Opened::Answer(answer))
    }

    /// What the machine answers, as a client gets it.
    pub fn answer(&self, answer: &ApiAnswer, kind: Kind) -> HttpAnswer {
        HttpAnswer::of(answer, kind == Kind::Download)
    }

    /// What is wrong with a request, as a client gets it.
    pub fn problem(&self, problem: Problem) -> HttpAnswer {
        HttpAnswer::problem(problem)
    }

    /// Adds what a page of this origin, the header `Origin`, may do with an answer.
    pub fn allow(&self, origin: Option<&str>, answer: &mut HttpAnswer) {
        let headers = &mut answer.headers;
        let allowed = match (&self.origins, origin) {
            (Origins::All, Some(_)) => "*".to_string(),
            (Origins::These(origins), Some(origin)) => {
                // What is answered depends on who asks, for every cache on the way.
                headers.push(("vary", "origin".into()));
                if !origins.iter().any(|known| known.eq_ignore_ascii_case(origin)) {
                    return;
                }
                origin.to_string()
            }
            (_, None) => return,
        };
        headers.push(("access-control-allow-origin", allowed));
        headers.push(("access-control-expose-headers", "content-disposition".into()));
        if answer.status == 204 {
            headers.push(("access-control-allow-methods", "POST, GET, OPTIONS".into()));
            headers.push(("access-control-allow-headers", ALLOWED_HEADERS.into()));
            headers.push(("access-control-max-age", MAX_AGE.into()));
        }
    }

    fn admits(&self, shown: Option<&str>) -> bool {
        match (&self.api_key, shown) {
            (None, _) => true,
            (Some(key), Some(shown)) => *key == Secret::new(shown),
            (Some(_), None) => false,
        }
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("origins", &self.origins).finish_non_exhaustive()
    }
}

impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A target may hold anything, and a key is a secret.
        write!(f, "Head({}, {} bytes)", self.method, self.target.len())
    }
}
