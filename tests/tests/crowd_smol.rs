//! Many idle connections to the shell on smol.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use confer_core::config::Config;
use confer_core::id::PortId;
use confer_link::Tally;
use confer_runtime_smol::serve::{Running, Storing, start};
use confer_tests::suite::crowd::holds_idle_connections;
use confer_tests::suite::{Shell, in_time};

struct Smol(Running);

impl Shell for Smol {
    fn start(config: Arc<Config>) -> Result<Self, String> {
        start(config, &Storing::MEMORY).map(Self).map_err(|error| error.to_string())
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
fn ten_thousand_idle_connections() {
    let crowd = env!("CARGO_BIN_EXE_crowd");
    in_time(|| holds_idle_connections::<Smol>(crowd, 10_000, 4096));
}
