//! Connections to the server: sockets in one epoll, and the link of each.

mod bare;
mod web;

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant as StdInstant};

use confer_core::frame::{Event, Frame, Request, basic, flex};
use confer_core::id::PortId;
use confer_core::pii::Secret;
use confer_core::time::Instant;
use confer_link::{Change, Link, Loss, Received, SendError, Settings};
use confer_wire::Codec;
use rustix::event::epoll::{self, CreateFlags, EventData};
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::crowd::{Heard, Said};
use super::tally::Trouble;
use crate::serve::poller::Ready;
use crate::serve::poller::epoll::{interest, wait};

use bare::Bare;
use web::Web;

/// Bytes read at a time.
const READ: usize = 65_536;
/// How often the links' own timers are looked after: those of ADDP, which are seconds.
const SWEEP: Duration = Duration::from_millis(500);

/// Who hears what happens on the connections, which are numbered from 0.
pub(super) trait Listener {
    /// A connection is there.
    fn opened(&mut self, line: usize, now: Duration);

    /// Something came.
    fn heard(&mut self, line: usize, heard: Heard, now: Duration);

    /// A connection could not be made, or is no more.
    fn lost(&mut self, line: usize, trouble: Trouble, why: &str, now: Duration);
}

/// All connections.
pub(super) struct Lines {
    epoll: OwnedFd,
    settings: Settings,
    /// What customers ask for on port `web`.
    service: String,
    /// The sizes of frames of a relay, and that it is one.
    bare: Option<(usize, usize)>,
    /// Waits end on the millisecond before something is due, and not on the one behind.
    early: bool,
    lines: Vec<Option<Line>>,
    /// Those that have something to write.
    touched: Vec<usize>,
    buffer: Box<[u8]>,
    sweep_at: Duration,
}

struct Line {
    stream: TcpStream,
    wire: Wire,
    port: PortId,
    address: SocketAddr,
    connected: bool,
    /// It was there before, and the crowd need not know that it is made again.
    known: bool,
    waits_for_room: bool,
    touched: bool,
}

/// What is spoken.
enum Wire {
    Basic(Link<confer_basic::Client>),
    Flex(Link<confer_flex::Client>),
    Bare(Bare),
    Web(Box<Web>),
}

