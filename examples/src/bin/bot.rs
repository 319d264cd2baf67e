//! A bot: goes into a session, marked as what it is, and says everything a customer says again, in
//! capitals, until the customer is gone.
//!
//!     cargo run -p confer-examples --bin bot -- 127.0.0.1:4480 SESSION

use std::env;
use std::error::Error;

use confer_core::client::{Chat, Desk, DeskNews, DeskSettings, Entry, News};
use confer_core::frame::{EventBody, KvList, UserType};
use confer_core::id::{EventId, SessionId};
use confer_runtime_std::client::{Driver, Target};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (Some(address), Some(session)) = (args.next(), args.next()) else {
        return Err("say ADDRESS and SESSION".into());
    };
    let settings = DeskSettings::new("Loud", UserType::Agent);
    let bot = Driver::start(Target::new(address), |seed| Desk::new(settings, seed))?;
    let entry = Entry {
        session_id: Some(SessionId::new(&session)),
        // This is what makes it a bot: it counts as no agent (B3.6).
        user_data: KvList::from([("GCTI_Chat_SetPartyStyle", "BOT".into())]),
        ..Entry::default()
    };
    let chat = bot.with(|desk, now| desk.enter(entry, now))?;
    // One machine may be in many sessions; this one looks after a single one.
    for news in bot.news() {
        match news {
            DeskNews::Chat(_, News::Told(event)) => {
                let answer = bot.with(|desk, _| desk.chat(chat).and_then(|it| answer(it, event)));
                if let Some(answer) = answer {
                    bot.with(|desk, now| desk.say(chat, &*answer, now))?;
                }
            }
            DeskNews::Chat(_, News::Over(_)) => break,
            DeskNews::Refused(error) => return Err(format!("not let in: {error}").into()),
            DeskNews::Online
            | DeskNews::Offline { .. }
            | DeskNews::SignedOff
            | DeskNews::Chat(..) => {}
        }
    }
    bot.close();
    Ok(())
}

/// What to say to an event, if it is something a customer said.
fn answer(chat: &Chat, event: EventId) -> Option<String> {
    let event = chat.view().event(event)?;
    let who = chat.view().participant(&event.user_id)?;
    match &event.body {
        EventBody::Message(message) if who.user_type == UserType::Client => {
            Some(message.message_text.reveal().to_uppercase())
        }
        EventBody::NewParty(_)
        | EventBody::Message(_)
        | EventBody::Notice(_)
        | EventBody::PartyLeft(_)
        | EventBody::Unknown(_) => None,
    }
}
