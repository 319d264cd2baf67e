//! Servers that are lost, that send calls away, and chats that go on elsewhere.

use super::*;

fn key(refresh: &RequestRefresh) -> Str {
    refresh.request_key.clone().expect("a key")
}

#[test]
fn a_broken_connection_moves_nobody() {
    // B26.4
    let mut bench = Bench::new(2);
    bench.calls(in_chat("1", 0, send("hello")));
    let (server, _, first) = bench.next_refresh();
    assert_eq!(server, A);
    bench.closes(A);
    assert_eq!(bench.connects.last(), Some(&(A, Duration::ZERO)));
    assert!(bench.asked.is_empty());
    bench.opens(A);
    // B4.8: the same key, at the same server.
    let (server, reference, again) = bench.next_refresh();
    assert_eq!((server, key(&again)), (A, key(&first)));
    bench.says(A, reference, told(Vec::new(), 4));
    assert_eq!(&*bench.done().alias, "1");
}

#[test]
fn a_dead_server_hands_its_chats_to_another() {
    // B20.2: SessionId, user and key let the other restore the session; nothing is said twice.
    let mut bench = Bench::new(2);
    bench.calls(in_chat("1", 0, send("hello")));
    let (_, _, first) = bench.next_refresh();
    bench.closes(A);
    bench.closes(A);
    let (server, reference, again) = bench.next_refresh();
    assert_eq!((server, key(&again)), (B, key(&first)));
    assert_eq!(again.session_id, Some(casey().chat_id));
    let user_id = Some(UserId::new("00000000000000B2"));
    bench.says(B, reference, EventStatus { user_id, app_dbid: Some(12), ..told(Vec::new(), 9) });
    let done = bench.done();
    assert_eq!((&*done.alias, done.customer.user_id.as_str()), ("12", "00000000000000B2"));
    let session = casey().chat_id;
    assert!(bench.others.contains(&Action::Report(Report::Moved { session, server: B })));
    // The next call names it, and goes there at once.
    bench.calls(in_chat("12", 0, poll()));
    assert_eq!(bench.next_refresh().0, B);
}

#[test]
fn a_login_is_made_anew_and_a_join_waits_for_its_server() {
    // B26.5, B4.8
    let mut bench = Bench::new(2);
    bench.calls(start("Casey"));
    let (first, _) = bench.next();
    bench.closes(first);
    let (second, login) = bench.next();
    assert!(second != first && matches!(login.body, Request::RequestLogin(_)));
    bench.says(second, login.reference, logged_in());
    let (at, Frame { body: Request::RequestJoin(join), .. }) = bench.next() else { panic!() };
    assert_eq!(at, second);
    bench.closes(second);
    bench.opens(second);
    let (_, Frame { reference, body: Request::RequestJoin(again) }) = bench.next() else {
        panic!()
    };
    assert_eq!(again.request_key, join.request_key);
    // A server that was restarted does not know the Login any more.
    bench.says(second, reference, refusal(ErrorId::NotInSession));
    assert!(matches!(bench.next().1.body, Request::RequestLogin(_)));
}

#[test]
fn a_join_whose_server_is_gone_is_begun_anew_elsewhere() {
    // B26.5
    let mut bench = Bench::new(2);
    bench.calls(start("Casey"));
    let (first, login) = bench.next();
    bench.says(first, login.reference, logged_in());
    bench.next();
    bench.closes(first);
    assert!(bench.asked.is_empty());
    bench.closes(first);
    let (second, login) = bench.next();
    assert!(second != first && matches!(login.body, Request::RequestLogin(_)));
}

#[test]
fn a_server_without_room_is_passed_over() {
    // B17.1
    let mut bench = Bench::new(2);
    bench.calls(start("Casey"));
    let (first, login) = bench.next();
    bench.says(first, login.reference, refusal(ErrorId::LimitReached));
    let (second, login) = bench.next();
    assert_ne!(second, first);
    bench.says(second, login.reference, refusal(ErrorId::LimitReached));
    let failed = bench.failed();
    assert_eq!((failed.why, failed.retry, failed.customer), (Why::LimitReached, true, None));
}

#[test]
fn whoever_restores_is_given_time_and_whoever_drains_is_left() {
    // B20.3, B20.7
    let mut bench = Bench::new(2);
    bench.calls(in_chat("1", 0, send("hello")));
    let mut keys = BTreeSet::new();
    for attempt in 1.. {
        let (server, reference, refresh) = bench.next_refresh();
        keys.insert(key(&refresh));
        if server == B {
            assert_eq!(attempt, 5);
            bench.says(B, reference, told(Vec::new(), 2));
            break;
        }
        bench.says(server, reference, refusal(ErrorId::Restoring));
        assert!(bench.asked.is_empty(), "not at once");
        bench.passes(2 * SECOND);
    }
    assert_eq!(&*bench.done().alias, "2");
    assert_eq!(keys.len(), 1);
}

#[test]
fn a_restoration_without_end_is_told_as_one() {
    let mut bench = Bench::new(2);
    bench.calls(in_chat("1", 0, send("hello")));
    while bench.answers.is_empty() {
        if let Some((server, frame)) = bench.asked.pop_front() {
            bench.says(server, frame.reference, refusal(ErrorId::Restoring));
        }
        bench.passes(SECOND);
    }
    let failed = bench.failed();
    assert_eq!((failed.why, failed.retry), (Why::Moving, true));
}

#[test]
fn a_store_that_is_down_moves_nobody() {
    // B20.6
    let mut bench = Bench::new(2);
    bench.calls(in_chat("1", 0, send("hello")));
    while bench.answers.is_empty() {
        let (server, reference, _) = bench.next_refresh();
        assert_eq!(server, A);
        bench.says(server, reference, refusal(ErrorId::StoreUnavailable));
        bench.passes(2 * SECOND);
    }
    assert_eq!(bench.failed().why, Why::StoreUnavailable);
}

