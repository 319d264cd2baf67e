use core::time::Duration;

use super::*;

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn started(preview: &str) -> Option<Key> {
    Some(Key::Started(Text::new(preview)))
}

#[test]
fn the_newest_preview_is_told_every_so_often() {
    let (mut typing, habits) = (Typing::default(), Habits::default());
    assert_eq!(typing.due(&habits, at(0)), None);
    typing.types(Text::new("h"), &habits, at(0));
    assert_eq!(typing.due(&habits, at(0)), started("h"));
    typing.types(Text::new("he"), &habits, at(1));
    typing.types(Text::new("hel"), &habits, at(2));
    assert_eq!(typing.due(&habits, at(2)), None);
    assert_eq!(typing.poll_timeout(), Some(at(3)));
    assert_eq!(typing.due(&habits, at(3)), started("hel"));
    assert_eq!(typing.due(&habits, at(6)), None);
}

#[test]
fn silence_ends_it_once() {
    let (mut typing, habits) = (Typing::default(), Habits::default());
    typing.types(Text::new("h"), &habits, at(0));
    assert_eq!(typing.due(&habits, at(0)), started("h"));
    assert_eq!(typing.poll_timeout(), Some(at(5)));
    assert_eq!(typing.due(&habits, at(4)), None);
    assert_eq!(typing.due(&habits, at(5)), Some(Key::Stopped));
    assert_eq!((typing.poll_timeout(), typing.due(&habits, at(9))), (None, None));
}

#[test]
fn what_is_sent_needs_no_stop_but_keeps_the_pause() {
    let (mut typing, habits) = (Typing::default(), Habits::default());
    typing.types(Text::new("h"), &habits, at(0));
    assert_eq!(typing.due(&habits, at(0)), started("h"));
    typing.reset();
    assert_eq!((typing.poll_timeout(), typing.due(&habits, at(9))), (None, None));
    typing.types(Text::new("n"), &habits, at(1));
    assert_eq!(typing.due(&habits, at(1)), None);
    assert_eq!(typing.due(&habits, at(3)), started("n"));
}
