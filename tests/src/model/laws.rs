//! What holds whatever the model says: looked at frame by frame, with nothing but who they are for.

use std::collections::{BTreeMap, HashMap, HashSet};

use confer_core::frame::{
    ChatTranscript, Event, EventBody, Frame, Request, UserType, basic, esp, flex,
};
use confer_core::id::EventId;

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Laws {
    /// Answers to each request of a connection.
    answers: BTreeMap<(usize, u32), Asked>,
    /// The newest event of a session a connection was told of.
    newest: HashMap<(usize, String), u32>,
    /// Participations of a connection.
    own: HashMap<usize, HashSet<String>>,
    /// What happened at each place of a session: never two things (B5.1).
    places: HashMap<(String, u32), (String, &'static str)>,
}

#[derive(Debug, Default)]
struct Asked {
    answers: usize,
    /// Carries a RequestKey, so that its answer may tell old news.
    once: bool,
    /// The flex user who asks.
    user: Option<String>,
}

impl Laws {
    /// A request is made.
    pub(super) fn asked(&mut self, link: usize, frame: &Frame<Request>) {
        let (once, user) = match &frame.body {
            Request::Basic(basic::Request::RequestJoin(it)) => (it.request_key.is_some(), None),
            Request::Basic(basic::Request::RequestMessage(it)) => (it.request_key.is_some(), None),
            Request::Basic(basic::Request::RequestNotify(it)) => (it.request_key.is_some(), None),
            Request::Flex(flex::Request::RequestJoin(it)) => (false, Some(&it.user_id)),
            Request::Flex(flex::Request::RequestRefresh(it)) => (false, Some(&it.user_id)),
            Request::Flex(flex::Request::RequestNotify(it)) => (false, Some(&it.user_id)),
            Request::Flex(flex::Request::RequestLogout(it)) => (false, Some(&it.user_id)),
            Request::Basic(_) | Request::Flex(_) | Request::Esp(_) => (false, None),
        };
        let user = user.map(ToString::to_string);
        self.answers.insert((link, frame.reference), Asked { answers: 0, once, user });
    }

    /// A frame came, to somebody of this type.
    ///
    /// # Errors
    ///
    /// Says which law it breaks.
    pub(super) fn told(
        &mut self,
        link: usize,
        user_type: UserType,
        frame: &Frame<Event>,
    ) -> Result<(), String> {
        let (mut once, mut user) = (false, None);
        if frame.reference != 0 {
            let asked = self.answers.get_mut(&(link, frame.reference));
            let asked = asked.ok_or("an answer to nothing")?;
            asked.answers += 1;
            (once, user) = (asked.once, asked.user.clone());
            if asked.answers > 1 {
                return Err("a second answer".to_owned());
            }
        }
        match &frame.body {
            Event::Basic(basic::Event::EventSessionInfo(info)) => {
                if let Some(user_id) = &info.user_id {
                    self.own.entry(link).or_default().insert(user_id.to_string());
                }
                let session = info.session_id.to_string();
                let mut ids = info.chat_transcript.events.iter().map(|it| it.event_id.number());
                // What is said beside the transcript has no place in it (B20.6).
                let first = ids.find(|&id| id > 0);
                let newest = self.newest.entry((link, session)).or_default();
                // Whoever joins reads from the beginning, or from where it was.
                if info.user_id.is_some() {
                    *newest = 0;
                }
                // B5.3; B4.8: a repeated answer carries the old event again.
                if first.is_some_and(|first| first <= *newest) && !once {
                    return Err(format!("B5.3: {first:?} after {newest}"));
                }
                let last = info.chat_transcript.events.last().map(|it| it.event_id.number());
                *newest = last.unwrap_or(0).max(*newest);
                let own = self.own.entry(link).or_default().clone();
                self.transcript(user_type, &own, &info.chat_transcript)
            }
            Event::Flex(flex::Event::EventStatus(status)) => {
                let own = user.into_iter().collect();
                match &status.chat_transcript {
                    Some(transcript) => self.transcript(UserType::Client, &own, transcript),
                    None => Ok(()),
                }
            }
            Event::Basic(_)
            | Event::Flex(_)
            | Event::Esp(
                esp::Event::Event3rdServerResponse(_) | esp::Event::Event3rdServerFault(_),
            ) => Ok(()),
        }
    }

    fn transcript(
        &mut self,
        user_type: UserType,
        own: &HashSet<String>,
        transcript: &ChatTranscript,
    ) -> Result<(), String> {
        let mut before = 0;
        for event in transcript.events.iter().filter(|event| event.event_id != EventId::NONE) {
            let id = event.event_id.number();
            if id <= before {
                return Err(format!("B5.3: event {id} after {before}"));
            }
            before = id;
            let (kind, text, receiver) = match &event.body {
                EventBody::NewParty(_) => ("newParty", None, None),
                EventBody::Message(it) => {
                    ("message", Some(&it.message_text), it.receiver_id.as_ref())
                }
                EventBody::Notice(it) => {
                    ("notice", it.notice_text.as_ref(), it.receiver_id.as_ref())
                }
                EventBody::PartyLeft(_) => ("partyLeft", None, None),
                EventBody::Unknown(_) => return Err("an unknown event".to_owned()),
            };
            // B5.1: one thing at each place, for everybody and for ever.
            let place = (transcript.session_id.to_string(), id);
            let what = (event.user_id.to_string(), kind);
            let known = self.places.entry(place).or_insert_with(|| what.clone());
            if *known != what {
                return Err(format!("B5.1: event {id} was {known:?} and is {what:?}"));
            }
            // B3.3, by what the words themselves say.
            let mine = own.contains(event.user_id.as_str());
            let whom = text.map_or("OWN", |text| text.reveal().split(' ').next().unwrap_or("OWN"));
            let fine = mine
                || match whom {
                    "INT" => user_type != UserType::Client,
                    "VIP" => user_type == UserType::Supervisor,
                    "DIRECT" => receiver.is_some_and(|receiver| own.contains(receiver.as_str())),
                    _ => true,
                };
            if !fine {
                return Err(format!("B3.3: a {user_type} reads event {id}, {whom}"));
            }
        }
        Ok(())
    }

    /// A connection is gone; nobody waits for its answers.
    pub(super) fn closed(&mut self, link: usize) {
        self.answers.retain(|asked, _| asked.0 != link);
    }

    /// It is all over.
    ///
    /// # Errors
    ///
    /// Names a request without an answer.
    pub(super) fn end(&self) -> Result<(), String> {
        let mut open = self.answers.iter().filter(|(_, asked)| asked.answers != 1);
        match open.next() {
            Some((asked, _)) => Err(format!("request {asked:?} has no answer")),
            None => Ok(()),
        }
    }
}
