//! Sessions outlive the servers that hold them (§20): restored by their customers, by agents and by
//! the workflow, handed over, taken over, and closed when nobody comes back for them.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use confer_core::ask::{Record, Request as Ask};
use confer_core::door::{Action, CloseReason, External, Input, Report};
use confer_core::frame::basic::{Event as BasicEvent, RequestJoin, RequestRegister};
use confer_core::frame::flex::{EventStatus, Request};
use confer_core::frame::{AfterAction, ErrorId, EventBody, NoticeType, UserType, Visibility};
use confer_core::id::{EventId, InteractionId, SessionId};
use confer_core::pii::Secret;
use confer_core::text::Str;
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, create, kv, register};
use confer_tests::people::visitor::{Customer, error, is_closed, line, lines};
use confer_tests::people::workflow::{Workflow, about, number};
use confer_tests::world::{Entry, Stored};

const SECOND: Duration = Duration::from_secs(1);

/// Two servers on one store.
fn two() -> (Center, Center) {
    two_with(&[])
}

fn two_with(options: &[(&str, &str, &str)]) -> (Center, Center) {
    let one = Center::with(options);
    let two = one.beside();
    (one, two)
}

/// What the store has of a session.
fn stored(center: &Center, session: &SessionId) -> Stored {
    center.world().store.records[session].clone()
}

/// Its events in words, directness and visibility left out.
fn transcript(center: &Center, session: &SessionId) -> Vec<String> {
    let events = stored(center, session).events;
    let names: Vec<_> = events
        .values()
        .filter_map(|event| Some((event.user_id.clone(), event.party.clone()?)))
        .collect();
    let named = events.values().map(|event| {
        let mut event = event.clone();
        event.party = names.iter().find(|(id, _)| *id == event.user_id).map(|it| it.1.clone());
        line(&event)
    });
    named.collect()
}

/// A property of a session's interaction.
fn property(center: &Center, session: &SessionId, name: &str) -> Option<String> {
    let world = center.world();
    world.store.interactions.get(&InteractionId::new(session.as_str()))?.get(name).cloned()
}

/// A Join of somebody who has the session's token.
fn with_token(center: &Center, session: &SessionId) -> RequestJoin {
    let token = property(center, session, "ChatServerWebapiToken").expect("every session has one");
    RequestJoin {
        session_id: Some(session.clone()),
        user_data: Some(kv([("ChatServerWebapiToken", &token)])),
        ..RequestJoin::default()
    }
}

/// A customer asks for what is new, naming its session.
#[track_caller]
fn polls(customer: &Customer) -> EventStatus {
    let position = customer.position();
    customer.asks(customer.naming_session(customer.refresh(Some(position), None)))
}

fn agent() -> RequestRegister {
    register("Ana", UserType::Agent)
}

/// A customer on flex and an agent in one session, who have said something.
fn chat(center: &Center) -> (Customer, Desk, SessionId) {
    let casey = Customer::new(center);
    let session = casey.starts_a_chat("Casey");
    let ana = center.agent("Ana");
    ana.asks(RequestJoin { session_id: Some(session.clone()), ..RequestJoin::default() });
    casey.says("hello?");
    ana.says("good morning");
    casey.polls();
    ana.looks_away();
    (casey, ana, session)
}

#[test]
fn b20_2_a_customer_restores_its_session_elsewhere() {
    // B20.2, B20.4
    let (one, two) = two();
    let (casey, _, session) = chat(&one);
    let (id, key) = (casey.look().user_id.clone(), casey.look().secure_key.clone());
    one.is_killed();
    casey.moves_to(&two);
    let answer = polls(&casey);
    assert_eq!(error(&answer), None);
    // Everybody who was there is swept out, and the customer comes again.
    assert_eq!(lines(&answer), ["Casey goes, 8", "Ana goes, 8", "Casey comes"]);
    // Wire §4.2: the id it has now, and its key.
    assert_ne!(answer.user_id, id);
    assert_eq!(answer.secure_key, key);
    let events = answer.chat_transcript.expect("a transcript").events;
    assert!(events.iter().all(|event| event.event_id > EventId::new(4).unwrap()));
    // It goes on under either id.
    assert_eq!(error(&casey.says("are you there?")), None);
    let ana = two.agent("Ana");
    let info = ana.asks(RequestJoin { session_id: Some(session.clone()), ..Default::default() });
    assert_eq!(info.chat_transcript.events.len(), 9);
    assert_eq!(
        transcript(&one, &session),
        [
            "Casey comes",
            "Ana comes",
            "Casey: hello?",
            "Ana: good morning",
            "Casey goes, 8",
            "Ana goes, 8",
            "Casey comes",
            "Casey: are you there?",
            "Ana comes",
        ]
    );
    assert_eq!(stored(&one, &session).generation, 2);
}

#[test]
fn b20_4_former_ids_stay_valid() {
    // B20.4: aliases, through any number of restorations.
    let (one, two) = two();
    let (casey, _, _) = chat(&one);
    let first = casey.look().user_id.clone().unwrap();
    one.is_killed();
    casey.moves_to(&two);
    polls(&casey);
    let second = casey.look().user_id.clone().unwrap();
    one.starts_again();
    two.is_killed();
    casey.moves_to(&one);
    polls(&casey);
    let third = casey.look().user_id.clone().unwrap();
    assert!(first != second && second != third);
    for former in [&first, &second, &third] {
        let mut request = casey.refresh(Some(casey.position()), None);
        let Request::RequestRefresh(refresh) = &mut request else { unreachable!() };
        refresh.user_id = former.clone();
        let answer = casey.asks(request);
        assert_eq!(answer.user_id.as_ref(), Some(&third));
        // Whoever uses the newest id is told no key any more.
        assert_eq!(answer.secure_key.is_some(), former != &third);
    }
    // And to whoever asks here with another key they say nothing.
    let mut request = casey.refresh(None, None);
    let Request::RequestRefresh(refresh) = &mut request else { unreachable!() };
    (refresh.user_id, refresh.secure_key) = (first, Secret::new("wrong"));
    casey.is_refused(ErrorId::WrongSecureKey, request);
}

#[test]
fn b20_2_only_the_owner_of_the_key_restores() {
    // B20.2, B9.1: counted, and nobody is removed.
    let (one, two) = two();
    let (casey, ana, session) = chat(&one);
    casey.moves_to(&two);
    let mut request = casey.naming_session(casey.refresh(None, None));
    let Request::RequestRefresh(refresh) = &mut request else { unreachable!() };
    refresh.secure_key = Secret::new("0123456789abcdef0123456789abcdef");
    let wrong = request.clone();
    casey.is_refused(ErrorId::WrongSecureKey, wrong);
    assert!(two.reports().iter().any(|it| matches!(it, Report::WrongSecureKey { .. })));
    // Nobody of that name is in it, or there is no such session: 8201.
    let Request::RequestRefresh(refresh) = &mut request else { unreachable!() };
    refresh.user_id = "00000000000000AB".into();
    casey.is_refused(ErrorId::NotInSession, request.clone());
    let Request::RequestRefresh(refresh) = &mut request else { unreachable!() };
    refresh.session_id = Some(SessionId::new("0000000000000000"));
    casey.is_refused(ErrorId::NotInSession, request);
    // The session goes on where it was.
    assert_eq!((one.sessions(), two.sessions()), (1, 0));
    assert_eq!(stored(&one, &session).generation, 1);
    ana.says("still here");
}

