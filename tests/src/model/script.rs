//! What people do in a random script: a few bytes for each operation, so that whoever mutates the
//! bytes mutates operations.

use std::fmt;

use confer_core::config::{AutoSave, IncludeNotices, SaveNotices, SaveOnError, StopAbandoned};
use confer_core::frame::{AfterAction, NoticeType, Visibility};

use super::cast::{CAST, WEBAPI};
use super::setting::Setting;
use crate::world::Chance;

/// Bytes of an operation, and of the setting and the opening before them.
const SIZE: usize = 4;
/// Operations of a script at most.
const MOST: usize = 400;

/// A setting, and what is done under it.
#[derive(Clone, PartialEq, Eq)]
pub struct Script(Vec<[u8; SIZE]>);

/// One thing that is done. Somebody is a number of the cast; whoever is not there does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// So many milliseconds pass.
    Pass(u64),
    /// The calendar is corrected by so many milliseconds.
    Correct(i64),
    /// Somebody connects.
    Connect(usize),
    /// Somebody's connection is lost.
    Lose(usize),
    /// Somebody registers, having connected; perhaps as what nobody is.
    Register(usize, Flaw),
    /// Somebody unregisters.
    Unregister(usize),
    /// Somebody creates a session.
    Create(usize, Visibility, Extras),
    /// Somebody joins one.
    Join(usize, Session, Option<Visibility>, Position, Extras),
    /// Somebody says something.
    Say(usize, Session, Words),
    /// Somebody gives a notice.
    Notify(usize, Session, Words),
    /// Somebody leaves, or removes somebody.
    Release(usize, Session, Option<u8>, AfterAction, Extras),
    /// A flex user logs in, with this version.
    Login(Door, Option<i32>),
    /// A flex user creates a session.
    FlexCreate(Door, User, Extras),
    /// A flex user joins one.
    FlexJoin(Door, User, Session, Extras),
    /// A flex user polls, perhaps saying something.
    Refresh(Door, User, Position, Option<Words>),
    /// A flex user gives a notice.
    FlexNotify(Door, User, Option<Position>, Words),
    /// A flex user logs out.
    Logout(Door, User, Option<Position>),
    /// The workflow calls.
    Call(Method, Session, Option<Visibility>, u8),
    /// Another part of the system does something.
    Elsewhere(Elsewhere),
    /// The outside answers one of the questions that are open, or were.
    Answer(u8, Verdict),
    /// From now on the outside answers at once, and well; or when it is told to.
    Prompt(bool),
}

/// What is wrong with a Register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// The user type is EXTERNAL.
    UserType,
    /// The nickname is blank.
    Nickname,
}

/// What a creation, a Join or a Release brings along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extras {
    /// A password: the right one, a wrong one. A creation with a wrong one makes it the right one.
    pub password: Option<bool>,
    /// Words: a greeting, or a farewell.
    pub words: bool,
    /// It is to be an async session; or a transfer.
    pub asynchronous: bool,
    /// The queue does not exist.
    pub bad_queue: bool,
    /// Once only; of a Join.
    pub key: Option<u8>,
    /// How often it is asked without waiting for the answer; of a creation with a key.
    pub times: u8,
}

/// A session: the newest that anybody knows, the one before; or none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session(pub Option<usize>);

/// A position in a transcript: so many before the last; or one that nobody has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position(pub Option<u32>);

/// A flex user: the newest, the one before; and whether the key is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User(pub usize, pub bool);

/// Where flex requests come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// A connection to `webapi`.
    Webapi,
    /// The gateway inside the process.
    Gateway,
}

/// How something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// Of a notice.
    pub kind: Notice,
    /// To whom.
    pub visibility: Option<Visibility>,
    /// To this participation only, counted from the newest.
    pub receiver: Option<u8>,
    /// Once only.
    pub key: Option<u8>,
    /// With event attributes.
    pub attributes: bool,
}

/// What a notice is about, and how well it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Of this type, with a fitting text.
    Good(NoticeType),
    /// Of this type, without a text.
    Mute(NoticeType),
    /// A confirmation of the event so many before the last.
    Confirm(u32),
}

