//! Bodies of requests, as they come.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;

use confer_core::config::Config;
use confer_core::gateway::{InChat, Operation, Verb};

use super::*;
use crate::{Api, Head, Opened};

const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=x";

fn open(path: &str, content_type: &str, length: Option<u64>) -> Result<Body, u16> {
    let head = Head {
        method: "POST",
        target: &format!("/genesys/2/chat/customer-support{path}"),
        content_type: Some(content_type).filter(|it| !it.is_empty()),
        content_length: length,
        api_key: None,
    };
    match Api::new(&Config::default().web).open(&head) {
        Opened::Body(body) => Ok(*body),
        Opened::Answer(answer) => Err(answer.status),
    }
}

/// Reads a body that is no file's.
fn read(path: &str, content_type: &str, bytes: &[u8]) -> Result<ApiRequest, Problem> {
    let mut body = open(path, content_type, Some(bytes.len() as u64)).expect("opened");
    for piece in bytes.chunks(100) {
        body.feed(piece);
        while body.next()?.is_some() {}
    }
    body.end().map(|request| request.expect("not told before"))
}

fn in_chat(path: &str, form: &str) -> Result<InChat, Problem> {
    let form = format!("userId=0072&secureKey=9f0e&alias=1&{form}");
    match read(path, FORM, form.as_bytes())?.operation {
        Operation::InChat(there) => Ok(there),
        Operation::RequestChat(_) => panic!("in no chat"),
    }
}

#[test]
fn a_chat_as_clients_begin_it() {
    let form = "nickname=C%C3%A9line+M&firstName=&lastName=Moss&emailAddress=c%40example.com\
        &subject=&text=hi&userData[TimeZone]=60&userData%5B%22Quoted%22%5D=a&userData['s']=b\
        &unknown=1&nickname=second&userData=no";
    let request = read("/", FORM, form.as_bytes()).expect("good");
    assert_eq!(&*request.service, "customer-support");
    let Operation::RequestChat(chat) = request.operation else { panic!() };
    assert_eq!(&**chat.nickname.reveal(), "Céline M");
    assert_eq!(&**chat.last_name.reveal(), "Moss");
    assert_eq!(&**chat.email_address.reveal(), "c@example.com");
    assert_eq!(chat.subject, None);
    assert_eq!(chat.greeting.map(|text| text.reveal().to_string()).as_deref(), Some("hi"));
    let keys: Vec<_> = chat.user_data.into_iter().map(|entry| entry.key.to_string()).collect();
    assert_eq!(keys, ["TimeZone", "Quoted", "s"]);
    // The same as parts, and with nothing said of the type.
    let parts = b"--x\r\nContent-Disposition: form-data; name=\"nickname\"\r\n\r\nCasey\r\n--x\r\n\
        Content-Disposition: form-data; name=\"userData[Key]\"\r\n\r\nvalue\r\n--x--\r\n";
    for (kind, body) in [(PARTS, &parts[..]), ("", &b"nickname=Casey&userData[Key]=value"[..])] {
        let Operation::RequestChat(chat) = read("", kind, body).expect("good").operation else {
            panic!()
        };
        assert_eq!(&**chat.nickname.reveal(), "Casey");
        assert_eq!(chat.user_data.text("Key").as_deref(), Some("value"));
    }
}

#[test]
fn every_operation_has_its_verb() {
    let text = |text: &str| confer_core::text::Text::new(text);
    for (path, form, verb) in [
        ("/C1/refresh", "message=", Verb::Refresh { text: None }),
        ("/C1/refresh", "message=hi", Verb::Refresh { text: Some(text("hi")) }),
        ("/C1/startTyping", "message=h", Verb::StartTyping { preview: Some(text("h")) }),
        ("/C1/stopTyping", "", Verb::StopTyping { preview: None }),
        ("/C1/readReceipt", "transcriptPosition=4", Verb::ReadReceipt),
        ("/C1/disconnect/", "message=", Verb::Disconnect),
        (
            "/C1/pushUrl",
            "pushUrl=https%3A%2F%2Fe.com",
            Verb::PushUrl { url: text("https://e.com") },
        ),
        ("/C1/updateNickname", "nickname=N", Verb::UpdateNickname { nickname: text("N") }),
        (
            "/C1/customNotice",
            "message=m&messageType=notice",
            Verb::CustomNotice { text: Some(text("m")), user_data: KvList::new() },
        ),
        (
            "/C1/updateData",
            "userData[a]=b",
            Verb::UpdateData { user_data: KvList::from([("a", "b".into())]) },
        ),
        ("/C1/file/limits", "", Verb::FileLimits),
        ("/C1/file/F1/download", "", Verb::Download { file_id: "F1".into() }),
        ("/C1/file/F1/delete", "", Verb::Delete { file_id: "F1".into() }),
    ] {
        let there = in_chat(path, form).expect("good");
        assert_eq!(there.verb, verb, "{path}");
        assert_eq!(there.customer.chat_id.as_str(), "C1");
        assert_eq!((there.customer.user_id.as_str(), &*there.alias), ("0072", "1"));
    }
    let there = in_chat("/C1/send", "message=a&messageType=t&transcriptPosition=7&requestKey=k");
    let there = there.expect("good");
    assert_eq!((there.position, there.request_key.as_deref()), (7, Some("k")));
    let Verb::Send { message_type, .. } = there.verb else { panic!() };
    assert_eq!(message_type.as_deref(), Some("t"));
}

