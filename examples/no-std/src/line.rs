//! Both ends of one connection, with nothing between them but bytes.

use confer_core::door::{Action, Input, LinkChange, Trust};
use confer_core::frame::Frame;
use confer_core::id::LinkId;
use confer_core::machine::Machine as _;
use confer_core::time::Instant;
use confer_link::{Change, Link, Received, ServerLink, Settings};
use confer_wire::Codec;

use crate::echo::Echo;

/// The bytes that arrive at once: few enough that hardly a frame comes in one piece.
const PIECE: usize = 24;

/// The server's machine, and what the shell round it knows.
pub struct Server {
    /// The machine.
    pub machine: Echo,
    /// The time.
    pub now: Instant,
    /// The number of the newest request.
    pub reference: u32,
    /// Frames that arrived, at either end.
    pub frames: u32,
}

/// One connection: the client's link at the near end, the server's at the far one.
pub struct Line<C: Codec> {
    id: LinkId,
    near: Link<C>,
    far: ServerLink,
}

/// What went wrong.
pub type Fault = &'static str;

impl<C: Codec> Line<C> {
    /// A connection that has just been made to the port of its protocol.
    pub fn open(id: LinkId, server: &mut Server) -> Self {
        let link = ServerLink::new(C::PROTOCOL, Settings::server(), server.now);
        let change = LinkChange::Opened { port: link.port(), trust: Trust::Open };
        server.machine.handle(Input::Link { link: id, change }, server.now);
        Self { id, near: Link::new(Settings::client(), server.now), far: link }
    }

    /// Sends a request; its one answer.
    pub fn ask(&mut self, request: C::Out, server: &mut Server) -> Result<C::In, Fault> {
        server.reference += 1;
        let frame = Frame::new(server.reference, request);
        self.near.send(frame, server.now).map_err(|_| "the request cannot be sent")?;
        while !self.near.output().is_empty() {
            let piece = first_piece(self.near.output());
            let taken = piece.len();
            arrive(self.id, &mut self.far, piece, server)?;
            self.near.sent(taken);
        }
        self.answer(server.reference, server)
    }

    /// Sends bytes no client would send, whose reference is `reference`; the one answer.
    pub fn ask_raw(
        &mut self,
        bytes: &[u8],
        reference: u32,
        server: &mut Server,
    ) -> Result<C::In, Fault> {
        for piece in bytes.chunks(PIECE) {
            arrive(self.id, &mut self.far, piece, server)?;
        }
        self.answer(reference, server)
    }

    /// What happened to the connection.
    pub fn change(&mut self) -> Option<Change> {
        self.far.poll_change().or_else(|| self.near.poll_change())
    }

    /// Ends a connection that its server's end has given up.
    pub fn close(self, server: &mut Server) -> Result<(), Fault> {
        if !self.far.is_finished() {
            return Err("the connection is not finished");
        }
        let closed = Input::Link { link: self.id, change: LinkChange::Closed };
        server.machine.handle(closed, server.now);
        if server.machine.knows(self.id) {
            return Err("the machine still knows the connection");
        }
        Ok(())
    }

    /// Brings the output of the server's end over.
    fn answer(&mut self, reference: u32, server: &mut Server) -> Result<C::In, Fault> {
        let mut answer = None;
        while !self.far.output().is_empty() {
            let mut piece = first_piece(self.far.output());
            let taken = piece.len();
            while let Some(received) = self.near.receive(&mut piece, server.now) {
                server.frames += 1;
                let Received::Frame(frame) = received else { return Err("a malformed answer") };
                if frame.reference != reference {
                    return Err("the answer is to another request");
                }
                if answer.replace(frame.body).is_some() {
                    return Err("more than one answer");
                }
            }
            self.far.sent(taken);
        }
        answer.ok_or("no answer")
    }
}

/// Bytes arrive at the server's end: the machine is told what they mean, and does as it likes.
fn arrive(
    id: LinkId,
    link: &mut ServerLink,
    mut bytes: &[u8],
    server: &mut Server,
) -> Result<(), Fault> {
    while let Some(received) = link.receive(&mut bytes, server.now) {
        server.frames += 1;
        let input = match received {
            Received::Frame(frame) => Input::Frame { link: id, frame },
            Received::Malformed(malformed) => Input::Malformed { link: id, malformed },
        };
        server.machine.handle(input, server.now);
        while let Some(action) = server.machine.poll_action() {
            let Action::Send { link: to, frame } = action else {
                return Err("the machine wants something else than to send");
            };
            if to != id {
                return Err("the machine answers somebody else");
            }
            link.send(frame, server.now).map_err(|_| "the answer cannot be sent")?;
        }
    }
    Ok(())
}

fn first_piece(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(PIECE)]
}