impl Lines {
    /// None yet. With `bare`, they go to a relay, whose frames have these sizes; with `early`, waits
    /// rather end too soon than too late.
    pub(super) fn new(
        access_token: Option<Secret>,
        bare: Option<(usize, usize)>,
        early: bool,
    ) -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            settings: Settings { access_token, ..Settings::client() },
            service: String::new(),
            bare,
            early,
            lines: Vec::new(),
            touched: Vec::new(),
            buffer: vec![0; READ].into_boxed_slice(),
            sweep_at: Duration::ZERO,
        })
    }

    /// The same, for customers who ask for this service on port `web`.
    pub(super) fn with_service(self, service: &str) -> Self {
        Self { service: service.to_owned(), ..self }
    }

    /// What can be done with which connection, after so long at most.
    pub(super) fn wait(&self, limit: Duration) -> io::Result<Vec<Ready>> {
        let millis =
            if self.early { limit.as_millis() } else { limit.as_nanos().div_ceil(1_000_000) };
        wait(&self.epoll, Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)))
    }

    /// Begins to connect.
    pub(super) fn open(
        &mut self,
        number: usize,
        (port, address): (PortId, SocketAddr),
        now: Duration,
        crowd: &mut impl Listener,
    ) {
        let wire = match (self.bare, port) {
            (Some(sizes), _) => Wire::Bare(Bare::new(sizes)),
            (None, PortId::Web) => {
                Wire::Web(Box::new(Web::new(&self.service, address.to_string(), number)))
            }
            (None, PortId::Webapi) => Wire::Flex(Link::new(self.settings.clone(), at(now))),
            (None, _) => Wire::Basic(Link::new(self.settings.clone(), at(now))),
        };
        match self.connect(address, number) {
            Ok(stream) => {
                if number >= self.lines.len() {
                    self.lines.resize_with(number + 1, || None);
                }
                self.lines[number] = Some(Line {
                    stream,
                    wire,
                    port,
                    address,
                    connected: false,
                    known: false,
                    waits_for_room: true,
                    touched: false,
                });
            }
            Err(error) => {
                let why = refusal(port, address, &error);
                crowd.lost(number, Trouble::Connect(error.kind()), &why, now);
            }
        }
    }

    /// A socket that is on its way, and watched.
    fn connect(&self, address: SocketAddr, number: usize) -> io::Result<TcpStream> {
        let stream = connect(address)?;
        epoll::add(&self.epoll, &stream, EventData::new_u64(number as u64), interest(true))?;
        Ok(stream)
    }

    /// Makes a connection again, if the server has ended one on which nobody waits: one that is kept
    /// alive may end at any time, and that is no error. Whether it does.
    fn reopens(&mut self, number: usize) -> bool {
        let Some(Some(line)) = self.lines.get_mut(number) else { return false };
        let Wire::Web(web) = &mut line.wire else { return false };
        if !web.reopens() {
            return false;
        }
        // It is closed in any case.
        let _ = epoll::delete(&self.epoll, &line.stream);
        let address = line.address;
        let Ok(stream) = self.connect(address, number) else { return false };
        if let Some(Some(line)) = self.lines.get_mut(number) {
            (line.stream, line.connected, line.waits_for_room) = (stream, false, true);
        }
        true
    }

    /// Something goes out, as soon as [`flush`](Self::flush) is called.
    pub(super) fn send(&mut self, number: usize, said: Said, now: Duration) {
        let Some(Some(line)) = self.lines.get_mut(number) else { return };
        // A link that takes nothing more says so itself, as a change.
        let _ = match (&mut line.wire, said) {
            (Wire::Basic(link), Said::Frame(Frame { reference, body: Request::Basic(body) })) => {
                link.send(Frame::new(reference, body), at(now))
            }
            (Wire::Flex(link), Said::Frame(Frame { reference, body: Request::Flex(body) })) => {
                link.send(Frame::new(reference, body), at(now))
            }
            (Wire::Bare(bare), Said::Bare(text)) => {
                bare.send(&text);
                Ok(())
            }
            (Wire::Web(web), Said::Frame(Frame { reference, body: Request::Flex(body) })) => {
                let sent = web.send(&Frame::new(reference, body));
                if sent { Ok(()) } else { Err(SendError::WrongProtocol) }
            }
            (Wire::Basic(_) | Wire::Flex(_) | Wire::Bare(_) | Wire::Web(_), _) => {
                Err(SendError::WrongProtocol)
            }
        };
        self.touch(number);
    }

    /// Ends a connection of which nobody wants anything more.
    pub(super) fn close(&mut self, number: usize) {
        if let Some(line) = self.lines.get_mut(number).and_then(Option::take) {
            // It is closed in any case.
            let _ = epoll::delete(&self.epoll, &line.stream);
        }
    }

    /// Writes what there is to write; whether there was anything.
    pub(super) fn flush(&mut self, now: Duration, crowd: &mut impl Listener) -> bool {
        let touched = std::mem::take(&mut self.touched);
        for number in &touched {
            if let Some(Some(line)) = self.lines.get_mut(*number) {
                line.touched = false;
                self.write(*number, now, crowd);
            }
        }
        let any = !touched.is_empty();
        // The list keeps its room, unless somebody was touched meanwhile.
        if self.touched.is_empty() {
            self.touched = touched;
            self.touched.clear();
        }
        any
    }

    /// Reads and writes, and tells the crowd what came.
    pub(super) fn move_bytes(
        &mut self,
        ready: Ready,
        began: StdInstant,
        crowd: &mut impl Listener,
    ) {
        let Ok(number) = usize::try_from(ready.token) else { return };
        let now = began.elapsed();
        let Some(Some(line)) = self.lines.get_mut(number) else { return };
        if !line.connected {
            let address = line.address;
            let error = if met_itself(&line.stream) {
                Ok(Some(ErrorKind::ConnectionRefused.into()))
            } else {
                line.stream.take_error()
            };
            match error {
                Ok(None) if ready.write => {
                    line.connected = true;
                    if !std::mem::replace(&mut line.known, true) {
                        crowd.opened(number, now);
                    }
                }
                Ok(None) => return,
                Ok(Some(error)) | Err(error) => {
                    let why = refusal(line.port, address, &error);
                    self.close(number);
                    return crowd.lost(number, Trouble::Connect(error.kind()), &why, now);
                }
            }
        }
        if ready.read {
            self.read(number, now, crowd);
        }
        if ready.write {
            self.touch(number);
        }
    }

    /// Lets links poll silent servers, where a server has asked them to.
    pub(super) fn handle_timeout(&mut self, now: Duration, crowd: &mut impl Listener) {
        if now < self.sweep_at {
            return;
        }
        self.sweep_at = now + SWEEP;
        for number in 0..self.lines.len() {
            let Some(line) = &mut self.lines[number] else { continue };
            let due = match &mut line.wire {
                Wire::Basic(link) => run_timer(link, now),
                Wire::Flex(link) => run_timer(link, now),
                Wire::Bare(_) | Wire::Web(_) => false,
            };
            if due {
                self.changes(number, now, crowd);
                self.touch(number);
            }
        }
    }

    fn touch(&mut self, number: usize) {
        if let Some(Some(line)) = self.lines.get_mut(number)
            && line.connected
            && !line.touched
        {
            line.touched = true;
            self.touched.push(number);
        }
    }

    fn read(&mut self, number: usize, now: Duration, crowd: &mut impl Listener) {
        let Self { lines, buffer, .. } = self;
        let Some(Some(line)) = lines.get_mut(number) else { return };
        let mut bytes = match line.stream.read(buffer) {
            Ok(0) => {
                if !self.reopens(number) {
                    self.end(number, Trouble::Closed, "", now, crowd);
                }
                return;
            }
            Ok(count) => &buffer[..count],
            Err(error) if would_block(&error) => return,
            Err(error) => {
                let (kind, why) = (error.kind(), error.to_string());
                return self.end(number, Trouble::Broken(kind), &why, now, crowd);
            }
        };
        let readable = match &mut line.wire {
            Wire::Basic(link) => receive(link, &mut bytes, number, now, crowd, basic_event),
            Wire::Flex(link) => receive(link, &mut bytes, number, now, crowd, flex_event),
            Wire::Bare(bare) => bare.receive(bytes, |text| {
                crowd.heard(number, Heard::Bare(text), now);
            }),
            Wire::Web(web) => web.receive(bytes, |frame| {
                crowd.heard(number, Heard::Event(frame.map(flex_event)), now);
            }),
        };
        if let Err(what) = readable {
            let port = line.port;
            let why = format!("what came from port {port} makes no sense: {what}");
            return self.end(number, Trouble::Unreadable, &why, now, crowd);
        }
        self.changes(number, now, crowd);
    }

    /// Hears what happened to the link itself.
    fn changes(&mut self, number: usize, now: Duration, crowd: &mut impl Listener) {
        let Some(Some(line)) = self.lines.get_mut(number) else { return };
        let (change, output) = match &mut line.wire {
            Wire::Basic(link) => (link.poll_change(), !link.output().is_empty()),
            Wire::Flex(link) => (link.poll_change(), !link.output().is_empty()),
            Wire::Bare(bare) => (None, !bare.output().is_empty()),
            Wire::Web(web) => (None, !web.output().is_empty()),
        };
        if output {
            self.touch(number);
        }
        let Some(Change::Lost(loss)) = change else { return };
        let (trouble, why) = match loss {
            Loss::Undecodable(error) => {
                let port = self.lines[number].as_ref().map_or(PortId::Default, |line| line.port);
                (Trouble::Unreadable, format!("what came from port {port} is no frame: {error}"))
            }
            Loss::Silent => (Trouble::Late, "the server answers no polls".to_owned()),
            Loss::Overflow => (Trouble::Late, "the server does not read".to_owned()),
            Loss::NotAuthenticated | Loss::Unencodable(_) => {
                (Trouble::Unexpected, format!("the connection was given up: {loss:?}"))
            }
        };
        self.end(number, trouble, &why, now, crowd);
    }

    fn write(&mut self, number: usize, now: Duration, crowd: &mut impl Listener) {
        let Some(Some(line)) = self.lines.get_mut(number) else { return };
        loop {
            let output = match &line.wire {
                Wire::Basic(link) => link.output(),
                Wire::Flex(link) => link.output(),
                Wire::Bare(bare) => bare.output(),
                Wire::Web(web) => web.output(),
            };
            if output.is_empty() {
                break;
            }
            match line.stream.write(output) {
                Ok(count) => match &mut line.wire {
                    Wire::Basic(link) => link.sent(count),
                    Wire::Flex(link) => link.sent(count),
                    Wire::Bare(bare) => bare.sent(count),
                    Wire::Web(web) => web.sent(count),
                },
                Err(error) if would_block(&error) => {
                    if !std::mem::replace(&mut line.waits_for_room, true) {
                        self.wait_for(number, true, now, crowd);
                    }
                    return;
                }
                Err(error) => {
                    let (kind, why) = (error.kind(), error.to_string());
                    return self.end(number, Trouble::Broken(kind), &why, now, crowd);
                }
            }
        }
        if std::mem::replace(&mut line.waits_for_room, false) {
            self.wait_for(number, false, now, crowd);
        }
    }

    fn wait_for(&mut self, number: usize, room: bool, now: Duration, crowd: &mut impl Listener) {
        let Some(Some(line)) = self.lines.get(number) else { return };
        let data = EventData::new_u64(number as u64);
        if let Err(error) = epoll::modify(&self.epoll, &line.stream, data, interest(room)) {
            let error = io::Error::from(error);
            let (kind, why) = (error.kind(), error.to_string());
            self.end(number, Trouble::Broken(kind), &why, now, crowd);
        }
    }

    fn end(
        &mut self,
        number: usize,
        trouble: Trouble,
        why: &str,
        now: Duration,
        crowd: &mut impl Listener,
    ) {
        let Some(Some(line)) = self.lines.get(number) else { return };
        let why = if why.is_empty() {
            format!("a connection to port {} ended", line.port)
        } else {
            why.to_owned()
        };
        self.close(number);
        crowd.lost(number, trouble, &why, now);
    }
}