#[test]
fn what_is_missing_or_means_nothing_is_named() {
    for (path, form, problem) in [
        ("/C1/send", "", Problem::Missing("message")),
        ("/C1/send", "message=", Problem::Missing("message")),
        ("/C1/pushUrl", "", Problem::Missing("pushUrl")),
        ("/C1/updateNickname", "", Problem::Missing("nickname")),
        ("/C1/updateData", "", Problem::Missing("userData")),
        ("/C1/readReceipt", "transcriptPosition=0", Problem::Missing("transcriptPosition")),
        ("/C1/refresh", "transcriptPosition=-1", Problem::BadValue("transcriptPosition")),
        ("/C1/refresh", "transcriptPosition=+1x", Problem::BadValue("transcriptPosition")),
        ("/C1/refresh", "userData[]=x", Problem::BadValue("userData")),
    ] {
        assert_eq!(in_chat(path, form).err(), Some(problem), "{path} {form}");
    }
    for (form, problem) in [
        ("secureKey=k", Problem::Missing("userId")),
        ("userId=u&secureKey=", Problem::Missing("secureKey")),
    ] {
        assert_eq!(read("/C1/refresh", FORM, form.as_bytes()).err(), Some(problem));
    }
    let long = "k".repeat(65);
    let key = |key: &str| in_chat("/C1/send", &format!("message=m&requestKey={key}"));
    assert_eq!(key(&long).err(), Some(Problem::BadValue("requestKey")));
    assert!(key(&long[1..]).is_ok());
    for position in ["", " 5 ", "99999999999999"] {
        assert!(in_chat("/C1/refresh", &format!("transcriptPosition={position}")).is_ok());
    }
}

#[test]
fn types_of_bodies() {
    for (path, kind, status) in [
        ("/C1/send", "application/json", 415),
        ("/C1/send", "text/plain", 415),
        ("/C1/file", FORM, 415),
        ("/C1/file", "", 415),
        ("/C1/send", "multipart/form-data", 400),
        ("/C1/send", "multipart/form-data; boundary=", 400),
    ] {
        assert_eq!(open(path, kind, None).err(), Some(status), "{path} {kind}");
    }
    assert!(open("/C1/send", "Application/X-WWW-Form-URLencoded; charset=utf-8", None).is_ok());
}

#[test]
fn a_form_may_be_so_large_and_no_larger() {
    let form = |size: usize| {
        let mut form = String::from("userId=u&secureKey=k&message=");
        form.push_str(&"m".repeat(size - form.len()));
        form
    };
    assert!(read("/C1/send", FORM, form(MAX_FORM).as_bytes()).is_ok());
    let over = MAX_FORM as u64 + 1;
    assert_eq!(open("/C1/send", FORM, Some(over)).err(), Some(413));
    // Where the length was not said, and as parts.
    let mut body = open("/C1/send", FORM, None).expect("opened");
    body.feed(form(MAX_FORM + 1).as_bytes());
    assert_eq!(body.next().err(), Some(Problem::TooLarge));
    for (size, good) in [(MAX_FORM - "message".len(), true), (MAX_FORM, false)] {
        let mut body = open("/C1/send", PARTS, None).expect("opened");
        body.feed(b"--x\r\nContent-Disposition: form-data; name=message\r\n\r\n");
        let bytes = vec![b'm'; 4096];
        let mut left = size;
        let mut result = body.next().map(|_| ());
        while left > 0 && result.is_ok() {
            body.feed(&bytes[..left.min(4096)]);
            left = left.saturating_sub(4096);
            result = body.next().map(|_| ());
        }
        body.feed(b"\r\n--x--");
        assert_eq!(result.and_then(|()| body.next().map(|_| ())).is_ok(), good, "{size}");
    }
    for (count, good) in [(MAX_FIELDS, true), (MAX_FIELDS + 1, false)] {
        let form = format!("userId=u&secureKey=k{}", "&a=b".repeat(count - 2));
        assert_eq!(read("/C1/refresh", FORM, form.as_bytes()).is_ok(), good, "{count}");
    }
}

