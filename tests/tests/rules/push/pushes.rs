//! Push: what gateway nodes are told of the customers who subscribed, without being asked.

use confer_core::door::{NotSubscribed, Report};
use confer_core::frame::flex::{EventPush, NotifyPosition, Request, RequestLogin};
use confer_core::frame::{AfterAction, ErrorId, KvList, NoticeType, PushMode, Visibility};
use confer_core::id::UserId;
use confer_core::limits::Limits;
use confer_core::pii::Pii;
use confer_core::text::Str;
use confer_tests::people::Center;
use confer_tests::people::desk::kv;
use confer_tests::people::node::{Node, lines, request_alive, request_push};
use confer_tests::people::visitor::{Customer, error, line};

use super::*;

fn why(center: &Center) -> Option<NotSubscribed> {
    center.reports().iter().find_map(|report| match report {
        Report::NotSubscribed { why, .. } => Some(*why),
        _ => None,
    })
}

#[test]
fn what_happens_is_pushed_as_it_happens() {
    // B10.1, B10.2
    let center = Center::open();
    let (casey, ana, node, session) = subscribed(&center);
    assert_eq!(node.pushes(), [], "what was before is for a Refresh");
    ana.says("hello");
    let push = node.push();
    assert_eq!(lines(&push), ["Ana: hello"]);
    assert_eq!((&push.user_id, &push.session_id), (&user_id(&casey), &session));
    assert_eq!((push.notify_attempt, push.notify_position), (None, None));
    assert_eq!(push.user_data, None);
    // What passes is pushed, too.
    ana.notifies(NoticeType::UserTypingStarted, "wai");
    // B7.2: without its text.
    assert_eq!(node.pushed(), ["Ana USER_TYPING_STARTED"]);
    // Own activity is not.
    casey.says("hi");
    casey.types("I ha");
    assert_eq!(node.pushes(), []);
    // A push takes nothing away from a Refresh.
    ana.says("how can I help?");
    assert_eq!(lines(&node.push()), ["Ana: how can I help?"]);
    let refresh = casey.refresh(None, None);
    let status = casey.asks(refresh);
    let newest = status.chat_transcript.expect("a transcript");
    assert_eq!(newest.events.last().map(line).as_deref(), Some("Ana: how can I help?"));
}

#[test]
fn a_subscription_may_come_with_the_login_or_the_join() {
    // B10.1
    let subscribe = || kv([("GCTI_Chat_PushSubscribe", "true")]);
    for (of_login, of_join, pushes) in [
        (None, None, false),
        (Some(subscribe()), None, true),
        (None, Some(subscribe()), true),
        (Some(kv([("GCTI_Chat_PushSubscribe", "yes")])), None, false),
        // What the Join says is newer.
        (Some(subscribe()), Some(kv([("GCTI_Chat_PushSubscribe", "false")])), false),
        (Some(kv([("GCTI_Chat_PushSubscribe", "1")])), Some(subscribe()), true),
        // Only a text is one.
        (None, Some(KvList::from([("GCTI_Chat_PushSubscribe", subscribe().into())])), false),
        (None, Some(KvList::from([("GCTI_Chat_PushSubscribe", 1.into())])), false),
    ] {
        let center = on_join();
        let node = Node::new(&center, "web", "one");
        let (casey, ana) = (Customer::new(&center), center.agent("Ana"));
        casey.asks(Request::RequestLogin(RequestLogin {
            user_nickname: Pii::new(Str::new("Casey")),
            time_zone_offset: None,
            person_id: None,
            client_version: Some(106),
            user_data: of_login.clone(),
        }));
        let created = casey.asks(casey.join_with(None, of_join.clone(), None));
        let session = created.session_id.expect("a session");
        join(&ana, &session, Visibility::All);
        let seen = if pushes { vec!["Ana comes".to_owned()] } else { Vec::new() };
        assert_eq!(node.pushed(), seen, "{of_login:?} {of_join:?}");
        assert_eq!(why(&center), None);
    }
}