#[test]
fn b20_2_nothing_is_restored_where_that_is_switched_off() {
    // B20.1, `session-restoration-mode`, `transcript-auto-save`, B20.2 `session-restore-extend-by`
    for options in [
        ("settings", "session-restoration-mode", "none"),
        ("settings", "transcript-auto-save", "0"),
    ] {
        let (one, two) = two_with(&[options]);
        let (casey, _, session) = chat(&one);
        one.is_killed();
        casey.moves_to(&two);
        assert_eq!(error(&polls(&casey)), Some(ErrorId::NotInSession));
        let ben = two.agent("Ben");
        ben.is_refused(ErrorId::NoSuchSession, with_token(&two, &session));
    }
    let (one, two) = two_with(&[("settings", "session-restore-extend-by", "none")]);
    let (casey, _, session) = chat(&one);
    one.is_killed();
    let (ben, workflow) = (two.agent("Ben"), Workflow::new(&two));
    ben.is_refused(ErrorId::NoSuchSession, with_token(&two, &session));
    let call = about(&session, "GetSessionInfo", &[("InduceRestore", "true")]);
    assert_eq!(workflow.makes(call), Err(ErrorId::NoSuchSession));
    casey.moves_to(&two);
    assert_eq!(error(&polls(&casey)), None);
}

#[test]
fn b20_2_an_agent_restores_by_the_token() {
    // B20.2, B20.10
    let (one, two) = two();
    let (casey, _, session) = chat(&one);
    one.is_killed();
    let ben = two.agent("Ben");
    ben.is_refused(
        ErrorId::NoSuchSession,
        RequestJoin {
            user_data: Some(kv([("ChatServerWebapiToken", "0123456789abcdef0123456789abcdef")])),
            ..with_token(&two, &session)
        },
    );
    assert_eq!(two.sessions(), 0);
    // Without a token nobody is looked for.
    ben.is_refused(
        ErrorId::NoSuchSession,
        RequestJoin { session_id: Some(session.clone()), ..RequestJoin::default() },
    );
    ben.asks(with_token(&two, &session));
    ben.sees([
        "Casey comes",
        "Ana comes",
        "Casey: hello?",
        "Ana: good morning",
        "Casey goes, 8",
        "Ana goes, 8",
        "Casey comes",
        "Ben comes",
    ]);
    // The token is nobody's business.
    assert!(ben.events().iter().all(|event| !format!("{event:?}").contains("WebapiToken")));
    // The customer is in it already, by the id it had.
    casey.moves_to(&two);
    let answer = polls(&casey);
    assert_eq!(lines(&answer), ["Casey goes, 8", "Ana goes, 8", "Casey comes", "Ben comes"]);
    assert_eq!(stored(&two, &session).generation, 2, "restored once");
}

#[test]
fn b20_2_the_workflow_restores() {
    // B14, B14.5, B20.2
    let (one, two) = two();
    let (_, _, session) = chat(&one);
    let (old, new) = (Workflow::new(&one), Workflow::new(&two));
    let info = about(&session, "GetSessionInfo", &[]);
    let restored = |outputs: &confer_core::frame::KvList| {
        number(outputs.list("SessionInfo").expect("an info"), "IsRestored")
    };
    assert_eq!(restored(&old.makes(info.clone()).unwrap()), 0);
    assert_eq!(new.makes(info.clone()), Err(ErrorId::NoSuchSession));
    let induce = about(&session, "GetSessionInfo", &[("InduceRestore", "true")]);
    assert_eq!(new.makes(induce.clone()), Err(ErrorId::Restoring));
    assert_eq!(restored(&new.makes(info).unwrap()), 1);
    assert_eq!(restored(&new.makes(induce).unwrap()), 1);
    // An unknown method is that, whatever else it wants; an unknown session, too.
    let odd = about(&SessionId::new("X"), "Odd", &[("InduceRestore", "true")]);
    assert_eq!(new.makes(odd), Err(ErrorId::Malformed));
    let unknown = about(&SessionId::new("X"), "PlaceOnHold", &[("InduceRestore", "true")]);
    assert_eq!(new.makes(unknown), Err(ErrorId::NoSuchSession));
}

#[test]
fn b14_9_a_session_is_found_by_the_id_its_interaction_has() {
    // B14.9: the record knows it, too.
    let (one, two) = two();
    one.world_mut().store.interaction_prefix = Some("ixn-");
    let (_, _, session) = chat(&one);
    one.is_killed();
    let workflow = Workflow::new(&two);
    let interaction = SessionId::new(&format!("ixn-{session}"));
    let induce = about(&interaction, "PlaceOnHold", &[("InduceRestore", "true")]);
    assert_eq!(workflow.makes(induce.clone()), Err(ErrorId::Restoring));
    assert_eq!(workflow.makes(induce), Err(ErrorId::AsyncOnly));
    let by_session = about(&session, "PlaceOnHold", &[]);
    assert_eq!(workflow.makes(by_session), Err(ErrorId::AsyncOnly));
}

#[test]
fn b8_6_a_closed_session_is_not_restored() {
    // B8.6, B14.5
    let (one, two) = two();
    let (casey, ana, session) = chat(&one);
    ana.leaves(AfterAction::ForceClose);
    one.passes(SECOND);
    casey.moves_to(&two);
    assert_eq!(error(&polls(&casey)), Some(ErrorId::NotInSession));
    let (ben, workflow) = (two.agent("Ben"), Workflow::new(&two));
    ben.is_refused(ErrorId::NoSuchSession, with_token(&two, &session));
    let induce = about(&session, "GetSessionInfo", &[("InduceRestore", "true")]);
    assert_eq!(workflow.makes(induce), Err(ErrorId::SessionClosed));
    assert_eq!(two.sessions(), 0);
}

#[test]
fn b20_3_of_two_who_restore_at_once_one_wins() {
    // B20.3
    let (one, two) = two();
    let three = one.beside();
    let (casey, _, session) = chat(&one);
    one.is_killed();
    let (ben, eve) = (two.agent("Ben"), three.agent("Eve"));
    let (at_two, at_three) =
        (ben.sends(with_token(&two, &session)), eve.sends(with_token(&two, &session)));
    two.settle();
    let answers = [ben.answer(at_two), eve.answer(at_three)].map(Option::unwrap);
    assert_eq!(answers.iter().filter(|it| it.is_ok()).count(), 1, "{answers:?}");
    assert!(answers.contains(&Err(ErrorId::Restoring.number())));
    assert_eq!(two.sessions() + three.sessions(), 1);
    drop(casey);
}

#[test]
fn b20_3_a_former_owner_is_fenced_and_drops_its_copy() {
    // B20.3, B20.12: without a purge it learns by a refused write.
    let (one, two) = two_with(&[("settings", "session-restore-do-purge", "false")]);
    let (casey, ana, session) = chat(&one);
    casey.moves_to(&two);
    assert_eq!(error(&polls(&casey)), None);
    assert_eq!((one.sessions(), two.sessions()), (1, 1));
    let said = ana.sends(ana.message("can you hear me?"));
    one.settle();
    assert_eq!(ana.answer(said), Some(Err(ErrorId::Restoring.number())));
    assert_eq!(ana.unsolicited_errors(), [ErrorId::Restoring.number()]);
    assert_eq!((one.sessions(), two.sessions()), (0, 1));
    // What was not answered is nowhere.
    assert!(!transcript(&one, &session).iter().any(|line| line.contains("hear me")));
    // It comes back where the session is.
    ana.moves_to(&two, agent());
    ana.asks(RequestJoin { session_id: Some(session), ..RequestJoin::default() });
    ana.says("can you hear me?");
    assert_eq!(lines(&polls(&casey)), ["Ana comes", "Ana: can you hear me?"]);
}

