use super::*;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec;
use quickcheck::{Arbitrary, Gen, QuickCheck, TestResult};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn empty<T: Copy>() -> Wheel<T> {
    Wheel::new(Instant::ZERO, usize::MAX)
}

/// Everything due at or before `now`.
fn due<T: Copy>(wheel: &mut Wheel<T>, now: u64) -> Vec<(u64, T)> {
    due_within(wheel, now, u32::MAX)
}

fn due_within<T: Copy>(wheel: &mut Wheel<T>, now: u64, mut budget: u32) -> Vec<(u64, T)> {
    core::iter::from_fn(|| wheel.pop_due(at(now), &mut budget))
        .map(|(deadline, token)| (deadline.as_millis(), token))
        .collect()
}

#[test]
fn every_level_fires_on_the_millisecond() {
    for start in [0, 1, 62, 63, 64, 4095, 4096, 123_456_789, 1 << 36, u64::MAX >> 1] {
        for level in 0..LEVELS {
            let span = 1_u64 << (level * DIGIT);
            // The first and last list of the level, and a little over the edges.
            let near = [1, 2, 63, 64, 65].map(|slots| span.saturating_mul(slots));
            for distance in near.into_iter().flat_map(|d| [d - 1, d, d.saturating_add(1)]) {
                let Some(deadline) = start.checked_add(distance) else { continue };
                let mut wheel = Wheel::new(at(start), 1);
                let id = wheel.arm(at(deadline), ()).unwrap();
                assert_eq!(wheel.deadline(id), Some(at(deadline)));
                if distance > 0 {
                    assert_eq!(due(&mut wheel, deadline - 1), [], "{start} + {distance}: early");
                }
                assert_eq!(due(&mut wheel, deadline), [(deadline, ())], "{start} + {distance}");
                assert_eq!(wheel.next_deadline(), None);
            }
        }
    }
}

#[test]
fn one_jump_fires_every_level_in_order() {
    let mut wheel = empty();
    let deadlines: Vec<u64> = (0..LEVELS)
        .flat_map(|level| {
            let span = 1_u64 << (level * DIGIT);
            [span - 1, span, span + 1, span.saturating_mul(63)]
        })
        .collect();
    for deadline in deadlines.iter().rev() {
        wheel.arm(at(*deadline), *deadline).unwrap();
    }
    let mut expected: Vec<_> = deadlines.into_iter().map(|d| (d, d)).collect();
    expected.sort_unstable();
    assert_eq!(due(&mut wheel, u64::MAX), expected);
}

#[test]
fn waking_at_the_next_deadline_comes_early_ten_times_at_most() {
    for deadline in [1, 63, 64, 300_000, 20 * DAY + 77, 3000 * DAY + 1, u64::MAX] {
        let mut wheel = empty();
        wheel.arm(at(deadline), ()).unwrap();
        let mut early = 0;
        let fired = loop {
            let wake = wheel.next_deadline().unwrap();
            assert!(wake > wheel.time() && wake <= at(deadline));
            match wheel.pop_due(wake, &mut u32::MAX.clone()) {
                Some((fired, ())) => break fired,
                None => early += 1,
            }
        };
        assert_eq!((fired, wheel.time()), (at(deadline), at(deadline)));
        assert!(early <= 10, "{deadline}: {early} times");
    }
}

#[test]
fn a_deadline_that_never_comes() {
    let mut wheel = empty();
    wheel.arm(Instant::FAR_FUTURE, ()).unwrap();
    assert_eq!(due(&mut wheel, u64::MAX - 1), []);
    assert_eq!(due(&mut wheel, u64::MAX), [(u64::MAX, ())]);
}

