//! Servers that end.

use std::net::TcpStream;
use std::time::Duration;

use confer_basic::Client as BasicClient;
use confer_core::frame::basic::{Event, Request, RequestJoin, RequestReleaseParty};
use confer_core::frame::{AfterAction, SessionStatus};
use confer_core::id::SessionId;
use confer_runtime_std::client::End;
use confer_wire::Decoded;

use super::people::{House, Refuses, bytes, message, registration};
use super::{PATIENCE, Shell};

/// There is nothing to wait for.
pub fn a_server_without_sessions_drains_at_once<S: Shell>() {
    // B20.7
    let house = House::<S>::open();
    let address = house.address::<BasicClient>();
    let ana = house.agent("Ana");
    house.shell().drain(PATIENCE * 100);
    assert_eq!(ana.line().ends(), (Vec::new(), End::ByServer));
    house.ends();
    assert!(TcpStream::connect(address).is_err(), "the port is closed");
}

/// Sessions stay until they close, and none is added.
pub fn a_draining_server_waits_for_its_sessions<S: Shell>() {
    // B20.7
    let house = House::<S>::open();
    let (ana, ben) = (house.agent("Ana"), house.agent("Ben"));
    let session = ana.creates();
    house.shell().drain(PATIENCE * 100);
    let refused = loop {
        // The order comes on another way than the request.
        let answer = ben.line().asks(Request::RequestJoin(RequestJoin::default()));
        match answer {
            Event::EventSessionInfo(info) => ben.line().asks(release(&info.session_id)),
            refused @ (Event::EventError(_)
            | Event::EventRegistered(_)
            | Event::EventUnregistered) => break refused,
        };
    };
    assert!(refused.error().is_some(), "{refused:?}");
    ana.says(&session, "still there?");
    let answer = ana.asks(release(&session));
    assert_eq!(answer.session_status, SessionStatus::Closed.into());
    assert_eq!(ana.line().ends().1, End::ByServer);
    assert_eq!(ben.line().ends().1, End::ByServer);
    house.ends();
}

/// Whoever is in a session at the end is told.
pub fn a_server_that_may_not_wait_closes_its_sessions<S: Shell>() {
    // B20.7: reason 5
    let house = House::<S>::open();
    let ana = house.agent("Ana");
    ana.creates();
    house.shell().drain(Duration::ZERO);
    assert_eq!(ana.waits_for_the_end(), ["Ana comes", "Ana goes, 5"]);
    assert_eq!(ana.line().ends(), (Vec::new(), End::ByServer));
    house.ends();
}

/// What a server has begun to say it says, to a slow reader, too.
pub fn the_last_words_are_whole_however_slowly_they_are_read<S: Shell>() {
    // B20.7
    let house = House::<S>::open();
    let mut raw = house.raw::<BasicClient>();
    let join = bytes::<BasicClient>(2, Request::RequestJoin(RequestJoin::default()));
    assert!(raw.writes(&[registration("Ana"), join].concat()));
    raw.hears();
    let Some(Decoded::Frame(answer)) = raw.hears() else { panic!("no answer") };
    let Event::EventSessionInfo(info) = answer.body else { panic!("no session") };
    let ben = house.agent("Ben");
    ben.joins(&info.session_id);
    let text = "x".repeat(60_000);
    let references = 3..23;
    for reference in references.clone() {
        let text = format!("{reference} {text}");
        assert!(raw.writes(&bytes::<BasicClient>(reference, message(&info.session_id, &text))));
    }
    // What he has seen, she was answered.
    ben.waits_for(&format!("Ana: 22 {text}"));
    house.shell().drain(Duration::ZERO);
    let mut answered = 0;
    let mut closed = false;
    // Half a frame fails in here.
    while let Some(heard) = raw.hears() {
        let Decoded::Frame(frame) = heard else { continue };
        answered += u32::from(references.contains(&frame.reference));
        if let Event::EventSessionInfo(info) = frame.body {
            closed |= info.session_status == SessionStatus::Closed.into();
        }
    }
    assert_eq!((answered, closed), (20, true));
    house.ends();
}

/// Ending at once ends everything.
pub fn a_stopped_server_leaves_nobody_waiting<S: Shell>() {
    let house = House::<S>::open();
    let address = house.address::<BasicClient>();
    let ana = house.agent("Ana");
    let mut half = house.raw::<BasicClient>();
    assert!(half.writes(&registration("Ben")[..5]));
    house.shell().stop();
    let (_, end) = ana.line().ends();
    assert!(matches!(end, End::ByServer | End::Broken(_)), "{end:?}");
    assert_eq!(half.hears(), None);
    house.ends();
    assert!(TcpStream::connect(address).is_err(), "the port is closed");
}

/// Leaves, and closes the session.
fn release(session: &SessionId) -> Request {
    Request::RequestReleaseParty(RequestReleaseParty {
        user_id: None,
        session_id: session.clone(),
        user_data: None,
        message_text: None,
        after_action: Some(AfterAction::ForceClose),
    })
}
