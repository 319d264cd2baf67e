use super::*;
use crate::attributes::RawFrame;
use crate::{HEADER_SIZE, MAX_FRAME};
use alloc::vec;
use alloc::vec::Vec;
use bytes::BytesMut;
use confer_core::frame::{
    KvList, NoticeType, Protocol, ProtocolType, TreatAs, UserType, Visibility,
};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::pii::Pii;
use confer_core::text::Str;
use confer_core::time::Stamp;

fn event(number: u32, body: EventBody) -> TranscriptEvent {
    TranscriptEvent {
        event_id: EventId::new(number).unwrap(),
        user_id: UserId::new("00E1B7C6D8F90A12"),
        time_shift: number,
        visibility: Visibility::All.into(),
        party: None,
        participant_no: None,
        event_attributes: None,
        body,
    }
}

fn message(text: &str) -> EventBody {
    EventBody::Message(Message {
        message_text: Text::new(text),
        message_type: None,
        treat_as: None,
        receiver_id: None,
        user_data: None,
    })
}

/// Messages with texts of these lengths, in characters, numbered from 1.
fn messages(lengths: &[usize]) -> Vec<TranscriptEvent> {
    let numbered = (1..).zip(lengths);
    numbered.map(|(number, &length)| event(number, message(&"x".repeat(length)))).collect()
}

fn transcript(events: impl Into<EventList>) -> ChatTranscript {
    ChatTranscript {
        start_at: Stamp::from_unix_seconds(1_800_000_000),
        session_id: SessionId::new("000AB3CD5EF6GH7J"),
        events: events.into(),
        idle_time_expire: Some(30),
        monitored: Some(true),
    }
}

/// One frame with a part of the transcript, and where the next part begins.
fn part(
    transcript: &ChatTranscript,
    from: usize,
    size: usize,
    limit: u32,
) -> (Result<Vec<u8>, EncodeError>, Option<usize>) {
    let mut out = BytesMut::new();
    let mut writer = Writer::begin(&mut out, Protocol::Basic, 103, 0, limit);
    let next =
        write_part(transcript, &Part { from, size, tail: 0, keeps_result: false }, &mut writer);
    (writer.finish().map(|()| out.to_vec()), next)
}

fn read(bytes: &[u8]) -> Result<ChatTranscript, Misfit> {
    let frame = RawFrame::parse(bytes, None, MAX_FRAME).unwrap();
    Group::new(frame.attributes).required(Attribute::ChatTranscript)
}

/// All parts of a transcript: each within its bounds, all else said in every one.
#[track_caller]
fn parts(transcript: &ChatTranscript, size: usize, limit: u32) -> Vec<ChatTranscript> {
    let mut parts = Vec::new();
    let mut from = Some(0);
    while let Some(index) = from {
        let (bytes, next) = part(transcript, index, size, limit);
        let bytes = bytes.unwrap();
        let read = read(&bytes).unwrap();
        assert!(bytes.len() <= limit as usize);
        assert!(bytes.len() <= size || read.events.len() == 1, "one alone may be larger");
        assert!(next.is_none_or(|next| next > index), "it comes to an end");
        assert_eq!(next.unwrap_or(transcript.events.len()), index + read.events.len());
        assert_eq!(ChatTranscript { events: EventList::new(), ..read.clone() }, {
            ChatTranscript { events: EventList::new(), ..transcript.clone() }
        });
        parts.push(read);
        from = next;
    }
    parts
}

/// What a transcript takes beside its events, and a message beside its characters, in bytes.
fn overhead() -> (usize, usize) {
    let size = |events| part(&transcript(events), 0, usize::MAX, MAX_FRAME).0.unwrap().len();
    let none = size(vec![]);
    (none, size(messages(&[0])) - none)
}

#[test]
fn a_transcript_that_fits_is_one_part() {
    for events in [vec![], messages(&[5]), messages(&[1, 0, 3])] {
        let whole = transcript(events);
        assert_eq!(parts(&whole, 4096, MAX_FRAME), [whole]);
    }
}

