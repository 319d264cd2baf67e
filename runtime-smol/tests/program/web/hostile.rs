//! Clients that send too much, too slowly, too often, or nonsense: none of them costs the others.

use std::io::Read as _;
use std::net::TcpStream;

use confer_tests::http::{FORM, Http, form, request};
use confer_tests::{cases, seeds};

use super::{Page, SERVICE, web};
use crate::support::Served;

/// Somebody who does everything right is served.
fn is_served(server: &Served) {
    Page::begins(&mut web(server), &[("nickname", "Casey")]);
}

#[test]
fn bodies_over_the_limit_are_refused_early() {
    // B26.10
    let server = Served::start(&[]);
    let head = format!("POST {SERVICE} HTTP/1.1\r\nhost: x\r\ncontent-type: {FORM}\r\n");
    // Nothing of the body was sent: its length is enough.
    for expect in ["", "expect: 100-continue\r\n"] {
        let mut http = web(&server);
        http.send(format!("{head}{expect}content-length: 524289\r\n\r\n").as_bytes()).unwrap();
        let reply = http.hears(false).unwrap();
        assert_eq!((reply.status, reply.code()), (413, 2), "{reply:?}");
    }
    // Of one without a length, as much as may be is read, and not more.
    let mut http = web(&server);
    http.send(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).unwrap();
    let chunk = [b"10000\r\n", &*vec![b'a'; 65_536], b"\r\n"].concat();
    let sent = (0..1000).take_while(|_| http.send(&chunk).is_ok()).count();
    assert!(sent < 1000, "it takes 65 MB of a body that may have half a MiB");
    // Whoever asks whether to go on is told so, once the head is sound.
    let mut http = web(&server);
    let body = form(&[("nickname", "Casey")]);
    let length = body.len();
    http.send(format!("{head}expect: 100-continue\r\ncontent-length: {length}\r\n\r\n").as_bytes())
        .unwrap();
    assert_eq!(http.hears(false).unwrap().status, 100);
    http.send(body.as_bytes()).unwrap();
    assert_eq!(http.hears(false).unwrap().status, 200);
    // Heads have a limit, too.
    let mut http = web(&server);
    let long =
        format!("POST {SERVICE} HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(200_000));
    let _ = http.send(long.as_bytes());
    assert!(http.hears(false).is_ok_and(|reply| reply.status == 431) || !http.ends());
    is_served(&server);
}

#[test]
fn whoever_is_slow_is_left() {
    // B26.10
    let sets = ["web/head-max=1", "web/body-max=1", "web/idle-max=1"];
    let sets: Vec<_> = sets.iter().flat_map(|set| ["--set", set]).collect();
    let server = Served::start(&sets);
    let post = request("POST", SERVICE, &[("content-type", FORM)], b"nickname=Casey");
    let idle = {
        let mut http = web(&server);
        http.posts(SERVICE, &[("nickname", "Casey")]);
        http
    };
    let started = |bytes: &[u8]| {
        let mut http = web(&server);
        http.send(bytes).unwrap();
        http
    };
    let silent = web(&server);
    let head = started(&post[..20]);
    let body = started(&post[..post.len() - 3]);
    for (what, mut http) in [("idle", idle), ("silent", silent), ("head", head), ("body", body)] {
        assert!(!http.ends(), "{what}: it ends without a word");
    }
    // A byte now and then is not enough: the whole of it has its time.
    let mut http = web(&server);
    let mut trickle = post.iter().cycle();
    while http.send(&[*trickle.next().unwrap()]).is_ok() {
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(trickle.clone().next().is_some());
    }
    is_served(&server);
}

#[test]
fn whoever_does_not_read_is_left() {
    let server = Served::start(&["--set", "web/body-max=1"]);
    let mut http = web(&server);
    let ask = request("GET", "/openapi.json", &[], b"");
    // More answers than any buffer between us holds.
    let mut sent = 0;
    while http.send(&ask).is_ok() {
        sent += 1;
        assert!(sent < 1_000_000, "it answers for ever");
    }
    is_served(&server);
}

#[test]
fn idle_connections_are_bounded_and_make_room() {
    // B26.10
    let limit = usize::try_from(cases(64, 1000)).unwrap();
    let server =
        Served::start(&["--set", &format!("web/max-connections={limit}"), "--log", "warn"]);
    let open = |_| {
        let mut http = web(&server);
        http.posts(SERVICE, &[("nickname", "Casey")]);
        http
    };
    // Twice as many as may be, each of them served, and idle from then on.
    let mut idle: Vec<Http<TcpStream>> = (0..2 * limit).map(open).collect();
    // The first are gone, the last are there.
    for http in &mut idle[..limit / 2] {
        assert!(!http.ends());
    }
    let last = idle.last_mut().unwrap();
    assert_eq!(last.posts(SERVICE, &[("nickname", "Casey")]).status, 200);
    is_served(&server);
    // Connections that are at something do not make room.
    drop(idle);
    let mut busy: Vec<_> = (0..limit)
        .map(|_| {
            let mut http = web(&server);
            http.send(b"POST / HT").unwrap();
            http
        })
        .collect();
    let mut refused = 0;
    while refused < 3 {
        let mut stream = TcpStream::connect(server.address("web")).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_millis(500))).unwrap();
        if matches!(stream.read(&mut [0]), Ok(0)) {
            refused += 1;
        } else {
            // It took the place of one that was leaving.
            busy.push(Http::over(stream));
            assert!(busy.len() < 3 * limit);
        }
    }
    server.logs("too many connections");
}

#[test]
fn garbage_and_pipelines() {
    let server = Served::start(&["--log", "warn"]);
    seeds::each("garbage over HTTP", cases(40, 2000), |seed| {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut chance = move |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
        };
        let sound = request("POST", SERVICE, &[("content-type", FORM)], b"nickname=Casey");
        let mut bytes = match chance(3) {
            0 => (0..chance(4000)).map(|_| u8::try_from(chance(256)).unwrap()).collect(),
            _ => sound.repeat(1 + chance(3)),
        };
        for _ in 0..chance(6) {
            if !bytes.is_empty() {
                let at = chance(bytes.len());
                bytes[at] = u8::try_from(chance(256)).unwrap();
            }
        }
        let stream = TcpStream::connect(server.address("web")).unwrap();
        let mut http = Http::over(stream.try_clone().unwrap());
        let _ = http.send(&bytes);
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        http.ends();
    });
    // Requests sent at once are answered one after the other, in their order.
    let mut http = web(&server);
    let names = ["Ana", "Ben", "Cem", "Dua"];
    let posts = names.map(|name| {
        let body = form(&[("nickname", name)]);
        request("POST", SERVICE, &[("content-type", FORM)], body.as_bytes())
    });
    http.send(&posts.concat()).unwrap();
    for name in names {
        let reply = http.hears(false).unwrap();
        assert_eq!(reply.json()["messages"][0]["from"]["nickname"], name);
    }
    is_served(&server);
}
