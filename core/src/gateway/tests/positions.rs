//! What is asked for, what is told, and what to ask for next.

use super::*;

/// Asks something with this position; what position the server was asked with.
fn asked(verb: Verb, position: u32, answer: EventStatus) -> (u32, Done) {
    let mut bench = Bench::new(1);
    bench.calls(in_chat("1", position, verb));
    let (server, Frame { reference, body }) = bench.next();
    let last = match body {
        Request::RequestRefresh(refresh) => refresh.last_position,
        Request::RequestNotify(notify) => notify.last_position,
        Request::RequestLogout(logout) => logout.last_position,
        other => panic!("{other:?}"),
    };
    bench.says(server, reference, answer);
    (last.expect("always said").number(), bench.done())
}

#[test]
fn a_position_is_the_first_event_that_is_wanted() {
    // B26.2
    let newest = EventId::MAX.number();
    for (position, last) in [(0, newest), (1, 0), (2, 1), (newest, newest - 1), (u32::MAX, newest)]
    {
        let (asked_with, _) = asked(poll(), position, told(Vec::new(), 5));
        assert_eq!(asked_with, last, "position {position}");
    }
}

#[test]
fn the_next_position_is_behind_the_last_event() {
    // B26.2
    // The answer's LastPosition + 1, gaps of hidden events passed over.
    let (_, done) = asked(poll(), 3, told([message(3), message(7)].into(), 7));
    assert_eq!((done.events.len(), done.next_position), (2, 8));
    let (_, done) = asked(poll(), 8, told(Vec::new(), 7));
    assert_eq!((done.events.len(), done.next_position), (0, 8));
}

#[test]
fn whoever_wants_no_events_gets_none_and_learns_where_to_go_on() {
    // B26.2
    // What was said comes back in the answer (B9.3), and is not told to whoever did not ask.
    let (_, done) = asked(send("hello"), 0, told([message(6)].into(), 6));
    assert_eq!((done.events.len(), done.next_position), (0, 7));
}

#[test]
fn an_answer_without_a_transcript_repeats_the_position() {
    // B26.2
    let silent = EventStatus { last_position: None, chat_transcript: None, ..told(Vec::new(), 1) };
    let (_, done) = asked(Verb::StartTyping { preview: None }, 4, silent);
    assert_eq!(done.next_position, 4);
}

#[test]
fn a_receipt_names_an_event_and_asks_for_none() {
    // B26.2, B7.4
    let mut bench = Bench::new(1);
    bench.calls(in_chat("1", 4, Verb::ReadReceipt));
    let (server, reference, notify) = bench.next_notice();
    assert_eq!(notify.last_position, Some(EventId::MAX));
    let data = notify.user_data.expect("user data");
    assert_eq!(data.text("last-event-id").as_deref(), Some("4"));
    bench.says(server, reference, told([message(9)].into(), 9));
    let done = bench.done();
    assert_eq!((done.events.len(), done.next_position), (0, 4));
}

#[test]
fn the_limits_of_files_are_told_beside_the_transcript() {
    // B22.2: the result has no place in the transcript, and does not move the position.
    let limits = KvList::from([("upload-max-files", "3".into())]);
    let result = command(0, "file-client-cfg-get", limits.clone());
    let (_, done) = asked(Verb::FileLimits, 5, told([message(5), result].into(), 5));
    assert_eq!(done.user_data, limits);
    assert_eq!((done.events.len(), done.events[0].event_id), (1, EventId::NONE));
    assert_eq!(done.next_position, 5);
}

#[test]
fn whoever_leaves_has_left() {
    let (_, done) = asked(Verb::Disconnect, 2, told([message(2)].into(), 2));
    assert!(done.chat_ended);
    let closed = EventStatus {
        session_status: Some(Open::Known(SessionStatus::Closed)),
        ..told(Vec::new(), 2)
    };
    let (_, done) = asked(poll(), 3, closed);
    assert!(done.chat_ended);
}

#[test]
fn new_ids_and_keys_are_passed_on() {
    // B20.4
    let (user_id, secure_key) = (UserId::new("00000000000000B2"), Secret::new("fedcba9876543210"));
    let answer = EventStatus {
        user_id: Some(user_id.clone()),
        secure_key: Some(secure_key.clone()),
        app_dbid: Some(77),
        ..told(Vec::new(), 2)
    };
    let (_, done) = asked(poll(), 3, answer);
    assert_eq!(done.customer, Customer { user_id, secure_key, ..casey() });
    assert_eq!(&*done.alias, "77");
}
