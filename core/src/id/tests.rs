use super::*;
use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeSet;
use alloc::format;

#[test]
fn ids_have_their_shape_and_never_repeat() {
    // B1.1, B1.2, B1.3
    let mut ids = Ids::new([7; 32]);
    let mut seen = BTreeSet::new();
    for _ in 0..10_000 {
        let session = ids.session_id();
        assert_eq!(session.as_str().len(), 16);
        assert!(session.as_str().bytes().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase()));
        let user = ids.user_id();
        assert_eq!(user.as_str().len(), 16);
        assert!(user.as_str().bytes().all(|c| c.is_ascii_digit() || (b'A'..=b'F').contains(&c)));
        let key = ids.secret();
        assert!(key.reveal().len() >= 24);
        assert!(key.reveal().bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c)));
        assert!(seen.insert(session.as_str().to_owned()));
        assert!(seen.insert(user.as_str().to_owned()));
        assert!(seen.insert(key.reveal().to_owned()));
    }
}

#[test]
fn the_same_seed_gives_the_same_ids_and_another_seed_others() {
    let draw = |seed| {
        let mut ids = Ids::new([seed; 32]);
        format!("{:?} {:?} {}", ids.session_id(), ids.user_id(), ids.secret().reveal())
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn every_character_of_a_session_id_is_about_as_likely() {
    let mut ids = Ids::new([1; 32]);
    let mut counts = [0_u32; 128];
    for _ in 0..36_000 / 16 {
        for byte in ids.session_id().as_str().bytes() {
            counts[usize::from(byte)] += 1;
        }
    }
    for character in (b'0'..=b'9').chain(b'A'..=b'Z') {
        // 1000 expected; six standard deviations either way.
        assert!((810..1190).contains(&counts[usize::from(character)]), "{}", char::from(character));
    }
}

#[test]
fn event_ids_end_where_the_wire_does() {
    assert_eq!(EventId::new(2_147_483_647), Some(EventId::MAX));
    assert_eq!(EventId::new(2_147_483_648), None);
    assert_eq!(EventId::MAX.next(), None);
    assert_eq!(EventId::NONE.next(), EventId::new(1));
}
