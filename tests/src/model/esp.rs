//! What calls of the workflow do (§14 of the behaviour).

use std::borrow::Cow;

use confer_core::frame::esp::{Envelope, Event, Request, Request3rdServer};
use confer_core::frame::{ErrorId, Frame, KvList, NoticeType, UserType, Visibility};

use super::basic::nickname;
use super::state::{Answer, How, Model, Party, Phase, What};
use super::tell::fault;

impl Model {
    pub(super) fn esp(&mut self, link: usize, reference: u32, request: Request) {
        let Request::Request3rdServer(call) = request;
        if let Err(error) = self.call(link, reference, &call) {
            self.send(link, Frame::new(reference, fault(&call.envelope, error).into()));
        }
    }

    fn call(
        &mut self,
        link: usize,
        reference: u32,
        call: &Request3rdServer,
    ) -> Result<(), ErrorId> {
        let envelope = &call.envelope;
        let text = |key: &str| envelope.parameters.text(key).map(Cow::into_owned);
        // Overridden by a parameter of that name.
        let from_data = || Some(call.user_data.as_ref()?.text("InteractionId")?.into_owned());
        let id = text("InteractionId").or_else(from_data);
        let session = || {
            let id = id.as_deref().ok_or(ErrorId::Malformed)?;
            self.named(id).ok_or(ErrorId::NoSuchSession)
        };
        let open = || {
            let session = session()?;
            match self.sessions[session].phase {
                Phase::Open => Ok(session),
                Phase::Creating(_) => Err(ErrorId::Restoring),
                Phase::Closed => Err(ErrorId::SessionClosed),
                Phase::Gone => Err(ErrorId::NoSuchSession),
            }
        };
        let outputs = match &*envelope.method {
            "Message" => {
                let session = open()?;
                let text = text("MessageText").ok_or(ErrorId::Malformed)?;
                let what = What::Message(text, None);
                return self.external(session, what, link, reference, envelope);
            }
            "Notice" => {
                let session = open()?;
                let notice = match text("NoticeType").as_deref() {
                    Some("USER_CUSTOM") => NoticeType::UserCustom,
                    Some("USER_PUSHED_URL") => NoticeType::UserPushedUrl,
                    Some(_) | None => return Err(ErrorId::Malformed),
                };
                let text = text("NoticeText").unwrap_or_default();
                if notice == NoticeType::UserPushedUrl && !text.starts_with("https://") {
                    return Err(ErrorId::Malformed);
                }
                let what = What::Notice(notice, Some(text), None);
                return self.external(session, what, link, reference, envelope);
            }
            // B14.3.
            "PlaceOnHold" => {
                let session = open()?;
                if !self.sessions[session].is_async {
                    return Err(ErrorId::AsyncOnly);
                }
                self.set_status(session, -2, false);
                (session, KvList::new())
            }
            // B14.6.
            "IdleControlConfigure" => {
                let session = open()?;
                self.configure(session, &envelope.parameters)?;
                (session, KvList::new())
            }
            // B14.7.
            "ConfigureSession" => {
                let session = open()?;
                self.configure_session(session, &envelope.parameters)?;
                (session, KvList::new())
            }
            // B14.4. What is dropped has nobody to wait behind.
            "CloseSession" if text("Purge").as_deref() == Some("true") => {
                let session = session()?;
                let generation = text("OwnershipGeneration");
                let generation = generation.map(|it| it.parse().map_err(|_| ErrorId::Malformed));
                let dropped = match (self.sessions[session].phase, generation.transpose()?) {
                    (Phase::Creating(_), _) => return Err(ErrorId::Restoring),
                    (Phase::Closed, None) => true,
                    (_, generation) => self.purge(session, generation),
                };
                let outputs = KvList::from([("IsClosed", i32::from(dropped).into())]);
                let response = self.response(envelope, &outputs);
                let event = Event::Event3rdServerResponse(response);
                self.send(link, Frame::new(reference, event.into()));
                return Ok(());
            }
            // B14.4.
            "CloseSession" => {
                let session = session()?;
                let unless_agent = text("CloseIfNoAgents").as_deref() == Some("true");
                let closed = match self.sessions[session].phase {
                    Phase::Creating(_) => return Err(ErrorId::Restoring),
                    Phase::Closed | Phase::Gone => true,
                    Phase::Open if unless_agent && self.sessions[session].has(Party::is_agent) => {
                        false
                    }
                    Phase::Open => {
                        self.close(session, 5);
                        true
                    }
                };
                (session, KvList::from([("IsClosed", i32::from(closed).into())]))
            }
            // B14.5.
            "GetSessionInfo" => {
                let session = open()?;
                let created_at = self.sessions[session].start_at.to_string();
                let info =
                    KvList::from([("CreatedAt", (&*created_at).into()), ("IsRestored", 0.into())]);
                (session, KvList::from([("SessionInfo", info.into())]))
            }
            _ => return Err(ErrorId::Malformed),
        };
        let (session, outputs) = outputs;
        let how = How::Esp(self.response(envelope, &outputs));
        self.answer_in_turn(session, Answer { link, reference, how });
        Ok(())
    }

    /// B14.1, B14.2: somebody from outside speaks.
    fn external(
        &mut self,
        session: usize,
        what: What,
        link: usize,
        reference: u32,
        envelope: &Envelope,
    ) -> Result<(), ErrorId> {
        let visibility = match envelope.parameters.text("Visibility").as_deref() {
            None | Some("ALL") => Visibility::All,
            Some("INT") => Visibility::Int,
            Some("VIP") => Visibility::Vip,
            Some(_) => return Err(ErrorId::Malformed),
        };
        let name = envelope.parameters.text("Nickname");
        let name = nickname(name.as_deref().unwrap_or("System"))?;
        let before = self.sessions[session].last();
        let to = self.speak(session, UserType::External, &name, visibility, what);
        // B5.1: ScriptPos counts from 0.
        let position = i32::try_from(to - 1).expect("a model is small");
        let outputs = KvList::from([("ScriptPos", position.into())]);
        let how = How::Esp(self.response(envelope, &outputs));
        self.happened(session, before, Some(Answer { link, reference, how }));
        Ok(())
    }

    /// Every response has OccuredAt.
    fn response(&self, envelope: &Envelope, outputs: &KvList) -> Envelope {
        let mut all = KvList::from([("OccuredAt", (&*self.stamp().to_string()).into())]);
        for entry in outputs {
            all.push(&entry.key, entry.value.clone());
        }
        envelope.answer(all)
    }
}
