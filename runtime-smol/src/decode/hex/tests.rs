use quickcheck::QuickCheck;

use super::{HexError, parse_line};

fn bytes(line: &str) -> Vec<u8> {
    parse_line(line).unwrap().unwrap()
}

fn refused(line: &str) -> (usize, Option<char>) {
    let HexError { column, found, .. } = parse_line(line).unwrap_err();
    (column, found)
}

#[test]
fn every_spelling_gives_the_same_bytes() {
    for line in [
        "00abCDef",
        "0x00abcdef",
        "0X00ABCDEF",
        "00 ab cd ef",
        "  00ab\tcdef \r\n",
        "00:ab:cd:ef",
        "00 : ab: cd :ef",
        " 0x 00ab cdef",
        "\u{a0}00ab\u{2003}cdef",
    ] {
        assert_eq!(bytes(line), [0x00, 0xab, 0xcd, 0xef], "{line:?}");
    }
}

#[test]
fn empty_lines_and_comments_are_skipped() {
    for line in ["", "  ", "\r\n", "# 00ff", "  #", "#zz"] {
        assert_eq!(parse_line(line), Ok(None), "{line:?}");
    }
}

#[test]
fn errors_name_column_and_character() {
    assert_eq!(refused("00g0"), (3, Some('g')));
    assert_eq!(refused("  00 1x"), (7, Some('x')));
    assert_eq!(refused("0x00 0x11"), (7, Some('x')), "the prefix opens the line, not each byte");
    assert_eq!(refused("0 0"), (2, Some(' ')), "the digits of one byte are adjacent");
    assert_eq!(refused("00 # comment"), (4, Some('#')));
    assert_eq!(refused("00::11"), (4, Some(':')));
    assert_eq!(refused(":00"), (1, Some(':')));
    assert_eq!(refused("0x:00"), (3, Some(':')));
    assert_eq!(
        refused("\u{a0}00\u{e9}"),
        (4, Some('\u{e9}')),
        "columns count characters, not bytes"
    );
}

#[test]
fn errors_name_a_line_that_ends_too_early() {
    assert_eq!(refused("000"), (4, None));
    assert_eq!(refused("00:"), (4, None));
    assert_eq!(refused("0x"), (3, None));
    assert_eq!(refused(" 00 1 "), (6, None));
}

#[test]
fn errors_read_well() {
    let text = |line| parse_line(line).unwrap_err().to_string();
    assert_eq!(text("00g0"), "column 3: found 'g', expected a byte of two hex digits or a colon");
    assert_eq!(text("0\u{7}"), "column 2: found '\\u{7}', expected the second hex digit of a byte");
    assert_eq!(text("00:"), "column 4: the line ends, expected a byte of two hex digits");
}

#[test]
fn what_was_written_is_read_back() {
    fn property(written: Vec<u8>, separator: u8, upper: bool) -> bool {
        let separator = ["", " ", ":", "\t"][usize::from(separator) % 4];
        let digits: Vec<_> = written.iter().map(|byte| format!("{byte:02x}")).collect();
        let line = digits.join(separator);
        let line = if upper { line.to_uppercase() } else { line };
        let expected = if written.is_empty() { None } else { Some(written) };
        parse_line(&line) == Ok(expected)
    }
    QuickCheck::new().quickcheck(property as fn(Vec<u8>, u8, bool) -> bool);
}

#[test]
fn an_error_points_into_the_line() {
    fn property(line: Vec<char>) -> bool {
        let line: String = line.into_iter().collect();
        match parse_line(&line) {
            Ok(_) => true,
            Err(HexError { column, found: Some(found), .. }) => {
                line.chars().nth(column - 1) == Some(found)
            }
            Err(HexError { column, found: None, .. }) => {
                column == line.trim_end().chars().count() + 1
            }
        }
    }
    QuickCheck::new().quickcheck(property as fn(Vec<char>) -> bool);
}
