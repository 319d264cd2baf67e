//! The basic protocol (`docs/wire.md` §4.1): bytes to and from `confer_core::frame::basic`.
//!
//! [`Server`] reads requests and writes events, [`Client`] the other way round.

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod map;

use confer_core::frame::basic::{
    Event, EventError, EventRegistered, EventSessionInfo, Request, RequestJoin, RequestMessage,
    RequestNotify, RequestRegister, RequestReleaseParty,
};
use confer_core::frame::{Attribute, ErrorId, Protocol};
use confer_core::text::Str;
use confer_wire::{
    Codec, Group, Hint, Misfit, PART_SIZE, Part, Value, Writer, is_request_key, write_part,
};

/// The server's end: requests in, events out.
#[derive(Clone, Copy, Debug)]
pub enum Server {}

/// The client's end: events in, requests out.
#[derive(Clone, Copy, Debug)]
pub enum Client {}

impl Codec for Server {
    const PROTOCOL: Protocol = Protocol::Basic;
    const SERVER: bool = true;
    const WATCHED: bool = true;
    const REGISTERS: bool = true;
    type In = Request;
    type Out = Event;

    fn read(message: u16, group: &mut Group<'_>) -> Result<Request, Misfit> {
        Ok(match message {
            map::REQUEST_REGISTER => Request::RequestRegister(register::read(group)?),
            map::REQUEST_UNREGISTER => Request::RequestUnregister,
            map::REQUEST_JOIN => Request::RequestJoin(join::read(group)?),
            map::REQUEST_MESSAGE => Request::RequestMessage(message::read(group)?),
            map::REQUEST_NOTIFY => Request::RequestNotify(notify::read(group)?),
            map::REQUEST_RELEASE_PARTY => Request::RequestReleaseParty(release_party::read(group)?),
            _ => return Err(map::stranger(message)),
        })
    }

    fn message(event: &Event) -> u16 {
        match event {
            Event::EventRegistered(_) => map::EVENT_REGISTERED,
            Event::EventUnregistered => map::EVENT_UNREGISTERED,
            Event::EventSessionInfo(_) => map::EVENT_SESSION_INFO,
            Event::EventError(_) => map::EVENT_ERROR,
        }
    }

    fn write(event: &Event, from: usize, writer: &mut Writer<'_>) -> Option<usize> {
        match event {
            Event::EventRegistered(event) => registered::write(event, writer),
            Event::EventUnregistered => {}
            Event::EventSessionInfo(event) => return write_session_info(event, from, writer),
            Event::EventError(event) => error::write(event, writer),
        }
        None
    }

    fn hint_in(request: &Request) -> Hint {
        match request {
            Request::RequestRegister(register) => Hint::Register { max_frame: register.max_frame },
            Request::RequestUnregister
            | Request::RequestJoin(_)
            | Request::RequestMessage(_)
            | Request::RequestNotify(_)
            | Request::RequestReleaseParty(_) => Hint::Nothing,
        }
    }

    fn hint_out(event: &Event) -> Hint {
        match event {
            Event::EventRegistered(_) => Hint::Registered,
            Event::EventUnregistered => Hint::Unregistered,
            Event::EventSessionInfo(_) | Event::EventError(_) => Hint::Nothing,
        }
    }

    fn refusal(error: ErrorId, text: &str) -> Option<Event> {
        Some(Event::EventError(EventError {
            error_id: error.number(),
            error_text: Str::new(text),
            session_id: None,
        }))
    }
}

impl Codec for Client {
    const PROTOCOL: Protocol = Protocol::Basic;
    const SERVER: bool = false;
    const WATCHED: bool = true;
    const REGISTERS: bool = true;
    type In = Event;
    type Out = Request;

    fn read(message: u16, group: &mut Group<'_>) -> Result<Event, Misfit> {
        Ok(match message {
            map::EVENT_REGISTERED => Event::EventRegistered(registered::read(group)?),
            map::EVENT_UNREGISTERED => Event::EventUnregistered,
            map::EVENT_SESSION_INFO => Event::EventSessionInfo(session_info::read(group)?),
            map::EVENT_ERROR => Event::EventError(error::read(group)?),
            _ => return Err(map::stranger(message)),
        })
    }

