//! What happened in a session, in order.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::config::SaveNotices;
use crate::frame::{KvList, KvValue, NoticeType, TreatAs};
use crate::id::EventId;
use crate::mask::{Masked, Masker};
use crate::pii::Pii;
use crate::session::roster::PartyNo;
use crate::session::visibility::Audience;
use crate::text::{Str, Text};

/// The events of a session.
///
/// Those that stay are in `entries`, which only grows. Typing notices and read confirmations, of
/// which only the newest of each participant counts (B5.4), are kept beside them, so that replacing
/// one never moves the rest.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    entries: Vec<Entry>,
    ephemeral: Vec<Entry>,
    last: EventId,
}

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: EventId,
    pub(crate) audience: Audience,
    /// Whole seconds since the session began (B5.2).
    pub(crate) time_shift: u32,
    pub(crate) what: What,
}

// Nearly all that a session takes is these and their texts: what few events have is in boxes.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Entry>() == 48);

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// Somebody came; who, the roster knows.
    NewParty(Option<Words>),
    Message(Words),
    Notice(NoticeType, Option<Words>),
    PartyLeft(Box<Left>),
}

/// A text somebody wrote, and what came with it.
///
/// Masked once, when it comes in; views only choose between the two texts (see [`Words::seen_by`]).
#[derive(Clone, Debug)]
pub(crate) struct Words {
    text: Text,
    pub(crate) more: Option<Box<More>>,
}

/// What few texts have.
#[derive(Clone, Debug, Default)]
pub(crate) struct More {
    /// What those entitled see instead.
    pub(crate) original: Option<(Text, Vec<PartyNo>)>,
    pub(crate) message_type: Option<Str>,
    pub(crate) treat_as: Option<TreatAs>,
    pub(crate) user_data: Option<KvList>,
    pub(crate) event_attributes: Option<KvList>,
    /// The notice that says the file is deleted which this one announces (B22.3).
    pub(crate) deleted: Option<EventId>,
}

/// How somebody went.
#[derive(Clone, Debug)]
pub(crate) struct Left {
    pub(crate) asker: PartyNo,
    pub(crate) reason: Reason,
    pub(crate) words: Option<Words>,
}

/// Why somebody went (B8.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Plain,
    CloseIfNoAgents,
    ForceClose,
    Disconnect,
    OtherParty,
    Server,
    WrongSecureKey,
    Inactivity,
    Restoration,
}

impl Reason {
    /// The one with this number.
    pub(crate) fn by_code(code: Option<i32>) -> Option<Self> {
        let all = [
            Self::Plain,
            Self::CloseIfNoAgents,
            Self::ForceClose,
            Self::Disconnect,
            Self::OtherParty,
            Self::Server,
            Self::WrongSecureKey,
            Self::Inactivity,
            Self::Restoration,
        ];
        all.into_iter().find(|reason| reason.code() == code)
    }

    /// The number; a plain leave has none.
    pub(crate) const fn code(self) -> Option<i32> {
        match self {
            Self::Plain => None,
            Self::CloseIfNoAgents => Some(1),
            Self::ForceClose => Some(2),
            Self::Disconnect => Some(3),
            Self::OtherParty => Some(4),
            Self::Server => Some(5),
            Self::WrongSecureKey => Some(6),
            Self::Inactivity => Some(7),
            Self::Restoration => Some(8),
        }
    }

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Plain => "left",
            Self::CloseIfNoAgents => "left with request to close if no agents",
            Self::ForceClose => "left with request to close forcedly",
            Self::Disconnect => "left due to disconnect",
            Self::OtherParty => "removed by other party",
            Self::Server => "removed by server",
            Self::WrongSecureKey => "removed: wrong secure key",
            Self::Inactivity => "removed due to inactivity",
            Self::Restoration => "removed at restoration",
        }
    }
}

impl What {
    /// The words of it that may hold what must not be kept: what people say, and what they are
    /// about to say. Names, addresses, commands and the data of programs are no such words.
    pub(crate) fn maskable(&mut self) -> Option<&mut Words> {
        match self {
            Self::Message(words) => Some(words),
            Self::NewParty(words)
            | Self::Notice(NoticeType::UserTypingStarted | NoticeType::UserTypingStopped, words) => {
                words.as_mut()
            }
            Self::PartyLeft(left) => left.words.as_mut(),
            Self::Notice(..) => None,
        }
    }
}

impl Words {
    #[inline]
    pub(crate) fn new(text: Text, more: More) -> Self {
        let plain = more.original.is_none()
            && more.message_type.is_none()
            && more.treat_as.is_none()
            && more.user_data.is_none()
            && more.event_attributes.is_none();
        Self { text, more: (!plain).then(|| Box::new(more)) }
    }