#[test]
fn equal_deadlines_fire_in_the_order_of_arming() {
    let mut wheel = empty();
    let deadline = HOUR;
    let first = wheel.arm(at(deadline), 1).unwrap();
    // The same deadline from nearer and nearer, so from lower and lower levels.
    for (token, now) in [(2, 0), (3, HOUR / 2), (4, HOUR - 5000), (5, HOUR - 70), (6, HOUR - 1)] {
        assert_eq!(due(&mut wheel, now), []);
        wheel.arm(at(deadline), token).unwrap();
    }
    wheel.arm(at(deadline - 1), 7).unwrap();
    assert!(wheel.re_arm(first, at(deadline)), "goes to the back");
    let fired = [7, 2, 3, 4, 5, 6, 1].map(|token| (deadline - u64::from(token == 7), token));
    assert_eq!(due(&mut wheel, deadline), fired);
}

#[test]
fn overdue_timers_fire_next_behind_those_waiting() {
    let mut wheel = Wheel::new(at(1000), 10);
    wheel.arm(at(1000), 'a').unwrap();
    wheel.arm(at(1001), 'z').unwrap();
    let overdue = wheel.arm(at(3), 'b').unwrap();
    wheel.arm(at(1000), 'c').unwrap();
    wheel.arm(at(2), 'd').unwrap();
    assert_eq!(wheel.deadline(overdue), Some(at(1000)));
    assert_eq!(wheel.next_deadline(), Some(at(1000)));
    let fired = [(1000, 'a'), (1000, 'b'), (1000, 'c'), (1000, 'd')];
    assert_eq!(due(&mut wheel, 1000), fired);

    // The wheel's time is that of the last firing, not of the call, while work is left.
    wheel.arm(at(2000), 'y').unwrap();
    assert_eq!(due_within(&mut wheel, 5000, 1), [(1001, 'z')]);
    assert_eq!(wheel.time(), at(1001));
    wheel.arm(at(4), 'e').unwrap();
    assert_eq!(due(&mut wheel, 5000), [(1001, 'e'), (2000, 'y')]);
    assert_eq!(wheel.time(), at(5000));
}

#[test]
fn a_time_before_the_wheels_changes_nothing() {
    let mut wheel = Wheel::new(at(1000), 10);
    wheel.arm(at(900), ()).unwrap();
    assert_eq!(due(&mut wheel, 999), []);
    assert_eq!(wheel.time(), at(1000));
    assert_eq!(due(&mut wheel, 1000), [(1000, ())]);
}

/// A wheel with the timers `0..50`, all at one deadline two levels up, of which 20 have been moved.
fn half_cascaded() -> (Wheel<u32>, Vec<TimerId>, u64) {
    let mut wheel = empty();
    let deadline = 2 * 4096 + 100;
    let ids = (0..50).map(|token| wheel.arm(at(deadline), token).unwrap()).collect();
    assert_eq!(due_within(&mut wheel, deadline, 20), []);
    assert_eq!(wheel.next_deadline(), Some(at(8192)));
    (wheel, ids, deadline)
}

#[test]
fn nothing_overtakes_a_list_half_taken_apart() {
    let (mut wheel, ids, deadline) = half_cascaded();
    // One moved already, one still waiting, and new ones: before, at and after the deadline.
    assert!(wheel.re_arm(ids[3], at(deadline)));
    assert!(wheel.re_arm(ids[30], at(deadline)));
    wheel.arm(at(deadline), 50).unwrap();
    wheel.arm(at(deadline - 1), 51).unwrap();
    wheel.arm(at(0), 52).unwrap();
    wheel.arm(at(deadline + HOUR), 53).unwrap();
    let moved = [3, 30, 50];
    let mut expected = vec![(8192, 52), (deadline - 1, 51)];
    expected.extend((0..50).filter(|n| !moved.contains(n)).map(|n| (deadline, n)));
    expected.extend(moved.map(|n| (deadline, n)));
    expected.push((deadline + HOUR, 53));

    let mut fired = Vec::new();
    for _ in 0..100 {
        fired.extend(due_within(&mut wheel, deadline + HOUR, 3));
    }
    assert_eq!(fired, expected);
}

