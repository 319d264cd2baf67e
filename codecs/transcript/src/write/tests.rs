use confer_core::frame::{KvList, NoticeType};

use super::*;
use crate::tests::{deep, event, left, message, new_party, notice, reread, with_data, written};

fn fault(events: &[TranscriptEvent]) -> Option<(u32, Unwritable)> {
    let written = write(&"S".into(), Stamp::from_unix_seconds(0), events);
    written.err().map(|error| (error.event.number(), error.fault))
}

/// The lines of a document with this event alone, without those of every document.
fn lines(event: TranscriptEvent) -> Vec<String> {
    let document = written(&[event]);
    let mut lines = document.lines().map(|line| line.trim_start().to_owned());
    assert!(document.ends_with("</chatTranscript>\n"));
    let inside = lines.by_ref().skip(3).take_while(|line| line != "</chatTranscript>");
    inside.collect()
}

#[test]
fn characters_that_mean_something_are_escaped() {
    let text = lines(message(1, "a<b>&\"c'\td\ne\rf"));
    assert_eq!(text, ["<msgText>a&lt;b&gt;&amp;\"c'\td", "e&#13;f</msgText>", "</message>"]);
    let attribute = lines(new_party(Some("a<b>&\"c'\td\ne\rf")));
    assert!(attribute[0].starts_with(
        "<userInfo personId=\"a&lt;b&gt;&amp;&quot;c'&#9;d&#10;e&#13;f\" userNick=\"Juniper\""
    ));
}

#[test]
fn characters_that_xml_cannot_carry_are_replaced() {
    let odd = "\u{1}a\u{8}\u{b}\u{c}\u{e}\u{1f}\u{fffe}\u{ffff}\u{7f}\u{fffd}";
    let even = "\u{fffd}a\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{7f}\u{fffd}";
    assert_eq!(reread(&[message(1, odd)]), [message(1, even)]);
    assert_eq!(reread(&[new_party(Some(odd))]), [new_party(Some(even))]);
    let data = |text: &str| with_data(KvList::from([(text, text.into())]));
    assert_eq!(reread(&[data(odd)]), [data(even)]);
}

#[test]
fn a_key_that_replacing_makes_too_long_is_cut() {
    let key = |key: &str| with_data(KvList::from([(key, 1.into())]));
    let (longer, cut) = ("\u{1}".repeat(86), "\u{fffd}".repeat(85));
    assert_eq!(reread(&[key(&longer)]), [key(&cut)]);
    let (longer, cut) =
        (format!("\u{1}{}", "é".repeat(127)), format!("\u{fffd}{}", "é".repeat(126)));
    assert_eq!((longer.len(), cut.len()), (255, 255));
    assert_eq!(reread(&[key(&longer)]), [key(&cut)]);
}

#[test]
fn elements_that_have_nothing_inside_are_one_tag() {
    let mut party = new_party(Some(""));
    party.event_attributes = Some(KvList::new());
    assert_eq!(
        lines(party),
        [
            "<userInfo userNick=\"Juniper\" userType=\"CLIENT\" protocolType=\"FLEX\" \
             timeZoneOffset=\"-90\"/>",
            "<eventAttributes/>",
            "</newParty>",
        ]
    );
    assert_eq!(lines(message(1, ""))[0], "<msgText/>");
    assert_eq!(lines(event(1, EventBody::Unknown(5))), [""; 0]);
    let custom = NoticeType::UserCustom.into();
    let text = |event| lines(event).swap_remove(0);
    assert_eq!(text(notice(custom, Some(""))), "<noticeText noticeType=\"USER_CUSTOM\"/>");
    let absent = "<noticeText noticeType=\"USER_CUSTOM\" absent=\"true\"/>";
    assert_eq!(text(notice(custom, None)), absent);
    assert_eq!(text(left(Some(4), None)), "<reason code=\"4\" absent=\"true\"/>");
    assert_eq!(text(left(None, Some(""))), "<reason/>");
    let list = KvList::from([
        ("a", "".into()),
        ("b", (&[][..]).into()),
        ("c", KvList::new().into()),
        ("d", (&[1, 0xab][..]).into()),
    ]);
    assert_eq!(
        lines(with_data(list))[1..7],
        [
            "<userData>",
            "<item key=\"a\" type=\"string\"/>",
            "<item key=\"b\" type=\"binary\"/>",
            "<item key=\"c\" type=\"kvlist\"/>",
            "<item key=\"d\" type=\"binary\">01ab</item>",
            "</userData>",
        ]
    );
}

