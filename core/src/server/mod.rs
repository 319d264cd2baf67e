//! The chat server: sessions, and everybody who meets in them.

mod admission;
mod asks;
mod async_chat;
mod basic;
mod configure;
mod create;
mod esp;
mod file_questions;
mod files;
mod flex;
mod handover;
mod idle;
mod json;
mod keep;
mod leave;
mod links;
mod lists;
mod nodes;
mod purge;
mod push;
mod read;
mod restore;
mod say;
mod sleep;
mod tell;
mod users;

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use hashbrown::HashMap;

use crate::config::Config;
use crate::door::{Action, CloseReason, Identity, Input, LinkChange, Report, Trust};
use crate::frame::esp::Envelope;
use crate::frame::{ErrorId, Frame, KvList, Malformed, Request};
use crate::id::{Ids, InteractionId, LinkId, OpId, PortId, SessionId};
use crate::machine::{Machine, Progress};
use crate::mask::{Masker, NoMask};
use crate::refusal::Refusal;
use crate::session::Session;
use crate::session::keys::Person;
use crate::session::outbox::Step;
use crate::session::phase::Phase;
use crate::session::roster::PartyNo;
use crate::session::transcript::Reason;
use crate::session::user::User;
use crate::slab::{Key, Slab};
use crate::text::Str;
use crate::time::{Instant, Stamp, Wall};
use crate::wheel::Wheel;

use admission::Admission;
use asks::Asks;
use files::Uploads;
use handover::Handover;
use idle::Which;
use links::{Link, Links};
use nodes::Nodes;
use users::Users;

/// How every index hashes. None of them is ever iterated.
type Hasher = foldhash::fast::FixedState;

/// Sessions one machine holds at most, dormant ones included.
const MAX_SESSIONS: usize = 4_000_000;
/// Timers one machine holds at most.
const MAX_TIMERS: usize = 16_000_000;

/// A chat server without I/O.
///
/// [`crate::door`] says what goes in and what comes out, [`Machine`] how to drive it.
pub struct Server {
    config: Arc<Config>,
    masker: Arc<dyn Masker>,
    identity: Identity,
    ids: Ids,
    wall: Wall,
    now: Instant,
    timers: Wheel<Timer>,
    actions: VecDeque<Action>,
    links: Links,
    sessions: Slab<Session>,
    by_id: HashMap<SessionId, Key<Session>, Hasher>,
    by_interaction: HashMap<InteractionId, Key<Session>, Hasher>,
    users: Users,
    nodes: Nodes,
    admission: Admission,
    asks: Asks,
    /// Sessions that are being made, or were made, by a Join with a RequestKey on basic (B4.8).
    creations: HashMap<(Person, Str), Key<Session>, Hasher>,
    /// Sessions whose record is behind, or does not exist yet.
    behind: Vec<Key<Session>>,
    uploads: Uploads,
    /// Sessions that are being restored, or looked for.
    restorations: usize,
    /// Requests that wait for who owns their session (B20.3).
    doubts: Vec<restore::Doubt>,
    /// Sessions on their way to other instances.
    handover: Handover,
    /// Dormant sessions whose words are away.
    asleep: usize,
    /// One of them is waking up.
    waking: bool,
    draining: bool,
    ending: bool,
}

/// What a timer is for.
#[derive(Clone, Copy, Debug)]
enum Timer {
    /// Nobody registered on this connection (B2.2).
    Register(LinkId),
    /// A session is silent (B11.2).
    Idle(Key<Session>, Which),
    /// A flex user is silent, or of no interest any more (B9.2).
    User(Key<User>),
    /// An event waits for its save, or a record for another attempt (B20.6).
    Save(Key<Session>),
    /// A push was not fetched (B10.4).
    Reminder(Key<Session>, PartyNo),
    /// A closed session is of no use any more (B8.6).
    Linger(Key<Session>),
    /// Nobody has come back into a restored session (B20.13).
    Deserted(Key<Session>),
    /// The reader of this connection may take the next stretch of a transcript (B5.7).
    Reader(LinkId),
    /// A question to the outside went wrong, or has no answer.
    Ask(OpId),
}

