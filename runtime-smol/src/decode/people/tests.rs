use confer_core::frame::Attribute as A;
use confer_wire::map::Type;
use quickcheck::QuickCheck;

use super::super::frame::read;
use super::super::tests::build::{block, entry, frame, holder, int, item, long, string, text};
use super::*;

fn printed(bytes: &[u8], show_text: bool) -> String {
    let frame = read(bytes, None, 1 << 20).unwrap();
    let mut out = Vec::new();
    print(&mut out, &frame, show_text).unwrap();
    String::from_utf8(out).unwrap()
}

fn str_entry(key: &str, value: &str) -> Vec<u8> {
    entry(Type::Str, key, &block(value.as_bytes()))
}

/// A Join that holds `words` wherever words can be, and the same in the transcript of an event.
fn full(words: &str) -> [Vec<u8>; 3] {
    let data = |attribute| holder(attribute, &[str_entry("key", words)]);
    let login = frame(
        b'F',
        1,
        7,
        &[string(A::UserNickname, words), string(A::PersonId, words), data(A::UserData)],
    );
    let refresh = frame(
        b'F',
        3,
        7,
        &[
            string(A::UserId, "u"),
            string(A::SecureKey, words),
            data(A::UserData),
            data(A::EventAttributes),
            text(A::MessageText, words),
        ],
    );
    let event = item(&[
        int(A::EventKind, 4),
        int(A::EventId, 1),
        string(A::UserId, "u"),
        int(A::TimeShift, 3),
        int(A::Visibility, 2),
        string(A::AskerId, "u"),
        text(A::ReasonText, words),
        text(A::MessageText, words),
        text(A::NoticeText, words),
        text(A::Subject, words),
        string(A::UserNickname, words),
        string(A::PersonId, words),
        string(A::SecureKey, words),
        string(A::AccessToken, words),
        data(A::UserData),
        holder(A::EventAttributes, &[entry(Type::Kvl, "in", &block(&str_entry("side", words)))]),
    ]);
    let transcript = [
        string(A::StartAt, "2024-01-15T10:00:00Z"),
        string(A::SessionId, "s"),
        holder(A::EventList, &[event]),
    ];
    let status =
        frame(b'F', 101, 7, &[int(A::RequestResult, 1), holder(A::ChatTranscript, &transcript)]);
    [login, refresh, status]
}

#[test]
fn a_transcript_is_indented_and_aligned() {
    let [_, _, status] = full("Hello!");
    assert_eq!(
        printed(&status, false),
        "\
flex EventStatus, reference 7, 300 bytes
    RequestResult   1 Success
    ChatTranscript
        StartAt    \"2024-01-15T10:00:00Z\"
        SessionId  \"s\"
        EventList  1 item
          - EventKind        4 PartyLeft
            EventId          1
            UserId           \"u\"
            TimeShift        3 s
            Visibility       2 INT
            AskerId          \"u\"
            ReasonText       [6 characters]
            MessageText      [6 characters]
            NoticeText       [6 characters]
            Subject          [6 characters]
            UserNickname     [6 characters]
            PersonId         [6 characters]
            SecureKey        [hidden]
            AccessToken      [hidden]
            UserData
                key  [6 characters]
            EventAttributes
                in
                    side  [6 characters]
"
    );
}

#[test]
fn words_are_shown_only_when_asked_for() {
    for bytes in full("Hello!") {
        assert!(!printed(&bytes, false).contains("Hello!"));
        let shown = printed(&bytes, true);
        assert!(shown.contains("\"Hello!\"") && !shown.contains('['), "{shown}");
    }
}

