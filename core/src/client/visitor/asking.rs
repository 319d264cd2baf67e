//! What a visitor asks, and what becomes of it.

use alloc::vec::Vec;
use core::time::Duration;

use crate::client::typing::Key;
use crate::client::view::read_confirm;
use crate::client::{
    Action, CLIENT_VERSION, End, Input, News, Notification, Said, TOO_LARGE, files,
};
use crate::frame::flex::{
    Event, EventStatus, Request, RequestJoin, RequestLogin, RequestLogout, RequestNotify,
    RequestRefresh,
};
use crate::frame::{
    ErrorId, EventBody, Flaw, Frame, Malformed, NoticeType, Open, RequestResult, SessionStatus,
};
use crate::id::EventId;
use crate::machine::{Machine, Progress};
use crate::text::Str;
use crate::time::Instant;

use super::{Identity, Phase, Visitor};

/// The connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// There is none.
    Off,
    /// One is being made.
    Connecting,
    /// There is one.
    On,
    /// It is being ended.
    Leaving,
}

/// The request under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    reference: u32,
    ask: Ask,
    since: Instant,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Login,
    Join,
    /// What the first echo says.
    Echo,
    /// That everything up to this event was read.
    Read(EventId),
    /// That somebody types.
    Typing,
    /// What is new.
    Poll,
}

impl Ask {
    /// Whether it is asked by somebody who is in the session.
    const fn is_inside(self) -> bool {
        match self {
            Self::Login | Self::Join => false,
            Self::Echo | Self::Read(_) | Self::Typing | Self::Poll => true,
        }
    }
}

impl Machine for Visitor {
    type Input = Input<Event>;
    type Action = Action<Request, News>;

    fn handle(&mut self, input: Input<Event>, now: Instant) {
        while self.handle_timeout(now, usize::MAX) == Progress::More {}
        match input {
            // One that nobody asked for serves as well as any.
            Input::Opened if self.line != Line::Leaving => self.line = Line::On,
            Input::Closed => self.closed(now),
            Input::Frame(Frame { reference, body: Event::EventStatus(status) }) => {
                self.answered(reference, &status, now);
            }
            // A frame is meant for a gateway node, which this is not.
            Input::Opened | Input::Frame(_) => {}
            Input::Malformed(malformed) => self.puzzled(malformed),
            // No server would take it either (B17.4).
            Input::Unsendable { reference } => {
                let refusal = EventStatus {
                    error_id: Some(ErrorId::LimitReached.number()),
                    error_text: Some(Str::new(TOO_LARGE)),
                    ..EventStatus::new(RequestResult::Error)
                };
                self.answered(reference, &refusal, now);
            }
        }
        self.go_on(now);
    }

    fn handle_timeout(&mut self, now: Instant, budget: usize) -> Progress {
        for _ in 0..budget {
            if self.poll_timeout().is_none_or(|at| at > now) {
                return Progress::Idle;
            }
            if self.flight.is_some_and(|flight| flight.since + self.patience() <= now) {
                self.servers.fall_silent();
                self.hang_up();
            } else {
                self.go_on(now);
            }
        }
        match self.poll_timeout() {
            Some(at) if at <= now => Progress::More,
            Some(_) | None => Progress::Idle,
        }
    }

    fn poll_action(&mut self) -> Option<Self::Action> {
        self.actions.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match (self.line, &self.flight, self.phase) {
            (Line::On, Some(flight), _) => Some(flight.since + self.patience()),
            (Line::Connecting | Line::Leaving, ..)
            | (_, Some(_), _)
            | (_, None, Phase::Idle | Phase::Over(_)) => None,
            // Nothing goes out before the pause is over.
            (_, None, Phase::Entering | Phase::Inside) if self.retry_at.is_some() => self.retry_at,
            (_, None, Phase::Entering) => Some(Instant::ZERO),
            (_, None, Phase::Inside) if self.is_urgent() => Some(Instant::ZERO),
            (_, None, Phase::Inside) => {
                self.typing.poll_timeout().into_iter().chain([self.poll_at]).min()
            }
        }
    }
}

impl Visitor {
    fn patience(&self) -> Duration {
        self.settings.habits.patience
    }

    /// Whether there is something to ask at once.
    fn is_urgent(&self) -> bool {
        self.more || self.read.is_some() || self.echoes.front().is_some()
    }

