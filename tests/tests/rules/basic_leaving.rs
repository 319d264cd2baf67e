//! How people leave on the basic protocol, and how a session ends.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use confer_core::ask::{Interaction, Record, Request as AskRequest};
use confer_core::frame::basic::{RequestJoin, RequestReleaseParty};
use confer_core::frame::{AfterAction, ErrorId, EventBody, SessionStatus, Visibility};
use confer_core::id::UserId;
use confer_core::text::Text;
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, kv};

use AfterAction::{CloseIfNoAgents, ForceClose, KeepAlive};
use Visibility::{All, Int, Vip};

const SECOND: Duration = Duration::from_secs(1);

/// Casey, Ana, Ben and a supervisor, Sam, in one session, who have seen each other come.
fn four(center: &Center) -> [Desk; 4] {
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    let (ben, sam) = (center.agent("Ben"), center.supervisor("Sam"));
    casey.creates();
    for desk in [&ana, &ben, &sam] {
        desk.joins(&casey);
    }
    for desk in [&casey, &ana, &ben, &sam] {
        desk.looks_away();
    }
    [casey, ana, ben, sam]
}

#[test]
fn whoever_leaves_is_gone_and_the_others_go_on() {
    // B8.1, B8.2, wire §4.1
    let center = Center::open();
    let [casey, ana, ben, sam] = four(&center);
    // Without a UserId, and with one's own.
    let info = ana.asks(RequestReleaseParty { after_action: None, ..ana.release(KeepAlive) });
    assert_eq!(info.session_status.known(), Some(SessionStatus::Alive));
    ben.asks(RequestReleaseParty { user_id: Some(ben.id()), ..ben.release(KeepAlive) });
    let parting = Some(Text::new("bye, all"));
    sam.asks(RequestReleaseParty { message_text: parting, ..sam.release(KeepAlive) });
    casey.sees(["Ana goes", "Ben goes", "Sam goes: bye, all"]);
    // A leaver's view ends with its own going.
    ana.sees(["Ana goes"]);
    ben.sees(["Ana goes", "Ben goes"]);
    sam.sees(["Ana goes", "Ben goes", "Sam goes: bye, all"]);
    casey.says("anybody?");
    for desk in [&ana, &ben, &sam] {
        desk.sees_nothing();
        desk.is_refused(ErrorId::NotInSession, desk.message("hello?"));
        desk.is_refused(ErrorId::NotInSession, desk.release(KeepAlive));
    }
}

#[test]
fn every_way_of_going_has_its_words() {
    // B8.7
    let center = Center::open();
    let [casey, ana, ben, sam] = four(&center);
    let last = |code: Option<i32>, text: &str| {
        let EventBody::PartyLeft(left) = casey.newest().body else { panic!("nobody left") };
        assert_eq!(left.reason_code, code);
        assert_eq!(left.reason_text.as_ref().map(Text::reveal), Some(text));
    };
    ana.leaves(CloseIfNoAgents);
    last(Some(1), "left with request to close if no agents");
    ana.joins(&casey);
    ana.leaves(KeepAlive);
    last(None, "left");
    sam.removes(&ben, KeepAlive);
    last(Some(4), "removed by other party");
    ben.joins(&casey);
    ben.is_cut_off();
    last(Some(3), "left due to disconnect");
    sam.leaves(ForceClose);
    let left = casey.events().into_iter().rev().nth(1).unwrap();
    assert_eq!(left.user_id, sam.id());
    let EventBody::PartyLeft(left) = left.body else { panic!("nobody left") };
    assert_eq!(left.reason_code, Some(2));
    assert_eq!(left.reason_text, Some(Text::new("left with request to close forcedly")));
}

