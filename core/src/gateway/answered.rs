//! What becomes of a call when a server has answered.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::frame::flex::EventStatus;
use crate::frame::{
    ErrorId, EventBody, EventList, Frame, KvList, Open, RequestResult, SessionStatus,
    TranscriptEvent,
};
use crate::id::{EventId, SessionId};
use crate::slab::Key;
use crate::text::{Str, Text};
use crate::time::Stamp;

use super::api::{ApiAnswer, Customer, Done, InChat, Operation, Verb, Why};
use super::calls::{Call, Place, Stage};
use super::frames::{FILE_ID, FILE_NAME, UPLOADED, logout};
use super::servers::ServerNo;
use super::{Action, Gateway};

impl Gateway {
    pub(super) fn answered(&mut self, server: ServerNo, reference: u32, status: EventStatus) {
        if let Some(number) = status.app_dbid {
            self.servers.learn(server, number);
        }
        let Some(there) = self.servers.get_mut(server) else { return };
        if there.node.take_if(|node| *node == reference).is_some() {
            return self.is_a_node(server, &status);
        }
        let Some(key) = there.answered(reference) else { return };
        let Some(call) = self.calls.get_mut(key) else { return };
        call.place = Place::Nowhere;
        match status.request_result.known() {
            Some(RequestResult::Success) => self.granted(key, server, status),
            Some(RequestResult::Error) | None => {
                let number = status.error_id.unwrap_or_default();
                self.refused(key, server, number, status);
            }
        }
    }

    fn granted(&mut self, key: Key<Call>, server: ServerNo, status: EventStatus) {
        let Some(call) = self.calls.get_mut(key) else { return };
        call.refusals = 0;
        call.tried.clear();
        call.verdict = None;
        if matches!(call.stage, Stage::Login) {
            return self.logged_in(key, status);
        }
        call.in_doubt = false;
        if matches!(call.stage, Stage::Join) && call.abandoned {
            return self.log_out(key, server, status.session_id);
        }
        let Some(customer) = &mut call.customer else { return };
        let joins = matches!(call.stage, Stage::Join);
        match &status.session_id {
            Some(session) if joins => customer.chat_id = session.clone(),
            None if joins => return self.fail(key, Why::Refused(0), true, false, None),
            // Somebody who names one chat and has the key of another gets neither.
            Some(session) if *session != customer.chat_id => return self.not_there(key),
            // One that is not told is the one asked for.
            Some(_) | None => {}
        }
        // Answers carry the id, and after a restoration the key, that count from now on (B20.4).
        if let Some(user_id) = &status.user_id {
            customer.user_id = user_id.clone();
        }
        if let Some(secure_key) = &status.secure_key {
            customer.secure_key = secure_key.clone();
        }
        match call.stage {
            Stage::Join => {
                let done = self.told(key, server, status, 1);
                self.finish(key, done);
            }
            Stage::Limits => self.limits_told(key, &status),
            Stage::Permit { .. } => self.permit_told(key, &status),
            Stage::Announce(_) => self.announced(key, server, status),
            Stage::Fetch => self.fetch_told(key, server, &status),
            Stage::Verb | Stage::Login | Stage::Storing(_) | Stage::Finding(..) => {
                let position = call.position();
                let done = self.told(key, server, status, position);
                self.finish(key, done);
            }
        }
    }

