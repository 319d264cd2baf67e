use super::*;
use alloc::format;
use alloc::string::String;

#[test]
fn short_and_long_strings_are_the_same_strings() {
    for len in [0, 1, Str::INLINE - 1, Str::INLINE, Str::INLINE + 1, 500] {
        let string: String = core::iter::repeat_n('x', len).collect();
        let str = Str::new(&string);
        assert_eq!(str.as_str(), string);
        assert_eq!(str.clone(), str);
        assert_eq!(matches!(str.0, Repr::Inline(_)), len <= Str::INLINE);
    }
}

#[test]
fn a_clone_of_a_text_shares_it() {
    let text = Text::new("Grüße 👋");
    let clone = text.clone();
    assert!(core::ptr::eq(text.reveal(), clone.reveal()));
    assert_eq!(text.chars(), 7);
}

#[test]
fn a_text_prints_its_size_only() {
    assert_eq!(format!("{:?}", Text::new("my card is 4111")), "[truncated from size=15]");
}
