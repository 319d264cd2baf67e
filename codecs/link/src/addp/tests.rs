use super::*;

const fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn running(own: Duration) -> Addp {
    let mut addp = Addp::new(own, at(0));
    addp.start(at(0));
    addp
}

/// wire §4.4: a poll after T of silence, the connection lost after another T.
#[test]
fn polls_after_the_timeout_and_gives_up_after_another() {
    let mut addp = running(seconds(10));
    assert_eq!(addp.deadline(), Some(at(10_000)));
    assert_eq!(addp.due(at(9_999)), Due::Nothing);
    assert_eq!(addp.due(at(10_000)), Due::Poll);
    assert_eq!(addp.due(at(10_000)), Due::Nothing, "one poll is enough");
    assert_eq!(addp.deadline(), Some(at(20_000)));
    assert_eq!(addp.due(at(19_999)), Due::Nothing);
    assert_eq!(addp.due(at(20_000)), Due::Lost);
}

/// The peer gets its whole second T, however late the shell was to ask.
#[test]
fn a_late_poll_still_leaves_time_for_the_answer() {
    let mut addp = running(seconds(10));
    assert_eq!(addp.due(at(500_000)), Due::Poll);
    assert_eq!(addp.deadline(), Some(at(510_000)));
    assert_eq!(addp.due(at(509_999)), Due::Nothing);
    assert_eq!(addp.due(at(510_000)), Due::Lost);
}

/// wire §4.4: any received byte counts as life, also while a poll is unanswered.
#[test]
fn whatever_is_heard_begins_the_silence_anew() {
    let mut addp = running(seconds(10));
    addp.heard(at(9_999));
    assert_eq!(addp.due(at(10_000)), Due::Nothing);
    assert_eq!(addp.deadline(), Some(at(19_999)));
    assert_eq!(addp.due(at(19_999)), Due::Poll);
    addp.heard(at(29_998));
    assert_eq!(addp.due(at(29_999)), Due::Nothing);
    assert_eq!(addp.deadline(), Some(at(39_998)));
    assert_eq!(addp.due(at(39_998)), Due::Poll);
}

#[test]
fn zero_is_off() {
    let mut addp = running(Duration::ZERO);
    assert_eq!(addp.deadline(), None);
    assert_eq!(addp.due(Instant::FAR_FUTURE), Due::Nothing);
    addp.ask(seconds(5));
    assert_eq!(addp.deadline(), Some(at(5_000)));
    addp.ask(Duration::ZERO);
    assert_eq!(addp.deadline(), None);

    // What this side wants for itself, the other cannot turn off.
    let mut addp = running(seconds(10));
    addp.ask(seconds(5));
    addp.ask(Duration::ZERO);
    assert_eq!(addp.deadline(), Some(at(10_000)));
}

/// wire §4.4: 1 s … 1 day.
#[test]
fn what_is_asked_for_is_held_to_its_range() {
    for (asked, used) in [
        (1, 1_000),
        (999, 1_000),
        (1_000, 1_000),
        (1_001, 1_001),
        (86_399_999, 86_399_999),
        (86_400_000, 86_400_000),
        (86_400_001, 86_400_000),
        (u64::MAX, 86_400_000),
    ] {
        let mut addp = running(Duration::ZERO);
        addp.ask(Duration::from_millis(asked));
        assert_eq!(addp.deadline(), Some(at(used)), "{asked} ms");
    }
}

/// The range is for what a peer asks; the operator's own timeout is taken as it is.
#[test]
fn the_own_timeout_is_not_held_to_the_range() {
    assert_eq!(running(Duration::from_millis(100)).deadline(), Some(at(100)));
    assert_eq!(running(seconds(90_000)).deadline(), Some(at(90_000_000)));
}

/// wire §4.4: the smaller of the own and the asked.
#[test]
fn the_smaller_timeout_counts() {
    for (own, asked, used) in [(10, 5, 5), (5, 10, 5), (7, 7, 7)] {
        let mut addp = running(seconds(own));
        addp.ask(seconds(asked));
        assert_eq!(addp.deadline(), Some(at(used * 1000)), "own {own} s, asked {asked} s");
    }
}

/// B2.6: where it is not started, it is off, whatever was asked; what was asked is not forgotten.
#[test]
fn nothing_is_due_before_the_start() {
    let mut addp = Addp::new(seconds(10), at(0));
    addp.ask(seconds(5));
    assert!(!addp.is_running());
    assert_eq!(addp.deadline(), None);
    assert_eq!(addp.due(Instant::FAR_FUTURE), Due::Nothing);
    addp.start(at(60_000));
    assert!(addp.is_running());
    assert_eq!(addp.due(at(60_000)), Due::Nothing, "silence before the start is none");
    assert_eq!(addp.deadline(), Some(at(65_000)));
}

#[test]
fn a_deadline_beyond_the_clock_is_never() {
    let mut addp = Addp::new(Duration::MAX, at(0));
    addp.start(Instant::from_millis(u64::MAX - 1));
    assert_eq!(addp.deadline(), Some(Instant::FAR_FUTURE));
    assert_eq!(addp.due(Instant::from_millis(u64::MAX - 1)), Due::Nothing);
}
