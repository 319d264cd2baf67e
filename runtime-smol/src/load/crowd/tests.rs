//! The crowd against a real machine, in virtual time: no codec, no socket, no clock.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::panic, reason = "a test that cannot go on has failed")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use confer_core::config::Config;
use confer_core::door::{Action as Done, Input, LinkChange, Trust};
use confer_core::frame::{Event, Frame, Request, basic, flex};
use confer_core::id::LinkId;
use confer_core::machine::{Machine as _, Progress as Budget};
use confer_core::server::Server;
use confer_core::time::{Instant, Wall};
use confer_store::Memory;

use super::{Action, Crowd, Heard, Phase, Said};
use crate::load::lines::Listener as _;
use crate::load::plan::{Customers, Plan, Scenario};
use crate::load::tally::Trouble;

const SECOND: Duration = Duration::from_secs(1);

fn plan(scenario: Scenario, customers: Customers, sessions: u32) -> Plan {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    let (per_agent, per_gateway) = Plan::sharing(scenario);
    let plan = Plan {
        scenario,
        customers,
        sessions,
        default: nowhere,
        webapi: nowhere,
        web: nowhere,
        service: String::new(),
        access_token: None,
        per_agent,
        per_gateway,
        text_length: 60,
        warm_up: SECOND,
        measure: 10 * SECOND,
        patience: 10 * SECOND,
        seed: 7,
        server_pid: None,
    };
    plan.check().unwrap();
    plan
}

fn guide(poll: Option<u64>, dormant: u32) -> Scenario {
    let length = Duration::from_secs(35);
    Scenario::Guide { length, poll: poll.map(Duration::from_secs), dormant }
}

/// What happens to what the server says on its way: as often as it is pushed, it arrives.
type Way = fn(&World, &Event) -> usize;

struct World {
    crowd: Crowd,
    server: Server,
    store: Memory,
    now: Duration,
    way: Way,
    /// What is on its way to the crowd.
    coming: VecDeque<(usize, Frame<Event>)>,
    /// Everything that was asked.
    asked: Vec<(Duration, Request)>,
}

impl World {
    fn new(plan: Plan) -> Self {
        let config = Memory::config(&Arc::new(Config::default()));
        let wall = Wall::new(Instant::ZERO, 1_705_312_800_000);
        Self {
            crowd: Crowd::new(plan),
            server: Server::new(config, [7; 32], wall, Instant::ZERO),
            store: Memory::default(),
            now: Duration::ZERO,
            way: |_, _| 1,
            coming: VecDeque::new(),
            asked: Vec::new(),
        }
    }

    /// Until the crowd has gone, or that time has come. Whatever is said is heard at once, and
    /// answered a millisecond later, or a closed loop would have no end.
    fn run(&mut self, until: Duration) {
        while self.crowd.phase() != Phase::Over && self.now < until {
            let soon = self.now + Duration::from_millis(1);
            let server = self.server.poll_timeout().map(|at| Duration::from_millis(at.as_millis()));
            let due = server.into_iter().chain(self.crowd.poll_timeout()).min().unwrap_or(until);
            let next = if self.talk() { soon } else { due.max(soon) };
            self.now = next.min(until);
            while self.server.handle_timeout(self.at(), 1024) == Budget::More {}
            self.crowd.handle_timeout(self.now);
        }
    }

    /// Everybody says what they have to say, and hears the answers; whether anybody did.
    fn talk(&mut self) -> bool {
        let acted = self.act();
        self.serve();
        let coming = std::mem::take(&mut self.coming);
        let heard = !coming.is_empty();
        for (line, frame) in coming {
            for _ in 0..(self.way)(self, &frame.body) {
                self.crowd.heard(line, Heard::Event(frame.clone()), self.now);
            }
        }
        acted || heard
    }

    /// The program ends, and with it the connections.
    fn hang_up(&mut self) {
        for line in 0..self.crowd.lines.len() {
            self.handle(Input::Link { link: link(line), change: LinkChange::Closed });
        }
    }

