//! How customers on the flex protocol go: by themselves, by force, in silence, with a wrong key, and
//! what they may read afterwards.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use confer_core::ask::{Interaction, Record, Request as Ask};
use confer_core::door::{Action, Input, LinkChange, Report, Trust};
use confer_core::frame::flex::{self, EventStatus, Request};
use confer_core::frame::{AfterAction, ErrorId, Event, EventBody, Frame, NoticeType};
use confer_core::id::{EventId, LinkId, PortId, SessionId};
use confer_core::machine::Machine as _;
use confer_core::pii::Secret;
use confer_core::server::Server;
use confer_core::time::{Instant, Wall};
use confer_tests::people::Center;
use confer_tests::people::desk::Desk;
use confer_tests::people::node::request_node;
use confer_tests::people::visitor::{Customer, error, is_closed, lines, login};

const SECOND: Duration = Duration::from_secs(1);
/// `session-linger`, and a little for the clock's ticks.
const LINGER: Duration = Duration::from_secs(61);

/// The same request with a key that is not theirs.
fn forged(request: Request) -> Request {
    let forged = Secret::new("00000000000000000000000000000000");
    match request {
        Request::RequestJoin(mut join) => {
            join.secure_key = forged;
            Request::RequestJoin(join)
        }
        Request::RequestRefresh(mut refresh) => {
            refresh.secure_key = forged;
            Request::RequestRefresh(refresh)
        }
        other => panic!("{other:?} is not forged here"),
    }
}

/// An agent enters a session.
fn join(desk: &Desk, session: &SessionId) {
    desk.asks(confer_core::frame::basic::RequestJoin {
        session_id: Some(session.clone()),
        ..Default::default()
    });
}

/// Casey's session, and Ana in it.
fn with_ana(center: &Center) -> (Customer, Desk, SessionId) {
    let (casey, ana) = (Customer::new(center), center.agent("Ana"));
    let session = casey.starts_a_chat("Casey");
    join(&ana, &session);
    casey.polls();
    ana.looks_away();
    (casey, ana, session)
}

/// The reason in the leaver's own event (B8.7).
fn quit_reason(status: &EventStatus) -> Option<String> {
    let transcript = status.chat_transcript.as_ref()?;
    let attributes = transcript.events.last()?.event_attributes.as_ref()?;
    Some(attributes.list("GCTI_SYSTEM")?.text("quit-reason-code")?.into_owned())
}

#[test]
fn a_customer_logs_out_and_the_chat_goes_on() {
    // B8.2, B8.7, B8.8
    let center = Center::open();
    let (casey, ana, _) = with_ana(&center);
    let left = casey.logs_out();
    assert_eq!((lines(&left), is_closed(&left)), (vec!["Casey goes".to_owned()], false));
    assert_eq!(quit_reason(&left).as_deref(), Some("0"));
    let transcript = left.chat_transcript.expect("a transcript");
    let EventBody::PartyLeft(own) = &transcript.events[0].body else { panic!("{transcript:?}") };
    assert_eq!(own.reason_code, None);
    assert_eq!(own.reason_text.as_ref().map(confer_core::text::Text::reveal), Some("left"));
    assert_eq!(own.asker_id, transcript.events[0].user_id);
    ana.sees(["Casey goes"]);
    // The others' version has no attributes of the leaver's.
    assert_eq!(ana.newest().event_attributes, None);
    ana.says("gone already?");
    // Whoever left is nobody.
    casey.is_refused(ErrorId::NotInSession, casey.message("yes"));
    casey.is_refused(ErrorId::NotInSession, casey.refresh(None, None));
}

