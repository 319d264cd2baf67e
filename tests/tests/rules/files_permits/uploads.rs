//! Permits to upload, and what becomes of them.

use super::*;

#[test]
fn the_limits_are_answered_beside_the_transcript() {
    // B22.2, B22.7
    let center = Center::open();
    let (casey, session) = casey(&center);
    let ana = ana(&center, &session);
    ana.says("hello");
    let position = casey.position();
    for after in [Some(position), Some(EventId::NONE), Some(EventId::MAX), None] {
        let request = casey.notify(NoticeType::SysCommand, "file-client-cfg-get", after);
        let status = casey.asks(request);
        let result = result(&status).expect("a result");
        assert_eq!(result.event_id, EventId::NONE);
        let from = result.party.as_ref().unwrap();
        assert_eq!(from.user_type, UserType::System.into());
        let EventBody::Notice(notice) = &result.body else { panic!("{result:?}") };
        assert_eq!(notice.notice_type, NoticeType::SysCommand.into());
        assert_eq!(notice.notice_text.as_ref().unwrap().reveal(), "file-client-cfg-get");
        // After the events that were asked for.
        let events = &status.chat_transcript.as_ref().unwrap().events;
        let before = match after {
            Some(EventId::NONE) => 3,
            Some(after) if after == position => 2,
            _ => 0,
        };
        assert_eq!(events.len(), before + 1, "{after:?}");
        assert_eq!(events.last(), Some(result));
        // It moves nobody's position.
        let last = match after {
            None => None,
            Some(_) => EventId::new(3),
        };
        assert_eq!(status.last_position, last);
        let all = data(result);
        let entries: Vec<(String, String)> = all
            .into_iter()
            .map(|entry| (entry.key.to_string(), text(all, &entry.key).expect("text")))
            .collect();
        let types = "bmp:csv:doc:docx:gif:htm:jpg:pdf:png:ppt:pptx:tif:txt:xls:xlsx";
        let expected = [
            ("upload-max-files", "3"),
            ("upload-max-file-size", "2097152"),
            ("upload-max-total-size", "5242880"),
            ("download-attempts", "10"),
            ("used-upload-max-files", "0"),
            ("used-upload-max-total-size", "0"),
            ("used-download-attempts", "0"),
            ("upload-file-types", types),
            ("upload-need-agent", "false"),
            ("delete-file", "odd"),
        ];
        assert_eq!(entries, expected.map(|(key, value)| (key.into(), value.into())));
    }
    // Nobody else hears of it, and nothing is recorded.
    ana.sees(["Ana: hello"]);
    assert_eq!(center.world().store.records[&session].events.len(), 3);
    assert_eq!(casey.seen().len(), 3);
}

#[test]
fn a_customer_uploads_a_file() {
    // B22.2, B22.4
    let center = Center::open();
    let (casey, session) = casey(&center);
    let ana = ana(&center, &session);
    let permit = permit(&casey, "cat.png", 2048);
    assert!(permit.len() >= 24, "96 bits in hex digits: {permit}");
    ana.sees_nothing();
    center.stores("DOC1", &session, Some(&permit), 2048);
    let status = casey.asks(announcement(&casey, ("cat.png", 2048), "DOC1", &permit));
    assert_eq!(lines(&status), ["Casey SYS_COMMAND: file-uploaded"]);
    ana.sees(["Casey SYS_COMMAND: file-uploaded"]);
    // The agent fetches it by the document's name; the customer knows the file's id only. The permit
    // is nobody's to see.
    let (theirs, own) = (ana.newest(), casey.look().events.last().cloned().unwrap());
    let keys = |event: &TranscriptEvent| {
        data(event).into_iter().map(|entry| entry.key.to_string()).collect::<Vec<_>>()
    };
    let all = ["file-name", "file-size", "file-source", "file-document-id", "file-id"];
    assert_eq!(keys(&theirs), all);
    assert_eq!(keys(&own), ["file-name", "file-size", "file-source", "file-id"]);
    assert_eq!(text(data(&own), "file-id"), text(data(&theirs), "file-id"));
    assert_eq!(used(&casey), ["1", "2048", "0"]);
    // One-use.
    let again = announcement(&casey, ("cat.png", 2048), "DOC1", &permit);
    casey.is_refused_for(ErrorId::FileRefused, "file-permit", again);
    ana.sees_nothing();
}

