//! The shell on smol as it is where there is no epoll: every socket a source of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use confer_core::config::Config;
use confer_core::id::PortId;
use confer_link::Tally;
use confer_runtime_smol::serve::{Running, Storing, start_portable};
use confer_tests::suite::Shell;

struct Portable(Running);

impl Shell for Portable {
    fn start(config: Arc<Config>) -> Result<Self, String> {
        start_portable(config, &Storing::MEMORY).map(Self).map_err(|error| error.to_string())
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

confer_tests::sockets!(Portable);