#[test]
fn a_join_that_may_not_subscribe_is_a_join() {
    // B10.1, B10.6, B10.7
    let subscribe = ("GCTI_Chat_PushSubscribe", "true");
    let off =
        [("settings", "flex-push-enabled", "false"), ("settings", "flex-push-on-join", "true")];
    let half = [("settings", "flex-push-on-join", "false")];
    let on = [("settings", "flex-push-on-join", "true")];
    let long = "x".repeat(Limits::MAX_PUSH_DATA - "GCTI_GMS_PushDeviceId".len());
    let longer = format!("{long}x");
    let (long, longer) = (("GCTI_GMS_PushDeviceId", &*long), ("GCTI_GMS_PushDeviceId", &*longer));
    for (options, data, expected) in [
        (&off[..], kv([subscribe]), Some(NotSubscribed::SwitchedOff)),
        (&half[..], kv([subscribe]), Some(NotSubscribed::SwitchedOff)),
        (&on[..], kv([subscribe]), None),
        (&on[..], kv([subscribe, long]), None),
        (&on[..], kv([subscribe, longer]), Some(NotSubscribed::TooLarge)),
    ] {
        let center = Center::with(options);
        let (node, ana) = (Node::new(&center, "web", "one"), center.agent("Ana"));
        let casey = Customer::new(&center);
        casey.logs_in("Casey");
        let joined = casey.asks(casey.join_with(None, Some(data), None));
        assert_eq!(error(&joined), None);
        join(&ana, &joined.session_id.expect("a session"), Visibility::All);
        assert_eq!(node.pushes().len(), usize::from(expected.is_none()));
        assert_eq!(why(&center), expected);
    }
}

#[test]
fn with_several_groups_one_must_be_named() {
    // B10.1
    let subscribe = ("GCTI_Chat_PushSubscribe", "true");
    let center = on_join();
    let one = Node::new(&center, "web", "one");
    let ana = center.agent("Ana");
    let (_, alone) = casey_with(&center, [subscribe]);
    let two = Node::new(&center, "mobile", "two");
    let (_, unnamed) = casey_with(&center, [subscribe]);
    assert_eq!(why(&center), Some(NotSubscribed::SeveralGroups));
    let (_, web) = casey_with(&center, [subscribe, ("GCTI_GMS_NodeGroup", "web")]);
    let (_, mobile) = casey_with(&center, [subscribe, ("GCTI_GMS_NodeGroup", "mobile")]);
    for (session, in_one, in_two) in [(alone, 1, 0), (unnamed, 0, 0), (web, 1, 0), (mobile, 0, 1)] {
        join(&ana, &session, Visibility::All);
        assert_eq!((one.pushes().len(), two.pushes().len()), (in_one, in_two));
    }
}

#[test]
fn own_activity_is_pushed_to_who_wants_it() {
    // B10.2
    let center = on_join();
    let node = Node::new(&center, "web", "one");
    let wishes = [("GCTI_Chat_PushSubscribe", "true"), ("GCTI_GMS_NotifyRequestor", "true")];
    let (casey, session) = casey_with(&center, wishes);
    let (ana, dana) = (center.agent("Ana"), Customer::new(&center));
    assert_eq!(node.pushed(), ["Casey comes"]);
    join(&ana, &session, Visibility::All);
    assert_eq!(node.pushed(), ["Ana comes"]);
    casey.says("hi");
    casey.types("I ha");
    assert_eq!(node.pushed(), ["Casey: hi", "Casey USER_TYPING_STARTED: I ha"]);
    // Another customer's activity is not one's own.
    dana.logs_in("Dana");
    dana.joins(&session);
    assert_eq!(node.pushed(), ["Dana comes"]);
    // Nor is a poll anything that happens.
    casey.polls();
    assert_eq!(node.pushes(), []);
    casey.logs_out();
    let end = node.push();
    assert_eq!(lines(&end), ["Casey goes"]);
    assert_eq!(end.notify_position, Some(NotifyPosition::Removed));
    ana.says("gone?");
    assert_eq!(node.pushes(), []);
}

