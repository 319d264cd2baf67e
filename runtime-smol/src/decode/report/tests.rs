use super::*;

#[test]
fn times_are_written_to_the_microsecond() {
    for (time, expected) in [
        (Duration::ZERO, "1970-01-01T00:00:00.000000Z"),
        (Duration::new(1_705_312_803, 5_000), "2024-01-15T10:00:03.000005Z"),
        (Duration::new(1_705_312_803, 999_999_999), "2024-01-15T10:00:03.999999Z"),
        (Duration::MAX, "9999-12-31T23:59:59.999999Z"),
    ] {
        assert_eq!(written(time), expected);
    }
}

#[test]
fn places_can_be_found_again() {
    assert_eq!(Place::Line(3).to_string(), "line 3");
    assert_eq!(Place::Byte(0).to_string(), "byte 0");
}
