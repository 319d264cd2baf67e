//! Bodies of several parts, in pieces of any size.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::*;

/// Name, file name and bytes of every part; an error ends the list with `None`.
type Read = Option<Vec<(String, Option<String>, Vec<u8>)>>;

/// Reads a body in pieces of this size.
fn read(boundary: &str, body: &[u8], size: usize) -> (Read, bool) {
    let mut parts = Parts::new(boundary).expect("a boundary");
    let mut found: Vec<(String, Option<String>, Vec<u8>)> = Vec::new();
    for piece in body.chunks(size) {
        parts.feed(piece);
        loop {
            match parts.next() {
                Ok(Some(PartsEvent::Part(part))) => {
                    found.push((part.name, part.file_name, Vec::new()));
                }
                Ok(Some(PartsEvent::Data(data))) => {
                    found.last_mut().expect("inside a part").2.extend_from_slice(data);
                }
                Ok(Some(PartsEvent::PartEnd)) => {}
                Ok(None) => break,
                Err(PartsError) => return (None, false),
            }
        }
    }
    (Some(found), parts.is_over())
}

const BODY: &[u8] = b"preamble\r\n--b1\r\nContent-Disposition: form-data; name=\"userId\"\r\n\r\n\
    0072\r\n--b1  \r\ncontent-disposition: form-data; name=file; filename=\"a.txt\"\r\n\
    Content-Type: text/plain\r\n\r\n\r\n--b\r\n--b2\r\n\r\n--b1\r\n\r\nno head\r\n--b1--\r\nepilogue";

#[test]
fn pieces_make_no_difference() {
    let (whole, over) = read("b1", BODY, BODY.len());
    let whole = whole.expect("good");
    assert!(over);
    assert_eq!(whole[0], ("userId".into(), None, b"0072".to_vec()));
    assert_eq!(whole[1], ("file".into(), Some("a.txt".into()), b"\r\n--b\r\n--b2\r\n".to_vec()));
    assert_eq!(whole[2], ("".into(), None, b"no head".to_vec()));
    for size in 1..BODY.len() {
        assert_eq!(read("b1", BODY, size), (Some(whole.clone()), true), "pieces of {size}");
    }
}

#[test]
fn the_first_boundary_may_be_the_first_line() {
    let (read, over) = read("x", b"--x\r\n\r\nwords\r\n--x--", 3);
    assert_eq!(read.expect("good"), [(String::new(), None, b"words".to_vec())]);
    assert!(over);
}

#[test]
fn a_body_that_breaks_off_is_not_over() {
    for end in 0..BODY.len() - b"--\r\nepilogue".len() + 1 {
        let (read, over) = read("b1", &BODY[..end], 7);
        assert!(read.is_some() && !over, "{end} bytes");
    }
}

#[test]
fn what_is_no_body_of_parts_is_refused() {
    for body in [&b"--x\r\nno colon\r\n\r\nwords"[..], b"--xy\r\n\r\n", b"--x junk\r\n"] {
        assert_eq!(read("x", body, 64), (None, false), "{body:?}");
    }
    let long = "b".repeat(MAX_BOUNDARY + 1);
    for boundary in ["", "a\u{e9}", "a\nb", &long] {
        assert!(Parts::new(boundary).is_err(), "{boundary:?}");
    }
    assert!(Parts::new(&long[1..]).is_ok());
}

#[test]
fn a_head_may_be_so_long_and_no_longer() {
    for (length, good) in [(MAX_PART_HEAD, true), (MAX_PART_HEAD + 1, false)] {
        let head =
            format!("--x\r\na: {}\r\n\r\nw\r\n--x--", "v".repeat(length - "a: \r\n\r\n".len()));
        let (parts, _) = read("x", head.as_bytes(), 100);
        assert_eq!(parts.is_some(), good, "{length}");
    }
    // One that never ends is refused before all of it has come.
    let mut parts = Parts::new("x").expect("a boundary");
    parts.feed(b"--x\r\n");
    let mut fed = 0;
    while parts.next() == Ok(None) {
        parts.feed(&[b'v'; 512]);
        fed += 512;
    }
    assert!(fed <= MAX_PART_HEAD + 512);
}

#[test]
fn little_is_held_back() {
    let mut parts = Parts::new("boundary").expect("a boundary");
    parts.feed(b"--boundary\r\n\r\n");
    while parts.next().expect("good").is_some() {}
    for _ in 0..100 {
        parts.feed(&[b'\r'; 1000]);
        while parts.next().expect("good").is_some() {}
        assert!(parts.held() < parts.end_len());
    }
}