// Each session has one or two, beside a node of 24 bytes in the wheel.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Timer>() == 16);

impl Server {
    /// A server without sessions, at `now`, with 32 bytes of entropy.
    pub fn new(config: Arc<Config>, seed: [u8; 32], wall: Wall, now: Instant) -> Self {
        let hasher = Hasher::with_seed(u64::from_le_bytes([
            seed[0], seed[1], seed[2], seed[3], seed[4], seed[5], seed[6], seed[7],
        ]));
        let identity = Identity {
            name: config.server.name.clone().unwrap_or_default(),
            ..Identity::default()
        };
        Self {
            config,
            identity,
            masker: Arc::new(NoMask),
            ids: Ids::new(seed),
            wall,
            now,
            timers: Wheel::new(now, MAX_TIMERS),
            actions: VecDeque::new(),
            links: Links::new(hasher.clone()),
            sessions: Slab::new(MAX_SESSIONS),
            by_id: HashMap::with_hasher(hasher.clone()),
            by_interaction: HashMap::with_hasher(hasher.clone()),
            users: Users::new(hasher.clone()),
            nodes: Nodes::new(),
            admission: Admission::default(),
            asks: Asks::new(hasher.clone()),
            creations: HashMap::with_hasher(hasher.clone()),
            behind: Vec::new(),
            uploads: Uploads::new(hasher),
            restorations: 0,
            doubts: Vec::new(),
            handover: Handover::default(),
            asleep: 0,
            waking: false,
            draining: false,
            ending: false,
        }
    }

    /// The same server, masking from now on.
    #[must_use]
    pub fn with_masker(self, masker: Arc<dyn Masker>) -> Self {
        Self { masker, ..self }
    }

    /// The same server under this identity, which a shell knows once its ports are open. Without, it
    /// has the configured name and no address.
    #[must_use]
    pub fn with_identity(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }

    /// Sessions it holds, those that are being made and those that are closed included.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Sessions that go on, or are being made.
    pub const fn open_sessions(&self) -> usize {
        self.admission.sessions
    }

    /// Whether no session goes on, and nothing that was asked of the outside is unanswered: the
    /// process may end without a loss.
    pub fn is_at_rest(&self) -> bool {
        self.admission.sessions == 0 && self.asks.is_empty()
    }

    /// Closes what is left when the time to drain is over; what is being made closes as soon as it
    /// is made.
    fn close_sessions(&mut self) {
        self.draining = true;
        self.ending = true;
        let goes_on = |phase| matches!(phase, Phase::Open | Phase::Leaving);
        let open = self.sessions.iter().filter(|(_, session)| goes_on(session.phase));
        let open: Vec<_> = open.map(|(key, _)| key).collect();
        for key in open {
            self.close(key, Reason::Server);
        }
    }

    fn link(&mut self, link: LinkId, change: LinkChange) {
        match change {
            LinkChange::Opened { port, trust } => {
                self.links.insert(link, Link::new(port, trust));
                if matches!(port, PortId::Default | PortId::Webapi) && trust != Trust::Gateway {
                    self.expect_register(link);
                }
            }
            LinkChange::Closed => {
                self.leave_all(link, Reason::Disconnect, None);
                let Some(there) = self.links.remove(link) else { return };
                for timer in [there.register, there.reader].into_iter().flatten() {
                    self.timers.cancel(timer);
                }
                if let Some(node) = there.node {
                    self.nodes.remove(node, link);
                }
                self.undo_creations(&there.creating);
                self.stop_reading(link, there.readings);
            }
            LinkChange::Congested => self.set_congested(link, true),
            LinkChange::Drained => {
                self.set_congested(link, false);
                self.read_on(link);
            }
        }
    }

    fn set_congested(&mut self, link: LinkId, congested: bool) {
        if let Some(there) = self.links.link_mut(link) {
            there.congested = congested;
        }
    }

