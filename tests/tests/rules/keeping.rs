//! What is stored of a session, and what happens when it cannot be: trouble with the store never
//! holds a chat up for long, and the record catches up (B4.3, B5.4, B20.1, B20.6).

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use confer_core::ask::{Contact, Interaction, Record, Request as Ask};
use confer_core::door::{External, Input};
use confer_core::frame::{AfterAction, EventBody, NoticeType, UserType};
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, create, kv, register};
use confer_tests::world::Stored;

const SECOND: Duration = Duration::from_secs(1);

/// What the store has of the only session it knows.
fn stored(center: &Center) -> Stored {
    let world = center.world();
    let mut records = world.store.records.values();
    let record = records.next().expect("a record").clone();
    assert!(records.next().is_none(), "one session");
    record
}

/// The texts of the messages and notices that are stored.
fn texts(center: &Center) -> Vec<String> {
    let of = |event: &confer_core::frame::TranscriptEvent| match &event.body {
        EventBody::Message(message) => Some(message.message_text.reveal().to_owned()),
        EventBody::Notice(notice) => Some(notice.notice_text.as_ref()?.reveal().to_owned()),
        _ => None,
    };
    stored(center).events.values().filter_map(of).collect()
}

fn two(center: &Center) -> (Desk, Desk) {
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    casey.creates();
    ana.joins(&casey);
    casey.looks_away();
    ana.looks_away();
    (casey, ana)
}

#[test]
fn what_is_told_is_stored() {
    // B20.1
    let center = Center::open();
    let (casey, ana) = two(&center);
    center.store_stalls();
    let said = ana.sends(ana.message("hello"));
    center.passes(SECOND);
    assert_eq!(ana.answer(said), None);
    casey.sees_nothing();
    center.store_resumes();
    casey.sees(["Ana: hello"]);
    assert_eq!(texts(&center), ["hello"]);
}

#[test]
fn a_store_that_is_down_is_waited_for_no_longer_than_save_wait_max() {
    // B20.6, `transcript-save-on-error=continue`
    let center = Center::with(&[("settings", "save-wait-max", "3")]);
    let (casey, ana) = two(&center);
    center.store_stalls();
    ana.sends(ana.message("one"));
    center.passes(SECOND * 2);
    ana.sends(ana.message("two"));
    casey.sees_nothing();
    // The oldest has waited for 3 s: from now on nothing waits.
    center.passes(SECOND + SECOND / 2);
    casey.sees(["Ana: one", "Ana: two"]);
    ana.says("three");
    casey.sees(["Ana: three"]);
    // Saving goes on behind: when the store is back, the record has everything, once.
    center.store_resumes();
    center.passes(SECOND * 30);
    assert_eq!(texts(&center), ["one", "two", "three"]);
    // And what is said then is saved first again.
    center.store_stalls();
    ana.sends(ana.message("four"));
    center.passes(SECOND);
    casey.sees_nothing();
    center.store_resumes();
    casey.sees(["Ana: four"]);
}

#[test]
fn other_sessions_do_not_wait_for_the_one_that_does() {
    // B20.6
    let center = Center::open();
    let (casey, ana) = two(&center);
    let (dora, ben) = (center.customer("Dora"), center.agent("Ben"));
    dora.creates();
    ben.joins(&dora);
    dora.looks_away();
    // One save of Ana's is lost without an answer.
    center.world_mut().store.faults.lose_per_mille = 1000;
    ana.sends(ana.message("lost"));
    center.settle();
    center.world_mut().store.faults.lose_per_mille = 0;
    ana.sends(ana.message("behind it"));
    ben.says("hello");
    dora.sees(["Ben: hello"]);
    casey.sees_nothing();
    center.passes(SECOND * 3);
    casey.sees(["Ana: lost", "Ana: behind it"]);
}

