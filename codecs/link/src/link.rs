//! One end of one connection.

use core::time::Duration;

use alloc::format;
use alloc::string::String;

use confer_core::frame::{Control, ErrorId, Frame, Malformed};
use confer_core::pii::Secret;
use confer_core::time::Instant;
use confer_wire::{Codec, DecodeError, Decoded, EncodeError, Hint, MAX_FRAME, Splitter, decode};

use crate::addp::{Addp, Due};
use crate::output::Output;
use crate::settings::{STRANGER_FRAME, Settings};

/// How long a link that is to be closed waits for its last output to be taken.
pub const CLOSING_TIME: Duration = Duration::from_secs(5);

/// How long a peer may take to show the access token. On ports whose connections have no such limit
/// of their own, it is the only one.
pub const UNLOCKING_TIME: Duration = Duration::from_secs(30);

/// One end of one connection, speaking one protocol in one role.
///
/// The shell passes on what it reads and writes what [`output`](Link::output) shows; the machine's
/// frames go through [`send`](Link::send). After each of these, and after
/// [`handle_timeout`](Link::handle_timeout), [`poll_change`](Link::poll_change) tells what happened
/// to the connection itself.
pub struct Link<C: Codec> {
    splitter: Splitter,
    output: Output<C>,
    addp: Addp,
    state: State,
    /// What a server still has to be shown, and until when.
    locked: Option<(Secret, Instant)>,
    registered: bool,
    /// The limit a client announced in its newest Register; counts once that is answered.
    announced: Option<u32>,
    congested: bool,
    receive_limit: u32,
    send_limit: u32,
    remote_timeout: Duration,
    /// The newest, which is the one that counts.
    change: Option<Change>,
}

/// What came in for the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received<T> {
    /// A message.
    Frame(Frame<T>),
    /// A message that makes no sense. A server's machine answers it with 8301.
    Malformed(Malformed),
}

/// What happened to the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It takes output more slowly than it gets it.
    Congested,
    /// It has taken what was waiting.
    Drained,
    /// It is lost to the chat. Once [`Link::is_finished`], the shell closes the socket.
    Lost(Loss),
}

/// Why a connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The peer sent a frame that cannot be read, and with it the framing.
    Undecodable(DecodeError),
    /// The peer did not show the access token in time, or first, or showed a wrong one (B2.7).
    NotAuthenticated,
    /// The peer did not answer a poll (B2.6).
    Silent,
    /// The peer does not read, and more waits for it than may (B2.5).
    Overflow,
    /// This side made a frame that cannot be written: a bug.
    Unencodable(EncodeError),
}

/// Why a frame was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The link is closed, or closing.
    Closed,
    /// The peer does not read; the link is lost.
    Overflow,
    /// The frame cannot be written; the link is lost.
    Unencodable(EncodeError),
    /// The frame is of another protocol than the link.
    WrongProtocol,
}

impl core::fmt::Display for SendError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Closed => f.write_str("the link is closed"),
            Self::Overflow => f.write_str("the peer does not read"),
            Self::Unencodable(error) => write!(f, "the frame cannot be written: {error}"),
            Self::WrongProtocol => f.write_str("the frame is of another protocol than the link"),
        }
    }
}

impl core::error::Error for SendError {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// No more goes in; what is left goes out until then.
    Closing(Instant),
    Gone,
}

impl<C: Codec> Link<C> {
    /// A connection that has just been made.
    pub fn new(settings: Settings, now: Instant) -> Self {
        let mut link = Self {
            splitter: Splitter::new(Some(C::PROTOCOL), settings.receive_limit),
            output: Output::new(settings.output_max_size),
            addp: Addp::new(settings.addp_timeout, now),
            state: State::Open,
            locked: None,
            registered: false,
            announced: None,
            congested: false,
            receive_limit: settings.receive_limit,
            send_limit: settings.send_limit,
            remote_timeout: settings.addp_remote_timeout,
            change: None,
        };
        match settings.access_token {
            Some(token) if C::SERVER => link.locked = Some((token, now + UNLOCKING_TIME)),
            Some(access_token) => link.control(0, Control::Authenticate { access_token }),
            None => {}
        }
        if link.locked.is_none() {
            link.unlock(now);
        }
        link.limit_input();
        link
    }

