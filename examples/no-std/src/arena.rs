//! All the memory there is: a fixed arena, and a mark at the most that was taken from it.

use core::alloc::{GlobalAlloc, Layout};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicUsize, Ordering};

use linked_list_allocator::LockedHeap;

/// A heap in [`Arena::SIZE`] bytes of static memory. Freed neighbours become one hole again.
pub struct Arena {
    heap: LockedHeap,
    peak: AtomicUsize,
}

impl Arena {
    /// The size of the arena, in bytes.
    pub const SIZE: usize = 256 * 1024;
    /// The least that can be opened, in bytes: what the heap needs for its own list.
    pub const MIN: usize = 64;

    /// An arena that has nothing to give until it is opened.
    pub const fn new() -> Self {
        Self { heap: LockedHeap::empty(), peak: AtomicUsize::new(0) }
    }

    /// Opens the first `size` bytes, [`Arena::MIN`] to [`Arena::SIZE`].
    ///
    /// # Panics
    ///
    /// When `size` is out of range, or the arena is open.
    pub fn open(&self, size: usize) {
        assert!((Self::MIN..=Self::SIZE).contains(&size), "an arena of {size} bytes");
        let mut heap = self.heap.lock();
        assert!(heap.bottom().is_null(), "the arena is open");
        // SAFETY: the memory is valid, static, of `SIZE` bytes or more, and named nowhere else; that
        // no arena was opened yet holds by the assertion, for there is only the one this program has.
        unsafe { heap.init((&raw mut MEMORY).cast(), size) };
    }

    /// Bytes that are taken, each allocation rounded up to what it occupies.
    pub fn used(&self) -> usize {
        self.heap.lock().used()
    }

    /// The most bytes that were taken at once since the mark was put back.
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    /// Puts the mark back to what is taken now.
    pub fn forget_peak(&self) {
        self.peak.store(self.used(), Ordering::Relaxed);
    }
}

// SAFETY: whatever is handed out or taken back, the heap does, and it keeps the contract.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract.
        let taken = unsafe { self.heap.alloc(layout) };
        self.peak.fetch_max(self.used(), Ordering::Relaxed);
        taken
    }

    unsafe fn dealloc(&self, taken: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { self.heap.dealloc(taken, layout) };
    }
}

#[repr(align(16))]
struct Memory {
    _bytes: [MaybeUninit<u8>; Arena::SIZE],
}

static mut MEMORY: Memory = Memory { _bytes: [MaybeUninit::uninit(); Arena::SIZE] };
