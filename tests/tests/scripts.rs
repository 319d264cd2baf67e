//! Random scripts for the server machine: whatever people do, in whatever order, over a store that
//! fails and stalls, what must never happen does not.
//!
//! Every desk holds against its own eyes that EventIds only rise (B5.3) and that every request has
//! one answer; this file adds who may see what (B3.3), that everything said is there in the end
//! (B20.1), that every session ends, and that the same seed gives the same world.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use confer_core::frame::{AfterAction, EventBody, NoticeType, UserType, Visibility};
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, create, register};
use confer_tests::world::{Chance, StoreFaults};
use confer_tests::{cases, seeds};

const SECOND: Duration = Duration::from_secs(1);

/// Who they are, and the visibility they join with.
const PEOPLE: [(&str, UserType, Visibility); 5] = [
    ("Casey", UserType::Client, Visibility::All),
    ("Ana", UserType::Agent, Visibility::All),
    ("Ben", UserType::Agent, Visibility::Int),
    ("Sue", UserType::Supervisor, Visibility::All),
    ("Sam", UserType::Supervisor, Visibility::Vip),
];

/// Marks a text for those it is for, so that whoever sees it can be held against it.
fn marked(visibility: Visibility, receiver: Option<usize>, number: u64) -> String {
    match receiver {
        Some(receiver) => format!("{} DIRECT {receiver} {number}", visibility.name()),
        None => format!("{} OPEN {number}", visibility.name()),
    }
}

/// Whether somebody may read a marked text that another one wrote.
fn may_read(reader: usize, text: &str) -> bool {
    let mut words = text.split(' ');
    let (visibility, kind) = (words.next(), words.next());
    if kind == Some("DIRECT") {
        return words.next() == Some(reader.to_string().as_str());
    }
    match visibility {
        Some("ALL") => true,
        Some("INT") => PEOPLE[reader].1 != UserType::Client,
        Some("VIP") => PEOPLE[reader].1 == UserType::Supervisor,
        _ => panic!("{text:?} is not marked"),
    }
}

/// What the seed says, done by five people in one session; they leave in the end.
fn run(seed: u64) -> (Center, Vec<Desk>) {
    let center = Center::seeded(seed, &[]);
    let mut chance = Chance::new(seed);
    let desks: Vec<Desk> =
        PEOPLE.iter().map(|who| center.someone(register(who.0, who.1))).collect();
    desks[0].asks(create());
    center.world_mut().store.faults = StoreFaults::rough();
    let session = desks[0].session();
    for number in 0..60 {
        let who = chance.index(desks.len());
        let desk = &desks[who];
        let mut join = desks[0].join(&desks[0]);
        join.visibility = Some(PEOPLE[who].2);
        let visibility =
            [Visibility::All, Visibility::Int, Visibility::Vip][chance.index(3)].max(PEOPLE[who].2);
        let other = chance.index(desks.len());
        let mut message = desks[0].message("");
        message.session_id = session.clone();
        match chance.below(12) {
            0 | 1 => drop(desk.sends(join)),
            2 => {
                let mut release = desks[0].release(AfterAction::KeepAlive);
                release.session_id = session.clone();
                if who != 0 {
                    desk.sends(release);
                }
            }
            3 => {
                let mut notice = desks[0].notice(NoticeType::UserTypingStarted, "ALL OPEN typing");
                notice.session_id = session.clone();
                desk.sends(notice);
            }
            4 => {
                // To somebody who is perhaps not there, or not to be seen.
                let names = desks[0].events();
                let known = names.iter().find(|event| {
                    event.party.as_ref().is_some_and(|party| {
                        party.user_nickname.reveal().as_str() == PEOPLE[other].0
                    })
                });
                if let Some(known) = known {
                    message.receiver_id = Some(known.user_id.clone());
                    message.message_text = (*marked(visibility, Some(other), number)).into();
                    message.visibility = Some(visibility);
                    desk.sends(message);
                }
            }
            5 => center.passes(SECOND * 3),
            _ => {
                message.message_text = (*marked(visibility, None, number)).into();
                message.visibility = Some(visibility);
                desk.sends(message);
            }
        }
        if chance.per_mille(300) {
            center.passes(SECOND);
        }
    }
    center.world_mut().store.faults = StoreFaults::none();
    center.passes(SECOND * 1000);
    let mut release = desks[0].release(AfterAction::KeepAlive);
    release.session_id = session;
    for desk in &desks {
        desk.sends(release.clone());
    }
    center.passes(SECOND * 1000);
    (center, desks)
}

#[test]
fn whatever_people_do_nothing_goes_wrong() {
    seeds::each("scripts", cases(300, 100_000), |seed| {
        let (center, desks) = run(seed);
        assert_eq!(center.sessions(), 0, "every session ends");
        // B3.3, live and in the history that a join shows.
        let mut told = Vec::new();
        for (reader, desk) in desks.iter().enumerate() {
            let own = PEOPLE[reader].0;
            for event in desk.everything() {
                let (EventBody::Message(_) | EventBody::Notice(_)) = &event.body else { continue };
                let EventBody::Message(message) = &event.body else { continue };
                let text = message.message_text.reveal().to_owned();
                let mine = desk.name_of(&event.user_id).as_deref() == Some(own);
                assert!(mine || may_read(reader, &text), "{own} reads {text:?}");
                told.push((event.event_id, text));
            }
        }
        // B20.1: what anybody was told is stored, under its id.
        let world = center.world();
        let stored: Vec<_> = world
            .store
            .records
            .values()
            .flat_map(|record| record.events.values())
            .filter_map(|event| match &event.body {
                EventBody::Message(message) => {
                    Some((event.event_id, message.message_text.reveal().to_owned()))
                }
                _ => None,
            })
            .collect();
        for told in &told {
            assert!(stored.contains(told), "{told:?} is lost");
        }
    });
}

#[test]
fn the_same_seed_gives_the_same_chat() {
    for seed in 0..4 {
        let digest = |seed| run(seed).0.world().log.digest();
        assert_eq!(digest(seed), digest(seed), "seed {seed}");
    }
}
