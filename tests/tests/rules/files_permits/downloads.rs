//! Downloads, deletions, limits, and customers on basic.

use super::*;

#[test]
fn a_customer_downloads_as_often_as_it_may() {
    // B22.2, B22.10
    let center = Center::with(&[(SECTION, "download-attempts", "2")]);
    let (casey, session) = casey(&center);
    let ana = ana(&center, &session);
    let receipt = [
        ("file-name", "receipt.png"),
        ("file-size", "2048"),
        ("file-source", "ucs"),
        ("file-document-id", "0001DOCUMENT0001"),
    ];
    ana.asks(ana.command("file-uploaded", receipt));
    let id = text(data(&ana.newest()), "file-id").unwrap();
    let inside = ana.command("file-uploaded", receipt);
    ana.asks(RequestNotify { visibility: Some(Visibility::Int), ..inside });
    let hidden = text(data(&ana.newest()), "file-id").unwrap();
    ana.asks(ana.command("file-uploaded", [receipt[0], receipt[1], ("file-source", "url")]));
    let nowhere = text(data(&ana.newest()), "file-id").unwrap();
    let download = |id: &str| casey.command("file-download-request", [("file-id", id)]);
    // None of these is an attempt.
    for unknown in ["", "0000000000000000", &hidden] {
        casey.is_refused(ErrorId::Malformed, download(unknown));
    }
    casey.is_refused_for(ErrorId::FileRefused, "document store", download(&nowhere));
    let mut permits = Vec::new();
    for attempt in ["1", "2"] {
        let granted = results(&casey.asks(download(&id)));
        let keys: Vec<_> = granted.into_iter().map(|entry| &*entry.key).collect();
        let expected = ["file-permit", "file-permit-life", "file-id", "file-name", "file-size"];
        assert_eq!(keys, expected, "never file-document-id");
        permits.push(text(&granted, "file-permit"));
        assert_eq!(used(&casey)[2], attempt);
    }
    assert_ne!(permits[0], permits[1]);
    casey.is_refused_for(ErrorId::FileRefused, "download-attempts", download(&id));
    center.reconfigure(&[]);
    casey.asks(download(&id));
    ana.asks(ana.command("file-deleted", [("file-id", &*id)]));
    casey.is_refused_for(ErrorId::FileRefused, "deleted", download(&id));
}

#[test]
fn a_gateway_learns_which_document_it_is() {
    // B22.2, B22.10: over a connection that showed the port's token.
    let center = Center::open();
    let (casey, session) = casey(&center);
    let id = uploads(&center, &casey, "DOC1", 10);
    let document = |by: &Customer| {
        let request = by.command("file-download-request", [("file-id", &*id)]);
        text(&results(&by.asks(keyed(request, "d1"))), "file-document-id")
    };
    assert_eq!(document(&casey), None);
    center.world_mut().settings.access_token = Some(Secret::new("sesame"));
    let robin = Customer::new(&center);
    robin.logs_in("Robin");
    robin.joins(&session);
    assert_eq!(document(&robin).as_deref(), Some("DOC1"));
    // No event says so, even there.
    assert!(robin.look().events.iter().all(|event| match &event.body {
        EventBody::Notice(notice) => {
            notice.user_data.as_ref().and_then(|data| data.text("file-document-id")).is_none()
        }
        _ => true,
    }));
}

#[test]
fn what_a_deletion_gives_back() {
    // B22.3, B22.11
    for (option, deletes, left) in
        [("none", false, ["1", "10"]), ("odd", true, ["1", "10"]), ("even", true, ["0", "0"])]
    {
        let center = Center::with(&[(SECTION, "delete-file", option)]);
        let (casey, session) = casey(&center);
        let ana = ana(&center, &session);
        let id = uploads(&center, &casey, "DOC1", 10);
        ana.looks_away();
        let request = || casey.command("file-deleted", [("file-id", &*id)]);
        if deletes {
            assert_eq!(error(&casey.asks(request())), None);
            ana.sees(["Casey SYS_COMMAND: file-deleted"]);
            casey.is_refused_for(ErrorId::FileRefused, "deleted", request());
        } else {
            casey.is_refused_for(ErrorId::FileRefused, "delete-file", request());
            ana.sees_nothing();
        }
        assert_eq!(used(&casey)[..2], left, "{option}");
        // It is the customers' option: agents delete, and take nothing of the limits.
        let mine = [("file-name", "a"), ("file-size", "5"), ("file-source", "url")];
        ana.asks(ana.command("file-uploaded", mine));
        let id = text(data(&ana.newest()), "file-id").unwrap();
        ana.asks(ana.command("file-deleted", [("file-id", &*id)]));
        assert_eq!(used(&casey)[..2], left, "{option}");
    }
}

