//! Peers who mean no good: any request at any time, ids that never existed, somebody else's keys, the
//! largest of everything. Each request gets its one answer, nothing panics, and in the end nothing is
//! left (wire §7).

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use confer_core::ask::{Failure, Outcome, Request as AskRequest};
use confer_core::config::Config;
use confer_core::door::{Action, External, Input, LinkChange, Trust};
use confer_core::frame::{ErrorId, Event, Frame, KvList, Request, esp, flex};
use confer_core::id::{InteractionId, LinkId, OpId, PortId, SessionId, UserId};
use confer_core::machine::{Machine, Progress};
use confer_core::pii::Secret;
use confer_core::server::Server;
use confer_core::time::{Instant, Wall};
use confer_tests::arbitrary::{basic_request, esp_request, flex_request};
use confer_tests::people::Center;
use confer_tests::people::desk::{create, kv};
use confer_tests::people::visitor::Customer;
use confer_tests::world::Chance as Dice;
use confer_tests::{cases, seeds};

/// Connections of a hostile world: their ports, basic, flex and ESP in turn.
const PORTS: [PortId; 6] =
    [PortId::Default, PortId::Webapi, PortId::Esp, PortId::Default, PortId::Webapi, PortId::Web];

/// A server, and what it owes.
struct Attacked {
    server: Server,
    now: Instant,
    /// Requests without an answer, by connection and reference.
    owed: BTreeMap<(u64, u32), usize>,
    open: [bool; PORTS.len()],
    /// The connection there is now; an id is never used twice.
    links: [u64; PORTS.len()],
    next_link: u64,
    asked: Vec<(OpId, AskRequest)>,
    /// Flex users that logged in.
    users: Vec<(UserId, Secret)>,
}

impl Attacked {
    fn new(seed: u64) -> Self {
        let mut config = Config::default();
        config.set("settings", "transcript-resend-attempts", "2").expect("legal");
        config.set("settings", "transcript-resend-delay", "1").expect("legal");
        let mut entropy = [7; 32];
        entropy[..8].copy_from_slice(&seed.to_le_bytes());
        let wall = Wall::new(Instant::ZERO, 1_705_312_800_000);
        let server = Server::new(Arc::new(config), entropy, wall, Instant::ZERO);
        Self {
            server,
            now: Instant::ZERO,
            owed: BTreeMap::new(),
            open: [false; PORTS.len()],
            links: [0; PORTS.len()],
            next_link: 0,
            asked: Vec::new(),
            users: Vec::new(),
        }
    }

    fn give(&mut self, input: Input) {
        self.server.handle(input, self.now);
        self.drain();
    }

    fn passes(&mut self, time: Duration) {
        self.now += time;
        while self.server.handle_timeout(self.now, 16) == Progress::More {
            self.drain();
        }
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(action) = self.server.poll_action() {
            if let Action::Send { frame: Frame { body: Event::Flex(event), .. }, .. } = &action
                && let flex::Event::EventStatus(status) = event
                && let (Some(user_id), Some(key)) = (&status.user_id, &status.secure_key)
            {
                self.users.push((user_id.clone(), key.clone()));
            }
            match action {
                Action::Send { link, frame } if frame.reference != 0 => {
                    let owed = self.owed.get_mut(&(link.0, frame.reference));
                    match owed {
                        Some(owed) if *owed > 0 => *owed -= 1,
                        // Whoever is gone may be answered all the same; nobody hears it.
                        _ if !self.links.contains(&link.0) => {}
                        _ if self
                            .open
                            .iter()
                            .zip(self.links)
                            .any(|(open, id)| !open && id == link.0) => {}
                        _ => panic!("an answer nobody asked for: {frame:?}"),
                    }
                }
                Action::Ask { op, request } => self.asked.push((op, request)),
                Action::Send { .. } | Action::Close { .. } | Action::Report(_) => {}
            }
        }
    }

    fn link(&mut self, index: usize, change: LinkChange) {
        if matches!(change, LinkChange::Opened { .. }) {
            self.next_link += 1;
            self.links[index] = self.next_link;
        }
        let link = LinkId(self.links[index]);
        match change {
            LinkChange::Opened { .. } => self.open[index] = true,
            LinkChange::Closed => self.open[index] = false,
            LinkChange::Congested | LinkChange::Drained => {}
        }
        self.give(Input::Link { link, change });
        if !self.open[index] {
            self.owed.retain(|key, _| key.0 != link.0);
        }
    }

    fn ask(&mut self, index: usize, reference: u32, request: Request) {
        if !self.open[index] {
            return;
        }
        let link = LinkId(self.links[index]);
        *self.owed.entry((link.0, reference)).or_default() += 1;
        let frame = Frame::new(reference, request);
        self.give(Input::Frame { link, frame });
    }
}

