//! Port `web` as pages and apps use it: the real program, real sockets, and HTTP by hand.

mod door;
mod files;
mod gateway;
mod hostile;
mod script;

use std::net::TcpStream;

use confer_tests::http::{BOUNDARY, Http, Reply, parts};
use serde_json::Value as Json;

use crate::support::Served;

/// Where the service is that exists by default.
const SERVICE: &str = "/genesys/2/chat/customer-support";

/// A connection to port `web`.
fn web(server: &Served) -> Http<TcpStream> {
    Http::to(server.address("web"))
}

/// A customer's page.
#[derive(Clone, Debug)]
struct Page {
    chat: String,
    user: String,
    key: String,
    alias: String,
    next: u64,
}

impl Page {
    /// Begins a chat.
    fn begins(http: &mut Http<TcpStream>, fields: &[(&str, &str)]) -> (Self, Json) {
        let reply = http.posts(SERVICE, fields);
        assert_eq!((reply.status, reply.code()), (200, 0), "{reply:?}");
        let json = reply.json();
        let text = |key: &str| json[key].as_str().unwrap().to_owned();
        let page = Self {
            chat: text("chatId"),
            user: text("userId"),
            key: text("secureKey"),
            alias: text("alias"),
            next: json["nextPosition"].as_u64().unwrap(),
        };
        (page, json)
    }

    fn path(&self, operation: &str) -> String {
        format!("{SERVICE}/{}/{operation}", self.chat)
    }

    /// What every call carries.
    fn own(&self) -> [(&str, &str); 3] {
        [("userId", &self.user), ("secureKey", &self.key), ("alias", &self.alias)]
    }

    /// Does something, which may be refused.
    fn tries(&self, http: &mut Http<TcpStream>, operation: &str, fields: &[(&str, &str)]) -> Reply {
        let fields: Vec<_> = self.own().into_iter().chain(fields.iter().copied()).collect();
        http.posts(&self.path(operation), &fields)
    }

    /// Does something, and takes note of what is new.
    fn does(
        &mut self,
        http: &mut Http<TcpStream>,
        operation: &str,
        fields: &[(&str, &str)],
    ) -> Json {
        let reply = self.tries(http, operation, fields);
        assert_eq!((reply.status, reply.code()), (200, 0), "{operation}: {reply:?}");
        let json = reply.json();
        self.user = json["userId"].as_str().unwrap().to_owned();
        self.alias = json["alias"].as_str().unwrap().to_owned();
        self.next = json["nextPosition"].as_u64().unwrap();
        json
    }

    /// Sends a file.
    fn uploads(&self, http: &mut Http<TcpStream>, name: &str, kind: &str, bytes: &[u8]) -> Reply {
        let body = parts(&self.own(), name, kind, bytes);
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        http.asks("POST", &self.path("file"), &[("content-type", &kind)], &body)
    }
}

/// What an answer tells, in short.
fn lines(json: &Json) -> Vec<String> {
    let line = |event: &Json| match event["text"].as_str() {
        Some(text) => format!("{}: {text}", event["type"].as_str().unwrap()),
        None => event["type"].as_str().unwrap().to_owned(),
    };
    json["messages"].as_array().unwrap().iter().map(line).collect()
}
