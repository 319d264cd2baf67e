//! Files, which go through the document store in pieces.

use confer_tests::http::{BOUNDARY, parts};

use super::{Page, lines, web};
use crate::support::{Folder, Served};

fn noise(size: usize) -> Vec<u8> {
    (0..size).map(|at| u8::try_from((at * at + at / 251) % 256).unwrap()).collect()
}

#[test]
fn a_file_comes_back_as_it_went() {
    let folder = Folder::new();
    let store = format!("sqlite:{}", folder.name("c.db"));
    for store in ["memory:", &store] {
        let server = Served::on(store, &[]);
        let mut http = web(&server);
        let (mut page, _) = Page::begins(&mut http, &[("nickname", "Casey")]);
        let limits = page.does(&mut http, "file/limits", &[]);
        assert_eq!(limits["userData"]["upload-max-file-size"], "2097152");
        assert_eq!(limits["messages"][0]["text"], "file-client-cfg-get");
        // Sizes round the pieces, and the largest there may be.
        for size in [1, 65_536, 65_537, 2_097_152] {
            let bytes = noise(size);
            let name = format!("a b\u{fc}-{size}.png");
            let reply = page.uploads(&mut http, &name, "image/png", &bytes);
            assert_eq!((reply.status, reply.code()), (200, 0), "{reply:?}");
            let file = reply.json()["userData"]["file-id"].as_str().unwrap().to_owned();
            let got = page.tries(&mut http, &format!("file/{file}/download"), &[]);
            assert_eq!(got.status, 200);
            assert!(got.body == bytes, "{size} bytes are the same");
            assert_eq!(got.header("content-type"), Some("image/png"));
            assert_eq!(got.header("x-content-type-options"), Some("nosniff"));
            let expected = format!(
                "attachment; filename=\"a b_-{size}.png\"; filename*=UTF-8''a%20b%C3%BC-{size}.png"
            );
            assert_eq!(got.header("content-disposition"), Some(&*expected));
            // One's own can be taken back, and then nobody has it.
            let gone = page.does(&mut http, &format!("file/{file}/delete"), &[]);
            assert_eq!(gone["chatEnded"], false);
            let none = page.tries(&mut http, &format!("file/{file}/download"), &[]);
            assert_eq!((none.status, none.code()), (403, 2), "{none:?}");
            let all = page.does(&mut http, "refresh", &[("transcriptPosition", "1")]);
            assert_eq!(lines(&all).pop(), Some(format!("FileDeleted: {file}")));
            if size == 65_537 {
                // A fourth file would be one too many for this chat (`upload-max-files`).
                (page, _) = Page::begins(&mut http, &[("nickname", "Casey")]);
            }
        }
    }
}

#[test]
fn what_a_page_could_run_comes_as_bytes() {
    let server = Served::start(&["--set", "client-file-transfer/upload-file-types=svg:html:txt"]);
    let mut http = web(&server);
    let (page, _) = Page::begins(&mut http, &[("nickname", "Casey")]);
    for (name, kind) in [("a.svg", "image/svg+xml"), ("../../b.html", "text/html; charset=x")] {
        let reply = page.uploads(&mut http, name, kind, b"<script>alert(1)</script>");
        let file = reply.json()["userData"]["file-id"].as_str().unwrap().to_owned();
        let got = page.tries(&mut http, &format!("file/{file}/download"), &[]);
        assert_eq!(got.header("content-type"), Some("application/octet-stream"), "{name}");
        let disposition = got.header("content-disposition").unwrap();
        assert!(disposition.starts_with("attachment; "), "{disposition}");
        assert!(!disposition.contains('/'), "{disposition}");
    }
}

#[test]
fn what_is_too_large_is_refused_and_not_kept() {
    // B26.8, B26.10
    let server = Served::start(&["--set", "client-file-transfer/upload-max-file-size=100000"]);
    let mut http = web(&server);
    let (mut page, _) = Page::begins(&mut http, &[("nickname", "Casey")]);
    // One byte too many is noticed as it comes.
    let reply = page.uploads(&mut http, "a.txt", "text/plain", &noise(100_001));
    assert_eq!((reply.status, reply.code()), (413, 2), "{reply:?}");
    assert_eq!(reply.json()["errors"][0]["code"], 201);
    let mut http = web(&server);
    let reply = page.uploads(&mut http, "a.txt", "text/plain", &noise(100_000));
    assert_eq!((reply.status, reply.code()), (200, 0), "{reply:?}");
    // What says that it is far too large need not come at all.
    let mut http = web(&server);
    let body = parts(&page.own(), "b.txt", "text/plain", &noise(20));
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary={BOUNDARY}\r\n\
         content-length: 50000000\r\n\r\n",
        page.path("file")
    );
    http.send(head.as_bytes()).unwrap();
    http.send(&body[..body.len() - 40]).unwrap();
    let reply = http.hears(false).unwrap();
    assert_eq!((reply.status, reply.code()), (413, 2), "{reply:?}");
    // Nothing was announced of either.
    let mut http = web(&server);
    let all = page.does(&mut http, "refresh", &[("transcriptPosition", "1")]);
    assert_eq!(all["messages"].as_array().unwrap().len(), 2, "{:?}", lines(&all));
}

#[test]
fn a_file_that_breaks_off_never_was() {
    // Permits that nobody used count for a while (B22.8).
    let server = Served::start(&["--set", "client-file-transfer/upload-max-files=20"]);
    let mut http = web(&server);
    let (mut page, _) = Page::begins(&mut http, &[("nickname", "Casey")]);
    let body = parts(&page.own(), "a.txt", "text/plain", &noise(300_000));
    for cut in [200, 500, 70_000, body.len() - 3] {
        let mut broken = web(&server);
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; \
             boundary={BOUNDARY}\r\ncontent-length: {}\r\n\r\n",
            page.path("file"),
            body.len()
        );
        broken.send(head.as_bytes()).unwrap();
        broken.send(&body[..cut]).unwrap();
    }
    // The same with a length that is right and a body that is not.
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let kind = [("content-type", &*kind)];
    let reply = web(&server).asks("POST", &page.path("file"), &kind, &body[..body.len() - 3]);
    assert!(matches!(reply.status, 400 | 413) && reply.code() > 0, "{reply:?}");
    // A file whose owner is told behind it is kept aside until then.
    let own = String::from_utf8(parts(&page.own(), "x", "y", b"")).unwrap();
    let at = own.rfind(&format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\""));
    let (fields, _) = own.split_at(at.unwrap());
    let file = parts(&[], "late.txt", "text/plain", b"late");
    let file = &file[..file.len() - format!("--{BOUNDARY}--\r\n").len()];
    let late = [file, fields.as_bytes(), format!("--{BOUNDARY}--\r\n").as_bytes()].concat();
    let reply = http.asks("POST", &page.path("file"), &kind, &late);
    assert_eq!((reply.status, reply.code()), (200, 0), "{reply:?}");
    let file = reply.json()["userData"]["file-id"].as_str().unwrap().to_owned();
    let got = page.tries(&mut http, &format!("file/{file}/download"), &[]);
    assert_eq!(got.body, b"late");
    let all = page.does(&mut http, "refresh", &[("transcriptPosition", "1")]);
    assert_eq!(lines(&all), ["ParticipantJoined", &*format!("FileUploaded: {file}")]);
}
