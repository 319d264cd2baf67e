//! The web API, from the bodies of HTTP requests to real chat servers behind real flex connections.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

mod files;
mod properties;
mod script;

use confer_core::frame::basic::{Request as Basic, RequestJoin, RequestMessage, RequestRegister};
use confer_core::frame::{UserType, Visibility};
use confer_core::id::SessionId;
use confer_core::pii::Pii;
use confer_core::text::{Str, Text};
use confer_tests::web::{Answered, Web};
use serde_json::Value as Json;

const FORM: &str = "application/x-www-form-urlencoded";
const SERVICE: &str = "/genesys/2/chat/customer-support";

/// A customer's page: keeps what it was told, and sends it with every call.
#[derive(Clone, Debug, Default)]
struct Page {
    gateway: usize,
    chat: String,
    user: String,
    key: String,
    alias: String,
    next: u64,
}

impl Page {
    /// Begins a chat.
    #[track_caller]
    fn begins(web: &mut Web, gateway: usize, form: &str) -> (Self, Json) {
        let answered = web.posts(gateway, SERVICE, FORM, form.as_bytes());
        assert_eq!(
            (answered.status, &answered.json["statusCode"]),
            (200, &0.into()),
            "{answered:?}"
        );
        let mut page = Self { gateway, ..Self::default() };
        page.learns(&answered.json);
        (page, answered.json)
    }

    fn learns(&mut self, json: &Json) {
        let text = |key: &str| json[key].as_str().expect("a text").to_owned();
        (self.chat, self.user) = (text("chatId"), text("userId"));
        (self.key, self.alias) = (text("secureKey"), text("alias"));
        self.next = json["nextPosition"].as_u64().expect("a number");
    }

    fn path(&self, operation: &str) -> String {
        format!("{SERVICE}/{}/{operation}", self.chat)
    }

    fn form(&self, more: &str) -> String {
        let Self { user, key, alias, .. } = self;
        format!("userId={user}&secureKey={key}&alias={alias}&{more}")
    }

    /// Does something, whatever comes of it.
    #[track_caller]
    fn tries(&self, web: &mut Web, operation: &str, more: &str) -> Answered {
        web.posts(self.gateway, &self.path(operation), FORM, self.form(more).as_bytes())
    }

    /// Does something that works.
    #[track_caller]
    fn does(&mut self, web: &mut Web, operation: &str, more: &str) -> Json {
        let answered = self.tries(web, operation, more);
        assert_eq!(
            (answered.status, &answered.json["statusCode"]),
            (200, &0.into()),
            "{answered:?}"
        );
        self.learns(&answered.json);
        answered.json
    }

    /// Asks for what is new.
    #[track_caller]
    fn polls(&mut self, web: &mut Web) -> Vec<String> {
        let more = format!("transcriptPosition={}", self.next);
        lines(&self.does(web, "refresh", &more))
    }
}

/// The events of an answer: their types, and their texts if they have any.
fn lines(json: &Json) -> Vec<String> {
    let line = |event: &Json| match event["text"].as_str() {
        Some(text) => format!("{}: {text}", event["type"].as_str().expect("a type")),
        None => event["type"].as_str().expect("a type").to_owned(),
    };
    json["messages"].as_array().expect("a list").iter().map(line).collect()
}

/// Somebody of the center, who has joined a chat.
fn joins(web: &mut Web, chat: &str, user_type: UserType, visibility: Visibility) -> usize {
    let agent = web.connects(0);
    web.agent_asks(
        agent,
        Basic::RequestRegister(RequestRegister {
            user_nickname: Pii::new(Str::new("Ana")),
            user_type,
            person_id: None,
            time_zone_offset: None,
            client_version: Some(106),
            user_data: None,
            max_frame: None,
        }),
    );
    web.agent_asks(
        agent,
        Basic::RequestJoin(RequestJoin {
            session_id: Some(SessionId::new(chat)),
            visibility: Some(visibility),
            ..RequestJoin::default()
        }),
    );
    agent
}

/// They say something, to those of this visibility.
fn says(web: &mut Web, agent: usize, chat: &str, text: &str, visibility: Visibility) {
    web.agent_asks(
        agent,
        Basic::RequestMessage(RequestMessage {
            session_id: SessionId::new(chat),
            message_text: Text::new(text),
            message_type: None,
            treat_as: None,
            visibility: Some(visibility),
            receiver_id: None,
            user_data: None,
            event_attributes: None,
            request_key: None,
        }),
    );
}
