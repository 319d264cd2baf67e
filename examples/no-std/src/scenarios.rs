//! What happens on the floor, and what everybody must see of it.

use core::time::Duration;

use confer_core::config::Config;
use confer_core::frame::basic;
use confer_core::frame::{AfterAction, ErrorId, Event, KvValue, Protocol, UserType, Visibility};
use confer_core::id::SessionId;
use confer_link::Loss;
use confer_wire::Reason;

use crate::floor::{Fault, Floor, LineNo};
use crate::people::{Desk, Visitor, call, ensure};

/// A scenario, on a floor of its own.
pub type Scenario = fn(&mut Floor) -> Result<(), Fault>;

/// All of them, by name, in order.
pub const SCENARIOS: &[(&str, Scenario)] = &[
    ("conversation", conversation),
    ("visibility", visibility),
    ("workflow", workflow),
    ("inactivity", inactivity),
    ("leaving", leaving),
    ("nonsense", nonsense),
    ("twenty sessions", twenty_sessions),
];

/// A sound header of a message that basic does not have, with reference 1001.
const UNKNOWN_MESSAGE: [u8; 12] = [0, 0, 0, 8, b'B', 1, 0, 99, 0, 0, 0x03, 0xE9];
/// A RequestMessage with reference 1002 and an attribute of a type there is not.
const UNDECODABLE: [u8; 15] = [0, 0, 0, 11, b'B', 1, 0, 4, 0, 0, 0x03, 0xEA, 0, 15, 9];

const SECOND: Duration = Duration::from_secs(1);

/// The configuration of every floor: the default, and silence ends a session.
pub fn config() -> Result<Config, Fault> {
    let mut config = Config::default();
    config.set("inactivity-control", "enabled", "true").map_err(|_| "no legal option")?;
    Ok(config)
}

/// A customer on flex and an agent on basic talk.
fn conversation(floor: &mut Floor) -> Result<(), Fault> {
    let (mut casey, mut ana, _) = two(floor)?;
    casey.say(floor, "Grüße, 你好 👋")?;
    ana.say(floor, "Hello! What can I do for you?")?;
    casey.say(floor, "Where is my order?")?;
    let chat = [
        "Casey: Grüße, 你好 👋",
        "Ana: Hello! What can I do for you?",
        "Casey: Where is my order?",
    ];
    casey.sees(floor, &chat)?;
    ana.sees(floor, &chat)?;
    // Nothing comes twice (B5.3).
    casey.sees(floor, &[])?;
    ana.sees(floor, &[])
}

/// Everybody sees what is for them, and nobody sees more (B3.3).
fn visibility(floor: &mut Floor) -> Result<(), Fault> {
    let (mut casey, mut ana, session) = two(floor)?;
    let mut vera = Desk::register(floor, "Vera", UserType::Supervisor)?;
    vera.join(floor, &session, Visibility::Vip)?;
    vera.say(floor, "I am watching.")?;
    ana.say_as(floor, Some(Visibility::Int), "A difficult one.")?;
    ana.say(floor, "One moment, please.")?;
    casey.sees(floor, &["Ana: One moment, please."])?;
    ana.sees(floor, &["Ana: A difficult one. (INT)", "Ana: One moment, please."])?;
    vera.sees(
        floor,
        &[
            "Casey comes",
            "Ana comes",
            "Vera comes (VIP)",
            "Vera: I am watching. (VIP)",
            "Ana: A difficult one. (INT)",
            "Ana: One moment, please.",
        ],
    )
}

/// A workflow says something in a session (B14.1).
fn workflow(floor: &mut Floor) -> Result<(), Fault> {
    let (mut casey, mut ana, session) = two(floor)?;
    let workflow = floor.connect(Protocol::Esp)?;
    let words = "Your call is important to us.";
    let inputs = [("MessageText", words), ("Nickname", "Robby")];
    let outputs = call(floor, workflow, &session, "Message", &inputs)?;
    // After two newParties and Robby's own it is the fourth event, counted from 0.
    ensure(outputs.value("ScriptPos") == Some(&KvValue::Int(3)), "another position")?;
    let seen = ["Robby comes", "Robby: Your call is important to us."];
    casey.sees(floor, &seen)?;
    ana.sees(floor, &seen)
}

