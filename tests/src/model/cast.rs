//! Who does what a script says, and the requests they make of it. Ids are the model's.

use confer_core::ask::{Failure, Outcome};
use confer_core::frame::basic::{
    RequestJoin, RequestMessage, RequestNotify, RequestRegister, RequestReleaseParty,
};
use confer_core::frame::esp::{Envelope, Request3rdServer};
use confer_core::frame::{KvList, NoticeType, Request, UserType, Visibility, basic, esp, flex};
use confer_core::id::{ContactId, EventId, PortId, SessionId, UserId};
use confer_core::pii::{Pii, Secret};
use confer_core::text::{Str, Text};

use super::names::Names;
use super::script::{
    Door, Extras, Flaw, Method, Notice, Op, Position, Session, User, Verdict, Words,
};
use super::state::{Kind, Model};

/// Somebody of a script.
#[derive(Clone, Copy, Debug)]
pub(super) struct Someone {
    /// What they are called.
    pub(super) nickname: &'static str,
    /// Who they are.
    pub(super) user_type: UserType,
    /// The port they come to.
    pub(super) port: PortId,
    version: Option<i32>,
    person_id: Option<&'static str>,
    bot: bool,
}

const fn someone(nickname: &'static str, user_type: UserType, version: i32) -> Someone {
    let version = Some(version);
    Someone { nickname, user_type, port: PortId::Default, version, person_id: None, bot: false }
}

const fn door(nickname: &'static str, port: PortId) -> Someone {
    Someone { port, ..someone(nickname, UserType::Client, 106) }
}

/// Eight people, two ways for customers to come in, and a workflow.
pub(super) const CAST: [Someone; 11] = [
    someone("Casey", UserType::Client, 106),
    someone("Ana", UserType::Agent, 106),
    someone("Ben", UserType::Agent, 102),
    someone("Sue", UserType::Supervisor, 105),
    someone("Sam", UserType::Supervisor, 110),
    Someone { bot: true, ..someone("Bo", UserType::Agent, 106) },
    Someone { person_id: Some("kim-1"), ..someone("Kim", UserType::Client, 103) },
    Someone { version: None, ..someone("Abe", UserType::Agent, 101) },
    door("webapi", PortId::Webapi),
    door("gateway", PortId::Web),
    door("workflow", PortId::Esp),
];
/// The first who is not on basic, but a door for others.
pub(super) const WEBAPI: usize = 8;
const GATEWAY: usize = 9;
const WORKFLOW: usize = 10;

impl Door {
    /// Which of the cast it is.
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Webapi => WEBAPI,
            Self::Gateway => GATEWAY,
        }
    }
}

/// How the workflow changes inactivity control. The periods keep to what [`setting`](super::setting)
/// says of timeouts.
const WAYS: [&[(&str, &str)]; 12] = [
    &[("enabled", "true")],
    &[("enabled", "yes")],
    &[("timeout-alert", "33"), ("timeout-close", "11")],
    &[("timeout-alert2", "0")],
    &[("timeout-alert2", "86401")],
    &[("timeout-alert", "0"), ("enabled", "false")],
    &[("message-alert", "")],
    &[("message-close", "seven"), ("message-alert2", "five")],
    &[("include-notices", "all")],
    &[("include-notices", "some")],
    &[("reset-parameters", "true")],
    &[("reset-parameters", "true"), ("include-notices", "typing"), ("enabled", "true")],
];

