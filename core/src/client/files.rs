//! Files, as a client speaks of them (§22 of the behaviour). What is in them passes between its user
//! and the document store.

use alloc::boxed::Box;
use core::str::FromStr;

use crate::frame::{EventBody, KvList, Notice, NoticeType, TranscriptEvent};
use crate::id::{DocumentId, EventId, FileId};
use crate::pii::{Pii, Secret};
use crate::text::Str;

use super::{Echo, EchoId, News, Notification, Said};

/// Commands (B7.4).
const UPLOADED: &str = "file-uploaded";
const DELETED: &str = "file-deleted";
const ASK_LIMITS: &str = "file-client-cfg-get";
const ASK_UPLOAD: &str = "file-upload-request";
const ASK_DOWNLOAD: &str = "file-download-request";
/// Their user data.
const FILE_ID: &str = "file-id";
const FILE_NAME: &str = "file-name";
const FILE_SIZE: &str = "file-size";
const FILE_SOURCE: &str = "file-source";
const FILE_DOCUMENT_ID: &str = "file-document-id";
const FILE_PERMIT: &str = "file-permit";
const FILE_PERMIT_LIFE: &str = "file-permit-life";
/// The source of a file that lies in the document store.
const UCS: &str = "ucs";

/// A file that was stored and is to be announced (B22.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// What it is called.
    pub name: Pii<Str>,
    /// How large it is, in bytes.
    pub size: u64,
    /// Where it lies; `ucs`: in the document store.
    pub source: Str,
    /// Its id there; with the source `ucs` only.
    pub document_id: Option<DocumentId>,
    /// What a customer was permitted (B22.2). Nobody else learns it.
    pub permit: Option<Secret>,
    /// Whatever else belongs to it.
    pub more: KvList,
}

impl Upload {
    /// One that lies in the document store.
    pub fn stored(name: &str, size: u64, document: DocumentId) -> Self {
        Self { document_id: Some(document), ..Self::elsewhere(name, size, UCS) }
    }

    /// One that lies somewhere else. An agent's only (B22.9).
    pub fn elsewhere(name: &str, size: u64, source: &str) -> Self {
        Self {
            name: Pii::new(Str::new(name)),
            size,
            source: Str::new(source),
            document_id: None,
            permit: None,
            more: KvList::new(),
        }
    }

    /// The same, announced by a customer who has this permit.
    #[must_use]
    pub fn permitted(self, permit: Secret) -> Self {
        Self { permit: Some(permit), ..self }
    }
}

/// What customers may upload and download in a session, and what they have (B22.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileLimits {
    /// How many files; zero, as for the sizes: none at all.
    pub max_files: u64,
    /// How large one may be, in bytes.
    pub max_file_size: u64,
    /// How large all of them may be together, in bytes.
    pub max_total_size: u64,
    /// The endings of names that are accepted, joined by `:`.
    pub file_types: Str,
    /// Whether an agent must be there.
    pub needs_agent: bool,
    /// How often something may be fetched.
    pub max_downloads: u64,
    /// Whether files of one's own may be deleted, and whether that makes room: `none`, `odd`, `even`.
    pub delete_file: Str,
    /// How many files there are or may come, of permits that are open.
    pub used_files: u64,
    /// How large these are together, in bytes.
    pub used_total_size: u64,
    /// How often something was fetched.
    pub used_downloads: u64,
}

/// Leave to store one file and to announce it (B22.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadPermit {
    /// What the document store is shown, and the announcement carries.
    pub permit: Secret,
    /// How long it is good, in seconds.
    pub life: u32,
}

/// Leave to fetch one file, once (B22.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadPermit {
    /// What whoever serves the download is shown.
    pub permit: Secret,
    /// How long it is good, in seconds.
    pub life: u32,
    /// The file.
    pub file_id: FileId,
    /// What it is called.
    pub name: Pii<Str>,
    /// How large it is, in bytes.
    pub size: u64,
    /// Its id in the document store; told to gateways only.
    pub document_id: Option<DocumentId>,
}

/// What a question about files was answered (B22.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileAnswer {
    /// What is allowed.
    Limits(FileLimits),
    /// A file may be stored.
    Upload(UploadPermit),
    /// A file may be fetched.
    Download(DownloadPermit),
}

/// A file that was announced in a session (B22.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The announcement.
    pub event_id: EventId,
    /// What the session knows it by.
    pub file_id: FileId,
    /// What it is called.
    pub name: Pii<Str>,
    /// How large it is, in bytes.
    pub size: u64,
    /// Where it lies; `ucs`: in the document store.
    pub source: Str,
    /// Its id there, which customers are not told.
    pub document_id: Option<DocumentId>,
    /// Whether it was deleted (B22.3).
    pub deleted: bool,
}