    /// Replaces what must not be kept. The author goes on reading what it wrote.
    pub(crate) fn mask(&mut self, masker: &dyn Masker, author: PartyNo) {
        let Some(Masked { text, cleanup }) = masker.mask(self.text.reveal()) else { return };
        let original = core::mem::replace(&mut self.text, text);
        let more = self.more.get_or_insert_default();
        more.original = Some((original, Vec::from([author])));
        let mut attributes = more.event_attributes.take();
        add_system(&mut attributes, PII_CLEANUP, cleanup.into());
        more.event_attributes = attributes;
    }

    /// The text as everybody may read it.
    pub(crate) const fn text(&self) -> &Text {
        &self.text
    }

    /// The text as this participation may read it.
    pub(crate) fn seen_by(&self, viewer: PartyNo) -> &Text {
        match self.more.as_ref().and_then(|more| more.original.as_ref()) {
            Some((original, entitled)) if entitled.contains(&viewer) => original,
            Some(_) | None => &self.text,
        }
    }
}

/// The list in an event's attributes that says what was masked (B15.3).
const PII_CLEANUP: &str = "pii-cleanup";
/// The list in event attributes that only the server writes into (B7.7).
pub(crate) const GCTI_SYSTEM: &str = "GCTI_SYSTEM";

/// Writes into the server's own list of an event's attributes, beside what it holds already.
pub(crate) fn add_system(attributes: &mut Option<KvList>, key: &str, value: KvValue) {
    let attributes = attributes.get_or_insert_default();
    let mut system = attributes.list(GCTI_SYSTEM).cloned().unwrap_or_default();
    attributes.retain(|entry| &*entry.key != GCTI_SYSTEM);
    system.push(key, value);
    attributes.push(GCTI_SYSTEM, system);
}

/// The commands about files that are told to everybody, and always stored (B5.4, B22.1, B22.3).
pub(crate) const FILE_NOTICES: [&str; 2] = ["file-uploaded", "file-deleted"];
/// The command that confirms reading (B7.4).
pub(crate) const READ_CONFIRM: &str = "read-confirm";

impl Entry {
    /// The user data of a notice.
    pub(crate) fn notice_data(&self) -> Option<&KvList> {
        match &self.what {
            What::Notice(_, Some(words)) => words.more.as_ref()?.user_data.as_ref(),
            What::Notice(..) | What::NewParty(_) | What::Message(_) | What::PartyLeft(_) => None,
        }
    }

    /// Whether only the newest of its kind counts, and it is never stored as such (B5.4).
    pub(crate) fn is_ephemeral(&self) -> bool {
        self.is_typing() || self.is_read_confirm()
    }

    /// Whether it is stored, with notices kept like this (B5.4).
    pub(crate) fn is_stored(&self, notices: SaveNotices) -> bool {
        match (&self.what, notices) {
            (What::NewParty(_) | What::Message(_) | What::PartyLeft(_), _)
            | (What::Notice(..), SaveNotices::All) => true,
            (What::Notice(..), SaveNotices::Major) => !self.is_ephemeral(),
            (What::Notice(NoticeType::SysCommand, Some(words)), SaveNotices::None) => {
                FILE_NOTICES.contains(&words.text.reveal())
            }
            (What::Notice(..), SaveNotices::None) => false,
        }
    }

    /// Whether it is a command to programs.
    pub(crate) fn is_command(&self) -> bool {
        matches!(self.what, What::Notice(NoticeType::SysCommand, _))
    }

    /// Whether somebody is entitled to other words than everybody.
    pub(crate) fn has_original(&self) -> bool {
        let words = match &self.what {
            What::Message(words) => Some(words),
            What::NewParty(words) | What::Notice(_, words) => words.as_ref(),
            What::PartyLeft(left) => left.words.as_ref(),
        };
        words.and_then(|words| words.more.as_ref()).is_some_and(|more| more.original.is_some())
    }

    fn makes_obsolete(&self) -> Obsolete {
        match &self.what {
            What::Message(_) => Obsolete::Typing,
            What::PartyLeft(_) => Obsolete::All,
            What::Notice(..) if self.is_typing() => Obsolete::Typing,
            What::Notice(..) if self.is_read_confirm() => Obsolete::ReadConfirm,
            What::Notice(..) | What::NewParty(_) => Obsolete::Nothing,
        }
    }

    /// The name its sender has from now on, if it changes that (B7.3).
    pub(crate) fn new_name(&self) -> Option<Pii<Str>> {
        match &self.what {
            What::Notice(NoticeType::UserUpdateNick, Some(words)) => {
                Some(Pii::new(Str::new(words.text.reveal().trim())))
            }
            What::Notice(..) | What::NewParty(_) | What::Message(_) | What::PartyLeft(_) => None,
        }
    }

    fn is_typing(&self) -> bool {
        matches!(
            self.what,
            What::Notice(NoticeType::UserTypingStarted | NoticeType::UserTypingStopped, _)
        )
    }

    fn is_read_confirm(&self) -> bool {
        match &self.what {
            What::Notice(NoticeType::SysCommand, Some(words)) => {
                words.text.reveal() == READ_CONFIRM
            }
            What::Notice(..) | What::NewParty(_) | What::Message(_) | What::PartyLeft(_) => false,
        }
    }
}

