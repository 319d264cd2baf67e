//! Everybody in the sessions: desks and visitors, as the machines of `confer_core::client` play them,
//! without a socket or a clock.

use alloc::collections::VecDeque;
use core::mem;
use std::time::Duration;

use confer_core::client::{
    Chat, ChatId, Desk, DeskSettings, End, Entry, Habits, News, Saying, Start, Visitor,
    VisitorSettings,
};
use confer_core::frame::{AfterAction, Frame, Request, UserType, Visibility};
use confer_core::id::{PortId, SessionId};
use confer_core::pii::Secret;
use confer_core::text::Text;
use hdrhistogram::Histogram;

use super::Plan;
use super::machine::{Machine, Want, at};
use super::talk::{Stored, Talk, Voice, Wrongs, is_hidden};
use crate::load::chance::chance;
use crate::load::crowd::Heard;
use crate::load::lines::Listener;
use crate::load::tally::{Tally, Trouble, record};
use crate::load::words::{Head, Side};

/// How often everybody is looked after.
const SWEEP: Duration = Duration::from_millis(5);
/// What one of them says without waiting for answers.
const AHEAD: usize = 3;

/// What is to be done.
pub(super) enum Action {
    /// A connection to a port of a server.
    Open {
        line: usize,
        server: usize,
        port: PortId,
    },
    Send {
        line: usize,
        frame: Frame<Request>,
    },
    Close {
        line: usize,
    },
    /// The agent is to come into the session; it may be told the token, as a desktop is that reads it
    /// off the interaction.
    Invite {
        team: usize,
        talk: usize,
        session: SessionId,
        told: bool,
    },
}

/// An agent's desk and its sessions.
struct Team {
    /// The how-manieth in this place.
    generation: u32,
    talks: Vec<Talk>,
    stage: Stage,
    /// What came of it was counted.
    counted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Talking,
    /// Nothing more is said, and everybody leaves once all is answered.
    Ending,
    Over,
}

/// Somebody with a connection.
struct Seat {
    machine: Machine,
    line: Line,
    /// A connection is to be made then.
    connect_at: Option<Duration>,
    /// With this server.
    server: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Off,
    Opening,
    On,
}

/// Everybody.
pub(super) struct People {
    plan: Plan,
    /// The first line is that of the first team's desk; those of its customers follow.
    seats: Vec<Seat>,
    teams: Vec<Team>,
    actions: VecDeque<Action>,
    next_talk: u32,
    /// Drawn so often.
    drawn: u64,
    sweep_at: Duration,
    pub(super) tally: Tally,
    pub(super) counts: Counts,
    /// From the death of a server to the first thing another one acknowledged.
    pub(super) customers_away: Histogram<u64>,
    pub(super) agents_away: Histogram<u64>,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) said: u64,
    pub(super) acknowledged: u64,
    pub(super) refused: u64,
    pub(super) restored: u64,
    pub(super) wrongs: Wrongs,
}

impl People {
    pub(super) fn new(plan: &Plan, now: Duration) -> Self {
        let mut people = Self {
            plan: plan.clone(),
            seats: Vec::new(),
            teams: Vec::new(),
            actions: VecDeque::new(),
            next_talk: 0,
            drawn: 0,
            sweep_at: now,
            tally: Tally::new(),
            counts: Counts::default(),
            customers_away: crate::load::tally::histogram(),
            agents_away: crate::load::tally::histogram(),
        };
        let mut left = plan.sessions;
        while left > 0 {
            let talks = left.min(plan.per_agent);
            left -= talks;
            let team = people.teams.len();
            for _ in 0..=talks {
                people.seats.push(Seat::empty());
            }
            people.teams.push(Team::none(talks as usize));
            people.begin(team, now);
        }
        people
    }

    pub(super) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    pub(super) const fn poll_timeout(&self) -> Duration {
        self.sweep_at
    }

