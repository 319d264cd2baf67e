//! Every socket a source of its own, on systems without epoll.
//!
//! One that was told of is looked at again before anything is waited for, so that nothing is
//! forgotten that was not done at once. Each such look costs a system call more than one epoll for
//! all of them.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use smol::Async;

use super::{BATCH, Poller, Ready, Watched};

/// The sockets, by their tokens.
#[derive(Debug)]
pub(in crate::serve) struct Single {
    sources: BTreeMap<u64, Source>,
    /// Those to be looked at, woken or not.
    due: VecDeque<u64>,
    woken: Arc<Woken>,
}

#[derive(Debug)]
struct Source {
    socket: Async<Watched>,
    write: bool,
    waker: Waker,
}

/// The sockets that were woken, and who waits for that.
#[derive(Debug, Default)]
struct Woken(Mutex<(VecDeque<u64>, Option<Waker>)>);

/// What wakes one socket. Each holds two places in the line at most: one for input, one for room.
struct Bell {
    token: u64,
    woken: Arc<Woken>,
}

impl Poller for Single {
    fn new() -> io::Result<Self> {
        Ok(Self { sources: BTreeMap::new(), due: VecDeque::new(), woken: Arc::default() })
    }

    fn add(&mut self, socket: &Watched, token: u64, write: bool) -> io::Result<()> {
        // Whoever made the socket made it one that does not block.
        let socket = Async::new_nonblocking(socket.clone())?;
        let waker = Waker::from(Arc::new(Bell { token, woken: Arc::clone(&self.woken) }));
        self.sources.insert(token, Source { socket, write, waker });
        self.due.push_back(token);
        Ok(())
    }

    fn modify(&mut self, _: &Watched, token: u64, write: bool) -> io::Result<()> {
        let source = self.sources.get_mut(&token).ok_or(io::ErrorKind::NotFound)?;
        source.write = write;
        self.due.push_back(token);
        Ok(())
    }

    fn remove(&mut self, _: &Watched, token: u64) -> io::Result<()> {
        self.sources.remove(&token).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    async fn readable(&self) -> io::Result<()> {
        poll_fn(|context| {
            let mut woken = self.woken.lock();
            if !self.due.is_empty() || !woken.0.is_empty() {
                return Poll::Ready(Ok(()));
            }
            woken.1 = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn ready(&mut self) -> io::Result<Vec<Ready>> {
        self.due.append(&mut self.woken.lock().0);
        let mut ready = Vec::new();
        // Those that are told of now come again the next time.
        for _ in 0..self.due.len() {
            let Some(token) = self.due.pop_front() else { break };
            let Some(Source { socket, write, waker }) = self.sources.get(&token) else { continue };
            let mut context = Context::from_waker(waker);
            let read = socket.poll_readable(&mut context).is_ready();
            let write = *write && socket.poll_writable(&mut context).is_ready();
            if read || write {
                ready.push(Ready { token, read, write });
                self.due.push_back(token);
            }
            if ready.len() == BATCH {
                break;
            }
        }
        Ok(ready)
    }
}

impl Woken {
    fn lock(&self) -> MutexGuard<'_, (VecDeque<u64>, Option<Waker>)> {
        // Nothing panics under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let waiting = {
            let mut woken = self.woken.lock();
            woken.0.push_back(self.token);
            woken.1.take()
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}
