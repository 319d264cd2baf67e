//! Who may use the port, over what, and what happens to it when the server is told something.

use std::net::TcpStream;
use std::sync::Arc;

use confer_tests::http::{FORM, Http, form, request};
use confer_tests::suite::authority::Authority;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Page, SERVICE, lines, web};
use crate::support::{Folder, Served};

/// A key no log may have.
const KEY: &str = "the-key-of-our-pages";

#[test]
fn pages_of_other_origins_may_do_what_is_configured() {
    let origins = "web/allowed-origins=https://www.example.com,https://shop.example.com";
    let server = Served::start(&["--set", origins]);
    let mut http = web(&server);
    let mut asks = |origin: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        http.asks("OPTIONS", SERVICE, &headers, b"")
    };
    let allowed = asks("https://www.example.com");
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://www.example.com"));
    assert!(allowed.header("access-control-allow-headers").unwrap().contains("apikey"));
    assert_eq!(allowed.header("vary"), Some("origin"));
    let strange = asks("https://www.example.org");
    assert_eq!((strange.status, strange.header("access-control-allow-origin")), (204, None));
    let headers = [("origin", "https://shop.example.com"), ("content-type", FORM)];
    let reply = http.asks("POST", SERVICE, &headers, b"nickname=Casey");
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://shop.example.com"));
}

#[test]
fn the_key_is_wanted_and_never_told() {
    let folder = Folder::new();
    let file = folder.name("confer.toml");
    std::fs::write(&file, format!("[web]\napi-key = \"{KEY}\"\n")).unwrap();
    let server = Served::start(&["--config", &file, "--log", "debug"]);
    let mut http = web(&server);
    let mut asks = |headers: &[(&str, &str)]| {
        let headers: Vec<_> = headers.iter().copied().chain([("content-type", FORM)]).collect();
        let body = form(&[("nickname", "Casey"), ("text", "a customers own words")]);
        http.asks("POST", SERVICE, &headers, body.as_bytes())
    };
    for wrong in [&[][..], &[("apikey", "")], &[("apikey", "the-key-of-our-page")]] {
        let reply = asks(wrong);
        assert_eq!((reply.status, reply.code()), (401, 2), "{reply:?}");
    }
    let begun = asks(&[("apikey", KEY)]).json();
    assert_eq!(asks(&[("x-api-key", KEY)]).status, 200);
    // A browser asks without it whether it may send it.
    assert_eq!(http.asks("OPTIONS", SERVICE, &[], b"").status, 204);
    // The key can be changed while the server runs.
    std::fs::write(&file, "[web]\napi-key = \"another\"\n").unwrap();
    server.signal("-HUP");
    let mut seen = server.logs("changed: ");
    while http.asks("POST", SERVICE, &[("apikey", KEY), ("content-type", FORM)], b"").status != 401
    {
    }
    server.signal("-TERM");
    seen.extend(server.logs("draining"));
    let secret = begun["secureKey"].as_str().unwrap();
    for line in seen {
        assert!(!line.contains(KEY) && !line.contains(secret), "{line}");
        assert!(!line.contains("customers own words"), "{line}");
    }
}

#[test]
fn it_speaks_tls() {
    let authority = Authority::new();
    let sets = [
        format!("ports.web/certificate-file={}", authority.file("localhost.pem")),
        format!("ports.web/private-key-file={}", authority.file("localhost-key.pem")),
    ];
    let server = Served::start(&["--set", &sets[0], "--set", &sets[1]]);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority.file("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(server.address("web")).unwrap();
    let mut http = Http::over(StreamOwned::new(session, stream));
    for _ in 0..2 {
        let reply = http.posts(SERVICE, &[("nickname", "Casey")]);
        assert_eq!((reply.status, reply.code()), (200, 0), "{reply:?}");
    }
    // Whoever does not speak it is left, and harms nobody.
    let mut plain = web(&server);
    plain.send(b"POST / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    plain.ends();
    assert_eq!(http.posts(SERVICE, &[("nickname", "Casey")]).status, 200);
}

#[test]
fn a_server_that_is_told_to_end_answers_what_it_was_asked() {
    // B20.7, B26.12
    let mut server = Served::start(&[]);
    let mut http = web(&server);
    let (mut page, _) = Page::begins(&mut http, &[("nickname", "Casey")]);
    let idle = web(&server);
    // Half a poll is there when it is told.
    let body = form(&page.own());
    let poll = request("POST", &page.path("refresh"), &[("content-type", FORM)], body.as_bytes());
    let (first, rest) = poll.split_at(poll.len() - 5);
    http.send(first).unwrap();
    server.signal("-TERM");
    server.logs("draining");
    http.send(rest).unwrap();
    let reply = http.hears(false).unwrap();
    assert_eq!((reply.status, reply.code()), (200, 0), "{reply:?}");
    // Nobody can begin now; whoever is there goes on.
    let late = web(&server).posts(SERVICE, &[("nickname", "Robin")]);
    assert_ne!(late.code(), 0, "{late:?}");
    let said = page.does(&mut http, "send", &[("message", "Bye"), ("transcriptPosition", "2")]);
    assert_eq!(lines(&said), ["Message: Bye"]);
    // With the last chat, the server ends, and says farewell to those who wait.
    let end = page.does(&mut http, "disconnect", &[]);
    assert_eq!(end["chatEnded"], true);
    for mut http in [http, idle] {
        assert!(!http.ends());
    }
    assert_eq!(server.ends().code(), Some(0));
}