/// Announces a file.
pub(super) fn announcement(upload: Upload) -> Notification {
    let Upload { name, size, source, document_id, permit, more } = upload;
    let mut data = KvList::new();
    data.push(FILE_NAME, &**name.reveal());
    data.push(FILE_SIZE, &*alloc::format!("{size}"));
    data.push(FILE_SOURCE, &*source);
    if let Some(document) = document_id {
        data.push(FILE_DOCUMENT_ID, document.as_str());
    }
    if let Some(permit) = permit {
        data.push(FILE_PERMIT, permit.reveal());
    }
    // What was said above stands first, and counts (B22.6).
    for entry in more.entries() {
        data.push(&entry.key, entry.value.clone());
    }
    Notification::command(UPLOADED, data)
}

/// Takes a file back.
pub(super) fn deletion(file_id: &FileId) -> Notification {
    Notification::command(DELETED, KvList::from([(FILE_ID, file_id.as_str().into())]))
}

/// Asks what is allowed.
pub(super) fn limits_question() -> Notification {
    Notification { user_data: None, ..Notification::command(ASK_LIMITS, KvList::new()) }
}

/// Asks whether a file may be stored.
pub(super) fn upload_question(name: &str, size: u64) -> Notification {
    let size = alloc::format!("{size}");
    let data = KvList::from([(FILE_NAME, name.into()), (FILE_SIZE, (&*size).into())]);
    Notification::command(ASK_UPLOAD, data)
}

/// Asks whether a file may be fetched.
pub(super) fn download_question(file_id: &FileId) -> Notification {
    Notification::command(ASK_DOWNLOAD, KvList::from([(FILE_ID, file_id.as_str().into())]))
}

/// The file that an event announces.
pub(super) fn announced(event: &TranscriptEvent, deleted: bool) -> Option<File> {
    let EventBody::Notice(notice) = &event.body else { return None };
    if command(notice)? != UPLOADED {
        return None;
    }
    let data = notice.user_data.as_ref()?;
    Some(File {
        event_id: event.event_id,
        file_id: FileId::new(&data.text(FILE_ID)?),
        name: Pii::new(Str::new(&data.text(FILE_NAME)?)),
        size: number(data, FILE_SIZE)?,
        source: Str::new(&data.text(FILE_SOURCE)?),
        document_id: data.text(FILE_DOCUMENT_ID).map(|id| DocumentId::new(&id)),
        deleted,
    })
}

/// News out of the answer to `asked`: the result of a question, if it is one that can be read.
pub(super) fn understood(news: News, asked: Option<&Echo>) -> News {
    let News::Aside(event) = news else { return news };
    match asked.and_then(|echo| answer(&event, echo)) {
        Some((echo, answer)) => News::Files { echo, answer: Box::new(answer) },
        None => News::Aside(event),
    }
}

fn answer(event: &TranscriptEvent, asked: &Echo) -> Option<(EchoId, FileAnswer)> {
    let (EventBody::Notice(notice), Said::Notice(question)) = (&event.body, &asked.said) else {
        return None;
    };
    let command = command(notice)?;
    if question.text.as_ref().is_none_or(|text| text.reveal() != command) {
        return None;
    }
    let data = notice.user_data.as_ref()?;
    let permit = || Some((Secret::new(&data.text(FILE_PERMIT)?), number(data, FILE_PERMIT_LIFE)?));
    let answer = match command {
        ASK_LIMITS => FileAnswer::Limits(limits(data)?),
        ASK_UPLOAD => {
            let (permit, life) = permit()?;
            FileAnswer::Upload(UploadPermit { permit, life })
        }
        ASK_DOWNLOAD => {
            let (permit, life) = permit()?;
            FileAnswer::Download(DownloadPermit {
                permit,
                life,
                file_id: FileId::new(&data.text(FILE_ID)?),
                name: Pii::new(Str::new(&data.text(FILE_NAME)?)),
                size: number(data, FILE_SIZE)?,
                document_id: data.text(FILE_DOCUMENT_ID).map(|id| DocumentId::new(&id)),
            })
        }
        _ => return None,
    };
    Some((asked.id, answer))
}

fn limits(data: &KvList) -> Option<FileLimits> {
    Some(FileLimits {
        max_files: number(data, "upload-max-files")?,
        max_file_size: number(data, "upload-max-file-size")?,
        max_total_size: number(data, "upload-max-total-size")?,
        file_types: Str::new(&data.text("upload-file-types")?),
        needs_agent: data.text("upload-need-agent")? == "true",
        max_downloads: number(data, "download-attempts")?,
        delete_file: Str::new(&data.text("delete-file")?),
        used_files: number(data, "used-upload-max-files")?,
        used_total_size: number(data, "used-upload-max-total-size")?,
        used_downloads: number(data, "used-download-attempts")?,
    })
}

fn command(notice: &Notice) -> Option<&str> {
    let text = notice.notice_text.as_ref()?;
    (notice.notice_type.known() == Some(NoticeType::SysCommand)).then(|| text.reveal())
}

fn number<T: FromStr>(data: &KvList, key: &str) -> Option<T> {
    data.text(key)?.trim().parse().ok()
}

#[cfg(test)]
mod tests;