#[test]
fn a_customer_is_pushed_what_a_customer_may_see() {
    // B3.3, B3.3, B10.8, B15.7: at the one place that decides it for every view.
    let center = Center::open();
    let (_, ana, node, session) = subscribed(&center);
    let (coach, monitor) = (center.supervisor("Coach"), center.supervisor("Monitor"));
    join(&coach, &session, Visibility::Int);
    coach.notifies(NoticeType::UserCustom, "offer a refund");
    ana.says_as(Visibility::Int, "I would like to");
    coach.whispers(&ana, "then do");
    assert_eq!(node.pushes(), []);
    // B3.5: that somebody watches is news, who it is is not.
    join(&monitor, &session, Visibility::Vip);
    let push = node.push();
    assert_eq!(lines(&push), [""; 0]);
    assert_eq!(push.chat_transcript.and_then(|transcript| transcript.monitored), Some(true));
    monitor.leaves(AfterAction::KeepAlive);
    let push = node.push();
    assert_eq!(push.chat_transcript.and_then(|transcript| transcript.monitored), Some(false));
    coach.leaves(AfterAction::KeepAlive);
    assert_eq!(node.pushes(), []);
    ana.says("here is your refund");
    assert_eq!(node.pushed(), ["Ana: here is your refund"]);
}

#[test]
fn nothing_is_pushed_before_it_is_saved() {
    // B20.1, B10.2, B20.1
    let center = Center::open();
    let (_, ana, node, _) = subscribed(&center);
    center.store_stalls();
    ana.sends(ana.message("hello"));
    center.passes(SECOND / 2);
    assert_eq!(node.pushes(), []);
    center.store_resumes();
    assert_eq!(node.pushed(), ["Ana: hello"]);
}

#[test]
fn nothing_is_lost_between_poll_and_push() {
    // B10.6
    let center = Center::open();
    let (casey, ana, node, _) = subscribed(&center);
    node.unsubscribes(&casey);
    center.store_stalls();
    ana.sends(ana.message("hello"));
    center.passes(SECOND / 2);
    let poll = casey.refresh(Some(casey.position()), None);
    let polled = casey.sends(poll);
    let answered = node.sends(request_push(&casey, PushMode::Subscribe));
    center.passes(SECOND / 2);
    // Both wait for what they were asked behind.
    assert!(casey.answer(polled).is_none() && node.answer(answered).is_none());
    center.store_resumes();
    assert_eq!(node.pushed(), ["Ana: hello"]);
    assert_eq!(node.answer(answered).as_ref().and_then(error), None);
    assert!(node.answer(answered).is_some_and(|status| status.chat_transcript.is_none()));
}

#[test]
fn removal_and_close_are_pushed() {
    // B10.2, B10.4, B10.8
    let center = Center::open();
    for after in [AfterAction::KeepAlive, AfterAction::ForceClose] {
        let (casey, ana, node, _) = subscribed(&center);
        let closes = after == AfterAction::ForceClose;
        if closes {
            ana.leaves(after);
        } else {
            let mut removal = ana.release(after);
            removal.user_id = Some(user_id(&casey));
            ana.asks(removal);
        }
        let end = node.push();
        let seen = if closes { &["Ana goes, 2", "Casey goes, 4"][..] } else { &["Casey goes, 4"] };
        assert_eq!(lines(&end), seen);
        assert_eq!(end.notify_position, Some(NotifyPosition::Removed));
        use confer_core::frame::SessionStatus::{Alive, Closed};
        assert_eq!(end.session_status, Some(if closes { Closed } else { Alive }.into()));
        // B8.7: it says why.
        let events = end.chat_transcript.expect("a transcript").events;
        let own = events.last().and_then(|event| event.event_attributes.clone());
        let system = own.and_then(|own| own.list("GCTI_SYSTEM").cloned()).expect("attributes");
        assert_eq!(system.text("quit-reason-code").as_deref(), Some("4"));
        // Nobody is told of what comes after.
        let id = if closes { ErrorId::SessionClosed } else { ErrorId::LoggedOut };
        node.is_refused(id, request_push(&casey, PushMode::Subscribe));
        if !closes {
            ana.says("that was that");
        }
        assert_eq!(node.pushes(), []);
        node.is_cut_off();
    }
}

