//! The language of a session (§16 of the behaviour): where it comes from, who changes it, and that
//! every text arrives as it was written.

use std::time::Duration;

use confer_core::frame::basic::{RequestMessage, RequestNotify, RequestRegister};
use confer_core::frame::flex::Request;
use confer_core::frame::{ErrorId, EventBody, KvList, NoticeType, TranscriptEvent, UserType};
use confer_core::text::Text;
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, create, kv, register};
use confer_tests::people::visitor::{Customer, lines};
use confer_tests::people::workflow::{Workflow, text_list};

const SECOND: Duration = Duration::from_secs(1);
const ALERT: &str = "System IDLE_CONTROL_ALERT: ";
const COMMAND: &str = "configure-session";

/// Texts in many scripts: right to left with marks, joined by no spaces, composed and decomposed,
/// beyond the first plane, joined emoji, and what looks like markup.
const SCRIPTS: [&str; 8] = [
    "مرحبا، كيف حالك؟ ١٢٣ \u{202b}٪\u{202c}",
    "שָׁלוֹם",
    "你好，世界。𠮷野家",
    "日本語テスト ｶﾀｶﾅ 한국어 조합 한글",
    "नमस्ते ไทย தமிழ்",
    "é e\u{301} ß İ ﬁ",
    "👨‍👩‍👧‍👦 🏳️‍🌈 👋🏽 🐸",
    "<b>&amp;\"'\\ \t\u{feff}\u{2028}",
];

/// The texts of the server, and languages that have some of their own.
const OPTIONS: [(&str, &str, &str); 18] = [
    ("settings", "flex-disconnect-timeout", "10000"),
    ("inactivity-control", "enabled", "true"),
    ("inactivity-control", "message-alert", "plain"),
    ("inactivity-control", "message-close", "plain end"),
    ("languages.austrian", "name", "Österreichisch"),
    ("languages.austrian", "language", "DE"),
    ("languages.austrian", "country", "at"),
    ("languages.austrian", "message-alert", "Grüß Gott?"),
    ("languages.german", "language", "de"),
    ("languages.german", "message-alert", "Hallo?"),
    ("languages.german", "message-close", "Tschüss 👋"),
    ("languages.arabic", "language", "ar"),
    ("languages.arabic", "country", "EG"),
    ("languages.arabic", "use-language-as-default", "true"),
    ("languages.arabic", "message-alert", "هل أنت هنا؟"),
    ("languages.chinese", "language", "zh"),
    ("languages.chinese", "message-alert", "您还在吗？🐼"),
    ("languages.chinese", "message-close", ""),
];

/// A workflow, and a customer with this user data and an agent in a session.
fn three(center: &Center, user_data: KvList) -> (Workflow, Desk, Desk) {
    let (workflow, casey, ana) =
        (Workflow::new(center), center.customer("Casey"), center.agent("Ana"));
    let mut request = create();
    request.user_data = Some(user_data);
    casey.asks(request);
    ana.joins(&casey);
    // SYSTEM is there before anything is compared.
    center.passes(SECOND * 256);
    casey.says("here");
    casey.looks_away();
    ana.looks_away();
    (workflow, casey, ana)
}

/// The first alert after another silence.
fn alert(center: &Center, casey: &Desk) -> String {
    casey.says("here");
    center.passes(SECOND * 256);
    let EventBody::Notice(notice) = casey.newest().body else { panic!("no notice") };
    assert_eq!(notice.notice_type.known(), Some(NoticeType::IdleControlAlert));
    casey.says("here");
    casey.looks_away();
    notice.notice_text.expect("a text").reveal().to_owned()
}

fn command(desk: &Desk, user_data: Option<KvList>) -> RequestNotify {
    RequestNotify { user_data, ..desk.notice(NoticeType::SysCommand, COMMAND) }
}

#[test]
fn b16_2_the_language_a_session_is_created_with() {
    for (user_data, expected) in [
        (kv([]), "plain"),
        (kv([("GCTI_LanguageName", "Österreichisch")]), "Grüß Gott?"),
        (kv([("GCTI_LanguageName", "german"), ("GCTI_LanguageCode", "ar-EG")]), "Hallo?"),
        (kv([("GCTI_LanguageName", "Klingon"), ("GCTI_LanguageCode", "ar-EG")]), "plain"),
        (kv([("GCTI_LanguageCode", "de-AT")]), "Grüß Gott?"),
        (kv([("GCTI_LanguageCode", "de_CH")]), "Hallo?"),
        (kv([("GCTI_LanguageCode", "ar-SA")]), "هل أنت هنا؟"),
        (kv([("GCTI_LanguageCode", "ZH_tw")]), "您还在吗？🐼"),
        (kv([("GCTI_LanguageCode", "fr-FR")]), "plain"),
    ] {
        let center = Center::with(&OPTIONS);
        let (_, casey, _) = three(&center, user_data.clone());
        assert_eq!(alert(&center, &casey), expected, "{user_data:?}");
    }
}

