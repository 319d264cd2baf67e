//! The task that has the gateway machine: calls and answers of chat servers go in, what it wants
//! done is carried out.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant as StdInstant};

use confer_core::config::Config;
use confer_core::frame::Frame;
use confer_core::frame::flex::Request;
use confer_core::gateway::{
    Action, ApiAnswer, ApiRequest, CallId, FindOutcome, Gateway, GatewaySettings, Input,
    NewDocument, ServerNo,
};
use confer_core::machine::{Machine as _, Progress};
use confer_core::time::Instant;
use confer_runtime_std::entropy;
use smol::Executor;
use smol::channel::{Receiver, Sender, bounded, unbounded};
use smol::future::FutureExt as _;
use tracing::info;

use super::files::Files;

/// Timers fired at a time, before anything else has its turn.
const TIMERS: usize = 256;

/// The way to the chat servers.
pub(crate) trait Lines: Send + Sync + 'static {
    /// Makes a connection after so long. Whoever does says [`Input::Opened`] or [`Input::Closed`].
    fn connect(&mut self, server: ServerNo, after: Duration);

    /// Says something to a server, if there is a connection.
    fn send(&mut self, server: ServerNo, frame: Frame<Request>);
}

/// Something for the task.
#[derive(Debug)]
enum Said {
    /// A client asks.
    Call {
        /// The number of the call.
        call: CallId,
        /// What.
        request: Box<ApiRequest>,
        /// Who is told what becomes of it.
        told: Sender<Told>,
    },
    /// Something else happens.
    Input(Box<Input>),
    /// Nothing will be asked any more.
    End,
}

/// What a call is told: once where the bytes of a file belong, perhaps, and once the answer.
#[derive(Debug)]
pub(super) enum Told {
    Store(Box<NewDocument>),
    Answer(Box<ApiAnswer>),
}

/// Where to say something to the task. As many calls wait there as clients have connections, and as
/// many frames as calls are in flight, so it needs no limit of its own.
#[derive(Clone, Debug)]
pub(crate) struct Teller {
    said: Sender<Said>,
    next_call: Arc<AtomicU64>,
}

/// A call that was made. Dropped, it is cancelled.
#[derive(Debug)]
pub(super) struct Calling {
    call: CallId,
    teller: Teller,
    told: Receiver<Told>,
    answered: bool,
}

impl Teller {
    /// Something happens.
    pub(crate) fn tell(&self, input: Input) {
        // A task that has ended needs to know nothing.
        let _ = self.said.try_send(Said::Input(Box::new(input)));
    }

    /// Nothing will be asked any more.
    pub(crate) fn end(&self) {
        let _ = self.said.try_send(Said::End);
    }

    /// Makes a call.
    pub(super) fn call(&self, request: ApiRequest) -> Calling {
        let call = CallId(self.next_call.fetch_add(1, Ordering::Relaxed));
        let (told, hears) = bounded(2);
        let _ = self.said.try_send(Said::Call { call, request: Box::new(request), told });
        Calling { call, teller: self.clone(), told: hears, answered: false }
    }
}

impl Calling {
    /// The number of the call.
    pub(super) const fn id(&self) -> CallId {
        self.call
    }

    /// What becomes of it next; `None`: the gateway has ended.
    pub(super) async fn told(&mut self) -> Option<Told> {
        let told = self.told.recv().await.ok();
        self.answered |= !matches!(told, Some(Told::Store(_)));
        told
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        if !self.answered {
            self.teller.tell(Input::Cancelled { call: self.call });
        }
    }
}

/// The task.
pub(crate) struct Node<L> {
    gateway: Gateway,
    began: StdInstant,
    said: Receiver<Said>,
    teller: Teller,
    calls: HashMap<CallId, Sender<Told>>,
    lines: L,
    files: Option<Arc<Files>>,
    executor: Arc<Executor<'static>>,
}

/// A way to say something to a task that is to come.
pub(crate) fn teller() -> (Teller, Hearing) {
    let (said, hears) = unbounded();
    (Teller { said, next_call: Arc::default() }, Hearing(hears))
}

/// The other end of a [`Teller`].
#[derive(Debug)]
pub(crate) struct Hearing(Receiver<Said>);

impl<L: Lines> Node<L> {
    pub(super) fn new(
        settings: GatewaySettings,
        config: Arc<Config>,
        (teller, Hearing(said)): (Teller, Hearing),
        lines: L,
        files: Option<Arc<Files>>,
        executor: Arc<Executor<'static>>,
    ) -> std::io::Result<Self> {
        let gateway = Gateway::new(settings, config, entropy::seed()?, Instant::ZERO);
        let (began, calls) = (StdInstant::now(), HashMap::new());
        Ok(Self { gateway, began, said, teller, calls, lines, files, executor })
    }

    /// Goes on until it is told to end. Whoever waits for an answer then learns that there is none.
    pub(super) async fn run(mut self) {
        loop {
            self.carry_out();
            match self.next().await {
                None => self.pass_time(),
                Some(Said::Input(input)) => self.handle(*input),
                Some(Said::Call { call, request, told }) => {
                    self.calls.insert(call, told);
                    self.handle(Input::Request { call, request: *request });
                }
                Some(Said::End) => return,
            }
        }
    }

    /// What is said next; `None`: nothing before something is due.
    async fn next(&self) -> Option<Said> {
        let due = self.gateway.poll_timeout().map(|at| at.saturating_since(Instant::ZERO));
        let timer = async {
            match due.and_then(|due| self.began.checked_add(due)) {
                Some(at) => drop(smol::Timer::at(at).await),
                None => smol::future::pending().await,
            }
            None
        };
        // There is always somebody who may say something: this task itself.
        let said = async { Some(self.said.recv().await.unwrap_or(Said::End)) };
        said.or(timer).await
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.began.elapsed()
    }

    fn pass_time(&mut self) {
        let now = self.now();
        while self.gateway.handle_timeout(now, TIMERS) == Progress::More {}
    }

    fn handle(&mut self, input: Input) {
        if let Input::Cancelled { call } = &input {
            self.calls.remove(call);
        }
        let now = self.now();
        self.gateway.handle(input, now);
    }

    fn carry_out(&mut self) {
        while let Some(action) = self.gateway.poll_action() {
            match action {
                Action::Connect { server, after } => self.lines.connect(server, after),
                Action::Send { server, frame } => self.lines.send(server, frame),
                Action::Answer { call, answer } => {
                    if let Some(told) = self.calls.remove(&call) {
                        // There is room for both things a call is told.
                        let _ = told.try_send(Told::Answer(Box::new(answer)));
                    }
                }
                Action::Store { call, document } => {
                    if let Some(told) = self.calls.get(&call) {
                        let _ = told.try_send(Told::Store(document));
                    }
                }
                Action::Find { call, document } => {
                    let (files, teller) = (self.files.clone(), self.teller.clone());
                    let find = async move {
                        let outcome = match files {
                            Some(files) => files.find(document).await,
                            None => FindOutcome::Unavailable,
                        };
                        teller.tell(Input::Found { call, outcome });
                    };
                    self.executor.spawn(find).detach();
                }
                Action::Discard { document } => {
                    if let Some(files) = self.files.clone() {
                        self.executor.spawn(async move { files.discard(document).await }).detach();
                    }
                }
                Action::Report(report) => info!(?report, "report"),
            }
        }
    }
}