#[test]
fn a_list_half_taken_apart_may_be_emptied_otherwise() {
    let (mut wheel, ids, deadline) = half_cascaded();
    for (token, id) in (20..).zip(&ids[20..]) {
        assert_eq!(wheel.cancel(*id), Some(token));
    }
    // The rest is where it belongs, and so is what comes next.
    assert_eq!(wheel.cascading, 0);
    wheel.arm(at(8192), 60).unwrap();
    assert_eq!(wheel.next_deadline(), Some(at(8192)));
    assert_eq!(due(&mut wheel, deadline - 1), [(8192, 60)]);
    assert_eq!(due(&mut wheel, deadline), (0..20).map(|n| (deadline, n)).collect::<Vec<_>>());

    let (mut wheel, ids, deadline) = half_cascaded();
    for id in &ids[20..] {
        assert!(wheel.re_arm(*id, at(deadline + DAY)));
    }
    assert_eq!(wheel.cascading, 0);
    assert_eq!(due(&mut wheel, deadline), (0..20).map(|n| (deadline, n)).collect::<Vec<_>>());
    assert_eq!(due(&mut wheel, deadline + DAY).len(), 30);
}

#[test]
fn ids_are_stale_once_the_timer_is_gone() {
    let mut wheel = empty();
    let fired = wheel.arm(at(5), 'a').unwrap();
    assert_eq!(due(&mut wheel, 5), [(5, 'a')]);
    let cancelled = wheel.arm(at(6), 'b').unwrap();
    assert_eq!(wheel.cancel(cancelled), Some('b'));
    let live = wheel.arm(at(7), 'c').unwrap();
    assert_eq!([fired.index, cancelled.index], [live.index; 2], "the room is used again");

    for stale in [fired, cancelled] {
        assert!(!wheel.re_arm(stale, at(1)));
        assert_eq!(wheel.cancel(stale), None);
        assert_eq!(wheel.deadline(stale), None);
    }
    assert_eq!(wheel.len(), 1);
    assert_eq!(due(&mut wheel, 10), [(7, 'c')]);
}

#[test]
fn an_id_of_another_wheel_finds_nothing() {
    let mut large = empty();
    large.arm(at(1), 1).unwrap();
    let id = large.arm(at(1), 2).unwrap();
    let mut small = empty();
    small.arm(at(1), 3).unwrap();
    assert!(!small.re_arm(id, at(2)));
    assert_eq!(small.cancel(id), None);
}

#[test]
fn the_limit_counts_armed_timers() {
    let mut wheel = Wheel::with_capacity(Instant::ZERO, 3, 3);
    let ids = [1, 2, 3].map(|n| wheel.arm(at(n), n).unwrap());
    assert_eq!(wheel.arm(at(4), 4), Err(Full));
    assert_eq!(wheel.len(), wheel.limit());
    assert!(wheel.re_arm(ids[0], at(5)), "takes no room");

    wheel.cancel(ids[1]);
    wheel.arm(at(6), 6).unwrap();
    assert_eq!(wheel.arm(at(7), 7), Err(Full));
    assert_eq!(due(&mut wheel, 3), [(3, 3)]);
    wheel.arm(at(8), 8).unwrap();
    assert_eq!(wheel.arm(at(9), 9), Err(Full));
    assert_eq!(due(&mut wheel, 9), [(5, 1), (6, 6), (8, 8)]);
    assert!(wheel.is_empty());
    assert_eq!(Wheel::new(Instant::ZERO, 0).arm(at(1), ()), Err(Full));
}

#[test]
fn room_is_allocated_once_and_never_beyond_the_limit() {
    let mut wheel = Wheel::with_capacity(Instant::ZERO, 50, 100);
    let capacity = (wheel.nodes.capacity(), wheel.tokens.capacity());
    for round in 0..10 {
        for n in 0..50 {
            wheel.arm(at(round * HOUR + n * 1000), n).unwrap();
        }
        assert_eq!(due(&mut wheel, (round + 1) * HOUR).len(), 50);
    }
    assert_eq!((wheel.nodes.capacity(), wheel.tokens.capacity()), capacity);
    let bounded = Wheel::<u64>::with_capacity(Instant::ZERO, usize::MAX, 4);
    assert_eq!(bounded.tokens.capacity(), 4);
}

