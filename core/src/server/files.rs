//! Files (§22 of the behaviour): who may announce, delete and fetch them. What is in them passes
//! between a gateway or a desktop and the document store.

use alloc::borrow::Cow;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use hashbrown::HashMap;

use crate::ask::{Document, Failure, LeafKind, Outcome, Request};
use crate::config::DeleteFile;
use crate::frame::{ErrorId, KvList, NoticeType, UserType};
use crate::id::{DocumentId, EventId, FileId, LinkId, OpId};
use crate::pii::Secret;
use crate::refusal::Refusal;
use crate::session::Session;
use crate::session::files::File;
use crate::session::keys::{Kind, Person};
use crate::session::newcomer::MAX_ENTRIES;
use crate::session::outbox::{Answer, Step};
use crate::session::roster::PartyNo;
use crate::session::transcript::Entry;
use crate::session::view::{FILE_DELETED_MARK, Viewer};
use crate::slab::Key;
use crate::text::Str;

use super::asks::Purpose;
use super::say::Said;
use super::{Hasher, Server};

/// User data of notices about files.
pub(super) const FILE_ID: &str = "file-id";
pub(super) const FILE_NAME: &str = "file-name";
pub(super) const FILE_SIZE: &str = "file-size";
const FILE_SOURCE: &str = "file-source";
pub(super) const FILE_DOCUMENT_ID: &str = "file-document-id";
pub(super) const FILE_PERMIT: &str = "file-permit";
const UPLOADED_EVENT_ID: &str = "uploaded-event-id";
/// The source of a file that lies in the document store.
const UCS: &str = "ucs";

/// Keys that a sender gives once, if at all.
const SENDERS: [&str; 4] = [FILE_NAME, FILE_SIZE, FILE_SOURCE, FILE_DOCUMENT_ID];
/// Keys that only the server writes, and a permit, which nobody else may learn.
const SERVERS: [&str; 4] = [FILE_ID, UPLOADED_EVENT_ID, FILE_DELETED_MARK, FILE_PERMIT];
/// Entries the server may add to a notice.
const ADDED: usize = 2;
/// How often a request may come again while the first waits for the store.
const MAX_REPEATS: usize = 32;

/// A command about files (B7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Uploaded,
    Deleted,
    Limits,
    RequestUpload,
    RequestDownload,
}

/// What a notice does to the session's files once it is an event.
#[derive(Debug)]
pub(super) enum Deed {
    /// A file is announced; a customer's takes so much of the limits.
    Upload { id: FileId, counted: Option<u64> },
    /// A file is deleted, in the eyes of those it was announced to.
    Delete { id: FileId, uploaded: EventId, receiver: Option<PartyNo>, frees: bool },
}

/// Customers' announcements that wait for the document store.
#[derive(Debug)]
pub(super) struct Uploads(HashMap<OpId, Upload, Hasher>);

#[derive(Debug)]
struct Upload {
    said: Said,
    answer: Answer,
    /// To the same request, which came again meanwhile (B4.8).
    repeats: Vec<Answer>,
    permit: Secret,
    size: u64,
}

impl Uploads {
    pub(super) fn new(hasher: Hasher) -> Self {
        Self(HashMap::with_hasher(hasher))
    }

    /// Whether somebody waits for this announcement.
    pub(super) fn is_waiting(&self, upload: OpId) -> bool {
        self.0.contains_key(&upload)
    }
}

impl Command {
    pub(super) fn of(said: &Said) -> Option<Self> {
        match (said.notice?, said.text.as_ref()?.reveal()) {
            (NoticeType::SysCommand, "file-uploaded") => Some(Self::Uploaded),
            (NoticeType::SysCommand, "file-deleted") => Some(Self::Deleted),
            (NoticeType::SysCommand, "file-client-cfg-get") => Some(Self::Limits),
            (NoticeType::SysCommand, "file-upload-request") => Some(Self::RequestUpload),
            (NoticeType::SysCommand, "file-download-request") => Some(Self::RequestDownload),
            _ => None,
        }
    }
}

