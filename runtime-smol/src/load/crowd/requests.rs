//! What people ask, and how the answers find back to them.

use bytes::BytesMut;
use confer_core::frame::{
    AfterAction, ChatTranscript, EventBody, EventList, Frame, KvList, Message, Open, PushMode,
    SessionStatus, TranscriptEvent, UserType, Visibility, basic, flex,
};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::pii::{Pii, Secret};
use confer_core::text::{Str, Text};
use confer_core::time::Stamp;
use confer_wire::{MAX_FRAME, encode};

use super::people::User;
use crate::load::words::Side;

/// The version of the protocols everybody speaks.
const VERSION: i32 = 106;

/// Bits of a reference that number a slot, from 1 on.
const SLOTS: u32 = 24;
const SLOT: u32 = (1 << SLOTS) - 1;
/// Bits above them, for the how-manieth session in a slot it is.
const GENERATION: u32 = (1 << 6) - 1;
const ALIVE: u32 = 1 << 31;
const FAREWELL: u32 = 3 << 30;

/// What a request is about, as the number that comes back with its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// Who is at this end of the connection.
    Hello,
    /// A session, and the how-manieth in its place; or, beyond the sessions, a dormant one.
    Slot { slot: u32, generation: u32 },
    /// The answer to a push query.
    Alive(u32),
    /// The Logout of whoever is in this slot, at the end.
    Farewell(u32),
}

impl Reference {
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Hello => u32::MAX,
            Self::Slot { slot, generation } => {
                ((generation & GENERATION) << SLOTS) | ((slot + 1) & SLOT)
            }
            Self::Alive(number) => ALIVE | (number & !FAREWELL),
            Self::Farewell(slot) => FAREWELL | slot,
        }
    }

    /// What a number is about; nothing if nobody asked.
    pub(super) const fn of(number: u32) -> Option<Self> {
        match number {
            0 => None,
            u32::MAX => Some(Self::Hello),
            FAREWELL.. => Some(Self::Farewell(number & !FAREWELL)),
            ALIVE.. => Some(Self::Alive(number & !FAREWELL)),
            _ => match (number & SLOT).checked_sub(1) {
                Some(slot) => Some(Self::Slot { slot, generation: number >> SLOTS }),
                None => None,
            },
        }
    }

    /// The session after so many others in a slot.
    pub(super) const fn next_generation(generation: u32) -> u32 {
        (generation + 1) & GENERATION
    }
}

pub(super) fn register(side: Side, number: u32) -> basic::Request {
    let (name, user_type) = match side {
        Side::Customer => ("Customer", UserType::Client),
        Side::Agent => ("Agent", UserType::Agent),
    };
    basic::Request::RequestRegister(basic::RequestRegister {
        user_nickname: nickname(name, number),
        user_type,
        person_id: None,
        time_zone_offset: None,
        client_version: Some(VERSION),
        user_data: None,
        max_frame: None,
    })
}

pub(super) fn node(number: u32) -> flex::Request {
    flex::Request::RequestNode(flex::RequestNode {
        node_group: Str::new("load"),
        // Another run at the same time has nodes of its own.
        node_name: Str::new(&format!("{} {number}", std::process::id())),
    })
}

pub(super) fn login(number: u32) -> flex::Request {
    flex::Request::RequestLogin(flex::RequestLogin {
        user_nickname: nickname("Customer", number),
        time_zone_offset: None,
        person_id: None,
        client_version: Some(VERSION),
        user_data: None,
    })
}

pub(super) fn join_flex(user: &User, greeting: Option<Text>, is_async: bool) -> flex::Request {
    flex::Request::RequestJoin(flex::RequestJoin {
        user_id: user.id.clone(),
        secure_key: user.key.clone(),
        session_id: None,
        queue_key: None,
        subject: None,
        message_text: greeting,
        user_data: is_async.then(|| KvList::from([("GCTI_Chat_AsyncMode", "true".into())])),
        request_key: None,
    })
}

/// What becomes a Request Chat: over HTTP nobody logs in before.
pub(in crate::load) fn request_chat() -> flex::Request {
    let nobody = User { id: UserId::new(""), key: Secret::new("") };
    join_flex(&nobody, None, false)
}

pub(super) fn subscribe(user: &User) -> flex::Request {
    flex::Request::RequestPush(flex::RequestPush {
        user_id: user.id.clone(),
        secure_key: user.key.clone(),
        session_id: None,
        push_mode: PushMode::Subscribe,
    })
}