    /// Whatever is due by now happens.
    pub(super) fn handle_timeout(&mut self, now: Duration) {
        if now < self.sweep_at {
            return;
        }
        self.sweep_at = now + SWEEP;
        for line in 0..self.seats.len() {
            let seat = &mut self.seats[line];
            if seat.connect_at.is_some_and(|at| at <= now) {
                seat.connect_at = None;
                seat.line = Line::Opening;
                let (server, port) = (seat.server, seat.machine.port());
                self.actions.push_back(Action::Open { line, server, port });
            }
            seat.machine.handle_timeout(at(now));
            self.pump(line, now);
        }
        for team in 0..self.teams.len() {
            self.go_on(team, now);
        }
    }

    /// Whether everybody is where they are to be, and was heard again since a server was killed.
    pub(super) fn are_all_there(&self) -> bool {
        let mut teams = self.teams.iter().filter(|team| team.stage == Stage::Talking);
        teams.all(|team| {
            team.talks.iter().all(|talk| {
                talk.is_over()
                    || talk.is_going() && !talk.customer.is_away() && !talk.agent.is_away()
            })
        })
    }

    /// Where somebody is still sought, in words.
    pub(super) fn who_is_missing(&self) -> Option<String> {
        let teams = self.teams.iter().filter(|team| team.stage == Stage::Talking);
        let talks = teams.flat_map(|team| &team.talks).filter(|talk| !talk.is_over());
        let mut missing = talks
            .filter(|talk| !talk.is_going() || talk.customer.is_away() || talk.agent.is_away());
        missing.next().map(|talk| {
            let session = talk.session.as_ref().map_or("not begun", SessionId::as_str);
            let of = |voice: &Voice| match (voice.inside, voice.is_away()) {
                (false, _) => "not in it",
                (true, true) => "silent",
                (true, false) => "there",
            };
            let (customer, agent) = (of(&talk.customer), of(&talk.agent));
            format!("session {session}: the customer is {customer}, the agent {agent}")
        })
    }

    pub(super) fn are_over(&self) -> bool {
        self.teams.iter().all(|team| team.stage == Stage::Over)
    }

    /// Sessions that are under way.
    pub(super) fn sessions(&self) -> usize {
        let talks = self.teams.iter().flat_map(|team| &team.talks);
        talks.filter(|talk| talk.session.is_some() && !talk.is_over()).count()
    }

    pub(super) fn connections(&self) -> usize {
        self.seats.iter().filter(|seat| seat.line == Line::On).count()
    }

    /// Servers that somebody is connected with.
    pub(super) fn is_used(&self, server: usize) -> bool {
        self.seats.iter().any(|seat| seat.line == Line::On && seat.server == server)
    }

    /// A server was killed.
    pub(super) fn bereave(&mut self, server: usize, now: Duration) {
        for line in 0..self.seats.len() {
            let seat = &self.seats[line];
            if seat.server != server || seat.line == Line::Off {
                continue;
            }
            let (team, customer) = self.place(line);
            let talks = &mut self.teams[team].talks;
            let range = customer.map_or(0..talks.len(), |talk| talk..talk + 1);
            for talk in &mut talks[range] {
                talk.shaken |= talk.leaving;
                let going = talk.is_going();
                let side = if customer.is_some() { Side::Customer } else { Side::Agent };
                let voice = talk.voice(side);
                if !going && !voice.is_away() {
                    continue;
                }
                voice.away.get_or_insert(now);
                voice.connected = false;
            }
        }
    }

    /// These teams have talked enough; others take their places.
    pub(super) fn retire(&mut self, which: impl Fn(usize) -> bool) {
        for (number, team) in self.teams.iter_mut().enumerate() {
            if team.stage == Stage::Talking && which(number) {
                team.stage = Stage::Ending;
            }
        }
    }

    /// Puts others in the places of teams that are over and [counted](Self::count).
    pub(super) fn replace(&mut self, now: Duration) {
        for team in 0..self.teams.len() {
            if self.teams[team].stage == Stage::Over && self.teams[team].counted {
                self.begin(team, now);
            }
        }
    }