    /// Takes from the front of `input` up to the next thing the machine must know. `None`: all of
    /// it is taken. Call again with what is left, after the machine has dealt with it.
    pub fn receive(&mut self, input: &mut &[u8], now: Instant) -> Option<Received<C::In>> {
        if self.state != State::Open {
            *input = &[];
            return None;
        }
        if !input.is_empty() {
            self.addp.heard(now);
        }
        loop {
            let decoded = match self.splitter.next(input) {
                Ok(Some(frame)) => decode::<C>(frame, MAX_FRAME),
                Ok(None) => return None,
                Err(error) => Err(error),
            };
            match decoded {
                Ok(decoded) => {
                    let received = self.pass(decoded, now);
                    if received.is_some() {
                        return received;
                    }
                }
                Err(error) => self.refuse_frame(error, now),
            }
            if self.state != State::Open {
                *input = &[];
                return None;
            }
        }
    }

    /// Sends a frame.
    ///
    /// # Errors
    ///
    /// The link is closed, or this frame was the end of it.
    pub fn send(&mut self, frame: Frame<C::Out>, now: Instant) -> Result<(), SendError> {
        if self.state != State::Open {
            return Err(SendError::Closed);
        }
        let hint = C::hint_out(&frame.body);
        if let Err(loss) = self.output.push(frame, self.send_limit) {
            self.lose(loss);
            return Err(match loss {
                Loss::Unencodable(error) => SendError::Unencodable(error),
                Loss::Overflow | Loss::Undecodable(_) | Loss::NotAuthenticated | Loss::Silent => {
                    SendError::Overflow
                }
            });
        }
        match hint {
            Hint::Registered => {
                self.registered = true;
                self.send_limit = self.announced.unwrap_or(MAX_FRAME);
                self.limit_input();
            }
            Hint::Unregistered => {
                self.registered = false;
                self.limit_input();
            }
            // A gateway node is watched from its end, too.
            Hint::Node => self.start_addp(now),
            Hint::Nothing | Hint::Register { .. } => {}
        }
        if !self.congested && self.output.is_congested() {
            self.congested = true;
            self.change = Some(Change::Congested);
        }
        Ok(())
    }

    /// What is to be written next; empty when nothing is.
    pub fn output(&self) -> &[u8] {
        self.output.ready()
    }

    /// The first `count` bytes of [`output`](Link::output) are written.
    pub fn sent(&mut self, count: usize) {
        if let Err(loss) = self.output.sent(count) {
            self.lose(loss);
        }
        if self.congested && self.output.is_drained() && self.state == State::Open {
            self.congested = false;
            self.change = Some(Change::Drained);
        }
    }

    /// What happened to the connection, since last asked.
    pub fn poll_change(&mut self) -> Option<Change> {
        self.change.take()
    }

    /// Ends the connection once what waits is written, at the latest after [`CLOSING_TIME`].
    pub fn close(&mut self, now: Instant) {
        if self.state == State::Open {
            self.state = State::Closing(now + CLOSING_TIME);
        }
    }

    /// Whether nothing is left to do but to close the socket.
    pub fn is_finished(&self) -> bool {
        match self.state {
            State::Open => false,
            State::Closing(_) => self.output.is_empty(),
            State::Gone => true,
        }
    }

