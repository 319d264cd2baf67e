//! Each verb of the client machines against the server machine, granted and refused; and what a
//! hostile server can do to them, which is nothing.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::time::Duration;

use confer_core::client::{
    Action, Chat, ChatId, Desk, DeskNews, DeskSettings, EchoId, End, Entry, File, FileAnswer,
    Input, News, Notification, SayError, Start, Upload, View, Visitor, VisitorSettings,
};
use confer_core::frame::{
    AfterAction, ErrorId, EventBody, Flaw, Frame, KvList, Malformed, NoticeType, UserType,
    Visibility,
};
use confer_core::id::{DocumentId, EventId, SessionId, UserId};
use confer_core::machine::{Machine, Progress};
use confer_core::text::{Str, Text};
use confer_core::time::Instant;
use confer_tests::arbitrary::{basic_event, flex_event};
use confer_tests::clients::{DeskId, VisitorId, desk, visitor};
use confer_tests::people::Center;
use confer_tests::world::Chance;
use confer_tests::{cases, seeds};
use quickcheck::Gen;

const SECOND: Duration = Duration::from_secs(1);

/// Somebody at a desk, in one chat.
struct Agent {
    center: Center,
    id: DeskId,
    chat: ChatId,
}

impl Agent {
    fn new(center: &Center, settings: DeskSettings, entry: Entry) -> Self {
        let id = desk(center, Desk::new(settings, [7; 32]));
        let enter = |desk: &mut Desk, now| desk.enter(entry, now).expect("there is room");
        let chat = center.world_mut().with(&id, |shell, now| enter(&mut shell.machine, now));
        center.passes(SECOND);
        Self { center: center.clone(), id, chat }
    }

    fn joins(center: &Center, name: &str, visibility: Visibility, session: &SessionId) -> Self {
        let user_type =
            if visibility == Visibility::Vip { UserType::Supervisor } else { UserType::Agent };
        let entry = Entry {
            session_id: Some(session.clone()),
            visibility: Some(visibility),
            ..Entry::default()
        };
        Self::new(center, DeskSettings::new(name, user_type), entry)
    }

    fn does<R>(&self, verb: impl FnOnce(&mut Desk, ChatId, Instant) -> R) -> R {
        let verb = |desk: &mut Desk, now| verb(desk, self.chat, now);
        let result = self.center.world_mut().with(&self.id, |it, now| verb(&mut it.machine, now));
        self.center.settle();
        result
    }

    /// What became of something said.
    fn outcome(&self, said: Result<EchoId, SayError>) -> Result<Option<EventId>, i32> {
        let said = said.expect("it may be said");
        let told = self.news();
        let mut of = told.iter().filter_map(|news| match news {
            News::Confirmed { echo, event_id } if *echo == said => Some(Ok(*event_id)),
            News::NotSent { echo, error_id, .. } if *echo == said => Some(Err(*error_id)),
            _ => None,
        });
        of.next().expect("it was answered")
    }

    #[track_caller]
    fn done(&self, verb: impl FnOnce(&mut Desk, ChatId, Instant) -> Result<EchoId, SayError>) {
        let outcome = self.outcome(self.does(verb));
        assert!(matches!(outcome, Ok(Some(_))), "{outcome:?}");
    }

    #[track_caller]
    fn refused(
        &self,
        error: ErrorId,
        verb: impl FnOnce(&mut Desk, ChatId, Instant) -> Result<EchoId, SayError>,
    ) {
        let outcome = self.outcome(self.does(verb));
        assert_eq!(outcome, Err(error.number()));
    }

    fn news(&self) -> Vec<News> {
        let world = self.center.world();
        let of = |news: &DeskNews| match news {
            DeskNews::Chat(_, news) => Some(news.clone()),
            _ => None,
        };
        world.look(&self.id).news.iter().filter_map(of).collect()
    }

    fn look<R>(&self, look: impl FnOnce(&View) -> R) -> R {
        let world = self.center.world();
        look(world.look(&self.id).machine.chat(self.chat).expect("it is not forgotten").view())
    }

