//! An agent's desktop without a screen: goes into a session, greets, shows what happens, confirms
//! that it was read, and stays until the customer is gone.
//!
//!     cargo run -p confer-examples --bin desktop -- 127.0.0.1:4480 SESSION

use std::env;
use std::error::Error;

use confer_core::client::{Chat, Desk, DeskNews, DeskSettings, News};
use confer_core::frame::{EventBody, UserType, Visibility};
use confer_core::id::{EventId, SessionId};
use confer_runtime_std::client::{Driver, Target};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (Some(address), Some(session)) = (args.next(), args.next()) else {
        return Err("say ADDRESS and SESSION".into());
    };
    // The driver connects, reconnects and keeps the time; what is said while there is no connection
    // is kept until there is one.
    let settings = DeskSettings::new("Ana", UserType::Agent);
    let ana = Driver::start(Target::new(address), |seed| Desk::new(settings, seed))?;
    let session = SessionId::new(&session);
    let chat = ana.with(|desk, now| desk.join(session, Visibility::All, now))?;
    ana.with(|desk, now| desk.say(chat, "Good morning! How can I help?", now))?;

    for news in ana.news() {
        match news {
            DeskNews::Chat(_, News::Told(event)) => {
                // Look while the machine holds still, and print afterwards.
                let line = ana.with(|desk, _| desk.chat(chat).and_then(|chat| line(chat, event)));
                if let Some(line) = line {
                    say(&line);
                }
                // Over already, if this is refused.
                let _ = ana.with(|desk, now| desk.read_up_to(chat, event, now));
            }
            DeskNews::Chat(_, News::Over(end)) => {
                say(&format!("over: {end:?}"));
                break;
            }
            DeskNews::Offline { retry_after } => {
                let trouble = ana.trouble().unwrap_or_default();
                say(&format!("{trouble}; again in {retry_after:?}"));
            }
            DeskNews::Refused(error) => return Err(format!("not let in: {error}").into()),
            // Whatever else a desktop would show: typing, who has read, what was not sent.
            DeskNews::Online | DeskNews::SignedOff | DeskNews::Chat(..) => {}
        }
    }
    // Says farewell to the server, and waits until that is heard.
    ana.with(Desk::sign_off);
    let _ = ana.news().find(|news| *news == DeskNews::SignedOff);
    ana.close();
    Ok(())
}

/// How an event looks.
fn line(chat: &Chat, event: EventId) -> Option<String> {
    let event = chat.view().event(event)?;
    let name = chat.view().participant(&event.user_id)?.nickname.reveal().as_str();
    Some(match &event.body {
        EventBody::NewParty(_) => format!("{name} is here"),
        EventBody::Message(message) => format!("{name}: {}", message.message_text.reveal()),
        EventBody::PartyLeft(_) => format!("{name} is gone"),
        EventBody::Notice(_) | EventBody::Unknown(_) => return None,
    })
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn say(line: &str) {
    println!("{line}");
}
