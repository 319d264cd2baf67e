//! A session out of its record: as it was when that was written last, before anybody who was there is
//! swept out of it (B20.4).

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::ask::{Leaf, LeafKind, Loaded};
use crate::frame::{EventBody, KvList, ProtocolType, TranscriptEvent, UserType};
use crate::id::{EventId, FileId, UserId};
use crate::limits::Limits;
use crate::pii::{Fingerprint, Pii};
use crate::session::Session;
use crate::session::asleep;
use crate::session::asynchrony::{AsyncStatus, Asynchrony};
use crate::session::dossier::{Guest, MAX_FORMER};
use crate::session::files::{File, Files, MAX_FILES, Used};
use crate::session::keys::{Done, KEYS_KEPT, Keys, Kind, Person};
use crate::session::language::Language;
use crate::session::leaves::{Read as _, names};
use crate::session::outbox::Outbox;
use crate::session::overrides::Overrides;
use crate::session::push::Subscription;
use crate::session::roster::{Participant, PartyNo, Seat};
use crate::session::transcript::{
    Entry, FILE_NOTICES, GCTI_SYSTEM, Left, More, Reason, Transcript, What, Words,
};
use crate::session::view::{BOT, FILE_DELETED_MARK, PARTY_INFO, PARTY_STYLE};
use crate::session::visibility::Audience;
use crate::text::Str;
use crate::time::{Instant, Stamp};

/// RequestKeys that are taken out of a record.
const MAX_KEYS: usize = Limits::MAX_PARTICIPATIONS as usize * KEYS_KEPT;

/// A flex user, as a record knows them before its events are read.
#[derive(Debug)]
pub(crate) struct KnownGuest {
    /// Of their secure key.
    pub(crate) key: Fingerprint,
    /// They are not there any more.
    pub(crate) removed: bool,
}

/// The flex user of this id, by which they are known now or were before.
pub(crate) fn guest(leaves: &[Leaf], user_id: &UserId) -> Option<KnownGuest> {
    let is = |state: &KvList| {
        let ids = state.text(names::ID).into_iter().chain(state.text(names::FORMER));
        ids.into_iter().any(|ids| ids.split(' ').any(|id| id == user_id.as_str()))
    };
    let parties = leaves.iter().filter(|leaf| leaf.key.kind == LeafKind::Party);
    let state = &parties.into_iter().find(|leaf| is(&leaf.state))?.state;
    let key = state.fingerprint(names::SECURE_KEY)?;
    Some(KnownGuest { key, removed: state.value(names::REMOVED).is_some() })
}

/// Of the secret by which agents may restore the session (B20.10).
pub(crate) fn token(leaves: &[Leaf]) -> Option<Fingerprint> {
    session_leaf(leaves)?.fingerprint(names::TOKEN)
}

fn session_leaf(leaves: &[Leaf]) -> Option<&KvList> {
    leaves.iter().find(|leaf| leaf.key.kind == LeafKind::Session).map(|leaf| &leaf.state)
}

impl Session {
    /// The session of this record. Nobody is reached in it any more; whoever took part when the
    /// record was written still does, as far as the roster knows.
    ///
    /// What makes no sense is left out.
    pub(crate) fn restored(record: Loaded, now: Instant) -> Self {
        let Loaded { session, beginning, generation, events, reserved_to, leaves, .. } = record;
        let mut it = Self::new(session, beginning.start_at);
        it.interaction = beginning.interaction;
        it.tenant = beginning.tenant;
        it.queue = beginning.queue;
        it.subject = beginning.subject;
        it.user_data = beginning.user_data;
        it.contact = beginning.contact;
        it.generation = generation;
        it.rebuild(events, reserved_to);
        let none = KvList::new();
        it.take_session_leaf(session_leaf(&leaves).unwrap_or(&none), now);
        it.take_guests(&leaves);
        it.take_files(&leaves);
        it
    }

    /// The roster and the transcript of these events.
    fn rebuild(&mut self, events: Vec<TranscriptEvent>, reserved_to: EventId) {
        let mut by_id: BTreeMap<UserId, PartyNo> = BTreeMap::new();
        let mut entries: Vec<Entry> = Vec::with_capacity(events.len());
        for event in events {
            let id = event.event_id;
            if id <= entries.last().map_or(EventId::NONE, |last| last.id) {
                continue;
            }
            self.last_time_shift = self.last_time_shift.max(event.time_shift);
            let known = |user_id: &UserId| by_id.get(user_id).copied();
            let entry = match &event.body {
                EventBody::NewParty(_) => {
                    let user_id = event.user_id.clone();
                    let room = self.roster.ever() < Limits::MAX_PARTICIPATIONS as usize;
                    let newcomer = newcomer(event).filter(|_| room && known(&user_id).is_none());
                    newcomer.map(|newcomer| {
                        let party = self.roster.add(newcomer.participant);
                        by_id.insert(user_id, party);
                        let visibility = self.roster.party(party).visibility;
                        let audience = Audience { sender: party, receiver: None, visibility };
                        let what = What::NewParty(newcomer.greeting);
                        Entry { id, audience, time_shift: newcomer.time_shift, what }
                    })
                }
                EventBody::PartyLeft(_) => left(event, known),
                EventBody::Message(_) | EventBody::Notice(_) | EventBody::Unknown(_) => {
                    let entry = asleep::entry(without_mark(event), known);
                    // They pass with whoever made them (B5.4, B20.4).
                    entry.filter(|entry| !entry.is_ephemeral())
                }
            };
            let Some(entry) = entry else { continue };
            if let What::PartyLeft(_) = entry.what {
                self.roster.remove(entry.audience.sender, id);
            }
            if let Some(name) = entry.new_name() {
                self.roster.rename(entry.audience.sender, name);
            }
            entries.push(entry);
        }
        let last = entries.last().map_or(EventId::NONE, |last| last.id).max(reserved_to);
        self.transcript = Transcript::restored(entries, last);
        self.outbox = Outbox::told_up_to(last);
    }