    fn end(&self) -> Option<End> {
        self.center.world().look(&self.id).machine.chat(self.chat).and_then(Chat::end)
    }

    fn session(&self) -> SessionId {
        let world = self.center.world();
        let chat = world.look(&self.id).machine.chat(self.chat);
        chat.and_then(Chat::session_id).expect("it has an id").clone()
    }

    fn own(&self) -> UserId {
        self.look(|view| view.own().expect("it is in").clone())
    }
}

/// A customer.
struct Casey {
    center: Center,
    id: VisitorId,
}

impl Casey {
    fn begins(center: &Center, start: Start) -> Self {
        let id = visitor(center, Visitor::new(VisitorSettings::new("Casey"), [8; 32]));
        let casey = Self { center: center.clone(), id };
        casey.does(|visitor, now| visitor.begin(start, now)).expect("it has not begun");
        center.passes(SECOND);
        casey
    }

    fn does<R>(&self, verb: impl FnOnce(&mut Visitor, Instant) -> R) -> R {
        let result = self.center.world_mut().with(&self.id, |it, now| verb(&mut it.machine, now));
        self.center.settle();
        result
    }

    fn session(&self) -> SessionId {
        self.center.world().look(&self.id).machine.session_id().expect("it began").clone()
    }

    fn look<R>(&self, look: impl FnOnce(&View) -> R) -> R {
        look(self.center.world().look(&self.id).machine.view())
    }

    fn end(&self) -> Option<End> {
        self.center.world().look(&self.id).machine.end()
    }

    /// What became of something said: why it was not, in a number and in words.
    fn done(
        &self,
        verb: impl FnOnce(&mut Visitor, Instant) -> Result<EchoId, SayError>,
    ) -> Result<EchoId, (i32, String)> {
        let said = self.does(verb).expect("it may be said");
        self.center.passes(SECOND);
        let world = self.center.world();
        let mut of = world.look(&self.id).news.iter().filter_map(|news| match news {
            News::Confirmed { echo, .. } if *echo == said => Some(Ok(said)),
            News::NotSent { echo, error_id, why } if *echo == said => {
                Some(Err((*error_id, why.to_string())))
            }
            _ => None,
        });
        of.next().expect("it was answered")
    }

    /// What a question was answered.
    fn asks(
        &self,
        verb: impl FnOnce(&mut Visitor, Instant) -> Result<EchoId, SayError>,
    ) -> Result<FileAnswer, (i32, String)> {
        let asked = self.done(verb)?;
        let world = self.center.world();
        let mut of = world.look(&self.id).news.iter().filter_map(|news| match news {
            News::Files { echo, answer } if *echo == asked => Some((**answer).clone()),
            _ => None,
        });
        Ok(of.next().expect("it is an answer"))
    }
}

/// What stands in a view, in words.
fn lines(view: &View) -> Vec<String> {
    let name = |id: &UserId| {
        view.participant(id).map_or("somebody".into(), |who| who.nickname.reveal().to_string())
    };
    let line = |event: &confer_core::frame::TranscriptEvent| {
        let name = name(&event.user_id);
        match &event.body {
            EventBody::NewParty(_) => format!("{name} comes"),
            EventBody::Message(message) => format!("{name}: {}", message.message_text.reveal()),
            EventBody::Notice(notice) => {
                let text = notice.notice_text.as_ref().map_or("", |text| text.reveal());
                format!("{name} {} {text}", notice.notice_type.known().expect("a known notice"))
            }
            EventBody::PartyLeft(_) => format!("{name} goes"),
            EventBody::Unknown(_) => panic!("{event:?}"),
        }
    };
    view.events().map(line).collect()
}

fn who<R>(view: &View, name: &str, look: impl FnOnce(&confer_core::client::Participant) -> R) -> R {
    let of =
        |it: &(&UserId, &confer_core::client::Participant)| it.1.nickname.reveal().as_str() == name;
    look(view.participants().find(of).expect("somebody of this name").1)
}

