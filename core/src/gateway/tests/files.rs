//! Files: limits, permits, documents (B22).

use super::*;
use crate::gateway::answered::data_of;
use crate::id::FileId;

fn upload(size_at_most: Option<u64>) -> Operation {
    let user_data = KvList::from([
        ("file-description", "my cat".into()),
        ("file-permit", "forged".into()),
        ("file-document-id", "somebody-elses".into()),
    ]);
    in_chat(
        "1",
        0,
        Verb::Upload(Box::new(Upload {
            name: Pii::new(Str::new("cat.png")),
            content_type: Str::new("image/png"),
            size_at_most,
            user_data,
        })),
    )
}

fn limits(single: &str, total: &str, used: &str) -> EventStatus {
    let data = KvList::from([
        ("upload-max-file-size", single.into()),
        ("upload-max-total-size", total.into()),
        ("used-upload-max-total-size", used.into()),
    ]);
    told([command(0, "file-client-cfg-get", data)].into(), 4)
}

fn permit() -> EventStatus {
    let data = KvList::from([("file-permit", "0123".into())]);
    told([command(0, "file-upload-request", data)].into(), 4)
}

/// Answers the next question.
#[track_caller]
fn answers(bench: &mut Bench, text: &str, status: EventStatus) -> KvList {
    let (server, reference, notify) = bench.next_notice();
    assert_eq!(notify.notice_text.map(|it| it.reveal().to_string()).as_deref(), Some(text));
    bench.says(server, reference, status);
    notify.user_data.unwrap_or_default()
}

use alloc::string::ToString as _;

/// A bench where a file is to be stored; which call, and how.
fn storing(size_at_most: Option<u64>) -> (Bench, CallId, NewDocument) {
    let mut bench = Bench::new(1);
    bench.calls(upload(size_at_most));
    answers(&mut bench, "file-client-cfg-get", limits("2000", "5000", "4000"));
    answers(&mut bench, "file-upload-request", permit());
    match bench.others.pop() {
        Some(Action::Store { call, document }) => (bench, call, *document),
        other => panic!("{other:?}"),
    }
}

fn stored(size: u64) -> StoreOutcome {
    StoreOutcome::Stored { document: DocumentId::new("D1"), size }
}

#[test]
fn an_upload_is_permitted_stored_and_announced() {
    // B22.2, B22.8, B22.9
    let (mut bench, call, document) = storing(Some(700));
    assert_eq!((&document.session, document.at_most), (&casey().chat_id, 700));
    assert_eq!(document.permit, Secret::new("0123"));
    bench.handle(Input::Stored { call, outcome: stored(512) });
    let (server, reference, notify) = bench.next_notice();
    let data = notify.user_data.expect("user data");
    let texts = ["file-name", "file-size", "file-source", "file-document-id", "file-permit"]
        .map(|key| data.text(key).expect("a text").into_owned());
    assert_eq!(texts, ["cat.png", "512", "ucs", "D1", "0123"]);
    // What only a server or a gateway may say was left out of what the customer said.
    assert_eq!(data.into_iter().filter(|entry| &*entry.key == "file-permit").count(), 1);
    assert_eq!(data.text("file-description").as_deref(), Some("my cat"));
    // From where the announcement is sure to come.
    assert_eq!(notify.last_position, EventId::new(4));
    let own = KvList::from([("file-name", "cat.png".into()), ("file-id", "F1".into())]);
    bench.says(server, reference, told([message(5), command(6, "file-uploaded", own)].into(), 6));
    let done = bench.done();
    assert_eq!(done.user_data.text("file-id").as_deref(), Some("F1"));
    // Nobody asked for events.
    assert_eq!((done.events.len(), done.next_position), (0, 7));
}

#[test]
fn no_permit_is_asked_for_more_than_is_left() {
    let at_most = |size, single, total, used| {
        let mut bench = Bench::new(1);
        bench.calls(upload(size));
        answers(&mut bench, "file-client-cfg-get", limits(single, total, used));
        let data = answers(&mut bench, "file-upload-request", permit());
        data.text("file-size").expect("a text").into_owned()
    };
    assert_eq!(at_most(Some(700), "2000", "5000", "0"), "700");
    assert_eq!(at_most(Some(2001), "2000", "5000", "0"), "2000");
    assert_eq!(at_most(None, "2000", "5000", "4000"), "1000");
    assert_eq!(at_most(None, "2000", "5000", "6000"), "1");
}

#[test]
fn what_cannot_be_stored_is_not_announced() {
    for (outcome, why, retry) in [
        (StoreOutcome::TooLarge, Why::FileTooLarge, false),
        (StoreOutcome::Broken, Why::UploadBroken, true),
        (StoreOutcome::Unavailable, Why::StoreUnavailable, true),
    ] {
        let (mut bench, call, _) = storing(None);
        bench.handle(Input::Stored { call, outcome });
        let failed = bench.failed();
        assert_eq!((failed.why, failed.retry), (why, retry));
        assert!(bench.asked.is_empty());
    }
}

