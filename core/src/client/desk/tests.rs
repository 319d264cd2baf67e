use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::client::{Input, TOO_LARGE};
use crate::frame::basic::{Event, EventError, EventRegistered, EventSessionInfo};
use crate::frame::{
    ChatTranscript, ErrorId, EventBody, EventList, Frame, Message, Open, SessionStatus,
    TranscriptEvent,
};
use crate::machine::Machine as _;
use crate::time::Stamp;

type Asked = Frame<Request>;

const SESSION: &str = "S";

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

/// Carries out what it wants done: what it asked, and the other actions.
fn turn(desk: &mut Desk) -> (Vec<Asked>, Vec<Action<Request, DeskNews>>) {
    let (mut asked, mut rest) = (Vec::new(), Vec::new());
    while let Some(action) = desk.poll_action() {
        match action {
            Action::Send(frame) => asked.push(frame),
            action @ (Action::Connect { .. } | Action::Disconnect | Action::Notify(_)) => {
                rest.push(action);
            }
        }
    }
    (asked, rest)
}

fn asks(desk: &mut Desk) -> Asked {
    let (mut asked, _) = turn(desk);
    assert_eq!(asked.len(), 1, "{asked:?}");
    asked.remove(0)
}

fn answer(desk: &mut Desk, to: &Asked, event: Event, now: Instant) {
    desk.handle(Input::Frame(Frame::new(to.reference, event)), now);
}

fn refuse(desk: &mut Desk, to: &Asked, error: ErrorId, now: Instant) {
    let (error_id, error_text) = (error.number(), Str::new(error.text()));
    let session_id = None;
    answer(desk, to, Event::EventError(EventError { error_id, error_text, session_id }), now);
}

fn registered() -> Event {
    let user_id = UserId::new("R");
    Event::EventRegistered(EventRegistered { user_id, client_version: 106 })
}

fn info(user_id: Option<&str>, events: Vec<TranscriptEvent>) -> Event {
    let session_id = SessionId::new(SESSION);
    Event::EventSessionInfo(EventSessionInfo {
        session_id: session_id.clone(),
        session_status: Open::Known(SessionStatus::Alive),
        chat_transcript: ChatTranscript {
            start_at: Stamp::from_unix_seconds(0),
            session_id,
            events: EventList::from(events),
            idle_time_expire: None,
            monitored: None,
        },
        user_id: user_id.map(UserId::new),
        more_events: false,
    })
}

fn message(id: u32) -> TranscriptEvent {
    TranscriptEvent {
        event_id: EventId::new(id).unwrap(),
        user_id: UserId::new("P"),
        time_shift: 0,
        visibility: Open::Known(Visibility::All),
        party: None,
        participant_no: None,
        event_attributes: None,
        body: EventBody::Message(Message {
            message_text: Text::new("x"),
            message_type: None,
            treat_as: None,
            receiver_id: None,
            user_data: None,
        }),
    }
}

fn settings() -> DeskSettings {
    DeskSettings::new("Ana", UserType::Agent)
}

/// A desk that is registered.
fn online() -> Desk {
    let mut desk = Desk::new(settings(), [1; 32]);
    connect(&mut desk, at(0));
    desk
}

fn connect(desk: &mut Desk, now: Instant) {
    turn(desk);
    desk.handle(Input::Opened, now);
    let register = asks(desk);
    assert!(matches!(register.body, Request::RequestRegister(_)));
    answer(desk, &register, registered(), now);
}

/// One that is in the session as well.
fn inside() -> (Desk, ChatId) {
    let mut desk = online();
    let chat = desk.join(SessionId::new(SESSION), Visibility::All, at(0)).unwrap();
    let join = asks(&mut desk);
    answer(&mut desk, &join, info(Some("P"), vec![]), at(0));
    turn(&mut desk);
    assert!(desk.chat(chat).unwrap().is_inside());
    (desk, chat)
}

fn said(asked: &Asked) -> (&str, Option<&Str>) {
    let Request::RequestMessage(message) = &asked.body else { panic!("{asked:?}") };
    (message.message_text.reveal(), message.request_key.as_ref())
}

fn news(actions: Vec<Action<Request, DeskNews>>) -> Vec<News> {
    let of = |action| match action {
        Action::Notify(DeskNews::Chat(_, news)) => Some(news),
        Action::Notify(_) | Action::Connect { .. } | Action::Send(_) | Action::Disconnect => None,
    };
    actions.into_iter().filter_map(of).collect()
}