#[test]
fn parts_are_cut_between_events_at_the_size() {
    let (none, empty) = overhead();
    let two = messages(&[100, 100]);
    let both = none + 2 * (empty + 200);
    let lengths = |size, limit| {
        let parts = parts(&transcript(two.clone()), size, limit);
        parts.iter().map(|part| part.events.len()).collect::<Vec<_>>()
    };
    assert_eq!(lengths(both, MAX_FRAME), [2]);
    assert_eq!(lengths(both - 1, MAX_FRAME), [1, 1]);
    // The frame's own limit cuts like the size, where it is the smaller one.
    let limit = u32::try_from(both).unwrap();
    assert_eq!(lengths(usize::MAX, limit), [2]);
    assert_eq!(lengths(usize::MAX, limit - 1), [1, 1]);
}

#[test]
fn parts_together_are_the_transcript() {
    let whole = transcript(messages(&[300; 1000]));
    for (size, limit) in [(4096, MAX_FRAME), (1 << 20, 4096), (100_000, 65_536)] {
        let parts = parts(&whole, size, limit);
        assert!(parts.len() > 1);
        let events = parts.iter().flat_map(|part| part.events.iter().cloned());
        assert_eq!(events.collect::<EventList>(), whole.events);
        // As few as can be: no event would have fitted into the part before its own.
        let (none, empty) = overhead();
        let room = (size.min(limit as usize) - none) / (empty + 600);
        assert_eq!(parts.len(), 1000_usize.div_ceil(room));
    }
}

#[test]
fn what_follows_the_events_has_room_kept() {
    let (none, empty) = overhead();
    let whole = transcript(messages(&[100, 100]));
    let both = none + 2 * (empty + 200);
    for (tail, count) in [(0, 2), (1, 1)] {
        let mut out = BytesMut::new();
        let mut writer = Writer::begin(&mut out, Protocol::Basic, 103, 0, MAX_FRAME);
        let next = write_part(
            &whole,
            &Part { from: 0, size: both, tail, keeps_result: false },
            &mut writer,
        );
        assert_eq!(next.unwrap_or(2), count);
    }
    // The room is kept for IdleTimeExpire and Monitored even where they are absent.
    let bare = ChatTranscript { idle_time_expire: None, monitored: None, ..whole };
    assert_eq!(part(&bare, 0, both - 1, MAX_FRAME).1, Some(1));
    assert_eq!(part(&bare, 0, both, MAX_FRAME).1, None);
}

#[test]
fn an_event_over_the_size_goes_alone_and_unchanged() {
    let whole = transcript(messages(&[10, 5000, 10, 10]));
    let parts = parts(&whole, 4096, MAX_FRAME);
    let lengths: Vec<usize> = parts.iter().map(|part| part.events.len()).collect();
    assert_eq!(lengths, [1, 1, 2]);
    assert_eq!(parts[1].events[0], whole.events[1]);
}

#[test]
fn a_part_has_65536_items() {
    let whole = transcript(messages(&[0; MAX_ITEMS]));
    assert_eq!(part(&whole, 0, usize::MAX, MAX_FRAME).1, None);
    let whole = transcript(messages(&[0; MAX_ITEMS + 1]));
    let parts = parts(&whole, usize::MAX, MAX_FRAME);
    let lengths: Vec<usize> = parts.iter().map(|part| part.events.len()).collect();
    assert_eq!(lengths, [65_536, 1]);
}

/// Whoever comes is somebody, and a client refuses to read it otherwise.
#[test]
fn a_new_party_without_a_name_is_not_written() {
    let party = NewParty {
        protocol_type: ProtocolType::Flex.into(),
        person_id: None,
        time_zone_offset: None,
        client_version: None,
        user_data: None,
        message_text: None,
    };
    let nobody = event(1, EventBody::NewParty(Box::new(party)));
    let (outcome, _) = part(&transcript(nobody), 0, 4096, MAX_FRAME);
    assert_eq!(outcome, Err(EncodeError::Missing(Attribute::UserNickname)));
}