    fn take_session_leaf(&mut self, leaf: &KvList, now: Instant) {
        self.last_time_shift =
            self.last_time_shift.max(leaf.small(names::TIME_SHIFT).unwrap_or_default());
        let text = |name| leaf.text(name).map(|text| Str::new(&text));
        self.language =
            Language { name: text(names::LANGUAGE_NAME), code: text(names::LANGUAGE_CODE) };
        self.dossier.password = leaf.fingerprint(names::PASSWORD);
        self.dossier.token = leaf.fingerprint(names::TOKEN);
        if self.is_async() {
            let check_at = leaf.text(names::CHECK_AT).and_then(|stamp| Stamp::parse(&stamp));
            let mut state = Asynchrony::new(now, check_at.unwrap_or(self.start_at));
            if let Some(status) = leaf.number(names::STATUS).and_then(AsyncStatus::by_number) {
                state.status = status;
            }
            self.asynchrony = Some(state);
            self.dossier.status_shift = leaf.small(names::STATUS_SHIFT).unwrap_or_default();
        }
        let overrides = leaf.list(names::OVERRIDES);
        let overrides = overrides.and_then(|set| Overrides::NONE.configured(set, usize::MAX).ok());
        self.overrides = overrides.map(Box::new);
    }

    fn take_guests(&mut self, leaves: &[Leaf]) {
        for leaf in leaves.iter().filter(|leaf| leaf.key.kind == LeafKind::Party) {
            let Some(key) = leaf.state.fingerprint(names::SECURE_KEY) else { continue };
            let Some(party) = u16::try_from(leaf.key.index).ok().map(PartyNo) else { continue };
            let Some(participant) = self.roster.get(party) else { continue };
            if participant.protocol != ProtocolType::Flex {
                continue;
            }
            let removed = participant.left.is_some();
            // Whoever went by itself is nobody afterwards.
            if removed && leaf.state.value(names::REMOVED).is_none() {
                continue;
            }
            let former = leaf.state.text(names::FORMER).unwrap_or_default();
            let former = former.split(' ').filter(|id| !id.is_empty());
            let former = former.take(MAX_FORMER).map(UserId::new).collect();
            self.dossier.guests.push(Guest { party, key, former, removed });
        }
    }

    fn take_files(&mut self, leaves: &[Leaf]) {
        let mut files = Vec::new();
        for leaf in leaves.iter().filter(|leaf| leaf.key.kind == LeafKind::File).take(MAX_FILES) {
            let state = &leaf.state;
            let (Some(id), Some(owner), Some(uploaded)) =
                (state.text(names::ID), state.party(), state.event(names::UPLOADED))
            else {
                continue;
            };
            if self.roster.get(owner).is_none() {
                continue;
            }
            let deleted = state.event(names::DELETED);
            if let Some(deleted) = deleted {
                self.transcript.mark_deleted(uploaded, deleted);
            }
            let counted = state.number(names::COUNTED).and_then(|size| u64::try_from(size).ok());
            files.push(File { id: FileId::new(&id), owner, uploaded, deleted, counted });
        }
        let none = KvList::new();
        let leaf = session_leaf(leaves).unwrap_or(&none);
        let used = Used {
            files: leaf.small(names::FILES).unwrap_or_default(),
            size: leaf.number(names::FILES_SIZE).and_then(|it| u64::try_from(it).ok()).unwrap_or(0),
            downloads: leaf.small(names::DOWNLOADS).unwrap_or_default(),
        };
        if leaf.value(names::FILES).is_some() || !files.is_empty() {
            self.files = Some(Box::new(Files::restored(files, used)));
        }
    }

    /// The subscription of a flex user, if it has one (B20.9).
    pub(crate) fn saved_subscription(
        &self,
        leaves: &[Leaf],
        party: PartyNo,
    ) -> Option<Subscription> {
        let is =
            |leaf: &&Leaf| leaf.key.kind == LeafKind::Party && leaf.key.index == u32::from(party.0);
        let state = &leaves.iter().find(is)?.state;
        state.value(names::PUSH)?;
        let subscription = Subscription::new(&self.roster.party(party).user_data)?;
        let group = state.text(names::PUSH_GROUP).map(|group| Str::new(&group));
        Some(Subscription { group, ..subscription })
    }

