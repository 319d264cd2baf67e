//! The way to chat servers elsewhere: flex, over a connection to each.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use confer_core::frame::Frame;
use confer_core::frame::flex::Request;
use confer_core::gateway::{Input, ServerNo};
use confer_flex::Client;
use confer_link::Received;
use confer_runtime_std::client::{self, SendError, Target};
use tracing::{error, info, warn};

use super::node::{Lines, Teller};

/// The servers, in the order of their numbers.
pub(crate) struct Wires(Vec<Wire>);

/// The way to one of them, at whose other end is a thread.
struct Wire {
    connects: Sender<Duration>,
    line: Arc<Line>,
}

/// The connection, while there is one.
#[derive(Default)]
struct Line(Mutex<Option<client::Sender<Client>>>);

impl Wires {
    /// The ways to these servers, each with a thread that ends with this.
    ///
    /// # Errors
    ///
    /// The operating system gives no threads.
    pub(crate) fn new(targets: Vec<Target>, teller: &Teller) -> io::Result<Self> {
        let wire = |(number, target): (u8, Target)| {
            let (connects, connect) = channel();
            let line = Arc::new(Line::default());
            let (teller, there) = (teller.clone(), Arc::clone(&line));
            let run = move || tend(ServerNo(number), &target, &connect, &there, &teller);
            Builder::new().name("server".into()).spawn(run)?;
            Ok(Wire { connects, line })
        };
        (0..).zip(targets).map(wire).collect::<io::Result<_>>().map(Self)
    }
}

impl Lines for Wires {
    fn connect(&mut self, server: ServerNo, after: Duration) {
        if let Some(wire) = self.0.get(usize::from(server.0)) {
            // The thread lives as long as this.
            let _ = wire.connects.send(after);
        }
    }

    fn send(&mut self, server: ServerNo, frame: Frame<Request>) {
        let Some(wire) = self.0.get(usize::from(server.0)) else { return };
        let Some(line) = &*wire.line.lock() else { return };
        match line.post(frame) {
            // The end of the connection is heard where it is listened to.
            Ok(()) | Err(SendError::Over(_)) => {}
            Err(error @ SendError::Misuse(_)) => error!(?server, %error, "a request was lost"),
        }
    }
}

/// Makes connections to a server when they are wanted, and listens on them.
fn tend(
    server: ServerNo,
    target: &Target,
    connects: &Receiver<Duration>,
    line: &Line,
    teller: &Teller,
) {
    let mut trouble = String::new();
    while let Ok(after) = connects.recv() {
        std::thread::sleep(after);
        match target.connect::<Client>() {
            Err(error) => {
                // The same again is no news.
                let what = error.to_string();
                if what != trouble {
                    warn!(?server, address = %target, %error, "cannot connect to a chat server");
                    trouble = what;
                }
            }
            Ok(connection) => {
                trouble.clear();
                info!(?server, address = %target, "connected to a chat server");
                let (sender, receiver) = connection.split();
                *line.lock() = Some(sender);
                teller.tell(Input::Opened { server });
                let end = loop {
                    match receiver.recv() {
                        Ok(Received::Frame(frame)) => teller.tell(Input::Frame { server, frame }),
                        Ok(Received::Malformed(malformed)) => {
                            teller.tell(Input::Malformed { server, malformed });
                        }
                        Err(end) => break end,
                    }
                };
                *line.lock() = None;
                warn!(?server, address = %target, %end, "a chat server is lost");
            }
        }
        teller.tell(Input::Closed { server });
    }
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, Option<client::Sender<Client>>> {
        // Nothing panics under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