mod larger_than_any_frame {
    use super::*;

    const MAX: u32 = 4096;

    fn data() -> Option<KvList> {
        Some(KvList::from([("key", (&*"x".repeat(3000)).into())]))
    }

    /// The event as it comes through a frame that it is too large for.
    #[track_caller]
    fn shortened(event: &TranscriptEvent) -> TranscriptEvent {
        let parts = parts(&transcript(event.clone()), 1 << 20, MAX);
        let [event_read] = &parts[0].events[..] else { panic!("{parts:?}") };
        assert_eq!(parts.len(), 1);
        let same = |event: &TranscriptEvent| {
            let TranscriptEvent { event_id, time_shift, visibility, participant_no, .. } = event;
            (*event_id, *time_shift, *visibility, *participant_no, event.kind())
        };
        assert_eq!(same(event_read), same(event));
        assert_eq!((&event_read.user_id, &event_read.party), (&event.user_id, &event.party));
        assert_eq!(event_read.event_attributes, None);
        event_read.clone()
    }

    #[test]
    fn a_message_is_replaced_by_one_without_text() {
        let message = Message {
            message_text: Text::new(&"x".repeat(3000)),
            message_type: Some(Str::new("text")),
            treat_as: Some(TreatAs::System.into()),
            receiver_id: Some(UserId::new("00E1B7C6D8F90A13")),
            user_data: data(),
        };
        let event = TranscriptEvent {
            event_attributes: data(),
            participant_no: Some(3),
            ..event(9, EventBody::Message(message.clone()))
        };
        let bare =
            Message { message_text: Text::new(""), message_type: None, user_data: None, ..message };
        assert_eq!(shortened(&event).body, EventBody::Message(bare));
    }

    #[test]
    fn so_is_every_other_kind() {
        let party = NewParty {
            protocol_type: ProtocolType::Basic.into(),
            person_id: Some(Pii::new(Str::new("agent.07"))),
            time_zone_offset: Some(-60),
            client_version: Some(106),
            user_data: data(),
            message_text: Some(Text::new(&"x".repeat(3000))),
        };
        let whose = Party {
            user_nickname: Pii::new(Str::new("Robin")),
            user_type: Open::Known(UserType::Agent),
        };
        let event_of = |body| TranscriptEvent { party: Some(whose.clone()), ..event(9, body) };
        let bare =
            NewParty { person_id: None, user_data: None, message_text: None, ..party.clone() };
        let read = shortened(&event_of(EventBody::NewParty(Box::new(party))));
        assert_eq!(read.body, EventBody::NewParty(Box::new(bare)));

        let notice = Notice {
            notice_type: NoticeType::UserTypingStarted.into(),
            notice_text: Some(Text::new(&"x".repeat(3000))),
            receiver_id: Some(UserId::new("00E1B7C6D8F90A13")),
            user_data: data(),
        };
        let bare = Notice { notice_text: None, user_data: None, ..notice.clone() };
        assert_eq!(shortened(&event_of(EventBody::Notice(notice))).body, EventBody::Notice(bare));

        let left = PartyLeft {
            asker_id: UserId::new("00E1B7C6D8F90A13"),
            reason_code: Some(7),
            reason_text: Some(Text::new(&"x".repeat(3000))),
            message_text: Some(Text::new("bye")),
        };
        let bare = PartyLeft { reason_text: None, message_text: None, ..left.clone() };
        assert_eq!(shortened(&event_of(EventBody::PartyLeft(left))).body, {
            EventBody::PartyLeft(bare)
        });

        let mut attributes = KvList::new();
        attributes.push("key", &*"x".repeat(5000));
        let unknown = TranscriptEvent {
            event_attributes: Some(attributes),
            ..event_of(EventBody::Unknown(77))
        };
        assert_eq!(shortened(&unknown).body, EventBody::Unknown(77));
    }