fn two(center: &Center) -> (Casey, Agent) {
    let casey = Casey::begins(center, Start::default());
    let ana = Agent::joins(center, "Ana", Visibility::All, &casey.session());
    (casey, ana)
}

#[test]
fn a_chat_from_beginning_to_end() {
    let center = Center::open();
    let (casey, ana) = two(&center);
    ana.done(|ana, chat, now| ana.say(chat, "Good morning!", now));
    casey.does(|casey, now| casey.say("hello", now)).unwrap();
    ana.done(|ana, chat, now| ana.push_url(chat, "https://shop.example/help", now));
    ana.done(|ana, chat, now| ana.rename(chat, "Anna", now));
    center.passes(SECOND * 4);
    let chat = [
        "Casey comes",
        "Anna comes",
        "Anna: Good morning!",
        "Casey: hello",
        "Anna USER_PUSHED_URL https://shop.example/help",
        "Anna USER_UPDATE_NICK Anna",
    ];
    assert_eq!(ana.look(lines), chat);
    assert_eq!(casey.look(lines), chat);
    casey.does(Visitor::log_out).unwrap();
    center.passes(SECOND);
    // B22.5: the desk goes with its customer, and the session with the desk.
    assert_eq!((casey.end(), ana.end()), (Some(End::Left), Some(End::Closed)));
    center.passes(SECOND * 100);
    assert_eq!(center.sessions(), 0);
}

#[test]
fn a_desk_may_stay_when_its_customer_goes() {
    // B22.5
    let center = Center::open();
    let casey = Casey::begins(&center, Start::default());
    let settings =
        DeskSettings { closes_after_customer: false, ..DeskSettings::new("Ana", UserType::Agent) };
    let session_id = Some(casey.session());
    let ana = Agent::new(&center, settings, Entry { session_id, ..Entry::default() });
    casey.does(Visitor::log_out).unwrap();
    center.passes(SECOND);
    assert_eq!(ana.end(), None);
    ana.done(|ana, chat, now| ana.leave(chat, AfterAction::KeepAlive, Some(Text::new("bye")), now));
    assert_eq!(ana.end(), Some(End::Closed));
}

#[test]
fn coaching_whispering_and_watching() {
    // B3.3, B3.5, B7.6
    let center = Center::open();
    let (casey, ana) = two(&center);
    let ben = Agent::joins(&center, "Ben", Visibility::Int, &casey.session());
    let sue = Agent::joins(&center, "Sue", Visibility::Vip, &casey.session());
    assert!(ana.look(View::monitored));
    ana.done(|ana, chat, now| ana.say_among(chat, Visibility::Int, "what now?", now));
    let (for_ana, for_sue) = (ana.own(), sue.own());
    ben.done(|ben, chat, now| ben.say_to(chat, for_ana, "offer more", now));
    center.passes(SECOND * 4);
    assert_eq!(casey.look(lines), ["Casey comes", "Ana comes"]);
    assert_eq!(ana.look(lines)[3..], ["Ana: what now?", "Ben: offer more"]);
    assert!(!sue.look(lines).contains(&"Ben: offer more".to_owned()));
    // B3.4, B7.6: what is not for them to say.
    ben.refused(ErrorId::Visibility, |ben, chat, now| {
        ben.say_among(chat, Visibility::All, "hello", now)
    });
    ana.refused(ErrorId::Receiver, |ana, chat, now| ana.say_to(chat, for_sue, "psst", now));
    // A refusal holds up nobody.
    ana.done(|ana, chat, now| ana.say(chat, "hello", now));
}

