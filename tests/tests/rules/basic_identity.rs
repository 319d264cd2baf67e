//! Who is who on the basic protocol: ids, registrations, bots, lost connections.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use confer_core::ask;
use confer_core::frame::basic::{Event, Request, RequestJoin, RequestRegister};
use confer_core::frame::{
    AfterAction, ErrorId, EventBody, KvList, NewParty, NoticeType, TranscriptEvent, UserType,
    Visibility,
};
use confer_core::id::UserId;
use confer_core::pii::Pii;
use confer_core::text::{Str, Text};
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, create, kv, register};

const SECOND: Duration = Duration::from_secs(1);

fn new_party(event: &TranscriptEvent) -> &NewParty {
    match &event.body {
        EventBody::NewParty(party) => party,
        other => panic!("{other:?} is no newParty"),
    }
}

fn is_user_id(id: &UserId) -> bool {
    let id = id.as_str();
    id.len() == 16 && id.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b))
}

#[test]
fn a_session_has_an_id_of_its_own_and_a_start() {
    // B1.1
    let center = Center::open();
    let ana = center.agent("Ana");
    let mut ids = BTreeSet::new();
    for _ in 0..5 {
        let info = ana.asks(create());
        let id = info.session_id.as_str();
        assert_eq!(id.len(), 16, "{id}");
        assert!(id.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()), "{id}");
        assert_eq!(&*info.chat_transcript.start_at.written(), "2024-01-15T10:00:00Z");
        ids.insert(info.session_id);
    }
    assert_eq!(ids.len(), 5);
    // Nor across restarts.
    let server = center.server();
    center.world_mut().kill(server);
    center.world_mut().restart(server);
    center.settle();
    ana.reconnects(register("Ana", UserType::Agent));
    assert!(!ids.contains(&ana.creates()));
}

#[test]
fn a_creator_brings_contact_record_and_interaction_what_it_said() {
    // B1.1, B4.3, B19.3
    let center = Center::with(&[("endpoints:7", "sales", "sales-queue")]);
    let ana = center.agent("Ana");
    let info = ana.asks(RequestJoin {
        queue_key: Some(Str::new("7:sales")),
        subject: Some(Text::new("a lost parcel")),
        user_data: Some(kv([("EmailAddress", "casey@example.com")])),
        ..create()
    });
    let asked = center.asked();
    let [
        ask::Request::Contact(ask::Contact::Identify { tenant, user_data }),
        ask::Request::Record(ask::Record::Create { session, beginning }),
        ask::Request::Interaction(ask::Interaction::Submit { queue, properties, .. }),
        ..,
    ] = &asked[..]
    else {
        panic!("{asked:?}");
    };
    assert_eq!((&**tenant, &**queue), ("7", "sales-queue"));
    assert_eq!(*session, info.session_id);
    assert_eq!((&*beginning.tenant, &*beginning.queue), ("7", "sales-queue"));
    assert_eq!(beginning.subject.as_ref().map(Text::reveal), Some("a lost parcel"));
    for list in [user_data, &beginning.user_data, properties] {
        assert_eq!(list.text("EmailAddress").as_deref(), Some("casey@example.com"));
    }
    assert_eq!(properties.text("IsOnline").as_deref(), Some("1"));
    let started = properties.text("ChatServerSessionStartedAt");
    assert_eq!(started.as_deref(), Some("2024-01-15T10:00:00Z"));
}

#[test]
fn a_user_id_names_one_participation() {
    // B1.2
    let center = Center::open();
    let casey = center.customer("Casey");
    let ana = Desk::silent(&center);
    let (registration, _) = ana.registers(register("Ana", UserType::Agent));
    casey.creates();
    ana.joins(&casey);
    let first = ana.id();
    ana.leaves(AfterAction::KeepAlive);
    ana.joins(&casey);
    let second = ana.id();
    let ids = BTreeSet::from([registration.clone(), first.clone(), second.clone(), casey.id()]);
    assert_eq!(ids.len(), 4, "four different ones");
    assert!(ids.iter().all(is_user_id), "{ids:?}");
    // The registration takes part in nothing.
    casey.sees_nothing_of(&registration);
    casey.sees(["Casey comes", "Ana comes", "Ana goes", "Ana comes"]);
    let whose: Vec<UserId> = casey.events().into_iter().map(|event| event.user_id).collect();
    assert_eq!(whose, [casey.id(), first.clone(), first, second]);
}

