//! Chats in which all three protocols meet.

use std::time::Duration;

use confer_core::frame::basic::RequestJoin;
use confer_core::frame::{AfterAction, ErrorId, EventBody, NoticeType, Visibility};
use confer_core::id::SessionId;
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, kv};
use confer_tests::people::visitor::{Customer, error, is_closed, lines, login};
use confer_tests::people::workflow::{Workflow, about};

fn join(session: &SessionId) -> RequestJoin {
    RequestJoin { session_id: Some(session.clone()), ..RequestJoin::default() }
}

/// Casey's session, and Ana in it.
fn with_ana(center: &Center) -> (Customer, Desk, SessionId) {
    let (casey, ana) = (Customer::new(center), center.agent("Ana"));
    let session = casey.starts_a_chat("Casey");
    ana.asks(join(&session));
    casey.polls();
    ana.looks_away();
    (casey, ana, session)
}

#[test]
fn a_chat_from_greeting_to_goodbye() {
    // B5.3, B8.5: one order of events for everybody, on every protocol.
    let center = Center::open();
    let (casey, workflow) = (Customer::hanging_up(&center), Workflow::new(&center));
    let (ana, sue) = (center.agent("Ana"), center.supervisor("Sue"));
    casey.logs_in("Casey");
    casey.asks(casey.join_with(None, None, Some("I need help")));
    let session = casey.look().session_id.clone().expect("a session");
    workflow.calls(&session, "Message", &[("MessageText", "Please wait")]).expect("greets");
    ana.asks(join(&session));
    casey.says("still there?");
    ana.says("how can I help?");
    sue.asks(RequestJoin { visibility: Some(Visibility::Int), ..join(&session) });
    sue.says("ask for the number");
    ana.says("your number, please");
    casey.types("47");
    casey.says("4711");
    workflow
        .calls(&session, "Message", &[("MessageText", "gold"), ("Visibility", "INT")])
        .expect("tells");
    ana.leaves(AfterAction::ForceClose);
    let end = casey.polls();
    assert!(is_closed(&end));
    assert_eq!(
        casey.seen(),
        [
            "Casey comes: I need help",
            "System comes",
            "System: Please wait",
            "Ana comes",
            "Casey: still there?",
            "Ana: how can I help?",
            "Ana: your number, please",
            "Casey USER_TYPING_STARTED: 47",
            "Casey: 4711",
            "Ana goes, 2",
            "Casey goes, 4",
        ]
    );
    ana.sees([
        "Casey comes: I need help",
        "System comes",
        "System: Please wait",
        "Ana comes",
        "Casey: still there?",
        "Ana: how can I help?",
        "Sue comes (INT)",
        "Sue: ask for the number (INT)",
        "Ana: your number, please",
        "Casey USER_TYPING_STARTED: 47",
        "Casey: 4711",
        "System comes (INT)",
        "System: gold (INT)",
        "Ana goes, 2",
        "Casey goes, 4 by Ana",
        "Sue goes, 4 by Ana (INT)",
        "closed",
    ]);
    assert_eq!(workflow.calls(&session, "GetSessionInfo", &[]), Err(ErrorId::SessionClosed));
}

#[test]
fn a_customer_counts_whom_it_may_see() {
    // wire §4.2, ParticipantNo; B3.3
    let center = Center::open();
    let (casey, ana, session) = with_ana(&center);
    let (coach, ben) = (center.agent("Coach"), center.agent("Ben"));
    coach.asks(RequestJoin { visibility: Some(Visibility::Int), ..join(&session) });
    ben.asks(join(&session));
    coach.says("psst");
    ben.says("hello");
    ana.leaves(AfterAction::KeepAlive);
    ana.asks(join(&session));
    ana.says("back");
    casey.polls();
    let numbers: Vec<_> = casey
        .look()
        .events
        .iter()
        .map(|event| {
            let name = event.party.as_ref().map(|party| party.user_nickname.reveal().to_string());
            (name.unwrap_or_default(), event.participant_no.unwrap_or_default())
        })
        .collect();
    let expected =
        [("Casey", 1), ("Ana", 2), ("Ben", 3), ("Ben", 3), ("Ana", 2), ("Ana", 4), ("Ana", 4)];
    assert_eq!(numbers, expected.map(|(name, number)| (name.to_owned(), number)));
}

#[test]
fn previews_are_for_agents() {
    // B7.2, B5.4
    let center = Center::open();
    let (casey, ana, session) = with_ana(&center);
    let dana = Customer::new(&center);
    dana.logs_in("Dana");
    dana.joins(&session);
    ana.looks_away();
    casey.types("my number is 47");
    ana.sees(["Casey USER_TYPING_STARTED: my number is 47"]);
    assert_eq!(lines(&dana.polls()), ["Casey USER_TYPING_STARTED"]);
    ana.notifies(NoticeType::UserTypingStarted, "have you tri");
    assert_eq!(lines(&dana.polls()), ["Ana USER_TYPING_STARTED"]);
    ana.notifies(NoticeType::UserTypingStopped, "have you tried");
    // Only the newest of each counts, and none once the words are there.
    let seen = casey.asks(casey.refresh(None, None));
    assert_eq!(
        lines(&seen)[2..],
        ["Dana comes", "Casey USER_TYPING_STARTED: my number is 47", "Ana USER_TYPING_STOPPED"]
    );
    casey.says("4711");
    let seen = dana.asks(dana.refresh(None, None));
    assert_eq!(lines(&seen)[2..], ["Dana comes", "Ana USER_TYPING_STOPPED", "Casey: 4711"]);
}

