//! Long transcripts come in stretches, as their readers take them (B5.7).

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use confer_core::frame::basic::{Event, RequestJoin, RequestMessage};
use confer_core::frame::{AfterAction, ErrorId, EventBody, Visibility};
use confer_core::id::EventId;
use confer_core::text::Text;
use confer_tests::people::Center;
use confer_tests::people::desk::Desk;
use confer_tests::world::Reading;

/// More than three stretches of the server, and several parts of 1 MiB.
const LONG: u32 = 15_000;
/// What somebody says who says much.
const WORDS: &str = "a sentence of sixty characters, as people write them in chats";

/// A session in which so much was said, saved at the close only.
fn long_session(options: &[(&str, &str, &str)]) -> (Center, Desk) {
    let mut all = vec![("settings", "transcript-auto-save", "0")];
    all.extend_from_slice(options);
    let center = Center::with(&all);
    let ana = center.agent("Ana");
    ana.creates();
    for _ in 0..LONG / 100 {
        for _ in 0..100 {
            ana.sends(ana.message(WORDS));
        }
        center.settle();
    }
    ana.looks_away();
    (center, ana)
}

/// The numbers of the events somebody was told, with Ana's newParty as the first.
fn told(desk: &Desk) -> Vec<u32> {
    desk.events().iter().map(|event| event.event_id.number()).collect()
}

#[test]
fn b5_7_a_long_transcript_comes_in_parts_and_whole() {
    let (center, ana) = long_session(&[]);
    let ben = center.agent("Ben");
    let first = ben.joins(&ana);
    // The answer is the first part, and says that there is more.
    assert!(first.more_events);
    assert_eq!(first.user_id, Some(ben.id()));
    assert!(first.chat_transcript.events.len() < LONG as usize / 2);
    // What is said meanwhile comes behind the rest (wire §4.1); Ben's own words in their answer.
    ana.says("are you there?");
    let yes = ben.sends(ben.message("reading"));
    assert_eq!(ben.answer(yes), None, "the answer waits for what is older");
    center.passes(Duration::from_secs(5));
    let Some(Ok(Event::EventSessionInfo(yes))) = ben.answer(yes) else { panic!("no answer") };
    let [event] = &*yes.chat_transcript.events else { panic!("just what it caused") };
    assert!(
        matches!(&event.body, EventBody::Message(it) if it.message_text == Text::new("reading"))
    );
    // Every event once, in order (B5.3).
    assert!(told(&ben).into_iter().eq(1..=LONG + 4), "not everything, or not in order");
    // From now on it is told as everybody else.
    ben.looks_away();
    ana.says("now you are");
    ben.sees(["Ana: now you are"]);
}

#[test]
fn b5_7_a_long_transcript_is_no_overflow_however_slowly_it_is_read() {
    let (center, ana) = long_session(&[("settings", "output-max-size", "1048576")]);
    let ben = center.agent("Ben");
    ben.reads(Reading::Slow { bytes: 65_536, every: Duration::from_millis(100) });
    let join = ben.sends(ben.join(&ana));
    // Others do not wait for the slow one.
    ana.says("take your time");
    ana.looks_away();
    center.passes(Duration::from_secs(60));
    assert!(ben.answer(join).is_some());
    assert_eq!(ben.losses(), 0);
    assert!(told(&ben).into_iter().eq(1..=LONG + 3));
}

#[test]
fn b5_7_a_hundred_thousand_events_can_be_joined() {
    let center = Center::with(&[("settings", "transcript-auto-save", "0")]);
    let ana = center.agent("Ana");
    ana.creates();
    for _ in 0..100 {
        for _ in 0..1000 {
            ana.sends(ana.message("on and on"));
        }
        center.settle();
    }
    let ben = center.agent("Ben");
    ben.joins(&ana);
    center.passes(Duration::from_secs(30));
    assert!(told(&ben).into_iter().eq(1..=100_002));
}

