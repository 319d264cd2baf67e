//! The workflow's calls over ESP, and what people in the session get to see of them.

use std::time::Duration;

use confer_core::ask::{Record, Request as Ask};
use confer_core::frame::basic::RequestJoin;
use confer_core::frame::esp::Event;
use confer_core::frame::{
    AfterAction, ErrorId, EventBody, KvList, ProtocolType, UserType, Visibility,
};
use confer_core::id::SessionId;
use confer_tests::people::Center;
use confer_tests::people::desk::Desk;
use confer_tests::people::visitor::{Customer, is_closed, lines};
use confer_tests::people::workflow::{Workflow, about, call, number, text_list};

/// `session-linger`, and a little for the clock's ticks.
const LINGER: Duration = Duration::from_secs(61);

fn join(desk: &Desk, session: &SessionId, visibility: Visibility) {
    desk.asks(RequestJoin {
        session_id: Some(session.clone()),
        visibility: Some(visibility),
        ..RequestJoin::default()
    });
    desk.looks_away();
}

/// A workflow, and Casey's session, in which Casey is alone.
fn with_casey(center: &Center) -> (Workflow, Customer, SessionId) {
    let (workflow, casey) = (Workflow::new(center), Customer::new(center));
    let session = casey.starts_a_chat("Casey");
    (workflow, casey, session)
}

#[test]
fn a_workflow_greets() {
    // B14.1, B5.1
    let center = Center::open();
    let (workflow, casey, session) = with_casey(&center);
    let greeting = [("MessageText", "Welcome!"), ("Nickname", "Robby"), ("MessageType", "text")];
    let outputs = workflow.calls(&session, "Message", &greeting).expect("greets");
    // The newParty is event 2, the message 3; ScriptPos counts from 0.
    assert_eq!(number(&outputs, "ScriptPos"), 2);
    let again = workflow.calls(&session, "Message", &greeting).expect("greets again");
    assert_eq!(number(&again, "ScriptPos"), 3);
    let seen = casey.polls();
    assert_eq!(lines(&seen), ["Robby comes", "Robby: Welcome!", "Robby: Welcome!"]);
    let events = &seen.chat_transcript.as_ref().unwrap().events;
    let EventBody::NewParty(robby) = &events[0].body else { panic!("{:?}", events[0]) };
    assert_eq!(robby.protocol_type.known(), Some(ProtocolType::Esp));
    let party = events[0].party.as_ref().expect("a party");
    assert_eq!(party.user_type.known(), Some(UserType::External));
    // The second participation of those a CLIENT may see.
    assert!(events.iter().all(|event| event.participant_no == Some(2)));
    assert!(events.iter().all(|event| event.user_id == events[0].user_id));
    let EventBody::Message(message) = &events[1].body else { panic!("{:?}", events[1]) };
    assert_eq!(message.message_type.as_deref(), Some("text"));
}

#[test]
fn one_voice_for_each_name_and_visibility() {
    // B14.1, B3.3
    let center = Center::open();
    let (workflow, casey, session) = with_casey(&center);
    let (ana, sue) = (center.agent("Ana"), center.supervisor("Sue"));
    join(&ana, &session, Visibility::All);
    join(&sue, &session, Visibility::All);
    ana.looks_away();
    casey.polls();
    for (nickname, visibility) in [
        ("System", "ALL"),
        ("System", "INT"),
        ("Other", "INT"),
        ("System", "VIP"),
        ("System", "INT"),
    ] {
        let message =
            [("MessageText", visibility), ("Nickname", nickname), ("Visibility", visibility)];
        workflow.calls(&session, "Message", &message).expect("speaks");
    }
    // No nickname is System, and no visibility is ALL.
    workflow.calls(&session, "Message", &[("MessageText", "plain")]).expect("speaks");
    assert_eq!(lines(&casey.polls()), ["System comes", "System: ALL", "System: plain"]);
    ana.sees([
        "System comes",
        "System: ALL",
        "System comes (INT)",
        "System: INT (INT)",
        "Other comes (INT)",
        "Other: INT (INT)",
        "System: INT (INT)",
        "System: plain",
    ]);
    sue.sees([
        "System comes",
        "System: ALL",
        "System comes (INT)",
        "System: INT (INT)",
        "Other comes (INT)",
        "Other: INT (INT)",
        "System comes (VIP)",
        "System: VIP (VIP)",
        "System: INT (INT)",
        "System: plain",
    ]);
}

