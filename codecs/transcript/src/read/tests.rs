#![allow(clippy::wildcard_enum_match_arm, reason = "an answer is the one, or the test fails")]

use confer_core::frame::Visibility;

use super::*;
use crate::tests::{deep, example, message, with_data, written};

/// A transcript with this inside.
fn around(inside: &str) -> String {
    format!(
        "<chatTranscript startAt=\"2031-05-06T08:30:00Z\" sessionId=\"S\">{inside}</chatTranscript>"
    )
}

const COMMON: &str = "userId='U' timeShift='0' visibility='ALL' eventId='1'";

/// A transcript of one event of this kind with this inside.
fn around_in(kind: &str, more: &str, inside: &str) -> String {
    around(&format!("<{kind} {COMMON} {more}>{inside}</{kind}>"))
}

fn fault(document: &str) -> Fault {
    read(document).map(|_| document).unwrap_err().fault
}

fn error(document: &str) -> String {
    read(document).map(|_| document).unwrap_err().to_string()
}

fn text_of(document: &str) -> String {
    let transcript = read(document).unwrap();
    let [TranscriptEvent { body: EventBody::Message(message), .. }] = &*transcript.events else {
        panic!("{document}")
    };
    message.message_text.reveal().to_owned()
}

fn text_in(inside: &str) -> String {
    text_of(&around_in("message", "", &format!("<msgText>{inside}</msgText>")))
}

/// The whole document, one line: errors say where.
#[test]
fn an_error_says_where_and_what_is_expected() {
    for (wrong, right, expected) in [
        (
            "2031-05-06",
            "2031-05-37",
            "line 2, column 1: chatTranscript startAt: expected UTC as \
                                      YYYY-MM-DDThh:mm:ssZ",
        ),
        ("userId=", "userID=", "line 3, column 3: newParty: no userId"),
        (
            "timeShift=\"1\"",
            "timeShift=\"-1\"",
            "line 11, column 3: newParty timeShift: expected \
                                                 whole seconds, 0 to 4294967295",
        ),
        (
            "visibility=\"INT\"",
            "visibility=\"int\"",
            "line 42, column 3: newParty visibility: \
                                                      expected ALL, INT, VIP or a number",
        ),
        (
            "eventId=\"3\"",
            "eventId=\"2147483648\"",
            "line 14, column 3: message eventId: expected \
                                                     a number, 1 to 2147483647",
        ),
        ("eventId=\"5\"", "eventId=\"4\"", "line 20, column 3: eventId: expected a number above 4"),
        (
            "userType=\"CLIENT\"",
            "userType=\"BOT\"",
            "line 4, column 5: userInfo userType: expected \
                                 CLIENT, AGENT, SUPERVISOR, EXTERNAL, SYSTEM or a number",
        ),
        (
            "protocolType=\"ESP\"",
            "protocolType=\"\"",
            "line 12, column 5: userInfo protocolType: \
                                                       expected BASIC, FLEX, ESP, NONE or a number",
        ),
        (
            "timeZoneOffset=\"120\"",
            "timeZoneOffset=\"1h\"",
            "line 4, column 5: userInfo \
                                                timeZoneOffset: expected a whole number of 32 bits",
        ),
        (
            "treatAs=\"NORMAL\"",
            "treatAs=\"\"",
            "line 21, column 5: msgText treatAs: expected \
                                                NORMAL, SYSTEM or a number",
        ),
        (
            "USER_PUSHED_URL",
            "URL",
            "line 49, column 5: noticeText noticeType: expected the name of \
                                    a notice, such as USER_PUSHED_URL, or a number",
        ),
        (
            "code=\"4\"",
            "code=\"4.5\"",
            "line 59, column 5: reason code: expected a whole number of \
                                        32 bits",
        ),
        (
            "type=\"kvlist\"",
            "type=\"list\"",
            "line 26, column 7: item type: expected string, int, \
                                              long, binary or kvlist",
        ),
        ("key=\"FirstName\"", "", "line 6, column 7: item: no key"),
        ("<userData>", "<userData>x", "line 5, column 15: userData: expected elements, found text"),
        (
            "&amp;",
            "&am;",
            "line 46, column 32: unknown reference; expected &amp; &lt; &gt; &quot; \
                           &apos; or the number of a character",
        ),
        ("left<", "left\u{1}<", "line 52, column 17: U+0001: XML 1.0 has no such character"),
        (
            "</reason>",
            "</raison>",
            "line 52, column 17: not XML: a last tag of another element \
                                    than the one that began last",
        ),
    ] {
        assert!(example().contains(wrong), "{wrong}");
        let document = example().replacen(wrong, right, 1);
        assert_eq!(error(&document), expected);
    }
}

