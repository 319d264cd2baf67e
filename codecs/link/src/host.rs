//! A machine and its links: all that a runtime does round them but the I/O.

use alloc::collections::VecDeque;

use confer_core::ask::Request as AskRequest;
use confer_core::door::{Action, CloseReason, Input, LinkChange, Report, Trust};
use confer_core::frame::{Event, Frame, Protocol, Request, flex};
use confer_core::id::{LinkId, OpId, PortId};
use confer_core::machine::{Machine, Progress};
use confer_core::slab::{Key, Slab};
use confer_core::time::Instant;
use confer_core::wheel::{TimerId, Wheel};

use crate::inside;
use crate::link::{Change, Loss, Received, SendError};
use crate::server::ServerLink;
use crate::settings::Settings;
use crate::tally::Tally;

/// A server machine with the connections it talks over.
///
/// A runtime accepts sockets, moves bytes and keeps the time; everything between is here, the same
/// for every runtime:
///
/// 1. a connection comes: [`accept`](Host::accept); bytes come: [`receive`](Host::receive); it ends:
///    [`closed`](Host::closed);
/// 2. something else happens: [`handle`](Host::handle); time passes:
///    [`handle_timeout`](Host::handle_timeout);
/// 3. after each of these, [`poll_link`](Host::poll_link) names the connections that have
///    [`output`](Host::output) or [are over](Host::is_finished), and
///    [`poll_outward`](Host::poll_outward) says what is for neither.
///
/// A gateway node inside the same process has a link without bytes: [`attach`](Host::attach),
/// [`pass`](Host::pass), [`Outward::Told`].
pub struct Host<M> {
    machine: M,
    links: Slab<Hosted>,
    /// How many connections there may be.
    limit: usize,
    /// How many of them are nodes inside this process.
    nodes: usize,
    timers: Wheel<Key<Hosted>>,
    touched: VecDeque<Key<Hosted>>,
    outward: VecDeque<Outward>,
    tally: Tally,
}

/// A connection, and what is known of it here.
struct Hosted {
    /// None: its other end is in this process, and takes frames.
    link: Option<ServerLink>,
    timer: Option<TimerId>,
    /// It stands in line for [`Host::poll_link`].
    touched: bool,
    /// The machine knows that it is over.
    told: bool,
}

/// What a machine wants done that is not about the bytes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outward {
    /// Ask a store or the interaction server; answered by one [`Input::Done`].
    Ask {
        /// The number of the answer.
        op: OpId,
        /// What is asked.
        request: AskRequest,
    },
    /// Give this to the node inside this process.
    Told {
        /// Its link.
        link: LinkId,
        /// What.
        frame: Frame<flex::Event>,
    },
    /// Count and log this.
    Report(Report),
    /// A connection is lost, or ended by this side, for this reason.
    Lost {
        /// Which.
        link: LinkId,
        /// Why.
        loss: Loss,
    },
    /// The machine ends a connection, for this reason.
    Closes {
        /// Which.
        link: LinkId,
        /// Why.
        reason: CloseReason,
    },
    /// The machine made a frame that no connection takes: a fault of this program, not of a peer.
    Unsendable {
        /// To whom.
        link: LinkId,
        /// Why.
        error: SendError,
    },
}