#[test]
fn a_silent_customer_is_asked_for() {
    // B10.2
    let center = Center::open();
    let (casey, ana, node, _) = subscribed(&center);
    for _ in 0..3 {
        center.passes(PUSH_TIMEOUT);
        assert_eq!(node.queries(), [user_id(&casey)]);
        node.says_alive(&casey, true);
    }
    // Not confirmed, and yet not over before it has run once more.
    center.passes(PUSH_TIMEOUT);
    assert_eq!(node.queries(), [user_id(&casey)]);
    center.passes(SECOND * 40);
    assert!(!was_removed(&ana));
    center.passes(SECOND * 10);
    assert!(was_removed(&ana));
    assert_eq!(node.queries(), []);
    let end = node.push();
    assert_eq!(lines(&end), ["Casey goes, 3"]);
    assert_eq!(end.notify_position, Some(NotifyPosition::Removed));
    node.is_refused(ErrorId::LoggedOut, request_alive(&casey, true));
}

#[test]
fn no_is_no_confirmation() {
    // B10.5
    let center = Center::open();
    let (casey, ana, node, _) = subscribed(&center);
    center.passes(PUSH_TIMEOUT);
    assert_eq!(node.queries().len(), 1);
    node.says_alive(&casey, false);
    center.passes(SECOND * 40);
    assert!(!was_removed(&ana), "nor is it the end");
    center.passes(SECOND * 10);
    assert!(was_removed(&ana));
}

#[test]
fn activity_is_as_good_as_a_confirmation() {
    // B10.2: a second expiry *without protocol activity* removes.
    let center = Center::open();
    let (casey, ana, node, _) = subscribed(&center);
    for _ in 0..3 {
        center.passes(PUSH_TIMEOUT);
        assert_eq!(node.queries().len(), 1);
        node.says_alive(&casey, false);
        casey.polls();
    }
    assert!(!was_removed(&ana));
}

#[test]
fn the_push_timeout_stands_for_the_other() {
    // B10.2, B10.3
    let center = Center::with(&[
        ("settings", "flex-push-timeout", "86400"),
        ("settings", "flex-disconnect-timeout", "45"),
    ]);
    let (casey, ana, node, _) = subscribed(&center);
    center.passes(SECOND * 86_000);
    assert!(!was_removed(&ana));
    ana.says("still there?");
    assert_eq!(node.pushed(), ["Ana: still there?"]);
    // It is still in force after a poll.
    casey.polls();
    center.passes(SECOND * 86_000);
    assert!(!was_removed(&ana));
    node.unsubscribes(&casey);
    // Twice is once.
    node.unsubscribes(&casey);
    ana.says("hello?");
    assert_eq!(node.pushes(), []);
    center.passes(SECOND * 44);
    assert!(!was_removed(&ana));
    center.passes(SECOND * 2);
    assert!(was_removed(&ana));
    assert_eq!(node.queries(), []);
}

