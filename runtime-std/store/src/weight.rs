//! How much memory a request holds, near enough for a limit.

use confer_core::ask::{Contact, Interaction, Leaf, Record, Request};
use confer_core::frame::{EventBody, KvList, TranscriptEvent};
use confer_core::text::Text;

/// What a request takes at least, in bytes.
const REQUEST: usize = 256;

pub(crate) fn weight(request: &Request) -> usize {
    REQUEST
        + match request {
            Request::Contact(Contact::Identify { user_data, .. }) => list(user_data),
            Request::Record(record) => match record {
                Record::Create { beginning, .. } => list(&beginning.user_data),
                Record::Append { events, leaves, .. } | Record::Final { events, leaves, .. } => {
                    self::events(events) + self::leaves(leaves)
                }
                Record::Spool { events, beginning, .. } => {
                    self::events(events) + list(&beginning.user_data)
                }
                Record::Call { .. }
                | Record::Discard { .. }
                | Record::Load { .. }
                | Record::Own { .. }
                | Record::Release { .. } => 0,
            },
            Request::Interaction(interaction) => match interaction {
                Interaction::Submit { properties, .. } | Interaction::Change { properties, .. } => {
                    list(properties)
                }
                Interaction::Stop { .. } => 0,
            },
            Request::Document(_) | Request::Instance(_) => 0,
        }
}

fn list(list: &KvList) -> usize {
    list.size() + 64 * list.len()
}

fn leaves(leaves: &[Leaf]) -> usize {
    leaves.iter().map(|leaf| 32 + list(&leaf.state)).sum()
}

fn events(events: &[TranscriptEvent]) -> usize {
    events.iter().map(event).sum()
}

fn event(event: &TranscriptEvent) -> usize {
    let text = |text: Option<&Text>| text.map_or(0, |text| text.reveal().len());
    let data = |data: Option<&KvList>| data.map_or(0, list);
    size_of::<TranscriptEvent>()
        + data(event.event_attributes.as_ref())
        + match &event.body {
            EventBody::NewParty(party) => {
                data(party.user_data.as_ref()) + text(party.message_text.as_ref())
            }
            EventBody::Message(message) => {
                data(message.user_data.as_ref()) + text(Some(&message.message_text))
            }
            EventBody::Notice(notice) => {
                data(notice.user_data.as_ref()) + text(notice.notice_text.as_ref())
            }
            EventBody::PartyLeft(left) => {
                text(left.reason_text.as_ref()) + text(left.message_text.as_ref())
            }
            EventBody::Unknown(_) => 0,
        }
}