/// Silence is announced after 255 s, and ends the session 45 s later (B11.2).
fn inactivity(floor: &mut Floor) -> Result<(), Fault> {
    let (mut casey, mut ana, _) = two(floor)?;
    // Whoever polls is there (B9.2), and says nothing all the same.
    for _ in 0..8 {
        floor.pass(SECOND * 30)?;
        casey.sees(floor, &[])?;
    }
    floor.pass(SECOND * 16)?;
    let alert = ["System comes", "System IDLE_CONTROL_ALERT"];
    casey.sees(floor, &alert)?;
    ana.sees(floor, &alert)?;
    floor.pass(SECOND * 43)?;
    casey.sees(floor, &[])?;
    floor.pass(SECOND * 2)?;
    let end = ["System IDLE_CONTROL_CLOSE", "Casey goes, 7", "Ana goes, 7", "closed"];
    casey.sees(floor, &end)?;
    ana.sees(floor, &end)
}

/// An agent leaves, the customer logs out, and the session is gone in the end (B8.1, B8.6).
fn leaving(floor: &mut Floor) -> Result<(), Fault> {
    let (mut casey, mut ana, _) = two(floor)?;
    ana.leave(floor, AfterAction::KeepAlive)?;
    ana.sees(floor, &["Ana goes"])?;
    casey.sees(floor, &["Ana goes"])?;
    casey.log_out(floor)?;
    casey.saw(&["Casey goes", "closed"])?;
    ana.sees(floor, &[])?;
    ensure(floor.sessions() == 1, "nobody can read the end")?;
    floor.pass(SECOND * 61)?;
    ensure(floor.sessions() == 0, "the session stays for ever")
}

/// What makes no sense is refused (8301); what cannot be read ends its connection (8300), and
/// nobody else's.
fn nonsense(floor: &mut Floor) -> Result<(), Fault> {
    let (mut casey, mut ana, session) = two(floor)?;
    let mut bob = Desk::register(floor, "Bob", UserType::Agent)?;
    bob.join(floor, &session, Visibility::All)?;
    refused(&floor.ask_raw(bob.line(), &UNKNOWN_MESSAGE, 1001)?, ErrorId::Malformed)?;
    ensure(floor.loss(bob.line()).is_none(), "a sound frame cost the connection")?;
    refused(&floor.ask_raw(bob.line(), &UNDECODABLE, 1002)?, ErrorId::Undecodable)?;
    let Some(Loss::Undecodable(error)) = floor.loss(bob.line()) else {
        return Err("the connection lives");
    };
    ensure(error.reason == Reason::UnknownType, "refused for another reason")?;
    ana.sees(floor, &["Bob comes", "Bob goes, 3"])?;
    casey.sees(floor, &["Bob comes", "Bob goes, 3"])
}

/// Two agents, ten customers each, five messages either way.
fn twenty_sessions(floor: &mut Floor) -> Result<(), Fault> {
    const AGENTS: [&str; 2] = ["Ana", "Bob"];
    const CUSTOMERS: usize = 10;
    const EXCHANGES: usize = 5;
    let gateway = floor.connect(Protocol::Flex)?;
    for name in AGENTS {
        let mut agent = Desk::register(floor, name, UserType::Agent)?;
        for _ in 0..CUSTOMERS {
            let (mut casey, _) = meet(floor, gateway, &mut agent)?;
            for _ in 0..EXCHANGES {
                casey.say(floor, "Longer than any string that stands inline")?;
                agent.say(floor, "Just as long as what the customer said")?;
            }
            agent.forget(floor)?;
        }
    }
    ensure(floor.sessions() == AGENTS.len() * CUSTOMERS, "not all are there")
}

/// Casey's session, which Ana has joined; both have seen each other come.
fn two(floor: &mut Floor) -> Result<(Visitor, Desk, SessionId), Fault> {
    let gateway = floor.connect(Protocol::Flex)?;
    let mut ana = Desk::register(floor, "Ana", UserType::Agent)?;
    let (mut casey, session) = meet(floor, gateway, &mut ana)?;
    casey.sees(floor, &["Casey comes", "Ana comes"])?;
    ana.sees(floor, &["Casey comes", "Ana comes"])?;
    Ok((casey, ana, session))
}

/// A customer begins a session, and an agent joins it.
fn meet(
    floor: &mut Floor,
    gateway: LineNo,
    agent: &mut Desk,
) -> Result<(Visitor, SessionId), Fault> {
    let mut casey = Visitor::log_in(floor, gateway, "Casey")?;
    let session = casey.start_a_chat(floor)?;
    agent.join(floor, &session, Visibility::All)?;
    Ok((casey, session))
}

fn refused(answer: &Event, id: ErrorId) -> Result<(), Fault> {
    let Event::Basic(basic::Event::EventError(error)) = answer else { return Err("not refused") };
    ensure(error.error_id == id.number(), "refused with another id")
}
