//! A customer's connection to port `web`: what would be asked on flex becomes a call of the web API,
//! and the answer becomes what flex would have answered. So the crowd need not know of HTTP.

use alloc::collections::VecDeque;

use bytes::{Buf as _, BytesMut};
use confer_core::frame::flex::{Event, EventStatus, Request};
use confer_core::frame::{
    ChatTranscript, EventBody, EventList, Frame, Message, Open, RequestResult, SessionStatus,
    TranscriptEvent, Visibility,
};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::pii::Secret;
use confer_core::text::{Str, Text};
use confer_core::time::Stamp;
use serde_json::Value;

/// Header fields of an answer at most.
const MAX_FIELDS: usize = 64;
/// Bytes of the head of an answer at most.
const MAX_HEAD: usize = 16 << 10;
/// Bytes of an answer at most: a transcript may fill a frame, and JSON makes more of it.
const MAX_BODY: usize = 16 << 20;
const OK: u16 = 200;
/// How often in a row a server may end a connection on which nobody waits.
const MAX_IDLE_ENDS: u32 = 100;

/// A connection, and the one chat that goes on over it.
pub(super) struct Web {
    service: String,
    host: String,
    nickname: String,
    /// The chat's id and the alias of its server, as the newest answer had them.
    chat: (String, String),
    output: BytesMut,
    input: BytesMut,
    /// What waits for an answer; answers come in the order of the requests.
    asked: VecDeque<u32>,
    /// How often the server has ended it since the last answer.
    idle_ends: u32,
}

impl Web {
    pub(super) fn new(service: &str, host: String, number: usize) -> Self {
        Self {
            service: service.to_owned(),
            host,
            nickname: format!("Customer {number}"),
            chat: (String::new(), String::new()),
            output: BytesMut::new(),
            input: BytesMut::new(),
            asked: VecDeque::new(),
            idle_ends: 0,
        }
    }

    /// Makes a call of a request; whether there is one for it.
    pub(super) fn send(&mut self, frame: &Frame<Request>) -> bool {
        let mut form = Form(String::new());
        let operation = match &frame.body {
            Request::RequestJoin(_) => {
                form.add("nickname", &self.nickname);
                ""
            }
            Request::RequestRefresh(refresh) => {
                self.identify(&mut form, &refresh.user_id, &refresh.secure_key);
                form.position(refresh.last_position);
                match &refresh.message_text {
                    Some(text) => {
                        form.add("message", text.reveal());
                        "send"
                    }
                    None => "refresh",
                }
            }
            Request::RequestLogout(logout) => {
                self.identify(&mut form, &logout.user_id, &logout.secure_key);
                form.position(logout.last_position);
                "disconnect"
            }
            Request::RequestLogin(_)
            | Request::RequestNotify(_)
            | Request::RequestPush(_)
            | Request::RequestAlive(_)
            | Request::RequestNode(_) => return false,
        };
        let (service, chat, host) = (&self.service, &self.chat.0, &self.host);
        let slashes =
            if operation.is_empty() { String::new() } else { format!("/{chat}/{operation}") };
        let (body, length) = (&form.0, form.0.len());
        let request = format!(
            "POST /genesys/2/chat/{service}{slashes} HTTP/1.1\r\nHost: {host}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n\
             {body}"
        );
        self.output.extend_from_slice(request.as_bytes());
        self.asked.push_back(frame.reference);
        true
    }

    fn identify(&self, form: &mut Form, user: &UserId, key: &Secret) {
        form.add("userId", user.as_str());
        form.add("secureKey", key.reveal());
        form.add("alias", &self.chat.1);
    }

    pub(super) fn output(&self) -> &[u8] {
        &self.output
    }

    pub(super) fn sent(&mut self, count: usize) {
        self.output.advance(count);
    }

    /// Whether the connection may be made again, now that the server has closed it: nobody waits for
    /// an answer.
    pub(super) fn reopens(&mut self) -> bool {
        self.idle_ends += 1;
        self.asked.is_empty() && self.idle_ends <= MAX_IDLE_ENDS
    }

