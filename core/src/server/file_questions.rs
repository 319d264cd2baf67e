//! What customers ask about files (§22 of the behaviour): limits and permits. The answers stand beside
//! the transcript.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::ToString as _;

use crate::ask::LeafKind;
use crate::door::{Action, Trust};
use crate::frame::{ErrorId, Event, Frame, KvList, Open, ProtocolType, TranscriptEvent, basic};
use crate::id::{EventId, LinkId};
use crate::pii::{Pii, Secret};
use crate::refusal::Refusal;
use crate::session::Session;
use crate::session::files::PERMIT_LIFE;
use crate::session::outbox::Answer;
use crate::session::roster::PartyNo;
use crate::session::view::Viewer;
use crate::slab::Key;
use crate::text::Str;

use super::Server;
use super::files::{
    Announced, Asker, Command, FILE_DOCUMENT_ID, FILE_ID, FILE_NAME, FILE_PERMIT, FILE_SIZE,
    checked, file_size, given, visible_file,
};
use super::say::Said;

/// Seconds a permit is good, in the answer that gives it.
const FILE_PERMIT_LIFE: &str = "file-permit-life";
/// The longest name of a customer's file, in characters.
const MAX_NAME: usize = 255;

impl Server {
    /// Answers a question of a customer's, beside the transcript (B22.2).
    pub(super) fn file_question(
        &mut self,
        key: Key<Session>,
        party: PartyNo,
        command: Command,
        said: &Said,
        data: &KvList,
        answer: &Answer,
    ) -> Result<(), Refusal> {
        let text = said.text.as_ref().map_or("", |text| text.reveal());
        let Some(session) = self.sessions.get(key) else { return Ok(()) };
        let known = said.once.as_ref().and_then(|(person, request_key)| {
            session.files.as_ref()?.answered(person, text, request_key).cloned()
        });
        let mut results = match known {
            Some(results) => results,
            None => {
                let results = match command {
                    Command::RequestUpload => self.permit_upload(key, party, data)?,
                    Command::RequestDownload => self.permit_download(key, party, data)?,
                    Command::Limits | Command::Uploaded | Command::Deleted => self.limits(key),
                };
                let files = self.sessions.get_mut(key).and_then(|there| there.files.as_mut());
                if let (Some((person, request_key)), Some(files)) = (&said.once, files) {
                    let (person, request_key) = (person.clone(), request_key.clone());
                    files.remember(person, Str::new(text), request_key, results.clone());
                }
                results
            }
        };
        let Asker { link, reference, flex, .. } = Asker::of(answer);
        // A gateway fetches the document for its customer, who never learns its name.
        if self.links.link(link).is_none_or(|there| there.trust == Trust::Open) {
            results.retain(|entry| &*entry.key != FILE_DOCUMENT_ID);
        }
        let after = match answer {
            Answer::Flex { after, .. } => *after,
            Answer::Basic { .. }
            | Answer::Again { .. }
            | Answer::Refused { .. }
            | Answer::Result { .. }
            | Answer::Unregistered { .. }
            | Answer::Esp { .. } => None,
        };
        let stamp = self.stamp();
        let Some(session) = self.sessions.get(key) else { return Ok(()) };
        let result = Box::new(session.aside(flex, text, Some(results), stamp));
        self.answer_later(key, Answer::Result { link, reference, party, after, result })
    }

    /// Limits and used amounts, all text (B22.2).
    fn limits(&mut self, key: Key<Session>) -> KvList {
        let now = self.now;
        let files = self.sessions.get_mut(key).map(|there| there.files.get_or_insert_default());
        let used = files.map(|files| files.used(now)).unwrap_or_default();
        let options = &self.config.client_file_transfer;
        let mut limits = KvList::new();
        for (name, number) in [
            ("upload-max-files", options.upload_max_files.into()),
            ("upload-max-file-size", options.upload_max_file_size.into()),
            ("upload-max-total-size", options.upload_max_total_size.into()),
            ("download-attempts", options.download_attempts.into()),
            ("used-upload-max-files", used.files.into()),
            ("used-upload-max-total-size", used.size),
            ("used-download-attempts", used.downloads.into()),
        ] {
            limits.push(name, &*number.to_string());
        }
        limits.push("upload-file-types", &*options.upload_file_types);
        limits.push("upload-need-agent", if options.upload_need_agent { "true" } else { "false" });
        limits.push("delete-file", options.delete_file.name());
        limits
    }

