//! Push that is sent again until it is fetched (`GCTI_GMS_PushResend`, B10.4).

use std::time::Duration;

use confer_core::frame::flex::{EventPush, NotifyPosition};
use confer_core::frame::{AfterAction, KvList, NoticeType, SessionStatus, Visibility};
use confer_core::id::{EventId, SessionId};
use confer_core::pii::Secret;
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, kv};
use confer_tests::people::node::Node;
use confer_tests::people::visitor::{Customer, lines};
use confer_tests::world::Reading;

use super::*;

/// `flex-push-resend-delay`, and a little for the clock's ticks.
const DELAY: Duration = Duration::from_secs(16);

/// Casey, who wants to be told until it fetches; Ana, who is with Casey; and the node. Casey has
/// fetched that Ana came.
struct Chat {
    center: Center,
    casey: Customer,
    ana: Desk,
    node: Node,
    session: SessionId,
}

impl Chat {
    fn with(options: &[(&str, &str, &str)], wishes: &[(&str, &str)]) -> Self {
        let mut all = vec![
            ("settings", "flex-push-on-join", "true"),
            ("settings", "flex-push-timeout", "86400"),
        ];
        all.extend(options);
        let center = Center::with(&all);
        let node = Node::new(&center, "web", "one");
        let (casey, ana) = (Customer::new(&center), center.agent("Ana"));
        casey.logs_in("Casey");
        let mut data = kv([("GCTI_Chat_PushSubscribe", "true"), ("GCTI_GMS_PushResend", "true")]);
        for (key, value) in wishes {
            data.push(key, *value);
        }
        let created = casey.asks(casey.join_with(None, Some(data), None));
        let session = created.session_id.expect("a session");
        join(&ana, &session, Visibility::All);
        casey.polls();
        node.pushes();
        Self { center, casey, ana, node, session }
    }

    fn open() -> Self {
        Self::with(&[], &[])
    }

    /// So much time passes, in which the node gets exactly these pushes.
    #[track_caller]
    fn brings(&self, time: Duration, expected: &[(u32, NotifyPosition)]) {
        self.center.passes(time);
        let pushes = self.node.pushes();
        assert_eq!(pushes.iter().map(told).collect::<Vec<_>>(), expected);
    }
}

fn from(number: u32) -> NotifyPosition {
    NotifyPosition::From(EventId::new(number).expect("small"))
}

fn told(push: &EventPush) -> (u32, NotifyPosition) {
    (push.notify_attempt.expect("an attempt"), push.notify_position.expect("a position"))
}

#[test]
fn a_push_is_repeated_so_often() {
    let chat = Chat::open();
    chat.ana.says("hello");
    let push = chat.node.push();
    assert_eq!(told(&push), (0, from(3)));
    // No word of it, but whose it is.
    assert_eq!(push.chat_transcript, None);
    let user_id = chat.casey.look().user_id.clone().expect("logged in");
    let expected = kv([("session-id", chat.session.as_str()), ("user-id", user_id.as_str())]);
    assert_eq!(push.user_data, Some(expected));
    assert_eq!(push.session_status, Some(SessionStatus::Alive.into()));
    chat.brings(SECOND * 14, &[]);
    chat.brings(SECOND * 2, &[(1, from(3))]);
    chat.brings(DELAY, &[(2, from(3))]);
    chat.brings(DELAY, &[(3, from(3))]);
    chat.brings(DELAY * 10, &[]);
    // It is where it was left when something happens again.
    chat.ana.says("hello?");
    chat.brings(SECOND, &[(0, from(3))]);
}

#[test]
fn delay_and_number_are_options() {
    for (delay, attempts) in [(1, 0), (1, 1), (60, 5)] {
        let (delay_text, attempts_text) = (format!("{delay}"), format!("{attempts}"));
        let chat = Chat::with(
            &[
                ("settings", "flex-push-resend-delay", &delay_text),
                ("settings", "flex-push-resend-attempts", &attempts_text),
            ],
            &[],
        );
        chat.ana.says("hello");
        chat.brings(Duration::ZERO, &[(0, from(3))]);
        let all: Vec<_> = (1..=attempts).map(|attempt| (attempt, from(3))).collect();
        chat.brings(SECOND * (delay + 1) * (attempts + 2), &all);
    }
}