#[test]
fn what_is_refused_is_told() {
    let center = Center::open();
    let (casey, ana) = two(&center);
    ana.refused(ErrorId::Malformed, |ana, chat, now| ana.push_url(chat, "no address", now));
    ana.refused(ErrorId::Malformed, |ana, chat, now| ana.rename(chat, "  ", now));
    ana.refused(ErrorId::NoticeNotAllowed, |ana, chat, now| {
        ana.notify(chat, Notification::command("no-such-command", KvList::new()), now)
    });
    ana.refused(ErrorId::NotInSession, |ana, chat, now| {
        ana.remove(chat, UserId::new("NOBODY"), AfterAction::KeepAlive, now)
    });
    ana.done(|ana, chat, now| ana.say(chat, "still there", now));
    // A Join that is not granted is over at once.
    let gone = Agent::joins(&center, "Ben", Visibility::All, &SessionId::new("NOSUCHSESSION000"));
    assert_eq!(gone.end(), Some(End::Gone));
    let entry = Entry { queue_key: Some(Str::new("nowhere")), ..Entry::default() };
    let nowhere = Agent::new(&center, DeskSettings::new("Ben", UserType::Agent), entry);
    assert_eq!(nowhere.end(), Some(End::Refused(8310)));
    let entry = Entry {
        session_id: Some(casey.session()),
        visibility: Some(Visibility::Vip),
        ..Entry::default()
    };
    let narrow = Agent::new(&center, DeskSettings::new("Ben", UserType::Agent), entry);
    assert_eq!(narrow.end(), Some(End::Refused(8308)));
}

#[test]
fn typing_starts_by_itself_and_ends_by_itself() {
    // B5.4, B7.2
    let center = Center::open();
    let (casey, ana) = two(&center);
    casey.does(|casey, now| casey.type_preview("hel", now)).unwrap();
    let typing = |agent: &Agent, name| agent.look(|view| who(view, name, |it| it.typing.clone()));
    assert_eq!(typing(&ana, "Casey"), Some(Text::new("hel")));
    center.passes(SECOND * 6);
    assert_eq!(typing(&ana, "Casey"), None);
    ana.does(|ana, chat, now| ana.type_preview(chat, "good", now)).unwrap();
    center.passes(SECOND * 3);
    // A customer learns that somebody types, and not what.
    assert_eq!(casey.look(|view| who(view, "Ana", |it| it.typing.clone())), Some(Text::new("")));
    ana.done(|ana, chat, now| ana.say(chat, "good morning", now));
    center.passes(SECOND * 4);
    assert_eq!(casey.look(|view| who(view, "Ana", |it| it.typing.clone())), None);
}

#[test]
fn what_was_read_is_confirmed_again_after_a_loss() {
    // B5.4: a confirmation goes with its participant.
    let center = Center::open();
    let (casey, ana) = two(&center);
    casey.does(|casey, now| casey.say("hello", now)).unwrap();
    let hello = ana.look(View::position);
    ana.does(|ana, chat, now| ana.read_up_to(chat, hello, now)).unwrap();
    let read = || {
        casey.look(|view| {
            let there = |it: &&confer_core::client::Participant| it.present && !it.own;
            view.participants().map(|it| it.1).find(there).and_then(|it| it.read_up_to)
        })
    };
    center.passes(SECOND * 4);
    assert_eq!(read(), Some(hello));
    center.world_mut().cut(&ana.id);
    center.passes(SECOND * 10);
    assert_eq!(read(), Some(hello));
    // And the other way round.
    let last = casey.look(|view| view.events().next_back().map(|it| it.event_id)).unwrap();
    casey.does(|casey, now| casey.read_up_to(last, now)).unwrap();
    assert_eq!(ana.look(|view| who(view, "Casey", |it| it.read_up_to)), Some(last));
}

#[test]
fn a_name_is_kept_over_a_loss() {
    // B7.3
    let center = Center::open();
    let (casey, ana) = two(&center);
    ana.done(|ana, chat, now| ana.rename(chat, "Anna", now));
    center.world_mut().cut(&ana.id);
    center.passes(SECOND * 10);
    let names = casey.look(|view| {
        let there = view.participants().filter(|it| it.1.present);
        there.map(|it| it.1.nickname.reveal().to_string()).collect::<Vec<_>>()
    });
    assert!(names.contains(&"Anna".to_owned()) && names.len() == 2, "{names:?}");
}

