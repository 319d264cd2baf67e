//! How a session is made on the basic protocol, how people come into it, and what is too much.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use confer_core::ask::{Contact, Interaction, Record, Request as AskRequest};
use confer_core::frame::basic::{
    Event, RequestJoin, RequestMessage, RequestNotify, RequestRegister,
};
use confer_core::frame::{
    AfterAction, ErrorId, EventBody, KvList, NoticeType, SessionStatus, UserType, Visibility,
};
use confer_core::id::{EventId, SessionId};
use confer_core::text::{Str, Text};
use confer_core::time::Instant;
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, create, kv, register};

const SECOND: Duration = Duration::from_secs(1);

fn is_identify(request: &AskRequest) -> bool {
    matches!(request, AskRequest::Contact(Contact::Identify { .. }))
}

fn is_create(request: &AskRequest) -> bool {
    matches!(request, AskRequest::Record(Record::Create { .. }))
}

fn is_submit(request: &AskRequest) -> bool {
    matches!(request, AskRequest::Interaction(Interaction::Submit { .. }))
}

fn is_stop(request: &AskRequest) -> bool {
    matches!(request, AskRequest::Interaction(Interaction::Stop { .. }))
}

#[test]
fn agents_and_customers_of_a_channel_create_sessions() {
    // B4.1
    let center = Center::open();
    for desk in [center.agent("Ana"), center.customer("Casey"), center.supervisor("Sam")] {
        let info = desk.asks(create());
        assert_eq!(info.session_status.known(), Some(SessionStatus::Alive));
        assert_eq!(info.user_id, Some(desk.id()));
        assert_eq!(desk.newest().user_id, desk.id());
    }
    assert_eq!(center.sessions(), 3);
}

#[test]
fn a_session_goes_to_the_queue_its_key_names() {
    // B4.2
    let queues = |center: &Center| -> Vec<(String, String)> {
        let of = |request| match request {
            AskRequest::Interaction(Interaction::Submit { tenant, queue, .. }) => {
                Some((tenant.to_string(), queue.to_string()))
            }
            _ => None,
        };
        center.asked().into_iter().filter_map(of).collect()
    };
    let key = |key: &str| RequestJoin { queue_key: Some(Str::new(key)), ..create() };
    let pair = |tenant: &str, queue: &str| (tenant.to_owned(), queue.to_owned());

    let center = Center::open();
    let ana = center.agent("Ana");
    ana.creates();
    ana.asks(key("default"));
    ana.asks(key("1:default"));
    for unknown in ["", "2:default", "1:sales", "sales", "1:", ":default", "1:default:"] {
        ana.is_refused(ErrorId::UnknownEndpoint, key(unknown));
    }
    assert_eq!(queues(&center), vec![pair("1", "default"); 3]);
    assert_eq!(center.sessions(), 3, "a refused Join leaves nothing");

    let center = Center::with(&[
        ("settings", "default-tenant", "acme"),
        ("endpoints:acme", "default", "main"),
        ("endpoints:acme", "sales", "shop"),
        ("endpoints:other", "sales", "elsewhere"),
    ]);
    let ana = center.agent("Ana");
    ana.creates();
    ana.asks(key("sales"));
    ana.asks(key("other:sales"));
    ana.is_refused(ErrorId::UnknownEndpoint, key("other:default"));
    ana.is_refused(ErrorId::UnknownEndpoint, key("1:default"));
    let expected = [pair("acme", "main"), pair("acme", "shop"), pair("other", "elsewhere")];
    assert_eq!(queues(&center), expected);
}

#[test]
fn contact_then_record_then_interaction_and_then_the_answer() {
    // B4.3
    let center = Center::open();
    let casey = center.customer("Casey");
    let reference = casey.sends(create());
    for (done, stage) in [is_identify, is_create, is_submit].into_iter().enumerate() {
        center.until_asked(stage);
        assert_eq!(center.asked().len(), done + 1, "one after the other");
        assert_eq!(casey.answer(reference), None);
    }
    center.settle();
    assert!(matches!(casey.answer(reference), Some(Ok(Event::EventSessionInfo(_)))));
    casey.sees(["Casey comes"]);
}

#[test]
fn a_session_that_is_being_made_is_not_open() {
    // B4.3
    let center = Center::open();
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    casey.sends(create());
    center.until_asked(is_create);
    let session_id = center.asked().into_iter().find_map(|request| match request {
        AskRequest::Record(Record::Create { session, .. }) => Some(session),
        _ => None,
    });
    let join = RequestJoin { session_id, ..create() };
    ana.is_refused(ErrorId::Restoring, join);
}

