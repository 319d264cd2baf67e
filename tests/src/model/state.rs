//! What the model knows: plain lists that only grow, and numbers into them.

use std::collections::VecDeque;

use confer_core::frame::esp::Envelope;
use confer_core::frame::{
    ErrorId, Event, Frame, KvList, NoticeType, TranscriptEvent, UserType, Visibility,
};
use confer_core::id::PortId;
use confer_core::time::{Instant, Stamp, Wall};

use super::asleep::Asleep;
use super::idle::Overrides;
use super::keep::Keeping;
use super::setting::Setting;

/// The model of a server. Everybody and everything has its number for ever; what is gone is marked
/// so.
#[derive(Debug)]
pub struct Model {
    pub(super) setting: Setting,
    pub(super) now: u64,
    pub(super) wall: Wall,
    pub(super) links: Vec<Link>,
    pub(super) users: Vec<User>,
    pub(super) sessions: Vec<Session>,
    pub(super) asks: Vec<Ask>,
    /// What it expects the server to do, since it was last asked.
    pub(super) out: Vec<Out>,
    pub(super) registrations: usize,
    pub(super) participations: usize,
    /// Sessions whose record is behind or missing, in the order that was found out.
    pub(super) behind: Vec<usize>,
    /// It takes nothing new (B20.7).
    pub(super) draining: bool,
    /// What is made from now on closes at once (B20.7).
    pub(super) ending: bool,
    /// Whoever waited for a session's words comes first (B12.5).
    pub(super) waking: bool,
    armed: u64,
}

/// Something the server is to do.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there are few, and not for long")]
pub enum Out {
    /// A frame to a connection.
    Send(usize, Frame<Event>),
    /// The end of a connection.
    Close(usize),
    /// A question, by its number in the model.
    Ask(usize),
}

/// When something expires; of two that do together, the one that was armed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    pub(super) at: u64,
    armed: u64,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) port: PortId,
    pub(super) open: bool,
    pub(super) register: Option<Due>,
    pub(super) who: Option<Who>,
    /// Sessions it creates; on basic only.
    pub(super) creating: Vec<usize>,
    /// What must still be told before an Unregister is answered.
    pub(super) leaving: usize,
}

/// What somebody said of themselves.
#[derive(Clone, Debug)]
pub(super) struct Who {
    pub(super) nickname: String,
    pub(super) user_type: UserType,
    pub(super) person_id: Option<String>,
    pub(super) version: Option<i32>,
    /// What they brought to Register or Login.
    pub(super) user_data: KvList,
}

/// A flex user.
#[derive(Debug)]
pub(super) struct User {
    pub(super) who: Who,
    pub(super) place: Place,
    pub(super) due: Option<Due>,
}

/// Where a flex user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In no session.
    Outside,
    /// Its session is being made.
    Creating(usize),
    /// In a session, open or closed.
    Inside(usize, usize),
    /// Removed from a living session (B9.2).
    Removed {
        /// Which.
        session: usize,
        /// As whom.
        party: usize,
        /// The time in which it is told why is over.
        told: bool,
    },
    /// Nobody any more.
    Gone,
}

/// Where a session is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is being made.
    Creating(Stage),
    /// It goes on.
    Open,
    /// It is over, and can be read.
    Closed,
    /// It is forgotten.
    Gone,
}

/// What a creation waits for (B4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The contact.
    Identify,
    /// The record.
    Record,
    /// The interaction.
    Submit,
}

