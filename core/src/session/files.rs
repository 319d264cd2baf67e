//! The files of a session: what was announced, by whom, and what customers may still do (§22 of the
//! behaviour). The files themselves lie in the document store.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use crate::config::ClientFileTransfer;
use crate::frame::{ErrorId, KvList, ProtocolType};
use crate::id::{EventId, FileId, OpId};
use crate::pii::{Pii, Secret};
use crate::refusal::Refusal;
use crate::session::keys::{KEYS_KEPT, Person};
use crate::session::roster::{PartyNo, Roster};
use crate::text::Str;
use crate::time::Instant;

/// Files one session has at most, deleted ones included (B22.1).
pub(crate) const MAX_FILES: usize = 2000;
/// Permits of one session that are open at a time (B22.2).
pub(crate) const MAX_PERMITS: usize = 64;
/// How long a permit is good (B22.2).
pub(crate) const PERMIT_LIFE: Duration = Duration::from_secs(300);

/// What a session knows of its files. The counters are saved with it (B20.9).
#[derive(Debug, Default)]
pub(crate) struct Files {
    files: Vec<File>,
    permits: Vec<Permit>,
    used: Used,
    /// Announcements that wait for the document store, in the order they came.
    announced: Vec<(OpId, PartyNo)>,
    /// Questions that carried a RequestKey, and their answers, oldest first (B4.8).
    answered: VecDeque<Answered>,
}

/// A file somebody announced.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) id: FileId,
    pub(crate) owner: PartyNo,
    /// The notice that announced it.
    pub(crate) uploaded: EventId,
    /// The notice that said it is deleted.
    pub(crate) deleted: Option<EventId>,
    /// What it takes of the customers' limits, in bytes; nothing if an agent's.
    pub(crate) counted: Option<u64>,
}

/// What customers have used of their limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) files: u32,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) downloads: u32,
}

/// Leave to store one document and announce it, once.
#[derive(Debug)]
struct Permit {
    secret: Secret,
    holder: PartyNo,
    name: Pii<Str>,
    /// How large the document may be, in bytes.
    size: u64,
    until: Instant,
    /// The store is being asked about the document.
    in_use: bool,
}

#[derive(Debug)]
struct Answered {
    person: Person,
    key: Str,
    command: Str,
    results: KvList,
}

impl Files {
    /// What customers have used, with what open permits promise them.
    pub(crate) fn used(&mut self, now: Instant) -> Used {
        self.permits.retain(|permit| permit.in_use || permit.until > now);
        let promised = u32::try_from(self.permits.len()).unwrap_or(u32::MAX);
        let size: u64 = self.permits.iter().map(|permit| permit.size).sum();
        Used { files: self.used.files + promised, size: self.used.size + size, ..self.used }
    }

    /// Whether a customer may upload a file of this name and size (B22.2).
    pub(crate) fn admits_upload(
        &mut self,
        options: &ClientFileTransfer,
        (name, size): (&str, u64),
        agent_there: bool,
        now: Instant,
    ) -> Result<(), Refusal> {
        let refused = |limit| Err(Refusal::because(ErrorId::FileRefused, limit));
        let used = self.used(now);
        if used.files >= options.upload_max_files {
            return refused("upload-max-files is reached");
        }
        if options.upload_max_file_size == 0 || size > options.upload_max_file_size.into() {
            return refused("file is larger than upload-max-file-size");
        }
        let total = options.upload_max_total_size;
        if total == 0 || used.size.saturating_add(size) > total.into() {
            return refused("upload-max-total-size is reached");
        }
        if !has_type(name, &options.upload_file_types) {
            return refused("file type is not one of upload-file-types");
        }
        if options.upload_need_agent && !agent_there {
            return refused("upload-need-agent: no agent is there");
        }
        let open = self.permits.len();
        if open >= MAX_PERMITS || self.files.len() + open >= MAX_FILES {
            return Err(ErrorId::LimitReached.into());
        }
        Ok(())
    }

    /// Lets somebody upload a file of this name and at most this size.
    pub(crate) fn permit(
        &mut self,
        secret: Secret,
        holder: PartyNo,
        (name, size): (Pii<Str>, u64),
        now: Instant,
    ) {
        let until = now + PERMIT_LIFE;
        self.permits.push(Permit { secret, holder, name, size, until, in_use: false });
    }

    /// Somebody announces a file of this name and size under a permit, which from now on is in use
    /// (B22.2).
    pub(crate) fn use_permit(
        &mut self,
        secret: &Secret,
        holder: PartyNo,
        (name, size): (&str, u64),
        now: Instant,
    ) -> Result<(), Refusal> {
        let refused = |text| Err(Refusal::because(ErrorId::FileRefused, text));
        let good = |permit: &&mut Permit| {
            permit.holder == holder
                && !permit.in_use
                && permit.until > now
                && permit.secret == *secret
        };
        let Some(permit) = self.permits.iter_mut().find(good) else {
            return refused("file-permit is unknown, spent or lapsed");
        };
        if &**permit.name.reveal() != name {
            return refused("file-permit is for a file of another name");
        }
        if size > permit.size {
            return refused("file-permit is for a smaller file");
        }
        permit.in_use = true;
        Ok(())
    }

