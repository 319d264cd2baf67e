use confer_core::frame::{
    EventBody, KvList, KvValue, Message, NewParty, Notice, NoticeType, Open, Party, PartyLeft,
    ProtocolType, TranscriptEvent, TreatAs, UserType, Visibility,
};
use confer_core::id::EventId;
use confer_core::pii::Pii;
use confer_core::text::Text;
use confer_core::time::Stamp;

use super::*;

/// The document that is shown in the documentation.
pub(crate) fn example() -> &'static str {
    let page = include_str!("../../../docs/transcript-xml.md");
    let (_, from) = page.split_once("```xml\n").unwrap();
    from.split_once("```").unwrap().0
}

/// Event `number` of somebody, seen by everybody.
pub(crate) fn event(number: u32, body: EventBody) -> TranscriptEvent {
    TranscriptEvent {
        event_id: EventId::new(number).unwrap(),
        user_id: "4F00A1C2D3E40001".into(),
        time_shift: 7,
        visibility: Visibility::All.into(),
        party: None,
        participant_no: None,
        event_attributes: None,
        body,
    }
}

pub(crate) fn message(number: u32, text: &str) -> TranscriptEvent {
    let body = Message {
        message_text: Text::new(text),
        message_type: None,
        treat_as: None,
        receiver_id: None,
        user_data: None,
    };
    event(number, EventBody::Message(body))
}

/// A message with this data.
pub(crate) fn with_data(user_data: KvList) -> TranscriptEvent {
    let mut event = message(1, "");
    if let EventBody::Message(message) = &mut event.body {
        message.user_data = Some(user_data);
    }
    event
}

pub(crate) fn notice(notice_type: Open<NoticeType>, text: Option<&str>) -> TranscriptEvent {
    let notice_text = text.map(Text::new);
    let body = Notice { notice_type, notice_text, receiver_id: None, user_data: None };
    event(1, EventBody::Notice(body))
}

pub(crate) fn left(code: Option<i32>, reason: Option<&str>) -> TranscriptEvent {
    let body = PartyLeft {
        asker_id: "4F00A1C2D3E40001".into(),
        reason_code: code,
        reason_text: reason.map(Text::new),
        message_text: None,
    };
    event(1, EventBody::PartyLeft(body))
}

pub(crate) fn new_party(person_id: Option<&str>) -> TranscriptEvent {
    let body = NewParty {
        protocol_type: ProtocolType::Flex.into(),
        person_id: person_id.map(|id| Pii::new(id.into())),
        time_zone_offset: Some(-90),
        client_version: None,
        user_data: None,
        message_text: None,
    };
    let mut event = event(1, EventBody::NewParty(Box::new(body)));
    let user_nickname = Pii::new("Juniper".into());
    event.party = Some(Party { user_nickname, user_type: UserType::Client.into() });
    event
}

/// A list in a list in a list, so many levels in all.
pub(crate) fn deep(levels: usize) -> KvList {
    (1..levels).fold(KvList::new(), |inside, _| KvList::from([("k", inside.into())]))
}

pub(crate) fn written(events: &[TranscriptEvent]) -> String {
    write(&"00K7EXAMPLE42QZ9".into(), Stamp::from_unix_seconds(0), events).unwrap()
}

/// The same events, written and read.
pub(crate) fn reread(events: &[TranscriptEvent]) -> Vec<TranscriptEvent> {
    read(&written(events)).unwrap().events
}

#[test]
fn the_documented_example_is_written_as_it_is_read() {
    let transcript = read(example()).unwrap();
    let written = write(&transcript.session_id, transcript.start_at, &transcript.events);
    assert_eq!(written.unwrap(), example());
}

#[test]
fn the_documented_example_says_what_happened() {
    let Transcript { session_id, start_at, events } = read(example()).unwrap();
    assert_eq!(session_id.as_str(), "00K7EXAMPLE42QZ9");
    assert_eq!(start_at.to_string(), "2031-05-06T08:30:00Z");
    let ids: Vec<u32> = events.iter().map(|event| event.event_id.number()).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 7, 8, 10, 11, 13, 14, 15]);

    let EventBody::NewParty(first) = &events[0].body else { panic!("{:?}", events[0]) };
    let who = events[0].party.as_ref().unwrap();
    assert_eq!(who.user_nickname.reveal().as_str(), "Juniper");
    assert_eq!(who.user_type, Open::Known(UserType::Client));
    assert_eq!((&first.person_id, first.time_zone_offset), (&None, Some(120)));
    assert_eq!(first.user_data.as_ref().unwrap().text("MediaOrigin").unwrap(), "web");
    assert_eq!(first.message_text, Some(Text::new("A question about my order")));

    // B15.3: what was masked stands beside the text.
    let EventBody::Message(masked) = &events[5].body else { panic!("{:?}", events[5]) };
    assert_eq!(masked.message_type.as_deref(), Some("text"));
    let cleanup = events[5].event_attributes.as_ref().unwrap().list("GCTI_SYSTEM").unwrap();
    let rule = cleanup.list("pii-cleanup").unwrap().list("rule-0001").unwrap();
    assert_eq!(rule.list("positions").unwrap().list("11-29").unwrap().len(), 1);

    // B5.5: direct events are stored, with their receiver.
    let EventBody::Message(direct) = &events[7].body else { panic!("{:?}", events[7]) };
    assert_eq!(events[7].visibility, Open::Known(Visibility::Int));
    assert_eq!(direct.receiver_id, Some("4F00C0FFEE120003".into()));
    assert_eq!(direct.message_text, Text::new("Offer the voucher & close politely."));

    // B8.5: whoever closed is the asker of those that had to go.
    let EventBody::PartyLeft(last) = &events[11].body else { panic!("{:?}", events[11]) };
    assert_eq!((&*last.asker_id.to_string(), last.reason_code), ("4F00C0FFEE120003", Some(4)));
    assert_eq!((events[11].time_shift, &last.message_text), (140, &None));
}

