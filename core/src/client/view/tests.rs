use alloc::string::String;
use alloc::vec;

use super::*;
use crate::frame::{EventList, Message, Open, Party, PartyLeft, ProtocolType};
use crate::id::SessionId;

fn event(id: u32, who: &str, body: EventBody) -> TranscriptEvent {
    let user_type = if who == "Casey" { UserType::Client } else { UserType::Agent };
    TranscriptEvent {
        event_id: EventId::new(id).unwrap(),
        user_id: UserId::new(who),
        time_shift: 0,
        visibility: Open::Known(Visibility::All),
        party: matches!(body, EventBody::NewParty(_)).then(|| Party {
            user_nickname: Pii::new(Str::new(who)),
            user_type: Open::Known(user_type),
        }),
        participant_no: None,
        event_attributes: None,
        body,
    }
}

fn comes(id: u32, who: &str) -> TranscriptEvent {
    let new = NewParty {
        protocol_type: Open::Known(ProtocolType::Basic),
        person_id: None,
        time_zone_offset: None,
        client_version: None,
        user_data: None,
        message_text: None,
    };
    event(id, who, EventBody::NewParty(Box::new(new)))
}

fn says(id: u32, who: &str) -> TranscriptEvent {
    let message = Message {
        message_text: Text::new("x"),
        message_type: None,
        treat_as: None,
        receiver_id: None,
        user_data: None,
    };
    event(id, who, EventBody::Message(message))
}

fn notices(id: u32, who: &str, kind: NoticeType, text: &str) -> TranscriptEvent {
    let (notice_type, notice_text) = (Open::Known(kind), Some(Text::new(text)));
    let notice = Notice { notice_type, notice_text, receiver_id: None, user_data: None };
    event(id, who, EventBody::Notice(notice))
}

fn reads(id: u32, who: &str, up_to: &str) -> TranscriptEvent {
    let mut event = notices(id, who, NoticeType::SysCommand, READ_CONFIRM);
    if let EventBody::Notice(notice) = &mut event.body {
        notice.user_data = Some(KvList::from([(LAST_EVENT_ID, up_to.into())]));
    }
    event
}

fn goes(id: u32, who: &str) -> TranscriptEvent {
    let left = PartyLeft {
        asker_id: UserId::new(who),
        reason_code: None,
        reason_text: None,
        message_text: None,
    };
    event(id, who, EventBody::PartyLeft(left))
}

fn tell(view: &mut View, events: Vec<TranscriptEvent>) -> Vec<News> {
    let mut news = Vec::new();
    let transcript = ChatTranscript {
        start_at: Stamp::from_unix_seconds(0),
        session_id: SessionId::new("S"),
        events: EventList::from(events),
        idle_time_expire: None,
        monitored: None,
    };
    view.absorb(&transcript, &mut news);
    news
}

fn told(id: u32) -> News {
    News::Told(EventId::new(id).unwrap())
}

fn who<'a>(view: &'a View, name: &str) -> &'a Participant {
    view.participant(&UserId::new(name)).unwrap()
}

#[test]
fn an_event_that_comes_again_is_dropped_and_one_that_was_missed_finds_its_place() {
    // B4.8
    let mut view = View::new(100);
    tell(&mut view, vec![comes(1, "Ana"), says(2, "Ana"), says(4, "Ana")]);
    assert_eq!(tell(&mut view, vec![says(2, "Ana")]), []);
    assert_eq!(tell(&mut view, vec![says(3, "Ana")]), [told(3)]);
    let ids: Vec<u32> = view.events().map(|event| event.event_id.number()).collect();
    assert_eq!(ids, [1, 2, 3, 4]);
    assert_eq!(view.position(), EventId::new(4).unwrap());
}

