//! A gateway that stands alone, in front of servers that come and go.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use confer_tests::http::{FORM, Http};
use confer_tests::{cases, seeds};

use super::{Page, SERVICE, lines, web};
use crate::support::{Folder, Served};

/// A folder with a store, a file with an access token, and the configuration that wants it.
fn prepared() -> (Folder, String, [String; 2]) {
    let folder = Folder::new();
    std::fs::write(folder.name("token"), "sesame\n").unwrap();
    let config = "[ports.webapi]\naccess-token = \"sesame\"\n";
    std::fs::write(folder.name("confer.toml"), config).unwrap();
    let store = format!("sqlite:{}", folder.name("c.db"));
    let files = [folder.name("confer.toml"), folder.name("token")];
    (folder, store, files)
}

#[test]
fn a_server_that_is_killed_takes_nobodys_words_with_it() {
    // B20.1, B20.2, B26.3, B26.4
    seeds::each("kill -9 behind a gateway", cases(1, 20), |seed| {
        let (_folder, store, [config, token]) = prepared();
        let serve = |name: &str| {
            let name = format!("server/name={name}");
            Served::on(&store, &["--config", &config, "--set", &name, "--log", "warn"])
        };
        let mut servers = [serve("first"), serve("second")];
        let behind = [&servers[0], &servers[1]];
        let gateway = Served::gateway(&behind, &["--token-file", &token, "--store", &store]);
        let (address, killed) = (gateway.address("web"), AtomicBool::new(false));
        let (chats, after) = (8, 5);
        let pages: Vec<(Page, String, Vec<String>)> = thread::scope(|scope| {
            let talk = |number: usize| {
                let killed = &killed;
                move || {
                    let mut http = Http::to(address);
                    let (mut page, _) = Page::begins(&mut http, &[("nickname", "Casey")]);
                    let (first, mut acknowledged, mut left) =
                        (page.alias.clone(), Vec::new(), after);
                    while left > 0 {
                        let text = format!("{number}-{}", acknowledged.len());
                        // Whoever is told to come again has not been heard.
                        while page.tries(&mut http, "refresh", &[]).code() == 1 {}
                        let said = page.tries(&mut http, "send", &[("message", &text)]);
                        if said.code() == 1 {
                            continue;
                        }
                        assert_eq!(said.code(), 0, "{said:?}");
                        let json = said.json();
                        page.alias = json["alias"].as_str().unwrap().to_owned();
                        page.user = json["userId"].as_str().unwrap().to_owned();
                        acknowledged.push(text);
                        left -= usize::from(killed.load(Ordering::Relaxed));
                    }
                    (page, first, acknowledged)
                }
            };
            let talks: Vec<_> = (0..chats).map(|number| scope.spawn(talk(number))).collect();
            thread::sleep(Duration::from_millis(300 + 37 * (seed % 20)));
            servers[0].signal("-KILL");
            servers[0].ends();
            killed.store(true, Ordering::Relaxed);
            talks.into_iter().map(|talk| talk.join().unwrap()).collect()
        });
        let mut http = web(&gateway);
        let mut began = BTreeMap::<String, u32>::new();
        for (mut page, first, acknowledged) in pages {
            *began.entry(first).or_default() += 1;
            assert_eq!(page.alias, "2", "the one that is left serves everybody");
            let all = page.does(&mut http, "refresh", &[("transcriptPosition", "1")]);
            let heard: Vec<_> = lines(&all)
                .iter()
                .filter_map(|line| Some(line.strip_prefix("Message: ")?.to_owned()))
                .collect();
            assert_eq!(heard, acknowledged, "everything once, in its order");
        }
        assert_eq!(began.len(), 2, "both of them had chats: {began:?}");
        assert!(servers[1].lives());
    });
}

