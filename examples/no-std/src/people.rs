//! Who is on the floor: people at desks, visitors behind a gateway, a workflow.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use confer_core::frame::basic::{
    self, EventSessionInfo, RequestJoin, RequestMessage, RequestRegister, RequestReleaseParty,
};
use confer_core::frame::esp::{self, Envelope, Request3rdServer};
use confer_core::frame::flex::{self, EventStatus, RequestLogin, RequestLogout, RequestRefresh};
use confer_core::frame::{
    AfterAction, Event, EventBody, KvList, KvValue, NoticeType, Protocol, RequestResult,
    SessionStatus, TranscriptEvent, UserType, Visibility,
};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::pii::{Pii, Secret};
use confer_core::text::{Str, Text};

use crate::floor::{Fault, Floor, LineNo};

/// The newest version of the protocols (B6.1).
const VERSION: i32 = 106;

/// Somebody on the basic protocol.
pub struct Desk {
    line: LineNo,
    session: Option<SessionId>,
    /// Who is who, by the newParties.
    names: Vec<(UserId, String)>,
    seen: Seen,
}

/// A customer on the flex protocol, behind a gateway's line.
pub struct Visitor {
    gateway: LineNo,
    user_id: UserId,
    secure_key: Secret,
    session: Option<SessionId>,
    last: EventId,
    seen: Seen,
}

/// What somebody was told and did not look at yet, a line for each event.
#[derive(Default)]
struct Seen(Vec<String>);

impl Desk {
    /// Connects and registers.
    pub fn register(floor: &mut Floor, name: &str, user_type: UserType) -> Result<Self, Fault> {
        let line = floor.connect(Protocol::Basic)?;
        let register = RequestRegister {
            user_nickname: Pii::new(Str::new(name)),
            user_type,
            person_id: None,
            time_zone_offset: Some(60),
            client_version: Some(VERSION),
            user_data: None,
            max_frame: Some(RequestRegister::MIN_MAX_FRAME),
        };
        match floor.ask(line, basic::Request::RequestRegister(register))? {
            Event::Basic(basic::Event::EventRegistered(registered)) => {
                ensure(registered.client_version == VERSION, "another version was agreed on")?;
            }
            _ => return Err("not registered"),
        }
        Ok(Self { line, session: None, names: Vec::new(), seen: Seen::default() })
    }

    /// Enters a session.
    pub fn join(
        &mut self,
        floor: &mut Floor,
        session: &SessionId,
        visibility: Visibility,
    ) -> Result<(), Fault> {
        self.session = Some(session.clone());
        let join = RequestJoin {
            session_id: Some(session.clone()),
            visibility: Some(visibility),
            ..RequestJoin::default()
        };
        self.ask(floor, basic::Request::RequestJoin(join))
    }

    /// Says something in the session it entered last.
    pub fn say(&mut self, floor: &mut Floor, text: &str) -> Result<(), Fault> {
        self.say_as(floor, None, text)
    }

    /// Says something to those who may see this visibility.
    pub fn say_as(
        &mut self,
        floor: &mut Floor,
        visibility: Option<Visibility>,
        text: &str,
    ) -> Result<(), Fault> {
        let message = RequestMessage {
            session_id: self.session.clone().ok_or(NO_SESSION)?,
            message_text: Text::new(text),
            message_type: None,
            treat_as: None,
            visibility,
            receiver_id: None,
            user_data: None,
            event_attributes: None,
            request_key: None,
        };
        self.ask(floor, basic::Request::RequestMessage(message))
    }

    /// Leaves the session it entered last.
    pub fn leave(&mut self, floor: &mut Floor, after: AfterAction) -> Result<(), Fault> {
        let release = RequestReleaseParty {
            session_id: self.session.clone().ok_or(NO_SESSION)?,
            user_id: None,
            after_action: Some(after),
            message_text: None,
            user_data: None,
        };
        self.ask(floor, basic::Request::RequestReleaseParty(release))
    }

    /// What it was told since it looked last is exactly this, answers included.
    pub fn sees(&mut self, floor: &mut Floor, lines: &[&str]) -> Result<(), Fault> {
        self.listen(floor)?;
        self.seen.are(lines)
    }