#[test]
fn a_contact_store_that_is_down_holds_no_chat_up() {
    // B4.3
    for silent in [false, true] {
        let center = Center::open();
        let casey = center.customer("Casey");
        let reference = casey.sends(create());
        center.until_asked(is_identify);
        // It says "not now", or nothing at all.
        center.world_mut().store.faults.lose_per_mille = if silent { 1000 } else { 0 };
        center.store_fails(!silent);
        center.until_asked(is_submit);
        center.world_mut().store.faults.lose_per_mille = 0;
        center.store_fails(false);
        center.settle();
        assert!(matches!(casey.answer(reference), Some(Ok(Event::EventSessionInfo(_)))));
        let waited = center.world().now().saturating_since(Instant::ZERO);
        assert!(waited < SECOND * 5, "at most 2 s for the contact, and 2 s for the record");
        // Each was asked once: nobody waits for more.
        let asked = center.asked();
        assert_eq!(asked.iter().filter(|request| is_identify(request)).count(), 1);
        assert_eq!(asked.iter().filter(|request| is_create(request)).count(), 1);
    }
}

#[test]
fn an_interaction_that_cannot_be_submitted_leaves_nothing() {
    // B4.3
    let center = Center::with(&[
        ("settings", "transcript-resend-attempts", "2"),
        ("settings", "transcript-resend-delay", "1"),
    ]);
    let casey = center.customer("Casey");
    let reference = casey.sends(create());
    center.until_asked(is_submit);
    center.store_fails(true);
    center.passes(SECOND * 10);
    assert_eq!(casey.answer(reference), Some(Err(8318)));
    assert_eq!(center.asked().iter().filter(|request| is_submit(request)).count(), 3);
    assert_eq!(center.sessions(), 0);
    // A submission whose answer was lost may have worked all the same.
    assert!(center.asked().iter().any(is_stop));
    // The connection is as good as before.
    center.store_fails(false);
    casey.creates();
    casey.sees(["Casey comes"]);
}

#[test]
fn a_creator_who_is_lost_before_the_submission_leaves_nothing() {
    // B4.3
    for stage in [is_identify, is_create] {
        let center = Center::open();
        let casey = center.customer("Casey");
        casey.sends(create());
        center.until_asked(stage);
        casey.is_cut_off();
        center.passes(SECOND * 60);
        assert_eq!(center.sessions(), 0);
        assert!(!center.asked().iter().any(is_submit));
    }
}

#[test]
fn a_creator_who_is_lost_during_the_submission_has_it_stopped_when_it_is_over() {
    // B4.3
    let center = Center::with(&[("settings", "transcript-resend-delay", "5")]);
    let casey = center.customer("Casey");
    casey.sends(create());
    center.until_asked(is_submit);
    // The first attempt fails; the second is made while nobody waits for it any more.
    center.store_fails(true);
    center.passes(SECOND);
    casey.is_cut_off();
    center.store_fails(false);
    center.passes(SECOND * 120);
    assert_eq!(center.sessions(), 0);
    let asked = center.asked();
    let stop = asked.iter().position(is_stop).expect("it is stopped");
    let last_submit = asked.iter().rposition(is_submit).unwrap();
    assert!(last_submit < stop, "nothing is submitted after the stop");
    assert_eq!(asked.iter().filter(|request| is_stop(request)).count(), 1);
}

#[test]
fn a_creator_who_unregisters_meanwhile_is_answered_and_leaves_nothing() {
    // B4.3
    let center = Center::open();
    let ana = center.agent("Ana");
    let reference = ana.sends(create());
    center.until_asked(is_identify);
    ana.unregisters();
    center.passes(SECOND * 20);
    assert_eq!(ana.answer(reference), Some(Err(8302)));
    assert_eq!(center.sessions(), 0);
}

#[test]
fn what_the_store_lies_about_is_asked_again() {
    // B4.3
    confer_tests::seeds::each("rough creations", confer_tests::cases(10, 1000), |seed| {
        let center = Center::seeded(seed, &[]);
        let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
        center.turns_rough();
        casey.creates();
        casey.says("hello?");
        ana.joins(&casey);
        ana.says("hello!");
        casey.leaves(AfterAction::KeepAlive);
        center.passes(SECOND);
        casey.sees(["Casey comes", "Casey: hello?", "Ana comes", "Ana: hello!", "Casey goes"]);
        ana.sees(["Casey comes", "Casey: hello?", "Ana comes", "Ana: hello!", "Casey goes"]);
    });
}