#[test]
fn permits_are_bounded() {
    // B22.2, B17.4, B22.8
    let center = Center::with(&[(SECTION, "upload-max-files", "1000")]);
    let (casey, _) = casey(&center);
    for _ in 0..64 {
        permit(&casey, "cat.png", 1);
    }
    casey.is_refused(ErrorId::LimitReached, question(&casey, "cat.png", "1"));
}

#[test]
fn what_waits_behind_an_announcement_is_bounded() {
    // B22.2, wire §4.2
    let center = Center::with(&[("settings", "transcript-auto-save", "0")]);
    let (casey, session) = casey(&center);
    let permit = permit(&casey, "cat.png", 10);
    center.stores("DOC", &session, Some(&permit), 10);
    center.store_stalls();
    let upload = casey.sends(announcement(&casey, ("cat.png", 10), "DOC", &permit));
    let polls: Vec<u32> =
        (0..1024).map(|_| casey.sends(casey.refresh(Some(casey.position()), None))).collect();
    center.settle();
    let (held, refused) = polls.split_at(1023);
    assert!(held.iter().chain([&upload]).all(|reference| casey.answer(*reference).is_none()));
    assert_eq!(error(&casey.answer(refused[0]).unwrap()), Some(ErrorId::StoreUnavailable));
    center.store_resumes();
    assert!(held.iter().all(|reference| error(&casey.answer(*reference).unwrap()).is_none()));
    assert_eq!(error(&casey.answer(upload).unwrap()), None);
}

#[test]
fn a_customer_of_a_messaging_channel_does_the_same() {
    // B22.2, on basic
    let center = Center::with(&[("settings", "transcript-auto-save", "0")]);
    let (casey, ana) = (center.customer("Casey"), center.agent("Ana"));
    casey.creates();
    ana.joins(&casey);
    casey.looks_away();
    ana.looks_away();
    let ask = |text: &str, entries: [(&str, &str); 2]| {
        let info = casey.asks(casey.command(text, entries));
        let [event] = &*info.chat_transcript.events else { panic!("{info:?}") };
        assert_eq!(event.event_id, EventId::NONE);
        data(event).clone()
    };
    let question = [("file-name", "cat.png"), ("file-size", "10")];
    let permit = text(&ask("file-upload-request", question), "file-permit").unwrap();
    center.stores("DOC", &casey.session(), Some(&permit), 10);
    let upload = || {
        let data = [
            question[0],
            question[1],
            ("file-source", "ucs"),
            ("file-document-id", "DOC"),
            ("file-permit", &*permit),
        ];
        let upload = casey.command("file-uploaded", data);
        RequestNotify { request_key: Some(Str::new("u1")), ..upload }
    };
    center.store_stalls();
    let sent = [casey.sends(upload()), casey.sends(upload())];
    center.settle();
    // On basic nobody waits: every answer holds the events of its own request.
    casey.says("there it comes");
    ana.sees(["Casey: there it comes"]);
    assert!(sent.iter().all(|reference| casey.answer(*reference).is_none()));
    center.store_resumes();
    for reference in sent {
        let Some(Ok(Event::EventSessionInfo(info))) = casey.answer(reference) else {
            panic!("refused")
        };
        assert_eq!(info.chat_transcript.events.len(), 1);
    }
    casey.sees(["Casey: there it comes", "Casey SYS_COMMAND: file-uploaded"]);
    ana.sees(["Casey SYS_COMMAND: file-uploaded"]);
    casey.is_refused(ErrorId::FileRefused, RequestNotify { request_key: None, ..upload() });
    let limits = ask("file-client-cfg-get", [("a", "b"), ("c", "d")]);
    assert_eq!(text(&limits, "used-upload-max-files").as_deref(), Some("1"));
    // Lost while the store thinks: nothing comes of it.
    let permit = text(&ask("file-upload-request", question), "file-permit").unwrap();
    center.stores("DOC2", &casey.session(), Some(&permit), 10);
    center.store_stalls();
    casey.sends(casey.command(
        "file-uploaded",
        [
            question[0],
            question[1],
            ("file-source", "ucs"),
            ("file-document-id", "DOC2"),
            ("file-permit", &*permit),
        ],
    ));
    center.settle();
    casey.is_cut_off();
    center.store_resumes();
    ana.sees(["Casey goes, 3"]);
}

#[test]
fn a_result_is_there_however_long_the_transcript_is() {
    // B22.2, wire §4.2
    let center = Center::open();
    let (casey, session) = casey(&center);
    let ana = ana(&center, &session);
    for _ in 0..6 {
        ana.says(&"ж".repeat(65_535));
    }
    for _ in 0..6 {
        ana.says(&"漢".repeat(65_535));
    }
    let request = casey.notify(NoticeType::SysCommand, "file-client-cfg-get", Some(EventId::NONE));
    let status = casey.asks(request);
    assert!(status.more_events && result(&status).is_some());
    while casey.polls().more_events {}
    assert_eq!(casey.seen().len(), 14);
}