    /// Forgets what it saw, and everybody it met.
    pub fn forget(&mut self, floor: &mut Floor) -> Result<(), Fault> {
        self.listen(floor)?;
        self.seen = Seen::default();
        self.names = Vec::new();
        Ok(())
    }

    /// Its line, for what no desk would say.
    pub fn line(&self) -> LineNo {
        self.line
    }

    fn ask(&mut self, floor: &mut Floor, request: basic::Request) -> Result<(), Fault> {
        self.listen(floor)?;
        match floor.ask(self.line, request)? {
            Event::Basic(basic::Event::EventSessionInfo(info)) => {
                self.hear(&info);
                Ok(())
            }
            _ => Err("refused at a desk"),
        }
    }

    fn listen(&mut self, floor: &mut Floor) -> Result<(), Fault> {
        for event in floor.news(self.line) {
            match event {
                Event::Basic(basic::Event::EventSessionInfo(info)) => self.hear(&info),
                _ => return Err("a desk is told what it did not ask"),
            }
        }
        Ok(())
    }

    fn hear(&mut self, info: &EventSessionInfo) {
        for event in info.chat_transcript.events.iter() {
            if let Some(party) = &event.party {
                let name = party.user_nickname.reveal().as_str().to_owned();
                self.names.push((event.user_id.clone(), name));
            }
            let name = self.names.iter().find(|(id, _)| *id == event.user_id);
            self.seen.event(name.map_or("somebody", |(_, name)| name), event);
        }
        if info.session_status.known() == Some(SessionStatus::Closed) {
            self.seen.0.push("closed".to_owned());
        }
    }
}

impl Visitor {
    /// Logs in through a gateway.
    pub fn log_in(floor: &mut Floor, gateway: LineNo, name: &str) -> Result<Self, Fault> {
        let login = RequestLogin {
            user_nickname: Pii::new(Str::new(name)),
            time_zone_offset: None,
            person_id: None,
            client_version: Some(VERSION),
            user_data: None,
        };
        let login = ask_flex(floor, gateway, flex::Request::RequestLogin(login))?;
        Ok(Self {
            gateway,
            user_id: login.user_id.ok_or("a login without user id")?,
            secure_key: login.secure_key.ok_or("a login without secure key")?,
            session: None,
            last: EventId::NONE,
            seen: Seen::default(),
        })
    }

    /// Begins a session.
    pub fn start_a_chat(&mut self, floor: &mut Floor) -> Result<SessionId, Fault> {
        let join = flex::RequestJoin {
            user_id: self.user_id.clone(),
            secure_key: self.secure_key.clone(),
            session_id: None,
            queue_key: None,
            subject: Some(Text::new("An order")),
            message_text: None,
            user_data: Some(KvList::from([("Queue", "orders".into()), ("Priority", 3.into())])),
            request_key: None,
        };
        self.ask(floor, flex::Request::RequestJoin(join))?;
        self.session.clone().ok_or(NO_SESSION)
    }

    /// Says something, and hears what is new.
    pub fn say(&mut self, floor: &mut Floor, text: &str) -> Result<(), Fault> {
        self.refresh(floor, Some(Text::new(text)))
    }

    /// What it was told since it looked last, and is told when it asks now, is exactly this.
    pub fn sees(&mut self, floor: &mut Floor, lines: &[&str]) -> Result<(), Fault> {
        self.refresh(floor, None)?;
        self.seen.are(lines)
    }

    /// Leaves for good; hears its own going.
    pub fn log_out(&mut self, floor: &mut Floor) -> Result<(), Fault> {
        let logout = RequestLogout {
            user_id: self.user_id.clone(),
            secure_key: self.secure_key.clone(),
            session_id: None,
            last_position: Some(self.last),
        };
        self.ask(floor, flex::Request::RequestLogout(logout))
    }

    /// What it was told since it looked last is exactly this; it does not ask.
    pub fn saw(&mut self, lines: &[&str]) -> Result<(), Fault> {
        self.seen.are(lines)
    }