impl Deed {
    /// The notice has become this event.
    pub(super) fn done(self, session: &mut Session, party: PartyNo, event: EventId) {
        let files = session.files.get_or_insert_default();
        match self {
            Self::Upload { id, counted } => {
                files.add(File { id, owner: party, uploaded: event, deleted: None, counted });
                let index = files.all().len() - 1;
                session.dossier.mark(LeafKind::File, u32::try_from(index).unwrap_or(u32::MAX));
            }
            Self::Delete { id, uploaded, frees, .. } => {
                let index = files.all().iter().position(|file| file.id == id);
                files.delete(&id, event, frees);
                if let Some(index) = index.and_then(|index| u32::try_from(index).ok()) {
                    session.dossier.mark(LeafKind::File, index);
                }
                session.transcript.mark_deleted(uploaded, event);
            }
        }
        session.dossier.mark(LeafKind::Session, 0);
    }
}

impl Server {
    /// Deals with a command about files: what remains is to be said like any other notice; nothing,
    /// if it is answered otherwise or later.
    pub(super) fn file_command(
        &mut self,
        key: Key<Session>,
        party: PartyNo,
        command: Command,
        mut said: Said,
        answer: Answer,
    ) -> Result<Option<(Said, Answer)>, Refusal> {
        let Some(session) = self.sessions.get(key) else { return Ok(None) };
        let speaker = session.roster.party(party);
        let viewer = Viewer::new(party, speaker);
        let by_customer = speaker.user_type == UserType::Client;
        if !viewer.knows_notice(NoticeType::SysCommand) {
            return Err(ErrorId::NoticeNotAllowed.into());
        }
        self.config_allows_user_data(said.user_data.as_ref())?;
        let data = said.user_data.take().unwrap_or_default();
        if data.len() + ADDED > MAX_ENTRIES {
            return Err(ErrorId::LimitReached.into());
        }
        match command {
            Command::Uploaded if by_customer => {
                self.upload(key, party, said, data, answer)?;
                Ok(None)
            }
            Command::Uploaded => {
                checked(&data)?;
                if session.files.as_ref().is_some_and(|files| !files.has_room()) {
                    return Err(ErrorId::LimitReached.into());
                }
                Ok(Some((self.uploaded(said, data, None), answer)))
            }
            Command::Deleted => {
                let said = self.delete(session, viewer, said, data)?;
                Ok(Some((said, answer)))
            }
            Command::Limits | Command::RequestUpload | Command::RequestDownload => {
                if !by_customer {
                    return Err(ErrorId::NotAllowed.into());
                }
                self.file_question(key, party, command, &said, &data, &answer)?;
                Ok(None)
            }
        }
    }

    /// The notice of a file that may be announced, with the id the server gives it (B22.1).
    fn uploaded(&mut self, mut said: Said, mut data: KvList, counted: Option<u64>) -> Said {
        let id = self.ids.file_id();
        let mut given = [false; SENDERS.len()];
        data.retain(|entry| match SENDERS.iter().position(|key| *key == &*entry.key) {
            Some(which) => !core::mem::replace(&mut given[which], true),
            None => !SERVERS.contains(&&*entry.key),
        });
        data.push(FILE_ID, id.as_str());
        said.user_data = Some(data);
        said.deed = Some(Deed::Upload { id, counted });
        said
    }

    /// A customer announces a file: the document store is asked whether it is there (B22.2).
    fn upload(
        &mut self,
        key: Key<Session>,
        party: PartyNo,
        mut said: Said,
        data: KvList,
        answer: Answer,
    ) -> Result<(), Refusal> {
        let Some(session) = self.sessions.get_mut(key) else { return Ok(()) };
        if let Some(first) = session.files.iter().flat_map(|files| files.waiting()).find(|op| {
            let upload = self.uploads.0.get(op);
            said.once.is_some() && upload.is_some_and(|upload| upload.said.once == said.once)
        }) {
            let Some(upload) = self.uploads.0.get_mut(&first) else { return Ok(()) };
            if upload.repeats.len() >= MAX_REPEATS {
                return Err(ErrorId::StoreUnavailable.into());
            }
            session.outbox.expect(&answer);
            upload.repeats.push(answer);
            return Ok(());
        }
        let Announced { name, size, document } = checked(&data)?;
        let refused = |text| Refusal::because(ErrorId::FileRefused, text);
        let document = document.ok_or(refused("file-source of a customer is ucs"))?;
        let permit = data.text(FILE_PERMIT).map(|permit| Secret::new(&permit));
        let permit = permit.ok_or(refused("file-permit is missing"))?;
        let files = session.files.get_or_insert_default();
        files.use_permit(&permit, party, (&name, size), self.now)?;
        session.outbox.expect(&answer);
        let request = Request::Document(Document::Stat { document });
        let op = self.ask(key, Purpose::Upload, request);
        said.user_data = Some(data);
        let upload = Upload { said, answer, repeats: Vec::new(), permit, size };
        self.uploads.0.insert(op, upload);
        if let Some(files) = self.sessions.get_mut(key).and_then(|there| there.files.as_mut()) {
            files.wait(op, party);
        }
        Ok(())
    }

