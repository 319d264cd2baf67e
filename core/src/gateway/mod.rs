//! The machine between the web and the chat servers.
//!
//! A client of the web API asks one thing at a time and keeps its own identity: session, user, key,
//! position and the alias of the server it talked to last come with every request. So a gateway
//! knows nothing of anybody between two requests, and any gateway can take the next one. What it
//! does know is which servers can be reached, and the calls in flight: a call may be several flex
//! requests (Request Chat is Login and Join, an upload asks for limits and a permit before it
//! announces the file), and it outlives the loss of a connection and of a server.
//!
//! - *Nothing is said twice.* Whatever may take effect twice carries a RequestKey, the same for every
//!   attempt (B4.8). Where the time for a call is over and nobody knows whether it was heard, the
//!   answer says so ([`Why::InDoubt`]) and does not invite to try again.
//! - *A chat moves only when it must.* After a loss the same server is tried first. Only when it
//!   cannot be reached, or sends the call away, is another asked, which restores the session (B20.2).
//! - *Nobody waits for nothing.* Every call has a deadline, and exactly one answer.
//!
//! The shell makes connections, passes decoded frames, and holds the bytes of files: it stores what
//! [`Action::Store`] permits, and gives out what [`ApiAnswer::File`] names.
//!
//! ```
//! use confer_core::config::Config;
//! use confer_core::frame::{Frame, flex};
//! use confer_core::gateway::{Action, CallId, Gateway, GatewaySettings, Input, Operation};
//! use confer_core::gateway::{ApiRequest, RequestChat, ServerNo};
//! use confer_core::machine::Machine as _;
//! use confer_core::pii::Pii;
//! use confer_core::time::Instant;
//!
//! let now = Instant::ZERO;
//! let settings = GatewaySettings::new("web", "web-1", 1);
//! let mut gateway = Gateway::new(settings, Config::default().into(), [7; 32], now);
//! let server = ServerNo(0);
//! assert!(matches!(gateway.poll_action(), Some(Action::Connect { .. })));
//! gateway.handle(Input::Opened { server }, now);
//! let Some(Action::Send { frame, .. }) = gateway.poll_action() else { panic!() };
//! assert!(matches!(frame.body, flex::Request::RequestNode(_)));
//! assert!(matches!(gateway.poll_action(), Some(Action::Report(_))));
//!
//! let chat = RequestChat { nickname: Pii::new("Casey".into()), ..RequestChat::default() };
//! let operation = Operation::RequestChat(Box::new(chat));
//! let request = ApiRequest { service: "customer-support".into(), operation };
//! gateway.handle(Input::Request { call: CallId(1), request }, now);
//! let Some(Action::Send { frame, .. }) = gateway.poll_action() else { panic!() };
//! assert!(matches!(frame.body, flex::Request::RequestLogin(_)));
//! ```

mod answered;
mod api;
mod asking;
mod bounds;
mod calls;
mod door;
mod files;
mod frames;
mod servers;

use alloc::boxed::Box;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use hashbrown::HashMap;

pub use api::{
    ApiAnswer, ApiRequest, Customer, Done, Failed, FoundFile, InChat, Operation, RequestChat,
    Upload, Verb, Why,
};
pub use door::{
    Action, CallId, FindOutcome, GatewaySettings, Input, NewDocument, Report, StoreOutcome,
};
pub use servers::ServerNo;

use crate::client::chance::Chance;
use crate::config::Config;
use crate::frame::flex::{Event, EventStatus, Request, RequestNode};
use crate::frame::{Frame, Malformed, RequestResult};
use crate::machine::{Machine, Progress};
use crate::slab::{Full, Key, Slab};
use crate::text::Str;
use crate::time::Instant;
use crate::wheel::Wheel;

use calls::{Call, Place, Stage};
use servers::{Servers, Tried};

/// Why files are refused where there are none.
const NO_DOCUMENTS: &str = "this gateway has no document store";

/// How every index hashes. None of them is ever iterated.
type Hasher = foldhash::fast::FixedState;

