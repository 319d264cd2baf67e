//! A simulated world: servers, clients, the network between them, a store behind them, and a clock
//! that only moves when there is nothing left to do.
//!
//! Machines, codecs and links are the real ones. Time is virtual, chance comes from one seed, and
//! everything is kept in ordered containers: the same seed and the same calls give the same world,
//! down to the last byte, which [`Log::digest`] sums up.
//!
//! ```
//! use confer_tests::echo::Echo;
//! use confer_tests::talker::Talker;
//! use confer_tests::world::World;
//!
//! let mut world = World::new(7);
//! let server = world.server(Echo::new);
//! let ana = world.client::<confer_basic::Client, _>(server, Talker::new("Ana"));
//! world.with(&ana, |ana, now| ana.say("hello", now));
//! world.run_until_idle();
//! assert_eq!(world.look(&ana).heard, ["hello"]);
//! ```

mod chance;
mod client;
mod log;
mod net;
mod server;
mod store;

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::time::Duration;

use confer_core::door::{Action, External, Input};
use confer_core::machine::Machine;
use confer_core::time::{Instant, Wall};
use confer_link::Settings;
use confer_wire::Codec;

pub use chance::Chance;
pub use client::{ClientAction, ClientInput};
pub use log::{Entry, Log};
pub use net::{Net, Reading};
pub use store::{Spooled, Store, StoreFaults, Stored, StoredDocument, server_name};

use client::{Client, Node, Wish};
use net::Pipe;
use server::Server;
use store::Answer;

/// Steps without the clock moving after which a world is taken to run in a circle.
pub const LIVELOCK_BOUND: u32 = 100_000;

/// How long it takes until a server hears what another has told it (B20.12).
const HEARD_WITHIN: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_millis(100);

/// What the calendar shows when a world begins: 2024-01-15T10:00:00Z.
const WALL: Wall = Wall::new(Instant::ZERO, 1_705_312_800_000);

/// A simulated world round servers of type `S`.
pub struct World<S> {
    now: Instant,
    seed: u64,
    chance: Chance,
    /// How the network treats everything sent from now on.
    pub net: Net,
    /// How links are set up from now on, at both ends.
    pub settings: Settings,
    /// The one store.
    pub store: Store,
    /// What happened.
    pub log: Log,
    servers: Vec<Server<S>>,
    clients: Vec<ClientSlot>,
    connections: BTreeMap<u64, Connection>,
    next_connection: u64,
    happenings: BTreeMap<(Instant, u64), Happening>,
    next_happening: u64,
    steps_at_once: u32,
}

/// A server of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerId(usize);

/// A client of a world, whose machine is an `M` behind a codec `C`.
pub struct ClientId<C, M>(usize, PhantomData<fn() -> (C, M)>);

struct ClientSlot {
    client: Box<dyn Client>,
    server: ServerId,
    /// Those it knows by numbers.
    servers: Vec<ServerId>,
    /// How it takes what arrives.
    reading: Reading,
    connection: Option<u64>,
    /// The process is gone.
    dead: bool,
}

struct Connection {
    client: usize,
    server: ServerId,
    /// The server's process it was made to.
    life: u32,
    up: Pipe,
    down: Pipe,
}

/// What happens at a time of its own.
#[derive(Debug)]
enum Happening {
    /// A client makes a connection.
    Connect(usize),
    /// A connection reaches its server.
    Accept(u64),
    /// Something to read reaches the server, or the client.
    ReadUp(u64),
    ReadDown(u64),
    /// The end of a connection reaches the server, or the client.
    EndUp(ServerId, u64),
    EndDown(usize, u64),
    /// The store's answer reaches a server.
    Answer(Answer),
    /// What another server has told it reaches a server.
    Hear(ServerId, External),
}