#[test]
fn a_room_without_generations_left_is_retired() {
    let mut wheel = Wheel::new(Instant::ZERO, 1);
    let first = wheel.arm(at(1), 'a').unwrap();
    wheel.cancel(first);
    wheel.nodes[first.index as usize].generation = NonZeroU32::new(u32::MAX - 1).unwrap();
    let last = wheel.arm(at(1), 'b').unwrap();
    assert_eq!(last.index, first.index);
    assert_eq!(due(&mut wheel, 1), [(1, 'b')]);

    let elsewhere = wheel.arm(at(2), 'c').unwrap();
    assert_eq!((elsewhere.index, elsewhere.generation.get()), (first.index + 1, 1));
    for dead in [first, last] {
        assert_eq!(wheel.cancel(dead), None);
    }
    assert_eq!(due(&mut wheel, 2), [(2, 'c')]);
    assert_eq!(wheel.arm(at(3), 'd').unwrap().index, elsewhere.index);
}

#[test]
fn a_call_does_no_more_than_its_budget() {
    const TIMERS: u32 = 100_000;
    let mut wheel = empty();
    for n in 0..TIMERS {
        wheel.arm(at(DAY), n).unwrap();
    }
    let moves_each = wheel.home(DAY) / SLOTS;
    assert!(moves_each > 1);

    let (mut calls, mut fired) = (0, 0);
    while wheel.next_deadline().is_some() {
        let mut budget = 64;
        while let Some((_, token)) = wheel.pop_due(at(DAY), &mut budget) {
            assert_eq!(token, fired);
            fired += 1;
        }
        calls += 1;
        assert!(wheel.is_empty() || budget == 0, "stopped with work and budget left");
    }
    assert_eq!(fired, TIMERS);
    // At least one move and one firing for each, and no more than was to be expected.
    assert!((2 * TIMERS / 64..=(moves_each + 1) * TIMERS / 64 + 1).contains(&calls));
}

#[test]
fn tokens_do_not_show() {
    let mut wheel = Wheel::new(Instant::ZERO, 2);
    let id = wheel.arm(at(1500), "secret").unwrap();
    assert_eq!(format!("{wheel:?}"), "Wheel { time: 0.000s, len: 1, limit: 2, .. }");
    assert_eq!(format!("{id:?}"), "TimerId { index: 704, generation: 1 }");
}

/// A moment as seen from the present one.
#[derive(Clone, Debug)]
enum When {
    Past(u64),
    In(u64),
    /// The start of the `slots`th list of a level from here, or a millisecond to either side.
    Edge {
        level: u32,
        slots: u64,
        skew: i64,
    },
    Last(u64),
}

impl When {
    fn seen_from(&self, now: u64) -> u64 {
        match *self {
            Self::Past(ago) => now.saturating_sub(ago),
            Self::In(distance) => now.saturating_add(distance),
            Self::Edge { level, slots, skew } => {
                let span = 1 << (level * DIGIT);
                let start = (now / span).saturating_add(slots).saturating_mul(span);
                start.saturating_add_signed(skew)
            }
            Self::Last(before) => u64::MAX - before,
        }
    }
}

