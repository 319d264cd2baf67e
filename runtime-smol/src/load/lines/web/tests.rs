#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use confer_core::frame::flex::{Event, Request, RequestLogout, RequestRefresh};
use confer_core::frame::{EventBody, Frame};
use confer_core::id::{EventId, UserId};
use confer_core::pii::Secret;
use confer_core::text::Text;

use super::{MAX_IDLE_ENDS, Web};
use crate::load::crowd::request_chat;

const BEGUN: &str = concat!(
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCONTENT-LENGTH: 121\r\n\r\n",
    r#"{"statusCode":0,"chatId":"C1","userId":"U1","secureKey":"k","alias":"7","nextPosition":2,"#,
    r#""chatEnded":false,"messages":[]}"#,
);

fn web() -> Web {
    Web::new("support", "127.0.0.1:8080".to_owned(), 3)
}

fn taken(web: &mut Web) -> String {
    let written = String::from_utf8(web.output().to_vec()).unwrap();
    let count = written.len();
    web.sent(count);
    written
}

fn refresh(text: Option<&str>) -> Request {
    Request::RequestRefresh(RequestRefresh {
        user_id: UserId::new("U1"),
        secure_key: Secret::new("k+"),
        session_id: None,
        last_position: EventId::new(4),
        message_text: text.map(Text::new),
        message_type: None,
        user_data: None,
        event_attributes: None,
        request_key: None,
    })
}

#[test]
fn flex_becomes_calls_and_answers_become_flex() {
    let mut web = web();
    assert!(web.send(&Frame::new(9, request_chat())));
    let written = taken(&mut web);
    assert!(written.starts_with("POST /genesys/2/chat/support HTTP/1.1\r\n"), "{written}");
    assert!(written.ends_with("Content-Length: 21\r\n\r\nnickname=Customer%203"), "{written}");

    // In pieces of any size it is the same answer.
    let mut heard = Vec::new();
    for byte in BEGUN.bytes() {
        assert!(heard.is_empty());
        web.receive(&[byte], |frame| heard.push(frame)).unwrap();
    }
    let [Frame { reference: 9, body: Event::EventStatus(status) }] = &heard[..] else {
        panic!("{heard:?}")
    };
    assert_eq!(status.user_id, Some(UserId::new("U1")));
    assert_eq!(status.error_id, None);

    assert!(web.send(&Frame::new(10, refresh(None))));
    assert!(web.send(&Frame::new(11, refresh(Some("a b&c")))));
    let logout = RequestLogout {
        user_id: UserId::new("U1"),
        secure_key: Secret::new("k+"),
        session_id: None,
        last_position: None,
    };
    assert!(web.send(&Frame::new(12, Request::RequestLogout(logout))));
    let written = taken(&mut web);
    for part in [
        "/support/C1/refresh HTTP/1.1\r\n",
        "\r\n\r\nuserId=U1&secureKey=k%2B&alias=7&transcriptPosition=5",
        "/support/C1/send HTTP/1.1\r\n",
        "&transcriptPosition=5&message=a%20b%26c",
        "/support/C1/disconnect HTTP/1.1\r\n",
    ] {
        assert!(written.contains(part), "{part} in {written}");
    }

    // Answers to all three at once, the second of them a refusal.
    let body = r#"{"statusCode":0,"chatId":"C1","userId":"U2","secureKey":"k","alias":"8",
        "chatEnded":true,"messages":[{"type":"ParticipantJoined","index":1},
        {"type":"Message","index":6,"text":"hello"}]}"#;
    let refusal = r#"{"statusCode":2,"errors":[{"code":404,"message":"nobody","advice":""}]}"#;
    let answers: String = [(200, body), (404, refusal), (200, body)]
        .iter()
        .map(|(status, body)| {
            let length = body.len();
            format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}")
        })
        .collect();
    let mut heard = Vec::new();
    web.receive(answers.as_bytes(), |frame| heard.push(frame)).unwrap();
    assert_eq!(heard.iter().map(|frame| frame.reference).collect::<Vec<_>>(), [10, 11, 12]);
    let Event::EventStatus(status) = &heard[0].body else { panic!() };
    let events = &status.chat_transcript.as_ref().unwrap().events;
    assert_eq!(events.iter().map(|it| it.event_id.number()).collect::<Vec<_>>(), [1, 6]);
    assert!(
        matches!(&events[1].body, EventBody::Message(it) if it.message_text.reveal() == "hello")
    );
    let Event::EventStatus(status) = &heard[1].body else { panic!() };
    assert_eq!(status.error_id, Some(404));
    // The newest alias is the one that counts.
    web.send(&Frame::new(13, refresh(None)));
    assert!(taken(&mut web).contains("alias=8"));
}

#[test]
fn what_is_no_answer_is_said() {
    for (bytes, why) in [
        ("SSH-2.0-OpenSSH\r\n", "version"),
        ("HTTP/1.1 200 OK\r\n\r\n", "Content-Length"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "99999999"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "nobody asked"),
    ] {
        let error = web().receive(bytes.as_bytes(), |_| ()).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
    let endless = format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(20_000));
    assert!(web().receive(endless.as_bytes(), |_| ()).is_err());
    let mut asked = web();
    asked.send(&Frame::new(1, request_chat()));
    let empty = "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"statusCode\":0}";
    assert_eq!(asked.receive(empty.as_bytes(), |_| ()), Err("no chatId".to_owned()));
}

#[test]
fn a_connection_is_made_again_only_if_nobody_waits() {
    let mut web = web();
    assert!((0..MAX_IDLE_ENDS).all(|_| web.reopens()), "a port that closes what is idle");
    assert!(!web.reopens(), "a port that closes everything");
    web.send(&Frame::new(1, request_chat()));
    web.receive(BEGUN.as_bytes(), |_| ()).unwrap();
    assert!(web.reopens());
    web.send(&Frame::new(2, refresh(None)));
    assert!(!web.reopens());
}
