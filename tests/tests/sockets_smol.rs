//! The shell on smol: the server people run.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use confer_core::config::Config;
use confer_core::id::PortId;
use confer_runtime_smol::serve::{Running, start};
use confer_tests::suite::Shell;

struct Smol(Running);

impl Shell for Smol {
    fn start(config: Arc<Config>) -> Self {
        Self(start(config).expect("it starts"))
    }

    fn address(&self, port: PortId) -> SocketAddr {
        self.0.address(port).expect("it is open")
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

confer_tests::sockets!(Smol);
