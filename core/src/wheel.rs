//! Timers in the order of their deadlines, each handled in O(1): a hierarchical timing wheel.
//!
//! # Structure
//!
//! Eleven levels of 64 lists. A list of level 0 holds the timers of one millisecond, one of level
//! 1 those of 64 ms, one of level 2 those of about 4 s, then 4 min, 5 h, 12 days, 2 years, and so
//! on: every [`Instant`] has its list. Read a deadline as eleven digits of six bits. The highest
//! digit in which it differs from the wheel's own time says which level its timer is on (level 0
//! if none differs), and the deadline's digit there says which list. This is the timer's *home*.
//!
//! Hence everything on one level is due before anything on the next, and within a level the lists
//! are due in their order, so the first list of the lowest level in use is the next one. A bit per
//! list finds it without looking at lists that are empty, however far away it is.
//!
//! When time reaches the first list, it is a list of level 0, whose timers fire from the front, or
//! a list of a higher level, which is taken apart: its timers move one by one, from the front, to
//! their new homes, all on lower levels. A timer moves at most once for every level below its own,
//! and one that is re-armed in time does not move at all.
//!
//! # Why timers of the same deadline fire in the order they were armed
//!
//! 1. *Timers of the same deadline are in the same list.* A home depends on the deadline and the
//!    wheel's time only. When time advances to the start of the first list, or stops short of it,
//!    the timers outside that list keep their homes: they are due after it, so no digit of theirs
//!    at or above their own level has been passed. Those in that list are moved.
//! 2. *A list has them in the order of arming.* Arming appends. Taking a list apart reads it from
//!    the front and appends to lists which were empty when it began, its own level being the
//!    lowest in use.
//! 3. *This holds while a list is half taken apart.* A timer armed then, whose home is on a level
//!    below that list, could overtake one still waiting in it. It therefore joins the end of that
//!    list, and is moved in its turn.

use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU32;

use crate::time::Instant;

/// Timers carrying a token of type `T`, fired one at a time in a fixed order.
///
/// Timers fire in the order of (deadline, arming), and never early. Re-arming counts as arming
/// anew. The wheel has a [`time`](Self::time) of its own, which only [`pop_due`](Self::pop_due)
/// moves; a deadline before that time is taken to be that time. An overdue timer therefore fires
/// next, but behind those already waiting for this moment.
///
/// No call takes longer the more timers there are, except that `pop_due` may use up its budget, and
/// that arming beyond the capacity allocates.
///
/// ```
/// use confer_core::time::Instant;
/// use confer_core::wheel::Wheel;
///
/// let mut wheel = Wheel::new(Instant::ZERO, 1000);
/// let poll = wheel.arm(Instant::from_millis(200), "poll")?;
/// wheel.arm(Instant::from_millis(100), "save")?;
/// wheel.re_arm(poll, Instant::from_millis(300));
///
/// let now = Instant::from_millis(250);
/// let mut budget = 100;
/// while let Some((deadline, token)) = wheel.pop_due(now, &mut budget) {
///     assert_eq!((deadline, token), (Instant::from_millis(100), "save"));
/// }
/// assert!(wheel.next_deadline() > Some(now));
/// # Ok::<(), confer_core::wheel::Full>(())
/// ```
pub struct Wheel<T> {
    /// No timer is due before this.
    time: u64,
    len: usize,
    limit: usize,
    /// Bit `n` of element `level`: the list `n` of that level is not empty.
    occupied: [u64; LEVELS as usize],
    /// The list to be dealt with next and its start, kept because it is asked for far more often
    /// than it changes.
    first: Option<(u32, u64)>,
    /// The list being taken apart, or 0, which never is. It is not empty, and `time` is its start.
    cascading: u32,
    /// The lists, then the timers. Each list and its timers form a ring.
    nodes: Vec<Node>,
    /// Of the timers, which start at number `LISTS` of the nodes.
    tokens: Vec<T>,
    /// The first node of a timer that is not armed, or 0; the others follow by `next`.
    vacant: u32,
}

/// Names one timer, from being armed until it fires or is cancelled. Never names another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId {
    index: u32,
    generation: NonZeroU32,
}

/// The wheel is at its limit; nothing was armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many timers")
    }
}

impl core::error::Error for Full {}