impl Arbitrary for When {
    fn arbitrary(g: &mut Gen) -> Self {
        let below = |g: &mut Gen, limit: u32| u32::arbitrary(g) % limit;
        match below(g, 100) {
            0..10 => Self::Past(below(g, 100).into()),
            10..40 => Self::In(below(g, 4).into()),
            40..65 => Self::In(u64::arbitrary(g) >> below(g, 64)),
            65..99 => Self::Edge {
                // Mostly the lower levels, which later operations will get to.
                level: below(g, LEVELS) * below(g, LEVELS) / LEVELS,
                slots: *g.choose(&[0, 1, 1, 1, 2, 63, 64, 65]).unwrap(),
                skew: *g.choose(&[-1, 0, 0, 1]).unwrap(),
            },
            _ => Self::Last(below(g, 3).into()),
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Arm(When),
    /// Of the id given out as the `n`th, modulo their number; so too for `Cancel`.
    ReArm(usize, When),
    Cancel(usize),
    /// Pops until there is nothing due or the budget is used up.
    Advance(When, u32),
    /// To the next deadline.
    Wake(u32),
}

impl Arbitrary for Op {
    fn arbitrary(g: &mut Gen) -> Self {
        let budget = |g: &mut Gen| *g.choose(&[0, 1, 2, 3, 5, 10, u32::MAX]).unwrap();
        match u8::arbitrary(g) % 10 {
            0..4 => Self::Arm(When::arbitrary(g)),
            4..6 => Self::ReArm(usize::arbitrary(g), When::arbitrary(g)),
            6 => Self::Cancel(usize::arbitrary(g)),
            7..9 => Self::Advance(When::arbitrary(g), budget(g)),
            _ => Self::Wake(budget(g)),
        }
    }
}

const LIMIT: usize = 30;

/// What a wheel should do, said without one. A timer's token is the number of its id.
#[derive(Default)]
struct Model {
    /// By deadline and arming.
    timers: BTreeMap<(u64, u64), usize>,
    ids: Vec<(TimerId, Option<(u64, u64)>)>,
    armed: u64,
    spent: u64,
    now: u64,
}

impl Model {
    fn key(&mut self, wheel: &Wheel<usize>, deadline: u64) -> (u64, u64) {
        self.armed += 1;
        (deadline.max(wheel.time().as_millis()), self.armed)
    }

    /// Does `op` to both; says what differed.
    fn step(&mut self, wheel: &mut Wheel<usize>, op: &Op) -> Result<(), &'static str> {
        match op {
            Op::Arm(when) => {
                let deadline = when.seen_from(self.now);
                let token = self.ids.len();
                let Ok(id) = wheel.arm(at(deadline), token) else {
                    return ensure(self.timers.len() == LIMIT, "full below the limit");
                };
                let key = self.key(wheel, deadline);
                self.timers.insert(key, token);
                self.ids.push((id, Some(key)));
                ensure(self.timers.len() <= LIMIT, "armed beyond the limit")
            }
            Op::ReArm(n, when) if !self.ids.is_empty() => {
                let n = n % self.ids.len();
                let deadline = when.seen_from(self.now);
                let (id, old) = self.ids[n];
                if let Some(old) = old {
                    let key = self.key(wheel, deadline);
                    self.timers.remove(&old);
                    self.timers.insert(key, n);
                    self.ids[n].1 = Some(key);
                }
                ensure(wheel.re_arm(id, at(deadline)) == old.is_some(), "re-arm")
            }
            Op::Cancel(n) if !self.ids.is_empty() => {
                let n = n % self.ids.len();
                let (id, key) = &mut self.ids[n];
                let key = key.take();
                if let Some(key) = key {
                    self.timers.remove(&key);
                }
                ensure(wheel.cancel(*id) == key.map(|_| n), "cancel")
            }
            Op::ReArm(..) | Op::Cancel(_) => Ok(()),
            Op::Advance(when, budget) => self.advance(wheel, when.seen_from(self.now), *budget),
            Op::Wake(budget) => match wheel.next_deadline() {
                Some(wake) => self.advance(wheel, wake.as_millis(), *budget),
                None => Ok(()),
            },
        }
    }

    fn advance(
        &mut self,
        wheel: &mut Wheel<usize>,
        now: u64,
        budget: u32,
    ) -> Result<(), &'static str> {
        let before = wheel.time().as_millis();
        let mut left = budget;
        while let Some((deadline, token)) = wheel.pop_due(at(now), &mut left) {
            let expected = self.timers.pop_first().map(|((deadline, _), token)| (deadline, token));
            ensure(expected == Some((deadline.as_millis(), token)), "fired out of order")?;
            ensure(deadline <= at(now), "fired early")?;
            ensure(wheel.time() == deadline, "the time after firing")?;
            self.ids[token].1 = None;
        }
        self.now = self.now.max(now);
        self.spent += u64::from(budget - left);

        let work_left = wheel.next_deadline().is_some_and(|next| next <= at(now));
        ensure(left == 0 || !work_left, "stopped with budget left")?;
        let first_is_due = self.timers.keys().next().is_some_and(|(deadline, _)| *deadline <= now);
        ensure(work_left || !first_is_due, "timers due, but no work left")?;
        let time = wheel.time().as_millis();
        ensure((before..=before.max(now)).contains(&time), "the time passed now")?;
        ensure(left == 0 || time == before.max(now), "the time is not now")
    }

