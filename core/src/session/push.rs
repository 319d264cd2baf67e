//! Push: what a flex user subscribed to, what it was told and has not fetched (§10 of the behaviour).

use alloc::vec::Vec;

use crate::frame::flex::NotifyPosition;
use crate::frame::{KvEntry, KvList, KvValue};
use crate::id::{EventId, LinkId};
use crate::limits::Limits;
use crate::session::roster::PartyNo;
use crate::slab::Key;
use crate::text::Str;
use crate::wheel::TimerId;

/// User data that subscribes (B10.1).
const SUBSCRIBE: &str = "GCTI_Chat_PushSubscribe";
/// User data that names the group of the nodes.
const NODE_GROUP: &str = "GCTI_GMS_NodeGroup";
/// User data that wants own activity, too (B10.2).
const NOTIFY_REQUESTOR: &str = "GCTI_GMS_NotifyRequestor";
/// User data that wants to be told until it has fetched (B10.4).
const RESEND: &str = "GCTI_GMS_PushResend";
/// User data that goes with every push (B10.5).
const CARRIED: [&str; 6] = [
    "GCTI_GMS_PushDeviceId",
    "GCTI_GMS_PushDeviceType",
    "GCTI_GMS_PushIncludePayload",
    "GCTI_GMS_PushProvider",
    "GCTI_GMS_PushDebug",
    "GCTI_GMS_ClientChannel",
];

/// A gateway node: what pushes are sent to.
#[derive(Debug)]
pub(crate) struct Node {
    /// Those that stand in for it.
    pub(crate) group: Str,
    /// Its name among them.
    pub(crate) name: Str,
    /// The connection it has now.
    pub(crate) link: LinkId,
}

/// What a user wants pushed, and how. This much of a subscription is worth saving (B20.9); the rest
/// of a [`Subscriber`] is about this process.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    /// The group whose nodes are sought first; without one, any node will do.
    pub(crate) group: Option<Str>,
    /// What its own requests cause is pushed, too.
    pub(crate) own_activity: bool,
    /// It is told that there is something to fetch, again and again, rather than what it is.
    pub(crate) resends: bool,
    /// What goes with every push.
    pub(crate) carried: KvList,
}

/// A participation whose user is subscribed.
#[derive(Debug)]
pub(crate) struct Subscriber {
    pub(crate) party: PartyNo,
    pub(crate) subscription: Subscription,
    /// The node it is bound to, which may be gone.
    pub(crate) node: Option<Key<Node>>,
    /// Where it was asked whether the user is still there: over which connection, or that there was
    /// none (B10.2).
    pub(crate) asked: Option<Option<LinkId>>,
    /// The first event that was told to everybody and not fetched; of one that resends only.
    pub(crate) unfetched: Option<EventId>,
    /// It was told that it was removed.
    pub(crate) removed: bool,
    /// A push that waits for a refresh.
    pub(crate) reminder: Option<Reminder>,
    /// Nothing is pushed to it before it is heard of: others restored its session (B20.10).
    pub(crate) suspended: bool,
}

/// A push that is sent again (B10.4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reminder {
    /// How often it was tried before.
    pub(crate) attempt: u32,
    /// Runs until the next attempt.
    pub(crate) timer: TimerId,
}

/// The subscribers of a session, in the order they subscribed.
#[derive(Debug, Default)]
pub(crate) struct Subscribers(Vec<Subscriber>);

impl Subscription {
    /// Whether this user data subscribes (B10.1).
    pub(crate) fn is_wanted(user_data: &KvList) -> bool {
        is_true(user_data, SUBSCRIBE)
    }

    /// What this user data says of pushes; `None` if more shall go with each than may.
    pub(crate) fn new(user_data: &KvList) -> Option<Self> {
        let carried = CARRIED.iter().filter_map(|key| {
            newest(user_data, key).map(|value| KvEntry { key: Str::new(key), value: value.into() })
        });
        let carried: KvList = carried.collect();
        (carried.size() <= Limits::MAX_PUSH_DATA).then(|| Self {
            group: newest(user_data, NODE_GROUP).filter(|group| !group.is_empty()).map(Str::new),
            own_activity: is_true(user_data, NOTIFY_REQUESTOR),
            resends: is_true(user_data, RESEND),
            carried,
        })
    }
}

impl Subscriber {
    pub(crate) const fn new(
        party: PartyNo,
        subscription: Subscription,
        unfetched: Option<EventId>,
    ) -> Self {
        Self {
            party,
            subscription,
            node: None,
            asked: None,
            unfetched,
            removed: false,
            reminder: None,
            suspended: false,
        }
    }

    /// What there is to fetch, if there is anything.
    pub(crate) fn position(&self) -> Option<NotifyPosition> {
        if self.removed {
            Some(NotifyPosition::Removed)
        } else {
            self.unfetched.map(NotifyPosition::From)
        }
    }

    /// Whether nothing will be pushed to it any more.
    const fn is_done(&self) -> bool {
        self.removed && self.reminder.is_none()
    }
}

impl Subscribers {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Somebody was heard of.
    pub(crate) fn resume(&mut self, party: PartyNo) {
        if let Some(subscriber) = self.of_mut(party) {
            subscriber.suspended = false;
        }
    }

    /// Whether one of them has not fetched what it was told of.
    pub(crate) fn wait(&self) -> bool {
        self.0.iter().any(|subscriber| subscriber.unfetched.is_some())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Subscriber> {
        self.0.iter()
    }

    pub(crate) fn of(&self, party: PartyNo) -> Option<&Subscriber> {
        self.0.iter().find(|subscriber| subscriber.party == party)
    }

    pub(crate) fn of_mut(&mut self, party: PartyNo) -> Option<&mut Subscriber> {
        self.0.iter_mut().find(|subscriber| subscriber.party == party)
    }

    /// Adds one; the caller has taken the participation's former one out.
    pub(crate) fn add(&mut self, subscriber: Subscriber) {
        self.0.push(subscriber);
    }

    pub(crate) fn take(&mut self, party: PartyNo) -> Option<Subscriber> {
        let index = self.0.iter().position(|subscriber| subscriber.party == party)?;
        Some(self.0.remove(index))
    }

    /// Drops those that were told of their removal, and are not told again.
    pub(crate) fn forget_done(&mut self) {
        self.0.retain(|subscriber| !subscriber.is_done());
    }
}

/// The text of a key; of a repeated key the last, for a Join's user data stands behind the Login's.
fn newest<'a>(user_data: &'a KvList, key: &str) -> Option<&'a str> {
    let mut entries = user_data.into_iter().rev().filter(|entry| &*entry.key == key);
    match &entries.next()?.value {
        KvValue::Str(text) => Some(text.reveal()),
        KvValue::Int(_) | KvValue::Long(_) | KvValue::Bin(_) | KvValue::List(_) => None,
    }
}

fn is_true(user_data: &KvList, key: &str) -> bool {
    newest(user_data, key) == Some("true")
}

#[cfg(test)]
mod tests;
