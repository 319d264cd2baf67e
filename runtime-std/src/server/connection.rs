//! The two threads of a connection: one waits for bytes, the other for room.

use std::io::ErrorKind;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use confer_core::id::LinkId;

use super::turn::Event;
use crate::stream::Stream;

/// Bytes read at a time, before the other connections have their turn, and written at a time.
pub(super) const PIECE: usize = 16_384;
/// What the stacks of the threads need, with room to spare; TLS wants most of it.
pub(super) const STACK: usize = 262_144;
/// How long a peer that was said farewell to may take to go.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);

/// What a writer is to do.
#[derive(Debug)]
pub(super) enum Writing {
    /// Write this, and give it back.
    Bytes(Vec<u8>),
    /// Say that no more comes, and see that the peer goes.
    Farewell,
}

/// Shakes hands, so long at most (B2.2), then reads, each time when the machine has given the buffer
/// back. That the connection is over is the last it tells.
pub(super) fn read(
    link: LinkId,
    stream: &Stream,
    patience: Duration,
    events: &Sender<Event>,
    turns: &Receiver<Box<[u8]>>,
) {
    if let Err(error) = stream.shake_hands(patience) {
        let _ = events.send(Event::Ended { link, error: Some(error) });
        return;
    }
    let mut bytes = vec![0; PIECE].into_boxed_slice();
    let error = loop {
        match stream.read(&mut bytes) {
            Ok(0) => break None,
            Ok(count) => {
                let read = Event::Read { link, bytes, count, at: Instant::now() };
                if events.send(read).is_err() {
                    return;
                }
                let Ok(back) = turns.recv() else { return };
                bytes = back;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => break Some(error),
        }
    };
    // A machine that has ended knows.
    let _ = events.send(Event::Ended { link, error });
}

/// Writes what it is given, one piece at a time, until nobody gives it any more.
pub(super) fn write(
    link: LinkId,
    stream: &Stream,
    events: &Sender<Event>,
    orders: &Receiver<Writing>,
) {
    while let Ok(order) = orders.recv() {
        match order {
            Writing::Bytes(bytes) => {
                if stream.write_all(&bytes).is_err() {
                    // The reader hears of it, and tells.
                    return stream.cut();
                }
                if events.send(Event::Written { link, bytes }).is_err() {
                    return;
                }
            }
            Writing::Farewell => {
                stream.finish();
                // Closing at once, over bytes that nobody took, would take the last words back.
                if let Err(RecvTimeoutError::Timeout) = orders.recv_timeout(FAREWELL) {
                    stream.cut();
                }
                return;
            }
        }
    }
}