#[test]
fn one_thing_is_asked_at_a_time_in_the_order_of_the_verbs() {
    let (mut desk, chat) = inside();
    let first = desk.say(chat, "one", at(1)).unwrap();
    desk.say(chat, "two", at(1)).unwrap();
    let one = asks(&mut desk);
    assert_eq!(said(&one).0, "one");
    assert_eq!(desk.chat(chat).unwrap().echoes().count(), 2);
    answer(&mut desk, &one, info(None, vec![message(5)]), at(2));
    let (asked, rest) = turn(&mut desk);
    let event_id = EventId::new(5);
    let told = News::Told(event_id.unwrap());
    assert_eq!(news(rest), [News::Confirmed { echo: first, event_id }, told]);
    assert_eq!(said(&asked[0]).0, "two");
    assert_eq!(desk.chat(chat).unwrap().echoes().count(), 1);
}

#[test]
fn after_a_loss_the_same_is_asked_with_the_same_key_and_the_gap_is_filled() {
    // B4.7, B4.8
    let (mut desk, chat) = inside();
    desk.handle(Input::Frame(Frame::unsolicited(info(None, vec![message(7)]))), at(1));
    desk.say(chat, "one", at(1)).unwrap();
    let first = asks(&mut desk);
    desk.handle(Input::Closed, at(2));
    let (_, rest) = turn(&mut desk);
    assert!(matches!(rest[..], [Action::Notify(DeskNews::Offline { .. }), Action::Connect { .. }]));
    connect(&mut desk, at(3));
    let join = asks(&mut desk);
    let Request::RequestJoin(rejoin) = &join.body else { panic!("{join:?}") };
    assert_eq!((rejoin.last_position, &rejoin.request_key), (EventId::new(7), &None));
    answer(&mut desk, &join, info(Some("P2"), vec![]), at(3));
    assert_eq!(said(&asks(&mut desk)), said(&first));
}

#[test]
fn a_refusal_for_now_is_tried_again_and_one_for_good_is_told() {
    let (mut desk, chat) = inside();
    let id = desk.say(chat, "one", at(1)).unwrap();
    let one = asks(&mut desk);
    refuse(&mut desk, &one, ErrorId::Restoring, at(1));
    assert_eq!(turn(&mut desk).0, []);
    let later = desk.poll_timeout().unwrap();
    assert!(at(1) < later && later <= at(2));
    let _ = desk.handle_timeout(later, 1);
    let again = asks(&mut desk);
    assert_eq!(said(&again), said(&one));
    refuse(&mut desk, &again, ErrorId::TextTooLong, later);
    assert_eq!(news(turn(&mut desk).1), [News::not_sent(id, 8312)]);
}

#[test]
fn whoever_is_put_out_of_a_copy_comes_again() {
    // B20.12
    let (mut desk, chat) = inside();
    let error = EventError {
        error_id: 8317,
        error_text: Str::default(),
        session_id: Some(SessionId::new(SESSION)),
    };
    desk.handle(Input::Frame(Frame::unsolicited(Event::EventError(error))), at(1));
    assert_eq!(news(turn(&mut desk).1), [News::Interrupted]);
    assert!(!desk.chat(chat).unwrap().is_inside());
    let later = desk.poll_timeout().unwrap();
    let _ = desk.handle_timeout(later, 1);
    let join = asks(&mut desk);
    refuse(&mut desk, &join, ErrorId::NoSuchSession, later);
    assert_eq!(news(turn(&mut desk).1), [News::Over(End::Gone)]);
    assert_eq!(desk.say(chat, "x", later), Err(SayError::Over));
    assert!(desk.forget(chat) && desk.chat(chat).is_none());
}

#[test]
fn what_waits_is_bounded() {
    let (mut desk, chat) = inside();
    for _ in 0..256 {
        desk.say(chat, "x", at(1)).unwrap();
    }
    assert_eq!(desk.say(chat, "x", at(1)), Err(SayError::Full));
    // There is always room to leave.
    desk.leave(chat, AfterAction::KeepAlive, None, at(1)).unwrap();
    assert_eq!(desk.say(chat, "x", at(1)), Err(SayError::Over));
    let long = "x".repeat(65_536);
    let other = desk.create(at(1)).unwrap();
    assert_eq!(desk.say(other, &*long, at(1)), Err(SayError::TooLong));
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let (mut desk, chat) = inside();
    desk.say(chat, "one", at(1)).unwrap();
    turn(&mut desk);
    assert_eq!(desk.poll_timeout(), Some(at(61)));
    let _ = desk.handle_timeout(at(61), 64);
    assert_eq!(turn(&mut desk).1, [Action::Disconnect]);
    assert_eq!(desk.poll_timeout(), None);
}