#[test]
fn a_refresh_ends_it() {
    let chat = Chat::open();
    chat.ana.says("hello");
    chat.ana.says("anybody there?");
    // The second is news of its own, and the first is still not fetched.
    chat.brings(SECOND, &[(0, from(3)), (0, from(3))]);
    chat.brings(DELAY, &[(1, from(3))]);
    assert_eq!(lines(&chat.casey.polls()), ["Ana: hello", "Ana: anybody there?"]);
    chat.brings(DELAY * 5, &[]);
    chat.ana.says("good");
    chat.brings(SECOND, &[(0, from(5))]);
    // What answers with the events is as good; what answers without is not.
    let notify = chat.casey.notify(NoticeType::UserCustom, "wait", None);
    chat.casey.asks(notify);
    chat.brings(DELAY, &[(1, from(5))]);
    chat.casey.types("I am h");
    chat.brings(DELAY * 5, &[]);
}

#[test]
fn a_refresh_that_waits_is_none_yet() {
    // B20.1: what the store holds back, nobody has fetched.
    let chat = Chat::open();
    chat.ana.says("hello");
    chat.brings(Duration::ZERO, &[(0, from(3))]);
    chat.center.store_stalls();
    chat.ana.sends(chat.ana.message("are you there?"));
    chat.center.passes(SECOND / 10);
    let poll = chat.casey.refresh(Some(chat.casey.position()), None);
    chat.casey.sends(poll);
    chat.brings(SECOND / 2, &[]);
    chat.center.store_resumes();
    chat.brings(DELAY * 5, &[(0, from(3))]);
}

#[test]
fn the_position_is_one_the_customer_can_see() {
    // B3.3, B5.4
    let chat = Chat::open();
    let coach = chat.center.supervisor("Coach");
    join(&coach, &chat.session, Visibility::Int);
    coach.notifies(NoticeType::UserCustom, "be nice");
    coach.says_as(Visibility::Int, "be very nice");
    chat.ana.notifies(NoticeType::UserTypingStarted, "hel");
    // Neither what is not for it nor what passes wakes anybody.
    chat.brings(DELAY, &[]);
    chat.ana.says("hello");
    chat.brings(Duration::ZERO, &[(0, from(7))]);
}

#[test]
fn own_activity_tells_only_who_wants_it() {
    // B10.2
    for wanted in [false, true] {
        let wishes = [("GCTI_GMS_NotifyRequestor", "true")];
        let chat = Chat::with(&[], &wishes[usize::from(!wanted)..]);
        let notify = chat.casey.notify(NoticeType::UserCustom, "here", None);
        chat.casey.asks(notify);
        let all = [(0, from(3)), (1, from(3))];
        chat.brings(DELAY, &all[..if wanted { 2 } else { 0 }]);
        // It is not fetched, whoever did it.
        chat.ana.says("fine");
        chat.brings(Duration::ZERO, &[(0, from(3))]);
        // A message is fetched by its own answer.
        chat.casey.says("good");
        let all = [(0, from(3))];
        chat.brings(DELAY * 5, &all[..usize::from(wanted)]);
        chat.casey.logs_out();
        let all = [(0, NotifyPosition::Removed)];
        chat.brings(DELAY * 5, &all[..usize::from(wanted)]);
    }
}

#[test]
fn removal_is_repeated_until_it_is_fetched() {
    for (after, status) in [
        (AfterAction::KeepAlive, SessionStatus::Alive),
        (AfterAction::ForceClose, SessionStatus::Closed),
    ] {
        for fetches in [false, true] {
            let chat = Chat::open();
            let mut removal = chat.ana.release(after);
            if after == AfterAction::KeepAlive {
                removal.user_id = chat.casey.look().user_id.clone();
            }
            chat.ana.asks(removal);
            let push = chat.node.push();
            assert_eq!(told(&push), (0, NotifyPosition::Removed));
            assert_eq!(push.session_status, Some(status.into()));
            chat.brings(DELAY, &[(1, NotifyPosition::Removed)]);
            let rest = [(2, NotifyPosition::Removed), (3, NotifyPosition::Removed)];
            if fetches {
                // B9.2: it learns why.
                assert!(!lines(&chat.casey.polls()).is_empty());
            }
            chat.brings(DELAY * 5, &rest[..if fetches { 0 } else { 2 }]);
        }
    }
}

#[test]
fn who_cannot_fetch_any_more_is_not_told() {
    // B9.2: after `session-linger` a removed user has nothing left to fetch.
    let chat = Chat::with(
        &[("settings", "flex-push-resend-attempts", "1000"), ("settings", "session-linger", "40")],
        &[],
    );
    let mut removal = chat.ana.release(AfterAction::KeepAlive);
    removal.user_id = chat.casey.look().user_id.clone();
    chat.ana.asks(removal);
    let of = |attempt| (attempt, NotifyPosition::Removed);
    chat.brings(SECOND * 600, &[of(0), of(1), of(2)]);
}

