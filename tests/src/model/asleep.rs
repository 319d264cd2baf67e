//! Dormant sessions (B12.5 of the behaviour): when their words go to the store, and who waits until
//! they are back. The model itself forgets nothing, so nobody may notice but by waiting.

use std::mem::take;

use confer_core::ask::Outcome;
use confer_core::config::{AutoSave, SaveNotices};
use confer_core::frame::flex::Event;
use confer_core::frame::{ErrorId, Frame, NoticeType, Request, basic, esp, flex};
use confer_core::id::{EventId, UserId};
use confer_core::text::Text;

use super::state::{
    Answer, Closing, How, Kind, Model, Party, Phase, Place, Purpose, Session, What,
};
use super::tell::{basic_error, fault, refused};

/// A session whose words are in the store only.
#[derive(Debug, Default)]
pub(super) struct Asleep {
    /// Words of events up to here are.
    away_to: u32,
    /// What waits for them, and what came behind that.
    held: Vec<(usize, Frame<Request>)>,
    /// The store was asked for them.
    asked: bool,
}

impl Model {
    /// Lets the words of a dormant session go once all is told and saved.
    pub(super) fn may_sleep(&mut self, session: usize) {
        if self.setting.auto_save == AutoSave::AtClose || self.waking {
            return;
        }
        let it = &self.sessions[session];
        let dormant = it.is_async && it.phase == Phase::Open && !it.has(Party::is_agent);
        let (asked, before) = it.asleep.as_ref().map_or((false, 0), |it| (it.asked, it.away_to));
        if !dormant || asked || !it.steps.is_empty() || !it.is_even() {
            return;
        }
        let notices = self.setting.save_notices;
        let last = (before + 1..=it.last()).rev().find(|&id| it.goes(id, notices));
        if let Some(away_to) = last {
            self.sessions[session].asleep.get_or_insert_default().away_to = away_to;
        }
    }

    /// Keeps a request that needs words which are away, and what comes behind it; gives back any
    /// other.
    pub(super) fn unless_held(
        &mut self,
        link: usize,
        frame: Frame<Request>,
    ) -> Option<Frame<Request>> {
        let Some(session) = self.about(link, &frame.body) else { return Some(frame) };
        let Some(asleep) = &mut self.sessions[session].asleep else { return Some(frame) };
        if asleep.held.is_empty() && !needs_words(&frame.body, asleep.away_to) {
            return Some(frame);
        }
        // Waiting or not, it is the word of a flex connection that counts (B2.2).
        if matches!(frame.body, Request::Flex(_)) {
            self.links[link].register = None;
        }
        asleep.held.push((link, frame));
        self.fetch_words(session);
        None
    }

    /// Asks for the words, once.
    pub(super) fn fetch_words(&mut self, session: usize) {
        let Some(asleep) = &mut self.sessions[session].asleep else { return };
        if !std::mem::replace(&mut asleep.asked, true) {
            self.ask(session, Purpose::Wake, Kind::Load);
        }
    }

    /// The words are back, or will not be.
    pub(super) fn woken(&mut self, session: usize, outcome: &Outcome) {
        let Some(mut asleep) = self.sessions[session].asleep.take() else { return };
        let held = take(&mut asleep.held);
        if outcome.failure().is_some() {
            asleep.asked = false;
            self.sessions[session].asleep = Some(asleep);
            for (link, frame) in held {
                self.refuse_held(link, frame, ErrorId::StoreUnavailable);
            }
        } else {
            self.waking = true;
            for (link, frame) in held {
                // Of customers and agents, whoever is gone asks nothing more.
                if self.links[link].open || matches!(frame.body, Request::Esp(_)) {
                    self.asked(link, frame);
                }
            }
            self.waking = false;
        }
        if matches!(self.sessions[session].closing, Some((Closing::Wake, ..))) {
            self.closed_so_far(session, &Outcome::Done);
        }
        if outcome.failure().is_none() {
            self.may_sleep(session);
        }
    }

    /// A session is no more: neither are those who waited for its words.
    pub(super) fn forget_held(&mut self, session: usize, error: ErrorId) {
        let Some(asleep) = self.sessions[session].asleep.take() else { return };
        for (link, frame) in asleep.held {
            self.refuse_held(link, frame, error);
        }
    }