#[test]
fn b20_3_a_copy_that_was_taken_over_turns_no_customer_away() {
    // B20.3: it does not know whom the new owner has let in again (B20.4), and asks the record.
    let (one, two) = two_with(&[("settings", "session-restore-do-purge", "false")]);
    let (casey, ana, session) = chat(&one);
    casey.moves_to(&two);
    assert_eq!(error(&polls(&casey)), None);
    casey.moves_to(&one);
    // The record cannot be read: later, perhaps.
    one.store_stalls();
    let polled = casey.sends(casey.naming_session(casey.refresh(None, None)));
    one.passes(SECOND * 3);
    assert_eq!(error(&casey.answer(polled).unwrap()), Some(ErrorId::StoreUnavailable));
    one.store_resumes();
    assert_eq!(error(&polls(&casey)), None);
    assert_eq!(ana.unsolicited_errors(), [ErrorId::Restoring.number()]);
    assert_eq!(stored(&one, &session).generation, 3);
    // Whoever is nobody stays nobody.
    let mut request = casey.naming_session(casey.refresh(None, None));
    let Request::RequestRefresh(refresh) = &mut request else { unreachable!() };
    refresh.user_id = "00000000000000AB".into();
    casey.is_refused(ErrorId::NotInSession, request);
    assert_eq!(stored(&one, &session).generation, 3);
}

#[test]
fn b20_5_the_former_owner_is_told_and_the_interaction_too() {
    // B20.5, B20.12, B19.3
    let (one, two) = two();
    let (casey, ana, session) = chat(&one);
    for (center, number) in [(&one, 0), (&two, 1)] {
        let address = format!("10.0.0.{number}");
        let name = format!("server-{number}");
        let of = |key| property(center, &session, key);
        assert_eq!(of("ChatServerAppName"), Some(name));
        assert_eq!(of("ChatServerHost"), Some(address));
        assert_eq!(of("ChatServerPort").as_deref(), Some("4801"));
        assert_eq!(of("IsOnline").as_deref(), Some("1"));
        casey.moves_to(&two);
        assert_eq!(error(&polls(&casey)), None);
    }
    assert_eq!((one.sessions(), two.sessions()), (0, 1));
    assert_eq!(ana.unsolicited_errors(), [ErrorId::Restoring.number()]);
    // B20.5: what the new owner hears of itself means nothing to it.
    two.tell(Input::External(External::Purge { session, generation: 2 }));
    assert_eq!(two.sessions(), 1);
}

#[test]
fn b19_3_the_creator_cannot_say_where_the_session_is() {
    // B19.3
    let center = Center::open();
    let casey = center.customer("Casey");
    let user_data = Some(kv([("ChatServerAppName", "mine"), ("ChatServerWebapiToken", "known")]));
    let session = casey.asks(RequestJoin { user_data, ..create() }).session_id;
    assert_eq!(property(&center, &session, "ChatServerAppName").as_deref(), Some("server-0"));
    let token = property(&center, &session, "ChatServerWebapiToken").unwrap();
    // At least 96 bits.
    assert_eq!(token.len(), 32);
    assert_eq!(stored(&center, &session).owner, Some(0));
}

#[test]
fn b20_1_what_causes_no_event_is_saved_before_it_is_answered() {
    // B20.1, B20.9
    let center = Center::open();
    let casey = center.customer("Casey");
    let user_data = Some(kv([("GCTI_Chat_AsyncMode", "true")]));
    let session = casey.asks(RequestJoin { user_data, ..create() }).session_id;
    let workflow = Workflow::new(&center);
    for call in [
        about(&session, "ConfigureSession", &[("GCTI_LanguageCode", "de-DE")]),
        about(&session, "IdleControlConfigure", &[("timeout-alert", "77")]),
        about(&session, "PlaceOnHold", &[]),
    ] {
        center.store_stalls();
        let made = workflow.sends(call);
        center.passes(SECOND);
        assert_eq!(workflow.answer(made), None);
        center.store_resumes();
        assert!(matches!(workflow.answer(made), Some(Ok(_))));
    }
    // What changes nothing waits for nobody.
    center.store_stalls();
    assert!(workflow.makes(about(&session, "GetSessionInfo", &[])).is_ok());
}

#[test]
fn b20_9_what_is_known_of_a_session_is_known_again() {
    // B20.9: its password, its language, what the workflow set, who was called what before.
    let (one, two) = two_with(&[
        ("settings", "flex-disconnect-timeout", "3600"),
        ("settings", "session-password-enforce", "true"),
        ("inactivity-control", "enabled", "true"),
        ("inactivity-control", "message-alert", "hello?"),
        ("languages.de", "language", "de"),
        ("languages.de", "message-close", "Auf Wiedersehen"),
    ]);
    let casey = Customer::new(&one);
    let session = casey.starts_a_chat("Casey");
    let password = property(&one, &session, "ChatServerSessionPassword").expect("a password");
    casey.asks(casey.notice(NoticeType::UserUpdateNick, "Casey B."));
    let workflow = Workflow::new(&one);
    let call = [("timeout-alert", "60"), ("timeout-close", "30"), ("message-alert", "anybody?")];
    workflow.makes(about(&session, "IdleControlConfigure", &call)).unwrap();
    let language = [("GCTI_LanguageCode", "de")];
    workflow.makes(about(&session, "ConfigureSession", &language)).unwrap();
    casey.moves_to(&two);
    polls(&casey);
    let ana = two.agent("Ana");
    let join = RequestJoin { session_id: Some(session.clone()), ..RequestJoin::default() };
    ana.is_refused(ErrorId::SessionPassword, join.clone());
    let wrong = Some(kv([("GCTI_Chat_SessionPassword", "wrong")]));
    ana.is_refused(ErrorId::SessionPassword, RequestJoin { user_data: wrong, ..join.clone() });
    let right = Some(kv([("GCTI_Chat_SessionPassword", &password)]));
    let info = ana.asks(RequestJoin { user_data: right, ..join });
    for event in info.chat_transcript.events.iter().take(1) {
        let EventBody::NewParty(new) = &event.body else { panic!("{event:?}") };
        let original = new.user_data.as_ref().and_then(|it| it.text("GCTI_Original_Nickname"));
        assert_eq!(original.as_deref(), Some("Casey"));
        assert_eq!(&**event.party.as_ref().unwrap().user_nickname.reveal(), "Casey B.");
    }
    ana.looks_away();
    two.passes(SECOND * 91);
    ana.sees([
        "System IDLE_CONTROL_ALERT: anybody?",
        "System IDLE_CONTROL_CLOSE: Auf Wiedersehen",
        "Casey B. goes, 7",
        "Ana goes, 7",
        "closed",
    ]);
}

