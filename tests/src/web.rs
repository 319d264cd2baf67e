//! The web as customers use it: gateways in front of chat servers, real machines and real bytes of
//! flex and HTTP bodies between them, and connections and servers that fail.
//!
//! Bytes travel in pieces of any size, in any order among the connections, as one seed decides. What
//! is under way on a connection that is cut is gone. Time passes only when nothing is under way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use confer_chat_api::{AnswerBody, Api, Head, Kind, Opened, Piece};
use confer_core::config::Config;
use confer_core::door::{Input as ServerInput, Trust};
use confer_core::frame::{Frame, Protocol, basic};
use confer_core::gateway::{
    Action, ApiAnswer, ApiRequest, CallId, FindOutcome, Gateway, GatewaySettings, Input, Report,
    ServerNo, StoreOutcome,
};
use confer_core::id::{DocumentId, LinkId};
use confer_core::machine::{Machine as _, Progress};
use confer_core::server::Server;
use confer_core::text::Str;
use confer_core::time::Instant;
use confer_link::{Host, Link, Outward, Received, Settings};
use serde_json::Value as Json;

use crate::people::WALL;
use crate::world::{Chance, Store, StoreFaults, StoredDocument};

/// Connections one server may have.
const LINKS: usize = 256;
/// Timers a machine may fire in a row.
const BUDGET: usize = 64;
/// Steps after which a web is taken to run in a circle.
const LIVELOCK: u32 = 1_000_000;

/// Gateways and servers.
pub struct Web {
    now: Instant,
    chance: Chance,
    config: Arc<Config>,
    /// What the servers share.
    pub store: Store,
    /// The bytes of documents, and what they are said to be.
    pub documents: BTreeMap<DocumentId, (Vec<u8>, Str)>,
    servers: Vec<Option<Host<Server>>>,
    gateways: Vec<Node>,
    agents: Vec<Agent>,
    next_document: u64,
    steps: u32,
}

/// A gateway's process.
struct Node {
    gateway: Gateway,
    /// Its connection to each server.
    wires: Vec<Option<Wire>>,
    /// When to make one.
    connects: BTreeSet<(Instant, u8)>,
    next_call: u64,
    /// The bytes calls brought.
    files: BTreeMap<CallId, Vec<u8>>,
    answers: BTreeMap<CallId, Vec<ApiAnswer>>,
    reports: Vec<Report>,
}

/// A connection: the gateway's end, and what the server calls the other.
struct Wire {
    link: Link<confer_flex::Client>,
    id: LinkId,
}

/// Somebody on the basic protocol.
struct Agent {
    server: usize,
    link: Link<confer_basic::Client>,
    id: LinkId,
    reference: u32,
    heard: Vec<Frame<basic::Event>>,
}

/// An answer over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The body, if it is JSON.
    pub json: Json,
    /// The body, if it is a file.
    pub file: Option<Vec<u8>>,
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
}

impl Web {
    /// So many gateways in front of so many servers, all of them with these options.
    ///
    /// # Panics
    ///
    /// If an option is not legal.
    pub fn new(seed: u64, gateways: u8, servers: u8, options: &[(&str, &str, &str)]) -> Self {
        let mut config = Config::default();
        for (section, option, value) in options {
            config.set(section, option, value).expect("a legal option");
        }
        let mut web = Self {
            now: Instant::ZERO,
            chance: Chance::new(seed),
            config: Arc::new(config),
            store: Store::new(StoreFaults::none()),
            documents: BTreeMap::new(),
            servers: (0..servers).map(|_| None).collect(),
            gateways: Vec::new(),
            agents: Vec::new(),
            next_document: 0,
            steps: 0,
        };
        for server in 0..usize::from(servers) {
            web.starts(server);
        }
        for number in 0..gateways {
            let settings = GatewaySettings::new("web", &format!("web-{number}"), servers);
            let seed = web.chance.seed();
            let gateway = Gateway::new(settings, Arc::clone(&web.config), seed, web.now);
            web.gateways.push(Node {
                gateway,
                wires: (0..servers).map(|_| None).collect(),
                connects: BTreeSet::new(),
                next_call: 0,
                files: BTreeMap::new(),
                answers: BTreeMap::new(),
                reports: Vec::new(),
            });
            web.pump(usize::from(number));
        }
        web.settles();
        web
    }