/// The bits of a digit.
const DIGIT: u32 = 6;
/// Lists on a level.
const SLOTS: u32 = 1 << DIGIT;
const LEVELS: u32 = u64::BITS.div_ceil(DIGIT);
const LISTS: u32 = LEVELS * SLOTS;

/// A timer, or a list, of which `next` is the front and `prev` the back.
struct Node {
    deadline: u64,
    prev: u32,
    next: u32,
    generation: NonZeroU32,
}

impl Node {
    /// A ring of its own.
    const fn alone(index: u32) -> Self {
        Self { deadline: 0, prev: index, next: index, generation: NonZeroU32::MIN }
    }
}

// What a million timers take in megabytes, with tokens of eight bytes.
const _: () = assert!(size_of::<Node>() + size_of::<u64>() == 32);

impl<T: Copy> Wheel<T> {
    /// A wheel at `time` for at most `limit` timers at once, which allocates as it grows.
    pub fn new(time: Instant, limit: usize) -> Self {
        Self::with_capacity(time, 0, limit)
    }

    /// A wheel at `time` for at most `limit` timers at once, with room for `capacity` of them
    /// allocated now.
    ///
    /// As long as no more than `capacity` timers are armed at once, nothing more is allocated. (A
    /// room is good for 4,294,967,294 timers one after the other, then given up.)
    pub fn with_capacity(time: Instant, capacity: usize, limit: usize) -> Self {
        let capacity = capacity.min(limit);
        let mut nodes = Vec::with_capacity(capacity.saturating_add(LISTS as usize));
        nodes.extend((0..LISTS).map(Node::alone));
        Self {
            time: time.as_millis(),
            len: 0,
            limit,
            occupied: [0; LEVELS as usize],
            first: None,
            cascading: 0,
            nodes,
            tokens: Vec::with_capacity(capacity),
            vacant: 0,
        }
    }

    /// Arms a timer that carries `token` to fire at `deadline`.
    ///
    /// # Errors
    /// [`Full`] if as many timers are armed as the limit allows.
    pub fn arm(&mut self, deadline: Instant, token: T) -> Result<TimerId, Full> {
        if self.len >= self.limit {
            return Err(Full);
        }
        let index = if self.vacant == 0 {
            let index = u32::try_from(self.nodes.len()).map_err(|_| Full)?;
            self.nodes.push(Node::alone(index));
            self.tokens.push(token);
            index
        } else {
            let index = self.vacant;
            self.vacant = self.nodes[index as usize].next;
            self.tokens[(index - LISTS) as usize] = token;
            index
        };
        self.len += 1;
        self.place(index, deadline);
        Ok(TimerId { index, generation: self.nodes[index as usize].generation })
    }

    /// Moves a timer to another deadline, behind the timers already armed for that; `false` if it
    /// has fired or been cancelled.
    pub fn re_arm(&mut self, id: TimerId, deadline: Instant) -> bool {
        let armed = self.armed(id).is_some();
        if armed {
            self.unlink(id.index);
            self.place(id.index, deadline);
        }
        armed
    }

    /// Takes a timer out and returns its token; `None` if it has fired or been cancelled.
    pub fn cancel(&mut self, id: TimerId) -> Option<T> {
        self.armed(id)?;
        Some(self.remove(id.index))
    }

    /// When a timer will fire; `None` if it has fired or been cancelled.
    ///
    /// This is the deadline it was armed for, or the wheel's time then if that was later.
    pub fn deadline(&self, id: TimerId) -> Option<Instant> {
        self.armed(id).map(|node| Instant::from_millis(node.deadline))
    }

    /// Fires the first timer due at or before `now`: takes it out and returns its deadline and
    /// token.
    ///
    /// Each timer fired, and each moved down a level, takes one from `budget`; nothing is done
    /// without any left. So `None` means that nothing is due any more or that the budget is used
    /// up, and there is something left to do exactly if [`next_deadline`](Self::next_deadline) is
    /// not after `now`. When nothing is left, the wheel's time is `now`. A `now` before the
    /// wheel's time changes nothing.
    pub fn pop_due(&mut self, now: Instant, budget: &mut u32) -> Option<(Instant, T)> {
        let now = now.as_millis();
        while let Some((list, start)) = self.first
            && start <= now
        {
            *budget = budget.checked_sub(1)?;
            self.time = start;
            let Node { next: index, .. } = self.nodes[list as usize];
            let Node { deadline, .. } = self.nodes[index as usize];
            if level(list) == 0 {
                return Some((Instant::from_millis(deadline), self.remove(index)));
            }
            self.cascading = list;
            self.unlink(index);
            self.append(index, self.home(deadline));
        }
        self.time = self.time.max(now);
        None
    }