/// What a closing waits for (B8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// The words that are in the store only (B12.5).
    Wake,
    /// The record that could not be made before.
    Record,
    /// The final transcript.
    Final,
    /// The final transcript is put aside, for the store would not take it (B20.6).
    Spool,
    /// The interaction is told.
    Change,
    /// It is stopped.
    Stop,
    /// Nothing.
    Done,
}

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) phase: Phase,
    pub(super) start_at: Stamp,
    pub(super) is_async: bool,
    pub(super) password: Option<String>,
    /// What its creator brought (B19.3), without what is the server's business alone.
    pub(super) user_data: KvList,
    pub(super) newcomer: Option<Newcomer>,
    /// The key of the creating Join and whose it is; on basic only (B4.8).
    pub(super) creation: Option<(Person, String)>,
    /// Who asked once more, and waits for the same answer (B4.8).
    pub(super) again: Vec<(usize, u32)>,
    /// Whose it is, and what the contact store knows of them (B19.1).
    pub(super) contact: Option<(String, KvList)>,
    /// Its interaction was stopped before it was made (B19.4).
    pub(super) stopped: bool,
    /// Its creator is gone.
    pub(super) abandoned: bool,
    /// Somebody outside has heard its id.
    pub(super) announced: bool,
    pub(super) parties: Vec<Party>,
    /// Every event; the id of the first is 1 (B5.1).
    pub(super) events: Vec<Happened>,
    /// What happened and was not told yet.
    pub(super) steps: VecDeque<Step>,
    /// The last event everybody was told who may be.
    pub(super) told: u32,
    pub(super) told_closed: bool,
    pub(super) told_monitored: bool,
    pub(super) keeping: Keeping,
    /// A save is done, and with it the ids of all that any script says are reserved (B20.8).
    pub(super) reserved: bool,
    /// Its words are in the store only (B12.5).
    pub(super) asleep: Option<Asleep>,
    /// When its record is tried again.
    pub(super) retry: Option<Due>,
    /// What the workflow set otherwise for it (B11.6).
    pub(super) overrides: Overrides,
    pub(super) keys: Vec<Once>,
    pub(super) regular: Control,
    pub(super) asynchronous: Control,
    pub(super) status: i32,
    pub(super) status_told: u64,
    pub(super) transfer: bool,
    pub(super) closing: Option<(Closing, Stamp, bool)>,
    /// Something beside its events is not saved as it is (B20.9).
    pub(super) changed: bool,
    /// Saves that may not be done, and the newParties each is of (B20.1).
    pub(super) unsure: Vec<(usize, Vec<u32>)>,
    pub(super) linger: Option<Due>,
    pub(super) lingered: bool,
    /// Flex users that were removed from it (B9.2).
    pub(super) removed: Vec<usize>,
}

/// Somebody who comes in.
#[derive(Clone, Debug)]
pub(super) struct Newcomer {
    pub(super) link: usize,
    pub(super) reference: u32,
    pub(super) seat: Seat,
    pub(super) who: Who,
    pub(super) visibility: Visibility,
    pub(super) user_data: KvList,
    pub(super) greeting: Option<String>,
    /// Lets them in once only (B4.8).
    pub(super) once: Option<(Person, String)>,
    pub(super) after: u32,
}

/// How somebody takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    /// Over this connection.
    Basic(usize),
    /// As this flex user.
    Flex(usize),
    /// As a workflow, or the server.
    Voice,
}

/// A participation.
#[derive(Clone, Debug)]
pub(super) struct Party {
    pub(super) user_id: String,
    pub(super) who: Who,
    pub(super) visibility: Visibility,
    pub(super) user_data: KvList,
    pub(super) bot: bool,
    pub(super) seat: Seat,
    /// Its newParty.
    pub(super) joined: u32,
    /// The last event it sees.
    pub(super) left: Option<u32>,
    pub(super) present: bool,
    /// It is told nothing any more.
    pub(super) deaf: bool,
    /// How many participations there were before, in all sessions.
    pub(super) number: usize,
}

/// An event.
#[derive(Clone, Debug)]
pub(super) struct Happened {
    pub(super) sender: usize,
    pub(super) receiver: Option<usize>,
    pub(super) visibility: Visibility,
    pub(super) time_shift: u32,
    pub(super) what: What,
}

/// What happened.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// Somebody came, perhaps with a greeting.
    NewParty(Option<String>),
    /// Somebody said something, perhaps with attributes.
    Message(String, Option<KvList>),
    /// A notice, perhaps with a text and user data.
    Notice(NoticeType, Option<String>, Option<KvList>),
    /// Somebody went, by whose doing, why, and with which parting words.
    PartyLeft(usize, Option<i32>, Option<String>),
}

