//! Push: telling flex users' gateways what happens, without being asked (§10 of the behaviour).

use alloc::vec::Vec;
use core::time::Duration;

use crate::ask::LeafKind;
use crate::config::PushIdentifier;
use crate::door::{Action, NotSubscribed, Report};
use crate::frame::flex::{
    Event, EventPush, EventPushQuery, EventStatus, NotifyPosition, RequestAlive, RequestNode,
    RequestPush,
};
use crate::frame::{ErrorId, EventList, Frame, KvList, Open, PushMode, RequestResult};
use crate::id::{EventId, LinkId};
use crate::refusal::Refusal;
use crate::session::Session;
use crate::session::outbox::{Answer, Step};
use crate::session::push::{Node, Reminder, Subscriber, Subscription};
use crate::session::roster::{PartyNo, Seat};
use crate::session::user::{Place, User};
use crate::session::view::Viewer;
use crate::slab::Key;

use super::{Server, Timer};

/// The longest name of a node or a group, in characters (B10.7).
const MAX_NAME: usize = 255;

/// What gateways ask.
impl Server {
    /// Makes a connection a gateway node's.
    pub(super) fn become_node(
        &mut self,
        link: LinkId,
        reference: u32,
        request: RequestNode,
    ) -> Result<(), Refusal> {
        for name in [&request.node_group, &request.node_name] {
            if name.is_empty() || name.chars().count() > MAX_NAME {
                let what = "NodeGroup and NodeName have 1 to 255 characters";
                return Err(Refusal::because(ErrorId::Malformed, what));
            }
        }
        if self.node_of(link).is_some() {
            return Err(ErrorId::AlreadyThere.into());
        }
        let node = Node { group: request.node_group, name: request.node_name, link };
        let node = self.nodes.add(node)?;
        if let Some(there) = self.links.link_mut(link) {
            there.node = Some(node);
        }
        self.send_flex(link, reference, EventStatus::new(RequestResult::Success));
        Ok(())
    }

    /// Subscribes a user, or ends that (B10.1, B10.3).
    pub(super) fn request_push(
        &mut self,
        link: LinkId,
        reference: u32,
        push: &RequestPush,
    ) -> Result<(), Refusal> {
        let user = self.authenticated(link, &push.user_id, &push.secure_key)?;
        let node = self.node_of(link).ok_or(NOT_A_NODE)?;
        let (key, party) = self.place_to_speak(user)?;
        let subscription = match push.push_mode {
            PushMode::Unsubscribe => None,
            PushMode::Subscribe if !self.config.settings.flex_push_enabled => {
                return Err(Refusal::because(ErrorId::NotAllowed, "push is switched off"));
            }
            PushMode::Subscribe => {
                let session = self.sessions.get(key).ok_or(ErrorId::NotInSession)?;
                let user_data = &session.roster.party(party).user_data;
                let subscription = Subscription::new(user_data).ok_or(ErrorId::LimitReached)?;
                let group = self.nodes.node(node).map(|node| node.group.clone());
                Some(Subscription { group, ..subscription })
            }
        };
        if self.sessions.get(key).is_some_and(|session| session.outbox.is_full()) {
            return Err(ErrorId::StoreUnavailable.into());
        }
        match subscription {
            Some(subscription) => self.subscribe(key, party, subscription, Some(node)),
            None => self.unsubscribe(key, party),
        }
        self.answer_later(key, Answer::Flex { link, reference, party, after: None })?;
        // From now on the other period counts.
        self.keep_awake(user);
        Ok(())
    }

    /// A node says whether a user is still there (B10.2).
    pub(super) fn request_alive(
        &mut self,
        link: LinkId,
        reference: u32,
        request: &RequestAlive,
    ) -> Result<(), Refusal> {
        let node = self.node_of(link).ok_or(NOT_A_NODE)?;
        let user = self.users.by_id(&request.user_id).ok_or(ErrorId::NotInSession)?;
        let (key, party) = self.place_to_speak(user)?;
        let session = self.sessions.get(key).ok_or(ErrorId::NotInSession)?;
        if session.subscribers.of(party).and_then(|it| it.node) != Some(node) {
            let what = "the user is not bound to this node";
            return Err(Refusal::because(ErrorId::NotAllowed, what));
        }
        self.answer_later(key, Answer::Flex { link, reference, party, after: None })?;
        if request.alive {
            self.keep_awake(user);
        }
        Ok(())
    }

    /// The node whose connection this is.
    fn node_of(&self, link: LinkId) -> Option<Key<Node>> {
        let node = self.links.link(link)?.node?;
        self.nodes.node(node).filter(|it| it.link == link).map(|_| node)
    }
}