/// Passes on what a link makes of the bytes.
fn receive<C: Codec>(
    link: &mut Link<C>,
    bytes: &mut &[u8],
    number: usize,
    now: Duration,
    crowd: &mut impl Listener,
    event: fn(C::In) -> Event,
) -> Result<(), String> {
    while let Some(received) = link.receive(bytes, at(now)) {
        match received {
            Received::Frame(frame) => crowd.heard(number, Heard::Event(frame.map(event)), now),
            Received::Malformed(malformed) => return Err(malformed.to_string()),
        }
    }
    Ok(())
}

fn basic_event(event: basic::Event) -> Event {
    event.into()
}

fn flex_event(event: flex::Event) -> Event {
    event.into()
}

fn run_timer<C: Codec>(link: &mut Link<C>, now: Duration) -> bool {
    let due = link.poll_timeout().is_some_and(|due| due <= at(now));
    if due {
        link.handle_timeout(at(now));
    }
    due
}

/// A socket that is on its way.
fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    // Frames are small, and each is awaited by somebody.
    rustix::net::sockopt::set_tcp_nodelay(&socket, true)?;
    match rustix::net::connect(&socket, &address) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(TcpStream::from(socket)),
        Err(error) => Err(error.into()),
    }
}

/// Whether a socket has found nobody but itself: where a port for whoever is free belongs to no server
/// any more, the system may give it to who connects to it.
fn met_itself(stream: &TcpStream) -> bool {
    stream.local_addr().ok().zip(stream.peer_addr().ok()).is_some_and(|(own, peer)| own == peer)
}

fn refusal(port: PortId, address: SocketAddr, error: &io::Error) -> String {
    format!("port {port} at {address}: {error}")
}

fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// The links' time.
fn at(now: Duration) -> Instant {
    Instant::from_millis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}