#[test]
fn a_greeting_stays_with_the_newcomer() {
    // B4.4
    let center = Center::open();
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    casey.asks(RequestJoin { message_text: Some(Text::new("my parcel is lost")), ..create() });
    ana.asks(RequestJoin { message_text: Some(Text::new("here I am")), ..ana.join(&casey) });
    ana.sees(["Casey comes: my parcel is lost", "Ana comes: here I am"]);
    casey.sees(["Casey comes: my parcel is lost", "Ana comes: here I am"]);
}

#[test]
fn a_connection_is_in_many_sessions_and_in_each_once() {
    // B4.5
    let center = Center::open();
    let ana = center.agent("Ana");
    let customers = ["Casey", "Robin", "Kim"].map(|name| center.customer(name));
    for customer in &customers {
        customer.creates();
        ana.joins(customer);
        ana.is_refused(ErrorId::AlreadyThere, ana.join(customer));
    }
    ana.looks_away();
    for customer in &customers {
        customer.says("hi");
    }
    ana.sees(["Casey: hi", "Robin: hi", "Kim: hi"]);
    // Each with its own numbers.
    for customer in &customers {
        assert_eq!(customer.newest().event_id, EventId::new(3).unwrap());
    }
}

#[test]
fn a_join_is_answered_with_all_one_may_see() {
    // B4.7
    let center = Center::open();
    let (casey, coach) = (center.customer("Casey"), center.agent("Coach"));
    casey.creates();
    casey.says("one");
    coach.joins_as(Visibility::Int, &casey);
    coach.says("two");
    casey.says("three");
    let ana = center.agent("Ana");
    let info = ana.joins(&casey);
    assert_eq!(info.user_id, Some(ana.id()));
    ana.sees([
        "Casey comes",
        "Casey: one",
        "Coach comes (INT)",
        "Coach: two (INT)",
        "Casey: three",
        "Ana comes",
    ]);
    let robin = center.customer("Robin");
    robin.joins(&casey);
    robin.sees(["Casey comes", "Casey: one", "Casey: three", "Ana comes", "Robin comes"]);
}

#[test]
fn whoever_comes_back_asks_for_what_it_missed_only() {
    // B4.7
    let center = Center::open();
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    casey.creates();
    ana.joins(&casey);
    let last = casey.says("one");
    ana.is_cut_off();
    casey.says("two");
    ana.reconnects(register("Ana", UserType::Agent));
    ana.looks_away();
    let after = |last| RequestJoin { last_position: Some(last), ..ana.join(&casey) };
    ana.asks(after(last));
    ana.sees(["somebody goes, 3", "somebody: two", "Ana comes"]);
    // A position nobody has reached yet is the newest.
    ana.leaves(AfterAction::KeepAlive);
    ana.looks_away();
    ana.asks(after(EventId::new(4711).unwrap()));
    ana.sees(["Ana comes"]);
    casey.says("three");
    ana.sees(["somebody: three"]);
}

#[test]
fn a_session_nobody_knows_is_not_there() {
    // wire §7
    let center = Center::open();
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    casey.creates();
    let nowhere = SessionId::new("0000000000000000");
    ana.is_refused(
        ErrorId::NoSuchSession,
        RequestJoin { session_id: Some(nowhere.clone()), ..create() },
    );
    let message = RequestMessage { session_id: nowhere, ..casey.message("hi") };
    casey.is_refused(ErrorId::NoSuchSession, message);
    // One that is there, but without the asker.
    let message = RequestMessage { session_id: casey.session(), ..casey.message("hi") };
    ana.is_refused(ErrorId::NotInSession, message);
    casey.sees(["Casey comes"]);
}

/// A list of this many bytes, keys included.
fn sized(bytes: usize) -> Option<KvList> {
    Some(kv([("k", &"x".repeat(bytes - 1))]))
}

/// A list that nests this deep.
fn deep(levels: usize) -> Option<KvList> {
    let mut list = kv([("k", "v")]);
    for _ in 1..levels {
        list = KvList::from([("l", list.into())]);
    }
    Some(list)
}

#[test]
fn user_data_is_bounded_in_every_request() {
    // B17.4, B17.5
    let center = Center::with(&[("settings", "user-data-max-size", "1024")]);
    let stranger = Desk::silent(&center);
    let casey = center.customer("Casey");
    casey.creates();
    for (data, fits) in
        [(sized(1024), true), (sized(1025), false), (deep(14), true), (deep(15), false)]
    {
        let user_data = || data.clone();
        let register =
            RequestRegister { user_data: user_data(), ..register("Ana", UserType::Agent) };
        let message = RequestMessage { user_data: user_data(), ..casey.message("hi") };
        let notice = casey.notice(NoticeType::UserCustom, "hi");
        let notice = RequestNotify { user_data: user_data(), ..notice };
        let join = RequestJoin { user_data: user_data(), ..create() };
        if fits {
            stranger.registers(register);
            stranger.unregisters();
            casey.asks(RequestJoin { user_data: user_data(), ..create() });
            casey.asks(message);
            casey.asks(notice);
        } else {
            stranger.is_refused(ErrorId::LimitReached, register);
            casey.is_refused(ErrorId::LimitReached, join);
            casey.is_refused(ErrorId::LimitReached, message);
            casey.is_refused(ErrorId::LimitReached, notice);
        }
    }
}

