//! One chat session: who is in it, what happened, and what waits to be told.
//!
//! A session sends nothing, asks no store and arms no timer; the server machine does, and leaves here
//! the names of the connections, saves and timers that are about it. It keeps two positions: events
//! are *applied* at once, and *released* to anybody only when their save is done, strictly in order,
//! through the [`outbox`].

pub(crate) mod aside;
pub(crate) mod asleep;
pub(crate) mod asynchrony;
pub(crate) mod closing;
pub(crate) mod creating;
pub(crate) mod dossier;
pub(crate) mod files;
pub(crate) mod idle;
pub(crate) mod keeping;
pub(crate) mod keys;
pub(crate) mod language;
pub(crate) mod leaves;
pub(crate) mod newcomer;
pub(crate) mod outbox;
pub(crate) mod overrides;
pub(crate) mod phase;
pub(crate) mod push;
pub(crate) mod restored;
pub(crate) mod restoring;
pub(crate) mod roster;
pub(crate) mod transcript;
pub(crate) mod user;
pub(crate) mod view;
pub(crate) mod visibility;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::ask::{Beginning, Record};
use crate::config::SaveNotices;
use crate::frame::{
    ChatTranscript, EventBody, EventList, KvList, NoticeType, SessionStatus, TranscriptEvent,
};
use crate::id::{ContactId, EventId, InteractionId, SessionId};
use crate::limits::Limits;
use crate::mask::Masker;
use crate::slab::Key;
use crate::text::{Str, Text};
use crate::time::{Instant, Stamp};

use asleep::Asleep;
use asynchrony::Asynchrony;
use closing::Closing;
use creating::Creating;
use dossier::Dossier;
use files::Files;
use idle::Control;
use keeping::Keeping;
use keys::{Keys, Person};
use language::Language;
use outbox::{Outbox, Step};
use overrides::Overrides;
use phase::Phase;
use push::Subscribers;
use restoring::Restoring;
use roster::{ORIGINAL_NICKNAME, Roster};
use transcript::{Entry, Transcript, What};
use user::User;
use view::Viewer;
use visibility::Audience;

/// Removed flex users a session remembers (B9.2).
const REMOVED_USERS: usize = 64;

/// A chat session (B1.1).
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) interaction: InteractionId,
    pub(crate) tenant: Str,
    pub(crate) queue: Str,
    pub(crate) subject: Option<Text>,
    pub(crate) user_data: KvList,
    pub(crate) language: Language,
    pub(crate) start_at: Stamp,
    pub(crate) phase: Phase,
    pub(crate) roster: Roster,
    pub(crate) transcript: Transcript,
    pub(crate) outbox: Outbox,
    /// While it is being made.
    pub(crate) creating: Option<Box<Creating>>,
    /// While it is being restored (B20.2).
    pub(crate) restoring: Option<Box<Restoring>>,
    /// What its record holds beside its events.
    pub(crate) dossier: Box<Dossier>,
    /// The RequestKey it was created with, and whose; on basic only (B4.8).
    pub(crate) creation: Option<Box<(Person, Str)>>,
    /// What its closing still has to do, once it closes.
    pub(crate) closing: Option<Closing>,
    /// Whose it is, as far as the contact store knows (B19.1).
    pub(crate) contact: Option<ContactId>,
    /// How far its record is.
    pub(crate) keeping: Keeping,
    /// Its words are in the store only (B12.5).
    pub(crate) asleep: Option<Box<Asleep>>,
    /// Nobody is interested in its end any more.
    pub(crate) lingered: bool,
    /// The generation of this server's ownership (B20.3).
    pub(crate) generation: u64,
    /// Requests that must not take effect twice (B4.8).
    pub(crate) keys: Keys,
    /// Its files, once there is something to know of them (B22.1).
    pub(crate) files: Option<Box<Files>>,
    /// Flex users that were removed while it lives, oldest first (B9.2).
    removed: VecDeque<Key<User>>,
    /// Where it stands, if it is async (B12.3).
    pub(crate) asynchrony: Option<Asynchrony>,
    /// The inactivity control that runs while customer and agent are both there (B11.1).
    pub(crate) regular: Control,
    /// The one that runs in async sessions (B12.2).
    pub(crate) asynchronous: Control,
    /// What the workflow set otherwise for this session (B11.6).
    pub(crate) overrides: Option<Box<Overrides>>,
    /// Those who are pushed to (B10.1).
    pub(crate) subscribers: Subscribers,
    last_time_shift: u32,
}

