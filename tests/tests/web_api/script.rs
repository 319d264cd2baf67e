//! A chat from its beginning to its end, as a client's own test of the API would go.

use std::time::Duration;

use confer_core::frame::{UserType, Visibility};
use confer_core::gateway::{
    ApiAnswer, ApiRequest, Done, InChat, Operation, RequestChat, Verb, Why,
};
use confer_core::pii::Pii;
use confer_core::text::{Str, Text};
use confer_tests::web::Web;
use serde_json::json;

use super::{FORM, Page, SERVICE, joins, lines, says};

const BEGIN: &str = "nickname=Casey&firstName=Casey&lastName=Moss&subject=a+question\
    &emailAddress=casey%40example.com&userData[TimeZone]=-480&userData[\"Product\"]=kettle";

#[test]
fn a_chat_over_http() {
    for seed in 0..20 {
        let mut web = Web::new(seed, 2, 1, &[]);
        let (mut page, begun) = Page::begins(&mut web, 0, BEGIN);
        assert_eq!(lines(&begun), ["ParticipantJoined"]);
        let joined = &begun["messages"][0];
        assert_eq!(
            joined["from"],
            json!({ "nickname": "Casey", "participantId": 1, "type": "Client" })
        );
        assert_eq!((&joined["index"], &begun["nextPosition"]), (&json!(1), &json!(2)));

        let said = page.does(
            &mut web,
            "send",
            "message=Hello+%C3%BCber+all&messageType=my-type&transcriptPosition=1",
        );
        assert_eq!(lines(&said), ["ParticipantJoined", "Message: Hello über all"]);
        assert_eq!(said["messages"][1]["messageType"], "my-type");
        page.does(&mut web, "updateNickname", "nickname=Casey+M");
        page.does(&mut web, "pushUrl", "pushUrl=https%3A%2F%2Fexample.com%2F");
        page.does(&mut web, "customNotice", "message=custom&messageType=notice");
        page.does(&mut web, "startTyping", "");
        page.does(&mut web, "stopTyping", "message=half+a+word");
        // Any gateway can take the next call.
        page.gateway = 1;
        page.does(&mut web, "send", "message=Bye");
        let all = page.does(&mut web, "refresh", "transcriptPosition=1&message=");
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
        // Everything of hers is told under the newest name.
        for event in all["messages"].as_array().expect("a list") {
            assert_eq!(event["from"]["nickname"], "Casey M");
        }
        let end = page.does(&mut web, "disconnect", "message=");
        assert_eq!(end["chatEnded"], true);
        // Whoever comes back after that learns that it is over, and cleanly.
        let late = page.tries(&mut web, "refresh", "transcriptPosition=1");
        assert_eq!((late.status, &late.json["statusCode"]), (200, &json!(2)));
        assert_eq!(
            (&late.json["chatEnded"], &late.json["errors"][0]["code"]),
            (&json!(true), &json!(404))
        );
    }
}

#[test]
fn a_chat_by_requests_of_core() {
    let mut web = Web::new(3, 1, 1, &[]);
    let done = |answer: ApiAnswer| -> Done {
        match answer {
            ApiAnswer::Done(done) => *done,
            other => panic!("{other:?}"),
        }
    };
    let service = || Str::new("customer-support");
    let chat = RequestChat { nickname: Pii::new(Str::new("Casey")), ..RequestChat::default() };
    let operation = Operation::RequestChat(Box::new(chat));
    let begun = done(web.asks(0, ApiRequest { service: service(), operation }));
    let (customer, alias) = (begun.customer, begun.alias);
    let mut ask = |position, verb| {
        let (customer, alias) = (customer.clone(), alias.clone());
        let there = InChat { customer, alias, position, request_key: None, verb };
        web.asks(0, ApiRequest { service: service(), operation: Operation::InChat(there) })
    };
    let text = Text::new("hello");
    let verb = Verb::Send { text, message_type: None, user_data: Default::default() };
    let said = done(ask(1, verb));
    assert_eq!((said.events.len(), said.next_position), (2, 3));
    let url = Text::new("ftp://example.com");
    // B7.1
    match ask(0, Verb::PushUrl { url }) {
        ApiAnswer::Failed(failed) => {
            assert_eq!((failed.why, failed.retry), (Why::BadRequest, false));
        }
        other => panic!("{other:?}"),
    }
    assert!(done(ask(3, Verb::Disconnect)).chat_ended);
}