#[test]
fn b14_7_the_workflow_changes_the_language_and_a_code_decides_alone() {
    // B16.3
    let center = Center::with(&OPTIONS);
    let (workflow, casey, _ana) = three(&center, kv([("GCTI_LanguageCode", "de")]));
    for (parameters, expected) in [
        (&[("GCTI_LanguageCode", "ar-EG")][..], "هل أنت هنا؟"),
        (&[("GCTI_LanguageName", "german")], "Hallo?"),
        (&[("GCTI_LanguageName", "german"), ("GCTI_LanguageCode", "zh-CN")], "您还在吗？🐼"),
        (&[("GCTI_LanguageName", "german"), ("GCTI_LanguageCode", "fr")], "plain"),
        (&[("GCTI_LanguageName", "Klingon")], "plain"),
        (&[("GCTI_LanguageCode", "de-AT")], "Grüß Gott?"),
        (&[("GCTI_LanguageCode", "")], "plain"),
    ] {
        workflow.calls(&casey.session(), "ConfigureSession", parameters).expect("granted");
        // Nobody is told of it.
        casey.sees_nothing();
        assert_eq!(alert(&center, &casey), expected, "{parameters:?}");
    }
}

#[test]
fn b7_4_participants_change_the_language_too_and_a_name_decides_alone() {
    // B16.3: customers and agents, on either protocol; everybody sees who did.
    let center = Center::with(&OPTIONS);
    let (_, casey, ana) = three(&center, kv([("GCTI_LanguageCode", "de")]));
    casey.asks(command(&casey, Some(kv([("GCTI_LanguageCode", "ar")]))));
    ana.sees(["Casey SYS_COMMAND: configure-session"]);
    assert_eq!(alert(&center, &casey), "هل أنت هنا؟");
    let both = kv([("GCTI_LanguageName", "german"), ("GCTI_LanguageCode", "zh")]);
    ana.asks(command(&ana, Some(both)));
    casey.sees(["Ana SYS_COMMAND: configure-session"]);
    assert_eq!(alert(&center, &casey), "Hallo?");

    let kim = Customer::new(&center);
    kim.logs_in("Kim");
    kim.joins(&casey.session());
    let Request::RequestNotify(mut notify) = kim.notice(NoticeType::SysCommand, COMMAND) else {
        panic!("a Notify")
    };
    notify.user_data = Some(text_list(&[("GCTI_LanguageCode", "zh-CN")]));
    let seen = kim.asks(Request::RequestNotify(notify));
    assert_eq!(lines(&seen), ["Kim SYS_COMMAND: configure-session"]);
    assert_eq!(alert(&center, &casey), "您还在吗？🐼");
}

#[test]
fn b7_4_a_command_that_makes_no_sense_changes_nothing() {
    let center = Center::with(&OPTIONS);
    let (_, casey, ana) = three(&center, kv([("GCTI_LanguageCode", "de")]));
    let long = "x".repeat(256);
    for user_data in [
        None,
        Some(kv([("language", "ar")])),
        Some(kv([("GCTI_LanguageName", &long)])),
        Some(KvList::from([("GCTI_LanguageCode", kv([]).into())])),
    ] {
        casey.is_refused(ErrorId::Malformed, command(&casey, user_data));
    }
    // B6.2: a client of version 103 does not know commands.
    let old = RequestRegister { client_version: Some(103), ..register("Old", UserType::Agent) };
    let old = center.someone(old);
    old.joins(&casey);
    let wanted = command(&old, Some(kv([("GCTI_LanguageCode", "ar")])));
    old.is_refused(ErrorId::NoticeNotAllowed, wanted);
    ana.sees(["Old comes"]);
    assert_eq!(alert(&center, &casey), "Hallo?");
}

#[test]
fn b16_4_what_a_language_does_not_say_the_server_says() {
    // Option by option: Arabic has no text for the close, Chinese has one that is empty (B11.3).
    for (code, lines) in [
        ("ar", &["هل أنت هنا؟", "plain end"][..]),
        ("de-AT", &["Grüß Gott?", "plain end"]),
        ("de", &["Hallo?", "Tschüss 👋"]),
        ("zh", &["您还在吗？🐼"]),
    ] {
        let center = Center::with(&OPTIONS);
        let (_, casey, _ana) = three(&center, kv([("GCTI_LanguageCode", code)]));
        center.passes(SECOND * 301);
        let notices: Vec<_> = casey.events().iter().filter_map(notice_text).collect();
        assert_eq!(&notices[notices.len() - lines.len()..], lines, "{code}");
        assert_eq!(notices.iter().filter(|text| *text == lines[0]).count(), 2, "{code}");
    }
}

