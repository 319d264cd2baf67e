//! The server's ids are random, the model's are counted: which is whose.

use std::collections::HashMap;

use confer_core::frame::{
    ChatTranscript, Event, EventBody, EventList, Frame, KvEntry, KvList, KvValue, Message, Notice,
    Request, TranscriptEvent, basic, esp, flex,
};
use confer_core::id::{SessionId, UserId};
use confer_core::pii::Secret;
use confer_core::text::Str;

/// Pairs of ids, found as the server's appear where the model expects its own.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: HashMap<String, String>,
    ids: HashMap<String, String>,
}

impl Names {
    /// The model's name for an id of the server: the one it has, or the expected one if that is
    /// nobody else's.
    fn name(&mut self, id: &str, expected: Option<&str>) -> String {
        if let Some(name) = self.names.get(id) {
            return name.clone();
        }
        match expected {
            Some(name) if !self.ids.contains_key(name) => {
                self.pair(id, name);
                name.to_owned()
            }
            Some(_) | None => format!("?{id}"),
        }
    }

    /// Holds an id and a name to be the same.
    pub(super) fn pair(&mut self, id: &str, name: &str) {
        self.names.insert(id.to_owned(), name.to_owned());
        self.ids.insert(name.to_owned(), id.to_owned());
    }

