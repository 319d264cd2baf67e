//! A chat from its beginning to its end, and what the description of the API promises.

use std::thread;

use confer_tests::cases;
use confer_tests::http::{FORM, Http, form};
use serde_json::Value as Json;

use super::{Page, lines, web};
use crate::support::Served;

#[test]
fn a_chat_over_one_connection() {
    // B26.1
    let server = Served::start(&[]);
    let mut http = web(&server);
    let (mut page, begun) = Page::begins(
        &mut http,
        &[
            ("firstName", "Casey"),
            ("lastName", "Moss"),
            ("nickname", "Casey"),
            ("subject", "a question"),
            ("userData[Product]", "kettle"),
        ],
    );
    assert_eq!(lines(&begun), ["ParticipantJoined"]);
    let said = page.does(
        &mut http,
        "send",
        &[("message", "Hello über all"), ("messageType", "mine"), ("transcriptPosition", "1")],
    );
    assert_eq!(lines(&said), ["ParticipantJoined", "Message: Hello über all"]);
    assert_eq!(said["messages"][1]["messageType"], "mine");
    page.does(&mut http, "updateNickname", &[("nickname", "Casey M")]);
    page.does(&mut http, "pushUrl", &[("pushUrl", "https://example.com/")]);
    page.does(&mut http, "customNotice", &[("message", "custom")]);
    page.does(&mut http, "startTyping", &[]);
    page.does(&mut http, "stopTyping", &[("message", "half a word")]);
    page.does(&mut http, "send", &[("message", "Bye")]);
    let all = page.does(&mut http, "refresh", &[("transcriptPosition", "1")]);
    let told = lines(&all);
    for line in [
        "Message: Hello über all",
        "NicknameUpdated: Casey M",
        "PushUrl: https://example.com/",
        "CustomNotice: custom",
        "Message: Bye",
    ] {
        assert!(told.iter().any(|known| known == line), "{line} among {told:?}");
    }
    let end = page.does(&mut http, "disconnect", &[]);
    assert_eq!(end["chatEnded"], true);
    let late = page.tries(&mut http, "refresh", &[]);
    assert_eq!((late.status, late.code()), (200, 2));
    assert_eq!(late.json()["chatEnded"], true);
}

#[test]
fn the_description_of_the_api_is_true() {
    let server = Served::start(&[]);
    let mut http = web(&server);
    let told = http.asks("GET", "/openapi.json", &[], b"");
    assert_eq!(
        (told.status, told.header("content-type").unwrap()),
        (200, "application/json; charset=utf-8")
    );
    let head = http.asks("HEAD", "/openapi.json", &[], b"");
    assert_eq!((head.status, head.header("content-length")), (200, told.header("content-length")));
    let (page, _) = Page::begins(&mut http, &[("nickname", "Casey")]);
    let document = told.json();
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 15, "one for each operation");
    let required = document["components"]["schemas"]["Reply"]["required"].as_array().unwrap();
    assert!(required.len() >= 8);
    for (path, operations) in paths {
        let target = path
            .replace("{serviceName}", "customer-support")
            .replace("{chatId}", &page.chat)
            .replace("{fileId}", "0000000000000000");
        let kinds: Vec<_> = operations["post"]["requestBody"]["content"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        assert!(!kinds.is_empty(), "{path}");
        // Nothing is where nothing is described, and what is described is there.
        let wrong = http.asks("GET", &target, &[], b"");
        assert_eq!((wrong.status, wrong.header("allow").unwrap()), (405, "POST, OPTIONS"));
        if kinds.iter().any(|kind| kind == FORM) {
            let body = form(&[("userId", &page.user), ("secureKey", "wrong")]);
            let reply = http.asks("POST", &target, &[("content-type", FORM)], body.as_bytes());
            assert!(matches!(reply.status, 200 | 400 | 404), "{path}: {reply:?}");
            let answers = operations["post"]["responses"].as_object().unwrap();
            assert!(answers.contains_key(&reply.status.to_string()), "{path}: {reply:?}");
            for key in required {
                assert!(!reply.json()[key.as_str().unwrap()].is_null(), "{path}: {key}");
            }
        }
    }
    for path in ["/", "/genesys/2/chat/", "/genesys/2/chat/a/b/c/d/e/f", "/openapi.jso", "*"] {
        let reply = http.asks("POST", path, &[("content-type", FORM)], b"");
        assert_eq!((reply.status, reply.code()), (404, 2), "{path}");
    }
}

