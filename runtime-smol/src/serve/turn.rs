//! The thread that moves bytes: sockets on one side, the machine and its links on the other.

use std::collections::VecDeque;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant as StdInstant};

use confer_core::config::Config;
use confer_core::door::{Input, Trust};
use confer_core::frame::Protocol;
use confer_core::id::{LinkId, PortId};
use confer_core::machine::Progress;
use confer_core::server::Server;
use confer_journal::Recorder;
use confer_link::{Host, Outward, Settings, Tally, TooMany};
use confer_store::{Event as Stored, Store};
use rustls::ServerConfig;
use smol::future::FutureExt as _;
use tracing::{debug, error, info, warn};

use super::clock::Clock;
use super::journal::Journal;
use super::poller::{Poller, Watched};
use super::socket::{Socket, Taken};
use super::state::State;
use crate::web::inside::{Attached, Wanted};

/// Bytes read at a time, from one connection, before another has its turn.
const READ: usize = 65_536;
/// Connections accepted at a time, before those that are there have their turn.
const ACCEPTS: usize = 64;
/// Timers fired at a time, before bytes are moved again.
const TIMERS: usize = 1024;
/// Answers of the store taken at a time, before bytes are moved again.
const ANSWERS: usize = 1024;
/// Requests of the node inside taken at a time, before bytes are moved again.
const REQUESTS: usize = 1024;
/// Turns taken before other tasks of the thread have theirs.
const TURNS: usize = 8;
/// How long nothing is accepted after that could not be done.
const REST: Duration = Duration::from_millis(200);
/// How long a socket that this side closes stays, for its peer to read the last words.
const FAREWELL: Duration = Duration::from_secs(1);
/// Sockets that stay like that at most; beyond, the oldest goes at once.
const MAX_FAREWELLS: usize = 1024;
/// How a connection ends that this side ends.
const BY_US: &str = "by the server";
/// How a connection ends that nobody ends.
const BROKEN: &str = "lost";
/// How often the calendar is looked at.
const CALENDAR: Duration = Duration::from_secs(10);
/// How long sessions that are closed at the end may take to be stored and told.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A port that is open.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) port: PortId,
    pub(super) protocol: Protocol,
    pub(super) socket: Arc<TcpListener>,
    pub(super) tls: Option<Arc<ServerConfig>>,
    /// Whether every client has shown a certificate.
    pub(super) certified: bool,
}

impl Listener {
    fn watched(&self) -> Watched {
        Watched::Listener(Arc::clone(&self.socket))
    }
}

/// What somebody outside the thread wants of it.
#[derive(Debug)]
pub(super) enum Order {
    /// Put this configuration in force.
    Configure(Arc<Config>),
    /// Take nothing new, and end when empty or after so long.
    Drain(Duration),
    /// Say what happened to the connections so far.
    Tally(smol::channel::Sender<Tally>),
    /// End now.
    Stop,
}

/// Everything the thread has.
pub(super) struct Turn<P> {
    pub(super) host: Host<Recorder<Server>>,
    pub(super) config: Arc<Config>,
    pub(super) clock: Clock,
    pub(super) poller: P,
    pub(super) listeners: Vec<Listener>,
    pub(super) store: Arc<Store>,
    /// The store has something to say.
    pub(super) stored: smol::channel::Receiver<()>,
    pub(super) orders: smol::channel::Receiver<Order>,
    /// The gateway node inside this process, if port `web` is open.
    pub(super) node: Option<Attached>,
    pub(super) state: Arc<State>,
    /// Where the machine is recorded, if it is.
    pub(super) journal: Option<Journal>,
    /// By the lower half of a link's number, which is its place.
    pub(super) sockets: Vec<Option<(LinkId, Socket)>>,
    pub(super) buffer: Box<[u8]>,
    /// When the server ends, empty or not; once it drains.
    pub(super) deadline: Option<StdInstant>,
    /// The sessions that were left were closed.
    pub(super) closing: bool,
    pub(super) calendar: StdInstant,
    /// Nothing is accepted until then.
    pub(super) rests_until: Option<StdInstant>,
    /// Sockets this side closed, and when each goes.
    pub(super) farewells: VecDeque<(StdInstant, Socket)>,
    /// Connections that began with a handshake, and when: it may not take forever (B2.2).
    pub(super) handshakes: VecDeque<(StdInstant, LinkId)>,
}

