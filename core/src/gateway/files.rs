//! Files on their way: limits, permits, and the documents the shell stores and finds.

use alloc::boxed::Box;

use crate::frame::KvList;
use crate::frame::flex::EventStatus;
use crate::id::{DocumentId, EventId};
use crate::pii::{Pii, Secret};
use crate::slab::Key;
use crate::text::Str;

use super::answered::{aside, data_of};
use super::api::{ApiAnswer, FoundFile, Why};
use super::calls::{Call, Permitted, Place, Stage, Stored};
use super::frames::{FILE_DOCUMENT_ID, FILE_NAME, FILE_PERMIT};
use super::servers::ServerNo;
use super::{Action, CallId, FindOutcome, Gateway, NewDocument, Report, StoreOutcome};

impl Gateway {
    /// What is left of the limits. Nobody knows how large a file is before all of it is there, so a
    /// permit is asked for as much as it may be, and the store holds it to that.
    pub(super) fn limits_told(&mut self, key: Key<Call>, status: &EventStatus) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some(limits) = results(status) else {
            return self.fail(key, Why::Refused(0), true, false, None);
        };
        let number = |name| limits.text(name).and_then(|text| text.parse::<u64>().ok());
        let total = number("upload-max-total-size").unwrap_or(u64::MAX);
        let used = number("used-upload-max-total-size").unwrap_or(0);
        let left = number("upload-max-file-size")
            .unwrap_or(u64::MAX)
            .min(total.saturating_sub(used))
            .max(1);
        let said = call.upload().and_then(|upload| upload.size_at_most).unwrap_or(u64::MAX);
        call.stage = Stage::Permit {
            at_most: said.min(left),
            after: status.last_position.unwrap_or(EventId::NONE),
            key: self.chance.key(),
        };
        self.go_on(key);
    }

    pub(super) fn permit_told(&mut self, key: Key<Call>, status: &EventStatus) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let permit = results(status).and_then(|results| results.text(FILE_PERMIT));
        let permit = permit.map(|permit| Secret::new(&permit));
        let (Some(permit), Some(customer), Some(upload)) = (permit, &call.customer, call.upload())
        else {
            return self.fail(key, Why::Refused(0), true, false, None);
        };
        let Stage::Permit { at_most, after, .. } = call.stage else { return };
        let document = NewDocument {
            session: customer.chat_id.clone(),
            permit: permit.clone(),
            name: upload.name.clone(),
            content_type: upload.content_type.clone(),
            at_most,
        };
        let id = call.id;
        call.stage = Stage::Storing(Box::new(Permitted { permit, after }));
        call.deadline = self.now + self.config.web.file_max;
        self.set_timer(key, None);
        self.actions.push_back(Action::Store { call: id, document: Box::new(document) });
    }

    pub(super) fn stored(&mut self, id: CallId, outcome: StoreOutcome) {
        let there = self.by_id.get(&id).copied();
        let there = there.and_then(|key| self.calls.get_mut(key).map(|call| (key, call)));
        let Some((key, call)) = there.filter(|(_, it)| matches!(it.stage, Stage::Storing(_)))
        else {
            // Nobody waits for it any more.
            if let StoreOutcome::Stored { document, .. } = outcome {
                self.actions.push_back(Action::Discard { document });
            }
            return;
        };
        match outcome {
            StoreOutcome::Stored { document, size } => {
                let stage = core::mem::replace(&mut call.stage, Stage::Limits);
                let Stage::Storing(permitted) = stage else { return };
                let Permitted { permit, after } = *permitted;
                call.stage = Stage::Announce(Box::new(Stored { document, size, permit, after }));
                call.deadline = self.now + self.config.web.call_max;
                self.set_timer(key, None);
                self.go_on(key);
            }
            StoreOutcome::TooLarge => self.fail(key, Why::FileTooLarge, false, false, None),
            StoreOutcome::Broken => self.fail(key, Why::UploadBroken, true, false, None),
            StoreOutcome::Unavailable => self.fail(key, Why::StoreUnavailable, true, false, None),
        }
    }

    /// A file may be downloaded: the document is looked for.
    pub(super) fn fetch_told(&mut self, key: Key<Call>, server: ServerNo, status: &EventStatus) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some(found) = results(status) else {
            return self.fail(key, Why::Refused(0), true, false, None);
        };
        let Some(document) = found.text(FILE_DOCUMENT_ID) else {
            self.report(Report::NotTrusted { server });
            return self.fail(key, Why::NotTrusted, false, false, None);
        };
        let document = DocumentId::new(&document);
        let name = found.text(FILE_NAME).unwrap_or_default();
        let id = call.id;
        call.stage = Stage::Finding(document.clone(), Pii::new(Str::new(&name)));
        call.place = Place::Nowhere;
        call.deadline = self.now + self.config.web.file_max;
        self.set_timer(key, None);
        self.actions.push_back(Action::Find { call: id, document });
    }

    pub(super) fn found(&mut self, id: CallId, outcome: FindOutcome) {
        let Some(&key) = self.by_id.get(&id) else { return };
        let Some(call) = self.calls.get(key) else { return };
        let Stage::Finding(document, name) = &call.stage else { return };
        match outcome {
            FindOutcome::Found { size, content_type } => {
                let (document, name) = (document.clone(), name.clone());
                let file = FoundFile { document, name, size, content_type };
                self.done(key, ApiAnswer::File(Box::new(file)));
            }
            FindOutcome::NotFound => self.fail(key, Why::FileGone, false, false, None),
            FindOutcome::Unavailable => self.fail(key, Why::StoreUnavailable, true, false, None),
        }
    }
}

/// What a question found out (B22.2).
fn results(status: &EventStatus) -> Option<&KvList> {
    data_of(aside(&status.chat_transcript.as_ref()?.events)?)
}
