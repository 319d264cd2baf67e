//! The simulated world itself, with a small echo machine in it: what it promises, it keeps.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::collections::BTreeSet;
use std::time::Duration;

use confer_basic::Client as BasicClient;
use confer_core::door::{Action, Input};
use confer_core::frame::{Event, Frame, KvList, RequestResult, basic, esp, flex};
use confer_core::id::{LinkId, UserId};
use confer_core::machine::{Machine, Progress};
use confer_core::pii::{Pii, Secret};
use confer_core::text::{Str, Text};
use confer_core::time::Instant;
use confer_tests::echo::{Echo, REGISTER_TIMEOUT};
use confer_tests::talker::{Script, Talker};
use confer_tests::world::{ClientId, Entry, LIVELOCK_BOUND, Net, Reading, StoreFaults, World};

type Desk = ClientId<BasicClient, Talker>;

const SECOND: Duration = Duration::from_secs(1);

fn one_server(seed: u64) -> (World<Echo>, confer_tests::world::ServerId) {
    let mut world = World::new(seed);
    let server = world.server(Echo::new);
    (world, server)
}

/// Everything each of them heard is in the store, in the session it was said in, once and in order.
fn assert_stored(world: &World<Echo>, desks: &[Desk]) {
    for desk in desks {
        let talker = world.look(desk);
        for (heard, session) in talker.heard.iter().zip(&talker.sessions) {
            let record = &world.store.records[session];
            let there = record.events.values().filter(|event| match &event.body {
                confer_core::frame::EventBody::Message(message) => {
                    message.message_text.reveal() == heard
                }
                _ => false,
            });
            assert_eq!(there.count(), 1, "{heard} in {session}");
        }
    }
}

#[test]
fn a_conversation_on_each_protocol() {
    let (mut world, server) = one_server(1);
    let ana = world.client::<BasicClient, _>(server, Talker::new("Ana"));
    let web = world.client::<confer_flex::Client, _>(
        server,
        Script::new([
            flex::Request::RequestLogin(flex::RequestLogin {
                user_nickname: Pii::new(Str::new("Casey")),
                time_zone_offset: None,
                person_id: None,
                client_version: None,
                user_data: None,
            }),
            flex::Request::RequestRefresh(flex::RequestRefresh {
                user_id: UserId::new("whoever"),
                secure_key: Secret::new("whatever"),
                session_id: None,
                last_position: None,
                message_text: Some(Text::new("is anybody there?")),
                message_type: None,
                user_data: None,
                event_attributes: None,
                request_key: None,
            }),
        ]),
    );
    let parameters = KvList::from([("InduceRestore", "true".into())]);
    let call = esp::Envelope {
        app_name: None,
        app_type: Some(Str::new("ChatServer")),
        service: Str::new("Chat"),
        method: Str::new("GetSessionInfo"),
        version: Str::new(esp::Envelope::VERSION),
        parameters: parameters.clone(),
    };
    let workflow = world.client::<confer_esp::Client, _>(
        server,
        Script::new([esp::Request::Request3rdServer(esp::Request3rdServer {
            envelope: call.clone(),
            user_data: None,
        })]),
    );
    for text in ["hello", "", "Grüße, 世界 👋🏽"] {
        world.with(&ana, |ana, now| ana.say(text, now));
    }
    world.run_until_idle();

    assert_eq!(world.look(&ana).heard, ["hello", "", "Grüße, 世界 👋🏽"]);
    let answers = &world.look(&web).answers;
    let [
        Frame { reference: 1, body: flex::Event::EventStatus(login) },
        Frame { reference: 2, body: flex::Event::EventStatus(refresh) },
    ] = &answers[..]
    else {
        panic!("{answers:?}");
    };
    assert!(login.user_id.is_some() && login.secure_key.is_some());
    assert_eq!(refresh.request_result.known(), Some(RequestResult::Success));
    assert_eq!(refresh.chat_transcript.as_ref().unwrap().events.len(), 1);
    let response = esp::Event::Event3rdServerResponse(call.answer(parameters));
    assert_eq!(world.look(&workflow).answers, [Frame::new(1, response)]);
    assert_stored(&world, &[ana]);
}