    /// Teams that are over and not counted yet.
    pub(super) fn over(&self) -> Vec<usize> {
        let teams = self.teams.iter().enumerate();
        let over = teams.filter(|(_, team)| team.stage == Stage::Over && !team.counted);
        over.map(|(number, _)| number).collect()
    }

    /// Every team whose sessions go on.
    pub(super) fn going(&self) -> Vec<usize> {
        let teams = self.teams.iter().enumerate();
        teams.filter(|(_, team)| team.stage != Stage::Over).map(|(number, _)| number).collect()
    }

    /// Holds the sessions of a team against what is stored.
    pub(super) fn check(&mut self, team: usize, stored: &mut dyn FnMut(&SessionId) -> Stored) {
        for talk in &mut self.teams[team].talks {
            let Some(session) = &talk.session else { continue };
            let stored = stored(session);
            let wrongs = talk.check(&stored);
            note(&mut self.tally, wrongs, talk);
            self.counts.wrongs.add(wrongs);
        }
    }

    /// The same for the last time, of a team that is over, and counts what came of it.
    pub(super) fn count(&mut self, team: usize, stored: &mut dyn FnMut(&SessionId) -> Stored) {
        let desk = self.line_of(team, None);
        for number in 0..self.teams[team].talks.len() {
            let customer = self.line_of(team, Some(number));
            let Machine::Visitor(visitor) = &self.seats[customer].machine else { continue };
            let Machine::Desk(desk) = &self.seats[desk].machine else { continue };
            let talk = &mut self.teams[team].talks[number];
            let Some(session) = talk.session.clone() else {
                self.tally.failed += 1;
                continue;
            };
            let chat = talk.chat.and_then(|chat| desk.chat(chat));
            let stored = stored(&session);
            // Whoever fell out before the end has not seen it all, and that is counted already.
            let wrongs = if talk.ended_well() {
                talk.check_finally(&stored, visitor.view(), chat.map(Chat::view))
            } else {
                talk.check(&stored)
            };
            note(&mut self.tally, wrongs, talk);
            self.counts.wrongs.add(wrongs);
            if talk.ended_well() {
                self.tally.finished += 1;
            } else {
                self.tally.failed += 1;
                let ends = (talk.customer.end, talk.agent.end);
                self.tally.trouble(Trouble::SessionClosed, || {
                    format!("session {session} ended with {ends:?} (customer, agent)")
                });
            }
        }
        self.teams[team].counted = true;
    }

    /// An agent is to come into a session.
    pub(super) fn invite(
        &mut self,
        (team, talk): (usize, usize),
        session: SessionId,
        webapi_token: Option<Secret>,
        now: Duration,
    ) {
        let line = self.line_of(team, None);
        let visibility = Some(Visibility::All);
        let entry =
            Entry { session_id: Some(session), visibility, webapi_token, ..Entry::default() };
        let Machine::Desk(desk) = &mut self.seats[line].machine else { return };
        if let Ok(chat) = desk.enter(entry, at(now)) {
            self.teams[team].talks[talk].chat = Some(chat);
        }
        self.pump(line, now);
    }

    /// A number below this one.
    pub(super) fn draw(&mut self, below: u64) -> u64 {
        self.drawn += 1;
        chance(self.plan.seed ^ chance(self.drawn)) % below.max(1)
    }
}

impl Listener for People {
    fn opened(&mut self, line: usize, now: Duration) {
        self.seats[line].line = Line::On;
        let (team, customer) = self.place(line);
        let talks = &mut self.teams[team].talks;
        match customer {
            Some(talk) => talks[talk].customer.connected = true,
            None => talks.iter_mut().for_each(|talk| talk.agent.connected = true),
        }
        self.seats[line].machine.opened(at(now));
        self.pump(line, now);
    }

    fn heard(&mut self, line: usize, heard: Heard, now: Duration) {
        if let Heard::Event(frame) = heard {
            self.seats[line].machine.heard(frame, at(now));
            self.pump(line, now);
        }
    }

