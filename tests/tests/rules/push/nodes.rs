//! The gateway nodes that pushes go to: how they come, share users, stand in for each other, and go.

use confer_core::door::Report;
use confer_core::frame::{ErrorId, PushMode, Visibility};
use confer_core::limits::Limits;
use confer_tests::people::Center;
use confer_tests::people::node::{Node, request_alive, request_node, request_push};
use confer_tests::people::visitor::error;
use confer_tests::world::Reading;

use super::*;

fn no_node(center: &Center) -> usize {
    center.reports().iter().filter(|report| matches!(report, Report::NoNode { .. })).count()
}

#[test]
fn a_lost_node_is_stood_in_for() {
    // B10.3
    let center = Center::open();
    let (casey, ana, one, _) = subscribed(&center);
    let two = Node::new(&center, "web", "two");
    let other = Node::new(&center, "mobile", "other");
    ana.says("to one");
    assert_eq!(one.pushed(), ["Ana: to one"]);
    one.is_cut_off();
    ana.says("to two");
    assert_eq!(two.pushed(), ["Ana: to two"]);
    // It is bound to that now: who comes back gets nobody back.
    let one = Node::new(&center, "web", "one");
    ana.says("to two again");
    assert_eq!((one.pushed(), two.pushed()), (vec![], vec!["Ana: to two again".to_owned()]));
    two.says_alive(&casey, true);
    one.is_refused(ErrorId::NotAllowed, request_alive(&casey, true));
    one.is_cut_off();
    two.is_cut_off();
    ana.says("to the other");
    assert_eq!(other.pushed(), ["Ana: to the other"]);
    other.is_cut_off();
    assert_eq!(no_node(&center), 0);
    ana.says("to nobody");
    assert_eq!(no_node(&center), 1);
    let three = Node::new(&center, "phone", "three");
    assert_eq!(three.pushes(), [], "only the next activity finds it");
    ana.says("to three");
    assert_eq!(three.pushed(), ["Ana: to three"]);
    assert_eq!(no_node(&center), 1);
}

#[test]
fn users_are_shared_among_the_nodes_of_a_group() {
    // B10.3
    let center = on_join();
    let nodes: Vec<Node> =
        ["one", "two", "three"].map(|name| Node::new(&center, "web", name)).into();
    let ana = center.agent("Ana");
    for _ in 0..6 {
        let (_, session) = casey_with(&center, [("GCTI_Chat_PushSubscribe", "true")]);
        join(&ana, &session, Visibility::All);
    }
    let pushes: Vec<usize> = nodes.iter().map(|node| node.pushes().len()).collect();
    assert_eq!(pushes, [2, 2, 2]);
}

#[test]
fn a_node_that_comes_again_keeps_its_users() {
    // B10.7
    let center = Center::open();
    let (casey, ana, old, _) = subscribed(&center);
    let other = Node::new(&center, "web", "two");
    // The end of its old connection has not been noticed yet.
    let new = Node::new(&center, "web", "one");
    ana.says("hello");
    assert_eq!(new.pushed(), ["Ana: hello"]);
    new.says_alive(&casey, true);
    old.is_refused(ErrorId::NotAllowed, request_alive(&casey, true));
    old.is_refused(ErrorId::NotAllowed, request_push(&casey, PushMode::Subscribe));
    old.is_cut_off();
    ana.says("hello again");
    assert_eq!(new.pushed(), ["Ana: hello again"]);
    assert_eq!((old.pushes(), other.pushes()), (vec![], vec![]));
}

#[test]
fn a_node_that_came_since_is_asked_anew() {
    // B10.2, B10.3
    let center = Center::open();
    let (casey, ana, one, _) = subscribed(&center);
    center.passes(PUSH_TIMEOUT);
    assert_eq!(one.queries(), [user_id(&casey)]);
    one.is_cut_off();
    let two = Node::new(&center, "web", "two");
    center.passes(PUSH_TIMEOUT);
    assert_eq!(two.queries(), [user_id(&casey)]);
    two.is_cut_off();
    // Nobody to ask is nobody who confirms.
    center.passes(PUSH_TIMEOUT);
    assert!(was_removed(&ana));
}

