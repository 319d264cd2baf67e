//! Dormant sessions: async, no agent there, and perhaps for days. Their words go where they are
//! stored anyway, and come back for whoever wants to read them (B12.5).

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use crate::ask::{Outcome, Record, RecordName, Request as AskRequest};
use crate::config::AutoSave;
use crate::frame::{ErrorId, Frame, NoticeType, Request, basic, esp, flex};
use crate::id::{EventId, LinkId};
use crate::session::Session;
use crate::session::asleep::{Asleep, MAX_HELD};
use crate::session::keeping::State;
use crate::session::phase::Phase;
use crate::session::transcript::READ_CONFIRM;
use crate::session::user::Place;
use crate::slab::Key;

use super::Server;
use super::asks::Purpose;
use super::basic::session_id as basic_session_id;
use super::flex::asker;

impl Server {
    /// Lets go of a dormant session's words, if everything is stored and nobody is reading.
    pub(super) fn may_sleep(&mut self, key: Key<Session>) {
        let settings = &self.config.settings;
        if settings.transcript_auto_save == AutoSave::AtClose {
            return;
        }
        // Whoever woke it comes first, and all who waited with them.
        if self.waking {
            return;
        }
        let Some(session) = self.sessions.get_mut(key) else { return };
        let dormant = session.asynchrony.is_some()
            && session.phase == Phase::Open
            && !session.roster.has_agent();
        let busy = !session.outbox.is_empty()
            || session.roster.is_read()
            || session.subscribers.wait()
            || session.asleep.as_ref().is_some_and(|asleep| asleep.asked);
        if !dormant || busy || session.keeping.state != State::Even {
            return;
        }
        let Some(to) = session.transcript.fall_asleep(settings.transcript_save_notices) else {
            return;
        };
        match &mut session.asleep {
            Some(asleep) => asleep.away_to = to,
            None => {
                self.asleep += 1;
                let held = VecDeque::new();
                session.asleep = Some(Box::new(Asleep { away_to: to, held, asked: false }));
            }
        }
    }

    /// Keeps a request until its session's words are back, if it needs them, or is behind one that
    /// does. Gives it back if it does not wait.
    pub(super) fn held(&mut self, link: LinkId, frame: Frame<Request>) -> Option<Frame<Request>> {
        if self.asleep == 0 {
            return Some(frame);
        }
        let Some(key) = self.session_of(link, &frame.body) else { return Some(frame) };
        let Some(session) = self.sessions.get_mut(key) else { return Some(frame) };
        let Some(asleep) = &mut session.asleep else { return Some(frame) };
        if asleep.held.is_empty() && !needs_words(&frame.body, asleep.away_to) {
            return Some(frame);
        }
        if asleep.held.len() >= MAX_HELD {
            self.refuse_frame(link, &frame, ErrorId::StoreUnavailable);
            return None;
        }
        if matches!(frame.body, Request::Flex(_))
            && let Some(there) = self.links.link_mut(link)
        {
            there.register.take().map(|timer| self.timers.cancel(timer));
            if !there.unanswered.insert(frame.reference) {
                // Refused as two answers with one reference are, whatever it asks (wire §4.2).
                return Some(frame);
            }
        }
        asleep.held.push_back((link, frame));
        self.fetch_words(key);
        None
    }

