//! Every example, run as somebody would who has just copied it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use confer_core::config::Config;
use confer_core::id::PortId;
use confer_runtime_std::{Options, Server};

struct Served(Server);

impl Served {
    fn start() -> Self {
        let mut config = Config::default();
        for port in ["ports.default", "ports.webapi"] {
            config.set(port, "listen", "127.0.0.1:0").unwrap();
        }
        Self(Server::spawn(Arc::new(config), Options::default()).unwrap())
    }

    fn address(&self, port: PortId) -> String {
        self.0.address(port).unwrap().to_string()
    }

    /// The visitor, who waits, and the session.
    fn visitor(&self) -> (Running, String) {
        let mut visitor =
            Running::start(env!("CARGO_BIN_EXE_visitor"), &[&self.address(PortId::Webapi)]);
        let line = visitor.line();
        let session = line.trim().strip_prefix("session ").unwrap().to_owned();
        (visitor, session)
    }
}

/// A program; killed if a test leaves it behind.
struct Running {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(program: &str, args: &[&str]) -> Self {
        let mut child = Command::new(program).args(args).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }

    /// The rest of what it says, when it has ended well.
    fn ends(mut self) -> String {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {rest}");
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn embedded() {
    let said = Running::start(env!("CARGO_BIN_EXE_embedded"), &[]).ends();
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(
        lines,
        ["Ana is here", "Ben is here", "Ana: Good morning!", "Ben: Sorry, I was away."]
    );
}

#[test]
fn a_desktop_and_a_visitor() {
    let server = Served::start();
    let (visitor, session) = server.visitor();
    let desktop = env!("CARGO_BIN_EXE_desktop");
    let desktop = Running::start(desktop, &[&server.address(PortId::Default), &session]);
    let said = visitor.ends();
    assert!(said.contains("Ana: Good morning! How can I help?\n"), "{said}");
    let shown = desktop.ends();
    assert!(shown.contains("Casey is here\nAna is here\n"), "{shown}");
    assert!(shown.contains("Casey: Thank you!\nCasey is gone\n"), "{shown}");
}

#[test]
fn a_bot_and_a_visitor() {
    let server = Served::start();
    let (visitor, session) = server.visitor();
    let bot = env!("CARGO_BIN_EXE_bot");
    let bot = Running::start(bot, &[&server.address(PortId::Default), &session]);
    let said = visitor.ends();
    assert!(said.contains("Casey: Where is it?\n"), "{said}");
    assert!(said.contains("Loud: WHERE IS IT?\n"), "{said}");
    bot.ends();
}
