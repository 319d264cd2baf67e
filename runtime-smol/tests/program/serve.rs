//! `confer serve`, started as an operator starts it.

mod kill;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::support::{self, Folder, Served, frame, register, run};

/// What a server that does not come to be ready says, and how it ends.
fn fails(args: &[&str]) -> (i32, String) {
    let ran = run(&[&["serve", "--store", "memory:"], args].concat());
    assert_eq!(ran.out, "", "nothing is ready");
    (ran.status, ran.notes)
}

/// The message number and reference of the next frame.
fn answer(stream: &mut TcpStream) -> (u16, u32) {
    let (message, reference, _) = support::answer(stream);
    (message, reference)
}

/// What port `health` answers.
fn health(server: &Served) -> String {
    let mut stream = server.connect("health");
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_says_where_it_is_and_talks_there() {
    // B2.1
    let mut server = Served::start(&[]);
    assert!(server.ready().starts_with("confer ready default=127.0.0.1:"), "{}", server.ready());
    assert_eq!(server.ready().split_whitespace().count(), 7, "{}", server.ready());
    let mut ana = server.connect("default");
    ana.write_all(&register()).unwrap();
    assert_eq!(answer(&mut ana), (101, 1));
    // A Join without SessionId creates.
    ana.write_all(&frame(3, 2, &[])).unwrap();
    assert_eq!(answer(&mut ana), (103, 2));
    // B2.3
    server.logs("conns=1");
    drop(ana);
    server.logs("conns=0");
    assert_eq!(server.stops().code(), Some(0));
}

#[test]
fn told_to_end_it_waits_for_its_sessions_and_then_closes_them() {
    // B20.7
    let mut server = Served::start(&["--drain-timeout", "1"]);
    assert!(health(&server).starts_with("HTTP/1.1 200"), "{}", health(&server));
    let mut ana = server.connect("default");
    ana.write_all(&register()).unwrap();
    ana.write_all(&frame(3, 2, &[])).unwrap();
    assert_eq!((answer(&mut ana), answer(&mut ana)), ((101, 1), (103, 2)));
    server.signal("-TERM");
    server.logs("draining");
    assert!(health(&server).starts_with("HTTP/1.1 503"), "{}", health(&server));
    // No new session, and those there are go on until the time is over.
    ana.write_all(&frame(3, 3, &[])).unwrap();
    assert_eq!(answer(&mut ana), (104, 3));
    // Then they are closed, and whoever is there is told.
    assert_eq!(answer(&mut ana), (103, 0));
    assert_eq!(server.ends().code(), Some(0));
    let mut rest = Vec::new();
    ana.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty(), "whole frames, and the end");
}

#[test]
fn told_twice_it_ends_at_once() {
    let mut server = Served::start(&["--drain-timeout", "3600"]);
    let mut ana = server.connect("default");
    ana.write_all(&register()).unwrap();
    ana.write_all(&frame(3, 2, &[])).unwrap();
    assert_eq!((answer(&mut ana), answer(&mut ana)), ((101, 1), (103, 2)));
    server.signal("-TERM");
    server.logs("draining");
    server.signal("-INT");
    assert_eq!(server.ends().code(), Some(0));
}

#[test]
fn it_reads_its_configuration_again() {
    let folder = Folder::new();
    let file = folder.with("confer.toml", "[settings]\nsession-linger = 60\n");
    let server = Served::start(&["--config", &file]);
    std::fs::write(&file, "[settings]\nsession-linger = 90\n").unwrap();
    server.signal("-HUP");
    let line = server.logged("changed");
    assert!(line.contains("session-linger") && line.contains("90"), "{line}");
    std::fs::write(&file, "[settings]\nsession-linger = \"soon\"\n").unwrap();
    server.signal("-HUP");
    server.logged("keep their values");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let (code, text) = fails(&["--set", "settings/session-linger=soon"]);
    assert_eq!(code, 1);
    assert!(text.contains("session-linger") && text.contains("soon"), "{text}");
    let (code, text) = fails(&["--config", "/nowhere/confer.toml"]);
    assert_eq!(code, 1);
    assert!(text.contains("/nowhere/confer.toml"), "{text}");
    let (code, text) = fails(&["--listen", "defualt=127.0.0.1:0"]);
    assert_eq!(code, 2);
    assert!(text.contains("default"), "{text}");
    let (code, text) = fails(&["--store", "mysql:x.db"]);
    assert_eq!(code, 2);
    assert!(text.contains("sqlite:PATH"), "{text}");
    let off = ["default=127.0.0.1:0", "webapi=off", "ESP=off", "health=off", "web=off"];
    let mut args: Vec<_> = off.iter().flat_map(|port| ["--listen", port]).collect();
    args.extend(["--store", "sqlite:/proc/none/x.db"]);
    let (code, text) = fails(&args);
    assert_eq!(code, 1);
    assert!(text.contains("/proc/none"), "{text}");
    // A port that somebody else has.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("default={}", taken.local_addr().unwrap());
    let (code, text) = fails(&["--listen", &listen]);
    assert_eq!(code, 1);
    assert!(text.contains("port default cannot listen on"), "{text}");
    let off = ["default=127.0.0.1:0", "webapi=off", "ESP=off", "health=off"];
    let listen = listen.replace("default", "web");
    let listen = off.iter().copied().chain([listen.as_str()]);
    let args: Vec<_> = listen.flat_map(|port| ["--listen", port]).collect();
    let (code, text) = fails(&args);
    assert_eq!(code, 1);
    assert!(text.contains("port web cannot listen on"), "{text}");
}

#[test]
fn the_log_can_be_json_and_quiet() {
    let server = Served::start(&["--log-format", "json"]);
    drop(server.connect("default"));
    let line = server.logged("opened");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["fields"]["conns"], 1);
    let quiet = Served::start(&["--log", "error"]);
    drop(quiet.connect("default"));
    quiet.signal("-TERM");
    assert_eq!(quiet.log(), "", "nothing went wrong, nothing is said");
}