/// An upload: its parts, in this order.
fn upload(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in parts {
        let file = if *name == "file" {
            "; filename=\"../cat.png\"\r\nContent-Type: image/png"
        } else {
            ""
        };
        let head = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(value.as_bytes());
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--x--\r\n");
    body
}

const FILE: &str = "bytes\r\n--\r\n-x of the file";

/// Reads an upload in pieces of this size: the request told with the file, the file, the one at the
/// end.
fn read_upload(
    bytes: &[u8],
    size: usize,
) -> (Option<ApiRequest>, Vec<u8>, Result<Option<ApiRequest>, Problem>) {
    let mut body = open("/C1/file", PARTS, Some(bytes.len() as u64)).expect("opened");
    let (mut told, mut file, mut ended) = (None, Vec::new(), false);
    for piece in bytes.chunks(size) {
        body.feed(piece);
        while let Some(piece) = body.next().expect("good") {
            match piece {
                Piece::File { request } => told = request.map(|request| *request),
                Piece::Data(data) => file.extend_from_slice(data),
                Piece::FileEnd => ended = true,
            }
        }
    }
    let end = body.end();
    assert!(end.is_err() || ended);
    (told, file, end)
}

fn of_upload(request: ApiRequest) -> (InChat, Upload) {
    let Operation::InChat(there) = request.operation else { panic!() };
    let Verb::Upload(upload) = there.verb.clone() else { panic!() };
    (there, *upload)
}

#[test]
fn a_file_behind_everything_else_is_passed_on_as_it_comes() {
    let who = [("userId", "u"), ("secureKey", "k"), ("alias", "1")];
    let more = [("userData[file-description]", "my cat"), ("file", FILE)];
    let bytes = upload(&[&who[..], &more[..]].concat());
    for size in [1, 10, 1000] {
        let (told, file, end) = read_upload(&bytes, size);
        assert_eq!(file, FILE.as_bytes());
        assert_eq!(end, Ok(None));
        let (there, upload) = of_upload(told.expect("told with the file"));
        assert_eq!(there.customer.user_id.as_str(), "u");
        assert_eq!(&**upload.name.reveal(), "cat.png");
        assert_eq!(&*upload.content_type, "image/png");
        assert_eq!(upload.user_data.text("file-description").as_deref(), Some("my cat"));
        // Its size, and the line break at the end that may as well be missing.
        assert_eq!(upload.size_at_most, Some(FILE.len() as u64 + 2));
    }
}

#[test]
fn a_file_before_everything_else_is_told_of_at_the_end() {
    let bytes = upload(&[
        ("file", FILE),
        ("userId", "u"),
        ("secureKey", "k"),
        ("alias", "1"),
        ("userData[file-description]", "my cat"),
    ]);
    for size in [1, 10, 1000] {
        let (told, file, end) = read_upload(&bytes, size);
        assert_eq!((told, &file[..]), (None, FILE.as_bytes()));
        let (_, upload) = of_upload(end.expect("good").expect("not told before"));
        assert_eq!(upload.user_data.text("file-description").as_deref(), Some("my cat"));
    }
}

#[test]
fn an_upload_needs_a_file_and_all_of_it() {
    let who = [("userId", "u"), ("secureKey", "k"), ("alias", "1")];
    let (_, _, end) = read_upload(&upload(&who), 100);
    assert_eq!(end, Err(Problem::Missing("file")));
    let bytes = upload(&[&who[..], &[("file", FILE)]].concat());
    let (told, _, end) = read_upload(&bytes[..bytes.len() - 8], 1000);
    assert!(told.is_some());
    assert_eq!(end, Err(Problem::BrokenBody));
    // A second file is nobody's business.
    let bytes = upload(&[&who[..], &[("file", FILE), ("file", "other")]].concat());
    let (_, file, end) = read_upload(&bytes, 1000);
    assert_eq!((&file[..], end), (FILE.as_bytes(), Ok(None)));
}