#[test]
fn many_customers_poll_beside_each_other() {
    let server = Served::start(&["--log", "warn"]);
    let (chats, rounds) = (cases(100, 1000), cases(3, 10));
    let (workers, address) = (10, server.address("web"));
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(move || {
                let mut http = Http::to(address);
                let begin = |_| Page::begins(&mut http, &[("nickname", "Casey")]).0;
                let mut pages: Vec<_> = (0..chats / workers).map(begin).collect();
                for round in 0..rounds {
                    for page in &mut pages {
                        let text = format!("{} says {round}", page.user);
                        page.does(&mut http, "send", &[("message", &text)]);
                    }
                    for page in &mut pages {
                        page.does(&mut http, "refresh", &[]);
                    }
                }
                for page in &mut pages {
                    let all = page.does(&mut http, "refresh", &[("transcriptPosition", "1")]);
                    let own: Vec<_> = (0..rounds)
                        .map(|round| format!("Message: {} says {round}", page.user))
                        .collect();
                    assert_eq!(lines(&all)[1..], own, "each hears its own, once and in order");
                }
            });
        }
    });
}

#[test]
fn whoever_asks_with_somebody_elses_ids_or_keys_gets_nothing() {
    // B26.6
    let server = Served::start(&[]);
    let mut http = web(&server);
    let (mut one, _) = Page::begins(&mut http, &[("nickname", "Casey"), ("text", "my secret")]);
    let (mut two, _) = Page::begins(&mut http, &[("nickname", "Robin"), ("text", "my own secret")]);
    let uploaded = one.uploads(&mut http, "a.txt", "text/plain", b"secret bytes").json();
    let file = uploaded["userData"]["file-id"].as_str().unwrap().to_owned();
    let nobody = Page {
        chat: "NOBODYSCHAT00000".into(),
        user: "0000000000000000".into(),
        key: "00000000000000000000000000000000".into(),
        ..one.clone()
    };
    let mut tried = 0;
    for chat in [&one, &two, &nobody] {
        for user in [&one, &two, &nobody] {
            for key in [&one, &two, &nobody] {
                let own = [&chat.chat, &user.user, &key.key];
                let is = |page: &Page| own == [&page.chat, &page.user, &page.key];
                if is(&one) || is(&two) {
                    continue;
                }
                let page = Page {
                    chat: chat.chat.clone(),
                    user: user.user.clone(),
                    key: key.key.clone(),
                    ..one.clone()
                };
                for (operation, fields) in [
                    ("refresh", &[("transcriptPosition", "1")][..]),
                    ("send", &[("message", "intruder"), ("transcriptPosition", "1")]),
                    ("updateData", &[("userData[Product]", "intruder")]),
                    ("file/limits", &[]),
                    ("disconnect", &[]),
                ] {
                    let reply = page.tries(&mut http, operation, fields);
                    assert_eq!((reply.status, reply.code()), (200, 2), "{operation}: {reply:?}");
                    assert_eq!(reply.json()["messages"], Json::Array(Vec::new()));
                    tried += 1;
                }
                for operation in [format!("file/{file}/download"), format!("file/{file}/delete")] {
                    let reply = page.tries(&mut http, &operation, &[]);
                    assert_eq!(reply.code(), 2, "{operation}: {reply:?}");
                    assert!(!reply.body.windows(6).any(|six| six == b"secret"));
                }
                // Whoever is refused before the file was read is told on a connection that ends.
                let reply = page.uploads(&mut web(&server), "b.txt", "text/plain", b"intruder");
                assert_eq!(reply.code(), 2, "{reply:?}");
            }
        }
    }
    assert_eq!(tried, 25 * 5);
    // Somebody with ids and keys of their own sees nothing of other chats' files.
    for operation in ["download", "delete"] {
        let reply = two.tries(&mut http, &format!("file/{file}/{operation}"), &[]);
        assert_eq!((reply.status, reply.code()), (404, 2), "{reply:?}");
    }
    // Nothing was said or done, nobody was removed (B9.1).
    let all = one.does(&mut http, "refresh", &[("transcriptPosition", "1")]);
    assert_eq!(lines(&all), ["ParticipantJoined: my secret", &*format!("FileUploaded: {file}")]);
    let all = two.does(&mut http, "refresh", &[("transcriptPosition", "1")]);
    assert_eq!(lines(&all), ["ParticipantJoined: my own secret"]);
    let own = one.tries(&mut http, &format!("file/{file}/download"), &[]);
    assert_eq!(own.body, b"secret bytes");
}
