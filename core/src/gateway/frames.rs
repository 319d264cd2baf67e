//! What a call asks of a server.

use alloc::format;
use alloc::string::ToString as _;

use crate::frame::flex::{
    Request, RequestJoin, RequestLogin, RequestLogout, RequestNotify, RequestRefresh,
};
use crate::frame::{KvList, NoticeType};
use crate::id::{EventId, SessionId, UserId};
use crate::pii::{Pii, Secret};
use crate::text::{Str, Text};

use super::api::{Customer, InChat, Operation, RequestChat, Verb};
use super::calls::{Call, Stage, Stored};

/// The newest version of the client protocol (B6.1).
const CLIENT_VERSION: i32 = 106;
/// The longest name of anybody, in characters (B3.8).
const MAX_NICKNAME: usize = 255;

/// Commands (B7.4).
pub(super) const READ_CONFIRM: &str = "read-confirm";
pub(super) const LIMITS: &str = "file-client-cfg-get";
pub(super) const UPLOAD_REQUEST: &str = "file-upload-request";
pub(super) const DOWNLOAD_REQUEST: &str = "file-download-request";
pub(super) const UPLOADED: &str = "file-uploaded";
pub(super) const DELETED: &str = "file-deleted";

/// User data of commands.
const LAST_EVENT_ID: &str = "last-event-id";
pub(super) const FILE_ID: &str = "file-id";
pub(super) const FILE_NAME: &str = "file-name";
pub(super) const FILE_SIZE: &str = "file-size";
pub(super) const FILE_PERMIT: &str = "file-permit";
pub(super) const FILE_DOCUMENT_ID: &str = "file-document-id";
const FILE_SOURCE: &str = "file-source";
const FILE_UPLOAD_TYPE: &str = "file-upload-type";

/// User data by which a contact is found (B19.1), and the customer's time zone.
const FIRST_NAME: &str = "FirstName";
const LAST_NAME: &str = "LastName";
const EMAIL_ADDRESS: &str = "EmailAddress";
const TIME_ZONE: &str = "TimeZone";

impl RequestChat {
    /// How the customer is called: by the nickname, else by both names. `None`: by neither, or by
    /// more than anybody may be called (B3.8).
    pub(super) fn called(&self) -> Option<Pii<Str>> {
        let nickname = self.nickname.reveal().trim();
        let (first, last) = (self.first_name.reveal().trim(), self.last_name.reveal().trim());
        let name = match (nickname, first, last) {
            ("", "", _) | ("", _, "") => return None,
            ("", first, last) => Str::new(&format!("{first} {last}")),
            (nickname, ..) => Str::new(nickname),
        };
        (name.chars().count() <= MAX_NICKNAME).then(|| Pii::new(name))
    }

    fn login(&self) -> RequestLogin {
        let zone = self.user_data.text(TIME_ZONE).and_then(|zone| zone.trim().parse().ok());
        RequestLogin {
            // Whoever has none was refused before.
            user_nickname: self.called().unwrap_or_default(),
            time_zone_offset: zone,
            person_id: None,
            client_version: Some(CLIENT_VERSION),
            user_data: None,
        }
    }

    fn join(&self, customer: &Customer, queue_key: Option<Str>, key: Str) -> RequestJoin {
        let mut user_data = self.user_data.clone();
        for (name, value) in [
            (FIRST_NAME, &self.first_name),
            (LAST_NAME, &self.last_name),
            (EMAIL_ADDRESS, &self.email_address),
        ] {
            let value = value.reveal().trim();
            if !value.is_empty() && user_data.value(name).is_none() {
                user_data.push(name, value);
            }
        }
        RequestJoin {
            user_id: customer.user_id.clone(),
            secure_key: customer.secure_key.clone(),
            session_id: None,
            queue_key,
            subject: self.subject.clone(),
            message_text: self.greeting.clone(),
            user_data: some(user_data),
            request_key: Some(key),
        }
    }
}