/// The ephemeral notices of its sender that an event makes obsolete (B5.4).
#[derive(Clone, Copy, Debug)]
enum Obsolete {
    Nothing,
    Typing,
    ReadConfirm,
    All,
}

impl Transcript {
    /// The events that were saved, in order; no id up to `last` is given to another.
    pub(crate) fn restored(entries: Vec<Entry>, last: EventId) -> Self {
        Self { entries, ephemeral: Vec::new(), last }
    }

    /// The newest id that was given to an event.
    pub(crate) fn last(&self) -> EventId {
        self.last
    }

    /// Adds an event with the next id; the caller has checked that there is one (B17.4).
    pub(crate) fn push(&mut self, audience: Audience, time_shift: u32, what: What) -> EventId {
        let Some(id) = self.last.next() else {
            unreachable!("a session has at most 10,000,000 events");
        };
        self.last = id;
        let entry = Entry { id, audience, time_shift, what };
        if entry.is_ephemeral() { &mut self.ephemeral } else { &mut self.entries }.push(entry);
        id
    }

    /// The events after `after` up to `to` were told: whatever they make obsolete goes (B5.4). Not
    /// before, for its own sender has yet to be answered with it (B7.8).
    pub(crate) fn forget_obsolete(&mut self, after: EventId, to: EventId) {
        if self.ephemeral.is_empty() {
            return;
        }
        let new = |entry: &Entry| (entry.id, entry.audience.sender, entry.makes_obsolete());
        let new: Vec<_> = self.between(after, to).map(new).collect();
        for (id, sender, obsolete) in new {
            self.ephemeral.retain(|old| {
                let gone = match obsolete {
                    Obsolete::Nothing => false,
                    Obsolete::Typing => old.is_typing(),
                    Obsolete::ReadConfirm => old.is_read_confirm(),
                    Obsolete::All => true,
                };
                !(gone && old.audience.sender == sender && old.id < id)
            });
        }
    }

    /// The events after `after` up to `to`, in order.
    pub(crate) fn between(&self, after: EventId, to: EventId) -> impl Iterator<Item = &Entry> {
        let mut staying = self.within(&self.entries, after, to);
        let mut passing = self.within(&self.ephemeral, after, to);
        core::iter::from_fn(move || match (staying.first(), passing.first()) {
            (Some(stays), Some(passes)) if passes.id < stays.id => passing.split_off_first(),
            (Some(_), _) => staying.split_off_first(),
            (None, _) => passing.split_off_first(),
        })
    }

    /// Those of `entries` after `after` up to `to`.
    fn within<'a>(&self, entries: &'a [Entry], after: EventId, to: EventId) -> &'a [Entry] {
        if entries.last().is_none_or(|last| last.id <= after) {
            return &[];
        }
        // No more entries than ids come after one: mostly, the last or none is left to look at.
        let up_to = |id: EventId| {
            let later = self.last.number().saturating_sub(id.number()) as usize;
            let early = entries.len().saturating_sub(later);
            early + entries[early..].partition_point(|entry| entry.id <= id)
        };
        let end = if to >= self.last { entries.len() } else { up_to(to) };
        &entries[up_to(after).min(end)..end]
    }

    /// The end of a stretch of at most `count` staying events after `after`; `to`, if there are no
    /// more up to there.
    pub(crate) fn stretch(&self, after: EventId, to: EventId, count: usize) -> EventId {
        let from = self.entries.partition_point(|entry| entry.id <= after);
        match self.entries.get(from.saturating_add(count)) {
            Some(beyond) if beyond.id <= to => self.entries[from + count - 1].id,
            Some(_) | None => to,
        }
    }

    /// A file is deleted by a notice; its own notice says so from then on (B22.3).
    pub(crate) fn mark_deleted(&mut self, uploaded: EventId, by: EventId) {
        let Ok(index) = self.entries.binary_search_by_key(&uploaded, |entry| entry.id) else {
            return;
        };
        if let What::Notice(_, Some(Words { more: Some(more), .. })) = &mut self.entries[index].what
        {
            more.deleted = Some(by);
        }
    }

    /// The events that stay.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Keeps these of the events that stay, and no memory for the others.
    pub(crate) fn retain(&mut self, keeps: impl Fn(&Entry) -> bool) {
        self.entries.retain(keeps);
        self.entries.shrink_to_fit();
    }

    /// Adds events that were there before, in their places; what is there already stays.
    pub(crate) fn merge(&mut self, mut entries: Vec<Entry>) {
        let there = |id| self.entries.binary_search_by_key(&id, |entry| entry.id).is_ok();
        entries.retain(|entry| !there(entry.id));
        self.entries.append(&mut entries);
        self.entries.sort_by_key(|entry| entry.id);
    }

    /// An event that is still there.
    pub(crate) fn entry(&self, id: EventId) -> Option<&Entry> {
        let index = self.entries.binary_search_by_key(&id, |entry| entry.id).ok()?;
        self.entries.get(index)
    }
}