/// What one request, or the server by itself, caused: told at once, and in the order of steps.
#[derive(Debug)]
pub(super) struct Step {
    /// The event before its first.
    pub(super) after: u32,
    /// Its last.
    pub(super) to: u32,
    pub(super) answer: Option<Answer>,
    pub(super) closes: bool,
    pub(super) monitored: bool,
    /// The question whose answer it waits for.
    pub(super) save: Option<usize>,
    /// When that has taken too long (B20.6).
    pub(super) patience: Option<Due>,
}

/// An answer, to whom and how.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) link: usize,
    pub(super) reference: u32,
    pub(super) how: How,
}

/// How to answer.
#[derive(Clone, Debug)]
pub(super) enum How {
    /// With the events of the step, to this party.
    Basic(usize),
    /// With all that happened after a position, to this newcomer.
    Join(usize, u32),
    /// With the events between, to this party, as it was answered before, perhaps to a Join (B4.8).
    Again(usize, u32, u32, bool),
    /// With the events after a position, if they are wanted.
    Flex(usize, Option<u32>),
    /// With a refusal, and the events after a position if these tell why.
    Refused(usize, ErrorId, Option<u32>),
    /// With nothing, once everything is told.
    Unregistered,
    /// With these outputs; on behalf of nobody.
    Esp(Envelope),
}

/// A request that is not to be done again (B4.8).
#[derive(Debug)]
pub(super) struct Once {
    pub(super) person: Person,
    pub(super) deed: Deed,
    pub(super) key: String,
    pub(super) party: usize,
    pub(super) after: u32,
    pub(super) to: u32,
}

/// What kind of request it is; a key counts for the same kind only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// A Join.
    Join,
    /// A message.
    Message,
    /// A notice.
    Notify,
}

/// Whose request it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Person {
    /// A flex user.
    User(usize),
    /// Whoever has this PersonId.
    Id(String),
    /// Whoever registered with this nickname.
    Nickname(String),
}

/// A control of inactivity: how often it has expired, and when it does next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Control {
    /// Expiries so far; none: it does not run.
    pub(super) expired: Option<usize>,
    pub(super) due: Option<Due>,
    pub(super) closes_at: Option<u64>,
}

/// A question to the outside.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) session: usize,
    pub(super) purpose: Purpose,
    pub(super) kind: Kind,
    /// The events to be saved, as they were when it was first asked.
    pub(super) events: Vec<TranscriptEvent>,
    pub(super) attempts_left: u32,
    /// Expires; none: it is answered, or was asked anew.
    pub(super) due: Option<Due>,
    /// The number of the first attempt.
    pub(super) first: usize,
}

/// What an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A stage of a creation.
    Create,
    /// A step may be told.
    Save,
    /// A stage of a closing.
    Close,
    /// A record is made late, or catches up.
    CatchUp,
    /// Words are fetched (B12.5).
    Wake,
    /// Nothing.
    Change,
    /// Nothing, and nothing is left of the session (B4.3).
    Undo,
}

/// User data and properties, in their order.
pub(super) type Texts = Vec<(String, String)>;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Who somebody is, by these user data.
    Identify(Texts),
    /// A new record, of this contact's, with these user data.
    Create(Option<String>, Texts),
    /// To save these events.
    Append(Vec<u32>),
    /// To save all of these, and close.
    Final(Vec<u32>),
    /// To keep these, which the store would not take.
    Spool(Vec<u32>),
    /// All that is saved.
    Load,
    /// To forget the record.
    Discard,
    /// A new interaction, with these properties, the password left out.
    Submit(Texts),
    /// To change these properties.
    Change(Texts),
    /// The end of an interaction.
    Stop,
}

impl Model {
    /// A server at the start of the clock.
    pub fn new(setting: Setting, wall: Wall) -> Self {
        Self {
            setting,
            now: 0,
            wall,
            links: Vec::new(),
            users: Vec::new(),
            sessions: Vec::new(),
            asks: Vec::new(),
            out: Vec::new(),
            registrations: 0,
            participations: 0,
            behind: Vec::new(),
            draining: false,
            ending: false,
            waking: false,
            armed: 0,
        }
    }

    /// What it expects the server to have done by now.
    pub fn take(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }

    /// Sessions the server holds, however far they have come.
    pub fn held(&self) -> usize {
        self.sessions.iter().filter(|session| session.phase != Phase::Gone).count()
    }

