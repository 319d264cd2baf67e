//! The description of the API, made from the operations there are.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value, json};

use crate::events::TYPES;
use crate::route::{BASE, What};

/// The OpenAPI document of the API, as JSON.
pub fn document() -> Vec<u8> {
    let mut paths = Map::new();
    for &what in What::ALL {
        paths.insert(path(what), json!({ "post": operation(what) }));
    }
    let document = json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Confer web API",
            "description": "Chat for customers' clients, by polling. Every call is a POST.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "url": "https://spdx.org/licenses/" },
        },
        "paths": paths,
        "components": {
            "schemas": { "Reply": reply(), "Event": event(), "Error": error() },
            "securitySchemes": {
                "apikey": { "type": "apiKey", "in": "header", "name": "apikey" },
            },
        },
    });
    // Texts, numbers and objects with keys that are texts: there is nothing that could fail.
    serde_json::to_vec(&document).unwrap_or_default()
}

/// The path of an operation, with what is to be put into it.
pub(crate) fn path(what: What) -> String {
    format!("{BASE}{{serviceName}}{}", what.path())
}

fn operation(what: What) -> Value {
    let mut parameters = Vec::new();
    for name in ["serviceName", "chatId", "fileId"] {
        if path(what).contains(&format!("{{{name}}}")) {
            parameters.push(json!({
                "name": name, "in": "path", "required": true, "schema": { "type": "string" },
            }));
        }
    }
    let mut answers = Map::new();
    answers.insert("200".into(), answer(what));
    for status in ["400", "401", "403", "404", "405", "413", "415", "500", "503"] {
        answers.insert(status.into(), json_answer("Not done; see errors."));
    }
    json!({
        "operationId": what.id(),
        "summary": summary(what),
        "parameters": parameters,
        "requestBody": { "required": true, "content": body(what) },
        "responses": answers,
    })
}

fn summary(what: What) -> &'static str {
    match what {
        What::RequestChat => "Begin a chat.",
        What::Send => "Say something.",
        What::Refresh => "Ask what is new, perhaps saying something.",
        What::StartTyping => "Tell that the customer types.",
        What::StopTyping => "Tell that the customer no longer types.",
        What::ReadReceipt => "Tell up to which event the customer has read.",
        What::Disconnect => "Leave the chat.",
        What::PushUrl => "Show the others a web address.",
        What::UpdateNickname => "Take another nickname.",
        What::CustomNotice => "Give a notice of one's own making.",
        What::UpdateData => "Add to the user data of the chat.",
        What::FileLimits => "Ask what files may be sent.",
        What::Upload => "Send a file. Everything else should stand before it.",
        What::Download => "Fetch a file.",
        What::Delete => "Take a file of one's own back.",
    }
}

/// The parameters of an operation, and which of them must be there.
pub(crate) fn fields(what: What) -> (Vec<&'static str>, Vec<&'static str>) {
    const WHO: [&str; 2] = ["userId", "secureKey"];
    if what == What::RequestChat {
        let all =
            ["nickname", "firstName", "lastName", "emailAddress", "subject", "text", "userData"];
        return (all.into(), Vec::new());
    }
    let mut all: Vec<_> = WHO.into_iter().chain(["alias", "transcriptPosition"]).collect();
    let mut required: Vec<_> = WHO.into();
    let (own, must): (&[&'static str], &[&'static str]) = match what {
        What::Send => (&["message", "messageType", "userData", "requestKey"], &["message"]),
        What::Refresh => (&["message", "requestKey"], &[]),
        What::StartTyping | What::StopTyping => (&["message"], &[]),
        What::ReadReceipt => (&[], &["transcriptPosition"]),
        What::PushUrl => (&["pushUrl", "requestKey"], &["pushUrl"]),
        What::UpdateNickname => (&["nickname", "requestKey"], &["nickname"]),
        What::CustomNotice => (&["message", "userData", "requestKey"], &[]),
        What::UpdateData => (&["userData"], &["userData"]),
        What::Upload => (&["userData", "requestKey", "file"], &["file"]),
        What::RequestChat | What::Disconnect | What::FileLimits | What::Download | What::Delete => {
            (&[], &[])
        }
    };
    all.extend(own);
    required.extend(must);
    (all, required)
}

