//! The client machines against the server machine: over networks that lose connections, whatever
//! people do, in the end everybody has the transcript that the server stored for their eyes, and
//! everything said is there once, in the order in which it was said (B4.8, B22.12).

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::collections::BTreeMap;
use std::time::Duration;

use confer_core::client::{
    ChatId, Desk, DeskNews, DeskSettings, EchoId, End, News, Notification, Start, View, Visitor,
    VisitorSettings,
};
use confer_core::frame::basic::RequestJoin;
use confer_core::frame::{EventBody, NoticeType, TranscriptEvent, UserType, Visibility};
use confer_core::id::{EventId, SessionId, UserId};
use confer_core::text::Text;
use confer_core::time::Instant;
use confer_tests::clients::{DeskId, VisitorId, desk, visitor};
use confer_tests::people::Center;
use confer_tests::people::desk::create;
use confer_tests::world::{Chance, Net};
use confer_tests::{cases, seeds};

const SECOND: Duration = Duration::from_secs(1);

/// The agents, and the visibility they join with.
const AGENTS: [(&str, UserType, Visibility); 3] = [
    ("Ana", UserType::Agent, Visibility::All),
    ("Ben", UserType::Agent, Visibility::Int),
    ("Sue", UserType::Supervisor, Visibility::Vip),
];

/// What somebody said, and what became of it.
#[derive(Debug, Default)]
struct Spoken {
    texts: Vec<(EchoId, String)>,
    confirmed: BTreeMap<EchoId, Option<EventId>>,
    refused: BTreeMap<EchoId, i32>,
}

impl Spoken {
    fn hears<'a>(&mut self, news: impl Iterator<Item = &'a News>) {
        for news in news {
            match news {
                News::Confirmed { echo, event_id } => {
                    assert_eq!(self.confirmed.insert(*echo, *event_id), None, "{echo:?} twice");
                }
                News::NotSent { echo, error_id, .. } => {
                    assert_eq!(self.refused.insert(*echo, *error_id), None, "{echo:?} twice");
                }
                _ => {}
            }
        }
    }

    /// Everything said is stored once, under the id that was confirmed and in the order of the
    /// verbs; nothing that was refused is.
    fn is_kept(&self, stored: &BTreeMap<EventId, TranscriptEvent>) {
        let mut last = EventId::NONE;
        for (echo, text) in &self.texts {
            let there: Vec<EventId> = stored
                .values()
                .filter(|event| words(event) == Some(text))
                .map(|event| event.event_id)
                .collect();
            match self.refused.get(echo) {
                Some(error) => assert_eq!((there, *error), (vec![], 8309), "{text}"),
                None => {
                    let [id] = there[..] else { panic!("{text:?} stands at {there:?}") };
                    assert_eq!(self.confirmed.get(echo), Some(&Some(id)), "{text}");
                    assert!(last < id, "{text:?} stands before what was said before it");
                    last = id;
                }
            }
        }
    }
}

fn words(event: &TranscriptEvent) -> Option<&str> {
    match &event.body {
        EventBody::Message(message) => Some(message.message_text.reveal()),
        EventBody::Notice(notice) if notice.notice_type.known() == Some(NoticeType::UserCustom) => {
            notice.notice_text.as_ref().map(Text::reveal)
        }
        _ => None,
    }
}

fn receiver(event: &TranscriptEvent) -> Option<&UserId> {
    match &event.body {
        EventBody::Message(message) => message.receiver_id.as_ref(),
        EventBody::Notice(notice) => notice.receiver_id.as_ref(),
        _ => None,
    }
}

/// Who somebody was, in words that do not depend on the protocol.
fn kind(event: &TranscriptEvent) -> (EventId, UserId, String) {
    let what = match &event.body {
        EventBody::NewParty(_) => "comes".to_owned(),
        EventBody::Message(message) => format!("says {}", message.message_text.reveal()),
        EventBody::Notice(notice) => {
            let text = notice.notice_text.as_ref().map_or("", |text| text.reveal());
            format!("{} {text}", notice.notice_type.known().expect("a known notice"))
        }
        EventBody::PartyLeft(left) => format!("goes {:?}", left.reason_code),
        EventBody::Unknown(_) => panic!("{event:?}"),
    };
    (event.event_id, event.user_id.clone(), what)
}

