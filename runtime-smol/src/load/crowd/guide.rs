//! The guide's scenario: sessions of 35 s with three messages of each side, customers who poll or
//! are pushed to, and another session when one is over.

use core::cmp::Reverse;
use std::time::Duration;

use super::people::{Asked, Stage};
use super::{Crowd, requests};
use crate::load::chance::chance;
use crate::load::plan::{Plan, Scenario};
use crate::load::words::Side;

/// Messages of a session: customer and agent in turn.
const MESSAGES: u32 = 6;
/// Equal parts of a session: one to come, and one for each message.
const PARTS: u32 = MESSAGES + 1;

impl Plan {
    /// Whether customers are pushed to rather than polling.
    pub(super) const fn is_pushed(&self) -> bool {
        matches!(self.scenario, Scenario::Guide { poll: None, .. })
    }

    fn guide(&self) -> (Duration, Option<Duration>) {
        match self.scenario {
            Scenario::Guide { length, poll, .. } => (length, poll),
            Scenario::Closed { .. } => (Duration::MAX, None),
        }
    }

    /// When a message of a session is said, from the session's begin: somewhere in its part.
    pub(super) fn act_at(&self, session: u32, generation: u32, act: u32) -> Duration {
        let part = self.guide().0 / PARTS;
        let many = u64::from(generation) << 32 | u64::from(session);
        let chance = chance(self.seed ^ chance(many ^ chance(act.into())));
        // Sixteen bits of chance are fine enough for a part of five seconds.
        let within = part / 65_536 * u32::from(u16::try_from(chance >> 48).unwrap_or(0));
        part * (act + 1) + within
    }
}

impl Crowd {
    /// The sessions come one after the other, evenly over the length of one.
    pub(super) fn stagger(&mut self, now: Duration) {
        let (length, _) = self.plan.guide();
        self.warm_up(now);
        for session in 0..self.plan.sessions {
            let nanos = length.as_nanos() * u128::from(session) / u128::from(self.plan.sessions);
            let after = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
            self.wake_at(session, now + after);
        }
    }

    /// The next session in a place begins when the one before was to end.
    pub(super) fn come_again(&mut self, session: u32) {
        let at = self.sessions[session as usize].began + self.plan.guide().0;
        self.wake_at(session, at);
    }

    fn wake_at(&mut self, session: u32, at: Duration) {
        self.sessions[session as usize].wake_at = Some(at);
        self.wakes.push(Reverse((at, session)));
    }

    /// A session wanted to go on at that time.
    pub(super) fn wake(&mut self, number: u32, at: Duration, now: Duration) {
        let session = &mut self.sessions[number as usize];
        if session.wake_at != Some(at) {
            return;
        }
        session.wake_at = None;
        match session.stage {
            Stage::Idle | Stage::Failed => self.begin_in_time(number, at, now),
            Stage::Talking => self.follow_script(number, now),
            Stage::Joining | Stage::Ending => {}
        }
    }

    /// Begins a session, if this side still can.
    fn begin_in_time(&mut self, number: u32, at: Duration, now: Duration) {
        let lines = [Side::Customer, Side::Agent].map(|side| self.line_of(number, side));
        // Without its connections there is nothing to say that was not said when they were lost.
        if lines.iter().all(|line| self.lines[*line] == super::Line::Ready) {
            self.begin(number, now);
            // A place keeps its pace, unless it has fallen behind by more than a session.
            let late = now.saturating_sub(at) >= self.plan.guide().0;
            let session = &mut self.sessions[number as usize];
            session.began = if late { now } else { at };
            session.next_poll = now + self.plan.guide().1.unwrap_or_default();
        }
    }

    /// Does what is due, and sets the clock for what comes next. Who waits for an answer does
    /// nothing, and goes on with it.
    pub(super) fn follow_script(&mut self, number: u32, now: Duration) {
        let (length, poll) = self.plan.guide();
        let session = &self.sessions[number as usize];
        let (began, generation, acts) = (session.began, session.generation, session.acts);
        let (customer_waits, agent_waits) =
            (session.customer.asked.is_some(), session.agent.asked.is_some());
        let act_at = |act| began + self.plan.act_at(number, generation, act);
        let due = if acts < MESSAGES { act_at(acts) } else { began + length };
        if due <= now {
            let side = if acts.is_multiple_of(2) { Side::Customer } else { Side::Agent };
            if acts == MESSAGES {
                if !customer_waits && !agent_waits {
                    return self.end(number, now);
                }
            } else if !(if side == Side::Customer { customer_waits } else { agent_waits }) {
                self.sessions[number as usize].acts += 1;
                self.tally.messages += 1;
                self.say(number, side, now);
                return self.follow_script(number, now);
            }
        }
        if let Some(poll) = poll
            && !customer_waits
            && self.sessions[number as usize].next_poll <= now
        {
            let session = &mut self.sessions[number as usize];
            session.next_poll = (session.next_poll + poll).max(now);
            if let Some(user) = &session.user {
                let request = requests::refresh(user, session.customer.last, None);
                self.ask(number, Side::Customer, Asked::Poll, request, now);
            }
        }
        let next_poll = poll.map(|_| self.sessions[number as usize].next_poll);
        // What is overdue waits for an answer, which wakes the session.
        let next = [Some(due), next_poll].into_iter().flatten().filter(|at| *at > now).min();
        if let Some(next) = next
            && self.sessions[number as usize].wake_at != Some(next)
        {
            self.wake_at(number, next);
        }
    }

    /// The customer leaves, and takes what it has not seen yet.
    fn end(&mut self, number: u32, now: Duration) {
        let session = &mut self.sessions[number as usize];
        session.stage = Stage::Ending;
        if let Some(user) = &session.user {
            let request = requests::logout(user, Some(session.customer.last));
            self.ask(number, Side::Customer, Asked::Logout, request, now);
        }
    }
}