#[test]
fn b5_7_whoever_never_reads_holds_up_nobody() {
    let (center, ana) = long_session(&[]);
    let ben = center.agent("Ben");
    ben.reads(Reading::Never);
    ben.sends(ben.join(&ana));
    center.settle();
    let sue = center.supervisor("Sue");
    sue.joins(&ana);
    center.passes(Duration::from_secs(5));
    assert!(told(&sue).into_iter().eq(1..=LONG + 3));
    ana.leaves(AfterAction::ForceClose);
    // Nor a session for ever: it goes with the connection.
    center.passes(Duration::from_secs(120));
    ben.is_cut_off();
    center.passes(Duration::from_secs(120));
    assert_eq!(center.sessions(), 0);
}

#[test]
fn b5_7_leaving_closing_and_unregistering_wait_for_the_reader() {
    // Whoever leaves while reading sees everything up to its own going.
    let (center, ana) = long_session(&[]);
    let ben = center.agent("Ben");
    ben.joins(&ana);
    let leave = ben.sends(ben.release(AfterAction::KeepAlive));
    ana.says("not for Ben");
    center.passes(Duration::from_secs(5));
    assert!(ben.answer(leave).is_some_and(|answer| answer.is_ok()));
    assert!(told(&ben).into_iter().eq(1..=LONG + 3));

    // Whoever is there when it closes gets the whole end, and no word of a close before it.
    let sue = center.supervisor("Sue");
    let first = sue.joins(&ana);
    assert_eq!(first.session_status.known(), Some(confer_core::frame::SessionStatus::Alive));
    ana.leaves(AfterAction::ForceClose);
    center.passes(Duration::from_secs(5));
    assert!(told(&sue).into_iter().eq(1..=LONG + 7));
    sue.looks_away();

    // An Unregister is answered behind everything.
    let (center, ana) = long_session(&[]);
    let ben = center.agent("Ben");
    ben.joins(&ana);
    let bye = ben.sends(confer_core::frame::basic::Request::RequestUnregister);
    assert_eq!(ben.answer(bye), None);
    center.passes(Duration::from_secs(5));
    assert_eq!(ben.answer(bye), Some(Ok(Event::EventUnregistered)));
    assert!(told(&ben).into_iter().take(LONG as usize + 2).eq(1..=LONG + 2));
}

#[test]
fn b5_7_what_a_reader_may_not_see_is_left_out_of_every_part() {
    let (center, ana) = long_session(&[]);
    for _ in 0..5000 {
        ana.sends(RequestMessage { visibility: Some(Visibility::Int), ..ana.message("hidden") });
    }
    center.settle();
    ana.says("seen");
    let casey = center.customer("Casey");
    casey.joins(&ana);
    center.passes(Duration::from_secs(5));
    let texts = casey.events();
    assert_eq!(texts.len(), LONG as usize + 3);
    assert!(texts.iter().all(|event| event.visibility.known() == Some(Visibility::All)));
}

#[test]
fn b5_7_so_many_answers_may_wait_for_a_reader_and_no_more() {
    let (center, ana) = long_session(&[]);
    let ben = center.agent("Ben");
    ben.reads(Reading::Never);
    ben.sends(ben.join(&ana));
    center.passes(Duration::from_secs(1));
    // It asks before it has read: 64 answers wait, the Join's among them.
    let session = ana.session();
    let ask = |_| ben.sends(RequestMessage { session_id: session.clone(), ..ana.message("and?") });
    let asked: Vec<_> = (0..65).map(ask).collect();
    center.passes(Duration::from_secs(1));
    ben.reads(Reading::Eager);
    center.passes(Duration::from_secs(10));
    let answers: Vec<_> = asked.iter().map(|it| ben.answer(*it).expect("an answer")).collect();
    let refused = Err(ErrorId::LimitReached.number());
    assert!(answers[..63].iter().all(Result::is_ok));
    assert!(answers[63..].iter().all(|answer| *answer == refused));
}

#[test]
fn b4_7_a_gap_is_filled_from_the_last_position_in_parts_too() {
    let (center, ana) = long_session(&[]);
    let ben = center.agent("Ben");
    let after = EventId::new(5000);
    let join = RequestJoin { last_position: after, ..ben.join(&ana) };
    ben.asks(join);
    center.passes(Duration::from_secs(5));
    assert!(told(&ben).into_iter().eq(5001..=LONG + 2));
}
