use alloc::vec::Vec;

use super::*;

fn servers(count: usize) -> Servers {
    Servers::new(&Habits { servers: count, ..Habits::default() })
}

#[test]
fn one_that_answered_is_tried_again_first() {
    // B22.13
    let mut servers = servers(2);
    servers.answer();
    assert!(!servers.lose());
    assert_eq!(servers.current(), 0);
    // It cannot be reached: the next one's turn, at once.
    assert!(servers.lose());
    assert_eq!(servers.current(), 1);
    // Nor that one: the first one's, after a pause.
    assert!(!servers.lose());
    assert_eq!(servers.current(), 0);
}

#[test]
fn every_one_is_tried_before_there_is_a_pause() {
    // B22.13
    let mut servers = servers(3);
    let tried: Vec<(usize, bool)> = (0..6).map(|_| (servers.current(), servers.lose())).collect();
    let round = [(0, true), (1, true), (2, false)];
    assert_eq!(tried, [round, round].concat());
}

#[test]
fn of_one_alone_there_is_no_other() {
    let mut servers = servers(1);
    for _ in 0..10 {
        assert!(!servers.lose() && !servers.refuse() && !servers.turn());
        assert_eq!(servers.current(), 0);
    }
}

#[test]
fn refusals_in_a_row_are_too_many() {
    // B22.13: three of them.
    let mut servers = servers(2);
    assert!(!servers.refuse() && !servers.refuse());
    servers.grant();
    assert!(!servers.refuse() && !servers.refuse() && servers.refuse());
    assert_eq!(servers.current(), 1);
    // The connection that ends for that says nothing of the next server.
    assert!(!servers.lose());
    assert_eq!(servers.current(), 1);
}

#[test]
fn one_that_fell_silent_is_not_tried_again_at_once() {
    let mut servers = servers(2);
    servers.answer();
    servers.fall_silent();
    assert!(servers.lose());
    assert_eq!(servers.current(), 1);
}

#[test]
fn whoever_is_to_be_first_may_be_chosen() {
    let of = |servers, server| Servers::new(&Habits { servers, server, ..Habits::default() });
    assert_eq!(of(3, 2).current(), 2);
    assert_eq!(of(2, 5).current(), 1);
    assert_eq!(of(0, 7).current(), 0);
}