/// A request as anybody could write it, of the protocol of this connection; now and then with an id
/// or key that exists.
fn request(
    dice: &mut Dice,
    port: PortId,
    known: &[SessionId],
    users: &[(UserId, Secret)],
) -> Request {
    match port {
        PortId::Default | PortId::Health => {
            let mut request = basic_request(dice);
            if let Some(id) = known.get(dice.index(known.len() + 1)) {
                use confer_core::frame::basic::Request as Basic;
                match &mut request {
                    Basic::RequestJoin(join) => join.session_id = Some(id.clone()),
                    Basic::RequestMessage(message) => message.session_id = id.clone(),
                    Basic::RequestNotify(notify) => notify.session_id = id.clone(),
                    Basic::RequestReleaseParty(release) => release.session_id = id.clone(),
                    Basic::RequestRegister(_) | Basic::RequestUnregister => {}
                }
            }
            Request::Basic(request)
        }
        PortId::Webapi | PortId::Web => {
            let mut request = flex_request(dice);
            if let Some((id, key)) = users.get(dice.index(users.len() + 1)) {
                use confer_core::frame::flex::Request as Flex;
                let (user_id, secure_key) = match &mut request {
                    Flex::RequestJoin(it) => (&mut it.user_id, &mut it.secure_key),
                    Flex::RequestRefresh(it) => (&mut it.user_id, &mut it.secure_key),
                    Flex::RequestLogout(it) => (&mut it.user_id, &mut it.secure_key),
                    Flex::RequestNotify(it) => (&mut it.user_id, &mut it.secure_key),
                    Flex::RequestPush(it) => (&mut it.user_id, &mut it.secure_key),
                    Flex::RequestLogin(_) | Flex::RequestNode(_) | Flex::RequestAlive(_) => {
                        return Request::Flex(request);
                    }
                };
                *user_id = id.clone();
                if dice.index(10) > 0 {
                    *secure_key = key.clone();
                }
                if let Flex::RequestJoin(join) = &mut request
                    && dice.index(2) == 0
                {
                    join.session_id = None;
                }
            }
            Request::Flex(request)
        }
        PortId::Esp => {
            let esp::Request::Request3rdServer(mut call) = esp_request(dice);
            let methods = [
                "Message",
                "Notice",
                "PlaceOnHold",
                "CloseSession",
                "GetSessionInfo",
                "IdleControlConfigure",
                "ConfigureSession",
            ];
            if let Some(method) = methods.get(dice.index(methods.len() + 2)) {
                call.envelope.service = "Chat".into();
                call.envelope.method = (*method).into();
            }
            if let Some(id) = known.get(dice.index(known.len() + 1)) {
                call.envelope.parameters.push("InteractionId", id.as_str());
            }
            Request::Esp(esp::Request::Request3rdServer(call))
        }
    }
}

fn attack(seed: u64) {
    let mut dice = Dice::new(seed);
    let mut attacked = Attacked::new(seed);
    let mut known = vec![SessionId::new("NEVERTHERE000000")];
    for step in 0..300_u32 {
        let index = dice.index(PORTS.len());
        match dice.index(20) {
            0 if attacked.open[index] => attacked.link(index, LinkChange::Closed),
            0..=2 if !attacked.open[index] => {
                let trust = [Trust::Open, Trust::Authenticated][dice.index(2)];
                attacked.link(index, LinkChange::Opened { port: PORTS[index], trust });
            }
            1 if attacked.open[index] => attacked.link(index, LinkChange::Congested),
            2 if attacked.open[index] => attacked.link(index, LinkChange::Drained),
            // Answers to what was asked, and to what never was, in any order.
            3..=8 if !attacked.asked.is_empty() => {
                let (op, asked) = attacked.asked.remove(dice.index(attacked.asked.len()));
                if let AskRequest::Record(confer_core::ask::Record::Create { session, .. }) = asked
                {
                    known.push(session);
                }
                let outcome = match dice.index(6) {
                    0 => Outcome::Failed(Failure::Unavailable),
                    1 => Outcome::Failed(Failure::Refused),
                    2 => Outcome::Identified { contact: None, attributes: KvList::new() },
                    _ => Outcome::Done,
                };
                attacked.give(Input::Done { op, outcome });
            }
            9 => attacked.give(Input::Done { op: OpId(u64::MAX - 1), outcome: Outcome::Done }),
            10 => {
                let session = known[dice.index(known.len())].clone();
                let interaction = InteractionId::new(session.as_str());
                attacked.give(Input::External(match dice.index(3) {
                    0 => External::InteractionStopped { interaction },
                    1 => External::Purge { session, generation: 1 },
                    _ => External::ContactStoreUp,
                }));
            }
            11 => {
                let time = [1, 900, 60_000, 300_000][dice.index(4)];
                attacked.passes(Duration::from_millis(time));
            }
            // A reference may come again while it is unanswered.
            _ => {
                let request = request(&mut dice, PORTS[index], &known, &attacked.users);
                attacked.ask(index, step % 50 + 1, request);
            }
        }
    }
    // Everybody reads, the store answers everything by now, time passes, and everybody goes.
    for index in 0..PORTS.len() {
        if attacked.open[index] {
            attacked.link(index, LinkChange::Drained);
        }
    }
    for _ in 0..100 {
        for (op, _) in std::mem::take(&mut attacked.asked) {
            attacked.give(Input::Done { op, outcome: Outcome::Done });
        }
        attacked.passes(Duration::from_secs(2));
    }
    let owed: Vec<_> = attacked.owed.iter().filter(|(_, count)| **count > 0).collect();
    assert!(owed.is_empty(), "requests without an answer: {owed:?}");
    for index in 0..PORTS.len() {
        if attacked.open[index] {
            attacked.link(index, LinkChange::Closed);
        }
    }
    for _ in 0..200 {
        for (op, _) in std::mem::take(&mut attacked.asked) {
            attacked.give(Input::Done { op, outcome: Outcome::Done });
        }
        attacked.passes(Duration::from_secs(60));
    }
    assert_eq!(attacked.server.sessions(), 0, "every session ends");
}

