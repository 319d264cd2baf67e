//! Push: what gateway nodes are told of the customers who subscribed, without being asked (§10).

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

mod nodes;
mod pushes;
mod resends;

use std::time::Duration;

use confer_core::frame::Visibility;
use confer_core::frame::basic::RequestJoin;
use confer_core::id::{SessionId, UserId};
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, kv};
use confer_tests::people::node::Node;
use confer_tests::people::visitor::{Customer, line};

const SECOND: Duration = Duration::from_secs(1);
/// `flex-push-timeout`, and a little for the clock's ticks.
const PUSH_TIMEOUT: Duration = Duration::from_secs(46);

/// Customers may subscribe as they come.
fn on_join() -> Center {
    Center::with(&[("settings", "flex-push-on-join", "true")])
}

fn join(desk: &Desk, session: &SessionId, visibility: Visibility) {
    desk.asks(RequestJoin {
        session_id: Some(session.clone()),
        visibility: Some(visibility),
        ..RequestJoin::default()
    });
}

/// Casey creates a session with this user data.
fn casey_with<const N: usize>(center: &Center, data: [(&str, &str); N]) -> (Customer, SessionId) {
    let casey = Customer::new(center);
    casey.logs_in("Casey");
    let created = casey.asks(casey.join_with(None, Some(kv(data)), None));
    (casey, created.session_id.expect("a session"))
}

/// Casey's session, to which Ana came, and a node that subscribed Casey after that.
fn subscribed(center: &Center) -> (Customer, Desk, Node, SessionId) {
    let (casey, ana) = (Customer::new(center), center.agent("Ana"));
    let node = Node::new(center, "web", "one");
    let session = casey.starts_a_chat("Casey");
    join(&ana, &session, Visibility::All);
    node.subscribes(&casey);
    (casey, ana, node, session)
}

fn user_id(customer: &Customer) -> UserId {
    customer.look().user_id.clone().expect("logged in")
}

/// Whether the customer is still in the session, which asking does not change.
fn was_removed(desk: &Desk) -> bool {
    line(&desk.newest()).contains("goes, 3")
}
