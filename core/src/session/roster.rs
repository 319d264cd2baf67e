//! Everybody who ever took part in a session.

use alloc::vec::Vec;

use crate::frame::{KvList, ProtocolType, UserType, Visibility};
use crate::id::{EventId, LinkId, UserId};
use crate::pii::Pii;
use crate::session::user::User;
use crate::slab::Key;
use crate::text::Str;

/// User data of a newParty: what somebody was called before (B7.3).
pub(crate) const ORIGINAL_NICKNAME: &str = "GCTI_Original_Nickname";

/// A participation, by its place in the roster. Never reused within a session (B1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PartyNo(pub(crate) u16);

/// The participations of a session, those that ended included.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    parties: Vec<Participant>,
    /// Those who take part now, EXTERNAL and SYSTEM left out, in the order they came.
    present: Vec<PartyNo>,
    /// Those to be told what happens, and where: on basic, until they were told of their own going.
    listeners: Vec<Listener>,
    /// How many newParties a CLIENT may see so far.
    numbered: u32,
}

/// Somebody to be told what happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listener {
    pub(crate) party: PartyNo,
    pub(crate) link: LinkId,
    /// It still reads what happened before, and gets the newest behind that (B5.7).
    pub(crate) reads: bool,
}

/// One participation.
#[derive(Debug)]
pub(crate) struct Participant {
    pub(crate) user_id: UserId,
    pub(crate) user_type: UserType,
    /// The visibility it joined with.
    pub(crate) visibility: Visibility,
    pub(crate) protocol: ProtocolType,
    /// The newest (B7.3).
    pub(crate) nickname: Pii<Str>,
    pub(crate) person_id: Option<Pii<Str>>,
    pub(crate) time_zone_offset: Option<i32>,
    /// As announced, for others to see.
    pub(crate) client_version: Option<i32>,
    /// As others may see it.
    pub(crate) user_data: KvList,
    pub(crate) bot: bool,
    pub(crate) seat: Seat,
    /// Its ordinal among the newParties a CLIENT may see, from 1; SYSTEM is 0.
    pub(crate) number: u32,
    /// The event it came with.
    pub(crate) joined: EventId,
    /// The last event of the newest answer that told it of events; on flex only.
    pub(crate) fetched: EventId,
    /// The last event it saw, once it has left.
    pub(crate) left: Option<EventId>,
}

// Every session has two.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Participant>() <= 144);

/// How somebody is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seat {
    /// Over this connection.
    Basic(LinkId),
    /// By its own asking.
    Flex(Key<User>),
    /// Not at all: EXTERNAL and SYSTEM neither listen nor leave.
    Voice,
    /// Not any more: it took part before the session was restored (B20.4).
    Former,
}

impl Participant {
    /// Whether this is what "agent" means to inactivity control, async chat, statistics and the
    /// decision to close: an AGENT or SUPERVISOR the customer sees, and no bot (B3.6, B8.3).
    pub(crate) fn is_agent(&self) -> bool {
        matches!(self.user_type, UserType::Agent | UserType::Supervisor)
            && self.visibility == Visibility::All
            && !self.bot
    }
}

impl Roster {
    /// Adds somebody; the caller has checked that there is room (B17.4).
    pub(crate) fn add(&mut self, mut participant: Participant) -> PartyNo {
        let Ok(index) = u16::try_from(self.parties.len()) else {
            unreachable!("a session has at most 10,000 participations");
        };
        let party = PartyNo(index);
        if participant.user_type == UserType::System {
            participant.number = 0;
        } else if participant.visibility == Visibility::All {
            self.numbered += 1;
            participant.number = self.numbered;
        }
        if let Seat::Basic(link) = participant.seat {
            self.listeners.push(Listener { party, link, reads: false });
        }
        if participant.seat != Seat::Voice {
            self.present.push(party);
        }
        if self.parties.is_empty() {
            // Most sessions never have more.
            self.parties.reserve_exact(2);
        }
        self.parties.push(participant);
        party
    }

    /// Somebody is gone, with this as the last event it saw.
    pub(crate) fn remove(&mut self, party: PartyNo, last: EventId) {
        self.present.retain(|present| *present != party);
        self.parties[usize::from(party.0)].left = Some(last);
    }

    /// Those to be told what happens, and where.
    pub(crate) fn listeners(&self) -> &[Listener] {
        &self.listeners
    }

    /// Everything up to this event was told: whoever left by then hears no more.
    pub(crate) fn forget_listeners(&mut self, told: EventId) {
        let Self { parties, listeners, .. } = self;
        listeners.retain(|listener| {
            let left = parties[usize::from(listener.party.0)].left;
            listener.reads || left.is_none_or(|left| left > told)
        });
    }