    #[test]
    fn it_is_the_limit_that_decides_to_the_byte() {
        let (none, empty) = overhead();
        let fits = (MAX as usize - none - empty) / 2;
        for (length, kept) in [(fits, fits), (fits + 1, 0)] {
            let parts = parts(&transcript(messages(&[10, length, 10])), 1 << 20, MAX);
            let EventBody::Message(message) = &parts[1].events[0].body else { panic!() };
            assert_eq!(message.message_text.chars(), kept);
            let ids = parts.iter().flat_map(|part| part.events.iter());
            assert_eq!(ids.map(|event| event.event_id.number()).collect::<Vec<_>>(), [1, 2, 3]);
        }
    }

    /// Names of people and participants are no text, and cannot be left out.
    #[test]
    fn what_is_too_large_without_text_is_an_error() {
        let mut event = event(9, message(""));
        event.user_id = UserId::new(&"x".repeat(5000));
        let (outcome, _) = part(&transcript(event), 0, 1 << 20, MAX);
        assert!(matches!(outcome, Err(EncodeError::TooLarge { limit: 4096, .. })), "{outcome:?}");
    }
}

mod in_a_message_that_has_no_parts {
    use super::*;

    fn write(transcript: &ChatTranscript, limit: u32) -> Result<Vec<u8>, EncodeError> {
        let mut out = BytesMut::new();
        let mut writer = Writer::begin(&mut out, Protocol::Flex, 102, 0, limit);
        writer.required(Attribute::ChatTranscript, transcript);
        writer.finish().map(|()| out.to_vec())
    }

    #[test]
    fn it_is_written_whole_or_not_at_all() {
        let whole = transcript(messages(&[1000; 10]));
        let bytes = write(&whole, MAX_FRAME).unwrap();
        assert_eq!(read(&bytes).unwrap(), whole);
        let size = u32::try_from(bytes.len()).unwrap();
        assert_eq!(write(&whole, size).unwrap(), bytes);
        let error = write(&whole, size - 1).unwrap_err();
        assert!(matches!(error, EncodeError::TooLarge { limit, .. } if limit == bytes.len() - 1));
        let error = write(&transcript(messages(&[0; MAX_ITEMS + 1])), MAX_FRAME).unwrap_err();
        assert_eq!(error, EncodeError::TooMany);
    }
}

mod what_a_client_reads {
    use super::*;
    use crate::testing::{INT, LIST, STR, STRUCT, attribute, block, frame, int};
    use confer_core::frame::Flaw;

    fn string(id: u16, string: &str) -> Vec<u8> {
        attribute(id, STR, &block(string.as_bytes()))
    }

    fn with(item: &[u8]) -> Vec<u8> {
        let inside = [
            string(3, "000AB3CD5EF6GH7J"),
            string(22, "2027-01-15T08:00:00Z"),
            attribute(23, LIST, &block(&block(item))),
        ];
        frame(&attribute(21, STRUCT, &block(&inside.concat())))
    }

    /// Where the first item's attributes begin.
    const ITEM_AT: u32 = 12 + 7 + 7 + 16 + 7 + 20 + 7 + 4;

    fn item(kind: i32) -> Vec<Vec<u8>> {
        vec![string(1, "00E1B7C6D8F90A12"), int(9, 1), int(24, kind), int(25, 5), int(26, 9)]
    }

    #[track_caller]
    fn misfit(item: &[Vec<u8>], what: Flaw, offset: u32) {
        assert_eq!(read(&with(&item.concat())), Err(Misfit { what, offset }));
    }

    #[test]
    fn an_event_of_an_unknown_kind_is_read_as_one() {
        let transcript = read(&with(&item(5).concat())).unwrap();
        assert_eq!(
            *transcript.events,
            [TranscriptEvent { time_shift: 9, ..event(5, EventBody::Unknown(5)) }]
        );
        assert_eq!(transcript.start_at.as_unix_seconds(), 1_800_000_000);
    }

