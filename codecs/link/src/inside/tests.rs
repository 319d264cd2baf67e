#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use alloc::vec::Vec;

use confer_core::door::{Action, Input, LinkChange, Trust};
use confer_core::frame::flex::{Event, EventStatus, Request, RequestNode};
use confer_core::frame::{
    ChatTranscript, Event as AnyEvent, Frame, Protocol, RequestResult, TranscriptEvent,
};
use confer_core::id::{EventId, LinkId, PortId, SessionId};
use confer_core::machine::{Machine, Progress};
use confer_core::text::Str;
use confer_core::time::{Instant, Stamp};

use crate::testing::{START, event};
use crate::{Host, Outward, Settings, TooMany};

use super::cut;

fn told(events: Vec<TranscriptEvent>) -> Event {
    let last_position = events.last().map(|event| event.event_id);
    let transcript = ChatTranscript {
        start_at: Stamp::from_unix_seconds(1_800_000_000),
        session_id: SessionId::new("000AB3CD5EF6GH7J"),
        events: events.into(),
        idle_time_expire: None,
        monitored: None,
    };
    Event::EventStatus(EventStatus {
        chat_transcript: Some(transcript),
        last_position,
        ..EventStatus::new(RequestResult::Success)
    })
}

fn events(frame: &Frame<Event>) -> (usize, bool, Option<EventId>) {
    let Event::EventStatus(status) = &frame.body else { panic!("{frame:?}") };
    let count = status.chat_transcript.as_ref().map_or(0, |there| there.events.len());
    (count, status.more_events, status.last_position)
}

#[test]
fn an_answer_has_as_many_events_as_one_on_the_wire() {
    // wire §4.2
    let words = "words ".repeat(10_000);
    for (count, kept) in [(1, 1), (2, 2), (8, 8), (9, 8), (20, 8)] {
        let list = (1..=count).map(|number| event(number, &words)).collect();
        let frame = cut(Frame::new(7, told(list))).unwrap();
        assert_eq!(frame.reference, 7);
        let (there, more, last) = events(&frame);
        assert_eq!((there, more), (kept, kept < count as usize), "{count} events");
        assert_eq!(last, EventId::new(u32::try_from(kept).unwrap()));
    }
}

/// A machine that answers everything with everything it was told, and counts.
#[derive(Default)]
struct Echo {
    opened: Vec<(PortId, Trust)>,
    closed: usize,
    actions: Vec<Action>,
}

impl Machine for Echo {
    type Input = Input;
    type Action = Action;

    fn handle(&mut self, input: Input, _: Instant) {
        match input {
            Input::Link { change: LinkChange::Opened { port, trust }, .. } => {
                self.opened.push((port, trust));
            }
            Input::Link { change: LinkChange::Closed, .. } => self.closed += 1,
            Input::Frame { link, frame } => {
                let frame = Frame::new(frame.reference, AnyEvent::Flex(told(Vec::new())));
                self.actions.push(Action::Send { link, frame });
            }
            other => panic!("nobody said that: {other:?}"),
        }
    }

    fn handle_timeout(&mut self, _: Instant, _: usize) -> Progress {
        Progress::Idle
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

#[test]
fn a_node_inside_passes_frames_and_is_no_connection() {
    let mut host = Host::new(Echo::default(), 1, START);
    let node = host.attach(START).unwrap();
    assert_eq!(host.machine().opened, [(PortId::Web, Trust::Gateway)]);
    assert_eq!((host.len(), host.is_empty(), host.tally().opened), (0, true, 0));
    let request = Request::RequestNode(RequestNode {
        node_group: Str::new("web"),
        node_name: Str::new("web-1"),
    });
    host.pass(node, Frame::new(9, request.clone()), START);
    match host.poll_outward() {
        Some(Outward::Told { link, frame }) => assert_eq!((link, frame.reference), (node, 9)),
        other => panic!("{other:?}"),
    }
    // It has no bytes, whoever asks.
    host.receive(node, b"bytes", START);
    host.sent(node, 0, START);
    assert!(host.output(node).is_empty() && !host.is_finished(node));
    assert_eq!(host.poll_link(), None);
    // A connection passes no frames.
    let wire = host.accept(Protocol::Flex, Settings::server(), Trust::Open, START).unwrap();
    assert_eq!((host.len(), host.tally().opened), (1, 1));
    host.pass(wire, Frame::new(1, request.clone()), START);
    host.pass(LinkId(99), Frame::new(1, request), START);
    assert_eq!(host.poll_outward(), None);
    assert_eq!(host.attach(START), Err(TooMany));
    let one_more = host.accept(Protocol::Flex, Settings::server(), Trust::Open, START);
    assert_eq!((one_more, host.tally().refused), (Err(TooMany), 1), "B2.3");
    host.closed(node, START);
    assert_eq!((host.machine().closed, host.tally().closed, host.len()), (1, 0, 1));
    assert!(host.attach(START).is_ok(), "there is room again");
}
