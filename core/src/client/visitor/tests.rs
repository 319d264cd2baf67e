use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::client::{Input, TOO_LARGE};
use crate::frame::flex::{Event, EventStatus};
use crate::frame::{
    ChatTranscript, EventBody, EventList, Frame, Message, NewParty, Open, Party, PartyLeft,
    ProtocolType, RequestResult, SessionStatus, TranscriptEvent, Visibility,
};
use crate::machine::Machine as _;
use crate::time::Stamp;

type Asked = Frame<Request>;

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn turn(visitor: &mut Visitor) -> (Vec<Asked>, Vec<News>) {
    let (mut asked, mut told) = (Vec::new(), Vec::new());
    while let Some(action) = visitor.poll_action() {
        match action {
            Action::Send(frame) => asked.push(frame),
            Action::Notify(news) => told.push(news),
            Action::Connect { .. } | Action::Disconnect => {}
        }
    }
    (asked, told)
}

fn asks(visitor: &mut Visitor) -> Asked {
    let (mut asked, _) = turn(visitor);
    assert_eq!(asked.len(), 1, "{asked:?}");
    asked.remove(0)
}

fn answer(visitor: &mut Visitor, to: &Asked, status: EventStatus, now: Instant) {
    visitor.handle(Input::Frame(Frame::new(to.reference, Event::EventStatus(status))), now);
}

fn success() -> EventStatus {
    EventStatus::new(RequestResult::Success)
}

fn refusal(error: ErrorId) -> EventStatus {
    EventStatus { error_id: Some(error.number()), ..EventStatus::new(RequestResult::Error) }
}

fn told(events: Vec<TranscriptEvent>) -> EventStatus {
    EventStatus {
        session_id: Some(SessionId::new("S")),
        session_status: Some(Open::Known(SessionStatus::Alive)),
        chat_transcript: Some(ChatTranscript {
            start_at: Stamp::from_unix_seconds(0),
            session_id: SessionId::new("S"),
            events: EventList::from(events),
            idle_time_expire: None,
            monitored: None,
        }),
        ..success()
    }
}

fn event(id: u32, who: &str, user_type: UserType, body: EventBody) -> TranscriptEvent {
    TranscriptEvent {
        event_id: EventId::new(id).unwrap(),
        user_id: UserId::new(who),
        time_shift: 0,
        visibility: Open::Known(Visibility::All),
        party: Some(Party {
            user_nickname: Pii::new(Str::new(who)),
            user_type: Open::Known(user_type),
        }),
        participant_no: Some(1),
        event_attributes: None,
        body,
    }
}

fn own(id: u32) -> TranscriptEvent {
    let message = Message {
        message_text: Text::new("x"),
        message_type: None,
        treat_as: None,
        receiver_id: None,
        user_data: None,
    };
    event(id, "C", UserType::Client, EventBody::Message(message))
}

fn agent_comes(id: u32) -> TranscriptEvent {
    let new = NewParty {
        protocol_type: Open::Known(ProtocolType::Basic),
        person_id: None,
        time_zone_offset: None,
        client_version: None,
        user_data: None,
        message_text: None,
    };
    event(id, "A", UserType::Agent, EventBody::NewParty(alloc::boxed::Box::new(new)))
}

fn agent_goes(id: u32) -> TranscriptEvent {
    let left = PartyLeft {
        asker_id: UserId::new("A"),
        reason_code: None,
        reason_text: None,
        message_text: None,
    };
    event(id, "A", UserType::Agent, EventBody::PartyLeft(left))
}

/// A visitor who is in a session, and the moment is 0.
fn inside(user_data: KvList) -> Visitor {
    let mut visitor = Visitor::new(VisitorSettings::new("Casey"), [1; 32]);
    visitor.begin(Start { user_data, ..Start::default() }, at(0)).unwrap();
    turn(&mut visitor);
    visitor.handle(Input::Opened, at(0));
    let login = asks(&mut visitor);
    let user_id = Some(UserId::new("C"));
    let secure_key = Some(Secret::new("key"));
    answer(&mut visitor, &login, EventStatus { user_id, secure_key, ..success() }, at(0));
    let join = asks(&mut visitor);
    let Request::RequestJoin(asked) = &join.body else { panic!("{join:?}") };
    assert!(asked.request_key.is_some());
    answer(&mut visitor, &join, told(vec![]), at(0));
    assert_eq!(turn(&mut visitor).1, [News::Joined]);
    visitor
}

fn poll(visitor: &mut Visitor) -> (Instant, Asked) {
    let due = visitor.poll_timeout().unwrap();
    let _ = visitor.handle_timeout(due, 1);
    (due, asks(visitor))
}