#[test]
fn a_voice_neither_stays_nor_leaves() {
    // B8.4, B8.5, B14.1
    let center = Center::open();
    let (workflow, casey, session) = with_casey(&center);
    workflow.calls(&session, "Message", &[("MessageText", "hello")]).expect("speaks");
    casey.polls();
    let end = casey.logs_out();
    assert_eq!((lines(&end), is_closed(&end)), (vec!["Casey goes".to_owned()], true));
}

#[test]
fn a_workflow_gives_notices() {
    // B14.2, B7.1, B5.1
    let center = Center::open();
    let (workflow, casey, session) = with_casey(&center);
    let push = [("NoticeType", "USER_PUSHED_URL"), ("NoticeText", "https://example.com/a?b#c")];
    let outputs = workflow.calls(&session, "Notice", &push).expect("pushes");
    assert_eq!(number(&outputs, "ScriptPos"), 2);
    let custom = [("NoticeType", "USER_CUSTOM"), ("NoticeText", "anything"), ("Nickname", "Robby")];
    let outputs = workflow.calls(&session, "Notice", &custom).expect("notifies");
    assert_eq!(number(&outputs, "ScriptPos"), 4);
    for wrong in [
        &[("NoticeType", "USER_PUSHED_URL"), ("NoticeText", "example.com")][..],
        &[("NoticeType", "USER_TYPING_STARTED"), ("NoticeText", "x")],
        &[("NoticeText", "x")],
        &[("NoticeType", "USER_CUSTOM"), ("NoticeText", "x"), ("Visibility", "ME")],
        &[("NoticeType", "USER_CUSTOM"), ("NoticeText", "x"), ("Nickname", "  ")],
    ] {
        assert_eq!(workflow.calls(&session, "Notice", wrong), Err(ErrorId::Malformed), "{wrong:?}");
    }
    assert_eq!(
        lines(&casey.polls()),
        [
            "System comes",
            "System USER_PUSHED_URL: https://example.com/a?b#c",
            "Robby comes",
            "Robby USER_CUSTOM: anything"
        ]
    );
}

#[test]
fn event_attributes_travel_and_the_servers_own_do_not() {
    // B14.1, B14.2, B7.7
    let center = Center::open();
    let (workflow, casey, session) = with_casey(&center);
    for (method, what) in
        [("Message", ("MessageText", "x")), ("Notice", ("NoticeType", "USER_CUSTOM"))]
    {
        let mut parameters = text_list(&[what]);
        parameters.push("InteractionId", session.as_str());
        parameters.push(
            "EventAttributes",
            KvList::from([
                ("GCTI_SYSTEM", text_list(&[("forged", "yes")]).into()),
                ("general-properties", text_list(&[("related-event-id", "1")]).into()),
            ]),
        );
        workflow.makes(call("Chat", method, parameters, None)).expect("granted");
        let seen = casey.polls();
        let attributes = seen.chat_transcript.as_ref().unwrap().events.last().unwrap();
        let attributes = attributes.event_attributes.clone().expect("attributes");
        assert_eq!(attributes.len(), 1);
        let related =
            attributes.list("general-properties").and_then(|list| list.text("related-event-id"));
        assert_eq!(related.as_deref(), Some("1"));
    }
}

#[test]
fn calls_that_make_no_sense() {
    // §14
    let center = Center::open();
    let (workflow, casey, session) = with_casey(&center);
    let with_id = || text_list(&[("InteractionId", session.as_str()), ("MessageText", "x")]);
    let malformed = Err(ErrorId::Malformed);
    assert_eq!(workflow.makes(call("Mail", "Message", with_id(), None)), malformed);
    assert_eq!(workflow.makes(call("Chat", "Massage", with_id(), None)), malformed);
    assert_eq!(workflow.makes(call("Chat", "message", with_id(), None)), malformed);
    assert_eq!(
        workflow.makes(call("Chat", "Message", text_list(&[("MessageText", "x")]), None)),
        malformed
    );
    assert_eq!(workflow.calls(&session, "Message", &[]), malformed);
    let nowhere = SessionId::new("0000000000000000");
    for method in ["Message", "Notice", "CloseSession", "GetSessionInfo"] {
        assert_eq!(
            workflow.calls(&nowhere, method, &[("MessageText", "x")]),
            Err(ErrorId::NoSuchSession)
        );
    }
    // A fault repeats what was called (wire §4.3).
    for frame in workflow.answers() {
        let Event::Event3rdServerFault(fault) = frame.body else { panic!("{frame:?}") };
        assert_eq!(&*fault.version, "1.0");
        assert!(!fault.service.is_empty() && !fault.method.is_empty());
    }
    let long = "x".repeat(65_536);
    let message = [("MessageText", long.as_str())];
    assert_eq!(workflow.calls(&session, "Message", &message), Err(ErrorId::TextTooLong));
    assert_eq!(lines(&casey.polls()), [""; 0]);
}