/// Leaves, without a word about what was missed.
pub(super) fn logout(customer: &Customer) -> Request {
    Request::RequestLogout(RequestLogout {
        user_id: customer.user_id.clone(),
        secure_key: customer.secure_key.clone(),
        session_id: Some(customer.chat_id.clone()).filter(|id| !id.as_str().is_empty()),
        last_position: None,
    })
}

/// A notice without anything but what it is about.
fn notice(customer: &Customer, notice_type: NoticeType, last_position: EventId) -> RequestNotify {
    RequestNotify {
        user_id: customer.user_id.clone(),
        secure_key: customer.secure_key.clone(),
        session_id: Some(customer.chat_id.clone()),
        notice_type,
        notice_text: None,
        user_data: None,
        event_attributes: None,
        last_position: Some(last_position),
        request_key: None,
    }
}

/// The last event a client has that wants those from `position` on. No event at all is wanted by
/// whoever has the newest there can be (wire §4.2).
pub(super) fn before(position: u32) -> EventId {
    match position {
        0 => EventId::MAX,
        position => EventId::new(position - 1).unwrap_or(EventId::MAX),
    }
}

fn some(list: KvList) -> Option<KvList> {
    (!list.is_empty()).then_some(list)
}

impl Call {
    /// What is asked at this stage.
    pub(super) fn frame(&self, queue_key: Option<Str>) -> Request {
        // Everybody who asks more than a Login has an identity by then.
        let nobody = Customer {
            chat_id: SessionId::new(""),
            user_id: UserId::new(""),
            secure_key: Secret::new(""),
        };
        let customer = self.customer.as_ref().unwrap_or(&nobody);
        match &self.request.operation {
            Operation::RequestChat(chat) if matches!(self.stage, Stage::Login) => {
                Request::RequestLogin(chat.login())
            }
            Operation::RequestChat(chat) => {
                Request::RequestJoin(chat.join(customer, queue_key, self.key.clone()))
            }
            Operation::InChat(there) => self.in_chat(customer, there),
        }
    }

    fn in_chat(&self, customer: &Customer, there: &InChat) -> Request {
        let command = |name: &str, user_data: KvList| RequestNotify {
            notice_text: Some(Text::new(name)),
            user_data: some(user_data),
            ..notice(customer, NoticeType::SysCommand, EventId::MAX)
        };
        match &self.stage {
            Stage::Limits => Request::RequestNotify(command(LIMITS, KvList::new())),
            Stage::Permit { at_most, key, .. } => {
                let mut data = KvList::new();
                let name = self.upload().map(|upload| upload.name.reveal().as_str());
                data.push(FILE_NAME, name.unwrap_or_default());
                data.push(FILE_SIZE, &*at_most.to_string());
                // A question and what follows from it are two requests.
                let request_key = Some(key.clone());
                Request::RequestNotify(RequestNotify {
                    request_key,
                    ..command(UPLOAD_REQUEST, data)
                })
            }
            Stage::Announce(stored) => {
                let data = self.announcement(stored);
                // From where its own announcement is sure to come, however often it is asked; with a key
                // of the client's own, it may have been made long ago.
                let own = if there.request_key.is_some() { EventId::NONE } else { stored.after };
                let after = before(there.position).min(own);
                Request::RequestNotify(RequestNotify {
                    last_position: Some(after),
                    request_key: Some(self.key.clone()),
                    ..command(UPLOADED, data)
                })
            }
            Stage::Fetch => {
                let mut data = KvList::new();
                if let Verb::Download { file_id } = &there.verb {
                    data.push(FILE_ID, file_id.as_str());
                }
                Request::RequestNotify(RequestNotify {
                    request_key: Some(self.key.clone()),
                    ..command(DOWNLOAD_REQUEST, data)
                })
            }
            Stage::Login | Stage::Join | Stage::Verb | Stage::Storing(_) | Stage::Finding(..) => {
                self.verb(customer, there)
            }
        }
    }