#[test]
fn an_event_without_a_name_says_its_number() {
    let document = written(&[event(1, EventBody::Unknown(5))]);
    assert_eq!(
        document.lines().nth(2),
        Some(
            "  <event userId=\"4F00A1C2D3E40001\" timeShift=\"7\" visibility=\"ALL\" eventId=\"1\" \
             eventKind=\"5\"/>"
        )
    );
}

#[test]
fn events_must_be_in_order() {
    assert_eq!(fault(&[message(1, ""), message(3, "")]), None);
    assert_eq!(fault(&[message(1, ""), message(1, "")]), Some((1, Unwritable::Order)));
    assert_eq!(fault(&[message(2, ""), message(1, "")]), Some((1, Unwritable::Order)));
    // An event 0 is the answer to a question, and never stored (B22.2).
    assert_eq!(fault(&[message(0, "")]), Some((0, Unwritable::Order)));
}

#[test]
fn a_new_party_must_be_somebody() {
    let mut event = new_party(None);
    event.party = None;
    assert_eq!(fault(&[event]), Some((1, Unwritable::NoParty)));
}

#[test]
fn lists_nest_as_deep_as_they_may() {
    let full = with_data(deep(MAX_DEPTH));
    assert_eq!(reread(std::slice::from_ref(&full)), [full]);
    assert_eq!(fault(&[with_data(deep(MAX_DEPTH + 1))]), Some((1, Unwritable::TooDeep)));
}

#[test]
fn keys_are_as_long_as_they_may_be() {
    let key = |length| with_data(KvList::from([(&*"k".repeat(length), 1.into())]));
    for length in [1, MAX_KEY] {
        assert_eq!(reread(&[key(length)]), [key(length)]);
    }
    for length in [0, MAX_KEY + 1] {
        assert_eq!(fault(&[key(length)]), Some((1, Unwritable::KeyLength)));
    }
}

#[test]
fn a_document_is_as_large_as_it_may_be() {
    let events = [message(1, "one"), message(2, "two")];
    let (session, start_at) = ("S".into(), Stamp::from_unix_seconds(0));
    let size = write(&session, start_at, &events).unwrap().len();
    let within = |limit| write_within(limit, &session, start_at, &events);
    assert_eq!(within(size).map(|document| document.len()), Ok(size));
    let event = EventId::new(2).unwrap();
    let fault = Unwritable::TooLarge { limit: size - 1 };
    assert_eq!(within(size - 1), Err(WriteError { event, fault }));
    // It stops early.
    let event = EventId::new(1).unwrap();
    let fault = Unwritable::TooLarge { limit: 200 };
    assert_eq!(within(200), Err(WriteError { event, fault }));
}

#[test]
fn errors_say_which_event_and_why() {
    let error = |fault| WriteError { event: EventId::MAX, fault }.to_string();
    for (fault, text) in [
        (Unwritable::TooLarge { limit: 9 }, "the transcript is larger than 9 bytes"),
        (Unwritable::Order, "its id is not above the one before it"),
        (Unwritable::NoParty, "a newParty without a nickname"),
        (Unwritable::TooDeep, "lists in lists, more than 16 levels"),
        (Unwritable::KeyLength, "a key that has not 1 to 255 bytes"),
    ] {
        assert_eq!(error(fault), format!("event 2147483647: {text}"));
    }
}