/// A request of somebody of the cast; `number` makes what is said in it unlike anything else.
///
/// Nothing if the operation is none, or about a flex user while there is none.
pub(super) fn request(
    op: Op,
    model: &Model,
    names: &Names,
    number: usize,
) -> Option<(usize, Request)> {
    let made: (usize, Request) = match op {
        Op::Register(who, flaw) => (who, register(who, flaw).into()),
        Op::Unregister(who) => (who, basic::Request::RequestUnregister.into()),
        Op::Create(who, visibility, extras) => {
            let join = RequestJoin {
                visibility: Some(visibility),
                queue_key: queue_key(extras),
                message_text: extras.words.then(|| Text::new("greeting")),
                user_data: user_data(model, CAST[who].bot, extras, None),
                request_key: extras.key.map(key),
                ..RequestJoin::default()
            };
            (who, basic::Request::RequestJoin(join).into())
        }
        Op::Join(who, session, visibility, position, extras) => {
            let found = chosen(model, session);
            let join = RequestJoin {
                session_id: Some(session_id(found)),
                visibility,
                last_position: Some(reached(model, found, position)),
                message_text: extras.words.then(|| Text::new("greeting")),
                user_data: user_data(model, CAST[who].bot, extras, found),
                request_key: extras.key.map(key),
                ..RequestJoin::default()
            };
            (who, basic::Request::RequestJoin(join).into())
        }
        Op::Say(who, session, words) => {
            let found = chosen(model, session);
            let message = RequestMessage {
                session_id: session_id(found),
                message_text: text(words, number),
                message_type: None,
                treat_as: None,
                visibility: words.visibility,
                receiver_id: receiver(model, names, found, words.receiver),
                user_data: None,
                event_attributes: attributes(words),
                request_key: words.key.map(key),
            };
            (who, basic::Request::RequestMessage(message).into())
        }
        Op::Notify(who, session, words) => {
            let found = chosen(model, session);
            let (notice_type, notice_text, user_data) = notice(model, found, words, number);
            let notify = RequestNotify {
                session_id: session_id(found),
                notice_type,
                notice_text,
                visibility: words.visibility,
                receiver_id: receiver(model, names, found, words.receiver),
                user_data,
                event_attributes: None,
                request_key: words.key.map(key),
            };
            (who, basic::Request::RequestNotify(notify).into())
        }
        Op::Release(who, session, whom, action, extras) => {
            let found = chosen(model, session);
            let transfer = || KvList::from([("GCTI_Chat_LeaveReason", "transfer".into())]);
            let release = RequestReleaseParty {
                session_id: session_id(found),
                user_id: receiver(model, names, found, whom),
                after_action: Some(action),
                message_text: extras.words.then(|| Text::new("farewell")),
                user_data: extras.asynchronous.then(transfer),
            };
            (who, basic::Request::RequestReleaseParty(release).into())
        }
        Op::Login(door, client_version) => {
            let login = flex::RequestLogin {
                user_nickname: Pii::new(Str::new("Flo")),
                time_zone_offset: None,
                person_id: None,
                client_version,
                // Some bring along at login what others bring when they join (B19.3).
                user_data: (client_version == Some(104))
                    .then(|| KvList::from([("GCTI_Chat_AsyncMode", "true".into())])),
            };
            (door.index(), flex::Request::RequestLogin(login).into())
        }
        Op::FlexCreate(door, user, extras) => {
            (door.index(), flex_join(model, user, None, extras)?.into())
        }
        Op::FlexJoin(door, user, session, extras) => {
            (door.index(), flex_join(model, user, Some(session), extras)?.into())
        }
        Op::Refresh(door, user, position, words) => {
            let (user_id, secure_key, session) = flex_user(model, user)?;
            let words = words.map(open);
            let refresh = flex::RequestRefresh {
                user_id,
                secure_key,
                session_id: None,
                last_position: Some(reached(model, session, position)),
                message_text: words.map(|words| text(words, number)),
                message_type: None,
                user_data: None,
                event_attributes: words.and_then(attributes),
                request_key: words.and_then(|words| words.key).map(key),
            };
            (door.index(), flex::Request::RequestRefresh(refresh).into())
        }
        Op::FlexNotify(door, user, position, words) => {
            let (user_id, secure_key, session) = flex_user(model, user)?;
            let (notice_type, notice_text, user_data) = notice(model, session, open(words), number);
            let notify = flex::RequestNotify {
                user_id,
                secure_key,
                session_id: None,
                notice_type,
                notice_text,
                user_data,
                event_attributes: None,
                last_position: position.map(|position| reached(model, session, position)),
                request_key: words.key.map(key),
            };
            (door.index(), flex::Request::RequestNotify(notify).into())
        }
        Op::Logout(door, user, position) => {
            let (user_id, secure_key, session) = flex_user(model, user)?;
            let logout = flex::RequestLogout {
                user_id,
                secure_key,
                session_id: None,
                last_position: position.map(|position| reached(model, session, position)),
            };
            (door.index(), flex::Request::RequestLogout(logout).into())
        }
        Op::Call(method, session, visibility, name) => {
            (WORKFLOW, call(model, method, session, visibility, name, number).into())
        }
        Op::Pass(_)
        | Op::Correct(_)
        | Op::Connect(_)
        | Op::Lose(_)
        | Op::Answer(..)
        | Op::Prompt(_)
        | Op::Elsewhere(_) => return None,
    };
    Some(made)
}

