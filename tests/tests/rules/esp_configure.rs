//! What the workflow changes in a session that goes on: its inactivity control (B11.6, B14.6) and
//! its async control (B14.7). Its language is for `languages.rs`.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use confer_core::ask::{Interaction, Request};
use confer_core::frame::basic::RequestRegister;
use confer_core::frame::{ErrorId, EventBody, NoticeType, TranscriptEvent, UserType, Visibility};
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, create, kv, register};
use confer_tests::people::visitor::{Customer, lines, login};
use confer_tests::people::workflow::Workflow;

const SECOND: Duration = Duration::from_secs(1);

const ENABLED: (&str, &str, &str) = ("inactivity-control", "enabled", "true");
const SET: &str = "System IDLE_CONTROL_SET: ";
const ALERT: &str = "System IDLE_CONTROL_ALERT: Chat session will be closed soon due to inactivity \
                     of chat participants.";
const CLOSE: &str =
    "System IDLE_CONTROL_CLOSE: Chat session closed due to inactivity of chat participants.";

/// A workflow, and a customer and an agent in a session, who have seen each other come.
fn three(center: &Center) -> (Workflow, Desk, Desk) {
    let (workflow, casey, ana) =
        (Workflow::new(center), center.customer("Casey"), center.agent("Ana"));
    casey.creates();
    ana.joins(&casey);
    casey.looks_away();
    ana.looks_away();
    (workflow, casey, ana)
}

/// Whoever the session is of, alone in an async one.
fn alone(center: &Center) -> (Workflow, Desk) {
    let (workflow, casey) = (Workflow::new(center), center.customer("Casey"));
    let mut request = create();
    request.user_data = Some(kv([("GCTI_Chat_AsyncMode", "true")]));
    casey.asks(request);
    casey.looks_away();
    (workflow, casey)
}

#[track_caller]
fn configures(workflow: &Workflow, of: &Desk, parameters: &[(&str, &str)]) {
    let outputs = workflow.calls(&of.session(), "IdleControlConfigure", parameters);
    assert!(outputs.expect("granted").text("OccuredAt").is_some());
}

/// What the interaction was told under this key, in order, its submission included.
fn told(center: &Center, key: &str) -> Vec<String> {
    let properties = |request: Request| match request {
        Request::Interaction(
            Interaction::Submit { properties, .. } | Interaction::Change { properties, .. },
        ) => properties.text(key).map(std::borrow::Cow::into_owned),
        _ => None,
    };
    center.asked().into_iter().filter_map(properties).collect()
}

fn settings(event: &TranscriptEvent) -> Vec<(String, String)> {
    let EventBody::Notice(notice) = &event.body else { panic!("{event:?}") };
    assert_eq!(notice.notice_type.known(), Some(NoticeType::IdleControlSet));
    let data = notice.user_data.as_ref().expect("the settings");
    data.into_iter()
        .map(|entry| (entry.key.to_string(), data.text(&entry.key).expect("a text").into_owned()))
        .collect()
}

#[test]
fn b14_6_everything_can_be_changed_and_is_felt_at_once() {
    let center = Center::open();
    let (workflow, casey, ana) = three(&center);
    center.passes(SECOND * 1000);
    configures(
        &workflow,
        &casey,
        &[
            ("enabled", "true"),
            ("include-notices", "all"),
            ("message-alert", "Casey?"),
            ("message-alert2", "Casey!"),
            ("message-close", "Bye."),
            ("timeout-alert", "10"),
            ("timeout-alert2", "20"),
            ("timeout-close", "30"),
        ],
    );
    casey.sees(["System comes", SET]);
    ana.sees(["System comes", SET]);
    center.passes(SECOND * 9);
    // B11.4: `all` counts it.
    casey.notifies(NoticeType::UserTypingStopped, "");
    casey.looks_away();
    center.passes(SECOND * 9);
    casey.sees_nothing();
    center.passes(SECOND * 2);
    casey.sees(["System IDLE_CONTROL_ALERT: Casey?"]);
    center.passes(SECOND * 18);
    casey.sees_nothing();
    center.passes(SECOND * 2);
    casey.sees(["System IDLE_CONTROL_ALERT: Casey!"]);
    center.passes(SECOND * 30);
    casey.sees(["System IDLE_CONTROL_CLOSE: Bye.", "Casey goes, 7", "Ana goes, 7", "closed"]);
    let closed = workflow.calls(&casey.session(), "IdleControlConfigure", &[("enabled", "true")]);
    assert_eq!(closed, Err(ErrorId::SessionClosed));
}

