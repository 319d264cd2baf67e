use quickcheck::{Arbitrary, Gen, QuickCheck};

use super::*;
use crate::ask::Loaded;
use crate::config::SaveNotices;
use crate::frame::{NoticeType, ProtocolType, UserType, Visibility};
use crate::id::{EventId, FileId, SessionId, UserId};
use crate::mask::NoMask;
use crate::pii::{Pii, Secret};
use crate::session::asynchrony::{AsyncStatus, Asynchrony};
use crate::session::language::Language;
use crate::session::outbox::Step;
use crate::session::overrides::Overrides;
use crate::session::push::{Subscriber, Subscription};
use crate::session::roster::{Participant, Seat};
use crate::session::transcript::{Left, More, Reason, What, Words};
use crate::session::visibility::Audience;
use crate::text::{Str, Text};
use crate::time::{Instant, Stamp};

/// Something that happens in a session.
#[derive(Clone, Copy, Debug)]
struct Deed(u8, u8, u8);

impl Arbitrary for Deed {
    fn arbitrary(g: &mut Gen) -> Self {
        Self(u8::arbitrary(g), u8::arbitrary(g), u8::arbitrary(g))
    }
}

fn start() -> Stamp {
    Stamp::from_unix_seconds(1_700_000_000)
}

fn text(number: u8) -> String {
    alloc::format!("text {number}")
}

fn attributes(number: u8) -> Option<KvList> {
    number.is_multiple_of(3).then(|| {
        let system = KvList::from([("pii-cleanup", KvList::from([("x", 1.into())]).into())]);
        KvList::from([("own", (&*text(number)).into()), ("GCTI_SYSTEM", system.into())])
    })
}

fn words(number: u8) -> Words {
    let more = More {
        message_type: number.is_multiple_of(5).then(|| Str::new("plain")),
        event_attributes: attributes(number),
        user_data: number.is_multiple_of(7).then(|| KvList::from([("k", 7.into())])),
        ..More::default()
    };
    Words::new(Text::new(&text(number)), more)
}

fn happen(session: &mut Session, audience: Audience, what: What) {
    let before = session.transcript.last();
    let renames = matches!(what, What::Notice(NoticeType::UserUpdateNick, _));
    let stamp = Stamp::from_unix_seconds(1_700_000_000 + i64::from(before.number()));
    let to = session.happen(&NoMask, audience, what, stamp);
    session.queue(Step { renames, ..Step::new(before, to, None) });
    let step = session.outbox.release().expect("nothing waits");
    session.told(&step);
}

fn come(session: &mut Session, one: u8, two: u8) {
    let number = session.roster.ever();
    let flex = one.is_multiple_of(2);
    let user_type = match one % 5 {
        0 | 2 => UserType::Client,
        1 => UserType::Agent,
        3 => UserType::Supervisor,
        _ => UserType::External,
    };
    let visibility = match user_type {
        UserType::Agent if two.is_multiple_of(3) => Visibility::Int,
        UserType::Supervisor if two.is_multiple_of(3) => Visibility::Vip,
        UserType::Client
        | UserType::Agent
        | UserType::Supervisor
        | UserType::External
        | UserType::System => Visibility::All,
    };
    let bot = user_type == UserType::Agent && two.is_multiple_of(2);
    let mut user_data = KvList::from([("who", (&*text(one)).into())]);
    if bot {
        user_data.push("GCTI_Chat_PartyStyle", "BOT");
    }
    let seat = if user_type == UserType::External { Seat::Voice } else { Seat::Former };
    let protocol = match user_type {
        UserType::External => ProtocolType::Esp,
        UserType::Client if flex => ProtocolType::Flex,
        UserType::Client | UserType::Agent | UserType::Supervisor | UserType::System => {
            ProtocolType::Basic
        }
    };
    let party = session.roster.add(Participant {
        user_id: UserId::new(&alloc::format!("U{number}")),
        user_type,
        visibility,
        protocol,
        nickname: Pii::new(Str::new(&text(two))),
        person_id: two.is_multiple_of(2).then(|| Pii::new(Str::new("person"))),
        time_zone_offset: Some(i32::from(one)),
        client_version: two.is_multiple_of(3).then_some(105),
        user_data,
        bot,
        seat,
        number: 0,
        joined: session.transcript.last().next().expect("room"),
        fetched: EventId::NONE,
        left: None,
    });
    if protocol == ProtocolType::Flex {
        let key = Fingerprint::of(&Secret::new(&text(two)));
        let former = (0..two % 3).map(|it| UserId::new(&alloc::format!("F{number}-{it}")));
        let former = former.collect();
        session.dossier.guests.push(Guest { party, key, former, removed: false });
        if two.is_multiple_of(2) {
            let subscription = Subscription::new(&KvList::new()).expect("small");
            let group = two.is_multiple_of(4).then(|| Str::new("group"));
            let subscription = Subscription { group, ..subscription };
            session.subscribers.add(Subscriber::new(party, subscription, None));
        }
    }
    let audience = Audience { sender: party, receiver: None, visibility };
    happen(session, audience, What::NewParty((two % 2 == 1).then(|| words(one))));
}

