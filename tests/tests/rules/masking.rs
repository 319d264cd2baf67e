//! The door to masking: words are masked once, when they come in, and views only choose (§15).

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use confer_core::ask::{Record, Request as Ask};
use confer_core::frame::basic::RequestJoin;
use confer_core::frame::{AfterAction, NoticeType};
use confer_core::text::Text;
use confer_tests::people::Center;
use confer_tests::people::desk::create;
use confer_tests::people::visitor::Customer;

#[test]
fn everybody_but_the_author_gets_the_masked_words_and_so_does_the_store() {
    // B15.1, B15.4: what a participation received live it also gets on re-reading.
    let center = Center::masking();
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    casey.asks(RequestJoin { message_text: Some(Text::new("I am 42")), ..create() });
    ana.joins(&casey);
    casey.says("my card is 4000 1234");
    ana.notifies(NoticeType::UserTypingStarted, "call 555");
    casey.sees([
        "Casey comes: I am 42",
        "Ana comes",
        "Casey: my card is 4000 1234",
        "Ana USER_TYPING_STARTED",
    ]);
    ana.sees([
        "Casey comes: I am **",
        "Ana comes",
        "Casey: my card is **** ****",
        "Ana USER_TYPING_STARTED: call 555",
    ]);
    let sue = center.supervisor("Sue");
    sue.joins(&casey);
    sue.sees([
        "Casey comes: I am **",
        "Ana comes",
        "Casey: my card is **** ****",
        "Ana USER_TYPING_STARTED: call ***",
        "Sue comes",
    ]);
    let mut release = casey.release(AfterAction::KeepAlive);
    release.message_text = Some(Text::new("bye 12"));
    casey.asks(release);
    ana.looks_away();
    sue.sees(["Casey goes: bye **"]);
    // Neither any save nor the final transcript holds a digit of theirs.
    ana.leaves(AfterAction::ForceClose);
    center.settle();
    let mut kept = 0;
    for ask in center.asked() {
        let (Record::Append { events, .. } | Record::Final { events, .. }) = (match ask {
            Ask::Record(record) => record,
            _ => continue,
        }) else {
            continue;
        };
        for event in events.iter() {
            let text = match &event.body {
                confer_core::frame::EventBody::Message(it) => Some(&it.message_text),
                confer_core::frame::EventBody::NewParty(it) => it.message_text.as_ref(),
                confer_core::frame::EventBody::PartyLeft(it) => it.message_text.as_ref(),
                _ => None,
            };
            let Some(text) = text else { continue };
            kept += 1;
            assert!(!text.reveal().contains(|c: char| c.is_ascii_digit()), "{:?}", text.reveal());
        }
    }
    assert!(kept >= 6, "three texts, each saved as it came and at the end");
}

#[test]
fn a_masked_event_says_what_was_masked_on_every_version() {
    // B15.3
    let center = Center::masking();
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    casey.creates();
    ana.joins(&casey);
    casey.says("room 101");
    for desk in [&casey, &ana] {
        let attributes = desk.newest().event_attributes.expect("attributes");
        let cleanup = attributes.list("GCTI_SYSTEM").and_then(|system| system.list("pii-cleanup"));
        let rule = cleanup.and_then(|cleanup| cleanup.list("rule-0001")).expect("the rule");
        assert_eq!(rule.text("first").as_deref(), Some("5"));
    }
    casey.says("no digits");
    assert_eq!(casey.newest().event_attributes, None);
}

#[test]
fn a_flex_customer_reads_its_own_words_again_and_others_do_not() {
    // B15.4
    let center = Center::masking();
    let casey = Customer::new(&center);
    let session = casey.starts_a_chat("Casey");
    casey.says("pin 1234");
    assert!(casey.seen().contains(&"Casey: pin 1234".to_owned()), "{:?}", casey.seen());
    let dora = Customer::new(&center);
    dora.logs_in("Dora");
    dora.joins(&session);
    assert!(dora.seen().contains(&"Casey: pin ****".to_owned()), "{:?}", dora.seen());
}

#[test]
fn commands_addresses_and_the_data_of_programs_stay_as_they_are() {
    // B7.1, B7.3: a link with a digit less leads nowhere.
    let center = Center::masking();
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    casey.creates();
    ana.joins(&casey);
    casey.looks_away();
    ana.notifies(NoticeType::UserPushedUrl, "https://example.com/2024");
    ana.notifies(NoticeType::UserCustom, "{\"seat\":12}");
    ana.notifies(NoticeType::UserUpdateNick, "Ana 2");
    casey.sees([
        "Ana USER_PUSHED_URL: https://example.com/2024",
        "Ana USER_CUSTOM: {\"seat\":12}",
        "Ana USER_UPDATE_NICK: Ana 2",
    ]);
}
