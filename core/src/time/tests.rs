use super::*;
use alloc::string::ToString as _;

#[test]
fn deadlines_round_up_and_saturate() {
    let at = Instant::from_millis(10);
    assert_eq!(at + Duration::from_micros(1), Instant::from_millis(11));
    assert_eq!(at + Duration::MAX, Instant::FAR_FUTURE);
    assert_eq!(at - Duration::from_secs(1), Instant::ZERO);
    assert_eq!(Instant::ZERO.saturating_since(at), Duration::ZERO);
}

#[test]
fn stamps_have_one_written_form() {
    for (seconds, written) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_705_312_800, "2024-01-15T10:00:00Z"),
        (4_107_542_399, "2100-02-28T23:59:59Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (Stamp::MIN.0, "0001-01-01T00:00:00Z"),
        (Stamp::MAX.0, "9999-12-31T23:59:59Z"),
    ] {
        let stamp = Stamp::from_unix_seconds(seconds);
        assert_eq!(stamp.to_string(), written);
        assert_eq!(Stamp::parse(written), Some(stamp));
    }
}

#[test]
fn stamps_refuse_what_is_no_date() {
    for wrong in [
        "",
        "2024-01-15 10:00:00Z",
        "2024-01-15T10:00:00",
        "2023-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "2024-04-00T00:00:00Z",
        "2024-01-15T24:00:00Z",
        "2024-01-15T10:60:00Z",
        "2024-01-15T10:00:60Z",
        "0000-01-15T10:00:00Z",
        "+024-01-15T10:00:00Z",
    ] {
        assert_eq!(Stamp::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn every_day_of_the_calendar_comes_back() {
    for days in (Stamp::MIN.0 / 86_400..=Stamp::MAX.0 / 86_400).step_by(13) {
        let stamp = Stamp::from_unix_seconds(days * 86_400 + 43_210);
        assert_eq!(Stamp::parse(&stamp.written()), Some(stamp));
    }
}

#[test]
fn the_wall_clock_stamps_and_never_goes_wrong_at_the_ends() {
    let wall = Wall::new(Instant::from_millis(500), 1_705_312_800_000);
    assert_eq!(wall.stamp(Instant::from_millis(500)).to_string(), "2024-01-15T10:00:00Z");
    assert_eq!(wall.stamp(Instant::from_millis(499)).to_string(), "2024-01-15T09:59:59Z");
    assert_eq!(wall.stamp(Instant::from_millis(2500)).to_string(), "2024-01-15T10:00:02Z");
    assert_eq!(wall.stamp(Instant::FAR_FUTURE), Stamp::MAX);
}