#[test]
fn each_limit_has_a_name() {
    // B22.2
    let center = Center::with(&[
        (SECTION, "upload-max-files", "2"),
        (SECTION, "upload-max-file-size", "1000"),
        (SECTION, "upload-max-total-size", "1500"),
        (SECTION, "upload-file-types", "png:JPG"),
        ("settings", "flex-disconnect-timeout", "3600"),
    ]);
    let (casey, session) = casey(&center);
    let refused = |limit: &str, name: &str, size: &str| {
        casey.is_refused_for(ErrorId::FileRefused, limit, question(&casey, name, size));
    };
    refused("upload-max-file-size", "cat.png", "1001");
    refused("upload-max-file-size", "cat.png", "18446744073709551615");
    for name in ["cat.exe", "cat", "png", "cat.png.exe", "cat.", "cat.png ", "cat.png:jpg", "cat.:"]
    {
        refused("upload-file-types", name, "1");
    }
    // At the limits. What is permitted counts, for it will be used.
    permit(&casey, "cat.PNG", 1000);
    assert_eq!(used(&casey), ["1", "1000", "0"]);
    refused("upload-max-total-size", "cat.jpg", "501");
    permit(&casey, "cat.jpg", 500);
    refused("upload-max-files", "cat.png", "0");
    assert_eq!(used(&casey), ["2", "1500", "0"]);
    // What a question needs.
    for (name, size) in [("", "1"), ("cat.png", ""), ("cat.png", "-1"), ("cat.png", "x")] {
        casey.is_refused(ErrorId::Malformed, question(&casey, name, size));
    }
    for path in ["../cat.png", "a\\cat.png", "/cat.png", "cat\n.png"] {
        casey.is_refused(ErrorId::Malformed, question(&casey, path, "1"));
    }
    // Permits that were not used lapse, and what they held is free again.
    for (seconds, count) in [(299, "2"), (1, "0")] {
        center.passes(Duration::from_secs(seconds));
        assert_eq!(used(&casey)[0], count, "after {seconds} more");
    }
    assert_eq!(center.world().store.records[&session].events.len(), 1);
}

#[test]
fn a_zero_forbids_uploads() {
    // B22.2
    for zero in ["upload-max-files", "upload-max-file-size", "upload-max-total-size"] {
        let center = Center::with(&[(SECTION, zero, "0")]);
        let (casey, _) = casey(&center);
        for size in ["0", "1"] {
            let request = question(&casey, "cat.png", size);
            casey.is_refused_for(ErrorId::FileRefused, zero, request);
        }
        // Effective at once, like every option of the section.
        center.reconfigure(&[]);
        permit(&casey, "cat.png", 0);
    }
}

#[test]
fn uploads_may_need_an_agent() {
    // B22.2, B3.6
    let center = Center::with(&[(SECTION, "upload-need-agent", "true")]);
    let (casey, session) = casey(&center);
    let refused = || {
        let request = question(&casey, "cat.png", "1");
        casey.is_refused_for(ErrorId::FileRefused, "upload-need-agent", request);
    };
    refused();
    // A coach is not seen, a robot no agent.
    let coach = center.agent("Coach");
    let join = RequestJoin { session_id: Some(session.clone()), ..RequestJoin::default() };
    coach.asks(RequestJoin { visibility: Some(Visibility::Int), ..join });
    refused();
    let ana = ana(&center, &session);
    permit(&casey, "cat.png", 1);
    ana.leaves(AfterAction::KeepAlive);
    refused();
}