    /// Whether anybody was told the id of this name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.ids.contains_key(name)
    }

    /// The number of the session that has this id.
    pub(super) fn session(&self, id: &str) -> Option<usize> {
        self.names.get(id)?.strip_prefix('S')?.parse().ok()
    }

    /// What the server has given this name, or the name itself.
    pub(super) fn id(&self, name: &str) -> String {
        self.ids.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }

    /// A request of the model's, as the server is to get it.
    pub(super) fn request(&self, request: Request) -> Request {
        let session = |id: &SessionId| SessionId::new(&self.id(id.as_str()));
        let user = |id: &UserId| UserId::new(&self.id(id.as_str()));
        let secret = |key: &Secret| Secret::new(&self.id(key.reveal()));
        let data = |data: &mut Option<KvList>| {
            if let Some(data) = data {
                *data = self.data(data);
            }
        };
        match request {
            Request::Basic(mut request) => {
                match &mut request {
                    basic::Request::RequestRegister(_) | basic::Request::RequestUnregister => {}
                    basic::Request::RequestJoin(join) => {
                        join.session_id = join.session_id.as_ref().map(session);
                        data(&mut join.user_data);
                    }
                    basic::Request::RequestMessage(message) => {
                        message.session_id = session(&message.session_id);
                        message.receiver_id = message.receiver_id.as_ref().map(user);
                    }
                    basic::Request::RequestNotify(notify) => {
                        notify.session_id = session(&notify.session_id);
                        notify.receiver_id = notify.receiver_id.as_ref().map(user);
                    }
                    basic::Request::RequestReleaseParty(release) => {
                        release.session_id = session(&release.session_id);
                        release.user_id = release.user_id.as_ref().map(user);
                    }
                }
                request.into()
            }
            Request::Flex(mut request) => {
                let who = match &mut request {
                    flex::Request::RequestJoin(join) => {
                        join.session_id = join.session_id.as_ref().map(session);
                        data(&mut join.user_data);
                        Some((&mut join.user_id, &mut join.secure_key))
                    }
                    flex::Request::RequestRefresh(it) => {
                        Some((&mut it.user_id, &mut it.secure_key))
                    }
                    flex::Request::RequestLogout(it) => Some((&mut it.user_id, &mut it.secure_key)),
                    flex::Request::RequestNotify(it) => Some((&mut it.user_id, &mut it.secure_key)),
                    flex::Request::RequestPush(it) => Some((&mut it.user_id, &mut it.secure_key)),
                    flex::Request::RequestLogin(_)
                    | flex::Request::RequestNode(_)
                    | flex::Request::RequestAlive(_) => None,
                };
                if let Some((user_id, secure_key)) = who {
                    *user_id = user(user_id);
                    *secure_key = secret(secure_key);
                }
                request.into()
            }
            Request::Esp(esp::Request::Request3rdServer(mut call)) => {
                data(&mut call.user_data);
                esp::Request::Request3rdServer(call).into()
            }
        }
    }

    /// User data with every name in it as the server's id.
    fn data(&self, data: &KvList) -> KvList {
        let entry = |entry: &KvEntry| match &entry.value {
            KvValue::Str(text) => {
                KvEntry { key: entry.key.clone(), value: (&*self.id(text.reveal())).into() }
            }
            KvValue::Int(_) | KvValue::Long(_) | KvValue::Bin(_) | KvValue::List(_) => {
                entry.clone()
            }
        };
        data.into_iter().map(entry).collect()
    }

    /// A frame of the server's in the model's names, without the words of error texts, held against
    /// the frame that is expected in its place.
    pub(super) fn frame(
        &mut self,
        frame: Frame<Event>,
        expected: Option<&Frame<Event>>,
    ) -> Frame<Event> {
        let expected = expected.map(|frame| &frame.body);
        frame.map(|event| match event {
            Event::Basic(event) => {
                let expected = match expected {
                    Some(Event::Basic(expected)) => Some(expected),
                    _ => None,
                };
                self.basic(event, expected).into()
            }
            Event::Flex(flex::Event::EventStatus(status)) => {
                let expected = match expected {
                    Some(Event::Flex(flex::Event::EventStatus(expected))) => Some(expected),
                    _ => None,
                };
                flex::Event::EventStatus(self.flex(status, expected)).into()
            }
            Event::Esp(esp::Event::Event3rdServerFault(mut envelope)) => {
                let blank = |entry: &KvEntry| match &*entry.key {
                    "FaultString" => KvEntry { key: entry.key.clone(), value: "".into() },
                    _ => entry.clone(),
                };
                envelope.parameters = envelope.parameters.into_iter().map(blank).collect();
                // The user data of a call is not repeated; its parameters name no session here.
                esp::Event::Event3rdServerFault(envelope).into()
            }
            other @ (Event::Esp(_) | Event::Flex(_)) => other,
        })
    }

    fn basic(&mut self, mut event: basic::Event, expected: Option<&basic::Event>) -> basic::Event {
        match &mut event {
            basic::Event::EventRegistered(it) => {
                let expected = match expected {
                    Some(basic::Event::EventRegistered(expected)) => Some(&expected.user_id),
                    _ => None,
                };
                it.user_id = self.user(&it.user_id, expected);
            }
            basic::Event::EventUnregistered => {}
            basic::Event::EventSessionInfo(it) => {
                let expected = match expected {
                    Some(basic::Event::EventSessionInfo(expected)) => Some(expected),
                    _ => None,
                };
                it.session_id = self.session_id(&it.session_id, expected.map(|it| &it.session_id));
                let user_id = expected.and_then(|it| it.user_id.as_ref());
                it.user_id = it.user_id.as_ref().map(|id| self.user(id, user_id));
                self.transcript(&mut it.chat_transcript, expected.map(|it| &it.chat_transcript));
            }
            basic::Event::EventError(it) => {
                it.error_text = Str::default();
                it.session_id = it.session_id.as_ref().map(|id| self.session_id(id, None));
            }
        }
        event
    }

    fn flex(
        &mut self,
        mut status: flex::EventStatus,
        expected: Option<&flex::EventStatus>,
    ) -> flex::EventStatus {
        let user_id = expected.and_then(|it| it.user_id.as_ref());
        status.user_id = status.user_id.as_ref().map(|id| self.user(id, user_id));
        let key = expected.and_then(|it| it.secure_key.as_ref()).map(Secret::reveal);
        let name =
            |key_of: &Secret, names: &mut Self| Secret::new(&names.name(key_of.reveal(), key));
        status.secure_key = status.secure_key.as_ref().map(|it| name(it, self));
        let session_id = expected.and_then(|it| it.session_id.as_ref());
        status.session_id = status.session_id.as_ref().map(|id| self.session_id(id, session_id));
        status.error_text = status.error_text.map(|_| Str::default());
        if let Some(transcript) = &mut status.chat_transcript {
            self.transcript(transcript, expected.and_then(|it| it.chat_transcript.as_ref()));
        }
        status
    }

    fn transcript(&mut self, it: &mut ChatTranscript, expected: Option<&ChatTranscript>) {
        it.session_id = self.session_id(&it.session_id, expected.map(|it| &it.session_id));
        let expected = expected.map(|it| it.events.to_vec()).unwrap_or_default();
        it.events = self.events(it.events.to_vec(), &expected).into_iter().collect::<EventList>();
    }

    /// Events of the server's in the model's names.
    pub(super) fn events(
        &mut self,
        mut events: Vec<TranscriptEvent>,
        expected: &[TranscriptEvent],
    ) -> Vec<TranscriptEvent> {
        for (index, event) in events.iter_mut().enumerate() {
            let expected = expected.get(index);
            event.user_id = self.user(&event.user_id, expected.map(|it| &it.user_id));
            // Who removed somebody may be nobody that anybody was told of.
            let asker = expected.and_then(|event| match &event.body {
                EventBody::PartyLeft(left) => Some(&left.asker_id),
                EventBody::NewParty(_)
                | EventBody::Message(_)
                | EventBody::Notice(_)
                | EventBody::Unknown(_) => None,
            });
            match &mut event.body {
                EventBody::Message(Message { receiver_id, .. })
                | EventBody::Notice(Notice { receiver_id, .. }) => {
                    *receiver_id = receiver_id.as_ref().map(|id| self.user(id, None));
                }
                EventBody::PartyLeft(left) => left.asker_id = self.user(&left.asker_id, asker),
                EventBody::NewParty(_) | EventBody::Unknown(_) => {}
            }
        }
        events
    }

    fn user(&mut self, id: &UserId, expected: Option<&UserId>) -> UserId {
        UserId::new(&self.name(id.as_str(), expected.map(UserId::as_str)))
    }

    fn session_id(&mut self, id: &SessionId, expected: Option<&SessionId>) -> SessionId {
        SessionId::new(&self.name(id.as_str(), expected.map(SessionId::as_str)))
    }
}