impl<S> World<S>
where
    S: Machine<Input = Input, Action = Action>,
{
    /// A world with nobody in it yet: a calm network and a faultless store.
    pub fn new(seed: u64) -> Self {
        Self {
            now: Instant::ZERO,
            seed,
            chance: Chance::new(seed),
            net: Net::calm(),
            settings: Settings::server(),
            store: Store::new(StoreFaults::none()),
            log: Log::default(),
            servers: Vec::new(),
            clients: Vec::new(),
            connections: BTreeMap::new(),
            next_connection: 0,
            happenings: BTreeMap::new(),
            next_happening: 0,
            steps_at_once: 0,
        }
    }

    /// The present.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The world's own chance, for a test that decides at random what to do to it.
    pub fn chance(&mut self) -> &mut Chance {
        &mut self.chance
    }

    /// Starts a server; `make` makes its machine from a seed, again after each [`World::restart`].
    pub fn server(&mut self, make: impl Fn([u8; 32], Instant) -> S + 'static) -> ServerId {
        let id = ServerId(self.servers.len());
        self.servers.push(Server::new(Box::new(make)));
        self.restart(id);
        id
    }

    /// Adds a client and lets it connect. Its machine may reconnect as it likes.
    pub fn client<C, M>(&mut self, server: ServerId, machine: M) -> ClientId<C, M>
    where
        C: Codec + 'static,
        M: Machine<Input = ClientInput<C::In>, Action = ClientAction<C::Out>> + 'static,
    {
        let settings = Settings {
            access_token: self.settings.access_token.clone(),
            addp_timeout: self.settings.addp_timeout,
            addp_remote_timeout: self.settings.addp_remote_timeout,
            ..Settings::client()
        };
        let index = self.clients.len();
        self.clients.push(ClientSlot {
            client: Box::new(Node::<C, M>::new(machine, settings)),
            server,
            servers: Vec::new(),
            reading: Reading::Eager,
            connection: None,
            dead: false,
        });
        self.schedule(self.now, Happening::Connect(index));
        ClientId(index, PhantomData)
    }

    /// A client's machine, to look at.
    pub fn look<C: Codec + 'static, M: 'static>(&self, id: &ClientId<C, M>) -> &M {
        let client: &dyn Any = &*self.clients[id.0].client;
        let Some(node) = client.downcast_ref::<Node<C, M>>() else {
            unreachable!("a client keeps the type it was added with");
        };
        &node.machine
    }

    /// Lets somebody use a client's machine.
    pub fn with<C: Codec + 'static, M: 'static, R>(
        &mut self,
        id: &ClientId<C, M>,
        verb: impl FnOnce(&mut M, Instant) -> R,
    ) -> R {
        let client: &mut dyn Any = &mut *self.clients[id.0].client;
        let Some(node) = client.downcast_mut::<Node<C, M>>() else {
            unreachable!("a client keeps the type it was added with");
        };
        let result = verb(&mut node.machine, self.now);
        self.pump_client(id.0);
        result
    }

    /// How many servers there are, dead ones included.
    pub fn servers(&self) -> usize {
        self.servers.len()
    }

    /// A server's machine, to look at; `None` while its process is dead.
    pub fn machine(&self, id: ServerId) -> Option<&S> {
        self.servers[id.0].machine()
    }

    /// Kills a server's process: its connections break, what it asked the store goes on without it.
    pub fn kill(&mut self, id: ServerId) {
        self.note(format!("server {} is killed", id.0));
        self.servers[id.0].kill();
        for (connection, client) in self.connections_of(id) {
            let at = self.now + self.chance.between(&self.net.latency);
            self.schedule(at, Happening::EndDown(client, connection));
        }
    }

    /// Starts a server's process again, with nothing but its seed and the store.
    pub fn restart(&mut self, id: ServerId) {
        let seed = self.chance.seed();
        self.note(format!("server {} starts", id.0));
        self.servers[id.0].start(seed, self.now);
        self.give(id, Input::Wall(WALL));
    }

    /// Tells a server something that comes over no connection.
    pub fn tell(&mut self, id: ServerId, input: Input) {
        self.give(id, input);
    }

    /// From now on a client knows these servers, by their places from 0 on, and chooses by itself.
    pub fn knows<C, M>(&mut self, id: &ClientId<C, M>, servers: &[ServerId]) {
        self.clients[id.0].servers = servers.to_vec();
    }

    /// From now on a client connects to this server; the connection it has breaks.
    pub fn move_client<C, M>(&mut self, id: &ClientId<C, M>, server: ServerId) {
        self.clients[id.0].server = server;
        self.cut(id);
    }

    /// Lets a server hear of every session that is left alone: those whose owner is dead, or that
    /// nobody owns, and that are abandoned by now (B20.13).
    pub fn report_orphans(&mut self, to: ServerId) {
        let alive = (0..self.servers.len()).filter(|&it| self.servers[it].life().is_some());
        let alive: Vec<usize> = alive.collect();
        for session in self.store.orphans(&alive, WALL.stamp(self.now)) {
            self.give(to, Input::External(External::Orphaned { session }));
        }
    }

    /// Breaks a client's connection, so that both ends notice, each in its time.
    pub fn cut<C, M>(&mut self, id: &ClientId<C, M>) {
        if let Some(connection) = self.clients[id.0].connection {
            self.note(format!("connection {connection} is cut"));
            self.break_off(connection);
        }
    }

    /// A client is gone without a word: it reads and writes nothing any more, and the server's
    /// network does not notice.
    pub fn vanish<C, M>(&mut self, id: &ClientId<C, M>) {
        self.note(format!("client {} vanishes", id.0));
        self.clients[id.0].dead = true;
        self.reading(id, Reading::Never);
    }

    /// How a client takes what arrives, from now on.
    pub fn reading<C, M>(&mut self, id: &ClientId<C, M>, reading: Reading) {
        self.clients[id.0].reading = reading;
        if let Some(connection) = self.clients[id.0].connection {
            if let Some(there) = self.connections.get_mut(&connection) {
                there.down.reading = reading;
            }
            self.schedule(self.now, Happening::ReadDown(connection));
        }
    }

    /// Does the next thing there is to do, moving the clock to it. `false`: nothing will happen any
    /// more, unless somebody does something.
    ///
    /// # Panics
    ///
    /// With the seed and the end of the log, if the clock stands still for [`LIVELOCK_BOUND`] steps.
    pub fn step(&mut self) -> bool {
        let Some(at) = self.next_at() else { return false };
        if at > self.now {
            self.now = at;
            self.steps_at_once = 0;
        }
        self.steps_at_once += 1;
        assert!(
            self.steps_at_once < LIVELOCK_BOUND,
            "livelock in world {} at {:?}:\n{}",
            self.seed,
            self.now,
            self.log
        );
        self.step_once();
        true
    }

    /// Goes on until nothing is under way: no byte, no request to the store. Timers that lie in the
    /// future stay there.
    pub fn run_until_idle(&mut self) {
        while self.is_busy() && self.step() {}
    }

    /// Goes on for so much time, timers included.
    pub fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.next_at().is_some_and(|at| at <= end) && self.step() {}
        self.now = end;
        self.steps_at_once = 0;
    }

    fn is_busy(&self) -> bool {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= self.now);
        !self.happenings.is_empty()
            || self.store.poll_timeout().is_some()
            || self.servers.iter().any(|server| due(server.poll_timeout()))
            || self.clients.iter().any(|slot| !slot.dead && due(slot.client.poll_timeout()))
    }

    fn next_at(&self) -> Option<Instant> {
        let happening = self.happenings.keys().next().map(|key| key.0);
        let servers = self.servers.iter().filter_map(Server::poll_timeout);
        let clients = self.clients.iter().filter(|slot| !slot.dead);
        let clients = clients.filter_map(|slot| slot.client.poll_timeout());
        let at = servers.chain(clients).chain(happening).chain(self.store.poll_timeout()).min()?;
        Some(at.max(self.now))
    }

    /// One thing that is due: what happens first, then the store, servers and clients in turn.
    fn step_once(&mut self) {
        let due = |at: Option<Instant>, now| at.is_some_and(|at| at <= now);
        if self.happenings.keys().next().is_some_and(|key| key.0 <= self.now) {
            if let Some((_, happening)) = self.happenings.pop_first() {
                self.happen(happening);
            }
            return;
        }
        if due(self.store.poll_timeout(), self.now) {
            for (at, answer) in self.store.handle_timeout(&mut self.chance, self.now) {
                self.schedule(at, Happening::Answer(answer));
            }
            for (to, what) in self.store.take_mail() {
                let at = self.now + self.chance.between(&HEARD_WITHIN);
                self.schedule(at, Happening::Hear(ServerId(to), what));
            }
            return;
        }
        for index in 0..self.servers.len() {
            if due(self.servers[index].poll_timeout(), self.now) {
                self.servers[index].handle_timeout(self.now);
                return self.pump_server(ServerId(index));
            }
        }
        for index in 0..self.clients.len() {
            let slot = &mut self.clients[index];
            if !slot.dead && due(slot.client.poll_timeout(), self.now) {
                slot.client.handle_timeout(self.now);
                return self.pump_client(index);
            }
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Connect(client) => self.connect(client),
            Happening::Accept(connection) => {
                let Some(there) = self.connections.get(&connection) else { return };
                let (server, life) = (there.server, there.life);
                if self.servers[server.0].is_life(life) {
                    let protocol = self.clients[there.client].client.protocol();
                    let settings = self.settings.clone();
                    self.servers[server.0].accept(connection, protocol, settings, self.now);
                    self.pump_server(server);
                }
            }
            Happening::ReadUp(connection) => self.read_up(connection),
            Happening::ReadDown(connection) => self.read_down(connection),
            // The client may have heard of it first.
            Happening::EndUp(server, connection) => {
                self.servers[server.0].closed(connection, self.now);
                self.connections.remove(&connection);
                self.pump_server(server);
            }
            Happening::EndDown(client, connection) => {
                if self.clients[client].connection == Some(connection) {
                    self.clients[client].connection = None;
                    self.connections.remove(&connection);
                    if !self.clients[client].dead {
                        self.clients[client].client.closed(self.now);
                        self.pump_client(client);
                    }
                }
            }
            // Whoever is dead has no copy to drop when it is back.
            Happening::Hear(server, what) => {
                if self.servers.get(server.0).is_some_and(|there| there.life().is_some()) {
                    self.give(server, Input::External(what));
                }
            }
            Happening::Answer(Answer { server, life, op, outcome }) => {
                if self.servers[server].is_life(life) {
                    self.give(ServerId(server), Input::Done { op, outcome });
                }
            }
        }
    }

    fn connect(&mut self, client: usize) {
        let slot = &mut self.clients[client];
        if slot.dead || slot.connection.is_some() {
            return;
        }
        let Some(life) = self.servers[slot.server.0].life() else {
            slot.client.closed(self.now);
            return self.pump_client(client);
        };
        let connection = self.next_connection;
        self.next_connection += 1;
        let mut down = Pipe::new(self.now);
        down.reading = slot.reading;
        slot.connection = Some(connection);
        let (server, up) = (slot.server, Pipe::new(self.now));
        self.connections.insert(connection, Connection { client, server, life, up, down });
        self.note(format!("client {client} makes connection {connection}"));
        if let Some(there) = self.connections.get_mut(&connection) {
            let at = there.up.arrival(&self.net, &mut self.chance, self.now);
            self.schedule(at, Happening::Accept(connection));
        }
        self.clients[client].client.opened(self.now);
        self.pump_client(client);
    }

    fn read_up(&mut self, connection: u64) {
        let Some(there) = self.connections.get_mut(&connection) else { return };
        let (server, client) = (there.server, there.client);
        let bytes = there.up.read(self.now);
        self.servers[server.0].receive(connection, &bytes, self.now);
        self.pump_server(server);
        // The window has room again.
        self.flush_client(client);
    }

    fn read_down(&mut self, connection: u64) {
        let Some(there) = self.connections.get_mut(&connection) else { return };
        let (server, client) = (there.server, there.client);
        let bytes = there.down.read(self.now);
        if let Some(at) = there.down.next_read() {
            self.schedule(at, Happening::ReadDown(connection));
        }
        if !bytes.is_empty() && !self.clients[client].dead {
            self.clients[client].client.receive(&bytes, self.now);
            self.pump_client(client);
        }
        // The window has room again.
        self.servers[server.0].touch(connection);
        self.pump_server(server);
    }

    /// Tells a server something.
    fn give(&mut self, id: ServerId, input: Input) {
        self.servers[id.0].handle(input, self.now);
        self.pump_server(id);
    }

    /// Carries out what a server wants done, and writes what its links have to say.
    fn pump_server(&mut self, id: ServerId) {
        loop {
            while let Some(action) = self.servers[id.0].poll_action() {
                self.log.push(self.now, Entry::Action(id.0, action.clone()));
                match action {
                    Action::Ask { op, request } => {
                        let life = self.servers[id.0].life().unwrap_or_default();
                        self.store.ask((id.0, life), (op, request), &mut self.chance, self.now);
                    }
                    action @ (Action::Send { .. } | Action::Close { .. } | Action::Report(_)) => {
                        self.servers[id.0].carry_out(action, self.now);
                    }
                }
            }
            let touched = self.servers[id.0].touched();
            if touched.is_empty() {
                return;
            }
            for connection in touched {
                self.flush_server(id, connection);
            }
        }
    }

    /// Writes as much of a server's output as the connection takes.
    fn flush_server(&mut self, id: ServerId, connection: u64) {
        let Some(there) = self.connections.get_mut(&connection) else { return };
        let mut reset = false;
        loop {
            let output = self.servers[id.0].output(connection);
            let written = there.down.write(output, &self.net, &mut self.chance, self.now);
            if written.count == 0 {
                break;
            }
            self.log.push(self.now, Entry::Wrote(connection, output[..written.count].to_vec()));
            self.servers[id.0].sent(connection, written.count);
            reset |= written.reset;
            for at in written.arrivals {
                self.next_happening += 1;
                self.happenings.insert((at, self.next_happening), Happening::ReadDown(connection));
            }
        }
        let client = there.client;
        self.servers[id.0].tell(connection, self.now);
        if self.servers[id.0].is_finished(connection) {
            let at = there.down.arrival(&self.net, &mut self.chance, self.now);
            self.servers[id.0].closed(connection, self.now);
            self.schedule(at, Happening::EndDown(client, connection));
        }
        if reset {
            self.break_off(connection);
        }
    }

    fn pump_client(&mut self, client: usize) {
        if let Some(Wish { server, after }) = self.clients[client].client.pump(self.now) {
            let slot = &mut self.clients[client];
            if let Some(&server) = server.and_then(|number| slot.servers.get(number)) {
                slot.server = server;
            }
            self.schedule(self.now + after, Happening::Connect(client));
        }
        self.flush_client(client);
    }

    fn flush_client(&mut self, client: usize) {
        let slot = &mut self.clients[client];
        let Some(connection) = slot.connection.filter(|_| !slot.dead) else { return };
        let Some(there) = self.connections.get_mut(&connection) else { return };
        let mut reset = false;
        loop {
            let output = slot.client.output();
            let written = there.up.write(output, &self.net, &mut self.chance, self.now);
            if written.count == 0 {
                break;
            }
            slot.client.sent(written.count);
            reset |= written.reset;
            for at in written.arrivals {
                self.next_happening += 1;
                self.happenings.insert((at, self.next_happening), Happening::ReadUp(connection));
            }
        }
        if reset || slot.client.is_finished() {
            self.break_off(connection);
        }
    }

    /// Ends a connection with all that is under way on it: both ends hear of it, each in its time.
    fn break_off(&mut self, connection: u64) {
        let Some(there) = self.connections.get_mut(&connection) else { return };
        there.up.clear();
        there.down.clear();
        // Nothing more is taken either, until both ends know.
        there.up.reading = Reading::Never;
        there.down.reading = Reading::Never;
        let (server, client) = (there.server, there.client);
        let up = self.now + self.chance.between(&self.net.latency);
        let down = self.now + self.chance.between(&self.net.latency);
        self.schedule(up, Happening::EndUp(server, connection));
        self.schedule(down, Happening::EndDown(client, connection));
    }

    fn connections_of(&self, id: ServerId) -> Vec<(u64, usize)> {
        let of = self.connections.iter().filter(|(_, there)| there.server == id);
        of.map(|(&connection, there)| (connection, there.client)).collect()
    }

    fn schedule(&mut self, at: Instant, happening: Happening) {
        self.next_happening += 1;
        self.happenings.insert((at.max(self.now), self.next_happening), happening);
    }

    fn note(&mut self, note: String) {
        self.log.push(self.now, Entry::Note(note));
    }
}

impl<S> fmt::Debug for World<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "world {} at {:?}", self.seed, self.now)
    }
}

impl<C, M> fmt::Debug for ClientId<C, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client {}", self.0)
    }
}
