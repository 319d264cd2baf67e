//! Paths, answers, the description of the API, and what pages of other origins may do.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use confer_core::config::Config;
use confer_core::frame::{
    EventBody, EventList, KvList, Message, NewParty, Notice, NoticeType, Open, Party, PartyLeft,
    ProtocolType, TranscriptEvent, UserType, Visibility,
};
use confer_core::gateway::{ApiAnswer, Customer, Done, Failed, FoundFile, Why};
use confer_core::id::{DocumentId, EventId, SessionId, UserId};
use confer_core::pii::{Pii, Secret};
use confer_core::text::{Str, Text};
use confer_core::time::Stamp;
use serde_json::{Value, json};

use crate::events::TYPES;
use crate::{AnswerBody, Api, Head, HttpAnswer, Kind, MAX_TARGET, Opened, Problem, What};

fn api(options: &[(&str, &str)]) -> Api {
    let mut config = Config::default();
    for (option, value) in options {
        config.set("web", option, value).expect("legal");
    }
    Api::new(&config.web)
}

fn open(method: &str, target: &str) -> Opened {
    api(&[]).open(&Head { method, target, ..Head::default() })
}

fn status(method: &str, target: &str) -> Option<u16> {
    match open(method, target) {
        Opened::Answer(answer) => Some(answer.status),
        Opened::Body(_) => None,
    }
}

fn json_of(answer: &HttpAnswer) -> Value {
    let AnswerBody::Bytes(bytes) = &answer.body else { panic!("a file") };
    serde_json::from_slice(bytes).expect("JSON")
}

fn header<'a>(answer: &'a HttpAnswer, name: &str) -> Option<&'a str> {
    let header = answer.headers.iter().find(|(known, _)| *known == name)?;
    Some(&header.1)
}

fn casey() -> Customer {
    Customer {
        chat_id: SessionId::new("0001QaZZ4T8G000B"),
        user_id: UserId::new("0072A1B2C3D40005"),
        secure_key: Secret::new("9f0e1d2c3b4a5968"),
    }
}

fn event(id: u32, body: EventBody) -> TranscriptEvent {
    let user_nickname = Pii::new(Str::new("Ana Lima"));
    TranscriptEvent {
        event_id: EventId::new(id).expect("small"),
        user_id: casey().user_id,
        time_shift: 5,
        visibility: Open::Known(Visibility::All),
        party: Some(Party { user_nickname, user_type: Open::Known(UserType::Agent) }),
        participant_no: Some(2),
        event_attributes: None,
        body,
    }
}

fn notice(notice_type: NoticeType, text: &str, user_data: Option<KvList>) -> EventBody {
    EventBody::Notice(Notice {
        notice_type: Open::Known(notice_type),
        notice_text: Some(Text::new(text)),
        receiver_id: None,
        user_data,
    })
}

fn message(text: &str) -> EventBody {
    EventBody::Message(Message {
        message_text: Text::new(text),
        message_type: Some(Str::new("text")),
        treat_as: None,
        receiver_id: None,
        user_data: None,
    })
}

fn done(events: Vec<TranscriptEvent>, user_data: KvList) -> Value {
    let done = Done {
        customer: casey(),
        alias: Str::new("1"),
        next_position: 2,
        chat_ended: false,
        monitored: false,
        idle_time_expire: None,
        start_at: Stamp::from_unix_seconds(1_700_000_000),
        events: EventList::from(events),
        user_data,
    };
    let answer = api(&[]).answer(&ApiAnswer::Done(Box::new(done)), Kind::Call);
    assert_eq!(answer.status, 200);
    json_of(&answer)
}

fn failed(why: Why, retry: bool, chat_ended: bool, detail: Option<&str>) -> Failed {
    Failed {
        why,
        retry,
        chat_ended,
        customer: Some(casey()),
        alias: Str::new("1"),
        position: 4,
        detail: detail.map(Str::new),
    }
}