#[test]
fn it_polls_and_follows_an_answer_that_was_cut_at_once() {
    let mut visitor = inside(KvList::new());
    let (due, asked) = poll(&mut visitor);
    assert_eq!(due, at(3));
    let cut = EventStatus { more_events: true, ..told(vec![agent_comes(4)]) };
    answer(&mut visitor, &asked, cut, at(3));
    let rest = asks(&mut visitor);
    let Request::RequestRefresh(refresh) = &rest.body else { panic!("{rest:?}") };
    assert_eq!(refresh.last_position, EventId::new(4));
    // One that is cut and brings nothing new is not followed for ever.
    let empty = EventStatus { more_events: true, ..told(vec![]) };
    answer(&mut visitor, &rest, empty, at(3));
    assert_eq!((turn(&mut visitor).0, visitor.poll_timeout()), (vec![], Some(at(6))));
}

#[test]
fn it_polls_more_slowly_when_the_last_agent_left_an_async_chat() {
    // B22.5
    for (user_data, after) in
        [(KvList::from([(ASYNC_MODE, "true".into())]), at(36)), (KvList::new(), at(9))]
    {
        let mut visitor = inside(user_data);
        // Before any agent came, it is as eager as ever.
        let (_, asked) = poll(&mut visitor);
        answer(&mut visitor, &asked, told(vec![agent_comes(2)]), at(3));
        let (due, asked) = poll(&mut visitor);
        assert_eq!(due, at(6));
        answer(&mut visitor, &asked, told(vec![agent_goes(3)]), at(6));
        assert_eq!(visitor.poll_timeout(), Some(after));
    }
}

#[test]
fn what_was_said_is_confirmed_by_its_event_wherever_that_comes() {
    // B7.8
    let mut visitor = inside(KvList::new());
    let echo = visitor.say("x", at(1)).unwrap();
    let asked = asks(&mut visitor);
    let cut = EventStatus { more_events: true, ..told(vec![agent_comes(2)]) };
    answer(&mut visitor, &asked, cut, at(1));
    let (rest, news) = turn(&mut visitor);
    assert_eq!(news, [News::Told(EventId::new(2).unwrap())]);
    answer(&mut visitor, &rest[0], told(vec![own(3)]), at(1));
    let event_id = EventId::new(3);
    let told = [News::Told(event_id.unwrap()), News::Confirmed { echo, event_id }];
    assert_eq!(turn(&mut visitor).1, told);
    assert_eq!(visitor.echoes().count(), 0);
}

#[test]
fn a_lost_connection_is_made_again_and_the_same_is_asked() {
    // B4.8
    let mut visitor = inside(KvList::new());
    visitor.say("x", at(1)).unwrap();
    let first = asks(&mut visitor);
    visitor.handle(Input::Closed, at(1));
    let due = visitor.poll_timeout().unwrap();
    assert!(due > at(1) && due <= at(2));
    let _ = visitor.handle_timeout(due, 1);
    assert_eq!(visitor.poll_action(), Some(Action::Connect { server: 0, after: Duration::ZERO }));
    visitor.handle(Input::Opened, due);
    assert_eq!(asks(&mut visitor).body, first.body);
}

#[test]
fn after_a_restoration_it_goes_by_its_new_name_and_key() {
    // B20.4
    let mut visitor = inside(KvList::new());
    let (_, asked) = poll(&mut visitor);
    let user_id = Some(UserId::new("C2"));
    let secure_key = Some(Secret::new("new"));
    answer(&mut visitor, &asked, EventStatus { user_id, secure_key, ..told(vec![]) }, at(3));
    turn(&mut visitor);
    let (_, asked) = poll(&mut visitor);
    let Request::RequestRefresh(refresh) = &asked.body else { panic!("{asked:?}") };
    assert_eq!(refresh.user_id, UserId::new("C2"));
    assert_eq!(refresh.secure_key, Secret::new("new"));
}

#[test]
fn it_is_told_how_it_ended() {
    for (error, end) in [
        (ErrorId::NotInSession, End::Gone),
        (ErrorId::LoggedOut, End::LoggedOut),
        (ErrorId::WrongSecureKey, End::WrongSecureKey),
    ] {
        let mut visitor = inside(KvList::new());
        let echo = visitor.say("x", at(1)).unwrap();
        let asked = asks(&mut visitor);
        answer(&mut visitor, &asked, refusal(error), at(1));
        let told = [News::not_sent(echo, error.number()), News::Over(end)];
        assert_eq!(turn(&mut visitor).1, told);
        assert_eq!(visitor.poll_timeout(), None);
        assert_eq!(visitor.say("y", at(2)), Err(SayError::Over));
    }
}