/// A buffer of the right size.
pub(super) fn buffer() -> Box<[u8]> {
    vec![0; READ].into_boxed_slice()
}

/// What ended a wait.
enum Woken {
    Sockets,
    Timer,
    Store,
    Node(Wanted),
    Order(Option<Order>),
}

impl<P: Poller> Turn<P> {
    /// Goes on until the server has ended.
    pub(super) async fn run(mut self) -> io::Result<()> {
        let result = self.go_on().await;
        if let Some(journal) = &mut self.journal {
            journal.finish(self.host.machine_mut());
        }
        result
    }

    async fn go_on(&mut self) -> io::Result<()> {
        self.listen()?;
        let mut turns = 0;
        loop {
            if self.has_ended() {
                self.part().await?;
                break;
            }
            match self.sleep().await {
                // Whoever held the server has let go of it.
                Woken::Order(Some(Order::Stop) | None) => break,
                Woken::Order(Some(order)) => self.obey(order),
                Woken::Node(wanted) => self.serve_node(wanted),
                Woken::Sockets | Woken::Timer | Woken::Store => {}
            }
            while self.turn()? {
                turns += 1;
                if turns % TURNS == 0 {
                    smol::future::yield_now().await;
                }
                // Clients who never rest must not keep it from hearing that it is to end.
                if !self.orders.is_empty() || self.is_late() {
                    break;
                }
            }
        }
        info!(tally = ?self.host.tally(), "ended");
        Ok(())
    }

    /// Says farewell to everybody, and takes what they still say until they go, for a while: a
    /// socket that is closed over bytes that nobody took may take its last words back.
    async fn part(&mut self) -> io::Result<()> {
        let until = StdInstant::now() + FAREWELL;
        for (index, listener) in (0..).zip(self.listeners.drain(..)) {
            // One that rests is not there.
            let _ = self.poller.remove(&listener.watched(), index);
        }
        for (_, socket) in self.sockets.iter_mut().flatten() {
            socket.close();
        }
        while self.sockets.iter().any(Option::is_some) && StdInstant::now() < until {
            let late = async {
                smol::Timer::at(until).await;
                Ok(())
            };
            self.poller.readable().or(late).await?;
            for event in self.poller.ready()? {
                let link = LinkId(event.token);
                let Some(slot) = self.sockets.get_mut(place(link)) else { continue };
                if let Some((owner, socket)) = slot
                    && *owner == link
                    && socket.is_gone(&mut self.buffer)
                {
                    let _ = self.poller.remove(&socket.watched(), link.0);
                    *slot = None;
                }
            }
        }
        Ok(())
    }

    /// Waits for connections.
    fn listen(&mut self) -> io::Result<()> {
        for (index, listener) in (0..).zip(&self.listeners) {
            self.poller.add(&listener.watched(), index, false)?;
        }
        Ok(())
    }