    /// Nobody can use a permit again.
    pub(crate) fn spend(&mut self, secret: &Secret) {
        self.permits.retain(|permit| permit.secret != *secret);
    }

    /// The store could not say: the permit is as good as new.
    pub(crate) fn renew(&mut self, secret: &Secret, now: Instant) {
        if let Some(permit) = self.permits.iter_mut().find(|permit| permit.secret == *secret) {
            permit.in_use = false;
            permit.until = now + PERMIT_LIFE;
        }
    }

    /// Whether another file may be announced (B22.1); what is promised to customers is kept free.
    pub(crate) fn has_room(&self) -> bool {
        self.files.len() + self.permits.len() < MAX_FILES
    }

    /// Adds a file.
    pub(crate) fn add(&mut self, file: File) {
        if let Some(size) = file.counted {
            self.used.files += 1;
            self.used.size += size;
        }
        self.files.push(file);
    }

    /// Every file, in the order they were announced.
    pub(crate) fn all(&self) -> &[File] {
        &self.files
    }

    /// What customers have used, what is only promised left out.
    pub(crate) const fn counted(&self) -> Used {
        self.used
    }

    /// The files that were saved, and what was used.
    pub(crate) fn restored(files: Vec<File>, used: Used) -> Self {
        Self { files, used, ..Self::default() }
    }

    /// The file of this id, deleted or not.
    pub(crate) fn file(&self, id: &str) -> Option<&File> {
        self.files.iter().find(|file| file.id.as_str() == id)
    }

    /// A file is deleted by this notice; `frees` gives its owner back what it took.
    pub(crate) fn delete(&mut self, id: &FileId, by: EventId, frees: bool) {
        let Some(file) = self.files.iter_mut().find(|file| file.id == *id) else { return };
        file.deleted = Some(by);
        if let Some(size) = file.counted.filter(|_| frees) {
            self.used.files -= 1;
            self.used.size -= size;
        }
    }

    /// The notice that announced the file which this one says is deleted.
    pub(crate) fn deleted_by(&self, notice: EventId) -> Option<EventId> {
        let file = self.files.iter().find(|file| file.deleted == Some(notice));
        file.map(|file| file.uploaded)
    }

    /// A customer downloads a file.
    pub(crate) fn count_download(&mut self) {
        self.used.downloads = self.used.downloads.saturating_add(1);
    }

    /// An announcement waits for the store.
    pub(crate) fn wait(&mut self, op: OpId, party: PartyNo) {
        self.announced.push((op, party));
    }

    /// The announcements that wait for the store.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = OpId> {
        self.announced.iter().map(|(op, _)| *op)
    }

    /// An announcement waits no longer.
    pub(crate) fn no_longer_wait(&mut self, op: OpId) {
        self.announced.retain(|(waiting, _)| *waiting != op);
    }

    /// Somebody is gone, and with them their permits; the announcements of theirs that wait.
    pub(crate) fn forget(&mut self, party: PartyNo) -> Vec<OpId> {
        self.permits.retain(|permit| permit.holder != party);
        let theirs = self.announced.extract_if(.., |(_, who)| *who == party);
        theirs.map(|(op, _)| op).collect()
    }

    /// What a question with this key was answered when it first came (B4.8).
    pub(crate) fn answered(&self, person: &Person, command: &str, key: &str) -> Option<&KvList> {
        let same =
            |one: &&Answered| one.person == *person && &*one.command == command && &*one.key == key;
        self.answered.iter().find(same).map(|one| &one.results)
    }

    /// Remembers the answer to a question with a key.
    pub(crate) fn remember(&mut self, person: Person, command: Str, key: Str, results: KvList) {
        self.answered.push_back(Answered { person, key, command, results });
        if self.answered.len() > KEYS_KEPT {
            self.answered.pop_front();
        }
    }
}

impl File {
    /// Whether it is this participant's: of the same participation, or of somebody who has come back
    /// on basic with the same type and PersonId (B22.3).
    pub(crate) fn is_of(&self, party: PartyNo, roster: &Roster) -> bool {
        let (owner, asker) = (roster.party(self.owner), roster.party(party));
        self.owner == party
            || (owner.protocol == ProtocolType::Basic
                && asker.protocol == ProtocolType::Basic
                && owner.user_type == asker.user_type
                && owner.person_id.is_some()
                && owner.person_id == asker.person_id)
    }
}

/// Whether a file's name ends in one of these extensions, which are joined by colons.
fn has_type(name: &str, types: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| {
        types.split(':').any(|one| !one.is_empty() && one.eq_ignore_ascii_case(extension))
    })
}

#[cfg(test)]
mod tests;
