//! The gateway nodes that pushes are sent to (B10.3).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::frame::ErrorId;
use crate::id::LinkId;
use crate::limits::Limits;
use crate::refusal::Refusal;
use crate::session::push::Node;
use crate::slab::{Key, Slab};
use crate::text::Str;

/// Every node there is.
///
/// Nobody is told when one is lost: whoever is bound to it finds that out at its next push, and takes
/// another. So the loss of a node with any number of users costs no more than the node itself.
#[derive(Debug)]
pub(super) struct Nodes {
    slab: Slab<Node>,
    /// By group, in the order they came. No group is empty.
    groups: BTreeMap<Str, Vec<Key<Node>>>,
    /// Of every group, in the order they came.
    all: Vec<Key<Node>>,
    /// Whose turn it is to get the next user.
    turn: usize,
}

impl Nodes {
    pub(super) const fn new() -> Self {
        Self {
            slab: Slab::new(Limits::MAX_NODES),
            groups: BTreeMap::new(),
            all: Vec::new(),
            turn: 0,
        }
    }

    /// Makes a connection a node's. A node that is there already has got a new connection, perhaps
    /// before the end of its old one was noticed, and keeps its users.
    pub(super) fn add(&mut self, node: Node) -> Result<Key<Node>, Refusal> {
        let group = self.groups.get(&node.group);
        let mut siblings = group.into_iter().flatten().copied();
        if let Some(key) =
            siblings.find(|key| self.node(*key).is_some_and(|it| it.name == node.name))
        {
            if let Some(there) = self.slab.get_mut(key) {
                there.link = node.link;
            }
            return Ok(key);
        }
        if group.is_none() && self.groups.len() >= Limits::MAX_NODE_GROUPS {
            return Err(ErrorId::LimitReached.into());
        }
        let group = node.group.clone();
        let key = self.slab.insert(node).map_err(|_| ErrorId::LimitReached)?;
        self.groups.entry(group).or_default().push(key);
        self.all.push(key);
        Ok(key)
    }

    /// The connection of a node is gone.
    pub(super) fn remove(&mut self, key: Key<Node>, link: LinkId) {
        // Unless it has another by now.
        if self.node(key).is_none_or(|node| node.link != link) {
            return;
        }
        let Some(node) = self.slab.remove(key) else { return };
        self.all.retain(|other| *other != key);
        if let Some(siblings) = self.groups.get_mut(&node.group) {
            siblings.retain(|other| *other != key);
            if siblings.is_empty() {
                self.groups.remove(&node.group);
            }
        }
    }

    pub(super) fn node(&self, key: Key<Node>) -> Option<&Node> {
        self.slab.get(key)
    }

    /// The groups, as far as it matters: none, one, or several.
    pub(super) fn group(&self) -> Result<Option<&Str>, Several> {
        let mut groups = self.groups.keys();
        let only = groups.next();
        if groups.next().is_some() { Err(Several) } else { Ok(only) }
    }

    /// The node for a user: the one it is bound to, while that is there; else the next of the group,
    /// else the next of all.
    pub(super) fn choose(
        &mut self,
        bound: Option<Key<Node>>,
        group: Option<&Str>,
    ) -> Option<Key<Node>> {
        if let Some(bound) = bound.filter(|bound| self.node(*bound).is_some()) {
            return Some(bound);
        }
        let siblings = group.and_then(|group| self.groups.get(group)).unwrap_or(&self.all);
        let turn = self.turn.checked_rem(siblings.len())?;
        self.turn = self.turn.wrapping_add(1);
        siblings.get(turn).copied()
    }
}

/// There is more than one group of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Several;

#[cfg(test)]
mod tests;
