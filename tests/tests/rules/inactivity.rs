//! Inactivity control, regular and async (§11 and §12 of the behaviour), as people live it.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use confer_core::ask::{Interaction, Request};
use confer_core::frame::{AfterAction, ErrorId, NoticeType, UserType, Visibility};
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, create, kv, register};
use confer_tests::people::workflow::Workflow;

const SECOND: Duration = Duration::from_secs(1);

const ENABLED: (&str, &str, &str) = ("inactivity-control", "enabled", "true");
const ALERT: &str = "System IDLE_CONTROL_ALERT: Chat session will be closed soon due to inactivity \
                     of chat participants.";
const CLOSE: &str =
    "System IDLE_CONTROL_CLOSE: Chat session closed due to inactivity of chat participants.";

/// A customer and an agent in a session, who have seen each other come.
fn two(center: &Center) -> (Desk, Desk) {
    let casey = center.customer("Casey");
    let ana = center.agent("Ana");
    casey.creates();
    ana.joins(&casey);
    casey.looks_away();
    ana.looks_away();
    (casey, ana)
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

#[test]
fn silence_is_announced_and_then_ends_the_session() {
    // B11.1, B11.2: 255 s, then 45 s more.
    let center = Center::with(&[ENABLED]);
    let (casey, ana) = two(&center);
    center.passes(SECOND * 254);
    casey.sees_nothing();
    center.passes(SECOND * 2);
    casey.sees(["System comes", ALERT]);
    ana.sees(["System comes", ALERT]);
    center.passes(SECOND * 43);
    casey.sees_nothing();
    center.passes(SECOND * 2);
    casey.sees([CLOSE, "Casey goes, 7", "Ana goes, 7", "closed"]);
    ana.sees([CLOSE, "Casey goes, 7", "Ana goes, 7", "closed"]);
}

#[test]
fn a_second_alert_comes_between_if_there_is_one() {
    // B11.2
    let center = Center::with(&[ENABLED, ("inactivity-control", "timeout-alert2", "30")]);
    let (casey, _) = two(&center);
    center.passes(SECOND * 256);
    casey.sees(["System comes", ALERT]);
    center.passes(SECOND * 30);
    casey.sees(["System IDLE_CONTROL_ALERT: Chat session will be closed very soon due to \
                 inactivity of chat participants."]);
    center.passes(SECOND * 45);
    casey.sees([CLOSE, "Casey goes, 7", "Ana goes, 7", "closed"]);
}

#[test]
fn an_empty_text_says_nothing_and_the_timer_runs() {
    // B11.3
    let center = Center::with(&[
        ENABLED,
        ("inactivity-control", "message-alert", ""),
        ("inactivity-control", "message-close", ""),
    ]);
    let (casey, _) = two(&center);
    center.passes(SECOND * 299);
    casey.sees_nothing();
    center.passes(SECOND * 2);
    casey.sees(["Casey goes, 7", "Ana goes, 7", "closed"]);
}

#[test]
fn it_runs_only_while_customer_and_agent_are_there() {
    // B11.1: bots, coaches and monitors are no agents.
    let center = Center::with(&[ENABLED]);
    let casey = center.customer("Casey");
    let coach = center.agent("Coach");
    let boss = center.supervisor("Boss");
    let bot = center.agent("Bot");
    casey.creates();
    coach.joins_as(Visibility::Int, &casey);
    boss.joins_as(Visibility::Vip, &casey);
    let mut join = bot.join(&casey);
    join.user_data = Some(kv([("GCTI_Chat_SetPartyStyle", "BOT")]));
    bot.asks(join);
    center.passes(SECOND * 1000);
    let ana = center.agent("Ana");
    ana.joins(&casey);
    casey.looks_away();
    center.passes(SECOND * 200);
    ana.leaves(AfterAction::KeepAlive);
    casey.looks_away();
    center.passes(SECOND * 1000);
    casey.sees_nothing();

    // And not at all unless it is switched on.
    let center = Center::open();
    let (casey, _) = two(&center);
    center.passes(SECOND * 1000);
    casey.sees_nothing();
}

#[test]
fn what_everybody_sees_is_activity_and_the_rest_is_not() {
    // B11.4
    let restarts = |options: &[(&str, &str, &str)], act: &dyn Fn(&Desk, &Desk)| {
        let mut options = options.to_vec();
        options.push(ENABLED);
        let center = Center::with(&options);
        let (casey, ana) = two(&center);
        center.passes(SECOND * 200);
        act(&casey, &ana);
        casey.looks_away();
        center.passes(SECOND * 100);
        let alerted = casey.events().iter().any(|event| {
            event.party.as_ref().and_then(|party| party.user_type.known()) == Some(UserType::System)
        });
        !alerted
    };
    let notices = |value| [("inactivity-control", "include-notices", value)];
    assert!(restarts(&[], &|casey, _| {
        casey.says("still here");
    }));
    assert!(restarts(&[], &|_, ana| {
        ana.says("me too");
    }));
    assert!(!restarts(&[], &|_, ana| {
        ana.says_as(Visibility::Int, "to colleagues");
    }));
    assert!(!restarts(&[], &|casey, ana| {
        ana.whispers(casey, "between us");
    }));
    let pushed = |_: &Desk, ana: &Desk| {
        ana.notifies(NoticeType::UserPushedUrl, "https://example.com/");
    };
    let custom = |_: &Desk, ana: &Desk| {
        ana.notifies(NoticeType::UserCustom, "x");
    };
    let typing = |casey: &Desk, _: &Desk| {
        casey.notifies(NoticeType::UserTypingStarted, "x");
    };
    let stopped = |casey: &Desk, _: &Desk| {
        casey.notifies(NoticeType::UserTypingStopped, "");
    };
    for (value, expected) in [
        ("none", [false, false, false, false]),
        ("major", [true, false, false, false]),
        ("major2", [true, true, false, false]),
        ("typing", [true, false, true, false]),
        ("all", [true, true, true, true]),
    ] {
        let restarted = [
            restarts(&notices(value), &pushed),
            restarts(&notices(value), &custom),
            restarts(&notices(value), &typing),
            restarts(&notices(value), &stopped),
        ];
        assert_eq!(restarted, expected, "{value}");
    }
}

#[test]
fn the_head_says_how_long_it_may_be_silent() {
    // B11.5
    let center = Center::with(&[ENABLED]);
    let casey = center.customer("Casey");
    let ana = center.agent("Ana");
    casey.creates();
    assert_eq!(ana.joins(&casey).chat_transcript.idle_time_expire, Some(300));
    center.passes(SECOND * 100);
    let info = ana.asks(ana.notice(NoticeType::UserTypingStarted, ""));
    assert_eq!(info.chat_transcript.idle_time_expire, Some(200));
    let info = ana.asks(ana.message("now"));
    assert_eq!(info.chat_transcript.idle_time_expire, Some(300));
    let info = ana.leaves(AfterAction::KeepAlive);
    assert_eq!(info.chat_transcript.idle_time_expire, None);
}

#[test]
fn switching_it_off_is_felt_at_the_next_expiry() {
    // B11.6
    let center = Center::with(&[ENABLED]);
    let (casey, _) = two(&center);
    center.passes(SECOND * 100);
    center.reconfigure(&[]);
    center.passes(SECOND * 1000);
    casey.sees_nothing();
}

#[test]
fn an_async_session_is_watched_from_its_creation() {
    // B12.1, B12.2: agent or not.
    let center = Center::with(&[
        ("settings", "async-idle-alert", "1000"),
        ("settings", "async-idle-close", "100"),
    ]);
    let casey = center.someone(register("Casey", UserType::Client));
    let mut request = create();
    request.user_data = Some(kv([("GCTI_Chat_AsyncMode", "true")]));
    casey.asks(request);
    casey.looks_away();
    center.passes(SECOND * 999);
    casey.says("is anybody there?");
    casey.looks_away();
    center.passes(SECOND * 999);
    casey.sees_nothing();
    center.passes(SECOND * 2);
    casey.sees(["System comes", ALERT]);
    center.passes(SECOND * 100);
    casey.sees([CLOSE, "Casey goes, 7", "closed"]);
    assert_eq!(told(&center, "GCTI_Chat_AsyncStatus"), ["1", "3"]);
}

#[test]
fn the_interaction_is_told_where_an_async_session_stands() {
    // B12.3
    let center = Center::open();
    let casey = center.someone(register("Casey", UserType::Client));
    let mut request = create();
    request.user_data = Some(kv([("GCTI_Chat_AsyncMode", "true")]));
    casey.asks(request);
    let status = || told(&center, "GCTI_Chat_AsyncStatus");
    casey.says("hello?");
    assert_eq!(status(), ["1"], "1 stays while nobody came");

    let ana = center.agent("Ana");
    ana.joins(&casey);
    casey.says("how long will it take?");
    assert_eq!(status(), ["1", "-1"]);
    ana.leaves(AfterAction::KeepAlive);
    assert_eq!(status(), ["1", "-1", "-2"]);
    casey.says("any news?");
    casey.says("I wait");
    assert_eq!(status(), ["1", "-1", "-2", "2"]);

    let ben = center.agent("Ben");
    ben.joins(&casey);
    let mut release = ben.release(AfterAction::KeepAlive);
    release.user_data = Some(kv([("GCTI_Chat_LeaveReason", "transfer")]));
    ben.asks(release);
    assert_eq!(status()[4..], ["-1", "5"]);

    let caro = center.agent("Caro");
    caro.joins(&casey);
    caro.is_cut_off();
    center.settle();
    assert_eq!(status()[6..], ["-1", "4"]);
}

#[test]
fn the_workflow_is_told_when_to_look_again_and_not_too_often() {
    // B12.4: 86400 s and 3600 s and a minute after 2024-01-15T10:00:00Z.
    let center = Center::open();
    let casey = center.someone(register("Casey", UserType::Client));
    let mut request = create();
    request.user_data = Some(kv([("GCTI_Chat_AsyncMode", "true")]));
    casey.asks(request);
    let looks = || told(&center, "GCTI_Chat_AsyncCheckAt");
    assert_eq!(looks(), ["2024-01-16T11:01:00Z"]);
    for _ in 0..5 {
        casey.says("hello?");
    }
    assert_eq!(looks().len(), 1);
    center.passes(SECOND * 61);
    casey.says("hello?");
    casey.says("hello?");
    assert_eq!(looks().len(), 2);
}

#[test]
fn the_workflow_puts_an_async_session_on_hold() {
    // B14.3: async sessions only; −2 whatever stood there, and written only when it changes.
    let center = Center::open();
    let workflow = Workflow::new(&center);
    let casey = center.someone(register("Casey", UserType::Client));
    let mut request = create();
    request.user_data = Some(kv([("GCTI_Chat_AsyncMode", "true")]));
    casey.asks(request);
    let hold = || workflow.calls(&casey.session(), "PlaceOnHold", &[]);
    assert!(hold().is_ok_and(|outputs| outputs.text("OccuredAt").is_some()));
    assert!(hold().is_ok());
    assert_eq!(told(&center, "GCTI_Chat_AsyncStatus"), ["1", "-2"]);

    let other = center.customer("Kim");
    other.creates();
    assert_eq!(workflow.calls(&other.session(), "PlaceOnHold", &[]), Err(ErrorId::AsyncOnly));
}

#[test]
fn idle_notices_are_in_the_language_of_the_session() {
    // B16.2, B16.4: option by option; what the language does not say, the server says.
    let center = Center::with(&[
        ENABLED,
        ("languages.austrian", "name", "Austrian"),
        ("languages.austrian", "language", "DE"),
        ("languages.austrian", "country", "at"),
        ("languages.austrian", "message-alert", "Grüß Gott? 👋 Wir schließen bald."),
    ]);
    let casey = center.someone(register("Casey", UserType::Client));
    let ana = center.agent("Ana");
    let mut request = create();
    request.user_data = Some(kv([("GCTI_LanguageCode", "de_AT")]));
    casey.asks(request);
    ana.joins(&casey);
    casey.looks_away();
    center.passes(SECOND * 256);
    casey.sees(["System comes", "System IDLE_CONTROL_ALERT: Grüß Gott? 👋 Wir schließen bald."]);
    center.passes(SECOND * 45);
    casey.sees([CLOSE, "Casey goes, 7", "Ana goes, 7", "closed"]);
}
