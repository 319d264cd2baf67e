//! What people say on the basic protocol: messages, notices, and their limits.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use confer_core::frame::basic::Event;
use confer_core::frame::basic::{RequestJoin, RequestMessage, RequestNotify};
use confer_core::frame::{
    AfterAction, ErrorId, EventBody, KvList, Message, NewParty, Notice, NoticeType, Open,
    TranscriptEvent, TreatAs, Visibility,
};
use confer_core::id::EventId;
use confer_core::text::{Str, Text};
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, create, kv};

use NoticeType::{
    IdleControlAlert, IdleControlClose, IdleControlSet, SysCommand, UserCustom, UserPushedUrl,
    UserTypingStarted, UserTypingStopped, UserUpdateNick,
};

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

fn notice(event: &TranscriptEvent) -> &Notice {
    match &event.body {
        EventBody::Notice(notice) => notice,
        other => panic!("{other:?} is no notice"),
    }
}

fn new_party(event: &TranscriptEvent) -> &NewParty {
    match &event.body {
        EventBody::NewParty(party) => party,
        other => panic!("{other:?} is no newParty"),
    }
}

#[test]
fn texts_are_bounded() {
    // B5.6, B17.4
    let center = Center::with(&[
        ("settings", "message-max-size", "100"),
        ("settings", "notice-max-size", "50"),
    ]);
    let (casey, ana) = two(&center);
    let text = |length: usize| "🦀".repeat(length);
    ana.says(&text(100));
    ana.is_refused(ErrorId::TextTooLong, ana.message(&text(101)));
    ana.notifies(UserCustom, &text(50));
    ana.is_refused(ErrorId::TextTooLong, ana.notice(UserCustom, &text(51)));
    let greeting =
        |length| RequestJoin { message_text: Some(Text::from(text(length))), ..create() };
    ana.is_refused(ErrorId::TextTooLong, greeting(101));
    ana.asks(greeting(100));
    let mut parting = casey.release(AfterAction::KeepAlive);
    parting.message_text = Some(Text::from(text(101)));
    casey.is_refused(ErrorId::TextTooLong, parting);
    // And by default.
    let center = Center::open();
    let (casey, ana) = two(&center);
    ana.says(&"ж".repeat(65_535));
    ana.is_refused(ErrorId::TextTooLong, ana.message(&"ж".repeat(65_536)));
    ana.notifies(UserCustom, &"ж".repeat(65_535));
    ana.is_refused(ErrorId::TextTooLong, ana.notice(UserCustom, &"ж".repeat(65_536)));
    assert_eq!(casey.events().len(), 4);
}

#[test]
fn a_pushed_url_is_one() {
    // B7.1
    let center = Center::open();
    let (casey, ana) = two(&center);
    for good in [
        "http://example.com",
        "https://example.com/a?b=c#d",
        "HTTPS://EXAMPLE.COM",
        "http://[::1]:80/",
    ] {
        ana.notifies(UserPushedUrl, good);
        casey.sees([&*format!("Ana USER_PUSHED_URL: {good}")]);
    }
    for bad in [
        "",
        "example.com",
        "/path",
        "//example.com",
        "ftp://example.com",
        "http:",
        "http://",
        "http:///path",
        "javascript:alert(1)",
        "https//example.com",
        "http://a b",
        "http://a\nb",
        " http://example.com",
        "javascript://http://example.com",
    ] {
        ana.is_refused(ErrorId::Malformed, ana.notice(UserPushedUrl, bad));
    }
    let none = RequestNotify { notice_text: None, ..ana.notice(UserPushedUrl, "") };
    ana.is_refused(ErrorId::Malformed, none);
    // Custom is anything.
    for anything in ["", "http:", "{}"] {
        ana.notifies(UserCustom, anything);
        casey.sees([&*format!("Ana USER_CUSTOM: {anything}")]);
    }
    casey.sees_nothing();
}

#[test]
fn previews_are_not_for_customers() {
    // B7.2
    let center = Center::open();
    let (casey, ana) = two(&center);
    let (robin, sam) = (center.customer("Robin"), center.supervisor("Sam"));
    robin.joins(&casey);
    sam.joins(&casey);
    for desk in [&casey, &ana, &robin, &sam] {
        desk.looks_away();
    }
    for kind in [UserTypingStarted, UserTypingStopped] {
        let name = kind.name();
        ana.notifies(kind, "you are wro");
        for customer in [&casey, &robin] {
            customer.sees([&*format!("Ana {name}")]);
        }
        for colleague in [&ana, &sam] {
            colleague.sees([&*format!("Ana {name}: you are wro")]);
        }
        casey.notifies(kind, "I never");
        robin.sees([&*format!("Casey {name}")]);
        for entitled in [&casey, &ana, &sam] {
            entitled.sees([&*format!("Casey {name}: I never")]);
        }
    }
}

