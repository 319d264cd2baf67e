//! Requests that carry a RequestKey take effect once (B4.8).

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use confer_core::frame::flex::Request;
use confer_core::frame::{AfterAction, ErrorId, NoticeType, UserType};
use confer_core::text::Str;
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, create, register};
use confer_tests::people::visitor::Customer;

/// How many keys a session remembers for each person.
const KEPT: usize = 32;

fn two(center: &Center) -> (Desk, Desk) {
    let casey = center.customer("Casey");
    let ana = center.agent("Ana");
    casey.creates();
    ana.joins(&casey);
    casey.looks_away();
    ana.looks_away();
    (casey, ana)
}

fn keyed(desk: &Desk, text: &str, key: &str) -> confer_core::frame::basic::RequestMessage {
    let mut message = desk.message(text);
    message.request_key = Some(Str::new(key));
    message
}

#[test]
fn a_repeated_message_is_said_once_and_answered_as_before() {
    let center = Center::open();
    let (casey, ana) = two(&center);
    let first = ana.asks(keyed(&ana, "hello", "a1b2-0001"));
    let again = ana.asks(keyed(&ana, "hello", "a1b2-0001"));
    assert_eq!(first.chat_transcript.events, again.chat_transcript.events);
    casey.sees(["Ana: hello"]);
    // The same key with another kind of request is another request.
    let mut notice = ana.notice(NoticeType::UserCustom, "hello");
    notice.request_key = Some(Str::new("a1b2-0001"));
    ana.asks(notice.clone());
    ana.asks(notice);
    casey.sees(["Ana USER_CUSTOM: hello"]);
    // And the same key of somebody else is somebody else's.
    casey.asks(keyed(&casey, "hello", "a1b2-0001"));
    ana.looks_away();
    casey.sees(["Casey: hello"]);
}

#[test]
fn it_is_recognised_before_it_is_saved_after_a_return_and_after_the_close() {
    let center = Center::open();
    let (casey, ana) = two(&center);

    center.store_stalls();
    let first = ana.sends(keyed(&ana, "once", "k1"));
    let again = ana.sends(keyed(&ana, "once", "k1"));
    center.passes(Duration::from_secs(1));
    assert!(ana.answer(first).is_none() && ana.answer(again).is_none());
    center.store_resumes();
    center.passes(Duration::from_secs(1));
    assert!(ana.answer(first).is_some_and(|answer| answer.is_ok()));
    assert!(ana.answer(again).is_some_and(|answer| answer.is_ok()));
    casey.sees(["Ana: once"]);

    // Back on a new connection, in a new participation, it is the same person.
    ana.is_cut_off();
    ana.reconnects(register("Ana", UserType::Agent));
    let answer = ana.asks(keyed(&ana, "once", "k1"));
    assert_eq!(answer.chat_transcript.events.len(), 1);
    ana.joins(&casey);
    casey.looks_away();
    ana.asks(keyed(&ana, "once", "k1"));
    casey.sees_nothing();

    ana.leaves(AfterAction::ForceClose);
    let answer = ana.asks(keyed(&ana, "once", "k1"));
    assert_eq!(answer.chat_transcript.events.len(), 1);
    ana.is_refused(ErrorId::SessionClosed, keyed(&ana, "new", "k2"));
}

#[test]
fn the_newest_keys_of_each_person_are_remembered() {
    let center = Center::open();
    let (casey, ana) = two(&center);
    for index in 0..KEPT {
        ana.asks(keyed(&ana, "x", &format!("k{index}")));
    }
    casey.looks_away();
    ana.asks(keyed(&ana, "x", "k0"));
    casey.sees_nothing();
    // One more, and the oldest is forgotten.
    ana.asks(keyed(&ana, "x", "one more"));
    casey.looks_away();
    ana.asks(keyed(&ana, "x", "k1"));
    casey.sees_nothing();
    ana.asks(keyed(&ana, "x", "k0"));
    casey.sees(["Ana: x"]);
}

fn keyed_join(key: &str) -> confer_core::frame::basic::RequestJoin {
    let mut join = create();
    join.request_key = Some(Str::new(key));
    join
}

