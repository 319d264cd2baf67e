//! A session under load: what the two in it have said, and what the server has acknowledged.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use confer_core::ask::Loaded;
use confer_core::client::{ChatId, EchoId, End, View};
use confer_core::frame::{EventBody, TranscriptEvent, Visibility};
use confer_core::id::{EventId, SessionId};

use crate::load::words::{Head, Side};

/// Every so many messages an agent says one that the customer must not see.
const HIDDEN: u32 = 5;

/// A session.
pub(super) struct Talk {
    /// Of all sessions of the run; it stands in what they say.
    pub(super) number: u32,
    pub(super) session: Option<SessionId>,
    /// The agent's.
    pub(super) chat: Option<ChatId>,
    pub(super) customer: Voice,
    pub(super) agent: Voice,
    /// The customer has logged out.
    pub(super) leaving: bool,
    /// A server died meanwhile, and who was at it may have missed the end.
    pub(super) shaken: bool,
    /// What is wrong with it so far: who said it, and the number.
    lost: BTreeSet<(Side, u32)>,
    duplicated: BTreeSet<(Side, u32)>,
}

/// One of the two.
#[derive(Default)]
pub(super) struct Voice {
    pub(super) inside: bool,
    pub(super) end: Option<End>,
    pub(super) said: u32,
    /// What was said and has no answer.
    pub(super) waiting: VecDeque<(EchoId, u32)>,
    /// What was acknowledged, in that order.
    pub(super) acknowledged: Vec<(u32, Option<EventId>)>,
    /// When the next thing is said.
    pub(super) say_at: Duration,
    /// Its server was killed then, and nothing was acknowledged by another one yet.
    pub(super) away: Option<Duration>,
    /// Since then it has a connection again.
    pub(super) connected: bool,
}

/// What is wrong, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wrongs {
    /// Acknowledged or seen, and not in the stored transcript.
    pub(super) lost: u64,
    /// More than once in the stored transcript.
    pub(super) duplicated: u64,
    /// Not in the order in which it was said, or under another EventId than it was told.
    pub(super) disordered: u64,
    /// Seen by somebody who must not.
    pub(super) leaked: u64,
    /// Stored, and not seen by somebody who was there to the end.
    pub(super) unseen: u64,
}

impl Wrongs {
    pub(super) const fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.disordered += other.disordered;
        self.leaked += other.leaked;
        self.unseen += other.unseen;
    }

    pub(super) const fn are_none(&self) -> bool {
        let Self { lost, duplicated, disordered, leaked, unseen } = *self;
        lost + duplicated + disordered + leaked + unseen == 0
    }
}

impl Talk {
    pub(super) fn new(number: u32) -> Self {
        Self {
            number,
            session: None,
            chat: None,
            customer: Voice::default(),
            agent: Voice::default(),
            leaving: false,
            shaken: false,
            lost: BTreeSet::new(),
            duplicated: BTreeSet::new(),
        }
    }

    pub(super) const fn voice(&mut self, side: Side) -> &mut Voice {
        match side {
            Side::Customer => &mut self.customer,
            Side::Agent => &mut self.agent,
        }
    }

    /// Whether both are in it.
    pub(super) const fn is_going(&self) -> bool {
        self.customer.inside
            && self.agent.inside
            && self.customer.end.is_none()
            && self.agent.end.is_none()
    }

    pub(super) const fn is_over(&self) -> bool {
        self.customer.end.is_some() && (self.agent.end.is_some() || self.chat.is_none())
    }

    /// Whether all that was said has its answer.
    pub(super) fn is_quiet(&self) -> bool {
        self.customer.waiting.is_empty() && self.agent.waiting.is_empty()
    }

    /// Whether both ended it as it was to end.
    pub(super) fn ended_well(&self) -> bool {
        let well = |end| matches!(end, Some(End::Left | End::Closed | End::Gone));
        self.leaving
            && self.customer.end.is_some_and(|end| matches!(end, End::Left | End::Closed))
            && well(self.agent.end)
    }