    /// What holds between operations.
    fn check(&self, wheel: &Wheel<usize>) -> Result<(), &'static str> {
        ensure(wheel.len() == self.timers.len(), "len")?;
        ensure(
            self.ids.iter().all(|(id, key)| {
                wheel.deadline(*id) == key.as_ref().map(|(deadline, _)| at(*deadline))
            }),
            "deadlines, or stale ids",
        )?;
        let first = self.timers.keys().next().map(|(deadline, _)| at(*deadline));
        let next = wheel.next_deadline();
        ensure(next.is_some() == first.is_some() && next <= first, "the next deadline is late")?;
        ensure(next.is_none_or(|next| next >= wheel.time()), "the next deadline has passed")?;
        // Each arming costs ten moves and a firing at most.
        ensure(self.spent <= 11 * self.armed, "more work than timers account for")?;

        let mut linked = 0;
        for list in 0..LISTS {
            let (mut prev, mut index) = (list, wheel.nodes[list as usize].next);
            while index != list {
                let node = &wheel.nodes[index as usize];
                ensure(node.prev == prev, "a broken list")?;
                let at_home = wheel.home(node.deadline) == list;
                ensure(at_home || wheel.cascading == list, "a timer is not at home")?;
                linked += 1;
                (prev, index) = (index, node.next);
            }
            ensure(wheel.nodes[list as usize].prev == prev, "a broken end of a list")?;
            let marked = wheel.occupied[level(list)] & bit(list) != 0;
            ensure(marked == (prev != list), "a wrong mark")?;
            ensure(marked || wheel.cascading != list || list == 0, "taking apart an empty list")?;
        }
        ensure(wheel.first == wheel.find_first(), "another list is first")?;
        ensure(linked == self.timers.len(), "a timer in no list")
    }
}

fn ensure(holds: bool, what: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(what) }
}

#[test]
fn behaves_like_a_sorted_map() {
    #[expect(clippy::needless_pass_by_value, reason = "quickcheck hands out values")]
    fn property(start: When, ops: Vec<Op>) -> TestResult {
        let mut model = Model { now: start.seen_from(0), ..Model::default() };
        let mut wheel = Wheel::new(at(model.now), LIMIT);
        // In the end, everything there is fires.
        let end = Op::Advance(When::Last(0), u32::MAX);
        for (n, op) in ops.iter().chain([&end]).enumerate() {
            let outcome = model.step(&mut wheel, op).and_then(|()| model.check(&wheel));
            if let Err(what) = outcome {
                return TestResult::error(format!("operation {n}, {op:?}: {what}"));
            }
        }
        TestResult::from_bool(wheel.is_empty())
    }
    QuickCheck::new()
        .rng(Gen::new(200))
        .tests(2000)
        .quickcheck(property as fn(When, Vec<Op>) -> TestResult);
}
