//! Port `health`: whether the server takes new sessions.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use smol::Async;
use smol_hyper::rt::{FuturesIo, SmolTimer};
use tracing::debug;

use super::state::State;

/// How long a client may take to send the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Connections that are served at a time; one more waits.
const CONNECTIONS: usize = 256;

/// Answers until the process ends.
pub(super) async fn serve(listener: TcpListener, state: Arc<State>) -> std::io::Result<()> {
    let listener = Async::new(listener)?;
    let executor = Arc::new(smol::Executor::new());
    let (permits, returned) = smol::channel::bounded(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        // There is room for all of them.
        let _ = permits.try_send(());
    }
    let accept = async {
        loop {
            let _ = returned.recv().await;
            let (stream, _) = listener.accept().await?;
            let (state, permits) = (Arc::clone(&state), permits.clone());
            let connection = async move {
                let service = service_fn(move |request| answer(request, Arc::clone(&state)));
                let served = http1::Builder::new()
                    .timer(SmolTimer::new())
                    .header_read_timeout(HEAD_TIME)
                    .serve_connection(FuturesIo::new(stream), service)
                    .await;
                if let Err(error) = served {
                    debug!(%error, "a connection to port health broke");
                }
                let _ = permits.send(()).await;
            };
            executor.spawn(connection).detach();
        }
    };
    executor.run(accept).await
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let known = request.uri().path() == "/health";
    let (status, text) = match *request.method() {
        _ if !known => (StatusCode::NOT_FOUND, "there is only /health here\n"),
        Method::GET | Method::HEAD if state.is_draining() => {
            (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
        }
        Method::GET | Method::HEAD => (StatusCode::OK, "ok\n"),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "ask with GET\n"),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let plain = header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    Ok(response)
}