/// A method of ESP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `Message`.
    Message,
    /// `Notice`.
    Notice,
    /// `PlaceOnHold`.
    PlaceOnHold,
    /// `CloseSession`, perhaps only if no agent is there.
    CloseSession(bool),
    /// `CloseSession` with `Purge`, perhaps for a generation.
    Purge(Option<u64>),
    /// `IdleControlConfigure`, in one of several ways.
    IdleControlConfigure(u8),
    /// `ConfigureSession`, in one of several ways.
    ConfigureSession(u8),
    /// `GetSessionInfo`.
    GetSessionInfo,
    /// None there is.
    Unknown,
}

/// What another part of the system does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// The contact store is back.
    StoreUp,
    /// The workflow stops an interaction.
    InteractionStopped(Session),
    /// Another instance has taken a session over, in this generation.
    Purge(Session, u64),
    /// Inactivity control is switched on or off.
    Enabled(bool),
    /// The server is to come to an end.
    Drain,
    /// The time for that is over.
    CloseSessions,
}

/// How the outside answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Done,
    /// Not now.
    Unavailable,
    /// Never.
    Refused,
    /// Somebody else owns the record by now.
    Fenced,
}

impl Extras {
    const NONE: Self = Self {
        password: None,
        words: false,
        asynchronous: false,
        bad_queue: false,
        key: None,
        times: 1,
    };
}

impl Script {
    /// The script these bytes spell. Bytes that make no operation are left over.
    pub fn new(bytes: &[u8]) -> Self {
        let (chunks, _) = bytes.as_chunks();
        Self(chunks[..chunks.len().min(MOST)].to_vec())
    }

    /// The script of this seed.
    pub fn seeded(seed: u64, operations: usize) -> Self {
        let mut chance = Chance::new(seed);
        let byte = |chance: &mut Chance| u8::try_from(chance.below(256)).expect("a byte");
        Self((0..=operations).map(|_| std::array::from_fn(|_| byte(&mut chance))).collect())
    }

    /// The bytes that spell it.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.concat()
    }

    /// The configuration it runs under.
    pub fn setting(&self) -> Setting {
        let [a, b, c, d] = self.0.first().copied().unwrap_or_default();
        Setting {
            auto_save: match (a & 1, d & 32) {
                (0, _) => AutoSave::AtClose,
                (_, 0) => AutoSave::EveryEvent,
                _ => AutoSave::EveryEventAndTell,
            },
            on_error: if d & 64 == 0 { SaveOnError::Continue } else { SaveOnError::Close },
            save_notices: pick(SaveNotices::ALL, c >> 4),
            idle: a & 6 != 0,
            second_alert: (a & 8 != 0, a & 16 != 0),
            passwords: a & 0xE0 == 0,
            include_notices: pick(IncludeNotices::ALL, b),
            stop: pick(StopAbandoned::ALL, c),
        }
    }

    /// What is done before: everybody comes, and perhaps some of them meet.
    pub fn opening(&self) -> Vec<Op> {
        let [.., d] = self.0.first().copied().unwrap_or_default();
        let plain = Extras { asynchronous: d & 16 != 0, ..Extras::NONE };
        let known = Extras { password: Some(true), ..plain };
        let newest = Session(Some(0));
        let mut ops = Vec::new();
        for who in 0..CAST.len() {
            ops.push(Op::Connect(who));
            if who < WEBAPI {
                ops.push(Op::Register(who, Flaw::None));
            }
        }
        match d & 3 {
            0 => {}
            1 => ops.push(Op::Create(0, Visibility::All, plain)),
            _ => {
                ops.push(Op::Login(Door::Webapi, Some(106)));
                ops.push(Op::FlexCreate(Door::Webapi, User(0, true), plain));
            }
        }
        for (bit, who) in [(4, 1), (8, 3)] {
            if d & bit != 0 {
                let all = Some(Visibility::All);
                ops.push(Op::Join(who, newest, all, Position(None), known));
            }
        }
        ops
    }

    /// What is done.
    pub fn operations(&self) -> Vec<Op> {
        self.0.iter().skip(1).map(|bytes| operation(*bytes)).collect()
    }

    /// The shortest script found by leaving operations out that still fails.
    #[must_use]
    pub fn shrunk(&self, fails: impl Fn(&Self) -> bool) -> Self {
        let mut shortest = self.clone();
        let mut piece = self.0.len() / 2;
        while piece > 0 {
            let mut from = 1;
            while from < shortest.0.len() {
                let mut shorter = shortest.clone();
                shorter.0.drain(from..(from + piece).min(shortest.0.len()));
                if fails(&shorter) {
                    shortest = shorter;
                } else {
                    from += piece;
                }
            }
            piece /= 2;
        }
        shortest
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: ", self.setting())?;
        f.debug_list().entries(self.operations()).finish()
    }
}

