//! What a server keeps, and what people make of it afterwards: the real program on both sides.

mod looking;
mod trouble;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{PATIENCE, Served, run};

/// A server with this store, which waits for nobody when it is told to end.
fn served(store: &str, args: &[&str]) -> Served {
    Served::on(store, &[&["--drain-timeout", "0"], args].concat())
}

/// A session of Casey's that Ana answers and closes; its id.
fn conversation(server: &Served, said: &str) -> String {
    let casey = ["--name", "Casey", "--subject", "my parcel"];
    let mail = ["--user-data", "EmailAddress=casey@shop.example"];
    let mut casey = server.visitor(&[&casey[..], &mail].concat());
    let session = casey.session();
    let mut ana = server.desk(&["agent", "--name", "Ana", "--join", &session]);
    ana.session();
    casey.types(&[said]);
    ana.types(&[&format!("/expect {said} 120"), "Good morning!"]);
    casey.types(&["/expect Good morning 120"]);
    casey.out.with("Good morning");
    ana.types(&["/close"]);
    ana.ends_well();
    casey.ends_well();
    session
}

/// A session with its transcript, as JSON.
fn transcript(store: &str, session: &str) -> Option<Value> {
    let shown = run(&["transcript", session, "--store", store, "--format", "json"]);
    (shown.status == 0).then(|| shown.json().remove(0))
}

/// What was said in it, without who came and went.
fn words(transcript: &Value) -> Vec<String> {
    let said = transcript["events"].as_array().unwrap().iter();
    let said = said.filter(|event| event["EventKind"] == "Message");
    said.map(|event| event["MessageText"].as_str().unwrap().to_owned()).collect()
}

/// Waits until a session is closed in the store; its transcript.
#[track_caller]
fn closed(store: &str, session: &str) -> Value {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match transcript(store, session) {
            Some(shown) if !shown["endAt"].is_null() => return shown,
            _ => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    panic!("{session} is not closed");
}
