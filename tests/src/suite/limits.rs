//! Peers that are too many, too slow, or strangers.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use confer_basic::Client as BasicClient;
use confer_core::frame::basic::{Event, Request, RequestJoin};
use confer_core::frame::{Control, ErrorId, Frame, UserType, esp};
use confer_core::id::SessionId;
use confer_core::pii::Secret;
use confer_esp::Client as EspClient;
use confer_flex::Client as FlexClient;
use confer_link::Settings;
use confer_runtime_std::client::End;
use confer_wire::{Codec, Decoded};

use super::people::{House, Person, Raw, Refuses, bytes, control, message, registration};
use super::{PATIENCE, Shell};
use crate::people::desk::register;
use crate::people::visitor::login;
use crate::people::workflow::about;

const TOKEN: &str = "let me in";

/// A connection that says nothing is closed, where connections must say something.
pub fn whoever_does_not_register_in_time_is_closed<S: Shell>() {
    // B2.2
    let house = House::<S>::with(&[("settings", "user-register-timeout", "1")]);
    let mut workflow = house.raw::<EspClient>();
    let mut agent = house.raw::<BasicClient>();
    let mut gateway = house.raw::<FlexClient>();
    // Polls do not count.
    assert!(agent.writes(&control::<BasicClient>(1, Control::AddpPoll)));
    assert!(matches!(agent.hears(), Some(Decoded::Control(_))));
    assert_eq!(agent.hears(), None);
    assert_eq!(gateway.hears(), None);
    assert!(workflow.writes(&bytes::<EspClient>(1, nothing())));
    assert!(matches!(workflow.hears(), Some(Decoded::Frame(_))));
}

/// Slow bytes are no requests, on the ports where something must be said in time.
pub fn a_byte_now_and_then_does_not_keep_a_connection<S: Shell>() {
    // B2.2
    const SLOW: usize = 25;
    let house = House::<S>::with(&[("settings", "user-register-timeout", "1")]);
    let mut agents: Vec<_> = (0..SLOW).map(|_| house.raw::<BasicClient>()).collect();
    let mut gateways: Vec<_> = (0..SLOW).map(|_| house.raw::<FlexClient>()).collect();
    house.serves_others();
    let name = "x".repeat(60_000);
    let request = bytes::<FlexClient>(1, login(&name, None));
    let pause = Duration::from_millis(1);
    for (agents_byte, gateways_byte) in registration(&name).iter().zip(&request) {
        agents.retain_mut(|raw| raw.writes(&[*agents_byte]) && !raw.ends_within(pause));
        gateways.retain_mut(|raw| raw.writes(&[*gateways_byte]) && !raw.ends_within(pause));
        if agents.is_empty() && gateways.is_empty() {
            assert_eq!(house.shell().tally().dismissed, 2 * SLOW as u64);
            return;
        }
    }
    panic!("{} and {} connections are still open", agents.len(), gateways.len());
}

/// A workflow may take its time, and costs nobody else any.
pub fn a_byte_now_and_then_is_a_request_in_the_end<S: Shell>() {
    // B2.2: ESP has no such timeout.
    const SLOW: usize = 25;
    let house = House::<S>::with(&[("settings", "user-register-timeout", "1")]);
    let mut slow: Vec<_> = (0..SLOW).map(|_| house.raw::<EspClient>()).collect();
    let (ana, ben) = (house.agent("Ana"), house.agent("Ben"));
    let session = ana.creates();
    ben.joins(&session);
    for (number, byte) in bytes::<EspClient>(1, nothing()).iter().enumerate() {
        assert!(slow.iter_mut().all(|raw| raw.writes(&[*byte])));
        ana.says(&session, &format!("{number}"));
        ben.waits_for(&format!("Ana: {number}"));
    }
    for raw in &mut slow {
        assert!(matches!(raw.hears(), Some(Decoded::Frame(_))));
    }
}

