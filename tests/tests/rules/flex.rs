//! Customers on the flex protocol, over real codecs and links.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::collections::BTreeSet;
use std::time::Duration;

use confer_core::ask::{Interaction, Request as Ask};
use confer_core::frame::flex::{Request, RequestAlive, RequestNode, RequestPush};
use confer_core::frame::{ErrorId, KvList, NoticeType, PushMode};
use confer_core::id::{EventId, SessionId};
use confer_core::text::Str;
use confer_tests::people::Center;
use confer_tests::people::visitor::{Customer, error, is_closed, lines, login};

const SECOND: Duration = Duration::from_secs(1);

fn id(number: u32) -> EventId {
    EventId::new(number).expect("small")
}

/// Two customers in one session, which Casey created.
fn two(center: &Center) -> (Customer, Customer, SessionId) {
    let (casey, dana) = (Customer::new(center), Customer::new(center));
    let session = casey.starts_a_chat("Casey");
    dana.logs_in("Dana");
    assert_eq!(error(&dana.joins(&session)), None);
    casey.polls();
    (casey, dana, session)
}

#[test]
fn a_chat_of_two_customers() {
    // B4.1, B4.6, B5.3, B9.3, B7.8
    for hangs_up in [false, true] {
        let center = Center::open();
        let new = if hangs_up { Customer::hanging_up } else { Customer::new };
        let (casey, dana) = (new(&center), new(&center));
        let session = casey.starts_a_chat("Casey");
        dana.logs_in("Dana");
        let joined = dana.joins(&session);
        assert_eq!(lines(&joined), ["Casey comes", "Dana comes"]);
        assert_eq!(joined.session_id.as_ref(), Some(&session));

        let said = dana.says("hello");
        assert_eq!(lines(&said), ["Dana: hello"]);
        assert_eq!(lines(&casey.polls()), ["Dana comes", "Dana: hello"]);
        assert_eq!(lines(&casey.polls()), [""; 0]);
        // What was posted comes behind what the customer did not have (B9.3).
        dana.says("anybody there?");
        let said = casey.says("hi");
        assert_eq!(lines(&said), ["Dana: anybody there?", "Casey: hi"]);
        let left = casey.logs_out();
        assert_eq!(lines(&left), ["Casey goes"]);
        assert!(!is_closed(&left));
        let end = dana.logs_out();
        assert_eq!(lines(&end), ["Casey: hi", "Casey goes", "Dana goes"]);
        assert!(is_closed(&end));
        assert_eq!(casey.look().unanswered() + dana.look().unanswered(), 0);
    }
}

#[test]
fn ids_and_keys() {
    let center = Center::open();
    let mut ids = BTreeSet::new();
    let mut keys = BTreeSet::new();
    let keep = Customer::new(&center);
    let session = keep.starts_a_chat("Keep");
    for turn in 0..20 {
        let casey = Customer::new(&center);
        let login = casey.logs_in("Casey");
        let user_id = login.user_id.clone().expect("a UserId");
        let key = login.secure_key.clone().expect("a SecureKey");
        // B1.2: who returns is another participation.
        assert!(ids.insert(user_id.clone()), "{turn}: {user_id} again");
        assert_eq!(user_id.as_str().len(), 16);
        assert!(user_id.as_str().bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)));
        // B1.3: at least 96 bits, in lower-case hex.
        assert!(keys.insert(key.reveal().to_owned()));
        assert!(key.reveal().len() >= 24);
        assert!(key.reveal().bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));

        let joined = casey.joins(&session);
        // B1.2: the first participation uses the UserId of the Login; the key is told once.
        assert_eq!(joined.user_id.as_ref(), Some(&user_id));
        assert_eq!(joined.secure_key, None);
        let transcript = joined.chat_transcript.expect("a transcript");
        assert_eq!(transcript.events.last().map(|event| &event.user_id), Some(&user_id));
        casey.logs_out();
    }
}

