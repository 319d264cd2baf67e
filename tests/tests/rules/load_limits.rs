//! Load limits (§17 of the behaviour): when the server takes nothing new, and when it does again.

use std::time::Duration;

use confer_core::door::Input;
use confer_core::frame::{AfterAction, ErrorId, UserType};
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, create, kv, register};
use confer_tests::people::visitor::{Customer, error, login};

const ON: (&str, &str, &str) = ("settings", "limits-control-enabled", "true");

fn limited(options: &[(&str, &str, &str)]) -> Center {
    let mut all = vec![ON];
    all.extend_from_slice(options);
    Center::with(&all)
}

/// This many people with a session each.
fn sessions(center: &Center, count: usize) -> Vec<Desk> {
    (0..count)
        .map(|number| {
            let desk = center.agent(&format!("Desk {number}"));
            desk.creates();
            desk
        })
        .collect()
}

#[test]
fn at_the_limit_no_session_is_made_and_those_there_are_go_on() {
    // B17.1, B17.3
    let center = limited(&[("settings", "limit-for-sessions", "3")]);
    let desks = sessions(&center, 3);
    let late = center.agent("Late");
    late.is_refused(ErrorId::LimitReached, create());
    desks[0].says("we go on");
    late.joins(&desks[0]);
    assert!(Customer::new(&center).logs_in("Casey").error_id.is_none());

    // Not at all unless it is switched on.
    let center = Center::with(&[("settings", "limit-for-sessions", "3")]);
    sessions(&center, 5);
}

#[test]
fn service_returns_at_the_share_and_not_before() {
    // B17.2: 10, and 80 percent of it.
    let center = limited(&[("settings", "limit-for-sessions", "10")]);
    let desks = sessions(&center, 10);
    let late = center.agent("Late");
    late.is_refused(ErrorId::LimitReached, create());
    desks[0].leaves(AfterAction::KeepAlive);
    late.is_refused(ErrorId::LimitReached, create());
    desks[1].leaves(AfterAction::KeepAlive);
    late.asks(create());
    // Full service: up to the limit again.
    late.asks(create());
    late.is_refused(ErrorId::LimitReached, create());
}

#[test]
fn zero_is_no_limit_and_a_share_of_all_returns_below_the_limit() {
    // B17.2
    let none = limited(&[("settings", "limit-for-sessions", "0")]);
    sessions(&none, 5);
    let center = limited(&[
        ("settings", "limit-for-sessions", "2"),
        ("settings", "limits-restore-threshold", "100"),
    ]);
    let desks = sessions(&center, 2);
    let late = center.agent("Late");
    late.is_refused(ErrorId::LimitReached, create());
    desks[0].leaves(AfterAction::KeepAlive);
    late.asks(create());
}

#[test]
fn at_the_limit_of_users_nobody_logs_in_either() {
    // B17.1; whoever has gone, by itself or by being silent, is none.
    let center = limited(&[
        ("settings", "limit-for-sessions", "0"),
        ("settings", "limit-for-flex-users", "2"),
        ("settings", "limits-restore-threshold", "50"),
    ]);
    let (ana, ben) = (Customer::new(&center), Customer::new(&center));
    ana.starts_a_chat("Ana");
    ben.logs_in("Ben");
    let late = Customer::new(&center);
    assert_eq!(error(&late.asks(login("Late", None))), Some(ErrorId::LimitReached));
    center.agent("Desk").is_refused(ErrorId::LimitReached, create());
    ana.logs_out();
    assert!(late.logs_in("Late").error_id.is_none());
    center.passes(Duration::from_secs(46));
    for name in ["Caro", "Dana"] {
        assert!(Customer::new(&center).logs_in(name).error_id.is_none());
    }
    assert_eq!(
        error(&Customer::new(&center).asks(login("One more", None))),
        Some(ErrorId::LimitReached)
    );
}

#[test]
fn slow_answers_are_a_limit_too() {
    // B17.1: the mean over 15 s, 1000 ms.
    let center = limited(&[]);
    let desk = center.agent("Desk");
    let slow = |millis| center.tell(Input::ReplyDelay(Duration::from_millis(millis)));
    slow(1500);
    slow(499);
    desk.asks(create());
    slow(1001);
    desk.is_refused(ErrorId::LimitReached, create());
    center.passes(Duration::from_secs(16));
    desk.asks(create());
}

#[test]
fn a_session_keeps_so_much_of_its_creator_and_no_more() {
    // B17.4, `session-user-data-max-size`
    let center = Center::with(&[("settings", "session-user-data-max-size", "2048")]);
    let mut who = register("Casey", UserType::Client);
    who.user_data = Some(kv([("a", &"x".repeat(999))]));
    let casey = center.someone(who);
    let bringing = |bytes: usize| {
        let mut join = create();
        join.user_data = Some(kv([("b", &"y".repeat(bytes - 1))]));
        join
    };
    casey.asks(bringing(1048));
    casey.is_refused(ErrorId::LimitReached, bringing(1049));
    assert_eq!(center.sessions(), 1);
    // What was said at login and is said again counts once.
    let mut again = create();
    again.user_data = Some(kv([("a", &"z".repeat(2047))]));
    casey.asks(again);
}