/// The number of connections is limited, and places come free again.
pub fn one_connection_more_than_there_may_be_is_closed<S: Shell>() {
    // B2.3
    let house = House::<S>::with(&[("settings", "max-connections", "3")]);
    let (ana, ben) = (house.agent("Ana"), house.agent("Ben"));
    let workflow = house.person::<EspClient>();
    assert!(is_fault(&workflow.asks(nothing())));
    for _ in 0..3 {
        assert!(house.raw::<FlexClient>().hears().is_none());
    }
    assert_eq!(house.shell().tally().refused, 3);
    let session = ana.creates();
    ben.joins(&session);
    drop(workflow);
    comes_in(house.address::<BasicClient>());
    ana.says(&session, "still there?");
    ben.waits_for("Ana: still there?");
}

/// Whoever shows the token is served.
pub fn the_access_token_opens_a_port<S: Shell>() {
    // B2.7
    let house = locked::<S>();
    let access_token = Some(Secret::new(TOKEN));
    let settings = Settings { access_token, ..Settings::client() };
    let ana = house.person_with::<BasicClient>(settings.clone());
    let registered = ana.asks(registering("Ana"));
    assert!(matches!(registered, Event::EventRegistered(_)), "{registered:?}");
    let casey = house.person_with::<FlexClient>(settings.clone());
    assert_eq!(casey.asks(login("Casey", None)).error(), None);
    let workflow = house.person_with::<EspClient>(settings);
    assert!(is_fault(&workflow.asks(nothing())));
}

/// Whoever does not, is not.
pub fn a_wrong_access_token_or_none_is_refused<S: Shell>() {
    // B2.7
    let house = locked::<S>();
    for access_token in [None, Some(Secret::new("let me out"))] {
        let settings = Settings { access_token, ..Settings::client() };
        is_not_allowed::<BasicClient>(&house.person_with(settings.clone()), registering("Ana"));
        is_not_allowed::<FlexClient>(&house.person_with(settings.clone()), login("Casey", None));
        is_not_allowed::<EspClient>(&house.person_with(settings), nothing());
    }
    assert_eq!(house.shell().tally().not_authenticated, 6);
}

/// A peer that is gone although its connection is not.
pub fn a_silent_peer_is_polled_and_given_up<S: Shell>() {
    // B2.6; the options count in seconds.
    let house = House::<S>::with(&[
        ("ports.default", "addp-timeout", "1"),
        ("ports.default", "addp-remote-timeout", "7"),
    ]);
    let remote_timeout = Duration::from_secs(7);
    // Answers polls by itself.
    let ana = house.agent("Ana");
    let mut raw = house.raw::<BasicClient>();
    let setup = Frame::new(0, Control::AddpSetup { remote_timeout });
    assert_eq!(raw.hears(), Some(Decoded::Control(setup)));
    assert!(raw.writes(&registration("Ben")));
    assert!(matches!(raw.hears(), Some(Decoded::Frame(_))));
    assert_eq!(raw.hears(), Some(Decoded::Control(Frame::new(0, Control::AddpPoll))));
    assert_eq!(raw.hears(), None);
    assert_eq!(house.shell().tally().silent, 1);
    ana.creates();
}

/// One that does not read holds up nobody.
pub fn a_peer_that_does_not_read_is_cut_and_the_others_go_on<S: Shell>() {
    // B2.5, B2.4: it goes like anybody whose connection is lost, reason 3.
    let house = House::<S>::with(&[
        ("settings", "output-max-size", "1048576"),
        ("settings", "max-connections", "4"),
    ]);
    let (ana, ben) = (house.agent("Ana"), house.agent("Ben"));
    let session = ana.creates();
    ben.joins(&session);
    let mut raw = house.raw::<BasicClient>();
    let join = bytes::<BasicClient>(2, joining(&session));
    assert!(raw.writes(&[registration("Sloth"), join].concat()));
    ana.waits_for("Sloth comes");
    let text = "x".repeat(60_000);
    // Sockets hold a few megabytes.
    for number in 0..200 {
        let text = format!("{number} {text}");
        ana.says(&session, &text);
        ben.waits_for(&format!("Ana: {text}"));
    }
    ana.waits_for("Sloth goes, 3");
    ben.waits_for("Sloth goes, 3");
    ana.says(&session, "still there?");
    ben.waits_for("Ana: still there?");
    // Its place is free though it never read a byte.
    let _others = [(); 2].map(|()| comes_in(house.address::<BasicClient>()));
    assert!(raw.ends_within(PATIENCE));
    assert_eq!(house.shell().tally().overflowed, 1);
}