// There may be a million: eleven cache lines, what few sessions have being in boxes.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Session>() <= 11 * 64);

impl Session {
    pub(crate) fn new(id: SessionId, start_at: Stamp) -> Self {
        Self {
            interaction: InteractionId::new(id.as_str()),
            id,
            tenant: Str::default(),
            queue: Str::default(),
            subject: None,
            user_data: KvList::new(),
            language: Language::default(),
            start_at,
            phase: Phase::Creating,
            roster: Roster::default(),
            transcript: Transcript::default(),
            outbox: Outbox::default(),
            creating: None,
            restoring: None,
            dossier: Box::default(),
            creation: None,
            closing: None,
            contact: None,
            keeping: Keeping::default(),
            asleep: None,
            lingered: false,
            generation: 1,
            keys: Keys::default(),
            files: None,
            removed: VecDeque::new(),
            asynchrony: None,
            regular: Control::default(),
            asynchronous: Control::default(),
            overrides: None,
            subscribers: Subscribers::default(),
            last_time_shift: 0,
        }
    }

    /// Applies an event, its words masked: the only way one comes into the transcript.
    pub(crate) fn happen(
        &mut self,
        masker: &dyn Masker,
        audience: Audience,
        mut what: What,
        stamp: Stamp,
    ) -> EventId {
        if let Some(words) = what.maskable() {
            words.mask(masker, audience.sender);
        }
        self.last_time_shift = self.time_shift(stamp);
        self.transcript.push(audience, self.last_time_shift, what)
    }

    /// Whole seconds since it began, never decreasing, whatever the wall clock does (B5.2).
    pub(crate) fn time_shift(&self, stamp: Stamp) -> u32 {
        self.last_time_shift.max(stamp.saturating_since(self.start_at))
    }

    /// Whether it goes on, as far as anybody may know.
    pub(crate) const fn status(&self) -> SessionStatus {
        if self.outbox.is_closed() { SessionStatus::Closed } else { SessionStatus::Alive }
    }

    /// Puts a step into the outbox, behind those that wait.
    pub(crate) fn queue(&mut self, mut step: Step) {
        step.monitored = self.roster.is_monitored();
        self.outbox.push(step);
    }

    /// A flex user was removed; the one that is remembered no longer, for there are too many.
    pub(crate) fn remember(&mut self, user: Key<User>) -> Option<Key<User>> {
        self.removed.push_back(user);
        if self.removed.len() > REMOVED_USERS { self.removed.pop_front() } else { None }
    }

    /// The flex users that are of no use without it.
    pub(crate) fn users(&self) -> impl Iterator<Item = Key<User>> {
        self.roster.users().chain(self.removed.iter().copied())
    }

    /// The events after `after` up to `to`, as they are stored: all of them, direct ones included
    /// (B5.5), but the notices that are not to be (B5.4).
    pub(crate) fn stored(&self, after: EventId, to: EventId, notices: SaveNotices) -> EventList {
        self.record(core::iter::empty(), after, to, notices)
    }

    /// What the save of a step writes: its events, and before them those they change: newParties
    /// (B7.3), and the notices of files that are deleted (B22.3).
    pub(crate) fn changed(&self, after: EventId, to: EventId, notices: SaveNotices) -> EventList {
        let changed = |entry: &Entry| match entry.what {
            What::Notice(NoticeType::UserUpdateNick, _) => {
                let joined = self.roster.party(entry.audience.sender).joined;
                self.transcript.entry(joined).filter(|_| joined <= after)
            }
            What::Notice(NoticeType::SysCommand, _) => {
                let uploaded = self.files.as_ref()?.deleted_by(entry.id)?;
                self.transcript.entry(uploaded)
            }
            What::Notice(..) | What::NewParty(_) | What::Message(_) | What::PartyLeft(_) => None,
        };
        let changed = self.transcript.between(after, to).filter_map(changed);
        self.record(changed, after, to, notices)
    }

    /// What the save of a step writes, and before it these newParties, of which nobody knows yet
    /// whether they are saved.
    pub(crate) fn changed_with(
        &self,
        newcomers: &[EventId],
        own: EventList,
        to: EventId,
    ) -> EventList {
        let is_there = |id: &EventId| own.iter().any(|event| event.event_id == *id);
        let carried = newcomers.iter().filter(|id| !is_there(id));
        let carried = carried.filter_map(|id| self.transcript.entry(*id));
        let mut events: EventList = Viewer::STORE.events(carried, &self.roster).collect();
        if events.is_empty() {
            return own;
        }
        self.rename_ahead(&mut events, to);
        Vec::from(events).into_iter().chain(Vec::from(own)).collect()
    }