#[test]
fn those_on_basic_are_told_if_they_are_to_be() {
    // B20.6, `transcript-auto-save=2`
    let center = Center::with(&[
        ("settings", "transcript-auto-save", "2"),
        ("settings", "transcript-resend-delay", "5"),
    ]);
    let (casey, ana) = two(&center);
    let mut old = register("Olaf", UserType::Agent);
    old.client_version = Some(103);
    let olaf = center.someone(old);
    olaf.joins(&casey);
    for desk in [&casey, &ana, &olaf] {
        desk.looks_away();
    }
    center.store_stalls();
    ana.sends(ana.message("hello"));
    center.passes(SECOND * 3);
    casey.sees(["System SYS_COMMAND: ucs-save-fail", "Ana: hello"]);
    // A client that knows no commands is not told (B6.1).
    olaf.sees(["Ana: hello"]);
    center.store_resumes();
    center.passes(SECOND * 10);
    casey.sees(["System SYS_COMMAND: ucs-save-done"]);
    // It is no event of the session: nobody finds it in the transcript.
    let sue = center.supervisor("Sue");
    sue.joins(&casey);
    sue.sees(["Casey comes", "Ana comes", "Olaf comes", "Ana: hello", "Sue comes"]);
    assert_eq!(texts(&center), ["hello"]);
}

#[test]
fn a_session_that_cannot_be_kept_is_closed_if_the_operator_wants_that() {
    // B20.6, `transcript-save-on-error=close`
    let center = Center::with(&[
        ("settings", "transcript-save-on-error", "close"),
        ("settings", "transcript-resend-attempts", "2"),
        ("settings", "transcript-resend-delay", "1"),
    ]);
    let (casey, ana) = two(&center);
    center.store_fails(true);
    ana.sends(ana.message("hello"));
    // It waits to the end of the retries.
    center.passes(SECOND * 2);
    casey.sees_nothing();
    center.passes(SECOND * 3);
    casey.sees(["Ana: hello", "Casey goes, 5", "Ana goes, 5", "closed"]);
    let asked = center.asked();
    assert!(!asked.iter().any(|ask| matches!(ask, Ask::Record(Record::Final { .. }))));
    // The interaction is told all the same.
    let ends = |ask: &Ask| match ask {
        Ask::Interaction(Interaction::Change { properties, .. }) => {
            properties.text("IsOnline").as_deref() == Some("0")
        }
        _ => false,
    };
    assert!(asked.iter().any(ends));
}

#[test]
fn a_record_that_could_not_be_made_is_made_when_the_store_is_back() {
    // B4.3
    let center = Center::open();
    let casey = center.customer("Casey");
    center.store_fails(true);
    let made = casey.sends(create());
    center.until_asked(|ask| matches!(ask, Ask::Interaction(_)));
    center.world_mut().store.faults.fail_per_mille = 0;
    center.settle();
    assert!(casey.answer(made).is_some_and(|answer| answer.is_ok()));
    // The store is down again for a while.
    center.store_fails(true);
    casey.looks_away();
    let ana = center.agent("Ana");
    ana.joins(&casey);
    ana.says("we are all here");
    casey.sees(["Ana comes", "Ana: we are all here"]);
    assert_eq!(center.world().store.records.len(), 0);
    center.store_fails(false);
    center.tell(Input::External(External::ContactStoreUp));
    center.passes(SECOND);
    assert_eq!(stored(&center).events.len(), 3, "everything that happened before");
    ana.says("and now it is kept");
    assert_eq!(texts(&center), ["we are all here", "and now it is kept"]);
}

#[test]
fn a_session_that_ends_before_its_record_was_made_has_one_in_the_end() {
    // B4.3, B8.6
    let center = Center::with(&[("settings", "transcript-resend-delay", "5")]);
    let casey = center.customer("Casey");
    center.store_fails(true);
    let made = casey.sends(create());
    center.until_asked(|ask| matches!(ask, Ask::Interaction(_)));
    center.store_fails(false);
    center.settle();
    assert!(casey.answer(made).is_some_and(|answer| answer.is_ok()));
    center.store_fails(true);
    casey.says("hello?");
    casey.leaves(AfterAction::KeepAlive);
    center.passes(SECOND);
    center.store_fails(false);
    center.passes(SECOND * 120);
    assert_eq!(texts(&center), ["hello?"]);
    assert_eq!(center.sessions(), 0);
}

