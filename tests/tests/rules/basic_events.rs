//! The events of a session on the basic protocol: their numbers, times, order and versions, and what
//! is stored of them.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use confer_core::ask::{Record, Request as AskRequest};
use confer_core::door::Input;
use confer_core::frame::basic::{RequestMessage, RequestRegister};
use confer_core::frame::{
    AfterAction, ErrorId, EventBody, Message, NoticeType, Open, SessionStatus, TranscriptEvent,
    UserType, Visibility,
};
use confer_core::time::Wall;
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, kv, register};

use NoticeType::{UserTypingStarted, UserUpdateNick};

const SECOND: Duration = Duration::from_secs(1);

/// Casey and Ana in one session, who have seen each other come.
fn two(center: &Center) -> (Desk, Desk) {
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    casey.creates();
    ana.joins(&casey);
    casey.looks_away();
    ana.looks_away();
    (casey, ana)
}

fn message(event: &TranscriptEvent) -> &Message {
    match &event.body {
        EventBody::Message(message) => message,
        other => panic!("{other:?} is no message"),
    }
}

fn version(center: &Center, nickname: &str, client_version: Option<i32>) -> Desk {
    center.someone(RequestRegister { client_version, ..register(nickname, UserType::Agent) })
}

#[test]
fn events_are_numbered_from_1_hidden_ones_too() {
    // B5.1, B7.8
    let center = Center::open();
    let (casey, ana) = two(&center);
    let coach = center.agent("Coach");
    coach.joins_as(Visibility::Int, &casey);
    let typing = ana.notifies(UserTypingStarted, "");
    let said = casey.says("hi");
    let numbers = |desk: &Desk| -> Vec<u32> {
        desk.events().iter().map(|event| event.event_id.number()).collect()
    };
    assert_eq!((typing.number(), said.number()), (4, 5));
    assert_eq!(numbers(&casey), [1, 2, 4, 5]);
    assert_eq!(numbers(&ana), [1, 2, 3, 4, 5]);
}

#[test]
fn time_shifts_are_whole_seconds_and_never_go_back() {
    // B5.2
    let center = Center::open();
    let (casey, ana) = two(&center);
    let shift = |text: &str| ana.event(casey.says(text)).time_shift;
    center.passes(Duration::from_millis(7900));
    assert_eq!(shift("one"), 7);
    center.passes(SECOND);
    assert_eq!(shift("two"), 8);
    // Somebody corrects the clock, an hour back.
    let back = |center: &Center, seconds: i64| {
        let now = center.world().now();
        let millis = confer_tests::people::WALL.unix_millis(now) + seconds * 1000;
        center.tell(Input::Wall(Wall::new(now, millis)));
    };
    back(&center, -3600);
    assert_eq!(shift("three"), 8);
    center.passes(SECOND * 60);
    assert_eq!(shift("four"), 8);
    back(&center, 600);
    assert_eq!(shift("five"), 668);
}

#[test]
fn order_is_kept_over_a_rough_network_and_a_rough_store() {
    // B5.3; a desk fails by itself if an EventId does not rise
    confer_tests::seeds::each("rough order", confer_tests::cases(10, 1000), |seed| {
        let center = Center::seeded(seed, &[]);
        let (casey, ana) = two(&center);
        let ben = center.agent("Ben");
        ben.joins(&casey);
        let people = [&casey, &ana, &ben];
        for desk in people {
            desk.looks_away();
        }
        center.turns_rough();
        for round in 0..10 {
            for desk in people {
                desk.sends(desk.message(&format!("{round}")));
            }
            center.passes(Duration::from_millis(200));
        }
        center.passes(SECOND * 200);
        for desk in people {
            let texts = desk.events();
            let texts = texts.iter().filter(|event| matches!(event.body, EventBody::Message(_)));
            assert_eq!(texts.count(), 30);
        }
        assert_eq!(casey.events(), ana.events());
        assert_eq!(ana.events(), ben.events());
        // And the store has all of them.
        let world = center.world();
        let stored: Vec<_> =
            world.store.records[&casey.session()].events.values().cloned().collect();
        assert_eq!(stored, ana.events());
    });
}

#[test]
fn nothing_is_told_before_it_is_saved_and_then_in_order() {
    // B5.3, B20.1
    let center = Center::open();
    let (casey, ana) = two(&center);
    center.store_stalls();
    let first = casey.sends(casey.message("one"));
    // Needs no save, and waits behind one that does.
    let second = casey.sends(casey.notice(UserTypingStarted, "tw"));
    let third = ana.sends(ana.message("two"));
    center.settle();
    casey.sees_nothing();
    ana.sees_nothing();
    for (desk, reference) in [(&casey, first), (&casey, second), (&ana, third)] {
        assert_eq!(desk.answer(reference), None);
    }
    center.store_resumes();
    casey.sees(["Casey: one", "Casey USER_TYPING_STARTED: tw", "Ana: two"]);
    ana.sees(["Casey: one", "Casey USER_TYPING_STARTED: tw", "Ana: two"]);
}

#[test]
fn without_auto_save_only_the_end_is_stored() {
    // B20.1, B8.6
    let center = Center::with(&[("settings", "transcript-auto-save", "0")]);
    let (casey, ana) = two(&center);
    center.store_stalls();
    casey.says("one");
    ana.sees(["Casey: one"]);
    assert!(
        !center
            .asked()
            .iter()
            .any(|request| { matches!(request, AskRequest::Record(Record::Append { .. })) })
    );
    ana.leaves(AfterAction::ForceClose);
    casey.sees(["Casey: one", "Ana goes, 2", "Casey goes, 4 by Ana", "closed"]);
    center.store_resumes();
    let world = center.world();
    assert_eq!(world.store.records[&casey.session()].events.len(), 5);
}