#[test]
fn whatever_anybody_sends_has_one_answer_and_an_end() {
    seeds::each("hostile", cases(2000, 100_000), attack);
}

#[test]
fn nobody_gets_at_anothers_session_with_what_they_can_guess() {
    // B1.4, B9.1: ids are opaque, and knowing one is not enough.
    let center = Center::open();
    let casey = Customer::new(&center);
    let session = casey.starts_a_chat("Casey");
    casey.says("my secret");
    let eve = Customer::new(&center);
    eve.logs_in("Eve");
    let theirs = casey.look().user_id.clone().expect("an id");
    let (hers, own) = (eve.look().user_id.clone(), eve.look().secure_key.clone());
    let (hers, own) = (hers.expect("an id"), own.expect("a key"));
    for request in [
        flex::Request::RequestRefresh(flex::RequestRefresh {
            user_id: theirs.clone(),
            secure_key: own.clone(),
            session_id: Some(session.clone()),
            last_position: None,
            message_text: None,
            message_type: None,
            user_data: None,
            event_attributes: None,
            request_key: None,
        }),
        // Her own identity with somebody else's session: the session she names does not count.
        flex::Request::RequestRefresh(flex::RequestRefresh {
            user_id: hers,
            secure_key: own.clone(),
            session_id: Some(session.clone()),
            last_position: None,
            message_text: None,
            message_type: None,
            user_data: None,
            event_attributes: None,
            request_key: None,
        }),
    ] {
        let reference = eve.sends(request);
        center.settle();
        let status = eve.answer(reference).expect("an answer");
        assert!(status.error_id.is_some());
        assert!(status.chat_transcript.is_none(), "{status:?}");
    }
    // On basic: an agent who is not in the session can do nothing there.
    let mallory = center.agent("Mallory");
    let mine = center.agent("Ana");
    mine.creates();
    let mut message = mine.message("let me in");
    mallory.is_refused(ErrorId::NotInSession, message.clone());
    message.session_id = SessionId::new("0000000000000000");
    mallory.is_refused(ErrorId::NoSuchSession, message.clone());
    message.session_id = SessionId::new(&"9".repeat(5000));
    mallory.is_refused(ErrorId::NoSuchSession, message);
}

#[test]
fn the_largest_of_everything_is_taken_and_one_more_is_not() {
    // B17.4, B5.6: every size at once, within one frame.
    let center = Center::open();
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    casey.creates();
    ana.joins(&casey);
    let full = |size: usize| Some(kv([("k", &"v".repeat(size - 1))]));
    let mut message = ana.message(&"x".repeat(65_535));
    message.user_data = full(131_072);
    message.event_attributes = full(131_072);
    ana.asks(message.clone());
    message.user_data = full(131_073);
    ana.is_refused(ErrorId::LimitReached, message.clone());
    message.user_data = full(131_072);
    message.event_attributes = full(131_073);
    ana.is_refused(ErrorId::LimitReached, message);
    ana.is_refused(ErrorId::TextTooLong, ana.message(&"x".repeat(65_536)));
    let mut join = create();
    join.subject = Some(confer_core::text::Text::new(&"s".repeat(1024)));
    ana.asks(join.clone());
    join.subject = Some(confer_core::text::Text::new(&"s".repeat(1025)));
    ana.is_refused(ErrorId::TextTooLong, join);
}
