//! A contact center on one floor: the server's machine, the lines of everybody who talks to it,
//! a store that keeps nothing, and a clock that goes on when it is told to.

use alloc::vec::Vec;
use core::time::Duration;

use confer_core::ask::{Contact, Outcome, Request as AskRequest};
use confer_core::config::Config;
use confer_core::door::{Action, Input, LinkChange, Trust};
use confer_core::frame::{Event, Frame, KvList, Protocol, Request};
use confer_core::id::{LinkId, OpId};
use confer_core::machine::{Machine as _, Progress};
use confer_core::server::Server;
use confer_core::time::{Instant, Wall};
use confer_link::{Change, Loss, Received};

use crate::line::Line;

/// What the machine is given instead of a die and a calendar: 2026-01-01T00:00:00Z.
const SEED: [u8; 32] = [7; 32];
const WALL: Wall = Wall::new(Instant::ZERO, 1_767_225_600_000);
/// Timers that fire before anybody else has a turn.
const BUDGET: usize = 64;

/// What went wrong.
pub type Fault = &'static str;

/// The server, and whatever surrounds it.
pub struct Floor {
    server: Server,
    now: Instant,
    lines: Vec<Line>,
    /// Asked of the store, and not answered yet.
    asked: Vec<(OpId, AskRequest)>,
    reference: u32,
    frames: u32,
}

/// One line of the floor.
#[derive(Clone, Copy)]
pub struct LineNo(usize);

impl Floor {
    /// A server that has met nobody, with this configuration.
    pub fn open(config: Config) -> Self {
        Self {
            server: Server::new(config.into(), SEED, WALL, Instant::ZERO),
            now: Instant::ZERO,
            lines: Vec::new(),
            asked: Vec::new(),
            reference: 0,
            frames: 0,
        }
    }

    /// Somebody connects to the port of a protocol.
    pub fn connect(&mut self, protocol: Protocol) -> Result<LineNo, Fault> {
        let line = Line::new(LinkId(self.lines.len() as u64 + 1), protocol, self.now);
        let change = LinkChange::Opened { port: line.port(), trust: Trust::Open };
        self.server.handle(Input::Link { link: line.id, change }, self.now);
        self.lines.push(line);
        self.settle()?;
        Ok(LineNo(self.lines.len() - 1))
    }

    /// Somebody asks; the answer, which everybody else has heard of by then.
    pub fn ask(&mut self, line: LineNo, request: impl Into<Request>) -> Result<Event, Fault> {
        self.reference += 1;
        let reference = self.reference;
        self.lines[line.0].send(Frame::new(reference, request.into()), self.now)?;
        self.settle()?;
        self.answer(line, reference)
    }

    /// Somebody sends bytes no client would send, whose reference is `reference`; the answer.
    pub fn ask_raw(&mut self, line: LineNo, bytes: &[u8], reference: u32) -> Result<Event, Fault> {
        self.lines[line.0].send_raw(bytes);
        self.settle()?;
        self.answer(line, reference)
    }

    /// What somebody was told without having asked, since the last time.
    pub fn news(&mut self, line: LineNo) -> Vec<Event> {
        self.lines[line.0].heard.drain(..).map(|frame| frame.body).collect()
    }

    /// Why a line was given up, if it was.
    pub fn loss(&self, line: LineNo) -> Option<Loss> {
        self.lines[line.0].loss
    }

    /// So much time passes.
    pub fn pass(&mut self, duration: Duration) -> Result<(), Fault> {
        let until = self.now + duration;
        while let Some(due) = self.server.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            while self.server.handle_timeout(self.now, BUDGET) == Progress::More {}
            self.settle()?;
        }
        self.now = until;
        Ok(())
    }

    /// Sessions the server holds.
    pub fn sessions(&self) -> usize {
        self.server.sessions()
    }

    /// Frames that crossed a line, either way.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    fn answer(&mut self, line: LineNo, reference: u32) -> Result<Event, Fault> {
        let heard = &mut self.lines[line.0].heard;
        let index = heard.iter().position(|frame| frame.reference == reference);
        let answer = heard.remove(index.ok_or("no answer")?).body;
        let again = heard.iter().any(|frame| frame.reference == reference);
        if again { Err("more than one answer") } else { Ok(answer) }
    }

    /// Lets everything that is under way arrive.
    fn settle(&mut self) -> Result<(), Fault> {
        loop {
            let before = self.frames;
            for index in 0..self.lines.len() {
                while let Some(received) = self.lines[index].bring(self.now) {
                    self.frames += 1;
                    self.receive(self.lines[index].id, received);
                    self.carry_out()?;
                }
                self.look_after(index);
            }
            self.carry_out()?;
            for line in &mut self.lines {
                self.frames += line.bring_back(self.now)?;
            }
            if self.frames == before {
                return Ok(());
            }
        }
    }

    fn receive(&mut self, link: LinkId, received: Received<Request>) {
        let input = match received {
            Received::Frame(frame) => Input::Frame { link, frame },
            Received::Malformed(malformed) => Input::Malformed { link, malformed },
        };
        self.server.handle(input, self.now);
    }

    /// Does what the machine wants done, and answers what it asks.
    fn carry_out(&mut self) -> Result<(), Fault> {
        loop {
            while let Some(action) = self.server.poll_action() {
                match action {
                    Action::Send { link, frame } => {
                        let line = self.lines.iter_mut().find(|line| line.id == link);
                        line.ok_or("an event for nobody")?.answer(frame, self.now)?;
                    }
                    Action::Close { link, .. } => {
                        let line = self.lines.iter_mut().find(|line| line.id == link);
                        line.ok_or("nobody's line is closed")?.close(self.now);
                    }
                    Action::Ask { op, request } => self.asked.push((op, request)),
                    Action::Report(_) => {}
                }
            }
            if self.asked.is_empty() {
                return Ok(());
            }
            let (op, request) = self.asked.remove(0);
            let outcome = match request {
                AskRequest::Contact(Contact::Identify { .. }) => {
                    Outcome::Identified { contact: None, attributes: KvList::new() }
                }
                AskRequest::Record(_)
                | AskRequest::Interaction(_)
                | AskRequest::Document(_)
                | AskRequest::Instance(_) => Outcome::Done,
            };
            self.server.handle(Input::Done { op, outcome }, self.now);
        }
    }

    /// Tells the machine of a connection that is gone.
    fn look_after(&mut self, index: usize) {
        let line = &mut self.lines[index];
        if let Some(Change::Lost(loss)) = line.change() {
            line.loss = Some(loss);
            let closed = Input::Link { link: line.id, change: LinkChange::Closed };
            self.server.handle(closed, self.now);
        }
    }
}