    fn lost(&mut self, line: usize, trouble: Trouble, why: &str, now: Duration) {
        self.seats[line].line = Line::Off;
        let (team, customer) = self.place(line);
        if customer.is_none() {
            // A participant on basic goes with its connection (B2.4).
            self.teams[team].talks.iter_mut().for_each(|talk| talk.agent.inside = false);
        }
        match trouble {
            // The death of a server is what this is about.
            Trouble::Connect(_) | Trouble::Broken(_) | Trouble::Closed => {}
            Trouble::Unreadable
            | Trouble::Refused(_)
            | Trouble::Late
            | Trouble::Lost
            | Trouble::Repeated
            | Trouble::SessionClosed
            | Trouble::Unexpected => self.tally.trouble(trouble, || why.to_owned()),
        }
        self.seats[line].machine.closed(at(now));
        self.pump(line, now);
    }
}

impl People {
    /// A new agent and new customers, at the server whose turn it is.
    fn begin(&mut self, team: usize, now: Duration) {
        let there = &mut self.teams[team];
        there.generation += 1;
        there.stage = Stage::Talking;
        there.counted = false;
        let (generation, talks) = (there.generation, there.talks.len());
        let server = (team + generation as usize) % self.plan.servers;
        let habits = Habits {
            servers: self.plan.servers,
            server,
            patience: self.plan.patience,
            ..Habits::default()
        };
        let name = format!("Agent {team}");
        let mut settings = DeskSettings::new(&name, UserType::Agent);
        settings.habits = habits.clone();
        let desk = Desk::new(settings, self.seed());
        let line = self.line_of(team, None);
        self.sit(line, Machine::Desk(Box::new(desk)), now);
        for number in 0..talks {
            self.next_talk += 1;
            let think = self.think();
            let talk = Talk::new(self.next_talk);
            let there = &mut self.teams[team].talks[number];
            *there = talk;
            (there.customer.say_at, there.agent.say_at) = (now + think, now + think);
            let mut settings = VisitorSettings::new(&format!("Customer {}", self.next_talk));
            settings.poll_every = self.plan.poll;
            settings.habits = habits.clone();
            let mut visitor = Visitor::new(settings, self.seed());
            let begun = visitor.begin(Start::default(), at(now));
            debug_assert_eq!(begun, Ok(()));
            let line = self.line_of(team, Some(number));
            self.tally.begun += 1;
            self.sit(line, Machine::Visitor(Box::new(visitor)), now);
        }
    }

    /// Somebody takes the place of another, whose connection ends if it has not.
    fn sit(&mut self, line: usize, machine: Machine, now: Duration) {
        let former = mem::replace(&mut self.seats[line], Seat::of(machine));
        if former.line != Line::Off {
            self.actions.push_back(Action::Close { line });
        }
        self.pump(line, now);
    }

    /// What the people of a team do of themselves.
    fn go_on(&mut self, team: usize, now: Duration) {
        if self.teams[team].stage == Stage::Over {
            return;
        }
        let (desk, ending) = (self.line_of(team, None), self.teams[team].stage == Stage::Ending);
        for number in 0..self.teams[team].talks.len() {
            let customer = self.line_of(team, Some(number));
            if ending {
                self.leave((team, number), (desk, customer), now);
                continue;
            }
            for (side, line) in [(Side::Customer, customer), (Side::Agent, desk)] {
                let talk = &mut self.teams[team].talks[number];
                // Whoever has been in it goes on saying things, there or not.
                let begun = talk.chat.is_some() && talk.customer.end.is_none();
                let voice = talk.voice(side);
                if begun && voice.end.is_none() && voice.may_speak(now) {
                    self.say((team, number), side, line, now);
                }
            }
            let talk = &self.teams[team].talks[number];
            // One that has come to grief is not gone on with.
            if talk.customer.end.is_some() || talk.agent.end.is_some() {
                self.leave((team, number), (desk, customer), now);
            }
        }
        let there = &mut self.teams[team];
        if there.talks.iter().all(Talk::is_over) {
            let Machine::Desk(machine) = &mut self.seats[desk].machine else { return };
            if there.stage != Stage::Over {
                there.stage = Stage::Over;
                machine.sign_off(at(now));
                self.pump(desk, now);
            }
        }
    }