const NOT_A_NODE: Refusal =
    Refusal::because(ErrorId::NotAllowed, "only for a connection that has sent RequestNode");

/// Who is subscribed.
impl Server {
    /// Somebody has come in, and perhaps wants pushes from the beginning. A chat without pushes is
    /// better than none, so whoever cannot have them is let in all the same (B10.6).
    pub(super) fn subscribe_on_join(&mut self, key: Key<Session>, party: PartyNo, user: Key<User>) {
        let Some(session) = self.sessions.get(key) else { return };
        let user_data = &session.roster.party(party).user_data;
        if !Subscription::is_wanted(user_data) {
            return;
        }
        match self.wanted(user_data) {
            Ok(subscription) => {
                self.subscribe(key, party, subscription, None);
                self.keep_awake(user);
            }
            Err(why) => {
                let session = session.id.clone();
                let report = Report::NotSubscribed { session, why };
                self.actions.push_back(Action::Report(report));
            }
        }
    }

    /// The subscription that this user data asks for.
    fn wanted(&self, user_data: &KvList) -> Result<Subscription, NotSubscribed> {
        let settings = &self.config.settings;
        if !settings.flex_push_enabled || !settings.flex_push_on_join {
            return Err(NotSubscribed::SwitchedOff);
        }
        let mut subscription = Subscription::new(user_data).ok_or(NotSubscribed::TooLarge)?;
        if subscription.group.is_none() {
            let only = self.nodes.group().map_err(|_| NotSubscribed::SeveralGroups)?;
            subscription.group = only.cloned();
        }
        Ok(subscription)
    }

    fn subscribe(
        &mut self,
        key: Key<Session>,
        party: PartyNo,
        subscription: Subscription,
        node: Option<Key<Node>>,
    ) {
        self.unsubscribe(key, party);
        let node = self.nodes.choose(node, subscription.group.as_ref());
        let Some(session) = self.sessions.get_mut(key) else { return };
        let participant = session.roster.party(party);
        let told = session.outbox.told();
        let unfetched = subscription
            .resends
            .then(|| first_lasting(session, party, (participant.fetched, told)))
            .flatten();
        let subscriber = Subscriber { node, ..Subscriber::new(party, subscription, unfetched) };
        session.subscribers.add(subscriber);
    }

    /// A user whose session was restored is subscribed as before (B20.9); at once, or when it is
    /// heard of (B20.10).
    pub(super) fn subscribe_again(
        &mut self,
        key: Key<Session>,
        party: PartyNo,
        subscription: Subscription,
        suspended: bool,
    ) {
        self.subscribe(key, party, subscription, None);
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let Some(subscriber) = session.subscribers.of_mut(party) {
            subscriber.suspended = suspended;
        }
    }

    /// A user was heard of: pushes that waited for that are sent from now on.
    pub(super) fn resume_pushes(&mut self, place: Place) {
        if let Place::Inside(key, party) = place
            && let Some(session) = self.sessions.get_mut(key)
        {
            session.subscribers.resume(party);
        }
    }

    fn unsubscribe(&mut self, key: Key<Session>, party: PartyNo) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        session.dossier.mark(LeafKind::Party, party.0.into());
        let Some(subscriber) = session.subscribers.take(party) else { return };
        subscriber.reminder.map(|reminder| self.timers.cancel(reminder.timer));
    }

    /// Whether a participation's user is pushed to now.
    fn is_subscribed(&self, key: Key<Session>, party: PartyNo) -> bool {
        let session = self.sessions.get(key);
        self.config.settings.flex_push_enabled
            && session
                .and_then(|session| session.subscribers.of(party))
                .is_some_and(|subscriber| !subscriber.suspended)
    }

    /// Nobody is reminded of a session that is forgotten.
    pub(super) fn forget_reminders(&mut self, session: &Session) {
        for reminder in session.subscribers.iter().filter_map(|subscriber| subscriber.reminder) {
            self.timers.cancel(reminder.timer);
        }
    }
}

/// What they are told.
impl Server {
    /// Pushes what a step brought to everybody who is subscribed.
    pub(super) fn push_news(&mut self, key: Key<Session>, step: &Step) {
        let Some(session) = self.sessions.get(key) else { return };
        if session.subscribers.is_empty() || !self.config.settings.flex_push_enabled {
            return;
        }
        let parties: Vec<_> =
            session.subscribers.iter().map(|subscriber| subscriber.party).collect();
        for party in parties {
            self.push_step(key, party, step);
        }
        if let Some(session) = self.sessions.get_mut(key) {
            session.subscribers.forget_done();
        }
    }

