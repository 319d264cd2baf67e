use super::*;

/// The tables of wire §5 and §6, written down a second time: a number that moves breaks every peer.
#[test]
fn attributes_keep_their_ids_and_types() {
    use Type::{Int, Kvl, List, Long, Str, Struct, Text};
    let table = [
        ("UserId", Str),
        ("SecureKey", Str),
        ("SessionId", Str),
        ("UserNickname", Str),
        ("UserType", Int),
        ("PersonId", Str),
        ("TimeZoneOffset", Int),
        ("ClientVersion", Int),
        ("Visibility", Int),
        ("QueueKey", Str),
        ("Subject", Text),
        ("UserData", Kvl),
        ("EventAttributes", Kvl),
        ("ReceiverId", Str),
        ("MessageText", Text),
        ("MessageType", Str),
        ("TreatAs", Int),
        ("NoticeText", Text),
        ("NoticeType", Int),
        ("AfterAction", Int),
        ("ChatTranscript", Struct),
        ("StartAt", Str),
        ("EventList", List),
        ("EventKind", Int),
        ("EventId", Int),
        ("TimeShift", Int),
        ("ProtocolType", Int),
        ("ReasonCode", Int),
        ("ReasonText", Text),
        ("AskerId", Str),
        ("SessionStatus", Int),
        ("IdleTimeExpire", Int),
        ("Monitored", Int),
        ("ErrorId", Int),
        ("ErrorText", Str),
        ("RequestResult", Int),
        ("LastPosition", Int),
        ("MoreEvents", Int),
        ("Extensions", Kvl),
        ("AppDbid", Int),
        ("NodeGroup", Str),
        ("NodeName", Str),
        ("PushMode", Int),
        ("Alive", Int),
        ("NotifyAttempt", Int),
        ("RemoteTimeout", Long),
        ("RequestKey", Str),
        ("MaxFrame", Int),
        ("AccessToken", Str),
        ("NotifyPosition", Int),
        ("ParticipantNo", Int),
    ];
    for (id, (name, kind)) in (1..).zip(table) {
        let attribute = attribute(id).unwrap();
        assert_eq!((attribute.name(), attribute_id(attribute)), (name, id));
        assert_eq!(attribute_type(attribute), kind, "{name}");
    }
    assert_eq!(table.len(), Attribute::ALL.len());
    assert_eq!([attribute(0), attribute(52), attribute(u16::MAX)], [None; 3]);
}

#[test]
fn types_keep_their_numbers() {
    use Type::{Bin, Int, Kvl, List, Long, Str, Struct, Text};
    for (number, kind) in (1..).zip([Int, Long, Str, Text, Bin, Kvl, Struct, List]) {
        assert_eq!((kind as u8, Type::from_number(number)), (number, Some(kind)));
    }
    assert_eq!([0, 9, 255].map(Type::from_number), [None; 3]);
}

#[test]
fn enumerations_keep_their_numbers() {
    /// Numbers count from 1 in the order of these names, and no other number means anything.
    #[track_caller]
    fn assert_names<T: Enumeration>(name: fn(T) -> &'static str, names: &[&str]) {
        let numbered = |number| T::NUMBERS.value(number).map(name);
        for (number, &name) in (1..).zip(names) {
            assert_eq!(numbered(number), Some(name), "{number}");
        }
        let next = i32::try_from(names.len()).unwrap() + 1;
        assert_eq!([-1, 0, next, i32::MAX, i32::MIN].map(numbered), [None; 5]);
    }
    assert_names(UserType::name, &["CLIENT", "AGENT", "SUPERVISOR", "EXTERNAL", "SYSTEM"]);
    assert_names(Visibility::name, &["ALL", "INT", "VIP"]);
    assert_names(TreatAs::name, &["NORMAL", "SYSTEM"]);
    assert_names(AfterAction::name, &["KeepAlive", "CloseIfNoAgents", "ForceClose"]);
    assert_names(EventKind::name, &["NewParty", "Message", "Notice", "PartyLeft"]);
    assert_names(ProtocolType::name, &["BASIC", "FLEX", "ESP", "NONE"]);
    assert_names(SessionStatus::name, &["Alive", "Closed"]);
    assert_names(RequestResult::name, &["Success", "Error"]);
    assert!(PushMode::NUMBERS.value(1) == Some(PushMode::Subscribe));
    assert!(PushMode::NUMBERS.value(2) == Some(PushMode::Unsubscribe));
    assert!([0, 3].iter().all(|&number| PushMode::NUMBERS.value(number).is_none()));
    let notices = [
        "USER_CUSTOM",
        "USER_PUSHED_URL",
        "USER_TYPING_STARTED",
        "USER_TYPING_STOPPED",
        "USER_UPDATE_NICK",
        "IDLE_CONTROL_ALERT",
        "IDLE_CONTROL_CLOSE",
        "IDLE_CONTROL_SET",
        "SYS_COMMAND",
    ];
    assert_names(NoticeType::name, &notices);
}

#[test]
fn every_protocol_has_its_byte() {
    for (byte, protocol) in [(b'B', Protocol::Basic), (b'F', Protocol::Flex), (b'E', Protocol::Esp)]
    {
        assert_eq!(PROTOCOLS.value(byte), Some(protocol));
        assert_eq!(PROTOCOLS.number(protocol), byte);
    }
    assert_eq!([b'Z', b'b', 0, 255].map(|byte| PROTOCOLS.value(byte)), [None; 4]);
}

#[test]
fn control_messages_keep_their_numbers() {
    let expected = [
        (65_532, "Authenticate"),
        (65_533, "AddpSetup"),
        (65_534, "AddpPoll"),
        (65_535, "AddpReply"),
    ];
    assert_eq!(CONTROL_MESSAGES, expected);
}
