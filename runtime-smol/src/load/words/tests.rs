#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::{HEAD, Head, Side};

#[test]
fn a_text_says_whose_it_is() {
    for head in [
        Head { side: Side::Customer, session: 0, number: 1 },
        Head { side: Side::Agent, session: 0xff_ffff, number: u32::MAX },
        Head { side: Side::Agent, session: 1_234_567, number: 89 },
    ] {
        for length in [HEAD as usize, 60, 1000] {
            let text = head.text(length);
            assert_eq!(text.chars().count(), length, "{text}");
            assert_eq!(Head::of(&text), Some(head), "{text}");
        }
    }
}

#[test]
fn nothing_in_it_looks_like_a_number() {
    let text = Head { side: Side::Agent, session: 41_111, number: 1_111_111 }.text(200);
    assert!(!text.contains(|c: char| c.is_ascii_digit()), "{text}");
}

#[test]
fn what_nobody_here_said_is_nobodys() {
    let text = Head { side: Side::Customer, session: 7, number: 3 }.text(60);
    for strange in ["", "C", "hello", &text[1..], &text[..14], &text.replace('d', "z")] {
        assert_eq!(Head::of(strange), None, "{strange}");
    }
    assert!(Head::of(&text[..15]).is_some(), "the head is enough");
}
