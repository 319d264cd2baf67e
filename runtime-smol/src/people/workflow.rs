//! One call of a workflow, and its answer (§14 of the behaviour).

use std::io::Write;
use std::time::{Duration, Instant};

use confer_core::frame::esp::{Envelope, Event, Request, Request3rdServer};
use confer_core::frame::{ErrorId, KvList, KvValue};
use confer_core::text::Str;
use confer_link::Received;
use confer_runtime_std::client::Connection;
use serde_json::{Map, Value as Json, json};

use super::clean::clean_line;
use super::{Format, Server, Trouble, pairs};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The methods of the chat service.
pub(crate) const METHODS: &[&str] = &[
    "CloseSession",
    "ConfigureSession",
    "GetSessionInfo",
    "IdleControlConfigure",
    "Message",
    "Notice",
    "PlaceOnHold",
];

/// A call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) server: Server,
    pub(crate) method: String,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) interaction: Option<String>,
    pub(crate) format: Format,
}

impl Call {
    /// A connection with the first server that can be reached.
    fn connect(&self) -> Result<Connection<confer_esp::Client>, Trouble> {
        let mut failed = Trouble("there is no server".to_owned());
        for target in self.server.targets()? {
            match target.connect() {
                Ok(connection) => return Ok(connection),
                Err(error) => failed = Trouble(format!("cannot connect to {target}: {error}")),
            }
        }
        Err(failed)
    }

    /// Calls, and prints what comes back; whether it was a response rather than a fault.
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<bool, Trouble> {
        let connection = self.connect()?;
        let user_data = self.interaction.as_deref();
        let request = Request::Request3rdServer(Request3rdServer {
            envelope: Envelope {
                app_name: None,
                app_type: Some(Str::new("ChatServer")),
                service: Str::new("Chat"),
                method: Str::new(&self.method),
                version: Str::new(Envelope::VERSION),
                parameters: pairs(&self.parameters),
            },
            user_data: user_data.map(|id| KvList::from([("InteractionId", id.into())])),
        });
        let reference = connection.send(request).map_err(|error| Trouble(error.to_string()))?;
        let until = Instant::now() + PATIENCE;
        let event = loop {
            let patience = until.saturating_duration_since(Instant::now());
            let received = connection.recv_timeout(patience);
            match received.map_err(|end| Trouble(end.to_string()))? {
                None => return Err(Trouble("the server does not answer".to_owned())),
                Some(Received::Frame(frame)) if frame.reference == reference => break frame.body,
                // Not to this call; or a word this build does not know.
                Some(Received::Frame(_) | Received::Malformed(_)) => {}
            }
        };
        let (envelope, good) = match event {
            Event::Event3rdServerResponse(envelope) => (envelope, true),
            Event::Event3rdServerFault(envelope) => (envelope, false),
        };
        match self.format {
            Format::Json => {
                let kind = if good { "response" } else { "fault" };
                writeln!(out, "{}", json!({ kind: object(&envelope.parameters) }))?;
            }
            Format::Text if good => text(out, "", &envelope.parameters)?,
            Format::Text => {
                let said = |key| envelope.parameters.text(key).unwrap_or_default().into_owned();
                let code = said("FaultCode");
                let number = code.parse().ok().and_then(ErrorId::from_number);
                let words = number.map_or("", ErrorId::text);
                let more = clean_line(&said("FaultString"));
                let more = if more.is_empty() { words.to_owned() } else { more };
                return Err(Trouble(format!("{}: {more} ({})", self.method, clean_line(&code))));
            }
        }
        connection.close();
        Ok(good)
    }
}

/// A line for each value; those of a list inside have the keys of both, with a dot between.
fn text(out: &mut dyn Write, within: &str, list: &KvList) -> std::io::Result<()> {
    for entry in list {
        let key = format!("{within}{}", clean_line(&entry.key));
        match &entry.value {
            KvValue::List(inside) => text(out, &format!("{key}."), inside)?,
            KvValue::Str(value) => writeln!(out, "{key}={}", clean_line(value.reveal()))?,
            KvValue::Int(value) => writeln!(out, "{key}={value}")?,
            KvValue::Long(value) => writeln!(out, "{key}={value}")?,
            KvValue::Bin(value) => writeln!(out, "{key}={} bytes", value.reveal().len())?,
        }
    }
    Ok(())
}

/// Of a key that is there twice the first counts (wire §6).
fn object(list: &KvList) -> Json {
    let mut object = Map::new();
    for entry in list {
        object.entry(entry.key.as_str()).or_insert_with(|| match &entry.value {
            KvValue::List(inside) => self::object(inside),
            KvValue::Str(value) => json!(value.reveal().as_str()),
            KvValue::Int(value) => json!(value),
            KvValue::Long(value) => json!(value),
            KvValue::Bin(value) => json!(value.reveal().to_vec()),
        });
    }
    Json::Object(object)
}
