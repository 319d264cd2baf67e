//! A bare relay: the least a chat server can cost, to measure one against.
//!
//! It knows nothing of chats. The connections it accepts are pairs in their order: the first two,
//! the next two. A frame begins with the number of bytes that follow, in four bytes, and with
//! another such number: for each frame that comes on a connection, one of that other size goes to
//! its partner and one back to the sender, with the bytes of the one that came and zeros behind.
//! That is what a server does when one of two people says something. All in one thread and one
//! level-triggered epoll: for each frame one read and two writes, and a share of a wait.
//!
//! ```console
//! $ cargo run --release -p confer-examples --bin relay -- 127.0.0.1:4490
//! $ confer load closed --relay 127.0.0.1:4490 --server-pid $(pidof relay)
//! ```

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "it is a program for people")]

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Bytes of a length.
const LENGTH: usize = 4;
/// The largest frame taken or sent.
const MAX_FRAME: usize = 1 << 20;
/// Bytes that may wait for one connection; one that does not read goes.
const MAX_WAITING: usize = 4 << 20;
/// Bytes read at a time.
const READ: usize = 65_536;
/// The number of the listener among the events.
const LISTENER: u64 = u64::MAX;

/// A connection.
struct Peer {
    stream: TcpStream,
    /// The beginning of a frame.
    input: Vec<u8>,
    /// What did not go out yet.
    output: Vec<u8>,
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4490".to_owned());
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    println!("relay ready {}", listener.local_addr()?);
    run(&listener)
}

fn run(listener: &TcpListener) -> io::Result<()> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut peers: Vec<Option<Peer>> = Vec::new();
    let mut buffer = vec![0; READ];
    let mut events = [const { MaybeUninit::uninit() }; 64];
    loop {
        let (ready, _) = match epoll::wait(&epoll, &mut events, None) {
            Err(rustix::io::Errno::INTR) => continue,
            ready => ready?,
        };
        for event in ready {
            let (number, flags) = (event.data.u64(), event.flags);
            if number == LISTENER {
                accept(listener, &epoll, &mut peers)?;
                continue;
            }
            let number = usize::try_from(number).map_err(io::Error::other)?;
            if flags.intersects(EventFlags::OUT) {
                flush(&epoll, &mut peers, number, &[]);
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                read(&epoll, &mut peers, number, &mut buffer);
            }
        }
        // When the last one has gone, the next two are a pair again.
        if peers.iter().all(Option::is_none) {
            peers.clear();
        }
    }
}

fn accept(
    listener: &TcpListener,
    epoll: &impl std::os::fd::AsFd,
    peers: &mut Vec<Option<Peer>>,
) -> io::Result<()> {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        epoll::add(epoll, &stream, EventData::new_u64(peers.len() as u64), EventFlags::IN)?;
        peers.push(Some(Peer { stream, input: Vec::new(), output: Vec::new() }));
    }
}

/// Reads once, and relays every frame that is complete. Who sends no frames goes.
fn read(
    epoll: &impl std::os::fd::AsFd,
    peers: &mut [Option<Peer>],
    number: usize,
    buffer: &mut [u8],
) {
    let Some(Some(peer)) = peers.get_mut(number) else { return };
    let count = match peer.stream.read(buffer) {
        Ok(0) => return peers[number] = None,
        Ok(count) => count,
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            return;
        }
        Err(_) => return peers[number] = None,
    };
    let mut input = std::mem::take(&mut peer.input);
    input.extend_from_slice(&buffer[..count]);
    let mut taken = 0;
    loop {
        match frame(&input[taken..]) {
            Ok(Some((size, told))) => {
                let mut frame = input[taken..taken + size].to_vec();
                frame.resize(told, 0);
                let length = u32::try_from(told - LENGTH).unwrap_or(u32::MAX);
                frame[..LENGTH].copy_from_slice(&length.to_be_bytes());
                flush(epoll, peers, number ^ 1, &frame);
                flush(epoll, peers, number, &frame);
                taken += size;
            }
            Ok(None) => break,
            Err(()) => return peers[number] = None,
        }
    }
    if let Some(Some(peer)) = peers.get_mut(number) {
        input.drain(..taken);
        peer.input = input;
    }
}

/// The size of the frame that begins here, and of what is sent for it; `None`: it goes on.
fn frame(bytes: &[u8]) -> Result<Option<(usize, usize)>, ()> {
    let (Some(length), Some(told)) =
        (bytes.first_chunk(), bytes[LENGTH.min(bytes.len())..].first_chunk())
    else {
        return Ok(None);
    };
    let sizes = [length, told].map(|bytes| LENGTH + u32::from_be_bytes(*bytes) as usize);
    if sizes.iter().any(|size| !(2 * LENGTH..=MAX_FRAME).contains(size)) {
        return Err(());
    }
    Ok((bytes.len() >= sizes[0]).then_some((sizes[0], sizes[1])))
}

/// Sends what waits, and `more`; keeps what does not go.
fn flush(epoll: &impl std::os::fd::AsFd, peers: &mut [Option<Peer>], number: usize, more: &[u8]) {
    let Some(Some(peer)) = peers.get_mut(number) else { return };
    let waited = !peer.output.is_empty();
    let sent = if waited {
        peer.output.extend_from_slice(more);
        peer.stream.write(&peer.output).inspect(|count| drop(peer.output.drain(..*count)))
    } else {
        peer.stream.write(more).inspect(|count| peer.output.extend_from_slice(&more[*count..]))
    };
    match sent {
        Ok(_) => {}
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            if !waited {
                peer.output.extend_from_slice(more);
            }
        }
        Err(_) => return peers[number] = None,
    }
    let waits = !peer.output.is_empty();
    if peer.output.len() > MAX_WAITING {
        return peers[number] = None;
    }
    if waits != waited {
        let flags = if waits { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN };
        let data = EventData::new_u64(number as u64);
        if epoll::modify(epoll, &peer.stream, data, flags).is_err() {
            peers[number] = None;
        }
    }
}