    fn closed(&mut self, now: Instant) {
        let failed = self.line != Line::On || self.flight.is_some();
        self.line = Line::Off;
        // What had no answer by now will never have one, and is asked again.
        self.flight = None;
        if !self.servers.lose() && failed {
            self.try_later(now);
        }
    }

    fn try_later(&mut self, now: Instant) {
        let pause = self.back_off.failed(&self.settings.habits, &mut self.chance);
        self.retry_at = Some(now + pause);
    }

    fn hang_up(&mut self) {
        if matches!(self.line, Line::On | Line::Connecting) {
            self.line = Line::Leaving;
            self.actions.push_back(Action::Disconnect);
        }
    }

    fn puzzled(&mut self, malformed: Malformed) {
        // A newer server may say what this build does not know (wire §6).
        if malformed.reference != 0 || malformed.what != Flaw::UnknownMessage {
            self.hang_up();
        }
    }

    /// Asks the next thing there is to ask, over a connection that is made for it if need be.
    pub(super) fn go_on(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|at| at > now) || self.flight.is_some() {
            return;
        }
        self.retry_at = None;
        match self.line {
            Line::Off => {
                self.line = Line::Connecting;
                let server = self.servers.current();
                self.actions.push_back(Action::Connect { server, after: Duration::ZERO });
            }
            Line::On => {
                if let Some((ask, request)) = self.next(now) {
                    self.next_reference = self.next_reference.checked_add(1).unwrap_or(1);
                    let reference = self.next_reference;
                    self.flight = Some(Flight { reference, ask, since: now });
                    self.actions.push_back(Action::Send(Frame::new(reference, request)));
                }
            }
            Line::Connecting | Line::Leaving => {}
        }
    }

    fn next(&mut self, now: Instant) -> Option<(Ask, Request)> {
        let Some(identity) = self.identity.clone() else {
            return Some((Ask::Login, Request::RequestLogin(self.login())));
        };
        if self.phase == Phase::Entering {
            return Some((Ask::Join, Request::RequestJoin(self.join(identity))));
        }
        if self.more {
            return Some((Ask::Poll, Request::RequestRefresh(self.refreshing(identity))));
        }
        if let Some(echo) = self.echoes.front_mut() {
            echo.attempts = echo.attempts.saturating_add(1);
            let (said, key) = (echo.said.clone(), echo.key.clone());
            return Some((Ask::Echo, self.echo(identity, said, key)));
        }
        if let Some((ask, notice)) = self.aside(now) {
            // Its events come with the next question.
            let notify = self.notifying(identity, notice, None, None);
            return Some((ask, Request::RequestNotify(notify)));
        }
        Some((Ask::Poll, Request::RequestRefresh(self.refreshing(identity))))
    }

    fn aside(&mut self, now: Instant) -> Option<(Ask, Notification)> {
        if let Some(event) = self.read {
            return Some((Ask::Read(event), read_confirm(event)));
        }
        let notice = match self.typing.due(&self.settings.habits, now)? {
            Key::Started(preview) => Notification {
                text: Some(preview).filter(|preview| !preview.is_empty()),
                ..Notification::from(NoticeType::UserTypingStarted)
            },
            Key::Stopped => Notification::from(NoticeType::UserTypingStopped),
        };
        Some((Ask::Typing, notice))
    }

    fn login(&self) -> RequestLogin {
        let settings = &self.settings;
        let user_data = settings.user_data.clone();
        RequestLogin {
            user_nickname: settings.nickname.clone(),
            time_zone_offset: settings.time_zone_offset,
            person_id: settings.person_id.clone(),
            client_version: Some(CLIENT_VERSION),
            user_data: (!user_data.is_empty()).then_some(user_data),
        }
    }

    fn join(&self, Identity { user_id, secure_key }: Identity) -> RequestJoin {
        let start = self.start.clone();
        let creates = start.session_id.is_none();
        RequestJoin {
            user_id,
            secure_key,
            session_id: start.session_id,
            queue_key: start.queue_key.filter(|_| creates),
            subject: start.subject.filter(|_| creates),
            message_text: start.greeting,
            user_data: (!start.user_data.is_empty()).then_some(start.user_data),
            request_key: Some(self.key.clone()),
        }
    }

    fn refreshing(&self, Identity { user_id, secure_key }: Identity) -> RequestRefresh {
        RequestRefresh {
            user_id,
            secure_key,
            session_id: self.session_id.clone(),
            last_position: Some(self.view.position()),
            message_text: None,
            message_type: None,
            user_data: None,
            event_attributes: None,
            request_key: None,
        }
    }

    fn notifying(
        &self,
        Identity { user_id, secure_key }: Identity,
        notice: Notification,
        request_key: Option<Str>,
        last_position: Option<EventId>,
    ) -> RequestNotify {
        RequestNotify {
            user_id,
            secure_key,
            session_id: self.session_id.clone(),
            notice_type: notice.notice_type,
            notice_text: notice.text,
            user_data: notice.user_data,
            event_attributes: notice.event_attributes,
            last_position,
            request_key,
        }
    }

    fn echo(&self, identity: Identity, said: Said, key: Str) -> Request {
        let last_position = Some(self.view.position());
        match said {
            Said::Message { saying, .. } => Request::RequestRefresh(RequestRefresh {
                message_text: Some(saying.text),
                message_type: saying.message_type,
                user_data: saying.user_data,
                event_attributes: saying.event_attributes,
                request_key: Some(key),
                ..self.refreshing(identity)
            }),
            Said::Notice(notice) => {
                Request::RequestNotify(self.notifying(identity, notice, Some(key), last_position))
            }
            // A customer removes nobody (B8.1); there is no verb for it.
            Said::Removal { .. } | Said::Leave { .. } => {
                let Identity { user_id, secure_key } = identity;
                let session_id = self.session_id.clone();
                Request::RequestLogout(RequestLogout {
                    user_id,
                    secure_key,
                    session_id,
                    last_position,
                })
            }
        }
    }

    fn answered(&mut self, reference: u32, status: &EventStatus, now: Instant) {
        let Some(flight) = self.flight.filter(|flight| flight.reference == reference) else {
            return;
        };
        if self.line != Line::On || matches!(self.phase, Phase::Over(_)) {
            return;
        }
        self.flight = None;
        self.servers.answer();
        let error_id = match status.request_result.known() {
            Some(RequestResult::Success) => None,
            Some(RequestResult::Error) | None => Some(status.error_id.unwrap_or_default()),
        };
        match error_id {
            None => {
                self.back_off.worked();
                self.servers.grant();
                self.granted(flight.ask, status, now);
            }
            Some(number) => self.refused(flight.ask, number, status, now),
        }
    }

    fn granted(&mut self, ask: Ask, status: &EventStatus, now: Instant) {
        self.recognise(status);
        if self.identity.is_none() {
            // A Login that made nobody.
            return self.hang_up();
        }
        if ask == Ask::Login {
            return;
        }
        if ask == Ask::Join {
            let Some(session_id) = &status.session_id else { return self.hang_up() };
            self.session_id = Some(session_id.clone());
            self.enter();
        }
        let logs_out = self.logs_out();
        self.accepted = ask == Ask::Echo || self.accepted;
        self.has_read(ask);
        self.take_in(status);
        let closed = status.session_status.and_then(Open::known);
        if ask == Ask::Echo && logs_out {
            return self.over(End::Left, ErrorId::NotInSession.number());
        }
        if closed == Some(SessionStatus::Closed) && !self.more && status.chat_transcript.is_some() {
            return self.over(End::Closed, ErrorId::SessionClosed.number());
        }
        if status.chat_transcript.is_some() {
            self.poll_at = now + self.pause();
        }
    }

    /// Whether the first thing that waits is the Logout.
    fn logs_out(&self) -> bool {
        self.echoes.front().is_some_and(|echo| matches!(echo.said, Said::Leave { .. }))
    }

    /// A confirmation was answered, unless somebody has read further meanwhile.
    fn has_read(&mut self, ask: Ask) {
        if let Ask::Read(event) = ask
            && self.read == Some(event)
        {
            self.read = None;
        }
    }

    fn enter(&mut self) {
        self.phase = Phase::Inside;
        if let Some(identity) = &self.identity {
            self.view.set_own(&identity.user_id);
        }
        self.tell(News::Joined);
    }

    /// Answers carry the id, and after a restoration the key, that count from now on (B20.4).
    fn recognise(&mut self, status: &EventStatus) {
        match (&mut self.identity, &status.user_id, &status.secure_key) {
            (identity, Some(user_id), Some(secure_key)) => {
                let (user_id, secure_key) = (user_id.clone(), secure_key.clone());
                *identity = Some(Identity { user_id, secure_key });
            }
            (Some(identity), Some(user_id), None) => identity.user_id = user_id.clone(),
            (Some(_), None, _) | (None, ..) => {}
        }
        if let Some(identity) = self.identity.as_ref().filter(|_| self.phase == Phase::Inside)
            && self.view.own() != Some(&identity.user_id)
        {
            self.view.set_own(&identity.user_id);
        }
    }

    /// Takes in what an answer tells, and finds the event of what was said among it.
    fn take_in(&mut self, status: &EventStatus) {
        let mut news = Vec::new();
        if let Some(transcript) = &status.chat_transcript {
            let before = self.view.position();
            self.view.absorb(transcript, &mut news);
            // An answer that is cut and tells nothing new would be asked for without end.
            self.more = status.more_events && self.view.position() > before;
        }
        self.attended |= self.has_agent();
        let own = news.iter().find_map(|news| match news {
            News::Told(id) => self.is_first_echo(*id).then_some(*id),
            News::Joined
            | News::Interrupted
            | News::Confirmed { .. }
            | News::NotSent { .. }
            | News::Typing(_)
            | News::Read(_)
            | News::Monitored
            | News::IdleTime
            | News::Files { .. }
            | News::Aside(_)
            | News::Over(_) => None,
        });
        let asked = self.echoes.front().filter(|_| self.accepted).cloned();
        for news in news {
            self.tell(files::understood(news, asked.as_ref()));
        }
        if self.accepted && !self.logs_out() && (own.is_some() || !self.more) {
            self.accepted = false;
            if let Some(echo) = self.echoes.pop() {
                self.tell(News::Confirmed { echo: echo.id, event_id: own });
            }
        }
    }

    /// Whether this is the event of the first echo. One thing is asked at a time, so whatever of
    /// one's own is new is what was asked last.
    fn is_first_echo(&self, id: EventId) -> bool {
        let Some(event) = self.view.event(id).filter(|event| self.view.is_own(&event.user_id))
        else {
            return false;
        };
        match (&event.body, self.echoes.front().map(|echo| &echo.said)) {
            (EventBody::Message(_), Some(Said::Message { .. })) => true,
            (EventBody::Notice(notice), Some(Said::Notice(asked))) => {
                notice.notice_type.known() == Some(asked.notice_type)
            }
            _ => false,
        }
    }

    fn refused(&mut self, ask: Ask, number: i32, status: &EventStatus, now: Instant) {
        let error = ErrorId::from_number(number);
        match (error, ask) {
            (Some(ErrorId::Restoring), _) => {
                self.try_later(now);
                if self.servers.refuse() {
                    self.hang_up();
                }
            }
            (Some(ErrorId::StoreUnavailable), ask) if ask.is_inside() => self.try_later(now),
            (Some(ErrorId::LoggedOut), _) => {
                self.take_in(status);
                self.over(End::LoggedOut, number);
            }
            (Some(ErrorId::WrongSecureKey), _) => self.over(End::WrongSecureKey, number),
            // The server that knew the Login is gone, and the session was not begun (B4.8).
            (Some(ErrorId::NotInSession), Ask::Join) => {
                self.identity = None;
                self.try_later(now);
            }
            (Some(ErrorId::NotInSession), Ask::Echo) if self.logs_out() => {
                self.over(End::Left, number);
            }
            (Some(ErrorId::NotInSession | ErrorId::NoSuchSession), ask) if ask.is_inside() => {
                self.over(End::Gone, number);
            }
            (Some(ErrorId::AlreadyThere), Ask::Join) => self.enter(),
            (Some(ErrorId::SessionClosed), Ask::Join) => self.over(End::Closed, number),
            (_, Ask::Login | Ask::Join | Ask::Poll) => self.over(End::Refused(number), number),
            (_, Ask::Read(_)) => self.has_read(ask),
            (_, Ask::Typing) => {}
            (_, Ask::Echo) => {
                // A closed session tells its end to whoever asks what is new (B8.6).
                self.poll_at = now;
                if let Some(echo) = self.echoes.pop() {
                    let why = status.error_text.clone().unwrap_or_default();
                    self.tell(News::NotSent { echo: echo.id, error_id: number, why });
                }
            }
        }
    }
}
