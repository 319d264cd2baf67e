//! Dormant sessions: async, without an agent, their customers reached by pushes. And the farewells
//! of everybody on flex.

use std::time::Duration;

use confer_core::frame::flex;
use confer_core::text::Text;

use super::people::User;
use super::requests::{self, Reference};
use super::{Crowd, Line, Phase};
use crate::load::plan::Scenario;
use crate::load::tally::{Trouble, record};
use crate::load::words::{Head, Side};

/// Dormant sessions that are being made at a time.
const FALLING: usize = 256;

/// A dormant session, or one that is to be.
pub(super) struct Dormant {
    state: State,
    user: Option<User>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    /// Asked for the next thing, since then.
    LoggingIn(Duration),
    Joining(Duration),
    Subscribing(Duration),
    Asleep,
    Failed,
}

impl Dormant {
    pub(super) const fn new() -> Self {
        Self { state: State::Waiting, user: None }
    }
}

impl Crowd {
    /// Makes dormant sessions; when all are there, the others may come.
    pub(super) fn fall_asleep(&mut self, now: Duration) {
        self.phase = Phase::Falling;
        while self.falling < FALLING && self.next_dormant < self.dormants.len() {
            let dormant = self.next_dormant;
            self.next_dormant += 1;
            self.falling += 1;
            if self.lines[self.line_of_dormant(dormant)] != Line::Ready {
                self.dormants[dormant].state = State::Failed;
                self.falling -= 1;
                continue;
            }
            self.dormants[dormant].state = State::LoggingIn(now);
            let number = u32::try_from(dormant).unwrap_or(u32::MAX);
            self.ask_dormant(dormant, requests::login(number));
        }
        if self.falling == 0 {
            match self.plan.scenario {
                Scenario::Closed { .. } => self.gather(now),
                Scenario::Guide { .. } => self.stagger(now),
            }
        }
    }

    fn line_of_dormant(&self, dormant: usize) -> usize {
        dormant % usize::try_from(self.plan.gateways().max(1)).unwrap_or(usize::MAX)
    }

    fn ask_dormant(&mut self, dormant: usize, request: flex::Request) {
        let slot = self.plan.sessions + u32::try_from(dormant).unwrap_or(u32::MAX);
        let line = self.line_of_dormant(dormant);
        self.send(line, Reference::Slot { slot, generation: 0 }, request.into());
    }

    pub(super) fn dormant_answered(
        &mut self,
        number: usize,
        status: flex::EventStatus,
        now: Duration,
    ) {
        let Some(dormant) = self.dormants.get_mut(number) else {
            return self.unexpected("an answer to nobody");
        };
        if let Some(id) = status.error_id {
            let text = status.error_text.unwrap_or_default();
            self.tally.trouble(Trouble::Refused(id), || format!("{text} (dormant session)"));
            return self.dormant_settled(number, State::Failed, now);
        }
        let length = self.plan.text_length as usize;
        let request = match dormant.state {
            State::LoggingIn(since) => {
                dormant.user = User::of(status.user_id, status.secure_key);
                dormant.state = State::Joining(now);
                record(&mut self.tally.answered, now.saturating_sub(since));
                let text = Head { side: Side::Customer, session: 0, number: 1 }.text(length);
                dormant
                    .user
                    .as_ref()
                    .map(|user| requests::join_flex(user, Some(Text::from(text)), true))
            }
            State::Joining(since) => {
                dormant.state = State::Subscribing(now);
                record(&mut self.tally.answered, now.saturating_sub(since));
                dormant.user.as_ref().map(requests::subscribe)
            }
            State::Subscribing(_) => {
                self.tally.dormant += 1;
                return self.dormant_settled(number, State::Asleep, now);
            }
            State::Waiting | State::Asleep | State::Failed => return,
        };
        match request {
            Some(request) => self.ask_dormant(number, request),
            None => {
                self.unexpected("a Login without UserId or SecureKey");
                self.dormant_settled(number, State::Failed, now);
            }
        }
    }

    fn dormant_settled(&mut self, number: usize, state: State, now: Duration) {
        let before = std::mem::replace(&mut self.dormants[number].state, state);
        let falling =
            matches!(before, State::LoggingIn(_) | State::Joining(_) | State::Subscribing(_));
        if falling {
            self.falling -= 1;
            if self.phase == Phase::Falling {
                self.fall_asleep(now);
            }
        }
    }

    /// Without its connection nobody falls asleep.
    pub(super) fn lost_dormant(&mut self, line: usize, now: Duration) {
        if self.phase != Phase::Falling {
            return;
        }
        for number in 0..self.next_dormant {
            if self.line_of_dormant(number) == line {
                self.dormant_settled(number, State::Failed, now);
            }
        }
    }

    /// Who falls asleep too slowly is an error.
    pub(super) fn sweep_dormant(&mut self, now: Duration) {
        if self.phase != Phase::Falling {
            return;
        }
        let patience = self.plan.patience;
        for number in 0..self.next_dormant {
            let (State::LoggingIn(since) | State::Joining(since) | State::Subscribing(since)) =
                self.dormants[number].state
            else {
                continue;
            };
            if since + patience <= now {
                self.tally.trouble(Trouble::Late, || "no answer in a dormant session".to_owned());
                self.dormant_settled(number, State::Failed, now);
            }
        }
    }

    /// Everybody on flex logs out.
    pub(super) fn say_farewell(&mut self) {
        let mut farewells = Vec::new();
        for (number, session) in (0..).zip(&self.sessions) {
            if let Some(user) = &session.user {
                let line = self.line_of(number, Side::Customer);
                farewells.push((line, number, requests::logout(user, None)));
            }
        }
        for (number, dormant) in self.dormants.iter().enumerate() {
            if let Some(user) = &dormant.user {
                let slot = self.plan.sessions + u32::try_from(number).unwrap_or(u32::MAX);
                let line = self.line_of_dormant(number);
                farewells.push((line, slot, requests::logout(user, None)));
            }
        }
        farewells.retain(|(line, ..)| self.lines[*line] == Line::Ready);
        self.farewells = farewells.len();
        for (line, slot, request) in farewells {
            self.send(line, Reference::Farewell(slot), request.into());
        }
    }

    pub(super) fn farewell_answered(&mut self) {
        self.farewells = self.farewells.saturating_sub(1);
        if self.farewells == 0 && self.phase == Phase::Leaving {
            self.phase = Phase::Over;
        }
    }
}