fn someone(session: &Session, which: u8) -> Option<(PartyNo, Visibility)> {
    let present = session.roster.present();
    let party = *present.get(usize::from(which) % present.len().max(1))?;
    Some((party, session.roster.party(party).visibility))
}

fn go(session: &mut Session, one: u8, two: u8) {
    let Some((sender, visibility)) = someone(session, one) else { return };
    let asker = someone(session, two).map_or(sender, |it| it.0);
    let codes = [None, Some(1), Some(3), Some(4), Some(8)];
    let reason = Reason::by_code(codes[usize::from(two) % codes.len()]).expect("a reason");
    let words = two.is_multiple_of(2).then(|| words(two));
    let left = Left { asker, reason, words };
    let audience = Audience { sender, receiver: None, visibility };
    happen(session, audience, What::PartyLeft(alloc::boxed::Box::new(left)));
    let last = session.transcript.last();
    session.roster.remove(sender, last);
    let known = reason != Reason::Plain;
    if session.roster.party(sender).protocol == ProtocolType::Flex {
        session.dossier.guest_left(sender, known);
    }
}

fn say(session: &mut Session, which: u8, one: u8, two: u8) {
    let Some((sender, visibility)) = someone(session, one) else { return };
    let receiver = someone(session, two).map(|it| it.0).filter(|_| two.is_multiple_of(4));
    let audience = Audience { sender, receiver, visibility };
    let what = match which {
        0 => What::Message(words(two)),
        1 => What::Notice(
            NoticeType::UserUpdateNick,
            Some(Words::new(Text::new(&alloc::format!("name {two}")), More::default())),
        ),
        2 => What::Notice(NoticeType::UserCustom, None),
        _ => What::Notice(NoticeType::UserPushedUrl, Some(words(two))),
    };
    let after = session.transcript.last();
    happen(session, audience, what);
    let to = session.transcript.last();
    let key = Str::new(&text(two));
    let who = session.roster.party(sender);
    let person = match (&who.person_id, who.protocol) {
        // Of flex users, whoever restores it must know them.
        (_, ProtocolType::Flex) => return,
        (Some(id), _) => Person::Id(id.clone()),
        (None, _) => Person::Nickname(Pii::new(Str::new(&text(one % 4)))),
    };
    let kind = if which == 0 { Kind::Message } else { Kind::Notify };
    session.keys.note(person, Done { key, kind, party: sender, after, to });
}

fn upload(session: &mut Session, one: u8, two: u8) {
    let Some((owner, visibility)) = someone(session, one) else { return };
    let audience = Audience { sender: owner, receiver: None, visibility };
    let command = |name: &str, data: &str| {
        let user_data = Some(KvList::from([("file-id", data.into())]));
        let words = Words::new(Text::new(name), More { user_data, ..More::default() });
        What::Notice(NoticeType::SysCommand, Some(words))
    };
    let id = alloc::format!("file {}", session.transcript.last());
    happen(session, audience, command("file-uploaded", &id));
    let uploaded = session.transcript.last();
    let id = FileId::new(&id);
    let counted = two.is_multiple_of(2).then(|| u64::from(two));
    let files = session.files.get_or_insert_default();
    files.add(File { id: id.clone(), owner, uploaded, deleted: None, counted });
    if two.is_multiple_of(3) {
        happen(session, audience, command("file-deleted", id.as_str()));
        let deleted = session.transcript.last();
        session.files.get_or_insert_default().delete(&id, deleted, two.is_multiple_of(2));
        session.transcript.mark_deleted(uploaded, deleted);
    }
    if two.is_multiple_of(5) {
        session.files.get_or_insert_default().count_download();
    }
}

fn set(session: &mut Session, one: u8, two: u8) {
    let numbers = [-2, -1, 1, 2, 3, 4, 5];
    match one % 4 {
        0 => session.language = Language { name: Some(Str::new("French")), code: None },
        1 => session.language.code = Some(Str::new("de-DE")),
        2 => {
            let set = KvList::from([
                ("enabled", if two.is_multiple_of(2) { "true" } else { "false" }.into()),
                ("timeout-alert", (&*alloc::format!("{}", 1 + u32::from(two))).into()),
                ("include-notices", "typing".into()),
                ("message-close", (&*text(two)).into()),
            ]);
            let overrides = Overrides::NONE.configured(&set, 100).expect("legal");
            session.overrides = Some(alloc::boxed::Box::new(overrides));
        }
        _ => {
            let status = numbers[usize::from(two) % numbers.len()];
            if let Some(state) = &mut session.asynchrony {
                state.status = AsyncStatus::by_number(status).expect("a status");
                session.dossier.status_shift = u32::from(two);
            }
        }
    }
}

