//! What is said, and what must be heard.

use alloc::format;
use core::time::Duration;

use confer_core::frame::basic::{
    self, EventSessionInfo, RequestJoin, RequestMessage, RequestNotify, RequestRegister,
};
use confer_core::frame::esp::{self, Envelope, Request3rdServer};
use confer_core::frame::flex::{self, EventStatus, RequestLogin, RequestRefresh};
use confer_core::frame::{
    ErrorId, EventBody, KvList, NoticeType, RequestResult, SessionStatus, UserType,
};
use confer_core::id::{EventId, LinkId, SessionId};
use confer_core::pii::Pii;
use confer_core::text::{Str, Text};
use confer_core::time::{Instant, Wall};
use confer_link::{Change, Loss};
use confer_wire::Reason;

use crate::echo::Echo;
use crate::line::{Fault, Line, Server};

/// What the machine is given instead of a die and a calendar: 2026-01-01T00:00:00Z.
const SEED: [u8; 32] = [7; 32];
const WALL: Wall = Wall::new(Instant::ZERO, 1_767_225_600_000);

const MESSAGES: u32 = 10;
const NICKNAME: &str = "Desk 1";
const NEW_NICKNAME: &str = "Desk 1, Orders";
/// One to four bytes a character in UTF-8, one or two units in UTF-16.
const GREETING: &str = "Grüße, 你好 👋";

/// A sound header of a message that basic does not have, with reference 1001.
const UNKNOWN_MESSAGE: [u8; 12] = [0, 0, 0, 8, b'B', 1, 0, 99, 0, 0, 0x03, 0xE9];
/// A RequestMessage with reference 1002 and an attribute of a type there is not.
const UNDECODABLE: [u8; 15] = [0, 0, 0, 11, b'B', 1, 0, 4, 0, 0, 0x03, 0xEA, 0, 15, 9];

/// One step: says something, and holds the answer against what it should be.
type Step = fn(&mut Exchange) -> Result<(), Fault>;

/// The steps, in order.
const STEPS: &[(&str, Step)] = &[
    ("register", Exchange::register),
    ("unknown message", Exchange::unknown_message),
    ("join", Exchange::join),
    ("messages", Exchange::messages),
    ("nickname", Exchange::nickname),
    ("flex", Exchange::flex),
    ("ESP", Exchange::esp),
    ("undecodable frame", Exchange::undecodable),
    ("after the undecodable frame", Exchange::others_live),
];

/// The step that went wrong, and why.
pub struct Mismatch {
    /// The step.
    pub step: &'static str,
    /// Why.
    pub fault: Fault,
}

/// Says everything; the number of frames that crossed.
pub fn run() -> Result<u32, Mismatch> {
    let mut exchange = Exchange::new();
    for &(step, say) in STEPS {
        exchange.server.now += Duration::from_secs(1);
        say(&mut exchange).map_err(|fault| Mismatch { step, fault })?;
    }
    Ok(exchange.server.frames)
}

struct Exchange {
    server: Server,
    /// An agent's desktop, until it misbehaves.
    desk: Option<Line<confer_basic::Client>>,
    gateway: Line<confer_flex::Client>,
    workflow: Line<confer_esp::Client>,
    session: Option<SessionId>,
    /// The newest event the agent has seen.
    seen: EventId,
}

impl Exchange {
    fn new() -> Self {
        let machine = Echo::new(SEED, WALL);
        let mut server = Server { machine, now: Instant::ZERO, reference: 0, frames: 0 };
        Self {
            desk: Some(Line::open(LinkId(1), &mut server)),
            gateway: Line::open(LinkId(2), &mut server),
            workflow: Line::open(LinkId(3), &mut server),
            server,
            session: None,
            seen: EventId::NONE,
        }
    }

    fn register(&mut self) -> Result<(), Fault> {
        let answer = self.basic(basic::Request::RequestRegister(RequestRegister {
            user_nickname: Pii::new(Str::new(NICKNAME)),
            user_type: UserType::Agent,
            person_id: None,
            time_zone_offset: Some(60),
            client_version: Some(104),
            user_data: None,
            max_frame: Some(RequestRegister::MIN_MAX_FRAME),
        }))?;
        let basic::Event::EventRegistered(registered) = answer else {
            return Err("not registered");
        };
        ensure(registered.client_version == 104, "another version was agreed on")
    }

