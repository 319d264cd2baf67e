use super::*;

#[test]
fn words_do_nothing_to_a_terminal() {
    assert_eq!(clean("na\u{ef}ve \u{1f600}"), "na\u{ef}ve \u{1f600}");
    assert_eq!(clean("a\u{1b}[2Jb\u{7}"), "a\\u{1b}[2Jb\\u{7}");
    assert_eq!(clean("a\u{202e}b\u{9b}"), "a\\u{202e}b\\u{9b}");
    assert_eq!(clean("one\ntwo\r\nthree\rfour\tfive"), "one\n    two\n    three\\u{d}four five");
    assert_eq!(clean_line("Ana\n10:00:00 Ben: hello"), "Ana 10:00:00 Ben: hello");
}
