//! Names and types somebody chose who means no good.

use alloc::format;

use super::*;

#[test]
fn names_have_no_path_and_nothing_hidden() {
    for (given, safe) in [
        ("cat.png", "cat.png"),
        ("Ünïcode 猫.png", "Ünïcode 猫.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\casey\\cat.png", "cat.png"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie x.txt"),
        ("gnp.\u{202E}exe", "gnp.exe"),
        ("a\0b", "ab"),
        ("a\"b<c>.txt", "abc.txt"),
        (" spaced . ", "spaced"),
        ("..", "file"),
        (".", "file"),
        ("", "file"),
        ("dir/", "file"),
        (".htaccess", ".htaccess"),
    ] {
        assert_eq!(safe_name(given), safe, "{given:?}");
    }
}

#[test]
fn a_name_may_be_so_long_and_keeps_its_extension() {
    // B22.8
    let exact = format!("{}.png", "é".repeat(MAX_NAME - 4));
    assert_eq!(safe_name(&exact), exact);
    let cut = safe_name(&format!("é{exact}"));
    assert_eq!(cut, exact);
    let all = safe_name(&"a.".repeat(200));
    assert!(all.chars().count() <= MAX_NAME);
}

#[test]
fn an_attachment_is_one_header() {
    assert_eq!(
        attachment("naïve; \"q\" 100%.txt\r\nx: y"),
        "attachment; filename=\"na_ve_ q 100_.txtx y\"; filename*=UTF-8''na%C3%AFve%3B%20q%20100%25.txtx%20y"
    );
    for name in ["\u{7f}\u{80}\n", "'*\"", "👋🏽"] {
        assert!(attachment(name).bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    }
}

#[test]
fn no_type_runs_where_it_is_opened() {
    for kind in ["image/png", "application/pdf", "text/plain", "text/csv", "video/mp4"] {
        assert_eq!(safe_content_type(kind), kind);
    }
    let office = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    assert_eq!(safe_content_type(office), office);
    assert_eq!(safe_content_type("text/plain; charset=utf-8"), "text/plain");
    for kind in [
        "text/html",
        "TEXT/HTML",
        "image/svg+xml",
        "application/xhtml+xml",
        "application/javascript",
        "text/javascript",
        "text/xsl",
        "",
        "image",
        "image/",
        "image/png\r\nx: y",
        "a b/c",
    ] {
        assert_eq!(safe_content_type(kind), "application/octet-stream", "{kind}");
    }
}