#[test]
fn b20_9_files_and_what_they_count_are_known_again() {
    // B20.9, B22.3, B22.10
    let (one, two) = two_with(&[("client-file-transfer", "download-attempts", "2")]);
    let (casey, ana, _) = chat(&one);
    let file = [
        ("file-name", "a.png"),
        ("file-size", "3"),
        ("file-source", "ucs"),
        ("file-document-id", "d1"),
    ];
    for _ in 0..2 {
        ana.asks(ana.command("file-uploaded", file));
    }
    let ids: Vec<String> = ana
        .events()
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::Notice(notice) => {
                Some(notice.user_data.as_ref()?.text("file-id")?.into_owned())
            }
            _ => None,
        })
        .collect();
    ana.asks(ana.command("file-deleted", [("file-id", &ids[0])]));
    casey.asks(casey.command("file-download-request", [("file-id", &ids[1])]));
    one.is_killed();
    casey.moves_to(&two);
    polls(&casey);
    casey.asks(casey.command("file-download-request", [("file-id", &ids[1])]));
    let again = casey.command("file-download-request", [("file-id", &ids[1])]);
    casey.is_refused_for(ErrorId::FileRefused, "download-attempts", again);
    let deleted = casey.command("file-download-request", [("file-id", &ids[0])]);
    casey.is_refused_for(ErrorId::FileRefused, "file is deleted", deleted);
    let all = casey.asks(casey.refresh(None, None)).chat_transcript.expect("a transcript");
    let marks = all.events.iter().filter(|event| match &event.body {
        EventBody::Notice(notice) => {
            notice.user_data.as_ref().is_some_and(|it| it.value("file-deleted").is_some())
        }
        _ => false,
    });
    assert_eq!(marks.count(), 1, "B22.3");
}

#[test]
fn b4_8_what_was_done_once_is_not_done_again_elsewhere() {
    // B4.8, B20.9
    let (one, two) = two();
    let (casey, ana, session) = chat(&one);
    let keyed = |key: &str, request: Request| match request {
        Request::RequestRefresh(mut refresh) => {
            refresh.request_key = Some(Str::new(key));
            Request::RequestRefresh(refresh)
        }
        other => other,
    };
    let saying = keyed("k1", casey.naming_session(casey.message("only once")));
    casey.asks(saying.clone());
    let mut message = ana.message("me too");
    message.request_key = Some(Str::new("k2"));
    ana.asks(message.clone());
    one.is_killed();
    casey.moves_to(&two);
    let answer = casey.asks(saying);
    assert_eq!(error(&answer), None);
    ana.moves_to(&two, agent());
    ana.asks(RequestJoin { session_id: Some(session.clone()), ..RequestJoin::default() });
    ana.asks(message);
    let texts = transcript(&one, &session);
    for text in ["Casey: only once", "Ana: me too"] {
        assert_eq!(texts.iter().filter(|line| *line == text).count(), 1, "{texts:?}");
    }
    // A new key is something new.
    casey.asks(keyed("k3", casey.message("only once")));
    let texts = transcript(&one, &session);
    assert_eq!(texts.iter().filter(|line| *line == "Casey: only once").count(), 2);
}

#[test]
fn b20_8_no_id_is_ever_used_again() {
    // B20.8: neither of an event that was not saved, nor of one that was never told.
    let (one, two) = two();
    let (casey, ana, session) = chat(&one);
    for _ in 0..600 {
        casey.types("he");
    }
    let told = casey.position();
    assert!(told.number() > 600);
    one.is_killed();
    assert!(stored(&one, &session).reserved_to >= told, "renewed though nothing was stored");
    casey.moves_to(&two);
    let answer = polls(&casey);
    let events = answer.chat_transcript.expect("a transcript").events;
    assert!(events.iter().all(|event| event.event_id > told), "{events:?}");
    drop(ana);
}

#[test]
fn b20_8_what_has_no_id_waits_or_is_dropped() {
    // B20.8
    let center = Center::with(&[("settings", "save-wait-max", "3600")]);
    let (casey, ana, _) = chat(&center);
    center.store_stalls();
    let before = casey.position();
    for _ in 0..1100 {
        casey.types("hello");
    }
    // Of a block, nothing is left: typing is not told any more.
    let used = casey.position().number() - before.number();
    assert!((900..=1024).contains(&used), "{used}");
    ana.looks_away();
    let said = ana.sends(ana.message("wait for me"));
    center.settle();
    assert_eq!(ana.answer(said), None);
    center.store_resumes();
    assert!(matches!(ana.answer(said), Some(Ok(_))));
    let after = casey.position();
    casey.types("again");
    assert!(casey.position() > after);
}

#[test]
fn b20_4_read_confirmations_vanish() {
    // B5.4, B20.4
    let (one, two) = two_with(&[("settings", "transcript-save-notices", "all")]);
    let (casey, ana, session) = chat(&one);
    ana.asks(ana.read_confirm("1"));
    ana.notifies(NoticeType::UserTypingStarted, "typing");
    let kept = transcript(&one, &session);
    assert!(kept.contains(&"Ana SYS_COMMAND: read-confirm".to_owned()), "{kept:?}");
    one.is_killed();
    casey.moves_to(&two);
    polls(&casey);
    let all = lines(&casey.asks(casey.refresh(None, None)));
    assert!(!all.iter().any(|line| line.contains("read-confirm") || line.contains("typing")));
}

#[test]
fn b3_3_who_sees_what_survives() {
    // B3.3, B7.6
    let (one, two) = two();
    let (casey, ana, session) = chat(&one);
    let sue = one.supervisor("Sue");
    sue.joins_as(Visibility::Int, &ana);
    sue.says_as(Visibility::Int, "ask for the number");
    ana.whispers(&sue, "only you");
    sue.says_as(Visibility::Vip, "for the book");
    one.is_killed();
    casey.moves_to(&two);
    let all = lines(&{
        polls(&casey);
        casey.asks(casey.refresh(None, None))
    });
    assert!(!all.iter().any(|line| line.contains("Sue")), "{all:?}");
    assert!(!all.iter().any(|line| line.contains("only you")), "{all:?}");
    let join = || RequestJoin { session_id: Some(session.clone()), ..RequestJoin::default() };
    let (ben, tom) = (two.agent("Ben"), two.supervisor("Tom"));
    ben.asks(join());
    tom.asks(join());
    let seen = |desk: &Desk| {
        let events = desk.events();
        let texts = events.iter().filter_map(|event| match &event.body {
            EventBody::Message(message) => Some(message.message_text.reveal().to_owned()),
            _ => None,
        });
        texts.collect::<Vec<_>>()
    };
    assert_eq!(seen(&ben), ["hello?", "good morning", "ask for the number"]);
    // A returning supervisor is no longer whoever was whispered to (B7.6).
    assert_eq!(seen(&tom), ["hello?", "good morning", "ask for the number", "for the book"]);
}

#[test]
fn b15_4_a_restoration_gets_the_masked_text() {
    // B15.4
    let one = Center::masking();
    let two = one.beside();
    let (casey, _, _) = chat(&one);
    casey.says("my number is 123");
    assert!(casey.seen().contains(&"Casey: my number is 123".to_owned()));
    one.is_killed();
    casey.moves_to(&two);
    polls(&casey);
    let all = lines(&casey.asks(casey.refresh(None, None)));
    assert!(all.contains(&"Casey: my number is ***".to_owned()), "{all:?}");
}

#[test]
fn b5_2_time_goes_on() {
    // B5.2: also where the other server's calendar is behind.
    let (one, two) = two_with(&[("settings", "flex-disconnect-timeout", "3600")]);
    let (casey, _, session) = chat(&one);
    one.passes(SECOND * 100);
    casey.says("later");
    one.is_killed();
    let wall = confer_core::time::Wall::new(one.world().now(), 1_705_312_800_000);
    two.tell(Input::Wall(wall));
    casey.moves_to(&two);
    polls(&casey);
    let shifts: Vec<u32> = stored(&one, &session).events.values().map(|it| it.time_shift).collect();
    assert!(shifts.is_sorted(), "{shifts:?}");
    assert!(shifts.last() >= Some(&100));
}