#[test]
fn a_long_arrear_is_made_up_in_stretches() {
    // B20.6
    let center = Center::with(&[("settings", "transcript-resend-delay", "1")]);
    let (_, ana) = two(&center);
    center.store_fails(true);
    ana.says("0");
    for number in 1..1000 {
        ana.sends(ana.message(&number.to_string()));
    }
    center.passes(SECOND * 3);
    center.store_fails(false);
    center.passes(SECOND * 3);
    let numbers: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    assert_eq!(texts(&center), numbers);
    for ask in center.asked() {
        if let Ask::Record(Record::Append { events, .. }) = ask {
            assert!(events.len() <= 256);
        }
    }
}

#[test]
fn without_a_contact_store_nothing_is_asked_of_it() {
    // `use-contact-server`
    let center = Center::with(&[("settings", "use-contact-server", "false")]);
    let (casey, ana) = two(&center);
    ana.says("hello");
    casey.sees(["Ana: hello"]);
    ana.leaves(AfterAction::ForceClose);
    center.passes(SECOND * 120);
    assert_eq!(center.sessions(), 0);
    let asked = center.asked();
    assert!(asked.iter().all(|ask| matches!(ask, Ask::Interaction(_))), "{asked:?}");
}

#[test]
fn notices_are_stored_as_the_option_says() {
    // B5.4
    for (option, expected) in [
        ("none", vec!["hello"]),
        ("major", vec!["hello", "https://example.com/", "custom"]),
        ("all", vec!["hello", "https://example.com/", "custom", "read-confirm", "typing"]),
    ] {
        let center = Center::with(&[("settings", "transcript-save-notices", option)]);
        let (casey, ana) = two(&center);
        ana.says("hello");
        ana.notifies(NoticeType::UserPushedUrl, "https://example.com/");
        ana.notifies(NoticeType::UserCustom, "custom");
        casey.asks(casey.read_confirm("1"));
        ana.notifies(NoticeType::UserTypingStarted, "typing");
        assert_eq!(texts(&center), expected, "{option}");
        ana.leaves(AfterAction::ForceClose);
        center.settle();
        let last: Vec<String> = texts(&center);
        assert_eq!(last[..1], ["hello"], "the final transcript as the intermediate one");
        assert_eq!(last.contains(&"custom".to_owned()), option != "none");
    }
}

#[test]
fn the_interaction_has_all_that_its_creator_brought() {
    // B19.1, B19.3
    let center = Center::open();
    let mut who = register("Casey", UserType::Client);
    who.user_data = Some(kv([("Segment", "gold"), ("Topic", "none yet")]));
    let casey = center.someone(who);
    let mut join = create();
    join.user_data = Some(kv([("Topic", "shoes")]));
    casey.asks(join);
    for ask in center.asked() {
        let brought = match ask {
            Ask::Contact(Contact::Identify { user_data, .. }) => user_data,
            Ask::Record(Record::Create { beginning, .. }) => beginning.user_data,
            Ask::Interaction(Interaction::Submit { properties, .. }) => properties,
            _ => continue,
        };
        assert_eq!(brought.text("Segment").as_deref(), Some("gold"));
        assert_eq!(brought.text("Topic").as_deref(), Some("shoes"), "the newer counts");
    }
}

#[test]
fn a_save_that_nobody_waits_for_is_not_asked_again() {
    // B20.6: the record catches up with it; an old version of a newParty must not come behind.
    let center = Center::with(&[
        ("settings", "transcript-resend-attempts", "1000"),
        ("settings", "transcript-resend-delay", "3"),
    ]);
    let (casey, ana) = two(&center);
    center.world_mut().store.faults.lose_per_mille = 1000;
    ana.sends(ana.message("lost"));
    center.passes(SECOND * 5 / 2);
    casey.sees(["Ana: lost"]);
    center.world_mut().store.faults.lose_per_mille = 0;
    center.passes(SECOND * 10);
    let appends = |center: &Center| {
        let asked = center.asked();
        asked.iter().filter(|ask| matches!(ask, Ask::Record(Record::Append { .. }))).count()
    };
    let caught_up = appends(&center);
    assert_eq!(texts(&center), ["lost"]);
    center.passes(SECOND * 60);
    assert_eq!(appends(&center), caught_up);
}