    /// Ends a session, as soon as all that was said is answered.
    fn leave(&mut self, (team, number): (usize, usize), lines: (usize, usize), now: Duration) {
        let (desk, customer) = lines;
        let talk = &mut self.teams[team].talks[number];
        let troubled = talk.customer.end.is_some() != talk.agent.end.is_some();
        let ready = talk.is_quiet() && talk.customer.inside && talk.agent.inside;
        if talk.customer.end.is_none() && !talk.leaving && (ready || troubled) {
            talk.leaving = !troubled;
            if let Machine::Visitor(visitor) = &mut self.seats[customer].machine {
                // It is leaving already, if this is an error.
                let _ = visitor.log_out(at(now));
            }
            self.pump(customer, now);
        } else if let Some(chat) = talk.chat
            && talk.customer.end.is_some_and(|end| end != End::Left)
            && talk.agent.end.is_none()
            && let Machine::Desk(machine) = &mut self.seats[desk].machine
        {
            let _ = machine.leave(chat, AfterAction::ForceClose, None, at(now));
            self.pump(desk, now);
        }
    }

    fn say(&mut self, (team, number): (usize, usize), side: Side, line: usize, now: Duration) {
        let think = self.think();
        let length = self.plan.text_length as usize;
        let talk = &mut self.teams[team].talks[number];
        let (session, chat) = (talk.number, talk.chat);
        let voice = talk.voice(side);
        let head = Head { side, session, number: voice.said + 1 };
        let saying = Saying::from(Text::new(&head.text(length)));
        let said = match (&mut self.seats[line].machine, chat) {
            (Machine::Visitor(visitor), _) => visitor.say(saying, at(now)),
            (Machine::Desk(desk), Some(chat)) if is_hidden(head) => {
                desk.say_among(chat, Visibility::Int, saying, at(now))
            }
            (Machine::Desk(desk), Some(chat)) => desk.say(chat, saying, at(now)),
            (Machine::Desk(_), None) => return,
        };
        voice.say_at = now + think;
        // Whoever is out of it says nothing; the news of that are under way.
        if let Ok(echo) = said {
            voice.said += 1;
            voice.waiting.push_back((echo, head.number));
            self.counts.said += 1;
        }
        self.pump(line, now);
    }

    /// Carries out what a machine wants done.
    fn pump(&mut self, line: usize, now: Duration) {
        while let Some(done) = self.seats[line].machine.poll_action() {
            let seat = &mut self.seats[line];
            match done {
                Want::Connect { server, after } => {
                    seat.server = server;
                    seat.connect_at = Some(now + after);
                }
                Want::Send(frame) if seat.line == Line::On => {
                    self.actions.push_back(Action::Send { line, frame });
                }
                Want::Send(_) => {}
                Want::Disconnect => {
                    let line_was = mem::replace(&mut seat.line, Line::Off);
                    if line_was != Line::Off {
                        self.actions.push_back(Action::Close { line });
                    }
                    if line_was != Line::Off || seat.connect_at.take().is_some() {
                        seat.machine.closed(at(now));
                    }
                }
                Want::Tell(chat, news) => self.hear(line, chat, &news, now),
                Want::Refused(number) => {
                    self.tally
                        .trouble(Trouble::Refused(number), || format!("a desk on line {line}"));
                }
            }
        }
    }

