//! Events as one participant gets to see them: what its protocol, its client's version and its user
//! type leave of them. Whether it sees them at all is `visibility`'s business.

use alloc::boxed::Box;

use crate::frame::{
    EventBody, KvList, Message, NewParty, Notice, NoticeType, Open, Party, PartyLeft, ProtocolType,
    TranscriptEvent, UserType,
};
use crate::id::EventId;
use crate::session::roster::{Participant, PartyNo, Roster};
use crate::session::transcript::{Entry, Left, What, Words, add_system};
use crate::session::visibility;
use crate::text::Text;

/// User data of a newParty that marks a bot (B3.6).
pub(crate) const PARTY_STYLE: &str = "GCTI_Chat_PartyStyle";
/// The value of that mark.
pub(crate) const BOT: &str = "BOT";
/// The list in event attributes that marks a bot (B3.6).
pub(crate) const PARTY_INFO: &str = "party-info";
/// User data a CLIENT never sees (B22.2, B22.4).
const HIDDEN_FROM_CLIENTS: [&str; 2] = ["file-document-id", "file-upload-path"];
/// User data that says a file is deleted (B22.3).
pub(crate) const FILE_DELETED_MARK: &str = "file-deleted";

/// The versions in which something came (B6.1).
const WITH_NICKNAMES: i32 = 102;
const WITH_SYSTEM: i32 = 103;
const WITH_COMMANDS: i32 = 104;
const WITH_MONITORED: i32 = 105;
const WITH_EVENT_ATTRIBUTES: i32 = 106;

/// The version of a client that announces none, and the newest there is (B6.1).
pub(crate) const OLDEST: i32 = 101;
pub(crate) const NEWEST: i32 = 106;

/// The version agreed on with a client that announced this one (B6.1).
pub(crate) fn agreed(announced: Option<i32>) -> i32 {
    announced.unwrap_or(OLDEST).clamp(OLDEST, NEWEST)
}

/// Somebody who looks at a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Viewer {
    pub(crate) party: PartyNo,
    user_type: UserType,
    flex: bool,
    version: i32,
    /// Not a viewer at all, but the record, which has everything.
    record: bool,
    /// Later events are not told yet, and neither is what they change.
    told: EventId,
    /// Gets everything masked, whatever it is entitled to.
    masked: bool,
}

impl Viewer {
    /// The record: everything, as on basic with the newest version, masked where it was masked.
    pub(crate) const STORE: Self = Self {
        party: PartyNo(u16::MAX),
        user_type: UserType::Supervisor,
        flex: false,
        version: NEWEST,
        record: true,
        told: EventId::MAX,
        masked: false,
    };

    /// This participation, with the version agreed on.
    pub(crate) fn new(party: PartyNo, participant: &Participant) -> Self {
        Self {
            party,
            user_type: participant.user_type,
            flex: participant.protocol == ProtocolType::Flex,
            version: agreed(participant.client_version),
            record: false,
            told: EventId::MAX,
            masked: false,
        }
    }

    /// The same, who was told the events up to this one.
    pub(crate) const fn told(self, told: EventId) -> Self {
        Self { told, ..self }
    }

    /// The same by way of third parties, who must not learn what is masked (B15.7).
    pub(crate) fn masked(self) -> Self {
        Self { masked: true, ..self }
    }

    /// Whether its client knows of silent monitoring.
    pub(crate) fn knows_monitored(&self) -> bool {
        self.version >= WITH_MONITORED
    }

    /// Whether its client knows of inactivity control.
    pub(crate) fn knows_idle_time(&self) -> bool {
        self.version >= WITH_SYSTEM
    }

    /// Whether its client may send such a notice (B6.2).
    pub(crate) fn knows_notice(&self, notice: NoticeType) -> bool {
        self.version
            >= match notice {
                NoticeType::UserCustom
                | NoticeType::UserPushedUrl
                | NoticeType::UserTypingStarted
                | NoticeType::UserTypingStopped => OLDEST,
                NoticeType::UserUpdateNick => WITH_NICKNAMES,
                NoticeType::IdleControlAlert
                | NoticeType::IdleControlClose
                | NoticeType::IdleControlSet => WITH_SYSTEM,
                NoticeType::SysCommand => WITH_COMMANDS,
            }
    }

    /// Whether its client may send event attributes (B6.2).
    pub(crate) fn knows_event_attributes(&self) -> bool {
        self.version >= WITH_EVENT_ATTRIBUTES
    }