#[test]
fn what_must_be_there_is_missed() {
    for (document, name) in [
        ("<chatTranscript sessionId='S'/>".to_owned(), "chatTranscript: no startAt"),
        (
            "<chatTranscript startAt='2031-05-06T08:30:00Z'/>".to_owned(),
            "chatTranscript: no sessionId",
        ),
        (around_in("message", "", ""), "message: no msgText"),
        (around_in("notice", "", ""), "notice: no noticeText"),
        (around_in("notice", "", "<noticeText/>"), "noticeText: no noticeType"),
        (around_in("partyLeft", "", "<reason/>"), "partyLeft: no askerId"),
        (around_in("partyLeft", "askerId='U'", ""), "partyLeft: no reason"),
        (around_in("newParty", "", ""), "newParty: no userInfo"),
        (around_in("newParty", "", "<userInfo userType='AGENT'/>"), "userInfo: no userNick"),
        (around_in("event", "", ""), "event: no eventKind"),
    ] {
        assert!(error(&document).ends_with(&format!(": {name}")), "{}", error(&document));
    }
}

#[test]
fn what_may_be_there_once_is_not_there_twice() {
    let attributes = "<eventAttributes/>";
    for (document, name) in [
        (around_in("message", "userId='V'", "<msgText/>"), "message: a second userId"),
        (around_in("message", "", "<msgText/><msgText/>"), "message: a second msgText"),
        (around_in("event", "eventKind='9'", &attributes.repeat(2)), "a second eventAttributes"),
    ] {
        assert!(error(&document).ends_with(name), "{}", error(&document));
    }
}

#[test]
fn what_is_not_known_is_skipped() {
    let known = around_in("message", "", "<msgText>words</msgText><userData/>");
    for document in [
        around_in("message", "mood='<' mood='>'", "<msgText>words</msgText><userData/>"),
        around_in("message", "askerId='V'", "<msgText x='&amp;'>words</msgText><userData/>"),
        around_in("message", "", "<mood>x<item/>&lt;</mood><userData/><msgText>words</msgText>"),
        around_in("message", "", "<msgText>wo<b>x</b>rds</msgText><userData><x/></userData>"),
        around_in("message", "", "<reason/><noticeText/><msgText>words</msgText><userData/>"),
        known.replace("</chatTranscript>", "<later><message/></later></chatTranscript>"),
        format!("<?xml version='1.0'?><!-- x --><?x y?>\n{known}\n<!-- <y> -->"),
        format!("\u{feff}{known}"),
    ] {
        assert_eq!(read(&document), read(&known), "{document}");
    }
    assert!(read(&known).is_ok());
}

/// Skipping takes no stack.
#[test]
fn what_is_not_known_nests_to_any_depth() {
    let (open, close) = ("<x>".repeat(100_000), "</x>".repeat(100_000));
    let document = around(&format!("{open}{close}"));
    assert_eq!(read(&document).unwrap().events, []);
    assert_eq!(
        fault(&around(&open)),
        Fault::NotXml { reason: "a last tag of another element than the one that began last" }
    );
}

