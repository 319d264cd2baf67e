//! One request over HTTP: its body read as it comes, the machine asked, its answer written.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use confer_chat_api::{
    AnswerBody, Api, Body, Head, HttpAnswer, Kind, MAX_FORM, Opened, Piece, Problem,
};
use confer_core::gateway::{
    ApiAnswer, ApiRequest, Failed, InChat, Input, NewDocument, Operation, StoreOutcome, Verb, Why,
};
use confer_core::text::Str;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode, header};
use smol::channel::Receiver;
use smol::stream::Stream as _;

use super::Door;
use super::files::Storing;
use super::node::{Calling, Told};
use super::pace::{Pace, Phase};

/// Bytes of a file that may be put aside where it comes before what says whose it is.
const ASIDE: usize = 8 << 20;
/// Bytes of all such files together.
const ALL_ASIDE: usize = 64 << 20;
/// Bytes of a multipart body beside its parameters and the file: boundaries and heads.
const FRAMING: u64 = 1 << 20;

/// Answers a request.
pub(super) async fn answer(
    door: Arc<Door>,
    pace: Arc<Pace>,
    request: Request<Incoming>,
) -> Result<Response<Answering>, Infallible> {
    pace.enters(Phase::Body);
    let (head, incoming) = request.into_parts();
    let api = door.api();
    let origin = text(&head.headers, "origin");
    let length = text(&head.headers, "content-length").and_then(|length| length.parse().ok());
    let opened = api.open(&Head {
        method: head.method.as_str(),
        target: head.uri.path(),
        content_type: text(&head.headers, "content-type"),
        content_length: length,
        api_key: text(&head.headers, "apikey").or_else(|| text(&head.headers, "x-api-key")),
    });
    let mut answer = match opened {
        Opened::Answer(answer) => answer,
        Opened::Body(body) => {
            Call { door: &door, api: &api, pace: &pace }.serve(*body, incoming).await
        }
    };
    pace.enters(Phase::Answer);
    api.allow(origin, &mut answer);
    Ok(response(&door, pace, answer))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| str::from_utf8(value.as_bytes()).ok())
}

/// A request on its way.
struct Call<'a> {
    door: &'a Arc<Door>,
    api: &'a Api,
    pace: &'a Pace,
}

/// What ends a request before its body does.
enum Early {
    Problem(Problem),
    /// The machine has answered already.
    Answer(ApiAnswer),
}

impl From<Problem> for Early {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// Where the bytes of a file go.
#[derive(Default)]
enum File {
    /// There was none yet.
    #[default]
    None,
    /// Aside, until it is known whose it is.
    Aside(Aside),
    /// Into the store.
    Storing(Calling, Box<Storing>),
}

impl Call<'_> {
    async fn serve(self, body: Body, incoming: Incoming) -> HttpAnswer {
        let mut kind = Kind::Call;
        match self.read(body, incoming, &mut kind).await {
            Ok(answer) | Err(Early::Answer(answer)) => self.api.answer(&answer, kind),
            Err(Early::Problem(problem)) => self.api.problem(problem),
        }
    }

    async fn read(
        &self,
        mut body: Body,
        mut incoming: Incoming,
        kind: &mut Kind,
    ) -> Result<ApiAnswer, Early> {
        let mut file = File::None;
        while let Some(frame) = incoming.frame().await {
            let Ok(frame) = frame else { return self.broken(file).await };
            let Ok(bytes) = frame.into_data() else { continue };
            body.feed(&bytes);
            loop {
                match body.next() {
                    Ok(None) => break,
                    Ok(Some(Piece::FileEnd)) => {}
                    Ok(Some(Piece::Data(bytes))) => match &mut file {
                        File::None => {}
                        File::Aside(aside) => aside.add(bytes)?,
                        File::Storing(_, storing) => {
                            if let Err(outcome) = storing.write(bytes).await {
                                let File::Storing(calling, _) = file else { break };
                                return self.stored(calling, outcome).await;
                            }
                        }
                    },
                    Ok(Some(Piece::File { request: None })) => {
                        file = File::Aside(Aside::new(self.door));
                    }
                    Ok(Some(Piece::File { request: Some(request) })) => {
                        let (calling, storing) = self.begin_file(*request).await?;
                        self.pace.enters(Phase::File);
                        file = File::Storing(calling, Box::new(storing));
                    }
                    Err(Problem::BrokenBody) => return self.broken(file).await,
                    Err(problem) => return Err(problem.into()),
                }
            }
        }
        let request = match (body.end(), file) {
            (Ok(None), File::Storing(calling, storing)) => {
                self.pace.enters(Phase::Answer);
                let outcome = storing.finish().await;
                return self.stored(calling, outcome).await;
            }
            (Err(Problem::BrokenBody), file) => return self.broken(file).await,
            (Err(problem), _) => return Err(problem.into()),
            (Ok(None), File::None | File::Aside(_)) => return Err(Problem::Missing("file").into()),
            (Ok(Some(request)), File::Aside(aside)) => {
                self.pace.enters(Phase::Answer);
                return self.store_aside(request, aside).await;
            }
            (Ok(Some(request)), File::None | File::Storing(..)) => request,
        };
        *kind = Kind::of(&request);
        self.pace.enters(Phase::Answer);
        let calling = self.door.teller.call(request);
        self.answered(calling).await
    }