    /// The event as this viewer gets it; `None` if it is not for them, or too new for their client.
    pub(crate) fn event(&self, entry: &Entry, roster: &Roster) -> Option<TranscriptEvent> {
        if !self.record && !visibility::sees(self.party, self.user_type, entry.audience) {
            return None;
        }
        let sender = roster.party(entry.audience.sender);
        if sender.user_type == UserType::System && self.version < WITH_SYSTEM {
            return None;
        }
        let receiver_id =
            entry.audience.receiver.map(|receiver| roster.party(receiver).user_id.clone());
        let body = match &entry.what {
            What::NewParty(greeting) => self.new_party(sender, greeting.as_ref()),
            What::Message(words) => EventBody::Message(Message {
                message_text: self.text(words).clone(),
                message_type: more(words, |more| more.message_type.clone()),
                treat_as: more(words, |more| more.treat_as.map(Open::Known)),
                receiver_id,
                user_data: self.user_data(words, false),
            }),
            What::Notice(notice_type, words) => {
                if !self.knows_notice(*notice_type) {
                    return None;
                }
                EventBody::Notice(Notice {
                    notice_type: Open::Known(*notice_type),
                    notice_text: self.notice_text(entry, *notice_type, words.as_ref()),
                    receiver_id,
                    user_data: words.as_ref().and_then(|words| self.user_data(words, true)),
                })
            }
            What::PartyLeft(left) => self.party_left(left, roster),
        };
        let is_new_party = matches!(entry.what, What::NewParty(_));
        Some(TranscriptEvent {
            event_id: entry.id,
            user_id: sender.user_id.clone(),
            time_shift: entry.time_shift,
            visibility: Open::Known(entry.audience.visibility),
            party: (self.flex || is_new_party).then(|| Party {
                user_nickname: sender.nickname.clone(),
                user_type: Open::Known(sender.user_type),
            }),
            participant_no: self.flex.then_some(sender.number),
            event_attributes: self.event_attributes(entry, sender),
            body,
        })
    }

    /// The events after `after` up to `to`, as this viewer gets them.
    pub(crate) fn events<'a>(
        self,
        entries: impl Iterator<Item = &'a Entry>,
        roster: &Roster,
    ) -> impl Iterator<Item = TranscriptEvent> {
        entries.filter_map(move |entry| self.event(entry, roster))
    }

    fn text<'a>(&self, words: &'a Words) -> &'a Text {
        if self.masked { words.text() } else { words.seen_by(self.party) }
    }

    fn new_party(&self, sender: &Participant, greeting: Option<&Words>) -> EventBody {
        EventBody::NewParty(Box::new(NewParty {
            protocol_type: Open::Known(sender.protocol),
            person_id: sender.person_id.clone(),
            time_zone_offset: sender.time_zone_offset,
            client_version: sender.client_version,
            user_data: (!self.flex && !sender.user_data.is_empty())
                .then(|| sender.user_data.clone()),
            message_text: greeting.map(|words| self.text(words).clone()),
        }))
    }

    /// A preview of what somebody types is not for customers (B7.2), unless it is their own.
    fn notice_text(
        &self,
        entry: &Entry,
        notice_type: NoticeType,
        words: Option<&Words>,
    ) -> Option<Text> {
        let typing =
            matches!(notice_type, NoticeType::UserTypingStarted | NoticeType::UserTypingStopped);
        let hidden =
            typing && self.user_type == UserType::Client && entry.audience.sender != self.party;
        words.filter(|_| !hidden).map(|words| self.text(words).clone())
    }

    fn party_left(&self, left: &Left, roster: &Roster) -> EventBody {
        EventBody::PartyLeft(PartyLeft {
            asker_id: roster.party(left.asker).user_id.clone(),
            reason_code: left.reason.code(),
            reason_text: Some(Text::new(left.reason.text())),
            message_text: left.words.as_ref().map(|words| self.text(words).clone()),
        })
    }

    /// On basic, user data stands on every event that has some (B6.3); on flex, on notices only, and
    /// from 104 on (B6.1).
    fn user_data(&self, words: &Words, notice: bool) -> Option<KvList> {
        let admitted = !self.flex || (notice && self.version >= WITH_COMMANDS);
        let user_data = words.more.as_ref()?.user_data.as_ref().filter(|_| admitted)?;
        let mut user_data = user_data.clone();
        if words.more.as_ref().and_then(|more| more.deleted).is_some_and(|by| by <= self.told) {
            user_data.push(FILE_DELETED_MARK, "true");
        }
        let hidden = |key: &str| HIDDEN_FROM_CLIENTS.contains(&key);
        if self.user_type == UserType::Client
            && user_data.into_iter().any(|entry| hidden(&entry.key))
        {
            user_data.retain(|entry| !hidden(&entry.key));
        }
        Some(user_data)
    }

    /// What the sender attached, and what the server adds: the mark of a bot (B3.6), and to its own
    /// going, why (B8.7).
    fn event_attributes(&self, entry: &Entry, sender: &Participant) -> Option<KvList> {
        if !self.knows_event_attributes() {
            return None;
        }
        let words = match &entry.what {
            What::NewParty(words) | What::Notice(_, words) => words.as_ref(),
            What::Message(words) => Some(words),
            What::PartyLeft(left) => left.words.as_ref(),
        };
        let mut attributes = words.and_then(|words| words.more.as_ref()?.event_attributes.clone());
        if sender.bot && (self.flex || matches!(entry.what, What::NewParty(_))) {
            let style = KvList::from([("style", BOT.into())]);
            add_system(&mut attributes, PARTY_INFO, style.into());
        }
        if let What::PartyLeft(left) = &entry.what
            && self.flex
            && entry.audience.sender == self.party
        {
            let code = left.reason.code().unwrap_or(0);
            let code = alloc::string::ToString::to_string(&code);
            add_system(&mut attributes, "quit-reason-code", (&*code).into());
        }
        attributes
    }
}

fn more<T>(words: &Words, part: impl FnOnce(&super::transcript::More) -> Option<T>) -> Option<T> {
    words.more.as_deref().and_then(part)
}

#[cfg(test)]
mod tests;
