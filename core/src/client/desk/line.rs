//! The connection of a desk: registering, asking, being answered, being lost.

use alloc::vec::Vec;
use core::time::Duration;

use crate::client::{Action, CLIENT_VERSION, Echo, End, Input, News, Said, TOO_LARGE, files};
use crate::frame::basic::{Event, EventError, EventSessionInfo, Request, RequestRegister};
use crate::frame::{AfterAction, ErrorId, Flaw, Frame, Malformed, UserType};
use crate::machine::{Machine, Progress};
use crate::text::Str;
use crate::time::Instant;

use super::chat::{Ask, Phase};
use super::{ChatId, Desk, DeskNews};

/// How a desk stands with its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A connection is being made.
    Connecting,
    /// It is there, and the Register under way.
    Registering,
    /// All is well.
    Registered,
    /// The connection is being ended; what comes on it counts no longer.
    Leaving,
    /// The connection is being ended for good.
    SigningOff,
    /// There is none, and there will be none.
    Off,
}

/// A request without an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    asked: Asked,
    since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Register,
    Unregister,
    Chat(ChatId, Ask),
}

impl Pending {
    pub(super) fn chat(&self) -> Option<ChatId> {
        match self.asked {
            Asked::Chat(chat, _) => Some(chat),
            Asked::Register | Asked::Unregister => None,
        }
    }
}

impl Machine for Desk {
    type Input = Input<Event>;
    type Action = Action<Request, DeskNews>;