#[test]
fn one_session_each() {
    let center = Center::open();
    let (casey, dana, session) = two(&center);
    // B4.5
    assert_eq!(error(&dana.joins(&session)), Some(ErrorId::AlreadyThere));
    let create = casey.join(None);
    assert_eq!(error(&casey.asks(create)), Some(ErrorId::AlreadyThere));
    let eve = Customer::new(&center);
    // B9.1: nobody has logged in as this.
    assert_eq!(error(&eve.joins(&session)), Some(ErrorId::NotInSession));
    eve.logs_in("Eve");
    let nowhere = eve.joins(&SessionId::new("0000000000000000"));
    assert_eq!(error(&nowhere), Some(ErrorId::NoSuchSession));
    // In no session there is nothing to poll, and nowhere to speak.
    assert_eq!(error(&eve.polls()), Some(ErrorId::NotInSession));
    assert_eq!(error(&eve.says("hello?")), Some(ErrorId::NotInSession));
    assert_eq!(error(&eve.types("hel")), Some(ErrorId::NotInSession));
    assert_eq!(error(&eve.joins(&session)), None);
    assert_eq!(casey.seen(), ["Casey comes", "Dana comes"]);
}

#[test]
fn a_session_password_keeps_strangers_out() {
    // B3.7, B4.6
    let center = Center::with(&[("settings", "session-password-enforce", "true")]);
    let (casey, dana) = (Customer::new(&center), Customer::new(&center));
    let session = casey.starts_a_chat("Casey");
    let password = center
        .asked()
        .into_iter()
        .find_map(|ask| match ask {
            Ask::Interaction(Interaction::Submit { properties, .. }) => {
                properties.text("ChatServerSessionPassword").map(std::borrow::Cow::into_owned)
            }
            _ => None,
        })
        .expect("the interaction is told the password");
    dana.logs_in("Dana");
    assert_eq!(error(&dana.joins(&session)), Some(ErrorId::SessionPassword));
    for (shown, outcome) in [("wrong", Some(ErrorId::SessionPassword)), (password.as_str(), None)] {
        let data = KvList::from([("GCTI_Chat_SessionPassword", shown.into())]);
        let join = dana.join_with(Some(session.clone()), Some(data), None);
        assert_eq!(error(&dana.asks(join)), outcome);
    }
    assert_eq!(lines(&casey.polls()), ["Dana comes"]);
}

#[test]
fn positions() {
    // wire §4.2
    let center = Center::open();
    let (casey, dana, _) = two(&center);
    dana.says("three");
    let ask = |position: Option<EventId>| {
        let refresh = casey.refresh(position, None);
        casey.asks(refresh)
    };
    let all = ["Casey comes", "Dana comes", "Dana: three"];
    let from_start = ask(None);
    assert_eq!(lines(&from_start), all);
    assert_eq!(from_start.last_position, Some(id(3)));
    assert_eq!(lines(&ask(Some(id(0)))), all);
    assert_eq!(lines(&ask(Some(id(2)))), all[2..]);
    // Above the newest is the newest, and the answer says so.
    for position in [3, 4, 1_000_000, EventId::MAX.number()] {
        let above = ask(Some(id(position)));
        assert_eq!(lines(&above), [""; 0]);
        assert_eq!(above.last_position, Some(id(3)), "asked after {position}");
    }
    // So what is said with a position that is too high is not lost.
    let say = casey.refresh(Some(id(1000)), Some("four"));
    let said = casey.asks(say);
    assert_eq!(lines(&said), ["Casey: four"]);
    assert_eq!(said.last_position, Some(id(4)));
    // A notice or a Logout without a position wants no transcript.
    let notify = casey.notify(NoticeType::UserCustom, "five", None);
    let noticed = casey.asks(notify);
    assert_eq!(error(&noticed), None);
    assert_eq!((noticed.chat_transcript, noticed.last_position), (None, None));
    let logout = casey.logout(None);
    let left = casey.asks(logout);
    assert_eq!(error(&left), None);
    assert_eq!((left.chat_transcript, left.last_position), (None, None));
    assert_eq!(lines(&dana.polls()), ["Casey: four", "Casey USER_CUSTOM: five", "Casey goes"]);
}

