use alloc::vec::Vec;

use super::*;

fn pauses(count: usize, seed: u8) -> Vec<Duration> {
    let (mut back_off, mut chance) = (BackOff::default(), Chance::new([seed; 32]));
    (0..count).map(|_| back_off.failed(&Habits::default(), &mut chance)).collect()
}

#[test]
fn pauses_double_up_to_the_longest() {
    let mut whole = Duration::from_millis(500);
    for pause in pauses(100, 1) {
        assert!(whole / 2 <= pause && pause <= whole, "{pause:?} of {whole:?}");
        whole = (whole * 2).min(Duration::from_secs(30));
    }
}

#[test]
fn two_clients_do_not_come_back_together() {
    assert_ne!(pauses(4, 1), pauses(4, 2));
    assert_eq!(pauses(4, 1), pauses(4, 1));
}

#[test]
fn after_a_success_they_are_short_again() {
    let (mut back_off, mut chance) = (BackOff::default(), Chance::new([1; 32]));
    for _ in 0..10 {
        back_off.failed(&Habits::default(), &mut chance);
    }
    back_off.worked();
    assert!(back_off.failed(&Habits::default(), &mut chance) <= Duration::from_millis(500));
}

#[test]
fn absurd_habits_do_no_harm() {
    let mut habits = Habits { back_off_min: Duration::MAX, ..Habits::default() };
    let (mut back_off, mut chance) = (BackOff::default(), Chance::new([1; 32]));
    assert!(back_off.failed(&habits, &mut chance) <= habits.back_off_max);
    habits.back_off_max = Duration::MAX;
    back_off.failed(&habits, &mut chance);
    habits.back_off_max = Duration::ZERO;
    assert_eq!(back_off.failed(&habits, &mut chance), Duration::ZERO);
}
