//! The client machines in the simulated world.

use confer_core::client::{Action, Desk, DeskNews, Input, News, Visitor};
use confer_core::machine::{Machine, Progress};
use confer_core::time::Instant;

use crate::people::Center;
use crate::world::{ClientAction, ClientId, ClientInput};

/// What a shell does round a client machine, and what its user was told.
#[derive(Debug)]
pub struct Shell<M, N> {
    /// The machine.
    pub machine: M,
    /// What its user was told, in order.
    pub news: Vec<N>,
}

/// A desk of a world.
pub type DeskId = ClientId<confer_basic::Client, Shell<Desk, DeskNews>>;
/// A visitor of a world.
pub type VisitorId = ClientId<confer_flex::Client, Shell<Visitor, News>>;

/// Puts a desk into a center.
pub fn desk(center: &Center, desk: Desk) -> DeskId {
    let shell = Shell { machine: desk, news: Vec::new() };
    center.world_mut().client(center.server(), shell)
}

/// Puts a visitor into a center.
pub fn visitor(center: &Center, visitor: Visitor) -> VisitorId {
    let shell = Shell { machine: visitor, news: Vec::new() };
    center.world_mut().client(center.server(), shell)
}

impl<M, E, R, N> Machine for Shell<M, N>
where
    M: Machine<Input = Input<E>, Action = Action<R, N>>,
{
    type Input = ClientInput<E>;
    type Action = ClientAction<R>;

    fn handle(&mut self, input: Self::Input, now: Instant) {
        let input = match input {
            ClientInput::Opened => Input::Opened,
            ClientInput::Closed => Input::Closed,
            ClientInput::Frame(frame) => Input::Frame(frame),
            ClientInput::Malformed(malformed) => Input::Malformed(malformed),
        };
        self.machine.handle(input, now);
    }

    fn handle_timeout(&mut self, now: Instant, budget: usize) -> Progress {
        self.machine.handle_timeout(now, budget)
    }

    fn poll_action(&mut self) -> Option<Self::Action> {
        loop {
            return Some(match self.machine.poll_action()? {
                Action::Connect { server, after } => ClientAction::ConnectTo(server, after),
                Action::Send(frame) => ClientAction::Send(frame),
                Action::Disconnect => ClientAction::Close,
                Action::Notify(news) => {
                    self.news.push(news);
                    continue;
                }
            });
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.machine.poll_timeout()
    }
}
