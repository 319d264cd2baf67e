//! What happens to sessions from elsewhere: they go on in another instance, their interactions are
//! stopped, or the server is to come to an end (§19 and §20 of the behaviour).

use confer_core::frame::{ErrorId, Frame};
use confer_core::id::SessionId;

use super::state::{Control, How, Model, Phase, Seat};
use super::tell::{basic_error, fault, refused};

impl Model {
    /// B20.7: nothing new from now on.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// B20.7: what is left closes.
    pub fn close_sessions(&mut self) {
        (self.draining, self.ending) = (true, true);
        for session in 0..self.sessions.len() {
            if self.sessions[session].phase == Phase::Open {
                self.close(session, 5);
            }
        }
    }

    /// B19.4: the workflow stopped an interaction.
    pub fn interaction_stopped(&mut self, session: usize) {
        match self.sessions[session].phase {
            Phase::Creating(_) => self.sessions[session].stopped = true,
            Phase::Open => self.close(session, 5),
            Phase::Closed | Phase::Gone => {}
        }
    }

    /// B20.3, B20.5: a session is dropped without a closing, unless this server is the owner; whether
    /// it is. Nothing ever gives a session of a script another generation than 1.
    pub fn purge(&mut self, session: usize, generation: Option<u64>) -> bool {
        let it = &self.sessions[session];
        let is_owner = generation.is_some_and(|generation| generation <= 1);
        if is_owner || !matches!(it.phase, Phase::Open | Phase::Closed) {
            return false;
        }
        self.drop_session(session);
        true
    }

    /// A session is no more here. Whoever waits is told to try again, and so is everybody on basic
    /// (B14.4, B20.12).
    pub(super) fn drop_session(&mut self, session: usize) {
        let error = ErrorId::Restoring;
        for step in std::mem::take(&mut self.sessions[session].steps) {
            let Some(answer) = step.answer else { continue };
            let (link, reference) = (answer.link, answer.reference);
            match answer.how {
                How::Basic(_) | How::Join(..) | How::Again(..) | How::Flex(..) => {
                    self.refuse(link, reference, error);
                }
                How::Refused(_, error, _) => {
                    let event = confer_core::frame::flex::Event::EventStatus(refused(error));
                    self.send(link, Frame::new(reference, event.into()));
                }
                How::Esp(envelope) => {
                    self.send(link, Frame::new(reference, fault(&envelope, error).into()));
                }
                How::Unregistered => self.left_one(link, reference),
            }
        }
        self.forget_held(session, error);
        let mut links: Vec<usize> = self.sessions[session]
            .parties
            .iter()
            .filter(|party| !party.deaf)
            .filter_map(|party| if let Seat::Basic(link) = party.seat { Some(link) } else { None })
            .collect();
        links.sort_unstable();
        links.dedup();
        for link in links {
            let id = SessionId::new(&format!("S{session}"));
            self.send(link, Frame::new(0, basic_error(error, Some(id)).into()));
        }
        let it = &mut self.sessions[session];
        for party in &mut it.parties {
            (party.present, party.deaf) = (false, true);
        }
        (it.regular, it.asynchronous) = (Control::default(), Control::default());
        self.forget(session);
    }

    /// A session is of no use any more.
    pub(super) fn forget(&mut self, session: usize) {
        let it = &mut self.sessions[session];
        it.phase = Phase::Gone;
        // What it still had to do for its end, it does not do (B14.4).
        it.closing = None;
        it.retry = None;
        self.forget_held(session, ErrorId::NoSuchSession);
        let it = &self.sessions[session];
        let seats: Vec<Seat> = it.parties.iter().map(|party| party.seat).collect();
        for seat in seats {
            if let Seat::Flex(user) = seat {
                self.forget_user(user);
            }
        }
    }
}