#[test]
fn files_go_through_a_gateway_that_is_trusted() {
    // B22.10
    let (_folder, store, [config, token]) = prepared();
    let server = Served::on(&store, &["--config", &config]);
    let gateway = Served::gateway(&[&server], &["--token-file", &token, "--store", &store]);
    let mut http = web(&gateway);
    let (page, _) = Page::begins(&mut http, &[("nickname", "Casey")]);
    let bytes = vec![7; 200_000];
    let reply = page.uploads(&mut http, "a.pdf", "application/pdf", &bytes);
    assert_eq!((reply.status, reply.code()), (200, 0), "{reply:?}");
    let file = reply.json()["userData"]["file-id"].as_str().unwrap().to_owned();
    let download = format!("file/{file}/download");
    let got = page.tries(&mut http, &download, &[]);
    assert!(got.status == 200 && got.body == bytes);
    assert_eq!(got.header("content-type"), Some("application/pdf"));
    // The server's own node reads it from the same store.
    let got = page.tries(&mut web(&server), &download, &[]);
    assert!(got.status == 200 && got.body == bytes);
}

#[test]
fn without_a_store_there_are_no_files() {
    // B26.11
    let server = Served::start(&[]);
    let mut gateway = Served::gateway(&[&server], &[]);
    assert!(gateway.ready().starts_with("confer gateway ready web="), "{}", gateway.ready());
    let mut http = web(&gateway);
    let (mut page, _) = Page::begins(&mut http, &[("nickname", "Casey")]);
    let limits = page.does(&mut http, "file/limits", &[]);
    for key in ["upload-max-files", "upload-max-file-size", "upload-max-total-size"] {
        assert_eq!(limits["userData"][key], "0");
        assert_eq!(limits["messages"][0]["userData"][key], "0");
    }
    let reply = page.uploads(&mut web(&gateway), "a.txt", "text/plain", b"hello");
    assert_eq!((reply.status, reply.code()), (403, 2), "{reply:?}");
    let reply = page.tries(&mut http, "file/0000000000000000/download", &[]);
    assert_eq!((reply.status, reply.code()), (403, 2), "{reply:?}");
    page.does(&mut http, "send", &[("message", "all the same")]);
    gateway.signal("-TERM");
    assert!(!http.ends());
    assert_eq!(gateway.ends().code(), Some(0));
}

#[test]
fn nobody_waits_long_for_servers_that_are_not_there() {
    let server = Served::start(&["--set", "server/app-dbid=77"]);
    let gateway = Served::gateway(&[&server], &["--set", "web/server-wait=1"]);
    let mut http = web(&gateway);
    let (page, begun) = Page::begins(&mut http, &[("nickname", "Casey")]);
    assert_eq!(begun["alias"], "77", "B20.12");
    drop(server);
    let reply = page.tries(&mut http, "refresh", &[]);
    assert_eq!((reply.status, reply.code()), (200, 1), "{reply:?}");
    assert_eq!(reply.json()["errors"][0]["code"], 502);
    assert_eq!(reply.json()["chatEnded"], false);
}

#[test]
fn calls_in_flight_are_answered_before_a_gateway_ends() {
    // B26.12
    let server = Served::start(&[]);
    let mut gateway = Served::gateway(&[&server], &[]);
    let mut http = web(&gateway);
    http.posts(SERVICE, &[("nickname", "Casey")]);
    // The call waits for a server that is stopped, and the gateway for the call.
    server.signal("-STOP");
    let body = b"nickname=Robin";
    let post = confer_tests::http::request("POST", SERVICE, &[("content-type", FORM)], body);
    http.send(&post).unwrap();
    thread::sleep(Duration::from_millis(200));
    gateway.signal("-TERM");
    thread::sleep(Duration::from_millis(200));
    assert!(gateway.lives());
    server.signal("-CONT");
    let reply = http.hears(false).unwrap();
    assert_eq!((reply.status, reply.code()), (200, 0), "{reply:?}");
    assert_eq!(gateway.ends().code(), Some(0));
}
