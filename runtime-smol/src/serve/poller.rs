//! All chat sockets of the server as one source of events.
//!
//! One epoll descriptor holds them, level-triggered, and only that descriptor is awaited: a socket
//! for itself would cost two system calls more for every message.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

/// Events taken at a time.
pub(super) const BATCH: usize = 64;

/// The sockets, and what is waited for on each.
#[derive(Debug)]
pub(super) struct Poller {
    epoll: smol::Async<OwnedFd>,
}

/// Something can be done with a socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready {
    /// The number it was added with.
    pub(super) token: u64,
    pub(super) read: bool,
    pub(super) write: bool,
}

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { epoll: smol::Async::new_nonblocking(epoll)? })
    }

    /// Waits for input on a socket, and for room if `write`.
    pub(super) fn add(&self, socket: impl AsFd, token: u64, write: bool) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(token), interest(write))?)
    }

    /// Waits for room in a socket, or no longer.
    pub(super) fn modify(&self, socket: impl AsFd, token: u64, write: bool) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, socket, EventData::new_u64(token), interest(write))?)
    }

    /// Waits for a socket no longer.
    pub(super) fn remove(&self, socket: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, socket)?)
    }

    /// Waits until something can be done with some socket.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.epoll.readable().await
    }

    /// What can be done now.
    pub(super) fn ready(&self) -> io::Result<Vec<Ready>> {
        let mut events = [const { MaybeUninit::uninit() }; BATCH];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let events = match epoll::wait(&self.epoll, &mut events, Some(&at_once)) {
            Ok((events, _)) => events,
            Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let lost = EventFlags::HUP | EventFlags::ERR;
        let of = |event: &epoll::Event| {
            let flags = event.flags;
            Ready {
                token: event.data.u64(),
                // Reading is how one learns of an end.
                read: flags.intersects(EventFlags::IN | EventFlags::RDHUP | lost),
                write: flags.intersects(EventFlags::OUT | lost),
            }
        };
        Ok(events.iter().map(of).collect())
    }
}

fn interest(write: bool) -> EventFlags {
    if write { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN }
}