#[test]
fn a_long_answer_is_cut_at_an_event() {
    // wire §4.2
    let center = Center::open();
    let (casey, dana, _) = two(&center);
    let long = "x".repeat(60_000);
    for _ in 0..20 {
        let say = dana.refresh(Some(EventId::MAX), Some(&long));
        assert_eq!(error(&dana.asks(say)), None);
    }
    let mut polls = 0;
    loop {
        let status = casey.polls();
        polls += 1;
        let texts: usize = lines(&status).iter().map(|line| line.len() * 2).sum();
        assert!(texts > 0 && texts <= 1 << 20, "{texts} bytes");
        if !status.more_events {
            break;
        }
    }
    assert_eq!(casey.look().events.len(), 22);
    assert_eq!(polls, 3);
    // Nothing was cut, nothing more is said to be there.
    assert!(!casey.polls().more_events);
}

#[test]
fn every_request_has_exactly_one_answer() {
    // wire §4.2. A second answer, or one to nothing, makes the visitor panic.
    let center = Center::open();
    let (casey, _, session) = two(&center);
    let (user_id, secure_key) = {
        let visitor = casey.look();
        (visitor.user_id.clone().unwrap(), visitor.secure_key.clone().unwrap())
    };
    let before = casey.look().answered.len();
    let requests = vec![
        login("Casey", None),
        login(" ", None),
        casey.join(Some(session)),
        casey.refresh(None, None),
        casey.notify(NoticeType::IdleControlSet, "", None),
        Request::RequestNode(RequestNode {
            node_group: Str::new("group"),
            node_name: Str::new("node"),
        }),
        Request::RequestPush(RequestPush {
            user_id: user_id.clone(),
            secure_key,
            session_id: None,
            push_mode: PushMode::Subscribe,
        }),
        Request::RequestAlive(RequestAlive { user_id, alive: true }),
    ];
    let count = requests.len();
    for request in requests {
        casey.sends(request);
    }
    center.settle();
    assert_eq!(casey.look().answered.len(), before + count);
    assert_eq!(casey.look().unanswered(), 0);
}

#[test]
fn an_answer_waits_for_those_before_it() {
    // wire §4.2: the answers to one user's requests come in request order, other users' overtake.
    let center = Center::open();
    let (casey, dana, _) = two(&center);
    center.store_stalls();
    let mut requests = vec![
        casey.refresh(Some(id(2)), Some("one")),
        casey.refresh(Some(id(2)), None),
        // Refused, and yet not answered before the others.
        casey.notify(NoticeType::IdleControlSet, "", None),
        casey.refresh(Some(id(2)), Some(&"x".repeat(65_536))),
        casey.join(None),
        casey.notify(NoticeType::UserCustom, "two", Some(id(2))),
    ];
    let last = casey.refresh(None, None);
    requests.push(last);
    let before = casey.look().answered.len();
    let references: Vec<u32> = requests.into_iter().map(|request| casey.sends(request)).collect();
    center.passes(SECOND / 2);
    assert_eq!(casey.look().answered.len(), before, "nothing is saved yet");
    // Somebody who has nothing to do with it does not wait.
    let stranger = login("Eve", None);
    let login = dana.sends(stranger);
    center.passes(SECOND / 2);
    assert!(dana.answer(login).is_some());

    center.store_resumes();
    center.settle();
    assert_eq!(casey.look().answered[before..], references);
    let errors: Vec<_> = references.iter().map(|&r| error(&casey.answer(r).unwrap())).collect();
    assert_eq!(
        errors,
        [
            None,
            None,
            Some(ErrorId::NoticeNotAllowed),
            Some(ErrorId::TextTooLong),
            Some(ErrorId::AlreadyThere),
            None,
            None
        ]
    );
    assert_eq!(lines(&casey.answer(references[1]).unwrap()), ["Casey: one"]);
}

