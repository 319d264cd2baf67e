//! Who sees what of a session: the whole list, filtered anew for every look.

use confer_core::config::SaveNotices;
use confer_core::frame::{
    ChatTranscript, EventBody, KvList, Message, NewParty, Notice, NoticeType, Open, Party,
    PartyLeft, ProtocolType, TranscriptEvent, UserType, Visibility,
};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::pii::Pii;
use confer_core::text::{Str, Text};
use confer_core::time::Stamp;

use super::state::{Happened, Model, Seat, Session, What};

/// Somebody who reads a session, or the record, which is nobody.
#[derive(Clone, Copy)]
struct Reader {
    party: Option<usize>,
    user_type: UserType,
    flex: bool,
    version: i32,
}

impl Session {
    /// B3.3, and B3.4: a sender always sees its own.
    fn sees(&self, viewer: usize, event: &Happened) -> bool {
        let user_type = self.parties[viewer].who.user_type;
        if viewer == event.sender {
            return true;
        }
        match event.receiver {
            Some(receiver) => viewer == receiver,
            None => reaches(user_type, event.visibility),
        }
    }

    /// B5.4: only the newest typing and the newest confirmation of each participant count, no typing
    /// before its message, and nothing of either once it left.
    fn outlived(&self, id: u32) -> bool {
        let event = self.event(id);
        // Not before that is told (B7.8): whoever says it is still answered with both.
        let later = || {
            let later = self.events.iter().take(self.told as usize).skip(id as usize);
            later.filter(|later| later.sender == event.sender)
        };
        if is_typing(event) {
            later().any(|later| {
                is_typing(later) || matches!(later.what, What::Message(..) | What::PartyLeft(..))
            })
        } else if is_confirmation(event) {
            later().any(|later| is_confirmation(later) || matches!(later.what, What::PartyLeft(..)))
        } else {
            false
        }
    }

    /// The events after `after` up to `to` that are to be stored (B5.4, B5.5). No script announces
    /// files, which always are.
    pub(super) fn stored(&self, after: u32, to: u32, notices: SaveNotices) -> Vec<u32> {
        let is_stored = |id: u32| match notices {
            SaveNotices::None => !matches!(self.event(id).what, What::Notice(..)),
            SaveNotices::Major => self.stays(id),
            SaveNotices::All => !self.outlived(id),
        };
        (after + 1..=to).filter(|&id| is_stored(id)).collect()
    }

    /// B7.3: whoever changes their name in these events has it from now on; the first name is
    /// recorded once.
    pub(super) fn rename(&self, parties: &mut [super::state::Party], after: u32, to: u32) {
        for id in after + 1..=to {
            let event = self.event(id);
            let What::Notice(NoticeType::UserUpdateNick, Some(name), _) = &event.what else {
                continue;
            };
            let (sender, name) = (event.sender, name.trim().to_owned());
            let party = &mut parties[sender];
            let old = std::mem::replace(&mut party.who.nickname, name);
            if party.user_data.value("GCTI_Original_Nickname").is_none() {
                party.user_data.push("GCTI_Original_Nickname", &*old);
            }
        }
    }

    /// A command of the server's that is no event (B20.6).
    pub(super) fn aside(&self, command: &str, stamp: Stamp) -> TranscriptEvent {
        let last = self.events.last().map_or(0, |event| event.time_shift);
        TranscriptEvent {
            event_id: EventId::NONE,
            user_id: UserId::new("0000000000000000"),
            time_shift: last.max(stamp.saturating_since(self.start_at)),
            visibility: Open::Known(Visibility::All),
            party: Some(Party {
                user_nickname: Pii::new(Str::new("System")),
                user_type: Open::Known(UserType::System),
            }),
            participant_no: None,
            event_attributes: None,
            body: EventBody::Notice(Notice {
                notice_type: Open::Known(NoticeType::SysCommand),
                notice_text: Some(Text::new(command)),
                receiver_id: None,
                user_data: None,
            }),
        }
    }

    /// Whether an event is more than the newest of its kind (B5.4).
    pub(super) fn stays(&self, id: u32) -> bool {
        !is_typing(self.event(id)) && !is_confirmation(self.event(id))
    }

