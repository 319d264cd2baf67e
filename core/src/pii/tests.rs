use super::*;
use alloc::format;

#[test]
fn nothing_covered_is_ever_printed() {
    let words = Pii::new("4111 1111 1111 1111");
    let secret = Secret::new("c6c9a6d96dc14cef5f94aa01");
    for printed in
        [format!("{words:?} {words}"), format!("{secret:?}"), format!("{:#?}", (words, &secret))]
    {
        assert!(!printed.contains("4111"), "{printed}");
        assert!(!printed.contains("c6c9"), "{printed}");
    }
    assert_eq!(*words.reveal(), "4111 1111 1111 1111");
}

#[test]
fn secrets_are_equal_only_to_themselves() {
    assert_eq!(Secret::new("abc"), Secret::new("abc"));
    assert_ne!(Secret::new("abc"), Secret::new("abd"));
    assert_ne!(Secret::new("abc"), Secret::new("ab"));
    assert_ne!(Secret::new("abc"), Secret::new(""));
}
