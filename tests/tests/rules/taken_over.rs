//! What happens to a session from outside: its interaction is stopped (B19.4), has an id of its own
//! (B14.9), or another instance takes the session over (B14.4, B20.5, B20.12).

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use confer_core::ask::{Interaction, Record, Request as Ask};
use confer_core::door::{Action, External, Input};
use confer_core::frame::basic::Event;
use confer_core::frame::{ErrorId, Event as AnyEvent, Frame};
use confer_core::id::{InteractionId, SessionId};
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, create};
use confer_tests::people::visitor::{Customer, error, is_closed};
use confer_tests::people::workflow::{Workflow, about, number};
use confer_tests::world::Entry;

const SECOND: Duration = Duration::from_secs(1);

fn stop(center: &Center, interaction: &str) {
    let interaction = InteractionId::new(interaction);
    center.tell(Input::External(External::InteractionStopped { interaction }));
}

fn purge(center: &Center, session: &SessionId, generation: u64) {
    center.tell(Input::External(External::Purge { session: session.clone(), generation }));
}

/// A workflow, and a session with an agent, a customer on basic, and one on flex.
fn four(center: &Center) -> (Workflow, Desk, Desk, Customer) {
    let workflow = Workflow::new(center);
    let (casey, ana, kim) = (center.customer("Casey"), center.agent("Ana"), Customer::new(center));
    casey.creates();
    ana.joins(&casey);
    kim.logs_in("Kim");
    kim.joins(&casey.session());
    casey.looks_away();
    ana.looks_away();
    (workflow, casey, ana, kim)
}

/// The errors that answer nothing, with the sessions they are about.
fn unsolicited(center: &Center) -> Vec<(i32, Option<SessionId>)> {
    let world = center.world();
    let of = |entry: &Entry| match entry {
        Entry::Action(
            _,
            Action::Send {
                frame: Frame { reference: 0, body: AnyEvent::Basic(Event::EventError(error)) },
                ..
            },
        ) => Some((error.error_id, error.session_id.clone())),
        _ => None,
    };
    world.log.entries().filter_map(|(_, entry)| of(entry)).collect()
}

/// What was asked about interactions and final transcripts since `asked` requests.
fn closing_actions(center: &Center, asked: usize) -> usize {
    let acts = |ask: &Ask| matches!(ask, Ask::Interaction(_) | Ask::Record(Record::Final { .. }));
    center.asked().iter().skip(asked).filter(|ask| acts(ask)).count()
}

#[test]
fn b19_4_a_stopped_interaction_closes_its_session() {
    let center = Center::open();
    let (_, casey, ana, kim) = four(&center);
    stop(&center, "somebody-elses");
    ana.sees_nothing();
    stop(&center, casey.session().as_str());
    ana.sees(["Casey goes, 5", "Ana goes, 5", "Kim goes, 5", "closed"]);
    assert!(is_closed(&kim.polls()));
    // It is closed already.
    stop(&center, casey.session().as_str());
    ana.sees_nothing();
    center.passes(SECOND * 61);
    assert_eq!(center.sessions(), 0);
    stop(&center, casey.session().as_str());
}

#[test]
fn b19_4_one_that_is_stopped_before_its_session_is_made() {
    let center = Center::open();
    let casey = center.customer("Casey");
    casey.sends(create());
    center.until_asked(|ask| matches!(ask, Ask::Interaction(Interaction::Submit { .. })));
    let id = center.asked().into_iter().find_map(|ask| match ask {
        Ask::Interaction(Interaction::Submit { interaction, .. }) => Some(interaction),
        _ => None,
    });
    stop(&center, id.expect("submitted").as_str());
    center.settle();
    casey.sees(["Casey comes", "Casey goes, 5", "closed"]);
}

#[test]
fn b14_9_an_interaction_may_have_an_id_of_its_own() {
    let center = Center::open();
    center.world_mut().store.interaction_prefix = Some("IXN-");
    let (workflow, casey, ana, _kim) = four(&center);
    let session = casey.session();
    let interaction = SessionId::new(&format!("IXN-{session}"));
    for id in [&session, &interaction] {
        workflow.calls(id, "Message", &[("MessageText", id.as_str())]).expect("granted");
    }
    let (by_id, by_interaction) = (format!("System: {session}"), format!("System: {interaction}"));
    casey.sees(["System comes", &by_id, &by_interaction]);
    ana.looks_away();
    // What the interaction server is told, it is told under that id.
    stop(&center, session.as_str());
    ana.sees_nothing();
    stop(&center, interaction.as_str());
    ana.sees(["Casey goes, 5", "Ana goes, 5", "Kim goes, 5", "closed"]);
    let changed = center.asked().into_iter().find_map(|ask| match ask {
        Ask::Interaction(Interaction::Change { interaction, .. }) => Some(interaction),
        _ => None,
    });
    assert_eq!(changed.as_ref().map(InteractionId::as_str), Some(interaction.as_str()));
    center.passes(SECOND * 61);
    for id in [&session, &interaction] {
        let outcome = workflow.calls(id, "GetSessionInfo", &[]);
        assert_eq!(outcome, Err(ErrorId::NoSuchSession));
    }
}