#[test]
fn pushes_carry_what_the_gateway_wants_to_know() {
    // B10.5
    let center = on_join();
    let node = Node::new(&center, "web", "one");
    let carried = [
        ("GCTI_GMS_PushDeviceId", "device-1"),
        ("GCTI_GMS_PushDeviceType", "customhttp"),
        ("GCTI_GMS_PushIncludePayload", "true"),
        ("GCTI_GMS_PushProvider", "here"),
        ("GCTI_GMS_PushDebug", "false"),
        ("GCTI_GMS_ClientChannel", "/service/chat"),
    ];
    let mut data = kv(carried);
    data.push("GCTI_Chat_PushSubscribe", "true");
    data.push("GCTI_GMS_NodeGroup", "web");
    data.push("OrderNumber", "4711");
    let casey = Customer::new(&center);
    casey.logs_in("Casey");
    let created = casey.asks(casey.join_with(None, Some(data), None));
    let session = created.session_id.expect("a session");
    let ana = center.agent("Ana");
    join(&ana, &session, Visibility::All);
    assert_eq!(node.push().user_data, Some(kv(carried)));
    // A further customer's pushes go to that customer's device.
    let dana = Customer::new(&center);
    dana.logs_in("Dana");
    let own = kv([("GCTI_Chat_PushSubscribe", "true"), ("GCTI_GMS_PushDeviceId", "device-2")]);
    dana.asks(dana.join_with(Some(session), Some(own), None));
    node.pushes();
    ana.says("hello");
    let of = |pushes: &[EventPush], customer: &Customer| {
        let push = pushes.iter().find(|push| push.user_id == user_id(customer));
        let data = push.and_then(|push| push.user_data.clone()).expect("pushed with data");
        data.text("GCTI_GMS_PushDeviceId").map(std::borrow::Cow::into_owned)
    };
    let pushes = node.pushes();
    assert_eq!(pushes.len(), 2);
    assert_eq!(of(&pushes, &casey).as_deref(), Some("device-1"));
    assert_eq!(of(&pushes, &dana).as_deref(), Some("device-2"));
}

#[test]
fn only_a_node_subscribes_and_confirms() {
    // B10.5
    let center = Center::open();
    let (casey, ana, one, _) = subscribed(&center);
    let two = Node::new(&center, "web", "two");
    let plain = Node::silent(&center);
    for mode in [PushMode::Subscribe, PushMode::Unsubscribe] {
        plain.is_refused(ErrorId::NotAllowed, request_push(&casey, mode));
    }
    plain.is_refused(ErrorId::NotAllowed, request_alive(&casey, true));
    // A node, but not the one Casey is bound to.
    two.is_refused(ErrorId::NotAllowed, request_alive(&casey, true));
    center.passes(PUSH_TIMEOUT);
    two.is_refused(ErrorId::NotAllowed, request_alive(&casey, true));
    center.passes(PUSH_TIMEOUT);
    assert!(was_removed(&ana), "no foreign word counted");
    assert_eq!((one.queries().len(), two.queries().len()), (1, 0));

    // Nobody, nowhere, and not subscribed.
    let (dana, eve) = (Customer::new(&center), Customer::new(&center));
    let nobody = confer_core::frame::flex::RequestAlive {
        user_id: UserId::new("0000000000000000"),
        alive: true,
    };
    one.is_refused(ErrorId::NotInSession, Request::RequestAlive(nobody));
    dana.logs_in("Dana");
    one.is_refused(ErrorId::NotInSession, request_push(&dana, PushMode::Subscribe));
    one.is_refused(ErrorId::NotInSession, request_alive(&dana, true));
    eve.starts_a_chat("Eve");
    one.is_refused(ErrorId::NotAllowed, request_alive(&eve, true));
}

#[test]
fn a_subscription_moves_to_the_node_that_asks_last() {
    // B10.1, B10.5
    let center = Center::open();
    let (casey, ana, one, _) = subscribed(&center);
    let two = Node::new(&center, "mobile", "two");
    two.subscribes(&casey);
    ana.says("hello");
    assert_eq!((one.pushes().len(), two.pushes().len()), (0, 1));
    two.says_alive(&casey, true);
    one.is_refused(ErrorId::NotAllowed, request_alive(&casey, true));
    // Whoever has the key may end it, whichever node it is.
    one.unsubscribes(&casey);
    ana.says("anybody?");
    assert_eq!((one.pushes().len(), two.pushes().len()), (0, 0));
}

#[test]
fn push_can_be_switched_off() {
    // B10.1
    let center = Center::open();
    let (casey, ana, node, _) = subscribed(&center);
    let dana = Customer::new(&center);
    dana.starts_a_chat("Dana");
    center.reconfigure(&[("settings", "flex-push-enabled", "false")]);
    node.is_refused(ErrorId::NotAllowed, request_push(&dana, PushMode::Subscribe));
    ana.says("hello");
    assert_eq!(node.pushes(), []);
    casey.polls();
    center.passes(PUSH_TIMEOUT);
    assert_eq!(node.queries(), []);
    assert!(was_removed(&ana));
}