    fn push_step(&mut self, key: Key<Session>, party: PartyNo, step: &Step) {
        let Some(session) = self.sessions.get(key) else { return };
        let Some(subscriber) = session.subscribers.of(party) else { return };
        let participant = session.roster.party(party);
        if subscriber.removed || subscriber.suspended || participant.joined > step.to {
            return;
        }
        let own = step.answer.as_ref().map(Answer::party) == Some(party);
        let silent = own && !subscriber.subscription.own_activity;
        let removed = participant.left.is_some_and(|left| left <= step.to);
        let to = participant.left.map_or(step.to, |left| left.min(step.to));
        if subscriber.subscription.resends {
            let first = first_lasting(session, party, (step.after, to));
            if let Some(there) = self.subscriber(key, party) {
                there.unfetched = there.unfetched.or(first);
                there.removed = removed;
            }
            if !silent && (first.is_some() || removed) {
                self.remind_of(key, party, 0);
            }
            return;
        }
        let viewer = Viewer::new(party, participant).masked().told(step.to);
        let entries = session.transcript.between(step.after, to);
        let events: EventList = viewer.events(entries, &session.roster).collect();
        let monitored = step.monitored_changed && viewer.knows_monitored();
        let silent = silent || (events.is_empty() && !monitored);
        let push = EventPush {
            user_id: participant.user_id.clone(),
            session_id: session.id.clone(),
            session_status: Some(Open::Known(session.status())),
            chat_transcript: Some(session.chat_transcript(viewer, events, monitored, self.now)),
            notify_attempt: None,
            notify_position: removed.then_some(NotifyPosition::Removed),
            user_data: some(subscriber.subscription.carried.clone()),
        };
        if let Some(there) = self.subscriber(key, party) {
            there.removed = removed;
        }
        if !silent && let Some(link) = self.node_for(key, party) {
            self.send_unsolicited(link, Event::EventPush(push));
        }
    }

    /// Tells a user that there is something to fetch, for the first time or again (B10.4).
    fn remind_of(&mut self, key: Key<Session>, party: PartyNo, attempt: u32) {
        let settings = &self.config.settings;
        let until = self.now + settings.flex_push_resend_delay;
        let again = attempt < settings.flex_push_resend_attempts;
        let Some(there) = self.subscriber(key, party) else { return };
        let Some(position) = there.position() else { return };
        let former = there.reminder.take();
        former.map(|reminder| self.timers.cancel(reminder.timer));
        if again && let Ok(timer) = self.timers.arm(until, Timer::Reminder(key, party)) {
            let reminder = Some(Reminder { attempt, timer });
            if let Some(there) = self.subscriber(key, party) {
                there.reminder = reminder;
            }
        }
        let Some(link) = self.node_for(key, party) else { return };
        // Whoever takes no more now is not given what will come again anyway.
        if self.links.link(link).is_none_or(|there| there.congested) {
            return;
        }
        let Some(session) = self.sessions.get(key) else { return };
        let push = EventPush {
            user_id: session.roster.party(party).user_id.clone(),
            session_id: session.id.clone(),
            session_status: Some(Open::Known(session.status())),
            chat_transcript: None,
            notify_attempt: Some(attempt),
            notify_position: Some(position),
            user_data: some(self.identified(session, party)),
        };
        self.send_unsolicited(link, Event::EventPush(push));
    }

    /// A push was not fetched in time.
    pub(super) fn remind(&mut self, key: Key<Session>, party: PartyNo) {
        let Some(there) = self.subscriber(key, party) else { return };
        let Some(reminder) = there.reminder.take() else { return };
        if self.is_subscribed(key, party) && self.may_fetch(key, party) {
            self.remind_of(key, party, reminder.attempt + 1);
        }
        if let Some(session) = self.sessions.get_mut(key) {
            session.subscribers.forget_done();
        }
    }

    /// An answer told a flex user of the events after a position up to `to`.
    pub(super) fn fetched(
        &mut self,
        key: Key<Session>,
        party: PartyNo,
        after: Option<EventId>,
        to: EventId,
    ) {
        let Some(session) = self.sessions.get_mut(key).filter(|_| after.is_some()) else { return };
        session.roster.party_mut(party).fetched = to;
        let Some(there) = session.subscribers.of_mut(party) else { return };
        there.unfetched = None;
        there.reminder.take().map(|reminder| self.timers.cancel(reminder.timer));
        session.subscribers.forget_done();
    }

