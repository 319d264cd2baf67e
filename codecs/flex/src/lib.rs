//! The flex protocol (`docs/wire.md` §4.2): bytes to and from `confer_core::frame::flex`.
//!
//! [`Server`] reads requests and writes events, [`Client`] the other way round.

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod map;

use confer_core::frame::flex::{
    Event, EventPush, EventPushQuery, EventStatus, NotifyPosition, Request, RequestAlive,
    RequestJoin, RequestLogin, RequestLogout, RequestNode, RequestNotify, RequestPush,
    RequestRefresh,
};
use confer_core::frame::{Attribute, ErrorId, Protocol, RequestResult};
use confer_core::id::EventId;
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
    const PROTOCOL: Protocol = Protocol::Flex;
    const SERVER: bool = true;
    const WATCHED: bool = false;
    const REGISTERS: bool = false;
    type In = Request;
    type Out = Event;

    fn read(message: u16, group: &mut Group<'_>) -> Result<Request, Misfit> {
        Ok(match message {
            map::REQUEST_LOGIN => Request::RequestLogin(login::read(group)?),
            map::REQUEST_JOIN => Request::RequestJoin(join::read(group)?),
            map::REQUEST_REFRESH => Request::RequestRefresh(refresh::read(group)?),
            map::REQUEST_LOGOUT => Request::RequestLogout(logout::read(group)?),
            map::REQUEST_NOTIFY => Request::RequestNotify(notify::read(group)?),
            map::REQUEST_NODE => Request::RequestNode(node::read(group)?),
            map::REQUEST_PUSH => Request::RequestPush(push::read(group)?),
            map::REQUEST_ALIVE => Request::RequestAlive(alive::read(group)?),
            _ => return Err(map::stranger(message)),
        })
    }

    fn message(event: &Event) -> u16 {
        match event {
            Event::EventStatus(_) => map::EVENT_STATUS,
            Event::EventPush(_) => map::EVENT_PUSH,
            Event::EventPushQuery(_) => map::EVENT_PUSH_QUERY,
        }
    }

    fn write(event: &Event, from: usize, writer: &mut Writer<'_>) -> Option<usize> {
        match event {
            Event::EventStatus(event) => write_status(event, writer),
            Event::EventPush(event) => return write_push(event, from, writer),
            Event::EventPushQuery(event) => push_query::write(event, writer),
        }
        None
    }

    fn hint_in(request: &Request) -> Hint {
        match request {
            Request::RequestNode(_) => Hint::Node,
            Request::RequestLogin(_)
            | Request::RequestJoin(_)
            | Request::RequestRefresh(_)
            | Request::RequestLogout(_)
            | Request::RequestNotify(_)
            | Request::RequestPush(_)
            | Request::RequestAlive(_) => Hint::Nothing,
        }
    }

    fn refusal(error: ErrorId, text: &str) -> Option<Event> {
        Some(Event::EventStatus(EventStatus {
            error_id: Some(error.number()),
            error_text: Some(Str::new(text)),
            ..EventStatus::new(RequestResult::Error)
        }))
    }
}

impl Codec for Client {
    const PROTOCOL: Protocol = Protocol::Flex;
    const SERVER: bool = false;
    const WATCHED: bool = false;
    const REGISTERS: bool = false;
    type In = Event;
    type Out = Request;

    fn read(message: u16, group: &mut Group<'_>) -> Result<Event, Misfit> {
        Ok(match message {
            map::EVENT_STATUS => Event::EventStatus(read_status(group)?),
            map::EVENT_PUSH => Event::EventPush(read_push(group)?),
            map::EVENT_PUSH_QUERY => Event::EventPushQuery(push_query::read(group)?),
            _ => return Err(map::stranger(message)),
        })
    }

