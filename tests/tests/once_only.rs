//! Requests that carry a RequestKey take effect once (B4.8).

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use confer_core::frame::{AfterAction, NoticeType, UserType};
use confer_core::text::Str;
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, register};

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
    ana.is_refused(confer_core::frame::ErrorId::SessionClosed, keyed(&ana, "new", "k2"));
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