    /// The document store has answered, or never will (B22.2).
    pub(super) fn upload_answered(&mut self, key: Key<Session>, op: OpId, outcome: Outcome) {
        let Some(upload) = self.uploads.0.remove(&op) else { return };
        let Upload { mut said, answer, repeats, permit, size } = upload;
        let Some(session) = self.sessions.get_mut(key) else { return };
        let verdict = match outcome {
            Outcome::Stat { session: there, permit: under, .. }
                if there != session.id || under.as_ref() != Some(&permit) =>
            {
                Err(Refusal::because(ErrorId::FileRefused, "document has another file-permit"))
            }
            Outcome::Stat { size: stored, .. } if stored != size => {
                Err(Refusal::because(ErrorId::FileRefused, "document is not of this file-size"))
            }
            Outcome::Stat { .. } => Ok(()),
            Outcome::Failed(Failure::NotFound | Failure::Refused) => {
                Err(Refusal::because(ErrorId::FileRefused, "document is not there"))
            }
            Outcome::Failed(Failure::Unavailable | Failure::Fenced)
            | Outcome::Done
            | Outcome::Submitted { .. }
            | Outcome::Identified { .. }
            | Outcome::Loaded(_)
            | Outcome::Owned(_) => Err(ErrorId::StoreUnavailable.into()),
        };
        let once = said.once.clone();
        let asker = Asker::of(&answer);
        let result = match verdict {
            Ok(()) => {
                let data = said.user_data.take().unwrap_or_default();
                let said = self.uploaded(said, data, Some(size));
                self.say(key, asker.party, said, answer)
            }
            Err(refusal) => Err(refusal),
        };
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let Some(files) = &mut session.files {
            files.no_longer_wait(op);
            match result {
                Err(refusal) if refusal.id != ErrorId::FileRefused => {
                    files.renew(&permit, self.now);
                }
                Ok(()) | Err(_) => files.spend(&permit),
            }
        }
        if let Err(refusal) = result {
            self.refuse_asker(key, asker, refusal);
        }
        for repeat in repeats {
            match result {
                Ok(()) => self.answer_repeat(key, once.as_ref(), repeat),
                Err(refusal) => self.refuse_asker(key, Asker::of(&repeat), refusal),
            }
        }
        self.release(key);
    }

    /// Answers a request that came again while the first waited, as that one is answered.
    fn answer_repeat(
        &mut self,
        key: Key<Session>,
        once: Option<&(Person, Str)>,
        mut repeat: Answer,
    ) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        if let (Answer::Basic { link, reference, party, .. }, Some((person, request_key))) =
            (&repeat, once)
            && let Some(done) = session.keys.find(person, Kind::Notify, request_key)
        {
            let (after, to) = (done.after, done.to);
            repeat = Answer::Again {
                link: *link,
                reference: *reference,
                party: *party,
                after,
                to,
                joins: false,
            };
        }
        let last = session.transcript.last();
        session.queue(Step::new(last, last, Some(repeat)));
    }

    /// Somebody goes: their permits are void, and what they announced comes to nothing.
    pub(super) fn give_up_uploads(&mut self, key: Key<Session>, party: PartyNo, id: ErrorId) {
        let Some(session) = self.sessions.get_mut(key) else { return };
        let Some(files) = &mut session.files else { return };
        for op in files.forget(party) {
            let Some(Upload { answer, repeats, .. }) = self.uploads.0.remove(&op) else { continue };
            for answer in core::iter::once(answer).chain(repeats) {
                self.refuse_asker(key, Asker::of(&answer), id.into());
            }
        }
    }

    /// Refuses a request that was already taken.
    fn refuse_asker(&mut self, key: Key<Session>, asker: Asker, refusal: Refusal) {
        let Asker { link, reference, party, flex } = asker;
        let Some(session) = self.sessions.get_mut(key) else { return };
        if flex {
            let last = session.transcript.last();
            let answer = Answer::Refused { link, reference, party, refusal, after: None };
            session.queue(Step::new(last, last, Some(answer)));
        } else if self.links.link(link).is_some() {
            let session_id = session.id.clone();
            self.refuse_basic(link, reference, refusal, Some(session_id));
        }
    }

    /// The notice that deletes a file of one's own, for those its announcement was for (B22.3).
    fn delete(
        &self,
        session: &Session,
        viewer: Viewer,
        mut said: Said,
        mut data: KvList,
    ) -> Result<Said, Refusal> {
        let refused = |text| Err(Refusal::because(ErrorId::FileRefused, text));
        let (file, entry) = visible_file(session, viewer, &data)?;
        if !file.is_of(viewer.party, &session.roster) {
            return refused("file is somebody else's");
        }
        if file.deleted.is_some() {
            return refused("file is deleted already");
        }
        let option = self.config.client_file_transfer.delete_file;
        let by_customer = session.roster.party(viewer.party).user_type == UserType::Client;
        if by_customer && option == DeleteFile::None {
            return refused("delete-file is none");
        }
        data.retain(|entry| !SERVERS.contains(&&*entry.key));
        data.push(FILE_ID, file.id.as_str());
        data.push(UPLOADED_EVENT_ID, &*file.uploaded.to_string());
        said.user_data = Some(data);
        said.visibility = Some(entry.audience.visibility);
        said.deed = Some(Deed::Delete {
            id: file.id.clone(),
            uploaded: file.uploaded,
            receiver: entry.audience.receiver,
            frees: option == DeleteFile::Even,
        });
        Ok(said)
    }
}

