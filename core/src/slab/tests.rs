use super::*;
use alloc::format;
use alloc::vec;
use quickcheck::{Arbitrary, Gen, QuickCheck};

#[test]
fn keys_of_removed_values_stay_dead() {
    let mut slab = Slab::new(10);
    let old = slab.insert('a').unwrap();
    assert_eq!(slab.remove(old), Some('a'));
    assert_eq!(slab.remove(old), None);

    let new = slab.insert('b').unwrap();
    assert_eq!(new.index, old.index, "the place is used again");
    assert_ne!(new, old);
    assert_eq!(slab.get(old), None);
    assert_eq!(slab.get_mut(old), None);
    assert!(!slab.contains(old));
    assert_eq!(slab.remove(old), None);
    assert_eq!(slab.get(new), Some(&'b'));
    assert_eq!(slab.len(), 1);
}

#[test]
fn a_key_to_a_place_that_does_not_exist_finds_nothing() {
    let mut large = Slab::new(2);
    large.insert('a').unwrap();
    let key = large.insert('b').unwrap();
    let mut small = Slab::new(2);
    small.insert('c').unwrap();
    assert_eq!(small.get(key), None);
    assert_eq!(small.get_mut(key), None);
    assert_eq!(small.remove(key), None);
}

#[test]
fn the_limit_counts_values() {
    let mut slab = Slab::new(2);
    let first = slab.insert(1).unwrap();
    slab.insert(2).unwrap();
    assert_eq!(slab.insert(3), Err(Full(3)));
    assert_eq!(slab.len(), slab.limit());

    slab.remove(first);
    slab.insert(3).unwrap();
    assert_eq!(slab.insert(4), Err(Full(4)));
    assert_eq!(Slab::new(0).insert(1), Err(Full(1)));
}

#[test]
fn room_is_allocated_once_and_never_beyond_the_limit() {
    let mut slab = Slab::with_capacity(8, 100);
    let capacity = slab.places.capacity();
    for round in 0..3 {
        let keys: Vec<_> = (0..8).map(|n| slab.insert(round * 8 + n).unwrap()).collect();
        for key in keys {
            slab.remove(key);
        }
    }
    assert_eq!(slab.places.capacity(), capacity);
    assert!(slab.is_empty());
    assert_eq!(Slab::<u64>::with_capacity(usize::MAX, 4).places.capacity(), 4);
}

#[test]
fn the_place_vacated_last_is_used_first() {
    let mut slab = Slab::new(10);
    let keys: Vec<_> = (0..4).map(|n| slab.insert(n).unwrap()).collect();
    for n in [1, 3, 0] {
        slab.remove(keys[n]);
    }
    let places: Vec<_> = (0..4).map(|n| slab.insert(n).unwrap().index).collect();
    assert_eq!(places, [0, 3, 1, 4]);
}

#[test]
fn a_place_without_generations_left_is_retired() {
    let mut slab = Slab::new(1);
    let key = slab.insert('a').unwrap();
    slab.remove(key);
    slab.places[0].generation = NonZeroU32::new(u32::MAX - 2).unwrap();

    let next_to_last = slab.insert('b').unwrap();
    slab.remove(next_to_last);
    let last = slab.insert('c').unwrap();
    assert_eq!((last.index, last.generation.get()), (0, u32::MAX - 1));
    slab.remove(last);
    assert_eq!(slab.remove(last), None);

    // The limit is one value, and it still has a place.
    let elsewhere = slab.insert('d').unwrap();
    assert_eq!((elsewhere.index, elsewhere.generation.get()), (1, 1));
    for dead in [key, next_to_last, last] {
        assert_eq!(slab.get(dead), None);
    }
    assert_eq!(slab.iter().collect::<Vec<_>>(), [(elsewhere, &'d')]);
    slab.remove(elsewhere);
    assert_eq!(slab.insert('e').unwrap().index, 1);
}

#[test]
fn values_come_in_the_order_of_their_places() {
    let mut slab = Slab::new(10);
    let keys: Vec<_> = (0..5).map(|n| slab.insert(n).unwrap()).collect();
    slab.remove(keys[1]);
    slab.remove(keys[3]);
    let last = slab.insert(7).unwrap();

    for (_, value) in slab.iter_mut() {
        *value *= 10;
    }
    let expected = vec![(keys[0], 0), (keys[2], 20), (last, 70), (keys[4], 40)];
    assert_eq!(slab.iter().map(|(key, value)| (key, *value)).collect::<Vec<_>>(), expected);
    assert!(expected.is_sorted(), "keys sort like their places");
}

#[test]
fn keys_are_small_and_ask_nothing_of_the_value() {
    struct Opaque;
    fn fit<K: Copy + Ord + Hash + fmt::Debug + Send + Sync>(_: K) {}
    let mut slab = Slab::new(1);
    fit(slab.insert(Opaque).ok().unwrap());
    fit(slab.iter().next().map(|(key, _)| key));
    assert_eq!(size_of::<Option<Key<Opaque>>>(), 8);
}

#[test]
fn values_do_not_show() {
    let mut slab = Slab::new(1);
    let key = slab.insert("secret").unwrap();
    let full = slab.insert("secret").unwrap_err();
    let shown = format!("{slab:?} {key:?} {full:?} {full}");
    assert_eq!(shown, "Slab { len: 1, limit: 1, .. } 0v1 Full(..) the slab is full");
}

#[derive(Clone, Debug)]
enum Op {
    Insert,
    /// Of the key given out as the `n`th, modulo their number.
    Remove(usize),
}

impl Arbitrary for Op {
    fn arbitrary(g: &mut Gen) -> Self {
        if bool::arbitrary(g) { Self::Insert } else { Self::Remove(usize::arbitrary(g)) }
    }
}

/// Every key ever given out finds its own value until that is removed, and nothing afterwards.
#[test]
fn behaves_like_a_list_of_all_keys_ever() {
    fn property(ops: Vec<Op>) -> bool {
        let mut slab = Slab::new(20);
        let mut all: Vec<(Key<usize>, bool)> = Vec::new();
        for op in ops {
            let live = all.iter().filter(|(_, alive)| *alive).count();
            match op {
                Op::Insert => match slab.insert(all.len()) {
                    Ok(key) if live < 20 && all.iter().all(|(other, _)| *other != key) => {
                        all.push((key, true));
                    }
                    Err(Full(value)) if live == 20 && value == all.len() => {}
                    _ => return false,
                },
                Op::Remove(_) if all.is_empty() => {}
                Op::Remove(n) => {
                    let n = n % all.len();
                    let (key, alive) = &mut all[n];
                    if slab.remove(*key) != core::mem::take(alive).then_some(n) {
                        return false;
                    }
                }
            }
        }
        let mut live: Vec<_> = all
            .iter()
            .enumerate()
            .filter(|(_, (_, alive))| *alive)
            .map(|(n, (key, _))| (*key, n))
            .collect();
        live.sort_unstable();
        let found = slab.iter().map(|(key, value)| (key, *value)).collect::<Vec<_>>();
        slab.len() == live.len()
            && found == live
            && all.iter().enumerate().all(|(n, (key, alive))| {
                slab.get(*key) == alive.then_some(&n) && slab.contains(*key) == *alive
            })
    }
    QuickCheck::new().rng(Gen::new(200)).tests(500).quickcheck(property as fn(Vec<Op>) -> bool);
}
