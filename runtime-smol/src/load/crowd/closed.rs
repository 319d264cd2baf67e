//! The closed scenario: two speak in turn, each as soon as the other was heard; or at a rate.

use std::time::Duration;

use super::people::Stage;
use super::{Crowd, Phase};
use crate::load::plan::Scenario;
use crate::load::words::Side;

/// Sessions that are being made at a time.
const GATHERING: u32 = 128;

impl Crowd {
    /// Makes the sessions.
    pub(super) fn gather(&mut self, now: Duration) {
        self.phase = Phase::Gathering;
        while self.gathering < GATHERING && self.gathered < self.plan.sessions {
            let session = self.gathered;
            self.gathered += 1;
            self.gathering += 1;
            self.begin(session, now);
        }
    }

    /// A session is there, or failed: another is made, or the talking begins.
    pub(super) fn gathered_one(&mut self, now: Duration) {
        self.gathering -= 1;
        if self.phase != Phase::Gathering {
            return;
        }
        self.gather(now);
        if self.gathering == 0 && self.phase == Phase::Gathering {
            self.warm_up(now);
            self.issued = (0, now);
            for session in 0..self.plan.sessions {
                if self.sessions[session as usize].stage == Stage::Talking {
                    self.next_turn(session, now);
                }
            }
            self.give_up_if_alone(now);
        }
    }

    /// The turn passes once the message was answered and heard. A customer on flex hears an agent
    /// with its own next message.
    pub(super) fn take_turns(&mut self, number: u32, now: Duration) {
        let fetches = self.plan.customers.poll();
        let session = &mut self.sessions[number as usize];
        let speaker = session.turn;
        let seat = session.seat(speaker);
        let (said, answered) = (seat.said, seat.asked.is_none());
        let heard = session.seat(speaker.other()).heard == said;
        if said == 0 || !answered || !(heard || fetches && speaker == Side::Agent) {
            return;
        }
        self.tally.messages += 1;
        session.turn = speaker.other();
        self.next_turn(number, now);
    }

    fn next_turn(&mut self, number: u32, now: Duration) {
        match self.plan.scenario {
            Scenario::Closed { rate: Some(_) } => self.idle.push_back(number),
            Scenario::Closed { rate: None } | Scenario::Guide { .. } => {
                let side = self.sessions[number as usize].turn;
                self.say(number, side, now);
            }
        }
    }

    /// When the next message is due, at a rate.
    pub(super) fn next_issue(&self) -> Option<Duration> {
        let Scenario::Closed { rate: Some(rate) } = self.plan.scenario else { return None };
        if self.idle.is_empty() || self.phase >= Phase::Leaving {
            return None;
        }
        let (issued, began) = self.issued;
        let nanos = u128::from(issued) * 1_000_000_000 / u128::from(rate);
        Some(began + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// Says what is due. Somebody who speaks late has spoken when it was due, so that a server that
    /// stops for a while shows in the times of all who had to wait.
    pub(super) fn issue(&mut self, now: Duration) {
        while let Some(at) = self.next_issue()
            && at <= now
            && let Some(session) = self.idle.pop_front()
        {
            self.issued.0 += 1;
            if self.sessions[session as usize].stage == Stage::Talking {
                let side = self.sessions[session as usize].turn;
                self.say(session, side, at);
            }
        }
    }

    /// Without sessions there is nothing to wait for.
    pub(super) fn give_up_if_alone(&mut self, now: Duration) {
        let tally = &self.tally;
        if self.phase >= Phase::WarmingUp && tally.begun == tally.finished + tally.failed {
            self.leave(true, now);
        }
    }
}
