//! The chat itself, over sockets, in whatever pieces it comes.

use confer_basic::Client as BasicClient;
use confer_core::frame::basic::{Event, Request, RequestJoin, RequestReleaseParty};
use confer_core::frame::{AfterAction, Frame, UserType, esp};
use confer_esp::Client as EspClient;
use confer_wire::Decoded;

use super::Shell;
use super::people::{House, Raw, Visitor, bytes, message, registration};
use crate::people::desk::{kv, register};
use crate::people::visitor::{is_closed, lines};
use crate::people::workflow::about;

/// An agent who comes after the others have gone reads what they said.
pub fn a_dormant_session_keeps_its_words<S: Shell>() {
    // B12.5, B20.11
    let house = House::<S>::open();
    let ana = house.agent("Ana");
    let asynchronous = kv([("GCTI_Chat_AsyncMode", "true")]);
    let join = RequestJoin { user_data: Some(asynchronous), ..RequestJoin::default() };
    let session = ana.asks(Request::RequestJoin(join)).session_id;
    let casey = house.person::<BasicClient>();
    casey.asks(Request::RequestRegister(register("Casey", UserType::Client)));
    let join = RequestJoin { session_id: Some(session.clone()), ..RequestJoin::default() };
    casey.asks(Request::RequestJoin(join));
    ana.says(&session, "your order is on its way");
    ana.asks(Request::RequestReleaseParty(RequestReleaseParty {
        session_id: session.clone(),
        user_id: None,
        user_data: None,
        message_text: None,
        after_action: Some(AfterAction::KeepAlive),
    }));
    let ben = house.agent("Ben");
    ben.joins(&session);
    ben.waits_for("Ana: your order is on its way");
    house.shell().stop();
    house.ends();
}

/// A customer, a workflow and an agent hear each other, and the session closes.
pub fn a_chat_over_all_three_protocols<S: Shell>() {
    chat(&House::<S>::open());
}

/// The chat that must be the same on every kind of connection.
pub(super) fn chat<S: Shell>(house: &House<S>) {
    // B5.3, B8.5: one order of events for everybody, on every protocol.
    let casey = Visitor::new(house, "Casey");
    let session = casey.creates();
    let workflow = house.person::<EspClient>();
    let call = about(&session, "Message", &[("MessageText", "Please wait")]);
    let answer = workflow.asks(esp::Request::Request3rdServer(call));
    assert!(matches!(answer, esp::Event::Event3rdServerResponse(_)), "{answer:?}");
    let ana = house.agent("Ana");
    ana.joins(&session);
    let seen = lines(&casey.refreshes(Some("hello?")));
    assert_eq!(seen, ["System comes", "System: Please wait", "Ana comes", "Casey: hello?"]);
    ana.waits_for("Casey: hello?");
    ana.says(&session, "how can I help?");
    assert_eq!(lines(&casey.refreshes(None)), ["Ana: how can I help?"]);
    ana.asks(Request::RequestReleaseParty(RequestReleaseParty {
        user_id: None,
        session_id: session,
        user_data: None,
        message_text: None,
        after_action: Some(AfterAction::ForceClose),
    }));
    let end = casey.refreshes(None);
    assert!(is_closed(&end));
    assert_eq!(lines(&end), ["Ana goes, 2", "Casey goes, 4"]);
    assert_eq!(
        ana.waits_for_the_end(),
        [
            "Casey comes",
            "System comes",
            "System: Please wait",
            "Ana comes",
            "Casey: hello?",
            "Ana: how can I help?",
            "Ana goes, 2",
            "Casey goes, 4",
        ]
    );
}

/// Where the bytes are cut does not matter.
pub fn one_byte_a_write<S: Shell>() {
    // wire §1
    let house = House::<S>::open();
    let mut ana = house.raw::<BasicClient>();
    let join = Request::RequestJoin(RequestJoin::default());
    for byte in registration("Ana").iter().chain(&bytes::<BasicClient>(2, join)) {
        assert!(ana.writes(&[*byte]));
    }
    let registered = answer(&mut ana);
    assert!(matches!(registered.body, Event::EventRegistered(_)), "{registered:?}");
    let joined = answer(&mut ana);
    assert_eq!(joined.reference, 2);
    assert!(matches!(joined.body, Event::EventSessionInfo(_)), "{joined:?}");
}

/// How many frames come at once does not matter, either.
pub fn many_frames_in_one_write<S: Shell>() {
    const MESSAGES: u32 = 500;
    let house = House::<S>::open();
    let mut ana = house.raw::<BasicClient>();
    let join = Request::RequestJoin(RequestJoin::default());
    assert!(ana.writes(&[registration("Ana"), bytes::<BasicClient>(2, join)].concat()));
    answer(&mut ana);
    let Event::EventSessionInfo(info) = answer(&mut ana).body else { panic!("no session") };
    let references = 3..3 + MESSAGES;
    let said = |reference| bytes::<BasicClient>(reference, message(&info.session_id, "hello?"));
    let together: Vec<u8> = references.clone().flat_map(said).collect();
    assert!(ana.writes(&together));
    for reference in references {
        assert_eq!(answer(&mut ana).reference, reference);
    }
}

/// Whoever joins late gets it all, in parts.
pub fn a_transcript_longer_than_the_sockets_hold<S: Shell>() {
    // B5.7, wire §4.1: it does not count as overflow of output-max-size.
    const MESSAGES: usize = 160;
    let house = House::<S>::with(&[("settings", "output-max-size", "1048576")]);
    let ana = house.agent("Ana");
    let session = ana.creates();
    let text = "x".repeat(60_000);
    for _ in 0..MESSAGES {
        ana.says(&session, &text);
    }
    let ben = house.agent("Ben");
    ben.joins(&session);
    ben.waits_for("Ben comes");
    house.serves_others();
}

fn answer(raw: &mut Raw<BasicClient>) -> Frame<Event> {
    match raw.hears() {
        Some(Decoded::Frame(frame)) => frame,
        other => panic!("no answer: {other:?}"),
    }
}
