//! What goes from one end to the other (B2.5, B5.7).

use quickcheck::{Arbitrary, Gen, QuickCheck};

use super::*;
use crate::LOW_WATER;
use crate::testing::numbers;

const PART_SIZE: usize = confer_wire::PART_SIZE;

/// The session infos among what a desk received, and nothing else.
fn infos(received: Vec<Received<Event>>) -> Vec<Frame<basic::EventSessionInfo>> {
    let info = |received| match received {
        Received::Frame(Frame { reference, body: Event::EventSessionInfo(info) }) => {
            Frame::new(reference, info)
        }
        Received::Frame(_) | Received::Malformed(_) => panic!("not a session info: {received:?}"),
    };
    received.into_iter().map(info).collect()
}

/// B5.7: joining a session of 100,000 events works, however slowly it is read, and little of it
/// waits as bytes meanwhile.
#[test]
fn a_long_session_arrives_whole() {
    const EVENTS: u32 = 100_000;
    let mut server = Server::new(Settings::server(), START);
    let mut desk = Desk::new(Settings::client(), START);
    let words = "Thank you for waiting. Somebody will be with you in a moment.";
    server.send(Frame::new(9, talk(1..=EVENTS, words)), START).unwrap();
    assert_eq!(server.poll_change(), Some(Change::Congested));

    let (mut next, mut frames, mut more, mut bytes, mut newer) = (1, 0, true, 0, EVENTS);
    for piece in [1, 7, 1009, 65_537, 12, 4099].into_iter().cycle() {
        let waiting = server.output();
        if waiting.is_empty() {
            break;
        }
        assert!(waiting.len() <= LOW_WATER + PART_SIZE + 1000, "{} bytes wait", waiting.len());
        let piece = waiting[..piece.min(waiting.len())].to_vec();
        server.sent(piece.len());
        for info in infos(feed(&mut desk, &piece, START)) {
            assert_eq!(info.reference, if frames == 0 { 9 } else { 0 });
            frames += 1;
            for event in info.body.chat_transcript.events.iter() {
                assert_eq!(*event, self::event(next, words));
                next += 1;
            }
            assert_eq!(more, next <= EVENTS + 1);
            more = info.body.more_events;
            // The session goes on meanwhile.
            if newer < EVENTS + 3 {
                newer += 1;
                server.send(Frame::unsolicited(talk(newer..=newer, words)), START).unwrap();
            }
        }
        bytes += piece.len();
    }
    assert_eq!(next, EVENTS + 4, "all events, and the newer ones behind them");
    assert_eq!(frames, bytes.div_ceil(PART_SIZE) + 3);
    assert!(!more);
    assert_eq!(server.poll_change(), Some(Change::Drained));
}

/// B2.5: `output-max-size` may wait; one frame more, and the connection is lost, at once and for good.
#[test]
fn a_peer_that_does_not_read_is_lost() {
    let mut link = Server::new(Settings::server(), START);
    for _ in 0..4 {
        link.send(Frame::unsolicited(sized(1 << 20)), START).unwrap();
    }
    assert_eq!(link.output().len(), 4_194_304);
    assert_eq!(link.poll_change(), Some(Change::Congested));
    link.sent(99);
    assert_eq!(
        link.send(Frame::unsolicited(sized(100)), START),
        Err(SendError::Overflow),
        "99 bytes are not room enough for 100"
    );
    assert_eq!(link.poll_change(), Some(Change::Lost(Loss::Overflow)));
    assert!(link.is_finished());
    assert!(link.output().is_empty());
    assert_eq!(link.send(unregistered(), START), Err(SendError::Closed));
    assert_eq!(feed(&mut link, &register(None), START), []);
    assert_eq!((link.poll_change(), link.poll_timeout()), (None, None));
}