#[test]
fn a_plain_leave_without_a_connection_needs_nobody() {
    let (mut desk, chat) = inside();
    desk.handle(Input::Closed, at(1));
    turn(&mut desk);
    let echo = desk.leave(chat, AfterAction::KeepAlive, None, at(2)).unwrap();
    let event_id = None;
    let told = [News::Confirmed { echo, event_id }, News::Over(End::Left)];
    assert_eq!(news(turn(&mut desk).1), told);
}

#[test]
fn a_creation_that_went_with_its_connection_is_begun_anew() {
    // B4.8
    let mut desk = online();
    let chat = desk.create(at(0)).unwrap();
    let key = |asked: &Asked| {
        let Request::RequestJoin(join) = &asked.body else { panic!("{asked:?}") };
        join.request_key.clone()
    };
    let first = asks(&mut desk);
    desk.handle(Input::Closed, at(1));
    connect(&mut desk, at(2));
    let second = asks(&mut desk);
    assert_eq!(key(&first), key(&second));
    // It took effect, and the session is over with the connection it was made on.
    let Event::EventSessionInfo(mut closed) = info(Some("P"), vec![]) else { unreachable!() };
    closed.session_status = Open::Known(SessionStatus::Closed);
    answer(&mut desk, &second, Event::EventSessionInfo(closed), at(2));
    let later = desk.poll_timeout().unwrap();
    let _ = desk.handle_timeout(later, 1);
    let third = asks(&mut desk);
    assert!(key(&third).is_some() && key(&third) != key(&first));
    // Or it took effect and the session lives: one enters it, unless one is in it.
    desk.handle(Input::Closed, at(10));
    connect(&mut desk, at(11));
    let fourth = asks(&mut desk);
    answer(&mut desk, &fourth, info(Some("P"), vec![message(1)]), at(11));
    let probe = asks(&mut desk);
    assert_eq!(key(&probe), None);
    refuse(&mut desk, &probe, ErrorId::AlreadyThere, at(11));
    assert!(desk.chat(chat).unwrap().is_inside());
}

#[test]
fn a_register_that_is_refused_is_the_end() {
    let mut desk = Desk::new(settings(), [1; 32]);
    turn(&mut desk);
    desk.handle(Input::Opened, at(0));
    let register = asks(&mut desk);
    refuse(&mut desk, &register, ErrorId::UserTypeNotAllowed, at(0));
    let told = [
        Action::Notify(DeskNews::Refused(8316)),
        Action::Disconnect,
        Action::Notify(DeskNews::SignedOff),
    ];
    assert_eq!(turn(&mut desk).1, told);
    desk.handle(Input::Closed, at(1));
    assert_eq!(turn(&mut desk).1, []);
    assert_eq!(desk.create(at(2)), Err(JoinError::SignedOff));
}

#[test]
fn signing_off_leaves_everything() {
    let (mut desk, chat) = inside();
    desk.sign_off(at(1));
    let unregister = asks(&mut desk);
    assert_eq!(unregister.body, Request::RequestUnregister);
    answer(&mut desk, &unregister, Event::EventUnregistered, at(1));
    assert!(turn(&mut desk).1.contains(&Action::Notify(DeskNews::SignedOff)));
    assert_eq!(desk.chat(chat).unwrap().end(), Some(End::Left));
    desk.handle(Input::Closed, at(2));
    assert_eq!(turn(&mut desk).1, []);
}

#[test]
fn what_is_in_doubt_when_the_session_is_closed_is_asked_once_more() {
    // B4.8
    let (mut desk, chat) = inside();
    desk.say(chat, "heard", at(1)).unwrap();
    let lost = desk.say(chat, "not heard", at(1)).unwrap();
    let first = asks(&mut desk);
    desk.handle(Input::Closed, at(2));
    connect(&mut desk, at(3));
    let join = asks(&mut desk);
    refuse(&mut desk, &join, ErrorId::SessionClosed, at(3));
    let again = asks(&mut desk);
    assert_eq!(said(&again), said(&first));
    let Event::EventSessionInfo(mut closed) = info(None, vec![message(5)]) else { unreachable!() };
    closed.session_status = Open::Known(SessionStatus::Closed);
    answer(&mut desk, &again, Event::EventSessionInfo(closed), at(3));
    let told = news(turn(&mut desk).1);
    let event_id = EventId::new(5);
    assert!(matches!(told[0], News::Confirmed { event_id: id, .. } if id == event_id), "{told:?}");
    let unsaid = News::not_sent(lost, 8305);
    assert_eq!(told[2..], [unsaid, News::Over(End::Closed)]);
}