fn lived(is_async: bool, deeds: &[Deed]) -> Session {
    let mut session = Session::new(SessionId::new("SESSION"), start());
    session.tenant = Str::new("1");
    session.queue = Str::new("default");
    session.subject = Some(Text::new("shoes"));
    session.dossier.token = Some(Fingerprint::of(&Secret::new("token")));
    if is_async {
        session.user_data = KvList::from([("GCTI_Chat_AsyncMode", "true".into())]);
        session.asynchrony = Some(Asynchrony::new(Instant::ZERO, start()));
    } else {
        session.dossier.password = Some(Fingerprint::of(&Secret::new("password")));
    }
    come(&mut session, 0, 1);
    for &Deed(kind, one, two) in deeds {
        match kind % 10 {
            0 | 1 => come(&mut session, one, two),
            2 => go(&mut session, one, two),
            3 | 4 => say(&mut session, 0, one, two),
            5..=7 => say(&mut session, kind % 10 - 4, one, two),
            8 => upload(&mut session, one, two),
            _ => set(&mut session, one, two),
        }
    }
    session
}

/// All that is stored of it.
fn record(session: &Session) -> Loaded {
    let last = session.transcript.last();
    let mut leaves = session.leaves(&session.leaf_keys());
    leaves.sort_by_key(|leaf| leaf.key);
    Loaded {
        session: session.id.clone(),
        beginning: session.beginning(),
        generation: session.generation,
        owner: None,
        end_at: None,
        events: session.stored(EventId::NONE, last, SaveNotices::Major).into(),
        reserved_to: last,
        leaves,
    }
}

#[test]
#[expect(clippy::needless_pass_by_value, reason = "quickcheck hands over what it made")]
fn b20_9_a_session_out_of_its_record_has_the_same_record() {
    fn holds(is_async: bool, deeds: Vec<Deed>) -> bool {
        let session = lived(is_async, &deeds);
        let saved = record(&session);
        let mut again = Session::restored(saved.clone(), Instant::ZERO);
        again.take_keys(&saved.leaves);
        let guests = again.dossier.guests.clone();
        for guest in guests {
            if let Some(subscription) = again.saved_subscription(&saved.leaves, guest.party) {
                again.subscribers.add(Subscriber::new(guest.party, subscription, None));
            }
        }
        let saved_again = record(&again);
        assert_eq!(saved, saved_again);
        assert_eq!(session.roster.present(), again.roster.present());
        assert_eq!(session.status(), again.status());
        true
    }
    QuickCheck::new().tests(300).quickcheck(holds as fn(bool, Vec<Deed>) -> bool);
}

#[test]
fn what_makes_no_sense_in_a_record_is_left_out() {
    // Events that stand twice, of nobody, by nobody; pieces of another form.
    let mut saved = record(&lived(true, &[Deed(0, 0, 0), Deed(3, 0, 1), Deed(8, 0, 3)]));
    let events = saved.events.clone();
    saved.events.extend(events.iter().cloned());
    saved.events.push(events[2].clone());
    let last = EventId::new(100).expect("small");
    let mut stranger = events[2].clone();
    (stranger.event_id, stranger.user_id) = (last, UserId::new("nobody"));
    saved.events.push(stranger);
    for leaf in &mut saved.leaves {
        leaf.state = KvList::from([("id", 7.into()), ("party", "x".into()), ("files", "y".into())]);
    }
    saved.leaves.push(Leaf {
        key: LeafKey { kind: LeafKind::Party, index: u32::MAX },
        state: KvList::new(),
    });
    let mut again = Session::restored(saved.clone(), Instant::ZERO);
    again.take_keys(&saved.leaves);
    let stored = again.stored(EventId::NONE, last, SaveNotices::Major);
    assert_eq!(stored.len(), events.len());
    assert!(again.dossier.guests.is_empty());
}

#[test]
fn b4_8_a_ring_of_keys_has_its_places() {
    let mut session = lived(false, &[]);
    let person = Person::Nickname(Pii::new(Str::new("Ana")));
    let done = |number: u32| Done {
        key: Str::new(&alloc::format!("{number}")),
        kind: Kind::Message,
        party: PartyNo(0),
        after: EventId::new(number).expect("small"),
        to: EventId::new(number + 1).expect("small"),
    };
    let places: Vec<u32> = (0..33).map(|it| session.keys.note(person.clone(), done(it))).collect();
    assert_eq!(places[..3], [0, 1, 2]);
    // The newest takes the place of the one that is forgotten.
    assert_eq!((places[31], places[32]), (31, 0));
    assert!(session.keys.find(&person, Kind::Message, "0").is_none());
    let other = Person::Id(Pii::new(Str::new("p1")));
    assert_eq!(session.keys.note(other, done(50)), 32);
    let saved = record(&session);
    let mut again = Session::restored(saved.clone(), Instant::ZERO);
    again.take_keys(&saved.leaves);
    for number in 1..33 {
        assert!(again.keys.find(&person, Kind::Message, &alloc::format!("{number}")).is_some());
    }
    assert_eq!(again.keys.note(person, done(60)), 1, "the oldest is forgotten next");
}