    /// Asks for a session's words, once.
    pub(super) fn fetch_words(&mut self, key: Key<Session>) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(asleep) = &mut session.asleep else { return };
        if !core::mem::replace(&mut asleep.asked, true) {
            let name = RecordName::Session(session.id.clone());
            let load = Record::Load { name, events: true };
            self.ask(key, |_| Purpose::Wake, AskRequest::Record(load));
        }
    }

    /// The words are back, or will never be: whoever waited is served, or refused.
    pub(super) fn woken(&mut self, key: Key<Session>, outcome: Outcome) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(asleep) = session.asleep.take() else { return };
        self.asleep -= 1;
        let Asleep { held, away_to, .. } = *asleep;
        if let Outcome::Loaded(record) = outcome {
            session.transcript.wake_up(record.events, &session.roster);
        } else {
            self.asleep += 1;
            session.asleep =
                Some(Box::new(Asleep { away_to, held: VecDeque::new(), asked: false }));
            for (link, frame) in held {
                self.refuse_frame(link, &frame, ErrorId::StoreUnavailable);
            }
            return self.go_on_closing_awake(key);
        }
        self.waking = true;
        for (link, frame) in held {
            // It comes as if for the first time.
            if let Some(there) = self.links.link_mut(link) {
                there.unanswered.remove(&frame.reference);
            }
            self.frame(link, frame);
        }
        self.waking = false;
        self.go_on_closing_awake(key);
        self.may_sleep(key);
    }

    /// A session is gone: whoever waited for its words is told so.
    pub(super) fn refuse_held(&mut self, asleep: Option<Box<Asleep>>, error: ErrorId) {
        let Some(asleep) = asleep else { return };
        self.asleep -= 1;
        for (link, frame) in asleep.held {
            if matches!(frame.body, Request::Flex(_)) {
                // Where nothing is told any more, nobody has a turn to wait for.
                self.refuse(link, frame.reference, error.into());
            } else {
                self.refuse_frame(link, &frame, error);
            }
        }
    }

    /// Refuses a request that waited, as it would have been refused when it came.
    pub(super) fn refuse_frame(&mut self, link: LinkId, frame: &Frame<Request>, error: ErrorId) {
        let reference = frame.reference;
        match &frame.body {
            Request::Basic(request) => {
                let about = basic_session_id(request).cloned();
                self.refuse_basic_about(link, reference, error.into(), about);
            }
            Request::Flex(request) => {
                self.refuse_in_turn(link, reference, asker(request), error.into());
            }
            Request::Esp(esp::Request::Request3rdServer(call)) => {
                self.refuse_esp(link, reference, &call.envelope, error.into());
            }
        }
    }

    /// The session a request is about, as far as that is known without looking closely.
    fn session_of(&self, link: LinkId, request: &Request) -> Option<Key<Session>> {
        let of_user = |user_id| match self.users.place_of(user_id)? {
            Place::Inside(key, _) | Place::Removed { session: key, .. } => Some(key),
            Place::Outside | Place::Creating(_) => None,
        };
        match request {
            Request::Basic(request) => {
                self.links.link(link)?.registration.as_ref()?;
                self.by_id.get(basic_session_id(request)?).copied()
            }
            Request::Flex(request) => match request {
                // Whoever is in a session is answered by that one, whichever it names (B4.5, B4.8).
                flex::Request::RequestJoin(join) => of_user(&join.user_id)
                    .or_else(|| self.by_id.get(join.session_id.as_ref()?).copied()),
                flex::Request::RequestRefresh(refresh) => of_user(&refresh.user_id),
                flex::Request::RequestLogout(logout) => of_user(&logout.user_id),
                flex::Request::RequestNotify(notify) => of_user(&notify.user_id),
                flex::Request::RequestPush(push) => of_user(&push.user_id),
                flex::Request::RequestLogin(_)
                | flex::Request::RequestNode(_)
                | flex::Request::RequestAlive(_) => None,
            },
            Request::Esp(esp::Request::Request3rdServer(call)) => self.called_session(call).ok(),
        }
    }
}

/// Whether a request cannot be answered without words of events up to `away_to`.
fn needs_words(request: &Request, away_to: EventId) -> bool {
    let before = |position: Option<EventId>| position.unwrap_or(EventId::NONE) < away_to;
    let confirms = |notice: NoticeType, text: Option<&crate::text::Text>| {
        notice == NoticeType::SysCommand && text.is_some_and(|text| text.reveal() == READ_CONFIRM)
    };
    match request {
        Request::Basic(request) => match request {
            // A request that came before is answered with events of then (B4.8).
            basic::Request::RequestJoin(join) => {
                join.request_key.is_some() || before(join.last_position)
            }
            basic::Request::RequestMessage(message) => message.request_key.is_some(),
            basic::Request::RequestNotify(notify) => {
                notify.request_key.is_some()
                    || confirms(notify.notice_type, notify.notice_text.as_ref())
            }
            basic::Request::RequestReleaseParty(_)
            | basic::Request::RequestRegister(_)
            | basic::Request::RequestUnregister => false,
        },
        Request::Flex(request) => match request {
            flex::Request::RequestJoin(_) | flex::Request::RequestPush(_) => true,
            flex::Request::RequestRefresh(refresh) => before(refresh.last_position),
            flex::Request::RequestLogout(logout) => {
                logout.last_position.is_some() && before(logout.last_position)
            }
            flex::Request::RequestNotify(notify) => {
                (notify.last_position.is_some() && before(notify.last_position))
                    || confirms(notify.notice_type, notify.notice_text.as_ref())
            }
            flex::Request::RequestLogin(_)
            | flex::Request::RequestNode(_)
            | flex::Request::RequestAlive(_) => false,
        },
        Request::Esp(_) => false,
    }
}