#[test]
fn the_interaction_of_a_call() {
    // §14, B14.9: in the parameters, else in the user data; numbers are read as text.
    let center = Center::open();
    let (workflow, casey, session) = with_casey(&center);
    let context = |id: &str| Some(text_list(&[("InteractionId", id)]));
    let text = || text_list(&[("MessageText", "x")]);
    workflow
        .makes(call("Chat", "Message", text(), context(session.as_str())))
        .expect("by user data");
    let mut both = text();
    both.push("InteractionId", session.as_str());
    workflow.makes(call("Chat", "Message", both, context("elsewhere"))).expect("by parameter");
    let mut wrong = text();
    wrong.push("InteractionId", 4711);
    let outcome = workflow.makes(call("Chat", "Message", wrong, context(session.as_str())));
    assert_eq!(outcome, Err(ErrorId::NoSuchSession));
    let numbers = KvList::from([
        ("InteractionId", session.as_str().into()),
        ("MessageText", (-42).into()),
        ("Nickname", 7.into()),
    ]);
    workflow.makes(call("Chat", "Message", numbers, None)).expect("numbers are texts");
    assert_eq!(
        lines(&casey.polls()),
        ["System comes", "System: x", "System: x", "7 comes", "7: -42"]
    );
}

#[test]
fn a_session_that_lives_has_info() {
    // B14.5, §14
    let center = Center::open();
    let (workflow, casey, session) = with_casey(&center);
    center.passes(Duration::from_secs(30));
    let outputs = workflow.calls(&session, "GetSessionInfo", &[]).expect("it lives");
    let info = outputs.list("SessionInfo").expect("SessionInfo");
    assert_eq!(info.text("CreatedAt").as_deref(), Some("2024-01-15T10:00:00Z"));
    assert_eq!(number(info, "IsRestored"), 0);
    assert_eq!(outputs.text("OccuredAt").as_deref(), Some("2024-01-15T10:00:30Z"));
    casey.logs_out();
    assert_eq!(workflow.calls(&session, "GetSessionInfo", &[]), Err(ErrorId::SessionClosed));
    center.passes(LINGER);
    assert_eq!(workflow.calls(&session, "GetSessionInfo", &[]), Err(ErrorId::NoSuchSession));
}

#[test]
fn a_workflow_closes_the_session() {
    // B14.4, B8.5, B8.6, B8.7
    let center = Center::open();
    let (workflow, casey, session) = with_casey(&center);
    let ana = center.agent("Ana");
    join(&ana, &session, Visibility::All);
    let if_none = [("CloseIfNoAgents", "true")];
    let outputs = workflow.calls(&session, "CloseSession", &if_none).expect("judged");
    assert_eq!(number(&outputs, "IsClosed"), 0);
    assert_eq!(lines(&casey.polls()), ["Ana comes"]);
    // Only `true` is true.
    let outputs = workflow.calls(&session, "CloseSession", &[("CloseIfNoAgents", "True")]);
    let outputs = outputs.expect("closes");
    assert_eq!(number(&outputs, "IsClosed"), 1);
    assert!(outputs.text("OccuredAt").is_some());
    ana.sees(["Casey goes, 5", "Ana goes, 5", "closed"]);
    let end = casey.polls();
    assert_eq!((lines(&end).len(), is_closed(&end)), (2, true));
    let events = &end.chat_transcript.as_ref().unwrap().events;
    assert_eq!(events[0].time_shift, events[1].time_shift);
    for event in events.iter() {
        let EventBody::PartyLeft(left) = &event.body else { panic!("{event:?}") };
        assert_eq!(left.asker_id, event.user_id);
        let text = left.reason_text.as_ref().map(confer_core::text::Text::reveal);
        assert_eq!(text, Some("removed by server"));
    }
    // On a closed session: it is closed, and nothing more can be done to it.
    for parameters in [&[][..], &if_none] {
        let outputs = workflow.calls(&session, "CloseSession", parameters).expect("it is closed");
        assert_eq!(number(&outputs, "IsClosed"), 1);
    }
    let message = workflow.calls(&session, "Message", &[("MessageText", "x")]);
    assert_eq!(message, Err(ErrorId::SessionClosed));
    let finals =
        center.asked().into_iter().filter(|ask| matches!(ask, Ask::Record(Record::Final { .. })));
    assert_eq!(finals.count(), 1);
    center.passes(LINGER);
    assert_eq!(workflow.calls(&session, "CloseSession", &[]), Err(ErrorId::NoSuchSession));
}

