//! What reading costs in memory: bytes that arrived pay for it, never bytes that are announced. And
//! what relaying a message costs, which is next to nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use confer_basic::{Client, Server};
use confer_wire::{Codec, HEADER_SIZE, MAX_FRAME, Splitter, decode};

#[path = "allocation/relaying.rs"]
mod relaying;
#[path = "allocation/stored.rs"]
mod stored;

/// What a splitter needs beside the bytes of a frame: the list of its chunks.
const SPLITTER_EXTRA: usize = 1024;

/// Counts what each thread allocates.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a thread has allocated since it began to count. In bytes, but for the number.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// What is allocated now.
    live: usize,
    /// The most that was allocated at a time.
    peak: usize,
    /// The largest single allocation.
    largest: usize,
    /// All allocations together.
    total: usize,
    /// How many there were.
    number: usize,
}

thread_local! {
    static COUNT: Cell<Count> = const { Cell::new(Count {
        live: 0, peak: 0, largest: 0, total: 0, number: 0,
    }) };
}

fn change(by: impl FnOnce(&mut Count)) {
    // A thread that is ending has nothing to count.
    let _ = COUNT.try_with(|cell| {
        let mut count = cell.get();
        by(&mut count);
        cell.set(count);
    });
}

fn allocated(size: usize) {
    change(|count| {
        count.live = count.live.wrapping_add(size);
        // What was allocated before counting began may be freed since: that is less than nothing.
        if count.live.cast_signed() > count.peak.cast_signed() {
            count.peak = count.live;
        }
        count.largest = count.largest.max(size);
        count.total += size;
        count.number += 1;
    });
}

fn freed(size: usize) {
    change(|count| count.live = count.live.wrapping_sub(size));
}

// SAFETY: every call is passed on as it came to the system's allocator, which keeps the contract;
// counting allocates nothing and cannot panic.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        allocated(layout.size());
        // SAFETY: the caller's promises are the ones this call needs.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        freed(layout.size());
        // SAFETY: `pointer` came from `System` with this layout, as all pointers of this allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What a call allocates, and what it returns.
fn counted<T>(call: impl FnOnce() -> T) -> (Count, T) {
    COUNT.set(Count::default());
    let returned = call();
    (COUNT.get(), returned)
}

/// A frame of this size: a string that fills it.
fn frame(size: usize) -> Vec<u8> {
    let length =
        |header: usize| u32::try_from(size - header).expect("a frame's size").to_be_bytes();
    let mut frame = length(4).to_vec();
    frame.extend(*b"B\x01\0\x04\0\0\0\x07");
    frame.extend([0, 1, 3]);
    frame.extend(length(19));
    frame.resize(size, b'x');
    frame
}

/// Feeds a frame in pieces of these sizes, one after the other and again from the first; holds every
/// step against what has arrived by then.
fn dribble(frame: &[u8], sizes: &[usize]) -> Count {
    let mut splitter = Splitter::new(None, MAX_FRAME);
    let mut sizes = sizes.iter().cycle();
    let (mut received, mut complete) = (0, false);
    // Counted from here on: the splitter's memory is all there is.
    let (count, ()) = counted(|| {
        while received < frame.len() {
            let size = *sizes.next().unwrap_or(&1);
            let end = frame.len().min(received + size);
            let mut piece = &frame[received..end];
            received = end;
            complete = splitter.next(&mut piece).expect("a sound frame").is_some();
            let count = COUNT.get();
            assert!(count.largest <= received + SPLITTER_EXTRA, "{count:?} for {received}");
            assert!(count.live <= 2 * received + SPLITTER_EXTRA, "{count:?} for {received}");
            assert!(count.peak <= 2 * received + SPLITTER_EXTRA, "{count:?} for {received}");
        }
    });
    assert!(complete);
    count
}

#[test]
fn the_allocator_counts() {
    let (count, kept) = counted(|| {
        drop(Vec::<u8>::with_capacity(1000));
        Vec::<u8>::with_capacity(300)
    });
    assert_eq!((count.live, count.peak, count.largest), (300, 1000, 1000));
    assert_eq!((count.total, count.number), (1300, 2));
    drop(kept);
    assert_eq!(COUNT.get().live, 0);
}

#[test]
fn an_announcement_of_16_mib_costs_nothing() {
    let mut header = frame(19);
    header[..4].copy_from_slice(&(MAX_FRAME - 4).to_be_bytes());
    let mut splitter = Splitter::new(None, MAX_FRAME);
    let (count, ()) = counted(|| {
        for byte in &header[..HEADER_SIZE] {
            assert_eq!(splitter.next(&mut std::slice::from_ref(byte)), Ok(None));
        }
    });
    assert_eq!(count.number, 0, "{count:?}");
    // Nor does the first byte behind it cost more than it weighs.
    let (count, _) = counted(|| splitter.next(&mut &b"\0"[..]).map(|_| ()));
    assert!(count.live <= SPLITTER_EXTRA, "{count:?}");
}