    /// Holds what was acknowledged so far against what is stored. What was found wrong before is not
    /// counted again.
    pub(super) fn check(&mut self, stored: &Stored) -> Wrongs {
        let mut wrongs = Wrongs::default();
        for (side, voice) in [(Side::Customer, &self.customer), (Side::Agent, &self.agent)] {
            for (number, told) in &voice.acknowledged {
                let at = stored.at(self.number, side, *number);
                if at.is_empty() {
                    wrongs.lost += u64::from(self.lost.insert((side, *number)));
                } else if at.len() > 1 {
                    wrongs.duplicated += u64::from(self.duplicated.insert((side, *number)));
                } else if told.is_some_and(|told| at != [told]) {
                    wrongs.disordered += 1;
                }
            }
            wrongs.disordered += stored.disorder(self.number, side);
        }
        wrongs.disordered += stored.foreign(self.number);
        wrongs
    }

    /// The same, and what both have seen, of a session that is over.
    pub(super) fn check_finally(
        &mut self,
        stored: &Stored,
        customer: &View,
        agent: Option<&View>,
    ) -> Wrongs {
        let mut wrongs = self.check(stored);
        let views = [(Side::Customer, Some(customer)), (Side::Agent, agent)];
        for (side, view) in views.into_iter().filter_map(|(side, view)| Some((side, view?))) {
            for event in view.events() {
                let Some(head) = head(event) else { continue };
                let hidden = is_hidden(head) || event.visibility.known() != Some(Visibility::All);
                wrongs.leaked += u64::from(side == Side::Customer && hidden);
                // What somebody saw is to be kept as well as what was acknowledged (B20.1).
                if stored.at(self.number, head.side, head.number) != [event.event_id] {
                    wrongs.lost += u64::from(self.lost.insert((head.side, head.number)));
                }
            }
            let all = stored.messages.iter();
            let unseen = all.filter(|(id, head)| {
                !(side == Side::Customer && is_hidden(*head)) && view.event(*id).is_none()
            });
            if !self.shaken {
                wrongs.unseen += unseen.count() as u64;
            }
        }
        wrongs
    }
}

/// Whether the customer must not see it.
pub(super) const fn is_hidden(head: Head) -> bool {
    matches!(head.side, Side::Agent) && head.number.is_multiple_of(HIDDEN)
}

/// What is stored of a session: its messages.
#[derive(Default)]
pub(super) struct Stored {
    messages: Vec<(EventId, Head)>,
    places: BTreeMap<(u32, Side, u32), Vec<EventId>>,
}

impl Stored {
    pub(super) fn of(loaded: &Loaded) -> Self {
        let mut stored = Self::default();
        for event in &loaded.events {
            let Some(head) = head(event) else { continue };
            stored.messages.push((event.event_id, head));
            let place = (head.session, head.side, head.number);
            stored.places.entry(place).or_default().push(event.event_id);
        }
        stored
    }

    fn at(&self, session: u32, side: Side, number: u32) -> &[EventId] {
        self.places.get(&(session, side, number)).map_or(&[], Vec::as_slice)
    }

    /// How often somebody's message stands before an earlier one.
    fn disorder(&self, session: u32, side: Side) -> u64 {
        let own = |head: &Head| head.session == session && head.side == side;
        let numbers: Vec<u32> =
            self.messages.iter().map(|it| it.1).filter(own).map(|it| it.number).collect();
        numbers.windows(2).filter(|pair| pair[0] > pair[1]).count() as u64
    }

    /// How many messages are of another session.
    fn foreign(&self, session: u32) -> u64 {
        self.messages.iter().filter(|(_, head)| head.session != session).count() as u64
    }
}

/// Whose message it is, if it is one.
fn head(event: &TranscriptEvent) -> Option<Head> {
    match &event.body {
        EventBody::Message(message) => Head::of(message.message_text.reveal()),
        EventBody::NewParty(_)
        | EventBody::Notice(_)
        | EventBody::PartyLeft(_)
        | EventBody::Unknown(_) => None,
    }
}