/// B2.5: a peer that asks and does not read gets no memory of the server's for it.
#[test]
fn a_flood_of_polls_ends_in_overflow() {
    let settings = Settings { output_max_size: 1 << 20, ..Settings::server() };
    let setup = Control::AddpSetup { remote_timeout: Duration::ZERO };
    for polled in [Control::AddpPoll, setup].map(|polled| control(Protocol::Basic, 0, polled)) {
        let mut link = Server::new(settings.clone(), START);
        let room = (1 << 20) / 12;
        for _ in 0..room {
            feed(&mut link, &polled, START);
        }
        assert_eq!(link.poll_change(), None);
        assert_eq!(link.output().len(), room * 12);
        // In the middle of a piece, too; what is behind it is not looked at.
        let (request, _) = request(Protocol::Basic, 5);
        assert_eq!(feed(&mut link, &[&polled[..], &request].concat(), START), []);
        assert_eq!(link.poll_change(), Some(Change::Lost(Loss::Overflow)));
        assert!(link.is_finished());
        assert!(link.output().is_empty());
    }
}

/// The machine is told when to wait, and when to go on.
#[test]
fn a_slow_reader_is_noticed() {
    let mut link = Server::new(Settings::server(), START);
    let half = 4_194_304 / 2;
    link.send(Frame::unsolicited(sized(half)), START).unwrap();
    assert_eq!(link.poll_change(), None);
    link.send(Frame::unsolicited(sized(100)), START).unwrap();
    assert_eq!(link.poll_change(), Some(Change::Congested));
    link.send(Frame::unsolicited(sized(100)), START).unwrap();
    assert_eq!(link.poll_change(), None, "once is enough");
    link.sent(half + 200 - LOW_WATER - 1);
    assert_eq!(link.poll_change(), None);
    link.sent(1);
    assert_eq!(link.poll_change(), Some(Change::Drained));
    link.sent(LOW_WATER);
    assert_eq!(link.poll_change(), None);

    // The newest is the one that counts.
    link.send(Frame::unsolicited(sized(half + 100)), START).unwrap();
    take(&mut link);
    assert_eq!((link.poll_change(), link.poll_change()), (Some(Change::Drained), None));
    link.send(Frame::unsolicited(sized(half + 100)), START).unwrap();
    take(&mut link);
    link.send(Frame::unsolicited(sized(half + 100)), START).unwrap();
    assert_eq!((link.poll_change(), link.poll_change()), (Some(Change::Congested), None));

    // But nothing covers a loss.
    link.send(Frame::unsolicited(news([event(1, "a\0b")].into())), START).unwrap_err();
    link.sent(0);
    assert_eq!(link.poll_change(), Some(Change::Lost(Loss::Unencodable(EncodeError::Nul))));
}

/// One thing that happens on a connection between a server and a desk.
#[derive(Clone, Debug)]
enum Step {
    /// The server tells this many events in one frame, or in parts.
    Tell(u16),
    /// The desk asks something.
    Ask,
    /// One of the two polls the other.
    Poll(bool),
    /// One of the two writes up to this many bytes.
    Write(bool, usize),
    /// One of the two reads up to this many bytes.
    Read(bool, usize),
}

impl Arbitrary for Step {
    fn arbitrary(g: &mut Gen) -> Self {
        let size = |g: &mut Gen| {
            let shift = u32::arbitrary(g) % 18;
            usize::arbitrary(g) % (1 << shift) + 1
        };
        match u8::arbitrary(g) % 12 {
            0 => Self::Tell(u16::arbitrary(g) % 3000),
            1 | 2 => Self::Tell(1),
            3 => Self::Ask,
            4 => Self::Poll(bool::arbitrary(g)),
            5..8 => Self::Write(bool::arbitrary(g), size(g)),
            _ => Self::Read(bool::arbitrary(g), size(g)),
        }
    }
}

/// Two ends and the bytes between them.
struct Pair {
    server: Server,
    desk: Desk,
    to_server: Vec<u8>,
    to_desk: Vec<u8>,
    /// The events told, by their numbers, and by which answer.
    told: Vec<(u32, u32)>,
    asked: u32,
    heard: Vec<(u32, u32)>,
    answered: u32,
    /// What the server was told about its reader.
    congested: bool,
}