#[test]
fn paths_and_methods() {
    for &what in What::ALL {
        let path = what.path().replace("{chatId}", "C1").replace("{fileId}", "F1");
        for end in ["", "/", "?a=b", "/?a=b"] {
            let target = format!("/genesys/2/chat/customer%2Dsupport{path}{end}");
            let head = Head {
                method: "POST",
                target: &target,
                content_type: Some("multipart/form-data; boundary=x"),
                ..Head::default()
            };
            let Opened::Body(body) = api(&[]).open(&head) else { panic!("{target}") };
            assert_eq!(body.what(), what, "{target}");
            for method in ["GET", "PUT", "post"] {
                assert_eq!(status(method, &target), Some(405), "{method} {target}");
            }
        }
    }
    for target in [
        "",
        "/",
        "/genesys/2/chat/",
        "/genesys/2/chat//C1/send",
        "/genesys/2/chat/s/C1",
        "/genesys/2/chat/s/C1/frogs",
        "/genesys/2/chat/s/C1/send/more",
        "/genesys/2/chat/s//send",
        "/genesys/2/chat/s/C1/file/F1",
        "/genesys/2/chat/s/%FF/send",
        "/genesys/2/chat",
        "/openapi.json/",
    ] {
        assert_eq!(status("POST", target), Some(404), "{target}");
    }
    let long = |length: usize| format!("/genesys/2/chat/{}", "s".repeat(length - 16));
    assert_eq!(status("POST", &long(MAX_TARGET)), None);
    assert_eq!(status("POST", &long(MAX_TARGET + 1)), Some(404));
}

#[test]
fn every_answer_is_complete_whatever_went_wrong() {
    let api = api(&[]);
    let mut answers: Vec<HttpAnswer> = [
        Problem::NoSuchPath,
        Problem::Method,
        Problem::ApiKey,
        Problem::ContentType,
        Problem::TooLarge,
        Problem::BrokenBody,
        Problem::Missing("message"),
        Problem::BadValue("userData"),
    ]
    .map(|problem| api.problem(problem))
    .into();
    for why in [Why::NoSuchChat, Why::Nickname, Why::InDoubt, Why::FileRefused, Why::Refused(9)] {
        let failed = failed(why, false, false, None);
        answers.push(api.answer(&ApiAnswer::Failed(Box::new(failed)), Kind::Call));
    }
    for answer in answers {
        let json = json_of(&answer);
        assert!(json["statusCode"] == 2 && json["nextPosition"].is_u64(), "{json}");
        for text in ["chatId", "userId", "secureKey", "alias"] {
            assert!(json[text].is_string(), "{text} of {json}");
        }
        assert!(json["chatEnded"].is_boolean() && json["messages"] == json!([]), "{json}");
        let error = &json["errors"][0];
        assert!(error["code"].is_u64() && error["message"].is_string(), "{json}");
        assert!(error["advice"].is_string(), "{json}");
        assert_eq!(header(&answer, "cache-control"), Some("no-store"));
    }
    assert_eq!(header(&api.problem(Problem::Method), "allow"), Some("POST, OPTIONS"));
}

#[test]
fn an_answer_byte_for_byte() {
    let joined = EventBody::NewParty(Box::new(NewParty {
        protocol_type: Open::Known(ProtocolType::Flex),
        person_id: None,
        time_zone_offset: None,
        client_version: None,
        user_data: None,
        message_text: None,
    }));
    let json = done([event(1, joined)].into(), KvList::new());
    assert_eq!(
        json,
        json!({
            "statusCode": 0, "chatId": "0001QaZZ4T8G000B", "userId": "0072A1B2C3D40005",
            "secureKey": "9f0e1d2c3b4a5968", "alias": "1", "chatEnded": false, "monitored": false,
            "nextPosition": 2,
            "messages": [{
                "from": { "nickname": "Ana Lima", "participantId": 2, "type": "Agent" },
                "index": 1, "type": "ParticipantJoined", "utcTime": 1_700_000_005_000_i64,
            }],
        })
    );
}