#[test]
fn a_new_nickname_rewrites_the_newcomer() {
    // B7.3, B3.8
    let center = Center::open();
    let (casey, ana) = two(&center);
    casey.notifies(UserUpdateNick, "Cassie");
    ana.sees(["Casey USER_UPDATE_NICK: Cassie"]);
    casey.notifies(UserUpdateNick, "  Cass  ");
    ana.sees(["Cassie USER_UPDATE_NICK:   Cass  "]);
    ana.sees_nothing();
    for bad in ["", " ", &"x".repeat(256)] {
        casey.is_refused(ErrorId::Malformed, casey.notice(UserUpdateNick, bad));
    }
    let late = center.agent("Late");
    let info = late.joins(&casey);
    let party = &info.chat_transcript.events[0];
    assert_eq!(&**party.party.as_ref().unwrap().user_nickname.reveal(), "Cass");
    let original = new_party(party).user_data.as_ref().unwrap();
    assert_eq!(*original, kv([("GCTI_Original_Nickname", "Casey")]));
    // The store has it too, and at once: whoever restores the session must not see the old name.
    let world = center.world();
    let stored = &world.store.records[&casey.session()].events[&EventId::new(1).unwrap()];
    assert_eq!(stored, party);
}

#[test]
fn reading_is_confirmed_for_what_one_can_see() {
    // B7.4
    let center = Center::open();
    let (casey, ana) = two(&center);
    let coach = center.agent("Coach");
    coach.joins_as(Visibility::Int, &casey);
    let hidden = coach.says("psst").to_string();
    let seen = ana.says("hello").to_string();
    casey.looks_away();
    ana.looks_away();
    casey.asks(casey.read_confirm(&seen));
    ana.sees(["Casey SYS_COMMAND: read-confirm"]);
    assert_eq!(notice(&ana.newest()).user_data, Some(kv([("last-event-id", &seen)])));
    ana.asks(ana.read_confirm(&hidden));
    for bad in [&*hidden, "0", "-1", "4711", "99999999999", "first", ""] {
        casey.is_refused(ErrorId::Malformed, casey.read_confirm(bad));
    }
    casey.is_refused(ErrorId::Malformed, casey.notice(SysCommand, "read-confirm"));
    casey.is_refused(ErrorId::NoticeNotAllowed, casey.notice(SysCommand, "format-disk"));
    casey.is_refused(ErrorId::NoticeNotAllowed, casey.notice(SysCommand, ""));
    // A number is as good as its text.
    let user_data = Some(KvList::from([("last-event-id", 1.into())]));
    casey.asks(RequestNotify { user_data, ..casey.notice(SysCommand, "read-confirm") });
}

#[test]
fn idle_notices_are_the_servers() {
    // B7.5
    let center = Center::open();
    let (casey, ana) = two(&center);
    for kind in [IdleControlAlert, IdleControlClose, IdleControlSet] {
        ana.is_refused(ErrorId::NoticeNotAllowed, ana.notice(kind, "soon"));
    }
    casey.sees_nothing();
}

#[test]
fn a_rich_message_passes_untouched_but_for_what_is_the_servers() {
    // B7.7
    let center = Center::open();
    let (casey, ana) = two(&center);
    let rich = |content: &str| {
        let inside = kv([("content", content), ("type", "carousel")]);
        let origins = KvList::from([("genesys-chat", inside.into())]);
        let related = kv([("related-event-id", "1")]);
        KvList::from([
            ("structured-content", origins.into()),
            ("general-properties", related.into()),
        ])
    };
    let with = |attributes: KvList| RequestMessage {
        event_attributes: Some(attributes),
        message_type: Some(Str::new("rich")),
        treat_as: Some(TreatAs::System),
        user_data: Some(kv([("k", "1"), ("k", "2")])),
        ..ana.message("see the picture")
    };
    for content in ["{}", " [1, -2.5e+3, true, null, \"\\u00e9\\n\"] ", "\"x\"", "0"] {
        ana.asks(with(rich(content)));
        let event = casey.newest();
        assert_eq!(event.event_attributes, Some(rich(content)));
        let said = message(&event);
        assert_eq!(said.message_type, Some(Str::new("rich")));
        assert_eq!(said.treat_as, Some(Open::Known(TreatAs::System)));
        assert_eq!(said.user_data, Some(kv([("k", "1"), ("k", "2")])));
    }
    for content in ["", "{", "{}x", "[1,]", "{\"a\" 1}", "01", "'a'", "nul", "\"\t\"", "\"\\x\""] {
        ana.is_refused(ErrorId::Malformed, with(rich(content)));
    }
    // However deep it nests.
    let (open, close) = ("[".repeat(32_000), "]".repeat(32_000));
    ana.asks(with(rich(&format!("{open}{close}"))));
    ana.is_refused(ErrorId::Malformed, with(rich(&open)));
    let full = |size: usize| format!("\"{}\"", "x".repeat(size - 2));
    ana.asks(with(rich(&full(65_536))));
    ana.is_refused(ErrorId::Malformed, with(rich(&full(65_537))));

    // What the server writes, nobody else does.
    let mut forged = rich("{}");
    forged.push("GCTI_SYSTEM", kv([("party-info", "me")]));
    ana.asks(with(forged));
    assert_eq!(casey.newest().event_attributes, Some(rich("{}")));
    ana.asks(with(KvList::from([("GCTI_SYSTEM", kv([("a", "b")]).into())])));
    assert_eq!(casey.newest().event_attributes, None);
}