#[test]
fn typing_and_confirmations_stand_with_people_and_not_in_the_transcript() {
    // B5.4
    let mut view = View::new(100);
    tell(&mut view, vec![comes(1, "Ana"), comes(2, "Casey")]);
    let started = notices(3, "Casey", NoticeType::UserTypingStarted, "he");
    assert_eq!(tell(&mut view, vec![started]), [News::Typing(UserId::new("Casey"))]);
    assert_eq!(who(&view, "Casey").typing, Some(Text::new("he")));
    // A message takes the place of the notice.
    assert_eq!(
        tell(&mut view, vec![says(4, "Casey")]),
        [News::Typing(UserId::new("Casey")), told(4)]
    );
    assert_eq!(tell(&mut view, vec![reads(5, "Ana", "4")]), [News::Read(UserId::new("Ana"))]);
    assert_eq!(who(&view, "Ana").read_up_to, EventId::new(4));
    assert_eq!(tell(&mut view, vec![reads(6, "Ana", "no number")]), []);
    // It goes with whoever gave it.
    tell(&mut view, vec![goes(7, "Ana")]);
    assert_eq!((who(&view, "Ana").read_up_to, who(&view, "Ana").present), (None, false));
    assert_eq!(view.events().count(), 4);
    assert_eq!(view.position(), EventId::new(7).unwrap());
}

#[test]
fn a_newer_name_is_the_name() {
    // B7.3
    let mut view = View::new(100);
    let rename = notices(2, "Ana", NoticeType::UserUpdateNick, " Anna ");
    tell(&mut view, vec![comes(1, "Ana"), rename]);
    assert_eq!(who(&view, "Ana").nickname.reveal().as_str(), "Anna");
}

#[test]
fn what_a_newer_server_says_is_left_out_and_counts() {
    // wire §6
    let mut view = View::new(100);
    let mut strange = says(3, "Ana");
    strange.visibility = Open::Unknown(9);
    let unknown = event(4, "Ana", EventBody::Unknown(9));
    assert_eq!(tell(&mut view, vec![strange, unknown]), []);
    assert_eq!((view.events().count(), view.position().number()), (0, 4));
}

#[test]
fn a_view_keeps_the_newest_events() {
    let mut view = View::new(3);
    tell(&mut view, (1..=5).map(|id| says(id, "Ana")).collect());
    let ids: Vec<u32> = view.events().map(|event| event.event_id.number()).collect();
    assert_eq!((ids, view.is_cut()), (vec![3, 4, 5], true));
}

#[test]
fn a_result_is_beside_the_transcript() {
    // B22.2
    let mut view = View::new(3);
    let result = notices(0, "System", NoticeType::SysCommand, "file-client-cfg-get");
    assert_eq!(tell(&mut view, vec![result.clone()]), [News::Aside(Box::new(result))]);
    assert_eq!((view.events().count(), view.position()), (0, EventId::NONE));
}

#[test]
fn a_deleted_file_is_marked_where_it_was_announced() {
    // B22.3
    let mut view = View::new(3);
    let mut deleted = notices(2, "Ana", NoticeType::SysCommand, FILE_DELETED);
    if let EventBody::Notice(notice) = &mut deleted.body {
        notice.user_data = Some(KvList::from([(UPLOADED_EVENT_ID, "1".into())]));
    }
    tell(&mut view, vec![notices(1, "Ana", NoticeType::SysCommand, "file-uploaded")]);
    assert!(!view.is_file_deleted(EventId::new(1).unwrap()));
    tell(&mut view, vec![deleted]);
    assert!(view.is_file_deleted(EventId::new(1).unwrap()));
}

#[test]
fn nobody_reads_what_was_said_in_a_log() {
    let mut view = View::new(3);
    let secret = notices(1, "Ana", NoticeType::UserCustom, "swordfish");
    let typed = notices(3, "Ana", NoticeType::UserTypingStarted, "swordfish");
    let news = tell(&mut view, vec![secret, comes(2, "Ana"), typed]);
    let printed: String = alloc::format!("{view:?} {news:?}");
    assert!(!printed.contains("swordfish"), "{printed}");
}