    fn message(request: &Request) -> u16 {
        match request {
            Request::RequestLogin(_) => map::REQUEST_LOGIN,
            Request::RequestJoin(_) => map::REQUEST_JOIN,
            Request::RequestRefresh(_) => map::REQUEST_REFRESH,
            Request::RequestLogout(_) => map::REQUEST_LOGOUT,
            Request::RequestNotify(_) => map::REQUEST_NOTIFY,
            Request::RequestNode(_) => map::REQUEST_NODE,
            Request::RequestPush(_) => map::REQUEST_PUSH,
            Request::RequestAlive(_) => map::REQUEST_ALIVE,
        }
    }

    fn write(request: &Request, _: usize, writer: &mut Writer<'_>) -> Option<usize> {
        match request {
            Request::RequestLogin(request) => login::write(request, writer),
            Request::RequestJoin(request) => join::write(request, writer),
            Request::RequestRefresh(request) => refresh::write(request, writer),
            Request::RequestLogout(request) => logout::write(request, writer),
            Request::RequestNotify(request) => notify::write(request, writer),
            Request::RequestNode(request) => node::write(request, writer),
            Request::RequestPush(request) => push::write(request, writer),
            Request::RequestAlive(request) => alive::write(request, writer),
        }
        None
    }

    fn hint_out(request: &Request) -> Hint {
        <Server as Codec>::hint_in(request)
    }
}

confer_wire::fields! {
    login: RequestLogin {
        user_nickname: required UserNickname,
        person_id: optional PersonId,
        time_zone_offset: optional TimeZoneOffset,
        client_version: optional ClientVersion,
        user_data: optional UserData,
    }
    join: RequestJoin {
        user_id: required UserId,
        secure_key: required SecureKey,
        session_id: optional SessionId,
        queue_key: optional QueueKey,
        subject: optional Subject,
        user_data: optional UserData,
        message_text: optional MessageText,
        request_key: optional RequestKey if is_request_key,
    }
    refresh: RequestRefresh {
        user_id: required UserId,
        secure_key: required SecureKey,
        session_id: optional SessionId,
        user_data: optional UserData,
        event_attributes: optional EventAttributes,
        message_text: optional MessageText,
        message_type: optional MessageType,
        last_position: optional LastPosition,
        request_key: optional RequestKey if is_request_key,
    }
    logout: RequestLogout {
        user_id: required UserId,
        secure_key: required SecureKey,
        session_id: optional SessionId,
        last_position: optional LastPosition,
    }
    notify: RequestNotify {
        user_id: required UserId,
        secure_key: required SecureKey,
        session_id: optional SessionId,
        user_data: optional UserData,
        event_attributes: optional EventAttributes,
        notice_text: optional NoticeText,
        notice_type: required NoticeType,
        last_position: optional LastPosition,
        request_key: optional RequestKey if is_request_key,
    }
    node: RequestNode {
        node_group: required NodeGroup,
        node_name: required NodeName,
    }
    push: RequestPush {
        user_id: required UserId,
        secure_key: required SecureKey,
        session_id: optional SessionId,
        push_mode: required PushMode,
    }
    alive: RequestAlive {
        user_id: required UserId,
        alive: required Alive if is_zero_or_one,
    }
    push_query: EventPushQuery {
        user_id: required UserId,
        session_id: required SessionId,
    }
}

fn read_status(group: &mut Group<'_>) -> Result<EventStatus, Misfit> {
    Ok(EventStatus {
        user_id: group.optional(Attribute::UserId)?,
        secure_key: group.optional(Attribute::SecureKey)?,
        session_id: group.optional(Attribute::SessionId)?,
        chat_transcript: group.optional(Attribute::ChatTranscript)?,
        session_status: group.optional(Attribute::SessionStatus)?,
        error_id: group.optional(Attribute::ErrorId)?,
        error_text: group.optional(Attribute::ErrorText)?,
        request_result: group.required(Attribute::RequestResult)?,
        last_position: group.optional(Attribute::LastPosition)?,
        more_events: group.flag(Attribute::MoreEvents)?,
        app_dbid: group.optional(Attribute::AppDbid)?,
    })
}