    /// The RequestKeys that were saved (B4.8), those of flex users for whoever had the participation
    /// and is here again.
    pub(crate) fn take_keys(&mut self, leaves: &[Leaf]) {
        let user_of = |party| match self.roster.party(self.guest_of(party)?.party).seat {
            Seat::Flex(user) => Some(user),
            Seat::Basic(_) | Seat::Voice | Seat::Former => None,
        };
        let keys = leaves.iter().filter(|leaf| leaf.key.kind == LeafKind::RequestKey);
        let saved = keys.take(MAX_KEYS).filter_map(|leaf| {
            let state = &leaf.state;
            let party = state.party().filter(|party| self.roster.get(*party).is_some())?;
            let text = |name| state.text(name).map(|text| Pii::new(Str::new(&text)));
            let person = match (text(names::PERSON_ID), text(names::NICKNAME)) {
                (Some(id), _) => Person::Id(id),
                (None, Some(name)) => Person::Nickname(name),
                (None, None) => Person::Flex(user_of(party)?),
            };
            let done = Done {
                key: Str::new(&state.text(names::KEY)?),
                kind: Kind::by_name(&state.string(names::KIND)?)?,
                party,
                after: state.event(names::AFTER)?,
                to: state.event(names::TO)?,
            };
            Some((leaf.key.index, person, done))
        });
        let saved: Vec<_> = saved.collect();
        self.keys = Keys::restored(saved);
    }

    /// Which flex user had each participation: the guest, by the ids it has and had.
    pub(crate) fn guest_of(&self, party: PartyNo) -> Option<&Guest> {
        let id = &self.roster.party(party).user_id;
        let mut guests = self.dossier.guests.iter();
        guests.find(|guest| guest.party == party || guest.former.contains(id))
    }
}

/// Somebody as they came.
struct Arrival {
    participant: Participant,
    greeting: Option<Words>,
    time_shift: u32,
}

fn newcomer(event: TranscriptEvent) -> Option<Arrival> {
    let EventBody::NewParty(new) = event.body else { return None };
    let party = event.party?;
    let user_type = party.user_type.known()?;
    let visibility = event.visibility.known()?;
    let user_data = new.user_data.unwrap_or_default();
    let bot = user_data.text(PARTY_STYLE).as_deref() == Some(BOT);
    let seat = match user_type {
        UserType::External | UserType::System => Seat::Voice,
        UserType::Client | UserType::Agent | UserType::Supervisor => Seat::Former,
    };
    let event_attributes = event.event_attributes.and_then(without_party_info);
    let more = More { event_attributes, ..More::default() };
    let participant = Participant {
        user_id: event.user_id,
        user_type,
        visibility,
        protocol: new.protocol_type.known()?,
        nickname: party.user_nickname,
        person_id: new.person_id,
        time_zone_offset: new.time_zone_offset,
        client_version: new.client_version,
        user_data,
        bot,
        seat,
        number: 0,
        joined: event.event_id,
        fetched: EventId::NONE,
        left: None,
    };
    let greeting = new.message_text.map(|text| Words::new(text, more));
    Some(Arrival { participant, greeting, time_shift: event.time_shift })
}

fn left(event: TranscriptEvent, known: impl Fn(&UserId) -> Option<PartyNo>) -> Option<Entry> {
    let EventBody::PartyLeft(left) = event.body else { return None };
    let sender = known(&event.user_id)?;
    let more = More { event_attributes: event.event_attributes, ..More::default() };
    let left = Left {
        asker: known(&left.asker_id).unwrap_or(sender),
        reason: Reason::by_code(left.reason_code).unwrap_or(Reason::Server),
        words: left.message_text.map(|text| Words::new(text, more)),
    };
    let audience = Audience { sender, receiver: None, visibility: event.visibility.known()? };
    let what = What::PartyLeft(Box::new(left));
    Some(Entry { id: event.event_id, audience, time_shift: event.time_shift, what })
}

/// Attributes without the mark of a bot, which every look adds (B3.6).
fn without_party_info(mut attributes: KvList) -> Option<KvList> {
    if let Some(mut system) = attributes.list(GCTI_SYSTEM).cloned() {
        system.retain(|entry| &*entry.key != PARTY_INFO);
        attributes.retain(|entry| &*entry.key != GCTI_SYSTEM);
        if !system.is_empty() {
            attributes.push(GCTI_SYSTEM, system);
        }
    }
    Some(attributes).filter(|attributes| !attributes.is_empty())
}

/// The announcement of a file without the mark that it is deleted, which every look adds (B22.3).
fn without_mark(mut event: TranscriptEvent) -> TranscriptEvent {
    if let EventBody::Notice(notice) = &mut event.body
        && notice.notice_text.as_ref().is_some_and(|text| text.reveal() == FILE_NOTICES[0])
        && let Some(data) = &mut notice.user_data
    {
        data.retain(|entry| &*entry.key != FILE_DELETED_MARK);
    }
    event
}