#[test]
fn memory_follows_the_bytes_whatever_the_pieces() {
    for size in [12, 13, 19, 100, 4096, 1 << 20] {
        let frame = frame(size.max(19));
        for sizes in [&[1][..], &[2], &[13], &[1000], &[65_536], &[1, 1, 30_000], &[500_000, 1]] {
            dribble(&frame, sizes);
        }
    }
}

/// What arrives byte by byte is copied as seldom as what arrives in large pieces: once into a chunk,
/// once into the frame, with chunks that grow with what has arrived.
#[test]
fn a_dribble_is_linear() {
    for size in [1 << 16, 1 << 18, 1 << 20] {
        let count = dribble(&frame(size), &[1]);
        // The list of chunks moves as it grows, which counts again each time.
        assert!(count.total <= 2 * size + 2 * SPLITTER_EXTRA, "{count:?} for {size}");
        assert!(count.number <= 2 * size.ilog2() as usize, "{count:?} for {size}");
    }
}

/// A frame that lies whole in the input is not copied at all.
#[test]
fn a_whole_frame_costs_nothing() {
    let stream = frame(1 << 20).repeat(3);
    let mut splitter = Splitter::new(None, MAX_FRAME);
    let mut input = &stream[..];
    let (count, frames) = counted(|| {
        let mut frames = 0;
        while splitter.next(&mut input).unwrap().is_some() {
            frames += 1;
        }
        frames
    });
    assert_eq!((frames, count.number), (3, 0));
}

/// After a frame nothing is kept for the next one, which may be small.
#[test]
fn a_large_frame_leaves_nothing_behind() {
    let large = frame(1 << 20);
    let mut splitter = Splitter::new(None, MAX_FRAME);
    let (count, ()) = counted(|| {
        for piece in large.chunks(1000) {
            splitter.next(&mut &piece[..]).unwrap();
        }
        assert_eq!(splitter.next(&mut &b""[..]), Ok(None));
    });
    assert!(count.live <= SPLITTER_EXTRA, "{count:?}");
}

/// What is read is larger than its bytes: a number of four bytes becomes an entry of a list. By how
/// much is bounded, for whatever frame.
mod decoding {
    use super::*;

    /// Bytes of memory at most for each byte of a frame.
    const LARGEST_FACTOR: usize = 14;

    fn attribute(id: u16, kind: u8, value: &[u8]) -> Vec<u8> {
        [&id.to_be_bytes()[..], &[kind], value].concat()
    }

    fn block(inside: &[u8]) -> Vec<u8> {
        let length = u32::try_from(inside.len()).expect("a part of a frame");
        [&length.to_be_bytes()[..], inside].concat()
    }

    /// A frame of message 4 to a server, or of message 103 to a client.
    fn frame(message: u8, attributes: &[u8]) -> Vec<u8> {
        block(&[&[b'B', 1, 0, message, 0, 0, 0, 7], attributes].concat())
    }

    #[track_caller]
    fn costs<C: Codec>(frame: &[u8], factor: usize) {
        let (count, sound) = counted(|| decode::<C>(frame, MAX_FRAME).is_ok());
        assert!(sound);
        assert_eq!(count.live, 0, "what was read is gone");
        assert!(count.peak <= factor * frame.len(), "{count:?} for {} bytes", frame.len());
        assert!(count.number <= frame.len() / 4, "{count:?} for {} bytes", frame.len());
    }

    #[test]
    fn a_text_costs_no_more_than_its_characters() {
        for unit in [0x61_u16, 0xe9, 0x4fe1] {
            let units = unit.to_be_bytes().repeat(50_000);
            costs::<Server>(&frame(4, &attribute(15, 4, &block(&units))), 4);
        }
    }

    #[test]
    fn a_list_of_the_smallest_entries_is_bounded() {
        let smallest = [&b"\x06\0\x01k"[..], &block(&[])].concat();
        let nested = [&b"\x06\0\x01k"[..], &block(&smallest)].concat();
        for entry in [smallest, nested] {
            let list = attribute(12, 6, &block(&entry.repeat(1024)));
            costs::<Server>(&frame(4, &list), LARGEST_FACTOR);
        }
    }

    #[test]
    fn a_list_of_the_smallest_items_is_bounded() {
        let number = attribute(9, 1, &[0; 4]);
        let list = attribute(23, 8, &block(&block(&[])));
        for item in [&[][..], &number, &list] {
            let items = attribute(23, 8, &block(&block(item).repeat(65_536)));
            costs::<Server>(&frame(4, &items), LARGEST_FACTOR);
            costs::<Client>(&frame(103, &items), LARGEST_FACTOR);
        }
    }

    /// What is skipped is checked and forgotten, and costs nothing beside what it lies in.
    #[test]
    fn what_is_unknown_costs_nothing() {
        let unknown: Vec<u8> =
            (0x7f00..0x7fff).flat_map(|id| attribute(id, 5, &block(&[0; 1000]))).collect();
        let bytes = frame(4, &unknown);
        let (count, sound) = counted(|| decode::<Server>(&bytes, MAX_FRAME).is_ok());
        assert!(sound && count.number == 0, "{count:?}");
    }
}