#[test]
fn a_conversation_with_an_agent() {
    let mut web = Web::new(5, 1, 1, &[]);
    let (mut page, _) = Page::begins(&mut web, 0, "nickname=Casey&text=hi");
    let ana = joins(&mut web, &page.chat.clone(), UserType::Agent, Visibility::All);
    assert_eq!(page.polls(&mut web), ["ParticipantJoined"]);
    says(&mut web, ana, &page.chat.clone(), "How can I help?", Visibility::All);
    let polled = page.does(&mut web, "refresh", &format!("transcriptPosition={}", page.next));
    assert_eq!(lines(&polled), ["Message: How can I help?"]);
    assert_eq!(
        polled["messages"][0]["from"],
        json!({ "nickname": "Ana", "participantId": 2, "type": "Agent" })
    );
    let index = polled["messages"][0]["index"].as_u64().expect("a number");
    page.does(&mut web, "readReceipt", &format!("transcriptPosition={index}"));
    let missing = page.tries(&mut web, "readReceipt", "transcriptPosition=999");
    assert_eq!((missing.status, &missing.json["statusCode"]), (400, &json!(2)));
}

#[test]
fn whoever_is_silent_is_removed_and_learns_why() {
    // B9.2
    let mut web = Web::new(7, 1, 1, &[]);
    let (mut page, _) = Page::begins(&mut web, 0, "nickname=Casey");
    joins(&mut web, &page.chat.clone(), UserType::Agent, Visibility::All);
    web.passes(Duration::from_secs(46));
    let end = page.does(&mut web, "refresh", &format!("transcriptPosition={}", page.next));
    assert_eq!(lines(&end), ["ParticipantJoined", "ParticipantLeft"]);
    assert_eq!(end["chatEnded"], true);
}

#[test]
fn requests_that_make_no_sense_are_answered_with_what_is_wrong() {
    let mut web = Web::new(9, 1, 1, &[]);
    let (page, _) = Page::begins(&mut web, 0, "nickname=Casey");
    for (path, kind, body, status, code) in [
        (SERVICE.to_owned(), FORM, "firstName=Casey".to_owned(), 400, 161),
        (page.path("send"), FORM, page.form("message="), 400, 400),
        (page.path("send"), "application/json", "{}".to_owned(), 415, 415),
        (page.path("frogs"), FORM, page.form(""), 404, 404),
        ("/genesys/2/chat/no-such-service".to_owned(), FORM, "nickname=C".to_owned(), 404, 404),
        (page.path("send"), FORM, page.form("message=a%00b"), 400, 400),
        (page.path("send"), FORM, page.form(&format!("message={}", "m".repeat(65_536))), 400, 204),
        (page.path("send"), FORM, page.form(&format!("message={}", "m".repeat(600_000))), 413, 413),
    ] {
        let answered = web.posts(0, &path, kind, body.as_bytes());
        assert_eq!(
            (answered.status, &answered.json["errors"][0]["code"]),
            (status, &json!(code)),
            "{path}: {answered:?}"
        );
        assert_eq!(answered.json["messages"], json!([]));
    }
    // Nobody was harmed.
    let mut page = page;
    page.does(&mut web, "send", &format!("message={}", "m".repeat(65_535)));
    assert!(web.reports(0).len() <= 1, "no connection was lost: {:?}", web.reports(0));
}