#[test]
fn every_kind_of_event_has_a_type_clients_know() {
    let left = EventBody::PartyLeft(PartyLeft {
        asker_id: casey().user_id,
        reason_code: None,
        reason_text: None,
        message_text: None,
    });
    let mut events = [message("hello"), left].to_vec();
    events.extend(NoticeType::ALL.iter().map(|kind| notice(*kind, "read-confirm", None)));
    let file = || Some(KvList::from([("file-id", "F1".into())]));
    events.push(notice(NoticeType::SysCommand, "file-uploaded", file()));
    events.push(notice(NoticeType::SysCommand, "file-deleted", file()));
    // What a newer server knows is skipped (wire §6).
    events.push(EventBody::Unknown(9));
    let events = events.into_iter().map(|body| event(3, body)).collect();
    let json = done(events, KvList::new());
    let types: Vec<_> = json["messages"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| event["type"].as_str().expect("a text").to_string())
        .collect();
    assert!(types.iter().all(|kind| TYPES.contains(&kind.as_str())), "{types:?}");
    assert_eq!(
        types,
        [
            "Message",
            "ParticipantLeft",
            "CustomNotice",
            "PushUrl",
            "TypingStarted",
            "TypingStopped",
            "NicknameUpdated",
            "IdleAlert",
            "IdleClose",
            "Notice",
            "Notice",
            "FileUploaded",
            "FileDeleted",
        ]
    );
    assert_eq!(json["messages"][0]["messageType"], "text");
    assert_eq!(json["messages"][11]["text"], "F1");
}

#[test]
fn data_are_texts_and_nothing_hidden_is_told() {
    // B22.2, B22.4
    let data = KvList::from([
        ("file-id", "F1".into()),
        ("file-size", 512_i32.into()),
        ("large", 5_000_000_000_i64.into()),
        ("file-id", "second".into()),
        ("file-document-id", "D1".into()),
        ("file-upload-path", "C:\\agent".into()),
        ("file-permit", "p".into()),
        ("bytes", (&b"x"[..]).into()),
        ("inside", KvList::from([("a", "b".into())]).into()),
    ]);
    let uploaded = notice(NoticeType::SysCommand, "file-uploaded", Some(data));
    let style = KvList::from([("style", "BOT".into()), ("n", 1_i32.into())]);
    let attributes =
        KvList::from([("GCTI_SYSTEM", KvList::from([("party-info", style.into())]).into())]);
    let event = TranscriptEvent { event_attributes: Some(attributes), ..event(3, uploaded) };
    let json = done([event].into(), KvList::from([("file-id", "F1".into())]));
    let message = &json["messages"][0];
    assert_eq!(
        message["userData"],
        json!({ "file-id": "F1", "file-size": "512", "large": "5000000000" })
    );
    assert_eq!(
        message["eventAttributes"],
        json!({ "GCTI_SYSTEM": { "party-info": { "style": "BOT", "n": "1" } } })
    );
    assert_eq!(json["userData"], json!({ "file-id": "F1" }));
}

#[test]
fn the_result_of_a_question_has_no_index() {
    let limits = KvList::from([("upload-max-files", "3".into())]);
    let result = notice(NoticeType::SysCommand, "file-client-cfg-get", Some(limits.clone()));
    let json = done([event(0, result)].into(), limits);
    let message = &json["messages"][0];
    assert_eq!((&message["index"], &message["type"]), (&Value::Null, &json!("Notice")));
    assert_eq!(message["text"], "file-client-cfg-get");
    // Some clients look at the one place, some at the other.
    assert_eq!(message["userData"], json["userData"]);
}

