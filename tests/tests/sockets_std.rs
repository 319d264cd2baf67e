//! The shell on blocking threads.
#![allow(clippy::wildcard_enum_match_arm, reason = "an answer is the one, or the test fails")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use confer_core::config::Config;
use confer_core::frame::basic::{Event, Request};
use confer_core::frame::{ErrorId, Frame, UserType};
use confer_core::id::PortId;
use confer_link::{Received, Settings, Tally};
use confer_runtime_std::client::{Connection, End};
use confer_runtime_std::{Options, Server};
use confer_tests::people::desk::register;
use confer_tests::suite::{PATIENCE, Shell};
use confer_wire::{Decoded, MAX_FRAME, decode};

struct Threads(Server);

impl Shell for Threads {
    fn start(config: Arc<Config>) -> Result<Self, String> {
        let server = Server::spawn(config, Options::default());
        server.map(Self).map_err(|error| error.to_string())
    }

    fn address(&self, port: PortId) -> SocketAddr {
        self.0.address(port).expect("it is open")
    }

    fn tally(&self) -> Tally {
        self.0.tally().expect("it runs")
    }

    fn drain(&self, patience: Duration) {
        self.0.drain(patience);
    }

    fn stop(&self) {
        self.0.stop();
    }

    fn join(self) {
        self.0.join().expect("it ends well");
    }
}

confer_tests::sockets!(Threads);

#[test]
fn a_server_that_is_dropped_stops() {
    let mut config = Config::default();
    config.set("ports.default", "listen", "127.0.0.1:0").unwrap();
    let server = Server::spawn(Arc::new(config), Options::default()).unwrap();
    let address = server.address(PortId::Default).unwrap();
    let ana = Connection::<confer_basic::Client>::connect(address, Settings::client(), PATIENCE);
    let ana = ana.unwrap();
    drop(server);
    assert!(matches!(ana.recv(), Err(End::ByServer | End::Broken(_))));
}

#[test]
fn the_same_seed_makes_the_same_ids() {
    let id = |seed| {
        let mut config = Config::default();
        config.set("ports.default", "listen", "127.0.0.1:0").unwrap();
        let options = Options { seed: Some(seed), ..Options::default() };
        let server = Server::spawn(Arc::new(config), options).unwrap();
        let address = server.address(PortId::Default).unwrap();
        let ana =
            Connection::<confer_basic::Client>::connect(address, Settings::client(), PATIENCE);
        let ana = ana.unwrap();
        ana.send(Request::RequestRegister(register("Ana", UserType::Agent))).unwrap();
        match ana.recv() {
            Ok(Received::Frame(Frame { body: Event::EventRegistered(it), .. })) => it.user_id,
            other => panic!("not registered: {other:?}"),
        }
    };
    assert_eq!(id([7; 32]), id([7; 32]));
    assert_ne!(id([7; 32]), id([8; 32]));
}

#[test]
fn an_answer_arrives_though_more_was_sent_than_anybody_took() {
    // wire §7: a connection closed over unread bytes would take its last words back.
    let mut config = Config::default();
    config.set("ports.default", "listen", "127.0.0.1:0").unwrap();
    let server = Server::spawn(Arc::new(config), Options::default()).unwrap();
    let mut stream = TcpStream::connect(server.address(PortId::Default).unwrap()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&vec![b'x'; 1 << 20]).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let Ok(Decoded::Frame(Frame { body: Event::EventError(error), .. })) =
        decode::<confer_basic::Client>(&answer, MAX_FRAME)
    else {
        panic!("no answer: {answer:?}");
    };
    assert_eq!(error.error_id, ErrorId::Undecodable.number());
}