#[test]
fn an_empty_text_and_none_differ() {
    let mut greeted = new_party(None);
    if let EventBody::NewParty(body) = &mut greeted.body {
        body.message_text = Some(Text::new(""));
    }
    let mut parted = left(None, Some("left"));
    if let EventBody::PartyLeft(body) = &mut parted.body {
        body.message_text = Some(Text::new(""));
    }
    let custom = NoticeType::UserCustom.into();
    for event in [
        message(1, ""),
        new_party(None),
        greeted,
        notice(custom, None),
        notice(custom, Some("")),
        left(None, None),
        left(None, Some("")),
        left(Some(4), None),
        left(None, Some("left")),
        parted,
    ] {
        assert_eq!(reread(std::slice::from_ref(&event)), [event]);
    }
}

#[test]
fn an_empty_name_and_none_differ() {
    for person_id in [None, Some(""), Some(" "), Some("agent.12")] {
        let event = new_party(person_id);
        assert_eq!(reread(std::slice::from_ref(&event)), [event]);
    }
    let mut typed = message(1, "x");
    for message_type in [None, Some(""), Some("text")] {
        if let EventBody::Message(message) = &mut typed.body {
            message.message_type = message_type.map(Into::into);
        }
        assert_eq!(reread(&[typed.clone()]), [typed.clone()]);
    }
    let mut with_attributes = message(1, "x");
    for list in [None, Some(KvList::new())] {
        with_attributes.event_attributes = list;
        assert_eq!(reread(&[with_attributes.clone()]), [with_attributes.clone()]);
    }
}

#[test]
fn blanks_stay_as_they_are() {
    for text in [
        " ",
        "\n",
        "\t",
        "\r",
        "\r\n",
        "\n\r",
        "  in \t the \n\n middle\r ",
        "\u{a0}",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
    ] {
        let event = message(1, text);
        assert_eq!(reread(std::slice::from_ref(&event)), [event], "{text:?}");
        let event = new_party(Some(text));
        assert_eq!(reread(std::slice::from_ref(&event)), [event], "{text:?}");
        let event = with_data(KvList::from([(text, text.into())]));
        assert_eq!(reread(std::slice::from_ref(&event)), [event], "{text:?}");
    }
}

#[test]
fn what_markup_is_made_of_is_text_in_a_text() {
    for text in [
        "<msgText>",
        "</message>",
        "&amp;",
        "&#13;",
        "]]>",
        "<![CDATA[x]]>",
        "<!-- x -->",
        "\"'>",
        "<?xml?>",
        "&",
        "👋🏽 שלום 信",
    ] {
        let event = message(1, text);
        assert_eq!(reread(std::slice::from_ref(&event)), [event], "{text}");
        let event = new_party(Some(text));
        assert_eq!(reread(std::slice::from_ref(&event)), [event], "{text}");
    }
}

#[test]
fn values_of_every_type_come_back_in_their_order() {
    let list = KvList::from([
        ("twice", 7.into()),
        ("twice", i64::MIN.into()),
        ("number like", "7".into()),
        ("least", i32::MIN.into()),
        ("bytes", (&[0_u8, 0x7f, 0xff][..]).into()),
        ("no bytes", (&[][..]).into()),
        ("no characters", "".into()),
        ("empty", KvList::new().into()),
        ("inside", KvList::from([("twice", "".into()), ("twice", KvValue::Int(0))]).into()),
    ]);
    let event = with_data(list);
    assert_eq!(reread(std::slice::from_ref(&event)), [event]);
}

#[test]
fn values_that_have_no_name_come_back_as_numbers() {
    let mut odd = new_party(None);
    odd.visibility = Open::Unknown(9);
    odd.party.as_mut().unwrap().user_type = Open::Unknown(-1);
    if let EventBody::NewParty(body) = &mut odd.body {
        body.protocol_type = Open::Unknown(i32::MAX);
    }
    let mut treated = message(1, "x");
    if let EventBody::Message(message) = &mut treated.body {
        message.treat_as = Some(Open::Unknown(3));
    }
    let mut normal = treated.clone();
    if let EventBody::Message(message) = &mut normal.body {
        message.treat_as = Some(TreatAs::System.into());
    }
    let mut unknown = event(1, EventBody::Unknown(i32::MIN));
    unknown.event_attributes = Some(KvList::from([("k", 1.into())]));
    for event in [
        odd,
        treated,
        normal,
        notice(Open::Unknown(77), None),
        left(Some(99), None),
        event(1, EventBody::Unknown(5)),
        unknown,
    ] {
        assert_eq!(reread(std::slice::from_ref(&event)), [event]);
    }
}

#[test]
fn what_is_made_anew_for_each_reader_is_not_kept() {
    let mut event = message(1, "x");
    event.party =
        Some(Party { user_nickname: Pii::new("Rowan".into()), user_type: UserType::Agent.into() });
    event.participant_no = Some(3);
    assert_eq!(reread(&[event]), [message(1, "x")]);
}