    /// An event as somebody gets it, if it is for them.
    pub(super) fn view(&self, viewer: usize, id: u32) -> Option<TranscriptEvent> {
        let me = &self.parties[viewer];
        let reader = Reader {
            party: Some(viewer),
            user_type: me.who.user_type,
            flex: matches!(me.seat, Seat::Flex(_)),
            version: me.version(),
        };
        let is_there = self.sees(viewer, self.event(id)) && !self.outlived(id);
        if is_there { self.read(reader, &self.parties, id) } else { None }
    }

    /// Events as they are stored: as a supervisor of today would see them on basic, and with the
    /// names that people have by all that happened, told or not (B5.5, B7.3).
    pub(super) fn stored_as(&self, ids: &[u32]) -> Vec<TranscriptEvent> {
        let user_type = UserType::Supervisor;
        let reader = Reader { party: None, user_type, flex: false, version: 106 };
        let mut parties = self.parties.clone();
        self.rename(&mut parties, self.told, self.last());
        ids.iter().filter_map(|&id| self.read(reader, &parties, id)).collect()
    }

    fn read(
        &self,
        reader: Reader,
        parties: &[super::state::Party],
        id: u32,
    ) -> Option<TranscriptEvent> {
        let Reader { party: viewer, user_type, flex, version } = reader;
        let event = self.event(id);
        let sender = &parties[event.sender];
        // B6.1: user type SYSTEM came with 103.
        if sender.who.user_type == UserType::System && version < 103 {
            return None;
        }
        let user_id = |party: usize| UserId::new(&self.parties[party].user_id);
        let receiver_id = event.receiver.map(user_id);
        let own = viewer == Some(event.sender);
        let mut attributes = None;
        let body = match &event.what {
            What::NewParty(greeting) => EventBody::NewParty(Box::new(NewParty {
                protocol_type: Open::Known(match (sender.seat, sender.who.user_type) {
                    (Seat::Basic(_), _) => ProtocolType::Basic,
                    (Seat::Flex(_), _) => ProtocolType::Flex,
                    (Seat::Voice, UserType::System) => ProtocolType::None,
                    (Seat::Voice, _) => ProtocolType::Esp,
                }),
                person_id: sender.who.person_id.as_deref().map(|id| Pii::new(Str::new(id))),
                time_zone_offset: None,
                client_version: sender.who.version,
                user_data: Some(sender.user_data.clone()).filter(|it| !flex && !it.is_empty()),
                message_text: greeting.as_deref().map(Text::new),
            })),
            What::Message(text, more) => {
                attributes.clone_from(more);
                EventBody::Message(Message {
                    message_text: Text::new(text),
                    message_type: None,
                    treat_as: None,
                    receiver_id,
                    user_data: None,
                })
            }
            What::Notice(notice, text, user_data) => {
                if version < since(*notice) {
                    return None;
                }
                // B7.2: previews are not for customers, unless it is their own.
                let hidden = is_typing(event) && user_type == UserType::Client && !own;
                EventBody::Notice(Notice {
                    notice_type: Open::Known(*notice),
                    notice_text: text.as_deref().filter(|_| !hidden).map(Text::new),
                    receiver_id,
                    // B6.1: on flex from 104 on; B6.3: on basic always.
                    user_data: user_data.clone().filter(|_| !flex || version >= 104),
                })
            }
            What::PartyLeft(asker, code, words) => EventBody::PartyLeft(PartyLeft {
                asker_id: user_id(*asker),
                reason_code: *code,
                reason_text: Some(Text::new(reason_text(*code))),
                message_text: words.as_deref().map(Text::new),
            }),
        };
        // B3.6, B8.7: what the server writes into GCTI_SYSTEM.
        let newcomer = matches!(event.what, What::NewParty(_));
        let mut system = KvList::new();
        if sender.bot && (flex || newcomer) {
            system.push("party-info", KvList::from([("style", "BOT".into())]));
        }
        if let What::PartyLeft(_, code, _) = event.what
            && flex
            && own
        {
            system.push("quit-reason-code", &*code.unwrap_or(0).to_string());
        }
        if !system.is_empty() {
            attributes.get_or_insert_default().push("GCTI_SYSTEM", system);
        }
        Some(TranscriptEvent {
            event_id: EventId::new(id).expect("a model is small"),
            user_id: user_id(event.sender),
            time_shift: event.time_shift,
            visibility: Open::Known(event.visibility),
            party: (flex || newcomer).then(|| Party {
                user_nickname: Pii::new(Str::new(&sender.who.nickname)),
                user_type: Open::Known(sender.who.user_type),
            }),
            participant_no: flex.then(|| self.participant_no(event.sender)),
            // B6.1: EventAttributes came with 106.
            event_attributes: attributes.filter(|_| version >= 106),
            body,
        })
    }

