//! Connections, and who is at the other end.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use hashbrown::HashMap;

use crate::door::Trust;
use crate::id::{LinkId, PortId};
use crate::session::Session;
use crate::session::newcomer::Registration;
use crate::session::push::Node;
use crate::session::roster::PartyNo;
use crate::slab::Key;
use crate::wheel::TimerId;

use super::Hasher;
use super::read::Reading;

/// Every open connection.
#[derive(Debug)]
pub(super) struct Links(HashMap<LinkId, Link, Hasher>);

/// An open connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) port: PortId,
    pub(super) trust: Trust,
    /// Runs while nobody is registered (B2.2).
    pub(super) register: Option<TimerId>,
    /// Who registered; on basic only.
    pub(super) registration: Option<Registration>,
    /// The sessions it is in; on basic only.
    pub(super) seats: Vec<(Key<Session>, PartyNo)>,
    /// Sessions it began that are not made yet.
    pub(super) creating: Vec<Key<Session>>,
    /// Leaves that are still to be told before an Unregister is answered; on basic only.
    pub(super) leaving: usize,
    /// It takes output more slowly than it gets it.
    pub(super) congested: bool,
    /// Transcripts that are being read, in order; on basic only (B5.7).
    pub(super) readings: VecDeque<Reading>,
    /// Runs until the next stretch of them.
    pub(super) reader: Option<TimerId>,
    /// References of requests without an answer; on flex only.
    pub(super) unanswered: BTreeSet<u32>,
    /// The node that it said it is, though that may have another connection by now; on flex only.
    pub(super) node: Option<Key<Node>>,
}

impl Link {
    pub(super) const fn new(port: PortId, trust: Trust) -> Self {
        Self {
            port,
            trust,
            register: None,
            registration: None,
            seats: Vec::new(),
            creating: Vec::new(),
            leaving: 0,
            congested: false,
            readings: VecDeque::new(),
            reader: None,
            unanswered: BTreeSet::new(),
            node: None,
        }
    }

    /// Whether somebody who is trusted speaks for customers here, and may err without cost to them
    /// (B9.1).
    pub(super) fn is_gateway(&self) -> bool {
        match self.trust {
            Trust::Gateway => true,
            Trust::Authenticated => self.port == PortId::Web || self.node.is_some(),
            Trust::Open => self.port == PortId::Web,
        }
    }

    /// The participation this connection has in a session.
    pub(super) fn seat(&self, session: Key<Session>) -> Option<PartyNo> {
        self.seats.iter().find(|seat| seat.0 == session).map(|seat| seat.1)
    }
}

impl Links {
    pub(super) fn new(hasher: Hasher) -> Self {
        Self(HashMap::with_hasher(hasher))
    }

    pub(super) fn insert(&mut self, id: LinkId, link: Link) {
        self.0.insert(id, link);
    }

    pub(super) fn remove(&mut self, id: LinkId) -> Option<Link> {
        self.0.remove(&id)
    }

    pub(super) fn link(&self, id: LinkId) -> Option<&Link> {
        self.0.get(&id)
    }

    pub(super) fn link_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.0.get_mut(&id)
    }
}
