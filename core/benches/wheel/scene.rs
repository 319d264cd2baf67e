//! A million live timers, of which one moves every 10 µs.

use core::hint::black_box;

use confer_core::time::Instant;
use confer_core::wheel::{TimerId, Wheel};

pub(crate) const LIVE: usize = 1_000_000;

pub(crate) struct Scene {
    pub(crate) wheel: Wheel<usize>,
    /// The id of the timer with each token.
    ids: Vec<TimerId>,
    millis: u64,
    micros: u64,
    chance: Chance,
}

impl Scene {
    /// Every timer has been armed once, and most have been moved by half a minute of re-arming.
    pub(crate) fn settled() -> Self {
        let mut scene = Self {
            wheel: Wheel::with_capacity(Instant::ZERO, LIVE, LIVE),
            ids: Vec::with_capacity(LIVE),
            millis: 0,
            micros: 0,
            chance: Chance::new(),
        };
        for token in 0..LIVE {
            let deadline = scene.deadline();
            scene.ids.push(scene.wheel.arm(deadline, token).expect("the limit is LIVE"));
        }
        for _ in 0..3 * LIVE {
            scene.step();
        }
        scene
    }

    /// Fires what is due and arms it again, then moves a random timer. Returns whether that was
    /// armed, as it always is.
    pub(crate) fn step(&mut self) -> bool {
        self.micros += 10;
        if self.micros == 1000 {
            (self.micros, self.millis) = (0, self.millis + 1);
        }
        let now = Instant::from_millis(self.millis);
        while let Some((_, token)) = self.wheel.pop_due(now, &mut u32::MAX.clone()) {
            self.fired(token);
        }
        let (id, deadline) = self.choose();
        self.wheel.re_arm(id, deadline)
    }

    #[inline(never)]
    fn fired(&mut self, token: usize) {
        let deadline = self.deadline();
        self.ids[token] = self.wheel.arm(deadline, token).expect("one has just fired");
    }

    /// A random timer, and a deadline for it.
    pub(crate) fn choose(&mut self) -> (TimerId, Instant) {
        // Read ahead, so that the id is at hand when it is needed, as it is for whoever handles a
        // session: what is measured is the wheel, not the way to the id.
        black_box(self.ids[self.chance.ahead()]);
        (self.ids[self.chance.token()], self.deadline())
    }

    /// 30 to 300 s from now.
    fn deadline(&mut self) -> Instant {
        Instant::from_millis(self.millis + 30_000 + self.chance.below(270_001) as u64)
    }
}

/// Random numbers that cost next to nothing: a linear congruence for the deadlines, and a second
/// one, known some steps ahead, for the timers.
pub(crate) struct Chance {
    number: u64,
    token: u64,
    ahead: u64,
}

impl Chance {
    pub(crate) fn new() -> Self {
        let mut ahead = 0;
        (0..16).for_each(|_| ahead = next(ahead));
        Self { number: 7, token: 0, ahead }
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.number = next(self.number);
        share(self.number, limit)
    }

    /// A random token, known from [`ahead`](Self::ahead) 16 calls before.
    pub(crate) fn token(&mut self) -> usize {
        self.token = next(self.token);
        share(self.token, LIVE)
    }

    pub(crate) fn ahead(&mut self) -> usize {
        self.ahead = next(self.ahead);
        share(self.ahead, LIVE)
    }
}

fn next(number: u64) -> u64 {
    number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1)
}

fn share(number: u64, limit: usize) -> usize {
    ((number >> 32) as usize * limit) >> 32
}