/// The machine between the web and the chat servers.
pub struct Gateway {
    settings: GatewaySettings,
    config: Arc<Config>,
    chance: Chance,
    now: Instant,
    timers: Wheel<Key<Call>>,
    calls: Slab<Call>,
    by_id: HashMap<CallId, Key<Call>, Hasher>,
    servers: Servers,
    actions: VecDeque<Action>,
}

impl Gateway {
    /// Servers one gateway may have.
    pub const MAX_SERVERS: u8 = 64;

    /// A gateway without calls, with 32 bytes of entropy. It wants its connections at once.
    pub fn new(
        settings: GatewaySettings,
        config: Arc<Config>,
        seed: [u8; 32],
        now: Instant,
    ) -> Self {
        let mut hash_seed = [0; 8];
        hash_seed.copy_from_slice(&seed[..8]);
        let limit = config.web.max_calls as usize;
        let servers = Servers::new(settings.servers);
        let connect = |server| Action::Connect { server, after: Duration::ZERO };
        Self {
            config,
            chance: Chance::new(seed),
            now,
            timers: Wheel::new(now, limit),
            calls: Slab::new(limit),
            by_id: HashMap::with_hasher(Hasher::with_seed(u64::from_le_bytes(hash_seed))),
            actions: servers.numbers().map(connect).collect(),
            servers,
            settings,
        }
    }

    /// How many calls are in flight.
    pub const fn calls(&self) -> usize {
        self.calls.len()
    }

    /// How many servers can be asked.
    pub fn servers_up(&self) -> usize {
        self.servers.up()
    }

    fn report(&mut self, report: Report) {
        self.actions.push_back(Action::Report(report));
    }
}

impl Machine for Gateway {
    type Input = Input;
    type Action = Action;

    fn handle(&mut self, input: Input, now: Instant) {
        while self.handle_timeout(now, usize::MAX) == Progress::More {}
        match input {
            Input::Request { call, request } => self.request(call, request),
            Input::Cancelled { call } => self.cancelled(call),
            Input::Opened { server } => self.opened(server),
            Input::Closed { server } => self.closed(server),
            Input::Frame {
                server,
                frame: Frame { reference, body: Event::EventStatus(status) },
            } => {
                self.answered(server, reference, status);
            }
            // A poller has no use for pushes; whoever asked for them polls all the same.
            Input::Frame { .. } => {}
            Input::Malformed { server, malformed } => self.puzzled(server, malformed),
            Input::Stored { call, outcome } => self.stored(call, outcome),
            Input::Found { call, outcome } => self.found(call, outcome),
            Input::Config(config) => self.config = config,
        }
    }

    fn handle_timeout(&mut self, now: Instant, budget: usize) -> Progress {
        self.now = now;
        let mut budget = u32::try_from(budget).unwrap_or(u32::MAX);
        while let Some((_, key)) = self.timers.pop_due(now, &mut budget) {
            self.fire(key);
        }
        if self.timers.next_deadline().is_some_and(|deadline| deadline <= now) {
            Progress::More
        } else {
            Progress::Idle
        }
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.actions.is_empty() { self.timers.next_deadline() } else { Some(self.now) }
    }
}

/// Calls come and go.
impl Gateway {
    fn request(&mut self, id: CallId, request: ApiRequest) {
        if self.by_id.contains_key(&id) {
            return;
        }
        let why = if self.config.chat_service(&request.service).is_none() {
            Some(Why::NoSuchService)
        } else {
            match &request.operation {
                Operation::RequestChat(chat) if chat.called().is_none() => Some(Why::Nickname),
                Operation::RequestChat(_) | Operation::InChat(_) => {
                    request.check(self.config.limits.request_max_size).err()
                }
            }
        };
        let (why, detail) = match why {
            None if !self.settings.has_documents && request.operation.moves_file() => {
                (Some(Why::FileRefused), Some(Str::new(NO_DOCUMENTS)))
            }
            why => (why, None),
        };
        let stage = Stage::first(&request.operation);
        let (key, alias) = match &request.operation {
            Operation::InChat(there) => (there.request_key.clone(), Some(&there.alias)),
            Operation::RequestChat(_) => (None, None),
        };
        let call = Call {
            id,
            stage,
            place: Place::Nowhere,
            home: alias.and_then(|alias| self.servers.named(alias)),
            tried: Tried::default(),
            refusals: 0,
            attempts: 0,
            in_doubt: false,
            verdict: None,
            key: key.unwrap_or_else(|| self.chance.key()),
            customer: request.operation.customer().cloned(),
            deadline: self.now + self.config.web.call_max,
            timer: None,
            abandoned: false,
            request,
        };
        if let Some(why) = why {
            return self.answer_failed(&call, why, false, false, detail);
        }
        match self.calls.insert(call) {
            Ok(key) => {
                self.by_id.insert(id, key);
                self.set_timer(key, None);
                self.go_on(key);
            }
            Err(Full(call)) => self.answer_failed(&call, Why::TooManyCalls, true, false, None),
        }
    }