#[test]
fn direct_events_are_stored_with_their_receiver() {
    // B5.5
    let center = Center::open();
    let (casey, ana) = two(&center);
    let id = ana.whispers(&casey, "just for you");
    let coach = center.agent("Coach");
    coach.joins_as(Visibility::Int, &casey);
    let hidden = coach.says("for agents");
    let typing = ana.notifies(UserTypingStarted, "I am");
    let world = center.world();
    let record = &world.store.records[&casey.session()];
    assert_eq!(message(&record.events[&id]).receiver_id, Some(casey.id()));
    assert_eq!(record.events[&hidden].visibility, Open::Known(Visibility::Int));
    assert!(!record.events.contains_key(&typing), "B5.4");
}

#[test]
fn only_the_newest_typing_of_each_is_kept_until_it_speaks() {
    // B5.4
    let center = Center::open();
    let (casey, ana) = two(&center);
    casey.notifies(UserTypingStarted, "h");
    casey.notifies(UserTypingStarted, "he");
    ana.notifies(UserTypingStarted, "w");
    let late = center.agent("Late");
    late.joins(&casey);
    let typing = ["Casey USER_TYPING_STARTED: he", "Ana USER_TYPING_STARTED: w"];
    late.sees(["Casey comes", "Ana comes", typing[0], typing[1], "Late comes"]);
    casey.says("hello");
    let later = center.agent("Later");
    later.joins(&casey);
    later.sees([
        "Casey comes",
        "Ana comes",
        typing[1],
        "Late comes",
        "Casey: hello",
        "Later comes",
    ]);
    ana.asks(ana.read_confirm("1"));
    ana.leaves(AfterAction::KeepAlive);
    let last = center.agent("Last");
    last.joins(&casey);
    last.sees([
        "Casey comes",
        "Ana comes",
        "Late comes",
        "Casey: hello",
        "Later comes",
        "Ana goes",
        "Last comes",
    ]);
}

#[test]
fn a_client_is_spared_what_is_newer_than_itself() {
    // B6.1
    let center = Center::open();
    let (casey, ana) = two(&center);
    for (client_version, nick, command, attributes) in [
        (None, false, false, false),
        (Some(101), false, false, false),
        (Some(102), true, false, false),
        (Some(103), true, false, false),
        (Some(104), true, true, false),
        (Some(105), true, true, false),
        (Some(106), true, true, true),
        (Some(200), true, true, true),
    ] {
        let old = version(&center, "Old", client_version);
        old.joins(&casey);
        old.looks_away();
        let event_attributes = Some(kv([("colour", "red")]));
        let user_data = Some(kv([("a", "b")]));
        ana.asks(RequestMessage { event_attributes, user_data, ..ana.message("hi") });
        assert_eq!(old.newest().event_attributes.is_some(), attributes, "{client_version:?}");
        // B6.3
        assert!(message(&old.newest()).user_data.is_some());
        old.sees(["Ana: hi"]);
        ana.notifies(UserUpdateNick, "Ana");
        if nick {
            old.sees(["Ana USER_UPDATE_NICK: Ana"]);
        }
        let read = casey.newest().event_id.to_string();
        ana.asks(ana.read_confirm(&read));
        if command {
            old.sees(["Ana SYS_COMMAND: read-confirm"]);
        }
        old.sees_nothing();
        old.leaves(AfterAction::KeepAlive);
    }
}

#[test]
fn a_client_sends_nothing_newer_than_itself() {
    // B6.2
    let center = Center::open();
    let (casey, ana) = two(&center);
    for (client_version, nick, command, attributes) in [
        (None, false, false, false),
        (Some(102), true, false, false),
        (Some(104), true, true, false),
        (Some(106), true, true, true),
    ] {
        let old = version(&center, "Old", client_version);
        old.joins(&casey);
        let (rename, confirm) = (old.notice(UserUpdateNick, "Older"), old.read_confirm("1"));
        for (may, request) in [(nick, rename), (command, confirm)] {
            if may {
                old.asks(request);
            } else {
                old.is_refused(ErrorId::NoticeNotAllowed, request);
            }
        }
        let event_attributes = Some(kv([("colour", "red")]));
        old.asks(RequestMessage { event_attributes, ..old.message("hi") });
        assert_eq!(ana.newest().event_attributes.is_some(), attributes, "{client_version:?}");
        // What is ignored is not judged either.
        if !attributes {
            let event_attributes = Some(kv([("k", &"x".repeat(200_000))]));
            old.asks(RequestMessage { event_attributes, ..old.message("hi") });
        }
        old.leaves(AfterAction::KeepAlive);
    }
}

#[test]
fn the_answer_holds_what_one_did_and_nothing_else() {
    // B7.8, wire §4.1
    let center = Center::open();
    let (casey, ana) = two(&center);
    let info = casey.asks(casey.message("hi"));
    assert_eq!(info.user_id, None);
    assert_eq!(info.session_status.known(), Some(SessionStatus::Alive));
    let [event] = &*info.chat_transcript.events else { panic!() };
    assert_eq!((event.event_id.number(), &event.user_id), (3, &casey.id()));
    assert_eq!(ana.event(event.event_id), *event, "the others see the same");
    assert_eq!(event.party, None, "basic clients keep a roster");
    assert_eq!(event.participant_no, None);
    casey.sees(["Casey: hi"]);
}