/// A view holds what is stored for its eyes: all of what is open to this type of user, and of what
/// was for one participation only nothing that was another's.
fn agrees(
    view: &View,
    user_type: UserType,
    stored: &BTreeMap<EventId, TranscriptEvent>,
    name: &str,
) {
    let reached = |event: &&TranscriptEvent| match event.visibility.known() {
        Some(Visibility::All) => true,
        Some(Visibility::Int) => user_type != UserType::Client,
        Some(Visibility::Vip) => user_type == UserType::Supervisor,
        None => false,
    };
    let open = |event: &&TranscriptEvent| receiver(event).is_none();
    let stored: Vec<_> = stored.values().filter(reached).filter(open).map(kind).collect();
    let seen: Vec<_> = view.events().filter(open).map(kind).collect();
    assert_eq!(seen, stored, "in the eyes of {name}");
    for event in view.events() {
        if let Some(receiver) = receiver(event) {
            let own = |id| view.participant(id).is_some_and(|who| who.own);
            assert!(own(receiver) || own(&event.user_id), "{name} reads {event:?}");
        }
    }
}

struct Scene {
    center: Center,
    casey: VisitorId,
    desks: Vec<(DeskId, ChatId)>,
    session: SessionId,
    /// Casey's, and then the agents'.
    spoken: Vec<Spoken>,
}

impl Scene {
    fn open(seed: u64, options: &[(&str, &str, &str)], casey: Start) -> Self {
        let center = Center::seeded(seed, options);
        let machine = Visitor::new(VisitorSettings::new("Casey"), key(seed, 0));
        let casey_id = visitor(&center, machine);
        center
            .world_mut()
            .with(&casey_id, |shell, now| shell.machine.begin(casey, now))
            .expect("a chat that goes on");
        center.passes(SECOND);
        let session = center.world().look(&casey_id).machine.session_id().cloned();
        let session = session.expect("the chat is begun");
        let mut scene =
            Self { center, casey: casey_id, desks: Vec::new(), session, spoken: vec![] };
        scene.spoken.push(Spoken::default());
        scene.center.world_mut().net = Net::rough();
        for (index, (name, user_type, visibility)) in (1..).zip(AGENTS) {
            scene.comes(DeskSettings::new(name, user_type), visibility, key(seed, index));
        }
        scene.center.passes(SECOND);
        scene
    }

    fn comes(&mut self, settings: DeskSettings, visibility: Visibility, seed: [u8; 32]) {
        let id = desk(&self.center, Desk::new(settings, seed));
        let session = self.session.clone();
        let join = |desk: &mut Desk, now| {
            desk.join(session, visibility, now).expect("a chat that goes on")
        };
        let chat = self.center.world_mut().with(&id, |shell, now| join(&mut shell.machine, now));
        self.desks.push((id, chat));
        self.spoken.push(Spoken::default());
    }

    fn with_desk<R>(&self, index: usize, verb: impl FnOnce(&mut Desk, ChatId, Instant) -> R) -> R {
        let (id, chat) = &self.desks[index];
        self.center.world_mut().with(id, |shell, now| verb(&mut shell.machine, *chat, now))
    }

    fn with_casey<R>(&self, verb: impl FnOnce(&mut Visitor, Instant) -> R) -> R {
        self.center.world_mut().with(&self.casey, |shell, now| verb(&mut shell.machine, now))
    }

    fn stored(&self) -> BTreeMap<EventId, TranscriptEvent> {
        self.center.world().store.records[&self.session].events.clone()
    }

    /// Somebody does something: Casey (0), or one of the agents.
    fn does(&mut self, who: usize, number: u64, chance: &mut Chance) {
        let text = format!("{who}-{number}");
        let said = match (chance.below(10), who) {
            (0, 0) => {
                self.with_casey(|casey, now| casey.type_preview(&text, now))
                    .expect("a chat that goes on");
                return;
            }
            (0, _) => {
                let types = |desk: &mut Desk, chat, now| desk.type_preview(chat, &text, now);
                self.with_desk(who - 1, types).expect("a chat that goes on");
                return;
            }
            (1, 0) => {
                self.with_casey(|casey, now| casey.read_up_to(casey.view().position(), now))
                    .expect("a chat that goes on");
                return;
            }
            (1, _) => {
                self.with_desk(who - 1, |desk, chat, now| {
                    let position = desk.chat(chat).map_or(EventId::NONE, |it| it.view().position());
                    desk.read_up_to(chat, position, now)
                })
                .expect("a chat that goes on");
                return;
            }
            (2, 0) => {
                self.with_casey(|casey, now| casey.rename(&format!("Casey {number}"), now))
                    .expect("a chat that goes on");
                return;
            }
            (2, _) => {
                let name = format!("{} {number}", AGENTS[who - 1].0);
                self.with_desk(who - 1, |desk, chat, now| desk.rename(chat, &name, now))
                    .expect("a chat that goes on");
                return;
            }
            (3, 0) => {
                let notice = Notification::new(NoticeType::UserCustom, &text);
                self.with_casey(|casey, now| casey.notify(notice, now))
            }
            (3, _) => {
                let notice = Notification::new(NoticeType::UserCustom, &text);
                self.with_desk(who - 1, |desk, chat, now| desk.notify(chat, notice, now))
            }
            (4, 1 | 3) => self.with_desk(who - 1, |desk, chat, now| {
                // To somebody who is perhaps not there any more.
                let there = desk.chat(chat).into_iter().flat_map(|it| it.view().participants());
                let there: Vec<UserId> = there
                    .filter(|(_, who)| who.present && !who.own)
                    .map(|it| it.0.clone())
                    .collect();
                if there.is_empty() {
                    return desk.say(chat, &*text, now);
                }
                desk.say_to(chat, there[chance.index(there.len())].clone(), &*text, now)
            }),
            (_, 0) => self.with_casey(|casey, now| casey.say(&*text, now)),
            (_, _) => self.with_desk(who - 1, |desk, chat, now| desk.say(chat, &*text, now)),
        };
        self.spoken[who].texts.push((said.expect("there is room"), text));
    }