pub(super) fn refresh(user: &User, last: EventId, text: Option<Text>) -> flex::Request {
    flex::Request::RequestRefresh(flex::RequestRefresh {
        user_id: user.id.clone(),
        secure_key: user.key.clone(),
        session_id: None,
        last_position: Some(last),
        message_text: text,
        message_type: None,
        user_data: None,
        event_attributes: None,
        request_key: None,
    })
}

pub(super) fn logout(user: &User, last: Option<EventId>) -> flex::Request {
    flex::Request::RequestLogout(flex::RequestLogout {
        user_id: user.id.clone(),
        secure_key: user.key.clone(),
        session_id: None,
        last_position: last,
    })
}

pub(super) fn join(session_id: Option<SessionId>) -> basic::Request {
    basic::Request::RequestJoin(basic::RequestJoin { session_id, ..Default::default() })
}

pub(super) fn message(session_id: SessionId, message_text: Text) -> basic::Request {
    basic::Request::RequestMessage(basic::RequestMessage {
        session_id,
        message_text,
        message_type: None,
        treat_as: None,
        visibility: None,
        receiver_id: None,
        user_data: None,
        event_attributes: None,
        request_key: None,
    })
}

pub(super) fn release(session_id: SessionId) -> basic::Request {
    basic::Request::RequestReleaseParty(basic::RequestReleaseParty {
        session_id,
        user_id: None,
        after_action: Some(AfterAction::CloseIfNoAgents),
        message_text: None,
        user_data: None,
    })
}

fn nickname(name: &str, number: u32) -> Pii<Str> {
    Pii::new(Str::new(&format!("{name} {number}")))
}

/// Bytes of a message with a text of this length on its way to a server, and of what that sends to
/// either side: the sizes of the frames a relay passes in its place.
pub(in crate::load) fn bare_sizes(text_length: u32) -> (usize, usize) {
    let text = "x".repeat(text_length as usize);
    let session_id = SessionId::new("0000000000000000");
    let user_id = UserId::new("0000000000000000");
    let event = TranscriptEvent {
        event_id: EventId::NONE,
        user_id,
        time_shift: 0,
        visibility: Open::Known(Visibility::All),
        party: None,
        participant_no: None,
        event_attributes: None,
        body: EventBody::Message(Message {
            message_text: Text::new(&text),
            message_type: None,
            treat_as: None,
            receiver_id: None,
            user_data: None,
        }),
    };
    let info = basic::EventSessionInfo {
        session_id: session_id.clone(),
        session_status: Open::Known(SessionStatus::Alive),
        chat_transcript: ChatTranscript {
            start_at: Stamp::from_unix_seconds(0),
            session_id: session_id.clone(),
            events: EventList::from(event),
            idle_time_expire: None,
            monitored: None,
        },
        user_id: None,
        more_events: false,
    };
    let (mut asked, mut told) = (BytesMut::new(), BytesMut::new());
    let request = Frame::new(1, message(session_id, Text::new(&text)));
    let event = Frame::new(1, basic::Event::EventSessionInfo(info));
    let sized = encode::<confer_basic::Client>(&request, MAX_FRAME, &mut asked)
        .and_then(|()| encode::<confer_basic::Server>(&event, MAX_FRAME, &mut told));
    sized.expect("texts have a limit, and with it they fit into a frame");
    (asked.len(), told.len())
}

/// Who somebody on flex is, from the answer to a Login.
impl User {
    pub(super) fn of(id: Option<UserId>, key: Option<Secret>) -> Option<Self> {
        Some(Self { id: id?, key: key? })
    }
}

#[cfg(test)]
mod tests {
    use super::{GENERATION, Reference, bare_sizes};
    use crate::load::MAX_SESSIONS;

    #[test]
    fn a_reference_comes_back_as_what_it_was() {
        for reference in [
            Reference::Hello,
            Reference::Slot { slot: 0, generation: 0 },
            Reference::Slot { slot: MAX_SESSIONS, generation: GENERATION },
            Reference::Alive(0),
            Reference::Alive(1),
            Reference::Farewell(0),
            Reference::Farewell(MAX_SESSIONS),
        ] {
            assert_ne!(reference.number(), 0);
            assert_eq!(Reference::of(reference.number()), Some(reference));
        }
        assert_eq!(Reference::of(0), None);
        assert_eq!(Reference::of(1 << 24), None, "no slot");
        assert_eq!(Reference::next_generation(GENERATION), 0);
    }

    #[test]
    fn a_relay_passes_frames_as_large_as_the_servers() {
        // Header, SessionId and MessageText, two bytes a character.
        assert_eq!(bare_sizes(60).0, 12 + 7 + 16 + 7 + 120);
        assert!(bare_sizes(60).1 > bare_sizes(60).0);
        assert_eq!(bare_sizes(61).1, bare_sizes(60).1 + 2);
    }
}