    /// Whether somebody still reads what happened before.
    pub(crate) fn is_read(&self) -> bool {
        self.listeners.iter().any(|listener| listener.reads)
    }

    /// Whether this one does.
    pub(crate) fn is_reading(&self, party: PartyNo) -> bool {
        self.listeners.iter().any(|listener| listener.party == party && listener.reads)
    }

    /// Somebody begins to read what happened before, or has read it all.
    pub(crate) fn reads(&mut self, party: PartyNo, reads: bool) {
        for listener in self.listeners.iter_mut().filter(|listener| listener.party == party) {
            listener.reads = reads;
        }
    }

    /// Nobody can be told over this connection any more.
    pub(crate) fn forget_link(&mut self, link: LinkId) {
        self.listeners.retain(|listener| listener.link != link);
    }

    /// A participation; every `PartyNo` was handed out by this roster.
    pub(crate) fn party(&self, party: PartyNo) -> &Participant {
        &self.parties[usize::from(party.0)]
    }

    pub(crate) fn party_mut(&mut self, party: PartyNo) -> &mut Participant {
        &mut self.parties[usize::from(party.0)]
    }

    /// A participation, if it is one of this roster.
    pub(crate) fn get(&self, party: PartyNo) -> Option<&Participant> {
        self.parties.get(usize::from(party.0))
    }

    /// How many there ever were.
    pub(crate) fn ever(&self) -> usize {
        self.parties.len()
    }

    /// Those who take part now, in the order they came.
    pub(crate) fn present(&self) -> &[PartyNo] {
        &self.present
    }

    /// Those who take part now, in the order they came.
    pub(crate) fn present_parties(&self) -> impl Iterator<Item = (PartyNo, &Participant)> {
        self.present.iter().map(|&party| (party, self.party(party)))
    }

    /// Somebody has another name; the first one is remembered (B7.3).
    pub(crate) fn rename(&mut self, party: PartyNo, nickname: Pii<Str>) {
        let participant = &mut self.parties[usize::from(party.0)];
        let old = core::mem::replace(&mut participant.nickname, nickname);
        if participant.user_data.value(ORIGINAL_NICKNAME).is_none() {
            participant.user_data.push(ORIGINAL_NICKNAME, &**old.reveal());
        }
    }

    /// Whoever was given this id, present or not.
    pub(crate) fn by_user_id(&self, user_id: &UserId) -> Option<PartyNo> {
        let index = self.parties.iter().position(|party| party.user_id == *user_id)?;
        u16::try_from(index).ok().map(PartyNo)
    }

    /// A voice of this type, name and visibility that has spoken before (B14.1).
    pub(crate) fn voice(
        &self,
        user_type: UserType,
        nickname: &str,
        visibility: Visibility,
    ) -> Option<PartyNo> {
        let index = self.parties.iter().position(|party| {
            party.user_type == user_type
                && &**party.nickname.reveal() == nickname
                && party.visibility == visibility
        })?;
        u16::try_from(index).ok().map(PartyNo)
    }

    /// How many voices of this type there are.
    pub(crate) fn voices(&self, user_type: UserType) -> usize {
        self.parties.iter().filter(|party| party.user_type == user_type).count()
    }

    /// The flex users that ever took part.
    pub(crate) fn users(&self) -> impl Iterator<Item = Key<User>> {
        self.parties.iter().filter_map(|party| match party.seat {
            Seat::Flex(user) => Some(user),
            Seat::Basic(_) | Seat::Voice | Seat::Former => None,
        })
    }

    /// Whether an agent takes part (B8.3).
    pub(crate) fn has_agent(&self) -> bool {
        self.present_parties().any(|(_, party)| party.is_agent())
    }

    /// Whether an agent ever took part.
    pub(crate) fn had_agent(&self) -> bool {
        self.parties.iter().any(Participant::is_agent)
    }

    /// Whether a customer takes part.
    pub(crate) fn has_client(&self) -> bool {
        self.present_parties().any(|(_, party)| party.user_type == UserType::Client)
    }

    /// Whether an agent takes part beside these two (B8.3).
    pub(crate) fn has_agent_beside(&self, two: [PartyNo; 2]) -> bool {
        self.present_parties().any(|(no, party)| party.is_agent() && !two.contains(&no))
    }

    /// Whether somebody watches unseen (B3.5).
    pub(crate) fn is_monitored(&self) -> bool {
        self.present_parties().any(|(_, party)| party.visibility == Visibility::Vip)
    }
}
