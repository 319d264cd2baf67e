//! What somebody on the basic protocol was told: a mirror of each session.
//!
//! It holds the server to what no scenario ever excuses: EventIds only rise (B5.3), every answer
//! answers one request, once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;

use confer_core::frame::basic::{Event, EventSessionInfo, Request};
use confer_core::frame::{
    EventBody, Frame, NoticeType, SessionStatus, TranscriptEvent, Visibility,
};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::machine::{Machine, Progress};
use confer_core::time::Instant;

use crate::world::{ClientAction, ClientInput};

/// The machine behind a desk: asks what it is told to ask, and keeps what it hears.
#[derive(Debug, Default)]
pub(super) struct Line {
    online: bool,
    pub(super) losses: u32,
    waiting: VecDeque<Frame<Request>>,
    pub(super) actions: VecDeque<ClientAction<Request>>,
    next_reference: u32,
    unanswered: BTreeSet<u32>,
    /// References of requests with a RequestKey, whose answers may bring old events again (B4.8).
    keyed: BTreeSet<u32>,
    pub(super) answers: BTreeMap<u32, Event>,
    pub(super) errors: Vec<i32>,
    pub(super) session: Option<SessionId>,
    pub(super) views: BTreeMap<SessionId, View>,
    pub(super) lines: Vec<String>,
}

/// A session as it was told.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) user_id: Option<UserId>,
    pub(super) events: Vec<TranscriptEvent>,
    pub(super) names: BTreeMap<UserId, String>,
    pub(super) monitored: Option<bool>,
    closed: bool,
}

impl Line {
    pub(super) fn send(&mut self, request: Request) -> u32 {
        self.next_reference += 1;
        let frame = Frame::new(self.next_reference, request);
        self.unanswered.insert(self.next_reference);
        let key = match &frame.body {
            Request::RequestMessage(message) => &message.request_key,
            Request::RequestNotify(notify) => &notify.request_key,
            Request::RequestJoin(join) => &join.request_key,
            Request::RequestRegister(_)
            | Request::RequestUnregister
            | Request::RequestReleaseParty(_) => &None,
        };
        if key.is_some() {
            self.keyed.insert(self.next_reference);
        }
        if self.online {
            self.actions.push_back(ClientAction::Send(frame));
        } else {
            self.waiting.push_back(frame);
        }
        self.next_reference
    }

    fn hear(&mut self, Frame { reference, body }: Frame<Event>) {
        if reference != 0 {
            assert!(self.unanswered.remove(&reference), "an answer too many: {body:?}");
            self.answers.insert(reference, body.clone());
        }
        match body {
            Event::EventSessionInfo(info) => {
                self.absorb(&info, reference != 0, self.keyed.contains(&reference));
            }
            Event::EventError(error) if reference == 0 => self.errors.push(error.error_id),
            Event::EventError(_) | Event::EventRegistered(_) | Event::EventUnregistered => {}
        }
    }

    fn absorb(&mut self, info: &EventSessionInfo, answers: bool, keyed: bool) {
        assert_eq!(info.chat_transcript.session_id, info.session_id);
        let view = self.views.entry(info.session_id.clone()).or_default();
        if let Some(user_id) = &info.user_id {
            // A Join starts anew.
            *view = View { user_id: Some(user_id.clone()), ..View::default() };
            self.session = Some(info.session_id.clone());
        }
        for event in info.chat_transcript.events.iter() {
            // The result of a question is no event of the session (B22.2), nor is what SYSTEM says
            // beside the transcript (B20.6).
            if event.event_id == EventId::NONE {
                let EventBody::Notice(notice) = &event.body else {
                    panic!("no command: {event:?}")
                };
                if !answers {
                    let text = notice.notice_text.as_ref().map_or("", |text| text.reveal());
                    self.lines.push(format!("System SYS_COMMAND: {text}"));
                }
                continue;
            }
            let last = view.events.last().map_or(EventId::NONE, |last| last.event_id);
            if keyed && view.events.contains(event) {
                continue;
            }
            assert!(last < event.event_id, "B5.3: {} comes after {last}", event.event_id);
            if let Some(party) = &event.party {
                view.names
                    .insert(event.user_id.clone(), party.user_nickname.reveal().as_str().into());
            }
            self.lines.push(line(event, &view.names));
            if let EventBody::Notice(notice) = &event.body
                && notice.notice_type.known() == Some(NoticeType::UserUpdateNick)
            {
                let name = notice.notice_text.as_ref().map_or("", |text| text.reveal());
                view.names.insert(event.user_id.clone(), name.trim().into());
            }
            view.events.push(event.clone());
        }
        if info.chat_transcript.monitored.is_some() {
            view.monitored = info.chat_transcript.monitored;
        }
        let closed = info.session_status.known() == Some(SessionStatus::Closed);
        if closed && !view.closed {
            self.lines.push("closed".into());
        }
        view.closed = closed;
    }
}

/// An event in one line, such as `Casey: hello`, `Bob comes (INT)`, `Bob goes, 4 by Ana`.
fn line(event: &TranscriptEvent, names: &BTreeMap<UserId, String>) -> String {
    let name = |id: &UserId| names.get(id).map_or("somebody", String::as_str).to_owned();
    let mut line = name(&event.user_id);
    let (mut receiver, mut words) = (None, None);
    match &event.body {
        EventBody::NewParty(party) => {
            line.push_str(" comes");
            words = party.message_text.as_ref();
        }
        EventBody::Message(message) => {
            receiver = message.receiver_id.as_ref();
            words = Some(&message.message_text);
        }
        EventBody::Notice(notice) => {
            let kind = notice.notice_type.known().map_or("?", NoticeType::name);
            let _ = write!(line, " {kind}");
            receiver = notice.receiver_id.as_ref();
            words = notice.notice_text.as_ref();
        }
        EventBody::PartyLeft(left) => {
            line.push_str(" goes");
            if let Some(code) = left.reason_code {
                let _ = write!(line, ", {code}");
            }
            if left.asker_id != event.user_id {
                let _ = write!(line, " by {}", name(&left.asker_id));
            }
            words = left.message_text.as_ref();
        }
        EventBody::Unknown(kind) => {
            let _ = write!(line, " does {kind}");
        }
    }
    if let Some(receiver) = receiver {
        let _ = write!(line, " to {}", name(receiver));
    }
    if let Some(words) = words {
        let _ = write!(line, ": {}", words.reveal());
    }
    match event.visibility.known() {
        Some(Visibility::All) => {}
        Some(narrow) => {
            let _ = write!(line, " ({narrow})");
        }
        None => line.push_str(" (?)"),
    }
    line
}

impl Machine for Line {
    type Input = ClientInput<Event>;
    type Action = ClientAction<Request>;

    fn handle(&mut self, input: Self::Input, _: Instant) {
        match input {
            ClientInput::Opened => {
                self.online = true;
                self.actions.extend(self.waiting.drain(..).map(ClientAction::Send));
            }
            ClientInput::Closed => {
                self.online = false;
                self.losses += 1;
                self.unanswered.clear();
            }
            ClientInput::Frame(frame) => self.hear(frame),
            ClientInput::Malformed(malformed) => panic!("the server says nonsense: {malformed}"),
        }
    }

    fn handle_timeout(&mut self, _: Instant, _: usize) -> Progress {
        Progress::Idle
    }

    fn poll_action(&mut self) -> Option<Self::Action> {
        self.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