#[test]
fn without_a_node_the_timer_runs_twice_all_the_same() {
    // B10.2, B10.3
    let center = on_join();
    let (_, session) = casey_with(&center, [("GCTI_Chat_PushSubscribe", "true")]);
    let ana = center.agent("Ana");
    join(&ana, &session, Visibility::All);
    assert_eq!(no_node(&center), 1);
    center.passes(PUSH_TIMEOUT);
    assert_eq!(no_node(&center), 2);
    assert!(!was_removed(&ana));
    center.passes(PUSH_TIMEOUT);
    assert!(was_removed(&ana));
}

#[test]
fn a_node_says_who_it_is_once() {
    // wire §4.2, B10.7
    let center = Center::open();
    let node = Node::silent(&center);
    let long = "ü".repeat(255);
    let longer = format!("{long}x");
    for (group, name) in [("", "one"), ("web", ""), (&*longer, "one"), ("web", &*longer)] {
        node.is_refused(ErrorId::Malformed, request_node(group, name));
    }
    assert_eq!(error(&node.asks(request_node(&long, &long))), None);
    node.is_refused(ErrorId::AlreadyThere, request_node(&long, &long));
    node.is_refused(ErrorId::AlreadyThere, request_node("web", "one"));
}

#[test]
fn there_are_so_many_groups_and_nodes() {
    // B10.7
    let center = Center::open();
    let mut nodes: Vec<Node> = Vec::new();
    let name = |number: usize| format!("{number}");
    for number in 0..Limits::MAX_NODE_GROUPS {
        nodes.push(Node::new(&center, &name(number), "one"));
    }
    let late = Node::silent(&center);
    late.is_refused(ErrorId::LimitReached, request_node("late", "one"));
    for number in Limits::MAX_NODE_GROUPS..Limits::MAX_NODES {
        nodes.push(Node::new(&center, "0", &name(number)));
    }
    late.is_refused(ErrorId::LimitReached, request_node("0", "late"));
    // One that comes again is none more.
    let again = Node::new(&center, "0", "one");
    late.is_refused(ErrorId::LimitReached, request_node("0", "late"));
    again.is_cut_off();
    assert_eq!(error(&late.asks(request_node("0", "late"))), None);
    // A group without nodes is none.
    nodes.truncate(2);
    nodes.pop().expect("of group 1").is_cut_off();
    Node::new(&center, "late", "one");
}

#[test]
fn a_node_that_does_not_read_is_lost_and_costs_no_more_than_its_limit() {
    // B2.5, B10.9
    let center = Center::open();
    let (_, ana, one, _) = subscribed(&center);
    let two = Node::new(&center, "web", "two");
    one.reads(Reading::Never);
    let long = "x".repeat(60_000);
    for _ in 0..120 {
        ana.says(&long);
    }
    let pushed = two.pushes().len();
    assert!(pushed > 0, "the first is lost, the second stands in");
    // Two bytes for a character: 4 MiB and what is on the way take at most 40 of them.
    assert!(pushed >= 80, "{pushed}");
    assert_eq!(no_node(&center), 0);
}

#[test]
fn whatever_happens_each_node_is_told_in_order() {
    // B5.3, B10.3. A node panics over events out of order, answers too many, and what makes no sense.
    for seed in 0..12 {
        let options =
            [("settings", "flex-push-on-join", "true"), ("settings", "flex-push-timeout", "86400")];
        let center = Center::seeded(seed, &options);
        let mut nodes: Vec<Node> =
            (0..3).map(|name| Node::new(&center, "web", &format!("{name}"))).collect();
        let ana = center.agent("Ana");
        let (casey, session) = casey_with(&center, [("GCTI_Chat_PushSubscribe", "true")]);
        join(&ana, &session, Visibility::All);
        center.turns_rough();
        let mut pushed = nodes.iter().flat_map(Node::pushed).collect::<Vec<_>>();
        for turn in 0..20 {
            ana.says(&format!("{turn}"));
            if turn % 7 == 6 {
                // Everything under way has arrived, so that nothing is lost with the node.
                center.settle();
                let lost = nodes.remove(0);
                pushed.extend(lost.pushed());
                lost.is_cut_off();
                nodes.push(Node::new(&center, "web", &format!("{turn}")));
            }
            pushed.extend(nodes.iter().flat_map(Node::pushed));
        }
        let said: Vec<String> = (0..20).map(|turn| format!("Ana: {turn}")).collect();
        assert_eq!(pushed[0], "Ana comes");
        assert_eq!(pushed[1..], said, "seed {seed}");
        assert_eq!(error(&casey.polls()), None);
    }
}