    fn refresh(&mut self, floor: &mut Floor, message_text: Option<Text>) -> Result<(), Fault> {
        let refresh = RequestRefresh {
            user_id: self.user_id.clone(),
            secure_key: self.secure_key.clone(),
            session_id: None,
            last_position: Some(self.last),
            message_text,
            message_type: None,
            user_data: None,
            event_attributes: None,
            request_key: None,
        };
        self.ask(floor, flex::Request::RequestRefresh(refresh))
    }

    fn ask(&mut self, floor: &mut Floor, request: flex::Request) -> Result<(), Fault> {
        let status = ask_flex(floor, self.gateway, request)?;
        self.session = status.session_id.or(self.session.take());
        self.last = status.last_position.ok_or("no position")?;
        ensure(!status.more_events, "the answer was cut")?;
        let transcript = status.chat_transcript.ok_or("no transcript")?;
        for event in transcript.events.iter() {
            let party = event.party.as_ref().ok_or("an event of nobody's")?;
            self.seen.event(party.user_nickname.reveal(), event);
        }
        if status.session_status.and_then(|status| status.known()) == Some(SessionStatus::Closed) {
            self.seen.0.push("closed".to_owned());
        }
        Ok(())
    }
}

/// A workflow calls a method of the service; the outputs.
pub fn call(
    floor: &mut Floor,
    workflow: LineNo,
    session: &SessionId,
    method: &str,
    inputs: &[(&str, &str)],
) -> Result<KvList, Fault> {
    let mut parameters = KvList::from([("InteractionId", session.as_str().into())]);
    for &(key, value) in inputs {
        parameters.push(key, KvValue::from(value));
    }
    let envelope = Envelope {
        app_name: None,
        app_type: Some(Str::new("ChatServer")),
        service: Str::new("Chat"),
        method: Str::new(method),
        version: Str::new(Envelope::VERSION),
        parameters,
    };
    let call = Request3rdServer { envelope, user_data: None };
    match floor.ask(workflow, esp::Request::Request3rdServer(call))? {
        Event::Esp(esp::Event::Event3rdServerResponse(response)) => Ok(response.parameters),
        _ => Err("the call failed"),
    }
}

fn ask_flex(
    floor: &mut Floor,
    gateway: LineNo,
    request: flex::Request,
) -> Result<EventStatus, Fault> {
    match floor.ask(gateway, request)? {
        Event::Flex(flex::Event::EventStatus(status))
            if status.request_result.known() == Some(RequestResult::Success) =>
        {
            Ok(status)
        }
        _ => Err("refused behind the gateway"),
    }
}

impl Seen {
    /// An event in one line, such as `Casey: hello`, `Bob comes (INT)`, `Bob goes, 1`.
    fn event(&mut self, name: &str, event: &TranscriptEvent) {
        let mut line = name.to_owned();
        match &event.body {
            EventBody::NewParty(_) => line.push_str(" comes"),
            EventBody::Message(message) => {
                line.push_str(": ");
                line.push_str(message.message_text.reveal());
            }
            EventBody::Notice(notice) => {
                line.push(' ');
                line.push_str(notice.notice_type.known().map_or("?", NoticeType::name));
            }
            EventBody::PartyLeft(left) => {
                line.push_str(" goes");
                if let Some(code) = left.reason_code {
                    // A string takes whatever is written into it.
                    let _ = write!(line, ", {code}");
                }
            }
            EventBody::Unknown(_) => line.push_str(" does something"),
        }
        match event.visibility.known() {
            Some(Visibility::All) => {}
            Some(Visibility::Int) => line.push_str(" (INT)"),
            Some(Visibility::Vip) => line.push_str(" (VIP)"),
            None => line.push_str(" (?)"),
        }
        self.0.push(line);
    }

    fn are(&mut self, lines: &[&str]) -> Result<(), Fault> {
        let seen = core::mem::take(&mut self.0);
        ensure(seen == lines, "somebody sees something else")
    }
}

/// What must hold, and the fault if it does not.
pub fn ensure(holds: bool, fault: Fault) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(fault) }
}

const NO_SESSION: Fault = "it is in no session";
