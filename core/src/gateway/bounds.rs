//! What may be sent to a server: one connection carries the calls of all customers, and one frame a
//! server cannot read would be the end of it (wire §7).

use crate::frame::{KvList, KvValue};
use crate::text::Text;

use super::api::{ApiRequest, InChat, Operation, RequestChat, Upload, Verb, Why};

/// Bytes of a frame that are neither texts nor user data of a customer's, generously.
const OVERHEAD: usize = 1024;
/// Bytes of an entry beside its key and value.
const ENTRY: usize = 8;
/// Entries of one list, and bytes of a key (wire §3); room is left for what a gateway adds.
const MAX_ENTRIES: usize = 1000;
const MAX_KEY: usize = 255;
/// Bytes of a RequestKey (wire §4).
const MAX_REQUEST_KEY: usize = 64;
/// Levels of lists in a list (wire §3, B17.5).
const MAX_DEPTH: usize = 14;

impl ApiRequest {
    /// Whether what it says can be sent in frames of at most `limit` bytes, and be read.
    pub(super) fn check(&self, limit: u32) -> Result<(), Why> {
        let mut bounds = Bounds { size: OVERHEAD, legal: true };
        match &self.operation {
            Operation::RequestChat(chat) => bounds.chat(chat),
            Operation::InChat(there) => bounds.in_chat(there),
        }
        if !bounds.legal {
            return Err(Why::BadRequest);
        }
        if bounds.size > limit as usize {
            return Err(Why::TextTooLong);
        }
        Ok(())
    }
}

struct Bounds {
    size: usize,
    legal: bool,
}

impl Bounds {
    fn str(&mut self, text: &str) {
        self.size += text.len();
        self.legal &= !text.contains('\0');
    }

    /// A text takes two bytes for each unit of UTF-16, which is at most twice its bytes in UTF-8.
    fn text(&mut self, text: Option<&Text>) {
        let Some(text) = text else { return };
        self.size += 2 * text.reveal().encode_utf16().count();
        self.legal &= !text.reveal().contains('\0');
    }

    fn list(&mut self, list: &KvList) {
        self.legal &= list.len() <= MAX_ENTRIES && list.depth() <= MAX_DEPTH;
        for entry in list {
            self.size += ENTRY + list_size(&entry.value);
            self.str(&entry.key);
            self.legal &= (1..=MAX_KEY).contains(&entry.key.len());
            match &entry.value {
                KvValue::Str(text) => self.str(text.reveal()),
                KvValue::List(inside) => self.list(inside),
                KvValue::Int(_) | KvValue::Long(_) | KvValue::Bin(_) => {}
            }
        }
    }

    fn chat(&mut self, chat: &RequestChat) {
        for name in [&chat.nickname, &chat.first_name, &chat.last_name, &chat.email_address] {
            self.str(name.reveal());
        }
        self.text(chat.subject.as_ref());
        self.text(chat.greeting.as_ref());
        self.list(&chat.user_data);
    }

    fn in_chat(&mut self, there: &InChat) {
        self.str(there.customer.chat_id.as_str());
        self.str(there.customer.user_id.as_str());
        self.str(there.customer.secure_key.reveal());
        if let Some(key) = &there.request_key {
            self.str(key);
            self.legal &= (1..=MAX_REQUEST_KEY).contains(&key.len());
        }
        match &there.verb {
            Verb::Send { text, message_type, user_data } => {
                self.text(Some(text));
                self.str(message_type.as_deref().unwrap_or_default());
                self.list(user_data);
            }
            Verb::Refresh { text }
            | Verb::StartTyping { preview: text }
            | Verb::StopTyping { preview: text } => self.text(text.as_ref()),
            Verb::PushUrl { url: text } | Verb::UpdateNickname { nickname: text } => {
                self.text(Some(text));
            }
            Verb::CustomNotice { text, user_data } => {
                self.text(text.as_ref());
                self.list(user_data);
            }
            Verb::UpdateData { user_data } => self.list(user_data),
            Verb::Upload(upload) => {
                let Upload { name, content_type, user_data, .. } = &**upload;
                self.str(name.reveal());
                self.str(content_type);
                self.list(user_data);
            }
            Verb::Download { file_id } | Verb::Delete { file_id } => self.str(file_id.as_str()),
            Verb::ReadReceipt | Verb::Disconnect | Verb::FileLimits => {}
        }
    }
}

/// The bytes of a value that is no text.
fn list_size(value: &KvValue) -> usize {
    match value {
        KvValue::Int(_) | KvValue::Long(_) => 8,
        KvValue::Bin(bytes) => bytes.reveal().len(),
        KvValue::Str(_) | KvValue::List(_) => 0,
    }
}
