use alloc::vec::Vec;

use super::*;
use crate::client::EchoId;
use crate::frame::{Open, Visibility};
use crate::id::UserId;
use crate::text::Text;

fn notice(text: &str, user_data: KvList) -> TranscriptEvent {
    TranscriptEvent {
        event_id: EventId::NONE,
        user_id: UserId::new("0000000000000000"),
        time_shift: 0,
        visibility: Open::Known(Visibility::All),
        party: None,
        participant_no: None,
        event_attributes: None,
        body: EventBody::Notice(Notice {
            notice_type: Open::Known(NoticeType::SysCommand),
            notice_text: Some(Text::new(text)),
            receiver_id: None,
            user_data: Some(user_data),
        }),
    }
}

fn asked(question: Notification) -> Echo {
    Echo { id: EchoId(7), said: Said::Notice(question), key: Str::default(), attempts: 1 }
}

fn pairs(list: &[(&str, &str)]) -> KvList {
    let mut data = KvList::new();
    for (key, value) in list {
        data.push(key, *value);
    }
    data
}

const LIMITS: &[(&str, &str)] = &[
    ("upload-max-files", "3"),
    ("upload-max-file-size", "2097152"),
    ("upload-max-total-size", "5242880"),
    ("download-attempts", "10"),
    ("used-upload-max-files", "1"),
    ("used-upload-max-total-size", "99"),
    ("used-download-attempts", "2"),
    ("upload-file-types", "pdf:png"),
    ("upload-need-agent", "true"),
    ("delete-file", "odd"),
];

#[test]
fn an_announcement_says_what_belongs_to_it() {
    // B22.1, B22.9
    let upload = Upload {
        more: pairs(&[("file-name", "other"), ("colour", "red")]),
        ..Upload::stored("plan.pdf", 1000, DocumentId::new("D1")).permitted(Secret::new("leave"))
    };
    let said = announcement(upload);
    assert_eq!(said.text.unwrap().reveal(), "file-uploaded");
    let data = said.user_data.unwrap();
    let keys: Vec<_> = data.entries().iter().map(|entry| entry.key.as_str()).collect();
    let known = ["file-name", "file-size", "file-source", "file-document-id", "file-permit"];
    assert_eq!(keys, [&known[..], &["file-name", "colour"]].concat());
    // B22.6: of what is said twice, the first stands.
    assert_eq!(data.text("file-name").unwrap(), "plan.pdf");
    assert_eq!(data.text("file-source").unwrap(), "ucs");
    let elsewhere = announcement(Upload::elsewhere("plan.pdf", 0, "a disk")).user_data.unwrap();
    assert_eq!((elsewhere.len(), elsewhere.text("file-document-id")), (3, None));
}

#[test]
fn results_are_read() {
    // B22.2, B22.7, B22.8, B22.10
    let understood = |question: Notification, result: &[(&str, &str)]| {
        let text = question.text.clone().unwrap();
        let event = notice(text.reveal(), pairs(result));
        let news = understood(News::Aside(Box::new(event)), Some(&asked(question)));
        if let News::Files { echo, answer } = news {
            assert_eq!(echo, EchoId(7));
            return Some(*answer);
        }
        assert!(matches!(news, News::Aside(_)), "{news:?}");
        None
    };
    let Some(FileAnswer::Limits(limits)) = understood(limits_question(), LIMITS) else { panic!() };
    assert_eq!((limits.max_files, limits.used_files, limits.used_total_size), (3, 1, 99));
    assert!(limits.needs_agent);
    assert_eq!((&*limits.file_types, &*limits.delete_file), ("pdf:png", "odd"));
    // What a server leaves out or garbles is for its user to judge.
    for missing in LIMITS {
        let some: Vec<_> = LIMITS.iter().copied().filter(|pair| pair != missing).collect();
        assert_eq!(understood(limits_question(), &some), None, "{missing:?}");
    }
    let permit = &[("file-permit", "leave"), ("file-permit-life", "300")];
    let upload = UploadPermit { permit: Secret::new("leave"), life: 300 };
    let given = understood(upload_question("plan.pdf", 1000), permit);
    assert_eq!(given, Some(FileAnswer::Upload(upload)));
    let garbled = &[("file-permit", "leave"), ("file-permit-life", "soon")];
    assert_eq!(understood(upload_question("plan.pdf", 1000), garbled), None);
    let file = &[("file-id", "F"), ("file-name", "plan.pdf"), ("file-size", "1000")];
    let given = understood(download_question(&FileId::new("F")), &[&permit[..], file].concat());
    let Some(FileAnswer::Download(given)) = given else { panic!("{given:?}") };
    assert_eq!((given.size, given.document_id), (1000, None));
    assert_eq!(understood(download_question(&FileId::new("F")), permit), None);
}

#[test]
fn what_was_not_asked_stays_what_it_is() {
    let limits = notice(ASK_LIMITS, pairs(LIMITS));
    for asked in [None, Some(asked(upload_question("plan.pdf", 1)))] {
        let news = News::Aside(Box::new(limits.clone()));
        assert_eq!(understood(news.clone(), asked.as_ref()), news);
    }
    let asked = asked(limits_question());
    let told = News::Told(EventId::NONE);
    assert_eq!(understood(told.clone(), Some(&asked)), told);
    let news = News::Aside(Box::new(notice("ucs-save-fail", KvList::new())));
    assert_eq!(understood(news.clone(), Some(&asked)), news);
}

#[test]
fn secrets_and_names_are_not_printed() {
    let upload = Upload::elsewhere("diagnosis.pdf", 5, "x").permitted(Secret::new("leave"));
    let printed = alloc::format!("{upload:?}");
    assert!(!printed.contains("diagnosis") && !printed.contains("leave"), "{printed}");
}
