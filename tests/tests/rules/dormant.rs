//! Dormant sessions: async, with no agent for days. Their words are in the store, and nobody who
//! reads them notices (B12.5).

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use confer_core::ask::{Record, Request as Ask};
use confer_core::frame::basic::RequestJoin;
use confer_core::frame::{AfterAction, NoticeType, flex};
use confer_core::id::EventId;
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, create, kv};
use confer_tests::people::visitor::Customer;

const SECOND: Duration = Duration::from_secs(1);

fn asynchronous() -> RequestJoin {
    RequestJoin { user_data: Some(kv([("GCTI_Chat_AsyncMode", "true")])), ..create() }
}

/// How often the words were fetched.
fn loads(center: &Center) -> usize {
    let asked = center.asked();
    asked.iter().filter(|ask| matches!(ask, Ask::Record(Record::Load { .. }))).count()
}

/// An async session in which Casey and Ana talked, and which Ana has left.
fn dormant(center: &Center) -> (Desk, Desk) {
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    casey.asks(asynchronous());
    ana.joins(&casey);
    casey.says("my order is late");
    ana.says("I will look into it");
    ana.notifies(NoticeType::UserPushedUrl, "https://example.com/order");
    ana.whispers(&casey, "between us");
    ana.leaves(AfterAction::KeepAlive);
    casey.looks_away();
    ana.looks_away();
    (casey, ana)
}

const TOLD: [&str; 6] = [
    "Casey comes",
    "Ana comes",
    "Casey: my order is late",
    "Ana: I will look into it",
    "Ana USER_PUSHED_URL: https://example.com/order",
    "Ana goes",
];

#[test]
fn b12_5_whoever_comes_later_reads_what_was_said() {
    let center = Center::open();
    let (casey, _) = dormant(&center);
    // What is said meanwhile needs nothing of before.
    casey.says("any news?");
    assert_eq!(loads(&center), 0);
    let ben = center.agent("Ben");
    ben.joins(&casey);
    assert_eq!(loads(&center), 1);
    let mut lines: Vec<&str> = TOLD.to_vec();
    lines.extend(["Casey: any news?", "Ben comes"]);
    ben.sees::<8>(lines.try_into().unwrap());
    casey.sees(["Casey: any news?", "Ben comes"]);
    // With an agent there, the words stay.
    let dan = center.agent("Dan");
    dan.joins(&casey);
    assert_eq!(loads(&center), 1);
}

#[test]
fn b12_5_the_others_inputs_of_the_session_wait_in_order_and_other_sessions_do_not() {
    let center = Center::open();
    let (casey, _) = dormant(&center);
    let (dora, eve) = (center.customer("Dora"), center.agent("Eve"));
    dora.asks(asynchronous());
    eve.joins(&dora);
    dora.looks_away();
    let (ben, dan) = (center.agent("Ben"), center.agent("Dan"));
    center.store_stalls();
    let first = ben.sends(ben.join(&casey));
    center.settle();
    let second = casey.sends(casey.message("hello?"));
    center.settle();
    let third = dan.sends(dan.join(&casey));
    eve.sends(eve.message("hi"));
    center.passes(SECOND);
    for (desk, reference) in [(&ben, first), (&casey, second), (&dan, third)] {
        assert_eq!(desk.answer(reference), None);
    }
    center.store_resumes();
    center.passes(SECOND);
    casey.sees(["Ben comes", "Casey: hello?", "Dan comes"]);
    dora.sees(["Eve: hi"]);
    assert_eq!(loads(&center), 1, "once for all of them");
}

#[test]
fn b12_5_a_customer_who_polls_where_it_is_wakes_nothing() {
    let center = Center::open();
    let casey = Customer::new(&center);
    casey.logs_in("Casey");
    let join = casey.join_with(None, Some(kv([("GCTI_Chat_AsyncMode", "true")])), None);
    let session = casey.asks(join).session_id.expect("a session");
    let ana = center.agent("Ana");
    let join = RequestJoin { session_id: Some(session), ..create() };
    ana.asks(join);
    ana.says("I will be back");
    ana.leaves(AfterAction::KeepAlive);
    casey.polls();
    assert_eq!(loads(&center), 1, "the words it had not read yet");
    for _ in 0..10 {
        casey.polls();
    }
    casey.says("thank you");
    assert_eq!(loads(&center), 1);
    // Somebody who lost its place reads all of it again.
    let all = casey.asks(casey.refresh(None, None));
    assert_eq!(all.chat_transcript.expect("a transcript").events.len(), 5);
    assert_eq!(loads(&center), 2);
}

#[test]
fn b12_5_a_confirmation_of_words_that_are_away_is_judged_all_the_same() {
    // B7.4
    let center = Center::open();
    let (casey, _) = dormant(&center);
    casey.asks(casey.read_confirm("4"));
    casey.is_refused(confer_core::frame::ErrorId::Malformed, casey.read_confirm("400"));
    assert!(loads(&center) >= 1);
}

#[test]
fn b12_5_a_dormant_session_is_stored_whole_when_it_closes() {
    // B8.6
    let center = Center::open();
    let (casey, _) = dormant(&center);
    casey.leaves(AfterAction::KeepAlive);
    center.passes(SECOND);
    let last = center.asked().into_iter().rev().find_map(|ask| match ask {
        Ask::Record(Record::Final { events, .. }) => Some(events),
        _ => None,
    });
    assert_eq!(last.expect("the final transcript").len(), 8);
    center.passes(SECOND * 120);
    assert_eq!(center.sessions(), 0);
}

