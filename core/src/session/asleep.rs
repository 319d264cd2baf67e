//! A dormant session whose words are in the store and not in memory (B12.5).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::config::SaveNotices;
use crate::frame::{EventBody, Frame, Open, Request, TranscriptEvent};
use crate::id::{EventId, LinkId, UserId};
use crate::session::roster::{PartyNo, Roster};
use crate::session::transcript::{Entry, More, Transcript, What, Words};
use crate::session::visibility::Audience;

/// Requests that may wait for the words to come back. One more is refused (8318).
pub(crate) const MAX_HELD: usize = 1024;

/// What is remembered of the words that are away.
#[derive(Debug)]
pub(crate) struct Asleep {
    /// Words of events up to here are away.
    pub(crate) away_to: EventId,
    /// They are being fetched, for these requests and those behind them, in order.
    pub(crate) held: VecDeque<(LinkId, Frame<Request>)>,
    /// The store was asked.
    pub(crate) asked: bool,
}

impl Transcript {
    /// Lets go of the words that are stored: messages, and notices that are no commands. Who came
    /// and went stays. `None` if there is nothing to let go of, or if somebody is entitled to words
    /// that the store does not have (B15.4).
    pub(crate) fn fall_asleep(&mut self, notices: SaveNotices) -> Option<EventId> {
        let goes = |entry: &Entry| match &entry.what {
            What::Message(_) => true,
            What::Notice(..) => !entry.is_command() && entry.is_stored(notices),
            What::NewParty(_) | What::PartyLeft(_) => false,
        };
        let last = self.entries().iter().rev().find(|entry| goes(entry))?.id;
        if self.entries().iter().any(Entry::has_original) {
            return None;
        }
        self.retain(|entry| !goes(entry));
        Some(last)
    }

    /// Takes back what the store has, beside what stayed. Events that make no sense here are not
    /// from this session, and are left out; of those that count only as the newest of their kind, no
    /// word ever went (B5.4).
    pub(crate) fn wake_up(&mut self, events: Vec<TranscriptEvent>, roster: &Roster) {
        let by_id = |user_id: &UserId| roster.by_user_id(user_id);
        let back = events.into_iter().filter_map(|event| entry(event, by_id));
        let back = back.filter(|entry| !entry.is_ephemeral());
        self.merge(back.collect());
    }
}

/// A message or notice as it was before it was stored.
pub(super) fn entry(
    event: TranscriptEvent,
    by_id: impl Fn(&UserId) -> Option<PartyNo>,
) -> Option<Entry> {
    let TranscriptEvent { event_id, user_id, time_shift, visibility, event_attributes, .. } = event;
    let (receiver_id, what) = match event.body {
        EventBody::Message(message) => {
            let more = More {
                message_type: message.message_type,
                treat_as: message.treat_as.and_then(Open::known),
                user_data: message.user_data,
                event_attributes,
                ..More::default()
            };
            (message.receiver_id, What::Message(Words::new(message.message_text, more)))
        }
        EventBody::Notice(notice) => {
            let more = More { user_data: notice.user_data, event_attributes, ..More::default() };
            let words = notice.notice_text.map(|text| Words::new(text, more));
            (notice.receiver_id, What::Notice(notice.notice_type.known()?, words))
        }
        EventBody::NewParty(_) | EventBody::PartyLeft(_) | EventBody::Unknown(_) => return None,
    };
    let receiver = match receiver_id {
        Some(receiver_id) => Some(by_id(&receiver_id)?),
        None => None,
    };
    let sender = by_id(&user_id)?;
    let audience = Audience { sender, receiver, visibility: visibility.known()? };
    Some(Entry { id: event_id, audience, time_shift, what })
}
