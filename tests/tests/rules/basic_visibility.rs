//! Who sees what, and who may say what to whom.

use confer_core::frame::basic::{RequestJoin, RequestMessage, RequestNotify, RequestRegister};
use confer_core::frame::{AfterAction, ErrorId, NoticeType, UserType, Visibility};
use confer_core::id::UserId;
use confer_tests::people::Center;
use confer_tests::people::desk::{Desk, create, register};

use UserType::{Agent, Client, Supervisor};
use Visibility::{All, Int, Vip};

/// Who may join with what (B3.1).
const JOINS: [(UserType, Visibility, bool); 9] = [
    (Client, All, true),
    (Client, Int, false),
    (Client, Vip, false),
    (Agent, All, true),
    (Agent, Int, true),
    (Agent, Vip, false),
    (Supervisor, All, true),
    (Supervisor, Int, true),
    (Supervisor, Vip, true),
];

/// Who sees events of which visibility (B3.3).
fn reaches(visibility: Visibility, reader: UserType) -> bool {
    match visibility {
        All => true,
        Int => reader != Client,
        Vip => reader == Supervisor,
    }
}

fn who(center: &Center, user_type: UserType, version: Option<i32>) -> Desk {
    let client_version = version;
    center.someone(RequestRegister { client_version, ..register("Sender", user_type) })
}

#[test]
fn everybody_joins_as_their_type_may() {
    // B3.1
    for (user_type, visibility, may) in JOINS {
        let center = Center::open();
        let casey = center.customer("Casey");
        casey.creates();
        let desk = who(&center, user_type, Some(106));
        let join = RequestJoin { visibility: Some(visibility), ..desk.join(&casey) };
        if may {
            desk.asks(join);
            assert_eq!(desk.newest().visibility.known(), Some(visibility));
        } else {
            desk.is_refused(ErrorId::Visibility, join);
            // Nor does anybody create what they may not enter.
            let create = RequestJoin { visibility: Some(visibility), ..create() };
            desk.is_refused(ErrorId::Visibility, create);
        }
    }
}

#[test]
fn a_join_without_visibility_is_for_all() {
    // B3.1
    let center = Center::open();
    let casey = center.customer("Casey");
    casey.creates();
    for desk in [center.agent("Ana"), center.supervisor("Sam")] {
        desk.joins(&casey);
        assert_eq!(desk.newest().visibility.known(), Some(All));
    }
    casey.sees(["Casey comes", "Ana comes", "Sam comes"]);
}

/// The three readers of the table, and a newcomer of each type afterwards.
struct Readers(Vec<(UserType, Desk)>);

impl Readers {
    fn of(center: &Center, host: &Desk, version: Option<i32>) -> Self {
        let readers = [Client, Agent, Supervisor].map(|user_type| {
            let client_version = version;
            let register = register("Reader", user_type);
            let desk = center.someone(RequestRegister { client_version, ..register });
            desk.joins(host);
            (user_type, desk)
        });
        for (_, desk) in &readers {
            desk.looks_away();
        }
        Self(readers.into())
    }

    #[track_caller]
    fn see(&self, visibility: Visibility, line: &str) {
        for (user_type, desk) in &self.0 {
            if reaches(visibility, *user_type) {
                desk.sees([line]);
            } else {
                desk.sees_nothing();
            }
        }
    }

    #[track_caller]
    fn overhear_nothing(&self) {
        for (_, desk) in &self.0 {
            desk.sees_nothing();
        }
    }
}

/// As a line shows it.
fn mark(visibility: Visibility) -> String {
    if visibility == All { String::new() } else { format!(" ({visibility})") }
}

#[test]
fn who_sees_what() {
    // B3.3, B3.4: every sender, join visibility, event visibility, receiver type and client version
    for version in [None, Some(101), Some(104), Some(106)] {
        for (user_type, own, may_join) in JOINS {
            if may_join {
                sender_in_the_table(version, user_type, own);
            }
        }
    }
}