#[test]
fn b20_6_a_final_transcript_that_cannot_be_stored_is_put_aside() {
    // B20.6
    let center = Center::with(&[
        ("settings", "transcript-resend-attempts", "2"),
        ("settings", "transcript-resend-delay", "1"),
    ]);
    let casey = center.customer("Casey");
    let session = casey.creates();
    casey.says("goodbye");
    casey.looks_away();
    center.store_fails(true);
    casey.sends(casey.release(AfterAction::KeepAlive));
    center.until_asked(|ask| matches!(ask, Ask::Record(Record::Spool { .. })));
    center.store_fails(false);
    center.passes(SECOND * 5);
    let spooled = center.world().store.spool.clone();
    let [spooled] = &*spooled else { panic!("{spooled:?}") };
    assert_eq!((&spooled.session, spooled.events.len()), (&session, 3));
    assert_eq!(spooled.generation, 1);
    // The interaction is updated all the same.
    assert_eq!(property(&center, &session, "IsOnline").as_deref(), Some("0"));
}

#[test]
fn b20_3_what_ends_elsewhere_does_not_end_here() {
    // B20.3: a final save that is refused, for somebody else owns the session, ends nothing.
    let (one, two) = two_with(&[("settings", "session-restore-do-purge", "false")]);
    let (casey, ana, session) = chat(&one);
    casey.moves_to(&two);
    polls(&casey);
    let said = ana.sends(ana.release(AfterAction::ForceClose));
    one.settle();
    assert_eq!(ana.answer(said), Some(Err(ErrorId::Restoring.number())));
    assert_eq!(one.sessions(), 0);
    assert_eq!(property(&one, &session, "IsOnline").as_deref(), Some("1"));
    assert_eq!(stored(&one, &session).end_at, None);
    assert_eq!(error(&casey.says("I am still here")), None);
}

#[test]
fn b20_7_sessions_are_handed_over() {
    // B20.7
    let (one, two) = two();
    let (casey, ana, session) = chat(&one);
    one.tell(Input::External(External::Peers { any: true }));
    // The save under way is waited for: no acknowledged event is lost.
    one.store_stalls();
    let said = ana.sends(ana.message("wait"));
    one.settle();
    one.world_mut().tell(one.server(), Input::Drain);
    one.passes(SECOND);
    assert_eq!(ana.answer(said), None);
    let polled = casey.sends(casey.refresh(Some(casey.position()), None));
    ana.is_refused(ErrorId::Restoring, ana.message("too late"));
    one.store_resumes();
    assert_eq!(error(&casey.answer(polled).unwrap()), Some(ErrorId::Restoring));
    assert!(matches!(ana.answer(said), Some(Ok(BasicEvent::EventSessionInfo(_)))));
    assert_eq!(ana.unsolicited_errors(), [ErrorId::Restoring.number()]);
    assert_eq!(ana.losses(), 1, "its last session is gone");
    let world = one.world();
    let closes = world.log.entries().filter(|(_, entry)| match entry {
        Entry::Action(_, Action::Close { reason, .. }) => *reason == CloseReason::Draining,
        _ => false,
    });
    assert_eq!(closes.count(), 1);
    drop(world);
    assert_eq!(one.sessions(), 0);
    assert_eq!(stored(&one, &session).owner, None);
    assert!(transcript(&one, &session).contains(&"Ana: wait".to_owned()));
    // Here nothing is restored any more; elsewhere it is.
    assert_eq!(error(&polls(&casey)), Some(ErrorId::Restoring));
    casey.moves_to(&two);
    let answer = polls(&casey);
    assert_eq!(lines(&answer), ["Ana: wait", "Casey goes, 8", "Ana goes, 8", "Casey comes"]);
}

#[test]
fn b20_7_without_others_sessions_stay() {
    // B20.7
    let center = Center::open();
    let (casey, ana, _) = chat(&center);
    center.tell(Input::Drain);
    ana.says("we have time");
    assert_eq!(lines(&casey.polls()), ["Ana: we have time"]);
    // Another comes up: from then on they go.
    center.tell(Input::External(External::Peers { any: true }));
    assert_eq!(center.sessions(), 0);
    assert_eq!(ana.unsolicited_errors(), [ErrorId::Restoring.number()]);
}

#[test]
fn b20_7_many_sessions_go_a_few_at_a_time() {
    // B20.7
    let center = Center::open();
    let ana = center.agent("Ana");
    for _ in 0..200 {
        ana.creates();
    }
    center.tell(Input::External(External::Peers { any: true }));
    center.store_stalls();
    let releases = |center: &Center| {
        let asked = center.asked();
        asked.iter().filter(|ask| matches!(ask, Ask::Record(Record::Release { .. }))).count()
    };
    center.world_mut().tell(center.server(), Input::Drain);
    assert_eq!(releases(&center), 64);
    center.store_resumes();
    assert_eq!((releases(&center), center.sessions()), (200, 0));
}

#[test]
fn b20_7_what_is_left_at_the_deadline_closes() {
    // B20.7: a session that waits for a store that is down.
    let center = Center::open();
    let (_, ana, _) = chat(&center);
    center.tell(Input::External(External::Peers { any: true }));
    center.store_stalls();
    ana.sends(ana.message("unsaved"));
    center.world_mut().tell(center.server(), Input::Drain);
    center.passes(SECOND);
    assert_eq!(center.sessions(), 1);
    center.world_mut().tell(center.server(), Input::CloseSessions);
    center.store_resumes();
    center.passes(SECOND * 100);
    assert_eq!(center.sessions(), 0);
}

#[test]
fn b20_10_pushes_are_resumed_as_the_option_says() {
    // B20.9, B20.10, B10.2: after a restoration by somebody else, which period runs.
    for (option, silent_after) in [("false", 30), ("true", 200)] {
        let (one, two) = two_with(&[
            ("settings", "flex-push-enabled", "true"),
            ("settings", "flex-push-on-join", "true"),
            ("settings", "flex-push-timeout", "100"),
            ("settings", "flex-disconnect-timeout", "30"),
            ("settings", "session-restore-push-send", option),
        ]);
        let casey = Customer::new(&one);
        casey.logs_in("Casey");
        let push = Some(kv([("GCTI_Chat_PushSubscribe", "true")]));
        let status = casey.asks(casey.join_with(None, push, None));
        let session = status.session_id.unwrap();
        one.is_killed();
        let ben = two.agent("Ben");
        ben.asks(with_token(&two, &session));
        ben.looks_away();
        two.passes(SECOND * (silent_after - 1));
        ben.sees_nothing();
        two.passes(SECOND * 2);
        ben.sees(["Casey goes, 3"]);
    }
}