    fn act(&mut self) -> bool {
        let mut acted = false;
        while let Some(action) = self.crowd.poll_action() {
            acted = true;
            match action {
                Action::Open { line, port } => {
                    let change = LinkChange::Opened { port, trust: Trust::Open };
                    self.handle(Input::Link { link: link(line), change });
                    self.crowd.opened(line, self.now);
                }
                Action::Close { line } => {
                    self.handle(Input::Link { link: link(line), change: LinkChange::Closed });
                }
                Action::Send { line, said: Said::Frame(frame) } => {
                    self.asked.push((self.now, frame.body.clone()));
                    self.handle(Input::Frame { link: link(line), frame });
                }
                Action::Send { said: Said::Bare(_), .. } => panic!("nothing for a server"),
            }
        }
        acted
    }

    fn handle(&mut self, input: Input) {
        self.server.handle(input, self.at());
        self.serve();
    }

    fn serve(&mut self) {
        while let Some(action) = self.server.poll_action() {
            match action {
                Done::Send { link, frame } => {
                    let line = usize::try_from(link.0).unwrap() - 1;
                    self.coming.push_back((line, frame));
                }
                Done::Ask { op, request } => {
                    let outcome = self.store.perform(request);
                    self.server.handle(Input::Done { op, outcome }, self.at());
                }
                Done::Close { .. } | Done::Report(_) => {}
            }
        }
    }

    fn at(&self) -> Instant {
        Instant::from_millis(u64::try_from(self.now.as_millis()).unwrap())
    }

    fn count(&self, of: impl Fn(&Request) -> bool) -> usize {
        self.asked.iter().filter(|(_, request)| of(request)).count()
    }

    fn troubles(&self) -> Vec<(Trouble, u64)> {
        let troubles = self.crowd.tally().troubles().iter();
        troubles.map(|(trouble, troubled)| (*trouble, troubled.count)).collect()
    }
}

fn link(line: usize) -> LinkId {
    LinkId(line as u64 + 1)
}

fn is_message(event: &Event) -> bool {
    matches!(event, Event::Basic(basic::Event::EventSessionInfo(info))
        if format!("{:?}", info.chat_transcript).contains("Message"))
}

const CLOSED: Scenario = Scenario::Closed { rate: None };

#[test]
fn two_speak_in_turn_until_the_time_is_over() {
    for customers in [Customers::Basic, Customers::Flex] {
        let mut world = World::new(plan(CLOSED, customers, 7));
        world.run(60 * SECOND);
        assert_eq!(world.crowd.phase(), Phase::Over);
        assert_eq!(world.troubles(), []);
        let report = world.crowd.report(None, world.now).json();
        assert_eq!(report["measured_seconds"], 10.0);
        assert_eq!(report["stopped_early"], false);
        // A round trip takes a millisecond here, whoever speaks.
        assert_eq!(report["messages"], 7 * 10_000, "{customers:?}");
        assert_eq!(report["sessions"]["begun"], 7);
        assert_eq!(report["sessions"]["left"], 7);
        // The server is left as it was found.
        world.hang_up();
        assert_eq!(world.server.open_sessions(), 0);
        if customers == Customers::Flex {
            assert_eq!(
                world
                    .count(|asked| matches!(asked, Request::Flex(flex::Request::RequestLogout(_)))),
                2 * 7,
                "seven customers, and seven gateways that made sure of the port"
            );
        }
    }
}

#[test]
fn at_a_rate_messages_count_from_when_they_were_due() {
    let rate = Some(100);
    let mut world = World::new(plan(Scenario::Closed { rate }, Customers::Basic, 5));
    world.run(60 * SECOND);
    assert_eq!(world.troubles(), []);
    let report = world.crowd.report(None, world.now).json();
    let messages = report["messages"].as_u64().unwrap();
    assert!(messages.abs_diff(1000) <= 1, "{messages}");
    // With one session a second between two round trips of a millisecond, 2000 a second are too many.
    let mut world = World::new(plan(Scenario::Closed { rate: Some(2000) }, Customers::Basic, 1));
    world.run(60 * SECOND);
    let report = world.crowd.report(None, world.now).json();
    let slow = report["latency_us"]["delivered"]["p99"].as_u64().unwrap();
    assert!(slow > 1_000_000, "the backlog shows: {slow}");
}