impl fmt::Display for Script {
    /// The operations, one to a line, after the bytes that spell them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "bytes {}",
            self.bytes().iter().map(|b| format!("{b:02x}")).collect::<String>()
        )?;
        writeln!(f, "{:?}", self.setting())?;
        for (index, op) in self.operations().iter().enumerate() {
            writeln!(f, "{index:3} {op:?}")?;
        }
        Ok(())
    }
}

/// How often each kind of operation comes, in the order of [`operation`].
const WEIGHTS: [u8; 21] = [9, 1, 1, 1, 5, 1, 3, 9, 14, 14, 4, 2, 4, 5, 10, 6, 1, 7, 7, 2, 2];

fn operation([kind, a, b, c]: [u8; SIZE]) -> Op {
    let basic = pick(&PEOPLE, a);
    let session = Session(match b % 16 {
        0..=10 => Some(0),
        11 | 12 => Some(1),
        13 | 14 => Some(2),
        _ => None,
    });
    let visibility = [None, Some(Visibility::All), Some(Visibility::Int), Some(Visibility::Vip)];
    let door = if a & 128 == 0 { Door::Webapi } else { Door::Gateway };
    let user = User([0, 0, 1, 2][usize::from(a % 4)], a & 0x78 != 0x78);
    let position = Position(if c & 7 == 7 { None } else { Some(u32::from(c & 7) * 3) });
    let wanted = (c & 8 != 0).then_some(position);
    let extras = Extras {
        password: [None, Some(true), Some(true), Some(false)][usize::from(c >> 6)],
        words: c & 32 != 0,
        asynchronous: c & 16 != 0,
        bad_queue: c & 15 == 15,
        key: (c & 12 == 8).then_some(c & 1),
        times: if c & 12 == 8 { pick(&[1, 1, 1, 2, 3, 6], b & 63) } else { 1 },
    };
    match weighed(kind) {
        0 => Op::Pass(pick(&PASSES, a)),
        1 => Op::Correct((i64::from(a) - 100) * 700),
        2 => Op::Connect(usize::from(a % 11)),
        3 => Op::Lose(usize::from(a % 11)),
        4 => {
            let flaw = [Flaw::None, Flaw::UserType, Flaw::Nickname];
            Op::Register(basic, flaw.get(usize::from(b % 16)).copied().unwrap_or(Flaw::None))
        }
        5 => Op::Unregister(basic),
        6 => Op::Create(basic, pick(Visibility::ALL, b >> 6 & 2), extras),
        7 => Op::Join(
            basic,
            session,
            pick(&visibility, b >> 3),
            Position((b & 128 == 0).then_some(u32::from(c & 15))),
            extras,
        ),
        8 => Op::Say(basic, session, words(b, c)),
        9 => Op::Notify(basic, session, words(b, c)),
        10 => {
            let action = pick(AfterAction::ALL, if b & 64 == 0 { 0 } else { b >> 3 });
            Op::Release(basic, session, (c & 1 != 0).then_some(c >> 1 & 7), action, extras)
        }
        11 => Op::Login(door, pick(&[None, Some(102), Some(104), Some(106)], b)),
        12 => Op::FlexCreate(door, user, extras),
        13 => Op::FlexJoin(door, user, session, extras),
        14 => Op::Refresh(door, user, position, (b & 1 != 0).then_some(words(b >> 1, c))),
        15 => Op::FlexNotify(door, user, wanted, words(b, c)),
        16 => Op::Logout(door, user, wanted),
        17 => {
            let methods = [
                Method::Message,
                Method::Message,
                Method::Notice,
                Method::PlaceOnHold,
                Method::GetSessionInfo,
                Method::CloseSession(c & 2 == 0),
                Method::Message,
                Method::Unknown,
                Method::IdleControlConfigure(c >> 2),
                Method::IdleControlConfigure(c >> 2),
                Method::ConfigureSession(c >> 2),
                Method::Purge([None, Some(1), Some(2), Some(1)][usize::from(c >> 2 & 3)]),
            ];
            Op::Call(pick(&methods, a), session, pick(&visibility, b >> 3), c % 4)
        }
        18 => {
            let verdict = match b % 16 {
                0..8 => Verdict::Done,
                8..13 => Verdict::Unavailable,
                13 | 14 => Verdict::Refused,
                _ => Verdict::Fenced,
            };
            Op::Answer(a, verdict)
        }
        19 => Op::Prompt(a & 3 != 0),
        _ => Op::Elsewhere(match a % 8 {
            0..3 => Elsewhere::StoreUp,
            3 | 4 => Elsewhere::InteractionStopped(session),
            5 => Elsewhere::Purge(session, u64::from(c & 1) + 1),
            6 => Elsewhere::Enabled(c & 1 == 0),
            _ if c < 16 => Elsewhere::Drain,
            _ if c < 32 => Elsewhere::CloseSessions,
            _ => Elsewhere::StoreUp,
        }),
    }
}