#[test]
fn a_closed_session_is_heard_to_its_end() {
    // B8.6
    let mut visitor = inside(KvList::new());
    let echo = visitor.say("x", at(1)).unwrap();
    let asked = asks(&mut visitor);
    answer(&mut visitor, &asked, refusal(ErrorId::SessionClosed), at(1));
    let (asked, news) = turn(&mut visitor);
    assert_eq!(news, [News::NotSent { echo, error_id: 8305, why: Str::default() }]);
    let session_status = Some(Open::Known(SessionStatus::Closed));
    let end = EventStatus { session_status, ..told(vec![agent_comes(2)]) };
    answer(&mut visitor, &asked[0], end, at(1));
    let last = News::Told(EventId::new(2).unwrap());
    assert_eq!(turn(&mut visitor).1, [last, News::Over(End::Closed)]);
}

#[test]
fn a_login_that_is_not_known_any_more_is_made_again() {
    // B4.8
    let mut visitor = Visitor::new(VisitorSettings::new("Casey"), [1; 32]);
    visitor.begin(Start::default(), at(0)).unwrap();
    visitor.handle(Input::Opened, at(0));
    let login = asks(&mut visitor);
    let user_id = Some(UserId::new("C"));
    let secure_key = Some(Secret::new("key"));
    answer(&mut visitor, &login, EventStatus { user_id, secure_key, ..success() }, at(0));
    let join = asks(&mut visitor);
    answer(&mut visitor, &join, refusal(ErrorId::NotInSession), at(0));
    let (_, asked) = poll(&mut visitor);
    assert!(matches!(asked.body, Request::RequestLogin(_)));
}

#[test]
fn whoever_never_came_can_leave() {
    let mut visitor = Visitor::new(VisitorSettings::new("Casey"), [1; 32]);
    assert_eq!(visitor.say("x", at(0)), Err(SayError::NoChat));
    visitor.begin(Start::default(), at(0)).unwrap();
    assert_eq!(visitor.begin(Start::default(), at(0)), Err(JoinError::AlreadyThere));
    visitor.log_out(at(0)).unwrap();
    assert_eq!(visitor.end(), Some(End::Left));
}

#[test]
fn what_cannot_be_sent_is_refused() {
    // B17.4, B22.12
    let error_id = ErrorId::LimitReached.number();
    let mut visitor = inside(KvList::new());
    let echo = visitor.say("x", at(1)).unwrap();
    let Frame { reference, .. } = asks(&mut visitor);
    visitor.handle(Input::Unsendable { reference }, at(1));
    let (asked, news) = turn(&mut visitor);
    let why = Str::new(TOO_LARGE);
    assert_eq!(news, [News::NotSent { echo, error_id, why }]);
    assert!(matches!(asked[0].body, Request::RequestRefresh(_)));
    let mut visitor = Visitor::new(VisitorSettings::new("Casey"), [1; 32]);
    visitor.begin(Start::default(), at(0)).unwrap();
    visitor.handle(Input::Opened, at(0));
    let Frame { reference, .. } = asks(&mut visitor);
    visitor.handle(Input::Unsendable { reference }, at(0));
    assert_eq!(visitor.end(), Some(End::Refused(error_id)));
}

/// The server it turns to.
fn turns_to(visitor: &mut Visitor) -> Option<usize> {
    let mut to = None;
    while let Some(action) = visitor.poll_action() {
        if let Action::Connect { server, .. } = action {
            to = Some(server);
        }
    }
    to
}

#[test]
fn a_server_that_cannot_be_reached_is_left() {
    // B22.13
    let mut visitor = inside(KvList::new());
    visitor.servers = Servers::new(&Habits { servers: 2, ..Habits::default() });
    visitor.servers.answer();
    visitor.say("x", at(1)).unwrap();
    let first = asks(&mut visitor);
    visitor.handle(Input::Closed, at(1));
    let due = visitor.poll_timeout().unwrap();
    let _ = visitor.handle_timeout(due, 1);
    assert_eq!(turns_to(&mut visitor), Some(0), "the same one first");
    visitor.handle(Input::Closed, due);
    assert_eq!(turns_to(&mut visitor), Some(1), "at once");
    visitor.handle(Input::Opened, due);
    assert_eq!(asks(&mut visitor).body, first.body);
}

#[test]
fn a_server_that_refuses_too_often_is_left() {
    // B22.13: three times.
    let mut visitor = inside(KvList::new());
    visitor.servers = Servers::new(&Habits { servers: 2, ..Habits::default() });
    visitor.say("x", at(1)).unwrap();
    let mut now = at(1);
    for refusals in 1..=3 {
        let asked = asks(&mut visitor);
        answer(&mut visitor, &asked, refusal(ErrorId::Restoring), now);
        if refusals < 3 {
            now = visitor.poll_timeout().unwrap();
            let _ = visitor.handle_timeout(now, 1);
        }
    }
    assert_eq!(visitor.poll_action(), Some(Action::Disconnect));
    visitor.handle(Input::Closed, now);
    let due = visitor.poll_timeout().unwrap();
    let _ = visitor.handle_timeout(due, 1);
    assert_eq!(turns_to(&mut visitor), Some(1));
}