#[test]
fn agents_remove_whom_they_can_see() {
    // B8.1, B8.5, B8.7
    let center = Center::open();
    let [casey, ana, ben, sam] = four(&center);
    let watcher = center.supervisor("Watcher");
    watcher.joins_as(Vip, &casey);
    let coach = center.agent("Coach");
    coach.joins_as(Int, &casey);
    for desk in [&casey, &ana, &ben, &sam] {
        desk.looks_away();
    }
    ana.is_refused(ErrorId::NotInSession, ana.removal(&watcher, KeepAlive));
    ana.removes(&ben, KeepAlive);
    ben.sees(["Ben goes, 4 by Ana"]);
    ana.removes(&coach, KeepAlive);
    sam.removes(&watcher, KeepAlive);
    casey.sees(["Ben goes, 4 by Ana"]);
    ana.sees(["Ben goes, 4 by Ana", "Coach goes, 4 by Ana (INT)"]);
    // Whoever is not there cannot be removed.
    ana.is_refused(ErrorId::NotInSession, ana.removal(&ben, KeepAlive));
    let nobody = Some(UserId::new("0000000000000000"));
    ana.is_refused(
        ErrorId::NotInSession,
        RequestReleaseParty { user_id: nobody, ..ana.release(KeepAlive) },
    );
    ben.is_refused(ErrorId::NotInSession, ben.message("why?"));
    ana.removes(&casey, KeepAlive);
    casey.sees(["Casey goes, 4 by Ana"]);
    ana.says("still here");
}

#[test]
fn a_customer_only_leaves() {
    // B8.1
    let center = Center::open();
    let [casey, ana, ..] = four(&center);
    for after in [CloseIfNoAgents, ForceClose] {
        casey.is_refused(ErrorId::NotAllowed, casey.release(after));
    }
    for after in [KeepAlive, CloseIfNoAgents, ForceClose] {
        casey.is_refused(ErrorId::NotAllowed, casey.removal(&ana, after));
    }
    ana.sees_nothing();
    casey.leaves(KeepAlive);
    ana.sees(["Casey goes"]);
}

#[test]
fn close_if_no_agents_looks_for_another_agent_the_customer_sees() {
    // B8.3: who remains beside Ana and Casey, and whether the session closes
    type Remains = fn(&Center, &Desk);
    let cases: [(&str, Remains, bool); 6] = [
        ("nobody", |_, _| {}, true),
        ("an agent", |center, casey| drop(center.agent("Ben").joins(casey)), false),
        ("a supervisor", |center, casey| drop(center.supervisor("Sam").joins(casey)), false),
        ("a coach", |center, casey| drop(center.agent("Ben").joins_as(Int, casey)), true),
        ("a monitor", |center, casey| drop(center.supervisor("Sam").joins_as(Vip, casey)), true),
        (
            "a bot",
            |center, casey| {
                let bot = center.agent("Roberta");
                let user_data = Some(kv([("GCTI_Chat_SetPartyStyle", "BOT")]));
                bot.asks(RequestJoin { user_data, ..bot.join(casey) });
            },
            true,
        ),
    ];
    for (who, remains, closes) in cases {
        let center = Center::open();
        let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
        casey.creates();
        ana.joins(&casey);
        remains(&center, &casey);
        casey.looks_away();
        let info = ana.leaves(CloseIfNoAgents);
        let status = if closes { SessionStatus::Closed } else { SessionStatus::Alive };
        assert_eq!(info.session_status.known(), Some(status), "{who} remains");
        // The reason stands either way.
        let first = &info.chat_transcript.events[0];
        let EventBody::PartyLeft(left) = &first.body else { panic!() };
        assert_eq!((left.reason_code, &first.user_id), (Some(1), &ana.id()));
        if closes {
            casey.is_refused(ErrorId::SessionClosed, casey.message("hello?"));
        } else {
            casey.sees(["Ana goes, 1"]);
        }
    }
}

#[test]
fn whoever_closes_goes_first_and_takes_all_along() {
    // B8.3, B8.5, wire §4.1
    let center = Center::open();
    let [casey, ana, ben, sam] = four(&center);
    center.passes(SECOND * 90);
    let info = ben.leaves(ForceClose);
    let end = [
        "Ben goes, 2",
        "Casey goes, 4 by Ben",
        "Ana goes, 4 by Ben",
        "Sam goes, 4 by Ben",
        "closed",
    ];
    for desk in [&casey, &ana, &ben, &sam] {
        desk.sees(end);
    }
    assert_eq!(info.session_status.known(), Some(SessionStatus::Closed));
    assert_eq!(info.chat_transcript.events.len(), 4, "all in one, the closer in its answer");
    let shifts: Vec<u32> = info.chat_transcript.events.iter().map(|e| e.time_shift).collect();
    assert_eq!(shifts, [90; 4], "at one TimeShift");
}