impl<M> Host<M>
where
    M: Machine<Input = Input, Action = Action>,
{
    /// A machine without connections, of which it will have `limit` at most.
    pub fn new(machine: M, limit: usize, now: Instant) -> Self {
        Self {
            machine,
            // And the node inside this process.
            links: Slab::new(limit.saturating_add(1)),
            limit,
            nodes: 0,
            timers: Wheel::new(now, limit),
            touched: VecDeque::new(),
            outward: VecDeque::new(),
            tally: Tally::default(),
        }
    }

    /// The machine, to look at.
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    /// The machine, for what it has beside its contract; inputs go through [`handle`](Host::handle).
    pub const fn machine_mut(&mut self) -> &mut M {
        &mut self.machine
    }

    /// How many connections there are. A node inside this process has none.
    pub const fn len(&self) -> usize {
        self.links.len() - self.nodes
    }

    /// Whether there is no connection.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What happened to them so far.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// A connection was made to a port of this protocol.
    ///
    /// # Errors
    ///
    /// There are as many as there may be; the machine hears nothing of it.
    pub fn accept(
        &mut self,
        protocol: Protocol,
        settings: Settings,
        trust: Trust,
        now: Instant,
    ) -> Result<LinkId, TooMany> {
        if self.len() >= self.limit {
            self.tally.refused += 1;
            return Err(TooMany);
        }
        let link = ServerLink::new(protocol, settings, now);
        let port = link.port();
        self.tally.opened += 1;
        self.insert(Some(link), port, trust, now)
    }

    /// A gateway node inside this process is there: it passes frames, not bytes.
    ///
    /// # Errors
    ///
    /// There is one already.
    pub fn attach(&mut self, now: Instant) -> Result<LinkId, TooMany> {
        if self.nodes > 0 {
            return Err(TooMany);
        }
        let link = self.insert(None, PortId::Web, Trust::Gateway, now)?;
        self.nodes += 1;
        Ok(link)
    }

    /// The node inside this process asks.
    pub fn pass(&mut self, id: LinkId, frame: Frame<flex::Request>, now: Instant) {
        let there = Key::from_bits(id.0).and_then(|key| self.links.get(key));
        if there.is_some_and(|hosted| hosted.link.is_none()) {
            let frame = frame.map(Request::Flex);
            self.handle(Input::Frame { link: id, frame }, now);
        }
    }

    fn insert(
        &mut self,
        link: Option<ServerLink>,
        port: PortId,
        trust: Trust,
        now: Instant,
    ) -> Result<LinkId, TooMany> {
        let hosted = Hosted { link, timer: None, touched: false, told: false };
        let key = self.links.insert(hosted).map_err(|_| TooMany)?;
        let link = LinkId(key.to_bits());
        self.handle(Input::Link { link, change: LinkChange::Opened { port, trust } }, now);
        self.look_after(key, now);
        Ok(link)
    }

    /// Bytes came.
    pub fn receive(&mut self, id: LinkId, mut bytes: &[u8], now: Instant) {
        let Some(key) = Key::from_bits(id.0) else { return };
        while let Some(link) = self.links.get_mut(key).and_then(|hosted| hosted.link.as_mut())
            && let Some(received) = link.receive(&mut bytes, now)
        {
            let input = match received {
                Received::Frame(frame) => Input::Frame { link: id, frame },
                Received::Malformed(malformed) => Input::Malformed { link: id, malformed },
            };
            self.handle(input, now);
        }
        self.look_after(key, now);
        self.carry_out(now);
    }

    /// What is to be written to a connection next; empty when nothing is.
    pub fn output(&self, id: LinkId) -> &[u8] {
        let hosted = Key::from_bits(id.0).and_then(|key| self.links.get(key));
        hosted.and_then(|hosted| hosted.link.as_ref()).map_or(&[], ServerLink::output)
    }

    /// The first `count` bytes of [`output`](Host::output) are written.
    pub fn sent(&mut self, id: LinkId, count: usize, now: Instant) {
        let Some(key) = Key::from_bits(id.0) else { return };
        if let Some(link) = self.links.get_mut(key).and_then(|hosted| hosted.link.as_mut()) {
            link.sent(count);
            self.look_after(key, now);
            self.carry_out(now);
        }
    }

    /// Whether nothing is left to do for a connection but to close the socket.
    pub fn is_finished(&self, id: LinkId) -> bool {
        let hosted = Key::from_bits(id.0).and_then(|key| self.links.get(key));
        hosted.is_none_or(Hosted::is_finished)
    }

    /// A connection is gone, whoever ended it. Its id names nothing any more.
    pub fn closed(&mut self, id: LinkId, now: Instant) {
        let Some(key) = Key::from_bits(id.0) else { return };
        let Some(Hosted { link, timer, told, .. }) = self.links.remove(key) else { return };
        match link {
            Some(_) => self.tally.closed += 1,
            None => self.nodes -= 1,
        }
        timer.map(|timer| self.timers.cancel(timer));
        if !told {
            self.handle(Input::Link { link: id, change: LinkChange::Closed }, now);
        }
    }

    /// A connection is gone because the network broke it; as [`closed`](Host::closed).
    pub fn broke(&mut self, id: LinkId, now: Instant) {
        let known = Key::from_bits(id.0).and_then(|key| self.links.get(key));
        // One that was lost already, or that this side ended, breaks nothing.
        if known.is_some_and(|hosted| !hosted.told && !hosted.is_finished()) {
            self.tally.broken += 1;
        }
        self.closed(id, now);
    }

    /// Something happened that is not about the bytes of a connection.
    pub fn handle(&mut self, input: Input, now: Instant) {
        self.machine.handle(input, now);
        self.carry_out(now);
    }

    /// Does what is due, the machine's part within a budget of timers.
    pub fn handle_timeout(&mut self, now: Instant, budget: usize) -> Progress {
        let progress = self.machine.handle_timeout(now, budget);
        self.carry_out(now);
        let mut left = u32::try_from(budget).unwrap_or(u32::MAX);
        while let Some((_, key)) = self.timers.pop_due(now, &mut left) {
            if let Some(hosted) = self.links.get_mut(key) {
                hosted.timer = None;
                if let Some(link) = &mut hosted.link
                    && link.poll_timeout().is_some_and(|at| at <= now)
                {
                    link.handle_timeout(now);
                }
                self.look_after(key, now);
            }
        }
        self.carry_out(now);
        let due = self.timers.next_deadline().is_some_and(|at| at <= now);
        if due { Progress::More } else { progress }
    }

    /// When to call [`handle_timeout`](Host::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.machine.poll_timeout().into_iter().chain(self.timers.next_deadline()).min()
    }

    /// The next connection that has output, or is over; each once until something happens to it
    /// again.
    pub fn poll_link(&mut self) -> Option<LinkId> {
        while let Some(key) = self.touched.pop_front() {
            if let Some(hosted) = self.links.get_mut(key) {
                hosted.touched = false;
                return Some(LinkId(key.to_bits()));
            }
        }
        None
    }

    /// The next thing to do that is not about the bytes of a connection.
    pub fn poll_outward(&mut self) -> Option<Outward> {
        self.outward.pop_front()
    }

    /// Carries out what the machine wants done, and what it wants done because of that.
    fn carry_out(&mut self, now: Instant) {
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::Send { link: id, frame } => {
                    let Some(key) = Key::from_bits(id.0) else { continue };
                    let Some(hosted) = self.links.get_mut(key) else { continue };
                    let Some(there) = &mut hosted.link else {
                        self.tell(id, frame);
                        continue;
                    };
                    match there.send(frame, now) {
                        // The machine hears of a lost link in its turn.
                        Ok(()) | Err(SendError::Closed | SendError::Overflow) => {}
                        Err(error @ (SendError::Unencodable(_) | SendError::WrongProtocol)) => {
                            self.outward.push_back(Outward::Unsendable { link: id, error });
                        }
                    }
                    self.look_after(key, now);
                }
                Action::Close { link, reason } => {
                    self.tally.dismissed += 1;
                    self.outward.push_back(Outward::Closes { link, reason });
                    let Some(key) = Key::from_bits(link.0) else { continue };
                    let Some(hosted) = self.links.get_mut(key) else { continue };
                    if let Some(there) = &mut hosted.link {
                        there.close(now);
                    }
                    self.look_after(key, now);
                }
                Action::Ask { op, request } => {
                    self.outward.push_back(Outward::Ask { op, request });
                }
                Action::Report(report) => {
                    self.tally.malformed += u64::from(matches!(report, Report::Malformed { .. }));
                    self.outward.push_back(Outward::Report(report));
                }
            }
        }
    }

    /// Says something to the node inside this process.
    fn tell(&mut self, link: LinkId, frame: Frame<Event>) {
        let Frame { reference, body } = frame;
        self.outward.push_back(match body {
            Event::Flex(event) => match inside::cut(Frame::new(reference, event)) {
                Ok(frame) => Outward::Told { link, frame },
                Err(error) => Outward::Unsendable { link, error: SendError::Unencodable(error) },
            },
            Event::Basic(_) | Event::Esp(_) => {
                Outward::Unsendable { link, error: SendError::WrongProtocol }
            }
        });
    }

    /// Something happened to a link: the machine is told of it, its timer set, and whoever writes is
    /// sent to it. What the machine does about it is carried out by the caller.
    fn look_after(&mut self, key: Key<Hosted>, now: Instant) {
        let id = LinkId(key.to_bits());
        while let Some(hosted) = self.links.get_mut(key)
            && let Some(change) = hosted.link.as_mut().and_then(ServerLink::poll_change)
        {
            let change = match change {
                Change::Congested => LinkChange::Congested,
                Change::Drained => LinkChange::Drained,
                Change::Lost(loss) => {
                    hosted.told = true;
                    self.tally.lost(&loss);
                    self.outward.push_back(Outward::Lost { link: id, loss });
                    LinkChange::Closed
                }
            };
            self.machine.handle(Input::Link { link: id, change }, now);
        }
        let Some(hosted) = self.links.get_mut(key) else { return };
        let Some(link) = &hosted.link else { return };
        if let Some(at) = link.poll_timeout() {
            match hosted.timer {
                // One that fires too early looks again; most are never reached.
                Some(timer) if self.timers.deadline(timer).is_some_and(|armed| armed <= at) => {}
                Some(timer) => {
                    self.timers.re_arm(timer, at);
                }
                // There is room for one timer of each link.
                None => hosted.timer = self.timers.arm(at, key).ok(),
            }
        }
        let busy = !link.output().is_empty() || link.is_finished();
        if busy && !core::mem::replace(&mut hosted.touched, true) {
            self.touched.push_back(key);
        }
    }
}

impl Hosted {
    /// One without bytes is never finished with them.
    fn is_finished(&self) -> bool {
        self.link.as_ref().is_some_and(ServerLink::is_finished)
    }
}

/// There are as many connections as there may be (`max-connections`, B2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

impl<M> core::fmt::Debug for Host<M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Host({} links)", self.links.len())
    }
}