#[test]
fn text_is_what_xml_says_it_is() {
    assert_eq!(text_in("a&lt;&gt;&amp;&quot;&apos;&#65;&#x42;&#x1F44b;"), "a<>&\"'AB👋");
    assert_eq!(text_in("a<![CDATA[<b>&amp;]]]>c"), "a<b>&amp;]c");
    assert_eq!(text_in("a<!-- no -->b<?no?>c"), "abc");
    assert_eq!(text_in("1\r\n2\r3\n4&#13;\n5"), "1\n2\n3\n4\r\n5");
    assert_eq!(text_in(" \n "), " \n ");
    let with_type =
        |value: &str| around_in("message", "", &format!("<msgText msgType='{value}'/>"));
    let type_of = |value: &str| match &read(&with_type(value)).unwrap().events[0].body {
        EventBody::Message(message) => message.message_type.clone().unwrap().to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(type_of("a\tb\nc\rd\r\ne&#9;f&#10;g&#13;h"), "a b c d e\tf\ng\rh");
    assert_eq!(type_of("&lt;&quot;&#x42;&amp;amp;"), "<\"B&amp;");
}

#[test]
fn characters_that_xml_does_not_have_are_refused() {
    for number in [1, 8, 0xb, 0xc, 0xe, 0x1f, 0xfffe, 0xffff] {
        let raw = char::from_u32(number).unwrap();
        for document in [
            around_in("message", "", &format!("<msgText>{raw}</msgText>")),
            around_in("message", "", &format!("<msgText>&#{number};</msgText>")),
            around_in("message", "", &format!("<msgText><![CDATA[{raw}]]></msgText>")),
            around_in("message", "", &format!("<msgText msgType='{raw}'/>")),
            around_in("message", "", &format!("<msgText msgType='&#{number};'/>")),
        ] {
            assert_eq!(fault(&document), Fault::Character { number }, "{document}");
        }
    }
    for reference in ["&#0;", "&#xD800;", "&#1114112;", "&#-1;", "&nbsp;", "&;", "&#;"] {
        let document = around_in("message", "", &format!("<msgText>{reference}</msgText>"));
        assert_eq!(fault(&document), Fault::Reference, "{reference}");
        let document = around_in("message", "", &format!("<msgText msgType='{reference}'/>"));
        assert_eq!(fault(&document), Fault::Reference, "{reference}");
    }
}

#[test]
fn entities_are_not_expanded() {
    let bomb = "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]>";
    assert_eq!(fault(&format!("{bomb}{}", around(""))), Fault::Doctype);
    assert_eq!(fault(&format!("<!DOCTYPE>{}", around(""))), Fault::Doctype);
}

#[test]
fn nothing_stands_beside_the_transcript() {
    for document in [
        String::new(),
        "\n".to_owned(),
        "words".to_owned(),
        "<transcript/>".to_owned(),
        "<x:chatTranscript/>".to_owned(),
        around("") + &around(""),
        around("") + "words",
        format!("words{}", around("")),
    ] {
        assert_eq!(fault(&document), Fault::Root, "{document}");
    }
}

#[test]
fn what_is_no_xml_is_refused() {
    let whole = written(
        &[message(1, "a & b"), with_data(deep(3))].map(|mut event| {
            event.visibility = Visibility::Vip.into();
            event
        })[..1],
    );
    // Wherever it ends.
    for end in 0..whole.trim_end().len() {
        assert!(read(&whole[..end]).is_err(), "{end}");
    }
    for document in [
        "<",
        "<!",
        "<!x>",
        "<?",
        "<!-- ",
        "</chatTranscript>",
        "<chatTranscript startAt>",
        "<chatTranscript startAt=>",
        "<chatTranscript startAt=x/>",
        "<chatTranscript startAt='x",
        " <?xml version='1.0'?>",
        "&",
    ] {
        let is_told = matches!(fault(document), Fault::NotXml { .. } | Fault::Root);
        assert!(is_told, "{document}: {}", error(document));
    }
    for declaration in ["<?xml version='1.1'?>", "<?xml encoding='UTF-8'?>", "<?xml?>"] {
        assert_eq!(fault(&format!("{declaration}{}", around(""))), Fault::Version);
    }
}

#[test]
fn values_are_what_their_type_says() {
    let item = |kind: &str, text: &str| {
        let item = format!("<userData><item key='k' type='{kind}'>{text}</item></userData>");
        let read = read(&around_in("message", "", &format!("<msgText/>{item}")));
        match read.map(|transcript| transcript.events[0].body.clone()) {
            Ok(EventBody::Message(Message { user_data: Some(data), .. })) => {
                Ok(data.entries()[0].value.clone())
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.fault),
        }
    };
    assert_eq!(item("int", "-2147483648"), Ok(i32::MIN.into()));
    assert_eq!(item("long", "9223372036854775807"), Ok(i64::MAX.into()));
    assert_eq!(item("binary", "00fFAb"), Ok((&[0, 0xff, 0xab][..]).into()));
    assert_eq!(item("string", " x "), Ok(" x ".into()));
    for (kind, text, expected) in [
        ("int", "2147483648", NUMBER_32),
        ("int", "", NUMBER_32),
        ("int", "1 ", NUMBER_32),
        ("long", "9223372036854775808", NUMBER_64),
        ("binary", "0", "pairs of hex digits"),
        ("binary", "0g", "pairs of hex digits"),
        ("binary", "é", "pairs of hex digits"),
    ] {
        assert_eq!(item(kind, text), Err(Fault::Item { expected }), "{kind} {text}");
    }
    let untyped = "<msgText/><userData><item key='k'>7</item></userData>";
    let typed = untyped.replace("'k'", "'k' type='string'");
    assert_eq!(read(&around_in("message", "", untyped)), read(&around_in("message", "", &typed)),);
}

#[test]
fn lists_and_keys_have_their_limits() {
    let list = |levels: usize| {
        let (open, close) = ("<item key='k' type='kvlist'>", "</item>");
        let inside = open.repeat(levels - 1) + &close.repeat(levels - 1);
        around_in("message", "", &format!("<msgText/><userData>{inside}</userData>"))
    };
    let read_list = |levels| read(&list(levels)).map(|transcript| transcript.events);
    let same =
        |event: TranscriptEvent| TranscriptEvent { user_id: "U".into(), time_shift: 0, ..event };
    assert_eq!(read_list(MAX_DEPTH), Ok(vec![same(with_data(deep(MAX_DEPTH)))]));
    assert_eq!(fault(&list(MAX_DEPTH + 1)), Fault::TooDeep);
    assert_eq!(fault(&list(10_000)), Fault::TooDeep);

    let key = |length: usize| {
        let key = "k".repeat(length);
        around_in("message", "", &format!("<msgText/><userData><item key='{key}'/></userData>"))
    };
    assert!(read(&key(1)).is_ok() && read(&key(MAX_KEY)).is_ok());
    for length in [0, MAX_KEY + 1] {
        assert!(error(&key(length)).ends_with("item key: expected 1 to 255 bytes"));
    }
}

#[test]
fn a_document_is_as_large_as_it_may_be() {
    let size = example().len();
    assert!(read_within(size, example()).is_ok());
    let fault = Fault::TooLarge { limit: size - 1 };
    assert_eq!(read_within(size - 1, example()), Err(ReadError { line: 1, column: 1, fault }));
    assert_eq!(fault.to_string(), format!("larger than {} bytes", size - 1));
}

#[test]
fn a_text_that_is_absent_is_empty() {
    let reason = |more: &str, text: &str| {
        let inside = format!("<reason {more}>{text}</reason>");
        around_in("partyLeft", "askerId='U'", &inside)
    };
    assert!(read(&reason("absent='true'", " \n")).is_ok());
    assert_eq!(read(&reason("absent='false'", "x")), read(&reason("", "x")));
    assert_eq!(fault(&reason("absent='true'", "x")), Fault::Text { element: "reason" });
    assert!(error(&reason("absent='1'", "")).ends_with("absent: expected true or false"));
}

/// What customers say is not repeated.
#[test]
fn errors_keep_words_to_themselves() {
    let secret = "Pumpernickel";
    let lists = ["<userData>", "<item key='k' type='int'>", "<item key='k'>"].concat();
    for document in [
        around(secret),
        around(&format!("<{secret}>")),
        around(&format!("</{secret}>")),
        around(&format!("<x {secret}>")),
        around_in("message", &format!("receiverId='&{secret};'"), ""),
        around_in("message", "", &format!("<msgText>&{secret};</msgText>")),
        around_in("message", "", &format!("<msgText treatAs='{secret}'/>")),
        around_in("message", "", &format!("<userData><item key='k' type='{secret}'/></userData>")),
        around_in("message", "", &format!("<userData><item key='k' type='int'>{secret}")),
        around_in("message", "", &format!("{lists}{secret}</item></item></userData>")),
        format!("<!DOCTYPE {secret}>"),
        format!("<?xml {secret}='1.0'?>"),
        format!("<{secret}/>"),
    ] {
        let error = read(&document).map(|_| ()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(secret), "{document}: {error}");
    }
}