#[test]
fn files_are_announced_and_taken_back() {
    // B22.1, B22.3
    let center = Center::open();
    let (casey, ana) = two(&center);
    let file = Upload::elsewhere("plan.pdf", 1000, "a disk");
    ana.done(|ana, chat, now| ana.announce_file(chat, file, now));
    let upload = ana.look(View::position);
    let files: Vec<File> = ana.look(|view| view.files().collect());
    let [file] = &*files else { panic!("{files:?}") };
    assert_eq!((file.event_id, file.size, file.deleted), (upload, 1000, false));
    ana.done(|ana, chat, now| ana.delete_file(chat, &file.file_id, now));
    center.passes(SECOND * 4);
    assert!(ana.look(|view| view.is_file_deleted(upload)));
    assert!(casey.look(|view| view.is_file_deleted(upload)));
    assert!(casey.look(|view| view.files().all(|file| file.deleted)));
    let nameless = Upload::elsewhere("", 1000, "a disk");
    ana.refused(ErrorId::Malformed, |ana, chat, now| ana.announce_file(chat, nameless, now));
}

#[test]
fn a_customer_asks_stores_announces_and_fetches() {
    // B22.2, B22.7–B22.11
    let center = Center::open();
    let (casey, ana) = two(&center);
    let limits = |casey: &Casey| match casey.asks(Visitor::ask_file_limits) {
        Ok(FileAnswer::Limits(limits)) => limits,
        other => panic!("{other:?}"),
    };
    let before = limits(&casey);
    assert_eq!((before.max_files, before.used_files, before.used_downloads), (3, 0, 0));
    let Ok(FileAnswer::Upload(leave)) =
        casey.asks(|casey, now| casey.ask_upload("plan.pdf", 1000, now))
    else {
        panic!("no leave")
    };
    // Somebody stores it, and says so.
    center.stores("D1", &casey.session(), Some(leave.permit.reveal()), 1000);
    let upload = Upload::stored("plan.pdf", 1000, DocumentId::new("D1")).permitted(leave.permit);
    assert!(casey.done(|casey, now| casey.announce_file(upload.clone(), now)).is_ok());
    let of = |view: &View| view.files().next().expect("it is announced");
    let (for_casey, for_ana) = (casey.look(of), ana.look(of));
    assert_eq!(for_casey.file_id, for_ana.file_id);
    assert_eq!((for_casey.document_id, for_ana.document_id), (None, Some(DocumentId::new("D1"))));
    // B22.2: a permit is used once.
    let (error_id, why) = casey.done(|casey, now| casey.announce_file(upload, now)).unwrap_err();
    assert_eq!(error_id, ErrorId::FileRefused.number());
    assert!(why.contains("file-permit"), "{why}");
    let file_id = &for_casey.file_id;
    let Ok(FileAnswer::Download(leave)) = casey.asks(|casey, now| casey.ask_download(file_id, now))
    else {
        panic!("no leave")
    };
    assert_eq!((&leave.file_id, leave.size, leave.document_id), (file_id, 1000, None));
    assert!(casey.done(|casey, now| casey.delete_file(file_id, now)).is_ok());
    assert!(ana.look(|view| view.files().all(|file| file.deleted)));
    let after = limits(&casey);
    assert_eq!((after.used_files, after.used_downloads), (1, 1));
    // The refusal says which limit it is about.
    let much = after.max_file_size + 1;
    let refused = casey.asks(|casey, now| casey.ask_upload("plan.pdf", much, now)).unwrap_err();
    assert_eq!(refused.0, ErrorId::FileRefused.number());
    assert!(refused.1.contains("upload-max-file-size"), "{refused:?}");
    // B22.7: an agent has nothing to ask.
    ana.refused(ErrorId::NotAllowed, Desk::ask_file_limits);
    // And a customer on a messaging channel asks like any other.
    let entry = Entry { session_id: Some(casey.session()), ..Entry::default() };
    let channel = Agent::new(&center, DeskSettings::new("Drew", UserType::Client), entry);
    let asked = channel.does(|desk, chat, now| desk.ask_upload(chat, "a.png", 9, now)).unwrap();
    let answered = |news: &News| match news {
        News::Files { echo, answer } => *echo == asked && matches!(**answer, FileAnswer::Upload(_)),
        _ => false,
    };
    assert!(channel.news().iter().any(answered), "{:?}", channel.news());
}