#[test]
fn b12_3_an_agent_who_is_swept_was_lost() {
    // B12.3, B12.4, B12.5
    let (one, two) = two();
    let casey = Customer::new(&one);
    casey.logs_in("Casey");
    let user_data = Some(kv([("GCTI_Chat_AsyncMode", "true")]));
    let session = casey.asks(casey.join_with(None, user_data, Some("hello"))).session_id.unwrap();
    let ana = one.agent("Ana");
    ana.asks(RequestJoin { session_id: Some(session.clone()), ..RequestJoin::default() });
    ana.says("good morning");
    let status = |center: &Center| property(center, &session, "GCTI_Chat_AsyncStatus");
    assert_eq!(status(&one).as_deref(), Some("-1"));
    one.is_killed();
    let workflow = Workflow::new(&two);
    let induce = about(&session, "GetSessionInfo", &[("InduceRestore", "true")]);
    assert_eq!(workflow.makes(induce), Err(ErrorId::Restoring));
    two.settle();
    assert_eq!(status(&two).as_deref(), Some("4"));
    // It sleeps already, and is woken by whoever wants to read (B12.5).
    casey.moves_to(&two);
    let all = casey.asks(casey.naming_session(casey.refresh(None, None)));
    assert_eq!(
        lines(&all),
        [
            "Casey comes: hello",
            "Ana comes",
            "Ana: good morning",
            "Casey goes, 8",
            "Ana goes, 8",
            "Casey comes",
        ]
    );
    let loads =
        two.asked().into_iter().filter(|ask| matches!(ask, Ask::Record(Record::Load { .. })));
    assert!(loads.count() >= 2, "its words were away");
    // A status is known where nobody was lost.
    one.starts_again();
    casey.moves_to(&one);
    polls(&casey);
    assert_eq!(status(&one).as_deref(), Some("4"));
    casey.says("hello?");
    assert_eq!(status(&one).as_deref(), Some("2"));
}

#[test]
fn b9_2_whoever_was_removed_is_told_so_elsewhere() {
    // B9.2
    let (one, two) = two_with(&[("settings", "flex-disconnect-timeout", "30")]);
    let (casey, ana, session) = chat(&one);
    one.passes(SECOND * 31);
    assert_eq!(ana.newest().event_id, EventId::new(5).unwrap());
    let dora = Customer::new(&one);
    dora.logs_in("Dora");
    dora.joins(&session);
    one.is_killed();
    casey.moves_to(&two);
    assert_eq!(error(&polls(&casey)), Some(ErrorId::LoggedOut));
    assert_eq!(two.sessions(), 0, "nobody who is in it has asked");
    dora.moves_to(&two);
    assert_eq!(error(&polls(&dora)), None);
    assert_eq!(error(&polls(&casey)), Some(ErrorId::LoggedOut));
    // Whoever went by itself is nobody.
    let answer = dora.asks(dora.naming_session(dora.logout(None)));
    assert_eq!(error(&answer), None);
    two.is_killed();
    one.starts_again();
    dora.moves_to(&one);
    assert_eq!(error(&polls(&dora)), Some(ErrorId::NotInSession));
}

#[test]
fn b20_13_a_session_nobody_comes_back_for_is_closed() {
    // B20.13
    let (one, two) = two_with(&[("settings", "flex-disconnect-timeout", "60")]);
    let (casey, _, session) = chat(&one);
    one.is_killed();
    two.passes(SECOND * 50);
    two.world_mut().report_orphans(two.server());
    two.settle();
    assert_eq!(stored(&two, &session).end_at, None, "it is not abandoned yet");
    two.passes(SECOND * 15);
    two.world_mut().report_orphans(two.server());
    two.settle();
    assert!(stored(&two, &session).end_at.is_some());
    assert_eq!(property(&two, &session, "IsOnline").as_deref(), Some("0"));
    let all = transcript(&two, &session);
    assert_eq!(all[4..], ["Casey goes, 5", "Ana goes, 5"]);
    two.passes(SECOND * 100);
    assert_eq!(two.sessions(), 0);
    drop(casey);
}

#[test]
fn b20_13_an_async_session_is_abandoned_when_it_would_have_closed() {
    // B20.13, B12.4; and `orphan-timeout` beats both.
    for (option, expected) in [("", 300 + 100 + 60), ("20", 20)] {
        let (one, two) = two_with(&[
            ("settings", "async-idle-alert", "300"),
            ("settings", "async-idle-close", "100"),
            ("settings", "orphan-timeout", option),
        ]);
        let casey = one.customer("Casey");
        let user_data = Some(kv([("GCTI_Chat_AsyncMode", "true")]));
        let session = casey.asks(RequestJoin { user_data, ..create() }).session_id;
        let record = stored(&two, &session);
        let after = record.orphan_at.saturating_since(record.beginning.start_at);
        assert_eq!(after, expected);
    }
}

#[test]
fn b20_13_an_empty_session_waits() {
    // B20.13, B8.4
    let (one, two) = two_with(&[("settings", "flex-disconnect-timeout", "60")]);
    let casey = one.customer("Casey");
    let session = casey.creates();
    one.is_killed();
    let workflow = Workflow::new(&two);
    let induce = about(&session, "GetSessionInfo", &[("InduceRestore", "true")]);
    assert_eq!(workflow.makes(induce), Err(ErrorId::Restoring));
    two.passes(SECOND * 59);
    assert_eq!(stored(&two, &session).end_at, None);
    two.passes(SECOND * 2);
    assert!(stored(&two, &session).end_at.is_some());
    assert_eq!(transcript(&two, &session), ["Casey comes", "Casey goes, 8"]);
}

#[test]
fn b20_13_an_empty_session_somebody_comes_into_goes_on() {
    // B20.13
    let (one, two) = two_with(&[("settings", "flex-disconnect-timeout", "60")]);
    let casey = one.customer("Casey");
    let session = casey.creates();
    one.is_killed();
    casey.moves_to(&two, register("Casey", UserType::Client));
    casey.asks(with_token(&two, &session));
    two.passes(SECOND * 100);
    assert_eq!(stored(&two, &session).end_at, None);
    casey.leaves(AfterAction::KeepAlive);
    two.settle();
    assert!(stored(&two, &session).end_at.is_some());
}

#[test]
fn b19_4_an_interaction_that_is_stopped_meanwhile_closes_its_session() {
    // B19.4
    let (one, two) = two();
    let (casey, _, session) = chat(&one);
    one.is_killed();
    casey.moves_to(&two);
    two.store_stalls();
    let polled = casey.sends(casey.naming_session(casey.refresh(Some(casey.position()), None)));
    two.passes(SECOND);
    let interaction = InteractionId::new(session.as_str());
    two.tell(Input::External(External::InteractionStopped { interaction }));
    two.store_resumes();
    let answer = casey.answer(polled).expect("an answer");
    assert!(is_closed(&answer), "{answer:?}");
    assert!(stored(&two, &session).end_at.is_some());
}

#[test]
fn b4_3_whoever_else_asks_meanwhile_tries_again() {
    // B4.3: 8317; the customer's own requests wait in their order, 64 of them.
    let (one, two) = two();
    let (casey, _, session) = chat(&one);
    one.is_killed();
    casey.moves_to(&two);
    let (ben, workflow) = (two.agent("Ben"), Workflow::new(&two));
    two.store_stalls();
    let position = casey.position();
    let asked: Vec<u32> = (0..66)
        .map(|number| {
            let text = format!("{number}");
            casey.sends(casey.naming_session(casey.refresh(Some(position), Some(&text))))
        })
        .collect();
    two.passes(SECOND);
    ben.is_refused(ErrorId::Restoring, with_token(&two, &session));
    let call = about(&session, "Message", &[("MessageText", "hello")]);
    assert_eq!(workflow.makes(call), Err(ErrorId::Restoring));
    two.store_resumes();
    let errors: Vec<_> = asked.iter().map(|it| error(&casey.answer(*it).unwrap())).collect();
    assert!(errors[..64].iter().all(Option::is_none), "{errors:?}");
    assert_eq!(errors[64..], [Some(ErrorId::Restoring); 2]);
    let texts = transcript(&two, &session);
    let numbers: Vec<String> = (0..64).map(|number| format!("Casey: {number}")).collect();
    assert_eq!(texts[texts.len() - 64..], numbers);
}