#[test]
fn errors_have_a_status_a_code_and_an_advice() {
    let cases = [
        (Why::NoSuchService, false, None, 404, 404, 2),
        (Why::NoSuchChat, false, None, 200, 404, 2),
        (Why::Nickname, false, None, 400, 161, 2),
        (Why::TextTooLong, false, None, 400, 204, 2),
        (Why::FileRefused, true, Some("upload-max-files is reached"), 403, 202, 1),
        (Why::FileRefused, false, Some("file is larger than upload-max-file-size"), 403, 201, 2),
        (Why::FileRefused, false, Some("file type is not one of upload-file-types"), 403, 203, 2),
        (Why::FileTooLarge, false, None, 413, 201, 2),
        (Why::Unreachable, true, None, 200, 502, 1),
        (Why::Moving, true, None, 200, 503, 1),
        (Why::InDoubt, false, None, 200, 504, 2),
        (Why::TooManyCalls, true, None, 503, 503, 1),
    ];
    for (why, retry, detail, status, code, status_code) in cases {
        let answer = ApiAnswer::Failed(Box::new(failed(why, retry, false, detail)));
        let answer = api(&[]).answer(&answer, Kind::Call);
        let json = json_of(&answer);
        assert_eq!(
            (answer.status, &json["errors"][0]["code"], &json["statusCode"]),
            (status, &json!(code), &json!(status_code)),
            "{why:?}"
        );
        assert_eq!(
            (&json["nextPosition"], &json["chatId"]),
            (&json!(4), &json!("0001QaZZ4T8G000B"))
        );
    }
    let gone = ApiAnswer::Failed(Box::new(failed(Why::NoSuchChat, false, true, None)));
    let json = json_of(&api(&[]).answer(&gone, Kind::Call));
    assert_eq!(json["chatEnded"], true);
    // Nobody may take the JSON of a failure for the file.
    for why in [Why::NoSuchChat, Why::Unreachable, Why::InDoubt, Why::FileGone, Why::Refused(1)] {
        let answer = ApiAnswer::Failed(Box::new(failed(why, true, false, None)));
        assert!(api(&[]).answer(&answer, Kind::Download).status >= 400, "{why:?}");
    }
}

#[test]
fn a_file_is_stored_and_not_shown() {
    let file = FoundFile {
        document: DocumentId::new("D1"),
        name: Pii::new(Str::new("../<b>.html")),
        size: 9,
        content_type: Str::new("text/html"),
    };
    let answer = api(&[]).answer(&ApiAnswer::File(Box::new(file)), Kind::Download);
    assert_eq!(answer.status, 200);
    assert_eq!(header(&answer, "content-type"), Some("application/octet-stream"));
    let disposition = "attachment; filename=\"b.html\"; filename*=UTF-8''b.html";
    assert_eq!(header(&answer, "content-disposition"), Some(disposition));
    assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"));
    let document = DocumentId::new("D1");
    assert!(answer.body == AnswerBody::Document { document, size: 9 });
}

#[test]
fn pages_of_other_origins() {
    let allowed = |options: &str, origin: Option<&str>| {
        let api = api(&[("allowed-origins", options)]);
        let mut answer = api.problem(Problem::NoSuchPath);
        api.allow(origin, &mut answer);
        header(&answer, "access-control-allow-origin").map(String::from)
    };
    let (one, two) = ("https://www.example.com", "https://other.example");
    assert_eq!(allowed("", Some(one)), None);
    assert_eq!(allowed(one, None), None);
    assert_eq!(
        allowed("https://WWW.example.com/, https://x.example", Some(one)).as_deref(),
        Some(one)
    );
    assert_eq!(allowed(one, Some(two)), None);
    assert_eq!(allowed(one, Some("https://www.example.com.evil.example")), None);
    assert_eq!(allowed("*", Some(two)).as_deref(), Some("*"));

    let api = api(&[("allowed-origins", one), ("api-key", "k")]);
    let head = Head { method: "OPTIONS", target: "/genesys/2/chat/s/C1/send", ..Head::default() };
    let Opened::Answer(mut answer) = api.open(&head) else { panic!() };
    api.allow(Some(one), &mut answer);
    assert_eq!(answer.status, 204);
    assert!(header(&answer, "access-control-allow-methods").is_some_and(|it| it.contains("POST")));
    assert_eq!(header(&answer, "vary"), Some("origin"));
}