#[test]
fn a_list_that_the_server_adds_to_can_still_be_written() {
    // wire §3, B3.6, B7.3
    let entries = |prefix: &str, count: usize| -> KvList {
        (0..count)
            .map(|n| confer_core::frame::KvEntry {
                key: Str::new(&format!("{prefix}{n}")),
                value: "v".into(),
            })
            .collect()
    };
    let center = Center::open();
    let casey = center.customer("Casey");
    casey.creates();
    let with = |count| RequestRegister {
        user_data: Some(entries("r", count)),
        ..register("Roberta", UserType::Agent)
    };
    for (registered, joined, fits) in
        [(600, 600, false), (1024, 0, false), (0, 1024, false), (511, 511, true)]
    {
        let bot = center.someone(with(registered));
        let mut user_data = entries("j", joined.max(1) - 1);
        user_data.push("GCTI_Chat_SetPartyStyle", "BOT");
        let join = RequestJoin { user_data: Some(user_data), ..bot.join(&casey) };
        if fits {
            bot.asks(join);
            bot.notifies(NoticeType::UserUpdateNick, "Robert");
        } else {
            bot.is_refused(ErrorId::LimitReached, join);
        }
    }
    let late = center.agent("Late");
    late.joins(&casey);
    late.sees(["Casey comes", "Robert comes", "Robert USER_UPDATE_NICK: Robert", "Late comes"]);
}

#[test]
fn a_subject_is_bounded() {
    // B17.4
    let center = Center::open();
    let ana = center.agent("Ana");
    let about =
        |length: usize| RequestJoin { subject: Some(Text::from("ж".repeat(length))), ..create() };
    ana.asks(about(1024));
    ana.is_refused(ErrorId::TextTooLong, about(1025));
    assert_eq!(center.sessions(), 1);
}

#[test]
fn so_many_are_present_and_not_one_more() {
    // B17.4
    let center = Center::with(&[("settings", "max-participants", "3")]);
    let casey = center.customer("Casey");
    casey.creates();
    let (ana, sam) = (center.agent("Ana"), center.supervisor("Sam"));
    ana.joins(&casey);
    sam.joins_as(Visibility::Vip, &casey);
    let late = center.agent("Late");
    late.is_refused(ErrorId::LimitReached, late.join(&casey));
    sam.leaves(AfterAction::KeepAlive);
    late.joins(&casey);
}

#[test]
fn a_connection_is_in_so_many_sessions_and_not_one_more() {
    // B17.4
    let center = Center::with(&[("settings", "max-sessions-per-connection", "2")]);
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    casey.creates();
    ana.creates();
    // One that is being made counts as well.
    let (second, third) = (ana.sends(create()), ana.sends(create()));
    center.settle();
    assert!(matches!(ana.answer(second), Some(Ok(_))));
    assert_eq!(ana.answer(third), Some(Err(8311)));
    ana.is_refused(ErrorId::LimitReached, create());
    ana.is_refused(ErrorId::LimitReached, ana.join(&casey));
    ana.leaves(AfterAction::KeepAlive);
    ana.joins(&casey);
}

#[test]
fn so_many_events_and_then_only_leaving() {
    // B17.4
    let center = Center::with(&[
        ("settings", "max-events-per-session", "1000"),
        ("settings", "transcript-auto-save", "0"),
    ]);
    let (casey, ana, late) = (center.customer("Casey"), center.agent("Ana"), center.agent("Late"));
    casey.creates();
    ana.joins(&casey);
    for _ in 2..1000 {
        casey.sends(casey.message("again"));
    }
    center.settle();
    assert_eq!(casey.newest().event_id, EventId::new(1000).unwrap());
    casey.is_refused(ErrorId::LimitReached, casey.message("once more"));
    let typing = casey.notice(NoticeType::UserTypingStarted, "");
    casey.is_refused(ErrorId::LimitReached, typing);
    late.is_refused(ErrorId::LimitReached, late.join(&casey));
    ana.looks_away();
    casey.leaves(AfterAction::KeepAlive);
    ana.sees(["Casey goes"]);
    assert!(matches!(ana.newest().body, EventBody::PartyLeft(_)));
}
