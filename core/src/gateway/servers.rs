//! The chat servers behind a gateway: which of them can be asked, and who asks them.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::slab::Key;
use crate::text::Str;

use super::calls::Call;
use super::{Gateway, GatewaySettings};

/// A chat server, counted from 0 in the order they were configured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerNo(pub u8);

impl fmt::Debug for ServerNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server{}", self.0)
    }
}

/// A set of servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tried(u64);

impl Tried {
    pub(super) const fn add(&mut self, server: ServerNo) {
        self.0 |= 1 << server.0;
    }

    pub(super) const fn has(self, server: ServerNo) -> bool {
        self.0 & (1 << server.0) != 0
    }

    pub(super) const fn clear(&mut self) {
        self.0 = 0;
    }
}

/// The connection to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// It was not tried yet, or lost a moment ago, and is being made: it is worth waiting for.
    Trying,
    /// It is there.
    On,
    /// It could not be made when last tried.
    Down,
}

/// A server.
#[derive(Debug)]
pub(super) struct Server {
    line: Line,
    /// Its number, once it has told.
    app_dbid: Option<i32>,
    next_reference: u32,
    /// The answer to RequestNode.
    pub(super) node: Option<u32>,
    /// Who waits for which answer.
    in_flight: BTreeMap<u32, Key<Call>>,
    /// Who waits for the connection.
    waiting: BTreeSet<Key<Call>>,
    failures: u32,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Servers {
    list: Vec<Server>,
    /// By their numbers.
    by_number: BTreeMap<i32, ServerNo>,
    /// Who waits for any of them.
    pub(super) parked: BTreeSet<Key<Call>>,
    /// Where to begin looking for one that is as good as others.
    turn: usize,
}

impl Servers {
    pub(super) fn new(count: u8) -> Self {
        let new = |_| Server {
            line: Line::Trying,
            app_dbid: None,
            next_reference: 0,
            node: None,
            in_flight: BTreeMap::new(),
            waiting: BTreeSet::new(),
            failures: 0,
        };
        let list = (0..count.min(Gateway::MAX_SERVERS)).map(new).collect();
        Self { list, by_number: BTreeMap::new(), parked: BTreeSet::new(), turn: 0 }
    }

    pub(super) fn get_mut(&mut self, server: ServerNo) -> Option<&mut Server> {
        self.list.get_mut(usize::from(server.0))
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = ServerNo> + use<> {
        (0..Gateway::MAX_SERVERS).take(self.list.len()).map(ServerNo)
    }

    fn get(&self, server: ServerNo) -> Option<&Server> {
        self.list.get(usize::from(server.0))
    }

    pub(super) fn is_on(&self, server: ServerNo) -> bool {
        self.get(server).is_some_and(|there| there.line == Line::On)
    }

    /// Whether it is worth waiting for.
    pub(super) fn is_worth_waiting_for(&self, server: ServerNo) -> bool {
        self.get(server).is_some_and(|there| there.line != Line::Down)
    }

    /// How many of them can be asked.
    pub(super) fn up(&self) -> usize {
        self.list.iter().filter(|server| server.line == Line::On).count()
    }

    /// A server has told its number.
    pub(super) fn learn(&mut self, server: ServerNo, number: i32) {
        let Some(there) = self.get_mut(server) else { return };
        if there.app_dbid == Some(number) {
            return;
        }
        let old = there.app_dbid.replace(number);
        if let Some(old) = old.filter(|old| self.by_number.get(old) == Some(&server)) {
            self.by_number.remove(&old);
        }
        self.by_number.insert(number, server);
    }

    /// How customers are told about a server: by its number; before it has told that, by its place in
    /// the list, counted from 1.
    pub(super) fn alias(&self, server: ServerNo) -> Str {
        let number = self.get(server).and_then(|there| there.app_dbid);
        Str::new(&number.unwrap_or(i32::from(server.0) + 1).to_string())
    }

    /// The server of this alias.
    pub(super) fn named(&self, alias: &str) -> Option<ServerNo> {
        let number: i32 = alias.parse().ok()?;
        if let Some(server) = self.by_number.get(&number) {
            return Some(*server);
        }
        let server = ServerNo(u8::try_from(number.checked_sub(1)?).ok()?);
        self.get(server).filter(|there| there.app_dbid.is_none()).map(|_| server)
    }

    /// Where to ask next: where the customer was last if that can be hoped for; else the one of
    /// those up that has the least to do, in turns; else one that may come up.
    pub(super) fn choose(&mut self, wanted: Option<ServerNo>, tried: Tried) -> Option<ServerNo> {
        if let Some(wanted) = wanted.filter(|it| !tried.has(*it) && self.is_worth_waiting_for(*it))
        {
            return Some(wanted);
        }
        let count = self.list.len();
        let in_turn = (0..count).map(|step| (self.turn + step) % count);
        let untried = in_turn.filter_map(|index| {
            let server = ServerNo(u8::try_from(index).ok()?);
            Some(server).filter(|server| !tried.has(*server) && self.is_worth_waiting_for(*server))
        });
        let chosen = untried.min_by_key(|server| {
            let there = &self.list[usize::from(server.0)];
            (there.line != Line::On, there.in_flight.len() + there.waiting.len())
        })?;
        self.turn = usize::from(chosen.0) + 1;
        Some(chosen)
    }
}

impl Server {
    pub(super) fn is_on(&self) -> bool {
        self.line == Line::On
    }

    /// A reference for the next request, which `call` waits for; nobody, if it is none's.
    pub(super) fn reference(&mut self, call: Option<Key<Call>>) -> u32 {
        // One that has been unanswered for four billion requests is passed over.
        loop {
            self.next_reference = self.next_reference.checked_add(1).unwrap_or(1);
            if !self.in_flight.contains_key(&self.next_reference) {
                break;
            }
        }
        if let Some(call) = call {
            self.in_flight.insert(self.next_reference, call);
        }
        self.next_reference
    }

    /// Who waited for this answer.
    pub(super) fn answered(&mut self, reference: u32) -> Option<Key<Call>> {
        self.in_flight.remove(&reference)
    }

    pub(super) fn wait(&mut self, call: Key<Call>) {
        self.waiting.insert(call);
    }

    /// A call no longer waits here.
    pub(super) fn forget(&mut self, call: Key<Call>, reference: Option<u32>) {
        self.waiting.remove(&call);
        if let Some(reference) = reference {
            self.in_flight.remove(&reference);
        }
    }

    /// The connection is there; who waited for it.
    pub(super) fn opened(&mut self) -> BTreeSet<Key<Call>> {
        self.line = Line::On;
        core::mem::take(&mut self.waiting)
    }

    /// The connection is lost, or could not be made: who must look elsewhere, who lost a request, and
    /// after which pause to try again.
    pub(super) fn closed(
        &mut self,
        settings: &GatewaySettings,
    ) -> (BTreeSet<Key<Call>>, Vec<Key<Call>>, Duration) {
        let was_on = core::mem::replace(&mut self.line, Line::Down) == Line::On;
        self.node = None;
        if was_on {
            // Perhaps only the connection broke: nobody moves before that is known.
            self.line = Line::Trying;
            self.failures = 0;
            let lost = core::mem::take(&mut self.in_flight).into_values().collect();
            return (BTreeSet::new(), lost, Duration::ZERO);
        }
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1);
        let pause = settings.connect_min.saturating_mul(factor).min(settings.connect_max);
        (core::mem::take(&mut self.waiting), Vec::new(), pause)
    }
}