/// Who does something on basic: some of the cast more often than others, so that things happen to
/// the same people.
const PEOPLE: [usize; 16] = [0, 0, 0, 1, 1, 1, 1, 2, 3, 3, 3, 4, 4, 5, 6, 7];

/// Whole seconds, so that operations stay at milliseconds of their own. The short ones come often.
const PASSES: [u64; 32] = [
    0, 0, 0, 1000, 1000, 1000, 2000, 2000, 3000, 3000, 4000, 5000, 5000, 6000, 7000, 7000, 8000,
    9000, 10_000, 10_000, 14_000, 15_000, 20_000, 20_000, 25_000, 30_000, 40_000, 45_000, 60_000,
    70_000, 300_000, 400_000,
];

fn weighed(kind: u8) -> usize {
    let sum: u32 = WEIGHTS.iter().map(|weight| u32::from(*weight)).sum();
    let mut rest = u32::from(kind) * sum / 256;
    for (index, weight) in WEIGHTS.iter().enumerate() {
        match rest.checked_sub(u32::from(*weight)) {
            Some(less) => rest = less,
            None => return index,
        }
    }
    WEIGHTS.len() - 1
}

fn words(b: u8, c: u8) -> Words {
    let visibility = [None, None, Some(Visibility::All), Some(Visibility::Int)];
    let visibility = match b >> 3 & 7 {
        7 => Some(Visibility::Vip),
        other => pick(&visibility, other),
    };
    let kind = match c & 15 {
        0 => Notice::Good(NoticeType::UserCustom),
        1 => Notice::Good(NoticeType::UserPushedUrl),
        2 | 3 => Notice::Good(NoticeType::UserTypingStarted),
        4 => Notice::Mute(NoticeType::UserTypingStopped),
        5 | 6 => Notice::Good(NoticeType::UserUpdateNick),
        7 => Notice::Mute(NoticeType::UserUpdateNick),
        8 => Notice::Good(NoticeType::IdleControlAlert),
        9 => Notice::Good(NoticeType::SysCommand),
        10 => Notice::Mute(NoticeType::UserCustom),
        11 => Notice::Mute(NoticeType::UserPushedUrl),
        other => Notice::Confirm(u32::from(other - 12)),
    };
    Words {
        kind,
        visibility,
        receiver: (b >> 6 == 3).then_some(c >> 4 & 7),
        key: (c >> 4 >= 12).then_some(c & 3),
        attributes: c & 0x30 == 0x30,
    }
}

/// One of them.
fn pick<T: Copy>(all: &[T], byte: u8) -> T {
    all[usize::from(byte) % all.len()]
}
