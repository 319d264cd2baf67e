//! Many idle connections to the shell on blocking threads.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use confer_core::config::Config;
use confer_core::id::PortId;
use confer_link::Tally;
use confer_runtime_std::{MAX_CONNECTIONS, Options, Server};
use confer_tests::cases;
use confer_tests::suite::crowd::holds_idle_connections;
use confer_tests::suite::{Shell, in_time};

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

#[test]
fn as_many_idle_connections_as_two_threads_each_allow() {
    let crowd = env!("CARGO_BIN_EXE_crowd");
    let count = usize::try_from(cases(500, MAX_CONNECTIONS - 16)).expect("a few thousand");
    in_time(move || holds_idle_connections::<Threads>(crowd, count, 65_536));
}
