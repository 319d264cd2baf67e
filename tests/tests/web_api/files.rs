//! Files from one page to another, as a client's own test of the API would send them.

use confer_tests::web::{Answered, Web};
use serde_json::json;

use super::{FORM, Page, lines};

const PARTS: &str = "multipart/form-data; boundary=----b0undary";

/// A body with the customer's ids, perhaps behind the file.
fn body(page: &Page, name: &str, bytes: &[u8], file_first: bool) -> Vec<u8> {
    let field = |name: &str, value: &str| {
        format!(
            "------b0undary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        )
    };
    let fields = [
        field("userId", &page.user),
        field("secureKey", &page.key),
        field("alias", &page.alias),
        field("userData[file-description]", "my cat"),
    ]
    .concat();
    let head = format!(
        "------b0undary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: image/png\r\n\r\n"
    );
    let file = [head.as_bytes(), bytes, b"\r\n"].concat();
    let parts = if file_first { [file, fields.into()] } else { [fields.into(), file] };
    [parts.concat(), b"------b0undary--\r\n".to_vec()].concat()
}

fn uploads(web: &mut Web, page: &Page, name: &str, bytes: &[u8], first: bool) -> Answered {
    let body = body(page, name, bytes, first);
    web.posts(page.gateway, &page.path("file"), PARTS, &body)
}

#[test]
fn a_file_comes_back_as_it_was_sent() {
    // B22.2, B22.3, B22.8 to B22.11
    let bytes: Vec<u8> = (0..3000_u32).map(|n| u8::try_from(n * n % 251).expect("small")).collect();
    for (seed, first) in [(1, false), (2, true), (3, false), (4, true)] {
        let mut web = Web::new(seed, 1, 1, &[]);
        let (mut page, _) = Page::begins(&mut web, 0, "nickname=Casey");
        let limits = page.does(&mut web, "file/limits", "");
        assert_eq!(lines(&limits), ["Notice: file-client-cfg-get"]);
        assert_eq!(limits["messages"][0]["index"], json!(null));
        assert_eq!(limits["userData"]["upload-max-files"], "3");
        assert_eq!(limits["messages"][0]["userData"], limits["userData"]);

        let sent = uploads(&mut web, &page, "../my cat.png", &bytes, first);
        assert_eq!((sent.status, &sent.json["statusCode"]), (200, &json!(0)), "{sent:?}");
        let id = sent.json["userData"]["file-id"].as_str().expect("an id").to_owned();
        let all = page.does(&mut web, "refresh", "transcriptPosition=1");
        let event = &all["messages"][1];
        assert_eq!((&event["type"], &event["text"]), (&json!("FileUploaded"), &json!(id)));
        let data = &event["userData"];
        assert_eq!(
            (&data["file-name"], &data["file-size"]),
            (&json!("my cat.png"), &json!("3000"))
        );
        assert_eq!(data["file-description"], "my cat");
        assert!(data["file-document-id"].is_null() && data["file-permit"].is_null());

        let fetched = page.tries(&mut web, &format!("file/{id}/download"), "");
        assert_eq!((fetched.status, fetched.file), (200, Some(bytes.clone())));
        let headers: Vec<_> =
            fetched.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert!(headers.contains(&"content-type: image/png".to_owned()), "{headers:?}");
        let disposition = "content-disposition: attachment; filename=\"my cat.png\"; \
                           filename*=UTF-8''my%20cat.png";
        assert!(headers.contains(&disposition.to_owned()), "{headers:?}");

        page.does(&mut web, &format!("file/{id}/delete"), "");
        let all = page.does(&mut web, "refresh", "transcriptPosition=1");
        assert!(lines(&all).contains(&format!("FileDeleted: {id}")), "{all}");
        let gone = page.tries(&mut web, &format!("file/{id}/download"), "");
        assert_eq!((gone.status, gone.file), (403, None));
    }
}

#[test]
fn limits_hold_to_the_byte() {
    let options = [
        ("client-file-transfer", "upload-max-file-size", "100"),
        ("client-file-transfer", "upload-max-total-size", "150"),
        ("client-file-transfer", "upload-max-files", "2"),
    ];
    let mut web = Web::new(6, 1, 1, &options);
    let (page, _) = Page::begins(&mut web, 0, "nickname=Casey");
    let code = |answered: &Answered| answered.json["errors"][0]["code"].clone();
    let large = uploads(&mut web, &page, "a.png", &[1; 101], false);
    assert_eq!((large.status, code(&large)), (413, json!(201)));
    let kind = uploads(&mut web, &page, "a.exe", &[1; 10], false);
    assert_eq!((kind.status, code(&kind)), (403, json!(203)));
    assert!(web.documents.is_empty());
    // What was promised to the one that did not come is free again when its time is over.
    web.passes(std::time::Duration::from_secs(30));
}

#[test]
fn nobody_fetches_or_deletes_a_file_of_another_chat() {
    let mut web = Web::new(8, 1, 1, &[]);
    let (casey, _) = Page::begins(&mut web, 0, "nickname=Casey");
    let (dana, _) = Page::begins(&mut web, 0, "nickname=Dana");
    let sent = uploads(&mut web, &casey, "cat.png", b"bytes", false);
    let id = sent.json["userData"]["file-id"].as_str().expect("an id").to_owned();
    for operation in ["download", "delete"] {
        let tried = dana.tries(&mut web, &format!("file/{id}/{operation}"), "");
        assert_eq!((tried.status, &tried.file), (404, &None), "{tried:?}");
        // Nor by naming the other chat with one's own key.
        let other = Page { chat: casey.chat.clone(), ..dana.clone() };
        let tried = other.tries(&mut web, &format!("file/{id}/{operation}"), "");
        assert!(tried.file.is_none() && tried.json["statusCode"] != 0, "{tried:?}");
    }
    // No document can be announced that was not stored under a permit of this very chat.
    let form = casey.form("userData[file-document-id]=document-1&message=file-uploaded");
    let tried = web.posts(0, &dana.path("file"), FORM, form.as_bytes());
    assert_eq!(tried.status, 415);
    let fetched = casey.tries(&mut web, &format!("file/{id}/download"), "");
    assert_eq!(fetched.file.as_deref(), Some(&b"bytes"[..]));
}