fn body(what: What) -> Value {
    let (all, required) = fields(what);
    let property = |name: &&'static str| {
        let schema = match *name {
            "userData" => json!({
                "type": "object", "additionalProperties": { "type": "string" },
                "description": "Sent as userData[key]=value.",
            }),
            "transcriptPosition" => json!({
                "type": "integer", "minimum": 0,
                "description": "The first event wanted in the answer; 0 or absent: none.",
            }),
            "file" => json!({ "type": "string", "format": "binary" }),
            _ => json!({ "type": "string" }),
        };
        (String::from(*name), schema)
    };
    let properties: Map<String, Value> = all.iter().map(property).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let user_data = json!({ "userData": { "style": "deepObject", "explode": true } });
    if what == What::Upload {
        json!({ "multipart/form-data": { "schema": schema } })
    } else {
        json!({
            "application/x-www-form-urlencoded": { "schema": schema, "encoding": user_data },
            "multipart/form-data": { "schema": schema },
        })
    }
}

fn answer(what: What) -> Value {
    if what == What::Download {
        return json!({
            "description": "The file.",
            "content": { "*/*": { "schema": { "type": "string", "format": "binary" } } },
        });
    }
    json_answer("Done if statusCode is 0.")
}

fn json_answer(description: &str) -> Value {
    json!({
        "description": description,
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Reply" } } },
    })
}

fn reply() -> Value {
    let text = || json!({ "type": "string" });
    json!({
        "type": "object",
        "required": [
            "statusCode", "chatId", "userId", "secureKey", "alias", "nextPosition", "chatEnded",
            "monitored", "messages",
        ],
        "properties": {
            "statusCode": {
                "type": "integer", "enum": [0, 1, 2],
                "description": "0: done; 1: not done, and may be tried again; 2: not done, or in doubt.",
            },
            "chatId": text(),
            "userId": text(),
            "secureKey": text(),
            "alias": { "type": "string", "description": "May change; the newest counts." },
            "nextPosition": { "type": "integer", "description": "What to ask for next." },
            "chatEnded": { "type": "boolean" },
            "monitored": { "type": "boolean" },
            "idleTimerExpire": { "type": "integer", "description": "Seconds." },
            "messages": { "type": "array", "items": { "$ref": "#/components/schemas/Event" } },
            "userData": { "type": "object", "additionalProperties": { "type": "string" } },
            "errors": { "type": "array", "items": { "$ref": "#/components/schemas/Error" } },
        },
    })
}

fn event() -> Value {
    json!({
        "type": "object",
        "required": ["from", "type", "utcTime"],
        "properties": {
            "from": {
                "type": "object",
                "required": ["nickname", "participantId", "type"],
                "properties": {
                    "nickname": { "type": "string" },
                    "participantId": { "type": "integer" },
                    "type": {
                        "type": "string",
                        "enum": ["Client", "Agent", "Supervisor", "External", "System"],
                    },
                },
            },
            "index": { "type": "integer", "minimum": 1 },
            "type": { "type": "string", "enum": TYPES },
            "utcTime": { "type": "integer", "description": "Milliseconds since 1970." },
            "text": { "type": "string" },
            "messageType": { "type": "string" },
            "userData": { "type": "object", "additionalProperties": { "type": "string" } },
            "eventAttributes": { "type": "object" },
        },
    })
}

fn error() -> Value {
    json!({
        "type": "object",
        "required": ["code", "message", "advice"],
        "properties": {
            "code": { "type": "integer" },
            "message": { "type": "string" },
            "advice": { "type": "string" },
        },
    })
}
