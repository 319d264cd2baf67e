//! A client machine, run on threads.

mod shared;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant as StdInstant};

use confer_core::client::{Action, Desk, DeskNews, Input, News, Visitor};
use confer_core::machine::Machine;
use confer_core::time::Instant;
use confer_wire::Codec;

use crate::entropy;

use super::{End, Target};
use shared::Shared;

/// News that may wait to be received; then nothing more is read from the server before some are.
pub const NEWS_AHEAD: usize = 4096;

/// A client machine, and the protocol it speaks.
pub trait Client:
    Machine<
        Input = Input<<Self::Codec as Codec>::In>,
        Action = Action<<Self::Codec as Codec>::Out, Self::News>,
    >
{
    /// Its end of the protocol.
    type Codec: Codec;
    /// What it tells its user.
    type News;
}

impl Client for Desk {
    type Codec = confer_basic::Client;
    type News = DeskNews;
}

impl Client for Visitor {
    type Codec = confer_flex::Client;
    type News = News;
}

/// A [`Desk`] or a [`Visitor`] with everything round it: it makes the connections the machine asks
/// for, carries frames and deadlines, and keeps the news for whoever receives them.
///
/// All methods take `&self`, and any thread may call them: one may receive news while others say
/// things. Dropping it ends the connection in the background, without a farewell; whoever wants to
/// part politely has the machine leave, waits for that news, and [closes](Driver::close).
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use confer_core::client::{Desk, DeskNews, DeskSettings, News};
/// use confer_core::config::Config;
/// use confer_core::frame::UserType;
/// use confer_core::id::PortId;
/// use confer_runtime_std::client::{Driver, Target};
/// use confer_runtime_std::{Options, Server};
///
/// let mut config = Config::default();
/// config.set("ports.default", "listen", "127.0.0.1:0")?;
/// let server = Server::spawn(Arc::new(config), Options::default())?;
/// let address = server.address(PortId::Default).ok_or("the port is not open")?;
///
/// let settings = DeskSettings::new("Ana", UserType::Agent);
/// let ana = Driver::start(Target::new(address.to_string()), |seed| Desk::new(settings, seed))?;
/// let chat = ana.with(Desk::create)?;
/// let hello = ana.with(|desk, now| desk.say(chat, "Good morning!", now))?;
/// for news in ana.news() {
///     match news {
///         DeskNews::Chat(_, News::Confirmed { echo, .. }) if echo == hello => break,
///         DeskNews::Refused(error) => return Err(format!("not let in: {error}").into()),
///         _ => {}
///     }
/// }
/// assert_eq!(ana.with(|desk, _| desk.chat(chat).unwrap().view().events().count()), 2);
/// ana.close();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Driver<M: Client> {
    shared: Arc<Shared<M>>,
    threads: Vec<JoinHandle<()>>,
}

/// Why there is no connection.
#[derive(Debug)]
pub enum Trouble {
    /// None could be made.
    NotConnected(io::Error),
    /// It ended.
    Ended(End),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected(error) => write!(f, "cannot connect: {error}"),
            Self::Ended(end) => end.fmt(f),
        }
    }
}

impl std::error::Error for Trouble {}

impl<M> Driver<M>
where
    M: Client + Send + 'static,
    M::News: Send,
    M::Codec: 'static,
    <M::Codec as Codec>::In: Send,
    <M::Codec as Codec>::Out: Send,
{
    /// Runs the machine that `make` makes of a seed from the operating system, and connects it with
    /// a target whenever it wants to be. Several targets are servers with the same store, between
    /// which the machine moves (B22.13); it is to know of as many
    /// ([`Habits::servers`](confer_core::client::Habits::servers)).
    ///
    /// # Errors
    ///
    /// The operating system gives no seed or no thread. That the server cannot be reached is none:
    /// the machine tries again until it is told otherwise.
    pub fn start(
        targets: impl Into<Vec<Target>>,
        make: impl FnOnce([u8; 32]) -> M,
    ) -> io::Result<Self> {
        let targets = targets.into();
        let shared = Arc::new(Shared::new(make(entropy::seed()?)));
        // What was started ends with this, if there are no more threads to be had.
        let mut driver = Self { shared, threads: Vec::new() };
        let shared = Arc::clone(&driver.shared);
        let clock = Builder::new().name("clock".into()).spawn(move || shared.watch())?;
        driver.threads.push(clock);
        let shared = Arc::clone(&driver.shared);
        let line = Builder::new().name("line".into()).spawn(move || shared.talk(&targets))?;
        driver.threads.push(line);
        Ok(driver)
    }
}

impl<M: Client> Driver<M> {
    /// Calls a verb, or looks at the machine. Meanwhile the machine does nothing else, so this is no
    /// place to wait for anything.
    pub fn with<R>(&self, verb: impl FnOnce(&mut M, Instant) -> R) -> R {
        self.shared.with(verb)
    }

    /// Waits for news. `None`: the driver was [ended](Driver::end), and all its news were received.
    pub fn recv(&self) -> Option<M::News> {
        loop {
            match self.shared.recv(None) {
                Some(news) => return Some(news),
                None if self.is_ended() => return None,
                None => {}
            }
        }
    }

    /// Waits for news, so long at most. `None`: there were none.
    pub fn recv_timeout(&self, patience: Duration) -> Option<M::News> {
        self.shared.recv(Some(StdInstant::now().checked_add(patience)?))
    }

    /// The news, one after the other: [`recv`](Driver::recv) until the driver is ended.
    pub fn news(&self) -> impl Iterator<Item = M::News> {
        core::iter::from_fn(|| self.recv())
    }

    /// Why there is no connection, if there was trouble with the last one. To be shown to whoever is
    /// told that the machine is offline; the machine tries again by itself.
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble()
    }

    /// Ends the connection, writing before what waits as far as the server takes it, and the threads.
    /// Does not wait for that: any thread may call this while another receives.
    pub fn end(&self) {
        self.shared.end();
    }

    /// Whether it was ended.
    pub fn is_ended(&self) -> bool {
        self.shared.is_ended()
    }

    /// [Ends](Driver::end), and waits until everything is over: the time a connection may take to be
    /// made ([`Target::timeout`]) or to be closed, at most.
    pub fn close(mut self) {
        self.end();
        for thread in self.threads.drain(..) {
            // One that panicked has ended, too.
            let _ = thread.join();
        }
    }
}

impl<M: Client> Drop for Driver<M> {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests;