    /// When [`handle_timeout`](Link::handle_timeout) is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Open => {
                let locked = self.locked.as_ref().map(|locked| locked.1);
                locked.into_iter().chain(self.addp.deadline()).min()
            }
            State::Closing(until) => Some(until),
            State::Gone => None,
        }
    }

    /// Polls a silent peer; gives up one that stays silent, does not show the token, or does not take
    /// the last words.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Open if self.locked.as_ref().is_some_and(|locked| locked.1 <= now) => {
                self.lose(Loss::NotAuthenticated);
            }
            State::Open => match self.addp.due(now) {
                Due::Nothing => {}
                Due::Poll => self.control(0, Control::AddpPoll),
                Due::Lost => self.lose(Loss::Silent),
            },
            State::Closing(until) if until <= now => {
                self.output.clear();
                self.state = State::Gone;
            }
            State::Closing(_) | State::Gone => {}
        }
    }

    /// Deals with what is about the connection; what is for the machine comes back.
    fn pass(&mut self, decoded: Decoded<C::In>, now: Instant) -> Option<Received<C::In>> {
        if let Some((token, _)) = &self.locked {
            return match decoded {
                Decoded::Control(Frame {
                    body: Control::Authenticate { access_token }, ..
                }) if access_token == *token => {
                    self.unlock(now);
                    None
                }
                Decoded::Control(Frame { reference, .. })
                | Decoded::Frame(Frame { reference, .. })
                | Decoded::Malformed(Malformed { reference, .. }) => {
                    let text = String::from("access token missing or wrong");
                    self.refuse(reference, ErrorId::NotAllowed, &text, Loss::NotAuthenticated, now);
                    None
                }
            };
        }
        match decoded {
            Decoded::Frame(frame) => {
                match C::hint_in(&frame.body) {
                    Hint::Register { max_frame } => self.announced = max_frame,
                    Hint::Node => self.start_addp(now),
                    Hint::Nothing | Hint::Registered | Hint::Unregistered => {}
                }
                Some(Received::Frame(frame))
            }
            Decoded::Malformed(malformed) => Some(Received::Malformed(malformed)),
            Decoded::Control(Frame { reference, body }) => {
                self.obey(reference, &body);
                None
            }
        }
    }

    fn obey(&mut self, reference: u32, control: &Control) {
        match control {
            Control::AddpSetup { remote_timeout } => {
                self.addp.ask(*remote_timeout);
                self.control(reference, Control::AddpReply);
            }
            Control::AddpPoll => self.control(reference, Control::AddpReply),
            // A reply was heard like any byte; a token nobody asked for proves nothing.
            Control::AddpReply | Control::Authenticate { .. } => {}
        }
    }

    fn unlock(&mut self, now: Instant) {
        self.locked = None;
        self.limit_input();
        if C::WATCHED {
            self.start_addp(now);
        }
    }

    fn start_addp(&mut self, now: Instant) {
        if self.addp.is_running() {
            return;
        }
        self.addp.start(now);
        if !self.remote_timeout.is_zero() {
            self.control(0, Control::AddpSetup { remote_timeout: self.remote_timeout });
        }
    }

    /// Strangers may send small frames only.
    fn limit_input(&mut self) {
        let stranger = self.locked.is_some() || (C::SERVER && C::REGISTERS && !self.registered);
        let limit = if stranger { STRANGER_FRAME } else { MAX_FRAME };
        self.splitter.set_limit(self.receive_limit.min(limit));
    }

    fn control(&mut self, reference: u32, control: Control) {
        if let Err(loss) = self.output.push_control(&Frame::new(reference, control)) {
            self.lose(loss);
        }
    }

    fn refuse_frame(&mut self, error: DecodeError, now: Instant) {
        let text = format!("{}: {error}", ErrorId::Undecodable.text());
        self.refuse(error.reference, ErrorId::Undecodable, &text, Loss::Undecodable(error), now);
    }

    /// Answers, where this role answers, and ends the connection.
    fn refuse(&mut self, reference: u32, id: ErrorId, text: &str, loss: Loss, now: Instant) {
        let refusal = C::refusal(id, text).map(|event| Frame::new(reference, event));
        // The connection ends whether or not there is room for the answer.
        let _ = refusal.map(|frame| self.output.push(frame, self.send_limit));
        self.state = State::Closing(now + CLOSING_TIME);
        self.change = Some(Change::Lost(loss));
    }

    /// Ends the connection at once. Nothing follows the end of one, so a closing one is not lost
    /// again.
    fn lose(&mut self, loss: Loss) {
        if self.state == State::Open {
            self.change = Some(Change::Lost(loss));
        }
        self.output.clear();
        self.state = State::Gone;
    }
}

impl<C: Codec> core::fmt::Debug for Link<C> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Link")
            .field("protocol", &C::PROTOCOL)
            .field("state", &self.state)
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
