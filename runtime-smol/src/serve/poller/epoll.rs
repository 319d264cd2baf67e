//! All chat sockets of the server as one source of events.
//!
//! One epoll descriptor holds them, level-triggered, and only that descriptor is awaited: a socket
//! for itself would cost two system calls more for every message.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use super::{BATCH, Poller, Ready, Watched};

/// The sockets, in one epoll.
#[derive(Debug)]
pub(in crate::serve) struct Epoll {
    epoll: smol::Async<OwnedFd>,
}

impl Poller for Epoll {
    fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { epoll: smol::Async::new_nonblocking(epoll)? })
    }

    fn add(&mut self, socket: &Watched, token: u64, write: bool) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(token), interest(write))?)
    }

    fn modify(&mut self, socket: &Watched, token: u64, write: bool) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, socket, EventData::new_u64(token), interest(write))?)
    }

    fn remove(&mut self, socket: &Watched, _: u64) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, socket)?)
    }

    async fn readable(&self) -> io::Result<()> {
        self.epoll.readable().await
    }

    fn ready(&mut self) -> io::Result<Vec<Ready>> {
        wait(&self.epoll, Duration::ZERO)
    }
}

/// What can be done now, or after so many milliseconds at most.
pub(crate) fn wait(epoll: impl AsFd, limit: Duration) -> io::Result<Vec<Ready>> {
    let mut events = [const { MaybeUninit::uninit() }; BATCH];
    let limit = Timespec::try_from(limit).map_err(io::Error::other)?;
    let events = match epoll::wait(epoll, &mut events, Some(&limit)) {
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

/// Input, and room if `write`.
pub(crate) fn interest(write: bool) -> EventFlags {
    if write { EventFlags::IN | EventFlags::OUT } else { EventFlags::IN }
}