    fn cancelled(&mut self, id: CallId) {
        let Some(&key) = self.by_id.get(&id) else { return };
        let Some(call) = self.calls.get_mut(key) else { return };
        match &call.stage {
            // Whoever is logged in by now leaves again, rather than be silent until it is noticed.
            Stage::Login | Stage::Join => call.abandoned = true,
            Stage::Announce(stored) if !call.may_have_been_said() => {
                let document = stored.document.clone();
                self.actions.push_back(Action::Discard { document });
                self.forget(key);
            }
            Stage::Verb
            | Stage::Limits
            | Stage::Permit { .. }
            | Stage::Storing(_)
            | Stage::Announce(_)
            | Stage::Fetch
            | Stage::Finding(..) => {
                self.forget(key);
            }
        }
    }

    /// A call is over, however it ended.
    fn forget(&mut self, key: Key<Call>) -> Option<Call> {
        let call = self.calls.remove(key)?;
        self.by_id.remove(&call.id);
        call.timer.map(|timer| self.timers.cancel(timer));
        self.leave_place(key, call.place);
        Some(call)
    }

    /// A call is no longer where it was.
    fn leave_place(&mut self, key: Key<Call>, place: Place) {
        match place {
            Place::Waiting(server) => {
                if let Some(there) = self.servers.get_mut(server) {
                    there.forget(key, None);
                }
            }
            Place::Asked(server, reference) => {
                if let Some(there) = self.servers.get_mut(server) {
                    there.forget(key, Some(reference));
                }
            }
            Place::Parked => {
                self.servers.parked.remove(&key);
            }
            Place::Nowhere | Place::Paused => {}
        }
    }

    fn done(&mut self, key: Key<Call>, answer: ApiAnswer) {
        let Some(call) = self.forget(key) else { return };
        if !call.abandoned {
            self.actions.push_back(Action::Answer { call: call.id, answer });
        }
    }

    /// A call comes to nothing, for a reason that is certain.
    fn fail(&mut self, key: Key<Call>, why: Why, retry: bool, ended: bool, detail: Option<Str>) {
        let Some(call) = self.forget(key) else { return };
        if let Stage::Announce(stored) = &call.stage
            && !call.may_have_been_said()
        {
            let document = stored.document.clone();
            self.actions.push_back(Action::Discard { document });
        }
        if !call.abandoned {
            self.answer_failed(&call, why, retry, ended, detail);
        }
    }

    fn answer_failed(
        &mut self,
        call: &Call,
        why: Why,
        retry: bool,
        chat_ended: bool,
        detail: Option<Str>,
    ) {
        let alias = match (&call.request.operation, call.home) {
            (_, Some(home)) => self.servers.alias(home),
            (Operation::InChat(there), None) => there.alias.clone(),
            (Operation::RequestChat(_), None) => Str::default(),
        };
        // Whoever could not begin a chat is nobody.
        let customer = call.request.operation.customer().and(call.customer.clone());
        let position = call.position();
        let failed = Failed { why, retry, chat_ended, customer, alias, position, detail };
        let answer = ApiAnswer::Failed(Box::new(failed));
        self.actions.push_back(Action::Answer { call: call.id, answer });
    }