#[test]
fn b17_1_a_server_that_is_full_restores_nothing() {
    // B17.1
    let (one, two) = two_with(&[
        ("settings", "limits-control-enabled", "true"),
        ("settings", "limit-for-sessions", "1"),
        ("settings", "limit-for-flex-users", "10"),
    ]);
    let (casey, _, session) = chat(&one);
    two.customer("Dora").creates();
    one.is_killed();
    casey.moves_to(&two);
    assert_eq!(error(&polls(&casey)), Some(ErrorId::LimitReached));
    assert_eq!(stored(&two, &session).generation, 1);
}

#[test]
fn a_store_that_does_not_answer_is_not_waited_for_long() {
    // B20.2, `save-wait-max`
    let (one, two) = two();
    let (casey, _, _) = chat(&one);
    one.is_killed();
    casey.moves_to(&two);
    two.store_stalls();
    let polled = casey.sends(casey.naming_session(casey.refresh(None, None)));
    two.passes(SECOND * 3);
    assert_eq!(error(&casey.answer(polled).unwrap()), Some(ErrorId::StoreUnavailable));
    assert_eq!(two.sessions(), 0);
    two.store_resumes();
    assert_eq!(error(&polls(&casey)), None);
}

#[test]
fn nobody_makes_a_server_look_for_too_many_sessions() {
    // 1024 at once
    let center = Center::open();
    let casey = Customer::new(&center);
    casey.logs_in("Casey");
    center.store_stalls();
    let asked: Vec<u32> = (0..1025)
        .map(|number| {
            let mut request = casey.refresh(None, None);
            let Request::RequestRefresh(refresh) = &mut request else { unreachable!() };
            refresh.user_id = "00000000000000AB".into();
            refresh.session_id = Some(SessionId::new(&format!("S{number}")));
            casey.sends(request)
        })
        .collect();
    center.passes(SECOND);
    let answers: Vec<_> = asked.iter().filter_map(|it| casey.answer(*it)).collect();
    assert_eq!(answers.iter().map(error).collect::<Vec<_>>(), [Some(ErrorId::Restoring)]);
    center.store_resumes();
    center.passes(SECOND);
    assert!(asked.iter().all(|it| casey.answer(*it).is_some()));
    assert_eq!(center.sessions(), 0);
}

mod faults {
    //! Two servers, one store, and all that can go wrong: whatever was answered is in the transcript,
    //! once and in order; nobody accepts what another owns; nobody sees what it may not.

    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::Duration;

    use confer_core::client::{
        Desk, DeskNews, DeskSettings, EchoId, Entry, Habits, News, Start, View, Visitor,
        VisitorSettings,
    };
    use confer_core::config::Config;
    use confer_core::door::{External, Input};
    use confer_core::frame::{EventBody, TranscriptEvent, UserType, Visibility};
    use confer_core::id::{EventId, InteractionId, SessionId};
    use confer_core::pii::Secret;
    use confer_core::server::Server;
    use confer_core::time::Instant;
    use confer_tests::clients::{DeskId, Shell, VisitorId};
    use confer_tests::people::{WALL, identity};
    use confer_tests::world::{ServerId, StoreFaults, World};
    use confer_tests::{cases, seeds};

    const SECOND: Duration = Duration::from_secs(1);
    /// What happens in one schedule.
    const FAULTS: u64 = 24;

    fn config() -> Arc<Config> {
        let mut config = Config::default();
        for (option, value) in [
            // Whoever is answered must be able to rely on it: no session runs unsaved.
            ("save-wait-max", "3600"),
            ("transcript-resend-delay", "1"),
            ("transcript-resend-attempts", "1000"),
            ("flex-disconnect-timeout", "86400"),
        ] {
            config.set("settings", option, value).expect("a legal option");
        }
        Arc::new(config)
    }

    /// A session and everybody in it.
    struct Chat {
        world: World<Server>,
        servers: [ServerId; 2],
        casey: VisitorId,
        ana: DeskId,
        sue: DeskId,
        session: SessionId,
        /// What was said, by whom: who, and the number of the echo.
        said: BTreeMap<(usize, EchoId), String>,
        next: u32,
        /// Whether everybody knows both servers, and finds the way alone (B22.13).
        roaming: bool,
    }

    impl Chat {
        fn begin(seed: u64) -> Self {
            Self::begin_as(seed, false)
        }

        fn begin_as(seed: u64, roaming: bool) -> Self {
            let mut world = World::new(seed);
            world.log.switch_off();
            let config = config();
            let servers = [0, 1].map(|number| {
                let config = Arc::clone(&config);
                world.server(move |seed, now| {
                    Server::new(Arc::clone(&config), seed, WALL, now)
                        .with_identity(identity(number))
                })
            });
            let habits = Habits { servers: if roaming { 2 } else { 1 }, ..Habits::default() };
            let mut settings = VisitorSettings::new("Casey");
            settings.habits = habits.clone();
            let casey = Visitor::new(settings, [1; 32]);
            let casey: VisitorId =
                world.client(servers[0], Shell { machine: casey, news: Vec::new() });
            if roaming {
                world.knows(&casey, &servers);
            }
            world.with(&casey, |it, now| it.machine.begin(Start::default(), now).expect("once"));
            world.run_for(SECOND);
            let session = world.look(&casey).machine.session_id().expect("a chat").clone();
            let interaction = InteractionId::new(session.as_str());
            let token = &world.store.interactions[&interaction]["ChatServerWebapiToken"];
            let entry = Entry {
                session_id: Some(session.clone()),
                // Whoever has no token has to wait until the customer has come there.
                webapi_token: (!roaming || seed.is_multiple_of(2)).then(|| Secret::new(token)),
                ..Entry::default()
            };
            let mut sits = |name: &str, user_type, visibility, seed| -> DeskId {
                let mut settings = DeskSettings::new(name, user_type);
                settings.closes_after_customer = false;
                settings.habits = habits.clone();
                let shell = Shell { machine: Desk::new(settings, seed), news: Vec::new() };
                let desk = world.client(servers[0], shell);
                if roaming {
                    world.knows(&desk, &servers);
                }
                let entry = Entry { visibility: Some(visibility), ..entry.clone() };
                world.with(&desk, |it, now: Instant| it.machine.enter(entry, now).expect("once"));
                desk
            };
            let ana = sits("Ana", UserType::Agent, Visibility::All, [2; 32]);
            let sue = sits("Sue", UserType::Supervisor, Visibility::Int, [3; 32]);
            world.run_for(SECOND);
            Self {
                world,
                servers,
                casey,
                ana,
                sue,
                session,
                said: BTreeMap::new(),
                next: 0,
                roaming,
            }
        }