    fn is_quiet(&self) -> bool {
        let world = self.center.world();
        let casey = &world.look(&self.casey).machine;
        casey.is_inside()
            && casey.echoes().count() == 0
            && self.desks.iter().all(|(id, chat)| {
                let chat = world.look(id).machine.chat(*chat).expect("a chat that goes on");
                chat.is_inside() && chat.echoes().count() == 0
            })
    }

    fn hear(&mut self) {
        let world = self.center.world();
        self.spoken[0].hears(world.look(&self.casey).news.iter());
        for ((id, _), spoken) in self.desks.iter().zip(&mut self.spoken[1..]) {
            let chat = |news: &'_ DeskNews| match news {
                DeskNews::Chat(_, news) => Some(news.clone()),
                _ => None,
            };
            let news: Vec<News> = world.look(id).news.iter().filter_map(chat).collect();
            spoken.hears(news.iter());
        }
    }

    fn everybody_agrees(&self) {
        let stored = self.stored();
        let world = self.center.world();
        agrees(world.look(&self.casey).machine.view(), UserType::Client, &stored, "Casey");
        for ((id, chat), who) in self.desks.iter().zip(AGENTS) {
            let chat = world.look(id).machine.chat(*chat).expect("a chat that goes on");
            agrees(chat.view(), who.1, &stored, who.0);
        }
    }
}