#[test]
fn the_end_of_a_session_keeps_who_was_unseen_unseen() {
    // B3.3, B8.5
    let center = Center::open();
    let [casey, ana, ben, sam] = four(&center);
    ben.leaves(KeepAlive);
    ben.joins_as(Int, &casey);
    sam.leaves(KeepAlive);
    sam.joins_as(Vip, &casey);
    for desk in [&casey, &ana, &sam] {
        desk.looks_away();
    }
    ana.leaves(ForceClose);
    casey.sees(["Ana goes, 2", "Casey goes, 4 by Ana", "closed"]);
    ana.sees(["Ana goes, 2", "Casey goes, 4 by Ana", "Ben goes, 4 by Ana (INT)", "closed"]);
    sam.sees([
        "Ana goes, 2",
        "Casey goes, 4 by Ana",
        "Ben goes, 4 by Ana (INT)",
        "Sam goes, 4 by Ana (VIP)",
        "closed",
    ]);
}

#[test]
fn a_remover_stays_unless_it_closes() {
    // B8.1
    let center = Center::open();
    let [casey, ana, ben, sam] = four(&center);
    // Sam remains, so nothing closes, and Ana stays.
    ana.removes(&ben, CloseIfNoAgents);
    casey.sees(["Ben goes, 4 by Ana"]);
    sam.looks_away();
    ana.looks_away();
    // Judged with the asker: beside Ana and Sam there is no agent.
    ana.removes(&sam, CloseIfNoAgents);
    casey.sees(["Sam goes, 4 by Ana", "Ana goes, 1", "Casey goes, 4 by Ana", "closed"]);

    let [casey, ana, ..] = four(&center);
    ana.removes(&casey, ForceClose);
    casey.sees([
        "Casey goes, 4 by Ana",
        "Ana goes, 2",
        "Ben goes, 4 by Ana",
        "Sam goes, 4 by Ana",
        "closed",
    ]);
}

#[test]
fn the_last_one_closes_whatever_its_visibility() {
    // B8.4
    for visibility in [All, Int, Vip] {
        let center = Center::open();
        let (casey, sam) = (center.customer("Casey"), center.supervisor("Sam"));
        casey.creates();
        sam.joins_as(visibility, &casey);
        casey.leaves(KeepAlive);
        let casey_again = center.customer("Casey");
        casey_again.joins(&casey);
        casey_again.leaves(KeepAlive);
        let info = sam.leaves(KeepAlive);
        assert_eq!(info.session_status.known(), Some(SessionStatus::Closed));
        let left = &info.chat_transcript.events[0];
        let EventBody::PartyLeft(left) = &left.body else { panic!() };
        assert_eq!(left.reason_code, None, "a plain leave, all the same");
        casey.is_refused(ErrorId::SessionClosed, casey.join(&sam));
    }
}

#[test]
fn the_end_is_stored_then_the_interaction_is_told_then_the_session_lingers() {
    // B8.6
    let center = Center::open();
    let [casey, ana, ..] = four(&center);
    let before = center.asked().len();
    center.passes(SECOND * 30);
    ana.leaves(ForceClose);
    let asked: Vec<AskRequest> = center
        .asked()
        .split_off(before)
        .into_iter()
        .filter(|request| !matches!(request, AskRequest::Record(Record::Append { .. })))
        .collect();
    let [
        AskRequest::Record(Record::Final { events, end_at, .. }),
        AskRequest::Interaction(Interaction::Change { properties, .. }),
    ] = &asked[..]
    else {
        panic!("{asked:?}");
    };
    assert_eq!(**events, *ana.events(), "the whole transcript");
    assert_eq!(&*end_at.written(), "2024-01-15T10:00:30Z");
    assert_eq!(properties.text("IsOnline").as_deref(), Some("0"));
    let ended = properties.text("ChatServerSessionClosedAt");
    assert_eq!(ended.as_deref(), Some("2024-01-15T10:00:30Z"));

    center.passes(SECOND * 55);
    let late = center.agent("Late");
    late.is_refused(ErrorId::SessionClosed, late.join(&casey));
    casey.is_refused(ErrorId::SessionClosed, casey.message("hello?"));
    casey.is_refused(ErrorId::SessionClosed, casey.release(KeepAlive));
    center.passes(SECOND * 10);
    late.is_refused(ErrorId::NoSuchSession, late.join(&casey));
    casey.is_refused(ErrorId::NoSuchSession, casey.message("hello?"));
    assert_eq!(center.sessions(), 0);
}