#[test]
fn event_attributes_are_bounded() {
    // B17.4, B17.5
    let center = Center::with(&[("settings", "event-attributes-max-size", "1024")]);
    let (casey, ana) = two(&center);
    let mut deep = kv([("k", "v")]);
    for _ in 1..14 {
        deep = KvList::from([("l", deep.into())]);
    }
    let deeper = KvList::from([("l", deep.clone().into())]);
    for (attributes, fits) in [
        (kv([("k", &"x".repeat(1023))]), true),
        (kv([("k", &"x".repeat(1024))]), false),
        (deep, true),
        (deeper, false),
    ] {
        let event_attributes = Some(attributes);
        let notice = ana.notice(UserCustom, "");
        let notice = RequestNotify { event_attributes: event_attributes.clone(), ..notice };
        let message =
            RequestMessage { event_attributes: event_attributes.clone(), ..ana.message("") };
        if fits {
            ana.asks(message);
            assert_eq!(casey.newest().event_attributes, event_attributes);
            ana.asks(notice);
            assert_eq!(casey.newest().event_attributes, event_attributes);
        } else {
            ana.is_refused(ErrorId::LimitReached, message);
            ana.is_refused(ErrorId::LimitReached, notice);
        }
    }
}

#[test]
fn a_new_name_is_nobodys_business_before_its_notice_is_saved() {
    // B7.3, B20.1
    let center = Center::open();
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    casey.creates();
    ana.joins(&casey);
    center.store_stalls();
    ana.sends(ana.notice(UserUpdateNick, "Anna"));
    ana.sends(ana.notice(UserUpdateNick, "Annabel"));
    center.passes(Duration::from_secs(1));
    // Flex views show the newest name on every event, so one is asked for now.
    assert_eq!(casey.name_of(&ana.id()).as_deref(), Some("Ana"));
    let sue = center.supervisor("Sue");
    let join = sue.sends(sue.join(&casey));
    center.passes(Duration::from_millis(500));
    assert_eq!(sue.answer(join), None);
    center.store_resumes();
    // The record has the names in the order they came, and the newParty the last one.
    let world = center.world();
    let record = world.store.records.values().next().expect("a record");
    let party = record.events.values().find(|event| event.user_id == ana.id()).expect("Ana's");
    let name = party.party.as_ref().map(|party| party.user_nickname.reveal().as_str().to_owned());
    assert_eq!(name.as_deref(), Some("Annabel"));
    let EventBody::NewParty(body) = &party.body else { panic!("a newParty") };
    let original = body.user_data.as_ref().and_then(|data| data.text("GCTI_Original_Nickname"));
    assert_eq!(original.as_deref(), Some("Ana"));
}

#[test]
fn a_typing_notice_is_answered_with_its_event_whatever_comes_behind_it() {
    // B7.8, B5.4: a message that overtakes it while a save is under way does not take its answer away.
    let center = Center::open();
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    casey.creates();
    ana.joins(&casey);
    ana.looks_away();
    casey.looks_away();
    center.store_stalls();
    ana.sends(ana.message("one"));
    let typing = ana.sends(ana.notice(UserTypingStarted, "two"));
    ana.sends(ana.message("two"));
    center.passes(Duration::from_secs(1));
    center.store_resumes();
    let Some(Ok(Event::EventSessionInfo(info))) = ana.answer(typing) else { panic!("an answer") };
    assert_eq!(info.chat_transcript.events.len(), 1, "the sender learns its event's id");
    casey.sees(["Ana: one", "Ana USER_TYPING_STARTED", "Ana: two"]);
    // It is gone for whoever comes later.
    let sue = center.supervisor("Sue");
    sue.joins(&casey);
    sue.sees(["Casey comes", "Ana comes", "Ana: one", "Ana: two", "Sue comes"]);
}