#[test]
fn b14_6_a_call_restarts_the_timers_even_if_it_changes_nothing() {
    let center = Center::with(&[ENABLED]);
    let (workflow, casey, _ana) = three(&center);
    center.passes(SECOND * 250);
    for parameters in [[("timeout-alert", "255")], [("reset-parameters", "true")]] {
        configures(&workflow, &casey, &parameters);
        center.passes(SECOND * 250);
        // Nothing else is in force than before, so nobody is told.
        casey.sees_nothing();
    }
    center.passes(SECOND * 10);
    casey.sees(["System comes", ALERT]);
    // Another session is as it was configured.
    configures(&workflow, &casey, &[("enabled", "yes")]);
    let (_, kim, _) = three(&center);
    center.passes(SECOND * 256);
    kim.sees(["System comes", ALERT]);
    // `yes` is not true.
    casey.sees([SET]);
}

#[test]
fn b14_6_a_reset_comes_before_the_others() {
    let center = Center::with(&[ENABLED]);
    let (workflow, casey, _ana) = three(&center);
    configures(&workflow, &casey, &[("timeout-alert", "10"), ("timeout-close", "10")]);
    casey.sees(["System comes", SET]);
    configures(&workflow, &casey, &[("timeout-close", "20"), ("reset-parameters", "true")]);
    casey.sees([SET]);
    center.passes(SECOND * 254);
    casey.sees_nothing();
    center.passes(SECOND * 2);
    casey.sees([ALERT]);
    center.passes(SECOND * 18);
    casey.sees_nothing();
    center.passes(SECOND * 2);
    casey.sees([CLOSE, "Casey goes, 7", "Ana goes, 7", "closed"]);
}

#[test]
fn b14_6_a_bad_value_changes_nothing() {
    let center = Center::with(&[ENABLED]);
    let (workflow, casey, _ana) = three(&center);
    center.passes(SECOND * 200);
    let long = "x".repeat(65_536);
    for (parameters, error) in [
        (&[][..], ErrorId::Malformed),
        (&[("timeout", "10")], ErrorId::Malformed),
        (&[("timeout-close", "10"), ("timeout-alert", "0")], ErrorId::Malformed),
        (&[("timeout-alert", "10"), ("timeout-close", "86401")], ErrorId::Malformed),
        (&[("timeout-alert", "10"), ("timeout-alert2", "x")], ErrorId::Malformed),
        (&[("timeout-alert", "10"), ("include-notices", "some")], ErrorId::Malformed),
        (&[("timeout-alert", "10"), ("message-alert", &long)], ErrorId::TextTooLong),
    ] {
        let outcome = workflow.calls(&casey.session(), "IdleControlConfigure", parameters);
        assert_eq!(outcome, Err(error), "{parameters:?}");
    }
    casey.sees_nothing();
    // Not even the timers were restarted.
    center.passes(SECOND * 56);
    casey.sees(["System comes", ALERT]);
}

