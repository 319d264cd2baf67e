//! TLS on the chat ports, with real certificates.

use std::fmt::Debug;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use confer_basic::Client as BasicClient;
use confer_core::config::Config;
use confer_core::frame::basic::Request;
use confer_core::frame::{Control, UserType};
use confer_esp::Client as EspClient;
use confer_flex::Client as FlexClient;
use confer_link::Settings;
use confer_runtime_std::client::{Connection, End};
use confer_runtime_std::tls;
use confer_wire::Codec;

use super::authority::Authority;
use super::conversation;
use super::people::{House, Person, control, registration};
use super::{PATIENCE, Shell};
use crate::people::desk::register;

/// The chat is the same over TLS.
pub fn a_chat_over_tls<S: Shell>() {
    conversation::chat(&House::<S>::secure(&Authority::new(), &[]));
}

/// More than TLS or the sockets hold at a time.
pub fn a_long_answer_passes_tls_whole<S: Shell>() {
    const REQUESTS: usize = 20;
    let authority = Authority::new();
    let house = House::<S>::secure(&authority, &[]);
    let ana = house.agent("Ana");
    let session = ana.creates();
    let text = "x".repeat(60_000);
    for number in 0..REQUESTS {
        ana.says(&session, &format!("{number} {text}"));
    }
    let ben = house.agent("Ben");
    ben.joins(&session);
    for number in 0..REQUESTS {
        ben.waits_for(&format!("Ana: {number} {text}"));
    }
}

/// Both sides write as much as they can, and neither waits for the other.
pub fn many_requests_at_once_over_tls<S: Shell>() {
    const REQUESTS: u32 = 5000;
    let house = House::<S>::secure(&Authority::new(), &[]);
    let ana = house.person::<BasicClient>();
    for _ in 0..REQUESTS {
        // Only the first is granted; the rest is answered, too.
        ana.sends(Request::RequestRegister(register("Ana", UserType::Agent)));
    }
    for reference in 1..=REQUESTS {
        ana.waits_for_answer(reference);
    }
}

/// Certificates of this authority, on every port, and nothing else.
pub fn a_port_for_known_clients_takes_no_others<S: Shell>() {
    // B2.7
    let (authority, stranger) = (Authority::new(), Authority::new());
    let ca = authority.file("ca.pem");
    let house = House::<S>::secure(
        &authority,
        &[
            ("ports.default", "client-ca-file", &ca),
            ("ports.webapi", "client-ca-file", &ca),
            ("ports.ESP", "client-ca-file", &ca),
        ],
    );
    is_turned_away::<BasicClient, S>(&house, &authority.client(None));
    is_turned_away::<BasicClient, S>(&house, &authority.client(Some(&stranger)));
    is_turned_away::<FlexClient, S>(&house, &authority.client(None));
    is_turned_away::<EspClient, S>(&house, &authority.client(Some(&stranger)));
    conversation::chat(&house.known_as(authority.client(Some(&authority))));
}

/// A client talks to nobody it does not trust, nor to another than it meant.
pub fn a_server_that_is_not_trusted_hears_nothing<S: Shell>() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let house = House::<S>::secure(&authority, &[]);
    let address = house.address::<BasicClient>();
    let connect = |name: &str, trust: &tls::Client| {
        let settings = Settings::client();
        Connection::<BasicClient>::connect_tls(address, name, trust, settings, PATIENCE)
            .map(drop)
            .map_err(|error| error.kind())
    };
    let trust = authority.client(None);
    assert_eq!(connect("localhost", &stranger.client(None)), Err(ErrorKind::InvalidData));
    assert_eq!(connect("elsewhere", &trust), Err(ErrorKind::InvalidData));
    assert_eq!(connect("not a name", &trust), Err(ErrorKind::InvalidInput));
    assert_eq!(connect("localhost", &trust), Ok(()));
    house.serves_others();
}

/// A client with TLS at a port without is answered, and goes.
pub fn tls_on_a_port_without<S: Shell>() {
    // wire §7: a ClientHello is no frame.
    let authority = Authority::new();
    let house = House::<S>::open();
    let connected = Connection::<BasicClient>::connect_tls(
        house.address::<BasicClient>(),
        "localhost",
        &authority.client(None),
        Settings::client(),
        PATIENCE,
    );
    assert!(connected.is_err());
    assert_eq!(house.shell().tally().undecodable, 1);
    house.serves_others();
}