#[test]
fn a_session_password_is_random_and_long() {
    // B1.3, B3.7
    let center = Center::with(&[("settings", "session-password-enforce", "true")]);
    let ana = center.agent("Ana");
    let mut passwords = BTreeSet::new();
    for _ in 0..3 {
        ana.creates();
    }
    for request in center.asked() {
        if let ask::Request::Interaction(ask::Interaction::Submit { properties, .. }) = request {
            let password = properties.text("ChatServerSessionPassword").unwrap().into_owned();
            let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            assert!(password.len() >= 24 && password.bytes().all(hex), "96 bits at least");
            passwords.insert(password);
        }
    }
    assert_eq!(passwords.len(), 3);
}

#[test]
fn a_stranger_is_told_to_register_and_then_put_out() {
    // B2.2, wire §7
    let center = Center::open();
    let mute = Desk::silent(&center);
    mute.is_refused(ErrorId::NotRegistered, create());
    mute.is_refused(ErrorId::NotRegistered, Request::RequestUnregister);
    let ana = center.agent("Ana");
    center.passes(29 * SECOND);
    assert_eq!(mute.losses(), 0);
    center.passes(2 * SECOND);
    assert_eq!((mute.losses(), ana.losses()), (1, 0));
    // After an Unregister, the time runs again.
    center.passes(60 * SECOND);
    ana.unregisters();
    center.passes(29 * SECOND);
    assert_eq!(ana.losses(), 0);
    center.passes(2 * SECOND);
    assert_eq!(ana.losses(), 1);
}

#[test]
fn whoever_registers_again_in_time_stays() {
    // B2.2
    let center = Center::with(&[("settings", "user-register-timeout", "10")]);
    let ana = center.agent("Ana");
    ana.is_refused(ErrorId::AlreadyThere, register("Ana", UserType::Agent));
    ana.unregisters();
    ana.registers(register("Anna", UserType::Supervisor));
    center.passes(60 * SECOND);
    assert_eq!(ana.losses(), 0);
    ana.creates();
    ana.sees(["Anna comes"]);
}

#[test]
fn a_lost_connection_is_a_lost_participant_at_once_in_every_session() {
    // B2.4, B8.7
    let center = Center::open();
    let casey = center.customer("Casey");
    let robin = center.customer("Robin");
    let ana = center.agent("Ana");
    casey.creates();
    robin.creates();
    ana.joins(&casey);
    ana.joins(&robin);
    casey.looks_away();
    robin.looks_away();
    ana.is_cut_off();
    casey.sees(["Ana goes, 3"]);
    robin.sees(["Ana goes, 3"]);
    let EventBody::PartyLeft(left) = casey.newest().body else { panic!() };
    assert_eq!(left.reason_text, Some(Text::new("left due to disconnect")));
    // And the last one takes the session along.
    casey.is_cut_off();
    center.passes(61 * SECOND);
    assert_eq!(center.sessions(), 1);
}

#[test]
fn nobody_registers_as_the_server_or_a_workflow() {
    // B3.1
    let center = Center::open();
    let desk = Desk::silent(&center);
    for user_type in [UserType::External, UserType::System] {
        desk.is_refused(ErrorId::UserTypeNotAllowed, register("Hal", user_type));
    }
    desk.registers(register("Hal", UserType::Agent));
}

#[test]
fn a_nickname_has_1_to_255_characters_without_the_blanks_round_it() {
    // B3.8
    let center = Center::open();
    let desk = Desk::silent(&center);
    let too_long = "ж".repeat(256);
    for nickname in ["", "   ", "\t\n", &too_long] {
        desk.is_refused(ErrorId::Malformed, register(nickname, UserType::Agent));
    }
    desk.registers(register("  Ana  ", UserType::Agent));
    desk.creates();
    desk.sees(["Ana comes"]);
    let longest = "ж".repeat(255);
    let other = center.agent(&format!(" {longest} "));
    other.creates();
    other.sees([&*format!("{longest} comes")]);
}

