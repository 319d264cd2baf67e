//! Whatever happens, every call has exactly one answer, and nothing is left of it.

use super::*;
use crate::client::chance::Chance;

const SERVERS: u8 = 3;

fn below(chance: &mut Chance, bound: u64) -> u64 {
    // Jitter is between half of a time and all of it.
    let half = Duration::from_millis(bound.saturating_sub(1));
    u64::try_from((chance.jitter(2 * half) - half).as_millis()).expect("below a u64")
}

fn index(chance: &mut Chance, len: usize) -> usize {
    usize::try_from(below(chance, len as u64)).expect("below a usize")
}

fn operation(chance: &mut Chance) -> Operation {
    let alias = ["1", "2", "3", "frogs"][index(chance, 4)];
    match below(chance, 6) {
        0 | 1 => start("Casey"),
        2 => in_chat(alias, 3, poll()),
        3 => in_chat(alias, 0, Verb::Download { file_id: "F1".into() }),
        4 => in_chat(
            alias,
            0,
            Verb::Upload(Box::new(Upload {
                name: Pii::new(Str::new("cat.png")),
                content_type: Str::default(),
                size_at_most: None,
                user_data: KvList::new(),
            })),
        ),
        _ => in_chat(alias, 1, send("hello")),
    }
}

/// What a server may answer, sense or nonsense.
fn status(chance: &mut Chance) -> EventStatus {
    let data = || KvList::from([("file-permit", "0123".into()), ("file-document-id", "D1".into())]);
    match below(chance, 8) {
        0 => logged_in(),
        1 => told(Vec::new(), 3),
        2 | 3 => told([message(3), command(0, "file-client-cfg-get", data())].into(), 3),
        4 => refusal(ErrorId::Restoring),
        5 => refusal(ErrorId::NotInSession),
        6 => {
            let all = ErrorId::ALL;
            refusal(all[index(chance, all.len())])
        }
        _ => EventStatus::new(RequestResult::Success),
    }
}

fn run(seed: u8) {
    let mut chance = Chance::new([seed; 32]);
    let mut bench = Bench::down(SERVERS, &[("web", "max-calls", "20")]);
    let mut made = 0;
    let mut cancelled = BTreeSet::new();
    let mut line = [false; SERVERS as usize];
    let mut answered = BTreeSet::new();
    for _ in 0..600 {
        let server = [A, B, ServerNo(2)][index(&mut chance, usize::from(SERVERS))];
        let on = &mut line[usize::from(server.0)];
        match below(&mut chance, 12) {
            0..=3 => {
                bench.calls(operation(&mut chance));
                made += 1;
            }
            4 if !*on => {
                *on = true;
                bench.opens(server);
            }
            4 | 5 => {
                *on = false;
                // What is under way is lost with the connection.
                bench.asked.retain(|(at, _)| *at != server);
                bench.closes(server);
            }
            6 if made > 0 => {
                let call = CallId(1 + below(&mut chance, made));
                cancelled.insert(call);
                bench.handle(Input::Cancelled { call });
            }
            7 => {
                let time = Duration::from_millis(below(&mut chance, 4000));
                bench.passes(time);
            }
            8 => match bench.others.pop() {
                Some(Action::Store { call, .. }) => {
                    bench.handle(Input::Stored {
                        call,
                        outcome: StoreOutcome::Stored { document: DocumentId::new("D1"), size: 9 },
                    });
                }
                Some(Action::Find { call, .. }) => {
                    bench.handle(Input::Found { call, outcome: FindOutcome::NotFound });
                }
                _ => {}
            },
            _ => {
                if let Some((server, frame)) = bench.asked.pop_front() {
                    let status = status(&mut chance);
                    bench.says(server, frame.reference, status);
                }
            }
        }
        for (call, _) in bench.answers.drain(..) {
            assert!(answered.insert(call), "seed {seed}: {call:?} is answered twice");
        }
    }
    bench.passes(700 * SECOND);
    for (call, _) in bench.answers.drain(..) {
        assert!(answered.insert(call), "seed {seed}: {call:?} is answered twice");
    }
    for call in (1..=made).map(CallId) {
        let known = answered.contains(&call) || cancelled.contains(&call);
        assert!(known, "seed {seed}: {call:?} is not answered");
    }
    assert_eq!(bench.gateway.calls(), 0, "seed {seed}");
    assert_eq!(bench.gateway.poll_timeout(), None, "seed {seed}: timers are left");
}

#[test]
fn every_call_has_one_answer() {
    for seed in 0..200 {
        run(seed);
    }
}