    /// A frame that makes no sense is the machine's to refuse, and costs nothing else.
    fn unknown_message(&mut self) -> Result<(), Fault> {
        let Some(desk) = &mut self.desk else { return Err(NO_DESK) };
        let answer = desk.ask_raw(&UNKNOWN_MESSAGE, 1001, &mut self.server)?;
        refused(&answer, ErrorId::Malformed)?;
        ensure(desk.change().is_none(), "the connection suffered")
    }

    fn join(&mut self) -> Result<(), Fault> {
        let info = self.session_info(basic::Request::RequestJoin(RequestJoin {
            subject: Some(Text::new("An order")),
            message_text: Some(Text::new(GREETING)),
            user_data: Some(KvList::from([("Queue", "orders".into()), ("Priority", 3.into())])),
            ..RequestJoin::default()
        }))?;
        ensure(info.user_id.is_some(), "no participation")?;
        ensure(
            info.chat_transcript.start_at == WALL.stamp(self.server.now),
            "the session began at another time",
        )?;
        let [event] = &*info.chat_transcript.events else {
            return Err("the transcript is not one event");
        };
        let (EventBody::NewParty(party), Some(who)) = (&event.body, &event.party) else {
            return Err("nobody came");
        };
        ensure(&**who.user_nickname.reveal() == NICKNAME, "another nickname")?;
        ensure(who.user_type.known() == Some(UserType::Agent), "another user type")?;
        ensure(party.message_text == Some(Text::new(GREETING)), "another greeting")?;
        let user_data = party.user_data.as_ref().ok_or("no user data")?;
        ensure(user_data.text("Priority").as_deref() == Some("3"), "another priority")?;
        self.session = Some(info.session_id);
        Ok(())
    }

    fn messages(&mut self) -> Result<(), Fault> {
        for number in 1..=MESSAGES {
            self.server.now += Duration::from_secs(1);
            let text = message_text(number);
            let info = self.session_info(basic::Request::RequestMessage(RequestMessage {
                session_id: self.session()?,
                message_text: text.clone(),
                message_type: Some(Str::new("text")),
                treat_as: None,
                visibility: None,
                receiver_id: None,
                user_data: None,
                event_attributes: None,
                request_key: None,
            }))?;
            let [event] = &*info.chat_transcript.events else {
                return Err("the answer is not one event");
            };
            // The join was one step earlier, and every message took a second.
            ensure(event.time_shift == number + 1, "another time")?;
            let EventBody::Message(message) = &event.body else { return Err("no message") };
            ensure(message.message_text == text, "other words")?;
            ensure(message.message_type.as_deref() == Some("text"), "another type")?;
        }
        Ok(())
    }

    fn nickname(&mut self) -> Result<(), Fault> {
        let info = self.session_info(basic::Request::RequestNotify(RequestNotify {
            session_id: self.session()?,
            notice_type: NoticeType::UserUpdateNick,
            notice_text: Some(Text::new(NEW_NICKNAME)),
            visibility: None,
            receiver_id: None,
            user_data: None,
            event_attributes: None,
            request_key: None,
        }))?;
        let [event] = &*info.chat_transcript.events else {
            return Err("the answer is not one event");
        };
        let EventBody::Notice(notice) = &event.body else { return Err("no notice") };
        ensure(
            notice.notice_type.known() == Some(NoticeType::UserUpdateNick),
            "a notice of another type",
        )?;
        ensure(notice.notice_text == Some(Text::new(NEW_NICKNAME)), "another nickname")
    }

    fn flex(&mut self) -> Result<(), Fault> {
        let login = self.status(flex::Request::RequestLogin(RequestLogin {
            user_nickname: Pii::new(Str::new("Visitor")),
            time_zone_offset: None,
            person_id: None,
            client_version: None,
            user_data: None,
        }))?;
        let (Some(user_id), Some(secure_key)) = (login.user_id, login.secure_key) else {
            return Err("a login without user id and secure key");
        };
        // All but the join and the first message.
        let refresh = RequestRefresh {
            user_id,
            secure_key,
            session_id: self.session.clone(),
            last_position: EventId::new(2),
            message_text: None,
            message_type: None,
            user_data: None,
            event_attributes: None,
            request_key: None,
        };
        let news = self.status(flex::Request::RequestRefresh(refresh.clone()))?;
        let transcript = news.chat_transcript.ok_or("no transcript")?;
        ensure(news.last_position == Some(self.seen), "another last position")?;
        ensure(!news.more_events, "the answer was cut")?;
        let [messages @ .., notice] = &*transcript.events else { return Err("no events") };
        ensure(messages.len() + 1 == MESSAGES as usize, "another number of events")?;
        ensure(matches!(notice.body, EventBody::Notice(_)), "the last event is no notice")?;
        for (number, event) in (2..).zip(messages) {
            ensure(event.event_id.number() == number + 1, "a gap in the events")?;
            ensure(event.party.is_some(), "an event of nobody's")?;
            let EventBody::Message(message) = &event.body else { return Err("no message") };
            ensure(message.message_text == message_text(number), "other words")?;
        }

        let last_position = Some(self.seen);
        let nothing = self
            .status(flex::Request::RequestRefresh(RequestRefresh { last_position, ..refresh }))?;
        let transcript = nothing.chat_transcript.ok_or("no transcript")?;
        ensure(transcript.events.is_empty(), "an event twice")?;
        ensure(nothing.last_position == last_position, "another last position")
    }