/// Somebody without TLS is answered with an alert at most, and harms nobody.
pub fn whoever_speaks_plainly_to_a_port_with_tls_is_closed<S: Shell>() {
    let authority = Authority::new();
    let house = House::<S>::secure(&authority, &[]);
    let polls = [
        registration("Ana"),
        control::<FlexClient>(1, Control::AddpPoll),
        control::<EspClient>(1, Control::AddpPoll),
    ];
    let addresses = [
        house.address::<BasicClient>(),
        house.address::<FlexClient>(),
        house.address::<EspClient>(),
    ];
    for (address, frame) in addresses.into_iter().zip(&polls) {
        let mut plain = TcpStream::connect(address).expect("the server accepts");
        plain.set_read_timeout(Some(PATIENCE)).expect("a timeout that is not zero");
        plain.write_all(frame).expect("it takes a few bytes");
        let mut rest = Vec::new();
        // It may be reset.
        let _ = plain.read_to_end(&mut rest);
        assert!(rest.first().is_none_or(|kind| *kind == 21), "no frame, an alert: {rest:?}");
    }
    house.serves_others();
    assert_eq!(house.shell().tally().broken, 3);
}

/// TLS keeps nobody longer than anything else does, on no port.
pub fn a_handshake_that_never_ends_is_cut<S: Shell>() {
    // B2.2
    let authority = Authority::new();
    let house = House::<S>::secure(&authority, &[("settings", "user-register-timeout", "1")]);
    let addresses = [
        house.address::<BasicClient>(),
        house.address::<FlexClient>(),
        house.address::<EspClient>(),
    ];
    // The beginning of a record of 512 bytes.
    let record = [22, 3, 1, 2, 0];
    let mut slow: Vec<_> = addresses
        .iter()
        .flat_map(|address| [&[][..], &record[..1], &record[..]].map(|said| (address, said)))
        .map(|(address, said)| {
            let mut stream = TcpStream::connect(address).expect("the server accepts");
            stream.set_read_timeout(Some(PATIENCE)).expect("a timeout that is not zero");
            stream.write_all(said).expect("it takes a few bytes");
            stream
        })
        .collect();
    // Whoever is through is not cut.
    let workflow = house.person::<EspClient>();
    for stream in &mut slow {
        let mut rest = Vec::new();
        // It may be reset.
        if let Err(error) = stream.read_to_end(&mut rest) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
    }
    let tally = house.shell().tally();
    assert_eq!(tally.dismissed + tally.broken, 9, "{tally:?}");
    assert_eq!(tally.opened - tally.closed, 1, "{tally:?}");
    house.serves_others();
    drop(workflow);
}

/// Nobody finds a port without TLS that was to have it.
pub fn a_file_that_is_not_what_it_should_be_is_named<S: Shell>() {
    let authority = Authority::new();
    let (chain, key) = (authority.file("localhost.pem"), authority.file("localhost-key.pem"));
    let wrong = authority.file("wrong.pem");
    std::fs::write(&wrong, "no certificate").expect("it can be written");
    for (certificate, key, authorities, named) in [
        (&wrong, &key, None, "wrong.pem"),
        (&chain, &wrong, None, "wrong.pem"),
        (&chain, &authority.file("missing.pem"), None, "missing.pem"),
        (&chain, &key, Some(&wrong), "wrong.pem"),
        // Another's.
        (&chain, &authority.file("ana-key.pem"), None, "localhost.pem"),
    ] {
        let mut config = Config::default();
        let mut set = |option, value| {
            config.set("ports.default", option, value).expect("a legal option");
        };
        set("listen", "127.0.0.1:0");
        set("certificate-file", certificate);
        set("private-key-file", key);
        if let Some(authorities) = authorities {
            set("client-ca-file", authorities);
        }
        for port in ["webapi", "ESP", "health", "web"] {
            config.set(&format!("ports.{port}"), "listen", "off").expect("a legal option");
        }
        let Err(refusal) = S::start(Arc::new(config)) else { panic!("it starts: {named}") };
        assert!(refusal.starts_with("port default cannot speak TLS: "), "{refusal}");
        assert!(refusal.contains(named), "{refusal}");
    }
}

/// Whoever has this is not heard.
fn is_turned_away<C, S>(house: &House<S>, tls: &tls::Client)
where
    C: Codec + 'static,
    C::In: Send + Debug,
    C::Out: Send,
    S: Shell,
{
    let address = house.address::<C>();
    let settings = Settings::client();
    let connected = Connection::<C>::connect_tls(address, "localhost", tls, settings, PATIENCE);
    // In TLS 1.3 the client hears of it after the handshake.
    if let Ok(connection) = connected {
        let (heard, end) = Person::over(connection).ends();
        assert!(heard.is_empty(), "{heard:?}");
        assert!(matches!(end, End::Broken(_) | End::ByServer), "{end:?}");
    }
}