    /// The newParties after `after` up to `to`.
    pub(crate) fn newcomers(&self, after: EventId, to: EventId) -> Vec<EventId> {
        let events = self.transcript.between(after, to);
        events.filter(|it| matches!(it.what, What::NewParty(_))).map(|it| it.id).collect()
    }

    /// These events, and those after `after` up to `to`, as they are stored.
    fn record<'a>(
        &'a self,
        changed: impl Iterator<Item = &'a Entry>,
        after: EventId,
        to: EventId,
        notices: SaveNotices,
    ) -> EventList {
        let new = self.transcript.between(after, to).filter(|entry| entry.is_stored(notices));
        let mut events: EventList =
            Viewer::STORE.events(changed.chain(new), &self.roster).collect();
        self.rename_ahead(&mut events, to);
        events
    }

    /// Gives newParties the names that are not told yet, but will be by `to`.
    fn rename_ahead(&self, events: &mut [TranscriptEvent], to: EventId) {
        if !events.iter().any(|event| matches!(event.body, EventBody::NewParty(_))) {
            return;
        }
        for entry in self.transcript.between(self.outbox.told(), to) {
            let Some(name) = entry.new_name() else { continue };
            let user_id = &self.roster.party(entry.audience.sender).user_id;
            for event in events.iter_mut().filter(|event| event.user_id == *user_id) {
                let (Some(party), EventBody::NewParty(body)) = (&mut event.party, &mut event.body)
                else {
                    continue;
                };
                let old = core::mem::replace(&mut party.user_nickname, name.clone());
                let user_data = body.user_data.get_or_insert_default();
                if user_data.value(ORIGINAL_NICKNAME).is_none() {
                    user_data.push(ORIGINAL_NICKNAME, &**old.reveal());
                }
            }
        }
    }

    /// A step may be told: whoever has another name by it has it from now on.
    pub(crate) fn told(&mut self, step: &Step) {
        if !step.renames {
            return;
        }
        let of = |entry: &Entry| Some((entry.audience.sender, entry.new_name()?));
        let names: Vec<_> = self.transcript.between(step.after, step.to).filter_map(of).collect();
        for (party, name) in names {
            self.roster.rename(party, name);
        }
    }

    /// What begins its record (B19.2).
    pub(crate) fn new_record(&self) -> Record {
        Record::Create { session: self.id.clone(), beginning: Box::new(self.beginning()) }
    }

    /// How it began, its interaction being the newest.
    pub(crate) fn beginning(&self) -> Beginning {
        Beginning {
            contact: self.contact.clone(),
            start_at: self.start_at,
            subject: self.subject.clone(),
            user_data: self.user_data.clone(),
            tenant: self.tenant.clone(),
            queue: self.queue.clone(),
            interaction: self.interaction.clone(),
        }
    }

    /// Whether another event may happen other than that somebody goes (B17.4).
    pub(crate) fn has_room(&self, limits: &Limits) -> bool {
        self.transcript.last().number() < limits.max_events_per_session
    }

    /// What the interaction is to know of the session (B19.3).
    pub(crate) fn properties(&self) -> KvList {
        let mut properties = self.user_data.clone();
        properties.push("IsOnline", "1");
        properties.push("ChatServerSessionStartedAt", &*self.start_at.written());
        properties
    }

    /// Whole seconds until the session would be closed for inactivity, the sooner of both controls
    /// (B11.5).
    fn idle_time_expire(&self, now: Instant) -> Option<u32> {
        let closes_at = match (self.regular.closes_at, self.asynchronous.closes_at) {
            (Some(regular), Some(asynchronous)) => regular.min(asynchronous),
            (regular, asynchronous) => regular.or(asynchronous)?,
        };
        let left = closes_at.saturating_since(now).as_millis().div_ceil(1000);
        Some(u32::try_from(left).unwrap_or(u32::MAX))
    }

    /// A transcript round these events, for this viewer.
    #[inline]
    pub(crate) fn chat_transcript(
        &self,
        viewer: Viewer,
        events: EventList,
        monitored_changed: bool,
        now: Instant,
    ) -> ChatTranscript {
        ChatTranscript {
            start_at: self.start_at,
            session_id: self.id.clone(),
            events,
            idle_time_expire: self.idle_time_expire(now).filter(|_| viewer.knows_idle_time()),
            monitored: (viewer.knows_monitored()
                && (self.outbox.is_monitored() || monitored_changed))
                .then_some(self.outbox.is_monitored()),
        }
    }
}