/// What follows the transcript beside ErrorText's characters: six numbers and a length.
const STATUS_TAIL: usize = 7 * 7;

/// An answer too long for one frame ends with the last event that fits; the client asks again from
/// there, so the rest is not sent (wire §4.2).
fn write_status(status: &EventStatus, writer: &mut Writer<'_>) {
    writer.optional(Attribute::UserId, &status.user_id);
    writer.optional(Attribute::SecureKey, &status.secure_key);
    writer.optional(Attribute::SessionId, &status.session_id);
    let cut = status.chat_transcript.as_ref().and_then(|transcript| {
        let text = status.error_text.as_ref().map_or(0, |text| text.len());
        let tail = STATUS_TAIL + text;
        let part = Part { from: 0, size: PART_SIZE, tail, keeps_result: true };
        let next = write_part(transcript, &part, writer)?;
        transcript.events.get(next - 1)
    });
    let last_position: Option<EventId> =
        cut.map_or(status.last_position, |last| Some(last.event_id));
    writer.optional(Attribute::SessionStatus, &status.session_status);
    writer.optional(Attribute::ErrorId, &status.error_id);
    writer.optional(Attribute::ErrorText, &status.error_text);
    writer.required(Attribute::RequestResult, &status.request_result);
    writer.optional(Attribute::LastPosition, &last_position);
    writer.flag(Attribute::MoreEvents, &(status.more_events || cut.is_some()));
    writer.optional(Attribute::AppDbid, &status.app_dbid);
}

/// A push's position is an event's number, or this for a user who was removed (B10.4).
const REMOVED: i32 = -1;

fn read_push(group: &mut Group<'_>) -> Result<EventPush, Misfit> {
    group.check(
        Attribute::NotifyPosition,
        |value| matches!(value, Value::Int(position) if *position >= REMOVED),
    )?;
    let position: Option<i32> = group.optional(Attribute::NotifyPosition)?;
    Ok(EventPush {
        user_id: group.required(Attribute::UserId)?,
        session_id: group.required(Attribute::SessionId)?,
        user_data: group.optional(Attribute::UserData)?,
        chat_transcript: group.optional(Attribute::ChatTranscript)?,
        session_status: group.optional(Attribute::SessionStatus)?,
        notify_attempt: group.optional(Attribute::NotifyAttempt)?,
        notify_position: position.map(|position| {
            let event = u32::try_from(position).ok().and_then(EventId::new);
            event.map_or(NotifyPosition::Removed, NotifyPosition::From)
        }),
    })
}

/// What follows the transcript of a push: three numbers.
const PUSH_TAIL: usize = 3 * 7;

/// A push too long for one frame goes out in several, each a push of its own.
fn write_push(push: &EventPush, from: usize, writer: &mut Writer<'_>) -> Option<usize> {
    writer.required(Attribute::UserId, &push.user_id);
    writer.required(Attribute::SessionId, &push.session_id);
    writer.optional(Attribute::UserData, &push.user_data);
    let part = Part { from, size: PART_SIZE, tail: PUSH_TAIL, keeps_result: false };
    let transcript = push.chat_transcript.as_ref();
    let next = transcript.and_then(|transcript| write_part(transcript, &part, writer));
    writer.optional(Attribute::SessionStatus, &push.session_status);
    writer.optional(Attribute::NotifyAttempt, &push.notify_attempt);
    match push.notify_position {
        Some(NotifyPosition::From(event)) => writer.required(Attribute::NotifyPosition, &event),
        Some(NotifyPosition::Removed) => writer.required(Attribute::NotifyPosition, &REMOVED),
        None => {}
    }
    next
}

fn is_zero_or_one(value: &Value<'_>) -> bool {
    matches!(value, Value::Int(0 | 1))
}

#[cfg(test)]
mod tests;