    /// Passes on each answer that is complete.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        mut hear: impl FnMut(Frame<Event>),
    ) -> Result<(), String> {
        self.input.extend_from_slice(bytes);
        while let Some((status, head, length)) = self.head()? {
            if self.input.len() - head < length {
                return Ok(());
            }
            let reference = self.asked.pop_front().ok_or("an answer nobody asked for")?;
            let body = &self.input[head..head + length];
            let reply: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
            self.input.advance(head + length);
            self.idle_ends = 0;
            let status = self.status(status, &reply)?;
            hear(Frame::new(reference, Event::EventStatus(status)));
        }
        Ok(())
    }

    /// The status, and the sizes of head and body, of the answer that is coming.
    fn head(&mut self) -> Result<Option<(u16, usize, usize)>, String> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut answer = httparse::Response::new(&mut fields);
        let parsed = answer.parse(&self.input).map_err(|error| error.to_string())?;
        let httparse::Status::Complete(head) = parsed else {
            let small = self.input.len() <= MAX_HEAD;
            return if small { Ok(None) } else { Err("a head without end".to_owned()) };
        };
        let value = |name: &str| {
            let mut fields = answer.headers.iter();
            let field = fields.find(|field| field.name.eq_ignore_ascii_case(name))?;
            core::str::from_utf8(field.value).ok()
        };
        let length = value("content-length").and_then(|length| length.trim().parse().ok());
        let length: usize = length.ok_or("an answer without Content-Length")?;
        if length > MAX_BODY {
            return Err(format!("an answer of {length} bytes"));
        }
        Ok(Some((answer.code.unwrap_or(0), head, length)))
    }

    /// What flex would have answered.
    fn status(&mut self, status: u16, reply: &Value) -> Result<EventStatus, String> {
        let text = |name: &str| reply.get(name).and_then(Value::as_str);
        if status != OK || reply["statusCode"] != 0 {
            let error = &reply["errors"][0];
            let id = error["code"].as_i64().and_then(|code| i32::try_from(code).ok());
            let words = error["message"].as_str().unwrap_or("no reason");
            let mut refused = EventStatus::new(RequestResult::Error);
            refused.error_id = Some(id.unwrap_or(status.into()));
            refused.error_text = Some(Str::new(&format!("HTTP {status}: {words}")));
            return Ok(refused);
        }
        let need = |name| text(name).ok_or_else(|| format!("no {name}"));
        self.chat = (need("chatId")?.to_owned(), need("alias")?.to_owned());
        let session = SessionId::new(need("chatId")?);
        let ended = reply["chatEnded"].as_bool().ok_or("no chatEnded")?;
        let messages = reply["messages"].as_array().ok_or("no messages")?;
        let events: EventList = messages.iter().filter_map(event).collect();
        let mut answer = EventStatus::new(RequestResult::Success);
        answer.user_id = Some(UserId::new(need("userId")?));
        answer.secure_key = Some(Secret::new(need("secureKey")?));
        answer.session_id = Some(session.clone());
        let state = if ended { SessionStatus::Closed } else { SessionStatus::Alive };
        answer.session_status = Some(Open::Known(state));
        answer.chat_transcript = Some(ChatTranscript {
            start_at: Stamp::from_unix_seconds(0),
            session_id: session,
            events,
            idle_time_expire: None,
            monitored: None,
        });
        Ok(answer)
    }
}

/// An event of an answer that has its place in the transcript; but for messages, only that place
/// matters to the crowd.
fn event(event: &Value) -> Option<TranscriptEvent> {
    let event_id = EventId::new(u32::try_from(event["index"].as_u64()?).ok()?)?;
    let body = match (event["type"] == "Message", event["text"].as_str()) {
        (true, Some(text)) => EventBody::Message(Message {
            message_text: Text::new(text),
            message_type: None,
            treat_as: None,
            receiver_id: None,
            user_data: None,
        }),
        (true, None) | (false, _) => EventBody::Unknown(0),
    };
    Some(TranscriptEvent {
        event_id,
        user_id: UserId::new(""),
        time_shift: 0,
        visibility: Open::Known(Visibility::All),
        party: None,
        participant_no: None,
        event_attributes: None,
        body,
    })
}

/// Parameters of a call.
struct Form(String);

impl Form {
    fn add(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() {
                self.0.push(char::from(byte));
            } else {
                self.0.push_str(&format!("%{byte:02X}"));
            }
        }
    }

    /// The first event wanted is the one behind the last one known.
    fn position(&mut self, last: Option<EventId>) {
        if let Some(last) = last {
            self.add("transcriptPosition", &(last.number() + 1).to_string());
        }
    }
}

#[cfg(test)]
mod tests;
