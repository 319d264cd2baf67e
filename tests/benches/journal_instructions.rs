//! How many instructions recording adds to a message relayed between two who are on basic (60
//! characters, the transcript stored at the close): the first argument says how it is recorded,
//! `bare` (a machine without a recorder), `off`, `text` or `no-text`, the second how many messages.
//!
//! ```text
//! cargo bench -p confer-tests --bench journal_instructions --no-run
//! for n in 10000 20000; do
//!     valgrind --tool=callgrind --callgrind-out-file=/dev/null \
//!         target/release/deps/journal_instructions-* text $n
//! done
//! ```
//!
//! The difference of the two "Collected" figures, divided by 10,000, is what one message takes, its
//! making and its dropping included; the difference to `bare` is what recording adds.

use std::hint::black_box;
use std::sync::Arc;

use confer_core::ask::Outcome;
use confer_core::config::Config;
use confer_core::door::{Action, Input, LinkChange, Trust};
use confer_core::frame::basic::{Event, Request, RequestJoin, RequestMessage, RequestRegister};
use confer_core::frame::{Event as AnyEvent, Frame, UserType};
use confer_core::id::{LinkId, PortId, SessionId};
use confer_core::machine::Machine;
use confer_core::server::Server;
use confer_core::text::{Str, Text};
use confer_core::time::{Instant, Wall};
use confer_journal::{Recorder, Start};

const WORDS: &str = "I ordered it three weeks ago and it still has not arrived :(";
const PEOPLE: [LinkId; 2] = [LinkId(1), LinkId(2)];

/// Under `cargo bench`, which passes no number: once, to show that it still runs.
fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let how = arguments.next().unwrap_or_else(|| "text".to_owned());
    let times: u32 = arguments.next().and_then(|times| times.parse().ok()).unwrap_or(1);
    let mut config = Config::default();
    let set = config.set("settings", "transcript-auto-save", "0");
    assert_eq!(set, Ok(None), "a legal option");
    let (config, wall) = (Arc::new(config), Wall::new(Instant::ZERO, 1_705_312_800_000));
    let server = Server::new(Arc::clone(&config), [7; 32], wall, Instant::ZERO);
    let start = Start::new("a bench", config, [7; 32], wall);
    match &*how {
        "bare" => talk(server, times, |_| {}),
        "off" => talk(Recorder::off(server), times, taken),
        "text" => talk(Recorder::new(server, &start), times, taken),
        "no-text" => talk(Recorder::new(server, &start.without_text()), times, taken),
        other => panic!("{other}: neither bare nor off nor text nor no-text"),
    }
}

/// As a shell takes what was recorded, but for the file.
fn taken(recorder: &mut Recorder<Server>) {
    black_box(recorder.output());
    recorder.sent(usize::MAX);
}

/// Two meet and say so many things in turn.
fn talk<M>(mut machine: M, times: u32, turn: impl Fn(&mut M))
where
    M: Machine<Input = Input, Action = Action>,
{
    let mut session = None;
    for (link, user_type) in PEOPLE.into_iter().zip([UserType::Client, UserType::Agent]) {
        let opened = LinkChange::Opened { port: PortId::Default, trust: Trust::Open };
        handle(&mut machine, Input::Link { link, change: opened }, Instant::ZERO);
        let register = RequestRegister {
            user_nickname: Str::new("Ana").into(),
            user_type,
            person_id: None,
            time_zone_offset: None,
            client_version: None,
            user_data: None,
            max_frame: None,
        };
        handle(&mut machine, frame(link, Request::RequestRegister(register)), Instant::ZERO);
        let join = RequestJoin { session_id: session.clone(), ..RequestJoin::default() };
        session = handle(&mut machine, frame(link, Request::RequestJoin(join)), Instant::ZERO);
    }
    let session = session.expect("a session");
    for number in 0..times {
        let link = PEOPLE[usize::from(number % 2 == 0)];
        let message = RequestMessage {
            session_id: session.clone(),
            message_text: Text::new(WORDS),
            message_type: None,
            treat_as: None,
            visibility: None,
            receiver_id: None,
            user_data: None,
            event_attributes: None,
            request_key: None,
        };
        let input = frame(link, Request::RequestMessage(message));
        handle(&mut machine, input, Instant::from_millis(u64::from(number) / 100));
        turn(&mut machine);
    }
}

fn frame(link: LinkId, request: Request) -> Input {
    Input::Frame { link, frame: Frame::new(1, request.into()) }
}

/// Handles an input, and answers what is asked; the session somebody is told of.
fn handle<M>(machine: &mut M, input: Input, now: Instant) -> Option<SessionId>
where
    M: Machine<Input = Input, Action = Action>,
{
    machine.handle(input, now);
    let mut session = None;
    while let Some(action) = machine.poll_action() {
        match black_box(action) {
            Action::Ask { op, .. } => {
                machine.handle(Input::Done { op, outcome: Outcome::Done }, now);
            }
            Action::Send { frame, .. } => {
                if let AnyEvent::Basic(Event::EventSessionInfo(info)) = frame.body {
                    session = Some(info.session_id);
                }
            }
            Action::Close { .. } | Action::Report(_) => {}
        }
    }
    session
}