#[test]
fn a_repeated_join_enters_once_and_is_answered_as_before() {
    // B4.8
    let center = Center::open();
    let (casey, _) = two(&center);
    let ben = center.agent("Ben");
    let mut join = ben.join(&casey);
    join.request_key = Some(Str::new("j1"));
    let first = ben.asks(join.clone());
    casey.says("hello");
    let again = ben.asks(join.clone());
    assert_eq!(first.user_id, again.user_id);
    assert_eq!(first.chat_transcript.events, again.chat_transcript.events);
    casey.sees(["Ben comes", "Casey: hello"]);
    // The same key of somebody else, or of another kind of request, is another one's.
    let dan = center.agent("Dan");
    dan.asks(join.clone());
    casey.sees(["Dan comes"]);
    dan.asks(keyed(&dan, "hi", "j1"));
    casey.sees(["Dan: hi"]);
    // After the close it gets the first outcome, not 8305.
    casey.leaves(AfterAction::KeepAlive);
    dan.leaves(AfterAction::ForceClose);
    let late = ben.asks(join);
    assert_eq!(first.chat_transcript.events, late.chat_transcript.events);
}

#[test]
fn a_repeated_creation_creates_once() {
    // B4.8
    let center = Center::open();
    let ana = center.agent("Ana");
    // Repeated while the session is still being made, and afterwards, on another connection too.
    let first = ana.sends(keyed_join("c1"));
    let second = ana.sends(keyed_join("c1"));
    center.settle();
    let session = |desk: &Desk, reference| match desk.answer(reference) {
        Some(Ok(confer_core::frame::basic::Event::EventSessionInfo(info))) => info.session_id,
        other => panic!("{other:?}"),
    };
    assert_eq!(session(&ana, first), session(&ana, second));
    let elsewhere = center.agent("Ana");
    assert_eq!(elsewhere.asks(keyed_join("c1")).session_id, session(&ana, first));
    assert_eq!(center.sessions(), 1);
    // Whoever is somebody else, or uses another key, creates another session.
    let ben = center.agent("Ben");
    assert_ne!(ben.asks(keyed_join("c1")).session_id, session(&ana, first));
    ana.asks(keyed_join("c2"));
    assert_eq!(center.sessions(), 3);
}

#[test]
fn so_many_repetitions_may_wait_for_a_creation_and_no_more() {
    // B4.8
    let center = Center::open();
    let ana = center.agent("Ana");
    let asked: Vec<u32> = (0..6).map(|_| ana.sends(keyed_join("c1"))).collect();
    center.settle();
    for reference in &asked[..5] {
        assert!(ana.answer(*reference).is_some_and(|answer| answer.is_ok()));
    }
    assert_eq!(ana.answer(asked[5]), Some(Err(8317)));
    assert_eq!(center.sessions(), 1);
}

#[test]
fn a_creation_that_was_undone_is_no_outcome() {
    // B4.3, B4.8
    let center = Center::open();
    let ana = center.agent("Ana");
    ana.sends(keyed_join("c1"));
    center.until_asked(|ask| matches!(ask, confer_core::ask::Request::Record(_)));
    ana.is_cut_off();
    ana.reconnects(register("Ana", UserType::Agent));
    ana.looks_away();
    ana.asks(keyed_join("c1"));
    ana.sees(["Ana comes"]);
    center.passes(Duration::from_secs(10));
    assert_eq!(center.sessions(), 1);
}

#[test]
fn a_flex_user_creates_once() {
    // B4.8
    let center = Center::open();
    let casey = Customer::new(&center);
    casey.logs_in("Casey");
    let mut join = casey.join(None);
    let Request::RequestJoin(inside) = &mut join else { panic!("a Join") };
    inside.request_key = Some(Str::new("f1"));
    let (first, second) = (casey.sends(join.clone()), casey.sends(join.clone()));
    center.settle();
    let session = |reference| casey.answer(reference).and_then(|status| status.session_id.clone());
    assert!(session(first).is_some());
    assert_eq!(session(first), session(second));
    let third = casey.sends(join.clone());
    center.settle();
    assert_eq!(session(first), session(third));
    // Without the key it is a second Join (B4.5).
    casey.is_refused(ErrorId::AlreadyThere, casey.join(None));
    assert_eq!(center.sessions(), 1);
}

#[test]
fn a_key_opens_nothing_to_somebody_else() {
    // B4.8, B3.3: the key is its owner's, also while the session is being made.
    let center = Center::open();
    let (sue, casey) = (center.supervisor("Sue"), center.customer("Casey"));
    let made = sue.sends(keyed_join("k1"));
    center.until_asked(|ask| matches!(ask, confer_core::ask::Request::Record(_)));
    let session = center.asked().into_iter().find_map(|ask| match ask {
        confer_core::ask::Request::Record(confer_core::ask::Record::Create { session, .. }) => {
            Some(session)
        }
        _ => None,
    });
    let mut join = keyed_join("k1");
    join.session_id = session;
    casey.is_refused(ErrorId::Restoring, join);
    center.settle();
    assert!(sue.answer(made).is_some_and(|answer| answer.is_ok()));
}