#[test]
fn an_interaction_is_stopped_as_the_option_says() {
    // B8.6
    type Story = fn(&Center) -> Desk;
    let nobody: Story = |center| {
        let casey = center.customer("Casey");
        casey.creates();
        casey
    };
    let gone: Story = |center| {
        let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
        casey.creates();
        ana.joins(&casey);
        ana.leaves(KeepAlive);
        casey
    };
    let bot: Story = |center| {
        let (casey, bot) = (center.customer("Casey"), center.agent("Roberta"));
        casey.creates();
        let user_data = Some(kv([("GCTI_Chat_SetPartyStyle", "BOT")]));
        bot.asks(RequestJoin { user_data, ..bot.join(&casey) });
        casey.leaves(KeepAlive);
        bot
    };
    let agent: Story = |center| {
        let ana = center.agent("Ana");
        ana.creates();
        ana
    };
    for (option, story, stopped) in [
        ("never", nobody, false),
        ("noanswer", nobody, true),
        ("noanswer", gone, false),
        ("noanswer", bot, true),
        ("noanswer", agent, false),
        ("noagents", nobody, true),
        ("noagents", gone, true),
        ("noagents", bot, true),
        ("noagents", agent, false),
        ("always", agent, true),
    ] {
        let center = Center::with(&[("settings", "stop-abandoned-interaction", option)]);
        let last = story(&center);
        last.leaves(KeepAlive);
        center.passes(SECOND);
        let asked = center.asked();
        let is_stop =
            |r: &AskRequest| matches!(r, AskRequest::Interaction(Interaction::Stop { .. }));
        let is_change =
            |r: &AskRequest| matches!(r, AskRequest::Interaction(Interaction::Change { .. }));
        assert!(asked.iter().any(is_change));
        assert_eq!(asked.last().is_some_and(is_stop), stopped, "{option}: {asked:?}");
    }
}

#[test]
fn nobody_hears_of_the_end_before_the_store_has_it() {
    // B20.1, wire §4.1
    let center = Center::open();
    let [casey, ana, ben, sam] = four(&center);
    center.store_stalls();
    casey.sends(casey.message("one last thing"));
    center.settle();
    let reference = ana.sends(ana.release(ForceClose));
    center.settle();
    casey.sees_nothing();
    assert_eq!(ana.answer(reference), None);
    // What comes too late is refused at once.
    casey.is_refused(ErrorId::SessionClosed, casey.message("and another"));
    center.store_resumes();
    let end = [
        "Casey: one last thing",
        "Ana goes, 2",
        "Casey goes, 4 by Ana",
        "Ben goes, 4 by Ana",
        "Sam goes, 4 by Ana",
        "closed",
    ];
    for desk in [&casey, &ana, &ben, &sam] {
        desk.sees(end);
    }
}

#[test]
fn a_session_is_kept_until_its_end_is_told() {
    // B8.6, B20.1
    let center = Center::with(&[
        ("settings", "session-linger", "1"),
        ("settings", "transcript-resend-delay", "100"),
        ("settings", "save-wait-max", "3600"),
    ]);
    let [casey, ana, ..] = four(&center);
    // The message is stored, but the store never says so; what comes after it is stored and done.
    center.world_mut().store.faults.lose_per_mille = 1000;
    casey.sends(casey.message("one last thing"));
    center.settle();
    center.world_mut().store.faults.lose_per_mille = 0;
    let reference = ana.sends(ana.release(ForceClose));
    center.passes(SECOND * 50);
    assert_eq!(ana.answer(reference), None);
    casey.sees_nothing();
    assert_eq!(center.sessions(), 1);
    center.passes(SECOND * 55);
    assert!(matches!(ana.answer(reference), Some(Ok(_))));
    casey.sees([
        "Casey: one last thing",
        "Ana goes, 2",
        "Casey goes, 4 by Ana",
        "Ben goes, 4 by Ana",
        "Sam goes, 4 by Ana",
        "closed",
    ]);
    assert_eq!(center.sessions(), 0);
}