#[test]
fn the_version_agreed_on_is_one_the_server_knows() {
    // B6.1
    let center = Center::open();
    for (announced, agreed) in [
        (None, 101),
        (Some(1), 101),
        (Some(101), 101),
        (Some(104), 104),
        (Some(106), 106),
        (Some(107), 106),
        (Some(i32::MAX), 106),
    ] {
        let desk = Desk::silent(&center);
        let client_version = announced;
        let who = RequestRegister { client_version, ..register("Ana", UserType::Agent) };
        assert_eq!(desk.registers(who).1, agreed, "{announced:?}");
    }
}

/// A Join with the mark of a bot.
fn as_bot(join: RequestJoin) -> RequestJoin {
    RequestJoin { user_data: Some(kv([("GCTI_Chat_SetPartyStyle", "BOT")])), ..join }
}

#[test]
fn a_bot_is_marked_and_a_customer_is_never_one() {
    // B3.6
    let center = Center::open();
    let casey = center.customer("Casey");
    casey.asks(as_bot(create()));
    let mark = |event: &TranscriptEvent| {
        let data = new_party(event).user_data.clone().unwrap_or_default();
        let attributes = event.event_attributes.clone().unwrap_or_default();
        let system = attributes.list("GCTI_SYSTEM").and_then(|list| list.list("party-info"));
        let style = |list: &KvList, key| list.text(key).map(Cow::into_owned);
        (style(&data, "GCTI_Chat_PartyStyle"), system.and_then(|info| style(info, "style")))
    };
    assert_eq!(mark(&casey.newest()), (None, None));
    let bot = || Some("BOT".to_owned());
    for desk in [center.agent("Roberta"), center.supervisor("Robert")] {
        desk.asks(as_bot(desk.join(&casey)));
        assert_eq!(mark(&casey.newest()), (bot(), bot()));
        desk.says("I am a bot");
        assert_eq!(casey.newest().event_attributes, None, "on basic, the newParty only");
    }
    let human = center.agent("Ana");
    human.joins(&casey);
    assert_eq!(mark(&casey.newest()), (None, None));
    let other = center.agent("Ben");
    let style = Some(kv([("GCTI_Chat_SetPartyStyle", "bot")]));
    other.asks(RequestJoin { user_data: style, ..other.join(&casey) });
    assert_eq!(mark(&casey.newest()), (None, None), "only BOT is a bot");
    // Nor does anybody mark itself.
    let forger = center.someone(RequestRegister {
        user_data: Some(kv([("GCTI_Chat_PartyStyle", "BOT")])),
        ..register("Forger", UserType::Agent)
    });
    let style = Some(kv([("GCTI_Chat_PartyStyle", "BOT")]));
    forger.asks(RequestJoin { user_data: style, ..forger.join(&casey) });
    assert_eq!(mark(&casey.newest()), (None, None));
}

#[test]
fn a_bot_is_no_agent_that_keeps_a_session_open() {
    // B3.6, B8.3
    let center = Center::open();
    let (casey, ana, bot) =
        (center.customer("Casey"), center.agent("Ana"), center.agent("Roberta"));
    casey.creates();
    ana.joins(&casey);
    bot.asks(as_bot(bot.join(&casey)));
    casey.looks_away();
    ana.leaves(AfterAction::CloseIfNoAgents);
    casey.sees(["Ana goes, 1", "Casey goes, 4 by Ana", "Roberta goes, 4 by Ana", "closed"]);
}