#[test]
fn a_new_nickname() {
    // B7.3, B3.8
    let center = Center::open();
    let (casey, ana, session) = with_ana(&center);
    casey.says("hello");
    ana.looks_away();
    casey.is_refused(ErrorId::Malformed, casey.notice(NoticeType::UserUpdateNick, "  "));
    let long = "x".repeat(256);
    casey.is_refused(ErrorId::Malformed, casey.notice(NoticeType::UserUpdateNick, &long));
    for name in [" Casey K. ", "CK"] {
        let renamed = casey.asks(casey.notice(NoticeType::UserUpdateNick, name));
        assert_eq!(error(&renamed), None);
    }
    ana.sees(["Casey USER_UPDATE_NICK:  Casey K. ", "Casey K. USER_UPDATE_NICK: CK"]);
    // On flex the newest name stands on old events, too.
    let again = casey.asks(casey.refresh(None, None));
    assert_eq!(
        lines(&again),
        [
            "CK comes",
            "Ana comes",
            "CK: hello",
            "CK USER_UPDATE_NICK:  Casey K. ",
            "CK USER_UPDATE_NICK: CK"
        ]
    );
    let ben = center.agent("Ben");
    let joined = ben.asks(join(&session));
    let first = &joined.chat_transcript.events[0];
    let EventBody::NewParty(new) = &first.body else { panic!("{first:?}") };
    assert_eq!(first.party.as_ref().map(|party| &**party.user_nickname.reveal()), Some("CK"));
    let data = new.user_data.as_ref().expect("user data");
    assert_eq!(data.text("GCTI_Original_Nickname").as_deref(), Some("Casey"));
}

#[test]
fn a_bot_shows_on_flex() {
    // B3.6
    let center = Center::open();
    let (casey, _ana, session) = with_ana(&center);
    let bot = center.agent("Bot");
    let style = Some(kv([("GCTI_Chat_SetPartyStyle", "BOT")]));
    bot.asks(RequestJoin { user_data: style.clone(), ..join(&session) });
    bot.says("beep");
    bot.notifies(NoticeType::UserCustom, "boop");
    bot.leaves(AfterAction::KeepAlive);
    let dana = Customer::new(&center);
    dana.logs_in("Dana");
    // A customer is none, whatever it says.
    dana.asks(dana.join_with(Some(session), style, None));
    casey.polls();
    for event in &casey.look().events {
        let name = event.party.as_ref().map(|party| party.user_nickname.reveal().to_string());
        let style = event.event_attributes.as_ref().and_then(|attributes| {
            let info = attributes.list("GCTI_SYSTEM")?.list("party-info")?.clone();
            info.text("style").map(std::borrow::Cow::into_owned)
        });
        let expected = (name.as_deref() == Some("Bot")).then_some("BOT");
        assert_eq!(style.as_deref(), expected, "{event:?}");
    }
    let bots = casey.seen().iter().filter(|line| line.starts_with("Bot")).count();
    assert_eq!(bots, 4);
}

#[test]
fn each_version_gets_what_it_knows() {
    // B6.1, B6.2
    let center = Center::open();
    let (_casey, ana, session) = with_ana(&center);
    let versions =
        [None, Some(101), Some(102), Some(103), Some(104), Some(105), Some(106), Some(200)];
    let customers = versions.map(|version| {
        let customer = Customer::new(&center);
        customer.asks(login("Dana", version));
        assert_eq!(error(&customer.joins(&session)), None);
        (version.unwrap_or(101), customer)
    });
    for (_, customer) in &customers {
        customer.polls();
    }
    let sue = center.supervisor("Sue");
    sue.asks(RequestJoin { visibility: Some(Visibility::Vip), ..join(&session) });
    let rich = Some(kv([("k", "v")]));
    let message = ana.message("words");
    ana.asks(confer_core::frame::basic::RequestMessage {
        user_data: rich.clone(),
        event_attributes: rich.clone(),
        ..message
    });
    let custom = ana.notice(NoticeType::UserCustom, "custom");
    ana.asks(confer_core::frame::basic::RequestNotify { user_data: rich, ..custom });
    ana.notifies(NoticeType::UserUpdateNick, "Anna");
    let words = ana.events().iter().map(|event| event.event_id).max().expect("events");
    ana.asks(ana.read_confirm(&words.to_string()));
    for (version, customer) in &customers {
        let status = customer.polls();
        let mut expected = vec!["Anna: words", "Anna USER_CUSTOM: custom"];
        if *version >= 102 {
            expected.push("Anna USER_UPDATE_NICK: Anna");
        }
        if *version >= 104 {
            expected.push("Anna SYS_COMMAND: read-confirm");
        }
        assert_eq!(lines(&status), expected, "version {version}");
        let transcript = status.chat_transcript.as_ref().expect("a transcript");
        assert_eq!(transcript.monitored, (*version >= 105).then_some(true), "version {version}");
        let EventBody::Message(message) = &transcript.events[0].body else { panic!() };
        assert_eq!(message.user_data, None, "on flex only notices have user data");
        assert_eq!(transcript.events[0].event_attributes.is_some(), *version >= 106);
        let EventBody::Notice(notice) = &transcript.events[1].body else { panic!() };
        assert_eq!(notice.user_data.is_some(), *version >= 104, "version {version}");
    }
    // What one's client does not know, one cannot say (B6.2).
    for (version, customer) in &customers {
        let renamed = customer.asks(customer.notify(NoticeType::UserUpdateNick, "Dana", None));
        let refused = (*version < 102).then_some(ErrorId::NoticeNotAllowed);
        assert_eq!(error(&renamed), refused, "version {version}");
    }
}