#[test]
fn what_cannot_be_sent_is_refused() {
    // B17.4, B22.12
    let error_id = ErrorId::LimitReached.number();
    let (mut desk, chat) = inside();
    let echo = desk.say(chat, "one", at(1)).unwrap();
    desk.say(chat, "two", at(1)).unwrap();
    let Frame { reference, .. } = asks(&mut desk);
    desk.handle(Input::Unsendable { reference }, at(1));
    let (asked, rest) = turn(&mut desk);
    let why = Str::new(TOO_LARGE);
    assert_eq!(news(rest), [News::NotSent { echo, error_id, why }]);
    assert_eq!(said(&asked[0]).0, "two");
    // One that nobody sent.
    desk.handle(Input::Unsendable { reference: 99 }, at(1));
    assert_eq!(turn(&mut desk), (vec![], vec![]));
    // Nor is there a way into a chat, or to a server, with too much in one's hands.
    let mut desk = online();
    let chat = desk.create(at(0)).unwrap();
    let Frame { reference, .. } = asks(&mut desk);
    desk.handle(Input::Unsendable { reference }, at(1));
    assert_eq!(desk.chat(chat).unwrap().end(), Some(End::Refused(error_id)));
    let mut desk = Desk::new(settings(), [1; 32]);
    turn(&mut desk);
    desk.handle(Input::Opened, at(0));
    let Frame { reference, .. } = asks(&mut desk);
    desk.handle(Input::Unsendable { reference }, at(0));
    assert!(turn(&mut desk).1.contains(&Action::Notify(DeskNews::Refused(error_id))));
}

#[test]
fn every_join_shows_the_token_that_is_known() {
    // B20.2, B20.12
    let mut desk = online();
    let session_id = Some(SessionId::new(SESSION));
    let webapi_token = Some(Secret::new("first"));
    let chat = desk.enter(Entry { session_id, webapi_token, ..Entry::default() }, at(0)).unwrap();
    let token = |asked: &Asked| {
        let Request::RequestJoin(join) = &asked.body else { panic!("{asked:?}") };
        let shown = join.user_data.as_ref().and_then(|data| data.text("ChatServerWebapiToken"));
        shown.map(alloc::borrow::Cow::into_owned)
    };
    let join = asks(&mut desk);
    assert_eq!(token(&join).as_deref(), Some("first"));
    answer(&mut desk, &join, info(Some("P"), vec![]), at(0));
    // The connection is lost; whoever answers now does not hold the session and restores it.
    desk.learn_token(chat, Secret::new("second")).unwrap();
    desk.handle(Input::Closed, at(1));
    connect(&mut desk, at(2));
    let rejoin = asks(&mut desk);
    assert_eq!(token(&rejoin).as_deref(), Some("second"));
    refuse(&mut desk, &rejoin, ErrorId::Restoring, at(2));
    let due = desk.poll_timeout().unwrap();
    let _ = desk.handle_timeout(due, 1);
    let rejoin = asks(&mut desk);
    assert_eq!(token(&rejoin).as_deref(), Some("second"));
    // Nor can the store give it back.
    refuse(&mut desk, &rejoin, ErrorId::NoSuchSession, due);
    assert_eq!(desk.chat(chat).unwrap().end(), Some(End::Gone));
    assert_eq!(desk.learn_token(chat, Secret::new("third")), Err(SayError::Over));
}

/// A desk that knows so many servers, in the session by the first of them.
fn among(servers: usize, webapi_token: Option<Secret>) -> (Desk, ChatId) {
    let mut settings = settings();
    settings.habits.servers = servers;
    let mut desk = Desk::new(settings, [1; 32]);
    connect(&mut desk, at(0));
    let session_id = Some(SessionId::new(SESSION));
    let chat = desk.enter(Entry { session_id, webapi_token, ..Entry::default() }, at(0)).unwrap();
    let join = asks(&mut desk);
    answer(&mut desk, &join, info(Some("P"), vec![]), at(0));
    turn(&mut desk);
    (desk, chat)
}

/// The server it turns to, and how soon.
fn turns_to(desk: &mut Desk) -> (usize, Duration) {
    let (_, rest) = turn(desk);
    let connect = rest.iter().find_map(|action| match action {
        Action::Connect { server, after } => Some((*server, *after)),
        Action::Notify(_) | Action::Send(_) | Action::Disconnect => None,
    });
    connect.unwrap_or_else(|| panic!("{rest:?}"))
}