#[test]
fn b14_4_a_purged_session_is_gone_and_nothing_is_closed() {
    // B20.12: basic participants are told to try again. B9.1: a flex user is nobody any more.
    let center = Center::with(&[("inactivity-control", "enabled", "true")]);
    let (workflow, casey, ana, kim) = four(&center);
    let session = casey.session();
    let asked = center.asked().len();
    let outputs = workflow.calls(&session, "CloseSession", &[("Purge", "true")]).expect("purged");
    assert_eq!(number(&outputs, "IsClosed"), 1);
    assert!(outputs.text("OccuredAt").is_some());
    assert_eq!(center.sessions(), 0);
    let again = (ErrorId::Restoring.number(), Some(session.clone()));
    assert_eq!(unsolicited(&center), [again.clone(), again]);
    casey.sees_nothing();
    ana.sees_nothing();
    ana.is_refused(ErrorId::NoSuchSession, ana.message("hello?"));
    assert_eq!(error(&kim.polls()), Some(ErrorId::NotInSession));
    let outcome = workflow.calls(&session, "CloseSession", &[("Purge", "true")]);
    assert_eq!(outcome, Err(ErrorId::NoSuchSession));
    // No timer of it goes off, nothing is asked, and those who were there can start anew.
    center.passes(SECOND * 1000);
    assert_eq!(closing_actions(&center, asked), 0);
    casey.creates();
    ana.joins(&casey);
    kim.starts_a_chat("Kim");
    assert_eq!(center.sessions(), 2);
}

#[test]
fn b20_5_whoever_owns_it_by_now_is_not_purged() {
    let center = Center::open();
    let (workflow, casey, ana, _kim) = four(&center);
    let session = casey.session();
    for generation in ["0", "1"] {
        let parameters = [("Purge", "true"), ("OwnershipGeneration", generation)];
        let outputs = workflow.calls(&session, "CloseSession", &parameters).expect("ignored");
        assert_eq!(number(&outputs, "IsClosed"), 0);
    }
    let wrong = [("Purge", "true"), ("OwnershipGeneration", "new")];
    assert_eq!(workflow.calls(&session, "CloseSession", &wrong), Err(ErrorId::Malformed));
    purge(&center, &session, 1);
    purge(&center, &SessionId::new("0000000000000000"), 9);
    casey.says("still here");
    ana.sees(["Casey: still here"]);

    let parameters = [("Purge", "true"), ("OwnershipGeneration", "2")];
    let outputs = workflow.calls(&session, "CloseSession", &parameters).expect("purged");
    assert_eq!((number(&outputs, "IsClosed"), center.sessions()), (1, 0));

    let (_, casey, ana, kim) = four(&center);
    purge(&center, &casey.session(), 2);
    assert_eq!(center.sessions(), 0);
    assert_eq!(ana.unsolicited_errors(), [ErrorId::Restoring.number()]);
    assert_eq!(error(&kim.polls()), Some(ErrorId::NotInSession));
}

#[test]
fn b14_4_a_closed_session_ends_as_it_would() {
    // Nobody else has taken it over: its end must be stored.
    let center = Center::open();
    let (workflow, casey, ..) = four(&center);
    let session = casey.session();
    center.store_stalls();
    workflow.sends(about(&session, "CloseSession", &[]));
    let purge = [("Purge", "true")];
    let outputs = workflow.calls(&session, "CloseSession", &purge).expect("it is closed");
    assert_eq!(number(&outputs, "IsClosed"), 1);
    center.store_resumes();
    let ended = center.asked().into_iter().any(|ask| {
        matches!(&ask, Ask::Interaction(Interaction::Change { properties, .. })
            if properties.text("IsOnline").as_deref() == Some("0"))
    });
    assert!(ended);
}

#[test]
fn b20_12_whoever_waits_for_an_answer_gets_one() {
    let center = Center::open();
    let (workflow, casey, ana, kim) = four(&center);
    let session = casey.session();
    let ben = center.agent("Ben");
    center.store_stalls();
    let said = casey.sends(casey.message("first"));
    center.passes(SECOND);
    let joins = ben.sends(ben.join(&casey));
    let leaves = ana.sends(confer_core::frame::basic::Request::RequestUnregister);
    let tells = kim.sends(kim.message("second"));
    let call = workflow.sends(about(&session, "Message", &[("MessageText", "third")]));
    center.passes(SECOND);
    assert!(casey.answer(said).is_none() && kim.answer(tells).is_none());
    let asked = center.asked().len();
    purge(&center, &session, 2);
    center.passes(SECOND);
    let restoring = ErrorId::Restoring;
    assert_eq!(casey.answer(said), Some(Err(restoring.number())));
    assert_eq!(ben.answer(joins), Some(Err(restoring.number())));
    assert!(matches!(ana.answer(leaves), Some(Ok(Event::EventUnregistered))));
    assert_eq!(kim.answer(tells).map(|status| error(&status)), Some(Some(restoring)));
    assert_eq!(workflow.answer(call), Some(Err(restoring)));
    assert_eq!(casey.unsolicited_errors(), [restoring.number()]);
    // Its saves are asked for no more.
    center.passes(SECOND * 100);
    assert_eq!(center.asked().len(), asked);
}