    /// Lets a customer store one document and announce it (B22.2).
    fn permit_upload(
        &mut self,
        key: Key<Session>,
        party: PartyNo,
        data: &KvList,
    ) -> Result<KvList, Refusal> {
        let name = customers_name(data)?;
        let size = file_size(data)?;
        let (now, options) = (self.now, &self.config.client_file_transfer);
        let Some(session) = self.sessions.get_mut(key) else { return Ok(KvList::new()) };
        let agent_there = session.roster.has_agent();
        let files = session.files.get_or_insert_default();
        files.admits_upload(options, (&name, size), agent_there, now)?;
        let permit = self.ids.secret();
        let results = permitted(&permit);
        files.permit(permit, party, (Pii::new(Str::new(&name)), size), now);
        Ok(results)
    }

    /// Lets a customer fetch a document once. Whoever fetches it honours the permit (B22.2).
    fn permit_download(
        &mut self,
        key: Key<Session>,
        party: PartyNo,
        data: &KvList,
    ) -> Result<KvList, Refusal> {
        let refused = |text| Err(Refusal::because(ErrorId::FileRefused, text));
        let (now, attempts) = (self.now, self.config.client_file_transfer.download_attempts);
        let Some(session) = self.sessions.get_mut(key) else { return Ok(KvList::new()) };
        let viewer = Viewer::new(party, session.roster.party(party));
        let (file, entry) = visible_file(session, viewer, data)?;
        if file.deleted.is_some() {
            return refused("file is deleted");
        }
        let announced = entry.notice_data().and_then(|data| checked(data).ok());
        let Some(Announced { name, size, document: Some(document) }) = announced else {
            return refused("file is not in the document store");
        };
        let mut results = permitted(&self.ids.secret());
        results.push(FILE_ID, file.id.as_str());
        results.push(FILE_NAME, &*name);
        results.push(FILE_SIZE, &*size.to_string());
        results.push(FILE_DOCUMENT_ID, document.as_str());
        let Some(files) = &mut session.files else { return Ok(results) };
        if files.used(now).downloads >= attempts {
            return refused("download-attempts is reached");
        }
        files.count_download();
        session.dossier.mark(LeafKind::Session, 0);
        Ok(results)
    }

    /// Answers a question with its result, which is no event of the session (B22.2).
    pub(super) fn tell_result(
        &mut self,
        key: Key<Session>,
        (link, reference): (LinkId, u32),
        party: PartyNo,
        (after, to): (Option<EventId>, EventId),
        result: &TranscriptEvent,
    ) {
        let mut status = self.status(key, party, after, to);
        let Some(session) = self.sessions.get(key) else { return };
        let participant = session.roster.party(party);
        let events = status.chat_transcript.iter().flat_map(|there| there.events.iter());
        let events = events.chain([result]).cloned().collect();
        let viewer = Viewer::new(party, participant);
        let transcript = session.chat_transcript(viewer, events, false, self.now);
        if participant.protocol == ProtocolType::Flex {
            status.chat_transcript = Some(transcript);
            return self.send_flex(link, reference, status);
        }
        let info = basic::EventSessionInfo {
            session_id: session.id.clone(),
            session_status: Open::Known(session.status()),
            chat_transcript: transcript,
            user_id: None,
            more_events: false,
        };
        let frame = Frame::new(reference, Event::Basic(basic::Event::EventSessionInfo(info)));
        self.actions.push_back(Action::Send { link, frame });
    }
}

/// What every permit comes with.
fn permitted(permit: &Secret) -> KvList {
    let life = PERMIT_LIFE.as_secs().to_string();
    KvList::from([(FILE_PERMIT, permit.reveal().into()), (FILE_PERMIT_LIFE, (&*life).into())])
}

/// The name of a customer's file, which is no path (B22.2).
fn customers_name(data: &KvList) -> Result<Cow<'_, str>, Refusal> {
    let name = given(data, FILE_NAME, "file-name is missing")?;
    let odd = |c: char| c.is_control() || matches!(c, '/' | '\\');
    if name.chars().count() > MAX_NAME || name.contains(odd) {
        return Err(Refusal::because(ErrorId::Malformed, "file-name is no name of a file"));
    }
    Ok(name)
}