#[test]
fn somebody_is_removed() {
    // B8.1
    let center = Center::open();
    let (casey, ana) = two(&center);
    let ben = Agent::joins(&center, "Ben", Visibility::All, &casey.session());
    let whom = ben.own();
    ana.done(|ana, chat, now| ana.remove(chat, whom, AfterAction::KeepAlive, now));
    assert_eq!((ben.end(), ana.end()), (Some(End::Removed), None));
    let customer = casey.look(|view| view.own().cloned()).unwrap();
    ana.done(|ana, chat, now| ana.remove(chat, customer, AfterAction::KeepAlive, now));
    center.passes(SECOND * 10);
    assert_eq!(casey.end(), Some(End::LoggedOut), "B9.2");
}

#[test]
fn a_messaging_channel_creates_and_knows_the_password() {
    // B3.7, B4.1
    let center = Center::open();
    let password = |word: &str| Some(confer_core::pii::Secret::new(word));
    let entry = Entry {
        password: password("open sesame"),
        greeting: Some(Text::new("hello")),
        ..Entry::default()
    };
    let casey = Agent::new(&center, DeskSettings::new("Casey", UserType::Client), entry);
    let session_id = Some(casey.session());
    let entry = Entry { session_id, password: password("sesame"), ..Entry::default() };
    let wrong = Agent::new(&center, DeskSettings::new("Ben", UserType::Agent), entry.clone());
    assert_eq!(wrong.end(), Some(End::Refused(8306)));
    let entry = Entry { password: password("open sesame"), ..entry };
    let ana = Agent::new(&center, DeskSettings::new("Ana", UserType::Agent), entry);
    // B8.1: the after-action of a CLIENT; and it may leave all the same.
    casey.refused(ErrorId::NotAllowed, |casey, chat, now| {
        casey.leave(chat, AfterAction::ForceClose, None, now)
    });
    casey.done(|casey, chat, now| casey.leave(chat, AfterAction::KeepAlive, None, now));
    center.passes(SECOND);
    assert_eq!((casey.end(), ana.end()), (Some(End::Left), Some(End::Closed)));
}

/// What a hostile server says, whatever that is; mostly as an answer to what was asked.
fn hostile<M, E, R, N>(
    machine: &mut M,
    seed: u64,
    event: impl Fn(&mut Gen) -> E,
    mut verb: impl FnMut(&mut M, &mut Chance, Instant),
) where
    M: Machine<Input = Input<E>, Action = Action<R, N>>,
{
    let (mut source, mut chance) = (Gen::from_size_and_seed(30, seed), Chance::new(seed));
    let (mut now, mut asked, mut connecting) = (Instant::ZERO, Vec::new(), 0_u32);
    for _ in 0..300 {
        match chance.below(12) {
            0 => machine.handle(Input::Opened, now),
            1 => machine.handle(Input::Closed, now),
            2 => now += Duration::from_millis(chance.below(20_000)),
            3 => {
                let what = [Flaw::UnknownMessage, Flaw::WrongDirection][chance.index(2)];
                let reference = u32::try_from(chance.below(2)).unwrap_or(0);
                machine.handle(Input::Unsendable { reference: reference * 3 }, now);
                let malformed = Malformed { reference, message: 9, what, offset: 0 };
                machine.handle(Input::Malformed(malformed), now);
            }
            4 | 5 => verb(machine, &mut chance, now),
            _ => {
                let reference = match asked.len() {
                    0 => u32::try_from(chance.below(5)).unwrap_or(0),
                    len => asked[chance.index(len)],
                };
                let reference = if chance.per_mille(200) { 0 } else { reference };
                machine.handle(Input::Frame(Frame::new(reference, event(&mut source))), now);
            }
        }
        // It comes to rest, and asks for no more than a few things at once.
        let mut rounds = 0;
        while machine.handle_timeout(now, 8) == Progress::More {
            rounds += 1;
            assert!(rounds < 1000, "it never comes to rest");
        }
        assert!(machine.poll_timeout().is_none_or(|at| at > now), "something is due and not done");
        let mut sent = 0;
        while let Some(action) = machine.poll_action() {
            match action {
                Action::Send(frame) => {
                    sent += 1;
                    assert!(sent < 1000, "it talks without end");
                    asked.push(frame.reference);
                }
                Action::Connect { .. } => connecting += 1,
                Action::Disconnect | Action::Notify(_) => {}
            }
        }
        assert!(connecting <= 301, "it connects without end");
    }
}

