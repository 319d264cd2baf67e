//! A server of a world: what a runtime shell does round a machine, without the I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use confer_core::door::{Action, Input, LinkChange, Trust};
use confer_core::frame::Protocol;
use confer_core::id::LinkId;
use confer_core::machine::{Machine, Progress};
use confer_core::time::Instant;
use confer_link::{Change, Received, SendError, ServerLink, Settings};

/// Timers a machine may fire before its actions are carried out.
const BUDGET: usize = 64;

/// A server's process, or its absence.
pub(super) struct Server<S> {
    make: Box<dyn Fn([u8; 32], Instant) -> S>,
    machine: Option<S>,
    /// Which process this is; answers to an earlier one reach nobody.
    life: u32,
    links: BTreeMap<u64, Ended>,
    touched: BTreeSet<u64>,
    /// Work left over when the budget ran out is due at once.
    more: bool,
}

/// A link, and whether the machine knows that it is over.
struct Ended {
    link: ServerLink,
    told: bool,
}

impl<S> Server<S>
where
    S: Machine<Input = Input, Action = Action>,
{
    pub(super) fn new(make: Box<dyn Fn([u8; 32], Instant) -> S>) -> Self {
        Self {
            make,
            machine: None,
            life: 0,
            links: BTreeMap::new(),
            touched: BTreeSet::new(),
            more: false,
        }
    }

    pub(super) fn start(&mut self, seed: [u8; 32], now: Instant) {
        self.kill();
        self.life += 1;
        self.machine = Some((self.make)(seed, now));
    }

    pub(super) fn kill(&mut self) {
        self.machine = None;
        self.links.clear();
        self.touched.clear();
        self.more = false;
    }

    /// Which process runs, if one does.
    pub(super) fn life(&self) -> Option<u32> {
        self.machine.as_ref().map(|_| self.life)
    }

    pub(super) fn is_life(&self, life: u32) -> bool {
        self.life() == Some(life)
    }

    pub(super) fn machine(&self) -> Option<&S> {
        self.machine.as_ref()
    }

    pub(super) fn handle(&mut self, input: Input, now: Instant) {
        if let Some(machine) = &mut self.machine {
            machine.handle(input, now);
        }
    }

    pub(super) fn poll_action(&mut self) -> Option<Action> {
        self.machine.as_mut()?.poll_action()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let links = self.links.values().filter_map(|ended| ended.link.poll_timeout());
        let more = self.more.then_some(Instant::ZERO);
        self.machine.as_ref()?.poll_timeout().into_iter().chain(links).chain(more).min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let Some(machine) = &mut self.machine {
            self.more = machine.handle_timeout(now, BUDGET) == Progress::More;
        }
        let due = |ended: &Ended| ended.link.poll_timeout().is_some_and(|at| at <= now);
        let due: Vec<u64> =
            self.links.iter().filter(|(_, ended)| due(ended)).map(|(&id, _)| id).collect();
        for connection in due {
            if let Some(ended) = self.links.get_mut(&connection) {
                ended.link.handle_timeout(now);
            }
            self.tell(connection, now);
            self.touch(connection);
        }
    }

    pub(super) fn accept(
        &mut self,
        connection: u64,
        protocol: Protocol,
        settings: Settings,
        now: Instant,
    ) {
        // Nothing passes a link with a token before the token was right, so whatever the machine
        // will hear of it comes from somebody who showed it.
        let trust =
            if settings.access_token.is_some() { Trust::Authenticated } else { Trust::Open };
        let link = ServerLink::new(protocol, settings, now);
        let change = LinkChange::Opened { port: link.port(), trust };
        self.links.insert(connection, Ended { link, told: false });
        self.handle(Input::Link { link: LinkId(connection), change }, now);
        self.touched.insert(connection);
    }

    pub(super) fn receive(&mut self, connection: u64, mut bytes: &[u8], now: Instant) {
        let (Some(machine), Some(ended)) = (&mut self.machine, self.links.get_mut(&connection))
        else {
            return;
        };
        let id = LinkId(connection);
        while let Some(received) = ended.link.receive(&mut bytes, now) {
            let input = match received {
                Received::Frame(frame) => Input::Frame { link: id, frame },
                Received::Malformed(malformed) => Input::Malformed { link: id, malformed },
            };
            machine.handle(input, now);
        }
        self.tell(connection, now);
        self.touch(connection);
    }

    /// A `Send` or a `Close`. Reports go to the log.
    pub(super) fn carry_out(&mut self, action: Action, now: Instant) {
        match action {
            Action::Send { link: LinkId(connection), frame } => {
                if let Some(ended) = self.links.get_mut(&connection) {
                    match ended.link.send(frame, now) {
                        // The machine hears of a lost link in its turn.
                        Ok(()) | Err(SendError::Closed | SendError::Overflow) => {}
                        Err(error @ (SendError::Unencodable(_) | SendError::WrongProtocol)) => {
                            panic!("the machine made a frame that cannot be sent: {error}");
                        }
                    }
                    self.tell(connection, now);
                    self.touch(connection);
                }
            }
            Action::Close { link: LinkId(connection), .. } => {
                if let Some(ended) = self.links.get_mut(&connection) {
                    ended.link.close(now);
                    self.touched.insert(connection);
                }
            }
            Action::Ask { .. } | Action::Report(_) => {}
        }
    }

    /// The connection is gone.
    pub(super) fn closed(&mut self, connection: u64, now: Instant) {
        if let Some(Ended { told: false, .. }) = self.links.remove(&connection) {
            self.handle(Input::Link { link: LinkId(connection), change: LinkChange::Closed }, now);
        }
    }

    /// Links that may have something to write, or are over.
    pub(super) fn touched(&mut self) -> BTreeSet<u64> {
        mem::take(&mut self.touched)
    }

    pub(super) fn output(&self, connection: u64) -> &[u8] {
        self.links.get(&connection).map_or(&[], |ended| ended.link.output())
    }

    pub(super) fn sent(&mut self, connection: u64, count: usize) {
        if let Some(ended) = self.links.get_mut(&connection) {
            ended.link.sent(count);
        }
    }

    /// A link may have something to write.
    pub(super) fn touch(&mut self, connection: u64) {
        self.touched.insert(connection);
    }

    pub(super) fn is_finished(&self, connection: u64) -> bool {
        self.links.get(&connection).is_some_and(|ended| ended.link.is_finished())
    }

    /// Tells the machine what became of a link.
    pub(super) fn tell(&mut self, connection: u64, now: Instant) {
        let Some(ended) = self.links.get_mut(&connection) else { return };
        while let Some(change) = ended.link.poll_change() {
            let change = match change {
                Change::Congested => LinkChange::Congested,
                Change::Drained => LinkChange::Drained,
                Change::Lost(_) => LinkChange::Closed,
            };
            ended.told |= change == LinkChange::Closed;
            if let Some(machine) = &mut self.machine {
                machine.handle(Input::Link { link: LinkId(connection), change }, now);
            }
        }
    }
}
