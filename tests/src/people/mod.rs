//! The chat as people live it: a contact center with a real server in it, and everybody who talks
//! to it over the simulated network.
//!
//! A scenario reads like the chat it is about:
//!
//! ```
//! use confer_tests::people::Center;
//!
//! let center = Center::open();
//! let casey = center.customer("Casey");
//! let ana = center.agent("Ana");
//! casey.creates();
//! ana.joins(&casey);
//! casey.says("hello?");
//! ana.sees(["Casey comes", "Ana comes", "Casey: hello?"]);
//! ```

pub mod desk;
mod mirror;
pub mod node;
pub mod visitor;
pub mod workflow;

use std::cell::{Ref, RefCell, RefMut};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use confer_core::ask::Request as AskRequest;
use confer_core::config::Config;
use confer_core::door::{Action, Identity, Input, Report};
use confer_core::frame::{KvList, KvValue, UserType};
use confer_core::id::SessionId;
use confer_core::machine::{Machine, Progress};
use confer_core::mask::{Masked, Masker, NoMask};
use confer_core::pii::Secret;
use confer_core::server::Server;
use confer_core::text::{Str, Text};
use confer_core::time::{Instant, Wall};

use crate::world::{Entry, Net, ServerId, StoreFaults, StoredDocument, World, server_name};
use desk::{Desk, register};

/// What the calendar shows when a world begins: 2024-01-15T10:00:00Z.
pub const WALL: Wall = Wall::new(Instant::ZERO, 1_705_312_800_000);

/// A contact center: a world with one server in it.
#[derive(Clone)]
pub struct Center {
    world: Rc<RefCell<World<Told>>>,
    server: ServerId,
    orders: Orders,
    config: Arc<Config>,
    masker: Arc<dyn Masker>,
}

type Orders = Rc<RefCell<VecDeque<Input>>>;

impl Center {
    /// One with the default configuration, on a calm day.
    pub fn open() -> Self {
        Self::with(&[])
    }

    /// One with these options, each `(section, option, value)`, on a calm day.
    pub fn with(options: &[(&str, &str, &str)]) -> Self {
        Self::seeded(1, options)
    }

    /// One with these options in the world of this seed.
    ///
    /// # Panics
    ///
    /// If an option is not legal.
    pub fn seeded(seed: u64, options: &[(&str, &str, &str)]) -> Self {
        Self::made(seed, options, Arc::new(NoMask))
    }

    /// One with the default configuration, in which every digit is masked.
    pub fn masking() -> Self {
        Self::made(1, &[], Arc::new(DigitMask))
    }

    fn made(seed: u64, options: &[(&str, &str, &str)], masker: Arc<dyn Masker>) -> Self {
        let config = configured(options);
        let mut world = World::new(seed);
        world.log.keep_all();
        Self::housed(Rc::new(RefCell::new(world)), config, masker)
    }

    fn housed(
        world: Rc<RefCell<World<Told>>>,
        config: Arc<Config>,
        masker: Arc<dyn Masker>,
    ) -> Self {
        let orders = Orders::default();
        let told = Rc::clone(&orders);
        let number = world.borrow().servers();
        let (options, mask) = (Arc::clone(&config), Arc::clone(&masker));
        let make = move |seed, now| {
            let server = Server::new(Arc::clone(&options), seed, WALL, now);
            let server = server.with_masker(Arc::clone(&mask)).with_identity(identity(number));
            Told { server, orders: Rc::clone(&told) }
        };
        let server = world.borrow_mut().server(make);
        Self { world, server, orders, config, masker }
    }