#[test]
fn an_alias_that_names_no_server_leads_to_all_of_them() {
    let mut bench = Bench::new(3);
    bench.calls(in_chat("frogs", 0, poll()));
    let mut asked = BTreeSet::new();
    while bench.answers.is_empty() {
        let (server, reference, _) = bench.next_refresh();
        assert!(asked.insert(server), "each of them once");
        bench.says(server, reference, refusal(ErrorId::NotInSession));
    }
    assert_eq!(asked.len(), 3);
    let failed = bench.failed();
    assert_eq!((failed.why, failed.chat_ended), (Why::NoSuchChat, true));
}

#[test]
fn aliases_are_the_numbers_servers_tell() {
    // B20.12: a number that was told wins over a place in the list.
    let mut bench = Bench::new(2);
    bench.calls(in_chat("2", 0, poll()));
    let (server, reference, _) = bench.next_refresh();
    assert_eq!(server, B);
    bench.says(B, reference, EventStatus { app_dbid: Some(1), ..told(Vec::new(), 1) });
    assert_eq!(&*bench.done().alias, "1");
    bench.calls(in_chat("1", 0, poll()));
    assert_eq!(bench.next_refresh().0, B);
}

#[test]
fn new_chats_go_where_least_is_to_be_done() {
    let mut bench = Bench::new(3);
    let mut at = Vec::new();
    for _ in 0..6 {
        bench.calls(start("Casey"));
        at.push(bench.next().0);
    }
    at.sort();
    assert_eq!(at, [A, A, B, B, ServerNo(2), ServerNo(2)]);
}

#[test]
fn nobody_waits_long_where_no_server_is() {
    let mut bench = Bench::down(1, &[("web", "server-wait", "3")]);
    bench.closes(A);
    bench.calls(in_chat("1", 0, send("hello")));
    bench.passes(2 * SECOND);
    assert!(bench.answers.is_empty());
    bench.passes(SECOND);
    let failed = bench.failed();
    // Nothing was sent, so it may be tried again.
    assert_eq!((failed.why, failed.retry), (Why::Unreachable, true));
    // One that comes in time is soon enough.
    bench.calls(in_chat("1", 0, send("hello")));
    bench.passes(2 * SECOND);
    bench.opens(A);
    assert_eq!(bench.next_refresh().0, A);
}

#[test]
fn an_attempt_to_connect_that_hangs_holds_nobody() {
    let mut bench = Bench::with(2, &[("web", "server-wait", "3")]);
    bench.calls(in_chat("1", 0, send("hello")));
    let (_, _, first) = bench.next_refresh();
    bench.closes(A);
    bench.passes(3 * SECOND);
    let (server, _, again) = bench.next_refresh();
    assert_eq!((server, key(&again)), (B, key(&first)));
    // Where there is no other, that is the end.
    let mut bench = Bench::down(1, &[("web", "server-wait", "3")]);
    bench.calls(in_chat("1", 0, poll()));
    bench.passes(6 * SECOND);
    assert_eq!(bench.failed().why, Why::Unreachable);
}

#[test]
fn pauses_between_attempts_to_connect_grow() {
    let mut bench = Bench::new(1);
    bench.connects.clear();
    for _ in 0..9 {
        bench.closes(A);
    }
    let pauses: Vec<_> = bench.connects.iter().map(|(_, after)| after.as_millis()).collect();
    assert_eq!(pauses, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
}

#[test]
fn what_may_have_been_said_is_not_to_be_repeated() {
    let cases =
        [(send("hello"), false), (poll(), true), (Verb::StartTyping { preview: None }, true)];
    for (verb, retry) in cases {
        let mut bench = Bench::with(1, &[("web", "call-max", "7")]);
        bench.calls(in_chat("1", 0, verb.clone()));
        bench.next();
        bench.passes(7 * SECOND);
        let failed = bench.failed();
        assert_eq!((failed.why, failed.retry), (Why::InDoubt, retry), "{verb:?}");
        assert_eq!(bench.gateway.calls(), 0);
    }
}

#[test]
fn a_key_of_the_clients_own_makes_a_retry_safe() {
    let mut bench = Bench::new(1);
    let Operation::InChat(there) = in_chat("1", 0, send("hello")) else { unreachable!() };
    let request_key = Some(Str::new("my-own"));
    bench.calls(Operation::InChat(InChat { request_key, ..there }));
    let (_, _, refresh) = bench.next_refresh();
    assert_eq!(&*key(&refresh), "my-own");
    bench.passes(60 * SECOND);
    assert!(bench.failed().retry);
}

#[test]
fn whoever_has_left_already_has_left() {
    // B26.7
    let mut bench = Bench::new(1);
    bench.calls(in_chat("1", 5, Verb::Disconnect));
    bench.next();
    bench.closes(A);
    bench.opens(A);
    let (_, logout) = bench.next();
    bench.says(A, logout.reference, refusal(ErrorId::NotInSession));
    let done = bench.done();
    assert_eq!((done.chat_ended, done.next_position), (true, 5));
}

#[test]
fn a_server_that_takes_it_for_no_node_is_used_and_told_of() {
    // B9.1, B10.7
    let mut bench = Bench::down(1, &[]);
    bench.handle(Input::Opened { server: A });
    let (_, node) = bench.next();
    bench.says(A, node.reference, refusal(ErrorId::LimitReached));
    let report = Report::NotANode { server: A, error_id: 8311 };
    assert_eq!(bench.others.last(), Some(&Action::Report(report)));
    bench.calls(in_chat("1", 0, poll()));
    assert_eq!(bench.next_refresh().0, A);
}