    /// Waits for sockets, timers, the store or orders.
    async fn sleep(&self) -> Woken {
        if !self.store.is_quiet() {
            return Woken::Store;
        }
        let machine = self.host.poll_timeout().map(|at| self.clock.at(at));
        let farewell = self.farewells.front().map(|(until, _)| *until);
        let patience = self.config.settings.user_register_timeout;
        let handshake = self.handshakes.front().map(|(since, _)| *since + patience);
        let wakes = [machine, self.deadline, self.rests_until, farewell, handshake];
        let at = wakes.into_iter().flatten().chain([self.calendar]).min();
        let timer = async {
            match at {
                Some(at) => drop(smol::Timer::at(at).await),
                None => smol::future::pending().await,
            }
            Woken::Timer
        };
        let orders = async { Woken::Order(self.orders.recv().await.ok()) };
        let sockets = async {
            // An error shows itself in the turn that follows.
            let _ = self.poller.readable().await;
            Woken::Sockets
        };
        let store = async {
            // It lives as long as this.
            let _ = self.stored.recv().await;
            Woken::Store
        };
        let node = async {
            match &self.node {
                // It lives as long as this, or longer.
                Some(node) => match node.wanted.recv().await {
                    Ok(wanted) => Woken::Node(wanted),
                    Err(_) => smol::future::pending().await,
                },
                None => smol::future::pending().await,
            }
        };
        orders.or(sockets).or(store).or(node).or(timer).await
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Configure(config) => {
                self.config = Arc::clone(&config);
                let config = self.store.config(&config);
                self.host.handle(Input::Config(config), self.clock.now());
            }
            Order::Drain(patience) => {
                self.state.drain();
                self.deadline = Some(StdInstant::now() + patience);
                let sessions = self.host.machine().machine().open_sessions();
                info!(sessions, seconds = patience.as_secs(), "draining: no new sessions");
                self.host.handle(Input::Drain, self.clock.now());
            }
            Order::Tally(asker) => {
                // Whoever asked may be gone.
                let _ = asker.try_send(*self.host.tally());
            }
            Order::Stop => {}
        }
    }

    /// Whether the time of a draining server is over.
    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| StdInstant::now() >= deadline)
    }

    /// Whether a draining server has nothing left, or no time.
    fn has_ended(&mut self) -> bool {
        if self.deadline.is_none() {
            return false;
        }
        let late = self.is_late();
        if self.host.machine().machine().is_at_rest() && self.is_written() {
            return true;
        }
        if !late {
            return false;
        }
        if self.closing {
            error!("sessions are left that could not be stored or told in time");
            return true;
        }
        let sessions = self.host.machine().machine().open_sessions();
        warn!(sessions, "the time to drain is over: closing the sessions that are left");
        self.closing = true;
        self.deadline = Some(StdInstant::now() + LAST_WORDS);
        self.host.handle(Input::CloseSessions, self.clock.now());
        // Nothing else may wake the thread for what they are told.
        self.flush();
        self.has_ended()
    }

    /// Whether nothing waits to be written.
    fn is_written(&self) -> bool {
        self.sockets.iter().flatten().all(|(link, _)| self.host.output(*link).is_empty())
    }

    /// Does what can be done now; whether there may be more at once.
    fn turn(&mut self) -> io::Result<bool> {
        let began = StdInstant::now();
        let ready = self.poller.ready()?;
        for event in &ready {
            if let Ok(index) = usize::try_from(event.token)
                && index < self.listeners.len()
            {
                self.accept(index);
                continue;
            }
            let link = LinkId(event.token);
            if event.write {
                self.write(link);
            }
            if event.read {
                self.read(link);
            }
            self.flush();
        }
        let asked = self.serve_node_on();
        let now = self.clock.now();
        let progress = if self.host.poll_timeout().is_some_and(|at| at <= now) {
            self.host.handle_timeout(now, TIMERS)
        } else {
            Progress::Idle
        };
        self.tidy(began)?;
        if began >= self.calendar {
            self.calendar = began + CALENDAR;
            if let Some(wall) = self.clock.corrected() {
                info!("the calendar was set");
                self.host.handle(Input::Wall(wall), now);
            }
        }
        self.flush();
        let busy = asked || !ready.is_empty();
        if busy && self.config.settings.limits_control_enabled {
            self.host.handle(Input::ReplyDelay(began.elapsed()), self.clock.now());
        }
        if let Some(journal) = &mut self.journal {
            journal.keep(self.host.machine_mut());
        }
        Ok(busy || progress == Progress::More || !self.store.is_quiet())
    }

    /// Does what the node inside wants by now, if anything; whether it was.
    fn serve_node_on(&mut self) -> bool {
        let mut some = false;
        for _ in 0..REQUESTS {
            let wanted = self.node.as_ref().and_then(|node| node.wanted.try_recv().ok());
            let Some(wanted) = wanted else { break };
            some = true;
            self.serve_node(wanted);
        }
        if some {
            self.flush();
        }
        some
    }

    /// Does what the node inside wants.
    fn serve_node(&mut self, wanted: Wanted) {
        let (now, Some(node)) = (self.clock.now(), &mut self.node) else { return };
        match (wanted, node.link) {
            (Wanted::Link, None) => match self.host.attach(now) {
                Ok(link) => node.opened(link),
                Err(TooMany) => node.closed(),
            },
            (Wanted::Answer(frame), Some(link)) => self.host.pass(link, frame, now),
            // It has one, or has heard that it has none any more.
            (Wanted::Link, Some(_)) | (Wanted::Answer(_), None) => {}
        }
    }

    /// The machine ends the link of the node inside, if it is that.
    fn detach(&mut self, link: LinkId) {
        if let Some(node) = &mut self.node
            && node.link == Some(link)
        {
            node.closed();
            self.host.closed(link, self.clock.now());
        }
    }

    fn accept(&mut self, index: usize) {
        for _ in 0..ACCEPTS {
            match self.listeners[index].socket.accept() {
                Ok((stream, _)) => {
                    if let Err(error) = self.welcome(index, stream) {
                        debug!(%error, "a connection ended before it began");
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    // Out of descriptors, or a peer that was gone before it was accepted. The
                    // listeners rest for a while, lest this be told without end.
                    warn!(%error, "a connection could not be accepted");
                    self.rest();
                    return;
                }
            }
        }
    }

    /// Accepts nothing for a while.
    fn rest(&mut self) {
        if self.rests_until.is_none() {
            self.rests_until = Some(StdInstant::now() + REST);
            for (index, listener) in (0..).zip(&self.listeners) {
                let _ = self.poller.remove(&listener.watched(), index);
            }
        }
    }

    /// Accepts again, and closes the sockets whose peers have had time for the last words, or for a
    /// handshake.
    fn tidy(&mut self, now: StdInstant) -> io::Result<()> {
        if self.rests_until.is_some_and(|until| until <= now) {
            self.rests_until = None;
            self.listen()?;
        }
        while self.farewells.front().is_some_and(|(until, _)| *until <= now) {
            self.farewells.pop_front();
        }
        let patience = self.config.settings.user_register_timeout;
        while let Some((since, link)) = self.handshakes.front().copied() {
            let shaking = is_shaking_hands(&self.sockets, link);
            if shaking && now < since + patience {
                break;
            }
            self.handshakes.pop_front();
            if shaking {
                debug!(?link, "a handshake took too long");
                self.close(link, BROKEN);
            }
        }
        Ok(())
    }

    /// A connection has to be through with its handshake in time.
    fn watch_handshake(&mut self, link: LinkId) {
        if self.handshakes.len() > 2 * self.host.len() + ACCEPTS {
            // One that takes its time must not keep those that are through, or gone.
            let Self { handshakes, sockets, .. } = self;
            handshakes.retain(|(_, link)| is_shaking_hands(sockets, *link));
        }
        self.handshakes.push_back((StdInstant::now(), link));
    }

    fn welcome(&mut self, index: usize, stream: TcpStream) -> io::Result<()> {
        let listener = &self.listeners[index];
        let settings = Settings::of_port(&self.config, listener.port);
        // Nothing passes a link with a token before the token was right.
        let known = settings.access_token.is_some() || listener.certified;
        let trust = if known { Trust::Authenticated } else { Trust::Open };
        let (port, protocol) = (listener.port, listener.protocol);
        let socket = Socket::new(stream, listener.tls.as_ref())?;
        let link = match self.host.accept(protocol, settings, trust, self.clock.now()) {
            Ok(link) => link,
            Err(TooMany) => {
                let (conns, refused) = (self.host.len(), self.host.tally().refused);
                warn!(conns, refused, %port, "too many connections: one more is closed");
                return Ok(());
            }
        };
        if let Err(error) = self.poller.add(&socket.watched(), link.0, false) {
            self.host.closed(link, self.clock.now());
            return Err(error);
        }
        let place = place(link);
        if place >= self.sockets.len() {
            self.sockets.resize_with(place + 1, || None);
        }
        if socket.is_shaking_hands() {
            self.watch_handshake(link);
        }
        self.sockets[place] = Some((link, socket));
        info!(conns = self.host.len(), %port, ?link, "opened");
        Ok(())
    }

    /// Reads once from a connection, so that one that never stops leaves the others their turn.
    fn read(&mut self, link: LinkId) {
        let Self { sockets, buffer, host, clock, .. } = self;
        let Some(Some((owner, socket))) = sockets.get_mut(place(link)) else { return };
        if *owner != link {
            return;
        }
        loop {
            match socket.read(buffer) {
                Ok(Taken::Bytes(count)) => {
                    host.receive(link, &buffer[..count], clock.now());
                    // TLS took more from the socket than fits here, and no event tells of that.
                    if !socket.has_more() {
                        break;
                    }
                }
                Ok(Taken::Nothing) => break,
                Ok(Taken::End) => return self.close(link, "by the peer"),
                Err(error) => {
                    debug!(?link, %error, "a connection broke");
                    return self.close(link, BROKEN);
                }
            }
        }
        // A handshake may have words of its own.
        self.write(link);
    }

    /// Writes what a connection has to say, as far as it takes it.
    fn write(&mut self, link: LinkId) {
        let Self { sockets, host, clock, poller, .. } = self;
        let Some(Some((owner, socket))) = sockets.get_mut(place(link)) else { return };
        if *owner != link {
            return;
        }
        loop {
            let output = host.output(link);
            match socket.write(output) {
                Ok(0) => break,
                Ok(count) => host.sent(link, count, clock.now()),
                Err(error) => {
                    debug!(?link, %error, "a connection broke");
                    return self.close(link, BROKEN);
                }
            }
        }
        let waits = !host.output(link).is_empty() || socket.holds_bytes();
        if !waits && host.is_finished(link) {
            return self.close(link, BY_US);
        }
        if waits != socket.waits_for_room {
            socket.waits_for_room = waits;
            if let Err(error) = poller.modify(&socket.watched(), link.0, waits) {
                error!(%error, "a socket cannot be waited for");
                self.close(link, BROKEN);
            }
        }
    }

    /// Writes for whoever has something to say, and does what is not about bytes.
    fn flush(&mut self) {
        let mut answers = 0;
        loop {
            while let Some(link) = self.host.poll_link() {
                self.write(link);
            }
            match self.host.poll_outward() {
                Some(Outward::Ask { op, request }) => self.store.ask(op, request),
                Some(Outward::Report(report)) => info!(?report, "report"),
                Some(Outward::Lost { link, loss }) => debug!(?link, ?loss, "a connection is over"),
                Some(Outward::Told { frame, .. }) => {
                    if let Some(node) = &self.node {
                        node.told(frame);
                    }
                }
                Some(Outward::Closes { link, reason }) => {
                    debug!(?link, ?reason, "closing");
                    self.detach(link);
                }
                Some(Outward::Unsendable { link, error }) => {
                    error!(?link, %error, "an answer was lost");
                }
                None if answers == ANSWERS => return,
                None => match self.store.poll() {
                    Some(stored) => {
                        answers += 1;
                        let input = match stored {
                            Stored::Done { op, outcome } => Input::Done { op, outcome },
                            Stored::External(what) => Input::External(what),
                        };
                        self.host.handle(input, self.clock.now());
                    }
                    None => return,
                },
            }
        }
    }

    fn close(&mut self, link: LinkId, how: &'static str) {
        let Some((_, mut socket)) = self.sockets.get_mut(place(link)).and_then(Option::take) else {
            return;
        };
        socket.close();
        // The socket can be waited for no longer, whatever this says.
        let _ = self.poller.remove(&socket.watched(), link.0);
        if how == BY_US {
            // Closed at once, with bytes unread, it would take its last words back from the peer.
            if self.farewells.len() == MAX_FAREWELLS {
                self.farewells.pop_front();
            }
            self.farewells.push_back((StdInstant::now() + FAREWELL, socket));
        }
        if how == BROKEN {
            self.host.broke(link, self.clock.now());
        } else {
            self.host.closed(link, self.clock.now());
        }
        info!(conns = self.host.len(), ?link, how, "closed");
    }
}

/// Whether TLS has only begun there.
fn is_shaking_hands(sockets: &[Option<(LinkId, Socket)>], link: LinkId) -> bool {
    let there = sockets.get(place(link)).and_then(Option::as_ref);
    there.is_some_and(|(owner, socket)| *owner == link && socket.is_shaking_hands())
}

/// Where a link's socket is kept.
fn place(link: LinkId) -> usize {
    usize::try_from(link.0 & u64::from(u32::MAX)).unwrap_or(usize::MAX)
}