#[test]
fn a_silent_flex_connection_is_closed_and_a_used_one_is_not() {
    // B2.2
    let center = Center::open();
    let (silent, casey) = (Customer::new(&center), Customer::new(&center));
    // Even a request that is refused is one.
    casey.is_refused(ErrorId::NotInSession, casey.refresh(None, None));
    center.passes(Duration::from_secs(29));
    assert_eq!((silent.look().losses, casey.look().losses), (0, 0));
    center.passes(Duration::from_secs(2));
    assert_eq!((silent.look().losses, casey.look().losses), (1, 0));
}

#[test]
fn on_a_bad_day_everybody_sees_one_conversation() {
    // B5.3, B20.1, wire §4.2: whatever is lost, late or overtaken.
    confer_tests::seeds::each("bad days", confer_tests::cases(30, 5_000), |seed| {
        for auto_save in ["1", "0"] {
            let center = Center::seeded(
                seed,
                &[
                    ("settings", "transcript-auto-save", auto_save),
                    ("settings", "transcript-resend-delay", "1"),
                    ("settings", "transcript-resend-attempts", "1000"),
                    ("settings", "flex-disconnect-timeout", "3600"),
                ],
            );
            bad_day(&center);
        }
    });
}

fn bad_day(center: &Center) {
    let (casey, ana, session) = with_ana(center);
    let dana = Customer::hanging_up(center);
    dana.logs_in("Dana");
    dana.joins(&session);
    let workflow = Workflow::new(center);
    center.settle();
    center.turns_rough();
    for turn in 0..8 {
        let text = format!("{turn}");
        let who = center.world_mut().chance().below(5);
        match who {
            0 => drop(ana.sends(ana.message(&text))),
            1 => drop(workflow.sends(about(&session, "Message", &[("MessageText", &text)]))),
            2 => drop(casey.sends(casey.message(&text))),
            3 => drop(dana.sends(dana.message(&text))),
            _ => {
                casey.sends(casey.refresh(Some(casey.position()), None));
                dana.sends(dana.notice(NoticeType::UserTypingStarted, &text));
            }
        }
        let pause = center.world_mut().chance().below(900);
        center.passes(Duration::from_millis(pause));
    }
    center.passes(Duration::from_secs(600));
    center.world_mut().net = confer_tests::world::Net::calm();
    let everything = casey.asks(casey.refresh(None, None));
    let all = lines(&everything);
    for turn in 0..8 {
        let ends = format!(": {turn}");
        let said = all.iter().filter(|line| line.ends_with(&ends) && !line.contains("TYPING"));
        assert!(said.count() <= 1, "{all:?}");
    }
    dana.polls();
    assert_eq!(casey.look().unanswered() + dana.look().unanswered(), 0, "{}", center.world().log);
    // Live, in parts or at once: the same events in the same order.
    let lasting = |ids: Vec<(u32, String)>| {
        ids.into_iter().filter(|(_, line)| !line.contains("TYPING")).collect::<Vec<_>>()
    };
    let of = |customer: &Customer| {
        let visitor = customer.look();
        let with_id = |event| (confer_tests::people::visitor::line(event), event);
        let events = visitor.events.iter().map(with_id);
        lasting(events.map(|(line, event)| (event.event_id.number(), line)).collect())
    };
    let transcript = everything.chat_transcript.expect("a transcript");
    let ids: Vec<u32> = transcript.events.iter().map(|event| event.event_id.number()).collect();
    let whole: Vec<_> = lasting(ids.into_iter().zip(all).collect());
    assert_eq!(of(&casey), whole);
    assert_eq!(of(&dana), whole);
    let told: Vec<u32> = ana.events().iter().map(|event| event.event_id.number()).collect();
    for (id, line) in &whole {
        assert!(told.contains(id), "Ana was not told {line}");
    }
    let record = center.world().store.records[&session].events.len();
    if record > 0 {
        assert_eq!(record, whole.len(), "what was told is stored");
    }
}