#[test]
fn b11_6_participants_are_told_what_is_in_force() {
    // B6.1: from version 103 on; user data on flex from 104 on.
    let center = Center::with(&[ENABLED, ("inactivity-control", "timeout-close", "7")]);
    let (workflow, casey, ana) = three(&center);
    let version = |nickname, version| RequestRegister {
        client_version: Some(version),
        ..register(nickname, UserType::Agent)
    };
    let (old, older) = (center.someone(version("Old", 103)), center.someone(version("Older", 102)));
    old.joins(&casey);
    older.joins(&casey);
    let customers = [103, 104].map(|version| {
        let customer = Customer::new(&center);
        customer.asks(login("Kim", Some(version)));
        customer.joins(&casey.session());
        customer
    });
    ana.looks_away();
    old.looks_away();
    older.looks_away();
    configures(&workflow, &casey, &[("timeout-alert", "300"), ("include-notices", "none")]);
    ana.sees(["System comes", SET]);
    old.sees(["System comes", SET]);
    older.sees_nothing();
    let expected = [
        ("enabled", "true"),
        ("timeout-alert", "300"),
        ("timeout-alert2", "0"),
        ("timeout-close", "7"),
        ("include-notices", "none"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(settings(&ana.newest()), expected);
    let told = customers.map(|customer| {
        let seen = customer.polls();
        assert_eq!(lines(&seen).last().map(String::as_str), Some(SET));
        let transcript = seen.chat_transcript.expect("a transcript");
        // B11.5: what was set counts already.
        assert_eq!(transcript.idle_time_expire, Some(307));
        transcript.events.last().expect("an event").clone()
    });
    let EventBody::Notice(notice) = &told[0].body else { panic!("{told:?}") };
    assert_eq!(notice.user_data, None);
    assert_eq!(settings(&told[1]), expected);
    // A text is a setting too.
    configures(&workflow, &casey, &[("message-close", "")]);
    ana.sees([SET]);
}

#[test]
fn b11_6_overrides_beat_the_options_whenever_these_change() {
    let center = Center::with(&[ENABLED]);
    let (workflow, casey, _ana) = three(&center);
    configures(&workflow, &casey, &[("timeout-alert", "10"), ("message-alert", "Casey?")]);
    center.reconfigure(&[
        ENABLED,
        ("inactivity-control", "timeout-alert", "20"),
        ("inactivity-control", "timeout-close", "30"),
        ("inactivity-control", "message-alert", "Anybody?"),
        ("inactivity-control", "message-close", "Over."),
    ]);
    casey.says("here");
    casey.looks_away();
    center.passes(SECOND * 11);
    casey.sees(["System IDLE_CONTROL_ALERT: Casey?"]);
    center.passes(SECOND * 28);
    casey.sees_nothing();
    center.passes(SECOND * 2);
    casey.sees(["System IDLE_CONTROL_CLOSE: Over.", "Casey goes, 7", "Ana goes, 7", "closed"]);

    // A session that was switched off stays so.
    let (workflow, casey, _ana) = three(&center);
    configures(&workflow, &casey, &[("enabled", "false")]);
    casey.looks_away();
    casey.says("here");
    casey.looks_away();
    center.passes(SECOND * 1000);
    casey.sees_nothing();
}

#[test]
fn b11_6_the_option_is_felt_at_the_next_activity_or_expiry() {
    let center = Center::open();
    let (_, casey, ana) = three(&center);
    center.reconfigure(&[ENABLED]);
    // What is no activity does not start it.
    ana.says_as(Visibility::Int, "to colleagues");
    center.passes(SECOND * 1000);
    casey.sees_nothing();
    ana.says("hello");
    casey.looks_away();
    center.passes(SECOND * 256);
    casey.sees(["System comes", ALERT]);
    // Off: neither the next expiry nor any after it does anything.
    center.reconfigure(&[]);
    center.passes(SECOND * 1000);
    casey.sees_nothing();
    // On, and off again before the next activity.
    center.reconfigure(&[ENABLED]);
    center.reconfigure(&[]);
    ana.says("hello");
    casey.looks_away();
    center.passes(SECOND * 1000);
    casey.sees_nothing();
}

#[test]
fn b14_7_an_async_control_is_restarted() {
    let center = Center::with(&[
        ("settings", "async-idle-alert", "1000"),
        ("settings", "async-idle-close", "100"),
    ]);
    let (workflow, casey) = alone(&center);
    let resets =
        || workflow.calls(&casey.session(), "ConfigureSession", &[("async-idle-reset", "1")]);
    center.passes(SECOND * 900);
    assert!(resets().expect("granted").text("OccuredAt").is_some());
    // B12.4: the workflow looks for it later too.
    assert_eq!(
        told(&center, "GCTI_Chat_AsyncCheckAt"),
        ["2024-01-15T10:19:20Z", "2024-01-15T10:34:20Z"]
    );
    center.passes(SECOND * 999);
    casey.sees_nothing();
    center.passes(SECOND * 2);
    casey.sees(["System comes", ALERT]);
    // The close is put off as well.
    center.passes(SECOND * 90);
    resets().expect("granted");
    center.passes(SECOND * 999);
    casey.sees_nothing();
    center.passes(SECOND * 2);
    casey.sees([ALERT]);
    assert_eq!(told(&center, "GCTI_Chat_AsyncStatus"), ["1", "3"]);

    // B12.3: with an agent there, it is as if something happened.
    let ana = center.agent("Ana");
    ana.joins(&casey);
    center.passes(SECOND * 1001);
    resets().expect("granted");
    assert_eq!(told(&center, "GCTI_Chat_AsyncStatus"), ["1", "3", "-1", "3", "-1"]);
}

#[test]
fn b14_7_what_cannot_be_configured() {
    let center = Center::open();
    let (workflow, casey) = alone(&center);
    let long = "x".repeat(256);
    for parameters in [
        &[][..],
        &[("async-idle-reset", "true")],
        &[("async-idle-reset", "0"), ("GCTI_LanguageCode", "de")],
        &[("GCTI_LanguageName", &long)],
        &[("language", "de")],
    ] {
        let outcome = workflow.calls(&casey.session(), "ConfigureSession", parameters);
        assert_eq!(outcome, Err(ErrorId::Malformed), "{parameters:?}");
    }
    let (_, kim, _) = three(&center);
    let outcome = workflow.calls(&kim.session(), "ConfigureSession", &[("async-idle-reset", "1")]);
    assert_eq!(outcome, Err(ErrorId::AsyncOnly));
    let nowhere = confer_core::id::SessionId::new("0000000000000000");
    for method in ["ConfigureSession", "IdleControlConfigure"] {
        let outcome = workflow.calls(&nowhere, method, &[("enabled", "true")]);
        assert_eq!(outcome, Err(ErrorId::NoSuchSession));
    }
    casey.sees_nothing();
}

#[test]
fn b14_8_parameters_may_be_lists_in_words() {
    // B14.8
    let center = Center::open();
    let (workflow, casey, _ana) = three(&center);
    let json = r#"{"structured-content": {"chat": {"type": "quick-replies",
        "content": "{\"type\":\"Message\",\"text\":\"你好 👋\"}"}}, "n": 7}"#;
    for (value, path, expected) in [
        (
            "general-properties.related-event-id:1|x:y",
            ["general-properties", "related-event-id"],
            "1",
        ),
        (json, ["structured-content", "chat"], "quick-replies"),
    ] {
        let message = [("MessageText", "Hello"), ("{l}EventAttributes", value)];
        workflow.calls(&casey.session(), "Message", &message).expect("granted");
        let attributes = casey.newest().event_attributes.expect("attributes");
        let inside = attributes.list(path[0]).expect("a list");
        let found = inside.text(path[1]).or_else(|| inside.list(path[1])?.text("type"));
        assert_eq!(found.as_deref(), Some(expected));
    }
    let content = casey.newest().event_attributes.expect("attributes");
    let content = content.list("structured-content").and_then(|list| list.list("chat"));
    let content = content.and_then(|list| list.text("content")).expect("content");
    assert_eq!(content, r#"{"type":"Message","text":"你好 👋"}"#);
    casey.looks_away();
    // What only the server writes cannot be written so either (B7.7), nor what is no JSON.
    let forged = [("MessageText", "Hello"), ("{l}EventAttributes", "GCTI_SYSTEM.forged:yes")];
    workflow.calls(&casey.session(), "Message", &forged).expect("granted");
    assert_eq!(casey.newest().event_attributes, None);
    casey.looks_away();
    for wrong in ["x", "{\"a\":}", "[1]", "structured-content.chat.content:{"] {
        let message = [("MessageText", "Hello"), ("{l}EventAttributes", wrong)];
        let outcome = workflow.calls(&casey.session(), "Message", &message);
        assert_eq!(outcome, Err(ErrorId::Malformed), "{wrong}");
    }
    // One that nobody looks at must make sense all the same.
    let spare = [("MessageText", "Hello"), ("{l}Other", "x")];
    assert_eq!(workflow.calls(&casey.session(), "Message", &spare), Err(ErrorId::Malformed));
    casey.sees_nothing();
}