fn sender_in_the_table(version: Option<i32>, user_type: UserType, own: Visibility) {
    let center = Center::open();
    let casey = center.customer("Casey");
    casey.creates();
    let readers = Readers::of(&center, &casey, version);
    let sender = who(&center, user_type, Some(106));
    sender.joins_as(own, &casey);
    sender.looks_away();
    // A join...
    readers.see(own, &format!("Sender comes{}", mark(own)));
    // ...a message and a notice...
    for asked in [None, Some(All), Some(Int), Some(Vip)] {
        let visibility = asked.unwrap_or(own);
        let levels = JOINS.contains(&(user_type, visibility, true));
        let message = RequestMessage { visibility: asked, ..sender.message("hi") };
        let notice = sender.notice(NoticeType::UserCustom, "ho");
        let notice = RequestNotify { visibility: asked, ..notice };
        if visibility >= own && levels {
            sender.asks(message);
            let hi = format!("Sender: hi{}", mark(visibility));
            sender.sees([&*hi]);
            readers.see(visibility, &hi);
            sender.asks(notice);
            let ho = format!("Sender USER_CUSTOM: ho{}", mark(visibility));
            sender.sees([&*ho]);
            readers.see(visibility, &ho);
        } else {
            // Never wider than one's own, never beyond one's type (B3.4).
            sender.is_refused(ErrorId::Visibility, message);
            sender.is_refused(ErrorId::Visibility, notice);
            readers.overhear_nothing();
        }
    }
    // ...and a leave.
    let id = sender.id();
    sender.leaves(AfterAction::KeepAlive);
    readers.see(own, &format!("Sender goes{}", mark(own)));
    // A newcomer reads the same in its join answer as the others saw live.
    for (user_type, desk) in &readers.0 {
        let client_version = version;
        let late = RequestRegister { client_version, ..register("Late", *user_type) };
        let late = center.someone(late);
        late.joins(&casey);
        let (mut live, mut read) = (desk.events(), late.events());
        live.retain(|event| event.user_id == id);
        read.retain(|event| event.user_id == id);
        assert_eq!(live, read);
        if !reaches(own, *user_type) {
            desk.sees_nothing_of(&id);
            late.sees_nothing_of(&id);
        }
        late.leaves(AfterAction::KeepAlive);
    }
}

#[test]
fn a_whisper_is_for_two() {
    // B3.3, B7.6
    let center = Center::open();
    let casey = center.customer("Casey");
    casey.creates();
    let readers = Readers::of(&center, &casey, Some(106));
    let (ana, sam) = (center.agent("Ana"), center.supervisor("Sam"));
    ana.joins(&casey);
    sam.joins(&casey);
    for (_, desk) in &readers.0 {
        desk.looks_away();
    }
    for desk in [&casey, &ana, &sam] {
        desk.looks_away();
    }
    ana.whispers(&casey, "your number, please");
    ana.sees(["Ana to Casey: your number, please"]);
    casey.sees(["Ana to Casey: your number, please"]);
    let receiver_id = Some(ana.id());
    casey.asks(RequestNotify { receiver_id, ..casey.notice(NoticeType::UserCustom, "4711") });
    ana.sees(["Casey USER_CUSTOM to Ana: 4711"]);
    casey.sees(["Casey USER_CUSTOM to Ana: 4711"]);
    sam.sees_nothing();
    readers.overhear_nothing();
    // Nor does anybody who comes later, not even the same person once more.
    let before = ana.events();
    ana.leaves(AfterAction::KeepAlive);
    ana.joins(&casey);
    let texts =
        |desk: &Desk| desk.events().iter().filter(|event| event.user_id == casey.id()).count();
    assert_eq!((before.len(), texts(&ana)), (8, 1), "of Casey, only the newParty is left");
    let late = center.supervisor("Late");
    late.joins(&casey);
    late.looks_away();
    assert_eq!(texts(&late), 1);
}