#[test]
fn the_store_has_the_last_word() {
    // B22.2, B22.9: stored under that permit, for that session, of that size.
    let center = Center::with(&[(SECTION, "upload-max-files", "20")]);
    let (casey, session) = casey(&center);
    let (robin, elsewhere) = {
        let robin = Customer::new(&center);
        let session = robin.starts_a_chat("Robin");
        (robin, session)
    };
    let ana = ana(&center, &session);
    let file = ("cat.png", 10);
    let refused = |by: &Customer, request: Request, reason: &str| {
        by.is_refused_for(ErrorId::FileRefused, reason, request);
    };
    // No permit, an invented one, one of another session, one for another name, a smaller one.
    let theirs = permit(&robin, "cat.png", 10);
    center.stores("DOC", &session, Some(&theirs), 10);
    let own = permit(&casey, "cat.png", 10);
    let asked = stats(&center);
    refused(&casey, announcement(&casey, file, "DOC", ""), "file-permit");
    refused(&casey, announcement(&casey, file, "DOC", "0123456789abcdef"), "file-permit");
    refused(&casey, announcement(&casey, file, "DOC", &theirs), "file-permit");
    refused(&casey, announcement(&casey, ("cat.pdf", 10), "DOC", &own), "file-permit");
    refused(&casey, announcement(&casey, ("cat.png", 11), "DOC", &own), "file-permit");
    // A source the store knows nothing of.
    let elsewhere_from = [
        ("file-name", "cat.png"),
        ("file-size", "10"),
        ("file-source", "url"),
        ("file-permit", &*own),
    ];
    refused(&casey, casey.command("file-uploaded", elsewhere_from), "file-source");
    // None of that asks the store, or costs the permit.
    assert_eq!(stats(&center), asked);
    assert_eq!(used(&casey)[0], "1");
    // No such document; one of another session; of another permit; an agent's; of another size. Each
    // costs the permit.
    center.stores("ELSEWHERE", &elsewhere, Some(&own), 10);
    refused(&casey, announcement(&casey, file, "ELSEWHERE", &own), "document");
    refused(&casey, announcement(&casey, file, "ELSEWHERE", &own), "file-permit");
    for (document, of_permit, size) in [
        ("NONE", "", 10),
        ("THEIRS", "another", 10),
        ("AGENTS", "", 10),
        ("LARGER", "own", 11),
        ("SMALLER", "own", 9),
    ] {
        let own = permit(&casey, "cat.png", 10);
        let under = match of_permit {
            "own" => Some(&*own),
            "another" => Some("0123456789abcdef0123456789abcdef"),
            _ => None,
        };
        if document != "NONE" {
            center.stores(document, &session, under, size);
        }
        refused(&casey, announcement(&casey, file, document, &own), "document");
        refused(&casey, announcement(&casey, file, document, &own), "file-permit");
    }
    assert_eq!(used(&casey), ["0", "0", "0"]);
    ana.sees_nothing();
    // Of another customer in the same session.
    let guest = Customer::new(&center);
    guest.logs_in("Guest");
    guest.joins(&session);
    let own = permit(&casey, "cat.png", 10);
    center.stores("DOC2", &session, Some(&own), 10);
    refused(&guest, announcement(&guest, file, "DOC2", &own), "file-permit");
    // A smaller file than permitted is fine, if it is what was stored.
    center.stores("DOC2", &session, Some(&own), 7);
    let status = casey.asks(announcement(&casey, ("cat.png", 7), "DOC2", &own));
    assert_eq!(error(&status), None);
    assert_eq!(used(&casey), ["1", "7", "0"]);
}