#[test]
fn a_coach_or_a_bot_is_no_agent_that_stays() {
    // B14.4, B8.3, B3.6
    let center = Center::open();
    let (workflow, _casey, session) = with_casey(&center);
    let (coach, bot) = (center.agent("Coach"), center.agent("Bot"));
    join(&coach, &session, Visibility::Int);
    bot.asks(RequestJoin {
        session_id: Some(session.clone()),
        user_data: Some(text_list(&[("GCTI_Chat_SetPartyStyle", "BOT")])),
        ..RequestJoin::default()
    });
    let outputs = workflow.calls(&session, "CloseSession", &[("CloseIfNoAgents", "true")]);
    assert_eq!(number(&outputs.expect("closes"), "IsClosed"), 1);
}

#[test]
fn a_call_is_answered_when_it_is_saved_and_in_order() {
    // B20.1, B5.3
    for (auto_save, waits) in [("1", true), ("0", false)] {
        let center = Center::with(&[("settings", "transcript-auto-save", auto_save)]);
        let (workflow, casey, session) = with_casey(&center);
        center.store_stalls();
        let said = casey.sends(casey.message("first"));
        center.passes(Duration::from_millis(100));
        let spoken = workflow.sends(about(&session, "Message", &[("MessageText", "second")]));
        let info = workflow.sends(about(&session, "GetSessionInfo", &[]));
        center.passes(Duration::from_millis(400));
        assert_eq!(casey.answer(said).is_none(), waits);
        assert_eq!(workflow.answer(spoken).is_none(), waits);
        center.store_resumes();
        let outputs = workflow.answer(spoken).expect("answered").expect("granted");
        assert_eq!(number(&outputs, "ScriptPos"), 3);
        assert!(workflow.answer(info).expect("answered").is_ok());
        casey.polls();
        assert_eq!(casey.seen(), ["Casey comes", "Casey: first", "System comes", "System: second"]);
    }
}

#[test]
fn calls_that_would_wait_without_bound_are_refused() {
    // B17.4: whatever is called, nothing of it takes effect.
    let center = Center::open();
    let (workflow, casey, session) = with_casey(&center);
    center.store_stalls();
    casey.sends(casey.message("first"));
    center.passes(Duration::from_millis(100));
    let calls: Vec<_> =
        (0..1100).map(|_| workflow.sends(about(&session, "GetSessionInfo", &[]))).collect();
    center.passes(Duration::from_millis(100));
    let refused = |call: &&u32| workflow.answer(**call) == Some(Err(ErrorId::StoreUnavailable));
    assert_eq!(calls.iter().filter(refused).count(), 1100 - 1023);
    for (method, parameter) in [
        ("Message", ("MessageText", "x")),
        ("IdleControlConfigure", ("enabled", "true")),
        ("ConfigureSession", ("GCTI_LanguageCode", "de")),
        ("CloseSession", ("CloseIfNoAgents", "false")),
    ] {
        let call = workflow.sends(about(&session, method, &[parameter]));
        center.passes(Duration::from_millis(100));
        assert_eq!(workflow.answer(call), Some(Err(ErrorId::StoreUnavailable)), "{method}");
    }
    center.store_resumes();
    casey.polls();
    assert_eq!(casey.seen(), ["Casey comes", "Casey: first"]);
}

#[test]
fn a_lost_workflow_means_nothing_and_none_must_hurry() {
    // B2.2, B2.4
    let center = Center::open();
    let (workflow, casey, session) = with_casey(&center);
    let ana = center.agent("Ana");
    join(&ana, &session, Visibility::All);
    workflow.calls(&session, "Message", &[("MessageText", "hello")]).expect("speaks");
    ana.looks_away();
    workflow.is_cut_off();
    center.passes(Duration::from_secs(40));
    ana.sees_nothing();
    casey.polls();
    // `user-register-timeout` has passed since it connected again.
    workflow.calls(&session, "Message", &[("MessageText", "still here")]).expect("speaks");
    ana.sees(["System: still here"]);
    ana.leaves(AfterAction::KeepAlive);
}

#[test]
fn a_session_hears_so_many_names_and_no_more() {
    // B14.1, B17.4, `max-external-names`
    let center = Center::with(&[("settings", "max-external-names", "3")]);
    let (workflow, _, session) = with_casey(&center);
    let says = |nickname: &str| {
        let parameters = [("MessageText", "hello"), ("Nickname", nickname)];
        workflow.makes(about(&session, "Message", &parameters))
    };
    for nickname in ["Robo", "Router", "Survey"] {
        assert!(says(nickname).is_ok(), "{nickname}");
    }
    assert_eq!(says("Fourth"), Err(ErrorId::LimitReached));
    // Those who have spoken may go on.
    assert!(says("Router").is_ok());
}