    /// Another server like this one, on the same store. Whoever is let in there connects to it.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self::housed(Rc::clone(&self.world), Arc::clone(&self.config), Arc::clone(&self.masker))
    }

    /// Its server's process is killed.
    pub fn is_killed(&self) {
        self.world_mut().kill(self.server);
        self.settle();
    }

    /// Its server's process starts again.
    pub fn starts_again(&self) {
        self.world_mut().restart(self.server);
    }

    /// From now on, everything is slow, uneven and now and then lost, but no connection breaks.
    pub fn turns_rough(&self) {
        let mut world = self.world_mut();
        world.net = Net { reset_per_mille: 0, ..Net::rough() };
        world.store.faults = StoreFaults::rough();
    }

    /// An agent, registered.
    pub fn agent(&self, nickname: &str) -> Desk {
        Desk::registered(self, register(nickname, UserType::Agent))
    }

    /// A supervisor, registered.
    pub fn supervisor(&self, nickname: &str) -> Desk {
        Desk::registered(self, register(nickname, UserType::Supervisor))
    }

    /// A customer of a messaging channel, registered.
    pub fn customer(&self, nickname: &str) -> Desk {
        Desk::registered(self, register(nickname, UserType::Client))
    }

    /// Whoever this Register says, registered.
    pub fn someone(&self, register: confer_core::frame::basic::RequestRegister) -> Desk {
        Desk::registered(self, register)
    }

    /// The world, to look at.
    pub fn world(&self) -> Ref<'_, World<Told>> {
        self.world.borrow()
    }

    /// The world, to do something to it.
    pub fn world_mut(&self) -> RefMut<'_, World<Told>> {
        self.world.borrow_mut()
    }

    /// The server's number in the world.
    pub fn server(&self) -> ServerId {
        self.server
    }

    /// Tells the server something that comes over no connection.
    pub fn tell(&self, input: Input) {
        self.orders.borrow_mut().push_back(input);
        self.settle();
    }

    /// A new configuration is in force, the default one with these options.
    ///
    /// # Panics
    ///
    /// If an option is not legal.
    pub fn reconfigure(&self, options: &[(&str, &str, &str)]) {
        self.tell(Input::Config(configured(options)));
    }

    /// Lets everything that is under way arrive. No time passes beyond that.
    pub fn settle(&self) {
        self.world_mut().run_until_idle();
    }

    /// So much time passes.
    pub fn passes(&self, duration: Duration) {
        self.world_mut().run_for(duration);
    }

    /// The store takes requests and does nothing with them, until [`Center::store_resumes`].
    pub fn store_stalls(&self) {
        self.world_mut().store.stall();
    }

    /// The store does what it was asked.
    pub fn store_resumes(&self) {
        self.world_mut().store.resume();
        self.settle();
    }

    /// From now on the store refuses everything with "not now", or works again.
    pub fn store_fails(&self, fails: bool) {
        self.world_mut().store.faults.fail_per_mille = if fails { 1000 } else { 0 };
    }

    /// Somebody stores a document of this size for a session, under a permit.
    pub fn stores(&self, document: &str, session: &SessionId, permit: Option<&str>, size: u64) {
        let (session, permit) = (session.clone(), permit.map(Secret::new));
        let stored = StoredDocument { size, session, permit };
        self.world_mut().store.documents.insert(document.into(), stored);
    }

    /// All that the server asked of stores and of the interaction server, in order.
    pub fn asked(&self) -> Vec<AskRequest> {
        let world = self.world();
        let of = |(_, entry): &(Instant, Entry)| match entry {
            Entry::Action(_, Action::Ask { request, .. }) => Some(request.clone()),
            Entry::Action(..) | Entry::Wrote(..) | Entry::Note(_) => None,
        };
        world.log.entries().filter_map(of).collect()
    }

    /// All that the server reported, in order.
    pub fn reports(&self) -> Vec<Report> {
        let world = self.world();
        let of = |(_, entry): &(Instant, Entry)| match entry {
            Entry::Action(_, Action::Report(report)) => Some(report.clone()),
            Entry::Action(..) | Entry::Wrote(..) | Entry::Note(_) => None,
        };
        world.log.entries().filter_map(of).collect()
    }

    /// Goes on until the server asks for something of this kind.
    ///
    /// # Panics
    ///
    /// If it never does.
    #[track_caller]
    pub fn until_asked(&self, kind: impl Fn(&AskRequest) -> bool) {
        let count = || self.asked().iter().filter(|request| kind(request)).count();
        let before = count();
        while count() == before {
            assert!(self.world_mut().step(), "it never asks");
        }
    }

    /// Sessions the server holds.
    ///
    /// # Panics
    ///
    /// If the server's process is dead.
    pub fn sessions(&self) -> usize {
        self.world().machine(self.server).expect("the server runs").server.sessions()
    }
}

impl fmt::Debug for Center {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "center of {:?} in {:?}", self.server, self.world.borrow())
    }
}

/// Replaces every digit by `*`, and says where the first one stood.
#[derive(Clone, Copy, Debug)]
pub struct DigitMask;

impl Masker for DigitMask {
    fn mask(&self, text: &str) -> Option<Masked> {
        let first = text.chars().position(|c| c.is_ascii_digit())?;
        let masked: String =
            text.chars().map(|c| if c.is_ascii_digit() { '*' } else { c }).collect();
        let first = i32::try_from(first).unwrap_or(i32::MAX);
        let rule = KvList::from([("first", KvValue::from(first))]);
        let cleanup = KvList::from([("rule-0001", KvValue::from(rule))]);
        Some(Masked { text: Text::new(&masked), cleanup })
    }
}

/// Who the server of this number is.
pub fn identity(number: usize) -> Identity {
    let host = Str::new(&format!("10.0.0.{number}"));
    Identity { name: server_name(number), host, port: 4801 }
}

/// The default configuration with these options.
fn configured(options: &[(&str, &str, &str)]) -> Arc<Config> {
    let mut config = Config::default();
    for (section, option, value) in options {
        let withdrawn = config.set(section, option, value).expect("a legal option");
        assert_eq!(withdrawn, None, "a withdrawn option");
    }
    config.validate().expect("options that fit together");
    Arc::new(config)
}

/// A server that also hears what a test tells it directly.
#[derive(Debug)]
pub struct Told {
    server: Server,
    orders: Orders,
}

impl Told {
    fn obey(&mut self, now: Instant) {
        while let Some(order) = self.orders.borrow_mut().pop_front() {
            self.server.handle(order, now);
        }
    }
}

impl Machine for Told {
    type Input = Input;
    type Action = Action;

    fn handle(&mut self, input: Input, now: Instant) {
        self.obey(now);
        self.server.handle(input, now);
    }

    fn handle_timeout(&mut self, now: Instant, budget: usize) -> Progress {
        self.obey(now);
        self.server.handle_timeout(now, budget)
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.server.poll_action()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        if self.orders.borrow().is_empty() {
            self.server.poll_timeout()
        } else {
            Some(Instant::ZERO)
        }
    }
}