#[test]
fn while_the_store_thinks_the_chat_goes_on() {
    // B22.2, wire §4.2
    let center = Center::with(&[("settings", "transcript-auto-save", "0")]);
    let (casey, session) = casey(&center);
    let ana = ana(&center, &session);
    let permit = permit(&casey, "cat.png", 10);
    center.stores("DOC", &session, Some(&permit), 10);
    center.store_stalls();
    let upload = casey.sends(announcement(&casey, ("cat.png", 10), "DOC", &permit));
    center.settle();
    // What is said is said, and others hear of it.
    let message = casey.sends(casey.message("there it comes"));
    let poll = casey.sends(casey.refresh(Some(EventId::NONE), None));
    let wrong = casey.sends(casey.notice(NoticeType::SysCommand, "format-disk"));
    let limits = casey.sends(casey.command("file-client-cfg-get", []));
    center.settle();
    ana.says("take your time");
    ana.sees(["Casey: there it comes", "Ana: take your time"]);
    // But one user's answers keep their order.
    let later = [message, poll, wrong, limits];
    assert!(later.iter().all(|reference| casey.answer(*reference).is_none()));
    center.store_resumes();
    assert_eq!(casey.look().answered[3..], [upload, message, poll, wrong, limits]);
    ana.sees(["Casey SYS_COMMAND: file-uploaded"]);
    assert!(lines(&casey.answer(poll).unwrap()).contains(&"Ana: take your time".into()));
    assert_eq!(error(&casey.answer(wrong).unwrap()), Some(ErrorId::NoticeNotAllowed));
    assert!(result(&casey.answer(limits).unwrap()).is_some());
    casey.polls();
    assert_eq!(
        casey.seen()[1..],
        [
            "Ana comes",
            "Casey: there it comes",
            "Ana: take your time",
            "Casey SYS_COMMAND: file-uploaded"
        ]
    );
}

#[test]
fn two_uploads_at_once_are_answered_in_their_order() {
    // B22.2, wire §4.2
    for seed in 0..20 {
        let center = Center::seeded(seed, &[("settings", "transcript-auto-save", "0")]);
        let (casey, session) = casey(&center);
        let permits = ["A", "B", "C"].map(|document| {
            let permit = permit(&casey, "cat.png", 10);
            center.stores(document, &session, Some(&permit), 10);
            (document, permit)
        });
        // The store's answers overtake each other.
        let latency = Duration::ZERO..=Duration::from_secs(5);
        center.world_mut().store.faults.latency = latency;
        let mut sent = Vec::new();
        for (document, permit) in &permits {
            let request = announcement(&casey, ("cat.png", 10), document, permit);
            sent.push(casey.sends(request));
            sent.push(casey.sends(casey.refresh(None, Some(document))));
        }
        center.passes(Duration::from_secs(20));
        assert_eq!(casey.look().answered[4 + 1..], sent, "seed {seed}");
        assert_eq!(used(&casey)[0], "3");
    }
}

#[test]
fn a_store_that_does_not_answer() {
    // B22.2, B20.6, B22.9
    let center = Center::with(&[
        ("settings", "transcript-auto-save", "0"),
        ("settings", "transcript-resend-attempts", "2"),
        ("settings", "transcript-resend-delay", "10"),
        ("settings", "flex-disconnect-timeout", "3600"),
    ]);
    let (casey, session) = casey(&center);
    let permit = permit(&casey, "cat.png", 10);
    center.stores("DOC", &session, Some(&permit), 10);
    let request = || announcement(&casey, ("cat.png", 10), "DOC", &permit);
    for (fails, stalls) in [(true, false), (false, true)] {
        center.store_fails(fails);
        if stalls {
            center.store_stalls();
        }
        let upload = casey.sends(request());
        center.passes(Duration::from_secs(19));
        assert!(casey.answer(upload).is_none());
        center.passes(Duration::from_secs(12));
        assert_eq!(error(&casey.answer(upload).unwrap()), Some(ErrorId::StoreUnavailable));
        center.store_fails(false);
        center.store_resumes();
    }
    // The permit is as good as new.
    assert_eq!(error(&casey.asks(request())), None);
    assert_eq!(used(&casey), ["1", "10", "0"]);
    // An answer is lost, or lies: the next one counts.
    let permit = self::permit(&casey, "cat.png", 10);
    center.stores("DOC2", &session, Some(&permit), 10);
    center.world_mut().store.faults.lose_per_mille = 1000;
    let upload = casey.sends(announcement(&casey, ("cat.png", 10), "DOC2", &permit));
    center.passes(Duration::from_secs(5));
    center.world_mut().store.faults.lose_per_mille = 0;
    center.passes(Duration::from_secs(10));
    assert_eq!(error(&casey.answer(upload).unwrap()), None);
}

