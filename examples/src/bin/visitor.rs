//! A visitor's page without a page: begins a chat, waits for somebody to answer, says thanks and
//! goes. Flex asks again and again what is new, so the connection may come and go as it likes.
//!
//!     cargo run -p confer-examples --bin visitor -- 127.0.0.1:4481

use std::env;
use std::error::Error;
use std::time::Duration;

use confer_core::client::{End, News, Start, Visitor, VisitorSettings};
use confer_core::frame::EventBody;
use confer_core::id::EventId;
use confer_core::text::Text;
use confer_runtime_std::client::{Driver, Target};

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("say ADDRESS")?;
    let settings = VisitorSettings {
        // As often as somebody who waits would like to look.
        poll_every: Duration::from_millis(200),
        ..VisitorSettings::new("Casey")
    };
    let casey = Driver::start(Target::new(address), |seed| Visitor::new(settings, seed))?;
    let start = Start { subject: Some(Text::new("my parcel")), ..Start::default() };
    casey.with(|visitor, now| visitor.begin(start, now))?;
    let mut end = None;
    for news in casey.news() {
        match news {
            News::Joined => {
                let session = casey.with(|visitor, _| visitor.session_id().cloned());
                say(&format!("session {}", session.ok_or("no session")?));
            }
            News::Told(event) => {
                let Some((line, done)) = casey.with(|visitor, _| told(visitor, event)) else {
                    continue;
                };
                say(&line);
                match done {
                    Step::Come => drop(casey.with(|visitor, now| visitor.say("Where is it?", now))),
                    Step::Answered => {
                        // Gone already, if this is refused.
                        let _ = casey.with(|visitor, now| visitor.say("Thank you!", now));
                        let _ = casey.with(Visitor::log_out);
                    }
                    Step::Nothing => {}
                }
            }
            News::Over(how) => {
                end = Some(how);
                break;
            }
            // Whatever else a page would show.
            News::Interrupted
            | News::Confirmed { .. }
            | News::NotSent { .. }
            | News::Typing(_)
            | News::Read(_)
            | News::Monitored
            | News::IdleTime
            | News::Files { .. }
            | News::Aside(_) => {}
        }
    }
    casey.close();
    match end {
        Some(End::Left) => Ok(()),
        end => Err(format!("it ended otherwise: {end:?}").into()),
    }
}

/// What an event is to the visitor.
enum Step {
    /// Somebody came.
    Come,
    /// Somebody answered.
    Answered,
    Nothing,
}

fn told(visitor: &Visitor, event: EventId) -> Option<(String, Step)> {
    let event = visitor.view().event(event)?;
    let who = visitor.view().participant(&event.user_id)?;
    let name = who.nickname.reveal().as_str();
    Some(match &event.body {
        EventBody::NewParty(_) => {
            (format!("{name} is here"), if who.own { Step::Nothing } else { Step::Come })
        }
        EventBody::Message(message) => {
            let line = format!("{name}: {}", message.message_text.reveal());
            (line, if who.own { Step::Nothing } else { Step::Answered })
        }
        EventBody::PartyLeft(_) => (format!("{name} is gone"), Step::Nothing),
        EventBody::Notice(_) | EventBody::Unknown(_) => return None,
    })
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn say(line: &str) {
    println!("{line}");
}