/// Whoever waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    pub(super) link: LinkId,
    pub(super) reference: u32,
    pub(super) party: PartyNo,
    pub(super) flex: bool,
}

/// What an announcement says of its file.
pub(super) struct Announced<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) size: u64,
    /// None for a source other than the document store.
    pub(super) document: Option<DocumentId>,
}

/// The mandatory entries of an announcement (B22.1).
pub(super) fn checked(data: &KvList) -> Result<Announced<'_>, Refusal> {
    let name = given(data, FILE_NAME, "file-name is missing")?;
    let size = file_size(data)?;
    let document = match &*given(data, FILE_SOURCE, "file-source is missing")? {
        UCS => Some(given(data, FILE_DOCUMENT_ID, "file-document-id is missing")?),
        _ => None,
    };
    Ok(Announced { name, size, document: document.map(|id| DocumentId::new(&id)) })
}

/// A mandatory entry.
pub(super) fn given<'a>(
    data: &'a KvList,
    key: &str,
    missing: &'static str,
) -> Result<Cow<'a, str>, Refusal> {
    let text = data.text(key).filter(|text| !text.is_empty());
    text.ok_or(Refusal::because(ErrorId::Malformed, missing))
}

/// A file's size, in bytes: digits and nothing else.
pub(super) fn file_size(data: &KvList) -> Result<u64, Refusal> {
    let size = given(data, FILE_SIZE, "file-size is missing")?;
    let digits = size.bytes().all(|byte| byte.is_ascii_digit());
    let size = size.parse().ok().filter(|_| digits);
    size.ok_or(Refusal::because(ErrorId::Malformed, "file-size is no number"))
}

/// The file that is meant, and its announcement, if the viewer can see that.
pub(super) fn visible_file<'a>(
    session: &'a Session,
    viewer: Viewer,
    data: &KvList,
) -> Result<(&'a File, &'a Entry), Refusal> {
    let id = given(data, FILE_ID, "file-id is missing")?;
    let file = session.files.as_ref().and_then(|files| files.file(&id));
    let entry = file.and_then(|file| session.transcript.entry(file.uploaded));
    match (file, entry) {
        (Some(file), Some(entry)) if viewer.event(entry, &session.roster).is_some() => {
            Ok((file, entry))
        }
        _ => Err(Refusal::because(ErrorId::Malformed, "file-id names no file you can see")),
    }
}

impl Asker {
    /// Whoever waits for this answer.
    pub(super) const fn of(answer: &Answer) -> Self {
        let (link, reference, flex) = match answer {
            Answer::Flex { link, reference, .. }
            | Answer::Refused { link, reference, .. }
            | Answer::Result { link, reference, .. } => (*link, *reference, true),
            Answer::Basic { link, reference, .. }
            | Answer::Again { link, reference, .. }
            | Answer::Unregistered { link, reference }
            | Answer::Esp { link, reference, .. } => (*link, *reference, false),
        };
        Self { link, reference, party: answer.party(), flex }
    }
}