        fn say(&mut self, who: usize) {
            self.next += 1;
            let text = format!("{} {}", if who == 2 { "secret" } else { "word" }, self.next);
            let echo = match who {
                0 => self.world.with(&self.casey, |it, now| it.machine.say(&*text, now).ok()),
                _ => {
                    let desk = if who == 1 { &self.ana } else { &self.sue };
                    self.world.with(desk, |it, now| {
                        let chat = it.machine.chats().next().map(|(id, _)| id)?;
                        it.machine.say(chat, &*text, now).ok()
                    })
                }
            };
            if let Some(echo) = echo {
                self.said.insert((who, echo), text);
            }
        }

        /// Something goes wrong, or is said.
        fn happens(&mut self) {
            let server = self.servers[self.world.chance().index(2)];
            let who = self.world.chance().index(3);
            match self.world.chance().below(22) {
                0..=6 => self.say(who),
                7 => self.world.kill(server),
                8 => self.world.restart(server),
                9 => self.world.store.stall(),
                10 => self.world.store.resume(),
                11 => self.world.store.kill(),
                12 => {
                    self.world.store.faults =
                        StoreFaults { repeat_per_mille: 100, ..StoreFaults::rough() };
                }
                13 => self.world.store.faults = StoreFaults::none(),
                14 => match who {
                    0 => self.world.cut(&self.casey),
                    1 => self.world.cut(&self.ana),
                    _ => self.world.cut(&self.sue),
                },
                15..=17 if !self.roaming => self.moves(who, server),
                18 => {
                    if self.world.machine(server).is_some() {
                        self.world.tell(server, Input::External(External::Peers { any: true }));
                        self.world.tell(server, Input::Drain);
                    }
                }
                _ => {
                    let pause = self.world.chance().between(&(Duration::ZERO..=SECOND * 4));
                    self.world.run_for(pause);
                }
            }
            let pause = self.world.chance().between(&(Duration::ZERO..=SECOND / 2));
            self.world.run_for(pause);
        }

        fn moves(&mut self, who: usize, server: ServerId) {
            match who {
                0 => self.world.move_client(&self.casey, server),
                1 => self.world.move_client(&self.ana, server),
                _ => self.world.move_client(&self.sue, server),
            }
        }

        /// All is well again, and everybody has time.
        fn heals(&mut self) {
            self.world.store.faults = StoreFaults::none();
            self.world.store.resume();
            let server = self.servers[self.world.chance().index(2)];
            // A server that drains takes nothing.
            self.world.kill(server);
            self.world.restart(server);
            if self.roaming {
                for server in self.servers {
                    if self.world.machine(server).is_none() {
                        self.world.restart(server);
                    }
                }
            } else {
                (0..3).for_each(|who| self.moves(who, server));
            }
            self.world.run_for(SECOND * 180);
        }

        /// Holds what everybody was told against what is stored.
        fn check(&self) {
            let record = &self.world.store.records[&self.session];
            assert_eq!(record.end_at, None, "nobody has closed it");
            let of = |event: &TranscriptEvent| match &event.body {
                EventBody::Message(message) => Some(message.message_text.reveal().to_owned()),
                _ => None,
            };
            let texts: BTreeMap<EventId, String> =
                record.events.iter().filter_map(|(id, event)| Some((*id, of(event)?))).collect();
            assert!(record.events.keys().all(|id| *id <= record.reserved_to));
            let casey = self.world.look(&self.casey);
            let (ana, sue) = (self.world.look(&self.ana), self.world.look(&self.sue));
            let chat = |news: &DeskNews| match news {
                DeskNews::Chat(_, news) => Some(news.clone()),
                _ => None,
            };
            let of_desk = |shell: &Shell<Desk, DeskNews>| {
                shell.news.iter().filter_map(chat).collect::<Vec<_>>()
            };
            let news = [casey.news.clone(), of_desk(ana), of_desk(sue)];
            for (who, news) in news.iter().enumerate() {
                let mut order = Vec::new();
                for news in news {
                    match news {
                        News::Confirmed { echo, event_id } => {
                            let text = &self.said[&(who, *echo)];
                            let at: Vec<EventId> =
                                texts.iter().filter(|it| it.1 == text).map(|it| *it.0).collect();
                            assert_eq!(at.len(), 1, "{who}: {text:?} is at {at:?}");
                            assert!(event_id.is_none_or(|id| at == [id]), "{text:?}");
                            order.extend(at);
                        }
                        News::NotSent { .. } | News::Over(_) => panic!("{who}: {news:?}"),
                        _ => {}
                    }
                }
                assert!(order.is_sorted(), "{who} said it in another order");
                let said = self.said.keys().filter(|key| key.0 == who).count();
                assert_eq!(order.len(), said, "{who}: everything is said in the end");
            }
            let view = |shell: &Shell<Desk, DeskNews>, check: &dyn Fn(&View)| {
                for (_, chat) in shell.machine.chats() {
                    check(chat.view());
                }
            };
            let as_stored = |view: &View| {
                for event in view.events() {
                    let Some(text) = of(event) else { continue };
                    assert_eq!(texts.get(&event.event_id), Some(&text), "{event:?}");
                }
            };
            as_stored(casey.machine.view());
            view(ana, &as_stored);
            view(sue, &as_stored);
            for event in casey.machine.view().events() {
                assert!(of(event).is_none_or(|text| text.starts_with("word")), "{event:?}");
                assert_eq!(event.visibility.known(), Some(Visibility::All));
            }
            // Whoever is there sees everything it may see.
            let seen = |id: &EventId| casey.machine.view().event(*id).is_some();
            let unseen = texts.iter().filter(|(id, text)| text.starts_with("word") && !seen(id));
            let unseen: Vec<_> = unseen.collect();
            assert!(unseen.is_empty(), "Casey does not see {unseen:?}");
        }
    }

    #[test]
    fn what_once_went_wrong_does_not_again() {
        // B20.3: a server whose copy was taken over, and who could not hear of it, told the customer
        // that there was no such session.
        let mut chat = Chat::begin(31_762);
        for _ in 0..FAULTS {
            chat.happens();
        }
        chat.heals();
        chat.check();
    }

    #[test]
    fn whoever_knows_several_servers_finds_the_way() {
        // B22.13, B20.2, and as below
        seeds::each("roaming", cases(60, 20_000), |seed| {
            let mut chat = Chat::begin_as(seed, true);
            for _ in 0..FAULTS {
                chat.happens();
            }
            chat.heals();
            chat.check();
        });
    }

    #[test]
    fn b20_12_live_servers_take_a_session_from_each_other_and_lose_nothing() {
        // B20.3, B20.12: customer and agents ask two live servers in turn.
        seeds::each("taken in turn", cases(40, 10_000), |seed| {
            let mut chat = Chat::begin(seed);
            for _ in 0..FAULTS {
                let server = chat.servers[chat.world.chance().index(2)];
                let who = chat.world.chance().index(3);
                chat.moves(who, server);
                (0..3).for_each(|who| chat.say(who));
                let pause = chat.world.chance().between(&(Duration::ZERO..=SECOND));
                chat.world.run_for(pause);
            }
            let record = &chat.world.store.records[&chat.session];
            assert!(record.generation > 1, "somebody has taken it");
            chat.heals();
            chat.check();
        });
    }

    #[test]
    fn whatever_goes_wrong_nothing_that_was_answered_is_lost() {
        // B20.1, B20.3, B20.4, B20.7, B20.8, B3.3, B4.8, B5.3
        seeds::each("faults", cases(150, 100_000), |seed| {
            let mut chat = Chat::begin(seed);
            for _ in 0..FAULTS {
                chat.happens();
            }
            chat.heals();
            chat.check();
        });
    }
}