#[test]
fn a_whisper_needs_two_who_know_of_each_other() {
    // B7.6
    let center = Center::open();
    let casey = center.customer("Casey");
    let (ana, coach, sam) = (center.agent("Ana"), center.agent("Coach"), center.supervisor("Sam"));
    casey.creates();
    ana.joins(&casey);
    coach.joins_as(Int, &casey);
    sam.joins_as(Vip, &casey);
    let to =
        |from: &Desk, id: UserId| RequestMessage { receiver_id: Some(id), ..from.message("psst") };
    for (from, receiver) in [
        (&casey, &coach),
        (&coach, &casey),
        (&casey, &sam),
        (&sam, &casey),
        (&ana, &sam),
        (&sam, &ana),
    ] {
        from.is_refused(ErrorId::Receiver, to(from, receiver.id()));
        let notice = from.notice(NoticeType::UserCustom, "psst");
        let receiver_id = Some(receiver.id());
        from.is_refused(ErrorId::Receiver, RequestNotify { receiver_id, ..notice });
    }
    casey.is_refused(ErrorId::Receiver, to(&casey, UserId::new("0000000000000000")));
    coach.whispers(&ana, "offer a voucher");
    ana.whispers(&coach, "will do");
    let gone = ana.id();
    ana.leaves(AfterAction::KeepAlive);
    casey.is_refused(ErrorId::Receiver, to(&casey, gone));
    casey.sees(["Casey comes", "Ana comes", "Ana goes"]);
}

#[test]
fn coach_and_monitor_are_unseen() {
    // B3.2, B8.5
    let center = Center::open();
    let casey = center.customer("Casey");
    let (ana, coach, sam) = (center.agent("Ana"), center.agent("Coach"), center.supervisor("Sam"));
    casey.creates();
    ana.joins(&casey);
    coach.joins_as(Int, &casey);
    sam.joins_as(Vip, &casey);
    coach.says("be kind");
    sam.says("let us see");
    ana.says("hello Casey");
    coach.leaves(AfterAction::KeepAlive);
    sam.leaves(AfterAction::KeepAlive);
    casey.sees(["Casey comes", "Ana comes", "Ana: hello Casey"]);
    ana.sees([
        "Casey comes",
        "Ana comes",
        "Coach comes (INT)",
        "Coach: be kind (INT)",
        "Ana: hello Casey",
        "Coach goes (INT)",
    ]);
    sam.sees([
        "Casey comes",
        "Ana comes",
        "Coach comes (INT)",
        "Sam comes (VIP)",
        "Coach: be kind (INT)",
        "Sam: let us see (VIP)",
        "Ana: hello Casey",
        "Coach goes (INT)",
        "Sam goes (VIP)",
    ]);
    casey.sees_nothing_of(&coach.id());
    casey.sees_nothing_of(&sam.id());
    ana.sees_nothing_of(&sam.id());
}

#[test]
fn a_session_that_is_watched_says_so_in_its_head() {
    // B3.5, B6.1
    let center = Center::open();
    let version = |nickname, client_version| {
        let client_version = Some(client_version);
        center.someone(RequestRegister { client_version, ..register(nickname, Client) })
    };
    let (old, new) = (version("Old", 104), version("New", 105));
    let (sam, sue) = (center.supervisor("Sam"), center.supervisor("Sue"));
    new.creates();
    old.joins(&new);
    assert_eq!((old.monitored(), new.monitored()), (None, None));
    sam.joins(&new);
    assert_eq!(new.monitored(), None, "who is seen does not watch unseen");
    let sending = |desk: &Desk| desk.says("x");
    sue.joins_as(Vip, &new);
    assert_eq!((old.monitored(), new.monitored()), (None, Some(true)), "at once");
    assert_eq!(sue.monitored(), Some(true), "herself, too");
    sending(&old);
    assert_eq!((old.monitored(), new.monitored()), (None, Some(true)));
    let ana = center.agent("Ana");
    let info = ana.joins(&new);
    assert_eq!(info.chat_transcript.monitored, Some(true), "in a join answer");
    assert_eq!(sue.leaves(AfterAction::KeepAlive).chat_transcript.monitored, Some(false));
    assert_eq!((old.monitored(), new.monitored()), (None, Some(false)), "at once");
    let late = center.agent("Late");
    assert_eq!(late.joins(&new).chat_transcript.monitored, None);
}