#[test]
fn numbers_and_bytes_in_lists_are_covered_too() {
    let list = [
        entry(Type::Int, "int", &12345_i32.to_be_bytes()),
        entry(Type::Long, "long", &67890_i64.to_be_bytes()),
        entry(Type::Bin, "bin", &block(&[0xab])),
        entry(Type::Kvl, "an empty one", &block(&[])),
    ];
    let bytes = frame(b'B', 3, 7, &[holder(A::UserData, &list), holder(A::EventAttributes, &[])]);
    assert_eq!(
        printed(&bytes, false),
        "\
basic RequestJoin, reference 7, 81 bytes
    UserData
        int             [hidden]
        long            [hidden]
        bin             [1 byte]
        \"an empty one\"  (empty)
    EventAttributes  (empty)
"
    );
    let shown = printed(&bytes, true);
    for part in ["  12345\n", "  67890 (LONG)\n", "  ab\n"] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn numbers_say_what_they_mean() {
    let error = frame(
        b'B',
        104,
        7,
        &[int(A::ErrorId, 8304), string(A::ErrorText, "it's \"gone\""), int(A::TreatAs, 9)],
    );
    let shown = printed(&error, false);
    for part in ["  8304 no such session\n", "  \"it's \\\"gone\\\"\"\n", "  9 (unknown)\n"] {
        assert!(shown.contains(part), "{shown}");
    }
    let setup = frame(b'B', 65533, 0, &[long(A::RemoteTimeout, 30_000)]);
    assert!(printed(&setup, false).contains("RemoteTimeout  30000 ms\n"));
}

#[test]
fn every_enumeration_has_its_names() {
    for (attribute, _) in MEANINGS {
        let first = if *attribute == A::ErrorId { 8201 } else { 1 };
        assert!(!numbered(*attribute, first).contains("unknown"), "{attribute}");
        assert!(numbered(*attribute, 0).contains("unknown"), "{attribute}");
    }
}

#[test]
fn the_envelope_of_esp_is_shown_and_its_load_is_not() {
    let call = |message, fault: bool| {
        let parameters = [
            str_entry("MessageText", "Hello!"),
            str_entry("FaultString", if fault { "no such session" } else { "Hello!" }),
            entry(Type::Int, "FaultCode", &8304_i32.to_be_bytes()),
            // The names of the envelope mean nothing further in.
            entry(Type::Kvl, "Envelope3rdServer", &block(&str_entry("Method", "Hello!"))),
        ];
        let envelope = [
            str_entry("Service", "Chat"),
            str_entry("Method", "Message"),
            str_entry("Other", "Hello!"),
            entry(Type::Kvl, "Parameters", &block(&parameters.concat())),
        ];
        let list = entry(Type::Kvl, "Envelope3rdServer", &block(&envelope.concat()));
        frame(b'E', message, 7, &[holder(A::Extensions, &[list])])
    };
    let fault = printed(&call(151, true), false);
    for part in ["\"Chat\"", "\"Message\"", "8304 no such session\n", "\"no such session\""] {
        assert!(fault.contains(part), "{fault}");
    }
    for hidden in [fault, printed(&call(149, false), false), printed(&call(150, false), false)] {
        assert!(!hidden.contains("Hello!"), "{hidden}");
    }
    assert!(!printed(&call(150, false), false).contains("8304"), "a number like any other");
}

#[test]
fn a_frame_never_controls_the_terminal() {
    let property: fn(String, String) -> bool = |words, key| {
        // What the wire refuses becomes what a terminal would obey.
        let words = words.replace('\0', "\u{1b}[31m\u{9b}\u{202e}\n");
        let key: String = key.replace('\0', "").chars().take(50).collect();
        let key = if key.is_empty() { "\u{1b}".to_owned() } else { key };
        let bytes = frame(
            b'B',
            3,
            7,
            &[
                string(A::SessionId, &words),
                string(A::QueueKey, &words),
                text(A::MessageText, &words),
                holder(A::UserData, &[str_entry(&key, &words)]),
            ],
        );
        [false, true].into_iter().all(|show_text| {
            let printed = printed(&bytes, show_text);
            let reverses = |c| ('\u{202a}'..='\u{202e}').contains(&c);
            let harmless = |c: char| c == '\n' || !c.is_control() && !reverses(c);
            printed.chars().all(harmless) && printed.lines().count() == 6
        })
    };
    QuickCheck::new().quickcheck(property);
    assert!(property("\0".to_owned(), String::new()));
}

#[test]
fn letters_of_every_script_stay_as_they_are() {
    for words in ["Zoë", "信用", "हिन्दी", "👋🏽", "it's"] {
        assert_eq!(quoted(words), format!("\"{words}\""));
    }
    assert_eq!(quoted("\\'\\"), r#""\\'\\""#);
}