    /// Refuses as if it had come now.
    fn refuse_held(&mut self, link: usize, frame: Frame<Request>, error: ErrorId) {
        let session = self.about(link, &frame.body);
        let Frame { reference, body } = frame;
        let event = match &body {
            Request::Basic(request) => {
                let known = session_id(request).filter(|id| self.named(id.as_str()).is_some());
                basic_error(error, known.cloned()).into()
            }
            Request::Flex(request) => {
                let place = asker(request).and_then(|id| self.user_named(id));
                let place = place.map(|user| self.users[user].place);
                if let Some(Place::Inside(of, party) | Place::Removed { session: of, party, .. }) =
                    place
                    && Some(of) == session
                    && error == ErrorId::StoreUnavailable
                {
                    let how = How::Refused(party, error, None);
                    return self.answer_in_turn(of, Answer { link, reference, how });
                }
                Event::EventStatus(refused(error)).into()
            }
            Request::Esp(esp::Request::Request3rdServer(call)) => {
                fault(&call.envelope, error).into()
            }
        };
        self.send(link, Frame::new(reference, event));
    }

    /// The session a request is about, whoever asks.
    fn about(&self, link: usize, request: &Request) -> Option<usize> {
        let of_user = |id| match self.users[self.user_named(id)?].place {
            Place::Inside(session, _) | Place::Removed { session, .. } => Some(session),
            Place::Outside | Place::Creating(_) | Place::Gone => None,
        };
        match request {
            Request::Basic(request) => {
                self.links[link].who.as_ref()?;
                self.named(session_id(request)?.as_str())
            }
            // B4.5, B4.8: whoever is in a session is answered by that one.
            Request::Flex(flex::Request::RequestJoin(join)) => {
                of_user(&join.user_id).or_else(|| self.named(join.session_id.as_ref()?.as_str()))
            }
            Request::Flex(request) => of_user(asker(request)?),
            Request::Esp(esp::Request::Request3rdServer(call)) => {
                let text = |list: &confer_core::frame::KvList| {
                    Some(list.text("InteractionId")?.into_owned())
                };
                let id = text(&call.envelope.parameters);
                self.named(&id.or_else(|| text(call.user_data.as_ref()?))?)
            }
        }
    }
}

impl Session {
    /// Whether the words of an event go: those of messages, and of notices that stay, are stored
    /// and are no commands.
    fn goes(&self, id: u32, notices: SaveNotices) -> bool {
        match self.event(id).what {
            What::Message(..) => true,
            What::Notice(notice, ..) => {
                notice != NoticeType::SysCommand && self.stays(id) && notices != SaveNotices::None
            }
            What::NewParty(_) | What::PartyLeft(..) => false,
        }
    }
}

/// Whether a request cannot be answered, or not judged, without words up to there.
fn needs_words(request: &Request, away_to: u32) -> bool {
    let before = |position: Option<EventId>| position.map_or(0, EventId::number) < away_to;
    let wants = |position: Option<EventId>| position.is_some() && before(position);
    let confirms = |notice, text: Option<&Text>| {
        notice == NoticeType::SysCommand && text.is_some_and(|text| text.reveal() == "read-confirm")
    };
    match request {
        Request::Basic(basic::Request::RequestJoin(join)) => {
            before(join.last_position) || join.request_key.is_some()
        }
        Request::Basic(basic::Request::RequestMessage(message)) => message.request_key.is_some(),
        Request::Basic(basic::Request::RequestNotify(notify)) => {
            notify.request_key.is_some()
                || confirms(notify.notice_type, notify.notice_text.as_ref())
        }
        Request::Flex(flex::Request::RequestJoin(_)) => true,
        Request::Flex(flex::Request::RequestRefresh(refresh)) => before(refresh.last_position),
        Request::Flex(flex::Request::RequestLogout(logout)) => wants(logout.last_position),
        Request::Flex(flex::Request::RequestNotify(notify)) => {
            wants(notify.last_position) || confirms(notify.notice_type, notify.notice_text.as_ref())
        }
        Request::Basic(_) | Request::Flex(_) | Request::Esp(_) => false,
    }
}

fn session_id(request: &basic::Request) -> Option<&confer_core::id::SessionId> {
    match request {
        basic::Request::RequestJoin(join) => join.session_id.as_ref(),
        basic::Request::RequestMessage(message) => Some(&message.session_id),
        basic::Request::RequestNotify(notify) => Some(&notify.session_id),
        basic::Request::RequestReleaseParty(release) => Some(&release.session_id),
        basic::Request::RequestRegister(_) | basic::Request::RequestUnregister => None,
    }
}

fn asker(request: &flex::Request) -> Option<&UserId> {
    match request {
        flex::Request::RequestJoin(join) => Some(&join.user_id),
        flex::Request::RequestRefresh(refresh) => Some(&refresh.user_id),
        flex::Request::RequestLogout(logout) => Some(&logout.user_id),
        flex::Request::RequestNotify(notify) => Some(&notify.user_id),
        flex::Request::RequestPush(push) => Some(&push.user_id),
        flex::Request::RequestAlive(alive) => Some(&alive.user_id),
        flex::Request::RequestLogin(_) | flex::Request::RequestNode(_) => None,
    }
}