fn put_out(desk: &mut Desk, now: Instant) {
    let (error_id, error_text) = (ErrorId::Restoring.number(), Str::default());
    let session_id = Some(SessionId::new(SESSION));
    let error = Event::EventError(EventError { error_id, error_text, session_id });
    desk.handle(Input::Frame(Frame::unsolicited(error)), now);
}

#[test]
fn a_server_that_cannot_be_reached_is_left() {
    // B22.13
    let (mut desk, _) = among(2, None);
    desk.handle(Input::Closed, at(1));
    let (server, after) = turns_to(&mut desk);
    assert!(server == 0 && !after.is_zero(), "the same one first");
    desk.handle(Input::Closed, at(2));
    assert_eq!(turns_to(&mut desk), (1, Duration::ZERO));
    connect(&mut desk, at(3));
    assert!(matches!(asks(&mut desk).body, Request::RequestJoin(_)));
}

#[test]
fn whoever_is_put_out_of_its_last_chat_goes_elsewhere() {
    // B20.12, B22.13
    let (mut desk, _) = among(2, None);
    put_out(&mut desk, at(1));
    let (_, rest) = turn(&mut desk);
    assert!(rest.contains(&Action::Disconnect), "{rest:?}");
    desk.handle(Input::Closed, at(1));
    assert_eq!(turns_to(&mut desk).0, 1);
    // Somebody else would be disturbed.
    let (mut desk, _) = among(2, None);
    desk.join(SessionId::new("T"), Visibility::All, at(0)).unwrap();
    let join = asks(&mut desk);
    let Event::EventSessionInfo(mut there) = info(Some("Q"), vec![]) else { panic!() };
    there.session_id = SessionId::new("T");
    answer(&mut desk, &join, Event::EventSessionInfo(there), at(0));
    turn(&mut desk);
    put_out(&mut desk, at(1));
    let (_, rest) = turn(&mut desk);
    assert!(!rest.contains(&Action::Disconnect), "{rest:?}");
}

#[test]
fn a_server_that_refuses_too_often_is_left() {
    // B22.13: three times.
    let (mut desk, _) = among(2, Some(Secret::new("token")));
    desk.handle(Input::Closed, at(1));
    connect(&mut desk, at(2));
    let mut now = at(2);
    for refusals in 1..=3 {
        let join = asks(&mut desk);
        refuse(&mut desk, &join, ErrorId::Restoring, now);
        if refusals < 3 {
            now = desk.poll_timeout().unwrap();
            let _ = desk.handle_timeout(now, 1);
        }
    }
    let (_, rest) = turn(&mut desk);
    assert!(rest.contains(&Action::Disconnect), "{rest:?}");
    desk.handle(Input::Closed, now);
    assert_eq!(turns_to(&mut desk).0, 1);
}

#[test]
fn a_session_that_is_not_there_yet_is_waited_for() {
    // B22.13: by who cannot restore it, for three times its patience.
    let (mut desk, chat) = among(2, None);
    desk.handle(Input::Closed, at(1));
    connect(&mut desk, at(2));
    let mut now = at(2);
    while desk.chat(chat).unwrap().end().is_none() {
        let join = asks(&mut desk);
        refuse(&mut desk, &join, ErrorId::NoSuchSession, now);
        let (_, rest) = turn(&mut desk);
        if rest.contains(&Action::Disconnect) {
            // At one server after the other.
            desk.handle(Input::Closed, now);
            connect(&mut desk, now);
        } else if let Some(later) = desk.poll_timeout() {
            now = later;
            let _ = desk.handle_timeout(now, 1);
        }
    }
    assert_eq!(desk.chat(chat).unwrap().end(), Some(End::Gone));
    let (sought, habits) = (now.saturating_since(at(2)), settings().habits);
    let least = habits.patience * 3;
    assert!((least..=least + habits.back_off_max).contains(&sought), "{sought:?}");
    // Whoever could restore it knows that it is gone, and so does who knows no other server.
    for (servers, token) in [(2, Some(Secret::new("token"))), (1, None)] {
        let (mut desk, chat) = among(servers, token);
        desk.handle(Input::Closed, at(1));
        connect(&mut desk, at(2));
        let join = asks(&mut desk);
        refuse(&mut desk, &join, ErrorId::NoSuchSession, at(2));
        assert_eq!(desk.chat(chat).unwrap().end(), Some(End::Gone));
    }
}