#[test]
fn a_document_nobody_will_hear_of_is_dropped() {
    let dropped = Action::Discard { document: DocumentId::new("D1") };
    let (mut bench, call, _) = storing(None);
    bench.handle(Input::Stored { call, outcome: stored(9) });
    let (server, reference, _) = bench.next_notice();
    bench.says(server, reference, refusal(ErrorId::FileRefused));
    assert_eq!(bench.failed().why, Why::FileRefused);
    assert_eq!(bench.others.pop().as_ref(), Some(&dropped));

    let (mut bench, call, _) = storing(None);
    bench.handle(Input::Cancelled { call });
    bench.handle(Input::Stored { call, outcome: stored(9) });
    assert_eq!(bench.others.pop().as_ref(), Some(&dropped));
    assert!(bench.answers.is_empty() && bench.asked.is_empty());

    // Whoever may have heard of it keeps it.
    let (mut bench, call, _) = storing(None);
    bench.handle(Input::Stored { call, outcome: stored(9) });
    bench.next_notice();
    bench.passes(60 * SECOND);
    assert_eq!(bench.failed().why, Why::InDoubt);
    assert_ne!(bench.others.pop(), Some(dropped));
}

#[test]
fn a_file_that_never_comes_is_given_up() {
    let (mut bench, _, _) = storing(None);
    bench.passes(599 * SECOND);
    assert!(bench.answers.is_empty());
    bench.passes(SECOND);
    assert_eq!(bench.failed().why, Why::UploadBroken);
}

fn download() -> (Bench, u32) {
    let mut bench = Bench::new(1);
    bench.calls(in_chat("1", 0, Verb::Download { file_id: "F1".into() }));
    let (_, reference, notify) = bench.next_notice();
    assert_eq!(notify.user_data.expect("user data").text("file-id").as_deref(), Some("F1"));
    (bench, reference)
}

fn found() -> EventStatus {
    let data = KvList::from([
        ("file-permit", "0123".into()),
        ("file-name", "cat.png".into()),
        ("file-document-id", "D1".into()),
    ]);
    told([command(0, "file-download-request", data)].into(), 4)
}

#[test]
fn a_download_is_permitted_and_found() {
    // B22.10
    let (mut bench, reference) = download();
    bench.says(A, reference, found());
    let Some(Action::Find { call, document }) = bench.others.pop() else { panic!() };
    assert_eq!(document, DocumentId::new("D1"));
    let content_type = Str::new("image/png");
    bench.handle(Input::Found { call, outcome: FindOutcome::Found { size: 9, content_type } });
    let ApiAnswer::File(file) = bench.answer() else { panic!() };
    assert_eq!(
        (&**file.name.reveal(), file.size, &*file.content_type),
        ("cat.png", 9, "image/png")
    );
}

#[test]
fn a_download_may_come_to_nothing() {
    for (outcome, why) in
        [(FindOutcome::NotFound, Why::FileGone), (FindOutcome::Unavailable, Why::StoreUnavailable)]
    {
        let (mut bench, reference) = download();
        bench.says(A, reference, found());
        let Some(Action::Find { call, .. }) = bench.others.pop() else { panic!() };
        bench.handle(Input::Found { call, outcome });
        assert_eq!(bench.failed().why, why);
    }
    let (mut bench, reference) = download();
    bench.says(A, reference, refusal(ErrorId::FileRefused));
    assert_eq!(bench.failed().why, Why::FileRefused);
    // B22.3: a file of another chat is none.
    let (mut bench, reference) = download();
    bench.says(A, reference, refusal(ErrorId::Malformed));
    assert_eq!(bench.failed().why, Why::FileGone);
    // A server that does not trust this gateway names no document.
    let (mut bench, reference) = download();
    let data = KvList::from([("file-permit", "0123".into())]);
    bench.says(A, reference, told([command(0, "file-download-request", data)].into(), 4));
    assert_eq!(bench.failed().why, Why::NotTrusted);
    assert_eq!(bench.others.pop(), Some(Action::Report(Report::NotTrusted { server: A })));
}

#[test]
fn where_there_are_no_documents_nobody_is_asked_for_a_file() {
    // B26.11
    let mut bench = Bench::new(1);
    bench.gateway.settings.has_documents = false;
    let download = Verb::Download { file_id: FileId::new("00E1B7C6D8F90A12") };
    for operation in [upload(Some(5)), in_chat("1", 0, download)] {
        let call = bench.calls(operation);
        assert!(bench.asked.is_empty());
        match bench.answers.pop() {
            Some((answered, ApiAnswer::Failed(failed))) => {
                assert_eq!((answered, failed.why, failed.retry), (call, Why::FileRefused, false));
                assert!(failed.customer.is_some());
            }
            other => panic!("{other:?}"),
        }
    }
    bench.calls(in_chat("1", 0, Verb::FileLimits));
    let data = KvList::from([("upload-max-files", "3".into()), ("delete-file", "odd".into())]);
    let told = told([command(0, "file-client-cfg-get", data)].into(), 4);
    answers(&mut bench, "file-client-cfg-get", told);
    match bench.answers.pop() {
        Some((_, ApiAnswer::Done(done))) => {
            assert_eq!(done.user_data.text("upload-max-files").as_deref(), Some("0"));
            assert_eq!(done.user_data.text("delete-file").as_deref(), Some("odd"));
            let shown = data_of(&done.events[0]).and_then(|data| data.text("upload-max-files"));
            assert_eq!(shown.as_deref(), Some("0"));
        }
        other => panic!("{other:?}"),
    }
}