    /// The ordinal among the participations a CLIENT may see; SYSTEM is 0 (wire §5).
    fn participant_no(&self, party: usize) -> u32 {
        let counts = |party: usize| {
            let party = &self.parties[party];
            party.visibility == Visibility::All && party.who.user_type != UserType::System
        };
        if !counts(party) {
            return 0;
        }
        super::state::number((0..=party).filter(|&party| counts(party)).count())
    }

    /// The events after `after` up to `to`, as somebody gets them.
    pub(super) fn views(&self, viewer: usize, after: u32, to: u32) -> Vec<TranscriptEvent> {
        (after + 1..=to).filter_map(|id| self.view(viewer, id)).collect()
    }
}

impl Model {
    /// A transcript round these events.
    pub(super) fn transcript(
        &self,
        session: usize,
        viewer: usize,
        events: Vec<TranscriptEvent>,
        monitored_changed: bool,
    ) -> ChatTranscript {
        let it = &self.sessions[session];
        let version = it.parties[viewer].version();
        // B11.5: whole seconds until the sooner of both controls closes the session.
        let ends = [it.regular.closes_at, it.asynchronous.closes_at];
        let left = ends.into_iter().flatten().min().map(|end| (end - self.now).div_ceil(1000));
        let left = left.map(|left| u32::try_from(left).expect("not that long"));
        ChatTranscript {
            start_at: it.start_at,
            session_id: SessionId::new(&format!("S{session}")),
            events: events.into(),
            idle_time_expire: left.filter(|_| version >= 103),
            // B3.5: while somebody watches, and when that changes; from 105 on.
            monitored: (version >= 105 && (it.told_monitored || monitored_changed))
                .then_some(it.told_monitored),
        }
    }
}

/// B3.3: whom events of a visibility are for.
pub(super) fn reaches(user_type: UserType, visibility: Visibility) -> bool {
    let levels: &[UserType] = match visibility {
        Visibility::All => return true,
        Visibility::Int => &[UserType::Agent, UserType::Supervisor],
        Visibility::Vip => &[UserType::Supervisor],
    };
    levels.contains(&user_type)
}

/// The version in which a notice came (B6.1).
pub(super) fn since(notice: NoticeType) -> i32 {
    match notice {
        NoticeType::UserCustom
        | NoticeType::UserPushedUrl
        | NoticeType::UserTypingStarted
        | NoticeType::UserTypingStopped => 101,
        NoticeType::UserUpdateNick => 102,
        NoticeType::IdleControlAlert
        | NoticeType::IdleControlClose
        | NoticeType::IdleControlSet => 103,
        NoticeType::SysCommand => 104,
    }
}

fn is_typing(event: &Happened) -> bool {
    matches!(
        event.what,
        What::Notice(NoticeType::UserTypingStarted | NoticeType::UserTypingStopped, ..)
    )
}

fn is_confirmation(event: &Happened) -> bool {
    matches!(&event.what, What::Notice(NoticeType::SysCommand, Some(text), _) if text == "read-confirm")
}

/// B8.7.
fn reason_text(code: Option<i32>) -> &'static str {
    match code {
        None => "left",
        Some(1) => "left with request to close if no agents",
        Some(2) => "left with request to close forcedly",
        Some(3) => "left due to disconnect",
        Some(4) => "removed by other party",
        Some(5) => "removed by server",
        Some(6) => "removed: wrong secure key",
        Some(7) => "removed due to inactivity",
        Some(_) => "unknown",
    }
}