#[test]
fn without_saving_nobody_waits() {
    // B20.1 the other way round
    let center = Center::with(&[("settings", "transcript-auto-save", "0")]);
    let (casey, dana, _) = two(&center);
    center.store_stalls();
    let say = casey.refresh(Some(id(2)), Some("one"));
    let said = casey.sends(say);
    center.passes(SECOND / 2);
    assert!(casey.answer(said).is_some());
    assert_eq!(lines(&dana.polls()), ["Casey: one"]);
}

#[test]
fn what_is_not_saved_is_shown_to_nobody() {
    // B20.1
    let center = Center::open();
    let (casey, dana, _) = two(&center);
    center.store_stalls();
    let say = casey.refresh(Some(id(2)), Some("one"));
    casey.sends(say);
    let poll = dana.refresh(Some(id(2)), None);
    let polled = dana.sends(poll);
    center.passes(SECOND / 2);
    assert!(dana.answer(polled).is_none_or(|status| lines(&status).is_empty()));
    center.store_resumes();
    center.settle();
    dana.polls();
    assert_eq!(dana.seen().last().map(String::as_str), Some("Casey: one"));
}

#[test]
fn a_reference_that_waits_is_not_used_again() {
    // wire §4.2
    let center = Center::open();
    let (casey, _, _) = two(&center);
    center.store_stalls();
    let say = casey.refresh(Some(id(2)), Some("one"));
    casey.sends_as(900, say);
    let again = casey.refresh(Some(id(2)), Some("again"));
    casey.sends_as(900, again);
    center.passes(SECOND / 2);
    let refused = casey.answer(900).expect("refused at once");
    assert_eq!(error(&refused), Some(ErrorId::Malformed));
    center.store_resumes();
    center.settle();
    let answer = casey.answer(900).expect("answered");
    assert_eq!(lines(&answer), ["Casey: one"]);
    // Answered, it is free again.
    let third = casey.refresh(Some(id(3)), Some("third"));
    casey.sends_as(900, third);
    center.settle();
    assert_eq!(lines(&casey.answer(900).unwrap()), ["Casey: third"]);
}

#[test]
fn whoever_names_another_session_does_nothing_in_either() {
    // B9.5
    let center = Center::open();
    let (casey, dana) = (Customer::new(&center), Customer::new(&center));
    let session = casey.starts_a_chat("Casey");
    dana.starts_a_chat("Dana");
    let strange = |mut request: Request| {
        match &mut request {
            Request::RequestRefresh(refresh) => refresh.session_id = Some(session.clone()),
            Request::RequestLogout(logout) => logout.session_id = Some(session.clone()),
            Request::RequestNotify(notify) => notify.session_id = Some(session.clone()),
            other => panic!("{other:?}"),
        }
        request
    };
    for request in [
        dana.message("lost"),
        dana.refresh(Some(EventId::NONE), None),
        dana.notice(NoticeType::UserTypingStarted, "lost"),
        dana.logout(None),
    ] {
        dana.is_refused(ErrorId::NotInSession, strange(request));
    }
    assert_eq!(lines(&dana.says("here I am")), ["Dana: here I am"]);
    assert_eq!(lines(&casey.polls()), [""; 0]);
}

#[test]
fn every_answer_says_which_instance_gives_it() {
    // B20.12
    let center = Center::with(&[("server", "app-dbid", "77")]);
    let casey = Customer::new(&center);
    assert_eq!(casey.logs_in("Casey").app_dbid, Some(77));
    let refused = casey.joins(&SessionId::new("000AB3CD5EF6GH7J"));
    assert_eq!((error(&refused).is_some(), refused.app_dbid), (true, Some(77)));
    let nameless = Center::open();
    assert_eq!(Customer::new(&nameless).logs_in("Dana").app_dbid, None);
}
