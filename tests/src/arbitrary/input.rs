//! Arbitrary inputs of the server machine: whatever may come through its door.

use std::sync::Arc;
use std::time::Duration;

use confer_core::ask::{Beginning, Failure, Leaf, LeafKey, LeafKind, Loaded, Outcome};
use confer_core::config::Config;
use confer_core::door::{External, Input, LinkChange, Trust};
use confer_core::frame::{Attribute, EnvelopeEntry, Flaw, Frame, Malformed, Request};
use confer_core::id::{LinkId, OpId, PortId};
use confer_core::time::{Instant, Stamp, Wall};

use super::{
    Source, basic_request, below, bytes, count, esp_request, event, event_id, flag, flex_request,
    list, maybe, one_of, reference, secret, session_id, str, text,
};

/// Kinds of [`Input`].
pub const INPUTS: u8 = 10;

/// Whatever may happen to a server.
pub fn input(source: &mut impl Source) -> Input {
    let s = source;
    match below(s, INPUTS) {
        0 => Input::Link { link: link(s), change: change(s) },
        1 => {
            let reference = reference(s);
            let body = match below(s, 3) {
                0 => Request::Basic(basic_request(s)),
                1 => Request::Flex(flex_request(s)),
                _ => Request::Esp(esp_request(s)),
            };
            Input::Frame { link: link(s), frame: Frame::new(reference, body) }
        }
        2 => Input::Malformed { link: link(s), malformed: malformed(s) },
        3 => Input::Done { op: OpId(long(s)), outcome: outcome(s) },
        4 => Input::External(match below(s, 5) {
            0 => External::InteractionStopped { interaction: (*str(s)).into() },
            1 => External::Purge { session: session_id(s), generation: long(s) },
            2 => External::Orphaned { session: session_id(s) },
            3 => External::Peers { any: flag(s) },
            _ => External::ContactStoreUp,
        }),
        5 => Input::Wall(wall(s)),
        6 => Input::ReplyDelay(Duration::new(u64::from(count(s)), count(s) % 1_000_000_000)),
        7 => Input::Config(Arc::new(config(s))),
        8 => Input::Drain,
        _ => Input::CloseSessions,
    }
}

/// What the calendar says.
pub fn wall(s: &mut impl Source) -> Wall {
    Wall::new(Instant::from_millis(long(s)), i64::from_be_bytes(bytes(s)))
}

/// A configuration without secrets, its options set as an operator sets them.
pub fn config(s: &mut impl Source) -> Config {
    const OPTIONS: &[(&str, &str, &[&str])] = &[
        ("settings", "session-linger", &["1", "90", "86400"]),
        ("settings", "request-max-size", &["1024", "16777216"]),
        ("settings", "transcript-auto-save", &["0", "1"]),
        ("inactivity-control", "message-alert", &["", "Sind Sie noch da?"]),
        ("ports.web", "listen", &["off", "192.0.2.1:0"]),
        ("languages.German", "language", &["de"]),
        ("languages.German", "country", &["", "AT"]),
        ("languages.German", "message-close", &["", "Auf Wiedersehen."]),
        ("endpoints:1", "default", &["default", "other"]),
        ("endpoints:7", "sales", &["sales-queue"]),
        ("client-file-transfer", "file-types", &["", "jpeg:png"]),
    ];
    let mut config = Config::default();
    for (section, option, values) in OPTIONS {
        let value = one_of(s, values);
        if flag(s) {
            // Options that are not there, or values not legal, change nothing.
            let _ = config.set(section, option, value);
        }
    }
    config
}

fn link(s: &mut impl Source) -> LinkId {
    LinkId(long(s))
}

fn long(s: &mut impl Source) -> u64 {
    u64::from_be_bytes(bytes(s))
}

fn stamp(s: &mut impl Source) -> Stamp {
    Stamp::from_unix_seconds(i64::from_be_bytes(bytes(s)))
}

fn change(s: &mut impl Source) -> LinkChange {
    match below(s, 4) {
        0 => LinkChange::Congested,
        1 => LinkChange::Drained,
        2 => LinkChange::Closed,
        _ => LinkChange::Opened {
            port: one_of(s, &PortId::ALL),
            trust: one_of(s, &[Trust::Open, Trust::Authenticated, Trust::Gateway]),
        },
    }
}

fn malformed(s: &mut impl Source) -> Malformed {
    let attribute = one_of(s, Attribute::ALL);
    Malformed {
        reference: count(s),
        message: u16::from_be_bytes(bytes(s)),
        what: match below(s, 7) {
            0 => Flaw::UnknownMessage,
            1 => Flaw::WrongDirection,
            2 => Flaw::NoReference,
            3 => Flaw::Missing(attribute),
            4 => Flaw::OutOfRange(attribute),
            5 => Flaw::BadForm(attribute),
            _ => Flaw::Envelope(one_of(s, EnvelopeEntry::ALL)),
        },
        offset: count(s),
    }
}

fn outcome(s: &mut impl Source) -> Outcome {
    match below(s, 7) {
        0 => Outcome::Done,
        1 => Outcome::Submitted { interaction: (*str(s)).into() },
        2 => Outcome::Identified { contact: maybe(s, |s| (*str(s)).into()), attributes: list(s) },
        3 => Outcome::Loaded(Box::new(loaded(s))),
        4 => Outcome::Owned(Box::new(loaded(s))),
        5 => Outcome::Stat { size: long(s), session: session_id(s), permit: maybe(s, secret) },
        _ => Outcome::Failed(one_of(
            s,
            &[Failure::Unavailable, Failure::Refused, Failure::NotFound, Failure::Fenced],
        )),
    }
}

fn loaded(s: &mut impl Source) -> Loaded {
    let (events, leaves) = (below(s, 4), below(s, 4));
    Loaded {
        session: session_id(s),
        beginning: Beginning {
            contact: maybe(s, |s| (*str(s)).into()),
            start_at: stamp(s),
            subject: maybe(s, text),
            user_data: list(s),
            tenant: str(s),
            queue: str(s),
            interaction: (*str(s)).into(),
        },
        generation: long(s),
        owner: maybe(s, str),
        end_at: maybe(s, stamp),
        events: (0..events).map(|_| event(s)).collect(),
        reserved_to: event_id(s),
        leaves: (0..leaves)
            .map(|_| Leaf {
                key: LeafKey { kind: one_of(s, &LeafKind::ALL), index: count(s) },
                state: list(s),
            })
            .collect(),
    }
}