#[test]
fn a_session_password_is_asked_of_everybody_and_shown_to_nobody() {
    // B3.7
    let password = |word: &str| Some(kv([("GCTI_Chat_SessionPassword", word), ("size", "9")]));
    let center = Center::open();
    let casey = center.customer("Casey");
    casey.asks(RequestJoin { user_data: password("open sesame"), ..create() });
    let ana = center.agent("Ana");
    ana.is_refused(ErrorId::SessionPassword, ana.join(&casey));
    for wrong in ["", "open", "open sesame!", "OPEN SESAME"] {
        let join = RequestJoin { user_data: password(wrong), ..ana.join(&casey) };
        ana.is_refused(ErrorId::SessionPassword, join);
    }
    ana.asks(RequestJoin { user_data: password("open sesame"), ..ana.join(&casey) });
    casey.sees(["Casey comes", "Ana comes"]);
    for event in ana.events().iter().chain(&casey.events()) {
        let data = new_party(event).user_data.as_ref().unwrap();
        assert_eq!((data.len(), data.text("size").as_deref()), (1, Some("9")));
    }
    // Only the interaction has it, under another name.
    let mut submitted = false;
    for request in center.asked() {
        match request {
            ask::Request::Interaction(ask::Interaction::Submit { properties, .. }) => {
                submitted = true;
                let attached = properties.text("ChatServerSessionPassword");
                assert_eq!(attached.as_deref(), Some("open sesame"));
                assert_eq!(properties.value("GCTI_Chat_SessionPassword"), None);
            }
            ask::Request::Contact(ask::Contact::Identify { user_data, .. }) => {
                assert_eq!(user_data.len(), 1);
            }
            ask::Request::Record(ask::Record::Create { beginning, .. }) => {
                assert_eq!(beginning.user_data.len(), 1);
            }
            _ => {}
        }
    }
    assert!(submitted);
    assert!(!format!("{}", center.world().log).contains("sesame"));
}

#[test]
fn a_registration_brings_its_data_into_every_session() {
    // B4.7
    let center = Center::open();
    let ana = center.someone(RequestRegister {
        person_id: Some(Pii::new(Str::new("ana-1"))),
        time_zone_offset: Some(-90),
        client_version: Some(120),
        user_data: Some(kv([("desk", "12")])),
        ..register("Ana", UserType::Agent)
    });
    let user_data = Some(kv([("mood", "good")]));
    ana.asks(RequestJoin { user_data, ..create() });
    let event = ana.newest();
    let party = new_party(&event);
    assert_eq!(party.person_id, Some(Pii::new(Str::new("ana-1"))));
    assert_eq!((party.time_zone_offset, party.client_version), (Some(-90), Some(120)));
    assert_eq!(party.user_data, Some(kv([("desk", "12"), ("mood", "good")])));
}

#[test]
fn unregistering_leaves_every_session_and_is_answered_when_that_is_saved() {
    // wire §4.1, B8.2, B20.1
    for auto_save in ["0", "1"] {
        let center = Center::with(&[("settings", "transcript-auto-save", auto_save)]);
        let (casey, robin) = (center.customer("Casey"), center.customer("Robin"));
        let ana = center.agent("Ana");
        for customer in [&casey, &robin] {
            customer.creates();
            ana.joins(customer);
            customer.looks_away();
        }
        ana.looks_away();
        center.store_stalls();
        let reference = ana.sends(Request::RequestUnregister);
        center.settle();
        let saves = auto_save == "1";
        assert_eq!(ana.answer(reference).is_none(), saves);
        // Nobody while it goes.
        let again = ana.sends(create());
        center.settle();
        assert_eq!(ana.answer(again), Some(Err(8302)));
        center.store_resumes();
        assert_eq!(ana.answer(reference), Some(Ok(Event::EventUnregistered)));
        ana.sees(["Ana goes", "Ana goes"]);
        casey.sees(["Ana goes"]);
        robin.sees(["Ana goes"]);
        casey.notifies(NoticeType::UserCustom, "still there");
        robin.notifies(NoticeType::UserCustom, "so am I");
        ana.sees_nothing();
        // Unregistered means unregistered; and one may come back.
        ana.is_refused(ErrorId::NotRegistered, ana.join(&casey));
        ana.registers(register("Ana", UserType::Agent));
        ana.joins_as(Visibility::Int, &casey);
    }
}
