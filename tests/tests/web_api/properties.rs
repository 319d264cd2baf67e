//! What holds whatever happens.

use std::collections::BTreeMap;
use std::time::Duration;

use confer_core::frame::{UserType, Visibility};
use confer_core::gateway::{
    ApiAnswer, ApiRequest, CallId, Customer, InChat, Operation, RequestChat, Verb, Why,
};
use confer_core::id::{SessionId, UserId};
use confer_core::pii::{Pii, Secret};
use confer_core::text::{Str, Text};
use confer_tests::web::Web;
use confer_tests::{cases, seeds};

use super::{Page, joins, lines, says};

fn in_chat((customer, alias): &(Customer, Str), position: u32, verb: Verb) -> ApiRequest {
    let (customer, alias) = (customer.clone(), alias.clone());
    let there = InChat { customer, alias, position, request_key: None, verb };
    ApiRequest { service: Str::new("customer-support"), operation: Operation::InChat(there) }
}

fn begin(web: &mut Web) -> (Customer, Str) {
    let chat = RequestChat { nickname: Pii::new(Str::new("Casey")), ..RequestChat::default() };
    let operation = Operation::RequestChat(Box::new(chat));
    let service = Str::new("customer-support");
    match web.asks(0, ApiRequest { service, operation }) {
        ApiAnswer::Done(done) => (done.customer, done.alias),
        other => panic!("{other:?}"),
    }
}

/// The words of a chat, from the first event on.
fn words(web: &mut Web, customer: &(Customer, Str)) -> Vec<String> {
    let ApiAnswer::Done(done) = web.asks(0, in_chat(customer, 1, Verb::Refresh { text: None }))
    else {
        panic!("a calm web answers");
    };
    let word = |event: &confer_core::frame::TranscriptEvent| match &event.body {
        confer_core::frame::EventBody::Message(message) => {
            Some(message.message_text.reveal().to_owned())
        }
        _ => None,
    };
    done.events.iter().filter_map(word).collect()
}

const OPTIONS: &[(&str, &str, &str)] =
    &[("web", "call-max", "3"), ("settings", "flex-disconnect-timeout", "3600")];

fn send(text: &str) -> Verb {
    Verb::Send { text: Text::new(text), message_type: None, user_data: Default::default() }
}

#[test]
fn nothing_is_said_twice_whatever_connections_break() {
    // B4.8: what was answered with "done" stands once, what may be tried again does not stand, and
    // what is in doubt stands once or not at all. Every call has one answer.
    seeds::each("nothing_is_said_twice", cases(60, 2000), |seed| {
        let mut web = Web::new(seed, 2, 2, OPTIONS);
        let customers: Vec<_> = (0..3).map(|_| begin(&mut web)).collect();
        let mut calls: BTreeMap<(usize, CallId), (usize, String)> = BTreeMap::new();
        for turn in 0..60 {
            match web.chance().below(8) {
                0..=3 => {
                    let who = web.chance().index(customers.len());
                    let gateway = web.chance().index(2);
                    let text = format!("words {turn}");
                    let request = in_chat(&customers[who], 0, send(&text));
                    let call = web.calls(gateway, request, Vec::new());
                    calls.insert((gateway, call), (who, text));
                }
                4 => {
                    let (gateway, server) = (web.chance().index(2), web.chance().index(2));
                    web.cuts(gateway, server);
                }
                5 => {
                    let time = Duration::from_millis(web.chance().below(2000));
                    web.passes(time);
                }
                _ => {
                    for _ in 0..web.chance().below(12) {
                        let until = confer_core::time::Instant::ZERO;
                        web.step(until);
                    }
                }
            }
        }
        web.passes(Duration::from_secs(20));
        let said: Vec<_> = customers.iter().map(|who| words(&mut web, who)).collect();
        for ((gateway, call), (who, text)) in &calls {
            let answers = web.answers(*gateway, *call);
            assert_eq!(answers.len(), 1, "{text}");
            let times = said[*who].iter().filter(|known| *known == text).count();
            match &answers[0] {
                ApiAnswer::Done(_) => assert_eq!(times, 1, "{text} was said"),
                ApiAnswer::Failed(failed) if failed.retry => {
                    assert_eq!(times, 0, "{text} may be tried again");
                }
                ApiAnswer::Failed(failed) => {
                    assert_eq!(failed.why, Why::InDoubt);
                    assert!(times <= 1, "{text} is in doubt");
                }
                ApiAnswer::File(_) => panic!("nobody asked for a file"),
            }
        }
    });
}