    /// Somebody is told something.
    fn hear(&mut self, line: usize, chat: Option<ChatId>, news: &News, now: Duration) {
        let (team, customer) = self.place(line);
        let talks = &mut self.teams[team].talks;
        let of = customer.or_else(|| talks.iter().position(|talk| talk.chat == chat));
        let Some(number) = of else { return };
        let talk = &mut talks[number];
        let side = if customer.is_some() { Side::Customer } else { Side::Agent };
        let away = match side {
            Side::Customer => &mut self.customers_away,
            Side::Agent => &mut self.agents_away,
        };
        let voice = talk.voice(side);
        match *news {
            News::Joined => {
                voice.inside = true;
                if side == Side::Customer && talk.session.is_none() {
                    self.invite_agent(team, number, line);
                }
            }
            News::Interrupted => voice.inside = false,
            News::Confirmed { echo, event_id } => {
                let Some(place) = voice.waiting.iter().position(|it| it.0 == echo) else { return };
                let Some((_, said)) = voice.waiting.remove(place) else { return };
                voice.acknowledged.push((said, event_id));
                self.counts.acknowledged += 1;
                if voice.connected
                    && let Some(since) = voice.away.take()
                {
                    record(away, now - since);
                    self.counts.restored += u64::from(side == Side::Customer);
                }
            }
            News::NotSent { echo, error_id, .. } => {
                let before = voice.waiting.len();
                voice.waiting.retain(|it| it.0 != echo);
                if voice.waiting.len() < before {
                    self.counts.refused += 1;
                    self.tally.trouble(Trouble::Refused(error_id), || {
                        format!("a message was not taken in session {}", talk.number)
                    });
                }
            }
            News::Over(end) => voice.end = Some(end),
            News::Told(_)
            | News::Typing(_)
            | News::Read(_)
            | News::Monitored
            | News::IdleTime
            | News::Files { .. }
            | News::Aside(_) => {}
        }
    }

    fn invite_agent(&mut self, team: usize, talk: usize, line: usize) {
        let Machine::Visitor(visitor) = &self.seats[line].machine else { return };
        let Some(session) = visitor.session_id().cloned() else { return };
        let told = self.teams[team].talks[talk].number.is_multiple_of(2);
        self.teams[team].talks[talk].session = Some(session.clone());
        self.actions.push_back(Action::Invite { team, talk, session, told });
    }

    /// Between two things somebody says.
    fn think(&mut self) -> Duration {
        let mean = f64::from(self.plan.sessions) * 2.0 / f64::from(self.plan.rate);
        let mean = u64::try_from(Duration::from_secs_f64(mean).as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.draw(mean.saturating_mul(2)))
    }

    fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        for part in seed.chunks_mut(8) {
            part.copy_from_slice(&self.draw(u64::MAX).to_le_bytes());
        }
        seed
    }

    /// The line of a team's desk, or of a customer.
    fn line_of(&self, team: usize, talk: Option<usize>) -> usize {
        team * (self.plan.per_agent as usize + 1) + talk.map_or(0, |talk| talk + 1)
    }

    /// The team of a line, and the session if it is a customer's.
    const fn place(&self, line: usize) -> (usize, Option<usize>) {
        let each = self.plan.per_agent as usize + 1;
        (line / each, (line % each).checked_sub(1))
    }
}

impl Voice {
    const fn is_away(&self) -> bool {
        self.away.is_some()
    }

    fn may_speak(&self, now: Duration) -> bool {
        self.say_at <= now && self.waiting.len() < AHEAD
    }
}

impl Team {
    fn none(talks: usize) -> Self {
        let talks = (0..talks).map(|_| Talk::new(0)).collect();
        Self { generation: 0, talks, stage: Stage::Over, counted: true }
    }
}

impl Seat {
    /// One that is still to be taken.
    fn empty() -> Self {
        Self::of(Machine::Visitor(Box::new(Visitor::new(VisitorSettings::new("nobody"), [0; 32]))))
    }

    const fn of(machine: Machine) -> Self {
        Self { machine, line: Line::Off, connect_at: None, server: 0 }
    }
}

/// Notes what is wrong with a session among what went wrong.
fn note(tally: &mut Tally, wrongs: Wrongs, talk: &Talk) {
    let session = talk.session.as_ref().map_or("", SessionId::as_str);
    if wrongs.lost > 0 {
        tally.trouble(Trouble::Lost, || format!("{wrongs:?} in session {session}"));
    } else if wrongs.duplicated > 0 {
        tally.trouble(Trouble::Repeated, || format!("{wrongs:?} in session {session}"));
    } else if !wrongs.are_none() {
        tally.trouble(Trouble::Unexpected, || format!("{wrongs:?} in session {session}"));
    }
}