#[test]
fn a_session_of_the_guide_has_three_messages_of_each_and_polls_between() {
    let mut plan = plan(guide(Some(3), 0), Customers::Flex, 1);
    (plan.warm_up, plan.measure) = (Duration::ZERO, 34 * SECOND);
    let mut world = World::new(plan);
    world.run(33 * SECOND);
    let (mut said, mut polls) = (Vec::new(), Vec::new());
    for (at, request) in &world.asked {
        match request {
            Request::Flex(flex::Request::RequestRefresh(refresh)) => match refresh.message_text {
                Some(_) => said.push(('C', *at)),
                None => polls.push(*at),
            },
            Request::Basic(basic::Request::RequestMessage(_)) => said.push(('A', *at)),
            Request::Basic(_) | Request::Flex(_) | Request::Esp(_) => {}
        }
    }
    assert_eq!(said.iter().map(|said| said.0).collect::<String>(), "CACACA");
    for (part, (_, at)) in (1..).zip(&said) {
        let range = part * 5 * SECOND..(part + 1) * 5 * SECOND;
        assert!(range.contains(at), "message {part} at {at:?}");
    }
    assert_eq!(polls.len(), 10, "each 3 s: {polls:?}");
    assert!(polls.windows(2).all(|two| (two[1] - two[0]).abs_diff(3 * SECOND) <= SECOND / 10));
    assert_eq!(world.troubles(), []);
}

#[test]
fn sessions_of_the_guide_come_one_after_the_other() {
    for (poll, dormant) in [(Some(3), 0), (None, 0), (None, 3)] {
        let mut plan = plan(guide(poll, dormant), Customers::Flex, 40);
        (plan.warm_up, plan.measure) = (35 * SECOND, 350 * SECOND);
        let mut world = World::new(plan);
        world.run(600 * SECOND);
        assert_eq!(world.crowd.phase(), Phase::Over);
        assert_eq!(world.troubles(), []);
        let report = world.crowd.report(None, world.now).json();
        let sessions = &report["sessions"];
        let number = |name: &str| sessions[name].as_u64().unwrap();
        assert_eq!(number("begun"), number("finished") + number("left") + number("failed"));
        assert_eq!(number("dormant"), u64::from(dormant) * 40);
        // Eleven sessions in each place, the last one under way.
        assert!(number("finished").abs_diff(400) <= 10, "{sessions}");
        // Ten lives of 40 sessions, with six messages each.
        assert!(report["messages"].as_u64().unwrap().abs_diff(2400) <= 40, "{report}");
        // Everybody has logged out, and the server is empty but for what lingers.
        world.hang_up();
        assert_eq!(world.server.open_sessions(), 0);
        // Who is pushed to does not ask.
        let polls = world.count(|asked| matches!(
            asked,
            Request::Flex(flex::Request::RequestRefresh(refresh)) if refresh.message_text.is_none()
        ));
        assert_eq!(polls > 0, poll.is_some());
        // flex-push-timeout is 45 s: the dormant ones were asked for, and are still there.
        let alive =
            world.count(|asked| matches!(asked, Request::Flex(flex::Request::RequestAlive(_))));
        assert_eq!(alive > 0, dormant > 0, "{alive}");
    }
}