    #[test]
    fn an_unknown_enumeration_value_is_kept() {
        let mut item = item(3);
        item[1] = int(9, 4);
        item.push(int(19, 10));
        let transcript = read(&with(&item.concat())).unwrap();
        let event = &transcript.events[0];
        assert_eq!(event.visibility, Open::Unknown(4));
        let EventBody::Notice(notice) = &event.body else { panic!("{event:?}") };
        assert_eq!(notice.notice_type, Open::Unknown(10));
    }

    #[test]
    fn mandatory_attributes_are_missed_where_the_item_begins() {
        for (index, attribute) in [
            (0, Attribute::UserId),
            (1, Attribute::Visibility),
            (2, Attribute::EventKind),
            (3, Attribute::EventId),
            (4, Attribute::TimeShift),
        ] {
            let mut item = item(5);
            item.remove(index);
            misfit(&item, Flaw::Missing(attribute), ITEM_AT);
        }
        for (kind, attribute) in [
            (1, Attribute::UserNickname),
            (2, Attribute::MessageText),
            (3, Attribute::NoticeType),
            (4, Attribute::AskerId),
        ] {
            misfit(&item(kind), Flaw::Missing(attribute), ITEM_AT);
        }
        let mut party = item(1);
        party.push(string(4, "Casey"));
        misfit(&party, Flaw::Missing(Attribute::UserType), ITEM_AT);
        party.push(int(5, 1));
        misfit(&party, Flaw::Missing(Attribute::ProtocolType), ITEM_AT);
        party.push(int(27, 1));
        assert!(read(&with(&party.concat())).is_ok());
        party.remove(5);
        misfit(&party, Flaw::Missing(Attribute::UserNickname), ITEM_AT);
    }

    #[test]
    fn negative_times_and_numbers_are_named_by_their_value() {
        for (index, id, attribute, at) in
            [(3, 25, Attribute::EventId, 23 + 7 + 7), (4, 26, Attribute::TimeShift, 23 + 7 + 7 + 7)]
        {
            let mut item = item(5);
            item[index] = int(id, -1);
            misfit(&item, Flaw::OutOfRange(attribute), ITEM_AT + at + 3);
        }
    }

    #[test]
    fn the_transcript_has_mandatory_attributes_too() {
        let events = attribute(23, LIST, &block(&[]));
        let (session, start) = (string(3, "000AB3CD5EF6GH7J"), string(22, "2027-01-15T08:00:00Z"));
        let at = u32::try_from(HEADER_SIZE).unwrap() + 7;
        for (inside, missing) in [
            ([&start[..], &events].concat(), Attribute::SessionId),
            ([&session[..], &events].concat(), Attribute::StartAt),
            ([&session[..], &start].concat(), Attribute::EventList),
        ] {
            let outcome = read(&frame(&attribute(21, STRUCT, &block(&inside))));
            assert_eq!(outcome, Err(Misfit { what: Flaw::Missing(missing), offset: at }));
        }
        let late = [session, string(22, "2027-02-30T08:00:00Z"), events].concat();
        let outcome = read(&frame(&attribute(21, STRUCT, &block(&late))));
        let offset = at + 7 + 16 + 3;
        assert_eq!(outcome, Err(Misfit { what: Flaw::BadForm(Attribute::StartAt), offset }));
    }

    /// In events, whatever is not 0 is set.
    #[test]
    fn a_flag_is_set_unless_it_is_0() {
        for (number, set) in [(0, false), (1, true), (2, true), (-1, true)] {
            let inside = [
                string(3, "000AB3CD5EF6GH7J"),
                string(22, "2027-01-15T08:00:00Z"),
                attribute(23, LIST, &block(&[])),
                attribute(33, INT, &i32::to_be_bytes(number)),
            ];
            let bytes = frame(&attribute(21, STRUCT, &block(&inside.concat())));
            assert_eq!(read(&bytes).unwrap().monitored, Some(set));
        }
    }
}