    fn frame(&mut self, link: LinkId, frame: Frame<Request>) {
        let Some(Frame { reference, body }) = self.held(link, frame) else { return };
        match body {
            Request::Basic(request) => self.basic(link, reference, request),
            Request::Flex(request) => self.flex(link, reference, request),
            Request::Esp(request) => self.esp(link, reference, request),
        }
    }

    fn malformed(&mut self, link: LinkId, malformed: Malformed) {
        let Malformed { reference, message, what, .. } = malformed;
        self.actions.push_back(Action::Report(Report::Malformed { link, message, what }));
        self.refuse(link, reference, ErrorId::Malformed.into());
    }

    /// Refuses a request in the manner of the port it came to.
    fn refuse(&mut self, link: LinkId, reference: u32, refusal: Refusal) {
        match self.links.link(link).map(|there| there.port) {
            Some(PortId::Webapi | PortId::Web) => self.refuse_flex(link, reference, refusal),
            Some(PortId::Esp) => {
                let nameless = Envelope::nameless(KvList::new());
                self.refuse_esp(link, reference, &nameless, refusal);
            }
            Some(PortId::Default | PortId::Health) => {
                self.refuse_basic(link, reference, refusal, None);
            }
            None => {}
        }
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::Register(link) => {
                let reason = CloseReason::NotRegistered;
                self.actions.push_back(Action::Close { link, reason });
            }
            Timer::Idle(key, which) => self.idle(key, which),
            Timer::User(key) => self.user_timer(key),
            Timer::Save(key) => self.save_timer(key),
            Timer::Reminder(key, party) => self.remind(key, party),
            Timer::Linger(key) => self.end_linger(key),
            Timer::Deserted(key) => self.deserted(key),
            Timer::Reader(link) => {
                if let Some(there) = self.links.link_mut(link) {
                    there.reader = None;
                }
                self.read_on(link);
            }
            Timer::Ask(op) => self.ask_again(op),
        }
    }

    /// Puts a step into its session's outbox, behind the save it needs, and tells what may be told.
    fn commit(&mut self, key: Key<Session>, mut step: Step) {
        // Where the session stands by it is saved with it.
        let told = self.track(key, step.after, step.to);
        self.save_first(key, &mut step);
        let (after, to) = (step.after, step.to);
        self.queue(key, step);
        self.watch(key, after, to);
        if let Some(properties) = told {
            self.change_properties(key, properties);
        }
        self.release(key);
    }

    /// Puts a step into its session's outbox, once the save it needs was asked for.
    fn queue(&mut self, key: Key<Session>, step: Step) {
        let saves = step.save.is_some();
        if let Some(session) = self.sessions.get_mut(key) {
            session.queue(step);
        }
        if saves {
            self.await_saves(key);
        }
    }

    fn session(&self, id: &SessionId) -> Result<Key<Session>, Refusal> {
        self.by_id.get(id).copied().ok_or_else(|| ErrorId::NoSuchSession.into())
    }

    fn stamp(&self) -> Stamp {
        self.wall.stamp(self.now)
    }
}

impl Machine for Server {
    type Input = Input;
    type Action = Action;

    fn handle(&mut self, input: Input, now: Instant) {
        while self.handle_timeout(now, usize::MAX) == Progress::More {}
        match input {
            Input::Link { link, change } => self.link(link, change),
            Input::Frame { link, frame } => self.frame(link, frame),
            Input::Malformed { link, malformed } => self.malformed(link, malformed),
            Input::Done { op, outcome } => self.done(op, outcome),
            Input::Wall(wall) => self.wall = wall,
            Input::Config(config) => self.config = config,
            Input::Drain => self.drain(),
            Input::CloseSessions => self.close_sessions(),
            Input::ReplyDelay(delay) => self.admission.delay(delay, now),
            Input::External(external) => self.external(external),
        }
    }

    fn handle_timeout(&mut self, now: Instant, budget: usize) -> Progress {
        self.now = now;
        let mut budget = u32::try_from(budget).unwrap_or(u32::MAX);
        while let Some((_, timer)) = self.timers.pop_due(now, &mut budget) {
            self.fire(timer);
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

impl core::fmt::Debug for Server {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Server({} sessions)", self.sessions.len())
    }
}