#[test]
fn the_last_one_out_closes_the_session() {
    // B8.4, B8.6
    let center = Center::open();
    let (casey, ana, session) = with_ana(&center);
    ana.leaves(AfterAction::KeepAlive);
    ana.sees(["Ana goes"]);
    assert_eq!(lines(&casey.polls()), ["Ana goes"]);
    let end = casey.logs_out();
    assert_eq!((lines(&end), is_closed(&end)), (vec!["Casey goes".to_owned()], true));
    // The transcript is final before the interaction is offline.
    let asked = center.asked();
    let last_two: Vec<bool> = asked[asked.len() - 2..]
        .iter()
        .map(|ask| match ask {
            Ask::Record(Record::Final { events, session: closed, .. }) => {
                assert_eq!((events.len(), closed), (4, &session));
                true
            }
            Ask::Interaction(Interaction::Change { properties, .. }) => {
                assert_eq!(properties.text("IsOnline").as_deref(), Some("0"));
                false
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(last_two, [true, false]);
    assert_eq!(center.sessions(), 1);
    center.passes(LINGER);
    assert_eq!(center.sessions(), 0);
}

#[test]
fn the_end_can_be_read_for_a_while() {
    // B8.5, B8.6
    let center = Center::open();
    let (casey, ana, session) = with_ana(&center);
    ana.says("bye");
    ana.leaves(AfterAction::ForceClose);
    casey.is_refused(ErrorId::SessionClosed, casey.message("wait"));
    casey.is_refused(ErrorId::SessionClosed, casey.notice(NoticeType::UserTypingStarted, "w"));
    casey.is_refused(ErrorId::SessionClosed, casey.join(Some(session.clone())));
    casey.is_refused(ErrorId::SessionClosed, casey.join(None));
    let eve = Customer::new(&center);
    eve.logs_in("Eve");
    assert_eq!(error(&eve.joins(&session)), Some(ErrorId::SessionClosed));

    center.passes(SECOND * 50);
    let end = casey.polls();
    assert_eq!(lines(&end), ["Ana: bye", "Ana goes, 2", "Casey goes, 4"]);
    assert!(is_closed(&end) && error(&end).is_none());
    assert_eq!(quit_reason(&end).as_deref(), Some("4"));
    let events = &end.chat_transcript.as_ref().unwrap().events;
    assert_eq!(events[1].time_shift, events[2].time_shift);
    let EventBody::PartyLeft(own) = &events[2].body else { panic!("{:?}", events[2]) };
    assert_eq!(own.asker_id, events[1].user_id);
    // As often as they like, and then once for all.
    assert!(is_closed(&casey.polls()));
    let left = casey.asks(casey.logout(Some(EventId::NONE)));
    assert!(is_closed(&left) && error(&left).is_none());
    assert_eq!(lines(&left).len(), 5);
    casey.is_refused(ErrorId::NotInSession, casey.refresh(None, None));
}

#[test]
fn after_the_linger_there_is_nothing() {
    // B8.6
    let center = Center::with(&[("settings", "session-linger", "10")]);
    let (casey, ana, session) = with_ana(&center);
    ana.leaves(AfterAction::ForceClose);
    center.passes(SECOND * 9);
    assert!(is_closed(&casey.polls()));
    center.passes(SECOND * 2);
    for request in [casey.refresh(None, None), casey.message("hello?"), casey.logout(None)] {
        casey.is_refused(ErrorId::NotInSession, request);
    }
    let eve = Customer::new(&center);
    eve.logs_in("Eve");
    assert_eq!(error(&eve.joins(&session)), Some(ErrorId::NoSuchSession));
}

#[test]
fn an_answer_from_before_the_end_does_not_tell_it() {
    // B8.5, B20.1: nobody learns that it is over before the end may be told.
    let center = Center::open();
    let (casey, ana, _) = with_ana(&center);
    center.store_stalls();
    let said = casey.sends(casey.message("wait"));
    center.passes(SECOND / 4);
    ana.sends(ana.release(AfterAction::ForceClose));
    center.passes(SECOND / 4);
    center.store_resumes();
    let said = casey.answer(said).expect("answered");
    assert_eq!((lines(&said), is_closed(&said)), (vec!["Casey: wait".to_owned()], false));
    let end = casey.polls();
    assert_eq!(lines(&end), ["Ana goes, 2", "Casey goes, 4"]);
    assert!(is_closed(&end));
}

#[test]
fn a_wrong_key_costs_the_user_its_chat() {
    // B9.1, B9.2
    let center = Center::open();
    let (casey, ana, _) = with_ana(&center);
    let eve = Customer::new(&center);
    eve.is_refused(ErrorId::WrongSecureKey, forged(casey.message("I am Casey")));
    ana.sees(["Casey goes, 6"]);
    // For a while it is told why, up to its going and no further.
    ana.says("who was that?");
    casey.is_refused(ErrorId::LoggedOut, casey.message("me"));
    for _ in 0..2 {
        let told = casey.asks(casey.refresh(Some(EventId::NONE), None));
        assert_eq!(error(&told), Some(ErrorId::LoggedOut));
        assert_eq!(lines(&told), ["Casey comes", "Ana comes", "Casey goes, 6"]);
        assert_eq!(quit_reason(&told).as_deref(), Some("6"));
        center.passes(SECOND * 25);
        // Not even another wrong key changes that.
        eve.is_refused(ErrorId::WrongSecureKey, forged(casey.message("I am Casey")));
    }
    // Then only that, while the session lives.
    center.passes(SECOND * 15);
    let told = casey.asks(casey.refresh(Some(EventId::NONE), None));
    assert_eq!(error(&told), Some(ErrorId::LoggedOut));
    assert_eq!(told.chat_transcript, None);
    ana.leaves(AfterAction::KeepAlive);
    center.passes(LINGER);
    casey.is_refused(ErrorId::NotInSession, casey.refresh(None, None));
}

#[test]
fn a_wrong_key_outside_of_a_session_and_after_it() {
    // B9.1, B9.4
    let center = Center::open();
    let (casey, ana, _) = with_ana(&center);
    let (dana, eve) = (Customer::new(&center), Customer::new(&center));
    eve.is_refused(ErrorId::NotInSession, forged(eve.refresh(None, None)));
    dana.logs_in("Dana");
    eve.is_refused(ErrorId::WrongSecureKey, forged(dana.join(None)));
    dana.is_refused(ErrorId::NotInSession, dana.join(None));

    ana.leaves(AfterAction::ForceClose);
    ana.looks_away();
    eve.is_refused(ErrorId::WrongSecureKey, forged(casey.refresh(None, None)));
    casey.is_refused(ErrorId::NotInSession, casey.refresh(None, None));
    // A session ends once.
    let finals =
        center.asked().into_iter().filter(|ask| matches!(ask, Ask::Record(Record::Final { .. })));
    assert_eq!(finals.count(), 1);
    ana.sees_nothing();
}

#[test]
fn a_wrong_key_while_the_session_is_made() {
    // B4.3, B9.1: undone, and every request has its answer (wire §4.2).
    let center = Center::open();
    let (casey, eve) = (Customer::new(&center), Customer::new(&center));
    casey.logs_in("Casey");
    let made = casey.sends(casey.join(None));
    center.until_asked(|ask| matches!(ask, Ask::Interaction(Interaction::Submit { .. })));
    // B4.3: until then there is nothing to talk to.
    center.store_stalls();
    let early = casey.sends(casey.refresh(None, None));
    center.passes(SECOND / 4);
    assert_eq!(casey.answer(early).as_ref().and_then(error), Some(ErrorId::Restoring));
    let stolen = eve.sends(forged(casey.refresh(None, None)));
    center.passes(SECOND / 4);
    assert_eq!(eve.answer(stolen).as_ref().and_then(error), Some(ErrorId::WrongSecureKey));
    assert_eq!(casey.answer(made).as_ref().and_then(error), Some(ErrorId::NotInSession));
    center.store_resumes();
    assert_eq!(center.sessions(), 0);
    let stopped = |ask: &Ask| matches!(ask, Ask::Interaction(Interaction::Stop { .. }));
    let discarded = |ask: &Ask| matches!(ask, Ask::Record(Record::Discard { .. }));
    assert!(center.asked().iter().any(stopped) && center.asked().iter().any(discarded));
    assert_eq!(center.world().store.records.len(), 0, "nothing remains");
}

#[test]
fn a_gateway_node_with_a_token_costs_nobody_a_chat_over_a_wrong_key() {
    // B2.7, B9.1: with a token *and* RequestNode; every wrong key is counted.
    for token in [false, true] {
        for node in [false, true] {
            let center = Center::open();
            center.world_mut().settings.access_token = token.then(|| Secret::new("sesame"));
            let (casey, eve) = (Customer::new(&center), Customer::new(&center));
            casey.starts_a_chat("Casey");
            if node {
                assert_eq!(error(&eve.asks(request_node("web", "one"))), None);
            }
            for turn in 1..=2 {
                eve.is_refused(ErrorId::WrongSecureKey, forged(casey.message("I am Casey")));
                let wrong = |report: &Report| matches!(report, Report::WrongSecureKey { .. });
                let counted = center.reports().into_iter().filter(wrong).count();
                assert_eq!(counted, turn);
            }
            let spared = error(&casey.says("no, I am")) != Some(ErrorId::NotInSession);
            assert_eq!(spared, token && node, "token: {token}, node: {node}");
        }
    }
}

#[test]
fn a_web_page_or_a_gateway_inside_costs_nobody_a_chat_over_a_wrong_key() {
    // B9.1, of connections that no network brings.
    for (port, trust, spared) in [
        (PortId::Web, Trust::Open, true),
        (PortId::Web, Trust::Gateway, true),
        (PortId::Webapi, Trust::Gateway, true),
        (PortId::Webapi, Trust::Authenticated, false),
        (PortId::Webapi, Trust::Open, false),
    ] {
        let config = std::sync::Arc::new(confer_core::config::Config::default());
        let now = Instant::ZERO;
        let mut server = Server::new(config, [7; 32], Wall::new(now, 0), now);
        let link = LinkId(1);
        let change = LinkChange::Opened { port, trust };
        server.handle(Input::Link { link, change }, now);
        let mut reference = 0;
        let mut ask = |request: Request| {
            reference += 1;
            let frame = Frame::new(reference, request.into());
            server.handle(Input::Frame { link, frame }, now);
            let actions: Vec<Action> = std::iter::from_fn(|| server.poll_action()).collect();
            let status = actions.iter().find_map(|action| match action {
                Action::Send { frame, .. } => match &frame.body {
                    Event::Flex(flex::Event::EventStatus(status)) => Some(status.clone()),
                    other => panic!("{other:?}"),
                },
                _ => None,
            });
            let wrong = Action::Report(Report::WrongSecureKey { link });
            (status.expect("an answer"), actions.contains(&wrong))
        };
        let (login, _) = ask(login("Casey", None));
        let logout = |key: &Secret| {
            Request::RequestLogout(flex::RequestLogout {
                user_id: login.user_id.clone().expect("an id"),
                secure_key: key.clone(),
                session_id: None,
                last_position: None,
            })
        };
        let (refused, counted) = ask(logout(&Secret::new("00000000000000000000000000000000")));
        assert_eq!((error(&refused), counted), (Some(ErrorId::WrongSecureKey), true));
        let (left, _) = ask(logout(login.secure_key.as_ref().expect("a key")));
        assert_eq!(error(&left).is_none(), spared, "{port} {trust:?}");
    }
}

#[test]
fn a_port_with_a_token_hears_nobody_without() {
    // B2.7
    let center = Center::open();
    for shown in [None, Some("open up")] {
        center.world_mut().settings.access_token = shown.map(Secret::new);
        let eve = Customer::new(&center);
        center.world_mut().settings.access_token = Some(Secret::new("sesame"));
        let refused = eve.sends(login("Eve", None));
        center.passes(SECOND / 2);
        let mut errors = eve.look().refusals.clone();
        errors.extend(eve.answer(refused).as_ref().and_then(error));
        assert_eq!(errors, [ErrorId::NotAllowed], "having shown {shown:?}");
        assert_eq!(eve.look().user_id, None);
        assert!(eve.look().losses >= 1);
    }
}

#[test]
fn who_is_silent_is_removed_and_who_asks_is_not() {
    // B9.2, B2.4
    let center = Center::with(&[("settings", "flex-disconnect-timeout", "45")]);
    let (casey, ana, session) = with_ana(&center);
    let dana = Customer::hanging_up(&center);
    dana.logs_in("Dana");
    dana.joins(&session);
    casey.polls();
    ana.looks_away();
    // A lost connection means nothing.
    casey.is_cut_off();
    for turn in 0..3 {
        center.passes(SECOND * 40);
        match turn {
            0 => drop(casey.polls()),
            // Even a request that is refused is one.
            1 => casey.is_refused(ErrorId::AlreadyThere, casey.join(None)),
            _ => drop(casey.types("")),
        }
    }
    ana.sees(["Dana goes, 3", "Casey USER_TYPING_STARTED"]);
    let why = dana.polls();
    assert_eq!(error(&why), Some(ErrorId::LoggedOut));
    assert_eq!(quit_reason(&why), None, "it was told later than for a minute");
    // Since the last request, not since the first.
    center.passes(SECOND * 44);
    ana.sees_nothing();
    center.passes(SECOND * 2);
    ana.sees(["Casey goes, 3"]);
    let why = casey.polls();
    assert_eq!(
        (lines(&why), error(&why)),
        (vec!["Casey goes, 3".to_owned()], Some(ErrorId::LoggedOut))
    );
    assert_eq!(quit_reason(&why).as_deref(), Some("3"));
}

#[test]
fn who_is_silent_outside_of_a_session_is_forgotten() {
    // B9.4
    let center = Center::open();
    let casey = Customer::new(&center);
    casey.logs_in("Casey");
    center.passes(SECOND * 44);
    assert_eq!(error(&casey.polls()), Some(ErrorId::NotInSession));
    center.passes(SECOND * 44);
    // Still there, for it has asked for something.
    casey.creates();
    let dana = Customer::new(&center);
    dana.logs_in("Dana");
    center.passes(SECOND * 46);
    dana.is_refused(ErrorId::NotInSession, dana.join(None));
}

#[test]
fn the_silence_of_the_last_one_ends_the_session() {
    // B8.4, B9.2
    let center = Center::open();
    let casey = Customer::new(&center);
    casey.starts_a_chat("Casey");
    center.passes(SECOND * 46);
    let end = casey.polls();
    assert_eq!((lines(&end), is_closed(&end)), (vec!["Casey goes, 3".to_owned()], true));
    assert_eq!(error(&end), None);
    center.passes(LINGER);
    assert_eq!(center.sessions(), 0);
}

#[test]
fn the_newest_sixty_four_removed_are_remembered() {
    // B9.2
    let center = Center::open();
    let (_keep, ana, session) = with_ana(&center);
    let customers: Vec<Customer> = (0..66).map(|_| Customer::new(&center)).collect();
    for customer in &customers {
        customer.logs_in("Somebody");
        assert_eq!(error(&customer.joins(&session)), None);
        let user_id = customer.look().user_id.clone();
        ana.asks(confer_core::frame::basic::RequestReleaseParty {
            user_id,
            ..ana.release(AfterAction::KeepAlive)
        });
    }
    for (index, customer) in customers.iter().enumerate() {
        let expected = if index < 2 { ErrorId::NotInSession } else { ErrorId::LoggedOut };
        customer.is_refused(expected, customer.refresh(None, None));
    }
}