#[test]
fn b12_5_a_store_that_does_not_answer_refuses_the_reader_and_nobody_else() {
    let center = Center::with(&[
        ("settings", "transcript-resend-attempts", "1"),
        ("settings", "transcript-resend-delay", "1"),
    ]);
    let (casey, _) = dormant(&center);
    let ben = center.agent("Ben");
    center.store_fails(true);
    let join = ben.sends(ben.join(&casey));
    center.passes(SECOND * 5);
    assert_eq!(ben.answer(join), Some(Err(8318)));
    center.store_fails(false);
    ben.joins(&casey);
    ben.looks_away();
    casey.says("there you are");
    ben.sees(["Casey: there you are"]);
}

#[test]
fn b12_5_without_saving_nothing_goes_away() {
    let center = Center::with(&[("settings", "transcript-auto-save", "0")]);
    let (casey, _) = dormant(&center);
    let ben = center.agent("Ben");
    ben.joins(&casey);
    assert_eq!(loads(&center), 0);
}

#[test]
fn b12_5_what_counts_only_as_the_newest_does_not_come_back() {
    // B5.4
    let center = Center::with(&[("settings", "transcript-save-notices", "all")]);
    let (casey, _) = dormant(&center);
    casey.notifies(NoticeType::UserTypingStarted, "hel");
    casey.says("hello?");
    let ben = center.agent("Ben");
    ben.joins(&casey);
    assert_eq!(loads(&center), 1);
    let mut lines: Vec<&str> = TOLD.to_vec();
    lines.extend(["Casey: hello?", "Ben comes"]);
    ben.sees::<8>(lines.try_into().unwrap());
}

#[test]
fn b12_5_a_join_that_came_before_is_answered_with_what_was_said_before_it() {
    // B4.8
    let center = Center::open();
    let (casey, ben) = (center.customer("Casey"), center.agent("Ben"));
    casey.asks(asynchronous());
    casey.says("my order is late");
    let join = RequestJoin { request_key: Some("k1".into()), ..ben.join(&casey) };
    let first = ben.asks(join.clone());
    ben.leaves(AfterAction::KeepAlive);
    let again = ben.asks(RequestJoin { last_position: EventId::new(1000), ..join });
    assert_eq!(again.chat_transcript, first.chat_transcript);
    assert_eq!(first.chat_transcript.events.len(), 3);
}

#[test]
fn b12_5_whoever_is_in_a_session_reads_there_whichever_it_names() {
    // B4.8
    let center = Center::open();
    let casey = Customer::new(&center);
    casey.logs_in("Casey");
    let keyed = |session_id| {
        let data = kv([("GCTI_Chat_AsyncMode", "true")]);
        let flex::Request::RequestJoin(join) = casey.join_with(session_id, Some(data), None) else {
            unreachable!("it is a Join");
        };
        flex::Request::RequestJoin(flex::RequestJoin { request_key: Some("k1".into()), ..join })
    };
    casey.asks(keyed(None));
    casey.says("my order is late");
    let dora = center.customer("Dora");
    let elsewhere = dora.asks(asynchronous()).session_id;
    let again = casey.asks(keyed(Some(elsewhere)));
    assert_eq!(again.chat_transcript.expect("a transcript").events.len(), 2);
}

#[test]
fn b12_5_a_dormant_session_that_cannot_be_saved_is_closed_without_a_final_save() {
    // B20.6
    let center = Center::with(&[
        ("settings", "transcript-save-on-error", "close"),
        ("settings", "transcript-resend-attempts", "1"),
        ("settings", "transcript-resend-delay", "1"),
    ]);
    let (casey, _) = dormant(&center);
    center.store_fails(true);
    casey.sends(casey.message("any news?"));
    center.passes(SECOND * 5);
    center.store_fails(false);
    center.passes(SECOND * 5);
    let ends = |ask: &Ask| matches!(ask, Ask::Record(Record::Load { .. } | Record::Final { .. }));
    assert!(!center.asked().iter().any(ends));
}

#[test]
fn b12_5_a_reference_that_waits_for_words_is_unanswered() {
    // wire §4.2
    let center = Center::open();
    let casey = Customer::new(&center);
    casey.logs_in("Casey");
    let join = casey.join_with(None, Some(kv([("GCTI_Chat_AsyncMode", "true")])), None);
    let session = casey.asks(join).session_id.expect("a session");
    let ana = center.agent("Ana");
    ana.asks(RequestJoin { session_id: Some(session), ..create() });
    ana.says("I will be back");
    ana.leaves(AfterAction::KeepAlive);
    center.store_stalls();
    let reading = casey.sends(casey.refresh(None, None));
    center.settle();
    casey.sends_as(reading, casey.refresh(None, None));
    center.passes(SECOND / 2);
    let refused = casey.answer(reading).expect("the second one is refused");
    assert_eq!(refused.error_id, Some(8301));
    center.store_resumes();
    center.passes(SECOND);
    let words = casey.answer(reading).expect("an answer to the first one");
    assert_eq!(words.chat_transcript.expect("a transcript").events.len(), 4);
}
