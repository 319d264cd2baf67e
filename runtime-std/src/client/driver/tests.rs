use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use confer_core::client::{ChatId, DeskSettings, EchoId, SayError, Saying, Start, VisitorSettings};
use confer_core::config::Config;
use confer_core::frame::{KvList, UserType, Visibility};
use confer_core::id::{PortId, SessionId};
use confer_core::pii::Secret;

use super::*;
use crate::{Options, Server};

/// More than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

fn config() -> Config {
    let mut config = Config::default();
    for port in ["ports.default", "ports.webapi"] {
        config.set(port, "listen", "127.0.0.1:0").unwrap();
    }
    config
}

fn server(config: Config) -> Server {
    Server::spawn(Arc::new(config), Options::default()).unwrap()
}

fn target(server: &Server, port: PortId) -> Target {
    Target::new(server.address(port).unwrap().to_string())
}

fn desk(target: Target) -> Driver<Desk> {
    let mut settings = DeskSettings::new("Ana", UserType::Agent);
    settings.habits.back_off_min = Duration::from_millis(2);
    settings.habits.back_off_max = Duration::from_millis(20);
    Driver::start(target, |seed| Desk::new(settings, seed)).unwrap()
}

#[track_caller]
fn hears<M: Client>(driver: &Driver<M>, mut what: impl FnMut(&M::News) -> bool)
where
    M::News: fmt::Debug,
{
    let mut heard = Vec::new();
    while let Some(news) = driver.recv_timeout(PATIENCE) {
        if what(&news) {
            return;
        }
        heard.push(news);
    }
    panic!("not heard; this was: {heard:?}");
}

fn says(driver: &Driver<Desk>, chat: ChatId, saying: impl Into<Saying>) {
    let saying = saying.into();
    let said = driver.with(|desk, now| desk.say(chat, saying, now)).unwrap();
    hears(driver, |news| confirms(news, said));
}

fn confirms(news: &DeskNews, said: EchoId) -> bool {
    matches!(news, DeskNews::Chat(_, News::Confirmed { echo, .. }) if *echo == said)
}

#[test]
fn two_of_them_talk() {
    let server = server(config());
    let settings = VisitorSettings::new("Casey");
    let casey = Driver::start(target(&server, PortId::Webapi), |seed| Visitor::new(settings, seed));
    let casey = casey.unwrap();
    casey.with(|casey, now| casey.begin(Start::default(), now)).unwrap();
    hears(&casey, |news| *news == News::Joined);
    let session = casey.with(|casey, _| casey.session_id().unwrap().clone());
    let ana = desk(target(&server, PortId::Default));
    let chat = ana.with(|ana, now| ana.join(session, Visibility::All, now)).unwrap();
    says(&ana, chat, "Good morning!");
    casey.with(Visitor::refresh);
    let mut told = 0;
    hears(&casey, |news| {
        told += usize::from(matches!(news, News::Told(_)));
        told == 3
    });
    casey.with(Visitor::log_out).unwrap();
    hears(&casey, |news| matches!(news, News::Over(_)));
    hears(&ana, |news| matches!(news, DeskNews::Chat(_, News::Over(_))));
    casey.close();
    ana.close();
}

#[test]
fn a_server_that_is_not_there_is_waited_for() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ana = desk(Target::new(address.to_string()));
    let chat = ana.with(Desk::create).unwrap();
    let echo = ana.with(|ana, now| ana.say(chat, "hello", now)).unwrap();
    hears(&ana, |news| matches!(news, DeskNews::Offline { .. }));
    assert!(ana.trouble().unwrap().starts_with("cannot connect: "), "{:?}", ana.trouble());
    let mut config = config();
    config.set("ports.default", "listen", &address.to_string()).unwrap();
    let server = server(config);
    hears(&ana, |news| *news == DeskNews::Online);
    assert_eq!(ana.trouble(), None);
    hears(&ana, |news| confirms(news, echo));
    // It goes, and is waited for again; the session went with it.
    server.stop();
    server.join().unwrap();
    hears(&ana, |news| matches!(news, DeskNews::Offline { .. }));
    ana.close();
}

#[test]
fn whoever_waits_is_told_of_the_end() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ana = Arc::new(desk(Target::new(address.to_string())));
    let (done, is_done) = mpsc::channel();
    let listener = Arc::clone(&ana);
    thread::spawn(move || done.send(listener.news().count()));
    ana.end();
    is_done.recv_timeout(PATIENCE).unwrap();
    assert!(ana.is_ended() && ana.recv().is_none());
}