#[test]
fn the_same_seed_makes_the_same_load() {
    let run = |seed| {
        let mut plan = plan(guide(Some(3), 0), Customers::Flex, 5);
        plan.seed = seed;
        let mut world = World::new(plan);
        world.run(30 * SECOND);
        let asked = world.asked.iter().map(|(at, asked)| format!("{at:?} {asked:?}"));
        asked.collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn what_is_lost_or_comes_twice_is_an_error() {
    // The hundredth message comes to nobody.
    let mut world = World::new(plan(CLOSED, Customers::Basic, 1));
    world.way =
        |world, event| usize::from(world.crowd.tally().messages != 100 || !is_message(event));
    world.run(60 * SECOND);
    let troubles = world.troubles();
    assert_eq!(troubles, [(Trouble::Late, 1)], "nothing goes on without it");
    let report = world.crowd.report(None, world.now).json();
    assert_eq!(report["sessions"]["failed"], 1);
    assert_eq!(report["stopped_early"], true, "nobody is left");

    let mut world = World::new(plan(CLOSED, Customers::Basic, 1));
    world.way = |_, event| if is_message(event) { 2 } else { 1 };
    world.run(20 * SECOND);
    assert!(world.troubles().iter().any(|(trouble, _)| *trouble == Trouble::Repeated));
}

#[test]
fn a_server_that_says_nothing_more_ends_it() {
    for (scenario, customers) in [(CLOSED, Customers::Flex), (guide(Some(3), 0), Customers::Flex)] {
        let mut plan = plan(scenario, customers, 8);
        plan.measure = 100 * SECOND;
        let mut world = World::new(plan);
        world.run(6 * SECOND);
        assert_eq!(world.troubles(), []);
        world.way = |_, _| 0;
        world.run(200 * SECOND);
        assert_eq!(world.crowd.phase(), Phase::Over);
        assert!(!world.troubles().is_empty());
        assert!(world.troubles().iter().all(|(trouble, _)| *trouble == Trouble::Late));
    }
}

#[test]
fn lost_connections_fail_their_sessions_and_no_others() {
    let mut plan = plan(CLOSED, Customers::Basic, 25);
    plan.per_agent = 10;
    let mut world = World::new(plan);
    world.run(5 * SECOND);
    // The second of the agents; there are 25 customers before them.
    world.crowd.lost(26, Trouble::Closed, "somebody pulled the plug", world.now);
    world.run(60 * SECOND);
    assert_eq!(world.troubles(), [(Trouble::Closed, 1)]);
    let report = world.crowd.report(None, world.now).json();
    assert_eq!(report["sessions"]["failed"], 10);
    assert_eq!(report["sessions"]["left"], 15);
    assert_eq!(report["errors"][0]["example"], "somebody pulled the plug");
}

#[test]
fn without_any_connection_it_is_over_at_once() {
    let mut world = World::new(plan(CLOSED, Customers::Basic, 200));
    let mut refused = 0;
    while world.crowd.phase() != Phase::Over {
        let Some(Action::Open { line, .. }) = world.crowd.poll_action() else {
            panic!("it goes on without connections")
        };
        let kind = std::io::ErrorKind::ConnectionRefused;
        world.crowd.lost(line, Trouble::Connect(kind), "refused", SECOND);
        refused += 1;
    }
    assert_eq!(refused, 400, "each was tried once");
    assert!(world.crowd.report(None, SECOND).json()["stopped_early"].as_bool().unwrap());
}

#[test]
fn refusals_are_counted_by_number() {
    // B17.2: a limit of three sessions.
    let mut config = Config::default();
    for (name, value) in [
        ("limits-control-enabled", "true"),
        ("limit-for-sessions", "3"),
        ("limit-for-flex-users", "3"),
    ] {
        config.set("settings", name, value).unwrap();
    }
    let mut world = World::new(plan(CLOSED, Customers::Basic, 10));
    let wall = Wall::new(Instant::ZERO, 1_705_312_800_000);
    world.server = Server::new(Memory::config(&Arc::new(config)), [7; 32], wall, Instant::ZERO);
    world.run(60 * SECOND);
    assert_eq!(world.troubles(), [(Trouble::Refused(8311), 7)]);
    assert!(world.crowd.tally().messages > 0, "the three go on");
}

#[test]
fn an_interruption_ends_with_what_was_measured() {
    let mut world = World::new(plan(CLOSED, Customers::Flex, 3));
    world.run(4 * SECOND);
    world.crowd.leave(true, world.now);
    world.run(60 * SECOND);
    let report = world.crowd.report(None, world.now).json();
    let measured = report["measured_seconds"].as_f64().unwrap();
    assert!((2.9..=3.0).contains(&measured), "{measured}");
    assert_eq!(report["stopped_early"], true);
}