#[test]
fn a_session_that_ends_while_the_store_thinks() {
    // B22.2, B8.6
    let center = Center::open();
    for (how, id) in [
        ("closed", ErrorId::SessionClosed),
        ("logout", ErrorId::SessionClosed),
        ("logout beside Ana", ErrorId::NotInSession),
        ("removed", ErrorId::NotInSession),
    ] {
        let (casey, session) = casey(&center);
        let permit = permit(&casey, "cat.png", 10);
        center.stores("DOC", &session, Some(&permit), 10);
        let ana = (how != "logout").then(|| ana(&center, &session));
        casey.polls();
        center.store_stalls();
        let upload = casey.sends(announcement(&casey, ("cat.png", 10), "DOC", &permit));
        let poll = casey.sends(casey.refresh(Some(casey.position()), None));
        center.settle();
        let user_id = casey.look().user_id.clone();
        let mut sent = vec![upload, poll];
        match (how, &ana) {
            ("closed", Some(ana)) => {
                ana.sends(ana.release(AfterAction::ForceClose));
            }
            ("removed", Some(ana)) => {
                let mut removal = ana.release(AfterAction::KeepAlive);
                removal.user_id = user_id;
                ana.sends(removal);
            }
            _ => sent.push(casey.sends(casey.logout(None))),
        }
        center.settle();
        center.store_resumes();
        assert_eq!(error(&casey.answer(upload).expect(how)), Some(id), "{how}");
        assert!(casey.look().answered.ends_with(&sent), "{how}");
        if let Some(ana) = ana {
            let lines: Vec<_> = ana.events();
            assert!(lines.iter().all(|event| matches!(
                event.body,
                EventBody::NewParty(_) | EventBody::PartyLeft(_)
            )));
        }
    }
    center.passes(Duration::from_secs(120));
    assert_eq!(center.sessions(), 2, "those that Ana is still in");
}

#[test]
fn a_request_that_comes_again_takes_effect_once() {
    // B22.2, B4.8, B22.9
    let center = Center::open();
    let (casey, session) = casey(&center);
    let ana = ana(&center, &session);
    let first = casey.asks(keyed(question(&casey, "cat.png", "10"), "q1"));
    let again = casey.asks(keyed(question(&casey, "cat.png", "10"), "q1"));
    assert_eq!(results(&first), results(&again));
    assert_eq!(used(&casey)[0], "1");
    let permit = text(&results(&first), "file-permit").unwrap();
    center.stores("DOC", &session, Some(&permit), 10);
    let upload = || keyed(announcement(&casey, ("cat.png", 10), "DOC", &permit), "u1");
    center.store_stalls();
    let sent = [casey.sends(upload()), casey.sends(upload()), casey.sends(upload())];
    center.settle();
    center.store_resumes();
    let last = casey.asks(upload());
    for status in sent.map(|reference| casey.answer(reference).unwrap()).iter().chain([&last]) {
        assert_eq!(error(status), None);
    }
    ana.sees(["Casey SYS_COMMAND: file-uploaded"]);
    assert_eq!(used(&casey)[0], "1");
    assert_eq!(stats(&center), 1);
    // Refused once, refused as often as it is asked.
    let permit = self::permit(&casey, "cat.png", 10);
    let upload = || keyed(announcement(&casey, ("cat.png", 10), "NONE", &permit), "u2");
    let sent = [casey.sends(upload()), casey.sends(upload())];
    center.settle();
    for reference in sent {
        assert_eq!(error(&casey.answer(reference).unwrap()), Some(ErrorId::FileRefused));
    }
    casey.is_refused(ErrorId::FileRefused, upload());
}