    fn logged_in(&mut self, key: Key<Call>, status: EventStatus) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let (Some(user_id), Some(secure_key)) = (status.user_id, status.secure_key) else {
            return self.fail(key, Why::Refused(0), true, false, None);
        };
        let chat_id = "".into();
        call.customer = Some(Customer { chat_id, user_id, secure_key });
        call.stage = Stage::Join;
        self.go_on(key);
    }

    /// A chat was begun for somebody who is gone.
    fn log_out(&mut self, key: Key<Call>, server: ServerNo, session: Option<SessionId>) {
        let Some(Call { customer: Some(customer), .. }) = self.forget(key) else { return };
        let chat_id = session.unwrap_or_else(|| customer.chat_id.clone());
        let customer = Customer { chat_id, ..customer };
        let Some(there) = self.servers.get_mut(server) else { return };
        let reference = there.reference(None);
        self.actions
            .push_back(Action::Send { server, frame: Frame::new(reference, logout(&customer)) });
    }

    /// What an answer tells somebody who wants the events from `position` on.
    pub(super) fn told(
        &mut self,
        key: Key<Call>,
        server: ServerNo,
        status: EventStatus,
        position: u32,
    ) -> Option<Box<Done>> {
        let alias = self.servers.alias(server);
        let call = self.calls.get(key)?;
        let customer = call.customer.clone()?;
        let closed = status.session_status.and_then(Open::known) == Some(SessionStatus::Closed);
        let after = status.last_position.map(|last| last.number().saturating_add(1));
        let head = status.chat_transcript.as_ref();
        let (start_at, monitored, idle_time_expire) = head
            .map_or((Stamp::from_unix_seconds(0), false, None), |head| {
                (head.start_at, head.monitored.unwrap_or(false), head.idle_time_expire)
            });
        let mut user_data = KvList::new();
        let events = status.chat_transcript.map(|transcript| transcript.events).unwrap_or_default();
        let events = if self.settings.has_documents { events } else { without_files(events) };
        let (mut wanted, mut leaves) = (position > 0, false);
        if let Operation::InChat(InChat { verb, .. }) = &call.request.operation {
            leaves = matches!(verb, Verb::Disconnect);
            let asks_limits = matches!(verb, Verb::FileLimits);
            wanted &= !matches!(verb, Verb::ReadReceipt | Verb::FileLimits);
            if asks_limits && let Some(result) = aside(&events) {
                user_data = data_of(result).cloned().unwrap_or_default();
            }
        }
        let is_result = |event: &TranscriptEvent| event.event_id == EventId::NONE;
        let events: Vec<_> = Vec::from(events)
            .into_iter()
            .filter(|event| if is_result(event) { !user_data.is_empty() } else { wanted })
            .collect();
        // Where nothing was told, the client keeps its own (wire §4.2).
        let next_position = match after {
            Some(after) if wanted || position == 0 => after,
            Some(_) | None => position,
        };
        Some(Box::new(Done {
            customer,
            alias,
            next_position,
            chat_ended: closed || leaves,
            monitored,
            idle_time_expire,
            start_at,
            events: EventList::from(events),
            user_data,
        }))
    }

    pub(super) fn finish(&mut self, key: Key<Call>, done: Option<Box<Done>>) {
        if let Some(done) = done {
            self.done(key, ApiAnswer::Done(done));
        }
    }

    fn announced(&mut self, key: Key<Call>, server: ServerNo, status: EventStatus) {
        let Some(call) = self.calls.get(key) else { return };
        let position = call.position();
        let name = call.upload().map(|upload| upload.name.reveal().as_str()).unwrap_or_default();
        let file_id = status.chat_transcript.as_ref().and_then(|transcript| {
            let own = |event: &&TranscriptEvent| {
                Some(&event.user_id) == status.user_id.as_ref()
                    && text_of(event) == Some(UPLOADED)
                    && data_of(event).and_then(|data| data.text(FILE_NAME)).as_deref() == Some(name)
            };
            let event = transcript.events.iter().rev().find(own)?;
            data_of(event)?.text(FILE_ID).map(|id| Str::new(&id))
        });
        let Some(mut done) = self.told(key, server, status, position) else { return };
        if let Some(file_id) = file_id {
            done.user_data.push(FILE_ID, &*file_id);
        }
        // Events before those asked for came along, to find the announcement among them.
        let events = core::mem::take(&mut done.events);
        done.events = Vec::from(events)
            .into_iter()
            .filter(|event| event.event_id.number() >= position)
            .collect();
        self.finish(key, Some(done));
    }

    fn refused(&mut self, key: Key<Call>, server: ServerNo, number: i32, status: EventStatus) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let detail = status.error_text.clone();
        let enters = matches!(call.stage, Stage::Login | Stage::Join);
        let error = ErrorId::from_number(number);
        match error {
            Some(ErrorId::Restoring | ErrorId::LimitReached) if enters => {
                let moving = error == Some(ErrorId::Restoring);
                let why = if moving { Why::Moving } else { Why::LimitReached };
                call.stage = Stage::Login;
                self.try_elsewhere(key, server, why);
            }
            Some(ErrorId::Restoring) => self.try_later(key),
            Some(ErrorId::StoreUnavailable) if !enters => self.try_again_here(key, detail),
            // The server that knew the Login is gone, and the session was not begun (B4.8).
            Some(ErrorId::NotInSession) if enters => {
                call.stage = Stage::Login;
                call.customer = None;
                self.go_on(key);
            }
            Some(ErrorId::NotInSession) => self.try_elsewhere(key, server, Why::NoSuchChat),
            Some(ErrorId::LoggedOut) => self.logged_out(key, server, status),
            Some(ErrorId::WrongSecureKey) => self.not_there(key),
            Some(ErrorId::SessionClosed) => self.fail(key, Why::ChatClosed, false, true, detail),
            Some(ErrorId::StoreUnavailable) => {
                self.fail(key, Why::StoreUnavailable, true, false, detail);
            }
            Some(ErrorId::FileRefused) if matches!(call.stage, Stage::Announce(_)) => {
                // A permit is known only where it was given, so one that was taken elsewhere, or
                // lapsed, is worth a new attempt.
                self.fail(key, Why::FileRefused, true, false, detail);
            }
            // All that can be malformed about these is the file's id, and a file of another chat is
            // none (B22.3).
            Some(ErrorId::Malformed) if call.is_about_a_file() => {
                self.fail(key, Why::FileGone, false, false, None);
            }
            _ => self.fail(key, Why::of(number), false, false, detail),
        }
    }

    /// It is told why, with the events up to its going (B9.2): to whoever only asks what is new,
    /// that is an answer like any other.
    fn logged_out(&mut self, key: Key<Call>, server: ServerNo, status: EventStatus) {
        let Some(call) = self.calls.get(key) else { return };
        let position = call.position();
        let asks = matches!(
            &call.request.operation,
            Operation::InChat(InChat { verb: Verb::Refresh { text: None }, .. })
        );
        if asks
            && status.chat_transcript.is_some()
            && let Some(done) = self.told(key, server, status, position)
        {
            return self.finish(key, Some(Box::new(Done { chat_ended: true, ..*done })));
        }
        self.not_there(key);
    }

    /// Nobody of this id and key is in that chat. Which of the three is wrong is nobody's business.
    pub(super) fn not_there(&mut self, key: Key<Call>) {
        let Some(call) = self.calls.get(key) else { return };
        let leaves = matches!(
            &call.request.operation,
            Operation::InChat(InChat { verb: Verb::Disconnect, .. })
        );
        // Whoever asked to leave, and whose answer was lost, has left.
        if let Some(customer) = call.customer.clone().filter(|_| leaves && call.in_doubt) {
            let alias = call.home.map(|home| self.servers.alias(home)).unwrap_or_default();
            let done = Done {
                customer,
                alias,
                next_position: call.position(),
                chat_ended: true,
                monitored: false,
                idle_time_expire: None,
                start_at: Stamp::from_unix_seconds(0),
                events: EventList::new(),
                user_data: KvList::new(),
            };
            return self.finish(key, Some(Box::new(done)));
        }
        self.fail(key, Why::NoSuchChat, false, true, None);
    }
}