    fn handle(&mut self, input: Input<Event>, now: Instant) {
        while self.handle_timeout(now, usize::MAX) == Progress::More {}
        match input {
            Input::Opened => self.opened(now),
            Input::Closed => self.closed(),
            Input::Frame(frame) => self.hear(frame, now),
            Input::Malformed(malformed) => self.puzzled(malformed),
            // No server would take it either (B17.4).
            Input::Unsendable { reference } => {
                let (error_id, error_text) = (ErrorId::LimitReached.number(), Str::new(TOO_LARGE));
                let error = EventError { error_id, error_text, session_id: None };
                self.hear(Frame::new(reference, Event::EventError(error)), now);
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant, budget: usize) -> Progress {
        for _ in 0..budget {
            let Some((_, due)) = self.next_due().filter(|(at, _)| *at <= now) else {
                return Progress::Idle;
            };
            match due {
                Some(chat) => self.go_on(chat, now),
                None => {
                    self.servers.fall_silent();
                    self.hang_up();
                }
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
        self.next_due().map(|(at, _)| at)
    }
}

impl Desk {
    /// What is due next: a chat, or that patience with the server is at its end.
    fn next_due(&self) -> Option<(Instant, Option<ChatId>)> {
        if !matches!(self.line, Line::Registering | Line::Registered | Line::SigningOff) {
            return None;
        }
        let patience = self.pending.values().next();
        let patience = patience.map(|it| (it.since + self.settings.habits.patience, None));
        let chats = self.chats.iter().filter(|_| self.line == Line::Registered);
        let chats = chats.filter_map(|(id, chat)| Some((chat.poll_timeout()?, Some(*id))));
        chats.chain(patience).min_by_key(|(at, _)| *at)
    }

    fn opened(&mut self, now: Instant) {
        // A connection nobody asked for.
        if self.line != Line::Connecting {
            return self.actions.push_back(Action::Disconnect);
        }
        self.line = Line::Registering;
        let settings = &self.settings;
        let user_data = settings.user_data.clone();
        let register = RequestRegister {
            user_nickname: settings.nickname.clone(),
            user_type: settings.user_type,
            person_id: settings.person_id.clone(),
            time_zone_offset: settings.time_zone_offset,
            client_version: Some(CLIENT_VERSION),
            user_data: (!user_data.is_empty()).then_some(user_data),
            max_frame: settings.max_frame,
        };
        self.ask(Asked::Register, Request::RequestRegister(register), now);
    }

    fn closed(&mut self) {
        let ids: Vec<ChatId> = self.chats.keys().copied().collect();
        for id in ids {
            self.forget_pending(id);
            let Some(there) = self.chats.get_mut(&id) else { continue };
            there.fall_out();
            there.retry_at = None;
            // The loss was as good as the leave (B2.4).
            let leave = there.echoes.front().map(|echo| &echo.said);
            if let Some(Said::Leave { after: AfterAction::KeepAlive, .. }) = leave {
                self.over(id, End::Left, ErrorId::NotInSession.number());
            }
        }
        self.pending.clear();
        match self.line {
            Line::Off => {}
            Line::SigningOff => self.signed_off(),
            Line::Connecting | Line::Registering | Line::Registered | Line::Leaving => {
                let after = if self.servers.lose() {
                    Duration::ZERO
                } else {
                    self.back_off.failed(&self.settings.habits, &mut self.chance)
                };
                let server = self.servers.current();
                self.line = Line::Connecting;
                self.actions.push_back(Action::Notify(DeskNews::Offline { retry_after: after }));
                self.actions.push_back(Action::Connect { server, after });
            }
        }
    }

    /// Gives the connection up; another one is made when it is gone.
    fn hang_up(&mut self) {
        match self.line {
            Line::Connecting | Line::Registering | Line::Registered => {
                self.line = Line::Leaving;
                self.actions.push_back(Action::Disconnect);
            }
            Line::SigningOff => {
                self.actions.push_back(Action::Disconnect);
                self.signed_off();
            }
            Line::Leaving | Line::Off => {}
        }
    }

    fn signed_off(&mut self) {
        self.line = Line::Off;
        let ids: Vec<ChatId> = self.chats.keys().copied().collect();
        for id in ids {
            self.over(id, End::Left, ErrorId::NotRegistered.number());
        }
        self.actions.push_back(Action::Notify(DeskNews::SignedOff));
    }

    pub(super) fn end_line(&mut self, now: Instant) {
        match self.line {
            Line::Registered => {
                self.line = Line::SigningOff;
                self.pending.clear();
                self.ask(Asked::Unregister, Request::RequestUnregister, now);
            }
            Line::Connecting | Line::Registering | Line::Leaving => {
                self.actions.push_back(Action::Disconnect);
                self.signed_off();
            }
            Line::SigningOff | Line::Off => {}
        }
    }

    fn ask(&mut self, asked: Asked, request: Request, now: Instant) {
        self.next_reference = self.next_reference.checked_add(1).unwrap_or(1);
        self.pending.insert(self.next_reference, Pending { asked, since: now });
        self.actions.push_back(Action::Send(Frame::new(self.next_reference, request)));
    }

    /// Asks whatever a chat has to ask.
    pub(super) fn go_on(&mut self, id: ChatId, now: Instant) {
        if self.line != Line::Registered {
            // Nobody has to know of the leave of one who is not there.
            let Some(there) = self.chats.get(&id) else { return };
            let plain = there.echoes.front().is_some_and(|echo| {
                matches!(echo.said, Said::Leave { after: AfterAction::KeepAlive, .. })
            });
            if plain && there.phase == Phase::Outside {
                self.over(id, End::Left, ErrorId::NotInSession.number());
            }
            return;
        }
        while let Some(there) = self.chats.get_mut(&id)
            && let Some((ask, request)) = there.next(&self.settings.habits, now)
        {
            self.ask(Asked::Chat(id, ask), request, now);
        }
    }

    fn puzzled(&mut self, malformed: Malformed) {
        // A newer server may say what this build does not know (wire §6).
        if malformed.reference != 0 || malformed.what != Flaw::UnknownMessage {
            self.hang_up();
        }
    }

    fn hear(&mut self, Frame { reference, body }: Frame<Event>, now: Instant) {
        if !matches!(self.line, Line::Registering | Line::Registered | Line::SigningOff) {
            return;
        }
        if reference == 0 {
            return self.hear_unasked(body, now);
        }
        let Some(Pending { asked, .. }) = self.pending.remove(&reference) else { return };
        match (asked, body) {
            (Asked::Register, Event::EventRegistered(_)) => {
                self.line = Line::Registered;
                self.servers.answer();
                self.back_off.worked();
                self.actions.push_back(Action::Notify(DeskNews::Online));
                let ids: Vec<ChatId> = self.chats.keys().copied().collect();
                for id in ids {
                    self.go_on(id, now);
                }
            }
            (Asked::Register, Event::EventError(error))
                if ErrorId::from_number(error.error_id) == Some(ErrorId::StoreUnavailable) =>
            {
                self.hang_up();
            }
            (Asked::Register, Event::EventError(error)) => {
                self.actions.push_back(Action::Notify(DeskNews::Refused(error.error_id)));
                self.actions.push_back(Action::Disconnect);
                self.signed_off();
            }
            (Asked::Chat(chat, ask), Event::EventSessionInfo(info)) => {
                self.answered(chat, ask, &info, now);
            }
            (Asked::Chat(chat, ask), Event::EventError(error)) => {
                self.refused(chat, ask, &error, now);
            }
            // The answer to an Unregister, or one that does not fit the question.
            (Asked::Unregister | Asked::Register | Asked::Chat(..), _) => self.hang_up(),
        }
    }

    fn hear_unasked(&mut self, event: Event, now: Instant) {
        match event {
            Event::EventSessionInfo(info) => {
                let Some(&id) = self.by_session.get(&info.session_id) else { return };
                // An answer to a Join comes first, and says whose eyes these are.
                let Some(there) = self.chats.get(&id) else { return };
                if matches!(there.phase, Phase::Inside | Phase::Joining) && there.entered {
                    self.absorb(id, &info, None, now);
                    self.go_on(id, now);
                }
            }
            // The server no longer holds the session; it lives on elsewhere (B20.12).
            Event::EventError(EventError { error_id, session_id: Some(session_id), .. })
                if ErrorId::from_number(error_id) == Some(ErrorId::Restoring) =>
            {
                if let Some(&id) = self.by_session.get(&session_id) {
                    self.fall_out(id, now);
                    if self.is_free() && self.servers.turn() {
                        self.hang_up();
                    }
                }
            }
            Event::EventError(_) | Event::EventRegistered(_) | Event::EventUnregistered => {}
        }
    }

    /// Whether no chat would be disturbed if the connection ended.
    fn is_free(&self) -> bool {
        self.servers.are_many() && !self.chats.values().any(super::Chat::is_inside)
    }

    /// One is not in a session any more, and comes again after a while.
    fn fall_out(&mut self, id: ChatId, now: Instant) {
        let Some(there) = self.chats.get_mut(&id) else { return };
        if there.end().is_some() {
            return;
        }
        there.fall_out();
        there.try_later(&self.settings.habits, &mut self.chance, now);
        self.forget_pending(id);
        self.tell(id, News::Interrupted);
    }

    /// Nobody will answer what a chat asked.
    fn forget_pending(&mut self, id: ChatId) {
        let join = |pending: &Pending| pending.asked == Asked::Chat(id, Ask::Join);
        if self.pending.values().any(join)
            && let Some(there) = self.chats.get_mut(&id)
        {
            there.lost = true;
        }
        self.pending.retain(|_, pending| pending.chat() != Some(id));
    }

    /// Takes in what was told, perhaps as the answer to something said.
    fn absorb(
        &mut self,
        id: ChatId,
        info: &EventSessionInfo,
        asked: Option<&Echo>,
        now: Instant,
    ) -> Option<End> {
        let there = self.chats.get_mut(&id)?;
        let mut news = Vec::new();
        let end = there.absorb(info, &mut news);
        let customer_left = there.customer_left();
        for news in news {
            self.tell(id, files::understood(news, asked));
        }
        if let Some(end) = end {
            let error =
                if end == End::Closed { ErrorId::SessionClosed } else { ErrorId::NotInSession };
            self.over(id, end, error.number());
        } else if customer_left
            && self.settings.closes_after_customer
            && self.settings.user_type != UserType::Client
        {
            // Already leaving, if this is an error.
            let _ = self.leave(id, AfterAction::CloseIfNoAgents, None, now);
        }
        end
    }

    fn answered(&mut self, id: ChatId, ask: Ask, info: &EventSessionInfo, now: Instant) {
        let Some(there) = self.chats.get_mut(&id) else { return };
        let known = there.entry.session_id.as_ref();
        if known.is_some_and(|known| *known != info.session_id) {
            return self.hang_up();
        }
        match ask {
            Ask::Join | Ask::Rejoin => self.joined(id, ask, info, now),
            Ask::Echo => {
                let event_id = there.caused(info);
                // The end of the chat takes with it what waits, and this does not any more.
                let Some(echo) = there.echoes.pop() else { return };
                there.done(&echo.said);
                self.confirm(id, &echo, event_id);
                let end = self.absorb(id, info, Some(&echo), now);
                if end.is_none() && matches!(echo.said, Said::Leave { .. }) {
                    self.over(id, End::Left, ErrorId::NotInSession.number());
                }
                self.go_on(id, now);
            }
            Ask::Aside => {
                self.absorb(id, info, None, now);
                self.go_on(id, now);
            }
        }
    }

    fn confirm(&mut self, id: ChatId, echo: &Echo, event_id: Option<crate::id::EventId>) {
        self.tell(id, News::Confirmed { echo: echo.id, event_id });
    }

    fn joined(&mut self, id: ChatId, ask: Ask, info: &EventSessionInfo, now: Instant) {
        let (Some(user_id), Some(there)) = (&info.user_id, self.chats.get_mut(&id)) else {
            return self.hang_up();
        };
        let closed = info.session_status.known() == Some(crate::frame::SessionStatus::Closed);
        let again = ask == Ask::Join && core::mem::take(&mut there.lost);
        if again && closed && there.creates {
            return self.begin_anew(id, now);
        }
        there.view.set_own(user_id);
        there.entry.session_id = Some(info.session_id.clone());
        self.by_session.insert(info.session_id.clone(), id);
        if again && !closed {
            // Perhaps the outcome of a Join whose participation ended with its connection; another
            // Join finds out, and is refused (8303) if not.
            there.entered = true;
            there.phase = Phase::Outside;
            self.absorb(id, info, None, now);
            return self.go_on(id, now);
        }
        there.enter();
        self.servers.grant();
        self.tell(id, News::Joined);
        self.absorb(id, info, None, now);
        self.go_on(id, now);
    }

    fn refused(&mut self, id: ChatId, ask: Ask, refusal: &EventError, now: Instant) {
        let number = refusal.error_id;
        let error = ErrorId::from_number(number);
        if error == Some(ErrorId::NotRegistered) {
            return self.hang_up();
        }
        match ask {
            Ask::Join | Ask::Rejoin => self.join_refused(id, error, number, now),
            Ask::Echo => self.echo_refused(id, error, refusal, now),
            // Nobody waits for it; the next echo finds out what is wrong.
            Ask::Aside if error == Some(ErrorId::NotInSession) => self.fall_out(id, now),
            Ask::Aside => {}
        }
    }

    fn join_refused(&mut self, id: ChatId, error: Option<ErrorId>, number: i32, now: Instant) {
        let Some(there) = self.chats.get_mut(&id) else { return };
        match error {
            Some(ErrorId::AlreadyThere) if there.entry.session_id.is_some() => {
                there.enter();
                self.tell(id, News::Joined);
                self.go_on(id, now);
            }
            Some(ErrorId::Restoring) => self.join_elsewhere(id, now),
            // Its customer, who restores it, is perhaps still to come to this server (B22.13).
            Some(ErrorId::NoSuchSession)
                if self.servers.are_many() && there.may_come(&self.settings.habits, now) =>
            {
                self.join_elsewhere(id, now);
            }
            Some(ErrorId::StoreUnavailable) if !there.creates => self.join_later(id, now),
            // The place one had is perhaps still taken by oneself, whose loss was not noticed yet.
            Some(ErrorId::LimitReached) if there.entered => self.join_later(id, now),
            Some(ErrorId::SessionClosed | ErrorId::NoSuchSession) if there.creates => {
                self.begin_anew(id, now);
            }
            Some(ErrorId::SessionClosed) if there.settles() => self.go_on(id, now),
            Some(ErrorId::SessionClosed) => self.over(id, End::Closed, number),
            Some(ErrorId::NoSuchSession) => self.over(id, End::Gone, number),
            Some(_) | None => self.over(id, End::Refused(number), number),
        }
    }

    /// The session that was created went with the connection before anybody heard of it: another one
    /// is created.
    fn begin_anew(&mut self, id: ChatId, now: Instant) {
        let Some(there) = self.chats.get_mut(&id) else { return };
        let former = there.begin_anew(&self.settings.habits, &mut self.chance);
        if let Some(former) = former
            && self.by_session.get(&former) == Some(&id)
        {
            self.by_session.remove(&former);
        }
        self.join_later(id, now);
    }

    fn join_later(&mut self, id: ChatId, now: Instant) {
        let Some(there) = self.chats.get_mut(&id) else { return };
        there.phase = Phase::Outside;
        there.try_later(&self.settings.habits, &mut self.chance, now);
    }

    /// Another attempt, at another server if this one has refused too many.
    fn join_elsewhere(&mut self, id: ChatId, now: Instant) {
        self.join_later(id, now);
        if self.is_free() && self.servers.refuse() {
            self.hang_up();
        }
    }

    fn echo_refused(
        &mut self,
        id: ChatId,
        error: Option<ErrorId>,
        refusal: &EventError,
        now: Instant,
    ) {
        let (number, why) = (refusal.error_id, refusal.error_text.clone());
        let Some(there) = self.chats.get_mut(&id) else { return };
        there.asking = false;
        let Some(echo) = there.echoes.front() else { return };
        let removal = matches!(echo.said, Said::Removal { .. });
        let tried = echo.attempts > 1;
        match error {
            Some(ErrorId::Restoring | ErrorId::StoreUnavailable) => {
                there.try_later(&self.settings.habits, &mut self.chance, now);
            }
            Some(ErrorId::NotInSession) if !removal => self.fall_out(id, now),
            Some(ErrorId::SessionClosed) => self.over(id, End::Closed, number),
            Some(ErrorId::NoSuchSession) => self.over(id, End::Gone, number),
            Some(_) | None => {
                if let Some(echo) = there.echoes.pop() {
                    // Whom an earlier attempt removed is not there any more.
                    if error == Some(ErrorId::NotInSession) && tried {
                        self.confirm(id, &echo, None);
                    } else {
                        self.tell(id, News::NotSent { echo: echo.id, error_id: number, why });
                    }
                }
                self.go_on(id, now);
            }
        }
    }
}