/// A busy, faulty world: what everybody heard, and all that happened.
fn rough_world(seed: u64) -> (World<Echo>, Vec<Desk>) {
    let (mut world, server) = one_server(seed);
    world.net = Net::rough();
    world.store.faults = StoreFaults::rough();
    world.log.keep_all();
    let desks: Vec<Desk> =
        ["Ana", "Ben", "Caro"].map(|name| world.client(server, Talker::new(name))).into();
    for turn in 0..5 {
        for (index, desk) in desks.iter().enumerate() {
            world.with(desk, |desk, now| desk.say(&format!("{index}: line {turn}"), now));
        }
        match world.chance().below(8) {
            0 => world.cut(&desks[0]),
            1 => {
                world.kill(server);
                world.run_for(SECOND);
                world.restart(server);
            }
            2 => world.store.kill(),
            3 => world.store.stall(),
            4 => world
                .reading(&desks[1], Reading::Slow { bytes: 7, every: Duration::from_millis(20) }),
            _ => {}
        }
        world.run_for(SECOND * 2);
        world.store.resume();
        world.reading(&desks[1], Reading::Eager);
    }
    world.net = Net::calm();
    world.store.faults = StoreFaults::none();
    world.run_for(SECOND * 300);
    (world, desks)
}

#[test]
fn the_same_seed_gives_the_same_world_to_the_last_byte() {
    for seed in [1, 2, 3] {
        let (first, _) = rough_world(seed);
        let (second, _) = rough_world(seed);
        assert!(first.log.entries().eq(second.log.entries()), "seed {seed}");
        assert_eq!(first.log.digest(), second.log.digest(), "seed {seed}");
        let bytes: usize = first
            .log
            .entries()
            .map(|(_, entry)| match entry {
                Entry::Wrote(_, bytes) => bytes.len(),
                _ => 0,
            })
            .sum();
        assert!(bytes > 1000, "seed {seed} hardly did anything: {bytes} bytes");
    }
    assert_ne!(rough_world(1).0.log.digest(), rough_world(2).0.log.digest());
}

#[test]
fn whatever_goes_wrong_everything_is_answered_in_the_end_and_stored() {
    confer_tests::seeds::each("rough worlds", confer_tests::cases(60, 20_000), |seed| {
        let (world, desks) = rough_world(seed);
        for (index, desk) in desks.iter().enumerate() {
            let talker = world.look(desk);
            assert!(talker.is_content(), "{index} waits:\n{}", world.log);
            let said: Vec<String> = (0..5).map(|turn| format!("{index}: line {turn}")).collect();
            assert_eq!(talker.heard, said);
        }
        assert_stored(&world, &desks);
    });
}

#[test]
fn a_slow_reader_is_cut_and_nobody_else_waits() {
    // B2.5
    let (mut world, server) = one_server(4);
    world.settings.output_max_size = 20_000;
    world.net.window = 1000;
    let slow = world.client::<BasicClient, _>(server, Talker::new("Slow"));
    let quick = world.client::<BasicClient, _>(server, Talker::new("Quick"));
    world.run_until_idle();
    world.reading(&slow, Reading::Never);
    // Its own long words come back to it, and it takes none of them.
    let long = "x".repeat(12_000);
    for _ in 0..2 {
        world.with(&slow, |slow, now| slow.say(&long, now));
    }
    for line in 0..20 {
        world.with(&quick, |quick, now| quick.say(&format!("line {line}"), now));
    }
    world.run_for(SECOND);
    assert_eq!(world.look(&quick).heard.len(), 20);
    assert_eq!(world.look(&slow).losses, 1);
}

#[test]
fn a_connection_that_dies_without_a_word_is_noticed_by_addp() {
    // B2.6
    for (addp, guests) in [(Duration::ZERO, 1), (SECOND * 10, 0)] {
        let mut world = World::new(5);
        world.settings.addp_timeout = addp;
        let server = world.server(Echo::new);
        let ana = world.client::<BasicClient, _>(server, Talker::new("Ana"));
        world.with(&ana, |ana, now| ana.say("hello", now));
        world.run_until_idle();
        assert_eq!(world.machine(server).unwrap().guests(), 1);
        world.vanish(&ana);
        world.run_for(SECOND * 60);
        assert_eq!(world.machine(server).unwrap().guests(), guests);
    }
}