#[test]
fn an_access_token_is_shown() {
    // B2.7
    let mut config = config();
    config.set("ports.default", "access-token", "open sesame").unwrap();
    let server = server(config);
    let stranger = desk(target(&server, PortId::Default));
    hears(&stranger, |news| *news == DeskNews::Refused(8307));
    hears(&stranger, |news| *news == DeskNews::SignedOff);
    let token = Secret::new("open sesame");
    let ana = desk(target(&server, PortId::Default).with_access_token(token));
    hears(&ana, |news| *news == DeskNews::Online);
}

#[test]
fn what_is_larger_than_a_frame_is_not_sent_and_harms_nothing() {
    // B22.12
    let server = server(config());
    let ana = desk(target(&server, PortId::Default));
    let chat = ana.with(Desk::create).unwrap();
    let large = "x".repeat(600_000);
    let user_data = Some(KvList::from([("x", (&*large).into())]));
    let saying = Saying { user_data, ..Saying::from("hello") };
    let echo = ana.with(|ana, now| ana.say(chat, saying, now)).unwrap();
    let of =
        |news: &News| matches!(news, News::NotSent { echo: it, error_id: 8311, .. } if *it == echo);
    hears(&ana, |news| matches!(news, DeskNews::Chat(_, news) if of(news)));
    says(&ana, chat, "hello");
    assert_eq!(ana.trouble(), None);
}

#[test]
fn verbs_come_from_any_thread() {
    let server = server(config());
    let ana = desk(target(&server, PortId::Default));
    let chat = ana.with(Desk::create).unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    // So much may wait at a time; the others go on meanwhile.
                    while ana.with(|ana, now| ana.say(chat, "hello", now)) == Err(SayError::Full) {
                        thread::yield_now();
                    }
                }
            });
        }
        let mut left = 800;
        hears(&ana, |news| {
            let confirmed = matches!(news, DeskNews::Chat(_, News::Confirmed { .. }));
            left -= i32::from(confirmed);
            left == 0
        });
    });
    // Its own coming, and what it said.
    assert_eq!(ana.with(|ana, _| ana.chat(chat).unwrap().view().events().count()), 801);
}

#[test]
fn whoever_takes_no_news_reads_no_more_and_loses_nothing() {
    let server = server(config());
    let ana = desk(target(&server, PortId::Default));
    let chat = ana.with(Desk::create).unwrap();
    hears(&ana, |news| matches!(news, DeskNews::Chat(_, News::Joined)));
    let session: SessionId =
        ana.with(|ana, _| ana.chat(chat).unwrap().session_id().unwrap().clone());
    let ben = desk(target(&server, PortId::Default));
    let there = ben.with(|ben, now| ben.join(session, Visibility::All, now)).unwrap();
    let many = NEWS_AHEAD + 500;
    for number in 0..many {
        says(&ben, there, &*number.to_string());
    }
    while ana.shared.waiting() < NEWS_AHEAD {
        thread::sleep(Duration::from_millis(1));
    }
    // More was sent to it, and is not taken.
    thread::sleep(Duration::from_millis(20));
    assert_eq!(ana.shared.waiting(), NEWS_AHEAD);
    let mut told = 0;
    hears(&ana, |news| {
        told += usize::from(matches!(news, DeskNews::Chat(_, News::Told(_))));
        // Two came, and one said all that.
        told == many + 2
    });
}

#[test]
fn of_several_servers_one_that_is_there_is_found() {
    // B22.13
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = server(config());
    let targets = vec![Target::new(nobody.to_string()), target(&server, PortId::Default)];
    let mut settings = DeskSettings::new("Ana", UserType::Agent);
    settings.habits.servers = 3;
    let ana = Driver::start(targets, |seed| Desk::new(settings, seed)).unwrap();
    hears(&ana, |news| *news == DeskNews::Online);
    // It goes, and nobody has an address for the third one.
    server.stop();
    server.join().unwrap();
    hears(&ana, |news| {
        matches!(news, DeskNews::Offline { .. })
            && ana.trouble().is_some_and(|trouble| trouble.contains("no such server"))
    });
    ana.close();
}