    /// The seed's chance, for a test that decides at random.
    pub fn chance(&mut self) -> &mut Chance {
        &mut self.chance
    }

    /// Starts a server, with nothing but the store.
    ///
    /// # Panics
    ///
    /// If there is no such server.
    pub fn starts(&mut self, server: usize) {
        let seed = self.chance.seed();
        let machine = Server::new(Arc::clone(&self.config), seed, WALL, self.now);
        self.servers[server] = Some(Host::new(machine, LINKS, self.now));
        self.servers_do(server, |host, now| host.handle(ServerInput::Wall(WALL), now));
    }

    /// Kills a server.
    pub fn kills(&mut self, server: usize) {
        self.servers[server] = None;
        for gateway in 0..self.gateways.len() {
            self.cuts(gateway, server);
        }
    }

    /// Cuts the connection of a gateway to a server.
    pub fn cuts(&mut self, gateway: usize, server: usize) {
        let Some(wire) = self.gateways[gateway].wires[server].take() else { return };
        self.servers_do(server, |host, now| host.closed(wire.id, now));
        self.tells(gateway, Input::Closed { server: number(server) });
    }

    /// A client makes a call at a gateway.
    pub fn calls(&mut self, gateway: usize, request: ApiRequest, file: Vec<u8>) -> CallId {
        let node = &mut self.gateways[gateway];
        node.next_call += 1;
        let call = CallId(node.next_call);
        node.files.insert(call, file);
        self.tells(gateway, Input::Request { call, request });
        call
    }

    /// A client goes before it was answered.
    pub fn cancels(&mut self, gateway: usize, call: CallId) {
        self.tells(gateway, Input::Cancelled { call });
    }

    /// All answers a call had.
    pub fn answers(&self, gateway: usize, call: CallId) -> &[ApiAnswer] {
        self.gateways[gateway].answers.get(&call).map_or(&[], Vec::as_slice)
    }

    /// What a gateway reported.
    pub fn reports(&self, gateway: usize) -> &[Report] {
        &self.gateways[gateway].reports
    }

    /// Makes a call and waits for its answer.
    ///
    /// # Panics
    ///
    /// If it has none within a minute.
    #[track_caller]
    pub fn asks(&mut self, gateway: usize, request: ApiRequest) -> ApiAnswer {
        self.asks_with(gateway, request, Vec::new())
    }

    #[track_caller]
    fn asks_with(&mut self, gateway: usize, request: ApiRequest, file: Vec<u8>) -> ApiAnswer {
        let call = self.calls(gateway, request, file);
        let until = self.now + Duration::from_secs(60);
        while self.answers(gateway, call).is_empty() {
            assert!(self.step(until), "no answer within a minute: {self:?}");
        }
        self.answers(gateway, call)[0].clone()
    }