    /// Whether a refresh of this participation's user would still get events.
    fn may_fetch(&self, key: Key<Session>, party: PartyNo) -> bool {
        let Some(session) = self.sessions.get(key) else { return false };
        let Seat::Flex(user) = session.roster.party(party).seat else { return false };
        match self.users.user(user).map(|user| user.place) {
            Some(Place::Inside(..) | Place::Removed { told: false, .. }) => true,
            Some(Place::Removed { told: true, .. } | Place::Outside | Place::Creating(_))
            | None => false,
        }
    }

    /// What goes with a push that is fetched: what goes with every push, and whose it is.
    fn identified(&self, session: &Session, party: PartyNo) -> KvList {
        let subscriber = session.subscribers.of(party);
        let mut user_data =
            subscriber.map(|it| it.subscription.carried.clone()).unwrap_or_default();
        let participant = session.roster.party(party);
        for identifier in &self.config.settings.flex_push_content {
            let name = identifier.name();
            match identifier {
                PushIdentifier::AppDbid => {
                    if let Some(number) = self.config.server.app_dbid {
                        user_data.push(name, &*alloc::string::ToString::to_string(&number));
                    }
                }
                // Whoever came into a session here has shown the key to get there.
                PushIdentifier::SecureKey => {
                    if let Seat::Flex(user) = participant.seat
                        && let Some(secure_key) =
                            self.users.user(user).and_then(|user| user.secure_key.known())
                    {
                        user_data.push(name, secure_key.reveal());
                    }
                }
                PushIdentifier::SessionId => user_data.push(name, session.id.as_str()),
                PushIdentifier::UserId => user_data.push(name, participant.user_id.as_str()),
            }
        }
        user_data
    }

    /// Where a user's pushes go now: to the node it is bound to, or to another if that is gone.
    fn node_for(&mut self, key: Key<Session>, party: PartyNo) -> Option<LinkId> {
        let session = self.sessions.get_mut(key)?;
        let there = session.subscribers.of_mut(party)?;
        there.node = self.nodes.choose(there.node, there.subscription.group.as_ref());
        let link = there.node.and_then(|node| self.nodes.node(node)).map(|node| node.link);
        if link.is_none() {
            let report = Report::NoNode { session: session.id.clone() };
            self.actions.push_back(Action::Report(report));
        }
        link
    }

    fn subscriber(&mut self, key: Key<Session>, party: PartyNo) -> Option<&mut Subscriber> {
        self.sessions.get_mut(key)?.subscribers.of_mut(party)
    }

    fn send_unsolicited(&mut self, link: LinkId, event: Event) {
        let frame = Frame::unsolicited(event.into());
        self.actions.push_back(Action::Send { link, frame });
    }
}

/// Whether they are still there.
impl Server {
    /// How long somebody who was heard of just now may be silent.
    pub(super) fn patience(&mut self, place: Place) -> Duration {
        if let Place::Inside(key, party) = place
            && self.is_subscribed(key, party)
        {
            if let Some(there) = self.subscriber(key, party) {
                there.asked = None;
            }
            return self.config.settings.flex_push_timeout;
        }
        self.config.settings.flex_disconnect_timeout
    }

    /// A user is silent: whether its node is asked for it, and the user gets another period (B10.2).
    pub(super) fn ask_for(&mut self, user: Key<User>) -> bool {
        let Some(Place::Inside(key, party)) = self.users.user(user).map(|user| user.place) else {
            return false;
        };
        if !self.is_subscribed(key, party) {
            return false;
        }
        let link = self.node_for(key, party);
        let Some(session) = self.sessions.get_mut(key) else { return false };
        let query = EventPushQuery {
            user_id: session.roster.party(party).user_id.clone(),
            session_id: session.id.clone(),
        };
        let Some(there) = session.subscribers.of_mut(party) else { return false };
        // Whoever was asked has not confirmed. But a node that came since was not asked.
        if there.asked.is_some_and(|asked| link.is_none() || asked == link) {
            return false;
        }
        there.asked = Some(link);
        if let Some(link) = link {
            self.send_unsolicited(link, Event::EventPushQuery(query));
        }
        self.wake_at(user, self.now + self.config.settings.flex_push_timeout);
        true
    }
}

/// The first event that a participation sees and that does not pass (B5.4), after one position up to
/// another.
fn first_lasting(
    session: &Session,
    party: PartyNo,
    (after, to): (EventId, EventId),
) -> Option<EventId> {
    let viewer = Viewer::new(party, session.roster.party(party)).masked();
    let lasting = session.transcript.between(after, to).filter(|entry| !entry.is_ephemeral());
    viewer.events(lasting, &session.roster).next().map(|event| event.event_id)
}

fn some(user_data: KvList) -> Option<KvList> {
    Some(user_data).filter(|user_data| !user_data.is_empty())
}