impl Pair {
    fn new(send_limit: u32) -> Self {
        Self {
            server: Server::new(Settings { send_limit, ..Settings::server() }, START),
            desk: Desk::new(Settings::client(), START),
            to_server: Vec::new(),
            to_desk: Vec::new(),
            told: Vec::new(),
            asked: 0,
            heard: Vec::new(),
            answered: 0,
            congested: false,
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Tell(0) => {}
            Step::Tell(count) => {
                let (reference, number) = self.told.last().copied().unwrap_or((0, 0));
                let reference = reference + 1;
                let numbers = number + 1..=number + u32::from(count);
                let frame = Frame::new(reference, talk(numbers.clone(), "some words or others"));
                self.server.send(frame, START).unwrap();
                self.told.extend(numbers.map(|number| (reference, number)));
            }
            Step::Ask => {
                self.asked += 1;
                let frame = Frame::new(self.asked, basic::Request::RequestUnregister);
                self.desk.send(frame, START).unwrap();
            }
            Step::Poll(true) => self.server.control(0, Control::AddpPoll),
            Step::Poll(false) => self.desk.control(0, Control::AddpPoll),
            Step::Write(true, most) => write(&mut self.server, most, &mut self.to_desk),
            Step::Write(false, most) => write(&mut self.desk, most, &mut self.to_server),
            Step::Read(true, most) => {
                for received in read(&mut self.server, most, &mut self.to_server) {
                    let Received::Frame(frame) = received else { panic!("{received:?}") };
                    self.answered += 1;
                    assert_eq!(frame, Frame::new(self.answered, basic::Request::RequestUnregister));
                }
            }
            Step::Read(false, most) => {
                for info in infos(read(&mut self.desk, most, &mut self.to_desk)) {
                    // What answers nothing goes on with the last answer.
                    let (last, _) = self.heard.last().copied().unwrap_or((0, 0));
                    let reference = if info.reference == 0 { last } else { info.reference };
                    let numbers = numbers(&[info]).into_iter();
                    self.heard.extend(numbers.map(|number| (reference, number)));
                }
            }
        }
        match self.server.poll_change() {
            None => {}
            Some(Change::Congested) => self.congested = true,
            Some(Change::Drained) => self.congested = false,
            Some(Change::Lost(loss)) => panic!("{loss:?}"),
        }
        assert_eq!(self.desk.poll_change(), None);
    }
}

fn write<C: Codec>(link: &mut Link<C>, most: usize, out: &mut Vec<u8>) {
    let output = link.output();
    let count = most.min(output.len());
    out.extend_from_slice(&output[..count]);
    link.sent(count);
}

fn read<C: Codec>(link: &mut Link<C>, most: usize, from: &mut Vec<u8>) -> Vec<Received<C::In>> {
    let bytes: Vec<u8> = from.drain(..most.min(from.len())).collect();
    feed(link, &bytes, START)
}

/// Whatever is sent, written and read, in whatever order and pieces: everything arrives once, in
/// order, and answers are told from what follows them.
#[test]
fn everything_arrives_once_and_in_order() {
    #[expect(clippy::needless_pass_by_value, reason = "quickcheck hands out values")]
    fn property(steps: Vec<Step>) {
        for send_limit in [4096, MAX_FRAME] {
            let mut pair = Pair::new(send_limit);
            for step in &steps {
                pair.step(step);
            }
            let all = usize::MAX;
            for _ in 0..1000 {
                for end in [true, false] {
                    pair.step(&Step::Write(end, all));
                    pair.step(&Step::Read(end, all));
                }
            }
            assert!(pair.told == pair.heard, "told and heard differ");
            assert_eq!(pair.asked, pair.answered);
            assert!(!pair.congested);
            assert!(pair.server.output().is_empty() && pair.desk.output().is_empty());
        }
    }
    QuickCheck::new().rng(Gen::new(60)).tests(100).quickcheck(property as fn(Vec<Step>));
}
