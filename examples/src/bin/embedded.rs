//! A server, a desk and everything between them in one thread, without any I/O: the whole of a chat
//! as a function. This is how to run Confer on a runtime of your own, or on none; bytes go from one
//! buffer into another here, where a socket would be.
//!
//!     cargo run -p confer-examples --bin embedded

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use confer_core::client::{Action, ChatId, Desk, DeskNews, DeskSettings, Input, News};
use confer_core::config::Config;
use confer_core::door::{self, Trust};
use confer_core::frame::{EventBody, Protocol, UserType, Visibility};
use confer_core::id::LinkId;
use confer_core::machine::{Machine as _, Progress};
use confer_core::server::Server;
use confer_core::time::{Instant, Wall};
use confer_link::{Host, Link, Outward, Received, Settings};
use confer_store::Memory;

/// A desk, its end of the line, and the server's.
struct Seat {
    desk: Desk,
    line: Option<(Link<confer_basic::Client>, LinkId)>,
    news: Vec<DeskNews>,
}

/// Everything there is. Time is a number that somebody counts up.
struct World {
    host: Host<Server>,
    store: Memory,
    seats: Vec<Seat>,
    now: Instant,
}

impl World {
    fn new() -> Self {
        let now = Instant::ZERO;
        // Seeds come from the operating system, where there is one; the same seed, the same chat.
        let config = Memory::config(&Arc::new(Config::default()));
        // The wall clock shows 2024-01-15T10:00:00Z.
        let wall = Wall::new(now, 1_705_312_800_000);
        let server = Server::new(config, [1; 32], wall, now);
        let (store, seats) = (Memory::default(), Vec::new());
        Self { host: Host::new(server, 16, now), store, seats, now }
    }

    /// Somebody sits down; the number of the seat.
    fn sits_down(&mut self, name: &str) -> usize {
        let seed = [u8::try_from(self.seats.len()).unwrap_or(0) + 2; 32];
        let desk = Desk::new(DeskSettings::new(name, UserType::Agent), seed);
        self.seats.push(Seat { desk, line: None, news: Vec::new() });
        self.settle();
        self.seats.len() - 1
    }

    /// Somebody does something.
    fn does<R>(&mut self, seat: usize, verb: impl FnOnce(&mut Desk, Instant) -> R) -> R {
        let result = verb(&mut self.seats[seat].desk, self.now);
        self.settle();
        result
    }

    /// Time passes: whoever has a deadline by then does what is due at it.
    fn passes(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let desks = self.seats.iter().filter_map(|seat| seat.desk.poll_timeout());
            let next = desks.chain(self.host.poll_timeout()).min();
            let Some(due) = next.filter(|due| *due <= until) else { break };
            self.now = self.now.max(due);
            while self.host.handle_timeout(self.now, 64) == Progress::More {}
            for seat in &mut self.seats {
                while seat.desk.handle_timeout(self.now, 64) == Progress::More {}
            }
            self.settle();
        }
        self.now = until;
    }

    /// Carries everything where it belongs, until nobody has anything to say.
    fn settle(&mut self) {
        let mut busy = true;
        while busy {
            busy = false;
            for index in 0..self.seats.len() {
                busy |= self.carries_out(index);
                busy |= self.moves_bytes(index);
            }
            // What the server asks of the world round it.
            while let Some(outward) = self.host.poll_outward() {
                busy = true;
                if let Outward::Ask { op, request } = outward {
                    let outcome = self.store.perform(request);
                    self.host.handle(door::Input::Done { op, outcome }, self.now);
                }
            }
            // A real runtime would learn from this which sockets to write; here all are looked at.
            while self.host.poll_link().is_some() {}
        }
    }

    /// Does what a desk wants done.
    fn carries_out(&mut self, index: usize) -> bool {
        let mut busy = false;
        let seat = &mut self.seats[index];
        while let Some(action) = seat.desk.poll_action() {
            busy = true;
            match action {
                // The pause before another attempt is left out: nothing is ever lost here.
                Action::Connect { .. } => {
                    let settings = Settings::server();
                    let link = self.host.accept(Protocol::Basic, settings, Trust::Open, self.now);
                    if let Ok(link) = link {
                        seat.line = Some((Link::new(Settings::client(), self.now), link));
                        seat.desk.handle(Input::Opened, self.now);
                    } else {
                        seat.desk.handle(Input::Closed, self.now);
                    }
                }
                Action::Send(frame) => {
                    if let Some((line, _)) = &mut seat.line {
                        // What cannot be sent ends the line, which the desk hears of below.
                        let _ = line.send(frame, self.now);
                    }
                }
                Action::Disconnect => {
                    if let Some((_, link)) = seat.line.take() {
                        self.host.closed(link, self.now);
                    }
                    seat.desk.handle(Input::Closed, self.now);
                }
                Action::Notify(news) => seat.news.push(news),
            }
        }
        busy
    }

    /// Moves what is written at one end to the other.
    fn moves_bytes(&mut self, index: usize) -> bool {
        let Seat { desk, line: Some((line, link)), .. } = &mut self.seats[index] else {
            return false;
        };
        let up = line.output().to_vec();
        line.sent(up.len());
        self.host.receive(*link, &up, self.now);
        let down = self.host.output(*link).to_vec();
        self.host.sent(*link, down.len(), self.now);
        let mut bytes = &down[..];
        while let Some(received) = line.receive(&mut bytes, self.now) {
            desk.handle(
                match received {
                    Received::Frame(frame) => Input::Frame(frame),
                    Received::Malformed(malformed) => Input::Malformed(malformed),
                },
                self.now,
            );
        }
        if line.is_finished() || self.host.is_finished(*link) {
            self.host.closed(*link, self.now);
            self.seats[index].line = None;
            self.seats[index].desk.handle(Input::Closed, self.now);
            return true;
        }
        !up.is_empty() || !down.is_empty()
    }

    /// What somebody sees.
    fn shows(&self, seat: usize, chat: ChatId) {
        let Some(there) = self.seats[seat].desk.chat(chat) else { return };
        for event in there.view().events() {
            let name = there.view().participant(&event.user_id);
            let name = name.map_or("somebody", |who| who.nickname.reveal().as_str());
            match &event.body {
                EventBody::NewParty(_) => say(&format!("{name} is here")),
                EventBody::Message(message) => {
                    say(&format!("{name}: {}", message.message_text.reveal()));
                }
                EventBody::PartyLeft(_) => say(&format!("{name} is gone")),
                EventBody::Notice(_) | EventBody::Unknown(_) => {}
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut world = World::new();
    let (ana, ben) = (world.sits_down("Ana"), world.sits_down("Ben"));
    let chat = world.does(ana, Desk::create)?;
    let session = world.seats[ana].desk.chat(chat).and_then(|chat| chat.session_id().cloned());
    let session = session.ok_or("the session was not created")?;
    let there = world.does(ben, |desk, now| desk.join(session, Visibility::All, now))?;
    world.does(ana, |desk, now| desk.say(chat, "Good morning!", now))?;
    // Three days go by in no time.
    world.passes(Duration::from_secs(3 * 86_400));
    world.does(ben, |desk, now| desk.say(there, "Sorry, I was away.", now))?;
    world.shows(ana, chat);
    world.does(ben, |desk, now| {
        desk.sign_off(now);
    });
    let gone = |news: &DeskNews| matches!(news, DeskNews::Chat(_, News::Over(_)));
    if !world.seats[ben].news.iter().any(gone) {
        return Err("Ben is still there".into());
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn say(line: &str) {
    println!("{line}");
}