#[test]
fn no_mix_of_ids_and_keys_opens_another_chat() {
    // B9.1: nor does it harm whoever they belong to.
    let mut web = Web::new(11, 1, 2, &[]);
    let (casey, dana) = (begin(&mut web), begin(&mut web));
    web.asks(0, in_chat(&casey, 0, send("casey's words")));
    web.asks(0, in_chat(&dana, 0, send("dana's words")));
    let own = |alias: &Str, (customer, _): &(Customer, Str)| (customer.clone(), alias.clone());
    let chats = [casey.0.chat_id.clone(), dana.0.chat_id.clone(), SessionId::new("")];
    let users = [casey.0.user_id.clone(), dana.0.user_id.clone(), UserId::new("A")];
    let keys =
        [casey.0.secure_key.clone(), dana.0.secure_key.clone(), Secret::new("0123456789abcdef")];
    let aliases = [casey.1.clone(), dana.1.clone(), Str::default(), Str::new("9")];
    for alias in &aliases {
        for (c, chat_id) in chats.iter().enumerate() {
            for (u, user_id) in users.iter().enumerate() {
                for (k, secure_key) in keys.iter().enumerate() {
                    let (chat_id, user_id) = (chat_id.clone(), user_id.clone());
                    let customer = Customer { chat_id, user_id, secure_key: secure_key.clone() };
                    let whole = c == u && u == k && k < 2;
                    let request =
                        in_chat(&(customer, alias.clone()), 1, Verb::Refresh { text: None });
                    match web.asks(0, request) {
                        ApiAnswer::Done(done) => {
                            assert!(whole, "chat {c}, user {u}, key {k}");
                            assert_eq!(done.customer.chat_id, chats[c]);
                        }
                        ApiAnswer::Failed(failed) => {
                            assert!(!whole, "chat {c}, user {u}, key {k}");
                            assert_eq!(failed.why, Why::NoSuchChat);
                        }
                        ApiAnswer::File(_) => panic!("nobody asked for a file"),
                    }
                }
            }
        }
        assert_eq!(words(&mut web, &own(alias, &casey)), ["casey's words"]);
        assert_eq!(words(&mut web, &own(alias, &dana)), ["dana's words"]);
    }
}

#[test]
fn hidden_events_are_never_told_and_never_in_the_way() {
    // B3.3: whoever polls with what the last answer said gets every visible event, once, in order.
    seeds::each("hidden_events", cases(20, 500), |seed| {
        let mut web = Web::new(seed, 1, 1, &[]);
        let (mut page, begun) = Page::begins(&mut web, 0, "nickname=Casey");
        let chat = page.chat.clone();
        let agent = joins(&mut web, &chat, UserType::Agent, Visibility::All);
        let coach = joins(&mut web, &chat, UserType::Supervisor, Visibility::Int);
        let mut heard = lines(&begun);
        let mut expected = vec!["ParticipantJoined".to_owned(), "ParticipantJoined".to_owned()];
        for turn in 0..30 {
            let text = format!("words {turn}");
            match web.chance().below(5) {
                0 => says(&mut web, coach, &chat, &text, Visibility::Int),
                1 => says(&mut web, agent, &chat, &text, Visibility::Int),
                2 => {
                    says(&mut web, agent, &chat, &text, Visibility::All);
                    expected.push(format!("Message: {text}"));
                }
                3 => {
                    // What is said without a position is told with the next poll.
                    let next = page.next;
                    page.does(&mut web, "send", &format!("message={text}"));
                    page.next = next;
                    expected.push(format!("Message: {text}"));
                }
                _ => heard.extend(page.polls(&mut web)),
            }
        }
        heard.extend(page.polls(&mut web));
        assert_eq!(heard, expected);
        // From any position on, the same events follow.
        let whole = page.does(&mut web, "refresh", "transcriptPosition=1");
        let events = whole["messages"].as_array().expect("a list").clone();
        for position in 1..=page.next {
            let part = page.does(&mut web, "refresh", &format!("transcriptPosition={position}"));
            let behind: Vec<_> = events
                .iter()
                .filter(|event| event["index"].as_u64().is_some_and(|index| index >= position))
                .cloned()
                .collect();
            assert_eq!(part["messages"].as_array(), Some(&behind));
        }
    });
}
