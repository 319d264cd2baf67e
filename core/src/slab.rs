//! Values behind small keys that never come to mean another value.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::num::NonZeroU32;

/// A store of values under generated keys: insert, look up and remove in O(1).
///
/// A key is a place and the generation of that place. Removing a value ends the generation, so a
/// key that outlived its value finds nothing, however often the place has been used since. A
/// place that has used up its generations (4,294,967,294 values) is never used again.
///
/// Which key a value gets depends only on the insertions and removals before it: the place vacated
/// last is used first.
///
/// ```
/// use confer_core::slab::{Full, Slab};
///
/// let mut rooms = Slab::new(1);
/// let first = rooms.insert("first")?;
/// assert_eq!(rooms.insert("second"), Err(Full("second")));
///
/// rooms.remove(first);
/// let second = rooms.insert("second")?;
/// assert_eq!(rooms.get(first), None);
/// assert_eq!(rooms.get(second), Some(&"second"));
/// # Ok::<(), Full<&str>>(())
/// ```
pub struct Slab<T> {
    places: Vec<Place<T>>,
    vacant: Option<u32>,
    len: usize,
    limit: usize,
}

struct Place<T> {
    generation: NonZeroU32,
    next_vacant: Option<u32>,
    value: Option<T>,
}

impl<T> Slab<T> {
    /// A slab for at most `limit` values at a time, which allocates as it grows.
    pub const fn new(limit: usize) -> Self {
        Self { places: Vec::new(), vacant: None, len: 0, limit }
    }

    /// A slab for at most `limit` values at a time, with room for `capacity` of them allocated now.
    pub fn with_capacity(capacity: usize, limit: usize) -> Self {
        Self { places: Vec::with_capacity(capacity.min(limit)), ..Self::new(limit) }
    }

    /// How many values there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many values there may be.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Stores `value` and returns its key.
    ///
    /// # Errors
    /// [`Full`] hands `value` back if the slab is at its limit.
    pub fn insert(&mut self, value: T) -> Result<Key<T>, Full<T>> {
        if self.len >= self.limit {
            return Err(Full(value));
        }
        let (index, generation) = match self.vacant {
            Some(index) => {
                let place = &mut self.places[index as usize];
                self.vacant = place.next_vacant.take();
                place.value = Some(value);
                (index, place.generation)
            }
            None => {
                let Ok(index) = u32::try_from(self.places.len()) else {
                    return Err(Full(value));
                };
                let generation = NonZeroU32::MIN;
                self.places.push(Place { generation, next_vacant: None, value: Some(value) });
                (index, generation)
            }
        };
        self.len += 1;
        Ok(Key::new(index, generation))
    }

    /// Takes out the value of `key`; `None` if it is gone already.
    pub fn remove(&mut self, key: Key<T>) -> Option<T> {
        let place = self.places.get_mut(key.index as usize)?;
        if place.generation != key.generation {
            return None;
        }
        let value = place.value.take()?;
        place.generation = place.generation.saturating_add(1);
        // The last generation is never given out, so it marks a place as used up.
        if place.generation < NonZeroU32::MAX {
            place.next_vacant = self.vacant.replace(key.index);
        }
        self.len -= 1;
        Some(value)
    }

    /// The value of `key`; `None` if it is gone.
    pub fn get(&self, key: Key<T>) -> Option<&T> {
        let place = self.places.get(key.index as usize)?;
        if place.generation == key.generation { place.value.as_ref() } else { None }
    }

    /// The value of `key`, to be changed; `None` if it is gone.
    pub fn get_mut(&mut self, key: Key<T>) -> Option<&mut T> {
        let place = self.places.get_mut(key.index as usize)?;
        if place.generation == key.generation { place.value.as_mut() } else { None }
    }

    /// Whether `key` still has its value.
    pub fn contains(&self, key: Key<T>) -> bool {
        self.get(key).is_some()
    }

    /// All values with their keys, in the order of their places.
    ///
    /// Takes time in proportion to the most values there have ever been at once.
    pub fn iter(&self) -> impl Iterator<Item = (Key<T>, &T)> {
        (0..).zip(&self.places).filter_map(|(index, place)| {
            Some((Key::new(index, place.generation), place.value.as_ref()?))
        })
    }

    /// As [`iter`](Self::iter), with values that can be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Key<T>, &mut T)> {
        (0..).zip(&mut self.places).filter_map(|(index, place)| {
            Some((Key::new(index, place.generation), place.value.as_mut()?))
        })
    }
}

/// Without the values: what they hold is not for logs.
impl<T> fmt::Debug for Slab<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slab")
            .field("len", &self.len)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// Names one value of one [`Slab<T>`], for as long as the value is there.
///
/// Eight bytes, and eight bytes as an `Option`. Keys are ordered by place, which is the order of
/// [`Slab::iter`].
pub struct Key<T> {
    index: u32,
    generation: NonZeroU32,
    // A key holds no value: it is `Copy`, `Send` and `Sync` whatever `T` is.
    of: PhantomData<fn() -> T>,
}

impl<T> Key<T> {
    const fn new(index: u32, generation: NonZeroU32) -> Self {
        Self { index, generation, of: PhantomData }
    }

    /// The key as one number, for names that leave the process of whoever owns the slab.
    #[must_use]
    pub fn to_bits(self) -> u64 {
        u64::from(self.generation.get()) << 32 | u64::from(self.index)
    }

    /// The key of this number; `None` if no key has it. A number that was never given out names
    /// nothing in the slab.
    #[must_use]
    pub fn from_bits(bits: u64) -> Option<Self> {
        let generation = NonZeroU32::new(u32::try_from(bits >> 32).ok()?)?;
        Some(Self::new((bits & u64::from(u32::MAX)).try_into().ok()?, generation))
    }

    const fn parts(self) -> (u32, NonZeroU32) {
        (self.index, self.generation)
    }
}

// By hand, because derived implementations would ask the same of `T`.
impl<T> Copy for Key<T> {}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl<T> Eq for Key<T> {}

impl<T> PartialOrd for Key<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Key<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

impl<T> Hash for Key<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}v{}", self.index, self.generation)
    }
}

/// The slab is at its limit; here is the value back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Full<T>(pub T);

/// Without the value, as for [`Slab`].
impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the slab is full")
    }
}

impl<T> core::error::Error for Full<T> {}

#[cfg(test)]
mod tests;
