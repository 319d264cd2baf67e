//! The gateway in front of servers that say what a test wants them to.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

mod files;
mod moving;
mod positions;
mod random;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::config::Config;
use crate::frame::flex::{Event, EventStatus, Request, RequestNotify, RequestRefresh};
use crate::frame::{
    ChatTranscript, ErrorId, EventBody, EventList, Frame, KvList, Message, Notice, NoticeType,
    Open, RequestResult, SessionStatus, TranscriptEvent, Visibility,
};
use crate::id::{DocumentId, EventId, SessionId, UserId};
use crate::machine::Machine as _;
use crate::pii::{Pii, Secret};
use crate::text::{Str, Text};
use crate::time::{Instant, Stamp};

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const A: ServerNo = ServerNo(0);
const B: ServerNo = ServerNo(1);

/// A gateway, and what it wanted.
struct Bench {
    gateway: Gateway,
    now: Instant,
    asked: VecDeque<(ServerNo, Frame<Request>)>,
    answers: Vec<(CallId, ApiAnswer)>,
    connects: Vec<(ServerNo, Duration)>,
    others: Vec<Action>,
    next_call: u64,
}

impl Bench {
    /// In front of so many servers, all of them up.
    fn new(servers: u8) -> Self {
        Self::with(servers, &[])
    }

    fn with(servers: u8, options: &[(&str, &str, &str)]) -> Self {
        let mut bench = Self::down(servers, options);
        for server in (0..servers).map(ServerNo) {
            bench.opens(server);
        }
        bench
    }

    /// In front of servers that were not reached yet.
    fn down(servers: u8, options: &[(&str, &str, &str)]) -> Self {
        let mut config = Config::default();
        for (section, option, value) in options {
            config.set(section, option, value).expect("legal");
        }
        let now = Instant::from_millis(1000);
        let settings = GatewaySettings::new("web", "web-1", servers);
        let gateway = Gateway::new(settings, Arc::new(config), [3; 32], now);
        let mut bench = Self {
            gateway,
            now,
            asked: VecDeque::new(),
            answers: Vec::new(),
            connects: Vec::new(),
            others: Vec::new(),
            next_call: 0,
        };
        bench.pump();
        bench
    }

    fn handle(&mut self, input: Input) {
        self.gateway.handle(input, self.now);
        self.pump();
    }

    fn pump(&mut self) {
        while let Some(action) = self.gateway.poll_action() {
            match action {
                Action::Connect { server, after } => self.connects.push((server, after)),
                Action::Send { server, frame } => self.asked.push_back((server, frame)),
                Action::Answer { call, answer } => self.answers.push((call, answer)),
                other => self.others.push(other),
            }
        }
    }

    fn opens(&mut self, server: ServerNo) {
        self.handle(Input::Opened { server });
        let place = self
            .asked
            .iter()
            .position(|(at, frame)| *at == server && matches!(frame.body, Request::RequestNode(_)));
        let (_, node) = self.asked.remove(place.expect("RequestNode first")).expect("there");
        self.says(server, node.reference, EventStatus::new(RequestResult::Success));
    }

    fn closes(&mut self, server: ServerNo) {
        self.handle(Input::Closed { server });
    }

    fn says(&mut self, server: ServerNo, reference: u32, status: EventStatus) {
        self.handle(Input::Frame {
            server,
            frame: Frame::new(reference, Event::EventStatus(status)),
        });
    }

    fn calls(&mut self, operation: Operation) -> CallId {
        self.next_call += 1;
        let call = CallId(self.next_call);
        let request = ApiRequest { service: Str::new("customer-support"), operation };
        self.handle(Input::Request { call, request });
        call
    }

    /// What was asked next, and of whom.
    #[track_caller]
    fn next(&mut self) -> (ServerNo, Frame<Request>) {
        self.asked.pop_front().expect("something is asked")
    }

    /// The refresh that was asked next, and of whom.
    #[track_caller]
    fn next_refresh(&mut self) -> (ServerNo, u32, RequestRefresh) {
        match self.next() {
            (server, Frame { reference, body: Request::RequestRefresh(refresh) }) => {
                (server, reference, refresh)
            }
            other => panic!("{other:?}"),
        }
    }

    /// The notice that was asked next, and of whom.
    #[track_caller]
    fn next_notice(&mut self) -> (ServerNo, u32, RequestNotify) {
        match self.next() {
            (server, Frame { reference, body: Request::RequestNotify(notify) }) => {
                (server, reference, notify)
            }
            other => panic!("{other:?}"),
        }
    }