    /// Makes a call over HTTP and waits for its answer. The body comes in pieces.
    ///
    /// # Panics
    ///
    /// If it has none within a minute.
    #[track_caller]
    pub fn posts(&mut self, gateway: usize, target: &str, kind: &str, body: &[u8]) -> Answered {
        let api = Api::new(&self.config.web);
        let head = Head {
            method: "POST",
            target,
            content_type: Some(kind),
            content_length: Some(body.len() as u64),
            api_key: None,
        };
        let (mut request, mut file) = (None, Vec::new());
        let answer = 'answer: {
            let mut reading = match api.open(&head) {
                Opened::Answer(answer) => break 'answer answer,
                Opened::Body(reading) => reading,
            };
            let mut rest = body;
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(1 + self.chance.index(rest.len()));
                rest = behind;
                reading.feed(piece);
                loop {
                    match reading.next() {
                        Ok(Some(Piece::File { request: told })) => request = told.map(|it| *it),
                        Ok(Some(Piece::Data(data))) => file.extend_from_slice(data),
                        Ok(Some(Piece::FileEnd)) => {}
                        Ok(None) => break,
                        Err(problem) => break 'answer api.problem(problem),
                    }
                }
            }
            match reading.end() {
                Ok(Some(told)) => request = Some(told),
                Ok(None) => {}
                Err(problem) => break 'answer api.problem(problem),
            }
            let request = request.expect("a body that ends well is a request");
            let kind = Kind::of(&request);
            let answer = self.asks_with(gateway, request, file);
            api.answer(&answer, kind)
        };
        let (json, file) = match answer.body {
            AnswerBody::Bytes(bytes) => (serde_json::from_slice(&bytes).expect("JSON"), None),
            AnswerBody::Document { document, size } => {
                let (bytes, _) = self.documents[&document].clone();
                assert_eq!(bytes.len() as u64, size);
                (Json::Null, Some(bytes))
            }
        };
        Answered { status: answer.status, json, file, headers: answer.headers }
    }

    /// Somebody connects to a server on the basic protocol; their number.
    ///
    /// # Panics
    ///
    /// If the server does not run.
    pub fn connects(&mut self, server: usize) -> usize {
        let now = self.now;
        let host = self.servers[server].as_mut().expect("the server runs");
        let id = host.accept(Protocol::Basic, Settings::server(), Trust::Open, now);
        let link = Link::new(Settings::client(), now);
        let id = id.expect("there is room");
        self.agents.push(Agent { server, link, id, reference: 0, heard: Vec::new() });
        self.agents.len() - 1
    }

    /// Somebody asks something on the basic protocol; what they have heard by the time nothing is
    /// under way any more.
    ///
    /// # Panics
    ///
    /// If it cannot be written.
    pub fn agent_asks(&mut self, agent: usize, request: basic::Request) -> Vec<basic::Event> {
        let now = self.now;
        let there = &mut self.agents[agent];
        there.reference += 1;
        let frame = Frame::new(there.reference, request);
        there.link.send(frame, now).expect("the link is open");
        self.settles();
        let heard = std::mem::take(&mut self.agents[agent].heard);
        heard.into_iter().map(|frame| frame.body).collect()
    }

    /// Lets everything that is under way arrive.
    pub fn settles(&mut self) {
        let now = self.now;
        while self.step(now) {}
    }

    /// So much time passes.
    pub fn passes(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        self.now = until;
    }

    /// Does one thing, moving the clock to it if nothing else is to be done, but not beyond `until`.
    /// `false`: there is nothing.
    ///
    /// # Panics
    ///
    /// If the clock stands still for too long.
    pub fn step(&mut self, until: Instant) -> bool {
        self.steps += 1;
        assert!(self.steps < LIVELOCK, "the web runs in a circle: {self:?}");
        let ways = self.ways();
        if !ways.is_empty() {
            let way = ways[self.chance.index(ways.len())];
            self.moves(way);
            return true;
        }
        let due = self.next_at();
        let Some(at) = due.filter(|at| *at <= until) else { return false };
        if at > self.now {
            self.now = at;
            self.steps = 0;
        }
        self.wakes();
        true
    }

    fn next_at(&self) -> Option<Instant> {
        let servers = self.servers.iter().flatten().filter_map(Host::poll_timeout);
        let gateways = self.gateways.iter().flat_map(|node| {
            let links = node.wires.iter().flatten().filter_map(|wire| wire.link.poll_timeout());
            let connects = node.connects.first().map(|key| key.0);
            let gateway = node.gateway.poll_timeout();
            links.chain(connects).chain(gateway).collect::<Vec<_>>()
        });
        servers.chain(gateways).min()
    }

    /// Whatever is due.
    fn wakes(&mut self) {
        for server in 0..self.servers.len() {
            let due = self.servers[server].as_ref().and_then(Host::poll_timeout);
            if due.is_some_and(|at| at <= self.now) {
                self.servers_do(server, |host, now| {
                    while host.handle_timeout(now, BUDGET) == Progress::More {}
                });
            }
        }
        for gateway in 0..self.gateways.len() {
            let now = self.now;
            let node = &mut self.gateways[gateway];
            while node.gateway.handle_timeout(now, BUDGET) == Progress::More {}
            for wire in node.wires.iter_mut().flatten() {
                wire.link.handle_timeout(now);
            }
            while let Some(&(at, server)) = self.gateways[gateway].connects.first() {
                if at > now {
                    break;
                }
                self.gateways[gateway].connects.remove(&(at, server));
                self.connects_gateway(gateway, server.into());
            }
            self.pump(gateway);
        }
    }

    fn connects_gateway(&mut self, gateway: usize, server: usize) {
        let now = self.now;
        let host = self.servers[server].as_mut();
        let id = host.and_then(|host| {
            host.accept(Protocol::Flex, Settings::server(), Trust::Authenticated, now).ok()
        });
        let input = match id {
            Some(id) => {
                let link = Link::new(Settings::client(), now);
                self.gateways[gateway].wires[server] = Some(Wire { link, id });
                Input::Opened { server: number(server) }
            }
            None => Input::Closed { server: number(server) },
        };
        self.tells(gateway, input);
    }

    /// Where bytes wait to be moved.
    fn ways(&self) -> Vec<Way> {
        let mut ways = Vec::new();
        for (gateway, node) in self.gateways.iter().enumerate() {
            for (server, wire) in node.wires.iter().enumerate() {
                let Some(wire) = wire else { continue };
                if !wire.link.output().is_empty() {
                    ways.push(Way::Up { gateway, server });
                }
                let host = self.servers[server].as_ref();
                if host.is_some_and(|host| !host.output(wire.id).is_empty()) {
                    ways.push(Way::Down { gateway, server });
                }
            }
        }
        for (agent, there) in self.agents.iter().enumerate() {
            let host = self.servers[there.server].as_ref();
            let told = host.is_some_and(|host| !host.output(there.id).is_empty());
            if told || (host.is_some() && !there.link.output().is_empty()) {
                ways.push(Way::Agent { agent });
            }
        }
        ways
    }

    fn moves(&mut self, way: Way) {
        let now = self.now;
        match way {
            Way::Up { gateway, server } => {
                let Some(wire) = &mut self.gateways[gateway].wires[server] else { return };
                let output = wire.link.output();
                let bytes = output[..1 + self.chance.index(output.len())].to_vec();
                wire.link.sent(bytes.len());
                let id = wire.id;
                self.servers_do(server, |host, now| host.receive(id, &bytes, now));
            }
            Way::Down { gateway, server } => {
                let (Some(wire), Some(host)) =
                    (&mut self.gateways[gateway].wires[server], &mut self.servers[server])
                else {
                    return;
                };
                let output = host.output(wire.id);
                let bytes = output[..1 + self.chance.index(output.len())].to_vec();
                host.sent(wire.id, bytes.len(), now);
                let mut input = &bytes[..];
                let mut told = Vec::new();
                while let Some(received) = wire.link.receive(&mut input, now) {
                    let server = number(server);
                    told.push(match received {
                        Received::Frame(frame) => Input::Frame { server, frame },
                        Received::Malformed(malformed) => Input::Malformed { server, malformed },
                    });
                }
                for input in told {
                    self.tells(gateway, input);
                }
                self.servers_do(server, |_, _| {});
            }
            Way::Agent { agent } => {
                let there = &mut self.agents[agent];
                let Some(host) = &mut self.servers[there.server] else { return };
                let bytes = host.output(there.id).to_vec();
                host.sent(there.id, bytes.len(), now);
                let mut input = &bytes[..];
                while let Some(received) = there.link.receive(&mut input, now) {
                    if let Received::Frame(frame) = received {
                        there.heard.push(frame);
                    }
                }
                let bytes = there.link.output().to_vec();
                there.link.sent(bytes.len());
                let (server, id) = (there.server, there.id);
                self.servers_do(server, |host, now| host.receive(id, &bytes, now));
            }
        }
    }

    /// Lets something happen to a server, and carries out what it wants of stores.
    fn servers_do(&mut self, server: usize, happens: impl FnOnce(&mut Host<Server>, Instant)) {
        let Some(host) = &mut self.servers[server] else { return };
        happens(host, self.now);
        while let Some(outward) = host.poll_outward() {
            if let Outward::Ask { op, request } = outward {
                let outcome = self.store.perform(server, request);
                host.handle(ServerInput::Done { op, outcome }, self.now);
            }
        }
        while host.poll_link().is_some() {}
    }

    fn tells(&mut self, gateway: usize, input: Input) {
        let now = self.now;
        self.gateways[gateway].gateway.handle(input, now);
        self.pump(gateway);
    }

    /// Carries out what a gateway wants.
    fn pump(&mut self, gateway: usize) {
        while let Some(action) = self.gateways[gateway].gateway.poll_action() {
            let now = self.now;
            let node = &mut self.gateways[gateway];
            match action {
                Action::Connect { server, after } => {
                    node.connects.insert((now + after, server.0));
                }
                Action::Send { server, frame } => {
                    if let Some(wire) = &mut node.wires[usize::from(server.0)] {
                        wire.link.send(frame, now).expect("what is asked can be written");
                    }
                }
                Action::Answer { call, answer } => {
                    node.answers.entry(call).or_default().push(answer);
                }
                Action::Store { call, document } => {
                    let bytes = node.files.remove(&call).unwrap_or_default();
                    let outcome = if bytes.len() as u64 > document.at_most {
                        StoreOutcome::TooLarge
                    } else {
                        self.next_document += 1;
                        let id = DocumentId::new(&format!("document-{}", self.next_document));
                        let size = bytes.len() as u64;
                        let (session, permit) = (document.session, Some(document.permit));
                        let stored = StoredDocument { size, session, permit };
                        self.store.documents.insert(id.clone(), stored);
                        self.documents.insert(id.clone(), (bytes, document.content_type));
                        StoreOutcome::Stored { document: id, size }
                    };
                    self.tells(gateway, Input::Stored { call, outcome });
                }
                Action::Find { call, document } => {
                    let outcome = match self.documents.get(&document) {
                        Some((bytes, content_type)) => FindOutcome::Found {
                            size: bytes.len() as u64,
                            content_type: content_type.clone(),
                        },
                        None => FindOutcome::NotFound,
                    };
                    self.tells(gateway, Input::Found { call, outcome });
                }
                Action::Discard { document } => {
                    self.documents.remove(&document);
                    self.store.documents.remove(&document);
                }
                Action::Report(report) => node.reports.push(report),
            }
        }
    }
}

/// Where bytes wait.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// From a gateway to a server.
    Up { gateway: usize, server: usize },
    /// From a server to a gateway.
    Down { gateway: usize, server: usize },
    /// Between somebody and their server.
    Agent { agent: usize },
}

fn number(server: usize) -> ServerNo {
    ServerNo(u8::try_from(server).unwrap_or(u8::MAX))
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} gateways, {} servers", self.gateways.len(), self.servers.len())?;
        for node in &self.gateways {
            write!(f, "; {:?}", node.gateway)?;
        }
        Ok(())
    }
}