impl Why {
    /// What the number of an error means to a client of the web API.
    const fn of(number: i32) -> Self {
        match ErrorId::from_number(number) {
            Some(ErrorId::NotInSession | ErrorId::NoSuchSession | ErrorId::LoggedOut) => {
                Self::NoSuchChat
            }
            Some(ErrorId::WrongSecureKey) => Self::NoSuchChat,
            Some(ErrorId::SessionClosed) => Self::ChatClosed,
            Some(ErrorId::Malformed) => Self::BadRequest,
            Some(
                ErrorId::NotAllowed
                | ErrorId::Visibility
                | ErrorId::NoticeNotAllowed
                | ErrorId::AsyncOnly
                | ErrorId::UserTypeNotAllowed
                | ErrorId::SessionPassword,
            ) => Self::NotAllowed,
            Some(ErrorId::UnknownEndpoint) => Self::UnknownEndpoint,
            Some(ErrorId::LimitReached) => Self::LimitReached,
            Some(ErrorId::TextTooLong) => Self::TextTooLong,
            Some(ErrorId::FileRefused) => Self::FileRefused,
            Some(ErrorId::Restoring) => Self::Moving,
            Some(ErrorId::StoreUnavailable) => Self::StoreUnavailable,
            Some(
                ErrorId::Undecodable
                | ErrorId::NotRegistered
                | ErrorId::AlreadyThere
                | ErrorId::Receiver,
            )
            | None => Self::Refused(number),
        }
    }
}

/// The same, but for what a question found out about limits on files: there can be none (B26.11).
fn without_files(events: EventList) -> EventList {
    let mut events = Vec::from(events);
    if let Some(TranscriptEvent { event_id: EventId::NONE, body, .. }) = events.last_mut()
        && let EventBody::Notice(notice) = body
        && let Some(data) = &mut notice.user_data
    {
        let mut limits = KvList::new();
        for entry in &*data {
            match &*entry.key {
                "upload-max-files"
                | "upload-max-file-size"
                | "upload-max-total-size"
                | "download-attempts" => limits.push(&entry.key, "0"),
                key => limits.push(key, entry.value.clone()),
            }
        }
        *data = limits;
    }
    EventList::from(events)
}

/// The result of a question (B22.2).
pub(super) fn aside(events: &[TranscriptEvent]) -> Option<&TranscriptEvent> {
    events.last().filter(|event| event.event_id == EventId::NONE)
}

/// The user data of a notice.
pub(super) const fn data_of(event: &TranscriptEvent) -> Option<&KvList> {
    match &event.body {
        EventBody::Notice(notice) => notice.user_data.as_ref(),
        EventBody::NewParty(_)
        | EventBody::Message(_)
        | EventBody::PartyLeft(_)
        | EventBody::Unknown(_) => None,
    }
}

/// The text of a notice.
fn text_of(event: &TranscriptEvent) -> Option<&str> {
    match &event.body {
        EventBody::Notice(notice) => notice.notice_text.as_ref().map(Text::reveal),
        EventBody::NewParty(_)
        | EventBody::Message(_)
        | EventBody::PartyLeft(_)
        | EventBody::Unknown(_) => None,
    }
}