    /// The one answer there is.
    #[track_caller]
    fn answer(&mut self) -> ApiAnswer {
        assert_eq!(self.answers.len(), 1, "{:?}", self.answers);
        self.answers.remove(0).1
    }

    #[track_caller]
    fn done(&mut self) -> Done {
        match self.answer() {
            ApiAnswer::Done(done) => *done,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn failed(&mut self) -> Failed {
        match self.answer() {
            ApiAnswer::Failed(failed) => *failed,
            other => panic!("{other:?}"),
        }
    }

    fn passes(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.gateway.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            let _ = self.gateway.handle_timeout(self.now, 64);
            self.pump();
        }
        self.now = end;
    }
}

fn casey() -> Customer {
    Customer {
        chat_id: SessionId::new("0123456789ABCDEF"),
        user_id: UserId::new("00000000000000A1"),
        secure_key: Secret::new("0123456789abcdef"),
    }
}

fn in_chat(alias: &str, position: u32, verb: Verb) -> Operation {
    let (customer, alias) = (casey(), Str::new(alias));
    Operation::InChat(InChat { customer, alias, position, request_key: None, verb })
}

fn send(text: &str) -> Verb {
    Verb::Send { text: Text::new(text), message_type: None, user_data: KvList::new() }
}

fn poll() -> Verb {
    Verb::Refresh { text: None }
}

fn start(name: &str) -> Operation {
    let nickname = Pii::new(Str::new(name));
    Operation::RequestChat(Box::new(RequestChat { nickname, ..RequestChat::default() }))
}

fn event(id: u32, body: EventBody) -> TranscriptEvent {
    TranscriptEvent {
        event_id: EventId::new(id).expect("small"),
        user_id: casey().user_id,
        time_shift: id,
        visibility: Open::Known(Visibility::All),
        party: None,
        participant_no: Some(1),
        event_attributes: None,
        body,
    }
}

fn message(id: u32) -> TranscriptEvent {
    let message_text = Text::new("words");
    event(
        id,
        EventBody::Message(Message {
            message_text,
            message_type: None,
            treat_as: None,
            receiver_id: None,
            user_data: None,
        }),
    )
}

fn command(id: u32, name: &str, user_data: KvList) -> TranscriptEvent {
    event(
        id,
        EventBody::Notice(Notice {
            notice_type: Open::Known(NoticeType::SysCommand),
            notice_text: Some(Text::new(name)),
            receiver_id: None,
            user_data: Some(user_data),
        }),
    )
}

/// A good answer of these events, up to this position.
fn told(events: Vec<TranscriptEvent>, last: u32) -> EventStatus {
    EventStatus {
        user_id: Some(casey().user_id),
        session_id: Some(casey().chat_id),
        session_status: Some(Open::Known(SessionStatus::Alive)),
        last_position: EventId::new(last),
        chat_transcript: Some(ChatTranscript {
            start_at: Stamp::from_unix_seconds(1_700_000_000),
            session_id: casey().chat_id,
            events: EventList::from(events),
            idle_time_expire: None,
            monitored: None,
        }),
        ..EventStatus::new(RequestResult::Success)
    }
}

fn refusal(error: ErrorId) -> EventStatus {
    EventStatus {
        error_id: Some(error.number()),
        error_text: Some(Str::new(error.text())),
        ..EventStatus::new(RequestResult::Error)
    }
}

fn logged_in() -> EventStatus {
    EventStatus {
        user_id: Some(casey().user_id),
        secure_key: Some(casey().secure_key),
        ..EventStatus::new(RequestResult::Success)
    }
}

#[test]
fn a_chat_is_begun_by_login_and_join() {
    // B4.1, B19.1
    let service = "chat.customer-support";
    let mut bench = Bench::with(1, &[(service, "tenant", "acme"), (service, "endpoint", "sales")]);
    let user_data = KvList::from([("TimeZone", "-480".into()), ("LastName", "Own".into())]);
    bench.calls(Operation::RequestChat(Box::new(RequestChat {
        first_name: Pii::new(Str::new("Casey")),
        last_name: Pii::new(Str::new("Moss")),
        email_address: Pii::new(Str::new("casey@example.com")),
        subject: Some(Text::new("a question")),
        greeting: Some(Text::new("hello")),
        user_data,
        ..RequestChat::default()
    })));
    let (_, Frame { reference, body: Request::RequestLogin(login) }) = bench.next() else {
        panic!("a Login")
    };
    assert_eq!(&**login.user_nickname.reveal(), "Casey Moss");
    assert_eq!(login.time_zone_offset, Some(-480));
    bench.says(A, reference, logged_in());
    let (_, Frame { reference, body: Request::RequestJoin(join) }) = bench.next() else {
        panic!("a Join")
    };
    assert_eq!(join.session_id, None);
    assert_eq!(join.queue_key.as_deref(), Some("acme:sales"));
    assert!(join.request_key.is_some());
    let data = join.user_data.expect("user data");
    let texts = ["FirstName", "LastName", "EmailAddress"].map(|key| data.text(key));
    assert_eq!(texts.map(|text| text.unwrap().into_owned()), ["Casey", "Own", "casey@example.com"]);
    bench.says(A, reference, told([message(1)].into(), 1));
    let done = bench.done();
    assert_eq!(done.customer, casey());
    assert_eq!((done.next_position, done.chat_ended, &*done.alias), (2, false, "1"));
    assert_eq!(done.events.len(), 1);
    assert_eq!(bench.gateway.calls(), 0);
}

#[test]
fn whoever_has_no_name_begins_no_chat() {
    // B3.8
    let mut bench = Bench::new(1);
    let long = "n".repeat(256);
    for name in ["", "  ", &long] {
        bench.calls(start(name));
        assert_eq!(bench.failed().why, Why::Nickname);
    }
    bench.calls(start(&long[1..]));
    assert!(matches!(bench.next().1.body, Request::RequestLogin(_)));
}

#[test]
fn a_service_must_be_there() {
    let mut bench = Bench::with(1, &[("chat.sales", "endpoint", "sales")]);
    bench.calls(start("Casey"));
    assert_eq!(bench.failed().why, Why::NoSuchService);
    bench.calls(in_chat("1", 0, poll()));
    let failed = bench.failed();
    assert_eq!((failed.why, failed.customer), (Why::NoSuchService, Some(casey())));
}

#[test]
fn what_no_server_could_read_is_never_sent() {
    // B26.9
    // Wire §2, §3, §7: one frame that cannot be read would be the end of everybody's connection.
    let mut bench = Bench::with(1, &[("settings", "request-max-size", "4096")]);
    bench.calls(in_chat("1", 0, send("a\0b")));
    assert_eq!(bench.failed().why, Why::BadRequest);
    let mut text = Text::new("");
    for length in [1500, 1537] {
        text = Text::from("w".repeat(length));
        bench.calls(in_chat("1", 0, Verb::Refresh { text: Some(text.clone()) }));
    }
    assert_eq!(bench.failed().why, Why::TextTooLong);
    let (_, _, refresh) = bench.next_refresh();
    assert!(refresh.message_text.is_some_and(|sent| sent.chars() < text.chars()));
    for (key, good) in [("", false), (&*"k".repeat(64), true), (&*"k".repeat(65), false)] {
        let Operation::InChat(there) = in_chat("1", 0, poll()) else { unreachable!() };
        bench.calls(Operation::InChat(InChat { request_key: Some(Str::new(key)), ..there }));
        assert_eq!(bench.answers.pop().is_none(), good, "{key}");
    }
    for key in ["", &"k".repeat(256)] {
        let user_data = KvList::from([(key, "v".into())]);
        bench.calls(in_chat("1", 0, Verb::UpdateData { user_data }));
        assert_eq!(bench.failed().why, Why::BadRequest);
    }
}

#[test]
fn so_many_calls_and_no_more() {
    let mut bench = Bench::with(1, &[("web", "max-calls", "2")]);
    bench.calls(in_chat("1", 0, poll()));
    bench.calls(in_chat("1", 0, poll()));
    let last = bench.calls(in_chat("1", 7, poll()));
    let (call, ApiAnswer::Failed(failed)) = bench.answers.remove(0) else { panic!("refused") };
    assert_eq!((call, failed.why, failed.retry), (last, Why::TooManyCalls, true));
    assert_eq!((failed.customer, failed.position), (Some(casey()), 7));
    let (server, reference, _) = bench.next_refresh();
    bench.says(server, reference, told(Vec::new(), 3));
    bench.done();
    bench.calls(in_chat("1", 0, poll()));
    assert!(bench.answers.is_empty());
}

#[test]
fn a_number_that_is_in_use_is_not_heard() {
    let mut bench = Bench::new(1);
    let call = bench.calls(in_chat("1", 0, poll()));
    bench.next_refresh();
    bench.next_call -= 1;
    assert_eq!(bench.calls(in_chat("1", 0, send("again"))), call);
    assert!(bench.asked.is_empty() && bench.answers.is_empty());
}

#[test]
fn whoever_goes_before_the_chat_began_leaves_it() {
    // B26.5
    let mut bench = Bench::new(1);
    let call = bench.calls(start("Casey"));
    let (_, login) = bench.next();
    bench.says(A, login.reference, logged_in());
    let (_, join) = bench.next();
    bench.handle(Input::Cancelled { call });
    bench.says(A, join.reference, told([message(1)].into(), 1));
    let (_, Frame { body: Request::RequestLogout(logout), .. }) = bench.next() else {
        panic!("a Logout")
    };
    assert_eq!((logout.user_id, logout.session_id), (casey().user_id, Some(casey().chat_id)));
    assert!(bench.answers.is_empty());
    assert_eq!(bench.gateway.calls(), 0);
}

#[test]
fn a_call_that_is_cancelled_is_not_answered() {
    let mut bench = Bench::new(1);
    let call = bench.calls(in_chat("1", 0, send("hello")));
    let (server, reference, _) = bench.next_refresh();
    bench.handle(Input::Cancelled { call });
    bench.says(server, reference, told(Vec::new(), 3));
    assert!(bench.answers.is_empty());
    assert_eq!(bench.gateway.calls(), 0);
}

#[test]
fn errors_have_their_meanings() {
    for (error, why, retry, ended) in [
        (ErrorId::WrongSecureKey, Why::NoSuchChat, false, true),
        (ErrorId::NotInSession, Why::NoSuchChat, false, true),
        (ErrorId::LoggedOut, Why::NoSuchChat, false, true),
        (ErrorId::SessionClosed, Why::ChatClosed, false, true),
        (ErrorId::Malformed, Why::BadRequest, false, false),
        (ErrorId::TextTooLong, Why::TextTooLong, false, false),
        (ErrorId::NoticeNotAllowed, Why::NotAllowed, false, false),
        (ErrorId::LimitReached, Why::LimitReached, false, false),
    ] {
        let mut bench = Bench::new(1);
        bench.calls(in_chat("1", 0, send("hello")));
        let (server, reference, _) = bench.next_refresh();
        bench.says(server, reference, refusal(error));
        let failed = bench.failed();
        assert_eq!((failed.why, failed.retry, failed.chat_ended), (why, retry, ended), "{error}");
        assert_eq!(failed.customer, Some(casey()));
    }
}

#[test]
fn no_key_opens_a_chat_that_is_named_beside_it() {
    // Whoever names one chat and has the key of another learns of neither.
    let mut bench = Bench::new(1);
    bench.calls(in_chat("1", 1, poll()));
    let (server, reference, _) = bench.next_refresh();
    let session_id = Some(SessionId::new("FEDCBA9876543210"));
    bench.says(server, reference, EventStatus { session_id, ..told([message(1)].into(), 1) });
    let failed = bench.failed();
    assert_eq!((failed.why, failed.chat_ended), (Why::NoSuchChat, true));
}

#[test]
fn a_poller_that_was_removed_learns_why() {
    // B26.7, B9.2
    let mut bench = Bench::new(1);
    bench.calls(in_chat("1", 2, poll()));
    let (server, reference, _) = bench.next_refresh();
    let end = EventStatus {
        user_id: None,
        session_id: None,
        session_status: None,
        error_id: Some(ErrorId::LoggedOut.number()),
        ..told([message(2), message(3)].into(), 3)
    };
    let end = EventStatus { request_result: Open::Known(RequestResult::Error), ..end };
    bench.says(server, reference, end);
    let done = bench.done();
    assert!(done.chat_ended);
    assert_eq!((done.events.len(), done.next_position), (2, 4));
}

#[test]
fn an_answer_nobody_can_read_fails_its_call_alone() {
    let mut bench = Bench::new(1);
    bench.calls(in_chat("1", 0, poll()));
    let (server, reference, _) = bench.next_refresh();
    let what = crate::frame::Flaw::UnknownMessage;
    let malformed = Malformed { reference, message: 9, what, offset: 0 };
    bench.handle(Input::Malformed { server, malformed });
    assert_eq!(bench.failed().why, Why::Refused(0));
    assert!(matches!(bench.others.last(), Some(Action::Report(Report::Malformed { .. }))));
}