#[test]
fn somebody_who_never_says_who_they_are_is_put_out() {
    // B2.2
    let (mut world, server) = one_server(6);
    let mute = world.client::<BasicClient, _>(server, Script::new([]));
    let ana = world.client::<BasicClient, _>(server, Talker::new("Ana"));
    world.run_for(REGISTER_TIMEOUT - SECOND);
    assert_eq!(world.machine(server).unwrap().guests(), 2);
    world.run_for(SECOND * 2);
    assert_eq!(world.machine(server).unwrap().guests(), 1);
    assert_eq!(world.look(&ana).losses, 0);
    assert_eq!(world.look(&mute).answers, []);
}

#[test]
fn nothing_is_answered_before_it_is_saved() {
    let (mut world, server) = one_server(7);
    let ana = world.client::<BasicClient, _>(server, Talker::new("Ana"));
    world.run_until_idle();

    world.store.stall();
    world.with(&ana, |ana, now| ana.say("while it stalls", now));
    world.run_for(SECOND);
    assert!(world.look(&ana).heard.is_empty());
    world.store.resume();
    world.run_for(SECOND);
    assert_eq!(world.look(&ana).heard, ["while it stalls"]);

    world.store.stall();
    world.with(&ana, |ana, now| ana.say("while it dies", now));
    world.run_for(SECOND);
    world.store.kill();
    assert!(world.look(&ana).heard.len() == 1);
    world.run_for(SECOND * 5);
    assert_eq!(world.look(&ana).heard, ["while it stalls", "while it dies"]);
    assert_eq!(world.machine(server).unwrap().timers(), 0);
    assert_stored(&world, &[ana]);
}

#[test]
fn a_killed_server_forgets_and_what_it_answered_is_kept() {
    let (mut world, server) = one_server(8);
    let ana = world.client::<BasicClient, _>(server, Talker::new("Ana"));
    world.with(&ana, |ana, now| ana.say("before", now));
    world.run_until_idle();
    world.kill(server);
    world.with(&ana, |ana, now| ana.say("between", now));
    world.run_for(SECOND * 3);
    assert_eq!(world.look(&ana).heard, ["before"]);
    world.restart(server);
    world.run_for(SECOND * 3);
    let talker = world.look(&ana);
    assert_eq!(talker.heard, ["before", "between"]);
    assert_ne!(talker.sessions[0], talker.sessions[1]);
    assert_stored(&world, &[ana]);
}

#[test]
fn connections_overtake_each_other_and_bytes_do_not() {
    let (mut world, server) = one_server(9);
    world.net.latency = Duration::from_millis(1)..=Duration::from_millis(500);
    world.net.segment = 5;
    world.log.keep_all();
    let desks: Vec<Desk> =
        (0..10).map(|n| world.client(server, Talker::new(&format!("desk {n}")))).collect();
    for desk in &desks {
        for line in 0..3 {
            world.with(desk, |desk, now| desk.say(&format!("a rather long line {line}"), now));
        }
    }
    world.run_until_idle();
    for desk in &desks {
        assert_eq!(world.look(desk).heard.len(), 3);
    }
    let first_words: Vec<LinkId> = world
        .log
        .entries()
        .filter_map(|(_, entry)| match entry {
            Entry::Action(_, Action::Send { link, frame }) => match &frame.body {
                Event::Basic(basic::Event::EventRegistered(_)) => Some(*link),
                _ => None,
            },
            _ => None,
        })
        .collect();
    let mut in_order = first_words.clone();
    in_order.sort();
    assert_eq!(in_order.iter().collect::<BTreeSet<_>>().len(), 10);
    assert_ne!(first_words, in_order, "ten connections made in order arrived in order");
}

/// Never done, and never waiting.
struct Busy(u64);

impl Machine for Busy {
    type Input = Input;
    type Action = Action;

    fn handle(&mut self, _: Input, _: Instant) {}

    fn handle_timeout(&mut self, _: Instant, _: usize) -> Progress {
        self.0 += 1;
        Progress::More
    }

    fn poll_action(&mut self) -> Option<Action> {
        None
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Some(Instant::ZERO)
    }
}

#[test]
fn a_machine_that_runs_in_a_circle_is_found_out() {
    let outcome = std::panic::catch_unwind(|| {
        let mut world = World::new(4711);
        world.server(|_, _| Busy(0));
        world.run_for(SECOND);
    });
    let message = outcome.expect_err("it ran in a circle for ever");
    let message = message.downcast_ref::<String>().expect("panics with a text");
    assert!(message.contains("livelock in world 4711"), "{message}");
    const { assert!(LIVELOCK_BOUND >= 10_000) };
}