    fn esp(&mut self) -> Result<(), Fault> {
        let parameters = KvList::from([
            ("SessionId", self.session()?.as_str().into()),
            ("Message", "Your call is important to us.".into()),
        ]);
        let envelope = Envelope {
            app_name: None,
            app_type: Some(Str::new("ChatServer")),
            service: Str::new("Chat"),
            method: Str::new("Message"),
            version: Str::new(Envelope::VERSION),
            parameters,
        };
        let call = Request3rdServer { envelope: envelope.clone(), user_data: None };
        let request = esp::Request::Request3rdServer(call);
        match self.workflow.ask(request, &mut self.server)? {
            esp::Event::Event3rdServerResponse(response) => {
                ensure(response == envelope, "another envelope came back")
            }
            esp::Event::Event3rdServerFault(_) => Err("the call failed"),
        }
    }

    /// A frame that cannot be read is the link's to refuse, and ends the connection.
    fn undecodable(&mut self) -> Result<(), Fault> {
        let Some(mut desk) = self.desk.take() else { return Err(NO_DESK) };
        let answer = desk.ask_raw(&UNDECODABLE, 1002, &mut self.server)?;
        refused(&answer, ErrorId::Undecodable)?;
        let Some(Change::Lost(Loss::Undecodable(error))) = desk.change() else {
            return Err("the connection lives");
        };
        ensure(error.reason == Reason::UnknownType, "refused for another reason")?;
        desk.close(&mut self.server)
    }

    /// What one connection did is nobody else's trouble.
    fn others_live(&mut self) -> Result<(), Fault> {
        self.esp()?;
        let changed = self.gateway.change().or_else(|| self.workflow.change());
        ensure(changed.is_none(), "another connection suffered")
    }

    fn session(&self) -> Result<SessionId, Fault> {
        self.session.clone().ok_or("no session")
    }

    fn basic(&mut self, request: basic::Request) -> Result<basic::Event, Fault> {
        let Some(desk) = &mut self.desk else { return Err(NO_DESK) };
        desk.ask(request, &mut self.server)
    }

    /// Asks for something that is answered with events, and checks what holds of all such answers.
    fn session_info(&mut self, request: basic::Request) -> Result<EventSessionInfo, Fault> {
        let basic::Event::EventSessionInfo(info) = self.basic(request)? else {
            return Err("no events in answer");
        };
        ensure(info.session_status.known() == Some(SessionStatus::Alive), "the session is over")?;
        ensure(info.chat_transcript.session_id == info.session_id, "two sessions in one answer")?;
        ensure(
            self.session.is_none() || self.session.as_ref() == Some(&info.session_id),
            "events of another session",
        )?;
        for event in info.chat_transcript.events.iter() {
            ensure(Some(event.event_id) == self.seen.next(), "the wrong event")?;
            self.seen = event.event_id;
        }
        Ok(info)
    }

    fn status(&mut self, request: flex::Request) -> Result<EventStatus, Fault> {
        let answer = self.gateway.ask(request, &mut self.server)?;
        let flex::Event::EventStatus(status) = answer else { return Err("no status in answer") };
        let result = status.request_result.known();
        ensure(result == Some(RequestResult::Success), "the request was refused")?;
        Ok(status)
    }
}

const NO_DESK: Fault = "the desktop is gone";

/// Longer than any string that stands inline.
fn message_text(number: u32) -> Text {
    Text::from(format!("Message {number} of {MESSAGES}: where is my order? 🙂"))
}

fn refused(answer: &basic::Event, id: ErrorId) -> Result<(), Fault> {
    let basic::Event::EventError(error) = answer else { return Err("not refused") };
    ensure(error.error_id == id.number(), "refused with another id")
}

fn ensure(holds: bool, fault: Fault) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(fault) }
}