#[test]
fn b11_6_what_the_workflow_says_beats_the_language() {
    let center = Center::with(&OPTIONS);
    let (workflow, casey, _ana) = three(&center, kv([("GCTI_LanguageCode", "de")]));
    let own = [("message-alert", "Nur für Sie 🐸")];
    workflow.calls(&casey.session(), "IdleControlConfigure", &own).expect("granted");
    casey.looks_away();
    center.passes(SECOND * 256);
    casey.sees([&format!("{ALERT}Nur für Sie 🐸")]);
    center.passes(SECOND * 45);
    casey.sees(["System IDLE_CONTROL_CLOSE: Tschüss 👋", "Casey goes, 7", "Ana goes, 7", "closed"]);
}

#[test]
fn b16_1_languages_may_be_configured_anew_while_a_session_lives() {
    // B16.1
    let center = Center::with(&OPTIONS);
    let (_, casey, _ana) = three(&center, kv([("GCTI_LanguageCode", "fr")]));
    assert_eq!(alert(&center, &casey), "plain");
    let mut options = OPTIONS.to_vec();
    options.push(("languages.french", "language", "fr"));
    options.push(("languages.french", "message-alert", "Vous êtes là ?"));
    center.reconfigure(&options);
    assert_eq!(alert(&center, &casey), "Vous êtes là ?");
}

#[test]
fn b16_4_every_text_in_any_script_arrives_as_it_was_written() {
    for text in SCRIPTS {
        let center = Center::with(&[
            ("settings", "flex-disconnect-timeout", "10000"),
            ("inactivity-control", "enabled", "true"),
            ("languages.x", "language", "xx"),
            ("languages.x", "message-alert", text),
        ]);
        let (workflow, ana) = (Workflow::new(&center), center.agent("Ana"));
        let name = text.trim();
        let casey = center.someone(register(text, UserType::Client));
        let data = || kv([("GCTI_LanguageCode", "xx"), ("note", text), (name, "key")]);
        let mut request = create();
        request.user_data = Some(data());
        request.message_text = Some(Text::new(text));
        casey.asks(request);
        ana.joins(&casey);
        let attributes = kv([("note", text)]);
        ana.asks(RequestMessage {
            user_data: Some(data()),
            event_attributes: Some(attributes.clone()),
            ..ana.message(text)
        });
        ana.notifies(NoticeType::UserCustom, text);
        let kim = Customer::new(&center);
        kim.logs_in(text);
        kim.joins(&casey.session());
        kim.says(text);
        let said = [("MessageText", text), ("Nickname", text)];
        workflow.calls(&casey.session(), "Message", &said).expect("granted");
        center.passes(SECOND * 256);

        let written = |event: &TranscriptEvent| match &event.body {
            EventBody::NewParty(new) => new.message_text.clone(),
            EventBody::Message(message) => Some(message.message_text.clone()),
            EventBody::Notice(notice) => notice.notice_text.clone(),
            EventBody::PartyLeft(_) | EventBody::Unknown(_) => None,
        };
        let texts = |events: &[TranscriptEvent]| {
            events.iter().filter_map(written).filter(|it| it.reveal() == text).count()
        };
        // Greeting, message, notice, flex message, the workflow's and the server's.
        assert_eq!(texts(&ana.events()), 6, "{text}");
        kim.polls();
        assert_eq!(texts(&kim.look().events), 6, "{text}");
        let stored: Vec<_> =
            center.world().store.records[&casey.session()].events.values().cloned().collect();
        assert_eq!(texts(&stored), 6, "{text}");

        let names = |events: &[TranscriptEvent]| {
            let of = |event: &TranscriptEvent| {
                event.party.as_ref()?.user_nickname.reveal().to_string().into()
            };
            events.iter().filter_map(of).filter(|it: &String| it == name).count()
        };
        assert_eq!(names(&ana.events()), 3, "{text}");
        let message = ana.events().into_iter().find(|event| event.event_attributes.is_some());
        let message = message.expect("a message with attributes");
        assert_eq!(message.event_attributes, Some(attributes), "{text}");
        let EventBody::Message(body) = message.body else { panic!("no message") };
        assert_eq!(body.user_data, Some(data()), "{text}");
    }
}

fn notice_text(event: &TranscriptEvent) -> Option<String> {
    let EventBody::Notice(notice) = &event.body else { return None };
    notice.notice_text.as_ref().map(|text| text.reveal().to_owned())
}