fn key(seed: u64, index: u8) -> [u8; 32] {
    let mut key = [index; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key
}

/// What the seed says, done by four people over a network that loses connections.
fn run(seed: u64) -> Scene {
    let mut chance = Chance::new(seed);
    let mut scene = Scene::open(seed, &[], Start::default());
    // In half of the chats the agents only listen, and nothing they ask tells them that they are out.
    let talkers = if seed.is_multiple_of(2) { 4 } else { 1 };
    for number in 0..60 {
        let who = chance.index(talkers);
        scene.does(who, number, &mut chance);
        if chance.per_mille(60) {
            match chance.index(4) {
                0 => scene.center.world_mut().cut(&scene.casey),
                index => scene.center.world_mut().cut(&scene.desks[index - 1].0),
            }
        }
        if chance.per_mille(400) {
            scene.center.passes(Duration::from_millis(chance.below(4000)));
        }
    }
    scene.center.world_mut().net = Net::calm();
    // No livelock: everybody comes to rest.
    for _ in 0..60 {
        scene.center.passes(SECOND * 5);
        if scene.is_quiet() {
            break;
        }
    }
    assert!(scene.is_quiet(), "somebody does not come to rest");
    // Whoever came last is told to those who poll.
    scene.center.passes(SECOND * 5);
    scene.hear();
    scene
}

#[test]
fn whatever_is_lost_everybody_has_the_same_in_the_end() {
    // B4.7, B4.8, B5.3
    seeds::each("clients", cases(200, 20_000), |seed| {
        let scene = run(seed);
        let stored = scene.stored();
        scene.everybody_agrees();
        for spoken in &scene.spoken {
            spoken.is_kept(&stored);
        }
        // The end: the customer goes, and with it everybody (B22.5).
        scene.with_casey(Visitor::log_out).expect("a chat that goes on");
        scene.center.passes(SECOND * 300);
        let world = scene.center.world();
        assert_eq!(world.look(&scene.casey).machine.end(), Some(End::Left));
        for (id, chat) in &scene.desks {
            let end = world.look(id).machine.chat(*chat).expect("a chat that goes on").end();
            assert!(matches!(end, Some(End::Left | End::Closed)), "{end:?}");
        }
        drop(world);
        assert_eq!(scene.center.sessions(), 0, "B22.5: nobody keeps it open");
    });
}

#[test]
fn the_same_seed_gives_the_same_chat() {
    for seed in 0..4 {
        let digest = |seed| run(seed).center.world().log.digest();
        assert_eq!(digest(seed), digest(seed), "seed {seed}");
    }
}

/// Whoever begins a chat over a bad network and talks at once.
fn begins<R>(
    seed: u64,
    center: &Center,
    cut: impl Fn(&Center),
    mut say: impl FnMut(&str) -> R,
    mut is_content: impl FnMut() -> bool,
) -> Vec<(R, String)> {
    let mut chance = Chance::new(seed);
    // Half of them say nothing, and must be there all the same.
    let texts: Vec<String> = (0..5 * (seed % 2)).map(|number| format!("text {number}")).collect();
    let said = texts.into_iter().map(|text| (say(&text), text)).collect();
    for _ in 0..20 {
        center.passes(Duration::from_millis(chance.below(1500)));
        if chance.per_mille(250) {
            cut(center);
        }
    }
    center.world_mut().net = Net::calm();
    center.passes(SECOND * 120);
    assert!(is_content(), "it does not come to rest");
    said
}

/// In how many places these words stand, in whatever session.
fn places(center: &Center, text: &str) -> usize {
    let world = center.world();
    let events = world.store.records.values().flat_map(|record| record.events.values());
    events.filter(|event| words(event) == Some(text)).count()
}

fn rough(seed: u64) -> Center {
    let center = Center::seeded(seed, &[]);
    center.world_mut().net = Net { reset_per_mille: 30, ..Net::rough() };
    center
}

#[test]
fn a_visitor_begins_one_chat_whatever_is_lost() {
    // B4.8
    seeds::each("visitor begins", cases(200, 20_000), |seed| {
        let center = rough(seed);
        let machine = Visitor::new(VisitorSettings::new("Casey"), key(seed, 0));
        let id = visitor(&center, machine);
        let with = |verb: &dyn Fn(&mut Visitor, Instant) -> Option<EchoId>| {
            center.world_mut().with(&id, |shell, now| verb(&mut shell.machine, now))
        };
        with(&|casey, now| casey.begin(Start::default(), now).err().map(|_| unreachable!()));
        let said = begins(
            seed,
            &center,
            |center| center.world_mut().cut(&id),
            |text| with(&|casey, now| casey.say(text, now).ok()),
            || with(&|casey, _| casey.echoes().next().map(|echo| echo.id)).is_none(),
        );
        assert_eq!((center.sessions(), center.world().store.records.len()), (1, 1));
        for (_, text) in said {
            assert_eq!(places(&center, &text), 1, "{text}");
        }
    });
}

#[test]
fn a_desk_begins_one_chat_whatever_is_lost() {
    // B4.3, B4.8
    seeds::each("desk begins", cases(200, 20_000), |seed| {
        let center = rough(seed);
        let id = desk(&center, Desk::new(DeskSettings::new("Ana", UserType::Agent), key(seed, 0)));
        let chat = center
            .world_mut()
            .with(&id, |shell, now| shell.machine.create(now))
            .expect("a chat that goes on");
        let say = |text: &str| {
            center
                .world_mut()
                .with(&id, |shell, now| shell.machine.say(chat, text, now))
                .expect("a chat that goes on")
        };
        let said = begins(
            seed,
            &center,
            |center| center.world_mut().cut(&id),
            say,
            || {
                let world = center.world();
                let chat = world.look(&id).machine.chat(chat).expect("a chat that goes on");
                chat.echoes().count() == 0 && (chat.is_inside() || chat.end().is_some())
            },
        );
        // A session with nobody else in it ends with the connection (B8.4), and what was not said
        // by then is told to be unsaid.
        let end = center.world().look(&id).machine.chat(chat).expect("a chat that goes on").end();
        assert!(matches!(end, None | Some(End::Closed)), "{end:?}");
        assert_eq!(center.sessions(), usize::from(end.is_none()));
        if end.is_none() {
            let session = center
                .world()
                .look(&id)
                .machine
                .chat(chat)
                .expect("a chat that goes on")
                .session_id()
                .cloned();
            let ben = center.agent("Ben");
            ben.asks(RequestJoin { session_id: session, ..create() });
            let hello = ben.says("are you there?");
            let world = center.world();
            let view = world.look(&id).machine.chat(chat).expect("a chat that goes on").view();
            assert!(view.event(hello).is_some(), "it is deaf");
        }
        let world = center.world();
        for (echo, text) in said {
            let unsaid = world.look(&id).news.iter().any(|news| {
                matches!(news, DeskNews::Chat(_, News::NotSent { echo: of, .. }) if *of == echo)
            });
            assert_eq!(places(&center, &text), usize::from(!unsaid), "{text}");
            assert!(unsaid <= end.is_some(), "{text}");
        }
    });
}