    pub(super) fn after(&mut self, millis: u64) -> Due {
        self.armed += 1;
        Due { at: self.now + millis, armed: self.armed }
    }

    pub(super) fn stamp(&self) -> Stamp {
        self.stamp_in(0)
    }

    pub(super) fn stamp_in(&self, millis: u64) -> Stamp {
        self.wall.stamp(Instant::from_millis(self.now + millis))
    }

    /// Somebody's participations in sessions that go on, in the order they began.
    pub(super) fn seats(&self, link: usize) -> Vec<(usize, usize)> {
        let mut seats = Vec::new();
        for (session, it) in self.sessions.iter().enumerate() {
            for (party, one) in it.parties.iter().enumerate() {
                if one.present && one.seat == Seat::Basic(link) {
                    seats.push((one.number, session, party));
                }
            }
        }
        seats.sort_unstable();
        seats.into_iter().map(|(_, session, party)| (session, party)).collect()
    }

    /// The session with this id.
    pub(super) fn named(&self, id: &str) -> Option<usize> {
        let number: usize = id.strip_prefix('S')?.parse().ok()?;
        let session = self.sessions.get(number)?;
        (session.phase != Phase::Gone).then_some(number)
    }
}

impl Session {
    pub(super) fn new(start_at: Stamp, newcomer: Newcomer) -> Self {
        Self {
            phase: Phase::Creating(Stage::Identify),
            start_at,
            is_async: false,
            password: None,
            user_data: KvList::new(),
            newcomer: Some(newcomer),
            creation: None,
            again: Vec::new(),
            contact: None,
            stopped: false,
            abandoned: false,
            announced: false,
            parties: Vec::new(),
            events: Vec::new(),
            steps: VecDeque::new(),
            told: 0,
            told_closed: false,
            told_monitored: false,
            keeping: Keeping::Missing { making: true },
            reserved: false,
            asleep: None,
            retry: None,
            overrides: Overrides::default(),
            keys: Vec::new(),
            regular: Control::default(),
            asynchronous: Control::default(),
            status: 1,
            status_told: 0,
            transfer: false,
            closing: None,
            changed: true,
            unsure: Vec::new(),
            linger: None,
            lingered: false,
            removed: Vec::new(),
        }
    }

    /// The newest event.
    pub(super) fn last(&self) -> u32 {
        number(self.events.len())
    }

    /// Its record has everything that anybody was told.
    pub(super) fn is_even(&self) -> bool {
        self.keeping == Keeping::Even
    }

    pub(super) fn event(&self, id: u32) -> &Happened {
        &self.events[id as usize - 1]
    }

    /// Those who take part, in the order they came (B8.4).
    pub(super) fn present(&self) -> Vec<usize> {
        (0..self.parties.len()).filter(|&party| self.parties[party].present).collect()
    }

    /// Whether somebody takes part for whom this holds.
    pub(super) fn has(&self, of: impl Fn(&Party) -> bool) -> bool {
        self.parties.iter().any(|party| party.present && of(party))
    }

    /// Another event.
    pub(super) fn happen(
        &mut self,
        sender: usize,
        receiver: Option<usize>,
        visibility: Visibility,
        what: What,
        stamp: Stamp,
    ) -> u32 {
        // B5.2: the larger of the last one and what the calendar says.
        let last = self.events.last().map_or(0, |event| event.time_shift);
        let time_shift = last.max(stamp.saturating_since(self.start_at));
        self.events.push(Happened { sender, receiver, visibility, time_shift, what });
        self.last()
    }
}

impl Party {
    /// What "agent" means to B8.3, inactivity control and async chat (B3.6).
    pub(super) fn is_agent(&self) -> bool {
        matches!(self.who.user_type, UserType::Agent | UserType::Supervisor)
            && self.visibility == Visibility::All
            && !self.bot
    }

    /// The version agreed on (B6.1).
    pub(super) fn version(&self) -> i32 {
        self.who.version.unwrap_or(101).clamp(101, 106)
    }
}

pub(super) fn number(length: usize) -> u32 {
    u32::try_from(length).expect("a model is small")
}
