//! Headers as clients write them.

use alloc::string::ToString;

use super::*;

#[test]
fn names_as_clients_write_them() {
    for (header, name, file) in [
        ("form-data; name=\"file\"; filename=\"a b.txt\"", Some("file"), Some("a b.txt")),
        ("form-data;name=file;filename=a.txt", Some("file"), Some("a.txt")),
        ("form-data; NAME=\"a\"; name=\"b\"", Some("a"), None),
        ("form-data; name=\"userData[\\\"key\\\"]\"", Some("userData[\"key\"]"), None),
        ("form-data; name=\"userData[%22key%22]\"", Some("userData[\"key\"]"), None),
        ("form-data; name=\"f\"; filename=\"C:\\dir\\a.txt\"", Some("f"), Some("C:\\dir\\a.txt")),
        ("form-data; name=\"f\"; filename=\"a;b=c.txt\"", Some("f"), Some("a;b=c.txt")),
        (
            "form-data; name=\"f\"; filename*=UTF-8''%C3%A9.txt; filename=e",
            Some("f"),
            Some("é.txt"),
        ),
        ("form-data; name=\"f\"; filename*=latin1''%E9; filename=e", Some("f"), Some("e")),
        ("form-data; name=\"no end", Some("no end"), None),
        ("form-data", None, None),
        ("", None, None),
        ("form-data; name", None, None),
        ("; = ; name==x", Some("=x"), None),
    ] {
        let found = read(header);
        let expected = Disposition {
            name: name.map(ToString::to_string),
            file_name: file.map(ToString::to_string),
        };
        assert_eq!(found, expected, "{header}");
    }
}

#[test]
fn the_boundary_of_a_body() {
    let boundary = |header| parameter_of(header, "boundary");
    assert_eq!(boundary("multipart/form-data; boundary=\"a b\"").as_deref(), Some("a b"));
    assert_eq!(boundary("multipart/form-data; charset=x; Boundary=ab").as_deref(), Some("ab"));
    assert_eq!(boundary("multipart/form-data"), None);
}