#[test]
fn a_key_of_the_api() {
    let api = api(&[("api-key", "right")]);
    let target = "/genesys/2/chat/s";
    for (shown, admitted) in [(None, false), (Some("wrong"), false), (Some("right"), true)] {
        let head = Head { method: "POST", target, api_key: shown, ..Head::default() };
        match api.open(&head) {
            Opened::Body(_) => assert!(admitted),
            Opened::Answer(answer) => assert_eq!((answer.status, admitted), (401, false)),
        }
    }
    assert!(!format!("{api:?}").contains("right"));
}

#[test]
fn the_description_is_true() {
    let Opened::Answer(answer) = open("GET", "/openapi.json") else { panic!() };
    let description = json_of(&answer);
    let paths = description["paths"].as_object().expect("an object");
    assert_eq!(paths.len(), What::ALL.len());
    for (path, item) in paths {
        // Every path leads somewhere, to the operation it says.
        let target = path.replace(['{', '}'], "");
        let head = Head {
            method: "POST",
            target: &target,
            content_type: Some("multipart/form-data; boundary=x"),
            ..Head::default()
        };
        let Opened::Body(body) = api(&[]).open(&head) else { panic!("{path}") };
        let post = &item["post"];
        assert_eq!(post["operationId"], body.what().id());
        let parameters = post["parameters"].as_array().expect("a list");
        assert_eq!(parameters.len(), path.matches('{').count(), "{path}");
        // What it says must be there is missed; what it says is enough, is.
        let form = &post["requestBody"]["content"]["multipart/form-data"]["schema"];
        let required: Vec<&str> = form["required"].as_array().map_or(Vec::new(), |required| {
            required.iter().map(|name| name.as_str().expect("a text")).collect()
        });
        for name in &required {
            assert!(form["properties"][name].is_object(), "{name} of {path}");
        }
        if body.what() == What::Upload {
            continue;
        }
        let try_without = |missing: Option<&str>| {
            let given = required.iter().filter(|name| Some(**name) != missing);
            let given: Vec<_> = given
                .map(|name| match *name {
                    "userData" => "userData[a]=1".to_string(),
                    name => format!("{name}=1"),
                })
                .collect();
            let head = Head { content_type: None, ..head };
            let Opened::Body(mut body) = api(&[]).open(&head) else { panic!("{path}") };
            body.feed(given.join("&").as_bytes());
            body.end().map(|_| ())
        };
        assert_eq!(try_without(None), Ok(()), "{path}");
        for name in &required {
            assert_eq!(try_without(Some(name)).map_err(Problem::status), Err(400), "{name} {path}");
        }
    }
    // What answers are made of stands there, no more and no less.
    let schemas = &description["components"]["schemas"];
    let joined = event(1, message("hello"));
    let reply = done([joined].into(), KvList::from([("a", "b".into())]));
    fits(&reply, &schemas["Reply"]);
    fits(&reply["messages"][0], &schemas["Event"]);
    let failure = json_of(&api(&[]).problem(Problem::TooLarge));
    fits(&failure, &schemas["Reply"]);
    fits(&failure["errors"][0], &schemas["Error"]);
    assert_eq!(schemas["Event"]["properties"]["type"]["enum"], json!(TYPES));
}

/// Whether an object has what a schema demands, and nothing it does not know.
#[track_caller]
fn fits(object: &Value, schema: &Value) {
    for name in schema["required"].as_array().expect("a list") {
        assert!(!object[name.as_str().expect("a text")].is_null(), "{name} of {object}");
    }
    for (name, value) in object.as_object().expect("an object") {
        let kind = schema["properties"][name]["type"].as_str();
        let good = match kind {
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64(),
            Some("boolean") => value.is_boolean(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            Some(_) | None => false,
        };
        assert!(good, "{name}: {value} is no {kind:?}");
    }
}
