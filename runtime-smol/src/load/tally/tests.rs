use std::io::ErrorKind;
use std::time::Duration;

use super::{LONGEST, Tally, Trouble, record};

#[test]
fn troubles_are_counted_by_kind_with_the_first_of_each() {
    let mut tally = Tally::new();
    let refused = Trouble::Connect(ErrorKind::ConnectionRefused);
    for (trouble, example) in [
        (Trouble::Refused(8304), "one"),
        (refused, "two"),
        (Trouble::Refused(8304), "three"),
        (Trouble::Refused(9999), "four"),
    ] {
        tally.trouble(trouble, || example.to_owned());
    }
    tally.reset();
    assert_eq!(tally.errors(), 4, "they count from the begin");
    let seen: Vec<_> = tally
        .troubles()
        .iter()
        .map(|(kind, troubled)| (kind.to_string(), troubled.count, troubled.example.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            ("connect: connection refused".to_owned(), 1, "two"),
            ("error 8304: no such session".to_owned(), 2, "one"),
            ("error 9999".to_owned(), 1, "four"),
        ]
    );
}

#[test]
fn times_of_any_length_are_recorded() {
    let mut tally = Tally::new();
    for time in [Duration::ZERO, Duration::from_millis(5), Duration::MAX] {
        record(&mut tally.answered, time);
    }
    assert_eq!(tally.answered.len(), 3);
    assert_eq!(tally.answered.min(), 1);
    assert!(tally.answered.max() >= LONGEST / 1000 * 999);
    assert_eq!(tally.answered.value_at_quantile(0.5).abs_diff(5000) / 8, 0, "within a thousandth");
    tally.reset();
    assert!(tally.answered.is_empty());
}