/// Many come and go at once, and each place is free afterwards.
pub fn a_storm_of_connections_leaves_nothing_behind<S: Shell>() {
    // B2.3
    const THREADS: usize = 4;
    const EACH: usize = 125;
    const PLACES: usize = 32;
    let house = House::<S>::with(&[("settings", "max-connections", &PLACES.to_string())]);
    let address = house.address::<BasicClient>();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..EACH).for_each(|number| rush(address, number)));
        }
    });
    let people: Vec<_> = (0..PLACES).map(|_| comes_in(address)).collect();
    let answer = people[0].asks(Request::RequestJoin(RequestJoin::default()));
    let Event::EventSessionInfo(info) = answer else { panic!("no session: {answer:?}") };
    let session = info.session_id;
    for person in &people[1..] {
        let answer = person.asks(joining(&session));
        assert!(matches!(answer, Event::EventSessionInfo(_)), "{answer:?}");
    }
    people[0].asks(message(&session, "hello?"));
    let tally = house.shell().tally();
    assert_eq!(tally.opened - tally.closed, PLACES as u64);
    assert!(tally.broken > 0, "resets are counted: {tally:?}");
}

/// Connects, and goes at one point or another.
fn rush(address: SocketAddr, number: usize) {
    let Ok(raw) = Raw::<BasicClient>::on(address) else { return };
    let frame = registration("Rush");
    let said = match number % 4 {
        0 => 0,
        1 => 1 + number % (frame.len() - 1),
        _ => frame.len(),
    };
    raw.writes(&frame[..said]);
    if number % 4 == 3 {
        let join = Request::RequestJoin(RequestJoin::default());
        raw.writes(&bytes::<BasicClient>(2, join));
    }
    match number % 3 {
        0 => raw.resets(),
        1 => raw.falls_silent(),
        _ => {}
    }
}

/// Tries until there is a place.
fn comes_in(address: SocketAddr) -> Person<BasicClient> {
    let began = std::time::Instant::now();
    while began.elapsed() < PATIENCE {
        if let Ok(person) = Person::on(address, Settings::client())
            && let Ok(Event::EventRegistered(_)) = person.tries(registering("Late"))
        {
            return person;
        }
    }
    panic!("no place comes free");
}

fn locked<S: Shell>() -> House<S> {
    House::with(&[
        ("ports.default", "access-token", TOKEN),
        ("ports.webapi", "access-token", TOKEN),
        ("ports.ESP", "access-token", TOKEN),
    ])
}

/// It is answered with 8307, and the connection closed.
fn is_not_allowed<C>(person: &Person<C>, request: C::Out)
where
    C: Codec + 'static,
    C::In: Refuses + Send + std::fmt::Debug,
    C::Out: Send,
{
    // A wrong token is refused without waiting for more.
    person.tries_to_send(request);
    let (heard, end) = person.ends();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0].error(), Some(ErrorId::NotAllowed));
    assert!(matches!(end, End::ByServer | End::Broken(_)), "{end:?}");
}

fn registering(nickname: &str) -> Request {
    Request::RequestRegister(register(nickname, UserType::Agent))
}

fn joining(session: &SessionId) -> Request {
    Request::RequestJoin(RequestJoin {
        session_id: Some(session.clone()),
        ..RequestJoin::default()
    })
}

/// A call about a session that is not there.
fn nothing() -> esp::Request {
    let session = SessionId::new("000AB3CD5EF6GH7J");
    esp::Request::Request3rdServer(about(&session, "GetSessionInfo", &[]))
}

fn is_fault(event: &esp::Event) -> bool {
    event.error() == Some(ErrorId::NoSuchSession)
}
