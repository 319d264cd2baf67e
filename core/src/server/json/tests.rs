use super::*;

#[test]
fn what_is_json() {
    for text in [
        "{}",
        "[]",
        " [ ] ",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-12.5e+3",
        "1E-9",
        "\"\"",
        "\"\\u00e9\\n\\/\"",
        "\"é🐸\"",
        "{\"a\":[1,{\"b\":null}],\"a\":\"again\"}",
        "\t\r\n 1 ",
    ] {
        assert!(is_json(text), "{text:?}");
    }
    for text in [
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "[1 2]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1,}",
        "nul",
        "truE",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\n\"",
        "1 2",
        "[1]]",
        "\u{feff}1",
        "'a'",
    ] {
        assert!(!is_json(text), "{text:?}");
    }
}

#[test]
fn depth_costs_no_calls() {
    let deep = 200_000;
    let text = "[".repeat(deep) + &"]".repeat(deep);
    assert!(is_json(&text));
    assert!(!is_json(&text[1..]));
}

#[test]
fn escapes_mean_characters() {
    for (quoted, meant) in [
        ("", Some("")),
        ("plain é🐸", Some("plain é🐸")),
        (r#"\"\\\/\b\f\n\r\t"#, Some("\"\\/\u{8}\u{c}\n\r\t")),
        (r"\u0041\u00e9B", Some("AéB")),
        (r"\u0000", Some("\0")),
        (r"\uD83D\udc38!", Some("🐸!")),
        (r"\ud83d", None),
        (r"\ud83d\u0041", None),
        (r"\ud83d\n", None),
        (r"\udc38\ud83d", None),
    ] {
        assert_eq!(Quoted(quoted).characters().as_deref(), meant, "{quoted}");
    }
}