    /// Asks whether a file may be stored; the answer, if it may not.
    async fn begin_file(&self, request: ApiRequest) -> Result<(Calling, Storing), Early> {
        let least = least(&request);
        self.pace.enters(Phase::Answer);
        let mut calling = self.door.teller.call(request);
        let document = match self.next(&mut calling).await {
            Told::Store(document) => document,
            Told::Answer(answer) => return Err(Early::Answer(*answer)),
        };
        // Nobody has to send what is too large for certain.
        let begun = if least > document.at_most {
            Err(StoreOutcome::TooLarge)
        } else {
            self.begin(*document).await
        };
        match begun {
            Ok(storing) => Ok((calling, storing)),
            Err(outcome) => Err(Early::Answer(self.stored(calling, outcome).await?)),
        }
    }

    async fn begin(&self, document: NewDocument) -> Result<Storing, StoreOutcome> {
        match &self.door.files {
            Some(files) => Arc::clone(files).store(document).await,
            None => Err(StoreOutcome::Unavailable),
        }
    }

    /// Stores a file whose request came behind it.
    async fn store_aside(&self, request: ApiRequest, aside: Aside) -> Result<ApiAnswer, Early> {
        let (calling, mut storing) = self.begin_file(request).await?;
        let outcome = match storing.write(&aside.bytes).await {
            Ok(()) => storing.finish().await,
            Err(outcome) => outcome,
        };
        self.stored(calling, outcome).await
    }

    /// A body broke off.
    async fn broken(&self, file: File) -> Result<ApiAnswer, Early> {
        match file {
            File::Storing(calling, _) => self.stored(calling, StoreOutcome::Broken).await,
            File::None | File::Aside(_) => Err(Problem::BrokenBody.into()),
        }
    }

    /// Says how the storing of a file ended.
    async fn stored(&self, calling: Calling, outcome: StoreOutcome) -> Result<ApiAnswer, Early> {
        self.pace.enters(Phase::Answer);
        self.door.teller.tell(Input::Stored { call: calling.id(), outcome });
        self.answered(calling).await
    }

    async fn answered(&self, mut calling: Calling) -> Result<ApiAnswer, Early> {
        loop {
            if let Told::Answer(answer) = self.next(&mut calling).await {
                return Ok(*answer);
            }
        }
    }

    async fn next(&self, calling: &mut Calling) -> Told {
        let over = || {
            // The gateway ends, and another may take the call.
            let failed = Failed {
                why: Why::Unreachable,
                retry: true,
                chat_ended: false,
                customer: None,
                alias: Str::default(),
                position: 0,
                detail: None,
            };
            Told::Answer(Box::new(ApiAnswer::Failed(Box::new(failed))))
        };
        calling.told().await.unwrap_or_else(over)
    }
}

/// How large the file of a request is at least: its body has a length, and what is not the file has
/// its limits.
fn least(request: &ApiRequest) -> u64 {
    let upload = match &request.operation {
        Operation::InChat(InChat { verb: Verb::Upload(upload), .. }) => upload.size_at_most,
        Operation::InChat(_) | Operation::RequestChat(_) => None,
    };
    upload.unwrap_or(0).saturating_sub(MAX_FORM as u64 + FRAMING)
}

/// Bytes that were put aside, as far as there is room.
struct Aside {
    bytes: Vec<u8>,
    door: Arc<Door>,
}

impl Aside {
    fn new(door: &Arc<Door>) -> Self {
        Self { bytes: Vec::new(), door: Arc::clone(door) }
    }

    fn add(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let all = self.door.aside.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        // What is counted is given back when this is dropped.
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > ASIDE || all > ALL_ASIDE {
            return Err(Problem::TooLarge);
        }
        Ok(())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        self.door.aside.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// How much of all files is put aside.
pub(super) type AllAside = AtomicUsize;

/// The answer over HTTP.
fn response(door: &Door, pace: Arc<Pace>, answer: HttpAnswer) -> Response<Answering> {
    let HttpAnswer { status, headers, body } = answer;
    let (bytes, left) = match body {
        AnswerBody::Bytes(bytes) => {
            let left = bytes.len() as u64;
            (Source::Bytes(Some(Bytes::from(bytes))), left)
        }
        AnswerBody::Document { document, size } => match &door.files {
            Some(files) => {
                let pieces = Arc::clone(files).read(document, &door.executor);
                (Source::Document(Box::pin(pieces)), size)
            }
            // Nothing is found where there are no files.
            None => (Source::Bytes(None), 0),
        },
    };
    let mut response = Response::new(Answering { source: bytes, left, pace });
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    response.headers_mut().insert(header::SERVER, HeaderValue::from_static("confer"));
    response
}

/// The bytes of an answer.
pub(super) struct Answering {
    source: Source,
    /// How many are still to come.
    left: u64,
    pace: Arc<Pace>,
}

enum Source {
    Bytes(Option<Bytes>),
    Document(Pin<Box<Receiver<io::Result<Bytes>>>>),
}

impl hyper::body::Body for Answering {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = match &mut self.source {
            Source::Bytes(bytes) => bytes.take().map(Ok),
            Source::Document(pieces) => match pieces.as_mut().poll_next(context) {
                Poll::Ready(next) => next,
                Poll::Pending => return Poll::Pending,
            },
        };
        Poll::Ready(match next {
            Some(Ok(bytes)) => {
                self.left = self.left.saturating_sub(bytes.len() as u64);
                Some(Ok(Frame::data(bytes)))
            }
            Some(Err(error)) => Some(Err(error)),
            None if self.left > 0 => Some(Err(io::Error::other("the document is cut"))),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.pace.enters(Phase::Idle);
    }
}