#[test]
fn a_hostile_server_harms_nobody() {
    seeds::each("hostile", cases(300, 30_000), |seed| {
        let session = SessionId::new("S");
        let settings = DeskSettings::new("Ana", UserType::Agent);
        let mut machine = Desk::new(settings, [3; 32]);
        let chats = [
            machine.join(session.clone(), Visibility::All, Instant::ZERO).unwrap(),
            machine.create(Instant::ZERO).unwrap(),
        ];
        let into = session.clone();
        // Now and then what it says is at least about a session one is in, and grants it.
        let event = move |source: &mut Gen| {
            use confer_core::frame::basic::{Event, EventRegistered};
            match basic_event(source) {
                Event::EventSessionInfo(mut info) => {
                    info.session_id = into.clone();
                    Event::EventSessionInfo(info)
                }
                Event::EventUnregistered => Event::EventRegistered(EventRegistered {
                    user_id: UserId::new("R"),
                    client_version: 106,
                }),
                Event::EventError(mut error) => {
                    let known = ErrorId::ALL;
                    let index = error.error_id.unsigned_abs() as usize % known.len();
                    error.error_id = known[index].number();
                    Event::EventError(error)
                }
                other => other,
            }
        };
        hostile(&mut machine, seed, event, |desk, chance, now| {
            let chat = chats[chance.index(2)];
            let _ = match chance.below(6) {
                0 => desk.type_preview(chat, "typing", now).map(|()| None),
                1 => desk.read_up_to(chat, EventId::MAX, now).map(|()| None),
                2 => desk.rename(chat, "Anna", now).map(Some),
                3 => desk.leave(chat, AfterAction::CloseIfNoAgents, None, now).map(Some),
                _ => desk.say(chat, "hello", now).map(Some),
            };
            desk.forget(chat);
        });
        let mut machine = Visitor::new(VisitorSettings::new("Casey"), [3; 32]);
        machine.begin(Start::default(), Instant::ZERO).unwrap();
        let event = |source: &mut Gen| {
            use confer_core::frame::flex::Event;
            match flex_event(source) {
                Event::EventStatus(mut status) => {
                    if let Some(error) = &mut status.error_id {
                        let known = ErrorId::ALL;
                        *error = known[error.unsigned_abs() as usize % known.len()].number();
                    }
                    Event::EventStatus(status)
                }
                other => other,
            }
        };
        hostile(&mut machine, seed, event, |visitor, chance, now| {
            let _ = match chance.below(5) {
                0 => visitor.type_preview("typing", now).map(|()| None),
                1 => visitor.read_up_to(EventId::MAX, now).map(|()| None),
                2 => visitor.notify(NoticeType::UserCustom, now).map(Some),
                _ => visitor.say("hello", now).map(Some),
            };
        });
    });
}