#[test]
fn the_push_says_whose_it_is_as_configured() {
    let data = |content: &str, more: &[(&str, &str, &str)]| {
        let mut options = vec![("settings", "flex-push-content", content)];
        options.extend(more);
        let chat = Chat::with(&options, &[("GCTI_GMS_PushDeviceId", "device-1")]);
        chat.ana.says("hello");
        let push = chat.node.push();
        let keys =
            |data: &KvList| data.into_iter().map(|entry| entry.key.to_string()).collect::<Vec<_>>();
        let data = push.user_data.expect("user data");
        let key = chat.casey.look().secure_key.clone();
        let shown = data.text("secure-key").map(std::borrow::Cow::into_owned);
        assert!(shown.is_none() || shown.as_deref() == key.as_ref().map(Secret::reveal));
        (keys(&data), data.text("app-dbid").map(std::borrow::Cow::into_owned))
    };
    assert_eq!(data("", &[]).0, ["GCTI_GMS_PushDeviceId"]);
    assert_eq!(data("secure-key", &[]).0, ["GCTI_GMS_PushDeviceId", "secure-key"]);
    // Nobody knows the number of an instance that has none.
    assert_eq!(data("app-dbid", &[]).0, ["GCTI_GMS_PushDeviceId"]);
    let (keys, number) =
        data("app-dbid, secure-key, session-id, user-id", &[("server", "app-dbid", "101")]);
    let all = ["GCTI_GMS_PushDeviceId", "app-dbid", "secure-key", "session-id", "user-id"];
    assert_eq!(keys, all);
    assert_eq!(number.as_deref(), Some("101"));
}

#[test]
fn a_lost_node_does_not_end_it() {
    // B10.3: an attempt that finds no node is one all the same.
    let chat = Chat::open();
    chat.node.is_cut_off();
    chat.ana.says("hello");
    let again = Node::new(&chat.center, "web", "one");
    assert_eq!(again.pushes(), []);
    chat.center.passes(DELAY);
    assert_eq!(told(&again.push()), (1, from(3)));
}

#[test]
fn a_node_that_does_not_keep_up_is_told_later() {
    // B10.9
    let chat = Chat::open();
    let (dana, bea) = (Customer::new(&chat.center), chat.center.agent("Bea"));
    let session = dana.starts_a_chat("Dana");
    join(&bea, &session, Visibility::All);
    chat.node.subscribes(&dana);
    chat.node.reads(Reading::Never);
    // Enough to be congested, too little to be lost: two to four MiB.
    for _ in 0..26 {
        bea.says(&"x".repeat(60_000));
    }
    chat.ana.says("hello");
    chat.center.passes(SECOND);
    chat.node.reads(Reading::Eager);
    let pushes = chat.node.pushes();
    assert_eq!(pushes.len(), 26);
    assert!(pushes.iter().all(|push| push.notify_attempt.is_none()));
    chat.brings(DELAY, &[(1, from(3))]);
}

#[test]
fn ending_the_subscription_ends_it() {
    let chat = Chat::open();
    chat.ana.says("hello");
    chat.brings(Duration::ZERO, &[(0, from(3))]);
    chat.node.unsubscribes(&chat.casey);
    chat.brings(DELAY * 2, &[]);
    // Subscribed anew, it is where the customer is, who has not fetched that much.
    chat.node.subscribes(&chat.casey);
    chat.brings(DELAY * 2, &[]);
    chat.ana.says("still there?");
    chat.brings(DELAY, &[(0, from(3)), (1, from(3))]);
    chat.center.reconfigure(&[("settings", "flex-push-enabled", "false")]);
    chat.brings(DELAY * 5, &[]);
}

#[test]
fn a_closed_session_leaves_nothing_behind() {
    let chat = Chat::with(&[("settings", "flex-push-resend-attempts", "1000")], &[]);
    chat.ana.leaves(AfterAction::ForceClose);
    chat.center.passes(SECOND * 62);
    assert_eq!(chat.center.sessions(), 0);
    chat.node.pushes();
    chat.brings(SECOND * 600, &[]);
    // Nobody has to be asked for, either.
    assert_eq!(chat.node.queries(), []);
}