    /// When to call [`pop_due`](Self::pop_due) next; `None` if no timer is armed.
    ///
    /// Never later than the deadline of the first timer, and earlier at most ten times in a row:
    /// the call then only moves timers down a level.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.first.map(|(_, start)| Instant::from_millis(start))
    }

    /// The wheel's own time, before which nothing can be armed.
    pub fn time(&self) -> Instant {
        Instant::from_millis(self.time)
    }

    /// How many timers are armed.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none is armed.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many timers may be armed at once.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The node of this timer, if it is armed: a generation ends when the timer does.
    fn armed(&self, id: TimerId) -> Option<&Node> {
        self.nodes.get(id.index as usize).filter(|node| node.generation == id.generation)
    }

    /// The list in which a timer of this deadline belongs at the wheel's time.
    fn home(&self, deadline: u64) -> u32 {
        let level = ((deadline ^ self.time) | 1).ilog2() / DIGIT;
        #[expect(clippy::cast_possible_truncation, reason = "the digit is in the lowest six bits")]
        let slot = (deadline >> (level * DIGIT)) as u32 % SLOTS;
        level * SLOTS + slot
    }

    /// Puts a node that is in no list into the one for `deadline`.
    fn place(&mut self, index: u32, deadline: Instant) {
        let deadline = deadline.as_millis().max(self.time);
        self.nodes[index as usize].deadline = deadline;
        let home = self.home(deadline);
        // Lists are numbered level by level, and the list being taken apart is where its level
        // stands: a home with a lower number is on a level below.
        let list = home.max(self.cascading);
        self.append(index, list);
    }

    fn append(&mut self, index: u32, list: u32) {
        let back = core::mem::replace(&mut self.nodes[list as usize].prev, index);
        self.nodes[back as usize].next = index;
        let node = &mut self.nodes[index as usize];
        (node.prev, node.next) = (back, list);
        if back == list {
            self.occupied[level(list)] |= bit(list);
            self.first = self.find_first();
        }
    }

    fn unlink(&mut self, index: u32) {
        let Node { prev, next, .. } = self.nodes[index as usize];
        self.nodes[prev as usize].next = next;
        self.nodes[next as usize].prev = prev;
        // The same on both sides is the list itself: the timer was alone in it.
        if prev == next {
            let list = prev;
            self.occupied[level(list)] &= !bit(list);
            if self.cascading == list {
                self.cascading = 0;
            }
            self.first = self.find_first();
        }
    }

    /// To be kept in `first` whenever a list has been filled or emptied.
    fn find_first(&self) -> Option<(u32, u64)> {
        if self.cascading != 0 {
            return Some((self.cascading, self.time));
        }
        let (level, occupied) = (0..).zip(&self.occupied).find(|(_, slots)| **slots != 0)?;
        let slot = occupied.trailing_zeros();
        let shift = level * DIGIT;
        let digits_above = self.time >> shift >> DIGIT << DIGIT;
        Some((level * SLOTS + slot, (digits_above | u64::from(slot)) << shift))
    }

    /// Ends a timer: it leaves its list, and its node may be used for another. Returns its token.
    fn remove(&mut self, index: u32) -> T {
        self.unlink(index);
        self.len -= 1;
        let node = &mut self.nodes[index as usize];
        node.generation = node.generation.saturating_add(1);
        // The last generation is never given out, so it marks a node as used up.
        if node.generation < NonZeroU32::MAX {
            node.next = core::mem::replace(&mut self.vacant, index);
        }
        self.tokens[(index - LISTS) as usize]
    }
}

/// Without the tokens: there may be a million.
impl<T> fmt::Debug for Wheel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wheel")
            .field("time", &Instant::from_millis(self.time))
            .field("len", &self.len)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

const fn level(list: u32) -> usize {
    (list / SLOTS) as usize
}

const fn bit(list: u32) -> u64 {
    1 << (list % SLOTS)
}

#[cfg(test)]
mod tests;