/// An answer of the outside.
pub(super) fn outcome(kind: &Kind, verdict: Verdict) -> Outcome {
    match (verdict, kind) {
        (Verdict::Done, Kind::Identify(user_data)) if user_data.is_empty() => {
            Outcome::Identified { contact: None, attributes: KvList::new() }
        }
        (Verdict::Done, Kind::Identify(_)) => Outcome::Identified {
            contact: Some(ContactId::new("C1")),
            attributes: KvList::from([
                ("LastName", "Doe".into()),
                ("CustomerSegment", "silver".into()),
                ("IsOnline", "never".into()),
            ]),
        },
        (Verdict::Done, _) => Outcome::Done,
        (Verdict::Unavailable, _) => Outcome::Failed(Failure::Unavailable),
        (Verdict::Refused, _) => Outcome::Failed(Failure::Refused),
        (Verdict::Fenced, _) => Outcome::Failed(Failure::Fenced),
    }
}

/// Somebody's Register.
fn register(who: usize, flaw: Flaw) -> basic::Request {
    let Someone { nickname, user_type, version, person_id, .. } = CAST[who];
    let blank = flaw == Flaw::Nickname;
    let external = flaw == Flaw::UserType;
    basic::Request::RequestRegister(RequestRegister {
        user_nickname: Pii::new(Str::new(if blank { "  " } else { nickname })),
        user_type: if external { UserType::External } else { user_type },
        person_id: person_id.map(|id| Pii::new(Str::new(id))),
        time_zone_offset: None,
        client_version: version,
        user_data: person_id.map(|_| {
            let segment = ("CustomerSegment", "gold".into());
            KvList::from([segment, ("GCTI_Chat_AsyncMode", "false".into())])
        }),
        max_frame: None,
    })
}

fn flex_join(
    model: &Model,
    user: User,
    session: Option<Session>,
    extras: Extras,
) -> Option<flex::Request> {
    let (user_id, secure_key, _) = flex_user(model, user)?;
    let found = session.and_then(|session| chosen(model, session));
    Some(flex::Request::RequestJoin(flex::RequestJoin {
        user_id,
        secure_key,
        session_id: session.map(|_| session_id(found)),
        queue_key: queue_key(extras).filter(|_| session.is_none()),
        subject: None,
        message_text: extras.words.then(|| Text::new("greeting")),
        user_data: user_data(model, false, extras, found),
        request_key: extras.key.map(key),
    }))
}

fn call(
    model: &Model,
    method: Method,
    session: Session,
    visibility: Option<Visibility>,
    name: u8,
    number: usize,
) -> esp::Request {
    let id = session_id(chosen(model, session));
    let mut parameters = KvList::new();
    let words = Words {
        kind: Notice::Confirm(0),
        visibility,
        receiver: None,
        key: None,
        attributes: false,
    };
    let method = match method {
        Method::Message => {
            parameters.push("MessageText", text(words, number).reveal());
            "Message"
        }
        Method::Notice => {
            parameters.push("NoticeType", "USER_CUSTOM");
            parameters.push("NoticeText", text(words, number).reveal());
            "Notice"
        }
        Method::PlaceOnHold => "PlaceOnHold",
        Method::GetSessionInfo => "GetSessionInfo",
        Method::Unknown => "Unknown",
        Method::CloseSession(if_no_agents) => {
            parameters.push("CloseIfNoAgents", if if_no_agents { "true" } else { "false" });
            "CloseSession"
        }
        Method::Purge(generation) => {
            parameters.push("Purge", "true");
            if let Some(generation) = generation {
                parameters.push("OwnershipGeneration", &*generation.to_string());
            }
            "CloseSession"
        }
        Method::IdleControlConfigure(way) => {
            for (name, value) in WAYS[usize::from(way) % WAYS.len()] {
                parameters.push(name, *value);
            }
            "IdleControlConfigure"
        }
        Method::ConfigureSession(way) => {
            let ways = [("async-idle-reset", "1"), ("async-idle-reset", "2"), ("async-idle", "1")];
            let language = ("GCTI_LanguageName", "Elvish");
            let (name, value) = ways.get(usize::from(way % 8)).copied().unwrap_or(language);
            parameters.push(name, value);
            "ConfigureSession"
        }
    };
    if let Some(visibility) = visibility {
        parameters.push("Visibility", visibility.name());
    }
    match name {
        0 => {}
        1 => parameters.push("Nickname", "Router"),
        2 => parameters.push("Nickname", "System"),
        _ => parameters.push("Nickname", " "),
    }
    let envelope = Envelope {
        app_name: None,
        app_type: Some(Str::new("ChatServer")),
        service: Str::new("Chat"),
        method: Str::new(method),
        version: Str::new(Envelope::VERSION),
        parameters,
    };
    let user_data = Some(KvList::from([("InteractionId", id.as_str().into())]));
    esp::Request::Request3rdServer(Request3rdServer { envelope, user_data })
}