    fn message(request: &Request) -> u16 {
        match request {
            Request::RequestRegister(_) => map::REQUEST_REGISTER,
            Request::RequestUnregister => map::REQUEST_UNREGISTER,
            Request::RequestJoin(_) => map::REQUEST_JOIN,
            Request::RequestMessage(_) => map::REQUEST_MESSAGE,
            Request::RequestNotify(_) => map::REQUEST_NOTIFY,
            Request::RequestReleaseParty(_) => map::REQUEST_RELEASE_PARTY,
        }
    }

    fn write(request: &Request, _: usize, writer: &mut Writer<'_>) -> Option<usize> {
        match request {
            Request::RequestRegister(request) => register::write(request, writer),
            Request::RequestUnregister => {}
            Request::RequestJoin(request) => join::write(request, writer),
            Request::RequestMessage(request) => message::write(request, writer),
            Request::RequestNotify(request) => notify::write(request, writer),
            Request::RequestReleaseParty(request) => release_party::write(request, writer),
        }
        None
    }
}

confer_wire::fields! {
    register: RequestRegister {
        user_nickname: required UserNickname,
        user_type: required UserType,
        person_id: optional PersonId,
        time_zone_offset: optional TimeZoneOffset,
        client_version: optional ClientVersion,
        user_data: optional UserData,
        max_frame: optional MaxFrame if is_max_frame,
    }
    join: RequestJoin {
        session_id: optional SessionId,
        visibility: optional Visibility,
        queue_key: optional QueueKey,
        subject: optional Subject,
        user_data: optional UserData,
        message_text: optional MessageText,
        last_position: optional LastPosition,
        request_key: optional RequestKey if is_request_key,
    }
    message: RequestMessage {
        session_id: required SessionId,
        visibility: optional Visibility,
        user_data: optional UserData,
        event_attributes: optional EventAttributes,
        receiver_id: optional ReceiverId,
        message_text: required MessageText,
        message_type: optional MessageType,
        treat_as: optional TreatAs,
        request_key: optional RequestKey if is_request_key,
    }
    notify: RequestNotify {
        session_id: required SessionId,
        visibility: optional Visibility,
        user_data: optional UserData,
        event_attributes: optional EventAttributes,
        receiver_id: optional ReceiverId,
        notice_text: optional NoticeText,
        notice_type: required NoticeType,
        request_key: optional RequestKey if is_request_key,
    }
    release_party: RequestReleaseParty {
        user_id: optional UserId,
        session_id: required SessionId,
        user_data: optional UserData,
        message_text: optional MessageText,
        after_action: optional AfterAction,
    }
    registered: EventRegistered {
        user_id: required UserId,
        client_version: required ClientVersion,
    }
    error: EventError {
        session_id: optional SessionId,
        error_id: required ErrorId,
        error_text: required ErrorText,
    }
}

mod session_info {
    use super::*;

    pub(super) fn read(group: &mut Group<'_>) -> Result<EventSessionInfo, Misfit> {
        Ok(EventSessionInfo {
            session_id: group.required(Attribute::SessionId)?,
            session_status: group.required(Attribute::SessionStatus)?,
            chat_transcript: group.required(Attribute::ChatTranscript)?,
            user_id: group.optional(Attribute::UserId)?,
            more_events: group.flag(Attribute::MoreEvents)?,
        })
    }
}

/// What follows the transcript: SessionStatus and MoreEvents.
const SESSION_INFO_TAIL: usize = 2 * 7;

fn write_session_info(
    info: &EventSessionInfo,
    from: usize,
    writer: &mut Writer<'_>,
) -> Option<usize> {
    // Only the first part answers a Join, so only it names the participation.
    if from == 0 {
        writer.optional(Attribute::UserId, &info.user_id);
    }
    writer.required(Attribute::SessionId, &info.session_id);
    let part = Part { from, size: PART_SIZE, tail: SESSION_INFO_TAIL, keeps_result: false };
    let next = write_part(&info.chat_transcript, &part, writer);
    writer.required(Attribute::SessionStatus, &info.session_status);
    writer.flag(Attribute::MoreEvents, &(info.more_events || next.is_some()));
    next
}

fn is_max_frame(value: &Value<'_>) -> bool {
    let least = i64::from(RequestRegister::MIN_MAX_FRAME);
    matches!(value, Value::Int(size) if i64::from(*size) >= least)
}

#[cfg(test)]
mod tests;