    fn announcement(&self, stored: &Stored) -> KvList {
        const OURS: [&str; 6] =
            [FILE_NAME, FILE_SIZE, FILE_SOURCE, FILE_DOCUMENT_ID, FILE_PERMIT, FILE_UPLOAD_TYPE];
        let upload = self.upload();
        let mut data = upload.map(|upload| upload.user_data.clone()).unwrap_or_default();
        data.retain(|entry| !OURS.contains(&&*entry.key));
        let name = upload.map(|upload| upload.name.reveal().as_str());
        data.push(FILE_NAME, name.unwrap_or_default());
        data.push(FILE_SIZE, &*stored.size.to_string());
        data.push(FILE_SOURCE, "ucs");
        data.push(FILE_UPLOAD_TYPE, "file-system");
        data.push(FILE_DOCUMENT_ID, stored.document.as_str());
        data.push(FILE_PERMIT, stored.permit.reveal());
        data
    }

    /// The one request of an operation that needs no more.
    fn verb(&self, customer: &Customer, there: &InChat) -> Request {
        let last_position = before(there.position);
        let key = || Some(self.key.clone());
        let notify = |notice_type, notice_text: Option<&Text>, user_data: KvList| RequestNotify {
            notice_text: notice_text.cloned(),
            user_data: some(user_data),
            ..notice(customer, notice_type, last_position)
        };
        let once = |request: RequestNotify| {
            Request::RequestNotify(RequestNotify { request_key: key(), ..request })
        };
        let refresh = RequestRefresh {
            user_id: customer.user_id.clone(),
            secure_key: customer.secure_key.clone(),
            session_id: Some(customer.chat_id.clone()),
            last_position: Some(last_position),
            message_text: None,
            message_type: None,
            user_data: None,
            event_attributes: None,
            request_key: None,
        };
        let command = |name: &str, key: &str, value: &str| {
            let mut data = KvList::new();
            data.push(key, value);
            notify(NoticeType::SysCommand, Some(&Text::new(name)), data)
        };
        match &there.verb {
            Verb::Send { text, message_type, user_data } => {
                Request::RequestRefresh(RequestRefresh {
                    message_text: Some(text.clone()),
                    message_type: message_type.clone(),
                    user_data: some(user_data.clone()),
                    request_key: key(),
                    ..refresh
                })
            }
            Verb::Refresh { text: Some(text) } => Request::RequestRefresh(RequestRefresh {
                message_text: Some(text.clone()),
                request_key: key(),
                ..refresh
            }),
            Verb::Refresh { text: None } => Request::RequestRefresh(refresh),
            Verb::UpdateData { user_data } => Request::RequestRefresh(RequestRefresh {
                user_data: some(user_data.clone()),
                ..refresh
            }),
            Verb::StartTyping { preview } => Request::RequestNotify(notify(
                NoticeType::UserTypingStarted,
                preview.as_ref(),
                KvList::new(),
            )),
            Verb::StopTyping { preview } => Request::RequestNotify(notify(
                NoticeType::UserTypingStopped,
                preview.as_ref(),
                KvList::new(),
            )),
            // The position is the event read; no events are asked for.
            Verb::ReadReceipt => Request::RequestNotify(RequestNotify {
                last_position: Some(EventId::MAX),
                ..command(READ_CONFIRM, LAST_EVENT_ID, &there.position.to_string())
            }),
            Verb::Disconnect => Request::RequestLogout(RequestLogout {
                user_id: customer.user_id.clone(),
                secure_key: customer.secure_key.clone(),
                session_id: Some(customer.chat_id.clone()),
                last_position: Some(last_position),
            }),
            Verb::PushUrl { url } => {
                once(notify(NoticeType::UserPushedUrl, Some(url), KvList::new()))
            }
            Verb::UpdateNickname { nickname } => {
                once(notify(NoticeType::UserUpdateNick, Some(nickname), KvList::new()))
            }
            Verb::CustomNotice { text, user_data } => {
                once(notify(NoticeType::UserCustom, text.as_ref(), user_data.clone()))
            }
            Verb::Delete { file_id } => once(command(DELETED, FILE_ID, file_id.as_str())),
            Verb::FileLimits | Verb::Upload(_) | Verb::Download { .. } => {
                Request::RequestNotify(RequestNotify {
                    notice_text: Some(Text::new(LIMITS)),
                    ..notice(customer, NoticeType::SysCommand, EventId::MAX)
                })
            }
        }
    }
}