/// The session that is meant, if there is one.
pub(super) fn chosen(model: &Model, Session(back): Session) -> Option<usize> {
    let known = |&session: &usize| model.sessions[session].announced;
    let known: Vec<usize> = (0..model.sessions.len()).filter(known).collect();
    known.iter().rev().nth(back?).copied()
}

fn session_id(session: Option<usize>) -> SessionId {
    SessionId::new(&session.map_or("nowhere".to_owned(), |session| format!("S{session}")))
}

/// So many events before the last of a session.
fn reached(model: &Model, session: Option<usize>, Position(back): Position) -> EventId {
    let last = session.map_or(0, |session| model.sessions[session].last());
    let position = back.map_or(last + 1000, |back| last.saturating_sub(back));
    EventId::new(position).expect("a model is small")
}

/// The id of a participation, counted from the newest; or one that nobody has, which is what an id
/// is that nobody was told yet.
fn receiver(
    model: &Model,
    names: &Names,
    session: Option<usize>,
    back: Option<u8>,
) -> Option<UserId> {
    let back = usize::from(back?);
    let parties = session.map_or(&[][..], |session| &model.sessions[session].parties);
    let id = parties.iter().rev().nth(back).map(|party| &*party.user_id);
    Some(UserId::new(id.filter(|id| names.knows(id)).unwrap_or("nobody")))
}

/// A flex user's id and key, and the session it is or was in.
fn flex_user(model: &Model, User(back, right): User) -> Option<(UserId, Secret, Option<usize>)> {
    use super::state::Place;
    let user = model.users.len().checked_sub(back + 1)?;
    let key = if right { format!("K{user}") } else { "wrong".to_owned() };
    let session = match model.users[user].place {
        Place::Inside(session, _) | Place::Removed { session, .. } => Some(session),
        Place::Outside | Place::Creating(_) | Place::Gone => None,
    };
    Some((UserId::new(&format!("U{user}")), Secret::new(&key), session))
}

fn queue_key(extras: Extras) -> Option<Str> {
    extras.bad_queue.then(|| Str::new("1:nowhere"))
}

/// What a Join brings along. The right password to a session that is being made is one of its own.
fn user_data(model: &Model, bot: bool, extras: Extras, session: Option<usize>) -> Option<KvList> {
    let mut data = KvList::new();
    if bot {
        data.push("GCTI_Chat_SetPartyStyle", "BOT");
    }
    if extras.asynchronous {
        data.push("GCTI_Chat_AsyncMode", "true");
    }
    let password = match (session, extras.password) {
        (None, Some(false)) => Some("open sesame"),
        (None, Some(true)) | (_, None) => None,
        (Some(_), Some(false)) => Some("open barley"),
        (Some(session), Some(true)) => model.sessions[session].password.as_deref(),
    };
    if let Some(password) = password {
        data.push("GCTI_Chat_SessionPassword", password);
    }
    Some(data).filter(|data| !data.is_empty())
}

/// A text that says whom it is for, so that whoever sees it can be held against it.
fn text(words: Words, number: usize) -> Text {
    let whom = if words.receiver.is_some() {
        "DIRECT"
    } else {
        words.visibility.map_or("OWN", Visibility::name)
    };
    Text::new(&format!("{whom} {number}"))
}

/// As a customer says it: to everybody.
fn open(words: Words) -> Words {
    Words { visibility: None, receiver: None, ..words }
}

fn attributes(words: Words) -> Option<KvList> {
    let system = KvList::from([("forged", "yes".into())]);
    let attributes = [("mood", "calm".into()), ("GCTI_SYSTEM", system.into())];
    words.attributes.then(|| KvList::from(attributes))
}

fn key(number: u8) -> Str {
    Str::new(&format!("key-{number}"))
}

fn notice(
    model: &Model,
    session: Option<usize>,
    words: Words,
    number: usize,
) -> (NoticeType, Option<Text>, Option<KvList>) {
    match words.kind {
        Notice::Mute(kind) => (kind, None, None),
        Notice::Good(NoticeType::UserPushedUrl) => {
            (NoticeType::UserPushedUrl, Some(Text::new("https://example.com/")), None)
        }
        Notice::Good(kind) => (kind, Some(text(words, number)), None),
        Notice::Confirm(back) => {
            let read = reached(model, session, Position(Some(back)));
            let data = KvList::from([("last-event-id", (&*read.to_string()).into())]);
            (NoticeType::SysCommand, Some(Text::new("read-confirm")), Some(data))
        }
    }
}