    /// The time of a call is over, or a pause, or what it may wait for a server.
    fn fire(&mut self, key: Key<Call>) {
        let Some(call) = self.calls.get_mut(key) else { return };
        call.timer = None;
        let (late, place) = (call.deadline <= self.now, call.place);
        let certain = !call.may_have_been_said();
        if late {
            let why = match (&call.stage, place, call.refusals) {
                (Stage::Storing(_), ..) => Why::UploadBroken,
                (Stage::Finding(..), ..) => Why::StoreUnavailable,
                _ if !certain => Why::InDoubt,
                (_, Place::Parked | Place::Waiting(_), _) => Why::Unreachable,
                (_, _, 1..) => Why::Moving,
                (_, Place::Asked(..), _) => Why::InDoubt,
                (_, Place::Nowhere | Place::Paused, _) => Why::Unreachable,
            };
            return self.fail(key, why, certain, false, None);
        }
        match place {
            Place::Parked => {
                let why = if certain { Why::Unreachable } else { Why::InDoubt };
                self.fail(key, why, certain, false, None);
            }
            Place::Paused => {
                self.set_timer(key, None);
                self.go_on(key);
            }
            // An attempt to connect that takes so long is as good as none.
            Place::Waiting(server) => {
                self.leave_place(key, place);
                self.set_timer(key, None);
                self.give_up(key, server);
            }
            Place::Nowhere | Place::Asked(..) => self.set_timer(key, None),
        }
    }

    /// Wakes a call after this pause, or at its deadline.
    fn set_timer(&mut self, key: Key<Call>, pause: Option<Duration>) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let at = pause.map_or(call.deadline, |pause| (self.now + pause).min(call.deadline));
        if call.timer.is_none_or(|timer| !self.timers.re_arm(timer, at)) {
            // There is room for one timer of each call.
            call.timer = self.timers.arm(at, key).ok();
        }
    }
}

/// Servers come and go.
impl Gateway {
    fn opened(&mut self, server: ServerNo) {
        let Some(there) = self.servers.get_mut(server) else { return };
        let waiting = there.opened();
        let reference = there.reference(None);
        there.node = Some(reference);
        let (node_group, node_name) =
            (self.settings.node_group.clone(), self.settings.node_name.clone());
        let node = Request::RequestNode(RequestNode { node_group, node_name });
        self.actions.push_back(Action::Send { server, frame: Frame::new(reference, node) });
        self.report(Report::Up { server });
        let parked = core::mem::take(&mut self.servers.parked);
        self.set_off(waiting);
        self.set_off(parked);
    }

    fn closed(&mut self, server: ServerNo) {
        let Some(there) = self.servers.get_mut(server) else { return };
        let was_on = there.is_on();
        let (waiting, lost, after) = there.closed(&self.settings);
        self.actions.push_back(Action::Connect { server, after });
        if was_on {
            self.report(Report::Lost { server, calls: lost.len() });
        }
        for &key in &lost {
            if let Some(call) = self.calls.get_mut(key) {
                call.place = Place::Nowhere;
                call.in_doubt = true;
            }
        }
        for key in lost {
            self.go_on(key);
        }
        self.set_off(waiting);
    }

    fn set_off(&mut self, waiting: BTreeSet<Key<Call>>) {
        for &key in &waiting {
            if let Some(call) = self.calls.get_mut(key) {
                call.place = Place::Nowhere;
            }
        }
        for key in waiting {
            self.set_timer(key, None);
            self.go_on(key);
        }
    }

    /// A server says what cannot be understood: whoever waited for it learns nothing.
    fn puzzled(&mut self, server: ServerNo, malformed: Malformed) {
        let Some(there) = self.servers.get_mut(server) else { return };
        let Some(key) = there.answered(malformed.reference) else { return };
        self.report(Report::Malformed { server, malformed });
        let Some(call) = self.calls.get_mut(key) else { return };
        call.place = Place::Nowhere;
        call.in_doubt = true;
        let certain = !call.may_have_been_said();
        self.fail(key, Why::Refused(0), certain, false, None);
    }

    /// The answer to RequestNode.
    fn is_a_node(&mut self, server: ServerNo, status: &EventStatus) {
        if status.request_result.known() != Some(RequestResult::Success) {
            let error_id = status.error_id.unwrap_or_default();
            self.report(Report::NotANode { server, error_id });
        }
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gateway({} calls)", self.calls.len())
    }
}

#[cfg(test)]
mod tests;
